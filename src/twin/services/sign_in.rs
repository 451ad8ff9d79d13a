//! Passwords, inline policies and groups of IAM users, as IAM treats them.

use serde_json::Value;

use super::{OnTwin, done, role::document};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, FamilyKind, IamGroup, Membership, User, UserPolicy},
    services::sign_in::{
        AddUserToGroup, CreateGroup, DeleteLoginProfile, DeleteUserPolicy, PutGroupPolicy, PutUserPolicy,
        RemoveUserFromGroup,
    },
    twin::{
        Twin,
        errors::{must, refuse, unknown},
        take_away,
    },
};

/// The characters that all inline policies of a user, or of a group, may have together, white space not
/// counted (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const OF_USER: usize = 2048;
const OF_GROUP: usize = 5120;
/// The groups that a user can be in.
const GROUPS: usize = 10;

fn size<'p>(policies: impl Iterator<Item = &'p Value>) -> usize {
    policies.map(|policy| policy.to_string().chars().filter(|c| !c.is_whitespace()).count()).sum()
}

fn limit(what: &str) -> CallError {
    refuse("LimitExceeded", format!("Maximum policy size exceeded for {what}"))
}

fn no_user(name: &str) -> CallError {
    refuse("NoSuchEntity", format!("The user with name {name} cannot be found."))
}

fn no_group(name: &str) -> CallError {
    refuse("NoSuchEntity", format!("The group with name {name} cannot be found."))
}

fn user<'t>(t: &'t Twin, name: &str) -> Result<&'t User, CallError> {
    must(t.truth.users.get(name), &format!("user {name}"), || no_user(name))
}

impl OnTwin for PutUserPolicy {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let (name, policy) = (self.user_name.as_str(), document(&self.policy_document)?);
        let found = user(t, name)?;
        let mut all = match &found.inline_policies {
            Fact::Known(all) => all.clone(),
            silent => return Err(unknown("the inline policies", silent.silence().unwrap_or("not read"))),
        };
        all.insert(self.policy_name.clone(), policy.clone());
        if size(all.values()) > OF_USER {
            return Err(limit(&format!("user {name}")));
        }
        if let Some(user) = t.truth.users.get_mut(name) {
            user.inline_policies = Fact::Known(all);
        }
        let id = UserPolicy::of(name, &self.policy_name);
        t.truth.user_policies.put(id.clone(), UserPolicy { id, document: policy });
        done()
    }
}

impl OnTwin for DeleteUserPolicy {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = self.user_name.as_str();
        user(t, name)?;
        let id = UserPolicy::of(name, &self.policy_name);
        let absent = || refuse("NoSuchEntity", format!("The user policy with name {id} cannot be found."));
        must(t.truth.user_policies.get(&id), &id, absent)?;
        take_away(&mut t.truth.user_policies, &id);
        if let Some(User { inline_policies: Fact::Known(all), .. }) = t.truth.users.get_mut(name) {
            all.remove(&self.policy_name);
        }
        done()
    }
}

impl OnTwin for DeleteLoginProfile {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = self.user_name.as_str();
        user(t, name)?;
        let absent = || refuse("NoSuchEntity", format!("Login Profile for User {name} cannot be found."));
        must(t.truth.login_profiles.get(name), &format!("the password of {name}"), absent)?;
        take_away(&mut t.truth.login_profiles, name);
        done()
    }
}

impl OnTwin for CreateGroup {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let name = &self.group_name;
        match t.truth.iam_groups.get(name) {
            Fact::Absent => {}
            Fact::Known(_) => {
                return Err(refuse("EntityAlreadyExists", format!("Group with name {name} already exists.")));
            }
            silent => {
                return Err(unknown(&format!("the group {name}"), silent.silence().unwrap_or("not read")));
            }
        }
        let group = IamGroup {
            id: name.clone(),
            inline_policies: Fact::Known([].into()),
            attached_policies: Fact::Known(Vec::new()),
        };
        t.made(FamilyKind::IamGroups, name);
        t.truth.iam_groups.put(name.clone(), group);
        done()
    }
}

impl OnTwin for PutGroupPolicy {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let (name, policy) = (&self.group_name, document(&self.policy_document)?);
        let group = must(t.truth.iam_groups.get(name), &format!("group {name}"), || no_group(name))?;
        let mut all = match &group.inline_policies {
            Fact::Known(all) => all.clone(),
            silent => return Err(unknown("the inline policies", silent.silence().unwrap_or("not read"))),
        };
        all.insert(self.policy_name, policy);
        if size(all.values()) > OF_GROUP {
            return Err(limit(&format!("group {name}")));
        }
        if let Some(group) = t.truth.iam_groups.get_mut(name) {
            group.inline_policies = Fact::Known(all);
        }
        done()
    }
}

impl OnTwin for AddUserToGroup {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let (group, name) = (&self.group_name, self.user_name.as_str());
        must(t.truth.iam_groups.get(group), &format!("group {group}"), || no_group(group))?;
        let mut groups = groups(t, name)?;
        if !groups.contains(group) {
            if groups.len() >= GROUPS {
                return Err(refuse(
                    "LimitExceeded",
                    format!("Cannot exceed quota for GroupsPerUser: {GROUPS}"),
                ));
            }
            groups.push(group.clone());
        }
        set_groups(t, name, groups);
        let id = Membership::of(group, name);
        t.truth.memberships.put(id.clone(), Membership { id });
        done()
    }
}

impl OnTwin for RemoveUserFromGroup {
    fn perform(self, t: &mut Twin, _: &str) -> Outcome {
        let (group, name) = (&self.group_name, self.user_name.as_str());
        must(t.truth.iam_groups.get(group), &format!("group {group}"), || no_group(group))?;
        let mut groups = groups(t, name)?;
        groups.retain(|one| one != group);
        set_groups(t, name, groups);
        take_away(&mut t.truth.memberships, &Membership::of(group, name));
        done()
    }
}

fn groups(t: &Twin, name: &str) -> Result<Vec<String>, CallError> {
    match &user(t, name)?.groups {
        Fact::Known(groups) => Ok(groups.clone()),
        silent => Err(unknown("the groups of the user", silent.silence().unwrap_or("not read"))),
    }
}

fn set_groups(t: &mut Twin, name: &str, groups: Vec<String>) {
    if let Some(user) = t.truth.users.get_mut(name) {
        user.groups = Fact::Known(groups);
    }
}
