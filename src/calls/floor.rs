//! The lowest risk class of a change, regardless of its file.

use serde_json::Value;

use super::{Risk, find};

/// Returns the lowest risk of a change with these steps: the gravest class that the registry gives to one of
/// its calls. No setting of a file or an action goes below it. Deleting a resource that the change itself has
/// created risks nothing.
pub fn floor(steps: &[super::Step]) -> Risk {
    let risk = |(at, step): (usize, &super::Step)| {
        let spec = find(&step.act.call.service, &step.act.call.operation)?;
        let own = spec.risk == Risk::Irreversible && names_only_own(&step.act.call.input, &steps[..at]);
        Some(if own { Risk::Safe } else { spec.risk })
    };
    steps.iter().enumerate().filter_map(risk).max().unwrap_or(Risk::Safe)
}

/// Checks whether an input names nothing but resources that earlier steps of the same change create: declared
/// outputs of calls whose effect is known by the token that they set, and which nothing else can stand for.
fn names_only_own(input: &Value, earlier: &[super::Step]) -> bool {
    let made = |reference: &Value| {
        let text = |name: &str| reference.get(name).and_then(Value::as_str);
        let (Some(step), Some(name), None) = (text("step"), text("name"), reference.get("change")) else {
            return false;
        };
        let name = name.split('/').next().unwrap_or_default();
        earlier.iter().find(|s| s.name == step).is_some_and(|s| {
            let declared = find(&s.act.call.service, &s.act.call.operation)
                .is_some_and(|spec| spec.outputs.contains(&name));
            declared
                && matches!(s.act.recognise, super::Recognise::Tagged { .. })
                && s.act.observe.iter().all(|o| o.name != name)
        })
    };
    match input {
        Value::Object(members) => match members.get("$output") {
            Some(reference) => members.len() == 1 && made(reference),
            None => !members.is_empty() && members.values().all(|value| names_only_own(value, earlier)),
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        actions::make,
        calls::{Call, Observe, Shape, Step, WayBack, reference},
        inventory::FamilyKind,
    };

    #[test]
    fn taking_away_what_the_change_itself_made_risks_nothing_and_all_else_what_the_registry_says() {
        let step = |name: &str, act| make::step(name, name, act, WayBack::Kept("x".to_owned()));
        let call = |operation: &str, input| Call::new("ec2", "us-east-1", operation, input);
        let made =
            make::making(call("CreateVolume", json!({})), FamilyKind::Volumes, "VolumeId", Shape::Id, None);
        let gone =
            |id: Value| step("gone", make::act(call("DeleteVolume", json!({ "VolumeId": id })), Vec::new()));
        let own = || gone(reference::output("made", "VolumeId"));
        assert_eq!(floor(&[step("made", made.clone()), own()]), Risk::Safe);
        let other: [Vec<Step>; 5] = [
            vec![step("made", made.clone()), gone(json!("vol-1"))],
            vec![own(), step("made", made.clone())],
            vec![step("made", made.clone()), gone(reference::output("made", "Another"))],
            vec![step("made", made.clone()), gone(reference::output_of("c2", "made", "VolumeId"))],
            vec![
                step(
                    "made",
                    made.clone().observing([Observe {
                        name: "VolumeId".into(),
                        region: "us-east-1".into(),
                        family: FamilyKind::Volumes,
                        id: json!("vol-1"),
                        at: "/id".into(),
                        anew: true,
                    }]),
                ),
                own(),
            ],
        ];
        for steps in other {
            assert_eq!(floor(&steps), Risk::Irreversible, "{steps:?}");
        }
    }
}
