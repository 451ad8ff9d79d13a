//! Accounts for the laws: the demo account, plans of it, what somebody else might do to it in between, and
//! the forms in which two accounts are compared.

use std::collections::{BTreeMap, BTreeSet};

use redress::{
    actions::Options,
    checks,
    engine::survey::{self, Survey},
    finding::{FindingKey, Verdict},
    inventory::{
        FamilyKind, ForFamily, Inventory, NetworkInterface, Region, SecurityGroupRule, Selector, Stored,
    },
    plan::{Plan, build::Limits, rehearse::Rules, select},
    playbook::{self, Playbook},
    twin::demo,
};
use serde_json::Value;

use super::stand::{NAMED, Stand, block_on, hold, playbooks, stage};

/// What to look at and with what.
pub struct Wish {
    pub regions: Vec<String>,
    pub playbooks: Vec<Playbook>,
    pub options: Options,
}

impl Default for Wish {
    /// The built-in playbooks, with the longest way to encrypted volumes: it has all the steps that the
    /// others have. A web ACL is named, without which none is associated, and a region for new access keys. `volume_copies.rs` takes the way that they choose by default.
    fn default() -> Self {
        Self::with(&["encrypt-volumes.via=\"copy\"", NAMED[0], NAMED[1], NAMED[2]])
    }
}

impl Wish {
    /// The built-in playbooks, with parameters set.
    pub fn with(settings: &[&str]) -> Self {
        let mut playbooks = playbooks();
        for setting in settings {
            playbook::set::override_parameter(&mut playbooks, setting).unwrap();
        }
        let regions = vec!["us-east-1".into(), "eu-west-1".into()];
        Self { regions, playbooks, options: Options::default() }
    }
}

pub fn demo() -> Stand {
    Stand::new(demo::demo("2026-11-22T10:00:00Z".parse().unwrap()))
}

/// The demo account, changed where an action needs another kind of account than the rest: a trail is created
/// only where none can be raised, and a route is removed only where that opens no way to the internet.
pub fn demo_for(action: &str) -> Stand {
    let stand = demo();
    if action == "create-cloudtrail" {
        hold(&stand.twin).truth_mut().trails.items.clear();
    }
    // What a route without a target drops goes by a NAT gateway then, and not to the internet. No plan of the
    // demo account itself has a change that cannot be undone.
    if action == "fix-route-table" {
        let mut twin = hold(&stand.twin);
        let tables = &mut twin.truth_mut().region_mut(demo::MAIN).route_tables;
        let id = tables.known().find(|(_, table)| table.tags["Name"] == "main-public").unwrap().0.to_owned();
        let wide = &mut tables.get_mut(&id).unwrap().routes[1];
        *wide = route("0.0.0.0/0", "NatGatewayId", "nat-wide");
        super::route_moves::furnish(twin.truth_mut());
    }
    stand
}

pub fn has_own(action: &str) -> bool {
    ["create-cloudtrail", "fix-route-table"].contains(&action)
}

fn with<T>(wish: &Wish, make: impl FnOnce(&survey::Wish<'_>) -> T) -> T {
    let scanned: Vec<_> = checks::all().filter(|c| c.scanned).collect();
    make(&survey::Wish {
        regions: &wish.regions,
        checks: &scanned,
        playbooks: &wish.playbooks,
        options: &wish.options,
        valid_for: jiff::SignedDuration::from_hours(24 * 7),
        observed: Default::default(),
        limits: Limits::default(),
        also: Default::default(),
        narrow: None,
        waivers: &Default::default(),
    })
}

pub fn plan(stand: &Stand, wish: &Wish) -> Plan {
    with(wish, |wish| block_on(survey::plan(&stand.account(), wish, &stage))).1
}

pub fn survey(stand: &Stand, wish: &Wish) -> Survey {
    with(wish, |wish| block_on(survey::plan(&stand.account(), wish, &stage))).0
}

/// The part of a plan that consists of these changes, rehearsed again.
pub fn select(stand: &Stand, plan: &Plan, ids: &BTreeSet<String>) -> Plan {
    let rules = Rules::new(&plan.regions, &playbook::assemble(playbook::builtin(), Vec::new()).unwrap());
    let inventory = hold(&stand.twin).inventory();
    let part = select::select(plan, ids, stage(inventory).as_ref(), &rules).unwrap();
    assert!(part.dropped.is_empty(), "{:?}", part.dropped);
    part.plan
}

/// The change of an instance that runs, alone in a plan, and the instance.
pub fn one_instance(stand: &Stand) -> (Plan, String) {
    let plan = plan(stand, &Wish::default());
    let is_it = |c: &&redress::plan::Change| {
        c.action == "encrypt-volumes"
            && c.resource.kind() == redress::resource::Kind::Instance
            && c.before["state"] == "running"
    };
    let change = plan.changes.iter().find(is_it).expect("an instance that runs with an open disk");
    let (id, instance) = (change.id.clone(), change.resource.id().to_owned());
    (select(stand, &plan, &[id].into()), instance)
}

/// What a check says now, on all that there is.
pub fn judge(stand: &Stand, finding: &FindingKey) -> Verdict {
    let inventory = hold(&stand.twin).inventory();
    let check = checks::find(&finding.check).unwrap();
    let rules = Rules::new(&[], &playbook::assemble(playbook::builtin(), Vec::new()).unwrap());
    (check.judge)(&inventory, &finding.resource, &rules.with(&finding.check))
}

type Thing = (String, FamilyKind, String);

/// Everything in an account, thing by thing, in the form in which footprints compare.
pub fn things(inventory: &Inventory) -> BTreeMap<Thing, Value> {
    let mut all = BTreeMap::new();
    // Whether an instance has come up completely is not part of what it is, nor how much of a volume is
    // initialised.
    let passing = [FamilyKind::InstanceStatuses, FamilyKind::ApplicationStatuses, FamilyKind::VolumeStatuses];
    for (region, kind, family) in inventory.families().filter(|(_, kind, _)| !passing.contains(kind)) {
        for id in family.ids() {
            let value = family.footprint(&Selector::Id(id.to_owned()));
            if !value.is_null() {
                all.insert((region.to_owned(), kind, id.to_owned()), value);
            }
        }
    }
    all
}

/// Whether AWS gives such a thing a new id when it is put back.
pub fn made_anew(family: FamilyKind) -> bool {
    struct MadeAnew;
    impl ForFamily for MadeAnew {
        type Out = bool;
        fn of<T: Stored>(self) -> bool {
            T::ID_IS_VOLATILE
        }
    }
    family.with(MadeAnew)
}

/// The things whose ids do not count, by what they are.
pub fn bodies(inventory: &Inventory) -> Vec<(String, FamilyKind, String)> {
    let mut all: Vec<_> = things(inventory)
        .into_iter()
        .filter(|((_, f, _), _)| made_anew(*f))
        .map(|((r, f, _), body)| (r, f, body.to_string()))
        .collect();
    all.sort();
    all
}

/// A thing's form without what differs between two runs that come to the same end.
pub fn without_times_and_ids(value: &Value) -> String {
    let text = value.to_string();
    let mut words = Vec::new();
    for word in text.split('"') {
        let time = word.len() >= 20 && word.ends_with('Z') && word.as_bytes()[4] == b'-';
        let made = ["vol-", "snap-", "sgr-", "fl-", "AKIA0"].iter().any(|prefix| word.starts_with(prefix));
        // The token of an attempt, which is the id of a version of a secret.
        let made = made || word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit());
        words.push(if time {
            "TIME"
        } else if made {
            "ID"
        } else {
            word
        });
    }
    words.join("\"")
}

/// Somebody gives a group to a network interface that AWS runs for a service.
pub fn use_group(region: &mut Region, group: &str) {
    let interface = NetworkInterface {
        id: format!("eni-of-{group}"),
        groups: vec![group.to_owned()],
        interface_type: "lambda".into(),
        requester_managed: true,
        ..NetworkInterface::default()
    };
    region.network_interfaces.put(interface.id.clone(), interface);
}

/// A route that somebody has made.
pub fn route(destination: &str, member: &str, target: &str) -> redress::inventory::Route {
    redress::inventory::Route {
        destination: destination.into(),
        target: [(member.to_owned(), target.to_owned())].into(),
        state: "active".into(),
        origin: "CreateRoute".into(),
        ..Default::default()
    }
}

/// Somebody changes, between plan and apply, what the plan's first change is about. False where nothing that
/// somebody could do would matter.
pub fn meddle(stand: &Stand, plan: &Plan) -> bool {
    let mut twin = hold(&stand.twin);
    let mut met = false;
    for change in &plan.changes {
        let (region, id) = (change.region.clone(), change.resource.id().to_owned());
        let truth = twin.truth_mut();
        met |= match change.action.as_str() {
            "tighten-security-group" => {
                // The same port is opened once more, under another source.
                let rule = SecurityGroupRule {
                    id: format!("sgr-meddled-{}", change.id),
                    group_id: id,
                    ip_protocol: "tcp".into(),
                    from_port: 22,
                    to_port: 22,
                    cidr_ipv4: Some("0.0.0.0/2".into()),
                    ..SecurityGroupRule::default()
                };
                truth.region_mut(&region).security_group_rules.put(rule.id.clone(), rule);
                true
            }
            // An interface is made with the group, or one is moved into it.
            "empty-default-security-group" => {
                use_group(truth.region_mut(&region), &id);
                true
            }
            "encrypt-volumes" => {
                let devices = truth.region_mut(&region).instances.get_mut(&id).map(|i| i.devices.clone());
                match devices {
                    // The instance is stopped or started meanwhile: another way to go about it.
                    Some(_) => {
                        let instance = truth.region_mut(&region).instances.get_mut(&id).unwrap();
                        instance.state =
                            if instance.state == "running" { "stopped" } else { "running" }.into();
                    }
                    None => truth.region_mut(&region).volumes.get_mut(&id).unwrap().size += 1,
                }
                true
            }
            "raise-cloudtrail" => {
                let name = truth
                    .trails
                    .known()
                    .find(|(arn, _)| *arn == change.resource.as_str())
                    .map(|(arn, _)| arn.to_owned())
                    .unwrap();
                let trail = truth.trails.get_mut(&name).unwrap();
                let policy = redress::inventory::Fact::Absent;
                let bucket = trail.s3_bucket_name.clone();
                truth.buckets.get_mut(&bucket).unwrap().policy = policy;
                true
            }
            "create-cloudtrail" => {
                let bucket = change.steps[0].act.call.input["Bucket"].as_str().unwrap().to_owned();
                let taken =
                    redress::inventory::Bucket { id: bucket.clone(), owned: false, ..Default::default() };
                truth.buckets.put(bucket, taken);
                true
            }
            // An instance that is gone, or that somebody else has backed up, needs nothing any more.
            "snapshot-instance" => false,
            "ensure-delivery-role" => {
                let role = redress::inventory::Role {
                    id: id.clone(),
                    arn: change.resource.to_string(),
                    ..Default::default()
                };
                truth.roles.put(id, role);
                true
            }
            "enable-flow-logs" => {
                truth.region_mut(&region).vpcs.items.remove(&id);
                true
            }
            // Another subnet gets the table, which is public on purpose.
            "fix-route-table" if change.findings.iter().any(|f| f.check.contains("by-accident")) => {
                let places = truth.region_mut(&region);
                let public = places.subnets.known().find(|(_, s)| s.map_public_ip_on_launch).unwrap().0;
                let subnet_id = Some(public.to_owned());
                let table = places.route_tables.get_mut(&id).unwrap();
                let more = redress::inventory::RouteTableAssociation { subnet_id, ..Default::default() };
                table.associations.push(more);
                true
            }
            // Somebody has led a network of the peer elsewhere.
            "fix-route-table" if change.findings.iter().any(|f| f.check.contains("broad")) => {
                let table = truth.region_mut(&region).route_tables.get_mut(&id).unwrap();
                table.routes.push(route("10.10.0.0/16", "TransitGatewayId", "tgw-meddled"));
                true
            }
            // The target of one more route is deleted.
            "fix-route-table" => {
                let table = truth.region_mut(&region).route_tables.get_mut(&id).unwrap();
                let dead = route("10.81.0.0/16", "VpcPeeringConnectionId", "pcx-dead");
                table.routes.push(redress::inventory::Route { state: "blackhole".into(), ..dead });
                true
            }
            "disable-subnet-public-ip" => {
                truth.region_mut(&region).subnets.items.remove(&id);
                true
            }
            // It is shared with one more account, and a policy of the organization takes the setting over.
            "unshare-snapshot" => {
                let share = truth.region_mut(&region).snapshot_shares.get_mut(&id).unwrap();
                share.accounts.push("555566667777".into());
                true
            }
            "unshare-image" => {
                let image = truth.region_mut(&region).images.get_mut(&id).unwrap();
                image.accounts.push("555566667777".into());
                true
            }
            "block-public-images" => {
                let block = truth.region_mut(&region).image_blocks.get_mut(&id).unwrap();
                block.managed_by = "declarative-policy".into();
                true
            }
            "block-public-snapshots" => {
                let block = truth.region_mut(&region).snapshot_blocks.get_mut(&id).unwrap();
                block.managed_by = "declarative-policy".into();
                true
            }
            // Somebody takes the number of an entry for one of their own.
            "restrict-network-acl" => {
                let number =
                    i32::try_from(change.steps[0].act.call.input["RuleNumber"].as_i64().unwrap()).unwrap();
                let acl = truth.region_mut(&region).network_acls.get_mut(&id).unwrap();
                let theirs = redress::inventory::AclEntry {
                    action: "allow".into(),
                    protocol: "17".into(),
                    cidr_block: Some("192.0.2.0/24".into()),
                    from_port: Some(53),
                    to_port: Some(53),
                    ..Default::default()
                };
                acl.inbound.insert(number, theirs);
                true
            }
            // Another default key is chosen, under which no volume can be made.
            "enable-ebs-default-encryption" => {
                truth.region_mut(&region).ebs_defaults.get_mut(&id).unwrap().kms_key_id =
                    redress::inventory::Fact::Known("alias/retired".into());
                true
            }
            // A key of the user is activated, which would be denied, too.
            "disable-console-login" | "require-mfa" => {
                let key = redress::inventory::AccessKey {
                    id: "AKIA2DEMOMEDDLED0001".into(),
                    user: id,
                    status: "Active".into(),
                    ..Default::default()
                };
                truth.access_keys.put(key.id.clone(), key);
                true
            }
            // Somebody makes a group of that name for something else.
            "ensure-mfa-group" => {
                let group = redress::inventory::IamGroup {
                    id: id.clone(),
                    inline_policies: redress::inventory::Fact::Known([].into()),
                    attached_policies: redress::inventory::Fact::Known(vec![
                        "arn:aws:iam::aws:policy/X".into(),
                    ]),
                };
                truth.iam_groups.put(id, group);
                true
            }
            // Somebody turns on hard expiry, which the update must not turn off.
            "raise-password-policy" => {
                let policy = truth.password_policies.get_mut(redress::inventory::PasswordPolicy::ID);
                policy.unwrap().hard_expiry = true;
                true
            }
            // The listener gets another policy, which is not good enough either.
            "raise-tls-policy" => {
                let listener = truth.region_mut(&region).listeners.get_mut(change.resource.as_str()).unwrap();
                listener.ssl_policy = Some("ELBSecurityPolicy-TLS-1-1-2017-01".into());
                listener.versions = redress::inventory::Fact::Known(vec!["TLSv1.1".into(), "TLSv1.2".into()]);
                true
            }
            // The listener forwards with another stickiness.
            "redirect-http-to-https" => {
                let listener = truth.region_mut(&region).listeners.get_mut(change.resource.as_str()).unwrap();
                let forward = listener.default_actions[0].forward_config.as_mut().unwrap();
                let sticks =
                    redress::inventory::Stickiness { enabled: Some(true), duration_seconds: Some(60) };
                forward.target_group_stickiness_config = Some(sticks);
                true
            }
            // Firewall Manager takes the web ACL over.
            "associate-web-acl" => {
                let acl = change.steps[0].act.call.input["WebACLArn"].as_str().unwrap();
                let acl = truth.region_mut(&region).web_acls.get_mut(acl).unwrap();
                acl.retrofitted_by_firewall_manager = true;
                true
            }
            // The endpoint gets another policy, which is open, too.
            "restrict-vpc-endpoint" => {
                let endpoint = truth.region_mut(&region).vpc_endpoints.get_mut(&id).unwrap();
                let open = r#"{"Id":"meddled","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#;
                endpoint.set_policy(Some(open.to_owned()));
                true
            }
            // A zone of that name is made, and associated with the VPC.
            "enable-endpoint-private-dns" => {
                let place = truth.region_mut(&region);
                let endpoint = place.vpc_endpoints.get_mut(&id).unwrap().clone();
                let name = endpoint.private_dns_names.known().unwrap()[0].clone();
                let zone = redress::inventory::PrivateZone { name, ..Default::default() };
                place.vpc_dns.get_mut(&endpoint.vpc_id).unwrap().zones =
                    redress::inventory::Fact::Known(vec![zone]);
                true
            }
            // The key is disabled: AWS rotates no disabled key.
            "enable-kms-rotation" => {
                truth.region_mut(&region).customer_keys.get_mut(&id).unwrap().key_state = "Disabled".into();
                true
            }
            // The user gets a second key, which is the most.
            "rotate-access-key" => {
                let old = truth.access_keys.get_mut(&id).unwrap().clone();
                let second = redress::inventory::AccessKey { id: "AKIA2DEMOMEDDLED0001".into(), ..old };
                truth.access_keys.put(second.id.clone(), second);
                true
            }
            // The old key is the one that redress itself uses.
            "retire-access-key" => {
                truth.access_keys.get_mut(&id).unwrap().of_caller = true;
                true
            }
            // Somebody else gets the policy, too.
            "least-privilege-role" => {
                let arn = change.steps[0].act.call.input["PolicyArn"].as_str().unwrap();
                truth.policy_versions.get_mut(arn).unwrap().holders.push("user/sam".into());
                true
            }
            // A stack takes its user over.
            "delete-access-key" => {
                let key = truth.access_keys.get_mut(&id).unwrap();
                let mut tags = key.tags.known().cloned().unwrap_or_default();
                tags.insert("aws:cloudformation:stack-id".into(), "stack".into());
                key.tags = redress::inventory::Fact::Known(tags);
                true
            }
            _ => false,
        };
    }
    met
}

/// Somebody changes, after the run, what its changes have made; the ids of the changes that must notice.
pub fn meddle_after(stand: &Stand, plan: &Plan) -> Vec<String> {
    let mut twin = hold(&stand.twin);
    let mut noticed = Vec::new();
    for change in &plan.changes {
        let (region, id) = (change.region.clone(), change.resource.id().to_owned());
        let truth = twin.truth_mut();
        match change.action.as_str() {
            // One of several rules that were shut out is let in again.
            "tighten-security-group" | "empty-default-security-group" => {
                let revoked =
                    change.steps.iter().find(|s| s.act.call.operation.starts_with("Revoke")).unwrap();
                let redress::calls::WayBack::Calls { rollback, .. } = &revoked.way_back else {
                    panic!("{:?}", revoked.way_back)
                };
                let mut call = rollback[0].call.clone();
                call.input.as_object_mut().unwrap().remove("TagSpecifications");
                let permissions = call.input["IpPermissions"].as_array_mut().unwrap();
                if permissions.len() == 1 && change.steps.len() == 1 {
                    continue;
                }
                permissions.truncate(1);
                let made = twin.perform(&call);
                assert!(made.is_ok(), "{made:?}");
            }
            // A route that is gone leaves nothing to be changed; another one to there is noticed at the call.
            "fix-route-table" if change.findings.iter().any(|f| f.check.contains("by-accident")) => continue,
            // The route to the network of the peer leads elsewhere.
            "fix-route-table" if change.findings.iter().any(|f| f.check.contains("broad")) => {
                let table = truth.region_mut(&region).route_tables.get_mut(&id).unwrap();
                let narrow = table.routes.iter_mut().find(|route| route.destination == "10.10.0.0/16");
                narrow.unwrap().target = [("TransitGatewayId".to_owned(), "tgw-meddled".to_owned())].into();
                noticed.push(change.id.clone());
            }
            // The disk in the place of the one that was replaced is another one.
            "encrypt-volumes" if truth.region_mut(&region).instances.get_mut(&id).is_some() => {
                let replaced =
                    change.touches.iter().find(|w| w.family == FamilyKind::Volumes).unwrap().selector.key();
                let new = truth
                    .region_mut(&region)
                    .volumes
                    .known()
                    .find(|(_, v)| v.tags.get("redress:source") == Some(&replaced))
                    .unwrap()
                    .0
                    .to_owned();
                let instance = truth.region_mut(&region).instances.get_mut(&id).unwrap();
                instance.devices.iter_mut().find(|d| d.volume_id == new).unwrap().volume_id =
                    "vol-0000beef".into();
            }
            "raise-cloudtrail" => {
                let trail = truth.trails.get_mut(change.resource.as_str()).unwrap();
                trail.log_file_validation = !trail.log_file_validation;
                trail.is_multi_region = !trail.is_multi_region;
            }
            // Somebody takes a kind of characters out of the policy again.
            "raise-password-policy" => {
                let policy = truth.password_policies.get_mut(redress::inventory::PasswordPolicy::ID);
                policy.unwrap().require_symbols = false;
            }
            // The deny gives way to something else under its number.
            "restrict-network-acl" => {
                let deny = change.steps.iter().rfind(|s| s.name.starts_with("deny-")).unwrap();
                let number = i32::try_from(deny.act.call.input["RuleNumber"].as_i64().unwrap()).unwrap();
                let acl = truth.region_mut(&region).network_acls.get_mut(&id).unwrap();
                acl.inbound.get_mut(&number).unwrap().cidr_block = Some("198.51.100.0/24".into());
            }
            // Somebody associates another web ACL.
            "associate-web-acl" => {
                let place = truth.region_mut(&region);
                let balancer = place.web_acl_associations.get_mut(change.resource.as_str()).unwrap();
                balancer.web_acl =
                    Some("arn:aws:wafv2:us-east-1:123456789012:regional/webacl/theirs/1".into());
            }
            // Somebody takes the services of AWS out of the policy.
            "restrict-vpc-endpoint" => {
                let endpoint = truth.region_mut(&region).vpc_endpoints.get_mut(&id).unwrap();
                let mut policy: serde_json::Value =
                    serde_json::from_str(endpoint.policy_document.as_deref().unwrap()).unwrap();
                policy["Statement"].as_array_mut().unwrap().retain(|s| s["Sid"] != "ServicesOfAws");
                endpoint.set_policy(Some(policy.to_string()));
            }
            // Somebody puts the first version of the policy in force.
            "least-privilege-role" => {
                let arn = change.steps[0].act.call.input["PolicyArn"].clone();
                let input = serde_json::json!({ "PolicyArn": arn, "VersionId": "v1" });
                let call = redress::calls::Call::new("iam", "", "SetDefaultPolicyVersion", input);
                let made = twin.perform(&call);
                assert!(made.is_ok(), "{made:?}");
            }
            // A setting with two values is as it was before when somebody sets it back: an undo finds nothing
            // to do.
            _ => continue,
        }
        noticed.push(change.id.clone());
    }
    noticed
}
