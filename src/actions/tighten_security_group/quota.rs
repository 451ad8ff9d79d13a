//! The number of rules that a group has while old and new exist side by side
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups>).

use super::{edit::Edit, params::Params};
use crate::{
    actions::{
        Context, GuardNote, Refusal,
        quota::{self, own},
        support,
    },
    checks::security_groups::traffic::Direction,
    inventory::{Family, Inventory, PrefixList, Quota, SecurityGroupRule},
};

/// The name of the guard.
const GUARD: &str = "rule-quota";

/// Returns the number of rules of a direction that a group may have: the one that the user has set, else the
/// account's own quota where it is known, else AWS's default.
pub fn limit(inventory: &Inventory, region: &str, params: &Params) -> usize {
    let set = (params.rule_limit != Params::default().rule_limit).then_some(params.rule_limit);
    set.or(own(inventory, region, Quota::RULES_PER_GROUP).known().map(|quota| quota.value))
        .unwrap_or(params.rule_limit)
}

/// Refuses an edit that would exceed the limit. IPv4 and IPv6 are counted apart. Notes where the limit is
/// from, but for AWS's default where nothing else applies.
///
/// # Errors
/// A refusal with the numbers.
pub fn fits(
    context: &Context<'_>,
    rules: &[&SecurityGroupRule],
    edit: &Edit<'_>,
    params: &Params,
) -> Result<Option<GuardNote>, Refusal> {
    if edit.add.is_empty() {
        return Ok(None);
    }
    let lists = &support::region(context.inventory, context.region)?.prefix_lists;
    let limit = limit(context.inventory, context.region, params);
    for v4 in [true, false] {
        let count = |rules: &mut dyn Iterator<Item = &SecurityGroupRule>| -> usize {
            rules.filter(|rule| params.direction.has(rule)).map(|rule| weight(rule, lists, v4)).sum()
        };
        let (now, more) = (count(&mut rules.iter().copied()), count(&mut edit.add.iter()));
        if more > 0 && now + more > limit {
            let less = match params.direction {
                Direction::Ingress => "allow fewer CIDRs, use strategy \"revoke\"",
                Direction::Egress => "keep less",
            };
            let family = if v4 { "IPv4" } else { "IPv6" };
            return Err(Refusal::Refused(format!(
                "the new rules come before the old ones go, and for {family} that would be {now} + {more} \
                 rules where the limit is {limit}: {less}, or set rule_limit if the quota of the account is \
                 higher"
            )));
        }
    }
    if params.rule_limit != Params::default().rule_limit {
        return Ok(None);
    }
    let words = [
        "old and new rules side by side fit in the account's quota, as Service Quotas has it",
        "the account's own quota of rules is not known: AWS's default counts",
    ];
    Ok(quota::note(context.inventory, context.region, GUARD, [Quota::RULES_PER_GROUP], words))
}

/// Returns the weight of a rule in the quota: a CIDR counts as one in its family, another group as one in
/// both, a prefix list as many as it may contain.
fn weight(rule: &SecurityGroupRule, lists: &Family<PrefixList>, v4: bool) -> usize {
    let Some(id) = &rule.prefix_list_id else {
        let other = if v4 { &rule.cidr_ipv6 } else { &rule.cidr_ipv4 };
        return usize::from(other.is_none());
    };
    // An unknown list counts as one rule: AWS then enforces the quota, before anything is revoked.
    let Some(list) = lists.get(id).known().copied() else { return 1 };
    let other_family =
        |entries: &Vec<String>| !entries.is_empty() && entries.iter().all(|e| e.contains(':') == v4);
    if list.entries.known().is_some_and(other_family) {
        return 0;
    }
    list.max_entries.and_then(|n| usize::try_from(n).ok()).unwrap_or_else(|| aws_weight(&list.name))
}

/// Returns the weight of AWS's own lists
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html>).
fn aws_weight(name: &str) -> usize {
    let known = [
        ("cloudfront", 55),
        ("route53-healthchecks", 25),
        ("vpc-lattice", 10),
        ("s3express", 6),
        ("groundstation", 5),
        ("ec2-instance-connect", 2),
    ];
    known.iter().find(|(part, _)| name.contains(part)).map_or(1, |(_, weight)| *weight)
}
