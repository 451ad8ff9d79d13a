//! The targets of load balancers when their instances stop and start
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>).

use super::Twin;
use crate::{
    calls::serving::names,
    inventory::{Fact, Selector, balancing::TARGET},
};

/// A state of a target, and the reason for it.
type State = (&'static str, Option<&'static str>);

/// Marks the targets of an instance that is down: it receives no requests any more.
pub(super) fn down(twin: &mut Twin, region: &str, instance: &str) {
    let _ = set(
        twin,
        region,
        instance,
        ("unused", Some("Target.InvalidState")),
        ("unhealthy", Some("Target.Timeout")),
    );
}

/// Starts the health checks of an instance that runs; returns whether it is a target of anything.
pub(super) fn up(twin: &mut Twin, region: &str, instance: &str) -> bool {
    let initial = ("initial", Some("Elb.InitialHealthChecking"));
    set(twin, region, instance, initial, initial)
}

/// Sets the result of the health checks once they have run for long enough.
pub(super) fn looked_at(twin: &mut Twin, region: &str, instance: &str) {
    let found = if twin.faults.checks_fail {
        ("unhealthy", Some("Target.FailedHealthChecks"))
    } else {
        ("healthy", None)
    };
    let _ = set(twin, region, instance, found, found);
}

/// Sets the state of the instance in its groups: where it is known by its id, and where by an address.
/// Returns whether it is in any.
fn set(twin: &mut Twin, region: &str, instance: &str, by_id: State, by_address: State) -> bool {
    let (region, mut any) = (twin.region_mut(region), false);
    for known_as in names(region, instance) {
        let groups: Vec<String> = region
            .target_groups
            .items
            .picked(&Selector::by(TARGET, &known_as))
            .into_iter()
            .map(|(id, _)| id.to_owned())
            .collect();
        for group in groups {
            let Some(group) = region.target_groups.get_mut(&group) else { continue };
            let state = if group.target_type == "instance" { by_id } else { by_address };
            // A target group that no load balancer uses has no health checks.
            let (state, reason) =
                if group.load_balancers.is_empty() { ("unused", Some("Target.NotInUse")) } else { state };
            let Fact::Known(targets) = &mut group.targets else { continue };
            for target in targets.iter_mut().filter(|t| t.id == known_as && !t.state.ends_with("draining")) {
                (target.state, target.reason) = (state.to_owned(), reason.map(str::to_owned));
                any = true;
            }
        }
    }
    any
}
