//! Checks of CloudTrail trails: the account has one that records everything, and each trail logs and can be
//! proved unaltered. Pure rules over facts; a listing that was not read is never an account without trails.
//!
//! An organization's trail counts for a member account, which sees it but cannot change it. It is judged like
//! any other, since a hole in the record is a hole whoever may close it; the action refuses, and names who
//! can.

pub mod bucket;
pub mod coverage;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use coverage::{Coverage, coverage, covered_by_other};

use super::Check;
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, Tags, Trail, Want},
    resource::{Kind, ResourceId},
};

/// The time within which a trail that was started delivers: AWS names five minutes as the average
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>).
const FIRST_DELIVERY: SignedDuration = SignedDuration::from_mins(30);

/// The checks of this family.
pub static CHECKS: &[Check] = &[
    Check {
        id: "cloudtrail-missing",
        title: "No multi-region trail records the management events of the account",
        why: "Without one, what is done in a region that no trail watches leaves no record, and an intrusion \
              cannot be traced.",
        severity: Severity::High,
        kind: Kind::Account,
        known_as: &[
            ("security-hub", &["CloudTrail.1", "CloudTrail.3"]),
            ("cis-1.2.0", &["2.1"]),
            ("cis-1.4.0", &["3.1"]),
            ("cis-1.5.0", &["3.1"]),
            ("cis-2.0.0", &["3.1"]),
            ("cis-3.0.0", &["3.1"]),
            ("cis-4.0.0", &["3.1"]),
            ("cis-5.0.0", &["3.1"]),
            ("cis-6.0.0", &["4.1"]),
            ("cis-7.0.0", &["4.1"]),
            ("pci-dss-3.2.1", &["PCI.CloudTrail.2"]),
            (
                "prowler",
                &[
                    "cloudtrail_multi_region_enabled",
                    "cloudtrail_multi_region_enabled_logging_management_events",
                ],
            ),
            ("prowler-2", &["check21"]),
            ("config-managed", &["cloudtrail-enabled", "multi-region-cloudtrail-enabled"]),
            ("guardduty", &["Stealth:IAMUser/CloudTrailLoggingDisabled"]),
            ("custodian", &["account/check-cloudtrail"]),
        ],
        triggers: &["cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail", "cloudtrail:PutEventSelectors"],
        scanned: true,
        reads: |region| vec![Want::trails(region)],
        reads_one: |inventory, resource, with| {
            regions_to_look_from(inventory, resource, with).iter().map(|r| Want::trails(r)).collect()
        },
        resources: |inventory, _| vec![inventory.owner.root()],
        judge: |inventory, _, _| missing(inventory),
        // The account is judged once; that verdict includes the listings that could not be read.
        silence: |_, _| None,
        tags: |_, _| Tags::new(),
    },
    Check {
        id: "cloudtrail-not-logging",
        title: "A trail does not log, or cannot deliver what it logs",
        why: "A stopped trail records nothing; stopping it is the first thing many intruders do.",
        severity: Severity::High,
        kind: Kind::Trail,
        known_as: &[
            ("security-hub", &["CloudTrail.1", "CloudTrail.3"]),
            ("cis-1.2.0", &["2.1"]),
            ("cis-1.4.0", &["3.1"]),
            ("cis-1.5.0", &["3.1"]),
            ("cis-2.0.0", &["3.1"]),
            ("cis-3.0.0", &["3.1"]),
            ("cis-4.0.0", &["3.1"]),
            ("cis-5.0.0", &["3.1"]),
            ("cis-6.0.0", &["4.1"]),
            ("cis-7.0.0", &["4.1"]),
            ("pci-dss-3.2.1", &["PCI.CloudTrail.2"]),
            ("prowler", &["cloudtrail_multi_region_enabled"]),
            ("prowler-2", &["check21"]),
            ("config-managed", &["cloudtrail-enabled", "multi-region-cloudtrail-enabled"]),
            ("guardduty", &["Stealth:IAMUser/CloudTrailLoggingDisabled"]),
            ("custodian", &["account/check-cloudtrail", "cloudtrail/status"]),
        ],
        triggers: &["cloudtrail:StopLogging", "cloudtrail:CreateTrail"],
        scanned: true,
        reads: |region| vec![Want::trails(region)],
        reads_one: |_, resource, _| vec![Want::id(resource.region(), FamilyKind::Trails, resource.as_str())],
        resources: trails,
        judge: |inventory, resource, _| on_trail(inventory, resource, not_logging),
        silence: unlisted,
        tags,
    },
    Check {
        id: "cloudtrail-no-log-validation",
        title: "A trail writes no digests of its log files",
        why: "Without digests nobody can prove that log files were not changed or removed afterwards.",
        severity: Severity::Low,
        kind: Kind::Trail,
        known_as: &[
            ("security-hub", &["CloudTrail.4"]),
            ("cis-1.2.0", &["2.2"]),
            ("cis-1.4.0", &["3.2"]),
            ("cis-1.5.0", &["3.2"]),
            ("cis-2.0.0", &["3.2"]),
            ("cis-3.0.0", &["3.2"]),
            ("cis-4.0.0", &["3.2"]),
            ("cis-5.0.0", &["3.2"]),
            ("cis-6.0.0", &["4.2"]),
            ("cis-7.0.0", &["4.2"]),
            ("pci-dss-3.2.1", &["PCI.CloudTrail.3"]),
            ("prowler", &["cloudtrail_log_file_validation_enabled"]),
            ("prowler-2", &["check22"]),
            ("config-managed", &["cloud-trail-log-file-validation-enabled"]),
            ("custodian", &["cloudtrail/LogFileValidationEnabled"]),
        ],
        triggers: &["cloudtrail:CreateTrail", "cloudtrail:UpdateTrail"],
        scanned: true,
        reads: |region| vec![Want::trails(region)],
        reads_one: |_, resource, _| vec![Want::id(resource.region(), FamilyKind::Trails, resource.as_str())],
        resources: trails,
        judge: |inventory, resource, _| on_trail(inventory, resource, no_validation),
        silence: unlisted,
        tags,
    },
];

/// Returns the regions from which the account's trails are looked at. Multi-region trails show from any
/// region, so one will do by default: `with.region`, then the regions that were read, then the partition's
/// first one.
fn regions_to_look_from(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Vec<String> {
    if let Some(region) = with.get("region").and_then(Value::as_str) {
        return vec![region.to_owned()];
    }
    let read: Vec<String> =
        inventory.trails.reads.keys().filter_map(|k| k.strip_prefix("region=")).map(str::to_owned).collect();
    match (read.is_empty(), inventory.regions.is_empty()) {
        (false, _) => read,
        (true, false) => inventory.regions.keys().cloned().collect(),
        (true, true) => vec![first_region(resource.partition()).to_owned()],
    }
}

/// Returns the region of a partition that hosts its global services.
pub fn first_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-eusc" => "eusc-de-east-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        _ => "us-east-1",
    }
}

/// Returns all trails that are known, wherever their home is: a multi-region trail of another region records
/// this one too.
fn trails(inventory: &Inventory, _: &[String]) -> Vec<ResourceId> {
    inventory.trails.known().filter_map(|(arn, _)| ResourceId::try_from(arn.to_owned()).ok()).collect()
}

fn unlisted(inventory: &Inventory, region: &str) -> Option<String> {
    let listing =
        inventory.trails.reads.get(&format!("region={region}")).or_else(|| inventory.trails.reads.get("*"));
    listing.map_or(Some("not read"), Fact::silence).map(|why| format!("trails could not be listed: {why}"))
}

fn tags(inventory: &Inventory, resource: &ResourceId) -> Tags {
    inventory.trails.get(resource.as_str()).known().and_then(|t| t.tags.known()).cloned().unwrap_or_default()
}

fn missing(inventory: &Inventory) -> Verdict {
    let unsure = match coverage(inventory, None) {
        Coverage::By(_) => return Verdict::Ok(None),
        Coverage::ByOther(trail) => return Verdict::Ok(Some(covered_by_other(trail))),
        Coverage::None => Vec::new(),
        Coverage::Unknown(unsure) => unsure,
    };
    let listings: Vec<&Fact<()>> = inventory
        .trails
        .reads
        .iter()
        .filter(|(k, _)| *k == "*" || k.starts_with("region="))
        .map(|(_, f)| f)
        .collect();
    if !listings.iter().any(|f| f.known().is_some()) {
        let why = listings.iter().find_map(|f| f.silence()).unwrap_or("not read");
        return Verdict::Unknown(format!("trails could not be listed: {why}"));
    }
    if !unsure.is_empty() {
        return Verdict::Unknown(unsure.join("; "));
    }
    let seen: Vec<Value> = inventory
        .trails
        .known()
        .map(|(arn, t)| {
            json!({ "trail": arn, "is_multi_region": t.is_multi_region,
            "all_management_events": t.all_management_events })
        })
        .collect();
    Verdict::Violates(json!({ "trails": seen }))
}

fn on_trail(inventory: &Inventory, resource: &ResourceId, rule: fn(&Trail, Timestamp) -> Verdict) -> Verdict {
    match inventory.trails.get(resource.as_str()) {
        Fact::Known(trail) => rule(trail, inventory.read_at),
        // The lack of a trail is a finding on the account, not on this one.
        Fact::Absent => Verdict::Unknown(format!("{resource} no longer exists")),
        silent => Verdict::Unknown(format!("{resource}: {}", silent.silence().unwrap_or_default())),
    }
}

fn not_logging(trail: &Trail, now: Timestamp) -> Verdict {
    match &trail.is_logging {
        Fact::Known(true) => {}
        Fact::Known(false) => {
            return Verdict::Violates(json!({ "is_logging": false, "bucket": trail.s3_bucket_name }));
        }
        silent => {
            return Verdict::Unknown(format!(
                "redress could not find out whether it logs: {}",
                silent.silence().unwrap_or("AWS did not report it")
            ));
        }
    }
    match (&trail.latest_delivery_error, &trail.latest_delivery_time) {
        (Fact::Known(error), _) if !error.is_empty() && awaits_delivery(trail, now) => Verdict::Ok(Some(
            format!("it logs; nothing has been delivered since it was started, and {error} is from before"),
        )),
        (Fact::Known(error), _) if !error.is_empty() => Verdict::Violates(
            json!({ "is_logging": true, "latest_delivery_error": error, "bucket": trail.s3_bucket_name }),
        ),
        (Fact::Known(_) | Fact::Absent, Fact::Absent) => {
            Verdict::Ok(Some("it logs; nothing has been delivered yet".to_owned()))
        }
        (Fact::Known(_) | Fact::Absent, _) => Verdict::Ok(None),
        (silent, _) => Verdict::Unknown(format!(
            "redress could not find out whether it delivers: {}",
            silent.silence().unwrap_or_default()
        )),
    }
}

/// Returns whether a trail was started so short a time ago that what its status shows of deliveries is from
/// before: `LatestDeliveryError` has no time of its own, and changes only when CloudTrail delivers again
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html>).
pub fn awaits_delivery(trail: &Trail, now: Timestamp) -> bool {
    let Fact::Known(started) = &trail.start_logging_time else { return false };
    let is_older = match &trail.latest_delivery_time {
        Fact::Known(delivered) => delivered < started,
        Fact::Absent => true,
        Fact::Unknown(_) | Fact::NotRead => false,
    };
    trail.is_logging == Fact::Known(true) && is_older && now.duration_since(*started) < FIRST_DELIVERY
}

fn no_validation(trail: &Trail, _: Timestamp) -> Verdict {
    if trail.log_file_validation {
        Verdict::Ok(None)
    } else {
        Verdict::Violates(json!({ "log_file_validation": false }))
    }
}

#[cfg(test)]
mod tests;
