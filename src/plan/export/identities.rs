//! The questions about roles and access keys. Pure.

use serde_json::{Value, json};

use super::query::{Look, Query};

/// Returns the question about a role. The document of an inline policy is not compared: it exists, or it does
/// not.
pub(super) fn role(id: &Value, at: &str) -> Option<Look> {
    if at.is_empty() {
        return Some(Look {
            service: "iam",
            operation: "GetRole",
            input: json!({ "RoleName": id }),
            query: Query::At("Role.RoleName".to_owned()),
            absent: "NoSuchEntity",
        });
    }
    let policy = at.strip_prefix("/inline_policies/known/")?;
    let input = json!({ "RoleName": id, "PolicyName": policy });
    Some(Look {
        service: "iam",
        operation: "GetRolePolicy",
        input,
        query: Query::At("PolicyName".to_owned()),
        absent: "NoSuchEntity",
    })
}

/// Returns the question about an access key. Its status is asked for by the name of its user, which the path has:
/// without one, AWS answers about the keys of the caller.
pub(super) fn access_key(id: &Value, at: &str) -> Option<Look> {
    if at == "/last_used/known/date" {
        return Some(Look {
            service: "iam",
            operation: "GetAccessKeyLastUsed",
            input: json!({ "AccessKeyId": id }),
            query: Query::At("AccessKeyLastUsed.LastUsedDate".to_owned()),
            absent: "NoSuchEntity",
        });
    }
    let user = at.strip_prefix("/user=")?.strip_suffix("/status")?;
    let member = Some("Status");
    Some(Look {
        service: "iam",
        operation: "ListAccessKeys",
        input: json!({ "UserName": user }),
        query: Query::Named {
            list: "AccessKeyMetadata",
            name: "AccessKeyId",
            is: id.as_str()?.to_owned(),
            member,
        },
        absent: "NoSuchEntity",
    })
}
