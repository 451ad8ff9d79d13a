//! The calls of `tighten-security-group`: the new rules first, then, once they can be seen, the old ones go; and the way
//! back of each. It must never revoke by description of a rule, only by its id.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::edit::Edit;
use crate::{
    actions::{Refusal, support},
    calls::{Act, Call, Expect, Recognise, Shape, Step, Test, Undo, Wait, WayBack, reference},
    checks::security_groups::traffic::{self, Protocol},
    inventory::{FamilyKind, SecurityGroupRule, Tags},
};

/// The output of an authorize call.
const IDS: &str = "SecurityGroupRuleIds";

/// All steps, in order.
///
/// # Errors
/// As [`support::recovery_tags`].
pub fn steps(region: &str, group: &str, edit: &Edit<'_>) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    for (n, (tags, rules)) in by_tags(edit.add.iter()).into_iter().enumerate() {
        steps.push(authorize_step(region, group, &format!("authorize-{}", n + 1), &tags, &rules)?);
    }
    let mut last = revoke_step(region, group, &edit.revoke)?;
    // Whoever is let in by the new rules alone would be shut out if somebody has taken one away meanwhile.
    let there = |step: &Step| rule_expect(region, reference::output(&step.name, IDS), Test::Exists).meaning("a rule that this change has made is gone");
    last.act = last.act.only_if(steps.iter().map(there).collect());
    steps.push(last);
    Ok(steps)
}

/// One call tags all the rules that it makes alike, so rules with different tags take a call each.
fn by_tags<'a>(rules: impl Iterator<Item = &'a SecurityGroupRule>) -> BTreeMap<Tags, Vec<&'a SecurityGroupRule>> {
    let mut groups: BTreeMap<Tags, Vec<&SecurityGroupRule>> = BTreeMap::new();
    for rule in rules {
        groups.entry(support::carried(&rule.tags)).or_default().push(rule);
    }
    groups
}

fn lines(rules: &[&SecurityGroupRule]) -> String {
    rules.iter().map(|r| format!("{} from {}", traffic::traffic(r), traffic::source(r))).collect::<Vec<_>>().join(", ")
}

fn rule_expect(region: &str, id: Value, test: Test) -> Expect {
    Expect::new(region, FamilyKind::SecurityGroupRules, id, "", test)
}

fn authorize_step(region: &str, group: &str, name: &str, tags: &Tags, rules: &[&SecurityGroupRule]) -> Result<Step, Refusal> {
    let made = reference::output(name, IDS);
    let mut act = authorize(region, group, tags, rules)?;
    let seen = rule_expect(region, made.clone(), Test::Exists);
    act.wait = Some(Wait { until: vec![seen], at_most: 360, why: "until the new rules can be seen".to_owned() });
    let gone = rule_expect(region, made.clone(), Test::Gone);
    Ok(Step {
        name: name.to_owned(),
        title: format!("let in {}", lines(rules)),
        act,
        way_back: WayBack::Calls { rollback: vec![revoke(region, group, made, gone)], undo: Undo::Same, kept_once: None, redo: false },
    })
}

fn revoke_step(region: &str, group: &str, rules: &[&SecurityGroupRule]) -> Result<Step, Refusal> {
    let ids = json!(rules.iter().map(|r| r.id.as_str()).collect::<Vec<_>>());
    let gone = rule_expect(region, ids.clone(), Test::Gone);
    let mut act = revoke(region, group, ids, gone.clone());
    act.wait = Some(Wait { until: vec![gone], at_most: 120, why: "until the old rules are gone".to_owned() });
    let back: Result<Vec<Act>, Refusal> = by_tags(rules.iter().copied()).iter().map(|(tags, rules)| authorize(region, group, tags, rules)).collect();
    Ok(Step {
        name: "revoke".to_owned(),
        title: format!("shut out {}", lines(rules)),
        act,
        way_back: WayBack::Calls { rollback: back?, undo: Undo::Same, kept_once: None, redo: false },
    })
}

fn revoke(region: &str, group: &str, ids: Value, gone: Expect) -> Act {
    Act::new(
        Call::new("ec2", region, "RevokeSecurityGroupIngress", json!({ "GroupId": group, IDS: ids })),
        None,
        Recognise::Looks { expect: vec![gone], outputs: BTreeMap::new() },
    )
}

fn authorize(region: &str, group: &str, tags: &Tags, rules: &[&SecurityGroupRule]) -> Result<Act, Refusal> {
    let input = json!({
        "GroupId": group,
        "IpPermissions": permissions(rules),
        "TagSpecifications": support::tag_specifications("security-group-rule", tags, &[])?,
    });
    let (region, family) = (region.to_owned(), FamilyKind::SecurityGroupRules);
    Ok(Act::new(
        Call::new("ec2", &region, "AuthorizeSecurityGroupIngress", input),
        None,
        Recognise::Tagged { region, family, output: IDS.to_owned(), shape: Shape::Ids(rules.len()) },
    ))
}

/// The rules as `IpPermissions`: one for each protocol and range of ports, with all sources of it
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>).
fn permissions(rules: &[&SecurityGroupRule]) -> Value {
    let mut all: Vec<Map<String, Value>> = Vec::new();
    for rule in rules {
        let mut head = Map::from_iter([("IpProtocol".to_owned(), json!(rule.ip_protocol))]);
        if traffic::protocol(rule) != Protocol::All {
            head.insert("FromPort".to_owned(), json!(rule.from_port));
            head.insert("ToPort".to_owned(), json!(rule.to_port));
        }
        let same = |p: &&mut Map<String, Value>| head.keys().chain(p.keys().filter(|k| k.ends_with("Port"))).all(|k| p.get(k) == head.get(k));
        let (list, source) = source_entry(rule);
        match all.iter_mut().find(same) {
            Some(permission) => match permission.get_mut(list).and_then(Value::as_array_mut) {
                Some(sources) => sources.push(source),
                None => drop(permission.insert(list.to_owned(), json!([source]))),
            },
            None => {
                head.insert(list.to_owned(), json!([source]));
                all.push(head);
            }
        }
    }
    json!(all)
}

/// In which list of a permission the rule's source stands, and how.
fn source_entry(rule: &SecurityGroupRule) -> (&'static str, Value) {
    let (list, key) = match rule {
        SecurityGroupRule { cidr_ipv6: Some(_), .. } => ("Ipv6Ranges", "CidrIpv6"),
        SecurityGroupRule { prefix_list_id: Some(_), .. } => ("PrefixListIds", "PrefixListId"),
        _ => ("IpRanges", "CidrIp"),
    };
    let mut entry = json!({ key: traffic::source(rule) });
    if let Some(said) = &rule.description {
        entry["Description"] = json!(said);
    }
    (list, entry)
}
