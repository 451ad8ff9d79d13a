//! Files that a user names: the one place of the command line that writes them. A regular file is replaced
//! whole or not at all and keeps its mode and its owner; a link is followed; anything else (a device, a pipe,
//! a descriptor of this process) is written to and never replaced, and takes only text without commands for a
//! terminal or a CI runner, since one may read there.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::{
    fail::Fail,
    out::{Stream, harmless},
};

/// The longest chain of links that is followed (Linux gives up at 40, path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Writes a document whole.
///
/// # Errors
/// When it cannot be written (exit 1).
pub fn keep(path: &Path, text: &str, what: &str) -> Result<(), Fail> {
    let fail = |error: io::Error| {
        Fail::failure(format!("{}: cannot write {what}", path.display()))
            .why(error.to_string())
            .hint("choose another place")
    };
    put(path, text).map_err(fail)
}

/// Writes a document whole, and returns the plain error where it cannot be written.
///
/// # Errors
/// When it cannot be written.
pub fn put(path: &Path, text: &str) -> io::Result<()> {
    let mut draft = Draft::at(path)?;
    draft.write_all(text.as_bytes())?;
    draft.finish()
}

/// Checks whether a file could be written, and leaves its content as it is.
///
/// # Errors
/// When it could not.
pub fn ready(path: &Path) -> io::Result<()> {
    match Place::of(path)? {
        Place::Stream(_) | Place::Device => Ok(()),
        Place::File(file, _) => OpenOptions::new().append(true).open(file).map(drop),
        Place::Nothing(file) => fs::remove_file(begin(&file)?.1),
    }
}

/// Opens a file to append to, and creates it if it does not exist.
///
/// # Errors
/// When it cannot be opened.
pub fn append(path: &Path) -> io::Result<Box<dyn Write + Send>> {
    Ok(match Place::of(path)? {
        Place::Stream(stream) => stream.writer(),
        Place::Device => harmless(Box::new(OpenOptions::new().append(true).open(path)?)),
        Place::File(..) | Place::Nothing(_) => {
            Box::new(OpenOptions::new().create(true).append(true).open(path)?)
        }
    })
}

/// Writes a document only where no file exists yet; a device is written to.
///
/// # Errors
/// When a file exists already, or it cannot be written.
pub fn put_new(path: &Path, text: &str) -> io::Result<()> {
    match Place::of(path)? {
        Place::Stream(_) | Place::Device => put(path, text),
        Place::File(..) | Place::Nothing(_) => {
            OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
        }
    }
}

/// A document on its way into a user's file.
pub struct Draft {
    writer: Box<dyn Write + Send>,
    /// The half-written file and the path that it takes when it is whole; `None` where the path itself is
    /// written to.
    half: Option<(PathBuf, PathBuf)>,
}

impl Draft {
    /// Begins a document for this path.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn at(path: &Path) -> io::Result<Self> {
        let through = |writer| Ok(Self { writer, half: None });
        match Place::of(path)? {
            Place::Stream(stream) => through(stream.writer()),
            Place::Device => through(harmless(Box::new(OpenOptions::new().write(true).open(path)?))),
            Place::Nothing(file) => {
                let (writer, half) = begin(&file)?;
                Ok(Self { writer: Box::new(writer), half: Some((half, file)) })
            }
            Place::File(file, old) => {
                // A file that may not be written to is not replaced either.
                let open = OpenOptions::new().write(true).open(&file)?;
                match replacement(&file, &old) {
                    Some((writer, half)) => Ok(Self { writer: Box::new(writer), half: Some((half, file)) }),
                    None => {
                        open.set_len(0)?;
                        through(Box::new(open))
                    }
                }
            }
        }
    }

    /// Moves the document to its path.
    ///
    /// # Errors
    /// When it cannot be moved there.
    pub fn finish(mut self) -> io::Result<()> {
        self.writer.flush()?;
        match self.half.take() {
            Some((half, file)) => fs::rename(&half, file).inspect_err(|_| drop(fs::remove_file(&half))),
            None => Ok(()),
        }
    }
}

impl Write for Draft {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.writer.write(part)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some((half, _)) = &self.half {
            // An unfinished file is of no use to anybody; a failure to remove it changes nothing.
            let _ = fs::remove_file(half);
        }
    }
}

/// The kind of thing that a path leads to.
#[derive(Debug)]
enum Place {
    /// One of the two streams of this process under the name of a file.
    Stream(Stream),
    /// A device, a pipe, a socket, or another descriptor of this process.
    Device,
    /// A regular file, behind all links.
    File(PathBuf, Metadata),
    /// Nothing yet; a file can be created here.
    Nothing(PathBuf),
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let mut at = path.to_owned();
        for _ in 0..MOST_LINKS {
            if let Some(of_process) = Self::descriptor(&at) {
                return Ok(of_process);
            }
            match fs::symlink_metadata(&at) {
                Ok(found) if found.file_type().is_symlink() => {
                    let target = fs::read_link(&at)?;
                    at = at.parent().map_or_else(|| target.clone(), |folder| folder.join(&target));
                }
                Ok(found) if found.is_dir() => return Err(ErrorKind::IsADirectory.into()),
                Ok(found) if found.is_file() => return Ok(Place::File(at, found)),
                Ok(_) => return Ok(Place::Device),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Place::Nothing(at)),
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many links lead to it"))
    }

    /// Recognizes a descriptor of this process: its link names a file that must not be replaced, or no file
    /// at all.
    fn descriptor(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let own = format!("/proc/{}/fd", std::process::id());
        let number = match path.parent()?.to_str()? {
            "/dev" if name == "stdout" => "1",
            "/dev" if name == "stderr" => "2",
            "/dev/fd" | "/proc/self/fd" | "/proc/thread-self/fd" => name,
            folder if folder == own => name,
            _ => return None,
        };
        Some(match number {
            "1" => Place::Stream(Stream::Stdout),
            "2" => Place::Stream(Stream::Stderr),
            _ => Place::Device,
        })
    }
}

/// Begins a file beside the one that it later replaces. A leftover of a run that was killed is removed.
fn begin(file: &Path) -> io::Result<(File, PathBuf)> {
    let mut half = file.as_os_str().to_owned();
    half.push(".part");
    let half = PathBuf::from(half);
    match fs::symlink_metadata(&half) {
        Ok(left) if left.is_dir() => {}
        Ok(_) => fs::remove_file(&half)?,
        Err(_) => {}
    }
    // Nobody can have put a link there meanwhile: the file must not exist.
    Ok((OpenOptions::new().write(true).create_new(true).open(&half)?, half))
}

/// Begins a file with the mode and the owner of the one that it is to replace. Returns `None` where they
/// cannot be set, or where the file has other names that would keep the old text: then the file itself is
/// written to.
fn replacement(file: &Path, old: &Metadata) -> Option<(File, PathBuf)> {
    if other_names(old) {
        return None;
    }
    let (open, half) = begin(file).ok()?;
    if same_owner(&open, old).and_then(|()| open.set_permissions(old.permissions())).is_err() {
        let _ = fs::remove_file(&half);
        return None;
    }
    Some((open, half))
}

#[cfg(unix)]
fn other_names(old: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(old) > 1
}

#[cfg(not(unix))]
fn other_names(_: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn same_owner(new: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let now = new.metadata()?;
    let uid = (now.uid() != old.uid()).then(|| old.uid());
    let gid = (now.gid() != old.gid()).then(|| old.gid());
    if uid.is_none() && gid.is_none() { Ok(()) } else { fchown(new, uid, gid) }
}

#[cfg(not(unix))]
fn same_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{
        os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
        process::Command,
    };

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    /// Returns the names in a folder.
    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_regular_file_is_replaced_whole_and_keeps_its_mode_and_owner() {
        let folder = folder();
        let file = folder.path().join("plan.json");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let root = fs::metadata(&file).unwrap().uid() == 0;
        if root {
            std::os::unix::fs::chown(&file, Some(12345), Some(54321)).unwrap();
        }
        let before = fs::metadata(&file).unwrap();
        put(&file, "new").unwrap();
        let after = fs::metadata(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_ne!(before.ino(), after.ino(), "it was replaced by renaming");
        assert_eq!((before.mode(), before.uid(), before.gid()), (after.mode(), after.uid(), after.gid()));
        assert_eq!(names(folder.path()), ["plan.json"]);
    }

    #[test]
    fn a_draft_that_is_broken_off_leaves_what_was_there() {
        let folder = folder();
        let file = folder.path().join("events.json");
        fs::write(&file, "old").unwrap();
        Draft::at(&file).unwrap().write_all(b"half").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(names(folder.path()), ["events.json"]);
    }

    #[test]
    fn links_are_followed_to_files_that_are_there_and_to_files_that_are_not() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("kept")).unwrap();
        fs::write(at("kept/old.json"), "old").unwrap();
        symlink("kept/old.json", at("second")).unwrap();
        symlink(at("second"), at("first")).unwrap();
        symlink("kept/new.json", at("dangling")).unwrap();
        for (link, file) in [("first", "kept/old.json"), ("dangling", "kept/new.json")] {
            ready(&at(link)).unwrap();
            put(&at(link), "text").unwrap();
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
            assert_eq!(fs::read_to_string(at(file)).unwrap(), "text");
        }
        assert_eq!(names(&at("kept")), ["new.json", "old.json"]);
        symlink("round", at("round")).unwrap();
        assert!(put(&at("round"), "").is_err());
    }

    #[test]
    fn a_file_with_several_names_keeps_them() {
        let folder = folder();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        fs::write(&one, "a long old text").unwrap();
        fs::hard_link(&one, &other).unwrap();
        put(&one, "new").unwrap();
        assert_eq!(fs::read_to_string(other).unwrap(), "new");
    }

    #[test]
    fn a_pipe_is_written_to_and_stays_a_pipe_and_looking_at_it_opens_nothing() {
        let folder = folder();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there").success());
        // Opened for writing, it would wait for a reader.
        ready(&pipe).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        put(&pipe, "through").unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(names(folder.path()), ["pipe"]);
    }

    #[test]
    fn devices_are_written_to_and_stay_devices() {
        let folder = folder();
        let own = folder.path().join("null");
        // Only root can make a device; elsewhere the one that everybody has is used instead.
        let made = Command::new("mknod")
            .args([own.as_os_str(), "c".as_ref(), "1".as_ref(), "3".as_ref()])
            .status()
            .is_ok_and(|s| s.success());
        for device in [PathBuf::from("/dev/null")].into_iter().chain(made.then_some(own)) {
            let before = fs::metadata(&device).unwrap();
            ready(&device).unwrap();
            // A container may forbid opening a device of one's own; it must remain a device all the same.
            let written = put(&device, "gone");
            assert!(written.is_ok() || device != Path::new("/dev/null"), "{written:?}");
            append(Path::new("/dev/null")).unwrap().write_all(b"gone").unwrap();
            put_new(Path::new("/dev/null"), "gone").unwrap();
            let after = fs::symlink_metadata(&device).unwrap();
            assert!(after.file_type().is_char_device());
            assert_eq!((before.ino(), before.rdev()), (after.ino(), after.rdev()));
        }
    }

    #[test]
    fn descriptors_of_this_process_are_known_by_all_their_names() {
        let stream = |name: &str| match Place::of(Path::new(name)) {
            Ok(Place::Stream(stream)) => Some(stream),
            _ => None,
        };
        for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            assert_eq!(stream(name), Some(Stream::Stdout), "{name}");
        }
        assert_eq!(stream("/dev/stderr"), Some(Stream::Stderr));
        let folder = folder();
        let link = folder.path().join("out");
        symlink("/dev/stdout", &link).unwrap();
        assert_eq!(stream(&link.to_string_lossy()), Some(Stream::Stdout));
        assert!(matches!(Place::of(Path::new("/dev/fd/0")), Ok(Place::Device)));
    }

    #[test]
    fn what_cannot_be_written_is_known_beforehand_and_nothing_is_left() {
        let folder = folder();
        let missing = folder.path().join("no/such/folder.json");
        assert!(ready(&missing).is_err() && put(&missing, "").is_err() && append(&missing).is_err());
        assert!(ready(folder.path()).is_err() && put(folder.path(), "").is_err());
        ready(&folder.path().join("new.json")).unwrap();
        assert!(names(folder.path()).is_empty());
        put_new(&folder.path().join("once"), "a").unwrap();
        assert!(put_new(&folder.path().join("once"), "b").is_err());
    }
}
