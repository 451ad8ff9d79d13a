//! Runs and locks in a bucket, for machines that lose their disk: one object for each event, each written on
//! the condition that its number is still free. It works with any endpoint that keeps S3's conditional writes
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>), and keeps the laws of
//! [`crate::journal`]: an event is in the bucket before the engine goes on. It decides nothing about an
//! account.

mod lease;
mod object;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::{
    Client,
    config::{RequestChecksumCalculation, ResponseChecksumValidation},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use self::{
    lease::Held,
    object::{Bucket, Condition, Got, Put},
};
use crate::{
    aws::{ConnectError, Settings, bad_input, client_name, prepare},
    calls::{CallError, Until},
    journal::{
        Claim, Event, LONGEST_BESIDE, Lock, Log, Record, RunFolder, Source, Store, StoreError, Story,
        line::{self, Damage, Read},
    },
    plan::{Plan, digest},
};

/// Objects that are read at the same time.
const AT_ONCE: usize = 16;

/// A store of runs in a bucket.
#[derive(Clone)]
pub struct S3Store(Arc<Inside>);

/// The state that the store, its logs and its locks share.
pub(crate) struct Inside {
    bridge: Bridge,
    bucket: Bucket,
    prefix: String,
    /// The lifetime of a lock without a sign of life.
    lease: Duration,
    leases: std::sync::Mutex<Vec<Arc<lease::Lease>>>,
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("S3Store").field(&self.place()).finish()
    }
}

/// A runtime of its own for the requests of the store. The journal is written from within the engine, which
/// waits for it: on the engine's own runtime that wait could block the requests it waits for.
struct Bridge(Option<tokio::runtime::Runtime>);

impl Bridge {
    fn new() -> std::io::Result<Self> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("redress-state")
            .enable_all()
            .build()
            .map(|r| Self(Some(r)))
    }

    /// Starts a future for which nobody waits.
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(future);
        }
    }

    /// Waits for a future, from any thread.
    fn wait<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        self.spawn(async move {
            let _ = send.send(future.await);
        });
        receive.recv().ok()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Parses `s3://bucket/prefix` into the bucket and the prefix, which is empty or ends with a slash.
///
/// # Errors
/// The reason why the URL is invalid.
pub fn parse(url: &str) -> Result<(String, String), String> {
    let rest = url.strip_prefix("s3://").ok_or_else(|| format!("{url}: this is not s3://BUCKET/PREFIX"))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(fits) {
        return Err(format!("{url}: {bucket:?} is not the name of a bucket; write s3://BUCKET/PREFIX"));
    }
    let prefix = prefix.trim_matches('/');
    if prefix.split('/').any(|part| part == "." || part == "..")
        || prefix.chars().any(char::is_control)
        || prefix.len() > 512
    {
        return Err(format!("{url}: the prefix has '.', '..' or control characters, or is too long"));
    }
    Ok((bucket.to_owned(), if prefix.is_empty() { String::new() } else { format!("{prefix}/") }))
}

/// Opens the store of runs at `s3://bucket/prefix`, as [`S3Store::open`].
///
/// # Errors
/// When the bucket does not exist or cannot be reached.
pub fn store(
    url: &str,
    settings: &Settings,
    lease: Duration,
    warn: impl Fn(&[String]) + Send + 'static,
) -> Result<Box<dyn Store>, StoreError> {
    Ok(Box::new(S3Store::open(url, settings, lease, warn)?))
}

impl S3Store {
    /// Opens the store at `s3://bucket/prefix`; the bucket must exist. `lease` is the lifetime of a lock
    /// without a sign of life; `warn` receives the endpoints to which everything goes in the clear, before
    /// anything does.
    ///
    /// # Errors
    /// When the bucket does not exist or cannot be reached.
    pub fn open(
        url: &str,
        settings: &Settings,
        lease: Duration,
        warn: impl Fn(&[String]) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let settings = settings.clone();
        let prepared = async move {
            let prepared = prepare(&settings).await?;
            warn(&prepared.in_the_clear);
            prepared.config(&settings).await
        };
        Self::within(url, prepared, lease)
    }

    /// Opens the store over a configuration that is loaded already, or will be.
    ///
    /// # Errors
    /// As [`S3Store::open`].
    pub fn over(
        url: &str,
        config: impl Future<Output = SdkConfig> + Send + 'static,
        lease: Duration,
    ) -> Result<Self, StoreError> {
        Self::within(url, async move { Ok(config.await) }, lease)
    }

    fn within(
        url: &str,
        config: impl Future<Output = Result<SdkConfig, ConnectError>> + Send + 'static,
        lease: Duration,
    ) -> Result<Self, StoreError> {
        let fail = |what, why: String| StoreError::Remote { place: url.to_owned(), what, why };
        let (name, prefix) = parse(url).map_err(|why| fail("be read as a place for runs", why))?;
        let bridge = Bridge::new().map_err(|e| fail("start", e.to_string()))?;
        let found = bridge.wait(async move {
            match config.await {
                Ok(config) => Ok(find(&name, &config).await),
                Err(error) => Err(error),
            }
        });
        let found =
            found.ok_or_else(|| fail("start", "the thread ended".to_owned()))?.map_err(
                |error| match error {
                    ConnectError::OtherAccount { .. } | ConnectError::Choice(_) => {
                        StoreError::Refused { place: url.to_owned(), why: error.to_string() }
                    }
                    _ => fail("open the bucket", error.to_string()),
                },
            )?;
        let bucket = found.map_err(|e| fail("open the bucket", e.to_string()))?;
        Ok(Self(Arc::new(Inside { bridge, bucket, prefix, lease, leases: std::sync::Mutex::default() })))
    }

    fn key(&self, rest: &str) -> String {
        format!("{}{rest}", self.0.prefix)
    }

    /// Waits for requests, and adds the place of the store to their errors.
    fn wait<T: Send + 'static>(
        &self,
        what: &'static str,
        future: impl Future<Output = Result<T, CallError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.0.bridge.wait(future) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) if error.code == lease::LOST => {
                Err(StoreError::Lost { place: self.place(), why: error.message })
            }
            Some(Err(error)) => Err(self.fail(what, error.to_string())),
            None => Err(self.fail(what, "the thread of the store ended".to_owned())),
        }
    }

    fn fail(&self, what: &'static str, why: String) -> StoreError {
        StoreError::Remote { place: self.place(), what, why }
    }

    /// Reads the records of a run, objects numbered from 1 without gaps and chained like the lines of a file,
    /// and hands each on. [`AT_ONCE`] of them are held at a time.
    fn each(&self, run: &str, mut take: impl FnMut(&Record)) -> Result<Read, StoreError> {
        const HELD: usize = 512;
        let folder = self.key(&format!("runs/{run}/journal/"));
        let (inside, prefix) = (Arc::clone(&self.0), folder.clone());
        let mut keys = self.wait("read the journal", async move { inside.bucket.keys(&prefix).await })?;
        keys.sort();
        let path = format!("s3://{}/{folder}", self.0.bucket.name);
        let damaged = |damage| StoreError::Damaged { path: path.clone(), damage };
        let mut read = Read::default();
        for some in keys.chunks(HELD) {
            let (inside, some) = (Arc::clone(&self.0), some.to_vec());
            let bodies = self.wait("read the journal", async move {
                let bucket = &inside.bucket;
                let bodies = stream::iter(some).map(|key| async move {
                    Ok((bucket.get(&key).await?.map(|got| got.body).unwrap_or_default(), key))
                });
                bodies.buffered(AT_ONCE).try_collect::<Vec<(Vec<u8>, String)>>().await
            })?;
            for (body, key) in bodies {
                if key != format!("{folder}{}", object(read.records + 1)) {
                    return Err(damaged(Damage::Chain {
                        line: usize::try_from(read.records).unwrap_or(usize::MAX).saturating_add(1),
                    }));
                }
                take(&read.line(&body).map_err(damaged)?);
            }
        }
        Ok(read)
    }

    fn journal_of(&self, run: &str) -> Box<Run> {
        Box::new(Run { store: self.clone(), run: run.to_owned() })
    }
}

/// Returns the name of the object of an event.
fn object(seq: u64) -> String {
    format!("{seq:08}.json")
}

/// Finds the bucket, with a client for its region.
async fn find(name: &str, config: &SdkConfig) -> Result<Bucket, CallError> {
    let mut region = config.region().cloned().unwrap_or_else(|| Region::from_static("us-east-1"));
    for _ in 0..2 {
        let own_endpoint =
            config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        // Other makers' endpoints do not all know the newer checksums.
        let mut builder = aws_sdk_s3::config::Builder::from(config);
        if let Some(name) = client_name() {
            builder = builder.framework_metadata(name);
        }
        let built = builder
            .region(region.clone())
            .force_path_style(own_endpoint)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        let bucket = Bucket { client: Client::from_conf(built), name: name.to_owned() };
        match bucket.elsewhere(region.as_ref()).await? {
            Some(other) => region = Region::new(other),
            None => return Ok(bucket),
        }
    }
    Err(bad_input("s3:HeadBucket", "the bucket names one region after another as its own"))
}

impl Store for S3Store {
    fn place(&self) -> String {
        format!("s3://{}/{}", self.0.bucket.name, self.0.prefix)
    }

    fn runs(&self) -> Result<Vec<String>, StoreError> {
        let (inside, prefix) = (Arc::clone(&self.0), self.key("runs/"));
        self.wait("list runs", async move {
            let bucket = &inside.bucket;
            let folders = bucket.folders(&prefix).await?;
            // A run that never wrote its first event never began.
            let begun = stream::iter(folders)
                .map(|folder| async move {
                    Ok::<_, CallError>((bucket.any(&format!("{folder}journal/")).await?, folder))
                })
                .buffered(AT_ONCE);
            let begun: Vec<(bool, String)> = begun.try_collect().await?;
            let id = |folder: String| {
                folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
            };
            let mut runs: Vec<String> =
                begun.into_iter().filter(|(any, _)| *any).map(|(_, folder)| id(folder)).collect();
            runs.sort_by(|a, b| b.cmp(a));
            Ok(runs)
        })
    }

    fn create(&self, run: &str, plan: &Plan) -> Result<RunFolder, StoreError> {
        let (inside, key) = (Arc::clone(&self.0), self.key(&format!("runs/{run}/plan.json")));
        let body = serde_json::to_vec_pretty(plan).unwrap_or_default();
        match self
            .wait("write the plan", async move { inside.bucket.put(&key, &body, Condition::Absent).await })?
        {
            Put::Written(_) => Ok(RunFolder::new(plan.clone(), self.journal_of(run))),
            Put::Refused => Err(self.fail("write the plan", format!("a run {run} exists already"))),
        }
    }

    fn open_run(&self, id: &str) -> Result<RunFolder, StoreError> {
        let (inside, key) = (Arc::clone(&self.0), self.key(&format!("runs/{id}/plan.json")));
        let path = format!("s3://{}/{key}", self.0.bucket.name);
        let bad = |why: String| StoreError::Plan { path: path.clone(), why };
        let got = self
            .wait("read the plan", async move { inside.bucket.get(&key).await })?
            .ok_or_else(|| bad("it does not exist".to_owned()))?;
        let text = String::from_utf8(got.body).map_err(|_| bad("it is not text".to_owned()))?;
        let plan = digest::parse(&text).map_err(|error| bad(error.to_string()))?;
        let journal = format!("s3://{}/{}", self.0.bucket.name, self.key(&format!("runs/{id}/journal")));
        RunFolder::open(&journal, plan, self.journal_of(id))
    }

    fn lock(&self, claim: &Claim<'_>) -> Result<Lock, StoreError> {
        let (mut all, mut left) = (Vec::<Box<dyn Send>>::new(), None);
        for region in &claim.regions {
            let key = self.key(&format!("locks/{}.{region}.json", claim.account));
            let (inside, holder) = (Arc::clone(&self.0), crate::journal::Holder::of(claim));
            let taken = self.wait("take the lock", async move { lease::take(&inside, key, holder).await })?;
            let what = format!("{region} of account {}", claim.account);
            let (lease, before) = taken.map_err(|holder| StoreError::Locked { holder, what })?;
            self.0.leases.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(Arc::clone(&lease));
            self.0.bridge.spawn(lease::beats(Arc::downgrade(&self.0), Arc::clone(&lease)));
            all.push(Box::new(Held::new(self.clone(), lease)));
            left = left.or(before);
        }
        Ok(Lock::new(all, left))
    }
}

impl S3Store {
    /// Releases a lock.
    pub(super) fn release(&self, lease: &Arc<lease::Lease>) {
        let (inside, own) = (Arc::clone(&self.0), Arc::clone(lease));
        // A lock that cannot be released is free when its lease has ended.
        let _ = self.0.bridge.wait(async move { own.release(&inside).await });
        self.0
            .leases
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .retain(|l| !Arc::ptr_eq(l, lease));
    }
}

/// A run in the bucket.
#[derive(Debug)]
struct Run {
    store: S3Store,
    run: String,
}

impl Source for Run {
    fn each(&self, take: &mut dyn FnMut(&Record)) -> Result<(), StoreError> {
        self.store.each(&self.run, take).map(drop)
    }

    fn reopen(&self) -> Result<(Story, Box<dyn Log>), StoreError> {
        let mut story = Story::default();
        let read = self.store.each(&self.run, |record| story.apply(record.at, &record.event))?;
        Ok((
            story,
            Box::new(S3Log {
                store: self.store.clone(),
                run: self.run.clone(),
                seq: read.records,
                sum: read.sum,
            }),
        ))
    }

    fn beside(&self, name: &str) -> Result<Option<String>, StoreError> {
        let (inside, key) = (Arc::clone(&self.store.0), self.store.key(&format!("runs/{}/{name}", self.run)));
        let got = self.store.wait("read the signature", async move { inside.bucket.get(&key).await })?;
        let short =
            |got: Got| String::from_utf8(got.body).ok().filter(|text| text.len() as u64 <= LONGEST_BESIDE);
        got.map(|got| {
            short(got).ok_or_else(|| self.store.fail("read the signature", "it is no short text".to_owned()))
        })
        .transpose()
    }

    fn put_beside(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let (inside, key) = (Arc::clone(&self.store.0), self.store.key(&format!("runs/{}/{name}", self.run)));
        let body = text.as_bytes().to_vec();
        let put = self.store.wait("keep the signature", async move {
            let there = inside.bucket.get(&key).await?.map(|got| got.etag);
            inside.bucket.put(&key, &body, there.as_deref().map_or(Condition::Absent, Condition::Is)).await
        })?;
        match put {
            Put::Written(_) => Ok(()),
            Put::Refused => {
                Err(self.store.fail("keep the signature", "another process writes it".to_owned()))
            }
        }
    }
}

/// The journal of a run in the bucket.
struct S3Log {
    store: S3Store,
    run: String,
    seq: u64,
    sum: String,
}

impl Log for S3Log {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), StoreError> {
        let record = line::next(&self.sum, self.seq + 1, at, event.clone());
        let body = serde_json::to_vec(&record).unwrap_or_default();
        let key = self.store.key(&format!("runs/{}/journal/{}", self.run, object(record.seq)));
        let inside = Arc::clone(&self.store.0);
        let put = self.store.wait("write the journal", async move {
            // A process that has lost the lock writes nothing more, and so makes no more calls.
            lease::all_alive(&inside).await?;
            inside.bucket.put(&key, &body, Condition::Absent).await
        })?;
        if put == Put::Refused {
            let why = format!(
                "record {} of run {} exists already: another process works on this run",
                record.seq, self.run
            );
            return Err(self.store.fail("write the journal", why));
        }
        (self.seq, self.sum) = (record.seq, record.sum);
        Ok(())
    }

    fn may_call(&mut self) -> Result<Until, StoreError> {
        let inside = Arc::clone(&self.store.0);
        self.store.wait("keep the lock", async move { lease::all_alive(&inside).await })
    }

    fn may_wait(&mut self) -> Result<(), StoreError> {
        let lost = lease::any_lost(&self.store.0);
        if lost { self.may_call().map(drop) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_bucket_has_a_bucket_and_perhaps_a_prefix() {
        assert_eq!(parse("s3://runs-of-ours"), Ok(("runs-of-ours".to_owned(), String::new())));
        assert_eq!(parse("s3://runs-of-ours/a/b/"), Ok(("runs-of-ours".to_owned(), "a/b/".to_owned())));
        for bad in ["s3://", "s3:///a", "s3://Bad_Name/x", "s3://runs-of-ours/a/../b", "/tmp/x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
