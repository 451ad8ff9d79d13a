//! Ctrl-C, SIGTERM and SIGHUP, sent to the real process: once it stops where nothing is down, twice at once;
//! both say how to go on, and a resumed run comes to the end of an uninterrupted one. With one change at a
//! time and with several.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    clinic_desk::{Desk, Said},
    kill_stand::{Case, ENCRYPT, FLEET, FLEET_DOWN, FLOW_LOGS, behind_proxy, ends, states, until},
    proxy::Proxy,
};

/// Sends a signal; `INT` is what Ctrl-C sends.
fn send(signal: &str, pid: u32) {
    let status = Command::new("kill").args(["-s", signal, &pid.to_string()]).status().expect("kill is there");
    assert!(status.success());
}

/// Applies while the proxy is slow, and sends these signals once enough changes were asked for; and how many
/// had been asked for when the last signal had been noticed.
fn interrupted(
    case: &Case,
    desk: &Desk,
    proxy: &Proxy,
    signals: &[&str],
    enough: impl Fn(&[String]) -> bool,
) -> (Said, usize) {
    proxy.go_wrong(None);
    proxy.slow(Duration::from_millis(1500));
    let started = desk.start(&case.apply());
    let pid = started.child.as_ref().unwrap().id();
    until("it comes so far", || enough(&proxy.changes()).then_some(()));
    for (n, signal) in signals.iter().enumerate() {
        send(signal, pid);
        // Two signals at once would be one.
        let heard = Instant::now() + Duration::from_secs(20);
        while started.err_so_far().matches("redress resume").count() <= n && Instant::now() < heard {
            thread::sleep(Duration::from_millis(10));
        }
    }
    let heard = proxy.changes().len();
    proxy.slow(Duration::ZERO);
    (started.end(), heard)
}

fn stops(calls: &[String]) -> usize {
    calls.iter().filter(|c| *c == "StopInstances").count()
}

#[test]
fn ctrl_c_once_stops_where_nothing_is_down_and_twice_stops_at_once_and_both_can_be_resumed() {
    let (_, calls, end) = ENCRYPT.uninterrupted();
    let stop = calls.iter().position(|c| c == "StopInstances").unwrap() + 1;
    let mut desks = ENCRYPT.desks(2).into_iter().map(behind_proxy);
    let (once, proxy) = desks.next().unwrap();
    let (said, _) = interrupted(&ENCRYPT, &once, &proxy, &["INT"], |calls| calls.len() >= stop);
    assert!(said.err.contains("redress resume"), "{}", said.err);
    assert_eq!(states(&once), [("running".to_owned(), 2)], "nothing is down\n{}", said.err);
    // It was the only change, so the point where nothing is down is the end.
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(ends([&once]).first(), Some(&end));

    let (twice, proxy) = desks.next().unwrap();
    let (said, heard) = interrupted(&ENCRYPT, &twice, &proxy, &["INT", "INT"], |calls| calls.len() >= stop);
    assert_eq!(said.code, Some(1), "{}\n{}", said.out, said.err);
    assert!(said.err.contains("redress resume") && said.err.contains("goes on"), "{}", said.err);
    let made = proxy.changes().len() - heard;
    assert!(made <= 1, "{made} calls more were made");
    assert_eq!(said.json()["state"], "interrupted");
    // What is down is said where a person reads it.
    let down = &said.json()["changes"][0]["down"];
    assert!(
        down[0].as_str().is_some_and(|id| said.err.contains(&format!("{id} is down by the journal"))),
        "{down}\n{}",
        said.err
    );
    let said = twice.run("resume last --auto-approve --max-risk disruptive --format json");
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(states(&twice), [("running".to_owned(), 2)]);
    assert_eq!(ends([&twice]), [end]);
}

#[test]
fn ctrl_c_once_between_two_changes_leaves_the_second_for_resume() {
    let (_, calls, end) = FLOW_LOGS.uninterrupted();
    let (desk, proxy) = behind_proxy(FLOW_LOGS.desks(1).remove(0));
    proxy.slow(Duration::from_millis(1500));
    let started = desk.start(&FLOW_LOGS.apply());
    let pid = started.child.as_ref().unwrap().id();
    while proxy.changes().is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    send("INT", pid);
    let said = started.end();
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        proxy.changes().len() < calls.len(),
        "the change at hand was ended, and no other was begun: {:?}",
        proxy.changes()
    );
    let run = said.json();
    assert_eq!(
        (run["state"].as_str(), run["changes"][0]["outcome"].as_str()),
        (Some("interrupted"), Some("verified"))
    );
    proxy.slow(Duration::ZERO);
    assert_eq!(desk.run("resume last --auto-approve --max-risk disruptive --format json").code, Some(0));
    assert_eq!(ends([&desk]), [end]);
}

#[test]
fn ctrl_c_once_with_four_jobs_ends_the_four_at_hand_and_leaves_the_fifth_for_resume() {
    let (_, _, end) = FLEET_DOWN.uninterrupted();
    let (desk, proxy) = behind_proxy(FLEET_DOWN.desks(1).remove(0));
    let (said, _) = interrupted(&FLEET_DOWN, &desk, &proxy, &["INT"], |calls| stops(calls) >= 2);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.err.contains("stopping after the changes at hand") && said.err.contains("redress resume"),
        "{}",
        said.err
    );
    assert_eq!(states(&desk), vec![("running".to_owned(), 1); 5], "nothing is down\n{}", said.err);
    let run = said.json();
    let verified = run["changes"].as_array().unwrap().iter().filter(|c| c["outcome"] == "verified").count();
    assert_eq!(
        (run["state"].as_str(), verified, stops(&proxy.changes())),
        (Some("interrupted"), 4, 4),
        "{run}"
    );
    assert_eq!(
        desk.ends(0, "resume last --auto-approve --max-risk disruptive --format json").json()["state"],
        "complete"
    );
    assert_eq!(ends([&desk]), [end]);
}

#[test]
fn ctrl_c_twice_with_four_jobs_stops_each_before_its_next_call_and_resume_brings_all_up_again() {
    let (_, _, end) = FLEET.uninterrupted();
    let (desk, proxy) = behind_proxy(FLEET.desks(1).remove(0));
    let (said, heard) = interrupted(&FLEET, &desk, &proxy, &["INT", "INT"], |calls| stops(calls) >= 2);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.err.contains("stopping before the next call") && said.err.contains("redress resume"),
        "{}",
        said.err
    );
    assert_eq!(said.json()["state"], "interrupted");
    // Each of the four may have had a call on the way that the proxy had not seen yet.
    let made = proxy.changes().len() - heard;
    assert!(made <= 4, "{made} calls more were made");
    assert!(
        states(&desk).iter().any(|(state, _)| state == "stopped"),
        "it was pressed while something was down: {}",
        said.err
    );
    let said = desk.ends(0, "resume last --auto-approve --max-risk disruptive --jobs 2 --format json");
    assert!(
        said.json()["changes"].as_array().unwrap().iter().all(|c| c["outcome"] == "verified"),
        "{}",
        said.out
    );
    assert_eq!(states(&desk), vec![("running".to_owned(), 1); 5]);
    assert_eq!(ends([&desk]), [end]);
}

#[test]
fn sigterm_and_sighup_stop_as_ctrl_c_does_while_an_instance_is_down() {
    let (_, calls, end) = ENCRYPT.uninterrupted();
    let stop = calls.iter().position(|c| c == "StopInstances").unwrap() + 1;
    let mut desks = ENCRYPT.desks(3).into_iter().map(behind_proxy);
    for signal in ["TERM", "HUP"] {
        let (once, proxy) = desks.next().unwrap();
        let (said, _) = interrupted(&ENCRYPT, &once, &proxy, &[signal], |calls| calls.len() >= stop);
        assert!(
            said.err.contains(&format!("SIG{signal}: stopping after the changes at hand"))
                && said.err.contains("redress resume"),
            "{}",
            said.err
        );
        assert_eq!(states(&once), [("running".to_owned(), 2)], "nothing is down\n{}", said.err);
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert_eq!(ends([&once]).first(), Some(&end));
    }
    // Different signals are requests of one kind: a CI job that is cancelled gets one after the other.
    let (twice, proxy) = desks.next().unwrap();
    let (said, _) = interrupted(&ENCRYPT, &twice, &proxy, &["INT", "TERM"], |calls| calls.len() >= stop);
    assert_eq!(said.code, Some(1), "{}\n{}", said.out, said.err);
    assert!(
        said.err.contains("SIGTERM: stopping before the next call") && said.err.contains("goes on"),
        "{}",
        said.err
    );
    assert_eq!(said.json()["state"], "interrupted");
    assert_eq!(twice.run("resume last --auto-approve --max-risk disruptive --format json").code, Some(0));
    assert_eq!(ends([&twice]), [end]);
}

#[test]
fn sighup_with_four_jobs_ends_the_changes_at_hand_and_leaves_the_others_for_resume() {
    let (_, _, end) = FLEET.uninterrupted();
    let (desk, proxy) = behind_proxy(FLEET.desks(1).remove(0));
    let (said, _) = interrupted(&FLEET, &desk, &proxy, &["HUP"], |calls| stops(calls) >= 1);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.err.contains("SIGHUP: stopping after the changes at hand")
            && said.err.contains("redress resume"),
        "{}",
        said.err
    );
    assert_eq!(states(&desk), vec![("running".to_owned(), 1); 5], "nothing is down\n{}", said.err);
    let run = said.json();
    let verified = run["changes"].as_array().unwrap().iter().filter(|c| c["outcome"] == "verified").count();
    assert_eq!(run["state"], "interrupted");
    assert!((1..5).contains(&verified), "{run}");
    assert_eq!(
        desk.ends(0, "resume last --auto-approve --max-risk disruptive --format json").json()["state"],
        "complete"
    );
    assert_eq!(ends([&desk]), [end]);
}

#[test]
fn a_signal_that_is_ignored_from_the_start_stays_ignored() {
    let (_, _, end) = FLOW_LOGS.uninterrupted();
    let (desk, proxy) = behind_proxy(FLOW_LOGS.desks(1).remove(0));
    proxy.slow(Duration::from_millis(500));
    // As nohup(1) starts a program.
    let program = desk.command(&FLOW_LOGS.apply());
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(desk.folder.path())
        .env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let started = desk.start_command(shell);
    let pid = started.child.as_ref().unwrap().id();
    until("the first change is made", || (!proxy.changes().is_empty()).then_some(()));
    send("HUP", pid);
    proxy.slow(Duration::ZERO);
    let said = started.end();
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(!said.err.contains("stopping"), "{}", said.err);
    assert_eq!(ends([&desk]), [end]);
}
