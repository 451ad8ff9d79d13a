//! What an inventory must never do: take a listing that was not read for an empty one.

#![allow(clippy::unwrap_used)]

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
    assert_eq!(footprint(rule("sgr-1", &[("a", "b")])), footprint(rule("sgr-2", &[("a", "b"), (tag::RUN, "r")])));
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
    assert_eq!(json, serde_json::json!({ "unknown": "UnauthorizedOperation" }), "the form of the released inventories");
    let back: Fact<()> = serde_json::from_value(json).unwrap();
    assert_eq!((denied.cause(), back.cause()), (Some(Cause::Denied), Some(Cause::Other)));
    assert_eq!(back.silence(), denied.silence());
}
