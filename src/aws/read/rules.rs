//! Reads the rules of listeners, and the actions of both.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::{Client, types};
use futures::{StreamExt, stream};

use super::page::{pages, some, text};
use crate::{
    aws::errors,
    calls::CallError,
    inventory::{
        Fact, ForwardConfig, ForwardTo, Listener, ListenerAction, ListenerRule, RedirectConfig, Stickiness,
    },
};

/// The maximum number of rules on a page.
const PAGE: i32 = 400;
/// The number of listeners whose rules are read at once.
const AT_ONCE: usize = 8;

/// Adds the rules of listeners by `elasticloadbalancing:DescribeRules`: of those of plain HTTP, and of those
/// of HTTPS to which one beside them could redirect, or of all those that were named.
pub async fn add(client: &Client, listeners: &mut [Listener], named: bool) {
    let forwards = |listener: &&Listener| {
        listener.is_plain_http() && listener.default_actions.iter().any(|action| action.r#type == "forward")
    };
    let beside: BTreeSet<String> =
        listeners.iter().filter(forwards).map(|listener| listener.load_balancer.clone()).collect();
    let is_read = |listener: &Listener| {
        listener.is_plain_http() || listener.is_https() && (named || beside.contains(&listener.load_balancer))
    };
    let asked: Vec<String> =
        listeners.iter().filter(|listener| is_read(listener)).map(|listener| listener.id.clone()).collect();
    let each = stream::iter(asked).map(|id| async move {
        let rules = of(client, &id).await;
        (id, rules)
    });
    let mut found: BTreeMap<String, _> = each.buffered(AT_ONCE).collect().await;
    for listener in listeners {
        match found.remove(&listener.id) {
            Some(Ok(rules)) => listener.rules = Fact::Known(rules),
            Some(Err(error)) => listener.rules = errors::fact(&error),
            None => {}
        }
    }
}

async fn of(client: &Client, listener: &str) -> Result<Vec<ListenerRule>, CallError> {
    let request = client.describe_rules().listener_arn(listener).page_size(PAGE);
    let rules = pages!("elasticloadbalancing:DescribeRules", request, rules, set_marker, next_marker);
    let others = rules.into_iter().filter(|rule| rule.is_default != Some(true)).map(rule);
    let mut all: Vec<ListenerRule> = others.collect();
    all.sort_by_key(|rule| (rule.priority.parse::<u32>().unwrap_or(u32::MAX), rule.id.clone()));
    Ok(all)
}

fn rule(described: types::Rule) -> ListenerRule {
    ListenerRule {
        id: text(described.rule_arn),
        priority: text(described.priority),
        conditions: described.conditions.unwrap_or_default().into_iter().map(condition).collect(),
        actions: actions(described.actions.unwrap_or_default()),
    }
}

/// Writes a condition as a person reads it; of paths and hosts with their values.
fn condition(described: types::RuleCondition) -> String {
    let path = described.path_pattern_config.and_then(|config| config.values);
    let host = described.host_header_config.and_then(|config| config.values);
    let values = path.or(host).or(described.values).unwrap_or_default();
    let field = text(described.field);
    if values.is_empty() { field } else { format!("{field} {}", values.join(" or ")) }
}

/// Converts the actions of a listener or rule. One alone has no place: AWS may show it as the first of one,
/// or show none.
pub fn actions(described: Vec<types::Action>) -> Vec<ListenerAction> {
    let mut all: Vec<ListenerAction> = described.into_iter().map(action).collect();
    if let [one] = all.as_mut_slice() {
        one.order = None;
    }
    all
}

/// Converts an action. The members of other actions than those that forward and redirect are left out.
fn action(described: types::Action) -> ListenerAction {
    ListenerAction {
        r#type: text(described.r#type),
        target_group_arn: some(described.target_group_arn),
        order: described.order,
        redirect_config: described.redirect_config.map(redirect),
        forward_config: described.forward_config.map(forward),
    }
}

/// Returns the names of those members of actions that [`action`] leaves out.
pub fn more_in(actions: &[types::Action]) -> Vec<String> {
    let of = |action: &types::Action| {
        let all = [
            ("AuthenticateOidcConfig", action.authenticate_oidc_config.is_some()),
            ("AuthenticateCognitoConfig", action.authenticate_cognito_config.is_some()),
            ("FixedResponseConfig", action.fixed_response_config.is_some()),
            ("JwtValidationConfig", action.jwt_validation_config.is_some()),
        ];
        all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name.to_owned())
    };
    actions.iter().flat_map(of).collect::<BTreeSet<_>>().into_iter().collect()
}

fn redirect(described: types::RedirectActionConfig) -> RedirectConfig {
    RedirectConfig {
        protocol: some(described.protocol),
        port: some(described.port),
        host: some(described.host),
        path: some(described.path),
        query: some(described.query),
        status_code: text(described.status_code),
    }
}

fn forward(described: types::ForwardActionConfig) -> ForwardConfig {
    let groups = described.target_groups.unwrap_or_default().into_iter();
    let mut target_groups: Vec<ForwardTo> = groups
        .map(|to| ForwardTo { target_group_arn: text(to.target_group_arn), weight: to.weight })
        .collect();
    target_groups.sort_by(|a, b| a.target_group_arn.cmp(&b.target_group_arn));
    let sticks = described.target_group_stickiness_config;
    let target_group_stickiness_config = sticks
        .map(|sticks| Stickiness { enabled: sticks.enabled, duration_seconds: sticks.duration_seconds });
    ForwardConfig { target_groups, target_group_stickiness_config }
}
