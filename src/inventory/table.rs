//! The members of a family, in an ordered map that is cheap to copy and that is found by filter through an
//! index. It must never answer a filter differently from going through all members.

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use imbl::{HashMap, OrdMap, OrdSet, ordmap::DiffItem};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Fact, Record, Selector, TAG_KEY};

/// The facts about the resources of one kind, by id.
///
/// A copy shares its members with the original until one of the two is changed, and a change copies only the
/// path to the changed member: forks of an account cost nothing that grows with the account.
#[derive(Clone)]
pub struct Table<T> {
    members: OrdMap<String, Fact<T>>,
    /// Built when a filter is first asked for, and kept up to date from then on.
    index: OnceLock<Index>,
    /// The member that was lent to be changed: the index does not contain it until the next change of the
    /// table.
    lent: Option<String>,
}

/// The ids of members, by the listing that picks them: `group-id=sg-1` (see [`Selector::key`]).
#[derive(Clone, Default)]
struct Index(HashMap<String, OrdSet<String>>);

/// The key of the unknown members.
const UNKNOWN: &str = "?";

/// The tags that have an index: redress's own. Other tags are searched by going through all members.
const OWN_TAGS: &str = "redress:";

impl Index {
    fn of<T: Record>(members: &OrdMap<String, Fact<T>>) -> Self {
        let mut index = Self::default();
        members.iter().for_each(|(id, fact)| index.add(id, fact));
        index
    }

    fn add<T: Record>(&mut self, id: &str, fact: &Fact<T>) {
        for key in keys(fact) {
            self.0.entry(key).or_default().insert(id.to_owned());
        }
    }

    fn remove<T: Record>(&mut self, id: &str, fact: &Fact<T>) {
        for key in keys(fact) {
            let emptied = self.0.get_mut(&key).is_some_and(|ids| {
                ids.remove(id);
                ids.is_empty()
            });
            if emptied {
                self.0.remove(&key);
            }
        }
    }
}

/// Returns the keys under which the index has a member.
fn keys<T: Record>(fact: &Fact<T>) -> Vec<String> {
    match fact {
        Fact::Known(item) => {
            let own = item.tags().into_iter().flatten().filter(|(key, _)| key.starts_with(OWN_TAGS));
            let filters = item.filters().into_iter().map(|(name, value)| format!("{name}={value}"));
            filters
                .chain(
                    own.flat_map(|(key, value)| [format!("tag:{key}={value}"), format!("{TAG_KEY}={key}")]),
                )
                .collect()
        }
        Fact::Unknown(_) => vec![UNKNOWN.to_owned()],
        Fact::Absent | Fact::NotRead => Vec::new(),
    }
}

/// Returns whether the index can answer a filter.
fn has_index(name: &str, value: &str) -> bool {
    let key = if name == TAG_KEY { Some(value) } else { name.strip_prefix("tag:") };
    key.is_none_or(|key| key.starts_with(OWN_TAGS))
}

/// Returns whether a selector picks a known member.
fn picks<T: Record>(item: &T, selector: &Selector) -> bool {
    match selector {
        Selector::All | Selector::Id(_) => true,
        Selector::By(name, value) => match name.strip_prefix("tag:") {
            Some(key) => item.tags().and_then(|t| t.get(key)) == Some(value),
            None if name == TAG_KEY => item.tags().is_some_and(|tags| tags.contains_key(value)),
            None => item.filters().contains(&(name.as_str(), value.as_str())),
        },
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { members: OrdMap::new(), index: OnceLock::new(), lent: None }
    }
}

impl<T> Table<T> {
    /// Returns the number of members, absent and unknown ones included.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns the members with their ids, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Fact<T>)> {
        self.members.iter().inspect(|_| looked_at(1))
    }

    /// Returns the ids, in order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.members.keys()
    }

    /// Returns the members, in the order of their ids.
    pub fn values(&self) -> impl Iterator<Item = &Fact<T>> {
        self.iter().map(|(_, fact)| fact)
    }

    /// Returns the member with this id.
    pub fn get(&self, id: &str) -> Option<&Fact<T>> {
        self.members.get(id)
    }

    /// Returns the member with this id, and the id as it is kept.
    pub fn get_key_value(&self, id: &str) -> Option<(&String, &Fact<T>)> {
        self.members.get_key_value(id)
    }

    /// Returns whether there is a member with this id.
    pub fn contains_key(&self, id: &str) -> bool {
        self.members.contains_key(id)
    }

    /// Returns the ids of the members that are not the same in another table. Members that the two share are
    /// not looked at.
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a str>
    where
        T: PartialEq,
    {
        let id = |item| match item {
            DiffItem::Add(id, _) | DiffItem::Remove(id, _) => id,
            DiffItem::Update { new: (id, _), .. } => id,
        };
        let ids: Vec<&str> = self.members.diff(&other.members).map(id).map(String::as_str).collect();
        looked_at(ids.len());
        ids
    }

    /// Removes all members.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<T: Record> Table<T> {
    /// Inserts a member; returns the previous one.
    pub fn insert(&mut self, id: String, fact: Fact<T>) -> Option<Fact<T>> {
        self.settle();
        let before = self.members.insert(id.clone(), fact);
        if let Some(index) = self.index.get_mut() {
            before.iter().for_each(|fact| index.remove(&id, fact));
            self.members.get(&id).into_iter().for_each(|fact| index.add(&id, fact));
        }
        before
    }

    /// Inserts a member if there is none with this id.
    pub fn or_insert_with(&mut self, id: &str, make: impl FnOnce() -> Fact<T>) {
        if !self.members.contains_key(id) {
            self.insert(id.to_owned(), make());
        }
    }

    /// Removes a member and returns it.
    pub fn remove(&mut self, id: &str) -> Option<Fact<T>> {
        self.settle();
        let before = self.members.remove(id);
        if let (Some(index), Some(fact)) = (self.index.get_mut(), &before) {
            index.remove(id, fact);
        }
        before
    }

    /// Returns the member with this id, to be changed in place.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Fact<T>> {
        self.settle();
        if let (Some(index), Some(fact)) = (self.index.get_mut(), self.members.get(id)) {
            index.remove(id, fact);
            self.lent = Some(id.to_owned());
        }
        self.members.get_mut(id)
    }

    /// Changes every known member.
    pub fn change_all(&mut self, mut change: impl FnMut(&mut T)) {
        let ids: Vec<String> = self.members.keys().cloned().collect();
        (self.index, self.lent) = (OnceLock::new(), None);
        for id in &ids {
            if let Some(Fact::Known(item)) = self.members.get_mut(id) {
                change(item);
            }
        }
    }

    /// Keeps the members for which `keep` returns `true`.
    pub fn retain(&mut self, keep: impl Fn(&str, &Fact<T>) -> bool) {
        let gone: Vec<String> =
            self.members.iter().filter(|(id, fact)| !keep(id, fact)).map(|(id, _)| id.clone()).collect();
        gone.iter().for_each(|id| drop(self.remove(id)));
    }

    /// Returns the known members that a selector picks, in the order of their ids, even if that listing was
    /// not read whole.
    pub fn picked(&self, selector: &Selector) -> Vec<(&str, &T)> {
        match selector {
            Selector::By(name, value) if has_index(name, value) => self
                .found(&selector.key())
                .into_iter()
                .filter_map(|(id, fact)| Some((id.as_str(), fact.known()?)))
                .collect(),
            _ => self
                .iter()
                .filter_map(|(id, fact)| Some((id.as_str(), fact.known()?)))
                .filter(|(_, item)| picks(*item, selector))
                .collect(),
        }
    }

    /// Returns the members that the index has under a key, the one that was lent included, in the order of
    /// their ids.
    fn found(&self, key: &str) -> Vec<(&String, &Fact<T>)> {
        let lent = self
            .lent
            .as_deref()
            .and_then(|id| self.members.get_key_value(id))
            .filter(|(_, fact)| keys(fact).iter().any(|k| k == key));
        let ids = self.index().0.get(key).into_iter().flatten();
        let mut found: Vec<_> = ids.filter_map(|id| self.members.get_key_value(id)).chain(lent).collect();
        looked_at(found.len());
        if lent.is_some() {
            found.sort_by_key(|(id, _)| *id);
        }
        found
    }

    /// Returns the unknown members, in the order of their ids.
    pub fn unknown(&self) -> Vec<(&String, &Fact<T>)> {
        self.found(UNKNOWN)
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.members))
    }

    /// Enters the lent member into the index, as it is now.
    fn settle(&mut self) {
        if let (Some(id), Some(index)) = (self.lent.take(), self.index.get_mut())
            && let Some(fact) = self.members.get(&id)
        {
            index.add(&id, fact);
        }
    }
}

impl<T: Record> Extend<(String, Fact<T>)> for Table<T> {
    fn extend<I: IntoIterator<Item = (String, Fact<T>)>>(&mut self, members: I) {
        members.into_iter().for_each(|(id, fact)| drop(self.insert(id, fact)));
    }
}

impl<T: Record> FromIterator<(String, Fact<T>)> for Table<T> {
    fn from_iter<I: IntoIterator<Item = (String, Fact<T>)>>(members: I) -> Self {
        Self { members: members.into_iter().collect(), ..Self::default() }
    }
}

impl<T: Record> IntoIterator for Table<T> {
    type Item = (String, Fact<T>);
    type IntoIter = imbl::ordmap::ConsumingIter<String, Fact<T>, imbl::shared_ptr::DefaultSharedPtr>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

impl<T: PartialEq> PartialEq for Table<T> {
    fn eq(&self, other: &Self) -> bool {
        self.members.ptr_eq(&other.members) || self.members == other.members
    }
}

impl<T: fmt::Debug> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.members.fmt(f)
    }
}

impl<T: Record> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        looked_at(self.members.len());
        map::serialize(&self.members, serializer)
    }
}

impl<'de, T: Record> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { members: map::deserialize(deserializer)?, ..Self::default() })
    }
}

/// The JSON form of a map that is cheap to copy: that of any other map.
pub(super) mod map {
    use super::{BTreeMap, Deserialize, Deserializer, OrdMap, Serialize, Serializer};

    pub fn serialize<V: Serialize, S: Serializer>(
        map: &OrdMap<String, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map)
    }

    pub fn deserialize<'de, V: Deserialize<'de> + Clone, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<OrdMap<String, V>, D::Error> {
        BTreeMap::deserialize(deserializer).map(|map: BTreeMap<String, V>| map.into_iter().collect())
    }
}

/// Counts the members that are looked at: a test checks that work grows linearly with the account.
#[cfg(not(test))]
fn looked_at(_: usize) {}

#[cfg(test)]
thread_local! {
    static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
fn looked_at(members: usize) {
    LOOKED_AT.with(|count| count.set(count.get() + members));
}

/// Returns the number of members that this thread has looked at until now.
#[cfg(test)]
pub(crate) fn looked() -> usize {
    LOOKED_AT.with(std::cell::Cell::get)
}
