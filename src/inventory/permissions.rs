//! The form in which IAM actions are declared that are needed to read a kind of resource; the actions
//! themselves are at its record. Names are those of AWS's service authorization reference
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/>), which for S3 are not those of the
//! operations. Nothing here reads.

/// The condition under which a reading of a kind needs an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// Always.
    Always,
    /// Only if a resource is read by its id.
    ById,
    /// Only if resources are listed, and not read by their ids.
    Listed,
    /// Only if a fact that was read before requires it; the text states the condition.
    Fact(&'static str),
}

/// One IAM action of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    /// `ec2:DescribeVolumes`
    pub action: &'static str,
    /// The condition under which it is needed.
    pub when: When,
    /// The resources to which IAM can restrict it.
    pub on: On,
}

/// The resources to which IAM can restrict an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// None: it must be allowed on `*`.
    All,
    /// The resource that is read.
    Thing,
    /// Any resource of the kind: the id of the resource that is read does not name the one that IAM is asked
    /// about.
    Any,
    /// Those of the resources that are read whose ids begin so, under an ARN of their own, without `arn:` and
    /// the partition.
    Only {
        /// `snap-`
        id_prefix: &'static str,
        /// The ARN with `{id}` in it.
        arn: &'static str,
    },
}

/// Returns an action that is always needed, on `*`.
pub(super) const fn on_all(action: &'static str) -> Reading {
    Reading { action, when: When::Always, on: On::All }
}

/// Returns an action that is always needed, on the resource that is read.
pub(super) const fn on_one(action: &'static str) -> Reading {
    Reading { action, when: When::Always, on: On::Thing }
}
