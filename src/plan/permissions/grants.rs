//! The IAM actions of one call, with the resources and conditions to which IAM can bind them. Which actions a call can
//! take stands in its [`Spec`]; here stands when it takes them and on what. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Grant, Used};
use crate::{
    calls::{Call, find},
    inventory::{FamilyKind, tag},
    resource::Owner,
};

/// What a call takes. `used` is how the call itself comes to be made.
pub fn of_call(call: &Call, owner: &Owner, used: Used) -> Vec<Grant> {
    let Some(spec) = find(&call.service, &call.operation) else { return Vec::new() };
    let place = Place { call, owner };
    let within = if used == Used::Called { Used::Within } else { used };
    let mut all: Vec<Grant> = place.own().into_iter().map(|(resources, condition)| Grant { action: spec.action(), resources, condition, used }).collect();
    for action in spec.permissions.iter().filter(|action| place.takes(action)) {
        let (resources, condition) = place.within(action);
        all.push(Grant { action: (*action).to_owned(), resources, condition, used: within });
    }
    all
}

/// What bringing an instance up takes of the keys of its encrypted disks, within the call.
pub(super) fn of_disks(call: &Call, owner: &Owner, keys: &BTreeSet<String>, used: Used) -> Vec<Grant> {
    let Some(spec) = find(&call.service, &call.operation) else { return Vec::new() };
    let (place, used) = (Place { call, owner }, if used == Used::Called { Used::Within } else { used });
    let one = |action: &&str| Grant { action: (*action).to_owned(), resources: keys.clone(), condition: place.within(action).1, used };
    spec.permissions.iter().filter(|action| action.starts_with("kms:")).map(one).collect()
}

/// What an operation takes on any resource, with all that it can take.
pub(super) fn of_any(call: &Call, owner: &Owner) -> Vec<Grant> {
    let Some(spec) = find(&call.service, &call.operation) else { return Vec::new() };
    let place = Place { call, owner };
    let one = |action: String, condition: Value| Grant { action, resources: BTreeSet::from(["*".to_owned()]), condition, used: Used::Called };
    let own = if matches!(call.operation.as_str(), "DeleteVolume" | "DeleteSnapshot" | "DeleteFlowLogs") { made_by_redress() } else { json!({}) };
    let mut all = vec![one(spec.action(), own)];
    all.extend(spec.permissions.iter().map(|action| one((*action).to_owned(), place.within(action).1)));
    all
}

/// Resources with the condition under which they are meant.
type Bound = (BTreeSet<String>, Value);

/// A call and the account that it is made in.
struct Place<'a> {
    call: &'a Call,
    owner: &'a Owner,
}

/// Only what redress made carries this tag.
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

    /// Whether the call takes this action with the input that it has.
    fn takes(&self, action: &str) -> bool {
        let has = |name: &str| self.call.input.get(name).is_some();
        match action {
            "ec2:CreateTags" => has("TagSpecifications"),
            "logs:TagResource" => has("tags"),
            "iam:TagRole" => has("Tags"),
            "cloudtrail:AddTags" => has("TagsList"),
            "iam:PassRole" => has("DeliverLogsPermissionArn"),
            // AWS delivers to CloudWatch Logs through the role alone.
            "logs:CreateLogDelivery" => self.text("LogDestinationType") == Some("s3"),
            "s3:PutBucketOwnershipControls" => has("ObjectOwnership"),
            _ if action.starts_with("kms:") => has("KmsKeyId"),
            _ => true,
        }
    }

    /// What an action is bound to that AWS asks for within the call.
    fn within(&self, action: &str) -> Bound {
        let region = &self.call.region;
        match action {
            "ec2:CreateTags" => (self.made(), json!({ "StringEquals": { "ec2:CreateAction": self.call.operation } })),
            "iam:PassRole" => {
                let role = self
                    .text("DeliverLogsPermissionArn")
                    .map_or_else(|| format!("arn:{}:iam::{}:role/*", self.owner.partition, self.owner.account), str::to_owned);
                (BTreeSet::from([role]), json!({ "StringEquals": { "iam:PassedToService": "vpc-flow-logs.amazonaws.com" } }))
            }
            "kms:CreateGrant" => (
                self.key(),
                json!({ "Bool": { "kms:GrantIsForAWSResource": "true" }, "StringLike": { "kms:ViaService": format!("ec2.{region}.amazonaws.com") } }),
            ),
            _ if action.starts_with("kms:") => (self.key(), json!({ "StringLike": { "kms:ViaService": format!("ec2.{region}.amazonaws.com") } })),
            "logs:TagResource" => on(self.log_group()),
            "iam:TagRole" => on(self.role()),
            "cloudtrail:AddTags" => on(self.trail()),
            "s3:PutBucketOwnershipControls" => on(self.bucket()),
            _ => on(["*".to_owned()]),
        }
    }

    fn key(&self) -> BTreeSet<String> {
        let any = || format!("arn:{}:kms:{}:{}:key/*", self.owner.partition, self.call.region, self.owner.account);
        BTreeSet::from([self.text("KmsKeyId").filter(|k| k.starts_with("arn:")).map_or_else(any, str::to_owned)])
    }

    fn ec2(&self, kind: &str, id: &str) -> String {
        // Snapshots stand in the name of no account.
        let account = if kind == "snapshot" { "" } else { &self.owner.account };
        format!("arn:{}:ec2:{}:{account}:{kind}/{id}", self.owner.partition, self.call.region)
    }

    /// What the call makes, and so cannot be named yet.
    fn made(&self) -> BTreeSet<String> {
        let kind = match self.call.operation.as_str() {
            "AuthorizeSecurityGroupIngress" => "security-group-rule",
            "CreateFlowLogs" => "vpc-flow-log",
            "CreateVolume" => "volume",
            _ => "snapshot",
        };
        BTreeSet::from([self.ec2(kind, "*")])
    }

    /// The call's own action: what is named in the input stands by its ARN, what the run makes by redress's tag.
    fn own(&self) -> Vec<Bound> {
        match self.call.service.as_str() {
            "ec2" => self.own_ec2(),
            "logs" => vec![on(self.log_group())],
            "iam" => vec![on(self.role())],
            "cloudtrail" => vec![on(self.trail())],
            _ => vec![on(self.bucket())],
        }
    }

    fn own_ec2(&self) -> Vec<Bound> {
        let with_made = |mut others: Vec<Bound>| {
            others.push((self.made(), json!({})));
            others
        };
        let instance = || self.named("instance", &["InstanceId", "InstanceIds"]);
        match self.call.operation.as_str() {
            "AuthorizeSecurityGroupIngress" => with_made(self.named("security-group", &["GroupId"])),
            // By the id of a rule too, IAM is asked about the group alone.
            "RevokeSecurityGroupIngress" => self.named("security-group", &["GroupId"]),
            "CreateFlowLogs" => with_made(self.named("vpc", &["ResourceIds"])),
            "DeleteFlowLogs" => self.named("vpc-flow-log", &["FlowLogIds"]).into_iter().map(|(r, _)| (r, made_by_redress())).collect(),
            "CreateSnapshot" => with_made(self.named("volume", &["VolumeId"])),
            "CreateSnapshots" => {
                let instance = self.call.input.pointer("/InstanceSpecification/InstanceId").and_then(Value::as_str).unwrap_or("*");
                with_made(vec![on([self.ec2("instance", instance), self.ec2("volume", "*")])])
            }
            // The snapshot that is copied and the one that is made are both asked about.
            "CopySnapshot" => with_made(Vec::new()),
            "DeleteSnapshot" => self.named("snapshot", &["SnapshotId"]).into_iter().map(|(r, _)| (r, made_by_redress())).collect(),
            "CreateVolume" => with_made(vec![on([self.ec2("snapshot", "*")])]),
            "DeleteVolume" => self.named("volume", &["VolumeId"]).into_iter().map(|(r, _)| (r, made_by_redress())).collect(),
            "RestoreSnapshotFromRecycleBin" => self.named("snapshot", &["SnapshotId"]),
            "RestoreVolumeFromRecycleBin" => self.named("volume", &["VolumeId"]),
            "AttachVolume" | "DetachVolume" => instance().into_iter().chain(self.named("volume", &["VolumeId"])).collect(),
            "ModifyInstanceAttribute" => instance().into_iter().chain([on([self.ec2("volume", "*")])]).collect(),
            "CreateTags" | "DeleteTags" => self.tagged(),
            _ => instance(),
        }
    }

    /// What stands under these members: literal ids by their ARNs, references as what redress made.
    fn named(&self, kind: &str, members: &[&str]) -> Vec<Bound> {
        let mut literal = BTreeSet::new();
        let mut referred = false;
        for value in members.iter().filter_map(|name| self.call.input.get(*name)) {
            match value {
                Value::String(id) => drop(literal.insert(self.ec2(kind, id))),
                Value::Array(items) => {
                    literal.extend(items.iter().filter_map(Value::as_str).map(|id| self.ec2(kind, id)));
                    referred |= items.iter().any(|v| !v.is_string());
                }
                _ => referred = true,
            }
        }
        let mut all = Vec::new();
        if referred {
            all.push((BTreeSet::from([self.ec2(kind, "*")]), made_by_redress()));
        }
        if !literal.is_empty() {
            all.push((literal, json!({})));
        }
        all
    }

    /// Tagging what is there: only with the keys that the call has.
    fn tagged(&self) -> Vec<Bound> {
        let keys: BTreeSet<&str> = self.call.input.get("Tags").and_then(Value::as_array).into_iter().flatten().filter_map(|t| t.get("Key")?.as_str()).collect();
        let only = json!({ "ForAllValues:StringEquals": { "aws:TagKeys": keys } });
        let ids = self.call.input.get("Resources").and_then(Value::as_array).cloned().unwrap_or_default();
        let arn = |id: &Value| {
            let id = id.as_str().unwrap_or_default();
            // What a step before it is yet to make is a copy of a disk.
            let made = || vec![self.ec2("volume", "*"), self.ec2("snapshot", "*")];
            FamilyKind::of_id(id).and_then(|kind| kind.about().arn_type).map_or_else(made, |word| vec![self.ec2(word, id)])
        };
        vec![(ids.iter().flat_map(arn).collect(), only)]
    }

    fn log_group(&self) -> Vec<String> {
        let name = self.text("logGroupName").unwrap_or("*");
        let arn = format!("arn:{}:logs:{}:{}:log-group:{name}", self.owner.partition, self.call.region, self.owner.account);
        // Some operations are asked about with the trailing form, some without.
        vec![format!("{arn}:*"), arn]
    }

    fn role(&self) -> Vec<String> {
        let path = self.text("Path").unwrap_or("/");
        vec![format!("arn:{}:iam::{}:role{path}{}", self.owner.partition, self.owner.account, self.text("RoleName").unwrap_or("*"))]
    }

    fn trail(&self) -> Vec<String> {
        match self.text("Name").unwrap_or("*") {
            arn if arn.starts_with("arn:") => vec![arn.to_owned()],
            name => vec![format!("arn:{}:cloudtrail:{}:{}:trail/{name}", self.owner.partition, self.call.region, self.owner.account)],
        }
    }

    fn bucket(&self) -> Vec<String> {
        vec![format!("arn:{}:s3:::{}", self.owner.partition, self.text("Bucket").unwrap_or("*"))]
    }
}
