//! The credentials of a user that are active, and the steps that make each of them inactive.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    actions::{
        Context, Refusal,
        credentials::{alone, key_off, switch_off},
        make,
    },
    calls::{Call, Step},
    checks::revoked::is_active,
    inventory::{AccessKey, Credential, Fact, FamilyKind, Selector, User},
    services::user::{
        UpdateAccessKey, UpdateSSHPublicKey, UpdateServiceSpecificCredential, UpdateSigningCertificate,
        UserName,
    },
};

/// The kinds of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sort {
    AccessKey,
    ServiceSpecific,
    SshKey,
    Certificate,
}

impl Sort {
    fn words(self) -> &'static str {
        match self {
            Sort::AccessKey => "access key",
            Sort::ServiceSpecific => "service-specific credential",
            Sort::SshKey => "SSH public key",
            Sort::Certificate => "signing certificate",
        }
    }

    /// Returns the member of [`crate::inventory::UserCredentials`] that holds it.
    fn member(self) -> &'static str {
        match self {
            Sort::AccessKey => "key",
            Sort::ServiceSpecific => "service_specific",
            Sort::SshKey => "ssh_keys",
            Sort::Certificate => "certificates",
        }
    }
}

/// A credential that becomes inactive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Taken {
    sort: Sort,
    id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    service: String,
}

impl Taken {
    fn other(sort: Sort, one: &Credential) -> Self {
        Self { sort, id: one.id.clone(), service: one.service.clone() }
    }

    pub(super) fn words(&self) -> String {
        match self.service.as_str() {
            "" => format!("{} {}", self.sort.words(), self.id),
            service => format!("{} {} for {service}", self.sort.words(), self.id),
        }
    }

    /// Returns its id if it is an access key.
    pub(super) fn key(&self) -> Option<&str> {
        (self.sort == Sort::AccessKey).then_some(self.id.as_str())
    }

    /// Builds the step that makes it inactive.
    pub(super) fn step(&self, region: &str, user: &UserName) -> Step {
        let (what, member, id) = (self.sort.words(), self.sort.member(), &self.id);
        let (name, title) = (format!("{member}-{id}"), format!("deactivate {what} {id}"));
        if self.sort == Sort::AccessKey {
            return alone(key_off(name, title, (region, user), id));
        }
        let at = format!("/{member}/known/id={id}/status");
        let is = |status: Value| make::is("", FamilyKind::UserCredentials, user.as_str(), &at, status);
        alone(switch_off(name, title, |status| self.call(region, user, status), is))
    }

    fn call(&self, region: &str, user: &UserName, status: &str) -> Call {
        let (user_name, id, status) = (user.clone(), self.id.clone(), status.to_owned());
        match self.sort {
            Sort::AccessKey => Call::of(region, &UpdateAccessKey { user_name, access_key_id: id, status }),
            Sort::ServiceSpecific => Call::of(
                region,
                &UpdateServiceSpecificCredential { user_name, service_specific_credential_id: id, status },
            ),
            Sort::SshKey => {
                Call::of(region, &UpdateSSHPublicKey { user_name, ssh_public_key_id: id, status })
            }
            Sort::Certificate => {
                Call::of(region, &UpdateSigningCertificate { user_name, certificate_id: id, status })
            }
        }
    }
}

/// The credentials of a user, as far as they are known.
pub(super) struct Found {
    /// Those that are active.
    pub(super) active: Vec<Taken>,
    /// The lists that could not be read, each with the reason.
    pub(super) unread: Vec<String>,
}

impl Found {
    pub(super) fn of(context: &Context<'_>, user: &User) -> Result<Self, Refusal> {
        let inventory = context.inventory;
        let (mut active, mut unread) = (Vec::new(), Vec::new());
        let silent = |what: &str, why: Option<&str>| {
            format!("{what} could not be read: {}", why.unwrap_or("there is no answer"))
        };
        match inventory.access_keys.select(&Selector::by(AccessKey::USER, user.id.as_str())) {
            Fact::Known(keys) => {
                for (id, key) in keys {
                    match key.status.as_str() {
                        AccessKey::ACTIVE => active.push(Taken {
                            sort: Sort::AccessKey,
                            id: id.to_string(),
                            service: String::new(),
                        }),
                        AccessKey::INACTIVE | "Expired" => {}
                        other => {
                            let why = format!("the status of access key {id} is {other:?}");
                            return Err(Refusal::Unknown(why));
                        }
                    }
                }
            }
            list => unread.push(silent("access keys", list.silence())),
        }
        let others = match inventory.user_credentials.get(&user.id) {
            Fact::Known(others) => others,
            list => {
                unread.push(silent("other credentials", list.silence()));
                return Ok(Self { active, unread });
            }
        };
        let sorts = [
            (Sort::ServiceSpecific, &others.service_specific),
            (Sort::SshKey, &others.ssh_keys),
            (Sort::Certificate, &others.certificates),
        ];
        for (sort, list) in sorts {
            match list {
                Fact::Known(all) => {
                    active.extend(all.iter().filter(|one| is_active(one)).map(|one| Taken::other(sort, one)))
                }
                list => unread.push(silent(&format!("{}s", sort.words()), list.silence())),
            }
        }
        Ok(Self { active, unread })
    }
}
