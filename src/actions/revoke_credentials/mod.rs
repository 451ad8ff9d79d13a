//! `revoke-credentials`: the credentials of a user that a person names as compromised become inactive, after
//! everything is denied to it. Each of them stands alone: one that is gone or cannot be made inactive keeps
//! none of the others active.

mod found;

use found::{Found, Taken};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Prerequisite, Proof, Proposal, Refusal,
    concern::{self, Concern},
    deny_user,
    protected_users::{self, BreakGlass},
    support,
    terms::UNREAD,
};
use crate::{
    calls::Risk,
    checks::revoked::{USER, USERS, groups, of_user},
    inventory::{FamilyKind, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        user::{
            UpdateAccessKey, UpdateSSHPublicKey, UpdateServiceSpecificCredential, UpdateSigningCertificate,
            UserName,
        },
    },
};

/// The action `revoke-credentials`.
pub struct RevokeCredentials;

/// The name of the action.
pub const NAME: &str = "revoke-credentials";

/// The parameters of the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The names of the users.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub users: Vec<String>,
    /// Patterns of the names of users for emergencies.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub break_glass_users: Vec<String>,
    /// Tags of users for emergencies.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub break_glass_tags: Vec<String>,
    /// The credentials that were active when the plan was made; plans alone have them. The rest of them
    /// become inactive, whatever others do to some of them in the meantime.
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<Vec<Taken>>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            users: Vec::new(),
            break_glass_users: protected_users::usual_users(),
            break_glass_tags: protected_users::usual_tags(),
            credentials: None,
        }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: USERS,
        kind: "list of patterns",
        default: "[]",
        doc: "The names of the users. `redress revoke` sets them.",
    },
    protected_users::USERS,
    protected_users::TAGS,
];

/// The lists of credentials other than access keys.
const LISTS: &[&str] = &["service_specific", "ssh_keys", "certificates"];

impl Action for RevokeCredentials {
    fn name(&self) -> &'static str {
        NAME
    }
    fn title(&self) -> &'static str {
        "Makes the credentials of a user that is compromised inactive, once everything is denied to it"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[USER]
    }
    fn target(&self) -> Kind {
        Kind::User
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::Users).listed(),
                Around::found(FamilyKind::AccessKeys),
                Around::named(FamilyKind::UserCredentials),
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
        &[(USER, USERS)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn settled(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Value {
        let found = context.inventory.users.get(target.id()).known().map(|user| Found::of(context, user));
        match (support::params::<Params>(with), found) {
            (Ok(params), Some(Ok(found))) => {
                serde_json::to_value(Params { credentials: Some(found.active), ..params })
                    .unwrap_or_else(|_| with.clone())
            }
            _ => with.clone(),
        }
    }
    fn unsettled(&self, planned: &Value, _: &Value) -> Value {
        support::params::<Params>(planned)
            .ok()
            .and_then(|params| serde_json::to_value(Params { credentials: None, ..params }).ok())
            .unwrap_or_else(|| planned.clone())
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let mut wants = of_user(target.id());
        wants.extend(groups(context.inventory, target.id()));
        wants.extend(protected_users::needs(context, target.id()));
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <UpdateAccessKey as Operation>::SPEC,
                <UpdateServiceSpecificCredential as Operation>::SPEC,
                <UpdateSSHPublicKey as Operation>::SPEC,
                <UpdateSigningCertificate as Operation>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const {
            &[
                (FamilyKind::AccessKeys, Concern::these(&["status"]).alone()),
                (FamilyKind::UserCredentials, Concern::these(LISTS).lists(LISTS).alone()),
            ]
        }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let words = format!("user {}", target.id());
        let user = support::need(context.inventory.users.get(target.id()), &words)?;
        let name = UserName::try_from(user.id.as_str()).map_err(Refusal::Unknown)?;
        let signs = BreakGlass { users: &params.break_glass_users, tags: &params.break_glass_tags };
        let mut guards = deny_user::guards(context, user, signs)?;
        let denied = deny_user::denied(context.inventory, user)?;
        let found = Found::of(context, user)?;
        if denied && found.active.is_empty() {
            let unread: String = found.unread.iter().map(|why| format!("; {why}")).collect();
            return Err(Refusal::Nothing(format!(
                "everything is denied to {words}, and no key is active{unread}"
            )));
        }
        guards.extend(found.unread.iter().map(|why| {
            let note = format!("{why}; everything is denied to {words}, these included");
            GuardNote::not_checked(UNREAD, note)
        }));
        let taken = params.credentials.unwrap_or(found.active);
        let all: Vec<String> = taken.iter().map(Taken::words).collect();
        let mut touches = vec![Want::id("", FamilyKind::UserCredentials, &user.id)];
        touches
            .extend(taken.iter().filter_map(Taken::key).map(|key| Want::id("", FamilyKind::AccessKeys, key)));
        Ok(Proposal {
            summary: format!("make the credentials of {words} inactive"),
            steps: taken.iter().map(|one| one.step(context.region, &name)).collect(),
            before: json!({ "active": all }),
            after: json!({ "active": [] }),
            impact: vec![
                format!("these become inactive: {}", all.join(", ")),
                "what others delete or deactivate meanwhile is left so, and none of the rest waits for it"
                    .to_owned(),
            ],
            risk: Risk::Disruptive,
            proof: vec![Proof {
                check: USER.to_owned(),
                resource: target.clone(),
                with: json!({ USERS: [user.id] }),
            }],
            not_restored: Vec::new(),
            guards,
            touches,
            prerequisites: vec![Prerequisite {
                action: deny_user::NAME,
                resource: target.clone(),
                with: json!(deny_user::Params {
                    break_glass_users: params.break_glass_users,
                    break_glass_tags: params.break_glass_tags,
                }),
                for_a_finding: false,
            }],
        })
    }
}

#[cfg(test)]
mod tests;
