//! The checks on sharing with everybody: no snapshot or image is, and none can be.

use serde_json::{Value, json};

use super::{
    Check,
    one::{Info, Rule},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{
        Image, ImageBlock, SnapshotBlock, SnapshotShare,
        sharing::{ALL, ALL_BLOCKED, NEW_BLOCKED, UNBLOCKED},
    },
    resource::Kind,
};

/// The id of the check on public snapshots.
pub const SNAPSHOT_PUBLIC: &str = "snapshot-public";
/// The id of the check on the block on public snapshots.
pub const SNAPSHOTS_NOT_BLOCKED: &str = "snapshot-public-access-not-blocked";
/// The id of the check on public images.
pub const IMAGE_PUBLIC: &str = "image-public";
/// The id of the check on the block on public images.
pub const IMAGES_NOT_BLOCKED: &str = "image-public-access-not-blocked";
/// The parameter that names the mode of the block that is wanted.
pub const STATE: &str = "state";

/// The checks of this family.
pub static CHECKS: &[Check] = &[
    Check::of::<SnapshotPublic>(),
    Check::of::<SnapshotsNotBlocked>(),
    Check::of::<ImagePublic>(),
    Check::of::<ImagesNotBlocked>(),
];

struct SnapshotPublic;

impl Rule for SnapshotPublic {
    type On = SnapshotShare;
    const INFO: Info = Info {
        id: SNAPSHOT_PUBLIC,
        title: "A snapshot can be copied by everybody with an AWS account",
        why: "Whoever finds it makes a volume of it and reads the whole disk: files, keys, and what was \
              deleted. People search for such snapshots all the time.",
        severity: Severity::Critical,
        kind: Kind::Snapshot,
        known_as: &[
            ("security-hub", &["EC2.1"]),
            ("pci-dss-3.2.1", &["PCI.EC2.1"]),
            ("prowler", &["ec2_ebs_public_snapshot"]),
            ("prowler-2", &["extra72"]),
            ("config-managed", &["ebs-snapshot-public-restorable-check"]),
            ("custodian", &["ebs-snapshot/cross-account"]),
        ],
        triggers: &["ec2:ModifySnapshotAttribute"],
    };

    fn judge(share: &SnapshotShare, _: &Value) -> Verdict {
        match share.group.as_deref() {
            None => Verdict::Ok(None),
            Some(ALL) => Verdict::Violates(json!({ "volume": share.volume_id, "taken": share.start_time,
                    "accounts": share.accounts })),
            Some(other) => Verdict::Unknown(format!("it is shared with the group {other}")),
        }
    }
}

struct SnapshotsNotBlocked;

impl Rule for SnapshotsNotBlocked {
    type On = SnapshotBlock;
    const INFO: Info = Info {
        id: SNAPSHOTS_NOT_BLOCKED,
        title: "Snapshots of a region can be shared with everybody",
        why: "One call, by anybody who may share snapshots at all, gives a disk to the world; the block \
              refuses that call whoever makes it.",
        severity: Severity::High,
        kind: Kind::SnapshotBlock,
        known_as: &[
            ("security-hub", &["EC2.182"]),
            ("prowler", &["ec2_ebs_snapshot_account_block_public_access"]),
            ("config-managed", &["ebs-snapshot-block-public-access"]),
        ],
        triggers: &["ec2:DisableSnapshotBlockPublicAccess"],
    };

    fn judge(block: &SnapshotBlock, with: &Value) -> Verdict {
        let new_is_enough = with.get(STATE).and_then(Value::as_str) == Some(NEW_BLOCKED);
        match block.state.as_str() {
            ALL_BLOCKED => Verdict::Ok(None),
            NEW_BLOCKED if new_is_enough => Verdict::Ok(None),
            UNBLOCKED | NEW_BLOCKED => {
                Verdict::Violates(json!({ "state": block.state, "managed_by": block.managed_by }))
            }
            other => Verdict::Unknown(format!("the block on public snapshots is {other:?}")),
        }
    }
}

struct ImagePublic;

impl Rule for ImagePublic {
    type On = Image;
    const INFO: Info = Info {
        id: IMAGE_PUBLIC,
        title: "An image (AMI) can be launched by everybody with an AWS account",
        why: "Whoever finds it launches it and reads the whole disk: code, keys, and what was deleted. \
              People search for such images all the time.",
        severity: Severity::Critical,
        kind: Kind::Image,
        known_as: &[
            ("prowler", &["ec2_ami_public"]),
            ("prowler-2", &["extra76"]),
            ("config-managed", &["ami-public-check"]),
        ],
        triggers: &["ec2:ModifyImageAttribute"],
    };

    fn judge(image: &Image, _: &Value) -> Verdict {
        match image.group.as_deref() {
            None => Verdict::Ok(None),
            Some(ALL) => Verdict::Violates(json!({ "name": image.name, "accounts": image.accounts,
                    "last_launched": image.last_launched.known() })),
            Some(other) => Verdict::Unknown(format!("it is shared with the group {other}")),
        }
    }
}

struct ImagesNotBlocked;

impl Rule for ImagesNotBlocked {
    type On = ImageBlock;
    const INFO: Info = Info {
        id: IMAGES_NOT_BLOCKED,
        title: "Images (AMIs) of a region can be shared with everybody",
        why: "One call, by anybody who may share images at all, gives a disk to the world; the block refuses \
              that call whoever makes it.",
        severity: Severity::High,
        kind: Kind::ImageBlock,
        known_as: &[("prowler", &["ec2_ami_account_block_public_access"])],
        triggers: &["ec2:DisableImageBlockPublicAccess"],
    };

    fn judge(block: &ImageBlock, _: &Value) -> Verdict {
        match block.state.as_str() {
            NEW_BLOCKED => Verdict::Ok(None),
            UNBLOCKED => Verdict::Violates(json!({ "managed_by": block.managed_by })),
            other => Verdict::Unknown(format!("the block on public images is {other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Fact;

    #[test]
    fn everybody_is_a_violation_and_single_accounts_are_none() {
        let share = |group: Option<&str>| SnapshotShare {
            group: group.map(str::to_owned),
            accounts: vec!["999988887777".into()],
            ..SnapshotShare::default()
        };
        let judge = |group| SnapshotPublic::judge(&share(group), &Value::Null);
        assert_eq!(judge(None), Verdict::Ok(None));
        assert!(
            matches!(judge(Some("all")), Verdict::Violates(said) if said["accounts"][0] == "999988887777")
        );
        assert!(matches!(judge(Some("friends")), Verdict::Unknown(_)));
    }

    #[test]
    fn only_the_words_that_prove_a_block_are_one() {
        let judge = |state: &str, with: Value| {
            let block = SnapshotBlock { state: state.into(), managed_by: "account".into() };
            SnapshotsNotBlocked::judge(&block, &with)
        };
        let new = || json!({ "state": "block-new-sharing" });
        assert_eq!(judge("block-all-sharing", Value::Null), Verdict::Ok(None));
        assert_eq!(judge("block-all-sharing", new()), Verdict::Ok(None));
        assert_eq!(judge("block-new-sharing", new()), Verdict::Ok(None));
        for (state, with) in [("block-new-sharing", Value::Null), ("unblocked", new())] {
            assert!(matches!(judge(state, with), Verdict::Violates(_)), "{state}");
        }
        assert!(matches!(judge("block-some-sharing", new()), Verdict::Unknown(_)));
    }

    #[test]
    fn an_image_for_everybody_is_a_violation_whether_or_not_anybody_launches_it() {
        let image = |group: Option<&str>, last_launched| Image {
            group: group.map(str::to_owned),
            last_launched,
            ..Image::default()
        };
        let judge = |image: Image| ImagePublic::judge(&image, &Value::Null);
        assert_eq!(judge(image(None, Fact::NotRead)), Verdict::Ok(None));
        for last in
            [Fact::Absent, Fact::unknown("denied"), Fact::Known("2026-11-01T10:00:00Z".parse().unwrap())]
        {
            assert!(matches!(judge(image(Some("all"), last)), Verdict::Violates(_)));
        }
        assert!(matches!(judge(image(Some("friends"), Fact::Absent)), Verdict::Unknown(_)));
        let block = |state: &str| ImageBlock { state: state.into(), managed_by: "account".into() };
        let judge = |state| ImagesNotBlocked::judge(&block(state), &Value::Null);
        assert_eq!(judge("block-new-sharing"), Verdict::Ok(None));
        assert!(matches!(judge("unblocked"), Verdict::Violates(_)));
        assert!(matches!(judge("half"), Verdict::Unknown(_)));
    }
}
