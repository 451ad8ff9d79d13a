//! Reads security groups and their rules, prefix lists, interfaces, VPCs and flow logs.

use aws_sdk_ec2::{Client, types};
use futures::{StreamExt, stream};

use super::{
    Ask, Members,
    compute::operator,
    page::{filters, known, pages, some, tags, text, time},
};
use crate::{
    aws::errors,
    calls::CallError,
    inventory::{
        AclEntry, Fact, FlowLog, NetworkAcl, NetworkInterface, PrefixList, SecurityGroup, SecurityGroupRule,
        Subnet, Vpc,
    },
};

/// Calls `ec2:DescribeSecurityGroups`.
pub async fn security_groups(ec2: &Client, ask: &Ask) -> Members<SecurityGroup> {
    let request = ec2.describe_security_groups().set_filters(filters(ask, "group-id")).max_results(1000);
    Ok(known(pages!("ec2:DescribeSecurityGroups", request, security_groups => group), |g| &g.id))
}

fn group(group: types::SecurityGroup) -> SecurityGroup {
    SecurityGroup {
        id: text(group.group_id),
        name: text(group.group_name),
        description: text(group.description),
        vpc_id: text(group.vpc_id),
        owner_id: text(group.owner_id),
        tags: tags(group.tags),
        inbound: group
            .ip_permissions
            .map_or(Fact::NotRead, |all| Fact::Known(all.into_iter().flat_map(inbound).collect())),
    }
}

/// Splits a permission into rules: one for each source.
fn inbound(permission: types::IpPermission) -> Vec<SecurityGroupRule> {
    let rule = SecurityGroupRule {
        ip_protocol: text(permission.ip_protocol),
        from_port: permission.from_port.unwrap_or(-1),
        to_port: permission.to_port.unwrap_or(-1),
        ..SecurityGroupRule::default()
    };
    let v4 = permission
        .ip_ranges
        .unwrap_or_default()
        .into_iter()
        .map(|range| SecurityGroupRule { cidr_ipv4: some(range.cidr_ip), ..rule.clone() });
    let v6 = permission
        .ipv6_ranges
        .unwrap_or_default()
        .into_iter()
        .map(|range| SecurityGroupRule { cidr_ipv6: some(range.cidr_ipv6), ..rule.clone() });
    let lists = permission.prefix_list_ids.unwrap_or_default().into_iter();
    let lists =
        lists.map(|list| SecurityGroupRule { prefix_list_id: some(list.prefix_list_id), ..rule.clone() });
    let groups = permission.user_id_group_pairs.unwrap_or_default().into_iter();
    let groups =
        groups.map(|pair| SecurityGroupRule { referenced_group_id: some(pair.group_id), ..rule.clone() });
    v4.chain(v6).chain(lists).chain(groups).collect()
}

/// Calls `ec2:DescribeSecurityGroupRules`.
pub async fn rules(ec2: &Client, account: &str, ask: &Ask) -> Members<SecurityGroupRule> {
    let request = ec2
        .describe_security_group_rules()
        .set_filters(filters(ask, "security-group-rule-id"))
        .max_results(1000);
    Ok(known(
        pages!("ec2:DescribeSecurityGroupRules", request, security_group_rules => |r| rule(r, account)),
        |r| &r.id,
    ))
}

fn rule(rule: types::SecurityGroupRule, account: &str) -> SecurityGroupRule {
    let referenced = rule.referenced_group_info;
    SecurityGroupRule {
        id: text(rule.security_group_rule_id),
        group_id: text(rule.group_id),
        is_egress: rule.is_egress.unwrap_or_default(),
        ip_protocol: text(rule.ip_protocol),
        // AWS returns -1 where a protocol has no ports; an emulator may leave the member out.
        from_port: rule.from_port.unwrap_or(-1),
        to_port: rule.to_port.unwrap_or(-1),
        cidr_ipv4: some(rule.cidr_ipv4),
        cidr_ipv6: some(rule.cidr_ipv6),
        prefix_list_id: some(rule.prefix_list_id),
        referenced_group_owner: referenced
            .as_ref()
            .and_then(|g| some(g.user_id.as_deref()))
            .filter(|owner| owner != account),
        referenced_group_id: referenced.and_then(|g| some(g.group_id)),
        description: some(rule.description),
        tags: tags(rule.tags),
    }
}

/// Calls `ec2:DescribeManagedPrefixLists`, and `ec2:GetManagedPrefixListEntries` for lists that are asked for
/// by id.
pub async fn prefix_lists(ec2: &Client, ask: &Ask) -> Members<PrefixList> {
    let request =
        ec2.describe_managed_prefix_lists().set_filters(filters(ask, "prefix-list-id")).max_results(100);
    let lists = pages!("ec2:DescribeManagedPrefixLists", request, prefix_lists);
    let with_entries = matches!(ask, Ask::Ids(_));
    let lists = stream::iter(lists).map(|list: types::ManagedPrefixList| async move {
        let id = text(list.prefix_list_id);
        let entries = match with_entries {
            true => entries(ec2, &id).await.map_or_else(|error| Fact::unknown(&error), Fact::Known),
            false => Fact::NotRead,
        };
        PrefixList {
            id,
            name: text(list.prefix_list_name),
            owner_id: text(list.owner_id),
            max_entries: list.max_entries,
            entries,
        }
    });
    Ok(known(lists.buffered(4).collect::<Vec<_>>().await, |l| &l.id))
}

async fn entries(ec2: &Client, id: &str) -> Result<Vec<String>, CallError> {
    let request = ec2.get_managed_prefix_list_entries().prefix_list_id(id).max_results(100);
    let entries = pages!("ec2:GetManagedPrefixListEntries", request, entries);
    Ok(entries.into_iter().filter_map(|e: types::PrefixListEntry| e.cidr).collect())
}

/// Calls `ec2:DescribeNetworkInterfaces`.
pub async fn interfaces(ec2: &Client, ask: &Ask) -> Members<NetworkInterface> {
    let request = ec2
        .describe_network_interfaces()
        .include_managed_resources(true)
        .set_filters(filters(ask, "network-interface-id"))
        .max_results(1000);
    Ok(known(pages!("ec2:DescribeNetworkInterfaces", request, network_interfaces => interface), |i| &i.id))
}

/// Returns the private IPv4 addresses of an interface beside its primary one, and its IPv6 addresses.
fn more_addresses(interface: &types::NetworkInterface) -> Vec<String> {
    let more = interface
        .private_ip_addresses()
        .iter()
        .filter(|a| a.primary != Some(true))
        .filter_map(|a| some(a.private_ip_address.as_deref()));
    super::distinct(
        more.chain(interface.ipv6_addresses().iter().filter_map(|a| some(a.ipv6_address.as_deref()))),
    )
}

/// Returns the public addresses of the secondary private addresses of an interface.
fn more_public_ips(interface: &types::NetworkInterface) -> Vec<String> {
    let more = interface.private_ip_addresses().iter().filter(|a| a.primary != Some(true));
    super::distinct(more.filter_map(|a| some(a.association()?.public_ip.as_deref())))
}

fn interface(interface: types::NetworkInterface) -> NetworkInterface {
    let (more_addresses, more_public_ips) = (more_addresses(&interface), more_public_ips(&interface));
    let (association, attachment) = (interface.association, interface.attachment);
    NetworkInterface {
        id: text(interface.network_interface_id),
        groups: super::distinct(interface.groups.unwrap_or_default().into_iter().filter_map(|g| g.group_id)),
        interface_type: text(interface.interface_type),
        status: text(interface.status),
        instance_owner_id: attachment.as_ref().and_then(|a| some(a.instance_owner_id.as_deref())),
        instance_id: attachment.and_then(|a| some(a.instance_id)),
        owner_id: some(interface.owner_id),
        requester_id: some(interface.requester_id),
        operator: operator(interface.operator),
        requester_managed: interface.requester_managed.unwrap_or_default(),
        description: text(interface.description),
        vpc_id: text(interface.vpc_id),
        subnet_id: text(interface.subnet_id),
        private_ip: some(interface.private_ip_address),
        more_addresses,
        more_public_ips,
        public_ip: association.as_ref().and_then(|a| some(a.public_ip.as_deref())),
        public_ip_owner: association.and_then(|a| some(a.ip_owner_id)),
        tags: tags(interface.tag_set),
    }
}

/// Calls `ec2:DescribeVpcs`.
pub async fn vpcs(ec2: &Client, ask: &Ask) -> Members<Vpc> {
    let request = ec2.describe_vpcs().set_filters(filters(ask, "vpc-id")).max_results(1000);
    let vpcs = pages!("ec2:DescribeVpcs", request, vpcs);
    let vpcs = vpcs.into_iter().map(|v: types::Vpc| Vpc {
        more_cidr_blocks: more_cidr_blocks(&v),
        id: text(v.vpc_id),
        cidr_block: text(v.cidr_block),
        is_default: v.is_default.unwrap_or_default(),
        owner_id: text(v.owner_id),
        tags: tags(v.tags),
    });
    Ok(known(vpcs, |v| &v.id))
}

/// Returns the ranges of a VPC beside its primary one, of both families, without those that go or have failed
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcCidrBlockState.html>).
fn more_cidr_blocks(vpc: &types::Vpc) -> Vec<String> {
    use types::VpcCidrBlockStateCode::{Associated, Associating};
    let stands = |state: Option<&types::VpcCidrBlockState>| {
        state.and_then(|s| s.state.as_ref()).is_none_or(|code| matches!(code, Associated | Associating))
    };
    let v4 = vpc.cidr_block_association_set().iter().filter(|a| stands(a.cidr_block_state()));
    let v6 = vpc.ipv6_cidr_block_association_set().iter().filter(|a| stands(a.ipv6_cidr_block_state()));
    let all = v4.filter_map(|a| a.cidr_block()).chain(v6.filter_map(|a| a.ipv6_cidr_block()));
    super::distinct(all.filter(|cidr| vpc.cidr_block() != Some(cidr)).map(str::to_owned))
}

/// Calls `ec2:DescribeNetworkAcls`. One is asked for by its id; of several, one that does not exist would
/// fail the whole call, so that all are listed.
pub async fn acls(ec2: &Client, ask: &Ask) -> Members<NetworkAcl> {
    let request = ec2.describe_network_acls();
    let request = match ask {
        Ask::Ids(ids) if ids.len() == 1 => request.set_network_acl_ids(Some(ids.clone())),
        Ask::All | Ask::Ids(_) => request.max_results(1000),
        Ask::By(..) => request.set_filters(filters(ask, "")).max_results(1000),
    };
    let wanted = |acl: &NetworkAcl| !matches!(ask, Ask::Ids(ids) if !ids.contains(&acl.id));
    let all = pages!("ec2:DescribeNetworkAcls", request, network_acls => acl);
    Ok(known(all.into_iter().filter(wanted), |acl| &acl.id))
}

fn acl(acl: types::NetworkAcl) -> NetworkAcl {
    let (outbound, inbound): (Vec<_>, Vec<_>) =
        acl.entries.unwrap_or_default().into_iter().partition(|e| e.egress.unwrap_or_default());
    let numbered = |all: Vec<types::NetworkAclEntry>| {
        all.into_iter().map(|e| (e.rule_number.unwrap_or_default(), acl_entry(e))).collect()
    };
    let subnets = acl.associations.unwrap_or_default().into_iter().filter_map(|a| some(a.subnet_id));
    NetworkAcl {
        id: text(acl.network_acl_id),
        vpc_id: text(acl.vpc_id),
        owner_id: text(acl.owner_id),
        is_default: acl.is_default.unwrap_or_default(),
        subnets: super::distinct(subnets),
        inbound: numbered(inbound),
        outbound: numbered(outbound),
        tags: tags(acl.tags),
    }
}

fn acl_entry(entry: types::NetworkAclEntry) -> AclEntry {
    AclEntry {
        action: text(entry.rule_action),
        protocol: text(entry.protocol),
        cidr_block: some(entry.cidr_block),
        ipv6_cidr_block: some(entry.ipv6_cidr_block),
        from_port: entry.port_range.as_ref().and_then(|ports| ports.from),
        to_port: entry.port_range.as_ref().and_then(|ports| ports.to),
        icmp_type: entry.icmp_type_code.as_ref().and_then(|icmp| icmp.r#type),
        icmp_code: entry.icmp_type_code.as_ref().and_then(|icmp| icmp.code),
    }
}

/// Calls `ec2:DescribeSubnets`.
pub async fn subnets(ec2: &Client, ask: &Ask) -> Members<Subnet> {
    let request = ec2.describe_subnets().set_filters(filters(ask, "subnet-id")).max_results(1000);
    let subnets = pages!("ec2:DescribeSubnets", request, subnets);
    let subnets = subnets.into_iter().map(|s: types::Subnet| Subnet {
        id: text(s.subnet_id),
        vpc_id: text(s.vpc_id),
        cidr_block: text(s.cidr_block),
        availability_zone: text(s.availability_zone),
        map_public_ip_on_launch: s.map_public_ip_on_launch.unwrap_or_default(),
        default_for_az: s.default_for_az.unwrap_or_default(),
        owner_id: text(s.owner_id),
        tags: tags(s.tags),
    });
    Ok(known(subnets, |s| &s.id))
}

/// Calls `ec2:DescribeFlowLogs`.
pub async fn flow_logs(ec2: &Client, ask: &Ask) -> Members<FlowLog> {
    // The member is called Filter here and nowhere else.
    let request = ec2.describe_flow_logs().set_filter(filters(ask, "flow-log-id")).max_results(1000);
    let logs = pages!("ec2:DescribeFlowLogs", request, flow_logs);
    Ok(known(logs.into_iter().map(flow_log), |l| &l.id))
}

fn flow_log(log: types::FlowLog) -> FlowLog {
    FlowLog {
        id: text(log.flow_log_id),
        resource_id: text(log.resource_id),
        flow_log_status: text(log.flow_log_status),
        traffic_type: text(log.traffic_type),
        deliver_logs_status: some(log.deliver_logs_status),
        deliver_logs_error_message: log
            .deliver_logs_error_message
            .map(|m| errors::clean(&m))
            .filter(|m| !m.is_empty()),
        log_destination_type: text(log.log_destination_type),
        log_destination: some(log.log_destination),
        log_group_name: some(log.log_group_name),
        deliver_logs_permission_arn: some(log.deliver_logs_permission_arn),
        max_aggregation_interval: log.max_aggregation_interval.unwrap_or_default(),
        log_format: some(log.log_format),
        creation_time: time(log.creation_time),
        tags: tags(log.tags),
    }
}
