//! `deny-user`: everything is denied to a user. A change of its own, so that nothing that fails after it
//! takes the denial away; sessions that were made with the keys of the user stop with it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    credentials::ATTACHED,
    make,
    protected_users::{self, BreakGlass},
    signing_in::SHOWS_WITHIN,
    support,
};
use crate::{
    calls::{Act, Call, Expect, Risk, Step},
    checks::{
        console::policies::{OF_USER, size},
        proofs_identities::DENIED,
        revoked::{self, DENY_ALL, QUARANTINE, deny_all, groups},
    },
    inventory::{Fact, FamilyKind, Inventory, User, UserPolicy, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        sign_in::{DeleteUserPolicy, PutUserPolicy},
        user::{AttachUserPolicy, DetachUserPolicy, UserName},
    },
};

/// The action `deny-user`.
pub struct DenyUser;

/// The name of the action.
pub const NAME: &str = "deny-user";

/// The parameters of the action: those of the change that needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
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
            break_glass_users: protected_users::usual_users(),
            break_glass_tags: protected_users::usual_tags(),
        }
    }
}

/// Asks all guards about a user to whom everything is denied.
///
/// # Errors
/// A refusal with the reason.
pub fn guards(context: &Context<'_>, user: &User, signs: BreakGlass<'_>) -> Result<Vec<GuardNote>, Refusal> {
    let mut all = protected_users::guard(context, &user.id, &Fact::Known(user.tags.clone()), signs)?;
    let words = format!("user {}", user.id);
    all.push(support::ownership(&words, support::managed_by(&user.tags), context.options)?);
    Ok(all)
}

/// Returns whether everything is denied to a user.
///
/// # Errors
/// A refusal where its policies are not known.
pub fn denied(inventory: &Inventory, user: &User) -> Result<bool, Refusal> {
    let unknown = |why: String| Refusal::Unknown(format!("user {}: {why}", user.id));
    revoked::denied(inventory, user).map_err(unknown)
}

impl Action for DenyUser {
    fn name(&self) -> &'static str {
        NAME
    }
    fn title(&self) -> &'static str {
        "Denies everything to a user"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[]
    }
    fn target(&self) -> Kind {
        Kind::User
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::named(FamilyKind::Users).listed(),
                Around::named(FamilyKind::UserPolicies),
                Around::found(FamilyKind::AccessKeys),
                Around::found(FamilyKind::IamGroups).listed().perhaps(),
                Around::found(FamilyKind::ManagedPolicies).listed().perhaps(),
                Around::found(FamilyKind::CredentialReports).listed().perhaps(),
                Around::found(FamilyKind::Roles).perhaps(),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[protected_users::USERS, protected_users::TAGS]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let mut wants = vec![Want::id("", FamilyKind::Users, target.id())];
        wants.extend(groups(context.inventory, target.id()));
        wants.extend(protected_users::needs(context, target.id()));
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <PutUserPolicy as Operation>::SPEC,
                <DeleteUserPolicy as Operation>::SPEC,
                <AttachUserPolicy as Operation>::SPEC,
                <DetachUserPolicy as Operation>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const {
            &[
                (
                    FamilyKind::Users,
                    Concern::these(&["user_id", "inline_policies", "attached_policies"])
                        .lists(&["inline_policies", "attached_policies"]),
                ),
                (FamilyKind::UserPolicies, Concern::WHOLE),
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
        let guards = guards(context, user, signs)?;
        if denied(context.inventory, user)? {
            return Err(Refusal::Nothing(format!("everything is denied to {words}")));
        }
        Ok(Proposal {
            summary: format!("deny everything to {words}"),
            steps: vec![step(context.region, user, &name)?],
            risk: Risk::Disruptive,
            impact: impact(&user.id),
            before: json!({ "denied": false }),
            after: json!({ "denied": true }),
            proof: vec![Proof { check: DENIED.to_owned(), resource: target.clone(), with: Value::Null }],
            not_restored: vec![format!(
                "requests of {words} that were refused in the meantime; whatever it made before stays"
            )],
            guards,
            touches: vec![
                Want::id("", FamilyKind::Users, &user.id),
                Want::id("", FamilyKind::UserPolicies, UserPolicy::of(&user.id, QUARANTINE)),
            ],
            prerequisites: Vec::new(),
        })
    }
}

/// Builds the step that denies everything: by an inline policy where the quota has room, else by AWS's
/// managed policy. It waits for nothing, since a wait in vain would take the denial away again: the proof
/// of the change looks for it.
fn step(region: &str, user: &User, name: &UserName) -> Result<Step, Refusal> {
    let same = is(&user.id, "/user_id", json!(user.user_id))
        .meaning("the user was deleted and made anew since the plan was made");
    let inline = user.inline_policies.known().into_iter().flatten();
    let taken: usize = inline.clone().map(|(_, policy)| size(policy)).sum();
    let of_others = inline.clone().any(|(name, _)| name == QUARANTINE);
    let title = format!("deny everything to user {name}");
    if !of_others && taken + size(&deny_all()) <= OF_USER {
        let put = PutUserPolicy {
            user_name: name.clone(),
            policy_name: QUARANTINE.to_owned(),
            policy_document: deny_all().to_string(),
        };
        let delete = DeleteUserPolicy { user_name: name.clone(), policy_name: QUARANTINE.to_owned() };
        let at = format!("/inline_policies/known/{QUARANTINE}");
        let (none, ours) = (is(&user.id, &at, Value::Null), is(&user.id, &at, deny_all()));
        let back = until(Call::of(region, &delete), none.clone(), "the policy is gone")
            .only_if(vec![ours.clone().meaning("somebody has changed the policy since")]);
        let act = make::act(Call::of(region, &put), vec![ours]).only_if(vec![
            none.meaning("somebody has set a policy of that name since the plan was made"),
            same,
        ]);
        return Ok(make::step("deny", title, act, make::back(vec![back])));
    }
    let attached = user.attached_policies.known().map_or(0, Vec::len);
    if attached >= ATTACHED {
        return Err(Refusal::Refused(format!(
            "user {name} has no room for a denial: its inline policies take {taken} of {OF_USER} characters, \
             or one is called {QUARANTINE}, and it has {attached} managed policies of {ATTACHED}. Put it in \
             a group to which AWSDenyAll is attached, which stops it at once, and plan again: its \
             credentials become inactive then. Or detach a policy by hand"
        )));
    }
    let arn = format!("arn:{}:iam:{DENY_ALL}", partition(&user.arn));
    let attach = AttachUserPolicy { user_name: name.clone(), policy_arn: arn.clone() };
    let detach = DetachUserPolicy { user_name: name.clone(), policy_arn: arn.clone() };
    let mut with = user.attached_policies.known().cloned().unwrap_or_default();
    let without = json!(with);
    with.push(arn);
    let now = |list: Value| is(&user.id, "/attached_policies/known", list);
    let back = until(Call::of(region, &detach), now(without.clone()), "the policy is detached");
    let act = make::act(Call::of(region, &attach), vec![now(json!(with))]).only_if(vec![
        now(without).meaning("somebody has attached or detached a policy since the plan was made"),
        same,
    ]);
    Ok(make::step("deny", title, act, make::back(vec![back])))
}

/// Describes the effects. A fact that others may change before the plan is applied is not among them: the
/// denial must not wait for a new plan because of it.
fn impact(name: &str) -> Vec<String> {
    vec![
        format!(
            "whatever runs as user {name} is refused from then on, sessions that were made with its keys \
             included; IAM takes some seconds to spread that"
        ),
        "sessions of roles that it has assumed go on: name each role with `redress revoke --role`, and what \
         it made or changed is found in CloudTrail, not here"
            .to_owned(),
        "its password stays, if it has one, since AWS cannot restore one: whoever signs in with it can do \
         nothing while everything is denied"
            .to_owned(),
    ]
}

fn is(user: &str, at: &str, value: Value) -> Expect {
    make::is("", FamilyKind::Users, user, at, value)
}

fn until(call: Call, shows: Expect, what: &str) -> Act {
    make::act_until(call, vec![shows], SHOWS_WITHIN, &format!("until {what}"))
}

fn partition(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or("aws")
}

#[cfg(test)]
mod tests;
