//! The binary: hands its arguments to [`redress::cli::run`] and ends with what that says. It must not do anything else.

fn main() -> std::process::ExitCode {
    redress::cli::run(std::env::args_os())
}
