//! `deactivate-access-key`: an access key that is not used signs no requests any more, until it is activated
//! again.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    credentials::{self, unused_key_off},
    protected_users::{self, BreakGlass},
    support,
};
use crate::{
    calls::Risk,
    checks::access_keys::{DAYS, UNUSED, USUAL, last_sign, last_use, since},
    inventory::{AccessKey, Fact, FamilyKind, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        user::{UpdateAccessKey, UserName},
    },
};

/// The action `deactivate-access-key`.
pub struct DeactivateAccessKey;

/// The parameters of the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The days after which a key counts as unused.
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
            days: USUAL,
            break_glass_users: protected_users::usual_users(),
            break_glass_tags: protected_users::usual_tags(),
        }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: DAYS,
        kind: "number of days, 1 to 3650",
        default: "90",
        doc: "The days after its last use, or after its creation if it was never used, after which a key \
              counts as unused. `[check]` sets it for the check and the action.",
    },
    protected_users::USERS,
    protected_users::TAGS,
];

impl Action for DeactivateAccessKey {
    fn name(&self) -> &'static str {
        "deactivate-access-key"
    }
    fn title(&self) -> &'static str {
        "Deactivates an access key that nobody has used for a long time"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[UNUSED]
    }
    fn target(&self) -> Kind {
        Kind::AccessKey
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::AccessKeys),
                Around::found(FamilyKind::Users).listed(),
                Around::found(FamilyKind::IamGroups).listed().perhaps(),
                Around::found(FamilyKind::ManagedPolicies).listed().perhaps(),
                Around::found(FamilyKind::CredentialReports).listed().perhaps(),
                Around::found(FamilyKind::Roles).perhaps(),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        &[(UNUSED, DAYS)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let mut wants = vec![Want::id("", FamilyKind::AccessKeys, target.id())];
        if let Fact::Known(key) = context.inventory.access_keys.get(target.id()) {
            wants.extend(protected_users::needs(context, &key.user));
        }
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<UpdateAccessKey as Operation>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::AccessKeys, Concern::these(&["status"]))] }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (words, key, user) = credentials::subject(context, target)?;
        unused(context, &words, key, params.days)?;
        let signs = BreakGlass { users: &params.break_glass_users, tags: &params.break_glass_tags };
        let guards = credentials::guards(context, &words, key, signs)?;
        let status = |status: &str| json!({ "user": key.user, "status": status });
        Ok(Proposal {
            summary: format!("deactivate {words} of user {user}, {}", last_use(key)),
            steps: vec![unused_key_off(context.region, &user, key)],
            risk: Risk::Disruptive,
            impact: impact(&user, key),
            before: status(AccessKey::ACTIVE),
            after: status(AccessKey::INACTIVE),
            proof: vec![Proof {
                check: UNUSED.to_owned(),
                resource: target.clone(),
                with: json!({ DAYS: params.days }),
            }],
            not_restored: Vec::new(),
            guards,
            touches: vec![Want::id("", FamilyKind::AccessKeys, target.id())],
            prerequisites: Vec::new(),
        })
    }
}

/// Checks that the key is active and has not been used for so many days.
fn unused(context: &Context<'_>, words: &str, key: &AccessKey, days: u32) -> Result<(), Refusal> {
    match key.status.as_str() {
        AccessKey::ACTIVE => {}
        AccessKey::INACTIVE => return Err(Refusal::Nothing(format!("{words} is inactive"))),
        other => return Err(Refusal::Unknown(format!("the status of {words} is {other:?}"))),
    }
    let sign = last_sign(key).map_err(|why| Refusal::Unknown(format!("{words}: {why}")))?;
    match since(context.inventory.read_at, days) {
        Some(limit) if sign < limit => Ok(()),
        _ => Err(Refusal::Nothing(format!("{words} was used or created within {days} days"))),
    }
}

fn impact(user: &UserName, key: &AccessKey) -> Vec<String> {
    vec![
        format!(
            "whatever signs with {} is refused from then on: it was {}. AWS can be four hours late with that",
            key.id,
            last_use(key)
        ),
        format!("other keys, the password and running sessions of user {user} stay as they are"),
        "what runs once in a longer time, such as a yearly job or a restore, is not shown to be gone"
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests;
