//! The claims of changes to resources, indexed: which earlier change touches what a later one touches,
//! without comparing each with each.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    inventory::{FamilyKind, Selector, Want},
    plan::Change,
    resource::ResourceId,
};

/// The resources among which a claim picks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// The resource that a change is for.
    Target(ResourceId),
    /// The members of a family.
    Family(FamilyKind),
    /// Security groups and instances. The effect of closing a group depends on the running instances behind
    /// it, so none is stopped or started in the meantime.
    GroupsAndInstances,
}

/// A claim of a change. Two claims to one subject in one region concern the same resource unless they are of
/// one sort and have different keys.
#[derive(Debug)]
struct Claim {
    subject: Subject,
    /// The region; empty for all.
    region: String,
    /// The way of picking: by id, by a filter, or everything.
    sort: String,
    key: String,
}

/// The places of the changes that claim something in one region.
#[derive(Debug, Default)]
struct Claimed {
    sorts: BTreeMap<String, BTreeSet<usize>>,
    keys: BTreeMap<(String, String), BTreeSet<usize>>,
}

/// The claims of the changes that are not over.
#[derive(Debug, Default)]
pub(super) struct Claims {
    all: BTreeMap<Subject, BTreeMap<String, Claimed>>,
}

impl Claims {
    /// Adds the claims of the change at a place of the plan.
    pub fn add(&mut self, place: usize, change: &Change) {
        for Claim { subject, region, sort, key } in of(place, change) {
            let claimed = self.all.entry(subject).or_default().entry(region).or_default();
            claimed.sorts.entry(sort.clone()).or_default().insert(place);
            claimed.keys.entry((sort, key)).or_default().insert(place);
        }
    }

    /// Removes them.
    pub fn remove(&mut self, place: usize, change: &Change) {
        for Claim { subject, region, sort, key } in of(place, change) {
            let Some(claimed) = self.all.get_mut(&subject).and_then(|regions| regions.get_mut(&region))
            else {
                continue;
            };
            if let Some(places) = claimed.sorts.get_mut(&sort) {
                places.remove(&place);
            }
            let name = (sort, key);
            if claimed.keys.get_mut(&name).is_some_and(|places| places.remove(&place) && places.is_empty()) {
                claimed.keys.remove(&name);
            }
        }
    }

    /// Returns the last change before a place that may concern the same resource.
    pub fn last_before(&self, place: usize, change: &Change) -> Option<usize> {
        of(place, change).iter().filter_map(|claim| self.last_claimed(place, claim)).max()
    }

    fn last_claimed(&self, place: usize, claim: &Claim) -> Option<usize> {
        let regions = self.all.get(&claim.subject)?;
        // Regions that cannot be distinguished count as the same.
        if claim.region.is_empty() {
            return regions.values().filter_map(|claimed| claimed.last(place, claim)).max();
        }
        [claim.region.as_str(), ""]
            .into_iter()
            .filter_map(|region| regions.get(region)?.last(place, claim))
            .max()
    }
}

impl Claimed {
    fn last(&self, place: usize, claim: &Claim) -> Option<usize> {
        let before = |places: &BTreeSet<usize>| places.range(..place).next_back().copied();
        let other = self
            .sorts
            .iter()
            .filter(|(sort, _)| **sort != claim.sort)
            .filter_map(|(_, places)| before(places))
            .max();
        let same = self.keys.get(&(claim.sort.clone(), claim.key.clone())).and_then(before);
        other.max(same)
    }
}

/// Returns the claims of the change at a place of the plan.
fn of(place: usize, change: &Change) -> Vec<Claim> {
    let target = Claim {
        subject: Subject::Target(change.resource.clone()),
        region: String::new(),
        sort: String::new(),
        key: String::new(),
    };
    change.touches.iter().flat_map(|want| of_want(place, want)).chain([target]).collect()
}

fn of_want(place: usize, want: &Want) -> Vec<Claim> {
    use FamilyKind as K;
    let claim = |sort: &str, key: &str| {
        let (sort, key) = (sort.to_owned(), key.to_owned());
        Claim { subject: Subject::Family(want.family), region: want.region.clone(), sort, key }
    };
    // Those of one sort have nothing in common, whatever their keys.
    let beside = |sort: &str| Claim {
        subject: Subject::GroupsAndInstances,
        key: place.to_string(),
        ..claim(sort, "")
    };
    let everything = || claim("all", "");
    match want.family {
        // One trail can make another unnecessary, whatever its home region.
        K::Trails => vec![Claim { region: String::new(), ..everything() }],
        // Whether closing one group cuts somebody off depends on the rules of the others on the same
        // interfaces.
        K::SecurityGroups | K::SecurityGroupRules => vec![everything(), beside("groups")],
        K::Instances => vec![picked(want, claim, everything), beside("instances")],
        _ => vec![picked(want, claim, everything)],
    }
}

/// Returns the claim of a want by its selector.
fn picked(want: &Want, claim: impl Fn(&str, &str) -> Claim, everything: impl Fn() -> Claim) -> Claim {
    match &want.selector {
        Selector::Id(id) => claim("id", id),
        // Two values of a filter pick different resources only where a resource has one value.
        Selector::By(name, value) if want.family.about().single.contains(&name.as_str()) => {
            claim(&format!("by {name}"), value)
        }
        Selector::By(..) | Selector::All => everything(),
    }
}
