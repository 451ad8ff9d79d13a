//! One run goes through all its lives, with what its seed throws at each of them.

use std::time::Duration;

use redress::{
    engine::{EngineError, undo},
    journal::{Decision, Story},
    plan::{Plan, PlanKind},
    twin::{FaultKind, Twin},
};

use super::{
    ENDS, KEYS, LATER, LATEST, PEOPLE, TAKEN, Tally,
    additions::{Later, Latest},
    dice::Dice,
    ground::Ground,
    left_down,
    life::{End, Fate, State, live},
    people,
    storm::{self, Storm},
};

/// How often a run is interrupted at most.
const LIVES: usize = 5;

/// One run, through all its lives.
pub struct Run<'a> {
    pub ground: &'a Ground,
    pub plan: &'a Plan,
    pub name: &'static str,
    pub decisions: Vec<Decision>,
    /// What an undo takes back: the plan of that run, and its story.
    pub of: Option<(&'a Plan, &'a Story)>,
    pub loud: bool,
}

/// From what a seed throws.
pub struct Thrown {
    pub dice: Dice,
    later: Option<Later>,
    pub latest: Option<Latest>,
    /// Ends of credentials, from dice of their own: older numbers throw what they threw.
    ends: Option<Dice>,
    /// Losses of the lease, in the same way.
    taken: Option<Dice>,
    /// What becomes of keys, in the same way.
    pub keys: Option<Dice>,
    /// What people do to users and keys, in the same way.
    people: Option<Dice>,
}

impl Thrown {
    pub fn new(seed: u64) -> Self {
        let later = (seed >= LATER).then(|| Later::new(seed));
        let latest = (seed >= LATEST).then(|| Latest::new(seed));
        let (ends, taken) = (
            (seed >= ENDS).then(|| Dice::new(seed, 11)),
            (TAKEN..KEYS).contains(&seed).then(|| Dice::new(seed, 12)),
        );
        let keys = (seed >= KEYS).then(|| Dice::new(seed, 13));
        let people = (seed >= PEOPLE).then(|| Dice::new(seed, 14));
        Self { dice: Dice::new(seed, 1), later, latest, ends, taken, keys, people }
    }
    fn fates(&mut self, plan: &Plan, last: bool) -> Vec<Fate> {
        let mut fates = storm::fates(&mut self.dice, plan, last);
        fates.extend(self.later.iter_mut().flat_map(|later| later.fates(plan, last)));
        fates.extend(self.latest.iter_mut().flat_map(|latest| latest.fates(plan)));
        fates.extend(
            self.ends.iter_mut().filter(|_| !last).filter_map(|dice| storm::credentials_end(dice, plan)),
        );
        fates
            .extend(self.taken.iter_mut().filter(|_| !last).filter_map(|dice| storm::taken_over(dice, plan)));
        let calls = plan.changes.iter().map(|c| c.steps.len()).sum::<usize>() + 2;
        fates.extend(self.people.iter_mut().filter(|_| !last).flat_map(|dice| people::fates(dice, calls)));
        fates.extend(self.keys.iter_mut().filter(|_| !last).filter_map(|dice| storm::keys(dice, plan)));
        fates
    }
    /// What goes wrong with the account in a run of so many calls.
    pub fn storm(&mut self, calls: usize, twin: &Twin) -> Storm {
        let mut storm = storm::faults(&mut self.dice, calls, twin.calls());
        self.latest.iter_mut().for_each(|latest| latest.worsen(&mut storm, twin));
        storm
    }
}

impl Run<'_> {
    /// Lives and dies until the run is over.
    pub fn through(&self, mut state: State, thrown: &mut Thrown, tally: &mut Tally) -> Result<State, String> {
        let mut killed = false;
        for life in 0.. {
            let last = life >= LIVES;
            let fates = thrown.fates(self.plan, last);
            if let Some((of, story)) = self.of
                && !undo::is_of_run(self.plan, self.name, story, of, &self.ground.identity)
            {
                return Err(
                    "an undo is not resumed: its plan is said not to be what takes its run back".to_owned()
                );
            }
            if let Some(later) = &mut thrown.later {
                state.take_turns(later.jobs());
            }
            if state.jobs > 1 {
                tally.meet("a life with changes side by side");
            }
            self.say(&format!("{} life {life}: {fates:?} {:?}", self.name, state.twin.faults));
            let (after, end) =
                live(state, &self.ground.identity, self.plan, self.name, &self.decisions, fates);
            state = after;
            tally.runs += 1;
            self.say(&format!("  ended {end:?} at {}", state.twin.now()));
            if !state.breaches.is_empty() {
                return Err(state.breaches.join("; "));
            }
            match &end {
                End::Over => return Ok(state),
                End::Killed => self.died(life, killed, tally),
                End::Halted(EngineError::Credentials(_)) => {
                    // Renewed before it goes on.
                    state.twin.faults.script.retain(|f| f.kind != FaultKind::ExpiredCredentials);
                    state.twin.faults.credentials_end = None;
                }
                // For what a run before has left down a person is needed: nothing more is stopped until then.
                End::Halted(EngineError::Elsewhere(_))
                    if last && self.plan.kind == PlanKind::Undo && left_down(&state) =>
                {
                    tally.meet("held up by what is left down");
                    return Ok(state);
                }
                // Reads are let through before it goes on.
                End::Halted(EngineError::Blind(_) | EngineError::Unread(_)) => {}
                End::Halted(_) if last => {
                    return Err(format!(
                        "it did not come to its end in {LIVES} lives and one undisturbed: {end:?}"
                    ));
                }
                End::Halted(_) => {}
            }
            killed = matches!(end, End::Killed);
            state.twin.faults.denied_reads.clear();
            state.twin.faults.credentials_end = None;
            for meddling in thrown.latest.iter_mut().flat_map(Latest::between) {
                state.meddle(meddling);
                state.twin.pass(Duration::from_secs(120));
            }
            state.twin.pass(Duration::from_secs(*thrown.dice.pick(&[0, 1, 40, 290, 700, 90_000])));
        }
        Ok(state)
    }

    fn died(&self, life: usize, before: bool, tally: &mut Tally) {
        if before {
            tally.meet("killed twice in a row");
        }
        if life > 0 {
            tally.meet("killed while resuming");
        }
        if self.plan.kind == PlanKind::Undo {
            tally.meet("killed while undoing");
        }
    }

    fn say(&self, what: &str) {
        if self.loud {
            println!("{what}");
        }
    }
}
