//! A policy without the services that nobody uses: whole entries of lists of actions go, and nothing else
//! changes. Denials, resources and conditions stay to the letter. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::checks::role_permissions::{
    Unused,
    granted::{Granted, PASS_ROLE, allows, is_pass_role, is_pattern, parts, statements, words},
};

/// A policy without some services.
#[derive(Debug, Clone, PartialEq)]
pub struct Narrowed {
    /// The policy.
    pub document: Value,
    /// The actions that it allows no longer, by service.
    pub lost: BTreeMap<String, Vec<String>>,
    /// `true` if it allows to pass roles, which IAM does not track, and nothing else of IAM any more.
    pub passes_roles: bool,
}

/// Takes unused services out of a policy; `None` where it allows none of them.
///
/// # Errors
/// The reason for which that cannot be done with certainty, as the end of a sentence about the policy.
pub fn narrow(document: &Value, unused: &Unused) -> Result<Option<Narrowed>, String> {
    let mut narrowed = Narrowed { document: document.clone(), lost: BTreeMap::new(), passes_roles: false };
    let mut kept = Vec::new();
    for (n, statement) in statements(document)?.into_iter().enumerate() {
        if !allows(statement)? || !grants(statement, unused)? {
            kept.push(statement.clone());
            continue;
        }
        let actions = words(statement, "Action")?
            .ok_or_else(|| format!("statement {} allows all but a list of actions (NotAction)", n + 1))?;
        if let Some(broad) = actions.iter().find(|action| parts(action).is_ok_and(|(of, _)| is_pattern(&of)))
        {
            return Err(format!(
                "statement {} allows {broad:?}, which names no service, and IAM does not track all of them",
                n + 1
            ));
        }
        let left = narrowed.without(&actions, unused)?;
        let mut statement = statement.clone();
        match (left.as_slice(), statement["Action"].is_array()) {
            ([], _) => continue,
            ([one], false) => statement["Action"] = json!(one),
            _ => statement["Action"] = json!(left),
        }
        kept.push(statement);
    }
    if kept.is_empty() {
        return Err("all that it allows is unused, and a policy cannot be empty: detach it".to_owned());
    }
    narrowed.document["Statement"] = Value::Array(kept);
    Ok((!narrowed.lost.is_empty()).then_some(narrowed))
}

/// Returns whether a statement allows an unused service.
fn grants(statement: &Value, unused: &Unused) -> Result<bool, String> {
    let granted = Granted::of(&json!({ "Statement": [statement] }))?;
    Ok(unused.keys().any(|service| granted.has(service)))
}

impl Narrowed {
    /// Returns the actions that stay, and notes the others.
    fn without(&mut self, actions: &[&str], unused: &Unused) -> Result<Vec<String>, String> {
        let mut left: Vec<String> = Vec::new();
        for action in actions {
            let (service, name) = parts(action)?;
            if !unused.keys().any(|one| one.to_lowercase() == service) || is_pass_role(&service, name, true) {
                left.push((*action).to_owned());
                continue;
            }
            self.lost.entry(service.clone()).or_default().push((*action).to_owned());
            // Nothing shows whether roles are passed, so that this much of a pattern stays.
            if is_pass_role(&service, name, false) {
                self.passes_roles = true;
                left.push(PASS_ROLE.to_owned());
            }
        }
        let mut seen = Vec::new();
        left.retain(|action| {
            let action = action.to_lowercase();
            let new = !seen.contains(&action);
            seen.push(action);
            new
        });
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(statements: Value) -> Value {
        json!({ "Version": "2012-10-17", "Id": "deploy", "Statement": statements })
    }

    /// Narrows by what the role does not use: SQS, SNS and IAM.
    fn narrowed(statements: Value) -> Result<Option<Narrowed>, String> {
        let unused = ["sqs", "sns", "iam"].map(|service| (service.to_owned(), None)).into();
        narrow(&policy(statements), &unused)
    }

    fn left(statements: Value) -> Value {
        narrowed(statements).unwrap().unwrap().document["Statement"].clone()
    }

    #[test]
    fn whole_entries_go_and_all_else_stays_to_the_letter() {
        let deny = json!({ "Effect": "Deny", "Action": ["sqs:*", "s3:DeleteBucket"], "Resource": "*" });
        let reads = json!({ "Sid": "Tiles", "Effect": "Allow", "Action": ["S3:Get*", "SQS:SendMessage"],
            "NotResource": "arn:aws:s3:::secret/*",
            "Condition": { "StringEquals": { "aws:RequestedRegion": "us-east-1" } } });
        let sends = json!({ "Effect": "Allow", "Action": "sns:Publish", "Resource": "*" });
        let found = narrowed(json!([deny, reads, sends])).unwrap().unwrap();
        let mut stays = reads.clone();
        stays["Action"] = json!(["S3:Get*"]);
        assert_eq!(found.document, policy(json!([deny, stays])));
        assert_eq!(found.document["Statement"][1]["Condition"], reads["Condition"]);
        let lost = [("sns", vec!["sns:Publish"]), ("sqs", vec!["SQS:SendMessage"])];
        let lost = lost.map(|(of, all)| (of.to_owned(), all.into_iter().map(str::to_owned).collect()));
        assert_eq!(found.lost, BTreeMap::from(lost));
    }

    #[test]
    fn passing_roles_stays_and_of_a_pattern_as_much_as_passes_roles() {
        let of = |actions: Value| json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }]);
        assert_eq!(left(of(json!("iam:*"))), of(json!("iam:PassRole")));
        assert_eq!(left(of(json!(["iam:P*", "iam:passrole", "iam:Get*"]))), of(json!(["iam:PassRole"])));
        assert_eq!(left(of(json!(["iam:PassRole", "sqs:*"]))), of(json!(["iam:PassRole"])));
        assert_eq!(narrowed(of(json!(["iam:PassRole", "s3:*"]))), Ok(None), "nothing is unused");
        let once = narrow(&policy(of(json!("iam:*"))), &[("iam".to_owned(), None)].into()).unwrap().unwrap();
        assert!(once.passes_roles);
        assert_eq!(
            narrow(&once.document, &[("iam".to_owned(), None)].into()),
            Ok(None),
            "that is the end of it"
        );
    }

    #[test]
    fn what_names_no_service_is_not_narrowed() {
        for (statement, part) in [
            (json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }), "names no service"),
            (
                json!({ "Effect": "Allow", "Action": ["s3:*", "s*:List*"], "Resource": "*" }),
                "names no service",
            ),
            (json!({ "Effect": "Allow", "NotAction": "ec2:*", "Resource": "*" }), "NotAction"),
            (json!({ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }), "cannot be empty"),
            (json!({ "Effect": "Maybe", "Action": "sqs:*", "Resource": "*" }), "effect"),
        ] {
            let why = narrowed(json!([statement])).unwrap_err();
            assert!(why.contains(part), "{statement}: {why}");
        }
        let but = json!([{ "Effect": "Allow", "NotAction": ["sqs:*", "sns:*", "iam:*"], "Resource": "*" }]);
        assert_eq!(narrowed(but), Ok(None), "it leaves out all that is unused");
        let single = json!({ "Effect": "Allow", "Action": ["sqs:*", "s3:*"], "Resource": "*" });
        assert_eq!(left(single), json!([{ "Effect": "Allow", "Action": ["s3:*"], "Resource": "*" }]));
    }
}
