//! The lines of an investigation's story: each list of events, effects, findings and flows as label, text and
//! remark.

use jiff::Timestamp;

use super::{
    super::{Scan, style::Tone, words},
    Investigated, Line,
};
use crate::{
    evidence::{Count, Port, SeenTraffic},
    finding::{Finding, Verdict},
    investigate::document::{
        Counted, Effect, EffectKind, Entry, Failure, Figures, Investigation, Listing, Origin, Session,
    },
};

/// Formats a time to the second, as people compare it with other logs.
pub(super) fn moment(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "without a time".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Returns how often something was, and until when, where it was more than once.
fn often(figures: &Figures) -> String {
    if figures.events < 2 {
        return String::new();
    }
    format!("{} times, last {}", figures.events, moment(figures.last))
}

/// Joins the parts that are not empty.
fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(", ")
}

/// Lists the most frequent names with their numbers: `us-east-1 (12), eu-west-1 (3) and 2 more`.
pub(super) fn top(listing: &Listing<Counted>, most: usize) -> String {
    let named = |one: &Counted| match one.figures.denied {
        0 => format!("{} ({})", one.name, one.figures.events),
        denied => format!("{} ({}, {denied} denied)", one.name, one.figures.events),
    };
    let shown: Vec<String> = listing.entries.iter().take(most).map(named).collect();
    let more = listing.entries.len().saturating_sub(most);
    let beyond = match listing.beyond {
        0 => String::new(),
        n => format!(", and others in {} that are not kept", words::count(n as usize, "event")),
    };
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}{beyond}", shown.join(", "))
}

/// Returns the tone of a kind of effect.
fn tone(kind: EffectKind) -> Tone {
    match kind {
        EffectKind::Loosened => Tone::Bad,
        EffectKind::Made | EffectKind::Ran | EffectKind::Took => Tone::Warn,
    }
}

pub(super) fn effects(all: &Investigation, kind: EffectKind) -> Vec<Line> {
    let line = |effect: &Effect| {
        let name = &effect.name;
        let detail = if name.detail.is_empty() { String::new() } else { format!(" ({})", name.detail) };
        Line {
            tone: tone(kind),
            label: moment(effect.figures.first),
            text: format!("{} {}{detail}", name.what, name.resource).trim().to_owned(),
            faint: joined(&[&name.call, &name.region, &often(&effect.figures)]),
        }
    };
    all.effects.entries.iter().filter(|effect| effect.name.kind == kind).map(line).collect()
}

pub(super) fn origins(all: &Investigation) -> Vec<Line> {
    let line = |origin: &Origin| Line {
        tone: Tone::Plain,
        label: moment(origin.figures.first),
        text: format!("{} by {}", origin.name.call, origin.name.by),
        faint: joined(&[&origin.name.key, &origin.name.from, &often(&origin.figures)]),
    };
    all.origins.entries.iter().map(line).collect()
}

pub(super) fn sessions(all: &Investigation) -> Vec<Line> {
    let line = |session: &Session| {
        let name = &session.name;
        let of = if name.role.is_empty() { "its own".to_owned() } else { name.role.clone() };
        let key = if name.key.is_empty() { "a key that the event leaves out" } else { &name.key };
        let named = if name.session.is_empty() { String::new() } else { format!(" as {}", name.session) };
        Line {
            tone: Tone::Warn,
            label: moment(session.figures.first),
            text: format!("{of}{named}: {key}"),
            faint: joined(&[&name.call, &often(&session.figures)]),
        }
    };
    all.sessions.entries.iter().map(line).collect()
}

pub(super) fn failures(all: &Investigation) -> Vec<Line> {
    let line = |failure: &Failure| Line {
        tone: if failure.figures.denied > 0 { Tone::Warn } else { Tone::Plain },
        label: failure.figures.events.to_string(),
        text: format!("{}: {}", failure.call, failure.code),
        faint: moment(failure.figures.first),
    };
    all.failures.entries.iter().map(line).collect()
}

pub(super) fn calls(all: &Investigation) -> Vec<Line> {
    let line = |call: &Counted| {
        let failed = match call.figures.failed {
            0 => String::new(),
            n if n == call.figures.events => "all failed".to_owned(),
            n => format!("{n} failed"),
        };
        Line {
            tone: Tone::Plain,
            label: call.figures.events.to_string(),
            text: call.name.clone(),
            faint: joined(&[&failed, &moment(call.figures.first)]),
        }
    };
    all.calls.entries.iter().map(line).collect()
}

pub(super) fn entries(all: &Investigation) -> Vec<Line> {
    let line = |entry: &Entry| {
        let failed = if entry.code.is_empty() { String::new() } else { format!(": {}", entry.code) };
        let things = entry.resources.join("; ");
        let things = if things.is_empty() { things } else { format!(": {things}") };
        let worst = entry.kinds.iter().map(|kind| tone(*kind)).find(|tone| *tone == Tone::Bad);
        let some = (!entry.kinds.is_empty()).then_some(Tone::Warn);
        Line {
            tone: worst.or(some).unwrap_or(Tone::Plain),
            label: moment(Some(entry.at)),
            text: format!("{}{failed}{things}", entry.call),
            faint: joined(&[&entry.region, &entry.from]),
        }
    };
    all.timeline.entries.iter().map(line).collect()
}

/// Returns what our checks find now, with the playbooks that answer it.
pub(super) fn now(all: &Investigated<'_>) -> Vec<Line> {
    let Some(scan) = all.scan else {
        let why = all.not_judged.unwrap_or("nothing that it did is known to a check");
        return vec![Line {
            tone: Tone::Warn,
            label: "not judged".to_owned(),
            text: why.to_owned(),
            faint: String::new(),
        }];
    };
    let mut lines: Vec<Line> = scan.findings.iter().filter_map(|f| finding(all, scan, f)).collect();
    lines.extend(scan.unjudged.iter().map(|unjudged| Line {
        tone: Tone::Warn,
        label: "unknown".to_owned(),
        text: format!("{} in {}: {}", unjudged.check, unjudged.region, unjudged.reason),
        faint: String::new(),
    }));
    if let Some(intake) = scan.intake {
        lines.push(Line {
            tone: Tone::Faint,
            label: "in all".to_owned(),
            text: intake.summary(),
            faint: String::new(),
        });
    }
    lines
}

fn finding(all: &Investigated<'_>, scan: &Scan<'_>, finding: &Finding) -> Option<Line> {
    let (tone, label, more) = match (&finding.verdict, &finding.suppressed) {
        (Verdict::Violates(_), None) => {
            (words::severity_tone(finding.severity), finding.severity.to_string(), "")
        }
        (Verdict::Violates(_), Some(why)) => (Tone::Faint, "set aside".to_owned(), why.reason.as_str()),
        (Verdict::Unknown(why), _) => (Tone::Warn, "unknown".to_owned(), why.as_str()),
        (Verdict::Ok(_) | Verdict::Retained(_), _) => return None,
    };
    let decided = scan.decisions.get(&finding.key());
    let decided = decided.map(|d| format!("{}: {}", d.decision, d.reason)).unwrap_or_default();
    let answer = match all.playbooks.get(&finding.check).map(Vec::as_slice) {
        None | Some([]) => "no playbook answers it".to_owned(),
        Some(named) => format!("answered by {}", words::list(named)),
    };
    let text = format!("{} {}", finding.check, words::brief(&finding.resource));
    Some(Line { tone, label, text, faint: joined(&[more, &answer, &decided]) })
}

/// Returns what flow logs show.
pub(super) fn traffic(seen: &SeenTraffic) -> Vec<Line> {
    let mut lines = vec![amount("accepted", &seen.accepted), amount("rejected", &seen.rejected)];
    lines.extend(seen.ports.iter().map(port));
    let mut remark = |label: &str, text: String| {
        lines.push(Line { tone: Tone::Warn, label: label.to_owned(), text, faint: String::new() });
    };
    if seen.more_ports > 0 || seen.beyond > 0 {
        remark("ports", format!("{} more, and {} records beyond them", seen.more_ports, seen.beyond));
    }
    if !seen.interfaces.is_empty() {
        let named = seen.interfaces.iter().map(|(id, n)| format!("{id} ({n})")).collect::<Vec<_>>();
        let more =
            if seen.elsewhere > 0 { format!(" and {} elsewhere", seen.elsewhere) } else { String::new() };
        remark("at", format!("{}{more}", named.join(", ")));
    }
    if !seen.uncovered.is_empty() {
        remark("unknown", format!("no record names {}", words::list(&seen.uncovered)));
    }
    if seen.unclear > 0 || seen.skipped > 0 {
        let (unclear, skipped) = (seen.unclear, seen.skipped);
        remark("unknown", format!("{unclear} records have no direction, {skipped} note missing data"));
    }
    lines
}

fn amount(word: &str, count: &Count) -> Line {
    let peers = count.peers.iter().take(5).map(|peer| format!("{} ({})", peer.address, peer.flows));
    let peers = peers.collect::<Vec<_>>().join(", ");
    let others = count.peers.len().saturating_sub(5) + count.more;
    let at_least = if count.at_least { "at least " } else { "" };
    let others = if others > 0 { format!(" and {at_least}{others} more") } else { String::new() };
    let with = if peers.is_empty() { String::new() } else { format!(" with {peers}{others}") };
    Line {
        tone: Tone::Plain,
        label: word.to_owned(),
        text: format!("{} flows, {} packets, {} bytes{with}", count.flows, count.packets, count.bytes),
        faint: String::new(),
    }
}

fn port(port: &Port) -> Line {
    let protocol = match port.protocol {
        Some(6) => "tcp".to_owned(),
        Some(17) => "udp".to_owned(),
        Some(1) => "icmp".to_owned(),
        Some(other) => format!("protocol {other}"),
        None => "any protocol".to_owned(),
    };
    let number = port.port.map_or_else(String::new, |port| format!(" {port}"));
    let who = if port.opened { "opened by it" } else { "opened by others" };
    Line {
        tone: Tone::Plain,
        label: format!("{protocol}{number}"),
        text: format!("{who}: {} accepted, {} bytes, {} rejected", port.accepted, port.bytes, port.rejected),
        faint: String::new(),
    }
}
