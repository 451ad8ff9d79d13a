//! The distinction between credentials that end and those that are renewed.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::SystemTime,
};

use aws_config::BehaviorVersion;

use super::*;

fn credentials(feature: Feature, minutes: Option<u64>, token: bool) -> Credentials {
    let ends = minutes.map(|m| SystemTime::now() + Duration::from_secs(60 * m));
    let mut made = Credentials::new("AKIDOFATEST", "secret", token.then(|| "token".to_owned()), ends, "test");
    made.set_property(vec![feature]);
    made
}

/// A provider of these credentials, one after the other; the last again and again. `None` stands for a
/// failure.
#[derive(Debug)]
struct Gives(Vec<Option<Credentials>>, AtomicUsize);

impl ProvideCredentials for Gives {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let n = self.1.fetch_add(1, Ordering::SeqCst).min(self.0.len() - 1);
        let failed =
            || aws_credential_types::provider::error::CredentialsError::not_loaded("the session is over");
        future::ProvideCredentials::ready(self.0[n].clone().ok_or_else(failed))
    }
}

/// Returns the validity of the credentials after the SDK has got the first of these.
async fn validity(gives: Vec<Option<Credentials>>) -> Validity {
    let provider = SharedCredentialsProvider::new(Gives(gives, AtomicUsize::new(0)));
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(provider)
        .build();
    let (config, watch) = Watch::over(&config).unwrap();
    config.credentials_provider().unwrap().provide_credentials().await.unwrap();
    watch.validity().await
}

fn ends_in(validity: &Validity, minutes: i64) -> bool {
    matches!(validity, Validity::Ends(ends) if (ends.duration_since(Timestamp::now()).as_secs() - 60 * minutes).abs() < 5)
}

#[tokio::test]
async fn providers_that_renew_are_known_as_such_and_keys_that_lie_somewhere_are_not() {
    use Feature as F;
    for (feature, word) in [
        (F::CredentialsSso, "Identity Center"),
        (F::CredentialsStsAssumeRole, "role"),
        (F::CredentialsProfileStsWebIdToken, "web identity"),
        (F::CredentialsProcess, "credential_process"),
        (F::CredentialsHttp, "container"),
        (F::CredentialsImds, "instance"),
    ] {
        let told = validity(vec![Some(credentials(feature.clone(), Some(55), true))]).await;
        assert!(matches!(told, Validity::Renewed(by) if by.contains(word)), "{feature:?}: {told:?}");
    }
    for feature in [F::CredentialsEnvVars, F::CredentialsProfile] {
        assert!(
            ends_in(&validity(vec![Some(credentials(feature.clone(), Some(55), true))]).await, 55),
            "{feature:?}"
        );
        assert_eq!(
            validity(vec![Some(credentials(feature.clone(), None, true))]).await,
            Validity::Unsaid,
            "a session that does not state when it ends"
        );
        assert_eq!(validity(vec![Some(credentials(feature, None, false))]).await, Validity::Lasting);
    }
}

#[tokio::test]
async fn a_provider_that_is_to_renew_is_believed_near_the_end_only_if_it_does() {
    let sso = |minutes| Some(credentials(Feature::CredentialsSso, Some(minutes), true));
    assert!(matches!(validity(vec![sso(10), sso(60)]).await, Validity::Renewed(_)), "it has later ones");
    let same = sso(10);
    assert!(ends_in(&validity(vec![same.clone(), same]).await, 10), "it has the same ones still");
    assert!(
        ends_in(&validity(vec![sso(10), None]).await, 10),
        "its session is over: what is at hand still lasts"
    );
    assert!(
        matches!(validity(vec![sso(40), None]).await, Validity::Renewed(_)),
        "nobody is asked before it decides anything"
    );
}
