//! Looking for the effect of a call with an unknown outcome: by the token in its tags, or by the state of the
//! account. Reads only.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Engine, ledger::SharedJournal, named::Named};
use crate::{
    calls::{Act, Bindings, Outputs, Recognise, Shape, Standing, standing_of},
    inventory::{Fact, Reason, Want, tag},
    journal::Story,
};

/// The result of looking for an effect.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Look {
    /// The call took effect, with these outputs.
    Found(Outputs),
    /// There is no visible effect.
    Absent,
    /// It is not known.
    Unknown(Reason),
    /// There is an effect that may be somebody else's; waiting makes that no clearer.
    Others(String),
}

impl Engine<'_> {
    /// Looks once for the effect of an act.
    pub(super) async fn effect(&self, named: Named<'_>, journal: &SharedJournal<'_>) -> Look {
        let outputs = journal.look(Story::outputs);
        let intended =
            journal.look(|story| story.changes.get(named.change)?.step(named.name).map(|step| step.at));
        self.look(named.act, &self.bindings(named, journal, &outputs), intended).await
    }

    async fn look(&self, act: &Act, bindings: &Bindings<'_>, intended: Option<Timestamp>) -> Look {
        match &act.recognise {
            Recognise::Tagged { region, family, output, shape } => {
                let want = Want::by(region, *family, &format!("tag:{}", tag::TOKEN), bindings.token());
                self.listed(want).await.map_or_else(|unseen| unseen, |found| of_shape(found, output, shape))
            }
            Recognise::Beside { region, family, filter, value, others, output, made_at } => {
                let want = Want::by(region, *family, filter, value.clone());
                let found = match self.listed(want).await {
                    Ok(found) => found,
                    Err(unseen) => return unseen,
                };
                match beside(&found, others, made_at, intended) {
                    Ok(None) => Look::Absent,
                    Ok(Some(one)) => Look::Found(Outputs::from([(output.clone(), json!(one))])),
                    Err(why) => Look::Others(why),
                }
            }
            Recognise::Looks { expect, outputs } => {
                let resolved = expect.iter().map(|e| e.resolve(bindings)).collect::<Result<Vec<_>, _>>();
                let outputs = outputs
                    .iter()
                    .map(|(k, v)| Ok((k.clone(), bindings.resolve(v)?)))
                    .collect::<Result<Outputs, _>>();
                let (expect, outputs) = match (resolved, outputs) {
                    (Ok(expect), Ok(outputs)) => (expect, outputs),
                    (Err(missing), _) | (_, Err(missing)) => {
                        return Look::Unknown(missing.to_string().into());
                    }
                };
                let inventory = self.account.read(&expect.iter().flat_map(|e| e.scope()).collect()).await;
                match standing_of(&expect, &inventory) {
                    Standing::Holds => Look::Found(outputs),
                    Standing::NotYet(_) | Standing::Never(_) => Look::Absent,
                    Standing::Unknown(reason) => Look::Unknown(reason),
                }
            }
        }
    }

    /// Reads a listing.
    ///
    /// # Errors
    /// The result of a look that shows nothing.
    async fn listed(&self, want: Want) -> Result<Vec<(String, Value)>, Look> {
        let inventory = self.account.read(&[want.clone()].into()).await;
        match inventory.select_json(&want) {
            Fact::Known(found) => Ok(found),
            Fact::Absent => Err(Look::Absent),
            silent => Err(Look::Unknown(Reason::new(
                silent.cause().unwrap_or_default(),
                silent.silence().unwrap_or_default(),
            ))),
        }
    }
}

/// The longest time between the record of an intent and the creation by its call, in either direction, since
/// the clock of AWS is another one. Anything that was made at another time may be somebody else's.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(30);

/// Returns the one resource of a listing that was not there before.
///
/// # Errors
/// The reason for which it is not known whether the call has made it.
fn beside<'f>(
    found: &'f [(String, Value)],
    others: &[String],
    made_at: &str,
    intended: Option<Timestamp>,
) -> Result<Option<&'f str>, String> {
    let new: Vec<_> = found.iter().filter(|(id, _)| !others.contains(id)).collect();
    let [(id, thing)] = new.as_slice() else {
        let ids: Vec<&str> = new.iter().map(|(id, _)| id.as_str()).collect();
        return if ids.is_empty() { Ok(None) } else { Err(format!("several are new: {}", ids.join(", "))) };
    };
    let made = thing.pointer(made_at).and_then(Value::as_str).and_then(|time| time.parse().ok());
    let (Some(made), Some(intended)): (Option<Timestamp>, _) = (made, intended) else {
        return Err(format!("{id} is new, and it is unknown when it was made"));
    };
    if made.duration_since(intended).abs() <= AT_ONCE {
        return Ok(Some(id));
    }
    Err(format!(
        "{id} was made at {made:.0}, and the call was recorded at {intended:.0}: somebody else may have made \
         it. Delete it if nobody has"
    ))
}

/// Builds the output from the resources found by tag.
fn of_shape(found: Vec<(String, Value)>, output: &str, shape: &Shape) -> Look {
    let value = match shape {
        Shape::Id => found.first().map(|(id, _)| json!(id)),
        Shape::Ids(wanted) => {
            (found.len() >= *wanted).then(|| found.iter().map(|(id, _)| json!(id)).collect())
        }
        Shape::IdsBy(member, wanted) => {
            let by: Map<String, Value> = found
                .iter()
                .filter_map(|(id, thing)| Some((thing.get(member)?.as_str()?.to_owned(), json!(id))))
                .collect();
            (by.len() >= *wanted).then_some(Value::Object(by))
        }
    };
    // A part of the resources that one call creates: the rest may not show yet, or somebody deleted it.
    // Another call would create them twice.
    if value.is_none() && !found.is_empty() {
        let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
        return Look::Unknown(format!("only a part of what it makes is there: {}", ids.join(", ")).into());
    }
    value.map_or(Look::Absent, |value| Look::Found(Outputs::from([(output.to_owned(), value)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(keys: &[(&str, &str)]) -> Vec<(String, Value)> {
        let key = |(id, time): &(&str, &str)| ((*id).to_owned(), json!({ "created": { "known": time } }));
        keys.iter().map(key).collect()
    }

    #[test]
    fn only_what_was_made_when_the_call_was_made_is_its_own() {
        let (old, at) = (("OLD", "2025-01-01T00:00:00Z"), Some("2026-12-01T10:00:00Z".parse().unwrap()));
        let others = ["OLD".to_owned()];
        let new = |keys: &[(&str, &str)], at| {
            beside(&found(keys), &others, "/created/known", at).map(|one| one.map(str::to_owned))
        };
        assert_eq!(new(&[old], at), Ok(None));
        for time in ["2026-12-01T09:59:59Z", "2026-12-01T10:00:02Z"] {
            assert_eq!(new(&[old, ("NEW", time)], at), Ok(Some("NEW".to_owned())));
        }
        for time in ["2026-12-01T09:58:00Z", "2026-12-01T10:01:02Z"] {
            let why = new(&[old, ("THEIRS", time)], at).unwrap_err();
            assert!(why.contains("THEIRS") && why.contains("somebody else may have made it"), "{why}");
        }
        assert!(new(&[("NEW", "2026-12-01T10:00:02Z")], None).unwrap_err().contains("unknown when"));
        assert!(new(&[("NEW", "")], at).unwrap_err().contains("unknown when"));
        let two = [("A", "2026-12-01T10:00:00Z"), ("B", "2026-12-01T10:00:00Z")];
        assert!(new(&two, at).unwrap_err().contains("several are new"));
    }
}
