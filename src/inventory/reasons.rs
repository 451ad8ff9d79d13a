//! Why things are as they are, in AWS's own words: where a record of each kind holds them, and what it means that a thing
//! which AWS has confirmed is not there any more.

use super::FamilyKind;

/// What a kind of things says of its reasons.
#[derive(Default)]
struct Reasons {
    held: Option<&'static str>,
    vanished: Option<&'static str>,
}

impl FamilyKind {
    /// The member, as a JSON pointer, that holds AWS's reason for the state of a thing.
    pub fn reason(self) -> Option<&'static str> {
        self.reasons().held
    }

    /// The likely reason, as the end of a sentence, when a thing that AWS has confirmed vanishes by itself. EC2 looks at the
    /// KMS key of a volume only after it has answered
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html>, KmsKeyId).
    pub fn vanishes(self) -> Option<&'static str> {
        self.reasons().vanished
    }

    fn reasons(self) -> Reasons {
        match self {
            FamilyKind::Instances => Reasons { held: Some("/state_reason"), ..Reasons::default() },
            FamilyKind::Snapshots => Reasons { held: Some("/state_message"), ..Reasons::default() },
            FamilyKind::Volumes => Reasons {
                vanished: Some(
                    "; EC2 takes a volume back by itself when its KMS key may not be used: see that the key is enabled, and that the caller \
                     may kms:CreateGrant, kms:Decrypt and kms:GenerateDataKeyWithoutPlaintext on it",
                ),
                ..Reasons::default()
            },
            FamilyKind::SecurityGroups
            | FamilyKind::SecurityGroupRules
            | FamilyKind::PrefixLists
            | FamilyKind::NetworkInterfaces
            | FamilyKind::Vpcs
            | FamilyKind::FlowLogs
            | FamilyKind::InstanceStatuses
            | FamilyKind::InstanceTypes
            | FamilyKind::VolumeModifications
            | FamilyKind::Removals
            | FamilyKind::ManagedInstances
            | FamilyKind::LogGroups
            | FamilyKind::Keys
            | FamilyKind::EbsDefaults
            | FamilyKind::Trails
            | FamilyKind::Roles
            | FamilyKind::Buckets => Reasons::default(),
        }
    }
}
