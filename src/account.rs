//! The two seams: reading an account, and making one mutating call. Everything else in redress is a pure
//! function between them. `aws` and `twin` implement this and nothing else may touch an account.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    calls::{Call, CallError, ErrorClass, Notice, Outcome, Refusal, Tried, Until},
    inventory::{Caller, Inventory, Scope},
    resource::Owner,
};

/// The account behind a seam, and the access to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Partition and account.
    pub owner: Owner,
    /// The owner of the credentials.
    pub caller: Caller,
    /// The endpoint: a URL if `AWS_ENDPOINT_URL` names one, `aws`, or `twin:NAME`.
    pub endpoint: String,
}

/// A function that gives leave for a call, in the moment before it is sent: it returns the time until which
/// the leave holds, or the reason for which there is none.
pub type Leave<'a> = &'a (dyn Fn() -> Result<Until, CallError> + Send + Sync);

/// The validity of an account's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// The credentials do not expire by themselves.
    Lasting,
    /// The credentials expire, and are renewed without anybody's help, by the named source.
    Renewed(&'static str),
    /// The credentials expire at this time, and nobody renews them.
    Ends(Timestamp),
    /// The credentials expire at an unknown time.
    Unsaid,
}

/// An account whose session has been narrowed.
pub struct Narrowed {
    /// The account, behind the narrowed session.
    pub account: Box<dyn Account>,
    /// The index of the policy that it was narrowed by.
    pub by: usize,
}

/// An account that can be read and changed.
#[async_trait]
pub trait Account: Send + Sync {
    /// Returns the identity of the account and of the caller.
    fn identity(&self) -> &Identity;

    /// Reads everything that the scope names, at one time. It never fails as a whole: a fact that could not
    /// be read is `Unknown` with the reason, in its place.
    async fn read(&self, scope: &Scope) -> Inventory;

    /// Makes one mutating call, once: no hidden repeats.
    async fn call(&self, call: &Call) -> Outcome;

    /// Makes one mutating call, once, if there is leave for it in the moment before it is sent. An account
    /// that waits for anything first, such as a turn, asks for leave after the wait. Without leave, or when
    /// it has expired, nothing is sent.
    async fn call_with(&self, call: &Call, leave: Leave<'_>) -> Outcome {
        leave()?;
        self.call(call).await
    }

    /// Tries without effect whether the caller may make a call. Nothing is ever changed by it; if an account
    /// does not support this, the answer is that it cannot be determined.
    async fn try_call(&self, call: &Call) -> Tried {
        Tried::CannotTell(format!("{} cannot be tried without effect here", call.name()))
    }

    /// Reports to Security Hub that findings of its own are resolved, once: no resource is changed. Findings
    /// that it did not update are returned with the reason; only for accounts that have a Security Hub at
    /// all.
    async fn notify(&self, notice: &Notice) -> Result<Vec<Refusal>, CallError> {
        let message = format!("there is no Security Hub at {}", self.identity().endpoint);
        let _ = notice;
        Err(CallError { class: ErrorClass::Unsupported, code: "Unsupported".to_owned(), message })
    }

    /// Opens the account once more, behind a session that may do only what the first of these policies allows
    /// that is accepted; none of them grants anything. `purpose` is recorded with the session.
    ///
    /// # Errors
    /// When the session cannot be narrowed.
    async fn narrowed(&self, policies: &[String], purpose: &str) -> Result<Narrowed, CallError> {
        let message = format!("sessions cannot be narrowed at {}", self.identity().endpoint);
        let _ = (policies, purpose);
        Err(CallError { class: ErrorClass::Unsupported, code: "Unsupported".to_owned(), message })
    }

    /// Returns the current time for this account: the twin has a clock of its own.
    fn now(&self) -> Timestamp;

    /// Returns the validity of the credentials.
    async fn validity(&self) -> Validity {
        Validity::Lasting
    }

    /// Lets time pass.
    async fn pause(&self, time: Duration);
}
