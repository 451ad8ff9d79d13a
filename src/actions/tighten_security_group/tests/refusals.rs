//! These tests refuse a change that would lock somebody out, that rests on what is not known, or whose group
//! belongs to somebody else.

use super::*;
use crate::actions::GuardResult;
use crate::inventory::services::ManagedInstance;

#[test]
fn the_last_way_in_to_a_running_instance_is_refused_with_its_name_unless_told() {
    let web = || {
        Clinic::new(vec![ssh("0.0.0.0/0"), rule("tcp", 443, 443, "10.0.0.0/8")])
            .instance("running", &["sg-1"])
    };
    let why = web().refused();
    assert!(
        why.contains("i-1 (bastion)") && why.contains("--allow-cidr") && why.contains("--allow-lockout"),
        "{why}"
    );
    assert!(web().with(json!({ "allow": ["198.51.100.0/24"] })).propose().is_ok());
    assert!(web().with(json!({ "close_last_way_in": true })).propose().is_ok());
    let mut told = web();
    told.options.allow_lockout = true;
    assert!(
        told.propose()
            .unwrap()
            .guards
            .iter()
            .any(|g| g.result == GuardResult::Loosened && g.note.contains("i-1"))
    );
    assert!(Clinic::new(vec![ssh("0.0.0.0/0")]).instance("stopped", &["sg-1"]).propose().is_ok());
    assert!(
        Clinic::new(vec![rule("tcp", 445, 445, "0.0.0.0/0")])
            .instance("running", &["sg-1"])
            .propose()
            .is_ok(),
        "445 is no way in"
    );
}

#[test]
fn another_way_in_is_a_cidr_a_group_a_list_of_any_group_of_the_interface_or_systems_manager() {
    for other in ["203.0.113.0/24", "10.0.0.0/8", "sg-9", "pl-1"] {
        assert!(
            Clinic::new(vec![ssh("0.0.0.0/0"), ssh(other)])
                .list(&["203.0.113.0/24"])
                .instance("running", &["sg-1"])
                .propose()
                .is_ok(),
            "{other}"
        );
        let beside = SecurityGroupRule { group_id: "sg-2".into(), ..rule("tcp", 3389, 3389, other) };
        assert!(
            Clinic::new(vec![ssh("0.0.0.0/0"), beside.clone()])
                .list(&["203.0.113.0/24"])
                .instance("running", &["sg-1", "sg-2"])
                .propose()
                .is_ok(),
            "{other}"
        );
        assert!(
            Clinic::new(vec![ssh("0.0.0.0/0"), beside])
                .list(&["203.0.113.0/24"])
                .instance("running", &["sg-1"])
                .propose()
                .is_err(),
            "not its group"
        );
    }
    assert!(
        Clinic::new(vec![ssh("0.0.0.0/0"), ssh("pl-1")])
            .list(&[])
            .instance("running", &["sg-1"])
            .propose()
            .is_err(),
        "an empty list is no way in"
    );
    for (ping, fine) in [("Online", true), ("ConnectionLost", false)] {
        let mut clinic = Clinic::new(vec![ssh("0.0.0.0/0")]).instance("running", &["sg-1"]);
        clinic
            .inventory
            .region_mut(REGION)
            .managed_instances
            .put("i-1", ManagedInstance { id: "i-1".into(), ping_status: ping.into() });
        assert_eq!(clinic.propose().is_ok(), fine, "{ping}");
    }
    let mut unread = Clinic::new(vec![ssh("0.0.0.0/0")]).instance("running", &["sg-1"]);
    unread
        .inventory
        .region_mut(REGION)
        .managed_instances
        .read(&Selector::All, Fact::Unknown("not supported".into()));
    assert!(unread.refused().contains("not known to reach"));
}

/// Adds an interface of an instance of another account, in a subnet that is shared with it.
fn shared(mut clinic: Clinic) -> Clinic {
    let interface = NetworkInterface {
        id: "eni-9".into(),
        groups: vec!["sg-1".into()],
        status: "in-use".into(),
        instance_id: Some("i-9".into()),
        instance_owner_id: Some("222222222222".into()),
        owner_id: Some("222222222222".into()),
        ..NetworkInterface::default()
    };
    let region = clinic.inventory.region_mut(REGION);
    region.network_interfaces.put("eni-9", interface);
    region.instances.items.insert("i-9".into(), Fact::Absent);
    region.managed_instances.read(&Selector::All, Fact::Known(()));
    clinic
}

#[test]
fn an_instance_behind_the_group_that_cannot_be_read_counts_as_running_and_its_account_is_named() {
    let why = shared(Clinic::new(vec![ssh("0.0.0.0/0")])).refused();
    assert!(why.contains("the last way in to i-9 of account 222222222222, which may be running"), "{why}");
    let kept = shared(Clinic::new(vec![ssh("0.0.0.0/0"), ssh("10.0.0.0/8")])).propose().unwrap();
    let note = kept.guards.iter().find(|g| g.note.contains("i-9 of account 222222222222")).unwrap();
    assert_eq!(note.result, GuardResult::NotChecked);
    for part in [
        "1 interface uses the group: 1 of an instance of account 222222222222",
        "the group is shared, and the change applies to interfaces of other accounts: 222222222222 (1)",
    ] {
        assert!(kept.impact.iter().any(|line| line == part), "{part}: {:?}", kept.impact);
    }
    let mut own = shared(Clinic::new(vec![ssh("0.0.0.0/0")]));
    let edit = |clinic: &mut Clinic, change: fn(&mut NetworkInterface)| {
        change(clinic.inventory.region_mut(REGION).network_interfaces.get_mut("eni-9").unwrap());
    };
    edit(&mut own, |i| (i.owner_id, i.instance_owner_id) = (Some("123456789012".into()), None));
    assert!(own.refused().contains("last way in to i-9, which may be running"), "hidden, or not yet listed");
    edit(&mut own, |i| i.status = "available".into());
    assert!(own.propose().is_ok(), "it is attached to nothing");
    let mut at_home = shared(Clinic::new(vec![ssh("0.0.0.0/0"), ssh("10.0.0.0/8")]));
    at_home.options.my_address = Some(("198.51.100.7".parse().unwrap(), "--my-address".into()));
    assert!(at_home.refused().contains("your own address 198.51.100.7 from port 22 of i-9"));
    let balancer = |i: &mut crate::inventory::NetworkInterface| {
        i.instance_id = None;
        i.owner_id = None;
        i.instance_owner_id = Some("amazon-elb".into());
    };
    let mut elb = shared(Clinic::new(vec![ssh("0.0.0.0/0")]));
    edit(&mut elb, balancer);
    let impact = elb.propose().unwrap().impact;
    assert!(
        !impact.iter().any(|line| line.contains("other accounts")),
        "a service is no account: {impact:?}"
    );
}

/// Adds an instance to whose port a load balancer sends requests.
fn balanced(clinic: Clinic, port: i32, state: &str) -> Clinic {
    use crate::inventory::{Target, TargetGroup};
    let mut clinic = clinic.instance("running", &["sg-1"]);
    let target = Target { id: "i-1".into(), port: Some(port), state: state.into(), ..Target::default() };
    let group = TargetGroup {
        id: "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/ssh/1".into(),
        name: "ssh".into(),
        load_balancers: vec!["arn".into()],
        targets: Fact::Known(vec![target]),
        ..TargetGroup::default()
    };
    let region = clinic.inventory.region_mut(REGION);
    region.network_interfaces.items.change_all(|interface: &mut crate::inventory::NetworkInterface| {
        interface.private_ip = Some("10.1.0.9".into());
    });
    region.target_groups.read(&Selector::All, Fact::Known(()));
    region.target_groups.put(group.id.clone(), group);
    clinic
}

#[test]
fn a_target_of_a_load_balancer_keeps_its_health_checks() {
    let office = || Clinic::new(vec![ssh("0.0.0.0/0")]).with(json!({ "allow": ["203.0.113.0/24"] }));
    let why = balanced(office(), 22, "healthy").refused();
    for part in ["health checks of target group ssh from port 22 of i-1 (bastion)", "--allow-cidr"] {
        assert!(why.contains(part), "{why}");
    }
    let mut loose = balanced(office(), 22, "healthy");
    loose.options.allow_lockout = true;
    assert!(loose.propose().is_ok());
    for (port, state) in [(443, "healthy"), (22, "unhealthy"), (22, "unused")] {
        assert!(balanced(office(), port, state).propose().is_ok(), "{port} {state}");
    }
    let subnets = office().with(json!({ "allow": ["203.0.113.0/24", "10.1.0.0/16"] }));
    let notes = balanced(subnets, 22, "healthy").propose().unwrap().guards;
    assert!(notes.iter().any(|g| g.note.contains("1 target(s) of load balancers")), "{notes:?}");
    // Whether the load balancer is in that group, or in a network without the target, is not known.
    for near in [ssh("sg-7"), ssh("192.168.77.0/28")] {
        let notes =
            balanced(Clinic::new(vec![ssh("0.0.0.0/0"), near]), 22, "healthy").propose().unwrap().guards;
        assert!(
            notes.iter().any(|g| g.result == GuardResult::NotChecked && g.note.contains("health checks")),
            "{notes:?}"
        );
    }
    let other_family = Clinic::new(vec![ssh("0.0.0.0/0"), ssh("fd00:1::/64")]);
    assert!(balanced(other_family, 22, "healthy").refused().contains("health checks"));
    for state in ["unavailable", "resting"] {
        assert!(balanced(office(), 22, state).refused().contains("health checks"), "{state}");
    }
    // What no instance is behind, such as a task of Fargate, is a target by its address.
    let mut task = balanced(office(), 22, "healthy");
    let region = task.inventory.region_mut(REGION);
    region.network_interfaces.items.change_all(|interface: &mut crate::inventory::NetworkInterface| {
        interface.instance_id = None;
        interface.private_ip = Some("10.1.0.9".into());
    });
    region.target_groups.items.change_all(|group: &mut crate::inventory::TargetGroup| {
        if let Fact::Known(targets) = &mut group.targets {
            targets.iter_mut().for_each(|target| target.id = "10.1.0.9".into());
        }
    });
    assert!(task.refused().contains("health checks"));
    let mut denied = balanced(office(), 22, "healthy");
    let region = denied.inventory.region_mut(REGION);
    region.target_groups.items = Default::default();
    region.target_groups.read(&Selector::All, Fact::Unknown("AccessDenied".into()));
    let notes = denied.propose().unwrap().guards;
    assert!(
        notes.iter().any(|g| g.result == GuardResult::NotChecked && g.note.contains("AccessDenied")),
        "{notes:?}"
    );
}

#[test]
fn the_operators_own_address_is_never_cut_unasked() {
    let office = || Clinic::new(vec![ssh("0.0.0.0/0"), ssh("203.0.113.0/24")]).instance("running", &["sg-1"]);
    let at = |mut clinic: Clinic, address: &str| {
        clinic.options.my_address = Some((address.parse().unwrap(), "--my-address".into()));
        clinic
    };
    assert!(at(office(), "198.51.100.7").refused().contains("your own address 198.51.100.7 from port 22"));
    assert!(at(office(), "203.0.113.7").propose().is_ok());
    assert!(at(office(), "2001:db8::1").propose().is_ok(), "it could not come in before either");
    assert!(at(office().with(json!({ "allow": ["198.51.100.0/24"] })), "198.51.100.7").propose().is_ok());
    assert!(
        at(office().with(json!({ "close_last_way_in": true })), "198.51.100.7").propose().is_err(),
        "the parameter is about something else"
    );
    let mut told = at(office(), "198.51.100.7");
    told.options.allow_lockout = true;
    assert!(told.propose().is_ok());
    let notes = office().propose().unwrap().guards;
    assert!(notes.iter().any(|g| g.result == GuardResult::NotChecked && g.note.contains("--my-address")));
}

#[test]
fn the_host_of_redress_itself_is_not_cut() {
    let mut clinic = Clinic::new(vec![ssh("0.0.0.0/0"), ssh("10.0.0.0/8")]).instance("running", &["sg-1"]);
    clinic.inventory.caller.host = Fact::Known("i-1".into());
    assert!(clinic.refused().contains("redress itself runs on i-1"));
    clinic.options.allow_lockout = true;
    assert!(clinic.propose().is_ok());
    clinic.inventory.caller.host = Fact::Known("i-2".into());
    clinic.options.allow_lockout = false;
    assert!(clinic.propose().is_ok());
    clinic.inventory.caller.host = Fact::NotRead;
    assert!(clinic.propose().unwrap().guards.iter().any(|g| g.result == GuardResult::NotChecked));
}

#[test]
fn what_is_not_known_stops_the_change() {
    let base =
        || Clinic::new(vec![ssh("0.0.0.0/0"), ssh("10.0.0.0/8")]).instance("running", &["sg-1", "sg-2"]);
    let blinds: [fn(&mut crate::inventory::Region); 4] = [
        |r| r.network_interfaces.read(&Selector::All, Fact::Unknown("denied".into())),
        |r| drop(r.instances.items.insert("i-1".into(), Fact::Unknown("denied".into()))),
        |r| r.security_group_rules.read(&Selector::All, Fact::Unknown("denied".into())),
        |r| drop(r.security_groups.items.insert("sg-1".into(), Fact::Unknown("denied".into()))),
    ];
    assert!(base().propose().is_ok());
    for blind in blinds {
        let mut clinic = base();
        blind(clinic.inventory.region_mut(REGION));
        assert!(matches!(clinic.propose(), Err(Refusal::Unknown(why)) if why.contains("denied")));
    }
}

#[test]
fn a_group_of_something_else_or_somebody_else_is_left_alone() {
    let edit = |change: fn(&mut SecurityGroup)| {
        let mut clinic = Clinic::new(vec![ssh("0.0.0.0/0")]);
        change(clinic.inventory.region_mut(REGION).security_groups.get_mut("sg-1").unwrap());
        clinic
    };
    let stack = edit(|g| drop(g.tags.insert("aws:cloudformation:stack-id".into(), "arn".into())));
    assert!(stack.refused().contains("CloudFormation"));
    assert!(edit(|g| g.name = "ElasticMapReduce-master".into()).refused().contains("EMR"));
    for (name, by) in [
        ("FMManagedSecurityGroupc3fbdb88-1d07-44f7-a165-d34215cd3091-sg-1-vpc-1", "Firewall Manager"),
        ("security-group-for-inbound-nfs-d-ujcvqjdoyu70", "SageMaker"),
        ("security-group-for-outbound-nfs-d-ujcvqjdoyu70", "SageMaker"),
        ("GuardDutyManagedSecurityGroup-vpc-1", "GuardDuty"),
        ("default_elb_5f2d7f4c-6a3b-3c2d-9a21-6c1f7d0e5b11", "Elastic Load Balancing"),
        ("aws-cloud9-dev-0123456789abcdef-InstanceSecurityGroup-1ABC", "Cloud9"),
    ] {
        let mut clinic = Clinic::new(vec![ssh("0.0.0.0/0")]);
        let group = clinic.inventory.region_mut(REGION).security_groups.get_mut("sg-1").unwrap();
        group.name = name.to_owned();
        assert!(clinic.refused().contains(by), "{name}");
    }
    assert!(edit(|g| g.owner_id = "999999999999".into()).refused().contains("999999999999"));
    assert!(edit(|g| g.name = "launch-wizard-1".into()).propose().is_ok());
    let mut told = edit(|g| g.name = "eks-cluster-sg-blue".into());
    told.options.include_managed = true;
    assert!(told.propose().is_ok());
}
