//! The state from which a change begins, as conditions that can be checked before its first call. The undo of
//! a step leads to the state from which the step begins; the first step that touches a fact shows its value
//! before the change. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    facts::look,
    query::{Look, Query, Row},
    words::holds_reference,
};
use crate::{
    calls::{Act, Expect, Recognise, Test, WayBack},
    inventory::{FamilyKind, tag},
    plan::Change,
    resource::Kind,
};

/// A condition that must hold.
pub(super) struct Assertion {
    /// The region in which it is checked.
    pub region: String,
    /// The question.
    pub look: Look,
    /// The test of the answer.
    pub test: Test,
    /// The condition in words.
    pub what: String,
}

/// Returns the conditions from which a change begins.
pub(super) fn assertions(change: &Change) -> Vec<Assertion> {
    let mut all = Vec::new();
    let (mut seen, mut to_come) = (BTreeSet::new(), BTreeSet::new());
    for step in &change.steps {
        all.extend(of_input(change, &step.act));
        let WayBack::Calls { rollback, .. } = &step.way_back else { continue };
        for act in rollback {
            let Recognise::Looks { expect, .. } = &act.recognise else { continue };
            for expect in expect {
                let key = (expect.family, expect.id.to_string(), expect.at.clone());
                let literal = !holds_reference(&expect.id)
                    && !matches!(&expect.test, Test::Is(v) if holds_reference(v));
                // A resource that the change itself makes has no settings before.
                let thing = (expect.family, expect.id.to_string());
                if expect.test == Test::Gone {
                    to_come.insert(thing.clone());
                }
                let there = expect.test == Test::Gone || !to_come.contains(&thing);
                // The state in a mark is one that the run itself has set before.
                let own = expect.at == format!("/tags/{}", tag::STATE);
                if literal && there && !own && seen.insert(key) {
                    match of_device(change, act).or_else(|| of_policy(change, act)) {
                        Some(assertion) => all.push(assertion),
                        None => all.extend(of_expect(change, expect)),
                    }
                }
            }
        }
        if matches!(
            step.act.call.operation.as_str(),
            "RevokeSecurityGroupIngress" | "RevokeSecurityGroupEgress"
        ) {
            all.extend(rules(change, &step.act, rollback));
        }
    }
    all
}

/// Builds the condition on whether a disk is deleted with its instance. The question goes to the instance,
/// which always reports it.
fn of_device(change: &Change, act: &Act) -> Option<Assertion> {
    let input = &act.call.input;
    let instance = input.get("InstanceId").filter(|_| act.call.operation == "ModifyInstanceAttribute")?;
    let device = input.pointer("/BlockDeviceMappings/0/DeviceName")?.as_str()?;
    let goes = input.pointer("/BlockDeviceMappings/0/Ebs/DeleteOnTermination")?;
    let look = Look {
        service: "ec2",
        operation: "DescribeInstances",
        input: json!({ "Filters": [{ "Name": "instance-id", "Values": [instance] }] }),
        query: Query::Device { device: device.to_owned(), member: "DeleteOnTermination" },
        absent: "",
    };
    Some(is(change, look, goes.clone(), format!("whether {device} goes with the instance")))
}

/// Builds the condition on the policy of an endpoint. The undo sets the text that AWS has returned, so that
/// the present one is compared as text.
fn of_policy(change: &Change, act: &Act) -> Option<Assertion> {
    let input = &act.call.input;
    let (id, document) = (input.get("VpcEndpointId")?, input.get("PolicyDocument")?);
    let look = look(FamilyKind::VpcEndpoints, id, "/policy/known")?;
    let what = format!("the policy of {}", id.as_str().unwrap_or_default());
    Some(is(change, look, document.clone(), what))
}

fn of_expect(change: &Change, expect: &Expect) -> Vec<Assertion> {
    let region = if expect.region.is_empty() { &change.region } else { &expect.region };
    let one = |id: &String| {
        let look = look(expect.family, &json!(id), &expect.at)?;
        let what = format!(
            "{id} {}",
            if expect.at.is_empty() { "is there or not" } else { expect.at.trim_start_matches('/') }
        );
        Some(Assertion { region: region.clone(), look, test: expect.test.clone(), what })
    };
    expect.ids().iter().filter_map(one).collect()
}

fn is(change: &Change, look: Look, value: Value, what: String) -> Assertion {
    Assertion { region: change.region.clone(), look, test: Test::Is(value), what }
}

/// Derives conditions on the state before from a call's input.
fn of_input(change: &Change, act: &Act) -> Vec<Assertion> {
    let input = &act.call.input;
    match act.call.operation.as_str() {
        "CreateFlowLogs" => {
            let (Some(vpc), Some(logs)) = (input.pointer("/ResourceIds/0"), change.before.as_array()) else {
                return Vec::new();
            };
            let input = json!({ "Filter": [{ "Name": "resource-id", "Values": [vpc] }] });
            let look = Look {
                service: "ec2",
                operation: "DescribeFlowLogs",
                input,
                query: Query::Count("FlowLogs"),
                absent: "",
            };
            vec![is(
                change,
                look,
                json!(logs.len()),
                format!("the number of flow logs of {}", vpc.as_str().unwrap_or_default()),
            )]
        }
        "CreateSnapshot" if change.action.iter().any(|name| name.contains("encrypt")) => {
            let Some(volume) = input.get("VolumeId").and_then(Value::as_str) else { return Vec::new() };
            alone(change, volume)
        }
        "CopyVolumes" if change.resource.kind() == Kind::Volume => alone(change, change.resource.id()),
        // An instance that the change does not stop must be stopped: its writes after the snapshot or copy
        // would be lost.
        "CopyVolumes" if found_stopped(change) => stopped(change, change.resource.id()),
        "CreateSnapshots" if found_stopped(change) => {
            let instance = input.pointer("/InstanceSpecification/InstanceId").and_then(Value::as_str);
            instance.map(|instance| stopped(change, instance)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn found_stopped(change: &Change) -> bool {
    change.before.get("state").is_some_and(|state| state == "stopped")
}

/// Builds the condition that an instance is stopped.
fn stopped(change: &Change, instance: &str) -> Vec<Assertion> {
    let look = look(FamilyKind::Instances, &json!(instance), "/state");
    look.map(|l| is(change, l, json!("stopped"), format!("{instance} is stopped"))).into_iter().collect()
}

/// Builds the conditions that a volume is unencrypted and attached to nothing. A volume that was attached
/// since then has a writer, and its copy would be of a moment that nobody chose.
fn alone(change: &Change, volume: &str) -> Vec<Assertion> {
    let of = |at: &str, value: Value, what: &str| {
        Some(is(change, look(FamilyKind::Volumes, &json!(volume), at)?, value, format!("{volume} {what}")))
    };
    [
        of("/encrypted", json!(false), "is not encrypted"),
        of("/state", json!("available"), "is attached to nothing"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Builds the conditions on a security group: the rules that are revoked are those that the undo would
/// restore, and the group has the number of rules that the plan saw.
fn rules(change: &Change, act: &Act, rollback: &[Act]) -> Vec<Assertion> {
    let input = &act.call.input;
    let mut all = Vec::new();
    let (Some(group), Some(ids)) = (input.get("GroupId"), input.get("SecurityGroupRuleIds")) else {
        return all;
    };
    let ask = |filter: &str, values: Value, query: Query| Look {
        service: "ec2",
        operation: "DescribeSecurityGroupRules",
        input: json!({ "Filters": [{ "Name": filter, "Values": values }] }),
        query,
        absent: "",
    };
    let name = group.as_str().unwrap_or_default();
    if let Some(lines) = change
        .before
        .as_array()
        .filter(|lines| change.resource.kind() == Kind::SecurityGroup && !lines.is_empty())
    {
        all.push(is(
            change,
            ask("group-id", json!([group]), Query::Count("SecurityGroupRules")),
            json!(lines.len()),
            format!("the number of rules of {name}"),
        ));
    }
    let rows: Vec<Row> = rollback.iter().flat_map(|back| rows(&back.call.input)).collect();
    let mut lines: Vec<String> = rows.iter().map(Row::line).collect();
    lines.sort();
    if !rows.is_empty() {
        let look = ask("security-group-rule-id", ids.clone(), Query::Rows(rows));
        all.push(is(change, look, json!(lines), format!("the rules of {name} that are revoked")));
    }
    all
}

/// Returns the rules that a call allows.
fn rows(input: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    for permission in input.get("IpPermissions").and_then(Value::as_array).into_iter().flatten() {
        let protocol = permission.get("IpProtocol").and_then(Value::as_str).unwrap_or_default();
        let port = |name: &str| permission.get(name).and_then(Value::as_i64).unwrap_or(-1);
        let lists = [
            ("IpRanges", "CidrIp", "CidrIpv4"),
            ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
            ("PrefixListIds", "PrefixListId", "PrefixListId"),
            ("UserIdGroupPairs", "GroupId", "ReferencedGroupInfo.GroupId"),
        ];
        for (list, given, member) in lists {
            let sources = permission
                .get(list)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|r| r.get(given)?.as_str());
            let row = |source: &str| Row {
                protocol: protocol.to_owned(),
                from: port("FromPort"),
                to: port("ToPort"),
                member,
                source: source.to_owned(),
            };
            rows.extend(sources.map(row));
        }
    }
    rows
}
