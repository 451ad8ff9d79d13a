//! The parts that an act and the look before it share: the name of their states, the states to which they
//! lead, and a look itself, with its questions and the states that follow from the answers. Pure.

use serde_json::{Value, json};

use super::{
    super::{
        facts::question as look_for,
        words::{is_list, plain},
    },
    ask::{Asked, Question, question},
    data::{self, Place},
    flow::{Flow, caught, choice, put_at, repeated},
};
use crate::{
    calls::{Act, Expect, Test},
    inventory::FamilyKind,
};

/// The states to which an act leads.
pub(super) struct Roads<'a> {
    /// The act was done, and the condition that it waits for holds.
    pub next: &'a str,
    /// The call failed: nothing was done.
    pub not_done: &'a str,
    /// The call was made, and then something failed.
    pub undone: &'a str,
    /// The path of the error.
    pub error: &'a str,
}

/// An act under the name of its states.
pub(super) struct Named<'a> {
    /// The name: `c1_create-role`.
    pub name: &'a str,
    /// The effect in words.
    pub title: String,
    /// The act.
    pub act: &'a Act,
    /// `true` if later steps refer to the resource that it makes: a step's act, not one of an undo.
    pub keeps: bool,
}

/// The states to which a look leads.
pub(super) struct Seen<'a> {
    /// The condition holds.
    pub holds: &'a str,
    /// The condition does not hold.
    pub not: &'a str,
    /// The condition never will hold.
    pub never: &'a str,
    /// The question could not be asked.
    pub unknown: &'a str,
}

/// Writes a look and the states that follow from it; its first state has this name.
pub(super) fn write_look(flow: &mut Flow, name: &str, question: &Question, seen: &Seen<'_>, repeat: bool) {
    let (judged, failed, absent) =
        (format!("{name}_seen"), format!("{name}_error"), format!("{name}_absent"));
    let mut task = json!({
        "Type": "Task",
        "Resource": question.resource,
        "Parameters": question.parameters,
        "ResultSelector": question.selector,
        "ResultPath": "$.look",
    });
    if repeat && question.absent.is_none() {
        task["Retry"] = repeated();
    }
    task["Catch"] = caught("$.unseen", if question.absent.is_some() { &failed } else { seen.unknown });
    task["Next"] = json!(judged);
    flow.put(name, task);
    if let Some(rule) = &question.absent {
        flow.put(&failed, choice(vec![(rule.clone(), &absent)], seen.unknown));
        flow.put(&absent, put_at("$.look", &json!({ "what": question.selector["what"] }), &judged));
    }
    let mut ways = vec![(question.holds.clone(), seen.holds)];
    ways.extend(question.never.clone().map(|rule| (rule, seen.never)));
    flow.put(&judged, choice(ways, seen.not));
}

/// Returns the questions that decide whether conditions hold; `what` is their purpose in words.
///
/// # Errors
/// The condition that no machine can ask for.
pub(super) fn questions(until: &[Expect], what: &str, place: Place<'_>) -> Result<Vec<Question>, String> {
    let mut all = Vec::new();
    for expect in until {
        let asked = |id: &Value, of: usize| {
            let (look, test) = look_for(expect, id).ok_or_else(|| {
                format!("it waits for {} of {:?}, which no machine asks for yet", expect.at, expect.family)
            })?;
            question(&Asked { look, test, what: what.to_owned(), of }, place)
        };
        let each = data::ids(&expect.id, place)?;
        let new = match at_once(expect) {
            Some(id) => vec![asked(&id, each.len())?],
            None => each.iter().map(|id| asked(id, 1)).collect::<Result<Vec<_>, _>>()?,
        };
        new.into_iter().for_each(|question| join(&mut all, question));
    }
    Ok(all)
}

/// Joins a question to one with the same answer, so that it is asked once.
fn join(all: &mut Vec<Question>, new: Question) {
    let same = |q: &&mut Question| {
        q.resource == new.resource
            && q.parameters == new.parameters
            && q.selector == new.selector
            && q.absent == new.absent
    };
    let Some(before) = all.iter_mut().find(same) else { return all.push(new) };
    before.holds = json!({ "And": [before.holds.take(), new.holds] });
    before.never = match (before.never.take(), new.never) {
        (Some(a), Some(b)) => Some(json!({ "Or": [a, b] })),
        (a, b) => a.or(b),
    };
}

/// Returns the ids, where one question can be about the existence of all of them.
fn at_once(expect: &Expect) -> Option<Value> {
    // The answer about instances is a list of lists: it cannot be counted.
    let filtered = expect.family.about().asked.is_some() && expect.family != FamilyKind::Instances;
    let presence = expect.at.is_empty() && matches!(expect.test, Test::Exists | Test::Gone);
    let id = data::whole(&expect.id);
    let many = is_list(&id) || matches!(&id, Value::Array(items) if items.iter().all(Value::is_string));
    (filtered && presence && many).then_some(id)
}

/// Returns an error as a machine reports it.
pub(super) fn error(name: &str, cause: &str) -> Value {
    json!({ "Error": name, "Cause": plain(cause) })
}
