//! Tags: those that a create call carries, and `CreateTags` and `DeleteTags` on anything of EC2's that the
//! twin has.

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, FamilyKind, ForFamily, Inventory, Stored, Tags},
    services::tag::{CreateTags, DeleteTags, Tag, TagSpecification},
    twin::{
        Twin,
        errors::{must, refuse, unknown},
    },
};

/// Collects the tags for a resource type.
pub(super) fn specified(specifications: &[TagSpecification], kind: &str) -> Result<Tags, CallError> {
    let mut tags = Tags::new();
    for specification in specifications {
        if specification.resource_type != kind {
            let message = format!(
                "{:?} is not a valid taggable resource type for this operation",
                specification.resource_type
            );
            return Err(refuse("InvalidParameterValue", message));
        }
        for (key, value) in checked(&specification.tags, "InvalidParameterValue")? {
            if tags.insert(key.clone(), value).is_some() {
                return Err(refuse("InvalidParameterValue", format!("Duplicate tag key {key:?} specified")));
            }
        }
    }
    within_limit(&tags)?;
    Ok(tags)
}

/// Collects the tags of a list, each checked
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>).
pub(super) fn checked(list: &[Tag], code: &str) -> Result<Tags, CallError> {
    let mut tags = Tags::new();
    for tag in list {
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(refuse(
                code,
                format!("Tag keys starting with 'aws:' are reserved for internal use: {:?}", tag.key),
            ));
        }
        if tag.key.is_empty() || tag.key.chars().count() > 128 || value_of(tag).chars().count() > 256 {
            return Err(refuse(
                code,
                format!("a tag has a key of 1 to 128 and a value of up to 256 characters: {:?}", tag.key),
            ));
        }
        if tags.insert(tag.key.clone(), value_of(tag).to_owned()).is_some() {
            return Err(refuse(code, format!("Duplicate tag key {:?} specified", tag.key)));
        }
    }
    Ok(tags)
}

fn value_of(tag: &Tag) -> &str {
    tag.value.as_deref().unwrap_or_default()
}

/// Checks that there are at most 50 tags on a resource; those of AWS do not count.
pub(super) fn within_limit(tags: &Tags) -> Result<(), CallError> {
    if tags.keys().filter(|k| !k.starts_with("aws:")).count() > 50 {
        return Err(refuse(
            "TagLimitExceeded",
            "The maximum number of tags (50) on the resource has been reached",
        ));
    }
    Ok(())
}

impl OnTwin for CreateTags {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let new = checked(&self.tags, "InvalidParameterValue")?;
        let mut ready = Vec::new();
        for id in &self.resources {
            let mut tags = tags_of(t, region, id)?;
            tags.extend(new.clone());
            within_limit(&tags)?;
            ready.push((id, tags));
        }
        for (id, tags) in ready {
            set_tags(t, region, id, tags);
        }
        done()
    }
}

impl OnTwin for DeleteTags {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        if let Some(tag) = self.tags.iter().find(|tag| tag.key.to_ascii_lowercase().starts_with("aws:")) {
            return Err(refuse(
                "InvalidParameterValue",
                format!("Tag keys starting with 'aws:' are reserved for internal use: {:?}", tag.key),
            ));
        }
        let goes = |key: &str, value: &str| match self.tags.is_empty() {
            true => !key.starts_with("aws:"),
            false => {
                self.tags.iter().any(|tag| tag.key == key && tag.value.as_deref().is_none_or(|v| v == value))
            }
        };
        let mut ready = Vec::new();
        for id in &self.resources {
            let mut tags = tags_of(t, region, id)?;
            tags.retain(|key, value| !goes(key, value));
            ready.push((id, tags));
        }
        for (id, tags) in ready {
            set_tags(t, region, id, tags);
        }
        done()
    }
}

/// Returns the kind of an EC2 id.
fn kind_of(id: &str) -> Result<FamilyKind, CallError> {
    FamilyKind::of_id(id).ok_or_else(|| unknown(id, "the twin has no resources of this kind"))
}

fn tags_of(t: &Twin, region: &str, id: &str) -> Result<Tags, CallError> {
    t.region(region)?;
    kind_of(id)?.with(TagsOf { truth: &t.truth, region, id })
}

struct TagsOf<'a> {
    truth: &'a Inventory,
    region: &'a str,
    id: &'a str,
}

impl ForFamily for TagsOf<'_> {
    type Out = Result<Tags, CallError>;
    fn of<T: Stored>(self) -> Self::Out {
        let id = self.id;
        let found = T::family(self.truth, self.region).map_or(Fact::NotRead, |family| family.get(id));
        must(found, id, || refuse(T::ABOUT.not_found, format!("The ID '{id}' does not exist")))
            .map(|item| item.tags().cloned().unwrap_or_default())
    }
}

fn set_tags(t: &mut Twin, region: &str, id: &str, tags: Tags) {
    if let Ok(kind) = kind_of(id) {
        kind.with(SetTags { truth: &mut t.truth, region, id, tags });
    }
}

struct SetTags<'a> {
    truth: &'a mut Inventory,
    region: &'a str,
    id: &'a str,
    tags: Tags,
}

impl ForFamily for SetTags<'_> {
    type Out = ();
    fn of<T: Stored>(self) {
        let item = T::family_mut(self.truth, self.region).get_mut(self.id);
        if let Some(tags) = item.and_then(T::tags_mut) {
            *tags = self.tags;
        }
    }
}
