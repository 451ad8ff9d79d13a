//! The routes whose target no longer exists: which they are, and who takes their packets then.

use serde_json::Value;

use super::{Part, Scene, internet, path, steps};
use crate::{
    actions::{Refusal, make},
    calls::{Expect, Risk, Step, Test, WayBack},
    checks::routes::{
        blackhole::{self, BLACKHOLE, Target},
        line, looked_up,
    },
    inventory::{Inventory, Route, Want},
    resource::ResourceId,
};

/// Returns the facts: the table, the targets of its routes that drop packets, and, where one goes, the prefix
/// lists that are destinations.
pub fn needs(inventory: &Inventory, target: &ResourceId) -> Vec<Want> {
    let mut wants = blackhole::wants(inventory, target);
    let region = target.region();
    let table = inventory.regions.get(region).map(|place| place.route_tables.get(target.id()));
    if let Some(table) = table.as_ref().and_then(|table| table.known().copied()) {
        let gone = |route: &&Route| {
            blackhole::drops(route) == Ok(true) && blackhole::target(inventory, region, route) == Target::Gone
        };
        if table.routes.iter().any(|route| gone(&route)) {
            wants.extend(path::lists(region, table));
        }
    }
    wants
}

/// Returns the part of the change that removes them; `None` where there are none.
///
/// # Errors
/// A refusal: what is not known of a route, or a wider route that leads to the internet.
pub fn part(scene: &Scene<'_>, gone: &[&Route], after: &[Route]) -> Result<Option<Part>, Refusal> {
    let (table, region) = (scene.table, scene.context.region);
    if gone.is_empty() {
        return Ok(None);
    }
    let (mut impact, mut exposed) = (Vec::new(), Vec::new());
    for &route in gone {
        let takers = path::takers(scene.known, after, route)?;
        exposed.extend(takers.iter().filter(|t| t.is_to_internet_gateway()).map(|t| (route, *t)));
        impact.push(becomes(route, &takers));
    }
    let steps = gone.iter().enumerate().map(|(n, route)| step(region, &table.id, n + 1, route)).collect();
    let lines: Vec<String> = gone.iter().map(|route| line(route)).collect();
    Ok(Some(Part {
        check: BLACKHOLE,
        with: Value::Null,
        summary: format!("remove {}, whose target no longer exists", lines.join(", ")),
        steps,
        risk: Risk::Irreversible,
        impact,
        guards: vec![internet::guard(scene, &exposed)?],
    }))
}

/// Returns the routes that go, in the order of their destinations.
///
/// # Errors
/// A refusal: what is not known of a route.
pub fn gone<'a>(scene: &Scene<'a>) -> Result<Vec<&'a Route>, Refusal> {
    let (inventory, region) = (scene.context.inventory, scene.context.region);
    let mut gone = Vec::new();
    for route in &scene.table.routes {
        let drops = blackhole::drops(route).map_err(Refusal::Unknown)?;
        if !drops {
            continue;
        }
        match blackhole::target(inventory, region, route) {
            Target::Gone => gone.push(route),
            Target::Stays(_) => {}
            Target::Unknown(why) => {
                return Err(Refusal::Unknown(format!(
                    "redress could not find out whether the target of the route {} still exists: {why}",
                    line(route)
                )));
            }
        }
    }
    for route in &gone {
        scene.only_one(route)?;
    }
    gone.sort_by_key(|route| &route.destination);
    Ok(gone)
}

/// Describes what becomes of the packets of a route that goes.
fn becomes(route: &Route, takers: &[&Route]) -> String {
    let to = &route.destination;
    if takers.is_empty() {
        return format!("packets to {to} are dropped as before: no other route of the table takes them");
    }
    let lines: Vec<String> = takers
        .iter()
        .map(|taker| match taker.state.as_str() {
            "blackhole" => format!("{}, which drops them, too", line(taker)),
            _ => line(taker),
        })
        .collect();
    format!("packets to {to} are dropped now; then they go by {}", lines.join(", "))
}

/// Builds the step that removes a route. Its target is looked for once more directly before.
fn step(region: &str, table: &str, n: usize, route: &Route) -> Step {
    let to = route.destination.as_str();
    let mut before = vec![
        steps::route_is(region, table, to, "state", "blackhole")
            .meaning("the route is gone, or it leads somewhere again"),
    ];
    before.extend(route.target.iter().map(|(member, id)| {
        steps::route_is(region, table, to, &format!("target/{member}"), id)
            .meaning("the route leads to something else by now")
    }));
    before.extend(looked_up(route).map(|(family, id)| {
        Expect::new(region, family, id, "", Test::Gone).meaning("its target exists again")
    }));
    let cannot = format!(
        "the route {} does not come back: its target no longer exists, and AWS makes no route to such a one",
        line(route)
    );
    // One that has come back meanwhile is left, and the others go on.
    let act = steps::delete(region, table, route).only_if(before).or_leave();
    make::step(
        format!("delete-{n}"),
        format!("remove the route {}", line(route)),
        act,
        WayBack::Cannot(cannot),
    )
}
