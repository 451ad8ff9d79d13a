//! Reads volumes, their modifications, and the account's own snapshots.

use aws_sdk_ec2::{Client, types};

use super::{
    Ask, Members, not_listed,
    page::{filters, known, pages, some, tags, text, time},
};
use crate::inventory::{Snapshot, Volume, VolumeModification, VolumeStatus, compute::Attachment};

/// Calls `ec2:DescribeVolumes`.
pub async fn volumes(ec2: &Client, ask: &Ask) -> Members<Volume> {
    let request = ec2
        .describe_volumes()
        .include_managed_resources(true)
        .set_filters(filters(ask, "volume-id"))
        .max_results(500);
    let volumes = pages!("ec2:DescribeVolumes", request, volumes);
    Ok(known(volumes.into_iter().map(volume), |v| &v.id))
}

fn volume(volume: types::Volume) -> Volume {
    let attached = volume.attachments.iter().flatten().filter_map(|a| time(a.attach_time)).max();
    Volume {
        id: text(volume.volume_id),
        size: volume.size.unwrap_or_default(),
        volume_type: text(volume.volume_type),
        iops: volume.iops,
        throughput: volume.throughput,
        encrypted: volume.encrypted.unwrap_or_default(),
        kms_key_id: some(volume.kms_key_id),
        availability_zone: text(volume.availability_zone),
        state: text(volume.state),
        attachments: volume.attachments.unwrap_or_default().into_iter().map(attachment).collect(),
        attached_at: attached,
        snapshot_id: some(volume.snapshot_id),
        source_volume_id: some(volume.source_volume_id),
        volume_initialization_rate: volume.volume_initialization_rate,
        multi_attach: volume.multi_attach_enabled.unwrap_or_default(),
        operator: operator(volume.operator),
        outpost_arn: some(volume.outpost_arn),
        create_time: time(volume.create_time),
        tags: tags(volume.tags),
    }
}

fn attachment(attachment: types::VolumeAttachment) -> Attachment {
    Attachment {
        instance_id: text(attachment.instance_id),
        device: text(attachment.device),
        state: text(attachment.state),
        delete_on_termination: attachment.delete_on_termination.unwrap_or_default(),
        // 0 is the default, and left out where a type has no other card.
        ebs_card_index: attachment.ebs_card_index.filter(|card| *card != 0),
        associated_resource: some(attachment.associated_resource),
        instance_owning_service: some(attachment.instance_owning_service),
    }
}

/// Returns the service that operates a resource, if one does.
pub fn operator(operator: Option<types::OperatorResponse>) -> Option<String> {
    let operator = operator.filter(|o| o.managed == Some(true))?;
    Some(some(operator.principal).unwrap_or_else(|| "a service of AWS".to_owned()))
}

/// Calls `ec2:DescribeVolumesModifications`.
pub async fn modifications(ec2: &Client, ask: &Ask) -> Members<VolumeModification> {
    let request = ec2
        .describe_volumes_modifications()
        .include_managed_resources(true)
        .set_filters(filters(ask, "volume-id"))
        .max_results(500);
    let modifications = pages!("ec2:DescribeVolumesModifications", request, volumes_modifications);
    let modifications = modifications.into_iter().map(|m: types::VolumeModification| VolumeModification {
        id: text(m.volume_id),
        modification_state: text(m.modification_state),
    });
    Ok(known(modifications, |m| &m.id))
}

/// Calls `ec2:DescribeVolumeStatus`. It has no filter for ids, and fails whole for one that does not exist.
pub async fn statuses(ec2: &Client, ask: &Ask) -> Members<VolumeStatus> {
    let request = ec2.describe_volume_status().include_managed_resources(true);
    let request = match ask {
        // AWS takes either ids or a number of results.
        Ask::Ids(ids) => request.set_volume_ids(Some(ids.clone())),
        Ask::All => request.max_results(1000),
        Ask::By(..) => return not_listed("the statuses of volumes"),
    };
    let statuses = pages!("ec2:DescribeVolumeStatus", request, volume_statuses);
    Ok(known(statuses.into_iter().map(status), |s| &s.id))
}

fn status(status: types::VolumeStatusItem) -> VolumeStatus {
    let initialization = status.initialization_status_details;
    VolumeStatus {
        id: text(status.volume_id),
        initialization_type: initialization.as_ref().and_then(|i| some(i.initialization_type.clone())),
        initialization_progress: initialization.and_then(|i| i.progress),
    }
}

/// Calls `ec2:DescribeSnapshots` with `OwnerIds=self`. Emulators also list snapshots of public images there.
pub async fn snapshots(ec2: &Client, account: &str, ask: &Ask) -> Members<Snapshot> {
    let request =
        ec2.describe_snapshots().owner_ids("self").set_filters(filters(ask, "snapshot-id")).max_results(1000);
    let snapshots = pages!("ec2:DescribeSnapshots", request, snapshots);
    let own = snapshots.into_iter().filter(|s: &types::Snapshot| s.owner_id.as_deref() == Some(account));
    Ok(known(own.map(snapshot), |s| &s.id))
}

fn snapshot(snapshot: types::Snapshot) -> Snapshot {
    Snapshot {
        id: text(snapshot.snapshot_id),
        volume_id: text(snapshot.volume_id),
        state: text(snapshot.state),
        start_time: time(snapshot.start_time),
        volume_size: snapshot.volume_size.unwrap_or_default(),
        encrypted: snapshot.encrypted.unwrap_or_default(),
        kms_key_id: some(snapshot.kms_key_id),
        description: text(snapshot.description),
        storage_tier: some(snapshot.storage_tier).unwrap_or_else(|| "standard".to_owned()),
        state_message: some(snapshot.state_message),
        transfer_type: some(snapshot.transfer_type),
        progress: some(snapshot.progress),
        tags: tags(snapshot.tags),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_sdk_ec2::operation::attach_volume::AttachVolumeInput;

    use super::*;
    use crate::services::{Sent, volume::AttachVolume};

    /// Returns the names of the members that the debug form of a plain structure shows.
    fn members(debug: &str) -> BTreeSet<String> {
        let inner = debug.split_once('{').unwrap().1;
        inner.split(',').filter_map(|part| Some(part.split_once(':')?.0.trim().to_owned())).collect()
    }

    #[test]
    fn every_member_of_an_attachment_that_attach_volume_takes_is_recorded_and_sent() {
        let taken = members(&format!("{:?}", AttachVolumeInput::builder().build().unwrap()));
        let shown = members(&format!("{:?}", types::VolumeAttachment::builder().build()));
        assert!(taken.contains("device") && shown.contains("attach_time"), "{taken:?} {shown:?}");
        let recorded = attachment(
            types::VolumeAttachment::builder()
                .instance_id("i-1")
                .device("/dev/sdf")
                .ebs_card_index(1)
                .delete_on_termination(true)
                .build(),
        );
        let sent = AttachVolume::<Sent> {
            volume_id: "vol-1".into(),
            instance_id: recorded.instance_id.clone(),
            device: recorded.device.clone(),
            ebs_card_index: recorded.ebs_card_index,
        };
        let recorded = serde_json::to_value(recorded).unwrap();
        let sent = serde_json::to_value(sent).unwrap();
        // The volume is the record that the attachment belongs to.
        for member in taken.intersection(&shown).filter(|member| *member != "volume_id") {
            let pascal: String =
                member.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
            assert!(recorded.get(member).is_some(), "the record leaves out {member}");
            assert_eq!(sent.get(&pascal), recorded.get(member), "{member}");
        }
    }

    #[test]
    fn an_attachment_to_something_of_a_service_names_that_and_the_default_card_is_left_out() {
        let held = attachment(
            types::VolumeAttachment::builder()
                .associated_resource("arn:aws:ecs:us-east-1:123456789012:task/blue/1")
                .instance_owning_service("ecs.amazonaws.com")
                .ebs_card_index(0)
                .build(),
        );
        assert_eq!((held.instance(), held.ebs_card_index), (None, None));
        let volume = Volume { attachments: vec![held], ..Volume::default() };
        let task = "arn:aws:ecs:us-east-1:123456789012:task/blue/1";
        assert_eq!(volume.held_by_service(), Some((task, "ecs.amazonaws.com")));
    }
}
