//! Examples for `--help` and the manual pages, command by command; a test parses each of them. Data only.

use clap::CommandFactory;

use super::args::Cli;

/// The path of each command, with its examples.
pub const EXAMPLES: &[(&str, &[&str])] = &[
    ("demo", &["redress demo", "redress demo --reset"]),
    (
        "scan",
        &[
            "redress scan --account twin:demo",
            "redress scan --region all --check ebs-volume-unencrypted --exit-code",
            "redress scan --format json",
        ],
    ),
    (
        "events",
        &[
            "redress events --since 24h",
            "redress events --since 7d --region all --format json",
            "redress events --since 24h -o events.json",
        ],
    ),
    (
        "investigate",
        &[
            "redress investigate --access-key AKIAIOSFODNN7EXAMPLE --since 7d",
            "redress investigate --role deploy --cloudtrail logs/ -o found.json",
            "redress investigate --address 203.0.113.7 --cloudtrail logs/ --format html",
        ],
    ),
    (
        "plan",
        &[
            "redress plan -o plan.json",
            "redress plan --allow-cidr 203.0.113.0/24 --set snapshot-instance.keep_days=14",
            "redress plan --region eu-west-1 --max-changes 10",
        ],
    ),
    (
        "block",
        &[
            "redress block 203.0.113.7 --vpc vpc-0123456789abcdef0 --until 7d -o block.json",
            "redress block 2001:db8:666::/64 --subnet subnet-0123456789abcdef0",
        ],
    ),
    (
        "revoke",
        &[
            "redress revoke bo -o revoke.json",
            "redress revoke AKIAIOSFODNN7EXAMPLE --role deploy -o revoke.json",
        ],
    ),
    ("show", &["redress show plan.json", "redress show last --format markdown"]),
    (
        "sign",
        &["redress sign plan.json --key ~/.ssh/id_ed25519", "redress sign last --key ~/.ssh/id_ed25519"],
    ),
    (
        "apply",
        &[
            "redress apply plan.json",
            "redress apply plan.json --change c3",
            "redress apply plan.json --trust allowed_signers",
            "redress apply --auto-approve --max-risk disruptive",
        ],
    ),
    (
        "fix",
        &[
            "redress fix --account twin:demo",
            "redress fix --region all --allow-cidr 203.0.113.0/24",
            "redress fix plan.json --plain",
        ],
    ),
    ("runs", &["redress runs", "redress runs --format json"]),
    ("resume", &["redress resume last"]),
    ("undo", &["redress undo last", "redress undo last --change c2", "redress undo last -o undo.json"]),
    (
        "verify",
        &[
            "redress verify last",
            "redress verify last --report-back securityhub --report-back file:outcomes.json",
        ],
    ),
    ("prune", &["redress prune", "redress prune --allow-irreversible prune"]),
    ("rotations", &["redress rotations", "redress rotations --format json"]),
    ("recover", &["redress recover --region us-east-1", "redress recover -o recovered.json"]),
    ("diff", &["redress diff old.json new.json", "redress diff old.json new.json --exit-code"]),
    (
        "permissions",
        &[
            "redress permissions plan.json",
            "redress permissions --all --only read",
            "redress permissions --all --report-back",
        ],
    ),
    (
        "export",
        &[
            "redress export plan.json --to aws-cli -o scripts",
            "redress export plan.json --to aws-cli --way-back",
            "redress export plan.json --to step-functions -o machines",
        ],
    ),
    ("playbooks", &["redress playbooks", "redress playbooks show ebs-encryption"]),
    ("playbooks list", &["redress playbooks list --format json"]),
    ("playbooks show", &["redress playbooks show ebs-encryption"]),
    (
        "playbooks new",
        &[
            "redress playbooks new snapshot-instance",
            "redress playbooks new tighten-security-group -o my-playbooks/office.toml",
        ],
    ),
    ("playbooks schema", &["redress playbooks schema"]),
    ("playbooks check", &["redress playbooks check my-playbooks/"]),
    (
        "explain",
        &[
            "redress explain ebs-volume-unencrypted",
            "redress explain EC2.13",
            "redress explain encrypt-volumes",
            "redress explain plan.json#c3",
        ],
    ),
    ("completions", &["redress completions bash", "redress completions zsh", "redress completions fish"]),
    ("man", &["redress man ./man"]),
    ("actions", &["redress actions", "redress actions show encrypt-volumes"]),
    ("actions list", &["redress actions list --format json"]),
    ("actions show", &["redress actions show encrypt-volumes"]),
];

/// Builds the command line with its examples.
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    for (path, examples) in EXAMPLES {
        let text = format!("Examples:\n{}", examples.iter().map(|e| format!("  {e}\n")).collect::<String>());
        let names: Vec<&str> = path.split(' ').collect();
        command = with(command, &names, &text);
    }
    command
}

fn with(command: clap::Command, names: &[&str], text: &str) -> clap::Command {
    match names {
        [] => command.after_help(text.trim_end().to_owned()),
        [first, rest @ ..] if command.find_subcommand(first).is_some() => {
            command.mut_subcommand(*first, |sub| with(sub, rest, text))
        }
        _ => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(command: &clap::Command, before: &str, all: &mut Vec<String>) {
        for sub in command.get_subcommands() {
            let path = format!("{before}{}", sub.get_name());
            paths(sub, &format!("{path} "), all);
            all.push(path);
        }
    }

    #[test]
    fn every_command_has_examples_and_says_them_in_its_help() {
        let mut all = Vec::new();
        paths(&Cli::command(), "", &mut all);
        for path in &all {
            let examples = EXAMPLES
                .iter()
                .find(|(of, _)| of == path)
                .unwrap_or_else(|| panic!("`redress {path}` has no examples"))
                .1;
            let asked = command()
                .try_get_matches_from(format!("redress {path} --help").split(' '))
                .expect_err("help")
                .to_string();
            assert!(examples.iter().all(|e| asked.contains(e)), "{path}:\n{asked}");
        }
        assert_eq!(all.len(), EXAMPLES.len(), "an example is for a command that does not exist");
    }

    #[test]
    fn every_example_can_be_typed() {
        for example in EXAMPLES.iter().flat_map(|(_, examples)| *examples) {
            command()
                .try_get_matches_from(example.split(' '))
                .unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }
}
