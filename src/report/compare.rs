//! The differences between two plans: changes that were added, removed or modified, and findings that are
//! decided differently. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use serde::Serialize;
use serde_json::{Value, json};

use super::{diff, safe, words};
use crate::{
    actions,
    finding::FindingKey,
    plan::{Change, Plan},
};

// Writing to a string cannot fail, so the results of `write!` are dropped throughout.

/// The document `redress.diff/1`: a comparison of two plans.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The format's name: `redress.diff/1`.
    pub format: String,
    /// The digest of the older plan.
    pub old: String,
    /// The digest of the newer plan.
    pub new: String,
    /// The differences between the plans themselves: account, regions, options, playbooks, rehearsal.
    pub plan: Vec<Difference>,
    /// Changes that only the newer plan has.
    pub added: Vec<Entry>,
    /// Changes that only the older plan has.
    pub removed: Vec<Entry>,
    /// Changes that both plans have, but that differ.
    pub changed: Vec<Changed>,
    /// The number of changes that are the same.
    pub same: usize,
    /// Findings that are decided differently.
    pub findings: Vec<Disposition>,
}

/// A change, as a comparison lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The change's id in its plan.
    pub id: String,
    /// The action.
    pub action: String,
    /// The ARN.
    pub resource: String,
    /// The summary, in one sentence.
    pub summary: String,
    /// The change's risk.
    pub risk: String,
}

/// A change that both plans have and that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// The change in the newer plan.
    #[serde(flatten)]
    pub entry: Entry,
    /// The differences, line by line.
    pub differences: Vec<Difference>,
}

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `+`, `-`, or a space for a name or an unchanged value.
    pub sign: String,
    /// The text of the line.
    pub text: String,
}

/// A finding that is decided differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disposition {
    /// The check's id.
    pub check: String,
    /// The ARN.
    pub resource: String,
    /// The decision in the older plan: `planned`, `refused`, ...; `not found` if that plan does
    /// not have the finding.
    pub old: String,
    /// The decision in the newer plan.
    pub new: String,
}

impl Comparison {
    /// Returns whether the plans do the same about the same findings.
    pub fn is_same(&self) -> bool {
        self.plan.is_empty()
            && self.added.is_empty()
            && self.removed.is_empty()
            && self.changed.is_empty()
            && self.findings.is_empty()
    }
}

/// Compares two plans. A change is the same one in both plans if it applies the same action to the same
/// resource; ids, times and digests do not count.
pub fn compare(old: &Plan, new: &Plan) -> Comparison {
    let (before, after) = (by_name(old), by_name(new));
    let mut result = Comparison {
        format: "redress.diff/1".to_owned(),
        old: old.digest.clone(),
        new: new.digest.clone(),
        plan: lines(&about(old), &about(new)),
        added: Vec::new(),
        removed: Vec::new(),
        changed: Vec::new(),
        same: 0,
        findings: fates(old, new),
    };
    // The order is that of the newer plan.
    for change in &new.changes {
        match before.get(&name(change)) {
            None => result.added.push(entry(change)),
            Some(was) => {
                let differences = lines(&substance(old, was), &substance(new, change));
                if differences.is_empty() {
                    result.same += 1;
                } else {
                    result.changed.push(Changed { entry: entry(change), differences });
                }
            }
        }
    }
    result.removed = old.changes.iter().filter(|c| !after.contains_key(&name(c))).map(entry).collect();
    result
}

/// The name of a change: its action, the resource, and the parts of it that it changes.
type Name = (String, String, Vec<&'static str>);

fn name(change: &Change) -> Name {
    let lanes = change.uses.iter().map(actions::lane).collect();
    (change.action.to_string(), change.resource.as_str().to_owned(), lanes)
}

fn by_name(plan: &Plan) -> BTreeMap<Name, &Change> {
    plan.changes.iter().map(|change| (name(change), change)).collect()
}

fn entry(change: &Change) -> Entry {
    Entry {
        id: change.id.clone(),
        action: change.action.to_string(),
        resource: change.resource.as_str().to_owned(),
        summary: change.summary.clone(),
        risk: change.risk.word().to_owned(),
    }
}

fn lines(old: &Value, new: &Value) -> Vec<Difference> {
    diff::diff(old, new)
        .into_iter()
        .map(|line| Difference { sign: line.sign.mark().to_owned(), text: line.text })
        .collect()
}

fn about(plan: &Plan) -> Value {
    let opens: Vec<String> = plan.rehearsal.opens.iter().map(words::finding).collect();
    let digests: BTreeMap<String, String> =
        plan.playbooks.iter().map(|(id, digest)| (id.replace('.', "-"), words::short(digest))).collect();
    json!({
        "account": plan.account, "endpoint": plan.endpoint, "regions": plan.regions, "kind": plan.kind,
        "of run": plan.of_run, "options": plan.options,
        "playbooks": digests, "rehearsal": { "undo restores": plan.rehearsal.undo_restores, "opens": opens,
        "differences": plan.rehearsal.differences },
    })
}

/// Returns the parts of a change that a person approves, without the ids by which its plan numbers changes.
fn substance(plan: &Plan, change: &Change) -> Value {
    let calls: Vec<String> = change
        .steps
        .iter()
        .map(|s| format!("{} {} {}", s.act.call.name(), s.act.call.region, diff::readable(&s.act.call.input)))
        .collect();
    let after: Vec<String> =
        change.after.iter().filter_map(|id| plan.change(id)).map(|c| c.summary.clone()).collect();
    let guards: Vec<String> =
        change.guards.iter().map(|g| format!("{} {}: {}", g.guard, g.result.word(), g.note)).collect();
    json!({
        "summary": change.summary, "risk": change.risk.word(), "playbook": change.playbook,
        "answers": change.findings.iter().map(words::finding).collect::<Vec<_>>(),
        "before": change.before, "after": change.after_state, "impact": change.impact, "guards": guards,
        "undo": words::way_back(change).1,
        "not restored": change.not_restored, "asks": change.ask, "comes after": after,
        "calls": calls.iter().map(|c| renumbered(plan, c)).collect::<Vec<_>>(),
    })
}

/// Rewrites a call that uses the output of another change, so that it names that change by its summary
/// instead of its number.
fn renumbered(plan: &Plan, call: &str) -> String {
    plan.changes.iter().rev().fold(call.to_owned(), |text, c| {
        text.replace(&format!(" of change {}>", c.id), &format!(" of change \"{}\">", c.summary))
    })
}

fn fates(old: &Plan, new: &Plan) -> Vec<Disposition> {
    let (before, after) = (super::decisions(old), super::decisions(new));
    let keys: BTreeSet<&FindingKey> = before.keys().chain(after.keys()).collect();
    let word = |of: &BTreeMap<FindingKey, super::Decided>, key: &FindingKey| {
        of.get(key).map_or("not found".to_owned(), |d| d.decision.clone())
    };
    let fate = |key: &FindingKey| {
        let (old, new) = (word(&before, key), word(&after, key));
        Disposition { check: key.check.clone(), resource: key.resource.as_str().to_owned(), old, new }
    };
    keys.into_iter().map(fate).filter(|fate| fate.old != fate.new).collect()
}

fn title(what: &Comparison) -> String {
    if what.is_same() {
        return format!("The plans do the same: {}", words::count(what.same, "change"));
    }
    let parts = [
        (what.added.len(), "new"),
        (what.removed.len(), "gone"),
        (what.changed.len(), "different"),
        (what.same, "the same"),
    ];
    let told: Vec<String> =
        parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    format!("Changes: {}", if told.is_empty() { "none".to_owned() } else { told.join(", ") })
}

/// Renders a comparison as text, for people.
pub fn text(what: &Comparison) -> String {
    let mut out = format!("{}\n", title(what));
    let say = |out: &mut String, indent: &str, all: &[Difference]| {
        all.iter().for_each(|d| {
            let _ = writeln!(out, "{indent}{} {}", d.sign, safe::text(&d.text));
        });
    };
    if !what.plan.is_empty() {
        out.push_str("\nthe plan\n");
        say(&mut out, "    ", &what.plan);
    }
    for (sign, all) in [("+", &what.added), ("-", &what.removed)] {
        for e in all {
            let _ = writeln!(
                out,
                "\n{sign} {} {} · {}\n    {}",
                safe::text(&e.id),
                e.risk,
                safe::text(&e.summary),
                safe::text(&e.resource)
            );
        }
    }
    for Changed { entry: e, differences } in &what.changed {
        let _ = writeln!(
            out,
            "\n~ {} {} · {}\n    {}",
            safe::text(&e.id),
            e.risk,
            safe::text(&e.summary),
            safe::text(&e.resource)
        );
        say(&mut out, "    ", differences);
    }
    if !what.findings.is_empty() {
        out.push_str("\nfindings\n");
    }
    for f in &what.findings {
        let _ = writeln!(
            out,
            "    {} -> {}: {} on {}",
            f.old,
            f.new,
            safe::text(&f.check),
            safe::text(&f.resource)
        );
    }
    out
}

/// Renders a comparison as Markdown, for a comment on a pull request.
pub fn markdown(what: &Comparison) -> String {
    let block = |all: &[Difference]| {
        safe::block("diff", &all.iter().map(|d| format!("{} {}", d.sign, d.text)).collect::<Vec<_>>())
    };
    let mut out = format!("## {}\n", safe::markdown(&title(what)));
    if !what.plan.is_empty() {
        let _ = writeln!(out, "\n### The plan\n\n{}", block(&what.plan));
    }
    for (head, all) in [("New", &what.added), ("Gone", &what.removed)] {
        if !all.is_empty() {
            let _ = writeln!(out, "\n### {head}\n\n| | Change | Resource | Risk |\n|---|---|---|---|");
        }
        for e in all {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                safe::code(&e.id),
                safe::markdown(&e.summary),
                safe::code(&e.resource),
                e.risk
            );
        }
    }
    for Changed { entry: e, differences } in &what.changed {
        let _ = writeln!(
            out,
            "\n### {} {}\n\n{} · {}\n\n{}",
            safe::markdown(&e.id),
            safe::markdown(&e.summary),
            safe::code(&e.resource),
            e.risk,
            block(differences)
        );
    }
    if !what.findings.is_empty() {
        out.push_str("\n### Findings\n\n| Check | Resource | Before | Now |\n|---|---|---|---|\n");
    }
    for f in &what.findings {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            safe::code(&f.check),
            safe::code(&f.resource),
            f.old,
            f.new
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_plan_made_again_under_other_numbers_is_the_same() {
        let old = sample::plan();
        let mut new = old.clone();
        new.digest = "sha256:other".to_owned();
        new.created = sample::at("2030-01-01T00:00:00Z");
        assert!(compare(&old, &new).is_same());
        assert!(text(&compare(&old, &new)).starts_with("The plans do the same"));
    }

    #[test]
    fn what_came_went_and_changed_is_told() {
        let old = sample::plan();
        let mut new = old.clone();
        let mut other = sample::tighten();
        other.resource = sample::group(9);
        other.id = "c9".to_owned();
        new.changes.retain(|c| c.id != "c1");
        new.changes.push(other);
        let told = compare(&old, &new);
        assert_eq!((told.added.len(), told.removed.len()), (1, 1));
        let mut wider = old.clone();
        for change in wider.changes.iter_mut().filter(|c| c.id == "c1") {
            change.after_state = json!({ "ingress": ["tcp 22 from 198.51.100.0/24", sample::HOSTILE] });
        }
        let told = compare(&old, &wider);
        assert_eq!(told.changed.len(), 1);
        let shown = text(&told);
        assert!(
            shown.contains("+   tcp 22 from 198.51.100.0/24")
                && shown.contains("-   tcp 22 from 203.0.113.0/24"),
            "{shown}"
        );
        assert!(!shown.contains('\u{1b}') && !markdown(&told).contains('\u{1b}'));
    }
}
