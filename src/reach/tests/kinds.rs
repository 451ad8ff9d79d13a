//! Findings on other things than groups, those that have no reach, and what is read.

use super::*;
use crate::inventory::PrefixList;

#[test]
fn findings_that_have_nothing_to_do_with_the_internet_have_no_reach() {
    let mut it = account();
    it.region_mut(R)
        .security_group_rules
        .put("sgr-2", SecurityGroupRule { is_egress: true, ..rule("sgr-2", "sg-1", "-1", (-1, -1), WORLD) });
    assert_eq!(reach_of(&it, "security-group-open-egress", &group()), None);
    let fine = judged(&account(), "security-group-open-database-port", &group());
    assert!(of(&account(), &[fine], &|_| Value::Null).is_empty());
    let mut set_aside = judged(&account(), ADMIN, &group());
    set_aside.suppressed = Some("a honeypot".into());
    assert!(of(&account(), &[set_aside.clone()], &|_| Value::Null).is_empty());
    assert!(
        needs(
            &Inventory { regions: [(R.to_owned(), Region::default())].into(), ..account() },
            &[set_aside],
            &|_| Value::Null
        )
        .is_empty()
    );
}

#[test]
fn an_acl_is_reached_by_an_interface_whose_group_lets_the_port_in() {
    let arn = owner().ec2(R, "network-acl", "acl-1");
    let of = |it: &Inventory| reach_of(it, network_acls::OPEN_ADMIN_PORT, &arn).unwrap();
    assert_eq!(of(&account()).verdict, Reached::Reachable);
    let mut closed = account();
    closed.region_mut(R).security_group_rules.put("sgr-1", rule("sgr-1", "sg-1", "tcp", (443, 443), WORLD));
    assert_eq!(of(&closed).verdict, Reached::NotReachable);
    assert_eq!(of(&closed).hops.last().unwrap().hop, At::SecurityGroup);
    let mut nobody = account();
    nobody.region_mut(R).network_interfaces.items.remove("eni-1");
    assert_eq!(of(&nobody).verdict, Reached::NotReachable);
    let mut unread = account();
    let region = unread.region_mut(R);
    (region.security_group_rules, region.security_groups) = Default::default();
    assert_eq!(of(&unread).verdict, Reached::Unknown);
}

#[test]
fn a_subnet_and_a_table_are_judged_by_what_is_launched_and_what_is_there() {
    let mut it = account();
    let region = it.region_mut(R);
    for id in ["subnet-1", "subnet-2"] {
        let subnet = Subnet {
            id: id.into(),
            vpc_id: "vpc-1".into(),
            owner_id: owner().account,
            map_public_ip_on_launch: true,
            tags: [("Tier".to_owned(), "private".to_owned())].into(),
            ..Subnet::default()
        };
        region.subnets.put(id, subnet);
    }
    let of = |id: &str| reach_of(&it, subnets::AUTO_PUBLIC_IP, &owner().ec2(R, "subnet", id)).unwrap();
    assert_eq!(
        of("subnet-1").words(),
        "the internet reaches it: what is launched in subnet-1, through igw-1"
    );
    assert_eq!(of("subnet-2").verdict, Reached::NotReachable);
    let table = reach_of(&it, accident::PUBLIC, &owner().ec2(R, "route-table", "rtb-1")).unwrap();
    assert_eq!(table.verdict, Reached::Reachable, "{table:?}");
}

#[test]
fn a_listener_is_reached_by_its_scheme_groups_and_subnets() {
    let balancer = format!("arn:aws:elasticloadbalancing:{R}:123456789012:loadbalancer/app/web/1");
    let listener = format!("arn:aws:elasticloadbalancing:{R}:123456789012:listener/app/web/1/2");
    let with = |scheme: &str, subnet: &str, port: i32| {
        let mut it = account();
        let region = it.region_mut(R);
        let one = Listener {
            id: listener.clone(),
            load_balancer: balancer.clone(),
            protocol: "HTTPS".into(),
            port: Some(port),
            versions: Fact::Known(vec!["TLSv1".into()]),
            ..Listener::default()
        };
        region.listeners.put(listener.clone(), one);
        let of = LoadBalancer {
            id: balancer.clone(),
            name: "web".into(),
            scheme: scheme.into(),
            vpc_id: "vpc-1".into(),
            subnets: vec![subnet.into()],
            security_groups: vec!["sg-1".into()],
        };
        region.load_balancers.put(balancer.clone(), of);
        let arn = ResourceId::try_from(listener.clone()).unwrap();
        reach_of(&it, checks::listeners::WEAK_TLS, &arn).unwrap()
    };
    let open = with("internet-facing", "subnet-1", 22);
    assert_eq!(open.words(), "the internet reaches it: web in subnet-1, through igw-1");
    assert_eq!(with("internal", "subnet-1", 22).verdict, Reached::NotReachable);
    assert_eq!(with("internet-facing", "subnet-1", 443).verdict, Reached::NotReachable, "no group opens 443");
    assert_eq!(with("internet-facing", "subnet-2", 22).verdict, Reached::NotReachable);
    assert_eq!(with("facing-somewhere", "subnet-1", 22).verdict, Reached::Unknown);
}

#[test]
fn only_what_decides_is_read() {
    let finding = [judged(&account(), ADMIN, &group())];
    let asked = |it: &Inventory| needs(it, &finding, &|_| Value::Null);
    let mut it = account();
    let region = it.region_mut(R);
    *region = Region {
        security_groups: region.security_groups.clone(),
        security_group_rules: region.security_group_rules.clone(),
        ..Region::default()
    };
    let using = Want::by(R, FamilyKind::NetworkInterfaces, "group-id", "sg-1");
    assert_eq!(asked(&it), [using.clone()].into(), "nothing else is known to matter");
    let region = it.region_mut(R);
    region.network_interfaces.read(&using.selector, Fact::Known(()));
    assert_eq!(asked(&it), [using.clone()].into(), "nobody uses it");
    it.region_mut(R).network_interfaces.put("eni-1", eni("eni-1", "subnet-1", Some("203.0.113.9")));
    let of_vpc = |family| Want::by(R, family, "vpc-id", "vpc-1");
    let route = [
        of_vpc(FamilyKind::NetworkAcls),
        of_vpc(FamilyKind::RouteTables),
        Want::id(R, FamilyKind::VpcPublicAccess, VpcPublicAccess::ID),
    ];
    assert_eq!(asked(&it), route.into_iter().chain([using.clone()]).collect());
    it.region_mut(R).network_interfaces.put("eni-1", eni("eni-1", "subnet-1", None));
    let doubts = [of_vpc(FamilyKind::NetworkInterfaces), Want::all(R, FamilyKind::LoadBalancers)];
    assert_eq!(asked(&it), doubts.into_iter().chain([using]).collect());
}

#[test]
fn a_prefix_list_is_a_source_like_any_other() {
    let mut it = account();
    let region = it.region_mut(R);
    let by_list = SecurityGroupRule {
        cidr_ipv4: None,
        prefix_list_id: Some("pl-1".into()),
        ..rule("sgr-1", "sg-1", "tcp", (22, 22), WORLD)
    };
    region.security_group_rules.put("sgr-1", by_list);
    let entries = Fact::Known(vec![WORLD.to_owned(), "2001:db8::/32".to_owned()]);
    region.prefix_lists.put("pl-1", PrefixList { id: "pl-1".into(), entries, ..PrefixList::default() });
    assert_eq!(reach(&it).verdict, Reached::Reachable);
    // What only an office of the list can do by IPv6 the world cannot.
    let region = it.region_mut(R);
    let one = region.network_interfaces.get_mut("eni-1").unwrap();
    (one.public_ip, one.more_addresses) = (None, vec!["2600:1f18::5".to_owned()]);
    region.route_tables.get_mut("rtb-1").unwrap().routes.push(route("::/0", GATEWAY, "igw-1"));
    assert_eq!(reach(&it).verdict, Reached::NotReachable);
}

/// Returns an account of so many groups that open SSH, each with an interface of its own, and the cost of
/// their reach in members looked at.
fn cost(groups: usize) -> usize {
    let mut it = account();
    let region = it.region_mut(R);
    // One is there already.
    for n in 10..groups + 9 {
        let (id, eni_id) = (format!("sg-{n}"), format!("eni-{n}"));
        let group = SecurityGroup {
            id: id.clone(),
            ..region.security_groups.get("sg-1").known().copied().unwrap().clone()
        };
        region.security_groups.put(id.as_str(), group);
        region
            .security_group_rules
            .put(format!("sgr-{n}"), rule(&format!("sgr-{n}"), &id, "tcp", (22, 22), WORLD));
        let public = (n % 2 == 0).then_some("203.0.113.9");
        let interface = NetworkInterface { groups: vec![id], ..eni(&eni_id, "subnet-1", public) };
        region.network_interfaces.put(eni_id, interface);
    }
    let (found, _) = checks::run(&it, &[R.to_owned()], &[checks::find(ADMIN).unwrap()], |_| Value::Null);
    let before = crate::inventory::table::looked();
    needs(&it, &found, &|_| Value::Null);
    let all = of(&it, &found, &|_| Value::Null);
    assert_eq!(all.len(), groups);
    assert!(all.values().any(|one| one.verdict == Reached::Reachable));
    crate::inventory::table::looked() - before
}

#[test]
fn the_work_grows_in_a_line_with_the_account() {
    let (small, large) = (cost(100), cost(400));
    assert!(large <= small * 4 + 100, "{small} members looked at for 100 groups, {large} for 400");
}
