//! The story of an investigation: facts, sections, bars and next commands, without a form. The text and the
//! page give it one.

use jiff::{SignedDuration, Timestamp};

use super::{
    super::{
        Typed, safe,
        style::Tone,
        words::{self, Next},
    },
    Investigated, Line, lines,
};
use crate::investigate::{
    Target,
    document::{EffectKind, Hour, Investigation},
};

/// The largest number of bars of a timeline.
const MOST_BARS: usize = 40;
/// The number of sessions whose investigation is proposed.
const MOST_FOLLOWED: usize = 3;
/// The number of inputs that are named as not whole.
const MOST_GAPS: usize = 10;
/// The number of names in a fact.
const NAMED: usize = 5;

/// Lines under a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The title.
    pub title: &'static str,
    /// The lines.
    pub lines: Vec<Line>,
    /// The number of events behind lines that are not kept.
    pub beyond: u64,
}

/// A part of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Its start.
    pub from: Timestamp,
    /// All events in it.
    pub events: u64,
    /// The calls that succeeded and did not only read.
    pub changes: u64,
    /// The calls that failed, denied ones included.
    pub failed: u64,
}

/// An investigation without a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The title.
    pub title: String,
    /// The result in one sentence.
    pub lead: (Tone, String),
    /// The facts, each with its label.
    pub facts: Vec<(&'static str, String)>,
    /// The things that are not shown, with the reasons.
    pub notes: Vec<String>,
    /// The timeline.
    pub bars: Vec<Bar>,
    /// The length of a bar.
    pub each: SignedDuration,
    /// The sections, the most important first; none is empty.
    pub sections: Vec<Section>,
    /// The commands to type next.
    pub next: Vec<Next>,
}

/// Builds the story.
pub fn story(all: &Investigated<'_>, typed: &Typed<'_>) -> Story {
    let of = all.investigation;
    let (bars, each) = bars(&of.timeline.hours);
    Story {
        title: format!("What {} did", of.target.words()),
        lead: lead(of),
        facts: facts(of),
        notes: notes(all),
        bars,
        each,
        sections: sections(all),
        next: next(all, typed),
    }
}

fn lead(of: &Investigation) -> (Tone, String) {
    let counts = of.counts;
    if counts.matched == 0 {
        return (Tone::Warn, "None of the events that were read is of it.".to_owned());
    }
    let number = |kind: EffectKind| {
        let n = of.effects.entries.iter().filter(|effect| effect.name.kind == kind).count();
        (n > 0).then(|| format!("{} {n}", kind.word()))
    };
    let effects: Vec<String> = EffectKind::ALL.into_iter().filter_map(number).collect();
    let did = if effects.is_empty() {
        "nothing that the table of effects knows".to_owned()
    } else {
        words::list(&effects)
    };
    let tone = if effects.is_empty() && counts.denied == 0 { Tone::Plain } else { Tone::Bad };
    (tone, format!("{}: {did}.", words::count(counts.matched as usize, "event")))
}

fn facts(of: &Investigation) -> Vec<(&'static str, String)> {
    let counts = of.counts;
    let read = format!(
        "{} in {}: {} of it, {} of others, {} outside the period, {} unreadable",
        words::count(counts.read as usize, "event"),
        words::count(of.inputs.len(), "input"),
        counts.matched,
        counts.others,
        counts.outside,
        counts.unreadable
    );
    let span = format!("{} to {} UTC", lines::moment(of.first), lines::moment(of.last));
    let ended = format!(
        "{} only read, {} changed something, {} failed ({} denied)",
        counts.reads, counts.changes, counts.failed, counts.denied
    );
    let mut facts = vec![("read", read)];
    if counts.matched > 0 {
        facts.extend([("time", span), ("calls", ended)]);
    }
    let tallies = [
        ("callers", &of.callers),
        ("keys", &of.keys),
        ("accounts", &of.accounts),
        ("regions", &of.regions),
        ("from", &of.addresses),
        ("agents", &of.agents),
    ];
    let some = tallies.into_iter().filter(|(_, listing)| !listing.entries.is_empty());
    facts.extend(some.map(|(label, listing)| (label, lines::top(listing, NAMED))));
    facts
}

fn notes(all: &Investigated<'_>) -> Vec<String> {
    let of = all.investigation;
    let (mut notes, mut gaps) = (of.notes.clone(), 0);
    for input in &of.inputs {
        let why = [&input.incomplete, &input.declined].into_iter().flatten().next();
        let note = why.map(|why| format!("{}: {why}", input.input));
        gaps += usize::from(note.is_some());
        notes.extend(note.filter(|_| gaps <= MOST_GAPS));
    }
    if gaps > MOST_GAPS {
        notes.push(format!("{} more inputs were not read whole", gaps - MOST_GAPS));
    }
    if of.timeline.left_out > 0 {
        notes.push(format!(
            "{} calls between the first and the last of the timeline are left out",
            of.timeline.left_out
        ));
    }
    notes
}

/// Gathers hours into bars that are few enough to be seen.
fn bars(hours: &[Hour]) -> (Vec<Bar>, SignedDuration) {
    for each in [1, 6, 24, 7 * 24, 30 * 24, 365 * 24] {
        let each = SignedDuration::from_hours(each);
        let mut bars: Vec<Bar> = Vec::new();
        for hour in hours {
            let length = each.as_secs();
            let from = Timestamp::from_second(hour.from.as_second().div_euclid(length) * length);
            let from = from.unwrap_or(hour.from);
            match bars.last_mut().filter(|bar| bar.from == from) {
                Some(bar) => {
                    bar.events += hour.events;
                    bar.changes += hour.changes;
                    bar.failed += hour.failed;
                }
                None => {
                    let Hour { events, changes, failed, .. } = *hour;
                    bars.push(Bar { from, events, changes, failed });
                }
            }
        }
        if bars.len() <= MOST_BARS {
            return (bars, each);
        }
    }
    // Events of centuries: nobody has them, but a file may.
    (Vec::new(), SignedDuration::ZERO)
}

fn sections(all: &Investigated<'_>) -> Vec<Section> {
    let of = all.investigation;
    let section = |title, lines, beyond| Section { title, lines, beyond };
    let effects = |title, kind| section(title, lines::effects(of, kind), of.effects.beyond);
    let mut sections = vec![
        section("Where it came from", lines::origins(of), of.origins.beyond),
        effects("Made", EffectKind::Made),
        effects("Loosened", EffectKind::Loosened),
        effects("Ran", EffectKind::Ran),
        effects("Took", EffectKind::Took),
        section("Sessions that it was given", lines::sessions(of), of.sessions.beyond),
        section("Failed calls", lines::failures(of), of.failures.beyond),
        section("Now", lines::now(all), 0),
    ];
    sections.extend(all.traffic.map(|seen| section("Traffic", lines::traffic(seen), 0)));
    sections.push(section("All calls", lines::calls(of), of.calls.beyond));
    sections.push(section("Step by step", lines::entries(of), of.timeline.beyond));
    sections.retain(|section| !section.lines.is_empty());
    sections
}

fn next(all: &Investigated<'_>, typed: &Typed<'_>) -> Vec<Next> {
    let next = |purpose: &str, command| Next { purpose: purpose.to_owned(), command };
    let of = all.investigation;
    let Typed { place, playbooks, planning, .. } = typed;
    let account =
        all.scan.map_or_else(|| typed.account.to_owned(), |scan| words::account_flag(scan.endpoint));
    let mut commands = Vec::new();
    let open = all.scan.is_some_and(|scan| scan.findings.iter().any(words::is_open));
    if let Some(file) = all.output.filter(|_| open || all.scan.is_none()) {
        let file = safe::shell(file);
        let command =
            format!("redress plan{account} --findings {file}{planning}{playbooks}{place} -o plan.json");
        commands.push(next("to plan what answers it", command));
    }
    let keys = of.sessions.entries.iter().map(|session| session.name.key.as_str());
    // Only what is an id may stand in a command.
    let keys = keys.filter(|key| Target::access_key(key).is_ok()).take(MOST_FOLLOWED);
    let follow = |key| {
        let command =
            format!("redress investigate{account} --access-key {key}{}{planning}{place}", all.again);
        next("to follow a session", command)
    };
    commands.extend(keys.map(follow));
    commands
}
