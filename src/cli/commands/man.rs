//! `redress man`: manual pages of all commands, made from their `--help`. Writes into the folder that is
//! named, and nowhere else.

use std::path::Path;

use crate::cli::shared::{examples, exit::Exit, fail::Fail, session::Session};

/// Writes the pages.
///
/// # Errors
/// When the folder cannot be written (exit 1).
pub fn run(session: &Session, dir: &Path) -> Result<Exit, Fail> {
    let fail = |error: std::io::Error| {
        Fail::failure(format!("{}: cannot write the manual pages", dir.display())).why(error.to_string())
    };
    std::fs::create_dir_all(dir).map_err(fail)?;
    clap_mangen::generate_to(examples::command(), dir).map_err(fail)?;
    session
        .out
        .say(&format!("the manual pages are in {0}; `man -l {0}/redress.1` shows the first", dir.display()));
    Ok(Exit::Done)
}
