//! The requests that change security groups.

use aws_sdk_ec2::types;

use super::{OnAws, To, nothing, once, output, tag::specifications};
use crate::{
    calls::{Call, CallError, ErrorClass, Outcome},
    services::security_group::{
        AuthorizeSecurityGroupEgress, AuthorizeSecurityGroupIngress, IpPermission, IpRange, Ipv6Range,
        PrefixListId, RevokeSecurityGroupEgress, RevokeSecurityGroupIngress, UserIdGroupPair,
    },
};

impl OnAws for AuthorizeSecurityGroupIngress {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let rules = self.ip_permissions.iter().map(rules).sum::<usize>();
        let request = to
            .ec2()
            .authorize_security_group_ingress()
            .group_id(self.group_id)
            .set_ip_permissions(mapped(self.ip_permissions, permission))
            .set_tag_specifications(specifications(self.tag_specifications));
        let reply = once(call, request.send()).await?;
        made(call, rules, reply.r#return, reply.security_group_rules)
    }
}

impl OnAws for AuthorizeSecurityGroupEgress {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let rules = self.ip_permissions.iter().map(rules).sum::<usize>();
        let request = to
            .ec2()
            .authorize_security_group_egress()
            .group_id(self.group_id)
            .set_ip_permissions(mapped(self.ip_permissions, permission))
            .set_tag_specifications(specifications(self.tag_specifications));
        let reply = once(call, request.send()).await?;
        made(call, rules, reply.r#return, reply.security_group_rules)
    }
}

impl OnAws for RevokeSecurityGroupIngress {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .revoke_security_group_ingress()
            .group_id(self.group_id)
            .set_security_group_rule_ids(Some(self.security_group_rule_ids));
        let reply = once(call, request.send()).await?;
        gone(call, reply.r#return, reply.unknown_ip_permissions)
    }
}

impl OnAws for RevokeSecurityGroupEgress {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .revoke_security_group_egress()
            .group_id(self.group_id)
            .set_security_group_rule_ids(Some(self.security_group_rule_ids));
        let reply = once(call, request.send()).await?;
        gone(call, reply.r#return, reply.unknown_ip_permissions)
    }
}

/// Returns the ids of the rules that a call has made: every source of every permission becomes a rule. A
/// reply that names fewer (moto names those of the last permission only) leaves rules behind that could not
/// be undone: better to find them by their tag.
fn made(
    call: &Call,
    rules: usize,
    done: Option<bool>,
    made: Option<Vec<types::SecurityGroupRule>>,
) -> Outcome {
    if done == Some(false) {
        return Err(not_done(call));
    }
    let ids: Vec<String> =
        made.unwrap_or_default().into_iter().filter_map(|r| r.security_group_rule_id).collect();
    output(call, "SecurityGroupRuleIds", Some(ids).filter(|ids| ids.len() >= rules))
}

/// Returns whether the rules are gone: in a default VPC, a success reply lists the rules that were not found.
fn gone(call: &Call, done: Option<bool>, unknown: Option<Vec<types::IpPermission>>) -> Outcome {
    let unknown = unknown.is_some_and(|permissions| !permissions.is_empty());
    if done == Some(false) || unknown { Err(not_done(call)) } else { nothing() }
}

/// Returns the number of rules that a permission makes.
fn rules(of: &IpPermission) -> usize {
    of.ip_ranges.len() + of.ipv6_ranges.len() + of.prefix_list_ids.len() + of.user_id_group_pairs.len()
}

fn permission(of: IpPermission) -> types::IpPermission {
    let v4 = |r: IpRange| types::IpRange::builder().cidr_ip(r.cidr_ip).set_description(r.description).build();
    let v6 = |r: Ipv6Range| {
        types::Ipv6Range::builder().cidr_ipv6(r.cidr_ipv6).set_description(r.description).build()
    };
    let list = |l: PrefixListId| {
        types::PrefixListId::builder().prefix_list_id(l.prefix_list_id).set_description(l.description).build()
    };
    let pair = |p: UserIdGroupPair| {
        types::UserIdGroupPair::builder()
            .group_id(p.group_id)
            .set_user_id(p.user_id)
            .set_description(p.description)
            .build()
    };
    types::IpPermission::builder()
        .ip_protocol(of.ip_protocol)
        .set_from_port(of.from_port)
        .set_to_port(of.to_port)
        .set_ip_ranges(mapped(of.ip_ranges, v4))
        .set_ipv6_ranges(mapped(of.ipv6_ranges, v6))
        .set_prefix_list_ids(mapped(of.prefix_list_ids, list))
        .set_user_id_group_pairs(mapped(of.user_id_group_pairs, pair))
        .build()
}

/// Maps a list, and an empty list to `None`: EC2's query protocol would write it as one empty member.
fn mapped<A, B>(items: Vec<A>, make: impl FnMut(A) -> B) -> Option<Vec<B>> {
    (!items.is_empty()).then(|| items.into_iter().map(make).collect())
}

fn not_done(call: &Call) -> CallError {
    let message = format!(
        "{} answered with success, but its body reports that nothing or not all was done",
        call.name()
    );
    CallError { class: ErrorClass::Semantic, code: "NotDone".to_owned(), message }
}
