//! The properties of an operation beside its input: its outputs, its repeatability, its risk, its effect on
//! the power state of a resource, its expected duration and its IAM actions.

use serde::{Deserialize, Serialize};

use crate::inventory::FamilyKind;

/// The possible cost of a change to those who use the account while it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Additive: nothing is disturbed.
    Safe,
    /// A possible cut of traffic, access or uptime.
    Disruptive,
    /// Impossible to undo.
    Irreversible,
}

impl Risk {
    /// Returns the word for people and documents.
    pub fn word(self) -> &'static str {
        match self {
            Risk::Safe => "safe",
            Risk::Disruptive => "disruptive",
            Risk::Irreversible => "irreversible",
        }
    }
}

/// The conditions under which a call may be repeated when the fate of the first one is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Safe by token: the input carries an idempotency token of AWS's; the same call returns the same
    /// resource.
    Token,
    /// Idempotent: doing it twice leaves the same state as doing it once.
    Harmless,
    /// Unsafe: a repeated call would create a second resource, so look first.
    LookFirst,
}

/// The effect of an operation on whether the resource that it names is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// No effect.
    Stays,
    /// The operation takes the resource down. It is called only after it was shown that the resource can come
    /// up again.
    TakesDown,
    /// The operation brings the resource up. Once it took effect, a change never rolls back by itself.
    BringsUp,
}

/// The expected duration of an operation and of the wait after it. AWS promises nothing; no outcome depends
/// on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A number of seconds.
    Seconds(u64),
    /// A pass over the data of a disk; if there was one before, only the blocks that have changed count.
    PassOverChanges,
    /// A pass over all data of a disk.
    Pass,
}

/// A member of an input that names a resource that the call acts on.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// The member, as a JSON pointer: one id, or a list of them.
    pub at: &'static str,
    /// The family of the named resources; `None` if the member takes ids of any kind.
    pub family: Option<FamilyKind>,
    /// `true` if IAM is asked about the named resources. It is not where any resource of the kind is asked
    /// about anyway.
    pub bound: bool,
    /// `true` if the named resources exist before the call.
    pub there: bool,
}

/// Builds the usual entry for a member that names resources of one family.
pub const fn names(at: &'static str, family: FamilyKind) -> Names {
    Names { at, family: Some(family), bound: true, there: true }
}

/// The condition under which a call needs an IAM action beside its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// This member is given.
    Given(&'static str),
    /// This member has this value.
    Is(&'static str, &'static str),
    /// A disk of the instance is encrypted under a key.
    OfDisks,
}

/// An IAM action that a call needs beside its own.
#[derive(Debug, Clone, Copy)]
pub struct Also {
    /// The action: `ec2:CreateTags`.
    pub action: &'static str,
    /// The condition under which it is needed.
    pub when: When,
}

/// Builds the entry for an IAM action.
pub const fn also(action: &'static str, when: When) -> Also {
    Also { action, when }
}

/// The properties of an operation.
#[derive(Debug)]
pub struct Spec {
    /// The IAM prefix of the service.
    pub service: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// The names of the outputs that are kept; all else of the reply is dropped.
    pub outputs: &'static [&'static str],
    /// The repeatability of the call.
    pub repeat: Repeat,
    /// The risk of the operation as part of an undo or rollback, where no action declares one.
    pub risk: Risk,
    /// The IAM action, where it is not named like the operation
    /// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>).
    pub iam: Option<&'static str>,
    /// The members that name the resources that the operation acts on.
    pub names: &'static [Names],
    /// The families of which IAM is asked about any resource, beside those that the input names.
    pub asks: &'static [FamilyKind],
    /// The family of the resources that the operation creates.
    pub makes: Option<FamilyKind>,
    /// `true` if the operation is called only on resources that redress has created, which its policies
    /// require.
    pub only_own: bool,
    /// The IAM actions that the operation can need beside its own.
    pub permissions: &'static [Also],
    /// The effect on whether a resource is up.
    pub power: Power,
    /// `true` if the operation only records, and nothing works differently by it. If it fails after the point
    /// of no return, or in an undo or rollback, it is left over for a person to do.
    pub bookkeeping: bool,
    /// The expected duration.
    pub takes: Takes,
    /// The seconds for which the result is left alone before anything is built on it: no reading shows when
    /// other services of AWS act by it.
    pub spreads: u64,
    /// `true` if the operation has `DryRun`, where its service has that.
    pub dry_run: bool,
    /// The number of new resources that AWS allows to be pending at once in a region.
    pub pending: Option<Pending>,
}

/// A limit of AWS's for the new resources of an operation that may be pending at once in a region, those of
/// all callers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The greatest number.
    pub most: usize,
    /// `true` if a resource counts for hours after it can be used: room for it is found before anything is
    /// taken down, and nothing that is down waits for it.
    pub outlasts: bool,
}

/// Builds an operation that returns no outputs, changes nothing about what is up, and needs no IAM action
/// beside its own.
pub const fn spec(service: &'static str, operation: &'static str, repeat: Repeat, risk: Risk) -> Spec {
    Spec {
        service,
        operation,
        outputs: &[],
        repeat,
        risk,
        iam: None,
        names: &[],
        asks: &[],
        makes: None,
        only_own: false,
        permissions: &[],
        power: Power::Stays,
        bookkeeping: false,
        takes: Takes::Seconds(5),
        spreads: 0,
        dry_run: true,
        pending: None,
    }
}

impl Names {
    /// Marks a member about which IAM is not asked.
    pub const fn unbound(self) -> Self {
        Self { bound: false, ..self }
    }
    /// Marks a member that names a resource that the call creates.
    pub const fn of_new(self) -> Self {
        Self { there: false, ..self }
    }
}

impl Spec {
    /// Adds the outputs of the operation: ids, but for `SecurityGroupRuleIds` and `FlowLogIds`, which are
    /// lists of them, and `Snapshots`, an object from volume ids to snapshot ids.
    pub const fn gives(self, outputs: &'static [&'static str]) -> Self {
        Self { outputs, ..self }
    }
    /// Sets the IAM action by which policies name the operation.
    pub const fn named_by_iam(self, action: &'static str) -> Self {
        Self { iam: Some(action), ..self }
    }
    /// Adds the members that name the resources that the operation acts on.
    pub const fn on(self, names: &'static [Names]) -> Self {
        Self { names, ..self }
    }
    /// Adds families of which IAM is asked about any resource, too.
    pub const fn asks(self, asks: &'static [FamilyKind]) -> Self {
        Self { asks, ..self }
    }
    /// Sets the family of the resources that the operation creates.
    pub const fn makes(self, family: FamilyKind) -> Self {
        Self { makes: Some(family), ..self }
    }
    /// Restricts the operation to resources that redress has created.
    pub const fn only_own(self) -> Self {
        Self { only_own: true, ..self }
    }
    /// Adds IAM actions that the operation can need beside its own.
    pub const fn takes_also(self, permissions: &'static [Also]) -> Self {
        Self { permissions, ..self }
    }
    /// Marks an operation without `DryRun`.
    pub const fn without_dry_run(self) -> Self {
        Self { dry_run: false, ..self }
    }
    /// Marks an operation that takes down the resources that it names.
    pub const fn takes_down(self) -> Self {
        Self { power: Power::TakesDown, ..self }
    }
    /// Marks an operation that brings up the resources that it names.
    pub const fn brings_up(self) -> Self {
        Self { power: Power::BringsUp, ..self }
    }
    /// Limits the number of new resources that AWS allows to be pending.
    pub const fn pending_at_most(self, most: usize) -> Self {
        Self { pending: Some(Pending { most, outlasts: false }), ..self }
    }
    /// Limits the number of new resources that AWS allows to be in progress, for hours after they can be
    /// used.
    pub const fn in_progress_at_most(self, most: usize) -> Self {
        Self { pending: Some(Pending { most, outlasts: true }), ..self }
    }
    /// Sets the expected duration of the operation.
    pub const fn takes(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }
    /// Sets the seconds for which the result is left alone before anything is built on it.
    pub const fn spreads(self, spreads: u64) -> Self {
        Self { spreads, ..self }
    }
    /// Marks an operation that only records.
    pub const fn records(self) -> Self {
        Self { bookkeeping: true, ..self }
    }
}

impl Spec {
    /// Returns whether this is the entry of this operation.
    pub fn is(&self, service: &str, operation: &str) -> bool {
        self.operation == operation && self.service == service
    }

    /// Returns whether the operation can be tried without effect: EC2 has `DryRun` for nearly all that
    /// redress calls there, the others have nothing.
    pub fn can_be_tried(&self) -> bool {
        self.service == "ec2" && self.dry_run
    }

    /// Returns the IAM action of the call itself.
    pub fn action(&self) -> String {
        self.iam.map_or_else(|| format!("{}:{}", self.service, self.operation), str::to_owned)
    }
}
