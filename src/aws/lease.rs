//! Locks in a bucket: an object that is written only if there is none, and that its holder keeps changing as a sign of
//! life. Without one for the time of a lease it counts as left behind, and is taken over only in exactly the state in
//! which it was seen. No two holders at once, whatever the clocks say.

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
    errors,
    object::{Condition, Put},
    state::{Inside, S3Store},
};
use crate::{calls::CallError, journal::Holder};

/// What stands in the object.
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
    /// By both clocks: the one stands still while a machine sleeps, the other can be set.
    last: (Instant, Timestamp),
}

impl Life {
    fn age(&self) -> Duration {
        self.last.0.elapsed().max(Timestamp::now().duration_since(self.last.1).try_into().unwrap_or_default())
    }
}

/// Takes a lock: the lease, and who left it behind, or the words for who holds it.
pub async fn take(inside: &Inside, key: String, holder: Holder) -> Result<Result<(Arc<Lease>, Option<Holder>), String>, CallError> {
    let text = Text { holder, beat: 0, expires_after: inside.lease.as_secs() };
    let body = serde_json::to_vec(&text).unwrap_or_default();
    // Twice, since the holder may give it back between the two requests.
    for _ in 0..2 {
        if let Put::Written(etag) = inside.bucket.put(&key, &body, Condition::Absent).await? {
            return Ok(Ok((lease(key, text, etag), None)));
        }
        let Some(there) = inside.bucket.get(&key).await? else { continue };
        let before: Option<Text> = serde_json::from_slice(&there.body).ok();
        let words = before.as_ref().map_or_else(|| "another redress".to_owned(), |t| t.holder.words());
        let lives = before.as_ref().map_or(inside.lease, |t| Duration::from_secs(t.expires_after));
        let age: Option<Duration> = there.modified.and_then(|m| Timestamp::now().duration_since(m).try_into().ok());
        if age.is_some_and(|age| age < lives) {
            return Ok(Err(words));
        }
        // By the clocks it is left behind; but clocks differ. Who lives gives a sign of it within this time.
        tokio::time::sleep(lives / 2).await;
        return Ok(match inside.bucket.put(&key, &body, Condition::Is(&there.etag)).await? {
            Put::Written(etag) => Ok((lease(key, text, etag), before.map(|t| t.holder))),
            Put::Refused => Err(words),
        });
    }
    Ok(Err("another redress".to_owned()))
}

fn lease(key: String, text: Text, etag: String) -> Arc<Lease> {
    let life = Mutex::new(Life { text, etag, last: (Instant::now(), Timestamp::now()) });
    Arc::new(Lease { key, life, lost: AtomicBool::new(false), over: AtomicBool::new(false) })
}

/// Gives signs of life until the lease is over or lost.
pub async fn beats(inside: Weak<Inside>, lease: Arc<Lease>) {
    loop {
        let Some(pause) = inside.upgrade().map(|i| i.lease / 4) else { return };
        tokio::time::sleep(pause).await;
        let Some(inside) = inside.upgrade() else { return };
        // What failed in passing is tried again at the next beat; the journal asks for itself before it writes.
        let _ = lease.beat(&inside, Duration::ZERO).await;
        if lease.lost.load(Ordering::SeqCst) || lease.over.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// Whether all locks of this process are still its own; asked before every record.
pub async fn all_alive(inside: &Inside) -> Result<(), CallError> {
    let leases = inside.leases.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    for lease in leases {
        lease.beat(inside, inside.lease / 2).await?;
    }
    Ok(())
}

impl Lease {
    /// Gives a sign of life, unless the last one is younger than `age`.
    async fn beat(&self, inside: &Inside, age: Duration) -> Result<(), CallError> {
        let mut life = self.life.lock().await;
        let lost = || errors::in_body("s3:PutObject", "LockLost", &format!("the lock {} was taken over by another process", self.key));
        if self.lost.load(Ordering::SeqCst) {
            return Err(lost());
        }
        if self.over.load(Ordering::SeqCst) || life.age() < age {
            return Ok(());
        }
        let text = Text { beat: life.text.beat + 1, ..life.text.clone() };
        let body = serde_json::to_vec(&text).unwrap_or_default();
        match inside.bucket.put(&self.key, &body, Condition::Is(&life.etag)).await? {
            Put::Written(etag) => {
                *life = Life { text, etag, last: (Instant::now(), Timestamp::now()) };
                Ok(())
            }
            Put::Refused => {
                self.lost.store(true, Ordering::SeqCst);
                Err(lost())
            }
        }
    }

    /// Gives the lock back, if it is still this process's own.
    pub async fn release(&self, inside: &Inside) -> Result<(), CallError> {
        let life = self.life.lock().await;
        self.over.store(true, Ordering::SeqCst);
        if self.lost.load(Ordering::SeqCst) { Ok(()) } else { inside.bucket.delete(&self.key, &life.etag).await }
    }
}

/// Gives the lock back when it is dropped.
pub struct Held {
    store: S3Store,
    lease: Arc<Lease>,
}

impl Held {
    /// Holds this lease.
    pub fn new(store: S3Store, lease: Arc<Lease>) -> Self {
        Self { store, lease }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.store.release(&self.lease);
    }
}
