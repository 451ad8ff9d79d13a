//! `enable-flow-logs`: a VPC gets a flow log. The log group and the delivery role that it needs are changes
//! of their own; a bucket must be proved to accept the logs. The action must never change an existing flow
//! log, and leaves a bucket's policy as it was.

mod bucket;
pub mod params;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::params::{Destination, Params};
use super::{
    Action, Around, Context, GuardNote, Parameter, Prerequisite, Proof, Proposal, Refusal,
    concern::{self, Concern},
    make, support,
};
use crate::{
    calls::{Act, Call, Expect, Recognise, Risk, Shape, Step, Test, Undo, Wait, WayBack, reference},
    checks::{
        proofs_network::{BUCKET_POLICY, Delivery},
        vpcs::{Health, WITHOUT_FLOW_LOGS, flow_logs_of, flow_logs_want, health},
    },
    inventory::{Fact, FamilyKind, FlowLog, Tags, Vpc, Want, retention::deciding, tag},
    resource::{Kind, ResourceId},
    services::{
        Operation, Planned, Spec,
        bucket::PutBucketPolicy,
        flow_log::{CreateFlowLogs, DeleteFlowLogs},
    },
};

/// The action `enable-flow-logs`.
pub struct EnableFlowLogs;

const STEP: &str = "create-flow-log";
const IDS: &str = "FlowLogIds";

impl Action for EnableFlowLogs {
    fn name(&self) -> &'static str {
        "enable-flow-logs"
    }
    fn title(&self) -> &'static str {
        "Makes a flow log for a VPC, to CloudWatch Logs or to a bucket"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[WITHOUT_FLOW_LOGS]
    }
    fn target(&self) -> Kind {
        Kind::Vpc
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::Vpcs),
                Around::named(FamilyKind::FlowLogs),
                Around::named(FamilyKind::RetentionPolicies).perhaps(),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want> {
        let (region, vpc) = (context.region, target.id());
        let mut wants = vec![Want::id(region, FamilyKind::Vpcs, vpc), flow_logs_want(region, vpc)];
        let Ok(params) = support::params::<Params>(with) else { return wants };
        match (params.destination, &params.bucket) {
            (Destination::CloudWatchLogs, _) => {
                wants.push(Want::id(region, FamilyKind::LogGroups, &params.log_group));
                wants.push(Want::all(region, FamilyKind::RetentionPolicies));
                wants.push(Want::id("", FamilyKind::Roles, params.role(region)));
            }
            (Destination::S3, Some(bucket)) => wants.push(Want::id("", FamilyKind::Buckets, &bucket.name)),
            (Destination::S3, None) => {}
        }
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<CreateFlowLogs>::SPEC, <DeleteFlowLogs>::SPEC, <PutBucketPolicy>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const {
            &[
                (FamilyKind::FlowLogs, Concern::but(&["tags"])),
                (FamilyKind::Buckets, Concern::these(&["policy"])),
            ]
        }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (region, id) = (context.region, target.id());
        let now = context.inventory.read_at;
        let vpc =
            support::need(support::region(context.inventory, region)?.vpcs.get(id), &format!("VPC {id}"))?;
        if !context.inventory.owner.owns(&vpc.owner_id) {
            return Err(Refusal::Refused(format!(
                "{id} is shared by account {}: only its owner can make flow logs for it",
                vpc.owner_id
            )));
        }
        let logs =
            support::need(flow_logs_of(context.inventory, region, id), &format!("the flow logs of {id}"))?;
        none_counts(&logs, now)?;
        let way = way(context, &params)?;
        collision(&logs, &params, &way.destination, now)?;
        let mut proof =
            vec![Proof { check: WITHOUT_FLOW_LOGS.to_owned(), resource: target.clone(), with: Value::Null }];
        proof.extend(way.proof);
        let mut touches = vec![flow_logs_want(region, id)];
        touches.extend(way.touches);
        Ok(Proposal {
            summary: format!("make a flow log for {id}, to {}", way.words),
            steps: steps(region, id, &params, way.to, way.set_back)?,
            risk: Risk::Safe,
            impact: impact(&logs, &params, &way.words, &keeps(context, &params), now),
            before: json!(logs.iter().map(|log| line(log)).collect::<Vec<_>>()),
            after: json!(
                logs.iter()
                    .map(|log| line(log))
                    .chain([format!("{} traffic to {}", params.traffic_type.word(), way.destination)])
                    .collect::<Vec<_>>()
            ),
            proof,
            not_restored: vec![format!("what was collected meanwhile stays in {}", way.words)],
            guards: guards(id, vpc, way.owned_by),
            touches,
            prerequisites: way.prerequisites,
        })
    }
}

/// The destination of the records, in AWS's terms.
enum To {
    LogGroup { name: String, role: String },
    Bucket { arn: String },
}

/// The delivery of the records to their destination.
struct Way {
    /// The destination in words, for people.
    words: String,
    /// The destination as AWS shows it: the log group's name or the bucket's ARN.
    destination: String,
    to: To,
    proof: Option<Proof>,
    touches: Option<Want>,
    prerequisites: Vec<Prerequisite>,
    /// The act that sets the destination back to what it was, where AWS changes it.
    set_back: Option<Act>,
    /// The destination and whatever manages it.
    owned_by: Option<GuardNote>,
}

fn way(context: &Context<'_>, params: &Params) -> Result<Way, Refusal> {
    match (params.destination, &params.bucket) {
        (Destination::CloudWatchLogs, _) => Ok(to_log_group(context, params)),
        (Destination::S3, Some(bucket)) => to_bucket(context, bucket),
        (Destination::S3, None) => {
            Err(Refusal::Refused("destination \"s3\" needs the parameter bucket: \"name/prefix\"".to_owned()))
        }
    }
}

fn to_log_group(context: &Context<'_>, params: &Params) -> Way {
    let (owner, region, role) = (&context.inventory.owner, context.region, params.role(context.region));
    // An existing role may have a path, which its name does not show; its suitability is decided by the
    // change for the role.
    let known =
        context.inventory.roles.get(&role).known().map(|r| r.arn.clone()).filter(|arn| !arn.is_empty());
    let arn = known.unwrap_or_else(|| owner.role(&role).to_string());
    let delivery = Delivery { region: region.to_owned(), log_group: params.log_group.clone() };
    Way {
        words: format!("log group {}", params.log_group),
        destination: params.log_group.clone(),
        to: To::LogGroup { name: params.log_group.clone(), role: arn },
        proof: None,
        touches: None,
        prerequisites: vec![
            Prerequisite {
                action: "ensure-log-group",
                resource: owner.log_group(region, &params.log_group),
                with: json!({ "retention_days": params.retention_days }),
                for_a_finding: false,
            },
            Prerequisite {
                action: "ensure-delivery-role",
                resource: owner.role(&role),
                with: json!(delivery),
                for_a_finding: false,
            },
        ],
        set_back: None,
        owned_by: None,
    }
}

/// Proves that the bucket accepts the logs. AWS may change the bucket's policy if the caller is allowed to:
/// it is set back, and proved afterwards to be what it was
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html>).
fn to_bucket(context: &Context<'_>, bucket: &params::Bucket) -> Result<Way, Refusal> {
    let owner = &context.inventory.owner;
    let accepting = bucket::proved(context.inventory, context.region, bucket)?;
    let (resource, arn) = (owner.bucket(&bucket.name), bucket.arn(owner));
    Ok(Way {
        words: format!("bucket {}", String::from(bucket.clone())),
        to: To::Bucket { arn: arn.clone() },
        destination: arn,
        proof: Some(Proof {
            check: BUCKET_POLICY.to_owned(),
            resource,
            with: json!({ "policy": accepting.policy }),
        }),
        touches: Some(Want::id("", FamilyKind::Buckets, &bucket.name)),
        prerequisites: Vec::new(),
        set_back: Some(bucket::set_back(owner, &bucket.name, &accepting)),
        owned_by: named_owner(&format!("bucket {}", bucket.name), &accepting.tags),
    })
}

/// Returns the guards that were asked. A flow log is a thing of its own beside its VPC and its destination,
/// so that whatever manages those has nothing to set back; it is named all the same.
fn guards(id: &str, vpc: &Vpc, destination: Option<GuardNote>) -> Vec<GuardNote> {
    let own = format!("{id} is this account's, and a flow log is a thing of its own beside it");
    let of_vpc = named_owner(id, &Fact::Known(vpc.tags.clone()));
    [GuardNote::passed("ownership", own)].into_iter().chain(of_vpc).chain(destination).collect()
}

/// Notes what manages a resource beside the flow log, or that this is not known.
fn named_owner(what: &str, tags: &Fact<Tags>) -> Option<GuardNote> {
    match tags {
        Fact::Known(tags) => support::managed_by(tags).map(|by| {
            let note = format!("{what} is managed by {by}; nothing that it set is changed");
            GuardNote::passed("ownership", note)
        }),
        Fact::Absent => None,
        silent => {
            let why = silent.silence().unwrap_or_default();
            let note =
                format!("the tags of {what} could not be read, and what manages it is not known: {why}");
            Some(GuardNote::not_checked("ownership", note))
        }
    }
}

/// Checks that no flow log records what is turned away: one that surely does makes another unnecessary, and
/// one that may do so keeps it from being made.
fn none_counts(logs: &[&FlowLog], now: Timestamp) -> Result<(), Refusal> {
    let mut unsure = None;
    for log in logs {
        match health(log, now) {
            Health::Delivering | Health::NotYetDelivered | Health::Limited => {
                return Err(Refusal::Nothing(format!("{} records what is turned away", log.id)));
            }
            Health::Unknown(why) => {
                unsure.get_or_insert_with(|| {
                    let question = format!("whether {} records what is turned away", log.id);
                    Refusal::Unknown(format!("redress could not find out {question}: {why}"))
                });
            }
            Health::Useless(_) => {}
        }
    }
    unsure.map_or(Ok(()), Err)
}

/// Refuses a second flow log of the same kind to the same destination: AWS rejects it, and it would fail
/// where the first one fails.
fn collision(logs: &[&FlowLog], params: &Params, destination: &str, now: Timestamp) -> Result<(), Refusal> {
    let to = |log: &FlowLog| {
        let shown = [&log.log_group_name, &log.log_destination].into_iter().flatten();
        shown.into_iter().any(|d| {
            d.trim_end_matches('/') == destination.trim_end_matches('/')
                || d.ends_with(&format!(":log-group:{destination}"))
        })
    };
    match logs.iter().find(|log| log.traffic_type == params.traffic_type.word() && to(log)) {
        None => Ok(()),
        Some(log) => {
            let why = if let Health::Useless(why) = health(log, now) { why } else { String::new() };
            Err(Refusal::Refused(format!(
                "{} already goes to {destination} and does not count: {why}. AWS makes no second one like \
                 it: fix what it needs or delete it, or name another destination",
                log.id
            )))
        }
    }
}

/// Returns the step that makes the flow log, and the one that sets its destination back to what it was.
fn steps(
    region: &str,
    vpc: &str,
    params: &Params,
    to: To,
    set_back: Option<Act>,
) -> Result<Vec<Step>, Refusal> {
    let mut create = create(region, vpc, params, to)?;
    let Some(set_back) = set_back else { return Ok(vec![create]) };
    if let WayBack::Calls { rollback, .. } = &mut create.way_back {
        rollback.push(set_back.clone());
    }
    let title = "set the policy of the bucket back, where AWS has changed it".to_owned();
    let step = make::step("set-policy-back", title, set_back, WayBack::ByStep(STEP.to_owned()));
    Ok(vec![create, step])
}

fn create(region: &str, vpc: &str, params: &Params, to: To) -> Result<Step, Refusal> {
    let (kind, group, role, bucket) = match to {
        To::LogGroup { name, role } => ("cloud-watch-logs", Some(name), Some(role), None),
        To::Bucket { arn } => ("s3", None, None, Some(arn)),
    };
    let create = CreateFlowLogs::<Planned> {
        resource_type: "VPC".to_owned(),
        resource_ids: vec![vpc.to_owned()],
        traffic_type: params.traffic_type.word().to_owned(),
        log_destination_type: kind.to_owned(),
        log_destination: bucket,
        log_group_name: group,
        deliver_logs_permission_arn: role,
        max_aggregation_interval: Some(params.max_aggregation_interval.seconds()),
        log_format: params.log_format.clone(),
        tag_specifications: support::tag_specifications(
            "vpc-flow-log",
            &Tags::new(),
            &[(tag::SOURCE, json!(vpc))],
        )?,
        client_token: reference::token().into(),
    };
    let made = reference::output(STEP, IDS);
    let expect = |at: &str, test| Expect::new(region, FamilyKind::FlowLogs, made.clone(), at, test);
    let active = Test::OneOf { good: vec![json!("ACTIVE")], never: Vec::new(), late: Vec::new() };
    let delete = Act::new(
        Call::of(region, &DeleteFlowLogs::<Planned> { flow_log_ids: made.clone().into() }),
        None,
        Recognise::Looks { expect: vec![expect("", Test::Gone)], outputs: [].into() },
    );
    Ok(Step {
        name: STEP.to_owned(),
        title: format!("make a flow log for {vpc}"),
        act: Act::new(
            Call::of(region, &create),
            Some(Wait {
                until: vec![expect("/flow_log_status", active)],
                at_most: 300,
                why: "until the flow log is active".to_owned(),
            }),
            Recognise::Tagged {
                region: region.to_owned(),
                family: FamilyKind::FlowLogs,
                output: IDS.to_owned(),
                shape: Shape::Ids(1),
            },
        ),
        way_back: WayBack::Calls { rollback: vec![delete], undo: Undo::Same, kept_once: None, redo: false },
    })
}

/// Describes how long a new log group keeps its events: by its setting, or by a retention policy of the
/// account.
fn keeps(context: &Context<'_>, params: &Params) -> String {
    let region = context.inventory.regions.get(context.region);
    let decided = region.and_then(|region| {
        let policy = deciding(&region.retention_policies, &params.log_group);
        policy.known().map(|p| format!("{}, as the account's retention policy {} decides", p.keeps(), p.id))
    });
    decided.unwrap_or_else(|| format!("{} days", i64::from(params.retention_days)))
}

fn impact(logs: &[&FlowLog], params: &Params, words: &str, keeps: &str, now: Timestamp) -> Vec<String> {
    let what = if params.traffic_type == params::Traffic::All { "all traffic" } else { "rejected traffic" };
    let mut impact = vec![format!(
        "addresses and ports of {what} are recorded to {words}; delivery and storage are charged by the \
         gigabyte"
    )];
    if params.destination == Destination::CloudWatchLogs {
        impact.push(format!("a log group that is new keeps them {keeps}"));
    } else {
        impact.push(
            "AWS adds its statements to the bucket's policy, or puts its own policy in its place, where the \
             caller may change it: then the policy is set back to what it was. AWS leaves it alone where the \
             change is applied with no more than `redress permissions` lists"
                .to_owned(),
        );
    }
    for log in logs {
        if let Health::Useless(why) = health(log, now) {
            impact.push(format!("{} stays as it is: {why}", log.id));
        }
    }
    impact
}

fn line(log: &FlowLog) -> String {
    let to = log.log_group_name.as_deref().or(log.log_destination.as_deref()).unwrap_or("nowhere");
    format!("{} traffic to {to}", log.traffic_type)
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "destination",
        kind: "\"cloud-watch-logs\" or \"s3\"",
        default: "\"cloud-watch-logs\"",
        doc: "Where the records go.",
    },
    Parameter {
        name: "log_group",
        kind: "name of a log group",
        default: "\"/redress/vpc-flow-logs\"",
        doc: "For CloudWatch Logs: the log group; it is made where it does not exist.",
    },
    Parameter {
        name: "retention_days",
        kind: "number of days",
        default: "90",
        doc: "For CloudWatch Logs: how long the log group keeps the records, if it is made.",
    },
    Parameter {
        name: "role_name",
        kind: "name of a role",
        default: "",
        doc: "For CloudWatch Logs: the delivery role; it is made where it does not exist. If not given, each \
              region has its own: `redress-vpc-flow-logs-REGION`.",
    },
    Parameter {
        name: "bucket",
        kind: "bucket with prefix",
        default: "",
        doc: "For S3, and needed there: `name`, `name/prefix`, or the ARN of either.",
    },
    Parameter {
        name: "traffic_type",
        kind: "\"ALL\" or \"REJECT\"",
        default: "\"ALL\"",
        doc: "Which traffic is recorded.",
    },
    Parameter {
        name: "max_aggregation_interval",
        kind: "60 or 600",
        default: "600",
        doc: "How many seconds of traffic a record may sum up.",
    },
    Parameter {
        name: "log_format",
        kind: "text",
        default: "",
        doc: "The fields of a record, as AWS writes them: `${version} ${account-id} ...`. If not given, \
              AWS's default format.",
    },
];

#[cfg(test)]
mod tests;
