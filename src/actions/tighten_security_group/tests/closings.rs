//! Questions to flow logs about an edit.

use super::*;
use crate::evidence::{At, Closing, Way};

impl Clinic {
    fn closes(&self) -> Result<Vec<Closing>, Refusal> {
        let with = toml::to_string(&toml::Value::try_from(&self.with).unwrap()).unwrap();
        let with = TightenSecurityGroup.decode(toml::de::Deserializer::parse(&with).unwrap()).unwrap();
        let (inventory, checks, options) = (&self.inventory, self.checks.as_slice(), &self.options);
        let context = Context { inventory, region: REGION, checks, options };
        TightenSecurityGroup.closes(&context, &self.inventory.owner.security_group(REGION, "sg-1"), &with)
    }
}

fn nets(closing: &Closing) -> Vec<String> {
    closing.peers.iter().map(ToString::to_string).collect()
}

#[test]
fn each_rule_that_goes_is_asked_about_and_the_rules_that_stay_or_come_are_named() {
    let rules = vec![ssh("0.0.0.0/0"), ssh("::/0"), ssh("sg-2"), rule("-1", -1, -1, "10.0.0.0/8")];
    let mut clinic = Clinic::new(rules).with(json!({ "allow": ["203.0.113.0/24"] }));
    clinic.inventory.region_mut(REGION).network_interfaces.put(
        "eni-2",
        NetworkInterface {
            id: "eni-2".into(),
            groups: vec!["sg-2".into()],
            private_ip: Some("172.16.0.9".into()),
            ..NetworkInterface::default()
        },
    );
    let all = clinic.closes().unwrap();
    assert_eq!(
        all.iter().map(|one| one.closes.as_str()).collect::<Vec<_>>(),
        ["tcp 22 from 0.0.0.0/0", "tcp 22 from ::/0"]
    );
    let first = &all[0];
    assert_eq!((first.way, first.stateful, &first.at), (Way::In, true, &At::Group("sg-1".into())));
    assert_eq!((first.traffic.protocol, first.traffic.ports), (Some(6), Some((22, 22))));
    assert_eq!(nets(first), ["0.0.0.0/0"]);
    let stays: Vec<String> =
        first.stays.iter().flat_map(|one| one.peers.iter().map(ToString::to_string)).collect();
    assert_eq!(stays, ["172.16.0.9/32", "10.0.0.0/8", "203.0.113.0/24"]);
    assert_eq!(first.stays[1].traffic.protocol, None, "all traffic stays open to 10.0.0.0/8");
}

#[test]
fn of_a_rule_that_is_split_only_the_ports_that_close_are_asked_about() {
    let clinic = Clinic::new(vec![rule("tcp", 20, 443, "0.0.0.0/0")]).with(json!({ "strategy": "split" }));
    let all = clinic.closes().unwrap();
    let ports: Vec<_> = all.iter().filter_map(|one| one.traffic.ports).collect();
    assert_eq!(ports, [(22, 23), (135, 135), (137, 139), (161, 161)]);
    assert_eq!(all[0].closes, "tcp 22-23 from 0.0.0.0/0");
}

#[test]
fn a_protocol_that_is_not_known_and_a_list_that_was_not_read_are_unknown() {
    let odd = Clinic::new(vec![ssh("0.0.0.0/0"), rule("sctp-of-some-kind", -1, -1, "10.0.0.0/8")]);
    assert!(matches!(odd.closes(), Err(Refusal::Unknown(why)) if why.contains("sctp-of-some-kind")));
    let listed = Clinic::new(vec![ssh("pl-9")]);
    assert!(matches!(listed.closes(), Err(Refusal::Unknown(_) | Refusal::Nothing(_))));
}
