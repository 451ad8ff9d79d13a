//! The path from an open account to a plan, with the flags and the user's playbooks. Reads the account and
//! changes nothing; `scan`, `plan` and `apply` without a file all take this path.

use std::path::PathBuf;

use jiff::SignedDuration;

use super::{
    account::{OpenAccount, stage},
    args::SafetyLimits,
    fail::Fail,
    session::{self, Chosen, Session},
};
use crate::{
    engine::{
        gather::gather,
        survey::{self, Survey, Wish},
    },
    intake::{
        Intake,
        confirm::{self, Reported},
        origins::{by_own_rules, origins},
        related,
    },
    inventory::{Inventory, Scope},
    plan::{Change, Plan, build::Limits, digest, evidence::Observed, propose},
    playbook::{Playbook, check_parameters, own_parameters},
    reach::Reaches,
};

/// The default validity of a plan.
pub const VALID_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The facts of a survey, with the plan that answers them.
pub struct Planned {
    /// The playbooks in force.
    pub playbooks: Vec<Playbook>,
    /// The survey; its inventory also contains the reads that the actions asked for.
    pub survey: Survey,
    /// The plan.
    pub plan: Plan,
    /// The reach of the findings.
    pub reaches: Reaches,
    /// The facts of the survey, and those that the reach follows from.
    pub whole: Inventory,
    /// The findings of other tools, with the verdicts of our checks; `None` without `--findings` and events.
    pub reported: Option<Reported>,
}

impl Planned {
    /// Returns the number of inputs of others' findings that were not read to their end.
    pub fn incomplete(&self) -> usize {
        self.reported.as_ref().map_or(0, Reported::incomplete)
    }
}

/// Reads the account and plans.
///
/// # Errors
/// When the flags or the user's files are wrong (exit 2). The account itself is never a reason: what could
/// not be read is unknown, in the plan.
pub async fn plan(session: &Session, door: &OpenAccount, safety: &SafetyLimits) -> Result<Planned, Fail> {
    let chosen = session.chosen()?;
    chosen.beside.iter().for_each(|remark| session.out.say(remark));
    let intake = session.intake(door).await?;
    of_intake(session, door, safety, chosen, intake).await
}

/// Reads the account and plans for the findings that were taken in; for all that checks find without any.
///
/// # Errors
/// As [`plan`].
pub async fn of_intake(
    session: &Session,
    door: &OpenAccount,
    safety: &SafetyLimits,
    chosen: Chosen,
    intake: Option<Intake>,
) -> Result<Planned, Fail> {
    let Chosen { playbooks, mut checks, waivers, .. } = chosen;
    let suspicions = intake.as_ref().map(|intake| intake.suspicions.as_slice());
    if let Some(suspicions) = suspicions.filter(|_| session.common.check.is_empty()) {
        let named = confirm::named_checks(suspicions);
        checks.retain(|check| named.contains(check.id));
    }
    let only = |survey: &mut Survey| {
        confirm::narrow(
            suspicions.unwrap_or_default(),
            &survey.inventory,
            &mut survey.findings,
            &mut survey.unjudged,
        )
    };
    let mut wish = Wish {
        regions: &door.regions,
        checks: &checks,
        playbooks: &playbooks,
        options: &session::options(&safety.guards),
        valid_for: safety.valid_for.unwrap_or(VALID_FOR),
        limits: Limits { max_changes: safety.max_changes, max_percent: safety.max_percent },
        waivers: &waivers,
        observed: Observed::new(),
        also: related::wants(suspicions.unwrap_or_default()),
        narrow: if suspicions.is_some() { Some(&only) } else { None },
    };
    let (mut survey, mut plan) = survey::plan(door.account.as_ref(), &wish, &stage).await;
    let logs = session.flow_logs()?;
    if !logs.is_empty() {
        (survey, plan) = with_evidence(session, door, &mut wish, logs, (survey, plan)).await?;
    }
    let (whole, reaches) = survey::reach(door.account.as_ref(), &survey, &wish).await;
    plan.reached(&reaches);
    digest::seal(&mut plan);
    let run: Vec<&str> = checks.iter().map(|check| check.id).collect();
    if let Some(suspicions) = suspicions {
        plan.origins = origins(suspicions, &run, &survey.inventory, &survey.findings, &survey.unjudged);
        by_own_rules(&mut plan.origins, |check| own_parameters(&playbooks, check));
        digest::seal(&mut plan);
    }
    let reported = intake
        .map(|intake| Reported::of(intake, &run, &survey.inventory, &survey.findings, &survey.unjudged));
    if let Some(reported) = &reported {
        session.out.say(&reported.summary());
        explain(session, reported);
    }
    Ok(Planned { playbooks, survey, plan, reaches, whole, reported })
}

/// Asks flow logs who uses what a plan closes. With `--allow-observed`, plans again with the networks that
/// were seen.
async fn with_evidence(
    session: &Session,
    door: &OpenAccount,
    wish: &mut Wish<'_>,
    logs: Vec<PathBuf>,
    (mut survey, mut plan): (Survey, Plan),
) -> Result<(Survey, Plan), Fail> {
    let account = door.account.as_ref();
    let mut asked = survey::asked(account, &plan, &mut survey).await;
    let uses = session.uses(logs, std::mem::take(&mut asked.questions)).await?;
    let found = asked.answered(uses);
    if session.common.allow_observed {
        wish.observed = found.observed(&plan);
        (survey, plan) = survey::of_survey(account, wish, survey, &stage).await;
    }
    found.put(&mut plan, &wish.observed);
    digest::seal(&mut plan);
    Ok((survey, plan))
}

/// The number of remarks on reported findings that are shown with a plan; a scan shows all.
const MOST_REMARKS: usize = 5;

/// Shows why findings of other tools are not part of the plan.
fn explain(session: &Session, reported: &Reported) {
    let remarks = reported.remarks();
    for ((answer, remark), n) in remarks.iter().take(MOST_REMARKS) {
        session.out.say(&format!("  {n} {}: {remark}", answer.name().replace('_', " ")));
    }
    if remarks.len() > MOST_REMARKS {
        session.out.say(&format!(
            "  and {} more reasons, which `redress scan` with the same --findings shows",
            remarks.len() - MOST_REMARKS
        ));
    }
}

/// The facts that a part of a plan is rehearsed on.
pub struct Facts {
    /// The account.
    pub inventory: Inventory,
    /// The playbooks in force.
    pub playbooks: Vec<Playbook>,
}

/// Reads the facts for a plan from a file: the reads of a scan, and those that its actions ask for.
///
/// # Errors
/// When the user's playbooks are wrong (exit 2).
pub async fn facts(session: &Session, door: &OpenAccount, plan: &Plan) -> Result<Facts, Fail> {
    let Chosen { playbooks, checks, .. } = session.chosen()?;
    let account = door.account.as_ref();
    let survey = survey::scan(account, &plan.regions, &checks, &|id| check_parameters(&playbooks, id)).await;
    let mut needs = |known: &Inventory| -> Scope {
        let of = |c: &Change| {
            propose::needs(known, &c.uses, &c.resource, &c.region, &propose::checks_of(c), &plan.options)
        };
        plan.changes.iter().flat_map(of).collect()
    };
    let inventory = gather(account, survey.inventory, &mut needs).await;
    Ok(Facts { inventory, playbooks })
}
