//! The screens of a fix session: one change as the answer to its finding, its details, the selection, and the
//! result. A person decides by these; nothing that matters for the decision may be missing.

use std::collections::BTreeMap;

use super::{
    super::{
        Detail, View, diff,
        style::{Mark, Page, Span, Tone, plain, span},
        words,
    },
    change::difference,
    plan as whole,
};
use crate::{
    actions::GuardResult,
    calls::Risk,
    checks,
    finding::{Finding, FindingKey, Severity, Verdict},
    journal::{ChangeState, Outcome, RunDocument},
    plan::{Change, Plan, each_once, select::Dropped},
};

/// The column beside the labels.
const BESIDE: usize = 12;
/// The number of lines of evidence that are shown at once, and the characters in each.
const LINES: usize = 6;
const SHORT: usize = 300;

/// The position of a person in the session.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The number of the change, from 1.
    pub place: usize,
    /// The number of all changes.
    pub of: usize,
    /// The findings as they were read.
    pub seen: &'a BTreeMap<FindingKey, Finding>,
}

/// Renders one change, with the finding that it answers.
pub fn card(plan: &Plan, change: &Change, at: &At, view: &View) -> String {
    let mut page = Page::new(view.style);
    let dot = view.style.mark(Mark::Dot);
    page.blank();
    let (severity, title) = finding(change);
    let mut head = vec![
        span(Tone::Strong, format!("Change {} of {}", at.place, at.of)),
        span(Tone::Faint, format!(" {dot} {} {dot} ", change.id)),
    ];
    head.extend(severity.map(|s| span(words::severity_tone(s), s.to_string())));
    page.text(0, &head);
    let named = at
        .seen
        .values()
        .find(|f| f.resource == change.resource)
        .and_then(|f| f.tags.get("Name"))
        .filter(|n| !n.is_empty());
    let name = named.map_or(String::new(), |n| format!(" \"{}\"", shorten(n)));
    page.text(0, &[span(Tone::Strong, title), plain(format!(": {}{name}.", words::place(&change.resource)))]);
    page.blank();
    findings(&mut page, plan, change, at);
    row(&mut page, "change", &[plain(&change.summary)]);
    difference(&mut page, change);
    rows(&mut page, "affects", Tone::Plain, &each_once(&change.impact));
    let used = words::used(change);
    rows(&mut page, "use", Tone::Plain, &used.iter().map(String::as_str).collect::<Vec<_>>());
    if let Some(reach) = &change.reach {
        row(&mut page, "reach", &[span(words::reach_tone(reach), reach.words())]);
    }
    let asked: Vec<String> =
        change.guards.iter().filter(|g| g.result != GuardResult::Passed).map(words::guard).collect();
    rows(&mut page, "guards", Tone::Warn, &asked);
    rows(&mut page, "with it", Tone::Plain, &brought(plan, change));
    let (tone, back) = words::way_back(change);
    row(&mut page, "undo", &[span(tone, back.trim_start_matches("undo "))]);
    for line in &change.not_restored {
        row(&mut page, " ", &[span(Tone::Warn, format!("not restored: {line}"))]);
    }
    row(
        &mut page,
        "risk",
        &[
            span(words::risk_tone(change.risk), change.risk.word()),
            plain(format!(": {}", meaning(change.risk))),
        ],
    );
    page.done()
}

/// Returns the severity and the title of a change's most severe finding.
fn finding(change: &Change) -> (Option<Severity>, String) {
    let known = change.findings.iter().filter_map(|key| checks::find(&key.check));
    match known.max_by_key(|check| check.severity) {
        Some(check) => (Some(check.severity), check.title.to_owned()),
        None => (None, change.summary.clone()),
    }
}

fn findings(page: &mut Page, plan: &Plan, change: &Change, at: &At) {
    let mut why: Vec<String> =
        change.findings.iter().filter_map(|key| words::check_why(&key.check)).map(str::to_owned).collect();
    why.dedup();
    rows(page, "why", Tone::Plain, &why);
    let mut lines = Vec::new();
    for key in &change.findings {
        match at.seen.get(key).map(|f| &f.verdict) {
            Some(Verdict::Violates(evidence)) => lines.extend(diff::evidence(evidence)),
            Some(other) => lines.push(format!("{}: {} now", key.check, other.word())),
            None => {}
        }
    }
    lines.dedup();
    let more = lines.len().saturating_sub(LINES);
    let mut shown: Vec<String> = lines.iter().take(LINES).map(|line| shorten(line)).collect();
    shown.extend((more > 0).then(|| format!("and {more} more")));
    rows(page, "evidence", Tone::Plain, &shown);
    if change.findings.len() > 1 {
        rows(page, "answers", Tone::Faint, &words::answers(plan, change));
    }
}

/// Returns the changes that are applied first, since this one needs them.
fn brought(plan: &Plan, change: &Change) -> Vec<String> {
    change
        .after
        .iter()
        .filter_map(|id| plan.change(id))
        .map(|c| format!("first {}: {}", c.id, c.summary))
        .collect()
}

fn meaning(risk: Risk) -> &'static str {
    match risk {
        Risk::Safe => "adds; disturbs nothing",
        Risk::Disruptive => "may cut traffic, access or uptime",
        Risk::Irreversible => "cannot be undone",
    }
}

fn row(page: &mut Page, label: &str, spans: &[Span]) {
    page.row(2, &span(Tone::Faint, label), BESIDE, spans);
}

fn rows(page: &mut Page, label: &str, tone: Tone, lines: &[impl AsRef<str>]) {
    for (n, line) in lines.iter().enumerate() {
        row(page, if n == 0 { label } else { " " }, &[span(tone, line.as_ref())]);
    }
}

fn shorten(text: &str) -> String {
    let mut chars = text.chars();
    let short: String = chars.by_ref().take(SHORT).collect();
    if chars.next().is_none() { short } else { format!("{short}...") }
}

/// Renders the exact calls of a change, the playbook that asked for it, and the ids under which other
/// frameworks know its findings.
pub fn details(plan: &Plan, change: &Change, view: &View) -> String {
    let mut page = Page::new(view.style);
    page.blank();
    if let Some(digest) = plan.playbooks.get(&change.playbook) {
        row(
            &mut page,
            "playbook",
            &[plain(format!(
                "{} ({}); `redress playbooks show {0}` shows it",
                change.playbook,
                words::short(digest)
            ))],
        );
    }
    for one in &change.uses {
        let with: Vec<String> = one
            .with
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name} = {}", diff::words(value)))
            .collect();
        row(
            &mut page,
            "uses",
            &[plain(format!(
                "{}: {}",
                one.action,
                if with.is_empty() { "no parameters".to_owned() } else { with.join("; ") }
            ))],
        );
    }
    for key in &change.findings {
        let known_as = checks::find(&key.check).map(|check| check.known_as).unwrap_or_default();
        let ids: Vec<String> =
            known_as.iter().map(|(framework, ids)| format!("{framework} {}", ids.join(" "))).collect();
        row(
            &mut page,
            "controls",
            &[
                span(Tone::Strong, &key.check),
                plain(format!(": {}", if ids.is_empty() { "none".to_owned() } else { ids.join(", ") })),
            ],
        );
    }
    page.blank();
    format!("{}{}", page.done(), whole::change(plan, change, &View { detail: Detail::Calls, ..*view }))
}

/// Renders the selection as a plan of its own, with its own rehearsal.
pub fn chosen(
    plan: &Plan,
    left_out: &[&Change],
    dropped: &[Dropped],
    changed: &BTreeMap<String, String>,
    view: &View,
) -> String {
    let mut page = Page::new(view.style);
    page.blank();
    page.text(
        0,
        &[
            span(Tone::Strong, format!("You chose {}", words::count(plan.changes.len(), "change"))),
            plain(format!(": {}.", words::risks(&plan.changes))),
        ],
    );
    for change in &plan.changes {
        let head =
            [span(words::risk_tone(change.risk), change.risk.word()), plain(" "), plain(&change.summary)];
        page.row(2, &span(Tone::Strong, &change.id), 7, &head);
        if change.findings.is_empty() {
            page.text(7, &[span(Tone::Faint, "others that you chose need it")]);
        }
        for line in &change.not_restored {
            page.text(7, &[span(Tone::Warn, format!("not restored: {line}"))]);
        }
    }
    for Dropped { change, because } in dropped {
        page.row(2, &span(Tone::Warn, change), 7, &[span(Tone::Warn, format!("drops out: {because}"))]);
    }
    for (id, what) in changed {
        page.row(
            2,
            &span(Tone::Warn, id),
            7,
            &[span(Tone::Warn, format!("is different without what was left out: {what}"))],
        );
    }
    if !left_out.is_empty() {
        let ids: Vec<String> = left_out.iter().map(|c| c.id.clone()).collect();
        page.text(2, &[span(Tone::Faint, format!("left as it is: {}", words::list(&ids)))]);
    }
    page.blank();
    for (n, (tone, line)) in words::rehearsal(plan).iter().enumerate() {
        page.text(if n == 0 { 0 } else { 4 }, &[span(*tone, line)]);
    }
    page.done()
}

/// Renders a remark between the questions.
pub fn note(text: &str, view: &View) -> String {
    let mut page = Page::new(view.style);
    page.text(0, &[plain(text)]);
    page.done()
}

/// The groups of the closing screen: the title, and the outcomes in it.
const GROUPS: [(&str, Tone, &[ChangeState]); 4] = [
    (
        "verified",
        Tone::Good,
        &[ChangeState::Ended(Outcome::Verified), ChangeState::Ended(Outcome::AlreadyFixed)],
    ),
    ("not proved", Tone::Warn, &[ChangeState::Ended(Outcome::Unverified)]),
    (
        "refused",
        Tone::Warn,
        &[
            ChangeState::Ended(Outcome::Refused),
            ChangeState::Ended(Outcome::Drifted),
            ChangeState::Ended(Outcome::Blocked),
            ChangeState::Ended(Outcome::NotApproved),
            ChangeState::Ended(Outcome::Skipped),
        ],
    ),
    (
        "failed",
        Tone::Bad,
        &[
            ChangeState::Ended(Outcome::Failed),
            ChangeState::Ended(Outcome::RolledBack),
            ChangeState::Ended(Outcome::Stuck),
            ChangeState::Interrupted,
        ],
    ),
];

/// Renders the result: changes that are verified, were refused or failed, and the command that undoes them.
pub fn closing(run: &RunDocument, view: &View) -> String {
    let mut page = Page::new(view.style);
    page.blank();
    page.text(0, &[span(words::state_tone(run.state), words::run_title(run))]);
    for (title, tone, outcomes) in GROUPS {
        let mut label =
            format!("{title} {}", run.changes.iter().filter(|c| outcomes.contains(&c.outcome)).count());
        if label.ends_with(" 0") {
            page.row(2, &span(Tone::Faint, title), 15, &[span(Tone::Faint, "none")]);
            continue;
        }
        for change in run.changes.iter().filter(|c| outcomes.contains(&c.outcome)) {
            page.row(
                2,
                &span(tone, std::mem::replace(&mut label, " ".to_owned())),
                15,
                &[span(Tone::Strong, &change.id), plain(format!(" {}", change.summary))],
            );
            if !change.reason.is_empty()
                && (title != "verified" || change.outcome == ChangeState::Ended(Outcome::Verified))
            {
                page.text(15, &[plain(&change.reason)]);
            }
            for line in words::left(change) {
                page.text(15, &[span(Tone::Warn, line)]);
            }
            for line in &change.awaiting {
                page.text(15, &[span(Tone::Warn, format!("awaited: {line}"))]);
            }
        }
    }
    let mut stays: Vec<&str> = Vec::new();
    for change in &run.changes {
        let new = change.not_restored.iter().filter(|_| !words::stays(run, change).is_empty());
        new.for_each(|line| {
            if !stays.contains(&line.as_str()) {
                stays.push(line)
            }
        });
    }
    for (n, line) in stays.iter().enumerate() {
        page.row(2, &span(Tone::Faint, if n == 0 { "undo leaves" } else { " " }), 15, &[plain(line)]);
    }
    let mut next = words::run_next(run, &view.typed);
    next.push(words::Next {
        purpose: "for the full report".to_owned(),
        command: view.typed.of_run("show", &run.run),
    });
    super::commands(&mut page, &next);
    page.done()
}
