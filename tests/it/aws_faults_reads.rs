//! These tests read single kinds of things from a server that denies a part of them. The denied part is not
//! known, and the rest of the listing is read.

use redress::{
    account::Account,
    checks,
    finding::Verdict,
    inventory::{Fact, FamilyKind as K, Selector, Want},
};
use serde_json::{Value, json};

use crate::aws_faults::{Reply, Server, US, connected, ec2_error, script};

#[tokio::test]
async fn what_stands_in_the_way_of_a_deletion_and_what_the_recycle_bin_keeps_is_read() {
    let say = |text: &str| Reply::Say(200, text.to_owned());
    let server = Server::start(script(move |name, before| match name {
        "DescribeImages" => say(
            "<DescribeImagesResponse><imagesSet><item><imageId>ami-1</imageId><blockDeviceMapping><item><ebs><snapshotId>snap-0a</snapshotId>\
             </ebs></item></blockDeviceMapping></item></imagesSet></DescribeImagesResponse>",
        ),
        "DescribeLockedSnapshots" => say(
            "<DescribeLockedSnapshotsResponse><snapshotSet><item><snapshotId>snap-0b</snapshotId><lockState>governance</lockState></item>\
             <item><snapshotId>snap-0c</snapshotId><lockState>expired</lockState></item></snapshotSet></DescribeLockedSnapshotsResponse>",
        ),
        "ListSnapshotsInRecycleBin" => {
            say("<ListSnapshotsInRecycleBinResponse><snapshotSet><item><snapshotId>snap-0c</snapshotId>\
             <recycleBinExitTime>2026-12-24T10:00:00.000Z</recycleBinExitTime></item></snapshotSet></ListSnapshotsInRecycleBinResponse>")
        }
        "DescribeSnapshotAttribute" if before == 1 => ec2_error(403, "UnauthorizedOperation"),
        "DescribeSnapshotAttribute" => say(
            "<DescribeSnapshotAttributeResponse><createVolumePermission><item><userId>111122223333</userId></item>\
             <item><group>all</group></item></createVolumePermission></DescribeSnapshotAttributeResponse>",
        ),
        "ListVolumesInRecycleBin" => ec2_error(403, "UnauthorizedOperation"),
        "POST /list-rules" => say(r#"{"Rules":[{"Identifier":"rule1"},{"Identifier":"rule2"}]}"#),
        "GET /rules/rule1" => say(
            r#"{"Identifier":"rule1","Status":"available","RetentionPeriod":{"RetentionPeriodValue":14,"RetentionPeriodUnit":"DAYS"},"ExcludeResourceTags":[{"ResourceTagKey":"env","ResourceTagValue":"test"}]}"#,
        ),
        "GET /rules/rule2" => say(
            r#"{"Identifier":"rule2","Status":"pending","RetentionPeriod":{"RetentionPeriodValue":99,"RetentionPeriodUnit":"DAYS"}}"#,
        ),
        _ => ec2_error(400, "InvalidAction"),
    }));
    let account = connected(&server).await;
    let inventory = account
        .read(&["snap-0a", "snap-0b", "snap-0c", "vol-0d"].map(|id| Want::id(US, K::Removals, id)).into())
        .await;
    let removal = |id: &str| {
        inventory.regions[US].removals.get(id).known().copied().unwrap_or_else(|| panic!("{id}")).clone()
    };
    let [a, b, c, d] = ["snap-0a", "snap-0b", "snap-0c", "vol-0d"].map(removal);
    assert_eq!(
        (a.images.known().unwrap().as_slice(), &a.lock, &a.in_bin),
        (&["ami-1".to_owned()][..], &Fact::Absent, &Fact::Known(false))
    );
    assert_eq!(
        (b.images.known().unwrap().len(), b.lock.known().map(String::as_str)),
        (0, Some("governance"))
    );
    assert_eq!(
        (&c.lock, &c.in_bin, c.in_bin_until),
        (&Fact::Absent, &Fact::Known(true), "2026-12-24T10:00:00Z".parse().ok()),
        "an expired lock lets go"
    );
    let shares: Vec<Option<usize>> = [&a, &b, &c].map(|one| one.shared.known().map(Vec::len)).into();
    assert_eq!(
        (shares.iter().filter(|n| **n == Some(2)).count(), shares.iter().filter(|n| n.is_none()).count()),
        (2, 1),
        "what is denied is not known"
    );
    assert!(
        [&a, &b, &c].iter().filter_map(|one| one.shared.known()).all(|with| *with == ["111122223333", "all"])
    );
    assert_eq!(d.shared, Fact::Known(Vec::new()), "a volume is shared with nobody");
    assert!(
        d.in_bin.silence().unwrap().contains("UnauthorizedOperation"),
        "what is denied is not known, and never \"not there\""
    );
    let rules = a.rules.known().unwrap();
    assert_eq!(
        (rules.len(), rules[0].days, rules[0].but.len()),
        (1, 14, 1),
        "a rule that is pending keeps nothing yet"
    );
    let seen = server.seen.lock().unwrap();
    let sent = |name: &str| seen.iter().find(|(n, _)| n == name).map(|(_, body)| body.clone()).unwrap();
    assert!(
        sent("DescribeImages").contains("Owner.1=self")
            && sent("DescribeImages").contains("block-device-mapping.snapshot-id")
    );
    let asked: Vec<&str> =
        seen.iter().filter(|(n, _)| n == "POST /list-rules").map(|(_, body)| body.as_str()).collect();
    assert!(
        asked.iter().any(|body| body.contains("EBS_SNAPSHOT"))
            && asked.iter().any(|body| body.contains("EBS_VOLUME")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn an_endpoint_without_locks_and_without_a_bin_locks_and_keeps_nothing() {
    let server = Server::start(script(|name, _| {
        match name {
        "DescribeImages" => Reply::Say(200,
            "<DescribeImagesResponse><imagesSet/></DescribeImagesResponse>".to_owned()),
        "DescribeSnapshotAttribute" => {
            Reply::Say(200, "<DescribeSnapshotAttributeResponse><createVolumePermission/></DescribeSnapshotAttributeResponse>".to_owned())
        }
        _ => Reply::Say(500, "<!doctype html>".to_owned()),
    }
    }));
    let account = connected(&server).await;
    let inventory = account.read(&[Want::id(US, K::Removals, "snap-0a")].into()).await;
    let removal = inventory.regions[US].removals.get("snap-0a").known().copied().unwrap().clone();
    assert_eq!(
        (removal.lock, removal.in_bin, removal.rules),
        (Fact::Absent, Fact::Known(false), Fact::Known(Vec::new()))
    );
}

#[tokio::test]
async fn target_groups_are_read_page_by_page_and_one_that_may_not_be_read_is_not_known() {
    let say = |text: String| Reply::Say(200, text);
    let group = |name: &str, kind: &str| {
        let arn = format!("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{name}/1");
        format!(
            "<member><TargetGroupArn>{arn}</TargetGroupArn><TargetGroupName>{name}</TargetGroupName><TargetType>{kind}</TargetType></member>"
        )
    };
    let page = move |groups: String, next: &str| {
        let (start, end) = (
            "<DescribeTargetGroupsResponse><DescribeTargetGroupsResult>",
            "</DescribeTargetGroupsResult></DescribeTargetGroupsResponse>",
        );
        format!("{start}<TargetGroups>{groups}</TargetGroups>{next}{end}")
    };
    let server = Server::start(script(move |name, before| {
        match (name, before) {
        ("DescribeTargetGroups", 0) => say(page(group("web", "instance") + &group("function", "lambda"),
            "<NextMarker>m1</NextMarker>")),
        ("DescribeTargetGroups", _) => say(page(group("api", "ip"), "")),
        ("DescribeTargetHealth",
            0) => say("<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions><member><Target><Id>i-1</Id>\
            <Port>80</Port></Target><TargetHealth><State>unhealthy</State><Reason>Target.Timeout</Reason></TargetHealth></member></TargetHealthDescriptions>\
            </DescribeTargetHealthResult></DescribeTargetHealthResponse>"
            .to_owned()),
        _ => Reply::Say(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>".to_owned()),
    }
    }));
    let account = connected(&server).await;
    let inventory = account.read(&[Want::all(US, K::TargetGroups)].into()).await;
    let groups = &inventory.regions[US].target_groups;
    let known: Vec<(&str, bool)> =
        groups.known().map(|(_, g)| (g.name.as_str(), g.targets.known().is_some())).collect();
    assert_eq!(known.len(), 3, "{known:?}");
    let with_targets: Vec<&str> =
        groups.known().filter(|(_, g)| g.targets.known().is_some()).map(|(_, g)| g.name.as_str()).collect();
    let denied: Vec<&str> = groups
        .known()
        .filter(|(_, g)| g.targets.silence().is_some_and(|why| why.contains("AccessDenied")))
        .map(|(_, g)| g.name.as_str())
        .collect();
    assert_eq!(
        (with_targets.len(), denied.len()),
        (1, 1),
        "what was asked second is denied, and a function is not asked about"
    );
    assert_eq!(server.times("DescribeTargetHealth"), 2);
    let paged =
        |(name, body): &(String, String)| name == "DescribeTargetGroups" && body.contains("Marker=m1");
    assert!(server.seen.lock().unwrap().iter().any(paged), "{:?}", server.seen.lock().unwrap());
    let silent = Server::start(script(|_, _| {
        Reply::Say(
            403,
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
                .to_owned(),
        )
    }));
    let inventory = connected(&silent).await.read(&[Want::all(US, K::TargetGroups)].into()).await;
    assert!(
        inventory.regions[US]
            .target_groups
            .select(&Selector::All)
            .silence()
            .unwrap()
            .contains("AccessDenied"),
        "never none"
    );
}

#[tokio::test]
async fn capacity_reservations_and_which_of_them_an_instance_runs_in_are_read() {
    let server = Server::start(script(|name, before| {
        match (name, before) {
        ("DescribeCapacityReservations", 0) => Reply::Say(
            200,
            "<DescribeCapacityReservationsResponse><capacityReservationSet><item><capacityReservationId>cr-0a</capacityReservationId>\
             <instanceType>t3.micro</instanceType><instancePlatform>Linux/UNIX</instancePlatform><availabilityZone>us-east-1a</availabilityZone>\
             <tenancy>default</tenancy><totalInstanceCount>2</totalInstanceCount><availableInstanceCount>1</availableInstanceCount>\
             <state>active</state><endDate>2026-12-24T10:00:00.000Z</endDate><endDateType>limited</endDateType><instanceMatchCriteria>open</instanceMatchCriteria>\
             <placementGroupArn>arn:aws:ec2:us-east-1:123456789012:placement-group/ring</placementGroupArn><reservationType>default</reservationType>\
             </item></capacityReservationSet></DescribeCapacityReservationsResponse>"
                .to_owned(),
        ),
        ("DescribeCapacityReservations", _) => ec2_error(403, "UnauthorizedOperation"),
        ("DescribeInstances", _) => Reply::Say(
            200,
            "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-0a</instanceId><capacityReservationId>cr-0b</capacityReservationId>\
             <capacityReservationSpecification><capacityReservationPreference>open</capacityReservationPreference><capacityReservationTarget>\
             <capacityReservationId>cr-0a</capacityReservationId></capacityReservationTarget></capacityReservationSpecification></item></instancesSet></item>\
             </reservationSet></DescribeInstancesResponse>"
                .to_owned(),
        ),
        _ => ec2_error(400, "InvalidAction"),
    }
    }));
    let account = connected(&server).await;
    let by = Want::by(US, K::CapacityReservations, "instance-type", "t3.micro");
    let inventory = account.read(&[by.clone(), Want::all(US, K::Instances)].into()).await;
    let region = &inventory.regions[US];
    let found = region.capacity_reservations.get("cr-0a").known().copied().unwrap().clone();
    assert_eq!((found.available, found.has_room, found.placement_group.as_deref()), (1, true, Some("ring")));
    assert_eq!((found.match_criteria.as_str(), found.end), ("open", "2026-12-24T10:00:00Z".parse().ok()));
    let instance = region.instances.get("i-0a").known().copied().unwrap();
    let capacity = (
        instance.capacity_preference.as_deref(),
        instance.capacity_target.as_deref(),
        instance.capacity_reservation.as_deref(),
    );
    assert_eq!(capacity, (Some("open"), Some("cr-0a"), Some("cr-0b")));
    let asked = server
        .seen
        .lock()
        .unwrap()
        .iter()
        .find(|(name, _)| name == "DescribeCapacityReservations")
        .unwrap()
        .1
        .clone();
    assert!(
        asked.contains("Filter.1.Name=instance-type") && asked.contains("Filter.1.Value.1=t3.micro"),
        "{asked}"
    );
    let denied = account.read(&[by].into()).await;
    assert!(
        denied.regions[US]
            .capacity_reservations
            .select(&Selector::by("instance-type", "t3.micro"))
            .silence()
            .unwrap()
            .contains("UnauthorizedOperation")
    );
}

#[tokio::test]
async fn a_member_sees_the_organizations_trail_and_does_not_know_what_only_its_owner_can_read() {
    let of_all = "arn:aws:cloudtrail:us-east-1:999999999999:trail/of-all";
    let no = |code: &str| Reply::Say(400, json!({ "__type": code, "message": "not here" }).to_string());
    let server = Server::start(script(move |name, _| match name {
        "DescribeTrails" => Reply::Say(
            200,
            json!({ "trailList": [{ "TrailARN": of_all, "Name": "of-all", "HomeRegion": US,
                "S3BucketName": "central", "IsMultiRegionTrail": true, "IsOrganizationTrail": true }] })
            .to_string(),
        ),
        "GetTrailStatus" => Reply::Say(
            200,
            json!({ "IsLogging": true, "LatestDeliveryTime": 1_764_000_000.0,
                "StartLoggingTime": 1_700_000_000.0 })
            .to_string(),
        ),
        "GetEventSelectors" => no("TrailNotFoundException"),
        "ListTags" => no("CloudTrailARNInvalidException"),
        _ => ec2_error(400, "InvalidAction"),
    }));
    let inventory = connected(&server).await.read(&[Want::trails(US)].into()).await;
    let fact = inventory.trails.get(of_all);
    let trail = fact.known().expect("it is seen");
    assert_eq!(trail.is_logging, Fact::Known(true));
    assert!(trail.start_logging_time.known().is_some());
    for silence in [trail.all_management_events.silence(), trail.tags.silence()] {
        assert!(silence.is_some_and(|why| why.contains("account 999999999999")), "{trail:?}");
    }
    let missing = checks::find("cloudtrail-missing").expect("a check");
    let verdict = (missing.judge)(&inventory, &inventory.owner.root(), &Value::Null);
    assert!(matches!(verdict, Verdict::Ok(Some(_))), "{verdict:?}");
}
