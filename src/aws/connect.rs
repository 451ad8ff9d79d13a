//! The connection to an account: credentials, their owner, region and endpoint. Every failure here is the
//! first thing that a user meets, so each error states what to do. Nothing here changes an account.

use std::{sync::Arc, time::Duration};

use aws_config::{Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ec2::config::ProvideCredentials;

use super::{
    AwsAccount,
    choice::ChoiceError,
    clients::Clients,
    endpoint, errors,
    opened::Opened,
    pace::{self, Pace},
    providers,
    retry::reading,
    share::Tell,
    terms::{OtherAccount, Settings},
    validity::Watch,
};
use crate::{
    account::Identity,
    calls::{CallError, ErrorClass},
    inventory::{Caller, Fact},
    resource::Owner,
};

/// The reason why the account cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The flags, variables and files name no credentials, or contradict themselves.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// The credentials are for an account that is not allowed.
    #[error(transparent)]
    OtherAccount(#[from] OtherAccount),
    /// No source of the standard chain has credentials.
    #[error(
        "no AWS credentials found ({0}). redress looks where the AWS CLI looks: log in with `aws sso login` \
         or `aws configure`, name a profile with --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY. To see redress without an account: `redress demo`"
    )]
    NoCredentials(String),
    /// AWS rejects the credentials.
    #[error(
        "AWS does not accept the credentials ({0}): they have expired or are wrong. Log in again (`aws sso \
         login`), or check the profile and the clock"
    )]
    BadCredentials(String),
    /// The caller is not allowed to make this call.
    #[error(
        "not allowed: {0}. redress needs ec2:DescribeRegions to know which regions there are; allow it, or \
         name regions with --region"
    )]
    Denied(String),
    /// No region is configured.
    #[error(
        "no region: name one with --region (or --region all), or set AWS_REGION or `region` in the profile"
    )]
    NoRegion,
    /// The region does not exist.
    #[error("there is no region {name:?}{}", near_words(.near, .known))]
    UnknownRegion {
        /// The name as given.
        name: String,
        /// Names that look like it, the likeliest first.
        near: Vec<String>,
        /// All regions that exist.
        known: Vec<String>,
    },
    /// The region exists, but the account has not opted in to it.
    #[error(
        "the region {0} is not enabled in this account: enable it (AWS console, Account, AWS Regions), or \
         leave it out"
    )]
    RegionNotEnabled(String),
    /// A URL with credentials in it.
    #[error(
        "{setting} has a user or a password in it ({shown} is the rest): AWS takes neither, and the endpoint \
         is recorded in plans, journals and reports. Nothing was sent. Leave them out of the variable, or of \
         endpoint_url in the profile"
    )]
    UserInEndpoint {
        /// The setting that contains the URL.
        setting: String,
        /// The URL without them.
        shown: String,
    },
    /// Nothing answers at the endpoint.
    #[error(
        "{endpoint} does not answer ({reason}). Check the network and the proxy{}",
        endpoint_words(.endpoint)
    )]
    NoAnswer {
        /// The endpoint: a URL, or the host of the service.
        endpoint: String,
        /// The failure of the connection.
        reason: String,
    },
    /// Any other error that AWS returned.
    #[error("AWS did not report whose credentials these are: {0}")]
    Other(String),
}

fn near_words(near: &[String], known: &[String]) -> String {
    match near {
        [] => format!("; there are {}", known.join(", ")),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

fn endpoint_words(endpoint: &str) -> &'static str {
    if endpoint.starts_with("http") {
        ", and that AWS_ENDPOINT_URL is what you mean"
    } else {
        ", and the name of the region"
    }
}

/// Connects to the account with the standard chain of credentials and regions.
pub async fn connect(settings: &Settings) -> Result<AwsAccount, ConnectError> {
    prepare(settings).await?.connect(settings).await
}

impl ConnectError {
    /// Returns whether other flags, variables or files would lead to the account, rather than another network
    /// or another day.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::Choice(_)
                | Self::OtherAccount(_)
                | Self::NoCredentials(_)
                | Self::NoRegion
                | Self::UserInEndpoint { .. }
                | Self::UnknownRegion { .. }
                | Self::RegionNotEnabled(_)
        )
    }
}

/// Opens the account of the standard chain. `clear` receives the endpoints to which everything goes in the
/// clear, before anything does; `waits` reports long waits.
///
/// # Errors
/// When the account cannot be reached, or is not one that may be.
pub async fn open(
    settings: &Settings,
    clear: impl Fn(&[String]),
    waits: Tell,
) -> Result<Opened, ConnectError> {
    let prepared = prepare(settings).await?;
    clear(&prepared.in_the_clear);
    let account = prepared.connect(settings).await?;
    account.tell_waits(waits);
    let (regions, history) = (account.regions().to_vec(), account.history());
    Ok(Opened { account: Box::new(account), regions, history })
}

/// A configuration whose endpoints have been checked. Nothing has been sent yet.
#[derive(Debug)]
pub struct Prepared {
    config: SdkConfig,
    /// The endpoints to which everything goes in the clear, each with the setting that names it.
    pub in_the_clear: Vec<String>,
}

impl Prepared {
    /// Connects to the account and identifies the caller.
    pub async fn connect(self, settings: &Settings) -> Result<AwsAccount, ConnectError> {
        paced(self.config, settings).await
    }

    /// Returns the configuration itself, after checking that it is for one of the allowed accounts.
    ///
    /// # Errors
    /// As [`connect`].
    pub(crate) async fn config(self, settings: &Settings) -> Result<SdkConfig, ConnectError> {
        let config = self.config;
        if !settings.only_accounts.is_empty() {
            credentials(&config).await?;
            let region = config.region().map_or("us-east-1", AsRef::as_ref).to_owned();
            let (_, _, account) =
                first_answer(&config, &[region], &Arc::new(Pace::new(settings.pace, config.endpoint_url())))
                    .await?;
            only(&account, &settings.only_accounts)?;
        }
        Ok(config)
    }
}

fn only(account: &str, allowed: &[String]) -> Result<(), ConnectError> {
    if allowed.is_empty() || allowed.iter().any(|a| a == account) {
        return Ok(());
    }
    Err(OtherAccount { account: account.to_owned(), only: allowed.to_vec() }.into())
}

/// Loads the configuration of the standard chain, if its endpoints may be used.
pub async fn prepare(settings: &Settings) -> Result<Prepared, ConnectError> {
    let config = config(settings).await?;
    let endpoints = endpoint::configured(&config);
    if let Some(one) = endpoints.iter().find(|one| one.has_user()) {
        return Err(ConnectError::UserInEndpoint { setting: one.setting(), shown: one.shown() });
    }
    let clear = endpoints.iter().filter(|one| one.is_in_the_clear());
    let in_the_clear = clear.map(|one| format!("{} ({})", one.shown(), one.setting())).collect();
    Ok(Prepared { config, in_the_clear })
}

/// Loads the configuration of the standard chain. Region and endpoint are the SDK's choice, which is that of
/// the AWS CLI; credentials are chosen here, since the SDK lets keys in the environment win over a profile
/// that a flag names.
async fn config(settings: &Settings) -> Result<SdkConfig, ConnectError> {
    let (way, files) = providers::way(settings.profile.as_deref())?;
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.connect_timeout)
        .operation_attempt_timeout(settings.attempt_timeout)
        .build();
    // The SDK's own retries are off everywhere: it repeats creates whose answer was lost, which makes them
    // twice.
    let loader =
        providers::loader(&way, &files).retry_config(RetryConfig::disabled()).timeout_config(timeouts);
    let config = loader.load().await;
    let provider = providers::provider(&way, &config).await;
    Ok(config.into_builder().credentials_provider(provider).build())
}

/// Connects over a configuration that is loaded already.
pub async fn over(config: SdkConfig, asked: &[String]) -> Result<AwsAccount, ConnectError> {
    paced(config, &Settings { regions: asked.to_vec(), ..Settings::default() }).await
}

async fn paced(config: SdkConfig, settings: &Settings) -> Result<AwsAccount, ConnectError> {
    let asked = settings.regions.as_slice();
    let Some((config, watch)) = Watch::over(&config) else {
        return Err(ConnectError::NoCredentials("none are configured".to_owned()));
    };
    credentials(&config).await?;
    let all = asked.iter().any(|r| r == "all");
    let configured = config.region().map(|r| r.as_ref().to_owned()).filter(|region| !region.is_empty());
    let asked: Vec<String> = match (&configured, asked) {
        _ if all => Vec::new(),
        (Some(region), []) => vec![region.clone()],
        (None, []) => return Err(ConnectError::NoRegion),
        (_, asked) => asked.to_vec(),
    };
    let own_endpoint = config.endpoint_url().is_some();
    let pace = Arc::new(Pace::new(settings.pace, config.endpoint_url()));
    let mut candidates: Vec<String> = configured.into_iter().chain(asked.first().cloned()).collect();
    // The host of a misspelt region does not exist; then another region can list the names that exist.
    candidates.push("us-east-1".to_owned());
    candidates.dedup();
    if own_endpoint {
        candidates.truncate(1);
    }
    let (clients, arn, account) = first_answer(&config, &candidates, &pace).await?;
    only(&account, &settings.only_accounts)?;
    let regions = pace::at(&pace, clients.base(), regions(&clients, asked, all)).await?;
    let partition = arn.split(':').nth(1).unwrap_or("aws").to_owned();
    let host = if own_endpoint { Fact::NotRead } else { host().await };
    let identity = Identity {
        owner: Owner { partition, account },
        caller: Caller { arn, host },
        endpoint: endpoint::place(&endpoint::configured(&config)),
    };
    Ok(AwsAccount::new(identity, clients, regions, watch))
}

async fn credentials(config: &SdkConfig) -> Result<(), ConnectError> {
    let Some(provider) = config.credentials_provider() else {
        return Err(ConnectError::NoCredentials("none are configured".to_owned()));
    };
    match tokio::time::timeout(Duration::from_secs(60), provider.provide_credentials()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            let mut reasons = vec![error.to_string()];
            let mut source = std::error::Error::source(&error);
            while let Some(inner) = source {
                reasons.push(inner.to_string());
                source = inner.source();
            }
            Err(ConnectError::NoCredentials(errors::clean(&without_stderr(&reasons.join(": ")))))
        }
        Err(_) => Err(ConnectError::NoCredentials(
            "the provider of credentials did not answer within a minute".to_owned(),
        )),
    }
}

/// Returns the reason of a failure without the stderr of a `credential_process`: nobody knows what it
/// contains.
fn without_stderr(reason: &str) -> String {
    match reason.split_once("Stderr: ") {
        Some((before, _)) => {
            format!("{before}what it wrote to stderr is left out here; run the command by hand to see it")
        }
        None => reason.to_owned(),
    }
}

/// Returns clients, ARN and account of the caller, from the first region that answers.
async fn first_answer(
    config: &SdkConfig,
    candidates: &[String],
    pace: &Arc<Pace>,
) -> Result<(Clients, String, String), ConnectError> {
    let mut failure = ConnectError::NoRegion;
    for (n, region) in candidates.iter().enumerate() {
        let clients =
            Clients::new(config.to_builder().region(Region::new(region.clone())).build(), Arc::clone(pace));
        match pace::at(pace, region, who(&clients)).await {
            Ok((arn, account)) => return Ok((clients, arn, account)),
            Err(error) => {
                let unreachable = error.class == ErrorClass::Transient;
                if n == 0 || !unreachable {
                    failure = connect_error(config, region, &error);
                }
                if !unreachable {
                    break;
                }
            }
        }
    }
    Err(failure)
}

async fn who(clients: &Clients) -> Result<(String, String), CallError> {
    let regional = clients.region("");
    let operation = "sts:GetCallerIdentity";
    let identity = reading(operation, || regional.sts().get_caller_identity().send()).await?;
    match (identity.arn, identity.account) {
        (Some(arn), Some(account)) => Ok((arn, account)),
        _ => Err(errors::in_body(operation, "Incomplete", "the answer names no account")),
    }
}

fn connect_error(config: &SdkConfig, region: &str, error: &CallError) -> ConnectError {
    match error.class {
        ErrorClass::Credentials if error.code == "NoCredentials" => {
            ConnectError::NoCredentials(error.code.clone())
        }
        ErrorClass::Credentials => ConnectError::BadCredentials(error.code.clone()),
        ErrorClass::Denied if error.code == "AuthFailure" => ConnectError::BadCredentials(error.code.clone()),
        ErrorClass::Transient => {
            let endpoint =
                config.endpoint_url().map_or_else(|| format!("sts.{region}.amazonaws.com"), str::to_owned);
            ConnectError::NoAnswer { endpoint, reason: error.message.clone() }
        }
        _ => ConnectError::Other(error.to_string()),
    }
}

/// Returns the requested regions, each checked to exist and to be enabled.
async fn regions(clients: &Clients, asked: Vec<String>, all: bool) -> Result<Vec<String>, ConnectError> {
    let regional = clients.region("");
    let listed =
        reading("ec2:DescribeRegions", || regional.ec2().describe_regions().all_regions(true).send()).await;
    let listed = match listed {
        Ok(listed) => listed.regions.unwrap_or_default(),
        // Regions named by hand can do without the list; a wrong name then shows as reads that fail.
        Err(error) if error.class == ErrorClass::Denied && !all => return Ok(unique(asked)),
        Err(error) if error.class == ErrorClass::Denied => {
            return Err(ConnectError::Denied(error.to_string()));
        }
        Err(error) => return Err(ConnectError::Other(error.to_string())),
    };
    let named = listed
        .into_iter()
        .filter_map(|r| Some((r.region_name?, r.opt_in_status.as_deref() != Some("not-opted-in"))));
    choose(&named.collect::<Vec<_>>(), asked, all)
}

/// Picks the regions out of those that exist; each comes with `true` if it is enabled.
fn choose(known: &[(String, bool)], asked: Vec<String>, all: bool) -> Result<Vec<String>, ConnectError> {
    if all {
        let mut enabled: Vec<String> =
            known.iter().filter(|(_, enabled)| *enabled).map(|(name, _)| name.clone()).collect();
        enabled.sort();
        return Ok(enabled);
    }
    for name in &asked {
        match known.iter().find(|(n, _)| n == name) {
            Some((_, true)) => {}
            Some((_, false)) => return Err(ConnectError::RegionNotEnabled(name.clone())),
            None => return Err(unknown_region(known, name)),
        }
    }
    Ok(unique(asked))
}

fn unknown_region(known: &[(String, bool)], name: &str) -> ConnectError {
    let mut near: Vec<(usize, &String)> = known
        .iter()
        .map(|(n, _)| (strsim::damerau_levenshtein(n, name), n))
        .filter(|(d, _)| *d <= 3)
        .collect();
    near.sort();
    let near = near.into_iter().take(3).map(|(_, n)| n.clone()).collect();
    ConnectError::UnknownRegion {
        name: name.to_owned(),
        near,
        known: known.iter().map(|(n, _)| n.clone()).collect(),
    }
}

fn unique(names: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    names.into_iter().filter(|n| seen.insert(n.clone())).collect()
}

/// Returns the instance that redress runs on. Off AWS nothing answers at the address of the metadata service,
/// and on AWS the service may be switched off: only the vendor of the machine distinguishes the two cases.
async fn host() -> Fact<String> {
    let disabled = std::env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|v| v.eq_ignore_ascii_case("true"));
    let asked = async {
        let timeout = Duration::from_millis(400);
        let client = aws_config::imds::Client::builder()
            .max_attempts(1)
            .connect_timeout(timeout)
            .read_timeout(timeout)
            .build();
        client.get("/latest/meta-data/instance-id").await.ok().map(|id| String::from(id.as_ref()))
    };
    let answer = if disabled {
        None
    } else {
        tokio::time::timeout(Duration::from_secs(1), asked).await.ok().flatten()
    };
    match answer {
        Some(id) if id.starts_with("i-") => Fact::Known(id),
        _ => not_told(std::fs::read_to_string("/sys/class/dmi/id/sys_vendor").ok().as_deref()),
    }
}

fn not_told(vendor: Option<&str>) -> Fact<String> {
    match vendor.map(str::trim) {
        Some(vendor) if !vendor.is_empty() && !vendor.contains("Amazon") => Fact::Absent,
        _ => Fact::unknown("the instance metadata service does not report which instance redress runs on"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<(String, bool)> {
        [("us-east-1", true), ("us-east-2", true), ("eu-west-1", true), ("af-south-1", false)]
            .map(|(n, e)| (n.to_owned(), e))
            .to_vec()
    }

    #[test]
    fn all_means_the_regions_that_are_enabled() {
        assert_eq!(
            choose(&known(), Vec::new(), true),
            Ok(vec!["eu-west-1".to_owned(), "us-east-1".to_owned(), "us-east-2".to_owned()])
        );
    }

    #[test]
    fn a_mistyped_region_is_refused_with_the_names_that_look_like_it() {
        let error = choose(&known(), vec!["us-esat-1".to_owned()], false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no region \"us-esat-1\"; did you mean us-east-1 or us-east-2?"
        );
        let error = choose(&known(), vec!["moon".to_owned()], false).unwrap_err();
        assert!(error.to_string().contains("there are us-east-1, us-east-2"), "{error}");
    }

    #[test]
    fn a_region_that_is_not_enabled_is_refused_and_one_named_twice_counts_once() {
        let not = choose(&known(), vec!["af-south-1".to_owned()], false);
        assert_eq!(not, Err(ConnectError::RegionNotEnabled("af-south-1".to_owned())));
        let twice = vec!["us-east-1".to_owned(), "us-east-1".to_owned()];
        assert_eq!(choose(&known(), twice, false), Ok(vec!["us-east-1".to_owned()]));
    }

    #[test]
    fn a_machine_of_amazon_without_metadata_may_be_any_instance() {
        assert_eq!(not_told(Some("LENOVO\n")), Fact::Absent);
        assert!(matches!(not_told(Some("Amazon EC2\n")), Fact::Unknown(_)));
        assert!(matches!(not_told(None), Fact::Unknown(_)));
    }
}
