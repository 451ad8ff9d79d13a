//! `require-mfa`: a user who signs in with a password alone is put in a group that denies everything without
//! MFA, but to enrol a device. Nobody can enrol a device for somebody else.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, Parameter, Prerequisite, Proof, Proposal, Refusal,
    concern::{self, Concern},
    make, mfa_group,
    protected_users::{self, BreakGlass},
    signing_in::{self, Person},
    support,
};
use crate::{
    calls::{Call, Expect, Risk, Step, Test},
    checks::console::{WITHOUT_MFA, is_denied, required_by},
    inventory::{Fact, FamilyKind, Membership, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        sign_in::{AddUserToGroup, RemoveUserFromGroup},
    },
};

/// The action `require-mfa`.
pub struct RequireMfa;

/// The groups that a user can be in; AWS raises it for nobody
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const GROUPS: usize = 10;
/// The most characters of the name of a group.
const LONGEST: usize = 128;
/// The most users that a playbook can name.
const MOST: usize = 1000;

/// The parameters of the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The name of the group.
    #[serde(deserialize_with = "group")]
    pub group: String,
    /// The users whose access keys may be denied, too.
    #[serde(deserialize_with = "names")]
    pub with_keys: Vec<String>,
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
            group: "redress-require-mfa".to_owned(),
            with_keys: Vec::new(),
            break_glass_users: protected_users::usual_users(),
            break_glass_tags: protected_users::usual_tags(),
        }
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
}

fn group<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if is_name(&name) {
        Ok(name)
    } else {
        Err(D::Error::custom(format!("{name:?} is not the name of a group")))
    }
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let mut all = Vec::<String>::deserialize(deserializer)?;
    if let Some(name) = all.iter().find(|name| !is_name(name)) {
        return Err(D::Error::custom(format!("{name:?} is not the name of a user")));
    }
    if all.len() > MOST {
        return Err(D::Error::custom(format!("more than {MOST} users")));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "group",
        kind: "name of a group",
        default: "\"redress-require-mfa\"",
        doc: "The group that users are put in. It is made where there is none; one that does anything else \
              is refused.",
    },
    Parameter {
        name: "with_keys",
        kind: "list of names of users",
        default: "[]",
        doc: "Users with active access keys that may be put in the group all the same: requests that their \
              keys sign are denied without a session with MFA.",
    },
    protected_users::USERS,
    protected_users::TAGS,
];

impl Action for RequireMfa {
    fn name(&self) -> &'static str {
        "require-mfa"
    }
    fn title(&self) -> &'static str {
        "Puts a user without MFA in a group that denies everything without it but to enrol a device"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[WITHOUT_MFA]
    }
    fn target(&self) -> Kind {
        Kind::User
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::found(FamilyKind::Users).listed(),
                Around::found(FamilyKind::CredentialReports).listed(),
                Around::named(FamilyKind::LoginProfiles),
                Around::named(FamilyKind::MfaDevices),
                Around::found(FamilyKind::AccessKeys),
                Around::found(FamilyKind::IamGroups).listed(),
                Around::found(FamilyKind::ManagedPolicies).listed().perhaps(),
                Around::found(FamilyKind::Roles).perhaps(),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want> {
        let (name, inventory) = (target.id(), context.inventory);
        let mut wants = signing_in::needs(context, name);
        wants.push(Want::id("", FamilyKind::MfaDevices, name));
        let groups = inventory.users.get(name).known().and_then(|user| user.groups.known());
        wants.extend(groups.into_iter().flatten().map(|group| Want::id("", FamilyKind::IamGroups, group)));
        if let Ok(params) = support::params::<Params>(with) {
            wants.extend(mfa_group::needs(inventory, &params.group));
            wants.push(membership(&params.group, name));
        }
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<AddUserToGroup as Operation>::SPEC, <RemoveUserFromGroup as Operation>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        // The membership is compared by itself: the user may come into other groups meanwhile.
        const { &[(FamilyKind::Memberships, Concern::WHOLE), (FamilyKind::Users, Concern::THERE)] }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn order(&self) -> u8 {
        // After the console is closed to those who do not use it: they need no MFA there.
        6
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (inventory, person) = (context.inventory, Person::of(context, target.id())?);
        let name = person.name;
        let words = format!("the MFA devices of user {name}");
        if !support::need(inventory.mfa_devices.get(name), &words)?.devices.is_empty() {
            return Err(Refusal::Nothing(format!("user {name} has an MFA device")));
        }
        if is_denied(person.user) == Fact::Known(true) {
            let why = format!("a policy denies what user {name} does in the console, enrolling included");
            return Err(Refusal::Nothing(why));
        }
        if let Some(group) = required_by(inventory, name).map_err(Refusal::Unknown)? {
            return Err(Refusal::Nothing(format!("group {group} requires MFA of user {name}")));
        }
        let signs = BreakGlass { users: &params.break_glass_users, tags: &params.break_glass_tags };
        let guards = person.guards(context, signs)?;
        let key = keys(context, &person, &params)?;
        room(&person)?;
        mfa_group::there(inventory, &params.group)?;
        let group = &params.group;
        Ok(Proposal {
            summary: format!("require MFA of user {name}, by group {group}"),
            steps: vec![step(context.region, &person, group)],
            risk: Risk::Disruptive,
            impact: impact(&person, key),
            before: json!({ "group": null }),
            after: json!({ "group": group }),
            proof: vec![Proof { check: WITHOUT_MFA.to_owned(), resource: target.clone(), with: Value::Null }],
            not_restored: Vec::new(),
            guards,
            touches: vec![membership(group, name), Want::id("", FamilyKind::Users, name)],
            prerequisites: vec![Prerequisite {
                action: mfa_group::NAME,
                resource: inventory.owner.group(group),
                with: json!({}),
                for_a_finding: false,
            }],
        })
    }
}

fn membership(group: &str, user: &str) -> Want {
    Want::id("", FamilyKind::Memberships, Membership::of(group, user))
}

/// Returns the active key of a user that was named beforehand.
///
/// # Errors
/// A refusal for a user with an active key that was not named.
fn keys<'i>(context: &Context<'i>, person: &Person<'i>, params: &Params) -> Result<Option<&'i str>, Refusal> {
    let name = person.name;
    match person.active_key(context)? {
        Some(key) if params.with_keys.iter().all(|one| one != name) => Err(Refusal::Refused(format!(
            "user {name} has an active access key, {key}: requests that it signs are without MFA and would \
             be denied, and with them whatever works with the key. Deactivate the key, have its work done by \
             a role, or name the user with require-mfa.with_keys=[{name:?}]"
        ))),
        key => Ok(key),
    }
}

fn room(person: &Person<'_>) -> Result<(), Refusal> {
    let name = person.name;
    let groups = support::need(person.user.groups.as_ref(), &format!("the groups of user {name}"))?;
    match groups.len() < GROUPS {
        true => Ok(()),
        false => Err(Refusal::Refused(format!(
            "user {name} is in {} groups, and AWS allows {GROUPS}: take it out of one",
            groups.len()
        ))),
    }
}

fn step(region: &str, person: &Person<'_>, group: &str) -> Step {
    let name = person.name;
    let id = Membership::of(group, name);
    let is = |test: Test| Expect::new("", FamilyKind::Memberships, id.as_str(), "", test);
    let (user, within) = (&person.login, signing_in::SHOWS_WITHIN);
    let add = AddUserToGroup { group_name: group.to_owned(), user_name: user.clone() };
    let remove = RemoveUserFromGroup { group_name: group.to_owned(), user_name: user.clone() };
    let none = make::is("", FamilyKind::MfaDevices, name, "/devices", json!([]))
        .meaning("the user has enrolled a device since the plan was made");
    let before = vec![
        person.has_password(),
        none,
        is(Test::Gone).meaning("somebody has put the user in the group since the plan was made"),
    ];
    let there = vec![is(Test::Exists)];
    let forth =
        make::act_until(Call::of(region, &add), there, within, "until the user is shown in the group")
            .only_if(before);
    let gone = vec![is(Test::Gone)];
    let back = make::act_until(Call::of(region, &remove), gone, within, "until the user is out of the group")
        .only_if(vec![is(Test::Exists).meaning("somebody has taken the user out of the group since")]);
    let title = format!("put user {name} in group {group}");
    make::step("require", title, forth, make::back_and_forth(back))
}

fn impact(person: &Person<'_>, key: Option<&str>) -> Vec<String> {
    let name = person.name;
    let mut all = vec![
        format!(
            "user {name} can do nothing but change the password and enrol an MFA device, until the next \
             sign-in with one: tell the person, who has to sign in again after that"
        ),
        "a session that is open without MFA is denied from then on".to_owned(),
        "roles that were assumed before go on until their sessions end".to_owned(),
        format!(
            "redress enrols no device: user {name} stays without MFA until the person has one, and \
                 scanners report that"
        ),
    ];
    all.extend(key.map(|key| {
        format!("requests that are signed with {key} are denied without a session with MFA (GetSessionToken)")
    }));
    all
}

#[cfg(test)]
mod tests;
