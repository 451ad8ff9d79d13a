//! The pace at which redress asks AWS: one token bucket for each region, service and operation, shared by all
//! reads and calls of the process on an account. It begins with a share of what AWS documents
//! ([`super::pace_table`]), slows down when AWS asks for patience, and recovers. It only waits: it repeats
//! nothing and drops nothing.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use super::{
    accepted::Accepted,
    errors,
    pace_table::{self, Bucket},
    share::{SHARE, Tell},
};
use crate::calls::{CallError, ErrorClass};

/// The factor by which throttling cuts the rate.
const CUT: f64 = 0.5;
/// The smallest fraction of the rate to which it is cut.
const LEAST: f64 = 1.0 / 32.0;
/// The fraction of the rate that is regained in a second: from half to the whole in 25 s.
const RECOVERY: f64 = 0.02;
/// The time within which throttled answers belong to the same burst, and cut the rate once.
const SAME_BURST: Duration = Duration::from_secs(1);
/// The shortest wait that is reported.
const WORTH_TELLING: Duration = Duration::from_secs(3);
/// The bucket of endpoints that are not AWS: they have no documented one, and slow us down themselves if they
/// wish.
const OPEN: Bucket = Bucket { size: 1000.0, refill: 1000.0 };

/// A token bucket that adapts. Pure: the caller passes the time, counted from any beginning; it never runs
/// backwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Limiter {
    size: f64,
    rate: f64,
    /// The tokens at hand; below zero, the callers that took them still wait.
    tokens: f64,
    /// The fraction of the rate that is in force now.
    part: f64,
    at: Duration,
    cut_at: Option<Duration>,
}

impl Limiter {
    /// Creates a full bucket: `share` percent of a documented one, and never less than one token.
    pub fn new(bucket: Bucket, share: u8) -> Self {
        let share = f64::from(share.clamp(1, 100)) / 100.0;
        let size = (bucket.size * share).max(1.0);
        Self { size, rate: bucket.refill * share, tokens: size, part: 1.0, at: Duration::ZERO, cut_at: None }
    }

    /// Takes a token, and returns the wait before it may be used. Later callers wait longer.
    pub fn take(&mut self, now: Duration) -> Duration {
        self.pass(now);
        self.tokens -= 1.0;
        if self.tokens >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(self.until(-self.tokens / self.rate))
        }
    }

    /// Returns the seconds until `enough` has come, counted in seconds of the whole rate, while the rate
    /// recovers. Solves the sum of [`Limiter::pass`], so that those who wait never come in a bunch.
    fn until(&self, enough: f64) -> f64 {
        let rising = (1.0 - self.part) / RECOVERY;
        let by_then = self.part * rising + RECOVERY * rising * rising / 2.0;
        if enough >= by_then {
            rising + (enough - by_then)
        } else {
            ((self.part * self.part + 2.0 * RECOVERY * enough).sqrt() - self.part) / RECOVERY
        }
    }

    /// Records that AWS throttled: drops the saved tokens and cuts the rate.
    pub fn throttled(&mut self, now: Duration) {
        self.pass(now);
        if self.cut_at.is_some_and(|cut| self.at < cut + SAME_BURST) {
            return;
        }
        self.cut_at = Some(self.at);
        self.part = (self.part * CUT).max(LEAST);
        self.tokens = self.tokens.min(0.0);
    }

    /// Lets time pass: the rate recovers evenly, and tokens come at the rate of each moment.
    fn pass(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        let rising = seconds.min((1.0 - self.part) / RECOVERY);
        let parts = self.part * rising + RECOVERY * rising * rising / 2.0 + (seconds - rising);
        self.part = (self.part + RECOVERY * rising).min(1.0);
        self.tokens = (self.tokens + self.rate * parts).min(self.size);
    }
}

/// The limiters of one account.
pub struct Pace {
    /// The share of the documented buckets; `None` for an endpoint that is not AWS.
    share: Option<u8>,
    /// `true` at AWS's own endpoints.
    aws: bool,
    /// The regions in which the credentials were accepted.
    pub accepted: Accepted,
    began: Instant,
    limiters: Mutex<HashMap<String, Limiter>>,
    tell: OnceLock<Tell>,
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("share", &self.share).finish_non_exhaustive()
    }
}

impl Pace {
    /// Creates the pace at an endpoint: the share that was asked for; else [`SHARE`] on AWS, and no table
    /// elsewhere.
    pub fn new(asked: Option<u8>, endpoint: Option<&str>) -> Self {
        let aws = endpoint.is_none_or(is_aws);
        let share = asked.or_else(|| aws.then_some(SHARE));
        Self {
            share,
            aws,
            accepted: Accepted::default(),
            began: Instant::now(),
            limiters: Mutex::default(),
            tell: OnceLock::new(),
        }
    }

    /// Returns an error of an operation in a region as it is meant: by AWS rather than by an endpoint that
    /// stands in for it, and by that region rather than by the login.
    pub fn meant(&self, region: &str, operation: &str, error: CallError) -> CallError {
        let error = if self.aws { errors::at_aws(error) } else { error };
        self.accepted.meant(region, operation, error)
    }

    /// Sets the callback for long waits; the first one that is set stays.
    pub fn tell(&self, tell: Tell) {
        // A later callback is dropped.
        let _ = self.tell.set(tell);
    }

    /// Returns the calls of an operation per second that are allowed in each region; `None` where no table
    /// holds.
    pub fn rate(&self, operation: &str) -> Option<f64> {
        let (service, name) = operation.split_once(':').unwrap_or(("", operation));
        self.share.map(|share| pace_table::bucket(service, name).refill * f64::from(share) / 100.0)
    }

    /// Waits for the turn of an operation such as `ec2:DescribeVolumes`.
    pub async fn turn(&self, region: &str, operation: &str) {
        let wait = self.with(region, operation, Limiter::take);
        tracing::trace!("the turn of {operation} in {region}, after {wait:?}");
        self.wait(region, operation, wait).await;
    }

    /// Waits, and reports the wait when it is long.
    pub async fn wait(&self, region: &str, operation: &str, wait: Duration) {
        if wait >= WORTH_TELLING
            && let Some(tell) = self.tell.get()
        {
            let place = if region.is_empty() { String::new() } else { format!(" in {region}") };
            tell(&format!("{operation}{place}"), wait);
        }
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes note of how an operation went wrong.
    pub fn heard(&self, region: &str, operation: &str, class: ErrorClass) {
        if class == ErrorClass::Throttled {
            self.with(region, operation, Limiter::throttled);
        }
    }

    fn with<T>(&self, region: &str, operation: &str, act: impl FnOnce(&mut Limiter, Duration) -> T) -> T {
        let (service, name) = operation.split_once(':').unwrap_or(("", operation));
        // IAM is one for all regions.
        let region = if service == "iam" { "" } else { region };
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || match self.share {
            Some(share) => Limiter::new(pace_table::bucket(service, name), share),
            None => Limiter::new(OPEN, 100),
        };
        act(limiters.entry(format!("{region} {operation}")).or_insert_with(made), self.began.elapsed())
    }
}

/// Returns whether an endpoint is one of AWS's own, such as that of a VPC endpoint.
fn is_aws(url: &str) -> bool {
    let host = url.split("//").nth(1).unwrap_or(url).split(['/', ':']).next().unwrap_or_default();
    DOMAINS.iter().any(|domain| host.ends_with(domain))
}

/// The domains of AWS's endpoints, plain and dual-stack, of each partition
/// (<https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json>).
const DOMAINS: &[&str] = &[
    ".amazonaws.com",
    ".api.aws",
    ".amazonaws.com.cn",
    ".api.amazonwebservices.com.cn",
    ".amazonaws.eu",
    ".api.amazonwebservices.eu",
    ".c2s.ic.gov",
    ".api.aws.ic.gov",
    ".sc2s.sgov.gov",
    ".api.aws.scloud",
    ".cloud.adc-e.uk",
    ".api.cloud-aws.adc-e.uk",
    ".csp.hci.ic.gov",
    ".api.aws.hci.ic.gov",
];

tokio::task_local! {
    static HERE: (Arc<Pace>, String);
}

/// Runs a future that reads in a region at this pace, which [`current`] then finds.
pub async fn at<T>(pace: &Arc<Pace>, region: &str, what: impl Future<Output = T>) -> T {
    HERE.scope((Arc::clone(pace), region.to_owned()), what).await
}

/// Returns the pace and the region of the running task.
pub fn current() -> Option<(Arc<Pace>, String)> {
    HERE.try_with(Clone::clone).ok()
}

#[cfg(test)]
mod tests;
