//! The company's roles and what they use of what they may do. Data only.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ACCOUNT, hours_before, tags};
use crate::inventory::{
    Fact, Inventory, ManagedPolicy, PolicyVersion, PolicyVersions, Role, RoleUse, ServiceUse, Simulation,
};

/// A service, the days since its last use, and an action of it that IAM tracks, where there is one.
type Used = (&'static str, Option<i64>, Option<&'static str>);

/// A role with a policy: its name, the actions of the policy, the others who have the policy, and the use of
/// services.
struct Part {
    role: &'static str,
    actions: &'static [&'static str],
    others: &'static [&'static str],
    used: &'static [Used],
}

/// One that does not use two services of its policy; one that uses all of its own; one whose policy another
/// has, too.
const PARTS: &[Part] = &[
    Part {
        role: "tile-renderer",
        actions: &["s3:GetObject", "s3:PutObject", "s3:ListBucket", "sqs:*", "sns:Publish", "iam:PassRole"],
        others: &[],
        used: &[("s3", Some(1), Some("ListBucket")), ("sqs", Some(200), None), ("sns", None, None)],
    },
    Part {
        role: "map-importer",
        actions: &["s3:GetObject", "sqs:ReceiveMessage", "iam:PassRole"],
        others: &[],
        used: &[("s3", Some(2), None), ("sqs", Some(30), None)],
    },
    Part {
        role: "lab-batch",
        actions: &["batch:*", "s3:GetObject"],
        others: &["user/lab-importer"],
        used: &[("batch", None, None), ("s3", Some(3), None)],
    },
];

pub(super) fn furnish(company: &mut Inventory, now: Timestamp) {
    for part in PARTS {
        let arn = company.owner.role(part.role).to_string();
        let policy = format!("arn:aws:iam::{ACCOUNT}:policy/{}", part.role);
        role(company, part, &policy, now);
        versions(company, part, &policy, now);
        uses(company, &arn, part.used, now);
    }
    // The delivery role of the lab, which has an inline policy.
    let delivery = company.owner.role("lab-flow-logs").to_string();
    uses(company, &delivery, &[("logs", Some(1), None)], now);
}

fn days_before(now: Timestamp, days: i64) -> Fact<Timestamp> {
    hours_before(now, 24 * days).map_or(Fact::Absent, Fact::Known)
}

fn role(company: &mut Inventory, part: &Part, policy: &str, now: Timestamp) {
    let role = Role {
        id: part.role.to_owned(),
        arn: company.owner.role(part.role).to_string(),
        created: days_before(now, 500),
        trust_policy: json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
            "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" }]}),
        inline_policies: Fact::Known([].into()),
        attached_policies: Fact::Known(vec![policy.to_owned()]),
        permissions_boundary: None,
        tags: tags(&[("Team", "maps")]),
    };
    company.roles.put(role.id.clone(), role);
}

/// Adds a policy of two versions, of which the later one is in force.
fn versions(company: &mut Inventory, part: &Part, arn: &str, now: Timestamp) {
    let first = document(&part.actions[..1]);
    let document = document(part.actions);
    let version = |document: &Value, days: i64| PolicyVersion {
        created: days_before(now, days),
        document: document.clone(),
    };
    let versions =
        BTreeMap::from([("v1".to_owned(), version(&first, 500)), ("v2".to_owned(), version(&document, 400))]);
    let mut holders = vec![format!("role/{}", part.role)];
    holders.extend(part.others.iter().map(|other| (*other).to_owned()));
    let policy = PolicyVersions {
        id: arn.to_owned(),
        default_version: "v2".to_owned(),
        document: document.clone(),
        names: versions.keys().cloned().collect(),
        versions,
        holders,
        tags: tags(&[("Team", "maps")]),
    };
    company.policy_versions.put(arn, policy);
    company.managed_policies.put(arn, ManagedPolicy { id: arn.to_owned(), document });
}

fn document(actions: &[&str]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Work", "Effect": "Allow", "Action": actions, "Resource": "*" },
        { "Sid": "NeverHere", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*" },
    ]})
}

fn uses(company: &mut Inventory, arn: &str, used: &[Used], now: Timestamp) {
    let service = |(name, days, action): &Used| {
        let last_used = days.map_or(Fact::Absent, |days| days_before(now, days));
        let action = action.and_then(|action| Some((action.to_owned(), *last_used.known()?)));
        ((*name).to_owned(), ServiceUse { last_used, actions: action.into_iter().collect() })
    };
    let services = used.iter().map(service).collect();
    for (name, _, action) in used {
        // The twin decides by the policies when it is asked; what is here is its answer.
        if let Some(action) = action {
            let id = Simulation::of(arn, &format!("{name}:{action}"));
            let simulation = Simulation { id: id.clone(), decision: Simulation::ALLOWED.to_owned() };
            company.simulations.put(id, simulation);
        }
    }
    company.role_uses.put(arn, RoleUse { id: arn.to_owned(), services });
}
