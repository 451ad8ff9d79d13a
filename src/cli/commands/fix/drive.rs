//! Drives a walk: asks its questions on a terminal, and does for it what is not pure: reading the account
//! again for an edit, rehearsing. It changes nothing; its result is a plan with its decisions.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{
    question::{Question, Reply},
    walk::{Screen, Turn, Walk},
};
use crate::{
    actions::{self, Context},
    checks,
    cli::shared::{
        account::{OpenAccount, stage},
        fail::Fail,
        planning::{self, Facts},
        render,
        session::Session,
        signals::{self, TerminalState},
        terminal::Terminal,
    },
    finding::{Finding, FindingKey},
    journal::Decision,
    plan::{
        Change, Plan, propose,
        rehearse::Rules,
        select::{self, Selected},
    },
    report::text::fix as screens,
};

/// An interactive session in progress.
pub struct Drive<'a> {
    /// The session of the command.
    pub session: &'a Session,
    /// The account, to read only.
    pub door: &'a OpenAccount,
    /// The known facts of the account.
    pub facts: Facts,
    /// The state of the questions.
    pub walk: Walk,
}

impl Drive<'_> {
    /// Asks until every change is decided.
    ///
    /// # Errors
    /// When the person leaves, or nothing was chosen: nothing was changed.
    pub async fn run(mut self, mut terminal: Box<dyn Terminal>) -> Result<(Plan, Vec<Decision>), Fail> {
        let mut seen = self.seen();
        loop {
            match self.walk.turn() {
                Turn::Ask(all, question) => {
                    for screen in &all {
                        terminal.show(&self.rendered(screen, &seen));
                    }
                    let (back, reply) = ask(terminal, question).await?;
                    terminal = back;
                    self.walk.reply(&reply);
                }
                Turn::Replan(plan, edited) => {
                    terminal.show("reading the account, planning and rehearsing again ...");
                    let result = self.replan(&plan, &edited).await;
                    seen = self.seen();
                    self.walk.replanned(result);
                }
                Turn::Rehearse(ids) => {
                    let result = self.select(self.walk.plan(), &ids);
                    self.walk.rehearsed(result);
                }
                Turn::Apply(plan, decisions) => return Ok((*plan, decisions)),
                Turn::Leave(why) => return Err(Fail::held(why)),
            }
        }
    }

    /// Judges the findings of the plan on the facts as they are now.
    fn seen(&self) -> BTreeMap<FindingKey, Finding> {
        let rules = Rules::new(&self.walk.plan().regions, &self.facts.playbooks);
        let keys = self.walk.plan().changes.iter().flat_map(|c| &c.findings);
        let judged = |key: &FindingKey| {
            Some((
                key.clone(),
                checks::judge(
                    &self.facts.inventory,
                    checks::find(&key.check)?,
                    &key.resource,
                    &rules.with(&key.check),
                ),
            ))
        };
        keys.filter_map(judged).collect()
    }

    fn rendered(&self, screen: &Screen, seen: &BTreeMap<FindingKey, Finding>) -> String {
        let (plan, view) = (self.walk.plan(), render::talk(self.session));
        let of = |id: &str, tell: &dyn Fn(&Change) -> String| plan.change(id).map(tell).unwrap_or_default();
        match screen {
            Screen::Change(id, place, all) => {
                of(id, &|c| screens::card(plan, c, &screens::At { place: *place, of: *all, seen }, &view))
            }
            Screen::Details(id) => of(id, &|c| screens::details(plan, c, &view)),
            Screen::Summary => self
                .walk
                .chosen()
                .map(|s| screens::chosen(&s.plan, &self.walk.left_out(), &s.dropped, &s.changed, &view))
                .unwrap_or_default(),
            Screen::Note(text) => screens::note(text, &view),
        }
    }

    /// Plans again, on facts that are read again, a plan with edited parameters.
    async fn replan(&mut self, plan: &Plan, edited: &BTreeSet<String>) -> Result<Selected, String> {
        let facts = planning::facts(self.session, self.door, plan).await.map_err(|fail| fail.what)?;
        for id in edited {
            if let (Some(old), Some(new)) = (self.walk.plan().change(id), plan.change(id)) {
                prepared(&facts, plan, old, new)?;
            }
        }
        self.facts = facts;
        let mut selected = self.select(plan, &plan.changes.iter().map(|c| c.id.clone()).collect())?;
        // The walk needs the differences from the plan that the person knows.
        for change in &selected.plan.changes {
            if self.walk.plan().change(&change.id).is_some_and(|old| propose::differs(old, change).is_none())
            {
                selected.changed.remove(&change.id);
            }
        }
        Ok(selected)
    }

    fn select(&self, plan: &Plan, ids: &BTreeSet<String>) -> Result<Selected, String> {
        let rules = Rules::new(&plan.regions, &self.facts.playbooks);
        select::select(plan, ids, stage(self.facts.inventory.clone()).as_ref(), &rules)
            .map_err(|error| error.to_string())
    }
}

/// Refuses an edit that requires other prerequisites than those that the plan has; that would be a plan of
/// its own.
fn prepared(facts: &Facts, plan: &Plan, old: &Change, new: &Change) -> Result<(), String> {
    let needs = |change: &Change| {
        let checks = propose::checks_of(change);
        let context = Context {
            inventory: &facts.inventory,
            region: &change.region,
            checks: &checks,
            options: &plan.options,
        };
        let of = |one: &actions::ActionUse| {
            actions::find(&one.action)?
                .propose(&context, &change.resource, &one.with)
                .ok()
                .map(|p| p.prerequisites)
        };
        change.uses.iter().filter_map(of).flatten().collect::<Vec<_>>()
    };
    let before = needs(old);
    match needs(new).into_iter().find(|needed| !before.contains(needed)) {
        None => Ok(()),
        Some(needed) => Err(format!(
            "it would need {} on {} first, which this plan does not have; give it with --set and plan anew",
            needed.action,
            needed.resource.id()
        )),
    }
}

/// Asks where blocking is allowed, and obeys requests to stop.
async fn ask(
    mut terminal: Box<dyn Terminal>,
    question: Question,
) -> Result<(Box<dyn Terminal>, Reply), Fail> {
    let (mut requests, state) = (signals::listen(), TerminalState::now());
    let asked = tokio::task::spawn_blocking(move || {
        let reply = terminal.ask(&question);
        (terminal, reply)
    });
    let answered = tokio::select! {
        answered = asked => match answered {
            Ok((terminal, reply)) => reply.map(|reply| (terminal, reply)),
            Err(error) => Err(io::Error::other(error)),
        },
        _ = requests.next() => Err(io::ErrorKind::Interrupted.into()),
    };
    answered.map_err(|error| {
        requests.enough();
        state.restore();
        let fail = Fail::held("the session was left: nothing was approved, nothing was changed");
        if error.kind() == io::ErrorKind::Interrupted { fail } else { fail.why(error.to_string()) }
    })
}
