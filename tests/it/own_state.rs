//! The state directory is its owner's alone: modes whatever the umask, links that are planted in it, commands
//! that only look, and many commands at once on one that is not there yet.
#![cfg(unix)]

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::support;

fn redress(folder: &TempDir, line: &str) -> Command {
    let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), folder.path());
    command.args(line.split(' '));
    command
}

fn ends(folder: &TempDir, code: i32, line: &str) -> (String, String) {
    said(&redress(folder, line).output().unwrap(), code, line)
}

/// What it says; a 4 speaks of changes that are not for it, and is as good as a 0.
fn said(output: &Output, code: i32, line: &str) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let ended = output.status.code();
    assert!(ended == Some(code) || (code == 0 && ended == Some(4)), "{line}: {ended:?}\n{out}\n{err}");
    (out, err)
}

/// A folder with a plan of the demo account that is safe to apply.
fn planned() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    ends(&folder, 0, "plan --account twin:demo --check vpc-without-flow-logs -q -o plan.json");
    folder
}

const APPLY: &str = "apply plan.json --auto-approve -q";

fn below(path: &Path) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    if fs::symlink_metadata(path).unwrap().is_dir() {
        all.extend(fs::read_dir(path).unwrap().flat_map(|entry| below(&entry.unwrap().path())));
    }
    all.sort();
    all
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn whatever_the_umask_nobody_else_can_read_or_write_there() {
    for umask in ["000", "022"] {
        let folder = tempfile::tempdir().unwrap();
        for line in [
            "plan --account twin:demo --check vpc-without-flow-logs -q -o plan.json",
            APPLY,
            "verify last -q",
            "undo last --auto-approve -q",
        ] {
            let mut command = redress(&folder, line);
            let program = command.get_program().to_owned();
            let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
            let mut shell = Command::new("/bin/sh");
            shell
                .args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")])
                .arg(program)
                .args(args)
                .current_dir(folder.path())
                .stdin(Stdio::null());
            shell
                .env_clear()
                .envs(command.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))));
            command.stdin(Stdio::null());
            said(&shell.output().unwrap(), 0, line);
        }
        let all = below(&folder.path().join("state"));
        assert!(
            all.iter().any(|p| p.ends_with("journal.jsonl"))
                && all.iter().any(|p| p.extension().is_some_and(|e| e == "lock")),
            "{all:?}"
        );
        for path in all {
            assert_eq!(
                mode(&path),
                if path.is_dir() { 0o700 } else { 0o600 },
                "{} with umask {umask}",
                path.display()
            );
        }
    }
}

#[test]
fn a_link_that_somebody_plants_is_not_followed_and_what_it_points_to_stays() {
    let folder = planned();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("precious"), "precious").unwrap();
    fs::create_dir(at("elsewhere")).unwrap();
    symlink(at("precious"), at("state/.writable")).unwrap();
    ends(&folder, 0, "runs");
    ends(&folder, 0, APPLY);
    assert_eq!(fs::read_to_string(at("precious")).unwrap(), "precious");
    let lock = at("state/locks/123456789012.us-east-1.lock");
    fs::remove_file(&lock).unwrap();
    symlink(at("precious"), &lock).unwrap();
    let (_, err) = ends(&folder, 1, APPLY);
    assert!(err.contains("it is a link"), "{err}");
    fs::remove_file(&lock).unwrap();
    let journal =
        fs::read_dir(at("state/runs")).unwrap().next().unwrap().unwrap().path().join("journal.jsonl");
    fs::rename(&journal, at("journal")).unwrap();
    symlink(at("journal"), &journal).unwrap();
    let (_, err) = ends(&folder, 1, "verify last -q");
    assert!(err.contains("it is a link"), "{err}");
    fs::remove_dir_all(at("state/runs")).unwrap();
    symlink(at("elsewhere"), at("state/runs")).unwrap();
    let (_, err) = ends(&folder, 1, APPLY);
    assert!(err.contains("it is a link"), "{err}");
    fs::rename(at("state/twin"), at("twin")).unwrap();
    symlink(at("twin"), at("state/twin")).unwrap();
    let (_, err) = ends(&folder, 1, "scan --account twin:demo");
    assert!(err.contains("it is a link"), "{err}");
    assert_eq!(
        (
            fs::read_to_string(at("precious")).unwrap().as_str(),
            fs::read_dir(at("elsewhere")).unwrap().count()
        ),
        ("precious", 0)
    );
}

#[test]
fn who_only_looks_writes_nothing() {
    let folder = planned();
    fs::write(folder.path().join("account.json"), {
        let twin: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.path().join("state/twin/demo.json")).unwrap()).unwrap();
        serde_json::to_vec(&twin["truth"]).unwrap()
    })
    .unwrap();
    let fresh = tempfile::tempdir().unwrap();
    fs::copy(folder.path().join("account.json"), fresh.path().join("account.json")).unwrap();
    for line in ["runs", "scan --account twin:./account.json -q", "plan --account twin:./account.json -q"] {
        ends(&fresh, 0, line);
        assert!(!fresh.path().join("state").exists(), "{line}");
    }
    ends(&fresh, 2, "show last");
    assert!(!fresh.path().join("state").exists());
    ends(&folder, 0, APPLY);
    let state = folder.path().join("state");
    let snapshot = || -> Vec<_> {
        let of = |p: &PathBuf| {
            (p.clone(), fs::symlink_metadata(p).unwrap().modified().unwrap(), fs::read(p).unwrap_or_default())
        };
        below(&state).iter().map(of).collect()
    };
    let before = snapshot();
    for line in [
        "runs",
        "show last",
        "show last --format json",
        "undo last -o undo.json",
        "plan --account twin:demo -q",
        "playbooks",
        "show plan.json",
    ] {
        ends(&folder, 0, line);
        assert!(snapshot() == before, "{line}");
    }
}

#[test]
fn where_others_may_write_it_says_so_and_what_to_do() {
    let folder = planned();
    ends(&folder, 0, APPLY);
    let state = folder.path().join("state");
    let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let (_, err) = ends(&folder, 0, "runs");
    assert!(!err.contains("others may write"), "{err}");
    set(&state, 0o777);
    for line in ["runs", "show last", "verify last", "apply plan.json --auto-approve"] {
        let (_, err) = ends(&folder, 0, line);
        assert!(err.contains("others may write in") && err.contains("chmod -R go-w"), "{line}: {err}");
    }
    set(&state, 0o755);
    let (_, err) = ends(&folder, 0, "show last");
    assert!(!err.contains("others may write"), "{err}");
    let run = fs::read_dir(state.join("runs")).unwrap().next().unwrap().unwrap().path();
    set(&state.join("runs"), 0o755);
    set(&run.join("journal.jsonl"), 0o666);
    let (_, err) = ends(&folder, 0, &format!("show {}", run.file_name().unwrap().to_string_lossy()));
    assert!(err.contains("others may write in") && err.contains("journal.jsonl"), "{err}");
}

#[test]
fn commands_that_race_for_a_directory_that_is_not_there_never_fail_for_its_sake() {
    for round in 0..3 {
        let folder = planned();
        let lines = [
            "runs",
            "apply plan.json --auto-approve -q --state-dir fresh",
            "runs --state-dir fresh",
            "plan --account twin:demo --state-dir fresh -q",
        ];
        let children: Vec<_> = (0..16)
            .map(|n| {
                let line = lines[n % lines.len()];
                (line, redress(&folder, line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
            })
            .collect();
        for (line, child) in children {
            let output = child.wait_with_output().unwrap();
            let err = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!err.contains("os error"), "round {round}, {line}: {err}");
            let held = output.status.code() == Some(1) && err.contains("is at work on");
            assert!(
                matches!(output.status.code(), Some(0 | 4)) || held,
                "round {round}, {line}: {:?} {err}",
                output.status.code()
            );
        }
    }
}

#[test]
fn what_cannot_be_the_state_directory_is_named_with_what_to_do_by_every_command() {
    let folder = planned();
    fs::write(folder.path().join("file"), "x").unwrap();
    for place in ["file", "/dev/null", "file/below"] {
        for line in [
            "runs",
            "show last",
            "resume last",
            "undo last",
            "verify last",
            "scan --account twin:demo",
            "plan --account twin:demo",
            APPLY,
        ] {
            let (_, err) = ends(&folder, 2, &format!("{line} --state-dir {place}"));
            assert!(
                err.contains(place) && err.contains("hint: name a directory with --state-dir"),
                "{line}: {err}"
            );
            assert!(!err.contains("os error") && !err.contains("chmod"), "{line}: {err}");
        }
    }
    // Where there is no run yet, none is listed either.
    fs::create_dir_all(folder.path().join("empty/runs")).unwrap();
    for line in ["show last", "resume last", "undo 2026"] {
        let (_, err) = ends(&folder, 2, &format!("{line} --state-dir empty"));
        assert!(err.contains("`redress apply` makes one") && !err.contains("lists them"), "{line}: {err}");
    }
}

const NOBODY: u32 = 65_534;

fn root(folder: &TempDir) -> bool {
    fs::metadata(folder.path()).unwrap().uid() == 0
}

/// As [`ends`], as somebody whom modes hold: root reads whatever it likes, so it becomes nobody.
fn denied(folder: &TempDir, code: i32, line: &str) -> (String, String) {
    let mut command = redress(folder, line);
    if root(folder) {
        command.uid(NOBODY).gid(NOBODY);
    }
    said(&command.output().unwrap(), code, line)
}

#[test]
fn what_may_not_be_read_is_named_with_what_to_do_by_every_command() {
    let folder = planned();
    ends(&folder, 0, APPLY);
    let state = folder.path().join("state");
    let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set(folder.path(), 0o755);
    let lines = [
        "runs",
        "show last",
        "resume last",
        "undo last",
        "verify last",
        "scan --account twin:demo",
        "plan --account twin:demo",
    ];
    set(&state, 0);
    for line in lines {
        let (out, err) = denied(&folder, 1, line);
        assert!(
            err.contains("state cannot be read")
                && err.contains("permission denied")
                && err.contains("hint: `ls -ld "),
            "{line}: {err}"
        );
        assert!(
            out.is_empty() && !err.contains("os error") && !err.contains("panicked"),
            "{line}: {out}{err}"
        );
    }
    // A journal alone, in a directory that may be read: it is no run without one, and never an empty list of
    // runs.
    set(&state, 0o700);
    if root(&folder) {
        below(&state).iter().for_each(|path| chown(path, Some(NOBODY), None).unwrap());
    }
    let journal = below(&state).into_iter().find(|p| p.ends_with("journal.jsonl")).unwrap();
    set(&journal, 0);
    for line in ["runs", "show last", "resume last", "undo last", "verify last"] {
        let (_, err) = denied(&folder, 1, line);
        assert!(
            err.contains("journal.jsonl: cannot read the journal: Permission denied.")
                && !err.contains("panicked"),
            "{line}: {err}"
        );
        assert!(
            err.contains("run it as the user to whom the file belongs") && !err.contains("os error"),
            "{line}: {err}"
        );
    }
    // What is no file can be read by nobody, root included.
    fs::remove_file(&journal).unwrap();
    fs::create_dir(&journal).unwrap();
    for line in ["runs", "show last", "undo last"] {
        let (_, err) = denied(&folder, 1, line);
        assert!(err.contains("journal.jsonl: cannot read the journal: it is not a file"), "{line}: {err}");
    }
}
