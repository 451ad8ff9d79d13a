//! Conditions over an inventory, as data: for waits, and for recognising an effect. Evaluating one is pure;
//! reading the facts is the engine's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::test::Test;
use super::{Bindings, Unresolved};
use crate::inventory::{Cause, Fact, FamilyKind, Inventory, Reason, Scope, Want};

/// A condition on one or several resources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// The region of the resources.
    pub region: String,
    /// The family of the resources.
    pub family: FamilyKind,
    /// An id, a list of ids, or an object whose values are ids; may hold references. For [`Test::NoneBy`] and
    /// [`Test::OnlyBy`], the value of the filter.
    pub id: Value,
    /// A JSON pointer to the member of the resource's JSON form; empty for the resource itself. In a list,
    /// `name=value` stands for the first element whose member `name` has that value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// The test that the member must pass.
    pub test: Test,
    /// An explanation for people, shown where the condition does not hold.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub means: String,
}

/// The standing of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Holds,
    /// It does not hold, or not yet. The text is the observed state.
    NotYet(String),
    /// It never will hold. The text is the observed state.
    Never(String),
    /// It is not known whether it holds.
    Unknown(Reason),
}

impl Expect {
    /// Creates a condition on one resource.
    pub fn new(region: &str, family: FamilyKind, id: impl Into<Value>, at: &str, test: Test) -> Self {
        Self {
            region: region.to_owned(),
            family,
            id: id.into(),
            at: at.to_owned(),
            test,
            means: String::new(),
        }
    }

    /// Adds an explanation for people, shown where the condition does not hold.
    #[must_use]
    pub fn meaning(self, means: &str) -> Self {
        Self { means: means.to_owned(), ..self }
    }

    /// Returns the condition with every reference resolved.
    pub fn resolve(&self, bindings: &Bindings<'_>) -> Result<Expect, Unresolved> {
        let test = match &self.test {
            Test::Is(value) => Test::Is(bindings.resolve(value)?),
            Test::Unlike(value) => Test::Unlike(bindings.resolve(value)?),
            Test::OneOf { good, never, late } => {
                let good = good.iter().map(|value| bindings.resolve(value)).collect::<Result<_, _>>()?;
                Test::OneOf { good, never: never.clone(), late: late.clone() }
            }
            other => other.clone(),
        };
        Ok(Self { id: bindings.resolve(&self.id)?, test, ..self.clone() })
    }

    /// Returns the ids of the resources in the condition.
    pub fn ids(&self) -> Vec<String> {
        fn gather(value: &Value, ids: &mut Vec<String>) {
            match value {
                Value::String(id) => ids.push(id.clone()),
                Value::Array(items) => items.iter().for_each(|v| gather(v, ids)),
                Value::Object(map) => map.values().for_each(|v| gather(v, ids)),
                _ => {}
            }
        }
        let mut ids = Vec::new();
        gather(&self.id, &mut ids);
        ids
    }

    /// Checks whether a resource is in a state that means failure unless it is left from before the call.
    pub fn fell_back(&self, inventory: &Inventory) -> bool {
        let Test::OneOf { late, .. } = &self.test else { return false };
        let shows = |id: &String| {
            inventory
                .json(&self.region, self.family, id)
                .known()
                .and_then(|t| pointed(t, &self.at))
                .is_some_and(|v| late.contains(v))
        };
        !late.is_empty() && self.ids().iter().any(shows)
    }

    /// Returns the resources in the condition that are known to be missing, and those that are known to
    /// exist.
    pub fn missing_and_there(&self, inventory: &Inventory) -> [Vec<String>; 2] {
        let mut found = [Vec::new(), Vec::new()];
        let names_none = self.test == Test::Gone || self.test.lists();
        for id in self.ids().into_iter().filter(|_| !names_none) {
            let fact = inventory.json(&self.region, self.family, &id);
            if fact.is_absent() {
                found[0].push(id);
            } else if fact.known().is_some() {
                found[1].push(id);
            }
        }
        found
    }

    /// Returns the scope to read before the condition can be evaluated.
    pub fn scope(&self) -> Scope {
        self.ids().into_iter().map(|id| self.want(id)).collect()
    }

    fn want(&self, id: String) -> Want {
        match self.test.listing() {
            Some((filter, _)) => Want::by(&self.region, self.family, filter, id),
            None => Want::id(&self.region, self.family, id),
        }
    }

    /// Evaluates the condition against an inventory.
    pub fn standing(&self, inventory: &Inventory) -> Standing {
        let ids = self.ids();
        if ids.is_empty() {
            return Standing::Unknown("no id to look at".into());
        }
        ids.iter().map(|id| self.one(inventory, id)).fold(Standing::Holds, worse)
    }

    /// Evaluates the condition where it is waited for after a call. A setting of the account may override the
    /// member: what is shown then is not what was set, and no reading would ever show that.
    fn awaited(&self, inventory: &Inventory) -> Standing {
        match self.standing(inventory) {
            Standing::NotYet(_) | Standing::Never(_) if self.is_overridden(inventory) => Standing::Holds,
            standing => standing,
        }
    }

    /// Returns the condition to wait for where nothing but the member itself can be looked at: for a member
    /// that a setting of the account may override, that the resource exists.
    pub fn seen_by_others(&self) -> Expect {
        match self.family.about().overridden.iter().any(|(at, _)| *at == self.at) {
            true => Expect { at: String::new(), test: Test::Exists, ..self.clone() },
            false => self.clone(),
        }
    }

    /// Checks whether each resource in the condition names a setting of the account that overrides the
    /// member.
    fn is_overridden(&self, inventory: &Inventory) -> bool {
        let overridden = self.family.about().overridden.iter().find(|(at, _)| *at == self.at);
        overridden.is_some_and(|(_, by)| {
            self.ids().iter().all(|id| {
                let thing = inventory.json(&self.region, self.family, id);
                thing.known().and_then(|thing| pointed(thing, by)).is_some_and(|by| !by.is_null())
            })
        })
    }

    /// Returns the reason for which the member in question is not known, where it was not or could not be
    /// read. A member that was not read differs from one that is absent.
    fn unread(&self, thing: &Value) -> Option<String> {
        let member =
            self.at.split_once("/known").map(|(member, _)| member).filter(|_| self.test != Test::Exists)?;
        let name = member.trim_start_matches('/');
        match thing.pointer(member)? {
            Value::String(text) if text == "not-read" => Some(format!("{name} was not read")),
            Value::Object(fact) => fact
                .get("unknown")
                .map(|why| format!("{name} is not known: {}", why.as_str().unwrap_or_default())),
            _ => None,
        }
    }

    fn said(&self, seen: String) -> String {
        if self.means.is_empty() { seen } else { format!("{} ({seen})", self.means) }
    }

    /// Evaluates the condition that a filter with this value picks nothing but these. Only a listing that was
    /// read shows it.
    fn only(&self, inventory: &Inventory, id: &str, these: &[String]) -> Standing {
        match inventory.select_json(&self.want(id.to_owned())) {
            Fact::Known(found) => {
                let others: Vec<&str> = found
                    .iter()
                    .map(|(id, _)| id.as_str())
                    .filter(|id| !these.iter().any(|t| t == id))
                    .collect();
                if others.is_empty() {
                    Standing::Holds
                } else {
                    Standing::NotYet(self.said(others.join(", ")))
                }
            }
            silent => Standing::Unknown(Reason::new(
                silent.cause().unwrap_or_default(),
                format!("{} of {id}: {}", self.family.word(), silent.silence().unwrap_or("absent")),
            )),
        }
    }

    fn one(&self, inventory: &Inventory, id: &str) -> Standing {
        if let Some((_, these)) = self.test.listing() {
            return self.only(inventory, id, these);
        }
        let thing = match inventory.json(&self.region, self.family, id) {
            Fact::Known(json) => Some(json),
            Fact::Absent => None,
            silent => {
                let cause = silent.cause().unwrap_or_default();
                return Standing::Unknown(Reason::new(
                    cause,
                    format!("{id}: {}", silent.silence().unwrap_or_default()),
                ));
            }
        };
        if let Some(why) = thing.as_ref().and_then(|t| self.unread(t)) {
            return Standing::Unknown(format!("{id}: {why}").into());
        }
        let value = thing.as_ref().map(|t| pointed(t, &self.at).cloned().unwrap_or(Value::Null));
        let reason = || {
            self.family
                .about()
                .reason
                .and_then(|at| thing.as_ref()?.pointer(at)?.as_str().map(|why| format!(" ({why})")))
                .unwrap_or_default()
        };
        let shown = |v: &Value| format!("{id}: {} is {v}{}", self.at.trim_start_matches('/'), reason());
        let seen = || {
            Standing::NotYet(self.said(value.as_ref().map_or_else(|| format!("{id} does not exist"), shown)))
        };
        match (&self.test, &value) {
            (Test::Exists, Some(_)) | (Test::Gone, None) => Standing::Holds,
            (Test::Gone, Some(_)) => Standing::NotYet(format!("{id} still exists")),
            (Test::Is(wanted), Some(value)) if value == wanted => Standing::Holds,
            (Test::Unlike(was), Some(value)) if value != was => Standing::Holds,
            // The value is known to whoever asks, and can be long.
            (Test::Unlike(_), Some(_)) => Standing::NotYet(match self.means.as_str() {
                "" => format!("{id}: {} is as it was", self.at.trim_start_matches('/')),
                means => means.to_owned(),
            }),
            (Test::Earlier(then), Some(value)) if moment(value).is_some_and(|at| at < *then) => {
                Standing::Holds
            }
            (Test::OneOf { good, .. }, Some(value)) if good.contains(value) => Standing::Holds,
            (Test::OneOf { never, .. }, Some(value)) if never.contains(value) => {
                Standing::Never(shown(value))
            }
            _ => seen(),
        }
    }
}

/// Returns the value at a pointer.
pub(super) fn pointed<'a>(thing: &'a Value, at: &str) -> Option<&'a Value> {
    at.split('/').skip(1).try_fold(thing, |value, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        match (value, part.split_once('=')) {
            (Value::Array(items), Some((name, is))) => {
                items.iter().find(|item| item.get(name).is_some_and(|v| v == is))
            }
            // The thing itself, if it has a member of this value.
            (Value::Object(members), Some((name, is)))
                if !members.contains_key(&part) && members.get(name).is_some_and(|v| v == is) =>
            {
                Some(value)
            }
            (Value::Array(items), None) => part.parse::<usize>().ok().and_then(|n| items.get(n)),
            _ => value.get(&part),
        }
    })
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Returns the worse of two standings: never, then unknown, the gravest cause first, then not yet.
pub(super) fn worse(a: Standing, b: Standing) -> Standing {
    let rank = |s: &Standing| match s {
        Standing::Holds => 0,
        Standing::NotYet(_) => 1,
        Standing::Unknown(reason) => match reason.cause() {
            Cause::Other => 2,
            Cause::Denied => 3,
            Cause::Credentials => 4,
        },
        Standing::Never(_) => 5,
    };
    if rank(&b) > rank(&a) { b } else { a }
}

/// Evaluates several conditions together that are waited for after a call.
pub fn awaited(all: &[Expect], inventory: &Inventory) -> Standing {
    all.iter().map(|e| e.awaited(inventory)).fold(Standing::Holds, worse)
}

/// Evaluates several conditions together.
pub fn standing_of(all: &[Expect], inventory: &Inventory) -> Standing {
    all.iter().map(|e| e.standing(inventory)).fold(Standing::Holds, worse)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        inventory::{Bucket, Caller, Instance, LogGroup, NetworkInterface},
        resource::Owner,
    };

    const R: &str = "us-east-1";

    fn inventory() -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let launched = "2026-11-22T10:00:00Z".parse().ok();
        it.region_mut(R)
            .instances
            .put("i-1", Instance { id: "i-1".into(), launch_time: launched, ..Instance::default() });
        it
    }

    #[test]
    fn a_pointer_finds_members_positions_and_what_has_a_name() {
        let thing = json!({ "tags": { "a/b": "x=y" }, "devices": [{ "device_name": "/dev/sda1",
            "volume_id": "vol-1" }, { "device_name": "/dev/sdf", "volume_id": "vol-2" }] });
        let rows = [
            ("", Some(&thing)),
            ("/tags/a~1b", Some(&thing["tags"]["a/b"])),
            ("/devices/1/volume_id", Some(&thing["devices"][1]["volume_id"])),
            ("/devices/device_name=~1dev~1sdf/volume_id", Some(&thing["devices"][1]["volume_id"])),
            ("/devices/device_name=~1dev~1sdg/volume_id", None),
            ("/devices/5", None),
            ("/tags/c", None),
        ];
        for (at, expected) in rows {
            assert_eq!(pointed(&thing, at), expected, "{at}");
        }
    }

    #[test]
    fn a_member_that_could_not_be_read_is_not_the_same_as_none() {
        let mut it = inventory();
        let none = Expect::new("", FamilyKind::Buckets, "logs", "/policy/known", Test::Is(Value::Null));
        for (policy, holds) in [(Fact::Absent, true), (Fact::Known(json!({})), false)] {
            it.buckets.put("logs", Bucket { id: "logs".into(), policy, ..Bucket::default() });
            assert_eq!(none.standing(&it) == Standing::Holds, holds);
        }
        for policy in [Fact::NotRead, Fact::Unknown("AccessDenied".into())] {
            it.buckets.put("logs", Bucket { id: "logs".into(), policy, ..Bucket::default() });
            assert!(matches!(none.standing(&it), Standing::Unknown(_)));
        }
    }

    #[test]
    fn a_wait_for_a_setting_is_over_where_the_account_overrides_it_and_a_look_for_its_effect_is_not() {
        let mut it = inventory();
        let days = |days: i64| {
            Expect::new(R, FamilyKind::LogGroups, "g", "/retention_in_days", Test::Is(json!(days)))
        };
        let group = LogGroup { id: "g".into(), retention_in_days: Some(365), ..LogGroup::default() };
        it.region_mut(R).log_groups.put("g", group.clone());
        assert!(matches!(awaited(&[days(90)], &it), Standing::NotYet(_)));
        let by = Some("org".to_owned());
        it.region_mut(R).log_groups.put("g", LogGroup { retention_policy_name: by.clone(), ..group.clone() });
        assert_eq!(awaited(&[days(90)], &it), Standing::Holds);
        assert!(matches!(standing_of(&[days(90)], &it), Standing::NotYet(_)));
        // A policy that keeps events for ever shows no number at all.
        let ever = LogGroup { retention_in_days: None, retention_policy_name: by, ..group };
        it.region_mut(R).log_groups.put("g", ever);
        assert_eq!(awaited(&[days(90)], &it), Standing::Holds);
    }

    #[test]
    fn a_correction_is_due_only_where_the_member_is_known_to_be_another() {
        let mut it = inventory();
        let other =
            Expect::new("", FamilyKind::Buckets, "logs", "/policy/known", Test::Unlike(json!({ "a": 1 })))
                .meaning("it is as it was");
        for (policy, due) in [
            (Fact::Known(json!({ "a": 1 })), Some(false)),
            (Fact::Known(json!({ "a": 2 })), Some(true)),
            (Fact::Absent, Some(true)),
            (Fact::Unknown("AccessDenied".into()), None),
            (Fact::NotRead, None),
        ] {
            it.buckets.put("logs", Bucket { id: "logs".into(), policy, ..Bucket::default() });
            match (other.standing(&it), due) {
                (Standing::Holds, Some(true)) | (Standing::Unknown(_), None) => {}
                (Standing::NotYet(seen), Some(false)) => assert_eq!(seen, "it is as it was"),
                odd => panic!("{odd:?}"),
            }
        }
    }

    #[test]
    fn that_nothing_uses_a_thing_is_known_only_from_a_listing_that_was_read() {
        let mut it = inventory();
        let unused =
            Expect::new(R, FamilyKind::NetworkInterfaces, "sg-1", "", Test::NoneBy("group-id".to_owned()))
                .meaning("it is used");
        let want = Want::by(R, FamilyKind::NetworkInterfaces, "group-id", "sg-1");
        assert_eq!(unused.scope(), Scope::from([want.clone()]));
        let read = |it: &mut Inventory, fact| {
            it.region_mut(R).network_interfaces.read(&want.selector, fact);
        };
        for (fact, cause) in [
            (Fact::NotRead, Cause::Other),
            (Fact::unknown("it timed out"), Cause::Other),
            (Fact::Unknown(Reason::new(Cause::Denied, "AccessDenied")), Cause::Denied),
        ] {
            read(&mut it, fact);
            assert!(matches!(unused.standing(&it), Standing::Unknown(why) if why.cause() == cause));
        }
        read(&mut it, Fact::Known(()));
        assert_eq!(unused.standing(&it), Standing::Holds);
        for (id, group) in [("eni-1", "sg-2"), ("eni-2", "sg-1")] {
            let with = NetworkInterface {
                id: id.into(),
                groups: vec!["sg-0".into(), group.into()],
                ..NetworkInterface::default()
            };
            assert_eq!(unused.standing(&it), Standing::Holds, "another group is no use of this one");
            it.region_mut(R).network_interfaces.put(id, with);
        }
        assert_eq!(unused.standing(&it), Standing::NotYet("it is used (eni-2)".to_owned()));
        assert_eq!(unused.missing_and_there(&it), [Vec::<String>::new(), Vec::new()]);
    }

    #[test]
    fn a_moment_is_compared_as_one_and_what_it_means_is_said() {
        for (then, holds) in
            [("2026-11-22T10:00:01Z", true), ("2026-11-22T10:00:00Z", false), ("2026-11-22T09:59:59Z", false)]
        {
            let expect = Expect::new(
                R,
                FamilyKind::Instances,
                "i-1",
                "/launch_time",
                Test::Earlier(then.parse().unwrap()),
            )
            .meaning("it was started");
            match expect.standing(&inventory()) {
                Standing::Holds => assert!(holds, "{then}"),
                Standing::NotYet(seen) => {
                    assert!(!holds && seen.starts_with("it was started (i-1: launch_time is"), "{seen}")
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
