//! The commands to type next, with their purposes.

use std::collections::BTreeSet;

use super::is_open;
use crate::{
    calls::Risk,
    journal::{Outcome, RunDocument, RunState},
    plan::{Plan, PlanKind},
    report::{Scan, Typed, safe},
};

/// A command to type next, with its purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The purpose: `to do it`.
    pub purpose: String,
    /// The command.
    pub command: String,
}

pub(super) fn next(purpose: &str, command: String) -> Next {
    Next { purpose: purpose.to_owned(), command }
}

/// Returns whether a plan may be approved: not if its rehearsal opens findings, which only an
/// undo is meant to do.
pub fn offered(plan: &Plan) -> bool {
    !plan.changes.is_empty() && (plan.kind == PlanKind::Undo || plan.rehearsal.opens.is_empty())
}

/// Returns the flag that keeps a new plan on the twin, for a report about a twin. Without it the plan would
/// be made on AWS. Runs and plan files contain their own account.
pub fn account_flag(endpoint: &str) -> String {
    if endpoint.starts_with("twin:") {
        format!(" --account {}", safe::shell(endpoint))
    } else {
        String::new()
    }
}

/// Returns the next commands after a plan.
pub fn plan_next(plan: &Plan, typed: &Typed<'_>) -> Vec<Next> {
    if !offered(plan) {
        return Vec::new();
    }
    let irreversible: BTreeSet<&str> =
        plan.changes.iter().filter(|c| c.risk == Risk::Irreversible).flat_map(|c| c.action.iter()).collect();
    let flags: String = irreversible
        .iter()
        .map(|action| format!(" --allow-irreversible {}", safe::shell(action.trim())))
        .collect();
    let Typed { place, playbooks, planning, applying, .. } = typed;
    let command = if typed.command.is_empty() { "plan" } else { typed.command };
    let account = account_flag(&plan.endpoint);
    let apply = |file: &str| {
        let (file, twin) = (safe::shell(file), typed.account);
        next("to do it", format!("redress apply {file}{twin}{applying}{flags}{playbooks}{place}"))
    };
    match (typed.file, plan.kind.word(), &plan.of_run) {
        (Some(file), _, _) => vec![apply(file)],
        (None, "undo", Some(run)) => {
            let (run, twin) = (safe::shell(run), typed.account);
            vec![next("to do it", format!("redress undo {run}{twin}{flags}{place}"))]
        }
        (None, "prune", _) => {
            vec![
                next(
                    "to keep this plan",
                    format!("redress prune{account}{planning}{playbooks}{place} -o prune.json"),
                ),
                apply("prune.json"),
            ]
        }
        (None, "recover", _) => vec![
            next("to keep this plan", format!("redress recover{account}{planning}{place} -o recover.json")),
            apply("recover.json"),
        ],
        _ => vec![
            next(
                "to keep this plan",
                format!("redress {command}{account}{planning}{playbooks}{place} -o plan.json"),
            ),
            apply("plan.json"),
        ],
    }
}

/// Returns the next commands after a scan.
pub fn scan_next(scan: &Scan, typed: &Typed<'_>) -> Vec<Next> {
    let open = scan.findings.iter().filter(|f| is_open(f)).count();
    if open == 0 {
        return Vec::new();
    }
    // Without `--findings`, the plan would cover all violations.
    let findings = if typed.planning.contains(" --findings ") { String::new() } else { findings_flag(scan) };
    let Typed { place, playbooks, planning, .. } = typed;
    vec![next(
        "to see what would be done",
        format!(
            "redress plan{}{findings}{planning}{playbooks}{place} -o plan.json",
            account_flag(scan.endpoint)
        ),
    )]
}

/// Returns `--findings` for the inputs that were read, for a command line that is not known. Events that were
/// looked up are no file.
pub(super) fn findings_flag(scan: &Scan) -> String {
    let of_file = |input: &&str| **input != *EVENTS;
    let inputs: Vec<&str> = scan.intake.map_or(Vec::new(), |intake| {
        intake.reports.iter().map(|r| r.input.as_str()).filter(of_file).collect()
    });
    match inputs.len() {
        0 => String::new(),
        n if n > MOST_INPUTS => " --findings FILE...".to_owned(),
        _ => inputs
            .iter()
            .map(|input| {
                format!(" --findings {}", if *input == "stdin" { "-".to_owned() } else { safe::shell(input) })
            })
            .collect(),
    }
}

/// Returns the next commands after a run.
pub fn run_next(run: &RunDocument, typed: &Typed<'_>) -> Vec<Next> {
    let Typed { place, playbooks, planning, .. } = typed;
    let of = |command: &str| typed.of_run(command, &run.run);
    let has = |outcome: Outcome| run.changes.iter().any(|c| c.undone_by.is_none() && c.outcome == outcome);
    let mut all = Vec::new();
    if run.state == RunState::Interrupted {
        return vec![next("to finish it", typed.resume(&run.run))];
    }
    if has(Outcome::Unverified) || run.changes.iter().any(|c| c.undone_by.is_none() && !c.awaiting.is_empty())
    {
        all.push(next("to check again", of("verify")));
    } else if has(Outcome::Verified) && run.kind == PlanKind::Plan {
        all.push(next("to check later that it is still fixed", of("verify")));
    }
    if run.kind == PlanKind::Plan && (has(Outcome::Verified) || has(Outcome::Unverified)) {
        all.push(next("to undo it", of("undo")));
    }
    let rest = [
        Outcome::Drifted,
        Outcome::Blocked,
        Outcome::Skipped,
        Outcome::RolledBack,
        Outcome::Failed,
        Outcome::NotApproved,
    ];
    if rest.into_iter().any(has) {
        match (run.kind, &run.of_run) {
            (PlanKind::Undo, Some(of)) => all.push(next("to try the rest again", typed.of_run("undo", of))),
            (PlanKind::Prune, _) => all.push(next(
                "to plan the rest again",
                format!("redress prune{}{planning}{playbooks}{place}", account_flag(&run.endpoint)),
            )),
            (PlanKind::Plan | PlanKind::Undo | PlanKind::Recover, _) => all.push(next(
                "to plan the rest again",
                format!(
                    "redress plan{}{planning}{playbooks}{place} -o plan.json",
                    account_flag(&run.endpoint)
                ),
            )),
        }
    }
    all
}

/// The maximum number of inputs of findings that a command names again.
pub(super) const MOST_INPUTS: usize = 3;

/// The name under which events that were looked up are reported.
pub(super) const EVENTS: &str = "CloudTrail event history";
