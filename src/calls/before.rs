//! Preconditions of an act and the facts that it observes. They are read at the moment at which its intent is
//! written: forward, on resume, in a rollback and in an undo. Evaluating them is pure; reading is the
//! engine's.

use serde_json::Value;

use super::{
    Act, Bindings, Observe, Outputs, Standing, Unresolved,
    expect::{pointed, worse},
    outputs::{record, recorded},
};
use crate::inventory::{Fact, Inventory, Reason, Scope, Want};

/// The standing of an act's preconditions, and the facts that the act observes.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// The standing of all preconditions together.
    pub standing: Standing,
    /// The facts to record with the intent.
    pub observed: Outputs,
}

/// Returns the scope to read before an act can be judged.
///
/// # Errors
/// A reference in the id of a resource that does not resolve.
pub fn scope(act: &Act, bindings: &Bindings<'_>) -> Result<Scope, Unresolved> {
    let scopes = scopes(act, bindings).collect::<Result<Vec<Scope>, _>>()?;
    Ok(scopes.into_iter().flatten().collect())
}

/// Returns the scope to read for each precondition and each observation of an act.
pub fn scopes<'a>(
    act: &'a Act,
    bindings: &'a Bindings<'_>,
) -> impl Iterator<Item = Result<Scope, Unresolved>> + 'a {
    let expected = act
        .before
        .iter()
        .map(|expect| Ok(super::Expect { id: bindings.resolve(&expect.id)?, ..expect.clone() }.scope()));
    let observed =
        observing(act, bindings).map(|o| Ok(Scope::from([Want::id(&o.region, o.family, o.of(bindings)?)])));
    expected.chain(observed)
}

/// Evaluates the preconditions of an act against an inventory. A fact that the act observes counts in its own
/// preconditions.
///
/// # Errors
/// A reference that does not resolve.
pub fn before(act: &Act, inventory: &Inventory, bindings: &Bindings<'_>) -> Result<Before, Unresolved> {
    let (mut standing, mut observed) = (Standing::Holds, Outputs::new());
    for observe in observing(act, bindings) {
        match observe.value(inventory, &observe.of(bindings)?) {
            Ok(value) => drop(observed.insert(observe.name.clone(), value)),
            Err(silent) => standing = worse(standing, silent),
        }
    }
    if standing != Standing::Holds {
        return Ok(Before { standing, observed });
    }
    let mut outputs = bindings.outputs.clone();
    record(&mut outputs, bindings.change, &observed);
    let bindings = Bindings { outputs: &outputs, ..bindings.clone() };
    for expect in &act.before {
        standing = worse(standing, expect.resolve(&bindings)?.standing(inventory));
    }
    Ok(Before { standing, observed })
}

/// Returns the reference that keeps an act from being made: its target was never created, or never observed.
/// Facts that the act itself observes count as present.
pub fn missing(act: &Act, bindings: &Bindings<'_>) -> Option<Unresolved> {
    let mut outputs = bindings.outputs.clone();
    let own = act.observe.iter().map(|o| (o.name.clone(), Value::Null)).collect();
    record(&mut outputs, bindings.change, &own);
    let bindings = Bindings { outputs: &outputs, ..bindings.clone() };
    let expected = act.before.iter().map(|expect| expect.resolve(&bindings).err());
    expected.chain([bindings.resolve(&act.call.input).err()]).flatten().next()
}

/// Returns the facts that an act observes now. Facts that were observed before stand, unless they are to be
/// observed anew.
fn observing<'a>(act: &'a Act, bindings: &'a Bindings<'_>) -> impl Iterator<Item = &'a Observe> {
    act.observe.iter().filter(|o| o.anew || recorded(bindings.outputs, bindings.change, &o.name).is_none())
}

impl Observe {
    /// Returns the id of the resource.
    fn of(&self, bindings: &Bindings<'_>) -> Result<String, Unresolved> {
        let id = bindings.resolve(&self.id)?;
        id.as_str().map(str::to_owned).ok_or_else(|| Unresolved {
            step: bindings.step.to_owned(),
            what: format!("{id}, which is no id"),
        })
    }

    fn value(&self, inventory: &Inventory, id: &str) -> Result<Value, Standing> {
        let name = self.at.trim_start_matches('/');
        match inventory.json(&self.region, self.family, id) {
            Fact::Known(thing) => match pointed(&thing, &self.at) {
                Some(value) if !value.is_null() => Ok(value.clone()),
                _ => Err(Standing::Unknown(format!("{id}: AWS names no {name}").into())),
            },
            Fact::Absent => Err(Standing::NotYet(format!("{id} does not exist"))),
            silent => {
                let cause = silent.cause().unwrap_or_default();
                Err(Standing::Unknown(Reason::new(
                    cause,
                    format!("{id}: {}", silent.silence().unwrap_or_default()),
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::outputs::AllOutputs, *};
    use crate::{
        actions::make,
        calls::{Call, reference},
        inventory::{Caller, FamilyKind, Instance},
        resource::Owner,
    };

    const R: &str = "us-east-1";

    fn inventory(state: &str, launched: &str) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let instance = Instance {
            id: "i-1".into(),
            state: state.into(),
            launch_time: launched.parse().ok(),
            ..Instance::default()
        };
        it.region_mut(R).instances.put("i-1", instance);
        it
    }

    fn swap() -> Act {
        let mut act =
            make::act(Call::new("ec2", R, "DetachVolume", json!({ "VolumeId": "vol-1" })), Vec::new());
        act.before = vec![
            make::is(R, FamilyKind::Instances, "i-1", "/state", "stopped"),
            make::is(R, FamilyKind::Instances, "i-1", "/launch_time", reference::observed("launch_time")),
        ];
        act.observe = vec![Observe {
            name: "launch_time".into(),
            region: R.into(),
            family: FamilyKind::Instances,
            id: json!("i-1"),
            at: "/launch_time".into(),
            anew: false,
        }];
        act
    }

    fn look(act: &Act, inventory: &Inventory, outputs: &AllOutputs) -> Before {
        let started = inventory.read_at;
        before(
            act,
            inventory,
            &Bindings { run: "r", started, change: "c1", step: "detach", attempt: 1, outputs },
        )
        .unwrap()
    }

    #[test]
    fn the_first_observation_stands_and_a_later_one_is_held_against_it() {
        let mut outputs = AllOutputs::new();
        let first = look(&swap(), &inventory("stopped", "2026-11-01T00:00:00Z"), &outputs);
        assert_eq!(
            (&first.standing, first.observed["launch_time"].as_str()),
            (&Standing::Holds, Some("2026-11-01T00:00:00Z"))
        );
        record(&mut outputs, "c1", &first.observed);
        assert_eq!(
            look(&swap(), &inventory("stopped", "2026-11-01T00:00:00Z"), &outputs),
            Before { standing: Standing::Holds, observed: Outputs::new() }
        );
        for (state, launched) in [("running", "2026-11-01T00:00:00Z"), ("stopped", "2026-11-02T00:00:00Z")] {
            let again = look(&swap(), &inventory(state, launched), &outputs);
            assert!(matches!(again.standing, Standing::NotYet(_)), "{state} {launched}: {again:?}");
        }
    }

    #[test]
    fn a_fact_that_aws_does_not_name_is_not_known_and_so_is_one_that_cannot_be_read() {
        let outputs = AllOutputs::new();
        assert!(matches!(look(&swap(), &inventory("stopped", ""), &outputs).standing, Standing::Unknown(_)));
        let mut denied = inventory("stopped", "2026-11-01T00:00:00Z");
        denied.region_mut(R).instances.items.insert("i-1".into(), Fact::Unknown("AccessDenied".into()));
        assert!(matches!(look(&swap(), &denied, &outputs).standing, Standing::Unknown(_)));
    }
}
