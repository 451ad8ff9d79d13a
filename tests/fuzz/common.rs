//! What every target of a reader does: collects what the fuzzer made as one input, and holds what comes of it
//! to what must always be so.

#[path = "edit.rs"]
mod edit;

use std::io::Read;

use redress::{
    intake::{self, confirm::Reported, text::LONG},
    inventory::{Caller, Inventory},
    resource::Owner,
};

/// Reads the bytes as one input, or the edits of a sample that they ask for.
pub fn run(samples: &[&str], bytes: &[u8]) {
    let text = edit::input(samples, bytes);
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let intake = intake::collect(
        vec![("fuzz".to_owned(), Box::new(text.as_slice()) as Box<dyn Read>)],
        &owner,
        &["us-east-1".to_owned()],
    );
    let counts = intake.counts.clone();
    assert_eq!(counts.read, counts.decisions.values().sum::<u64>());
    assert_eq!(counts.read, counts.merged + counts.unlisted + intake.suspicions.len() as u64);
    for suspicion in &intake.suspicions {
        let json = serde_json::to_string(suspicion).unwrap();
        assert!(json.len() < 64 * LONG * suspicion.sources.len(), "what is kept of a finding is short");
        assert!(!json.contains(char::is_control));
        if !suspicion.decision.is_actionable() {
            continue;
        }
        let resource = suspicion.resource.as_ref().unwrap();
        assert_eq!((resource.account(), resource.partition()), ("123456789012", "aws"));
        assert!(matches!(resource.region(), "" | "us-east-1"));
        assert!(resource.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b":/-_.".contains(&b)));
        assert!(!suspicion.checks.is_empty());
    }
    let reported = Reported::of(
        intake,
        &[],
        &Inventory::empty(owner, Caller::default(), jiff::Timestamp::UNIX_EPOCH),
        &[],
        &[],
    );
    assert_eq!(
        reported.outcomes.values().sum::<u64>(),
        counts.decisions.get("actionable").copied().unwrap_or(0)
    );
    reported.summary();
}
