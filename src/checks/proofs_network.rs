//! Checks that only prove the results of changes to networks and their logs; a scan does not run them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Check,
    policy::{Request, Unproved, allows},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, Role, Tags, Want},
    resource::{Kind, Owner, ResourceId},
};

/// A log group exists and keeps its events as long as planned; `with`: `{"retention_days": 90}`.
pub const LOG_GROUP: &str = "log-group-as-planned";
/// A role can deliver flow logs of a region to a log group; `with`: [`Delivery`].
pub const DELIVERY_ROLE: &str = "delivery-role-as-planned";
/// A bucket's policy is unchanged; `with`: `{"policy": ...}`.
pub const BUCKET_POLICY: &str = "bucket-policy-unchanged";

/// The checks of this family.
pub static CHECKS: &[Check] = &[
    Check {
        id: LOG_GROUP,
        title: "A log group is not as planned",
        why: "Flow logs are lost where their log group is missing, and cost for ever where it keeps \
              everything.",
        kind: Kind::LogGroup,
        reads_one: |_, resource, _| vec![Want::id(resource.region(), FamilyKind::LogGroups, resource.id())],
        judge: judge_log_group,
        ..PROOF
    },
    Check {
        id: DELIVERY_ROLE,
        title: "A delivery role is not as planned",
        why: "Without a role that it can assume, and that may write, the service drops the flow logs.",
        kind: Kind::Role,
        reads_one: |_, resource, _| vec![Want::id("", FamilyKind::Roles, resource.id())],
        judge: judge_role,
        ..PROOF
    },
    Check {
        id: BUCKET_POLICY,
        title: "A bucket's policy was changed along the way",
        why: "AWS may put a policy of its own in the place of the one that was there when a flow log is \
              made; what that allowed or forbade would be lost.",
        kind: Kind::Bucket,
        reads_one: |_, resource, _| vec![Want::id("", FamilyKind::Buckets, resource.id())],
        judge: judge_bucket_policy,
        ..PROOF
    },
];

const PROOF: Check = Check {
    id: "",
    title: "",
    why: "",
    severity: Severity::Medium,
    kind: Kind::Other,
    known_as: &[],
    triggers: &[],
    scanned: false,
    reads: |_| Vec::new(),
    reads_one: |_, _, _| Vec::new(),
    resources: |_, _| Vec::new(),
    judge: |_, _, _| Verdict::Unknown("it judges nothing".to_owned()),
    silence: |_, _| None,
    tags: |_, _| Tags::new(),
};

fn judge_log_group(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    let Some(region) = inventory.regions.get(resource.region()) else {
        return Verdict::Unknown("the region was not read".to_owned());
    };
    match region.log_groups.get(resource.id()) {
        // The policy overrides what is set on the log group, and a reading shows nothing but the policy's
        // days.
        Fact::Known(group) if group.retention_policy_name.is_some() => {
            Verdict::Ok(Some(format!("log group {} keeps its events {}", resource.id(), group.keeps())))
        }
        Fact::Known(group) => {
            let (is, planned) = (json!(group.retention_in_days), &with["retention_days"]);
            if is == *planned {
                Verdict::Ok(None)
            } else {
                Verdict::Violates(json!({ "retention_days": is, "planned": planned }))
            }
        }
        Fact::Absent => Verdict::Violates(json!({ "why": "it does not exist" })),
        silent => Verdict::Unknown(silent.silence().unwrap_or_default().to_owned()),
    }
}

fn judge_bucket_policy(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    if with.get(super::LATER).is_some() {
        // Changes to the policy since then are its owner's business.
        return Verdict::Ok(None);
    }
    let bucket = match inventory.buckets.get(resource.id()) {
        Fact::Known(bucket) => bucket,
        Fact::Absent => return Verdict::Violates(json!({ "why": "the bucket does not exist" })),
        silent => return Verdict::Unknown(silent.silence().unwrap_or_default().to_owned()),
    };
    match &bucket.policy {
        Fact::Known(policy) if *policy == with["policy"] => Verdict::Ok(None),
        Fact::Known(policy) => Verdict::Violates(json!({ "policy": policy })),
        Fact::Absent => Verdict::Violates(json!({ "policy": null })),
        silent => Verdict::Unknown(silent.silence().unwrap_or_default().to_owned()),
    }
}

fn judge_role(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    let mut with = with.clone();
    with.as_object_mut().map(|with| with.remove(super::LATER));
    let Ok(delivery) = serde_json::from_value::<Delivery>(with) else {
        return Verdict::Unknown("what was planned cannot be read".to_owned());
    };
    match inventory.roles.get(resource.id()) {
        Fact::Known(role) => match delivery.proved_by(role, &inventory.owner) {
            Fact::Known(()) => Verdict::Ok(None),
            Fact::Unknown(reason) => Verdict::Unknown(reason.into()),
            _ => Verdict::Violates(
                json!({ "trust_policy": role.trust_policy, "inline_policies": role.inline_policies }),
            ),
        },
        Fact::Absent => Verdict::Violates(json!({ "why": "it does not exist" })),
        silent => Verdict::Unknown(silent.silence().unwrap_or_default().to_owned()),
    }
}

/// The service that delivers flow logs to CloudWatch Logs.
pub const FLOW_LOGS_SERVICE: &str = "vpc-flow-logs.amazonaws.com";

/// The delivery of a region's flow logs to one of its log groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The region of the VPCs and of the log group.
    pub region: String,
    /// The name of the log group.
    pub log_group: String,
}

impl Delivery {
    /// Returns the ARN of the log group, and that of its contents.
    fn arns(&self, owner: &Owner) -> (String, String) {
        let group = owner.log_group(&self.region, &self.log_group);
        (group.to_string(), format!("{group}:*"))
    }

    fn source_arn(&self, owner: &Owner) -> String {
        format!("arn:{}:ec2:{}:{}:vpc-flow-log/*", owner.partition, self.region, owner.account)
    }

    /// Returns the trust policy: only the service may assume the role, and only for flow logs of this account
    /// and region, so that nobody else's flow log can borrow it
    /// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html>).
    pub fn trust_policy(&self, owner: &Owner) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": FLOW_LOGS_SERVICE },
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": { "aws:SourceAccount": owner.account },
                    "ArnLike": { "aws:SourceArn": self.source_arn(owner) },
                },
            }],
        })
    }

    /// Returns the least permissions that the service needs: to write streams of this log group, and to look.
    pub fn permissions(&self, owner: &Owner) -> Value {
        let (group, inside) = self.arns(owner);
        json!({
            "Version": "2012-10-17",
            "Statement": [
                { "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents",
                    "logs:DescribeLogStreams"], "Resource": [group, inside] },
                { "Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*" },
            ],
        })
    }

    /// Returns whether a role is proved to deliver: `Known` if it is, `Absent` if it is not. Only its inline
    /// policies are looked at. A boundary may take away what those give, and its text is not read
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>).
    pub fn proved_by(&self, role: &Role, owner: &Owner) -> Fact<()> {
        let source = self.source_arn(owner);
        let context = [("aws:SourceAccount", owner.account.as_str()), ("aws:SourceArn", source.as_str())];
        let trusted = Request {
            principal: Some(FLOW_LOGS_SERVICE),
            action: "sts:AssumeRole",
            resource: None,
            context: &context,
        };
        if allows(&role.trust_policy, &trusted).is_err() {
            return Fact::Absent;
        }
        let policies: Vec<&Value> = match &role.inline_policies {
            Fact::Known(policies) => policies.values().collect(),
            Fact::Absent => Vec::new(),
            silent => {
                return Fact::unknown(format!(
                    "the policies of role {}: {}",
                    role.id,
                    silent.silence().unwrap_or_default()
                ));
            }
        };
        let (_, inside) = self.arns(owner);
        let everything = owner.log_group(&self.region, "*").to_string();
        let needed = [
            ("logs:CreateLogStream", &inside),
            ("logs:PutLogEvents", &inside),
            ("logs:DescribeLogStreams", &inside),
            ("logs:DescribeLogGroups", &everything),
        ];
        let granted = needed.iter().all(|(action, resource)| {
            let answers: Vec<_> = policies
                .iter()
                .map(|p| {
                    allows(p, &Request { principal: None, action, resource: Some(resource), context: &[] })
                })
                .collect();
            answers.contains(&Ok(())) && !answers.iter().any(|a| matches!(a, Err(Unproved::MayBeDenied(_))))
        });
        match &role.permissions_boundary {
            Some(boundary) if granted => Fact::unknown(format!(
                "role {} has the permissions boundary {boundary}, and what that leaves of its policies is \
                 not known",
                role.id
            )),
            _ if granted => Fact::Known(()),
            _ => Fact::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Bucket, Caller, LogGroup};

    fn owner() -> Owner {
        Owner { partition: "aws".into(), account: "123456789012".into() }
    }
    fn empty() -> Inventory {
        Inventory::empty(owner(), Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap())
    }
    fn delivery() -> Delivery {
        Delivery { region: "us-east-1".into(), log_group: "/redress/vpc-flow-logs".into() }
    }
    fn role(trust: Value, permissions: Value) -> Role {
        Role {
            id: "r".into(),
            trust_policy: trust,
            inline_policies: Fact::Known([("p".to_owned(), permissions)].into()),
            ..Role::default()
        }
    }

    #[test]
    fn the_role_that_is_planned_is_proved_and_anything_less_is_not() {
        let (d, o) = (delivery(), owner());
        assert_eq!(d.proved_by(&role(d.trust_policy(&o), d.permissions(&o)), &o), Fact::Known(()));
        let other_region = Delivery { region: "eu-west-1".into(), ..delivery() };
        assert_eq!(d.proved_by(&role(other_region.trust_policy(&o), d.permissions(&o)), &o), Fact::Absent);
        let other_group = Delivery { log_group: "/other".into(), ..delivery() };
        assert_eq!(d.proved_by(&role(d.trust_policy(&o), other_group.permissions(&o)), &o), Fact::Absent);
        let none = Role { inline_policies: Fact::Known([].into()), ..role(d.trust_policy(&o), Value::Null) };
        assert_eq!(d.proved_by(&none, &o), Fact::Absent);
        let bound = Role {
            permissions_boundary: Some("arn:aws:iam::123456789012:policy/bound".into()),
            ..role(d.trust_policy(&o), d.permissions(&o))
        };
        assert!(matches!(d.proved_by(&bound, &o), Fact::Unknown(why) if why.contains("policy/bound")));
        let unread = Role { inline_policies: Fact::Unknown("AccessDenied".into()), ..none };
        assert!(matches!(d.proved_by(&unread, &o), Fact::Unknown(why) if why.contains("AccessDenied")));
    }

    #[test]
    fn a_role_as_aws_shows_it_in_its_examples_will_do() {
        let (d, o) = (delivery(), owner());
        let trust = json!({ "Statement": [{ "Effect": "Allow", "Principal": { "Service": FLOW_LOGS_SERVICE },
            "Action": "sts:AssumeRole" }] });
        let actions = [
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "logs:DescribeLogGroups",
            "logs:DescribeLogStreams",
        ];
        let wide = json!({ "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] });
        assert_eq!(d.proved_by(&role(trust, wide), &o), Fact::Known(()));
    }

    #[test]
    fn a_log_group_is_judged_by_its_retention() {
        let mut inventory = empty();
        let resource = owner().log_group("us-east-1", "g");
        let with = json!({ "retention_days": 90 });
        assert_eq!(judge_log_group(&inventory, &resource, &with).word(), "unknown");
        let groups = &mut inventory.region_mut("us-east-1").log_groups;
        groups.items.insert("g".into(), Fact::Absent);
        assert_eq!(judge_log_group(&inventory, &resource, &with).word(), "violates");
        for (days, word) in [(Some(90), "ok"), (Some(30), "violates"), (None, "violates")] {
            inventory
                .region_mut("us-east-1")
                .log_groups
                .put("g", LogGroup { id: "g".into(), retention_in_days: days, ..LogGroup::default() });
            assert_eq!(judge_log_group(&inventory, &resource, &with).word(), word, "{days:?}");
        }
    }

    #[test]
    fn a_retention_that_the_account_overrides_is_as_planned_and_the_note_names_who_decides() {
        let mut inventory = empty();
        let resource = owner().log_group("us-east-1", "g");
        for (days, keeps) in [(Some(365), "365 days"), (None, "for ever"), (Some(90), "90 days")] {
            let group = LogGroup {
                id: "g".into(),
                retention_in_days: days,
                retention_policy_name: Some("org-default".into()),
                ..LogGroup::default()
            };
            inventory.region_mut("us-east-1").log_groups.put("g", group);
            let verdict = judge_log_group(&inventory, &resource, &json!({ "retention_days": 90 }));
            let Verdict::Ok(Some(note)) = verdict else { panic!("{verdict:?}") };
            assert!(note.contains("org-default") && note.contains(keeps), "{note}");
        }
    }

    #[test]
    fn a_policy_in_another_order_is_the_same_policy_and_one_with_another_statement_is_not() {
        let mut inventory = empty();
        let resource = owner().bucket("b");
        let with = json!({ "policy": { "Version": "v", "Statement": [{ "Effect": "Allow", "Sid": "a" }] } });
        for (policy, word) in [
            (Fact::Known(json!({ "Statement": [{ "Sid": "a", "Effect": "Allow" }], "Version": "v" })), "ok"),
            (Fact::Known(json!({ "Statement": [], "Version": "v" })), "violates"),
            (Fact::Absent, "violates"),
            (Fact::Unknown("AccessDenied".into()), "unknown"),
        ] {
            inventory.buckets.put("b", Bucket { id: "b".into(), policy, ..Bucket::default() });
            assert_eq!(judge_bucket_policy(&inventory, &resource, &with).word(), word);
        }
    }
}
