//! The names of the steps that pass over the disks while the instance still runs.

/// The step that takes the warm set of snapshots, which is never swapped in, and is deleted at the end.
pub(super) const WARM: &str = "warm";
/// The steps that copy that set, without their numbers.
pub(super) const WARM_COPY: &str = "warm-copy";
/// Returns `true` for steps whose snapshots were taken while the instance could still write: they are not fit
/// to be swapped in.
pub fn is_warm(step: &str) -> bool {
    step.strip_prefix(WARM_COPY).map_or(step == WARM, |n| n.starts_with('-'))
}
