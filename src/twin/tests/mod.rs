//! The likeness of the twin to AWS. The helpers are here, the tests by theme.

mod compute;
mod content;
mod copies;
mod faults;
mod laws;
mod network;
mod services;

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    Twin,
    demo::{self, MAIN, id},
};
use crate::calls::{Call, CallError, ErrorClass, Outcome, Repeat, find};

static COMPANY: LazyLock<Twin> = LazyLock::new(|| demo::demo("2026-11-22T08:00:00Z".parse().unwrap()));

fn company() -> Twin {
    COMPANY.clone()
}

fn try_in(twin: &mut Twin, service: &str, region: &str, operation: &str, input: Value) -> Outcome {
    twin.perform(&Call::new(service, region, operation, input))
}

/// Makes an EC2 call in the main region, with a token of its own where the operation takes one and none is
/// given.
fn ec2(twin: &mut Twin, operation: &str, mut input: Value) -> Outcome {
    static TOKENS: AtomicUsize = AtomicUsize::new(0);
    let takes_one = find("ec2", operation).unwrap().repeat == Repeat::Token;
    if takes_one && input.get("ClientToken").is_none() {
        input["ClientToken"] = json!(format!("test-{}", TOKENS.fetch_add(1, Ordering::Relaxed)));
    }
    try_in(twin, "ec2", MAIN, operation, input)
}

/// Returns the one declared output of a call that must succeed.
fn made(outcome: Outcome) -> Value {
    outcome.unwrap().into_values().next().unwrap()
}

fn code(outcome: Outcome) -> String {
    outcome.unwrap_err().code
}

fn error(outcome: Outcome) -> CallError {
    outcome.unwrap_err()
}

fn minutes(twin: &mut Twin, n: u64) {
    twin.pass(Duration::from_secs(60 * n));
}

fn tag_all(kind: &str, pairs: &[(&str, &str)]) -> Value {
    let tags: Vec<Value> = pairs.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    json!([{ "ResourceType": kind, "Tags": tags }])
}

fn is_unknown(outcome: Outcome) -> bool {
    let error = error(outcome);
    error.class == ErrorClass::Unsupported && error.code == "TwinUnknown"
}
