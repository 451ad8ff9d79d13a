//! A property test plays the action on arbitrary rules: the proofs hold, innocent rules stay, and undo
//! restores the group.

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};

use super::*;

fn source() -> impl Strategy<Value = String> {
    let v4 = (any::<u32>(), 0_u8..=32)
        .prop_map(|(a, p)| ipnet::Ipv4Net::new(a.into(), p).unwrap().trunc().to_string());
    let v6 = (any::<u128>(), 0_u8..=64)
        .prop_map(|(a, p)| ipnet::Ipv6Net::new(a.into(), p).unwrap().trunc().to_string());
    prop_oneof![
        Just("0.0.0.0/0".to_owned()),
        Just("::/0".to_owned()),
        Just("203.0.113.0/24".to_owned()),
        v4,
        v6
    ]
}

fn any_rule() -> impl Strategy<Value = SecurityGroupRule> {
    let ports = prop_oneof![
        Just((22, 22)),
        Just((20, 4000)),
        Just((0, 65535)),
        Just((443, 443)),
        (0_i32..6000, 0_i32..6000).prop_map(|(a, b)| (a.min(b), a.max(b)))
    ];
    let protocol = prop_oneof![Just("tcp"), Just("udp"), Just("-1")];
    (protocol, ports, source()).prop_map(|(protocol, (from, to), source)| {
        if protocol == "-1" { rule("-1", -1, -1, &source) } else { rule(protocol, from, to, &source) }
    })
}

proptest! {
    #[test]
    fn whatever_the_rules_the_proofs_hold_innocents_stay_and_undo_restores(
        mut rules in proptest::collection::vec(any_rule(), 1..12), split in any::<bool>(),
            allow in any::<bool>(), other in any::<bool>(),
    ) {
        let mut seen = std::collections::BTreeSet::new();
        rules.retain(|r| seen.insert((traffic::traffic(r), traffic::source(r).to_owned())));
        let allow = if allow { json!(["198.51.100.0/24", "2001:db8::/32"]) } else { json!([]) };
        let strategy = if split && rules.iter().all(|r| r.ip_protocol != "-1") { "split" } else { "narrow" };
        let checks = [ADMIN, DATA, ALL, OTHER];
        let checks = &checks[..if other { 4 } else { 3 }];
        let clinic = Clinic::new(rules.clone()).checks(checks).with(json!({ "allow": allow,
            "strategy": strategy, "rule_limit": 2000 }));
        match clinic.propose() {
            Ok(proposal) => {
                let after = clinic.whole(&proposal);
                for rule in rules.iter().filter(|r| traffic::source(r) == "203.0.113.0/24") {
                    prop_assert!(after.contains(&traffic::line(rule)), "{} was lost", traffic::line(rule));
                }
            }
            Err(Refusal::Nothing(_)) => {}
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}
