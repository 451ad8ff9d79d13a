//! From the name that a source uses to the resource: ARNs, bare ids, and the stand-ins that tools write where
//! there is no resource. Every part is checked against its own alphabet before it becomes a `ResourceId`;
//! nothing is guessed.

use super::text;
use crate::{
    inventory::FamilyKind,
    resource::{Kind, Owner, ResourceId},
};

/// The meaning of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A resource.
    Resource(ResourceId),
    /// The account as a whole, or a stand-in for everything of a kind in it.
    Account(Owner),
    /// Neither, for this reason.
    Unresolved(String),
}

/// A name as a source writes it, with its context in the source.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw<'a> {
    /// ARN, id, name or stand-in.
    pub id: &'a str,
    /// `AwsEc2Vpc`, `AWS::EC2::VPC`, or nothing.
    pub kind: &'a str,
    /// The account that the source names.
    pub account: &'a str,
    /// The region that the source names.
    pub region: &'a str,
    /// The partition, where the source names it.
    pub partition: &'a str,
}

/// Returns EC2's kinds that findings name: the word in ARNs, and the prefix of ids.
fn ec2_kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = FamilyKind::ALL.iter().map(|family| family.about()).filter(|about| about.kind.is_some());
    named.filter_map(|about| Some((about.arn_type?, about.id_prefix?)))
}

pub(super) const PARTITIONS: &[&str] =
    &["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];

impl Raw<'_> {
    fn owner(&self) -> Option<Owner> {
        let partition =
            if self.partition.is_empty() { text::partition_of(self.region) } else { self.partition };
        let good = text::is_account(self.account) && PARTITIONS.contains(&partition);
        good.then(|| Owner { partition: partition.to_owned(), account: self.account.to_owned() })
    }

    /// Resolves the name.
    pub fn resolve(&self) -> Named {
        if self.id.starts_with("arn:") {
            return arn(self);
        }
        // Security Hub's name of an access key; `null` for one of a role.
        if let Some(key) = self.id.strip_prefix("AWS::IAM::AccessKey:") {
            return match text::is_access_key_id(key) {
                true => Raw { id: key, ..*self }.resolve(),
                false => Named::Unresolved("it names no access key of a user".to_owned()),
            };
        }
        let Some(owner) = self.owner() else {
            return Named::Unresolved("its account is missing, or is not an account id".to_owned());
        };
        if let Some(account) = self.id.strip_prefix("AWS::::Account:") {
            return if text::is_account(account) {
                Named::Account(Owner { account: account.to_owned(), ..owner })
            } else {
                unresolved(self.id)
            };
        }
        if let Some((kind, _)) = ec2_kinds().find(|(_, prefix)| text::is_ec2_id(self.id, prefix)) {
            return match text::is_region(self.region) {
                true => Named::Resource(owner.ec2(self.region, kind, self.id)),
                false => Named::Unresolved(format!("{} is given without its region", self.id)),
            };
        }
        let trail = matches!(self.kind, "AwsCloudTrailTrail" | "AWS::CloudTrail::Trail");
        let key = matches!(self.kind, "AwsKmsKey" | "AWS::KMS::Key");
        let user = matches!(self.kind, "AwsIamUser" | "AWS::IAM::User");
        match self.id {
            id if text::is_account(id) => Named::Account(Owner { account: id.to_owned(), ..owner }),
            "" | "No trails" | "password_policy" | "account" => Named::Account(owner),
            id if text::is_access_key_id(id) => Named::Resource(owner.access_key(id)),
            id if text::is_user_id(id) => Named::Resource(owner.user(id)),
            name if user && text::is_user_name(name) => Named::Resource(owner.user(name)),
            id if key && text::is_key_id(id) && text::is_region(self.region) => {
                Named::Resource(owner.key(self.region, id))
            }
            name if trail && text::is_trail_name(name) && text::is_region(self.region) => {
                Named::Resource(owner.trail(self.region, name))
            }
            other => unresolved(other),
        }
    }
}

fn unresolved(id: &str) -> Named {
    Named::Unresolved(format!("{:?} is no resource that is known", text::short(id)))
}

fn arn(raw: &Raw<'_>) -> Named {
    let parts: Vec<&str> = raw.id.splitn(6, ':').collect();
    let [_, partition, service, region, account, rest] = parts[..] else { return unresolved(raw.id) };
    let account = if account.is_empty() { raw.account } else { account };
    // AWS's own resources have `aws` as their account, buckets have none.
    let placed = PARTITIONS.contains(&partition)
        && (region.is_empty() || text::is_region(region))
        && text::is_account(account);
    if !placed {
        return unresolved(raw.id);
    }
    let owner = Owner { partition: partition.to_owned(), account: account.to_owned() };
    let region = if region.is_empty() { raw.region } else { region };
    let (kind, id) = rest.split_once('/').unwrap_or((rest, ""));
    match service {
        "ec2" => ec2(raw, owner, region, kind, id),
        "cloudtrail" if kind == "trail" && id.is_empty() => Named::Account(owner),
        "cloudtrail" if kind == "trail" && text::is_trail_name(id) && text::is_region(region) => {
            Named::Resource(owner.trail(region, id))
        }
        "iam" if rest == "root" || rest == "password-policy" => Named::Account(owner),
        "cloudtrail" => unresolved(raw.id),
        // The name of a user is unique in the account, so that its path names nothing more.
        "iam" if kind == "user" => match id.rsplit('/').next() {
            Some(name) if text::is_user_name(name) => Named::Resource(owner.user(name)),
            _ => unresolved(raw.id),
        },
        "iam" if kind == "access-key" && text::is_access_key_id(id) => Named::Resource(owner.access_key(id)),
        "kms" if kind == "key" && text::is_key_id(id) && text::is_region(region) => {
            Named::Resource(owner.key(region, id))
        }
        "elasticloadbalancing" if text::is_region(region) && text::is_balancing_id(kind, id) => {
            ResourceId::try_from(raw.id.to_owned()).map_or_else(|_| unresolved(raw.id), Named::Resource)
        }
        _ => other(raw.id),
    }
}

fn ec2(raw: &Raw<'_>, owner: Owner, region: &str, kind: &str, id: &str) -> Named {
    match ec2_kinds().find(|(k, _)| *k == kind) {
        // `arn:aws:ec2:us-east-1:123456789012:volume` stands for all volumes; a bare id stands for itself.
        Some(_) if id.is_empty() => Named::Account(owner),
        Some((_, prefix)) if text::is_ec2_id(id, prefix) && text::is_region(region) => {
            Named::Resource(owner.ec2(region, kind, id))
        }
        Some(_) => unresolved(raw.id),
        None if id.is_empty() && kind == "account" => Named::Account(owner),
        None if id.is_empty() && kind.contains('-') => {
            Raw { id: kind, account: &owner.account, region, partition: &owner.partition, ..*raw }.resolve()
        }
        None => other(raw.id),
    }
}

/// Resolves a resource that no check of ours judges: it is only shown, but its ARN must be valid.
fn other(id: &str) -> Named {
    match ResourceId::try_from(id.to_owned()) {
        Ok(resource)
            if resource.kind() == Kind::Other || matches!(resource.service(), "iam" | "s3" | "logs") =>
        {
            Named::Resource(resource)
        }
        _ => unresolved(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(id: &str, kind: &str) -> Named {
        Raw { id, kind, account: "123456789012", region: "us-east-1", partition: "" }.resolve()
    }

    #[test]
    fn an_arn_and_a_bare_id_name_the_same_resource() {
        let whole = resolve(
            "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0123456789abcdef0",
            "AwsEc2SecurityGroup",
        );
        assert!(matches!(&whole, Named::Resource(r) if r.kind() == Kind::SecurityGroup));
        assert_eq!(resolve("sg-0123456789abcdef0", ""), whole);
        assert_eq!(resolve("arn:aws:ec2:us-east-1:123456789012:sg-0123456789abcdef0", ""), whole);
    }

    #[test]
    fn the_arn_says_what_it_is_and_not_the_declared_type() {
        let named =
            resolve("arn:aws:ec2:us-east-1:123456789012:snapshot/snap-0123456789abcdef0", "AwsEc2Volume");
        assert!(matches!(named, Named::Resource(r) if r.kind() == Kind::Snapshot));
    }

    #[test]
    fn stand_ins_are_the_account_and_never_a_resource() {
        for id in [
            "No trails",
            "password_policy",
            "AWS::::Account:123456789012",
            "arn:aws:ec2:us-east-1:123456789012:volume",
            "arn:aws:cloudtrail:us-east-1:123456789012:trail",
            "arn:aws:iam::123456789012:root",
        ] {
            assert!(
                matches!(resolve(id, "AwsCloudTrailTrail"), Named::Account(o) if o.account == "123456789012"),
                "{id}"
            );
        }
    }

    #[test]
    fn what_is_broken_or_foreign_to_its_alphabet_is_not_resolved() {
        for id in [
            "arn:aws::sts:..",
            "arn:aws:eu-west-1:acct:instance/i-12345678",
            "arn:aws:ec2:us-east-1:1234567890123:vpc/vpc-12345678",
            "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1234;rm",
            "arn:aws:ec2:../..:123456789012:vpc/vpc-12345678",
            "arn:evil:ec2:us-east-1:123456789012:vpc/vpc-12345678",
            "arn:aws:cloudtrail:us-east-1:123456789012:trail/a/../b",
            "--help",
            "sg-12345678 sg-87654321",
        ] {
            assert!(matches!(resolve(id, ""), Named::Unresolved(_)), "{id}");
        }
    }

    #[test]
    fn a_key_is_named_by_its_arn_and_where_the_source_says_that_it_is_a_key_by_its_id() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let whole = resolve(&format!("arn:aws:kms:us-east-1:123456789012:key/{id}"), "AwsKmsKey");
        assert!(matches!(&whole, Named::Resource(r) if r.kind() == Kind::Key && r.id() == id));
        assert_eq!(resolve(id, "AWS::KMS::Key"), whole);
        assert!(matches!(resolve(id, ""), Named::Unresolved(_)));
        assert!(matches!(resolve("mrk-1234abcd12ab34cd56ef1234567890ab", "AwsKmsKey"), Named::Resource(_)));
        assert!(matches!(
            resolve("arn:aws:kms:us-east-1:123456789012:key/../x", "AwsKmsKey"),
            Named::Unresolved(_)
        ));
        assert!(matches!(resolve("arn:aws:kms:us-east-1:123456789012:alias/x", "AwsKmsAlias"),
                Named::Resource(r) if r.kind() == Kind::Other));
    }

    #[test]
    fn a_user_and_an_access_key_are_named_in_many_ways_and_without_the_path() {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let key = Named::Resource(owner.access_key("AKIAIOSFODNN7EXAMPLE"));
        for id in [
            "AKIAIOSFODNN7EXAMPLE",
            "AWS::IAM::AccessKey:AKIAIOSFODNN7EXAMPLE",
            "arn:aws:iam::123456789012:access-key/AKIAIOSFODNN7EXAMPLE",
        ] {
            assert_eq!(resolve(id, "AwsIamAccessKey"), key, "{id}");
        }
        let user = Named::Resource(owner.user("bo"));
        for id in ["arn:aws:iam::123456789012:user/bo", "arn:aws:iam::123456789012:user/a/b/bo", "bo"] {
            assert_eq!(resolve(id, "AwsIamUser"), user, "{id}");
        }
        let by_id = Named::Resource(owner.user("AIDACKCEVSQ6C2EXAMPLE"));
        assert_eq!(resolve("AIDACKCEVSQ6C2EXAMPLE", "AWS::IAM::User"), by_id);
        for id in
            ["AWS::IAM::AccessKey:null", "AKIA", "arn:aws:iam::123456789012:user/b;o", "ASIAIOSFODNN7EXAMPLE"]
        {
            assert!(matches!(resolve(id, ""), Named::Unresolved(_)), "{id}");
        }
        assert!(matches!(resolve("bo", ""), Named::Unresolved(_)), "a bare name may be anything");
    }

    #[test]
    fn a_bare_trail_is_one_only_where_the_source_says_that_it_is_a_trail() {
        assert!(matches!(resolve("audit", "AwsCloudTrailTrail"), Named::Resource(r) if r.id() == "audit"));
        assert!(matches!(resolve("audit", "AwsS3Bucket"), Named::Unresolved(_)));
    }
}
