//! Actions: pure functions from facts and parameters to steps, or a refusal with a reason. One file per action. An
//! action never reads, calls or asks the time: what it needs it names as wants, and the moment comes with the facts.

use serde_json::Value;

use crate::{
    calls::{Risk, Step},
    inventory::{Inventory, Want},
    resource::{Kind, ResourceId},
    services::Spec,
};

pub mod around;
pub mod concern;
pub mod create_cloudtrail;
pub mod delivery_role;
pub mod disable_subnet_public_ip;
pub mod enable_ebs_default_encryption;
pub mod enable_flow_logs;
pub mod enable_kms_rotation;
pub mod encrypt_volumes;
pub mod log_group;
pub mod make;
pub mod prune;
pub mod raise_cloudtrail;
pub mod setting;
pub mod snapshot_instance;
pub mod support;
pub mod terms;
#[cfg(test)]
pub mod testing;
pub mod tighten_security_group;

pub use around::Around;
pub use terms::{ActionUse, GuardNote, Options, Proof};

/// A parameter of an action, as its page and `playbooks check` tell it.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// The key in `with`.
    pub name: &'static str,
    /// Its type in words: `list of CIDRs`.
    pub kind: &'static str,
    /// The value when it is not given: as TOML, or in words where AWS or the account has it; empty when it must be given.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// What an action is told beside its target and parameters.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What is known of the account.
    pub inventory: &'a Inventory,
    /// The region of the change.
    pub region: &'a str,
    /// The checks whose findings on the target are to be answered.
    pub checks: &'a [String],
    /// What the user asked for.
    pub options: &'a Options,
}

/// Something that must be there before the change, as a change of its own; the same one serves all that need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Prerequisite {
    /// The action that makes it.
    pub action: &'static str,
    /// What is made.
    pub resource: ResourceId,
    /// With which parameters.
    pub with: Value,
}

/// What an action would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// One sentence: what it does.
    pub summary: String,
    /// What is done.
    pub steps: Vec<Step>,
    /// What it may cost.
    pub risk: Risk,
    /// Who and what is affected, in words. Holds nothing that differs between a rehearsal and the real account.
    pub impact: Vec<String>,
    /// How the resource looks now, in the terms of the action.
    pub before: Value,
    /// How it will look.
    pub after: Value,
    /// What proves it.
    pub proof: Vec<Proof>,
    /// What undo will not bring back, beside what the steps' ways back name.
    pub not_restored: Vec<String>,
    /// Guards that the action asked.
    pub guards: Vec<GuardNote>,
    /// What it touches: footprints are taken of these.
    pub touches: Vec<Want>,
    /// What must be there before.
    pub prerequisites: Vec<Prerequisite>,
}

/// Why an action does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It must not, or not unasked; with what to do about it.
    Refused(String),
    /// A fact that it needs is not known.
    Unknown(String),
    /// There is nothing to do: it is so already.
    Nothing(String),
}

/// A way to set something right.
pub trait Action: Sync {
    /// Its name, fixed for ever: `tighten-security-group`.
    fn name(&self) -> &'static str;
    /// What it does, in one line.
    fn title(&self) -> &'static str;
    /// Its page: what it does, refuses, leaves behind, and the AWS pages where the rules come from. Markdown.
    fn doc(&self) -> &'static str;
    /// The checks that it can answer; empty for what only other actions ask for.
    fn answers(&self) -> &'static [&'static str];
    /// The kind of resource that it changes.
    fn target(&self) -> Kind;
    /// What it reads beyond what its changes name themselves, where it changes a resource of this kind.
    fn reads(&self, target: Kind) -> &'static [Around];
    /// Its parameters.
    fn parameters(&self) -> &'static [Parameter];
    /// Takes the `with` of a playbook to the action's own type and back: all parameters, defaults included.
    ///
    /// # Errors
    /// What is wrong with which parameter, with its place where the input has places.
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error>;
    /// What must be read, given what is known so far; called again until it asks for nothing new.
    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want>;
    /// What it would do.
    ///
    /// # Errors
    /// A [`Refusal`], which is an expected answer.
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal>;
    /// The operations that its changes call, on their way there and back: no file of a plan or a run can make it call another.
    fn operations(&self) -> &'static [Spec];
    /// What it changes of the families that it touches. Undo, rollback and verify compare that and nothing else.
    fn concerns(&self) -> concern::Table;
    /// On which resource the finding on `resource` is to be answered: the disks of an instance are changed together, so
    /// a finding on an attached volume is answered on its instance. Planning asks this before it groups findings into
    /// changes, with the facts of the scan. Most actions change the resource that the finding is on.
    ///
    /// # Errors
    /// A [`Refusal`], where it cannot be told which resource that is.
    fn retarget(&self, inventory: &Inventory, resource: &ResourceId, with: &Value) -> Result<ResourceId, Refusal> {
        let _ = (inventory, with);
        Ok(resource.clone())
    }
    /// Quotas of the account that its parameters name, each with the code by which AWS refuses what goes beyond: they count in a
    /// rehearsal, too.
    fn quotas(&self, with: &Value) -> Vec<(&'static str, usize)> {
        let _ = with;
        Vec::new()
    }
    /// When several changes are on one resource, the lower comes first: 0 for networks and logs, 10 for disks, 20 for
    /// backups.
    fn order(&self) -> u8 {
        0
    }
}

/// All actions, in the order in which pages show them.
pub fn all() -> &'static [&'static dyn Action] {
    ALL
}

static ALL: &[&dyn Action] = &[
    &tighten_security_group::TightenSecurityGroup,
    &enable_flow_logs::EnableFlowLogs,
    &disable_subnet_public_ip::DISABLE_SUBNET_PUBLIC_IP,
    &enable_ebs_default_encryption::ENABLE_EBS_DEFAULT_ENCRYPTION,
    &enable_kms_rotation::ENABLE_KMS_ROTATION,
    &log_group::EnsureLogGroup,
    &delivery_role::EnsureDeliveryRole,
    &raise_cloudtrail::RaiseCloudtrail,
    &create_cloudtrail::CreateCloudtrail,
    &encrypt_volumes::EncryptVolumes,
    &snapshot_instance::SnapshotInstance,
    &prune::Prune,
];

/// The action with this name.
pub fn find(name: &str) -> Option<&'static dyn Action> {
    #[cfg(test)]
    if let Some(action) = testing::find(name) {
        return Some(action);
    }
    all().iter().copied().find(|a| a.name() == name)
}
