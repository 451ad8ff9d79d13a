//! Reports beside stdout: files that `--report` names and the summary for CI. It only writes the output of
//! the reporters; whether a file can be written is checked before anything is done.

use std::{ffi::OsString, path::Path, path::PathBuf};

use super::{
    args::{Command, Format},
    fail::Fail,
    files, render,
    session::Session,
};
use crate::{journal::RunDocument, plan::Plan, report::Scan};

/// Returns the file for a summary that the CI system names, for the commands that have something to sum up.
pub fn of_ci(command: &Command, named: Option<OsString>) -> Option<PathBuf> {
    let sums_up = matches!(
        command,
        Command::Scan { .. }
            | Command::Events { output: None, .. }
            | Command::Plan { .. }
            | Command::Block { .. }
            | Command::Revoke(_)
            | Command::Apply { .. }
            | Command::Resume { .. }
            | Command::Undo { .. }
            | Command::Verify { .. }
            | Command::Prune { .. }
    );
    named.filter(|file| sums_up && !file.is_empty()).map(PathBuf::from)
}

/// Checks that every file that was asked for can be written, before anything is done.
///
/// # Errors
/// When a file cannot be written (exit 2).
pub fn ready(session: &Session) -> Result<(), Fail> {
    let common = &session.common;
    let reports = common.report.iter().map(|r| (&r.file, "--report"));
    let others = [(&common.summary, "--summary"), (&common.events, "--events")]
        .into_iter()
        .filter_map(|(file, flag)| Some((file.as_ref()?, flag)));
    for (file, flag) in reports.chain(others) {
        files::ready(file).map_err(|error| {
            Fail::usage(format!("{flag} {}: cannot write there", file.display()))
                .why(error.to_string())
                .hint("nothing was done; choose another place")
        })?;
    }
    Ok(())
}

/// Writes the findings of a scan to stdout and to the files.
///
/// # Errors
/// When one of them cannot be written.
pub fn findings(session: &Session, scan: &Scan<'_>) -> Result<(), Fail> {
    session.out.data(&render::findings(session, scan)?)?;
    all_files(session, |format| render::findings_as(session, scan, format))
}

/// Writes a plan to stdout and to the files.
///
/// # Errors
/// When one of them cannot be written.
pub fn plan(session: &Session, plan: &Plan, file: Option<&str>) -> Result<(), Fail> {
    session.out.data(&render::plan(session, plan, file)?)?;
    plan_files(session, plan, file)
}

/// Writes a plan as its file states it, which was compared with no account, to stdout and to the files.
///
/// # Errors
/// When one of them cannot be written.
pub fn claim(session: &Session, plan: &Plan, file: &str) -> Result<(), Fail> {
    session.out.data(&render::claim_as(session, plan, file, session.common.format)?)?;
    all_files(session, |format| render::claim_as(session, plan, file, format))
}

/// Writes a plan to the files alone.
///
/// # Errors
/// When one of them cannot be written.
pub fn plan_files(session: &Session, plan: &Plan, file: Option<&str>) -> Result<(), Fail> {
    all_files(session, |format| render::plan_as(session, plan, file, format))
}

/// Writes a plan to the file that was asked for, and shows it.
///
/// # Errors
/// When the file or stdout cannot be written.
pub fn plan_to(session: &Session, made: &Plan, output: Option<&Path>) -> Result<(), Fail> {
    match output {
        Some(path) if path.as_os_str() == "-" => {
            plan_files(session, made, None)?;
            session.out.data(&render::plan_json(made)?)
        }
        Some(path) => {
            files::keep(path, &render::plan_json(made)?, "the plan")?;
            let name = path.display().to_string();
            plan(session, made, Some(&name))?;
            session.out.say(&format!("the plan is in {name}, good until {:.0}", made.expires));
            Ok(())
        }
        None => plan(session, made, None),
    }
}

/// Writes a run to stdout and to the files.
///
/// # Errors
/// When one of them cannot be written.
pub fn run(session: &Session, run: &RunDocument, plan: &Plan) -> Result<(), Fail> {
    session.out.data(&render::run_as(session, run, plan, session.common.format)?)?;
    all_files(session, |format| render::run_as(session, run, plan, format))
}

fn all_files(session: &Session, text: impl Fn(Format) -> Result<String, Fail>) -> Result<(), Fail> {
    for report in &session.common.report {
        let text = text(report.format)?;
        files::put(&report.file, &text).map_err(|error| unwritten(&report.file, &error))?;
    }
    let Some(file) = &session.common.summary else { return Ok(()) };
    let text = text(Format::Markdown)?;
    // A step of a CI job may call redress more than once; all of it is one summary.
    let added = files::append(file)
        .and_then(|mut open| open.write_all(format!("{text}\n").as_bytes()).and_then(|()| open.flush()));
    added.map_err(|error| unwritten(file, &error))
}

fn unwritten(file: &Path, error: &std::io::Error) -> Fail {
    Fail::failure(format!("{}: cannot write the report", file.display()))
        .why(error.to_string())
        .hint("`redress show` shows plans and runs again")
}
