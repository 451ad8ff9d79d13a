//! `restrict-network-acl`: a network ACL denies the world a port, below the entry that opens it. It must
//! never touch an entry that somebody has made, nor cut the networks that are named.

mod edit;

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    acl_entries::{self, LIMITS, OVER, Placed, subnets},
    allowed::{self, Allowed},
    concern::{self, Concern},
    support,
};
use crate::{
    calls::Risk,
    checks::network_acls::{
        OPEN_ADMIN_PORT, OPEN_REMOTE_DESKTOP, PORTS,
        ways::{Decided, Family, decided, let_in, lets_in},
    },
    evidence::{At, Closing, Stays, Traffic, Way},
    inventory::{AclEntry, FamilyKind, Inventory, NetworkAcl, Vpc, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        network_acl::{CreateNetworkAclEntry, DeleteNetworkAclEntry},
    },
};
use edit::Edit;

/// The action `restrict-network-acl`.
pub struct RestrictNetworkAcl;

/// The name of the lock-out guard.
const LOCK_OUT: &str = "lock-out";
/// The number of networks that the impact names.
const MOST_NAMED: usize = 8;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The networks that keep their way in, beside the VPC's own.
    #[serde(deserialize_with = "allowed::together")]
    pub allow: Vec<Allowed>,
    /// Ports at which replies may come back are closed too.
    pub ephemeral: bool,
    /// The number of entries of a direction.
    #[serde(deserialize_with = "acl_entries::limit")]
    pub entry_limit: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self { allow: Vec::new(), ephemeral: false, entry_limit: *LIMITS.start() }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "allow",
        kind: "list of CIDRs",
        default: "[]",
        doc: "Which networks keep their way in, beside the ranges of the VPC itself. A network that does not \
              come in today is not let in.",
    },
    Parameter {
        name: "ephemeral",
        kind: "true or false",
        default: "false",
        doc: "Whether ports from 1024 on, at which replies come back to NAT gateways, load balancers and \
              functions, are closed, too. Without it, findings about port 3389 are refused.",
    },
    Parameter {
        name: "entry_limit",
        kind: "number, 20 to 40",
        default: "20",
        doc: "How many inbound entries the quota of the account allows, AWS's own counted.",
    },
];

impl Action for RestrictNetworkAcl {
    fn name(&self) -> &'static str {
        "restrict-network-acl"
    }
    fn title(&self) -> &'static str {
        "Denies the world an administration port, below the entry of a network ACL that opens it"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[OPEN_ADMIN_PORT, OPEN_REMOTE_DESKTOP]
    }
    fn declines(&self, _: &Inventory, check: &str, _: &ResourceId, with: &Value) -> Result<(), Refusal> {
        let open = support::params::<Params>(with).is_ok_and(|params| !params.ephemeral);
        if check != OPEN_REMOTE_DESKTOP || !open {
            return Ok(());
        }
        Err(Refusal::Refused(
            "port 3389 lies among those at which replies come back (1024 to 65535), and a network ACL knows \
             no connections: closing it cuts some replies to NAT gateways, load balancers and functions of \
             these subnets. Close it in security groups, or set restrict-network-acl.ephemeral=true"
                .to_owned(),
        ))
    }
    fn target(&self) -> Kind {
        Kind::NetworkAcl
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const { &[Around::named(FamilyKind::NetworkAcls), Around::found(FamilyKind::Vpcs)] }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        acl_entries::needs(context, target.id())
    }
    fn closes(
        &self,
        context: &Context<'_>,
        target: &ResourceId,
        with: &Value,
    ) -> Result<Vec<Closing>, Refusal> {
        let params: Params = support::params(with)?;
        let known = support::region(context.inventory, context.region)?;
        let acl =
            support::need(known.network_acls.get(target.id()), &format!("network ACL {}", target.id()))?;
        let vpc = support::need(known.vpcs.get(&acl.vpc_id), &format!("VPC {}", acl.vpc_id))?;
        let ports: Vec<u16> = asked(context).map(|(_, port)| port).collect();
        let edit = edit::edit(acl, &ports, &networks(vpc, &params)?)?;
        ports.iter().map(|port| closing(acl, &edit, *port)).collect()
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<CreateNetworkAclEntry as Operation>::SPEC, <DeleteNetworkAclEntry as Operation>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::NetworkAcls, Concern::these(&["inbound"]))] }
    }
    fn quotas(&self, _: &Inventory, _: &str, with: &Value) -> Vec<(&'static str, usize)> {
        support::params::<Params>(with).map(|params| (OVER, params.entry_limit)).into_iter().collect()
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (region, id) = (context.region, target.id());
        let known = support::region(context.inventory, region)?;
        let acl = support::need(known.network_acls.get(id), &format!("network ACL {id}"))?;
        let owner_guard = acl_entries::owner(context, acl)?;
        if acl.is_default {
            return Err(Refusal::Refused(format!(
                "{id} is the default network ACL of {}: every subnet without one of its own has it, and \
                 every new one will. Give these subnets an ACL of their own",
                acl.vpc_id
            )));
        }
        let vpc = support::need(known.vpcs.get(&acl.vpc_id), &format!("VPC {}", acl.vpc_id))?;
        let ports: Vec<u16> = asked(context).map(|(_, port)| port).collect();
        let edit = edit::edit(acl, &ports, &networks(vpc, &params)?)?;
        if edit.new.is_empty() {
            return Err(Refusal::Nothing(format!("{id} lets the world reach none of these ports")));
        }
        acl_entries::fits(acl, false, edit.new.len(), params.entry_limit, "allow fewer networks")?;
        let guards = vec![owner_guard, reaches(context, acl, &edit, &ports)?];
        Ok(Proposal {
            summary: format!("deny the world {} in {id} of {}", listed(&ports), subnets(acl)),
            steps: edit.new.iter().map(|new| acl_entries::add(region, id, new)).collect(),
            risk: Risk::Disruptive,
            impact: impact(acl, &edit, &ports)?,
            before: lines(acl, &[]),
            after: lines(acl, &edit.new),
            proof: proofs(context, target),
            not_restored: Vec::new(),
            guards,
            touches: vec![Want::id(region, FamilyKind::NetworkAcls, id)],
            prerequisites: Vec::new(),
        })
    }
}

/// Returns the networks that keep their way in: the VPC's own, and those that are named.
fn networks(vpc: &Vpc, params: &Params) -> Result<Vec<IpNet>, Refusal> {
    support::vpc_ranges(vpc).chain(params.allow.iter().map(|net| Ok(net.0))).collect()
}

/// Asks whether the operator's own address keeps its way in.
fn reaches(
    context: &Context<'_>,
    acl: &NetworkAcl,
    edit: &Edit,
    ports: &[u16],
) -> Result<GuardNote, Refusal> {
    let Some((address, source)) = &context.options.my_address else {
        return Ok(GuardNote::not_checked(
            LOCK_OUT,
            "the operator's address is not known (give --my-address)",
        ));
    };
    if !is_cut(acl, edit, ports, *address)? {
        return Ok(GuardNote::passed(LOCK_OUT, format!("{address} ({source}) loses no way in")));
    }
    if context.options.allow_lockout {
        return Ok(GuardNote::loosened(
            LOCK_OUT,
            format!("{address} ({source}) is cut; --allow-lockout was given"),
        ));
    }
    Err(Refusal::Refused(format!(
        "your own address {address} ({source}) would be cut from {} of {}: allow its network with \
         --allow-cidr, or give --allow-lockout",
        listed(ports),
        subnets(acl)
    )))
}

fn is_cut(acl: &NetworkAcl, edit: &Edit, ports: &[u16], address: IpAddr) -> Result<bool, Refusal> {
    let family = if address.is_ipv4() { Family::V4 } else { Family::V6 };
    let after = after(acl, &edit.new);
    for &port in ports {
        let comes_in = |entries| Ok(lets_in(&ways(acl, entries, port, family)?, address));
        if comes_in(&acl.inbound)? && !comes_in(&after)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the inbound entries as they are with the new ones.
fn after(acl: &NetworkAcl, new: &[Placed]) -> BTreeMap<i32, AclEntry> {
    let mut all = acl.inbound.clone();
    all.extend(new.iter().map(|new| (new.number, new.entry.clone())));
    all
}

fn ways(
    acl: &NetworkAcl,
    entries: &BTreeMap<i32, AclEntry>,
    port: u16,
    family: Family,
) -> Result<Vec<Decided>, Refusal> {
    decided(entries, port, family).map_err(|why| Refusal::Unknown(format!("{}: {why}", acl.id)))
}

fn impact(acl: &NetworkAcl, edit: &Edit, ports: &[u16]) -> Result<Vec<String>, Refusal> {
    let entries = after(acl, &edit.new);
    let mut all = Vec::new();
    for &port in ports {
        let mut left = Vec::new();
        for family in Family::ALL {
            left.extend(let_in(&ways(acl, &entries, port, family)?, family));
        }
        all.push(match left.len() {
            0 => format!("nobody outside of these subnets reaches port {port} any more"),
            _ => {
                format!("from outside of these subnets, port {port} is reached from {} only", some_of(&left))
            }
        });
    }
    all.push(
        "that cuts peered VPCs, networks behind a VPN or Direct Connect, and clients whose address a Network \
         Load Balancer keeps, where they are not among these"
            .to_owned(),
    );
    all.push("connections that stand are cut at once: a network ACL knows no connections".to_owned());
    all.extend(ports.iter().filter(|port| **port >= 1024).map(|port| {
        format!(
            "replies that come back at port {port} are cut: of the connections of a NAT gateway, a load \
             balancer or a function in these subnets, about one in 64,000"
        )
    }));
    Ok(all)
}

/// Returns the traffic to a port that the new entries close.
fn closing(acl: &NetworkAcl, edit: &Edit, port: u16) -> Result<Closing, Refusal> {
    const TCP: u8 = 6;
    let traffic = Traffic { protocol: Some(TCP), ports: Some((port, port)) };
    let after = after(acl, &edit.new);
    let (mut before, mut left) = (Vec::new(), Vec::new());
    for family in Family::ALL {
        before.extend(let_in(&ways(acl, &acl.inbound, port, family)?, family));
        left.extend(let_in(&ways(acl, &after, port, family)?, family));
    }
    Ok(Closing {
        closes: format!("tcp {port} at {}", acl.id),
        way: Way::In,
        traffic,
        peers: before,
        stays: vec![Stays { traffic, peers: left }],
        stateful: false,
        at: At::Subnets {
            vpc: acl.vpc_id.clone(),
            named: acl.subnets.iter().cloned().collect(),
            others_but: None,
        },
    })
}

/// Lists networks, up to a number.
fn some_of(nets: &[IpNet]) -> String {
    let named: Vec<String> = nets.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    let more = nets.len().saturating_sub(MOST_NAMED);
    format!("{}{}", named.join(", "), if more > 0 { format!(" and {more} more") } else { String::new() })
}

/// Returns the checks whose findings are to be answered, with their ports.
fn asked(context: &Context<'_>) -> impl Iterator<Item = (&'static str, u16)> {
    PORTS.iter().copied().filter(|(check, _)| context.checks.iter().any(|asked| asked == check))
}

fn proofs(context: &Context<'_>, target: &ResourceId) -> Vec<Proof> {
    let of = |(check, _): (&str, u16)| Proof {
        check: check.to_owned(),
        resource: target.clone(),
        with: Value::Null,
    };
    asked(context).map(of).collect()
}

/// Returns the inbound entries as lines, so that a diff can be drawn.
fn lines(acl: &NetworkAcl, new: &[Placed]) -> Value {
    let all = after(acl, new);
    json!(all.iter().map(|(number, entry)| format!("{number:>5} {}", entry.line())).collect::<Vec<_>>())
}

fn listed(ports: &[u16]) -> String {
    let numbers = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    format!("port{} {numbers}", if ports.len() == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
