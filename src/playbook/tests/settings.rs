//! Tests of `--set` and `--allow-cidr`.

use serde_json::json;

use super::{GOOD, read, words};
use crate::playbook::{
    Playbook,
    set::{allow_with, override_with},
};

fn loaded() -> Vec<Playbook> {
    let second = GOOD.replace("mine", "second") + "with = { allow = [\"10.0.0.0/8\"] }\n";
    let trail = "id = \"t\"\ntitle = \"T\"\nfinding = \"cloudtrail-not-logging\"\n[[action]]\nuse = \
                 \"raise-cloudtrail\"\n";
    vec![
        read(GOOD).expect("it is good"),
        read(&second).expect("it is good"),
        read(trail).expect("it is good"),
    ]
}

fn set(setting: &str) -> Result<Vec<Playbook>, String> {
    let mut playbooks = loaded();
    let result = override_with(&words(), &mut playbooks, setting);
    if result.is_err() {
        assert_eq!(playbooks, loaded(), "a setting that failed has changed something");
    }
    result.map(|()| playbooks)
}

fn allow(cidrs: &[&str]) -> Result<Vec<Playbook>, String> {
    let mut playbooks = loaded();
    let cidrs: Vec<_> = cidrs.iter().map(|c| c.parse().expect("a CIDR")).collect();
    allow_with(&words(), &mut playbooks, &cidrs).map(|()| playbooks)
}

#[test]
fn a_setting_is_made_in_every_playbook_that_uses_the_action_and_leaves_the_rest() {
    let playbooks = set("tighten-security-group.strategy=revoke").expect("it is good");
    assert_eq!(playbooks[0].actions[0].with["strategy"], "revoke");
    assert_eq!(
        playbooks[1].actions[0].with,
        json!({"strategy": "revoke", "allow": ["10.0.0.0/8"], "keep_days": 30, "key": null})
    );
    assert_eq!(playbooks[2], loaded()[2]);
}

#[test]
fn a_value_is_what_the_parameter_takes_toml_first() {
    let value =
        |setting: &str, name: &str| set(setting).expect("it is good")[0].actions[0].with[name].clone();
    assert_eq!(value("tighten-security-group.keep_days=7", "keep_days"), 7);
    assert_eq!(value("tighten-security-group.key=7", "key"), "7");
    assert_eq!(value("tighten-security-group.key=\"7\"", "key"), "7");
    assert_eq!(value("tighten-security-group.key=alias/x=y", "key"), "alias/x=y");
    assert_eq!(value("tighten-security-group.key=2026-01-01", "key"), "2026-01-01");
    assert_eq!(value("tighten-security-group.allow=[\"192.0.2.0/24\"]", "allow"), json!(["192.0.2.0/24"]));
    assert_eq!(value("tighten-security-group.key=1\nallow = []", "key"), "1\nallow = []");
}

#[test]
fn a_bad_setting_says_what_is_wrong_and_what_was_meant() {
    for (setting, expected) in [
        (
            "keep_days",
            "--set keep_days: write ACTION.PARAM=VALUE, as in --set snapshot-instance.keep_days=14",
        ),
        (
            "keep_days=3",
            "--set keep_days=3: write ACTION.PARAM=VALUE, as in --set snapshot-instance.keep_days=14",
        ),
        (
            "tighten-security-grp.allow=[]",
            "--set tighten-security-grp.allow=[]: there is no action \"tighten-security-grp\"\n  hint: did \
             you mean \"tighten-security-group\"?",
        ),
        (
            "tighten-security-group.stratgy=narrow",
            "--set tighten-security-group.stratgy=narrow: tighten-security-group has no parameter \
             \"stratgy\"\n  hint: did you mean \"strategy\"?",
        ),
        (
            "tighten-security-group.strategy=narow",
            "--set tighten-security-group.strategy=narow: unknown value \"narow\", expected one of \
             \"narrow\", \"revoke\", \"split\"\n  hint: did you mean \"narrow\"?",
        ),
        (
            "raise-cloudtrail.loud=true",
            "--set raise-cloudtrail.loud=true: raise-cloudtrail takes no parameters, and so no \"loud\"",
        ),
        (
            "make-bucket.days=3",
            "--set make-bucket.days=3: no playbook that is loaded uses make-bucket, so this would change \
             nothing",
        ),
    ] {
        assert_eq!(set(setting), Err(expected.to_owned()));
    }
}

#[test]
fn a_value_nested_without_end_is_refused() {
    let error =
        set(&format!("tighten-security-group.allow={}", "[".repeat(50_000))).expect_err("it is too deep");
    assert!(error.ends_with("brackets are nested more than 12 deep"));
}

#[test]
fn allowed_cidrs_are_added_to_those_of_the_file_once() {
    let playbooks =
        allow(&["203.0.113.0/24", "10.0.0.0/8", "2001:db8::/32", "203.0.113.0/24"]).expect("they are good");
    assert_eq!(
        playbooks[0].actions[0].with["allow"],
        json!(["203.0.113.0/24", "10.0.0.0/8", "2001:db8::/32"])
    );
    assert_eq!(
        playbooks[1].actions[0].with["allow"],
        json!(["10.0.0.0/8", "203.0.113.0/24", "2001:db8::/32"])
    );
    assert_eq!(playbooks[2], loaded()[2]);
}

#[test]
fn the_world_and_what_is_near_it_are_not_allowed() {
    for wide in ["0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7", "::/0", "2000::/3", "2000::/15"] {
        let error = allow(&["203.0.113.0/24", wide]).expect_err(wide);
        assert!(error.contains("is the world, or near it"), "{error}");
    }
    for good in ["10.0.0.0/8", "2001::/16"] {
        assert!(allow(&[good]).is_ok(), "{good}");
    }
}

#[test]
fn a_cidr_that_no_playbook_would_use_is_an_error_and_no_cidr_is_none() {
    let mut playbooks = vec![loaded().remove(2)];
    let cidr = "203.0.113.0/24".parse().expect("a CIDR");
    let error = allow_with(&words(), &mut playbooks, &[cidr]).expect_err("nobody uses it");
    assert_eq!(
        error,
        "--allow-cidr: no playbook that is loaded uses an action that lets networks keep their way in, so this \
         would change nothing"
    );
    assert_eq!(allow_with(&words(), &mut playbooks, &[]), Ok(()));
}
