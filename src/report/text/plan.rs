//! A plan as text: what would be done, to what, why, at what risk, what stays behind and how it is taken back. A person
//! reads this and says yes or no; nothing that matters for that may be missing.

use std::collections::BTreeMap;

use super::{
    super::{
        View, diff, held,
        style::{Mark, Page, Span, Tone, plain, span},
        words,
    },
    commands,
};
use crate::{
    actions::GuardNote,
    calls::{self, Act, Step, Undo, WayBack},
    plan::{Change, Plan, PlanKind, Skipped, SkippedKind, each_once},
};

/// The column beside a change's labels.
const BESIDE: usize = 18;

/// A plan, whole, and what to type next.
pub fn plan(plan: &Plan, view: &View) -> String {
    let mut page = whole(plan, view);
    commands(&mut page, &words::plan_next(plan, &view.typed));
    page.done()
}

/// A plan, whole, for a person who is about to be asked about it.
pub fn asked(plan: &Plan, view: &View) -> String {
    whole(plan, view).done()
}

fn whole(plan: &Plan, view: &View) -> Page {
    let mut page = Page::new(view.style);
    head(&mut page, plan, view);
    rehearsal(&mut page, plan);
    for item in &plan.changes {
        page.blank();
        one(&mut page, plan, item, view);
    }
    left_out(&mut page, &plan.skipped);
    page.blank();
    summary(&mut page, plan);
    page
}

/// One change of a plan, as the question before it shows it.
pub fn change(plan: &Plan, change: &Change, view: &View) -> String {
    let mut page = Page::new(view.style);
    one(&mut page, plan, change, view);
    page.done()
}

/// Findings that no change answers.
pub fn skipped(all: &[Skipped], view: &View) -> String {
    let mut page = Page::new(view.style);
    left_out(&mut page, all);
    page.done().trim_start_matches('\n').to_owned()
}

fn head(page: &mut Page, plan: &Plan, view: &View) {
    let tone = if plan.changes.is_empty() { Tone::Plain } else { Tone::Strong };
    page.text(0, &[span(tone, words::plan_title(plan))]);
    if view.typed.claim {
        page.text(2, &[span(Tone::Warn, format!("{}.", words::CLAIM))]);
    }
    let digest = if view.verbose { plan.digest.clone() } else { words::short(&plan.digest) };
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
            &[plain(if view.typed.claim { format!("{address} (from {from}, the file says)") } else { format!("{address} (from {from})") })],
        );
    }
    for (on, flag) in [(plan.options.allow_lockout, "--allow-lockout"), (plan.options.include_managed, "--include-managed")] {
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
        page.text(2, &[span(Tone::Bad, "It would open what is closed now, so it is not offered for approval.")]);
    }
}

fn one(page: &mut Page, plan: &Plan, change: &Change, view: &View) {
    let tone = words::risk_tone(change.risk);
    let dot = page.style.mark(Mark::Dot);
    let headline = [span(tone, change.risk.word()), span(Tone::Faint, format!(" {dot} ")), span(Tone::Strong, &change.summary)];
    page.row(0, &span(Tone::Strong, &change.id), 4, &headline);
    let mut labelled = |label: &str, tone: Tone, spans: &[Span]| page.row(4, &span(tone, label), BESIDE, spans);
    labelled("resource", Tone::Faint, &[plain(words::place(&change.resource))]);
    if view.verbose {
        labelled("arn", Tone::Faint, &[plain(change.resource.as_str())]);
    }
    for (n, line) in words::answers(plan, change).iter().enumerate() {
        labelled(if n == 0 { "answers" } else { " " }, Tone::Faint, &[plain(line)]);
    }
    for (n, line) in change.sources.iter().enumerate() {
        labelled(if n == 0 { "reported" } else { " " }, Tone::Faint, &[plain(format!("by {line}"))]);
    }
    let by = if change.playbook.is_empty() { change.action.clone() } else { format!("{} (playbook {})", change.action, change.playbook) };
    labelled("action", Tone::Faint, &[plain(by)]);
    if !change.after.is_empty() {
        labelled("after", Tone::Faint, &[plain(words::list(&change.after))]);
    }
    if !change.ask && plan.kind == PlanKind::Plan {
        labelled("approval", Tone::Warn, &[plain("done without a question: the playbook says approve = \"auto\"")]);
    }
    difference(page, change);
    for (n, line) in each_once(&change.impact).into_iter().enumerate() {
        page.row(4, &span(Tone::Faint, if n == 0 { "impact" } else { " " }), BESIDE, &[plain(line)]);
    }
    for (n, note) in change.guards.iter().enumerate() {
        guard(page, if n == 0 { "guards" } else { " " }, note);
    }
    steps(page, change, view);
    let (tone, line) = words::way_back(change);
    page.row(4, &span(Tone::Faint, "way back"), BESIDE, &[span(tone, line)]);
    for line in &change.not_restored {
        page.row(4, &span(Tone::Warn, "not restored:"), BESIDE, &[plain(line)]);
    }
}

pub(super) fn difference(page: &mut Page, change: &Change) {
    let lines = diff::diff(&change.before, &change.after_state);
    if lines.is_empty() {
        return;
    }
    page.blank();
    for line in lines {
        let tone = match line.sign {
            diff::Sign::Add => Tone::Good,
            diff::Sign::Remove => Tone::Bad,
            diff::Sign::Name => Tone::Strong,
            diff::Sign::Keep => Tone::Faint,
        };
        let own = line.text.len() - line.text.trim_start().len();
        page.row(6, &span(tone, line.sign.mark()), 8 + own, &[span(tone, line.text.trim_start())]);
    }
    page.blank();
}

fn guard(page: &mut Page, label: &str, note: &GuardNote) {
    let (tone, mark, word) = match note.result.as_str() {
        "passed" => (Tone::Good, Mark::Good, ""),
        "loosened" => (Tone::Warn, Mark::Warn, " (loosened)"),
        _ => (Tone::Warn, Mark::Warn, " (not checked)"),
    };
    let mark = page.style.mark(mark);
    let told = [span(tone, format!("{mark} {}{word}", note.guard)), plain(format!(": {}", note.note))];
    page.row(4, &span(Tone::Faint, label), BESIDE, &told);
}

fn steps(page: &mut Page, change: &Change, view: &View) {
    // With the exact calls the steps need the whole width.
    let (indent, hang) = if view.verbose { (6, 9) } else { (4, BESIDE) };
    if view.verbose && !change.steps.is_empty() {
        page.text(4, &[span(Tone::Faint, "steps")]);
    }
    for (n, step) in change.steps.iter().enumerate() {
        let number = format!("{}.", n + 1);
        if view.verbose {
            page.row(indent, &span(Tone::Strong, number), hang, &[span(Tone::Strong, &step.title)]);
            exact(page, step);
        } else {
            let label = if n == 0 { "steps" } else { " " };
            page.row(indent, &span(Tone::Faint, label), hang, &[span(Tone::Faint, number), plain(" "), plain(&step.title)]);
            if view.typed.claim {
                page.text(BESIDE + 3, &[span(Tone::Faint, format!("calls: {}", calls::words::words(&step.act.call)))]);
            }
        }
    }
    if view.verbose {
        for proof in &change.proof {
            page.row(4, &span(Tone::Faint, "proved by"), BESIDE, &[plain(format!("{} on {}", proof.check, words::brief(&proof.resource)))]);
        }
    }
}

/// A step as it is called, with its way back.
fn exact(page: &mut Page, step: &Step) {
    call(page, 9, &step.act);
    if let Some(wait) = &step.act.wait {
        page.text(9, &[span(Tone::Faint, format!("then waits {} (at most {} s)", wait.why, wait.at_most))]);
    }
    match &step.way_back {
        WayBack::Calls { rollback, undo, kept_once, .. } => {
            page.text(9, &[span(Tone::Faint, "way back:")]);
            rollback.iter().for_each(|act| call(page, 11, act));
            match undo {
                Undo::Same => {}
                Undo::Calls(acts) => {
                    page.text(9, &[span(Tone::Faint, "undo later:")]);
                    acts.iter().for_each(|act| call(page, 11, act));
                }
                Undo::Kept(why) => page.text(9, &[span(Tone::Faint, format!("undo later: kept: {why}"))]),
            }
            if let Some(kept) = kept_once {
                page.text(9, &[span(Tone::Faint, format!("kept once step {} was done: {}", kept.step, kept.reason))]);
            }
        }
        WayBack::ByStep(other) => page.text(9, &[span(Tone::Faint, format!("way back: that of step {other}"))]),
        WayBack::Kept(why) => page.text(9, &[span(Tone::Faint, format!("way back: kept: {why}"))]),
        WayBack::Cannot(why) => page.text(9, &[span(Tone::Bad, format!("way back: none: {why}"))]),
    }
}

fn call(page: &mut Page, indent: usize, act: &Act) {
    let region = if act.call.region.is_empty() { String::new() } else { format!(" in {}", act.call.region) };
    page.text(indent, &[span(Tone::Command, act.call.name()), span(Tone::Faint, region)]);
    let json = serde_json::to_string_pretty(&diff::readable(&act.call.input)).unwrap_or_default();
    for line in json.lines() {
        page.preformatted(indent + 2, &plain(line));
    }
    if let Some(held) = held::only_if(act) {
        page.text(indent, &[span(Tone::Faint, held)]);
    }
}

/// What is not planned, by kind; one reason is told once, with all that it holds for.
fn left_out(page: &mut Page, all: &[Skipped]) {
    use SkippedKind::{Conflict, Refused, Retained, Suppressed, Unknown, Unmapped};
    if all.is_empty() {
        return;
    }
    page.blank();
    page.text(0, &[span(Tone::Strong, "NOT PLANNED"), plain(" "), span(Tone::Faint, words::count(all.len(), "finding"))]);
    for kind in [Refused, Conflict, Unknown, Unmapped, Suppressed, Retained] {
        let mut by_reason: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for item in all.iter().filter(|s| s.kind == kind) {
            by_reason.entry((&item.finding.check, &item.reason)).or_default().push(words::brief(&item.finding.resource));
        }
        let tone = if matches!(kind, Refused | Conflict | Unknown) { Tone::Warn } else { Tone::Faint };
        for ((check, reason), resources) in by_reason {
            page.row(2, &span(tone, kind.word()), 14, &[span(Tone::Strong, words::list(&resources)), plain(format!(": {check}"))]);
            page.text(14, &[plain(reason)]);
        }
    }
}

fn summary(page: &mut Page, plan: &Plan) {
    if !plan.changes.is_empty() {
        page.text(0, &[span(Tone::Strong, words::count(plan.changes.len(), "change")), plain(format!(": {}.", words::risks(&plan.changes)))]);
    }
    // An undo and a prune answer no findings; their counts are of changes.
    let findings: usize = plan.counts.values().sum();
    if findings > 0 && plan.kind == PlanKind::Plan {
        let told = words::tally(&plan.counts, words::FATES);
        page.text(0, &[span(Tone::Strong, words::count(findings, "finding")), plain(format!(": {told}."))]);
    }
}
