//! What the tests with the real process and its real death share: an emulator with many small accounts, each
//! with what one action is for; runs of several of them at a time; and their ends as boto3 sees them. It must
//! not know what is tested.

use std::{
    collections::VecDeque,
    io::Write,
    process::{Command, Stdio},
    sync::{Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    clinic_desk::{Desk, Said, text},
    proxy::{At, Fault, Proxy},
    support::{Keys, Moto, python},
};

/// An emulator without the policies that each new account has otherwise: there are many accounts.
pub fn moto() -> &'static Moto {
    static SHARED: OnceLock<Moto> = OnceLock::new();
    SHARED.get_or_init(|| Moto::start_with(&[]))
}

/// An action, how its account is seeded, and the flags that restrict a run to it.
pub struct Case {
    pub action: &'static str,
    pub seed: &'static str,
    pub flags: &'static str,
}

pub const TIGHTEN: Case = Case {
    action: "tighten-security-group",
    seed: "tighten-security-group",
    flags: "--check security-group-open-admin-port --allow-cidr 203.0.113.0/24",
};
pub const EMPTY: Case = Case {
    action: "empty-default-security-group",
    seed: "empty-default-security-group",
    flags: "--check default-security-group-has-rules",
};
pub const FLOW_LOGS: Case =
    Case { action: "enable-flow-logs", seed: "enable-flow-logs", flags: "--check vpc-without-flow-logs" };
pub const RAISE: Case = Case {
    action: "raise-cloudtrail",
    seed: "raise-cloudtrail",
    flags: "--check cloudtrail-not-logging --check cloudtrail-no-log-validation",
};
pub const CREATE: Case =
    Case { action: "create-cloudtrail", seed: "create-cloudtrail", flags: "--check cloudtrail-missing" };
pub const SNAPSHOT: Case =
    Case { action: "snapshot-instance", seed: "snapshot-instance", flags: "--check instance-backup-stale" };
pub const ENCRYPT: Case =
    Case { action: "encrypt-volumes", seed: "encrypt-volumes", flags: "--check ebs-volume-unencrypted" };
pub const DETACHED: Case = Case {
    action: "encrypt-volumes",
    seed: "encrypt-volumes-detached",
    flags: "--check ebs-volume-unencrypted",
};
/// Several instances, for what runs side by side.
pub const FLEET: Case = Case {
    action: "encrypt-volumes",
    seed: "encrypt-volumes-fleet",
    flags: "--check ebs-volume-unencrypted --jobs 4 --max-percent 100",
};
/// The same, where as many may be down at once as there are jobs.
pub const FLEET_DOWN: Case =
    Case { flags: "--check ebs-volume-unencrypted --jobs 4 --stop-at-once 4 --max-percent 100", ..FLEET };

/// How many scenes are under way at once: they mostly wait.
const ABREAST: usize = 6;

/// Does something with each of these, some of them at a time. Their order is not kept.
pub fn abreast<T: Send>(all: Vec<T>, act: impl Fn(&mut T) + Sync) -> Vec<T> {
    let work: Mutex<VecDeque<T>> = Mutex::new(all.into());
    let done: Mutex<Vec<T>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..ABREAST {
            scope.spawn(|| {
                loop {
                    let Some(mut one) = work.lock().unwrap().pop_front() else { return };
                    act(&mut one);
                    done.lock().unwrap().push(one);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// Before and after each of these calls.
pub fn around_each(calls: impl Iterator<Item = usize>) -> Vec<(At, Fault)> {
    calls.flat_map(|n| [(At::Change(n), Fault::KillBefore), (At::Change(n), Fault::KillAfter)]).collect()
}

/// So many of these at most, spread evenly.
pub fn some<T: Copy>(all: &[T], most: usize) -> Vec<T> {
    let n = all.len().min(most);
    (0..n).map(|i| all[i * all.len() / n]).collect()
}

/// Feeds lines to a script, one for each account, and gives back the lines that it prints.
pub fn feed(script: &str, words: &[&str], accounts: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut child = Command::new(python())
        .args(["-c", script])
        .args(words)
        .envs(moto().account_named("200000000000").environment(moto()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut input = child.stdin.take().unwrap();
    let lines: Vec<String> = accounts.map(|a| a.to_string()).collect();
    thread::spawn(move || {
        for line in lines {
            let _ = writeln!(input, "{line}");
        }
    });
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the script failed");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn spoken(keys: &Keys, kind: &str) -> Value {
    json!({ "kind": kind, "account": keys.account, "id": keys.id, "secret": keys.secret,
        "token": keys.token })
}

/// Lets the seeding script do something of this kind to these accounts.
pub fn done_to<'a>(kind: &str, desks: impl Iterator<Item = &'a Desk>) {
    feed(include_str!("kill_seed.py"), &[], desks.map(|desk| spoken(&desk.keys, kind)));
}

/// A desk with a proxy in front of it.
pub struct Scene {
    pub desk: Desk,
    pub proxy: Proxy,
    /// What goes wrong in it, in order.
    pub faults: Vec<(At, Fault)>,
    /// How its run is resumed.
    pub resume: String,
}

impl Scene {
    /// Runs this, and lets it be killed by the first of the faults.
    pub fn killed(&self, line: &str, fault: (At, Fault)) {
        self.proxy.go_wrong(Some(fault));
        let mut started = self.desk.start(line);
        let ended = self.proxy.watch(started.child.take().unwrap());
        assert!(
            ended.is_none(),
            "redress {line} with {fault:?}: it ended by itself: {ended:?}\n{}",
            text(&started.err)
        );
        self.proxy.go_wrong(None);
    }

    /// Resumes the last run, and it comes to its end.
    pub fn resumed(&self) -> Said {
        let said = self.desk.run(&self.resume);
        assert_eq!(said.code, Some(0), "resumed after {:?}\n{}\n{}", self.faults, said.out, said.err);
        assert_eq!(said.json()["state"], "complete");
        said
    }
}

impl Case {
    /// So many accounts, each with what the action is for.
    pub fn desks(&self, n: usize) -> Vec<Desk> {
        let desks: Vec<Desk> = (0..n).map(|_| Desk::with(moto(), moto().account())).collect();
        done_to(self.seed, desks.iter());
        desks
    }

    /// A scene on an account of its own for each of these lists of faults.
    pub fn scenes(&self, faults: Vec<Vec<(At, Fault)>>) -> Vec<Scene> {
        let behind = |(desk, faults)| {
            let (desk, proxy) = behind_proxy(desk);
            Scene { desk, proxy, faults, resume: self.resume() }
        };
        self.desks(faults.len()).into_iter().zip(faults).map(behind).collect()
    }

    pub fn apply(&self) -> String {
        format!("apply {} --auto-approve --max-risk disruptive --format json", self.flags)
    }

    /// With the yes and the parameters that it was begun with.
    pub fn resume(&self) -> String {
        let allow = self.flags.find("--allow-cidr").map_or("", |at| &self.flags[at..]);
        format!("resume last {allow} --auto-approve --max-risk disruptive --format json")
    }

    /// An uninterrupted run: the scene of it, what it changes, by call, and what is there afterwards.
    pub fn uninterrupted(&self) -> (Scene, Vec<String>, Value) {
        let scene = self.scenes(vec![Vec::new()]).remove(0);
        let said = scene.desk.ends(0, &self.apply());
        assert!(
            said.json()["changes"]
                .as_array()
                .unwrap()
                .iter()
                .any(|c| c["action"] == self.action && c["outcome"] == "verified"),
            "{}",
            said.out
        );
        let (calls, end) = (scene.proxy.changes(), ends([&scene.desk]).remove(0));
        (scene, calls, end)
    }

    /// Whether each of these accounts is as it is to be at the end.
    pub fn all_end_as(&self, end: &Value, scenes: &[Scene], after: &str) {
        let seen = ends(scenes.iter().map(|s| &s.desk));
        assert_eq!(seen.len(), scenes.len());
        for (scene, seen) in scenes.iter().zip(&seen) {
            let told = || {
                format!(
                    "{} after {after} and {:?}\n{}",
                    self.action,
                    scene.faults,
                    text(&scene.desk.path("1.err"))
                )
            };
            assert!(seen == end, "another end: {}\n{}", told(), difference(end, seen));
        }
    }
}

/// Lines that stand in one of two documents alone.
pub fn difference(ought: &Value, is: &Value) -> String {
    let (ought, is) = (format!("{ought:#}"), format!("{is:#}"));
    let only = |a: &str, b: &str, sign: &str| -> String {
        let count = |text: &str, line: &str| text.lines().filter(|l| *l == line).count();
        a.lines()
            .filter(|line| count(a, line) > count(b, line))
            .map(|line| format!("{sign} {line}\n"))
            .collect()
    };
    only(&ought, &is, "-") + &only(&is, &ought, "+")
}

/// The desk with a proxy between it and the emulator.
pub fn behind_proxy(mut desk: Desk) -> (Desk, Proxy) {
    let proxy = Proxy::before(&moto().url());
    desk.endpoint.clone_from(&proxy.url);
    (desk, proxy)
}

/// What boto3 sees in these accounts, without ids and times.
pub fn ends<'a>(desks: impl IntoIterator<Item = &'a Desk>) -> Vec<Value> {
    feed(
        include_str!("clinic_look.py"),
        &["us-east-1", "batch"],
        desks.into_iter().map(|d| spoken(&d.keys, "")),
    )
}

/// The states of the instances of an account, as boto3 sees them, and how many devices each has.
pub fn states(desk: &Desk) -> Vec<(String, usize)> {
    let seen = desk.look(&["us-east-1"]);
    let instances = seen["regions"]["us-east-1"]["instances"].as_object().unwrap().clone();
    let of = |i: &Value| (i["state"].as_str().unwrap().to_owned(), i["devices"].as_object().unwrap().len());
    instances.values().map(of).collect()
}

/// Looks until there is something to be found.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(120);
    while Instant::now() < end {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("in vain: {what}");
}
