//! The choice of credentials from flags, environment and profile files, made as AWS's own tools make it. Pure
//! functions over the texts of the files and the variables; the chosen credentials are fetched elsewhere.
//!
//! The order is that of botocore, and so of the AWS CLI
//! (<https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html>); a test compares it with
//! botocore itself. Where two variables mean the same, the one that the AWS CLI 2 reads first comes first. A
//! profile that was asked for and is missing is an error, and so is half of a pair of keys: neither ever
//! leads to other credentials.

mod files;

use std::collections::BTreeMap;

pub use files::Files;

/// The name under which the SDK reads the profile in force.
pub const IN_FORCE: &str = "in-force";

/// The sections of a profile file in their order, each with its settings.
type Sections = Vec<(String, BTreeMap<String, String>)>;
/// The settings of one profile.
type Settings = BTreeMap<String, String>;

/// The lookup of an environment variable by name; `None` for a variable that is not set.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The reason why credentials cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// The profile that was asked for is in neither file.
    #[error(
        "there is no profile {name:?}, which {by} names{}. Nothing else is taken in its place: correct the \
         name, or make the profile with `aws configure`",
        known_words(.known)
    )]
    NoSuchProfile {
        /// The name.
        name: String,
        /// The flag or variable that names it.
        by: &'static str,
        /// The profiles that there are.
        known: Vec<String>,
    },
    /// Only one half of a pair is given.
    #[error(
        "{place} has only a part of the credentials: {missing} is missing. Nothing else is taken in their \
         place"
    )]
    Partial {
        /// The place of the incomplete pair.
        place: String,
        /// The missing half.
        missing: &'static str,
    },
    /// A profile contradicts itself, or leads nowhere.
    #[error("the profile {profile:?} cannot be used: {why}")]
    Invalid {
        /// The profile.
        profile: String,
        /// The contradiction or the dead end.
        why: String,
    },
    /// A source of credentials that redress does not support.
    #[error(
        "the profile {profile:?} {what}, which redress cannot do itself. Let the AWS CLI do it: `eval \
         \"$(aws configure export-credentials --profile {profile} --format env)\"`, and leave the profile \
         out"
    )]
    Unsupported {
        /// The profile.
        profile: String,
        /// The unsupported feature that the profile asks for.
        what: &'static str,
    },
    /// A file that is no profile file.
    #[error("{file} cannot be read as a profile file: {why}")]
    Garbled {
        /// The path of the file.
        file: String,
        /// The reason why it cannot be read.
        why: String,
    },
}

fn known_words(known: &[String]) -> String {
    match known {
        [] => "; there are no profiles".to_owned(),
        known => format!("; there are {}", known.join(", ")),
    }
}

/// A pair of keys, with the token that belongs to keys that end.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The id, which every request shows.
    pub id: String,
    /// The secret, which none shows.
    pub secret: String,
    /// The token.
    pub token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The source of credentials before any role is assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Keys from the environment or a file.
    Keys(Keys),
    /// The output of a command.
    Process(String),
    /// A role, for a token in a file.
    WebIdentity {
        /// The file of the token.
        token_file: String,
        /// The role.
        role: String,
        /// The name of the session.
        session: Option<String>,
    },
    /// A role of IAM Identity Center, for the token that `aws sso login` keeps.
    Sso {
        /// The section of the session; `None` where the profile itself has all settings.
        session: Option<String>,
        /// The account.
        account: String,
        /// The role.
        role: String,
        /// The region of Identity Center.
        region: String,
        /// Its start page.
        start_url: String,
    },
    /// The credentials endpoint that the environment of a container names.
    Container,
    /// The role of the machine, if it has one.
    Machine,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// The name of the session.
    pub session: Option<String>,
    /// The external id that its trust policy asks for.
    pub external_id: Option<String>,
    /// The length of the session, in seconds.
    pub seconds: Option<u64>,
}

/// The chosen source of credentials, and the roles that are assumed with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The profile that was asked for; without one the settings of `default` are in force, where there are
    /// any.
    pub profile: Option<String>,
    /// The first credentials.
    pub base: Base,
    /// Roles that are assumed one after the other.
    pub roles: Vec<Role>,
}

/// Chooses the credentials, for the profile that a flag names, if one does.
///
/// # Errors
/// [`ChoiceError`]: nothing is ever taken in the place of what was asked for.
pub fn choose(flag: Option<&str>, env: Variables<'_>, files: &Files) -> Result<Way, ChoiceError> {
    let variable = |name: &'static str| env(name).map(|value| (value, name));
    // The AWS CLI 2 reads them in this order, botocore the other way round.
    let of_variable = || variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
    let asked = flag.map(|name| (name.to_owned(), "--profile")).or_else(of_variable);
    if let Some((name, by)) = asked.as_ref().filter(|(name, _)| files.profile(name).is_none()) {
        return Err(ChoiceError::NoSuchProfile { name: name.clone(), by, known: files.names() });
    }
    let profile = asked.map(|(name, _)| name);
    let chooser = Chooser { env, files };
    let name = profile.as_deref().unwrap_or("default");
    // A profile that a flag names overrides all variables that hold credentials.
    let by_flag = flag.is_some();
    let mut roles = Vec::new();
    let base = match (by_flag, chooser.environment()) {
        (false, keys) => keys?,
        (true, _) => None,
    };
    let base = match base {
        Some(keys) => Base::Keys(keys),
        None => match chooser.role_or_own(name, by_flag, &mut roles)? {
            Some(base) => base,
            None => chooser.surroundings(),
        },
    };
    // The role of the profile that was asked for is assumed last.
    roles.reverse();
    Ok(Way { profile, base, roles })
}

struct Chooser<'a> {
    env: Variables<'a>,
    files: &'a Files,
}

impl Chooser<'_> {
    fn set(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    fn environment(&self) -> Result<Option<Keys>, ChoiceError> {
        let Some(id) = self.set("AWS_ACCESS_KEY_ID") else { return Ok(None) };
        let missing =
            || ChoiceError::Partial { place: "the environment".to_owned(), missing: "AWS_SECRET_ACCESS_KEY" };
        let secret = self.set("AWS_SECRET_ACCESS_KEY").ok_or_else(missing)?;
        let token = self.set("AWS_SECURITY_TOKEN").or_else(|| self.set("AWS_SESSION_TOKEN"));
        Ok(Some(Keys { id, secret, token }))
    }

    /// Returns the credentials of the environment in which the program runs: of its container or machine.
    fn surroundings(&self) -> Base {
        let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        if container.iter().any(|name| (self.env)(name).is_some()) { Base::Container } else { Base::Machine }
    }

    /// Returns the credentials of the profile in force: those of a role that it names, or its own.
    fn role_or_own(
        &self,
        name: &str,
        by_flag: bool,
        roles: &mut Vec<Role>,
    ) -> Result<Option<Base>, ChoiceError> {
        match self.files.profile(name) {
            Some(profile) if assumes(&profile) => {
                self.assumed(name, &mut vec![name.to_owned()], roles).map(Some)
            }
            _ => self.own(name, by_flag),
        }
    }

    /// Returns the credentials with which a role is assumed. Collects roles from the last that is assumed to
    /// the first.
    fn assumed(
        &self,
        name: &str,
        visited: &mut Vec<String>,
        roles: &mut Vec<Role>,
    ) -> Result<Base, ChoiceError> {
        let invalid = |why: String| ChoiceError::Invalid { profile: name.to_owned(), why };
        let profile = self.files.profile(name).unwrap_or_default();
        let get = |key: &str| profile.get(key).cloned();
        if profile.contains_key("mfa_serial") {
            return Err(ChoiceError::Unsupported {
                profile: name.to_owned(),
                what: "asks for the code of an MFA device",
            });
        }
        let seconds = get("duration_seconds").and_then(|text| text.parse().ok());
        roles.push(Role {
            arn: get("role_arn").unwrap_or_default(),
            session: get("role_session_name"),
            external_id: get("external_id"),
            seconds,
        });
        match (get("source_profile"), get("credential_source")) {
            (Some(_), Some(_)) => Err(invalid("it has both source_profile and credential_source".to_owned())),
            (None, None) => Err(ChoiceError::Partial {
                place: format!("the profile {name:?}"),
                missing: "source_profile or credential_source",
            }),
            (None, Some(source)) => self.source(name, &source),
            (Some(source), None) => {
                let Some(of_source) = self.files.profile(&source) else {
                    return Err(invalid(format!("its source_profile {source:?} does not exist")));
                };
                // A profile may be its own source where it has keys.
                if visited.contains(&source) && !(source == name && has_keys(&of_source)) {
                    return Err(invalid(format!("its source_profile {source:?} leads back to itself")));
                }
                visited.push(source.clone());
                if !has_keys(&of_source) && assumes(&of_source) {
                    return self.assumed(&source, visited, roles);
                }
                self.own(&source, true)?
                    .ok_or_else(|| invalid(format!("its source_profile {source:?} has no credentials")))
            }
        }
    }

    fn source(&self, name: &str, source: &str) -> Result<Base, ChoiceError> {
        let invalid = |why: String| ChoiceError::Invalid { profile: name.to_owned(), why };
        match source {
            "Environment" => {
                let none = || {
                    invalid(
                        "its credential_source is Environment, and the environment has no credentials"
                            .to_owned(),
                    )
                };
                self.environment()?.map(Base::Keys).ok_or_else(none)
            }
            "EcsContainer" => match self.surroundings() {
                Base::Container => Ok(Base::Container),
                _ => Err(invalid(
                    "its credential_source is EcsContainer, and the environment names none".to_owned(),
                )),
            },
            "Ec2InstanceMetadata" => Ok(Base::Machine),
            other => Err(invalid(format!(
                "there is no credential_source {other:?}: give Environment, EcsContainer or \
                 Ec2InstanceMetadata"
            ))),
        }
    }

    /// Returns the credentials of a profile itself, in botocore's order.
    fn own(&self, name: &str, by_flag: bool) -> Result<Option<Base>, ChoiceError> {
        let profile = self.files.profile(name).unwrap_or_default();
        if let Some(base) = self.web_identity(name, &profile, by_flag)? {
            return Ok(Some(base));
        }
        if let Some(base) = self.sso(name, &profile)? {
            return Ok(Some(base));
        }
        if let Some(keys) = keys("credentials file", name, self.files.credentials.get(name))? {
            return Ok(Some(Base::Keys(keys)));
        }
        if profile.contains_key("login_session") {
            return Err(ChoiceError::Unsupported {
                profile: name.to_owned(),
                what: "uses the session of `aws login`",
            });
        }
        if let Some(command) = profile.get("credential_process") {
            return Ok(Some(Base::Process(command.clone())));
        }
        Ok(keys("config file", name, self.files.config.get(name))?.map(Base::Keys))
    }

    fn web_identity(
        &self,
        name: &str,
        profile: &Settings,
        by_flag: bool,
    ) -> Result<Option<Base>, ChoiceError> {
        let get = |key: &str, variable: &str| {
            if by_flag { None } else { (self.env)(variable) }.or_else(|| profile.get(key).cloned())
        };
        let Some(token_file) =
            get("web_identity_token_file", "AWS_WEB_IDENTITY_TOKEN_FILE").filter(|file| !file.is_empty())
        else {
            return Ok(None);
        };
        let missing = || ChoiceError::Invalid {
            profile: name.to_owned(),
            why: "there is a token for a role, and no role_arn or AWS_ROLE_ARN".to_owned(),
        };
        let role = get("role_arn", "AWS_ROLE_ARN").filter(|role| !role.is_empty()).ok_or_else(missing)?;
        Ok(Some(Base::WebIdentity {
            token_file,
            role,
            session: get("role_session_name", "AWS_ROLE_SESSION_NAME"),
        }))
    }

    fn sso(&self, name: &str, profile: &Settings) -> Result<Option<Base>, ChoiceError> {
        if !profile.contains_key("sso_role_name") && !profile.contains_key("sso_account_id") {
            return Ok(None);
        }
        let invalid = |why: String| ChoiceError::Invalid { profile: name.to_owned(), why };
        let session = profile.get("sso_session");
        let of_session = match session.map(|session| (session, self.files.sso_sessions.get(session))) {
            Some((session, None)) => {
                return Err(invalid(format!("its sso_session {session:?} does not exist")));
            }
            Some((_, Some(settings))) => settings.clone(),
            None => Settings::new(),
        };
        if let Some((key, _)) =
            of_session.iter().find(|(key, value)| profile.get(*key).is_some_and(|own| own != *value))
        {
            return Err(invalid(format!("it and its sso_session differ in {key}")));
        }
        let get = |key: &str| {
            profile
                .get(key)
                .or_else(|| of_session.get(key))
                .cloned()
                .ok_or_else(|| invalid(format!("it uses SSO and has no {key}")))
        };
        Ok(Some(Base::Sso {
            session: session.cloned(),
            account: get("sso_account_id")?,
            role: get("sso_role_name")?,
            region: get("sso_region")?,
            start_url: get("sso_start_url")?,
        }))
    }
}

/// Returns whether a profile assumes a role with other credentials.
fn assumes(profile: &Settings) -> bool {
    profile.contains_key("role_arn") && !profile.contains_key("web_identity_token_file")
}

fn has_keys(profile: &Settings) -> bool {
    ["aws_access_key_id", "aws_secret_access_key"].iter().any(|key| profile.contains_key(*key))
}

/// Returns the keys that a file has for a profile.
fn keys(file: &str, name: &str, settings: Option<&Settings>) -> Result<Option<Keys>, ChoiceError> {
    let Some((settings, id)) =
        settings.and_then(|settings| Some((settings, settings.get("aws_access_key_id")?)))
    else {
        return Ok(None);
    };
    let missing = || ChoiceError::Partial {
        place: format!("the profile {name:?} in the {file}"),
        missing: "aws_secret_access_key",
    };
    let secret = settings.get("aws_secret_access_key").ok_or_else(missing)?.clone();
    let token = settings.get("aws_security_token").or_else(|| settings.get("aws_session_token")).cloned();
    Ok(Some(Keys { id: id.clone(), secret, token }))
}
