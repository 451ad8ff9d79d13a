//! The check on VPCs: flow logs record rejected traffic. It judges logs by the status that AWS reports; that
//! records really arrive is only known once AWS has delivered some.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Check;
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, FlowLog, Inventory, Selector, Tags, Want},
    resource::{Kind, ResourceId},
};

/// The id of the check.
pub const WITHOUT_FLOW_LOGS: &str = "vpc-without-flow-logs";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check {
    id: WITHOUT_FLOW_LOGS,
    title: "A VPC has no working flow log",
    why: "Without a record of rejected traffic nobody can tell who probed the network, or what an intruder \
          reached; it cannot be had afterwards.",
    severity: Severity::Medium,
    kind: Kind::Vpc,
    known_as: &[
        ("security-hub", &["EC2.6"]),
        ("cis-1.2.0", &["2.9"]),
        ("cis-1.4.0", &["3.9"]),
        ("cis-1.5.0", &["3.9"]),
        ("cis-2.0.0", &["3.9"]),
        ("cis-3.0.0", &["3.7"]),
        ("cis-4.0.0", &["3.7"]),
        ("cis-5.0.0", &["3.7"]),
        ("cis-6.0.0", &["4.7"]),
        ("cis-7.0.0", &["4.7"]),
        ("pci-dss-3.2.1", &["PCI.EC2.6"]),
        ("prowler", &["vpc_flow_logs_enabled"]),
        ("prowler-2", &["check29"]),
        ("config-managed", &["vpc-flow-logs-enabled"]),
        ("custodian", &["vpc/flow-logs"]),
    ],
    triggers: &["ec2:CreateVpc", "ec2:CreateDefaultVpc", "ec2:DeleteFlowLogs"],
    scanned: true,
    reads: |region| vec![Want::all(region, FamilyKind::Vpcs), Want::all(region, FamilyKind::FlowLogs)],
    reads_one: |_, resource, _| {
        vec![
            Want::id(resource.region(), FamilyKind::Vpcs, resource.id()),
            flow_logs_want(resource.region(), resource.id()),
        ]
    },
    resources,
    judge,
    silence,
    tags,
}];

/// Returns the want for the flow logs of a VPC.
pub fn flow_logs_want(region: &str, vpc: &str) -> Want {
    Want::by(region, FamilyKind::FlowLogs, "resource-id", vpc)
}

/// Returns the flow logs of a VPC, if they were listed.
pub fn flow_logs_of<'a>(inventory: &'a Inventory, region: &str, vpc: &str) -> Fact<Vec<&'a FlowLog>> {
    let Some(region) = inventory.regions.get(region) else { return Fact::NotRead };
    region
        .flow_logs
        .select(&Selector::by("resource-id", vpc))
        .map(|logs| logs.into_iter().map(|(_, log)| log).collect())
}

/// The state of a flow log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// The log records rejected traffic, and has delivered.
    Delivering,
    /// The log is on and has not delivered yet; AWS takes ten minutes or more, and needs traffic.
    NotYetDelivered,
    /// The log delivers a part: AWS throttles its destination.
    Limited,
    /// The log does not count, for this reason.
    Useless(String),
    /// The log counts or not; which of the two is not known, for this reason: AWS reports a new word.
    Unknown(String),
}

/// The message of a log whose destination is throttled, for some of its interfaces: the rest is delivered
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html>).
const RATE_LIMITED: &str = "Rate limited";

/// The age in minutes before which a log may show `SUCCESS` although nothing was delivered yet.
const YOUNG: i64 = 15;

/// Returns the state of a flow log at a time
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_FlowLog.html>).
pub fn health(log: &FlowLog, now: Timestamp) -> Health {
    let young = log.creation_time.is_some_and(|made| now.duration_since(made).as_mins() < YOUNG);
    let error = log.deliver_logs_error_message.as_deref().filter(|e| !e.is_empty());
    let delivery = log.deliver_logs_status.as_deref().unwrap_or_default();
    if log.traffic_type == "ACCEPT" {
        Health::Useless(format!("it records {} only, not what is turned away", log.traffic_type))
    } else if !matches!(log.traffic_type.as_str(), "ALL" | "REJECT") {
        Health::Unknown(format!("the type of its traffic is {:?}", log.traffic_type))
    } else if log.flow_log_status != "ACTIVE" {
        // The only status that AWS documents.
        Health::Unknown(format!("its status is {:?}", log.flow_log_status))
    } else if delivery == "FAILED" || error.is_some_and(|error| error != RATE_LIMITED) {
        Health::Useless(format!("its delivery fails: {}", error.unwrap_or("no reason given")))
    } else if error.is_some() {
        Health::Limited
    } else if delivery == "SUCCESS" && !young {
        Health::Delivering
    } else if matches!(delivery, "SUCCESS" | "") {
        Health::NotYetDelivered
    } else {
        Health::Unknown(format!("the status of its delivery is {delivery:?}"))
    }
}

/// Returns the VPCs that this account owns: in one that is shared with it, flow logs are for the owner to
/// create (<https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html>).
fn resources(inventory: &Inventory, regions: &[String]) -> Vec<ResourceId> {
    let mut all = Vec::new();
    for name in regions.iter().filter(|name| silence(inventory, name).is_none()) {
        let Some(region) = inventory.regions.get(name) else { continue };
        let own = region.vpcs.known().filter(|(_, vpc)| inventory.owner.owns(&vpc.owner_id));
        all.extend(own.map(|(id, _)| inventory.owner.vpc(name, id)));
    }
    all
}

fn judge(inventory: &Inventory, resource: &ResourceId, _: &Value) -> Verdict {
    let Some(region) = inventory.regions.get(resource.region()) else {
        return Verdict::Unknown("the region was not read".to_owned());
    };
    match region.vpcs.get(resource.id()) {
        Fact::Known(vpc) if !inventory.owner.owns(&vpc.owner_id) => return Verdict::Ok(None),
        Fact::Known(_) => {}
        Fact::Absent => return Verdict::Ok(Some("the VPC no longer exists".to_owned())),
        silent => return Verdict::Unknown(format!("the VPC: {}", silent.silence().unwrap_or_default())),
    }
    match flow_logs_of(inventory, resource.region(), resource.id()) {
        Fact::Known(logs) => verdict(&logs, inventory.read_at),
        silent => {
            Verdict::Unknown(format!("the flow logs of the VPC: {}", silent.silence().unwrap_or("absent")))
        }
    }
}

fn verdict(logs: &[&FlowLog], now: Timestamp) -> Verdict {
    let all: Vec<(&FlowLog, Health)> = logs.iter().map(|log| (*log, health(log, now))).collect();
    if all.iter().any(|(_, h)| *h == Health::Delivering) {
        return Verdict::Ok(None);
    }
    if let Some((log, _)) = all.iter().find(|(_, h)| *h == Health::NotYetDelivered) {
        return Verdict::Ok(Some(format!("{} is on and has not delivered yet", log.id)));
    }
    if let Some((log, _)) = all.iter().find(|(_, h)| *h == Health::Limited) {
        return Verdict::Ok(Some(format!(
            "{} works, and AWS reports that its delivery is rate limited: a part of its records may be \
             missing",
            log.id
        )));
    }
    if let Some((log, why)) = all.iter().find_map(|(log, h)| match h {
        Health::Unknown(why) => Some((log, why)),
        Health::Delivering | Health::NotYetDelivered | Health::Limited | Health::Useless(_) => None,
    }) {
        return Verdict::Unknown(format!("redress could not find out whether {} works: {why}", log.id));
    }
    let useless = all.iter().filter_map(|(log, health)| match health {
        Health::Useless(why) => {
            Some(json!({ "flow_log": log.id, "traffic_type": log.traffic_type, "why": why }))
        }
        _ => None,
    });
    Verdict::Violates(json!({ "flow_logs": useless.collect::<Vec<_>>() }))
}

fn silence(inventory: &Inventory, region: &str) -> Option<String> {
    let Some(region) = inventory.regions.get(region) else { return Some("not read".to_owned()) };
    let (vpcs, logs) = (region.vpcs.select(&Selector::All), region.flow_logs.select(&Selector::All));
    let vpcs = vpcs.silence().map(|why| format!("VPCs: {why}"));
    vpcs.or_else(|| logs.silence().map(|why| format!("flow logs: {why}")))
}

fn tags(inventory: &Inventory, resource: &ResourceId) -> Tags {
    let vpc = inventory.regions.get(resource.region()).map(|r| r.vpcs.get(resource.id()));
    vpc.and_then(|v| v.known().map(|v| v.tags.clone())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{Caller, Vpc},
        resource::Owner,
    };

    const REGION: &str = "us-east-1";

    fn account(owner_id: &str, logs: Vec<FlowLog>) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = inventory.region_mut(REGION);
        region.vpcs.read(&Selector::All, Fact::Known(()));
        region.vpcs.put("vpc-1", Vpc { id: "vpc-1".into(), owner_id: owner_id.into(), ..Vpc::default() });
        region.flow_logs.read(&Selector::All, Fact::Known(()));
        for log in logs {
            region.flow_logs.put(log.id.clone(), log);
        }
        inventory
    }

    fn log(traffic: &str, delivery: Option<&str>, error: Option<&str>) -> FlowLog {
        FlowLog {
            id: "fl-1".into(),
            resource_id: "vpc-1".into(),
            flow_log_status: "ACTIVE".into(),
            traffic_type: traffic.into(),
            deliver_logs_status: delivery.map(Into::into),
            deliver_logs_error_message: error.map(Into::into),
            ..FlowLog::default()
        }
    }

    #[test]
    fn a_word_that_aws_adds_later_makes_a_log_unknown_and_another_log_may_still_count() {
        for new in [log("SOME", Some("SUCCESS"), None), log("ALL", Some("PAUSED"), None)] {
            assert!(matches!(says(vec![new.clone()]), Verdict::Unknown(_)), "{new:?}");
            let good = FlowLog { id: "fl-2".into(), ..log("ALL", Some("SUCCESS"), None) };
            assert_eq!(says(vec![new, good]), Verdict::Ok(None));
        }
    }

    fn says(logs: Vec<FlowLog>) -> Verdict {
        let inventory = account("123456789012", logs);
        judge(&inventory, &inventory.owner.vpc(REGION, "vpc-1"), &Value::Null)
    }

    #[test]
    fn a_log_counts_when_it_is_active_records_rejects_and_delivers() {
        assert_eq!(says(vec![log("ALL", Some("SUCCESS"), None)]), Verdict::Ok(None));
        assert_eq!(says(vec![log("REJECT", Some("SUCCESS"), None)]), Verdict::Ok(None));
        assert_eq!(says(vec![]).word(), "violates");
        assert_eq!(says(vec![log("ACCEPT", Some("SUCCESS"), None)]).word(), "violates");
        assert_eq!(says(vec![log("ALL", Some("FAILED"), Some("Access error"))]).word(), "violates");
        assert_eq!(says(vec![log("ALL", Some("SUCCESS"), Some("Unknown error"))]).word(), "violates");
        assert_eq!(says(vec![log("ALL", Some("FAILED"), Some("Rate limited"))]).word(), "violates");
        let deleting = FlowLog { flow_log_status: "DELETING".into(), ..log("ALL", None, None) };
        assert_eq!(says(vec![deleting]).word(), "unknown", "AWS documents ACTIVE only");
        assert_eq!(
            says(vec![FlowLog { resource_id: "subnet-1".into(), ..log("ALL", Some("SUCCESS"), None) }])
                .word(),
            "violates"
        );
    }

    #[test]
    fn a_log_that_has_not_delivered_yet_counts_and_says_so() {
        assert!(matches!(says(vec![log("ALL", None, None)]),
                Verdict::Ok(Some(note)) if note.contains("fl-1") && note.contains("not delivered yet")));
        let second = FlowLog { id: "fl-2".into(), ..log("ALL", Some("SUCCESS"), None) };
        assert_eq!(says(vec![log("ALL", None, None), second]), Verdict::Ok(None));
    }

    #[test]
    fn a_log_whose_delivery_is_throttled_works_and_says_so() {
        let limited = || log("ALL", Some("SUCCESS"), Some("Rate limited"));
        assert!(matches!(says(vec![limited()]), Verdict::Ok(Some(note)) if note.contains("rate limited")));
        let second = FlowLog { id: "fl-2".into(), ..log("ALL", Some("SUCCESS"), None) };
        assert_eq!(says(vec![limited(), second]), Verdict::Ok(None));
    }

    #[test]
    fn a_success_that_is_shown_before_anything_can_have_been_delivered_is_none_yet() {
        let made = |minutes: i64| FlowLog {
            creation_time: Some(
                "2026-11-22T10:00:00Z".parse::<Timestamp>().unwrap()
                    - jiff::SignedDuration::from_mins(minutes),
            ),
            ..log("ALL", Some("SUCCESS"), None)
        };
        assert!(matches!(says(vec![made(1)]), Verdict::Ok(Some(note)) if note.contains("not delivered yet")));
        assert_eq!(says(vec![made(15)]), Verdict::Ok(None));
    }

    #[test]
    fn a_vpc_of_another_account_is_not_ours_to_judge() {
        let inventory = account("999999999999", vec![]);
        assert!(resources(&inventory, &[REGION.to_owned()]).is_empty());
        assert_eq!(judge(&inventory, &inventory.owner.vpc(REGION, "vpc-1"), &Value::Null), Verdict::Ok(None));
    }

    #[test]
    fn logs_that_were_not_read_are_unknown() {
        let mut inventory = account("123456789012", vec![]);
        inventory.region_mut(REGION).flow_logs.read(&Selector::All, Fact::Unknown("AccessDenied".into()));
        let vpc = inventory.owner.vpc(REGION, "vpc-1");
        assert_eq!(judge(&inventory, &vpc, &Value::Null).word(), "unknown");
        assert_eq!(silence(&inventory, REGION).as_deref(), Some("flow logs: AccessDenied"));
        assert!(resources(&inventory, &[REGION.to_owned()]).is_empty());
        assert_eq!(
            judge(&inventory, &inventory.owner.vpc("eu-west-1", "vpc-1"), &Value::Null).word(),
            "unknown"
        );
    }
}
