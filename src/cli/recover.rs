//! `redress recover`: what lost runs left in the account, and a plan that brings their instances back up. Reads only.

use std::path::Path;

use super::{exit::Exit, fail::Fail, plan::show, planning, session::Session};
use crate::{
    engine::{gather::gather, recover},
    inventory::Inventory,
};

/// Looks, lists, plans.
///
/// # Errors
/// No way to the account, listings that could not be read, a file that cannot be written.
pub async fn run(session: &Session, run: Option<&str>, output: Option<&Path>) -> Result<Exit, Fail> {
    let door = session.open().await?;
    let who = door.account.identity();
    let nothing = Inventory::empty(who.owner.clone(), who.caller.clone(), door.account.now());
    let known = gather(door.account.as_ref(), nothing, &mut |known| recover::needs(known, &door.regions)).await;
    let found = recover::recover(&known, &door.regions, run, who, door.account.now(), planning::VALID_FOR);
    if !found.unread.is_empty() {
        let fail = Fail::failure("it cannot be told what was left: not all could be read");
        return Err(found.unread.into_iter().fold(fail, Fail::why).hint("allow these listings, or leave the region out with --region"));
    }
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
    for why in &found.by_hand {
        session.out.always(&format!("by hand: {why}"));
    }
    show(session, &found.plan, output)?;
    Ok(if found.by_hand.is_empty() { Exit::Done } else { Exit::Stuck })
}
