//! The listener of HTTPS to which clients are sent: it serves the same targets, with a certificate that is
//! valid, and some of the targets are healthy.

use crate::{
    actions::{
        Context, Refusal,
        support::{self, Subject},
    },
    inventory::{Certificate, Listener, ListenerAction, ListenerRule, OF_BALANCER, Region, Selector},
};

/// The listener of HTTPS, as far as the change depends on it.
pub(super) struct Secure<'a> {
    /// Its port.
    pub port: i32,
    /// Its default certificate.
    pub certificate: &'a Certificate,
    /// Its rules.
    pub rules: &'a [ListenerRule],
    /// The names of the target groups to which it forwards.
    pub names: Vec<&'a str>,
    /// The way in which it spreads requests otherwise, in words.
    pub differs: Option<&'static str>,
}

/// The usual port of HTTPS.
const USUAL: i32 = 443;

/// Returns whether Certificate Manager has a certificate, rather than IAM.
pub(super) fn is_managed(arn: &str) -> bool {
    arn.split(':').nth(2) == Some("acm")
}

/// Finds the listener of HTTPS beside a listener of HTTP whose action forwards.
///
/// # Errors
/// A refusal with the reason for which clients cannot be sent to any.
pub(super) fn beside<'a>(
    context: &Context<'a>,
    plain: &Listener,
    action: &ListenerAction,
) -> Result<Secure<'a>, Refusal> {
    let (words, region) = (plain.words(), support::region(context.inventory, context.region)?);
    let all = region.listeners.select(&Selector::by(OF_BALANCER, &plain.load_balancer));
    let all = support::need(all, &format!("the listeners beside {words}"))?;
    let https: Vec<&Listener> = all.into_iter().map(|(_, one)| one).filter(|one| one.is_https()).collect();
    let chosen = choose(&words, &https, action)?;
    takes_everyone(chosen)?;
    let to = &chosen.default_actions[0];
    Ok(Secure {
        port: chosen.port.unwrap_or(USUAL),
        certificate: certificate(context, region, chosen)?,
        rules: support::need(chosen.rules.as_ref(), &format!("the rules of listener {}", chosen.words()))?,
        names: healthy(region, to)?,
        differs: differs(action, to),
    })
}

/// Chooses the listener that forwards to the same target groups: where there are several, the one on the
/// usual port.
fn choose<'a>(words: &str, https: &[&'a Listener], action: &ListenerAction) -> Result<&'a Listener, Refusal> {
    let refused = |why: String| Err(Refusal::Refused(format!("listener {words}: {why}")));
    if https.is_empty() {
        return refused(
            "its load balancer has no listener of HTTPS, so a redirect would lead nowhere: make one with a \
             certificate and the same targets first"
                .to_owned(),
        );
    }
    let wanted = arns(action);
    if wanted.is_empty() {
        return refused("it forwards to no target group that gets requests".to_owned());
    }
    let serves = |one: &&Listener| matches!(&one.default_actions[..], [to] if serves(one, to, &wanted));
    let same: Vec<&'a Listener> = https.iter().copied().filter(|one| serves(one)).collect();
    match &same[..] {
        [one] if one.port.is_some() => Ok(one),
        [] => {
            let names: Vec<String> = https.iter().map(|one| one.words()).collect();
            refused(format!(
                "it forwards to {}, and no listener of HTTPS forwards to the same and does nothing else \
                 ({}): its clients would get something else",
                wanted.join(", "),
                names.join(", ")
            ))
        }
        several => match several.iter().find(|one| one.port == Some(USUAL)) {
            Some(one) => Ok(one),
            None => {
                let names: Vec<String> = several.iter().map(|one| one.words()).collect();
                refused(format!(
                    "several listeners of HTTPS forward to the same targets ({}), none of them on port \
                     {USUAL}: redirect to one of them by hand",
                    names.join(", ")
                ))
            }
        },
    }
}

/// Returns whether a listener does nothing but forward to these groups.
fn serves(listener: &Listener, to: &ListenerAction, wanted: &[&str]) -> bool {
    let plain = to.r#type == "forward" && to.redirect_config.is_none() && listener.more_in_actions.is_empty();
    plain && arns(to) == wanted
}

/// Returns the ARNs of the groups that get requests from an action, sorted.
fn arns(action: &ListenerAction) -> Vec<&str> {
    action.groups().into_iter().map(|(arn, _)| arn).collect()
}

/// Checks that the listener asks no client for a certificate.
fn takes_everyone(listener: &Listener) -> Result<(), Refusal> {
    match listener.mutual_authentication.as_deref() {
        None | Some("off") => Ok(()),
        Some(mode) => Err(Refusal::Refused(format!(
            "listener {} asks its clients for certificates (mutual authentication {mode}), which those who \
             come by plain HTTP may not have",
            listener.words()
        ))),
    }
}

/// Returns the default certificate of a listener, which is valid now.
fn certificate<'a>(
    context: &Context<'_>,
    region: &'a Region,
    listener: &Listener,
) -> Result<&'a Certificate, Refusal> {
    let words = listener.words();
    let Some(arn) = listener.certificate.as_deref() else {
        return Err(Refusal::Unknown(format!("listener {words}: the answer names no default certificate")));
    };
    if !is_managed(arn) {
        return Err(Refusal::Unknown(format!(
            "listener {words}: redress does not read whether {arn} is valid, which Certificate Manager \
             does not have: import it there, or redirect by hand"
        )));
    }
    let found = support::need(region.certificates.get(arn), &format!("the certificate {arn}"))?;
    let refused = |why: String| {
        Err(Refusal::Refused(format!(
            "listener {words}: the certificate {arn} {why}: clients would get an error instead of an answer"
        )))
    };
    if found.status != "ISSUED" {
        return refused(format!(
            "is {}",
            if found.status.is_empty() { "of no known status" } else { &found.status }
        ));
    }
    let now = context.inventory.read_at;
    match (found.not_before, found.not_after) {
        (Some(from), _) if from > now => refused(format!("is not valid before {from}")),
        (_, Some(until)) if until <= now => refused(format!("was valid until {until}")),
        (_, None) => Err(Refusal::Unknown(format!(
            "listener {words}: it is not known until when the certificate {arn} is valid"
        ))),
        (_, Some(_)) => Ok(found),
    }
}

/// Returns the names of the target groups to which an action forwards. Each has a target that is healthy.
fn healthy<'a>(region: &'a Region, to: &ListenerAction) -> Result<Vec<&'a str>, Refusal> {
    let mut names = Vec::new();
    for (arn, _) in to.groups() {
        let group = support::need(region.target_groups.get(arn), &format!("the target group {arn}"))?;
        let what = format!("whether {} has a target that is healthy", group.name);
        let targets = support::need(group.targets.as_ref(), Subject::Question(&what))?;
        if !targets.iter().any(|target| target.state == "healthy") {
            let states: std::collections::BTreeSet<&str> =
                targets.iter().map(|target| target.state.as_str()).collect();
            let seen = if states.is_empty() {
                "it has none".to_owned()
            } else {
                format!("they are {}", states.into_iter().collect::<Vec<_>>().join(", "))
            };
            return Err(Refusal::Refused(format!(
                "the target group {} has no target that is healthy ({seen}), so that nothing shows that \
                 HTTPS works: see to that first",
                group.name
            )));
        }
        names.push(group.name.as_str());
    }
    Ok(names)
}

/// Returns how another action on the same groups spreads requests otherwise.
fn differs(plain: &ListenerAction, to: &ListenerAction) -> Option<&'static str> {
    let sticks = |action: &ListenerAction| {
        let sticks = action.forward_config.as_ref().and_then(|c| c.target_group_stickiness_config.clone());
        sticks.filter(|sticks| sticks.enabled == Some(true))
    };
    let is_spread = plain.groups().len() > 1 && plain.groups() != to.groups();
    (is_spread || sticks(plain) != sticks(to)).then_some(
        "requests are spread over the target groups as the listener of HTTPS does, with other weights or \
                    another stickiness",
    )
}
