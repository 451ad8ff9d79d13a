//! The words of AWS's that redress compares or sends, against the enums of botocore's models. A word that AWS
//! does not have would never match; a word that is compared and is not in the table fails too.

use std::{collections::BTreeSet, fs, path::Path};

use redress::{
    checks::{self, vpcs::WITHOUT_FLOW_LOGS},
    finding::Verdict,
    inventory::{Caller, Fact, FlowLog, Inventory, Selector, Vpc},
    resource::Owner,
};
use serde_json::{Value, json};

use crate::{
    models::ask,
    models_answers::{literals, source},
};

/// A shape of a service, the words of it that redress names, and the files or folders that name each of them.
struct Row {
    service: &'static str,
    shape: &'static str,
    words: &'static [&'static str],
    places: &'static [&'static str],
}

const fn row(
    service: &'static str,
    shape: &'static str,
    words: &'static [&'static str],
    places: &'static [&'static str],
) -> Row {
    Row { service, shape, words, places }
}

const BLOCK: &str = "src/reach/block.rs";
const ENCRYPT: &str = "src/actions/encrypt_volumes";
const PRUNE: &str = "src/actions/prune";
const ENGINE: &str = "src/engine";
const KEYS: &str = "src/inventory/keys.rs";
const PRIVATE_DNS: &str = "src/actions/enable_endpoint_private_dns";
const SHARING: &str = "src/inventory/sharing.rs";
const REDIRECT: &str = "src/actions/redirect_http_to_https";

/// Enums.
const ENUMS: &[Row] = &[
    row(
        "ec2",
        "InstanceStateName",
        &["pending", "running", "shutting-down", "terminated", "stopping", "stopped"],
        &[ENGINE, ENCRYPT],
    ),
    row("ec2", "InstanceStateName", &["running", "stopped"], &["src/actions/snapshot_instance"]),
    row(
        "ec2",
        "VolumeState",
        &["available", "in-use", "creating", "deleting", "deleted", "error"],
        &["src/checks/volumes.rs"],
    ),
    row("ec2", "VolumeState", &["available"], &[PRUNE, ENGINE, ENCRYPT]),
    row("ec2", "VolumeState", &["deleting", "deleted"], &["src/checks/proofs", ENGINE, ENCRYPT]),
    row("ec2", "SnapshotState", &["completed", "error"], &[PRUNE, ENCRYPT, "src/actions/snapshot_instance"]),
    row("ec2", "SnapshotState", &["completed"], &["src/checks/snapshots"]),
    row("ec2", "SnapshotState", &["pending"], &["src/engine/room.rs"]),
    row("ec2", "VolumeAttachmentState", &["attaching", "attached"], &[ENGINE, ENCRYPT]),
    row("ec2", "VolumeAttachmentState", &["detaching", "detached"], &[ENCRYPT]),
    row("ec2", "AttachmentStatus", &["attached"], &["src/actions/prune/relied_on.rs"]),
    row("ec2", "SummaryStatus", &["ok", "not-applicable"], &["src/inventory/compute.rs", ENCRYPT]),
    row("ec2", "ApplicationStatusEnum", &["ok", "not-applicable"], &[ENCRYPT]),
    row("ec2", "VolumeModificationState", &["completed", "failed"], &[ENCRYPT]),
    row("ec2", "VolumeType", &["gp3", "io1", "io2"], &[ENCRYPT]),
    row("ec2", "VolumeType", &["gp3"], &["src/plan/reach/held.rs"]),
    row("ec2", "StorageTier", &["standard"], &["src/aws/read/compute.rs"]),
    row("ec2", "DeviceType", &["ebs", "instance-store"], &[ENCRYPT]),
    row("ec2", "Tenancy", &["default", "dedicated", "host"], &[ENCRYPT]),
    row("ec2", "TrafficType", &["ALL", "REJECT"], &["src/checks/vpcs.rs", "src/actions/enable_flow_logs"]),
    row("ec2", "TrafficType", &["ACCEPT"], &["src/checks/vpcs.rs"]),
    row("ec2", "LogDestinationType", &["cloud-watch-logs", "s3"], &["src/actions/enable_flow_logs"]),
    row("ec2", "FlowLogsResourceType", &["VPC"], &["src/actions/enable_flow_logs"]),
    row("ec2", "CapacityReservationState", &["active"], &["src/calls/capacity.rs", ENCRYPT]),
    row("ec2", "CapacityReservationType", &["capacity-block", "default"], &["src/calls/capacity.rs"]),
    row(
        "ec2",
        "CapacityReservationPreference",
        &["none", "open", "capacity-reservations-only"],
        &["src/calls/capacity.rs"],
    ),
    row("ec2", "InstanceMatchCriteria", &["open"], &["src/calls/capacity.rs"]),
    row("ec2", "PermissionGroup", &["all"], &[SHARING]),
    row("ec2", "ManagedBy", &["declarative-policy"], &[SHARING]),
    row(
        "ec2",
        "SnapshotBlockPublicAccessState",
        &["block-all-sharing", "block-new-sharing", "unblocked"],
        &[SHARING],
    ),
    row("ec2", "ImageBlockPublicAccessEnabledState", &["block-new-sharing"], &[SHARING]),
    row("ec2", "ImageBlockPublicAccessDisabledState", &["unblocked"], &[SHARING]),
    row("ec2", "OperationType", &["add", "remove"], &["src/services/snapshot_sharing.rs"]),
    row("ec2", "SnapshotAttributeName", &["createVolumePermission"], &["src/services/snapshot_sharing.rs"]),
    row("ec2", "NetworkInterfaceType", &["interface"], &["src/actions/group_use.rs"]),
    row(
        "ec2",
        "VpcEndpointType",
        &["Gateway", "Interface", "GatewayLoadBalancer", "Resource", "ServiceNetwork", "Tunnel"],
        &["src/checks/endpoints.rs"],
    ),
    row("ec2", "VpcEndpointType", &["Gateway", "Interface"], &["src/aws/read/endpoints.rs"]),
    row("ec2", "State", &["Available"], &["src/actions/restrict_vpc_endpoint", PRIVATE_DNS]),
    row("ec2", "RuleAction", &["allow", "deny"], &["src/checks/network_acls"]),
    row("ec2", "RouteState", &["active", "blackhole", "filtered"], &["src/checks/routes"]),
    row("ec2", "RouteState", &["active", "blackhole", "filtered"], &["src/actions/fix_route_table"]),
    row("ec2", "RouteState", &["active", "blackhole", "filtered"], &["src/reach/routes.rs"]),
    row("ec2", "RouteOrigin", &["EnableVgwRoutePropagation"], &["src/reach/routes.rs"]),
    row("ec2", "NetworkInterfaceType", &["global_accelerator_managed", "natGateway"], &["src/reach"]),
    row("ec2", "NetworkInterfaceStatus", &["available"], &["src/reach"]),
    row("ec2", "InternetGatewayBlockMode", &["off", "block-bidirectional", "block-ingress"], &[BLOCK]),
    row("ec2", "VpcBlockPublicAccessState", &["default-state", "update-complete"], &[BLOCK]),
    row("ec2", "InternetGatewayExclusionMode", &["allow-bidirectional", "allow-egress"], &[BLOCK]),
    row(
        "ec2",
        "VpcBlockPublicAccessExclusionState",
        &["create-complete", "update-complete", "create-failed", "delete-complete", "disable-complete"],
        &[BLOCK],
    ),
    row(
        "ec2",
        "RouteOrigin",
        &["CreateRoute", "CreateRouteTable", "EnableVgwRoutePropagation", "Advertisement"],
        &["src/checks/routes"],
    ),
    row("ec2", "RouteOrigin", &["EnableVgwRoutePropagation"], &["src/actions/fix_route_table"]),
    row("ec2", "VpcPeeringConnectionStateReasonCode", &["active"], &["src/checks/routes/peering.rs"]),
    row("ec2", "RouteTableAssociationStateCode", &["disassociated", "failed"], &["src/aws/read/routes.rs"]),
    row("ec2", "RouteTableAssociationStateCode", &["associated"], &["src/inventory/routes.rs"]),
    row("ec2", "LockState", &["expired"], &["src/aws/read/removals.rs"]),
    // The types of resources that are tagged when they are created.
    row(
        "ec2",
        "ResourceType",
        &["volume", "instance", "snapshot", "vpc-flow-log", "security-group-rule", "security-group"],
        &["src/inventory"],
    ),
    row("ec2", "ResourceType", &["volume", "snapshot"], &[ENCRYPT]),
    row("ec2", "ResourceType", &["snapshot"], &["src/actions/snapshot_instance"]),
    row("ec2", "ResourceType", &["vpc-flow-log"], &["src/actions/enable_flow_logs"]),
    row("ec2", "ResourceType", &["security-group-rule"], &["src/actions/group_rules.rs"]),
    row(
        "kms",
        "KeyState",
        &[
            "Enabled",
            "Disabled",
            "Creating",
            "PendingDeletion",
            "PendingImport",
            "PendingReplicaDeletion",
            "Unavailable",
            "Updating",
        ],
        &["src/aws/read/keys.rs"],
    ),
    row("kms", "KeyState", &["Enabled"], &[KEYS, "src/actions/raise_cloudtrail", ENCRYPT, "src/calls"]),
    row("kms", "KeySpec", &["SYMMETRIC_DEFAULT", "RSA_2048", "RSA_3072", "RSA_4096", "SM2"], &[KEYS]),
    row("kms", "KeySpec", &["SYMMETRIC_DEFAULT"], &[ENCRYPT]),
    row(
        "kms",
        "KeyUsageType",
        &[
            "ENCRYPT_DECRYPT",
            "SIGN_VERIFY",
            "GENERATE_VERIFY_MAC",
            "KEY_AGREEMENT",
            "ENCAPSULATE_DECAPSULATE",
        ],
        &[KEYS],
    ),
    row("kms", "KeyUsageType", &["ENCRYPT_DECRYPT"], &[ENCRYPT]),
    row("kms", "OriginType", &["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"], &[KEYS]),
    row("kms", "KeyManagerType", &["CUSTOMER", "AWS"], &["src"]),
    row("kms", "MultiRegionKeyType", &["PRIMARY", "REPLICA"], &["src/aws/read/keys.rs"]),
    row(
        "s3",
        "BucketVersioningStatus",
        &["Enabled"],
        &["src/actions/create_cloudtrail", "src/checks/proofs"],
    ),
    row("s3", "ServerSideEncryption", &["AES256", "aws:kms"], &["src/actions/create_cloudtrail"]),
    row("s3", "ServerSideEncryption", &["aws:kms"], &["src/actions/enable_flow_logs/bucket.rs"]),
    row("s3", "ObjectOwnership", &["BucketOwnerEnforced"], &["src/actions/create_cloudtrail"]),
    row(
        "elbv2",
        "TargetHealthStateEnum",
        &["healthy", "initial", "unhealthy", "unused"],
        &["src/calls/serving.rs"],
    ),
    row("elbv2", "TargetHealthStateEnum", &["draining"], &["src/calls/serving.rs"]),
    row("elbv2", "TargetTypeEnum", &["lambda"], &["src/aws/read/balancing.rs"]),
    row("elbv2", "TargetTypeEnum", &["alb"], &["src/inventory/balancing.rs", REDIRECT]),
    row("elbv2", "TargetHealthStateEnum", &["healthy"], &[REDIRECT]),
    row("elbv2", "ActionTypeEnum", &["forward", "redirect"], &["src/checks/listeners.rs", REDIRECT]),
    row(
        "elbv2",
        "ActionTypeEnum",
        &["fixed-response", "authenticate-oidc", "authenticate-cognito", "jwt-validation"],
        &["src/checks/listeners.rs"],
    ),
    row("elbv2", "RedirectActionStatusCodeEnum", &["HTTP_301"], &[REDIRECT]),
    row(
        "elbv2",
        "ProtocolEnum",
        &["HTTP", "HTTPS"],
        &["src/inventory/listeners.rs", "src/checks/listeners.rs"],
    ),
    row("elbv2", "LoadBalancerStateEnum", &["active", "active_impaired"], &["src/checks/web_acls.rs"]),
    row("elbv2", "LoadBalancerSchemeEnum", &["internal"], &["src/checks/web_acls.rs"]),
    row("elbv2", "LoadBalancerSchemeEnum", &["internet-facing", "internal"], &["src/reach"]),
    row("acm", "CertificateStatus", &["ISSUED"], &[REDIRECT]),
    row("ssm", "PingStatus", &["Online"], &["src/actions/tighten_security_group"]),
];

/// Words that the model has as plain strings: the member whose documentation names them.
const DOCUMENTED: &[(&str, &str, &str, &[&str], &str)] = &[
    ("ec2", "DescribeFlowLogs", "FlowLogs[].FlowLogStatus", &["ACTIVE"], "src/checks/vpcs.rs"),
    ("ec2", "DescribeFlowLogs", "FlowLogs[].DeliverLogsStatus", &["SUCCESS", "FAILED"], "src/checks/vpcs.rs"),
    ("elbv2", "DescribeListeners", "Listeners[].MutualAuthentication.Mode", &["off"], REDIRECT),
    // Fields are named where their operators are.
    (
        "cloudtrail",
        "GetEventSelectors",
        "AdvancedEventSelectors[].FieldSelectors[].Equals",
        &["readOnly", "eventCategory"],
        "src/aws/read/trails.rs",
    ),
];

/// The members of the inventory that hold words of AWS's enums: what is compared with one of them is in the
/// tables.
const MEMBERS: &[&str] = &[
    "state",
    "key_state",
    "key_spec",
    "key_usage",
    "key_manager",
    "origin",
    "status",
    "flow_log_status",
    "deliver_logs_status",
    "traffic_type",
    "log_destination_type",
    "volume_type",
    "storage_tier",
    "modification_state",
    "system_status",
    "instance_status",
    "attached_ebs_status",
    "root_device_type",
    "tenancy",
    "lifecycle",
    "shutdown_behavior",
    "match_criteria",
    "reservation_type",
    "capacity_preference",
    "target_type",
    "ping_status",
    "interface_type",
    "endpoint_type",
    "scheme",
];

/// Returns the sources under a place, tests and the twin left out: what the twin plays is AWS's side.
fn sources(place: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = vec![root.join(place)];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        let name = path.strip_prefix(root).expect("below the root").display().to_string();
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if name.ends_with(".rs") && !name.contains("test") && !name.starts_with("src/twin") {
            let text = source(&name);
            found.push((name, text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()));
        }
    }
    found
}

#[test]
fn every_word_of_an_enum_is_awss_and_stands_where_the_table_says() {
    let questions: Vec<_> = ENUMS
        .iter()
        .map(|row| json!({ "service": row.service, "shape": row.shape, "words": row.words }))
        .collect();
    ask("enums", &questions);
    let documented = DOCUMENTED.iter().flat_map(|(service, operation, path, words, _)| {
        words.iter().map(move |word| {
            json!({ "service": service, "operation": operation, "side": "out", "path": path, "word": word })
        })
    });
    ask("paths", &documented.collect::<Vec<_>>());
    let enums = ENUMS.iter().flat_map(|row| row.places.iter().map(move |place| (*place, row.words)));
    for (place, words) in enums.chain(DOCUMENTED.iter().map(|row| (row.4, row.3))) {
        let all: BTreeSet<String> = sources(place).iter().flat_map(|(_, text)| literals(text)).collect();
        for word in words {
            assert!(all.contains(*word), "{place} does not name {word}: the table of this test is stale");
        }
    }
}

/// Returns the literals that follow: alone, or several with `|` between them.
fn alternatives(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some((word, after)) = rest.strip_prefix('"').and_then(|inside| inside.split_once('"')) {
        found.push(word);
        rest = match after.trim_start().strip_prefix('|') {
            Some(next) => next.trim_start(),
            None => break,
        };
    }
    found
}

/// Returns the words that a source compares with a member, in `==`, `!=`, `matches!` and the arms of `match`.
fn compared<'t>(text: &'t str, member: &str) -> Vec<&'t str> {
    let mut found = Vec::new();
    for (at, name) in text.match_indices(&format!(".{member}")) {
        let mut after = &text[at + name.len()..];
        if after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '(') {
            continue;
        }
        for turned in [".as_str()", ".as_deref()", ".clone()"] {
            after = after.strip_prefix(turned).unwrap_or(after);
        }
        let after = after.trim_start();
        if let Some(other) = after.strip_prefix("==").or_else(|| after.strip_prefix("!=")) {
            let other = other.trim_start();
            found.extend(alternatives(other.strip_prefix("Some(").unwrap_or(other)));
        } else if let Some(pattern) = after.strip_prefix(',')
            && text[..at].rsplit_once("matches!(").is_some_and(|(_, between)| !between.contains([',', ';']))
        {
            found.extend(alternatives(pattern));
        } else if let Some(arms) = after.strip_prefix('{')
            && text[..at].rsplit_once("match ").is_some_and(|(_, between)| !between.contains([';', '{']))
        {
            let mut depth = 1;
            let own = arms.split_inclusive('\n').take_while(|line| {
                let before = depth;
                depth = (depth + line.matches('{').count()).saturating_sub(line.matches('}').count());
                before > 0 && depth > 0
            });
            found.extend(own.flat_map(alternatives));
        }
    }
    found
}

#[test]
fn a_word_that_is_compared_with_what_was_read_is_in_the_table() {
    let enums = ENUMS.iter().flat_map(|row| row.words);
    let known: BTreeSet<&str> =
        enums.chain(DOCUMENTED.iter().flat_map(|row| row.3)).copied().chain(["unhealthy.draining"]).collect();
    let mut seen = 0;
    for (file, text) in sources("src") {
        for member in MEMBERS {
            // An empty word stands for none.
            for word in compared(&text, member).into_iter().filter(|word| !word.is_empty()) {
                seen += 1;
                assert!(
                    known.contains(word),
                    "{file} compares {member} with {word}, which no table here has"
                );
            }
        }
    }
    assert!(seen > 60, "{seen} comparisons");
}

#[test]
fn comparisons_are_found_in_every_form() {
    let text = r#"if a.state != "one" && x.state == Some("two") || b.state.as_str() == "three" {}
        matches!(i.state.as_str(), "four" | "five"); match v.state.as_str() {
            "six" | "seven" => {}
            other => f("eight", other),
        }
        x.state_reason == "nine"; f(&x.state, "ten")"#;
    assert_eq!(compared(text, "state"), ["one", "two", "three", "four", "five", "six", "seven"]);
}

#[test]
fn a_flow_log_in_a_state_that_aws_adds_later_is_no_flow_log() {
    let judged = |status: &str| {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let mut inventory = Inventory::empty(owner.clone(), Caller::default(), now);
        let region = inventory.region_mut("us-east-1");
        region.vpcs.read(&Selector::All, Fact::Known(()));
        region.flow_logs.read(&Selector::All, Fact::Known(()));
        let vpc = Vpc { id: "vpc-1".into(), owner_id: owner.account.clone(), ..Vpc::default() };
        region.vpcs.put("vpc-1", vpc);
        let log = FlowLog {
            id: "fl-1".into(),
            resource_id: "vpc-1".into(),
            flow_log_status: status.into(),
            traffic_type: "ALL".into(),
            deliver_logs_status: Some("SUCCESS".into()),
            ..FlowLog::default()
        };
        region.flow_logs.put("fl-1", log);
        let check = checks::find(WITHOUT_FLOW_LOGS).expect("a check");
        (check.judge)(&inventory, &owner.vpc("us-east-1", "vpc-1"), &Value::Null)
    };
    assert_eq!(judged("ACTIVE"), Verdict::Ok(None));
    assert!(!matches!(judged("PAUSED"), Verdict::Ok(_) | Verdict::Retained(_)));
}
