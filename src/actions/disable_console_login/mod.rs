//! `disable-console-login`: what a user does in the console is denied by a policy, or the password is
//! deleted, where nobody has used it for a long time.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    make,
    protected_users::{self, BreakGlass},
    signing_in::{self, Person},
    support,
};
use crate::{
    calls::{Call, Expect, Risk, Step, WayBack},
    checks::{
        access_keys::{USUAL, since},
        console::{
            DAYS, UNUSED, is_denied, last_sign, last_use,
            policies::{self, DENIAL},
        },
    },
    inventory::{FamilyKind, User, UserPolicy, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        sign_in::{DeleteLoginProfile, DeleteUserPolicy, PutUserPolicy},
    },
};

/// The action `disable-console-login`.
pub struct DisableConsoleLogin;

/// The way in which the console is closed to a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A policy denies what is done in sessions. The password stays.
    #[default]
    Deny,
    /// The password is deleted.
    Delete,
}

/// The parameters of the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The way in which the console is closed.
    pub method: Method,
    /// The days after which a password counts as unused.
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
            method: Method::Deny,
            days: USUAL,
            break_glass_users: protected_users::usual_users(),
            break_glass_tags: protected_users::usual_tags(),
        }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "method",
        kind: "\"deny\" or \"delete\"",
        default: "\"deny\"",
        doc: "Whether a policy denies the user what is done in the console, or the password is deleted, \
              which nobody can undo.",
    },
    Parameter {
        name: DAYS,
        kind: "number of days, 1 to 3650",
        default: "90",
        doc: "The days after its last use, or after it was set if it was never used, after which a password \
              counts as unused. `[check]` sets it for the check and the action.",
    },
    protected_users::USERS,
    protected_users::TAGS,
];

impl Action for DisableConsoleLogin {
    fn name(&self) -> &'static str {
        "disable-console-login"
    }
    fn title(&self) -> &'static str {
        "Closes the console to a user whose password nobody has used for a long time"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[UNUSED]
    }
    fn target(&self) -> Kind {
        Kind::User
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const { signing_in::READS }
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
        let mut wants = signing_in::needs(context, target.id());
        wants.push(policy_of(target.id()));
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <PutUserPolicy as Operation>::SPEC,
                <DeleteUserPolicy as Operation>::SPEC,
                <DeleteLoginProfile as Operation>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        // The policy is compared by itself: others of the user may change meanwhile.
        const {
            &[
                (FamilyKind::UserPolicies, Concern::WHOLE),
                (FamilyKind::LoginProfiles, Concern::THERE),
                (FamilyKind::Users, Concern::THERE),
            ]
        }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn order(&self) -> u8 {
        // After the access keys that become inactive: one that is active keeps the console open.
        5
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let person = Person::of(context, target.id())?;
        let sign = last_sign(context.inventory, person.row).map_err(Refusal::Unknown)?;
        match since(context.inventory.read_at, params.days) {
            Some(limit) if sign < limit => {}
            _ => {
                let why = format!(
                    "the password of user {} was used or set within {} days",
                    person.name, params.days
                );
                return Err(Refusal::Nothing(why));
            }
        }
        let signs = BreakGlass { users: &params.break_glass_users, tags: &params.break_glass_tags };
        let guards = person.guards(context, signs)?;
        let used = last_use(context.inventory, person.row);
        let change = match params.method {
            Method::Deny => denied(context, &person)?,
            Method::Delete => deleted(context.region, &person),
        };
        let proof =
            Proof { check: UNUSED.to_owned(), resource: target.clone(), with: json!({ DAYS: params.days }) };
        Ok(Proposal {
            summary: format!("{}, whose password was {used}", change.summary),
            steps: vec![change.step],
            risk: change.risk,
            impact: change.impact,
            before: change.before,
            after: change.after,
            proof: vec![proof],
            not_restored: Vec::new(),
            guards,
            touches: vec![change.touches, Want::id("", FamilyKind::Users, person.name)],
            prerequisites: Vec::new(),
        })
    }
}

/// The part of a proposal that depends on the method.
struct Closing {
    summary: String,
    step: Step,
    risk: Risk,
    impact: Vec<String>,
    before: Value,
    after: Value,
    touches: Want,
}

/// Asks for the policy that denies a user sessions.
fn policy_of(user: &str) -> Want {
    Want::id("", FamilyKind::UserPolicies, UserPolicy::of(user, DENIAL))
}

/// Denies sessions by a policy. AWS has no condition for those of the console alone, so that a user with an
/// active access key is left: sessions that the key asks for would be denied, too.
fn denied(context: &Context<'_>, person: &Person<'_>) -> Result<Closing, Refusal> {
    let name = person.name;
    if let Some(key) = person.active_key(context)? {
        return Err(Refusal::Refused(format!(
            "user {name} has an active access key, {key}, and AWS has no condition that tells sessions of \
             the console from those that a key asks for, which would be denied, too: deactivate the key, or \
             delete the password with disable-console-login.method=\"delete\", which leaves keys alone and \
             cannot be undone"
        )));
    }
    if support::need(is_denied(person.user), &format!("the inline policies of user {name}"))? {
        return Err(Refusal::Nothing(format!("a policy denies user {name} what is done in the console")));
    }
    let found = context.inventory.user_policies.get(&UserPolicy::of(name, DENIAL));
    if support::known(found, &format!("policy {DENIAL} of user {name}"))?.is_some() {
        return Err(Refusal::Refused(format!(
            "user {name} has a policy {DENIAL} that is not the one of redress: rename or delete it"
        )));
    }
    fits(person.user)?;
    Ok(Closing {
        summary: format!("deny user {name} what is done in the console"),
        step: deny(context.region, person),
        risk: Risk::Disruptive,
        impact: vec![
            format!(
                "user {name} can still sign in, and everything is denied there; a session that is open is \
                 denied from then on, too"
            ),
            format!(
                "sessions that were made with a key of user {name} before it was deactivated are denied, \
                 too; Git credentials, SSH keys and API keys of services stay as they are"
            ),
            "roles that were assumed in the console go on until their sessions end, 12 hours at most"
                .to_owned(),
        ],
        before: json!({ "policy": null }),
        after: json!({ "policy": DENIAL }),
        touches: policy_of(name),
    })
}

/// Checks that the policy fits beside the other inline policies of the user.
fn fits(user: &User) -> Result<(), Refusal> {
    let all =
        support::need(user.inline_policies.as_ref(), &format!("the inline policies of user {}", user.id))?;
    let size = all.values().map(policies::size).sum::<usize>() + policies::size(&policies::denial());
    match size <= policies::OF_USER {
        true => Ok(()),
        false => Err(Refusal::Refused(format!(
            "the inline policies of user {} would have {size} characters with the denial, and AWS allows {}: \
             make a managed policy of one of them",
            user.id,
            policies::OF_USER
        ))),
    }
}

/// Expects the password to be there, and not to have been used since the plan was made.
fn still_unused(person: &Person<'_>) -> Vec<Expect> {
    let used = person.password.last_used.known().map_or(Value::Null, |time| json!(time));
    vec![
        person.has_password(),
        make::is("", FamilyKind::LoginProfiles, person.name, "/last_used/known", used)
            .meaning("the password has been used since the plan was made"),
    ]
}

fn deny(region: &str, person: &Person<'_>) -> Step {
    let (family, id) = (FamilyKind::UserPolicies, UserPolicy::of(person.name, DENIAL));
    let document = policies::denial();
    let there = make::is("", family, id.as_str(), "/document", document.clone());
    let gone = make::gone("", family, id.as_str());
    let put = PutUserPolicy {
        user_name: person.login.clone(),
        policy_name: DENIAL.to_owned(),
        policy_document: document.to_string(),
    };
    let delete = DeleteUserPolicy { user_name: person.login.clone(), policy_name: DENIAL.to_owned() };
    let mut before = still_unused(person);
    before.push(gone.clone().meaning("somebody has set a policy of that name since the plan was made"));
    let shown = signing_in::SHOWS_WITHIN;
    let forth =
        make::act_until(Call::of(region, &put), vec![there.clone()], shown, "until the policy can be seen");
    let back = make::act_until(Call::of(region, &delete), vec![gone], shown, "until the policy is gone")
        .only_if(vec![there.meaning("somebody has changed or deleted the policy since")]);
    let title = format!("deny user {} everything in sessions", person.name);
    make::step("deny", title, forth.only_if(before), make::back_and_forth(back))
}

fn deleted(region: &str, person: &Person<'_>) -> Closing {
    let name = person.name;
    let family = FamilyKind::LoginProfiles;
    let gone = make::gone("", family, name);
    let call = Call::of(region, &DeleteLoginProfile { user_name: person.login.clone() });
    let act = make::act_until(call, vec![gone], signing_in::SHOWS_WITHIN, "until the password is gone")
        .only_if(still_unused(person));
    let cannot = "AWS keeps no password that was deleted: somebody has to set a new one and hand it over";
    Closing {
        summary: format!("delete the password of user {name}"),
        step: make::step(
            "delete-password",
            format!("delete the password of user {name}"),
            act,
            WayBack::Cannot(cannot.to_owned()),
        ),
        risk: Risk::Irreversible,
        impact: vec![
            format!("user {name} cannot sign in to the console any more; access keys and MFA devices stay"),
            "a session that is open goes on until it ends, 12 hours at most".to_owned(),
        ],
        before: json!({ "password": true }),
        after: json!({ "password": false }),
        touches: Want::id("", family, name),
    }
}

#[cfg(test)]
mod tests;
