//! Counting what is there: everything that is new, gone or different in the account must be accounted for by
//! the journal or by somebody else's hands. Looks at the account as it truly is, and at nothing that the
//! engine believes.

use std::collections::BTreeMap;

use redress::{
    calls::{Call, Purpose, way_back},
    inventory::{Fact, Family, FamilyKind, ForFamily, Inventory, Record, Stored, Want},
    journal::{Outcome, StepState, StepStory},
    plan::PlanKind,
};

use super::{
    laws::{Held, Run},
    life::State,
};

/// How a thing differs between two looks at an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    New,
    Gone,
    Other,
}

/// What differs: the kind, where, and the id.
type Found = Vec<(Difference, FamilyKind, String, String)>;

fn compare<T: Record>(kind: FamilyKind, region: &str, was: &Family<T>, is: &Family<T>, found: &mut Found) {
    let there = |family: &Family<T>, id: &str| matches!(family.items.get(id), Some(Fact::Known(_)));
    let mut note = |difference, id: &str| found.push((difference, kind, region.to_owned(), id.to_owned()));
    is.known().filter(|(id, _)| !there(was, id)).for_each(|(id, _)| note(Difference::New, id));
    for (id, old) in was.known() {
        match is.get(id).known() {
            None => note(Difference::Gone, id),
            Some(new) if *new != old => note(Difference::Other, id),
            Some(_) => {}
        }
    }
}

/// The families that AWS does not change by itself.
fn counted_kinds() -> impl Iterator<Item = FamilyKind> {
    FamilyKind::ALL.iter().copied().filter(|kind| !kind.about().moves_by_itself)
}

struct Compare<'a> {
    before: &'a Inventory,
    now: &'a Inventory,
    region: &'a str,
    found: &'a mut Found,
}

impl ForFamily for Compare<'_> {
    type Out = ();
    fn of<T: Stored>(self) {
        let (was, is) =
            (T::family(self.before, self.region).unwrap(), T::family(self.now, self.region).unwrap());
        compare(T::KIND, self.region, was, is, self.found);
    }
}

fn differences(before: &Inventory, now: &Inventory) -> Found {
    let mut found = Found::new();
    for (region, kind) in now.places().iter().filter(|(_, kind)| !kind.about().moves_by_itself) {
        kind.with(Compare { before, now, region, found: &mut found });
    }
    found
}

/// How many things there are of each kind.
pub fn counted(inventory: &Inventory) -> BTreeMap<FamilyKind, usize> {
    let of = |kind| {
        inventory.families().filter(|(_, of, _)| *of == kind).map(|(_, _, things)| things.count()).sum()
    };
    counted_kinds().map(|kind| (kind, of(kind))).collect()
}

/// Everything new is known to the journal, nothing that was there is gone, nothing is different that no
/// change was to touch. Rules of security groups have laws of their own, since they get new ids when they are
/// put back.
pub fn accounted(before: &Inventory, now: &Inventory, state: &State, runs: &[Run<'_>]) -> Held {
    for (difference, kind, region, id) in differences(before, now) {
        if state.touched.contains(&id) {
            continue;
        }
        match difference {
            Difference::New => new(kind, &region, &id, now, runs)?,
            Difference::Gone if kind == FamilyKind::SecurityGroupRules => {}
            Difference::Gone => return Err(format!("{id} ({kind:?}) was there before, and is gone")),
            Difference::Other => other(kind, &region, &id, before, now, runs)?,
        }
    }
    Ok(())
}

/// A kind of thing that is made under a name, and carries no token everywhere.
struct Named<'a> {
    /// The call by which it comes.
    comes: &'static str,
    /// The call by which it goes.
    goes: &'static str,
    /// What the first says of it.
    says: Vec<(&'static str, &'a str)>,
}

fn named<'a>(kind: FamilyKind, id: &'a str, now: &'a Inventory) -> Option<Named<'a>> {
    let both = || id.split_once('/').expect("an id of two names");
    let (comes, goes, says) = match kind {
        FamilyKind::Roles => ("CreateRole", "DeleteRole", vec![("RoleName", id)]),
        FamilyKind::Buckets => ("CreateBucket", "DeleteBucket", vec![("Bucket", id)]),
        FamilyKind::Trails => {
            let name = id.rsplit_once("trail/").map_or(id, |(_, name)| name);
            ("CreateTrail", "DeleteTrail", vec![("Name", name)])
        }
        FamilyKind::LogGroups => ("CreateLogGroup", "DeleteLogGroup", vec![("logGroupName", id)]),
        FamilyKind::Secrets => ("CreateSecret", "DeleteSecret", vec![("Name", id)]),
        FamilyKind::AccessKeys => {
            let user = now.access_keys.get(id).known().map_or("", |key| key.user.as_str());
            ("CreateAccessKey", "DeleteAccessKey", vec![("UserName", user)])
        }
        FamilyKind::IamGroups => ("CreateGroup", "DeleteGroup", vec![("GroupName", id)]),
        FamilyKind::UserPolicies => {
            let (user, policy) = both();
            ("PutUserPolicy", "DeleteUserPolicy", vec![("UserName", user), ("PolicyName", policy)])
        }
        FamilyKind::Memberships => {
            let (group, user) = both();
            ("AddUserToGroup", "RemoveUserFromGroup", vec![("GroupName", group), ("UserName", user)])
        }
        _ => return None,
    };
    Some(Named { comes, goes, says })
}

fn new(kind: FamilyKind, region: &str, id: &str, now: &Inventory, runs: &[Run<'_>]) -> Held {
    let taken_away =
        runs.iter().filter(|(_, story, _)| story.head.kind == PlanKind::Undo).flat_map(|(plan, story, _)| {
            let restored =
                plan.changes.iter().filter(|c| story.changes[&c.id].outcome() == Some(Outcome::Restored));
            restored.flat_map(|c| &c.steps).filter(|s| {
                ["Delete", "Revoke", "Remove"].iter().any(|goes| s.act.call.operation.starts_with(goes))
            })
        });
    let named = named(kind, id, now);
    for step in taken_away {
        let (call, input) = (&step.act.call, step.act.call.input.to_string());
        let is_about = |name: &str| input.contains(&format!("\"{name}\""));
        let goes = named.as_ref().is_none_or(|named| named.goes == call.operation);
        let by_parts = kind != FamilyKind::AccessKeys
            && named.as_ref().is_some_and(|named| named.says.iter().all(|(_, name)| is_about(name)));
        if goes && (is_about(id) || by_parts) {
            return Err(format!(
                "{id} ({kind:?}) is there after an undo that took it away and says restored"
            ));
        }
    }
    let Some(Named { comes, says, .. }) = named else { return token(kind, region, id, now) };
    let calls = |call: &Call| {
        call.operation == comes && says.iter().all(|(member, value)| call.input[*member] == *value)
    };
    // The id of a key is in the answer alone, if there was one.
    let other = |step: &StepStory| step.outputs.get("AccessKeyId").is_some_and(|made| made != id);
    let makes = |step: &&StepStory| step.call.as_ref().is_some_and(calls) && !other(step);
    for (plan, story, _) in runs {
        for change in &plan.changes {
            let told = &story.changes[&change.id];
            let Some(step) = told.steps.iter().find(makes) else { continue };
            let admitted = step.state == StepState::Intended && told.outcome() == Some(Outcome::Stuck);
            if !admitted && !matches!(step.state, StepState::Called | StepState::Settled) {
                return Err(format!(
                    "orphan: {id} ({kind:?}) of {} is there, and its step is {:?}: {}",
                    change.id, step.state, told.reason
                ));
            }
            let gone_back = matches!(told.outcome(), Some(Outcome::RolledBack | Outcome::Failed))
                && story.head.kind == PlanKind::Plan;
            let to_go =
                way_back(&change.steps, &told.done(), Purpose::Rollback).iter().any(|b| b.of == step.name);
            if gone_back
                && to_go
                && !told.reason.contains(id)
                && !says.iter().all(|(_, name)| told.reason.contains(name))
            {
                return Err(format!(
                    "left behind: {id} ({kind:?}) of {}, though {:?}: {}",
                    change.id, told.phase, told.reason
                ));
            }
            return Ok(());
        }
    }
    Err(format!("orphan: {id} ({kind:?}) is new, and no step made it"))
}

/// What is made without a name carries the token of its step; [`super::laws`] follows those to their steps.
fn token(kind: FamilyKind, region: &str, id: &str, now: &Inventory) -> Held {
    let known = now.json(region, kind, id);
    let marked = known.known().and_then(|thing| thing["tags"].get(redress::inventory::tag::TOKEN)).is_some();
    if marked || kind == FamilyKind::SecurityGroupRules {
        Ok(())
    } else {
        Err(format!("{id} ({kind:?}) is new and carries no token"))
    }
}

fn other(
    kind: FamilyKind,
    region: &str,
    id: &str,
    before: &Inventory,
    now: &Inventory,
    runs: &[Run<'_>],
) -> Held {
    let this = [Want::id(region, kind, id)];
    let (was, is) = (before.footprint(&this), now.footprint(&this));
    let picks = |want: &Want, inventory: &Inventory| {
        inventory.select_json(want).known().is_some_and(|all| all.iter().any(|(one, _)| one == id))
    };
    let meant = |want: &Want| want.family == kind && (picks(want, before) || picks(want, now));
    let begun = runs
        .iter()
        .flat_map(|(plan, story, _)| plan.changes.iter().filter(|c| !story.changes[&c.id].steps.is_empty()));
    if was == is || begun.flat_map(|c| &c.touches).any(meant) {
        return Ok(());
    }
    Err(format!("{id} ({kind:?}) is not as it was, and no change was to touch it: {was} / {is}"))
}
