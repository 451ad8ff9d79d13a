//! Copies of volumes that AWS is still initialising. A copy can be used at once, and counts against AWS's
//! limits until all of its data is its own. Nothing here reads.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Fact, Record, Volume, about::About, permissions::on_all};

/// The initialization of a volume (`ec2:DescribeVolumeStatus`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeStatus {
    /// `vol-...`
    pub id: String,
    /// `default`, `provisioned-rate`, `volume-copy`; nothing where AWS does not report it, or not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initialization_type: Option<String>,
    /// The part that is initialised, from 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initialization_progress: Option<i64>,
}

impl Record for VolumeStatus {
    const ABOUT: About =
        About { moves_by_itself: true, ..About::read_by(&[on_all("ec2:DescribeVolumeStatus")]) };
}

/// The result of a trial of copying a volume with encryption (`ec2:CopyVolumes` with `DryRun`), which has no
/// effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CopyTrial {
    /// The volume that would be copied: `vol-...`
    pub id: String,
    /// The result.
    pub copying: Copying,
}

/// The possibility of copying volumes with encryption.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Copying {
    /// The endpoint does not have the operation, or not with encryption.
    #[default]
    Unsupported,
    /// The caller may not copy the volume.
    Denied,
    /// The volume would be copied.
    Possible,
}

impl Record for CopyTrial {
    // A trial needs no permission: a denial is a result, too.
    const ABOUT: About = About { moves_by_itself: true, ..About::read_by(&[]) };
}

/// Returns the seconds that AWS takes at most to initialise a copy of so many GiB: six hours for the first
/// TiB, and 1.2 hours for each further one
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copying-volume.html>).
pub fn initialization_seconds(gib: i32) -> u64 {
    let further = u64::try_from(gib.saturating_sub(1024)).unwrap_or(0);
    6 * 3600 + (further * 4320).div_ceil(1024)
}

impl Volume {
    /// Returns whether AWS may still be initialising the volume as a copy of another. Its reported progress
    /// counts; where AWS reports none, the volume is initialised once AWS's own time for it has passed.
    pub fn may_be_initialising(&self, status: Fact<&VolumeStatus>, now: Timestamp) -> bool {
        if self.source_volume_id.is_none() {
            return false;
        }
        match status.known().and_then(|status| status.initialization_progress) {
            Some(progress) => progress < 100,
            None => self.create_time.is_none_or(|made| {
                let within = Duration::from_secs(initialization_seconds(self.size));
                made.checked_add(within).map_or(true, |by| now < by)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy() -> Volume {
        Volume {
            id: "vol-2".into(),
            size: 2048,
            state: "available".into(),
            source_volume_id: Some("vol-1".into()),
            create_time: "2026-11-22T10:00:00Z".parse().ok(),
            ..Volume::default()
        }
    }

    fn at(time: &str) -> Timestamp {
        format!("2026-11-22T{time}Z").parse().unwrap()
    }

    #[test]
    fn the_first_tib_takes_six_hours_and_each_further_one_less() {
        assert_eq!([1, 1024, 2048, 16_384].map(initialization_seconds), [21_600, 21_600, 25_920, 86_400]);
    }

    #[test]
    fn what_aws_reports_of_a_copy_counts_and_else_its_own_time() {
        let status = |initialization_progress| VolumeStatus { initialization_progress, ..Default::default() };
        let (half, whole, silent) = (status(Some(50)), status(Some(100)), status(None));
        for unknown in [Fact::NotRead, Fact::Absent, Fact::Unknown("denied".into()), Fact::Known(&silent)] {
            assert!(copy().may_be_initialising(unknown.clone(), at("17:11:59")));
            assert!(!copy().may_be_initialising(unknown, at("17:12:00")));
        }
        assert!(!copy().may_be_initialising(Fact::Known(&whole), at("10:01:00")));
        assert!(copy().may_be_initialising(Fact::Known(&half), at("23:00:00")));
        let undated = Volume { create_time: None, ..copy() };
        assert!(undated.may_be_initialising(Fact::NotRead, at("23:00:00")));
    }

    #[test]
    fn only_a_copy_is_initialised() {
        let plain = Volume { source_volume_id: None, ..copy() };
        assert!(!plain.may_be_initialising(Fact::NotRead, at("10:01:00")));
    }
}
