//! A plan that was made again just now: asked about, and done as far as it is approved.

use super::{
    account::OpenAccount,
    ask::{self, Policy},
    exit::Exit,
    fail::Fail,
    perform::{self, Approved},
    session::Session,
};
use crate::{
    engine,
    journal::{Signed, Store},
    plan::Plan,
};

/// A plan that was made again just now, as it is asked about.
pub struct Asked<'p> {
    /// The plan.
    pub plan: &'p Plan,
    /// The plan as it may be shown.
    pub shown: Plan,
    /// The signer of its file or run, where a signature was asked for.
    pub signed: Option<Signed>,
}

/// Asks about a plan and does what is approved. The caller holds the lock.
///
/// # Errors
/// When nobody can be asked, nothing is approved, or the run cannot be begun.
pub async fn ask_and_do(
    session: &Session,
    door: &OpenAccount,
    state: &dyn Store,
    asked: Asked<'_>,
    policy: &Policy,
) -> Result<Exit, Fail> {
    let Asked { plan, shown, signed } = asked;
    let decisions = ask::decided(session, plan, &shown, &policy.standings(&shown)).await?;
    ask::any_approved(&decisions)?;
    let id = engine::run_id(plan, door.account.now());
    perform::begin(session, door, state, &id, Approved { plan, decisions, signed }).await
}
