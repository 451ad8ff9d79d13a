//! The redirect of plain HTTP: what is sent and set back, and every reason not to.

use jiff::Timestamp;

use super::*;
use crate::{
    actions::{Action, Options, Proposal, make::sound},
    calls::Purpose,
    inventory::{
        Caller, Certificate, Fact, ForwardConfig, ForwardTo, Inventory, LoadBalancer, Region,
        SecurityGroupRule, Stickiness, Tags, Target, TargetGroup,
    },
    resource::Owner,
};

const R: &str = "us-east-1";
const NOW: &str = "2026-11-22T10:00:00Z";

fn elb(what: &str) -> String {
    format!("arn:aws:elasticloadbalancing:{R}:123456789012:{what}")
}

fn http() -> String {
    elb("listener/app/web/1/80")
}

fn https() -> String {
    elb("listener/app/web/1/443")
}

fn certificate_arn() -> String {
    format!("arn:aws:acm:{R}:123456789012:certificate/1")
}

fn forward(groups: &[(&str, i32)]) -> ListenerAction {
    let to = |(name, weight): &(&str, i32)| ForwardTo {
        target_group_arn: elb(&format!("targetgroup/{name}/1")),
        weight: Some(*weight),
    };
    ListenerAction {
        r#type: "forward".into(),
        target_group_arn: (groups.len() == 1).then(|| elb(&format!("targetgroup/{}/1", groups[0].0))),
        forward_config: Some(ForwardConfig {
            target_groups: groups.iter().map(to).collect(),
            target_group_stickiness_config: Some(Stickiness { enabled: Some(false), duration_seconds: None }),
        }),
        ..ListenerAction::default()
    }
}

fn of_type(kind: &str) -> ListenerAction {
    ListenerAction { r#type: kind.into(), ..ListenerAction::default() }
}

fn listener(id: String, protocol: &str, port: i32) -> Listener {
    Listener {
        id,
        load_balancer: elb("loadbalancer/app/web/1"),
        protocol: protocol.into(),
        port: Some(port),
        certificate: (protocol == "HTTPS").then(certificate_arn),
        default_actions: vec![forward(&[("app", 1)])],
        rules: Fact::Known(Vec::new()),
        tags: Fact::Known(Tags::new()),
        ..Listener::default()
    }
}

fn group(name: &str, states: &[&str]) -> TargetGroup {
    let target = |(n, state): (usize, &&str)| Target {
        id: format!("10.0.0.{n}"),
        state: (*state).into(),
        ..Target::default()
    };
    TargetGroup {
        id: elb(&format!("targetgroup/{name}/1")),
        name: name.into(),
        target_type: "ip".into(),
        targets: Fact::Known(states.iter().enumerate().map(target).collect()),
        ..TargetGroup::default()
    }
}

fn door(port: i32, source: &str) -> SecurityGroupRule {
    let is = |yes: bool| yes.then(|| source.to_owned());
    SecurityGroupRule {
        id: format!("sgr-{port}-{source}"),
        group_id: "sg-1".into(),
        ip_protocol: "tcp".into(),
        from_port: port,
        to_port: port,
        cidr_ipv4: is(source.contains('.')),
        cidr_ipv6: is(source.contains(':')),
        prefix_list_id: is(source.starts_with("pl-")),
        referenced_group_id: is(source.starts_with("sg-")),
        ..SecurityGroupRule::default()
    }
}

fn doors(place: &mut Region, all: &[(i32, &str)]) {
    place.security_group_rules = crate::inventory::Family::default();
    place.security_group_rules.read(&Selector::by("group-id", "sg-1"), Fact::Known(()));
    for (port, source) in all {
        let rule = door(*port, source);
        place.security_group_rules.put(rule.id.clone(), rule);
    }
}

/// Builds an account in which a redirect has everything that it needs, but for one thing.
fn but(change: impl FnOnce(&mut Region)) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut it = Inventory::empty(owner, Caller::default(), NOW.parse().unwrap());
    let place = it.region_mut(R);
    for one in [listener(http(), "HTTP", 80), listener(https(), "HTTPS", 443)] {
        place.listeners.put(one.id.clone(), one);
    }
    place.listeners.read(&Selector::by(OF_BALANCER, elb("loadbalancer/app/web/1")), Fact::Known(()));
    let balancer = LoadBalancer {
        id: elb("loadbalancer/app/web/1"),
        security_groups: vec!["sg-1".into()],
        ..LoadBalancer::default()
    };
    place.load_balancers.put(balancer.id.clone(), balancer);
    for one in [group("app", &["unhealthy", "healthy"]), group("other", &["healthy"])] {
        place.target_groups.put(one.id.clone(), one);
    }
    place.target_groups.read(&Selector::All, Fact::Known(()));
    let certificate = Certificate {
        id: certificate_arn(),
        status: "ISSUED".into(),
        not_before: Some("2026-11-01T00:00:00Z".parse().unwrap()),
        not_after: Some("2027-05-01T00:00:00Z".parse().unwrap()),
        names: vec!["web.example".into()],
    };
    place.certificates.put(certificate.id.clone(), certificate);
    doors(place, &[(80, "0.0.0.0/0"), (443, "0.0.0.0/0")]);
    change(place);
    it
}

fn propose(it: &Inventory) -> Result<Proposal, Refusal> {
    let context = Context { inventory: it, region: R, checks: &[], options: &Options::default() };
    let with = REDIRECT_HTTP_TO_HTTPS.decode(toml::de::Deserializer::parse("").unwrap()).unwrap();
    REDIRECT_HTTP_TO_HTTPS.propose(&context, &ResourceId::try_from(http()).unwrap(), &with)
}

fn plain(place: &mut Region) -> &mut Listener {
    place.listeners.get_mut(&http()).unwrap()
}

fn secure(place: &mut Region) -> &mut Listener {
    place.listeners.get_mut(&https()).unwrap()
}

fn certificate(place: &mut Region) -> &mut Certificate {
    place.certificates.get_mut(&certificate_arn()).unwrap()
}

fn targets(place: &mut Region) -> &mut TargetGroup {
    place.target_groups.get_mut(&elb("targetgroup/app/1")).unwrap()
}

#[track_caller]
fn refused(part: &str, change: impl FnOnce(&mut Region)) {
    match propose(&but(change)) {
        Err(Refusal::Refused(why)) => assert!(why.contains(part), "{why}"),
        other => panic!("{part}: {other:?}"),
    }
}

#[track_caller]
fn unknown(part: &str, change: impl FnOnce(&mut Region)) {
    match propose(&but(change)) {
        Err(Refusal::Unknown(why)) => assert!(why.contains(part), "{why}"),
        other => panic!("{part}: {other:?}"),
    }
}

#[track_caller]
fn proposed(change: impl FnOnce(&mut Region)) -> Proposal {
    propose(&but(change)).unwrap()
}

#[test]
fn plain_http_is_redirected_and_forwarded_again() {
    let proposal = proposed(|_| {});
    sound::steps(&proposal.steps);
    let set = &proposal.steps[0].act.call;
    let to = json!([{ "Type": "redirect", "RedirectConfig": { "Protocol": "HTTPS", "Port": "443",
        "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}", "StatusCode": "HTTP_301" } }]);
    assert_eq!(set.input, json!({ "ListenerArn": http(), "DefaultActions": to }));
    assert_eq!(sound::going_back(&proposal.steps, &["set"], Purpose::Undo), ["ModifyListener set"]);
    assert_eq!(proposal.risk, Risk::Disruptive);
    assert_eq!(
        (proposal.before, proposal.after),
        (json!({ "default_actions": [forward(&[("app", 1)])] }), json!({ "default_actions": to }))
    );
    assert!(proposal.impact.iter().any(|line| line.contains("POST as a GET")), "{:?}", proposal.impact);
    assert!(proposal.impact.iter().any(|line| line.contains("web.example")), "{:?}", proposal.impact);
}

#[test]
fn what_it_needs_is_found_from_the_arn_and_then_from_facts() {
    let it = but(|_| {});
    let context = Context { inventory: &it, region: R, checks: &[], options: &Options::default() };
    let target = ResourceId::try_from(http()).unwrap();
    let wants: Vec<String> =
        REDIRECT_HTTP_TO_HTTPS.needs(&context, &target, &json!(null)).iter().map(Want::to_string).collect();
    let balancer = elb("loadbalancer/app/web/1");
    assert_eq!(
        wants,
        [
            format!("{R}/listeners/{}", http()),
            format!("{R}/listeners/load-balancer-arn={balancer}"),
            format!("{R}/load-balancers/{balancer}"),
            format!("{R}/target-groups/*"),
            format!("{R}/certificates/{}", certificate_arn()),
            format!("{R}/security-group-rules/group-id=sg-1"),
        ]
    );
}

#[test]
fn a_former_action_comes_back_as_it_was() {
    let mut split = forward(&[("app", 90), ("other", 10)]);
    split.order = Some(1);
    split.forward_config.as_mut().unwrap().target_group_stickiness_config =
        Some(Stickiness { enabled: Some(true), duration_seconds: Some(3600) });
    let action = split.clone();
    let proposal = proposed(|place| {
        plain(place).default_actions = vec![split.clone()];
        secure(place).default_actions = vec![forward(&[("app", 1), ("other", 1)])];
    });
    assert_eq!(proposal.before, json!({ "default_actions": [action] }));
    let other = proposal.impact.iter().any(|line| line.contains("other weights or another stickiness"));
    assert!(other, "{:?}", proposal.impact);
}

#[test]
fn an_action_that_is_there_for_a_reason_stays() {
    for kind in ["fixed-response", "redirect"] {
        let mut action = of_type(kind);
        action.redirect_config = (kind == "redirect").then(RedirectConfig::default);
        refused("listener web:80 ", |place| plain(place).default_actions = vec![action]);
    }
    refused("does authenticate-oidc, then forward by default", |place| {
        plain(place).default_actions = vec![of_type("authenticate-oidc"), forward(&[("app", 1)])];
    });
    refused("JwtValidationConfig", |place| plain(place).more_in_actions = vec!["JwtValidationConfig".into()]);
    unknown("teleport", |place| plain(place).default_actions = vec![of_type("teleport")]);
    unknown("its default action", |place| plain(place).default_actions = Vec::new());
    refused("its clients would get something else", |place| {
        plain(place).default_actions = vec![forward(&[("other", 1)])];
    });
    refused("its clients would get something else", |place| {
        plain(place).default_actions = vec![forward(&[("app", 1), ("other", 1)])];
    });
    refused("no target group that gets requests", |place| {
        plain(place).default_actions = vec![forward(&[("app", 0)])];
    });
    proposed(|place| plain(place).default_actions = vec![forward(&[("app", 1), ("other", 0)])]);
    let redirects = but(|place| plain(place).default_actions = vec![redirect(443)]);
    assert!(matches!(propose(&redirects), Err(Refusal::Nothing(_))));
    for (protocol, kind) in [("HTTPS", "app"), ("TCP", "app"), ("HTTP", "net")] {
        let it = but(|place| {
            plain(place).protocol = protocol.into();
            plain(place).load_balancer = elb(&format!("loadbalancer/{kind}/web/1"));
        });
        assert!(matches!(propose(&it), Err(Refusal::Nothing(_))), "{protocol} {kind}");
    }
}

#[test]
fn rules_are_never_changed() {
    let rule = |action: ListenerAction| ListenerRule {
        priority: "10".into(),
        conditions: vec!["path-pattern /.well-known/acme-challenge/*".into()],
        actions: vec![action],
        ..ListenerRule::default()
    };
    refused("rule 10 (path-pattern /.well-known/acme-challenge/*: forward)", |place| {
        plain(place).rules = Fact::Known(vec![rule(redirect(443)), rule(forward(&[("app", 1)]))]);
    });
    proposed(|place| plain(place).rules = Fact::Known(vec![rule(redirect(443))]));
    unknown("teleport", |place| plain(place).rules = Fact::Known(vec![rule(of_type("teleport"))]));
    unknown("AccessDenied", |place| plain(place).rules = Fact::unknown("AccessDenied"));
    // Those of HTTPS count for the requests from then on.
    unknown("AccessDenied", |place| secure(place).rules = Fact::unknown("AccessDenied"));
    let proposal = proposed(|place| secure(place).rules = Fact::Known(vec![rule(of_type("fixed-response"))]));
    let named = proposal.impact.iter().any(|line| line.contains("acme-challenge/*: fixed-response"));
    assert!(named, "{:?}", proposal.impact);
}

#[test]
fn a_redirect_leads_to_https_that_works() {
    refused("no listener of HTTPS", |place| drop(place.listeners.items.insert(https(), Fact::Absent)));
    unknown("the listeners beside web:80", |place| {
        let by = Selector::by(OF_BALANCER, elb("loadbalancer/app/web/1"));
        place.listeners.read(&by, Fact::unknown("AccessDenied"));
    });
    for mode in ["verify", "passthrough", "perhaps"] {
        refused(mode, |place| secure(place).mutual_authentication = Some(mode.into()));
    }
    proposed(|place| secure(place).mutual_authentication = Some("off".into()));
    refused("something else", |place| {
        secure(place).default_actions = vec![of_type("authenticate-oidc"), forward(&[("app", 1)])];
    });
    for status in ["PENDING_VALIDATION", "EXPIRED", "REVOKED", "RENEWED", ""] {
        refused("clients would get an error", |place| certificate(place).status = status.into());
    }
    let at = |time: &str| Some(time.parse::<Timestamp>().unwrap());
    refused("was valid until", |place| certificate(place).not_after = at(NOW));
    refused("is not valid before", |place| certificate(place).not_before = at("2026-11-23T00:00:00Z"));
    unknown("until when", |place| certificate(place).not_after = None);
    unknown("AccessDenied", |place| {
        place.certificates.items.insert(certificate_arn(), Fact::unknown("AccessDenied"));
    });
    unknown("names no default certificate", |place| secure(place).certificate = None);
    unknown("Certificate Manager does not", |place| {
        secure(place).certificate = Some("arn:aws:iam::123456789012:server-certificate/c".into());
    });
}

#[test]
fn where_there_are_several_listeners_of_https_the_usual_one_is_taken() {
    let also = |place: &mut Region, port: i32| {
        let one = listener(elb(&format!("listener/app/web/1/{port}")), "HTTPS", port);
        place.listeners.put(one.id.clone(), one);
    };
    let to = |proposal: &Proposal| proposal.after["default_actions"][0]["RedirectConfig"]["Port"].clone();
    assert_eq!(to(&proposed(|place| also(place, 8443))), json!("443"));
    let other = proposed(|place| {
        also(place, 8443);
        doors(place, &[(80, "0.0.0.0/0"), (8443, "0.0.0.0/0")]);
        secure(place).default_actions = vec![forward(&[("other", 1)])];
    });
    assert_eq!(to(&other), json!("8443"), "the one with the same targets");
    refused("several listeners of HTTPS", |place| {
        also(place, 8443);
        secure(place).port = Some(9443);
    });
}

#[test]
fn health_that_is_not_known_is_no_health() {
    let state = |state: &'static str| move |place: &mut Region| *targets(place) = group("app", &[state]);
    for word in ["unhealthy", "initial", "unused", "draining", "unavailable", "splendid"] {
        refused(word, state(word));
    }
    refused("it has none", |place| *targets(place) = group("app", &[]));
    unknown("whether app has a target that is healthy", |place| targets(place).targets = Fact::NotRead);
    unknown("AccessDenied", |place| targets(place).targets = Fact::unknown("AccessDenied"));
    refused("has no target that is healthy", |place| {
        for one in [http(), https()] {
            place.listeners.get_mut(&one).unwrap().default_actions =
                vec![forward(&[("app", 1), ("other", 1)])];
        }
        place.target_groups.put(elb("targetgroup/other/1"), group("other", &["unhealthy"]));
    });
}

#[test]
fn clients_of_another_load_balancer_are_not_sent_anywhere() {
    let front = |id: String| TargetGroup { target_type: "alb".into(), ..group(&id, &["healthy"]) };
    refused("the target group front", |place| {
        let mut one = front("front".into());
        one.targets = Fact::Known(vec![Target { id: elb("loadbalancer/app/web/1"), ..Target::default() }]);
        place.target_groups.put(one.id.clone(), one);
    });
    unknown("AccessDenied", |place| {
        let one = TargetGroup { targets: Fact::unknown("AccessDenied"), ..front("front".into()) };
        place.target_groups.put(one.id.clone(), one);
    });
    proposed(|place| {
        let mut one = front("front".into());
        one.targets = Fact::Known(vec![Target { id: elb("loadbalancer/app/api/1"), ..Target::default() }]);
        place.target_groups.put(one.id.clone(), one);
    });
}

#[test]
fn nobody_is_sent_to_a_closed_port() {
    let note =
        |proposal: &Proposal| proposal.impact.iter().find(|l| l.contains("could not find out")).cloned();
    for (all, who) in [
        (&[(80, "0.0.0.0/0")][..], "0.0.0.0/0"),
        (&[(80, "0.0.0.0/0"), (443, "10.0.0.0/8")], "0.0.0.0/0"),
        (&[(80, "::/0"), (443, "0.0.0.0/0")], "::/0"),
        (&[(80, "sg-2")], "sg-2"),
        (&[(80, "pl-1")], "pl-1"),
    ] {
        refused(&format!("let {who} in on port 80 and not on port 443"), |place| doors(place, all));
    }
    for all in [
        &[(443, "0.0.0.0/0")][..],
        &[(80, "10.0.0.0/8"), (443, "0.0.0.0/0")],
        &[(80, "10.0.0.0/8"), (443, "10.0.0.0/9"), (443, "10.128.0.0/9")],
        &[(80, "sg-2"), (443, "sg-2")],
        &[(80, "pl-1"), (443, "0.0.0.0/0"), (443, "::/0")],
    ] {
        assert_eq!(note(&proposed(|place| doors(place, all))), None, "{all:?}");
    }
    for all in [
        &[(80, "sg-2"), (443, "10.0.0.0/8")][..],
        &[(80, "pl-1"), (443, "pl-2")],
        &[(80, "10.0.0.0/8"), (443, "pl-1")],
    ] {
        assert!(note(&proposed(|place| doors(place, all))).is_some(), "{all:?}");
    }
    for all in [
        &[(80, "0.0.0.0/0"), (443, "sg-1")][..],
        &[(80, "0.0.0.0/0"), (443, "10.0.0.0/8"), (443, "sg-1")],
        &[(80, "0.0.0.0/0"), (443, "pl-1")],
        &[(80, "198.51.100.0/24"), (443, "sg-1")],
        &[(80, "sg-1"), (80, "sg-2"), (443, "sg-1")],
    ] {
        refused("Open it first", |place| doors(place, all));
    }
    unknown("the rules of sg-1: AccessDenied", |place| {
        let by = Selector::by("group-id", "sg-1");
        place.security_group_rules.read(&by, Fact::unknown("AccessDenied"));
    });
    unknown("no security group", |place| {
        place.load_balancers.get_mut(&elb("loadbalancer/app/web/1")).unwrap().security_groups.clear();
    });
    unknown("AccessDenied", |place| {
        place.load_balancers.items.insert(elb("loadbalancer/app/web/1"), Fact::unknown("AccessDenied"));
    });
}

#[test]
fn a_load_balancer_that_a_controller_manages_is_left_alone() {
    refused("AWS Load Balancer Controller", |place| {
        plain(place).tags = Fact::Known([("elbv2.k8s.aws/cluster".to_owned(), "blue".to_owned())].into());
    });
    unknown("the tags of listener web:80", |place| plain(place).tags = Fact::unknown("AccessDenied"));
}
