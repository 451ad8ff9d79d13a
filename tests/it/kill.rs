//! The program really killed with SIGKILL before and after each call that changes something, for each action, then
//! resumed; and replies cut or lost, connections reset, and 503s at each call. The end is compared through boto3 with that
//! of an uninterrupted run.

use std::{
    collections::VecDeque,
    io::Write,
    process::{Command, Stdio},
    sync::{Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::{
    clinic_desk::{Desk, Said, text},
    proxy::{At, Fault, Proxy},
    support::{Keys, Moto, python},
};

/// An emulator without the thousands of images and policies that each new account has otherwise: there are many accounts.
fn moto() -> &'static Moto {
    static SHARED: OnceLock<(Moto, NamedTempFile)> = OnceLock::new();
    let (moto, _) = SHARED.get_or_init(|| {
        let image = json!({
            "ami_id": "ami-760aaa0f", "state": "available", "public": true, "owner_id": "137112412989", "image_location": "amazon/one",
            "sriov": "simple", "root_device_type": "ebs", "root_device_name": "/dev/xvda", "description": "one image", "image_type": "machine",
            "platform": null, "architecture": "x86_64", "name": "one", "virtualization_type": "hvm", "hypervisor": "xen",
        });
        let mut file = NamedTempFile::new().unwrap();
        write!(file, "{}", json!([image])).unwrap();
        let path = file.path().display().to_string();
        (Moto::start_with(&[("MOTO_AMIS_PATH", path.as_str())]), file)
    });
    moto
}

/// An action, how its account is seeded, and the flags that restrict a run to it.
struct Case {
    action: &'static str,
    seed: &'static str,
    flags: &'static str,
}

const TIGHTEN: Case =
    Case { action: "tighten-security-group", seed: "tighten-security-group", flags: "--check security-group-open-admin-port --allow-cidr 203.0.113.0/24" };
const FLOW_LOGS: Case = Case { action: "enable-flow-logs", seed: "enable-flow-logs", flags: "--check vpc-without-flow-logs" };
const RAISE: Case = Case { action: "raise-cloudtrail", seed: "raise-cloudtrail", flags: "--check cloudtrail-not-logging --check cloudtrail-no-log-validation" };
const CREATE: Case = Case { action: "create-cloudtrail", seed: "create-cloudtrail", flags: "--check cloudtrail-missing" };
const SNAPSHOT: Case = Case { action: "snapshot-instance", seed: "snapshot-instance", flags: "--check instance-backup-stale" };
const ENCRYPT: Case = Case { action: "encrypt-volumes", seed: "encrypt-volumes", flags: "--check ebs-volume-unencrypted" };
const DETACHED: Case = Case { action: "encrypt-volumes", seed: "encrypt-volumes-detached", flags: "--check ebs-volume-unencrypted" };

/// How many scenarios of a case are under way at once: they mostly wait.
const ABREAST: usize = 4;

/// Feeds lines to a script, one for each account, and gives back the lines that it prints.
fn feed(script: &str, words: &[&str], accounts: impl Iterator<Item = Value>) -> Vec<Value> {
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
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn spoken(keys: &Keys, kind: &str) -> Value {
    json!({ "kind": kind, "account": keys.account, "id": keys.id, "secret": keys.secret, "token": keys.token })
}

impl Case {
    /// So many accounts, each with what the action is for.
    fn desks(&self, n: usize) -> Vec<Desk> {
        let keys: Vec<Keys> = (0..n).map(|_| moto().account()).collect();
        feed(include_str!("kill_seed.py"), &[], keys.iter().map(|k| spoken(k, self.seed)));
        keys.into_iter().map(|keys| Desk::with(moto(), keys)).collect()
    }

    fn apply(&self) -> String {
        format!("apply {} --auto-approve --max-risk disruptive --format json", self.flags)
    }

    /// An uninterrupted run: what it changes, by call, and what is there afterwards.
    fn uninterrupted(&self) -> (Vec<String>, Value) {
        let (mut desk, proxy) = behind_proxy(self.desks(1).remove(0));
        let said = desk.ends(0, &self.apply());
        assert!(said.json()["changes"].as_array().unwrap().iter().any(|c| c["action"] == self.action && c["outcome"] == "verified"), "{}", said.out);
        desk.endpoint = moto().url();
        (proxy.changes(), ends(&[&desk]).remove(0))
    }

    /// Lets each of these go wrong on an account of its own, `ABREAST` at a time, and compares the ends.
    fn each(&self, faults: Vec<(At, Fault)>, end: &Value, play: impl Fn(&Desk, &Proxy, (At, Fault)) + Sync) {
        let desks = self.desks(faults.len());
        let work: Mutex<VecDeque<(Desk, (At, Fault))>> = Mutex::new(desks.into_iter().zip(faults).collect());
        let done: Mutex<Vec<(Desk, (At, Fault))>> = Mutex::default();
        thread::scope(|scope| {
            for _ in 0..ABREAST {
                scope.spawn(|| {
                    loop {
                        let Some((desk, fault)) = work.lock().unwrap().pop_front() else { return };
                        let (desk, proxy) = behind_proxy(desk);
                        proxy.go_wrong(Some(fault));
                        play(&desk, &proxy, fault);
                        done.lock().unwrap().push((desk, fault));
                    }
                });
            }
        });
        let done = done.into_inner().unwrap();
        let seen = ends(&done.iter().map(|(desk, _)| desk).collect::<Vec<_>>());
        assert_eq!(seen.len(), done.len());
        for ((desk, fault), seen) in done.iter().zip(&seen) {
            let told = || format!("{} after {fault:?}\n{}", self.action, text(&desk.path("1.err")));
            assert!(seen == end, "another end: {}\n{}", told(), difference(end, seen));
        }
    }

    /// Killed before and after each call in turn, then resumed.
    fn survives_sigkill(&self) {
        let began = Instant::now();
        let (calls, end) = self.uninterrupted();
        let faults: Vec<_> = (1..=calls.len()).flat_map(|n| [(At::Change(n), Fault::KillBefore), (At::Change(n), Fault::KillAfter)]).collect();
        let kills = faults.len();
        self.each(faults, &end, |desk, proxy, fault| {
            let mut started = desk.start(&self.apply());
            let ended = proxy.watch(started.child.take().unwrap());
            assert!(ended.is_none(), "{fault:?}: it ended by itself: {ended:?}\n{}", text(&started.err));
            let said = desk.run("resume last --format json");
            assert_eq!(said.code, Some(0), "{} resumed after {fault:?}\n{}\n{}", self.action, said.out, said.err);
            assert_eq!(said.json()["state"], "complete");
        });
        println!("{} ({}): {kills} SIGKILLs survived in {:?}: {calls:?}", self.action, self.seed, began.elapsed());
    }

    /// The replies cut or lost, the connection reset, 503 before and after the effect, at each call in turn: the run goes on
    /// by itself.
    fn survives_the_network(&self) {
        const KINDS: [Fault; 5] = [Fault::Cut, Fault::Lost, Fault::Reset, Fault::Busy, Fault::BusyAfter];
        let (calls, end) = self.uninterrupted();
        // Each call meets two of the five kinds, and the kinds take turns.
        let faults: Vec<_> = (0..calls.len() * 2).map(|n| (At::Change(n / 2 + 1), KINDS[n % KINDS.len()])).collect();
        let count = faults.len();
        self.each(faults, &end, |desk, proxy, fault| {
            let said = desk.run(&self.apply());
            assert_eq!(said.code, Some(0), "{} after {fault:?}\n{}\n{}", self.action, said.out, said.err);
            assert_eq!(proxy.faults(), 1, "{fault:?} came about");
        });
        println!("{} ({}): {count} faults of the network borne", self.action, self.seed);
    }
}

/// Lines that stand in one of two documents alone.
fn difference(ought: &Value, is: &Value) -> String {
    let (ought, is) = (format!("{ought:#}"), format!("{is:#}"));
    let only = |a: &str, b: &str, sign: &str| -> String {
        let count = |text: &str, line: &str| text.lines().filter(|l| *l == line).count();
        a.lines().filter(|line| count(a, line) > count(b, line)).map(|line| format!("{sign} {line}\n")).collect()
    };
    only(&ought, &is, "-") + &only(&is, &ought, "+")
}

/// The desk with a proxy between it and the emulator.
fn behind_proxy(mut desk: Desk) -> (Desk, Proxy) {
    let proxy = Proxy::before(&moto().url());
    desk.endpoint.clone_from(&proxy.url);
    (desk, proxy)
}

/// What boto3 sees in these accounts, without ids and times.
fn ends(desks: &[&Desk]) -> Vec<Value> {
    feed(include_str!("clinic_look.py"), &["us-east-1", "batch"], desks.iter().map(|d| spoken(&d.keys, "")))
}

#[test]
fn a_security_group_is_tightened_whenever_the_program_is_killed() {
    TIGHTEN.survives_sigkill();
}

#[test]
fn flow_logs_are_enabled_whenever_the_program_is_killed() {
    FLOW_LOGS.survives_sigkill();
}

#[test]
fn a_trail_is_raised_whenever_the_program_is_killed() {
    RAISE.survives_sigkill();
}

#[test]
fn a_trail_is_created_whenever_the_program_is_killed() {
    CREATE.survives_sigkill();
}

#[test]
fn snapshots_are_taken_once_whenever_the_program_is_killed() {
    SNAPSHOT.survives_sigkill();
}

#[test]
fn the_volumes_of_an_instance_are_encrypted_whenever_the_program_is_killed() {
    ENCRYPT.survives_sigkill();
}

#[test]
fn a_detached_volume_is_encrypted_whenever_the_program_is_killed() {
    DETACHED.survives_sigkill();
}

#[test]
fn a_network_that_fails_at_any_call_changes_nothing_about_the_end() {
    for case in [TIGHTEN, FLOW_LOGS, RAISE, CREATE, SNAPSHOT, DETACHED] {
        case.survives_the_network();
    }
}

#[test]
fn a_network_that_fails_at_any_call_of_an_encryption_changes_nothing_about_the_end() {
    ENCRYPT.survives_the_network();
}

#[test]
fn reads_that_fail_now_and_then_change_nothing_about_the_end() {
    let (_, end) = ENCRYPT.uninterrupted();
    let faults = [Fault::Cut, Fault::Lost, Fault::Reset, Fault::Busy].map(|fault| (At::EveryRead(7), fault));
    ENCRYPT.each(faults.to_vec(), &end, |desk, proxy, fault| {
        let said = desk.run(&ENCRYPT.apply());
        assert_eq!(said.code, Some(0), "after {fault:?}\n{}\n{}", said.out, said.err);
        assert!(proxy.faults() > 3, "{fault:?} came about");
    });
}

/// Sends Ctrl-C.
fn interrupt(pid: u32) {
    let status = Command::new("kill").args(["-INT", &pid.to_string()]).status().expect("kill is there");
    assert!(status.success());
}

/// Applies while the proxy is slow, and presses Ctrl-C so often once so many changes were asked for.
fn interrupted(desk: &Desk, proxy: &Proxy, at: usize, times: usize) -> Said {
    proxy.go_wrong(None);
    proxy.slow(Duration::from_millis(1500));
    let started = desk.start(&ENCRYPT.apply());
    let pid = started.child.as_ref().unwrap().id();
    let end = Instant::now() + Duration::from_secs(120);
    while proxy.changes().len() < at {
        assert!(Instant::now() < end, "it does not come so far:\n{}", started.err_so_far());
        thread::sleep(Duration::from_millis(10));
    }
    for n in 1..=times {
        interrupt(pid);
        // Two signals at once would be one.
        let heard = Instant::now() + Duration::from_secs(20);
        while started.err_so_far().matches("redress resume").count() < n && Instant::now() < heard {
            thread::sleep(Duration::from_millis(10));
        }
    }
    proxy.slow(Duration::ZERO);
    started.end()
}

/// The state of the instances of an account, as boto3 sees it.
fn states(desk: &Desk) -> Vec<(String, usize)> {
    let seen = desk.look(&["us-east-1"]);
    let instances = seen["regions"]["us-east-1"]["instances"].as_object().unwrap().clone();
    let of = |i: &Value| (i["state"].as_str().unwrap().to_owned(), i["devices"].as_object().unwrap().len());
    instances.values().map(of).collect()
}

#[test]
fn ctrl_c_once_stops_where_nothing_is_down_and_twice_stops_at_once_and_both_can_be_resumed() {
    let (calls, end) = ENCRYPT.uninterrupted();
    let stop = calls.iter().position(|c| c == "StopInstances").unwrap() + 1;
    let mut desks = ENCRYPT.desks(2).into_iter().map(behind_proxy);
    let (once, proxy) = desks.next().unwrap();
    let said = interrupted(&once, &proxy, stop, 1);
    assert!(said.err.contains("redress resume"), "{}", said.err);
    assert_eq!(states(&once), [("running".to_owned(), 2)], "nothing is down\n{}", said.err);
    // It was the only change, so the point where nothing is down is the end.
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(ends(&[&once]).first(), Some(&end));

    let (twice, proxy) = desks.next().unwrap();
    let said = interrupted(&twice, &proxy, stop, 2);
    assert_eq!(said.code, Some(1), "{}\n{}", said.out, said.err);
    assert!(said.err.contains("redress resume") && said.err.contains("goes on"), "{}", said.err);
    let made = proxy.changes().len();
    assert!(made <= stop + 1, "it stopped at once, after {made} calls, not {stop}");
    assert_eq!(said.json()["state"], "interrupted");
    let said = twice.run("resume last --format json");
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(states(&twice), [("running".to_owned(), 2)]);
    assert_eq!(ends(&[&twice]), [end]);
}

#[test]
fn ctrl_c_once_between_two_changes_leaves_the_second_for_resume() {
    let (calls, end) = FLOW_LOGS.uninterrupted();
    let (desk, proxy) = behind_proxy(FLOW_LOGS.desks(1).remove(0));
    proxy.slow(Duration::from_millis(1500));
    let started = desk.start(&FLOW_LOGS.apply());
    let pid = started.child.as_ref().unwrap().id();
    while proxy.changes().is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    interrupt(pid);
    let said = started.end();
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(proxy.changes().len() < calls.len(), "the change at hand was ended, and no other was begun: {:?}", proxy.changes());
    let run = said.json();
    assert_eq!((run["state"].as_str(), run["changes"][0]["outcome"].as_str()), (Some("interrupted"), Some("verified")));
    proxy.slow(Duration::ZERO);
    assert_eq!(desk.run("resume last --format json").code, Some(0));
    assert_eq!(ends(&[&desk]), [end]);
}
