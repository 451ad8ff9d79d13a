//! `fix-route-table`: routes that lead to a target which no longer exists are removed. It must never touch a
//! route whose target may come back, nor open a way to the internet unasked.

mod blackhole;
mod params;
mod path;
mod steps;

use serde_json::{Value, json};

use self::params::{PARAMETERS, Params};
use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    support,
};
use crate::{
    calls::{Risk, Step},
    checks::routes::{blackhole::BLACKHOLE, line},
    inventory::{FamilyKind, Inventory, Region, RouteTable, Want},
    resource::{Kind, ResourceId},
    services::{Operation, Spec, route},
};

/// The action `fix-route-table`.
pub struct FixRouteTable;

/// The part of a change that answers one check.
struct Part {
    /// The check.
    check: &'static str,
    /// The part in one phrase.
    summary: String,
    steps: Vec<Step>,
    risk: Risk,
    impact: Vec<String>,
    guards: Vec<GuardNote>,
    /// The destinations that go.
    removes: Vec<String>,
}

/// The table that is changed, and what is around it.
struct Scene<'a> {
    context: &'a Context<'a>,
    known: &'a Region,
    table: &'a RouteTable,
    params: &'a Params,
}

impl Action for FixRouteTable {
    fn name(&self) -> &'static str {
        "fix-route-table"
    }
    fn title(&self) -> &'static str {
        "Removes the routes of a route table whose target no longer exists"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[BLACKHOLE]
    }
    fn target(&self) -> Kind {
        Kind::RouteTable
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::RouteTables),
                Around::found(FamilyKind::NatGateways).perhaps(),
                Around::found(FamilyKind::VpcPeeringConnections).perhaps(),
                Around::found(FamilyKind::NetworkInterfaces).perhaps(),
                Around::found(FamilyKind::Instances).perhaps(),
                Around::found(FamilyKind::PrefixLists).perhaps(),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        blackhole::needs(context.inventory, target)
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<route::DeleteRoute>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::RouteTables, Concern::these(&["routes"]).lists(&["routes"]))] }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (region, id) = (context.region, target.id());
        let known = support::region(context.inventory, region)?;
        let table = support::need(known.route_tables.get(id), &format!("route table {id}"))?;
        let owner_guard = owner(context.inventory, table, context)?;
        let scene = Scene { context, known, table, params: &params };
        let Some(part) = blackhole::part(&scene)? else {
            return Err(Refusal::Nothing(format!(
                "no route of {id} leads to a target that is known to be gone"
            )));
        };
        let mut guards = vec![owner_guard];
        guards.extend(part.guards);
        let mut impact = part.impact;
        impact.push(whose(table));
        Ok(Proposal {
            summary: format!("{} of {}", part.summary, named(table)),
            steps: part.steps,
            risk: part.risk,
            impact,
            before: listed(table, &[]),
            after: listed(table, &part.removes),
            proof: vec![Proof { check: part.check.to_owned(), resource: target.clone(), with: Value::Null }],
            not_restored: Vec::new(),
            guards,
            touches: vec![Want::id(region, FamilyKind::RouteTables, id)],
            prerequisites: Vec::new(),
        })
    }
}

/// Checks that a table is this account's, and that nothing else manages it.
///
/// # Errors
/// A refusal that names the owner, or the manager and the flag.
fn owner(inventory: &Inventory, table: &RouteTable, context: &Context<'_>) -> Result<GuardNote, Refusal> {
    if !inventory.owner.owns(&table.owner_id) {
        return Err(Refusal::Refused(format!(
            "{} belongs to account {}: only that account can change it",
            table.id, table.owner_id
        )));
    }
    support::ownership(&table.id, support::managed_by(&table.tags), context.options)
}

/// Returns the id of a table with its name, where it has one.
fn named(table: &RouteTable) -> String {
    match table.tags.get("Name").filter(|name| !name.is_empty()) {
        Some(name) => format!("{} ({name})", table.id),
        None => table.id.clone(),
    }
}

/// Describes whose packets the table routes.
fn whose(table: &RouteTable) -> String {
    let subnets = table.associations.iter().filter_map(|a| a.subnet_id.clone());
    let gateways = table.associations.iter().filter_map(|a| a.gateway_id.clone());
    let mut all: Vec<String> = subnets.chain(gateways).collect();
    all.sort_unstable();
    if table.associations.iter().any(|a| a.main) {
        all.push(format!("every subnet of {} without a table of its own", table.vpc_id));
    }
    match all.is_empty() {
        true => format!("nothing is associated with {}: it routes no packets now", table.id),
        false => format!("the table routes the packets of {}", all.join(", ")),
    }
}

/// Returns the routes as lines in a fixed order, so that a diff can be drawn.
fn listed(table: &RouteTable, without: &[String]) -> Value {
    let left = table.routes.iter().filter(|route| !without.contains(&route.destination));
    let mut lines: Vec<String> = left.map(line).collect();
    lines.sort_unstable();
    json!(lines)
}

#[cfg(test)]
mod tests;
