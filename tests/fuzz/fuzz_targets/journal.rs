//! Fuzzes reading a journal, and what is told of it. Edited events get the sums that fit, so that it is their
//! meaning that is tried and not the chain alone.
#![no_main]

#[path = "../edit.rs"]
mod edit;
#[path = "../former.rs"]
mod former;

use std::sync::LazyLock;

use redress::{
    journal::{Event, RunDocument, Story, line, timeline},
    plan::Plan,
};
use serde_json::Value;

static EVENTS: LazyLock<Vec<Value>> = LazyLock::new(former::events);
static PLAN: LazyLock<Plan> = LazyLock::new(|| serde_json::from_value(former::plan()).expect("a plan"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match edit::asked(bytes) {
    Some(edits) => read(&chained(edit::edited(&EVENTS, edits)), true),
    None => read(bytes, false),
});

/// Those of the events that are any, as the lines of a journal.
fn chained(events: Vec<Value>) -> Vec<u8> {
    let (mut text, mut former) = (Vec::new(), String::new());
    for (n, event) in events.into_iter().filter_map(|e| serde_json::from_value::<Event>(e).ok()).enumerate() {
        let record = line::next(&former, n as u64 + 1, jiff::Timestamp::UNIX_EPOCH, event);
        text.extend(serde_json::to_vec(&record).expect("plain data"));
        text.push(b'\n');
        former = record.sum;
    }
    text
}

fn read(text: &[u8], good: bool) {
    match line::read(text) {
        Ok((records, whole)) => {
            assert!(if good { whole == text.len() } else { whole <= text.len() });
            assert_eq!(
                line::read(&text[..whole]).map(|(again, _)| again.len()).ok(),
                Some(records.len()),
                "what is whole reads the same alone"
            );
            let document = RunDocument::of(&Story::of(&records), &PLAN).told(&records);
            assert_eq!(document.changes.len(), PLAN.changes.len());
            assert!(document.counts.values().sum::<usize>() == document.changes.len());
            drop((timeline::timeline(&records), serde_json::to_string(&document)));
        }
        Err(damage) => assert!(!good, "{damage}"),
    }
}
