//! Tests of sets: which playbooks are in which, and what a session plans with.

use super::{GOOD, shown};
use crate::{
    actions,
    calls::Power,
    checks,
    playbook::{
        Approve, Playbook, Set, assemble, builtin, parse,
        sets::{asked, chosen, is_run},
    },
};

fn built_in() -> Vec<Playbook> {
    assemble(builtin(), Vec::new()).expect("the built-in playbooks are good")
}

fn with_mine(more: &str) -> Vec<Playbook> {
    assemble(builtin(), vec![("mine.toml".to_owned(), more.to_owned())]).expect("mine is good")
}

fn of<'p>(all: &'p [Playbook], id: &str) -> &'p Playbook {
    all.iter().find(|p| p.id == id).expect(id)
}

#[test]
fn the_usual_set_is_a_part_of_the_strict_one_and_asks_for_everything() {
    for playbook in built_in() {
        let usual = playbook.sets.contains(&Set::Default);
        assert!(!usual || playbook.sets.contains(&Set::Strict), "{}", playbook.id);
        assert!(!usual || playbook.approve != Approve::Auto, "{}", playbook.id);
        assert!(!playbook.sets.is_empty(), "{} is in no set", playbook.id);
    }
}

#[test]
fn a_playbook_is_in_the_set_of_a_framework_that_has_a_control_of_its_checks() {
    for set in Set::ALL.iter().copied().filter(|set| set.is_framework()) {
        for playbook in built_in() {
            let controls = || {
                let checks = playbook.finding.iter().filter_map(|id| checks::find(id));
                checks.flat_map(checks::Check::controls).filter(|c| set.has(c))
            };
            let (is_in, first) = (playbook.sets.contains(&set), controls().next());
            assert_eq!(is_in, first.is_some(), "{} and {set}: {first:?}", playbook.id);
        }
    }
}

#[test]
fn nothing_goes_down_in_the_set_for_an_incident() {
    for playbook in chosen(&built_in(), &[Set::Incident]) {
        for used in &playbook.actions {
            let action = actions::find(&used.action).expect("it is loaded");
            let down = action.operations().iter().find(|spec| spec.power == Power::TakesDown);
            assert_eq!(down.map(|spec| spec.operation), None, "{}", playbook.id);
        }
    }
}

#[test]
fn a_playbook_that_names_no_set_is_in_the_usual_ones_and_a_replacement_in_those_of_the_built_in_one() {
    let mine = parse(GOOD, "mine.toml").expect("it is good");
    assert_eq!(mine.sets, [Set::Default, Set::Strict]);
    let replacing = GOOD.replace("\"mine\"", "\"security-group-open-admin-port\"");
    let all = with_mine(&replacing);
    let sets = &of(&all, "security-group-open-admin-port").sets;
    assert_eq!(sets, &of(&built_in(), "security-group-open-admin-port").sets);
    assert!(sets.contains(&Set::Cis));
    let all = with_mine(&format!("sets = [\"strict\"]\n{replacing}"));
    assert_eq!(of(&all, "security-group-open-admin-port").sets, [Set::Strict]);
}

#[test]
fn a_session_runs_what_its_playbooks_answer() {
    let all =
        with_mine(&format!("sets = [\"incident\"]\n{GOOD}").replace("open-admin-port", "open-other-port"));
    let runs = |sets: &[Set], check: &str| is_run(&all, &chosen(&all, asked(sets)), sets, check);
    assert!(runs(&[], "kms-rotation-off") && runs(&[], "security-group-open-admin-port"));
    assert!(runs(&[Set::Cis], "kms-rotation-off") && !runs(&[Set::Fsbp], "kms-rotation-off"));
    assert!(runs(&[Set::Fsbp, Set::Cis], "kms-rotation-off"));
    assert!(runs(&[], "a-check-that-nobody-answers") && !runs(&[Set::Cis], "a-check-that-nobody-answers"));
}

#[test]
fn wrong_sets_are_reported_at_their_places() {
    let given = |sets: &str| shown(&format!("sets = {sets}\n{GOOD}"));
    let wrong = given("[\"defualt\", \"cis\", \"cis\", 7]");
    assert!(wrong.contains("there is no set \"defualt\"") && wrong.contains("default"), "{wrong}");
    assert!(
        wrong.contains("the set \"cis\" is named twice") && wrong.contains("must be a string"),
        "{wrong}"
    );
    assert!(given("[]").contains("sets is an empty list"));
    assert!(given("\"cis\"").contains("sets must be a list of strings"));
}
