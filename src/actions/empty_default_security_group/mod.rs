//! `empty-default-security-group`: the default group of a VPC loses all of its rules, inbound and outbound.
//! It must never do that under an interface that has the group, nor where that is not known.

use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    group_rules::{self, OVER},
    group_use, quota,
    setting::Nothing,
    support,
};
use crate::{
    calls::{Expect, Risk, Step, Test},
    checks::{
        default_groups::{HAS_RULES, is_default},
        security_groups::{lists_in, rules_of, rules_want, traffic},
    },
    inventory::{FamilyKind, Inventory, NetworkInterface, Quota, SecurityGroup, SecurityGroupRule, Want},
    resource::{Kind, ResourceId},
    services::{Operation, Spec, security_group},
};

/// The action `empty-default-security-group`.
pub struct EmptyDefaultSecurityGroup;

/// The number of rules of each direction and address family that every account may have in a group
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups>).
const USUAL_QUOTA: usize = 60;
/// The filter that picks the interfaces of a group.
const OF_GROUP: &str = "group-id";

impl Action for EmptyDefaultSecurityGroup {
    fn name(&self) -> &'static str {
        "empty-default-security-group"
    }
    fn title(&self) -> &'static str {
        "Takes all rules out of the default security group of a VPC, where no interface uses it"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[HAS_RULES]
    }
    fn target(&self) -> Kind {
        Kind::SecurityGroup
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::SecurityGroups),
                Around::named(FamilyKind::SecurityGroupRules),
                Around::named(FamilyKind::NetworkInterfaces),
                Around::found(FamilyKind::PrefixLists).perhaps(),
                Around::named(FamilyKind::Quotas).perhaps(),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Nothing>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let (region, group) = (context.region, target.id());
        let mut wants = vec![
            Want::id(region, FamilyKind::SecurityGroups, group),
            rules_want(region, group),
            Want::by(region, FamilyKind::NetworkInterfaces, OF_GROUP, group),
        ];
        // A list that is not known could not be put back in the rehearsal.
        wants.extend(lists_in(context.inventory, region, group, |_| true));
        // The undo puts all of them back: whether it may is asked where it is not certain.
        let rules = rules_of(context.inventory, region, group);
        if rules.known().is_some_and(|rules| rules.len() > USUAL_QUOTA) {
            wants.push(Want::id(region, FamilyKind::Quotas, Quota::RULES_PER_GROUP));
        }
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <security_group::RevokeSecurityGroupIngress>::SPEC,
                <security_group::RevokeSecurityGroupEgress>::SPEC,
                <security_group::AuthorizeSecurityGroupIngress>::SPEC,
                <security_group::AuthorizeSecurityGroupEgress>::SPEC,
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
    fn quotas(&self, inventory: &Inventory, region: &str, _: &Value) -> Vec<(&'static str, usize)> {
        let own = quota::own(inventory, region, Quota::RULES_PER_GROUP);
        own.known().map(|quota| (OVER, quota.value)).into_iter().collect()
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let Nothing {} = support::params(with)?;
        let (region, id) = (context.region, target.id());
        let known = support::region(context.inventory, region)?;
        let group = support::need(known.security_groups.get(id), &format!("security group {id}"))?;
        let owner_guard = group_use::owner(context, group)?;
        default(group)?;
        let rules = support::need(rules_of(context.inventory, region, id), &format!("the rules of {id}"))?;
        if rules.is_empty() {
            return Err(Refusal::Nothing(format!("{id} has no rules")));
        }
        restorable(&rules)?;
        let guards = vec![owner_guard, unused(context, group)?, later(group)];
        Ok(Proposal {
            summary: format!(
                "take all {} rules out of {} of {}",
                rules.len(),
                group_use::named(group),
                group.vpc_id
            ),
            steps: steps(region, id, &rules)?,
            risk: Risk::Disruptive,
            impact: impact(group),
            before: group_rules::listed(rules.iter().copied()),
            after: json!([]),
            proof: vec![Proof { check: HAS_RULES.to_owned(), resource: target.clone(), with: Value::Null }],
            not_restored: not_restored(group, &rules),
            guards,
            touches: vec![Want::id(region, FamilyKind::SecurityGroups, id), rules_want(region, id)],
            prerequisites: Vec::new(),
        })
    }
}

/// Refuses a group that is not the default one of its VPC.
fn default(group: &SecurityGroup) -> Result<(), Refusal> {
    match is_default(group) {
        Some(true) => Ok(()),
        Some(false) => Err(Refusal::Refused(format!(
            "{} is not the default group of its VPC: somebody has made it for its rules",
            group_use::named(group)
        ))),
        None => Err(Refusal::Unknown(format!(
            "redress could not find out whether {} is the default group of its VPC: AWS returned no name",
            group.id
        ))),
    }
}

/// Refuses rules that could not be put back as they are: of a kind of source that AWS has added since.
fn restorable(rules: &[&SecurityGroupRule]) -> Result<(), Refusal> {
    let sources = |rule: &SecurityGroupRule| {
        [&rule.cidr_ipv4, &rule.cidr_ipv6, &rule.prefix_list_id, &rule.referenced_group_id]
            .into_iter()
            .flatten()
            .count()
    };
    match rules.iter().find(|rule| sources(rule) != 1) {
        None => Ok(()),
        Some(rule) => Err(Refusal::Unknown(format!(
            "redress could not find out what rule {} is for, and could not put it back: it has no CIDR, \
             prefix list or group",
            rule.id
        ))),
    }
}

/// Refuses a group that an interface uses. Interfaces that AWS's services manage are read, too, and an
/// interface of a stopped instance has the group as well. A default group is used in no other VPC
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateSecurityGroupVpc.html>).
fn unused(context: &Context<'_>, group: &SecurityGroup) -> Result<GuardNote, Refusal> {
    if context.options.half_done {
        return Ok(GuardNote::not_checked("in-use", "it is looked at directly before each call"));
    }
    let interfaces = group_use::interfaces(context, &group.id)?;
    if interfaces.is_empty() {
        let note = "no network interface has the group, those of AWS's own services counted";
        return Ok(GuardNote::passed("in-use", note));
    }
    let mut users: Vec<String> = interfaces.iter().map(|interface| user(interface)).collect();
    users.sort_unstable();
    let more = users.len().saturating_sub(MOST_NAMED);
    users.truncate(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Refusal::Refused(format!(
        "network interfaces use {}: {}{more}. Without rules they would be cut off: give them a group of \
         their own first, with the rules that they need",
        group.id,
        users.join(", ")
    )))
}

/// Describes an interface by its id and whatever it belongs to.
fn user(interface: &NetworkInterface) -> String {
    match &interface.instance_id {
        Some(instance) => format!("{} of {instance}", interface.id),
        None => format!("{} ({})", interface.id, group_use::of_service(interface)),
    }
}

/// The number of interfaces that a refusal names.
const MOST_NAMED: usize = 5;

/// Notes those who have no interface now and would get the group with the next one.
fn later(group: &SecurityGroup) -> GuardNote {
    let note = format!(
        "launch templates, Auto Scaling groups, functions and services that have no interface now are not \
         read: whether one of them uses {}, by its id or by naming no group, is not known",
        group.id
    );
    GuardNote::not_checked("later-use", note)
}

fn impact(group: &SecurityGroup) -> Vec<String> {
    let (id, vpc) = (&group.id, &group.vpc_id);
    vec![
        "no interface uses the group: nothing that exists loses traffic".to_owned(),
        format!(
            "what is launched in {vpc} from then on without a group of its own gets {id}, by which nothing \
             comes in and nothing goes out: name a group in launch templates, Auto Scaling groups and \
             services that rely on it"
        ),
        format!("rules of other groups that name {id} stay: nobody comes in by them while nothing uses it"),
    ]
}

fn not_restored(group: &SecurityGroup, rules: &[&SecurityGroupRule]) -> Vec<String> {
    let mut all = vec![
        "the ids of the rules that are put back: AWS gives new ones".to_owned(),
        "rules without redress's tags: those that are put back carry redress:run, redress:step and \
         redress:token"
            .to_owned(),
    ];
    let others = rules.iter().filter(|r| r.referenced_group_id.as_ref().is_some_and(|of| *of != group.id));
    all.extend(others.map(|rule| {
        format!(
            "the rule {:?}, if that group no longer exists or its VPC is no longer peered",
            traffic::whom(rule)
        )
    }));
    all
}

/// Returns the steps: what comes in first, then what goes out. An interface may get the group at any moment,
/// so that none has it is looked at before each of them.
fn steps(region: &str, group: &str, rules: &[&SecurityGroupRule]) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    for (name, is_egress) in [("revoke-ingress", false), ("revoke-egress", true)] {
        let those: Vec<&SecurityGroupRule> =
            rules.iter().copied().filter(|rule| rule.is_egress == is_egress).collect();
        if those.is_empty() {
            continue;
        }
        let title = format!("take away {}", group_rules::lines(&those));
        let mut step = group_rules::revoke_step(region, group, name, title, &those)?;
        let nobody = Test::NoneBy(OF_GROUP.to_owned());
        let unused = Expect::new(region, FamilyKind::NetworkInterfaces, group, "", nobody)
            .meaning("a network interface uses the group by now, and would be cut off");
        step.act = step.act.only_if(vec![unused]);
        steps.push(step);
    }
    Ok(steps)
}

#[cfg(test)]
mod tests;
