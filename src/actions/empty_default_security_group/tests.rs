//! The action on small accounts: the rules that go, the way in which they come back, and the groups that it
//! leaves.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::{Call, Purpose, WayBack, way_back},
    inventory::{Caller, Fact, Selector, Tags, tag},
    resource::Owner,
};

const REGION: &str = "us-east-1";

fn rule(id: &str, is_egress: bool, source: &str) -> SecurityGroupRule {
    let is = |yes: bool| yes.then(|| source.to_owned());
    SecurityGroupRule {
        id: id.into(),
        group_id: "sg-1".into(),
        is_egress,
        ip_protocol: "-1".into(),
        from_port: -1,
        to_port: -1,
        cidr_ipv4: is(source.contains('.')),
        cidr_ipv6: is(source.contains(':')),
        prefix_list_id: is(source.starts_with("pl-")),
        referenced_group_id: is(source.starts_with("sg-")),
        ..SecurityGroupRule::default()
    }
}

/// Returns the rules that AWS gives to a new default group.
fn usual() -> Vec<SecurityGroupRule> {
    vec![rule("sgr-in", false, "sg-1"), rule("sgr-out", true, "0.0.0.0/0")]
}

fn account(rules: Vec<SecurityGroupRule>) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let region = it.region_mut(REGION);
    let group = SecurityGroup {
        id: "sg-1".into(),
        name: "default".into(),
        vpc_id: "vpc-1".into(),
        owner_id: "123456789012".into(),
        ..SecurityGroup::default()
    };
    region.security_groups.put("sg-1", group);
    region.security_group_rules.read(&Selector::by("group-id", "sg-1"), Fact::Known(()));
    region.network_interfaces.read(&Selector::by("group-id", "sg-1"), Fact::Known(()));
    for rule in rules {
        region.security_group_rules.put(rule.id.clone(), rule);
    }
    it
}

fn propose(inventory: &Inventory) -> Result<Proposal, Refusal> {
    let options = Options::default();
    let context = Context { inventory, region: REGION, checks: &[], options: &options };
    let target = inventory.owner.security_group(REGION, "sg-1");
    EmptyDefaultSecurityGroup.propose(&context, &target, &json!({}))
}

fn refused(inventory: &Inventory) -> String {
    match propose(inventory) {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn unknown(inventory: &Inventory) -> String {
    match propose(inventory) {
        Err(Refusal::Unknown(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn with_group(mut inventory: Inventory, edit: impl FnOnce(&mut SecurityGroup)) -> Inventory {
    edit(inventory.region_mut(REGION).security_groups.get_mut("sg-1").unwrap());
    inventory
}

fn calls(proposal: &Proposal) -> Vec<&Call> {
    proposal.steps.iter().map(|step| &step.act.call).collect()
}

#[test]
fn both_directions_go_by_their_ids_and_come_back_as_they_were() {
    let described = SecurityGroupRule {
        description: Some("for the move".into()),
        tags: Tags::from([("Team".to_owned(), "maps".to_owned())]),
        ..rule("sgr-tagged", true, "::/0")
    };
    let mut all = usual();
    all.extend([rule("sgr-list", true, "pl-1"), described]);
    let proposal = propose(&account(all)).unwrap();
    sound::steps(&proposal.steps);
    let inputs: Vec<&Value> = calls(&proposal).iter().map(|call| &call.input).collect();
    assert_eq!(
        inputs,
        [
            &json!({ "GroupId": "sg-1", "SecurityGroupRuleIds": ["sgr-in"] }),
            &json!({ "GroupId": "sg-1", "SecurityGroupRuleIds": ["sgr-list", "sgr-out", "sgr-tagged"] }),
        ]
    );
    assert_eq!(
        sound::going_back(&proposal.steps, &["revoke-ingress", "revoke-egress"], Purpose::Undo),
        [
            "AuthorizeSecurityGroupEgress revoke-egress",
            "AuthorizeSecurityGroupEgress revoke-egress",
            "AuthorizeSecurityGroupIngress revoke-ingress",
        ]
    );
    let done = ["revoke-ingress".to_owned(), "revoke-egress".to_owned()];
    let back = way_back(&proposal.steps, &done, Purpose::Undo);
    assert_eq!(
        back[0].act.call.input["IpPermissions"],
        json!([{ "IpProtocol": "-1", "IpRanges": [{ "CidrIp": "0.0.0.0/0" }],
            "PrefixListIds": [{ "PrefixListId": "pl-1" }] }])
    );
    assert_eq!(
        back[1].act.call.input["IpPermissions"][0]["Ipv6Ranges"],
        json!([{ "CidrIpv6": "::/0", "Description": "for the move" }])
    );
    let tags = back[1].act.call.input["TagSpecifications"][0]["Tags"].to_string();
    assert!(tags.contains(r#"{"Key":"Team","Value":"maps"}"#) && tags.contains(tag::TOKEN), "{tags}");
    assert_eq!(
        back[2].act.call.input["IpPermissions"][0]["UserIdGroupPairs"],
        json!([{ "GroupId": "sg-1" }])
    );
    assert_eq!((&proposal.after, proposal.before.as_array().unwrap().len()), (&json!([]), 4));
    assert!(
        proposal.not_restored.iter().any(|line| line.contains("new ones")),
        "{:?}",
        proposal.not_restored
    );
}

#[test]
fn one_direction_alone_is_one_call() {
    let operations = |rules: Vec<SecurityGroupRule>| -> Vec<String> {
        let proposal = propose(&account(rules)).unwrap();
        sound::steps(&proposal.steps);
        calls(&proposal).iter().map(|call| call.operation.clone()).collect()
    };
    assert_eq!(operations(usual()[..1].to_vec()), ["RevokeSecurityGroupIngress"]);
    assert_eq!(operations(usual()[1..].to_vec()), ["RevokeSecurityGroupEgress"]);
    assert_eq!(propose(&account(Vec::new())), Err(Refusal::Nothing("sg-1 has no rules".to_owned())));
}

#[test]
fn a_rule_of_the_group_of_another_account_comes_back_with_that_account_and_its_loss_is_named() {
    let peer = SecurityGroupRule {
        referenced_group_owner: Some("999988887777".into()),
        ..rule("sgr-peer", false, "sg-9")
    };
    let proposal = propose(&account(vec![peer])).unwrap();
    let WayBack::Calls { rollback, .. } = &proposal.steps[0].way_back else { panic!() };
    assert_eq!(
        rollback[0].call.input["IpPermissions"][0]["UserIdGroupPairs"],
        json!([{ "GroupId": "sg-9", "UserId": "999988887777" }])
    );
    assert!(proposal.not_restored.iter().any(|line| line.contains("sg-9")), "{:?}", proposal.not_restored);
    let own = propose(&account(usual())).unwrap();
    assert!(!own.not_restored.iter().any(|line| line.contains("sg-1")), "{:?}", own.not_restored);
}

#[test]
fn it_is_looked_at_directly_before_each_call_that_nothing_uses_the_group() {
    let mut inventory = account(usual());
    let proposal = propose(&inventory).unwrap();
    for step in &proposal.steps {
        assert_eq!(step.act.before.len(), 1, "{}", step.name);
        assert_eq!(
            step.act.before[0].scope(),
            [Want::by(REGION, FamilyKind::NetworkInterfaces, "group-id", "sg-1")].into()
        );
        assert_eq!(step.act.before[0].standing(&inventory), crate::calls::Standing::Holds);
    }
    let interface = NetworkInterface {
        id: "eni-1".into(),
        groups: vec!["sg-0".into(), "sg-1".into()],
        ..NetworkInterface::default()
    };
    inventory.region_mut(REGION).network_interfaces.put("eni-1", interface);
    for step in &proposal.steps {
        assert!(matches!(step.act.before[0].standing(&inventory), crate::calls::Standing::NotYet(_)));
    }
}

#[test]
fn a_group_that_any_interface_uses_is_refused_and_the_interfaces_are_named() {
    let using = |interfaces: &[NetworkInterface]| {
        let mut inventory = account(usual());
        for interface in interfaces {
            let own = NetworkInterface { groups: vec!["sg-1".into()], ..interface.clone() };
            inventory.region_mut(REGION).network_interfaces.put(interface.id.clone(), own);
        }
        refused(&inventory)
    };
    let plain = |id: &str| NetworkInterface { id: id.into(), ..NetworkInterface::default() };
    let rows = [
        (NetworkInterface { instance_id: Some("i-1".into()), ..plain("eni-1") }, "eni-1 of i-1"),
        (NetworkInterface { requester_managed: true, ..plain("eni-2") }, "eni-2 (of a service of AWS)"),
        (NetworkInterface { operator: Some("eks".into()), ..plain("eni-3") }, "eni-3 (of eks)"),
        (NetworkInterface { interface_type: "lambda".into(), ..plain("eni-4") }, "eni-4 (lambda)"),
        // One that is attached to nothing may be attached at any moment.
        (NetworkInterface { status: "available".into(), ..plain("eni-5") }, "eni-5 (attached to nothing)"),
        // A status that AWS adds later is a use as well.
        (NetworkInterface { status: "resting".into(), ..plain("eni-6") }, "eni-6"),
    ];
    for (interface, words) in &rows {
        let why = using(std::slice::from_ref(interface));
        assert!(why.contains(words) && why.contains("a group of their own"), "{why}");
    }
    let many: Vec<NetworkInterface> = (1..=7).map(|n| plain(&format!("eni-{n}"))).collect();
    assert!(using(&many).contains(" and 2 more"), "{}", using(&many));
}

#[test]
fn interfaces_that_could_not_be_read_are_no_reason_to_act() {
    for (fact, word) in
        [(Fact::NotRead, "not among what was read"), (Fact::unknown("AccessDenied"), "AccessDenied")]
    {
        let mut inventory = account(usual());
        inventory.region_mut(REGION).network_interfaces.read(&Selector::by("group-id", "sg-1"), fact);
        let why = unknown(&inventory);
        assert!(why.contains("which interfaces use sg-1") && why.contains(word), "{why}");
    }
}

#[test]
fn another_group_another_owner_and_another_manager_are_refused() {
    let named = |name: &str| with_group(account(usual()), |group| group.name = name.to_owned());
    assert!(refused(&named("default-web")).contains("not the default group"));
    assert!(unknown(&named("")).contains("AWS returned no name"));
    let shared = with_group(account(usual()), |group| group.owner_id = "999988887777".into());
    assert!(refused(&shared).contains("belongs to account 999988887777"));
    let stack = ("aws:cloudformation:stack-id".to_owned(), "x".to_owned());
    let managed = with_group(account(usual()), |group| group.tags = Tags::from([stack]));
    assert!(refused(&managed).contains("--include-managed"));
}

#[test]
fn a_rule_that_could_not_be_put_back_keeps_all_of_them() {
    let why = unknown(&account(vec![rule("sgr-in", false, "sg-1"), rule("sgr-new", true, "somewhere")]));
    assert!(why.contains("sgr-new") && why.contains("could not put it back"), "{why}");
}

#[test]
fn rules_that_could_not_be_read_are_no_empty_group() {
    let mut inventory = account(usual());
    inventory.region_mut(REGION).security_group_rules.reads.clear();
    assert!(unknown(&inventory).contains("the rules of sg-1"));
}

#[test]
fn the_quota_of_the_account_is_read_only_where_the_undo_may_need_it() {
    let quota = Want::id(REGION, FamilyKind::Quotas, Quota::RULES_PER_GROUP);
    let wants = |count: usize| {
        let rules = (0..count).map(|n| rule(&format!("sgr-{n}"), true, &format!("10.0.{n}.0/24")));
        let inventory = account(rules.collect());
        let options = Options::default();
        let context = Context { inventory: &inventory, region: REGION, checks: &[], options: &options };
        let target = inventory.owner.security_group(REGION, "sg-1");
        EmptyDefaultSecurityGroup.needs(&context, &target, &json!({})).contains(&quota)
    };
    assert_eq!((wants(60), wants(61)), (false, true));
    let mut inventory = account(usual());
    assert_eq!(EmptyDefaultSecurityGroup.quotas(&inventory, REGION, &json!({})), []);
    let own = Quota { id: Quota::RULES_PER_GROUP.into(), value: 100 };
    inventory.region_mut(REGION).quotas.put(Quota::RULES_PER_GROUP, own);
    assert_eq!(EmptyDefaultSecurityGroup.quotas(&inventory, REGION, &json!({})), [(OVER, 100)]);
}

#[test]
fn what_is_not_read_of_later_launches_is_shown_as_not_checked() {
    let proposal = propose(&account(usual())).unwrap();
    let later = proposal.guards.iter().find(|note| note.guard == "later-use").unwrap();
    assert_eq!(later.result, crate::actions::GuardResult::NotChecked);
    assert!(later.note.contains("launch templates"), "{}", later.note);
    assert_eq!(
        proposal.impact.iter().filter(|line| line.contains("sg-1")).count(),
        2,
        "{:?}",
        proposal.impact
    );
}
