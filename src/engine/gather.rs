//! Reading until nothing new is asked for: what must be known often depends on what is known. It reads and merges,
//! and decides nothing.

use crate::{
    account::Account,
    inventory::{Inventory, Scope},
};

/// How often facts may lead to further facts. The longest way is group, interface, instance, its other groups, their
/// rules, the prefix lists in them.
const DEPTH: usize = 12;

/// Adds to an inventory what `needs` asks for, again and again until it asks for nothing that was not asked before.
pub async fn gather(account: &dyn Account, mut inventory: Inventory, needs: &mut (dyn FnMut(&Inventory) -> Scope + Send)) -> Inventory {
    let mut asked = Scope::new();
    for _ in 0..DEPTH {
        let more: Scope = needs(&inventory).into_iter().filter(|want| !asked.contains(want) && !inventory.knows(want)).collect();
        if more.is_empty() {
            break;
        }
        inventory.merge(account.read(&more).await);
        asked.extend(more);
    }
    inventory
}

/// What `needs` asks for, read afresh: nothing known before counts.
pub async fn afresh(account: &dyn Account, needs: &mut (dyn FnMut(&Inventory) -> Scope + Send)) -> Inventory {
    let who = account.identity();
    let empty = Inventory::empty(who.owner.clone(), who.caller.clone(), account.now());
    gather(account, empty, needs).await
}
