//! What is known of an account: typed facts about resources, read at one time, that serialise to JSON. No IO; nothing
//! here decides whether something is right or wrong.

pub mod compute;
mod fact;
mod family;
pub mod network;
pub mod permissions;
mod reasons;
pub mod removal;
pub mod services;
pub mod table;
pub mod tag;
pub mod want;

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use compute::{Attachment, Device, Instance, InstanceStatus, InstanceType, Snapshot, Volume, VolumeModification};
pub use fact::{Cause, Fact, Reason};
pub use family::{AnyFamily, Family, Record, Selector, TAG_KEY};
pub use network::{FlowLog, NetworkInterface, PrefixList, SecurityGroup, SecurityGroupRule, Vpc};
pub use removal::{BinRule, Removal};
pub use services::{Bucket, EbsDefaults, Key, LogGroup, ManagedInstance, Role, Trail};
pub use table::Table;
pub use want::{FamilyKind, Scope, Want};

use crate::resource::Owner;

/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// Who is asking: whose credentials, from where. Belongs to the reading, since guards need it.
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
    /// The partition and account it speaks about.
    pub owner: Owner,
    /// Who read it.
    #[serde(default)]
    pub caller: Caller,
    /// When it was read.
    pub read_at: Timestamp,
    /// What lives in regions.
    #[serde(default)]
    pub regions: BTreeMap<String, Region>,
    /// Trails, by ARN: a multi-region trail belongs to its home region but is seen from all. Listings are
    /// remembered as `region=R`.
    #[serde(default)]
    pub trails: Family<Trail>,
    /// IAM roles, by name.
    #[serde(default)]
    pub roles: Family<Role>,
    /// S3 buckets, by name.
    #[serde(default)]
    pub buckets: Family<Bucket>,
}

fn format_name() -> String {
    "redress.inventory/1".to_owned()
}

/// What is known of one region.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Region {
    /// Security groups, by id.
    pub security_groups: Family<SecurityGroup>,
    /// The rules of security groups, by rule id.
    pub security_group_rules: Family<SecurityGroupRule>,
    /// Prefix lists, by id.
    pub prefix_lists: Family<PrefixList>,
    /// Network interfaces, by id.
    pub network_interfaces: Family<NetworkInterface>,
    /// VPCs, by id.
    pub vpcs: Family<Vpc>,
    /// Flow logs, by id.
    pub flow_logs: Family<FlowLog>,
    /// Instances, by id.
    pub instances: Family<Instance>,
    /// The health of instances, by instance id.
    pub instance_statuses: Family<InstanceStatus>,
    /// Instance types, by name.
    pub instance_types: Family<InstanceType>,
    /// Volumes, by id.
    pub volumes: Family<Volume>,
    /// Modifications of volumes under way, by volume id.
    pub volume_modifications: Family<VolumeModification>,
    /// The account's own snapshots, by id.
    pub snapshots: Family<Snapshot>,
    /// What stands in the way of deletions and comes after them, by the id of the snapshot or volume.
    pub removals: Family<Removal>,
    /// Instances that Systems Manager manages, by instance id.
    pub managed_instances: Family<ManagedInstance>,
    /// Log groups, by name.
    pub log_groups: Family<LogGroup>,
    /// KMS keys, by the id, ARN or alias they were asked for.
    pub keys: Family<Key>,
    /// The defaults for EBS; one member, named `account`.
    pub ebs_defaults: Family<EbsDefaults>,
}

impl Inventory {
    /// An inventory in which nothing has been read yet.
    pub fn empty(owner: Owner, caller: Caller, read_at: Timestamp) -> Self {
        Self {
            format: format_name(),
            owner,
            caller,
            read_at,
            regions: BTreeMap::new(),
            trails: Family::default(),
            roles: Family::default(),
            buckets: Family::default(),
        }
    }

    /// The region, made empty if nothing of it is known yet.
    pub fn region_mut(&mut self, region: &str) -> &mut Region {
        self.regions.entry(region.to_owned()).or_default()
    }

    /// Takes over what a later reading says (see [`Family::merge`]).
    pub fn merge(&mut self, later: Inventory) {
        self.read_at = self.read_at.max(later.read_at);
        self.trails.merge(later.trails);
        self.roles.merge(later.roles);
        self.buckets.merge(later.buckets);
        for (name, region) in later.regions {
            self.region_mut(&name).merge(region);
        }
    }

    /// The family of a kind; `None` where nothing of that region was read.
    pub fn family(&self, region: &str, kind: FamilyKind) -> Option<&dyn AnyFamily> {
        match kind {
            FamilyKind::Trails => Some(&self.trails),
            FamilyKind::Roles => Some(&self.roles),
            FamilyKind::Buckets => Some(&self.buckets),
            regional => self.regions.get(region).map(|r| r.family(regional)),
        }
    }

    /// One thing as JSON.
    pub fn json(&self, region: &str, kind: FamilyKind, id: &str) -> Fact<Value> {
        self.family(region, kind).map_or(Fact::NotRead, |f| f.json(id))
    }

    /// What a want asks for, as ids and JSON.
    pub fn select_json(&self, want: &Want) -> Fact<Vec<(String, Value)>> {
        self.family(&want.region, want.family).map_or(Fact::NotRead, |f| f.select_json(&want.selector))
    }

    /// Why something could not be read, where the credentials had ended.
    pub fn credentials_ended(&self) -> Option<&Reason> {
        let global = || [FamilyKind::Trails, FamilyKind::Roles, FamilyKind::Buckets].into_iter().find_map(|kind| self.family("", kind)?.credentials_ended());
        self.regions.values().flat_map(|region| FamilyKind::ALL.iter().map(|kind| region.family(*kind))).find_map(AnyFamily::credentials_ended).or_else(global)
    }

    /// Whether a want was answered already, be it that nothing can be said.
    pub fn knows(&self, want: &Want) -> bool {
        match self.select_json(want) {
            Fact::NotRead => false,
            // A listing of instances leaves out what only a reading by id shows.
            Fact::Known(found) if want.family == FamilyKind::Instances && matches!(want.selector, Selector::Id(_)) => {
                found.iter().all(|(_, json)| json.get("stop_protection").is_none_or(|fact| fact != "not-read"))
            }
            _ => true,
        }
    }

    /// How the things that these wants name look, in the form in which two states are compared.
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

macro_rules! regional_families {
    ($($kind:ident => $field:ident),* $(,)?) => {
        impl Region {
            /// The family of a kind. Kinds without a region are not here: [`Inventory::family`] knows them.
            fn family(&self, kind: FamilyKind) -> &dyn AnyFamily {
                match kind {
                    $(FamilyKind::$kind => &self.$field,)*
                    FamilyKind::Trails | FamilyKind::Roles | FamilyKind::Buckets => &*NOTHING,
                }
            }
            fn merge(&mut self, later: Region) {
                $(self.$field.merge(later.$field);)*
            }
        }
    };
}

/// Stands for a kind that has no place in a region.
static NOTHING: LazyLock<Family<LogGroup>> = LazyLock::new(Family::default);

regional_families! {
    SecurityGroups => security_groups,
    SecurityGroupRules => security_group_rules,
    PrefixLists => prefix_lists,
    NetworkInterfaces => network_interfaces,
    Vpcs => vpcs,
    FlowLogs => flow_logs,
    Instances => instances,
    InstanceStatuses => instance_statuses,
    InstanceTypes => instance_types,
    Volumes => volumes,
    VolumeModifications => volume_modifications,
    Snapshots => snapshots,
    Removals => removals,
    ManagedInstances => managed_instances,
    LogGroups => log_groups,
    Keys => keys,
    EbsDefaults => ebs_defaults,
}

#[cfg(test)]
mod tests;
