//! The words of reports, in whatever format: sentences about plans and runs, and the next commands. Text and
//! Markdown share these so that they never disagree.

mod next;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
pub use next::{Next, account_flag, offered, plan_next, run_next, scan_next};

use super::style::Tone;
use crate::{
    actions::{GuardNote, GuardResult},
    calls::{Risk, Undo, WayBack},
    checks,
    evidence::lines,
    finding::{Finding, FindingKey, Severity, Verdict},
    journal::{ChangeState, Outcome, RunDocument, RunState, Signed, Told, document::ChangeReport},
    plan::{Change, Plan, PlanKind, Rehearsal},
    reach::{Answer, Reach, Reached},
    resource::{Kind, ResourceId},
};

/// A sentence with its tone.
pub type Said = (Tone, String);

/// Formats a time: `2026-11-22 10:00 UTC`.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Formats a number of things: `1 change`, `2 changes`.
pub fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Joins items: `a`, `a and b`, `a, b and c`.
pub fn list(items: &[String]) -> String {
    match items {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Returns the beginning of a digest, enough to compare by eye.
pub fn short(digest: &str) -> String {
    digest.trim_start_matches("sha256:").chars().take(12).collect()
}

/// Returns an endpoint for people: `aws` as `AWS`, any other unchanged.
pub fn endpoint(endpoint: &str) -> String {
    match endpoint.strip_prefix("aws") {
        Some(services) if services.is_empty() || services.starts_with(", ") => format!("AWS{services}"),
        _ => endpoint.to_owned(),
    }
}

/// Describes a resource with its kind: `security group sg-1 in us-east-1`.
pub fn place(resource: &ResourceId) -> String {
    let id = if resource.kind() == Kind::Account { resource.account() } else { resource.id() };
    format!("{} {}", resource.kind().words(), within(id, resource.region()))
}

/// Describes a resource without its kind: `sg-1 in us-east-1`.
pub fn brief(resource: &ResourceId) -> String {
    if resource.kind() == Kind::Account { place(resource) } else { within(resource.id(), resource.region()) }
}

fn within(id: &str, region: &str) -> String {
    if region.is_empty() { id.to_owned() } else { format!("{id} in {region}") }
}

/// Returns the problem that a check finds, in one line; nothing for a check that this program does not have.
pub fn check_title(check: &str) -> Option<&'static str> {
    checks::find(check).map(|c| c.title).filter(|title| !title.is_empty())
}

/// Returns the reason why the problem matters.
pub fn check_why(check: &str) -> Option<&'static str> {
    checks::find(check).map(|c| c.why).filter(|why| !why.is_empty())
}

/// Lists counts, those in this order first, then the rest: `12 planned, 1 refused`.
pub fn tally(counts: &BTreeMap<String, usize>, order: &[&str]) -> String {
    let rest = counts.keys().map(String::as_str).filter(|key| !order.contains(key));
    let named: Vec<String> = order
        .iter()
        .copied()
        .chain(rest)
        .filter_map(|key| {
            counts.get(key).filter(|n| **n > 0).map(|n| format!("{n} {}", key.replace('-', " ")))
        })
        .collect();
    named.join(", ")
}

/// The decisions on findings, in the order of interest.
pub const FATES: &[&str] =
    &["planned", "refused", "conflict", "unknown", "unmapped", "suppressed", "retained"];
/// The outcomes of changes, in the order of interest.
pub const OUTCOMES: [ChangeState; 13] = [
    ChangeState::Ended(Outcome::Verified),
    ChangeState::Ended(Outcome::Restored),
    ChangeState::Ended(Outcome::AlreadyFixed),
    ChangeState::Ended(Outcome::Unverified),
    ChangeState::Ended(Outcome::Stuck),
    ChangeState::Ended(Outcome::RolledBack),
    ChangeState::Ended(Outcome::Failed),
    ChangeState::Interrupted,
    ChangeState::Ended(Outcome::Blocked),
    ChangeState::Ended(Outcome::Drifted),
    ChangeState::Ended(Outcome::Refused),
    ChangeState::Ended(Outcome::NotApproved),
    ChangeState::Ended(Outcome::Skipped),
];

/// Counts the changes of a run by outcome, in the order of interest.
pub fn outcomes(counts: &BTreeMap<String, usize>) -> String {
    tally(counts, &OUTCOMES.map(ChangeState::word))
}

/// Returns the headline of a plan.
pub fn plan_title(plan: &Plan) -> String {
    let n = plan.changes.len();
    match (plan.kind.word(), &plan.of_run) {
        (_, _) if n == 0 => "Nothing to do".to_owned(),
        ("undo", Some(run)) => format!("Undo of run {run}: {}", count(n, "change")),
        ("undo", None) => format!("Undo: {}", count(n, "change")),
        ("prune", _) => format!("Prune: {} to delete what earlier runs kept", count(n, "change")),
        _ => format!("Plan: {}", count(n, "change")),
    }
}

/// Counts changes by risk: `3 safe, 1 disruptive`.
pub fn risks(changes: &[Change]) -> String {
    let mut counts = BTreeMap::new();
    for change in changes {
        *counts.entry(change.risk.word().to_owned()).or_insert(0) += 1;
    }
    tally(&counts, &["safe", "disruptive", "irreversible"])
}

/// Returns the tone of a risk.
pub fn risk_tone(risk: Risk) -> Tone {
    match risk {
        Risk::Safe => Tone::Good,
        Risk::Disruptive => Tone::Warn,
        Risk::Irreversible => Tone::Bad,
    }
}

/// Returns the tone of a severity.
pub fn severity_tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical | Severity::High => Tone::Bad,
        Severity::Medium => Tone::Warn,
        Severity::Low => Tone::Plain,
    }
}

/// Returns the tone of an outcome.
pub fn outcome_tone(state: ChangeState) -> Tone {
    let ChangeState::Ended(outcome) = state else { return Tone::Warn };
    match outcome {
        Outcome::Verified | Outcome::Restored | Outcome::AlreadyFixed => Tone::Good,
        Outcome::Stuck | Outcome::Failed | Outcome::RolledBack => Tone::Bad,
        Outcome::Unverified
        | Outcome::Drifted
        | Outcome::Blocked
        | Outcome::Refused
        | Outcome::NotApproved
        | Outcome::Skipped => Tone::Warn,
    }
}

/// Returns the result of the rehearsal: first a summary in one line, then everything else that
/// a reader must know.
pub fn rehearsal(plan: &Plan) -> Vec<Said> {
    let shown = &plan.rehearsal;
    if plan.changes.is_empty() {
        return Vec::new();
    }
    let unrehearsed: BTreeSet<&str> =
        shown.not_rehearsed.iter().filter_map(|why| why.split_once(':')).map(|(id, _)| id).collect();
    if *shown == Rehearsal::default() || plan.changes.iter().all(|c| unrehearsed.contains(c.id.as_str())) {
        return not_rehearsed(shown);
    }
    let mut said = vec![result(plan, shown)];
    said.extend(shown.together.iter().map(|group| (Tone::Warn, group.words())));
    said.extend(shown.targets.iter().map(|what| (Tone::Warn, what.clone())));
    let opens = |key: &FindingKey| (Tone::Bad, format!("opens {} on {}", key.check, brief(&key.resource)));
    if plan.kind != PlanKind::Undo {
        said.extend(shown.opens.iter().map(opens));
    } else if !shown.opens.is_empty() {
        let come_back = count(shown.opens.len(), "finding");
        let verb = if shown.opens.len() == 1 { "is" } else { "are" };
        said.push((
            Tone::Warn,
            format!(
                "{come_back} {verb} open again afterwards: {}",
                list(&shown.opens.iter().map(finding).collect::<Vec<_>>())
            ),
        ));
    }
    said.extend(by_reason(&shown.differences).into_iter().map(|what| (Tone::Bad, what)));
    said.extend(
        shown
            .already_fixed
            .iter()
            .map(|what| (Tone::Plain, format!("already fixed by an earlier change: {what}"))),
    );
    said.extend(
        by_reason(&shown.not_rehearsed).into_iter().map(|why| (Tone::Warn, format!("not rehearsed: {why}"))),
    );
    said
}

/// Joins lines such as `c3: reason` that give the same reason: `c3 and c4: reason`.
fn by_reason(lines: &[String]) -> Vec<String> {
    let mut all: Vec<(&str, Vec<String>)> = Vec::new();
    for line in lines {
        let (change, reason) = line.split_once(": ").unwrap_or(("", line));
        match all.iter_mut().find(|(of, _)| *of == reason) {
            Some((_, changes)) => changes.push(change.to_owned()),
            None => all.push((reason, vec![change.to_owned()])),
        }
    }
    let joined = |(reason, changes): (&str, Vec<String>)| match changes.as_slice() {
        [one] if one.is_empty() => reason.to_owned(),
        several => format!("{}: {reason}", list(several)),
    };
    all.into_iter().map(joined).collect()
}

/// The line above a plan that was compared with no account.
pub const CLAIM: &str = "This is what the file claims, not compared with any account: only the calls are \
                         certain. `redress apply` plans all of it again before it asks";

fn not_rehearsed(shown: &Rehearsal) -> Vec<Said> {
    if shown.not_rehearsed.is_empty() {
        return vec![(Tone::Warn, "not rehearsed".to_owned())];
    }
    let first = (Tone::Warn, "not rehearsed, because:".to_owned());
    std::iter::once(first)
        .chain(by_reason(&shown.not_rehearsed).into_iter().map(|why| (Tone::Warn, why)))
        .collect()
}

/// Summarizes the rehearsal: `rehearsed: closes 12 of 12, opens 0, undo restores all but what is named`.
fn result(plan: &Plan, shown: &Rehearsal) -> Said {
    let promised: BTreeSet<&FindingKey> = plan.changes.iter().flat_map(|c| &c.findings).collect();
    let closes = shown.closes.iter().filter(|key| promised.contains(key)).count();
    let how = if shown.not_rehearsed.is_empty() { "rehearsed" } else { "rehearsed in part" };
    let closing = match (plan.kind.word(), promised.len()) {
        ("plan", _) => format!("closes {closes} of {}, opens {}", promised.len(), shown.opens.len()),
        ("undo", _) if !shown.failed.is_empty() => {
            let verb = if shown.failed.len() == 1 { "does" } else { "do" };
            format!("{} of {} {verb} not go through", shown.failed.len(), count(plan.changes.len(), "change"))
        }
        ("undo", _) => "every call went through".to_owned(),
        _ => format!("every call went through, opens {}", shown.opens.len()),
    };
    let restoring = match (plan.kind.word(), shown.undo_restores) {
        ("undo", true) => ", the earlier state is restored except for what is named",
        ("prune", _) => ", what is deleted does not come back",
        (_, false) if !shown.not_rehearsed.is_empty() && shown.differences.is_empty() => {
            ", undo was tried for what was rehearsed"
        }
        (_, true) => ", undo restores all but what is named",
        (_, false) => ", undo does not restore everything",
    };
    let whole = closes == promised.len()
        && (shown.opens.is_empty() || plan.kind == PlanKind::Undo)
        && shown.not_rehearsed.is_empty()
        && shown.differences.is_empty();
    let well = whole && (shown.undo_restores || plan.kind == PlanKind::Prune);
    (if well { Tone::Good } else { Tone::Warn }, format!("{how}: {closing}{restoring}"))
}

/// Returns the checks that a change answers, each with the resource if that is another one. The changes of an
/// undo, a prune or a recovery answer none.
pub fn answers(plan: &Plan, change: &Change) -> Vec<String> {
    if change.findings.is_empty() {
        return if plan.kind == PlanKind::Plan {
            vec!["no finding of its own: other changes need it".to_owned()]
        } else {
            Vec::new()
        };
    }
    change
        .findings
        .iter()
        .map(|key| if key.resource == change.resource { key.check.clone() } else { finding(key) })
        .collect()
}

/// Returns the losses of a change that a run does not restore, if the change was made at all,
/// each with a prefix.
pub fn stays(run: &RunDocument, change: &ChangeReport) -> Vec<String> {
    let word = if run.kind == PlanKind::Plan { "not restored by undo" } else { "not restored" };
    let done = match change.outcome {
        ChangeState::Ended(outcome) => {
            outcome.applied() || matches!(outcome, Outcome::Restored | Outcome::Stuck)
        }
        ChangeState::Interrupted => true,
    };
    // A thing that an undo keeps on purpose is already its reason, and is stated once.
    let unsaid = |what: &&String| !change.reason.contains(what.as_str());
    if done {
        change.not_restored.iter().filter(unsaid).map(|what| format!("{word}: {what}")).collect()
    } else {
        Vec::new()
    }
}

/// Describes a finding: `check on sg-1 in us-east-1`.
pub fn finding(key: &FindingKey) -> String {
    format!("{} on {}", key.check, brief(&key.resource))
}

/// Describes who uses what a change closes, as flow logs show it.
pub fn used(change: &Change) -> Vec<String> {
    change.evidence.as_ref().map(lines).unwrap_or_default()
}

/// Returns the tone of an answer about the internet.
pub fn reach_tone(reach: &Reach) -> Tone {
    match reach.verdict {
        Reached::Reachable => Tone::Bad,
        Reached::Unknown => Tone::Warn,
        Reached::NotReachable => Tone::Plain,
    }
}

/// Describes the hops from the internet, a line each.
pub fn hops(reach: &Reach) -> Vec<String> {
    let answer = |answer| match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
        Answer::Unknown => "unknown",
    };
    reach
        .hops
        .iter()
        .map(|hop| format!("{}: {}, {}", hop.hop.words(), answer(hop.answer), hop.fact))
        .collect()
}

/// Returns a guard and its result: `lock-out`, `lock-out not checked`.
pub fn guard_title(note: &GuardNote) -> String {
    if note.result == GuardResult::Passed {
        note.guard.clone()
    } else {
        format!("{} {}", note.guard, note.result.word().replace('-', " "))
    }
}

/// Returns a guard with its result and its reason.
pub fn guard(note: &GuardNote) -> String {
    format!("{}: {}", guard_title(note), note.note)
}

/// Returns how much of a change can be undone, in one sentence.
pub fn way_back(change: &Change) -> Said {
    let all = change.steps.len();
    let cannot = change.steps.iter().filter(|s| matches!(s.way_back, WayBack::Cannot(_))).count();
    let kept = change
        .steps
        .iter()
        .filter(|s| matches!(s.way_back, WayBack::Kept(_) | WayBack::Calls { undo: Undo::Kept(_), .. }))
        .count();
    let steps = |n: usize| format!("{n} of {}", count(all, "step"));
    match (cannot, kept) {
        _ if all == 0 => (Tone::Plain, "nothing is called".to_owned()),
        (0, 0) if all == 1 => (Tone::Plain, "the step can be undone".to_owned()),
        (0, 0) => (Tone::Plain, format!("all {all} steps can be undone")),
        (0, kept) if kept == all => (Tone::Plain, "undo leaves everything as it is".to_owned()),
        (0, kept) => (Tone::Plain, format!("undo reverses {}; the rest is kept", steps(all - kept))),
        (cannot, _) if cannot == all => (Tone::Bad, "cannot be undone".to_owned()),
        (cannot, _) => (Tone::Bad, format!("{} cannot be undone", steps(cannot))),
    }
}

/// Returns whether a finding is a violation that is not suppressed.
pub fn is_open(finding: &Finding) -> bool {
    matches!(finding.verdict, Verdict::Violates(_)) && finding.suppressed.is_none()
}

/// Returns the caller who began a run, the signer of its plan, and the callers who resumed it,
/// each with its label.
pub fn callers(run: &RunDocument) -> Vec<(&'static str, String)> {
    let began = (!run.caller.is_empty()).then(|| ("by", run.caller.clone()));
    let signed = run.signed.as_ref().map(|signed| ("signed", signer(signed)));
    let resumed = run.resumed.iter().map(|resumed| {
        let signed =
            resumed.signed.as_ref().map_or_else(String::new, |signed| format!(", signed {}", signer(signed)));
        ("resumed", format!("{} by {}{signed}", time(resumed.at), resumed.caller))
    });
    began.into_iter().chain(signed).chain(resumed).collect()
}

/// Returns the name of a signer, with the key.
fn signer(signed: &Signed) -> String {
    format!("by {} ({})", signed.by, signed.key)
}

/// Returns the work that a change leaves for a person, and the calls that could not be tried
/// beforehand, a line each.
pub fn left(change: &ChangeReport) -> impl Iterator<Item = String> {
    let by_hand = change.leftovers.iter().map(|what| format!("left to do by hand: {what}"));
    by_hand.chain(change.not_told.iter().map(|what| format!("could not be tried beforehand: {what}")))
}

/// Returns the headline of a run.
pub fn run_title(run: &RunDocument) -> String {
    let what = match (run.kind, &run.of_run) {
        (PlanKind::Undo, Some(of)) => format!("Run {} (undo of {of})", run.run),
        (PlanKind::Prune, _) => format!("Run {} (prune)", run.run),
        (PlanKind::Plan | PlanKind::Undo | PlanKind::Recover, _) => format!("Run {}", run.run),
    };
    format!("{what}: {}", run_state(run.state))
}

/// Returns a state in words.
pub fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Complete => "complete",
        RunState::Interrupted => "interrupted",
        RunState::Undone => "undone",
        RunState::PartlyUndone => "partly undone",
    }
}

/// Returns the tone of a state.
pub fn state_tone(state: RunState) -> Tone {
    match state {
        RunState::Complete => Tone::Good,
        RunState::Interrupted => Tone::Bad,
        RunState::Undone => Tone::Plain,
        RunState::PartlyUndone => Tone::Warn,
    }
}

/// Formats a duration: `3.2 s`, `4 min 10 s`.
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    // Negative and absurd values become 0 and the greatest number.
    let whole = seconds as u64;
    format!("{} min {} s", whole / 60, whole % 60)
}

/// Describes a number of whole seconds.
pub fn seconds(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { duration(seconds as f64) }
}

/// Summarizes a report to Security Hub after a run, in one line.
pub fn told(told: &Told) -> String {
    let (of, at) =
        (count(told.findings, "finding"), format!("Security Hub in {}, {}", told.region, time(told.at)));
    match (&told.error, told.resolved) {
        (Some(error), _) => format!("{at}: {of} not reported: {error}"),
        (None, None) => format!("{at}: {of} reported, answer unknown"),
        (None, Some(n)) if told.refused.is_empty() => format!("{at}: {n} of {of} resolved"),
        (None, Some(n)) => format!("{at}: {n} of {of} resolved, {} refused", told.refused.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::by_reason;

    #[test]
    fn changes_with_one_reason_share_a_line() {
        let lines = [
            "c1: the key was not read",
            "c2: a role was not read",
            "c4: the key was not read",
            "nothing was read",
        ]
        .map(str::to_owned);
        assert_eq!(
            by_reason(&lines),
            ["c1 and c4: the key was not read", "c2: a role was not read", "nothing was read"]
        );
    }
}
