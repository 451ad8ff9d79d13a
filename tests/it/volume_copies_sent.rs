//! Copies of volumes over the SDK, against a server that answers as AWS does: the emulator has none of it.
//! Sending, the answer, the trial of planning, and the members of a copy and of its initialization.

use redress::{
    account::Account,
    calls::Call,
    inventory::{Copying, Fact, FamilyKind as K, Scope, Want},
};
use serde_json::json;

use crate::aws_faults::{Reply, Server, US, connected, ec2_error, script};

fn copy() -> Call {
    let tags = json!([{ "ResourceType": "volume", "Tags": [{ "Key": "redress:run", "Value": "r" }] }]);
    let input = json!({ "SourceVolumeId": "vol-0a", "VolumeType": "io2", "Size": 10, "Iops": 500,
        "Encrypted": true, "KmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/1",
        "TagSpecifications": tags, "ClientToken": "token" });
    Call::new("ec2", US, "CopyVolumes", input)
}

#[tokio::test]
async fn a_copy_is_sent_whole_and_the_new_volume_is_the_one_of_the_answer() {
    let answer = "<CopyVolumesResponse><volumeSet><item><volumeId>vol-0b</volumeId><sourceVolumeId>vol-0a\
                  </sourceVolumeId></item></volumeSet></CopyVolumesResponse>";
    let server = Server::start(script(move |_, _| Reply::Say(200, answer.to_owned())));
    let made = connected(&server).await.call(&copy()).await.unwrap();
    assert_eq!(made["VolumeId"], "vol-0b");
    let seen = server.seen.lock().unwrap();
    let (_, body) = seen.iter().find(|(name, _)| name == "CopyVolumes").unwrap();
    for part in [
        "SourceVolumeId=vol-0a",
        "VolumeType=io2",
        "Size=10",
        "Iops=500",
        "Encrypted=true",
        "KmsKeyId=arn%3Aaws%3Akms",
        "TagSpecification.1.Tag.1.Key=redress%3Arun",
        "ClientToken=token",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert!(!body.contains("Throughput") && !body.contains("DryRun"), "{body}");
}

#[tokio::test]
async fn an_answer_without_a_volume_is_no_copy() {
    let empty = "<CopyVolumesResponse><volumeSet/></CopyVolumesResponse>";
    let server = Server::start(script(move |_, _| Reply::Say(200, empty.to_owned())));
    let error = connected(&server).await.call(&copy()).await.expect_err("it names none");
    assert_eq!(error.code, "Incomplete", "{error}");
}

/// Tries at planning to copy a volume, at an endpoint that answers so; and how often it was asked.
async fn tried(answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> (Fact<Copying>, usize) {
    let server = Server::start(script(answer));
    let scope = Scope::from([Want::id(US, K::CopyTrials, "vol-0a")]);
    let inventory = connected(&server).await.read(&scope).await;
    let trials = &inventory.regions[US].copy_trials;
    let seen = server.seen.lock().unwrap();
    let mut bodies = seen.iter().filter(|(name, _)| name == "CopyVolumes").map(|(_, body)| body);
    assert!(bodies.all(|body| body.contains("DryRun=true") && body.contains("Encrypted=true")), "{seen:?}");
    let asked = seen.iter().filter(|(name, _)| name == "CopyVolumes").count();
    (trials.get("vol-0a").map(|trial| trial.copying), asked)
}

#[tokio::test]
async fn planning_only_tries_a_copy_and_takes_no_other_answer_for_a_yes() {
    // This endpoint is not AWS's: a volume that does not exist is asked about first.
    assert_eq!(tried(|_, _| ec2_error(412, "DryRunOperation")).await, (Fact::Known(Copying::Possible), 2));
    let denied = tried(|_, _| ec2_error(403, "UnauthorizedOperation")).await;
    assert_eq!(denied, (Fact::Known(Copying::Denied), 2));
    let lacking = tried(|_, before| match before {
        0 => ec2_error(412, "DryRunOperation"),
        _ => ec2_error(400, "InvalidParameterCombination"),
    });
    assert_eq!(lacking.await, (Fact::Known(Copying::Unsupported), 2));
    // One that copies although it is only asked to try is not asked about the volume itself.
    let made = "<CopyVolumesResponse><volumeSet><item><volumeId>vol-0</volumeId></item></volumeSet>\
                </CopyVolumesResponse>";
    let (fact, asked) = tried(move |_, _| Reply::Say(200, made.to_owned())).await;
    assert!(matches!(fact, Fact::Unknown(_)) && asked == 1, "{fact:?}, {asked}");
    // The emulator has no such operation.
    let page = "<!doctype html><title>500</title>";
    let lacking = tried(move |_, _| Reply::Say(500, page.to_owned())).await;
    assert_eq!(lacking, (Fact::Known(Copying::Unsupported), 1));
}

#[tokio::test]
async fn a_copy_is_known_by_its_source_and_its_initialization_by_its_status() {
    let volumes = "<DescribeVolumesResponse><volumeSet><item><volumeId>vol-0b</volumeId><size>10</size>\
                   <status>available</status><sourceVolumeId>vol-0a</sourceVolumeId></item></volumeSet>\
                   </DescribeVolumesResponse>";
    let statuses = "<DescribeVolumeStatusResponse><volumeStatusSet><item><volumeId>vol-0b</volumeId>\
                    <initializationStatusDetails><initializationType>volume-copy</initializationType>\
                    <progress>40</progress></initializationStatusDetails></item></volumeStatusSet>\
                    </DescribeVolumeStatusResponse>";
    let server = Server::start(script(move |name, _| {
        Reply::Say(200, if name == "DescribeVolumes" { volumes } else { statuses }.to_owned())
    }));
    let scope = Scope::from([Want::all(US, K::Volumes), Want::id(US, K::VolumeStatuses, "vol-0b")]);
    let inventory = connected(&server).await.read(&scope).await;
    let place = &inventory.regions[US];
    let volume = place.volumes.get("vol-0b").known().copied().unwrap();
    assert_eq!(volume.source_volume_id.as_deref(), Some("vol-0a"));
    let status = place.volume_statuses.get("vol-0b").known().copied().unwrap();
    assert_eq!(status.initialization_type.as_deref(), Some("volume-copy"));
    assert_eq!(status.initialization_progress, Some(40));
    assert!(volume.may_be_initialising(Fact::Known(status), inventory.read_at));
    let seen = server.seen.lock().unwrap();
    let (_, body) = seen.iter().find(|(name, _)| name == "DescribeVolumeStatus").unwrap();
    assert!(body.contains("VolumeId.1=vol-0b") && !body.contains("MaxResults"), "{body}");
}
