//! Instances of other runs that count before a stop, by their marks alone.

use super::*;
use crate::{inventory::Caller, resource::Owner};

/// Builds a region with these instances: id, state, run and `redress:state` of the mark.
fn region(instances: &[(&str, &str, &str, &str)]) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut facts = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let family = &mut facts.region_mut("r").instances;
    family.read(&listing("r").selector, Fact::Known(()));
    for (id, state, run, found) in instances {
        let tags = [(tag::RUN, run), (tag::STATE, found)]
            .into_iter()
            .filter(|(_, v)| !v.is_empty())
            .map(|(k, v)| (k.to_owned(), (*v).to_owned()));
        family.put(
            *id,
            Instance {
                id: (*id).to_owned(),
                state: (*state).to_owned(),
                tags: tags.collect(),
                ..Instance::default()
            },
        );
    }
    facts
}

fn counting(instances: &[(&str, &str, &str, &str)], settled: bool) -> Vec<String> {
    Others::of(&region(instances), "r", "run-5")
        .unwrap()
        .counting("run-5", None, settled)
        .into_keys()
        .collect()
}

#[test]
fn what_the_run_that_is_taken_back_has_announced_does_not_hold_its_undo_up_and_what_it_has_left_down_does() {
    let counting = |state| {
        Others::of(&region(&[("i-1", state, "run-1", "stopping")]), "r", "run-5").unwrap().counting(
            "run-5",
            Some("run-1"),
            true,
        )
    };
    assert!(counting("running").is_empty());
    assert_eq!(counting("stopped").len(), 1);
}

#[test]
fn what_another_run_has_taken_down_counts_and_what_it_found_stopped_does_not() {
    for state in ["stopping", "stopped", "pending"] {
        assert_eq!(counting(&[("i-1", state, "run-1", "stopping")], true), ["i-1"], "{state}");
        assert_eq!(
            counting(&[("i-1", state, "run-9", "running")], true),
            ["i-1"],
            "{state}: earlier versions announce nothing"
        );
        assert_eq!(
            counting(&[("i-1", state, "run-9", "")], true),
            ["i-1"],
            "{state}: the first versions did not say how they found it"
        );
        assert!(
            counting(&[("i-1", state, "run-1", "stopped")], true).is_empty(),
            "{state}: it was found stopped"
        );
        assert!(counting(&[("i-1", state, "run-5", "stopping")], true).is_empty(), "{state}: its own");
        assert!(counting(&[("i-1", state, "", "")], true).is_empty(), "{state}: nobody's");
    }
    assert!(
        counting(
            &[("i-1", "running", "run-1", "running"), ("i-2", "terminated", "run-1", "stopping")],
            false
        )
        .is_empty()
    );
}

#[test]
fn of_two_that_announce_at_once_the_earlier_goes_first_and_waits_only_until_the_later_ones_stop_would_show() {
    let earlier = [("i-1", "running", "run-1", "stopping")];
    assert_eq!(
        (counting(&earlier, false).len(), counting(&earlier, true).len()),
        (1, 1),
        "the later run waits for the earlier"
    );
    let later = [("i-1", "running", "run-9", "stopping")];
    assert_eq!(
        (counting(&later, false).len(), counting(&later, true).len()),
        (1, 0),
        "the earlier run waits for the view to settle"
    );
}

#[test]
fn what_could_not_be_read_is_never_nothing() {
    let mut facts = region(&[]);
    facts.region_mut("r").instances.read(&listing("r").selector, Fact::Unknown("AccessDenied".into()));
    assert!(Others::of(&facts, "r", "run-5").is_err());
    assert!(Others::of(&region(&[]), "s", "run-5").is_err(), "another region");
}

#[test]
fn in_a_state_that_aws_adds_later_an_instance_counts_as_down() {
    assert_eq!(counting(&[("i-1", "resuming", "run-1", "stopping")], true), ["i-1"]);
}
