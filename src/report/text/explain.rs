//! The explanation of a check, an action or a change, as text.

use std::collections::BTreeMap;

use super::{
    super::{
        View,
        style::{Page, Span, Tone, plain, span},
        words,
    },
    fix,
};
use crate::{
    actions::{self, Action},
    checks::Check,
    plan::{Change, Plan},
    playbook::{Approve, Playbook, keys},
};

/// The column beside the labels.
const BESIDE: usize = 14;

fn row(page: &mut Page, label: &str, spans: &[Span]) {
    page.row(2, &span(Tone::Faint, label), BESIDE, spans);
}

/// Explains a check: the problem, why it matters, its ids in other frameworks, and the
/// playbooks that answer it.
pub fn check(check: &Check, answering: &[&Playbook], view: &View) -> String {
    let mut page = Page::new(view.style);
    page.text(
        0,
        &[
            span(Tone::Strong, check.id),
            plain(if check.scanned { "" } else { " (only proves changes; a scan does not run it)" }),
        ],
    );
    let severity = span(words::severity_tone(check.severity), check.severity.to_string());
    row(&mut page, "severity", &[severity]);
    row(&mut page, "of each", &[plain(check.kind.words())]);
    row(&mut page, "finds", &[plain(check.title)]);
    row(&mut page, "why", &[plain(check.why)]);
    for (n, (framework, ids)) in check.known_as.iter().enumerate() {
        let label = if n == 0 { "known as" } else { " " };
        row(&mut page, label, &[plain(format!("{framework}: {}", ids.join(", ")))]);
    }
    for parameter in keys::of_check(check.id) {
        row(
            &mut page,
            "parameter",
            &[
                span(Tone::Strong, parameter.name),
                plain(format!(" ({}; {}): {}", parameter.kind, parameter.default, parameter.doc)),
            ],
        );
    }
    for playbook in answering {
        let uses: Vec<&str> = playbook.actions.iter().map(|u| u.action.as_str()).collect();
        let never =
            if playbook.approve == Approve::Never { " (never done: approve = \"never\")" } else { "" };
        row(
            &mut page,
            "answered by",
            &[plain(format!("playbook {}, by {}{never}", playbook.id, uses.join(" + ")))],
        );
    }
    if answering.is_empty() && check.scanned {
        row(&mut page, "answered by", &[span(Tone::Warn, "no playbook")]);
    }
    let mut next = vec![words::Next {
        purpose: "to look for it".to_owned(),
        command: format!("redress scan --check {}", check.id),
    }];
    next.extend(answering.iter().flat_map(|p| &p.actions).map(|u| words::Next {
        purpose: "for what answers it".to_owned(),
        command: format!("redress explain {}", u.action),
    }));
    next.dedup();
    super::commands(&mut page, if check.scanned { &next } else { &[] });
    page.done()
}

/// Explains an action: what it does, refuses and leaves behind, with its parameters, and the
/// playbooks that use it.
pub fn action(action: &dyn Action, using: &[&Playbook], view: &View) -> String {
    let mut page = Page::new(view.style);
    page.text(0, &[span(Tone::Strong, action.name()), plain(format!(": {}", action.title()))]);
    row(&mut page, "changes", &[plain(action.target().words())]);
    let answers: Vec<String> = action.answers().iter().map(|id| (*id).to_owned()).collect();
    row(
        &mut page,
        "answers",
        &[plain(if answers.is_empty() {
            "no finding of its own: other actions ask for it".to_owned()
        } else {
            words::list(&answers)
        })],
    );
    let used: Vec<String> = using.iter().map(|p| p.id.clone()).collect();
    row(&mut page, "playbooks", &[plain(words::list(&used))]);
    for (n, parameter) in action.parameters().iter().enumerate() {
        let default = if parameter.default.is_empty() {
            "must be given where it is needed".to_owned()
        } else {
            format!("default {}", parameter.default)
        };
        let told = [
            span(Tone::Strong, parameter.name),
            plain(format!(" ({}; {default}): {}", parameter.kind, parameter.doc)),
        ];
        row(&mut page, if n == 0 { "parameters" } else { " " }, &told);
    }
    page.blank();
    let mut code = false;
    for line in action.doc().lines().filter(|line| !line.starts_with("# ")) {
        code ^= line.starts_with("```");
        match line {
            "" => page.blank(),
            line if code || line.starts_with("```") => page.verbatim(2, &plain(line)),
            line => page.text(
                2,
                &[span(
                    if line.starts_with('#') { Tone::Strong } else { Tone::Plain },
                    line.trim_start_matches(['#', ' ']),
                )],
            ),
        }
    }
    if !action.answers().is_empty() {
        let new = words::Next {
            purpose: "to use it in a playbook of yours".to_owned(),
            command: format!("redress playbooks new {}", action.name()),
        };
        super::commands(&mut page, &[new]);
    }
    page.done()
}

/// Explains a change of a plan: the finding that it answers, its effect, and all of its calls.
pub fn change(plan: &Plan, change: &Change, view: &View) -> String {
    let place = plan.changes.iter().position(|c| c.id == change.id).map_or(1, |n| n + 1);
    let seen = BTreeMap::new();
    let card = fix::card(plan, change, &fix::At { place, of: plan.changes.len(), seen: &seen }, view);
    let titles = change
        .uses
        .iter()
        .filter_map(|u| actions::find(&u.action))
        .map(|a| format!("{}: {}\n", a.name(), a.title()))
        .collect::<String>();
    format!("{}\n{titles}{}", card.trim_start_matches('\n'), fix::details(plan, change, view))
}
