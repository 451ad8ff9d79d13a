//! From the use that logs show to the networks that `--allow-observed` proposes: the very addresses that came
//! in, and only where the logs show all of them.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use super::{Evidence, Use};

/// The largest number of networks that are proposed for a change.
pub const MOST_NETWORKS: usize = 10;

/// Returns the networks of those who used what a change closes. Sources whose traffic was only rejected are
/// not among them.
///
/// # Errors
/// The reason for which the logs are no ground for a proposal, with what to do.
pub fn observed(evidence: &Evidence) -> Result<Vec<IpNet>, String> {
    let mut nets: Vec<IpNet> = Vec::new();
    let mut more = false;
    alike(evidence)?;
    for one in &evidence.uses {
        gapless(one)?;
        more |= one.accepted.more > 0 || one.accepted.at_least;
        // No other host has such an address: the record is of something else.
        for peer in one.accepted.peers.iter().filter(|peer| is_of_host(peer.address)) {
            let net = IpNet::from(peer.address);
            if !nets.contains(&net) {
                nets.push(net);
            }
        }
    }
    if more || nets.len() > MOST_NETWORKS {
        let many = if more { format!("more than {}", nets.len()) } else { nets.len().to_string() };
        return Err(format!(
            "--allow-observed: {many} addresses came in, and no more than {MOST_NETWORKS} are proposed; a \
             port that is open to the world is found by scanners, too. Name the networks that are meant with \
             --allow-cidr, and plan without --allow-observed"
        ));
    }
    nets.sort_unstable();
    Ok(nets)
}

/// Refuses a change whose parts were used by different addresses: a network that is let in comes in at all of
/// them.
fn alike(evidence: &Evidence) -> Result<(), String> {
    let peers = |one: &Use| one.accepted.peers.iter().map(|peer| peer.address).collect::<BTreeSet<_>>();
    let mut uses = evidence.uses.iter();
    let Some(first) = uses.next() else { return Ok(()) };
    match uses.find(|other| peers(other) != peers(first)) {
        None => Ok(()),
        Some(other) => Err(format!(
            "--allow-observed: other addresses used {} than {}, and what is proposed would let each in to \
             both. Name the networks with --allow-cidr, check by check, and plan without --allow-observed",
            first.closes, other.closes
        )),
    }
}

fn is_of_host(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(link_local || address.is_loopback() || address.is_multicast() || address.is_unspecified())
}

/// Refuses logs that do not show all who came in.
fn gapless(one: &Use) -> Result<(), String> {
    let what = match one {
        Use { unknown: Some(reason), .. } => reason.clone(),
        Use { uncovered: 1.., uncovered_ids, .. } => {
            format!("no log covers {}", uncovered_ids.first().map_or("an interface", String::as_str))
        }
        Use { only_rejected: 1.., .. } => "the logs show rejected traffic alone".to_owned(),
        Use { unclear: 1.., .. } => "the direction of some records is not known".to_owned(),
        Use { skipped: 1.., .. } => "AWS could not record all traffic (SKIPDATA)".to_owned(),
        Use { partly: 1.., .. } => "they cover some interfaces in a part of the time only".to_owned(),
        _ => return Ok(()),
    };
    Err(format!(
        "--allow-observed: the logs do not show all who use {}: {what}. Give logs that cover it, or name the \
         networks with --allow-cidr and plan without --allow-observed",
        one.closes
    ))
}
