//! One act, from its intent to the moment when the condition that it waits for holds. The journal alone
//! determines which part is due, so an act that was interrupted anywhere goes on from there.

mod failed;
mod waited;

use std::{sync::OnceLock, time::Duration};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    Engine,
    before::Go,
    ledger::SharedJournal,
    named::{Failure, Named, looks_gone},
};
use crate::{
    calls::{self, AllOutputs, Bindings, CallError, ErrorClass, Expect, Outcome, Outputs},
    journal::{Event, StepResult, StepState, StoreError, Story},
    plan::reach::nameless,
};

/// The beginning of a wait, and the conditions in it on resources that calls of the change have created.
struct Since {
    called: Timestamp,
    made: Vec<Expect>,
}

/// The minimum by which a wait exceeds the lag of lists.
const SHOWN_MARGIN: Duration = Duration::from_secs(30);
/// The longest pause between two tries.
const LONGEST_PAUSE: u64 = 60;

impl Engine<'_> {
    /// Performs an act, or the rest of it.
    pub(super) async fn act(&self, named: Named<'_>, journal: &SharedJournal<'_>) -> Result<(), Failure> {
        let began = self.account.now();
        for tries in 0_u32.. {
            if self.stop.now() {
                return Err(named.stopped("before", ""));
            }
            let step = journal.look(|story| {
                story.changes.get(named.change)?.step(named.name).map(|s| (s.state.clone(), s.at))
            });
            match step {
                Some((StepState::Settled, _)) => return Ok(()),
                Some((StepState::Left, _)) if named.act.otherwise.leaves() => return Ok(()),
                Some((StepState::Called, at)) => {
                    if let Err(error) = self.settle(named, at, journal).await? {
                        self.after_error(named, &error, tries, began, journal).await?;
                    }
                }
                Some((StepState::Intended, at)) => self.look_for(named, at, true, journal).await?,
                Some((StepState::NotDone | StepState::Left, _)) | None => {
                    self.take_turn_of_the_account(named, journal).await?;
                    self.another_target_stays(named, journal).await?;
                    if let Go::Call(observed) = self.before(named, journal).await?
                        && let Err(error) = self.call_once(named, observed, journal).await?
                    {
                        self.after_error(named, &error, tries, began, journal).await?;
                    }
                }
            }
        }
        Err(Failure::Failed("it never succeeded".to_owned()))
    }

    /// Journals the intent, makes the call, journals the outcome.
    async fn call_once(
        &self,
        named: Named<'_>,
        observed: Outputs,
        journal: &SharedJournal<'_>,
    ) -> Result<Result<(), CallError>, Failure> {
        // The call may name what its own act has observed, which is recorded with its intent.
        let mut outputs = journal.look(Story::outputs);
        calls::outputs::record(&mut outputs, named.change, &observed);
        let bindings = self.bindings(named, journal, &outputs);
        let input = bindings.resolve(&named.act.call.input)?;
        let call = calls::Call { input, ..named.act.call.clone() };
        if let Some(member) = nameless(&call) {
            return Err(Failure::Failed(format!(
                "{} was not called: it names nothing in {member}",
                call.name()
            )));
        }
        let (change, step) = (named.change.to_owned(), named.name.to_owned());
        journal.write(
            self.account.now(),
            Event::Intent {
                change: change.clone(),
                step: step.clone(),
                attempt: 1,
                call: call.clone(),
                observed,
            },
        )?;
        journal.forget_fresh(named.change);
        let outcome = self.call_with_leave(&call, journal).await?;
        let result = match &outcome {
            Ok(outputs) => StepResult::Done { outputs: outputs.clone() },
            Err(error) => StepResult::Failed { error: error.clone() },
        };
        journal.write(self.account.now(), Event::Result { change, step, result })?;
        Ok(outcome.map(|_| ()))
    }

    /// Makes a call whose intent is on record, if the run is still this process's own in the moment before
    /// the call is sent: the machine may have slept since the record, and another process have taken the run
    /// over.
    async fn call_with_leave(
        &self,
        call: &calls::Call,
        journal: &SharedJournal<'_>,
    ) -> Result<Outcome, Failure> {
        let refused = OnceLock::new();
        let leave = || {
            journal.may_call().map_err(|error| {
                let unsent = CallError {
                    class: ErrorClass::Transient,
                    code: "NoLeave".to_owned(),
                    message: error.to_string(),
                };
                // The first reason is the reason.
                let _ = refused.set(error);
                unsent
            })
        };
        let outcome = self.account.call_with(call, &leave).await;
        refused.into_inner().map_or(Ok(outcome), |error: StoreError| Err(error.into()))
    }

    pub(super) fn tell_result(
        &self,
        named: Named<'_>,
        result: StepResult,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let event = Event::Result { change: named.change.to_owned(), step: named.name.to_owned(), result };
        journal.write(self.account.now(), event)?;
        Ok(())
    }

    pub(super) fn bindings<'b>(
        &self,
        named: Named<'b>,
        journal: &'b SharedJournal<'_>,
        outputs: &'b AllOutputs,
    ) -> Bindings<'b> {
        let head = journal.head();
        Bindings {
            run: &head.run,
            started: head.started,
            change: named.change,
            step: named.name,
            attempt: 1,
            outputs,
        }
    }
}

/// Returns the seconds before the next try: exponential with full jitter
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>). The dice are a hash of the
/// act and the try, so that a run replays.
fn pause_before(named: Named<'_>, tries: u32) -> u64 {
    let ceiling = (2_u64 << tries.min(6)).min(LONGEST_PAUSE);
    let digest = Sha256::digest(format!("{}|{}|{tries}", named.change, named.name));
    let dice = u64::from(digest[0]);
    1 + ceiling * dice / 256
}
