//! `redress prune`: plans the deletion of resources that earlier runs made or kept and whose time has passed.
//! Without `--allow-irreversible prune` it only shows the plan.

use std::path::Path;

use crate::{
    cli::shared::{
        account::{OpenAccount, stage},
        args::Approval,
        ask::{self, Policy},
        exit::Exit,
        fail::Fail,
        perform::{self, Approved},
        planning,
        session::Session,
        signed, summary,
    },
    engine::{
        self,
        gather::gather,
        prune::{self, PRUNE},
    },
    inventory::Inventory,
    plan::{Plan, rehearse::Rules},
};

/// Plans the deletions, and makes them if they are allowed and approved.
///
/// # Errors
/// When the input is bad, the account cannot be opened, or nobody can be asked.
pub async fn run(session: &Session, output: Option<&Path>, approval: &Approval) -> Result<Exit, Fail> {
    let policy = Policy::of(approval)?;
    if output.is_none() {
        signed::no_plan_of_its_own(session, "`redress prune`", "redress prune")?;
    }
    let playbooks = session.playbooks()?;
    let state = session.state()?;
    let door = session.open().await?;
    let inventory = look(&door).await;
    let plan = plan(session, &door, &inventory, &Rules::new(&door.regions, &playbooks))?;
    if output.is_some() || plan.changes.is_empty() || !policy.allows(PRUNE) {
        summary::plan_to(session, &plan, output)?;
        if approval.auto_approve && !plan.changes.is_empty() && output.is_none() {
            return Err(Fail::held("nothing was deleted: a deletion cannot be undone")
                .hint("allow it by name: --allow-irreversible prune"));
        }
        return Ok(Exit::Done);
    }
    let id = engine::run_id(&plan, door.account.now());
    let _lock = perform::lock(session, state.as_ref(), &plan, &id, &door.account.identity().caller.arn)?;
    let door = session.under_lock(door)?;
    let decisions = ask::approve(session, &plan, &policy).await?;
    ask::any_approved(&decisions)?;
    perform::begin(session, &door, state.as_ref(), &id, Approved { plan: &plan, decisions, signed: None })
        .await
}

/// Reads volumes and snapshots, and the facts that the deletion of each candidate asks for.
async fn look(door: &OpenAccount) -> Inventory {
    let who = door.account.identity();
    let nothing = Inventory::empty(who.owner.clone(), who.caller.clone(), door.account.now());
    gather(door.account.as_ref(), nothing, &mut |known: &Inventory| prune::needs(known, &door.regions)).await
}

/// Builds the plan of deletions, rehearsed and sealed. Reports the resources that must stay, with the
/// reasons.
fn plan(session: &Session, door: &OpenAccount, inventory: &Inventory, rules: &Rules) -> Result<Plan, Fail> {
    let unread = prune::unread(inventory, &door.regions);
    if !unread.is_empty() {
        let fail = Fail::held("it is unknown what earlier runs kept");
        return Err(unread
            .into_iter()
            .fold(fail, Fail::why)
            .hint("allow ec2:DescribeVolumes and ec2:DescribeSnapshots, or leave the region out"));
    }
    let (who, created) = (door.account.identity(), door.account.now());
    let pruning = prune::plan(inventory, &door.regions, who, created, planning::VALID_FOR, &stage, rules);
    pruning.kept.iter().for_each(|why| session.out.say(&format!("kept: {why}")));
    pruning.left_out.iter().for_each(|(id, why)| session.out.say(&format!("{id} is left out: {why}")));
    Ok(pruning.plan)
}
