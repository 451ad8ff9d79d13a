//! How long the credentials last, and who renews them. The provider of the standard chain is watched: whatever it gives to
//! the SDK is remembered by its source and its end, never by its secrets.

use std::{
    env,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_config::SdkConfig;
use aws_credential_types::{credential_feature::AwsCredentialFeature as Feature, provider::future};
use aws_sdk_ec2::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use jiff::Timestamp;

use crate::account::Validity;

/// How soon before its end a renewing provider is asked whether it does renew. Asking may run a process of the user's or
/// call STS, so it is not done earlier than it decides anything.
const SOON: Duration = Duration::from_secs(15 * 60);
/// How long a provider may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// A provider of credentials, watched.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    provider: SharedCredentialsProvider,
    given: Mutex<Option<Given>>,
}

/// What a provider gave last, without its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Given {
    /// Who renews it by itself; nobody renews keys of the environment or of a file.
    renewed_by: Option<&'static str>,
    ends: Option<Timestamp>,
    /// Whether it has a session token, so that it does end.
    session: bool,
}

impl ProvideCredentials for Watch {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = self.0.provider.provide_credentials().await?;
            *self.given() = Some(Given::of(&credentials));
            Ok(credentials)
        })
    }
    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.0.provider.fallback_on_interrupt()
    }
}

impl Watch {
    /// The configuration with its provider watched; nothing where it has none.
    pub fn over(config: &SdkConfig) -> Option<(SdkConfig, Self)> {
        let provider = config.credentials_provider()?;
        let watch = Self(Arc::new(Watched { provider, given: Mutex::default() }));
        let config = config.to_builder().credentials_provider(SharedCredentialsProvider::new(watch.clone())).build();
        Some((config, watch))
    }

    fn given(&self) -> MutexGuard<'_, Option<Given>> {
        self.0.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the credentials at hand last. Those of a provider that renews them do not end, unless they are about to and
    /// the provider has nothing later.
    pub async fn validity(&self) -> Validity {
        let given = *self.given();
        let Some(given) = given else { return Validity::Unsaid };
        let Some(ends) = given.ends.filter(|ends| given.renewed_by.is_some() && is_soon(*ends)) else { return given.validity() };
        let asked = tokio::time::timeout(ANSWERS_WITHIN, self.0.provider.provide_credentials()).await;
        match asked {
            Ok(Ok(next)) if Given::of(&next).ends.is_none_or(|next| next > ends) => given.validity(),
            _ => Validity::Ends(ends),
        }
    }
}

fn is_soon(ends: Timestamp) -> bool {
    Duration::try_from(ends.duration_since(Timestamp::now())).is_ok_and(|left| left < SOON) || ends <= Timestamp::now()
}

impl Given {
    fn of(credentials: &Credentials) -> Self {
        let features = credentials.get_property::<Vec<Feature>>().map_or(&[][..], Vec::as_slice);
        let ends = credentials.expiry().and_then(|ends| Timestamp::try_from(ends).ok()).or_else(|| of_environment(credentials.access_key_id()));
        Self { renewed_by: features.iter().rev().find_map(renews), ends, session: credentials.session_token().is_some() }
    }

    fn validity(self) -> Validity {
        match (self.renewed_by, self.ends) {
            (Some(by), _) => Validity::Renewed(by),
            (None, Some(ends)) => Validity::Ends(ends),
            (None, None) if self.session => Validity::Unsaid,
            (None, None) => Validity::Lasting,
        }
    }
}

/// The end of credentials in the environment, which `aws configure export-credentials` writes beside them.
fn of_environment(access_key_id: &str) -> Option<Timestamp> {
    env::var("AWS_ACCESS_KEY_ID").ok().filter(|id| id == access_key_id)?;
    env::var("AWS_CREDENTIAL_EXPIRATION").ok()?.parse().ok()
}

/// The provider behind a mark that the SDK puts on credentials, if it renews them by itself
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>).
fn renews(feature: &Feature) -> Option<&'static str> {
    match feature {
        Feature::CredentialsSso | Feature::CredentialsProfileSso => Some("IAM Identity Center"),
        Feature::CredentialsStsAssumeRole | Feature::CredentialsStsAssumeRoleSaml => Some("the profile, by assuming its role again"),
        Feature::CredentialsStsAssumeRoleWebId | Feature::CredentialsProfileStsWebIdToken | Feature::CredentialsEnvVarsStsWebIdToken => {
            Some("the web identity token")
        }
        Feature::CredentialsProcess | Feature::CredentialsProfileProcess => Some("the credential_process of the profile"),
        Feature::CredentialsHttp => Some("the container"),
        Feature::CredentialsImds => Some("the instance"),
        Feature::CredentialsLogin | Feature::CredentialsProfileLogin => Some("`aws login`"),
        // Keys that lie somewhere: nobody puts others there while redress runs. The list of marks is open.
        _ => None,
    }
}

#[cfg(test)]
#[path = "validity_tests.rs"]
mod tests;
