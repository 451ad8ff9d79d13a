//! The calls that add rules to a security group and take rules away, in both directions. A rule that goes is
//! named by its id alone, and comes back with its description and its tags. Nothing here decides which rules
//! those are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Refusal, support};
use crate::{
    calls::{Act, Call, Expect, Recognise, Shape, Step, Test, Undo, Wait, WayBack},
    checks::security_groups::traffic::{self, Protocol},
    inventory::{FamilyKind, SecurityGroupRule, Tags},
    services::{
        Planned,
        security_group::{
            AuthorizeSecurityGroupEgress, AuthorizeSecurityGroupIngress, IpPermission, IpRange, Ipv6Range,
            PrefixListId, RevokeSecurityGroupEgress, RevokeSecurityGroupIngress, UserIdGroupPair,
        },
    },
};

/// The output of a call that adds rules.
pub const IDS: &str = "SecurityGroupRuleIds";
/// The error code for a group that would have more rules than the quota allows.
pub const OVER: &str = "RulesPerSecurityGroupLimitExceeded";

/// Groups the rules by their tags: one call tags all the rules that it creates alike, so rules with different
/// tags need a call each.
pub fn by_tags<'a>(
    rules: impl Iterator<Item = &'a SecurityGroupRule>,
) -> BTreeMap<Tags, Vec<&'a SecurityGroupRule>> {
    let mut groups: BTreeMap<Tags, Vec<&SecurityGroupRule>> = BTreeMap::new();
    for rule in rules {
        groups.entry(support::carried(&rule.tags)).or_default().push(rule);
    }
    groups
}

/// Describes rules by their traffic and their sources or destinations.
pub fn lines(rules: &[&SecurityGroupRule]) -> String {
    rules.iter().map(|rule| traffic::whom(rule)).collect::<Vec<_>>().join(", ")
}

/// Returns rules as short lines, in a fixed order, so that a diff can be drawn.
pub fn listed<'a>(rules: impl IntoIterator<Item = &'a SecurityGroupRule>) -> Value {
    let mut lines: Vec<String> = rules.into_iter().map(traffic::line).collect();
    lines.sort();
    json!(lines)
}

/// Builds a condition on rules.
pub fn rule_expect(region: &str, id: Value, test: Test) -> Expect {
    Expect::new(region, FamilyKind::SecurityGroupRules, id, "", test)
}

/// Builds the step that takes rules of one direction away, and puts them back where it is undone.
///
/// # Errors
/// As [`support::recovery_tags`].
pub fn revoke_step(
    region: &str,
    group: &str,
    name: &str,
    title: String,
    rules: &[&SecurityGroupRule],
) -> Result<Step, Refusal> {
    let ids = json!(rules.iter().map(|r| r.id.as_str()).collect::<Vec<_>>());
    let gone = rule_expect(region, ids.clone(), Test::Gone);
    let mut act = revoke(region, group, is_egress(rules), ids, gone.clone());
    act.wait = Some(Wait { until: vec![gone], at_most: 120, why: "until the old rules are gone".to_owned() });
    let back: Result<Vec<Act>, Refusal> = by_tags(rules.iter().copied())
        .iter()
        .map(|(tags, rules)| authorize(region, group, tags, rules))
        .collect();
    Ok(Step {
        name: name.to_owned(),
        title,
        act,
        way_back: WayBack::Calls { rollback: back?, undo: Undo::Same, kept_once: None, redo: false },
    })
}

/// Returns the direction of rules, which all have the same.
fn is_egress(rules: &[&SecurityGroupRule]) -> bool {
    rules.iter().any(|rule| rule.is_egress)
}

/// Builds the call that takes rules of one direction away.
pub fn revoke(region: &str, group: &str, is_egress: bool, ids: Value, gone: Expect) -> Act {
    let (group_id, security_group_rule_ids) = (group.to_owned(), ids.into());
    let call = match is_egress {
        false => {
            Call::of(region, &RevokeSecurityGroupIngress::<Planned> { group_id, security_group_rule_ids })
        }
        true => Call::of(region, &RevokeSecurityGroupEgress::<Planned> { group_id, security_group_rule_ids }),
    };
    Act::new(call, None, Recognise::Looks { expect: vec![gone], outputs: BTreeMap::new() })
}

/// Builds the call that adds rules of one direction, with these tags.
///
/// # Errors
/// As [`support::recovery_tags`].
pub fn authorize(
    region: &str,
    group: &str,
    tags: &Tags,
    rules: &[&SecurityGroupRule],
) -> Result<Act, Refusal> {
    let (group_id, ip_permissions) = (group.to_owned(), permissions(rules));
    let tag_specifications = support::tag_specifications("security-group-rule", tags, &[])?;
    let call = match is_egress(rules) {
        false => Call::of(
            region,
            &AuthorizeSecurityGroupIngress::<Planned> { group_id, ip_permissions, tag_specifications },
        ),
        true => Call::of(
            region,
            &AuthorizeSecurityGroupEgress::<Planned> { group_id, ip_permissions, tag_specifications },
        ),
    };
    let (region, family) = (region.to_owned(), FamilyKind::SecurityGroupRules);
    let shape = Shape::Ids(rules.len());
    Ok(Act::new(call, None, Recognise::Tagged { region, family, output: IDS.to_owned(), shape }))
}

/// Converts the rules to `IpPermissions`: one for each protocol and range of ports, with all its sources
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>).
fn permissions(rules: &[&SecurityGroupRule]) -> Vec<IpPermission> {
    let mut all: Vec<IpPermission> = Vec::new();
    for rule in rules {
        let ported = traffic::protocol(rule) != Protocol::All;
        let ports = (ported.then_some(rule.from_port), ported.then_some(rule.to_port));
        let same = |p: &IpPermission| p.ip_protocol == rule.ip_protocol && (p.from_port, p.to_port) == ports;
        let at = all.iter().position(same).unwrap_or_else(|| {
            let new = IpPermission {
                ip_protocol: rule.ip_protocol.clone(),
                from_port: ports.0,
                to_port: ports.1,
                ..IpPermission::default()
            };
            all.push(new);
            all.len() - 1
        });
        add_source(&mut all[at], rule);
    }
    all
}

fn add_source(to: &mut IpPermission, rule: &SecurityGroupRule) {
    let (source, description) = (traffic::source(rule).to_owned(), rule.description.clone());
    match rule {
        SecurityGroupRule { cidr_ipv6: Some(_), .. } => {
            to.ipv6_ranges.push(Ipv6Range { cidr_ipv6: source, description })
        }
        SecurityGroupRule { prefix_list_id: Some(_), .. } => {
            to.prefix_list_ids.push(PrefixListId { prefix_list_id: source, description })
        }
        SecurityGroupRule { referenced_group_id: Some(_), .. } => {
            let user_id = rule.referenced_group_owner.clone();
            to.user_id_group_pairs.push(UserIdGroupPair { group_id: source, user_id, description });
        }
        _ => to.ip_ranges.push(IpRange { cidr_ip: source, description }),
    }
}
