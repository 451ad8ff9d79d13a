//! Reads IAM roles with all that they may do: all of them by one listing, or some by their names.

use std::collections::BTreeMap;

use aws_sdk_iam::{
    Client,
    types::{EntityType, RoleDetail},
};
use futures::{StreamExt, stream};
use serde_json::Value;

use super::{
    Ask, Members,
    iam::{DETAILS, PAGE, arns, boundary, document, inline, tags},
    not_listed,
    page::{known, pages, text, time},
};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{Fact, Role},
};

/// Calls `iam:GetAccountAuthorizationDetails` for all; for some `iam:GetRole`, `iam:ListRolePolicies`,
/// `iam:GetRolePolicy` and `iam:ListAttachedRolePolicies`.
pub async fn roles(iam: &Client, ask: &Ask) -> Members<Role> {
    let names = match ask {
        Ask::All => {
            let request = iam.get_account_authorization_details().filter(EntityType::Role).max_items(PAGE);
            let found = pages!(DETAILS, request, role_detail_list, set_marker, marker => listed);
            return Ok(known(found, |role| &role.id));
        }
        Ask::By(..) => return not_listed("roles"),
        Ask::Ids(names) => names,
    };
    let roles = stream::iter(names.clone()).map(|name| async move {
        let role = role(iam, &name).await;
        (name, role)
    });
    Ok(roles.buffered(4).collect().await)
}

fn listed(role: RoleDetail) -> Role {
    let missing = || Fact::unknown(format!("the answer does not contain it ({DETAILS})"));
    Role {
        id: text(role.role_name),
        arn: text(role.arn),
        created: time(role.create_date).map_or_else(missing, Fact::Known),
        trust_policy: role.assume_role_policy_document.as_deref().map_or(Value::Null, document),
        inline_policies: Fact::Known(inline(role.role_policy_list)),
        attached_policies: Fact::Known(arns(role.attached_managed_policies.unwrap_or_default())),
        permissions_boundary: boundary(role.permissions_boundary),
        tags: tags(role.tags),
    }
}

async fn role(iam: &Client, name: &str) -> Fact<Role> {
    let role = match reading("iam:GetRole", || iam.get_role().role_name(name).send()).await {
        Ok(answer) => answer.role,
        Err(error) => return errors::fact(&error),
    };
    let Some(role) = role else { return Fact::unknown("the answer is empty (iam:GetRole)") };
    let (inline, attached) = futures::join!(inline_policies(iam, name), attached_policies(iam, name));
    let told = |error: CallError| Fact::unknown(&error);
    Fact::Known(Role {
        id: name.to_owned(),
        arn: role.arn,
        created: time(Some(role.create_date))
            .map_or_else(|| Fact::unknown("the answer does not contain it (iam:GetRole)"), Fact::Known),
        trust_policy: role.assume_role_policy_document.as_deref().map_or(Value::Null, document),
        inline_policies: inline.map_or_else(told, Fact::Known),
        attached_policies: attached.map_or_else(|error| Fact::unknown(&error), Fact::Known),
        permissions_boundary: boundary(role.permissions_boundary),
        tags: tags(role.tags),
    })
}

async fn inline_policies(iam: &Client, role: &str) -> Result<BTreeMap<String, Value>, CallError> {
    let mut names = Vec::new();
    let mut marker = None;
    loop {
        let request = iam.list_role_policies().role_name(role).set_marker(marker);
        let page = reading("iam:ListRolePolicies", || request.clone().send()).await?;
        names.extend(page.policy_names);
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            break;
        }
    }
    let mut policies = BTreeMap::new();
    for name in names {
        let policy =
            reading("iam:GetRolePolicy", || iam.get_role_policy().role_name(role).policy_name(&name).send())
                .await?;
        policies.insert(name, document(&policy.policy_document));
    }
    Ok(policies)
}

async fn attached_policies(iam: &Client, role: &str) -> Result<Vec<String>, CallError> {
    let mut arns = Vec::new();
    let mut marker = None;
    loop {
        let request = iam.list_attached_role_policies().role_name(role).set_marker(marker);
        let page = reading("iam:ListAttachedRolePolicies", || request.clone().send()).await?;
        arns.extend(page.attached_policies.unwrap_or_default().into_iter().filter_map(|p| p.policy_arn));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(arns);
        }
    }
}
