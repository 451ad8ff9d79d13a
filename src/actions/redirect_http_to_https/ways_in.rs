//! The ways in by HTTPS, as the security groups of the load balancer leave them: nobody who comes by HTTP may
//! be sent to a port that is closed to them.

use ipnet::IpNet;

use crate::{
    actions::{Context, Refusal},
    checks::{
        ports::Transport,
        security_groups::{rules_of, traffic, world},
    },
    inventory::{Fact, Listener, LoadBalancer, SecurityGroupRule},
};

/// Checks that the port of HTTPS lets in whom the port of HTTP lets in. Returns a note where that is not
/// known.
///
/// # Errors
/// A refusal that names those who would be shut out.
pub(super) fn same(
    context: &Context<'_>,
    balancer: &LoadBalancer,
    plain: &Listener,
    to: i32,
) -> Result<Option<String>, Refusal> {
    let unknown = |why: &str| {
        Ok(Some(format!(
            "redress could not find out whether everybody who can reach {} can reach port {to} too: {why}",
            plain.words()
        )))
    };
    let ports = (plain.port.and_then(|port| u16::try_from(port).ok()), u16::try_from(to).ok());
    let (Some(from), Some(to_port)) = ports else { return unknown("the answer names no port") };
    if balancer.security_groups.is_empty() {
        return Err(Refusal::Unknown(format!(
            "listener {}: the answer names no security group of the load balancer, so that redress could not \
             find out whom port {to} lets in",
            plain.words()
        )));
    }
    let mut rules = Vec::new();
    for group in &balancer.security_groups {
        match rules_of(context.inventory, context.region, group) {
            Fact::Known(all) => rules.extend(all.into_iter().filter(|rule| !rule.is_egress)),
            silent => {
                let why = silent.silence().unwrap_or("they were not read");
                return Err(Refusal::Unknown(format!(
                    "listener {}: whether port {to} lets in whom the port of HTTP lets in: the rules of \
                     {group}: {why}",
                    plain.words()
                )));
            }
        }
    }
    let admitted = |port: u16| -> Vec<&SecurityGroupRule> {
        rules.iter().copied().filter(|rule| traffic::admits(rule, Transport::Tcp, port)).collect()
    };
    let doors = Doors::of(&admitted(to_port));
    let (mut out, mut unsure) = (Vec::new(), Vec::new());
    for rule in admitted(from) {
        match doors.admit(rule) {
            Some(true) => {}
            Some(false) => out.push(traffic::source(rule)),
            None => unsure.push(traffic::source(rule)),
        }
    }
    if !out.is_empty() {
        return Err(Refusal::Refused(format!(
            "listener {}: the security groups of the load balancer ({}) let {} in on port {from} and not \
             on port {to}: its clients would be sent to a closed port. Open it first",
            plain.words(),
            balancer.security_groups.join(", "),
            out.join(", ")
        )));
    }
    if unsure.is_empty() {
        return Ok(None);
    }
    unknown(&format!("the rules for the two ports name different kinds of sources ({})", unsure.join(", ")))
}

/// The sources that the rules for a port let in.
struct Doors<'a> {
    nets: Vec<IpNet>,
    named: Vec<&'a str>,
    /// The number of prefix lists among those that are named.
    lists: usize,
    unread: bool,
}

impl<'a> Doors<'a> {
    fn of(rules: &[&'a SecurityGroupRule]) -> Self {
        let cidrs = rules.iter().flat_map(|rule| rule.cidr_ipv4.iter().chain(&rule.cidr_ipv6));
        let parsed: Vec<Option<IpNet>> = cidrs.map(|cidr| cidr.parse().ok()).collect();
        let unread = parsed.iter().any(Option::is_none);
        let nets = IpNet::aggregate(&parsed.into_iter().flatten().collect::<Vec<_>>());
        let named = rules.iter().filter_map(|rule| named(rule)).collect();
        let lists = rules.iter().filter(|rule| rule.prefix_list_id.is_some()).count();
        Self { nets, named, lists, unread }
    }

    /// Returns whether the source of a rule is let in; `None` where the two cannot be compared: the addresses
    /// behind groups and prefix lists are not read. No group holds a public address, and no list the world
    /// (<https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html>).
    fn admit(&self, rule: &SecurityGroupRule) -> Option<bool> {
        if let Some(source) = named(rule) {
            let world = |all: &str| all.parse::<IpNet>().is_ok_and(|all| self.nets.contains(&all));
            if self.named.contains(&source) || world("0.0.0.0/0") && world("::/0") {
                return Some(true);
            }
            // Of groups, none stands for another.
            let alike = rule.referenced_group_id.is_some() && self.lists == 0;
            let is_out = self.nets.is_empty() && (self.named.is_empty() || alike);
            return (is_out && !self.unread).then_some(false);
        }
        let cidr = rule.cidr_ipv4.as_ref().or(rule.cidr_ipv6.as_ref())?;
        let net: IpNet = cidr.parse().ok()?;
        if self.nets.iter().any(|one| one.contains(&net)) {
            return Some(true);
        }
        let public = !world::is_private(&net);
        let is_out = self.named.is_empty() || world::is_wide(&net) || public && self.lists == 0;
        (is_out && !self.unread).then_some(false)
    }
}

/// Returns the group or the prefix list that is the source of a rule.
fn named(rule: &SecurityGroupRule) -> Option<&str> {
    rule.prefix_list_id.as_deref().or(rule.referenced_group_id.as_deref())
}
