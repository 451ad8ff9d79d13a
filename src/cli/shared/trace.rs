//! The way from files or from the event history to what an actor did. It opens what was named and asks for
//! events; what they mean is decided in [`crate::investigate`].

use std::{io::Read, path::PathBuf};

use super::{
    account::OpenAccount,
    fail::Fail,
    findings::{EVENTS, input, understood},
    lookup::{self, Lookup, Piped, SOURCE},
    session::Session,
};
use crate::{
    aws::LookupFilter,
    intake::{self, Report, model::EMPTY},
    investigate::{Period, Target, Trace},
};

/// The reason why an input is not taken.
const NO_EVENTS: &str = "it holds no CloudTrail events";

/// An actor, followed through all inputs.
pub struct Followed {
    /// The state at the end of the events.
    pub trace: Trace,
    /// The reports on the inputs.
    pub inputs: Vec<Report>,
    /// The things that the inputs cannot show.
    pub notes: Vec<String>,
}

impl Followed {
    /// Returns whether an input was understood only in part.
    pub fn is_partial(&self) -> bool {
        let gap = |report: &Report| report.declined.is_some() && !intake::sniff::repeats(&report.format);
        self.inputs.iter().any(|report| report.is_partial() || gap(report))
    }
}

impl Session {
    /// Follows an actor through files of events.
    ///
    /// # Errors
    /// When a file cannot be read, or nothing of them was understood (exit 2).
    pub async fn follow_in_files(
        &self,
        files: Vec<PathBuf>,
        target: Target,
        period: Period,
    ) -> Result<Followed, Fail> {
        let followed = follow(target, period, move || files.into_iter().map(input).collect()).await?;
        understood(&followed.inputs, EVENTS)?;
        self.remark_on(&followed.inputs, EVENTS);
        Ok(followed)
    }

    /// Follows an actor through the event history of the account.
    ///
    /// # Errors
    /// When the account has no history, or the period is none (exit 2).
    pub async fn follow_in_history(
        &self,
        door: &OpenAccount,
        target: Target,
        period: lookup::Period,
    ) -> Result<Followed, Fail> {
        if door.history.is_none() {
            return Err(Fail::usage("a twin has no CloudTrail events: nobody calls it")
                .hint("leave --account out to ask AWS, or give events from a file with --cloudtrail FILE"));
        }
        let filter = filter(&target);
        let lookup = Lookup::new(door, period, self.common.pace)?.of(filter.clone());
        let notes = unseen(&filter, lookup.regions());
        let (mut sink, events) = Piped::new();
        // The start is that of the lookup itself; what AWS gives beyond it is left out.
        let (since, until) = period.ends();
        let period = Period { since: Some(since), until: Some(until) };
        let reading = tokio::spawn(follow(target, period, move || {
            let input: Box<dyn Read> = Box::new(events);
            vec![(SOURCE.to_owned(), input)]
        }));
        lookup.run(self.out, &mut sink).await?;
        drop(sink);
        let followed = reading.await.map_err(|error| unread(&error))??;
        self.remark_on(&followed.inputs, EVENTS);
        Ok(Followed { notes, ..followed })
    }
}

fn unread(error: &tokio::task::JoinError) -> Fail {
    Fail::failure("the events could not be read").why(error.to_string())
}

/// Reads inputs on a thread that may block.
async fn follow(
    target: Target,
    period: Period,
    inputs: impl FnOnce() -> Vec<(String, Box<dyn Read>)> + Send + 'static,
) -> Result<Followed, Fail> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut trace = Trace::new(target, period);
        let read =
            |(name, input): (String, Box<dyn Read>)| events_alone(intake::events(&name, input, &mut trace));
        let inputs = inputs().into_iter().map(read).collect();
        Followed { trace, inputs, notes: Vec::new() }
    });
    reading.await.map_err(|error| unread(&error))
}

/// Declines an input that intake understands, and that holds findings instead of events.
fn events_alone(mut report: Report) -> Report {
    let is_event = |format: &String| format.contains("CloudTrail") || format == EMPTY;
    if report.declined.is_none() && !report.formats.is_empty() && !report.formats.keys().any(is_event) {
        report.declined = Some(format!("{NO_EVENTS}: it is {}", report.format));
    }
    report
}

/// Returns the lookup that finds the events of an actor. None is for a role or an address.
fn filter(target: &Target) -> LookupFilter {
    match target {
        Target::AccessKey(id) => LookupFilter::AccessKey(id.clone()),
        Target::User(named) => LookupFilter::Username(named.name.clone()),
        // EC2 names the session of an instance's role after the instance.
        Target::Instance(id) => LookupFilter::Username(id.clone()),
        Target::Role(_) | Target::Address(_) => LookupFilter::Changes,
    }
}

/// Returns what the event history does not show
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>).
fn unseen(filter: &LookupFilter, regions: &[String]) -> Vec<String> {
    let alone = regions.join(", ");
    let mut notes = vec![format!(
        "the event history holds management events alone, and those of {alone} were looked up: no data \
         events, such as reads of objects in buckets, and no other regions"
    )];
    notes.push(match filter {
        LookupFilter::Changes => "only calls that are not read-only were looked up: no lookup is for a role \
                                  or an address, and the reads of a whole account are too many; log files \
                                  with --cloudtrail have them"
            .to_owned(),
        LookupFilter::AccessKey(_) | LookupFilter::Username(_) => {
            "only the events that bear the name were looked up: those of sessions that it was given bear \
             others, and so do those that made it"
                .to_owned()
        }
    });
    notes
}
