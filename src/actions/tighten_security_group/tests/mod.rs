//! The action on small accounts: the rules that it must close, those that it must never lose, and the people
//! that it must not lock out. The calls of each proposal are played on the inventory, so that proofs are
//! judged on the resulting facts.

use super::*;
use crate::{
    actions::Options,
    calls::{Act, Purpose, WayBack, way_back},
    checks,
    inventory::{Caller, Fact, Instance, NetworkInterface, PrefixList, SecurityGroupRule, Selector, Tags},
    resource::Owner,
};

mod arbitrary;
mod closings;
mod egress;
mod endpoints;
mod impacts;
mod refusals;
mod residual;

const REGION: &str = "us-east-1";
const ADMIN: &str = "security-group-open-admin-port";
const DATA: &str = "security-group-open-database-port";
const ALL: &str = "security-group-open-all-traffic";
const OTHER: &str = "security-group-open-other-port";

fn rule(protocol: &str, from: i32, to: i32, source: &str) -> SecurityGroupRule {
    let mut rule = SecurityGroupRule {
        group_id: "sg-1".into(),
        ip_protocol: protocol.into(),
        from_port: from,
        to_port: to,
        ..SecurityGroupRule::default()
    };
    match source {
        s if s.starts_with("pl-") => rule.prefix_list_id = Some(s.into()),
        s if s.starts_with("sg-") => rule.referenced_group_id = Some(s.into()),
        s if s.contains(':') => rule.cidr_ipv6 = Some(s.into()),
        s => rule.cidr_ipv4 = Some(s.into()),
    }
    rule
}
fn ssh(source: &str) -> SecurityGroupRule {
    rule("tcp", 22, 22, source)
}

struct Clinic {
    inventory: Inventory,
    options: Options,
    checks: Vec<String>,
    with: Value,
}

impl Clinic {
    fn new(rules: Vec<SecurityGroupRule>) -> Self {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let caller = Caller { arn: String::new(), host: Fact::Absent };
        let mut inventory = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
        let region = inventory.region_mut(REGION);
        let group = SecurityGroup {
            id: "sg-1".into(),
            name: "web".into(),
            owner_id: "123456789012".into(),
            ..SecurityGroup::default()
        };
        region.security_groups.put("sg-1", group);
        region.security_group_rules.read(&Selector::All, Fact::Known(()));
        region.network_interfaces.read(&Selector::All, Fact::Known(()));
        for (n, rule) in rules.into_iter().enumerate() {
            let id = format!("sgr-{n}");
            region.security_group_rules.put(id.clone(), SecurityGroupRule { id, ..rule });
        }
        Self { inventory, options: Options::default(), checks: vec![ADMIN.into()], with: json!({}) }
    }
    fn checks(mut self, checks: &[&str]) -> Self {
        self.checks = checks.iter().map(|c| c.to_string()).collect();
        self
    }
    fn with(mut self, with: Value) -> Self {
        self.with = with;
        self
    }
    fn list(mut self, entries: &[&str]) -> Self {
        let entries = Fact::Known(entries.iter().map(|e| e.to_string()).collect());
        self.inventory.region_mut(REGION).prefix_lists.put(
            "pl-1",
            PrefixList { id: "pl-1".into(), entries, max_entries: Some(10), ..PrefixList::default() },
        );
        self
    }
    fn instance(mut self, state: &str, groups: &[&str]) -> Self {
        let region = self.inventory.region_mut(REGION);
        let groups = groups.iter().map(|g| g.to_string()).collect();
        region.network_interfaces.put(
            "eni-1",
            NetworkInterface {
                id: "eni-1".into(),
                groups,
                instance_id: Some("i-1".into()),
                ..NetworkInterface::default()
            },
        );
        let tags = Tags::from([("Name".to_owned(), "bastion".to_owned())]);
        region
            .instances
            .put("i-1", Instance { id: "i-1".into(), state: state.into(), tags, ..Instance::default() });
        region.managed_instances.read(&Selector::All, Fact::Known(()));
        self
    }
    fn propose(&self) -> Result<Proposal, Refusal> {
        let with = toml::to_string(&toml::Value::try_from(&self.with).unwrap()).unwrap();
        let with = TightenSecurityGroup.decode(toml::de::Deserializer::parse(&with).unwrap()).unwrap();
        let context = Context {
            inventory: &self.inventory,
            region: REGION,
            checks: &self.checks,
            options: &self.options,
        };
        TightenSecurityGroup.propose(&context, &self.inventory.owner.security_group(REGION, "sg-1"), &with)
    }
    fn refused(&self) -> String {
        match self.propose() {
            Err(Refusal::Refused(why)) => why,
            other => panic!("{other:?}"),
        }
    }
    /// Plays an act; returns the ids of the rules that it created.
    fn play(&mut self, act: &Act, made: &Value) -> Value {
        let input = &act.call.input;
        let rules = &mut self.inventory.region_mut(REGION).security_group_rules;
        if act.call.operation.starts_with("RevokeSecurityGroup") {
            let ids =
                if input["SecurityGroupRuleIds"].is_array() { &input["SecurityGroupRuleIds"] } else { made };
            for id in ids.as_array().unwrap() {
                assert!(
                    rules
                        .items
                        .insert(id.as_str().unwrap().to_owned(), Fact::Absent)
                        .is_some_and(|f| f.known().is_some()),
                    "no such rule"
                );
            }
            return Value::Null;
        }
        let pairs = input["TagSpecifications"][0]["Tags"].as_array().unwrap().iter();
        let tags: Tags = pairs
            .map(|t| (t["Key"].as_str().unwrap().to_owned(), t["Value"].as_str().unwrap_or("ref").to_owned()))
            .collect();
        let is_egress = act.call.operation == "AuthorizeSecurityGroupEgress";
        let mut ids = Vec::new();
        for permission in input["IpPermissions"].as_array().unwrap() {
            let port = |key: &str| permission.get(key).map_or(-1, |v| v.as_i64().unwrap() as i32);
            for (list, key) in [
                ("IpRanges", "CidrIp"),
                ("Ipv6Ranges", "CidrIpv6"),
                ("PrefixListIds", "PrefixListId"),
                ("UserIdGroupPairs", "GroupId"),
            ] {
                for source in permission[list].as_array().into_iter().flatten() {
                    let mut new = rule(
                        permission["IpProtocol"].as_str().unwrap(),
                        port("FromPort"),
                        port("ToPort"),
                        source[key].as_str().unwrap(),
                    );
                    new.description = source["Description"].as_str().map(Into::into);
                    new.tags = tags.clone();
                    new.is_egress = is_egress;
                    let duplicate = rules.known().any(|(_, r)| {
                        r.is_egress == is_egress
                            && traffic::traffic(r) == traffic::traffic(&new)
                            && traffic::source(r) == traffic::source(&new)
                    });
                    assert!(!duplicate, "InvalidPermission.Duplicate: {}", traffic::line(&new));
                    new.id = format!("sgr-made-{}", rules.items.len());
                    ids.push(new.id.clone());
                    rules.put(new.id.clone(), new);
                }
            }
        }
        json!(ids)
    }
    fn lines(&self) -> Vec<String> {
        let mut all: Vec<String> = self.inventory.regions[REGION]
            .security_group_rules
            .known()
            .map(|(_, r)| traffic::line(r))
            .collect();
        all.sort();
        all
    }
    fn footprint(&self) -> Value {
        self.inventory.footprint(&[rules_want(REGION, "sg-1")])
    }
    /// Applies a proposal, checks that its proofs hold and its prediction is right, undoes it, and checks
    /// that all is as before.
    fn whole(mut self, proposal: &Proposal) -> Vec<String> {
        let before = self.footprint();
        let mut made = std::collections::BTreeMap::new();
        for step in &proposal.steps {
            let ids = self.play(&step.act, &Value::Null);
            made.insert(step.name.clone(), ids);
        }
        for proof in &proposal.proof {
            let check = checks::find(&proof.check).unwrap();
            assert_eq!(
                (check.judge)(&self.inventory, &proof.resource, &proof.with).word(),
                "ok",
                "{}",
                proof.check
            );
        }
        let after = self.lines();
        assert_eq!(json!(after), proposal.after);
        let done: Vec<String> = proposal.steps.iter().map(|s| s.name.clone()).collect();
        for back in way_back(&proposal.steps, &done, Purpose::Undo) {
            self.play(&back.act, &made[&back.of]);
        }
        assert_eq!(self.footprint(), before, "undo restores");
        after
    }
}

#[test]
fn the_world_gives_way_to_the_allowed_networks_and_the_office_stays() {
    let clinic = Clinic::new(vec![
        ssh("0.0.0.0/0"),
        ssh("203.0.113.0/24"),
        ssh("::/0"),
        rule("tcp", 443, 443, "0.0.0.0/0"),
    ]);
    let clinic = clinic.with(json!({ "allow": ["198.51.100.0/24", "2001:db8::/32"] }));
    let proposal = clinic.propose().unwrap();
    let operations: Vec<_> = proposal.steps.iter().map(|s| s.act.call.operation.as_str()).collect();
    assert_eq!(
        operations,
        ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"],
        "add before remove"
    );
    assert_eq!(proposal.steps[1].act.call.input["SecurityGroupRuleIds"], json!(["sgr-0", "sgr-2"]));
    let after = clinic.whole(&proposal);
    assert_eq!(
        after,
        [
            "tcp 22 from 198.51.100.0/24",
            "tcp 22 from 2001:db8::/32",
            "tcp 22 from 203.0.113.0/24",
            "tcp 443 from 0.0.0.0/0"
        ]
    );
}

#[test]
fn an_ipv4_network_never_takes_the_place_of_an_ipv6_source() {
    let clinic =
        Clinic::new(vec![rule("tcp", 3389, 3389, "::/0")]).with(json!({ "allow": ["198.51.100.0/24"] }));
    let proposal = clinic.propose().unwrap();
    assert_eq!(clinic.whole(&proposal), [""; 0]);
}

#[test]
fn without_allowed_networks_the_rule_goes_and_the_plan_names_every_port() {
    let clinic = Clinic::new(vec![rule("tcp", 20, 4000, "0.0.0.0/0")]).checks(&[ADMIN, DATA]);
    let proposal = clinic.propose().unwrap();
    let said = &proposal.impact[0];
    for part in ["closes to 0.0.0.0/0: tcp 20-4000", "22 SSH", "3306 MySQL", "3389 RDP", "443 HTTPS"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(proposal.impact.contains(&"no interface uses the group".to_owned()));
    assert_eq!(clinic.whole(&proposal), [""; 0]);
}

#[test]
fn descriptions_and_tags_go_over_and_come_back_and_other_tags_take_a_call_of_their_own() {
    let tagged = |source: &str, who: &str| {
        let tags = Tags::from([("owner".to_owned(), who.to_owned()), ("aws:x".to_owned(), "no".to_owned())]);
        SecurityGroupRule { description: Some("temporary".into()), tags, ..ssh(source) }
    };
    let mut clinic = Clinic::new(vec![
        tagged("0.0.0.0/0", "ann"),
        SecurityGroupRule { from_port: 3389, to_port: 3389, ..tagged("0.0.0.0/0", "bob") },
    ]);
    clinic
        .inventory
        .region_mut(REGION)
        .security_group_rules
        .items
        .change_all(|rule| drop(rule.tags.remove("aws:x")));
    let clinic = clinic.with(json!({ "allow": ["198.51.100.0/24"] }));
    let proposal = clinic.propose().unwrap();
    assert_eq!(proposal.steps.len(), 3);
    let WayBack::Calls { rollback, .. } = &proposal.steps[2].way_back else { panic!("no way back") };
    assert_eq!(rollback.len(), 2);
    let first = &proposal.steps[0].act.call.input;
    assert_eq!(
        first["IpPermissions"][0]["IpRanges"],
        json!([{ "CidrIp": "198.51.100.0/24", "Description": "temporary" }])
    );
    assert_eq!(first["TagSpecifications"][0]["Tags"][0], json!({ "Key": "owner", "Value": "ann" }));
    clinic.whole(&proposal);
}

#[test]
fn a_rule_that_is_there_already_is_not_added_again() {
    let clinic = Clinic::new(vec![ssh("0.0.0.0/1"), ssh("128.0.0.0/1"), ssh("198.51.100.0/24")])
        .with(json!({ "allow": ["198.51.100.0/24", "203.0.113.0/24"] }));
    let proposal = clinic.propose().unwrap();
    assert_eq!(
        proposal.steps[0].act.call.input["IpPermissions"][0]["IpRanges"],
        json!([{ "CidrIp": "203.0.113.0/24" }])
    );
    assert_eq!(clinic.whole(&proposal), ["tcp 22 from 198.51.100.0/24", "tcp 22 from 203.0.113.0/24"]);
}

#[test]
fn all_traffic_is_narrowed_as_a_whole_and_cannot_be_split() {
    let all = || Clinic::new(vec![rule("-1", -1, -1, "0.0.0.0/0")]).checks(&[ALL]);
    let clinic = all().with(json!({ "allow": ["198.51.100.0/24"] }));
    let proposal = clinic.propose().unwrap();
    assert!(proposal.steps[0].act.call.input["IpPermissions"][0].get("FromPort").is_none());
    assert_eq!(clinic.whole(&proposal), ["all traffic from 198.51.100.0/24"]);
    assert!(all().with(json!({ "strategy": "split" })).refused().contains("has no ports to split"));
}

#[test]
fn a_split_keeps_the_harmless_ports_of_a_range_open() {
    let clinic = Clinic::new(vec![rule("tcp", 20, 30, "0.0.0.0/0")])
        .with(json!({ "strategy": "split", "allow": ["198.51.100.0/24"] }));
    let proposal = clinic.propose().unwrap();
    assert!(proposal.impact[0].starts_with("closes to 0.0.0.0/0: tcp 22-23"), "{:?}", proposal.impact);
    assert_eq!(
        clinic.whole(&proposal),
        ["tcp 20-21 from 0.0.0.0/0", "tcp 22-23 from 198.51.100.0/24", "tcp 24-30 from 0.0.0.0/0"]
    );
    let all =
        Clinic::new(vec![rule("tcp", 0, 65535, "::/0")]).checks(&[ALL]).with(json!({ "strategy": "split" }));
    let proposal = all.propose().unwrap();
    let after = all.whole(&proposal);
    assert_eq!(after, ["tcp 443 from ::/0", "tcp 80 from ::/0"], "what is authorised, and nothing else");
}

#[test]
fn a_port_that_nobody_has_authorised_closes_and_an_authorised_one_stays() {
    let rules = || {
        vec![
            rule("tcp", 8080, 8080, "0.0.0.0/0"),
            rule("udp", 1194, 1194, "::/0"),
            rule("tcp", 443, 443, "0.0.0.0/0"),
            rule("icmp", 8, -1, "0.0.0.0/0"),
        ]
    };
    let clinic = Clinic::new(rules()).checks(&[OTHER]);
    let proposal = clinic.propose().unwrap();
    assert_eq!(proposal.proof[0].with, Value::Null);
    assert_eq!(clinic.whole(&proposal), ["icmp type 8 from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0"]);
    let vpn = Clinic::new(rules()).checks(&[OTHER]).with(json!({ "authorised": ["udp/1194", "tcp/443"] }));
    let proposal = vpn.propose().unwrap();
    assert_eq!(proposal.proof[0].with, json!({ "authorised": ["tcp/443", "udp/1194"] }));
    assert_eq!(
        vpn.whole(&proposal),
        ["icmp type 8 from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0", "udp 1194 from ::/0"]
    );
    let nobody_asked = Clinic::new(rules()).checks(&[ADMIN]).propose();
    assert!(matches!(nobody_asked, Err(Refusal::Nothing(_))), "{nobody_asked:?}");
}

#[test]
fn a_range_that_three_checks_report_is_one_edit_and_its_split_leaves_what_is_authorised() {
    let range = || Clinic::new(vec![rule("tcp", 20, 500, "0.0.0.0/0")]).checks(&[ADMIN, DATA, OTHER]);
    let clinic = range();
    let proposal = clinic.propose().unwrap();
    assert_eq!(proposal.steps.len(), 1);
    assert_eq!(clinic.whole(&proposal), [""; 0]);
    let split = range().with(json!({ "strategy": "split", "allow": ["198.51.100.0/24"] }));
    let proposal = split.propose().unwrap();
    assert_eq!(
        split.whole(&proposal),
        [
            "tcp 20-79 from 198.51.100.0/24",
            "tcp 443 from 0.0.0.0/0",
            "tcp 444-500 from 198.51.100.0/24",
            "tcp 80 from 0.0.0.0/0",
            "tcp 81-442 from 198.51.100.0/24"
        ]
    );
}

#[test]
fn splitting_everything_opens_no_finding_of_another_check() {
    let clinic = Clinic::new(vec![rule("tcp", 0, 65535, "0.0.0.0/0")])
        .checks(&[ALL])
        .with(json!({ "strategy": "split" }));
    let mut proposal = clinic.propose().unwrap();
    proposal
        .proof
        .extend([ADMIN, DATA, OTHER].map(|c| Proof { check: c.to_owned(), ..proposal.proof[0].clone() }));
    clinic.whole(&proposal);
}

#[test]
fn a_prefix_list_with_an_open_entry_goes_and_one_that_was_not_read_stops_the_change() {
    let open = || {
        Clinic::new(vec![ssh("pl-1"), ssh("203.0.113.0/24")]).with(json!({ "allow": ["198.51.100.0/24"] }))
    };
    let clinic = open().list(&["0.0.0.0/0"]);
    let proposal = clinic.propose().unwrap();
    assert_eq!(clinic.whole(&proposal), ["tcp 22 from 198.51.100.0/24", "tcp 22 from 203.0.113.0/24"]);
    assert!(matches!(open().propose(), Err(Refusal::Unknown(why)) if why.contains("pl-1")));
    let innocent = open().list(&["203.0.113.0/24"]);
    assert!(matches!(innocent.propose(), Err(Refusal::Nothing(_))));
}

#[test]
fn rules_side_by_side_are_counted_for_each_family_before() {
    let mut rules = vec![ssh("0.0.0.0/0"), ssh("sg-2")];
    rules.extend((0..57).map(|n| rule("tcp", 8000 + n, 8000 + n, "10.0.0.0/8")));
    rules.extend((0..60).map(|n| rule("tcp", 8000 + n, 8000 + n, "fd00::/8")));
    let with = |allow: Value| Clinic::new(rules.clone()).with(json!({ "allow": allow }));
    assert!(with(json!(["198.51.100.0/24"])).propose().is_ok(), "59 and one");
    assert!(with(json!(["198.51.100.0/24", "203.0.113.0/24"])).refused().contains("59 + 2"));
    let raised = Clinic::new(rules.clone())
        .with(json!({ "allow": ["198.51.100.0/24", "203.0.113.0/24"], "rule_limit": 100 }));
    assert!(raised.propose().is_ok());
    assert!(Clinic::new(rules.clone()).propose().is_ok(), "nothing is added");
    let mut full = rules.clone();
    full[1] = rule("tcp", 443, 443, "pl-1");
    assert!(
        Clinic::new(full)
            .list(&["203.0.113.0/24"])
            .with(json!({ "allow": ["198.51.100.0/24"] }))
            .refused()
            .contains("68 + 1"),
        "a list counts as what it may hold"
    );
}

#[test]
fn the_accounts_own_quota_of_rules_counts_where_it_is_known_and_else_awss_default() {
    use crate::{actions::GuardResult, inventory::Quota};
    let full = |fact: Option<Fact<usize>>, limit: usize| {
        let mut rules = vec![ssh("0.0.0.0/0")];
        rules.extend((0..59).map(|n| rule("tcp", 8000 + n, 8000 + n, "10.0.0.0/8")));
        let with = json!({ "allow": ["198.51.100.0/24"], "rule_limit": limit });
        let mut clinic = Clinic::new(rules).with(with);
        let id = Quota::RULES_PER_GROUP.to_owned();
        if let Some(fact) = fact {
            let fact = fact.map(|value| Quota { id: id.clone(), value });
            clinic.inventory.region_mut(REGION).quotas.items.insert(id, fact);
        }
        clinic
    };
    assert!(full(Some(Fact::Known(100)), 60).propose().is_ok());
    assert!(full(Some(Fact::Known(100)), 59).refused().contains("60 + 1 rules where the limit is 59"), "set");
    for unknown in [None, Some(Fact::Absent), Some(Fact::Unknown("AccessDenied".into()))] {
        assert!(full(unknown, 60).refused().contains("60 + 1 rules where the limit is 60"));
    }
    let note = |fact: Option<Fact<usize>>| {
        let mut clinic = full(fact, 60);
        clinic.inventory.region_mut(REGION).security_group_rules.items.insert("sgr-1".into(), Fact::Absent);
        let guards = clinic.propose().unwrap().guards;
        guards.into_iter().find(|g| g.guard == "rule-quota").map(|g| g.result)
    };
    assert_eq!(note(Some(Fact::Known(100))), Some(GuardResult::Passed));
    assert_eq!(note(Some(Fact::Absent)), None, "AWS's default, and nothing else");
    assert_eq!(note(Some(Fact::Unknown("AccessDenied".into()))), Some(GuardResult::NotChecked));
    let clinic = full(Some(Fact::Known(100)), 60);
    let quotas = |with: Value| TightenSecurityGroup.quotas(&clinic.inventory, REGION, &with);
    assert_eq!(quotas(json!({})), [("RulesPerSecurityGroupLimitExceeded", 100)]);
    assert_eq!(quotas(json!({ "rule_limit": 80 })), [("RulesPerSecurityGroupLimitExceeded", 80)]);
}

#[test]
fn interfaces_behind_the_group_are_counted_by_what_they_are() {
    let mut clinic = Clinic::new(vec![ssh("0.0.0.0/0"), ssh("10.0.0.0/8")]).instance("running", &["sg-1"]);
    let balancer = NetworkInterface {
        id: "eni-2".into(),
        groups: vec!["sg-1".into()],
        interface_type: "load_balancer".into(),
        ..NetworkInterface::default()
    };
    clinic.inventory.region_mut(REGION).network_interfaces.put("eni-2", balancer);
    let impact = clinic.propose().unwrap().impact;
    assert!(
        impact.contains(&"2 interfaces use the group: 1 load balancer, 1 of a running instance".to_owned()),
        "{impact:?}"
    );
}

#[test]
fn what_the_action_asks_to_read_grows_until_it_is_enough() {
    let mut clinic = Clinic::new(vec![ssh("pl-1")]).instance("running", &["sg-1", "sg-2"]);
    let target = clinic.inventory.owner.security_group(REGION, "sg-1");
    let asked = |clinic: &Clinic| {
        let context = Context {
            inventory: &clinic.inventory,
            region: REGION,
            checks: &clinic.checks,
            options: &clinic.options,
        };
        TightenSecurityGroup.needs(&context, &target, &Value::Null)
    };
    let wants = asked(&clinic);
    for want in [
        Want::id(REGION, FamilyKind::PrefixLists, "pl-1"),
        Want::id(REGION, FamilyKind::Instances, "i-1"),
        rules_want(REGION, "sg-2"),
    ] {
        assert!(wants.contains(&want), "{want}");
    }
    clinic.inventory.regions.clear();
    assert_eq!(asked(&clinic).len(), 3, "the group, its rules, its interfaces");
}
