//! The description of a kind of resource beside its facts: how it is named, addressed, read and compared.
//! Each kind states it once, at its record ([`super::Record::ABOUT`]); permissions, denials, prefixes, limits
//! and exports follow from it. Nothing here reads.

use super::permissions::{Reading, When};
use crate::resource::{Kind, Owner};

/// The description of a kind of resource.
#[derive(Debug)]
pub struct About {
    /// The IAM actions that are needed to read it.
    pub reads: &'static [Reading],
    /// The kind of resource under which findings and playbooks name it, where they do.
    pub kind: Option<Kind>,
    /// `true` if it is kept under its ARN instead of its id.
    pub by_arn: bool,
    /// The letters before the dash of its ids (`vol`), where an id alone identifies the kind.
    pub id_prefix: Option<&'static str>,
    /// The word for it in ARNs of EC2 (`volume`), which is also its `ResourceType` in tag specifications.
    pub arn_type: Option<&'static str>,
    /// The ARNs of one of them and of any of them, for policies.
    pub arn: Arn,
    /// `true` if resources of other accounts are read too: the organization's trail, a key of a central
    /// account.
    pub of_others: bool,
    /// The error code for an id that does not exist.
    pub not_found: &'static str,
    /// `true` if runs tag resources of this kind.
    pub tagged_by_runs: bool,
    /// Filters of which a resource has one value only, so that another value picks other resources.
    pub single: &'static [&'static str],
    /// The member, as a JSON pointer, that holds AWS's reason for the state of a resource.
    pub reason: Option<&'static str>,
    /// The likely reason, as the end of a sentence, when a resource that AWS has confirmed vanishes by
    /// itself.
    pub vanishes: Option<&'static str>,
    /// The describe operation for a client that has nothing but AWS's own operations.
    pub asked: Option<Asked>,
    /// Members, as JSON pointers, that a setting of the account may override, each with the member that names
    /// that setting: what is shown is then not what was set.
    pub overridden: &'static [(&'static str, &'static str)],
    /// `true` if AWS changes such resources by itself, so that two states of an account may differ in them.
    pub moves_by_itself: bool,
}

/// ARNs without `arn:` and the partition, with `{account}` and `{id}` in them.
#[derive(Debug)]
pub struct Arn {
    /// The ARNs of one resource; empty where only any of them can be named.
    pub one: &'static [&'static str],
    /// The ARN of any resource; empty where IAM has none.
    pub any: &'static str,
}

impl Arn {
    /// Expands an ARN template: for the resource with this id in a region, or in any region for `*`.
    pub fn written(form: &str, owner: &Owner, region: &str, id: &str) -> String {
        let form = form.replacen(":*:", &format!(":{region}:"), 1);
        format!("arn:{}:{}", owner.partition, form.replace("{account}", &owner.account).replace("{id}", id))
    }
}

/// A describe operation of EC2 that takes filters.
#[derive(Debug)]
pub struct Asked {
    /// `DescribeVolumes`
    pub operation: &'static str,
    /// The member of its input that holds the filters.
    pub filters: &'static str,
    /// The filter that picks by id.
    pub id: &'static str,
    /// The path to the resource in the answer.
    pub at: &'static str,
    /// Members of the facts, as JSON pointers, and the members of the answer that hold them.
    pub members: &'static [(&'static str, &'static str)],
    /// The member of the resource in the answer that holds its tags.
    pub tags: &'static str,
    /// `true` if an account may have set that AWS leaves out what its services manage, unless asked
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>).
    pub hides_managed: bool,
}

impl Asked {
    /// Creates the description of an operation with the member `Filters`: the filter that picks by id, the
    /// path to the resource in its answer, and members there.
    pub const fn of(
        operation: &'static str,
        id: &'static str,
        at: &'static str,
        members: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { operation, filters: "Filters", id, at, members, tags: "Tags", hides_managed: false }
    }
}

impl About {
    /// Creates a kind that is read by these actions and has no other properties.
    pub const fn read_by(reads: &'static [Reading]) -> Self {
        Self {
            reads,
            kind: None,
            by_arn: false,
            id_prefix: None,
            arn_type: None,
            arn: Arn { one: &[], any: "" },
            of_others: false,
            not_found: "",
            tagged_by_runs: false,
            single: &[],
            reason: None,
            vanishes: None,
            asked: None,
            overridden: &[],
            moves_by_itself: false,
        }
    }

    /// Creates a kind of EC2's: the prefix of its ids, its resource type in ARNs, and the error code for an
    /// id that does not exist.
    pub const fn of_ec2(
        reads: &'static [Reading],
        id_prefix: &'static str,
        arn_type: &'static str,
        not_found: &'static str,
    ) -> Self {
        Self { id_prefix: Some(id_prefix), arn_type: Some(arn_type), not_found, ..Self::read_by(reads) }
    }

    /// Returns the IAM action that AWS names when the whole reading is denied.
    pub fn denied(&self) -> &'static str {
        let always = self.reads.iter().find(|reading| reading.when == When::Always);
        always.or(self.reads.last()).map_or("", |reading| reading.action)
    }
}
