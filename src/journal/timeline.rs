//! The story of a run from its journal alone, moment by moment, with the duration of each thing. Pure:
//! records in, words out. The purpose of a change is in the plan; here are the actions and their times.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Event, StepResult, event::Record};
use crate::calls::{Outputs, words::words as in_words};

/// A moment in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// The time.
    pub at: Timestamp,
    /// The change that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The step, or the act of an undo or rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// A description of the event.
    pub what: String,
    /// Seconds since the event that it follows: since the call for an answer, since the beginning for an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// Returns the moments of a run, in order. Of very many moments, those at the beginning and at the end are
/// kept.
pub fn timeline(records: &[Record]) -> Vec<TimelineEntry> {
    let mut timeline = Timeline::default();
    records.iter().for_each(|record| timeline.take(record));
    timeline.moments()
}

/// The number of moments kept from the beginning, and from the end: as many as a person may read. The journal
/// has them all.
const KEPT: usize = 5000;

/// A collector of moments that reads record by record, in memory that does not grow with the journal.
#[derive(Default)]
pub struct Timeline {
    marks: Marks,
    first: Vec<TimelineEntry>,
    last: VecDeque<TimelineEntry>,
    left_out: usize,
}

impl Timeline {
    /// Adds the moment of one more record.
    pub fn take(&mut self, record: &Record) {
        let moment = moment(record, &mut self.marks);
        if self.first.len() < KEPT {
            return self.first.push(moment);
        }
        if self.last.len() == KEPT {
            self.left_out += 1;
            self.last.pop_front();
        }
        self.last.push_back(moment);
    }

    /// Returns the moments. Where some are left out, one moment in their place states their number.
    pub fn moments(self) -> Vec<TimelineEntry> {
        let Self { mut first, last, left_out, .. } = self;
        if let Some(next) = last.front().filter(|_| left_out > 0) {
            let what = format!(
                "{left_out} more things happened before this and are not shown: the journal contains them all"
            );
            first.push(TimelineEntry { at: next.at, change: None, step: None, what, seconds: None });
        }
        first.extend(last);
        first
    }
}

/// The times at which open calls, waits, changes and the run began.
#[derive(Default)]
struct Marks {
    run: Option<Timestamp>,
    last: Option<Timestamp>,
    changes: BTreeMap<String, Timestamp>,
    steps: BTreeMap<(String, String), Timestamp>,
}

fn moment(record: &Record, marks: &mut Marks) -> TimelineEntry {
    let (at, event) = (record.at, &record.event);
    let (change, step) = (event.change().map(str::to_owned), event.step().map(str::to_owned));
    let key = (change.clone().unwrap_or_default(), step.clone().unwrap_or_default());
    let before = marks.last.replace(at);
    let since = match event {
        Event::RunStarted { .. } => {
            marks.run = Some(at);
            None
        }
        Event::ChangeStarted { change, .. } => {
            marks.changes.insert(change.clone(), at);
            None
        }
        Event::Intent { .. } => {
            marks.steps.insert(key, at);
            None
        }
        // A wait is counted from the answer of the call.
        Event::Result { .. } => marks.steps.insert(key, at),
        Event::Settled { .. } => marks.steps.remove(&key),
        Event::ChangeEnded { change, .. } => marks.changes.remove(change),
        Event::Resumed { .. } | Event::Notified { .. } => before,
        Event::RunEnded => marks.run,
        _ => None,
    };
    let seconds = since.map(|since| at.duration_since(since).as_secs_f64());
    TimelineEntry { at, change, step, what: words(event), seconds }
}

fn words(event: &Event) -> String {
    let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match event {
        Event::RunStarted { caller, version, decisions, .. } => {
            let yes = decisions.iter().filter(|d| d.approved).count();
            format!(
                "the run is started by {caller} (redress {version}), {yes} of {} changes approved",
                decisions.len()
            )
        }
        Event::ChangeStarted { .. } => "begins: its guards hold and the account is as planned".to_owned(),
        Event::Intent { call, observed, .. } => format!("calls {}{}", call.name(), seen(observed)),
        Event::Left { reason, stands: true, .. } => format!("is so already: {reason}"),
        Event::Left { reason, .. } => format!("is left out: {reason}"),
        Event::Result { result, .. } => match result {
            StepResult::Done { outputs } => format!("AWS answered{}", told(outputs)),
            StepResult::Found { outputs } => format!("was found to have taken effect{}", told(outputs)),
            StepResult::Failed { error } => format!("failed: {error}"),
            StepResult::NotFound => "was looked for and did not take effect".to_owned(),
        },
        Event::Settled { .. } => "is done: the state that it waits for was reached".to_owned(),
        Event::Observed { observed, .. } => {
            format!("changes by this run itself do not count as changes by others{}", told(observed))
        }
        Event::Tried { allowed, not_told, .. } if not_told.is_empty() => {
            format!("the later calls were tried without effect: all {allowed} are allowed")
        }
        Event::Tried { allowed, not_told, .. } => {
            format!(
                "the later calls were tried without effect: {allowed} are allowed; unknown: {}",
                not_told.join("; ")
            )
        }
        Event::LeftOver { call: Some(call), reason, .. } => {
            format!("is left for a person to do: {}{}", in_words(call), because(reason))
        }
        Event::LeftOver { call: None, reason, .. } => {
            format!("did not show the expected result, and nothing is undone{}", because(reason))
        }
        Event::RollbackStarted { reason, .. } => format!("rolls back{}", because(reason)),
        Event::ChangeEnded { outcome, reason, .. } => format!("{}{}", outcome.word(), because(reason)),
        Event::Resumed { caller, .. } => format!("resumed by {caller}"),
        Event::Stopped { reason } => format!("stopped: {reason}"),
        Event::CheckedAgain { outcome, reason, .. } => {
            format!("checked again: {}{}", outcome.word(), because(reason))
        }
        Event::Undone { by, changes } => format!("run {by} undid {}", changes.join(", ")),
        Event::Notifying { region, findings, .. } => format!(
            "reports to Security Hub in {region} that {} of its findings are resolved",
            findings.len()
        ),
        Event::Notified { region, error: Some(error), .. } => {
            format!("Security Hub in {region} was not updated: {error}")
        }
        Event::Notified { region, resolved, refused, .. } => {
            format!("Security Hub in {region} updated {resolved}, and refused {}", refused.len())
        }
        Event::RunEnded => "the run is over".to_owned(),
    }
}

/// Lists the facts that were read at the moment of the intent.
fn seen(observed: &Outputs) -> String {
    let named: Vec<String> =
        observed.iter().map(|(name, value)| format!("{name} is {}", plain(value))).collect();
    if named.is_empty() { String::new() } else { format!("; before it {}", named.join(", ")) }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Lists the outputs, which name the created resources.
fn told(outputs: &Outputs) -> String {
    let named: Vec<String> = outputs.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect();
    if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        calls::Call,
        journal::{Outcome, line},
    };

    #[test]
    fn of_very_many_moments_the_first_and_the_last_are_told_and_how_many_are_not() {
        let event = |n: usize| Event::Stopped { reason: n.to_string() };
        let of = |count: usize| {
            let records: Vec<Record> =
                (1..=count).map(|n| line::next("", n as u64, Timestamp::UNIX_EPOCH, event(n))).collect();
            timeline(&records)
        };
        assert_eq!(of(2 * KEPT).len(), 2 * KEPT);
        let told = of(2 * KEPT + 7);
        assert_eq!(told.len(), 2 * KEPT + 1);
        assert!(told[KEPT].what.starts_with("7 more things happened"), "{}", told[KEPT].what);
        assert_eq!(
            (told[0].what.as_str(), told[KEPT + 1].what.as_str()),
            ("stopped: 1", format!("stopped: {}", KEPT + 8).as_str())
        );
    }

    #[test]
    fn a_timeline_says_how_long_a_call_a_wait_a_change_and_a_run_took() {
        let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let (change, step) = (|| "c1".to_owned(), || "stop".to_owned());
        let call = Call::new("ec2", "us-east-1", "StopInstances", json!({}));
        let events = [
            (0, Event::ChangeStarted { change: change(), before: json!({}) }),
            (1, Event::Intent { change: change(), step: step(), attempt: 1, call, observed: Outputs::new() }),
            (
                3,
                Event::Result {
                    change: change(),
                    step: step(),
                    result: StepResult::Done { outputs: Outputs::new() },
                },
            ),
            (33, Event::Settled { change: change(), step: step() }),
            (
                40,
                Event::ChangeEnded {
                    change: change(),
                    outcome: Outcome::Verified,
                    reason: String::new(),
                    after: json!({}),
                    awaiting: vec![],
                },
            ),
            (100, Event::Resumed { caller: "me".to_owned(), decisions: Vec::new(), signed: None }),
        ];
        let records: Vec<Record> = events
            .into_iter()
            .map(|(s, e)| line::next("", 1, start + jiff::SignedDuration::from_secs(s), e))
            .collect();
        let seconds: Vec<Option<f64>> = timeline(&records).into_iter().map(|m| m.seconds).collect();
        assert_eq!(seconds, [None, None, Some(2.0), Some(30.0), Some(40.0), Some(60.0)]);
    }
}
