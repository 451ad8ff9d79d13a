//! Rules of security groups and properties of listeners, which a change sets and sets back: what the account
//! shows of them decides whether a call is borne out, or whether only the files vouch for it. Pure.

use serde::Deserialize;
use serde_json::Value;

use super::{Reach, Way, tag_of};
use crate::{
    calls::Call,
    inventory::{Fact, FamilyKind, PasswordPolicy, tag},
    services::password_policy::{DeleteAccountPasswordPolicy, UpdateAccountPasswordPolicy},
};

impl Reach<'_> {
    /// Returns the claim of a call that sets a property which the listener does not have, and which the
    /// action would not set today: only the files vouch for it.
    pub(super) fn sets_listener(&self, call: &Call) -> Option<String> {
        let id = self.change.resource.as_str();
        let now = self.facts.json(&call.region, FamilyKind::Listeners, id);
        let set = |member: &str, shown: &str| {
            let wanted = call.input.get(member)?;
            let is_set = now.known().is_some_and(|listener| listener.get(shown) == Some(wanted));
            (!is_set).then_some(wanted)
        };
        let name = self.change.resource.id();
        let policy = set("SslPolicy", "ssl_policy").map(|policy| format!("the policy {policy}"));
        let actions =
            set("DefaultActions", "default_actions").map(|actions| format!("the actions {actions}"));
        let all: Vec<String> = policy.into_iter().chain(actions).collect();
        (!all.is_empty()).then(|| format!("listener {name} gets {}", all.join(" and ")))
    }

    /// Accepts the web ACL that the load balancer has already, and on the way back any other, or none. An
    /// undo is asked of no action, and its calls count as a way back. Returns the claim for which only the
    /// files vouch.
    pub(super) fn sets_web_acl(&self, way: Way, call: &Call) -> Option<Option<String>> {
        let id = self.change.resource.as_str();
        let wanted = call.input.get("WebACLArn").and_then(Value::as_str);
        let balancer = self.facts.json(&call.region, FamilyKind::WebAclAssociations, id);
        let is_set = balancer.known().is_some_and(|now| now["web_acl"].as_str() == wanted);
        let name = self.change.resource.id();
        match way {
            _ if is_set => Some(None),
            Way::Forth if !self.change.uses.is_empty() => None,
            Way::Forth | Way::Back => Some(Some(match wanted {
                Some(acl) => format!("load balancer {name} gets the web ACL {acl}"),
                None => format!("load balancer {name} loses its web ACL"),
            })),
        }
    }

    /// Accepts the password policy that the account has already, or none where it has none, and on the way
    /// back any other. An undo is asked of no action, and its calls count as a way back. Returns the claim
    /// for which only the files vouch.
    pub(super) fn sets_password_policy(&self, way: Way, call: &Call) -> Option<Option<String>> {
        let wanted = UpdateAccountPasswordPolicy::deserialize(&call.input).ok().filter(|_| !deletes(call));
        let wanted = wanted.as_ref().map(PasswordPolicy::from);
        let is_set = match self.facts.password_policies.get(PasswordPolicy::ID) {
            Fact::Known(now) => wanted.as_ref() == Some(now),
            Fact::Absent => wanted.is_none(),
            Fact::Unknown(_) | Fact::NotRead => false,
        };
        match way {
            _ if is_set => Some(None),
            Way::Forth if !self.change.uses.is_empty() => None,
            Way::Forth | Way::Back => Some(Some(match deletes(call) {
                true => "the password policy of the account is deleted".to_owned(),
                false => format!("the password policy of the account becomes {}", call.input),
            })),
        }
    }

    /// Accepts a credential that is deactivated, and on the way back an access key that is active already.
    /// Returns the claim for which only the files vouch: that a credential is to work again.
    pub(super) fn sets_credential(&self, way: Way, call: &Call) -> Option<Option<String>> {
        let members = ["AccessKeyId", "ServiceSpecificCredentialId", "SSHPublicKeyId", "CertificateId"];
        let id = members.into_iter().find_map(|member| call.input.get(member)?.as_str()).unwrap_or_default();
        let now = self.facts.json("", FamilyKind::AccessKeys, id);
        match (way, call.input.get("Status").and_then(Value::as_str)) {
            (_, Some("Inactive")) => Some(None),
            (Way::Back, Some("Active")) => {
                let is_set = now.known().is_some_and(|key| key["status"] == "Active");
                Some((!is_set).then(|| format!("credential {id} is activated")))
            }
            _ => None,
        }
    }

    /// Checks the rules that a call revokes: those that the action revokes, or on the way back those that the
    /// run made. AWS refuses a rule of another group, since the call names the group, too.
    pub(super) fn revokes(&self, way: Way, call: &Call) -> Result<(), String> {
        let member = "SecurityGroupRuleIds";
        for id in
            call.input.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            let rule = match self.facts.json(&call.region, FamilyKind::SecurityGroupRules, id) {
                Fact::Known(rule) => rule,
                _ => continue,
            };
            let own = tag_of(&rule, tag::RUN) == Some(self.run);
            let proposed = way == Way::Forth && self.made.names(&call.operation, member, id);
            if !own && !proposed {
                return Err(format!("would shut {id}, which {} does not shut today", self.change.action));
            }
        }
        Ok(())
    }
}

/// Returns whether a call deletes the password policy.
fn deletes(call: &Call) -> bool {
    call.is::<DeleteAccountPasswordPolicy>()
}

/// Lists the sources that a call lets in.
pub(super) fn sources(call: &Call) -> String {
    let permissions = call.input.get("IpPermissions").and_then(Value::as_array).into_iter().flatten();
    let of = |permission: &Value| {
        let lists = [
            ("IpRanges", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6"),
            ("PrefixListIds", "PrefixListId"),
            ("UserIdGroupPairs", "GroupId"),
        ];
        let all = lists.iter().flat_map(|(list, key)| {
            let entries = permission.get(*list).and_then(Value::as_array).into_iter().flatten();
            entries
                .filter_map(|entry| entry.get(*key).and_then(Value::as_str).map(str::to_owned))
                .collect::<Vec<_>>()
        });
        all.collect::<Vec<_>>()
    };
    permissions.flat_map(of).collect::<Vec<_>>().join(", ")
}
