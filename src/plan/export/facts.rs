//! The way to read a fact of the inventory with nothing but AWS's own operations: the operation, its input,
//! and the place of the fact in the answer. Pure.

use serde_json::{Value, json};

use super::{
    identities, people,
    query::{Look, Query, at_time},
    words::is_list,
};
use crate::{
    calls::{Expect, Test},
    inventory::{FamilyKind, about::Asked, sharing::ALL},
    services::{image_sharing, snapshot_sharing},
};

/// Builds a question about one thing, or, where several ids are given, about all of them at once.
fn filtered(asked: &Asked, id: &Value, query: Option<Query>) -> Option<Look> {
    let query = match query? {
        Query::At(whole) if whole.is_empty() => Query::At(asked.at.to_owned()),
        Query::At(member) => Query::At(format!("{}.{member}", asked.at)),
        Query::Tag { key, .. } => Query::Tag { of: asked.at, tags: asked.tags, key },
        other => other,
    };
    let values = if id.is_array() || is_list(id) { id.clone() } else { json!([id]) };
    let input = json!({ asked.filters: [{ "Name": asked.id, "Values": values }] });
    Some(Look { service: "ec2", operation: asked.operation, input, query, absent: "" })
}

/// Returns the query for a member that these kinds share by name.
fn member(at: &str, table: &[(&str, &str)]) -> Option<Query> {
    if at.is_empty() {
        return Some(Query::At(String::new()));
    }
    if let Some(tag) = at.strip_prefix("/tags/") {
        return Some(Query::Tag { of: "", tags: "", key: tag.replace("~1", "/").replace("~0", "~") });
    }
    table.iter().find(|(pointer, _)| *pointer == at).map(|(_, name)| Query::At((*name).to_owned()))
}

/// Returns the query for one of these members alone: nothing is asked of the thing as a whole, or of its
/// tags.
fn only(at: &str, table: &[(&str, &str)]) -> Option<Query> {
    member(at, table).filter(|query| matches!(query, Query::At(path) if !path.is_empty()))
}

/// Returns the query for an instance's disk, which is attached at a device or listed at a position.
fn of_device(at: &str) -> Option<Query> {
    if let Some(n) = at.strip_prefix("/devices/").and_then(|n| n.parse::<usize>().ok()) {
        return Some(Query::At(format!("BlockDeviceMappings[{n}]")));
    }
    let device = at.strip_prefix("/devices/device_name=").and_then(|rest| rest.strip_suffix("/volume_id"))?;
    Some(Query::Device { device: device.replace("~1", "/").replace("~0", "~"), member: "VolumeId" })
}

/// Returns the query for a member of a route: its destination, its state, or its target.
fn of_route(at: &str) -> Option<Query> {
    let (destination, member) = at.strip_prefix("/routes/destination=")?.split_once('/')?;
    let destination = destination.replace("~1", "/").replace("~0", "~");
    let by = match destination.as_str() {
        list if list.starts_with("pl-") => "DestinationPrefixListId",
        v6 if v6.contains(':') => "DestinationIpv6CidrBlock",
        _ => "DestinationCidrBlock",
    };
    let member = match member {
        "destination" => by,
        "state" => "State",
        target => target.strip_prefix("target/")?,
    };
    Some(Query::Entry { list: "Routes", by, member: member.to_owned(), is: destination })
}

/// Returns the query for a member of an association of a route table.
fn of_association(at: &str) -> Option<Query> {
    let (by, member) = at.strip_prefix("/associations/")?.split_once('/')?;
    let (by, is) = by.split_once('=')?;
    let member = match member {
        "state" => "AssociationState.State",
        other => association(other)?,
    };
    let is = is.to_owned();
    Some(Query::Entry { list: "Associations", by: association(by)?, member: member.to_owned(), is })
}

/// Returns AWS's name of a member of an association.
fn association(member: &str) -> Option<&'static str> {
    match member {
        "id" => Some("RouteTableAssociationId"),
        "subnet_id" => Some("SubnetId"),
        "main" => Some("Main"),
        _ => None,
    }
}

/// Returns the query for everybody in a list of those who may use a thing.
fn everybody(list: &'static str, at: &str) -> Option<Query> {
    (at == "/group").then(|| Query::Listed { list, name: "Group", is: ALL.to_owned() })
}

/// Returns the question whose answer is the member `at` of the thing `id`; `None` where this program has
/// none.
pub(super) fn look(family: FamilyKind, id: &Value, at: &str) -> Option<Look> {
    if let Some(asked) = &family.about().asked {
        let device = (family == FamilyKind::Instances).then(|| of_device(at)).flatten();
        let route = (family == FamilyKind::RouteTables)
            .then(|| of_route(at).or_else(|| of_association(at)))
            .flatten();
        return filtered(asked, id, device.or(route).or_else(|| member(at, asked.members)));
    }
    match family {
        FamilyKind::InstanceStatuses => {
            let statuses = [
                ("/system_status", "InstanceStatuses[0].SystemStatus.Status"),
                ("/instance_status", "InstanceStatuses[0].InstanceStatus.Status"),
                ("/attached_ebs_status", "InstanceStatuses[0].AttachedEbsStatus.Status"),
            ];
            let query = only(at, &statuses)?;
            let input = json!({ "InstanceIds": [id], "IncludeAllInstances": true });
            Some(Look { service: "ec2", operation: "DescribeInstanceStatus", input, query, absent: "" })
        }
        FamilyKind::ApplicationStatuses => {
            let status = "ApplicationStatuses.Instances[0].ApplicationStatus.Status";
            let (query, input) = (only(at, &[("/status", status)])?, json!({ "InstanceIds": [id] }));
            Some(Look { service: "ec2", operation: "DescribeApplicationStatus", input, query, absent: "" })
        }
        FamilyKind::EbsDefaults => {
            let query = only(at, &[("/encryption_by_default/known", "EbsEncryptionByDefault")])?;
            Some(Look { service: "ec2", operation: "GetEbsEncryptionByDefault", input: json!({}), query,
                absent: "" })
        }
        FamilyKind::SnapshotShares => {
            let query = everybody("CreateVolumePermissions", at)?;
            let input = json!({ "SnapshotId": id, "Attribute": snapshot_sharing::PERMISSION });
            Some(Look { service: "ec2", operation: "DescribeSnapshotAttribute", input, query, absent: "" })
        }
        FamilyKind::Images => {
            let query = everybody("LaunchPermissions", at)?;
            let input = json!({ "ImageId": id, "Attribute": image_sharing::PERMISSION });
            Some(Look { service: "ec2", operation: "DescribeImageAttribute", input, query, absent: "" })
        }
        FamilyKind::ImageBlocks => {
            let (query, input) = (only(at, &[("/state", "ImageBlockPublicAccessState")])?, json!({}));
            let operation = "GetImageBlockPublicAccessState";
            Some(Look { service: "ec2", operation, input, query, absent: "" })
        }
        FamilyKind::SnapshotBlocks => {
            let (query, input) = (only(at, &[("/state", "State")])?, json!({}));
            let operation = "GetSnapshotBlockPublicAccessState";
            Some(Look { service: "ec2", operation, input, query, absent: "" })
        }
        FamilyKind::PasswordPolicies => {
            let query = match at {
                "" => Query::There,
                member => only(member, PASSWORD_POLICY)?,
            };
            Some(Look { service: "iam", operation: "GetAccountPasswordPolicy", input: json!({}), query,
                absent: "NoSuchEntity" })
        }
        FamilyKind::CustomerKeys => {
            let query = only(at, &[("/rotation/known", "KeyRotationEnabled")])?;
            Some(Look { service: "kms", operation: "GetKeyRotationStatus", input: json!({ "KeyId": id }),
                query, absent: "NotFoundException" })
        }
        FamilyKind::Listeners => {
            let query = only(at, &[("/ssl_policy", "Listeners[0].SslPolicy")])?;
            let input = json!({ "ListenerArns": [id] });
            Some(Look { service: "elbv2", operation: "DescribeListeners", input, query,
                absent: "ListenerNotFound" })
        }
        FamilyKind::WebAclAssociations => {
            let query = only(at, &[("/web_acl", "WebACL.ARN")])?;
            Some(Look { service: "wafv2", operation: "GetWebACLForResource",
                input: json!({ "ResourceArn": id }), query, absent: "WAFNonexistentItemException" })
        }
        FamilyKind::LogGroups => log_group(id, at),
        FamilyKind::Trails => trail(id, at),
        FamilyKind::Roles => identities::role(id, at),
        FamilyKind::PolicyVersions => identities::policy(id, at),
        FamilyKind::AccessKeys => identities::access_key(id, at),
        FamilyKind::Users => identities::user(id, at),
        FamilyKind::UserCredentials => identities::credential(id, at),
        FamilyKind::IamGroups
        | FamilyKind::LoginProfiles
        | FamilyKind::MfaDevices
        | FamilyKind::Memberships
        | FamilyKind::UserPolicies => people::look(family, id, at),
        FamilyKind::Buckets if at.is_empty() || at == "/owned" => {
            Some(Look { service: "s3api", operation: "HeadBucket", input: json!({ "Bucket": id }),
                query: Query::There, absent: "(404)" })
        }
        FamilyKind::Buckets
        // Those are asked for by filters, above, or no plan waits for them.
        | FamilyKind::SecurityGroups
        | FamilyKind::SecurityGroupRules
        | FamilyKind::PrefixLists
        | FamilyKind::NetworkInterfaces
        | FamilyKind::Vpcs
        | FamilyKind::VpcDns
        | FamilyKind::VpcPublicAccess
        | FamilyKind::Subnets
        | FamilyKind::NetworkAcls
        | FamilyKind::FlowLogs
        | FamilyKind::VpcEndpoints
        | FamilyKind::RouteTables
        | FamilyKind::NatGateways
        | FamilyKind::EgressOnlyGateways
        | FamilyKind::VpcPeeringConnections
        | FamilyKind::Instances
        | FamilyKind::InstanceTypes
        | FamilyKind::Volumes
        | FamilyKind::VolumeModifications
        | FamilyKind::VolumeStatuses
        | FamilyKind::CopyTrials
        | FamilyKind::Snapshots
        | FamilyKind::Removals
        | FamilyKind::TargetGroups
        | FamilyKind::CapacityReservations
        | FamilyKind::ManagedInstances
        | FamilyKind::Organizations
        | FamilyKind::ManagedPolicies
        | FamilyKind::RoleUses
        | FamilyKind::Simulations
        | FamilyKind::CredentialReports
        | FamilyKind::AccountSummaries
        | FamilyKind::Keys
        | FamilyKind::KeyPolicies
        | FamilyKind::Secrets
        | FamilyKind::RetentionPolicies
        | FamilyKind::Quotas
        | FamilyKind::LoadBalancers
        | FamilyKind::WebAcls
        | FamilyKind::Certificates
        | FamilyKind::TlsPolicies => None,
    }
}

/// The members of a password policy, as AWS names them.
const PASSWORD_POLICY: &[(&str, &str)] = &[
    ("/minimum_password_length", "PasswordPolicy.MinimumPasswordLength"),
    ("/require_symbols", "PasswordPolicy.RequireSymbols"),
    ("/require_numbers", "PasswordPolicy.RequireNumbers"),
    ("/require_uppercase_characters", "PasswordPolicy.RequireUppercaseCharacters"),
    ("/require_lowercase_characters", "PasswordPolicy.RequireLowercaseCharacters"),
    ("/allow_users_to_change_password", "PasswordPolicy.AllowUsersToChangePassword"),
    ("/max_password_age", "PasswordPolicy.MaxPasswordAge"),
    ("/password_reuse_prevention", "PasswordPolicy.PasswordReusePrevention"),
    ("/hard_expiry", "PasswordPolicy.HardExpiry"),
];

fn log_group(id: &Value, at: &str) -> Option<Look> {
    let member = match at {
        "" => None,
        "/retention_in_days" => Some("retentionInDays"),
        "/deletion_protection" => Some("deletionProtectionEnabled"),
        _ => return None,
    };
    let query = Query::Named { list: "logGroups", name: "logGroupName", is: id.as_str()?.to_owned(), member };
    Some(Look {
        service: "logs",
        operation: "DescribeLogGroups",
        input: json!({ "logGroupNamePrefix": id }),
        query,
        absent: "",
    })
}

fn trail(id: &Value, at: &str) -> Option<Look> {
    if at == "/is_logging/known" {
        let input = json!({ "Name": id });
        let query = Query::At("IsLogging".to_owned());
        return Some(Look {
            service: "cloudtrail",
            operation: "GetTrailStatus",
            input,
            query,
            absent: "TrailNotFoundException",
        });
    }
    let table = [
        ("/is_multi_region", "IsMultiRegionTrail"),
        ("/log_file_validation", "LogFileValidationEnabled"),
        ("/include_global_service_events", "IncludeGlobalServiceEvents"),
    ];
    let name = if at.is_empty() { "Name" } else { table.iter().find(|(pointer, _)| *pointer == at)?.1 };
    Some(Look {
        service: "cloudtrail",
        operation: "DescribeTrails",
        input: json!({ "trailNameList": [id] }),
        query: Query::At(format!("trailList[0].{name}")),
        absent: "",
    })
}

/// Builds the question whether a listener does these things by default, with the answer that
/// proves it. Members that are not among these are not compared.
fn actions(id: &Value, wanted: &Value) -> Option<(Look, Test)> {
    wanted.as_array()?;
    let mut members = Vec::new();
    leaves(wanted, "", &mut members);
    let test = Test::Is(members.iter().map(|(_, value)| value.clone()).collect());
    let query = Query::Members { list: "Listeners[0].DefaultActions", members };
    let look = Look {
        service: "elbv2",
        operation: "DescribeListeners",
        input: json!({ "ListenerArns": [id] }),
        query,
        absent: "ListenerNotFound",
    };
    Some((look, test))
}

/// Collects the texts, numbers and truths in a value, with their paths, and null where a list ends.
fn leaves(value: &Value, at: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, v)| leaves(v, &format!("{at}.{key}"), found)),
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(n, v)| leaves(v, &format!("{at}[{n}]"), found));
            found.push((format!("{at}[{}]", all.len()), Value::Null));
        }
        leaf => found.push((at.to_owned(), leaf.clone())),
    }
}

/// Builds the question how many things a filter picks.
fn picked(asked: &Asked, filter: &str, id: &Value) -> Look {
    let mut input = json!({ asked.filters: [{ "Name": filter, "Values": [id] }] });
    if asked.hides_managed {
        input["IncludeManagedResources"] = json!(true);
    }
    let query = Query::Count(asked.at.trim_end_matches("[0]"));
    Look { service: "ec2", operation: asked.operation, input, query, absent: "" }
}

/// Builds the question whether a network ACL has an entry with this number, in either direction: no action
/// takes a number that one of them has.
fn numbered(acl: &Value, number: &str) -> Look {
    let with_number = json!([{ "Name": "entry.rule-number", "Values": [number] }]);
    let input = json!({ "NetworkAclIds": [acl], "Filters": with_number });
    let query = Query::Count("NetworkAcls");
    Look { service: "ec2", operation: "DescribeNetworkAcls", input, query, absent: "" }
}

/// Returns the question for a condition on `id`, and the test of its answer: of the document of a policy only
/// the existence can be tested.
pub(super) fn question(expect: &Expect, id: &Value) -> Option<(Look, Test)> {
    if let Test::NoneBy(filter) = &expect.test {
        return Some((picked(expect.family.about().asked.as_ref()?, filter, id), Test::Is(json!(0))));
    }
    let number = ["/inbound/", "/outbound/"].into_iter().find_map(|list| expect.at.strip_prefix(list));
    if let Some(number) = number.filter(|_| expect.family == FamilyKind::NetworkAcls) {
        let is_there = expect.test != Test::Is(Value::Null);
        return Some((numbered(id, number), Test::Is(json!(u8::from(is_there)))));
    }
    if let (FamilyKind::Listeners, "/default_actions", Test::Is(wanted)) =
        (expect.family, expect.at.as_str(), &expect.test)
    {
        return actions(id, wanted);
    }
    if people::FAMILIES.contains(&expect.family) {
        return people::question(expect, id);
    }
    let look = look(expect.family, id, &expect.at)?;
    let of_identity = matches!(expect.family, FamilyKind::Roles | FamilyKind::Users)
        && expect.at.starts_with("/inline_policies/");
    let of_endpoint = expect.family == FamilyKind::VpcEndpoints && expect.at == "/policy/known";
    let only_presence = of_identity || of_endpoint;
    let is_time = expect.at == "/last_used/known/date";
    let test = match &expect.test {
        Test::Is(Value::String(time)) if is_time => at_time(time),
        Test::Is(value) if only_presence && !value.is_null() => Test::Exists,
        other => other.clone(),
    };
    Some((look, test))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_actions_is_compared_to_its_end() {
        let groups = json!([{ "TargetGroupArn": "a", "Weight": 1 }, { "TargetGroupArn": "b", "Weight": 0 }]);
        let wanted = json!([{ "Type": "forward", "ForwardConfig": { "TargetGroups": groups } }]);
        let at = "/default_actions";
        let expect = Expect::new("r", FamilyKind::Listeners, "l", at, Test::Is(wanted));
        let (look, test) = question(&expect, &json!("l")).unwrap();
        let list = "Listeners[0].DefaultActions";
        let of = |path: &str| format!("{list}[0].ForwardConfig.TargetGroups{path}");
        let paths = [
            format!("{list}[0].Type"),
            of("[0].TargetGroupArn"),
            of("[0].Weight"),
            of("[1].TargetGroupArn"),
            of("[1].Weight"),
            of("[2]"),
            format!("{list}[1]"),
        ];
        assert_eq!(look.query.jmespath(), format!("[{}]", paths.join(", ")));
        assert_eq!(test, Test::Is(json!(["forward", "a", 1, "b", 0, null, null])));
        let other = Expect::new("r", FamilyKind::Listeners, "l", at, Test::Exists);
        assert_eq!(question(&other, &json!("l")), None, "nothing but a value is asked for");
    }
}
