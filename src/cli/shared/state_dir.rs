//! Checks whether a path can be the state directory at all, before anything is looked up in it: an error of
//! the system neither names the wrong part of the path nor advises what to do about it.

use std::{fs, io::ErrorKind, path::Path};

use super::fail::Fail;
use crate::report::safe;

/// The folders in a state directory.
const PARTS: [&str; 3] = ["runs", "locks", "twin"];

/// Checks that a path is a directory whose content this process can list, or does not exist yet.
///
/// # Errors
/// When it is something else (exit 2), or cannot be read (exit 1).
pub fn usable(path: &Path) -> Result<(), Fail> {
    listable(path, path)?;
    PARTS.iter().try_for_each(|part| listable(path, &path.join(part)))
}

fn listable(state: &Path, path: &Path) -> Result<(), Fail> {
    const WHY: &str =
        "runs and their journals are kept there, and without them redress changes and undoes nothing";
    let name = path.display();
    let elsewhere = "or name another directory with --state-dir; it is created if it does not exist";
    let unreadable = |error: &std::io::Error| {
        let hint = format!(
            "`ls -ld {}` shows its owner: run redress as that user, {elsewhere}",
            safe::shell(&path.display().to_string())
        );
        Fail::failure(format!(
            "the state directory {} cannot be read: {name}: {}",
            state.display(),
            error.kind()
        ))
        .why(WHY)
        .hint(hint)
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            Err(Fail::usage(format!("{name} cannot be the state directory: a part of it is a file"))
                .why(WHY)
                .hint("name a directory with --state-dir; it is created if it does not exist"))
        }
        Err(error) => Err(unreadable(&error)),
        Ok(there) if !there.is_dir() => {
            let what = if there.is_file() { "a file" } else { "no directory" };
            let fail = Fail::usage(match state == path {
                true => format!("the state directory {name} is {what}"),
                false => format!("{name}, in the state directory, is {what}, and must be a directory"),
            });
            Err(fail.why(WHY).hint(match state == path {
                true => "name a directory with --state-dir; it is created if it does not exist".to_owned(),
                false => format!("move it away, {elsewhere}"),
            }))
        }
        Ok(_) => fs::read_dir(path).map(drop).map_err(|error| unreadable(&error)),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_directory_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "x").unwrap();
        fs::create_dir(at("state")).unwrap();
        fs::write(at("state/locks"), "x").unwrap();
        let cases = [
            (at("file"), "is a file"),
            (at("file/below"), "a part of it is a file"),
            (Path::new("/dev/null").to_owned(), "is no directory"),
            (at("state"), "in the state directory, is a file"),
        ];
        for (path, says) in cases {
            let fail = usable(&path).expect_err(says);
            let text = fail.text();
            assert!(
                fail.exit.code() == 2
                    && text.contains(says)
                    && text.contains("--state-dir")
                    && !text.contains("os error"),
                "{text}"
            );
        }
        assert!(usable(&at("not/there")).is_ok() && usable(folder.path()).is_ok());
    }
}
