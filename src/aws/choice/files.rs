//! The files that name accounts and keys: the config and the credentials file, read as botocore reads them.

use std::collections::BTreeMap;

use super::{ChoiceError, IN_FORCE, Sections, Settings};

/// The profile files, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    pub(super) config: BTreeMap<String, Settings>,
    pub(super) credentials: BTreeMap<String, Settings>,
    pub(super) sso_sessions: BTreeMap<String, Settings>,
    /// Sections of the config file that profiles name: endpoints of services, sessions.
    named: Sections,
}

impl Files {
    /// Parses the two profile files, each given as its name and text.
    ///
    /// # Errors
    /// When one of them is not a profile file.
    pub fn new(config: (&str, &str), credentials: (&str, &str)) -> Result<Self, ChoiceError> {
        let mut files = Self {
            credentials: sections(credentials.0, credentials.1)?.into_iter().collect(),
            ..Self::default()
        };
        for (name, settings) in sections(config.0, config.1)? {
            if name == "default" {
                files.config.insert(name, settings);
            } else if let Some(profile) = named(&name, "profile") {
                files.config.insert(profile, settings);
            } else {
                if let Some(session) = named(&name, "sso-session") {
                    files.sso_sessions.insert(session, settings.clone());
                }
                files.named.push((name, settings));
            }
        }
        Ok(files)
    }

    /// Returns the settings of a profile from both files; the credentials file takes precedence. `None` if
    /// neither has it.
    pub(super) fn profile(&self, name: &str) -> Option<Settings> {
        let (config, credentials) = (self.config.get(name), self.credentials.get(name));
        let all =
            config.into_iter().chain(credentials).flatten().map(|(key, value)| (key.clone(), value.clone()));
        (config.is_some() || credentials.is_some()).then(|| all.collect())
    }

    /// Returns the configuration that the SDK reads: the settings of the profile in force, under the name of
    /// [`IN_FORCE`] and without its secrets. The SDK's own reader accepts less than botocore's: no colons,
    /// and no names of two words.
    pub fn in_force(&self, profile: Option<&str>) -> String {
        let mut text = String::new();
        let mut section = |name: &str, settings: &Settings| {
            text.push_str(&format!("[{name}]\n"));
            for (key, value) in settings.iter().filter(|(key, _)| !key.starts_with("aws_")) {
                text.push_str(&format!("{key} = {}\n", value.replace('\n', "\n  ")));
            }
        };
        if let Some(settings) = self.profile(profile.unwrap_or("default")) {
            section(&format!("profile {IN_FORCE}"), &settings);
        }
        self.named.iter().for_each(|(name, settings)| section(name, settings));
        text
    }

    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.config.keys().chain(self.credentials.keys()).cloned().collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Splits a profile file into its sections, as Python's `configparser` does, with which botocore reads it:
/// comments have lines of their own, indented lines continue the value before, and no section or setting may
/// occur twice.
pub(super) fn sections(file: &str, text: &str) -> Result<Sections, ChoiceError> {
    let garbled = |n: usize, why: String| ChoiceError::Garbled {
        file: file.to_owned(),
        why: format!("line {}: {why}", n + 1),
    };
    let mut all: Sections = Vec::new();
    let mut last: Option<String> = None;
    for (n, line) in text.lines().enumerate() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        if let (true, Some(key), Some((_, settings))) =
            (line.starts_with(char::is_whitespace), &last, all.last_mut())
        {
            let value = settings.entry(key.clone()).or_default();
            value.push('\n');
            value.push_str(bare);
        } else if let Some((name, _)) = bare.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
            if all.iter().any(|(known, _)| known == name) {
                return Err(garbled(n, format!("the section [{name}] occurs twice")));
            }
            all.push((name.to_owned(), Settings::new()));
            last = None;
        } else {
            let (key, value) = bare
                .split_once(['=', ':'])
                .ok_or_else(|| garbled(n, "it is neither a section nor a setting".to_owned()))?;
            let key = key.trim().to_lowercase();
            let (name, settings) =
                all.last_mut().ok_or_else(|| garbled(n, "no section comes before it".to_owned()))?;
            if settings.insert(key.clone(), value.trim().to_owned()).is_some() {
                return Err(garbled(n, format!("{key} occurs twice in [{name}]")));
            }
            last = Some(key);
        }
    }
    Ok(all)
}

/// Returns the name in a section header such as `profile "my team"`.
pub(super) fn named(section: &str, kind: &str) -> Option<String> {
    let rest = section.strip_prefix(kind)?;
    let name = rest.trim();
    let quoted = ['"', '\''].into_iter().find_map(|q| name.strip_prefix(q)?.strip_suffix(q));
    match quoted {
        _ if !rest.starts_with(char::is_whitespace) => None,
        Some(name) => Some(name.to_owned()),
        None => (!name.is_empty() && !name.contains(char::is_whitespace)).then(|| name.to_owned()),
    }
}
