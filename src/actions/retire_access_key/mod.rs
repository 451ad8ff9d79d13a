//! `retire-access-key`: a key that was replaced is deactivated once nobody has used it for a while.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    credentials::{self, unused_key_off},
    make,
    protected_users::{self, BreakGlass},
    rotate_access_key::READS,
    signing_in::SHOWS_WITHIN,
    support,
};
use crate::{
    calls::{Act, Call, Expect, Recognise, Risk, Step, reference},
    checks::{
        access_keys::{DAYS, last_use},
        key_rotation::{NotReplaced, REPLACED, UNUSED_FOR, free_from, of_user, successor, unmark},
    },
    inventory::{AccessKey, Fact, FamilyKind, Want, tag},
    resource::{Kind, ResourceId},
    services::{
        Operation, Planned, Spec,
        tag::Tag,
        user::{UpdateAccessKey, UserName},
        user_tag::{TagUser, UntagUser},
    },
};

/// The action `retire-access-key`.
pub struct RetireAccessKey;

/// The parameters of the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The days for which nobody may have used the key.
    #[serde(deserialize_with = "support::days")]
    pub days: u32,
    /// Patterns of the names of users for emergencies.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub break_glass_users: Vec<String>,
    /// Tags of users for emergencies.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub break_glass_tags: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            days: UNUSED_FOR,
            break_glass_users: protected_users::usual_users(),
            break_glass_tags: protected_users::usual_tags(),
        }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: DAYS,
        kind: "number of days, 1 to 3650",
        default: "7",
        doc: "The days for which nobody may have used the old key, and for which its replacement must exist. \
              `[check]` sets it for the check and the action.",
    },
    protected_users::USERS,
    protected_users::TAGS,
];

impl Action for RetireAccessKey {
    fn name(&self) -> &'static str {
        "retire-access-key"
    }
    fn title(&self) -> &'static str {
        "Deactivates an access key that was replaced and that nobody uses any more"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[REPLACED]
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
        &[(REPLACED, DAYS)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let mut wants = vec![Want::id("", FamilyKind::AccessKeys, target.id())];
        if let Fact::Known(key) = context.inventory.access_keys.get(target.id()) {
            wants.push(of_user(&key.user));
            wants.extend(protected_users::needs(context, &key.user));
        }
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <UpdateAccessKey as Operation>::SPEC,
                <TagUser as Operation>::SPEC,
                <UntagUser as Operation>::SPEC,
            ]
        }
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
        let new = free(context, &words, key, params.days)?;
        let signs = BreakGlass { users: &params.break_glass_users, tags: &params.break_glass_tags };
        let guards = credentials::guards(context, &words, key, signs)?;
        let status = |status: &str| json!({ "user": key.user, "status": status });
        Ok(Proposal {
            summary: format!("deactivate {words} of user {user}, which {new} has replaced"),
            steps: vec![unused_key_off(context.region, &user, key), mark(context.region, &user, key)],
            risk: Risk::Disruptive,
            impact: vec![
                format!(
                    "whatever still signs with {} is refused from then on: it was {}. AWS can be four hours \
                     late with that",
                    key.id,
                    last_use(key)
                ),
                goes_on(context, new),
            ],
            before: status(AccessKey::ACTIVE),
            after: status(AccessKey::INACTIVE),
            proof: vec![Proof {
                check: REPLACED.to_owned(),
                resource: target.clone(),
                with: json!({ DAYS: params.days }),
            }],
            not_restored: Vec::new(),
            guards,
            touches: vec![
                Want::id("", FamilyKind::AccessKeys, target.id()),
                Want::id("", FamilyKind::Users, &key.user),
            ],
            prerequisites: Vec::new(),
        })
    }
}

/// Checks that the key is active, was replaced by one that is active, and that nobody has used it for so many
/// days. Returns the key that has replaced it.
fn free<'i>(context: &Context<'i>, words: &str, key: &'i AccessKey, days: u32) -> Result<&'i str, Refusal> {
    match key.status.as_str() {
        AccessKey::ACTIVE => {}
        AccessKey::INACTIVE => return Err(Refusal::Nothing(format!("{words} is inactive"))),
        other => return Err(Refusal::Unknown(format!("the status of {words} is {other:?}"))),
    }
    let tags = support::need(key.tags.as_ref(), &format!("the tags of user {}", key.user))?;
    let new = successor(key, tags).ok_or_else(|| {
        Refusal::Nothing(format!("no mark on user {} says that {words} was replaced", key.user))
    })?;
    match free_from(context.inventory, key, new, days) {
        Ok(from) if from <= context.inventory.read_at => Ok(new),
        Ok(from) => Err(Refusal::Nothing(format!(
            "{words} is not free before {}",
            from.strftime("%Y-%m-%d %H:%M UTC")
        ))),
        Err(NotReplaced::Unknown(why)) => Err(Refusal::Unknown(format!("{words}: {why}"))),
        Err(NotReplaced::Stalled(why)) => Err(Refusal::Refused(format!("{words}: {why}; {}", unmark(key)))),
    }
}

/// Describes what goes on, as far as the use of the new key shows that.
fn goes_on(context: &Context<'_>, new: &str) -> String {
    let found = context.inventory.access_keys.get(new);
    match found.known().map(|key| &key.last_used) {
        Some(Fact::Known(_)) => format!("what uses {new} goes on"),
        Some(Fact::Absent) => {
            format!("nobody has used {new} yet, as far as AWS shows: see that it has reached who needs it")
        }
        _ => format!("what uses {new} goes on, and it is unknown whether anything does"),
    }
}

/// Builds the step that marks the user with the date: the key can be deleted some time after it.
fn mark(region: &str, user: &UserName, key: &AccessKey) -> Step {
    let name = format!("{}{}", tag::KEY_RETIRED, key.id);
    let tag = TagUser::<Planned> {
        user_name: user.clone(),
        tags: vec![Tag { key: name.clone(), value: Some(reference::date_after(0).into()) }],
    };
    let untag = UntagUser { user_name: user.clone(), tag_keys: vec![name.clone()] };
    let at = format!("/tags/{name}");
    let is = |value: Value| -> Expect { make::is("", FamilyKind::Users, user.as_str(), &at, value) };
    let act = make::act_until(
        Call::of(region, &tag),
        vec![is(reference::date_after(0))],
        SHOWS_WITHIN,
        "until the mark can be seen",
    );
    let back = Act::new(
        Call::of(region, &untag),
        None,
        Recognise::Looks { expect: vec![is(Value::Null)], outputs: BTreeMap::new() },
    );
    make::step("mark", format!("mark user {user} with the date"), act, make::back(vec![back]))
}

#[cfg(test)]
mod tests;
