//! Exit codes: the one table of `docs/exit-codes.md`, and the pure functions from outcomes to codes. Nothing
//! here ends the process.

use std::process::ExitCode;

use crate::{
    journal::{Outcome, RunState, Story, document},
    plan::{Plan, SkippedKind},
};

/// An exit code: the way a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// 0: nothing left to do, or all verified or restored.
    Done,
    /// 1: a failure: an endpoint that does not answer, a state directory that cannot be written, a run that
    /// was stopped.
    Failure,
    /// 2: usage, bad input, an expired plan. Always ends before anything was done.
    Usage,
    /// 3: findings or changes are pending (`scan`, `plan`, only with `--exit-code`).
    Pending,
    /// 4: something was refused, drifted, blocked or not approved; a scan with unknowns.
    Held,
    /// 5: a change failed and was rolled back.
    RolledBack,
    /// 6: stuck: a person is needed.
    Stuck,
    /// 7: a change was made but is not proved.
    Unverified,
}

/// The table of codes and their meanings; a test compares `docs/exit-codes.md` with it.
pub const TABLE: [(Exit, &str); 8] = [
    (Exit::Done, "nothing left to do, or all verified or restored"),
    (
        Exit::Failure,
        "failure: an endpoint that does not answer, a state directory that cannot be written, a run that was \
         stopped",
    ),
    (Exit::Usage, "usage or bad input, an expired plan; nothing was done"),
    (Exit::Pending, "findings or changes are pending (`scan`, `plan`; only with `--exit-code`)"),
    (Exit::Held, "something was refused, drifted, blocked or not approved; `scan` with unknowns"),
    (Exit::RolledBack, "a change failed and was rolled back"),
    (Exit::Stuck, "stuck: manual action is needed"),
    (Exit::Unverified, "a change was made, but its proof does not hold or could not be read"),
];

/// The order of precedence: where several codes apply, the first of these wins. `Usage` is not here: it ends
/// a command before anything else can apply.
const PRECEDENCE: [Exit; 7] =
    [Exit::Stuck, Exit::RolledBack, Exit::Failure, Exit::Unverified, Exit::Held, Exit::Pending, Exit::Done];

impl Exit {
    /// Returns the number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Pending => 3,
            Exit::Held => 4,
            Exit::RolledBack => 5,
            Exit::Stuck => 6,
            Exit::Unverified => 7,
        }
    }

    /// Returns the code that wins where several apply.
    pub fn worst(all: impl IntoIterator<Item = Exit>) -> Exit {
        let all: Vec<Exit> = all.into_iter().collect();
        PRECEDENCE.into_iter().find(|e| all.contains(e)).unwrap_or(Exit::Done)
    }

    /// Returns the code for one change's outcome.
    pub fn of(outcome: Outcome) -> Exit {
        match outcome {
            Outcome::Verified | Outcome::AlreadyFixed | Outcome::Restored => Exit::Done,
            Outcome::Unverified => Exit::Unverified,
            Outcome::Drifted
            | Outcome::Blocked
            | Outcome::Refused
            | Outcome::NotApproved
            | Outcome::Skipped => Exit::Held,
            Outcome::RolledBack => Exit::RolledBack,
            Outcome::Failed => Exit::Failure,
            Outcome::Stuck => Exit::Stuck,
        }
    }

    /// Returns the code for a run: for its changes, not for what planning skipped. An interrupted run is a
    /// failure.
    pub fn of_run(story: &Story) -> Exit {
        let outcomes = story
            .changes
            .values()
            .filter(|c| c.undone_by.is_none())
            .filter_map(crate::journal::ChangeStory::outcome)
            .map(Exit::of);
        let cut = if document::state(story) == RunState::Interrupted { Some(Exit::Failure) } else { None };
        Exit::worst(outcomes.chain(cut))
    }

    /// Returns the code for the verification of a run, over the changes that are still in place.
    pub fn of_verify(story: &Story) -> Exit {
        let standing = |o: &Outcome| o.applied() || matches!(o, Outcome::Restored | Outcome::Stuck);
        let outcomes = story
            .changes
            .values()
            .filter(|c| c.undone_by.is_none())
            .filter_map(crate::journal::ChangeStory::outcome);
        Exit::worst(outcomes.filter(standing).map(Exit::of))
    }

    /// Returns the code for a scan: `unknown` counts the findings that could not be judged, `open` those that
    /// violate and are not suppressed. Only `ask` (`--exit-code`) makes open findings count.
    pub fn of_scan(unknown: usize, open: usize, ask: bool) -> Exit {
        let unknown = (unknown > 0).then_some(Exit::Held);
        let open = (ask && open > 0).then_some(Exit::Pending);
        Exit::worst(unknown.into_iter().chain(open))
    }

    /// Returns the code for a plan: a finding that could not be planned counts as held, one that was planned
    /// or left unmapped as pending.
    pub fn of_plan(plan: &Plan, ask: bool) -> Exit {
        let held =
            |k: SkippedKind| matches!(k, SkippedKind::Refused | SkippedKind::Conflict | SkippedKind::Unknown);
        let held = (plan.skipped.iter().any(|s| held(s.kind)) || !plan.rehearsal.opens.is_empty())
            .then_some(Exit::Held);
        let open = !plan.changes.is_empty() || plan.skipped.iter().any(|s| s.kind == SkippedKind::Unmapped);
        Exit::worst(held.into_iter().chain((ask && open).then_some(Exit::Pending)))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{ChangeStory, Event, Phase};

    #[test]
    fn where_several_codes_hold_the_graver_wins() {
        let order: Vec<u8> = PRECEDENCE.iter().map(|e| e.code()).collect();
        assert_eq!(order, [6, 5, 1, 7, 4, 3, 0]);
        for (place, winner) in PRECEDENCE.iter().enumerate() {
            assert_eq!(Exit::worst(PRECEDENCE[place..].iter().rev().copied()), *winner);
        }
        assert_eq!(Exit::worst([]), Exit::Done);
    }

    #[test]
    fn every_outcome_has_its_code() {
        let cases = [
            (Outcome::Verified, 0),
            (Outcome::AlreadyFixed, 0),
            (Outcome::Restored, 0),
            (Outcome::Failed, 1),
            (Outcome::Drifted, 4),
            (Outcome::Blocked, 4),
            (Outcome::Refused, 4),
            (Outcome::NotApproved, 4),
            (Outcome::Skipped, 4),
            (Outcome::RolledBack, 5),
            (Outcome::Stuck, 6),
            (Outcome::Unverified, 7),
        ];
        for (outcome, code) in cases {
            assert_eq!(Exit::of(outcome).code(), code, "{outcome:?}");
        }
    }

    fn story(ended: bool, outcomes: &[Outcome]) -> Story {
        let mut story = Story::default();
        if ended {
            story.apply(jiff::Timestamp::UNIX_EPOCH, &Event::RunEnded);
        }
        for (n, outcome) in outcomes.iter().enumerate() {
            story.changes.insert(
                format!("c{n}"),
                ChangeStory { phase: Phase::Ended(*outcome), ..ChangeStory::default() },
            );
        }
        story
    }

    #[test]
    fn a_run_that_was_cut_short_is_a_failure_even_if_all_it_did_is_verified() {
        assert_eq!(Exit::of_run(&story(true, &[Outcome::Verified])), Exit::Done);
        assert_eq!(Exit::of_run(&story(false, &[Outcome::Verified])), Exit::Failure);
        assert_eq!(Exit::of_run(&story(false, &[Outcome::Stuck])), Exit::Stuck);
        assert_eq!(
            Exit::of_run(&story(true, &[Outcome::Verified, Outcome::Unverified, Outcome::NotApproved])),
            Exit::Unverified
        );
    }

    #[test]
    fn verifying_speaks_only_of_what_was_done_and_stands() {
        assert_eq!(
            Exit::of_verify(&story(true, &[Outcome::Verified, Outcome::NotApproved, Outcome::RolledBack])),
            Exit::Done
        );
        assert_eq!(
            Exit::of_verify(&story(true, &[Outcome::Verified, Outcome::Unverified])),
            Exit::Unverified
        );
        let mut undone = story(true, &[Outcome::Unverified]);
        undone.changes.values_mut().for_each(|c| c.undone_by = Some("r2".to_owned()));
        assert_eq!(Exit::of_verify(&undone), Exit::Done);
    }

    #[test]
    fn a_scan_speaks_of_findings_only_when_asked_but_always_of_unknowns() {
        assert_eq!(Exit::of_scan(0, 3, false), Exit::Done);
        assert_eq!(Exit::of_scan(0, 3, true), Exit::Pending);
        assert_eq!(Exit::of_scan(1, 3, true), Exit::Held);
        assert_eq!(Exit::of_scan(1, 0, false), Exit::Held);
    }

    #[test]
    fn the_page_of_exit_codes_is_the_table() {
        let page = include_str!("../../../docs/exit-codes.md");
        for (exit, meaning) in TABLE {
            let row = format!("| {} | {meaning} |", exit.code());
            assert!(page.contains(&row), "docs/exit-codes.md lacks: {row}");
        }
    }
}
