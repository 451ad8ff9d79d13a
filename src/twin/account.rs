//! The twin behind the two seams of [`Account`], kept in a file between commands. The only file of the twin
//! that does IO; it must not lose a change for which a call has returned success.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{FORMAT, Twin, demo};
use crate::{
    account::{Account, Identity, Validity},
    calls::{Call, CallError, ErrorClass, Outcome, Tried},
    inventory::{Inventory, Scope},
    private,
};

/// The seed of a twin that is created from a file: the same file gives the same ids.
const SEED: u64 = 1;

/// The reason why a twin cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum TwinError {
    /// An account id was given.
    #[error(
        "{0} is the id of an AWS account, but --account chooses a twin: an AWS account is chosen by its \
         credentials. Leave --account out and use --profile (or the AWS environment variables); for a \
         try-out use --account twin:demo"
    )]
    AccountId(String),
    /// The text is neither a name nor a path.
    #[error(
        "{0:?} is not the name of a twin: a name has letters, digits, '-' and '_'; a file is given by its \
         path, e.g. twin:./inventory.json"
    )]
    BadName(String),
    /// The twin does not exist.
    #[error("there is no twin {name:?}: {} does not exist. Use --account twin:demo, or a file: --account \
             twin:./inventory.json", path.display())]
    NoSuchTwin {
        /// The name.
        name: String,
        /// The path at which it would be.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("{} cannot be {what}: {source}", path.display())]
    Io {
        /// `read` or `written`.
        what: &'static str,
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file has another format.
    #[error(
        "{} is neither an inventory (redress.inventory/1) nor a saved twin ({FORMAT}): {why}",
        path.display()
    )]
    Garbled {
        /// The path of the file.
        path: PathBuf,
        /// The error in its content.
        why: String,
    },
}

/// A twin as an account.
#[derive(Debug)]
pub struct TwinAccount {
    identity: Identity,
    twin: Mutex<Twin>,
    path: Option<PathBuf>,
    /// `true` if the file is redress's own, in the state directory, and not one that the user named.
    own: bool,
}

impl TwinAccount {
    /// Creates an account from a twin that is not saved anywhere; its endpoint is `twin:NAME`.
    pub fn new(twin: Twin, name: &str) -> Self {
        let owner = twin.truth().owner.clone();
        let identity =
            Identity { owner, caller: twin.truth().caller.clone(), endpoint: format!("twin:{name}") };
        Self { identity, twin: Mutex::new(twin), path: None, own: false }
    }

    /// Sets the file to which the twin is saved after every call.
    pub fn kept_at(mut self, path: PathBuf) -> Self {
        self.path = Some(path);
        self
    }

    /// Sets the file of the state directory to which the twin is saved after every call.
    fn kept_privately_at(mut self, path: PathBuf) -> Self {
        (self.path, self.own) = (Some(path), true);
        self
    }

    /// Opens the twin that `--account` names: `twin`, `twin:demo`, `twin:NAME` or `twin:FILE`, with or
    /// without the `twin:`.
    ///
    /// Named twins are kept in `STATE_DIR/twin/NAME.json`, and their clock is moved forward to now; `demo` is
    /// created if it does not exist. A file that holds a saved twin is saved in place; changes to the account
    /// of an inventory file are kept in the state directory, under the digest of the file, and the file is
    /// never written to.
    ///
    /// # Errors
    /// [`TwinError`], each of which states what to do.
    pub fn open(text: &str, state_dir: &Path) -> Result<Self, TwinError> {
        let name = match text.strip_prefix("twin:").unwrap_or(text) {
            "" | "twin" => "demo",
            name => name,
        };
        let account = if name.len() == 12 && name.chars().all(|c| c.is_ascii_digit()) {
            return Err(TwinError::AccountId(name.to_owned()));
        } else if name.contains(['/', '\\', '.']) {
            Self::open_file(name, state_dir)?
        } else if Self::is_name(name) {
            Self::open_name(name, state_dir)?
        } else {
            return Err(TwinError::BadName(name.to_owned()));
        };
        Ok(account)
    }

    /// Returns whether this is the name of a twin in the state directory, and not a path.
    pub fn is_name(name: &str) -> bool {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    }

    /// Creates the demo account afresh, in the place of the one that was kept.
    ///
    /// # Errors
    /// [`TwinError::Io`] where it cannot be written.
    pub fn fresh_demo(state_dir: &Path) -> Result<Self, TwinError> {
        let account =
            Self::new(demo::demo(Timestamp::now()), "demo").kept_privately_at(place(state_dir, "demo")?);
        account.save().map_err(|(path, source)| TwinError::Io { what: "written", path, source })?;
        Ok(account)
    }

    fn open_name(name: &str, state_dir: &Path) -> Result<Self, TwinError> {
        let path = place(state_dir, name)?;
        let mut twin = match load_own(&path) {
            Err(TwinError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => match name {
                "demo" => demo::demo(Timestamp::now()),
                _ => return Err(TwinError::NoSuchTwin { name: name.to_owned(), path }),
            },
            loaded => loaded?.0,
        };
        twin.catch_up(Timestamp::now());
        let account = Self::new(twin, name).kept_privately_at(path);
        // The demo is an account of its time, which is kept from the first look on. An existing file stays as
        // it is: another process may be at work on it.
        if account.path.as_ref().is_some_and(|path| !path.exists()) {
            account.save().map_err(|(path, source)| TwinError::Io { what: "written", path, source })?;
        }
        Ok(account)
    }

    fn open_file(name: &str, state_dir: &Path) -> Result<Self, TwinError> {
        let path = PathBuf::from(name);
        let (twin, digest) = match load(&path)? {
            (twin, None) => return Ok(Self::new(twin, name).kept_at(path)),
            (twin, Some(digest)) => (twin, digest),
        };
        let kept = place(state_dir, &format!("file-{digest}"))?;
        let twin = if fs::symlink_metadata(&kept).is_ok() { load_own(&kept)?.0 } else { twin };
        Ok(Self::new(twin, name).kept_privately_at(kept))
    }

    fn lock(&self) -> MutexGuard<'_, Twin> {
        self.twin.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the regions that the twin has.
    pub fn regions(&self) -> Vec<String> {
        self.lock().truth().regions.keys().cloned().collect()
    }

    /// Runs a function on the twin itself, e.g. to set its faults or to change it as somebody else would.
    pub fn with<T>(&self, f: impl FnOnce(&mut Twin) -> T) -> T {
        f(&mut self.lock())
    }

    /// Saves the twin, whole or not at all.
    fn save(&self) -> Result<(), (PathBuf, io::Error)> {
        match &self.path {
            Some(path) => save(&self.lock(), path, self.own).map_err(|e| (path.clone(), e)),
            None => Ok(()),
        }
    }
}

/// Returns the path of a twin: in a folder of the state directory that is no link to elsewhere.
fn place(state_dir: &Path, name: &str) -> Result<PathBuf, TwinError> {
    let folder = state_dir.join("twin");
    private::no_link_away(&folder).map_err(|source| TwinError::Io {
        what: "used",
        path: folder.clone(),
        source,
    })?;
    Ok(folder.join(format!("{name}.json")))
}

/// Loads a saved twin, or creates one from an inventory, then with the digest of the file.
fn load(path: &Path) -> Result<(Twin, Option<String>), TwinError> {
    parsed(path, fs::read(path))
}

/// Loads a twin as [`load`] does, from the state directory, where no link is followed.
fn load_own(path: &Path) -> Result<(Twin, Option<String>), TwinError> {
    let read = private::read(path).and_then(|mut file| {
        let mut text = Vec::new();
        io::Read::read_to_end(&mut file, &mut text).map(|_| text)
    });
    parsed(path, read)
}

fn parsed(path: &Path, read: io::Result<Vec<u8>>) -> Result<(Twin, Option<String>), TwinError> {
    let text = read.map_err(|source| TwinError::Io { what: "read", path: path.to_owned(), source })?;
    let garbled = |why: String| TwinError::Garbled { path: path.to_owned(), why };
    let json: Value = serde_json::from_slice(&text).map_err(|e| garbled(e.to_string()))?;
    match json.get("format").and_then(Value::as_str) {
        Some(FORMAT) => {
            serde_json::from_value(json).map(|twin| (twin, None)).map_err(|e| garbled(e.to_string()))
        }
        None | Some("redress.inventory/1") => {
            let inventory: Inventory = serde_json::from_value(json).map_err(|e| garbled(e.to_string()))?;
            let digest: String =
                Sha256::digest(&text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            Ok((Twin::new(inventory, SEED), Some(digest)))
        }
        Some(other) => Err(garbled(format!("its format is {other:?}"))),
    }
}

fn save(twin: &Twin, path: &Path, own: bool) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private::root(folder)?;
    }
    if own {
        return private::replace(path, &serde_json::to_vec(twin)?);
    }
    // A link that a user named stays a link, and its target keeps its mode.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&draft, serde_json::to_vec(twin)?)?;
    if let Ok(before) = fs::metadata(&path) {
        fs::set_permissions(&draft, before.permissions())?;
    }
    fs::rename(&draft, path)
}

#[async_trait]
impl Account for TwinAccount {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    async fn read(&self, scope: &Scope) -> Inventory {
        self.lock().read(scope)
    }

    async fn call(&self, call: &Call) -> Outcome {
        let outcome = self.lock().perform(call);
        match self.save() {
            Ok(()) => outcome,
            // As after a lost reply: the call took effect, but whether the effect will stay is not known.
            Err((path, error)) => {
                let message = format!("{} cannot be written: {error}", path.display());
                Err(CallError { class: ErrorClass::Transient, code: "TwinNotSaved".to_owned(), message })
            }
        }
    }

    async fn try_call(&self, call: &Call) -> Tried {
        self.lock().try_call(call)
    }

    fn now(&self) -> Timestamp {
        self.lock().now()
    }

    async fn validity(&self) -> Validity {
        self.lock().faults.credentials_end.map_or(Validity::Lasting, Validity::Ends)
    }

    async fn pause(&self, time: Duration) {
        self.lock().pass(time);
        if let Err((path, error)) = self.save() {
            tracing::warn!("{} cannot be written: {error}", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inventory::{FamilyKind, Want};

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn an_account_id_is_not_a_twin_and_the_error_says_what_to_do() {
        let dir = folder();
        for text in ["123456789012", "twin:123456789012"] {
            let error = TwinAccount::open(text, dir.path()).unwrap_err().to_string();
            assert!(error.contains("--profile"), "{error}");
        }
    }

    #[test]
    fn a_missing_or_garbled_twin_is_a_clear_error() {
        let dir = folder();
        assert!(matches!(TwinAccount::open("twin:nobody", dir.path()), Err(TwinError::NoSuchTwin { .. })));
        assert!(matches!(TwinAccount::open("twin:a b", dir.path()), Err(TwinError::BadName(_))));
        let file = dir.path().join("x.json");
        assert!(matches!(
            TwinAccount::open(file.to_str().unwrap(), dir.path()),
            Err(TwinError::Io { what: "read", .. })
        ));
        for text in [
            "",
            "{",
            "[]",
            r#"{"format":"redress.plan/1"}"#,
            r#"{"format":"redress.twin/1"}"#,
            r#"{"owner":{"partition":"aws"}}"#,
        ] {
            fs::write(&file, text).unwrap();
            assert!(
                matches!(
                    TwinAccount::open(file.to_str().unwrap(), dir.path()),
                    Err(TwinError::Garbled { .. })
                ),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn what_a_call_did_is_there_when_the_twin_is_opened_again() {
        let dir = folder();
        let call = Call::new(
            "iam",
            "us-east-1",
            "CreateRole",
            json!({ "RoleName": "kept", "AssumeRolePolicyDocument": r#"{"Statement":[{}]}"# }),
        );
        let account = TwinAccount::open("twin", dir.path()).unwrap();
        assert_eq!(account.identity().endpoint, "twin:demo");
        account.call(&call).await.unwrap();
        account.pause(Duration::from_secs(1_000_000)).await;
        let then = account.now();
        let again = TwinAccount::open("twin:demo", dir.path()).unwrap();
        assert_eq!(again.now(), then, "the clock never goes back");
        let scope = Scope::from([Want::id("", FamilyKind::Roles, "kept")]);
        assert!(again.read(&scope).await.roles.get("kept").known().is_some());
        assert!(
            TwinAccount::fresh_demo(dir.path()).unwrap().read(&scope).await.roles.get("kept").is_absent()
        );
    }

    #[tokio::test]
    async fn the_inventory_file_of_a_user_is_never_written_to() {
        let dir = folder();
        let file = dir.path().join("mine.json");
        let text = r#"{ "owner": { "partition": "aws", "account": "123456789012" }, "read_at": "2026-01-01T00:00:00Z", "roles": { "reads": { "*": { "known": null } } } }"#;
        fs::write(&file, text).unwrap();
        let name = file.to_str().unwrap();
        let call = Call::new(
            "iam",
            "",
            "CreateRole",
            json!({ "RoleName": "kept", "AssumeRolePolicyDocument": r#"{"Statement":[{}]}"# }),
        );
        TwinAccount::open(name, dir.path()).unwrap().call(&call).await.unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        let again = TwinAccount::open(name, dir.path()).unwrap();
        let scope =
            Scope::from([Want::id("", FamilyKind::Roles, "kept"), Want::id("", FamilyKind::Buckets, "b")]);
        let read = again.read(&scope).await;
        assert!(read.roles.get("kept").known().is_some());
        assert_eq!(
            read.buckets.get("b"),
            crate::inventory::Fact::NotRead,
            "a family that the file leaves out was not read"
        );
    }

    #[tokio::test]
    async fn a_twin_that_cannot_be_saved_does_not_say_that_it_was_done() {
        let dir = folder();
        let blocked = dir.path().join("not-a-folder");
        fs::write(&blocked, "").unwrap();
        let account = TwinAccount::new(demo::demo("2026-11-22T08:00:00Z".parse().unwrap()), "x")
            .kept_at(blocked.join("x.json"));
        let call = Call::new("logs", "us-east-1", "CreateLogGroup", json!({ "logGroupName": "g" }));
        assert_eq!(account.call(&call).await.unwrap_err().class, ErrorClass::Transient);
    }
}
