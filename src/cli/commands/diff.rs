//! `redress diff`: the differences between two plans. Reads files only.

use std::path::Path;

use crate::{
    cli::shared::{args::Format, exit::Exit, fail::Fail, plan_file, render, session::Session},
    report::{compare, json},
};

/// Compares two plans.
///
/// # Errors
/// When a file is not a plan, or the format is not available for a comparison.
pub fn run(session: &Session, old: &Path, new: &Path, exit_code: bool) -> Result<Exit, Fail> {
    let what = compare::compare(&plan_file::read(old)?, &plan_file::read(new)?);
    let text = match session.common.format {
        Format::Text => compare::text(&what),
        Format::Json => json::write(&what).map_err(|error| Fail::failure(error.to_string()))?,
        Format::Markdown => compare::markdown(&what),
        format => return Err(render::not_in(format, "diff")),
    };
    session.out.data(&text)?;
    Ok(if exit_code && !what.is_same() { Exit::Pending } else { Exit::Done })
}
