//! How a fact of the inventory is asked for by a client that has nothing but AWS's own operations: which operation, with
//! which input, and where in the answer the fact stands. Pure.

use serde_json::{Value, json};

use crate::inventory::FamilyKind;

/// One question to AWS about one thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    /// `ec2`
    pub service: &'static str,
    /// `DescribeVolumes`
    pub operation: &'static str,
    /// Its input.
    pub input: Value,
    /// JMESPath: where the fact stands in the answer; `null` where there is none.
    pub query: String,
    /// The error code that says that the thing is not there.
    pub absent: &'static str,
}

fn filtered(operation: &'static str, filter: &str, id: &Value, base: &str, member: Option<String>) -> Option<Look> {
    let name = if operation == "DescribeFlowLogs" { "Filter" } else { "Filters" };
    let query = match member? {
        whole if whole.is_empty() => base.to_owned(),
        member => format!("{base}.{member}"),
    };
    Some(Look { service: "ec2", operation, input: json!({ name: [{ "Name": filter, "Values": [id] }] }), query, absent: "" })
}

/// A JSON literal in JMESPath.
pub(super) fn literal(text: &str) -> String {
    format!("`{}`", Value::from(text).to_string().replace('`', "\\`"))
}

/// The members that these kinds share by name.
fn member(at: &str, table: &[(&str, &str)]) -> Option<String> {
    if at.is_empty() {
        return Some(String::new());
    }
    if let Some(tag) = at.strip_prefix("/tags/") {
        return Some(format!("Tags[?Key=={}].Value | [0]", literal(&tag.replace("~1", "/").replace("~0", "~"))));
    }
    table.iter().find(|(pointer, _)| *pointer == at).map(|(_, name)| (*name).to_owned())
}

const VOLUME: &[(&str, &str)] = &[
    ("/state", "State"),
    ("/encrypted", "Encrypted"),
    ("/kms_key_id", "KmsKeyId"),
    ("/attachments", "Attachments"),
    ("/attachments/0/instance_id", "Attachments[0].InstanceId"),
    ("/attachments/0/device", "Attachments[0].Device"),
    ("/attachments/0/state", "Attachments[0].State"),
    ("/attachments/0/delete_on_termination", "Attachments[0].DeleteOnTermination"),
];

/// The question whose answer is the member `at` of the thing `id`; `None` where this program has none.
pub(super) fn look(family: FamilyKind, id: &Value, at: &str) -> Option<Look> {
    match family {
        FamilyKind::SecurityGroupRules => filtered("DescribeSecurityGroupRules", "security-group-rule-id", id, "SecurityGroupRules[0]", member(at, &[])),
        FamilyKind::Volumes => filtered("DescribeVolumes", "volume-id", id, "Volumes[0]", member(at, VOLUME)),
        FamilyKind::Snapshots => filtered("DescribeSnapshots", "snapshot-id", id, "Snapshots[0]", member(at, &[("/state", "State")])),
        FamilyKind::Instances => filtered("DescribeInstances", "instance-id", id, "Reservations[0].Instances[0]", member(at, &[("/state", "State.Name")])),
        FamilyKind::FlowLogs => filtered("DescribeFlowLogs", "flow-log-id", id, "FlowLogs[0]", member(at, &[("/flow_log_status", "FlowLogStatus")])),
        FamilyKind::InstanceStatuses => {
            let member = member(at, &[("/system_status", "SystemStatus.Status"), ("/instance_status", "InstanceStatus.Status")])?;
            let input = json!({ "InstanceIds": [id], "IncludeAllInstances": true });
            Some(Look { service: "ec2", operation: "DescribeInstanceStatus", input, query: format!("InstanceStatuses[0].{member}"), absent: "" })
        }
        FamilyKind::LogGroups => log_group(id, at),
        FamilyKind::Trails => trail(id, at),
        FamilyKind::Roles => role(id, at),
        FamilyKind::Buckets if at.is_empty() || at == "/owned" => {
            Some(Look { service: "s3api", operation: "HeadBucket", input: json!({ "Bucket": id }), query: "`true`".to_owned(), absent: "(404)" })
        }
        _ => None,
    }
}

fn log_group(id: &Value, at: &str) -> Option<Look> {
    let member = member(at, &[("/retention_in_days", ".retentionInDays")]).filter(|m| !m.starts_with("Tags"))?;
    let query = format!("logGroups[?logGroupName=={}] | [0]{member}", literal(id.as_str()?));
    Some(Look { service: "logs", operation: "DescribeLogGroups", input: json!({ "logGroupNamePrefix": id }), query, absent: "" })
}

fn trail(id: &Value, at: &str) -> Option<Look> {
    if at == "/is_logging/known" {
        let input = json!({ "Name": id });
        return Some(Look { service: "cloudtrail", operation: "GetTrailStatus", input, query: "IsLogging".to_owned(), absent: "TrailNotFoundException" });
    }
    let table = [
        ("/is_multi_region", "IsMultiRegionTrail"),
        ("/log_file_validation", "LogFileValidationEnabled"),
        ("/include_global_service_events", "IncludeGlobalServiceEvents"),
    ];
    let name = if at.is_empty() { "TrailARN" } else { table.iter().find(|(pointer, _)| *pointer == at)?.1 };
    Some(Look {
        service: "cloudtrail",
        operation: "DescribeTrails",
        input: json!({ "trailNameList": [id] }),
        query: format!("trailList[0].{name}"),
        absent: "",
    })
}

/// The document of an inline policy is not compared: it is there, or not.
fn role(id: &Value, at: &str) -> Option<Look> {
    if at.is_empty() {
        return Some(Look {
            service: "iam",
            operation: "GetRole",
            input: json!({ "RoleName": id }),
            query: "Role.RoleName".to_owned(),
            absent: "NoSuchEntity",
        });
    }
    let policy = at.strip_prefix("/inline_policies/known/")?;
    let input = json!({ "RoleName": id, "PolicyName": policy });
    Some(Look { service: "iam", operation: "GetRolePolicy", input, query: "PolicyName".to_owned(), absent: "NoSuchEntity" })
}

/// Whether the answer can only say that the thing is there, not what it is.
pub(super) fn only_tells_presence(family: FamilyKind, at: &str) -> bool {
    family == FamilyKind::Roles && at.starts_with("/inline_policies/")
}
