//! Actions: pure functions from facts and parameters to steps, or a refusal with a reason. One file per
//! action. An action never reads, calls or asks for the time: it declares the facts that it needs as wants,
//! and the time comes with the facts.

use serde_json::Value;

use crate::{
    calls::{Risk, Step},
    evidence::Closing,
    inventory::{Inventory, Want},
    resource::{Kind, ResourceId},
    services::Spec,
};

pub mod acl_entries;
pub mod allowed;
pub mod around;
pub mod associate_web_acl;
pub mod block_addresses;
pub mod block_public_images;
pub mod block_public_snapshots;
pub mod concern;
pub mod create_cloudtrail;
pub mod credentials;
pub mod deactivate_access_key;
pub mod delete_access_key;
pub mod delivery_role;
pub mod deny_user;
pub mod disable_console_login;
pub mod disable_subnet_public_ip;
pub mod empty_default_security_group;
pub mod enable_ebs_default_encryption;
pub mod enable_endpoint_private_dns;
pub mod enable_flow_logs;
pub mod enable_kms_rotation;
pub mod encrypt_volumes;
pub mod fix_route_table;
pub mod group_rules;
pub mod group_use;
pub mod least_privilege_role;
pub mod lift_blocks;
pub mod log_group;
pub mod make;
pub mod mfa_group;
pub mod protected_users;
pub mod prune;
pub mod quota;
pub mod raise_cloudtrail;
pub mod raise_password_policy;
pub mod raise_tls_policy;
pub mod redirect_http_to_https;
pub mod require_mfa;
pub mod restrict_network_acl;
pub mod restrict_vpc_endpoint;
pub mod retire_access_key;
pub mod revoke_credentials;
pub mod revoke_role_sessions;
pub mod rotate_access_key;
pub mod setting;
pub mod sharing;
pub mod signing_in;
pub mod snapshot_instance;
pub mod support;
pub mod terms;
#[cfg(test)]
pub mod testing;
pub mod tighten_security_group;
pub mod unshare_image;
pub mod unshare_snapshot;

pub use around::Around;
pub use terms::{ActionUse, GuardNote, GuardResult, Options, Proof, RESIDUAL};

/// A parameter of an action, as its page and `playbooks check` describe it.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// The key in `with`.
    pub name: &'static str,
    /// The type in words: `list of CIDRs`.
    pub kind: &'static str,
    /// The value when it is not given: as TOML, or in words where AWS or the account has it; empty when it
    /// must be given.
    pub default: &'static str,
    /// The effect of the parameter.
    pub doc: &'static str,
}

/// The input of an action beside its target and parameters.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The known facts about the account.
    pub inventory: &'a Inventory,
    /// The region of the change.
    pub region: &'a str,
    /// The checks whose findings on the target are to be answered.
    pub checks: &'a [String],
    /// The options that the user gave.
    pub options: &'a Options,
}

/// A resource that must exist before the change, as a change of its own; the same one serves all that need
/// it.
#[derive(Debug, Clone, PartialEq)]
pub struct Prerequisite {
    /// The action that creates the resource.
    pub action: &'static str,
    /// The resource that is created.
    pub resource: ResourceId,
    /// The parameters of that action.
    pub with: Value,
    /// `true` if the change takes something away, so that it is made only for a finding of its own, within
    /// the approval, the limits and the exceptions of the playbook that answers that. Otherwise it is added
    /// to the plan for the change that needs it.
    pub for_a_finding: bool,
}

/// A proposal of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The change in one sentence.
    pub summary: String,
    /// The steps of the change.
    pub steps: Vec<Step>,
    /// The risk of the change.
    pub risk: Risk,
    /// The people and resources that are affected, in words. Contains nothing that differs between a
    /// rehearsal and the real account.
    pub impact: Vec<String>,
    /// The resource as it is now, in the terms of the action.
    pub before: Value,
    /// The resource as it will be.
    pub after: Value,
    /// The proofs of the change.
    pub proof: Vec<Proof>,
    /// The losses that undo will not restore, beside those that the undo of the steps names.
    pub not_restored: Vec<String>,
    /// The guards that the action asked.
    pub guards: Vec<GuardNote>,
    /// The resources that the change touches: footprints are taken of these.
    pub touches: Vec<Want>,
    /// The resources that must exist before the change.
    pub prerequisites: Vec<Prerequisite>,
}

/// The reason for which an action does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The action must not act, or not unasked; with the remedy.
    Refused(String),
    /// A fact that the action needs is not known.
    Unknown(String),
    /// There is nothing to do: the resource is as it should be.
    Nothing(String),
}

/// A way to fix a finding.
pub trait Action: Sync {
    /// Returns the name, fixed for ever: `tighten-security-group`.
    fn name(&self) -> &'static str;
    /// Describes the action in one line.
    fn title(&self) -> &'static str;
    /// Returns the action's page in Markdown: the effects, the refusals, the resources that it leaves behind,
    /// and the AWS pages that the rules come from.
    fn doc(&self) -> &'static str;
    /// Returns the checks that the action can answer; empty for an action that only other actions ask for.
    fn answers(&self) -> &'static [&'static str];
    /// Returns the kind of resource that the action changes.
    fn target(&self) -> Kind;
    /// Returns the families that the action reads beyond those that its changes name themselves, where it
    /// changes a resource of this kind.
    fn reads(&self, target: Kind) -> &'static [Around];
    /// Returns the parameters of the action.
    fn parameters(&self) -> &'static [Parameter];
    /// Returns the parameters of checks that the action must know, too, each with its check: what such a
    /// check lets pass, the action must leave. They come from a playbook's `[check]`, and not from its
    /// `with`.
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
    /// Converts the `with` of a playbook to the action's own type and back: all parameters, defaults
    /// included.
    ///
    /// # Errors
    /// The first wrong parameter and the reason, with its place where the input has places.
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error>;
    /// Returns the facts to read, given the known ones; called again until it asks for nothing new.
    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want>;
    /// Proposes a change.
    ///
    /// # Errors
    /// A [`Refusal`], which is an expected answer.
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal>;
    /// Returns the traffic that the proposed change closes, so that flow logs can be asked who uses it. Most
    /// actions close none.
    ///
    /// # Errors
    /// A [`Refusal`], if that cannot be determined.
    fn closes(
        &self,
        context: &Context<'_>,
        target: &ResourceId,
        with: &Value,
    ) -> Result<Vec<Closing>, Refusal> {
        let _ = (context, target, with);
        Ok(Vec::new())
    }
    /// Returns the operations that the action's changes call, in both directions: no file of a plan or a run
    /// can make it call another.
    fn operations(&self) -> &'static [Spec];
    /// Returns the members that the action changes, by the families that it touches. Undo, rollback and
    /// verify compare these and nothing else.
    fn concerns(&self) -> concern::Table;
    /// Returns the resource on which the finding on `resource` is to be answered: the disks of an instance
    /// are changed together, so a finding on an attached volume is answered on its instance. Planning asks
    /// this before it groups findings into changes, with the facts of the scan. Most actions change the
    /// resource that the finding is on.
    ///
    /// # Errors
    /// A [`Refusal`], if that resource cannot be determined.
    fn retarget(
        &self,
        inventory: &Inventory,
        resource: &ResourceId,
        with: &Value,
    ) -> Result<ResourceId, Refusal> {
        let _ = (inventory, with);
        Ok(resource.clone())
    }
    /// Returns whether the action, with these parameters, answers the finding of a check on a resource, of a
    /// check that it can answer otherwise. Others on the same resource are answered all the same.
    ///
    /// # Errors
    /// A [`Refusal`]: the fate of the finding.
    fn declines(
        &self,
        inventory: &Inventory,
        check: &str,
        resource: &ResourceId,
        with: &Value,
    ) -> Result<(), Refusal> {
        let _ = (inventory, check, resource, with);
        Ok(())
    }
    /// Returns the part of a resource that the action changes with these parameters, where it can change
    /// parts that have nothing to do with each other: two playbooks may want different things of two parts of
    /// one resource, and these are two changes.
    fn lane(&self, with: &Value) -> &'static str {
        let _ = with;
        ""
    }
    /// Returns the parameters with all that they leave to the facts decided, for a plan: it holds them from
    /// then on, whatever the facts are when it is applied. Most parameters leave nothing to the facts.
    fn settled(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Value {
        let _ = (context, target);
        with.clone()
    }
    /// Returns the parameters of a plan without the decisions that these parameters of a playbook left to
    /// planning: where nothing else differs, the two are the same then.
    fn unsettled(&self, planned: &Value, asked: &Value) -> Value {
        let _ = asked;
        planned.clone()
    }
    /// Returns the quotas of the account in a region that facts or parameters name, each with the code of the
    /// error by which AWS refuses to exceed it: they count in a rehearsal, too.
    fn quotas(&self, inventory: &Inventory, region: &str, with: &Value) -> Vec<(&'static str, usize)> {
        let _ = (inventory, region, with);
        Vec::new()
    }
    /// Returns whether the proposal of the action bears out the calls of a run that is continued or undone:
    /// it can be made again in the middle of a change, on the account without the resources that the run has
    /// made. Otherwise the calls are held against the account itself.
    fn is_remade(&self) -> bool {
        false
    }
    /// Returns the rank among several changes on one resource, of which the lower comes first: 0 for networks
    /// and logs, 10 for disks, 20 for backups.
    fn order(&self) -> u8 {
        0
    }
}

/// Returns all actions, in the order in which pages show them.
pub fn all() -> &'static [&'static dyn Action] {
    ALL
}

static ALL: &[&dyn Action] = &[
    &tighten_security_group::TightenSecurityGroup,
    &empty_default_security_group::EmptyDefaultSecurityGroup,
    &enable_flow_logs::EnableFlowLogs,
    &disable_subnet_public_ip::DISABLE_SUBNET_PUBLIC_IP,
    &restrict_network_acl::RestrictNetworkAcl,
    &block_addresses::BlockAddresses,
    &lift_blocks::LiftBlocks,
    &fix_route_table::FixRouteTable,
    &enable_ebs_default_encryption::ENABLE_EBS_DEFAULT_ENCRYPTION,
    &enable_kms_rotation::ENABLE_KMS_ROTATION,
    &raise_tls_policy::RAISE_TLS_POLICY,
    &redirect_http_to_https::REDIRECT_HTTP_TO_HTTPS,
    &associate_web_acl::AssociateWebAcl,
    &restrict_vpc_endpoint::RESTRICT_VPC_ENDPOINT,
    &enable_endpoint_private_dns::EnableEndpointPrivateDns,
    &log_group::EnsureLogGroup,
    &delivery_role::EnsureDeliveryRole,
    &raise_cloudtrail::RaiseCloudtrail,
    &create_cloudtrail::CreateCloudtrail,
    &raise_password_policy::RaisePasswordPolicy,
    &disable_console_login::DisableConsoleLogin,
    &require_mfa::RequireMfa,
    &mfa_group::EnsureMfaGroup,
    &deactivate_access_key::DeactivateAccessKey,
    &rotate_access_key::RotateAccessKey,
    &retire_access_key::RetireAccessKey,
    &delete_access_key::DeleteAccessKey,
    &deny_user::DenyUser,
    &revoke_credentials::RevokeCredentials,
    &revoke_role_sessions::RevokeRoleSessions,
    &least_privilege_role::LeastPrivilegeRole,
    &encrypt_volumes::EncryptVolumes,
    &unshare_snapshot::UNSHARE_SNAPSHOT,
    &block_public_snapshots::BLOCK_PUBLIC_SNAPSHOTS,
    &unshare_image::UNSHARE_IMAGE,
    &block_public_images::BLOCK_PUBLIC_IMAGES,
    &snapshot_instance::SnapshotInstance,
    &prune::Prune,
];

/// Returns the part of a resource that an action changes with its parameters.
pub fn lane(one: &ActionUse) -> &'static str {
    find(&one.action).map_or("", |action| action.lane(&one.with))
}

/// Returns the action with this name.
pub fn find(name: &str) -> Option<&'static dyn Action> {
    #[cfg(test)]
    if let Some(action) = testing::find(name) {
        return Some(action);
    }
    all().iter().copied().find(|a| a.name() == name)
}
