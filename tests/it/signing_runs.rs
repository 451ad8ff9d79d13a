//! Signed runs are undone and resumed only as they were signed, and a run that goes on is signed again. The
//! tests sign runs in a folder and in a bucket of the emulator.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{hostile::sealed, signing::Desk, support};

#[test]
fn a_run_is_taken_back_and_gone_on_with_only_as_it_was_signed() {
    let Some(desk) = Desk::open() else { return };
    desk.sign("sam", "redress", "plan.json");
    desk.ends(0, "apply plan.json --auto-approve");
    for line in [
        "undo last --auto-approve --trust signers",
        "resume last --trust signers",
        "verify last --report-back securityhub --trust signers",
    ] {
        let (_, err) = desk.ends(2, line);
        assert!(err.contains("it has no signature") && err.contains("redress sign"), "{line}: {err}");
    }
    desk.ends(0, "sign last --key sam");
    let run = desk.last();
    let verify = |desk: &Desk| {
        let at = |name: &str| run.join(name).display().to_string();
        desk.keygen(
            &[
                "-Y",
                "verify",
                "-n",
                "redress",
                "-f",
                "signers",
                "-I",
                "sam@example.com",
                "-s",
                &at("signed.sig"),
            ],
            Some(Path::new(&at("signed"))),
        )
    };
    assert!(verify(&desk), "ssh-keygen can check a run's signature too");
    let (plan, journal) = (
        fs::read_to_string(run.join("plan.json")).unwrap(),
        fs::read_to_string(run.join("journal.jsonl")).unwrap(),
    );
    // Written on, cut off, with another plan: each is not what was signed.
    desk.ends(0, "verify last");
    let (_, err) = desk.ends(2, "undo last --auto-approve --trust signers");
    assert!(err.contains("grown by"), "{err}");
    let lines: Vec<&str> = journal.lines().collect();
    fs::write(run.join("journal.jsonl"), lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    for line in ["undo last --auto-approve --trust signers", "resume last --auto-approve --trust signers"] {
        let (_, err) = desk.ends(2, line);
        assert!(err.contains("is not what was signed"), "{err}");
    }
    let mut other: Value = serde_json::from_str(&plan).unwrap();
    other["changes"][0]["steps"][0]["title"] = "something else".into();
    let other: Value = serde_json::from_str(&sealed(other)).unwrap();
    fs::write(run.join("plan.json"), other.to_string()).unwrap();
    let (mut forged, mut former) = (String::new(), String::new());
    for record in redress::journal::line::read(journal.as_bytes()).unwrap().0 {
        let mut event = serde_json::to_value(&record.event).unwrap();
        if record.seq == 1 {
            event["plan_digest"] = other["digest"].clone();
        }
        let record = redress::journal::line::next(
            &former,
            record.seq,
            record.at,
            serde_json::from_value(event).unwrap(),
        );
        former.clone_from(&record.sum);
        forged += &format!("{}\n", serde_json::to_string(&record).unwrap());
    }
    fs::write(run.join("journal.jsonl"), forged).unwrap();
    let (_, err) = desk.ends(2, "undo last --auto-approve --trust signers");
    assert!(err.contains("is not what was signed"), "{err}");
    // Somebody else's word counts for nothing.
    desk.key("eve", &["-t", "ed25519"]);
    desk.ends(0, "sign last --key eve");
    let (_, err) = desk.ends(2, "undo last --auto-approve --trust signers");
    assert!(err.contains("no line of it has that key"), "{err}");
    // Interrupted before its end: a person looks and signs, and then it goes on, and what goes on is signed.
    fs::write(run.join("plan.json"), &plan).unwrap();
    fs::write(run.join("journal.jsonl"), lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    desk.ends(0, "sign last --key sam");
    desk.ends(2, "resume last --auto-approve --sign sam");
    let (out, _) = desk.ends(0, "resume last --auto-approve --trust signers --sign sam --format json");
    let resumed: Value = serde_json::from_str(&out).unwrap();
    assert!(
        resumed["resumed"][0]["signed"]["by"] == "sam@example.com" && resumed["state"] == "complete",
        "{out}"
    );
    assert!(verify(&desk));
    let (out, _) = desk
        .ends(0, "undo last --auto-approve --max-risk disruptive --trust signers --sign sam --format json");
    let undo: Value = serde_json::from_str(&out).unwrap();
    assert!(undo["counts"]["restored"] == 1 && undo["signed"]["by"] == "sam@example.com", "{out}");
    let own = desk.path("state/runs").join(undo["run"].as_str().unwrap());
    assert!(own.join("signed.sig").exists(), "the run of the undo is signed as well");
}

#[test]
fn an_apply_signs_its_run_and_a_key_that_cannot_sign_ends_it_beforehand() {
    let Some(desk) = Desk::open() else { return };
    desk.keygen(&["-q", "-t", "ed25519", "-N", "a passphrase", "-f", "locked"], None);
    desk.key("p256", &["-t", "ecdsa"]);
    for (key, says) in [
        ("locked", "has a passphrase"),
        ("p256", "ecdsa-sha2-nistp256"),
        ("sam.pub", "no OpenSSH private key"),
        ("nowhere", "No such file"),
    ] {
        for line in
            [format!("apply plan.json --auto-approve --sign {key}"), format!("sign plan.json --key {key}")]
        {
            let (_, err) = desk.ends(2, &line);
            assert!(err.contains(says) && err.contains("ssh-keygen -Y sign -n redress"), "{line}: {err}");
        }
        assert!(!desk.path("state/runs").exists() && !desk.path("plan.json.sig").exists(), "{key}");
    }
    let (_, err) = desk.ends(0, "apply plan.json --auto-approve --sign sam --report-back file:outcomes.json");
    assert!(err.contains("is signed by SHA256:"), "{err}");
    // What was checked again before others were told is signed as well.
    desk.ends(0, "undo last --auto-approve --max-risk disruptive --trust signers");
    for file in fs::read_dir(desk.path("state/runs"))
        .unwrap()
        .flat_map(|run| fs::read_dir(run.unwrap().path()).unwrap())
    {
        use std::os::unix::fs::PermissionsExt;
        let path = file.unwrap().path();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        let secret = desk.text("sam").lines().nth(2).unwrap().to_owned();
        assert!(!fs::read_to_string(&path).unwrap().contains(&secret), "{}", path.display());
    }
}

#[test]
fn a_run_in_a_bucket_is_signed_in_the_bucket() {
    let Some(desk) = Desk::open() else { return };
    let moto = support::moto();
    let keys = moto.account();
    moto.python(&keys, "import boto3; boto3.client('s3').create_bucket(Bucket='signed-runs')");
    let env = keys.environment(moto);
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ends = |code: i32, line: &str| {
        let (ended, out, err) = desk.run(&format!("{line} --state-dir s3://signed-runs/a"), &env);
        assert_eq!(ended, code, "redress {line}\n{out}\n{err}");
        err
    };
    ends(0, "plan --account twin:demo --check cloudtrail-no-log-validation -q -o plan.json");
    ends(0, "apply plan.json --account twin:demo --auto-approve --sign sam");
    ends(0, "verify last --account twin:demo");
    let err = ends(2, "undo last --account twin:demo --auto-approve --max-risk disruptive --trust signers");
    assert!(err.contains("its journal has grown by 1 since it was signed"), "{err}");
    ends(0, "sign last --key sam");
    let err = ends(0, "undo last --account twin:demo --auto-approve --max-risk disruptive --trust signers");
    assert!(err.contains("is signed by sam@example.com"), "{err}");
}
