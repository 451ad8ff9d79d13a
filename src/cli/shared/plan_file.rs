//! Plan files that commands read: whole, as they were written, signed where a signature is asked for, and for
//! the account that is open. Reads files only.

use std::path::Path;

use super::{account::OpenAccount, fail::Fail, session::Session, signed};
use crate::{
    journal::Signed,
    plan::{Plan, digest},
};

/// The biggest plan file that is read, in bytes.
const BIGGEST: u64 = 256 << 20;

/// Reads a plan file and checks that it is whole.
///
/// # Errors
/// When the file is not found, is too big, or is not a plan as it was written (exit 2).
pub fn read(path: &Path) -> Result<Plan, Fail> {
    read_whole(path).map(|(_, plan)| plan)
}

/// Reads a plan file that is to be acted on, and checks that it is signed where a signature is asked for.
///
/// # Errors
/// As [`read`], and when nobody who is trusted has signed exactly this file (exit 2).
pub fn read_trusted(session: &Session, path: &Path) -> Result<(Plan, Option<Signed>), Fail> {
    let (bytes, plan) = read_whole(path)?;
    let signed = session.common.signing.of_file(path, &bytes)?;
    signed::tell(session, &path.display().to_string(), signed.as_ref());
    Ok((plan, signed))
}

/// Reads a plan and returns it with the bytes of its file.
///
/// # Errors
/// As [`read`].
pub fn read_whole(path: &Path) -> Result<(Vec<u8>, Plan), Fail> {
    let name = path.display();
    let fail = |error: std::io::Error| {
        Fail::usage(format!("{name}: cannot read the plan"))
            .why(error.to_string())
            .hint("`redress plan -o FILE` writes one")
    };
    let size = std::fs::metadata(path).map_err(fail)?.len();
    if size > BIGGEST {
        return Err(Fail::usage(format!("{name}: {size} bytes are too many for a plan"))
            .hint("is it the right file?"));
    }
    let bytes = std::fs::read(path).map_err(fail)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Fail::usage(format!("{name}: this is not a plan file: it is not text"))
            .hint("give a file that `redress plan -o FILE` wrote")
    })?;
    let plan = digest::parse(text).map_err(|error| Fail::usage(format!("{name}: {error}")))?;
    Ok((bytes, plan))
}

/// Checks that a plan is for the account behind this door, and still valid.
///
/// # Errors
/// When the account or endpoint differs, or the plan has expired (exit 2).
pub fn fits(plan: &Plan, door: &OpenAccount) -> Result<(), Fail> {
    let who = door.account.identity();
    digest::check_fit(plan, &who.owner.account, &who.owner.partition, &who.endpoint, door.account.now())
        .map_err(|error| Fail::usage(error.to_string()).why("nothing was changed"))
}

/// Returns whether an argument names a file, or looks like one, rather than a run.
pub fn is_file(what: &str) -> bool {
    let path = Path::new(what);
    path.exists() || what.contains(['/', '\\']) || path.extension().is_some_and(|e| e == "json")
}
