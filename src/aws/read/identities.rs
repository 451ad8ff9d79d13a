//! Reads IAM users, groups and customer managed policies: all of them by one listing, or some by their names.

use std::collections::BTreeMap;

use aws_sdk_iam::{
    Client,
    types::{EntityType, GroupDetail, ManagedPolicyDetail, SummaryKeyType, UserDetail},
};
use futures::{StreamExt, stream};
use serde_json::Value;

use super::{
    Ask, Members,
    iam::{AT_ONCE, DETAILS, PAGE, arns, boundary, document, inline, tags, told},
    not_listed,
    page::{pages, text, time},
};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{AccountSummary, Fact, IamGroup, ManagedPolicy, User},
    services::user::UserName,
};

/// All pages of a list, whose last page has no marker.
macro_rules! marked {
    ($operation:expr, $request:expr, $items:ident) => {{
        let request = $request;
        let (mut items, mut marker) = (Vec::new(), None);
        loop {
            let page = reading($operation, || request.clone().set_marker(marker.clone()).send()).await?;
            items.extend(page.$items);
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                break items;
            }
        }
    }};
}

/// Reads users: all by `iam:GetAccountAuthorizationDetails`, or some by their names.
pub async fn users(iam: &Client, ask: &Ask) -> Members<User> {
    match ask {
        Ask::All => {
            let request = iam.get_account_authorization_details().filter(EntityType::User).max_items(PAGE);
            let found = pages!(DETAILS, request, user_detail_list, set_marker, marker => listed_user);
            Ok(found.into_iter().map(|user| (user.id.clone(), Fact::Known(user))).collect())
        }
        Ask::By(..) => not_listed("users"),
        Ask::Ids(names) => {
            let each = stream::iter(names.clone()).map(|name| async move {
                let user = user(iam, &name).await;
                (name, user)
            });
            Ok(each.buffered(AT_ONCE).collect().await)
        }
    }
}

fn listed_user(user: UserDetail) -> User {
    User {
        id: text(user.user_name),
        arn: text(user.arn),
        user_id: text(user.user_id),
        created: time(user.create_date).map_or_else(
            || Fact::unknown(format!("the answer does not contain it ({DETAILS})")),
            Fact::Known,
        ),
        password_last_used: Fact::NotRead,
        groups: Fact::Known(user.group_list.unwrap_or_default()),
        inline_policies: Fact::Known(inline(user.user_policy_list)),
        attached_policies: Fact::Known(arns(user.attached_managed_policies.unwrap_or_default())),
        permissions_boundary: boundary(user.permissions_boundary),
        tags: tags(user.tags),
    }
}

async fn user(iam: &Client, name: &str) -> Fact<User> {
    let Ok(name) = UserName::try_from(name) else {
        return Fact::unknown(format!("{name:?} is not the name of an IAM user"));
    };
    let answer = match reading("iam:GetUser", || iam.get_user().user_name(name.as_str()).send()).await {
        Ok(answer) => answer.user,
        Err(error) => return errors::fact(&error),
    };
    let Some(user) = answer else { return Fact::unknown("the answer is empty (iam:GetUser)") };
    let (groups, inline, attached) =
        futures::join!(groups_of(iam, &name), inline_of(iam, &name), attached_to(iam, &name));
    Fact::Known(User {
        id: user.user_name,
        arn: user.arn,
        user_id: user.user_id,
        created: time(Some(user.create_date))
            .map_or_else(|| Fact::unknown("the answer does not contain it (iam:GetUser)"), Fact::Known),
        password_last_used: time(user.password_last_used).map_or(Fact::Absent, Fact::Known),
        groups: told(groups),
        inline_policies: told(inline),
        attached_policies: told(attached),
        permissions_boundary: boundary(user.permissions_boundary),
        tags: tags(user.tags),
    })
}

async fn groups_of(iam: &Client, user: &UserName) -> Result<Vec<String>, CallError> {
    let request = iam.list_groups_for_user().user_name(user.as_str());
    let groups = marked!("iam:ListGroupsForUser", request, groups);
    Ok(groups.into_iter().map(|group| group.group_name).collect())
}

async fn inline_of(iam: &Client, user: &UserName) -> Result<BTreeMap<String, Value>, CallError> {
    let names =
        marked!("iam:ListUserPolicies", iam.list_user_policies().user_name(user.as_str()), policy_names);
    let mut policies = BTreeMap::new();
    for name in names {
        let request = iam.get_user_policy().user_name(user.as_str()).policy_name(&name);
        let policy = reading("iam:GetUserPolicy", || request.clone().send()).await?;
        policies.insert(name, document(&policy.policy_document));
    }
    Ok(policies)
}

async fn attached_to(iam: &Client, user: &UserName) -> Result<Vec<String>, CallError> {
    let request = iam.list_attached_user_policies().user_name(user.as_str());
    let attached = pages!("iam:ListAttachedUserPolicies", request, attached_policies, set_marker, marker);
    Ok(arns(attached))
}

/// Reads groups: all by `iam:GetAccountAuthorizationDetails`, or some by their names.
pub async fn groups(iam: &Client, ask: &Ask) -> Members<IamGroup> {
    match ask {
        Ask::All => {
            let request = iam.get_account_authorization_details().filter(EntityType::Group).max_items(PAGE);
            let found = pages!(DETAILS, request, group_detail_list, set_marker, marker => listed_group);
            Ok(found.into_iter().map(|group| (group.id.clone(), Fact::Known(group))).collect())
        }
        Ask::By(..) => not_listed("groups"),
        Ask::Ids(names) => {
            let each = stream::iter(names.clone()).map(|name| async move {
                let group = group(iam, &name).await.unwrap_or_else(|error| errors::fact(&error));
                (name, group)
            });
            Ok(each.buffered(AT_ONCE).collect().await)
        }
    }
}

fn listed_group(group: GroupDetail) -> IamGroup {
    IamGroup {
        id: text(group.group_name),
        inline_policies: Fact::Known(inline(group.group_policy_list)),
        attached_policies: Fact::Known(arns(group.attached_managed_policies.unwrap_or_default())),
    }
}

async fn group(iam: &Client, name: &str) -> Result<Fact<IamGroup>, CallError> {
    let names = marked!("iam:ListGroupPolicies", iam.list_group_policies().group_name(name), policy_names);
    let mut inline_policies = BTreeMap::new();
    for policy in names {
        let request = iam.get_group_policy().group_name(name).policy_name(&policy);
        let answer = reading("iam:GetGroupPolicy", || request.clone().send()).await?;
        inline_policies.insert(policy, document(&answer.policy_document));
    }
    let request = iam.list_attached_group_policies().group_name(name);
    let attached = pages!("iam:ListAttachedGroupPolicies", request, attached_policies, set_marker, marker);
    Ok(Fact::Known(IamGroup {
        id: name.to_owned(),
        inline_policies: Fact::Known(inline_policies),
        attached_policies: Fact::Known(arns(attached)),
    }))
}

/// Reads customer managed policies: all by `iam:GetAccountAuthorizationDetails`, or some by their ARNs.
pub async fn policies(iam: &Client, ask: &Ask) -> Members<ManagedPolicy> {
    match ask {
        Ask::All => {
            let request = iam
                .get_account_authorization_details()
                .filter(EntityType::LocalManagedPolicy)
                .max_items(PAGE);
            let found = pages!(DETAILS, request, policies, set_marker, marker => listed_policy);
            Ok(found)
        }
        Ask::By(..) => not_listed("policies"),
        Ask::Ids(arns) => {
            let each = stream::iter(arns.clone()).map(|arn| async move {
                let policy = policy(iam, &arn).await.unwrap_or_else(|error| errors::fact(&error));
                (arn, policy)
            });
            Ok(each.buffered(AT_ONCE).collect().await)
        }
    }
}

fn listed_policy(policy: ManagedPolicyDetail) -> (String, Fact<ManagedPolicy>) {
    let id = text(policy.arn);
    let versions = policy.policy_version_list.unwrap_or_default();
    let in_force = versions.into_iter().find(|version| version.is_default_version);
    let fact = match in_force.and_then(|version| version.document) {
        Some(text) => Fact::Known(ManagedPolicy { id: id.clone(), document: document(&text) }),
        None => Fact::unknown(format!("the answer does not contain its default version ({DETAILS})")),
    };
    (id, fact)
}

async fn policy(iam: &Client, arn: &str) -> Result<Fact<ManagedPolicy>, CallError> {
    let found = reading("iam:GetPolicy", || iam.get_policy().policy_arn(arn).send()).await?;
    let Some(version) = found.policy.and_then(|policy| policy.default_version_id) else {
        return Ok(Fact::unknown("the answer names no default version (iam:GetPolicy)"));
    };
    let request = iam.get_policy_version().policy_arn(arn).version_id(version);
    let answer = reading("iam:GetPolicyVersion", || request.clone().send()).await?;
    Ok(match answer.policy_version.and_then(|version| version.document) {
        Some(text) => Fact::Known(ManagedPolicy { id: arn.to_owned(), document: document(&text) }),
        None => Fact::unknown("the answer is empty (iam:GetPolicyVersion)"),
    })
}

/// Reads the summary of the account (`iam:GetAccountSummary`).
pub async fn summary(iam: &Client, ask: &Ask) -> Members<AccountSummary> {
    const OPERATION: &str = "iam:GetAccountSummary";
    if matches!(ask, Ask::By(..)) {
        return not_listed("the summaries of accounts");
    }
    let answer = reading(OPERATION, || iam.get_account_summary().send()).await?;
    let map = answer.summary_map.unwrap_or_default();
    let number = |key: SummaryKeyType| {
        let missing = || Fact::unknown(format!("the answer does not contain {} ({OPERATION})", key.as_str()));
        map.get(&key).map_or_else(missing, |number| Fact::Known(*number))
    };
    let summary = AccountSummary {
        root_access_keys: number(SummaryKeyType::AccountAccessKeysPresent),
        root_mfa: number(SummaryKeyType::AccountMfaEnabled).map(|devices| devices > 0),
    };
    Ok(vec![(AccountSummary::ID.to_owned(), Fact::Known(summary))])
}
