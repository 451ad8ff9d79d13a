//! `raise-password-policy`: the password policy of the account gets what it lacks, in one update that is
//! looser in no member; where there is none, one is made.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    make, support,
};
use crate::{
    calls::{Call, Expect, Risk, Step},
    checks::passwords::{self, AGE, CHARACTERS, Characters, LENGTH, REUSE, WEAK, Wanted},
    inventory::{FamilyKind, PasswordPolicy, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        password_policy::{DeleteAccountPasswordPolicy, UpdateAccountPasswordPolicy},
    },
};

/// The action `raise-password-policy`.
pub struct RaisePasswordPolicy;

/// Seconds within which a new policy has to show: changes of IAM spread with a delay
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>).
const SHOWS_WITHIN: u64 = 300;
/// The number of kinds of characters that AWS's default asks for.
const OF_DEFAULT: usize = 3;
/// The parameter that lets users change their own passwords.
const LET_USERS: &str = "let_users_change";

/// The parameters of the action: those of the check, which a playbook names in `[check]`, and its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Every IAM user may change their own password from then on.
    pub let_users_change: bool,
    /// [`Wanted::minimum_length`]
    #[serde(deserialize_with = "passwords::length")]
    pub minimum_length: i32,
    /// [`Wanted::reuse_prevention`]
    #[serde(deserialize_with = "passwords::reuse")]
    pub reuse_prevention: i32,
    /// [`Wanted::characters`]
    pub characters: BTreeSet<Characters>,
    /// [`Wanted::max_age_days`]
    #[serde(deserialize_with = "passwords::age", skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<i32>,
}

impl Default for Params {
    fn default() -> Self {
        let Wanted { minimum_length, reuse_prevention, characters, max_age_days } = Wanted::default();
        Self { let_users_change: false, minimum_length, reuse_prevention, characters, max_age_days }
    }
}

impl Params {
    fn wanted(&self) -> Wanted {
        Wanted {
            minimum_length: self.minimum_length,
            reuse_prevention: self.reuse_prevention,
            characters: self.characters.clone(),
            max_age_days: self.max_age_days,
        }
    }
}

const PARAMETERS: &[Parameter] = &[Parameter {
    name: LET_USERS,
    kind: "boolean",
    default: "false",
    doc: "Whether every IAM user may change their own password from then on, whatever policies they have. \
          Without it that stays as it is; nobody loses it.",
}];

impl Action for RaisePasswordPolicy {
    fn name(&self) -> &'static str {
        "raise-password-policy"
    }
    fn title(&self) -> &'static str {
        "Gives the password policy of the account what it lacks, or makes one"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[WEAK]
    }
    fn target(&self) -> Kind {
        Kind::Account
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        &[]
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        &[(WEAK, LENGTH), (WEAK, REUSE), (WEAK, CHARACTERS), (WEAK, AGE)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, _: &Context<'_>, _: &ResourceId, _: &Value) -> Vec<Want> {
        vec![passwords::want()]
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <UpdateAccountPasswordPolicy as Operation>::SPEC,
                <DeleteAccountPasswordPolicy as Operation>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::PasswordPolicies, Concern::WHOLE)] }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let wanted = params.wanted();
        let found = context.inventory.password_policies.get(PasswordPolicy::ID);
        let old = support::known(found, "the password policy of the account")?;
        if old.is_some_and(|old| wanted.lacks(old).is_empty()) {
            return Err(Refusal::Nothing("the password policy has all that is wanted".to_owned()));
        }
        let new = raised(old, &params);
        admits(old, &new, &params)?;
        Ok(Proposal {
            summary: summary(old, &new),
            steps: vec![step(context.region, old, &new)],
            risk: if shortens(old, &new) { Risk::Disruptive } else { Risk::Safe },
            impact: impact(old, &new),
            before: json!({ "password_policy": old }),
            after: json!({ "password_policy": new }),
            proof: vec![Proof { check: WEAK.to_owned(), resource: target.clone(), with: json!(wanted) }],
            not_restored: vec![
                "passwords that are changed in the meantime stay as their users have set them".to_owned(),
            ],
            guards: vec![GuardNote::not_checked(
                "ownership",
                "a password policy has no tags: whether a tool sets it, and would set it back, is not shown",
            )],
            touches: vec![passwords::want()],
            prerequisites: Vec::new(),
        })
    }
}

/// Merges a policy with what is wanted, so that no member is looser than before. A right that users have to
/// change their own passwords stays, and comes only where it is asked for.
fn raised(old: Option<&PasswordPolicy>, params: &Params) -> PasswordPolicy {
    let was = old.cloned().unwrap_or_default();
    let needs = |kind: Characters| kind.is_required(&was) || params.characters.contains(&kind);
    let sooner = [was.max_password_age, params.max_age_days].into_iter().flatten().min();
    PasswordPolicy {
        minimum_password_length: was.minimum_password_length.max(params.minimum_length),
        require_symbols: needs(Characters::Symbols),
        require_numbers: needs(Characters::Numbers),
        require_uppercase_characters: needs(Characters::Uppercase),
        require_lowercase_characters: needs(Characters::Lowercase),
        allow_users_to_change_password: was.allow_users_to_change_password || params.let_users_change,
        max_password_age: sooner,
        password_reuse_prevention: was.password_reuse_prevention.max(Some(params.reuse_prevention)),
        hard_expiry: was.hard_expiry,
    }
}

/// Returns whether passwords expire sooner than before.
fn shortens(old: Option<&PasswordPolicy>, new: &PasswordPolicy) -> bool {
    new.max_password_age != old.and_then(|old| old.max_password_age)
}

/// Checks that the policy is looser than AWS's default in nothing, and locks nobody out.
fn admits(old: Option<&PasswordPolicy>, new: &PasswordPolicy, params: &Params) -> Result<(), Refusal> {
    let refused = |why: String| Err(Refusal::Refused(why));
    let kinds = Characters::ALL.into_iter().filter(|kind| kind.is_required(new)).count();
    // The default asks for eight characters of three kinds; a policy of one's own takes its place whole.
    if old.is_none() && (new.minimum_password_length < 8 || kinds < OF_DEFAULT) {
        return refused(format!(
            "the account has no policy, so that AWS's default applies: 8 characters of three kinds. A policy \
             with {} characters of {kinds} kinds would be looser: ask for more in `{LENGTH}` and \
             `{CHARACTERS}`",
            new.minimum_password_length
        ));
    }
    if !shortens(old, new) {
        return Ok(());
    }
    let days = params.max_age_days.unwrap_or_default();
    if new.hard_expiry {
        return refused(format!(
            "passwords older than {days} days expire at once, and the policy has hard expiry, which locks \
             their users out until an administrator resets each: turn hard expiry off first, or ask for no \
             `{AGE}`"
        ));
    }
    if !new.allow_users_to_change_password {
        return refused(format!(
            "passwords older than {days} days expire at once, and the policy does not let users change their \
             own, so that those whom no other policy lets could not sign in: set \
             raise-password-policy.{LET_USERS}=true, or ask for no `{AGE}`"
        ));
    }
    Ok(())
}

fn summary(old: Option<&PasswordPolicy>, new: &PasswordPolicy) -> String {
    let what = format!(
        "passwords of {} characters of {}, other than the last {}",
        new.minimum_password_length,
        kinds(new),
        new.password_reuse_prevention.unwrap_or_default()
    );
    match old {
        Some(_) => format!("raise the password policy to {what}"),
        None => format!("set a password policy: {what}"),
    }
}

fn kinds(policy: &PasswordPolicy) -> String {
    let needed = Characters::ALL.into_iter().filter(|kind| kind.is_required(policy));
    match needed.map(Characters::word).collect::<Vec<_>>().as_slice() {
        [] => "any kind".to_owned(),
        all => all.join(", "),
    }
}

fn impact(old: Option<&PasswordPolicy>, new: &PasswordPolicy) -> Vec<String> {
    let mut all = vec![
        "passwords that exist stay valid; the next one that a user, or an administrator for them, sets has \
         to fit"
            .to_owned(),
        "the root user and access keys are under no password policy".to_owned(),
    ];
    if let Some(days) = new.max_password_age.filter(|_| shortens(old, new)) {
        all.push(format!(
            "passwords older than {days} days expire at once: their users set a new one when they sign in \
             next; access keys go on working"
        ));
    }
    let was = old.is_some_and(|old| old.allow_users_to_change_password);
    all.push(match (was, new.allow_users_to_change_password) {
        (false, true) => {
            "every IAM user may change their own password from then on, whatever policies they have"
                .to_owned()
        }
        (_, true) => "users may go on changing their own passwords".to_owned(),
        (_, false) => {
            "only users whom another policy lets may change their own passwords, as before".to_owned()
        }
    });
    all
}

/// Builds the step: it is made only while the policy is the one that the plan has seen, and undone only while
/// it is the one that the step has set.
fn step(region: &str, old: Option<&PasswordPolicy>, new: &PasswordPolicy) -> Step {
    let (was, is) = (shows(old), shows(Some(new)));
    let set = Call::of(region, &UpdateAccountPasswordPolicy::from(new));
    let back = match old {
        Some(old) => Call::of(region, &UpdateAccountPasswordPolicy::from(old)),
        None => Call::of(region, &DeleteAccountPasswordPolicy {}),
    };
    let unless = |all: &[Expect], means: &str| all.iter().map(|one| one.clone().meaning(means)).collect();
    let forth = make::act_until(set, is.clone(), SHOWS_WITHIN, "until the new policy can be seen")
        .only_if(unless(&was, "somebody has changed the password policy since the plan was made"));
    let back = make::act_until(back, was, SHOWS_WITHIN, "until the former policy can be seen")
        .only_if(unless(&is, "somebody has changed the password policy since the run"));
    make::step("set", summary(old, new), forth, make::back_and_forth(back))
}

/// Expects the account to show a policy, member by member, or none.
fn shows(policy: Option<&PasswordPolicy>) -> Vec<Expect> {
    let (family, id) = (FamilyKind::PasswordPolicies, PasswordPolicy::ID);
    let Some(policy) = policy else { return vec![make::gone("", family, id)] };
    let is = |at: &str, value: Value| make::is("", family, id, at, value);
    // AWS leaves out what is not set, and a script that asks it sees that.
    let or = |at: &str, value: Value, unset: Value| make::one_of("", family, id, at, vec![value, unset]);
    let number = |at: &str, number: Option<i32>| match number {
        Some(number) => is(at, json!(number)),
        None => or(at, Value::Null, json!(0)),
    };
    vec![
        is("/minimum_password_length", json!(policy.minimum_password_length)),
        is("/require_symbols", json!(policy.require_symbols)),
        is("/require_numbers", json!(policy.require_numbers)),
        is("/require_uppercase_characters", json!(policy.require_uppercase_characters)),
        is("/require_lowercase_characters", json!(policy.require_lowercase_characters)),
        is("/allow_users_to_change_password", json!(policy.allow_users_to_change_password)),
        number("/max_password_age", policy.max_password_age),
        number("/password_reuse_prevention", policy.password_reuse_prevention),
        match policy.hard_expiry {
            true => is("/hard_expiry", json!(true)),
            false => or("/hard_expiry", json!(false), Value::Null),
        },
    ]
}

#[cfg(test)]
mod tests;
