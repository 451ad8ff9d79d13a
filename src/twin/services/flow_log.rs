//! Flow logs, as `ec2:CreateFlowLogs` and `ec2:DeleteFlowLogs` treat them.

use serde_json::{Value, json};

use super::{OnTwin, done, output, tag::specified};
use crate::{
    calls::{Call, CallError, Outcome},
    inventory::{Fact, FamilyKind, FlowLog, Selector},
    services::flow_log::{CreateFlowLogs, DeleteFlowLogs},
    twin::{
        Twin,
        effect::Effect,
        errors::{must, refuse, unknown},
        policy, take_away,
    },
};

/// Seconds until the first delivery.
const DELIVERY_SECONDS: u64 = 600;

/// The fields of a record when the request names none
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>).
const DEFAULT_FORMAT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} \
    ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

impl OnTwin for CreateFlowLogs {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let tags = specified(&self.tag_specifications, "vpc-flow-log")?;
        if self.resource_ids.is_empty() || self.resource_ids.len() > 300 {
            return Err(refuse("InvalidParameter", "between 1 and 300 ResourceIds must be given"));
        }
        let traffic = self.traffic_type.as_str();
        if !["ACCEPT", "REJECT", "ALL"].contains(&traffic) {
            return Err(refuse(
                "InvalidParameter",
                format!("TrafficType is one of ACCEPT, REJECT, ALL; not {traffic:?}"),
            ));
        }
        let interval = self.max_aggregation_interval.unwrap_or(600);
        if ![60, 600].contains(&interval) {
            return Err(refuse("InvalidParameter", "MaxAggregationInterval is 60 or 600"));
        }
        let mut model = FlowLog {
            flow_log_status: "ACTIVE".to_owned(),
            traffic_type: traffic.to_owned(),
            max_aggregation_interval: interval,
            log_format: Some(self.log_format.clone().unwrap_or_else(|| DEFAULT_FORMAT.to_owned())),
            creation_time: Some(t.now),
            tags,
            ..FlowLog::default()
        };
        let new_policy = destination(t, region, &self, &mut model)?;
        for id in &self.resource_ids {
            check_resource(t, region, &self.resource_type, id, &model)?;
        }
        if let Some((bucket, policy)) = new_policy
            && let Some(bucket) = t.truth.buckets.get_mut(&bucket)
        {
            bucket.policy = Fact::Known(policy);
        }
        let mut ids = Vec::new();
        for resource in self.resource_ids {
            let id = t.fresh("fl");
            t.made(FamilyKind::FlowLogs, &id);
            t.later(DELIVERY_SECONDS, region, Effect::FlowLogDelivers(id.clone()));
            t.region_mut(region)
                .flow_logs
                .put(id.clone(), FlowLog { id: id.clone(), resource_id: resource, ..model.clone() });
            ids.push(id);
        }
        output("FlowLogIds", ids)
    }
}

/// Checks the destination and enters it in the log. Returns the policy that AWS puts on a bucket of ours
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html>).
fn destination(
    t: &Twin,
    region: &str,
    input: &CreateFlowLogs,
    log: &mut FlowLog,
) -> Result<Option<(String, Value)>, CallError> {
    let kind = input.log_destination_type.as_str();
    log.log_destination_type = kind.to_owned();
    log.log_destination.clone_from(&input.log_destination);
    match kind {
        "cloud-watch-logs" => log_group(t, region, input, log).map(|()| None),
        "s3" => bucket(t, region, input),
        other => Err(unknown(
            &format!("the destination type {other}"),
            "the twin has only cloud-watch-logs and s3",
        )),
    }
}

fn log_group(t: &Twin, region: &str, input: &CreateFlowLogs, log: &mut FlowLog) -> Result<(), CallError> {
    let wrong = |message: &str| refuse("InvalidParameter", message);
    let name = match (&input.log_group_name, &input.log_destination) {
        (Some(name), None) => name.clone(),
        (None, Some(arn)) => {
            let name = arn.split_once(":log-group:").map(|(_, name)| name.trim_end_matches(":*").to_owned());
            name.ok_or_else(|| wrong("LogDestination is not the ARN of a log group"))?
        }
        _ => return Err(wrong("either LogGroupName or LogDestination must be given")),
    };
    let role = input
        .deliver_logs_permission_arn
        .as_deref()
        .ok_or_else(|| wrong("DeliverLogsPermissionArn must be given for cloud-watch-logs"))?;
    let role_name = role
        .split_once(":role/")
        .and_then(|(_, path)| path.rsplit('/').next())
        .ok_or_else(|| wrong("DeliverLogsPermissionArn is not the ARN of a role"))?;
    // A role that was made a moment ago cannot be assumed everywhere yet, so this may pass.
    let cannot = || CallError {
        class: crate::calls::ErrorClass::Consistency,
        ..refuse("InvalidParameter", format!("Unable to assume given IAM role {role}"))
    };
    let known = must(t.truth.roles.get(role_name), role, cannot)?;
    if known.arn != role || !policy::flow_logs_may_assume(t, region, &known.trust_policy) {
        return Err(cannot());
    }
    // The failure comes in the body of the answer, under the code `400`
    // (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html>).
    if t.is_young(role_name) {
        return Err(refuse(
            "400",
            format!("Access Denied for LogDestination: {name}. Please check LogDestination permission"),
        ));
    }
    // An absent log group is created by the service when it first delivers, if the role lets it.
    if let Some(why) = t.region(region)?.log_groups.get(&name).silence() {
        return Err(unknown(&format!("the log group {name}"), why));
    }
    log.log_group_name = Some(name);
    log.deliver_logs_permission_arn = Some(role.to_owned());
    Ok(())
}

fn bucket(t: &Twin, region: &str, input: &CreateFlowLogs) -> Result<Option<(String, Value)>, CallError> {
    let wrong = |message: &str| refuse("InvalidParameter", message);
    if input.deliver_logs_permission_arn.is_some() || input.log_group_name.is_some() {
        return Err(wrong("DeliverLogsPermissionArn and LogGroupName are not for s3"));
    }
    let destination =
        input.log_destination.as_deref().ok_or_else(|| wrong("LogDestination must be given for s3"))?;
    let path = destination
        .split_once(":s3:::")
        .map(|(_, path)| path)
        .ok_or_else(|| wrong("LogDestination is not the ARN of a bucket"))?;
    let name = path.split('/').next().unwrap_or(path);
    if path.split('/').skip(1).any(|part| part == "AWSLogs") {
        return Err(wrong("AWSLogs is a reserved term and cannot stand in the prefix"));
    }
    let absent = || refuse("LogDestinationNotFound", format!("LogDestination: {name} does not exist."));
    let bucket = must(t.truth.buckets.get(name), name, absent)?;
    if !bucket.owned {
        return Err(refuse(
            "LogDestinationPermissionIssue",
            format!("Access Denied for LogDestination: {name}. Please check LogDestination permission"),
        ));
    }
    let former = match &bucket.policy {
        Fact::Known(policy) => Some(policy),
        Fact::Absent => None,
        silent => {
            return Err(unknown(&format!("the policy of {name}"), silent.silence().unwrap_or("not read")));
        }
    };
    let may = |to: &str, policy: &Value| policy::flow_logs_may_deliver(t, region, to, policy);
    // A policy that lets the service write anywhere in the bucket is left alone.
    let anywhere = format!("{}/any", destination.split('/').next().unwrap_or(destination));
    if former.is_some_and(|policy| may(&anywhere, policy) && may(destination, policy)) {
        return Ok(None);
    }
    // AWS changes it on behalf of the caller, who is let in unless a policy denies it.
    let put = Call::new("s3", region, "PutBucketPolicy", json!({ "Bucket": name }));
    if t.faults.refused(t.now, &put).is_none() {
        let ours = delivery_policy(t, region, name, destination);
        let policy = match former.filter(|policy| may(destination, policy)) {
            Some(former) => joined(former, &ours),
            None => ours,
        };
        return Ok(Some((name.to_owned(), policy)));
    }
    if former.is_some_and(|policy| may(destination, policy)) {
        return Ok(None);
    }
    Err(refuse(
        "LogDestinationPermissionIssue",
        format!("Access Denied for LogDestination: {name}. Please check LogDestination permission"),
    ))
}

/// Adds AWS's own statements to a policy, or the destination to those that it added before
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html>).
fn joined(former: &Value, ours: &Value) -> Value {
    let mut policy = former.clone();
    let mut all = match policy["Statement"].take() {
        Value::Array(all) => all,
        one => vec![one],
    };
    for new in ours["Statement"].as_array().into_iter().flatten() {
        match all.iter_mut().find(|old| old["Sid"] == new["Sid"] && old["Effect"] == "Allow") {
            None => all.push(new.clone()),
            Some(old) => match &mut old["Resource"] {
                Value::Array(resources) if resources.contains(&new["Resource"]) => {}
                Value::Array(resources) => resources.push(new["Resource"].clone()),
                one if *one == new["Resource"] => {}
                one => *one = json!([one.take(), new["Resource"]]),
            },
        }
    }
    policy["Statement"] = Value::Array(all);
    policy
}

/// Builds the policy that AWS attaches to a bucket that does not let its service in, replacing any other.
fn delivery_policy(t: &Twin, region: &str, bucket: &str, destination: &str) -> Value {
    let owner = &t.truth.owner;
    let when = json!({ "aws:SourceAccount": owner.account });
    let source =
        json!({ "aws:SourceArn": format!("arn:{}:logs:{region}:{}:*", owner.partition, owner.account) });
    let who = json!({ "Service": "delivery.logs.amazonaws.com" });
    json!({ "Version": "2012-10-17", "Id": "AWSLogDeliveryWrite20150319", "Statement": [
        { "Sid": "AWSLogDeliveryWrite", "Effect": "Allow", "Principal": who, "Action": "s3:PutObject",
          "Resource": format!("{}/AWSLogs/{}/*", destination.trim_end_matches('/'), owner.account),
          "Condition": { "StringEquals": { "s3:x-amz-acl": "bucket-owner-full-control",
          "aws:SourceAccount": owner.account }, "ArnLike": source } },
        { "Sid": "AWSLogDeliveryAclCheck", "Effect": "Allow", "Principal": who, "Action": "s3:GetBucketAcl",
          "Resource": format!("arn:{}:s3:::{bucket}", owner.partition), "Condition": { "StringEquals": when,
          "ArnLike": source } },
    ]})
}

fn check_resource(t: &Twin, region: &str, kind: &str, id: &str, log: &FlowLog) -> Result<(), CallError> {
    let known = t.region(region)?;
    match kind {
        "VPC" => {
            let vpc = must(known.vpcs.get(id), id, || {
                refuse("InvalidVpcId.NotFound", format!("The vpc ID '{id}' does not exist"))
            })?;
            if !t.truth.owner.owns(&vpc.owner_id) {
                return Err(refuse(
                    "UnauthorizedOperation",
                    format!("{id} is shared by {}, who alone may log its traffic", vpc.owner_id),
                ));
            }
        }
        "NetworkInterface" => {
            must(known.network_interfaces.get(id), id, || {
                refuse(
                    "InvalidNetworkInterfaceId.NotFound",
                    format!("The network interface '{id}' does not exist"),
                )
            })?;
        }
        other => {
            return Err(unknown(
                &format!("a resource of type {other}"),
                "the twin logs VPCs and network interfaces",
            ));
        }
    }
    let alike = |old: &FlowLog| {
        (&old.traffic_type, &old.log_destination_type, &old.log_destination, &old.log_group_name)
            == (&log.traffic_type, &log.log_destination_type, &log.log_destination, &log.log_group_name)
    };
    match known.flow_logs.select(&Selector::by("resource-id", id)) {
        Fact::Known(old) if old.iter().any(|(_, old)| alike(old)) => Err(refuse(
            "FlowLogAlreadyExists",
            "There is an existing Flow Log with the same configuration and log destination",
        )),
        Fact::Known(_) | Fact::Absent => Ok(()),
        silent => Err(unknown(&format!("the flow logs of {id}"), silent.silence().unwrap_or("not read"))),
    }
}

impl OnTwin for DeleteFlowLogs {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let known = t.region(region)?;
        for id in &self.flow_log_ids {
            must(known.flow_logs.get(id), id, || {
                refuse(
                    "InvalidFlowLogId.NotFound",
                    format!("These flow log ids in the input list are not found: [{id}]"),
                )
            })?;
        }
        for id in &self.flow_log_ids {
            take_away(&mut t.region_mut(region).flow_logs, id);
        }
        done()
    }
}
