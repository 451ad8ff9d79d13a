//! One change as text, at the requested level of detail. A person approves or rejects a change by these
//! lines: the short form leaves out steps and guards that passed, but nothing that a change affects, loses
//! or could not check.

use std::collections::BTreeSet;

use super::super::{
    Detail, View, diff,
    grouped::{self, Notes, Shared},
    held,
    style::{Mark, Page, Span, Tone, plain, span},
    words,
};
use crate::{
    actions::{GuardNote, GuardResult},
    calls::{self, Act, Step, Undo, WayBack},
    plan::{Change, Plan, PlanKind, each_once},
};

/// The column beside the labels of the short form, and of the long one.
const BESIDE_SHORT: usize = 14;
const BESIDE: usize = 18;

/// The changes of a plan, to be written one after the other.
pub struct Changes<'a> {
    plan: &'a Plan,
    view: &'a View<'a>,
    notes: Notes<'a>,
}

impl<'a> Changes<'a> {
    /// Prepares all changes of a plan: lines that several of them share are written once, below them.
    pub fn of(plan: &'a Plan, view: &'a View<'a>) -> Self {
        let short: Vec<&Change> =
            plan.changes.iter().filter(|change| detail(change, view) == Detail::Short).collect();
        let kinds: Vec<&str> = short.iter().map(|change| change.action.as_str()).collect();
        let line = |change: &'a Change, text: String| Shared {
            change: &change.id,
            kind: change.action.as_str(),
            resource: &change.resource,
            text,
        };
        let lines = short
            .iter()
            .flat_map(|change| shareable(plan, change).into_iter().map(|text| line(change, text)));
        Self { plan, view, notes: Notes::of(lines.collect(), &kinds) }
    }

    /// Prepares changes that are shown one at a time, each with all its lines.
    pub fn alone(plan: &'a Plan, view: &'a View<'a>) -> Self {
        Self { plan, view, notes: Notes::default() }
    }

    /// Writes one of the changes.
    pub fn write(&self, page: &mut Page, change: &Change) {
        let tone = words::risk_tone(change.risk);
        let dot = page.style.mark(Mark::Dot);
        let mut headline = vec![span(tone, change.risk.word()), span(Tone::Faint, format!(" {dot} "))];
        let (region, detail) = (change.resource.region(), detail(change, self.view));
        if detail == Detail::Short && self.plan.regions.len() > 1 && !region.is_empty() {
            headline.extend([plain(region), span(Tone::Faint, format!(" {dot} "))]);
        }
        headline.push(span(Tone::Strong, &change.summary));
        page.row(0, &span(Tone::Strong, &change.id), 4, &headline);
        match detail {
            Detail::Short => self.short(page, change),
            Detail::Steps | Detail::Calls => long(page, self.plan, change, self.view, detail),
        }
    }

    /// Writes the lines that several changes share.
    pub fn write_notes(&self, page: &mut Page) {
        let mut numbered = self.notes.numbered().peekable();
        if numbered.peek().is_none() {
            return;
        }
        page.blank();
        page.text(
            0,
            &[
                span(Tone::Strong, "NOTES"),
                plain(" "),
                span(Tone::Faint, "each holds for every change that names its number"),
            ],
        );
        for (number, note) in numbered {
            let many = grouped::things(note.resources.iter().copied());
            let number = span(Tone::Strong, number.to_string());
            match note.lines.as_slice() {
                [line] => page.row(2, &number, 6, &[span(Tone::Strong, many), plain(format!(": {line}"))]),
                lines => {
                    page.row(2, &number, 6, &[span(Tone::Strong, format!("{many}:"))]);
                    lines.iter().for_each(|line| {
                        page.row(6, &span(Tone::Faint, page.style.mark(Mark::Dot)), 8, &[plain(line)])
                    });
                }
            }
        }
    }

    fn short(&self, page: &mut Page, change: &Change) {
        for line in diff::diff(&change.before, &change.after_state)
            .iter()
            .filter(|line| line.sign != diff::Sign::Keep)
        {
            difference_line(page, line);
        }
        let mut rows = Rows { page, last: "" };
        if !change.after.is_empty() {
            rows.row("after", Tone::Faint, &[plain(words::list(&change.after))]);
        }
        let own = |lines: Vec<String>| lines.into_iter().filter(|line| self.notes.number(line).is_none());
        for line in own(affects(change)) {
            rows.row("affects", Tone::Faint, &[plain(line)]);
        }
        for line in words::used(change) {
            rows.row("use", Tone::Faint, &[plain(line)]);
        }
        if let Some(reach) = &change.reach {
            rows.row("reach", Tone::Faint, &[span(words::reach_tone(reach), reach.words())]);
        }
        let warn = rows.page.style.mark(Mark::Warn);
        let mut shared: Vec<Span> = Vec::new();
        let mut numbers: BTreeSet<usize> = BTreeSet::new();
        for note in change.guards.iter().filter(|note| note.result != GuardResult::Passed) {
            let title = span(Tone::Warn, format!("{warn} {}", words::guard_title(note)));
            match self.notes.number(&words::guard(note)) {
                Some(number) => {
                    numbers.insert(number);
                    shared.extend([plain("; "), title]);
                }
                None => rows.row("guards", Tone::Warn, &[title, plain(format!(": {}", note.note))]),
            }
        }
        for line in own(losses(change)) {
            rows.row("undo", Tone::Warn, &[plain(line.trim_start_matches("undo: "))]);
        }
        for line in own(unasked(self.plan, change)) {
            rows.row("approval", Tone::Warn, &[plain(line)]);
        }
        for line in own(reported(change)) {
            rows.row("reported", Tone::Faint, &[plain(line.trim_start_matches("reported "))]);
        }
        let lines = [affects(change), losses(change), unasked(self.plan, change), reported(change)].concat();
        numbers.extend(lines.iter().filter_map(|line| self.notes.number(line)));
        if !numbers.is_empty() {
            shared.insert(0, plain(numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")));
            rows.row(if numbers.len() == 1 { "note" } else { "notes" }, Tone::Faint, &shared);
        }
    }
}

/// Returns the level of detail for a change. A change without a difference to show is shown by its steps, and
/// so is one that only a file describes: nothing else about it is certain.
fn detail(change: &Change, view: &View) -> Detail {
    let by_steps = view.typed.claim || diff::diff(&change.before, &change.after_state).is_empty();
    if by_steps { view.detail.max(Detail::Steps) } else { view.detail }
}

/// Returns the lines of a change's short form that other changes may have as well.
fn shareable(plan: &Plan, change: &Change) -> Vec<String> {
    let guards = change.guards.iter().filter(|note| note.result != GuardResult::Passed).map(words::guard);
    let mut all = affects(change);
    for line in guards.chain(losses(change)).chain(unasked(plan, change)).chain(reported(change)) {
        if !all.contains(&line) {
            all.push(line);
        }
    }
    all
}

fn affects(change: &Change) -> Vec<String> {
    each_once(&change.impact).into_iter().map(str::to_owned).collect()
}

/// Returns the losses that an undo does not restore.
fn losses(change: &Change) -> Vec<String> {
    let (tone, back) = words::way_back(change);
    let in_part = (tone == Tone::Bad).then(|| format!("undo: {back}"));
    in_part
        .into_iter()
        .chain(each_once(&change.not_restored).into_iter().map(|line| format!("undo: not restored: {line}")))
        .collect()
}

fn unasked(plan: &Plan, change: &Change) -> Vec<String> {
    let unasked = !change.ask && plan.kind == PlanKind::Plan;
    unasked
        .then(|| "done without a question: the playbook sets approve = \"auto\"".to_owned())
        .into_iter()
        .collect()
}

fn reported(change: &Change) -> Vec<String> {
    change.sources.iter().map(|line| format!("reported by {line}")).collect()
}

/// Rows whose label is written beside the first of them.
struct Rows<'p> {
    page: &'p mut Page,
    last: &'static str,
}

impl Rows<'_> {
    fn row(&mut self, label: &'static str, tone: Tone, spans: &[Span]) {
        let shown = if self.last == label { " " } else { label };
        self.page.row(4, &span(tone, shown), BESIDE_SHORT, spans);
        self.last = label;
    }
}

fn long(page: &mut Page, plan: &Plan, change: &Change, view: &View, detail: Detail) {
    let mut labelled =
        |label: &str, tone: Tone, spans: &[Span]| page.row(4, &span(tone, label), BESIDE, spans);
    labelled("resource", Tone::Faint, &[plain(words::place(&change.resource))]);
    if detail == Detail::Calls {
        labelled("arn", Tone::Faint, &[plain(change.resource.as_str())]);
    }
    for (n, line) in words::answers(plan, change).iter().enumerate() {
        labelled(if n == 0 { "answers" } else { " " }, Tone::Faint, &[plain(line)]);
    }
    for (n, line) in reported(change).iter().enumerate() {
        labelled(
            if n == 0 { "reported" } else { " " },
            Tone::Faint,
            &[plain(line.trim_start_matches("reported "))],
        );
    }
    let by = if change.playbook.is_empty() {
        change.action.to_string()
    } else {
        format!("{} (playbook {})", change.action, change.playbook)
    };
    labelled("action", Tone::Faint, &[plain(by)]);
    if !change.after.is_empty() {
        labelled("after", Tone::Faint, &[plain(words::list(&change.after))]);
    }
    for line in unasked(plan, change) {
        labelled("approval", Tone::Warn, &[plain(line)]);
    }
    difference(page, change);
    for (n, line) in affects(change).iter().enumerate() {
        page.row(4, &span(Tone::Faint, if n == 0 { "affects" } else { " " }), BESIDE, &[plain(line)]);
    }
    for (n, line) in words::used(change).iter().enumerate() {
        page.row(4, &span(Tone::Faint, if n == 0 { "use" } else { " " }), BESIDE, &[plain(line)]);
    }
    if let Some(reach) = &change.reach {
        let said = span(words::reach_tone(reach), reach.words());
        page.row(4, &span(Tone::Faint, "reach"), BESIDE, &[said]);
        for line in words::hops(reach) {
            page.row(4, &plain(" "), BESIDE + 2, &[span(Tone::Faint, line)]);
        }
    }
    for (n, note) in change.guards.iter().enumerate() {
        guard(page, if n == 0 { "guards" } else { " " }, note);
    }
    steps(page, change, view, detail);
    let (tone, line) = words::way_back(change);
    page.row(4, &span(Tone::Faint, "undo"), BESIDE, &[span(tone, line.trim_start_matches("undo "))]);
    for line in &change.not_restored {
        page.row(4, &span(Tone::Warn, "not restored:"), BESIDE, &[plain(line)]);
    }
}

/// Writes the difference that a change makes, including the values that stay.
pub(super) fn difference(page: &mut Page, change: &Change) {
    let lines = diff::diff(&change.before, &change.after_state);
    if lines.is_empty() {
        return;
    }
    page.blank();
    for line in &lines {
        difference_line(page, line);
    }
    page.blank();
}

fn difference_line(page: &mut Page, line: &diff::Line) {
    let tone = match line.sign {
        diff::Sign::Add => Tone::Good,
        diff::Sign::Remove => Tone::Bad,
        diff::Sign::Name => Tone::Strong,
        diff::Sign::Keep => Tone::Faint,
    };
    let own = line.text.len() - line.text.trim_start().len();
    page.row(6, &span(tone, line.sign.mark()), 8 + own, &[span(tone, line.text.trim_start())]);
}

fn guard(page: &mut Page, label: &str, note: &GuardNote) {
    let (tone, mark) =
        if note.result == GuardResult::Passed { (Tone::Good, Mark::Good) } else { (Tone::Warn, Mark::Warn) };
    let mark = page.style.mark(mark);
    let told =
        [span(tone, format!("{mark} {}", words::guard_title(note))), plain(format!(": {}", note.note))];
    page.row(4, &span(Tone::Faint, label), BESIDE, &told);
}

fn steps(page: &mut Page, change: &Change, view: &View, detail: Detail) {
    let exactly = detail == Detail::Calls;
    // With the exact calls, the steps need the whole width.
    let (indent, hang) = if exactly { (6, 9) } else { (4, BESIDE) };
    if exactly && !change.steps.is_empty() {
        page.text(4, &[span(Tone::Faint, "steps")]);
    }
    for (n, step) in change.steps.iter().enumerate() {
        let number = format!("{}.", n + 1);
        if exactly {
            page.row(indent, &span(Tone::Strong, number), hang, &[span(Tone::Strong, &step.title)]);
            exact(page, step);
        } else {
            let label = if n == 0 { "steps" } else { " " };
            page.row(
                indent,
                &span(Tone::Faint, label),
                hang,
                &[span(Tone::Faint, number), plain(" "), plain(&step.title)],
            );
            if view.typed.claim {
                page.text(
                    BESIDE + 3,
                    &[span(Tone::Faint, format!("calls: {}", calls::words::in_full(&step.act.call)))],
                );
            }
        }
    }
    if exactly {
        for proof in &change.proof {
            page.row(
                4,
                &span(Tone::Faint, "proved by"),
                BESIDE,
                &[plain(format!("{} on {}", proof.check, words::brief(&proof.resource)))],
            );
        }
    }
}

/// Writes the exact calls of a step, with its undo.
fn exact(page: &mut Page, step: &Step) {
    call(page, 9, &step.act);
    if let Some(wait) = &step.act.wait {
        page.text(9, &[span(Tone::Faint, format!("then waits {} (at most {} s)", wait.why, wait.at_most))]);
    }
    match &step.way_back {
        WayBack::Calls { rollback, undo, kept_once, .. } => {
            page.text(9, &[span(Tone::Faint, "undo:")]);
            rollback.iter().for_each(|act| call(page, 11, act));
            match undo {
                Undo::Same => {}
                Undo::Calls(acts) => {
                    page.text(9, &[span(Tone::Faint, "undo after the run:")]);
                    acts.iter().for_each(|act| call(page, 11, act));
                }
                Undo::Kept(why) => {
                    page.text(9, &[span(Tone::Faint, format!("undo after the run: kept: {why}"))])
                }
            }
            if let Some(kept) = kept_once {
                page.text(
                    9,
                    &[span(Tone::Faint, format!("kept once step {} was done: {}", kept.step, kept.reason))],
                );
            }
        }
        WayBack::ByStep(other) => page.text(9, &[span(Tone::Faint, format!("undo: that of step {other}"))]),
        WayBack::Kept(why) => page.text(9, &[span(Tone::Faint, format!("undo: kept: {why}"))]),
        WayBack::Cannot(why) => page.text(9, &[span(Tone::Bad, format!("undo: none: {why}"))]),
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
