//! `redress sign`: signs a plan's file or a run with a key of SSH. Writes the signature beside it.

use std::path::Path;

use crate::cli::shared::{
    fail::Fail,
    files, plan_file,
    session::Session,
    signed::seal,
    signing::{beside, key},
};

/// Signs a plan's file or a run: `redress sign`.
///
/// # Errors
/// When the file is not a plan, the run is not found, or the key cannot be used.
pub fn run(session: &Session, what: &str, at: &Path) -> Result<(), Fail> {
    let key = key(at)?;
    let path = Path::new(what);
    if !plan_file::is_file(what) {
        let (_, folder) = session.run(what)?;
        return seal(session, &folder, &folder.story(), &key);
    }
    let (bytes, _) = plan_file::read_whole(path)?;
    let signature = key.sign(&bytes).map_err(|why| Fail::failure(format!("{what} is not signed: {why}")))?;
    let beside = beside(path);
    files::keep(&beside, &signature, "the signature")?;
    session.out.say(&format!("{what} is signed by {}: {}", key.fingerprint(), beside.display()));
    Ok(())
}
