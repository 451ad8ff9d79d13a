//! `tighten-security-group`: rules that are open to the world are replaced by the networks that are allowed,
//! or by nothing. The checks decide which rules those are; this action must never remove a source that they
//! did not name.

mod balancers;
mod balancers_out;
mod clients;
mod closing;
mod edit;
mod endpoints;
mod impact;
mod keep;
mod lockout;
mod outbound;
pub mod params;
mod quota;
mod residual;
mod steps;

use serde_json::{Value, json};

use self::{
    keep::Keep,
    params::{Params, Strategy},
};
use super::{
    Action, Around, Context, GuardNote, Options, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    group_rules::{self, OVER},
    group_use, support,
};
use crate::{
    calls::Risk,
    checks::default_groups::is_default,
    checks::egress::OPEN_EGRESS,
    checks::endpoint_groups::OPEN_GROUP,
    checks::ports::Authorised,
    checks::security_groups::{
        AUTHORISED,
        exposure::Exposure,
        lists_of, rules_of, rules_want,
        traffic::{self, Direction},
    },
    evidence::Closing,
    inventory::{FamilyKind, Inventory, Quota, SecurityGroup, SecurityGroupRule, Want},
    resource::{Kind, ResourceId},
    services::{Operation, Spec, security_group},
};

/// The action `tighten-security-group`.
pub struct TightenSecurityGroup;

impl Action for TightenSecurityGroup {
    fn name(&self) -> &'static str {
        "tighten-security-group"
    }
    fn title(&self) -> &'static str {
        "Takes the world out of a security group and lets in the networks that are allowed, or lets out what \
         is named"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[
            "security-group-open-admin-port",
            "security-group-open-database-port",
            "security-group-open-all-traffic",
            "security-group-open-other-port",
            OPEN_GROUP,
            OPEN_EGRESS,
        ]
    }
    fn target(&self) -> Kind {
        Kind::SecurityGroup
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::SecurityGroups).perhaps(),
                Around::named(FamilyKind::SecurityGroupRules).perhaps(),
                Around::found(FamilyKind::PrefixLists).perhaps(),
                Around::named(FamilyKind::NetworkInterfaces).perhaps(),
                Around::found(FamilyKind::Instances).perhaps(),
                Around::named(FamilyKind::ManagedInstances).perhaps(),
                Around::named(FamilyKind::TargetGroups).perhaps(),
                Around::named(FamilyKind::VpcEndpoints).perhaps(),
                Around::found(FamilyKind::Vpcs).perhaps(),
                Around::named(FamilyKind::Quotas).perhaps(),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        &[("security-group-open-other-port", AUTHORISED)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want> {
        let (region, group) = (context.region, target.id());
        let mut wants = vec![Want::id(region, FamilyKind::SecurityGroups, group), rules_want(region, group)];
        wants.extend(lockout::needs(context, group));
        let params = support::params::<Params>(with).unwrap_or_default();
        if params.direction == Direction::Egress {
            let lists = params.keep.iter().filter_map(Keep::list);
            wants.extend(lists.map(|list| Want::id(region, FamilyKind::PrefixLists, list)));
            wants.push(Want::id(region, FamilyKind::Quotas, Quota::RULES_PER_GROUP));
            return wants;
        }
        wants.extend(lists_of(context.inventory, region, group));
        let of_endpoints = endpoints::needs(context, group);
        // Only what comes counts against a quota: for allowed sources, for the ports that a split leaves, and
        // for the clients of endpoints.
        if !params.allow.is_empty() || params.strategy == Strategy::Split || !of_endpoints.is_empty() {
            wants.push(Want::id(region, FamilyKind::Quotas, Quota::RULES_PER_GROUP));
        }
        wants.extend(of_endpoints);
        wants
    }
    fn closes(
        &self,
        context: &Context<'_>,
        target: &ResourceId,
        with: &Value,
    ) -> Result<Vec<Closing>, Refusal> {
        let (params, id): (Params, _) = (support::params(with)?, target.id());
        let known = support::region(context.inventory, context.region)?;
        let group = support::need(known.security_groups.get(id), &format!("security group {id}"))?;
        let rules = rules_of(context.inventory, context.region, id);
        let rules = support::need(rules, &format!("the rules of {id}"))?;
        let exposures = exposures(context.checks, params.direction);
        let made = match params.direction {
            Direction::Ingress => inbound(context, id, &rules, exposures, &params)?,
            Direction::Egress => outbound(context, group, &rules, exposures, &params)?,
        };
        closing::closings(context, id, &made.edit)
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <security_group::AuthorizeSecurityGroupIngress>::SPEC,
                <security_group::RevokeSecurityGroupIngress>::SPEC,
                <security_group::AuthorizeSecurityGroupEgress>::SPEC,
                <security_group::RevokeSecurityGroupEgress>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const {
            &[
                (FamilyKind::SecurityGroups, Concern::THERE),
                (FamilyKind::SecurityGroupRules, Concern::but(&["tags"])),
            ]
        }
    }
    fn quotas(&self, inventory: &Inventory, region: &str, with: &Value) -> Vec<(&'static str, usize)> {
        let limit = support::params::<Params>(with).map(|params| quota::limit(inventory, region, &params));
        limit.into_iter().map(|limit| (OVER, limit)).collect()
    }
    fn declines(
        &self,
        inventory: &Inventory,
        check: &str,
        resource: &ResourceId,
        with: &Value,
    ) -> Result<(), Refusal> {
        let params: Params = support::params(with)?;
        let of = Exposure::of(check).map(Exposure::direction).unwrap_or_default();
        if of != params.direction {
            return Err(Refusal::Refused(format!(
                "{check} is about {} rules: give its playbook an action with direction = \"{}\"",
                of.kind(),
                of.word_of_aws()
            )));
        }
        if params.direction == Direction::Egress && params.keep.is_empty() {
            return Err(Refusal::Refused(outbound::nothing_named()));
        }
        if check != OPEN_GROUP {
            return Ok(());
        }
        let options = Options::default();
        let context = Context { inventory, region: resource.region(), checks: &[], options: &options };
        endpoints::shared(&context, resource.id()).map_or(Ok(()), Err)
    }
    fn lane(&self, with: &Value) -> &'static str {
        match support::params::<Params>(with).map(|params| params.direction) {
            Ok(Direction::Egress) => Direction::Egress.word_of_aws(),
            _ => "",
        }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (region, id) = (context.region, target.id());
        let known = support::region(context.inventory, region)?;
        let group = support::need(known.security_groups.get(id), &format!("security group {id}"))?;
        let owner_guard = group_use::owner(context, group)?;
        let rules = support::need(rules_of(context.inventory, region, id), &format!("the rules of {id}"))?;
        let exposures = exposures(context.checks, params.direction);
        let made = match params.direction {
            Direction::Ingress => inbound(context, id, &rules, exposures, &params)?,
            Direction::Egress => outbound(context, group, &rules, exposures, &params)?,
        };
        let Made { edit, exposures, guards, impact } = made;
        let guards = std::iter::once(owner_guard).chain(guards).collect();
        Ok(Proposal {
            summary: summary(group, &edit, &params),
            steps: steps::steps(region, id, params.direction, &edit)?,
            risk: Risk::Disruptive,
            impact,
            before: group_rules::listed(rules.iter().copied()),
            after: group_rules::listed(&edit.after),
            proof: exposures.iter().map(|e| proof(*e, target, &params)).collect(),
            not_restored: vec![
                "the ids of the rules that are put back: AWS gives new ones".to_owned(),
                "connections that were cut when the rules closed".to_owned(),
                "rules without redress's tags: those that are put back carry redress:run, redress:step and \
                 redress:token"
                    .to_owned(),
            ],
            guards,
            touches: vec![Want::id(region, FamilyKind::SecurityGroups, id), rules_want(region, id)],
            prerequisites: Vec::new(),
        })
    }
}

/// A change of a group's rules, before it is steps.
struct Made<'a> {
    edit: edit::Edit<'a>,
    exposures: Vec<Exposure>,
    guards: Vec<GuardNote>,
    impact: Vec<String>,
}

/// Makes the change of the rules for what comes in.
fn inbound<'a>(
    context: &Context<'_>,
    id: &str,
    rules: &[&'a SecurityGroupRule],
    mut exposures: Vec<Exposure>,
    params: &Params,
) -> Result<Made<'a>, Refusal> {
    let lists = &support::region(context.inventory, context.region)?.prefix_lists;
    let behind = endpoints::behind(context, id)?;
    if behind.names.is_empty() {
        exposures.retain(|exposure| *exposure != Exposure::Endpoint);
    }
    if exposures.is_empty() {
        return Err(Refusal::Nothing(format!("no interface endpoint has {id}")));
    }
    let edit = edit::edit(rules, lists, &exposures, params, &behind.ranges)?;
    let mut guards: Vec<GuardNote> = quota::fits(context, rules, &edit, params)?.into_iter().collect();
    guards.extend(lockout::guard(context, id, &edit, params)?);
    guards.extend(balancers::guard(context, id, &edit)?);
    guards.extend(endpoints::guard(&edit, lists, &behind));
    let mut impact = impact::impact(context, id, rules, &edit, params)?;
    impact.extend(endpoints::impact(&edit, lists, &behind));
    impact.extend(residual::residual(context, id, params.direction, &edit)?);
    Ok(Made { edit, exposures, guards, impact })
}

/// Makes the change of the rules for what goes out.
fn outbound<'a>(
    context: &Context<'_>,
    group: &SecurityGroup,
    rules: &[&'a SecurityGroupRule],
    exposures: Vec<Exposure>,
    params: &Params,
) -> Result<Made<'a>, Refusal> {
    if params.keep.is_empty() {
        return Err(Refusal::Refused(outbound::nothing_named()));
    }
    if is_default(group) != Some(false) {
        return Err(Refusal::Refused(format!(
            "{} is, or may be, the default group of its VPC, whose rules are for \
             default-security-group-has-rules",
            group_use::named(group)
        )));
    }
    let lists = &support::region(context.inventory, context.region)?.prefix_lists;
    for list in params.keep.iter().filter_map(Keep::list) {
        support::need(lists.get(list), &format!("prefix list {list}, which keep names"))?;
    }
    let edit = edit::edit(rules, lists, &exposures, params, &[])?;
    if !edit.after.iter().any(|rule| rule.is_egress) {
        return Err(Refusal::Refused(format!(
            "of what is named in keep, {} lets out nothing: without a rule everything behind it \
             would be cut off. Name what it needs",
            group_use::named(group)
        )));
    }
    let mut guards: Vec<GuardNote> = quota::fits(context, rules, &edit, params)?.into_iter().collect();
    guards.extend(outbound::guard(context, &group.id, &edit)?);
    guards.extend(balancers_out::guard(context, &group.id, &edit, outbound::KEEP)?);
    let mut impact = outbound::impact(context, &group.id, rules, &edit, params)?;
    impact.extend(residual::residual(context, &group.id, params.direction, &edit)?);
    Ok(Made { edit, exposures, guards, impact })
}

/// Returns the exposures to close: those of the findings, or the ones that nobody authorises if the action is
/// asked for without a finding.
fn exposures(checks: &[String], direction: Direction) -> Vec<Exposure> {
    let named = |exposure: &Exposure| {
        exposure.direction() == direction && checks.iter().any(|check| check == exposure.check())
    };
    let named: Vec<Exposure> = Exposure::ALL.into_iter().filter(named).collect();
    if named.is_empty() { Exposure::never_meant(direction).to_vec() } else { named }
}

/// Returns the proof that an exposure is closed.
fn proof(exposure: Exposure, group: &ResourceId, params: &Params) -> Proof {
    let own = exposure == Exposure::OtherPort && params.authorised != Authorised::default();
    let with = if own { json!({ AUTHORISED: params.authorised }) } else { Value::Null };
    Proof { check: exposure.check().to_owned(), resource: group.clone(), with }
}

fn summary(group: &SecurityGroup, edit: &edit::Edit<'_>, params: &Params) -> String {
    let way = params.direction.word();
    let shut: Vec<String> = edit
        .closes
        .iter()
        .map(|(source, rule)| format!("{} {way} {source}", traffic::traffic(rule)))
        .collect();
    let name = group_use::named(group);
    let shut = format!("close {} of {name}", shut.join(", "));
    if params.direction == Direction::Egress {
        let kept: Vec<String> = edit.add.iter().map(traffic::whom).collect();
        return if kept.is_empty() { shut } else { format!("{shut}, and keep {}", kept.join(", ")) };
    }
    let instead: Vec<String> = params.allow.iter().map(|a| a.0.to_string()).collect();
    match (instead.is_empty() || params.strategy == Strategy::Revoke, edit.add.is_empty()) {
        (false, false) => format!("{shut}, and let in {}", instead.join(", ")),
        _ => shut,
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "direction",
        kind: "\"ingress\" or \"egress\"",
        default: "\"ingress\"",
        doc: "The rules that are looked at: `ingress` those for what comes in, `egress` those for what goes \
              out, for the findings of security-group-open-egress.",
    },
    Parameter {
        name: "strategy",
        kind: "\"narrow\", \"revoke\" or \"split\"",
        default: "\"narrow\"",
        doc: "What becomes of an open rule: `narrow` lets its whole range of ports in from the allowed CIDRs \
              only, `revoke` takes it away, `split` leaves its harmless ports open.",
    },
    Parameter {
        name: "keep",
        kind: "list of traffic",
        default: "[]",
        doc: "What still goes out where `direction` is `egress`, each as ports, protocol and destination: \
              `443/tcp to 0.0.0.0/0`, `53/udp to 10.0.0.2/32`, `1024-2048/tcp to sg-0123`, `443/tcp to \
              pl-0123`, `icmp to 10.0.0.0/8` or `all to 10.0.0.0/8`. Nothing is planned without it.",
    },
    Parameter {
        name: "allow",
        kind: "list of CIDRs",
        default: "[]",
        doc: "Who is let in instead: addresses, or canonical CIDRs, /8 (IPv4) or /16 (IPv6) or narrower. An \
              IPv4 CIDR takes the place of an IPv4 source, an IPv6 CIDR that of an IPv6 source.",
    },
    Parameter {
        name: "close_last_way_in",
        kind: "boolean",
        default: "false",
        doc: "Whether the last way in to a running instance may be closed without `--allow-lockout`.",
    },
    Parameter {
        name: "rule_limit",
        kind: "number",
        default: "60",
        doc: "How many rules of the direction a group may have, for each of IPv4 and IPv6. Left at 60, AWS's \
              default, it is the account's quota \"Inbound or outbound rules per security group\" where that \
              can be read.",
    },
];

#[cfg(test)]
mod tests;
