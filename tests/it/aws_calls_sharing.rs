//! The calls on sharing with everybody, made on an emulator and read back.

use redress::{calls::ErrorClass, inventory::FamilyKind as K};
use serde_json::{Value, json};

use crate::aws_calls::{Maker, US};

pub async fn snapshots(maker: &mut Maker) {
    let id = maker.seed(
        "ec2.create_snapshot(VolumeId=ec2.create_volume(AvailabilityZone='us-east-1a', \
         Size=1)['VolumeId'])['SnapshotId']",
    );
    let everybody = |direction: &str| {
        json!({ "SnapshotId": id, "Attribute": "createVolumePermission", "OperationType": direction,
            "GroupNames": ["all"] })
    };
    let block = "snapshot-block-public-access";
    for state in ["block-new-sharing", "block-all-sharing"] {
        maker.makes("ec2", "EnableSnapshotBlockPublicAccess", json!({ "State": state })).await;
        let seen = json!({ "state": state, "managed_by": "account" });
        assert_eq!(maker.json(US, K::SnapshotBlocks, block).await, seen);
    }
    let refused = maker.class_of("ec2", "ModifySnapshotAttribute", everybody("add")).await;
    assert_eq!(refused, ErrorClass::Semantic);
    maker.makes("ec2", "DisableSnapshotBlockPublicAccess", json!({})).await;
    assert_eq!(maker.json(US, K::SnapshotBlocks, block).await["state"], "unblocked");
    maker.seed(&format!(
        "ec2.modify_snapshot_attribute(SnapshotId='{id}', Attribute='createVolumePermission', \
         OperationType='add', UserIds=['999988887777']) and ''"
    ));
    for (direction, group) in [("add", json!("all")), ("remove", Value::Null)] {
        maker.makes("ec2", "ModifySnapshotAttribute", everybody(direction)).await;
        let seen = maker.json(US, K::SnapshotShares, &id).await;
        assert_eq!((&seen["group"], &seen["accounts"]), (&group, &json!(["999988887777"])));
    }
}

pub async fn images(maker: &mut Maker) {
    let id = maker.seed(
        "ec2.create_image(Name='golden', InstanceId=ec2.run_instances(ImageId='ami-12c6146b', MinCount=1, \
         MaxCount=1)['Instances'][0]['InstanceId'])['ImageId']",
    );
    maker.seed(&format!(
        "ec2.modify_image_attribute(ImageId='{id}', LaunchPermission={{'Add': [{{'UserId': '999988887777'}}]}}) \
         and ''"
    ));
    let everybody =
        |direction: &str| json!({ "ImageId": id, "LaunchPermission": { (direction): [{ "Group": "all" }] } });
    let block = "image-block-public-access";
    let enable = json!({ "ImageBlockPublicAccessState": "block-new-sharing" });
    maker.makes("ec2", "EnableImageBlockPublicAccess", enable).await;
    let seen = json!({ "state": "block-new-sharing", "managed_by": "account" });
    assert_eq!(maker.json(US, K::ImageBlocks, block).await, seen);
    let refused = maker.class_of("ec2", "ModifyImageAttribute", everybody("Add")).await;
    assert_eq!(refused, ErrorClass::Semantic);
    maker.makes("ec2", "DisableImageBlockPublicAccess", json!({})).await;
    assert_eq!(maker.json(US, K::ImageBlocks, block).await["state"], "unblocked");
    for (direction, group) in [("Add", json!("all")), ("Remove", Value::Null)] {
        maker.makes("ec2", "ModifyImageAttribute", everybody(direction)).await;
        let seen = maker.json(US, K::Images, &id).await;
        assert_eq!((&seen["group"], &seen["accounts"]), (&group, &json!(["999988887777"])));
    }
}
