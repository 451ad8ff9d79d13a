//! Reads how IAM users sign in and what they may do then, each user by itself. The seed of an MFA device is
//! in the answer of `iam:ListVirtualMFADevices`, which is never called.

use aws_sdk_iam::Client;
use futures::{Stream, StreamExt, stream};

use super::{Ask, Members, iam::document, not_listed, page::time};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{Fact, LoginProfile, Membership, MfaDevices, UserPolicy},
    services::user::UserName,
};

/// The number of users that are asked about at once.
const AT_ONCE: usize = 4;
/// The code for a user, a password or a policy that does not exist.
const ABSENT: &str = "NoSuchEntity";

/// Returns the ids that are asked for.
fn ids(ask: &Ask) -> Option<impl Stream<Item = String> + use<>> {
    match ask {
        Ask::Ids(ids) => Some(stream::iter(ids.clone())),
        Ask::All | Ask::By(..) => None,
    }
}

/// Returns the fact of an answer, which is absent where AWS knows no such thing.
fn told<T>(answer: Result<Fact<T>, CallError>) -> Fact<T> {
    answer.unwrap_or_else(|error| if error.code == ABSENT { Fact::Absent } else { errors::fact(&error) })
}

fn named(name: &str) -> Result<UserName, CallError> {
    UserName::try_from(name).map_err(|why| errors::bad_input("iam", why))
}

/// Splits an id of two names.
fn two(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap_or((id, ""))
}

/// Calls `iam:GetLoginProfile` and `iam:GetUser`.
pub async fn login_profiles(iam: &Client, ask: &Ask) -> Members<LoginProfile> {
    let Some(names) = ids(ask) else { return not_listed("passwords") };
    let each = names.map(|name| async move {
        let fact = told(login_profile(iam, &name).await);
        (name, fact)
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

async fn login_profile(iam: &Client, name: &str) -> Result<Fact<LoginProfile>, CallError> {
    const OPERATION: &str = "iam:GetLoginProfile";
    let user = named(name)?;
    let answer = reading(OPERATION, || iam.get_login_profile().user_name(user.as_str()).send()).await?;
    let Some(profile) = answer.login_profile else {
        return Ok(Fact::unknown(format!("the answer is empty ({OPERATION})")));
    };
    let created = time(Some(profile.create_date))
        .map_or_else(|| Fact::unknown(format!("the answer does not contain it ({OPERATION})")), Fact::Known);
    let asked = reading("iam:GetUser", || iam.get_user().user_name(user.as_str()).send()).await;
    let last_used = match asked.map(|answer| answer.user) {
        Ok(Some(user)) => time(user.password_last_used).map_or(Fact::Absent, Fact::Known),
        Ok(None) => Fact::unknown("the answer is empty (iam:GetUser)"),
        Err(error) => Fact::unknown(&error),
    };
    Ok(Fact::Known(LoginProfile { id: name.to_owned(), created, last_used }))
}

/// Calls `iam:ListMFADevices`.
pub async fn mfa_devices(iam: &Client, ask: &Ask) -> Members<MfaDevices> {
    let Some(names) = ids(ask) else { return not_listed("MFA devices") };
    let each = names.map(|name| async move {
        let fact = told(devices(iam, &name).await);
        (name, fact)
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

async fn devices(iam: &Client, name: &str) -> Result<Fact<MfaDevices>, CallError> {
    let (user, mut devices, mut marker) = (named(name)?, Vec::new(), None);
    loop {
        let request = iam.list_mfa_devices().user_name(user.as_str()).set_marker(marker);
        let page = reading("iam:ListMFADevices", || request.clone().send()).await?;
        devices.extend(page.mfa_devices.into_iter().map(|device| device.serial_number));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(Fact::Known(MfaDevices { id: name.to_owned(), devices }));
        }
    }
}

/// Calls `iam:ListGroupsForUser`.
pub async fn memberships(iam: &Client, ask: &Ask) -> Members<Membership> {
    let Some(all) = ids(ask) else { return not_listed("memberships of groups") };
    let each = all.map(|id| async move {
        let fact = told(membership(iam, &id).await);
        (id, fact)
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

async fn membership(iam: &Client, id: &str) -> Result<Fact<Membership>, CallError> {
    let (group, user) = two(id);
    let (user, mut marker) = (named(user)?, None);
    loop {
        let request = iam.list_groups_for_user().user_name(user.as_str()).set_marker(marker);
        let page = reading("iam:ListGroupsForUser", || request.clone().send()).await?;
        if page.groups.iter().any(|one| one.group_name == group) {
            return Ok(Fact::Known(Membership { id: id.to_owned() }));
        }
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(Fact::Absent);
        }
    }
}

/// Calls `iam:GetUserPolicy`.
pub async fn user_policies(iam: &Client, ask: &Ask) -> Members<UserPolicy> {
    let Some(all) = ids(ask) else { return not_listed("policies of users") };
    let each = all.map(|id| async move {
        let fact = told(user_policy(iam, &id).await);
        (id, fact)
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

async fn user_policy(iam: &Client, id: &str) -> Result<Fact<UserPolicy>, CallError> {
    let (user, policy) = two(id);
    let request = iam.get_user_policy().user_name(named(user)?.as_str()).policy_name(policy);
    let answer = reading("iam:GetUserPolicy", || request.clone().send()).await?;
    Ok(Fact::Known(UserPolicy { id: id.to_owned(), document: document(&answer.policy_document) }))
}
