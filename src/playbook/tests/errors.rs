//! Tests of the messages for each kind of bad file. The wording is kept in `snapshots/`.

use super::{GOOD, shown};

/// Snapshots the messages for a text; the text's own lines appear only in the excerpts.
macro_rules! shows {
    ($($name:ident: $text:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), shown(&$text));
        })*
    };
}

fn good_and(more: &str) -> String {
    format!("{GOOD}{more}")
}

shows! {
    an_empty_file_says_what_a_playbook_has: "";
    a_file_of_comments_is_empty_too: "# nothing yet\n";
    all_missing_keys_are_told_at_once: "approve = \"ask\"\n";
    garbage_is_told_as_no_toml: "{{{{ \u{1}not toml at all\n= 3\n";
    an_unfinished_string_is_told_where_it_breaks_off: "id = \"mine\ntitle = \"Mine\"\n";
    a_key_given_twice_is_told_at_the_second: "id = \"a\"\nid = \"b\"\n";
    a_section_given_twice_is_told_at_the_second: good_and("[guard]\nmax_changes = 1\n[guard]\nmax_percent = \
        2\n");
    an_unknown_key_at_the_top_gets_its_likely_meaning: format!("findings = \"x\"\n{GOOD}");
    an_unknown_section_gets_its_likely_meaning: good_and("[matching]\nseverity = \"high\"\n");
    a_key_in_the_wrong_section_is_told_where_it_belongs: good_and("[guard]\napprove = \"auto\"\nseverity = \
        \"high\"\n");
    an_unknown_check_gets_its_likely_meaning: GOOD.replace("admin-port", "admn-port");
    an_unknown_check_far_from_all_gets_the_list: GOOD.replace("security-group-open-admin-port", "weather");
    an_unknown_action_gets_its_likely_meaning: GOOD.replace("tighten-", "tigthen-");
    an_action_that_only_others_use_is_refused: GOOD.replace("tighten-security-group", "delivery-role");
    an_action_that_does_not_answer_the_finding_is_refused: GOOD.replace("tighten-security-group",
        "snapshot-instance");
    a_finding_that_no_action_answers_is_told: GOOD.replace("\"security-group-open-admin-port\"",
        "[\"security-group-open-admin-port\", \"cloudtrail-not-logging\"]");
    an_action_used_twice_is_refused: good_and("[[action]]\nuse = \"tighten-security-group\"\n");
    a_single_bracket_around_action_is_told: GOOD.replace("[[action]]", "[action]");
    an_action_without_use_is_told: GOOD.replace("use = \"tighten-security-group\"", "with = { allow = [] }");
    all_wrong_parameters_are_told_at_once: good_and("\n[action.with]\nstratgy = \"narrow\"\nstrategy = \
        \"revok\"\nallow = [\"10.0.0.0/8\", \"10.0.0.300/32\"]\nkeep_days = \"thirty\"\nkey = 7\n");
    a_parameter_of_an_action_without_any_is_told: "id = \"t\"\ntitle = \"T\"\nfinding = \
        \"cloudtrail-not-logging\"\n[[action]]\nuse = \"raise-cloudtrail\"\nwith = { loud = true }\n";
    a_missing_parameter_is_told_once: "id = \"t\"\ntitle = \"T\"\nfinding = \
        \"cloudtrail-missing\"\n[[action]]\nuse = \"make-bucket\"\nwith = { days = 3 }\n";
    a_missing_with_is_told_at_the_action: "id = \"t\"\ntitle = \"T\"\nfinding = \
        \"cloudtrail-missing\"\n[[action]]\nuse = \"make-bucket\"\n";
    a_wrong_parameter_is_not_also_missing: "id = \"t\"\ntitle = \"T\"\nfinding = \
        \"cloudtrail-missing\"\n[[action]]\nuse = \"make-bucket\"\nwith = { bucket = 3, days = -1 }\n";
    a_number_out_of_range_is_told_at_the_number: good_and("with = { keep_days = 70000 }\n");
    an_error_without_a_place_is_told_at_the_parameter_it_names: good_and("with = { allow = [\"0.0.0.0/0\"] \
        }\n");
    with_of_the_wrong_type_is_told: good_and("with = \"narrow\"\n");
    wrong_types_say_what_was_meant: "id = 7\ntitle = [\"T\"]\nfinding = { a = 1 }\napprove = true\nmatch = \
        3\nguard = []\ncheck = \"x\"\naction = \"tighten-security-group\"\n";
    wrong_values_in_match_are_told_one_by_one: good_and("[match]\nseverity = \"hihg\"\nregions = \
        [\"US-EAST-1\", 7, \"\"]\nresources = [\"sg-[0-9]\"]\ntags = [\"Env\"]\nwithout_tags = { Env = 1, \
        \"\" = \"x\" }\n");
    empty_lists_in_match_are_told: good_and("[match]\nregions = []\nresources = \"sg-1\"\n");
    wrong_values_in_guard_are_told_one_by_one: good_and("[guard]\nmax_changes = 0\nmax_percent = \
        \"25\"\nprotected_tags = [\"=x\", \"ok\"]\nmax_chances = 1\n");
    a_huge_number_is_told_as_out_of_range: good_and("[guard]\nmax_changes = 99999999999999999999999999\n");
    a_parameter_of_a_check_that_has_none_is_told: good_and("[check]\ntag = \"Backup=true\"\n");
    wrong_parameters_of_a_check_are_told: "id = \"b\"\ntitle = \"B\"\nfinding = \
        \"instance-backup-stale\"\n[[action]]\nuse = \"snapshot-instance\"\n[check]\nmax_age_hour = \
        3\nmax_age_hours = 0\ntag = \"=x\"\nmax_changes = 3\n";
    an_id_that_is_no_id_gets_a_better_one: GOOD.replace("\"mine\"", "\"My Playbook\"");
    an_unknown_way_to_approve_is_told: format!("approve = \"always\"\n{GOOD}");
    what_is_nested_too_deep_is_told_where: good_and(&format!("with = {{ allow = {} }}\n", "[".repeat(400)));
    control_characters_are_shown_and_not_sent: GOOD.replace("\"Mine\"",
        "\"\\u001b[2J\"").replace("\"tighten-security-group\"", "\"\\u001b[31m\"");
    a_file_with_several_faults_tells_all_in_its_order: "id = \"mine\"\nfinding = \"nonsense\"\napprove = \
        \"yes\"\n\n[match]\nsevertiy = \"low\"\n\n[[action]]\nuse = \"tighten-security-group\"\nwith = { \
        keep_day = 3 }\n\n[guard]\nmax_percent = 101\n";
}

#[test]
fn a_file_that_is_too_large_is_told_by_its_size() {
    let text = format!("{GOOD}# {}\n", "x".repeat(70_000));
    assert_eq!(
        shown(&text).lines().next(),
        Some(
            format!("mine.toml:1:1: the file has {} bytes, and may have 65536 at most", text.len()).as_str()
        )
    );
}

#[test]
fn a_file_that_is_not_utf_8_is_told_at_the_first_bad_byte() {
    let bytes = b"id = \"mine\"\ntitle = \"\xff\xfe\"\n".to_vec();
    let problems = crate::playbook::load::text(bytes, "mine.toml").expect_err("it is not UTF-8");
    assert_eq!(
        problems[0].to_string(),
        "mine.toml:2:10: this is not UTF-8 text\n  2 | title = \"\n    |          ^\n  hint: save the file \
         as UTF-8; TOML knows no other encoding"
    );
}

#[test]
fn good_bytes_become_the_text_they_are() {
    assert_eq!(crate::playbook::load::text(GOOD.into(), "mine.toml"), Ok(GOOD.to_owned()));
}
