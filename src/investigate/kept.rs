//! The events of an actor that our own checks can answer, as findings for a plan: whole enough for intake,
//! and without the members that may hold a secret.

use serde_json::{Map, Value, json};

/// The number of events that are kept, and of the bytes of all of them together.
const MOST: usize = 20_000;
const MOST_BYTES: usize = 32 << 20;

/// The members of an event that intake reads.
const MEMBERS: &[&str] = &[
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "requestParameters",
    "responseElements",
    "eventID",
    "eventType",
    "readOnly",
    "recipientAccountId",
    "resources",
];

/// Words in the names of members that may hold a secret. None of the calls that checks answer needs them.
const SECRET: &[&str] = &["password", "secret", "userdata", "privatekey", "credential", "sessiontoken"];

/// Events for a plan.
#[derive(Debug, Default)]
pub struct Kept {
    events: Vec<Value>,
    bytes: usize,
    /// The number of events that did not fit.
    pub left_out: u64,
}

impl Kept {
    /// Keeps an event.
    pub fn keep(&mut self, event: &Value) {
        let of = |member: &&str| Some(((*member).to_owned(), without_secrets(event.get(*member)?)));
        let event = Value::Object(MEMBERS.iter().filter_map(of).collect());
        let size = event.to_string().len();
        if self.events.len() >= MOST || self.bytes + size > MOST_BYTES {
            self.left_out += 1;
            return;
        }
        self.bytes += size;
        self.events.push(event);
    }

    /// Returns whether nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.left_out == 0
    }

    /// Returns the events as a log file, which intake reads; an event that did not fit makes it incomplete.
    pub fn document(&self) -> Value {
        let mut document = Map::new();
        document.insert("Records".to_owned(), self.events.clone().into());
        if self.left_out > 0 {
            let why = format!("{} events more could be acted on, and are not kept", self.left_out);
            document.insert(crate::intake::sniff::INCOMPLETE.to_owned(), json!(why));
        }
        Value::Object(document)
    }
}

/// Copies a value without the members whose names speak of secrets.
fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let open = |name: &str| {
                let name = name.to_lowercase();
                !SECRET.iter().any(|word| name.contains(word))
            };
            let kept = object.iter().filter(|(name, _)| open(name));
            Value::Object(kept.map(|(name, value)| (name.clone(), without_secrets(value))).collect())
        }
        Value::Array(all) => all.iter().map(without_secrets).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_kept_without_what_may_be_secret() {
        let mut kept = Kept::default();
        kept.keep(&json!({"eventName": "RunInstances", "tlsDetails": {"a": 1}, "requestParameters": {
            "userData": "c2VjcmV0", "instancesSet": {"items": [{"Password": "x", "imageId": "ami-1"}]}}}));
        assert_eq!(
            kept.document(),
            json!({"Records": [{"eventName": "RunInstances",
                "requestParameters": {"instancesSet": {"items": [{"imageId": "ami-1"}]}}}]})
        );
    }

    #[test]
    fn what_does_not_fit_makes_the_document_incomplete() {
        let mut kept = Kept::default();
        let big = json!({"eventName": "CreateVpc", "requestParameters": {"a": "x".repeat(20 << 20)}});
        (0..3).for_each(|_| kept.keep(&big));
        assert_eq!((kept.events.len(), kept.left_out), (1, 2));
        assert!(kept.document()["Incomplete"].as_str().is_some_and(|why| why.starts_with("2 events")));
        assert!(!kept.is_empty());
    }
}
