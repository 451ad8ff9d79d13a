//! The time after the change, as the plan describes it: disks that are slow at first, a key that others need
//! from then on, and kept resources that scanners report.

use super::{
    Via,
    doubles::initialization,
    parts::{Disk, Job},
};

impl Job<'_> {
    /// Describes the time after the change in which the new volumes are slow: blocks are loaded when they are
    /// first read (<https://docs.aws.amazon.com/ebs/latest/userguide/initalize-volume.html>).
    pub fn first_reads(&self, disks: &[Disk<'_>]) -> String {
        if self.parameters.via == Via::VolumeCopy {
            return initialization(disks);
        }
        let largest = disks.iter().map(|d| i64::from(d.volume.size)).max().unwrap_or_default();
        match self.parameters.initialization_rate {
            None => {
                "each block of a new volume is loaded from S3 when it is first read: reads are slow until \
                     then, on large disks for hours; the parameter initialization_rate sets a rate for it"
                    .to_owned()
            }
            Some(rate) => format!(
                "the new volumes are loaded from S3 at {rate} MiB/s each, the largest in {} minutes at most, \
                 and reads of what is not loaded yet are slow; AWS bills that rate by the GiB",
                (largest * 1024 / i64::from(rate) / 60).max(1)
            ),
        }
    }

    /// Describes who must be allowed to use the key from now on, where AWS's own key does not let in
    /// everybody.
    pub fn later_starts(&self, what: &str) -> Option<String> {
        let line = || {
            format!(
                "whoever starts {what} from then on, or attaches its volumes, needs kms:CreateGrant on {}: \
                 people, schedulers and automation alike",
                self.key
            )
        };
        self.own_key.then(line)
    }

    /// Describes the resources that scanners go on reporting as unencrypted.
    pub fn shown_by_scanners(&self, disks: usize) -> String {
        let of = |word: &str| if disks == 1 { format!("1 {word}") } else { format!("{disks} {word}s") };
        let kept = match self.parameters.via {
            Via::VolumeCopy => of("old volume"),
            Via::Auto | Via::Copy | Via::Direct => {
                format!("{} and {}", of("old volume"), of("final snapshot"))
            }
        };
        let them = if disks == 1 && self.parameters.via == Via::VolumeCopy { "it" } else { "them" };
        format!(
            "scanners go on reporting as unencrypted what is kept: {kept}, until `redress prune` deletes \
             {them}"
        )
    }

    /// Describes the cost of what is kept. `old` stands for the old volumes, with the verb for them alone.
    pub fn paid_twice(&self, (old, are): (&str, &str)) -> String {
        let kept = match self.parameters.via {
            Via::VolumeCopy => format!("{old} {are}"),
            Via::Auto | Via::Copy | Via::Direct => format!("{old} and the snapshots are"),
        };
        format!(
            "the storage is paid twice until {kept} pruned, {} days after the run at the earliest",
            self.parameters.keep_days
        )
    }
}
