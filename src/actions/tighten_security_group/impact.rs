//! The impact of `tighten-security-group`, for the person who approves it: every port that closes, the
//! sources that are still let in, and the interfaces behind the group. Words only.

use std::collections::BTreeMap;

use super::{edit::Edit, lockout::interfaces, params::Params};
use crate::{
    actions::{Context, Refusal},
    checks::{
        ports::{ADMIN, DATABASE, OTHER, PUBLIC, Service},
        security_groups::traffic::{self, Protocol},
    },
    inventory::{NetworkInterface, SecurityGroupRule},
};

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
    let mut impact: Vec<String> = edit.closes.iter().map(|(source, rule)| closing(source, rule)).collect();
    let added: Vec<String> = edit.add.iter().map(traffic::line).collect();
    if !added.is_empty() {
        impact.push(format!("comes in its place: {}", added.join(", ")));
    } else if params.allow.is_empty() {
        impact.push("nothing comes in its place: no CIDR is allowed".to_owned());
    }
    let interfaces = interfaces(context, group)?;
    impact.push(users(context, &interfaces));
    if !interfaces.is_empty() && untracked(rules, edit) {
        impact.push(
            "open connections that came in by the rules that go are not tracked by AWS and end at once, \
             where no other rule lets them in"
                .to_owned(),
        );
    } else if !interfaces.is_empty() {
        impact.push("open connections may go on until they have been idle for a while".to_owned());
    }
    Ok(impact)
}

/// Describes one rule that closes, with every port of it that has a name.
fn closing(source: &str, rule: &SecurityGroupRule) -> String {
    let named = |all: &'static [Service]| {
        let transports = |s: &&Service| s.transports.iter().any(|t| traffic::admits(rule, *t, s.port));
        all.iter().filter(transports).map(Service::words).collect::<Vec<_>>()
    };
    let mut services: Vec<String> = named(ADMIN);
    services.extend(named(DATABASE));
    if services.is_empty() {
        services.extend(named(OTHER));
    }
    let public = named(PUBLIC);
    let mut text = format!("closes to {source}: {}", traffic::traffic(rule));
    let everything = traffic::protocol(rule) == Protocol::All || traffic::range(rule) == (0, 65535);
    if !everything && !services.is_empty() {
        text += &format!(" ({})", services.join(", "));
    }
    if !public.is_empty() {
        text += &format!("; with it {}, which are often open on purpose", public.join(", "));
    }
    text
}

/// Counts the interfaces behind the group by their kind.
fn users(context: &Context<'_>, interfaces: &[&NetworkInterface]) -> String {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for interface in interfaces {
        *kinds.entry(kind(context, interface)).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    match interfaces.len() {
        0 => "no interface uses the group".to_owned(),
        1 => format!("1 interface uses the group: {}", kinds.join(", ")),
        n => format!("{n} interfaces use the group: {}", kinds.join(", ")),
    }
}

fn kind(context: &Context<'_>, interface: &NetworkInterface) -> String {
    if let Some(id) = &interface.instance_id {
        let region = context.inventory.regions.get(context.region);
        let state = region.and_then(|r| r.instances.get(id).known().map(|i| i.state.as_str()));
        return format!("of a {} instance", state.unwrap_or("vanished"));
    }
    match interface.interface_type.as_str() {
        "" | "interface" if interface.requester_managed => "of a service of AWS".to_owned(),
        "" | "interface" => "attached to nothing".to_owned(),
        other => other.replace('_', " "),
    }
}

/// Returns whether connections that the rules let in are not tracked: everyone may come in, and everything
/// may go out
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html>).
fn untracked(rules: &[&SecurityGroupRule], edit: &Edit<'_>) -> bool {
    let everyone = |r: &&SecurityGroupRule| matches!(traffic::source(r), "0.0.0.0/0" | "::/0");
    let all_out =
        |r: &&SecurityGroupRule| r.is_egress && traffic::protocol(r) == Protocol::All && everyone(r);
    edit.revoke.iter().any(everyone) && rules.iter().any(all_out)
}
