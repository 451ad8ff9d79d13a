//! Approval: which changes need no question, which are asked about, which cannot be approved by any answer,
//! and the questions themselves. The rules are pure; only [`approve`] talks to a person. Nothing here changes
//! anything.

mod questions;

use std::collections::{BTreeMap, BTreeSet};

use self::questions::{Card, questions};
use super::{
    args::Approval,
    fail::Fail,
    perform::stop_at_once,
    render,
    session::Session,
    signals::{self, TerminalState},
    terminal,
};
use crate::{
    actions,
    calls::{Power, Risk},
    engine::left::Left,
    journal::Decision,
    plan::{Change, Plan, PlanKind, again::PlanAgain, document::reason_of},
    playbook::problem::did_you_mean,
    report::Detail,
};

/// The origin of a decision where a person answered no.
const NO: &str = "no at the prompt";

/// The approval policy that the flags give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    auto: bool,
    max_risk: Option<Risk>,
    irreversible: BTreeSet<String>,
}

/// The state of a change before anybody is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Approved by the flags that are named.
    Yes(String),
    /// A person must decide.
    Ask,
    /// Not approved, for the given reason.
    No(String),
}

impl Policy {
    /// Builds the policy that the flags give.
    ///
    /// # Errors
    /// When `--allow-irreversible` names an action that does not exist.
    pub fn of(flags: &Approval) -> Result<Self, Fail> {
        for name in &flags.allow_irreversible {
            if actions::find(name).is_none() {
                let fail = Fail::usage(format!("--allow-irreversible {name}: there is no action {name:?}"));
                return Err(match did_you_mean(name, actions::all().iter().map(|a| a.name())) {
                    Some(near) => fail.hint(format!("did you mean {near}?")),
                    None => fail.hint("`redress actions` lists them"),
                });
            }
        }
        Ok(Self {
            auto: flags.auto_approve,
            max_risk: flags.max_risk.map(Risk::from),
            irreversible: flags.allow_irreversible.iter().cloned().collect(),
        })
    }

    /// Builds the demo's policy, which approves everything that is not irreversible.
    pub fn demo() -> Self {
        Self { auto: true, max_risk: Some(Risk::Disruptive), irreversible: BTreeSet::new() }
    }

    /// Returns whether flags approve, so that nobody is asked.
    pub fn by_flags(&self) -> bool {
        self.auto
    }

    /// Returns whether an irreversible action may be approved.
    pub fn allows(&self, action: &str) -> bool {
        self.irreversible.contains(action)
    }

    /// Returns the same policy, but one that asks a person: for changes that rest on a file alone.
    #[must_use]
    pub fn asking(self) -> Self {
        Self { auto: false, ..self }
    }

    /// Returns how one change stands by itself; without `ask`, its playbook approves it within the risk that
    /// the flags allow.
    fn standing(&self, change: &Change, ask: bool) -> Standing {
        if change.risk == Risk::Irreversible {
            let missing: Vec<&str> =
                change.action.iter().filter(|name| !self.irreversible.contains(*name)).collect();
            if let Some(name) = missing.first() {
                return Standing::No(format!(
                    "irreversible: it is approved only with --allow-irreversible {name}"
                ));
            }
            // An action that is named: the flag covers the risk, but not the question.
            return if self.auto {
                Standing::Yes(format!("--auto-approve with --allow-irreversible {}", change.action))
            } else {
                Standing::Ask
            };
        }
        let highest = self.max_risk.unwrap_or(if self.auto { Risk::Safe } else { Risk::Disruptive });
        match () {
            () if !ask && self.max_risk.is_none() => {
                Standing::Yes(format!("playbook {}: approve = \"auto\"", change.playbook))
            }
            () if change.risk > highest => {
                let word = change.risk.word();
                Standing::No(format!(
                    "{word}, above --max-risk {}: approve it with --max-risk {word}",
                    highest.word()
                ))
            }
            () if !ask => Standing::Yes(format!("playbook {}: approve = \"auto\"", change.playbook)),
            () if self.auto => Standing::Yes("--auto-approve".to_owned()),
            () => Standing::Ask,
        }
    }

    /// Returns how every change of a plan stands; a change that comes after one that is not approved is not
    /// approved either. A change that fails in the rehearsal is for a person to decide: a flag that covers
    /// all changes does not cover it.
    pub fn standings(&self, plan: &Plan) -> BTreeMap<String, Standing> {
        self.all(plan, |change| match (self.standing(change, change.ask), ends_badly(plan, change)) {
            (Standing::Yes(_), Some(why)) => Standing::No(why),
            (standing, _) => standing,
        })
    }

    /// Returns how every change of a plan from a file stands after it was planned again. A claim that rests
    /// on the file alone requires a question, and no flag that covers all changes covers it. A change that
    /// differs from the file is not asked about.
    pub fn standings_again(&self, plan: &Plan, again: &PlanAgain) -> BTreeMap<String, Standing> {
        self.all(plan, |change| {
            if let Some(unlike) = again.unlike.get(&change.id) {
                return match self.standing(change, true) {
                    // The engine finds the same difference under the lock, and the run reports it.
                    Standing::Yes(by) => Standing::Yes(by),
                    Standing::Ask | Standing::No(_) => Standing::No(unlike.reason().to_owned()),
                };
            }
            match again.own.get(&change.id) {
                Some(own) if self.auto => Standing::No(format!(
                    "only the plan claims this: {}; give the flag as when it was planned, or answer yes at \
                     the prompt",
                    own.join("; ")
                )),
                Some(_) => self.standing(change, true),
                None => self
                    .standing(change, change.ask || again.plan.change(&change.id).is_none_or(|now| now.ask)),
            }
        })
    }

    /// Returns how the rest of a run stands. A change that was begun is asked about whatever was decided
    /// before, since that decision is only in a file. If its next calls rest on the files alone, no flag
    /// covers it, unless a trusted signer has signed them. A change that was not begun stands as in a plan
    /// from a file: it asks where a playbook of today does.
    pub fn standings_left(&self, left: &Left, signed: bool) -> BTreeMap<String, Standing> {
        let again = self.standings_again(&left.plan, &left.again);
        let alone = |change: &Change| {
            left.judged.ahead.contains(&change.id) && self.auto && !signed && left.plan.kind != PlanKind::Undo
        };
        self.all(&left.plan, |change| match again.get(&change.id) {
            _ if left.begun.contains(&change.id) && alone(change) => {
                let claims = left.judged.claims.get(&change.id).map(|all| all.join("; ")).unwrap_or_default();
                Standing::No(format!(
                    "only the run's files claim this: {claims}; --auto-approve does not cover it"
                ))
            }
            _ if left.begun.contains(&change.id) => self.standing(change, true),
            Some(standing) => standing.clone(),
            None => self.standing(change, true),
        })
    }

    fn all(&self, plan: &Plan, one: impl Fn(&Change) -> Standing) -> BTreeMap<String, Standing> {
        let mut all = BTreeMap::new();
        for change in &plan.changes {
            let barred = change.after.iter().find(|id| matches!(all.get(*id), Some(Standing::No(_))));
            let standing = match barred {
                Some(id) => Standing::No(format!("it comes after {id}, which is not approved")),
                None => one(change),
            };
            all.insert(change.id.clone(), standing);
        }
        all
    }
}

/// Returns the reason why a change of an undo is not approved without a question: its rehearsal failed, or
/// could not show that the instance it takes down comes up again. A new plan leaves out a change that fails
/// in its rehearsal, and refuses to stop an instance that is not shown to come up again.
fn ends_badly(plan: &Plan, change: &Change) -> Option<String> {
    if plan.kind != PlanKind::Undo {
        return None;
    }
    let (what, why) = if plan.rehearsal.failed.contains(&change.id) {
        ("it failed in its rehearsal", reason_of(&plan.rehearsal.differences, &change.id))
    } else if change.steps.iter().any(|step| step.act.power() == Power::TakesDown) {
        (
            "it was not rehearsed, and takes something down",
            Some(reason_of(&plan.rehearsal.not_rehearsed, &change.id)?),
        )
    } else {
        return None;
    };
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    Some(format!("{what}{why}: --auto-approve does not cover it; fix the cause, or answer yes at the prompt"))
}

/// Decides every change from its standing and a person's answers to the questions. A change that comes after
/// one that is not approved is not approved; a change that only others need is not made if none of them is
/// approved.
pub fn decide(
    plan: &Plan,
    standings: &BTreeMap<String, Standing>,
    answers: &BTreeMap<String, bool>,
) -> Vec<Decision> {
    let mut verdicts: BTreeMap<&str, Result<String, String>> = BTreeMap::new();
    for change in &plan.changes {
        let barred = change.after.iter().find(|id| matches!(verdicts.get(id.as_str()), Some(Err(_))));
        let verdict = match (standings.get(&change.id), barred) {
            (Some(Standing::No(reason)), _) => Err(reason.clone()),
            (_, Some(id)) => Err(format!("it comes after {id}, which is not approved")),
            (Some(Standing::Yes(by)), _) => Ok(by.clone()),
            (Some(Standing::Ask), _) if answers.get(&change.id) == Some(&true) => Ok("prompt".to_owned()),
            _ => Err(NO.to_owned()),
        };
        verdicts.insert(&change.id, verdict);
    }
    for change in plan.changes.iter().rev() {
        let needed = |other: &&Change| other.after.contains(&change.id);
        let mut users = plan.changes.iter().filter(needed).peekable();
        let idle = plan.kind == PlanKind::Plan
            && change.findings.is_empty()
            && users.peek().is_some()
            && users.all(|u| matches!(verdicts.get(u.id.as_str()), Some(Err(_))));
        if idle && matches!(verdicts.get(change.id.as_str()), Some(Ok(_))) {
            verdicts.insert(&change.id, Err("nothing that is approved needs it".to_owned()));
        }
    }
    let decision = |change: &Change| match verdicts.remove(change.id.as_str()) {
        Some(Ok(by)) => Decision { change: change.id.clone(), approved: true, by },
        Some(Err(reason)) => Decision { change: change.id.clone(), approved: false, by: reason },
        None => Decision { change: change.id.clone(), approved: false, by: "not decided".to_owned() },
    };
    plan.changes.iter().map(decision).collect()
}

/// Shows a plan and decides every change of it, asking where that is needed and possible.
///
/// # Errors
/// When somebody would have to be asked and nobody is there (exit 2), or the question was left with Ctrl-C or
/// another request to stop (exit 4).
pub async fn approve(session: &Session, plan: &Plan, policy: &Policy) -> Result<Vec<Decision>, Fail> {
    decided(session, plan, plan, &policy.standings(plan)).await
}

/// Decides every change of a plan as [`approve`] does, by the given standings; `shown` is the plan that may
/// be shown as true.
///
/// # Errors
/// As [`approve`].
pub async fn decided(
    session: &Session,
    plan: &Plan,
    shown: &Plan,
    standings: &BTreeMap<String, Standing>,
) -> Result<Vec<Decision>, Fail> {
    let out = session.out;
    let open: Vec<Change> =
        shown.changes.iter().filter(|c| standings.get(&c.id) == Some(&Standing::Ask)).cloned().collect();
    if !open.is_empty() && !out.can_ask() {
        return Err(nobody_to_ask(&open));
    }
    let text = render::asked(session, shown);
    if open.is_empty() {
        out.show(&text)
    } else {
        out.show_always(&text)
    }
    let stops =
        plan.changes.iter().filter(|c| c.steps.iter().any(|s| s.act.power() == Power::TakesDown)).count();
    if stops > 0 {
        out.say(&downs(stops, stop_at_once(session)));
    }
    for change in &plan.changes {
        if let Some(Standing::No(reason)) = standings.get(&change.id) {
            out.say(&format!("{} will not be done: {reason}", change.id));
        }
    }
    if open.is_empty() {
        return Ok(decide(plan, standings, &BTreeMap::new()));
    }
    let card = |c: &Change| Card {
        id: c.id.clone(),
        after: c.after.clone(),
        text: render::change(session, shown, c, None),
        details: render::change(session, shown, c, Some(Detail::Calls)),
    };
    let cards: Vec<Card> = open.iter().map(card).collect();
    let (mut requests, terminal) = (signals::listen(), TerminalState::now());
    let answers = tokio::select! {
        answers = tokio::task::spawn_blocking(move || questions(terminal::open(out, false).as_mut(),
            &cards)) => match answers {
            Ok(Ok(answers)) => Some(answers),
            _ => None,
        },
        _ = requests.next() => None,
    };
    match answers {
        Some(answers) => Ok(decide(plan, standings, &answers)),
        None => {
            requests.enough();
            terminal.restore();
            Err(Fail::held(
                "the question was left without an answer: nothing was approved, nothing was changed",
            ))
        }
    }
}

/// Writes how many instances are stopped, and how many of them are down at once.
fn downs(stops: usize, at_once: usize) -> String {
    let stopped = if stops == 1 {
        "1 instance is stopped".to_owned()
    } else {
        format!("{stops} instances are stopped")
    };
    format!("{stopped}; down at once in a region: at most {at_once} (--stop-at-once)")
}

/// Refuses to go on when a person answered no to everything: there is nothing to journal.
///
/// # Errors
/// When nothing is approved and somebody was asked (exit 4).
pub fn any_approved(decisions: &[Decision]) -> Result<(), Fail> {
    if decisions.iter().any(|d| d.approved) || !decisions.iter().any(|d| d.by == NO) {
        return Ok(());
    }
    Err(Fail::held("nothing was approved, nothing was changed"))
}

fn nobody_to_ask(open: &[Change]) -> Fail {
    let risk = open.iter().map(|c| c.risk).max().unwrap_or(Risk::Safe);
    let flags =
        if risk == Risk::Disruptive { "--auto-approve --max-risk disruptive" } else { "--auto-approve" };
    let count = if open.len() == 1 {
        "1 change needs a yes".to_owned()
    } else {
        format!("{} changes need a yes", open.len())
    };
    Fail::usage(format!("{count}, and there is no terminal to ask at"))
        .why("nothing was changed")
        .hint(format!("run it on a terminal, or approve without a question: {flags}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(id: &str, after: &[&str], risk: &str, ask: bool) -> Change {
        let arn = "arn:aws:ec2:us-east-1:123456789012:security-group/sg-1";
        let findings = if id.starts_with('p') {
            json!([])
        } else {
            json!([{ "check": "security-group-open-admin-port", "resource": arn }])
        };
        serde_json::from_value(json!({
            "id": id, "after": after, "findings": findings, "playbook": "p", "action": "prune", "uses": [],
            "resource": arn,
            "region": "us-east-1", "summary": "s", "risk": risk, "reversible": true, "not_restored": [],
            "before": null, "after_state": null,
            "impact": [], "proof": [], "steps": [], "guards": [], "touches": [], "ask": ask
        }))
        .expect("a change")
    }

    fn plan(changes: Vec<Change>) -> Plan {
        serde_json::from_value(json!({
            "format": "redress.plan/1", "account": "123456789012", "partition": "aws", "endpoint": "aws",
            "regions": [], "caller": "",
            "created": "2026-01-01T00:00:00Z", "expires": "2026-01-08T00:00:00Z", "options": {},
            "playbooks": {}, "changes": changes,
            "skipped": [], "rehearsal": { "closes": [], "opens": [], "undo_restores": true,
            "not_rehearsed": [] }, "counts": {}, "digest": ""
        }))
        .expect("a plan")
    }

    fn auto(max_risk: Option<Risk>, irreversible: &[&str]) -> Policy {
        Policy { auto: true, max_risk, irreversible: irreversible.iter().map(|s| (*s).to_owned()).collect() }
    }

    fn approved(decisions: &[Decision]) -> Vec<&str> {
        decisions.iter().filter(|d| d.approved).map(|d| d.change.as_str()).collect()
    }

    #[test]
    fn auto_approve_takes_no_undo_that_does_not_go_through_in_its_rehearsal() {
        let stop = json!({
            "name": "stop", "title": "stop i-1", "call": { "service": "ec2", "region": "us-east-1",
            "operation": "StopInstances", "input": {} },
            "recognise": { "looks": { "expect": [] } }, "way_back": { "kept": "x" }
        });
        let down = |id: &str| Change {
            steps: vec![serde_json::from_value(stop.clone()).expect("a step")],
            ..change(id, &[], "disruptive", true)
        };
        let mut undo = Plan {
            kind: PlanKind::Undo,
            ..plan(vec![down("c1"), down("c2"), down("c3"), change("c4", &[], "safe", true)])
        };
        undo.rehearsal.failed = ["c1".to_owned()].into();
        undo.rehearsal.differences = vec![
            "c1: waited 600 s until the instance runs: Client.InternalError".into(),
            "c3: a tag is not as before".into(),
        ];
        undo.rehearsal.not_rehearsed =
            vec!["c2: the key was not read".into(), "c4: a role was not read".into()];
        let policy = auto(Some(Risk::Disruptive), &[]);
        let decided = decide(&undo, &policy.standings(&undo), &BTreeMap::new());
        assert_eq!(approved(&decided), ["c3", "c4"]);
        assert!(decided[0].by.contains("failed in its rehearsal (waited 600 s"), "{}", decided[0].by);
        assert!(
            decided[1].by.contains("not rehearsed") && decided[1].by.contains("the key was not read"),
            "{}",
            decided[1].by
        );
        // A person who reads that may answer yes.
        let asked = Policy { auto: false, ..policy }.standings(&undo);
        assert!(asked.values().all(|standing| *standing == Standing::Ask), "{asked:?}");
    }

    #[test]
    fn auto_approve_takes_what_is_safe_unless_told_more() {
        let plan = plan(vec![
            change("c1", &[], "safe", true),
            change("c2", &[], "disruptive", true),
            change("c3", &[], "irreversible", true),
        ]);
        let decided = |policy: Policy| decide(&plan, &policy.standings(&plan), &BTreeMap::new());
        assert_eq!(approved(&decided(auto(None, &[]))), ["c1"]);
        assert_eq!(approved(&decided(auto(Some(Risk::Disruptive), &[]))), ["c1", "c2"]);
        assert_eq!(approved(&decided(auto(None, &["prune"]))), ["c1", "c3"]);
        assert!(decided(auto(None, &[]))[1].by.contains("--max-risk disruptive"));
        assert!(decided(auto(None, &[]))[2].by.contains("--allow-irreversible prune"));
    }

    #[test]
    fn what_is_irreversible_is_not_even_asked_about_unless_its_action_is_named() {
        let plan = plan(vec![change("c1", &[], "irreversible", false)]);
        let asked = Policy::default();
        assert!(matches!(asked.standings(&plan)["c1"], Standing::No(_)));
        let named = Policy { irreversible: BTreeSet::from(["prune".to_owned()]), ..Policy::default() };
        assert_eq!(named.standings(&plan)["c1"], Standing::Ask);
    }

    #[test]
    fn a_playbook_that_says_auto_needs_no_question() {
        let plan = plan(vec![change("c1", &[], "disruptive", false), change("c2", &[], "disruptive", true)]);
        let standings = Policy::default().standings(&plan);
        assert!(matches!(&standings["c1"], Standing::Yes(by) if by.contains("auto")));
        assert_eq!(standings["c2"], Standing::Ask);
        let safe_only = Policy { max_risk: Some(Risk::Safe), ..Policy::default() };
        assert!(matches!(safe_only.standings(&plan)["c1"], Standing::No(_)));
    }

    #[test]
    fn a_no_takes_along_what_comes_after_it_and_what_nobody_needs_any_more() {
        let plan = plan(vec![
            change("p1", &[], "safe", true),
            change("c2", &["p1"], "safe", true),
            change("c3", &["c2"], "safe", true),
        ]);
        let standings = Policy::default().standings(&plan);
        let say = |pairs: &[(&str, bool)]| {
            pairs.iter().map(|(id, yes)| ((*id).to_owned(), *yes)).collect::<BTreeMap<_, _>>()
        };
        let answers = decide(&plan, &standings, &say(&[("p1", true), ("c2", false), ("c3", true)]));
        assert!(approved(&answers).is_empty(), "{answers:?}");
        assert_eq!(answers[0].by, "nothing that is approved needs it");
        assert_eq!(answers[2].by, "it comes after c2, which is not approved");
        assert_eq!(approved(&decide(&plan, &standings, &say(&[("p1", true), ("c2", true)]))), ["p1", "c2"]);
    }

    #[test]
    fn what_was_not_answered_is_not_approved() {
        let plan = plan(vec![change("c1", &[], "safe", true)]);
        assert!(approved(&decide(&plan, &Policy::default().standings(&plan), &BTreeMap::new())).is_empty());
    }

    #[test]
    fn an_unknown_action_of_allow_irreversible_is_bad_input() {
        let flags = Approval { allow_irreversible: vec!["prun".to_owned()], ..Approval::default() };
        let fail = Policy::of(&flags).expect_err("no such action");
        assert_eq!(fail.exit.code(), 2);
        assert_eq!(fail.hint.as_deref(), Some("did you mean prune?"));
    }
}
