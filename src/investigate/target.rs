//! The actor that is asked about, and the events that are its own.

use std::net::IpAddr;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::event::{Event, Identity, is};
use crate::intake::text;

/// An actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An access key, of a user (`AKIA…`) or of a session (`ASIA…`).
    AccessKey(String),
    /// An IAM user, or the root user of an account by its ARN.
    User(Named),
    /// A role, with all its sessions.
    Role(Named),
    /// An EC2 instance, by the credentials of its role.
    Instance(String),
    /// An address that calls came from.
    Address(IpAddr),
}

/// A user or a role, by its name or by its ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name, without a path.
    pub name: String,
    /// The ARN, with the account, where it was given.
    pub arn: Option<Arn>,
}

/// An ARN of IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    /// The whole ARN.
    pub whole: String,
    /// The account in it.
    pub account: String,
}

/// The name of the root user in its ARN.
const ROOT: &str = "root";

impl Target {
    /// Reads the id of an access key
    /// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html>).
    ///
    /// # Errors
    /// The reason why it is none.
    pub fn access_key(text: &str) -> Result<Self, String> {
        let is_id = (16..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let other = [("AROA", "role", "--role NAME"), ("AIDA", "user", "--user NAME")];
        match other.into_iter().find(|(begins, ..)| text.starts_with(begins)) {
            Some((_, what, flag)) if is_id => Err(format!("it is the id of a {what}: give {flag}")),
            _ if is_id && ["AKIA", "ASIA"].iter().any(|begins| text.starts_with(begins)) => {
                Ok(Self::AccessKey(text.to_owned()))
            }
            _ => {
                Err("an access key id begins with AKIA or ASIA and has 16 capital letters and digits or more"
                    .to_owned())
            }
        }
    }

    /// Reads the name or the ARN of a user.
    ///
    /// # Errors
    /// The reason why it is none.
    pub fn user(text: &str) -> Result<Self, String> {
        if let Some(arn) = Arn::of(text)
            && arn.resource() == ROOT
        {
            return Ok(Self::User(Named { name: ROOT.to_owned(), arn: Some(arn) }));
        }
        Named::of(text, "user").map(Self::User)
    }

    /// Reads the name or the ARN of a role.
    ///
    /// # Errors
    /// The reason why it is none.
    pub fn role(text: &str) -> Result<Self, String> {
        if text.contains(":assumed-role/") {
            return Err("it is the ARN of a session: give the role, by its name or its own ARN".to_owned());
        }
        Named::of(text, "role").map(Self::Role)
    }

    /// Reads the id of an instance.
    ///
    /// # Errors
    /// The reason why it is none.
    pub fn instance(id: &str) -> Result<Self, String> {
        let fits = text::is_ec2_id(id, "i");
        fits.then(|| Self::Instance(id.to_owned()))
            .ok_or_else(|| "an instance has an id such as i-0123456789abcdef0".to_owned())
    }

    /// Reads an address, IPv4 or IPv6.
    ///
    /// # Errors
    /// The reason why it is none.
    pub fn address(text: &str) -> Result<Self, String> {
        let network = if text.contains('/') { "; a network is not one address" } else { "" };
        text.parse::<IpAddr>()
            .map(|address| Self::Address(address.to_canonical()))
            .map_err(|_| format!("give one address, such as 203.0.113.7 or 2001:db8::7{network}"))
    }

    /// Returns the kind of actor, as documents have it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AccessKey(_) => "access-key",
            Self::User(_) => "user",
            Self::Role(_) => "role",
            Self::Instance(_) => "instance",
            Self::Address(_) => "address",
        }
    }

    /// Returns the name or the ARN of the actor.
    pub fn name(&self) -> String {
        match self {
            Self::AccessKey(id) | Self::Instance(id) => id.clone(),
            Self::User(named) | Self::Role(named) => {
                named.arn.as_ref().map_or_else(|| named.name.clone(), |arn| arn.whole.clone())
            }
            Self::Address(address) => address.to_string(),
        }
    }

    /// Returns the actor in words: `access key AKIA…`.
    pub fn words(&self) -> String {
        format!("{} {}", self.kind().replace('-', " "), self.name())
    }

    /// Returns whether an event is of this actor.
    pub(super) fn acts(&self, event: &Event<'_>) -> bool {
        let who = event.who();
        match self {
            Self::AccessKey(key) => is(&who.access_key_id, key),
            Self::User(named) => named.is_user(who),
            Self::Role(named) => named.is_role(who),
            Self::Instance(id) => is_instance(who, id),
            // AWS writes an address here, or the name of the service that called.
            Self::Address(address) => event.from().parse::<IpAddr>().is_ok_and(|from| from == *address),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut target = serializer.serialize_struct("target", 2)?;
        target.serialize_field("kind", self.kind())?;
        target.serialize_field("name", &self.name())?;
        target.end()
    }
}

impl Arn {
    fn of(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [begins, _, service, region, account, _] = parts[..] else { return None };
        let is_one = (begins, service, region) == ("arn", "iam", "") && text::is_account(account);
        is_one.then(|| Self { whole: text.to_owned(), account: account.to_owned() })
    }

    fn resource(&self) -> &str {
        self.whole.splitn(6, ':').last().unwrap_or_default()
    }
}

impl Named {
    /// Reads a name or an ARN of this kind
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>: 64 characters).
    fn of(text: &str, kind: &str) -> Result<Self, String> {
        let bad = || format!("give the name of a {kind}, or its ARN: arn:aws:iam::123456789012:{kind}/NAME");
        let fits = |name: &str| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b))
        };
        if !text.starts_with("arn:") {
            return fits(text).then(|| Self { name: text.to_owned(), arn: None }).ok_or_else(bad);
        }
        let arn = Arn::of(text).ok_or_else(bad)?;
        let path = arn.resource().strip_prefix(kind).and_then(|rest| rest.strip_prefix('/'));
        let name = path.and_then(|path| path.rsplit('/').next()).filter(|name| fits(name)).ok_or_else(bad)?;
        Ok(Self { name: name.to_owned(), arn: Some(arn) })
    }

    /// Returns whether this is the user or the role with this ARN, or where there is none with this name in
    /// this account.
    fn is(&self, arn: &str, name: &str, account: &str) -> bool {
        match &self.arn {
            Some(own) if !arn.is_empty() => own.whole == arn,
            Some(own) => own.account == account && self.name == name,
            None => self.name == name,
        }
    }

    fn is_user(&self, who: &Identity<'_>) -> bool {
        match who.kind() {
            "IAMUser" => {
                let name = who.user_name();
                let name = if name.is_empty() { last(who.arn()) } else { name };
                self.is(who.arn(), name, who.account())
            }
            // A session that a user was given by GetFederationToken.
            "FederatedUser" => who.issuer().is_some_and(|issuer| {
                is(&issuer.kind, "IAMUser") && self.is(issuer.arn(), issuer.user_name(), issuer.account())
            }),
            "Root" => {
                self.arn.as_ref().is_some_and(|arn| arn.resource() == ROOT && arn.account == who.account())
            }
            _ => false,
        }
    }

    fn is_role(&self, who: &Identity<'_>) -> bool {
        if who.kind() != "AssumedRole" {
            return false;
        }
        let issuer = who.issuer().filter(|issuer| !issuer.user_name().is_empty());
        issuer.map_or_else(
            // `arn:aws:sts::123456789012:assumed-role/NAME/SESSION`
            || self.is("", who.arn().rsplit('/').nth(1).unwrap_or_default(), who.account()),
            |issuer| self.is(issuer.arn(), issuer.user_name(), issuer.account()),
        )
    }

    /// Returns whether a call in this account names this user or role, by its name or its ARN.
    pub(super) fn is_named(&self, text: &str, account: &str) -> bool {
        let arn = if text.starts_with("arn:") { text } else { "" };
        !text.is_empty() && self.is(arn, last(text), account)
    }
}

fn last(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or_default()
}

/// Returns whether credentials are those of the role of an instance: EC2 names the session after the
/// instance, and CloudTrail notes for which resource the credentials were issued
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>).
fn is_instance(who: &Identity<'_>, id: &str) -> bool {
    let session = who.kind() == "AssumedRole" && who.session() == id;
    session || who.issued_to().rsplit_once(":instance/").is_some_and(|(_, instance)| instance == id)
}
