//! The clients of interface endpoints, where a rule by which they came in goes. It makes rules and decides
//! nothing else.

use ipnet::IpNet;

use crate::{
    checks::{
        ports::{ENDPOINT, Transport},
        security_groups::traffic,
    },
    inventory::{Family, PrefixList, SecurityGroupRule},
};

/// Returns the rules by which the clients in the VPC keep their way to its endpoints, where a rule by which
/// they came in goes: HTTPS from each range that no other rule lets in.
pub fn kept(
    gone: &SecurityGroupRule,
    lists: &Family<PrefixList>,
    ranges: &[IpNet],
    stays: &[&SecurityGroupRule],
) -> Vec<SecurityGroupRule> {
    let mut all = Vec::new();
    for service in ENDPOINT {
        let opens =
            |rule: &SecurityGroupRule| !rule.is_egress && traffic::admits(rule, Transport::Tcp, service.port);
        let sources = |rule: &SecurityGroupRule| traffic::nets(rule, lists).known().cloned();
        if !opens(gone) {
            continue;
        }
        let from = sources(gone).unwrap_or_default();
        let came = |range: &&IpNet| from.iter().any(|net| net.contains(*range) || range.contains(net));
        let holds = |rule: &SecurityGroupRule, range: &IpNet| {
            opens(rule) && sources(rule).is_some_and(|nets| nets.iter().any(|net| net.contains(range)))
        };
        for range in ranges.iter().filter(came) {
            if stays.iter().any(|rule| holds(rule, range)) {
                continue;
            }
            let port = i32::from(service.port);
            let text = Some(range.to_string());
            let (cidr_ipv4, cidr_ipv6) = if range.addr().is_ipv4() { (text, None) } else { (None, text) };
            all.push(SecurityGroupRule {
                ip_protocol: Transport::Tcp.word().to_owned(),
                from_port: port,
                to_port: port,
                cidr_ipv4,
                cidr_ipv6,
                prefix_list_id: None,
                ..gone.clone()
            });
        }
    }
    all
}
