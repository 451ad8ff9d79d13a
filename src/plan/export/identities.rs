//! The questions about roles, users and their credentials. Pure.

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

/// Returns the question about a customer managed policy: which version is in force.
pub(super) fn policy(id: &Value, at: &str) -> Option<Look> {
    let member =
        [("", "Arn"), ("/default_version", "DefaultVersionId")].into_iter().find(|(of, _)| *of == at)?.1;
    Some(Look {
        service: "iam",
        operation: "GetPolicy",
        input: json!({ "PolicyArn": id }),
        query: Query::At(format!("Policy.{member}")),
        absent: "NoSuchEntity",
    })
}

/// Returns the question about an access key. Its status is asked for by the name of its user, which the path
/// has: without one, AWS answers about the keys of the caller.
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

/// Returns the question about a user. The document of an inline policy is not compared, and how many policies
/// are attached is not asked.
pub(super) fn user(id: &Value, at: &str) -> Option<Look> {
    let of_user = |query| Look {
        service: "iam",
        operation: "GetUser",
        input: json!({ "UserName": id }),
        query,
        absent: "NoSuchEntity",
    };
    if let Some(key) = at.strip_prefix("/tags/") {
        return Some(of_user(Query::Tag { of: "User", tags: "Tags", key: key.to_owned() }));
    }
    if let Some(policy) = at.strip_prefix("/inline_policies/known/") {
        let input = json!({ "UserName": id, "PolicyName": policy });
        let query = Query::At("PolicyName".to_owned());
        return Some(Look { operation: "GetUserPolicy", input, ..of_user(query) });
    }
    let member = [("", "UserName"), ("/user_id", "UserId")].into_iter().find(|(of, _)| *of == at)?.1;
    Some(of_user(Query::At(format!("User.{member}"))))
}

/// The lists of credentials beside access keys: the member, the operation, the list, and what holds an id.
const CREDENTIALS: [(&str, &str, &str, &str); 3] = [
    (
        "service_specific",
        "ListServiceSpecificCredentials",
        "ServiceSpecificCredentials",
        "ServiceSpecificCredentialId",
    ),
    ("ssh_keys", "ListSSHPublicKeys", "SSHPublicKeys", "SSHPublicKeyId"),
    ("certificates", "ListSigningCertificates", "Certificates", "CertificateId"),
];

/// Returns the question about the status of another credential of a user.
pub(super) fn credential(id: &Value, at: &str) -> Option<Look> {
    let (member, rest) = at.strip_prefix('/')?.split_once("/known/id=")?;
    let is = rest.strip_suffix("/status")?.to_owned();
    let (_, operation, list, name) = CREDENTIALS.into_iter().find(|(of, ..)| *of == member)?;
    Some(Look {
        service: "iam",
        operation,
        input: json!({ "UserName": id }),
        query: Query::Named { list, name, is, member: Some("Status") },
        absent: "NoSuchEntity",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_looked_for_by_its_id_among_those_of_its_user() {
        let look = credential(&json!("bo"), "/ssh_keys/known/id=APKA1/status").unwrap();
        assert_eq!((look.operation, look.input), ("ListSSHPublicKeys", json!({ "UserName": "bo" })));
        assert_eq!(look.query.jmespath(), "SSHPublicKeys[?SSHPublicKeyId==`\"APKA1\"`] | [0].Status");
        assert_eq!(credential(&json!("bo"), "/passwords/known/id=1/status"), None);
    }

    #[test]
    fn of_a_user_its_id_a_tag_or_one_policy_is_asked_and_nothing_else() {
        let at = |at: &str| user(&json!("bo"), at).map(|look| (look.operation, look.query.jmespath()));
        assert_eq!(at("/user_id"), Some(("GetUser", "User.UserId".to_owned())));
        assert_eq!(at("/tags/a:b"), Some(("GetUser", "User.Tags[?Key==`\"a:b\"`].Value | [0]".to_owned())));
        assert_eq!(at("/inline_policies/known/p"), Some(("GetUserPolicy", "PolicyName".to_owned())));
        assert_eq!(at("/attached_policies/known"), None);
    }
}
