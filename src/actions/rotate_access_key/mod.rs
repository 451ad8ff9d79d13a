//! `rotate-access-key`: an old access key gets a successor, whose secret is delivered to Secrets Manager. The
//! old one stays active: it is deactivated, and later deleted, by changes of their own.

mod params;
mod steps;

use serde_json::{Value, json};

pub use params::Params;

use self::steps::Job;
use super::{
    Action, Around, Context, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    credentials, protected_users,
    support::{self, Subject},
};
use crate::{
    calls::Risk,
    checks::{
        access_keys::{DAYS, last_use},
        key_rotation::{DELIVERED, Delivered, NotReplaced, OLD, of_user, replacement, successor, unmark},
    },
    inventory::{AccessKey, Fact, FamilyKind, Inventory, Secret, Selector, Tags, Want, tag},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        access_key::{CreateAccessKey, DeleteAccessKey},
        secret::{CreateSecret, DeleteSecret, PutSecretValue, UpdateSecretVersionStage},
        user::UserName,
        user_tag::{TagUser, UntagUser},
    },
};

/// The action `rotate-access-key`.
pub struct RotateAccessKey;

/// The families that the guards on users read.
pub(super) const READS: &[Around] = &[
    Around::named(FamilyKind::AccessKeys),
    Around::found(FamilyKind::Users).listed(),
    Around::found(FamilyKind::IamGroups).listed().perhaps(),
    Around::found(FamilyKind::ManagedPolicies).listed().perhaps(),
    Around::found(FamilyKind::CredentialReports).listed().perhaps(),
    Around::found(FamilyKind::Roles).perhaps(),
    Around::found(FamilyKind::Secrets).perhaps(),
];

impl Action for RotateAccessKey {
    fn name(&self) -> &'static str {
        "rotate-access-key"
    }
    fn title(&self) -> &'static str {
        "Makes a new access key for an old one and delivers it to Secrets Manager"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[OLD]
    }
    fn declines(&self, _: &Inventory, _: &str, _: &ResourceId, with: &Value) -> Result<(), Refusal> {
        support::params::<Params>(with)?.region().map(|_| ())
    }
    fn target(&self) -> Kind {
        Kind::AccessKey
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        READS
    }
    fn parameters(&self) -> &'static [Parameter] {
        params::PARAMETERS
    }
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        &[(OLD, DAYS)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want> {
        let mut wants = vec![Want::id("", FamilyKind::AccessKeys, target.id())];
        let Fact::Known(key) = context.inventory.access_keys.get(target.id()) else { return wants };
        wants.push(of_user(&key.user));
        wants.extend(protected_users::needs(context, &key.user));
        let params = support::params::<Params>(with).ok();
        wants.extend(params.and_then(|params| {
            let (region, name) = (params.region().ok()?.to_owned(), params.secret_of(&key.user).ok()?);
            Some(Want::id(&region, FamilyKind::Secrets, name))
        }));
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <CreateSecret as Operation>::SPEC,
                <DeleteSecret as Operation>::SPEC,
                <CreateAccessKey as Operation>::SPEC,
                <DeleteAccessKey as Operation>::SPEC,
                <PutSecretValue as Operation>::SPEC,
                <UpdateSecretVersionStage as Operation>::SPEC,
                <TagUser as Operation>::SPEC,
                <UntagUser as Operation>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const {
            &[
                (FamilyKind::AccessKeys, Concern::these(&["id"])),
                (FamilyKind::Secrets, Concern::these(&["current"])),
                (FamilyKind::Users, Concern::THERE),
            ]
        }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let subject = Subjects::of(context, target, &params)?;
        let Subjects { key, user, region, name, secret } = &subject;
        let mut guards = protected_users::guard(context, user.as_str(), &key.tags, params.break_glass())?;
        let owner = format!("user {user}");
        let manager = key.tags.known().and_then(support::managed_by);
        guards.push(support::ownership(&owner, manager, context.options)?);
        let job = Job {
            region: context.region,
            place: region,
            user,
            key,
            name,
            secret: *secret,
            kms_key: params.kms_key.as_deref(),
        };
        let delivered = Delivered { region: region.clone(), secret: name.clone() };
        let proof =
            |check: &str, with: Value| Proof { check: check.to_owned(), resource: target.clone(), with };
        Ok(Proposal {
            summary: format!(
                "make a new access key for user {user}, in the place of {} later, and deliver it to secret \
                 {name} in {region}",
                key.id
            ),
            steps: job.steps(),
            risk: Risk::Safe,
            impact: impact(&subject),
            before: json!({ "user": key.user, "keys": [key.id], "secret": secret.is_some() }),
            after: json!({ "user": key.user, "keys": [key.id, "a new one"], "secret": true }),
            proof: vec![
                proof(OLD, json!({ DAYS: params.days })),
                proof(DELIVERED, serde_json::to_value(delivered).unwrap_or_default()),
            ],
            not_restored: vec![
                format!(
                    "secret {name} keeps the version with the new key, which an undo deletes, under the \
                     label of that key"
                ),
                format!(
                    "access of whoever has read the new key from secret {name} by then: an undo deletes a \
                     key that AWS does not show as used, and AWS can be four hours late with that"
                ),
            ],
            guards,
            touches: vec![
                of_user(&key.user),
                Want::id("", FamilyKind::Users, &key.user),
                Want::id(region, FamilyKind::Secrets, name),
            ],
            prerequisites: Vec::new(),
        })
    }
}

/// The things of a rotation.
struct Subjects<'a> {
    key: &'a AccessKey,
    user: UserName,
    region: String,
    name: String,
    secret: Option<&'a Secret>,
}

impl<'a> Subjects<'a> {
    fn of(context: &Context<'a>, target: &ResourceId, params: &Params) -> Result<Self, Refusal> {
        let inventory = context.inventory;
        let (words, key, user) = credentials::subject(context, target)?;
        let tags = support::need(key.tags.as_ref(), &format!("the tags of user {user}"))?;
        due(&words, key, tags, params.days, inventory)?;
        only_key(inventory, key)?;
        not_for_mail(key, tags)?;
        let (region, name) = (params.region()?.to_owned(), params.secret_of(user.as_str())?);
        let place = support::region(inventory, &region)?;
        let secret = support::known(place.secrets.get(&name), &format!("secret {name} in {region}"))?;
        if let Some(secret) = secret {
            usable(secret, &region, user.as_str())?;
        }
        Ok(Self { key, user, region, name, secret })
    }
}

/// Checks that the key is active, old, and not replaced yet.
fn due(words: &str, key: &AccessKey, tags: &Tags, days: u32, inventory: &Inventory) -> Result<(), Refusal> {
    match key.status.as_str() {
        AccessKey::ACTIVE => {}
        AccessKey::INACTIVE => return Err(Refusal::Nothing(format!("{words} is inactive"))),
        other => return Err(Refusal::Unknown(format!("the status of {words} is {other:?}"))),
    }
    if let Some(new) = successor(key, tags) {
        return Err(match replacement(inventory, key, new) {
            Ok(_) => Refusal::Nothing(format!("{words} was replaced by {new}")),
            Err(NotReplaced::Unknown(why)) => Refusal::Unknown(format!("{words}: {why}")),
            Err(NotReplaced::Stalled(why)) => Refusal::Refused(format!("{words}: {why}; {}", unmark(key))),
        });
    }
    let question = format!("when {words} was created");
    let created = support::need(key.created.as_ref(), Subject::Question(&question))?;
    match crate::checks::key_rotation::days_after(*created, days) < inventory.read_at {
        true => Ok(()),
        false => Err(Refusal::Nothing(format!("{words} is not older than {days} days"))),
    }
}

/// Checks that the user has no other key: a user has two at most, inactive ones included
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
fn only_key(inventory: &Inventory, key: &AccessKey) -> Result<(), Refusal> {
    let all = support::need(
        inventory.access_keys.select(&Selector::by(AccessKey::USER, &key.user)),
        &format!("the access keys of user {}", key.user),
    )?;
    let other = all.iter().find(|(id, _)| *id != key.id);
    other.map_or(Ok(()), |(id, other)| {
        Err(Refusal::Refused(format!(
            "user {user} has two access keys, the most that AWS allows: {old} and {id}, which is {status}. \
             If {id} is in use and meant to take the place of {old}, say so with the tag {mark}{old}={id} on \
             the user; if nobody needs it, delete it; then plan again",
            user = key.user,
            old = key.id,
            status = other.status.to_lowercase(),
            mark = tag::KEY_REPLACED,
        )))
    })
}

/// The beginning of the names of users that the console of Simple Email Service makes.
const SMTP_USER: &str = "ses-smtp-user";
/// The tag that it gives them.
const SMTP_TAG: (&str, &str) = ("InvokedBy", "SESConsole");
/// The name of the service in the last use of a key.
const MAIL: &str = "ses";

/// Refuses keys that Simple Email Service is used with: the password of its SMTP interface is derived from
/// the secret, so that a new key needs a new password
/// (<https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html>).
fn not_for_mail(key: &AccessKey, tags: &Tags) -> Result<(), Refusal> {
    let used = key.last_used.known().is_some_and(|used| used.service == MAIL);
    let marked = tags.get(SMTP_TAG.0).is_some_and(|value| value == SMTP_TAG.1);
    if !(used || marked || key.user.starts_with(SMTP_USER)) {
        return Ok(());
    }
    Err(Refusal::Refused(format!(
        "user {} sends mail with Simple Email Service, whose SMTP password is derived from the secret of the \
         key: a new key is of no use there without a new password. Make new SMTP credentials by hand and \
         give them to the sender",
        key.user
    )))
}

/// Checks that a secret is one of redress's own for this user.
fn usable(secret: &Secret, region: &str, user: &str) -> Result<(), Refusal> {
    let refused = |why: String| {
        Err(Refusal::Refused(format!(
            "secret {} in {region} {why}: name another one with rotate-access-key.secret",
            secret.id
        )))
    };
    if secret.tags.get(tag::KEYS_OF).is_none_or(|of| of != user) {
        return refused(format!("exists, and is not one that redress made for the keys of user {user}"));
    }
    match &secret.deleted_date {
        Fact::Absent => {}
        Fact::Known(_) => {
            return Err(Refusal::Refused(format!(
                "secret {} in {region} is going to be deleted: restore it (secretsmanager:RestoreSecret), \
                 and plan again",
                secret.id
            )));
        }
        silent => {
            let why = silent.silence().unwrap_or_default();
            return Err(Refusal::Unknown(format!("whether secret {} is deleted: {why}", secret.id)));
        }
    }
    match &secret.owning_service {
        Some(service) => refused(format!("is managed by {service}")),
        None if secret.rotation_enabled => refused("is rotated by Secrets Manager itself".to_owned()),
        None => Ok(()),
    }
}

fn impact(subject: &Subjects<'_>) -> Vec<String> {
    let Subjects { key, user, region, name, secret } = subject;
    let mut lines = vec![
        format!("{} stays active: it was {}. AWS can be four hours late with that", key.id, last_use(key)),
        format!(
            "whoever uses the key has to read the new one from secret {name} in {region} (label AWSCURRENT): \
             redress cannot know who that is"
        ),
        format!(
            "user {user} has two keys then, the most that AWS allows, until {} is deactivated and deleted",
            key.id
        ),
    ];
    match secret.and_then(|secret| secret.current.as_ref()) {
        Some(_) => lines.push("the version that readers of the secret get changes at once".to_owned()),
        None => lines.push(format!(
            "secret {name} is made; whoever may read secrets of the account can read the new key there"
        )),
    }
    lines
}

#[cfg(test)]
mod tests;
