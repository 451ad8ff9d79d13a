//! The binary: passes its arguments to [`redress::cli::run`] and ends with the exit code that this returns.
//! It must not do anything else.

fn main() -> std::process::ExitCode {
    redress::cli::run(std::env::args_os())
}
