//! Playing a change on a stage: its calls, its waits, its proofs. The stage is a copy of an account; nothing
//! here may be given a real one.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Change, Stage,
    proof::{Moment, Proved, needs, proved},
    restore::{foreign, restored, words},
};
use crate::{
    actions,
    calls::{
        Act, Bindings, CallError, ErrorClass, Expect, Outputs, Purpose, Standing, Step, Wait, awaited,
        before, outputs::record, way_back,
    },
    inventory::Inventory,
};

/// The id of the run on a stage.
pub const REHEARSAL: &str = "rehearsal";

pub use crate::calls::AllOutputs;

/// The reason for which a change could not be played to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Something is not known here, so the outcome cannot be determined.
    Unknown(String),
    /// It would fail.
    Failed(String),
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Played {
    /// Its steps were done and its proofs hold.
    Done,
    /// Its proofs held already; nothing was done.
    AlreadyFixed,
}

fn bindings<'a>(change: &'a str, step: &'a str, started: Timestamp, outputs: &'a AllOutputs) -> Bindings<'a> {
    Bindings { run: REHEARSAL, started, change, step, attempt: 1, outputs }
}

/// Plays a change: checks whether it is needed, does its steps, checks whether it is proved.
///
/// # Errors
/// The reason for which it did not reach its end. The stage is then left somewhere in the middle: play on a
/// fork.
pub fn play(
    stage: &mut dyn Stage,
    change: &Change,
    started: Timestamp,
    outputs: &mut AllOutputs,
) -> Result<Played, Stop> {
    let inventory = stage.inventory();
    let missing = stage.missing(&needs(change, &inventory));
    if !missing.is_empty() {
        return Err(Stop::Unknown(format!("not known of the account: {}", missing.join(", "))));
    }
    if let Proved::Holds(_) =
        proved(change, &inventory, Moment::EndOfRun, &bindings(&change.id, "proof", started, outputs))
    {
        return Ok(Played::AlreadyFixed);
    }
    let of = |used: &actions::ActionUse| {
        Some(actions::find(&used.action)?.quotas(&inventory, &change.region, &used.with))
    };
    change.uses.iter().filter_map(of).flatten().for_each(|(code, quota)| stage.allow(code, quota));
    play_steps(stage, &change.id, &change.steps, started, outputs)?;
    match proved(
        change,
        &as_of(stage.inventory(), started),
        Moment::EndOfRun,
        &bindings(&change.id, "proof", started, outputs),
    ) {
        Proved::Holds(_) => Ok(Played::Done),
        Proved::Violated(reason) => Err(Stop::Failed(format!("after all its steps {reason}"))),
        Proved::Unknown(reason) => Err(Stop::Unknown(reason)),
    }
}

/// Returns the same account as it would be judged at another time. The time that passes on a stage is made
/// up: it must not make anything old.
pub(super) fn as_of(inventory: Inventory, time: Timestamp) -> Inventory {
    Inventory { read_at: time, ..inventory }
}

/// Performs the steps of a change, in order; their outputs are kept.
///
/// # Errors
/// The reason for which a step could not be done.
pub fn play_steps(
    stage: &mut dyn Stage,
    change: &str,
    steps: &[Step],
    started: Timestamp,
    outputs: &mut AllOutputs,
) -> Result<(), Stop> {
    for step in steps {
        play_act(stage, &step.act, change, &step.name, started, outputs)?;
    }
    Ok(())
}

/// Plays a change of an undo: checks that everything is as the run left it, does the steps, and checks that
/// the earlier state is back. Returns the difference that remains although every call succeeded.
///
/// # Errors
/// As [`play`].
pub fn play_undo(
    stage: &mut dyn Stage,
    change: &Change,
    started: Timestamp,
    outputs: &mut AllOutputs,
) -> Result<Option<String>, Stop> {
    let Some(restore) = &change.restore else {
        return Err(Stop::Unknown("it does not state what is to be restored".to_owned()));
    };
    let missing = stage.missing(&change.touches.iter().cloned().collect());
    if !missing.is_empty() {
        return Err(Stop::Unknown(format!("not known of the account: {}", missing.join(", "))));
    }
    let now = stage.inventory().footprint(&change.touches);
    let mut moved = foreign(change, restore, &now);
    if matches!(restored(change, restore, &now, Moment::Later), Proved::Holds(_)) {
        return Ok(None);
    }
    moved.ours.append(&mut moved.power);
    if !moved.ours.is_empty() {
        return Err(Stop::Failed(format!("somebody has changed it since the run: {}", words(&moved.ours))));
    }
    play_steps(stage, &change.id, &change.steps, started, outputs)?;
    match restored(change, restore, &stage.inventory().footprint(&change.touches), Moment::EndOfRun) {
        Proved::Holds(_) => Ok(None),
        Proved::Violated(reason) => Ok(Some(format!("after all its steps {reason}"))),
        Proved::Unknown(reason) => Err(Stop::Unknown(reason)),
    }
}

/// Undoes the steps of a change, as a person would later.
///
/// # Errors
/// The reason for which an act of the undo could not be done.
pub fn play_back(
    stage: &mut dyn Stage,
    change: &Change,
    started: Timestamp,
    outputs: &mut AllOutputs,
) -> Result<(), Stop> {
    let done: Vec<String> = change.steps.iter().map(|s| s.name.clone()).collect();
    for back in way_back(&change.steps, &done, Purpose::Undo) {
        play_act(stage, &back.act, &change.id, &back.name, started, outputs)?;
    }
    Ok(())
}

/// The number of retries of a call with a transient error while nothing is in progress that it could be
/// waiting for.
const PATIENCE: u32 = 30;
/// Quotas that AWS raises for nobody: trails of a region
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html>) and tags of a
/// resource (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>).
const FIXED: [&str; 2] = ["MaximumNumberOfTrailsExceededException", "TagLimitExceeded"];
/// Quotas that a stage counts against only where it knows the account's own.
const COUNTED: [&str; 3] = ["VolumeLimitExceeded", "MaxIOPSLimitExceeded", "SnapshotLimitExceeded"];
/// The longest time to let pass for a call that must be retried while something is in progress, in seconds.
const LONGEST: u64 = 30 * 86_400;

/// Plays a whole act: the look before it, its call, its wait.
fn play_act(
    stage: &mut dyn Stage,
    act: &Act,
    change: &str,
    step: &str,
    started: Timestamp,
    outputs: &mut AllOutputs,
) -> Result<(), Stop> {
    let look = before::before(act, stage.facts(), &bindings(change, step, started, outputs))
        .map_err(|e| Stop::Failed(e.to_string()))?;
    match look.standing {
        Standing::Holds => {}
        Standing::Unknown(why) => return Err(Stop::Unknown(format!("before {}: {why}", act.call.name()))),
        Standing::NotYet(_) | Standing::Never(_) if act.otherwise.leaves() => return Ok(()),
        Standing::NotYet(seen) | Standing::Never(seen) => {
            return Err(Stop::Failed(format!("before {}: {seen}", act.call.name())));
        }
    }
    record(outputs, change, &look.observed);
    let mut made = play_call(stage, act, change, step, started, outputs)?;
    made.extend(look.observed);
    outputs.insert((change.to_owned(), step.to_owned()), made);
    wait_for(stage, act.wait.as_ref(), &bindings(change, step, started, outputs))
}

fn play_call(
    stage: &mut dyn Stage,
    act: &Act,
    change: &str,
    step: &str,
    started: Timestamp,
    outputs: &AllOutputs,
) -> Result<Outputs, Stop> {
    let input = bindings(change, step, started, outputs)
        .resolve(&act.call.input)
        .map_err(|e| Stop::Failed(e.to_string()))?;
    let call = crate::calls::Call { input, ..act.call.clone() };
    let (mut tries, mut waited) = (0, 0);
    loop {
        let error = match stage.perform(&call) {
            Ok(made) => return Ok(made),
            Err(error) if error.class == ErrorClass::AlreadyDone => return Ok(Outputs::new()),
            Err(error) => error,
        };
        if is_unknown(&error) {
            return Err(Stop::Unknown(format!("{}: {}", call.name(), error.message)));
        }
        if COUNTED.contains(&error.code.as_str()) {
            return Err(Stop::Failed(format!(
                "{} fails with {error} Ask for a higher quota in Service Quotas, or prune what earlier runs \
                 keep",
                call.name()
            )));
        }
        // Most other quotas of an account can be raised, and their current values are not read.
        if error.class == ErrorClass::Quota && !FIXED.contains(&error.code.as_str()) {
            return Err(Stop::Unknown(format!(
                "{} exceeds AWS's default quota, and redress does not know the account's own: {error}",
                call.name()
            )));
        }
        if !error.class.passes() {
            return Err(Stop::Failed(format!("{} fails with {error}", call.name())));
        }
        tries += 1;
        let under_way = stage.under_way(&[]);
        if under_way && waited > LONGEST {
            return Err(Stop::Unknown(format!(
                "{}: redress cannot determine how long it waits for others: {error}",
                call.name()
            )));
        }
        if !under_way && tries > PATIENCE && error.class == ErrorClass::Concurrency {
            return Err(Stop::Unknown(format!(
                "{}: others have reached a limit, and redress cannot determine how long that lasts: {error}",
                call.name()
            )));
        }
        if !under_way && tries > PATIENCE {
            return Err(Stop::Failed(format!("{} fails again and again with {error}", call.name())));
        }
        let pause = 5_u64.max(waited / 8);
        stage.pass(Duration::from_secs(pause));
        waited += pause;
    }
}

/// Returns whether the stage could not determine the effect of the call.
fn is_unknown(error: &CallError) -> bool {
    error.class == ErrorClass::Unsupported || error.code == "TwinUnknown"
}

/// Lets time pass, in growing steps, until the condition that a step waits for holds, up to the wait's limit.
/// Durations on a stage are made up: a wait that would only take longer there than the limit shows nothing
/// about the account.
fn wait_for(stage: &mut dyn Stage, wait: Option<&Wait>, bindings: &Bindings<'_>) -> Result<(), Stop> {
    let Some(wait) = wait else { return Ok(()) };
    let until: Vec<Expect> = wait
        .until
        .iter()
        .map(|e| e.resolve(bindings))
        .collect::<Result<_, _>>()
        .map_err(|e| Stop::Failed(e.to_string()))?;
    let (mut waited, mut pause) = (0, 1);
    loop {
        match awaited(&until, stage.facts()) {
            Standing::Holds => return Ok(()),
            Standing::Never(seen) => {
                return Err(Stop::Failed(format!("waiting {} is in vain: {seen}", wait.why)));
            }
            Standing::Unknown(reason) => {
                return Err(Stop::Unknown(format!("waiting {}: {reason}", wait.why)));
            }
            Standing::NotYet(seen)
                if waited >= wait.at_most
                    && stage.under_way(&until.iter().flat_map(Expect::ids).collect::<Vec<_>>()) =>
            {
                return Err(Stop::Unknown(format!(
                    "redress cannot determine how long it takes {}, and waits {waited} s at most: {seen}",
                    wait.why
                )));
            }
            Standing::NotYet(seen) if waited >= wait.at_most => {
                return Err(Stop::Failed(format!("waited {waited} s {}: {seen}", wait.why)));
            }
            Standing::NotYet(_) => {}
        }
        let next = pause.min(wait.at_most - waited);
        stage.pass(Duration::from_secs(next));
        (waited, pause) = (waited + next, (pause * 2).min(60.max(waited / 8)));
    }
}

/// Returns the input of a step's call as it was made.
pub fn resolved_input(change: &str, step: &Step, started: Timestamp, outputs: &AllOutputs) -> Value {
    bindings(change, &step.name, started, outputs).resolve(&step.act.call.input).unwrap_or(Value::Null)
}
