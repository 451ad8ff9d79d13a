//! Credentials that end too soon: an instance is not stopped when they could end before it is up again. On
//! the real process, with both ways in which credentials say when they end.

use std::{collections::BTreeSet, fs, time::Duration};

use jiff::{SignedDuration, Timestamp};
use redress::{
    engine::EngineError,
    inventory::FamilyKind,
    journal::{Event, Outcome, StepState},
    plan::Plan,
    twin::{DeniedRead, Twin},
};
use serde_json::{Value, json};

use crate::{
    clinic_desk::{Desk, Said},
    kill_stand::{ENCRYPT, FLOW_LOGS, behind_proxy, states, until},
    stand::{Stand, hold, yes},
    world,
};

fn in_minutes(minutes: i64) -> String {
    in_time(SignedDuration::from_mins(minutes))
}

fn in_time(time: SignedDuration) -> String {
    Timestamp::now().checked_add(time).unwrap().to_string()
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
    assert!(
        reason.contains("the credentials end at") && reason.contains("Renew them"),
        "why, and what to do: {reason}"
    );
    assert_eq!(proxy.changes(), Vec::<String>::new(), "nothing at all was called");
    assert_eq!(states(&desk), [("running".to_owned(), 2)]);

    let said = with_minutes(&desk, &ENCRYPT.apply(), 12 * 60);
    assert_eq!(
        (said.code, only_change(&said)["outcome"].as_str()),
        (Some(0), Some("verified")),
        "with time enough it is done: {}",
        said.err
    );
}

#[test]
fn credentials_that_end_soon_are_long_enough_for_what_stops_nothing() {
    let (desk, _proxy) = behind_proxy(FLOW_LOGS.desks(1).remove(0));
    let said = with_minutes(&desk, &FLOW_LOGS.apply(), 10);
    assert_eq!(said.code, Some(0), "{}\n{}", said.out, said.err);
    assert!(
        said.json()["changes"].as_array().unwrap().iter().all(|c| c["outcome"] == "verified"),
        "{}",
        said.out
    );
}

/// Lets a process give the credentials, as `credential_process` in a profile names one: they are what stands
/// in a file.
fn give(desk: &Desk, minutes: i64) {
    give_for(desk, SignedDuration::from_mins(minutes));
}

fn give_for(desk: &Desk, time: SignedDuration) {
    let keys = &desk.keys;
    let text = json!({ "Version": 1, "AccessKeyId": keys.id, "SecretAccessKey": keys.secret,
        "SessionToken": keys.token, "Expiration": in_time(time) });
    // Renamed into its place: whoever reads it while it is written must not see half of it.
    fs::write(desk.path("given.new"), text.to_string()).unwrap();
    fs::rename(desk.path("given.new"), desk.path("given.json")).unwrap();
}

fn by_process(desk: &Desk, line: &str) -> std::process::Command {
    fs::write(
        desk.path("config"),
        format!(
            "[default]\nregion = us-east-1\ncredential_process = /bin/cat {}\n",
            desk.path("given.json").display()
        ),
    )
    .unwrap();
    let mut command = desk.command(line);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    command.env("AWS_CONFIG_FILE", desk.path("config")).env("PATH", "/usr/bin:/bin");
    command
}

/// Credentials of a process are asked for again when less than a quarter of an hour is left of them.
const SOON: SignedDuration = SignedDuration::from_mins(15);

#[test]
fn credentials_that_turn_out_too_short_on_the_way_keep_the_instance_from_being_stopped() {
    let (desk, proxy) = behind_proxy(ENCRYPT.desks(1).remove(0));
    // Long enough before the first call; during it the end comes so near that the process is asked, and it
    // has no later ones. A call that takes longer than a minute counts as lost, and would come after the way
    // back.
    give_for(&desk, SOON + SignedDuration::from_secs(45));
    proxy.slow(Duration::from_secs(50));
    let started = desk.start_command(by_process(&desk, &ENCRYPT.apply()));
    until("the first call is made", || (!proxy.changes().is_empty()).then_some(()));
    proxy.slow(Duration::ZERO);
    let said = started.end();
    assert_eq!(said.code, Some(5), "{}\n{}", said.out, said.err);
    let change = only_change(&said);
    assert!(
        change["outcome"] == "rolled-back"
            && change["reason"].as_str().unwrap().contains("the credentials end at"),
        "{change}"
    );
    let calls = proxy.changes();
    assert!(
        calls.iter().any(|c| c == "CreateSnapshots") && !calls.iter().any(|c| c == "StopInstances"),
        "{calls:?}"
    );
    assert_eq!(states(&desk), [("running".to_owned(), 2)]);

    give(&desk, 12 * 60);
    let said = desk.start_command(by_process(&desk, &ENCRYPT.apply())).end();
    assert_eq!(
        (said.code, only_change(&said)["outcome"].as_str()),
        (Some(0), Some("verified")),
        "renewed, it is done: {}",
        said.err
    );
}

#[test]
fn credentials_of_a_process_that_end_too_soon_block_the_change_before_anything_is_called() {
    let (desk, proxy) = behind_proxy(ENCRYPT.desks(1).remove(0));
    give(&desk, 10);
    let said = desk.start_command(by_process(&desk, &ENCRYPT.apply())).end();
    assert_eq!(
        (said.code, only_change(&said)["outcome"].as_str()),
        (Some(4), Some("blocked")),
        "{}",
        said.err
    );
    assert_eq!(proxy.changes(), Vec::<String>::new());
}

/// The demo account, and the part of its plan that stops an instance.
fn stopping() -> (Stand, Plan) {
    let stand = world::demo();
    let whole = world::plan(&stand, &world::Wish::default());
    let ids: BTreeSet<String> = whole
        .changes
        .iter()
        .filter(|c| c.steps.iter().any(|s| s.act.call.operation == "StopInstances"))
        .map(|c| c.id.clone())
        .take(1)
        .collect();
    let plan = world::select(&stand, &whole, &ids);
    assert_eq!(plan.changes.len(), 1);
    (stand, plan)
}

/// Does something to the account once the first of these calls was made after the stop: in the wait that
/// follows it.
fn in_the_wait_of(stand: &Stand, operation: &'static str, hand: impl FnOnce(&mut Twin) + Send + 'static) {
    let then = stand.then.clone();
    let set = move |_: &mut Twin| hold(&then).push((operation.to_owned(), Box::new(hand)));
    hold(&stand.then).push(("StopInstances".to_owned(), Box::new(set)));
}

fn outcome(stand: &Stand) -> (Option<Outcome>, String) {
    let story = stand.story();
    let change = story.changes.values().next().unwrap();
    (change.outcome(), change.reason.clone())
}

/// What a run that halted in a wait must have left: the call of the wait took effect, and nothing went back.
fn halted_in_a_wait(stand: &Stand, operation: &str) {
    let story = stand.story();
    let last = story.changes.values().next().unwrap().steps.last().unwrap().clone();
    assert_eq!(
        (last.call.as_ref().map(|c| c.operation.as_str()), &last.state),
        (Some(operation), &StepState::Called),
        "{}",
        last.name
    );
    assert!(
        !hold(&stand.events).iter().any(|(_, e)| matches!(e, Event::RollbackStarted { .. })),
        "it went back"
    );
}

#[test]
fn credentials_that_end_in_a_wait_halt_it_at_once_and_a_resume_waits_on() {
    for operation in
        ["StopInstances", "CreateSnapshots", "CopySnapshot", "CreateVolume", "AttachVolume", "StartInstances"]
    {
        let (stand, plan) = stopping();
        let end = |twin: &mut Twin| twin.faults.credentials_end = Some(twin.now());
        match operation {
            "StopInstances" => hold(&stand.then).push((operation.to_owned(), Box::new(end))),
            later => in_the_wait_of(&stand, later, end),
        }
        let began = hold(&stand.twin).now();
        let error = stand.run(&plan, yes(&plan), None).unwrap().unwrap_err();
        assert!(
            matches!(&error, EngineError::Credentials(why) if why.contains("RequestExpired")),
            "{operation}: {error}"
        );
        assert!(error.to_string().contains("renew them and resume the run"), "{error}");
        let last = hold(&stand.events).last().unwrap().0;
        assert_eq!(
            last,
            hold(&stand.twin).now(),
            "{operation}: it says so at once, not hours later (began {began})"
        );

        hold(&stand.twin).faults.credentials_end = None;
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        assert_eq!(outcome(&stand).0, Some(Outcome::Verified), "{operation}: {}", outcome(&stand).1);
    }
}

#[test]
fn reads_that_are_denied_in_a_wait_halt_it_at_once_and_a_resume_waits_on() {
    let (stand, plan) = stopping();
    in_the_wait_of(&stand, "CreateSnapshots", |twin| {
        twin.faults.denied_reads.push(DeniedRead {
            family: FamilyKind::Snapshots,
            region: None,
            member: None,
        });
    });
    let error = stand.run(&plan, yes(&plan), None).unwrap().unwrap_err();
    assert!(matches!(&error, EngineError::Blind(why) if why.contains("ec2:DescribeSnapshots")), "{error}");
    halted_in_a_wait(&stand, "CreateSnapshots");

    hold(&stand.twin).faults.denied_reads.clear();
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(outcome(&stand).0, Some(Outcome::Verified), "{}", outcome(&stand).1);
}

#[test]
fn what_is_down_is_brought_up_again_while_the_credentials_still_last_for_the_way_back() {
    let (mut stand, plan) = stopping();
    stand.ends_are_told = true;
    // Long enough when it was stopped, and then shortened: the copies would take longer than what is left.
    in_the_wait_of(&stand, "CreateSnapshots", |twin| {
        let end = twin.now().checked_add(SignedDuration::from_secs(450)).unwrap();
        twin.faults.credentials_end = Some(end);
    });
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let (end, reason) = outcome(&stand);
    assert_eq!(end, Some(Outcome::RolledBack), "{reason}");
    assert!(
        reason.contains("the credentials end at")
            && reason.contains("it is rolled back while that is still possible"),
        "{reason}"
    );
    let id = plan.changes[0].resource.id();
    let twin = hold(&stand.twin);
    let region = &twin.truth().regions[&plan.changes[0].region];
    assert_eq!(region.instances.get(id).known().unwrap().state, "running", "it is up again");
    assert!(twin.faults.credentials_end.unwrap() > twin.now(), "in time");
}

#[test]
fn credentials_that_a_process_renews_are_long_enough_whatever_is_left_of_those_at_hand() {
    let (desk, _proxy) = behind_proxy(ENCRYPT.desks(1).remove(0));
    let keys = &desk.keys;
    // Each time it is asked, it gives ten minutes from then.
    let script = format!(
        "printf \
         '{{\"Version\":1,\"AccessKeyId\":\"{}\",\"SecretAccessKey\":\"{}\",\"SessionToken\":\"{}\",\"Expiration\":\"%s\"}}' \
         \"$(date -u -d '+10 minutes' +%Y-%m-%dT%H:%M:%S.%NZ)\"",
        keys.id, keys.secret, keys.token
    );
    fs::write(desk.path("renew.sh"), script).unwrap();
    let mut command = by_process(&desk, &ENCRYPT.apply());
    fs::write(
        desk.path("config"),
        format!(
            "[default]\nregion = us-east-1\ncredential_process = /bin/sh {}\n",
            desk.path("renew.sh").display()
        ),
    )
    .unwrap();
    command.env("AWS_CONFIG_FILE", desk.path("config"));
    let said = desk.start_command(command).end();
    assert_eq!(
        (said.code, only_change(&said)["outcome"].as_str()),
        (Some(0), Some("verified")),
        "{}\n{}",
        said.out,
        said.err
    );
}
