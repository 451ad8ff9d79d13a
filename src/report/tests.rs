//! Reports as people see them, on made-up findings, plans and runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use insta::assert_snapshot;

use super::{Scan, Style, View, decisions, json, markdown, sample, text};
use crate::{
    calls::Risk,
    engine::News,
    finding::FindingKey,
    journal::{Outcome, RunDocument, RunState},
    plan::{Plan, Rehearsal},
};

fn with_scan<T>(tell: impl FnOnce(&Scan) -> T) -> T {
    let (findings, unjudged) = sample::findings();
    let decisions = decisions(&sample::plan());
    let regions = ["eu-west-1".to_owned(), "us-east-1".to_owned()];
    let read_at = sample::at("2026-11-22T10:00:00Z");
    let (account, partition, endpoint) = ("123456789012", "aws", "aws");
    tell(&Scan { account, partition, regions: &regions, endpoint, read_at, findings: &findings, unjudged: &unjudged, decisions: &decisions })
}

fn shown(plan: &Plan) -> String {
    text::plan(plan, &View { file: Some("plan.json"), ..View::default() })
}

fn told(run: &RunDocument) -> String {
    text::run(run, &View::default())
}

#[test]
fn findings_read_well() {
    assert_snapshot!(with_scan(|scan| text::findings(scan, &View::default())), @r#"
    Findings in account 123456789012
      regions   eu-west-1 and us-east-1
      endpoint  AWS
      read      2026-11-22 10:00 UTC

    CRITICAL 1 finding
      security-group-open-admin-port (1)
        ✗ sg-0a1b2c3d4e5f6a7b1 in eu-west-1 "web"
          rules: tcp 22 from 0.0.0.0/0, tcp 3389 from ::/0
          planned: c1: Narrow 1 rule of "web": tcp 22 from the world to
          203.0.113.0/24

    MEDIUM 1 finding
      vpc-without-flow-logs (1)
        ✗ vpc-1 in eu-west-1
          flow logs: none
          unmapped: no playbook answers it

    SET ASIDE 2 findings
      · sg-0a1b2c3d4e5f6a7b2 in eu-west-1: security-group-open-admin-port
        suppressed by the tag redress:ignore: ticket 4711, closed in March
      · vol-1 in eu-west-1: ebs-volume-unencrypted
        kept on purpose: vol-2 took its place

    NOT KNOWN neither fine nor wrong: this could not be read
      ? ebs-volume-unencrypted on vol-3 in eu-west-1
        the listing was cut short
      ? cloudtrail-not-logging could not be judged in us-east-1:
        AccessDenied: not authorized to perform cloudtrail:DescribeTrails

    FINE, WITH A NOTE
      ✓ vpc-2 in eu-west-1: the first delivery is awaited

    2 findings (1 critical, 1 medium), 1 suppressed, 1 kept on purpose, 1 unknown, 1
    check could not be run in a region.

    Next, to see what would be done:
      redress plan -o plan.json
    "#);
}

#[test]
fn a_plan_reads_well() {
    assert_snapshot!(shown(&sample::plan()), @r#"
    Plan: 2 changes
      account   123456789012
      regions   eu-west-1 and us-east-1
      endpoint  AWS
      caller    arn:aws:iam::123456789012:user/ada
      made      2026-11-22 10:00 UTC, good until 2026-11-29 10:00 UTC
      digest    3f2a91c04be1

    ✓ rehearsed: closes 1 of 1, opens 0, undo restores all but what is named

    c1  disruptive · Narrow 1 rule of "web": tcp 22 from the world to 203.0.113.0/24
        resource      security group sg-0a1b2c3d4e5f6a7b1 in eu-west-1
        answers       security-group-open-admin-port
        action        tighten-security-group (playbook close-admin-ports)

            ingress
          -   tcp 22 from 0.0.0.0/0 "temporary"
          +   tcp 22 from 203.0.113.0/24
              tcp 443 from 0.0.0.0/0

        impact        tcp 22 closes to all but 203.0.113.0/24
                      2 interfaces are behind the group, of i-1 and i-2
        guards        ✓ ownership: nothing else manages the group
                      ! lock-out (not checked): your own address is not known: give
                      it with --my-address
        steps         1. allow tcp 22 from 203.0.113.0/24
                      2. revoke tcp 22 from 0.0.0.0/0 (sgr-9)
        way back      1 of 2 steps cannot be taken back
        not restored: the rule comes back under a new id: sgr-9 is gone for good,
                      and whatever names it must be told

    c2  safe · Make the role redress-flow-logs
        resource      role redress-flow-logs
        answers       no finding of its own: other changes need it
        action        ensure-delivery-role (playbook close-admin-ports)
        after         c1
        approval      done without a question: the playbook says approve = "auto"

          + role.name: redress-flow-logs
          + role.kept_until: 30 days after the run

        steps         1. make the role redress-flow-logs
        way back      the step can be taken back

    NOT PLANNED 3 findings
      refused     sg-0a1b2c3d4e5f6a7b3 in eu-west-1: security-group-open-admin-port
                  an instance runs behind the group, and this is the last way in to
                  it; allow your own addresses with --allow-cidr
      unmapped    vpc-1 in eu-west-1 and vpc-2 in eu-west-1: vpc-without-flow-logs
                  no playbook answers it

    2 changes: 1 safe, 1 disruptive.
    4 findings: 1 planned, 1 refused, 2 unmapped.

    Next, to do it:
      redress apply plan.json
    "#);
}

#[test]
fn the_exact_calls_of_a_change_stand_in_its_long_form() {
    let plan = sample::plan();
    let view = View { verbose: true, ..View::default() };
    assert_snapshot!(text::change(&plan, &plan.changes[0], &view), @r#"
    c1  disruptive · Narrow 1 rule of "web": tcp 22 from the world to 203.0.113.0/24
        resource      security group sg-0a1b2c3d4e5f6a7b1 in eu-west-1
        arn           arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0a1b2c3d4e5f6a7b1
        answers       security-group-open-admin-port
        action        tighten-security-group (playbook close-admin-ports)

            ingress
          -   tcp 22 from 0.0.0.0/0 "temporary"
          +   tcp 22 from 203.0.113.0/24
              tcp 443 from 0.0.0.0/0

        impact        tcp 22 closes to all but 203.0.113.0/24
                      2 interfaces are behind the group, of i-1 and i-2
        guards        ✓ ownership: nothing else manages the group
                      ! lock-out (not checked): your own address is not known: give
                      it with --my-address
        steps
          1. allow tcp 22 from 203.0.113.0/24
             ec2:AuthorizeSecurityGroupIngress in eu-west-1
               {
                 "GroupId": "sg-0a1b2c3d4e5f6a7b1",
                 "Tags": [
                   {
                     "Key": "redress:run",
                     "Value": "<id of the run>"
                   }
                 ]
               }
             then waits until the new rules are there (at most 60 s)
             way back:
               ec2:RevokeSecurityGroupIngress in eu-west-1
                 {
                   "SecurityGroupRuleIds": "<output SecurityGroupRuleIds of step
                     authorize>"
                 }
          2. revoke tcp 22 from 0.0.0.0/0 (sgr-9)
             ec2:RevokeSecurityGroupIngress in eu-west-1
               {
                 "SecurityGroupRuleIds": [
                   "sgr-9"
                 ]
               }
             way back: none: the id of the rule is AWS's
        way back      1 of 2 steps cannot be taken back
        not restored: the rule comes back under a new id: sgr-9 is gone for good,
                      and whatever names it must be told
    "#);
}

#[test]
fn a_run_reads_well() {
    assert_snapshot!(told(&sample::run()), @r#"
    Run 20261122-100500-4b1d: complete
      account   123456789012
      endpoint  AWS
      started   2026-11-22 10:05 UTC
      plan      3f2a91c04be1

    ✓ c1 verified         Narrow 1 rule of "web": tcp 22 from the world to
                          203.0.113.0/24
                          security group sg-0a1b2c3d4e5f6a7b1 in eu-west-1, 3.2 s
                          not restored by undo: the rule comes back under a new id:
                          sgr-9 is gone for good, and whatever names it must be told
    ! c2 unverified       Make the role redress-flow-logs
                          role redress-flow-logs, 3.2 s
                          the role is not visible yet
                          awaited: the first delivery of the flow log

    2 changes: 1 verified, 1 unverified.

    Next, to check again:
      redress verify 20261122-100500-4b1d
    Next, to take it back:
      redress undo 20261122-100500-4b1d
    "#);
}

#[test]
fn runs_read_well() {
    let undo = RunDocument { kind: "undo".into(), of_run: Some("20261122-100500-4b1d".into()), run: "20261122-110000-77aa".into(), ..sample::run() };
    assert_snapshot!(text::runs(&[undo, sample::run()], &View::default()), @r#"
    20261122-110000-77aa complete
      undo of 20261122-100500-4b1d, 2026-11-22 10:05 UTC, account 123456789012
      1 verified, 1 unverified
    20261122-100500-4b1d complete
      plan, 2026-11-22 10:05 UTC, account 123456789012
      1 verified, 1 unverified

    Next, for the story of one:
      redress show 20261122-110000-77aa
    "#);
}

#[test]
fn a_plan_in_markdown_folds_its_calls() {
    assert_snapshot!(markdown::plan(&sample::plan(), Some("plan.json")), @r#"
    ## Plan: 2 changes

    Account `123456789012`, eu-west-1 and us-east-1, at `AWS`.
    Made 2026-11-22 10:00 UTC by `arn:aws:iam::123456789012:user/ada`, good until 2026-11-29 10:00 UTC.
    Digest `3f2a91c04be1d00d`.

    ✅ **rehearsed: closes 1 of 1, opens 0, undo restores all but what is named**


    | | Change | Resource | Risk |
    |---|---|---|---|
    | `c1` | Narrow 1 rule of &#34;web&#34;: tcp 22 from the world to 203.0.113.0/24 | `sg-0a1b2c3d4e5f6a7b1 in eu-west-1` | ⚠️ disruptive |
    | `c2` | Make the role redress-flow-logs | `redress-flow-logs` | ✅ safe |

    ### c1 Narrow 1 rule of &#34;web&#34;: tcp 22 from the world to 203.0.113.0/24

    `arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0a1b2c3d4e5f6a7b1` · disruptive · answers security-group-open-admin-port

    ```diff
      ingress
    -   tcp 22 from 0.0.0.0/0 "temporary"
    +   tcp 22 from 203.0.113.0/24
        tcp 443 from 0.0.0.0/0
    ```

    - impact: tcp 22 closes to all but 203.0.113.0/24
    - impact: 2 interfaces are behind the group, of i-1 and i-2
    - ✅ guard ownership: nothing else manages the group
    - ⚠️ guard lock-out (not checked): your own address is not known: give it with --my-address
    - way back: 1 of 2 steps cannot be taken back
    - ⚠️ not restored: the rule comes back under a new id: sgr-9 is gone for good, and whatever names it must be told

    <details><summary>2 steps, exactly</summary>

    **1.** allow tcp 22 from 203.0.113.0/24

    `ec2:AuthorizeSecurityGroupIngress` eu-west-1

    ```json
    {
      "GroupId": "sg-0a1b2c3d4e5f6a7b1",
      "Tags": [
        {
          "Key": "redress:run",
          "Value": "<id of the run>"
        }
      ]
    }
    ```

    Then waits until the new rules are there (at most 60 s).

    Way back: `ec2:RevokeSecurityGroupIngress`.

    **2.** revoke tcp 22 from 0.0.0.0/0 (sgr-9)

    `ec2:RevokeSecurityGroupIngress` eu-west-1

    ```json
    {
      "SecurityGroupRuleIds": [
        "sgr-9"
      ]
    }
    ```

    Way back: none: the id of the rule is AWS&#39;s.

    </details>

    ### c2 Make the role redress-flow-logs

    `arn:aws:iam::123456789012:role/redress-flow-logs` · safe · answers no finding of its own: other changes need it

    ```diff
    + role.name: redress-flow-logs
    + role.kept_until: 30 days after the run
    ```

    - after c1
    - ⚠️ done without a question: the playbook says so
    - way back: the step can be taken back

    <details><summary>1 step, exactly</summary>

    **1.** make the role redress-flow-logs

    `ec2:AuthorizeSecurityGroupIngress` eu-west-1

    ```json
    {
      "GroupId": "sg-0a1b2c3d4e5f6a7b1",
      "Tags": [
        {
          "Key": "redress:run",
          "Value": "<id of the run>"
        }
      ]
    }
    ```

    Then waits until the new rules are there (at most 60 s).

    Way back: `ec2:RevokeSecurityGroupIngress`.

    </details>

    ### Not planned

    | Finding | Resource | Why |
    |---|---|---|
    | `vpc-without-flow-logs` | `vpc-1 in eu-west-1` | **unmapped**: no playbook answers it |
    | `vpc-without-flow-logs` | `vpc-2 in eu-west-1` | **unmapped**: no playbook answers it |
    | `security-group-open-admin-port` | `sg-0a1b2c3d4e5f6a7b3 in eu-west-1` | **refused**: an instance runs behind the group, and this is the last way in to it; allow your own addresses with --allow-cidr |

    2 changes: 1 safe, 1 disruptive.

    4 findings: 1 planned, 1 refused, 2 unmapped.

    Next, to do it: `redress apply plan.json`
    "#);
}

#[test]
fn a_run_in_markdown_is_a_table() {
    assert_snapshot!(markdown::run(&sample::run()), @r#"
    ## Run 20261122-100500-4b1d: complete

    Account `123456789012` at `AWS`, started 2026-11-22 10:05 UTC.

    | | Change | Resource | Outcome |
    |---|---|---|---|
    | `c1` | Narrow 1 rule of &#34;web&#34;: tcp 22 from the world to 203.0.113.0/24 | `sg-0a1b2c3d4e5f6a7b1 in eu-west-1` | ✅ **verified**<br>not restored by undo: the rule comes back under a new id: sgr-9 is gone for good, and whatever names it must be told |
    | `c2` | Make the role redress-flow-logs | `redress-flow-logs` | ⚠️ **unverified**<br>the role is not visible yet<br>awaited: the first delivery of the flow log |

    2 changes: 1 verified, 1 unverified.

    Next, to check again: `redress verify 20261122-100500-4b1d`

    Next, to take it back: `redress undo 20261122-100500-4b1d`
    "#);
}

#[test]
fn findings_in_markdown_are_tables() {
    assert_snapshot!(with_scan(markdown::findings), @r#"
    ## 2 findings in account 123456789012

    eu-west-1 and us-east-1, at `AWS`, read 2026-11-22 10:00 UTC.

    | Severity | Check | Resource | Evidence |
    |---|---|---|---|
    | ❌ critical | `security-group-open-admin-port` | `sg-0a1b2c3d4e5f6a7b1 in eu-west-1` web | rules: tcp 22 from 0.0.0.0/0, tcp 3389 from ::/0 |
    | ⚠️ medium | `vpc-without-flow-logs` | `vpc-1 in eu-west-1` | flow logs: none |

    ### Set aside or not known

    | | Check | Resource | Why |
    |---|---|---|---|
    | suppressed | `security-group-open-admin-port` | `sg-0a1b2c3d4e5f6a7b2 in eu-west-1` | ticket 4711, closed in March |
    | retained | `ebs-volume-unencrypted` | `vol-1 in eu-west-1` | vol-2 took its place |
    | fine | `vpc-without-flow-logs` | `vpc-2 in eu-west-1` | the first delivery is awaited |
    | ⚠️ unknown | `ebs-volume-unencrypted` | `vol-3 in eu-west-1` | the listing was cut short |
    | ⚠️ not judged | `cloudtrail-not-logging` | all in us-east-1 | AccessDenied: not authorized to perform cloudtrail:DescribeTrails |

    Next, to see what would be done: `redress plan -o plan.json`
    "#);
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
    let sum: u64 = ["open", "suppressed", "retained", "unknown"].iter().map(|name| counts[name].as_u64().unwrap()).sum();
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
    let scan = |tell: &dyn Fn(&Scan) -> String| with_scan(|scan| tell(&Scan { findings: &findings, unjudged: &unjudged, ..*scan }));
    let verbose = View { verbose: true, ..View::default() };
    let news = text::news(&News::ChangeEnds { id: "c1".into(), outcome: Outcome::Failed, reason: sample::HOSTILE.into() }).unwrap();
    assert_eq!(news.lines().count(), 1);
    let texts = [text::plan(&plan, &verbose), text::run(&run, &verbose), scan(&|s| text::findings(s, &verbose)), news];
    for text in &texts {
        assert!(text.contains("\\u{1b}"), "{text}");
        assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text}");
    }
    for text in [markdown::plan(&plan, None), markdown::run(&run), scan(&markdown::findings)] {
        assert!(text.contains("script"), "{text}");
        assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text}");
        assert!(!outside_code(&text).contains("<script"), "{text}");
        for row in text.lines().filter(|line| line.starts_with("| ")) {
            assert!([4, 5].contains(&row.matches('|').count()), "{row}");
        }
    }
    assert!(!json::write(&plan).unwrap().contains('\u{9b}'));
}

/// The Markdown without its fenced blocks and code spans.
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

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [60, 80, 120] {
        let style = Style { width, ..Style::default() };
        let view = View { style, ..View::default() };
        let (plan, run) = (sample::plan(), sample::run());
        let texts = [text::plan(&plan, &view), text::run(&run, &view), with_scan(|scan| text::findings(scan, &view)), text::runs(&[run], &view)];
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
    let all = |view: &View| [text::plan(&plan, view), text::run(&run, view), with_scan(|scan| text::findings(scan, view))];
    for ((coloured, bare), ascii) in all(&colour).iter().zip(all(&bare)).zip(all(&ascii)) {
        assert_ne!(*coloured, bare);
        assert_eq!(console::strip_ansi_codes(coloured), bare);
        assert!(ascii.is_ascii(), "{ascii}");
    }
}

#[test]
fn a_long_plan_still_fits_a_comment() {
    let mut plan = sample::plan();
    plan.changes = (0..50).map(|n| crate::plan::Change { id: format!("c{n}"), ..sample::tighten() }).collect();
    let text = markdown::plan(&plan, None);
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(text.contains("<details>") && text.contains("no room here for the exact calls of") && text.contains("| `c49` |"));
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
    plan.rehearsal = Rehearsal { not_rehearsed: vec!["c1: the rules are not known".into(), "c2: nor is the role".into()], ..Rehearsal::default() };
    let text = shown(&plan);
    assert!(text.contains("! not rehearsed, because:\n    c1: the rules are not known\n"), "{text}");
    assert!(!text.contains("closes 1 of"), "{text}");
    plan.rehearsal = Rehearsal::default();
    assert!(shown(&plan).contains("! not rehearsed\n"));
    plan.rehearsal = Rehearsal { not_rehearsed: vec!["c2: nor is the role".into()], ..sample::plan().rehearsal };
    assert!(shown(&plan).contains("! rehearsed in part: closes 1 of 1"));
}

#[test]
fn a_plan_names_what_undo_leaves_and_what_needs_its_own_flag() {
    let mut plan = sample::plan();
    plan.rehearsal.undo_restores = false;
    plan.rehearsal.differences = vec!["sg-1: a tag".into()];
    plan.changes[0].risk = Risk::Irreversible;
    let text = shown(&plan);
    assert!(text.contains("undo does not restore everything\n    not restored by undo: sg-1: a tag\n"), "{text}");
    assert!(text.contains("redress apply plan.json --allow-irreversible tighten-security-group\n"), "{text}");
}

#[test]
fn undo_and_prune_plans_speak_of_what_they_do() {
    let undo = Plan { kind: "undo".into(), of_run: Some("r1".into()), ..sample::plan() };
    let text = text::plan(&undo, &View::default());
    assert!(text.starts_with("Undo of run r1: takes back 2 changes\n"), "{text}");
    assert!(text.ends_with("  redress undo r1\n"), "{text}");
    let prune = Plan { kind: "prune".into(), ..sample::plan() };
    let text = text::plan(&prune, &View::default());
    assert!(text.starts_with("Prune: 2 changes to delete what earlier runs kept\n"), "{text}");
    let nothing = Plan { changes: Vec::new(), skipped: Vec::new(), counts: BTreeMap::new(), ..sample::plan() };
    let text = shown(&nothing);
    assert!(text.starts_with("Nothing to do\n") && !text.contains("redress apply"), "{text}");
}

#[test]
fn what_to_type_next_follows_from_how_a_run_stands() {
    let mut run = sample::run();
    assert!(told(&run).contains("redress verify 20261122-100500-4b1d\n"));
    assert!(told(&run).ends_with("Next, to take it back:\n  redress undo 20261122-100500-4b1d\n"));
    run.state = RunState::Interrupted;
    assert!(told(&run).ends_with("Next, to finish it:\n  redress resume 20261122-100500-4b1d\n"));
    run.state = RunState::Undone;
    run.changes.iter_mut().for_each(|c| c.undone_by = Some("r2".into()));
    assert!(!told(&run).contains("Next"), "{}", told(&run));
    run = sample::run();
    run.changes[0].outcome = "stuck".into();
    assert!(told(&run).contains("A person is needed"));
    run.changes.iter_mut().for_each(|c| c.outcome = "drifted".into());
    run.changes[1].awaiting.clear();
    assert!(told(&run).ends_with("redress plan -o plan.json\n"));
}

#[test]
fn news_is_one_line_and_waiting_does_not_fill_the_log() {
    let waiting = |seconds| text::news(&News::Waiting { change: "c1".into(), why: "until the snapshots are completed".into(), seconds });
    assert_eq!(waiting(0).as_deref(), Some("c1 waits until the snapshots are completed"));
    assert_eq!(waiting(15), None);
    assert_eq!(waiting(75).as_deref(), Some("c1 waits until the snapshots are completed (for 1 min 15 s so far)"));
    let ends = News::ChangeEnds { id: "c1".into(), outcome: Outcome::Verified, reason: String::new() };
    assert_eq!(text::news(&ends).as_deref(), Some("c1: verified"));
}
