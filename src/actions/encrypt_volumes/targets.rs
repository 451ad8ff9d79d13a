//! The effect of an instance's stop on the load balancers that send it requests. Target groups that cannot be
//! read hold nothing back: the plan notes that they are not known (`plan::together`), and the health of the
//! other targets is read again directly before the stop.

use super::Parameters;
use crate::{
    actions::{Context, GuardNote, Refusal, support::region},
    calls::serving::{LAST_TARGET, Others, serving},
    inventory::Instance,
};

/// Returns the names of the target groups in which no other target could receive requests while the instance
/// is down.
///
/// # Errors
/// A refusal if there is any, and that was not allowed.
pub fn left_without(
    context: &Context<'_>,
    instance: &Instance,
    parameters: &Parameters,
) -> Result<Vec<String>, Refusal> {
    if instance.state != "running" {
        return Ok(Vec::new());
    }
    let serving = serving(region(context.inventory, context.region)?, &instance.id).unwrap_or_default();
    let left: Vec<String> = serving
        .left_without()
        .filter(|one| one.others == Others::None)
        .map(|one| one.group.to_owned())
        .collect();
    if !left.is_empty() && !parameters.allow_last_target {
        return Err(Refusal::Refused(format!(
            "{} is the only target of the target group {} that is healthy: what it serves would be down \
             while it is stopped; register another target there first, or set allow_last_target = true",
            instance.id,
            left.join(", ")
        )));
    }
    Ok(left)
}

/// Returns the note of a guard that was loosened. It contains nothing that changes while the instances of a
/// group take turns.
pub fn note(instance: &Instance, parameters: &Parameters) -> Option<GuardNote> {
    let what = || {
        format!(
            "{} may be stopped also as the last healthy target of a target group; allow_last_target was \
             given",
            instance.id
        )
    };
    (instance.state == "running" && parameters.allow_last_target)
        .then(|| GuardNote::loosened(LAST_TARGET, what()))
}

/// Describes the effect on those who are served.
pub fn impact(instance: &Instance, left: &[String]) -> Vec<String> {
    left.iter()
        .map(|group| {
            format!(
                "the target group {group} has no healthy target while {} is down: requests to it fail",
                instance.id
            )
        })
        .collect()
}
