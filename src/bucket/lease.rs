//! Locks in a bucket: an object that is written only if there is none, and that its holder keeps changing as
//! a sign of life. Without one for the time of a lease it counts as left behind, and is taken over only in
//! exactly the state in which it was seen. No two processes hold it at once, whatever their clocks show.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{
    Inside, S3Store,
    object::{Condition, Put},
};
use crate::{
    aws::errors,
    calls::{CallError, Until},
    journal::Holder,
};

/// The content of the lock object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Text {
    #[serde(flatten)]
    holder: Holder,
    /// Counts the signs of life: each gives the object another ETag.
    beat: u64,
    /// Seconds without a sign of life after which it is free.
    expires_after: u64,
}

/// A lock that this process holds, as far as it knows.
pub struct Lease {
    key: String,
    life: Mutex<Life>,
    lost: AtomicBool,
    over: AtomicBool,
}

struct Life {
    text: Text,
    etag: String,
    last: Sign,
}

/// The moment before a sign of life was sent, by both clocks: the one stands still while a machine sleeps,
/// the other can be set. The answer may arrive much later than the moment from which the bucket counts, so
/// its arrival time proves nothing.
#[derive(Debug, Clone, Copy)]
struct Sign(Instant, Timestamp);

impl Sign {
    fn now() -> Self {
        Self(Instant::now(), Timestamp::now())
    }

    /// Returns the time until which no other process can have taken over the lock: a process that wants the
    /// lock waits for half a lease and sees no other sign of life, whatever age its clock shows for this one.
    fn holds(self, lease: Duration) -> Until {
        Until::after((self.0, self.1), lease / 2)
    }

    fn age(self) -> Duration {
        self.0.elapsed().max(Timestamp::now().duration_since(self.1).try_into().unwrap_or_default())
    }
}

/// The error code of a lost lock.
pub const LOST: &str = "LockLost";

/// Takes a lock: returns the lease and the holder that left it behind, or a description of the present
/// holder.
pub async fn take(
    inside: &Inside,
    key: String,
    holder: Holder,
) -> Result<Result<(Arc<Lease>, Option<Holder>), String>, CallError> {
    let text = Text { holder, beat: 0, expires_after: inside.lease.as_secs() };
    let body = serde_json::to_vec(&text).unwrap_or_default();
    // Twice, since the holder may release it between the two requests.
    for _ in 0..2 {
        let sign = Sign::now();
        if let Put::Written(etag) = inside.bucket.put(&key, &body, Condition::Absent).await? {
            return Ok(Ok((lease(key, text, etag, sign), None)));
        }
        let Some(there) = inside.bucket.get(&key).await? else { continue };
        let before: Option<Text> = serde_json::from_slice(&there.body).ok();
        let words = before.as_ref().map_or_else(|| "another redress".to_owned(), |t| t.holder.words());
        let lives = lifetime(before.as_ref(), inside.lease);
        let age: Option<Duration> =
            there.modified.and_then(|m| Timestamp::now().duration_since(m).try_into().ok());
        if age.is_some_and(|age| age < lives) {
            return Ok(Err(words));
        }
        // By the clocks it is left behind; but clocks differ. A holder that lives gives a sign of life within
        // this time.
        tokio::time::sleep(lives / 2).await;
        let sign = Sign::now();
        return Ok(match inside.bucket.put(&key, &body, Condition::Is(&there.etag)).await? {
            Put::Written(etag) => Ok((lease(key, text, etag, sign), before.map(|t| t.holder))),
            Put::Refused => Err(words),
        });
    }
    Ok(Err("another redress".to_owned()))
}

/// The longest time without a sign of life for which a lock counts. The object is a claim of whoever can
/// write to the bucket: it cannot keep others out for longer.
const LONGEST: Duration = Duration::from_secs(600);

/// Returns how long a lock counts without a sign of life: as its object has it, or as this process's own.
fn lifetime(there: Option<&Text>, own: Duration) -> Duration {
    there.map_or(own, |text| Duration::from_secs(text.expires_after)).min(LONGEST)
}

fn lease(key: String, text: Text, etag: String, last: Sign) -> Arc<Lease> {
    let life = Mutex::new(Life { text, etag, last });
    Arc::new(Lease { key, life, lost: AtomicBool::new(false), over: AtomicBool::new(false) })
}

/// Gives signs of life until the lease is over or lost.
pub async fn beats(inside: Weak<Inside>, lease: Arc<Lease>) {
    loop {
        let Some(pause) = inside.upgrade().map(|i| i.lease / 4) else { return };
        tokio::time::sleep(pause).await;
        let Some(inside) = inside.upgrade() else { return };
        // A passing failure is repeated at the next beat; the journal checks for itself before it writes.
        let _ = lease.beat(&inside, Duration::ZERO).await;
        if lease.lost.load(Ordering::SeqCst) || lease.over.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// Returns the time until which all locks of this process are still its own; called before every record and
/// directly before every call. A lock whose last sign of life is older than a third of a lease first gives
/// another.
pub async fn all_alive(inside: &Inside) -> Result<Until, CallError> {
    let leases = inside.leases.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let mut until = Until::EVER;
    for lease in leases {
        until = until.earlier(lease.beat(inside, inside.lease / 3).await?);
    }
    Ok(until)
}

/// Returns whether a sign of life of this process has shown that one of its locks belongs to another process.
pub fn any_lost(inside: &Inside) -> bool {
    let leases = inside.leases.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    leases.iter().any(|lease| lease.lost.load(Ordering::SeqCst))
}

impl Lease {
    /// Gives a sign of life, unless the last one is younger than `age`; returns the time until which the lock
    /// is held.
    async fn beat(&self, inside: &Inside, age: Duration) -> Result<Until, CallError> {
        let mut life = self.life.lock().await;
        if self.lost.load(Ordering::SeqCst) {
            return Err(self.taken_over(inside, life.last).await);
        }
        if self.over.load(Ordering::SeqCst) {
            return Ok(Until::EVER);
        }
        if life.last.age() < age {
            return Ok(life.last.holds(inside.lease));
        }
        let text = Text { beat: life.text.beat + 1, ..life.text.clone() };
        let body = serde_json::to_vec(&text).unwrap_or_default();
        let last = Sign::now();
        match inside.bucket.put(&self.key, &body, Condition::Is(&life.etag)).await? {
            Put::Written(etag) => {
                *life = Life { text, etag, last };
                Ok(last.holds(inside.lease))
            }
            Put::Refused => {
                self.lost.store(true, Ordering::SeqCst);
                Err(self.taken_over(inside, life.last).await)
            }
        }
    }

    /// Builds the error that names the present holder of the lock, as far as the bucket shows it.
    async fn taken_over(&self, inside: &Inside, last: Sign) -> CallError {
        let there = inside.bucket.get(&self.key).await.ok().flatten();
        let by = there
            .and_then(|got| serde_json::from_slice::<Text>(&got.body).ok())
            .map_or_else(|| "another process".to_owned(), |text| text.holder.words());
        let silent = last.age().as_secs();
        errors::in_body(
            "s3:PutObject",
            LOST,
            &format!(
                "after {silent} s without a sign of life of this process the lock {} was taken over by {by}",
                self.key
            ),
        )
    }

    /// Releases the lock, if it is still this process's own.
    pub async fn release(&self, inside: &Inside) -> Result<(), CallError> {
        let life = self.life.lock().await;
        self.over.store(true, Ordering::SeqCst);
        if self.lost.load(Ordering::SeqCst) {
            Ok(())
        } else {
            inside.bucket.delete(&self.key, &life.etag).await
        }
    }
}

/// A lock that is released when this is dropped.
pub struct Held {
    store: S3Store,
    lease: Arc<Lease>,
}

impl Held {
    /// Holds this lease until it is dropped.
    pub fn new(store: S3Store, lease: Arc<Lease>) -> Self {
        Self { store, lease }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.store.release(&self.lease);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_nobody_out_for_longer_than_ten_minutes() {
        let text = |seconds: u64| {
            let json = serde_json::json!({ "format": "redress.lock/1", "run": "r", "caller": "sam", "host": "h",
                "process": 1, "since": "2026-11-22T10:00:00Z", "beat": 0, "expires_after": seconds });
            serde_json::from_value::<Text>(json)
        };
        let own = Duration::from_secs(120);
        let of = |seconds| text(seconds).map(|text| lifetime(Some(&text), own)).map_err(|e| e.to_string());
        assert_eq!(of(300), Ok(Duration::from_secs(300)));
        assert_eq!(of(u64::MAX), Ok(LONGEST));
        assert_eq!(lifetime(None, own), own);
    }
}
