//! What every target of the fuzzer does: puts what the fuzzer made where one reader will find it, and collects.

use std::io::Read;

use redress::{intake, resource::Owner};

/// Reads `open`, the fuzzer's bytes and `close` as one input, and holds what comes of it to what must always be so.
pub fn run(open: &str, bytes: &[u8], close: &str) {
    let text = [open.as_bytes(), bytes, close.as_bytes()].concat();
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let intake = intake::collect(vec![("fuzz".to_owned(), Box::new(text.as_slice()) as Box<dyn Read>)], &owner, &["us-east-1".to_owned()]);
    assert_eq!(intake.counts.read, intake.counts.decisions.values().sum::<u64>());
    for suspicion in intake.suspicions.iter().filter(|s| s.decision.is_actionable()) {
        let resource = suspicion.resource.as_ref().unwrap();
        assert_eq!((resource.account(), resource.partition()), ("123456789012", "aws"));
        assert!(resource.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b":/-_.".contains(&b)));
    }
}
