//! The order of events: which may follow the state that the events so far lead to. A record that may not
//! follow is a mistake of the program or of somebody who edited the journal; either way nothing may be called
//! on it.

use super::{ChangeStory, Event, Phase, StepState, Story};

/// An event that may not follow the events before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {why}")]
pub struct IllegalEvent {
    what: String,
    why: &'static str,
}

impl Story {
    /// Checks that an event may follow.
    ///
    /// # Errors
    /// The event, and what has or has not happened before.
    pub fn allows(&self, event: &Event) -> Result<(), IllegalEvent> {
        let begun = !self.head.run.is_empty();
        let why = match event {
            Event::RunStarted { .. } if begun => "although the run had begun",
            Event::RunStarted { .. } => return Ok(()),
            _ if !begun => "before the run has begun",
            Event::Notified { region, .. }
                if !self.told.iter().any(|t| t.region == *region && t.resolved.is_none()) =>
            {
                "without the notice that it answers"
            }
            event if self.ended && of_work(event) => "although the run is complete",
            Event::RunEnded if self.changes.values().any(ChangeStory::is_under_way) => {
                "while a change is under way"
            }
            event => match event.change() {
                None => return Ok(()),
                Some(id) => match self.changes.get(id).unwrap_or(&ChangeStory::default()).refuses(event) {
                    None => return Ok(()),
                    Some(why) => why,
                },
            },
        };
        let of = event.change().map(|id| format!(" of {id}")).unwrap_or_default();
        Err(IllegalEvent { what: format!("{}{of}", name(event)), why })
    }
}

impl ChangeStory {
    fn is_under_way(&self) -> bool {
        matches!(self.phase, Phase::Forward | Phase::Back(_))
    }

    /// Returns the reason for which an event may not follow in this change.
    fn refuses(&self, event: &Event) -> Option<&'static str> {
        let state = |step: &str| self.step(step).map(|step| &step.state);
        let why = match event {
            Event::ChangeStarted { .. } => match self.phase {
                Phase::Waiting => return None,
                // It was begun, and is judged anew, since nothing was called.
                Phase::Forward if self.steps.is_empty() => return None,
                Phase::Ended(_) => "although it is over",
                Phase::Forward | Phase::Back(_) => "although it is under way",
            },
            Event::CheckedAgain { .. } => {
                return (!matches!(self.phase, Phase::Ended(_))).then_some("before it is over");
            }
            Event::ChangeEnded { .. } => {
                return matches!(self.phase, Phase::Ended(_)).then_some("although it is over");
            }
            _ if matches!(self.phase, Phase::Ended(_)) => "although it is over",
            _ if self.phase == Phase::Waiting => "before it has begun",
            Event::RollbackStarted { .. } => {
                return matches!(self.phase, Phase::Back(_)).then_some("although it is being rolled back");
            }
            Event::Result { step, .. } => return state(step).is_none().then_some("without an intent"),
            Event::Settled { step, .. } => {
                let done = matches!(state(step), Some(StepState::Called | StepState::Settled));
                return (!done).then_some("without an effect");
            }
            _ => return None,
        };
        Some(why)
    }
}

/// Returns whether an event belongs to the work of a run, which is over when the run is complete.
fn of_work(event: &Event) -> bool {
    event.change().is_some() && !matches!(event, Event::CheckedAgain { .. })
}

/// Returns the event in words, with the step.
fn name(event: &Event) -> String {
    match event {
        Event::RunStarted { .. } => "the beginning of a run".to_owned(),
        Event::ChangeStarted { .. } => "the beginning".to_owned(),
        Event::Intent { step, .. } => format!("the intent of {step}"),
        Event::Left { step, .. } => format!("the omission of {step}"),
        Event::Result { step, .. } => format!("the result of {step}"),
        Event::Settled { step, .. } => format!("the end of {step}"),
        Event::Tried { step, .. } => format!("the trial before {step}"),
        Event::Observed { .. } => "an observation".to_owned(),
        Event::LeftOver { step, .. } => format!("what is left of {step}"),
        Event::RollbackStarted { .. } => "the rollback".to_owned(),
        Event::ChangeEnded { .. } => "the end".to_owned(),
        Event::CheckedAgain { .. } => "a later check".to_owned(),
        Event::Resumed { .. } => "a resumption".to_owned(),
        Event::Stopped { .. } => "a stop".to_owned(),
        Event::Undone { .. } => "an undo".to_owned(),
        Event::Notifying { .. } => "a notice to Security Hub".to_owned(),
        Event::Notified { .. } => "an answer of Security Hub".to_owned(),
        Event::RunEnded => "the end of the run".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::journal::Outcome;

    fn event(json: Value) -> Event {
        serde_json::from_value(json).unwrap()
    }

    fn start() -> Event {
        event(json!({
            "type": "run-started", "run": "r", "plan_digest": "d", "kind": "plan", "account": "1",
            "partition": "aws", "endpoint": "twin:t", "caller": "arn",
            "version": "0", "decisions": [{ "change": "c1", "approved": true, "by": "test" }],
        }))
    }

    fn begins() -> Event {
        Event::ChangeStarted { change: "c1".into(), before: Value::Null }
    }

    fn intent(step: &str) -> Event {
        let call = json!({ "service": "ec2", "region": "r", "operation": "DeleteVolume", "input": {} });
        event(json!({ "type": "intent", "change": "c1", "step": step, "attempt": 1, "call": call }))
    }

    fn result(step: &str) -> Event {
        event(json!({ "type": "result", "change": "c1", "step": step,
                "result": { "done": { "outputs": {} } } }))
    }

    fn settled(step: &str) -> Event {
        Event::Settled { change: "c1".into(), step: step.into() }
    }

    fn ends() -> Event {
        Event::ChangeEnded {
            change: "c1".into(),
            outcome: Outcome::Verified,
            reason: String::new(),
            after: Value::Null,
            awaiting: Vec::new(),
        }
    }

    fn told(events: &[Event]) -> Story {
        let mut story = Story::default();
        for event in events {
            story.allows(event).unwrap_or_else(|illegal| panic!("{illegal}"));
            story.apply(Timestamp::UNIX_EPOCH, event);
        }
        story
    }

    #[test]
    fn a_run_from_its_beginning_to_a_later_check_is_legal() {
        let checked = Event::CheckedAgain {
            change: "c1".into(),
            outcome: Outcome::Verified,
            reason: String::new(),
            awaiting: Vec::new(),
        };
        let again = begins();
        told(&[
            start(),
            begins(),
            again,
            intent("a"),
            result("a"),
            settled("a"),
            ends(),
            Event::RunEnded,
            checked,
        ]);
    }

    #[test]
    fn what_cannot_follow_is_named_with_the_reason() {
        let back = || Event::RollbackStarted { change: "c1".into(), reason: "it failed".into() };
        let cases: Vec<(Vec<Event>, Event, &str)> = vec![
            (vec![], begins(), "the beginning of c1 before the run has begun"),
            (vec![start()], start(), "the beginning of a run although the run had begun"),
            (vec![start()], intent("a"), "the intent of a of c1 before it has begun"),
            (vec![start(), begins()], result("a"), "the result of a of c1 without an intent"),
            (vec![start(), begins(), intent("a")], settled("a"), "the end of a of c1 without an effect"),
            (vec![start(), begins(), intent("a")], begins(), "the beginning of c1 although it is under way"),
            (
                vec![start(), begins(), intent("a")],
                Event::RunEnded,
                "the end of the run while a change is under way",
            ),
            (vec![start(), begins(), back()], back(), "the rollback of c1 although it is being rolled back"),
            (vec![start(), begins(), ends()], intent("a"), "the intent of a of c1 although it is over"),
            (vec![start(), begins(), ends()], begins(), "the beginning of c1 although it is over"),
            (vec![start(), begins(), ends()], ends(), "the end of c1 although it is over"),
            (vec![start(), Event::RunEnded], begins(), "the beginning of c1 although the run is complete"),
        ];
        for (events, event, words) in cases {
            assert_eq!(told(&events).allows(&event).unwrap_err().to_string(), words);
        }
    }
}
