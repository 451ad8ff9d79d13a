//! The changes that have something down, by the journal alone.

use serde_json::{Value, json};

use super::*;
use crate::{
    calls::{Call, CallError, ErrorClass, Outputs},
    journal::{Event, Outcome, StepResult},
};

/// Builds a story in which one change made these calls, each with its result.
fn story(calls: &[(&str, &str, &str)]) -> Story {
    let mut story = Story::default();
    let mut tell = |event: Event| story.apply("2026-11-22T10:00:00Z".parse().unwrap(), &event);
    for (step, operation, became) in calls {
        let (change, step) = ("c1".to_owned(), (*step).to_owned());
        let call = Call::new("ec2", "r", operation, json!({ "InstanceIds": ["i-1"] }));
        tell(Event::Intent {
            change: change.clone(),
            step: step.clone(),
            attempt: 1,
            call,
            observed: Outputs::new(),
        });
        let failed = |class| StepResult::Failed {
            error: CallError { class, code: String::new(), message: String::new() },
        };
        let result = match *became {
            "intended" => continue,
            "refused" => failed(ErrorClass::Denied),
            "lost" => failed(ErrorClass::Transient),
            _ => StepResult::Done { outputs: Outputs::new() },
        };
        tell(Event::Result { change: change.clone(), step: step.clone(), result });
        if *became == "settled" {
            tell(Event::Settled { change, step });
        }
    }
    story
}

#[test]
fn down_is_from_the_intent_of_a_stop_until_a_start_has_settled() {
    let down = |calls: &[_]| is_down(&story(calls), "c1");
    assert!(!down(&[("mark", "CreateTags", "settled")]));
    assert!(down(&[("stop", "StopInstances", "intended")]), "a crash leaves open whether it took effect");
    assert!(down(&[("stop", "StopInstances", "lost")]));
    assert!(!down(&[("stop", "StopInstances", "refused")]), "a stop that was refused stopped nothing");
    assert!(
        down(&[("stop", "StopInstances", "settled"), ("start", "StartInstances", "called")]),
        "it is not up before it passed its checks"
    );
    assert!(!down(&[("stop", "StopInstances", "settled"), ("start", "StartInstances", "settled")]));
    let again = [
        ("stop", "StopInstances", "settled"),
        ("start", "StartInstances", "settled"),
        ("rollback-start-1", "StopInstances", "called"),
    ];
    assert!(down(&again), "the rollback takes it down again");
}

#[test]
fn what_is_down_counts_as_down_whatever_became_of_its_change() {
    let mut story = story(&[("stop", "StopInstances", "settled")]);
    assert_eq!(others_down(&story, "r", "c2").collect::<Vec<_>>(), ["c1"]);
    assert_eq!(others_down(&story, "s", "c2").count(), 0, "another region");
    assert_eq!(others_down(&story, "r", "c1").count(), 0, "itself");
    let over = Event::ChangeEnded {
        change: "c1".into(),
        outcome: Outcome::Stuck,
        reason: String::new(),
        after: Value::Null,
        awaiting: Vec::new(),
    };
    story.apply("2026-11-22T10:00:00Z".parse().unwrap(), &over);
    assert_eq!(others_down(&story, "r", "c2").collect::<Vec<_>>(), ["c1"]);
    assert!(!is_down(&story, "c1"), "it does not go on");
    let left = crate::engine::left_down::over_and_down(&story, "r", "c2");
    assert_eq!(left, [("c1".to_owned(), ["i-1".to_owned()].into())].into());
}
