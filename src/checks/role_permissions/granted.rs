//! The services that a policy allows, as its statements name them. A part of a statement that is not
//! understood is an error, never nothing. Pure.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>

use std::collections::BTreeMap;

use serde_json::Value;

use crate::checks::patterns::glob;

/// The action that IAM does not track, so that nothing shows whether a role uses it
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>).
pub const PASS_ROLE: &str = "iam:PassRole";

/// The services that the statements of a policy allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// The services that are named, by the prefix of their actions in small letters; `false` where nothing of
    /// one is allowed but what IAM does not track.
    named: BTreeMap<String, bool>,
    /// Statements that allow services without naming them, each with the services of which it leaves out all.
    broad: Vec<Broad>,
}

/// A statement that does not name the services that it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Broad {
    /// The pattern of the prefixes.
    pattern: String,
    /// The services that are left out.
    but: Vec<String>,
}

/// Returns the statements of a policy.
///
/// # Errors
/// The reason for which the policy cannot be understood.
pub fn statements(document: &Value) -> Result<Vec<&Value>, String> {
    match document.get("Statement") {
        Some(Value::Array(all)) => Ok(all.iter().collect()),
        Some(one @ Value::Object(_)) => Ok(vec![one]),
        _ => Err("it has no statements that can be understood".to_owned()),
    }
}

/// Returns whether a statement allows something; it denies otherwise.
///
/// # Errors
/// An effect that is neither.
pub fn allows(statement: &Value) -> Result<bool, String> {
    match statement.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Ok(true),
        Some("Deny") => Ok(false),
        other => Err(format!("the effect of a statement is {other:?}")),
    }
}

/// Returns the texts of a member that is one or a list of them; `None` where the member is not there.
///
/// # Errors
/// A member of another form.
pub fn words<'s>(statement: &'s Value, member: &str) -> Result<Option<Vec<&'s str>>, String> {
    let broken = || format!("the member {member} of a statement cannot be understood");
    match statement.get(member) {
        None => Ok(None),
        Some(Value::String(one)) => Ok(Some(vec![one])),
        Some(Value::Array(all)) => {
            all.iter().map(|one| one.as_str().ok_or_else(broken)).collect::<Result<_, _>>().map(Some)
        }
        Some(_) => Err(broken()),
    }
}

/// Returns the service and the name in an action, the service in small letters: `s3` and `Get*`. A lone `*`
/// is every service.
///
/// # Errors
/// A text that is no action.
pub fn parts(action: &str) -> Result<(String, &str), String> {
    match action.split_once(':') {
        _ if action == "*" => Ok(("*".to_owned(), "*")),
        Some((service, name)) if !service.is_empty() && !name.is_empty() => {
            Ok((service.to_lowercase(), name))
        }
        _ => Err(format!("{action:?} is no action")),
    }
}

/// Returns whether a prefix or name has characters that stand for others.
pub fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?'])
}

/// Returns whether a pattern of actions can mean [`PASS_ROLE`], and nothing else where `only` is asked for.
pub fn is_pass_role(service: &str, name: &str, only: bool) -> bool {
    let (_, pass_role) = PASS_ROLE.split_once(':').unwrap_or_default();
    let (name, pass_role) = (name.to_lowercase(), pass_role.to_lowercase());
    service == "iam" && if only { name == pass_role } else { glob(&name, &pass_role) }
}

impl Granted {
    /// Returns the services that a policy allows. Denials are left aside: they make no service used.
    ///
    /// # Errors
    /// The reason for which the policy cannot be understood.
    pub fn of(document: &Value) -> Result<Self, String> {
        let mut granted = Self::default();
        for statement in statements(document)? {
            if !allows(statement)? {
                continue;
            }
            match (words(statement, "Action")?, words(statement, "NotAction")?) {
                (Some(actions), None) => granted.actions(&actions)?,
                (None, Some(but)) => granted.all_but(&but)?,
                _ => return Err("a statement names no actions".to_owned()),
            }
        }
        Ok(granted)
    }

    fn actions(&mut self, actions: &[&str]) -> Result<(), String> {
        for action in actions {
            let (service, name) = parts(action)?;
            if is_pattern(&service) {
                self.broad.push(Broad { pattern: service, but: Vec::new() });
            } else {
                let tracked = !is_pass_role(&service, name, true);
                *self.named.entry(service).or_default() |= tracked;
            }
        }
        Ok(())
    }

    fn all_but(&mut self, actions: &[&str]) -> Result<(), String> {
        let whole = |action: &&str| match parts(action) {
            Ok((service, "*")) if !is_pattern(&service) => Some(Ok(service)),
            Ok(_) => None,
            Err(why) => Some(Err(why)),
        };
        let but = actions.iter().filter_map(whole).collect::<Result<_, _>>()?;
        self.broad.push(Broad { pattern: "*".to_owned(), but });
        Ok(())
    }

    /// Returns whether a service is allowed, or some of it.
    pub fn has(&self, service: &str) -> bool {
        let service = service.to_lowercase();
        let broadly = |broad: &Broad| glob(&broad.pattern, &service) && !broad.but.contains(&service);
        self.named.get(&service).copied().unwrap_or_default() || self.broad.iter().any(broadly)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn granted(statement: Value) -> Granted {
        Granted::of(&json!({ "Version": "2012-10-17", "Statement": statement })).unwrap()
    }

    #[test]
    fn services_are_known_by_the_prefixes_of_actions_whatever_their_case() {
        let all = granted(json!([
            { "Effect": "Allow", "Action": ["S3:Get*", "sqs:SendMessage"], "Resource": "*" },
            { "Effect": "Deny", "Action": "ec2:*", "Resource": "*" },
        ]));
        assert!(all.has("s3") && all.has("sqs") && !all.has("ec2") && !all.has("sns"));
        let one = granted(json!({ "Effect": "Allow", "Action": "dynamodb:*", "Resource": "*" }));
        assert!(one.has("dynamodb") && !one.has("dax"));
    }

    #[test]
    fn passing_a_role_alone_is_no_use_of_iam_that_could_be_missed() {
        assert!(
            !granted(json!([{ "Effect": "Allow", "Action": "iam:passrole", "Resource": "*" }])).has("iam")
        );
        assert!(granted(json!([{ "Effect": "Allow", "Action": "iam:Pass*", "Resource": "*" }])).has("iam"));
    }

    #[test]
    fn a_statement_that_names_no_services_allows_all_of_them_but_those_that_it_leaves_out() {
        assert!(granted(json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }])).has("s3"));
        let but = granted(
            json!([{ "Effect": "Allow", "NotAction": ["iam:*", "ec2:RunInstances"], "Resource": "*" }]),
        );
        assert!(but.has("s3") && but.has("ec2") && !but.has("iam"));
        let some = granted(json!([{ "Effect": "Allow", "Action": "s*:List*", "Resource": "*" }]));
        assert!(some.has("s3") && some.has("sqs") && !some.has("ec2"));
    }

    #[test]
    fn what_cannot_be_understood_is_an_error() {
        for statement in [
            json!([{ "Effect": "Perhaps", "Action": "s3:*" }]),
            json!([{ "Effect": "Allow", "Resource": "*" }]),
            json!([{ "Effect": "Allow", "Action": ["s3"], "Resource": "*" }]),
            json!([{ "Effect": "Allow", "Action": [3], "Resource": "*" }]),
            json!("s3:*"),
        ] {
            assert!(Granted::of(&json!({ "Statement": statement })).is_err(), "{statement}");
        }
        assert!(Granted::of(&json!("no JSON")).is_err());
    }
}
