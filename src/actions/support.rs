//! Helpers that several actions share: decoding of parameters, facts that must be known, recovery tags, and
//! the question whether something else manages a resource. Nothing here knows any one action, or builds
//! steps.

use ipnet::IpNet;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value, json};

use super::{GuardNote, Options, Refusal};
use crate::{
    calls::reference,
    inventory::{Fact, Inventory, Region, Tags, Vpc, tag},
    services::{
        Planned,
        tag::{Tag, TagSpecification},
    },
};

/// The number of tags that AWS allows on a resource, its own `aws:` ones not counted
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>).
pub const TAG_LIMIT: usize = 50;

/// Seconds of waiting for a snapshot or a copy, for each GiB of the disk. AWS promises no duration, and the
/// duration of a snapshot depends on the blocks written, not on the size ("several hours for large initial
/// snapshots", <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-creating-snapshot.html>): this is
/// patience, no estimate.
const SECONDS_A_GIB: u64 = 25;

/// Returns the seconds to wait for a snapshot or a copy of a disk of so many GiB, but no fewer than the
/// parameter requires.
pub fn snapshot_patience(at_least: u32, gib: i32) -> u64 {
    u64::from(at_least).max(SECONDS_A_GIB * u64::try_from(gib).unwrap_or_default())
}

/// Converts a playbook's `with` to the action's own type and back, so that it contains all parameters,
/// defaults included.
///
/// # Errors
/// The error of serde for the first parameter that is wrong, with its place.
pub fn decode<P: DeserializeOwned + Serialize>(
    with: toml::de::Deserializer<'_>,
) -> Result<Value, toml::de::Error> {
    let own = P::deserialize(with)?;
    serde_json::to_value(own).map_err(serde::de::Error::custom)
}

/// Parses parameters that were decoded before into the action's own type; null stands for none given.
///
/// # Errors
/// A refusal with the reason: a plan edited by hand can contain anything.
pub fn params<P: DeserializeOwned>(with: &Value) -> Result<P, Refusal> {
    let with = if with.is_null() { Value::Object(Map::new()) } else { with.clone() };
    serde_json::from_value(with).map_err(|e| {
        Refusal::Refused(format!("its parameters cannot be read: {e}; see `redress actions show`"))
    })
}

/// Returns all ranges of a VPC, of both families; one that cannot be read is a refusal, since what it holds
/// could be cut off.
pub fn vpc_ranges(vpc: &Vpc) -> impl Iterator<Item = Result<IpNet, Refusal>> {
    std::iter::once(&vpc.cidr_block).chain(&vpc.more_cidr_blocks).map(|text| {
        text.parse().map_err(|_| {
            Refusal::Unknown(format!("the range {text:?} of {} is no network, and could be cut off", vpc.id))
        })
    })
}

/// A fact, as sentences about it name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A thing: `volume vol-1`, `the rules of sg-1`.
    Thing(&'a str),
    /// An indirect question: `whether vol-1 is being modified`.
    Question(&'a str),
}

impl<'a> From<&'a str> for Subject<'a> {
    fn from(thing: &'a str) -> Self {
        Subject::Thing(thing)
    }
}

impl<'a> From<&'a String> for Subject<'a> {
    fn from(thing: &'a String) -> Self {
        Subject::Thing(thing)
    }
}

impl Subject<'_> {
    /// Phrases that the fact is unknown, with the reason.
    fn unknown(self, reason: &str) -> String {
        match self {
            Subject::Thing(thing) => format!("{thing} could not be read: {reason}"),
            Subject::Question(question) => format!("redress could not find out {question}: {reason}"),
        }
    }

    /// Phrases that AWS was asked and names no such fact.
    fn absent(self) -> String {
        match self {
            Subject::Thing(thing) => format!("{thing} cannot be found any more; scan again"),
            Subject::Question(question) => format!("AWS does not report {question}; scan again"),
        }
    }
}

/// Returns a fact that may be absent, but must have been read.
///
/// # Errors
/// [`Refusal::Unknown`] with the fact and the reason for which it is not known.
pub fn known<'a, T>(fact: Fact<T>, what: impl Into<Subject<'a>>) -> Result<Option<T>, Refusal> {
    match fact {
        Fact::Known(value) => Ok(Some(value)),
        Fact::Absent => Ok(None),
        Fact::Unknown(reason) => Err(Refusal::Unknown(what.into().unknown(&reason))),
        Fact::NotRead => Err(Refusal::Unknown(what.into().unknown("it is not among what was read"))),
    }
}

/// Returns a fact that must exist.
///
/// # Errors
/// [`Refusal::Unknown`] if it is not known, [`Refusal::Refused`] if there is no such resource.
pub fn need<'a, T>(fact: Fact<T>, what: impl Into<Subject<'a>>) -> Result<T, Refusal> {
    let what = what.into();
    known(fact, what)?.ok_or_else(|| Refusal::Refused(what.absent()))
}

/// Returns the facts about a region.
///
/// # Errors
/// [`Refusal::Unknown`] if nothing of it was read.
pub fn region<'a>(inventory: &'a Inventory, region: &str) -> Result<&'a Region, Refusal> {
    inventory
        .regions
        .get(region)
        .ok_or_else(|| Refusal::Unknown(format!("nothing of region {region} was read")))
}

/// Returns the tags of a resource that takes over from another: the user's own, without those that AWS
/// reserves, without the marks by which a service finds its own, and without the bookkeeping of an earlier
/// run.
pub fn carried(original: &Tags) -> Tags {
    let keeps = |key: &str| {
        !key.starts_with("aws:")
            && !is_service_mark(key)
            && (!key.starts_with("redress:") || key == tag::IGNORE || key == tag::HOLD)
    };
    original.iter().filter(|(key, _)| keeps(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Builds the tags of a create call: the original's own, then those by which redress finds the new resource
/// again, then `extra`. Values may be references.
///
/// # Errors
/// A refusal if that would be more than AWS allows: the user's tags are never dropped in silence, and a
/// resource without recovery tags could not be found again after a crash.
pub fn recovery_tags(original: &Tags, extra: &[(&str, Value)]) -> Result<Map<String, Value>, Refusal> {
    let mut tags: Map<String, Value> = carried(original).into_iter().map(|(k, v)| (k, json!(v))).collect();
    let own =
        [(tag::RUN, reference::run()), (tag::STEP, reference::step()), (tag::TOKEN, reference::token())];
    tags.extend(own.into_iter().chain(extra.iter().cloned()).map(|(k, v)| (k.to_owned(), v)));
    if tags.len() > TAG_LIMIT {
        let (total, ours) = (tags.len(), 3 + extra.len());
        return Err(Refusal::Refused(format!(
            "it would carry {total} tags and AWS allows {TAG_LIMIT}: redress needs {ours} of its own to find \
             it again after a crash; take some tags off the original"
        )));
    }
    Ok(tags)
}

/// Converts tags to the form of most services: `[{"Key": ..., "Value": ...}]`.
pub fn tag_list(tags: &Map<String, Value>) -> Vec<Tag<Planned>> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: Some(value.clone().into()) }).collect()
}

/// Builds the `TagSpecifications` of an EC2 create call for resources of one type, with [`recovery_tags`].
///
/// # Errors
/// As [`recovery_tags`].
pub fn tag_specifications(
    resource_type: &str,
    original: &Tags,
    extra: &[(&str, Value)],
) -> Result<Vec<TagSpecification<Planned>>, Refusal> {
    let tags = tag_list(&recovery_tags(original, extra)?);
    Ok(vec![TagSpecification { resource_type: resource_type.to_owned(), tags }])
}

/// Tags that show, by their key alone, that something else manages the resource.
const MANAGED_BY_KEY: &[(&str, &str)] = &[
    ("aws:cloudformation:stack-id", "CloudFormation"),
    ("aws:cloudformation:stack-name", "CloudFormation"),
    ("aws:autoscaling:groupName", "EC2 Auto Scaling"),
    ("aws:ec2:fleet-id", "an EC2 fleet"),
    ("aws:ec2spot:fleet-request-id", "a spot fleet"),
    ("aws:eks:cluster-name", "EKS"),
    ("elbv2.k8s.aws/cluster", "the AWS Load Balancer Controller"),
    ("aws:elasticmapreduce:job-flow-id", "EMR"),
    ("aws:servicecatalog:provisionedProductArn", "Service Catalog"),
    ("ebs.csi.aws.com/cluster", "the EBS CSI driver"),
    ("aws:backup:source-resource", "AWS Backup"),
    ("aws:dlm:lifecycle-policy-id", "Data Lifecycle Manager"),
    ("AWSElasticDisasterRecoveryManaged", "Elastic Disaster Recovery"),
    ("AWSBatchServiceTag", "Batch"),
];

/// The same for families of keys.
const MANAGED_BY_PREFIX: &[(&str, &str)] = &[
    ("kubernetes.io/cluster/", "Kubernetes"),
    ("kubernetes.io/created-for/", "Kubernetes"),
    ("karpenter.sh/", "Karpenter"),
    ("eks:", "EKS"),
    ("AWSControlTower", "Control Tower"),
    ("aws-control-tower", "Control Tower"),
    ("drs.amazonaws.com-", "Elastic Disaster Recovery"),
    ("parallelcluster:", "ParallelCluster"),
];

/// The beginnings of plain tags by which services of AWS know their own resources, and on which the
/// permissions of their roles hang: a resource that takes over from another is not theirs
/// (<https://docs.aws.amazon.com/drs/latest/userguide/security-iam-awsmanpol.html>,
/// <https://docs.aws.amazon.com/mgn/latest/ug/security-iam-awsmanpol.html>).
const SERVICE_MARKS: &[&str] = &[
    "AWSElasticDisasterRecovery",
    "AwsElasticDisasterRecovery",
    "drs.amazonaws.com-",
    MIGRATED,
    "AWSBatchServiceTag",
    "parallelcluster:",
];

/// The beginning of the tags that Application Migration Service leaves on instances that it has launched.
/// Most of them are the customer's own by then.
const MIGRATED: &str = "AWSApplicationMigrationService";

/// The beginning of the names of instance profiles of RDS Custom, whose instances and disks that service owns
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>).
const RDS_CUSTOM: &str = "AWSRDSCustom";

/// Returns whether a tag with this key marks a resource as one of a service's.
fn is_service_mark(key: &str) -> bool {
    SERVICE_MARKS.iter().any(|mark| key.starts_with(mark))
}

/// Returns the name of the service that owns an instance, as far as its tags and its profile show.
pub fn managed_instance(tags: &Tags, profile: Option<&str>) -> Option<String> {
    let name = profile.and_then(|arn| arn.rsplit('/').next()).filter(|name| name.starts_with(RDS_CUSTOM));
    managed_by(tags).or_else(|| name.map(|name| format!("RDS Custom (instance profile {name})")))
}

/// Returns a note on marks of services that the new disks do not carry; `None` without any.
pub fn marks_left(what: &str, tags: &Tags) -> Option<GuardNote> {
    let marks: Vec<&str> = tags.keys().map(String::as_str).filter(|key| is_service_mark(key)).collect();
    (!marks.is_empty()).then(|| {
        GuardNote::not_checked(
            "service-tags",
            format!(
                "{what} carries tags of a service ({}): whether that still works on it was not looked at, \
                 and nothing new carries them",
                marks.join(", ")
            ),
        )
    })
}

/// Returns the name of whatever else manages a resource, as far as its tags show: it would set back the
/// changes of redress, or break by them.
pub fn managed_by(tags: &Tags) -> Option<String> {
    tags.iter().find_map(|(key, value)| {
        let exact = MANAGED_BY_KEY.iter().find(|(k, _)| k == key);
        let found = exact.or_else(|| MANAGED_BY_PREFIX.iter().find(|(prefix, _)| key.starts_with(prefix)))?;
        Some(if value.is_empty() {
            format!("{} (tag {key})", found.1)
        } else {
            format!("{} (tag {key} = {value})", found.1)
        })
    })
}

/// Applies the ownership guard: it passes unless something else manages the resource named `what`.
///
/// # Errors
/// A refusal that names the manager and the flag, unless the user gave it.
pub fn ownership(what: &str, manager: Option<String>, options: &Options) -> Result<GuardNote, Refusal> {
    match manager {
        None => Ok(GuardNote::passed(
            "ownership",
            format!("no tag or name says that anything else manages {what}"),
        )),
        Some(by) if options.include_managed => Ok(GuardNote::loosened(
            "ownership",
            format!("{what} is managed by {by}; --include-managed was given"),
        )),
        Some(by) => Err(Refusal::Refused(format!(
            "{what} is managed by {by}, which may set the change back or break by it: make the change there, \
             or give --include-managed"
        ))),
    }
}

/// Reads a number of days.
///
/// # Errors
/// A number that is none, or more than ten years.
pub fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        days @ 1..=3650 => Ok(days),
        days => Err(D::Error::custom(format!("{days} days: give 1 to 3650"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn recovery_tags_carry_the_users_tags_and_leave_out_what_aws_and_earlier_runs_put_there() {
        let original = tags(&[
            ("Name", "a"),
            ("aws:cloudformation:stack-id", "x"),
            (tag::RUN, "old"),
            (tag::IGNORE, "reviewed"),
        ]);
        let made = recovery_tags(&original, &[(tag::SOURCE, json!("vol-1"))]).unwrap();
        let keys: Vec<_> = made.keys().map(String::as_str).collect();
        assert_eq!(keys, ["Name", tag::IGNORE, tag::RUN, tag::STEP, tag::TOKEN, tag::SOURCE]);
        assert_eq!(made[tag::RUN], reference::run());
    }

    #[test]
    fn more_tags_than_aws_allows_are_refused_and_never_dropped() {
        let many: Tags = (0..48).map(|n| (format!("k{n}"), String::new())).collect();
        assert!(matches!(recovery_tags(&many, &[]), Err(Refusal::Refused(_))));
        let fewer: Tags = many.into_iter().take(47).collect();
        assert_eq!(recovery_tags(&fewer, &[]).unwrap().len(), 50);
    }

    #[test]
    fn what_something_else_manages_is_known_by_its_tags() {
        for key in [
            "aws:cloudformation:stack-id",
            "kubernetes.io/cluster/blue",
            "eks:cluster-name",
            "elbv2.k8s.aws/cluster",
            "AWSControlTower-x",
            "AWSElasticDisasterRecoveryManaged",
            "drs.amazonaws.com-job",
            "AWSBatchServiceTag",
            "parallelcluster:cluster-name",
        ] {
            assert!(managed_by(&tags(&[("Name", "a"), (key, "v")])).is_some(), "{key}");
        }
        assert_eq!(managed_by(&tags(&[("Name", "eks"), ("team", "kubernetes.io/cluster/")])), None);
    }

    #[test]
    fn the_marks_of_services_are_not_carried_over_and_a_migrated_instance_gets_a_note() {
        let marked = tags(&[
            ("Name", "db"),
            ("AWSApplicationMigrationServiceManaged", "mgn.amazonaws.com"),
            ("AWSElasticDisasterRecoverySourceServerID", "s-1"),
        ]);
        assert_eq!(carried(&marked), tags(&[("Name", "db")]));
        assert_eq!(managed_by(&tags(&[("AWSApplicationMigrationServiceManaged", "x")])), None);
        let note = marks_left("i-1", &marked).unwrap();
        assert_eq!(note.result, crate::actions::GuardResult::NotChecked);
        assert!(note.note.contains("AWSApplicationMigrationServiceManaged"), "{}", note.note);
        assert_eq!(marks_left("i-1", &tags(&[("Name", "db")])), None);
    }

    #[test]
    fn an_instance_of_rds_custom_is_known_by_its_profile() {
        let arn = "arn:aws:iam::123456789012:instance-profile/AWSRDSCustomInstanceProfile";
        assert!(managed_instance(&Tags::new(), Some(arn)).is_some_and(|by| by.contains("RDS Custom")));
        let own = "arn:aws:iam::123456789012:instance-profile/web";
        assert_eq!(managed_instance(&Tags::new(), Some(own)), None);
    }

    #[test]
    fn a_managed_resource_is_refused_unless_the_flag_is_given() {
        let by = Some("CloudFormation".to_owned());
        assert!(matches!(ownership("sg-1", by.clone(), &Options::default()),
                Err(Refusal::Refused(r)) if r.contains("--include-managed")));
        let loose = Options { include_managed: true, ..Options::default() };
        assert_eq!(ownership("sg-1", by, &loose).unwrap().result, crate::actions::GuardResult::Loosened);
    }

    #[test]
    fn what_is_not_known_is_never_absent() {
        assert_eq!(known(Fact::<u8>::Absent, "x"), Ok(None));
        assert!(matches!(known(Fact::<u8>::NotRead, "x"), Err(Refusal::Unknown(_))));
        assert!(matches!(need(Fact::<u8>::Unknown("denied".into()), "x"),
                Err(Refusal::Unknown(r)) if r.contains("denied")));
        assert!(matches!(need(Fact::<u8>::Absent, "x"), Err(Refusal::Refused(_))));
    }

    #[test]
    fn a_fact_that_is_missing_is_named_in_a_sentence() {
        let said = |refused: Result<u8, Refusal>| match refused {
            Err(Refusal::Unknown(said) | Refusal::Refused(said)) => said,
            other => panic!("{other:?}"),
        };
        let of = |fact: Fact<u8>, what: Subject<'_>| said(need(fact, what));
        let (volume, question) = (
            Subject::Thing("volume vol-1"),
            Subject::Question("whether the type m6i.large of i-1 has instance store disks"),
        );
        assert_eq!(of(Fact::Absent, volume), "volume vol-1 cannot be found any more; scan again");
        assert_eq!(
            of(Fact::Absent, question),
            "AWS does not report whether the type m6i.large of i-1 has instance store disks; scan again"
        );
        assert_eq!(of(Fact::unknown("AccessDenied"), volume), "volume vol-1 could not be read: AccessDenied");
        assert_eq!(
            of(Fact::unknown("AccessDenied"), question),
            "redress could not find out whether the type m6i.large of i-1 has instance store disks: \
             AccessDenied"
        );
        assert_eq!(
            of(Fact::NotRead, volume),
            "volume vol-1 could not be read: it is not among what was read"
        );
    }

    #[derive(Debug, PartialEq, serde::Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    struct Own {
        days: u32,
    }
    impl Default for Own {
        fn default() -> Self {
            Own { days: 90 }
        }
    }

    #[test]
    fn parameters_are_decoded_with_their_defaults_and_unknown_ones_are_errors() {
        assert_eq!(decode::<Own>(toml::de::Deserializer::parse("").unwrap()).unwrap(), json!({ "days": 90 }));
        assert!(decode::<Own>(toml::de::Deserializer::parse("dayz = 1").unwrap()).is_err());
        assert_eq!(params::<Own>(&Value::Null).unwrap(), Own { days: 90 });
    }
}
