//! The rotations of access keys that are under way, as an account shows them: which key has replaced which,
//! and what each of them waits for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    View, diff,
    style::{Page, Tone, plain, span},
};
use crate::{
    checks::{
        self,
        key_rotation::{NotReplaced, REPLACED, RETIRED, replacement, retired_on, successor, unmark},
    },
    finding::Verdict,
    inventory::{AccessKey, FamilyKind, Inventory, Selector},
};

/// The document `redress.rotations/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotations {
    /// The format's name: `redress.rotations/1`.
    pub format: String,
    /// The account.
    pub account: String,
    /// The time of the reading.
    pub read_at: Timestamp,
    /// The rotations, by user.
    pub rotations: Vec<Rotation>,
    /// The reasons for which there may be more of them.
    pub unknown: Vec<String>,
}

/// A rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The user.
    pub user: String,
    /// The key that was replaced.
    pub old_key: String,
    /// The key that came in its place.
    pub new_key: String,
    /// The stage that it has reached.
    pub stage: Stage,
    /// The condition that it waits for, or the evidence of the finding.
    pub detail: String,
}

/// The stage of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The old key is active, and was used or replaced not long ago.
    Waiting,
    /// The old key is active, and the new one cannot take its place: a person has to decide.
    Stalled,
    /// The old key is active and can be deactivated.
    Free,
    /// The old key is inactive and kept for a while.
    Retired,
    /// The old key is inactive and can be deleted.
    Over,
    /// It is not known how far it is.
    Unknown,
}

impl Stage {
    /// Returns the word for people.
    fn word(self) -> &'static str {
        match self {
            Stage::Waiting => "waiting",
            Stage::Stalled => "stalled",
            Stage::Free => "free",
            Stage::Retired => "retired",
            Stage::Over => "over",
            Stage::Unknown => "unknown",
        }
    }
}

/// Returns the rotations in an account; `parameters` gives a check's `with`.
pub fn rotations(inventory: &Inventory, parameters: impl Fn(&str) -> Value) -> Rotations {
    let listing = Selector::by(AccessKey::STATUS, AccessKey::ACTIVE);
    let unread = inventory.access_keys.listed(&listing);
    let missing = inventory.access_keys.items.unknown().into_iter();
    let missing = missing.map(|(id, fact)| format!("{id}: {}", fact.silence().unwrap_or("not read")));
    let mut unknown: Vec<String> =
        unread.silence().map(|why| format!("access keys: {why}")).into_iter().chain(missing).collect();
    let mut all = Vec::new();
    for (id, key) in inventory.access_keys.known() {
        match key.tags.known() {
            Some(tags) => all.extend(successor(key, tags).map(|new| {
                let (stage, detail) = stage(inventory, key, new, &parameters);
                let (user, new_key) = (key.user.clone(), new.to_owned());
                Rotation { user, old_key: id.to_owned(), new_key, stage, detail }
            })),
            None => unknown.push(format!(
                "the tags of user {}: {}",
                key.user,
                key.tags.silence().unwrap_or("there is no answer")
            )),
        }
    }
    all.sort_by(|a, b| (&a.user, &a.old_key).cmp(&(&b.user, &b.old_key)));
    unknown.sort();
    unknown.dedup();
    Rotations {
        format: "redress.rotations/1".to_owned(),
        account: inventory.owner.account.clone(),
        read_at: inventory.read_at,
        rotations: all,
        unknown,
    }
}

fn stage(
    inventory: &Inventory,
    key: &AccessKey,
    new: &str,
    parameters: &impl Fn(&str) -> Value,
) -> (Stage, String) {
    let is_retired = key.tags.known().is_some_and(|tags| retired_on(key, tags).is_some());
    let inactive = key.status == AccessKey::INACTIVE;
    if inactive && !is_retired {
        return (Stage::Unknown, "the old key is inactive, and no mark says since when".to_owned());
    }
    if !inactive && let Err(NotReplaced::Stalled(why)) = replacement(inventory, key, new) {
        return (Stage::Stalled, format!("{why}; {}", unmark(key)));
    }
    let (check, early, due) = if inactive {
        (RETIRED, Stage::Retired, Stage::Over)
    } else {
        (REPLACED, Stage::Waiting, Stage::Free)
    };
    let judged = checks::find(check).zip(FamilyKind::AccessKeys.resource(&inventory.owner, "", &key.id));
    match judged.map(|(check, resource)| (check.judge)(inventory, &resource, &parameters(check.id))) {
        Some(Verdict::Violates(evidence)) => (due, diff::evidence(&evidence).join("; ")),
        Some(Verdict::Ok(note)) => (early, note.unwrap_or_default()),
        Some(Verdict::Retained(why) | Verdict::Unknown(why)) => (Stage::Unknown, why),
        None => (Stage::Unknown, "it cannot be judged".to_owned()),
    }
}

/// Renders the rotations.
pub fn text(found: &Rotations, view: &View) -> String {
    let mut page = Page::new(view.style);
    if found.rotations.is_empty() {
        let told =
            if found.unknown.is_empty() { "No rotation is under way." } else { "No rotation is known." };
        page.text(0, &[plain(told)]);
    }
    for one in &found.rotations {
        let tone = match one.stage {
            Stage::Free | Stage::Over => Tone::Good,
            Stage::Waiting | Stage::Retired => Tone::Plain,
            Stage::Stalled | Stage::Unknown => Tone::Warn,
        };
        page.text(
            0,
            &[
                span(Tone::Strong, &one.user),
                plain(format!("  {} -> {}  ", one.old_key, one.new_key)),
                span(tone, one.stage.word()),
            ],
        );
        page.text(2, &[plain(&one.detail)]);
    }
    for why in &found.unknown {
        page.text(0, &[span(Tone::Warn, "not known: "), plain(why)]);
    }
    page.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{Fact, Tags, tag},
        report::{Detail, Style, Typed},
        twin::demo,
    };

    fn demo() -> Inventory {
        demo::inventory("2026-11-22T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn the_demo_account_has_one_that_is_free_and_one_that_is_over() {
        let found = rotations(&demo(), |_| Value::Null);
        let stages: Vec<(&str, Stage)> =
            found.rotations.iter().map(|one| (one.user.as_str(), one.stage)).collect();
        assert_eq!(stages, [("map-mirror", Stage::Over), ("print-shop", Stage::Free)]);
        assert!(found.unknown.is_empty(), "{:?}", found.unknown);
        let later = rotations(&demo(), |_| serde_json::json!({ "days": 60 }));
        assert!(later.rotations.iter().all(|one| matches!(one.stage, Stage::Waiting | Stage::Retired)));
    }

    #[test]
    fn what_could_not_be_read_is_named_and_no_rotation_is_made_up() {
        let mut account = demo();
        let ids: Vec<String> = account.access_keys.known().map(|(id, _)| id.to_owned()).collect();
        for id in &ids {
            account.access_keys.get_mut(id).unwrap().tags = Fact::<Tags>::unknown("AccessDenied");
        }
        let found = rotations(&account, |_| Value::Null);
        assert!(found.rotations.is_empty() && !found.unknown.is_empty());
        let view = View { style: Style::default(), detail: Detail::Short, typed: Typed::default() };
        assert!(text(&found, &view).contains("No rotation is known."));
    }

    #[test]
    fn one_whose_new_key_is_gone_is_stalled_and_names_the_way_on() {
        let mut account = demo();
        let free = rotations(&account, |_| Value::Null).rotations.remove(1);
        account.access_keys.items.insert(free.new_key, Fact::Absent);
        let one = rotations(&account, |_| Value::Null).rotations.remove(1);
        assert_eq!((one.user.as_str(), one.stage), ("print-shop", Stage::Stalled));
        assert!(one.detail.contains(&format!("take the tag redress:replaced-by:{} off", one.old_key)));
    }

    #[test]
    fn a_key_that_somebody_deactivated_by_hand_is_no_stage_that_redress_knows() {
        let mut account = demo();
        let retired = account
            .access_keys
            .known()
            .find(|(_, key)| key.user == "map-mirror" && key.status == "Inactive")
            .map(|(id, _)| id.to_owned())
            .unwrap();
        if let Fact::Known(tags) = &mut account.access_keys.get_mut(&retired).unwrap().tags {
            tags.remove(&format!("{}{retired}", tag::KEY_RETIRED));
        }
        let found = rotations(&account, |_| Value::Null);
        let one = found.rotations.iter().find(|one| one.old_key == retired).unwrap();
        assert_eq!(one.stage, Stage::Unknown);
    }
}
