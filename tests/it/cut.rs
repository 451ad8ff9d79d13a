//! Accounts with little in them, cut out of a larger one: what is to be tried on them many times costs less.
//! They decide nothing.

use std::cell::Cell;

use redress::inventory::Inventory;

/// An account with what a text names, what belongs to that, and two others of each family: the fewer things
/// there are, the more edits can be tried.
pub fn cut(mut account: Inventory, named: &str) -> Inventory {
    macro_rules! keep {
        ($($family:expr),* ; $of:expr) => {
            $({
                let others = Cell::new(0);
                $family.items.retain(|id, thing| {
                    let text = serde_json::to_string(thing).unwrap();
                    let belongs = named.contains(id) || $of.iter().any(|part: &String| text.contains(part.as_str()));
                    others.set(others.get() + usize::from(!belongs));
                    belongs || others.get() <= 2
                });
            })*
        };
    }
    for region in account.regions.values_mut() {
        let things = region
            .instances
            .known()
            .map(|(id, _)| id)
            .chain(region.security_groups.known().map(|(id, _)| id))
            .chain(region.volumes.known().map(|(id, _)| id));
        let nothing: [String; 0] = [];
        let things: Vec<String> = things.filter(|id| named.contains(*id)).map(str::to_owned).collect();
        keep!(region.security_groups, region.vpcs, region.instances, region.volumes,
            region.log_groups ; nothing);
        keep!(region.security_group_rules, region.network_interfaces, region.flow_logs, region.snapshots,
            region.instance_statuses,
            region.managed_instances ; things);
    }
    account
}

/// Ids of things of an account that a text does not name.
pub fn others(account: &Inventory, named: &str) -> Vec<String> {
    let mut all = Vec::new();
    for region in account.regions.values() {
        macro_rules! ids {
            ($($family:ident),*) => { $(all.extend(region.$family.known().map(|(id, _)| id.to_owned()));)* };
        }
        ids!(security_groups, security_group_rules, vpcs, instances, volumes, snapshots, log_groups);
    }
    all.retain(|id| !named.contains(id.as_str()));
    all
}
