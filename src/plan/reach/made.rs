//! The calls that an action would make today for a change of a run: its proposal on the account without the
//! things that the run itself has made. A call that makes or sets something is confirmed by an equal call of
//! that proposal and by nothing else. Pure.

use serde_json::Value;

use super::{credentials, entries};

use crate::{
    actions::{self, Action, Context, Options},
    calls::{Act, Call, Step, reference},
    inventory::{Fact, Family, Inventory, Record, Scope, Tags, tag},
    plan::{Change, propose},
};

/// The calls that an action proposes, by direction.
#[derive(Debug, Default)]
pub(super) struct Made {
    forth: Vec<Call>,
    back: Vec<Call>,
}

/// Returns options with all safeguards off: they decide whether a change is made, not the calls that it
/// makes, and are asked where it is made.
fn belts() -> Options {
    Options { my_address: None, allow_lockout: true, include_managed: true, half_done: true }
}

/// Returns whether the calls of a change are checked against a proposal. Those about disks are checked
/// against tags: in the middle of an exchange the account is neither as it was nor as it will be.
fn told(change: &Change) -> bool {
    change.uses.iter().any(|one| actions::find(&one.action).is_some_and(Action::is_remade))
}

/// Returns the facts that must be read to propose a change again.
pub(super) fn needs(change: &Change, known: &Inventory) -> Scope {
    if !told(change) {
        return Scope::new();
    }
    propose::needs(
        known,
        &change.uses,
        &change.resource,
        &change.region,
        &propose::checks_of(change),
        &belts(),
    )
}

impl Made {
    /// Returns the calls of a change, as its action makes them now.
    pub(super) fn of(change: &Change, run: &str, facts: &Inventory) -> Self {
        let mut made = Self::default();
        if told(change) {
            for found in [without(change, run, facts, false), without(change, run, facts, true)] {
                made.propose(change, &found);
                made.propose(change, &bare(&found));
            }
        }
        made
    }

    fn propose(&mut self, change: &Change, facts: &Inventory) {
        let (checks, options) = (propose::checks_of(change), belts());
        let context =
            Context { inventory: facts, region: &change.region, checks: &checks, options: &options };
        for one in &change.uses {
            let Some(Ok(proposal)) = actions::find(&one.action)
                .map(|action| action.propose(&context, &change.resource, &one.with))
            else {
                continue;
            };
            for Step { act: Act { call, .. }, way_back, .. } in proposal.steps {
                self.back.extend(way_back.acts().map(|act| act.call.clone()));
                self.forth.push(call);
            }
        }
    }

    /// Returns whether the action makes this call on the way there.
    pub(super) fn forth(&self, call: &Call) -> bool {
        self.forth.iter().any(|made| same(made, call))
    }

    /// Returns whether the action makes this call on the way back.
    pub(super) fn back(&self, call: &Call) -> bool {
        self.back.iter().any(|made| same(made, call))
    }

    /// Returns whether the action makes something in this region.
    pub(super) fn goes_to(&self, region: &str) -> bool {
        self.forth.iter().any(|made| made.region == region)
    }

    /// Returns whether the action would name this id in this member of calls of this operation.
    pub(super) fn names(&self, operation: &str, member: &str, id: &str) -> bool {
        let of = |call: &&Call| call.operation == operation;
        let ids = |call: &Call| {
            call.input
                .get(member)
                .and_then(Value::as_array)
                .is_some_and(|ids| ids.iter().any(|one| one == id))
        };
        self.forth.iter().filter(of).any(ids)
    }
}

/// Returns the account without the things that a run has made. With `untagged` also without a bucket of the
/// name that redress gives, which has neither tags nor a policy yet: a bucket is tagged by a call of its own,
/// after it is made.
fn without(change: &Change, run: &str, facts: &Inventory, untagged: bool) -> Inventory {
    let mut left = facts.clone();
    let own = |tags: Option<&Tags>| tags.is_some_and(|tags| tags.get(tag::RUN).is_some_and(|of| of == run));
    forget(&mut left.roles, |role| own(Record::tags(role)));
    forget(&mut left.trails, |trail| own(Record::tags(trail)));
    let derived = format!("redress-cloudtrail-{}-", facts.owner.account);
    let fresh = |tags: Option<&Tags>| untagged && tags.is_none_or(Tags::is_empty);
    forget(&mut left.buckets, |bucket| {
        let untold = bucket.tags.silence().is_some() && !bucket.tags.is_absent();
        let new = fresh(bucket.tags.known()) && !untold;
        own(bucket.tags.known())
            || (new && bucket.owned && bucket.policy.is_absent() && bucket.id.starts_with(&derived))
    });
    let place = left.region_mut(&change.region);
    forget(&mut place.log_groups, |group| own(Record::tags(group)));
    forget(&mut place.flow_logs, |log| own(Record::tags(log)));
    forget(&mut place.security_group_rules, |rule| own(Record::tags(rule)));
    entries::forget(change, place);
    credentials::forget(change, run, &mut left);
    left
}

/// Returns the account with nothing set on its buckets but their policies: the settings that existed before
/// are not known any more.
fn bare(facts: &Inventory) -> Inventory {
    let mut bare = facts.clone();
    bare.buckets.items.change_all(|bucket| {
        (bucket.public_access_blocked, bucket.versioning, bucket.encryption) =
            (Fact::Absent, Fact::Absent, Fact::Absent);
    });
    bare
}

fn forget<T: Record>(family: &mut Family<T>, gone: impl Fn(&T) -> bool) {
    let ids: Vec<String> =
        family.known().filter(|(_, thing)| gone(thing)).map(|(id, _)| id.to_owned()).collect();
    for id in ids {
        family.items.insert(id, Fact::Absent);
    }
}

/// Returns whether a call is the one that the action makes, whatever its references stand for by now.
fn same(made: &Call, call: &Call) -> bool {
    made.service == call.service
        && made.operation == call.operation
        && made.region == call.region
        && alike(&made.input, &call.input)
}

fn alike(made: &Value, said: &Value) -> bool {
    if let (Some(made), Some(said)) = (reference::key_of_secret(made), reference::key_of_secret(said)) {
        return alike(made, said);
    }
    match (made, said) {
        _ if made == said => true,
        (Value::Object(reference), _)
            if reference.len() == 1 && reference.keys().all(|key| key.starts_with('$')) =>
        {
            names(said)
        }
        (Value::Object(made), Value::Object(said)) => {
            made.len() == said.len()
                && made.iter().all(|(member, value)| {
                    said.get(member).is_some_and(|other| member == "Description" || alike(value, other))
                })
        }
        (Value::Array(made), Value::Array(said)) => {
            made.len() == said.len() && made.iter().zip(said).all(|(a, b)| alike(a, b))
        }
        // The document of a policy: the order of its members does not matter.
        (Value::String(made), Value::String(said)) if made.starts_with('{') => {
            match (serde_json::from_str::<Value>(made), serde_json::from_str::<Value>(said)) {
                (Ok(made), Ok(said)) => made == said,
                _ => false,
            }
        }
        _ => false,
    }
}

/// Returns whether a reference can stand for a value: a text, or a list of them. The things that it names are
/// judged separately.
fn names(value: &Value) -> bool {
    value.is_string() || value.as_array().is_some_and(|all| all.iter().all(Value::is_string))
}
