//! Made-up findings, plans and runs for the tests of reports, including hostile ones.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    actions::{GuardNote, Options},
    calls::{Act, Call, Expect, Recognise, Risk, Step, Test, Undo, Wait, WayBack, reference},
    checks::Unjudged,
    evidence::{Evidence, Use},
    finding::{Finding, FindingKey, Severity, Verdict},
    inventory::FamilyKind,
    journal::{ChangeState, Outcome, Resumption, RunDocument, RunState, document::ChangeReport},
    plan::{ActionNames, Change, Plan, PlanKind, Rehearsal, Skipped, SkippedKind},
    reach::{Answer, At, Hop, Reach, Reached, Reaches},
    resource::{Owner, ResourceId},
};

/// A text that an attacker may write into a tag.
pub const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;pwned\u{7}a\nb\r| `x` ``` <script>alert(1)</script> \
    [l](https://e.vil) @everyone \u{202e}txt\u{9b}31m";

pub fn owner() -> Owner {
    Owner { partition: "aws".into(), account: "123456789012".into() }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub fn group(n: usize) -> ResourceId {
    owner().security_group("eu-west-1", &format!("sg-0a1b2c3d4e5f6a7b{n}"))
}

pub fn key(check: &str, resource: &ResourceId) -> FindingKey {
    FindingKey { check: check.into(), resource: resource.clone() }
}

pub fn found(check: &str, severity: Severity, resource: ResourceId, verdict: Verdict) -> Finding {
    let (region, sources) = (resource.region().to_owned(), vec!["scan".to_owned()]);
    Finding {
        check: check.into(),
        severity,
        resource,
        region,
        verdict,
        suppressed: None,
        tags: BTreeMap::default(),
        sources,
    }
}

pub fn findings() -> (Vec<Finding>, Vec<Unjudged>) {
    let open = |rules: &[&str]| Verdict::Violates(json!({ "rules": rules }));
    let rule = |id: &str, source: &str| {
        json!({ "rule": id, "source": source, "protocol": "tcp",
        "ports": "22", "services": ["SSH"] })
    };
    let rules = Verdict::Violates(
        json!({ "rules": [rule("sgr-0a1b2c3d4e5f6a7b8", "0.0.0.0/0"), rule("sgr-9", "::/0")] }),
    );
    let mut web = found("security-group-open-admin-port", Severity::Critical, group(1), rules);
    web.tags.insert("Name".into(), "web".into());
    let mut bastion = found(
        "security-group-open-admin-port",
        Severity::Critical,
        group(2),
        open(&["tcp 22 from 0.0.0.0/0"]),
    );
    bastion.suppressed = Some("ticket 4711, closed in March".into());
    let vpc = |n: usize| owner().vpc("eu-west-1", &format!("vpc-{n}"));
    let findings = vec![
        found("vpc-of-made-up-rule", Severity::Medium, vpc(1), Verdict::Violates(json!({ "flow_logs": [] }))),
        web,
        bastion,
        found(
            "ebs-volume-unencrypted",
            Severity::Medium,
            owner().volume("eu-west-1", "vol-1"),
            Verdict::Retained("vol-2 took its place".into()),
        ),
        found(
            "vpc-of-made-up-rule",
            Severity::Medium,
            vpc(2),
            Verdict::Ok(Some("the first delivery is awaited".into())),
        ),
        found(
            "ebs-volume-unencrypted",
            Severity::Medium,
            owner().volume("eu-west-1", "vol-3"),
            Verdict::Unknown("the listing was cut short".into()),
        ),
    ];
    let reason = "AccessDenied: not authorized to perform cloudtrail:DescribeTrails".to_owned();
    (findings, vec![Unjudged { check: "cloudtrail-not-logging".into(), region: "us-east-1".into(), reason }])
}

/// Returns the reach of the open finding on a group.
pub fn reaches() -> Reaches {
    let hop = |hop, fact: &str| Hop { hop, answer: Answer::Yes, fact: fact.to_owned() };
    let reach = Reach {
        verdict: Reached::Reachable,
        reason: "eni-1 at 203.0.113.9, through igw-1".into(),
        hops: vec![
            hop(At::Interface, "eni-1 uses sg-1"),
            hop(At::Route, "rtb-1 leads subnet-1 by 0.0.0.0/0 to igw-1"),
        ],
        claimed: false,
    };
    [(key("security-group-open-admin-port", &group(1)), reach)].into()
}

fn act(operation: &str, input: Value) -> Act {
    let looks = Recognise::Looks { expect: Vec::new(), outputs: BTreeMap::new() };
    Act::new(Call::new("ec2", "eu-west-1", operation, input), None, looks)
}

fn steps() -> Vec<Step> {
    let ids = reference::output("authorize", "SecurityGroupRuleIds");
    let back = |acts| WayBack::Calls { rollback: acts, undo: Undo::Same, kept_once: None, redo: false };
    let mut authorize = act(
        "AuthorizeSecurityGroupIngress",
        json!({ "GroupId": group(1).id(), "Tags": [{ "Key": "redress:run", "Value": reference::run() }] }),
    );
    let rules = Expect::new("eu-west-1", FamilyKind::SecurityGroupRules, ids.clone(), "", Test::Exists);
    authorize.wait =
        Some(Wait { until: vec![rules], at_most: 60, why: "until the new rules are there".into() });
    vec![
        Step {
            name: "authorize".into(),
            title: "allow tcp 22 from 203.0.113.0/24".into(),
            act: authorize,
            way_back: back(vec![act("RevokeSecurityGroupIngress", json!({ "SecurityGroupRuleIds": ids }))]),
        },
        Step {
            name: "revoke".into(),
            title: "revoke tcp 22 from 0.0.0.0/0 (sgr-9)".into(),
            act: act("RevokeSecurityGroupIngress", json!({ "SecurityGroupRuleIds": ["sgr-9"] })),
            way_back: WayBack::Cannot("the id of the rule is AWS's".into()),
        },
    ]
}

pub fn tighten() -> Change {
    Change {
        id: "c1".into(),
        after: Vec::new(),
        findings: vec![key("security-group-open-admin-port", &group(1))],
        playbook: "close-admin-ports".into(),
        action: ActionNames::of(["tighten-security-group"]),
        uses: Vec::new(),
        resource: group(1),
        region: "eu-west-1".into(),
        summary: "Narrow 1 rule of \"web\": tcp 22 from the world to 203.0.113.0/24".into(),
        risk: Risk::Disruptive,
        reversible: true,
        not_restored: vec![
            "the rule comes back under a new id: sgr-9 is gone for good, and whatever names it must be told"
                .into(),
        ],
        before: json!({ "ingress": ["tcp 22 from 0.0.0.0/0 \"temporary\"", "tcp 443 from 0.0.0.0/0"] }),
        after_state: json!({ "ingress": ["tcp 22 from 203.0.113.0/24", "tcp 443 from 0.0.0.0/0"] }),
        impact: vec![
            "tcp 22 closes to all but 203.0.113.0/24".into(),
            "2 interfaces are behind the group, of i-1 and i-2".into(),
        ],
        proof: Vec::new(),
        steps: steps(),
        guards: vec![
            GuardNote::passed("ownership", "nothing else manages the group"),
            GuardNote::not_checked("lock-out", "your own address is not known: give it with --my-address"),
        ],
        touches: Vec::new(),
        ask: true,
        protected: Vec::new(),
        sources: Vec::new(),
        evidence: None,
        reach: None,
        restore: None,
    }
}

pub fn role() -> Change {
    let mut steps = steps();
    steps.truncate(1);
    steps[0].title = "make the role redress-flow-logs".into();
    Change {
        id: "c2".into(),
        after: vec!["c1".into()],
        findings: Vec::new(),
        action: ActionNames::of(["ensure-delivery-role"]),
        resource: owner().role("redress-flow-logs"),
        summary: "Make the role redress-flow-logs".into(),
        risk: Risk::Safe,
        not_restored: Vec::new(),
        before: Value::Null,
        after_state: json!({ "role": { "name": "redress-flow-logs",
            "kept_until": reference::date_after(30) } }),
        impact: Vec::new(),
        guards: Vec::new(),
        ask: false,
        steps,
        ..tighten()
    }
}

pub fn plan() -> Plan {
    let refused = "an instance runs behind the group, and this is the last way in to it; allow your own \
                   addresses with --allow-cidr";
    let skip = |check: &str, resource: ResourceId, kind, reason: &str| Skipped {
        finding: key(check, &resource),
        kind,
        reason: reason.into(),
    };
    Plan {
        format: "redress.plan/1".into(),
        account: "123456789012".into(),
        partition: "aws".into(),
        endpoint: "aws".into(),
        regions: vec!["eu-west-1".into(), "us-east-1".into()],
        caller: "arn:aws:iam::123456789012:user/ada".into(),
        created: at("2026-11-22T10:00:00Z"),
        expires: at("2026-11-29T10:00:00Z"),
        options: Options::default(),
        playbooks: BTreeMap::new(),
        changes: vec![tighten(), role()],
        skipped: vec![
            skip(
                "vpc-of-made-up-rule",
                owner().vpc("eu-west-1", "vpc-1"),
                SkippedKind::Unmapped,
                "no playbook answers it",
            ),
            skip(
                "vpc-of-made-up-rule",
                owner().vpc("eu-west-1", "vpc-2"),
                SkippedKind::Unmapped,
                "no playbook answers it",
            ),
            skip("security-group-open-admin-port", group(3), SkippedKind::Refused, refused),
        ],
        origins: Vec::new(),
        rehearsal: Rehearsal {
            closes: vec![key("security-group-open-admin-port", &group(1))],
            undo_restores: true,
            ..Rehearsal::default()
        },
        counts: BTreeMap::from([("planned".into(), 1), ("unmapped".into(), 2), ("refused".into(), 1)]),
        digest: "3f2a91c04be1d00d".into(),
        kind: crate::plan::PlanKind::Plan,
        of_run: None,
    }
}

/// Builds a plan in which every text that an account or a file can supply is hostile.
pub fn hostile_plan() -> Plan {
    let mut plan = plan();
    let bad = || HOSTILE.to_owned();
    (plan.caller, plan.endpoint) = (bad(), bad());
    plan.skipped[0].reason = bad();
    let change = &mut plan.changes[0];
    (change.summary, change.playbook) = (bad(), bad());
    change.action = ActionNames::of([HOSTILE]);
    (change.impact, change.not_restored) = (vec![bad()], vec![bad()]);
    let used =
        Use { closes: bad(), interfaces: 1, uncovered: 1, uncovered_ids: vec![bad()], ..Use::default() };
    let unknown = Use { closes: bad(), unknown: Some(bad()), ..Use::default() };
    change.evidence = Some(Evidence { uses: vec![used, unknown], ..Evidence::default() });
    change.before = json!({ HOSTILE: [HOSTILE], "x": HOSTILE });
    change.guards[0].note = bad();
    change.steps[0].title = bad();
    change.steps[0].act.call.input = json!({ "Description": HOSTILE });
    plan.rehearsal.not_rehearsed = vec![format!("c1: {HOSTILE}")];
    plan
}

pub fn reported(change: &Change, outcome: Outcome, reason: &str) -> ChangeReport {
    ChangeReport {
        id: change.id.clone(),
        action: change.action.clone(),
        resource: change.resource.clone(),
        summary: change.summary.clone(),
        outcome: ChangeState::Ended(outcome),
        reason: reason.into(),
        down: Vec::new(),
        awaiting: Vec::new(),
        leftovers: Vec::new(),
        not_told: Vec::new(),
        not_restored: change.not_restored.clone(),
        undone_by: None,
        seconds: Some(3.21),
    }
}

pub fn run() -> RunDocument {
    let mut role = reported(&role(), Outcome::Unverified, "the role is not visible yet");
    role.awaiting = vec!["the first delivery of the flow log".into()];
    let changes = vec![reported(&tighten(), Outcome::Verified, ""), role];
    let counts = changes.iter().map(|c| (c.outcome.word().to_owned(), 1)).collect();
    RunDocument {
        format: "redress.run/1".into(),
        run: "20261122-100500-4b1d".into(),
        kind: PlanKind::Plan,
        of_run: None,
        plan_digest: "3f2a91c04be1d00d".into(),
        account: "123456789012".into(),
        endpoint: "aws".into(),
        started: at("2026-11-22T10:05:00Z"),
        caller: "arn:aws:sts::123456789012:assumed-role/ops/robin".into(),
        signed: None,
        resumed: vec![Resumption {
            at: at("2026-11-22T10:15:00Z"),
            caller: "arn:aws:sts::123456789012:assumed-role/ops/sam".into(),
            signed: None,
        }],
        state: RunState::Complete,
        stopped: None,
        changes,
        counts,
        told: Vec::new(),
        story: Vec::new(),
    }
}
