//! Copies of volumes (`CopyVolumes`): a disk is copied as a volume, while nothing can write to it, without a
//! snapshot. A copy can be used at once and is initialised afterwards
//! (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copying-volume.html>).

use super::{
    Parameters, Via,
    parts::{Disk, Job, speed},
};
use crate::{
    actions::{Refusal, support::tag_specifications},
    calls::{Act, KeptOnce, Step, reference},
    inventory::volume_copies::initialization_seconds,
    services::{
        Planned,
        volume::{CopyVolumes, MOST_VOLUME_COPIES},
    },
};

/// The part of a zone's name that stands for a Wavelength Zone
/// (<https://docs.aws.amazon.com/wavelength/latest/developerguide/available-wavelength-zones.html>).
const WAVELENGTH: &str = "-wlz-";

/// Checks that AWS can copy these disks as volumes, all of them while their instance is down.
///
/// # Errors
/// A refusal with the reason, and another way.
pub fn may_be_copied(disks: &[Disk<'_>], parameters: &Parameters) -> Result<(), Refusal> {
    match hindrance(disks, parameters) {
        Some(why) if parameters.via == Via::VolumeCopy => {
            Err(Refusal::Refused(format!("via is volume-copy, and {why}: set via = \"direct\"")))
        }
        _ => Ok(()),
    }
}

/// Returns the reason for which AWS cannot copy these disks as volumes.
pub fn hindrance(disks: &[Disk<'_>], parameters: &Parameters) -> Option<String> {
    if disks.len() > MOST_VOLUME_COPIES {
        return Some(format!(
            "AWS has {MOST_VOLUME_COPIES} copies of volumes in progress at a time, and {} disks are to be \
             copied while the instance is down",
            disks.len()
        ));
    }
    let zone = disks.first().map_or("", |disk| disk.volume.availability_zone.as_str());
    if zone.contains(WAVELENGTH) {
        return Some(format!("AWS copies no volumes in the Wavelength Zone {zone}"));
    }
    let rate = parameters.initialization_rate?;
    Some(format!("AWS takes no initialization_rate ({rate} MiB/s) for copies of volumes"))
}

impl Job<'_> {
    /// Copies the disks as volumes, encrypted; the last step waits until all of them are available, encrypted
    /// under the key. `guarded` adds the conditions under which nothing can write to the disks.
    ///
    /// # Errors
    /// A refusal if there are more tags than AWS allows.
    pub fn doubles(
        &self,
        disks: &[Disk<'_>],
        kept_once: Option<&KeptOnce>,
        guarded: &dyn Fn(Act) -> Act,
    ) -> Result<Vec<Step>, Refusal> {
        let one = |(at, disk): (usize, &Disk<'_>)| {
            let old = disk.volume;
            let (iops, throughput) = speed(old);
            let copy = CopyVolumes::<Planned> {
                source_volume_id: old.id.clone(),
                volume_type: Some(old.volume_type.clone()),
                size: Some(old.size),
                iops,
                throughput,
                encrypted: Some(true),
                kms_key_id: Some(self.key.clone()),
                tag_specifications: tag_specifications("volume", &old.tags, &self.place_of(disk))?,
                client_token: reference::token().into(),
            };
            Ok(self.new_one(disks, at, self.call(&copy), kept_once, guarded))
        };
        disks.iter().enumerate().map(one).collect()
    }
}

/// Describes the time after the change in which AWS initialises the copies.
pub fn initialization(disks: &[Disk<'_>]) -> String {
    let largest = disks.iter().map(|d| d.volume.size).max().unwrap_or_default();
    format!(
        "the new volumes can be used at once, and AWS initialises them for up to {} hours: until then each \
         may be no faster than the disk that it was copied from, nor than 3,000 IOPS and 125 MiB/s; AWS \
         bills each copy once, by the GiB",
        initialization_seconds(largest).div_ceil(3600)
    )
}

/// Describes the wait for room.
pub fn room() -> String {
    format!(
        "it waits, before anything is stopped, until AWS has room for the copies: {MOST_VOLUME_COPIES} may \
         be in progress in a region, those of others included, and one of each volume, until they are \
         initialised"
    )
}
