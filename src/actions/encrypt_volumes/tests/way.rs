//! The way that is left to the facts: which it is, the reason in the plan, and that the plan holds it.

use super::*;
use crate::inventory::{CopyTrial, Copying};

/// Builds the account, in which a trial of copying the root of i-1 and the detached volume had this result.
fn tried(copying: Copying) -> Inventory {
    let mut it = account();
    for id in ["vol-1", "vol-9"] {
        it.region_mut(R).copy_trials.put(id, CopyTrial { id: id.into(), copying });
    }
    it
}

fn auto() -> Value {
    json!({ "via": "auto" })
}

fn settled(it: &Inventory, target: &ResourceId, with: &Value) -> Value {
    let options = Options::default();
    let context = Context { inventory: it, region: R, checks: &[], options: &options };
    EncryptVolumes.settled(&context, target, with)
}

fn makes(proposal: &Proposal) -> &str {
    &sound::named(&proposal.steps, "volume-1").act.call.operation
}

#[test]
fn it_is_the_default_and_follows_from_a_trial_of_one_disk() {
    let decode = |text: &'static str| EncryptVolumes.decode(toml::de::Deserializer::parse(text).unwrap());
    assert_eq!(decode("").unwrap()["via"], "auto");
    for other in ["chosen = 'possible'", "via = 'direct'\nchosen = 'possible'"] {
        assert_eq!(decode(other).unwrap().get("chosen"), None, "the reason for another way goes");
    }
    for (copying, operation, reason) in [
        (Copying::Possible, "CopyVolumes", "chose \"volume-copy\""),
        (Copying::Denied, "CreateVolume", "may not copy volumes (ec2:CopyVolumes)"),
        (Copying::Unsupported, "CreateVolume", "does not copy volumes with encryption"),
    ] {
        let it = tried(copying);
        for target in [it.owner.instance(R, "i-1"), it.owner.volume(R, "vol-9")] {
            let proposal = propose(&it, &target, auto()).unwrap();
            sound::steps(&proposal.steps);
            assert_eq!(makes(&proposal), operation, "{copying:?}");
            assert!(proposal.impact.iter().any(|line| line.contains(reason)), "{:?}", proposal.impact);
        }
    }
}

#[test]
fn a_trial_whose_result_is_not_known_never_counts_as_possible() {
    for fact in [Fact::NotRead, Fact::Absent, Fact::Unknown("no answer in time".into())] {
        let mut it = account();
        it.region_mut(R).copy_trials.items.insert("vol-1".into(), fact);
        let proposal = on_instance(&it, auto()).unwrap();
        assert_eq!(makes(&proposal), "CreateVolume");
        assert!(!sound::names(&proposal.steps).contains(&"copy-1"), "directly");
        assert!(
            proposal.impact.iter().any(|line| line.contains("it is unknown whether")),
            "{:?}",
            proposal.impact
        );
    }
}

#[test]
fn only_where_the_way_is_open_a_trial_is_asked_for() {
    let it = account();
    let options = Options::default();
    let context = Context { inventory: &it, region: R, checks: &[], options: &options };
    let wants = |target: &ResourceId, with: Value| -> Vec<String> {
        let all = EncryptVolumes.needs(&context, target, &with);
        let trials = all.into_iter().filter(|want| want.family == FamilyKind::CopyTrials);
        trials.map(|want| want.selector.key()).collect()
    };
    let (instance, volume) = (it.owner.instance(R, "i-1"), it.owner.volume(R, "vol-9"));
    let key = |id: &str| Want::id(R, FamilyKind::CopyTrials, id).selector.key();
    assert_eq!(wants(&instance, auto()), [key("vol-1")]);
    assert_eq!(wants(&volume, auto()), [key("vol-9")]);
    for with in [
        json!({ "via": "volume-copy" }),
        json!({ "via": "direct" }),
        json!({ "via": "auto", "initialization_rate": 100 }),
        settled(&tried(Copying::Possible), &instance, &auto()),
    ] {
        assert_eq!(wants(&instance, with.clone()), Vec::<String>::new(), "{with}");
    }
}

#[test]
fn disks_that_cannot_be_copied_as_volumes_go_another_way() {
    let it = tried(Copying::Possible);
    let rated = on_instance(&it, json!({ "via": "auto", "initialization_rate": 100 })).unwrap();
    assert_eq!(makes(&rated), "CreateVolume");
    assert!(
        rated.impact.iter().any(|line| line.contains("takes no initialization_rate")),
        "{:?}",
        rated.impact
    );
}

#[test]
fn a_plan_holds_the_way_whatever_a_trial_shows_later() {
    let it = tried(Copying::Denied);
    let target = it.owner.instance(R, "i-1");
    let planned = settled(&it, &target, &auto());
    assert_eq!((&planned["via"], &planned["chosen"]), (&json!("direct"), &json!("denied")));
    let before = propose(&it, &target, planned.clone()).unwrap();
    for later in [tried(Copying::Possible), account()] {
        assert_eq!(propose(&later, &target, planned.clone()).unwrap(), before);
    }
    assert_eq!(before, propose(&it, &target, auto()).unwrap());
    assert_eq!(settled(&tried(Copying::Possible), &target, &planned), planned, "it is decided once");
    let text = "via = 'direct'\nchosen = 'denied'\nkeep_days = 30";
    let edited = EncryptVolumes.decode(toml::de::Deserializer::parse(text).unwrap()).unwrap();
    assert_eq!(edited, planned, "an edit of another parameter leaves the way and its reason");
}

#[test]
fn a_way_that_planning_chose_is_what_the_playbook_left_to_it_and_one_that_is_named_is_not() {
    let it = tried(Copying::Possible);
    let decode = |text: &str| EncryptVolumes.decode(toml::de::Deserializer::parse(text).unwrap()).unwrap();
    let (auto, direct) = (decode(""), decode("via = 'direct'"));
    let planned = settled(&it, &it.owner.instance(R, "i-1"), &auto);
    assert_ne!(planned, auto);
    assert_eq!(EncryptVolumes.unsettled(&planned, &auto), auto);
    assert_ne!(EncryptVolumes.unsettled(&planned, &direct), direct);
    // Plans of the released format name the way that was the default then.
    assert_eq!(EncryptVolumes.unsettled(&decode("via = 'copy'"), &auto), auto);
    let longer = decode("keep_days = 60");
    assert_eq!(EncryptVolumes.unsettled(&planned, &longer)["keep_days"], 30);
}
