//! `tighten-security-group`: rules that are open to the world are replaced by the networks that are allowed,
//! or by nothing. The checks decide which rules those are; this action must never remove a source that they
//! did not name.

mod balancers;
mod edit;
mod endpoints;
mod impact;
mod lockout;
pub mod params;
mod quota;
mod steps;

use serde_json::{Value, json};

use self::params::{Params, Strategy};
use super::{
    Action, Around, Context, Options, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    group_rules::{self, OVER},
    group_use, support,
};
use crate::{
    calls::Risk,
    checks::endpoint_groups::OPEN_GROUP,
    checks::ports::Authorised,
    checks::security_groups::{AUTHORISED, exposure::Exposure, lists_of, rules_of, rules_want, traffic},
    inventory::{FamilyKind, Inventory, Quota, SecurityGroup, Want},
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
        "Takes the world out of a security group and lets in the networks that are allowed"
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
        wants.extend(lists_of(context.inventory, region, group));
        wants.extend(lockout::needs(context, group));
        let of_endpoints = endpoints::needs(context, group);
        // Only what comes counts against a quota: for allowed sources, for the ports that a split leaves, and
        // for the clients of endpoints.
        let comes = |params: Params| {
            !params.allow.is_empty() || params.strategy == Strategy::Split || !of_endpoints.is_empty()
        };
        if support::params::<Params>(with).is_ok_and(comes) {
            wants.push(Want::id(region, FamilyKind::Quotas, Quota::RULES_PER_GROUP));
        }
        wants.extend(of_endpoints);
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <security_group::AuthorizeSecurityGroupIngress>::SPEC,
                <security_group::RevokeSecurityGroupIngress>::SPEC,
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
        _: &Value,
    ) -> Result<(), Refusal> {
        if check != OPEN_GROUP {
            return Ok(());
        }
        let options = Options::default();
        let context = Context { inventory, region: resource.region(), checks: &[], options: &options };
        endpoints::shared(&context, resource.id()).map_or(Ok(()), Err)
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
        let behind = endpoints::behind(context, id)?;
        let mut exposures = exposures(context.checks);
        if behind.names.is_empty() {
            exposures.retain(|exposure| *exposure != Exposure::Endpoint);
        }
        if exposures.is_empty() {
            return Err(Refusal::Nothing(format!("no interface endpoint has {id}")));
        }
        let edit = edit::edit(&rules, &known.prefix_lists, &exposures, &params, &behind.ranges)?;
        let quota = quota::fits(context, &rules, &edit, &params)?;
        let mut guards = vec![owner_guard];
        guards.extend(quota);
        guards.extend(lockout::guard(context, id, &edit, &params)?);
        guards.extend(balancers::guard(context, id, &edit)?);
        guards.extend(endpoints::guard(&edit, &behind));
        let mut impact = impact::impact(context, id, &rules, &edit, &params)?;
        impact.extend(endpoints::impact(&edit, &behind));
        Ok(Proposal {
            summary: summary(group, &edit, &params),
            steps: steps::steps(region, id, &edit)?,
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

/// Returns the exposures to close: those of the findings, or the ones that nobody authorises if the action is
/// asked for without a finding.
fn exposures(checks: &[String]) -> Vec<Exposure> {
    let named: Vec<Exposure> =
        Exposure::ALL.into_iter().filter(|e| checks.iter().any(|c| c == e.check())).collect();
    if named.is_empty() { Exposure::NEVER_MEANT.to_vec() } else { named }
}

/// Returns the proof that an exposure is closed.
fn proof(exposure: Exposure, group: &ResourceId, params: &Params) -> Proof {
    let own = exposure == Exposure::OtherPort && params.authorised != Authorised::default();
    let with = if own { json!({ AUTHORISED: params.authorised }) } else { Value::Null };
    Proof { check: exposure.check().to_owned(), resource: group.clone(), with }
}

fn summary(group: &SecurityGroup, edit: &edit::Edit<'_>, params: &Params) -> String {
    let shut: Vec<String> = edit
        .closes
        .iter()
        .map(|(source, rule)| format!("{} from {source}", traffic::traffic(rule)))
        .collect();
    let instead: Vec<String> = params.allow.iter().map(|a| a.0.to_string()).collect();
    let name = group_use::named(group);
    match (instead.is_empty() || params.strategy == Strategy::Revoke, edit.add.is_empty()) {
        (false, false) => format!("close {} of {name}, and let in {}", shut.join(", "), instead.join(", ")),
        _ => format!("close {} of {name}", shut.join(", ")),
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "strategy",
        kind: "\"narrow\", \"revoke\" or \"split\"",
        default: "\"narrow\"",
        doc: "What becomes of an open rule: `narrow` lets its whole range of ports in from the allowed CIDRs \
              only, `revoke` takes it away, `split` leaves its harmless ports open.",
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
        doc: "How many inbound rules a group may have, for each of IPv4 and IPv6. Left at 60, AWS's default, \
              it is the account's quota \"Inbound or outbound rules per security group\" where that can be \
              read.",
    },
];

#[cfg(test)]
mod tests;
