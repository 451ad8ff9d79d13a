//! The one thing that an inventory must never do: take a listing that was not read for an empty one.

use super::*;

fn log(id: &str, vpc: &str) -> FlowLog {
    FlowLog { id: id.into(), resource_id: vpc.into(), ..FlowLog::default() }
}

#[test]
fn what_was_not_listed_is_not_absent() {
    let mut family = Family::<FlowLog>::default();
    assert_eq!(family.get("fl-1"), Fact::NotRead);
    assert_eq!(family.select(&Selector::by("resource-id", "vpc-1")).silence(), Some("not read"));
    family.read(&Selector::by("resource-id", "vpc-1"), Fact::Known(()));
    assert_eq!(family.select(&Selector::by("resource-id", "vpc-1")).known().map(Vec::len), Some(0));
    assert_eq!(family.select(&Selector::by("resource-id", "vpc-2")).silence(), Some("not read"));
    family.read(&Selector::All, Fact::Unknown("AccessDenied".into()));
    assert_eq!(family.get("fl-1"), Fact::Unknown("AccessDenied".into()));
}

#[test]
fn a_later_listing_makes_what_is_gone_absent_and_leaves_the_rest() {
    let mut family = Family::<FlowLog>::default();
    family.read(&Selector::All, Fact::Known(()));
    family.put("fl-1", log("fl-1", "vpc-1"));
    family.put("fl-2", log("fl-2", "vpc-2"));
    let mut later = Family::<FlowLog>::default();
    later.read(&Selector::by("resource-id", "vpc-1"), Fact::Known(()));
    family.merge(later);
    assert!(family.get("fl-1").is_absent());
    assert!(family.get("fl-2").known().is_some());
}

#[test]
fn no_word_that_aws_adds_later_proves_anything() {
    let key = Key {
        key_state: "Enabled".into(),
        key_usage: "ENCRYPT_DECRYPT".into(),
        key_spec: "SYMMETRIC_DEFAULT".into(),
        ..Key::default()
    };
    assert_eq!(key.proves_usable(), Ok(()));
    for later in [
        Key { key_state: "EnabledForSome".into(), ..key.clone() },
        Key { key_usage: "ENCRYPT".into(), ..key.clone() },
        Key { key_spec: "SYMMETRIC_512".into(), ..key },
    ] {
        assert!(later.proves_usable().is_err(), "{later:?}");
    }
    let status = InstanceStatus {
        system_status: "ok".into(),
        instance_status: "ok".into(),
        attached_ebs_status: "ok".into(),
        ..InstanceStatus::default()
    };
    assert_eq!(status.proves_health(), Ok(()));
    for later in [
        InstanceStatus { system_status: "ok-so-far".into(), ..status.clone() },
        InstanceStatus { instance_status: "ok-so-far".into(), ..status.clone() },
        InstanceStatus { attached_ebs_status: "ok-so-far".into(), ..status },
    ] {
        assert!(later.proves_health().is_err(), "{later:?}");
    }
}

#[test]
fn a_footprint_leaves_out_ids_that_change_and_tags_of_bookkeeping() {
    let rule = |id: &str, tags: &[(&str, &str)]| SecurityGroupRule {
        id: id.into(),
        group_id: "sg-1".into(),
        tags: tags.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        ..SecurityGroupRule::default()
    };
    let footprint = |rule: SecurityGroupRule| {
        let mut family = Family::<SecurityGroupRule>::default();
        family.read(&Selector::by("group-id", "sg-1"), Fact::Known(()));
        family.put(rule.id.clone(), rule);
        family.footprint(&Selector::by("group-id", "sg-1"))
    };
    assert_eq!(
        footprint(rule("sgr-1", &[("a", "b")])),
        footprint(rule("sgr-2", &[("a", "b"), (tag::RUN, "r")]))
    );
    assert_ne!(footprint(rule("sgr-1", &[("a", "b")])), footprint(rule("sgr-1", &[("a", "c")])));
    assert_ne!(footprint(rule("sgr-1", &[])), footprint(rule("sgr-1", &[(tag::IGNORE, "yes")])));
}

#[test]
fn a_later_listing_does_not_forget_what_a_reading_by_id_showed() {
    let read = Instance { id: "i-1".into(), stop_protection: Fact::Known(true), ..Instance::default() };
    let listed = Instance { id: "i-1".into(), state: "running".into(), ..Instance::default() };
    let (mut family, mut later) = (Family::<Instance>::default(), Family::<Instance>::default());
    family.put("i-1", read);
    later.put("i-1", listed);
    family.merge(later);
    let known = family.get("i-1").known().map(|i| (i.state.as_str(), i.stop_protection.clone()));
    assert_eq!(known, Some(("running", Fact::Known(true))));
}

#[test]
fn the_class_of_a_reason_is_of_the_moment_and_its_json_form_is_the_text_alone() {
    let denied: Fact<()> = Fact::Unknown(Reason::new(Cause::Denied, "UnauthorizedOperation"));
    let json = serde_json::to_value(&denied).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "unknown": "UnauthorizedOperation" }),
        "the form of the released inventories"
    );
    let back: Fact<()> = serde_json::from_value(json).unwrap();
    assert_eq!((denied.cause(), back.cause()), (Some(Cause::Denied), Some(Cause::Other)));
    assert_eq!(back.silence(), denied.silence());
}

mod tables {
    use proptest::prelude::*;

    use super::super::{Fact, Record, SecurityGroupRule, Selector, Table, Tags};

    /// One change of a table.
    #[derive(Debug, Clone)]
    enum Change {
        Insert(u8, u8, u8),
        Unknown(u8),
        Remove(u8),
        Move(u8, u8),
        MoveAll(u8),
        Retain(u8),
    }

    fn change() -> impl Strategy<Value = Change> {
        let (id, group) = (0..6_u8, 0..3_u8);
        prop_oneof![
            (id.clone(), group.clone(), 0..2_u8).prop_map(|(id, group, run)| Change::Insert(id, group, run)),
            id.clone().prop_map(Change::Unknown),
            id.clone().prop_map(Change::Remove),
            (id.clone(), group.clone()).prop_map(|(id, group)| Change::Move(id, group)),
            group.prop_map(Change::MoveAll),
            id.prop_map(Change::Retain),
        ]
    }

    fn rule(id: u8, group: u8, run: u8) -> SecurityGroupRule {
        let tags =
            Tags::from([("redress:run".to_owned(), run.to_string()), ("owner".to_owned(), run.to_string())]);
        SecurityGroupRule {
            id: format!("sgr-{id}"),
            group_id: format!("sg-{group}"),
            tags,
            ..SecurityGroupRule::default()
        }
    }

    fn make(table: &mut Table<SecurityGroupRule>, change: &Change) {
        match change {
            Change::Insert(id, group, run) => {
                drop(table.insert(format!("sgr-{id}"), Fact::Known(rule(*id, *group, *run))))
            }
            Change::Unknown(id) => drop(table.insert(format!("sgr-{id}"), Fact::unknown("denied"))),
            Change::Remove(id) => drop(table.remove(&format!("sgr-{id}"))),
            Change::Move(id, group) => {
                if let Some(Fact::Known(rule)) = table.get_mut(&format!("sgr-{id}")) {
                    rule.group_id = format!("sg-{group}");
                }
            }
            Change::MoveAll(group) => table.change_all(|rule| rule.group_id = format!("sg-{group}")),
            Change::Retain(id) => table.retain(|other, _| other != format!("sgr-{id}")),
        }
    }

    /// Returns the ids that a walk through all members finds.
    fn by_hand<'a>(table: &'a Table<SecurityGroupRule>, name: &str, value: &str) -> Vec<&'a str> {
        let has = |rule: &SecurityGroupRule| match name.strip_prefix("tag:") {
            Some(key) => rule.tags.get(key).is_some_and(|v| v == value),
            None => rule.filters().contains(&(name, value)),
        };
        table.iter().filter(|(_, fact)| fact.known().is_some_and(has)).map(|(id, _)| id.as_str()).collect()
    }

    fn agrees(table: &Table<SecurityGroupRule>) {
        for (name, values) in
            [("group-id", ["sg-0", "sg-1"]), ("tag:redress:run", ["0", "1"]), ("tag:owner", ["0", "1"])]
        {
            for value in values {
                let found: Vec<&str> =
                    table.picked(&Selector::by(name, value)).into_iter().map(|(id, _)| id).collect();
                assert_eq!(found, by_hand(table, name, value), "{name}={value}");
            }
        }
        let unknown: Vec<&String> = table.unknown().into_iter().map(|(id, _)| id).collect();
        let by_hand: Vec<&String> =
            table.iter().filter(|(_, fact)| matches!(fact, Fact::Unknown(_))).map(|(id, _)| id).collect();
        assert_eq!(unknown, by_hand);
    }

    proptest! {
        /// Checks that the index answers like a walk through all members, after any changes, in the original
        /// and in a copy.
        #[test]
        fn the_index_finds_what_a_walk_finds(changes in proptest::collection::vec((change(), any::<bool>()),
            0..24)) {
            let mut table = Table::default();
            let mut copy = None;
            for (change, look) in &changes {
                make(&mut table, change);
                if *look {
                    agrees(&table);
                    copy.get_or_insert_with(|| (table.clone(), serde_json::to_string(&table).unwrap()));
                }
            }
            agrees(&table);
            if let Some((mut copy, text)) = copy {
                prop_assert_eq!(serde_json::to_string(&copy).unwrap(), text,
                    "a copy does not see what is done to the original");
                changes.iter().for_each(|(change, _)| make(&mut copy, change));
                agrees(&copy);
            }
        }
    }
}

#[test]
fn every_kind_of_resource_has_one_family_and_is_named_alike_by_both() {
    use crate::resource::Kind;
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut kinds = std::collections::BTreeSet::new();
    for (family, about) in FamilyKind::ALL.iter().map(|family| (*family, family.about())) {
        let Some(kind) = about.kind else { continue };
        assert!(kinds.insert(kind), "{kind:?} stands in two families");
        assert_eq!(FamilyKind::of_resource(kind), Some(family));
        if let (Some(word), Some(prefix)) = (about.arn_type, about.id_prefix) {
            let id = format!("{prefix}-0123456789abcdef0");
            assert_eq!(owner.ec2("us-east-1", word, &id).kind(), kind, "{word}");
            assert_eq!(FamilyKind::of_id(&id), Some(family));
        }
    }
    for kind in [
        Kind::SecurityGroup,
        Kind::Vpc,
        Kind::Trail,
        Kind::Volume,
        Kind::Instance,
        Kind::Snapshot,
        Kind::LogGroup,
        Kind::Role,
        Kind::Bucket,
        Kind::FlowLog,
    ] {
        assert!(
            kinds.contains(&kind),
            "{} resources are counted by no family, and no limit holds for them",
            kind.words()
        );
    }
}

#[test]
fn each_kind_can_be_denied_in_the_words_of_aws() {
    // A trial needs no permission: its denial is a result.
    let denied = |kind: &&FamilyKind| **kind != FamilyKind::CopyTrials || !kind.permissions().is_empty();
    for kind in FamilyKind::ALL.iter().filter(denied) {
        let (service, operation) = kind.about().denied().split_once(':').unwrap();
        assert!(!service.is_empty() && operation.chars().next().unwrap().is_ascii_uppercase(), "{kind:?}");
    }
    assert_eq!(FamilyKind::of_id("eni-1"), Some(FamilyKind::NetworkInterfaces));
    assert_eq!(FamilyKind::of_id("nobody-1"), None);
}
