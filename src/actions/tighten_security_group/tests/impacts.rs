//! These tests hold the words about what else a change affects: connections, traffic from inside the VPC, the
//! browser connection, the other address family.

use super::*;

/// Returns the lines of the impact that contain these words.
fn lines(clinic: &Clinic, words: &str) -> Vec<String> {
    let impact = clinic.propose().unwrap().impact;
    impact.into_iter().filter(|line| line.contains(words)).collect()
}

fn egress(protocol: &str, from: i32, to: i32, to_whom: &str) -> SecurityGroupRule {
    SecurityGroupRule { is_egress: true, ..rule(protocol, from, to, to_whom) }
}

fn behind(mut clinic: Clinic, edit: fn(&mut NetworkInterface)) -> Clinic {
    let mut interface =
        NetworkInterface { id: "eni-2".into(), groups: vec!["sg-1".into()], ..NetworkInterface::default() };
    edit(&mut interface);
    clinic.inventory.region_mut(REGION).network_interfaces.put("eni-2", interface);
    clinic
}

#[test]
fn connections_are_untracked_where_every_answer_may_go_out_to_everyone() {
    let said = |out: Vec<SecurityGroupRule>, inward: &str| {
        let mut rules = vec![rule("tcp", 8080, 8080, inward)];
        rules.extend(out);
        let clinic = behind(Clinic::new(rules).checks(&[OTHER]), |_| {});
        !lines(&clinic, "are not tracked by AWS and end at once").is_empty()
    };
    for out in [
        egress("-1", -1, -1, "0.0.0.0/0"),
        egress("tcp", 0, 65535, "0.0.0.0/0"),
        egress("6", -1, -1, "0.0.0.0/0"),
    ] {
        assert!(said(vec![out.clone()], "0.0.0.0/0"), "{}", traffic::line(&out));
    }
    for out in [
        egress("tcp", 443, 443, "0.0.0.0/0"),
        egress("udp", 0, 65535, "0.0.0.0/0"),
        egress("-1", -1, -1, "10.0.0.0/8"),
        egress("-1", -1, -1, "::/0"),
    ] {
        assert!(!said(vec![out.clone()], "0.0.0.0/0"), "{}", traffic::line(&out));
    }
    assert!(said(vec![egress("-1", -1, -1, "::/0")], "::/0"));
    assert!(!said(vec![egress("-1", -1, -1, "0.0.0.0/0")], "12.0.0.0/7"), "not everyone");
}

#[test]
fn what_aws_tracks_always_is_told_apart() {
    let rules = || vec![rule("tcp", 8080, 8080, "0.0.0.0/0"), egress("-1", -1, -1, "0.0.0.0/0")];
    let balanced = || {
        behind(Clinic::new(rules()).checks(&[OTHER]), |i| i.interface_type = "network_load_balancer".into())
    };
    assert_eq!(lines(&balanced(), "not tracked").len(), 0);
    assert_eq!(lines(&balanced(), "until they have been idle").len(), 1);
    let both = balanced().instance("running", &["sg-1"]);
    assert_eq!(lines(&both, "not tracked").len(), 1);
    assert_eq!(lines(&both, "connections through 1 of the interfaces are tracked").len(), 1);
}

#[test]
fn traffic_from_inside_the_vpc_came_in_by_a_rule_for_the_world_and_the_plan_says_so() {
    let words = "traffic from inside the VPC came in by these rules";
    let at = |rules: Vec<SecurityGroupRule>| {
        let clinic = Clinic::new(rules).checks(&[OTHER]).with(json!({ "allow": ["198.51.100.0/24"] }));
        behind(clinic, |i| i.private_ip = Some("10.1.2.3".into()))
    };
    let web = || rule("tcp", 8080, 8080, "0.0.0.0/0");
    assert_eq!(lines(&at(vec![web()]), words).len(), 1);
    assert_eq!(lines(&at(vec![web(), rule("tcp", 8080, 8080, "10.1.0.0/16")]), words).len(), 0);
    assert_eq!(lines(&at(vec![web(), rule("tcp", 8080, 8080, "10.2.0.0/16")]), words).len(), 1);
    assert_eq!(lines(&at(vec![web(), rule("tcp", 8081, 8081, "10.1.0.0/16")]), words).len(), 1);
    assert_eq!(lines(&at(vec![rule("tcp", 8080, 8080, "12.0.0.0/7")]), words).len(), 0, "public only");
    let inside = at(vec![web()]).with(json!({ "allow": ["10.1.0.0/16", "198.51.100.0/24"] }));
    assert_eq!(lines(&inside, words).len(), 0);
    let nowhere =
        behind(Clinic::new(vec![web(), rule("tcp", 8080, 8080, "10.1.0.0/16")]).checks(&[OTHER]), |_| {});
    assert_eq!(lines(&nowhere, words).len(), 0, "its address is not known, and the network may be its own");
    let unused = Clinic::new(vec![web()]).checks(&[OTHER]);
    assert_eq!(lines(&unused, words).len(), 0, "nothing is behind it");
}

#[test]
fn the_browser_connection_is_named_when_its_range_goes() {
    let words = "EC2 Instance Connect in the browser no longer reaches port 22";
    let at = |rules: Vec<SecurityGroupRule>| Clinic::new(rules).instance("running", &["sg-1"]);
    let office = || ssh("203.0.113.0/24");
    let said = lines(&at(vec![ssh("0.0.0.0/0"), office()]), words);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("com.amazonaws.us-east-1.ec2-instance-connect"), "{said:?}");
    let mut kept = at(vec![ssh("0.0.0.0/0"), office(), ssh("pl-1")]).list(&["18.206.107.24/29"]);
    let list = kept.inventory.region_mut(REGION).prefix_lists.get_mut("pl-1").unwrap();
    list.name = "com.amazonaws.us-east-1.ec2-instance-connect".into();
    assert_eq!(lines(&kept, words).len(), 0);
    let desktop = at(vec![rule("tcp", 3389, 3389, "0.0.0.0/0"), office()]);
    assert_eq!(lines(&desktop, words).len(), 0);
    assert_eq!(lines(&at(vec![ssh("::/0"), office()]), words).len(), 0, "it comes by IPv4");
}

#[test]
fn a_network_of_the_other_family_takes_no_place_and_the_plan_says_so() {
    let words = "nothing comes in the place of";
    let with = |allow: Value, sources: &[&str]| {
        let clinic = Clinic::new(sources.iter().map(|s| ssh(s)).collect());
        lines(&clinic.with(json!({ "allow": allow })), words)
    };
    let said = with(json!(["2001:db8::/32"]), &["0.0.0.0/0"]);
    assert_eq!(said, ["nothing comes in the place of 0.0.0.0/0: no IPv4 CIDR is allowed"]);
    let said = with(json!(["198.51.100.0/24"]), &["0.0.0.0/0", "::/0"]);
    assert_eq!(said, ["nothing comes in the place of ::/0: no IPv6 CIDR is allowed"]);
    assert_eq!(with(json!(["198.51.100.0/24"]), &["0.0.0.0/0"]).len(), 0);
    assert_eq!(with(json!(["198.51.100.0/24", "2001:db8::/32"]), &["0.0.0.0/0", "::/0"]).len(), 0);
    assert_eq!(with(json!([]), &["0.0.0.0/0"]).len(), 0, "that is one line for both");
}
