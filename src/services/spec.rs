//! What is known of an operation beside its input: what it gives back, whether it may be repeated, what it risks, what it does to
//! whether something is up, how long it takes and which IAM actions it needs.

use serde::{Deserialize, Serialize};

use crate::inventory::FamilyKind;

/// What a change may cost those who use the account while it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Adds; disturbs nothing.
    Safe,
    /// May cut traffic, access or uptime.
    Disruptive,
    /// Cannot be taken back.
    Irreversible,
}

impl Risk {
    /// The word for people and documents.
    pub fn word(self) -> &'static str {
        match self {
            Risk::Safe => "safe",
            Risk::Disruptive => "disruptive",
            Risk::Irreversible => "irreversible",
        }
    }
}

/// Whether a call may be made again when it is not known what became of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The input carries an idempotency token of AWS's; the same call gives the same thing.
    Token,
    /// Doing it twice leaves the same state as doing it once.
    Harmless,
    /// It would make a second thing: look first.
    LookFirst,
}

/// What an operation does to whether the thing that it names is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Nothing.
    Stays,
    /// It takes it down. It is called only after it was shown that the thing can come up again.
    TakesDown,
    /// It brings it up. Once it took effect, a change never rolls back by itself.
    BringsUp,
}

/// How long an operation and what is waited for after it are expected to take. AWS promises nothing; no outcome hangs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// So many seconds.
    Seconds(u64),
    /// A pass over the data of a disk, of which only what has changed counts where there was one before.
    PassOverChanges,
    /// A pass over all data of a disk.
    Pass,
}

/// A member of an input that names what the call acts on.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// The member, as a JSON pointer: one id, or a list of them.
    pub at: &'static str,
    /// What it names; nothing where it takes ids of any kind.
    pub family: Option<FamilyKind>,
    /// Whether IAM is asked about what it names. It is not where any thing of the kind is asked about anyway.
    pub bound: bool,
    /// Whether what it names is there before the call.
    pub there: bool,
}

/// Shortens the lists of operations.
pub const fn names(at: &'static str, family: FamilyKind) -> Names {
    Names { at, family: Some(family), bound: true, there: true }
}

/// When a call takes an IAM action beside its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Where this member is given.
    Given(&'static str),
    /// Where this member has this value.
    Is(&'static str, &'static str),
    /// Where a disk of the instance is encrypted under a key.
    OfDisks,
}

/// An IAM action that a call takes beside its own.
#[derive(Debug, Clone, Copy)]
pub struct Also {
    /// `ec2:CreateTags`
    pub action: &'static str,
    /// When.
    pub when: When,
}

/// Shortens the lists of operations.
pub const fn also(action: &'static str, when: When) -> Also {
    Also { action, when }
}

/// What is known of an operation.
#[derive(Debug)]
pub struct Spec {
    /// The IAM prefix of the service.
    pub service: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// Names of the outputs that are kept; all else of the reply is dropped.
    pub outputs: &'static [&'static str],
    /// Whether it may be repeated.
    pub repeat: Repeat,
    /// What it risks when it stands in a way back, where no action speaks for it.
    pub risk: Risk,
    /// Its IAM action, where that is not named as the operation
    /// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>).
    pub iam: Option<&'static str>,
    /// The members that name what it acts on.
    pub names: &'static [Names],
    /// Kinds of things of which IAM is asked about any, beside what the input names.
    pub asks: &'static [FamilyKind],
    /// What it makes.
    pub makes: Option<FamilyKind>,
    /// Whether it is made only on what redress has made, which its policies demand.
    pub only_own: bool,
    /// IAM actions that it can take beside its own.
    pub permissions: &'static [Also],
    /// What it does to whether a thing is up.
    pub power: Power,
    /// Whether it only records: nothing works otherwise because of it. Where it fails after the point of no return, or on
    /// a way back, it is left over for a person to do.
    pub bookkeeping: bool,
    /// How long it is expected to take.
    pub takes: Takes,
    /// Whether it has `DryRun`, where its service has that.
    pub dry_run: bool,
    /// How many of what it makes AWS lets be pending at once in its region, those of all callers together.
    pub pending: Option<usize>,
}

/// An operation that gives nothing back, changes nothing about what is up, and takes no IAM action beside its own.
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
        dry_run: true,
        pending: None,
    }
}

impl Names {
    /// A member about which IAM is not asked.
    pub const fn unbound(self) -> Self {
        Self { bound: false, ..self }
    }
    /// A member that names what the call makes.
    pub const fn of_new(self) -> Self {
        Self { there: false, ..self }
    }
}

impl Spec {
    /// The operation, which gives these back: ids, but for `SecurityGroupRuleIds` and `FlowLogIds`, which are lists of them, and
    /// `Snapshots`, an object from volume ids to snapshot ids.
    pub const fn gives(self, outputs: &'static [&'static str]) -> Self {
        Self { outputs, ..self }
    }
    /// The operation, with the IAM action by which policies name it.
    pub const fn named_by_iam(self, action: &'static str) -> Self {
        Self { iam: Some(action), ..self }
    }
    /// The operation, with the members that name what it acts on.
    pub const fn on(self, names: &'static [Names]) -> Self {
        Self { names, ..self }
    }
    /// The operation, of which IAM is asked about any thing of these kinds too.
    pub const fn asks(self, asks: &'static [FamilyKind]) -> Self {
        Self { asks, ..self }
    }
    /// The operation, which makes a thing of this kind.
    pub const fn makes(self, family: FamilyKind) -> Self {
        Self { makes: Some(family), ..self }
    }
    /// The operation, which is made only on what redress has made.
    pub const fn only_own(self) -> Self {
        Self { only_own: true, ..self }
    }
    /// The operation, with IAM actions that it can take beside its own.
    pub const fn takes_also(self, permissions: &'static [Also]) -> Self {
        Self { permissions, ..self }
    }
    /// The operation, which has no `DryRun`.
    pub const fn without_dry_run(self) -> Self {
        Self { dry_run: false, ..self }
    }
    /// The operation, which takes down what it names.
    pub const fn takes_down(self) -> Self {
        Self { power: Power::TakesDown, ..self }
    }
    /// The operation, which brings up what it names.
    pub const fn brings_up(self) -> Self {
        Self { power: Power::BringsUp, ..self }
    }
    /// The operation, of whose things AWS lets at most so many be pending.
    pub const fn pending_at_most(self, most: usize) -> Self {
        Self { pending: Some(most), ..self }
    }
    /// The operation, with how long it is expected to take.
    pub const fn takes(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }
    /// The operation, which only records.
    pub const fn records(self) -> Self {
        Self { bookkeeping: true, ..self }
    }
}

impl Spec {
    /// Whether it is of this operation.
    pub fn is(&self, service: &str, operation: &str) -> bool {
        self.operation == operation && self.service == service
    }

    /// Whether it can be tried without effect: EC2 has `DryRun` for nearly all that redress calls there, the others have nothing.
    pub fn can_be_tried(&self) -> bool {
        self.service == "ec2" && self.dry_run
    }

    /// The IAM action of the call itself.
    pub fn action(&self) -> String {
        self.iam.map_or_else(|| format!("{}:{}", self.service, self.operation), str::to_owned)
    }
}
