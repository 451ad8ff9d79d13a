//! The check directly before a call: its preconditions and the facts that it observes, in one read. It is
//! made forward, on resume, in a rollback and in an undo, regardless of the number of jobs: no intent is
//! written without it.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Engine, EngineError, ProgressEvent,
    gather::afresh,
    ledger::SharedJournal,
    look::Look,
    named::{Failure, Named, SHOWN_WITHIN, looks_gone},
};
use crate::{
    calls::{NextStart, Otherwise, Outputs, Power, Standing, before, power},
    inventory::{Cause, Inventory, Scope},
    journal::{Event, StepResult, StepStory, Story},
    plan::again::{self, Unlike},
};

/// The number of times that facts lead to further facts: from an instance to its disks, to their keys, and
/// once more where a disk was added in the meantime.
const DEPTH: usize = 4;

/// The time for which something that AWS may have changed is looked at before it counts as unchanged.
const CORRECTED_WITHIN: Duration = Duration::from_secs(30);

/// The result of the check before a call.
#[derive(Debug)]
pub(super) enum Go {
    /// The call may be made. The facts are those that were observed.
    Call(Outputs),
    /// Nothing is called: the journal contains the reason.
    No,
}

impl Engine<'_> {
    /// Checks whether an act may be made now. A failed precondition is believed only when it is seen for as
    /// long as a view may lag behind this run's own calls; an unknown one never counts as met.
    ///
    /// # Errors
    /// [`Failure::Gone`] where the act may not be made, and a halt where that is not known.
    pub(super) async fn before(&self, named: Named<'_>, journal: &SharedJournal<'_>) -> Result<Go, Failure> {
        self.still_good(named, journal).await?;
        if named.act.before.is_empty() && named.act.observe.is_empty() && named.next.is_none() {
            return Ok(Go::Call(Outputs::new()));
        }
        let outputs = journal.look(Story::outputs);
        let bindings = self.bindings(named, journal, &outputs);
        let earlier = journal
            .look(|story| story.changes.get(named.change)?.step(named.name).cloned())
            .filter(|s| s.intents > 0);
        let mut scope = before::scope(named.act, &bindings)?;
        scope.extend(named.next.iter().flat_map(|next| next.wants(None)));
        let shown = if named.act.corrects() { CORRECTED_WITHIN } else { SHOWN_WITHIN };
        let (began, believed) = (self.account.now(), self.lag.min(shown));
        // The first call of a change follows directly on the reading from which the change was made again.
        let first = journal.look(|story| story.changes.get(named.change).is_none_or(|c| c.steps.is_empty()));
        let quiet = named.next.is_none() && named.for_good.is_none() && named.act.power() == Power::Stays;
        for tries in 0_u32.. {
            let fresh = journal
                .take_fresh(named.change, self.account.now(), |_| scope.clone())
                .filter(|_| first && quiet);
            let inventory = match fresh {
                Some(read) => read,
                None => self.in_one_read(&mut scope, named.next).await,
            };
            let looked = before::before(named.act, &inventory, &bindings)?;
            let waited = self.account.now().duration_since(began).unsigned_abs();
            let holds = looked.standing == Standing::Holds;
            if let Some(fallen) = own_start(named, earlier.as_ref(), &inventory).filter(|_| !holds)
                && self.own_launch(named, &fallen, journal)?
            {
                return Ok(Go::No);
            }
            let what = match looked.standing {
                Standing::Holds => match not_shown(
                    named,
                    &inventory,
                    waited > self.patience(named, journal),
                    waited >= believed,
                )? {
                    None => return again(named, earlier.as_ref(), looked.observed),
                    Some(what) => what,
                },
                // No repetition helps where the read is denied or the credentials have ended.
                Standing::Unknown(why)
                    if why.cause() != Cause::Other || waited > self.patience(named, journal) =>
                {
                    return Err(Failure::Halt(match why.cause() {
                        Cause::Credentials => EngineError::Credentials(why.to_string()),
                        Cause::Denied | Cause::Other => EngineError::Unread(told(named, &why)),
                    }));
                }
                Standing::NotYet(seen) | Standing::Never(seen) if waited >= believed => {
                    return self.gone(named, earlier.is_some(), &seen, journal).await;
                }
                Standing::Unknown(what) => what.to_string(),
                Standing::NotYet(what) | Standing::Never(what) => what,
            };
            if self.stop.now() {
                return Err(named.stopped("before", ""));
            }
            self.talk.on_progress(&ProgressEvent::Waiting {
                change: named.change.to_owned(),
                why: format!("before {}: {what}", named.act.call.operation),
                seconds: waited.as_secs(),
            });
            let rest = if waited < believed { (believed - waited).as_secs().clamp(1, 15) } else { 15 };
            self.rest(Duration::from_secs((1 << tries.min(4)).min(rest)), journal).await?;
        }
        Ok(Go::No)
    }

    /// Makes an irreversible change again directly before its call: forward, on a repeated call, and on
    /// resume, whatever version made the plan. A proof from a minute ago that a resource is no longer needed
    /// proves nothing now.
    ///
    /// # Errors
    /// [`Failure::Gone`] where the change is no longer the one in the plan, or where that is not known.
    async fn still_good(&self, named: Named<'_>, journal: &SharedJournal<'_>) -> Result<(), Failure> {
        let Some((plan, change)) = named.for_good else { return Ok(()) };
        let facts = afresh(self.account, &mut |known| again::needs(plan, change, self.today, known)).await;
        if let Some(halt) = EngineError::of_facts(&facts) {
            return Err(Failure::Halt(halt));
        }
        let stage = (self.stage)(facts.clone());
        let outputs = journal.look(Story::outputs);
        let made = again::again(
            plan,
            change,
            &facts,
            self.today,
            stage.as_ref(),
            &self.bindings(named, journal, &outputs),
        );
        match made {
            // The call itself finds that the resource is gone already.
            Ok(_) | Err(Unlike::Fixed(_)) => Ok(()),
            Err(unlike @ (Unlike::Drifted(_) | Unlike::Refused(_) | Unlike::Unknown(_))) => {
                journal.write(self.account.now(), left(named, unlike.reason().to_owned()))?;
                Err(Failure::Gone(told(named, unlike.reason())))
            }
        }
    }

    /// Reads the facts for a check. The disks and keys of the next start are known only once the instance is
    /// read, so it reads again, until all of them come from one read, directly before the intent.
    pub(super) async fn in_one_read(&self, scope: &mut Scope, next: Option<&NextStart>) -> Inventory {
        let mut inventory = self.account.read(scope).await;
        for _ in 0..DEPTH {
            let more: Scope = next
                .iter()
                .flat_map(|next| next.wants(Some(&inventory)))
                .filter(|want| !scope.contains(want))
                .collect();
            if more.is_empty() {
                break;
            }
            scope.extend(more);
            inventory = self.account.read(scope).await;
        }
        inventory
    }

    /// Handles a precondition that does not hold. The effect of an earlier try is no reason to refuse, and
    /// counts as missing only once it would have shown. A state that somebody else has set is left, where the
    /// act allows it.
    async fn gone(
        &self,
        named: Named<'_>,
        tried: bool,
        seen: &str,
        journal: &SharedJournal<'_>,
    ) -> Result<Go, Failure> {
        let leave = named.act.otherwise.leaves();
        let look = if tried || leave { self.effect(named, journal).await } else { Look::Absent };
        // What does not show yet looks as if it were gone: an absence is believed once it would show.
        if (!matches!(look, Look::Found(_)) || looks_gone(named.act))
            && let Some(at) = self.may_show_yet(named, journal)
        {
            self.look_for(named, at, false, journal).await?;
            return Ok(Go::No);
        }
        match look {
            Look::Found(outputs) if tried => {
                self.tell_result(named, StepResult::Found { outputs }, journal)?
            }
            look if leave => {
                let (change, step, reason) =
                    (named.change.to_owned(), named.name.to_owned(), seen.to_owned());
                // What stands alone is the work of whoever did it: an undo leaves it, too.
                let stands = matches!(look, Look::Found(_)) && named.act.otherwise != Otherwise::Alone;
                journal.write(self.account.now(), Event::Left { change, step, reason, stands })?;
            }
            // Recorded so that the end of the change includes the decision of somebody else.
            _ => {
                journal.write(self.account.now(), left(named, seen.to_owned()))?;
                return Err(Failure::Gone(told(named, seen)));
            }
        }
        Ok(Go::No)
    }
}

impl Engine<'_> {
    /// Returns the time of the last call of an act, where it is so recent that its effect may not show yet. A
    /// call with a token is repeated before that time is over; a call that is not repeated needs it.
    fn may_show_yet(&self, named: Named<'_>, journal: &SharedJournal<'_>) -> Option<Timestamp> {
        let called = journal.look(|story| {
            story.changes.get(named.change)?.step(named.name).filter(|s| s.intents > 0).map(|s| s.at)
        });
        called.filter(|at| self.account.now().duration_since(*at).unsigned_abs() < self.lag)
    }
}

/// Returns the reason for which the instance that an act takes down is not shown to come up again, or for
/// which the instance that it starts would not come up; `None` where there is no such reason. While a view
/// may lag behind, or a read may still succeed, the caller looks again.
///
/// # Errors
/// [`Failure::Gone`] once the reason is believed, and a halt where the credentials have ended: nothing is
/// taken down, or started in vain.
fn not_shown(
    named: Named<'_>,
    inventory: &Inventory,
    out_of_patience: bool,
    believed: bool,
) -> Result<Option<String>, Failure> {
    let starts = named.act.power() == Power::BringsUp;
    let rest = match starts {
        true => "It was not started. Once the key can be used, run `redress recover` again",
        false => "It was not stopped: nothing is taken down before it is shown that it can come up again",
    };
    let gone = |why: &str| Err(Failure::Gone(told(named, &format!("{why}. {rest}"))));
    let standing = match named.next {
        None => Standing::Holds,
        // An instance that is down already loses nothing by a start that may fail, and its approver knew of
        // the doubt: only a key that surely does not work counts.
        Some(next) if starts => next.would_not(inventory).map_or(Standing::Holds, Standing::NotYet),
        Some(next) => next.standing(inventory),
    };
    match standing {
        Standing::Holds => Ok(None),
        Standing::Unknown(why) if why.cause() == Cause::Credentials => {
            Err(Failure::Halt(EngineError::Credentials(why.to_string())))
        }
        Standing::Unknown(why) if why.cause() == Cause::Denied || out_of_patience => {
            gone(&format!("it is unknown whether it would start again: {why}"))
        }
        Standing::NotYet(why) | Standing::Never(why) if believed => gone(&why),
        Standing::Unknown(why) => Ok(Some(why.to_string())),
        Standing::NotYet(why) | Standing::Never(why) => Ok(Some(why)),
    }
}

/// Returns the start that an earlier try of an act requested, where it fell back by itself after the run was
/// interrupted. It is no start by somebody else, and wrote nothing.
fn own_start(named: Named<'_>, earlier: Option<&StepStory>, inventory: &Inventory) -> Option<power::Fallen> {
    let (wait, earlier) =
        (named.act.wait.as_ref().filter(|_| named.act.power() == Power::BringsUp)?, earlier?);
    wait.until.iter().find_map(|expect| power::fell_back(expect, inventory, earlier.at))
}

/// Allows a call to be repeated only where its observed facts are the same: an earlier try may have taken
/// effect on the former ones.
fn again(named: Named<'_>, earlier: Option<&StepStory>, observed: Outputs) -> Result<Go, Failure> {
    let moved = earlier.and_then(|e| {
        observed.iter().find(|(name, value)| e.observed.get(*name).is_some_and(|then| then != *value))
    });
    match moved {
        Some((name, value)) => Err(Failure::Gone(told(
            named,
            &format!("{name} has changed since the earlier try, and is now {value}"),
        ))),
        None => Ok(Go::Call(observed)),
    }
}

/// Builds the event of an act that is left out.
pub(super) fn left(named: Named<'_>, reason: String) -> Event {
    Event::Left { change: named.change.to_owned(), step: named.name.to_owned(), reason, stands: false }
}

fn told(named: Named<'_>, seen: &str) -> String {
    format!("before {}: {seen}", named.act.call.name())
}
