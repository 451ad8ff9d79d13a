//! The state machine of `redress fix`: answers go in; questions, screens and decisions come out. Pure: it
//! reads nothing, asks nobody and changes nothing; it is driven by [`super::drive`].

use std::collections::{BTreeMap, BTreeSet};

use super::{
    edit::{self, Slot},
    order,
    question::{ANSWERS, Answer, Question, Reply, about, confirm, review, sure},
};
use crate::{
    calls::Risk,
    cli::shared::ask::{Policy, Standing},
    journal::Decision,
    plan::{Change, Plan, select::Selected},
};

/// The reason why a walk ends in which no change was approved.
const NOTHING: &str = "nothing was approved, nothing was changed";

/// The number of times that an account id may be mistyped.
const TRIES: u32 = 3;

/// A screen to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screen {
    /// A change: its id, its position, and the number of changes.
    Change(String, usize, usize),
    /// The exact calls of a change, its playbook and the ids under which others know its findings.
    Details(String),
    /// The chosen changes, with a rehearsal of their own.
    Summary,
    /// A note.
    Note(String),
}

/// The next step of a walk.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// Show the screens, then ask.
    Ask(Vec<Screen>, Question),
    /// Plan and rehearse this plan again: the named changes have new parameters. [`Walk::replanned`] takes
    /// the result.
    Replan(Box<Plan>, BTreeSet<String>),
    /// Rehearse these changes as a plan of their own. [`Walk::rehearsed`] takes the result.
    Rehearse(BTreeSet<String>),
    /// Apply this plan.
    Apply(Box<Plan>, Vec<Decision>),
    /// Nothing is done, for the given reason.
    Leave(String),
}

#[derive(Debug, Clone, PartialEq)]
enum Mode {
    Asking,
    Picking(Vec<Slot>),
    Typing(Slot),
    Replanning { slot: Slot, plan: Box<Plan>, edited: BTreeSet<String> },
    Rehearsing,
    Review(Box<Selected>),
    Confirming(Box<Selected>, u32),
    Sure(Box<Selected>),
    Left(String),
    Agreed(Box<Selected>),
}

/// One walk through a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    plan: Plan,
    standings: BTreeMap<String, Standing>,
    /// The changes to be asked about, the most severe first.
    order: Vec<String>,
    answers: BTreeMap<String, bool>,
    /// `true` once the person has declined the rest.
    finished: bool,
    screens: Vec<Screen>,
    shown: Option<String>,
    mode: Mode,
}

impl Walk {
    /// Starts a walk through a plan under the approval policy of the flags.
    pub fn new(plan: Plan, policy: &Policy) -> Self {
        let standings = policy.standings(&plan);
        let order = order::gravest_first(&plan)
            .into_iter()
            .filter(|id| standings.get(id) == Some(&Standing::Ask))
            .collect();
        let mut walk = Self {
            plan,
            standings,
            order,
            answers: BTreeMap::new(),
            finished: false,
            screens: Vec::new(),
            shown: None,
            mode: Mode::Asking,
        };
        walk.tell_standings();
        walk
    }

    fn tell_standings(&mut self) {
        for change in &self.plan.changes {
            let told = match self.standings.get(&change.id) {
                Some(Standing::No(reason)) => format!("{} will not be done: {reason}", change.id),
                Some(Standing::Yes(by)) => format!("{} needs no question: {by}", change.id),
                _ => continue,
            };
            self.screens.push(Screen::Note(told));
        }
    }

    /// Returns the plan as it is now, edits included.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the chosen part, once the walk has reached its review.
    pub fn chosen(&self) -> Option<&Selected> {
        match &self.mode {
            Mode::Review(s) | Mode::Confirming(s, _) | Mode::Sure(s) | Mode::Agreed(s) => Some(s),
            _ => None,
        }
    }

    /// Returns the changes that were declined or left, in the order of the plan.
    pub fn left_out(&self) -> Vec<&Change> {
        let chosen = self.ids();
        self.plan.changes.iter().filter(|c| !c.findings.is_empty() && !chosen.contains(&c.id)).collect()
    }

    /// Returns the next step.
    pub fn turn(&mut self) -> Turn {
        self.decline_what_cannot_follow();
        let question = match self.mode.clone() {
            Mode::Asking => match self.current() {
                Some(id) => return self.ask_about(&id),
                None if self.ids().is_empty() => return self.leave(NOTHING),
                None => {
                    self.mode = Mode::Rehearsing;
                    return Turn::Rehearse(self.ids());
                }
            },
            Mode::Picking(slots) => edit::which(&self.plan, &slots),
            Mode::Typing(slot) => edit::what(&slot),
            Mode::Replanning { plan, edited, .. } => return Turn::Replan(plan, edited),
            Mode::Rehearsing => return Turn::Rehearse(self.ids()),
            Mode::Review(selected) => review(&selected),
            Mode::Confirming(selected, _) => confirm(&selected.plan),
            Mode::Sure(_) => sure(),
            Mode::Left(why) => return Turn::Leave(why),
            Mode::Agreed(selected) => {
                let by = |c: &Change| match self.standings.get(&c.id) {
                    Some(Standing::Yes(by)) => by.clone(),
                    _ => "prompt".to_owned(),
                };
                let decisions = selected
                    .plan
                    .changes
                    .iter()
                    .map(|c| Decision { change: c.id.clone(), approved: true, by: by(c) })
                    .collect();
                return Turn::Apply(Box::new(selected.plan), decisions);
            }
        };
        Turn::Ask(std::mem::take(&mut self.screens), question)
    }

    fn ask_about(&mut self, id: &str) -> Turn {
        let mut screens = std::mem::take(&mut self.screens);
        if self.shown.as_deref() != Some(id) {
            let place = self.order.iter().position(|o| o == id).map_or(1, |n| n + 1);
            screens.push(Screen::Change(id.to_owned(), place, self.order.len()));
            self.shown = Some(id.to_owned());
        }
        Turn::Ask(screens, about(id, self.same_kind(id).len()))
    }

    /// Takes the answer to the question that the last turn asked.
    pub fn reply(&mut self, reply: &Reply) {
        match std::mem::replace(&mut self.mode, Mode::Asking) {
            Mode::Asking => self.answer(reply),
            Mode::Picking(slots) => match reply {
                Reply::Chosen(n) if *n < slots.len() => self.mode = Mode::Typing(slots[*n].clone()),
                _ => {}
            },
            Mode::Typing(slot) => self.typed(&slot, reply),
            Mode::Review(selected) => match reply {
                Reply::Chosen(0) if selected.plan.changes.iter().any(|c| c.risk > Risk::Safe) => {
                    self.mode = Mode::Confirming(selected, 0)
                }
                Reply::Chosen(0) => self.mode = Mode::Sure(selected),
                Reply::Chosen(1) => self.again(),
                _ => self.quit(),
            },
            Mode::Confirming(selected, tries) => self.confirmed(selected, tries, reply),
            Mode::Sure(selected) => match reply {
                Reply::Chosen(1) => self.mode = Mode::Agreed(selected),
                _ => self.quit(),
            },
            other => self.mode = other,
        }
    }

    fn confirmed(&mut self, selected: Box<Selected>, tries: u32, reply: &Reply) {
        let Reply::Line(line) = reply else { return self.quit() };
        let line = line.trim();
        if line == selected.plan.account {
            self.mode = Mode::Agreed(selected);
        } else if line.is_empty() || tries + 1 >= TRIES {
            self.mode = Mode::Left("the account id was not typed: nothing was changed".to_owned());
        } else {
            self.note(format!("{line:?} is not the id of this account; nothing was changed yet"));
            self.mode = Mode::Confirming(selected, tries + 1);
        }
    }

    fn answer(&mut self, reply: &Reply) {
        let Some(id) = self.current() else { return };
        let Reply::Chosen(n) = reply else { return self.quit() };
        match ANSWERS.get(*n).map(|(answer, ..)| *answer) {
            Some(Answer::Yes) => self.say(&[id], true),
            Some(Answer::No) => self.say(&[id], false),
            Some(Answer::AllOfKind) => self.say(&self.same_kind(&id), true),
            Some(Answer::SkipPlaybook) => self.say(&self.same_playbook(&id), false),
            Some(Answer::Details) => self.screens.push(Screen::Details(id)),
            Some(Answer::Edit) => match edit::slots(&self.plan, &id) {
                slots if slots.is_empty() => self.note(format!("{id} has no parameters to edit")),
                slots => self.mode = Mode::Picking(slots),
            },
            Some(Answer::Done) => self.finished = true,
            Some(Answer::Quit) | None => self.quit(),
        }
    }

    fn say(&mut self, ids: &[String], yes: bool) {
        if ids.len() > 1 {
            self.note(format!("{}: {}", if yes { "yes to" } else { "no to" }, ids.join(", ")));
        }
        self.answers.extend(ids.iter().map(|id| (id.clone(), yes)));
    }

    fn typed(&mut self, slot: &Slot, reply: &Reply) {
        let Reply::Line(text) = reply else { return };
        let targets: Vec<String> = self.same_kind(&slot.change);
        match edit::edited(&self.plan, slot, text, &targets) {
            Ok(None) => self.note(format!("{} is as it was", slot.parameter)),
            Ok(Some(plan)) => {
                self.mode = Mode::Replanning {
                    slot: slot.clone(),
                    plan: Box::new(plan),
                    edited: targets.into_iter().collect(),
                }
            }
            Err(why) => {
                self.note(format!("not taken: {why}"));
                self.mode = Mode::Typing(slot.clone());
            }
        }
    }

    /// Takes the result of planning and rehearsing again. An edit that could not be planned is dropped; a
    /// change that looks different now and was answered already is asked about again.
    pub fn replanned(&mut self, result: Result<Selected, String>) {
        let Mode::Replanning { slot, edited, .. } = std::mem::replace(&mut self.mode, Mode::Asking) else {
            return;
        };
        let refused = match &result {
            Err(why) => Some(why.clone()),
            Ok(now) if !now.plan.rehearsal.opens.is_empty() => Some(format!(
                "the rehearsal shows that it would open {}",
                now.plan.rehearsal.opens.iter().map(|k| k.check.as_str()).collect::<Vec<_>>().join(", ")
            )),
            Ok(now) => now.dropped.first().map(|d| format!("{} would drop out: {}", d.change, d.because)),
        };
        let Some(now) = result.ok().filter(|_| refused.is_none()) else {
            self.note(format!("{} stays as it was: {}", slot.parameter, refused.unwrap_or_default()));
            return;
        };
        for id in now.changed.keys().filter(|id| !edited.contains(*id)) {
            if self.answers.remove(id).is_some() {
                self.note(format!("{id} is different now and is asked about again"));
            }
        }
        let of: Vec<&str> =
            now.plan.changes.iter().map(|c| c.id.as_str()).filter(|id| edited.contains(*id)).collect();
        let rehearsal = &now.plan.rehearsal;
        self.note(format!(
            "planned and rehearsed again: {}; the plan closes {} findings and opens {}",
            of.join(", "),
            rehearsal.closes.len(),
            rehearsal.opens.len()
        ));
        self.plan = now.plan;
        self.shown = None;
    }

    /// Takes the chosen part with its own rehearsal.
    pub fn rehearsed(&mut self, result: Result<Selected, String>) {
        self.mode = match result {
            Err(why) => {
                Mode::Left(format!("what was chosen could not be rehearsed: {why}; nothing was changed"))
            }
            Ok(selected) if selected.plan.changes.is_empty() => {
                let why = selected.dropped.first().map_or("nothing is left of it", |d| d.because.as_str());
                Mode::Left(format!(
                    "what was chosen cannot be done without what was left out: {why}; nothing was changed"
                ))
            }
            Ok(selected) if !selected.plan.rehearsal.opens.is_empty() => {
                let opens: Vec<String> = selected
                    .plan
                    .rehearsal
                    .opens
                    .iter()
                    .map(|k| format!("{} on {}", k.check, k.resource.id()))
                    .collect();
                Mode::Left(format!(
                    "the rehearsal shows that it would open {}, so it is not applied; nothing was changed",
                    opens.join(", ")
                ))
            }
            Ok(selected) => {
                self.screens.push(Screen::Summary);
                Mode::Review(Box::new(selected))
            }
        };
    }

    /// Goes back to the first change and clears the answers.
    fn again(&mut self) {
        self.answers.clear();
        (self.finished, self.shown) = (false, None);
    }

    fn note(&mut self, text: impl Into<String>) {
        self.screens.push(Screen::Note(text.into()));
    }

    fn quit(&mut self) {
        self.mode = Mode::Left("you quit: nothing was approved, nothing was changed".to_owned());
    }

    fn leave(&mut self, why: &str) -> Turn {
        self.mode = Mode::Left(why.to_owned());
        Turn::Leave(why.to_owned())
    }

    /// Returns the change that is to be asked about now.
    fn current(&self) -> Option<String> {
        if self.finished {
            None
        } else {
            self.order.iter().find(|id| !self.answers.contains_key(*id)).cloned()
        }
    }

    /// Declines the changes that come after a declined one: they cannot be made and are not worth a question.
    fn decline_what_cannot_follow(&mut self) {
        for change in self.plan.changes.clone() {
            let barred = |id: &&String| {
                self.answers.get(*id) == Some(&false)
                    || matches!(self.standings.get(*id), Some(Standing::No(_)))
            };
            let Some(first) = change.after.iter().find(barred).cloned() else { continue };
            if self.order.contains(&change.id) && self.answers.insert(change.id.clone(), false) != Some(false)
            {
                self.note(format!("{} is left out: it comes after {first}", change.id));
            }
        }
    }

    /// Returns the chosen changes, with those that they come after.
    fn ids(&self) -> BTreeSet<String> {
        let yes = |id: &String| self.answers.get(id) == Some(&true);
        let given = |c: &&Change| {
            !c.findings.is_empty() && matches!(self.standings.get(&c.id), Some(Standing::Yes(_)))
        };
        let mut ids: BTreeSet<String> = self.order.iter().filter(|id| yes(id)).cloned().collect();
        ids.extend(self.plan.changes.iter().filter(given).map(|c| c.id.clone()));
        for change in self
            .plan
            .changes
            .iter()
            .rev()
            .filter(|c| !matches!(self.standings.get(&c.id), Some(Standing::No(_))))
        {
            if ids.contains(&change.id) {
                ids.extend(change.after.iter().cloned());
            }
        }
        ids
    }

    /// Returns this change, and the changes with its playbook, actions and risk that have no answer yet.
    fn same_kind(&self, id: &str) -> Vec<String> {
        let Some(this) = self.plan.change(id) else { return vec![id.to_owned()] };
        self.open()
            .filter(|c| c.playbook == this.playbook && c.action == this.action && c.risk == this.risk)
            .map(|c| c.id.clone())
            .collect()
    }

    /// Returns this change, and the changes of its playbook that have no answer yet.
    fn same_playbook(&self, id: &str) -> Vec<String> {
        let playbook = self.plan.change(id).map(|c| c.playbook.clone());
        self.open().filter(|c| Some(&c.playbook) == playbook.as_ref()).map(|c| c.id.clone()).collect()
    }

    fn open(&self) -> impl Iterator<Item = &Change> {
        self.order.iter().filter(|id| !self.answers.contains_key(*id)).filter_map(|id| self.plan.change(id))
    }
}

#[cfg(test)]
mod tests;
