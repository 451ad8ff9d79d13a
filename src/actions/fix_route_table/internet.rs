//! The guard on ways to the internet: no route that goes uncovers one to an internet gateway unasked.

use super::Scene;
use crate::{
    actions::{GuardNote, Refusal},
    checks::routes::line,
    inventory::Route,
};

/// The name of the guard.
const GUARD: &str = "internet-route";

/// Checks the pairs of a route that goes and a wider one to an internet gateway, which takes its packets.
pub fn guard(scene: &Scene<'_>, exposed: &[(&Route, &Route)]) -> Result<GuardNote, Refusal> {
    let Some((route, wider)) = exposed.first() else {
        let note = "no route to an internet gateway takes packets that are dropped now";
        return Ok(GuardNote::passed(GUARD, note));
    };
    let what = format!(
        "packets to {}, which are dropped now, would go to the internet by {}",
        route.destination,
        line(wider)
    );
    match scene.params.allow_internet_gateway {
        true => Ok(GuardNote::loosened(GUARD, format!("{what}; allow_internet_gateway was given"))),
        false => Err(Refusal::Refused(format!(
            "{what}: lead them elsewhere first, or set allow_internet_gateway if that is meant"
        ))),
    }
}
