//! `redirect-http-to-https`: a listener of plain HTTP sends its clients to the listener of HTTPS beside it,
//! which serves them from the same targets.

mod secure;
mod ways_in;

use serde_json::json;

use super::{
    Context, Refusal,
    around::Around,
    concern::Concern,
    setting::{Nothing, SHOWS_WITHIN, Setting, Switch},
    support::{self, Subject},
};
use crate::{
    calls::{Call, Risk},
    checks::{
        listeners::{PLAIN_HTTP, leading_elsewhere, leads_to_https},
        security_groups,
    },
    inventory::{
        FamilyKind, Listener, ListenerAction, ListenerRule, OF_BALANCER, RedirectConfig, Selector, Want,
        balancing::{TARGET, TARGET_TYPE},
    },
    resource::{Kind, ResourceId},
    services::{Operation, listener::ModifyListener},
};
use secure::Secure;

/// The action `redirect-http-to-https`.
pub static REDIRECT_HTTP_TO_HTTPS: Setting<Listener, Nothing> = Setting {
    name: "redirect-http-to-https",
    title: "Makes a load balancer redirect plain HTTP to its HTTPS",
    page: include_str!("page.md"),
    answers: &[PLAIN_HTTP],
    target: Kind::Listener,
    member: "/default_actions",
    shows_within: SHOWS_WITHIN,
    concerns: &[(FamilyKind::Listeners, Concern::these(&["default_actions", "more_in_actions"]))],
    of_checks: &[],
    parameters: &[],
    operations: &[<ModifyListener as Operation>::SPEC],
    reads: &[
        Around::named(FamilyKind::Listeners),
        Around::named(FamilyKind::LoadBalancers),
        Around::named(FamilyKind::TargetGroups),
        Around::found(FamilyKind::Certificates).perhaps(),
        Around::found(FamilyKind::SecurityGroupRules).perhaps(),
    ],
    needs,
    switch,
};

/// Returns the ARN of the load balancer of a listener, which its own ARN contains
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html>).
fn balancer_of(listener: &str) -> String {
    let (balancer, _) = listener.rsplit_once('/').unwrap_or((listener, ""));
    balancer.replacen(":listener/", ":loadbalancer/", 1)
}

/// Returns the wants: the load balancer with all its listeners, and what they lead to; then the certificates
/// and the rules of security groups that these name.
fn needs(context: &Context<'_>, target: &ResourceId) -> Vec<Want> {
    let (region, balancer) = (context.region, balancer_of(target.as_str()));
    let mut wants = vec![
        Want::by(region, FamilyKind::Listeners, OF_BALANCER, &balancer),
        Want::id(region, FamilyKind::LoadBalancers, &balancer),
        Want::all(region, FamilyKind::TargetGroups),
    ];
    let Some(place) = context.inventory.regions.get(region) else { return wants };
    let beside = place.listeners.select(&Selector::by(OF_BALANCER, &balancer));
    let certificates = beside.known().into_iter().flatten().filter(|(_, listener)| listener.is_https());
    let certificates = certificates.filter_map(|(_, listener)| listener.certificate.as_deref());
    let of_manager = certificates.filter(|arn| secure::is_managed(arn));
    wants.extend(of_manager.map(|arn| Want::id(region, FamilyKind::Certificates, arn)));
    let groups = place.load_balancers.get(&balancer).known().map(|balancer| &balancer.security_groups);
    wants.extend(groups.into_iter().flatten().map(|group| security_groups::rules_want(region, group)));
    wants
}

fn switch(context: &Context<'_>, listener: &Listener, _: &Nothing) -> Result<Switch, Refusal> {
    let words = listener.words();
    if !listener.is_plain_http() {
        let why = format!("listener {words} does not take plain HTTP at an application load balancer");
        return Err(Refusal::Nothing(why));
    }
    // Whoever manages the load balancer has set a tag there: tags that are not known hide it.
    support::need(listener.tags.as_ref(), &format!("the tags of listener {words}"))?;
    rules_redirect(listener)?;
    let present = forwards(listener)?;
    let secure = secure::beside(context, listener, present)?;
    let balancer =
        support::region(context.inventory, context.region)?.load_balancers.get(&listener.load_balancer);
    let balancer = support::need(balancer, &format!("load balancer {}", listener.load_balancer))?;
    not_behind_another(context, listener)?;
    let reachable = ways_in::same(context, balancer, listener, secure.port)?;
    let redirect = redirect(secure.port);
    let call = |actions: Vec<ListenerAction>| {
        Call::of(context.region, &ModifyListener::actions(&listener.id, actions))
    };
    let groups = secure.names.join(", ");
    Ok(Switch {
        summary: format!(
            "redirect listener {words} to HTTPS on port {} instead of forwarding it to {groups}",
            secure.port
        ),
        set: call(vec![redirect.clone()]),
        back: call(listener.default_actions.clone()),
        was: json!(listener.default_actions),
        becomes: json!([redirect]),
        risk: Risk::Disruptive,
        impact: impact(&words, &secure, reachable),
        not_restored: vec![format!(
            "clients that have remembered the redirect of {words}, which is a permanent one, go on asking by \
             HTTPS"
        )],
        prerequisites: Vec::new(),
    })
}

/// Returns the action that redirects, with every member that AWS would fill in: what is read afterwards is
/// then what was sent
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html>).
fn redirect(port: i32) -> ListenerAction {
    let text = |text: &str| Some(text.to_owned());
    ListenerAction {
        r#type: "redirect".to_owned(),
        redirect_config: Some(RedirectConfig {
            protocol: text("HTTPS"),
            port: text(&port.to_string()),
            host: text("#{host}"),
            path: text("/#{path}"),
            query: text("#{query}"),
            status_code: "HTTP_301".to_owned(),
        }),
        ..ListenerAction::default()
    }
}

/// Checks that the rules of the listener send every request to HTTPS already: no rule is changed.
fn rules_redirect(listener: &Listener) -> Result<(), Refusal> {
    let words = listener.words();
    let rules = support::need(listener.rules.as_ref(), &format!("the rules of listener {words}"))?;
    let others =
        leading_elsewhere(rules).map_err(|why| Refusal::Unknown(format!("listener {words}: {why}")))?;
    if others.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = others.iter().map(|rule| said(rule)).collect();
    Err(Refusal::Refused(format!(
        "listener {words} has rules that do not redirect to HTTPS, and they may be there for clients that \
         cannot use it, such as /.well-known/acme-challenge: {}. Make them redirect, or delete them, then \
         plan again",
        named.join("; ")
    )))
}

/// Describes a rule: `rule 10 (path-pattern /api/*: forward)`.
fn said(rule: &ListenerRule) -> String {
    let types: Vec<&str> = rule.actions.iter().map(|action| action.r#type.as_str()).collect();
    format!("rule {} ({}: {})", rule.priority, rule.conditions.join(" and "), types.join(", then "))
}

/// Returns the action of the listener, which forwards and does nothing else.
fn forwards(listener: &Listener) -> Result<&ListenerAction, Refusal> {
    let (words, actions) = (listener.words(), &listener.default_actions);
    let leads = leads_to_https(actions)
        .map_err(|why| Refusal::Unknown(format!("listener {words}: its default action: {why}")))?;
    if leads {
        return Err(Refusal::Nothing(format!("listener {words} redirects to HTTPS already")));
    }
    let refused = |why: String| Err(Refusal::Refused(format!("listener {words} {why}")));
    if !listener.more_in_actions.is_empty() {
        return refused(format!(
            "has a default action with {}, which redress would not keep: make it redirect by hand",
            listener.more_in_actions.join(" and ")
        ));
    }
    match &actions[..] {
        [one] if one.r#type == "forward" && one.redirect_config.is_none() => Ok(one),
        [one] if one.r#type == "redirect" => {
            refused("redirects to another place by plain HTTP: make it lead to HTTPS by hand".to_owned())
        }
        all => {
            let types: Vec<&str> = all.iter().map(|action| action.r#type.as_str()).collect();
            refused(format!(
                "does {} by default, which is there for a reason that redress does not know: only a plain \
                 forward is replaced",
                types.join(", then ")
            ))
        }
    }
}

/// Checks that no other load balancer forwards to this one: its clients would be sent to a port there that
/// nobody has looked at.
fn not_behind_another(context: &Context<'_>, listener: &Listener) -> Result<(), Refusal> {
    let (words, arn) = (listener.words(), &listener.load_balancer);
    let groups = &support::region(context.inventory, context.region)?.target_groups;
    support::need(groups.listed(&Selector::All), "the target groups of the region")?;
    for (_, group) in groups.items.picked(&Selector::by(TARGET_TYPE, "alb")) {
        let what = format!("whether a network load balancer forwards to {words} by {}", group.name);
        support::need(group.targets.as_ref(), Subject::Question(&what))?;
    }
    match groups.items.picked(&Selector::by(TARGET, arn)).first() {
        None => Ok(()),
        Some((_, group)) => Err(Refusal::Refused(format!(
            "listener {words}: a network load balancer forwards to it by the target group {}, and whether \
             its clients can reach HTTPS there is not looked at: make sure, and redirect by hand",
            group.name
        ))),
    }
}

fn impact(words: &str, secure: &Secure<'_>, reachable: Option<String>) -> Vec<String> {
    let port = secure.port;
    let mut impact = vec![
        format!(
            "every request to {words} is answered with a redirect (301) to the same host, path and query by \
             HTTPS on port {port}, whose default action forwards to the same targets"
        ),
        "most clients repeat a POST as a GET after a 301, so that its content is lost; clients that follow \
         no redirect, or do not trust the certificate, get no answer: the access logs of the load balancer \
         show who they are, and redress does not read them"
            .to_owned(),
        format!(
            "the certificate of port {port} is for {}: clients that use other names need another certificate \
             of that listener, which redress does not look at",
            match secure.certificate.names.as_slice() {
                [] => "names that the answer lacks".to_owned(),
                names => names.join(", "),
            }
        ),
        "a proxy before it that asks by HTTP for clients that came by HTTPS (CloudFront with the origin \
         protocol HTTP only) would send them round in a circle: make it ask by HTTPS first"
            .to_owned(),
        "deployments that move traffic by the default action of this listener (blue/green ones of \
         CodeDeploy or ECS) would fail or set it back: let them use the listener of HTTPS"
            .to_owned(),
    ];
    if !secure.rules.is_empty() {
        let named: Vec<String> = secure.rules.iter().map(said).collect();
        impact.push(format!("the rules of port {port} count for these requests then: {}", named.join("; ")));
    }
    impact.extend(secure.differs.map(str::to_owned));
    impact.extend(reachable);
    impact
}

#[cfg(test)]
mod tests;
