//! Calls that change security groups and flow logs.

use aws_sdk_ec2::{
    Client,
    types::{self, FlowLogsResourceType, LogDestinationType, TrafficType},
};
use serde::Deserialize;

use super::{
    errors, input,
    input::{TagSpecification, specifications},
    nothing, once, output,
};
use crate::calls::{Call, CallError, ErrorClass, Outcome};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Authorize {
    group_id: String,
    ip_permissions: Vec<IpPermission>,
    #[serde(default)]
    tag_specifications: Vec<TagSpecification>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct IpPermission {
    ip_protocol: String,
    from_port: Option<i32>,
    to_port: Option<i32>,
    #[serde(default)]
    ip_ranges: Vec<IpRange>,
    #[serde(default)]
    ipv6_ranges: Vec<Ipv6Range>,
    #[serde(default)]
    prefix_list_ids: Vec<PrefixList>,
    #[serde(default)]
    user_id_group_pairs: Vec<GroupPair>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct IpRange {
    cidr_ip: String,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Ipv6Range {
    cidr_ipv6: String,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PrefixList {
    prefix_list_id: String,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct GroupPair {
    group_id: String,
    user_id: Option<String>,
    description: Option<String>,
}

impl IpPermission {
    /// How many rules it makes.
    fn rules(&self) -> usize {
        self.ip_ranges.len() + self.ipv6_ranges.len() + self.prefix_list_ids.len() + self.user_id_group_pairs.len()
    }

    fn sdk(self) -> types::IpPermission {
        let v4 = |r: IpRange| types::IpRange::builder().cidr_ip(r.cidr_ip).set_description(r.description).build();
        let v6 = |r: Ipv6Range| types::Ipv6Range::builder().cidr_ipv6(r.cidr_ipv6).set_description(r.description).build();
        let list = |l: PrefixList| types::PrefixListId::builder().prefix_list_id(l.prefix_list_id).set_description(l.description).build();
        let pair = |p: GroupPair| types::UserIdGroupPair::builder().group_id(p.group_id).set_user_id(p.user_id).set_description(p.description).build();
        types::IpPermission::builder()
            .ip_protocol(self.ip_protocol)
            .set_from_port(self.from_port)
            .set_to_port(self.to_port)
            .set_ip_ranges(mapped(self.ip_ranges, v4))
            .set_ipv6_ranges(mapped(self.ipv6_ranges, v6))
            .set_prefix_list_ids(mapped(self.prefix_list_ids, list))
            .set_user_id_group_pairs(mapped(self.user_id_group_pairs, pair))
            .build()
    }
}

/// EC2's query protocol writes an empty list as one empty member: none at all is what is meant.
fn mapped<A, B>(items: Vec<A>, make: impl FnMut(A) -> B) -> Option<Vec<B>> {
    (!items.is_empty()).then(|| items.into_iter().map(make).collect())
}

/// `AuthorizeSecurityGroupIngress`
pub async fn authorize_ingress(ec2: &Client, call: &Call) -> Outcome {
    let i: Authorize = input(call)?;
    let rules = i.ip_permissions.iter().map(IpPermission::rules).sum::<usize>();
    let request = ec2
        .authorize_security_group_ingress()
        .group_id(i.group_id)
        .set_ip_permissions(mapped(i.ip_permissions, IpPermission::sdk))
        .set_tag_specifications(specifications(i.tag_specifications));
    let reply = once(call, request.send()).await?;
    if reply.r#return == Some(false) {
        return Err(not_done(call));
    }
    // Every source of every permission becomes a rule. A reply that names fewer (moto names those of the last
    // permission only) leaves rules behind that nobody could take back: better to find them by their tag.
    let ids: Vec<String> = reply.security_group_rules.unwrap_or_default().into_iter().filter_map(|r| r.security_group_rule_id).collect();
    output(call, "SecurityGroupRuleIds", Some(ids).filter(|ids| ids.len() >= rules))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Revoke {
    group_id: String,
    security_group_rule_ids: Vec<String>,
}

/// `RevokeSecurityGroupIngress`
pub async fn revoke_ingress(ec2: &Client, call: &Call) -> Outcome {
    let i: Revoke = input(call)?;
    let request = ec2.revoke_security_group_ingress().group_id(i.group_id).set_security_group_rule_ids(Some(i.security_group_rule_ids));
    let reply = once(call, request.send()).await?;
    // In a default VPC a rule that is not there is told in a reply that says success.
    let unknown = reply.unknown_ip_permissions.is_some_and(|p| !p.is_empty());
    if reply.r#return == Some(false) || unknown { Err(not_done(call)) } else { nothing() }
}

fn not_done(call: &Call) -> CallError {
    let message = format!("{} answered with success, but its body says that nothing or not all was done", call.name());
    CallError { class: ErrorClass::Semantic, code: "NotDone".to_owned(), message }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct CreateFlowLogs {
    resource_type: String,
    resource_ids: Vec<String>,
    traffic_type: String,
    log_destination_type: String,
    log_destination: Option<String>,
    log_group_name: Option<String>,
    deliver_logs_permission_arn: Option<String>,
    max_aggregation_interval: Option<i32>,
    log_format: Option<String>,
    #[serde(default)]
    tag_specifications: Vec<TagSpecification>,
    // The SDK makes none up for this operation, so a call without one would be made twice by a retry.
    client_token: String,
}

/// `CreateFlowLogs`
pub async fn create_flow_logs(ec2: &Client, call: &Call) -> Outcome {
    let i: CreateFlowLogs = input(call)?;
    let request = ec2
        .create_flow_logs()
        .resource_type(FlowLogsResourceType::from(i.resource_type.as_str()))
        .set_resource_ids(Some(i.resource_ids))
        .traffic_type(TrafficType::from(i.traffic_type.as_str()))
        .log_destination_type(LogDestinationType::from(i.log_destination_type.as_str()))
        .set_log_destination(i.log_destination)
        .set_log_group_name(i.log_group_name)
        .set_deliver_logs_permission_arn(i.deliver_logs_permission_arn)
        .set_max_aggregation_interval(i.max_aggregation_interval)
        .set_log_format(i.log_format)
        .set_tag_specifications(specifications(i.tag_specifications))
        .client_token(i.client_token);
    let reply = once(call, request.send()).await?;
    unsuccessful(call, reply.unsuccessful)?;
    output(call, "FlowLogIds", reply.flow_log_ids.filter(|ids| !ids.is_empty()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct DeleteFlowLogs {
    flow_log_ids: Vec<String>,
}

/// `DeleteFlowLogs`
pub async fn delete_flow_logs(ec2: &Client, call: &Call) -> Outcome {
    let i: DeleteFlowLogs = input(call)?;
    let reply = once(call, ec2.delete_flow_logs().set_flow_log_ids(Some(i.flow_log_ids)).send()).await?;
    unsuccessful(call, reply.unsuccessful)?;
    nothing()
}

/// The failures that a reply with status 200 carries: the worst of them, where "it is so already" is the least.
pub(super) fn unsuccessful(call: &Call, items: Option<Vec<types::UnsuccessfulItem>>) -> Result<(), CallError> {
    let failure = |item: types::UnsuccessfulItem| {
        let id = item.resource_id.unwrap_or_default();
        let (code, message) = item.error.map_or((None, None), |e| (e.code, e.message));
        errors::in_body(&call.name(), code.as_deref().unwrap_or("Unknown"), &format!("{id}: {}", message.unwrap_or_default()))
    };
    match items.unwrap_or_default().into_iter().map(failure).min_by_key(|e| e.class == ErrorClass::AlreadyDone) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
