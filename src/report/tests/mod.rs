//! Reports as people see them, on made-up findings, plans and runs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Detail, Scan, Style, Typed, View, decisions, json, markdown, sample, text};
use crate::{
    calls::Risk,
    engine::ProgressEvent,
    finding::FindingKey,
    journal::{ChangeState, Outcome, RunDocument, RunState},
    plan::{Change, Plan, PlanKind, Rehearsal},
};

mod looks;

fn with_scan<T>(tell: impl FnOnce(&Scan) -> T) -> T {
    let (findings, unjudged) = sample::findings();
    let decisions = decisions(&sample::plan());
    let regions = ["eu-west-1".to_owned(), "us-east-1".to_owned()];
    let read_at = sample::at("2026-11-22T10:00:00Z");
    let (account, partition, endpoint) = ("123456789012", "aws", "aws");
    tell(&Scan {
        account,
        partition,
        regions: &regions,
        endpoint,
        read_at,
        findings: &findings,
        unjudged: &unjudged,
        lapsed: &[],
        decisions: &decisions,
        reaches: &sample::reaches(),
        intake: None,
    })
}

fn shown(plan: &Plan) -> String {
    text::plan(
        plan,
        &View { typed: Typed { file: Some("plan.json"), ..Typed::default() }, ..View::default() },
    )
}

fn told(run: &RunDocument) -> String {
    text::run(run, &View::default())
}

#[test]
fn the_findings_document_holds_what_it_promises() {
    let document = with_scan(|scan| json::write(&json::FindingsDocument::from(scan)).unwrap());
    let value: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(value["format"], "redress.findings/1");
    assert_eq!(value["findings"].as_array().unwrap().len(), 4);
    let web = &value["findings"][1];
    assert_eq!(web["resource"]["kind"], "security-group");
    assert_eq!(web["resource"]["account"], "123456789012");
    assert_eq!((&web["verdict"], &web["decision"]), (&"violates".into(), &"planned".into()));
    assert_eq!(value["findings"][2]["suppressed"], "ticket 4711, closed in March");
    assert_eq!(value["findings"][3]["reason"], "vol-2 took its place");
    assert_eq!(value["unknown"].as_array().unwrap().len(), 2);
    assert_eq!(value["unknown"][1]["resource"], serde_json::Value::Null);
    let counts = &value["counts"];
    let sum: u64 =
        ["open", "suppressed", "retained", "unknown"].iter().map(|name| counts[name].as_u64().unwrap()).sum();
    assert_eq!((sum, counts["total"].as_u64().unwrap(), counts["unjudged"].as_u64().unwrap()), (5, 5, 1));
}

#[test]
fn the_list_of_runs_is_a_document_of_its_own() {
    let value = serde_json::to_value(json::runs(&[sample::run()])).unwrap();
    assert_eq!(value["format"], "redress.runs/1");
    assert_eq!(value["runs"][0]["state"], "complete");
    assert_eq!(value["runs"][0]["counts"]["verified"], 1);
    assert_eq!(value["runs"][0].get("of_run"), None);
}

#[test]
fn every_finding_of_a_plan_has_one_decision() {
    let plan = sample::plan();
    let decided = decisions(&plan);
    assert_eq!(decided.len(), plan.counts.values().sum::<usize>());
    let key = FindingKey { check: "security-group-open-admin-port".into(), resource: sample::group(3) };
    assert_eq!(decided[&key].decision, "refused");
}

#[test]
fn what_an_account_holds_never_commands_the_terminal_nor_becomes_markup() {
    let plan = sample::hostile_plan();
    let mut run = sample::run();
    run.changes[0].reason = sample::HOSTILE.into();
    run.changes[0].summary = sample::HOSTILE.into();
    run.stopped = Some(sample::HOSTILE.into());
    let (mut findings, mut unjudged) = sample::findings();
    findings[1].tags.insert("Name".into(), sample::HOSTILE.into());
    findings[2].suppressed = Some(sample::HOSTILE.into());
    unjudged[0].reason = sample::HOSTILE.into();
    let scan = |tell: &dyn Fn(&Scan) -> String| {
        with_scan(|scan| tell(&Scan { findings: &findings, unjudged: &unjudged, ..*scan }))
    };
    let verbose = View { detail: Detail::Calls, ..View::default() };
    let news = text::progress(&ProgressEvent::ChangeEnds {
        id: "c1".into(),
        outcome: Outcome::Failed,
        reason: sample::HOSTILE.into(),
    });
    assert_eq!(news.lines().count(), 1);
    let texts = [
        text::plan(&plan, &verbose),
        text::run(&run, &verbose),
        scan(&|s| text::findings(s, &verbose)),
        news,
    ];
    for text in &texts {
        assert!(text.contains("\\u{1b}"), "{text}");
        assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text}");
    }
    for text in [
        markdown::plan(&plan, &Typed::default()),
        markdown::run(&run, &Typed::default()),
        scan(&|s| markdown::findings(s, &Typed::default())),
    ] {
        assert!(text.contains("script"), "{text}");
        assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text}");
        assert!(!outside_code(&text).contains("<script"), "{text}");
        for row in text.lines().filter(|line| line.starts_with("| ")) {
            assert!([4, 5].contains(&row.matches('|').count()), "{row}");
        }
    }
    assert!(!json::write(&plan).unwrap().contains('\u{9b}'));
}

/// Builds a plan of this many changes of the same kind, two of which also have an effect of their own.
fn many(count: usize) -> Plan {
    let of = |n: usize| {
        let resource = sample::owner().security_group("eu-west-1", &format!("sg-{n:017x}"));
        let summary = format!("close tcp 22 from 0.0.0.0/0 of {} (web-{n})", resource.id());
        let mut impact =
            vec!["closes to 0.0.0.0/0: tcp 22 (22 SSH)".to_owned(), "no interface uses the group".to_owned()];
        if n < 2 {
            impact.push(format!("{n} interfaces of web-{n} lose their way in"));
        }
        Change { id: format!("c{}", n + 1), resource, summary, impact, ..sample::tighten() }
    };
    Plan { changes: (0..count).map(of).collect(), ..sample::plan() }
}

#[test]
fn two_hundred_changes_are_short_and_say_once_what_they_share() {
    let plan = many(200);
    let text = shown(&plan);
    let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for once in
        ["no interface uses the group", "your own address is not known", "the rule comes back under a new id"]
    {
        assert_eq!(flowing.matches(once).count(), 1, "{once}\n{text}");
    }
    assert!(
        text.contains(
            "1   200 security groups:\n      · closes to 0.0.0.0/0: tcp 22 (22 SSH)\n      · no interface \
             uses the group\n"
        ) && text.contains("    affects   1 interfaces of web-1 lose their way in\n"),
        "{text}"
    );
    // Each change has its line, its difference, and the numbers of its shared notes; every guard that did
    // not pass is named.
    assert_eq!(text.matches("; ! lock-out not checked\n").count(), 200, "{text}");
    assert!(text.lines().count() < 200 * 8 + 60, "{}", text.lines().count());
    let steps = text::plan(&plan, &View { detail: Detail::Steps, ..View::default() });
    assert_eq!(steps.matches("no interface uses the group").count(), 200);
    assert!(
        steps.contains("✓ ownership") && steps.contains("1. allow tcp 22") && !steps.contains("ec2:Revoke")
    );
    assert!(!text.contains("✓ ownership") && !text.contains("1. allow tcp 22"));
    assert!(
        text::plan(&plan, &View { detail: Detail::Calls, ..View::default() })
            .contains("ec2:RevokeSecurityGroupIngress")
    );
}

#[test]
fn what_has_no_difference_to_show_is_shown_by_its_steps() {
    let mut plan = sample::plan();
    (plan.changes[0].before, plan.changes[0].after_state) =
        (serde_json::Value::Null, serde_json::Value::Null);
    assert!(shown(&plan).contains("1. allow tcp 22 from 203.0.113.0/24"));
    let claim = View { typed: Typed { claim: true, ..Typed::default() }, ..View::default() };
    let text = text::plan(&sample::plan(), &claim);
    assert!(text.contains("calls: ") && text.contains("2. revoke tcp 22"), "{text}");
}

#[test]
fn the_table_counts_changes_by_playbook_and_risk() {
    let mut plan = many(3);
    plan.changes.push(Change { playbook: "vpc-flow-logs".into(), ..sample::role() });
    let text = shown(&plan);
    let table: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("playbook ")).take(3).collect();
    assert_eq!(
        table,
        [
            "playbook                   safe    disruptive         total",
            "close-admin-ports             -             3             3",
            "vpc-flow-logs                 1             -             1"
        ]
    );
}

#[test]
fn findings_with_one_reason_say_it_once() {
    let (mut findings, unjudged) = sample::findings();
    let vpc = |n: usize| FindingKey {
        check: "vpc-of-made-up-rule".into(),
        resource: sample::owner().vpc("eu-west-1", &format!("vpc-{n}")),
    };
    let first = findings[0].clone();
    findings.push(crate::finding::Finding { resource: vpc(2).resource, ..first });
    findings.retain(|f| !matches!(f.verdict, crate::finding::Verdict::Ok(_)));
    let text = with_scan(|scan| {
        text::findings(&Scan { findings: &findings, unjudged: &unjudged, ..*scan }, &View::default())
    });
    assert_eq!(text.matches("no playbook answers it").count(), 1, "{text}");
    assert!(
        text.contains(
            "    2 VPCs unmapped: no playbook answers it\n      vpc-1 in eu-west-1 and vpc-2 in eu-west-1\n"
        ),
        "{text}"
    );
}

/// Returns the Markdown without its fenced blocks and code spans.
fn outside_code(markdown: &str) -> String {
    let (mut out, mut fence) = (String::new(), None::<String>);
    for line in markdown.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => out.push_str(line),
        }
    }
    assert_eq!(fence, None, "a fence stays open");
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_an_account_holds_a_report_is_lines_of_visible_text(tag in any::<String>(),
        width in 40usize..100) {
        let mut plan = sample::plan();
        plan.changes[0].summary.clone_from(&tag);
        plan.changes[0].after_state = serde_json::json!({ tag.as_str(): [tag.as_str()] });
        plan.skipped[0].reason.clone_from(&tag);
        let style = Style { width, ..Style::default() };
        let bare = text::plan(&plan, &View { style, ..View::default() });
        prop_assert!(!bare.contains(|c: char| c != '\n' && c.is_control()));
        let coloured = text::plan(&plan, &View { style: Style { colour: true, ..style }, ..View::default() });
        prop_assert_eq!(console::strip_ansi_codes(&coloured), bare);
        prop_assert!(!markdown::plan(&plan,
            &Typed::default()).contains(|c: char| c != '\n' && c.is_control()));
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [60, 80, 120] {
        let style = Style { width, ..Style::default() };
        let view = View { style, ..View::default() };
        let (plan, run) = (sample::plan(), sample::run());
        let texts = [
            text::plan(&plan, &view),
            text::run(&run, &view),
            with_scan(|scan| text::findings(scan, &view)),
            text::runs(&[run], &view),
        ];
        for line in texts.iter().flat_map(|text| text.lines()) {
            assert!(console::measure_text_width(line) <= width, "{width}: {line}");
            assert_eq!(line.trim_end(), line);
        }
    }
}

#[test]
fn colour_changes_no_character_and_ascii_has_no_symbols() {
    let colour = View { style: Style { colour: true, ..Style::default() }, ..View::default() };
    let bare = View::default();
    let ascii = View { style: Style { ascii: true, ..Style::default() }, ..View::default() };
    let (plan, run) = (sample::plan(), sample::run());
    let all = |view: &View| {
        [text::plan(&plan, view), text::run(&run, view), with_scan(|scan| text::findings(scan, view))]
    };
    for ((coloured, bare), ascii) in all(&colour).iter().zip(all(&bare)).zip(all(&ascii)) {
        assert_ne!(*coloured, bare);
        assert_eq!(console::strip_ansi_codes(coloured), bare);
        assert!(ascii.is_ascii(), "{ascii}");
    }
}

#[test]
fn a_long_plan_still_fits_a_comment() {
    let mut plan = sample::plan();
    plan.changes =
        (0..50).map(|n| crate::plan::Change { id: format!("c{n}"), ..sample::tighten() }).collect();
    let text = markdown::plan(&plan, &Typed::default());
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(
        text.contains("<details>")
            && text.contains("no room here for the exact calls of")
            && text.contains("| `c49` |")
    );
}

#[test]
fn a_plan_that_opens_something_is_not_offered() {
    let mut plan = sample::plan();
    plan.rehearsal.opens = plan.rehearsal.closes.clone();
    let text = shown(&plan);
    assert!(text.contains("opens 1") && text.contains("not offered for approval"), "{text}");
    assert!(!text.contains("redress apply"), "{text}");
}

#[test]
fn a_plan_that_was_not_rehearsed_says_so_and_never_that_it_closes() {
    let mut plan = sample::plan();
    plan.rehearsal = Rehearsal {
        not_rehearsed: vec!["c1: the rules are not known".into(), "c2: nor is the role".into()],
        ..Rehearsal::default()
    };
    let text = shown(&plan);
    assert!(text.contains("! not rehearsed, because:\n    c1: the rules are not known\n"), "{text}");
    assert!(!text.contains("closes 1 of"), "{text}");
    plan.rehearsal = Rehearsal::default();
    assert!(shown(&plan).contains("! not rehearsed\n"));
    plan.rehearsal =
        Rehearsal { not_rehearsed: vec!["c2: nor is the role".into()], ..sample::plan().rehearsal };
    assert!(shown(&plan).contains("! rehearsed in part: closes 1 of 1"));
    plan.rehearsal.undo_restores = false;
    assert!(!shown(&plan).contains("does not restore"), "{}", shown(&plan));
}

#[test]
fn a_plan_names_what_undo_leaves_and_what_needs_its_own_flag() {
    let mut plan = sample::plan();
    plan.rehearsal.undo_restores = false;
    plan.rehearsal.differences = vec!["undo of c1 does not bring back sg-1: a tag".into()];
    plan.changes[0].risk = Risk::Irreversible;
    let text = shown(&plan);
    assert!(
        text.contains("undo does not restore everything\n    undo of c1 does not bring back sg-1: a tag\n"),
        "{text}"
    );
    assert!(text.contains("redress apply plan.json --allow-irreversible tighten-security-group\n"), "{text}");
}

#[test]
fn undo_and_prune_plans_speak_of_what_they_do() {
    let undo = Plan { kind: PlanKind::Undo, of_run: Some("r1".into()), ..sample::plan() };
    let text = text::plan(&undo, &View::default());
    assert!(text.starts_with("Undo of run r1: 2 changes\n"), "{text}");
    assert!(text.ends_with("  redress undo r1\n"), "{text}");
    let mut failing = undo.clone();
    failing.rehearsal = Rehearsal {
        failed: ["c1".to_owned()].into(),
        differences: vec!["c1: it did not come up".into()],
        ..Rehearsal::default()
    };
    let text = text::plan(&failing, &View::default());
    assert!(
        text.contains("! rehearsed: 1 of 2 changes does not go through, undo does not restore"),
        "{text}"
    );
    assert!(!text.contains("every call went through"), "{text}");
    let mut reopening = undo.clone();
    reopening.rehearsal.opens = reopening.rehearsal.closes.clone();
    let text = text::plan(&reopening, &View::default());
    assert!(text.contains("1 finding is open again afterwards: security-group-open-admin-port on"), "{text}");
    assert!(text.ends_with("  redress undo r1\n"), "{text}");
    let recovery = Plan { kind: PlanKind::Recover, ..sample::plan() };
    let text = text::plan(
        &recovery,
        &View { typed: Typed { planning: " r1", ..Typed::default() }, ..View::default() },
    );
    assert!(
        text.contains("redress recover r1 -o recover.json\n") && text.contains("redress apply recover.json"),
        "{text}"
    );
    let prune = Plan { kind: PlanKind::Prune, ..sample::plan() };
    let text = text::plan(&prune, &View::default());
    assert!(text.starts_with("Prune: 2 changes to delete what earlier runs kept\n"), "{text}");
    let nothing =
        Plan { changes: Vec::new(), skipped: Vec::new(), counts: BTreeMap::new(), ..sample::plan() };
    let text = shown(&nothing);
    assert!(text.starts_with("Nothing to do\n") && !text.contains("redress apply"), "{text}");
}

#[test]
fn what_to_type_next_follows_from_how_a_run_stands() {
    let mut run = sample::run();
    assert!(told(&run).contains("redress verify 20261122-100500-4b1d\n"));
    assert!(told(&run).ends_with("Next, to undo it:\n  redress undo 20261122-100500-4b1d\n"));
    run.state = RunState::Interrupted;
    assert!(told(&run).ends_with("Next, to finish it:\n  redress resume 20261122-100500-4b1d\n"));
    run.state = RunState::Undone;
    run.changes.iter_mut().for_each(|c| c.undone_by = Some("r2".into()));
    assert!(!told(&run).contains("Next"), "{}", told(&run));
    run = sample::run();
    run.changes[0].outcome = ChangeState::Ended(Outcome::Stuck);
    assert!(told(&run).contains("Manual action needed"));
    run.changes.iter_mut().for_each(|c| c.outcome = ChangeState::Ended(Outcome::Drifted));
    run.changes[1].awaiting.clear();
    assert!(told(&run).ends_with("redress plan -o plan.json\n"));
}

#[test]
fn news_is_one_line() {
    let waiting = |seconds| {
        text::progress(&ProgressEvent::Waiting {
            change: "c1".into(),
            why: "until the snapshots are completed".into(),
            seconds,
        })
    };
    assert_eq!(waiting(0), "c1 waits until the snapshots are completed");
    assert_eq!(waiting(15), "c1 waits until the snapshots are completed (for 15 s so far)");
    assert_eq!(waiting(75), "c1 waits until the snapshots are completed (for 1 min 15 s so far)");
    let ends =
        ProgressEvent::ChangeEnds { id: "c1".into(), outcome: Outcome::Verified, reason: String::new() };
    assert_eq!(text::progress(&ends), "c1: verified");
}

#[test]
fn what_an_undo_keeps_on_purpose_is_said_once() {
    let mut run = sample::run();
    run.kind = PlanKind::Undo;
    let change = &mut run.changes[0];
    (change.outcome, change.reason) =
        (ChangeState::Ended(Outcome::Restored), "log group /x stays: it may hold logs".to_owned());
    change.not_restored = vec![change.reason.clone(), "the ids of rules".to_owned()];
    let text = told(&run);
    assert_eq!(text.matches("it may hold logs").count(), 1, "{text}");
    assert!(text.contains("not restored: the ids of rules"), "{text}");
}
