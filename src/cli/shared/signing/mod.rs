//! Signed plans and runs: a file of allowed signers (`--trust`) names those whose signatures count, and a key
//! signs (`--sign`, `redress sign`). Both are read before anything else is done. A signature covers exactly
//! the bytes of a plan's file; that of a run covers a statement that binds its plan and every record of its
//! journal.

mod allowed;
pub mod sshsig;

use std::{fs, path::Path, path::PathBuf, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};

use self::{
    allowed::Allowed,
    sshsig::{Key, NAMESPACE},
};
use super::{
    args::{Command, ReportBack, Signs, Trusts},
    fail::Fail,
    session::Session,
    store::store_fail,
};
use crate::{
    journal::{RunFolder, Signed, Statement, Story},
    report::safe,
};

/// The biggest file of keys or signers that is read, in bytes.
const BIGGEST: u64 = 1 << 20;

/// The signature options of the flags.
#[derive(Debug, Clone, Default)]
pub struct Signing {
    /// The trusted signers, and the file that names them; without it no signature is asked for.
    trust: Option<Arc<(PathBuf, Allowed)>>,
    /// The key that signs runs.
    key: Option<Arc<Key>>,
}

impl Signing {
    /// Reads the files that a command's options name.
    ///
    /// # Errors
    /// When a file cannot be read, or has the wrong content (exit 2).
    pub fn of(command: &Command) -> Result<Self, Fail> {
        let nothing = (&Trusts { trust: None }, &Signs { sign: None });
        let (trusts, signs) = match command {
            Command::Apply { trusts, signs, .. }
            | Command::Resume { trusts, signs, .. }
            | Command::Undo { trusts, signs, .. } => (trusts, signs),
            Command::Prune { trusts, signs, .. } => (trusts, signs),
            Command::Fix { trusts, .. } | Command::Export { trusts, .. } => (trusts, nothing.1),
            // A check reads only and needs no signature; a report to others does.
            Command::Verify { trusts, closing, .. }
                if closing.report_back.contains(&ReportBack::SecurityHub) =>
            {
                (trusts, nothing.1)
            }
            _ => nothing,
        };
        if matches!(command, Command::Resume { .. }) && signs.sign.is_some() && trusts.trust.is_none() {
            return Err(Fail::usage(
                "--sign on a resumed run needs --trust: a run that nobody has signed before is not signed",
            )
            .hint("look at the run with `redress show RUN`, and sign it with `redress sign RUN --key KEY`"));
        }
        let trust = trusts
            .trust
            .as_deref()
            .map(|path| allowed(path).map(|allowed| Arc::new((path.to_owned(), allowed))));
        let key = signs.sign.as_deref().map(|path| key(path).map(Arc::new));
        Ok(Self { trust: trust.transpose()?, key: key.transpose()? })
    }

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
    fn who(&self, signature: &[u8], bytes: &[u8]) -> Result<Signed, String> {
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

/// Refuses to plan and act in one go where only a signed plan may be applied.
///
/// # Errors
/// When a signature is asked for (exit 2).
pub fn no_plan_of_its_own(session: &Session, what: &str, command: &str) -> Result<(), Fail> {
    if !session.common.signing.asked() {
        return Ok(());
    }
    Err(Fail::usage(format!(
        "{what} makes a plan that nobody has signed, and --trust (or REDRESS_TRUST) asks for a signature"
    ))
    .why("nothing was read or changed")
    .hint(format!(
        "{command} -o plan.json; ssh-keygen -Y sign -n {NAMESPACE} -f KEY plan.json; redress apply plan.json \
         --trust FILE"
    )))
}

/// Shows the signer, where a signature was asked for.
pub fn tell(session: &Session, what: &str, signed: Option<&Signed>) {
    if let Some(signed) = signed {
        session.out.say(&format!("{what} is signed by {} ({})", signed.by, signed.key));
    }
}

/// Checks that a trusted signer has signed a run as its files state it, and that the story that was read of
/// it is the same.
///
/// # Errors
/// When no trusted signer did (exit 2), or the run cannot be read.
pub fn of_run(session: &Session, folder: &RunFolder, story: &Story) -> Result<Option<Signed>, Fail> {
    let signing = &session.common.signing;
    let Some(trust) = &signing.trust else { return Ok(None) };
    let run = &story.head.run;
    let refused = |why: String| {
        Fail::usage(format!(
            "run {run}: nobody named in {} has signed it in its current state",
            trust.0.display()
        ))
        .why(why)
        .why("nothing was read or changed in the account")
        .hint(format!("look at it (`redress show {run}`), then sign it: redress sign {run} --key KEY"))
    };
    let (statement, told) = Statement::of(folder).map_err(store_fail)?;
    if told != *story {
        return Err(refused("its journal is being written".to_owned()));
    }
    let Some((text, signature)) = folder.signature().map_err(store_fail)? else {
        return Err(refused("it has no signature".to_owned()));
    };
    if text != statement.text() {
        return Err(refused(statement.unlike(&text)));
    }
    signing.who(signature.as_bytes(), text.as_bytes()).map(Some).map_err(refused)
}

/// Signs a run as it stands, where a key was given. The signature covers what this process knows of the run.
///
/// # Errors
/// When the run's files differ from that, or the signature cannot be written.
pub fn sign_run(session: &Session, folder: &RunFolder, story: &Story) -> Result<(), Fail> {
    match &session.common.signing.key {
        Some(key) => seal(session, folder, story, key),
        None => Ok(()),
    }
}

/// Returns whether the given key has signed a run as it stands, so that what this process adds can be signed
/// as well.
///
/// # Errors
/// When its files cannot be read.
pub fn signed_here(session: &Session, folder: &RunFolder, story: &Story) -> Result<bool, Fail> {
    let Some(key) = &session.common.signing.key else { return Ok(false) };
    let (statement, told) = Statement::of(folder).map_err(store_fail)?;
    let Some((text, signature)) = folder.signature().map_err(store_fail)? else { return Ok(false) };
    let by = sshsig::signer(signature.as_bytes(), text.as_bytes());
    Ok(told == *story && text == statement.text() && by.is_ok_and(|by| key.is(&by)))
}

pub fn seal(session: &Session, folder: &RunFolder, story: &Story, key: &Key) -> Result<(), Fail> {
    let run = &story.head.run;
    let (statement, told) = Statement::of(folder).map_err(store_fail)?;
    if told != *story {
        return Err(Fail::failure(format!(
            "run {run} is not signed: somebody else has written in its journal"
        ))
        .hint(format!("redress show {run}")));
    }
    let text = statement.text();
    let signature =
        key.sign(text.as_bytes()).map_err(|why| Fail::failure(format!("run {run} is not signed: {why}")))?;
    folder.keep_signature(&text, &signature).map_err(store_fail)?;
    session.out.say(&format!(
        "run {run} is signed by {}, in its state after {}",
        key.fingerprint(),
        records(statement.records)
    ));
    Ok(())
}

fn records(n: u64) -> String {
    if n == 1 { "1 record".to_owned() } else { format!("{n} records") }
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

fn limited(path: &Path) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?;
    if !size.is_file() || size.len() > BIGGEST {
        return Err(format!("it is no file, or {} bytes are too many", size.len()));
    }
    fs::read(path).map_err(|error| error.to_string())
}

fn allowed(path: &Path) -> Result<Allowed, Fail> {
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
