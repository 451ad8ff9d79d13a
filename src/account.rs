//! The two seams: how an account is read, and how one mutating call is made. Everything else in redress is a pure
//! function between them. `aws` and `twin` implement this and nothing else may touch an account.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    calls::{Call, CallError, ErrorClass, Notice, Outcome, Refusal, Tried, Until},
    inventory::{Caller, Inventory, Scope},
    resource::Owner,
};

/// Which account is behind a seam, and through which door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Partition and account.
    pub owner: Owner,
    /// Whose credentials.
    pub caller: Caller,
    /// The endpoint: a URL when `AWS_ENDPOINT_URL` names one, `aws`, or `twin:NAME`.
    pub endpoint: String,
}

/// Gives leave for a call, in the moment before it goes out, and says until when it holds; or says why there is none.
pub type Leave<'a> = &'a (dyn Fn() -> Result<Until, CallError> + Send + Sync);

/// How long the credentials of an account last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// They do not end by themselves.
    Lasting,
    /// They end, and are renewed without anybody's help, by what is named.
    Renewed(&'static str),
    /// They end then, and nobody renews them.
    Ends(Timestamp),
    /// They end at a time that nobody tells.
    Unsaid,
}

/// An account that can be read and changed.
#[async_trait]
pub trait Account: Send + Sync {
    /// Who and where this is.
    fn identity(&self) -> &Identity;

    /// Reads what the scope names, at one time. It never fails as a whole: what could not be read is `Unknown` with
    /// the reason, in its place.
    async fn read(&self, scope: &Scope) -> Inventory;

    /// Makes one mutating call, once: no hidden repeats.
    async fn call(&self, call: &Call) -> Outcome;

    /// Makes one mutating call, once, if there is leave for it in the moment before it goes out. An account that waits for
    /// anything first, such as a turn, asks for leave after the wait. Without leave, or when it is over, nothing is sent.
    async fn call_with(&self, call: &Call, leave: Leave<'_>) -> Outcome {
        leave()?;
        self.call(call).await
    }

    /// Tries a call without effect: whether the caller may make it. Nothing is ever changed by it; where an account cannot
    /// be asked so, the answer is that it cannot be told.
    async fn try_call(&self, call: &Call) -> Tried {
        Tried::CannotTell(format!("{} cannot be tried without effect here", call.name()))
    }

    /// Tells Security Hub that findings of its own are resolved, once: no resource is changed. What it did not update comes
    /// back with its reason; only where there is a Security Hub at all.
    async fn notify(&self, notice: &Notice) -> Result<Vec<Refusal>, CallError> {
        let message = format!("there is no Security Hub at {}", self.identity().endpoint);
        let _ = notice;
        Err(CallError { class: ErrorClass::Unsupported, code: "Unsupported".to_owned(), message })
    }

    /// What time it is for this account: the twin has a clock of its own.
    fn now(&self) -> Timestamp;

    /// How long the credentials last.
    async fn validity(&self) -> Validity {
        Validity::Lasting
    }

    /// Lets time pass.
    async fn pause(&self, time: Duration);
}
