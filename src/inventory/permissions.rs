//! How the IAM actions are written down that reading a kind of thing takes; which they are stands at its record. Names are those
//! of AWS's service authorization reference (<https://docs.aws.amazon.com/service-authorization/latest/reference/>), which for S3
//! are not those of the operations. Nothing here reads.

/// When a reading of a kind takes an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// Always.
    Always,
    /// When a thing is read by its id.
    ById,
    /// When things are listed, and not read by their ids.
    Listed,
    /// When what was read before asks for it; the text says what.
    Fact(&'static str),
}

/// One IAM action of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    /// `ec2:DescribeVolumes`
    pub action: &'static str,
    /// When it is taken.
    pub when: When,
    /// What IAM lets it be scoped to.
    pub on: On,
}

/// What IAM lets an action be scoped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// Nothing: it stands on `*`.
    All,
    /// The thing that is read.
    Thing,
    /// Those of the things that are read whose ids begin so, under an ARN of their own, without `arn:` and the partition.
    Only {
        /// `snap-`
        id_prefix: &'static str,
        /// With `{id}` in it.
        arn: &'static str,
    },
}

/// An action that is always taken, on `*`.
pub(super) const fn on_all(action: &'static str) -> Reading {
    Reading { action, when: When::Always, on: On::All }
}

/// An action that is always taken, on the thing that is read.
pub(super) const fn on_one(action: &'static str) -> Reading {
    Reading { action, when: When::Always, on: On::Thing }
}
