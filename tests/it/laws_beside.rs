//! Laws about what others do beside a run: something else of the same things changes, and undo and verify
//! still do what they are for; a plan of which a part stands already is finished.

use std::collections::BTreeSet;

use redress::{
    calls::{self, Call, Power},
    inventory::{Fact, FamilyKind, FlowLog, Inventory, LogGroup, SecurityGroupRule, Selector, Tags, Want},
    journal::{Decision, Outcome},
    plan::Plan,
};

use super::{
    laws::{all_are, for_every_action, undoing},
    stand::{Stand, hold, yes},
    world,
};

fn tag(tags: &mut Tags) {
    tags.insert("Owner".to_owned(), "somebody".to_owned());
}

fn tag_fact(tags: &mut Fact<Tags>) {
    let mut all = tags.known().cloned().unwrap_or_default();
    tag(&mut all);
    *tags = Fact::Known(all);
}

/// Somebody changes of each thing that the plan's changes touch what no action of redress changes; whether
/// there is such a thing.
fn beside(stand: &Stand, plan: &Plan) -> bool {
    let mut twin = hold(&stand.twin);
    let before = twin.truth_mut().clone();
    let wants: BTreeSet<&Want> = plan.changes.iter().flat_map(|c| &c.touches).collect();
    for want in wants {
        something_else(twin.truth_mut(), want);
    }
    *twin.truth_mut() != before
}

fn something_else(truth: &mut Inventory, want: &Want) {
    let Selector::Id(id) = &want.selector else { return more_of_a_list(truth, want) };
    let region = want.region.as_str();
    match want.family {
        FamilyKind::Instances => {
            if let Some(instance) = truth.region_mut(region).instances.get_mut(id) {
                tag(&mut instance.tags);
                instance.instance_type = "m5.large".to_owned();
                instance.security_groups.push("sg-beside".to_owned());
            }
        }
        FamilyKind::Volumes => drop(truth.region_mut(region).volumes.get_mut(id).map(|v| tag(&mut v.tags))),
        FamilyKind::SecurityGroups => {
            _ = truth.region_mut(region).security_groups.get_mut(id).map(|g| tag(&mut g.tags));
        }
        FamilyKind::Subnets => drop(truth.region_mut(region).subnets.get_mut(id).map(|s| tag(&mut s.tags))),
        FamilyKind::NetworkAcls => {
            if let Some(acl) = truth.region_mut(region).network_acls.get_mut(id) {
                tag(&mut acl.tags);
                acl.outbound.remove(&100);
            }
        }
        FamilyKind::RouteTables => {
            if let Some(table) = truth.region_mut(region).route_tables.get_mut(id) {
                tag(&mut table.tags);
                table.routes.push(world::route("10.99.0.0/16", "TransitGatewayId", "tgw-beside"));
            }
        }
        FamilyKind::CustomerKeys => {
            _ = truth.region_mut(region).customer_keys.get_mut(id).map(|k| tag_fact(&mut k.tags));
        }
        FamilyKind::Listeners => {
            if let Some(listener) = truth.region_mut(region).listeners.get_mut(id) {
                tag_fact(&mut listener.tags);
                listener.port = Some(8443);
            }
        }
        FamilyKind::WebAclAssociations => {
            if let Some(balancer) = truth.region_mut(region).web_acl_associations.get_mut(id) {
                tag_fact(&mut balancer.tags);
                balancer.scheme = "internal".to_owned();
            }
        }
        FamilyKind::VpcEndpoints => {
            if let Some(endpoint) = truth.region_mut(region).vpc_endpoints.get_mut(id) {
                tag(&mut endpoint.tags);
                endpoint.groups.push("sg-beside".to_owned());
                endpoint.subnet_ids.push("subnet-beside".to_owned());
            }
        }
        FamilyKind::EbsDefaults => {
            if let Some(defaults) = truth.region_mut(region).ebs_defaults.get_mut(id) {
                defaults.kms_key_id = Fact::Known("arn:aws:kms:us-east-1:123456789012:key/beside".to_owned());
            }
        }
        FamilyKind::SnapshotShares => {
            if let Some(share) = truth.region_mut(region).snapshot_shares.get_mut(id) {
                tag(&mut share.tags);
                share.accounts.push("555566667777".to_owned());
            }
        }
        FamilyKind::Images => {
            if let Some(image) = truth.region_mut(region).images.get_mut(id) {
                tag(&mut image.tags);
                image.accounts.push("555566667777".to_owned());
            }
        }
        FamilyKind::ImageBlocks => {
            if let Some(block) = truth.region_mut(region).image_blocks.get_mut(id) {
                block.managed_by = "somebody".to_owned();
            }
        }
        FamilyKind::SnapshotBlocks => {
            if let Some(block) = truth.region_mut(region).snapshot_blocks.get_mut(id) {
                block.managed_by = "somebody".to_owned();
            }
        }
        FamilyKind::Users => drop(truth.users.get_mut(id).map(|user| tag(&mut user.tags))),
        // A change sets all of it, or makes it: nothing of it is beside. The tags of a key are those of its user.
        FamilyKind::PasswordPolicies
        | FamilyKind::UserPolicies
        | FamilyKind::LoginProfiles
        | FamilyKind::Memberships
        | FamilyKind::IamGroups
        | FamilyKind::ManagedPolicies
        | FamilyKind::AccessKeys => {}
        FamilyKind::PolicyVersions => {
            if let Some(policy) = truth.policy_versions.get_mut(id) {
                tag(&mut policy.tags);
                let first = policy.versions["v1"].clone();
                policy.versions.insert("v9".to_owned(), first);
                policy.names.push("v9".to_owned());
            }
        }
        FamilyKind::Secrets => {
            if let Some(secret) = truth.region_mut(region).secrets.get_mut(id) {
                tag(&mut secret.tags);
                secret.rotation_enabled = true;
            }
        }
        FamilyKind::LogGroups => {
            if let Some(group) = truth.region_mut(region).log_groups.get_mut(id) {
                tag_fact(&mut group.tags);
                group.kms_key_id = Some("arn:aws:kms:us-east-1:123456789012:key/beside".to_owned());
            }
        }
        FamilyKind::Roles => drop(truth.roles.get_mut(id).map(|r| tag(&mut r.tags))),
        FamilyKind::Buckets => drop(truth.buckets.get_mut(id).map(|b| tag_fact(&mut b.tags))),
        FamilyKind::Trails => drop(truth.trails.get_mut(id).map(|t| tag_fact(&mut t.tags))),
        other => panic!("a change touches {other:?}: say what somebody else may change of it"),
    }
}

fn more_of_a_list(truth: &mut Inventory, want: &Want) {
    let Selector::By(_, value) = &want.selector else { panic!("a change touches all of a family: {want}") };
    let region = truth.region_mut(&want.region);
    match want.family {
        FamilyKind::SecurityGroupRules => {
            let ids: Vec<String> = region
                .security_group_rules
                .known()
                .filter(|(_, r)| r.group_id == *value)
                .map(|(id, _)| id.to_owned())
                .collect();
            for id in &ids {
                if let Some(rule) = region.security_group_rules.get_mut(id) {
                    tag(&mut rule.tags);
                }
            }
            // Any rule of a default group is what its change is about.
            if region.security_groups.get(value).known().is_some_and(|group| group.name == "default") {
                return;
            }
            let id = format!("sgr-beside-{value}");
            let rule = SecurityGroupRule {
                id: id.clone(),
                group_id: value.clone(),
                ip_protocol: "tcp".into(),
                from_port: 8443,
                to_port: 8443,
                ..Default::default()
            };
            region
                .security_group_rules
                .put(id, SecurityGroupRule { cidr_ipv4: Some("10.9.0.0/16".into()), ..rule });
        }
        FamilyKind::FlowLogs => {
            let ids: Vec<String> = region
                .flow_logs
                .known()
                .filter(|(_, l)| l.resource_id == *value)
                .map(|(id, _)| id.to_owned())
                .collect();
            for id in &ids {
                if let Some(log) = region.flow_logs.get_mut(id) {
                    tag(&mut log.tags);
                }
            }
            let id = format!("fl-beside-{value}");
            let log = FlowLog {
                id: id.clone(),
                resource_id: value.clone(),
                flow_log_status: "ACTIVE".into(),
                ..Default::default()
            };
            region
                .flow_logs
                .put(id, FlowLog { traffic_type: "ACCEPT".into(), log_destination_type: "s3".into(), ..log });
        }
        FamilyKind::AccessKeys => {}
        other => panic!("a change touches a list of {other:?}: say what somebody else may change of it"),
    }
}

/// Whether a call turns something off or on.
fn turns(call: &Call) -> bool {
    calls::find(&call.service, &call.operation).is_some_and(|spec| spec.power != Power::Stays)
}

/// A scheduler stops every instance that the plan touches and that runs; the ids of those.
fn stop_all(stand: &Stand, plan: &Plan) -> BTreeSet<String> {
    let mut twin = hold(&stand.twin);
    let mut off = BTreeSet::new();
    for want in plan.changes.iter().flat_map(|c| &c.touches).filter(|w| w.family == FamilyKind::Instances) {
        let Selector::Id(id) = &want.selector else { continue };
        let Some(instance) = twin.truth_mut().region_mut(&want.region).instances.get_mut(id) else {
            continue;
        };
        if instance.state == "running" {
            instance.state = "stopped".to_owned();
            off.insert(id.clone());
        }
    }
    off
}

#[test]
fn somebody_changes_something_else_and_undo_still_works() {
    for_every_action(|stand, plan| {
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let is_other = beside(stand, plan);
        let undoing = undoing(stand, plan);
        let shown = &undoing.plan.rehearsal;
        assert!(shown.undo_restores, "{:?} {:?}", shown.differences, shown.not_rehearsed);
        let noted = undoing
            .plan
            .changes
            .iter()
            .filter(|c| c.impact.iter().any(|line| line.contains("by somebody else")));
        assert_eq!(noted.count() > 0, is_other, "what else has changed is named");
        let second = stand.again();
        second.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
        all_are(&second.story(), &undoing.plan, &[Outcome::Restored]);
    });
}

#[test]
fn somebody_changes_something_else_and_verify_finds_it_fixed() {
    for_every_action(|stand, plan| {
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let done: BTreeSet<String> = stand
            .story()
            .changes
            .iter()
            .filter(|(_, c)| c.outcome() == Some(Outcome::Verified))
            .map(|(id, _)| id.clone())
            .collect();
        beside(stand, plan);
        stop_all(stand, plan);
        let story = stand.verify(plan);
        for id in done {
            assert_eq!(
                story.changes[&id].outcome(),
                Some(Outcome::Verified),
                "{id}: {}",
                story.changes[&id].reason
            );
        }
    });
}

#[test]
fn what_was_stopped_since_is_undone_as_it_is_and_stays_stopped() {
    for_every_action(|stand, plan| {
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let off = stop_all(stand, plan);
        let undoing = undoing(stand, plan);
        let shown = &undoing.plan.rehearsal;
        assert!(shown.undo_restores, "{:?} {:?}", shown.differences, shown.not_rehearsed);
        let second = stand.again();
        second.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
        all_are(&second.story(), &undoing.plan, &[Outcome::Restored]);
        let turned: Vec<String> =
            hold(&second.called).iter().filter(|call| turns(call)).map(Call::name).collect();
        assert!(turned.is_empty() || off.is_empty(), "{turned:?}");
        let now = stand.settled();
        for want in plan
            .changes
            .iter()
            .flat_map(|c| &c.touches)
            .filter(|w| matches!(&w.selector, Selector::Id(id) if off.contains(id)))
        {
            assert_eq!(
                now.json(&want.region, want.family, &want_id(want)).known().unwrap()["state"],
                "stopped"
            );
        }
    });
}

fn want_id(want: &Want) -> String {
    if let Selector::Id(id) = &want.selector { id.clone() } else { panic!("{want} names no thing") }
}

#[test]
fn what_was_started_or_stopped_after_its_undo_was_planned_is_left_alone() {
    for_every_action(|stand, plan| {
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let undoing = undoing(stand, plan);
        let off = stop_all(stand, plan);
        let second = stand.again();
        second.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
        let story = second.story();
        for change in undoing.plan.changes.iter().filter(|c| {
            c.steps.iter().any(|s| {
                turns(&s.act.call) && off.iter().any(|id| s.act.call.input.to_string().contains(id.as_str()))
            })
        }) {
            assert_eq!(
                story.changes[&change.id].outcome(),
                Some(Outcome::Drifted),
                "{}",
                story.changes[&change.id].reason
            );
        }
        assert!(off.is_empty() || hold(&second.called).iter().all(|call| !turns(call)));
    });
}

#[test]
fn a_plan_that_was_applied_in_part_is_finished_by_applying_it_again() {
    for_every_action(|stand, plan| {
        let order: Vec<String> = plan.changes.iter().map(|c| c.id.clone()).collect();
        let only = |ids: &[String]| -> Vec<Decision> {
            yes(plan).into_iter().map(|d| Decision { approved: ids.contains(&d.change), ..d }).collect()
        };
        for done in 1..order.len() {
            let mine = Stand::new(hold(&stand.twin).clone());
            mine.run(plan, only(&order[..done]), None).unwrap().unwrap();
            let first = mine.story();
            let second = mine.again();
            second.run(plan, yes(plan), None).unwrap().unwrap();
            let story = second.story();
            for change in &plan.changes {
                let before = first.changes[&change.id].outcome().unwrap();
                let wanted = if before.stands() {
                    &[Outcome::AlreadyFixed][..]
                } else {
                    &[Outcome::Verified, Outcome::AlreadyFixed][..]
                };
                let now = &story.changes[&change.id];
                assert!(
                    now.outcome().is_some_and(|o| wanted.contains(&o)),
                    "{} after {done} of {}: {:?}: {}",
                    change.id,
                    order.len(),
                    now.outcome(),
                    now.reason
                );
            }
        }
    });
}

#[test]
fn what_a_plan_needs_first_and_somebody_else_has_made_is_already_fixed() {
    for_every_action(|stand, plan| {
        let needed: BTreeSet<String> = plan.changes.iter().flat_map(|c| c.after.clone()).collect();
        if needed.is_empty() {
            return;
        }
        // Another run made it, from another plan, with another token in its tags.
        let other = Stand::new(hold(&stand.twin).clone());
        let made =
            yes(plan).into_iter().map(|d| Decision { approved: needed.contains(&d.change), ..d }).collect();
        other.run(plan, made, None).unwrap().unwrap();
        let mine = other.again();
        mine.run(plan, yes(plan), None).unwrap().unwrap();
        let story = mine.story();
        for change in &plan.changes {
            let outcome = story.changes[&change.id].outcome();
            let wanted = if needed.contains(&change.id) { Outcome::AlreadyFixed } else { Outcome::Verified };
            assert_eq!(outcome, Some(wanted), "{}: {}", change.id, story.changes[&change.id].reason);
        }
    });
}

#[test]
fn a_log_group_that_somebody_made_with_another_retention_serves_what_builds_on_it() {
    for_every_action(|stand, plan| {
        let groups: Vec<_> = plan.changes.iter().filter(|c| c.action == "ensure-log-group").collect();
        for change in &groups {
            let group = LogGroup {
                id: change.resource.id().to_owned(),
                retention_in_days: Some(7),
                ..LogGroup::default()
            };
            hold(&stand.twin).truth_mut().region_mut(&change.region).log_groups.put(group.id.clone(), group);
        }
        stand.run(plan, yes(plan), None).unwrap().unwrap();
        let story = stand.story();
        for change in plan.changes.iter().filter(|c| !groups.is_empty() && c.action != "ensure-delivery-role")
        {
            let wanted =
                if change.action == "ensure-log-group" { Outcome::AlreadyFixed } else { Outcome::Verified };
            assert_eq!(
                story.changes[&change.id].outcome(),
                Some(wanted),
                "{}: {}",
                change.id,
                story.changes[&change.id].reason
            );
        }
    });
}
