//! Cloud Custodian's output: a folder for each policy, with the run (`metadata.json`) and the resources that
//! matched (`resources.json`). Neither means much without the other, so matched resources wait until all
//! inputs have been read.

use serde_json::Value;

use super::{
    draft::{Draft, Out, at, first, time},
    model::{Decision, Policy, Reason},
    names::Raw,
};

/// Returns whether a value is the metadata of a policy.
pub fn is_metadata(value: &Value) -> bool {
    value.pointer("/policy/resource").is_some()
        && value.get("execution").is_some()
        && value.get("config").is_some()
}

/// Returns whether a value is a resource that a policy matched: a raw description, with Custodian's marks
/// or in a known shape.
pub fn is_resource(value: &Value) -> bool {
    let marked = value.as_object().is_some_and(|o| o.keys().any(|k| k.starts_with("c7n:")));
    let has = |keys: &[&str]| keys.iter().all(|k| value.get(k).is_some());
    let shapes: &[&[&str]] = &[
        &["GroupId", "IpPermissions"],
        &["VpcId", "CidrBlock", "DhcpOptionsId"],
        &["VolumeId", "AvailabilityZone"],
        &["InstanceId", "ImageId"],
        &["TrailARN"],
        &["KeyId", "KeyArn"],
        &["UserName", "UserId", "Arn"],
        &["SnapshotId", "VolumeId"],
    ];
    marked || shapes.iter().any(|s| has(s))
}

/// Returns the folder of an input, by which the two files of a policy are matched.
pub fn folder(input: &str) -> String {
    input.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder).to_owned()
}

/// Reads a policy's metadata.
pub fn metadata(value: &Value, out: &mut Out<'_>) {
    let mut filters = Vec::new();
    names(value.pointer("/policy/filters").unwrap_or(&Value::Null), 0, &mut filters);
    let short = |path: &str| super::text::short(at(value, path));
    out.policy(Policy {
        folder: folder(out.input),
        name: short("/policy/name"),
        resource: short("/policy/resource").trim_start_matches("aws.").to_owned(),
        filters,
        account: short("/config/account_id"),
        region: short("/config/region"),
        time: time(value.pointer("/execution/end_time")),
    });
}

/// Collects the types of filters, or the key of a filter that only compares one; those within `or`,
/// `and` and `not` too.
fn names(filters: &Value, depth: u8, into: &mut Vec<String>) {
    if depth > 8 || into.len() > 32 {
        return;
    }
    match filters {
        Value::Array(list) => list.iter().for_each(|f| names(f, depth + 1, into)),
        Value::Object(filter) => {
            if let Some(kind) = filter.get("type").and_then(Value::as_str) {
                let key = filter.get("key").and_then(Value::as_str);
                into.push(super::text::short(if kind == "value" { key.unwrap_or("value") } else { kind }));
                return;
            }
            for (key, inner) in filter {
                match key.as_str() {
                    "or" | "and" | "not" => names(inner, depth + 1, into),
                    key => into.push(super::text::short(key)),
                }
            }
        }
        _ => {}
    }
}

/// Reads one matched resource, with the metadata of its policy if that is known.
pub fn resource(value: &Value, policy: Option<&Policy>, out: &mut Out<'_>) {
    let nothing = Policy::default();
    let known = policy.unwrap_or(&nothing);
    let ids: &[&str] = match known.resource.as_str() {
        "security-group" => &["/GroupId"],
        "vpc" => &["/VpcId"],
        "ebs" => &["/VolumeId"],
        "ec2" => &["/InstanceId"],
        "account" => &["/account_id"],
        _ => &[
            "/TrailARN",
            "/Arn",
            "/VolumeId",
            "/InstanceId",
            "/SnapshotId",
            "/GroupId",
            "/VpcId",
            "/account_id",
        ],
    };
    let id = ids.iter().map(|path| at(value, path)).find(|id| !id.is_empty()).unwrap_or("");
    let zone = at(value, "/AvailabilityZone").trim_end_matches(|c: char| c.is_ascii_lowercase());
    let controls: Vec<String> = known.filters.iter().map(|f| format!("{}/{f}", known.resource)).collect();
    let mapped = controls
        .iter()
        .find(|c| matches!(super::mapping::answer("custodian", c), super::mapping::Answer::Checks(_)));
    // It does not matter if the policy's own actions have run: the account is read before anything is done.
    let against = policy.is_none().then(|| {
        Decision::no(Reason::UnmappedControl, "the metadata.json of its policy was not given along with it")
    });
    out.found(Draft {
        tool: "Cloud Custodian",
        format: "Cloud Custodian output".to_owned(),
        framework: "custodian".to_owned(),
        control: mapped.or(controls.first()).cloned().unwrap_or_default(),
        finding: &known.name,
        time: known.time,
        title: &known.name,
        resource: Raw {
            id,
            account: first(&[at(value, "/OwnerId"), at(value, "/account_id"), known.account.as_str()]),
            region: first(&[known.region.as_str(), zone]),
            ..Raw::default()
        },
        against,
        ..Draft::default()
    });
}
