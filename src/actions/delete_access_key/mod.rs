//! `delete-access-key`: a key that was replaced and deactivated is deleted, for good.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    credentials, make,
    rotate_access_key::READS,
    signing_in::SHOWS_WITHIN,
    support,
};
use crate::{
    calls::{Act, Call, Expect, Recognise, Risk, Step, Test, WayBack},
    checks::{
        access_keys::DAYS,
        key_rotation::{KEPT_FOR, RETIRED, days_after, retired_on},
    },
    inventory::{AccessKey, Fact, FamilyKind, Want, tag},
    resource::{Kind, ResourceId},
    services::{Operation, Sent, Spec, access_key, user::UserName, user_tag::UntagUser},
};

/// The action `delete-access-key`.
pub struct DeleteAccessKey;

/// The parameters of the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The days for which the key must have been inactive.
    #[serde(deserialize_with = "support::days")]
    pub days: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { days: KEPT_FOR }
    }
}

const PARAMETERS: &[Parameter] = &[Parameter {
    name: DAYS,
    kind: "number of days, 1 to 3650",
    default: "30",
    doc: "The days for which the key must have been inactive. `[check]` sets it for check and action.",
}];

impl Action for DeleteAccessKey {
    fn name(&self) -> &'static str {
        "delete-access-key"
    }
    fn title(&self) -> &'static str {
        "Deletes an access key that was replaced and has been inactive for a while"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[RETIRED]
    }
    fn target(&self) -> Kind {
        Kind::AccessKey
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        READS
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        &[(RETIRED, DAYS)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let mut wants = vec![Want::id("", FamilyKind::AccessKeys, target.id())];
        if let Fact::Known(key) = context.inventory.access_keys.get(target.id()) {
            wants.push(Want::id("", FamilyKind::Users, &key.user));
        }
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<access_key::DeleteAccessKey as Operation>::SPEC, <UntagUser as Operation>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const {
            let status = Concern::these(&["status"]);
            &[(FamilyKind::AccessKeys, status), (FamilyKind::Users, Concern::THERE)]
        }
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (words, key, user) = credentials::subject(context, target)?;
        due(context, &words, key, params.days)?;
        let manager = key.tags.known().and_then(support::managed_by);
        let owner = support::ownership(&format!("user {user}"), manager, context.options)?;
        Ok(Proposal {
            summary: format!("delete {words} of user {user}, which was replaced and is inactive"),
            steps: vec![delete(context.region, &user, key), unmark(context.region, &user, key)],
            risk: Risk::Irreversible,
            impact: vec![
                format!("{words} cannot be activated again: AWS has no way to restore a key"),
                format!("user {user} can get another key then"),
            ],
            before: json!({ "user": key.user, "status": key.status }),
            after: Value::Null,
            proof: vec![Proof {
                check: RETIRED.to_owned(),
                resource: target.clone(),
                with: json!({ DAYS: params.days }),
            }],
            not_restored: Vec::new(),
            guards: vec![owner],
            touches: vec![
                Want::id("", FamilyKind::AccessKeys, target.id()),
                Want::id("", FamilyKind::Users, &key.user),
            ],
            prerequisites: Vec::new(),
        })
    }
}

/// Checks that the key is inactive, and was deactivated in a rotation so many days ago.
fn due(context: &Context<'_>, words: &str, key: &AccessKey, days: u32) -> Result<(), Refusal> {
    if key.status != AccessKey::INACTIVE {
        return Err(Refusal::Refused(format!(
            "the status of {words} is {:?}, and only an inactive key is deleted",
            key.status
        )));
    }
    let tags = support::need(key.tags.as_ref(), &format!("the tags of user {}", key.user))?;
    match retired_on(key, tags) {
        Some(on) if days_after(on, days) <= context.inventory.read_at => Ok(()),
        Some(_) => Err(Refusal::Nothing(format!("{words} has not been inactive for {days} days"))),
        None => Err(Refusal::Refused(format!(
            "no mark on user {} says that {words} was deactivated in a rotation",
            key.user
        ))),
    }
}

fn delete(region: &str, user: &UserName, key: &AccessKey) -> Step {
    let call = access_key::DeleteAccessKey::<Sent> { user_name: user.clone(), access_key_id: key.id.clone() };
    // The path has the name of the user, by whom an export asks for the key.
    let at = format!("/user={user}/status");
    let gone = Expect::new("", FamilyKind::AccessKeys, key.id.as_str(), &at, Test::Gone);
    let act = make::act_until(Call::of(region, &call), vec![gone], SHOWS_WITHIN, "until the key is gone");
    let inactive = make::is("", FamilyKind::AccessKeys, key.id.as_str(), &at, AccessKey::INACTIVE);
    make::step(
        "delete",
        format!("delete access key {} of user {user}", key.id),
        act.only_if(vec![inactive.meaning("somebody has activated the key since the plan was made")]),
        WayBack::Cannot("AWS cannot restore an access key".to_owned()),
    )
}

/// Builds the step that takes the marks of the rotation off the user.
fn unmark(region: &str, user: &UserName, key: &AccessKey) -> Step {
    let tags = key.tags.known();
    let marks = [tag::KEY_REPLACED, tag::KEY_RETIRED].map(|mark| format!("{mark}{}", key.id));
    let there: Vec<String> =
        marks.into_iter().filter(|mark| tags.is_some_and(|tags| tags.contains_key(mark))).collect();
    let gone =
        |mark: &String| make::is("", FamilyKind::Users, user.as_str(), &format!("/tags/{mark}"), Value::Null);
    let act = Act::new(
        Call::of(region, &UntagUser { user_name: user.clone(), tag_keys: there.clone() }),
        None,
        Recognise::Looks { expect: there.iter().map(gone).collect(), outputs: BTreeMap::new() },
    );
    make::step(
        "unmark",
        format!("take the marks of {} off user {user}", key.id),
        act,
        WayBack::Kept("the marks are about a key that does not exist any more".to_owned()),
    )
}

#[cfg(test)]
mod tests;
