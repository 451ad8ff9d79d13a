//! Tests of several playbooks together: the user's beside and in place of the built-in ones.

use serde_json::{Value, json};

use super::{GOOD, words};
use crate::playbook::{assemble::assemble_with, check_parameters, own_parameters};

fn file(source: &str, text: &str) -> (String, String) {
    (source.to_owned(), text.to_owned())
}

fn with_id(id: &str) -> String {
    GOOD.replace("mine", id)
}

fn backups(id: &str, check: &str) -> String {
    format!(
        "id = \"{id}\"\ntitle = \"B\"\nfinding = \"instance-backup-stale\"\n[[action]]\nuse = \
         \"snapshot-instance\"\n[check]\n{check}\n"
    )
}

#[test]
fn a_users_playbook_takes_the_place_of_the_built_in_one_with_its_id() {
    let built_in = vec![file("built-in:a", &with_id("a")), file("built-in:b", &with_id("b"))];
    let user = vec![file("z.toml", &with_id("z")), file("own-a.toml", &with_id("a"))];
    let all = assemble_with(&words(), built_in, user).expect("they are good");
    let told: Vec<_> = all.iter().map(|p| (p.id.as_str(), p.source.as_str())).collect();
    assert_eq!(told, [("a", "own-a.toml"), ("b", "built-in:b"), ("z", "z.toml")]);
}

#[test]
fn two_files_of_the_user_with_one_id_are_both_named() {
    let user = vec![file("one.toml", &with_id("a")), file("two.toml", &format!("# mine\n{}", with_id("a")))];
    let problems =
        assemble_with(&words(), vec![file("built-in:a", &with_id("a"))], user).expect_err("the id is taken");
    let expected = "two.toml:2:6: the id \"a\" is taken: one.toml:1:6 has it too\n  2 | id = \"a\"\n    \
                    |      ^^^\n  hint: give one of them another id, or remove it";
    assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
}

#[test]
fn the_problems_of_all_files_are_told_at_once() {
    let user = vec![file("one.toml", "id = 1"), file("two.toml", ""), file("three.toml", GOOD)];
    let problems = assemble_with(&words(), Vec::new(), user).expect_err("two are bad");
    let mut files: Vec<_> = problems.iter().map(|p| p.file.as_str()).collect();
    files.dedup();
    assert_eq!(files, ["one.toml", "two.toml"]);
}

#[test]
fn playbooks_that_give_one_check_different_parameters_are_refused() {
    let user = |check: &str| vec![file("own.toml", &backups("own", check))];
    let built_in = || vec![file("built-in:backups", &backups("backups", "max_age_hours = 24"))];
    let problems = assemble_with(&words(), built_in(), user("max_age_hours = 12")).expect_err("they differ");
    assert_eq!(
        problems[0].what,
        "\"own\" and \"backups\" (built-in:backups:1:6) give the check \"instance-backup-stale\" different \
         parameters"
    );
    assert!(assemble_with(&words(), built_in(), user("max_age_hours = 24")).is_ok());
    assert!(assemble_with(&words(), built_in(), user("")).is_ok());
}

#[test]
fn a_check_gets_the_parameters_that_a_playbook_gives_it_and_no_other_does() {
    let all = assemble_with(
        &words(),
        vec![file("a", &backups("a", "")), file("b", &backups("b", "tag = \"Save\""))],
        vec![file("g", GOOD)],
    )
    .expect("they are good");
    assert_eq!(check_parameters(&all, "instance-backup-stale"), json!({"tag": "Save"}));
    assert_eq!(check_parameters(&all, "security-group-open-admin-port"), Value::Null);
}

#[test]
fn what_a_check_lets_pass_is_known_to_the_action_in_every_playbook_that_uses_it() {
    let other = "id = \"other\"\ntitle = \"O\"\nfinding = \"security-group-open-other-port\"\n[check]\n\
                 authorised = [\"udp/1194\"]\n[[action]]\nuse = \"tighten-security-group\"\n";
    let other = |authorised: &str| {
        let words = crate::playbook::vocabulary::Vocabulary::all();
        let text = other.replace("[\"udp/1194\"]", authorised);
        assemble_with(&words, vec![file("g", GOOD)], vec![file("o", &text)])
    };
    let all = other("[\"udp/1194\"]").expect("they are good");
    let check = "security-group-open-other-port";
    assert_eq!(check_parameters(&all, check), json!({"authorised": ["udp/1194"]}));
    for playbook in &all {
        assert_eq!(playbook.actions[0].with["authorised"], json!(["udp/1194"]), "{}", playbook.id);
    }
    assert_eq!(own_parameters(&all, check), ["authorised"]);
    let default = other("[\"tcp/80\", \"tcp/443\"]").expect("they are good");
    assert!(own_parameters(&default, check).is_empty());
    assert!(other("[]").is_ok(), "nothing is authorised");
    let bad = other("[\"443\"]").expect_err("it has no transport");
    assert!(bad[0].what.contains("\"443\" is not a port"), "{}", bad[0].what);
    let own = "id = \"x\"\ntitle = \"X\"\nfinding = \"security-group-open-other-port\"\n[[action]]\nuse = \
               \"tighten-security-group\"\nwith = { authorised = [\"tcp/80\"] }\n";
    let words = crate::playbook::vocabulary::Vocabulary::all();
    assert!(assemble_with(&words, Vec::new(), vec![file("x", own)]).is_err(), "the check would not know it");
}

#[test]
fn a_cidr_is_the_same_on_the_command_line_as_in_a_playbook() {
    use crate::playbook::{allow_cidrs, assemble, builtin};
    let mut all = assemble(builtin(), Vec::new()).expect("they are good");
    let allow = |all: &mut Vec<_>, cidr: &str| allow_cidrs(all, &[cidr.parse().expect("a CIDR")]);
    let why = allow(&mut all, "203.0.113.7/24").expect_err("it is a network or an address");
    assert!(why.contains("write \"203.0.113.0/24\", if that is meant"), "{why}");
    let text = "with = { allow = [\"203.0.113.7/24\"] }\n";
    let words = crate::playbook::vocabulary::Vocabulary::all();
    let file = file("x", &format!("{GOOD}{text}"));
    let problems = assemble_with(&words, Vec::new(), vec![file]).expect_err("so it is there");
    assert!(problems[0].what.contains("write \"203.0.113.0/24\", if that is meant"), "{}", problems[0].what);
    assert!(allow(&mut all, "203.0.113.0/24").is_ok() && allow(&mut all, "203.0.113.7/32").is_ok());
}

#[test]
fn the_defaults_that_are_told_are_those_of_the_check() {
    use crate::{checks::snapshots, playbook::keys};
    let told: Vec<_> =
        keys::of_check("instance-backup-stale").iter().map(|p| (p.name, p.default.to_owned())).collect();
    assert_eq!(
        told,
        [
            ("tag", format!("{:?}", snapshots::DEFAULT_TAG)),
            ("max_age_hours", snapshots::DEFAULT_HOURS.to_string())
        ]
    );
}

#[test]
fn an_empty_tag_asks_for_backups_of_every_instance() {
    let all = assemble_with(&words(), vec![file("a", &backups("a", "tag = \"\""))], Vec::new())
        .expect("it is good");
    assert_eq!(all[0].check, json!({"tag": ""}));
}
