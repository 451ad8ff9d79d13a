//! A family is all that is known of one kind of resource in one place: the resources themselves, and the
//! listings of them that were read whole. It must never let a listing that was not read look like an empty
//! one.

use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cause, Fact, Reason, Record, Selector, Table, Tags};

/// The members of one kind in one region, or in the account for kinds that have no region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Record")]
pub struct Family<T> {
    /// The listings that were read, by [`Selector::key`]. `Known` means that every member which the selector
    /// picks is in `items`.
    #[serde(default, with = "super::table::map", skip_serializing_if = "OrdMap::is_empty")]
    pub reads: OrdMap<String, Fact<()>>,
    /// The members, by id.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    pub items: Table<T>,
}

impl<T> Default for Family<T> {
    fn default() -> Self {
        Self { reads: OrdMap::new(), items: Table::default() }
    }
}

impl<T> Family<T> {
    /// Returns whether nothing of it was read.
    pub fn is_empty(&self) -> bool {
        self.reads.is_empty() && self.items.is_empty()
    }
}

impl<T: Record> Family<T> {
    /// Returns the fact about the member `id`.
    pub fn get(&self, id: &str) -> Fact<&T> {
        match self.items.get(id) {
            Some(fact) => fact.as_ref(),
            None => match self.reads.get("*") {
                Some(Fact::Known(())) => Fact::Absent,
                Some(Fact::Unknown(reason)) => Fact::Unknown(reason.clone()),
                _ => Fact::NotRead,
            },
        }
    }

    /// Returns the members that a selector picks, if that listing was read.
    pub fn select(&self, selector: &Selector) -> Fact<Vec<(&str, &T)>> {
        if let Selector::Id(id) = selector {
            return self.get(id).map(|item| match self.items.get_key_value(id.as_str()) {
                Some((id, _)) => vec![(id.as_str(), item)],
                None => Vec::new(),
            });
        }
        self.listed(selector).map(|()| self.items.picked(selector))
    }

    /// Returns whether the listing that a selector names was read, by itself or within the listing of all.
    pub fn listed(&self, selector: &Selector) -> Fact<()> {
        match self.reads.get("*") {
            Some(Fact::Known(())) => Fact::Known(()),
            all => self.reads.get(&selector.key()).or(all).cloned().unwrap_or_default(),
        }
    }

    /// Returns all members that are known, even if no listing was read whole.
    pub fn known(&self) -> impl Iterator<Item = (&str, &T)> {
        self.items.iter().filter_map(|(id, fact)| fact.known().map(|item| (id.as_str(), item)))
    }

    /// Adds or replaces a member that is known.
    pub fn put(&mut self, id: impl Into<String>, item: T) {
        self.items.insert(id.into(), Fact::Known(item));
    }

    /// Returns the member if it is known, to be changed in place.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        match self.items.get_mut(id) {
            Some(Fact::Known(item)) => Some(item),
            _ => None,
        }
    }

    /// Records that a listing was read, or the reason why it was not.
    pub fn read(&mut self, selector: &Selector, fact: Fact<()>) {
        self.reads.insert(selector.key(), fact);
    }

    /// Takes over the facts of a later reading. Where the later reading listed something whole, members that
    /// the listing picks and that are missing from it become absent.
    pub fn merge(&mut self, later: Family<T>) {
        if self.items.is_empty() {
            self.reads.extend(later.reads);
            self.items = later.items;
            return;
        }
        for (key, fact) in &later.reads {
            if fact.known().is_some() {
                let picked = self.items.picked(&Selector::of_key(key));
                let gone: Vec<String> = picked
                    .into_iter()
                    .map(|(id, _)| id.to_owned())
                    .filter(|id| !later.items.contains_key(id))
                    .collect();
                gone.into_iter().for_each(|id| drop(self.items.insert(id, Fact::Absent)));
            }
        }
        self.reads.extend(later.reads);
        for (id, mut fact) in later.items {
            if let (Fact::Known(item), Some(Fact::Known(earlier))) = (&mut fact, self.items.get(&id)) {
                item.complete(earlier);
            }
            self.items.insert(id, fact);
        }
    }
}

/// A family without its type, as generic code (conditions, footprints) needs it.
pub trait AnyFamily {
    /// Returns the member as JSON.
    fn json(&self, id: &str) -> Fact<Value>;
    /// Returns whether it is known which members a selector picks.
    fn selects(&self, selector: &Selector) -> Fact<()>;
    /// Returns the ids and JSON forms of the members that a selector picks.
    fn select_json(&self, selector: &Selector) -> Fact<Vec<(String, Value)>>;
    /// Returns the reason why something of it could not be read, where the credentials had ended.
    fn credentials_ended(&self) -> Option<&Reason>;
    /// Returns the tags of a member, as far as they are known.
    fn tags(&self, id: &str) -> Option<&Tags>;
    /// Returns the ids of the members of which anything is known, including those known to be absent.
    fn ids(&self) -> Vec<&str>;
    /// Counts the members that are known.
    fn count(&self) -> usize;
    /// Returns the members that a selector picks, in the form in which two states are compared: without
    /// members that change by themselves, without redress's own bookkeeping tags, in a fixed order.
    fn footprint(&self, selector: &Selector) -> Value;
}

impl<T: Record> AnyFamily for Family<T> {
    fn json(&self, id: &str) -> Fact<Value> {
        self.get(id).map(to_json)
    }

    fn selects(&self, selector: &Selector) -> Fact<()> {
        match selector {
            Selector::Id(id) => self.get(id).map(|_| ()),
            listing => self.listed(listing),
        }
    }

    fn select_json(&self, selector: &Selector) -> Fact<Vec<(String, Value)>> {
        self.select(selector)
            .map(|items| items.into_iter().map(|(id, item)| (id.to_owned(), to_json(item))).collect())
    }

    fn credentials_ended(&self) -> Option<&Reason> {
        let ended = |reason: &&Reason| reason.cause() == Cause::Credentials;
        let of_reads = self.reads.values().filter_map(Fact::reason).find(ended);
        of_reads.or_else(|| self.items.values().filter_map(Fact::reason).find(ended))
    }

    fn tags(&self, id: &str) -> Option<&Tags> {
        self.items.get(id)?.known()?.tags()
    }

    fn ids(&self) -> Vec<&str> {
        self.items.iter().map(|(id, _)| id.as_str()).collect()
    }

    fn count(&self) -> usize {
        self.known().count()
    }

    fn footprint(&self, selector: &Selector) -> Value {
        let stripped = |item: &T| {
            let mut json = to_json(item);
            if let Value::Object(map) = &mut json {
                map.retain(|key, _| {
                    !(T::VOLATILE.contains(&key.as_str()) || T::ID_IS_VOLATILE && key == "id")
                });
                for (list, member) in T::VOLATILE_IN_LISTS {
                    let entries = map.get_mut(*list).and_then(Value::as_array_mut).into_iter().flatten();
                    entries.filter_map(Value::as_object_mut).for_each(|entry| drop(entry.remove(*member)));
                }
            }
            strip_bookkeeping(&mut json);
            in_fixed_order(&mut json);
            json
        };
        match self.select(selector) {
            Fact::Known(items) => {
                let mut all: Vec<Value> = items.into_iter().map(|(_, item)| stripped(item)).collect();
                all.sort_by_cached_key(|v| v.to_string());
                match selector {
                    Selector::Id(_) => all.pop().unwrap_or(Value::Null),
                    _ => Value::Array(all),
                }
            }
            Fact::Absent => Value::Null,
            silent => serde_json::json!({ "unknown": silent.silence() }),
        }
    }
}

fn to_json<T: Serialize>(item: &T) -> Value {
    // A record is plain data with string keys: it always has a JSON form.
    serde_json::to_value(item).unwrap_or(Value::Null)
}

/// Removes redress's own bookkeeping tags from every `tags` object. `redress:ignore` is the user's and stays,
/// and so do the tags of blocks, which changes set.
fn strip_bookkeeping(json: &mut Value) {
    match json {
        Value::Object(map) => {
            if let Some(Value::Object(tags)) = map.get_mut("tags") {
                let stays = |key: &str| key == super::tag::IGNORE || key.starts_with(super::tag::BLOCK);
                tags.retain(|key, _| !key.starts_with("redress:") || stays(key));
            }
            map.values_mut().for_each(strip_bookkeeping);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_bookkeeping),
        _ => {}
    }
}

/// Sorts the lists in these records, which are sets (devices, groups, attachments): AWS returns them in any
/// order.
fn in_fixed_order(json: &mut Value) {
    match json {
        Value::Object(map) => map.values_mut().for_each(in_fixed_order),
        Value::Array(items) => {
            items.iter_mut().for_each(in_fixed_order);
            items.sort_by_cached_key(|v| v.to_string());
        }
        _ => {}
    }
}
