//! Runs as files and as objects: old ones load, foreign ones are refused, copied ones go on elsewhere, two
//! operators do not meet, and a bucket keeps the same laws as a folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use redress::{
    engine::{Engine, Observer, ProgressEvent, Stop, run_id},
    journal::{Claim, StateDir, Store},
    plan::{Plan, digest},
    twin::TwinAccount,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    stand::{block_on, stage, today, yes},
    support::{Keys, Moto},
};

const RUN: &str = "20261122T093454Z-67222b";

/// A folder for a test, and `redress` in it.
pub(crate) struct Desk(TempDir, Vec<(String, String)>);

pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), Vec::new())
    }

    /// One whose environment leads to an emulator.
    pub(crate) fn on(moto: &Moto, keys: &Keys) -> Self {
        let mut env: Vec<(String, String)> =
            keys.environment(moto).into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        env.extend([
            ("REDRESS_LAG_SECONDS".to_owned(), "0".to_owned()),
            ("REDRESS_LOCK_SECONDS".to_owned(), "2".to_owned()),
        ]);
        Self(tempfile::tempdir().unwrap(), env)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redress"));
        command
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(self.1.iter().map(|(n, v)| (n, v))).stdin(Stdio::null());
        // The word of a plan chooses no twin by a path, nor any where there are credentials of AWS.
        let acts = ["apply ", "resume ", "undo ", "verify "].iter().any(|word| line.starts_with(word))
            && !line.contains("--account");
        if acts && self.path("plan.json").exists() {
            command.args(["--account", &self.plan().endpoint]);
        }
        command
    }

    pub(crate) fn run(&self, line: &str) -> Said {
        let output = self.command(line).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub(crate) fn ends(&self, code: i32, line: &str) -> Said {
        let said = self.run(line);
        assert_eq!(said.code, code, "redress {line}\n{}\n{}", said.out, said.err);
        said
    }

    /// The runs of the first version in `state`.
    fn with_old_runs() -> Self {
        let desk = Self::new();
        copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1")), &desk.path("state"));
        desk
    }

    fn journal(&self) -> PathBuf {
        self.path("state/runs").join(RUN).join("journal.jsonl")
    }

    /// A demo account in a file of its own, that several state directories can share, and a plan of it.
    pub(crate) fn with_shared_twin() -> (Self, String) {
        let desk = Self::new();
        desk.run("scan --account twin:demo --state-dir first -q");
        let shared = desk.path("shared.json");
        fs::rename(desk.path("first/twin/demo.json"), &shared).unwrap();
        let account = format!("twin:{}", shared.display());
        desk.run(&format!(
            "plan --account {account} --allow-cidr 203.0.113.0/24 --state-dir a -q -o plan.json"
        ));
        assert!(desk.path("plan.json").exists());
        (desk, account)
    }

    pub(crate) fn plan(&self) -> Plan {
        digest::parse(&fs::read_to_string(self.path("plan.json")).unwrap()).unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn outcomes(said: &Said) -> Vec<String> {
    let document: Value =
        serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}\n{}\n{}", said.out, said.err));
    document["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["outcome"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn runs_of_the_first_version_load_tell_their_story_and_can_be_taken_back() {
    let desk = Desk::with_old_runs();
    assert!(desk.ends(0, "runs --state-dir state").out.contains(RUN));
    let told = desk.ends(0, &format!("show {RUN} --state-dir state")).out;
    for part in [
        "What happened (UTC)",
        "09:34:54",
        "the run is started by",
        "calls ec2:",
        "AWS answered",
        "is done",
        "the run is over",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let json: Value =
        serde_json::from_str(&desk.ends(0, &format!("show {RUN} --state-dir state --format json")).out)
            .unwrap();
    let records = fs::read_to_string(desk.journal()).unwrap().lines().count();
    assert_eq!(json["story"].as_array().unwrap().len(), records, "one moment for each record");
    let plan = desk.path("state/runs").join(RUN).join("plan.json");
    desk.ends(0, &format!("show {} --state-dir state -q", plan.display()));
    let undone = desk.ends(
        0,
        &format!("undo {RUN} --state-dir state --auto-approve --max-risk disruptive -q --format json"),
    );
    assert!(outcomes(&undone).iter().all(|o| o == "restored"), "{}", undone.out);
    assert!(desk.ends(0, &format!("show {RUN} --state-dir state")).out.contains("undid"));
}

#[test]
fn a_torn_last_line_is_borne_with_and_anything_else_is_refused_by_name() {
    let desk = Desk::with_old_runs();
    let (show, whole) =
        (format!("show {RUN} --state-dir state"), fs::read_to_string(desk.journal()).unwrap());
    let with = |text: String, code: i32, says: &str| {
        fs::write(desk.journal(), text).unwrap();
        let said = desk.ends(code, &show);
        assert!(said.err.contains(says), "{says}: {}", said.err);
    };
    with(format!("{whole}{{\"format\":\"redress.jour"), 0, "");
    with(
        format!("{whole}rubbish\n"),
        1,
        &format!("line {} is not a journal record", whole.lines().count() + 1),
    );
    with(
        whole.replacen("redress.journal/1", "redress.journal/7", 1),
        1,
        "line 1 has the format \"redress.journal/7\"",
    );
    let lost: Vec<&str> = whole.lines().enumerate().filter(|(n, _)| *n != 4).map(|(_, l)| l).collect();
    with(lost.join("\n") + "\n", 1, "line 5 does not follow");
}

#[test]
fn a_run_is_not_opened_with_another_plan_than_its_own() {
    let desk = Desk::with_old_runs();
    let (other, _) = Desk::with_shared_twin();
    fs::copy(other.path("plan.json"), desk.path("state/runs").join(RUN).join("plan.json")).unwrap();
    for command in ["show", "resume", "verify", "undo"] {
        let said = desk.run(&format!("{command} {RUN} --state-dir state"));
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(said.err.contains("the run began with the plan"), "{}", said.err);
    }
}

/// Asks to stop when the third change begins.
struct StopAtThird<'a>(&'a Stop);

impl Observer for StopAtThird<'_> {
    fn on_progress(&self, event: &ProgressEvent) {
        if matches!(event, ProgressEvent::ChangeBegins { place: 3, .. }) {
            self.0.request();
            self.0.request();
        }
    }
}

#[test]
fn a_run_that_is_copied_to_another_machine_is_resumed_and_undone_there() {
    let (desk, account) = Desk::with_shared_twin();
    let (plan, state) = (desk.plan(), StateDir::open(&desk.path("a")).unwrap());
    let twin = TwinAccount::open(&account, &desk.path("a")).unwrap();
    let run = run_id(&plan, jiff::Timestamp::now());
    let mut journal = state.create(&run, &plan).unwrap().journal().unwrap();
    let stop = Stop::default();
    let engine = Engine {
        account: &twin,
        talk: &StopAtThird(&stop),
        stop: &stop,
        stage: &stage,
        today: today(),
        lag: Duration::from_secs(300),
        jobs: 1,
        stop_at_once: 1,
    };
    block_on(engine.apply(&plan, &run, yes(&plan), &mut journal)).expect_err("it was stopped");
    drop((journal, twin));

    copy(&desk.path("a/runs"), &desk.path("b/runs"));
    fs::remove_dir_all(desk.path("a")).unwrap();
    let resumed = desk.ends(
        0,
        &format!(
            "resume {run} --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --state-dir b -q \
             --format json"
        ),
    );
    assert!(outcomes(&resumed).iter().all(|o| o == "verified" || o == "already-fixed"), "{}", resumed.out);
    copy(&desk.path("b/runs"), &desk.path("c/runs"));
    let undone = desk
        .ends(0, &format!("undo {run} --state-dir c --auto-approve --max-risk disruptive -q --format json"));
    assert!(outcomes(&undone).iter().all(|o| o == "restored"), "{}", undone.out);
}

#[test]
fn the_run_of_another_machine_in_between_is_caught_by_looking_again() {
    let (desk, _) = Desk::with_shared_twin();
    desk.ends(
        0,
        "apply plan.json --allow-cidr 203.0.113.0/24 --state-dir b --auto-approve --max-risk disruptive -q",
    );
    let before = fs::read(desk.path("shared.json")).unwrap();
    let said = desk.run(
        "apply plan.json --allow-cidr 203.0.113.0/24 --state-dir a --auto-approve --max-risk disruptive -q \
         --format json",
    );
    let outcomes = outcomes(&said);
    assert!(
        !outcomes.is_empty() && outcomes.iter().all(|o| o == "already-fixed" || o == "drifted"),
        "{outcomes:?}"
    );
    let things = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap()["truth"].clone();
    assert_eq!(things(&before), things(&fs::read(desk.path("shared.json")).unwrap()), "nothing was called");
}

#[test]
fn of_two_runs_that_began_in_the_same_second_the_later_is_the_last() {
    let (desk, _) = Desk::with_shared_twin();
    let (plan, second): (Plan, jiff::Timestamp) = (desk.plan(), "2026-11-22T10:00:00Z".parse().unwrap());
    let ids: Vec<String> = (0..1000).map(|ms| run_id(&plan, second + Duration::from_millis(ms))).collect();
    assert!(
        ids.is_sorted() && ids.iter().all(|id| id.starts_with("20261122T100000Z-") && id.len() == 23),
        "{ids:?}"
    );
    assert!(run_id(&plan, second + Duration::from_secs(1)) > ids[999]);
}

pub(crate) fn claim<'a>(regions: &[&str], run: &'a str) -> Claim<'a> {
    let regions = regions.iter().map(|r| (*r).to_owned()).collect();
    Claim {
        account: "123456789012",
        regions,
        run,
        caller: "ann",
        now: "2026-11-22T10:00:00Z".parse().unwrap(),
    }
}

#[test]
fn one_run_at_a_time_works_on_a_region_and_the_message_says_who() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path()).unwrap();
    let held = state.lock(&claim(&["eu-west-1", "us-east-1"], "run-one")).unwrap();
    let error = state.lock(&claim(&["us-east-1", "us-east-2"], "run-two")).unwrap_err().to_string();
    for part in
        ["run-one of ann", "process", "since 2026-11-22T10:00:00Z", "us-east-1 of account 123456789012"]
    {
        assert!(error.contains(part), "{part}: {error}");
    }
    state
        .lock(&claim(&["us-east-2"], "run-two"))
        .expect("what was taken of a refused claim is free again, and another region is free");
    drop(held);
    assert!(
        state.lock(&claim(&["us-east-1"], "run-two")).unwrap().left.is_none(),
        "a lock that was given back was not left behind"
    );
}

/// A real redress that holds its lock: its output is not read, so it stands still while it shows the plan.
pub(crate) fn standing_still(desk: &Desk, state: &str) -> Child {
    let line = format!(
        "apply plan.json --allow-cidr 203.0.113.0/24 --state-dir {state} --auto-approve --max-risk \
         disruptive --verbose --verbose"
    );
    desk.command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("in vain: {what}");
}

#[test]
fn the_lock_of_a_process_that_was_killed_is_free_and_told() {
    let (desk, _) = Desk::with_shared_twin();
    let mut child = standing_still(&desk, "a");
    let lock = desk.path("a/locks");
    let held = || {
        fs::read_dir(&lock)
            .ok()?
            .flatten()
            .find(|e| fs::metadata(e.path()).is_ok_and(|m| m.len() > 0))
            .map(|_| ())
    };
    until("the lock is held", held);
    std::thread::sleep(Duration::from_millis(300));
    let said = desk.ends(
        1,
        "apply plan.json --allow-cidr 203.0.113.0/24 --state-dir a --auto-approve --max-risk disruptive -q",
    );
    assert!(
        said.err.contains(&format!("process {}", child.id())) && said.err.contains("is at work on"),
        "{}",
        said.err
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let said = desk.ends(
        0,
        "apply plan.json --allow-cidr 203.0.113.0/24 --state-dir a --auto-approve --max-risk disruptive -q",
    );
    assert!(said.err.contains("has died"), "{}", said.err);
}
