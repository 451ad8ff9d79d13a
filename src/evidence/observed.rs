//! From the use that logs show to the networks that `--allow-observed` proposes: the very addresses that came
//! in, and only where the logs show all of them.

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
    for one in &evidence.uses {
        gapless(one)?;
        more |= one.accepted.more > 0 || one.accepted.at_least;
        for peer in &one.accepted.peers {
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

/// Refuses logs that do not show all who came in.
fn gapless(one: &Use) -> Result<(), String> {
    let what = match one {
        Use { unknown: Some(reason), .. } => reason.clone(),
        Use { uncovered: 1.., uncovered_ids, .. } => {
            format!("no log covers {}", uncovered_ids.first().map_or("an interface", String::as_str))
        }
        Use { only_rejected: 1.., .. } => "the logs show rejected traffic alone".to_owned(),
        Use { unclear: 1.., .. } => "the direction of some records is not known".to_owned(),
        _ => return Ok(()),
    };
    Err(format!(
        "--allow-observed: the logs do not show all who use {}: {what}. Give logs that cover it, or name the \
         networks with --allow-cidr and plan without --allow-observed",
        one.closes
    ))
}
