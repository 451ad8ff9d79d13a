//! The events that are read, and what each yields: the resources that it touched, what it opened there, and
//! what it closed that other events had opened. The mapping lists the checks to run; a test ensures that this
//! table and the mapping name the same events.

use serde_json::Value;

use super::{
    balancers::{self, listener_of},
    effect::{Did, NO_ID, Target, exists, made, target, with_open},
    identities, rules, sharing,
    wire::{get, list, plain, text, truth},
};

/// A function that reads one event, from its request and its response.
pub type Extract = fn(request: &Value, response: &Value) -> Did;

const TRAIL: &str = "AwsCloudTrailTrail";
const KEY: &str = "AwsKmsKey";
const MISSING: &[&str] = &["cloudtrail-missing"];
const LOGGING: &[&str] = &["cloudtrail-not-logging"];
const VALIDATION: &[&str] = &["cloudtrail-no-log-validation"];
const UNENCRYPTED: &[&str] = &["ebs-volume-unencrypted"];
const STALE: &[&str] = &["instance-backup-stale"];
const BOTH: &[&str] = &["cloudtrail-missing", "cloudtrail-no-log-validation"];
/// The name under which encryption by default is turned off and on again; each region is tracked by itself.
const EBS_DEFAULT: &str = "ebs-default";
/// The name under which the password policy of the account is changed.
const PASSWORDS: &str = "password-policy";

/// The reason for which nothing is made of the end of an association, by which a subnet falls to the main
/// table.
const NO_TABLE: &str = "the event names an association that is gone, and neither a subnet nor a table: a \
                        scan shows whether the main table leads a private subnet to the internet";

/// All events that are read, by service and name.
pub static TABLE: &[(&str, Extract)] = &[
    ("ec2:AuthorizeSecurityGroupIngress", rules::authorize),
    ("ec2:RevokeSecurityGroupIngress", rules::revoke),
    ("ec2:AuthorizeSecurityGroupEgress", rules::authorize_egress),
    ("ec2:RevokeSecurityGroupEgress", rules::revoke_egress),
    ("ec2:ModifySecurityGroupRules", rules::modify),
    ("ec2:CreateSecurityGroup", |_, r| made(text(r, "groupId"))),
    ("ec2:DeleteSecurityGroup", |q, _| gone(&[text(q, "groupId")])),
    ("ec2:CreateVpc", |_, r| made(text(get(r, "vpc").unwrap_or(r), "vpcId"))),
    ("ec2:CreateDefaultVpc", |_, r| made(text(get(r, "vpc").unwrap_or(r), "vpcId"))),
    ("ec2:DeleteVpc", |q, _| gone(&[text(q, "vpcId")])),
    ("ec2:CreateVpcEndpoint", |_, r| made(text(get(r, "vpcEndpoint").unwrap_or(r), "vpcEndpointId"))),
    ("ec2:ModifyVpcEndpoint", modify_endpoint),
    ("ec2:DeleteVpcEndpoints", |q, _| {
        let ids = list(get(q, "vpcEndpointId"));
        gone(&ids.into_iter().filter_map(Value::as_str).collect::<Vec<_>>())
    }),
    ("ec2:CreateDefaultSubnet", |_, r| made(text(get(r, "subnet").unwrap_or(r), "subnetId"))),
    ("ec2:ModifySubnetAttribute", modify_subnet),
    ("ec2:DeleteSubnet", |q, _| gone(&[text(q, "subnetId")])),
    ("ec2:CreateNetworkAclEntry", put_acl_entry),
    ("ec2:ReplaceNetworkAclEntry", put_acl_entry),
    ("ec2:DeleteNetworkAclEntry", delete_acl_entry),
    ("ec2:ReplaceNetworkAclAssociation", |q, _| made(text(q, "networkAclId"))),
    ("ec2:DeleteNetworkAcl", |q, _| gone(&[text(q, "networkAclId")])),
    ("ec2:CreateRoute", set_route),
    ("ec2:ReplaceRoute", set_route),
    ("ec2:AssociateRouteTable", |q, _| made(text(q, "routeTableId"))),
    ("ec2:ReplaceRouteTableAssociation", |q, _| made(text(q, "routeTableId"))),
    ("ec2:DisassociateRouteTable", |_, _| Did::Missing(NO_TABLE)),
    ("ec2:DeleteRoute", |q, _| Did::Harmless("it removes a route", vec![route_of(q)], Vec::new())),
    ("ec2:DeleteNatGateway", |q, _| removed(text(q, "natGatewayId"))),
    ("ec2:DeleteVpcPeeringConnection", |q, _| removed(text(q, "vpcPeeringConnectionId"))),
    ("ec2:DisableEbsEncryptionByDefault", |_, _| {
        Did::Touched(
            vec![Target { opens: vec![vec![EBS_DEFAULT.to_owned()]], ..Target::default() }],
            Vec::new(),
        )
    }),
    ("ec2:EnableEbsEncryptionByDefault", |_, _| {
        Did::Harmless("it encrypts new volumes", vec![EBS_DEFAULT.to_owned()], Vec::new())
    }),
    ("ec2:ModifySnapshotAttribute", sharing::modify_snapshot),
    ("ec2:ResetSnapshotAttribute", |q, _| sharing::reset(text(q, "snapshotId"))),
    ("ec2:DeleteSnapshot", |q, _| gone(&[text(q, "snapshotId")])),
    ("ec2:ModifyImageAttribute", sharing::modify_image),
    ("ec2:ResetImageAttribute", |q, _| sharing::reset(text(q, "imageId"))),
    ("ec2:DeregisterImage", |q, _| gone(&[text(q, "imageId")])),
    ("ec2:DisableImageBlockPublicAccess", |_, _| sharing::unblocked(sharing::IMAGES)),
    ("ec2:EnableImageBlockPublicAccess", |_, _| sharing::blocked(sharing::IMAGES)),
    ("ec2:DisableSnapshotBlockPublicAccess", |_, _| sharing::unblocked(sharing::SNAPSHOTS)),
    ("ec2:EnableSnapshotBlockPublicAccess", |_, _| sharing::blocked(sharing::SNAPSHOTS)),
    ("iam:DeleteAccountPasswordPolicy", |_, _| password_policy()),
    ("iam:UpdateAccountPasswordPolicy", |_, _| password_policy()),
    ("kms:CreateKey", create_key),
    ("kms:DisableKeyRotation", disable_rotation),
    ("kms:EnableKeyRotation", |q, r| {
        Did::Harmless("it turns rotation on", vec![rotation(key_of(q, r))], Vec::new())
    }),
    ("iam:CreateAccessKey", identities::create_key),
    ("iam:UpdateAccessKey", identities::update_key),
    ("iam:DeleteAccessKey", |q, _| gone(&[text(q, "accessKeyId")])),
    ("iam:CreateLoginProfile", identities::opens),
    ("iam:UpdateLoginProfile", identities::opens),
    ("iam:DeactivateMFADevice", identities::opens),
    ("iam:DeleteLoginProfile", identities::delete_password),
    ("iam:EnableMFADevice", identities::enable_device),
    ("elasticloadbalancing:CreateListener", |_, r| {
        let made = list(get(r, "listeners"));
        balancers::listener(made.into_iter().next().unwrap_or(&Value::Null))
    }),
    ("elasticloadbalancing:CreateLoadBalancer", |_, r| {
        let made = list(get(r, "loadBalancers"));
        balancers::balancer(made.into_iter().next().unwrap_or(&Value::Null))
    }),
    ("elasticloadbalancing:DeleteLoadBalancer", |q, _| gone(&[text(q, "loadBalancerArn")])),
    ("wafv2:DisassociateWebACL", |q, _| balancers::without_web_acl(text(q, "resourceArn"))),
    ("wafv2:AssociateWebACL", |q, _| {
        Did::Harmless(
            "it associates a web ACL",
            vec![balancers::unprotected(text(q, "resourceArn"))],
            Vec::new(),
        )
    }),
    ("elasticloadbalancing:ModifyListener", balancers::modify_listener),
    ("elasticloadbalancing:CreateRule", |q, _| made(text(q, "listenerArn"))),
    ("elasticloadbalancing:ModifyRule", |q, _| made(&listener_of(text(q, "ruleArn")))),
    ("elasticloadbalancing:DeleteListener", |q, _| gone(&[text(q, "listenerArn")])),
    ("ec2:DeleteFlowLogs", delete_flow_logs),
    ("ec2:CreateFlowLogs", create_flow_logs),
    ("ec2:CreateVolume", create_volume),
    ("ec2:AttachVolume", attach_volume),
    ("ec2:DeleteVolume", |q, _| gone(&[text(q, "volumeId")])),
    ("ec2:RunInstances", run_instances),
    ("ec2:TerminateInstances", terminate_instances),
    ("cloudtrail:StopLogging", |q, _| trail(text(q, "name"), None, &["logging"])),
    ("cloudtrail:StartLogging", |q, _| closed("it starts logging", text(q, "name"), &["logging"])),
    ("cloudtrail:CreateTrail", create_trail),
    ("cloudtrail:DeleteTrail", delete_trail),
    ("cloudtrail:UpdateTrail", update_trail),
    ("cloudtrail:PutEventSelectors", put_event_selectors),
];

/// Returns the function that reads the events of a call.
pub fn extract(call: &str) -> Option<Extract> {
    TABLE.iter().find(|(name, _)| *name == call).map(|(_, extract)| *extract)
}

fn gone(ids: &[&str]) -> Did {
    Did::Harmless(
        "it deletes",
        ids.iter().filter(|id| !id.is_empty()).map(|id| exists(id)).collect(),
        Vec::new(),
    )
}

/// Returns the account: whether an update has loosened its policy shows only in the policy itself.
fn password_policy() -> Did {
    Did::Touched(vec![Target { opens: vec![vec![PASSWORDS.to_owned()]], ..Target::default() }], Vec::new())
}

/// Returns the name of a route: of its table and its destination.
fn route_of(request: &Value) -> String {
    let members = ["destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"];
    let to = members.into_iter().map(|member| text(request, member)).find(|to| !to.is_empty());
    format!("route/{}/{}", text(request, "routeTableId"), to.unwrap_or_default())
}

/// Opens a route to a peering connection or an internet gateway; one that leads elsewhere by now is closed.
fn set_route(request: &Value, _: &Value) -> Did {
    let (table, route) = (text(request, "routeTableId"), route_of(request));
    let is_out = text(request, "gatewayId").starts_with("igw-");
    match text(request, "vpcPeeringConnectionId") {
        "" if !is_out => {
            let why = "the route leads to no peering connection and no internet gateway";
            Did::Harmless(why, vec![route], Vec::new())
        }
        _ if table.is_empty() => Did::Missing(NO_ID),
        _ => Did::Touched(vec![with_open(table, route)], Vec::new()),
    }
}

/// Returns the thing that was deleted: others may still lead to it.
fn removed(id: &str) -> Did {
    match id {
        "" => Did::Missing(NO_ID),
        id => Did::Touched(vec![Target { id: id.to_owned(), ..Target::default() }], Vec::new()),
    }
}

/// Returns the name under which something is open on a trail. It contains the trail's bare name, since events
/// name the same trail by name or by ARN.
fn on_trail(name: &str, what: &str) -> String {
    format!("trail/{}/{what}", name.rsplit('/').next().unwrap_or(name))
}

fn closed(why: &'static str, name: &str, what: &[&str]) -> Did {
    Did::Harmless(why, what.iter().map(|w| on_trail(name, w)).collect(), Vec::new())
}

fn trail(name: &str, only: Option<&'static [&'static str]>, what: &[&str]) -> Did {
    if name.is_empty() {
        return Did::Missing(NO_ID);
    }
    let opens = what.iter().map(|w| vec![on_trail(name, w), on_trail(name, "gone")]).collect();
    Did::Touched(vec![Target { id: name.to_owned(), kind: TRAIL, only, opens }], Vec::new())
}

fn modify_subnet(request: &Value, _: &Value) -> Did {
    let id = text(request, "subnetId");
    let public = format!("public/{id}");
    match truth(get(request, "mapPublicIpOnLaunch").and_then(|attribute| get(attribute, "value"))) {
        _ if id.is_empty() => Did::Missing(NO_ID),
        Some(true) => Did::Touched(vec![with_open(id, public)], Vec::new()),
        Some(false) => Did::Harmless("it turns public addresses off", vec![public], Vec::new()),
        None => Did::Harmless("it leaves public addresses alone", Vec::new(), Vec::new()),
    }
}

/// Returns the name under which an inbound entry of a network ACL is open, and the one under which others are
/// that it denied.
fn acl_entry(request: &Value) -> [String; 2] {
    let (acl, number) = (text(request, "networkAclId"), plain(request, "ruleNumber"));
    [format!("entry/{acl}/{number}"), format!("denied/{acl}/{number}")]
}

fn put_acl_entry(request: &Value, _: &Value) -> Did {
    let (acl, [allowed, denied]) = (text(request, "networkAclId"), acl_entry(request));
    match (truth(get(request, "egress")), text(request, "ruleAction")) {
        _ if acl.is_empty() => Did::Missing(NO_ID),
        (Some(true), _) => Did::Harmless("the entry is for what leaves", Vec::new(), Vec::new()),
        (_, "deny") => Did::Harmless("the entry denies", vec![allowed, denied], Vec::new()),
        _ => Did::Touched(vec![with_open(acl, allowed)], Vec::new()),
    }
}

/// Reads the deletion of an entry. The event does not show whether the entry denied something.
fn delete_acl_entry(request: &Value, _: &Value) -> Did {
    let (acl, [allowed, denied]) = (text(request, "networkAclId"), acl_entry(request));
    if acl.is_empty() {
        return Did::Missing(NO_ID);
    }
    if truth(get(request, "egress")) == Some(true) {
        return Did::Harmless("the entry was for what leaves", Vec::new(), Vec::new());
    }
    Did::Touched(vec![with_open(acl, denied)], vec![allowed])
}

/// Opens the policy of an endpoint, which `ResetPolicy` opens whatever it was, or turns off its private DNS.
fn modify_endpoint(request: &Value, _: &Value) -> Did {
    let resets = truth(get(request, "resetPolicy")) == Some(true);
    let unnamed = truth(get(request, "privateDnsEnabled")) == Some(false);
    match text(request, "policyDocument") {
        "" if !resets && !unnamed => {
            Did::Harmless("it leaves the policy and the names alone", Vec::new(), Vec::new())
        }
        _ => made(text(request, "vpcEndpointId")),
    }
}

/// Returns the key that an event names, by its id or by its ARN.
fn key_of<'v>(request: &'v Value, response: &'v Value) -> &'v str {
    [text(response, "keyId"), text(request, "keyId")].into_iter().find(|id| !id.is_empty()).unwrap_or("")
}

/// Returns the name under which the rotation of a key is turned off and on again, whether events name the
/// key by id or by ARN.
fn rotation(key: &str) -> String {
    format!("rotation/{}", key.rsplit('/').next().unwrap_or(key))
}

fn unrotated(key: &str) -> Did {
    Did::Touched(
        vec![Target { id: key.to_owned(), kind: KEY, opens: vec![vec![rotation(key)]], ..Target::default() }],
        Vec::new(),
    )
}

fn disable_rotation(request: &Value, response: &Value) -> Did {
    match key_of(request, response) {
        "" => Did::Missing(NO_ID),
        key => unrotated(key),
    }
}

fn create_key(_: &Value, response: &Value) -> Did {
    let key = get(response, "keyMetadata").unwrap_or(response);
    let (id, said) = (
        text(key, "arn"),
        |member: &str, value: &str| matches!(text(key, member), said if said.is_empty() || said == value),
    );
    if id.is_empty() {
        return Did::Missing(NO_ID);
    }
    if !(said("keySpec", "SYMMETRIC_DEFAULT")
        && said("keyUsage", "ENCRYPT_DECRYPT")
        && said("origin", "AWS_KMS"))
    {
        return Did::Harmless("AWS does not rotate a key of that kind", Vec::new(), Vec::new());
    }
    unrotated(id)
}

fn create_trail(request: &Value, response: &Value) -> Did {
    let name = [text(response, "trailARN"), text(response, "name"), text(request, "name")]
        .into_iter()
        .find(|n| !n.is_empty())
        .unwrap_or("");
    let validated = truth(get(request, "enableLogFileValidation"))
        .or_else(|| truth(get(response, "logFileValidationEnabled")))
        == Some(true);
    // A new trail logs nothing until it is started.
    match trail(
        name,
        validated.then_some(LOGGING),
        if validated { &["logging"] } else { &["logging", "validation"] },
    ) {
        Did::Touched(targets, mut closes) => {
            closes.push(on_trail(name, "deleted"));
            Did::Touched(targets, closes)
        }
        other => other,
    }
}

fn delete_trail(request: &Value, _: &Value) -> Did {
    let name = text(request, "name");
    let account =
        Target { only: Some(MISSING), opens: vec![vec![on_trail(name, "deleted")]], ..Target::default() };
    Did::Touched(vec![account], vec![on_trail(name, "gone")])
}

fn update_trail(request: &Value, _: &Value) -> Did {
    let name = text(request, "name");
    let said = |key: &str| truth(get(request, key));
    let narrowed =
        said("isMultiRegionTrail") == Some(false) || said("includeGlobalServiceEvents") == Some(false);
    let unproved = said("enableLogFileValidation") == Some(false);
    let mut closes = Vec::new();
    if said("isMultiRegionTrail") == Some(true) {
        closes.push(on_trail(name, "regions"));
    }
    if said("enableLogFileValidation") == Some(true) {
        closes.push(on_trail(name, "validation"));
    }
    let did = match (narrowed, unproved) {
        (true, true) => trail(name, Some(BOTH), &["regions", "validation"]),
        (true, false) => trail(name, Some(MISSING), &["regions"]),
        (false, true) => trail(name, Some(VALIDATION), &["validation"]),
        (false, false) => return Did::Harmless("it loosens nothing that is checked", closes, Vec::new()),
    };
    match did {
        Did::Touched(targets, _) => Did::Touched(targets, closes),
        other => other,
    }
}

fn put_event_selectors(request: &Value, _: &Value) -> Did {
    let name = text(request, "trailName");
    let classic = list(get(request, "eventSelectors"));
    let all = classic.iter().any(|s| {
        truth(get(s, "includeManagementEvents")) != Some(false)
            && matches!(text(s, "readWriteType"), "All" | "")
    });
    if all {
        closed("all management events are still recorded", name, &["selectors"])
    } else {
        trail(name, Some(MISSING), &["selectors"])
    }
}

fn create_volume(_: &Value, response: &Value) -> Did {
    if truth(get(response, "encrypted")) == Some(true) {
        return Did::Harmless("the volume is encrypted", Vec::new(), Vec::new());
    }
    made(text(response, "volumeId"))
}

fn attach_volume(request: &Value, response: &Value) -> Did {
    let one = |key: &str| {
        [text(request, key), text(response, key)]
            .into_iter()
            .find(|id| !id.is_empty())
            .unwrap_or("")
            .to_owned()
    };
    // Each with its own check: the instance's other disks were not touched.
    let mut targets: Vec<Target> = [("volumeId", UNENCRYPTED), ("instanceId", STALE)]
        .map(|(key, only)| Target { only: Some(only), ..target(&one(key)) })
        .into();
    targets.retain(|t| !t.id.is_empty());
    if targets.is_empty() { Did::Missing(NO_ID) } else { Did::Touched(targets, Vec::new()) }
}

fn run_instances(_: &Value, response: &Value) -> Did {
    let mut targets = Vec::new();
    for instance in list(get(response, "instancesSet")) {
        // Its disks are attached after the response, which therefore names none of them: the
        // instance stands for them.
        targets.push(target(text(instance, "instanceId")));
        for mapping in list(get(instance, "blockDeviceMapping")) {
            let volume = target(get(mapping, "ebs").map_or("", |ebs| text(ebs, "volumeId")));
            targets.push(Target { only: Some(UNENCRYPTED), ..volume });
        }
    }
    targets.retain(|t| !t.id.is_empty());
    if targets.is_empty() { Did::Missing(NO_ID) } else { Did::Touched(targets, Vec::new()) }
}

fn terminate_instances(request: &Value, _: &Value) -> Did {
    gone(&list(get(request, "instancesSet")).into_iter().map(|i| text(i, "instanceId")).collect::<Vec<_>>())
}

fn delete_flow_logs(request: &Value, _: &Value) -> Did {
    let ids = list(get(request, "flowLogId"));
    let targets: Vec<Target> = ids
        .iter()
        .filter_map(|id| id.as_str())
        .map(|id| Target { id: id.to_owned(), ..Target::default() })
        .collect();
    if targets.is_empty() { Did::Missing(NO_ID) } else { Did::Touched(targets, Vec::new()) }
}

/// Reads `CreateFlowLogs`, which names the VPC of its flow logs; a later `DeleteFlowLogs` does not.
fn create_flow_logs(request: &Value, response: &Value) -> Did {
    let resources = list(get(request, "resourceId").or_else(|| get(request, "resourceIds")));
    let logs = list(get(response, "flowLogIdSet").or_else(|| get(response, "flowLogIds")));
    let on: Vec<&str> = resources.iter().filter_map(|r| r.as_str()).collect();
    let closes = on.iter().map(|id| format!("flow-logs/{id}")).collect();
    // Resources and logs come in the same order; if their counts differ, they cannot be paired.
    let learned = if on.len() == logs.len() {
        logs.iter()
            .filter_map(|l| l.as_str())
            .zip(&on)
            .map(|(l, r)| (l.to_owned(), (*r).to_owned()))
            .collect()
    } else {
        Vec::new()
    };
    Did::Harmless("it adds flow logs", closes, learned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::{checks, intake::mapping};

    #[test]
    fn every_event_that_is_mapped_to_checks_can_be_read() {
        let Some(framework) = mapping::frameworks().iter().find(|f| f.id == "cloudtrail") else {
            unreachable!()
        };
        for call in framework.checks.keys() {
            assert!(extract(call).is_some(), "{call}");
        }
        let names: BTreeSet<_> = TABLE.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn rotation_that_is_turned_off_is_the_one_that_is_turned_on_again_whichever_way_the_key_is_named() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let by_arn = json!({ "keyId": format!("arn:aws:kms:us-east-1:123456789012:key/{id}") });
        let Did::Touched(off, _) = disable_rotation(&by_arn, &Value::Null) else { panic!("it loosens") };
        let Some(Did::Harmless(_, on, _)) =
            extract("kms:EnableKeyRotation").map(|read| read(&json!({ "keyId": id }), &Value::Null))
        else {
            panic!("it does not")
        };
        assert_eq!(off[0].opens, [on]);
        assert_eq!(disable_rotation(&Value::Null, &Value::Null), Did::Missing(NO_ID));
    }

    #[test]
    fn a_key_that_was_made_is_looked_at_only_if_aws_can_rotate_it() {
        let made = |origin: &str| {
            create_key(
                &Value::Null,
                &json!({ "keyMetadata": { "arn": "arn:aws:kms:us-east-1:123456789012:key/k",
                    "origin": origin } }),
            )
        };
        assert!(matches!(made("AWS_KMS"), Did::Touched(targets, _) if targets[0].opens == [["rotation/k"]]));
        assert!(matches!(made("EXTERNAL"), Did::Harmless(..)));
    }

    #[test]
    fn the_checks_that_events_single_out_exist() {
        let of_groups = [rules::OPEN, rules::ANY];
        let all = [MISSING, LOGGING, VALIDATION, UNENCRYPTED, STALE, BOTH].into_iter().chain(of_groups);
        for name in all.flatten() {
            assert!(checks::find(name).is_some(), "{name}");
        }
    }
}
