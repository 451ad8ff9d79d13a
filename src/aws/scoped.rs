//! Sessions that are narrowed to a policy (`sts:GetScopedCredentials`,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getscopedcredentials.md>).
//! The SDK does not have the operation yet, so that its form takes the place of the one of another operation
//! of STS, before that is signed. No secret leaves this module but to the SDK.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use aws_credential_types::provider::{error::CredentialsError, future};
use aws_sdk_ec2::{
    config::{
        ConfigBag, Credentials, Intercept, ProvideCredentials, RuntimeComponents, SharedCredentialsProvider,
        interceptors::BeforeTransmitInterceptorContextMut,
    },
    error::BoxError,
};
use jiff::Timestamp;

use super::{clients::Clients, errors, only_try::put_form, retry::reading, validity::Watch};
use crate::calls::{CallError, ErrorClass};

const OPERATION: &str = "sts:GetScopedCredentials";

/// Clients behind a narrowed session.
pub struct Scoped {
    pub clients: Clients,
    pub watch: Watch,
    /// The index of the policy.
    pub by: usize,
}

/// Narrows the session of these clients to the first policy that STS takes.
pub async fn narrowed(
    clients: &Clients,
    watch: &Watch,
    policies: &[String],
    purpose: &str,
) -> Result<Scoped, CallError> {
    if !watch.is_session() {
        return Err(CallError {
            class: ErrorClass::Unsupported,
            code: "NoSession".to_owned(),
            message: "the credentials are keys of a user, and AWS narrows sessions only: use those of a role"
                .to_owned(),
        });
    }
    let mut refused = None;
    for (by, policy) in policies.iter().enumerate() {
        let provider = Provider {
            sts: clients.region("").sts().clone(),
            policy: policy.clone(),
            purpose: purpose.to_owned(),
            first: Mutex::default(),
        };
        match provider.asked().await {
            Ok(credentials) => {
                *provider.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials);
                return over(clients, provider, by);
            }
            // The packed form has a limit of its own, which nobody can compute; a wider policy is shorter.
            Err(error) if error.code.starts_with("PackedPolicyTooLarge") => refused = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(refused.unwrap_or_else(|| errors::bad_input(OPERATION, "the plan needs more than a policy can hold")))
}

fn over(clients: &Clients, provider: Provider, by: usize) -> Result<Scoped, CallError> {
    let provider = SharedCredentialsProvider::new(provider);
    let config = clients.config().to_builder().credentials_provider(provider).build();
    let (config, watch) =
        Watch::over(&config).ok_or_else(|| errors::bad_input(OPERATION, "there are no credentials"))?;
    Ok(Scoped { clients: Clients::new(config, Arc::clone(&clients.pace)).sharing(&clients.vault), watch, by })
}

/// A provider of narrowed credentials: when they end, the session that they are of is narrowed again, as long
/// as that lasts or is renewed.
#[derive(Debug)]
struct Provider {
    sts: aws_sdk_sts::Client,
    policy: String,
    purpose: String,
    /// The credentials that were asked for to see whether the policy is taken.
    first: Mutex<Option<Credentials>>,
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            if let Some(first) = self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Ok(first);
            }
            self.asked().await.map_err(|error| CredentialsError::provider_error(error.to_string()))
        })
    }
}

impl Provider {
    /// Calls `sts:GetScopedCredentials`.
    async fn asked(&self) -> Result<Credentials, CallError> {
        let form = form(&self.policy, &self.purpose);
        let answer = reading(OPERATION, || async {
            let sent =
                self.sts.get_caller_identity().customize().interceptor(Form(form.clone())).send().await;
            match sent {
                Ok(_) => Ok(None),
                // The answer is no caller's identity, which the SDK reports as an error.
                Err(error) => match error.raw_response().filter(|answer| answer.status().is_success()) {
                    Some(answer) => {
                        Ok(answer.body().bytes().and_then(|b| String::from_utf8(b.to_vec()).ok()))
                    }
                    None => Err(error),
                },
            }
        })
        .await?;
        let unread = || {
            errors::in_body(
                OPERATION,
                "Unsupported",
                "the endpoint answers, and not with narrowed credentials",
            )
        };
        answer.as_deref().and_then(credentials).ok_or_else(unread)
    }
}

/// Returns the form of the request.
fn form(policy: &str, purpose: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "GetScopedCredentials")
        .append_pair("Version", "2011-06-15")
        .append_pair("Policy", policy)
        .append_pair("ScopedSessionDescription", purpose);
    form.finish()
}

/// Returns the credentials in an answer; `None` if it holds none.
fn credentials(answer: &str) -> Option<Credentials> {
    let member = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once(&format!("</{name}>"))?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty() && !value.contains(['<', '&']))
    };
    let ends: Timestamp = member("Expiration")?.parse().ok()?;
    Some(Credentials::new(
        member("AccessKeyId")?,
        member("SecretAccessKey")?,
        Some(member("SessionToken")?),
        Some(SystemTime::from(ends)),
        "GetScopedCredentials",
    ))
}

/// An interceptor that puts a form into the place of the request's own.
#[derive(Debug, Clone)]
struct Form(String);

impl Intercept for Form {
    fn name(&self) -> &'static str {
        "GetScopedCredentials"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        put_form(context.request_mut(), self.0.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_contains_the_policy_and_the_purpose() {
        let form = form("{\"a\":\"b c\"}", "redress run 1");
        assert!(
            form.starts_with("Action=GetScopedCredentials&Version=2011-06-15&Policy=%7B%22a%22"),
            "{form}"
        );
        assert!(form.ends_with("ScopedSessionDescription=redress+run+1"), "{form}");
    }

    #[test]
    fn credentials_are_taken_whole_or_not_at_all() {
        let whole = "<R><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>a/b+c=</SecretAccessKey>\
            <SessionToken>t//==</SessionToken><Expiration>2026-11-30T12:00:00Z</Expiration></Credentials></R>";
        let read = credentials(whole).unwrap();
        assert_eq!((read.access_key_id(), read.secret_access_key()), ("ASIA1", "a/b+c="));
        assert_eq!(read.session_token(), Some("t//=="));
        assert!(read.expiry().is_some());
        for lost in ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"] {
            assert!(credentials(&whole.replace(lost, "Other")).is_none(), "{lost}");
        }
    }
}
