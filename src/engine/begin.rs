//! The conditions under which a change may begin: the decision, the changes before it, the present state of
//! the account. All of this is checked before the first intent, so a change that may not begin leaves no
//! trace but its outcome.

use serde_json::Value;

use super::{Engine, EngineError, gather::afresh, ledger::SharedJournal, marks, so_far::bindings};
use crate::{
    inventory::Inventory,
    journal::{Outcome, Story},
    plan::{
        Change, Plan, PlanKind, Restore,
        again::{self, Unlike},
        proof::Moment,
        proof::Proved,
        restore::{self, words},
    },
};

/// The reason for which a change does not begin.
pub(super) enum Instead {
    /// The change ends with this outcome, for this reason.
    End(Outcome, String),
    /// The run stops here: nothing can be read any more.
    Halt(EngineError),
}

impl From<(Outcome, String)> for Instead {
    fn from((outcome, reason): (Outcome, String)) -> Self {
        Instead::End(outcome, reason)
    }
}

/// Stops the run where the credentials have ended: a failed read is no evidence about the change.
fn readable(fresh: Inventory) -> Result<Inventory, Instead> {
    EngineError::of_facts(&fresh).map_or(Ok(fresh), |halt| Err(Instead::Halt(halt)))
}

impl Engine<'_> {
    /// Returns the footprint from which the change begins, or the reason for which it does not.
    pub(super) async fn may_begin(
        &self,
        plan: &Plan,
        change: &Change,
        journal: &SharedJournal<'_>,
    ) -> Result<Value, Instead> {
        decided(change, journal)?;
        came_before(change, journal)?;
        self.nothing_left_down(change, journal).await?;
        if let Some(short) = self.time_is_short(change, 0, journal).await {
            return Err((Outcome::Blocked, short).into());
        }
        match &change.restore {
            Some(restore) => self.may_restore(plan, change, restore, journal).await,
            None => self.may_change(plan, change, journal).await,
        }
    }

    /// Lets a change begin only when it is made again and equals the plan: it is still to be done, and is the
    /// same in all that is shown of it.
    async fn may_change(
        &self,
        plan: &Plan,
        change: &Change,
        journal: &SharedJournal<'_>,
    ) -> Result<Value, Instead> {
        let began = self.account.now();
        let fresh =
            readable(afresh(self.account, &mut |known| again::needs(plan, change, self.today, known)).await)?;
        let stage = (self.stage)(fresh.clone());
        let outputs = journal.look(Story::outputs);
        let made = again::again(
            plan,
            change,
            &fresh,
            self.today,
            stage.as_ref(),
            &bindings(change, journal, &outputs),
        )
        .map_err(|unlike| match unlike {
            Unlike::Fixed(reason) => (Outcome::AlreadyFixed, reason),
            Unlike::Drifted(reason) => (Outcome::Drifted, reason),
            Unlike::Refused(reason) => (Outcome::Refused, reason),
            Unlike::Unknown(reason) => (Outcome::Blocked, reason),
        })?;
        let before = fresh.footprint(&made.change.touches);
        journal.keep(&change.id, began, fresh);
        Ok(before)
    }

    /// Lets an undo begin only on the state that the run has left: changes that somebody made since are not
    /// overwritten.
    async fn may_restore(
        &self,
        plan: &Plan,
        change: &Change,
        restore: &Restore,
        journal: &SharedJournal<'_>,
    ) -> Result<Value, Instead> {
        let fresh = readable(afresh(self.account, &mut |_| change.touches.iter().cloned().collect()).await)?;
        // A mark that the original run has left is taken over.
        let own = [journal.head().run.as_str(), plan.of_run.as_deref().unwrap_or_default()];
        if let Some(marked) = marks::in_work(change, &fresh, &own).filter(|_| plan.kind != PlanKind::Recover)
        {
            return Err((Outcome::Blocked, format!("{marked}. Nothing was called")).into());
        }
        let now = fresh.footprint(&change.touches);
        let moved = restore::foreign(change, restore, &now);
        if moved.ours.is_empty() && moved.power.is_empty() && moved.unread.is_empty() {
            return Ok(now);
        }
        if matches!(restore::restored(change, restore, &now, Moment::Later), Proved::Holds(_)) {
            return Err((
                Outcome::AlreadyFixed,
                "it is as it was before the run; nothing was called".to_owned(),
            )
                .into());
        }
        if !moved.unread.is_empty() {
            let what = moved.unread.into_iter().collect::<Vec<_>>().join(", ");
            return Err((
                Outcome::Blocked,
                format!(
                    "it is unknown whether somebody has changed it since: {what} could not be read, now or \
                     at the end of the run; settle it by hand"
                ),
            )
                .into());
        }
        if moved.ours.is_empty() {
            let what = words(&moved.power);
            let why = "it was turned off or on since this undo was planned";
            return Err((
                Outcome::Drifted,
                format!(
                    "{why}: {what}. Nothing was called; set it as it was, or undo the run again, which takes \
                     it as it is then"
                ),
            )
                .into());
        }
        Err((
            Outcome::Refused,
            format!(
                "somebody has changed it since the run: {}. Nothing was called; settle it by hand",
                words(&moved.ours)
            ),
        )
            .into())
    }
}

fn decided(change: &Change, journal: &SharedJournal<'_>) -> Result<(), Instead> {
    match journal.look(|story| story.decision(&change.id).cloned()) {
        Some(decision) if decision.approved => Ok(()),
        Some(decision) => Err((Outcome::NotApproved, decision.by).into()),
        None => Err((Outcome::NotApproved, "nobody has decided on it".to_owned()).into()),
    }
}

fn came_before(change: &Change, journal: &SharedJournal<'_>) -> Result<(), Instead> {
    for id in &change.after {
        let outcome =
            journal.look(|story| story.changes.get(id).and_then(crate::journal::ChangeStory::outcome));
        if !outcome.is_some_and(Outcome::stands) {
            let word = outcome.map_or("not applied", Outcome::word);
            return Err((Outcome::Blocked, format!("{id}, which it comes after, is {word}")).into());
        }
    }
    Ok(())
}
