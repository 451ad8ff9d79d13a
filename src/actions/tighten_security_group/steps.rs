//! The calls of `tighten-security-group`: the new rules come first; once they can be seen, the old ones go.
//! Each step has its undo. It must never revoke a rule by its description, only by its id.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::edit::Edit;
use crate::{
    actions::{Refusal, support},
    calls::{Act, Call, Expect, Recognise, Shape, Step, Test, Undo, Wait, WayBack, reference},
    checks::security_groups::traffic::{self, Protocol},
    inventory::{FamilyKind, SecurityGroupRule, Tags},
    services::{
        Planned,
        security_group::{
            AuthorizeSecurityGroupIngress, IpPermission, IpRange, Ipv6Range, PrefixListId,
            RevokeSecurityGroupIngress,
        },
    },
};

/// The output of an authorize call.
const IDS: &str = "SecurityGroupRuleIds";

/// Returns all steps, in order.
///
/// # Errors
/// As [`support::recovery_tags`].
pub fn steps(region: &str, group: &str, edit: &Edit<'_>) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    for (n, (tags, rules)) in by_tags(edit.add.iter()).into_iter().enumerate() {
        steps.push(authorize_step(region, group, &format!("authorize-{}", n + 1), &tags, &rules)?);
    }
    let mut last = revoke_step(region, group, &edit.revoke)?;
    // Whoever is let in by the new rules alone would be shut out if somebody has removed one meanwhile.
    let there = |step: &Step| {
        rule_expect(region, reference::output(&step.name, IDS), Test::Exists)
            .meaning("a rule that this change has made is gone")
    };
    last.act = last.act.only_if(steps.iter().map(there).collect());
    steps.push(last);
    Ok(steps)
}

/// Groups the rules by their tags: one call tags all the rules that it creates alike, so rules with different
/// tags need a call each.
fn by_tags<'a>(
    rules: impl Iterator<Item = &'a SecurityGroupRule>,
) -> BTreeMap<Tags, Vec<&'a SecurityGroupRule>> {
    let mut groups: BTreeMap<Tags, Vec<&SecurityGroupRule>> = BTreeMap::new();
    for rule in rules {
        groups.entry(support::carried(&rule.tags)).or_default().push(rule);
    }
    groups
}

fn lines(rules: &[&SecurityGroupRule]) -> String {
    rules
        .iter()
        .map(|r| format!("{} from {}", traffic::traffic(r), traffic::source(r)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn rule_expect(region: &str, id: Value, test: Test) -> Expect {
    Expect::new(region, FamilyKind::SecurityGroupRules, id, "", test)
}

fn authorize_step(
    region: &str,
    group: &str,
    name: &str,
    tags: &Tags,
    rules: &[&SecurityGroupRule],
) -> Result<Step, Refusal> {
    let made = reference::output(name, IDS);
    let mut act = authorize(region, group, tags, rules)?;
    let seen = rule_expect(region, made.clone(), Test::Exists);
    act.wait =
        Some(Wait { until: vec![seen], at_most: 360, why: "until the new rules can be seen".to_owned() });
    let gone = rule_expect(region, made.clone(), Test::Gone);
    Ok(Step {
        name: name.to_owned(),
        title: format!("let in {}", lines(rules)),
        act,
        way_back: WayBack::Calls {
            rollback: vec![revoke(region, group, made, gone)],
            undo: Undo::Same,
            kept_once: None,
            redo: false,
        },
    })
}

fn revoke_step(region: &str, group: &str, rules: &[&SecurityGroupRule]) -> Result<Step, Refusal> {
    let ids = json!(rules.iter().map(|r| r.id.as_str()).collect::<Vec<_>>());
    let gone = rule_expect(region, ids.clone(), Test::Gone);
    let mut act = revoke(region, group, ids, gone.clone());
    act.wait = Some(Wait { until: vec![gone], at_most: 120, why: "until the old rules are gone".to_owned() });
    let back: Result<Vec<Act>, Refusal> = by_tags(rules.iter().copied())
        .iter()
        .map(|(tags, rules)| authorize(region, group, tags, rules))
        .collect();
    Ok(Step {
        name: "revoke".to_owned(),
        title: format!("shut out {}", lines(rules)),
        act,
        way_back: WayBack::Calls { rollback: back?, undo: Undo::Same, kept_once: None, redo: false },
    })
}

fn revoke(region: &str, group: &str, ids: Value, gone: Expect) -> Act {
    Act::new(
        Call::of(
            region,
            &RevokeSecurityGroupIngress::<Planned> {
                group_id: group.to_owned(),
                security_group_rule_ids: ids.into(),
            },
        ),
        None,
        Recognise::Looks { expect: vec![gone], outputs: BTreeMap::new() },
    )
}

fn authorize(region: &str, group: &str, tags: &Tags, rules: &[&SecurityGroupRule]) -> Result<Act, Refusal> {
    let authorize = AuthorizeSecurityGroupIngress::<Planned> {
        group_id: group.to_owned(),
        ip_permissions: permissions(rules),
        tag_specifications: support::tag_specifications("security-group-rule", tags, &[])?,
    };
    let (region, family) = (region.to_owned(), FamilyKind::SecurityGroupRules);
    Ok(Act::new(
        Call::of(&region, &authorize),
        None,
        Recognise::Tagged { region, family, output: IDS.to_owned(), shape: Shape::Ids(rules.len()) },
    ))
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
        _ => to.ip_ranges.push(IpRange { cidr_ip: source, description }),
    }
}
