//! The account over the official SDK, against AWS or any endpoint that `AWS_ENDPOINT_URL` names. It reads and makes
//! calls, and decides nothing: what a fact means and whether a call is made is for others.

mod choice;
mod clients;
mod connect;
mod departure;
mod endpoint;
mod errors;
mod history;
mod lease;
mod notify;
mod object;
mod pace;
mod pace_table;
mod providers;
mod read;
mod retry;
mod services;
mod state;
mod together;
mod trial;
mod validity;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

pub use connect::{ConnectError, Prepared, Settings, connect, over, prepare};
pub use history::{DAYS, History, PAGE, Told, global_region, reach};
pub use pace::{SHARE, Tell};
pub use state::{S3Store, parse as parse_place};

use crate::{
    account::{Account, Identity, Leave, Validity},
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

/// Returns the filter for log output at a verbosity: only redress itself becomes more verbose. The SDK and
/// its dependencies stay at `warn` at every level, since below that they write requests with their headers,
/// tokens included. `aws_config` stays at `error`, since its warnings quote the output of the program that
/// was to fetch credentials; our error reports the failure without that output.
pub fn log_filter(verbosity: u8) -> String {
    let level = match verbosity {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    format!("warn,aws=warn,aws_config=error,hyper=warn,h2=warn,rustls=warn,tower=warn,redress={level}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_verbosity_makes_the_sdk_talk_below_warn() {
        for verbosity in 0..=u8::MAX {
            let filter = log_filter(verbosity);
            for directive in filter.split(',').filter(|d| !d.starts_with("redress=")) {
                assert!(directive == "warn" || directive.ends_with("=warn") || directive.ends_with("=error"), "{filter}");
            }
        }
        assert!(log_filter(3).contains("redress=trace"));
    }
}
