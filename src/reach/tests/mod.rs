//! Whole paths, on hand-made accounts: each hop open, closed and unknown, and things that look alike.

mod kinds;

use serde_json::{Value, json};

use super::*;
use crate::{
    checks::{self, network_acls, routes::accident, subnets},
    finding::Verdict,
    inventory::{
        AclEntry, Caller, Fact, FamilyKind, Listener, LoadBalancer, NetworkAcl, NetworkInterface,
        PublicAccessOptions, Region, Route, RouteTable, RouteTableAssociation, SecurityGroup,
        SecurityGroupRule, Selector, Subnet, Target, TargetGroup, VpcPublicAccess, Want,
        routes::{EGRESS_ONLY, GATEWAY, NAT_GATEWAY, PEERING},
    },
    resource::{Owner, ResourceId},
};

const R: &str = "us-east-1";
const WORLD: &str = "0.0.0.0/0";
const ADMIN: &str = "security-group-open-admin-port";

fn owner() -> Owner {
    Owner { partition: "aws".into(), account: "123456789012".into() }
}

fn rule(id: &str, group: &str, protocol: &str, ports: (i32, i32), source: &str) -> SecurityGroupRule {
    let v6 = source.contains(':');
    SecurityGroupRule {
        id: id.into(),
        group_id: group.into(),
        ip_protocol: protocol.into(),
        from_port: ports.0,
        to_port: ports.1,
        cidr_ipv4: (!v6).then(|| source.to_owned()),
        cidr_ipv6: v6.then(|| source.to_owned()),
        ..SecurityGroupRule::default()
    }
}

fn route(destination: &str, member: &str, target: &str) -> Route {
    Route {
        destination: destination.into(),
        target: [(member.to_owned(), target.to_owned())].into(),
        state: "active".into(),
        origin: "CreateRoute".into(),
        ..Route::default()
    }
}

fn table(id: &str, subnets: &[&str], routes: Vec<Route>) -> RouteTable {
    let mut associations: Vec<RouteTableAssociation> = Vec::new();
    for subnet in subnets {
        let subnet_id = Some((*subnet).to_owned());
        associations.push(RouteTableAssociation { subnet_id, ..RouteTableAssociation::default() });
    }
    if subnets.is_empty() {
        associations.push(RouteTableAssociation { main: true, ..RouteTableAssociation::default() });
    }
    RouteTable {
        id: id.into(),
        vpc_id: "vpc-1".into(),
        owner_id: owner().account,
        routes,
        associations,
        ..RouteTable::default()
    }
}

fn entry(action: &str, protocol: &str, ports: Option<(i32, i32)>, network: &str) -> AclEntry {
    let v6 = network.contains(':');
    AclEntry {
        action: action.into(),
        protocol: protocol.into(),
        cidr_block: (!v6).then(|| network.to_owned()),
        ipv6_cidr_block: v6.then(|| network.to_owned()),
        from_port: ports.map(|(from, _)| from),
        to_port: ports.map(|(_, to)| to),
        ..AclEntry::default()
    }
}

fn open_acl() -> NetworkAcl {
    let all = || [(100, entry("allow", "-1", None, WORLD)), (101, entry("allow", "-1", None, "::/0"))].into();
    NetworkAcl {
        id: "acl-1".into(),
        vpc_id: "vpc-1".into(),
        owner_id: owner().account,
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        inbound: all(),
        outbound: all(),
        ..NetworkAcl::default()
    }
}

fn eni(id: &str, subnet: &str, public: Option<&str>) -> NetworkInterface {
    NetworkInterface {
        id: id.into(),
        groups: vec!["sg-1".into()],
        interface_type: "interface".into(),
        status: "in-use".into(),
        vpc_id: "vpc-1".into(),
        subnet_id: subnet.into(),
        private_ip: Some("10.0.1.5".into()),
        public_ip: public.map(str::to_owned),
        ..NetworkInterface::default()
    }
}

/// Builds an account about which all is known: a group that opens SSH, an interface with an address in a
/// public subnet, and a private subnet beside it.
fn account() -> Inventory {
    let mut it = Inventory::empty(owner(), Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = it.region_mut(R);
    let group = SecurityGroup {
        id: "sg-1".into(),
        name: "web".into(),
        vpc_id: "vpc-1".into(),
        owner_id: owner().account,
        ..SecurityGroup::default()
    };
    region.security_groups.put("sg-1", group);
    region.security_group_rules.put("sgr-1", rule("sgr-1", "sg-1", "tcp", (22, 22), WORLD));
    region.network_interfaces.put("eni-1", eni("eni-1", "subnet-1", Some("203.0.113.9")));
    let local = || route("10.0.0.0/16", GATEWAY, "local");
    let public = vec![local(), route(WORLD, GATEWAY, "igw-1")];
    region.route_tables.put("rtb-1", table("rtb-1", &["subnet-1"], public));
    region.route_tables.put("rtb-2", table("rtb-2", &[], vec![local(), route(WORLD, NAT_GATEWAY, "nat-1")]));
    region.network_acls.put("acl-1", open_acl());
    let options = PublicAccessOptions { mode: "off".into(), state: "default-state".into() };
    let block = VpcPublicAccess { options: Fact::Known(options), exclusions: Fact::Known(Vec::new()) };
    region.vpc_public_access.put(VpcPublicAccess::ID, block);
    all_known(region);
    it
}

fn all_known(region: &mut Region) {
    let known = || Fact::Known(());
    region.security_groups.read(&Selector::All, known());
    region.security_group_rules.read(&Selector::All, known());
    region.prefix_lists.read(&Selector::All, known());
    region.network_interfaces.read(&Selector::All, known());
    region.route_tables.read(&Selector::All, known());
    region.network_acls.read(&Selector::All, known());
    region.load_balancers.read(&Selector::All, known());
    region.target_groups.read(&Selector::All, known());
    region.subnets.read(&Selector::All, known());
    region.listeners.read(&Selector::All, known());
}

fn group() -> ResourceId {
    owner().security_group(R, "sg-1")
}

fn judged(it: &Inventory, check: &str, resource: &ResourceId) -> Finding {
    checks::judge(it, checks::find(check).unwrap(), resource, &Value::Null)
}

fn reach_of(it: &Inventory, check: &str, resource: &ResourceId) -> Option<Reach> {
    let finding = judged(it, check, resource);
    assert!(matches!(finding.verdict, Verdict::Violates(_)), "{:?}", finding.verdict);
    of(it, std::slice::from_ref(&finding), &|_| Value::Null).remove(&finding.key())
}

fn reach(it: &Inventory) -> Reach {
    reach_of(it, ADMIN, &group()).unwrap()
}

/// Returns the answer after something was changed in the account, and the hop that decides.
fn after(change: impl FnOnce(&mut Region)) -> (Reached, Option<At>) {
    let mut it = account();
    change(it.region_mut(R));
    let reach = reach(&it);
    (reach.verdict, reach.hops.last().filter(|_| reach.verdict == Reached::NotReachable).map(|hop| hop.hop))
}

fn shut(at: At) -> (Reached, Option<At>) {
    (Reached::NotReachable, Some(at))
}

const UNKNOWN: (Reached, Option<At>) = (Reached::Unknown, None);
const OPEN: (Reached, Option<At>) = (Reached::Reachable, None);

#[test]
fn an_open_path_is_named_from_the_address_to_the_gateway() {
    let reach = reach(&account());
    assert_eq!(reach.words(), "the internet reaches it: eni-1 at 203.0.113.9, through igw-1");
    assert_eq!(
        reach.hops.iter().map(|hop| (hop.hop, hop.answer)).collect::<Vec<_>>(),
        [At::Interface, At::Address, At::Route, At::NetworkAcl, At::BlockPublicAccess]
            .map(|at| (at, Answer::Yes))
    );
    let json = serde_json::to_value(&reach).unwrap();
    assert_eq!(json["verdict"], json!("reachable"));
    assert_eq!(
        json["hops"][3],
        json!({ "hop": "network-acl", "answer": "yes",
        "fact": "acl-1 lets the world in to tcp 22, and replies out" })
    );
}

#[test]
fn each_hop_alone_keeps_the_world_out() {
    assert_eq!(after(|r| drop(r.network_interfaces.items.remove("eni-1"))), shut(At::Interface));
    let detached =
        |r: &mut Region| r.network_interfaces.get_mut("eni-1").unwrap().status = "available".into();
    assert_eq!(after(detached), shut(At::Interface));
    assert_eq!(after(|r| r.network_interfaces.get_mut("eni-1").unwrap().public_ip = None), shut(At::Address));
    let private =
        |r: &mut Region| r.network_interfaces.get_mut("eni-1").unwrap().subnet_id = "subnet-2".into();
    assert_eq!(after(private), shut(At::Route), "the main table leads to a NAT gateway");
    let dead = |r: &mut Region| r.route_tables.get_mut("rtb-1").unwrap().routes[1].state = "blackhole".into();
    assert_eq!(after(dead), shut(At::Route));
    let peer =
        |r: &mut Region| r.route_tables.get_mut("rtb-1").unwrap().routes[1] = route(WORLD, PEERING, "pcx-1");
    assert_eq!(after(peer), shut(At::Route));
    let no_replies = |r: &mut Region| r.network_acls.get_mut("acl-1").unwrap().outbound.clear();
    assert_eq!(after(no_replies), shut(At::NetworkAcl));
    let denies = |r: &mut Region| {
        let acl = r.network_acls.get_mut("acl-1").unwrap();
        acl.inbound.insert(90, entry("deny", "6", Some((22, 22)), WORLD));
    };
    assert_eq!(after(denies), shut(At::NetworkAcl));
    let blocked = |r: &mut Region| {
        let options = PublicAccessOptions { mode: "block-ingress".into(), state: "update-complete".into() };
        r.vpc_public_access.get_mut(VpcPublicAccess::ID).unwrap().options = Fact::Known(options);
    };
    assert_eq!(after(blocked), shut(At::BlockPublicAccess));
}

#[test]
fn what_looks_like_a_closed_hop_and_is_none_leaves_it_open() {
    let other_port = |r: &mut Region| {
        let acl = r.network_acls.get_mut("acl-1").unwrap();
        acl.inbound.insert(90, entry("deny", "6", Some((3389, 3389)), WORLD));
        acl.inbound.insert(91, entry("deny", "17", Some((22, 22)), WORLD));
        acl.inbound.insert(92, entry("deny", "6", Some((22, 22)), "198.51.100.0/24"));
    };
    assert_eq!(after(other_port), OPEN);
    let firewall = |r: &mut Region| {
        let to = route("198.51.100.0/24", GATEWAY, "vpce-1");
        r.route_tables.get_mut("rtb-1").unwrap().routes.push(to);
    };
    assert_eq!(after(firewall), OPEN, "a more specific route takes a part of the world");
    let second = |r: &mut Region| {
        let one = r.network_interfaces.get_mut("eni-1").unwrap();
        one.more_public_ips = one.public_ip.take().into_iter().collect();
    };
    assert_eq!(after(second), OPEN, "an Elastic IP of a secondary address");
}

#[test]
fn a_fact_that_was_not_read_is_unknown_and_never_shut() {
    assert_eq!(after(|r| r.network_interfaces = Default::default()), UNKNOWN);
    assert_eq!(after(|r| r.route_tables.reads.clear()), UNKNOWN);
    assert_eq!(after(|r| r.network_acls = Default::default()), UNKNOWN);
    assert_eq!(after(|r| r.vpc_public_access = Default::default()), UNKNOWN);
    assert_eq!(
        after(|r| drop(r.network_acls.items.remove("acl-1"))),
        UNKNOWN,
        "AWS shows no ACL of the subnet"
    );
    let strange =
        |r: &mut Region| r.route_tables.get_mut("rtb-1").unwrap().routes[1].state = "resting".into();
    assert_eq!(after(strange), UNKNOWN);
    // The VPC is another account's, and so is its block.
    let shared = |r: &mut Region| r.route_tables.get_mut("rtb-1").unwrap().owner_id = "999988887777".into();
    assert_eq!(after(shared), UNKNOWN);
    // A known no decides, whatever is not known beside it.
    let both = |r: &mut Region| {
        r.vpc_public_access = Default::default();
        r.network_acls.get_mut("acl-1").unwrap().outbound.clear();
    };
    assert_eq!(after(both), shut(At::NetworkAcl));
}

#[test]
fn the_address_family_of_the_rule_is_the_one_that_counts() {
    let v6 = |route6: Route, address: &'static str| {
        move |r: &mut Region| {
            r.security_group_rules.put("sgr-1", rule("sgr-1", "sg-1", "tcp", (22, 22), "::/0"));
            r.network_interfaces.get_mut("eni-1").unwrap().more_addresses = vec![address.to_owned()];
            r.route_tables.get_mut("rtb-1").unwrap().routes.push(route6);
        }
    };
    let by_gateway = || route("::/0", GATEWAY, "igw-1");
    assert_eq!(after(v6(by_gateway(), "2600:1f18::5")), OPEN);
    assert_eq!(
        after(v6(by_gateway(), "fd00::5")),
        shut(At::Address),
        "an address that the internet does not route"
    );
    assert_eq!(after(v6(by_gateway(), "10.0.1.6")), shut(At::Address), "a public IPv4 address is no help");
    assert_eq!(after(v6(route("::/0", EGRESS_ONLY, "eigw-1"), "2600:1f18::5")), shut(At::Route));
    // A rule for IPv4 alone lets nobody in by IPv6.
    let v4_rule = |r: &mut Region| {
        let one = r.network_interfaces.get_mut("eni-1").unwrap();
        (one.public_ip, one.more_addresses) = (None, vec!["2600:1f18::5".to_owned()]);
        r.route_tables.get_mut("rtb-1").unwrap().routes.push(by_gateway());
    };
    assert_eq!(after(v4_rule), shut(At::Address));
}

#[test]
fn a_gateway_with_a_table_of_its_own_is_followed() {
    let edge = |to: &'static str| {
        move |r: &mut Region| {
            let routes = vec![route("10.0.0.0/16", GATEWAY, "local"), route(to, GATEWAY, "vpce-1")];
            let mut table = table("rtb-9", &["-"], routes);
            table.associations[0].subnet_id = None;
            table.associations[0].gateway_id = Some("igw-1".into());
            r.route_tables.put("rtb-9", table);
        }
    };
    assert_eq!(after(edge("10.0.1.0/24")), UNKNOWN, "a firewall is asked first");
    assert_eq!(after(edge("10.0.2.0/24")), OPEN, "for another subnet");
}

#[test]
fn what_leads_to_an_interface_without_an_address_is_not_forgotten() {
    let arn = |kind: &str| format!("arn:aws:elasticloadbalancing:{R}:123456789012:loadbalancer/{kind}/web/1");
    let private = |r: &mut Region, kind: &str, scheme: &str| {
        let one = r.network_interfaces.get_mut("eni-1").unwrap();
        (one.public_ip, one.instance_id) = (None, Some("i-1".into()));
        let balancer = LoadBalancer {
            id: arn(kind),
            name: "web".into(),
            scheme: scheme.into(),
            ..LoadBalancer::default()
        };
        r.load_balancers.put(arn(kind), balancer);
        let targets = Fact::Known(vec![Target { id: "i-1".into(), ..Target::default() }]);
        let group = TargetGroup {
            id: "tg".into(),
            load_balancers: vec![arn(kind)],
            targets,
            ..TargetGroup::default()
        };
        r.target_groups.put("tg", group);
    };
    assert_eq!(after(|r| private(r, "net", "internet-facing")), UNKNOWN);
    assert_eq!(after(|r| private(r, "net", "internal")), shut(At::Address));
    assert_eq!(after(|r| private(r, "app", "internet-facing")), shut(At::Address), "it connects by itself");
    let other = |r: &mut Region| {
        private(r, "net", "internet-facing");
        r.target_groups.get_mut("tg").unwrap().targets = Fact::Known(Vec::new());
    };
    assert_eq!(after(other), shut(At::Address));
    let unread = |r: &mut Region| {
        private(r, "net", "internet-facing");
        r.target_groups = Default::default();
    };
    assert_eq!(after(unread), UNKNOWN);
    let no_balancers = |r: &mut Region| {
        r.network_interfaces.get_mut("eni-1").unwrap().public_ip = None;
        r.load_balancers = Default::default();
    };
    assert_eq!(after(no_balancers), UNKNOWN);
    let accelerated = |r: &mut Region| {
        r.network_interfaces.get_mut("eni-1").unwrap().public_ip = None;
        let made = NetworkInterface {
            interface_type: "global_accelerator_managed".into(),
            groups: vec!["sg-ga".into()],
            ..eni("eni-ga", "subnet-2", None)
        };
        r.network_interfaces.put("eni-ga", made);
    };
    assert_eq!(after(accelerated), UNKNOWN);
}

#[test]
fn several_interfaces_are_as_reachable_as_the_one_that_is_most() {
    let more = |r: &mut Region| {
        for n in 2..5 {
            r.network_interfaces.put(format!("eni-{n}"), eni(&format!("eni-{n}"), "subnet-2", None));
        }
    };
    assert_eq!(after(more), OPEN);
    let mut it = account();
    more(it.region_mut(R));
    it.region_mut(R).network_interfaces.get_mut("eni-1").unwrap().subnet_id = "subnet-2".into();
    assert_eq!(
        reach(&it).words(),
        "nothing on the internet reaches it: eni-2 has no public address, and 2 more likewise; subnet-2: \
         rtb-2 leads 0.0.0.0/0 to nat-1, by which nobody on the internet comes in"
    );
}

#[test]
fn a_group_that_nobody_uses_is_not_reachable_until_somebody_does() {
    let mut it = account();
    it.region_mut(R).network_interfaces.items.remove("eni-1");
    let said = reach(&it).words();
    assert_eq!(
        said,
        "nothing on the internet reaches it: no network interface uses sg-1, until it is given to one"
    );
}

#[test]
fn only_the_ports_of_the_finding_count() {
    // SSH is denied, and the range has other administration ports that are not.
    let range = |to: i32| {
        move |r: &mut Region| {
            r.security_group_rules.put("sgr-1", rule("sgr-1", "sg-1", "tcp", (20, to), WORLD));
            let acl = r.network_acls.get_mut("acl-1").unwrap();
            acl.inbound.insert(90, entry("deny", "6", Some((22, 22)), WORLD));
        }
    };
    assert_eq!(after(range(22)), shut(At::NetworkAcl), "20 and 21 are no administration ports");
    assert_eq!(after(range(23)), OPEN);
    let mut it = account();
    it.region_mut(R).security_group_rules.put("sgr-1", rule("sgr-1", "sg-1", "-1", (-1, -1), WORLD));
    it.region_mut(R).network_acls.get_mut("acl-1").unwrap().inbound =
        [(1, entry("allow", "17", Some((53, 53)), WORLD))].into();
    let all = reach_of(&it, "security-group-open-all-traffic", &group()).unwrap();
    assert_eq!(all.verdict, Reached::Reachable, "{all:?}");
}
