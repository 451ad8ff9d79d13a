//! Security group rules in events: which were added, and which were removed again. A rule has several names:
//! its id, if the event contains it, and what it allows.

use ipnet::IpNet;
use serde_json::Value;

use super::{
    effect::{Did, Target, exists},
    wire::{get, list, plain, text},
};

/// Prefix lengths below which a range may cover the world in parts; nobody calls a smaller range open.
const WIDE_V4: u8 = 8;
const WIDE_V6: u8 = 16;

/// Returns the ranges of a permission, as they are written.
fn ranges(permission: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (set, keys) in [
        ("ipRanges", &["cidrIp"][..]),
        ("ipv6Ranges", &["cidrIpv6"]),
        ("prefixListIds", &["prefixListId"]),
        ("groups", &["groupId", "groupName"]),
    ] {
        for range in list(get(permission, set)) {
            let text = keys.iter().map(|k| text(range, k)).find(|t| !t.is_empty()).unwrap_or("");
            found.push(text.to_owned());
        }
    }
    // The old form has the ranges beside the ports.
    for key in ["cidrIp", "cidrIpv6", "cidrIpv4"] {
        found.push(text(permission, key).to_owned());
    }
    found.retain(|r| !r.is_empty());
    found
}

/// Returns the rules of a request for people: `tcp 22 from 0.0.0.0/0`; `-1` stands for all traffic.
pub fn in_words(request: &Value) -> Vec<String> {
    let mut permissions = list(get(request, "ipPermissions"));
    if permissions.is_empty() {
        permissions.push(request);
    }
    let mut found = Vec::new();
    for permission in permissions {
        let [protocol, from, to] = ["ipProtocol", "fromPort", "toPort"].map(|key| plain(permission, key));
        let ports = if from == to { from } else { format!("{from}-{to}") };
        let traffic = format!("{protocol} {ports}");
        let of = |range: String| format!("{} with {range}", traffic.trim_end_matches([' ', '-']));
        found.extend(ranges(permission).into_iter().map(of));
    }
    found
}

/// The checks that ask whether a rule is open to the world.
pub(super) const OPEN: &[&str] = &[
    "security-group-open-admin-port",
    "security-group-open-database-port",
    "security-group-open-all-traffic",
    "security-group-open-other-port",
    "vpc-endpoint-open-security-group",
];
/// The check that asks whether there is a rule at all. An event does not show whether a group is a default
/// one.
pub(super) const ANY: &[&str] = &["default-security-group-has-rules"];

/// Returns each rule of a request: its name, and whether its range may be open to the world.
fn rules(group: &str, request: &Value) -> Vec<(String, bool)> {
    let mut permissions = list(get(request, "ipPermissions"));
    if permissions.is_empty() {
        permissions.push(request);
    }
    let mut found = Vec::new();
    for permission in permissions {
        let protocol = plain(permission, "ipProtocol");
        let ports = format!("{}-{}", plain(permission, "fromPort"), plain(permission, "toPort"));
        found.extend(
            ranges(permission)
                .into_iter()
                .map(|range| (format!("{group}/{protocol}/{ports}/{range}"), wide(&range))),
        );
    }
    found
}

/// Returns whether a range may be open to the world. A prefix list counts as open, since the event does not
/// contain its entries.
fn wide(range: &str) -> bool {
    match range.parse::<IpNet>() {
        Ok(net) => net.prefix_len() < if net.addr().is_ipv4() { WIDE_V4 } else { WIDE_V6 },
        Err(_) => !range.starts_with("sg-"),
    }
}

/// Returns the group's id, from the request or else from the rules in the response.
fn group(request: &Value, response: &Value, set: &str) -> String {
    let answered = list(get(response, set)).first().map_or("", |r| text(r, "groupId"));
    [text(request, "groupId"), answered].into_iter().find(|id| !id.is_empty()).unwrap_or("").to_owned()
}

fn by_id(group: &str, id: &str) -> String {
    format!("{group}/{id}")
}

/// Reads `AuthorizeSecurityGroupIngress`.
pub fn authorize(request: &Value, response: &Value) -> Did {
    let (group, named) = match added(request, response, "") {
        Ok(added) => added,
        Err(missing) => return missing,
    };
    let target = |only, of: fn(&(Vec<String>, bool)) -> bool| Target {
        id: group.clone(),
        only,
        opens: named.iter().filter(|rule| of(rule)).map(|(names, _)| names.clone()).collect(),
        ..Target::default()
    };
    let wide = named.iter().filter(|(_, wide)| *wide).count();
    let targets = match wide {
        0 => vec![target(Some(ANY), |_| true)],
        all if all == named.len() => vec![target(None, |_| true)],
        _ => vec![target(Some(OPEN), |(_, wide)| *wide), target(Some(ANY), |_| true)],
    };
    Did::Touched(targets, Vec::new())
}

/// Reads `AuthorizeSecurityGroupEgress`.
pub fn authorize_egress(request: &Value, response: &Value) -> Did {
    match added(request, response, OUT) {
        Ok((id, named)) => {
            let opens = named.into_iter().map(|(names, _)| names).collect();
            Did::Touched(vec![Target { id, opens, ..Target::default() }], Vec::new())
        }
        Err(missing) => missing,
    }
}

/// The end of the name of a group where its outbound rules are meant: the same traffic may be allowed in both
/// directions.
const OUT: &str = "/out";

/// A rule of an event: its names, and whether its range may be open to the world.
type Added = (Vec<String>, bool);

/// Returns the group and the rules that an event has added, each with all its names.
fn added(request: &Value, response: &Value, direction: &str) -> Result<(String, Vec<Added>), Did> {
    let group = group(request, response, "securityGroupRuleSet");
    if group.is_empty() {
        return Err(Did::Missing("the group is given by its name alone, which is not unique"));
    }
    let rules = rules(&format!("{group}{direction}"), request);
    if rules.is_empty() {
        return Err(Did::Missing("the rules that were added are not in the event"));
    }
    // Ids come in the order of the rules; if the counts differ, an id cannot be assigned to a rule.
    let ids = list(get(response, "securityGroupRuleSet"));
    let paired = ids.len() == rules.len();
    let names = |(n, (rule, wide)): (usize, (String, bool))| {
        let id = ids.get(n).filter(|_| paired).map(|r| by_id(&group, text(r, "securityGroupRuleId")));
        ([Some(rule), Some(exists(&group)), id].into_iter().flatten().collect(), wide)
    };
    let named = rules.into_iter().enumerate().map(names).collect();
    Ok((group, named))
}

/// Reads `RevokeSecurityGroupIngress`.
pub fn revoke(request: &Value, response: &Value) -> Did {
    removed(request, response, "")
}

/// Reads `RevokeSecurityGroupEgress`.
pub fn revoke_egress(request: &Value, response: &Value) -> Did {
    removed(request, response, OUT)
}

fn removed(request: &Value, response: &Value, direction: &str) -> Did {
    let group = group(request, response, "revokedSecurityGroupRuleSet");
    let rules = rules(&format!("{group}{direction}"), request);
    let mut closes: Vec<String> = rules.into_iter().map(|(rule, _)| rule).collect();
    let asked = list(get(request, "securityGroupRuleIds").or_else(|| get(request, "securityGroupRuleIdSet")));
    for rule in asked.into_iter().chain(list(get(response, "revokedSecurityGroupRuleSet"))) {
        let id = rule.as_str().unwrap_or_else(|| text(rule, "securityGroupRuleId"));
        closes.push(by_id(&group, id));
    }
    Did::Harmless("it takes rules away", closes, Vec::new())
}

/// Reads `ModifySecurityGroupRules`: a rule that is rewritten is no longer the rule that it was.
pub fn modify(request: &Value, response: &Value) -> Did {
    let group = group(request, response, "");
    if group.is_empty() {
        return Did::Missing("the event does not name the group that it touched");
    }
    let (mut opens, mut closes) = (Vec::new(), Vec::new());
    for rule in list(get(request, "securityGroupRule").or_else(|| get(request, "securityGroupRules"))) {
        let name = by_id(&group, text(rule, "securityGroupRuleId"));
        let inner = get(rule, "securityGroupRule").unwrap_or(rule);
        if ranges(inner).iter().any(|r| wide(r)) || ranges(inner).is_empty() {
            opens.push(vec![name.clone(), exists(&group)]);
        }
        closes.push(name);
    }
    if opens.is_empty() && !closes.is_empty() {
        return Did::Harmless("it opens nothing to the world", closes, Vec::new());
    }
    Did::Touched(vec![Target { id: group, opens, ..Target::default() }], closes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn opened(request: &Value, response: &Value) -> Vec<Vec<String>> {
        match authorize(request, response) {
            Did::Touched(targets, _) => targets.into_iter().flat_map(|t| t.opens).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn only(did: &Did) -> Vec<Option<&'static [&'static str]>> {
        match did {
            Did::Touched(targets, _) => targets.iter().map(|target| target.only).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rule_for_what_leaves_is_closed_by_its_own_removal_and_not_by_that_of_its_like_inbound() {
        let request = json!({"groupId": "sg-1", "ipProtocol": "-1", "cidrIp": "0.0.0.0/0"});
        let Did::Touched(targets, _) = authorize_egress(&request, &json!(null)) else { panic!() };
        let closes = |did| match did {
            Did::Harmless(_, closes, _) => targets[0].opens[0].contains(&closes[0]),
            other => panic!("{other:?}"),
        };
        assert!(closes(revoke_egress(&request, &json!(null))));
        assert!(!closes(revoke(&request, &json!(null))));
    }

    #[test]
    fn both_forms_of_a_request_name_the_same_rule() {
        let set = json!({"groupId": "sg-1", "ipPermissions": {"items": [
            {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {},
                "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}, "ipv6Ranges": {}, "prefixListIds": {}}]}});
        let flat = json!({"groupId": "sg-1", "ipPermissions": {}, "ipProtocol": "tcp", "fromPort": "22",
            "toPort": "22", "cidrIp": "0.0.0.0/0"});
        let names = opened(&set, &json!(null));
        assert_eq!(names, opened(&flat, &json!(null)));
        let Did::Harmless(_, closes, _) = revoke(&flat, &json!(null)) else { panic!() };
        assert!(names[0].contains(&closes[0]));
    }

    #[test]
    fn a_rule_can_be_taken_away_by_the_id_that_its_making_told() {
        let request = json!({"groupId": "sg-1", "ipPermissions": {"items": [{"ipProtocol": "-1",
            "ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]}}]}});
        let names =
            opened(&request, &json!({"securityGroupRuleSet": {"items": [{"securityGroupRuleId": "sgr-9"}]}}));
        let Did::Harmless(_, closes, _) = revoke(
            &json!({"groupId": "sg-1",
                "securityGroupRuleIds": {"items": [{"securityGroupRuleId": "sgr-9"}]}}),
            &json!(null),
        ) else {
            panic!()
        };
        assert!(names[0].contains(&closes[0]), "{names:?} {closes:?}");
    }

    #[test]
    fn rules_for_small_ranges_matter_only_to_a_default_group() {
        let request = |range: &str| {
            json!({"groupId": "sg-1", "ipProtocol": "tcp", "fromPort": 22,
            "toPort": 22, "cidrIp": range})
        };
        for range in ["10.0.0.0/8", "203.0.113.7/32"] {
            assert_eq!(only(&authorize(&request(range), &json!(null))), [Some(ANY)], "{range}");
        }
        for range in ["0.0.0.0/0", "128.0.0.0/1", "what is this"] {
            assert_eq!(only(&authorize(&request(range), &json!(null))), [None], "{range}");
        }
        let both = json!({"groupId": "sg-1", "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 22,
            "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}, {"cidrIp": "10.0.0.0/8"}]}}]}});
        let Did::Touched(targets, _) = authorize(&both, &json!(null)) else { panic!() };
        assert_eq!(
            targets.iter().map(|t| (t.only, t.opens.len())).collect::<Vec<_>>(),
            [(Some(OPEN), 1), (Some(ANY), 2)]
        );
    }
}
