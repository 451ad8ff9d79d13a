//! Private DNS of endpoints: what is called and set back, and every reason not to.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::{Purpose, Test, WayBack},
    inventory::{Caller, Fact, Family, Inventory, PrivateZone, Region, SecurityGroupRule, Tags, Vpc},
    resource::Owner,
};

const R: &str = "us-east-1";
const NAME: &str = "ssm.us-east-1.amazonaws.com";

fn endpoint(id: &str) -> VpcEndpoint {
    VpcEndpoint {
        id: id.into(),
        endpoint_type: "Interface".into(),
        vpc_id: "vpc-1".into(),
        service_name: "com.amazonaws.us-east-1.ssm".into(),
        state: "available".into(),
        groups: vec!["sg-1".into()],
        subnet_ids: vec!["subnet-1".into()],
        private_dns_names: Fact::Known(vec![NAME.into()]),
        owner_id: "123456789012".into(),
        ..VpcEndpoint::default()
    }
}

fn zone(name: &str, service: Option<&str>) -> PrivateZone {
    PrivateZone {
        id: "Z1".into(),
        name: name.into(),
        service: service.map(str::to_owned),
        account: service.is_none().then(|| "210987654321".into()),
    }
}

fn door(source: &str, port: i32) -> SecurityGroupRule {
    SecurityGroupRule {
        id: format!("sgr-{source}-{port}"),
        group_id: "sg-1".into(),
        ip_protocol: "tcp".into(),
        from_port: port,
        to_port: port,
        cidr_ipv4: source.contains('.').then(|| source.into()),
        referenced_group_id: source.starts_with("sg-").then(|| source.into()),
        ..SecurityGroupRule::default()
    }
}

fn doors(place: &mut Region, all: &[(&str, i32)]) {
    place.security_group_rules = Family::default();
    place.security_group_rules.read(&Selector::by("group-id", "sg-1"), Fact::Known(()));
    for (source, port) in all {
        let rule = door(source, *port);
        place.security_group_rules.put(rule.id.clone(), rule);
    }
}

/// Builds an account in which private DNS has everything that it needs, but for one thing.
fn but(change: impl FnOnce(&mut Region)) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let place = it.region_mut(R);
    place.vpc_endpoints.put("vpce-1", endpoint("vpce-1"));
    place.vpc_endpoints.read(&Selector::by(OF_VPC, "vpc-1"), Fact::Known(()));
    place.vpcs.put("vpc-1", Vpc { id: "vpc-1".into(), cidr_block: "10.0.0.0/16".into(), ..Vpc::default() });
    let dns = VpcDns {
        id: "vpc-1".into(),
        dns_support: Fact::Known(true),
        dns_hostnames: Fact::Known(true),
        zones: Fact::Known(vec![
            zone("corp.example", None),
            zone("sqs.us-east-1.amazonaws.com", Some("vpce")),
        ]),
    };
    place.vpc_dns.put("vpc-1", dns);
    doors(place, &[("10.0.0.0/16", 443)]);
    change(place);
    it
}

fn of_endpoint(change: impl FnOnce(&mut VpcEndpoint)) -> Inventory {
    but(|place| change(place.vpc_endpoints.get_mut("vpce-1").unwrap()))
}

fn of_dns(change: impl FnOnce(&mut VpcDns)) -> Inventory {
    but(|place| change(place.vpc_dns.get_mut("vpc-1").unwrap()))
}

fn target() -> ResourceId {
    Owner { partition: "aws".into(), account: "123456789012".into() }.ec2(R, "vpc-endpoint", "vpce-1")
}

fn propose(it: &Inventory) -> Result<Proposal, Refusal> {
    let options = Options::default();
    let context = Context { inventory: it, region: R, checks: &[], options: &options };
    EnableEndpointPrivateDns.propose(&context, &target(), &Value::Null)
}

fn refused(it: &Inventory, part: &str) {
    match propose(it) {
        Err(Refusal::Refused(why)) => assert!(why.contains(part), "{part}: {why}"),
        other => panic!("{part}: {other:?}"),
    }
}

#[test]
fn private_dns_is_turned_on_and_off_again_and_nothing_else_is_named() {
    let proposal = propose(&but(|_| ())).unwrap();
    sound::steps(&proposal.steps);
    let [step] = &proposal.steps[..] else { panic!("{:?}", proposal.steps) };
    let sent = |is_on: bool| json!({ "VpcEndpointId": "vpce-1", "PrivateDnsEnabled": is_on });
    assert_eq!((step.act.call.name(), &step.act.call.input), ("ec2:ModifyVpcEndpoint".into(), &sent(true)));
    let waits = &step.act.wait.as_ref().unwrap().until;
    assert_eq!(waits[0].test, Test::Is(json!(true)));
    assert!(waits.iter().any(|expect| expect.at == "/state"), "until it is available again");
    assert_eq!(step.act.before[0].test, Test::Is(json!(false)));
    let WayBack::Calls { rollback, .. } = &step.way_back else { panic!() };
    assert_eq!(rollback[0].call.input, sent(false));
    for purpose in [Purpose::Rollback, Purpose::Undo] {
        assert_eq!(sound::going_back(&proposal.steps, &["set"], purpose), ["ModifyVpcEndpoint set"]);
    }
    assert_eq!(proposal.risk, Risk::Disruptive);
    let said = proposal.impact.join("\n");
    assert!(said.contains(NAME) && said.contains("aws:SourceVpce"), "{said}");
}

#[test]
fn an_endpoint_that_cannot_be_changed_is_refused_without_another_read() {
    type Edit = fn(&mut VpcEndpoint);
    let cases: [(Edit, &str); 5] = [
        (|it| it.owner_id = "210987654321".into(), "only its owner"),
        (|it| it.requester_managed = true, "a service of AWS manages it"),
        (|it| it.state = "pending".into(), "in the state \"pending\""),
        (|it| it.service_name = "com.amazonaws.us-east-1.s3".into(), "choose these by hand"),
        (|it| it.tags = Tags::from([("aws:cloudformation:stack-id".into(), "s".into())]), "CloudFormation"),
    ];
    for (n, (change, part)) in cases.into_iter().enumerate() {
        let it = of_endpoint(change);
        refused(&it, part);
        let options = Options::default();
        let context = Context { inventory: &it, region: R, checks: &[], options: &options };
        let wants = EnableEndpointPrivateDns.needs(&context, &target(), &Value::Null);
        assert_eq!(wants.len() == 1, n < 4, "{part}: {wants:?}");
    }
    let nothing =
        |it: Inventory| assert!(matches!(propose(&it), Err(Refusal::Nothing(_))), "{:?}", propose(&it));
    nothing(of_endpoint(|it| it.private_dns_enabled = true));
    nothing(of_endpoint(|it| it.private_dns_names = Fact::Known(Vec::new())));
    nothing(of_endpoint(|it| it.endpoint_type = "Gateway".into()));
}

#[test]
fn another_endpoint_of_the_service_in_the_vpc_keeps_the_names() {
    let second = |change: &dyn Fn(&mut VpcEndpoint)| {
        but(|place| {
            let mut other = VpcEndpoint { private_dns_enabled: true, ..endpoint("vpce-2") };
            change(&mut other);
            place.vpc_endpoints.put("vpce-2", other);
        })
    };
    refused(&second(&|_| ()), "vpce-2 of the same VPC leads the names");
    propose(&second(&|it| it.private_dns_enabled = false)).unwrap();
    propose(&second(&|it| it.service_name = "com.amazonaws.us-east-1.sqs".into())).unwrap();
    propose(&second(&|it| it.vpc_id = "vpc-2".into())).unwrap();
}

#[test]
fn a_vpc_that_resolves_no_names_or_has_a_zone_for_them_is_left() {
    refused(&of_dns(|dns| dns.dns_support = Fact::Known(false)), "enableDnsSupport is off");
    refused(&of_dns(|dns| dns.dns_hostnames = Fact::Known(false)), "enableDnsHostnames is off");
    for name in [NAME, "us-east-1.amazonaws.com", "amazonaws.com", "mine.ssm.us-east-1.amazonaws.com"] {
        refused(&of_dns(|dns| dns.zones = Fact::Known(vec![zone(name, None)])), "decides about");
    }
    refused(&of_dns(|dns| dns.zones = Fact::Known(vec![zone(NAME, Some("vpce"))])), "decides about");
    for zones in [
        vec![zone("a.ssm.us-east-1.amazonaws.com", Some("vpce"))],
        vec![zone("xssm.us-east-1.amazonaws.com", None)],
    ] {
        propose(&of_dns(|dns| dns.zones = Fact::Known(zones))).unwrap();
    }
}

#[test]
fn all_of_the_vpc_must_get_in() {
    for open in
        [&[("0.0.0.0/0", 443)][..], &[("10.0.0.0/8", 443)], &[("10.0.0.0/17", 443), ("10.0.128.0/17", 443)]]
    {
        propose(&but(|place| doors(place, open))).unwrap();
    }
    for shut in [&[][..], &[("10.0.0.0/16", 80)], &[("10.0.0.0/17", 443)], &[("sg-2", 443)]] {
        refused(&but(|place| doors(place, shut)), "do not let all of 10.0.0.0/16 in on port 443");
    }
    let wider = but(|place| {
        let vpc = place.vpcs.get_mut("vpc-1").unwrap();
        vpc.more_cidr_blocks = vec!["10.9.0.0/16".into(), "2001:db8::/56".into()];
    });
    refused(&wider, "do not let all of 10.9.0.0/16 in");
}

#[test]
fn what_is_not_known_is_no_reason_to_act() {
    for (what, it) in [
        (
            "the endpoint",
            but(|place| drop(place.vpc_endpoints.items.insert("vpce-1".into(), Fact::unknown("no")))),
        ),
        ("the names", of_endpoint(|it| it.private_dns_names = Fact::unknown("no"))),
        ("the type", of_endpoint(|it| it.endpoint_type = "Bridge".into())),
        ("its groups", of_endpoint(|it| it.groups.clear())),
        ("the endpoints beside it", but(|place| place.vpc_endpoints.reads.clear())),
        (
            "one beside it",
            but(|place| drop(place.vpc_endpoints.items.insert("vpce-2".into(), Fact::unknown("no")))),
        ),
        ("the DNS", but(|place| place.vpc_dns = Family::default())),
        ("one setting", of_dns(|dns| dns.dns_hostnames = Fact::unknown("no"))),
        ("the zones", of_dns(|dns| dns.zones = Fact::unknown("no"))),
        ("the rules", but(|place| place.security_group_rules = Family::default())),
        ("the VPC", but(|place| place.vpcs = Family::default())),
    ] {
        let refusal = propose(&it);
        assert!(matches!(refusal, Err(Refusal::Unknown(_))), "{what}: {refusal:?}");
    }
}
