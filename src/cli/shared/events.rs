//! `--events FILE`: the events of a run, as lines of JSON (`redress.event/1`), written as they happen. The
//! events never change the run: when the file can no longer be written, one warning is shown and the run goes
//! on.

use std::{
    io::Write,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};

use super::{account::OpenAccount, files, out::Out, session::Session};
use crate::{
    calls::Notice,
    engine::{Observer, ProgressEvent},
    journal::{Decision, RunDocument},
    plan::Plan,
    report::safe,
};

/// A task for the engine.
#[derive(Debug)]
pub enum Task<'a> {
    /// Begin a run and take it to its end.
    Apply(&'a str, Vec<Decision>),
    /// Take an interrupted run to its end, with new decisions.
    Resume(Vec<Decision>),
    /// Check a run again.
    Verify,
    /// Inform Security Hub of the findings that a run has resolved.
    Notify(&'a [Notice]),
}

/// A writer of a run's news, which also passes them on.
pub struct Events<'a> {
    file: Mutex<Option<Box<dyn Write + Send>>>,
    door: &'a OpenAccount,
    run: &'a str,
    out: Out,
    next: &'a dyn Observer,
}

impl<'a> Events<'a> {
    /// Opens the file that was asked for, if one was.
    pub fn open(session: &Session, door: &'a OpenAccount, run: &'a str, next: &'a dyn Observer) -> Self {
        let open = session.common.events.as_ref().map(|file| files::append(file));
        if let Some(Err(error)) = &open {
            session.out.always(&format!("warning: the events are not written: {error}"));
        }
        Self { file: Mutex::new(open.and_then(Result::ok)), door, run, out: session.out, next }
    }

    /// Records that the engine begins.
    pub fn begin(&self, plan: &Plan, task: &Task<'_>) {
        let task = match task {
            Task::Apply(..) => "apply",
            Task::Resume(_) => "resume",
            Task::Verify => "verify",
            Task::Notify(_) => "notify",
        };
        self.write(json!({ "event": "run-begins", "task": task, "kind": plan.kind, "account": plan.account,
                "plan": plan.digest, "changes": plan.changes.len() }));
    }

    /// Records that the engine has ended, or was stopped.
    pub fn end(&self, run: &RunDocument) {
        self.write(json!({ "event": "run-ends", "state": run.state, "counts": run.counts }));
    }

    fn write(&self, event: Value) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = file.as_mut() else { return };
        let mut line = json!({ "format": "redress.event/1", "at": self.door.account.now().to_string(),
            "run": self.run });
        if let (Some(line), Value::Object(event)) = (line.as_object_mut(), event) {
            line.extend(event);
        }
        if let Err(error) = open
            .write_all(format!("{}\n", safe::json(&line.to_string())).as_bytes())
            .and_then(|()| open.flush())
        {
            *file = None;
            self.out.always(&format!("warning: the events are no longer written: {error}"));
        }
    }
}

impl Observer for Events<'_> {
    fn on_progress(&self, progress: &ProgressEvent) {
        self.write(event(progress));
        self.next.on_progress(progress);
    }
}

fn event(news: &ProgressEvent) -> Value {
    match news {
        ProgressEvent::ChangeBegins { id, summary, place, of, steps } => {
            json!({ "event": "change-begins", "change": id, "summary": summary, "place": place, "of": of,
                "steps": steps })
        }
        ProgressEvent::StepBegins { change, title, place } => {
            json!({ "event": "step-begins", "change": change, "title": title, "place": place })
        }
        ProgressEvent::Waiting { change, why, seconds } => {
            json!({ "event": "waiting", "change": change, "why": why, "seconds": seconds })
        }
        ProgressEvent::NotTried { change, calls } => {
            json!({ "event": "not-tried", "change": change, "calls": calls })
        }
        ProgressEvent::Downtime { change, pass, least, most } => {
            json!({ "event": "downtime", "change": change, "first_pass_seconds": pass,
                "least_seconds": least, "most_seconds": most })
        }
        ProgressEvent::ItsTurn { change, why, seconds } => {
            json!({ "event": "its-turn", "change": change, "why": why, "seconds": seconds })
        }
        ProgressEvent::Again { change, why, seconds } => {
            json!({ "event": "again", "change": change, "why": why, "seconds": seconds })
        }
        ProgressEvent::GoingBack { change, reason } => {
            json!({ "event": "going-back", "change": change, "reason": reason })
        }
        ProgressEvent::ChangeEnds { id, outcome, reason } => {
            json!({ "event": "change-ends", "change": id, "outcome": outcome.word(), "reason": reason })
        }
    }
}
