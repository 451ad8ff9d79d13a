//! The rules of a group that open something to the world. The checks judge by this module and the action
//! tightens by it, so that the action fixes exactly what the checks find. Pure; it knows no resource but the
//! rules that are passed in.

use ipnet::IpNet;

use super::{
    traffic::{Protocol, admits, admits_all, nets, protocol},
    world::{is_private, open_among},
};
use crate::{
    checks::ports::{ADMIN, DATABASE, Service, Transport},
    inventory::{Fact, Family, PrefixList, SecurityGroupRule},
};

/// A kind of exposure to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exposure {
    /// A port by which machines are administered.
    AdminPort,
    /// A port behind which data is stored.
    DatabasePort,
    /// Everything: all protocols, or all of TCP, or all of UDP.
    AllTraffic,
}

impl Exposure {
    /// All exposures, in the order of the checks.
    pub const ALL: [Exposure; 3] = [Exposure::AdminPort, Exposure::DatabasePort, Exposure::AllTraffic];

    /// Returns the id of the check that looks for the exposure.
    pub fn check(self) -> &'static str {
        match self {
            Exposure::AdminPort => "security-group-open-admin-port",
            Exposure::DatabasePort => "security-group-open-database-port",
            Exposure::AllTraffic => "security-group-open-all-traffic",
        }
    }

    /// Returns the exposure that a check looks for.
    pub fn of(check: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.check() == check)
    }

    /// Returns the services whose ports must not be open. A rule for everything opens them all.
    pub fn services(self) -> impl Iterator<Item = &'static Service> {
        let (admin, data) = (self != Exposure::DatabasePort, self != Exposure::AdminPort);
        ADMIN.iter().filter(move |_| admin).chain(DATABASE.iter().filter(move |_| data))
    }
}

/// A rule that opens something to the world, alone or together with others.
#[derive(Debug, Clone, PartialEq)]
pub struct Offence<'a> {
    /// The rule.
    pub rule: &'a SecurityGroupRule,
    /// The listed services that it opens; none for a rule that opens everything.
    pub services: Vec<&'static Service>,
}

/// The exposures of a group's rules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey<'a> {
    /// The rules that open something, in the order of the rules.
    pub offences: Vec<Offence<'a>>,
    /// The sources that cannot be classified as the world or not, each with the reason.
    pub unknown: Vec<String>,
    /// Rules that open everything and so are left to [`Exposure::AllTraffic`]; only for the others.
    pub left_to_all_traffic: Vec<&'a SecurityGroupRule>,
}

/// Finds the rules of a group that expose it. One rule is one finding: a rule that opens everything to the
/// world is listed under [`Exposure::AllTraffic`] and not again under the ports.
pub fn survey<'a>(
    rules: &[&'a SecurityGroupRule],
    lists: &Family<PrefixList>,
    exposure: Exposure,
) -> Survey<'a> {
    let inbound: Vec<&'a SecurityGroupRule> = rules.iter().copied().filter(|r| !r.is_egress).collect();
    let sources: Vec<(&'a SecurityGroupRule, Fact<Vec<IpNet>>)> =
        inbound.iter().map(|rule| (*rule, nets(rule, lists))).collect();
    let all_known = sources.iter().all(|(_, nets)| nets.known().is_some());
    let public: Vec<Public<'a>> =
        sources.into_iter().filter_map(|(rule, nets)| Public::of(rule, nets)).collect();
    // Of most groups, every source is known and none is on the internet.
    if public.is_empty() && all_known {
        return Survey::default();
    }
    let everything = open_to_all(&inbound, &public);
    if exposure == Exposure::AllTraffic {
        let offences = inbound
            .iter()
            .filter(|r| holds_rule(&everything, r))
            .map(|rule| Offence { rule, services: Vec::new() })
            .collect();
        return Survey {
            offences,
            unknown: unknown_sources(&inbound, lists, is_everything),
            left_to_all_traffic: Vec::new(),
        };
    }
    let others: Vec<&SecurityGroupRule> =
        inbound.iter().copied().filter(|r| !holds_rule(&everything, r)).collect();
    let public: Vec<Public<'a>> = public.into_iter().filter(|p| !holds_rule(&everything, p.rule)).collect();
    let mut offences: Vec<Offence<'a>> =
        public.iter().map(|p| Offence { rule: p.rule, services: Vec::new() }).collect();
    for service in exposure.services().filter(|_| !public.is_empty()) {
        for &transport in service.transports {
            for rule in open_by(&public, |r| admits(r, transport, service.port)) {
                if let Some(offence) =
                    offences.iter_mut().find(|o| o.rule.id == rule.id && !o.services.contains(&service))
                {
                    offence.services.push(service);
                }
            }
        }
    }
    offences.retain(|o| !o.services.is_empty());
    let listed = |r: &SecurityGroupRule| {
        exposure.services().any(|s| s.transports.iter().any(|t| admits(r, *t, s.port)))
    };
    let unknown = unknown_sources(&others, lists, |r| protocol(r) != Protocol::All && listed(r));
    Survey { offences, unknown, left_to_all_traffic: everything }
}

fn holds_rule(rules: &[&SecurityGroupRule], rule: &SecurityGroupRule) -> bool {
    rules.iter().any(|r| r.id == rule.id)
}

fn is_everything(rule: &SecurityGroupRule) -> bool {
    Transport::ALL.into_iter().any(|t| admits_all(rule, t))
}

/// Returns the rules that open everything, or all of TCP, or all of UDP, to the world.
fn open_to_all<'a>(inbound: &[&'a SecurityGroupRule], public: &[Public<'a>]) -> Vec<&'a SecurityGroupRule> {
    let mut found: Vec<&SecurityGroupRule> = Vec::new();
    for transport in Transport::ALL {
        found.extend(open_by(public, |r| admits_all(r, transport)));
    }
    inbound.iter().copied().filter(|r| holds_rule(&found, r)).collect()
}

/// A rule with a source from which packets of the public internet can come: no other can be open to the
/// world. Unknown sources are not counted here: [`unknown_sources`] lists them.
struct Public<'a> {
    rule: &'a SecurityGroupRule,
    nets: Vec<IpNet>,
}

impl<'a> Public<'a> {
    fn of(rule: &'a SecurityGroupRule, nets: Fact<Vec<IpNet>>) -> Option<Self> {
        let Fact::Known(nets) = nets else { return None };
        (!nets.iter().all(is_private)).then_some(Self { rule, nets })
    }
}

/// Returns those among the rules for the same traffic whose sources are the world, alone or together.
fn open_by<'a>(
    public: &[Public<'a>],
    same: impl Fn(&SecurityGroupRule) -> bool,
) -> Vec<&'a SecurityGroupRule> {
    let (rules, sources): (Vec<_>, Vec<_>) =
        public.iter().filter(|p| same(p.rule)).map(|p| (p.rule, p.nets.as_slice())).unzip();
    // Asked for every listed port of every group, and mostly answered by this.
    if rules.is_empty() {
        return Vec::new();
    }
    open_among(&sources).into_iter().map(|n| rules[n]).collect()
}

fn unknown_sources(
    rules: &[&SecurityGroupRule],
    lists: &Family<PrefixList>,
    matters: impl Fn(&SecurityGroupRule) -> bool,
) -> Vec<String> {
    let reason = |r: &&SecurityGroupRule| nets(r, lists).silence().map(|why| format!("{}: {why}", r.id));
    rules.iter().filter(|r| matters(r)).filter_map(reason).collect()
}
