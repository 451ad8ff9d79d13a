//! Runs as text: the outcome of each change, the results that are still awaited, and the next commands; and
//! the progress of a run, a line for each event, if there is no terminal.

use super::{
    super::{
        Detail, View, safe,
        style::{Mark, Page, Tone, plain, span},
        words,
    },
    commands,
};
use crate::{
    engine::ProgressEvent,
    journal::{Outcome, RunDocument, document::ChangeReport},
};

/// The number of seconds from which on a report of waiting contains its length.
const LONG: u64 = 10;

/// Renders one run.
pub fn run(run: &RunDocument, view: &View) -> String {
    let mut page = Page::new(view.style);
    let tone = words::state_tone(run.state);
    page.text(0, &[span(tone, words::run_title(run))]);
    let digest =
        if view.detail >= Detail::Steps { run.plan_digest.clone() } else { words::short(&run.plan_digest) };
    let rows = [
        ("account", run.account.clone()),
        ("endpoint", words::endpoint(&run.endpoint)),
        ("started", words::time(run.started)),
        ("plan", digest),
    ];
    for (label, value) in rows {
        page.row(2, &span(Tone::Faint, label), 12, &[plain(value)]);
    }
    for (label, who) in words::callers(run) {
        page.row(2, &span(Tone::Faint, label), 12, &[plain(who)]);
    }
    if let Some(why) = &run.stopped {
        page.row(2, &span(Tone::Warn, "stopped"), 12, &[plain(why)]);
    }
    page.blank();
    for change in &run.changes {
        one(&mut page, run, change, view);
    }
    page.blank();
    let told = words::outcomes(&run.counts);
    page.text(
        0,
        &[
            span(Tone::Strong, words::count(run.changes.len(), "change")),
            plain(if told.is_empty() { ".".to_owned() } else { format!(": {told}.") }),
        ],
    );
    if run.changes.iter().any(|c| c.outcome == Outcome::Stuck) {
        page.text(
            0,
            &[span(Tone::Bad, "Manual action needed: see the instructions under each stuck change.")],
        );
    }
    for told in &run.told {
        page.text(0, &[plain(words::told(told))]);
        for refusal in &told.refused {
            page.text(
                2,
                &[span(Tone::Warn, format!("{}: {}: {}", refusal.finding.id, refusal.code, refusal.message))],
            );
        }
    }
    story(&mut page, run);
    commands(&mut page, &words::run_next(run, &view.typed));
    page.done()
}

/// Writes the events of the run in order; a new day is named when it begins.
fn story(page: &mut Page, run: &RunDocument) {
    if run.story.is_empty() {
        return;
    }
    page.blank();
    page.text(0, &[span(Tone::Strong, "What happened (UTC)")]);
    let mut day = String::new();
    for moment in &run.story {
        let today = moment.at.strftime("%Y-%m-%d").to_string();
        if today != day {
            page.text(2, &[span(Tone::Faint, &today)]);
            day = today;
        }
        let of = [moment.change.as_deref(), moment.step.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        let mut words =
            vec![plain(if of.is_empty() { moment.what.clone() } else { format!("{of}: {}", moment.what) })];
        if let Some(seconds) = moment.seconds {
            words.push(span(Tone::Faint, format!(" ({})", words::duration(seconds))));
        }
        page.row(2, &span(Tone::Faint, moment.at.strftime("%H:%M:%S").to_string()), 12, &words);
    }
}

fn one(page: &mut Page, run: &RunDocument, change: &ChangeReport, view: &View) {
    let tone = words::outcome_tone(change.outcome);
    let mark = match tone {
        Tone::Good => Mark::Good,
        Tone::Bad => Mark::Bad,
        _ => Mark::Warn,
    };
    let label = format!("{} {} {}", page.style.mark(mark), change.id, change.outcome.words());
    page.row(0, &span(tone, label), 22, &[plain(&change.summary)]);
    let mut place = words::place(&change.resource);
    if let Some(seconds) = change.seconds {
        place.push_str(&format!(", {}", words::duration(seconds)));
    }
    page.text(22, &[span(Tone::Faint, place)]);
    if view.detail >= Detail::Steps {
        page.text(22, &[span(Tone::Faint, change.resource.as_str())]);
    }
    if !change.reason.is_empty() {
        page.text(22, &[plain(&change.reason)]);
    }
    for line in words::left(change) {
        page.text(22, &[span(Tone::Warn, line)]);
    }
    for line in &change.awaiting {
        page.text(22, &[span(Tone::Warn, "awaited: "), plain(line)]);
    }
    if let Some(by) = &change.undone_by {
        page.text(22, &[plain(format!("undone by run {by}"))]);
    }
    for line in words::stays(run, change) {
        page.text(22, &[span(Tone::Faint, line)]);
    }
}

/// Renders all runs, the newest first.
pub fn runs(all: &[RunDocument], view: &View) -> String {
    let mut page = Page::new(view.style);
    if all.is_empty() {
        page.text(0, &[plain("There are no runs yet.")]);
        commands(
            &mut page,
            &[words::Next {
                purpose: "to see what would be done".to_owned(),
                command: "redress plan".to_owned(),
            }],
        );
        return page.done();
    }
    for run in all {
        let kind = match &run.of_run {
            Some(of) => format!("{} of {of}", run.kind.word()),
            None => run.kind.word().to_owned(),
        };
        page.text(
            0,
            &[
                span(Tone::Strong, &run.run),
                plain("  "),
                span(words::state_tone(run.state), words::run_state(run.state)),
            ],
        );
        let told = words::outcomes(&run.counts);
        let told = if told.is_empty() { "no changes".to_owned() } else { told };
        let when = format!("{kind}, {}, account {}", words::time(run.started), run.account);
        page.text(2, &[span(Tone::Faint, when)]);
        page.text(2, &[plain(told)]);
    }
    let newest = all.first().map_or("last", |run| run.run.as_str());
    commands(
        &mut page,
        &[words::Next {
            purpose: "for the details of one".to_owned(),
            command: view.typed.of_run("show", newest),
        }],
    );
    page.done()
}

/// Renders an event in one line, for output without a terminal.
pub fn progress(event: &ProgressEvent) -> String {
    let line = match event {
        ProgressEvent::ChangeBegins { id, summary, place, of, .. } => {
            format!("[{place}/{of}] {id}: {summary}")
        }
        ProgressEvent::StepBegins { change, title, place } => format!("{change} step {place}: {title}"),
        ProgressEvent::Waiting { change, why, seconds } if *seconds < LONG => {
            format!("{change} waits {why}")
        }
        ProgressEvent::Waiting { change, why, seconds } => {
            format!("{change} waits {why} (for {} so far)", words::seconds(*seconds))
        }
        ProgressEvent::NotTried { change, calls } => {
            format!(
                "{change} goes on although it is unknown whether these calls will be allowed: {}",
                calls.join("; ")
            )
        }
        ProgressEvent::Downtime { change, pass, least, most } => {
            let [pass, least, most] = [pass, least, most].map(|time| words::seconds(*time));
            format!(
                "{change} goes down now: the first pass over its disks took {pass}, so {least} to {most} are \
                 expected; AWS promises no duration"
            )
        }
        ProgressEvent::ItsTurn { change, why, .. } => format!("{change} waits for its turn, {why}"),
        ProgressEvent::Again { change, why, seconds } => {
            format!("{change} tries again in {seconds} s: {why}")
        }
        ProgressEvent::GoingBack { change, reason } => format!("{change} rolls back: {reason}"),
        ProgressEvent::ChangeEnds { id, outcome, reason } if reason.is_empty() => {
            format!("{id}: {}", outcome.word())
        }
        ProgressEvent::ChangeEnds { id, outcome, reason } => format!("{id}: {}: {reason}", outcome.word()),
    };
    safe::text(&line)
}
