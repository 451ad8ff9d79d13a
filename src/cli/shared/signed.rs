//! Runs and plans that are signed, as commands use them: the signer is shown, a run is signed once it stands,
//! and what is not signed is refused.

use std::sync::Arc;

use super::{
    args::{Command, ReportBack, Signs, Trusts},
    fail::Fail,
    session::Session,
    signing::{
        Signing, allowed, key,
        sshsig::{self, Key, NAMESPACE},
    },
    store::store_fail,
};
use crate::journal::{RunFolder, Signed, Statement, Story};

/// Reads the files that a command's options name.
///
/// # Errors
/// When a file cannot be read, or has the wrong content (exit 2).
pub fn of_command(command: &Command) -> Result<Signing, Fail> {
    let nothing = (&Trusts { trust: None }, &Signs { sign: None });
    let (trusts, signs) = match command {
        Command::Apply { trusts, signs, .. }
        | Command::Resume { trusts, signs, .. }
        | Command::Undo { trusts, signs, .. } => (trusts, signs),
        Command::Prune { trusts, signs, .. } => (trusts, signs),
        Command::Fix { trusts, .. } | Command::Export { trusts, .. } => (trusts, nothing.1),
        // A check reads only and needs no signature; a report to others does.
        Command::Verify { trusts, closing, .. } if closing.report_back.contains(&ReportBack::SecurityHub) => {
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
    let trust =
        trusts.trust.as_deref().map(|path| allowed(path).map(|allowed| Arc::new((path.to_owned(), allowed))));
    let key = signs.sign.as_deref().map(|path| key(path).map(Arc::new));
    Ok(Signing { trust: trust.transpose()?, key: key.transpose()? })
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
