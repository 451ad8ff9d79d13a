//! Files and folders that are private to their owner, whatever the umask: runs and locks determine the calls
//! in an account when they are resumed. No link is followed to one, so that nobody can point a name that
//! redress writes at another file.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

/// Creates a folder that the user has named, and missing ones above it, for the owner alone. It may be a
/// link.
///
/// # Errors
/// The error if it cannot be created.
pub fn root(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Creates a folder inside an existing one, for the owner alone. An existing one stays as it is.
///
/// # Errors
/// The error if it cannot be created, or if the existing entry is a link or no folder.
pub fn folder(path: &Path) -> io::Result<()> {
    match new_folder(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            no_link(path, fs::Metadata::is_dir, "a folder")
        }
        made => made,
    }
}

/// Creates a folder that must not exist yet, for the owner alone.
///
/// # Errors
/// The error if it cannot be created, or exists.
pub fn new_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens a file to read and write; a missing one is created for the owner alone.
///
/// # Errors
/// The error if it cannot be opened, or if the existing entry is a link or no file.
pub fn open(path: &Path) -> io::Result<File> {
    match new_file(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            existing(path, OpenOptions::new().read(true).write(true))
        }
        made => made,
    }
}

/// Opens a file to read.
///
/// # Errors
/// The error if it does not exist or cannot be opened, or if the existing entry is a link or no file.
pub fn read(path: &Path) -> io::Result<File> {
    existing(path, OpenOptions::new().read(true))
}

/// Creates a file that must not exist yet, for the owner alone.
///
/// # Errors
/// The error if it cannot be created, or if anything of its name exists.
pub fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // A file that must be new is never created through a link:
    // https://man7.org/linux/man-pages/man2/open.2.html, O_EXCL.
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Puts a file into its place, whole or not at all; an existing entry of this name, a link included, is
/// replaced.
///
/// # Errors
/// The error if it cannot be written.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let draft = unique(path);
    let written =
        new_file(&draft).and_then(|mut file| file.write_all(text)).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The draft may never have been created.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Checks that files can be created in a folder.
///
/// # Errors
/// The reason if they cannot.
pub fn writable(folder: &Path) -> io::Result<()> {
    let probe = unique(&folder.join(".writable"));
    new_file(&probe)?;
    fs::remove_file(&probe)
}

/// Returns a name beside this one that no other process or thread uses.
fn unique(path: &Path) -> PathBuf {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let now = jiff::Timestamp::now().as_nanosecond();
    path.with_extension(format!("{}-{now}-{next}.tmp", std::process::id()))
}

/// Opens an existing file, and checks that it is the entry of this name, not the target of a link of this
/// name.
fn existing(path: &Path, options: &OpenOptions) -> io::Result<File> {
    no_link(path, fs::Metadata::is_file, "a file")?;
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (named, opened) = (fs::symlink_metadata(path)?, file.metadata()?);
        if (named.dev(), named.ino()) != (opened.dev(), opened.ino()) {
            return Err(io::Error::other("it was replaced while it was being opened"));
        }
    }
    Ok(file)
}

/// Checks that a folder, if it exists, is no link to elsewhere.
///
/// # Errors
/// The error if it is a link, or no folder.
pub fn no_link_away(folder: &Path) -> io::Result<()> {
    match no_link(folder, fs::Metadata::is_dir, "a folder") {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        known => known,
    }
}

fn no_link(path: &Path, is: impl Fn(&fs::Metadata) -> bool, what: &str) -> io::Result<()> {
    let there = fs::symlink_metadata(path)?;
    if there.file_type().is_symlink() {
        return Err(io::Error::other(format!(
            "{}: it is a link, and redress follows none here: put {what} in its place",
            path.display()
        )));
    }
    if is(&there) { Ok(()) } else { Err(io::Error::other(format!("it is not {what}"))) }
}

/// Returns the reason for which others than the user of this process control a folder: it belongs to somebody
/// else, or somebody else can exchange it.
pub fn in_other_hands(folder: &Path) -> Option<String> {
    let there = fs::canonicalize(folder).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // The owner of a process's entries in Linux's /proc is its effective user (proc(5)). Without /proc,
        // no user is compared.
        let me = fs::metadata("/proc/self").ok().map(|own| own.uid());
        let owner = fs::metadata(&there).ok()?.uid();
        if let Some(me) = me.filter(|me| *me != owner) {
            return Some(format!("{} belongs to another user ({owner}, and this is {me})", there.display()));
        }
    }
    let parent = there.parent()?;
    let open = permissions(parent).is_some_and(|mode| mode & 0o002 != 0 && mode & 0o1000 == 0);
    open.then(|| {
        format!(
            "others may exchange {}: everybody may write in {}, which has no sticky bit",
            there.display(),
            parent.display()
        )
    })
}

/// Returns those of these paths in which others than the owner may write; none of them if the first keeps
/// others out altogether.
pub fn open_to_others(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mode = |path: &Path| permissions(path).unwrap_or(0);
    match paths.first() {
        Some(top) if mode(top) & 0o077 != 0 => {
            paths.iter().filter(|path| mode(path) & 0o022 != 0).cloned().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(unix)]
fn permissions(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|there| std::os::unix::fs::PermissionsExt::mode(&there.permissions()))
}

#[cfg(not(unix))]
fn permissions(_: &Path) -> Option<u32> {
    None
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_its_owners_alone() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        folder(&at("runs")).unwrap();
        folder(&at("runs")).unwrap();
        open(&at("lock")).unwrap();
        replace(&at("twin.json"), b"{}").unwrap();
        writable(place.path()).unwrap();
        assert_eq!([mode(&at("runs")), mode(&at("lock")), mode(&at("twin.json"))], [0o700, 0o600, 0o600]);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3, "nothing is left of what was tried");
    }

    #[test]
    fn no_link_is_followed_and_nothing_that_one_points_to_is_touched() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::write(at("precious"), "precious").unwrap();
        fs::create_dir(at("elsewhere")).unwrap();
        symlink(at("precious"), at("lock")).unwrap();
        symlink(at("elsewhere"), at("runs")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        for (what, result) in [
            ("open", open(&at("lock")).map(drop)),
            ("read", read(&at("lock")).map(drop)),
            ("dangling", open(&at("dangling")).map(drop)),
            ("folder", folder(&at("runs"))),
        ] {
            assert!(result.unwrap_err().to_string().contains("it is a link"), "{what}");
        }
        assert_eq!(new_file(&at("dangling")).unwrap_err().kind(), ErrorKind::AlreadyExists);
        replace(&at("lock"), b"new").unwrap();
        assert_eq!(
            (
                fs::read_to_string(at("precious")).unwrap().as_str(),
                fs::read_to_string(at("lock")).unwrap().as_str()
            ),
            ("precious", "new")
        );
        assert!(!at("nowhere").exists() && fs::read_dir(at("elsewhere")).unwrap().count() == 0);
    }

    #[test]
    fn a_folder_that_others_may_exchange_is_in_their_hands() {
        let place = tempfile::tempdir().unwrap();
        let (shared, state) = (place.path().join("shared"), place.path().join("shared/state"));
        folder(&shared).unwrap();
        folder(&state).unwrap();
        let set = |mode: u32| fs::set_permissions(&shared, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(in_other_hands(&state), None);
        set(0o777);
        assert!(in_other_hands(&state).unwrap().contains("no sticky bit"));
        set(0o1777);
        assert_eq!((in_other_hands(&state), in_other_hands(&shared.join("not there"))), (None, None));
    }

    #[test]
    fn others_may_write_only_where_they_may_come_in() {
        let place = tempfile::tempdir().unwrap();
        let (top, runs) = (place.path().join("state"), place.path().join("state/runs"));
        folder(&top).unwrap();
        folder(&runs).unwrap();
        let set =
            |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let open = || open_to_others(&[top.clone(), runs.clone(), top.join("not there")]);
        assert!(open().is_empty());
        set(&runs, 0o777);
        assert!(open().is_empty(), "nobody gets there");
        set(&top, 0o711);
        assert_eq!(open(), std::slice::from_ref(&runs));
        set(&top, 0o770);
        assert_eq!(open(), [top.clone(), runs.clone()]);
    }
}
