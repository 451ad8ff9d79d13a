//! Edits a parameter of a change: lists the parameters, reads what was typed, and builds the plan with the
//! new value, checked by the action's own type. Pure; the driver of the session plans and rehearses it again.

use serde_json::Value;

use super::question::{Item, Question};
use crate::{
    actions::{self, ActionUse, Parameter},
    plan::{Change, Plan},
    playbook::{self, Approve, Guard, Match, Playbook},
};

/// One parameter of one action of a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// The id of the change.
    pub change: String,
    /// The name of the action.
    pub action: String,
    /// The parameter's name.
    pub parameter: String,
    /// Its value, as TOML.
    pub value: String,
}

/// Lists the parameters of a change.
pub fn slots(plan: &Plan, change: &str) -> Vec<Slot> {
    let uses = plan.change(change).map(|c| c.uses.as_slice()).unwrap_or_default();
    uses.iter().flat_map(|one| of_use(change, one)).collect()
}

fn of_use<'a>(change: &'a str, one: &'a ActionUse) -> impl Iterator<Item = Slot> + 'a {
    let parameters = actions::find(&one.action).map(|a| a.parameters()).unwrap_or_default();
    parameters.iter().map(|p| Slot {
        change: change.to_owned(),
        action: one.action.clone(),
        parameter: p.name.to_owned(),
        value: one.with.get(p.name).map_or_else(String::new, toml_of),
    })
}

/// Writes a value as TOML on one line; empty for null.
fn toml_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        // JSON's strings, numbers, booleans and lists of these are valid TOML.
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Array(_) => {
            serde_json::to_string(value).unwrap_or_default().replace("\",\"", "\", \"")
        }
        Value::Object(_) => toml::Value::try_from(value).map(|v| v.to_string()).unwrap_or_default(),
    }
}

/// Builds the question which parameter to edit.
pub fn which(plan: &Plan, slots: &[Slot]) -> Question {
    let several =
        plan.change(slots.first().map_or("", |s| s.change.as_str())).is_some_and(|c| c.uses.len() > 1);
    let one = |slot: &Slot| {
        let name =
            if several { format!("{}.{}", slot.action, slot.parameter) } else { slot.parameter.clone() };
        Item::new(name, format!("is {}", if slot.value.is_empty() { "not set" } else { &slot.value }))
    };
    let items = slots.iter().map(one).chain([Item::new("back", "edit nothing")]).collect();
    Question::Choose("Which parameter".to_owned(), items, slots.len())
}

fn parameter(slot: &Slot) -> Option<&'static Parameter> {
    actions::find(&slot.action)?.parameters().iter().find(|p| p.name == slot.parameter)
}

/// Builds the question for the new value.
pub fn what(slot: &Slot) -> Question {
    let kind = parameter(slot).map_or("", |p| p.kind);
    Question::Line(format!("{} ({kind})", slot.parameter), slot.value.clone())
}

/// Returns the plan with a new value for the parameter in these changes, not planned again yet; `None` where
/// nothing differs.
///
/// # Errors
/// When the action's type refuses the value, with its reason.
pub fn edited(plan: &Plan, slot: &Slot, text: &str, changes: &[String]) -> Result<Option<Plan>, String> {
    if text.trim().is_empty() || text.trim() == slot.value || as_toml(slot, text.trim()) == slot.value {
        return Ok(None);
    }
    let mut edited = plan.clone();
    for change in edited.changes.iter_mut().filter(|c| changes.contains(&c.id)) {
        change.uses = uses(change, slot, text.trim())?;
    }
    Ok((edited != *plan).then_some(edited))
}

/// Returns the uses of a change with the new value, which is checked the same way as `--set`.
fn uses(change: &Change, slot: &Slot, text: &str) -> Result<Vec<ActionUse>, String> {
    let mut one = [bare(change)];
    let setting = format!("{}.{}={}", slot.action, slot.parameter, as_toml(slot, text));
    playbook::override_parameter(&mut one, &setting)
        .map_err(|why| why.replace(&format!("--set {setting}: "), ""))?;
    let [changed] = one;
    Ok(changed.actions)
}

/// Turns typed text into TOML. A list may be typed without brackets and quotes: `203.0.113.0/24,
/// 198.51.100.0/24`.
fn as_toml(slot: &Slot, text: &str) -> String {
    let list = slot.value.starts_with('[') || parameter(slot).is_some_and(|p| p.kind.starts_with("list"));
    if !list || text.starts_with('[') {
        return text.to_owned();
    }
    let items: Vec<String> = text
        .split([',', ' '])
        .map(str::trim)
        .filter(|i| !i.is_empty())
        .map(|i| format!("{:?}", i.trim_matches(['"', '\''])))
        .collect();
    format!("[{}]", items.join(", "))
}

/// Builds a playbook that has nothing but the actions of the change.
fn bare(change: &Change) -> Playbook {
    Playbook {
        id: change.playbook.clone(),
        title: String::new(),
        finding: Vec::new(),
        check: Value::Null,
        matching: Match::default(),
        actions: change.uses.clone(),
        guard: Guard::default(),
        approve: Approve::Ask,
        sets: Vec::new(),
        source: String::new(),
        digest: String::new(),
    }
}
