//! The disks of an instance, and those of them that are to be replaced.

use super::{needed_volume, parts::Disk, to_encrypt};
use crate::{
    actions::{Context, Refusal},
    inventory::{Instance, Volume},
};

/// The disks of an instance: device, volume, DeleteOnTermination; and those of them that are replaced. The
/// root comes first.
pub(super) type Disks<'a> = (Vec<(&'a str, &'a Volume, bool)>, Vec<Disk<'a>>);

/// Returns the disks of an instance.
///
/// # Errors
/// A refusal if a volume is not known.
pub(super) fn disks_of<'a>(context: &Context<'a>, instance: &'a Instance) -> Result<Disks<'a>, Refusal> {
    let mut volumes: Vec<(&str, &Volume, bool)> = Vec::new();
    for device in &instance.devices {
        volumes.push((
            &device.device_name,
            needed_volume(context, &device.volume_id)?,
            device.delete_on_termination,
        ));
    }
    volumes.sort_by_key(|(device, ..)| (*device != instance.root_device_name, device.to_string()));
    let chosen = volumes.iter().filter(|(_, v, _)| to_encrypt(v)).enumerate();
    let disks = chosen
        .map(|(at, &(device, volume, dot))| Disk {
            n: at + 1,
            volume,
            place: Some((&instance.id, device)),
            delete_on_termination: dot,
            card: volume.card_at(&instance.id),
        })
        .collect();
    Ok((volumes, disks))
}
