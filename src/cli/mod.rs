//! The command line: turns the arguments into calls of the engine, and its results into reports on the two
//! streams. [`commands`] has one file for each command, [`shared`] what they share. Nothing here decides what
//! is done to an account, and nothing but [`shared::out`] writes to the streams.

mod commands;
mod shared;

pub use shared::exit;

use std::{ffi::OsString, process::ExitCode};

use clap::FromArgMatches;

use self::shared::{
    args::{self, Cli, Common},
    examples,
    exit::Exit,
    fail::Fail,
    out::{self, Out},
    refused,
    session::Session,
    signed, summary,
    typed::{self, Typed},
};

/// Parses the arguments, runs the command, reports a failure, and returns the exit code.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let parsed = examples::command().try_get_matches_from(args).and_then(|matches| {
        let safety = typed::only_tightened(&matches, |name| std::env::var_os(name));
        Ok((Cli::from_arg_matches(&matches)?, Typed::of(&matches, |name| std::env::var_os(name)), safety))
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
    match signed::of_command(&cli.command) {
        Ok(signing) => session.common.signing = signing,
        Err(fail) => {
            out.fail(&fail);
            return fail.exit.into();
        }
    }
    let exit = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let result = runtime.block_on(commands::run(&session, cli.command));
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
