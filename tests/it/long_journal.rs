//! Journals that are far too long: shown, verified and taken back in memory that does not grow with them. The
//! memory is what the system counts for the process; the figures of a million lines stand in
//! `docs/journal.md`.

use std::{fs, io::Write, path::Path, process::Command};

use redress::journal::{Event, Outcome, line};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{at_home, python};

fn redress(folder: &TempDir, line: &str) -> Command {
    let mut command = at_home(env!("CARGO_BIN_EXE_redress"), folder.path());
    command.args(line.split(' '));
    command
}

/// Runs this, and how much memory it took at most, in MB.
fn memory(folder: &TempDir, line: &str) -> (String, u64) {
    const MEASURE: &str = "import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
json.dump({'code': done.returncode, 'out': done.stdout[:2000], 'err': done.stderr[:2000], 'kb': resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}, sys.stdout)";
    let own = redress(folder, line);
    let mut command = Command::new(python());
    command
        .args(["-c", MEASURE])
        .arg(own.get_program())
        .args(own.get_args())
        .current_dir(folder.path())
        .env_clear();
    command.envs(own.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))));
    let told: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(told["code"], 0, "{line}: {told}");
    (told["out"].as_str().unwrap().to_owned(), told["kb"].as_u64().unwrap() / 1024)
}

/// Makes the journal longer by so many records that change nothing.
fn lengthen(journal: &Path, more: u64) {
    let text = fs::read(journal).unwrap();
    let (records, _) = line::read(&text).unwrap();
    let change = records.iter().find_map(|r| match &r.event {
        Event::ChangeEnded { change, outcome: Outcome::Verified, .. } => Some(change.clone()),
        _ => None,
    });
    let change = change.unwrap();
    let (last, mut sum) = (records.last().unwrap(), records.last().unwrap().sum.clone());
    let mut file = std::io::BufWriter::new(fs::OpenOptions::new().append(true).open(journal).unwrap());
    for n in 1..=more {
        let reason = format!("looked at for the {n}th time, and it is as it was before");
        let event = Event::CheckedAgain {
            change: change.clone(),
            outcome: Outcome::Verified,
            reason,
            awaiting: Vec::new(),
        };
        let record = line::next(&sum, last.seq + n, last.at, event);
        sum.clone_from(&record.sum);
        writeln!(file, "{}", serde_json::to_string(&record).unwrap()).unwrap();
    }
    file.flush().unwrap();
}

#[test]
fn memory_does_not_grow_with_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "plan --account twin:demo --check vpc-without-flow-logs -q -o plan.json",
        "apply plan.json --auto-approve -q",
    ] {
        assert!(redress(&folder, line).output().unwrap().status.success(), "{line}");
    }
    let run = fs::read_dir(folder.path().join("state/runs")).unwrap().next().unwrap().unwrap().path();
    let lines = ["runs", "show last", "show last --format json", "verify last -q", "undo last -o undo.json"];
    lengthen(&run.join("journal.jsonl"), 10_000);
    let before: Vec<u64> = lines.iter().map(|line| memory(&folder, line).1).collect();
    // 33 MB of text, and three times as much in memory if it were held.
    lengthen(&run.join("journal.jsonl"), 150_000);
    for (line, before) in lines.iter().zip(before) {
        let (out, after) = memory(&folder, line);
        assert!(
            after < before + 12,
            "{line}: {before} MB for 10,000 records and {after} MB for 160,000\n{out}"
        );
    }
    let (out, _) = memory(&folder, "show last --format json");
    assert!(out.contains("redress.run/1"), "{out}");
    let shown = redress(&folder, "show last").output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("more things happened before this") && shown.contains("the 150000th time"),
        "{}",
        &shown[..2000]
    );
}
