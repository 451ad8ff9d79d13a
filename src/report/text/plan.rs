//! A plan as text: its header, its changes, the notes that they share, the findings that are not planned, and
//! a table of all changes by playbook and risk. A person approves or rejects a plan by these lines; nothing
//! that matters for the decision may be missing.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        Detail, View, grouped,
        style::{Mark, Page, Tone, plain, span},
        words,
    },
    change::Changes,
    commands,
};
use crate::{
    calls::Risk,
    plan::{Change, Plan, PlanKind, Skipped, SkippedKind},
    resource::ResourceId,
};

/// Renders a whole plan, and the next commands.
pub fn plan(plan: &Plan, view: &View) -> String {
    let mut page = whole(plan, view);
    commands(&mut page, &words::plan_next(plan, &view.typed));
    page.done()
}

/// Renders a whole plan, for a person who is about to be asked about it.
pub fn asked(plan: &Plan, view: &View) -> String {
    whole(plan, view).done()
}

fn whole(plan: &Plan, view: &View) -> Page {
    let mut page = Page::new(view.style);
    head(&mut page, plan, view);
    rehearsal(&mut page, plan);
    let changes = Changes::of(plan, view);
    for change in &plan.changes {
        page.blank();
        changes.write(&mut page, change);
    }
    changes.write_notes(&mut page);
    left_out(&mut page, &plan.skipped, view);
    page.blank();
    table(&mut page, plan);
    summary(&mut page, plan);
    page
}

/// Renders one change of a plan, as it is shown before the question.
pub fn change(plan: &Plan, change: &Change, view: &View) -> String {
    let mut page = Page::new(view.style);
    Changes::alone(plan, view).write(&mut page, change);
    page.done()
}

/// Renders the findings that no change answers.
pub fn skipped(all: &[Skipped], view: &View) -> String {
    let mut page = Page::new(view.style);
    left_out(&mut page, all, view);
    page.done().trim_start_matches('\n').to_owned()
}

fn head(page: &mut Page, plan: &Plan, view: &View) {
    let tone = if plan.changes.is_empty() { Tone::Plain } else { Tone::Strong };
    page.text(0, &[span(tone, words::plan_title(plan))]);
    if view.typed.claim {
        page.text(2, &[span(Tone::Warn, format!("{}.", words::CLAIM))]);
    }
    let digest = if view.detail == Detail::Calls { plan.digest.clone() } else { words::short(&plan.digest) };
    let rows = [
        ("account", plan.account.clone()),
        ("regions", words::list(&plan.regions)),
        ("endpoint", words::endpoint(&plan.endpoint)),
        ("caller", plan.caller.clone()),
        ("made", format!("{}, good until {}", words::time(plan.created), words::time(plan.expires))),
        ("digest", digest),
    ];
    for (label, value) in rows {
        page.row(2, &span(Tone::Faint, label), 12, &[plain(value)]);
    }
    if let Some((address, from)) = &plan.options.my_address {
        page.row(
            2,
            &span(Tone::Faint, "you"),
            12,
            &[plain(if view.typed.claim {
                format!("{address} (from {from}, as the file claims)")
            } else {
                format!("{address} (from {from})")
            })],
        );
    }
    for (on, flag) in
        [(plan.options.allow_lockout, "--allow-lockout"), (plan.options.include_managed, "--include-managed")]
    {
        if on {
            page.row(2, &span(Tone::Warn, "loosened"), 12, &[span(Tone::Warn, flag)]);
        }
    }
}

fn rehearsal(page: &mut Page, plan: &Plan) {
    let said = words::rehearsal(plan);
    let Some(((tone, first), rest)) = said.split_first() else { return };
    page.blank();
    let mark = page.style.mark(if *tone == Tone::Good { Mark::Good } else { Mark::Warn });
    page.row(0, &span(*tone, mark), 2, &[span(*tone, first)]);
    for (tone, line) in rest {
        page.text(4, &[span(*tone, line)]);
    }
    if !words::offered(plan) {
        page.text(
            2,
            &[span(
                Tone::Bad,
                "It would open findings that are closed now, so it is not offered for approval.",
            )],
        );
    }
}

/// Writes the findings that are not planned, by kind; each reason is given once, with all resources
/// that it holds for.
fn left_out(page: &mut Page, all: &[Skipped], view: &View) {
    use SkippedKind::{Conflict, Refused, Retained, Suppressed, Unknown, Unmapped};
    if all.is_empty() {
        return;
    }
    page.blank();
    page.text(
        0,
        &[
            span(Tone::Strong, "NOT PLANNED"),
            plain(" "),
            span(Tone::Faint, words::count(all.len(), "finding")),
        ],
    );
    let most = if view.detail == Detail::Short { grouped::LISTED } else { usize::MAX };
    for kind in [Refused, Conflict, Unknown, Unmapped, Suppressed, Retained] {
        let mut by_reason: BTreeMap<(&str, &str), Vec<&ResourceId>> = BTreeMap::new();
        for item in all.iter().filter(|s| s.kind == kind) {
            by_reason.entry((&item.finding.check, &item.reason)).or_default().push(&item.finding.resource);
        }
        let tone = if matches!(kind, Refused | Conflict | Unknown) { Tone::Warn } else { Tone::Faint };
        for ((check, reason), resources) in by_reason {
            let several = resources.len() > 1;
            let of = if several {
                grouped::things(resources.iter().copied())
            } else {
                grouped::named(&resources, 1)
            };
            page.row(
                2,
                &span(tone, kind.word()),
                14,
                &[span(Tone::Strong, of), plain(format!(" ({check}): {reason}"))],
            );
            if several {
                page.text(14, &[span(Tone::Faint, grouped::named(&resources, most))]);
            }
        }
    }
}

/// Writes the numbers of changes by playbook and risk; the action stands in for a missing playbook.
fn table(page: &mut Page, plan: &Plan) {
    let mut rows: BTreeMap<&str, BTreeMap<Risk, usize>> = BTreeMap::new();
    for change in &plan.changes {
        let by = if change.playbook.is_empty() { change.action.as_str() } else { &change.playbook };
        *rows.entry(by).or_default().entry(change.risk).or_default() += 1;
    }
    if rows.len() < 2 {
        return;
    }
    let risks: BTreeSet<Risk> = plan.changes.iter().map(|c| c.risk).collect();
    let wide = rows.keys().map(|name| name.chars().count()).max().unwrap_or_default().clamp(8, 44);
    let line = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("  {cell:>12}")).collect();
        format!("{name:wide$}{cells}")
    };
    let head = risks.iter().map(|risk| risk.word().to_owned()).chain(["total".to_owned()]).collect();
    page.preformatted(0, &span(Tone::Faint, line("playbook", head)));
    for (name, counts) in &rows {
        let of = |risk: &Risk| counts.get(risk).map_or("-".to_owned(), usize::to_string);
        let cells = risks.iter().map(of).chain([counts.values().sum::<usize>().to_string()]).collect();
        page.preformatted(0, &plain(line(name, cells)));
    }
    page.blank();
}

fn summary(page: &mut Page, plan: &Plan) {
    if !plan.changes.is_empty() {
        page.text(
            0,
            &[
                span(Tone::Strong, words::count(plan.changes.len(), "change")),
                plain(format!(": {}.", words::risks(&plan.changes))),
            ],
        );
    }
    // An undo and a prune answer no findings; their counts are of changes.
    let findings: usize = plan.counts.values().sum();
    if findings > 0 && plan.kind == PlanKind::Plan {
        let told = words::tally(&plan.counts, words::FATES);
        page.text(0, &[span(Tone::Strong, words::count(findings, "finding")), plain(format!(": {told}."))]);
    }
}
