//! The order of changes: prerequisites come before the changes that need them, and beyond that the order is
//! fixed, so that the same facts always give the same plan. Pure.

use std::{cmp::Reverse, collections::BTreeSet};

use super::ActionNames;
use crate::{finding::Severity, resource::ResourceId};

/// The properties of a change that decide its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `true` if only other changes need it.
    pub prerequisite: bool,
    /// `Action::order` of its first action.
    pub order: u8,
    /// The highest severity of the findings that it answers.
    pub severity: Option<Severity>,
    /// The region of the change.
    pub region: String,
    /// The resource that it changes.
    pub resource: ResourceId,
    /// The names of its actions.
    pub action: ActionNames,
    /// The changes that it needs, by their index.
    pub needs: Vec<usize>,
}

impl Place {
    fn key(&self) -> impl Ord + '_ {
        (!self.prerequisite, self.order, Reverse(self.severity), &self.region, &self.resource, &self.action)
    }
}

/// Returns the indexes of the places in their order. A change comes after the changes that it needs; among
/// those that may come next, changes that only others need come first, then the lower action order, the
/// higher severity, region and resource. Changes that need themselves, directly or through others, come last.
pub fn order(places: &[Place]) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..places.len()).collect();
    sorted.sort_by(|a, b| places[*a].key().cmp(&places[*b].key()));
    let mut rank = vec![0; places.len()];
    sorted.iter().enumerate().for_each(|(at, index)| rank[*index] = at);
    let needs: Vec<BTreeSet<usize>> =
        places.iter().map(|place| place.needs.iter().copied().collect()).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); places.len()];
    needs
        .iter()
        .enumerate()
        .for_each(|(index, needs)| needs.iter().for_each(|needed| needed_by[*needed].push(index)));
    let mut missing: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut waiting: BTreeSet<usize> = (0..places.len()).collect();
    let mut ready: BTreeSet<usize> =
        (0..places.len()).filter(|index| missing[*index] == 0).map(|index| rank[index]).collect();
    let mut ordered = Vec::with_capacity(places.len());
    while let Some(at) = ready.pop_first().or_else(|| waiting.first().copied()) {
        waiting.remove(&at);
        ordered.push(sorted[at]);
        for index in &needed_by[sorted[at]] {
            missing[*index] -= 1;
            if missing[*index] == 0 && waiting.contains(&rank[*index]) {
                ready.insert(rank[*index]);
            }
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resource::Owner;

    fn place(resource: &str, order: u8, severity: Option<Severity>, needs: &[usize]) -> Place {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        Place {
            prerequisite: severity.is_none(),
            order,
            severity,
            region: "us-east-1".into(),
            resource: owner.vpc("us-east-1", resource),
            action: ActionNames::of(["a"]),
            needs: needs.to_vec(),
        }
    }

    #[test]
    fn what_is_needed_comes_first_then_networks_before_disks_and_grave_before_slight() {
        let places = [
            place("vpc-3", 10, Some(Severity::Critical), &[]),
            place("vpc-2", 0, Some(Severity::Low), &[]),
            place("vpc-1", 0, Some(Severity::High), &[3]),
            place("role", 0, None, &[]),
            place("vpc-0", 0, Some(Severity::Low), &[]),
        ];
        assert_eq!(order(&places), [3, 2, 4, 1, 0]);
    }

    #[test]
    fn a_change_that_others_need_moves_before_them_although_its_own_order_is_higher() {
        let places = [place("a", 0, Some(Severity::High), &[1]), place("b", 20, Some(Severity::Low), &[])];
        assert_eq!(order(&places), [1, 0]);
    }

    #[test]
    fn a_circle_ends() {
        let places = [place("a", 0, None, &[1]), place("b", 0, None, &[0])];
        assert_eq!(order(&places).len(), 2);
    }

    proptest! {
        #[test]
        fn the_order_does_not_depend_on_how_the_changes_came_in(orders in proptest::collection::vec((0_u8..3,
            0_u8..3), 0..12), turn in 0_usize..12) {
            let severities = [Severity::Low, Severity::Medium, Severity::High];
            let places: Vec<Place> =
                orders.iter().enumerate().map(|(n, (o, s))| place(&format!("vpc-{n}"), *o,
                    Some(severities[*s as usize]), &[])).collect();
            let names = |places: &[Place]| order(places).into_iter().map(|i| places[i].resource.clone()).collect::<Vec<_>>();
            let mut turned = places.clone();
            turned.rotate_left(if places.is_empty() { 0 } else { turn % places.len() });
            prop_assert_eq!(names(&places), names(&turned));
        }
    }
}
