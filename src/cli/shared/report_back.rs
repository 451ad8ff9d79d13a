//! `--report-back`: informs others of the outcome of the findings that a run was made for, once its proofs
//! have been confirmed again. It shows what was reported and what was not; [`closing`] works out which
//! findings may be named, and the engine sends.

use super::{
    account::OpenAccount,
    args::ReportBack,
    events::Task,
    exit::Exit,
    fail::Fail,
    files::{keep, ready as writable},
    perform,
    session::Session,
    signed,
    store::store_fail,
};
use crate::{
    calls::{HubFinding, Notice},
    intake::{
        mapping::{self, Answer},
        origins::{add, besides},
    },
    journal::{Journal, Store, Told, closing},
    plan::Plan,
    report::{ocsf, safe},
};

/// The largest number of findings that are listed by name; the run has all of them.
const MOST: usize = 20;

/// Checks, before anything is done, that the receivers can be informed.
///
/// # Errors
/// When the account is a twin, which has no Security Hub, or a file cannot be written (exit 2).
pub fn ready(targets: &[ReportBack], endpoint: &str) -> Result<(), Fail> {
    for target in targets {
        match target {
            ReportBack::SecurityHub if endpoint.starts_with("twin:") => {
                let fail = Fail::usage(format!(
                    "--report-back securityhub: {endpoint} is an account in memory and has no Security Hub"
                ));
                return Err(fail.hint("--report-back file:PATH writes the outcomes of the findings"));
            }
            ReportBack::SecurityHub => {}
            ReportBack::File(path) => writable(path).map_err(|error| {
                let fail = Fail::usage(format!("--report-back file:{}: cannot write there", path.display()))
                    .why(error.to_string());
                fail.hint("nothing was done; choose another place")
            })?,
        }
    }
    Ok(())
}

/// Reports back after an apply. The run is verified again first, since the first changes of a long run lie a
/// while back.
///
/// # Errors
/// When the run cannot be read or its journal cannot be written.
pub async fn after(
    session: &Session,
    door: &OpenAccount,
    state: &dyn Store,
    run: &str,
    targets: &[ReportBack],
) -> Result<Exit, Fail> {
    let folder = state.run(run).map_err(store_fail)?;
    let mut journal = folder.journal().map_err(store_fail)?;
    let later = format!("redress verify {run} --report-back ... reports them");
    if !journal.story.ended {
        let resume = session.common.typed.pieces().resume(run);
        session
            .out
            .always(&format!("nothing was reported: the run has not finished. After `{resume}`, {later}"));
        return Ok(Exit::Done);
    }
    let signed = signed::signed_here(session, &folder, &journal.story)?;
    if let Err(error) = perform::work(session, door, &folder.plan, run, &mut journal, Task::Verify).await {
        session.out.fail(&Fail::failure(format!("nothing was reported: {error}")).hint(later));
        return Ok(Exit::Failure);
    }
    let told = self::run(session, door, &folder.plan, &mut journal, targets).await?;
    if signed {
        perform::sign(session, &folder, &journal.story);
    }
    Ok(Exit::worst([Exit::of_verify(&journal.story), told]))
}

/// Informs the receivers about a run whose proofs were just evaluated again.
///
/// # Errors
/// When a file cannot be written after all.
pub async fn run(
    session: &Session,
    door: &OpenAccount,
    plan: &Plan,
    journal: &mut Journal,
    targets: &[ReportBack],
) -> Result<Exit, Fail> {
    let (at, plan) = (door.account.now(), &borne_out(plan));
    let mut exits = Vec::new();
    if targets.contains(&ReportBack::SecurityHub) {
        exits.push(hub(session, door, plan, journal).await);
    }
    for target in targets {
        if let ReportBack::File(path) = target {
            let text =
                serde_json::to_string_pretty(&ocsf::outcomes(plan, &journal.story, at)).unwrap_or_default();
            keep(path, &format!("{}\n", safe::json(&text)), "the outcomes")?;
            session.out.say(&format!("the outcomes of the findings are in {}", path.display()));
        }
    }
    Ok(Exit::worst(exits))
}

/// Returns the plan with each finding of others compared with the registry: a finding that the plan's file
/// assigns to a check which does not answer the finding's control stays open, with the reason, and so does
/// one of a control that the checks answer in part. Only the file states which finding of that control it is.
fn borne_out(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for origin in &mut plan.origins {
        let answers = mapping::answer(&origin.framework, &origin.control);
        let known =
            |check: &String| matches!(&answers, Answer::Checks(checks) if checks.contains(&check.as_str()));
        for more in besides(&origin.framework, &origin.control) {
            add(&mut origin.beyond, more);
        }
        let foreign = origin.answers.iter().map(|key| &key.check).find(|check| !known(check));
        origin.beyond.extend(foreign.map(|check| {
            format!("{} of {}, which {check} does not answer", origin.control, origin.framework)
        }));
    }
    plan
}

/// Lists the findings that others are about to be informed of and that only a file assigns to these changes.
fn word_of_file(session: &Session, run: &str, notices: &[Notice]) {
    let all: Vec<&str> = notices.iter().flat_map(|n| &n.findings).map(|f| f.id.as_str()).collect();
    let more = if all.len() > MOST { format!(" and {} more", all.len() - MOST) } else { String::new() };
    let named = all.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    session.out.always(&format!(
        "only the plan of run {run} claims that its changes answer these findings: {named}{more}"
    ));
}

async fn hub(session: &Session, door: &OpenAccount, plan: &Plan, journal: &mut Journal) -> Exit {
    let out = session.out;
    let run = journal.story.head.run.clone();
    let closing::Notices { notices, left } = closing::notices(plan, &journal.story, door.account.now());
    for (finding, why) in left.iter().take(MOST) {
        out.say(&format!("left as it is: {}: {why}", finding.id));
    }
    if left.len() > MOST {
        out.say(&format!(
            "and {} more are left as they are; --report-back file:PATH lists them all",
            left.len() - MOST
        ));
    }
    if notices.is_empty() {
        out.say(&format!(
            "Security Hub was not updated: run {run} resolved none of its findings ({} left as they are)",
            left.len()
        ));
        return Exit::Done;
    }
    word_of_file(session, &run, &notices);
    let before = journal.story.told.len();
    let result = perform::work(session, door, plan, &run, journal, Task::Notify(&notices)).await;
    let told = journal.story.told.get(before..).unwrap_or_default();
    let (resolved, refused) = heard(session, told, &notices);
    let asked: usize = notices.iter().map(|n| n.findings.len()).sum();
    out.say(&format!(
        "Security Hub: {resolved} of {asked} findings resolved, {refused} refused, {} left as they are",
        left.len()
    ));
    let hint = format!("redress verify {run} --report-back securityhub tries again");
    if let Err(error) = result {
        out.fail(&Fail::failure(error.to_string()).hint(hint));
        return Exit::Failure;
    }
    if resolved + refused < asked {
        let fail = told.iter().rev().find_map(|t| {
            t.error
                .as_ref()
                .map(|error| Fail::failure(format!("Security Hub in {} was not updated: {error}", t.region)))
        });
        let fail = fail
            .unwrap_or_else(|| Fail::failure("Security Hub was not updated"))
            .why(format!("the proofs of run {run} hold all the same"));
        out.fail(&fail.hint(format!(
            "this needs securityhub:BatchUpdateFindings, and Security Hub enabled in that region; {hint}"
        )));
        return Exit::Failure;
    }
    if refused > 0 { Exit::Held } else { Exit::Done }
}

/// Returns the number of findings that are resolved and of those that Security Hub refused; warns about the
/// refused ones.
fn heard(session: &Session, told: &[Told], notices: &[Notice]) -> (usize, usize) {
    let resolved = told.iter().filter_map(|t| t.resolved).sum();
    let named = |finding: &HubFinding| notices.iter().any(|n| n.findings.contains(finding));
    let refused: Vec<_> = told.iter().flat_map(|t| &t.refused).filter(|r| named(&r.finding)).collect();
    for refusal in refused.iter().take(MOST) {
        let line = format!(
            "warning: Security Hub did not update {}: {}: {}",
            refusal.finding.id, refusal.code, refusal.message
        );
        session.out.always(&line);
    }
    if refused.len() > MOST {
        session.out.always(&format!(
            "warning: and {} more; `redress show --format json` lists them",
            refused.len() - MOST
        ));
    }
    (resolved, refused.len())
}
