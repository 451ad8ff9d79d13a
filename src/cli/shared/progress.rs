//! The display of a run at work: a spinner on a terminal, plain lines elsewhere, nothing with `--quiet`. It
//! only shows; the event of a run never depends on it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    out::{Out, drawn},
    render,
};
use crate::{
    engine::{Observer, ProgressEvent},
    report::safe,
};

/// A display of the event of a run, on stderr.
pub struct Progress {
    out: Out,
    verbose: bool,
    bar: Option<ProgressBar>,
    /// The changes at hand, by id.
    at_hand: Mutex<BTreeMap<String, AtHand>>,
}

#[derive(Debug, Default)]
struct AtHand {
    steps: usize,
    head: String,
    step: String,
    /// Seconds of waiting at which it is reported next; `None` before the first report.
    next_waiting: Option<u64>,
}

/// Seconds of waiting after which it is reported first.
const WAITS_LONG: u64 = 10;

impl Progress {
    /// Builds the display for these streams; `verbose` shows every step.
    pub fn new(out: Out, verbose: bool) -> Self {
        let bar = out.can_draw().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        drawn().clone_from(&bar);
        Self { out, verbose, bar, at_hand: Mutex::default() }
    }

    /// Removes the spinner, so that later text is on lines of its own.
    pub fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        *drawn() = None;
    }

    fn line(&self, event: &ProgressEvent) {
        let text = render::progress(self.out, event);
        match &self.bar {
            Some(bar) => bar.suspend(|| self.out.show(&text)),
            None => self.out.show(&text),
        }
    }

    /// Returns the text of the spinner; `None` leaves it unchanged.
    fn message(at_hand: &mut AtHand, event: &ProgressEvent) -> Option<String> {
        match event {
            ProgressEvent::ChangeBegins { id, summary, place, of, steps } => {
                *at_hand = AtHand {
                    steps: *steps,
                    head: format!("[{place}/{of}] {id}"),
                    step: summary.clone(),
                    next_waiting: None,
                };
                Some(format!("{} {summary}", at_hand.head))
            }
            ProgressEvent::StepBegins { title, place, .. } => {
                at_hand.step = format!("step {place} of {}: {title}", at_hand.steps);
                at_hand.next_waiting = None;
                Some(format!("{} {}", at_hand.head, at_hand.step))
            }
            ProgressEvent::Waiting { why, .. } => {
                Some(format!("{} {}, waiting: {why}", at_hand.head, at_hand.step))
            }
            ProgressEvent::NotTried { .. } | ProgressEvent::Downtime { .. } => None,
            ProgressEvent::ItsTurn { why, .. } => {
                Some(format!("{} {}, waiting for its turn: {why}", at_hand.head, at_hand.step))
            }
            ProgressEvent::Again { why, seconds, .. } => {
                Some(format!("{} {}, again in {seconds} s: {why}", at_hand.head, at_hand.step))
            }
            ProgressEvent::GoingBack { reason, .. } => {
                Some(format!("{} rolling back: {reason}", at_hand.head))
            }
            ProgressEvent::ChangeEnds { .. } => None,
        }
    }

    /// Returns whether a piece of event deserves a line that stays.
    fn lasts(&self, at_hand: &mut AtHand, event: &ProgressEvent) -> bool {
        match event {
            ProgressEvent::ChangeBegins { .. } => self.bar.is_none(),
            ProgressEvent::ChangeEnds { .. }
            | ProgressEvent::GoingBack { .. }
            | ProgressEvent::NotTried { .. }
            | ProgressEvent::Downtime { .. }
            | ProgressEvent::ItsTurn { seconds: 0, .. } => true,
            ProgressEvent::ItsTurn { .. } => self.verbose,
            ProgressEvent::StepBegins { .. } | ProgressEvent::Again { .. } => self.verbose,
            // Without a spinner a long wait is reported now and then, so that nobody takes it for a hang, and
            // ever more rarely, so that it does not fill a log.
            ProgressEvent::Waiting { seconds, .. } => {
                let first = if self.verbose { 0 } else { WAITS_LONG };
                let tell = self.bar.is_none() && *seconds >= at_hand.next_waiting.unwrap_or(first);
                if tell {
                    at_hand.next_waiting = Some((seconds * 2).max(WAITS_LONG));
                }
                tell
            }
        }
    }
}

/// Returns the change that a piece of event is about.
fn change_of(event: &ProgressEvent) -> &str {
    match event {
        ProgressEvent::ChangeBegins { id, .. } | ProgressEvent::ChangeEnds { id, .. } => id,
        ProgressEvent::StepBegins { change, .. }
        | ProgressEvent::Waiting { change, .. }
        | ProgressEvent::NotTried { change, .. }
        | ProgressEvent::Downtime { change, .. }
        | ProgressEvent::ItsTurn { change, .. }
        | ProgressEvent::Again { change, .. }
        | ProgressEvent::GoingBack { change, .. } => change,
    }
}

impl Observer for Progress {
    fn on_progress(&self, event: &ProgressEvent) {
        if !self.out.talks() {
            return;
        }
        let (message, lasts) = {
            let mut all = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
            let at_hand = all.entry(change_of(event).to_owned()).or_default();
            let told = (Self::message(at_hand, event), self.lasts(at_hand, event));
            if let ProgressEvent::ChangeEnds { id, .. } = event {
                all.remove(id);
            }
            // With several changes at once, the spinner shows the one that has event, and their number.
            let several =
                |text: String| if all.len() > 1 { format!("{} at once: {text}", all.len()) } else { text };
            (told.0.map(several), told.1)
        };
        if lasts {
            self.line(event);
        }
        if let (Some(bar), Some(message)) = (&self.bar, message) {
            // The spinner draws by itself, past the streams.
            bar.set_message(safe::text(&message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::shared::args::Color;

    #[test]
    fn a_long_wait_is_reported_ever_more_rarely() {
        let told = |verbose: bool, from: u64| {
            let progress = Progress::new(Out::new(false, Color::Never).plainer(), verbose);
            let mut at_hand = AtHand::default();
            let waits = |seconds| ProgressEvent::Waiting { change: "c1".into(), why: "…".into(), seconds };
            (from..300)
                .step_by(3)
                .filter(|seconds| progress.lasts(&mut at_hand, &waits(*seconds)))
                .collect::<Vec<u64>>()
        };
        assert_eq!(told(false, 0), [12, 24, 48, 96, 192]);
        assert_eq!(told(true, 0), [0, 12, 24, 48, 96, 192]);
        // The first report of a wait need not be that of its first second.
        assert_eq!(told(true, 4)[0], 4);
        assert_eq!(told(false, 13)[0], 13);
    }
}
