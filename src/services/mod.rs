//! The operations that redress can call, each a type: its input under AWS's own names, and its properties.
//! One file per noun of AWS; the file of the same name in `aws/services` sends the operation through the SDK,
//! and the one in `twin/services` applies it to an account in memory. Nothing here calls anything.

pub mod access_key;
pub mod bucket;
pub mod ebs_defaults;
pub mod endpoint;
pub mod flow_log;
pub mod form;
pub mod image_sharing;
pub mod instance;
pub mod key;
pub mod listener;
pub mod log_group;
pub mod network_acl;
pub mod password_policy;
pub mod policy;
pub mod role;
pub mod route;
pub mod route_table;
pub mod secret;
pub mod security_group;
pub mod sign_in;
pub mod snapshot;
pub mod snapshot_sharing;
pub mod spec;
pub mod subnet;
pub mod tag;
pub mod trail;
pub mod user;
pub mod user_tag;
pub mod volume;
pub mod web_acl;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error},
};
use serde_json::Value;

pub use form::{Form, Planned, Ref, Sent};
pub use spec::{Power, Repeat, Risk, Spec, Takes};

/// An operation.
pub trait Operation: Serialize {
    /// The input as plans contain it.
    type Planned: DeserializeOwned;
    /// The properties of the operation beside its input.
    const SPEC: Spec;
}

/// Passes the list of all operations to a macro. An operation that is not in the list can be in no plan, and
/// one that is must have both sides: the sending, and the effect on the twin.
macro_rules! operations {
    ($then:ident) => {
        $then! {
            security_group::{
                AuthorizeSecurityGroupIngress, RevokeSecurityGroupIngress, AuthorizeSecurityGroupEgress,
                    RevokeSecurityGroupEgress
            }
            flow_log::{CreateFlowLogs, DeleteFlowLogs}
            snapshot::{CreateSnapshot, CreateSnapshots, CopySnapshot, DeleteSnapshot,
                RestoreSnapshotFromRecycleBin}
            volume::{CreateVolume, CopyVolumes, DeleteVolume, RestoreVolumeFromRecycleBin, AttachVolume,
                DetachVolume}
            snapshot_sharing::{ModifySnapshotAttribute, EnableSnapshotBlockPublicAccess,
                DisableSnapshotBlockPublicAccess}
            image_sharing::{ModifyImageAttribute, EnableImageBlockPublicAccess, DisableImageBlockPublicAccess}
            ebs_defaults::{EnableEbsEncryptionByDefault, DisableEbsEncryptionByDefault}
            instance::{StopInstances, StartInstances, ModifyInstanceAttribute}
            subnet::{ModifySubnetAttribute}
            route::{CreateRoute, ReplaceRoute, DeleteRoute}
            route_table::{AssociateRouteTable, ReplaceRouteTableAssociation, DisassociateRouteTable}
            key::{EnableKeyRotation, DisableKeyRotation}
            listener::{ModifyListener}
            network_acl::{CreateNetworkAclEntry, DeleteNetworkAclEntry}
            endpoint::{ModifyVpcEndpoint}
            web_acl::{AssociateWebACL, DisassociateWebACL}
            tag::{CreateTags, DeleteTags}
            secret::{CreateSecret, PutSecretValue, UpdateSecretVersionStage, DeleteSecret}
            log_group::{CreateLogGroup, PutRetentionPolicy, DeleteLogGroup, DeleteRetentionPolicy}
            password_policy::{UpdateAccountPasswordPolicy, DeleteAccountPasswordPolicy}
            user::{UpdateAccessKey, AttachUserPolicy, DetachUserPolicy, UpdateServiceSpecificCredential,
                UpdateSSHPublicKey, UpdateSigningCertificate}
            sign_in::{PutUserPolicy, DeleteUserPolicy, DeleteLoginProfile, CreateGroup, PutGroupPolicy,
                AddUserToGroup, RemoveUserFromGroup}
            access_key::{CreateAccessKey, DeleteAccessKey}
            user_tag::{TagUser, UntagUser}
            policy::{CreatePolicyVersion, SetDefaultPolicyVersion, DeletePolicyVersion}
            role::{CreateRole, PutRolePolicy, DeleteRolePolicy, DeleteRole}
            trail::{CreateTrail, UpdateTrail, StartLogging, StopLogging, DeleteTrail}
            bucket::{
                CreateBucket, DeleteBucket, PutBucketTagging, PutPublicAccessBlock, PutBucketVersioning,
                    PutBucketEncryption, PutBucketPolicy
            }
        }
    };
}
pub(crate) use operations;

macro_rules! registry {
    ($($noun:ident::{$($operation:ident),*})*) => {
        /// All operations.
        pub static SPECS: &[Spec] = &[$($(<$noun::$operation as Operation>::SPEC,)*)*];
    };
}
operations!(registry);

macro_rules! forms {
    ($($noun:ident::{$($operation:ident),*})*) => {
        /// Checks that an input has the form of its operation: all members that it must have, and none that
        /// redress never gives.
        ///
        /// # Errors
        /// The deviation, as the end of a sentence about the call.
        pub fn checked(service: &str, operation: &str, input: &Value) -> Result<(), String> {
            $($(if <$noun::$operation as Operation>::SPEC.is(service, operation) {
                return planned::<<$noun::$operation as Operation>::Planned>(input);
            })*)*
            Err("is no operation that redress makes".to_owned())
        }
    };
}
operations!(forms);

fn planned<O: DeserializeOwned>(input: &Value) -> Result<(), String> {
    O::deserialize(input).map(|_| ()).map_err(|error| {
        let error = error.to_string();
        let member = error.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
        member.map_or_else(
            || format!("has an input that redress never gives it: {error}"),
            |(member, _)| format!("gives {member}, which redress never does"),
        )
    })
}

macro_rules! sent_forms {
    ($($noun:ident::{$($operation:ident),*})*) => {
        /// Reads the input of an operation in the form that is sent, from any source of data, and returns it
        /// as a call contains it; `None` for an operation that is not registered. A source that is asked
        /// learns every member that can be sent, and its kind.
        pub fn sent<'de, D: Deserializer<'de>>(
            service: &str,
            operation: &str,
            input: D,
        ) -> Option<Result<Value, D::Error>> {
            $($(if <$noun::$operation as Operation>::SPEC.is(service, operation) {
                return Some(<$noun::$operation>::deserialize(input).and_then(|input| written(&input)));
            })*)*
            None
        }
    };
}
operations!(sent_forms);

fn written<E: Error>(input: &impl Serialize) -> Result<Value, E> {
    serde_json::to_value(input).map_err(E::custom)
}

/// Returns the entry of an operation.
pub fn find(service: &str, operation: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.is(service, operation))
}
