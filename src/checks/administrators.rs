//! The administrators of an account: those whose policies allow every action on every resource, whether own,
//! inline or of a group. Others can become administrators by what they may do, which is not judged here.
//! Pure.

use serde_json::Value;

use crate::inventory::{Fact, FamilyKind, IamGroup, Inventory, Role, User, Want};

/// The end of the ARN of AWS's policy that allows everything.
const ADMINISTRATOR: &str = ":aws:policy/AdministratorAccess";
/// The beginnings of the names of AWS's policies that deny much of it again.
const DENYING: &[&str] = &[":aws:policy/AWSDenyAll", ":aws:policy/AWSCompromisedKeyQuarantine"];

/// The policies of an identity, as far as they concern whether it may do everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The policy that allows everything.
    pub by: Option<String>,
    /// A condition, a boundary or a denial that may take some of it.
    pub limited: Option<String>,
    /// The reason for which it is not known.
    pub unknown: Option<String>,
}

impl Reach {
    /// Returns whether the identity may do everything, or perhaps not all of it.
    ///
    /// # Errors
    /// The reason for which that is not known.
    pub fn perhaps(&self) -> Result<bool, String> {
        match (&self.by, &self.unknown) {
            (Some(_), _) => Ok(true),
            (None, Some(why)) => Err(why.clone()),
            (None, None) => Ok(false),
        }
    }

    /// Returns whether the identity surely may do everything.
    pub fn surely(&self) -> bool {
        self.by.is_some() && self.limited.is_none() && self.unknown.is_none()
    }

    fn document(&mut self, name: &str, document: &Value) {
        let statements = match document.get("Statement") {
            Some(Value::Array(all)) => all.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => {
                self.unknown.get_or_insert_with(|| format!("policy {name} cannot be understood"));
                return;
            }
        };
        for statement in statements {
            let every = |member: &str| has(statement, member, |word| matches!(word, "*" | "*:*"));
            let any_action = every("Action") || statement.get("NotAction").is_some();
            let limited = statement.get("Condition").is_some_and(|condition| *condition != Value::Null);
            match statement.get("Effect").and_then(Value::as_str) {
                Some("Allow") if every("Action") && every("Resource") => {
                    self.by.get_or_insert_with(|| name.to_owned());
                    if limited {
                        self.limited.get_or_insert_with(|| format!("a condition of policy {name}"));
                    }
                }
                Some("Allow") => {}
                Some("Deny") if any_action => {
                    self.limited.get_or_insert_with(|| format!("policy {name}, which denies"));
                }
                Some("Deny") => {}
                _ => drop(self.unknown.get_or_insert_with(|| format!("policy {name} cannot be understood"))),
            }
        }
    }

    fn attached(&mut self, inventory: &Inventory, arn: &str) {
        if arn.ends_with(ADMINISTRATOR) {
            self.by.get_or_insert_with(|| "AdministratorAccess".to_owned());
        } else if let Some(denying) = DENYING.iter().find(|name| arn.contains(**name)) {
            let name = denying.rsplit('/').next().unwrap_or_default();
            self.limited.get_or_insert_with(|| format!("policy {name}"));
        } else if !is_of_aws(arn) {
            let name = arn.rsplit('/').next().unwrap_or(arn);
            match inventory.managed_policies.get(arn) {
                Fact::Known(policy) => self.document(name, &policy.document),
                silent => self.silent(&format!("policy {name}"), silent.silence()),
            }
        }
    }

    fn silent(&mut self, what: &str, why: Option<&str>) {
        let why = why.unwrap_or("it cannot be found");
        self.unknown.get_or_insert_with(|| format!("{what}: {why}"));
    }

    fn policies(&mut self, inventory: &Inventory, of: &str, policies: Policies<'_>) {
        match policies.inline {
            Fact::Known(all) => all.iter().for_each(|(name, document)| self.document(name, document)),
            silent => self.silent(&format!("the inline policies of {of}"), silent.silence()),
        }
        match policies.attached {
            Fact::Known(all) => all.iter().for_each(|arn| self.attached(inventory, arn)),
            silent => self.silent(&format!("the attached policies of {of}"), silent.silence()),
        }
    }

    fn boundary(&mut self, boundary: Option<&String>) {
        if let Some(arn) = boundary.filter(|arn| !arn.ends_with(ADMINISTRATOR)) {
            self.limited.get_or_insert_with(|| format!("the permissions boundary {arn}"));
        }
    }
}

/// The policies of a user, group or role.
struct Policies<'a> {
    inline: Fact<&'a std::collections::BTreeMap<String, Value>>,
    attached: Fact<&'a Vec<String>>,
}

/// Returns whether a policy is AWS's own. AWS has one that allows everything.
fn is_of_aws(arn: &str) -> bool {
    crate::resource::account_in(arn) == Some("aws")
}

fn has(statement: &Value, member: &str, is: impl Fn(&str) -> bool) -> bool {
    match statement.get(member) {
        Some(Value::String(word)) => is(word),
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).any(is),
        _ => false,
    }
}

/// Returns what the policies of a user and of its groups allow.
pub fn of_user(inventory: &Inventory, user: &User) -> Reach {
    let mut reach = Reach::default();
    let own = Policies { inline: user.inline_policies.as_ref(), attached: user.attached_policies.as_ref() };
    reach.policies(inventory, &format!("user {}", user.id), own);
    match &user.groups {
        Fact::Known(groups) => groups.iter().for_each(|name| match inventory.iam_groups.get(name) {
            Fact::Known(group) => reach.policies(inventory, &format!("group {name}"), of_group(group)),
            silent => reach.silent(&format!("group {name}"), silent.silence()),
        }),
        silent => reach.silent(&format!("the groups of user {}", user.id), silent.silence()),
    }
    reach.boundary(user.permissions_boundary.as_ref());
    reach
}

fn of_group(group: &IamGroup) -> Policies<'_> {
    Policies { inline: group.inline_policies.as_ref(), attached: group.attached_policies.as_ref() }
}

/// Returns what the policies of a role allow.
pub fn of_role(inventory: &Inventory, role: &Role) -> Reach {
    let mut reach = Reach::default();
    let own = Policies { inline: role.inline_policies.as_ref(), attached: role.attached_policies.as_ref() };
    reach.policies(inventory, &format!("role {}", role.id), own);
    reach.boundary(role.permissions_boundary.as_ref());
    reach
}

/// Returns the facts to read for [`of_user`], given the known ones.
pub fn needs_of_user(inventory: &Inventory, name: &str) -> Vec<Want> {
    let mut wants = vec![Want::id("", FamilyKind::Users, name)];
    let Fact::Known(user) = inventory.users.get(name) else { return wants };
    let groups = user.groups.known().into_iter().flatten();
    wants.extend(groups.clone().map(|group| Want::id("", FamilyKind::IamGroups, group)));
    let of_groups =
        groups.filter_map(|group| inventory.iam_groups.get(group).known()?.attached_policies.known());
    let attached = user.attached_policies.known().into_iter().chain(of_groups).flatten();
    wants.extend(policies(attached));
    wants
}

/// Returns the facts to read for [`of_role`], given the known ones.
pub fn needs_of_role(inventory: &Inventory, name: &str) -> Vec<Want> {
    let attached = inventory.roles.get(name).known().and_then(|role| role.attached_policies.known());
    let mut wants = vec![Want::id("", FamilyKind::Roles, name)];
    wants.extend(policies(attached.into_iter().flatten()));
    wants
}

fn policies<'a>(arns: impl Iterator<Item = &'a String>) -> impl Iterator<Item = Want> {
    arns.filter(|arn| !is_of_aws(arn)).map(|arn| Want::id("", FamilyKind::ManagedPolicies, arn))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        inventory::{Caller, ManagedPolicy},
        resource::Owner,
    };

    const OWN: &str = "arn:aws:iam::123456789012:policy/ops/everything";

    fn account() -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap())
    }

    fn user(inline: Value, attached: &[&str], groups: &[&str]) -> User {
        let texts = |all: &[&str]| Fact::Known(all.iter().map(|one| (*one).to_owned()).collect());
        let inline = if inline.is_null() { [].into() } else { [("own".to_owned(), inline)].into() };
        User {
            id: "bo".into(),
            groups: texts(groups),
            inline_policies: Fact::Known(inline),
            attached_policies: texts(attached),
            ..User::default()
        }
    }

    fn all(effect: &str) -> Value {
        json!({ "Statement": { "Effect": effect, "Action": ["*"], "Resource": "*" } })
    }

    #[test]
    fn an_administrator_is_one_by_an_own_an_attached_or_a_group_s_policy() {
        let mut account = account();
        account.managed_policies.put(OWN, ManagedPolicy { id: OWN.into(), document: all("Allow") });
        let attached = Fact::Known(vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()]);
        let admins = IamGroup {
            id: "admins".into(),
            attached_policies: attached,
            inline_policies: Fact::Known([].into()),
        };
        account.iam_groups.put("admins", admins);
        for one in [
            user(all("Allow"), &[], &[]),
            user(Value::Null, &["arn:aws-cn:iam::aws:policy/AdministratorAccess"], &[]),
            user(Value::Null, &[OWN], &[]),
            user(Value::Null, &[], &["admins"]),
        ] {
            assert!(of_user(&account, &one).surely(), "{one:?}");
        }
        for one in [
            user(Value::Null, &["arn:aws:iam::aws:policy/AdministratorAccess-Amplify"], &[]),
            user(
                json!({ "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] }),
                &[],
                &[],
            ),
            user(
                json!({ "Statement": [{ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" }] }),
                &[],
                &[],
            ),
        ] {
            assert_eq!(of_user(&account, &one), Reach::default(), "{one:?}");
        }
    }

    #[test]
    fn one_whose_power_may_be_cut_counts_as_an_administrator_that_may_be_lost_and_not_as_another_one() {
        let conditional = json!({ "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "true" } } }] });
        let bounded = User {
            permissions_boundary: Some("arn:aws:iam::123456789012:policy/edge".into()),
            ..user(all("Allow"), &[], &[])
        };
        let mut denied = user(all("Allow"), &[], &[]);
        denied.inline_policies.known().unwrap();
        if let Fact::Known(policies) = &mut denied.inline_policies {
            policies.insert("quarantine".into(), all("Deny"));
        }
        let quarantined = user(all("Allow"), &["arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"], &[]);
        for one in [user(conditional, &[], &[]), bounded, denied, quarantined] {
            let reach = of_user(&account(), &one);
            assert_eq!((reach.perhaps(), reach.surely()), (Ok(true), false), "{one:?}");
        }
    }

    #[test]
    fn a_policy_that_could_not_be_read_leaves_it_open() {
        let unread = User { groups: Fact::unknown("AccessDenied"), ..user(Value::Null, &[], &[]) };
        for one in [
            unread,
            user(Value::Null, &[OWN], &[]),
            user(Value::Null, &[], &["admins"]),
            user(json!("not JSON"), &[], &[]),
        ] {
            let reach = of_user(&account(), &one);
            assert!(reach.perhaps().is_err() && !reach.surely(), "{one:?}");
        }
        let known = User { groups: Fact::unknown("AccessDenied"), ..user(all("Allow"), &[], &[]) };
        let reach = of_user(&account(), &known);
        assert_eq!((reach.perhaps(), reach.surely()), (Ok(true), false), "it is one, or was one");
    }
}
