//! Reading until nothing new is requested: the necessary facts often depend on known facts. This module reads
//! and merges, and decides nothing.

use crate::{
    account::Account,
    inventory::{Inventory, Scope},
};

/// The maximum number of rounds in which facts lead to further facts. The longest chain is group, interface,
/// instance, its other groups, their rules, the prefix lists in them.
const DEPTH: usize = 12;

/// Adds the facts that `needs` requests to an inventory, again and again until it requests nothing new.
pub async fn gather(
    account: &dyn Account,
    mut inventory: Inventory,
    needs: &mut (dyn FnMut(&Inventory) -> Scope + Send),
) -> Inventory {
    let mut asked = Scope::new();
    for _ in 0..DEPTH {
        let more: Scope = needs(&inventory)
            .into_iter()
            .filter(|want| !asked.contains(want) && !inventory.knows(want))
            .collect();
        if more.is_empty() {
            break;
        }
        inventory.merge(account.read(&more).await);
        asked.extend(more);
    }
    inventory
}

/// Reads the facts that `needs` requests afresh: nothing known before counts.
pub async fn afresh(account: &dyn Account, needs: &mut (dyn FnMut(&Inventory) -> Scope + Send)) -> Inventory {
    gather(account, nothing(account), needs).await
}

/// Returns the facts about an account of which nothing was read yet.
pub fn nothing(account: &dyn Account) -> Inventory {
    let who = account.identity();
    Inventory::empty(who.owner.clone(), who.caller.clone(), account.now())
}
