//! The processor's time of a thread, for what is measured on machines that others use too. It measures
//! nothing by itself.

use std::time::{Duration, Instant};

/// How long this thread has been at work: the first number of its `schedstat`, in nanoseconds
/// (<https://docs.kernel.org/scheduler/sched-stats.html>); the clock's where there is none.
pub fn worked(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| since.elapsed(), Duration::from_nanos)
}
