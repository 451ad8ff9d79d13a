//! Files of waivers, good and bad, and the findings that they set aside.

use std::{collections::BTreeSet, sync::LazyLock};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    checks::Unjudged,
    finding::{Finding, Severity, Verdict},
    resource::Owner,
};

const CHECK: &str = "security-group-open-admin-port";

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn waiver(resource: &str, until: &str) -> String {
    format!(
        "[[waiver]]\ncheck = \"{CHECK}\"\nresource = \"{resource}\"\nreason = \"a honeypot\"\n\
         who = \"ann\"\nuntil = {until}\n"
    )
}

fn finding(id: &str, verdict: Verdict) -> Finding {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    Finding {
        check: CHECK.into(),
        severity: Severity::High,
        resource: owner.security_group("us-east-1", id),
        region: "us-east-1".into(),
        verdict,
        suppressed: None,
        tags: Default::default(),
        sources: vec!["scan".into()],
    }
}

fn open(id: &str) -> Finding {
    finding(id, Verdict::Violates(json!({})))
}

fn scanned<'a>(checks: &'a BTreeSet<&'a str>, unjudged: &'a [Unjudged]) -> Scanned<'a> {
    static REGIONS: LazyLock<Vec<String>> = LazyLock::new(|| vec!["us-east-1".to_owned()]);
    Scanned { checks, unjudged, account: "123456789012", regions: &REGIONS }
}

fn applied(file: &str, findings: &mut [Finding], unjudged: &[Unjudged]) -> Vec<String> {
    let waivers = parse(file, "waivers.toml").unwrap();
    let lapsed = waivers.apply(findings, scanned(&[CHECK].into(), unjudged), day("2026-12-01"));
    lapsed.iter().map(ToString::to_string).collect()
}

#[test]
fn a_violation_is_set_aside_by_id_arn_or_pattern_until_the_last_day() {
    for resource in ["sg-1", "sg-?", "arn:aws:ec2:us-east-1:123456789012:security-group/sg-1", "*/sg-1"] {
        let mut findings = [open("sg-1"), open("sg-22")];
        assert_eq!(applied(&waiver(resource, "2026-12-01"), &mut findings, &[]), [""; 0], "{resource}");
        let words = findings[0].suppressed.as_ref().map(|why| why.words());
        assert_eq!(words.as_deref(), Some("waived by ann until 2026-12-01: a honeypot"), "{resource}");
        assert_eq!(findings[1].suppressed, None, "{resource}");
    }
}

#[test]
fn one_that_has_expired_is_reported_and_its_finding_is_open_again() {
    let mut findings = [open("sg-1"), open("sg-2")];
    let lapsed = applied(&waiver("sg-*", "2026-11-30"), &mut findings, &[]);
    assert!(lapsed[0].ends_with("expired on 2026-11-30: its 2 findings are open again"), "{lapsed:?}");
    assert!(lapsed[0].starts_with("waivers.toml:1: "), "{lapsed:?}");
    assert!(findings.iter().all(|finding| finding.suppressed.is_none()));
    // A later one of the same resource holds.
    let both = waiver("sg-1", "2026-11-30") + &waiver("sg-1", "2027-01-01");
    let lapsed = applied(&both, &mut findings, &[]);
    assert!(findings[0].suppressed.is_some() && lapsed.len() == 1, "{lapsed:?}");
    assert!(lapsed[0].ends_with("set aside otherwise: delete it"), "{lapsed:?}");
}

#[test]
fn one_that_matches_nothing_is_reported_where_everything_was_judged() {
    let lapsed = |findings: &mut [Finding], unjudged: &[Unjudged]| {
        applied(&waiver("sg-9", "2027-01-01"), findings, unjudged)
    };
    assert!(lapsed(&mut [open("sg-1")], &[])[0].contains("matches no finding"));
    assert_eq!(lapsed(&mut [finding("sg-9", Verdict::Unknown("denied".into()))], &[]), [""; 0]);
    let blind = Unjudged { check: CHECK.into(), region: "eu-west-1".into(), reason: "denied".into() };
    assert_eq!(lapsed(&mut [open("sg-1")], &[blind]), [""; 0]);
    // A check that was not run finds nothing, and that is no news.
    let waivers = parse(&waiver("sg-9", "2026-01-01"), "w").unwrap();
    assert_eq!(waivers.apply(&mut [], scanned(&Default::default(), &[]), day("2026-12-01")), []);
    // Nor does a scan of another region or account.
    for (arn, told) in [
        ("arn:aws:ec2:eu-west-1:123456789012:security-group/sg-9", 0),
        ("arn:aws:ec2:us-east-1:999999999999:security-group/sg-9", 0),
        ("arn:aws:ec2:us-*:123456789012:security-group/sg-9", 1),
    ] {
        assert_eq!(applied(&waiver(arn, "2027-01-01"), &mut [open("sg-1")], &[]).len(), told, "{arn}");
    }
}

#[test]
fn a_tag_comes_first() {
    let mut findings = [Finding { suppressed: Some("by the tag".into()), ..open("sg-1") }];
    assert_eq!(applied(&waiver("sg-1", "2027-01-01"), &mut findings, &[]), [""; 0]);
    assert_eq!(findings[0].suppressed, Some("by the tag".into()));
}

proptest! {
    #[test]
    fn no_waiver_hides_what_is_unknown(
        pattern in "[*?sg0-9-]{1,6}", ids in prop::collection::vec(("sg-[0-9]", 0..4u8), 0..8),
        until in prop::sample::select(vec!["2026-01-01", "2026-12-01", "2030-01-01"]),
    ) {
        let verdict = |n: u8| match n {
            0 => Verdict::Unknown("denied".into()),
            1 => Verdict::Retained("kept".into()),
            2 => Verdict::Ok(Some("noted".into())),
            _ => Verdict::Violates(json!({})),
        };
        let mut findings: Vec<Finding> = ids.iter().map(|(id, n)| finding(id, verdict(*n))).collect();
        let before = findings.clone();
        applied(&waiver(&pattern, until), &mut findings, &[]);
        for (was, is) in before.iter().zip(&findings) {
            prop_assert_eq!(&was.verdict, &is.verdict);
            let violates = matches!(is.verdict, Verdict::Violates(_));
            prop_assert!(is.suppressed.is_none() || violates, "{is:?}");
        }
    }
}

#[test]
fn what_is_wrong_in_the_file_is_named_with_its_place() {
    let problems = |text: &str| {
        let problems = parse(text, "waivers.toml").unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(parse("", "w"), Ok(Waivers::default()), "an empty file waives nothing");
    let good = waiver("sg-1", "2027-01-01");
    for (from, to, part) in [
        (CHECK, "security-group-open-admin-prt", "did you mean \"security-group-open-admin-port\"?"),
        ("until = 2027-01-01", "until = 2027-02-30", "not TOML"),
        ("until = 2027-01-01", "until = \"soon\"", "until must be a day of the calendar"),
        ("until = 2027-01-01", "until = 2027-01-01T00:00:00Z", "until must be a day"),
        ("until = 2027-01-01", "", "missing key \"until\""),
        ("who = \"ann\"", "who = \" \"", "who must not be empty"),
        ("who = ", "hwo = ", "unknown key \"hwo\""),
        ("[[waiver]]", "[[waivers]]", "unknown key \"waivers\""),
        ("[[waiver]]", "[waiver]", "waiver must be a list of sections"),
    ] {
        let said = problems(&good.replace(from, to));
        assert!(said.contains(part) && said.starts_with("waivers.toml:"), "{to}: {said}");
    }
    assert_eq!(parse(&good.replace("until = 2027-01-01", "until = \"2027-01-01\""), "w").map(|_| ()), Ok(()));
}
