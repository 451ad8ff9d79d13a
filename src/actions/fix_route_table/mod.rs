//! `fix-route-table`: subnets that are declared private are led away from the internet, routes to a target
//! which no longer exists are removed, and routes to peering connections that cover more than the peer are
//! narrowed. It must never touch a route whose target may come back, nor open a way to the internet unasked.

mod accident;
mod blackhole;
mod closing;
mod internet;
mod params;
mod path;
mod peering;
mod steps;
mod uses;

use serde_json::{Value, json};

use self::params::{PARAMETERS, Params};
use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    support,
};
use crate::{
    calls::{Risk, Step},
    checks::routes::{
        accident::{PRIVATE, PUBLIC},
        blackhole::BLACKHOLE,
        line,
        peering::BROAD,
    },
    evidence::Closing,
    inventory::{FamilyKind, Inventory, Region, Route, RouteTable, Want},
    resource::{Kind, ResourceId},
    services::{Operation, Spec, route, route_table},
};

/// The action `fix-route-table`.
pub struct FixRouteTable;

/// The part of a change that answers one check.
struct Part {
    /// The check.
    check: &'static str,
    /// The parameters of the check.
    with: Value,
    /// The part in one phrase.
    summary: String,
    steps: Vec<Step>,
    risk: Risk,
    impact: Vec<String>,
    guards: Vec<GuardNote>,
}

/// The table that is changed, and what is around it.
struct Scene<'a> {
    context: &'a Context<'a>,
    known: &'a Region,
    table: &'a RouteTable,
    params: &'a Params,
}

/// The routes that go.
struct Going<'a> {
    /// Those that lead nowhere.
    gone: Vec<&'a Route>,
    /// Those that cover more than the peer.
    broad: Vec<peering::Broad<'a>>,
    /// Those that lead private subnets to the internet.
    led: Option<accident::Found<'a>>,
}

impl Scene<'_> {
    /// Returns whether findings of a check are to be answered: those that are named, or all.
    fn answers(&self, check: &str) -> bool {
        let named = |id: &str| self.context.checks.iter().any(|one| one == id);
        named(check) || ![PUBLIC, BLACKHOLE, BROAD].into_iter().any(named)
    }

    /// Refuses a route whose destination has another route: which of them a call removes is not certain.
    fn only_one(&self, route: &Route) -> Result<(), Refusal> {
        let same = self.table.routes.iter().filter(|other| other.destination == route.destination);
        match same.count() > 1 {
            false => Ok(()),
            true => Err(Refusal::Refused(format!(
                "{} has several routes to {}: which of them a call removes is not certain; \
                 remove one by hand",
                self.table.id, route.destination
            ))),
        }
    }

    /// Returns the routes that go.
    fn goes(&self) -> Result<Going<'_>, Refusal> {
        Ok(Going {
            gone: if self.answers(BLACKHOLE) { blackhole::gone(self)? } else { Vec::new() },
            broad: if self.answers(BROAD) { peering::broad(self)? } else { Vec::new() },
            led: if self.answers(PUBLIC) { accident::found(self)? } else { None },
        })
    }

    /// Returns the parts of the change by which routes go, with the routes of the table after it.
    fn parts(&self, Going { gone, broad, led }: &Going<'_>) -> Result<(Vec<Part>, Vec<Route>), Refusal> {
        let new = peering::comes(self, broad)?;
        let away = led.as_ref().map_or(&[][..], accident::Found::away);
        let goes = |route: &Route| {
            gone.contains(&route)
                || broad.iter().any(|one| one.route == route)
                || away.iter().any(|one| one.route == route)
        };
        let stay = self.table.routes.iter().filter(|route| !goes(route));
        let after: Vec<Route> =
            stay.chain(&new).chain(away.iter().filter_map(|one| one.instead.as_ref())).cloned().collect();
        let parts = [
            accident::part(self, led.as_ref(), &after)?,
            blackhole::part(self, gone, &after)?,
            peering::part(self, broad, &new, &after)?,
        ];
        Ok((parts.into_iter().flatten().collect(), after))
    }
}

impl Action for FixRouteTable {
    fn name(&self) -> &'static str {
        "fix-route-table"
    }
    fn title(&self) -> &'static str {
        "Leads private subnets away from the internet, removes routes whose target no longer exists, and \
         narrows those that cover more than a peer VPC"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[PUBLIC, BLACKHOLE, BROAD]
    }
    fn target(&self) -> Kind {
        Kind::RouteTable
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::RouteTables),
                Around::found(FamilyKind::Subnets).perhaps(),
                Around::found(FamilyKind::NatGateways).perhaps(),
                Around::found(FamilyKind::EgressOnlyGateways).perhaps(),
                Around::found(FamilyKind::LoadBalancers).perhaps(),
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
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        &[(PUBLIC, PRIVATE)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want> {
        let mut wants = blackhole::needs(context.inventory, target);
        if let Ok(params) = support::params::<Params>(with) {
            wants.extend(accident::needs(context.inventory, target, &params));
        }
        wants.extend(peering::needs(context.inventory, target));
        wants
    }
    fn closes(
        &self,
        context: &Context<'_>,
        target: &ResourceId,
        with: &Value,
    ) -> Result<Vec<Closing>, Refusal> {
        let params: Params = support::params(with)?;
        let known = support::region(context.inventory, context.region)?;
        let table =
            support::need(known.route_tables.get(target.id()), &format!("route table {}", target.id()))?;
        let scene = Scene { context, known, table, params: &params };
        let going = scene.goes()?;
        let (_, after) = scene.parts(&going)?;
        let Going { gone, broad, led } = going;
        // What is led elsewhere goes on, by another way.
        let away = led.iter().flat_map(|found| found.away()).filter(|led| led.instead.is_none());
        let broad = broad.iter().map(|one| one.route);
        let going: Vec<&Route> = gone.into_iter().chain(broad).chain(away.map(|led| led.route)).collect();
        let mut all = match going.is_empty() {
            true => Vec::new(),
            false => closing::closings(known, &closing::behind(known, table)?, &going, &after)?,
        };
        if let Some((found, to)) = led.as_ref().and_then(|found| Some((found, found.to?))) {
            all.extend(closing::moved(known, found, to)?);
        }
        Ok(all)
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <route::CreateRoute>::SPEC,
                <route::ReplaceRoute>::SPEC,
                <route::DeleteRoute>::SPEC,
                <route_table::AssociateRouteTable>::SPEC,
                <route_table::ReplaceRouteTableAssociation>::SPEC,
                <route_table::DisassociateRouteTable>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const {
            const LISTS: &[&str] = &["routes", "associations"];
            &[(FamilyKind::RouteTables, Concern::these(LISTS).lists(LISTS))]
        }
    }
    fn quotas(&self, _: &Inventory, _: &str, with: &Value) -> Vec<(&'static str, usize)> {
        let limit = support::params::<Params>(with).map(|params| (peering::OVER, params.route_limit));
        limit.into_iter().collect()
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
        let going = scene.goes()?;
        let (parts, after) = scene.parts(&going)?;
        let moved = going.led.as_ref().and_then(|found| Some((found, found.to?)));
        let Some(risk) = parts.iter().map(|part| part.risk).max() else {
            return Err(Refusal::Nothing(format!(
                "no route of {id} leads a private subnet to the internet, has a target that is known to be \
                 gone, or covers more than a peer VPC"
            )));
        };
        let summaries: Vec<&str> = parts.iter().map(|part| part.summary.as_str()).collect();
        let proof = |part: &Part| Proof {
            check: part.check.to_owned(),
            resource: target.clone(),
            with: part.with.clone(),
        };
        let mut whole = Proposal {
            summary: format!("in {}, {}", named(table), summaries.join(", and ")),
            steps: Vec::new(),
            risk,
            impact: Vec::new(),
            before: listed(&table.routes, moved.map(|(found, _)| (found, table))),
            after: listed(&after, moved),
            proof: parts.iter().map(proof).collect(),
            not_restored: Vec::new(),
            guards: vec![owner_guard],
            touches: vec![Want::id(region, FamilyKind::RouteTables, id)],
            prerequisites: Vec::new(),
        };
        for part in parts {
            whole.steps.extend(part.steps);
            whole.impact.extend(part.impact);
            whole.guards.extend(
                part.guards.into_iter().filter(|note| !whole.guards.contains(note)).collect::<Vec<_>>(),
            );
        }
        whole.impact.push(whose(table));
        whole.touches.extend(moved.map(|(_, to)| Want::id(region, FamilyKind::RouteTables, &to.id)));
        Ok(whole)
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

/// Returns the routes as lines in a fixed order, so that a diff can be drawn, and the table of each subnet
/// that gets another one.
fn listed(routes: &[Route], by: Option<(&accident::Found<'_>, &RouteTable)>) -> Value {
    let mut lines: Vec<String> = routes.iter().map(line).collect();
    lines.sort_unstable();
    if let Some((found, table)) = by {
        lines.extend(found.subnets().map(|subnet| format!("{subnet} by {}", table.id)));
    }
    json!(lines)
}

#[cfg(test)]
mod tests;
