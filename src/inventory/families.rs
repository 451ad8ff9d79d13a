//! The one list of the kinds of resources that can be read, and what follows from it: the names of the kinds,
//! the place of their families, and the way from a kind to the type of its facts for generic code. A kind is
//! described at its record, not here.

use serde::{Deserialize, Serialize};

use super::{
    AccessKey, AccountSummary, AnyFamily, ApplicationStatus, Bucket, CapacityReservation, Certificate,
    CopyTrial, CredentialRow, CustomerKey, EbsDefaults, EgressOnlyGateway, Family, FlowLog, IamGroup, Image,
    ImageBlock, Instance, InstanceStatus, InstanceType, Inventory, Key, KeyPolicy, Listener, LoadBalancer,
    LogGroup, LoginProfile, ManagedInstance, ManagedPolicy, Membership, MfaDevices, NatGateway, NetworkAcl,
    NetworkInterface, Organization, PasswordPolicy, PolicyVersions, PrefixList, Quota, Record, Removal,
    RetentionPolicy, Role, RoleUse, RouteTable, Secret, SecurityGroup, SecurityGroupRule, Simulation,
    Snapshot, SnapshotBlock, SnapshotShare, Subnet, TargetGroup, TlsPolicy, Trail, User, UserCredentials,
    UserPolicy, Volume, VolumeModification, VolumeStatus, Vpc, VpcDns, VpcEndpoint, VpcPeeringConnection,
    VpcPublicAccess, WebAcl, WebAclAssociation,
    about::{About, Arn},
    permissions::Reading,
};
use crate::resource::{Kind, Owner, ResourceId};

/// Passes the list to a macro: the kinds of a region, with the member of [`Region`] that holds them and the
/// type of their facts; then those of an account, with the member of [`Inventory`].
macro_rules! families {
    ($then:ident) => {
        $then! {
            regional {
                /// Security groups, by id.
                SecurityGroups security_groups SecurityGroup,
                /// The rules of security groups, by rule id.
                SecurityGroupRules security_group_rules SecurityGroupRule,
                /// Prefix lists, by id.
                PrefixLists prefix_lists PrefixList,
                /// Network interfaces, by id.
                NetworkInterfaces network_interfaces NetworkInterface,
                /// VPCs, by id.
                Vpcs vpcs Vpc,
                /// The DNS of VPCs, by the id of the VPC. They are read by these only.
                VpcDns vpc_dns VpcDns,
                /// VPC Block Public Access; one member, named `account`.
                VpcPublicAccess vpc_public_access VpcPublicAccess,
                /// Subnets, by id.
                Subnets subnets Subnet,
                /// Network ACLs, by id.
                NetworkAcls network_acls NetworkAcl,
                /// Flow logs, by id.
                FlowLogs flow_logs FlowLog,
                /// VPC endpoints, by id.
                VpcEndpoints vpc_endpoints VpcEndpoint,
                /// Route tables, by id.
                RouteTables route_tables RouteTable,
                /// NAT gateways, by id.
                NatGateways nat_gateways NatGateway,
                /// Egress-only internet gateways, by id.
                EgressOnlyGateways egress_only_gateways EgressOnlyGateway,
                /// VPC peering connections, by id.
                VpcPeeringConnections vpc_peering_connections VpcPeeringConnection,
                /// Instances, by id.
                Instances instances Instance,
                /// The health of instances, by instance id.
                InstanceStatuses instance_statuses InstanceStatus,
                /// The health of the applications on instances, by instance id.
                ApplicationStatuses application_statuses ApplicationStatus,
                /// Instance types, by name.
                InstanceTypes instance_types InstanceType,
                /// Volumes, by id.
                Volumes volumes Volume,
                /// Modifications of volumes under way, by volume id.
                VolumeModifications volume_modifications VolumeModification,
                /// The initialization of volumes, by volume id.
                VolumeStatuses volume_statuses VolumeStatus,
                /// Trials of copying a volume with encryption, by the id of the volume. They are made by id
                /// only.
                CopyTrials copy_trials CopyTrial,
                /// The account's own snapshots, by id.
                Snapshots snapshots Snapshot,
                /// The account's own snapshots with those who may use them, by id. Those that everybody may
                /// use are listed.
                SnapshotShares snapshot_shares SnapshotShare,
                /// The block on sharing snapshots with everybody; one member.
                SnapshotBlocks snapshot_blocks SnapshotBlock,
                /// The account's own images with those who may use them, by id. Those that everybody may use
                /// are listed.
                Images images Image,
                /// The block on sharing images with everybody; one member.
                ImageBlocks image_blocks ImageBlock,
                /// Obstacles to deletions and their consequences, by the id of the snapshot or volume.
                Removals removals Removal,
                /// Target groups of load balancers, by ARN. Only all of them are read: AWS does not list the
                /// groups of which an instance is a target.
                TargetGroups target_groups TargetGroup,
                /// Listeners of load balancers, by ARN.
                Listeners listeners Listener,
                /// Load balancers, by ARN.
                LoadBalancers load_balancers LoadBalancer,
                /// Regional web ACLs, by ARN.
                WebAcls web_acls WebAcl,
                /// The web ACLs of application load balancers, by the ARN of the load balancer.
                WebAclAssociations web_acl_associations WebAclAssociation,
                /// Certificates of Certificate Manager, by ARN. They are read by these only.
                Certificates certificates Certificate,
                /// Security policies of TLS, by name.
                TlsPolicies tls_policies TlsPolicy,
                /// Capacity reservations, by id.
                CapacityReservations capacity_reservations CapacityReservation,
                /// Instances that Systems Manager manages, by instance id.
                ManagedInstances managed_instances ManagedInstance,
                /// Quotas of the account, by the codes of service and quota. They are read by these only.
                Quotas quotas Quota,
                /// Log groups, by name.
                LogGroups log_groups LogGroup,
                /// Account-level retention policies of CloudWatch Logs, by name. Only all of them are read.
                RetentionPolicies retention_policies RetentionPolicy,
                /// Secrets of Secrets Manager, by name. They are read by these only.
                Secrets secrets Secret,
                /// KMS keys, by the id, ARN or alias by which they were asked for.
                Keys keys Key,
                /// The policies of KMS keys, by the id or ARN by which they were asked for.
                KeyPolicies key_policies KeyPolicy,
                /// Customer managed KMS keys with their rotation, by key id.
                CustomerKeys customer_keys CustomerKey,
                /// The defaults for EBS; one member, named `account`.
                EbsDefaults ebs_defaults EbsDefaults,
            }
            global {
                /// Trails, by ARN: a multi-region trail belongs to its home region but is seen from all.
                /// Listings are recorded as `region=R`.
                Trails trails Trail,
                /// The organization of the account; one member, named `organization`.
                Organizations organizations Organization,
                /// The password policy of the account; one member, named `account`, or none.
                PasswordPolicies password_policies PasswordPolicy,
                /// IAM roles, by name.
                Roles roles Role,
                /// The use of services by roles, by ARN. They are read by these only.
                RoleUses role_uses RoleUse,
                /// The decisions of IAM about actions of roles, as `ARN#ACTION`. They are read by these
                /// only.
                Simulations simulations Simulation,
                /// IAM users, by name.
                Users users User,
                /// IAM groups, by name.
                IamGroups iam_groups IamGroup,
                /// Customer managed policies, by ARN.
                ManagedPolicies managed_policies ManagedPolicy,
                /// The versions and holders of customer managed policies, by ARN. They are read by these
                /// only.
                PolicyVersions policy_versions PolicyVersions,
                /// Access keys of IAM users, by id. Those that are active are listed, and those of a user.
                AccessKeys access_keys AccessKey,
                /// The credentials of IAM users beside access keys, by user name. They are read by these
                /// only.
                UserCredentials user_credentials UserCredentials,
                /// The rows of the credential report, by user name. Only all of them are read.
                CredentialReports credential_reports CredentialRow,
                /// The passwords of IAM users, by the name of the user. They are read by these only.
                LoginProfiles login_profiles LoginProfile,
                /// The MFA devices of IAM users, by the name of the user. They are read by these only.
                MfaDevices mfa_devices MfaDevices,
                /// That users are in groups, as `GROUP/USER`. They are read by these only.
                Memberships memberships Membership,
                /// Inline policies of IAM users, as `USER/POLICY`. They are read by these only.
                UserPolicies user_policies UserPolicy,
                /// The summary of the account; one member, named `account`.
                AccountSummaries account_summaries AccountSummary,
                /// S3 buckets, by name.
                Buckets buckets Bucket,
            }
        }
    };
}

/// A record whose kind is in the list.
pub trait Stored: Record + Send + Sync + 'static {
    /// Its kind.
    const KIND: FamilyKind;
    /// Returns the family in a region; `None` where nothing of that region is known. Kinds of an account have
    /// no region.
    fn family<'i>(inventory: &'i Inventory, region: &str) -> Option<&'i Family<Self>>;
    /// Returns the family in a region, created empty if nothing of that region is known.
    fn family_mut<'i>(inventory: &'i mut Inventory, region: &str) -> &'i mut Family<Self>;
}

/// An operation on the family of any kind.
pub trait ForFamily {
    /// Its result.
    type Out;
    /// Runs the operation on the kind with these facts.
    fn of<T: Stored>(self) -> Self::Out;
}

macro_rules! define {
    (
        regional { $($(#[$doc:meta])* $kind:ident $field:ident $record:ident,)* }
        global { $($(#[$its_doc:meta])* $its_kind:ident $its_field:ident $its_record:ident,)* }
    ) => {
        /// The kinds of resources that can be read.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum FamilyKind {
            $($(#[$doc])* $kind,)*
            $($(#[$its_doc])* $its_kind,)*
        }

        impl FamilyKind {
            /// Every kind.
            pub const ALL: &'static [FamilyKind] = &[$(FamilyKind::$kind,)* $(FamilyKind::$its_kind,)*];

            /// Returns the description of the kind.
            pub fn about(self) -> &'static About {
                match self {
                    $(FamilyKind::$kind => const { &<$record as Record>::ABOUT },)*
                    $(FamilyKind::$its_kind => const { &<$its_record as Record>::ABOUT },)*
                }
            }

            /// Returns whether it belongs to an account and to no region.
            pub fn is_global(self) -> bool {
                match self {
                    $(FamilyKind::$kind => false,)*
                    $(FamilyKind::$its_kind => true,)*
                }
            }

            /// Runs an operation on its family.
            pub fn with<D: ForFamily>(self, to_do: D) -> D::Out {
                match self {
                    $(FamilyKind::$kind => to_do.of::<$record>(),)*
                    $(FamilyKind::$its_kind => to_do.of::<$its_record>(),)*
                }
            }
        }

        /// The facts of one region.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Region {
            $($(#[$doc])* pub $field: Family<$record>,)*
        }

        impl Region {
            pub(super) fn merge(&mut self, later: Region) {
                $(self.$field.merge(later.$field);)*
            }
        }

        $(impl Stored for $record {
            const KIND: FamilyKind = FamilyKind::$kind;
            fn family<'i>(inventory: &'i Inventory, region: &str) -> Option<&'i Family<Self>> {
                inventory.regions.get(region).map(|of_region| &of_region.$field)
            }
            fn family_mut<'i>(inventory: &'i mut Inventory, region: &str) -> &'i mut Family<Self> {
                &mut inventory.region_mut(region).$field
            }
        })*

        $(impl Stored for $its_record {
            const KIND: FamilyKind = FamilyKind::$its_kind;
            fn family<'i>(inventory: &'i Inventory, _: &str) -> Option<&'i Family<Self>> {
                Some(&inventory.$its_field)
            }
            fn family_mut<'i>(inventory: &'i mut Inventory, _: &str) -> &'i mut Family<Self> {
                &mut inventory.$its_field
            }
        })*
    };
}
families!(define);

impl FamilyKind {
    /// Returns the IAM actions that are needed to read it.
    pub fn permissions(self) -> &'static [Reading] {
        self.about().reads
    }

    /// Returns the kind of an EC2 id, by the letters before its dash.
    pub fn of_id(id: &str) -> Option<Self> {
        let (prefix, _) = id.split_once('-')?;
        Self::ALL.iter().copied().find(|kind| kind.about().id_prefix == Some(prefix))
    }

    /// Returns the kind whose family holds a kind of resource.
    pub fn of_resource(kind: Kind) -> Option<Self> {
        Self::ALL.iter().copied().find(|family| family.about().kind == Some(kind))
    }

    /// Returns the region under which resources of this kind are kept: the empty name for those of an
    /// account.
    pub fn home(self, region: &str) -> &str {
        if self.is_global() { "" } else { region }
    }

    /// Returns the resource id of a member of this kind, where findings can name it.
    pub fn resource(self, owner: &Owner, region: &str, id: &str) -> Option<ResourceId> {
        let about = self.about();
        about.kind?;
        if about.by_arn {
            return ResourceId::try_from(id.to_owned()).ok();
        }
        if let Some(word) = about.arn_type {
            return Some(owner.ec2(region, word, id));
        }
        ResourceId::try_from(Arn::written(about.arn.one.first()?, owner, region, id)).ok()
    }

    /// Returns the region in which a resource of this kind is read: the empty name for those of an account,
    /// but for trails, each of which has a home.
    pub fn asked_in(self, region: &str) -> &str {
        if self.is_global() && !self.about().by_arn { "" } else { region }
    }

    /// Returns the id under which a resource is kept in the family of its kind.
    pub fn key(self, resource: &ResourceId) -> &str {
        if self.about().by_arn { resource.as_str() } else { resource.id() }
    }

    /// Returns the word by which documents name it: `security-groups`.
    pub fn word(self) -> String {
        // A kind without fields is always a string.
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// The family of a kind, without its type.
pub(super) struct AnyOf<'i, 'r> {
    pub inventory: &'i Inventory,
    pub region: &'r str,
}

impl<'i> ForFamily for AnyOf<'i, '_> {
    type Out = Option<&'i dyn AnyFamily>;
    fn of<T: Stored>(self) -> Self::Out {
        T::family(self.inventory, self.region).map(|family| family as &dyn AnyFamily)
    }
}
