//! Files that a user names, written by the built program: through pipes, devices and links; and what is there
//! already keeps what it was.

use std::{
    fs::{self, File},
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support;

const PLAN: &str =
    "plan --account twin:demo --check security-group-open-admin-port --allow-cidr 203.0.113.0/24 -q";

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), self.0.path());
        command.args(line.split_whitespace());
        command
    }

    /// What it prints.
    fn run(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 4)), "redress {line}: {}\n{err}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a reader of a pipe gets while this runs.
    fn piped(&self, line: &str) -> String {
        let pipe = self.path("pipe");
        let _ = fs::remove_file(&pipe);
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there").success());
        let reader = thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        self.run(line);
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "{line}: the pipe was replaced");
        reader.join().unwrap()
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Every option that writes a file, with something that stands in what it writes.
fn writers(at: &str) -> Vec<(String, &'static str)> {
    vec![
        (format!("{PLAN} -o {at}"), "redress.plan/1"),
        (format!("{PLAN} --report json={at}"), "redress.plan/1"),
        (format!("{PLAN} --summary {at}"), "# "),
        (format!("scan --account twin:demo --save-inventory {at}"), "redress.inventory/1"),
        (
            format!(
                "apply --account twin:demo --check cloudtrail-no-log-validation --auto-approve --events {at}"
            ),
            "redress.event/1",
        ),
        (format!("playbooks new snapshot-instance -o {at}"), "snapshot-instance"),
    ]
}

#[test]
fn a_pipe_gets_the_document_and_stays_a_pipe() {
    for (line, part) in writers("pipe") {
        let desk = Desk::new();
        let text = desk.piped(&line);
        assert!(text.contains(part), "redress {line}: {text}");
    }
}

#[test]
fn dev_null_and_a_device_of_ones_own_stay_what_they_are() {
    let desk = Desk::new();
    let own = desk.path("null");
    let made = Command::new("mknod")
        .args([own.as_os_str(), "c".as_ref(), "1".as_ref(), "3".as_ref()])
        .status()
        .is_ok_and(|s| s.success());
    // Where devices of one's own cannot be opened (containers without that right), only that they stay is to
    // be seen.
    let opens = made && File::options().write(true).open(&own).is_ok();
    let before = fs::metadata("/dev/null").unwrap();
    for device in ["/dev/null", "null"].into_iter().filter(|d| *d == "/dev/null" || opens) {
        for (line, _) in writers(device) {
            desk.run(&line);
            assert!(
                fs::symlink_metadata(desk.path(device)).unwrap().file_type().is_char_device(),
                "redress {line}"
            );
        }
    }
    let after = fs::symlink_metadata("/dev/null").unwrap();
    assert_eq!((before.ino(), before.rdev(), before.mode()), (after.ino(), after.rdev(), after.mode()));
    assert!(!Path::new("/dev/null.part").exists());
}

#[test]
fn a_link_stays_a_link_and_its_file_keeps_its_mode() {
    for (line, part) in writers("link").into_iter().filter(|(line, _)| !line.starts_with("playbooks")) {
        let desk = Desk::new();
        fs::create_dir(desk.path("kept")).unwrap();
        fs::write(desk.path("kept/file"), "").unwrap();
        fs::set_permissions(desk.path("kept/file"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink("kept/file", desk.path("link")).unwrap();
        desk.run(&line);
        assert!(
            fs::symlink_metadata(desk.path("link")).unwrap().is_symlink(),
            "redress {line}: the link was replaced"
        );
        assert!(fs::read_to_string(desk.path("kept/file")).unwrap().contains(part), "redress {line}");
        assert_eq!(fs::metadata(desk.path("kept/file")).unwrap().mode() & 0o777, 0o600, "redress {line}");
        assert_eq!(
            fs::read_dir(desk.path("kept")).unwrap().count(),
            1,
            "redress {line}: something is left beside it"
        );
    }
}

#[test]
fn dev_stdout_is_the_stdout_also_where_that_is_a_file() {
    let desk = Desk::new();
    let printed = desk.run(&format!("{PLAN} -o /dev/stdout"));
    let (document, shown) = printed.split_once("\n}\n").expect("the plan, and then the plan for people");
    assert_eq!(json(&format!("{document}\n}}"))["format"], "redress.plan/1");
    assert!(shown.contains("Plan: "), "{shown}");
    let file = File::create(desk.path("out")).unwrap();
    assert!(
        desk.command(&format!("{PLAN} -o /dev/stdout"))
            .stdout(file)
            .status()
            .is_ok_and(|s| s.code() == Some(0))
    );
    let kept = fs::read_to_string(desk.path("out")).unwrap();
    assert!(kept.starts_with("{") && kept.contains("Plan: "), "{kept}");
}

#[test]
fn a_file_that_cannot_be_written_ends_the_command_beforehand_and_leaves_nothing() {
    let desk = Desk::new();
    for line in [format!("{PLAN} --report html=no/such/plan.html"), format!("{PLAN} --summary no/such/file")]
    {
        let output = desk.command(&line).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("nothing was done"), "{line}");
    }
    assert!(!desk.path("state").exists());
}
