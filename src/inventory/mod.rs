//! The knowledge of an account: typed facts about resources, read at one time, that serialise to JSON. No IO;
//! nothing here decides whether something is right or wrong.

pub mod about;
pub mod balancing;
pub mod capacity;
pub mod compute;
mod credential_report;
pub mod endpoints;
mod fact;
mod families;
mod family;
mod identities;
mod keys;
mod least;
mod listeners;
pub mod network;
mod network_acls;
mod passwords;
pub mod permissions;
mod public_access;
mod record;
pub mod removal;
pub mod retention;
pub mod routes;
mod routing;
mod secrets;
pub mod services;
pub mod sharing;
mod sign_in;
pub mod table;
pub mod tag;
mod user_credentials;
pub mod volume_copies;
mod vpc_dns;
pub mod want;
pub mod web_acls;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use balancing::{Target, TargetGroup};
pub use capacity::CapacityReservation;
pub use compute::{
    ApplicationStatus, Attachment, Device, Instance, InstanceStatus, InstanceType, Snapshot, Volume,
    VolumeModification,
};
pub use credential_report::{CredentialRow, ReportedKey, rows as credential_rows};
pub use endpoints::VpcEndpoint;
pub use fact::{Cause, Fact, Reason};
pub use families::{FamilyKind, ForFamily, Region, Stored};
pub use family::{AnyFamily, Family};
pub use identities::{AccessKey, AccountSummary, IamGroup, LastUse, ManagedPolicy, User};
pub use keys::{CustomerKey, Key, KeyPolicy};
pub use least::{PolicyVersion, PolicyVersions, RoleUse, ServiceUse, Simulation};
pub use listeners::{Listener, OF_BALANCER, TlsPolicy};
pub use network::{FlowLog, NetworkInterface, PrefixList, SecurityGroup, SecurityGroupRule, Subnet, Vpc};
pub use network_acls::{AclEntry, NetworkAcl};
pub use passwords::PasswordPolicy;
pub use public_access::{PublicAccessExclusion, PublicAccessOptions, VpcPublicAccess};
pub use record::{Record, Selector, TAG_KEY};
pub use removal::{BinRule, Removal};
pub use retention::RetentionPolicy;
pub use routes::{
    EgressOnlyGateway, NatGateway, PeeredVpc, Route, RouteTable, RouteTableAssociation, VpcPeeringConnection,
};
pub use routing::{
    Certificate, ForwardConfig, ForwardTo, ListenerAction, ListenerRule, LoadBalancer, RedirectConfig,
    Stickiness,
};
pub use secrets::Secret;
pub use services::{Bucket, EbsDefaults, LogGroup, ManagedInstance, Organization, Quota, Role, Trail};
pub use sharing::{Image, ImageBlock, SnapshotBlock, SnapshotShare};
pub use sign_in::{LoginProfile, Membership, MfaDevices, UserPolicy};
pub use table::Table;
pub use user_credentials::{Credential, UserCredentials};
pub use volume_copies::{CopyTrial, Copying, VolumeStatus};
pub use vpc_dns::{PrivateZone, VpcDns};
pub use want::{Scope, Want};
pub use web_acls::{WebAcl, WebAclAssociation, WebAclRule};

use crate::resource::{Owner, region_in};
use families::AnyOf;

/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// The caller: whose credentials, and from where. Belongs to the reading, since guards need it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The ARN that `sts:GetCallerIdentity` answers.
    pub arn: String,
    /// The instance that redress itself runs on, when it runs on one.
    #[serde(default)]
    pub host: Fact<String>,
}

/// All that redress knows of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// `redress.inventory/1`.
    #[serde(default = "format_name")]
    pub format: String,
    /// The partition and account that it describes.
    pub owner: Owner,
    /// The caller that read it.
    #[serde(default)]
    pub caller: Caller,
    /// The time at which it was read.
    pub read_at: Timestamp,
    /// The facts of each region, by its name.
    #[serde(default)]
    pub regions: BTreeMap<String, Region>,
    /// Trails, by ARN: a multi-region trail belongs to its home region but is seen from all. Listings are
    /// recorded as `region=R`.
    #[serde(default)]
    pub trails: Family<Trail>,
    /// The organization of the account.
    #[serde(default)]
    pub organizations: Family<Organization>,
    /// The password policy of the account.
    #[serde(default)]
    pub password_policies: Family<PasswordPolicy>,
    /// IAM roles, by name.
    #[serde(default)]
    pub roles: Family<Role>,
    /// The use of services by roles, by ARN. They are read by these only.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub role_uses: Family<RoleUse>,
    /// The decisions of IAM about actions of roles, as `ARN#ACTION`. They are read by these only.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub simulations: Family<Simulation>,
    /// IAM users, by name.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub users: Family<User>,
    /// IAM groups, by name.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub iam_groups: Family<IamGroup>,
    /// Customer managed policies, by ARN.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub managed_policies: Family<ManagedPolicy>,
    /// The versions and holders of customer managed policies, by ARN. They are read by these only.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub policy_versions: Family<PolicyVersions>,
    /// Access keys of IAM users, by id.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub access_keys: Family<AccessKey>,
    /// The credentials of IAM users beside access keys, by user name.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub user_credentials: Family<UserCredentials>,
    /// The rows of the credential report, by user name.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub credential_reports: Family<CredentialRow>,
    /// The summary of the account; one member, named `account`.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub account_summaries: Family<AccountSummary>,
    /// The passwords of IAM users, by the name of the user.
    #[serde(default)]
    pub login_profiles: Family<LoginProfile>,
    /// The MFA devices of IAM users, by the name of the user.
    #[serde(default)]
    pub mfa_devices: Family<MfaDevices>,
    /// That users are in groups, as `GROUP/USER`.
    #[serde(default)]
    pub memberships: Family<Membership>,
    /// Inline policies of IAM users, as `USER/POLICY`.
    #[serde(default)]
    pub user_policies: Family<UserPolicy>,
    /// S3 buckets, by name.
    #[serde(default)]
    pub buckets: Family<Bucket>,
}

fn format_name() -> String {
    "redress.inventory/1".to_owned()
}

impl Inventory {
    /// Creates an inventory in which nothing has been read yet.
    pub fn empty(owner: Owner, caller: Caller, read_at: Timestamp) -> Self {
        Self {
            format: format_name(),
            owner,
            caller,
            read_at,
            regions: BTreeMap::new(),
            trails: Family::default(),
            organizations: Family::default(),
            password_policies: Family::default(),
            roles: Family::default(),
            role_uses: Family::default(),
            simulations: Family::default(),
            users: Family::default(),
            iam_groups: Family::default(),
            managed_policies: Family::default(),
            policy_versions: Family::default(),
            access_keys: Family::default(),
            user_credentials: Family::default(),
            credential_reports: Family::default(),
            account_summaries: Family::default(),
            login_profiles: Family::default(),
            mfa_devices: Family::default(),
            memberships: Family::default(),
            user_policies: Family::default(),
            buckets: Family::default(),
        }
    }

    /// Returns the region, created empty if nothing of it is known yet.
    pub fn region_mut(&mut self, region: &str) -> &mut Region {
        self.regions.entry(region.to_owned()).or_default()
    }

    /// Returns a key by the id, ARN or alias by which it was asked for: in the region that its ARN names,
    /// else in this one (see [`Want::key`]).
    pub fn key(&self, region: &str, key: &str) -> Fact<&Key> {
        let region = region_in(key).unwrap_or(region);
        self.regions.get(region).map_or(Fact::NotRead, |place| place.keys.get(key))
    }

    /// Returns the policy of a key, as [`Self::key`] finds it.
    pub fn key_policy(&self, region: &str, key: &str) -> Fact<&KeyPolicy> {
        let region = region_in(key).unwrap_or(region);
        self.regions.get(region).map_or(Fact::NotRead, |place| place.key_policies.get(key))
    }

    /// Returns the id of the account's organization.
    pub fn organization(&self) -> Fact<&str> {
        self.organizations.get(Organization::ID).map(|found| found.organization_id.as_str())
    }

    /// Merges the facts of a later reading (see [`Family::merge`]).
    pub fn merge(&mut self, later: Inventory) {
        self.read_at = self.read_at.max(later.read_at);
        self.trails.merge(later.trails);
        self.organizations.merge(later.organizations);
        self.password_policies.merge(later.password_policies);
        self.roles.merge(later.roles);
        self.role_uses.merge(later.role_uses);
        self.simulations.merge(later.simulations);
        self.users.merge(later.users);
        self.iam_groups.merge(later.iam_groups);
        self.managed_policies.merge(later.managed_policies);
        self.policy_versions.merge(later.policy_versions);
        self.access_keys.merge(later.access_keys);
        self.user_credentials.merge(later.user_credentials);
        self.credential_reports.merge(later.credential_reports);
        self.account_summaries.merge(later.account_summaries);
        self.login_profiles.merge(later.login_profiles);
        self.mfa_devices.merge(later.mfa_devices);
        self.memberships.merge(later.memberships);
        self.user_policies.merge(later.user_policies);
        self.buckets.merge(later.buckets);
        for (name, region) in later.regions {
            self.region_mut(&name).merge(region);
        }
    }

    /// Returns the family of a kind; `None` where nothing of that region was read.
    pub fn family(&self, region: &str, kind: FamilyKind) -> Option<&dyn AnyFamily> {
        kind.with(AnyOf { inventory: self, region })
    }

    /// Returns one resource as JSON.
    pub fn json(&self, region: &str, kind: FamilyKind, id: &str) -> Fact<Value> {
        self.family(region, kind).map_or(Fact::NotRead, |f| f.json(id))
    }

    /// Returns the members that a want asks for, as ids and JSON.
    pub fn select_json(&self, want: &Want) -> Fact<Vec<(String, Value)>> {
        self.family(&want.region, want.family).map_or(Fact::NotRead, |f| f.select_json(&want.selector))
    }

    /// Returns the reason why something could not be read, where the credentials had ended.
    pub fn credentials_ended(&self) -> Option<&Reason> {
        self.families().find_map(|(_, _, family)| family.credentials_ended())
    }

    /// Returns all families, with their kinds and regions; those of the account come last, without a region.
    pub fn families(&self) -> impl Iterator<Item = (&str, FamilyKind, &dyn AnyFamily)> {
        let places = self.regions.keys().map(|region| (region.as_str(), false)).chain([("", true)]);
        places.flat_map(move |(region, global)| {
            let kinds = FamilyKind::ALL.iter().filter(move |kind| kind.is_global() == global);
            kinds.filter_map(move |kind| Some((region, *kind, self.family(region, *kind)?)))
        })
    }

    /// Returns the regions and kinds of its families, for callers that go through them all and change them.
    pub fn places(&self) -> Vec<(String, FamilyKind)> {
        self.families().map(|(region, kind, _)| (region.to_owned(), kind)).collect()
    }

    /// Returns whether a want has been answered already, even if the answer is unknown.
    pub fn knows(&self, want: &Want) -> bool {
        // A listing of instances leaves out members that only a reading by id shows.
        if let (FamilyKind::Instances, Selector::Id(id)) = (want.family, &want.selector)
            && let Some(Fact::Known(instance)) =
                self.regions.get(&want.region).map(|region| region.instances.get(id))
        {
            return instance.stop_protection != Fact::NotRead;
        }
        self.family(&want.region, want.family)
            .is_some_and(|family| family.selects(&want.selector) != Fact::NotRead)
    }

    /// Returns whether a want has been answered, and the answer is known.
    pub fn answers(&self, want: &Want) -> bool {
        let known =
            |family: &dyn AnyFamily| matches!(family.selects(&want.selector), Fact::Known(()) | Fact::Absent);
        self.knows(want) && self.family(&want.region, want.family).is_some_and(known)
    }

    /// Returns the resources that these wants name, in the form in which two states are compared.
    pub fn footprint(&self, wants: &[Want]) -> Value {
        let mut all = serde_json::Map::new();
        for want in wants {
            let value = match self.family(&want.region, want.family) {
                Some(family) => family.footprint(&want.selector),
                None => serde_json::json!({ "unknown": "not read" }),
            };
            all.insert(want.to_string(), value);
        }
        Value::Object(all)
    }
}

#[cfg(test)]
mod tests;
