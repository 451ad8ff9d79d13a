//! The company's load balancers: their listeners, where these send requests, and the security policies of TLS
//! that AWS has. Data only.

use jiff::Timestamp;

use super::{
    ACCOUNT, MAIN, OTHER, hours_before, id,
    network::{VPC_MAIN, sg},
    tags,
};
use crate::inventory::{
    Certificate, Fact, ForwardConfig, ForwardTo, Inventory, Listener, ListenerAction, LoadBalancer,
    RedirectConfig, Stickiness, Target, TargetGroup, TlsPolicy, WebAcl, WebAclAssociation, WebAclRule,
};

/// Ciphers with forward secrecy of TLS 1.2, which every policy here allows.
const SECRET: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
];
/// Ciphers of TLS 1.3.
const NEWEST: &[&str] = &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
/// Ciphers that the older policies allow besides.
const OLDER: &[&str] = &[
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES128-SHA256",
    "AES128-SHA",
    "AES256-GCM-SHA384",
    "AES256-SHA256",
    "AES256-SHA",
];

/// A policy: its name, its versions of TLS, and groups of its ciphers.
type Policy = (&'static str, &'static [&'static str], &'static [&'static [&'static str]]);

/// Policies that AWS has
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>).
const POLICIES: &[Policy] = &[
    (OLD, &["TLSv1.2", "TLSv1.1", "TLSv1"], &[SECRET, OLDER]),
    (USUAL, &["TLSv1.3", "TLSv1.2"], &[NEWEST, SECRET]),
    ("ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", &["TLSv1.3", "TLSv1.2"], &[NEWEST, SECRET]),
    ("ELBSecurityPolicy-TLS13-1-3-2021-06", &["TLSv1.3"], &[NEWEST]),
];
const OLD: &str = "ELBSecurityPolicy-2016-08";
const USUAL: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

pub(super) fn furnish(company: &mut Inventory, now: Timestamp) {
    for region in [MAIN, OTHER] {
        for (name, versions, ciphers) in POLICIES {
            let all = |of: &[&str]| of.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
            let policy = TlsPolicy {
                id: (*name).to_owned(),
                versions: all(versions),
                ciphers: ciphers.iter().flat_map(|some| all(some)).collect(),
                load_balancer_types: all(&["application", "network"]),
            };
            company.region_mut(region).tls_policies.put(policy.id.clone(), policy);
        }
    }
    let certificate = Certificate {
        id: arn("acm", "certificate/5f0c8a52-3b1d-4c8e-9a76-2f1e6d7c8b90"),
        status: "ISSUED".to_owned(),
        not_before: hours_before(now, 24 * 40),
        not_after: hours_before(now, -24 * 160),
        names: vec!["*.larkspur-maps.example".to_owned(), "larkspur-maps.example".to_owned()],
    };
    company.region_mut(MAIN).certificates.put(certificate.id.clone(), certificate);
    for (balancer, group) in [(GUIDE, "guide"), (TILES, "tiles"), (SHOP, "k8s-shop"), (INTRANET, "intranet")]
    {
        target_group(company, balancer, group);
    }
    for id in [MAPS, GUIDE, TILES, SHOP, INTRANET] {
        balancer(company, id);
    }
    listeners(company);
    web_acl(company);
}

/// Adds the web ACL of the company, which the load balancer of the app has. The others of the internet have
/// none: the guide's, and the cluster's, which its controller would set back.
fn web_acl(company: &mut Inventory) {
    let rule = |name: &str, action: Option<&str>, over: Option<&str>| WebAclRule {
        name: name.to_owned(),
        action: action.map(str::to_owned),
        override_action: over.map(str::to_owned),
    };
    let acl = WebAcl {
        id: arn("wafv2", "regional/webacl/larkspur-edge/6f1d2c3b-4a59-4e68-8f70-1b2c3d4e5f60"),
        name: "larkspur-edge".to_owned(),
        default_action: "Allow".to_owned(),
        rules: vec![
            rule("floods", Some("Block"), None),
            rule("AWS-AWSManagedRulesCommonRuleSet", None, Some("None")),
            rule("unusual-countries", Some("Count"), None),
        ],
        ..WebAcl::default()
    };
    let place = company.region_mut(MAIN);
    for which in [MAPS, GUIDE, SHOP, INTRANET] {
        let id = balancing(&format!("loadbalancer/{which}"));
        let marks: &[(&str, &str)] = match which {
            SHOP => &[("elbv2.k8s.aws/cluster", "larkspur")],
            INTRANET => &[],
            _ => &[("Team", "web")],
        };
        let association = WebAclAssociation {
            id: id.clone(),
            scheme: scheme(which),
            state: "active".to_owned(),
            web_acl: (which == MAPS).then(|| acl.id.clone()),
            tags: Fact::Known(tags(marks)),
        };
        place.web_acl_associations.put(id, association);
    }
    place.web_acls.put(acl.id.clone(), acl);
}

fn scheme(which: &str) -> String {
    if which == INTRANET { "internal" } else { "internet-facing" }.to_owned()
}

/// The load balancer of the app.
const MAPS: &str = "app/maps/0a1b2c3d4e5f6071";
/// One that answers plain HTTP although it has HTTPS.
const GUIDE: &str = "app/guide/3d4e5f6071829304";
/// One for TCP.
const TILES: &str = "net/tiles/1b2c3d4e5f607182";
/// One that a controller in a cluster has made.
const SHOP: &str = "app/k8s-shop/2c3d4e5f60718293";
/// An internal one without HTTPS.
const INTRANET: &str = "app/intranet/4e5f607182930415";

/// Adds the listeners. In front of the app: an old policy, and a redirect beside it. One load balancer with
/// everything that a redirect needs, one for TCP that is as it should be, one that a controller in a cluster
/// has made and would set back, and one without HTTPS.
fn listeners(company: &mut Inventory) {
    let web = [("Team", "web")];
    listener(company, MAPS, "1", ("HTTPS", 443), Some(OLD), forward("maps"), &web);
    listener(company, MAPS, "2", ("HTTP", 80), None, redirect(), &web);
    listener(company, TILES, "1", ("TLS", 443), Some(USUAL), forward("tiles"), &[]);
    let cluster = [("elbv2.k8s.aws/cluster", "larkspur")];
    listener(company, SHOP, "1", ("HTTPS", 443), Some(OLD), forward("k8s-shop"), &cluster);
    listener(company, GUIDE, "1", ("HTTPS", 443), Some(USUAL), forward("guide"), &web);
    listener(company, GUIDE, "2", ("HTTP", 80), None, forward("guide"), &web);
    listener(company, INTRANET, "1", ("HTTP", 80), None, forward("intranet"), &[]);
}

fn arn(service: &str, what: &str) -> String {
    format!("arn:aws:{service}:{MAIN}:{ACCOUNT}:{what}")
}

fn balancing(what: &str) -> String {
    arn("elasticloadbalancing", what)
}

/// Returns the ARN of a target group.
fn group(name: &str) -> String {
    balancing(&format!("targetgroup/{name}/0123456789abcdef"))
}

/// Builds the action that forwards to one group, as AWS shows it.
fn forward(name: &str) -> ListenerAction {
    let to = ForwardTo { target_group_arn: group(name), weight: Some(1) };
    let sticks = Stickiness { enabled: Some(false), duration_seconds: None };
    ListenerAction {
        r#type: "forward".to_owned(),
        target_group_arn: Some(group(name)),
        forward_config: Some(ForwardConfig {
            target_groups: vec![to],
            target_group_stickiness_config: Some(sticks),
        }),
        ..ListenerAction::default()
    }
}

fn redirect() -> ListenerAction {
    let text = |text: &str| Some(text.to_owned());
    ListenerAction {
        r#type: "redirect".to_owned(),
        redirect_config: Some(RedirectConfig {
            protocol: text("HTTPS"),
            port: text("443"),
            host: text("#{host}"),
            path: text("/#{path}"),
            query: text("#{query}"),
            status_code: "HTTP_301".to_owned(),
        }),
        ..ListenerAction::default()
    }
}

/// Adds a group of two machines that are not in this account, known by their addresses.
fn target_group(company: &mut Inventory, balancer: &str, name: &str) {
    let target = |address: &str| Target {
        id: address.to_owned(),
        port: Some(8080),
        availability_zone: Some("all".to_owned()),
        state: "healthy".to_owned(),
        reason: None,
    };
    let group = TargetGroup {
        id: group(name),
        name: name.to_owned(),
        target_type: "ip".to_owned(),
        vpc_id: id("vpc", VPC_MAIN),
        load_balancers: vec![balancing(&format!("loadbalancer/{balancer}"))],
        targets: Fact::Known(vec![target("192.168.7.10"), target("192.168.7.11")]),
    };
    company.region_mut(MAIN).target_groups.put(group.id.clone(), group);
}

fn balancer(company: &mut Inventory, which: &str) {
    let balancer = LoadBalancer {
        id: balancing(&format!("loadbalancer/{which}")),
        name: which.split('/').nth(1).unwrap_or_default().to_owned(),
        scheme: scheme(which),
        vpc_id: id("vpc", VPC_MAIN),
        subnets: vec![id("subnet", if which == INTRANET { 1 } else { 2 })],
        security_groups: vec![id("sg", if which == INTRANET { sg::INSIDE } else { sg::WEB })],
    };
    company.region_mut(MAIN).load_balancers.put(balancer.id.clone(), balancer);
}

fn listener(
    company: &mut Inventory,
    balancer: &str,
    n: &str,
    (protocol, port): (&str, i32),
    policy: Option<&str>,
    action: ListenerAction,
    marks: &[(&str, &str)],
) {
    let place = company.region_mut(MAIN);
    let of_policy = policy.and_then(|name| place.tls_policies.get(name).known().map(|p| p.versions.clone()));
    let certificate = arn("acm", "certificate/5f0c8a52-3b1d-4c8e-9a76-2f1e6d7c8b90");
    let listener = Listener {
        id: balancing(&format!("listener/{balancer}/{n}")),
        load_balancer: balancing(&format!("loadbalancer/{balancer}")),
        protocol: protocol.to_owned(),
        port: Some(port),
        ssl_policy: policy.map(str::to_owned),
        versions: of_policy.map_or(Fact::NotRead, Fact::Known),
        certificate: policy.map(|_| certificate),
        mutual_authentication: (protocol == "HTTPS").then(|| "off".to_owned()),
        default_actions: vec![action],
        more_in_actions: Vec::new(),
        rules: if balancer == TILES { Fact::NotRead } else { Fact::Known(Vec::new()) },
        tags: Fact::Known(tags(marks)),
    };
    place.listeners.put(listener.id.clone(), listener);
}
