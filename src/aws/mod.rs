//! The account over the official SDK, against AWS or any endpoint that `AWS_ENDPOINT_URL` names. It reads and
//! makes calls, and decides nothing: what a fact means and whether a call is made is for others.

mod accepted;
mod choice;
mod clients;
mod connect;
mod departure;
mod endpoint;
pub(crate) mod errors;
mod history;
mod notify;
mod only_try;
mod opened;
mod pace;
mod pace_table;
mod providers;
mod read;
pub(crate) mod retry;
mod scoped;
mod services;
mod share;
mod terms;
mod together;
mod trial;
mod validity;
mod vault;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

pub(crate) use clients::name as client_name;
pub use connect::{ConnectError, Prepared, connect, open, over, prepare};
pub(crate) use errors::bad_input;
pub use history::History;
pub use opened::Opened;
pub use share::{SHARE, Tell};
pub use terms::{
    DAYS, LookupEvent, LookupFilter, OtherAccount, PAGE, Settings, global_region, log_filter, reach,
};

use crate::{
    account::{Account, Identity, Leave, Narrowed, Validity},
    calls::{Call, CallError, Notice, Outcome, Refusal, Tried, Until},
    inventory::{Inventory, Scope},
};
use clients::Clients;
use validity::Watch;

/// An account behind the SDK.
#[derive(Debug)]
pub struct AwsAccount {
    identity: Identity,
    clients: Arc<Clients>,
    regions: Vec<String>,
    watch: Watch,
}

impl AwsAccount {
    fn new(identity: Identity, clients: Clients, regions: Vec<String>, watch: Watch) -> Self {
        Self { identity, clients: Arc::new(clients), regions, watch }
    }

    /// Sets the callback for long waits that AWS or the pace causes; it receives the operation and the length
    /// of the wait.
    pub fn tell_waits(&self, tell: Tell) {
        self.clients.pace.tell(tell);
    }

    /// Returns the account's event history.
    pub fn history(&self) -> History {
        History::new(Arc::clone(&self.clients))
    }

    /// Returns the regions that were asked for; for `all`, those that are enabled.
    pub fn regions(&self) -> &[String] {
        &self.regions
    }
}

#[async_trait]
impl Account for AwsAccount {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    async fn read(&self, scope: &Scope) -> Inventory {
        read::read(&self.clients, &self.identity, scope).await
    }

    async fn call(&self, call: &Call) -> Outcome {
        services::call(&self.clients, call, &|| Ok(Until::EVER)).await
    }

    async fn call_with(&self, call: &Call, leave: Leave<'_>) -> Outcome {
        services::call(&self.clients, call, leave).await
    }

    async fn try_call(&self, call: &Call) -> Tried {
        let aws = endpoint::is_aws(&self.identity.endpoint, "EC2");
        trial::try_call(&self.clients, aws, call).await
    }

    async fn notify(&self, notice: &Notice) -> Result<Vec<Refusal>, CallError> {
        notify::notify(&self.clients, notice).await
    }

    async fn narrowed(&self, policies: &[String], purpose: &str) -> Result<Narrowed, CallError> {
        let scoped = scoped::narrowed(&self.clients, &self.watch, policies, purpose).await?;
        let account = Self::new(self.identity.clone(), scoped.clients, self.regions.clone(), scoped.watch);
        Ok(Narrowed { account: Box::new(account), by: scoped.by })
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn validity(&self) -> Validity {
        self.watch.validity().await
    }

    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
