//! Rules of security groups, as `ec2:AuthorizeSecurityGroupIngress`, `ec2:RevokeSecurityGroupIngress` and
//! their counterparts for egress treat them.

use ipnet::{Ipv4Net, Ipv6Net};

use super::{OnTwin, done, output, tag::specified};
use crate::{
    calls::{CallError, Outcome},
    inventory::{FamilyKind, SecurityGroupRule, Selector, Tags},
    services::security_group::{
        AuthorizeSecurityGroupEgress, AuthorizeSecurityGroupIngress, IpPermission, RevokeSecurityGroupEgress,
        RevokeSecurityGroupIngress,
    },
    twin::{
        Twin,
        errors::{must, refuse, unknown},
        take_away,
    },
};

/// Rules per direction, IPv4 and IPv6 counted apart
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>).
const LIMIT: usize = 60;
/// The error code for a group that has more rules.
const OVER: &str = "RulesPerSecurityGroupLimitExceeded";

impl OnTwin for AuthorizeSecurityGroupIngress {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let tags = specified(&self.tag_specifications, "security-group-rule");
        authorize(t, region, &self.group_id, &self.ip_permissions, tags, false)
    }
}

impl OnTwin for AuthorizeSecurityGroupEgress {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let tags = specified(&self.tag_specifications, "security-group-rule");
        authorize(t, region, &self.group_id, &self.ip_permissions, tags, true)
    }
}

impl OnTwin for RevokeSecurityGroupIngress {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        revoke(t, region, &self.group_id, &self.security_group_rule_ids, false)
    }
}

impl OnTwin for RevokeSecurityGroupEgress {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        revoke(t, region, &self.group_id, &self.security_group_rule_ids, true)
    }
}

fn authorize(
    t: &mut Twin,
    region: &str,
    group: &str,
    permissions: &[IpPermission],
    tags: Result<Tags, CallError>,
    is_egress: bool,
) -> Outcome {
    check_group(t, region, group)?;
    let tags = tags?;
    let new = rules_of(t, group, permissions, is_egress)?;
    for (n, rule) in new.iter().enumerate() {
        if new[..n].iter().any(|other| same(rule, other)) {
            return Err(refuse(
                "InvalidParameterValue",
                "The same permission must not appear multiple times",
            ));
        }
        check_source(t, region, rule)?;
    }
    let rules = in_direction(t, region, group, is_egress)?;
    if let Some(twice) = new.iter().find(|rule| rules.iter().any(|old| same(rule, old))) {
        let message = format!(
            "the specified rule \"peer: {}, {}, from port: {}, to port: {}, ALLOW\" already exists",
            source(twice),
            twice.ip_protocol,
            twice.from_port,
            twice.to_port
        );
        return Err(refuse("InvalidPermission.Duplicate", message));
    }
    let (mut v4, mut v6) = (0, 0);
    for rule in rules.into_iter().chain(&new) {
        let (four, six) = weight(t, region, rule)?;
        (v4, v6) = (v4 + four, v6 + six);
    }
    let limit = t.quotas.get(OVER).copied().unwrap_or(LIMIT).max(LIMIT);
    if v4 > limit || v6 > limit {
        return Err(refuse(OVER, "The maximum number of rules per security group has been reached."));
    }
    let mut ids = Vec::new();
    for mut rule in new {
        rule.id = t.fresh("sgr");
        rule.tags = tags.clone();
        ids.push(rule.id.clone());
        t.made(FamilyKind::SecurityGroupRules, &rule.id);
        t.region_mut(region).security_group_rules.put(rule.id.clone(), rule);
    }
    output("SecurityGroupRuleIds", ids)
}

fn revoke(t: &mut Twin, region: &str, group: &str, ids: &[String], is_egress: bool) -> Outcome {
    check_group(t, region, group)?;
    let rules = &t.region(region)?.security_group_rules;
    for id in ids {
        let missing = || {
            refuse(
                "InvalidSecurityGroupRuleId.NotFound",
                format!("The security group rule ID '{id}' does not exist"),
            )
        };
        let rule = must(rules.get(id), id, missing)?;
        if rule.group_id != *group || rule.is_egress != is_egress {
            return Err(missing());
        }
    }
    for id in ids {
        take_away(&mut t.region_mut(region).security_group_rules, id);
    }
    done()
}

fn check_group(t: &Twin, region: &str, id: &str) -> Result<(), CallError> {
    let absent = || refuse("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"));
    must(t.region(region)?.security_groups.get(id), id, absent).map(|_| ())
}

fn in_direction<'a>(
    t: &'a Twin,
    region: &str,
    group: &str,
    is_egress: bool,
) -> Result<Vec<&'a SecurityGroupRule>, CallError> {
    let rules = t.region(region)?.security_group_rules.select(&Selector::by("group-id", group));
    match rules {
        crate::inventory::Fact::Known(rules) => {
            Ok(rules.into_iter().map(|(_, rule)| rule).filter(|r| r.is_egress == is_egress).collect())
        }
        silent => Err(unknown(&format!("the rules of {group}"), silent.silence().unwrap_or("not read"))),
    }
}

/// Returns whether two rules are the same; descriptions and tags do not count.
fn same(a: &SecurityGroupRule, b: &SecurityGroupRule) -> bool {
    (&a.ip_protocol, a.from_port, a.to_port) == (&b.ip_protocol, b.from_port, b.to_port)
        && (&a.cidr_ipv4, &a.cidr_ipv6, &a.prefix_list_id, &a.referenced_group_id)
            == (&b.cidr_ipv4, &b.cidr_ipv6, &b.prefix_list_id, &b.referenced_group_id)
}

fn source(rule: &SecurityGroupRule) -> &str {
    [&rule.cidr_ipv4, &rule.cidr_ipv6, &rule.prefix_list_id, &rule.referenced_group_id]
        .into_iter()
        .flatten()
        .next()
        .map_or("", String::as_str)
}

/// Returns the number of rules that a rule counts as, for IPv4 and for IPv6.
fn weight(t: &Twin, region: &str, rule: &SecurityGroupRule) -> Result<(usize, usize), CallError> {
    if rule.cidr_ipv4.is_some() {
        return Ok((1, 0));
    }
    if rule.cidr_ipv6.is_some() {
        return Ok((0, 1));
    }
    let Some(list) = &rule.prefix_list_id else { return Ok((1, 1)) };
    let absent =
        || refuse("InvalidPrefixListID.NotFound", format!("The prefix list ID '{list}' does not exist"));
    let list = must(t.region(region)?.prefix_lists.get(list), list, absent)?;
    let entries =
        list.max_entries.and_then(|n| usize::try_from(n).ok()).or_else(|| list.entries.known().map(Vec::len));
    let size = entries.unwrap_or(1);
    Ok((size, size))
}

fn check_source(t: &Twin, region: &str, rule: &SecurityGroupRule) -> Result<(), CallError> {
    weight(t, region, rule)?;
    match &rule.referenced_group_id {
        Some(group) if rule.referenced_group_owner.is_none() => check_group(t, region, group),
        _ => Ok(()),
    }
}

/// Expands permissions into rules: one for each source.
fn rules_of(
    t: &Twin,
    group: &str,
    permissions: &[IpPermission],
    is_egress: bool,
) -> Result<Vec<SecurityGroupRule>, CallError> {
    let mut rules = Vec::new();
    for permission in permissions {
        let (ip_protocol, from_port, to_port) = traffic(permission)?;
        let rule = |description: &Option<String>| SecurityGroupRule {
            group_id: group.to_owned(),
            is_egress,
            ip_protocol: ip_protocol.clone(),
            from_port,
            to_port,
            description: description.clone().filter(|d| !d.is_empty()),
            ..SecurityGroupRule::default()
        };
        let malformed =
            |cidr: &str| refuse("InvalidParameterValue", format!("CIDR block {cidr} is malformed"));
        let before = rules.len();
        for range in &permission.ip_ranges {
            let cidr: Ipv4Net = range.cidr_ip.parse().map_err(|_| malformed(&range.cidr_ip))?;
            rules.push(SecurityGroupRule {
                cidr_ipv4: Some(cidr.trunc().to_string()),
                ..rule(&range.description)
            });
        }
        for range in &permission.ipv6_ranges {
            let cidr: Ipv6Net = range.cidr_ipv6.parse().map_err(|_| malformed(&range.cidr_ipv6))?;
            rules.push(SecurityGroupRule {
                cidr_ipv6: Some(cidr.trunc().to_string()),
                ..rule(&range.description)
            });
        }
        for list in &permission.prefix_list_ids {
            rules.push(SecurityGroupRule {
                prefix_list_id: Some(list.prefix_list_id.clone()),
                ..rule(&list.description)
            });
        }
        for pair in &permission.user_id_group_pairs {
            let owner = pair.user_id.clone().filter(|o| *o != t.truth.owner.account);
            rules.push(SecurityGroupRule {
                referenced_group_id: Some(pair.group_id.clone()),
                referenced_group_owner: owner,
                ..rule(&pair.description)
            });
        }
        if rules.len() == before {
            return Err(refuse(
                "MissingParameter",
                "a permission needs a source: IpRanges, Ipv6Ranges, PrefixListIds or UserIdGroupPairs",
            ));
        }
    }
    if rules.is_empty() {
        return Err(refuse("MissingParameter", "The request must contain the parameter IpPermissions"));
    }
    match rules.iter().filter_map(|r| r.description.as_ref()).find(|d| d.chars().count() > 255) {
        Some(_) => Err(refuse("InvalidParameterValue", "a description of a rule has at most 255 characters")),
        None => Ok(rules),
    }
}

/// Returns protocol and ports as AWS keeps them: protocols by name where they have one, -1 for all ports.
fn traffic(permission: &IpPermission) -> Result<(String, i32, i32), CallError> {
    let wrong = |message: String| refuse("InvalidParameterValue", message);
    let protocol = match permission.ip_protocol.to_ascii_lowercase().as_str() {
        "6" | "tcp" => "tcp",
        "17" | "udp" => "udp",
        "1" | "icmp" => "icmp",
        "58" | "icmpv6" => "icmpv6",
        "-1" | "all" => return Ok(("-1".to_owned(), -1, -1)),
        number => {
            let number: u8 = number
                .parse()
                .map_err(|_| wrong(format!("Invalid value '{number}' for IP protocol. Unknown protocol.")))?;
            return Ok((number.to_string(), -1, -1));
        }
    };
    let (from, to) = (permission.from_port, permission.to_port);
    if protocol.starts_with("icmp") {
        let (kind, code) = (from.unwrap_or(-1), to.unwrap_or(-1));
        let fits = (-1..=255).contains(&kind) && (-1..=255).contains(&code);
        return if fits {
            Ok((protocol.to_owned(), kind, code))
        } else {
            Err(wrong(format!("ICMP type {kind} or code {code} is out of range")))
        };
    }
    match (from, to) {
        (Some(from), Some(to)) if 0 <= from && from <= to && to <= 65535 => {
            Ok((protocol.to_owned(), from, to))
        }
        (Some(from), Some(to)) => Err(wrong(format!("Invalid value '{from}-{to}' for portRange"))),
        _ => Err(wrong(
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.".to_owned(),
        )),
    }
}
