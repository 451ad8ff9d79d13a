//! Checks that judge the resources of one kind, each by itself: a judgement, and a row of properties. The
//! reads of a scan, the list of resources, the reasons for silence and the tags all follow from the kind.

use serde_json::Value;

use super::{Check, KnownAs};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, FamilyKind, Inventory, Record, Selector, Stored, Tags, Want},
    resource::{Kind, ResourceId},
};

/// A judgement of one resource.
pub trait Rule {
    /// The kind of resource.
    type On: Stored;
    /// The properties of the check.
    const INFO: Info;
    /// Returns whether this account is to judge the resource; one that is shared with it is for its owner to
    /// judge.
    fn is_own(thing: &Self::On, inventory: &Inventory) -> bool {
        let _ = (thing, inventory);
        true
    }
    /// Returns whether a scan judges the resource. One that it leaves out is judged only where a change names
    /// it.
    fn is_scanned(thing: &Self::On) -> bool {
        let _ = thing;
        true
    }
    /// Judges a resource.
    fn judge(thing: &Self::On, with: &Value) -> Verdict;
}

/// The properties of a check.
pub struct Info {
    /// The id, fixed for ever.
    pub id: &'static str,
    /// The violation, in one line.
    pub title: &'static str,
    /// The reason why a violation matters.
    pub why: &'static str,
    /// The severity of a violation.
    pub severity: Severity,
    /// The kind of resource.
    pub kind: Kind,
    /// The controls of other frameworks and scanners that the check answers.
    pub known_as: KnownAs,
    /// The CloudTrail events that the check is run after: `ec2:CreateVpc`.
    pub triggers: &'static [&'static str],
}

impl Check {
    /// Builds the check of a rule.
    pub const fn of<R: Rule>() -> Self {
        let info = R::INFO;
        Self {
            id: info.id,
            title: info.title,
            why: info.why,
            severity: info.severity,
            kind: info.kind,
            known_as: info.known_as,
            triggers: info.triggers,
            scanned: true,
            reads: |region| vec![Want::all(R::On::KIND.asked_in(region), R::On::KIND)],
            reads_one: |_, resource, _| {
                let kind = R::On::KIND;
                vec![Want::id(kind.asked_in(resource.region()), kind, kind.key(resource))]
            },
            resources: resources::<R>,
            judge: judge::<R>,
            silence: silence::<R>,
            tags: tags::<R>,
        }
    }
}

/// Returns the family by which the resources are named, which may be another than the one with the facts: a
/// snapshot is named as such, whatever is asked about it.
fn named<R: Rule>() -> FamilyKind {
    FamilyKind::of_resource(R::INFO.kind).unwrap_or(R::On::KIND)
}

fn resources<R: Rule>(inventory: &Inventory, regions: &[String]) -> Vec<ResourceId> {
    let of_region = |name: &String| {
        let family = R::On::family(inventory, name).filter(|_| silence::<R>(inventory, name).is_none());
        // A resource that could not be read is judged too, and its verdict is then unknown.
        let known = family
            .into_iter()
            .flat_map(|family| family.known())
            .filter(|(_, thing)| R::is_own(thing, inventory) && R::is_scanned(thing))
            .map(|(id, _)| id);
        let unknown = family.into_iter().flat_map(|family| family.items.unknown()).map(|(id, _)| id.as_str());
        known
            .chain(unknown)
            .filter_map(|id| named::<R>().resource(&inventory.owner, name, id))
            .collect::<Vec<_>>()
    };
    regions.iter().flat_map(of_region).collect()
}

fn judge<R: Rule>(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict {
    let Some(family) = R::On::family(inventory, resource.region()) else {
        return Verdict::Unknown("the region was not read".to_owned());
    };
    match family.get(R::On::KIND.key(resource)) {
        Fact::Known(thing) if R::is_own(thing, inventory) => R::judge(thing, with),
        Fact::Known(_) => Verdict::Ok(None),
        Fact::Absent => Verdict::Ok(Some(format!("the {} no longer exists", resource.kind().words()))),
        silent => Verdict::Unknown(format!(
            "the {}: {}",
            resource.kind().words(),
            silent.silence().unwrap_or_default()
        )),
    }
}

fn silence<R: Rule>(inventory: &Inventory, region: &str) -> Option<String> {
    let Some(family) = R::On::family(inventory, region) else { return Some("not read".to_owned()) };
    family.select(&Selector::All).silence().map(|why| format!("{}s: {why}", R::INFO.kind.words()))
}

fn tags<R: Rule>(inventory: &Inventory, resource: &ResourceId) -> Tags {
    let family = R::On::family(inventory, resource.region());
    family
        .and_then(|family| {
            family.get(R::On::KIND.key(resource)).known().and_then(|thing| thing.tags().cloned())
        })
        .unwrap_or_default()
}
