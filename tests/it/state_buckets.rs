//! These tests keep runs and locks in a bucket of the emulator, which obeys the same laws as a folder.

use std::{fs, time::Duration};

use redress::{
    bucket::S3Store,
    journal::{Event, Store, StoreError},
    plan::Plan,
};
use serde_json::{Value, json};

use super::{
    state::{Desk, claim, outcomes, standing_still, until},
    support::{Keys, Moto, moto, sdk_config},
};

fn bucket(moto: &Moto, keys: &Keys, name: &str) {
    moto.python(keys, &format!("import boto3\nboto3.client('s3').create_bucket(Bucket='{name}')"));
}

#[test]
fn a_bucket_keeps_runs_by_conditional_writes_one_object_an_event() {
    let (moto, keys) = (moto(), moto().account());
    bucket(moto, &keys, "runs-of-state");
    let desk = Desk::on(moto, &keys);
    let at = "--state-dir s3://runs-of-state/team/a";
    desk.run(&format!(
        "plan --account twin:demo --allow-cidr 203.0.113.0/24 --region eu-west-1 {at} -q -o plan.json"
    ));
    desk.ends(
        0,
        &format!("apply plan.json --allow-cidr 203.0.113.0/24 {at} --auto-approve --max-risk disruptive -q"),
    );
    assert!(desk.ends(0, &format!("runs {at}")).out.contains("complete"));
    let told = desk.ends(0, &format!("show last {at} --format json")).out;
    let told: Value = serde_json::from_str(&told).unwrap();
    let run = told["run"].as_str().unwrap();
    let list = "import boto3\nfor p in \
                boto3.client('s3').get_paginator('list_objects_v2').paginate(Bucket='runs-of-state'):\n  for \
                o in p.get('Contents', []): print(o['Key'])";
    let keys_there = moto.python(&keys, list);
    let events = keys_there.lines().filter(|k| k.starts_with(&format!("team/a/runs/{run}/journal/"))).count();
    assert_eq!(events, told["story"].as_array().unwrap().len());
    assert!(
        keys_there.contains(&format!("team/a/runs/{run}/journal/00000001.json"))
            && keys_there.contains(&format!("team/a/runs/{run}/plan.json"))
    );
    assert!(!keys_there.contains("locks/"), "the locks were given back: {keys_there}");
    let undone =
        desk.ends(0, &format!("undo last {at} --auto-approve --max-risk disruptive -q --format json"));
    assert!(outcomes(&undone).iter().all(|o| o == "restored"));

    moto.python(
        &keys,
        &format!(
            "import boto3\nboto3.client('s3').delete_object(Bucket='runs-of-state', \
             Key='team/a/runs/{run}/journal/00000007.json')"
        ),
    );
    let said = desk.ends(1, &format!("show {run} {at}"));
    assert!(said.err.contains("line 7 does not follow"), "{}", said.err);
    let said = desk.ends(1, "runs --state-dir s3://there-is-no-such-bucket/x");
    assert!(said.err.contains("there-is-no-such-bucket"), "{}", said.err);
    desk.ends(2, "runs --state-dir s3://");
}

#[test]
fn two_processes_that_write_the_same_run_in_a_bucket_do_not_mix() {
    let (moto, keys) = (moto(), moto().account());
    bucket(moto, &keys, "runs-of-two");
    let (twin, _) = Desk::with_shared_twin();
    let store = || in_bucket(moto, &keys, "s3://runs-of-two", Duration::from_secs(60));
    let (one, two) = (store(), store());
    let plan = twin.plan();
    one.create("20261122T100000Z-aaaaaa", &plan).unwrap();
    assert!(
        matches!(two.create("20261122T100000Z-aaaaaa", &plan), Err(StoreError::Remote { .. })),
        "an id is given once"
    );
    let open = |store: &S3Store| store.open_run("20261122T100000Z-aaaaaa").unwrap().journal().unwrap();
    let (mut first, mut second) = (open(&one), open(&two));
    let now = jiff::Timestamp::now();
    first.write(now, beginning(&plan)).unwrap();
    let error = second.write(now, beginning(&plan)).unwrap_err().to_string();
    assert!(error.contains("another process works on this run"), "{error}");
    assert!(second.story.head.run.is_empty(), "what is not kept is not taken in");
}

/// The first record of a run of this plan.
fn beginning(plan: &Plan) -> Event {
    serde_json::from_value(json!({
        "type": "run-started", "run": "run-one", "plan_digest": plan.digest, "kind": plan.kind,
        "account": plan.account, "partition": plan.partition,
        "endpoint": plan.endpoint, "caller": plan.caller, "version": "0", "decisions": [],
    }))
    .unwrap()
}

fn in_bucket(moto: &Moto, keys: &Keys, url: &str, lease: Duration) -> S3Store {
    let config = sdk_config(&moto.url(), keys);
    S3Store::over(url, std::future::ready(config), lease).unwrap()
}

#[test]
fn who_has_lost_the_lock_in_a_bucket_writes_nothing_more() {
    let (moto, keys) = (moto(), moto().account());
    bucket(moto, &keys, "runs-of-lost");
    let (twin, _) = Desk::with_shared_twin();
    let open = || in_bucket(moto, &keys, "s3://runs-of-lost/p", Duration::from_secs(4));
    let store = open();
    let held = store.lock(&claim(&["us-east-1"], "run-one")).unwrap();
    let error = open().lock(&claim(&["us-east-1"], "run-two")).unwrap_err().to_string();
    assert!(error.contains("run-one of ann"), "{error}");
    let plan = twin.plan();
    let mut journal = store.create("20261122T100000Z-bbbbbb", &plan).unwrap().journal().unwrap();
    journal.write(jiff::Timestamp::now(), beginning(&plan)).unwrap();
    moto.python(
        &keys,
        "import boto3\nboto3.client('s3').put_object(Bucket='runs-of-lost', \
         Key='p/locks/123456789012.us-east-1.json', Body=b'{\"somebody\": \"else\"}')",
    );
    std::thread::sleep(Duration::from_millis(2500));
    let error = journal.write(jiff::Timestamp::now(), Event::RunEnded).unwrap_err().to_string();
    assert!(error.contains("taken over"), "{error}");
    drop(held);
    let there = moto.python(
        &keys,
        "import boto3\nprint(boto3.client('s3').get_object(Bucket='runs-of-lost', \
         Key='p/locks/123456789012.us-east-1.json')['Body'].read())",
    );
    assert!(there.contains("somebody"), "the lock of another is not given back");
}

#[test]
fn the_lock_in_a_bucket_of_a_process_that_was_killed_is_taken_over_when_its_time_has_passed() {
    let (moto, keys) = (moto(), moto().account());
    bucket(moto, &keys, "runs-of-dead");
    let desk = Desk::on(moto, &keys);
    let (twin, _) = Desk::with_shared_twin();
    fs::copy(twin.path("plan.json"), desk.path("plan.json")).unwrap();
    let at = "s3://runs-of-dead";
    let mut child = standing_still(&desk, at);
    let list = "import boto3\nprint([o['Key'] for o in \
                boto3.client('s3').list_objects_v2(Bucket='runs-of-dead').get('Contents', [])])";
    until("the lock is held", || moto.python(&keys, list).contains("us-east-1.json").then_some(()));
    std::thread::sleep(Duration::from_secs(4));
    // One that the other has not come to where it stands still.
    let plan = twin.plan();
    let change = plan.changes.iter().find(|c| c.action == "enable-kms-rotation").unwrap();
    let line = format!(
        "apply plan.json --allow-cidr 203.0.113.0/24 --change {} --state-dir {at} --auto-approve --max-risk \
         disruptive -q",
        change.id
    );
    let said = desk.ends(1, &line);
    assert!(
        said.err.contains(&format!("process {}", child.id())),
        "it lives and gives signs of it: {}",
        said.err
    );
    child.kill().unwrap();
    child.wait().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let said = desk.ends(0, &line);
    assert!(said.err.contains("has died"), "{}", said.err);
}
