//! Looking for the effect of a call with an unknown outcome: by the token in its tags, or by the state of the
//! account. Reads only.

use serde_json::{Map, Value, json};

use super::Engine;
use crate::{
    calls::{Act, Bindings, Outputs, Recognise, Shape, Standing, standing_of},
    inventory::{Fact, Reason, Want, tag},
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
}

impl Engine<'_> {
    /// Looks once for the effect of an act.
    pub(super) async fn look(&self, act: &Act, bindings: &Bindings<'_>) -> Look {
        match &act.recognise {
            Recognise::Tagged { region, family, output, shape } => {
                let want = Want::by(region, *family, &format!("tag:{}", tag::TOKEN), bindings.token());
                self.listed(want).await.map_or_else(|unseen| unseen, |found| of_shape(found, output, shape))
            }
            Recognise::Beside { region, family, filter, value, others, output } => {
                let want = Want::by(region, *family, filter, value.clone());
                self.listed(want).await.map_or_else(|unseen| unseen, |found| beside(&found, others, output))
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

/// Builds the output from the one resource of a listing that was not there before.
fn beside(found: &[(String, Value)], others: &[String], output: &str) -> Look {
    let new: Vec<&str> =
        found.iter().map(|(id, _)| id.as_str()).filter(|id| !others.iter().any(|o| o == id)).collect();
    match new.as_slice() {
        [] => Look::Absent,
        [one] => Look::Found(Outputs::from([(output.to_owned(), json!(one))])),
        several => Look::Unknown(format!("several are new: {}", several.join(", ")).into()),
    }
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
