//! The policies of a role that can be narrowed, and the steps that do so: a new version is put in force, and
//! the former one is kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::narrow::{Narrowed, narrow};
use crate::{
    actions::{Context, GuardNote, Refusal, make, signing_in::SHOWS_WITHIN, support},
    calls::{Act, Call, Expect, Observe, Step, reference},
    checks::role_permissions::{Unused, granted::Granted, last_use, own_policies},
    inventory::{FamilyKind, PolicyVersions, Role, RoleUse},
    services::{
        Planned,
        form::Ref,
        policy::{CreatePolicyVersion, DeletePolicyVersion, SetDefaultPolicyVersion},
    },
};

/// The most names that a refusal lists.
const NAMED: usize = 5;
const CHANGED: &str = "somebody has put another version of the policy in force";

/// A role with what it does not use.
pub(super) struct Scene<'a, 'c> {
    pub context: &'a Context<'c>,
    pub words: &'a str,
    pub role: &'a Role,
    pub uses: &'a RoleUse,
    pub unused: &'a Unused,
    /// The time before which a use is too long ago.
    pub limit: Timestamp,
}

/// A policy that becomes narrower.
pub(super) struct Part<'a> {
    pub policy: &'a PolicyVersions,
    pub narrowed: Narrowed,
}

/// Returns the documents of policies, by their names.
pub(super) fn documents(parts: &[Part<'_>], of: impl Fn(&Part<'_>) -> Value) -> Value {
    Value::Object(parts.iter().map(|part| (part.name().to_owned(), of(part))).collect::<Map<_, _>>())
}

/// Returns the name of a policy.
fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

impl<'c> Scene<'_, 'c> {
    /// Checks that no inline policy allows what is unused: such a policy has no versions to go back to.
    pub fn inline(&self) -> Result<(), Refusal> {
        let what = format!("the inline policies of {}", self.words);
        for (name, document) in support::need(self.role.inline_policies.as_ref(), &what)? {
            let granted = Granted::of(document)
                .map_err(|why| Refusal::Unknown(format!("inline policy {name} of {}: {why}", self.words)))?;
            let unused: Vec<&str> =
                self.unused.keys().map(String::as_str).filter(|service| granted.has(service)).collect();
            if !unused.is_empty() {
                return Err(Refusal::Refused(format!(
                    "inline policy {name} of {} allows what the role does not use ({}), and has no versions \
                     to go back to: narrow it by hand, or make a customer managed policy of it",
                    self.words,
                    unused.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// Returns the policies that become narrower. One that cannot refuses all: the role would still be able
    /// to do what it does not use.
    pub fn parts(&self) -> Result<Vec<Part<'c>>, Refusal> {
        let mut parts = Vec::new();
        for arn in own_policies(self.role) {
            let versions = self.context.inventory.policy_versions.get(arn);
            let policy = support::need(versions, &format!("policy {}", name(arn)))?;
            match narrow(&policy.document, self.unused) {
                Ok(None) => {}
                Ok(Some(narrowed)) => {
                    self.may_change(policy)?;
                    parts.push(Part { policy, narrowed });
                }
                Err(why) => {
                    return Err(Refusal::Refused(format!(
                        "policy {}: {why}. Narrow it by hand; within the days {} has used {}",
                        name(arn),
                        self.words,
                        self.used()
                    )));
                }
            }
        }
        Ok(parts)
    }

    /// Returns the services that the role has used.
    fn used(&self) -> String {
        let recent = |used: &crate::inventory::ServiceUse| {
            used.last_used.known().is_some_and(|time| *time >= self.limit)
        };
        let all = self.uses.services.iter().filter(|(_, used)| recent(used));
        let all: Vec<&str> = all.map(|(service, _)| service.as_str()).collect();
        if all.is_empty() { "no service".to_owned() } else { all.join(", ") }
    }

    /// Checks that a policy is of this role alone, has room for a version, and is old enough for the report
    /// to count.
    fn may_change(&self, policy: &PolicyVersions) -> Result<(), Refusal> {
        let (name, own) = (name(&policy.id), format!("role/{}", self.role.id));
        let refused = |why: String| Err(Refusal::Refused(format!("policy {name} {why}")));
        if !policy.holders.contains(&own) {
            return Err(Refusal::Unknown(format!(
                "AWS does not list {} among those who have policy {name}",
                self.words
            )));
        }
        let others: Vec<&str> =
            policy.holders.iter().map(String::as_str).filter(|holder| **holder != own).collect();
        if !others.is_empty() {
            let more = if others.len() > NAMED { ", and others" } else { "" };
            let named = others[..others.len().min(NAMED)].join(", ");
            return refused(format!(
                "is not of {} alone, and what the others use is not read: it is with {named}{more}, too. \
                 Give the role a policy of its own",
                self.words
            ));
        }
        if self.role.permissions_boundary.as_ref() == Some(&policy.id) {
            return refused(format!("is the permissions boundary of {}, too", self.words));
        }
        if policy.versions.len() >= PolicyVersions::MOST {
            return refused(format!(
                "has {} versions, and AWS keeps no more: delete one that nobody needs (`aws iam \
                 delete-policy-version`)",
                PolicyVersions::MOST
            ));
        }
        let created = policy.versions.get(&policy.default_version).map(|version| version.created.as_ref());
        let created = created.unwrap_or_default();
        let what = format!("the age of version {} of policy {name}", policy.default_version);
        if *support::need(created, &what)? >= self.limit {
            return refused(format!(
                "has a version {} that is younger than the days: what it allows since then may not have been \
                 used yet. Wait, or give fewer days",
                policy.default_version
            ));
        }
        Ok(())
    }
}

impl Part<'_> {
    /// Returns the name of the policy.
    pub fn name(&self) -> &str {
        name(&self.policy.id)
    }

    /// Asks whether something else manages the policy.
    pub fn owned(&self, context: &Context<'_>) -> Result<GuardNote, Refusal> {
        let manager = support::managed_by(&self.policy.tags);
        support::ownership(&format!("policy {}", self.name()), manager, context.options)
    }

    /// Describes what the role may not do any more, service by service.
    pub fn losses(&self, words: &str, unused: &Unused) -> Vec<String> {
        let by_name: BTreeMap<String, Option<Timestamp>> =
            unused.iter().map(|(service, time)| (service.to_lowercase(), *time)).collect();
        let of = |(service, actions): (&String, &Vec<String>)| {
            let last = last_use(by_name.get(service).copied().flatten());
            format!(
                "policy {} allows {} no longer; {words} last used {service}: {last}",
                self.name(),
                actions.join(", ")
            )
        };
        self.narrowed.lost.iter().map(of).collect()
    }

    fn is(&self, at: &str, value: impl Into<Value>) -> Expect {
        make::is("", FamilyKind::PolicyVersions, self.policy.id.as_str(), at, value)
    }

    /// Builds the step that puts a narrower version in force. Versions never change and their names are never
    /// given again, so that the name of the one in force stands for its content.
    pub fn step(&self, region: &str, n: usize) -> Step {
        let former = self.policy.default_version.as_str();
        let call = CreatePolicyVersion {
            policy_arn: self.policy.id.clone(),
            policy_document: self.narrowed.document.to_string(),
            set_as_default: true,
        };
        let ours = self.is("/document", self.narrowed.document.clone());
        let is_former = self.is("/default_version", former);
        let act = make::act_until(
            Call::of(region, &call),
            vec![ours.clone()],
            SHOWS_WITHIN,
            "until the new version is in force",
        );
        let act = act.only_if(vec![is_former.clone().meaning(CHANGED)]);
        let title = format!("put a version of policy {} in force that allows less", self.name());
        make::step(format!("narrow-{n}"), title, act, make::back(self.back(region, n, ours, &is_former)))
    }

    /// Builds the calls that put the former version in force again and delete the new one, whose name is
    /// looked up before.
    fn back(&self, region: &str, n: usize, ours: Expect, is_former: &Expect) -> Vec<Act> {
        let (policy_arn, former) = (self.policy.id.clone(), self.policy.default_version.clone());
        let look = Observe {
            name: format!("version-{n}"),
            region: String::new(),
            family: FamilyKind::PolicyVersions,
            id: json!(policy_arn),
            at: "/default_version".to_owned(),
            anew: true,
        };
        let new = Ref::To(reference::observed(&look.name));
        let set = SetDefaultPolicyVersion { policy_arn: policy_arn.clone(), version_id: former };
        let set = make::act_until(
            Call::of(region, &set),
            vec![is_former.clone()],
            SHOWS_WITHIN,
            "until the former version is in force",
        );
        let set = set.only_if(vec![ours.meaning(CHANGED)]).observing([look]);
        let names: Vec<&String> = self.policy.versions.keys().collect();
        let delete = DeletePolicyVersion::<Planned> { policy_arn, version_id: new };
        let gone = self.is("/names", json!(names));
        // Somebody may have made or deleted other versions meanwhile, so that nothing is waited for.
        let delete = make::act(Call::of(region, &delete), vec![gone]);
        vec![set, delete.only_if(vec![is_former.clone().meaning(CHANGED)])]
    }
}
