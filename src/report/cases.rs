//! The cases that a CI system is given for a scan, a plan or a run: one for each finding or change, with the
//! file of the playbook that concerns it. Pure; JUnit and SARIF are two notations for the same cases.

use std::collections::BTreeMap;

use super::{Scan, diff, words};
use crate::{
    checks,
    finding::{Finding, FindingKey, Severity, Verdict},
    journal::{ChangeState, Outcome, RunDocument},
    plan::{Change, Plan, PlanKind, SkippedKind},
    playbook::Playbook,
    reach::Reach,
};

/// The status of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// In order.
    Passed,
    /// Wrong, for this reason.
    Failed(String),
    /// Not judged, for this reason.
    Unknown(String),
    /// Set aside by a person or a playbook, for this reason.
    Aside(String),
}

/// A test case for a finding or a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The check, or for a change the action.
    pub rule: String,
    /// The ARN; empty if a whole region could not be judged.
    pub arn: String,
    /// The title, in one line.
    pub title: String,
    /// The severity.
    pub severity: Severity,
    /// The status.
    pub standing: Standing,
    /// The file of the playbook, as it was given; `None` for a built-in one.
    pub file: Option<String>,
    /// The playbook's id; empty if none answers.
    pub playbook: String,
    /// The duration in seconds, if it is known.
    pub seconds: Option<f64>,
    /// The reach of the finding, if that was asked.
    pub reach: Option<Reach>,
}

/// All cases of one report.
#[derive(Debug, Clone, PartialEq)]
pub struct Cases {
    /// The kind of report: `scan`, `plan`, `run`.
    pub kind: String,
    /// The account.
    pub account: String,
    /// The time of the scan, of the plan's creation, or of the run's start.
    pub at: jiff::Timestamp,
    /// The cases, in order.
    pub all: Vec<Case>,
}

/// The files of the playbooks.
#[derive(Debug, Clone, Default)]
pub struct Files {
    files: BTreeMap<String, String>,
    by_check: BTreeMap<String, String>,
}

impl Files {
    /// Collects the files of the playbooks in force.
    pub fn of(playbooks: &[Playbook]) -> Self {
        let own = playbooks.iter().filter(|p| !p.source.starts_with("built-in:"));
        let files = own.map(|p| (p.id.clone(), p.source.clone())).collect();
        let answers = playbooks
            .iter()
            .rev()
            .flat_map(|p| p.finding.iter().map(move |check| (check.clone(), p.id.clone())));
        Self { files, by_check: answers.collect() }
    }

    fn case(&self, key: &FindingKey, playbook: &str, standing: Standing) -> Case {
        let playbook = if playbook.is_empty() {
            self.by_check.get(&key.check).map_or("", String::as_str)
        } else {
            playbook
        };
        Case {
            rule: key.check.clone(),
            arn: key.resource.as_str().to_owned(),
            title: format!(
                "{}: {}",
                words::brief(&key.resource),
                words::check_title(&key.check).unwrap_or(&key.check)
            ),
            severity: checks::find(&key.check).map_or(Severity::Medium, |c| c.severity),
            standing,
            file: self.files.get(playbook).cloned(),
            playbook: playbook.to_owned(),
            seconds: None,
            reach: None,
        }
    }
}

/// Returns the cases of a scan: every finding, and the checks that could not be run in a region.
pub fn of_scan(scan: &Scan<'_>, files: &Files) -> Cases {
    let standing = |f: &Finding| match (&f.verdict, &f.suppressed) {
        (Verdict::Violates(_), Some(why)) => Standing::Aside(format!("suppressed: {}", why.words())),
        (Verdict::Violates(evidence), None) => Standing::Failed(diff::evidence(evidence).join("; ")),
        (Verdict::Unknown(why), _) => Standing::Unknown(why.clone()),
        (Verdict::Retained(by), _) => Standing::Aside(format!("retained: {by}")),
        (Verdict::Ok(_), _) => Standing::Passed,
    };
    let mut all: Vec<Case> = scan
        .findings
        .iter()
        .map(|f| Case {
            severity: f.severity,
            reach: scan.reach(f).cloned(),
            ..files.case(&f.key(), "", standing(f))
        })
        .collect();
    all.extend(scan.unjudged.iter().map(|u| Case {
        rule: u.check.clone(),
        arn: String::new(),
        title: format!("{} in {}", words::check_title(&u.check).unwrap_or(&u.check), u.region),
        severity: checks::find(&u.check).map_or(Severity::Medium, |c| c.severity),
        standing: Standing::Unknown(u.reason.clone()),
        file: None,
        playbook: files.by_check.get(&u.check).cloned().unwrap_or_default(),
        seconds: None,
        reach: None,
    }));
    Cases { kind: "scan".to_owned(), account: scan.account.to_owned(), at: scan.read_at, all }
}

/// Returns the cases of a plan. A finding that the plan answers passes if the rehearsal closed it; one that
/// was refused, is in conflict or is unknown does not, in line with the exit code.
pub fn of_plan(plan: &Plan, files: &Files) -> Cases {
    let rehearsed = |change: &Change, key: &FindingKey| {
        let missed = plan
            .rehearsal
            .not_rehearsed
            .iter()
            .find(|why| why.split_once(':').is_some_and(|(id, _)| id == change.id));
        match missed {
            Some(why) => Standing::Unknown(format!("not rehearsed: {why}")),
            None if plan.kind != PlanKind::Plan || plan.rehearsal.closes.contains(key) => Standing::Passed,
            None => Standing::Failed(format!("{} does not close it in the rehearsal", change.id)),
        }
    };
    let mut all = Vec::new();
    for change in &plan.changes {
        all.extend(change.findings.iter().map(|key| Case {
            reach: change.reach.clone(),
            ..files.case(key, &change.playbook, rehearsed(change, key))
        }));
        if change.findings.is_empty() {
            all.push(of_change(change, files, Standing::Passed));
        }
    }
    all.extend(plan.skipped.iter().map(|s| {
        let standing = match s.kind {
            SkippedKind::Refused | SkippedKind::Conflict => {
                Standing::Failed(format!("{}: {}", s.kind.word(), s.reason))
            }
            SkippedKind::Unknown => Standing::Unknown(s.reason.clone()),
            SkippedKind::Suppressed | SkippedKind::Retained | SkippedKind::Unmapped => {
                Standing::Aside(format!("{}: {}", s.kind.word(), s.reason))
            }
        };
        files.case(&s.finding, "", standing)
    }));
    let opens = plan.rehearsal.opens.iter().filter(|_| plan.kind != PlanKind::Undo);
    all.extend(opens.map(|key| {
        files.case(key, "", Standing::Failed("the rehearsal shows that this plan would open it".to_owned()))
    }));
    Cases { kind: plan.kind.word().to_owned(), account: plan.account.clone(), at: plan.created, all }
}

fn of_change(change: &Change, files: &Files, standing: Standing) -> Case {
    Case {
        rule: change.action.to_string(),
        arn: change.resource.as_str().to_owned(),
        title: change.summary.clone(),
        severity: change
            .findings
            .iter()
            .filter_map(|k| checks::find(&k.check))
            .map(|c| c.severity)
            .max()
            .unwrap_or(Severity::Low),
        standing,
        file: files.files.get(&change.playbook).cloned(),
        playbook: change.playbook.clone(),
        seconds: None,
        reach: None,
    }
}

/// Returns the cases of a run: every change of its plan, by its outcome.
pub fn of_run(run: &RunDocument, plan: &Plan, files: &Files) -> Cases {
    let all = run.changes.iter().filter_map(|report| {
        let told = format!("{}: {}", report.outcome.words(), report.reason);
        let standing = match report.outcome {
            ChangeState::Ended(Outcome::Verified | Outcome::Restored | Outcome::AlreadyFixed) => {
                Standing::Passed
            }
            ChangeState::Ended(Outcome::NotApproved | Outcome::Skipped) => Standing::Aside(told),
            ChangeState::Interrupted | ChangeState::Ended(Outcome::Unverified) => Standing::Unknown(told),
            ChangeState::Ended(
                Outcome::Drifted
                | Outcome::Blocked
                | Outcome::Refused
                | Outcome::RolledBack
                | Outcome::Failed
                | Outcome::Stuck,
            ) => Standing::Failed(told),
        };
        plan.change(&report.id)
            .map(|change| Case { seconds: report.seconds, ..of_change(change, files, standing) })
    });
    Cases { kind: "run".to_owned(), account: run.account.clone(), at: run.started, all: all.collect() }
}
