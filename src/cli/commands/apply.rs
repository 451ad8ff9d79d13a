//! `redress apply`: makes the changes of a plan after it was shown and approved. A plan from a file is
//! checked whole before anything else; without a file it plans first.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{recover, undo};
use crate::{
    cli::shared::{
        account::{OpenAccount, Place, stage},
        args::{Approval, ReportBack, SafetyLimits},
        ask::{self, Policy, Standing},
        exit::Exit,
        fail::Fail,
        perform::{self, Approved},
        plan_file,
        planning::{self, Facts},
        report_back,
        session::{self, Chosen, Session},
        signed, summary,
    },
    engine::{self, gather::afresh},
    journal::{Decision, Signed, Store},
    plan::{
        Change, Plan, PlanKind,
        again::{self, PlanAgain, Today},
        digest,
        document::reason_of,
        propose,
        rehearse::Rules,
        select,
    },
};

/// The command for flags that shape a plan.
const PLAN_ANEW: &str = "`redress plan -o FILE`";

/// The account, plan and facts that an apply starts from.
pub struct ApplyInput {
    /// The store that keeps its run.
    pub state: Box<dyn Store>,
    /// The account.
    pub door: OpenAccount,
    /// The plan.
    pub plan: Plan,
    /// The facts that planning read; a plan from a file brings none.
    pub facts: Option<Facts>,
    /// The part of the exit code that comes from findings of others that were not read to their end: the plan
    /// may lack what the rest contained.
    pub held: Exit,
    /// The plan from a file as it was planned again.
    pub again: Option<PlanAgain>,
    /// The signer of the file and the plan that was signed, where a signature was asked for.
    pub signed: Option<(Signed, Plan)>,
}

impl ApplyInput {
    /// Returns, for each change of a plan made on this ground, how it is to be decided.
    fn standings(&self, plan: &Plan, policy: &Policy) -> BTreeMap<String, Standing> {
        let Some(again) = &self.again else { return policy.standings(plan) };
        let mut all = policy.standings_again(plan, again);
        for id in &again.plan.rehearsal.failed {
            all.insert(
                id.clone(),
                Standing::No(format!(
                    "it fails in its rehearsal on the account as it is now: {}",
                    failure(again, id)
                )),
            );
        }
        all
    }
}

/// Checks that the approved part of a plan is what was signed, where a signature was asked for: a part of a
/// plan can be made differently than the whole.
///
/// # Errors
/// When it is not (exit 4).
pub fn as_signed(
    signed: Option<(Signed, Plan)>,
    plan: &Plan,
    decisions: &[Decision],
) -> Result<Option<Signed>, Fail> {
    let Some((by, signed)) = signed else { return Ok(None) };
    let approved = |change: &&Change| decisions.iter().any(|d| d.approved && d.change == change.id);
    let unlike = |change: &Change| {
        signed.change(&change.id).map_or(Some("it is not in the signed plan".to_owned()), |signed| {
            propose::differs(signed, change)
        })
    };
    match plan
        .changes
        .iter()
        .filter(approved)
        .find_map(|change| unlike(change).map(|what| (&change.id, what)))
    {
        None => Ok(Some(by)),
        Some((id, what)) => Err(Fail::held(format!("{id} is not what was signed: {what}"))
            .why("nothing was changed")
            .hint("approve the whole plan, or have a plan signed that contains only this part")),
    }
}

/// Gathers what an apply starts from: from a plan file, or from the account where there is no file.
///
/// # Errors
/// When the input is bad, or the account cannot be opened.
pub async fn ground(
    session: &Session,
    file: Option<&Path>,
    safety: &SafetyLimits,
) -> Result<ApplyInput, Fail> {
    match file {
        Some(path) => {
            made_already(&planning_flags(session, safety, false), PLAN_ANEW)?;
            let (plan, signed) = plan_file::read_trusted(session, path)?;
            let mut ground = of_plan(session, path, plan, signed, safety).await?;
            ground.only_as_made_now();
            Ok(ground)
        }
        None => of_account(session, safety).await,
    }
}

/// Applies a plan.
///
/// # Errors
/// When the input is bad, the account cannot be opened, nobody can be asked, or nothing is approved.
pub async fn run(
    session: &Session,
    file: Option<&Path>,
    changes: &[String],
    approval: &Approval,
    targets: &[ReportBack],
    safety: &SafetyLimits,
) -> Result<Exit, Fail> {
    let policy = Policy::of(approval)?;
    let mut ground = match file.map(|path| Ok((path, plan_file::read_trusted(session, path)?))).transpose()? {
        Some((path, (undo, signed))) if undo.kind == PlanKind::Undo => {
            made_already(
                &planning_flags(session, safety, !changes.is_empty()),
                "`redress undo RUN --change ID -o FILE`",
            )?;
            if !targets.is_empty() {
                return Err(Fail::usage("--report-back reports closed findings, and an undo closes none")
                    .hint("leave --report-back out"));
            }
            return undo::apply(session, &path.display().to_string(), &undo, signed, approval).await;
        }
        Some((path, (back, signed))) if back.kind == PlanKind::Recover => {
            made_already(
                &planning_flags(session, safety, !changes.is_empty()),
                "`redress recover RUN -o FILE`",
            )?;
            if !targets.is_empty() {
                return Err(Fail::usage("--report-back reports closed findings, and a recovery closes none")
                    .hint("leave --report-back out"));
            }
            return recover::apply(session, &path.display().to_string(), &back, signed, approval).await;
        }
        Some((path, (plan, signed))) => {
            made_already(&planning_flags(session, safety, false), PLAN_ANEW)?;
            of_plan(session, path, plan, signed, safety).await?
        }
        None => of_account(session, safety).await?,
    };
    report_back::ready(targets, &ground.plan.endpoint)?;
    if !changes.is_empty() {
        if let Some((id, unlike)) =
            ground.again.iter().flat_map(|a| &a.unlike).find(|(id, _)| changes.contains(id))
        {
            return Err(Fail::held(format!("{id} is not done as planned: {}", unlike.reason()))
                .why("nothing was changed"));
        }
        ground.only_as_made_now();
        ground.plan = chosen(session, &mut ground, changes).await?;
    }
    if ground.plan.changes.is_empty() {
        session.out.say("there is nothing to apply");
        summary::plan(session, &ground.plan, None)?;
        return Ok(ground.held);
    }
    let shown = ground.shown(!changes.is_empty());
    sound(&shown)?;
    let id = engine::run_id(&ground.plan, ground.door.account.now());
    let _lock = perform::lock(
        session,
        ground.state.as_ref(),
        &ground.plan,
        &id,
        &ground.door.account.identity().caller.arn,
    )?;
    ground.door = session.under_lock(ground.door)?;
    let decisions =
        ask::decided(session, &ground.plan, &shown, &ground.standings(&ground.plan, &policy)).await?;
    ask::any_approved(&decisions)?;
    let (plan, decisions) = part(session, &mut ground, &policy, decisions).await?;
    let approved =
        Approved { plan: &plan, signed: as_signed(ground.signed.take(), &plan, &decisions)?, decisions };
    let exit = Exit::worst([
        ground.held,
        perform::begin(session, &ground.door, ground.state.as_ref(), &id, approved).await?,
    ]);
    if targets.is_empty() {
        return Ok(exit);
    }
    Ok(Exit::worst([
        exit,
        report_back::after(session, &ground.door, ground.state.as_ref(), &id, targets).await?,
    ]))
}

async fn of_plan(
    session: &Session,
    path: &Path,
    plan: Plan,
    signed: Option<Signed>,
    safety: &SafetyLimits,
) -> Result<ApplyInput, Fail> {
    if plan.kind.restores() {
        let what = if plan.kind == PlanKind::Undo { "an undo" } else { "a recovery" };
        return Err(Fail::usage(format!("{}: this is the plan of {what}", path.display()))
            .hint(format!("redress apply {}", path.display())));
    }
    let state = session.state_to_write()?;
    let door = session.reopen(&Place::of_plan(&plan)).await?;
    plan_file::fits(&plan, &door)?;
    let Chosen { playbooks, waivers, .. } = session.chosen()?;
    let today = Today { playbooks, waivers, options: session::options(&safety.guards) };
    let signed = signed.map(|by| (by, plan.clone()));
    let (mut plan, again) = again(session, &door, plan, &today).await;
    // The author of the plan can make it ask more often, never less often.
    for change in &mut plan.changes {
        change.ask |= again.plan.change(&change.id).is_none_or(|now| now.ask);
    }
    if !digest::verify(&plan) {
        digest::seal(&mut plan);
    }
    Ok(ApplyInput { state, door, plan, facts: None, held: Exit::Done, again: Some(again), signed })
}

/// Returns the reason why a change fails when it is rehearsed now.
fn failure<'a>(again: &'a PlanAgain, id: &str) -> &'a str {
    reason_of(&again.plan.rehearsal.differences, id).unwrap_or("it does not go through")
}

/// Plans the changes of a file again on fresh facts, and reports which of them no longer hold and which
/// claims rest on the file alone.
async fn again(session: &Session, door: &OpenAccount, file: Plan, today: &Today) -> (Plan, PlanAgain) {
    let account = door.account.as_ref();
    let facts = afresh(account, &mut |known| again::all_needs(&file, &file.changes, today, known)).await;
    let plan = again::open_only(&file, &facts, today);
    let again = again::all_again(&plan, &plan, today, stage(facts.clone()).as_ref());
    for id in &again.plan.rehearsal.failed {
        session.out.always(&format!(
            "{id} is not begun: it fails in its rehearsal on the account as it is now: {}",
            failure(&again, id)
        ));
    }
    for change in file.changes.iter().filter(|change| again.plan.change(&change.id).is_some()) {
        for key in again::not_open(change, &facts, today) {
            session.out.always(&format!(
                "{}: only the file claims that it answers {} on {}: that finding is not open now, and does \
                 not count",
                change.id, key.check, key.resource
            ));
        }
    }
    for (id, unlike) in &again.unlike {
        session.out.always(&unlike.told(id));
    }
    for (id, own) in &again.own {
        session.out.always(&format!("{id}: only the file claims: {}", own.join("; ")));
    }
    if let Some((address, from)) =
        plan.options.my_address.as_ref().filter(|_| plan.options.my_address != today.options.my_address)
    {
        session.out.always(&format!(
            "only the file claims that your address is {address} ({from}): it was not given here, so the \
             lock-out check rests on the file"
        ));
    }
    if !plan.changes.is_empty() {
        session.out.say(
            "each change was planned again from the account as it is now; who made the plan, when, and what \
             it leaves out are the file's claims",
        );
    }
    (plan, again)
}

impl ApplyInput {
    /// Drops the changes of a plan from a file that are no longer planned the way the file has them.
    fn only_as_made_now(&mut self) {
        if let Some(again) = &self.again {
            self.plan.clone_from(&again.plan);
        }
    }

    /// Returns the plan that may be shown as true; a part of a plan was already planned again.
    fn shown(&self, part: bool) -> Plan {
        match &self.again {
            Some(again) if !part => again.plan.clone(),
            _ => self.plan.clone(),
        }
    }
}

/// Returns the flags that were given and shape a plan.
fn planning_flags(session: &Session, safety: &SafetyLimits, part: bool) -> Vec<&'static str> {
    let common = &session.common;
    let planning = [
        (!common.check.is_empty(), "--check"),
        (!common.findings.is_empty(), "--findings"),
        (common.events_since.is_some(), "--events-since"),
        (!common.flow_logs.is_empty(), "--flow-logs"),
        (part, "--change"),
    ];
    safety
        .given()
        .into_iter()
        .chain(planning.into_iter().filter_map(|(given, name)| given.then_some(name)))
        .collect()
}

fn made_already(flags: &[&str], by: &str) -> Result<(), Fail> {
    if flags.is_empty() {
        return Ok(());
    }
    Err(Fail::usage(format!("{} cannot change a plan that is made already", flags.join(", ")))
        .hint(format!("give it to {by}, and apply that plan")))
}

async fn of_account(session: &Session, safety: &SafetyLimits) -> Result<ApplyInput, Fail> {
    signed::no_plan_of_its_own(session, "a command without a plan file", "redress plan")?;
    let (_, _, _) = (session.chosen()?, session.findings()?, session.flow_logs()?);
    let state = session.state_to_write()?;
    let door = session.open().await?;
    let planned = planning::plan(session, &door, safety).await?;
    let held = if planned.incomplete() > 0 { Exit::Held } else { Exit::Done };
    let facts = Facts { inventory: planned.survey.inventory, playbooks: planned.playbooks };
    Ok(ApplyInput { state, door, plan: planned.plan, facts: Some(facts), held, again: None, signed: None })
}

/// Refuses a plan whose rehearsal shows that it opens findings.
fn sound(plan: &Plan) -> Result<(), Fail> {
    if plan.kind != PlanKind::Plan || plan.rehearsal.opens.is_empty() {
        return Ok(());
    }
    let opens = plan.rehearsal.opens.iter().map(|key| format!("{} on {}", key.check, key.resource));
    let fail = Fail::held("the rehearsal shows that this plan would open findings, so it is not applied");
    Err(opens
        .fold(fail, Fail::why)
        .hint("change the playbooks or parameters that lead there, or apply a part of it with --change"))
}

/// Returns the part of the plan that `--change` names, with the changes that it needs.
async fn chosen(session: &Session, ground: &mut ApplyInput, changes: &[String]) -> Result<Plan, Fail> {
    let mut ids: BTreeSet<String> = changes.iter().cloned().collect();
    // Changes are in order: a prerequisite of a change is always before it.
    for change in ground.plan.changes.iter().rev() {
        if ids.contains(&change.id) {
            ids.extend(change.after.iter().cloned());
        }
    }
    let selected = select_part(session, ground, &ids).await?;
    for dropped in &selected.dropped {
        session.out.always(&format!("{} is left out: {}", dropped.change, dropped.because));
    }
    for (id, what) in &selected.changed {
        session.out.say(&format!("{id} is different without the changes that were left out: {what}"));
    }
    Ok(selected.plan)
}

async fn select_part(
    session: &Session,
    ground: &mut ApplyInput,
    ids: &BTreeSet<String>,
) -> Result<select::Selected, Fail> {
    let known: Vec<&str> = ground.plan.changes.iter().map(|c| c.id.as_str()).collect();
    if let Some(unknown) = ids.iter().find(|id| !known.contains(&id.as_str())) {
        return Err(Fail::usage(format!("the plan has no change {unknown}"))
            .hint(format!("it has {}", known.join(", "))));
    }
    if ground.facts.is_none() {
        ground.facts = Some(planning::facts(session, &ground.door, &ground.plan).await?);
    }
    let Some(facts) = &ground.facts else {
        return Err(Fail::failure("the facts for this part of the plan are missing"));
    };
    let rules = Rules::new(&ground.plan.regions, &facts.playbooks);
    select::select(&ground.plan, ids, stage(facts.inventory.clone()).as_ref(), &rules)
        .map_err(|error| Fail::usage(error.to_string()))
}

/// Rehearses the approved part of a plan again when not all of it is approved. Changes that drop out with
/// those left out are not approved either, and changes that differ now are decided again.
async fn part(
    session: &Session,
    ground: &mut ApplyInput,
    policy: &Policy,
    mut decisions: Vec<Decision>,
) -> Result<(Plan, Vec<Decision>), Fail> {
    let unlike = ground.again.iter().flat_map(|a| a.unlike.keys());
    let unlike: BTreeSet<String> = unlike.cloned().collect();
    let ids: BTreeSet<String> = decisions
        .iter()
        .filter(|d| d.approved && !unlike.contains(&d.change))
        .map(|d| d.change.clone())
        .collect();
    if ids.is_empty()
        || ids.len() + unlike.len() == ground.plan.changes.len()
        || ground.plan.kind != PlanKind::Plan
    {
        return Ok((ground.plan.clone(), decisions));
    }
    let selected = select_part(session, ground, &ids).await?;
    sound(&selected.plan)?;
    let dropped: BTreeMap<&str, &str> =
        selected.dropped.iter().map(|d| (d.change.as_str(), d.because.as_str())).collect();
    for decision in &mut decisions {
        if let Some(because) = dropped.get(decision.change.as_str()).filter(|_| decision.approved) {
            session.out.always(&format!("{} drops out: {because}", decision.change));
            *decision =
                Decision { approved: false, by: format!("it drops out: {because}"), ..decision.clone() };
        }
    }
    if selected.changed.is_empty() {
        return Ok((ground.plan.clone(), decisions));
    }
    // A change that differs now is shown, and decided, as it is now.
    for (id, what) in &selected.changed {
        session.out.always(&format!("{id} is different without the changes that were left out: {what}"));
    }
    let again =
        ask::decided(session, &selected.plan, &selected.plan, &ground.standings(&selected.plan, policy))
            .await?;
    ask::any_approved(&again)?;
    let mut plan = ground.plan.clone();
    for change in &mut plan.changes {
        if let Some(now) = selected.plan.change(&change.id) {
            change.clone_from(now);
        }
    }
    plan.rehearsal.clone_from(&selected.plan.rehearsal);
    digest::seal(&mut plan);
    for decision in &mut decisions {
        if let Some(now) = again.iter().find(|d| d.change == decision.change) {
            decision.clone_from(now);
        }
    }
    Ok((plan, decisions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{calls::Risk, report::sample};

    #[test]
    fn what_is_approved_is_what_was_signed_change_by_change() {
        let signed = || Some((Signed { by: "sam".to_owned(), key: "SHA256:x".to_owned() }, sample::plan()));
        let plan = sample::plan();
        let all = |approved: bool| -> Vec<Decision> {
            plan.changes
                .iter()
                .map(|c| Decision { change: c.id.clone(), approved, by: "prompt".to_owned() })
                .collect()
        };
        assert_eq!(as_signed(None, &plan, &all(true)), Ok(None));
        assert_eq!(as_signed(signed(), &plan, &all(true)).unwrap().unwrap().by, "sam");
        let edits: [fn(&mut Change); 4] = [
            |c| c.summary.push('x'),
            |c| c.steps.truncate(0),
            |c| c.id = "c99".to_owned(),
            |c| c.risk = Risk::Irreversible,
        ];
        for (n, edit) in edits.into_iter().enumerate() {
            let mut other = plan.clone();
            edit(&mut other.changes[0]);
            let decide = |approved| {
                vec![Decision { change: other.changes[0].id.clone(), approved, by: "prompt".to_owned() }]
            };
            let fail = as_signed(signed(), &other, &decide(true)).unwrap_err();
            assert!(fail.exit == Exit::Held && fail.text().contains("is not what was signed"), "{n}");
            // A change that is not made need not be signed, and a plan that asks more often than the file is
            // the same plan.
            assert!(as_signed(signed(), &other, &decide(false)).is_ok(), "{n}");
        }
        let mut asks = plan.clone();
        asks.changes.iter_mut().for_each(|c| c.ask = true);
        assert!(as_signed(signed(), &asks, &all(true)).is_ok());
    }
}
