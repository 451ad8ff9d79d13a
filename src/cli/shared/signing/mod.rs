//! Signed plans and runs: a file of allowed signers (`--trust`) names those whose signatures count, and a key
//! signs (`--sign`, `redress sign`). Both are read before anything else is done. A signature covers exactly
//! the bytes of a plan's file; that of a run covers a statement that binds its plan and every record of its
//! journal.

mod allowed;
pub mod sshsig;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{Timestamp, tz::TimeZone};

use self::{
    allowed::Allowed,
    sshsig::{Key, NAMESPACE},
};
use super::fail::Fail;
use crate::{journal::Signed, report::safe};

/// The biggest file of keys or signers that is read, in bytes.
const BIGGEST: u64 = 1 << 20;

/// The signature options of the flags.
#[derive(Debug, Clone, Default)]
pub struct Signing {
    /// The trusted signers, and the file that names them; without it no signature is asked for.
    pub(super) trust: Option<Arc<(PathBuf, Allowed)>>,
    /// The key that signs runs.
    pub(super) key: Option<Arc<Key>>,
}

impl Signing {
    /// Returns whether only signed plans and runs are accepted.
    pub fn asked(&self) -> bool {
        self.trust.is_some()
    }

    /// Checks that a trusted signer has signed exactly the bytes of a file; returns `None` if no signature is
    /// asked for.
    ///
    /// # Errors
    /// When no trusted signer did (exit 2).
    pub fn of_file(&self, path: &Path, bytes: &[u8]) -> Result<Option<Signed>, Fail> {
        let Some(trust) = &self.trust else { return Ok(None) };
        let at = beside(path);
        let refused = |why: String| {
            Fail::usage(format!("{}: nobody named in {} has signed it", path.display(), trust.0.display()))
                .why(format!("{}: {why}", at.display()))
                .why("nothing was read or changed")
                .hint(format!(
                    "look at it (`redress show {0}`), then sign it: ssh-keygen -Y sign -n {NAMESPACE} -f KEY \
                     {0}",
                    shown(path)
                ))
        };
        let signature = limited(&at).map_err(refused)?;
        self.who(&signature, bytes).map(Some).map_err(refused)
    }

    /// Returns the signer of these bytes.
    pub(super) fn who(&self, signature: &[u8], bytes: &[u8]) -> Result<Signed, String> {
        let key = sshsig::signer(signature, bytes)?;
        let fingerprint = sshsig::fingerprint(&key);
        match &self.trust {
            Some(trust) => match trust.1.who(&key, Timestamp::now()) {
                Ok(by) => Ok(Signed { by: by.to_owned(), key: fingerprint }),
                Err(why) => Err(format!("it was signed by the key {fingerprint}, and {why}")),
            },
            None => Ok(Signed { by: String::new(), key: fingerprint }),
        }
    }
}

pub(super) fn limited(path: &Path) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?;
    if !size.is_file() || size.len() > BIGGEST {
        return Err(format!("it is no file, or {} bytes are too many", size.len()));
    }
    fs::read(path).map_err(|error| error.to_string())
}

pub(super) fn allowed(path: &Path) -> Result<Allowed, Fail> {
    let read =
        limited(path).and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not text".to_owned()));
    read.and_then(|text| Allowed::parse(&text, &TimeZone::system())).map_err(|why| {
        Fail::usage(format!("{}: this is no file of allowed signers: {why}", path.display()))
            .why("nothing was read or changed")
            .hint(
                "each line is: NAME namespaces=\"redress\" ssh-ed25519 AAAA... (ALLOWED SIGNERS in \
                 ssh-keygen(1))",
            )
    })
}

pub fn key(path: &Path) -> Result<Key, Fail> {
    limited(path).and_then(|text| Key::parse(&text)).map_err(|why| {
        Fail::usage(format!("{}: it cannot sign: {why}",
            path.display())).why("nothing was done").hint(format!(
            "redress signs with an ed25519 key without a passphrase; with any other, an agent or a hardware \
             key: ssh-keygen -Y sign -n {NAMESPACE} -f KEY FILE"
        ))
    })
}

/// Returns the path of a file's signature, the one that `ssh-keygen -Y sign` uses.
pub fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

fn shown(path: &Path) -> String {
    safe::shell(&path.display().to_string())
}
