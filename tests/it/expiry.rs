//! Credentials that end too soon: an instance is not stopped when they could end before it is up again. On the real
//! process, with both ways in which credentials say when they end.

use std::{fs, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    clinic_desk::{Desk, Said},
    kill_stand::{ENCRYPT, FLOW_LOGS, behind_proxy, states, until},
    proxy::Proxy,
};

fn in_minutes(minutes: i64) -> String {
    Timestamp::now().checked_add(SignedDuration::from_mins(minutes)).unwrap().to_string()
}

/// Applies with credentials in the environment that end in so many minutes.
fn with_minutes(desk: &Desk, line: &str, minutes: i64) -> Said {
    let mut command = desk.command(line);
    command.env("AWS_CREDENTIAL_EXPIRATION", in_minutes(minutes));
    desk.start_command(command).end()
}

fn only_change(said: &Said) -> Value {
    let run = said.json();
    assert_eq!(run["changes"].as_array().map(Vec::len), Some(1), "{run}");
    run["changes"][0].clone()
}

#[test]
fn an_instance_is_not_stopped_when_the_credentials_end_before_it_could_be_up_again() {
    let (desk, proxy) = behind_proxy(ENCRYPT.desks(1).remove(0));
    let said = with_minutes(&desk, &ENCRYPT.apply(), 10);
    assert_eq!(said.code, Some(4), "{}\n{}", said.out, said.err);
    let change = only_change(&said);
    assert_eq!(change["outcome"], "blocked");
    let reason = change["reason"].as_str().unwrap();
    assert!(reason.contains("the credentials end at") && reason.contains("Renew them"), "why, and what to do: {reason}");
    assert_eq!(proxy.changes(), Vec::<String>::new(), "nothing at all was called");
    assert_eq!(states(&desk), [("running".to_owned(), 2)]);

    let said = with_minutes(&desk, &ENCRYPT.apply(), 12 * 60);
    assert_eq!((said.code, only_change(&said)["outcome"].as_str()), (Some(0), Some("verified")), "with time enough it is done: {}", said.err);
}

#[test]
fn credentials_that_end_soon_are_long_enough_for_what_stops_nothing() {
    let (desk, _proxy) = behind_proxy(FLOW_LOGS.desks(1).remove(0));
    let said = with_minutes(&desk, &FLOW_LOGS.apply(), 10);
    assert_eq!(said.code, Some(0), "{}\n{}", said.out, said.err);
    assert!(said.json()["changes"].as_array().unwrap().iter().all(|c| c["outcome"] == "verified"), "{}", said.out);
}

/// Lets a process give the credentials, as `credential_process` in a profile names one: they are what stands in a file.
fn give(desk: &Desk, minutes: i64) {
    let keys = &desk.keys;
    let text = json!({ "Version": 1, "AccessKeyId": keys.id, "SecretAccessKey": keys.secret, "SessionToken": keys.token, "Expiration": in_minutes(minutes) });
    // Renamed into its place: whoever reads it while it is written must not see half of it.
    fs::write(desk.path("given.new"), text.to_string()).unwrap();
    fs::rename(desk.path("given.new"), desk.path("given.json")).unwrap();
}

fn by_process(desk: &Desk, line: &str) -> std::process::Command {
    fs::write(desk.path("config"), format!("[default]\nregion = us-east-1\ncredential_process = /bin/cat {}\n", desk.path("given.json").display())).unwrap();
    let mut command = desk.command(line);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    command.env("AWS_CONFIG_FILE", desk.path("config")).env("PATH", "/usr/bin:/bin");
    command
}

/// Waits for the first call, and lets the credentials that are given from then on end in so many minutes.
fn after_the_first_call(desk: &Desk, proxy: &Proxy, minutes: i64) -> Said {
    proxy.slow(Duration::from_secs(2));
    let started = desk.start_command(by_process(desk, &ENCRYPT.apply()));
    until("the first call is made", || (!proxy.changes().is_empty()).then_some(()));
    give(desk, minutes);
    proxy.slow(Duration::ZERO);
    started.end()
}

#[test]
fn credentials_that_turn_out_too_short_on_the_way_keep_the_instance_from_being_stopped() {
    let (desk, proxy) = behind_proxy(ENCRYPT.desks(1).remove(0));
    give(&desk, 12 * 60);
    let said = after_the_first_call(&desk, &proxy, 10);
    assert_eq!(said.code, Some(5), "{}\n{}", said.out, said.err);
    let change = only_change(&said);
    assert!(change["outcome"] == "rolled-back" && change["reason"].as_str().unwrap().contains("the credentials end at"), "{change}");
    let calls = proxy.changes();
    assert!(calls.iter().any(|c| c == "CreateSnapshots") && !calls.iter().any(|c| c == "StopInstances"), "{calls:?}");
    assert_eq!(states(&desk), [("running".to_owned(), 2)]);

    give(&desk, 12 * 60);
    let said = desk.start_command(by_process(&desk, &ENCRYPT.apply())).end();
    assert_eq!((said.code, only_change(&said)["outcome"].as_str()), (Some(0), Some("verified")), "renewed, it is done: {}", said.err);
}

#[test]
fn credentials_of_a_process_that_end_too_soon_block_the_change_before_anything_is_called() {
    let (desk, proxy) = behind_proxy(ENCRYPT.desks(1).remove(0));
    give(&desk, 10);
    let said = desk.start_command(by_process(&desk, &ENCRYPT.apply())).end();
    assert_eq!((said.code, only_change(&said)["outcome"].as_str()), (Some(4), Some("blocked")), "{}", said.err);
    assert_eq!(proxy.changes(), Vec::<String>::new());
}
