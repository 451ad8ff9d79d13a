//! Tests of which command takes which options.

use clap::{CommandFactory, error::ErrorKind};

use super::*;
use crate::cli::shared::refused;

/// A value for each shared option.
const SHARED: &[(&str, &str)] = &[
    ("--region", "eu-west-1"),
    ("--profile", "ops"),
    ("--only-account", "123456789012"),
    ("--account", "twin:demo"),
    ("--playbooks", "books"),
    ("--set", "snapshot-instance.keep_days=14"),
    ("--allow-cidr", "203.0.113.0/24"),
    ("--playbook-set", "cis"),
    ("--check", "EC2.13"),
    ("--findings", "found.json"),
    ("--events-since", "24h"),
    ("--jobs", "2"),
    ("--stop-at-once", "2"),
    ("--pace", "20"),
    ("--state-dir", "runs"),
    ("--format", "json"),
    ("--report", "html=plan.html"),
    ("--summary", "summary.md"),
    ("--events", "events.jsonl"),
];

/// A command line for each command, without shared options.
const LINES: &[&str] = &[
    "demo",
    "scan",
    "events --since 24h",
    "plan",
    "investigate --user bob",
    "block 203.0.113.7 --vpc vpc-1",
    "show last",
    "revoke bo",
    "sign last --key k",
    "diff a b",
    "apply",
    "fix",
    "runs",
    "rotations",
    "resume last",
    "recover",
    "undo last",
    "verify last",
    "prune",
    "playbooks",
    "explain EC2.13",
    "completions bash",
    "man dir",
    "actions",
    "export p.json --to aws-cli",
    "permissions p.json",
];

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(["redress"].into_iter().chain(line.split(' ')))
}

/// Returns the names of the shared options that a command takes.
fn taken(line: &str) -> Vec<&'static str> {
    let without = format!("{:?}", parse(line).expect(line).common());
    let mut taken = Vec::new();
    for (option, value) in SHARED {
        match parse(&format!("{line} {option} {value}")) {
            Ok(cli) => {
                assert_ne!(
                    format!("{:?}", cli.common()),
                    without,
                    "redress {line} takes {option} and forgets it"
                );
                taken.push(*option);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::UnknownArgument, "redress {line} {option}: {error}")
            }
        }
    }
    taken
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_takes_what_means_something_to_it_and_nothing_else() {
    let names: Vec<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let lines: Vec<&str> = LINES.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(lines.len(), names.len());
    assert!(names.iter().all(|name| lines.contains(&name.as_str())), "{names:?}");
    let all: Vec<&str> = SHARED.iter().map(|(option, _)| *option).collect();
    let without = |left_out: &[&str]| {
        all.iter().copied().filter(|option| !left_out.contains(option)).collect::<Vec<_>>()
    };
    assert_eq!(taken("apply"), all);
    assert_eq!(taken("fix"), without(&["--format", "--report", "--summary"]));
    assert_eq!(taken("plan"), without(&["--jobs", "--stop-at-once", "--events"]));
    assert_eq!(taken("scan"), taken("plan"));
    assert_eq!(taken("resume last"), without(&["--region", "--check", "--findings", "--events-since"]));
    assert_eq!(taken("runs"), ["--profile", "--only-account", "--pace", "--state-dir", "--format"]);
    assert_eq!(
        taken("playbooks list"),
        ["--playbooks", "--set", "--allow-cidr", "--playbook-set", "--format"]
    );
    assert_eq!(taken("completions bash"), Vec::<&str>::new());
    LINES.iter().for_each(|line| drop(taken(line)));
}

#[test]
fn an_option_of_another_command_is_refused_with_the_commands_that_take_it() {
    let refused = |line: &str| refused::explained(parse(line).unwrap_err(), &Cli::command()).to_string();
    let error = refused("resume last --findings found.json");
    assert!(
        error.contains("unexpected argument '--findings'") && error.contains("Usage: redress resume"),
        "{error}"
    );
    assert!(error.contains("tip: '--findings' is an option of scan, plan, apply and fix"), "{error}");
    let before = refused("--region eu-west-1 scan");
    assert!(
        before.contains("tip: '--region' is an option of scan, events")
            && before.contains("put it behind the command"),
        "{before}"
    );
    let unknown = refused("scan --regoin eu-west-1");
    assert!(unknown.contains("'--region'") && !unknown.contains("option of"), "{unknown}");
}

#[test]
fn no_line_of_the_help_is_wider_than_80_columns() {
    let commands =
        LINES.iter().copied().chain(["--help", "playbooks new", "playbooks schema", "actions show x"]);
    for line in commands {
        let help = parse(&format!("{line} --help")).unwrap_err().to_string();
        let wide = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "redress {line} --help");
    }
}
