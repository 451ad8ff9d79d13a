//! `redress events`: CloudTrail's event history, checked against the account or saved in a file. Changes
//! nothing.

use std::path::Path;

use jiff::Timestamp;

use super::scan;
use crate::cli::shared::{
    args::PastFlags,
    exit::Exit,
    fail::Fail,
    lookup::{Lookup, Period, Sink},
    session::Session,
};

/// Looks up events: shows what our own checks find in the resources that they touched, or only saves the
/// events in a file.
///
/// # Errors
/// When the input is bad, the account cannot be opened, or the file cannot be written.
pub async fn run(
    session: &Session,
    past: &PastFlags,
    output: Option<&Path>,
    exit_code: bool,
) -> Result<Exit, Fail> {
    let period = Period::of(past.since, past.until, Timestamp::now())?;
    let mut common = session.common.clone();
    (common.events_since, common.events_until) = (Some(past.since), past.until);
    let session = &Session { common, out: session.out };
    let Some(path) = output else { return scan::run(session, exit_code, None).await };
    if !session.common.findings.is_empty() {
        return Err(Fail::usage("--findings is not read where events are only kept")
            .hint("leave out -o, or --findings"));
    }
    let lookup = Lookup::new(&session.open().await?, period, session.common.pace)?;
    let mut keep = Sink::at(path, session.out)?;
    let looked = lookup.run(session.out, &mut keep).await?;
    keep.close()?;
    if path.as_os_str() != "-" {
        session.out.say(&format!("the events are in {}: --findings {}", path.display(), path.display()));
    }
    if let Some(why) = &looked.missing {
        session.out.always(&format!("warning: not all events could be looked up: {why}"));
    }
    Ok(if looked.missing.is_some() { Exit::Held } else { Exit::Done })
}
