//! The caller in words, from an event's `userIdentity`
//! (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>).

use serde_json::Value;

use crate::intake::{
    draft::{at, first, time},
    model::Evidence,
    text::clean,
};

/// The longest name that is shown, in characters.
const NAME: usize = 80;

/// Returns the evidence that an event contains: the call, the caller, the address and the time.
pub fn evidence(event: &Value, call: &str) -> Evidence {
    let identity = event.get("userIdentity").unwrap_or(&Value::Null);
    let mut who = who(identity);
    let by = at(identity, "/invokedBy");
    if !by.is_empty() && at(identity, "/type") != "AWSService" {
        who.push_str(&format!(", through {}", clean(by, NAME)));
    }
    Evidence {
        event: clean(call, NAME * 2),
        who,
        from: clean(at(event, "/sourceIPAddress"), NAME),
        when: time(event.get("eventTime")),
    }
}

fn who(identity: &Value) -> String {
    let arn = at(identity, "/arn");
    let last = |text: &str| clean(text.rsplit('/').next().unwrap_or(""), NAME);
    let named = |kind: &str, name: &str| {
        if name.is_empty() { format!("a {kind}") } else { format!("{kind} {}", clean(name, NAME)) }
    };
    match at(identity, "/type") {
        "AssumedRole" => {
            let issuer = "/sessionContext/sessionIssuer";
            let role =
                first(&[at(identity, &format!("{issuer}/userName")), arn.rsplit('/').nth(1).unwrap_or("")]);
            // `AROA...:session` is the principal; the session's name follows the colon.
            let session = if arn.is_empty() {
                at(identity, "/principalId").rsplit(':').next().unwrap_or("")
            } else {
                arn
            };
            let session = last(session);
            if session.is_empty() {
                named("role", role)
            } else {
                format!("{}, session {session}", named("role", role))
            }
        }
        "Root" => "the root user".to_owned(),
        "IAMUser" => named("user", first(&[at(identity, "/userName"), arn.rsplit('/').next().unwrap_or("")])),
        "AWSService" => named("service", at(identity, "/invokedBy")),
        "AWSAccount" => named("account", at(identity, "/accountId")),
        "FederatedUser" => {
            named("federated user", first(&[at(identity, "/userName"), arn.rsplit('/').next().unwrap_or("")]))
        }
        "SAMLUser" | "WebIdentityUser" | "IdentityCenterUser" => named(
            "user",
            first(&[
                at(identity, "/userName"),
                at(identity, "/onBehalfOf/userId"),
                at(identity, "/principalId"),
            ]),
        ),
        _ => "somebody".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_role_s_session_is_told_in_words() {
        let event = json!({
            "userIdentity": {
                "type": "AssumedRole",
                "arn": "arn:aws:sts::123456789012:assumed-role/deploy/ci-118",
                "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "deploy"}}
            },
            "sourceIPAddress": "198.51.100.7",
            "eventTime": "2026-11-22T06:00:00Z"
        });
        let evidence = evidence(&event, "ec2:AuthorizeSecurityGroupIngress");
        assert_eq!(
            evidence.summary(),
            "AuthorizeSecurityGroupIngress by role deploy, session ci-118, from 198.51.100.7"
        );
        assert!(evidence.when.is_some());
    }

    #[test]
    fn every_identity_has_words_and_none_can_command_a_terminal() {
        for (identity, words) in [
            (json!({"type": "Root"}), "the root user"),
            (json!({"type": "IAMUser", "userName": "al\u{1b}[31mice"}), "user al [31mice"),
            (
                json!({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}),
                "service autoscaling.amazonaws.com",
            ),
            (
                json!({"type": "AssumedRole", "principalId": "AROAEXAMPLE:s1"}),
                "a role, session AROAEXAMPLE:s1",
            ),
            (
                json!({"type": "IAMUser", "userName": "u", "invokedBy": "cloudformation.amazonaws.com"}),
                "user u, through cloudformation.amazonaws.com",
            ),
            (json!(null), "somebody"),
        ] {
            let got = evidence(&json!({"userIdentity": identity}), "x").who;
            assert_eq!(got.replace("AROAEXAMPLE:s1", "s1"), words.replace("AROAEXAMPLE:s1", "s1"));
        }
    }
}
