//! Confirmation of hand-made suspicions by hand-made findings.

use serde_json::json;

use super::*;
use crate::{
    finding::Severity,
    intake::{Decision, Evidence, Reason},
    inventory::Tags,
    resource::{Owner, ResourceId},
};

const ADMIN: &str = "security-group-open-admin-port";
const ALL: &str = "security-group-open-all-traffic";
const MISSING: &str = "cloudtrail-missing";
const SILENT: &str = "cloudtrail-not-logging";

fn here() -> Owner {
    Owner { partition: "aws".into(), account: "123456789012".into() }
}

fn nothing_read() -> Inventory {
    Inventory::empty(here(), crate::inventory::Caller::default(), jiff::Timestamp::UNIX_EPOCH)
}

fn group(n: u8) -> ResourceId {
    here().security_group("us-east-1", &format!("sg-{n}"))
}

fn source(control: &str, decision: Decision) -> Source {
    Source {
        tool: "Prowler".into(),
        format: "OCSF".into(),
        framework: "prowler".into(),
        control: control.into(),
        finding: String::new(),
        product: String::new(),
        account: String::new(),
        severity: String::new(),
        time: None,
        input: "in".into(),
        title: String::new(),
        decision,
        evidence: None,
        command: None,
    }
}

fn suspicion(checks: &[&str], resource: ResourceId) -> ReportedFinding {
    let checks: Vec<String> = checks.iter().map(|c| (*c).to_owned()).collect();
    ReportedFinding {
        id: ReportedFinding::make_id(resource.account(), resource.region(), &checks, resource.as_str()),
        named: resource.id().to_owned(),
        account: resource.account().to_owned(),
        partition: resource.partition().to_owned(),
        region: resource.region().to_owned(),
        severity: None,
        sources: vec![source("x", Decision::Actionable)],
        checks,
        resource: Some(resource),
        decision: Decision::Actionable,
    }
}

fn against(reason: Reason, mut suspicion: ReportedFinding) -> ReportedFinding {
    suspicion.decision = Decision::no(reason, "");
    suspicion
}

fn finding(check: &str, resource: ResourceId, verdict: Verdict) -> Finding {
    let region = resource.region().to_owned();
    Finding {
        check: check.into(),
        severity: Severity::High,
        resource,
        region,
        verdict,
        suppressed: None,
        tags: Tags::new(),
        sources: vec!["scan".into()],
    }
}

fn violated(check: &str, resource: ResourceId) -> Finding {
    finding(check, resource, Verdict::Violates(json!({})))
}

fn unjudged(check: &str, region: &str) -> Unjudged {
    Unjudged { check: check.into(), region: region.into(), reason: "AccessDenied".into() }
}

/// Returns the answers, given that these checks were run.
fn said(
    suspicions: &[ReportedFinding],
    run: &[&str],
    findings: &[Finding],
    silent: &[Unjudged],
) -> Vec<Option<Answer>> {
    answers(suspicions, run, &nothing_read(), findings, silent)
}

/// Keeps the findings that the suspicions name, on an account of which nothing has been read.
fn leave(suspicions: &[ReportedFinding], findings: &mut Vec<Finding>, silent: &mut Vec<Unjudged>) {
    narrow(suspicions, &nothing_read(), findings, silent);
}

#[test]
fn only_findings_that_a_suspicion_names_stay_and_they_say_who_named_them() {
    let all = [suspicion(&[ADMIN], group(1))];
    let mut findings = vec![violated(ADMIN, group(1)), violated(ADMIN, group(2)), violated(ALL, group(1))];
    leave(&all, &mut findings, &mut Vec::new());
    assert_eq!(findings.iter().map(Finding::key).collect::<Vec<_>>(), [violated(ADMIN, group(1)).key()]);
    assert_eq!(findings[0].sources, ["scan", "Prowler: x"]);
}

#[test]
fn a_suspicion_that_is_not_actionable_lets_no_finding_stay_and_has_no_answer() {
    for reason in Reason::ALL {
        let all = [against(*reason, suspicion(&[ADMIN], group(1)))];
        let (mut findings, mut silent) =
            (vec![violated(ADMIN, group(1))], vec![unjudged(ADMIN, "us-east-1")]);
        assert_eq!(said(&all, &[ADMIN], &findings, &silent), [None], "{reason}");
        assert!(named_checks(&all).is_empty(), "{reason}: no check is run for it");
        leave(&all, &mut findings, &mut silent);
        assert_eq!((findings.len(), silent.len()), (0, 0), "{reason}");
    }
}

#[test]
fn the_same_id_in_another_account_or_region_is_another_resource() {
    let other = Owner { account: "999999999999".into(), ..here() };
    for resource in [other.security_group("us-east-1", "sg-1"), here().security_group("eu-west-1", "sg-1")] {
        let mut findings = vec![violated(ADMIN, group(1))];
        let all = [suspicion(&[ADMIN], resource)];
        assert_eq!(said(&all, &[ADMIN], &findings, &[]), [Some(Answer::NotConfirmed)]);
        leave(&all, &mut findings, &mut Vec::new());
        assert!(findings.is_empty());
    }
}

#[test]
fn an_account_stands_for_all_of_it_that_the_check_judges_and_for_nothing_elsewhere() {
    let all =
        [ReportedFinding { region: "us-east-1".into(), ..suspicion(&[MISSING, SILENT], here().root()) }];
    let inside = violated(SILENT, here().trail("us-east-1", "audit"));
    let region = violated(SILENT, here().trail("eu-west-1", "audit"));
    let account =
        violated(SILENT, Owner { account: "999999999999".into(), ..here() }.trail("us-east-1", "audit"));
    let itself = violated(MISSING, here().root());
    let mut findings = vec![inside.clone(), region.clone(), account, itself.clone()];
    leave(&all, &mut findings, &mut Vec::new());
    assert_eq!(findings.iter().map(Finding::key).collect::<Vec<_>>(), [inside.key(), itself.key()]);
    // A suspicion without a region means every region.
    let everywhere = [suspicion(&[SILENT], here().root())];
    let mut findings = vec![inside, region];
    leave(&everywhere, &mut findings, &mut Vec::new());
    assert_eq!(findings.len(), 2);
}

#[test]
fn each_verdict_of_ours_is_its_own_answer() {
    let all = [suspicion(&[ADMIN], group(1))];
    let suppressed = Finding { suppressed: Some("by me".into()), ..violated(ADMIN, group(1)) };
    for (found, answer) in [
        (vec![violated(ADMIN, group(1))], Answer::Confirmed),
        (vec![suppressed], Answer::Suppressed),
        (vec![finding(ADMIN, group(1), Verdict::Unknown("denied".into()))], Answer::Unknown),
        (vec![finding(ADMIN, group(1), Verdict::Ok(None))], Answer::NotConfirmed),
        (vec![finding(ADMIN, group(1), Verdict::Retained("vol-2".into()))], Answer::NotConfirmed),
        (vec![], Answer::NotConfirmed),
    ] {
        assert_eq!(said(&all, &[ADMIN], &found, &[]), [Some(answer)], "{found:?}");
    }
}

#[test]
fn of_several_checks_what_is_wrong_counts_before_what_is_unknown_and_that_before_what_is_suppressed() {
    let all = [suspicion(&[ADMIN, ALL], group(1))];
    let unknown = finding(ALL, group(1), Verdict::Unknown("denied".into()));
    let suppressed = Finding { suppressed: Some("by me".into()), ..violated(ADMIN, group(1)) };
    assert_eq!(
        said(&all, &[ADMIN, ALL], &[violated(ADMIN, group(1)), unknown.clone()], &[]),
        [Some(Answer::Confirmed)]
    );
    assert_eq!(said(&all, &[ADMIN, ALL], &[suppressed.clone(), unknown], &[]), [Some(Answer::Unknown)]);
    assert_eq!(said(&all, &[ADMIN, ALL], &[suppressed], &[]), [Some(Answer::Suppressed)]);
}

#[test]
fn what_no_check_could_look_at_is_unknown_and_never_fine() {
    let all = [suspicion(&[ADMIN], group(1))];
    assert_eq!(said(&all, &[], &[], &[]), [Some(Answer::Unknown)], "--check left its checks out");
    assert_eq!(said(&all, &[ADMIN], &[], &[unjudged(ADMIN, "us-east-1")]), [Some(Answer::Unknown)]);
    assert_eq!(said(&all, &[ADMIN], &[], &[unjudged(ADMIN, "eu-west-1")]), [Some(Answer::NotConfirmed)]);
    assert_eq!(said(&all, &[ADMIN], &[], &[unjudged(ALL, "us-east-1")]), [Some(Answer::NotConfirmed)]);
    let mut silent =
        vec![unjudged(ADMIN, "us-east-1"), unjudged(ADMIN, "eu-west-1"), unjudged(ALL, "us-east-1")];
    leave(&all, &mut Vec::new(), &mut silent);
    assert_eq!(silent, [unjudged(ADMIN, "us-east-1")]);
}

#[test]
fn many_sources_are_told_a_dozen_times_each_once_and_the_rest_counted() {
    let mut one = suspicion(&[ADMIN], group(1));
    one.sources = (0..MOST_SOURCES + 5)
        .flat_map(|n| [source(&format!("c{n}"), Decision::Actionable), source("c0", Decision::Actionable)])
        .collect();
    one.sources.push(source("muted", Decision::no(Reason::Suppressed, "")));
    let mut findings = vec![violated(ADMIN, group(1))];
    leave(&[one], &mut findings, &mut Vec::new());
    let told = &findings[0].sources[1..];
    assert_eq!(told.len(), MOST_SOURCES + 1);
    assert_eq!(told[0], "Prowler: c0");
    assert_eq!(told.last().unwrap(), "5 more");
    assert!(!told.iter().any(|words| words.contains("muted")));
}

#[test]
fn outcomes_count_findings_and_not_suspicions_and_what_is_muted_elsewhere_is_muted() {
    let mut twice = suspicion(&[ADMIN], group(1));
    twice.sources.push(source("y", Decision::Actionable));
    twice.sources.push(source("z", Decision::no(Reason::Passed, "")));
    let muted = against(Reason::Suppressed, suspicion(&[ADMIN], group(2)));
    let mut far = against(Reason::OtherAccount, suspicion(&[ADMIN], group(3)));
    far.sources[0].decision = far.decision.clone();
    let all = [twice, muted, far];
    let answers = said(&all, &[ADMIN], &[violated(ADMIN, group(1))], &[]);
    assert_eq!(answers, [Some(Answer::Confirmed), None, None]);
    assert_eq!(outcomes(&all, &answers), [("confirmed".to_owned(), 2), ("suppressed".to_owned(), 1)].into());
}

#[test]
fn what_is_not_confirmed_is_explained_where_our_check_knows_why() {
    let intake = Intake {
        suspicions: vec![
            suspicion(&[ADMIN], group(1)),
            suspicion(&[ADMIN], group(2)),
            suspicion(&[ADMIN], group(3)),
        ],
        ..Intake::default()
    };
    let findings = [
        finding(ADMIN, group(1), Verdict::Ok(Some("no interface uses it".into()))),
        finding(ADMIN, group(2), Verdict::Ok(Some("no interface uses it".into()))),
        violated(ADMIN, group(3)),
    ];
    let reported = Reported::of(intake, &[ADMIN], &nothing_read(), &findings, &[]);
    assert_eq!(reported.remarks(), [((Answer::NotConfirmed, "no interface uses it"), 2)].into());
    let written = serde_json::to_value(&reported).unwrap();
    assert_eq!(written["suspicions"][0]["remarks"], serde_json::json!(["no interface uses it"]));
    assert!(written["suspicions"][2].get("remarks").is_none());
}

#[test]
fn the_summary_tells_what_was_read_and_what_came_of_it() {
    let counts = Counts {
        read: 3,
        decisions: [("actionable".to_owned(), 2), ("other_account".to_owned(), 1)].into(),
        ..Counts::default()
    };
    let far = {
        let mut far = against(Reason::OtherAccount, suspicion(&[ADMIN], group(3)));
        far.sources[0].decision = far.decision.clone();
        far
    };
    let intake = Intake {
        suspicions: vec![suspicion(&[ADMIN], group(1)), suspicion(&[ADMIN], group(2)), far],
        reports: vec![Report::default(), Report { incomplete: Some("cut off".into()), ..Report::default() }],
        counts,
    };
    let reported = Reported::of(intake, &[ADMIN], &nothing_read(), &[violated(ADMIN, group(1))], &[]);
    assert_eq!(
        reported.summary(),
        "3 findings read: 2 actionable (1 confirmed, 1 not confirmed), 1 other account"
    );
    assert_eq!(reported.outcomes.values().sum::<u64>(), reported.counts.decisions["actionable"]);
    assert_eq!(
        reported.suspicions.iter().map(|j| j.answer).collect::<Vec<_>>(),
        [Some(Answer::Confirmed), Some(Answer::NotConfirmed), None]
    );
    assert_eq!(reported.incomplete(), 1);
    let nothing = Reported::of(Intake::default(), &[], &nothing_read(), &[], &[]);
    assert_eq!(nothing.summary(), "0 findings read: 0 actionable");
}

#[test]
fn a_source_says_who_did_it_and_when_where_that_is_known() {
    let mut told = source("ec2:AuthorizeSecurityGroupIngress", Decision::Actionable);
    told.tool = "CloudTrail".into();
    told.time = Some("2026-11-22T06:00:01Z".parse().unwrap());
    told.evidence = Some(Evidence {
        event: "ec2:AuthorizeSecurityGroupIngress".into(),
        who: "role deploy".into(),
        from: String::new(),
        when: None,
    });
    assert_eq!(
        told.words(),
        "CloudTrail: AuthorizeSecurityGroupIngress by role deploy, 2026-11-22T06:00:01Z"
    );
    told.evidence.as_mut().unwrap().when = Some("2026-11-22T06:00:00Z".parse().unwrap());
    assert!(
        told.words().ends_with(", 2026-11-22T06:00:00Z"),
        "when it was done counts before when it was seen"
    );
}
