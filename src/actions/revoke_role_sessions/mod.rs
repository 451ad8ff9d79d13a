//! `revoke-role-sessions`: sessions of a role that were issued before a time can do nothing any more.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    credentials::OF_ROLE,
    make,
    protected_users::{self, BreakGlass},
    signing_in::SHOWS_WITHIN,
    support,
};
use crate::{
    calls::{Call, Expect, Risk, Step},
    checks::{
        console::policies::size,
        revoked::{BEFORE, OLDER_SESSIONS, ROLE, ROLES, denies_before, deny_older},
    },
    inventory::{FamilyKind, Role, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        role::{DeleteRolePolicy, PutRolePolicy},
    },
};

/// The action `revoke-role-sessions`.
pub struct RevokeRoleSessions;

/// The name of the action.
pub const NAME: &str = "revoke-role-sessions";

/// The parameters of the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The names of the roles.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub roles: Vec<String>,
    /// The time before which sessions were issued that are denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
    /// Patterns of the names of roles for emergencies.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub break_glass_users: Vec<String>,
    /// Tags of roles for emergencies.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub break_glass_tags: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            roles: Vec::new(),
            before: None,
            break_glass_users: protected_users::usual_users(),
            break_glass_tags: protected_users::usual_tags(),
        }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: ROLES,
        kind: "list of patterns",
        default: "[]",
        doc: "The names of the roles. `redress revoke` sets them.",
    },
    Parameter {
        name: BEFORE,
        kind: "time such as 2026-12-08T10:00:00Z",
        default: "none: nothing is revoked then",
        doc: "The time before which sessions were issued that are denied. It lies after the time of the \
        run, so \
              that no session slips between the plan and the call. `redress revoke` sets it.",
    },
    Parameter {
        doc: "Names of roles for emergencies, whose sessions are never touched. `*` is any number of \
        characters \
              and `?` is one; case does not matter.",
        ..protected_users::USERS
    },
    Parameter {
        doc: "Tags of roles for emergencies, whose sessions are never touched. A key alone is any value.",
        ..protected_users::TAGS
    },
];

impl Action for RevokeRoleSessions {
    fn name(&self) -> &'static str {
        NAME
    }
    fn title(&self) -> &'static str {
        "Denies everything to sessions of a role that were issued before a time"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[ROLE]
    }
    fn target(&self) -> Kind {
        Kind::Role
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const { &[Around::named(FamilyKind::Roles)] }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        &[(ROLE, ROLES), (ROLE, BEFORE)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, _: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        vec![Want::id("", FamilyKind::Roles, target.id())]
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<PutRolePolicy as Operation>::SPEC, <DeleteRolePolicy as Operation>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const {
            const MEMBERS: &[&str] = &["inline_policies"];
            &[(FamilyKind::Roles, Concern::these(MEMBERS).lists(MEMBERS))]
        }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let words = format!("role {}", target.id());
        let role = support::need(context.inventory.roles.get(target.id()), &words)?;
        let before = time(context, &params)?;
        revocable(role)?;
        let signs = BreakGlass { users: &params.break_glass_users, tags: &params.break_glass_tags };
        let mut guards = protected_users::guard_role(context, &role.id, &role.tags, signs)?;
        guards.push(support::ownership(&words, support::managed_by(&role.tags), context.options)?);
        let policies =
            support::need(role.inline_policies.as_ref(), &format!("the inline policies of {words}"))?;
        let was = policies.get(OLDER_SESSIONS);
        if was.and_then(denies_before).is_some_and(|denied| denied >= before) {
            return Err(Refusal::Nothing(format!("sessions of {words} from before {before} are denied")));
        }
        if was.is_some_and(|policy| denies_before(policy).is_none()) {
            return Err(Refusal::Refused(format!(
                "{words} has a policy {OLDER_SESSIONS} that redress has not written: rename or delete it"
            )));
        }
        let others = policies.iter().filter(|(name, _)| *name != OLDER_SESSIONS);
        let length: usize = others.map(|(_, policy)| size(policy)).sum();
        if length + size(&deny_older(before)) > OF_ROLE {
            return Err(Refusal::Refused(format!(
                "the inline policies of {words} take {length} of {OF_ROLE} characters, and leave no room: \
                 delete \
                 one, or attach AWSDenyAll by hand"
            )));
        }
        let shown = |before: Option<Timestamp>| json!({ "sessions_denied_before": before });
        Ok(Proposal {
            summary: format!("deny everything to sessions of {words} from before {before}"),
            steps: vec![step(context.region, role, was, before)],
            risk: Risk::Disruptive,
            impact: vec![
                format!(
                    "every session of {words} that was issued before {before} is refused, whoever has it: \
                     people sign in again, and services and instances with the role are refused until they \
                     get \
                     new credentials, which can take some hours on an instance"
                ),
                format!(
                    "sessions that are issued after {before} work: what lets somebody assume the role stays"
                ),
            ],
            before: shown(was.and_then(denies_before)),
            after: shown(Some(before)),
            proof: vec![Proof {
                check: ROLE.to_owned(),
                resource: target.clone(),
                with: json!({ ROLES: [role.id], BEFORE: before.to_string() }),
            }],
            not_restored: vec![format!("requests of {words} that were refused in the meantime")],
            guards,
            touches: vec![Want::id("", FamilyKind::Roles, &role.id)],
            prerequisites: Vec::new(),
        })
    }
}

/// Returns the time before which sessions are denied. One that has passed leaves out sessions that were
/// issued since.
fn time(context: &Context<'_>, params: &Params) -> Result<Timestamp, Refusal> {
    let before = params
        .before
        .ok_or_else(|| Refusal::Refused("no time is given: plan with `redress revoke`".to_owned()))?;
    if before <= context.inventory.read_at && !context.options.half_done {
        return Err(Refusal::Refused(format!(
            "{before} has passed, and sessions that were issued since would go on: plan again with `redress \
             revoke`"
        )));
    }
    Ok(before)
}

/// Checks that an inline policy of the account can be set on the role.
fn revocable(role: &Role) -> Result<(), Refusal> {
    let refused = |why: &str| Err(Refusal::Refused(format!("role {} {why}", role.id)));
    if role.is_of_service() {
        return refused(
            "is linked to a service of AWS, which alone can use and change it: stop what the service does \
             there",
        );
    }
    if role.is_of_identity_center() {
        return refused(
            "is one of IAM Identity Center's: disable the user there, delete its session, and remove the \
             assignment of the permission set",
        );
    }
    Ok(())
}

fn step(region: &str, role: &Role, was: Option<&Value>, before: Timestamp) -> Step {
    let at = format!("/inline_policies/known/{OLDER_SESSIONS}");
    let is = |value: Value| -> Expect { make::is("", FamilyKind::Roles, role.id.as_str(), &at, value) };
    let put = |policy: &Value| {
        Call::of(
            region,
            &PutRolePolicy {
                role_name: role.id.clone(),
                policy_name: OLDER_SESSIONS.to_owned(),
                policy_document: policy.to_string(),
            },
        )
    };
    let (former, ours) = (was.cloned().unwrap_or(Value::Null), deny_older(before));
    let back = match was {
        Some(policy) => put(policy),
        None => Call::of(
            region,
            &DeleteRolePolicy { role_name: role.id.clone(), policy_name: OLDER_SESSIONS.to_owned() },
        ),
    };
    let until =
        |call, shows, what: &str| make::act_until(call, vec![shows], SHOWS_WITHIN, &format!("until {what}"));
    let back = until(back, is(former.clone()), "the former policy is shown")
        .only_if(vec![is(ours.clone()).meaning("somebody has changed the policy since")]);
    let act = until(put(&ours), is(ours), "the policy can be seen")
        .only_if(vec![is(former).meaning("somebody has set that policy since the plan was made")]);
    let title = format!("deny sessions of role {} from before {before}", role.id);
    make::step("deny", title, act, make::back(vec![back]))
}

#[cfg(test)]
mod tests;
