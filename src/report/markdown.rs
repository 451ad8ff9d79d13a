//! Reports as Markdown for a comment on a pull request: the parts that a reader must see are open, the exact
//! calls are folded. No text from an account becomes markup; see [`super::safe`].

use std::fmt::Write;

use super::{
    Scan, Typed, diff, held,
    safe::{block, code, html, markdown as md},
    style::Tone,
    words::{self, Next, Said},
};
use crate::{
    actions::GuardResult,
    calls::{Act, Step, WayBack},
    finding::{Finding, Verdict},
    journal::{RunDocument, document::ChangeReport},
    plan::{Change, Plan, PlanKind, each_once},
};

// Writing to a string cannot fail, so the results of `write!` are dropped throughout.

/// The length in bytes beyond which the exact calls are left out: a comment on GitHub holds 65536 characters.
const ROOM_FOR_CALLS: usize = 40_000;
/// The length in bytes beyond which changes appear only in the overview.
const ROOM: usize = 55_000;

/// Renders a plan; `typed` is the part of the command line that the next commands repeat.
pub fn plan(plan: &Plan, typed: &Typed<'_>) -> String {
    let mut out = format!("## {}\n\n", md(&words::plan_title(plan)));
    if typed.claim {
        let _ = writeln!(out, "> ⚠️ **{}.**\n", md(words::CLAIM));
    }
    let _ = writeln!(
        out,
        "Account {}, {}, at {}.",
        code(&plan.account),
        md(&words::list(&plan.regions)),
        code(&words::endpoint(&plan.endpoint))
    );
    let _ = writeln!(
        out,
        "Made {} by {}, good until {}.",
        words::time(plan.created),
        code(&plan.caller),
        words::time(plan.expires)
    );
    let _ = writeln!(out, "Digest {}.\n", code(&plan.digest));
    said(&mut out, &words::rehearsal(plan));
    if !plan.changes.is_empty() && !words::offered(plan) {
        out.push_str(
            "\n> **It would open findings that are closed now, so it is not offered for approval.**\n",
        );
    }
    overview(&mut out, plan);
    details(&mut out, plan);
    skipped(&mut out, plan);
    if !plan.changes.is_empty() {
        let _ = writeln!(
            out,
            "\n{}: {}.",
            words::count(plan.changes.len(), "change"),
            words::risks(&plan.changes)
        );
    }
    let findings: usize = plan.counts.values().sum();
    if findings > 0 {
        let _ = writeln!(
            out,
            "\n{}: {}.",
            words::count(findings, "finding"),
            md(&words::tally(&plan.counts, words::FATES))
        );
    }
    commands(&mut out, &words::plan_next(plan, typed));
    out
}

fn icon(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✅",
        Tone::Warn => "⚠️",
        Tone::Bad => "❌",
        _ => "▫️",
    }
}

fn said(out: &mut String, lines: &[Said]) {
    for (n, (tone, line)) in lines.iter().enumerate() {
        let _ = if n == 0 {
            writeln!(out, "{} **{}**\n", icon(*tone), md(line))
        } else {
            writeln!(out, "- {} {}", icon(*tone), md(line))
        };
    }
}

/// Writes all changes in one table.
fn overview(out: &mut String, plan: &Plan) {
    if plan.changes.is_empty() {
        return;
    }
    out.push_str("\n| | Change | Resource | Risk |\n|---|---|---|---|\n");
    for change in &plan.changes {
        let risk = format!("{} {}", icon(words::risk_tone(change.risk)), change.risk.word());
        let _ = writeln!(
            out,
            "| {} | {} | {} | {risk} |",
            code(&change.id),
            md(&change.summary),
            code(&words::brief(&change.resource))
        );
    }
}

/// Writes change by change, as far as there is room, and states the number of those left out.
fn details(out: &mut String, plan: &Plan) {
    let (mut without_calls, mut left_out) = (0, 0);
    for change in &plan.changes {
        let mut section = String::new();
        one(&mut section, plan, change);
        if left_out > 0 || out.len() + section.len() > ROOM {
            left_out += 1;
            continue;
        }
        out.push_str(&section);
        let calls = exactly(change);
        if without_calls == 0 && out.len() + calls.len() <= ROOM_FOR_CALLS {
            out.push_str(&calls);
        } else {
            without_calls += 1;
        }
    }
    for (n, what) in [(without_calls, "the exact calls"), (left_out, "all but the line above")] {
        if n > 0 {
            let _ = writeln!(
                out,
                "\n⚠️ There is no room here for {what} of {}: read the plan itself with {}.",
                words::count(n, "change"),
                code("redress show")
            );
        }
    }
}

fn one(out: &mut String, plan: &Plan, change: &Change) {
    let _ = writeln!(out, "\n### {} {}\n", md(&change.id), md(&change.summary));
    let answers = words::answers(plan, change);
    let answers = if answers.is_empty() {
        String::new()
    } else {
        format!(" · answers {}", md(&words::list(&answers)))
    };
    let _ = writeln!(out, "{} · {}{answers}\n", code(change.resource.as_str()), change.risk.word());
    let lines: Vec<String> = diff::diff(&change.before, &change.after_state)
        .iter()
        .map(|line| format!("{} {}", line.sign.mark(), line.text))
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "{}", block("diff", &lines));
    }
    if !change.after.is_empty() {
        let _ = writeln!(out, "- after {}", md(&words::list(&change.after)));
    }
    if !change.ask && plan.kind == PlanKind::Plan {
        out.push_str("- ⚠️ done without a question: the playbook allows it\n");
    }
    for line in &change.sources {
        let _ = writeln!(out, "- reported by {}", md(line));
    }
    for line in each_once(&change.impact) {
        let _ = writeln!(out, "- impact: {}", md(line));
    }
    for line in words::used(change) {
        let _ = writeln!(out, "- use: {}", md(&line));
    }
    if let Some(reach) = &change.reach {
        let _ = writeln!(out, "- reach: {}", md(&reach.words()));
    }
    for note in &change.guards {
        let passed = note.result == GuardResult::Passed;
        let (tone, word) = if passed {
            (Tone::Good, String::new())
        } else {
            (Tone::Warn, format!(" ({})", note.result.word().replace('-', " ")))
        };
        let _ = writeln!(out, "- {} guard {}{}: {}", icon(tone), md(&note.guard), md(&word), md(&note.note));
    }
    let _ = writeln!(out, "- undo: {}", md(&words::way_back(change).1));
    for line in &change.not_restored {
        let _ = writeln!(out, "- ⚠️ not restored: {}", md(line));
    }
}

/// Writes the steps of a change, folded.
fn exactly(change: &Change) -> String {
    let mut out = format!(
        "\n<details><summary>{}, exactly</summary>\n\n",
        html(&words::count(change.steps.len(), "step"))
    );
    for (n, step) in change.steps.iter().enumerate() {
        exact(&mut out, n + 1, step);
    }
    out.push_str("</details>\n");
    out
}

fn exact(out: &mut String, n: usize, step: &Step) {
    let _ = writeln!(out, "**{n}.** {}\n", md(&step.title));
    call(out, &step.act);
    if let Some(wait) = &step.act.wait {
        let _ = writeln!(out, "Then waits {} (at most {} s).\n", md(&wait.why), wait.at_most);
    }
    match &step.way_back {
        WayBack::Calls { rollback, .. } => {
            let calls: Vec<String> = rollback.iter().map(|act| code(&act.call.name())).collect();
            let _ = writeln!(out, "Undo: {}.\n", words::list(&calls));
        }
        WayBack::ByStep(other) => {
            let _ = writeln!(out, "Undo: that of step {}.\n", code(other));
        }
        WayBack::Kept(why) => {
            let _ = writeln!(out, "Undo: kept: {}.\n", md(why));
        }
        WayBack::Cannot(why) => {
            let _ = writeln!(out, "Undo: none: {}.\n", md(why));
        }
    }
}

fn call(out: &mut String, act: &Act) {
    let json = serde_json::to_string_pretty(&diff::readable(&act.call.input)).unwrap_or_default();
    let lines: Vec<String> = json.lines().map(str::to_owned).collect();
    let _ = writeln!(out, "{} {}\n\n{}", code(&act.call.name()), md(&act.call.region), block("json", &lines));
    if let Some(held) = held::only_if(act) {
        let _ = writeln!(out, "Made {}.\n", md(&held));
    }
}

fn skipped(out: &mut String, plan: &Plan) {
    if plan.skipped.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### Not planned\n\n| Finding | Resource | Why |\n|---|---|---|");
    for item in &plan.skipped {
        let (check, resource) = (code(&item.finding.check), code(&words::brief(&item.finding.resource)));
        let _ = writeln!(out, "| {check} | {resource} | **{}**: {} |", item.kind.word(), md(&item.reason));
    }
}

fn commands(out: &mut String, next: &[Next]) {
    for Next { purpose, command } in next {
        let _ = writeln!(out, "\nNext, {}: {}", md(purpose), code(command));
    }
}

/// Renders the findings of a scan.
pub fn findings(scan: &Scan, typed: &Typed<'_>) -> String {
    let open = scan.findings.iter().filter(|f| words::is_open(f)).count();
    let mut out = format!("## {} in account {}\n\n", words::count(open, "finding"), md(scan.account));
    let _ = writeln!(
        out,
        "{}, at {}, read {}.",
        md(&words::list(scan.regions)),
        code(&words::endpoint(scan.endpoint)),
        words::time(scan.read_at)
    );
    let wrong = scan.gravest_first();
    if !wrong.is_empty() {
        out.push_str("\n| Severity | Check | Resource | Evidence |\n|---|---|---|---|\n");
    }
    for finding in wrong {
        let evidence = if let Verdict::Violates(evidence) = &finding.verdict {
            diff::evidence(evidence).join("; ")
        } else {
            String::new()
        };
        let reach = scan.reach(finding).map(|reach| format!("<br>reach: {}", md(&reach.words())));
        let evidence = md(&evidence) + &reach.unwrap_or_default();
        let grade = format!("{} {}", icon(words::severity_tone(finding.severity)), finding.severity);
        let _ = writeln!(out, "| {grade} | {} | {} | {} |", code(&finding.check), named(finding), evidence);
    }
    aside(&mut out, scan);
    if let Some(intake) = scan.intake {
        let _ = writeln!(out, "\nReported by others: {}.", md(&intake.summary()));
    }
    commands(&mut out, &words::scan_next(scan, typed));
    out
}

fn named(finding: &Finding) -> String {
    let name = finding.tags.get("Name").map_or(String::new(), |name| format!(" {}", md(name)));
    format!("{}{name}", code(&words::brief(&finding.resource)))
}

/// Writes the findings that were set aside, and the resources and checks that could not be judged.
fn aside(out: &mut String, scan: &Scan) {
    let mut rows = Vec::new();
    for finding in scan.findings {
        let (word, why) = match (&finding.verdict, &finding.suppressed) {
            (Verdict::Violates(_), Some(why)) => ("suppressed", why.words()),
            (Verdict::Retained(by), _) => ("retained", by.clone()),
            (Verdict::Unknown(why), _) => ("⚠️ unknown", why.clone()),
            (Verdict::Ok(Some(note)), _) => ("fine", note.clone()),
            _ => continue,
        };
        rows.push(format!("| {word} | {} | {} | {} |", code(&finding.check), named(finding), md(&why)));
    }
    for unjudged in scan.unjudged {
        rows.push(format!(
            "| ⚠️ not judged | {} | all in {} | {} |",
            code(&unjudged.check),
            md(&unjudged.region),
            md(&unjudged.reason)
        ));
    }
    for lapsed in scan.lapsed {
        let why = md(&lapsed.to_string());
        rows.push(format!("| ⚠️ waiver | {} | {} | {why} |", code(&lapsed.check), code(&lapsed.resource)));
    }
    if !rows.is_empty() {
        let _ = writeln!(
            out,
            "\n### Set aside or not known\n\n| | Check | Resource | Why |\n|---|---|---|---|\n{}",
            rows.join("\n")
        );
    }
}

/// Renders the result of a run.
pub fn run(run: &RunDocument, typed: &Typed<'_>) -> String {
    let mut out = format!("## {}\n\n", md(&words::run_title(run)));
    let _ = writeln!(
        out,
        "Account {} at {}, started {}.",
        code(&run.account),
        code(&words::endpoint(&run.endpoint)),
        words::time(run.started)
    );
    for (n, (label, who)) in words::callers(run).into_iter().enumerate() {
        let gap = if n == 0 { "\n" } else { "" };
        let _ = writeln!(out, "{gap}- {label} {}", md(&who));
    }
    if let Some(why) = &run.stopped {
        let _ = writeln!(out, "\n⚠️ stopped: {}", md(why));
    }
    if !run.changes.is_empty() {
        out.push_str("\n| | Change | Resource | Outcome |\n|---|---|---|---|\n");
    }
    for change in &run.changes {
        let outcome =
            format!("{} **{}**", icon(words::outcome_tone(change.outcome)), md(&change.outcome.words()));
        let what = format!(
            "{} | {} | {}",
            code(&change.id),
            md(&change.summary),
            code(&words::brief(&change.resource))
        );
        let _ = writeln!(out, "| {what} | {outcome}{} |", beside(run, change));
    }
    let told = words::outcomes(&run.counts);
    if !told.is_empty() {
        let _ = writeln!(out, "\n{}: {}.", words::count(run.changes.len(), "change"), md(&told));
    }
    for told in &run.told {
        let _ = writeln!(out, "\n{}", md(&words::told(told)));
    }
    commands(&mut out, &words::run_next(run, typed));
    out
}

/// Renders all runs, the newest first.
pub fn runs(all: &[RunDocument]) -> String {
    if all.is_empty() {
        return "There are no runs yet.\n".to_owned();
    }
    let mut out = "| Run | Kind | Started | State | Changes |\n|---|---|---|---|---|\n".to_owned();
    for run in all {
        let told = words::outcomes(&run.counts);
        let what = format!(
            "{} | {} | {} | {}",
            code(&run.run),
            md(run.kind.word()),
            words::time(run.started),
            md(words::run_state(run.state))
        );
        let _ = writeln!(out, "| {what} | {} |", md(&told));
    }
    out
}

/// Returns the remarks beside an outcome in the table.
fn beside(run: &RunDocument, change: &ChangeReport) -> String {
    let reason = (!change.reason.is_empty()).then(|| change.reason.clone());
    let awaited = change.awaiting.iter().map(|what| format!("awaited: {what}"));
    let undone = change.undone_by.iter().map(|by| format!("undone by run {by}"));
    reason
        .into_iter()
        .chain(words::left(change))
        .chain(awaited)
        .chain(undone)
        .chain(words::stays(run, change))
        .map(|line| format!("<br>{}", md(&line)))
        .collect()
}
