//! The waits: for the effect of a call with an unknown outcome, and for the condition of an act.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{Failure, Named, SHOWN_MARGIN, Since, looks_gone};
use crate::{
    calls::{self, CallError, Expect, Repeat, Standing, Wait, awaited, power},
    engine::{
        Engine, EngineError, ProgressEvent, gather::nothing, ledger::SharedJournal, look::Look,
        named::SHOWN_WITHIN,
    },
    inventory::{Inventory, Scope},
    journal::{Event, StepResult, Story},
    plan::proof,
};

/// Seconds for which a resource that was seen must be missing before it counts as gone: two servers of AWS's
/// may differ for a moment.
const GONE_AFTER: Duration = Duration::from_secs(60);

/// The resources of a wait that the change has made itself and that are missing.
#[derive(Default)]
struct Vanished {
    /// Ids that an earlier look has shown.
    seen: BTreeSet<String>,
    /// Ids that the last looks have not shown, with the number of these looks and the time of the first.
    missing: BTreeMap<String, (u32, Timestamp)>,
    /// The likely reason, of the first of them.
    hint: &'static str,
}

impl Vanished {
    fn look(&mut self, made: &[Expect], inventory: &Inventory, now: Timestamp) {
        let mut missing = BTreeMap::new();
        self.hint = "";
        for expect in made {
            let [gone, there] = expect.missing_and_there(inventory);
            self.seen.extend(there);
            if !gone.is_empty() && self.hint.is_empty() {
                self.hint = expect.family.about().vanishes.unwrap_or_default();
            }
            for id in gone {
                let (looks, first) = self.missing.get(&id).copied().unwrap_or((0, now));
                missing.insert(id, (looks + 1, first));
            }
        }
        self.missing = missing;
    }

    /// Returns the likely reason, once one of them is believed to be gone: it was seen before and is missing
    /// since a minute, or lists do not lag behind its creation any more.
    fn for_good(&self, since: &Since, now: Timestamp, lag: Duration) -> Option<&'static str> {
        let late = now.duration_since(since.called).unsigned_abs() > lag;
        let gone = |(id, (looks, first)): (&String, &(u32, Timestamp))| {
            let for_long = self.seen.contains(id) && now.duration_since(*first).unsigned_abs() >= GONE_AFTER;
            *looks > 1 && (late || for_long)
        };
        self.missing.iter().any(gone).then_some(self.hint)
    }
}

impl Engine<'_> {
    /// Looks for the effect of an intent with an unknown outcome. For calls without a token, absence is
    /// believed only [`Engine::lag`] after the intent, and by two reads; for all calls, where none is to be
    /// made `again`.
    pub(in crate::engine) async fn look_for(
        &self,
        named: Named<'_>,
        intended: Timestamp,
        again: bool,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let spec = calls::find(&named.act.call.service, &named.act.call.operation);
        let careful = !again || spec.is_none_or(|s| s.repeat == Repeat::LookFirst);
        let (began, mut absent) = (self.account.now(), 0);
        loop {
            let look = self.effect(named, journal).await;
            let age = self.account.now().duration_since(intended).unsigned_abs();
            match look {
                // A new resource may not show yet, and so looks deleted: deleting it again does no harm, and
                // only then is it known.
                Look::Found(_) if !careful && age < self.lag && looks_gone(named.act) => {
                    return self.tell_result(named, StepResult::NotFound, journal);
                }
                Look::Found(_) if !again && age < self.lag && looks_gone(named.act) => {}
                Look::Found(outputs) => {
                    return self.tell_result(named, StepResult::Found { outputs }, journal);
                }
                Look::Absent => absent += 1,
                Look::Others(why) => {
                    return Err(Failure::Failed(format!(
                        "{}: it is unknown whether it took effect: {why}",
                        named.act.call.name()
                    )));
                }
                Look::Unknown(why) => {
                    if let Some(halt) = EngineError::of_read(&why) {
                        return Err(Failure::Halt(halt));
                    }
                    absent = 0;
                    if self.account.now().duration_since(began).unsigned_abs() > self.patience(named, journal)
                    {
                        return Err(Failure::Failed(format!(
                            "{}: it is unknown whether it took effect: {why}",
                            named.act.call.name()
                        )));
                    }
                }
            }
            if absent > 0 && (!careful || (absent > 1 && age >= self.lag)) {
                return self.tell_result(named, StepResult::NotFound, journal);
            }
            if self.stop.now() {
                return Err(named.stopped("while looking for", ""));
            }
            let rest = self.lag.saturating_sub(age).as_secs().clamp(1, 15);
            let why = format!("until it is clear whether {} took effect", named.act.call.operation);
            self.talk.on_progress(&ProgressEvent::Waiting {
                change: named.change.to_owned(),
                why,
                seconds: age.as_secs(),
            });
            self.rest(Duration::from_secs(rest), journal).await?;
        }
    }

    /// Waits for the condition of an act. A start that fell back by itself had no effect, and its error gives
    /// the reason.
    pub(super) async fn settle(
        &self,
        named: Named<'_>,
        called: Timestamp,
        journal: &SharedJournal<'_>,
    ) -> Result<Result<(), CallError>, Failure> {
        if let Some(wait) = &named.act.wait {
            let outputs = journal.look(Story::outputs);
            let bindings = self.bindings(named, journal, &outputs);
            let until: Vec<Expect> =
                wait.until.iter().map(|e| e.resolve(&bindings)).collect::<Result<_, _>>()?;
            // A resource that a reference names was created by a call of this change.
            let made = wait
                .until
                .iter()
                .zip(&until)
                .filter(|(written, resolved)| written.id != resolved.id)
                .map(|(_, resolved)| resolved.clone())
                .collect();
            if let Err(fallen) = self.wait(named, wait, &until, Since { called, made }, journal).await? {
                self.own_launch(named, &fallen, journal)?;
                self.tell_result(named, StepResult::Failed { error: fallen.error.clone() }, journal)?;
                return Ok(Err(fallen.error));
            }
        }
        self.spread(named, called, journal).await?;
        journal.write(
            self.account.now(),
            Event::Settled { change: named.change.to_owned(), step: named.name.to_owned() },
        )?;
        Ok(Ok(()))
    }

    /// Leaves a result alone until other services of AWS can be expected to act by it. An endpoint whose
    /// lists do not lag has no such delay.
    async fn spread(
        &self,
        named: Named<'_>,
        called: Timestamp,
        journal: &SharedJournal<'_>,
    ) -> Result<(), Failure> {
        let whole = Duration::from_secs(named.act.spreads()).min(self.lag);
        loop {
            let age = self.account.now().duration_since(called).unsigned_abs();
            let Some(rest) = whole.checked_sub(age).filter(|rest| !rest.is_zero()) else { return Ok(()) };
            let why = "until other services of AWS can be expected to see it".to_owned();
            if self.stop.now() {
                return Err(Failure::Halt(EngineError::Stopped(format!("while waiting {why}"))));
            }
            self.talk.on_progress(&ProgressEvent::Waiting {
                change: named.change.to_owned(),
                why,
                seconds: age.as_secs(),
            });
            self.rest(rest.clamp(Duration::from_secs(1), Duration::from_secs(5)), journal).await?;
        }
    }

    pub(super) async fn wait(
        &self,
        named: Named<'_>,
        wait: &Wait,
        until: &[Expect],
        since: Since,
        journal: &SharedJournal<'_>,
    ) -> Result<Result<(), power::Fallen>, Failure> {
        let mut vanished = Vanished::default();
        let began = self.account.now();
        // A new resource may not show for as long as lists lag: before that no wait is in vain.
        let at_most =
            self.longest_wait(named.change, wait.at_most, journal).max((self.lag + SHOWN_MARGIN).as_secs());
        for tries in 0_u32.. {
            let mut scope: Scope = until.iter().flat_map(Expect::scope).collect();
            // Most settings show at once: the first look also reads what proves the change.
            let proves = named.last_of.filter(|_| tries == 0);
            scope.extend(proves.iter().flat_map(|change| proof::needs(change, &nothing(self.account))));
            let read_from = self.account.now();
            let inventory = self.account.read(&scope).await;
            let late = self.account.now().duration_since(began).unsigned_abs() > SHOWN_WITHIN;
            let mut blind = String::new();
            let seen = match awaited(until, &inventory) {
                Standing::NotYet(what) if late && until.iter().any(|e| e.fell_back(&inventory)) => {
                    match until.iter().find_map(|e| power::fell_back(e, &inventory, since.called)) {
                        Some(fallen) => return Ok(Err(fallen)),
                        // It is not known whether it never came up, or was taken down by somebody since.
                        None => return Err(Failure::Failed(format!("waiting {} failed: {what}", wait.why))),
                    }
                }
                Standing::Holds => {
                    if named.last_of.is_some() {
                        journal.keep(named.change, read_from, inventory);
                    }
                    return Ok(Ok(()));
                }
                Standing::Never(what) => {
                    return Err(Failure::Failed(format!("waiting {} failed: {what}", wait.why)));
                }
                Standing::NotYet(what) => what,
                Standing::Unknown(reason) => {
                    // The call took effect, and so it stays: a resume continues the wait.
                    if let Some(halt) = EngineError::of_read(&reason) {
                        return Err(Failure::Halt(halt));
                    }
                    blind = format!(", which cannot be seen now: {reason}");
                    reason.to_string()
                }
            };
            let now = self.account.now();
            vanished.look(&since.made, &inventory, now);
            if let Some(hint) = vanished.for_good(&since, now, self.lag) {
                return Err(Failure::Failed(format!("waiting {} failed: {seen} any more{hint}", wait.why)));
            }
            let seconds = self.account.now().duration_since(began).unsigned_abs().as_secs();
            if seconds >= at_most {
                return Err(Failure::Failed(format!(
                    "waited {seconds} s {} in vain: {what}",
                    wait.why,
                    what = seen
                )));
            }
            if self.stop.now() {
                return Err(Failure::Halt(EngineError::Stopped(format!("while waiting {}", wait.why))));
            }
            self.still_time_to_turn_back(named).await?;
            self.talk.on_progress(&ProgressEvent::Waiting {
                change: named.change.to_owned(),
                why: format!("{}{blind}", wait.why),
                seconds,
            });
            self.rest(Duration::from_secs((1 << tries.min(4)).min(15)), journal).await?;
        }
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::make,
        inventory::{Caller, Fact, FamilyKind, Volume},
        resource::Owner,
    };

    const LAG: Duration = Duration::from_secs(300);

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(second)
    }

    /// Returns whether the volume counts as gone after these looks: seconds since the call, and whether the
    /// look shows it.
    fn gone(looks: &[(i64, bool)]) -> bool {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let expect = make::state("r", FamilyKind::Volumes, "vol-1", &["available"], &["error"]);
        let since = Since { called: at(0), made: vec![expect] };
        let (mut vanished, mut last) = (Vanished::default(), 0);
        for (second, there) in looks {
            let mut inventory = Inventory::empty(owner.clone(), Caller::default(), at(*second));
            let fact = if *there { Fact::Known(Volume::default()) } else { Fact::Absent };
            inventory.region_mut("r").volumes.items.insert("vol-1".into(), fact);
            vanished.look(&since.made, &inventory, at(*second));
            last = *second;
        }
        let hint = vanished.for_good(&since, at(last), LAG);
        assert!(hint.is_none_or(|hint| hint.contains("KMS")), "{hint:?}");
        hint.is_some()
    }

    #[test]
    fn a_volume_that_was_seen_and_is_missing_for_a_minute_is_gone() {
        assert!(gone(&[(1, true), (10, false), (40, false), (70, false)]));
        assert!(!gone(&[(1, true), (10, false), (40, false)]), "two servers may differ for a moment");
        assert!(!gone(&[(1, true), (10, false), (40, true), (75, false)]), "it came back in between");
    }

    #[test]
    fn a_volume_that_was_never_seen_is_gone_once_lists_do_not_lag_any_more() {
        assert!(!gone(&[(10, false), (100, false), (290, false)]));
        assert!(gone(&[(10, false), (290, false), (301, false)]));
        assert!(!gone(&[(301, false)]), "one look proves nothing");
    }
}
