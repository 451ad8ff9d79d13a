//! The digest of a plan, and reading a plan back from its file. The digest protects against accidents and
//! unnoticed edits; it is no signature. No IO: the text is handed in.

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Plan, claims, document::FORMAT};

/// Writes JSON in the one form over which digests are taken: keys sorted, no white space.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => write_members(map.iter().collect(), text),
        Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        literal => text.push_str(&literal.to_string()),
    }
}

fn write_members(mut members: Vec<(&String, &Value)>, text: &mut String) {
    members.sort_by_key(|(key, _)| *key);
    text.push('{');
    for (n, (key, value)) in members.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(key.as_str()).to_string());
        text.push(':');
        write_canonical(value, text);
    }
    text.push('}');
}

/// Returns the SHA-256 digest, in hex, of the canonical JSON of a plan without its member `digest`.
pub(super) fn digest_of(plan: &Value) -> String {
    let mut text = String::new();
    match plan {
        Value::Object(map) => {
            write_members(map.iter().filter(|(key, _)| *key != "digest").collect(), &mut text)
        }
        other => write_canonical(other, &mut text),
    }
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn to_json(plan: &Plan) -> Value {
    // A plan is plain data with string keys: it always has a JSON form.
    serde_json::to_value(plan).unwrap_or(Value::Null)
}

/// Sets the plan's digest to that of its other members.
pub fn seal(plan: &mut Plan) {
    plan.digest = digest_of(&to_json(plan));
}

/// Returns whether the digest matches the rest of the plan.
pub fn verify(plan: &Plan) -> bool {
    plan.digest == digest_of(&to_json(plan))
}

/// The reason for which a text is not a plan that can be used here and now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFileError {
    /// An empty file.
    #[error(
        "the plan file is empty: it was perhaps never written to the end; make it again with `redress plan \
         -o FILE`"
    )]
    Empty,
    /// A text that ends in the middle.
    #[error(
        "the plan file ends in the middle, at line {line}: it was cut off; make it again with `redress plan \
         -o FILE`"
    )]
    CutOff {
        /// The line, from 1.
        line: usize,
    },
    /// Not JSON at all.
    #[error(
        "this is not a plan file: it is not JSON (line {line}, column {column}: {what}); give a file that \
         `redress plan -o FILE` wrote"
    )]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column in the line, from 1.
        column: usize,
        /// The syntax error.
        what: String,
    },
    /// JSON, but no plan.
    #[error(
        "this is not a plan file: its format is {found}, not {FORMAT}; give a file that `redress plan -o \
         FILE` wrote"
    )]
    NotAPlan {
        /// The format that the file states.
        found: String,
    },
    /// A plan of another version.
    #[error(
        "the plan file has the format {found}, and this redress reads {FORMAT} only: make a new plan, or use \
         the redress that wrote it"
    )]
    Version {
        /// The format that the file states.
        found: String,
    },
    /// A plan of which a part changed after it was written.
    #[error(
        "the plan file's digest does not fit its content: it was edited by hand or damaged, so it is not \
         what was rehearsed; make a new plan"
    )]
    Digest,
    /// A document whose digest matches, but that does not have the members of a plan.
    #[error("the plan file does not have the shape of {FORMAT}: {what}; make a new plan")]
    Shape {
        /// The member that is missing or wrong.
        what: String,
    },
    /// A document that has the shape of a plan, but claims something that no plan of redress claims.
    #[error(
        "the plan file contains what redress never writes: {what}; it was made or edited by something else, \
         so none of it is done: make a new plan"
    )]
    Claim {
        /// The claim.
        what: String,
    },
    /// A plan for another account.
    #[error(
        "the plan is for account {plan}, but these credentials are for account {here}: use the credentials \
         of {plan}, or make a new plan for {here}"
    )]
    Account {
        /// The account of the plan.
        plan: String,
        /// The account of the credentials.
        here: String,
    },
    /// A plan for another partition.
    #[error(
        "the plan is for the partition {plan}, but these credentials are for {here}: use the credentials it \
         was made with, or make a new plan"
    )]
    Partition {
        /// The partition of the plan.
        plan: String,
        /// The partition of the credentials.
        here: String,
    },
    /// A plan that was made at another endpoint.
    #[error(
        "the plan was made at {plan}, but this is {here}: set AWS_ENDPOINT_URL or --account as it was then, \
         or make a new plan here"
    )]
    Endpoint {
        /// The endpoint of the plan.
        plan: String,
        /// The endpoint in use.
        here: String,
    },
    /// A plan that has expired.
    #[error(
        "the plan expired at {expires}: the account may have changed since; make a new plan (`--valid-for` \
         sets how long one is good)"
    )]
    Expired {
        /// The time at which it expired.
        expires: Timestamp,
    },
}

/// Reads a plan from the text of its file.
///
/// # Errors
/// The defect of the text, with what to do about it.
pub fn parse(text: &str) -> Result<Plan, PlanFileError> {
    if text.trim().is_empty() {
        return Err(PlanFileError::Empty);
    }
    let json: Value = serde_json::from_str(text).map_err(|e| match e.classify() {
        serde_json::error::Category::Eof => PlanFileError::CutOff { line: e.line() },
        _ => PlanFileError::NotJson { line: e.line(), column: e.column(), what: what_of(&e) },
    })?;
    let found = match json.get("format").and_then(Value::as_str) {
        // Enough of it to be recognised: it may be as long as the file.
        Some(format) => format.chars().take(60).collect::<String>().escape_debug().to_string(),
        None => "unknown".to_owned(),
    };
    if found != FORMAT {
        let version = found.starts_with("redress.plan/");
        return Err(if version {
            PlanFileError::Version { found }
        } else {
            PlanFileError::NotAPlan { found }
        });
    }
    if json.get("digest").and_then(Value::as_str) != Some(digest_of(&json).as_str()) {
        return Err(PlanFileError::Digest);
    }
    let plan: Plan =
        serde_json::from_value(json).map_err(|e| PlanFileError::Shape { what: e.to_string() })?;
    claims::possible(&plan).map_err(|what| PlanFileError::Claim { what })?;
    Ok(plan)
}

/// Returns the message of an error without its position, which is reported separately.
fn what_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

/// Checks that a plan is for this account, partition and endpoint, and still valid.
///
/// # Errors
/// The mismatch, with what to do about it.
pub fn check_fit(
    plan: &Plan,
    account: &str,
    partition: &str,
    endpoint: &str,
    now: Timestamp,
) -> Result<(), PlanFileError> {
    let pair = |plan: &str, here: &str| (plan.to_owned(), here.to_owned());
    if plan.account != account {
        let (plan, here) = pair(&plan.account, account);
        return Err(PlanFileError::Account { plan, here });
    }
    if plan.partition != partition {
        let (plan, here) = pair(&plan.partition, partition);
        return Err(PlanFileError::Partition { plan, here });
    }
    if plan.endpoint != endpoint {
        let (plan, here) = pair(&plan.endpoint, endpoint);
        return Err(PlanFileError::Endpoint { plan, here });
    }
    if now >= plan.expires {
        return Err(PlanFileError::Expired { expires: plan.expires });
    }
    Ok(())
}
