//! `redress completions`: writes a completion script for a shell to stdout. It knows commands and flags; it
//! reads nothing.

use crate::cli::shared::{args::Shell, examples, exit::Exit, fail::Fail, session::Session};

/// Writes the completions for a shell.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(session: &Session, shell: Shell) -> Result<Exit, Fail> {
    session.out.data(&script(shell))?;
    Ok(Exit::Done)
}

fn script(shell: Shell) -> String {
    use clap_complete::shells::{Bash, Fish, Zsh};
    let (mut command, mut script) = (examples::command(), Vec::new());
    match shell {
        Shell::Bash => clap_complete::generate(Bash, &mut command, "redress", &mut script),
        Shell::Zsh => clap_complete::generate(Zsh, &mut command, "redress", &mut script),
        Shell::Fish => clap_complete::generate(Fish, &mut command, "redress", &mut script),
    }
    String::from_utf8_lossy(&script).into_owned()
}
