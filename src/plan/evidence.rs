//! Evidence of use for the changes of a plan: what is asked of flow logs, and what becomes of the answers. It
//! is stored beside the work that a change does and never part of it: when a change is made again before it
//! is applied, there are no logs. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use ipnet::IpNet;
use serde_json::Value;

use super::{Change, Plan, propose::checks_of};
use crate::{
    actions::{self, ActionUse, Context, Refusal},
    evidence::{At, Closing, Evidence, Interface, Question, Traffic, Use, Way, observed},
    inventory::{FamilyKind, Inventory, NetworkInterface, Scope, Selector, Want},
    resource::ResourceId,
};

/// The parameter that takes observed networks, and its kind: of every action that has it.
const ALLOW: (&str, &str) = ("allow", "list of CIDRs");

/// The networks that `--allow-observed` adds to what a change on a resource lets in, or the reason for which
/// no change is made of it.
pub type Observed = BTreeMap<ResourceId, Result<Vec<IpNet>, String>>;

/// The questions of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The questions, change by change.
    pub questions: Vec<Question>,
    /// The change that each of them is about.
    about: Vec<Key>,
}

/// A change by its resource, its actions and the findings that it answers: what comes in to a group and what
/// goes out of it are two changes.
type Key = (ResourceId, String, Vec<String>);

/// The evidence that was found, by change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found(BTreeMap<Key, Evidence>);

/// Returns the interfaces that must be read before the questions of a plan can be asked.
pub fn needs(plan: &Plan, inventory: &Inventory) -> Scope {
    let mut scope = Scope::new();
    for change in &plan.changes {
        for closing in closings(plan, change, inventory).iter().flatten() {
            let (name, value) = listing(&closing.at);
            scope.insert(Want::by(&change.region, FamilyKind::NetworkInterfaces, name, value));
        }
    }
    scope
}

impl Asked {
    /// Asks who uses what the changes of a plan close.
    pub fn of(plan: &Plan, inventory: &Inventory) -> Self {
        let (mut asked, mut listings) = (Self::default(), Listings::default());
        for change in &plan.changes {
            let questions = match closings(plan, change, inventory) {
                Ok(closings) => {
                    closings.into_iter().map(|closing| listings.ask(inventory, change, closing)).collect()
                }
                Err(refusal) => vec![unknown(change, &refusal)],
            };
            asked.about.extend(questions.iter().map(|_| key(change)));
            asked.questions.extend(questions);
        }
        asked
    }

    /// Joins the answers with the changes that they are about.
    pub fn answered(&self, uses: Vec<Use>) -> Found {
        let mut found = Found::default();
        for (about, one) in self.about.iter().zip(uses) {
            found.0.entry(about.clone()).or_default().uses.push(one);
        }
        found
    }
}

impl Found {
    /// Returns the networks that were seen to use what changes close, of changes that let networks in.
    pub fn observed(&self, plan: &Plan) -> Observed {
        let takers = plan.changes.iter().filter(|change| change.uses.iter().any(takes_networks));
        takers
            .filter_map(|change| Some((change.resource.clone(), observed(self.0.get(&key(change))?))))
            .collect()
    }

    /// Puts the evidence into the changes of a plan, with the networks that they let in since they were
    /// observed.
    pub fn put(&self, plan: &mut Plan, allowed: &Observed) {
        for change in &mut plan.changes {
            let Some(evidence) = self.0.get(&key(change)) else { continue };
            let nets = match allowed.get(&change.resource) {
                Some(Ok(nets)) if change.uses.iter().any(takes_networks) => nets.clone(),
                _ => Vec::new(),
            };
            change.evidence = Some(Evidence { allowed: nets, ..evidence.clone() });
        }
    }
}

/// Adds observed networks to those that a use lets in, where it can.
pub(super) fn allow(one: &mut ActionUse, nets: &[IpNet]) {
    if !takes_networks(one) {
        return;
    }
    if let Some(Value::Array(list)) = one.with.get_mut(ALLOW.0) {
        let new = nets.iter().map(|net| Value::from(net.to_string())).filter(|net| !list.contains(net));
        list.extend(new.collect::<Vec<_>>());
    }
}

/// Returns whether a use lets networks in: its action has the parameter, and is not about what goes out.
pub(super) fn takes_networks(one: &ActionUse) -> bool {
    let takes = |action: &dyn actions::Action| {
        let has = action.parameters().iter().any(|p| (p.name, p.kind) == ALLOW);
        has && action.lane(&one.with).is_empty()
    };
    actions::find(&one.action).is_some_and(takes)
}

fn key(change: &Change) -> Key {
    (change.resource.clone(), change.action.to_string(), checks_of(change))
}

/// Returns what the actions of a change close.
fn closings(plan: &Plan, change: &Change, inventory: &Inventory) -> Result<Vec<Closing>, Refusal> {
    let checks = checks_of(change);
    let context = Context { inventory, region: &change.region, checks: &checks, options: &plan.options };
    let mut all = Vec::new();
    for one in &change.uses {
        if let Some(action) = actions::find(&one.action) {
            match action.closes(&context, &change.resource, &one.with) {
                Ok(closings) => all.extend(closings),
                // One of several actions may have nothing to do.
                Err(Refusal::Nothing(_)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
    }
    Ok(all)
}

/// Builds the question about a change of which it is not known what it closes.
fn unknown(change: &Change, refusal: &Refusal) -> Question {
    let (Refusal::Refused(reason) | Refusal::Unknown(reason) | Refusal::Nothing(reason)) = refusal;
    Question {
        closing: Closing {
            closes: format!("what {} closes", change.id),
            way: Way::In,
            traffic: Traffic::ALL,
            peers: Vec::new(),
            stays: Vec::new(),
            stateful: true,
            at: At::Group(String::new()),
        },
        interfaces: Err(reason.clone()),
    }
}

/// Returns the filter by which the interfaces at a place are listed.
fn listing(at: &At) -> (&'static str, &str) {
    match at {
        At::Group(group) => ("group-id", group),
        At::Subnets { vpc, .. } => ("vpc-id", vpc),
    }
}

type BySubnet<'a> = BTreeMap<&'a str, Vec<&'a NetworkInterface>>;

/// The interfaces of VPCs by their subnets, so that each listing is gone through once.
#[derive(Default)]
struct Listings<'a> {
    /// By region and VPC.
    by_vpc: HashMap<(String, String), Result<BySubnet<'a>, String>>,
}

impl<'a> Listings<'a> {
    fn ask(&mut self, inventory: &'a Inventory, change: &Change, closing: Closing) -> Question {
        let interfaces = match &closing.at {
            At::Group(_) => listed(inventory, &change.region, &closing.at)
                .map(|found| found.into_iter().map(interface).collect()),
            At::Subnets { vpc, .. } => {
                let of = (change.region.clone(), vpc.clone());
                let all = self.by_vpc.entry(of).or_insert_with(|| {
                    let mut all = BySubnet::new();
                    for one in listed(inventory, &change.region, &closing.at)? {
                        all.entry(one.subnet_id.as_str()).or_default().push(one);
                    }
                    Ok(all)
                });
                all.as_ref().map_err(Clone::clone).map(|all| {
                    let here = all.iter().filter(|(subnet, _)| closing.at.has(&[], subnet));
                    here.flat_map(|(_, found)| found.iter().map(|one| interface(one))).collect()
                })
            }
        };
        Question { closing, interfaces }
    }
}

/// Lists the interfaces at a place, or states the reason for which they are not known.
fn listed<'a>(inventory: &'a Inventory, region: &str, at: &At) -> Result<Vec<&'a NetworkInterface>, String> {
    let (name, value) = listing(at);
    let Some(known) = inventory.regions.get(region) else {
        return Err(format!("nothing of {region} was read"));
    };
    let found = known.network_interfaces.select(&Selector::by(name, value));
    match found.known() {
        Some(found) => Ok(found.iter().map(|(_, one)| *one).collect()),
        None => {
            let reason = found.silence().unwrap_or("AWS reports none");
            Err(format!("the interfaces of {value} could not be read: {reason}"))
        }
    }
}

/// Returns an interface with its addresses. Logs have its private ones, also for traffic to its public ones.
pub fn interface(one: &NetworkInterface) -> Interface {
    let texts =
        one.private_ip.iter().chain(&one.more_addresses).chain(&one.public_ip).chain(&one.more_public_ips);
    let addresses: Vec<IpAddr> = texts.filter_map(|text| text.parse().ok()).collect();
    Interface { id: one.id.clone(), addresses }
}
