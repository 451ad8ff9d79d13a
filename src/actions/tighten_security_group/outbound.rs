//! The guard and the impact where a group no longer lets everything out: whoever is managed over the network
//! keeps the way out that this needs, and the person who approves reads what else hosts fetch and send.

use super::{
    edit::Edit,
    impact::{Ended, ended, of_others, users},
    lockout::{self, GUARD, managed, named, own_host, reaches, settle_by},
    params::Params,
};
use crate::{
    actions::{Context, GuardNote, Refusal, group_use::interfaces, support},
    checks::{ports::Transport, security_groups::traffic},
    inventory::{Family, PrefixList, SecurityGroupRule, Selector},
};

/// The remedy for a way out that would be lost.
pub const KEEP: &str = "name what it needs in keep, such as \"443/tcp to 0.0.0.0/0\"";
/// The port of AWS's services.
const HTTPS: u16 = 443;

/// Returns the reason for which nothing is planned where nothing is named that stays open.
pub fn nothing_named() -> String {
    format!(
        "nothing is named that may still go out, and without it everything behind the group would be cut \
         off: set tighten-security-group.keep to what is needed, such as {}; flow logs show what is used",
        super::keep::FORMS
    )
}

/// Asks the guard: the host of redress is not behind the group, and Systems Manager keeps its instances,
/// which connect to it
/// (<https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-prereqs.html>).
///
/// # Errors
/// A refusal that names the instance, or [`Refusal::Unknown`] if that cannot be determined.
pub fn guard(context: &Context<'_>, group: &str, edit: &Edit<'_>) -> Result<Vec<GuardNote>, Refusal> {
    let region = support::region(context.inventory, context.region)?;
    let lists = &region.prefix_lists;
    let mut notes = vec![own_host(context, group, KEEP)?];
    let reaches = reaches(context, group, edit)?;
    let (mut lost, mut unsure, mut fine) = (Vec::new(), Vec::new(), 0_usize);
    for reach in reaches.iter().filter(|reach| managed(context, reach.id)) {
        let out: Vec<&SecurityGroupRule> = reach.after.iter().copied().filter(|rule| https(rule)).collect();
        let who = named(context, reach.interface);
        match out.iter().any(|rule| to_everywhere(rule, lists)) {
            true => fine += 1,
            false if out.is_empty() => lost.push(who),
            false => unsure.push(who),
        }
    }
    let lost = (!lost.is_empty()).then(|| {
        format!(
            "Systems Manager would lose {}: no rule of its groups would let 443/tcp out any more",
            lost.join(", ")
        )
    });
    let kept = match fine {
        0 => "no instance behind the group is known to lose 443/tcp to Systems Manager".to_owned(),
        _ => format!("{fine} instance(s) that Systems Manager reaches keep 443/tcp to everywhere"),
    };
    notes.push(settle_by(lost, context.options.allow_lockout, kept, KEEP)?);
    if !unsure.is_empty() {
        notes.push(GuardNote::not_checked(
            GUARD,
            format!(
                "whether what is kept leads to the endpoints of Systems Manager (ssm, ssmmessages, \
                 ec2messages) for {} is not known",
                unsure.join(", ")
            ),
        ));
    }
    if let Some(why) =
        region.managed_instances.listed(&Selector::All).silence().filter(|_| !reaches.is_empty())
    {
        let note = format!(
            "redress could not find out which instances behind the group Systems Manager reaches: {why}"
        );
        notes.push(GuardNote::not_checked(GUARD, note));
    }
    notes.extend(lockout::unseen(context, &reaches));
    Ok(notes)
}

fn https(rule: &SecurityGroupRule) -> bool {
    rule.is_egress && traffic::admits(rule, Transport::Tcp, HTTPS)
}

/// Returns whether a rule lets out to every address of IPv4, over which instances reach Systems Manager
/// unless somebody has arranged otherwise.
fn to_everywhere(rule: &SecurityGroupRule, lists: &Family<PrefixList>) -> bool {
    let all = |net: &ipnet::IpNet| net.addr().is_ipv4() && net.prefix_len() == 0;
    traffic::nets(rule, lists).known().is_some_and(|nets| nets.iter().any(all))
}

/// Describes the whole impact.
///
/// # Errors
/// [`Refusal::Unknown`] if the interfaces behind the group are not known.
pub fn impact(
    context: &Context<'_>,
    group: &str,
    rules: &[&SecurityGroupRule],
    edit: &Edit<'_>,
    params: &Params,
) -> Result<Vec<String>, Refusal> {
    let mut impact: Vec<String> = edit
        .closes
        .iter()
        .map(|(to, rule)| format!("no longer goes out to {to}: {}", traffic::traffic(rule)))
        .collect();
    let out: Vec<String> = edit.after.iter().filter(|rule| rule.is_egress).map(traffic::line).collect();
    impact.push(match out.as_slice() {
        [] => "nothing goes out by the group any more, but for replies".to_owned(),
        out => format!("still goes out: {}", out.join(", ")),
    });
    impact.extend(other_family(edit, params));
    let interfaces = interfaces(context, group)?;
    impact.push(users(context, &interfaces));
    impact.extend(of_others(context, &interfaces));
    if interfaces.is_empty() {
        return Ok(impact);
    }
    let s3 = format!("com.amazonaws.{}.s3", context.region);
    impact.push(format!(
        "whatever else hosts behind the group open is cut off: look for 443/tcp to Systems Manager (ssm, \
         ssmmessages, ec2messages), KMS, STS and CloudWatch, S3 (prefix list {s3}), package repositories and \
         container registries, databases and services of their own, and time servers outside of AWS"
    ));
    impact.push(
        "DNS by the resolver of the VPC, the instance metadata, DHCP and the Amazon Time Sync Service are \
         not subject to security groups, and replies to what came in by an inbound rule still go out"
            .to_owned(),
    );
    if interfaces.iter().any(|interface| interface.instance_id.is_none()) {
        impact.push(
            "services of AWS have interfaces with the group: a load balancer reaches its targets, and a \
             function its databases, by the rules that are left"
                .to_owned(),
        );
    }
    match ended(rules, edit, &interfaces) {
        Ended::AtOnce { .. } => impact.push(
            "connections that AWS does not track end at once: those that came in from everyone by a rule \
             whose replies the rules that go let out, too; busy hosts may reach the limit of tracked \
             connections from then on (conntrack_allowance_exceeded)"
                .to_owned(),
        ),
        Ended::WhenIdle => {
            impact.push("open connections may go on until they have been idle for a while".to_owned());
        }
    }
    Ok(impact)
}

/// Describes the family of which nothing is kept, although something of the other is.
fn other_family(edit: &Edit<'_>, params: &Params) -> Option<String> {
    let closes = |v4: bool| {
        edit.revoke.iter().any(|rule| if v4 { rule.cidr_ipv4.is_some() } else { rule.cidr_ipv6.is_some() })
    };
    let is_kept = |v4: bool| params.keep.iter().any(|keep| keep.has_family(v4));
    let lacks = |v4: bool| closes(v4) && !is_kept(v4);
    let family = [(true, "IPv4"), (false, "IPv6")].into_iter().find(|(v4, _)| lacks(*v4))?.1;
    Some(format!("nothing is kept of {family}"))
}
