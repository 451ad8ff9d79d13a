//! The way out: what is named stays open, everything else closes, and nobody loses what manages it unasked.

use super::*;
use crate::{
    actions::GuardResult,
    checks::egress::OPEN_EGRESS,
    inventory::{Target, TargetGroup, services::ManagedInstance},
};

fn out(protocol: &str, from: i32, to: i32, destination: &str) -> SecurityGroupRule {
    SecurityGroupRule { is_egress: true, ..rule(protocol, from, to, destination) }
}
fn everything() -> SecurityGroupRule {
    out("-1", -1, -1, "0.0.0.0/0")
}

fn clinic(rules: Vec<SecurityGroupRule>, keep: &[&str]) -> Clinic {
    Clinic::new(rules).checks(&[OPEN_EGRESS]).with(json!({ "direction": "egress", "keep": keep }))
}

#[test]
fn what_is_named_stays_open_and_comes_before_the_rest_goes() {
    let described = SecurityGroupRule {
        description: Some("as AWS made it".into()),
        tags: Tags::from([("Team".to_owned(), "maps".to_owned())]),
        ..everything()
    };
    let it = clinic(
        vec![described, out("-1", -1, -1, "::/0"), ssh("203.0.113.0/24"), out("tcp", 22, 22, "sg-7")],
        &[
            "443/tcp to 0.0.0.0/0",
            "443/tcp to ::/0",
            "53/udp to 10.0.0.2",
            "5432/tcp to sg-9",
            "443/tcp to pl-1",
        ],
    )
    .list(&["52.216.0.0/15"]);
    let proposal = it.propose().unwrap();
    let operations: Vec<_> = proposal.steps.iter().map(|s| s.act.call.operation.as_str()).collect();
    assert_eq!(
        operations,
        ["AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"],
        "one call for each set of tags, and nothing goes before they are there"
    );
    let last = proposal.steps.last().unwrap();
    assert_eq!(last.act.call.input["SecurityGroupRuleIds"], json!(["sgr-0", "sgr-1"]));
    assert!(!last.act.before.is_empty(), "it is looked whether the new rules are still there");
    crate::actions::make::sound::steps(&proposal.steps);
    assert_eq!(
        it.whole(&proposal),
        [
            "tcp 22 from 203.0.113.0/24",
            "tcp 22 to sg-7",
            "tcp 443 to 0.0.0.0/0 \"as AWS made it\"",
            "tcp 443 to ::/0",
            "tcp 443 to pl-1 \"as AWS made it\"",
            "tcp 5432 to sg-9 \"as AWS made it\"",
            "udp 53 to 10.0.0.2/32 \"as AWS made it\""
        ]
    );
}

#[test]
fn nothing_is_opened_that_was_closed_and_nothing_is_added_twice() {
    let it = clinic(
        vec![out("udp", 0, 65535, "0.0.0.0/0"), out("tcp", 440, 450, "10.0.0.0/8")],
        &["443/tcp to 0.0.0.0/0", "53/udp to 10.0.0.2", "443/tcp to 10.1.0.0/16", "123/udp to ::/0"],
    );
    let proposal = it.propose().unwrap();
    assert_eq!(it.whole(&proposal), ["tcp 440-450 to 10.0.0.0/8", "udp 53 to 10.0.0.2/32"]);
    let both = [everything(), out("tcp", 0, 65535, "0.0.0.0/0"), out("tcp", 443, 443, "0.0.0.0/0")];
    let it = clinic(both.to_vec(), &["443/tcp to 0.0.0.0/0"]);
    let proposal = it.propose().unwrap();
    assert_eq!(proposal.steps.len(), 1, "it is there already");
    assert_eq!(it.whole(&proposal), ["tcp 443 to 0.0.0.0/0"]);
}

#[test]
fn inbound_rules_prefix_lists_and_groups_are_left_alone() {
    let rules = vec![
        everything(),
        rule("-1", -1, -1, "0.0.0.0/0"),
        out("-1", -1, -1, "pl-1"),
        out("-1", -1, -1, "sg-9"),
        out("-1", -1, -1, "10.0.0.0/8"),
    ];
    let it = clinic(rules, &["443/tcp to 0.0.0.0/0"]).list(&["0.0.0.0/0"]);
    let proposal = it.propose().unwrap();
    let left = it.whole(&proposal);
    for line in ["all traffic from 0.0.0.0/0", "all traffic to pl-1", "all traffic to sg-9"] {
        assert!(left.contains(&line.to_owned()), "{line}: {left:?}");
    }
    let inbound = Clinic::new(vec![everything(), ssh("0.0.0.0/0")]);
    let proposal = inbound.propose().unwrap();
    assert_eq!(inbound.whole(&proposal), ["all traffic to 0.0.0.0/0"]);
}

#[test]
fn without_a_name_of_what_stays_open_nothing_is_planned() {
    let it = clinic(vec![everything()], &[]);
    let why = it.refused();
    assert!(why.contains("tighten-security-group.keep") && why.contains("443/tcp to 0.0.0.0/0"), "{why}");
    let declines = |check: &str, with: Value| {
        let group = it.inventory.owner.security_group(REGION, "sg-1");
        TightenSecurityGroup.declines(&it.inventory, check, &group, &with)
    };
    let egress = json!({ "direction": "egress" });
    assert!(
        matches!(declines(OPEN_EGRESS, egress.clone()), Err(Refusal::Refused(why)) if why.contains("keep"))
    );
    let kept = json!({ "direction": "egress", "keep": ["443/tcp to 0.0.0.0/0"] });
    assert_eq!(declines(OPEN_EGRESS, kept.clone()), Ok(()));
    assert!(
        matches!(declines(ADMIN, kept.clone()), Err(Refusal::Refused(why)) if why.contains("\"ingress\""))
    );
    assert!(
        matches!(declines(OPEN_EGRESS, json!({})), Err(Refusal::Refused(why)) if why.contains("\"egress\""))
    );
    assert_eq!(TightenSecurityGroup.lane(&kept), "egress");
    assert_eq!(TightenSecurityGroup.lane(&json!({ "keep": ["443/tcp to ::/0"] })), "");
}

#[test]
fn a_default_group_or_a_list_that_is_not_known_is_refused() {
    let mut it = clinic(vec![everything()], &["443/tcp to 0.0.0.0/0"]);
    it.inventory.region_mut(REGION).security_groups.get_mut("sg-1").unwrap().name = "default".into();
    assert!(it.refused().contains("default-security-group-has-rules"));
    it.inventory.region_mut(REGION).security_groups.get_mut("sg-1").unwrap().name = String::new();
    assert!(it.refused().contains("may be"));
    let mut it = clinic(vec![everything()], &["443/tcp to pl-1"]);
    it.inventory.region_mut(REGION).prefix_lists.read(&Selector::All, Fact::Known(()));
    assert!(it.refused().contains("pl-1"));
    let mut it = clinic(vec![everything()], &["443/tcp to pl-1"]);
    it.inventory.region_mut(REGION).prefix_lists.read(&Selector::All, Fact::unknown("AccessDenied"));
    assert!(matches!(it.propose(), Err(Refusal::Unknown(why)) if why.contains("AccessDenied")));
}

#[test]
fn the_quota_counts_the_rules_of_the_direction() {
    let mut rules: Vec<SecurityGroupRule> =
        (0..58).map(|n| out("tcp", 5432, 5432, &format!("10.0.{n}.0/24"))).collect();
    rules.push(everything());
    rules.extend((0..60).map(|n| rule("tcp", 22, 22, &format!("10.0.{n}.0/24"))));
    let keep = ["443/tcp to 0.0.0.0/0", "53/udp to 10.0.0.2"];
    assert!(clinic(rules.clone(), &keep[..1]).propose().is_ok(), "60 of 60");
    let why = clinic(rules, &keep).refused();
    assert!(why.contains("59 + 2") && why.contains("keep less"), "{why}");
}

#[test]
fn systems_manager_and_redress_itself_keep_their_way_out() {
    let managed = |keep: &[&str]| {
        let mut it = clinic(vec![everything()], keep).instance("running", &["sg-1"]);
        let online = ManagedInstance { id: "i-1".into(), ping_status: "Online".into() };
        it.inventory.region_mut(REGION).managed_instances.put("i-1", online);
        it
    };
    let why = managed(&["80/tcp to 0.0.0.0/0"]).refused();
    assert!(
        why.contains("i-1 (bastion)") && why.contains("443/tcp") && why.contains("--allow-lockout"),
        "{why}"
    );
    let mut allowed = managed(&["80/tcp to 0.0.0.0/0"]);
    allowed.options.allow_lockout = true;
    assert!(allowed.propose().unwrap().guards.iter().any(|g| g.result == GuardResult::Loosened));
    assert!(managed(&["443/tcp to 0.0.0.0/0"]).propose().is_ok());
    let unsure = managed(&["443/tcp to 10.0.0.0/8"]).propose().unwrap();
    assert!(
        unsure.guards.iter().any(|g| g.result == GuardResult::NotChecked && g.note.contains("ssmmessages")),
        "{:?}",
        unsure.guards
    );
    let mut own = clinic(vec![everything()], &["443/tcp to 0.0.0.0/0"]).instance("running", &["sg-1"]);
    own.inventory.caller.host = Fact::Known("i-1".into());
    let why = own.refused();
    assert!(why.contains("redress itself runs on i-1") && why.contains("keep"), "{why}");
    let mut unread = clinic(vec![everything()], &["443/tcp to 0.0.0.0/0"]);
    unread.inventory.region_mut(REGION).network_interfaces.read(&Selector::All, Fact::NotRead);
    assert!(matches!(unread.propose(), Err(Refusal::Unknown(why)) if why.contains("sg-1")));
}

#[test]
fn the_impact_names_what_is_lost_and_when_connections_end() {
    let has = |it: &Clinic, part: &str| it.propose().unwrap().impact.iter().any(|line| line.contains(part));
    let keep = ["443/tcp to 0.0.0.0/0"];
    let web = vec![everything(), rule("tcp", 443, 443, "0.0.0.0/0")];
    let it = clinic(web, &keep).instance("running", &["sg-1"]);
    for part in [
        "no longer goes out to 0.0.0.0/0: all traffic",
        "still goes out: tcp 443 to 0.0.0.0/0",
        "com.amazonaws.us-east-1.s3",
        "DNS by the resolver",
        "conntrack_allowance_exceeded",
    ] {
        assert!(has(&it, part), "{part}: {:?}", it.propose().unwrap().impact);
    }
    let tracked = clinic(vec![everything(), ssh("203.0.113.0/24")], &keep).instance("running", &["sg-1"]);
    assert!(has(&tracked, "until they have been idle") && !has(&tracked, "conntrack"));
    let v6 = clinic(vec![everything(), out("-1", -1, -1, "::/0")], &keep);
    assert!(has(&v6, "nothing is kept of IPv6") && has(&v6, "no interface uses the group"));
}

#[test]
fn a_load_balancer_keeps_its_way_to_its_targets() {
    let with = |keep: &[&str], target: &str, fact: Option<Fact<Vec<Target>>>| {
        let mut it = clinic(vec![everything()], keep);
        let region = it.inventory.region_mut(REGION);
        let interface = NetworkInterface {
            id: "eni-b".into(),
            groups: vec!["sg-1".into()],
            description: "ELB app/web/50dc6c495c0c9188".into(),
            requester_managed: true,
            ..NetworkInterface::default()
        };
        region.network_interfaces.put("eni-b", interface);
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188";
        let one = Target { id: target.into(), port: Some(8080), ..Target::default() };
        let group = TargetGroup {
            id: "tg".into(),
            name: "app".into(),
            target_type: "instance".into(),
            load_balancers: vec![arn.into()],
            targets: fact.unwrap_or_else(|| Fact::Known(vec![one])),
            ..TargetGroup::default()
        };
        region.target_groups.read(&Selector::All, Fact::Known(()));
        region.target_groups.put("tg", group);
        it
    };
    for (keep, target) in [
        ("443/tcp to 0.0.0.0/0", "i-9"),
        ("8080/udp to 10.0.0.0/8", "i-9"),
        ("8080/tcp to 203.0.113.0/24", "i-9"),
        ("8080/tcp to 10.1.0.0/16", "10.2.0.9"),
    ] {
        let why = with(&[keep], target, None).refused();
        assert!(why.contains("app/web/50dc6c495c0c9188") && why.contains("port 8080"), "{keep}: {why}");
    }
    for (keep, target) in [
        ("8080/tcp to 10.0.0.0/8", "i-9"),
        ("8080/tcp to sg-9", "10.2.0.9"),
        ("all to 10.2.0.0/16", "10.2.0.9"),
        ("8080/tcp to 0.0.0.0/0", "i-9"),
    ] {
        assert!(with(&[keep], target, None).propose().is_ok(), "{keep}");
    }
    let mut allowed = with(&["443/tcp to 0.0.0.0/0"], "i-9", None);
    allowed.options.allow_lockout = true;
    assert!(allowed.propose().is_ok());
    let unknown = with(&["443/tcp to 0.0.0.0/0"], "i-9", Some(Fact::unknown("AccessDenied"))).propose();
    let unknown = unknown.unwrap().guards;
    assert!(
        unknown.iter().any(|g| g.result == GuardResult::NotChecked && g.note.contains("AccessDenied")),
        "{unknown:?}"
    );
}
