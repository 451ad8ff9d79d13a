//! `redress events`, and `--events-since`: CloudTrail's event history, looked up and handed to intake or kept in a file. It
//! asks for events and passes them on; what they mean is for intake to say, and what is true of them for our own checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufWriter, Read, Write},
    path::Path,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{account::Door, args::PastFlags, exit::Exit, fail::Fail, files::Draft, out::Out, progress, scan, session::Session, when::Moment};
use crate::{
    aws::{DAYS, History, PAGE, SHARE, Told, global_region, reach},
    intake::sniff::INCOMPLETE,
    report::safe,
};

/// Where a lookup's events come from, in the reports of intake.
pub const SOURCE: &str = "CloudTrail event history";
/// How late events may well come: AWS speaks of 5 minutes on average, without a guarantee
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>).
const LATE: SignedDuration = SignedDuration::from_mins(15);
/// A period that is so short may miss much of it.
const SHORT: SignedDuration = SignedDuration::from_hours(1);
/// How often it is told how far the lookup has come.
const TELL: Duration = Duration::from_secs(15);

/// Looks up events: shows what our own checks say of what they touched, or only keeps them in a file.
///
/// # Errors
/// Bad input, no way to the account, a file that cannot be written.
pub async fn run(session: &Session, past: &PastFlags, output: Option<&Path>, exit_code: bool) -> Result<Exit, Fail> {
    let period = Period::of(past.since, past.until, Timestamp::now())?;
    let mut common = session.common.clone();
    (common.events_since, common.events_until) = (Some(past.since), past.until);
    let session = &Session { common, out: session.out };
    let Some(path) = output else { return scan::run(session, exit_code, None).await };
    if !session.common.findings.is_empty() {
        return Err(Fail::usage("--findings is not read where events are only kept").hint("leave out -o, or --findings"));
    }
    let lookup = Lookup::new(&session.open().await?, period, session.common.pace)?;
    let mut keep = Sink::at(path, session.out)?;
    let looked = lookup.run(session.out, &mut keep).await?;
    keep.close()?;
    if path.as_os_str() != "-" {
        session.out.say(&format!("the events are in {}: --findings {}", path.display(), path.display()));
    }
    if let Some(why) = &looked.missing {
        session.out.always(&format!("warning: not all events could be looked up: {why}"));
    }
    Ok(if looked.missing.is_some() { Exit::Held } else { Exit::Done })
}

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    since: Timestamp,
    until: Timestamp,
    /// Whether it is so short and so new that what is missing yet may be most of it.
    fresh: bool,
}

impl Period {
    /// The period that was asked for.
    ///
    /// # Errors
    /// One that is empty, or goes back further than the history (exit 2).
    pub fn of(since: Moment, until: Option<Moment>, now: Timestamp) -> Result<Self, Fail> {
        let at = |moment: Moment| match moment {
            Moment::At(time) => Ok(time),
            Moment::Ago(span) => now.checked_sub(span).map_err(|_| too_far()),
        };
        let (since, until) = (at(since)?, until.map_or(Ok(now), at)?.min(now));
        // AWS may count from a moment later than we do.
        if now.duration_since(since) > reach() {
            return Err(too_far());
        }
        if since >= until {
            return Err(Fail::usage(format!("there is no time between {since:.0} and {until:.0}")).hint("--since must lie before --until, and before now"));
        }
        Ok(Self { since, until, fresh: until.duration_since(since) < SHORT && now.duration_since(until) < LATE })
    }
}

fn too_far() -> Fail {
    Fail::usage(format!("CloudTrail's event history goes back {DAYS} days and no further"))
        .why("older events are only in the log files of a trail")
        .hint("fetch the log files of that time from the trail's bucket, and give them with --findings FOLDER")
}

/// A lookup that was asked for.
pub struct Lookup {
    history: History,
    regions: Vec<String>,
    /// The region that was not asked for, and is looked into for the events of global services.
    global: Option<&'static str>,
    period: Period,
    pace: Option<u8>,
}

/// What came of one.
#[derive(Debug, Default)]
pub struct Looked {
    events: u64,
    calls: u64,
    ended: BTreeSet<String>,
    failed: BTreeMap<String, String>,
    /// What could not be looked up, and why; `None` when all was.
    pub missing: Option<String>,
}

impl Lookup {
    /// The lookup that `--events-since` asks for, if it does.
    ///
    /// # Errors
    /// As [`Lookup::new`] and [`Period::of`].
    pub fn asked(session: &Session, door: &Door) -> Result<Option<Self>, Fail> {
        let Some(since) = session.common.events_since else { return Ok(None) };
        let period = Period::of(since, session.common.events_until, Timestamp::now())?;
        Self::new(door, period, session.common.pace).map(Some)
    }

    /// A lookup behind this door.
    ///
    /// # Errors
    /// A twin, which has no events (exit 2).
    pub fn new(door: &Door, period: Period, pace: Option<u8>) -> Result<Self, Fail> {
        let Some(history) = door.history.clone() else {
            return Err(Fail::usage("a twin has no CloudTrail events: it is no account that anybody calls")
                .hint("leave --account out to ask AWS, or give events from a file with --findings FILE"));
        };
        let mut regions = door.regions.clone();
        let global = global_region(&door.account.identity().owner.partition).filter(|region| !regions.iter().any(|r| r == region));
        regions.extend(global.map(str::to_owned));
        Ok(Self { history, regions, global, period, pace })
    }

    fn announce(&self, out: Out) {
        let Period { since, until, fresh } = self.period;
        let pace = match self.history.rate() {
            Some(rate) => format!("{} in each region, which is {} % of what AWS grants, and", often(rate), self.pace.unwrap_or(SHARE)),
            None => "as fast as the endpoint answers,".to_owned(),
        };
        out.say(&format!("looking up CloudTrail events in {}, {since:.0} to {until:.0}: {pace} up to {PAGE} events a call", self.regions.join(", ")));
        if let Some(region) = self.global {
            out.say(&format!("{region} was not asked for and is looked into too: events of IAM and other global services stand there"));
        }
        if fresh {
            out.say("note: events show after about 5 minutes, and it may take 15: the newest may not be there yet");
        }
    }

    /// Looks up, and writes what comes.
    ///
    /// # Errors
    /// When it cannot be written. What cannot be looked up is no error: it is told in what comes.
    pub async fn run(&self, out: Out, sink: &mut Sink) -> Result<Looked, Fail> {
        self.announce(out);
        let mut looked = Looked::default();
        let mut behind: BTreeMap<String, Timestamp> = BTreeMap::new();
        let mut told_at = Instant::now();
        let mut told = self.history.look(self.regions.clone(), self.period.since, self.period.until);
        let mut heard = sink.put("{\"Events\":[".to_owned()).await?;
        while heard && let Some(news) = told.recv().await {
            match news {
                Told::Page { region, events, back_to } => {
                    heard = sink.put(lines(&events, looked.events == 0)).await?;
                    looked.events += events.len() as u64;
                    looked.calls += 1;
                    behind.extend(back_to.map(|time| (region, time)));
                }
                Told::End { region, error } => {
                    behind.remove(&region);
                    if let Some(error) = error {
                        looked.failed.insert(region.clone(), error.to_string());
                    }
                    looked.ended.insert(region);
                }
            }
            if told_at.elapsed() >= TELL {
                told_at = Instant::now();
                progress::aside(out, &self.how_far(&looked, &behind));
            }
        }
        looked.missing = self.missing(&looked);
        sink.put(end(looked.missing.as_deref())).await?;
        out.say(&format!("{} events looked up in {} calls", looked.events, looked.calls));
        Ok(looked)
    }

    fn how_far(&self, looked: &Looked, behind: &BTreeMap<String, Timestamp>) -> String {
        let slowest = behind.iter().max_by_key(|(_, time)| **time).map(|(region, time)| format!(", {region} is back to {time:.0}")).unwrap_or_default();
        format!("{} events so far, {} of {} regions done{slowest}", looked.events, looked.ended.len(), self.regions.len())
    }

    /// What could not be looked up, in the order of the regions: one reason is told once.
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
        let told: Vec<String> = reasons.iter().map(|(why, regions)| format!("{}: {why}", regions.join(", "))).collect();
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

/// Events, one a line.
fn lines(events: &[Value], first: bool) -> String {
    let mut text = String::new();
    for (n, event) in events.iter().enumerate() {
        text.push_str(if first && n == 0 { "\n" } else { ",\n" });
        text.push_str(&safe::json(&event.to_string()));
    }
    text
}

/// The end of the document. What is missing stands in it, so that whoever reads the file knows as much as who made it; a
/// document that was broken off has no end, which intake sees.
fn end(missing: Option<&str>) -> String {
    match missing {
        Some(why) => format!("\n],\n{}:{}}}\n", json!(INCOMPLETE), json!(why)),
        None => "\n]}\n".to_owned(),
    }
}

/// Where the document goes.
pub enum Sink {
    /// To intake, in this process.
    Pipe(mpsc::Sender<Vec<u8>>),
    /// To a file, under its name.
    File(BufWriter<Draft>, String),
    /// To stdout.
    Stdout(Out),
}

impl Sink {
    fn at(path: &Path, out: Out) -> Result<Self, Fail> {
        if path.as_os_str() == "-" {
            return Ok(Sink::Stdout(out));
        }
        let name = path.display().to_string();
        Draft::at(path).map(|draft| Sink::File(BufWriter::new(draft), name.clone())).map_err(|error| unwritable(&name, &error))
    }

    /// Writes; whether anybody still takes it.
    async fn put(&mut self, text: String) -> Result<bool, Fail> {
        match self {
            Sink::Pipe(pipe) => Ok(pipe.send(text.into_bytes()).await.is_ok()),
            Sink::File(file, name) => file.write_all(text.as_bytes()).map(|()| true).map_err(|error| unwritable(name, &error)),
            Sink::Stdout(out) => out.stream(&text),
        }
    }

    /// Puts a file in its place.
    fn close(self) -> Result<(), Fail> {
        let Sink::File(file, name) = self else { return Ok(()) };
        file.into_inner().map_err(io::IntoInnerError::into_error).and_then(Draft::finish).map_err(|error| unwritable(&name, &error))
    }
}

fn unwritable(name: &str, error: &io::Error) -> Fail {
    Fail::failure(format!("{name}: cannot write the events")).why(error.to_string()).hint("choose another place")
}

/// The reading end of [`Sink::Pipe`], for a thread that may wait.
pub struct Piped {
    pipe: mpsc::Receiver<Vec<u8>>,
    rest: Vec<u8>,
    at: usize,
}

impl Piped {
    /// Both ends. Little fits between them: who reads slowly slows the lookup down.
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
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::cli::when::moment;

    fn of(since: &str, until: Option<&str>) -> Result<Period, Fail> {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
        Period::of(moment(since).expect("a moment"), until.map(|u| moment(u).expect("a moment")), now)
    }

    #[test]
    fn a_period_is_told_by_how_long_ago_or_by_the_time() {
        let period = of("24h", None).expect("a period");
        assert_eq!((period.since.to_string(), period.until.to_string()), ("2026-11-21T12:00:00Z".to_owned(), "2026-11-22T12:00:00Z".to_owned()));
        let period = of("2026-11-20T06:00:00+02:00", Some("2h")).expect("a period");
        assert_eq!((period.since.to_string(), period.until.to_string()), ("2026-11-20T04:00:00Z".to_owned(), "2026-11-22T10:00:00Z".to_owned()));
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
        let text = format!("{{\"Events\":[{}{}{}", lines(&events[..1], true), lines(&events[1..], false), end(Some("eu-west-1: \"no\"")));
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), json!({"Events": events, "Incomplete": "eu-west-1: \"no\""}));
        assert_eq!(serde_json::from_str::<Value>(&format!("{{\"Events\":[{}", end(None))).expect("JSON"), json!({"Events": []}));
    }

    #[test]
    fn the_pace_is_told_in_words() {
        let told: Vec<String> = [2.0, 1.0, 0.02].into_iter().map(often).collect();
        assert_eq!(told, ["2 calls a second", "one call a second", "a call every 50 s"]);
    }
}
