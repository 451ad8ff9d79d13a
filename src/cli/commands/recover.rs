//! `redress recover`: lists the remains of lost runs in the account, and plans to bring their instances back
//! up. It reads only; `redress apply` makes the plan again from the tags before anything is called, and then
//! applies it.

use std::path::Path;

use crate::{
    cli::shared::{
        account::{OpenAccount, Place},
        args::Approval,
        ask::Policy,
        asked::{Asked, ask_and_do},
        exit::Exit,
        fail::Fail,
        perform,
        plan_file::fits,
        planning,
        session::Session,
        summary,
    },
    engine::{
        gather::gather,
        recover::{self, Recovery},
    },
    inventory::Inventory,
    journal::Signed,
    plan::{Change, Plan},
};

/// Lists the remains of lost runs and plans their recovery.
///
/// # Errors
/// When the account cannot be opened, listings cannot be read, or the file cannot be written.
pub async fn run(session: &Session, run: Option<&str>, output: Option<&Path>) -> Result<Exit, Fail> {
    let door = session.open().await?;
    let found = look(&door, &door.regions, run).await?;
    let mut of = "";
    for left in &found.left {
        if left.run != of {
            of = &left.run;
            session.out.always(&format!("run {of} left:"));
        }
        session.out.always(&format!("  {} in {} ({}) by {}", left.id, left.region, left.words, left.step));
    }
    if found.left.is_empty() {
        session.out.always(&format!(
            "nothing in {} carries the tag of {}",
            door.regions.join(", "),
            run.map_or_else(|| "a run".to_owned(), |r| format!("run {r}"))
        ));
    }
    for why in found.by_hand.iter().chain(&found.stays) {
        session.out.always(&format!("by hand: {why}"));
    }
    summary::plan_to(session, &found.plan, output)?;
    Ok(if found.by_hand.is_empty() { Exit::Done } else { Exit::Stuck })
}

/// Reads the tags in these regions, and works out what they call for now.
async fn look(door: &OpenAccount, regions: &[String], run: Option<&str>) -> Result<Recovery, Fail> {
    let who = door.account.identity();
    let nothing = Inventory::empty(who.owner.clone(), who.caller.clone(), door.account.now());
    let known = gather(door.account.as_ref(), nothing, &mut |known| recover::needs(known, regions)).await;
    let found = recover::recover(&known, regions, run, who, door.account.now(), planning::VALID_FOR);
    if found.unread.is_empty() {
        return Ok(found);
    }
    let fail = Fail::failure("it is unknown what was left: some of it could not be read");
    Err(found
        .unread
        .into_iter()
        .fold(fail, Fail::why)
        .hint("allow these listings, or leave the region out with --region"))
}

/// Applies the recovery in a file, as long as it still matches the tags in the account.
///
/// # Errors
/// When the account differs or the plan has expired (exit 2), the tags call for something else now (exit 4),
/// or nobody can be asked.
pub async fn apply(
    session: &Session,
    name: &str,
    plan: &Plan,
    signed: Option<Signed>,
    approval: &Approval,
) -> Result<Exit, Fail> {
    let policy = Policy::of(approval)?;
    let state = session.state()?;
    let lock = perform::lock(session, state.as_ref(), plan, "a recovery", &perform::person())?;
    let door = session.reopen(&Place::of_plan(plan)).await?;
    fits(plan, &door)?;
    let found = look(&door, &plan.regions, None).await?;
    let mut changes = Vec::new();
    for change in &plan.changes {
        changes.push(again(&found.plan, change).ok_or_else(|| unlike(name, change, &found))?);
    }
    // Everything else of the plan is made again: nothing but its changes is taken from the file.
    let plan = recover::sealed(
        changes,
        &plan.regions,
        door.account.identity(),
        door.account.now(),
        planning::VALID_FOR,
    );
    let exit = ask_and_do(
        session,
        &door,
        state.as_ref(),
        Asked { plan: &plan, shown: plan.clone(), signed },
        &policy,
    )
    .await?;
    drop(lock);
    Ok(exit)
}

/// Returns a change of a file as it is planned now, if it is the same. It keeps its id, which was numbered
/// within the file's plan; its risk is today's, since it depends on what could be read of the keys of its
/// disks.
fn again(now: &Plan, change: &Change) -> Option<Change> {
    let same = |c: &Change| {
        Change { id: change.id.clone(), guards: change.guards.clone(), risk: change.risk, ..c.clone() }
            == *change
    };
    now.changes
        .iter()
        .find(|c| c.resource == change.resource && same(c))
        .map(|c| Change { id: change.id.clone(), ..c.clone() })
}

/// Refuses a change of a file that is not planned the same way now.
fn unlike(name: &str, change: &Change, found: &Recovery) -> Fail {
    let fail = Fail::held(format!("{name}: {} no longer matches the tags in the account", change.id));
    let about = found.by_hand.iter().filter(|why| why.contains(change.resource.id())).cloned();
    about.fold(fail, Fail::why).why("nothing was changed").hint("redress recover -o FILE plans it anew")
}
