//! The IAM actions of one call, with the resources and conditions to which IAM can bind them. The actions
//! that a call can need and the things that it names are listed at its operation (`services`); this file
//! makes ARNs and conditions from them. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Grant, Used};
use crate::{
    calls::{Call, Spec, find},
    inventory::{FamilyKind, about::Arn, tag},
    resource::Owner,
    services::spec::{Also, When},
};

/// Returns the grants that a call needs. `used` states how the call itself comes to be made.
pub fn of_call(call: &Call, owner: &Owner, used: Used) -> Vec<Grant> {
    let Some(spec) = find(&call.service, &call.operation) else { return Vec::new() };
    let place = Place { call, owner, spec };
    let within = if used == Used::Called { Used::Within } else { used };
    let mut all: Vec<Grant> = place
        .own()
        .into_iter()
        .map(|(resources, condition)| Grant { action: spec.action(), resources, condition, used })
        .collect();
    for also in spec.permissions.iter().filter(|also| place.takes(also)) {
        let (resources, condition) = place.within(also.action);
        all.push(Grant { action: also.action.to_owned(), resources, condition, used: within });
    }
    all
}

/// Returns the grants for the keys of an instance's encrypted disks that a call needs to start it.
pub(super) fn of_disks(call: &Call, owner: &Owner, keys: &BTreeSet<String>, used: Used) -> Vec<Grant> {
    let Some(spec) = find(&call.service, &call.operation) else { return Vec::new() };
    let (place, used) = (Place { call, owner, spec }, if used == Used::Called { Used::Within } else { used });
    let one = |also: &Also| Grant {
        action: also.action.to_owned(),
        resources: keys.clone(),
        condition: place.within(also.action).1,
        used,
    };
    spec.permissions.iter().filter(|also| also.when == When::OfDisks).map(one).collect()
}

/// Returns the grants that an operation needs on any resource, with all its further actions.
pub(super) fn of_any(call: &Call, owner: &Owner) -> Vec<Grant> {
    let Some(spec) = find(&call.service, &call.operation) else { return Vec::new() };
    let place = Place { call, owner, spec };
    let one = |action: String, condition: Value| Grant {
        action,
        resources: BTreeSet::from(["*".to_owned()]),
        condition,
        used: Used::Called,
    };
    let own = if spec.only_own { made_by_redress() } else { json!({}) };
    let mut all = vec![one(spec.action(), own)];
    all.extend(spec.permissions.iter().map(|also| one(also.action.to_owned(), place.within(also.action).1)));
    all
}

/// Resources with the condition under which they are meant.
type Bound = (BTreeSet<String>, Value);

/// A call and the account in which it is made.
struct Place<'a> {
    call: &'a Call,
    owner: &'a Owner,
    spec: &'a Spec,
}

/// Returns the condition for resources that redress made: only they carry this tag.
fn made_by_redress() -> Value {
    json!({ "StringLike": { (format!("aws:ResourceTag/{}", tag::RUN)): "*" } })
}

fn on(resources: impl IntoIterator<Item = String>) -> Bound {
    (resources.into_iter().collect(), json!({}))
}

impl Place<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.call.input.get(name).and_then(Value::as_str)
    }

    /// Returns whether the call needs an action with the input that it has.
    fn takes(&self, also: &Also) -> bool {
        match also.when {
            When::Always => true,
            When::Given(member) => self.call.input.get(member).is_some(),
            When::Is(member, value) => self.text(member) == Some(value),
            // The input does not name the disks.
            When::OfDisks => false,
        }
    }

    /// Returns the resources and the condition of an action that AWS requires within the call.
    fn within(&self, action: &str) -> Bound {
        let region = &self.call.region;
        match action {
            "ec2:CreateTags" => {
                (self.made(), json!({ "StringEquals": { "ec2:CreateAction": self.call.operation } }))
            }
            "iam:PassRole" => {
                let role = self.text("DeliverLogsPermissionArn").map_or_else(
                    || format!("arn:{}:iam::{}:role/*", self.owner.partition, self.owner.account),
                    str::to_owned,
                );
                (
                    BTreeSet::from([role]),
                    json!({ "StringEquals": { "iam:PassedToService": "vpc-flow-logs.amazonaws.com" } }),
                )
            }
            "kms:CreateGrant" => (
                self.key(),
                json!({ "Bool": { "kms:GrantIsForAWSResource": "true" },
                    "StringLike": { "kms:ViaService": format!("ec2.{region}.amazonaws.com") } }),
            ),
            _ if action.starts_with("kms:") => (
                self.key(),
                json!({ "StringLike": { "kms:ViaService": format!("ec2.{region}.amazonaws.com") } }),
            ),
            "logs:TagResource"
            | "iam:TagRole"
            | "cloudtrail:AddTags"
            | "s3:PutBucketOwnershipControls"
            | "elasticloadbalancing:SetWebAcl"
            | "elasticloadbalancing:CreateWebACLAssociation"
            | "elasticloadbalancing:DeleteWebACLAssociation" => on(self
                .spec
                .names
                .iter()
                .flat_map(|names| self.named(names.at, names.family))
                .flat_map(|(resources, _)| resources)),
            _ => on(["*".to_owned()]),
        }
    }

    fn key(&self) -> BTreeSet<String> {
        let any =
            || format!("arn:{}:kms:{}:{}:key/*", self.owner.partition, self.call.region, self.owner.account);
        BTreeSet::from([self
            .text("KmsKeyId")
            .filter(|k| k.starts_with("arn:"))
            .map_or_else(any, str::to_owned)])
    }

    /// Returns the ARNs by which IAM knows a thing of a kind, or any of that kind where the id is `*`.
    fn arns(&self, family: FamilyKind, id: &str) -> Vec<String> {
        let about = family.about();
        if id.starts_with("arn:") {
            return vec![id.to_owned()];
        }
        if let Some(kind) = about.arn_type {
            // The ARN of a snapshot or an image contains no account.
            let public = [FamilyKind::Snapshots, FamilyKind::Images].contains(&family);
            let account = if public { "" } else { &self.owner.account };
            return vec![format!(
                "arn:{}:ec2:{}:{account}:{kind}/{id}",
                self.owner.partition, self.call.region
            )];
        }
        let whole = |form: &str| Arn::written(form, self.owner, &self.call.region, id);
        match about.arn.one {
            [] => vec![whole(
                &about
                    .arn
                    .any
                    .strip_suffix('*')
                    .map_or_else(|| about.arn.any.to_owned(), |any| format!("{any}{{id}}")),
            )],
            one => one.iter().map(|form| whole(form)).collect(),
        }
    }

    /// Returns the ARNs of the things that the call makes, whose ids are not known yet.
    fn made(&self) -> BTreeSet<String> {
        self.spec.makes.into_iter().flat_map(|family| self.arns(family, "*")).collect()
    }

    /// Returns the resources of the call's own action: things in the input by their ARNs, things that the run
    /// makes by redress's tag.
    fn own(&self) -> Vec<Bound> {
        let mut all: Vec<Bound> = self
            .spec
            .names
            .iter()
            .filter(|names| names.bound)
            .flat_map(|names| self.named(names.at, names.family))
            .collect();
        if self.spec.only_own {
            all.iter_mut().for_each(|(_, condition)| *condition = made_by_redress());
        }
        all.extend(self.spec.asks.iter().map(|family| on(self.arns(*family, "*"))));
        all.extend(self.spec.makes.map(|_| on(self.made())));
        // Settings of the account are not resources in IAM.
        if all.is_empty() && self.spec.names.is_empty() { vec![on(["*".to_owned()])] } else { all }
    }

    /// Returns the resources at a member: literal ids by their ARNs, references as things that redress made.
    fn named(&self, at: &str, family: Option<FamilyKind>) -> Vec<Bound> {
        let Some(family) = family else { return self.tagged(at) };
        let literal = |value: &Value| value.as_str().map(|id| self.arns(family, id));
        let any = || (self.arns(family, "*").into_iter().collect(), made_by_redress());
        match self.call.input.pointer(at) {
            // A policy for future calls: any of the kind.
            None => vec![on(self.arns(family, "*"))],
            Some(Value::Array(items)) => {
                let ids: BTreeSet<String> = items.iter().filter_map(literal).flatten().collect();
                let referred = items.iter().any(|value| !value.is_string()).then(any);
                referred.into_iter().chain((!ids.is_empty()).then(|| on(ids))).collect()
            }
            Some(value) => vec![literal(value).map_or_else(any, on)],
        }
    }

    /// Returns the things that are tagged: only with the keys that the call has.
    fn tagged(&self, at: &str) -> Vec<Bound> {
        let keys: BTreeSet<&str> = self
            .call
            .input
            .get("Tags")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|t| t.get("Key")?.as_str())
            .collect();
        let only = json!({ "ForAllValues:StringEquals": { "aws:TagKeys": keys } });
        let ids = self.call.input.pointer(at).and_then(Value::as_array).into_iter().flatten();
        let arn = |id: &Value| {
            let id = id.as_str().unwrap_or_default();
            // A thing that a step before it has yet to make is a copy of a disk.
            let copies = || {
                [FamilyKind::Volumes, FamilyKind::Snapshots]
                    .into_iter()
                    .flat_map(|family| self.arns(family, "*"))
                    .collect()
            };
            FamilyKind::of_id(id).map_or_else(copies, |family| self.arns(family, id))
        };
        vec![(ids.flat_map(arn).collect(), only)]
    }
}
