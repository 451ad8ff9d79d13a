//! The groups of shared options that each command takes.

use super::{
    Cli, Command,
    common::{Common, Group},
};

impl Cli {
    /// Collects the shared options that were given.
    pub fn common(&self) -> Common {
        let mut common = Common::new(&self.talk);
        self.command.groups().into_iter().for_each(|group| group.set(&mut common));
        common
    }
}

impl Command {
    /// Returns the groups of shared options that a command takes.
    pub(super) fn groups(&self) -> Vec<&dyn Group> {
        match self {
            Command::Demo { checks, state, formatted, .. } => vec![checks, state, formatted],
            Command::Scan { opens, plans, reports, .. } | Command::Plan { opens, plans, reports, .. } => {
                vec![opens, plans, reports]
            }
            Command::Events { opens, checks, reports, .. } => vec![opens, checks, reports],
            Command::Investigate(all) => vec![&all.opens, &all.checks, &all.formatted],
            Command::Block { opens, parameters, reports, .. } => vec![opens, parameters, reports],
            Command::Revoke(args) => vec![&args.opens, &args.parameters, &args.reports],
            Command::Show { stored, books, reports, .. } => vec![stored, books, reports],
            Command::Sign { stored, .. } => vec![stored],
            Command::Diff { formatted, .. } | Command::Actions { formatted, .. } => vec![formatted],
            Command::Apply { opens, plans, runs, reports, .. } => vec![opens, plans, runs, reports],
            Command::Fix { opens, plans, runs, .. } => vec![opens, plans, runs],
            Command::Runs { stored, formatted } => vec![stored, formatted],
            Command::Rotations(of) => vec![&of.opens, &of.books, &of.formatted],
            Command::Resume { account, parameters, sets, runs, reports, .. } => {
                vec![account, parameters, sets, runs, reports]
            }
            Command::Recover { opens, books, reports, .. } => vec![opens, books, reports],
            Command::Undo { account, books, runs, reports, .. } => vec![account, books, runs, reports],
            Command::Verify { account, books, events, reports, .. } => vec![account, books, events, reports],
            Command::Prune { opens, books, runs, reports, .. } => vec![opens, books, runs, reports],
            Command::Playbooks { parameters, sets, formatted, .. } => vec![parameters, sets, formatted],
            Command::Explain { stored, parameters, formatted, .. } => vec![stored, parameters, formatted],
            Command::Completions { .. }
            | Command::Man { .. }
            | Command::Export { .. }
            | Command::Permissions { .. } => Vec::new(),
        }
    }
}
