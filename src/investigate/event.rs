//! An event as far as it must be read to know whose it is, when, from where and how it ended: without what
//! was asked for and what came back, since nearly all events of a log are of others, or only read.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::intake::{cloudtrail, draft};

/// A text of an event; borrowed where it holds no escape.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

type Maybe<'a> = Option<Text<'a>>;

/// Returns a text, empty where there is none.
fn text<'t>(of: &'t Maybe<'_>) -> &'t str {
    of.as_ref().map_or("", |text| &text.0)
}

/// Returns whether a text is there and equals another.
pub(super) fn is(of: &Maybe<'_>, other: &str) -> bool {
    of.as_ref().is_some_and(|text| text.0 == other)
}

/// An event of CloudTrail.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    event_source: Text<'a>,
    #[serde(borrow)]
    event_name: Text<'a>,
    #[serde(borrow, default)]
    event_time: Maybe<'a>,
    #[serde(borrow, default)]
    aws_region: Maybe<'a>,
    #[serde(borrow, default, rename = "sourceIPAddress")]
    source_ip_address: Maybe<'a>,
    #[serde(borrow, default)]
    user_agent: Maybe<'a>,
    #[serde(borrow, default)]
    error_code: Maybe<'a>,
    #[serde(default)]
    read_only: Option<Value>,
    #[serde(borrow, default)]
    recipient_account_id: Maybe<'a>,
    #[serde(borrow, default)]
    user_identity: Option<Identity<'a>>,
    /// A member that only notifications of files have.
    #[serde(default)]
    s3: Option<IgnoredAny>,
}

/// The caller of an event
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Maybe<'a>,
    #[serde(borrow, default)]
    principal_id: Maybe<'a>,
    #[serde(borrow, default)]
    arn: Maybe<'a>,
    #[serde(borrow, default)]
    account_id: Maybe<'a>,
    #[serde(borrow, default)]
    pub access_key_id: Maybe<'a>,
    #[serde(borrow, default)]
    user_name: Maybe<'a>,
    #[serde(borrow, default)]
    invoked_by: Maybe<'a>,
    #[serde(borrow, default)]
    session_context: Option<Session<'a>>,
    #[serde(borrow, default)]
    in_scope_of: Option<Scope<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    #[serde(borrow, default)]
    session_issuer: Option<Issuer<'a>>,
    #[serde(default)]
    ec2_role_delivery: Option<IgnoredAny>,
}

/// The role or user that a session was issued for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Issuer<'a> {
    #[serde(borrow, default, rename = "type")]
    pub kind: Maybe<'a>,
    #[serde(borrow, default)]
    arn: Maybe<'a>,
    #[serde(borrow, default)]
    account_id: Maybe<'a>,
    #[serde(borrow, default)]
    user_name: Maybe<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scope<'a> {
    #[serde(borrow, default)]
    credentials_issued_to: Maybe<'a>,
}

/// The caller of an event that names none.
const NOBODY: &Identity<'static> = &Identity {
    kind: None,
    principal_id: None,
    arn: None,
    account_id: None,
    access_key_id: None,
    user_name: None,
    invoked_by: None,
    session_context: None,
    in_scope_of: None,
};

impl<'a> Event<'a> {
    /// Reads an event from its text; `None` if it is none, or must be parsed by the reader that knows why.
    pub fn of_text(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().filter(|event: &Self| event.s3.is_none())
    }

    /// Reads an event from its value; `None` if a member is not of the kind that AWS documents.
    pub fn of_value(value: &'a Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    pub fn name(&self) -> &str {
        &self.event_name.0
    }

    /// Returns the call, without the version that some services write behind a name:
    /// `lambda:AddPermission` for `AddPermission20150331v2`.
    pub fn call(&self) -> String {
        cloudtrail::call(&self.event_source.0, unversioned(&self.event_name.0))
    }

    /// Returns the call exactly as the event has it, as the table of intake has it.
    pub fn exact_call(&self) -> String {
        cloudtrail::call(&self.event_source.0, &self.event_name.0)
    }

    pub fn who(&self) -> &Identity<'a> {
        self.user_identity.as_ref().unwrap_or(NOBODY)
    }

    pub fn at(&self) -> Option<Timestamp> {
        draft::time_text(text(&self.event_time))
    }

    pub fn from(&self) -> &str {
        text(&self.source_ip_address)
    }

    pub fn region(&self) -> &str {
        text(&self.aws_region)
    }

    pub fn agent(&self) -> &str {
        text(&self.user_agent)
    }

    /// Returns the error code, empty for a call that succeeded.
    pub fn error(&self) -> &str {
        text(&self.error_code)
    }

    pub fn only_reads(&self) -> bool {
        cloudtrail::only_reads(self.read_only.as_ref(), self.name())
    }

    /// Returns the account that the call was made in.
    pub fn account(&self) -> &str {
        draft::first(&[text(&self.recipient_account_id), text(&self.who().account_id)])
    }
}

impl<'a> Identity<'a> {
    pub fn kind(&self) -> &str {
        text(&self.kind)
    }

    pub fn arn(&self) -> &str {
        text(&self.arn)
    }

    pub fn account(&self) -> &str {
        text(&self.account_id)
    }

    pub fn user_name(&self) -> &str {
        text(&self.user_name)
    }

    pub fn key(&self) -> &str {
        text(&self.access_key_id)
    }

    pub fn issuer(&self) -> Option<&Issuer<'a>> {
        self.session_context.as_ref()?.session_issuer.as_ref()
    }

    pub fn issued_to(&self) -> &str {
        self.in_scope_of.as_ref().map_or("", |scope| text(&scope.credentials_issued_to))
    }

    /// Returns whether EC2 itself delivered the credentials to an instance.
    pub fn is_delivered(&self) -> bool {
        self.session_context.as_ref().is_some_and(|session| session.ec2_role_delivery.is_some())
            || !self.issued_to().is_empty()
    }

    /// Returns the name of the session of a role.
    pub fn session(&self) -> &str {
        let named = text(&self.principal_id).rsplit_once(':').map_or("", |(_, session)| session);
        let of_arn = self.arn().rsplit_once('/').map_or("", |(_, session)| session);
        draft::first(&[of_arn, named])
    }

    /// Returns the caller: its ARN, or else what CloudTrail has of it.
    pub fn words(&self) -> String {
        let other = [&self.invoked_by, &self.user_name, &self.principal_id, &self.account_id].map(text);
        match (self.arn(), draft::first(&other)) {
            ("", "") if self.kind().is_empty() => "nobody that the event names".to_owned(),
            ("", name) => format!("{} {name}", self.kind()).trim().to_owned(),
            (arn, _) => arn.to_owned(),
        }
    }
}

impl Issuer<'_> {
    pub fn arn(&self) -> &str {
        text(&self.arn)
    }

    pub fn account(&self) -> &str {
        text(&self.account_id)
    }

    pub fn user_name(&self) -> &str {
        text(&self.user_name)
    }
}

/// Returns the name of an event without the date and the version of its API, which Lambda
/// (`CreateFunction20150331`, `AddPermission20150331v2`) and CloudFront (`CreateDistribution2020_05_31`)
/// write.
fn unversioned(name: &str) -> &str {
    let is_date =
        |rest: &str| rest.len() >= 8 && rest.bytes().all(|b| b.is_ascii_digit() || b == b'_' || b == b'v');
    match name.find("20") {
        Some(at) if is_date(&name[at..]) => &name[..at],
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_behind_a_name_is_no_part_of_it() {
        for (name, bare) in [
            ("AddPermission20150331v2", "AddPermission"),
            ("CreateFunction20150331", "CreateFunction"),
            ("CreateDistribution2020_05_31", "CreateDistribution"),
            ("RunInstances", "RunInstances"),
            ("Use20", "Use20"),
            ("Über20150331", "Über"),
        ] {
            assert_eq!(unversioned(name), bare);
        }
    }
}
