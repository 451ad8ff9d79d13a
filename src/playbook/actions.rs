//! The `[[action]]` sections of a playbook: the actions with their parameters, and a check that they answer
//! the findings that the playbook is for.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    keys,
    problem::hint_for,
    read::{Named, Placed, Reader},
    vocabulary::Vocabulary,
    with,
};
use crate::actions::{Action, ActionUse};

/// Reads the actions of a playbook, in their order.
pub fn read(
    reader: &mut Reader<'_>,
    words: &Vocabulary,
    root: &DeTable<'_>,
    finding: &[Named],
) -> Vec<ActionUse> {
    let Some(list) = list(reader, root) else { return Vec::new() };
    let (mut uses, mut known): (Vec<ActionUse>, Vec<&dyn Action>) = (Vec::new(), Vec::new());
    for entry in list {
        let Some(table) = reader.table(entry, "each action", Some("write a section: [[action]]".to_owned()))
        else {
            continue;
        };
        reader.unknown_keys(table, &keys::ACTION);
        let Some((action, span)) = action(reader, words, table, entry.span()) else { continue };
        if known.iter().any(|other| other.name() == action.name()) {
            reader.report(
                span.clone(),
                format!("the action {:?} is used twice", action.name()),
                Some("one use answers all findings of the playbook".to_owned()),
            );
        }
        answers_some(reader, action, span.clone(), finding);
        known.push(action);
        if let Some(with) =
            parameters(reader, table, span).and_then(|with| with::decode(reader, action, with))
        {
            uses.push(ActionUse { action: action.name().to_owned(), with });
        }
    }
    if known.len() == list.len() {
        all_answered(reader, words, &known, finding);
    }
    uses
}

fn list<'v, 'd>(reader: &mut Reader<'_>, root: &'v DeTable<'d>) -> Option<&'v [Placed<'d>]> {
    let hint = "name the action: [[action]] and under it use = \"tighten-security-group\"";
    let value = reader.required(root, "action", 0..0, hint)?;
    match value.get_ref() {
        DeValue::Array(list) if list.is_empty() => {
            reader.report(value.span(), "a playbook has at least one action", Some(hint.to_owned()))
        }
        DeValue::Array(list) => return Some(list),
        DeValue::Table(_) => reader.report(
            value.span(),
            "actions are a list",
            Some("write [[action]], with two brackets".to_owned()),
        ),
        _ => reader.wrong_type(value, "action", "a list of sections", Some(hint.to_owned())),
    }
    None
}

/// Returns the action that an entry uses, with the place of its name.
fn action(
    reader: &mut Reader<'_>,
    words: &Vocabulary,
    entry: &DeTable<'_>,
    span: Range<usize>,
) -> Option<(&'static dyn Action, Range<usize>)> {
    let value = reader.required(entry, "use", span, "name the action: use = \"tighten-security-group\"")?;
    let name = reader.string(value, "use", 100)?;
    let found = words.action(&name);
    match found {
        None => reader.report(
            value.span(),
            format!("there is no action {name:?}"),
            hint_for(&name, &words.usable()),
        ),
        Some(action) if action.answers().is_empty() => {
            let what = format!("{name} cannot be used by a playbook");
            reader.report(value.span(), what, Some("other actions ask for it when they need it".to_owned()));
            return None;
        }
        Some(_) => {}
    }
    found.map(|action| (action, value.span()))
}

/// Returns the `with` of an entry; an empty one, placed at the action's name, if it has none.
fn parameters<'d>(
    reader: &mut Reader<'_>,
    entry: &DeTable<'d>,
    span: Range<usize>,
) -> Option<Spanned<DeTable<'d>>> {
    let Some(value) = entry.get("with") else { return Some(Spanned::new(span, DeTable::new())) };
    let table = reader.table(
        value,
        "with",
        Some("write with = { name = value } or a section [action.with]".to_owned()),
    )?;
    Some(Spanned::new(value.span(), table.clone()))
}

/// Reports an action that answers none of the playbook's checks.
fn answers_some(reader: &mut Reader<'_>, action: &dyn Action, span: Range<usize>, finding: &[Named]) {
    if finding.is_empty() || finding.iter().any(|(check, _)| action.answers().contains(&check.as_str())) {
        return;
    }
    let checks: Vec<_> = finding.iter().map(|(check, _)| check.as_str()).collect();
    let what = format!("{} does not answer {}", action.name(), checks.join(" or "));
    reader.report(span, what, Some(format!("it answers {}", action.answers().join(", "))));
}

/// Reports the checks that no action of the playbook answers.
fn all_answered(reader: &mut Reader<'_>, words: &Vocabulary, used: &[&dyn Action], finding: &[Named]) {
    let answers = |action: &dyn Action, check: &str| action.answers().contains(&check);
    // With a single check, the action has been reported already.
    for (check, span) in finding.iter().filter(|_| finding.len() > 1) {
        if !used.iter().any(|action| answers(*action, check)) {
            let able: Vec<_> =
                words.actions.iter().filter(|a| answers(**a, check)).map(|a| a.name()).collect();
            let hint = (!able.is_empty()).then(|| format!("it is answered by {}", able.join(", ")));
            reader.report(span.clone(), format!("no action of this playbook answers {check:?}"), hint);
        }
    }
}
