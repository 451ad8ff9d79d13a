//! The tags that a call about disks sets, compared with the account: redress finds its own resources by them,
//! so a wrong tag leads a later recovery, undo or deletion astray. Pure.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::{cards, disks::Disks};
use crate::{
    actions::support::TAG_LIMIT,
    calls::Call,
    inventory::{Tags, tag},
    resource::Kind,
};

/// Keys that everything that a run makes or marks may carry.
const ALWAYS: [&str; 3] = [tag::RUN, tag::STEP, tag::TOKEN];

/// The tags that a call sets or removes.
pub(super) struct Labels<'c> {
    tags: BTreeMap<&'c str, &'c Value>,
}

impl<'c> Labels<'c> {
    /// Reads the tags that a call sets on the resource that it makes.
    ///
    /// # Errors
    /// They are not those of one thing of this type.
    pub(super) fn of(call: &'c Call, kind: &str) -> Result<Self, String> {
        match call.input.get("TagSpecifications").and_then(Value::as_array).map(Vec::as_slice) {
            Some([one]) if one.get("ResourceType").is_some_and(|t| t == kind) => {
                Self::listed(&one["Tags"])?.with(&ALWAYS)
            }
            _ => Err(format!("does not tag the {kind} that it makes")),
        }
    }

    /// Reads the tags of a list.
    ///
    /// # Errors
    /// One has no key, or occurs twice.
    pub(super) fn listed(list: &'c Value) -> Result<Self, String> {
        let mut tags = BTreeMap::new();
        for one in list.as_array().into_iter().flatten() {
            let Some(key) = one.get("Key").and_then(Value::as_str) else {
                return Err("has a tag without a key".to_owned());
            };
            if one
                .as_object()
                .is_some_and(|map| map.keys().any(|member| member != "Key" && member != "Value"))
            {
                return Err(format!("gives more of the tag {key} than its key and value"));
            }
            if tags.insert(key, one.get("Value").unwrap_or(&Value::Null)).is_some() {
                return Err(format!("has the tag {key} twice"));
            }
        }
        Ok(Self { tags })
    }

    /// Returns the value of a tag.
    pub(super) fn value(&self, key: &str) -> Option<&'c Value> {
        self.tags.get(key).copied()
    }

    /// Returns the tags, if none of these is left out: a later recovery, undo or deletion goes by each of
    /// them.
    ///
    /// # Errors
    /// The first that is left out.
    pub(super) fn with(self, keys: &[&str]) -> Result<Self, String> {
        match keys.iter().find(|key| !self.has(key)) {
            Some(key) => Err(format!("leaves out the tag {key}, by which redress goes later")),
            None => Ok(self),
        }
    }

    /// Checks that tags are removed by their keys alone, and that none but these and the common ones are.
    ///
    /// # Errors
    /// The first other one.
    pub(super) fn only(&self, allowed: &[&str]) -> Result<(), String> {
        if let Some((key, value)) = self.tags.iter().find(|(_, value)| !value.is_null()) {
            return Err(format!("takes the tag {key} off only where it is {value}"));
        }
        match self.tags.keys().find(|key| !ALWAYS.contains(key) && !allowed.contains(key)) {
            Some(key) => Err(format!("is about the tag {key}, which redress does not set or take off there")),
            None => Ok(()),
        }
    }

    /// Checks every tag: those of redress against the facts about `of`, the disk that they are about; the
    /// others must be `carried` over from it.
    ///
    /// # Errors
    /// A tag that the account contradicts.
    pub(super) fn hold(
        &self,
        disks: &Disks<'_>,
        of: Option<&str>,
        carried: &Tags,
        allowed: &[&str],
        claims: &mut Vec<String>,
    ) -> Result<(), String> {
        self.hold_some(disks, of, carried, allowed, claims)?;
        if let Some(key) = carried.keys().find(|key| !self.tags.contains_key(key.as_str())) {
            claims.push(format!(
                "the new resource does not carry the tag {key} of the disk that it is made from"
            ));
        }
        Ok(())
    }

    /// Checks every tag as [`Labels::hold`] does, of a resource that need not carry all of `carried`:
    /// snapshots of released versions carry none of it.
    ///
    /// # Errors
    /// A tag that the account contradicts.
    pub(super) fn hold_some(
        &self,
        disks: &Disks<'_>,
        of: Option<&str>,
        carried: &Tags,
        allowed: &[&str],
        claims: &mut Vec<String>,
    ) -> Result<(), String> {
        for (key, value) in &self.tags {
            if carried.get(*key).is_some_and(|says| *value == says.as_str()) {
                continue;
            }
            if key.starts_with("redress:") {
                if !ALWAYS.contains(key) && !allowed.contains(key) {
                    return Err(format!("tags it {key}, which redress does not do there"));
                }
                self.one(disks, of, key, value, claims)?;
            } else {
                let says =
                    carried.get(*key).map_or_else(|| "no such tag".to_owned(), |says| format!("{says:?}"));
                claims.push(format!(
                    "the new resource is tagged {key}={}; the disk that it is made from has {says}",
                    plain(value)
                ));
            }
        }
        Ok(())
    }

    /// Checks one tag of redress's own.
    fn one(
        &self,
        disks: &Disks<'_>,
        of: Option<&str>,
        key: &str,
        value: &Value,
        claims: &mut Vec<String>,
    ) -> Result<(), String> {
        let said = plain(value);
        let otherwise = |is: &str| Err(format!("sets {key}={said}; the account shows {is}"));
        let id = disks.change.resource.id();
        match key {
            tag::RUN if is_reference(value, "$run") || said == disks.of.run || said == disks.of.by => Ok(()),
            tag::RUN => Err(format!("sets {key}={said}, which is another run")),
            tag::STEP => step(disks, value),
            tag::TOKEN
                if is_reference(value, "$token")
                    || (said.len() == 64 && said.bytes().all(|b| b.is_ascii_hexdigit())) =>
            {
                Ok(())
            }
            tag::SOURCE if of.is_some_and(|of| said == of) => Ok(()),
            tag::SOURCE => otherwise(of.unwrap_or("nothing")),
            tag::INSTANCE if disks.change.resource.kind() == Kind::Instance && said == id => Ok(()),
            tag::INSTANCE => otherwise(id),
            tag::DEVICE => device(disks, of, &said, claims),
            tag::DELETE_ON_TERMINATION => goes(disks, of, &said, claims),
            tag::EBS_CARD => cards::tagged(disks, of, &said),
            tag::EXPIRES => expires(disks, value, claims),
            tag::REPLACED_BY => replaced_by(disks, of, value),
            tag::STATE => Ok(()),
            _ => otherwise("nothing of it"),
        }
    }

    /// Checks the tags of a backup: beside those of its set they are the instance's own, its name, and the
    /// one that the playbook names.
    ///
    /// # Errors
    /// A tag that the account contradicts.
    pub(super) fn hold_backup(&self, disks: &Disks<'_>, claims: &mut Vec<String>) -> Result<(), String> {
        let own = disks.instance.map(|i| crate::actions::support::carried(&i.tags)).unwrap_or_default();
        let with = |name: &str| disks.change.uses.iter().find_map(|one| one.with.get(name));
        let marked =
            with("tag").and_then(Value::as_str).and_then(|tag| tag.split_once('=')).unwrap_or_default();
        for (key, value) in &self.tags {
            let said = plain(value);
            match *key {
                tag::SET if is_reference(value, "$token") || said.len() == 64 => {}
                tag::KEEP_LAST
                    if with("keep_last").map(ToString::to_string).is_some_and(|keep| keep == said) => {}
                tag::SET | tag::KEEP_LAST => {
                    return Err(format!("sets {key}={said}, which is not what the change asks for"));
                }
                key if own.get(key).is_some_and(|is| *is == said) => {}
                tag::RUN | tag::STEP | tag::TOKEN | tag::INSTANCE | tag::EXPIRES => {
                    self.one(disks, None, key, value, claims)?
                }
                key if key.starts_with("redress:") => {
                    return Err(format!("tags it {key}, which redress does not do there"));
                }
                "Name" if disks.instance.is_some_and(|i| said == format!("backup of {}", i.id)) => {}
                key if (key, said.as_str()) == marked => {}
                key => claims.push(format!("the backup is tagged {key}={said}, and the instance is not")),
            }
        }
        // Beyond AWS's limit some of the instance's own are left out.
        let whole = |key: &&str| self.has(key) || key.is_empty() || self.tags.len() >= TAG_LIMIT;
        if let Some(key) = own.keys().map(String::as_str).chain(["Name", marked.0]).find(|key| !whole(key)) {
            claims.push(format!("the backup does not carry the tag {key}"));
        }
        Ok(())
    }

    /// Returns whether these are the tags, and no other.
    pub(super) fn are(&self, keys: &[&str]) -> bool {
        self.tags.len() == keys.len() && keys.iter().all(|key| self.has(key))
    }

    /// Returns whether there is a tag with this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.tags.contains_key(key)
    }
}

/// Returns the value of a tag that a call sets on the resource that it makes.
pub(super) fn tag_in<'c>(call: &'c Call, key: &str) -> Option<&'c str> {
    let specifications = call.input.get("TagSpecifications")?.as_array()?;
    let mut tags = specifications.iter().filter_map(|s| s.get("Tags")?.as_array()).flatten();
    tags.find(|tag| tag.get("Key").is_some_and(|k| k == key))?.get("Value")?.as_str()
}

/// Checks that the step is one of the change; those of an undo are known by their names.
fn step(disks: &Disks<'_>, value: &Value) -> Result<(), String> {
    let said = plain(value);
    let undoes = disks.change.restore.is_some() || disks.of.undoes;
    let named = said.strip_prefix(disks.change.id.as_str()).and_then(|rest| rest.strip_prefix('/'));
    match named {
        _ if is_reference(value, "$step") => Ok(()),
        Some(name) if name.starts_with("undo-") == undoes || name.starts_with("rollback-") => Ok(()),
        _ => Err(format!("sets {}={said}, which is no step of {}", tag::STEP, disks.change.id)),
    }
}

fn device(disks: &Disks<'_>, of: Option<&str>, said: &str, claims: &mut Vec<String>) -> Result<(), String> {
    let places = of.map(|of| disks.devices(of)).unwrap_or_default();
    match of {
        Some(of) if places.is_empty() => claims.push(format!("{of} belongs at {said}")),
        _ if places.contains(said) => {}
        _ => {
            return Err(format!(
                "sets {}={said}; the account shows {}",
                tag::DEVICE,
                places.into_iter().collect::<Vec<_>>().join(", ")
            ));
        }
    }
    Ok(())
}

fn goes(disks: &Disks<'_>, of: Option<&str>, said: &str, claims: &mut Vec<String>) -> Result<(), String> {
    let place = of.and_then(|of| disks.devices(of).into_iter().next()).unwrap_or_default();
    match (disks.goes_with(place), said) {
        (Some(true), "true") | (Some(false), "false") => Ok(()),
        (Some(is), _) => Err(format!("sets {}={said}; the account shows {is}", tag::DELETE_ON_TERMINATION)),
        // A disk that is tagged to stay is not deleted with the instance.
        (None, "false") => Ok(()),
        (None, "true") => {
            claims.push(format!("the disk at {place} goes with the instance"));
            Ok(())
        }
        (None, _) => {
            Err(format!("sets {}={said}, which is neither true nor false", tag::DELETE_ON_TERMINATION))
        }
    }
}

/// Checks that resources are kept no shorter than the run has kept others so far. Where there is none yet, a
/// date that has passed becomes a claim.
fn expires(disks: &Disks<'_>, value: &Value, claims: &mut Vec<String>) -> Result<(), String> {
    let said = plain(value);
    if is_reference(value, "$date") {
        return Ok(());
    }
    let Ok(date) = said.parse::<jiff::civil::Date>() else {
        return Err(format!("sets {}={said}, which is no date", tag::EXPIRES));
    };
    match disks.kept_until().and_then(|until| until.parse().ok()) {
        Some(until) if date < until => {
            Err(format!("sets {}={said}; the account shows {until}", tag::EXPIRES))
        }
        Some(_) => Ok(()),
        None => {
            if date < disks.of.now.to_zoned(TimeZone::UTC).date() {
                claims.push(format!("the new resource is kept until {said} only"));
            }
            Ok(())
        }
    }
}

/// Checks that the replacement of a disk is the volume that the run made from it.
fn replaced_by(disks: &Disks<'_>, of: Option<&str>, value: &Value) -> Result<(), String> {
    let source = match value.as_str() {
        Some(id) => disks
            .volume(id)
            .filter(|v| disks.made(&v.tags))
            .and_then(|v| v.tags.get(tag::SOURCE))
            .map(String::as_str),
        None => disks.maker(value).and_then(|call| tag_in(call, tag::SOURCE)),
    };
    match source {
        Some(source) if of == Some(source) => Ok(()),
        _ => Err(format!(
            "sets {}={}, which the run did not make to replace it",
            tag::REPLACED_BY,
            plain(value)
        )),
    }
}

fn is_reference(value: &Value, kind: &str) -> bool {
    value.as_object().is_some_and(|map| map.len() == 1 && map.contains_key(kind))
}

/// Writes a value as it is shown to people.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
