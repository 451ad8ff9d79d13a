//! What redress knows of a kind of thing beside the facts: how it is named, addressed, read and compared. Each kind says it
//! once, at its record ([`super::Record::ABOUT`]); permissions, denials, prefixes, limits and exports follow from it. Nothing
//! here reads.

use super::permissions::{Reading, When};
use crate::resource::{Kind, Owner};

/// The description of a kind of thing.
#[derive(Debug)]
pub struct About {
    /// The IAM actions that reading it takes.
    pub reads: &'static [Reading],
    /// The kind of resource that findings and playbooks name it by, where they do.
    pub kind: Option<Kind>,
    /// Whether it is kept under its ARN instead of its id.
    pub by_arn: bool,
    /// The letters before the dash of its ids (`vol`), where ids alone say what they name.
    pub id_prefix: Option<&'static str>,
    /// The word for it in ARNs of EC2 (`volume`), which is also its `ResourceType` in tag specifications.
    pub arn_type: Option<&'static str>,
    /// The ARNs of one of them and of any of them, for policies.
    pub arn: Arn,
    /// The code of the error that says that there is none with an id.
    pub not_found: &'static str,
    /// Whether runs put their tags on things of this kind.
    pub tagged_by_runs: bool,
    /// Filters of which a thing has one value only, so that another value picks other things.
    pub single: &'static [&'static str],
    /// The member, as a JSON pointer, that holds AWS's reason for the state of a thing.
    pub reason: Option<&'static str>,
    /// The likely reason, as the end of a sentence, when a thing that AWS has confirmed vanishes by itself.
    pub vanishes: Option<&'static str>,
    /// How it is asked for by a client that has nothing but AWS's own operations.
    pub asked: Option<Asked>,
    /// Whether AWS changes its things by itself, so that two states of an account may differ in them.
    pub moves_by_itself: bool,
}

/// ARNs without `arn:` and the partition, with `{account}` and `{id}` in them.
#[derive(Debug)]
pub struct Arn {
    /// Those of one thing; none where only any of them can be named.
    pub one: &'static [&'static str],
    /// That of any thing; nothing where IAM has none.
    pub any: &'static str,
}

impl Arn {
    /// Writes a form out: the ARN of the thing with this id in a region, or in any where that is `*`.
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
    /// Where in the answer the thing stands.
    pub at: &'static str,
    /// Members of the facts, as JSON pointers, and the members of the answer that hold them.
    pub members: &'static [(&'static str, &'static str)],
}

impl Asked {
    /// A describe operation, the filter that picks by id, where the thing stands in its answer, and members there.
    pub const fn of(operation: &'static str, id: &'static str, at: &'static str, members: &'static [(&'static str, &'static str)]) -> Self {
        Self { operation, filters: "Filters", id, at, members }
    }
}

impl About {
    /// A kind that is read by these actions, and of which there is nothing else to say.
    pub const fn read_by(reads: &'static [Reading]) -> Self {
        Self {
            reads,
            kind: None,
            by_arn: false,
            id_prefix: None,
            arn_type: None,
            arn: Arn { one: &[], any: "" },
            not_found: "",
            tagged_by_runs: false,
            single: &[],
            reason: None,
            vanishes: None,
            asked: None,
            moves_by_itself: false,
        }
    }

    /// A kind of EC2's: the letters of its ids, its word in ARNs, and the error that says that there is none.
    pub const fn of_ec2(reads: &'static [Reading], id_prefix: &'static str, arn_type: &'static str, not_found: &'static str) -> Self {
        Self { id_prefix: Some(id_prefix), arn_type: Some(arn_type), not_found, ..Self::read_by(reads) }
    }

    /// The IAM action that AWS names when the whole reading is denied.
    pub fn denied(&self) -> &'static str {
        let always = self.reads.iter().find(|reading| reading.when == When::Always);
        always.or(self.reads.last()).map_or("", |reading| reading.action)
    }
}
