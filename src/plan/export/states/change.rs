//! A change as states: the changes that it comes after, the state from which it begins, its steps, and the
//! rollback from wherever it fails. Its outcome is put under `$.outcome`, and the machine goes on with the
//! next. Pure.

use serde_json::{Value, json};

use super::{
    super::{
        NotExported,
        before::assertions,
        shell::rollback,
        words::{clean, name, plain},
    },
    act::write,
    ask::{Asked, present, question},
    before::forget,
    data::{Place, made},
    flow::{Flow, choice, put_at},
    look::{Named, Roads, Seen, write_look},
};
use crate::{
    calls::{self, Act, BackAct, Power, Purpose, Step, Undo, WayBack},
    plan::{Change, Plan},
};

/// Rules that a group may have before a question about them may be answered by more than a task can hold: 256
/// KiB, at up to one KiB a rule with its description and tags
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>).
const MOST_RULES: usize = 250;

/// The outcome of a change that was done and proved, as the machine writes it.
pub(super) const DONE: &str = "done";
/// The outcome of a change that was done, but not proved.
pub(super) const UNVERIFIED: &str = "unverified";
/// The outcome of a change that was undone.
pub(super) const TAKEN_BACK: &str = "taken-back";

/// Returns the path of a change's outcome.
pub(super) fn outcome(change: &str) -> String {
    format!("$.outcome.{}", name(change))
}

/// Returns the rule that a change ended with this outcome.
pub(super) fn ended(change: &str, word: &str) -> Value {
    let at = format!("{}.is", outcome(change));
    json!({ "And": [present(&at), { "Variable": at, "StringEquals": word }] })
}

/// Returns the name of the first state of a change.
pub(super) fn entry(change: &Change) -> String {
    format!("{}_begin", clean(&change.id))
}

/// A change that is being written.
pub(super) struct Writer<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The change.
    pub change: &'a Change,
    /// The state that follows when it has ended.
    pub next: &'a str,
}

impl Writer<'_> {
    fn name(&self, rest: &str) -> String {
        format!("{}_{}", clean(&self.change.id), rest)
    }

    fn place<'b>(&'b self, step: &'b str) -> Place<'b> {
        Place { plan: self.plan, change: self.change, step }
    }

    fn refused(&self, why: impl Into<String>) -> NotExported {
        NotExported { change: self.change.id.clone(), why: why.into() }
    }

    /// Ends the change with this outcome.
    fn end(&self, flow: &mut Flow, state: &str, is: &str, why: Value) {
        let mut said = json!({ "is": is });
        match why {
            Value::String(text) if text.starts_with("States.") => said["why.$"] = json!(text),
            Value::Null => {}
            text => said["why"] = text,
        }
        flow.put(&self.name(state), put_at(&outcome(&self.change.id), &said, self.next));
    }

    /// Writes the change as the plan has it.
    ///
    /// # Errors
    /// The part that the language cannot express.
    pub fn forward(&self, flow: &mut Flow) -> Result<(), NotExported> {
        if self.change.before.as_array().is_some_and(|rules| rules.len() > MOST_RULES) {
            return Err(self.refused(format!(
                "its group has more than {MOST_RULES} rules: an answer that lists them may be larger than \
                 the 256 KiB that a task may hold"
            )));
        }
        let comes_after: Vec<Value> = self.change.after.iter().map(|id| ended(id, DONE)).collect();
        let begin = if comes_after.is_empty() { Value::Null } else { json!({ "And": comes_after }) };
        let first = self.name("before_1");
        let mut enter = match begin {
            Value::Null => json!({ "Type": "Pass", "Next": first }),
            rule => choice(vec![(rule, &first)], &self.name("blocked")),
        };
        enter["Comment"] = json!(plain(&format!(
            "{} ({}): {}",
            self.change.id,
            self.change.risk.word(),
            self.change.summary
        )));
        flow.put(&entry(self.change), enter);
        self.before(flow).map_err(|why| self.refused(why))?;
        for (n, step) in self.change.steps.iter().enumerate() {
            self.step(flow, n, step).map_err(|why| self.refused(why))?;
        }
        self.end(flow, DONE, DONE, Value::Null);
        self.end(flow, "blocked", "blocked", json!("a change that this one comes after was not done"));
        let drifted = "States.Format('before the change: {} is not what the plan saw. Nothing was called; \
                       make a new plan', $.look.what)";
        self.end(flow, "drifted", "drifted", json!(drifted));
        self.end(
            flow,
            "not_asked",
            "failed",
            json!("States.Format('{}. Nothing was called', States.JsonToString($.unseen))"),
        );
        self.end(
            flow,
            "failed",
            "failed",
            json!("States.Format('{}. Nothing was changed', States.JsonToString($.error))"),
        );
        self.back(flow).map_err(|why| self.refused(why))?;
        if calls::is_up(&self.change.steps, self.change.steps.len()) {
            let why = "States.Format('{}. Nothing is rolled back automatically after the start', \
                       States.JsonToString($.error))";
            self.end(flow, "doubt", UNVERIFIED, json!(why));
        }
        self.end(flow, "went_back", "rolled-back", json!("States.JsonToString($.error)"));
        self.stuck(flow);
        Ok(())
    }

    fn stuck(&self, flow: &mut Flow) {
        let why = "States.Format('{}; the rollback failed: {}. A person is needed', \
                   States.JsonToString($.error), States.JsonToString($.back))";
        self.end(flow, "stuck", "stuck", json!(why));
    }

    /// Writes the states that check the state from which the change begins; the first is `before_1`, and
    /// there is always one.
    fn before(&self, flow: &mut Flow) -> Result<(), String> {
        let steps = self.step_name(0);
        let all = assertions(self.change);
        if all.is_empty() {
            flow.put(
                &self.name("before_1"),
                json!({ "Type": "Pass",
                "Comment": "the plan names nothing that could be asked for", "Next": steps }),
            );
        }
        let last = all.len();
        for (n, assertion) in all.into_iter().enumerate() {
            let asked = Asked { look: assertion.look, test: assertion.test, what: assertion.what, of: 1 };
            let question = question(&asked, self.place(""))?;
            let next = if n + 1 == last { steps.clone() } else { self.name(&format!("before_{}", n + 2)) };
            let (drifted, not_asked) = (self.name("drifted"), self.name("not_asked"));
            let seen = Seen { holds: &next, not: &drifted, never: &drifted, unknown: &not_asked };
            write_look(flow, &self.name(&format!("before_{}", n + 1)), &question, &seen, true);
        }
        Ok(())
    }

    /// Returns the name of the first state of a step, or of the state after the last step.
    fn step_name(&self, n: usize) -> String {
        self.change.steps.get(n).map_or_else(|| self.name(DONE), |step| self.name(&clean(&step.name)))
    }

    fn step(&self, flow: &mut Flow, n: usize, step: &Step) -> Result<(), String> {
        let stays = match &step.way_back {
            WayBack::Kept(why) => format!(" (no undo: stays, because {why})"),
            WayBack::Cannot(why) => format!(" (cannot be undone, because {why})"),
            WayBack::ByStep(other) => format!(" (undone with {other})"),
            WayBack::Calls { kept_once: Some(once), .. } => {
                format!(" (stays once {} was done, because {})", once.step, once.reason)
            }
            WayBack::Calls { .. } => String::new(),
        };
        let named = Named {
            name: &self.step_name(n),
            title: format!("{}{stays}", step.title),
            act: &step.act,
            keeps: true,
        };
        // With nothing done there is nothing to roll back.
        let not_done = if n == 0 { self.name("failed") } else { self.back_name(n) };
        let (next, doubt) = (self.step_name(n + 1), self.name("doubt"));
        let up = calls::is_up(&self.change.steps, n);
        // Once something was brought up nothing is rolled back automatically: a step that only records is
        // left out, everything else is in doubt.
        let (not_done, undone) = match () {
            () if calls::only_records(&self.change.steps, n) => (next.clone(), next.clone()),
            () if up => (doubt.clone(), doubt),
            () if step.act.power() == Power::BringsUp => (not_done, doubt),
            () => (not_done, self.back_name(n + 1)),
        };
        let roads = Roads { next: &next, not_done: &not_done, undone: &undone, error: "$.error" };
        write(flow, &named, self.place(&step.name), &roads)
    }

    /// Returns the name of the first state of the rollback from the first `n` steps.
    fn back_name(&self, n: usize) -> String {
        let acts = rollback(self.change);
        let step = self
            .change
            .steps
            .get(..n)
            .unwrap_or_default()
            .iter()
            .rev()
            .find(|s| acts.iter().any(|a| a.of == s.name));
        match step {
            None => self.name("went_back"),
            Some(Step { way_back: WayBack::Calls { kept_once: Some(_), .. }, name, .. }) => {
                self.name(&format!("keep_{}", clean(name)))
            }
            Some(step) => acts
                .iter()
                .find(|a| a.of == step.name)
                .map_or_else(|| self.name("went_back"), |act| self.name(&clean(&act.name))),
        }
    }

    fn back(&self, flow: &mut Flow) -> Result<(), String> {
        let acts = rollback(self.change);
        for (n, step) in self.change.steps.iter().enumerate().rev() {
            let own: Vec<&BackAct> = acts.iter().filter(|a| a.of == step.name).collect();
            let (Some(first), further) = (own.first(), self.back_name(n)) else { continue };
            if let WayBack::Calls { kept_once: Some(once), .. } = &step.way_back {
                let keep = choice(
                    vec![(present(&made(&self.change.id, &once.step)), &further)],
                    &self.name(&clean(&first.name)),
                );
                flow.put(&self.name(&format!("keep_{}", clean(&step.name))), keep);
            }
            self.acts(flow, &own, &further)?;
        }
        Ok(())
    }

    /// Writes acts of a rollback or an undo, one after the other. Where one fails, a person is needed.
    fn acts(&self, flow: &mut Flow, acts: &[&BackAct], then: &str) -> Result<(), String> {
        for (n, back) in acts.iter().enumerate() {
            let next = acts.get(n + 1).map_or_else(|| then.to_owned(), |a| self.name(&clean(&a.name)));
            let stuck = self.name("stuck");
            let roads = Roads { next: &next, not_done: &stuck, undone: &stuck, error: "$.back" };
            let named = Named {
                name: &self.name(&clean(&back.name)),
                title: format!("undo {}", back.of),
                act: &back.act,
                keeps: false,
            };
            write(flow, &named, self.place(&back.name), &roads)?;
        }
        Ok(())
    }

    /// Writes the states that undo the change after it was done.
    ///
    /// # Errors
    /// As [`Writer::forward`].
    pub fn undo(&self, flow: &mut Flow) -> Result<(), NotExported> {
        let every: Vec<String> = self.change.steps.iter().map(|s| s.name.clone()).collect();
        let way = calls::way_back(&self.change.steps, &every, Purpose::Undo);
        let acts: Vec<&BackAct> = way.iter().collect();
        let first = acts.first().map_or_else(|| self.name(TAKEN_BACK), |act| self.name(&clean(&act.name)));
        let looked: Vec<&Act> = acts.iter().map(|back| &back.act).collect();
        let first = forget(flow, &self.name("forget"), &looked, &self.change.id, &first);
        let later = self.plan.changes.iter().filter(|c| c.after.contains(&self.change.id));
        let stands: Vec<Value> = later.flat_map(|c| [ended(&c.id, DONE), ended(&c.id, "stuck")]).collect();
        let mut ways = Vec::new();
        // A later change that stands is built upon this one.
        if !stands.is_empty() {
            ways.push((json!({ "Or": stands }), self.next));
        }
        ways.push((
            json!({ "Or": [ended(&self.change.id, DONE), ended(&self.change.id, UNVERIFIED)] }),
            first.as_str(),
        ));
        let mut enter = choice(ways, self.next);
        enter["Comment"] =
            json!(plain(&format!("{}: undo: {}{}", self.change.id, self.change.summary, stays(self.change))));
        flow.put(&entry(self.change), enter);
        self.acts(flow, &acts, &self.name(TAKEN_BACK)).map_err(|why| self.refused(why))?;
        self.end(flow, TAKEN_BACK, TAKEN_BACK, Value::Null);
        self.end(
            flow,
            "stuck",
            "stuck",
            json!("States.Format('the undo failed: {}. A person is needed', States.JsonToString($.back))"),
        );
        Ok(())
    }
}

/// Lists the things that an undo leaves.
fn stays(change: &Change) -> String {
    let kept = change.steps.iter().filter_map(|s| match &s.way_back {
        WayBack::Kept(why) | WayBack::Cannot(why) | WayBack::Calls { undo: Undo::Kept(why), .. } => {
            Some(format!("; {} stays: {why}", s.name))
        }
        _ => None,
    });
    kept.collect()
}
