//! The edit of a group's rules: those that go, and those that come in their place. It names rules; calls are
//! made of them elsewhere.

use ipnet::IpNet;

use super::{
    clients::kept,
    params::{Params, Strategy},
};
use crate::{
    actions::{Refusal, support},
    checks::{
        ports::{Ranges, Transport},
        security_groups::{
            exposure::{Exposure, Offence, beside, survey, unauthorised},
            traffic::{self, Direction, Protocol},
        },
    },
    inventory::{Family, PrefixList, SecurityGroupRule},
};

/// The rules of a group as they are to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit<'a> {
    /// The rules that go.
    pub revoke: Vec<&'a SecurityGroupRule>,
    /// The rules that come; their ids are made up.
    pub add: Vec<SecurityGroupRule>,
    /// All rules afterwards.
    pub after: Vec<SecurityGroupRule>,
    /// The traffic that closes: the source, and the traffic that it may no longer send.
    pub closes: Vec<(String, SecurityGroupRule)>,
}

/// Returns the rules that go and those that come, so that none of the exposures is left. The `clients` are
/// the networks from which endpoints behind the group are reached: they keep HTTPS.
///
/// # Errors
/// A refusal: nothing is open, or that cannot be determined, or the strategy does not fit, or the world would
/// be left in.
pub fn edit<'a>(
    rules: &[&'a SecurityGroupRule],
    lists: &Family<PrefixList>,
    exposures: &[Exposure],
    params: &Params,
    clients: &[IpNet],
) -> Result<Edit<'a>, Refusal> {
    let offences = offences(rules, lists, exposures, params)?;
    let allowed = |o: &&Offence<'_>| !params.allow.iter().any(|a| traffic::source(o.rule) == a.0.to_string());
    let offences: Vec<&Offence<'_>> = offences.iter().filter(allowed).collect();
    if offences.is_empty() {
        return Err(Refusal::Nothing(match params.direction {
            Direction::Ingress => "no rule is open to the world".to_owned(),
            Direction::Egress => "no rule lets everything out to everywhere".to_owned(),
        }));
    }
    let revoke: Vec<&SecurityGroupRule> = offences.iter().map(|o| o.rule).collect();
    let stays: Vec<&SecurityGroupRule> =
        rules.iter().copied().filter(|r| !revoke.iter().any(|gone| gone.id == r.id)).collect();
    let (mut add, mut closes) = (Vec::<SecurityGroupRule>::new(), Vec::new());
    for offence in &offences {
        let (wanted, closed) = match params.direction {
            Direction::Ingress => instead(offence, lists, params)?,
            Direction::Egress => (still_out(offence.rule, lists, params, &stays), vec![offence.rule.clone()]),
        };
        closes.extend(closed.into_iter().map(|c| (traffic::source(offence.rule).to_owned(), c)));
        let here: Vec<&SecurityGroupRule> = stays.iter().copied().chain(&wanted).chain(&add).collect();
        let kept = match params.direction {
            Direction::Ingress => kept(offence.rule, lists, clients, &here),
            Direction::Egress => Vec::new(),
        };
        for rule in wanted.into_iter().chain(kept) {
            if !stays.iter().copied().chain(&add).any(|r| same(r, &rule)) {
                add.push(SecurityGroupRule { id: format!("new-{}", add.len() + 1), ..rule });
            }
        }
    }
    let after: Vec<SecurityGroupRule> = stays.into_iter().chain(&add).cloned().collect();
    left_open(&after, lists, exposures, params)?;
    Ok(Edit { revoke, add, after, closes })
}

/// Returns the offences of several exposures, one for each rule.
fn offences<'a>(
    rules: &[&'a SecurityGroupRule],
    lists: &Family<PrefixList>,
    exposures: &[Exposure],
    params: &Params,
) -> Result<Vec<Offence<'a>>, Refusal> {
    let mut all: Vec<Offence<'a>> = Vec::new();
    for &exposure in exposures {
        let survey = survey(rules, lists, exposure, &params.authorised);
        if !survey.unknown.is_empty() {
            return Err(Refusal::Unknown(format!(
                "redress could not find out whether all its sources are the world: {}",
                survey.unknown.join("; ")
            )));
        }
        for mut offence in survey.offences {
            if exposure == Exposure::AllTraffic {
                offence.services = exposure
                    .services()
                    .filter(|s| s.transports.iter().any(|t| traffic::admits(offence.rule, *t, s.port)))
                    .collect();
                // The other checks leave such a rule to this exposure, and with it all of its ports.
                offence.others = unauthorised(offence.rule, &params.authorised);
            }
            match all.iter_mut().find(|o| o.rule.id == offence.rule.id) {
                Some(known) => {
                    known.services.extend(offence.services);
                    known.others.extend(offence.others);
                }
                None => all.push(offence),
            }
        }
    }
    Ok(all)
}

/// Returns the rules that replace an open rule, and the traffic that closes to its source.
fn instead(
    offence: &Offence<'_>,
    lists: &Family<PrefixList>,
    params: &Params,
) -> Result<(Vec<SecurityGroupRule>, Vec<SecurityGroupRule>), Refusal> {
    let rule = offence.rule;
    let allowed = allowed_for(rule, lists, params)?;
    let from_allowed =
        |body: &SecurityGroupRule| allowed.iter().map(|net| with_source(body, net)).collect::<Vec<_>>();
    match params.strategy {
        Strategy::Revoke => Ok((Vec::new(), vec![rule.clone()])),
        Strategy::Narrow => Ok((from_allowed(rule), vec![rule.clone()])),
        Strategy::Split => {
            let Protocol::Ports(transport) = traffic::protocol(rule) else {
                return Err(Refusal::Refused(format!(
                    "rule {} is for all protocols and has no ports to split, and splitting it would drop the \
                     protocols that have none: use strategy \"narrow\" or \"revoke\" for it",
                    rule.id
                )));
            };
            let (risky, harmless) = split(offence, transport);
            let part = |(from_port, to_port): &(i32, i32)| SecurityGroupRule {
                from_port: *from_port,
                to_port: *to_port,
                ..rule.clone()
            };
            let closed: Vec<SecurityGroupRule> = risky.iter().map(part).collect();
            let mut wanted: Vec<SecurityGroupRule> = harmless.iter().map(part).collect();
            wanted.extend(closed.iter().flat_map(from_allowed));
            Ok((wanted, closed))
        }
    }
}

/// Returns the rules for the traffic that still goes out, of that which an outbound rule lets out now, and
/// which no rule that stays lets out anyway.
fn still_out(
    gone: &SecurityGroupRule,
    lists: &Family<PrefixList>,
    params: &Params,
    stays: &[&SecurityGroupRule],
) -> Vec<SecurityGroupRule> {
    let kept = params.keep.iter().filter(|keep| !stays.iter().any(|rule| keep.is_let_out_by(rule, lists)));
    kept.flat_map(|keep| keep.rules(gone, lists)).collect()
}

/// Splits the range of a rule into the ports that must close, and those that are left.
fn split(offence: &Offence<'_>, transport: Transport) -> (Ranges, Ranges) {
    let (from, to) = traffic::range(offence.rule);
    let watched = offence.services.iter().filter(|s| s.transports.contains(&transport));
    let watched = watched.map(|s| (i32::from(s.port), i32::from(s.port)));
    let within = |(first, last): &(i32, i32)| from <= *first && *last <= to;
    let mut ports: Ranges = watched.chain(offence.others.iter().copied()).filter(within).collect();
    ports.sort_unstable();
    let mut risky = Ranges::new();
    for (first, last) in ports {
        match risky.last_mut() {
            Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
            _ => risky.push((first, last)),
        }
    }
    let harmless = beside((from, to), &risky);
    (risky, harmless)
}

/// Returns the allowed networks of the address families that the rule's source has.
fn allowed_for(
    rule: &SecurityGroupRule,
    lists: &Family<PrefixList>,
    params: &Params,
) -> Result<Vec<IpNet>, Refusal> {
    let nets = support::need(traffic::nets(rule, lists), &format!("the source of rule {}", rule.id))?;
    let has = |v4: bool| nets.iter().any(|net| net.addr().is_ipv4() == v4);
    let (v4, v6) = (has(true), has(false));
    Ok(params.allow.iter().map(|a| a.0).filter(|net| if net.addr().is_ipv4() { v4 } else { v6 }).collect())
}

/// Returns the rule with another source.
fn with_source(rule: &SecurityGroupRule, net: &IpNet) -> SecurityGroupRule {
    let text = Some(net.to_string());
    let (cidr_ipv4, cidr_ipv6) = if net.addr().is_ipv4() { (text, None) } else { (None, text) };
    SecurityGroupRule { cidr_ipv4, cidr_ipv6, prefix_list_id: None, ..rule.clone() }
}

/// Returns whether two rules let in the same traffic: AWS refuses the second as a duplicate.
fn same(a: &SecurityGroupRule, b: &SecurityGroupRule) -> bool {
    let ports = |r: &SecurityGroupRule| {
        if traffic::protocol(r) == Protocol::All { (0, 0) } else { (r.from_port, r.to_port) }
    };
    a.is_egress == b.is_egress
        && traffic::protocol(a) == traffic::protocol(b)
        && ports(a) == ports(b)
        && (&a.cidr_ipv4, &a.cidr_ipv6, &a.prefix_list_id, &a.referenced_group_id)
            == (&b.cidr_ipv4, &b.cidr_ipv6, &b.prefix_list_id, &b.referenced_group_id)
}

/// Refuses a change that would not close its exposures, since the rules that stay and come would together
/// still be the world.
fn left_open(
    after: &[SecurityGroupRule],
    lists: &Family<PrefixList>,
    exposures: &[Exposure],
    params: &Params,
) -> Result<(), Refusal> {
    let after: Vec<&SecurityGroupRule> = after.iter().collect();
    for &exposure in exposures {
        if let Some(open) = survey(&after, lists, exposure, &params.authorised).offences.first() {
            if params.direction == Direction::Egress {
                return Err(Refusal::Refused(format!(
                    "what is kept and the rules that stay would together still let everything out ({}): keep \
                     less",
                    traffic::line(open.rule)
                )));
            }
            return Err(Refusal::Refused(format!(
                "the allowed CIDRs and the rules that stay would together still be the world ({}): allow \
                 less, or use strategy \"revoke\"",
                traffic::line(open.rule)
            )));
        }
    }
    Ok(())
}
