//! Explains a refused option by naming the commands that take it. Pure.

use clap::{
    Command,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::report::list;

/// Adds the commands that take an option to the error that refuses it.
pub fn explained(mut error: clap::Error, command: &Command) -> clap::Error {
    let Some(ContextValue::String(option)) =
        error.get(ContextKind::InvalidArg).filter(|_| error.kind() == ErrorKind::UnknownArgument)
    else {
        return error;
    };
    let option = option.split('=').next().unwrap_or_default().to_owned();
    let takes = |sub: &&Command| {
        option
            .strip_prefix("--")
            .is_some_and(|long| sub.get_arguments().any(|arg| arg.get_long() == Some(long)))
    };
    let takers: Vec<String> =
        command.get_subcommands().filter(takes).map(|sub| sub.get_name().to_owned()).collect();
    if takers.is_empty() {
        return error;
    }
    let (those, example) = (list(&takers), takers.first().map_or("", String::as_str));
    let tip =
        format!("'{option}' is an option of {those}; put it behind the command: redress {example} {option}");
    error.remove(ContextKind::SuggestedArg);
    error.remove(ContextKind::SuggestedSubcommand);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    error
}
