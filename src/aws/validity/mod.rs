//! The lifetime of the credentials and their renewal. The provider of the standard chain is watched: the
//! source and the end of the credentials that it gives to the SDK are recorded, never their secrets.

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

/// The time before their end from which a renewing provider is asked for newer credentials. Asking may run a
/// process of the user's or call STS, so it is not done before the answer matters.
const SOON: Duration = Duration::from_secs(15 * 60);
/// The longest time that a provider may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// A provider of credentials, watched.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    provider: SharedCredentialsProvider,
    given: Mutex<Option<Given>>,
}

/// The credentials that a provider gave last, without their secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Given {
    /// The source that renews them by itself; `None` for keys of the environment or of a file, which nothing
    /// renews.
    renewed_by: Option<&'static str>,
    ends: Option<Timestamp>,
    /// `true` with a session token, so that they do end.
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
    /// Returns the configuration with its provider watched; `None` where it has none.
    pub fn over(config: &SdkConfig) -> Option<(SdkConfig, Self)> {
        let provider = config.credentials_provider()?;
        let watch = Self(Arc::new(Watched { provider, given: Mutex::default() }));
        let config =
            config.to_builder().credentials_provider(SharedCredentialsProvider::new(watch.clone())).build();
        Some((config, watch))
    }

    fn given(&self) -> MutexGuard<'_, Option<Given>> {
        self.0.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the credentials at hand are those of a session: keys of a user have no token.
    pub fn is_session(&self) -> bool {
        self.given().is_some_and(|given| given.session)
    }

    /// Returns the validity of the credentials at hand. Those of a provider that renews them do not end,
    /// unless they are about to and the provider has none that end later.
    pub async fn validity(&self) -> Validity {
        let given = *self.given();
        let Some(given) = given else { return Validity::Unsaid };
        let Some(ends) = given.ends.filter(|ends| given.renewed_by.is_some() && is_soon(*ends)) else {
            return given.validity();
        };
        let asked = tokio::time::timeout(ANSWERS_WITHIN, self.0.provider.provide_credentials()).await;
        match asked {
            Ok(Ok(next)) if Given::of(&next).ends.is_none_or(|next| next > ends) => given.validity(),
            _ => Validity::Ends(ends),
        }
    }
}

fn is_soon(ends: Timestamp) -> bool {
    Duration::try_from(ends.duration_since(Timestamp::now())).is_ok_and(|left| left < SOON)
        || ends <= Timestamp::now()
}

impl Given {
    fn of(credentials: &Credentials) -> Self {
        let features = credentials.get_property::<Vec<Feature>>().map_or(&[][..], Vec::as_slice);
        let ends = credentials
            .expiry()
            .and_then(|ends| Timestamp::try_from(ends).ok())
            .or_else(|| of_environment(credentials.access_key_id()));
        Self {
            renewed_by: features.iter().rev().find_map(renews),
            ends,
            session: credentials.session_token().is_some(),
        }
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

/// Returns the end of credentials in the environment, which `aws configure export-credentials` writes beside
/// them.
fn of_environment(access_key_id: &str) -> Option<Timestamp> {
    env::var("AWS_ACCESS_KEY_ID").ok().filter(|id| id == access_key_id)?;
    env::var("AWS_CREDENTIAL_EXPIRATION").ok()?.parse().ok()
}

/// Returns the source behind a feature mark that the SDK puts on credentials, if it renews them by itself
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>).
fn renews(feature: &Feature) -> Option<&'static str> {
    match feature {
        Feature::CredentialsSso | Feature::CredentialsProfileSso => Some("IAM Identity Center"),
        Feature::CredentialsStsAssumeRole | Feature::CredentialsStsAssumeRoleSaml => {
            Some("the profile, by assuming its role again")
        }
        Feature::CredentialsStsAssumeRoleWebId
        | Feature::CredentialsProfileStsWebIdToken
        | Feature::CredentialsEnvVarsStsWebIdToken => Some("the web identity token"),
        Feature::CredentialsProcess | Feature::CredentialsProfileProcess => {
            Some("the credential_process of the profile")
        }
        Feature::CredentialsHttp => Some("the container"),
        Feature::CredentialsImds => Some("the instance"),
        Feature::CredentialsLogin | Feature::CredentialsProfileLogin => Some("`aws login`"),
        // Static keys: nobody replaces them while redress runs. The list of marks is open.
        _ => None,
    }
}

#[cfg(test)]
mod tests;
