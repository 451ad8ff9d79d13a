//! The company's load balancers: their listeners, and the security policies of TLS that AWS has. Data only.

use super::{ACCOUNT, MAIN, OTHER, tags};
use crate::inventory::{Fact, Inventory, Listener, TlsPolicy};

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

pub(super) fn furnish(company: &mut Inventory) {
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
    // In front of the app; a redirect beside it; one that is as it should be; and one that a controller in a
    // cluster has made, and would set back.
    listener(company, "app/maps/0a1b2c3d4e5f6071/1", "HTTPS", 443, Some(OLD), &[("Team", "web")]);
    listener(company, "app/maps/0a1b2c3d4e5f6071/2", "HTTP", 80, None, &[("Team", "web")]);
    listener(company, "net/tiles/1b2c3d4e5f607182/1", "TLS", 443, Some(USUAL), &[]);
    let cluster = [("elbv2.k8s.aws/cluster", "larkspur")];
    listener(company, "app/k8s-shop/2c3d4e5f60718293/1", "HTTPS", 443, Some(OLD), &cluster);
}

fn listener(
    company: &mut Inventory,
    id: &str,
    protocol: &str,
    port: i32,
    policy: Option<&str>,
    marks: &[(&str, &str)],
) {
    let arn = |kind: &str, id: &str| format!("arn:aws:elasticloadbalancing:{MAIN}:{ACCOUNT}:{kind}/{id}");
    let (balancer, _) = id.rsplit_once('/').unwrap_or((id, ""));
    let place = company.region_mut(MAIN);
    let of_policy = policy.and_then(|name| place.tls_policies.get(name).known().map(|p| p.versions.clone()));
    let listener = Listener {
        id: arn("listener", id),
        load_balancer: arn("loadbalancer", balancer),
        protocol: protocol.to_owned(),
        port: Some(port),
        ssl_policy: policy.map(str::to_owned),
        versions: of_policy.map_or(Fact::NotRead, Fact::Known),
        tags: Fact::Known(tags(marks)),
    };
    place.listeners.put(listener.id.clone(), listener);
}
