//! The company's networks: VPCs and their flow logs, security groups and their rules, prefix lists. Data
//! only.

use super::{ACCOUNT, MAIN, OFFICE, OTHER, id, named, tags};
use crate::inventory::{
    AclEntry, Fact, FlowLog, Inventory, NetworkAcl, PrefixList, SecurityGroup, SecurityGroupRule, Subnet,
    Tags, Vpc, tag,
};

/// VPCs by number: main, data, legacy, lab, shared; then those of the other region.
pub(super) const VPC_MAIN: u64 = 1;
pub(super) const VPC_OTHER: u64 = 11;

const WORLD: &str = "0.0.0.0/0";
const WORLD_V6: &str = "::/0";

pub(super) fn furnish(company: &mut Inventory) {
    vpcs(company);
    subnets(company);
    acls(company);
    flow_logs(company);
    prefix_lists(company);
    let mut rules = 0;
    for (n, region, name, extra, list) in groups() {
        let vpc = if region == MAIN { VPC_MAIN } else { VPC_OTHER };
        let mut all: Tags = named(name);
        all.extend(tags(extra));
        let group = SecurityGroup {
            id: id("sg", n),
            name: name.to_owned(),
            description: format!("{name} of Larkspur Maps"),
            vpc_id: id("vpc", vpc),
            owner_id: ACCOUNT.to_owned(),
            tags: all,
            ..SecurityGroup::default()
        };
        let outward = rule("-1", -1, -1, WORLD, None);
        for (rule, is_egress) in list.into_iter().map(|r| (r, false)).chain([(outward, true)]) {
            rules += 1;
            let whole =
                SecurityGroupRule { id: id("sgr", rules), group_id: group.id.clone(), is_egress, ..rule };
            company.region_mut(region).security_group_rules.put(whole.id.clone(), whole);
        }
        company.region_mut(region).security_groups.put(group.id.clone(), group);
    }
    default_groups(company, rules);
    endpoint_groups(company);
}

/// Adds groups of interface endpoints: one that lets everybody in who is routed to the VPC, and one for the
/// VPC alone.
fn endpoint_groups(company: &mut Inventory) {
    let list = [
        (sg::ENDPOINTS, "endpoints", rule("tcp", 443, 443, WORLD, Some("agents"))),
        (sg::ENDPOINTS_INSIDE, "endpoints-inside", tcp(443, "10.10.0.0/16")),
    ];
    for (n, name, rule) in list {
        let group = SecurityGroup {
            id: id("sg", n),
            name: name.to_owned(),
            description: format!("{name} of Larkspur Maps"),
            vpc_id: id("vpc", VPC_MAIN),
            owner_id: ACCOUNT.to_owned(),
            tags: named(name),
            ..SecurityGroup::default()
        };
        let whole = SecurityGroupRule { id: id("sgr", 1000 + n), group_id: group.id.clone(), ..rule };
        company.region_mut(MAIN).security_group_rules.put(whole.id.clone(), whole);
        company.region_mut(MAIN).security_groups.put(group.id.clone(), group);
    }
}

/// Adds the groups that AWS makes with VPCs: one that a file system uses, one that somebody has emptied, one
/// that nobody has looked at, and one that is only called alike.
fn default_groups(company: &mut Inventory, rules_before: u64) {
    let usual = |group: u64| {
        let own = rule("-1", -1, -1, &id("sg", group), None);
        let outward = SecurityGroupRule { is_egress: true, ..rule("-1", -1, -1, WORLD, None) };
        vec![own, outward]
    };
    let legacy = {
        let described = rule("tcp", 5432, 5432, "10.30.0.0/16", Some("reports, until they move"));
        let ticket = tags(&[("Ticket", "INFRA-31")]);
        let outward = SecurityGroupRule { is_egress: true, ..rule("-1", -1, -1, WORLD_V6, None) };
        [usual(21), vec![SecurityGroupRule { tags: ticket, ..described }, outward]].concat()
    };
    let list = [
        (sg::DEFAULT, VPC_MAIN, "default", usual(sg::DEFAULT)),
        (20, 2, "default", Vec::new()),
        (21, 3, "default", legacy),
        (22, 4, "default-lab", usual(22)),
    ];
    let mut rules = rules_before;
    for (n, vpc, name, list) in list {
        let group = SecurityGroup {
            id: id("sg", n),
            name: name.to_owned(),
            description: "default VPC security group".to_owned(),
            vpc_id: id("vpc", vpc),
            owner_id: ACCOUNT.to_owned(),
            ..SecurityGroup::default()
        };
        for rule in list {
            rules += 1;
            let whole = SecurityGroupRule { id: id("sgr", rules), group_id: group.id.clone(), ..rule };
            company.region_mut(MAIN).security_group_rules.put(whole.id.clone(), whole);
        }
        company.region_mut(MAIN).security_groups.put(group.id.clone(), group);
    }
}

fn vpcs(company: &mut Inventory) {
    let list = [
        (VPC_MAIN, MAIN, "main", "10.10.0.0/16", ACCOUNT),
        (2, MAIN, "data", "10.20.0.0/16", ACCOUNT),
        (3, MAIN, "legacy", "10.30.0.0/16", ACCOUNT),
        (4, MAIN, "lab", "10.40.0.0/16", ACCOUNT),
        (5, MAIN, "shared-by-parent", "10.50.0.0/16", "999988887777"),
        (VPC_OTHER, OTHER, "europe", "10.60.0.0/16", ACCOUNT),
        (12, OTHER, "default", "172.31.0.0/16", ACCOUNT),
    ];
    for (n, region, name, cidr, owner) in list {
        let mut vpc = Vpc {
            id: id("vpc", n),
            cidr_block: cidr.to_owned(),
            more_cidr_blocks: Vec::new(),
            is_default: name == "default",
            owner_id: owner.to_owned(),
            tags: named(name),
        };
        if vpc.is_default {
            vpc.tags.insert(tag::IGNORE.to_owned(), "the default VPC is empty, see INFRA-12".to_owned());
        }
        company.region_mut(region).vpcs.put(vpc.id.clone(), vpc);
    }
}

fn subnets(company: &mut Inventory) {
    let list = [
        (1, VPC_MAIN, MAIN, "main-private-a", "10.10.0.0/20", "us-east-1a", false),
        (2, VPC_MAIN, MAIN, "main-public-a", "10.10.96.0/20", "us-east-1a", true),
        (4, VPC_MAIN, MAIN, "main-batch-a", "10.10.16.0/20", "us-east-1a", false),
        (3, 2, MAIN, "data-a", "10.20.0.0/20", "us-east-1a", false),
        (11, VPC_OTHER, OTHER, "europe-a", "10.60.0.0/20", "eu-west-1a", false),
    ];
    for (n, vpc, region, name, cidr, zone, public) in list {
        let mut tags = named(name);
        if !public && vpc == VPC_MAIN {
            tags.insert("Tier".to_owned(), "private".to_owned());
        }
        let subnet = Subnet {
            id: id("subnet", n),
            vpc_id: id("vpc", vpc),
            cidr_block: cidr.to_owned(),
            availability_zone: zone.to_owned(),
            map_public_ip_on_launch: public,
            owner_id: ACCOUNT.to_owned(),
            tags,
            ..Subnet::default()
        };
        company.region_mut(region).subnets.put(subnet.id.clone(), subnet);
    }
}

/// Adds network ACLs: the default one, one by which the public subnet is open, one that denies in time, and
/// one that no subnet has.
fn acls(company: &mut Inventory) {
    let entry = |action: &str, protocol: &str, ports: Option<(i32, i32)>| AclEntry {
        action: action.to_owned(),
        protocol: protocol.to_owned(),
        cidr_block: Some(WORLD.to_owned()),
        from_port: ports.map(|(from, _)| from),
        to_port: ports.map(|(_, to)| to),
        ..AclEntry::default()
    };
    let tcp = |action: &str, from: i32, to: i32| entry(action, "6", Some((from, to)));
    let everything = || (100, entry("allow", "-1", None));
    let open = vec![
        (100, tcp("allow", 443, 443)),
        (110, tcp("allow", 22, 22)),
        // Replies to what the subnet asks for.
        (120, tcp("allow", 1024, 65_535)),
    ];
    let in_time = vec![(80, tcp("deny", 22, 22)), (90, tcp("deny", 3389, 3389)), everything()];
    let list = [
        (1, VPC_MAIN, "", vec![1, 4], vec![everything()]),
        (2, VPC_MAIN, "main-public", vec![2], open),
        (3, 2, "data", vec![3], in_time),
        (4, 4, "lab-unused", Vec::new(), vec![everything()]),
    ];
    for (n, vpc, name, subnets, inbound) in list {
        let rest = (32_767, entry("deny", "-1", None));
        let acl = NetworkAcl {
            id: id("acl", n),
            vpc_id: id("vpc", vpc),
            owner_id: ACCOUNT.to_owned(),
            is_default: name.is_empty(),
            subnets: subnets.into_iter().map(|n| id("subnet", n)).collect(),
            inbound: inbound.into_iter().chain([rest.clone()]).collect(),
            outbound: [everything(), rest].into_iter().collect(),
            tags: if name.is_empty() { Tags::new() } else { named(name) },
        };
        company.region_mut(MAIN).network_acls.put(acl.id.clone(), acl);
    }
    if let Some(acl) = company.region_mut(MAIN).network_acls.get_mut(&id("acl", 3)) {
        block(acl);
    }
}

/// Blocks an address from which somebody tried passwords last winter, for a week.
fn block(acl: &mut NetworkAcl) {
    let from = "198.51.100.23/32";
    let deny = AclEntry {
        action: "deny".to_owned(),
        protocol: "-1".to_owned(),
        cidr_block: Some(from.to_owned()),
        ..AclEntry::default()
    };
    acl.inbound.insert(70, deny.clone());
    acl.outbound.insert(71, deny);
    let until = "in 70 out 71 until 2026-02-08T09:00:00Z";
    acl.tags.insert(format!("{}{from}", tag::BLOCK), until.to_owned());
}

fn flow_logs(company: &mut Inventory) {
    let bucket = || Some("arn:aws:s3:::larkspur-flow-logs/vpc/".to_owned());
    let log = |n, vpc, traffic: &str, status: &str| FlowLog {
        id: id("fl", n),
        resource_id: id("vpc", vpc),
        flow_log_status: "ACTIVE".to_owned(),
        traffic_type: traffic.to_owned(),
        deliver_logs_status: Some(status.to_owned()),
        log_destination_type: "s3".to_owned(),
        log_destination: bucket(),
        max_aggregation_interval: 600,
        ..FlowLog::default()
    };
    let failed = FlowLog {
        deliver_logs_error_message: Some("Access error".to_owned()),
        log_destination_type: "cloud-watch-logs".to_owned(),
        log_destination: None,
        log_group_name: Some("/larkspur/lab".to_owned()),
        deliver_logs_permission_arn: Some(format!("arn:aws:iam::{ACCOUNT}:role/lab-flow-logs")),
        ..log(3, 4, "ALL", "FAILED")
    };
    let main = [log(1, 2, "ALL", "SUCCESS"), log(2, 3, "ACCEPT", "SUCCESS"), failed];
    let other = [log(4, VPC_OTHER, "REJECT", "SUCCESS")];
    for (region, log) in main.map(|l| (MAIN, l)).into_iter().chain(other.map(|l| (OTHER, l))) {
        company.region_mut(region).flow_logs.put(log.id.clone(), log);
    }
}

fn prefix_lists(company: &mut Inventory) {
    for (n, name, entry) in [(1, "partners", "198.51.100.0/24"), (2, "vendors", WORLD)] {
        let list = PrefixList {
            id: id("pl", n),
            name: name.to_owned(),
            owner_id: ACCOUNT.to_owned(),
            max_entries: Some(5),
            entries: Fact::Known(vec!["192.0.2.0/25".to_owned(), entry.to_owned()]),
        };
        company.region_mut(MAIN).prefix_lists.put(list.id.clone(), list);
    }
}

/// Builds a rule with one source: a CIDR, a prefix list or a group, distinguished by its form.
fn rule(protocol: &str, from: i32, to: i32, source: &str, description: Option<&str>) -> SecurityGroupRule {
    let is = |yes: bool| yes.then(|| source.to_owned());
    SecurityGroupRule {
        ip_protocol: protocol.to_owned(),
        from_port: from,
        to_port: to,
        cidr_ipv4: is(source.contains('.')),
        cidr_ipv6: is(source.contains(':')),
        prefix_list_id: is(source.starts_with("pl-")),
        referenced_group_id: is(source.starts_with("sg-")),
        description: description.map(str::to_owned),
        ..SecurityGroupRule::default()
    }
}

fn tcp(port: i32, source: &str) -> SecurityGroupRule {
    rule("tcp", port, port, source, None)
}

type Group =
    (u64, &'static str, &'static str, &'static [(&'static str, &'static str)], Vec<SecurityGroupRule>);

/// The groups that instances and interfaces have, by number.
pub(super) mod sg {
    pub const OFFICE_SSH: u64 = 1;
    pub const APP: u64 = 2;
    pub const JUMP: u64 = 3;
    pub const CI: u64 = 4;
    pub const POSTGRES: u64 = 10;
    pub const WEB: u64 = 13;
    pub const INSIDE: u64 = 16;
    /// The default group of the main VPC.
    pub const DEFAULT: u64 = 19;
    pub const EUROPE: u64 = 31;
    /// The group of an endpoint that anybody reaches who is routed to the VPC.
    pub const ENDPOINTS: u64 = 41;
    /// The group of an endpoint for the VPC alone.
    pub const ENDPOINTS_INSIDE: u64 = 42;
}

fn groups() -> Vec<Group> {
    let excused: &[(&str, &str)] = &[(tag::IGNORE, "honeypot of the security team, see SEC-7")];
    vec![
        (sg::OFFICE_SSH, MAIN, "office-ssh", &[], vec![rule("tcp", 22, 22, OFFICE, Some("office"))]),
        // The world may be shut out here: the office gets in all the same.
        (
            sg::APP,
            MAIN,
            "app",
            &[("Team", "maps")],
            vec![
                rule("tcp", 22, 22, WORLD, Some("temporary, for the move")),
                rule("tcp", 22, 22, WORLD_V6, Some("temporary, for the move")),
                rule("tcp", 22, 22, OFFICE, Some("office")),
                tcp(8443, &id("sg", sg::WEB)),
            ],
        ),
        // The only way in to a running instance.
        (sg::JUMP, MAIN, "jump", &[], vec![tcp(22, WORLD)]),
        // Behind it is an instance that Systems Manager reaches.
        (sg::CI, MAIN, "ci", &[], vec![rule("tcp", 22, 22, WORLD, Some("ci"))]),
        (5, MAIN, "windows-v6", &[], vec![tcp(3389, WORLD_V6)]),
        (6, MAIN, "old-range", &[], vec![rule("tcp", 20, 4000, WORLD, None)]),
        (7, MAIN, "anything", &[], vec![rule("-1", -1, -1, WORLD, None)]),
        (8, MAIN, "remote-desktop-udp", &[], vec![rule("udp", 3389, 3389, WORLD, None)]),
        (9, MAIN, "two-halves", &[], vec![tcp(22, "0.0.0.0/1"), tcp(22, "128.0.0.0/1")]),
        (
            sg::POSTGRES,
            MAIN,
            "postgres",
            &[],
            vec![rule("tcp", 5432, 5432, WORLD, Some("reporting")), tcp(5432, "10.10.0.0/16")],
        ),
        (11, MAIN, "partners", &[], vec![tcp(22, &id("pl", 1))]),
        (12, MAIN, "vendors", &[], vec![tcp(22, &id("pl", 2))]),
        (sg::WEB, MAIN, "web", &[], vec![tcp(443, WORLD), tcp(443, WORLD_V6), tcp(80, WORLD)]),
        (14, MAIN, "ping", &[], vec![rule("icmp", 8, -1, WORLD, None)]),
        (15, MAIN, "from-office-group", &[], vec![tcp(22, &id("sg", sg::OFFICE_SSH))]),
        (sg::INSIDE, MAIN, "inside", &[], vec![tcp(22, "10.0.0.0/8")]),
        (17, MAIN, "honeypot", excused, vec![tcp(22, WORLD)]),
        (18, MAIN, "empty", &[], vec![]),
        (sg::EUROPE, OTHER, "europe-office", &[], vec![rule("tcp", 22, 22, OFFICE, Some("office"))]),
        (32, OTHER, "europe-old", &[], vec![tcp(22, WORLD), tcp(3306, WORLD)]),
    ]
}
