//! The typed options, as far as commands to type next must repeat them: a command that is shown works as it
//! is, and means the same account, runs, playbooks and plan. Options from variables are not repeated, since
//! the variables are still set.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgMatches, parser::ValueSource};

use super::{fail::Fail, to_aws::is_named_again};
use crate::report::{self, safe};

/// A kind of options that are repeated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Place,
    Playbooks,
    Planning,
    /// Options that shape the plan, and that must be repeated when it is applied.
    Both,
    /// Options of `apply` and `resume` alone: signatures, and a narrowed session.
    Applying,
}

/// The options that are repeated, by their names.
const REPEATED: &[(&str, Kind)] = &[
    ("profile", Kind::Place),
    ("only-account", Kind::Place),
    ("state-dir", Kind::Place),
    ("playbooks", Kind::Playbooks),
    ("region", Kind::Planning),
    ("set", Kind::Both),
    ("allow-cidr", Kind::Both),
    ("playbook-set", Kind::Both),
    ("check", Kind::Planning),
    ("waivers", Kind::Both),
    ("findings", Kind::Planning),
    ("events-since", Kind::Planning),
    ("flow-logs", Kind::Planning),
    ("allow-observed", Kind::Planning),
    ("my-address", Kind::Planning),
    ("allow-lockout", Kind::Both),
    ("include-managed", Kind::Both),
    ("max-changes", Kind::Planning),
    ("max-percent", Kind::Planning),
    ("valid-for", Kind::Planning),
    ("trust", Kind::Applying),
    ("sign", Kind::Applying),
    ("scoped", Kind::Applying),
];

/// The pieces of a command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    command: String,
    account: String,
    place: String,
    playbooks: String,
    planning: String,
    applying: String,
}

impl Typed {
    /// Collects the typed options of the chosen command, in this environment.
    pub fn of(matches: &ArgMatches, env: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut typed = Self::default();
        let Some((command, chosen)) = matches.subcommand() else { return typed };
        let twin = chosen.try_get_one::<String>("account").ok().flatten();
        if twin.is_some_and(|twin| is_named_again(twin, env)) {
            typed.account = piece(chosen, "account");
        }
        for (name, kind) in REPEATED {
            let piece = piece(chosen, name);
            typed.add(*kind, &piece);
        }
        // `redress events` has an option of its own for this.
        if command == "events"
            && let Some(since) = values(chosen, "since").first()
        {
            typed.planning.push_str(&format!(" --events-since {since}"));
        }
        // The id of the run selects the recovery that is planned.
        if command == "recover" {
            typed.planning.extend(values(chosen, "run").iter().map(|run| format!(" {run}")));
        }
        typed
    }

    fn add(&mut self, kind: Kind, piece: &str) {
        match kind {
            Kind::Place => self.place.push_str(piece),
            Kind::Playbooks => self.playbooks.push_str(piece),
            Kind::Planning => self.planning.push_str(piece),
            Kind::Applying => self.applying.push_str(piece),
            Kind::Both => {
                self.planning.push_str(piece);
                self.applying.push_str(piece);
            }
        }
    }

    /// Takes over a command with its own arguments that makes a plan, and the settings that it made of them:
    /// the plan is applied with the same.
    pub fn made_by(&mut self, command: String, settings: &[String]) {
        self.command = command;
        for setting in settings {
            self.add(Kind::Applying, &format!(" --set {}", safe::shell(setting)));
        }
    }

    /// Returns the pieces, for reports.
    pub fn pieces(&self) -> report::Typed<'_> {
        report::Typed {
            command: &self.command,
            file: None,
            account: &self.account,
            place: &self.place,
            playbooks: &self.playbooks,
            planning: &self.planning,
            applying: &self.applying,
            claim: false,
        }
    }
}

/// Checks that no flag loosens a limit that the environment sets: both may be given, and then the flag names
/// a part of what the variable allows.
///
/// # Errors
/// When a flag names something else, or a variable cannot be read (exit 2).
pub fn only_tightened(matches: &ArgMatches, env: impl Fn(&str) -> Option<OsString>) -> Result<(), Fail> {
    let Some((_, chosen)) = matches.subcommand() else { return Ok(()) };
    let held = |id: &str, variable: &str| {
        let of_flag = matches!(chosen.try_contains_id(id), Ok(true))
            && chosen.value_source(id) == Some(ValueSource::CommandLine);
        env(variable).filter(|_| of_flag).map(|value| value.to_string_lossy().into_owned())
    };
    if let Some(held) = held("only_account", "REDRESS_ONLY_ACCOUNT") {
        let allowed: Result<Vec<String>, String> = held.split(',').map(account_id).collect();
        let allowed =
            allowed.map_err(|what| Fail::usage(format!("REDRESS_ONLY_ACCOUNT is {held:?}: {what}")))?;
        within(
            "only-account",
            "REDRESS_ONLY_ACCOUNT",
            &allowed,
            chosen.get_many::<String>("only_account").into_iter().flatten().cloned(),
        )?;
    }
    if let Some(held) = held("trust", "REDRESS_TRUST") {
        let typed = chosen
            .get_many::<PathBuf>("trust")
            .into_iter()
            .flatten()
            .map(|path| path.to_string_lossy().into_owned());
        within("trust", "REDRESS_TRUST", &[held], typed)?;
    }
    Ok(())
}

fn within(
    flag: &str,
    variable: &str,
    allowed: &[String],
    mut typed: impl Iterator<Item = String>,
) -> Result<(), Fail> {
    let Some(other) = typed.find(|value| !allowed.contains(value)) else { return Ok(()) };
    Err(Fail::usage(format!("--{flag} names {other}, and {variable} allows {} alone", allowed.join(", ")))
        .why(
            "a flag can tighten a safety limit that the environment sets, but not loosen it; nothing was \
             read or changed",
        )
        .hint(format!("leave --{flag} out, or change {variable} where it is set")))
}

/// Parses the id of an account.
///
/// # Errors
/// When the text is not an id, with advice on what to type.
pub fn account_id(text: &str) -> Result<String, String> {
    let id = text.trim();
    let digits = id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
    if digits { Ok(id.to_owned()) } else { Err("give the 12 digits of an account".to_owned()) }
}

/// Writes an option as often as it was typed.
fn piece(matches: &ArgMatches, name: &str) -> String {
    let id = name.replace('-', "_");
    // A command may lack the option.
    if matches.try_contains_id(&id).is_err() || matches.value_source(&id) != Some(ValueSource::CommandLine) {
        return String::new();
    }
    let values = values(matches, &id);
    if values.is_empty() {
        format!(" --{name}")
    } else {
        values.iter().map(|value| format!(" --{name} {value}")).collect()
    }
}

/// Returns the values of an option, quoted for a shell; none for a flag.
fn values(matches: &ArgMatches, id: &str) -> Vec<String> {
    let raw = matches.try_get_raw(id).ok().flatten().into_iter().flatten();
    let typed = raw.map(|value| value.to_string_lossy().into_owned());
    // The value of a flag is the text `true`.
    typed.filter(|value| value != "true").map(|value| safe::shell(&value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::shared::examples::command;

    fn typed(line: &str) -> Typed {
        Typed::of(&command().try_get_matches_from(line.split(' ')).expect(line), |_| None)
    }

    #[test]
    fn what_was_typed_is_repeated() {
        let typed = typed(
            "redress apply --region eu-west-1 --state-dir my/runs --allow-cidr 203.0.113.0/24 --allow-cidr \
             2001:db8::/32 --allow-lockout --jobs 2",
        );
        assert_eq!(typed.place, " --state-dir my/runs");
        assert_eq!(
            typed.planning,
            " --region eu-west-1 --allow-cidr 203.0.113.0/24 --allow-cidr 2001:db8::/32 --allow-lockout"
        );
        assert_eq!(typed.playbooks, "");
    }

    #[test]
    fn values_are_quoted_and_events_are_looked_up_again() {
        let matches = command()
            .try_get_matches_from(["redress", "events", "--since", "24h", "--playbooks", "my books"])
            .expect("a command");
        let typed = Typed::of(&matches, |_| None);
        assert_eq!(
            (typed.playbooks.as_str(), typed.planning.as_str()),
            (" --playbooks 'my books'", " --events-since 24h")
        );
    }

    #[test]
    fn a_twin_is_named_again_where_its_plan_does_not_lead_to_it() {
        assert_eq!(typed("redress apply p --account twin:demo").account, "");
        assert_eq!(typed("redress apply p --account twin:a/b.json").account, " --account twin:a/b.json");
        let line = "redress apply p --account twin:demo".split(' ');
        let matches = command().try_get_matches_from(line).expect("a command");
        let profile = |name: &str| (name == "AWS_PROFILE").then(|| OsString::from("prod"));
        assert_eq!(Typed::of(&matches, profile).account, " --account twin:demo");
    }

    #[test]
    fn a_narrowed_session_is_asked_for_again() {
        assert_eq!(typed("redress apply p --scoped").applying, " --scoped");
    }

    #[test]
    fn a_recovery_is_planned_again_for_the_same_run() {
        assert_eq!(typed("redress recover r-1 --region eu-west-1").planning, " --region eu-west-1 r-1");
        assert_eq!(typed("redress recover").planning, "");
    }

    #[test]
    fn every_option_that_is_repeated_is_one_of_plan_or_apply() {
        let plan = command();
        let plan = plan.find_subcommand("plan").expect("there is a plan");
        let all = command();
        for (name, _) in REPEATED {
            let of = |command: &clap::Command| command.get_arguments().any(|a| a.get_long() == Some(name));
            let apply = all.find_subcommand("apply").expect("there is apply");
            assert!(of(plan) || of(apply) || of(&all), "--{name}");
        }
    }
}
