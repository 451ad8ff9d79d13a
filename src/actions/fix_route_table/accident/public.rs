//! The routes of a table that routes private subnets alone: each is removed, or replaced in one call.

use serde_json::{Value, json};

use super::{
    super::{
        Part, Scene, path, steps,
        uses::{self, Led},
    },
    Found, ids,
};
use crate::{
    actions::{Refusal, make},
    calls::{Risk, Step},
    checks::routes::{
        accident::{Declared, PRIVATE, PUBLIC},
        line,
    },
    inventory::Route,
};

/// Returns the part of the change that removes the routes or leads them elsewhere.
///
/// # Errors
/// A refusal: something in the subnets that needs the route.
pub fn part(scene: &Scene<'_>, found: &Found<'_>, after: &[Route]) -> Result<Part, Refusal> {
    let Found { accident, routes, .. } = found;
    let guards = uses::guards(scene, &accident.private, routes, None)?;
    let region = scene.context.region;
    let mut impact = Vec::new();
    for led in routes {
        impact.push(becomes(scene, led, after)?);
    }
    impact.extend(uses::cut(scene, &accident.private, routes)?);
    let summary = |led: &Led<'_>| match &led.instead {
        Some(new) => {
            format!("lead {} to {} instead of {}", new.destination, new.towards(), led.route.towards())
        }
        None => format!("remove the route {}", line(led.route)),
    };
    let parts: Vec<String> = routes.iter().map(summary).collect();
    let step = |(n, led)| step(region, &scene.table.id, n + 1, led);
    Ok(Part {
        check: PUBLIC,
        with: with(scene),
        summary: format!("{} for {}", parts.join(" and "), ids(&accident.private)),
        steps: routes.iter().enumerate().map(step).collect(),
        risk: Risk::Disruptive,
        impact,
        guards,
    })
}

/// Returns the parameters of the check.
pub fn with(scene: &Scene<'_>) -> Value {
    match scene.params.private == Declared::default() {
        true => Value::Null,
        false => json!({ PRIVATE: scene.params.private }),
    }
}

/// Describes what becomes of the packets of a route that goes.
fn becomes(scene: &Scene<'_>, led: &Led<'_>, after: &[Route]) -> Result<String, Refusal> {
    match &led.instead {
        Some(new) => Ok(taken(led.route, &[new])),
        None => Ok(taken(led.route, &path::takers(scene.known, after, led.route)?)),
    }
}

/// Describes who takes the packets of a route.
pub fn taken(route: &Route, takers: &[&Route]) -> String {
    let (to, before) = (&route.destination, route.towards());
    let takers: Vec<String> = takers
        .iter()
        .map(|taker| match taker.destination == *to {
            true => taker.towards().to_owned(),
            false => line(taker),
        })
        .collect();
    match takers.is_empty() {
        true => format!("packets to {to} are dropped: no other route of the table takes them"),
        false => format!("packets to {to} go by {} instead of {before}", takers.join(", ")),
    }
}

/// Builds the step that leads a destination elsewhere.
fn step(region: &str, table: &str, n: usize, led: &Led<'_>) -> Step {
    let now = |route: &Route, meaning: &str| vec![steps::leads(region, table, route).meaning(meaning)];
    let moved = "the route is gone, or leads elsewhere by now";
    let (title, act, back) = match &led.instead {
        Some(new) => (
            format!("lead {} to {}", new.destination, new.towards()),
            steps::replace(region, table, new),
            steps::replace(region, table, led.route).only_if(now(new, moved)),
        ),
        None => {
            let free = steps::no_route(region, table, &led.route.destination)
                .meaning("somebody has made a route to there by now");
            (
                format!("remove the route {}", line(led.route)),
                steps::delete(region, table, led.route),
                steps::create(region, table, led.route).only_if(vec![free]),
            )
        }
    };
    make::step(format!("lead-{n}"), title, act.only_if(now(led.route, moved)), make::back(vec![back]))
}
