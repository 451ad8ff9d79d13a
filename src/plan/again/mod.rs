//! Making the changes of a plan again: from fresh facts, and from the playbooks and flags in force when it is
//! applied. A plan file is a claim; only a change that is made again and is the same is shown as true and
//! done. Used on a copy of the account before anybody is asked, and on the account itself directly before
//! each change. Pure.

mod uses;
mod whole;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use uses::{dependents, for_others, is_left_all, own_parameters};
pub use uses::{own_for_others, own_uses, serves};
pub use whole::{PlanAgain, all_again, all_needs};

use super::{
    Change, Plan, PlanKind, SkippedKind, Stage,
    grouping::{SkipReason, asked, first_playbook},
    guards,
    play::{AllOutputs, play},
    proof::Moment,
    proof::{self, Proved},
    propose::{self, checks_of, differs, remake, unmade},
};
use crate::{
    actions::{ActionUse, Context, Options, Refusal, prune},
    calls::Bindings,
    checks,
    finding::{Finding, FindingKey, Verdict},
    inventory::{Inventory, Scope},
    playbook::{Approve, Playbook, Waivers, check_parameters},
};

/// The playbooks and flags in force when a plan is applied.
#[derive(Debug, Clone, Default)]
pub struct Today {
    /// The playbooks.
    pub playbooks: Vec<Playbook>,
    /// The findings that a person lets stay.
    pub waivers: Waivers,
    /// The options that the flags give.
    pub options: Options,
}

/// The reason for which a change is not done as the plan describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlike {
    /// Nothing is left to do.
    Fixed(String),
    /// It is made differently now, or nothing asks for it any more.
    Drifted(String),
    /// An action, a guard or a playbook refuses it.
    Refused(String),
    /// It cannot be determined.
    Unknown(String),
}

impl Unlike {
    /// Returns the reason.
    pub fn reason(&self) -> &str {
        let (Unlike::Fixed(reason)
        | Unlike::Drifted(reason)
        | Unlike::Refused(reason)
        | Unlike::Unknown(reason)) = self;
        reason
    }

    /// Returns the line that is shown about a change before anybody is asked.
    pub fn told(&self, change: &str) -> String {
        match self {
            Unlike::Fixed(reason) => format!("{change} is not needed: {reason}"),
            Unlike::Drifted(reason) | Unlike::Refused(reason) | Unlike::Unknown(reason) => {
                format!("{change} is not done as planned: {reason}")
            }
        }
    }
}

/// A change as it is made now.
#[derive(Debug, Clone, PartialEq)]
pub struct Again {
    /// The change; it asks if the plan or a playbook of today requires it.
    pub change: Change,
    /// Parameters and disabled safeguards that only the plan contains, and no playbook or flag of today:
    /// sentences, each with the flag that sets it.
    pub own: Vec<String>,
}

/// Returns the facts that must be read to make a change again, as far as they are known yet.
pub fn needs(plan: &Plan, change: &Change, today: &Today, known: &Inventory) -> Scope {
    let mut scope = proof::needs(change, known);
    let asking =
        if change.findings.is_empty() || serves(change) { dependents(plan, change) } else { Vec::new() };
    for one in asking.into_iter().chain([change]) {
        scope.extend(propose::needs(
            known,
            &one.uses,
            &one.resource,
            &one.region,
            &checks_of(one),
            &plan.options,
        ));
        for key in &one.findings {
            let with = check_parameters(&today.playbooks, &key.check);
            scope.extend(
                checks::find(&key.check)
                    .into_iter()
                    .flat_map(|check| (check.reads_one)(known, &key.resource, &with)),
            );
        }
    }
    scope
}

/// Makes a change again, including its guards, its proofs and everything that is shown of it, and compares it
/// with the plan.
///
/// # Errors
/// The reason for which it is not done as the plan describes it.
pub fn again(
    plan: &Plan,
    change: &Change,
    facts: &Inventory,
    today: &Today,
    stage: &dyn Stage,
    bindings: &Bindings<'_>,
) -> Result<Again, Unlike> {
    // The prerequisite exists already, made by another run or by somebody else: the changes that build on it
    // can be done.
    if change.findings.is_empty()
        && plan.kind == PlanKind::Plan
        && let Err(Refusal::Nothing(reason)) = remake(change, facts, &plan.options, stage)
    {
        return Err(Unlike::Fixed(reason));
    }
    let made = made(plan, change, facts, today, stage);
    match (proof::proved(change, facts, Moment::EndOfRun, bindings), made) {
        (Proved::Unknown(reason), _) => {
            Err(Unlike::Unknown(format!("it is unknown whether this is still needed: {reason}")))
        }
        (Proved::Holds(_), made) if made.is_ok() || closed(plan, change, facts, today) => {
            Err(Unlike::Fixed("the account is as the change would make it; nothing was called".to_owned()))
        }
        (_, made) => made,
    }
}

/// Returns whether nothing asks for a change any more: none of the findings that it answers is open, or the
/// resource that it deletes is gone.
fn closed(plan: &Plan, change: &Change, facts: &Inventory, today: &Today) -> bool {
    if change.findings.is_empty() {
        return plan.kind == PlanKind::Prune
            && change
                .proof
                .iter()
                .all(|proof| proof.resource == change.resource && proof.check.ends_with("-gone"));
    }
    let gone = |key: &FindingKey| {
        change.after_state.is_null()
            && key.resource == change.resource
            && guards::is_gone(facts, &key.resource)
    };
    change.findings.iter().all(|key| gone(key) || is_closed(key, facts, today))
}

/// Returns whether a finding is not open although its resource exists.
fn is_closed(key: &FindingKey, facts: &Inventory, today: &Today) -> bool {
    let ok = |finding: Finding| matches!(finding.verdict, Verdict::Ok(_) | Verdict::Retained(_));
    !guards::is_gone(facts, &key.resource) && judged(key, facts, today).is_some_and(ok)
}

/// Returns the findings that a change claims to answer and that are not open: somebody has closed them, or
/// they never were open.
pub fn not_open<'c>(
    change: &'c Change,
    facts: &'c Inventory,
    today: &'c Today,
) -> impl Iterator<Item = &'c FindingKey> {
    change.findings.iter().filter(|key| is_closed(key, facts, today))
}

/// Returns the plan without the findings that are not open: nobody answers them, so they count neither as
/// answered nor as closed. A change none of whose findings is open is left as it is, since it is not needed
/// any more.
#[must_use]
pub fn open_only(plan: &Plan, facts: &Inventory, today: &Today) -> Plan {
    let one = |change: &Change| {
        let closed: BTreeSet<&FindingKey> = not_open(change, facts, today).collect();
        let mut left = change.clone();
        if closed.len() < change.findings.len() {
            left.findings.retain(|key| !closed.contains(key));
            left.proof.retain(|proof| {
                !closed.iter().any(|key| key.check == proof.check && key.resource == proof.resource)
            });
        }
        left
    };
    Plan { changes: plan.changes.iter().map(one).collect(), ..plan.clone() }
}

fn judged(key: &FindingKey, facts: &Inventory, today: &Today) -> Option<Finding> {
    let check = checks::find(&key.check)?;
    let with = check_parameters(&today.playbooks, &key.check);
    let day = facts.read_at.to_zoned(TimeZone::UTC).date();
    Some(today.waivers.applied(checks::judge(facts, check, &key.resource, &with), day))
}

fn made(
    plan: &Plan,
    change: &Change,
    facts: &Inventory,
    today: &Today,
    stage: &dyn Stage,
) -> Result<Again, Unlike> {
    let Behind { playbook, ask, protected, mut own, shared } = behind(plan, change, facts, today)?;
    if let Some(tag) = protected.iter().find(|tag| !change.protected.contains(tag)) {
        return Err(Unlike::Drifted(format!(
            "the playbooks of today protect resources with the tag {tag}, which was not considered: make a \
             new plan"
        )));
    }
    if plan.kind == PlanKind::Plan {
        all_before(plan, change, facts)?;
    }
    let framed = Change { playbook, ask: change.ask || ask, ..change.clone() };
    // Safeguards that the plan disables and that nobody has disabled today stay on, where they hold nothing
    // back.
    let belts = Options {
        my_address: plan.options.my_address.clone(),
        allow_lockout: plan.options.allow_lockout && today.options.allow_lockout,
        include_managed: plan.options.include_managed && today.options.include_managed,
        half_done: false,
    };
    let compared = |options: &Options| {
        remake(&framed, facts, options, stage).map_err(unlike).and_then(|now| same(change, now))
    };
    let now = match compared(&belts) {
        Err(_) if belts != plan.options => {
            let now = compared(&plan.options)?;
            own.push(format!("it is made only with {}", loosened(&plan.options)));
            now
        }
        other => other?,
    };
    // The operator who applies it must not be locked out either.
    if today.options.my_address.is_some() && today.options.my_address != plan.options.my_address {
        let here = Options { my_address: today.options.my_address.clone(), ..plan.options.clone() };
        if let Err(Refusal::Refused(reason)) = remake(&framed, facts, &here, stage) {
            return Err(Unlike::Refused(reason));
        }
    }
    if !shared.is_empty() {
        also_closed(&now, &shared, today, stage)?;
    }
    Ok(Again { change: Change { ask: now.ask || !own.is_empty(), ..now }, own })
}

/// Checks that the prerequisites of a change exist, or are made by a change that it comes after.
fn all_before(plan: &Plan, change: &Change, facts: &Inventory) -> Result<(), Unlike> {
    let checks = checks_of(change);
    let context =
        Context { inventory: facts, region: &change.region, checks: &checks, options: &plan.options };
    // A part of a plan does not contain the changes that are done already.
    let after = plan.change(&change.id).map_or(&change.after, |whole| &whole.after);
    for needed in unmade(&context, &change.uses, &change.resource) {
        let makes = |other: &&Change| {
            other.resource == needed.resource && other.uses.iter().any(|one| one.action == needed.action)
        };
        if !plan.changes.iter().filter(|other| after.contains(&other.id)).any(|other| makes(&other)) {
            let (action, resource) = (needed.action, &needed.resource);
            return Err(Unlike::Drifted(format!(
                "it needs {action} on {resource} before it, and the plan does not make that first: make a \
                 new plan"
            )));
        }
    }
    Ok(())
}

fn same(planned: &Change, now: Change) -> Result<Change, Unlike> {
    match differs(planned, &now) {
        None => Ok(now),
        Some(what) => Err(Unlike::Drifted(format!(
            "the account has changed since the plan was made, or the plan is not as it was made: {what}. \
             Nothing was called; make a new plan"
        ))),
    }
}

fn unlike(refusal: Refusal) -> Unlike {
    match refusal {
        Refusal::Refused(reason) => Unlike::Refused(reason),
        Refusal::Unknown(reason) => Unlike::Unknown(reason),
        Refusal::Nothing(reason) => {
            Unlike::Drifted(format!("there is nothing left to do ({reason}): make a new plan"))
        }
    }
}

fn loosened(options: &Options) -> String {
    let flags = [(options.allow_lockout, "--allow-lockout"), (options.include_managed, "--include-managed")];
    flags.into_iter().filter_map(|(on, flag)| on.then_some(flag)).collect::<Vec<_>>().join(" and ")
}

/// Checks that a change also closes the findings for which other changes would have to be made.
fn also_closed(
    change: &Change,
    shared: &[&FindingKey],
    today: &Today,
    stage: &dyn Stage,
) -> Result<(), Unlike> {
    let (mut work, mut outputs) = (stage.fork(), AllOutputs::new());
    let started = stage.inventory().read_at;
    if play(work.as_mut(), change, started, &mut outputs).is_err() {
        return Ok(());
    }
    let facts = work.inventory();
    let open = shared.iter().find(|key| {
        judged(key, &facts, today).is_none_or(|finding| matches!(finding.verdict, Verdict::Violates(_)))
    });
    match open {
        None => Ok(()),
        Some(key) => Err(Unlike::Drifted(format!(
            "it does not answer {} on {}: make a new plan",
            key.check, key.resource
        ))),
    }
}

/// The playbook that asks for a change today, with everything that follows from it.
struct Behind<'c> {
    playbook: String,
    ask: bool,
    protected: Vec<String>,
    own: Vec<String>,
    /// Findings that would be answered by other changes, if this one did not close them too.
    shared: Vec<&'c FindingKey>,
}

fn behind<'c>(
    plan: &'c Plan,
    change: &'c Change,
    facts: &Inventory,
    today: &Today,
) -> Result<Behind<'c>, Unlike> {
    match plan.kind {
        PlanKind::Prune => Ok(Behind {
            playbook: prune::NAME.to_owned(),
            ask: true,
            protected: Vec::new(),
            own: Vec::new(),
            shared: Vec::new(),
        }),
        PlanKind::Undo | PlanKind::Recover => Err(Unlike::Drifted(
            "a restoring change is made again from its run, not from a playbook".to_owned(),
        )),
        PlanKind::Plan if change.findings.is_empty() => for_others(plan, change, facts, today),
        PlanKind::Plan => answering(plan, change, facts, today),
    }
}

/// Finds the playbooks that ask for a change because of its findings.
fn answering<'c>(
    plan: &'c Plan,
    change: &'c Change,
    facts: &Inventory,
    today: &Today,
) -> Result<Behind<'c>, Unlike> {
    let names = |uses: &[ActionUse]| uses.iter().map(|one| one.action.clone()).collect::<Vec<_>>();
    let mut behind = Behind {
        playbook: String::new(),
        ask: false,
        protected: Vec::new(),
        own: Vec::new(),
        shared: Vec::new(),
    };
    let (mut playbooks, mut uses): (Vec<&Playbook>, Option<&[ActionUse]>) = (Vec::new(), None);
    for key in &change.findings {
        let Some(finding) = judged(key, facts, today) else {
            return Err(Unlike::Drifted(format!("there is no check {}", key.check)));
        };
        if guards::is_gone(facts, &key.resource) {
            return Err(Unlike::Drifted(format!(
                "{} is claimed to be found on {}, which does not exist: make a new plan",
                key.check, key.resource
            )));
        }
        // A change before this one has closed it, or somebody else has.
        if matches!(finding.verdict, Verdict::Ok(_) | Verdict::Retained(_)) {
            continue;
        }
        let answer = asked(&today.playbooks, facts, &finding).map_err(|fate| no_answer(key, fate))?;
        behind.ask |= answer.playbooks.iter().any(|p| p.approve != Approve::Auto);
        behind.protected.extend(answer.playbooks.iter().flat_map(|p| p.guard.protected_tags.clone()));
        if answer.resource != change.resource || names(answer.uses) != names(&change.uses) {
            match is_left_all(plan, change, &answer, facts) {
                true => playbooks.extend(answer.playbooks),
                false => behind.shared.push(key),
            }
            continue;
        }
        if uses.is_some_and(|uses| uses != answer.uses) {
            return Err(Unlike::Drifted(format!(
                "the playbooks of today want different things about {}: make a new plan",
                change.resource
            )));
        }
        uses = Some(answer.uses);
        playbooks.extend(answer.playbooks);
    }
    let Some(first) = first_playbook(&today.playbooks, &playbooks) else {
        let what = format!("no playbook of today asks for {} on {}", change.action, change.resource);
        return Err(Unlike::Drifted(format!(
            "{what}: make a new plan, or give --playbooks, --playbook-set, --set and --allow-cidr as when it \
             was planned"
        )));
    };
    behind.playbook.clone_from(&first.id);
    behind.own = uses.map(|uses| own_parameters(&change.uses, uses)).unwrap_or_default();
    Ok(behind)
}

fn no_answer(key: &FindingKey, (kind, reason): SkipReason) -> Unlike {
    let told = format!("{} on {}: {reason}", key.check, key.resource);
    match kind {
        SkippedKind::Unknown => Unlike::Unknown(told),
        SkippedKind::Refused | SkippedKind::Suppressed => Unlike::Refused(told),
        SkippedKind::Unmapped | SkippedKind::Conflict | SkippedKind::Retained => Unlike::Drifted(format!(
            "{told}: make a new plan, or give --playbooks and --playbook-set as when it was planned"
        )),
    }
}
