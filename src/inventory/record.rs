//! A kind of record that a family holds, and a choice of records.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Tags, about::About};

/// A choice of members of a family.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selector {
    /// All.
    All,
    /// The member with this id.
    Id(String),
    /// The members that a filter of AWS's describe calls picks: name (`group-id`, `tag:redress:run`) and
    /// value.
    By(String, String),
}

impl Selector {
    /// Returns the filter `name=value`.
    pub fn by(name: &str, value: impl Into<String>) -> Self {
        Selector::By(name.to_owned(), value.into())
    }
    /// Returns the key under which a family records that this listing was read.
    pub fn key(&self) -> String {
        match self {
            Selector::All => "*".to_owned(),
            Selector::Id(id) => id.clone(),
            Selector::By(name, value) => format!("{name}={value}"),
        }
    }
    /// Returns the selector of a listing that was read under this key.
    pub(super) fn of_key(key: &str) -> Self {
        // A tag's name may hold '=' only in its value part here: names of redress's own tags do not.
        match key.split_once('=') {
            Some((name, value)) => Selector::by(name, value),
            None => Selector::All,
        }
    }
}

/// A kind of record that a family holds: how its filters pick and how its members are compared.
pub trait Record: Serialize + DeserializeOwned + Clone + PartialEq {
    /// The description of the kind.
    const ABOUT: About;
    /// Returns the filters of AWS's describe call that pick this record: their names and the values that it
    /// has for them. `tag:K` is answered from `tags`.
    fn filters(&self) -> Vec<(&'static str, &str)> {
        Vec::new()
    }
    /// Returns the tags, where the kind has any.
    fn tags(&self) -> Option<&Tags> {
        None
    }
    /// Returns the tags, to be changed in place, where EC2 or IAM returns them with the resource.
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        None
    }
    /// Copies members from an earlier reading that this one did not ask for.
    fn complete(&mut self, earlier: &Self) {
        let _ = earlier;
    }
    /// Members of the JSON form that change by themselves, and so do not count when two states are compared.
    const VOLATILE: &'static [&'static str] = &[];
    /// `true` if a resource gets a new id when it is restored, so that a footprint leaves the id out.
    const ID_IS_VOLATILE: bool = false;
    /// The lists whose entries AWS gives a new id when they are put back: the member of the record, and the
    /// one of an entry.
    const VOLATILE_IN_LISTS: &'static [(&'static str, &'static str)] = &[];
}

/// The filter of describe calls that picks resources with a tag, whatever its value
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>).
pub const TAG_KEY: &str = "tag-key";
