//! `revoke-credentials`: a user that a person names as compromised can do nothing any more. Everything is
//! denied to it first, which also stops sessions that were made with its keys; then each credential becomes
//! inactive.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    credentials::{ATTACHED, key_off, switch_off},
    make,
    protected_users::{self, BreakGlass},
    signing_in::SHOWS_WITHIN,
    support,
};
use crate::{
    calls::{Act, Call, Expect, Risk, Step},
    checks::{
        console::policies::{OF_USER, size},
        revoked::{DENY_ALL, QUARANTINE, USER, USERS, deny_all, groups, is_active, is_denied, of_user},
    },
    inventory::{
        AccessKey, Credential, Fact, FamilyKind, LoginProfile, Selector, User, UserCredentials, Want,
    },
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        sign_in::{DeleteUserPolicy, PutUserPolicy},
        user::{
            AttachUserPolicy, DetachUserPolicy, UpdateAccessKey, UpdateSSHPublicKey,
            UpdateServiceSpecificCredential, UpdateSigningCertificate, UserName,
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
}

impl Default for Params {
    fn default() -> Self {
        Self {
            users: Vec::new(),
            break_glass_users: protected_users::usual_users(),
            break_glass_tags: protected_users::usual_tags(),
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

impl Action for RevokeCredentials {
    fn name(&self) -> &'static str {
        NAME
    }
    fn title(&self) -> &'static str {
        "Denies everything to a user that is compromised, and makes its credentials inactive"
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
                Around::named(FamilyKind::LoginProfiles),
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
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let mut wants = of_user(target.id());
        wants.push(Want::id("", FamilyKind::LoginProfiles, target.id()));
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
                (
                    FamilyKind::Users,
                    Concern::these(&["user_id", "inline_policies", "attached_policies"])
                        .lists(&["inline_policies", "attached_policies"]),
                ),
                (FamilyKind::AccessKeys, Concern::these(&["status"])),
                (
                    FamilyKind::UserCredentials,
                    Concern::these(&["service_specific", "ssh_keys", "certificates"]),
                ),
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
        let mut guards = protected_users::guard(context, &user.id, &Fact::Known(user.tags.clone()), signs)?;
        guards.push(support::ownership(&words, support::managed_by(&user.tags), context.options)?);
        let found = Found::of(context, user)?;
        guards.extend(found.unread.iter().map(|why| {
            let note = format!("{why}; everything is denied to {words}, these included");
            GuardNote::not_checked("other-credentials", note)
        }));
        let steps = found.steps(context.region, &name)?;
        if steps.is_empty() {
            return Err(Refusal::Nothing(format!("everything is denied to {words}, and no key is active")));
        }
        let mut touches = vec![
            Want::id("", FamilyKind::Users, &user.id),
            Want::id("", FamilyKind::UserCredentials, &user.id),
        ];
        touches.extend(found.keys.iter().map(|key| Want::id("", FamilyKind::AccessKeys, &key.id)));
        Ok(Proposal {
            summary: format!("deny everything to {words}, and make its credentials inactive"),
            before: found.shown(),
            after: json!({ "denied": true, "active": [] }),
            impact: found.impact(),
            steps,
            risk: Risk::Disruptive,
            proof: vec![Proof {
                check: USER.to_owned(),
                resource: target.clone(),
                with: json!({ USERS: [user.id] }),
            }],
            not_restored: vec![format!(
                "requests of {words} that were refused in the meantime; whatever it made before stays"
            )],
            guards,
            touches,
            prerequisites: Vec::new(),
        })
    }
}

/// The credentials of a user, as far as they are known.
struct Found<'a> {
    user: &'a User,
    denied: bool,
    keys: Vec<&'a AccessKey>,
    others: &'a UserCredentials,
    password: Fact<&'a LoginProfile>,
    unread: Vec<String>,
}

impl<'a> Found<'a> {
    fn of(context: &Context<'a>, user: &'a User) -> Result<Self, Refusal> {
        let (inventory, words) = (context.inventory, format!("user {}", user.id));
        let inline =
            support::need(user.inline_policies.as_ref(), &format!("the inline policies of {words}"))?;
        let attached =
            support::need(user.attached_policies.as_ref(), &format!("the attached policies of {words}"))?;
        let keys = inventory.access_keys.select(&Selector::by(AccessKey::USER, user.id.as_str()));
        let keys = support::need(keys, &format!("the access keys of {words}"))?;
        let strange = keys.iter().find(|(_, key)| {
            ![AccessKey::ACTIVE, AccessKey::INACTIVE, "Expired"].contains(&key.status.as_str())
        });
        if let Some((id, key)) = strange {
            return Err(Refusal::Unknown(format!("the status of access key {id} is {:?}", key.status)));
        }
        let others = support::need(
            inventory.user_credentials.get(&user.id),
            &format!("the other credentials of {words}"),
        )?;
        let silent = |(what, list): (&str, &Fact<Vec<Credential>>)| {
            Some(format!("{what}s could not be read: {}", list.silence()?))
        };
        Ok(Self {
            user,
            denied: is_denied(inventory, user, inline, attached),
            keys: keys.into_iter().map(|(_, key)| key).collect(),
            others,
            password: inventory.login_profiles.get(&user.id),
            unread: others.lists().into_iter().filter_map(silent).collect(),
        })
    }

    fn steps(&self, region: &str, name: &UserName) -> Result<Vec<Step>, Refusal> {
        let mut steps = Vec::new();
        if !self.denied {
            steps.push(self.deny(region, name)?);
        }
        for key in self.keys.iter().filter(|key| key.status == AccessKey::ACTIVE) {
            let title = format!("deactivate access key {}", key.id);
            steps.push(key_off(format!("key-{}", key.id), title, (region, name), key));
        }
        for (what, member, list, call) in self.kinds(region, name) {
            for one in list.iter().filter(|one| is_active(one)) {
                let at = format!("/{member}/known/id={}/status", one.id);
                let is =
                    |status| make::is("", FamilyKind::UserCredentials, self.user.id.as_str(), &at, status);
                let title = format!("deactivate {what} {}", one.id);
                steps.push(switch_off(
                    format!("{member}-{}", one.id),
                    title,
                    |status| call(&one.id, status),
                    is,
                ));
            }
        }
        Ok(steps)
    }

    /// Returns the other kinds of credentials, with the member that holds each and the call that sets a
    /// status.
    fn kinds<'s>(&'s self, region: &'s str, name: &'s UserName) -> [OtherKind<'s>; 3] {
        let known = |list: &'s Fact<Vec<Credential>>| list.known().map_or(&[][..], Vec::as_slice);
        [
            (
                "service-specific credential",
                "service_specific",
                known(&self.others.service_specific),
                Box::new(move |id, status| {
                    Call::of(
                        region,
                        &UpdateServiceSpecificCredential {
                            user_name: name.clone(),
                            service_specific_credential_id: id.to_owned(),
                            status: status.to_owned(),
                        },
                    )
                }),
            ),
            (
                "SSH public key",
                "ssh_keys",
                known(&self.others.ssh_keys),
                Box::new(move |id, status| {
                    Call::of(
                        region,
                        &UpdateSSHPublicKey {
                            user_name: name.clone(),
                            ssh_public_key_id: id.to_owned(),
                            status: status.to_owned(),
                        },
                    )
                }),
            ),
            (
                "signing certificate",
                "certificates",
                known(&self.others.certificates),
                Box::new(move |id, status| {
                    Call::of(
                        region,
                        &UpdateSigningCertificate {
                            user_name: name.clone(),
                            certificate_id: id.to_owned(),
                            status: status.to_owned(),
                        },
                    )
                }),
            ),
        ]
    }

    /// Builds the step that denies everything: by an inline policy where the quota has room, else by AWS's
    /// managed policy.
    fn deny(&self, region: &str, name: &UserName) -> Result<Step, Refusal> {
        let same = is(&self.user.id, "/user_id", json!(self.user.user_id))
            .meaning("the user was deleted and made anew since the plan was made");
        let inline = self.user.inline_policies.known().into_iter().flatten();
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
            let (none, ours) = (is(&self.user.id, &at, Value::Null), is(&self.user.id, &at, deny_all()));
            let back = until(Call::of(region, &delete), none.clone(), "the policy is gone")
                .only_if(vec![ours.clone().meaning("somebody has changed the policy since")]);
            let act = until(Call::of(region, &put), ours, "the policy can be seen").only_if(vec![
                none.meaning("somebody has set a policy of that name since the plan was made"),
                same,
            ]);
            return Ok(make::step("deny", title, act, make::back(vec![back])));
        }
        let attached = self.user.attached_policies.known().map_or(0, Vec::len);
        if attached >= ATTACHED {
            return Err(Refusal::Refused(format!(
                "user {name} has no room for a denial: its inline policies take {taken} of {OF_USER} \
                 characters, or one is called {QUARANTINE}, and it has {attached} managed policies of \
                 {ATTACHED}. Put it in a group to which AWSDenyAll is attached, which stops it at once, and \
                 plan again: its credentials become inactive then. Or detach a policy by hand"
            )));
        }
        let arn = format!("arn:{}:iam:{DENY_ALL}", partition(&self.user.arn));
        let attach = AttachUserPolicy { user_name: name.clone(), policy_arn: arn.clone() };
        let detach = DetachUserPolicy { user_name: name.clone(), policy_arn: arn.clone() };
        let mut with = self.user.attached_policies.known().cloned().unwrap_or_default();
        let without = json!(with);
        with.push(arn);
        let now = |list: Value| is(&self.user.id, "/attached_policies/known", list);
        let back = until(Call::of(region, &detach), now(without.clone()), "the policy is detached");
        let act = until(Call::of(region, &attach), now(json!(with)), "the policy is attached").only_if(vec![
            now(without).meaning("somebody has attached or detached a policy since the plan was made"),
            same,
        ]);
        Ok(make::step("deny", title, act, make::back(vec![back])))
    }

    /// Lists what is active.
    fn active(&self) -> Vec<String> {
        let keys = self.keys.iter().filter(|key| key.status == AccessKey::ACTIVE);
        let mut all: Vec<String> = keys.map(|key| format!("access key {}", key.id)).collect();
        for (what, list) in self.others.lists() {
            let active = list.known().into_iter().flatten().filter(|one| is_active(one));
            all.extend(active.map(|one| match one.service.as_str() {
                "" => format!("{what} {}", one.id),
                service => format!("{what} {} for {service}", one.id),
            }));
        }
        all
    }

    fn shown(&self) -> Value {
        json!({ "denied": self.denied, "active": self.active() })
    }

    fn impact(&self) -> Vec<String> {
        let name = &self.user.id;
        let mut all = vec![format!(
            "whatever runs as user {name} is refused from then on, sessions that were made with its keys \
             included; IAM takes some seconds to spread that"
        )];
        let active = self.active();
        if !active.is_empty() {
            all.push(format!("it becomes inactive: {}", active.join(", ")));
        }
        all.push(
            "sessions of roles that it has assumed go on: name each role with `redress revoke --role`, and \
             what it made or changed is found in CloudTrail, not here"
                .to_owned(),
        );
        all.push(match &self.password {
            Fact::Absent => "it has no password for the console".to_owned(),
            Fact::Known(_) => {
                "its password stays, since AWS cannot restore one: whoever signs in with it can do \
                               nothing while everything is denied"
                    .to_owned()
            }
            silent => format!(
                "whether it has a password is not known ({}): one would stay, and be of no use while \
                 everything is denied",
                silent.silence().unwrap_or("there is no answer")
            ),
        });
        all
    }
}

/// A kind of credential: its word, the member that holds it, those that are known, and the call that sets the
/// status of one.
type OtherKind<'s> = (&'static str, &'static str, &'s [Credential], Box<dyn Fn(&str, &str) -> Call + 's>);

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
