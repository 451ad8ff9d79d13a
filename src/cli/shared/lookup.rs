//! `redress events`, and `--events-since`: CloudTrail's event history, looked up and handed to intake or
//! saved in a file. It requests events and passes them on; intake decides what they mean, and our own checks
//! which findings are true.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufWriter, Read, Write},
    path::Path,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    account::OpenAccount,
    fail::Fail,
    files::Draft,
    out::{Out, aside},
    session::Session,
    when::Moment,
};
use crate::{
    aws::{DAYS, History, LookupEvent, LookupFilter, PAGE, SHARE, global_region, reach},
    intake::sniff::INCOMPLETE,
    report::safe,
};

/// The source of a lookup's events, as the reports of intake name it.
pub const SOURCE: &str = "CloudTrail event history";
/// The delay that events may well have: AWS documents 5 minutes on average, without a guarantee
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>).
const LATE: SignedDuration = SignedDuration::from_mins(15);
/// The length below which a period may miss much because of late events.
const SHORT: SignedDuration = SignedDuration::from_hours(1);
/// The interval between two reports on the progress of the lookup.
const TELL: Duration = Duration::from_secs(15);

/// The period of a lookup, from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    since: Timestamp,
    until: Timestamp,
    /// `true` for a period so short and so recent that the events missing yet may be most of it.
    fresh: bool,
}

impl Period {
    /// Returns the start and the end.
    pub fn ends(self) -> (Timestamp, Timestamp) {
        (self.since, self.until)
    }

    /// Returns the period that was asked for.
    ///
    /// # Errors
    /// When it is empty, or goes back further than the history (exit 2).
    pub fn of(since: Moment, until: Option<Moment>, now: Timestamp) -> Result<Self, Fail> {
        let at = |moment: Moment| match moment {
            Moment::At(time) => Ok(time),
            Moment::Ago(span) => now.checked_sub(span).map_err(|_| too_far()),
        };
        let (since, until) = (at(since)?, until.map_or(Ok(now), at)?.min(now));
        // AWS may count from a moment later than ours.
        if now.duration_since(since) > reach() {
            return Err(too_far());
        }
        if since >= until {
            return Err(Fail::usage(format!("there is no time between {since:.0} and {until:.0}"))
                .hint("--since must lie before --until, and before now"));
        }
        Ok(Self {
            since,
            until,
            fresh: until.duration_since(since) < SHORT && now.duration_since(until) < LATE,
        })
    }
}

fn too_far() -> Fail {
    Fail::usage(format!("CloudTrail's event history goes back {DAYS} days and no further"))
        .why("older events are only in the log files of a trail")
        .hint(
            "fetch the log files of that time from the trail's bucket, and give them with --findings FOLDER",
        )
}

/// A lookup that was asked for.
pub struct Lookup {
    history: History,
    regions: Vec<String>,
    /// The region that was not asked for, but is read for the events of global services.
    global: Option<&'static str>,
    period: Period,
    pace: Option<u8>,
    filter: LookupFilter,
}

/// The result of a lookup.
#[derive(Debug, Default)]
pub struct Looked {
    events: u64,
    calls: u64,
    ended: BTreeSet<String>,
    failed: BTreeMap<String, String>,
    /// The regions that could not be looked up, with the reasons; `None` if there are none.
    pub missing: Option<String>,
}

impl Lookup {
    /// Returns the lookup that `--events-since` asks for, if any.
    ///
    /// # Errors
    /// As [`Lookup::new`] and [`Period::of`].
    pub fn asked(session: &Session, door: &OpenAccount) -> Result<Option<Self>, Fail> {
        let Some(since) = session.common.events_since else { return Ok(None) };
        let period = Period::of(since, session.common.events_until, Timestamp::now())?;
        Self::new(door, period, session.common.pace).map(Some)
    }

    /// Prepares a lookup behind this door.
    ///
    /// # Errors
    /// When the account is a twin, which has no events (exit 2).
    pub fn new(door: &OpenAccount, period: Period, pace: Option<u8>) -> Result<Self, Fail> {
        let Some(history) = door.history.clone() else {
            return Err(Fail::usage("a twin has no CloudTrail events: nobody calls it")
                .hint("leave --account out to ask AWS, or give events from a file with --findings FILE"));
        };
        let mut regions = door.regions.clone();
        let global = global_region(&door.account.identity().owner.partition)
            .filter(|region| !regions.iter().any(|r| r == region));
        regions.extend(global.map(str::to_owned));
        Ok(Self { history, regions, global, period, pace, filter: LookupFilter::default() })
    }

    /// Returns the lookup of other events.
    #[must_use]
    pub fn of(self, filter: LookupFilter) -> Self {
        Self { filter, ..self }
    }

    /// Returns the regions that are looked up.
    pub fn regions(&self) -> &[String] {
        &self.regions
    }

    fn announce(&self, out: Out) {
        let Period { since, until, fresh } = self.period;
        let pace = match self.history.rate() {
            Some(rate) => format!(
                "{} in each region, which is {} % of what AWS grants, and",
                often(rate),
                self.pace.unwrap_or(SHARE)
            ),
            None => "as fast as the endpoint answers,".to_owned(),
        };
        out.say(&format!(
            "looking up CloudTrail events in {}, {since:.0} to {until:.0}: {pace} up to {PAGE} events a call",
            self.regions.join(", ")
        ));
        if let Some(region) = self.global {
            out.say(&format!(
                "{region} was not asked for and is searched too: it records the events of IAM and other \
                 global services"
            ));
        }
        if fresh {
            out.say(
                "note: events appear after about 5 minutes, and may take 15: the newest may still be missing",
            );
        }
    }

    /// Looks up events and writes them as they come.
    ///
    /// # Errors
    /// When they cannot be written. A failed lookup is not an error: the result names it.
    pub async fn run(&self, out: Out, sink: &mut Sink) -> Result<Looked, Fail> {
        self.announce(out);
        let mut looked = Looked::default();
        let mut behind: BTreeMap<String, Timestamp> = BTreeMap::new();
        let mut told_at = Instant::now();
        let mut told =
            self.history.look(self.regions.clone(), (self.period.since, self.period.until), &self.filter);
        let mut heard = sink.put("{\"Events\":[".to_owned()).await?;
        while heard && let Some(news) = told.recv().await {
            match news {
                LookupEvent::Page { region, events, back_to } => {
                    heard = sink.put(lines(&events, looked.events == 0)).await?;
                    looked.events += events.len() as u64;
                    looked.calls += 1;
                    behind.extend(back_to.map(|time| (region, time)));
                }
                LookupEvent::End { region, error } => {
                    behind.remove(&region);
                    if let Some(error) = error {
                        looked.failed.insert(region.clone(), error.to_string());
                    }
                    looked.ended.insert(region);
                }
            }
            if told_at.elapsed() >= TELL {
                told_at = Instant::now();
                aside(out, &self.how_far(&looked, &behind));
            }
        }
        looked.missing = self.missing(&looked);
        sink.put(end(looked.missing.as_deref())).await?;
        out.say(&format!("{} events looked up in {} calls", looked.events, looked.calls));
        Ok(looked)
    }

    fn how_far(&self, looked: &Looked, behind: &BTreeMap<String, Timestamp>) -> String {
        let slowest = behind
            .iter()
            .max_by_key(|(_, time)| **time)
            .map(|(region, time)| format!(", {region} is back to {time:.0}"))
            .unwrap_or_default();
        format!(
            "{} events so far, {} of {} regions done{slowest}",
            looked.events,
            looked.ended.len(),
            self.regions.len()
        )
    }

    /// Lists what could not be looked up, in the order of the regions: each reason is given once.
    fn missing(&self, looked: &Looked) -> Option<String> {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for region in &self.regions {
            let why = match looked.failed.get(region) {
                Some(why) => why.as_str(),
                None if looked.ended.contains(region) => continue,
                None => "the lookup was broken off",
            };
            match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, regions)) => regions.push(region),
                None => reasons.push((why, vec![region])),
            }
        }
        let told: Vec<String> =
            reasons.iter().map(|(why, regions)| format!("{}: {why}", regions.join(", "))).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

fn often(rate: f64) -> String {
    match rate {
        one if (one - 1.0).abs() < f64::EPSILON => "one call a second".to_owned(),
        fast if fast > 1.0 => format!("{fast} calls a second"),
        slow => format!("a call every {:.0} s", 1.0 / slow),
    }
}

/// Writes events, one per line.
fn lines(events: &[Value], first: bool) -> String {
    let mut text = String::new();
    for (n, event) in events.iter().enumerate() {
        text.push_str(if first && n == 0 { "\n" } else { ",\n" });
        text.push_str(&safe::json(&event.to_string()));
    }
    text
}

/// Writes the end of the document. It contains what is missing, so that a reader of the file knows as much as
/// its author; a document that was broken off has no end, which intake notices.
fn end(missing: Option<&str>) -> String {
    match missing {
        Some(why) => format!("\n],\n{}:{}}}\n", json!(INCOMPLETE), json!(why)),
        None => "\n]}\n".to_owned(),
    }
}

/// A destination of the document.
pub enum Sink {
    /// Intake, in this process.
    Pipe(mpsc::Sender<Vec<u8>>),
    /// A file, with its name.
    File(BufWriter<Draft>, String),
    /// The standard output.
    Stdout(Out),
}

impl Sink {
    pub fn at(path: &Path, out: Out) -> Result<Self, Fail> {
        if path.as_os_str() == "-" {
            return Ok(Sink::Stdout(out));
        }
        let name = path.display().to_string();
        Draft::at(path)
            .map(|draft| Sink::File(BufWriter::new(draft), name.clone()))
            .map_err(|error| unwritable(&name, &error))
    }

    /// Writes text, and returns whether anybody still reads it.
    async fn put(&mut self, text: String) -> Result<bool, Fail> {
        match self {
            Sink::Pipe(pipe) => Ok(pipe.send(text.into_bytes()).await.is_ok()),
            Sink::File(file, name) => {
                file.write_all(text.as_bytes()).map(|()| true).map_err(|error| unwritable(name, &error))
            }
            Sink::Stdout(out) => out.stream(&text),
        }
    }

    /// Moves a file to its path.
    pub fn close(self) -> Result<(), Fail> {
        let Sink::File(file, name) = self else { return Ok(()) };
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(Draft::finish)
            .map_err(|error| unwritable(&name, &error))
    }
}

fn unwritable(name: &str, error: &io::Error) -> Fail {
    Fail::failure(format!("{name}: cannot write the events"))
        .why(error.to_string())
        .hint("choose another place")
}

/// The reading end of [`Sink::Pipe`], for a thread that may block.
pub struct Piped {
    pipe: mpsc::Receiver<Vec<u8>>,
    rest: Vec<u8>,
    at: usize,
}

impl Piped {
    /// Creates both ends. Little fits between them: a slow reader slows the lookup down.
    pub fn new() -> (Sink, Self) {
        let (send, pipe) = mpsc::channel(4);
        (Sink::Pipe(send), Self { pipe, rest: Vec::new(), at: 0 })
    }
}

impl Read for Piped {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.rest.len() {
            let Some(more) = self.pipe.blocking_recv() else { return Ok(0) };
            (self.rest, self.at) = (more, 0);
        }
        let n = (&self.rest[self.at..]).read(into)?;
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;
    use crate::cli::shared::when::moment;

    fn of(since: &str, until: Option<&str>) -> Result<Period, Fail> {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
        Period::of(moment(since).expect("a moment"), until.map(|u| moment(u).expect("a moment")), now)
    }

    #[test]
    fn a_period_is_told_by_how_long_ago_or_by_the_time() {
        let period = of("24h", None).expect("a period");
        assert_eq!(
            (period.since.to_string(), period.until.to_string()),
            ("2026-11-21T12:00:00Z".to_owned(), "2026-11-22T12:00:00Z".to_owned())
        );
        let period = of("2026-11-20T06:00:00+02:00", Some("2h")).expect("a period");
        assert_eq!(
            (period.since.to_string(), period.until.to_string()),
            ("2026-11-20T04:00:00Z".to_owned(), "2026-11-22T10:00:00Z".to_owned())
        );
        assert!(of("90d", None).is_ok());
    }

    #[test]
    fn what_the_history_does_not_hold_is_refused_with_the_reason() {
        for far in ["91d", "400d", "2026-08-01T00:00:00Z"] {
            let fail = of(far, None).expect_err(far);
            assert_eq!(fail.exit, Exit::Usage);
            assert!(fail.text().contains("90 days") && fail.text().contains("--findings"), "{}", fail.text());
        }
        for empty in [("1h", Some("2h")), ("2026-11-22T13:00:00Z", None)] {
            assert_eq!(of(empty.0, empty.1).expect_err(empty.0).exit, Exit::Usage);
        }
    }

    #[test]
    fn only_a_short_period_that_ends_now_is_too_fresh_to_be_whole() {
        assert!(of("30m", None).expect("a period").fresh);
        assert!(!of("24h", None).expect("a period").fresh);
        assert!(!of("90m", Some("60m")).expect("a period").fresh);
    }

    #[test]
    fn the_document_is_good_json_and_says_what_it_lacks() {
        let events = [json!({"EventName": "a\nb"}), json!({"EventName": "c"})];
        let text = format!(
            "{{\"Events\":[{}{}{}",
            lines(&events[..1], true),
            lines(&events[1..], false),
            end(Some("eu-west-1: \"no\""))
        );
        assert_eq!(
            serde_json::from_str::<Value>(&text).expect("JSON"),
            json!({"Events": events, "Incomplete": "eu-west-1: \"no\""})
        );
        assert_eq!(
            serde_json::from_str::<Value>(&format!("{{\"Events\":[{}", end(None))).expect("JSON"),
            json!({"Events": []})
        );
    }

    #[test]
    fn the_pace_is_told_in_words() {
        let told: Vec<String> = [2.0, 1.0, 0.02].into_iter().map(often).collect();
        assert_eq!(told, ["2 calls a second", "one call a second", "a call every 50 s"]);
    }
}
