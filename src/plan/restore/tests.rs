//! Differences that count as changed since a run, and differences that are only noted.

use serde_json::{Value, json};

use super::*;
use crate::{calls::Risk, resource::Owner};

const INSTANCE: &str = "us-east-1/instances/i-1";
const VOLUME: &str = "us-east-1/volumes/vol-old";
const RULES: &str = "us-east-1/security-group-rules/group-id=sg-1";

fn change(action: &str, touches: Vec<Want>) -> Change {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let instance = owner.instance("us-east-1", "i-1");
    Change {
        playbook: "p".into(),
        risk: Risk::Disruptive,
        touches,
        ..Change::frame("c1".into(), crate::plan::ActionNames::of([action]), &instance, "us-east-1")
    }
}

fn encrypt() -> Change {
    change(
        "encrypt-volumes",
        vec![
            Want::id("us-east-1", FamilyKind::Instances, "i-1"),
            Want::id("us-east-1", FamilyKind::Volumes, "vol-old"),
        ],
    )
}

fn tighten() -> Change {
    change(
        "tighten-security-group",
        vec![Want::by("us-east-1", FamilyKind::SecurityGroupRules, "group-id", "sg-1")],
    )
}

fn disk(device: &str, volume: &str) -> Value {
    json!({ "device_name": device, "volume_id": volume, "delete_on_termination": true, "status": "attached" })
}

/// Builds the footprint of an instance with a replaced root and another disk, and of the volume that was its
/// root.
fn account(root: &str, attached: Value) -> Value {
    json!({
        INSTANCE: { "id": "i-1", "state": "running", "instance_type": "t3.micro", "tags": {},
            "devices": [disk("/dev/xvda", root), disk("/dev/sdf", "vol-data")] },
        VOLUME: { "id": "vol-old", "state": if attached == json!([]) { "available" } else { "in-use" },
            "attachments": attached, "tags": {} },
    })
}

fn restore() -> Restore {
    let to = account(
        "vol-old",
        json!([{ "instance_id": "i-1", "device": "/dev/xvda", "state": "attached",
            "delete_on_termination": true }]),
    );
    Restore { found: account("vol-new", json!([])), to, kept: Vec::new() }
}

fn edit(mut footprint: Value, at: &str, value: Value) -> Value {
    *footprint.pointer_mut(at).unwrap() = value;
    footprint
}

#[test]
fn what_the_change_left_alone_is_a_note_and_what_it_changed_counts() {
    let (change, restore) = (encrypt(), restore());
    let instance = |member: &str| format!("/us-east-1~1instances~1i-1/{member}");
    let volume = |member: &str| format!("/us-east-1~1volumes~1vol-old/{member}");
    let devices = |root: Value, more: Vec<Value>| Value::Array([vec![root], more].concat());
    let dot = json!({ "device_name": "/dev/xvda", "volume_id": "vol-new", "delete_on_termination": false,
        "status": "attached" });
    let rows = [
        ("tags", instance("tags"), json!({ "Owner": "x" }), false),
        ("type", instance("instance_type"), json!("m5.large"), false),
        (
            "another disk more",
            instance("devices"),
            devices(
                disk("/dev/xvda", "vol-new"),
                vec![disk("/dev/sdf", "vol-data"), disk("/dev/sdg", "vol-3")],
            ),
            false,
        ),
        ("another disk less", instance("devices"), devices(disk("/dev/xvda", "vol-new"), Vec::new()), false),
        ("tags of the old volume", volume("tags"), json!({ "Owner": "x" }), false),
        (
            "the replaced disk",
            instance("devices"),
            devices(disk("/dev/xvda", "vol-4"), vec![disk("/dev/sdf", "vol-data")]),
            true,
        ),
        ("DeleteOnTermination", instance("devices"), devices(dot, vec![disk("/dev/sdf", "vol-data")]), true),
        ("the old volume in use elsewhere", volume("attachments"), json!([{ "instance_id": "i-2" }]), true),
    ];
    for (what, at, value, counts) in rows {
        let moved = foreign(&change, &restore, &edit(restore.found.clone(), &at, value));
        assert_eq!(!moved.ours.is_empty(), counts, "{what}: {moved:?}");
        assert!(counts || !moved.others.is_empty(), "{what}: {moved:?}");
    }
    let gone = edit(restore.found.clone(), "/us-east-1~1volumes~1vol-old", Value::Null);
    assert!(!foreign(&change, &restore, &gone).ours.is_empty(), "the old volume is gone");
    assert_eq!(foreign(&change, &restore, &restore.found), Moved::default());
}

#[test]
fn whether_it_runs_counts_at_the_end_of_a_run_and_never_later() {
    let (change, restore) = (encrypt(), restore());
    let off = edit(restore.to.clone(), "/us-east-1~1instances~1i-1/state", json!("stopped"));
    assert!(matches!(restored(&change, &restore, &off, Moment::EndOfRun),
            Proved::Violated(why) if why.contains("state")));
    assert_eq!(restored(&change, &restore, &off, Moment::Later), Proved::Holds(Vec::new()));
    let begun = edit(restore.found.clone(), "/us-east-1~1instances~1i-1/state", json!("stopped"));
    let moved = foreign(&change, &restore, &begun);
    assert!(moved.ours.is_empty() && !moved.power.is_empty(), "{moved:?}");
    assert!(
        after_rollback(&change, &restore.to, None, &off).is_clean(),
        "a change without a stop leaves that to others"
    );
}

#[test]
fn what_could_not_be_read_is_neither_changed_nor_as_it_was() {
    let (change, restore) = (encrypt(), restore());
    let unread =
        edit(restore.found.clone(), "/us-east-1~1volumes~1vol-old", json!({ "unknown": "AccessDenied" }));
    let moved = foreign(&change, &restore, &unread);
    assert!(moved.ours.is_empty() && moved.unread.contains(VOLUME), "{moved:?}");
    assert!(matches!(
        restored(&change, &restore, &unread, Moment::Later),
        Proved::Violated(_) | Proved::Unknown(_)
    ));
}

fn rule(cidr: &str, tags: Value) -> Value {
    json!({ "group_id": "sg-1", "cidr_ipv4": cidr, "from_port": 22, "to_port": 22, "tags": tags })
}

#[test]
fn of_a_list_of_rules_only_those_count_that_the_change_made_or_took_away() {
    let change = tighten();
    let rules =
        |all: &[&str]| json!({ RULES: all.iter().map(|cidr| rule(cidr, json!({}))).collect::<Vec<_>>() });
    let restore = Restore {
        to: rules(&["0.0.0.0/0", "10.1.0.0/16"]),
        found: rules(&["10.0.0.0/8", "10.1.0.0/16"]),
        kept: Vec::new(),
    };
    for (now, counts) in [
        (rules(&["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"]), false),
        (rules(&["10.0.0.0/8"]), false),
        (rules(&["10.1.0.0/16"]), true),
        (rules(&["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0"]), true),
    ] {
        let moved = foreign(&change, &restore, &now);
        assert_eq!((!moved.ours.is_empty(), moved.others.is_empty()), (counts, counts), "{now}: {moved:?}");
    }
    let tagged =
        json!({ RULES: [rule("10.0.0.0/8", json!({ "Owner": "x" })), rule("10.1.0.0/16", json!({}))] });
    let moved = foreign(&change, &restore, &tagged);
    assert!(moved.ours.is_empty() && !moved.others.is_empty(), "{moved:?}");
    assert_eq!(
        restored(&change, &restore, &rules(&["0.0.0.0/0", "10.2.0.0/16"]), Moment::EndOfRun),
        Proved::Holds(Vec::new())
    );
    assert!(matches!(
        restored(&change, &restore, &rules(&["10.0.0.0/8", "0.0.0.0/0"]), Moment::EndOfRun),
        Proved::Violated(_)
    ));
}

#[test]
fn after_a_rollback_what_others_did_meanwhile_is_named_and_what_is_missing_counts() {
    let change = tighten();
    let rules =
        |all: &[&str]| json!({ RULES: all.iter().map(|cidr| rule(cidr, json!({}))).collect::<Vec<_>>() });
    let (before, predicted) = (rules(&["0.0.0.0/0", "10.1.0.0/16"]), rules(&["10.0.0.0/8", "10.1.0.0/16"]));
    let more = after_rollback(
        &change,
        &before,
        Some(&predicted),
        &rules(&["0.0.0.0/0", "10.1.0.0/16", "10.2.0.0/16"]),
    );
    assert!(more.is_clean() && !more.others.is_empty(), "{more:?}");
    assert!(
        !after_rollback(&change, &before, Some(&predicted), &rules(&["10.1.0.0/16"])).is_clean(),
        "what it took away is not back"
    );
    assert!(
        !after_rollback(
            &change,
            &before,
            Some(&predicted),
            &rules(&["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16"])
        )
        .is_clean(),
        "what it made is left"
    );
    assert!(
        !after_rollback(&change, &before, None, &rules(&["0.0.0.0/0"])).is_clean(),
        "without a prediction everything counts"
    );
}
