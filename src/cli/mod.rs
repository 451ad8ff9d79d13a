//! The command line: turns the arguments into calls of the engine, and its results into reports on the two
//! streams. One file for each command; nothing here decides what is done to an account, and nothing but
//! [`out`] writes to the streams.

mod account;
mod actions;
mod apply;
mod args;
mod ask;
mod completions;
mod demo;
mod diff;
mod events;
mod examples;
pub mod exit;
mod explain;
mod export;
mod fail;
mod files;
mod findings;
mod fix;
mod keys;
mod lookup;
mod man;
mod out;
mod perform;
mod permissions;
mod plan;
mod planning;
mod playbooks;
mod progress;
mod prune;
mod question;
mod recover;
mod refused;
mod render;
mod report_back;
mod resume;
mod runs;
mod scan;
mod session;
mod show;
mod signals;
mod signing;
mod state_dir;
mod summary;
mod terminal;
mod typed;
mod undo;
mod verify;
mod when;

use std::{ffi::OsString, process::ExitCode};

use clap::FromArgMatches;

use self::{
    args::{Cli, Command, Common},
    exit::Exit,
    fail::Fail,
    out::Out,
    session::Session,
    signing::Signing,
    typed::Typed,
};

/// Parses the arguments, runs the command, reports a failure, and returns the exit code.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let parsed = examples::command().try_get_matches_from(args).and_then(|matches| {
        let safety = typed::only_tightened(&matches, |name| std::env::var_os(name));
        Ok((Cli::from_arg_matches(&matches)?, Typed::of(&matches), safety))
    });
    let (cli, typed, safety) = match parsed {
        Ok(parsed) => parsed,
        // Help and version take this path too, and go to stdout with code 0.
        Err(error) => {
            let error = refused::explained(error, &examples::command());
            let (out, text) = (Out::new(false, args::Color::Auto), error.render().ansi().to_string());
            if error.use_stderr() {
                out.show_always(&text);
            } else if let Err(fail) = out.data(&text) {
                out.fail(&fail);
                return fail.exit.into();
            }
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let common = Common { typed, ..cli.common() };
    let out = Out::new(cli.talk.quiet, cli.talk.color);
    if let Err(fail) = safety {
        out.fail(&fail);
        return fail.exit.into();
    }
    log(common.verbose, out);
    let mut session = Session { common, out };
    if session.common.summary.is_none() {
        session.common.summary = summary::of_ci(&cli.command, std::env::var_os("GITHUB_STEP_SUMMARY"));
    }
    match Signing::of(&cli.command) {
        Ok(signing) => session.common.signing = signing,
        Err(fail) => {
            out.fail(&fail);
            return fail.exit.into();
        }
    }
    let exit = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let result = runtime.block_on(command(&session, cli.command));
            // A question that was left with a signal still waits for a key; nobody waits for its answer.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Fail::failure(format!("cannot start: {error}"))),
    };
    exit.unwrap_or_else(|fail| {
        out.fail(&fail);
        fail.exit
    })
    .into()
}

async fn command(session: &Session, command: Command) -> Result<Exit, Fail> {
    summary::ready(session)?;
    match command {
        Command::Demo { reset, .. } => demo::run(session, reset).await,
        Command::Scan { exit_code, save_inventory, .. } => {
            scan::run(session, exit_code, save_inventory.as_deref()).await
        }
        Command::Plan { output, exit_code, safety, .. } => {
            plan::run(session, output.as_deref(), exit_code, &safety).await
        }
        Command::Events { past, output, exit_code, .. } => {
            lookup::run(session, &past, output.as_deref(), exit_code).await
        }
        Command::Sign { what, key, .. } => signing::sign(session, &what, &key).map(|()| Exit::Done),
        Command::Diff { old, new, exit_code, .. } => diff::run(session, &old, &new, exit_code),
        Command::Show { what, .. } => show::run(session, &what),
        Command::Apply { plan, change, approval, closing, safety, .. } => {
            apply::run(session, plan.as_deref(), &change, &approval, &closing.report_back, &safety).await
        }
        Command::Fix { plan, plain, allow_irreversible, safety, .. } => {
            let approval = args::Approval { allow_irreversible, ..args::Approval::default() };
            fix::run(session, plan.as_deref(), plain, &approval, &safety).await
        }
        Command::Runs { .. } => runs::run(session),
        Command::Resume { run, approval, guards, .. } => resume::run(session, &run, &approval, &guards).await,
        Command::Recover { run, output, .. } => {
            recover::run(session, run.as_deref(), output.as_deref()).await
        }
        Command::Undo { run, change, output, approval, .. } => {
            undo::run(session, &run, &change, output.as_deref(), &approval).await
        }
        Command::Verify { run, closing, .. } => verify::run(session, &run, &closing.report_back).await,
        Command::Prune { output, approval, .. } => prune::run(session, output.as_deref(), &approval).await,
        Command::Explain { what, .. } => explain::run(session, &what),
        Command::Completions { shell } => completions::run(session, shell),
        Command::Man { dir } => man::run(session, &dir),
        Command::Playbooks { what, .. } => playbooks::run(session, what.as_ref()),
        Command::Actions { what, .. } => actions::run(session, what.as_ref()),
        Command::Export { plan, to, way_back, output, .. } => {
            export::run(session, &plan, to, way_back, output.as_deref())
        }
        Command::Permissions { plan, all, only, report_back } => {
            permissions::run(session, plan.as_deref(), all.then_some(only), report_back)
        }
    }
}

/// Sends logs to stderr. The filter keeps the SDK from showing requests, and with them tokens, at every
/// level.
fn log(verbosity: u8, out: Out) {
    // The facts and errors report the SDK's warnings as well, in better words; the log shows them only on
    // request.
    let filter =
        if verbosity == 0 { "error,redress=warn".to_owned() } else { crate::aws::log_filter(verbosity) };
    let filter = tracing_subscriber::EnvFilter::new(filter);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || out::Logged(out))
        .with_target(false)
        .without_time()
        .with_ansi(false);
    // Only the first call in a process takes effect.
    let _ = subscriber.try_init();
}
