//! The SDK's provider for the credentials that were chosen. It reads the profile files and the environment,
//! and decides nothing: the choice is made in [`choice`].

use std::{path::PathBuf, time::Duration};

#[expect(deprecated, reason = "the new name is that of a crate which is no dependency of ours")]
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig, credential_process::CredentialProcessProvider,
    ecs::EcsCredentialsProvider, imds::credentials::ImdsCredentialsProvider, provider_config::ProviderConfig,
    sso::SsoCredentialsProvider, sts::AssumeRoleProvider, web_identity_token,
};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};

use super::choice::{Base, ChoiceError, Files, IN_FORCE, Role, Way, choose};

/// The region in which roles are assumed where none is configured, as botocore has it: the global endpoint of
/// STS.
const ANYWHERE: &str = "us-east-1";

/// Chooses the credentials by the arguments and environment of this process and by the user's files.
///
/// # Errors
/// [`ChoiceError`].
pub fn way(profile: Option<&str>) -> Result<(Way, Files), ChoiceError> {
    let env = |name: &str| std::env::var(name).ok();
    let (config, credentials) =
        (file("AWS_CONFIG_FILE", "config")?, file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?);
    let files = Files::new((&config.0, &config.1), (&credentials.0, &credentials.1))?;
    Ok((choose(profile, &env, &files)?, files))
}

/// Returns the loader of the SDK's configuration, which receives the profile in force as it was read here.
#[expect(deprecated, reason = "the new name is that of a crate which is no dependency of ours")]
pub fn loader(way: &Way, files: &Files) -> ConfigLoader {
    let (config, credentials) = (files.in_force(way.profile.as_deref()), String::new());
    let files = ProfileFiles::builder()
        .with_contents(ProfileFileKind::Config, config)
        .with_contents(ProfileFileKind::Credentials, credentials);
    aws_config::defaults(BehaviorVersion::latest())
        .profile_files(files.build())
        .profile_name(IN_FORCE)
        .no_credentials()
}

/// Reads a profile file, and returns its name and text; a missing file is empty, even if a variable names it.
fn file(variable: &str, usual: &str) -> Result<(String, String), ChoiceError> {
    let home = || std::env::home_dir().unwrap_or_default();
    let path = match std::env::var_os(variable).map(PathBuf::from) {
        Some(path) => path.strip_prefix("~").map_or_else(|_| path.clone(), |rest| home().join(rest)),
        None => home().join(".aws").join(usual),
    };
    let name = path.display().to_string();
    if !path.is_file() {
        return Ok((name, String::new()));
    }
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(ChoiceError::Garbled { file: name, why: error.to_string() }),
    }
}

/// Returns the provider of the chosen credentials. Requests that it makes itself go where the configuration
/// directs them.
pub async fn provider(way: &Way, config: &SdkConfig) -> SharedCredentialsProvider {
    let region = config.region().cloned().unwrap_or_else(|| Region::new(ANYWHERE));
    let mut provider = base(&way.base, &region);
    for role in &way.roles {
        provider = assumed(role, provider, config, &region).await;
    }
    provider
}

fn base(base: &Base, region: &Region) -> SharedCredentialsProvider {
    let settings = ProviderConfig::default().with_region(Some(region.clone()));
    match base {
        Base::Keys(keys) => SharedCredentialsProvider::new(Credentials::new(
            &keys.id,
            &keys.secret,
            keys.token.clone(),
            None,
            "redress",
        )),
        Base::Process(command) => {
            SharedCredentialsProvider::new(CredentialProcessProvider::new(command.clone()))
        }
        Base::WebIdentity { token_file, role, session } => {
            let session_name = session
                .clone()
                .unwrap_or_else(|| format!("redress-{}", jiff::Timestamp::now().as_millisecond()));
            let fixed = web_identity_token::StaticConfiguration {
                web_identity_token_file: token_file.into(),
                role_arn: role.clone(),
                session_name,
            };
            let builder = web_identity_token::WebIdentityTokenCredentialsProvider::builder();
            SharedCredentialsProvider::new(builder.static_configuration(fixed).configure(&settings).build())
        }
        Base::Sso { session, account, role, region, start_url } => {
            let mut builder = SsoCredentialsProvider::builder().configure(&settings);
            builder = builder
                .account_id(account)
                .role_name(role)
                .region(Region::new(region.clone()))
                .start_url(start_url);
            builder.set_session_name(session.clone());
            SharedCredentialsProvider::new(builder.build())
        }
        Base::Container => {
            SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(&settings).build())
        }
        Base::Machine => {
            SharedCredentialsProvider::new(ImdsCredentialsProvider::builder().configure(&settings).build())
        }
    }
}

async fn assumed(
    role: &Role,
    with: SharedCredentialsProvider,
    config: &SdkConfig,
    region: &Region,
) -> SharedCredentialsProvider {
    let mut builder = AssumeRoleProvider::builder(&role.arn).configure(config).region(region.clone());
    if let Some(session) = &role.session {
        builder = builder.session_name(session);
    }
    if let Some(external_id) = &role.external_id {
        builder = builder.external_id(external_id);
    }
    if let Some(seconds) = role.seconds {
        builder = builder.session_length(Duration::from_secs(seconds));
    }
    SharedCredentialsProvider::new(builder.build_from_provider(with).await)
}
