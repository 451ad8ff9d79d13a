//! Signed plans, against ssh-keygen itself in both directions: what it signs is applied, what redress signs it
//! accepts, and what nobody who is trusted has signed is refused before anybody is asked.
//! Keys are made for each test, by OpenSSH: where it is not installed, and `REDRESS_REQUIRE_SSH_KEYGEN=1`
//! does not demand it, only the unit tests of signatures run.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{hostile::sealed, support};

pub(crate) struct Desk(TempDir);

impl Desk {
    /// A desk with a plan of the demo account, and a key of sam's, whom `signers` names; nothing where there
    /// is no OpenSSH and nobody demands it.
    pub(crate) fn open() -> Option<Self> {
        if let Err(error) =
            Command::new("ssh-keygen").arg("-?").stdout(Stdio::null()).stderr(Stdio::null()).status()
        {
            assert!(
                std::env::var("REDRESS_REQUIRE_SSH_KEYGEN").as_deref() != Ok("1"),
                "REDRESS_REQUIRE_SSH_KEYGEN=1, but ssh-keygen: {error}"
            );
            println!("no ssh-keygen here: signatures were not tried against it");
            return None;
        }
        let desk = Self(tempfile::tempdir().unwrap());
        desk.ends(0, "plan --account twin:demo --check cloudtrail-no-log-validation -q -o plan.json");
        desk.key("sam", &["-t", "ed25519"]);
        desk.write("signers", desk.line("sam", ""));
        Some(desk)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn key(&self, name: &str, kind: &[&str]) {
        self.keygen(&[kind, &["-q", "-N", "", "-C", name, "-f", name]].concat(), None);
    }

    /// The line of a key in a file of signers.
    fn line(&self, name: &str, options: &str) -> String {
        format!("{name}@example.com {options}{}", self.text(&format!("{name}.pub")))
    }

    /// Runs ssh-keygen; whether it says yes.
    pub(crate) fn keygen(&self, args: &[&str], input: Option<&Path>) -> bool {
        let stdin = input.map_or(Stdio::null(), |path| fs::File::open(path).unwrap().into());
        let output = Command::new("ssh-keygen")
            .args(args)
            .current_dir(self.0.path())
            .stdin(stdin)
            .output()
            .expect("OpenSSH is installed");
        output.status.success()
    }

    pub(crate) fn sign(&self, key: &str, namespace: &str, file: &str) {
        let _ = fs::remove_file(self.path(&format!("{file}.sig")));
        assert!(self.keygen(&["-q", "-Y", "sign", "-n", namespace, "-f", key, file], None));
    }

    pub(crate) fn run(&self, line: &str, env: &[(&str, &str)]) -> (i32, String, String) {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), self.0.path());
        let output = command.args(line.split_whitespace()).envs(env.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    pub(crate) fn ends(&self, code: i32, line: &str) -> (String, String) {
        let (ended, out, err) = self.run(line, &[]);
        assert_eq!(ended, code, "redress {line}\n{out}\n{err}");
        (out, err)
    }

    /// Whether the plan may be exported, with the reason if not. Nothing of it is shown then.
    fn trusted(&self) -> Result<String, String> {
        match self.run("export plan.json --to aws-cli --trust signers", &[]) {
            (0, out, err) if !out.is_empty() => Ok(err),
            (2, out, err) if out.is_empty() => Err(err),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn last(&self) -> PathBuf {
        let mut runs: Vec<PathBuf> =
            fs::read_dir(self.path("state/runs")).unwrap().map(|e| e.unwrap().path()).collect();
        runs.sort();
        runs.pop().unwrap()
    }
}

#[test]
fn what_ssh_keygen_signs_is_trusted_and_what_redress_signs_ssh_keygen_accepts() {
    let Some(desk) = Desk::open() else { return };
    for (name, kind) in [
        ("sam", vec!["-t", "ed25519"]),
        ("p256", vec!["-t", "ecdsa", "-b", "256"]),
        ("p384", vec!["-t", "ecdsa", "-b", "384"]),
        ("p521", vec!["-t", "ecdsa", "-b", "521"]),
        ("rsa", vec!["-t", "rsa", "-b", "2048"]),
    ] {
        if name != "sam" {
            desk.key(name, &kind);
        }
        desk.write("signers", desk.line(name, "namespaces=\"redress,git\" "));
        for hash in ["sha512", "sha256"] {
            let _ = fs::remove_file(desk.path("plan.json.sig"));
            assert!(desk.keygen(
                &[
                    "-q",
                    "-Y",
                    "sign",
                    "-n",
                    "redress",
                    "-O",
                    &format!("hashalg={hash}"),
                    "-f",
                    name,
                    "plan.json"
                ],
                None
            ));
            let said = desk.trusted().unwrap_or_else(|err| panic!("{name} {hash}: {err}"));
            assert!(said.contains(&format!("plan.json is signed by {name}@example.com (SHA256:")), "{said}");
        }
        let text = desk.text("plan.json");
        desk.write("plan.json", text.replacen('{', "{ ", 1));
        assert!(
            desk.trusted().unwrap_err().contains("changed after it was signed"),
            "{name}: exactly these bytes are signed"
        );
        desk.write("plan.json", text);
    }
    // The other way round.
    desk.write("signers", desk.line("sam", ""));
    let (_, said) = desk.ends(0, "sign plan.json --key sam");
    assert!(said.contains("SHA256:") && said.contains("plan.json.sig"), "{said}");
    let verify =
        ["-Y", "verify", "-n", "redress", "-f", "signers", "-I", "sam@example.com", "-s", "plan.json.sig"];
    assert!(
        desk.keygen(&verify, Some(&desk.path("plan.json"))),
        "ssh-keygen does not accept what redress signed"
    );
    assert!(!desk.keygen(&verify, Some(&desk.path("signers"))));
    desk.trusted().unwrap();
    let (_, err) = desk.ends(0, "apply plan.json --trust signers --auto-approve");
    assert!(err.contains("is signed by sam@example.com"), "{err}");
    let (out, _) = desk.ends(0, "show last --format json");
    let run: Value = serde_json::from_str(&out).unwrap();
    assert!(
        run["signed"]["by"] == "sam@example.com"
            && run["signed"]["key"].as_str().unwrap().starts_with("SHA256:"),
        "{out}"
    );
    for format in ["text", "markdown", "html"] {
        let (out, _) = desk.ends(0, &format!("show last --format {format}"));
        // Markdown breaks what would be a mention.
        assert!(out.contains("example.com (SHA256:"), "{format}: {out}");
    }
}

/// Base64 (RFC 4648), both ways.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn decoded(text: &str) -> Vec<u8> {
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.bytes().filter_map(|c| DIGITS.iter().position(|d| *d == c)) {
        (bits, held) = (bits << 6 | digit as u32, held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

fn encoded(bytes: &[u8]) -> String {
    let group = |part: &[u8]| {
        let bits = (0..3).fold(0_u32, |bits, n| bits << 8 | u32::from(*part.get(n).unwrap_or(&0)));
        (0..4)
            .map(|n| if n > part.len() { '=' } else { DIGITS[(bits >> (18 - 6 * n)) as usize & 63] as char })
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// A signature whose content was changed, in its armour again.
fn edited(signature: &str, edit: impl Fn(&mut Vec<u8>)) -> String {
    let body: String = signature.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut bytes = decoded(&body);
    edit(&mut bytes);
    let body: Vec<String> = encoded(&bytes)
        .as_bytes()
        .chunks(70)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", body.join("\n"))
}

fn put(bytes: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    let at = bytes.windows(old.len()).position(|part| part == old).expect("it is in there");
    bytes.splice(at..at + old.len(), new.iter().copied());
}

#[test]
fn what_nobody_who_is_trusted_has_signed_is_refused_by_every_command_that_acts_on_it() {
    let Some(desk) = Desk::open() else { return };
    desk.sign("sam", "redress", "plan.json");
    let good = desk.text("plan.json.sig");
    assert_eq!(edited(&good, |_| {}), good, "the armour is that of ssh-keygen");
    desk.trusted().unwrap();
    let field = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    let signatures: Vec<(&str, Vec<u8>, &str)> = vec![
        ("none", Vec::new(), "No such file"),
        ("empty", b"\n".to_vec(), "no signature"),
        ("not text", vec![0xff; 200], "not text"),
        ("huge", format!("{good}{}", "A".repeat(20_000)).into_bytes(), "too many"),
        ("far too big", vec![b'A'; 3 << 20], "too many"),
        ("something before it", format!("approved\n{good}").into_bytes(), "before or after"),
        ("something behind it", format!("{good}approved\n").into_bytes(), "before or after"),
        ("two", format!("{good}{good}").into_bytes(), "cannot be read"),
        ("cut off", good.as_bytes()[..good.len() / 2].to_vec(), "before or after"),
        ("bytes behind it", edited(&good, |b| b.push(0)).into_bytes(), "cannot be read"),
        ("another version", edited(&good, |b| b[9] = 2).into_bytes(), "cannot be read"),
        ("version 0", edited(&good, |b| b[9] = 0).into_bytes(), "version 0"),
        (
            "another hash",
            edited(&good, |b| put(b, &field("sha512"), &field("sha256"))).into_bytes(),
            "changed after",
        ),
        (
            "a hash that is none",
            edited(&good, |b| put(b, &field("sha512"), &field("sha1"))).into_bytes(),
            "cannot be read",
        ),
        (
            "another namespace",
            edited(&good, |b| put(b, &field("redress"), &field("git"))).into_bytes(),
            "made for \"git\"",
        ),
        (
            "something reserved",
            edited(&good, |b| {
                put(b, &[&field("redress")[..], &[0; 4]].concat(), &[field("redress"), field("x")].concat())
            })
            .into_bytes(),
            "does not know",
        ),
        ("a flipped bit", edited(&good, |b| *b.last_mut().unwrap() ^= 1).into_bytes(), "changed after"),
    ];
    let refused = |what: &str, says: &str| {
        let err = desk.trusted().expect_err(what);
        assert!(err.contains(says) && err.contains("nothing was read or changed"), "{what}: {err}");
        for line in [
            "apply plan.json --auto-approve --trust signers",
            "apply plan.json --change c1 --auto-approve --trust signers",
        ] {
            let (_, err) = desk.ends(2, line);
            assert!(err.contains(says), "{what}: {err}");
        }
        assert!(!desk.path("state/runs").exists(), "{what}: a run began");
    };
    for (what, bytes, says) in signatures {
        if bytes.is_empty() {
            fs::remove_file(desk.path("plan.json.sig")).unwrap();
        } else {
            desk.write("plan.json.sig", bytes);
        }
        refused(what, says);
    }
    for (namespace, says) in [("git", "made for \"git\""), ("file", "made for \"file\"")] {
        desk.sign("sam", namespace, "plan.json");
        refused(namespace, says);
    }
    desk.key("eve", &["-t", "ed25519"]);
    desk.sign("eve", "redress", "plan.json");
    refused("another key", "no line of it has that key");
    desk.sign("sam", "redress", "plan.json");
    for (options, says) in [
        ("namespaces=\"git\" ", "may not sign"),
        ("valid-before=\"20200101\" ", "could sign until"),
        ("valid-after=\"20990101Z\" ", "may sign from"),
    ] {
        desk.write("signers", desk.line("sam", options));
        refused(options, says);
    }
    for (options, says) in [
        ("cert-authority ", "certificates"),
        ("verify-required ", "no option"),
        ("no-touch=\"yes\" ", "does not know the option"),
    ] {
        desk.write("signers", format!("{}{}", desk.line("eve", ""), desk.line("sam", options)));
        let (_, err) = desk.ends(2, "apply plan.json --auto-approve --trust signers");
        assert!(err.contains(says) && err.contains("line 2"), "{err}");
    }
    // Edited and sealed again, it is another file.
    desk.write("signers", desk.line("sam", ""));
    let mut plan: Value = serde_json::from_str(&desk.text("plan.json")).unwrap();
    plan["changes"][0]["ask"] = false.into();
    desk.write("plan.json", sealed(plan));
    refused("an edited plan", "changed after");
}

#[test]
fn nothing_is_asked_of_an_account_before_the_signature_was_looked_at() {
    let Some(desk) = Desk::open() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    // Whoever comes is counted and gets no answer.
    thread::spawn(move || {
        listener.incoming().for_each(|_| {
            counted.fetch_add(1, Ordering::SeqCst);
        })
    });
    let mut plan: Value = serde_json::from_str(&desk.text("plan.json")).unwrap();
    plan["endpoint"] = url.clone().into();
    desk.write("plan.json", sealed(plan));
    let keys = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "A"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    for line in [
        "apply plan.json --auto-approve --trust signers",
        "apply --auto-approve --trust signers",
        "prune --trust signers",
        "apply --trust nobody",
    ] {
        let (code, _, err) = desk.run(line, &keys);
        assert_eq!(code, 2, "{line}: {err}");
        assert_eq!(came.load(Ordering::SeqCst), 0, "{line}: somebody was asked");
    }
    desk.sign("sam", "redress", "plan.json");
    let (_, _, err) = desk.run("apply plan.json --auto-approve --trust signers", &keys);
    assert!(err.contains("is signed by sam"), "{err}");
    assert!(came.load(Ordering::SeqCst) > 0, "then somebody is asked");
}

#[test]
fn the_environment_asks_for_signatures_and_no_flag_takes_that_back() {
    let Some(desk) = Desk::open() else { return };
    let trust = [("REDRESS_TRUST", "signers")];
    for line in [
        "apply plan.json --auto-approve",
        "export plan.json --to aws-cli",
        "apply --account twin:demo --auto-approve",
        "prune --account twin:demo",
    ] {
        let (code, _, err) = desk.run(line, &trust);
        assert!(code == 2 && err.contains("signed"), "{line}: {code} {err}");
    }
    desk.key("eve", &["-t", "ed25519"]);
    desk.write("others", desk.line("eve", ""));
    desk.sign("eve", "redress", "plan.json");
    let (code, _, err) = desk.run("apply plan.json --auto-approve --trust others", &trust);
    assert!(code == 2 && err.contains("REDRESS_TRUST allows signers alone"), "{err}");
    let (code, _, err) = desk.run("apply plan.json --auto-approve", &[("REDRESS_TRUST", "")]);
    assert_eq!(code, 2, "an empty variable is no permission: {err}");
    // Looking is not acting.
    for line in [
        "show plan.json",
        "plan --account twin:demo --check cloudtrail-no-log-validation -o new.json",
        "scan --account twin:demo",
        "runs",
    ] {
        let (code, _, err) = desk.run(line, &trust);
        assert_eq!(code, 0, "{line}: {err}");
    }
    desk.sign("sam", "redress", "plan.json");
    let (code, _, err) = desk.run("apply plan.json --auto-approve --trust signers", &trust);
    assert_eq!(code, 0, "{err}");
}
