//! The calls of a recovery, each with the signs by which it is recognised.

use serde_json::{Value, json};

use crate::{
    actions::make,
    calls::{Act, Call, Expect},
    inventory::{FamilyKind, Instance, Volume, tag},
    services::{
        Planned,
        instance::{ModifyInstanceAttribute, StartInstances},
        volume::AttachVolume,
    },
};

/// Seconds for an attachment.
const WITHIN: u64 = 600;

/// Starts the instance that a run left down, unless somebody has.
pub(super) fn start(region: &str, instance: &Instance) -> Act {
    let name = instance.id.as_str();
    let running =
        make::state(region, FamilyKind::Instances, name, &["running"], &["terminated", "shutting-down"]);
    let under_way = make::state(region, FamilyKind::Instances, name, &["pending", "running"], &[]);
    let call = Call::of(region, &StartInstances { instance_ids: vec![name.to_owned()] });
    let stopped = make::is(region, FamilyKind::Instances, name, "/state", "stopped")
        .meaning(&format!("somebody has started {name}"));
    make::act_under_way(
        call,
        vec![under_way],
        vec![running],
        instance.start_within(),
        "until the instance runs",
    )
    .only_if(vec![stopped])
    .or_leave()
}

/// Returns the EBS card of a disk, which only tags record once the disk is detached.
///
/// # Errors
/// The tag that cannot be read.
pub(super) fn card(volume: &Volume, copy: &Volume) -> Result<Option<i32>, String> {
    let Some((of, card)) = [volume, copy].iter().find_map(|v| Some((&v.id, v.tags.get(tag::EBS_CARD)?)))
    else {
        return Ok(None);
    };
    card.parse().map(Some).map_err(|_| {
        format!(
            "the tag {} of {of} is {card:?} and must be a number: set it right, and run this again",
            tag::EBS_CARD
        )
    })
}

/// Attaches a volume at a device, and at the EBS card where it was.
pub(super) fn attach(region: &str, instance: &str, volume: &str, device: &str, card: Option<i32>) -> Act {
    let is = |at: &str, value: Value| make::is(region, FamilyKind::Volumes, volume, at, value);
    let place =
        [is("/attachments/0/instance_id", json!(instance)), is("/attachments/0/device", json!(device))];
    let at_card = card.map(|card| is("/attachments/0/ebs_card_index", json!(card)));
    let place: Vec<Expect> = place.into_iter().chain(at_card).collect();
    let coming = make::one_of(
        region,
        FamilyKind::Volumes,
        volume,
        "/attachments/0/state",
        vec![json!("attaching"), json!("attached")],
    );
    let both =
        [is("/attachments/0/state", json!("attached")), make::mapped(region, instance, device, volume)];
    let until = place.iter().cloned().chain(both).collect();
    let attach = AttachVolume::<Planned> {
        volume_id: volume.into(),
        instance_id: instance.to_owned(),
        device: device.to_owned(),
        ebs_card_index: card,
    };
    let call = Call::of(region, &attach);
    make::act_under_way(
        call,
        place.into_iter().chain([coming]).collect(),
        until,
        WITHIN,
        "until the volume is attached",
    )
}

/// Builds the act that sets DeleteOnTermination to true. Attaching a volume sets it to false.
pub(super) fn goes_with(region: &str, instance: &str, volume: &str, device: &str) -> Act {
    let call = Call::of(region, &ModifyInstanceAttribute::goes_with(instance, device, true));
    let is = |at: &str, value: Value| make::is(region, FamilyKind::Volumes, volume, at, value);
    let place =
        vec![is("/attachments/0/instance_id", json!(instance)), is("/attachments/0/device", json!(device))];
    make::act(call, vec![is("/attachments/0/delete_on_termination", json!(true))]).only_if(place)
}
