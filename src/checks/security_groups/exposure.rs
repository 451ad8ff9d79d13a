//! The rules of a group that open something to the world. The checks judge by this module and the action
//! tightens by it, so that the action fixes exactly what the checks find. Pure; it knows no resource but the
//! rules that are passed in.

use ipnet::IpNet;

use std::collections::BTreeSet;

use super::{
    traffic::{Direction, Protocol, admits, admits_all, nets, protocol, span},
    world::{is_private, open_among},
};
use crate::{
    checks::ports::{ADMIN, Authorised, DATABASE, ENDPOINT, OTHER, PUBLIC, Ranges, Service, Transport},
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
    /// A port of TCP or UDP that is in neither list and that nobody has authorised.
    OtherPort,
    /// The port of interface endpoints; only for groups that these have.
    Endpoint,
    /// Everything, to everywhere: the way out, and the only exposure of outbound rules.
    Egress,
}

impl Exposure {
    /// All exposures, in the order of the checks.
    pub const ALL: [Exposure; 6] = [
        Exposure::AdminPort,
        Exposure::DatabasePort,
        Exposure::AllTraffic,
        Exposure::OtherPort,
        Exposure::Endpoint,
        Exposure::Egress,
    ];

    /// Returns the exposures of a direction that nobody authorises.
    pub fn never_meant(direction: Direction) -> &'static [Exposure] {
        match direction {
            Direction::Ingress => &[Exposure::AdminPort, Exposure::DatabasePort, Exposure::AllTraffic],
            Direction::Egress => &[Exposure::Egress],
        }
    }

    /// Returns the direction of the rules that it is about.
    pub fn direction(self) -> Direction {
        if self == Exposure::Egress { Direction::Egress } else { Direction::Ingress }
    }

    /// Returns the id of the check that looks for the exposure.
    pub fn check(self) -> &'static str {
        match self {
            Exposure::AdminPort => "security-group-open-admin-port",
            Exposure::DatabasePort => "security-group-open-database-port",
            Exposure::AllTraffic => "security-group-open-all-traffic",
            Exposure::OtherPort => "security-group-open-other-port",
            Exposure::Endpoint => "vpc-endpoint-open-security-group",
            Exposure::Egress => "security-group-open-egress",
        }
    }

    /// Returns the exposure that a check looks for.
    pub fn of(check: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.check() == check)
    }

    /// Returns whether it is about a rule. A way out to a prefix list is somebody's choice, whatever is in
    /// the list.
    fn judges(self, rule: &SecurityGroupRule) -> bool {
        self.direction().has(rule) && (self != Exposure::Egress || rule.prefix_list_id.is_none())
    }

    /// Returns the services whose ports must not be open: a rule for everything opens them all. Of other
    /// ports, these are only the ones with a name.
    pub fn services(self) -> impl Iterator<Item = &'static Service> {
        let (one, two): (&[Service], &[Service]) = match self {
            Exposure::AdminPort => (ADMIN, &[]),
            Exposure::DatabasePort => (DATABASE, &[]),
            Exposure::AllTraffic => (ADMIN, DATABASE),
            Exposure::Egress => (&[], &[]),
            Exposure::OtherPort => (OTHER, PUBLIC),
            Exposure::Endpoint => (ENDPOINT, &[]),
        };
        one.iter().chain(two)
    }
}

/// A rule that opens something to the world, alone or together with others.
#[derive(Debug, Clone, PartialEq)]
pub struct Offence<'a> {
    /// The rule.
    pub rule: &'a SecurityGroupRule,
    /// The listed services that it opens; none for a rule that opens everything.
    pub services: Vec<&'static Service>,
    /// The other ports that it opens, in ranges; only for [`Exposure::OtherPort`].
    pub others: Ranges,
}

impl<'a> Offence<'a> {
    fn of(rule: &'a SecurityGroupRule) -> Self {
        Offence { rule, services: Vec::new(), others: Ranges::new() }
    }
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
/// world is listed under [`Exposure::AllTraffic`] and not again under the ports, but for
/// [`Exposure::Endpoint`], which also asks for what must stay. `authorised` are the ports
/// that are no exposure of [`Exposure::OtherPort`].
pub fn survey<'a>(
    rules: &[&'a SecurityGroupRule],
    lists: &Family<PrefixList>,
    exposure: Exposure,
    authorised: &Authorised,
) -> Survey<'a> {
    let own: Vec<&'a SecurityGroupRule> = rules.iter().copied().filter(|r| exposure.judges(r)).collect();
    let sources: Vec<(&'a SecurityGroupRule, Fact<Vec<IpNet>>)> =
        own.iter().map(|rule| (*rule, nets(rule, lists))).collect();
    let all_known = sources.iter().all(|(_, nets)| nets.known().is_some());
    let public: Vec<Public<'a>> =
        sources.into_iter().filter_map(|(rule, nets)| Public::of(rule, nets)).collect();
    // Of most groups, every source is known and none is on the internet.
    if public.is_empty() && all_known {
        return Survey::default();
    }
    if exposure == Exposure::Endpoint {
        let matters = |r: &SecurityGroupRule| admits_listed(r, exposure);
        return Survey {
            offences: listed_ports(&public, exposure),
            unknown: unknown_sources(&own, lists, matters),
            left_to_all_traffic: Vec::new(),
        };
    }
    let everything = open_to_all(&own, &public);
    if matches!(exposure, Exposure::AllTraffic | Exposure::Egress) {
        let offences = own.iter().copied().filter(|r| holds_rule(&everything, r)).map(Offence::of).collect();
        return Survey {
            offences,
            unknown: unknown_sources(&own, lists, is_everything),
            left_to_all_traffic: Vec::new(),
        };
    }
    let others: Vec<&SecurityGroupRule> =
        own.iter().copied().filter(|r| !holds_rule(&everything, r)).collect();
    let public: Vec<Public<'a>> = public.into_iter().filter(|p| !holds_rule(&everything, p.rule)).collect();
    let (offences, unknown) = match exposure {
        Exposure::OtherPort => {
            let matters = |r: &SecurityGroupRule| !unauthorised(r, authorised).is_empty();
            (other_ports(&public, authorised), unknown_ports(&others, lists, matters))
        }
        _ => {
            let matters = |r: &SecurityGroupRule| admits_listed(r, exposure);
            (listed_ports(&public, exposure), unknown_ports(&others, lists, matters))
        }
    };
    Survey { offences, unknown, left_to_all_traffic: everything }
}

/// Returns whether a rule lets in a listed service of an exposure.
fn admits_listed(rule: &SecurityGroupRule, exposure: Exposure) -> bool {
    exposure.services().any(|s| s.transports.iter().any(|t| admits(rule, *t, s.port)))
}

/// Returns the offences of rules that open a listed service.
fn listed_ports<'a>(public: &[Public<'a>], exposure: Exposure) -> Vec<Offence<'a>> {
    let mut offences: Vec<Offence<'a>> = public.iter().map(|p| Offence::of(p.rule)).collect();
    for service in exposure.services().filter(|_| !public.is_empty()) {
        for &transport in service.transports {
            for rule in open_by(public, |r| admits(r, transport, service.port)) {
                if let Some(offence) =
                    offences.iter_mut().find(|o| o.rule.id == rule.id && !o.services.contains(&service))
                {
                    offence.services.push(service);
                }
            }
        }
    }
    offences.retain(|o| !o.services.is_empty());
    offences
}

/// Returns the offences of rules that open a port that is in no list and not authorised. Between two ports at
/// which a rule begins or has ended, the same rules let everything in, so one port of each such stretch
/// stands for all.
fn other_ports<'a>(public: &[Public<'a>], authorised: &Authorised) -> Vec<Offence<'a>> {
    let mut offences: Vec<Offence<'a>> = public.iter().map(|p| Offence::of(p.rule)).collect();
    for transport in Transport::ALL {
        let exempt = exempt(transport, authorised);
        let spans = public.iter().filter_map(|p| span(p.rule, transport));
        let cuts: BTreeSet<i32> = spans.flat_map(|(from, to)| [from, to + 1]).collect();
        for (from, next) in cuts.iter().zip(cuts.iter().skip(1)) {
            let open = beside((*from, next - 1), &exempt);
            if open.is_empty() {
                continue;
            }
            let all_of_it = |r: &SecurityGroupRule| {
                span(r, transport).is_some_and(|(first, last)| first <= *from && *next <= last + 1)
            };
            for rule in open_by(public, all_of_it) {
                if let Some(offence) = offences.iter_mut().find(|o| o.rule.id == rule.id) {
                    let named = Exposure::OtherPort.services().filter(|s| s.transports.contains(&transport));
                    let within = |s: &&Service| {
                        let port = i32::from(s.port);
                        open.iter().any(|(first, last)| (*first..=*last).contains(&port))
                    };
                    offence.services.extend(named.filter(within));
                    offence.others.extend(&open);
                }
            }
        }
    }
    offences.retain(|o| !o.others.is_empty());
    offences
}

/// Returns the ports that a rule lets in, that are in no list and not authorised.
pub fn unauthorised(rule: &SecurityGroupRule, authorised: &Authorised) -> Ranges {
    let over = |transport| {
        span(rule, transport).map(|all| beside(all, &exempt(transport, authorised))).unwrap_or_default()
    };
    Transport::ALL.into_iter().flat_map(over).collect()
}

/// Returns the ports that are no exposure of [`Exposure::OtherPort`], in order: those that are authorised,
/// and those that other checks look for.
fn exempt(transport: Transport, authorised: &Authorised) -> Ranges {
    let listed = ADMIN.iter().chain(DATABASE).filter(|s| s.transports.contains(&transport));
    let listed = listed.map(|s| (i32::from(s.port), i32::from(s.port)));
    let mut all: Ranges = listed.chain(authorised.over(transport)).collect();
    all.sort_unstable();
    all
}

/// Returns what is left of a range without others, which are in order.
pub fn beside((from, to): (i32, i32), without: &Ranges) -> Ranges {
    let (mut left, mut next) = (Ranges::new(), from);
    for &(first, last) in without.iter().filter(|(first, last)| *last >= from && *first <= to) {
        if next < first {
            left.push((next, first - 1));
        }
        next = next.max(last + 1);
    }
    if next <= to {
        left.push((next, to));
    }
    left
}

fn unknown_ports(
    rules: &[&SecurityGroupRule],
    lists: &Family<PrefixList>,
    matters: impl Fn(&SecurityGroupRule) -> bool,
) -> Vec<String> {
    unknown_sources(rules, lists, |r| protocol(r) != Protocol::All && matters(r))
}

fn holds_rule(rules: &[&SecurityGroupRule], rule: &SecurityGroupRule) -> bool {
    rules.iter().any(|r| r.id == rule.id)
}

fn is_everything(rule: &SecurityGroupRule) -> bool {
    Transport::ALL.into_iter().any(|t| admits_all(rule, t))
}

/// Returns the rules that open everything, or all of TCP, or all of UDP, to the world.
fn open_to_all<'a>(rules: &[&'a SecurityGroupRule], public: &[Public<'a>]) -> Vec<&'a SecurityGroupRule> {
    let mut found: Vec<&SecurityGroupRule> = Vec::new();
    for transport in Transport::ALL {
        found.extend(open_by(public, |r| admits_all(r, transport)));
    }
    rules.iter().copied().filter(|r| holds_rule(&found, r)).collect()
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
