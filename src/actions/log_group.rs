//! `ensure-log-group`: a log group with a retention, as the destination of other changes. The action creates
//! one where there is none and leaves an existing one as it is; it never lowers or raises a retention that
//! somebody chose.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    support,
};
use crate::{
    calls::{Act, Call, Expect, Recognise, Risk, Step, Test, Undo, Wait, WayBack, reference},
    checks::proofs_network,
    inventory::{Fact, FamilyKind, Region, Tags, Want, retention::deciding, tag},
    resource::{Kind, ResourceId},
    services::{
        Operation, Planned, Spec,
        log_group::{CreateLogGroup, DeleteLogGroup, DeleteRetentionPolicy, PutRetentionPolicy},
    },
};

/// The action `ensure-log-group`.
pub struct EnsureLogGroup;

/// The retention of a log group: only the numbers of days that AWS accepts
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Retention(i32);

const DAYS: [i32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

impl Default for Retention {
    fn default() -> Self {
        Self(90)
    }
}

impl TryFrom<i64> for Retention {
    type Error = String;
    fn try_from(days: i64) -> Result<Self, String> {
        if let Some(days) = DAYS.iter().find(|d| i64::from(**d) == days) {
            return Ok(Self(*days));
        }
        let nearest = DAYS.iter().find(|d| i64::from(**d) >= days).unwrap_or(&DAYS[DAYS.len() - 1]);
        let all: Vec<String> = DAYS.iter().map(i32::to_string).collect();
        Err(format!(
            "CloudWatch Logs has no retention of {days} days: take {nearest}, or another of {}",
            all.join(", ")
        ))
    }
}

impl From<Retention> for i64 {
    fn from(days: Retention) -> i64 {
        days.0.into()
    }
}

/// The parameters of the action.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The retention, in days.
    pub retention_days: Retention,
}

impl Action for EnsureLogGroup {
    fn name(&self) -> &'static str {
        "ensure-log-group"
    }
    fn title(&self) -> &'static str {
        "Makes a log group with a retention, where there is none"
    }
    fn doc(&self) -> &'static str {
        include_str!("log_group.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[]
    }
    fn target(&self) -> Kind {
        Kind::LogGroup
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const { &[Around::named(FamilyKind::RetentionPolicies)] }
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[Parameter {
            name: "retention_days",
            kind: "number of days",
            default: "90",
            doc: "How long events are kept; one of the numbers that CloudWatch Logs takes.",
        }]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, _: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let region = target.region();
        vec![
            Want::id(region, FamilyKind::LogGroups, target.id()),
            Want::all(region, FamilyKind::RetentionPolicies),
        ]
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <CreateLogGroup>::SPEC,
                <DeleteLogGroup>::SPEC,
                <PutRetentionPolicy>::SPEC,
                <DeleteRetentionPolicy>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::LogGroups, Concern::these(&["retention_in_days"]))] }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (region, name) = (target.region(), target.id());
        let facts = support::region(context.inventory, region)?;
        if let Some(group) = support::known(facts.log_groups.get(name), &format!("log group {name}"))? {
            let keeps = group.keeps();
            return Err(Refusal::Nothing(format!("log group {name} is there and keeps its events {keeps}")));
        }
        let mut after = json!({ "log_group": name, "retention_days": params.retention_days });
        let mut impact = vec![format!(
            "log group {name} is new in {region}; what is delivered there is charged by the gigabyte"
        )];
        let mut guards = vec![GuardNote::passed("ownership", format!("there is no log group {name}"))];
        match decided(facts, name, params.retention_days) {
            Fact::Known((policy, line)) => {
                after["retention_decided_by"] = json!(policy);
                impact.push(line);
            }
            Fact::Absent => {}
            silent => guards.push(GuardNote::not_checked(
                "retention",
                format!(
                    "whether a retention policy of the account decides how long {name} keeps its events: {}",
                    silent.silence().unwrap_or_default()
                ),
            )),
        }
        Ok(Proposal {
            summary: format!("make log group {name} with a retention of {} days", params.retention_days.0),
            steps: vec![create(region, name)?, retain(region, name, params.retention_days)],
            risk: Risk::Safe,
            impact,
            before: Value::Null,
            after,
            proof: vec![Proof {
                check: proofs_network::LOG_GROUP.to_owned(),
                resource: target.clone(),
                with: json!({ "retention_days": params.retention_days }),
            }],
            not_restored: Vec::new(),
            guards,
            touches: vec![Want::id(region, FamilyKind::LogGroups, name)],
            prerequisites: Vec::new(),
        })
    }
}

/// Returns the account-level policy that decides on the retention of a log group, and the line about it: the
/// retention that is set here is saved and has no effect while the policy applies
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>).
fn decided(facts: &Region, name: &str, days: Retention) -> Fact<(String, String)> {
    deciding(&facts.retention_policies, name).map(|policy| {
        let line = format!(
            "the account's retention policy {} decides how long {name} keeps its events: {}, and not the {} \
             days that are set here, which count once no policy applies",
            policy.id,
            policy.keeps(),
            days.0
        );
        (policy.id.clone(), line)
    })
}

fn create(region: &str, name: &str) -> Result<Step, Refusal> {
    let there = |at: &str, test| Expect::new(region, FamilyKind::LogGroups, name, at, test);
    let tags = support::recovery_tags(&Tags::new(), &[])?
        .into_iter()
        .map(|(key, value)| (key, value.into()))
        .collect();
    // Where it is not protected, AWS names no such member, or false.
    let not_protected =
        Test::OneOf { good: vec![json!(false), Value::Null], never: Vec::new(), late: Vec::new() };
    let create = CreateLogGroup::<Planned> { log_group_name: name.to_owned(), kms_key_id: None, tags };
    let delete = Act::new(
        Call::of(region, &DeleteLogGroup { log_group_name: name.to_owned() }),
        None,
        Recognise::Looks { expect: vec![there("", Test::Gone)], outputs: [].into() },
    )
    // Somebody may protect it meanwhile: then AWS refuses to delete it, and it is theirs to keep
    // (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>).
    .only_if(vec![
        there("/deletion_protection", not_protected)
            .meaning(&format!("log group {name} stays: somebody has protected it against deletion")),
    ])
    .or_leave();
    Ok(Step {
        name: "create-log-group".to_owned(),
        title: format!("make log group {name}"),
        act: Act::new(
            Call::of(region, &create),
            Some(Wait {
                until: vec![there("", Test::Exists)],
                at_most: 120,
                why: "until the log group can be seen".to_owned(),
            }),
            Recognise::Looks {
                expect: vec![there(&format!("/tags/known/{}", tag::TOKEN), Test::Is(reference::token()))],
                outputs: [].into(),
            },
        ),
        way_back: WayBack::Calls {
            rollback: vec![delete],
            undo: Undo::Kept(format!("log group {name} stays: it may hold logs")),
            kept_once: None,
            redo: false,
        },
    })
}

fn retain(region: &str, name: &str, days: Retention) -> Step {
    let set = Expect::new(region, FamilyKind::LogGroups, name, "/retention_in_days", Test::Is(json!(days)));
    Step {
        name: "set-retention".to_owned(),
        title: format!("keep its events {} days", days.0),
        act: Act::new(
            Call::of(
                region,
                &PutRetentionPolicy { log_group_name: name.to_owned(), retention_in_days: days.0 },
            ),
            Some(Wait {
                until: vec![set.clone()],
                at_most: 120,
                why: "until the retention can be seen".to_owned(),
            }),
            Recognise::Looks { expect: vec![set], outputs: [].into() },
        ),
        way_back: WayBack::ByStep("create-log-group".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::Options,
        inventory::{Caller, Inventory, LogGroup, RetentionPolicy, Selector},
        resource::Owner,
    };

    fn propose(group: Fact<LogGroup>) -> Result<Proposal, Refusal> {
        beside(group, Fact::Known(()), &[])
    }

    fn beside(
        group: Fact<LogGroup>,
        read: Fact<()>,
        policies: &[RetentionPolicy],
    ) -> Result<Proposal, Refusal> {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let target = owner.log_group("us-east-1", "/vpc/flow");
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = inventory.region_mut("us-east-1");
        region.log_groups.items.insert("/vpc/flow".into(), group);
        region.retention_policies.read(&Selector::All, read);
        policies.iter().for_each(|policy| region.retention_policies.put(policy.id.clone(), policy.clone()));
        let context =
            Context { inventory: &inventory, region: "us-east-1", checks: &[], options: &Options::default() };
        EnsureLogGroup.propose(&context, &target, &json!({ "retention_days": 30 }))
    }

    #[test]
    fn a_log_group_that_is_not_there_is_made_with_its_retention_and_kept_on_undo() {
        let proposal = propose(Fact::Absent).unwrap();
        let inputs: Vec<_> =
            proposal.steps.iter().map(|s| (s.act.call.name(), s.act.call.input.clone())).collect();
        assert_eq!(inputs[0].0, "logs:CreateLogGroup");
        assert_eq!(inputs[0].1["tags"][tag::TOKEN], reference::token());
        assert_eq!(
            inputs[1],
            (
                "logs:PutRetentionPolicy".to_owned(),
                json!({ "logGroupName": "/vpc/flow", "retentionInDays": 30 })
            )
        );
        let WayBack::Calls { rollback, undo: Undo::Kept(_), .. } = &proposal.steps[0].way_back else {
            panic!("undo deletes")
        };
        assert_eq!(rollback[0].call.name(), "logs:DeleteLogGroup");
    }

    #[test]
    fn a_log_group_that_is_there_is_left_alone_whatever_its_retention() {
        for days in [None, Some(1), Some(30), Some(3653)] {
            let group = LogGroup { id: "/vpc/flow".into(), retention_in_days: days, ..LogGroup::default() };
            assert!(matches!(propose(Fact::Known(group)), Err(Refusal::Nothing(_))), "{days:?}");
        }
    }

    #[test]
    fn the_plan_names_the_policy_of_the_account_that_decides_and_what_it_could_not_read() {
        let said = |read: Fact<()>, policies: &[RetentionPolicy]| {
            let made = beside(Fact::Absent, read, policies).unwrap();
            (made.impact.join("\n"), made.guards.len(), made.after)
        };
        let policy = RetentionPolicy {
            id: "org-default".into(),
            days: Fact::Known(365),
            ..RetentionPolicy::default()
        };
        let (impact, guards, after) = said(Fact::Known(()), std::slice::from_ref(&policy));
        assert!(impact.contains("org-default") && impact.contains("365 days"), "{impact}");
        assert_eq!((guards, &after["retention_decided_by"]), (1, &json!("org-default")));
        let elsewhere =
            RetentionPolicy { selection: Some("LogGroupNamePrefix IN [\"/app\"]".into()), ..policy };
        let (impact, guards, after) = said(Fact::Known(()), &[elsewhere]);
        assert!(!impact.contains("org-default"), "{impact}");
        assert_eq!((guards, after.get("retention_decided_by")), (1, None));
        let (_, guards, _) = said(Fact::Unknown("AccessDenied".into()), &[]);
        assert_eq!(guards, 2, "a guard that could not be asked is shown");
    }

    #[test]
    fn a_log_group_that_could_not_be_read_is_not_made() {
        assert!(matches!(propose(Fact::Unknown("AccessDenied".into())),
                Err(Refusal::Unknown(why)) if why.contains("AccessDenied")));
    }

    #[test]
    fn a_retention_that_aws_does_not_have_is_an_error_that_names_the_next() {
        assert!(Retention::try_from(100).unwrap_err().contains("take 120"));
        let text = toml::de::Deserializer::parse("retention_days = 45").unwrap();
        assert!(EnsureLogGroup.decode(text).unwrap_err().to_string().contains("take 60"));
        let none = toml::de::Deserializer::parse("").unwrap();
        assert_eq!(EnsureLogGroup.decode(none).unwrap(), json!({ "retention_days": 90 }));
    }
}
