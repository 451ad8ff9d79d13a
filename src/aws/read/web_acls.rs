//! Reads web ACLs of AWS WAF, and which application load balancer has which.

use aws_sdk_elasticloadbalancingv2::types::LoadBalancer;
use aws_sdk_wafv2::{
    Client,
    types::{DefaultAction, FirewallManagerRuleGroup, OverrideAction, Rule, RuleAction, Scope},
};
use futures::{StreamExt, stream};

use super::{
    Ask, Members, balancing, listeners, not_listed,
    page::{pages, text},
};
use crate::{
    aws::{errors, retry::reading},
    calls::{CallError, ErrorClass},
    inventory::{Fact, WebAcl, WebAclAssociation, WebAclRule, web_acls::NAME},
};

/// The maximum number of web ACLs on a page.
const PAGE: i32 = 100;
/// The number of load balancers or web ACLs that are read at once.
const AT_ONCE: usize = 4;

/// Calls `wafv2:GetWebACL` for web ACLs that are named by their ARNs; for those that are named otherwise, and
/// for all, `wafv2:ListWebACLs` before it.
pub async fn web_acls(client: &Client, ask: &Ask) -> Members<WebAcl> {
    let arns = match ask {
        Ask::Ids(ids) => ids.clone(),
        Ask::All => listed(client, |_| true).await?,
        Ask::By(name, names) if name == NAME => listed(client, |name| names.contains(name)).await?,
        Ask::By(..) => return not_listed("web ACLs"),
    };
    let each = stream::iter(arns).map(|arn| async move {
        let fact = web_acl(client, &arn).await;
        (arn, fact)
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

/// Returns the ARNs of the regional web ACLs whose names are wanted.
async fn listed(client: &Client, is_wanted: impl Fn(&String) -> bool) -> Result<Vec<String>, CallError> {
    let request = client.list_web_acls().scope(Scope::Regional).limit(PAGE);
    let all = pages!("wafv2:ListWebACLs", request, web_acls, set_next_marker, next_marker);
    let wanted = all.into_iter().filter(|acl| acl.name.as_ref().is_some_and(&is_wanted));
    Ok(wanted.filter_map(|acl| acl.arn).collect())
}

async fn web_acl(client: &Client, arn: &str) -> Fact<WebAcl> {
    const OPERATION: &str = "wafv2:GetWebACL";
    let mut parts = arn.rsplit('/');
    let (Some(id), Some(name)) = (parts.next(), parts.next()) else {
        return Fact::unknown(format!("{arn} does not name a web ACL"));
    };
    let request = client.get_web_acl().name(name).id(id).scope(Scope::Regional);
    match reading(OPERATION, || request.clone().send()).await {
        Ok(answer) => match answer.web_acl {
            Some(found) if found.arn == arn => Fact::Known(described(found)),
            _ => Fact::unknown(format!("the answer does not hold this web ACL ({OPERATION})")),
        },
        Err(error) => errors::fact(&error),
    }
}

fn described(found: aws_sdk_wafv2::types::WebAcl) -> WebAcl {
    let groups = |all: Option<Vec<FirewallManagerRuleGroup>>| all.unwrap_or_default().into_iter();
    let before = groups(found.pre_process_firewall_manager_rule_groups);
    let behind = groups(found.post_process_firewall_manager_rule_groups);
    let mut rules = found.rules.unwrap_or_default();
    rules.sort_by_key(|rule| rule.priority);
    WebAcl {
        id: found.arn,
        name: found.name,
        default_action: default_action(found.default_action),
        rules: rules.into_iter().map(rule).collect(),
        managed_by_firewall_manager: found.managed_by_firewall_manager,
        retrofitted_by_firewall_manager: found.retrofitted_by_firewall_manager,
        firewall_manager_rule_groups: before.chain(behind).map(|group| group.name).collect(),
    }
}

fn default_action(action: Option<DefaultAction>) -> String {
    let word = match action {
        Some(DefaultAction { block: Some(_), allow: None, .. }) => "Block",
        Some(DefaultAction { allow: Some(_), block: None, .. }) => "Allow",
        _ => "",
    };
    word.to_owned()
}

fn rule(rule: Rule) -> WebAclRule {
    WebAclRule {
        name: rule.name,
        action: rule.action.as_ref().and_then(action).map(str::to_owned),
        override_action: rule.override_action.as_ref().and_then(over).map(str::to_owned),
    }
}

fn action(action: &RuleAction) -> Option<&'static str> {
    let all = [
        ("Block", action.block.is_some()),
        ("Allow", action.allow.is_some()),
        ("Count", action.count.is_some()),
        ("Captcha", action.captcha.is_some()),
        ("Challenge", action.challenge.is_some()),
    ];
    all.into_iter().find(|(_, is_it)| *is_it).map(|(word, _)| word)
}

fn over(action: &OverrideAction) -> Option<&'static str> {
    let all = [("Count", action.count.is_some()), ("None", action.none.is_some())];
    all.into_iter().find(|(_, is_it)| *is_it).map(|(word, _)| word)
}

/// Calls `elasticloadbalancing:DescribeLoadBalancers` and `DescribeTags`, and then
/// `wafv2:GetWebACLForResource` for each application load balancer. A list of the resources of each web ACL
/// would be fewer calls where there are more load balancers than web ACLs, and two permissions more for every
/// plan.
pub async fn associations(
    balancing: &aws_sdk_elasticloadbalancingv2::Client,
    waf: &Client,
    ask: &Ask,
) -> Members<WebAclAssociation> {
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    match ask {
        Ask::All => match balancing::described(balancing).await {
            // An endpoint that is not AWS's and has no load balancers.
            Err(error) if error.class == ErrorClass::Unsupported => {}
            listed => {
                let all = listed?.into_iter().map(association);
                found = all.filter(|one| one.takes_web_acls()).collect();
            }
        },
        Ask::By(..) => return not_listed("the web ACLs of load balancers"),
        Ask::Ids(ids) => {
            for (id, answer) in balancing::by_arn(balancing, ids).await {
                match answer {
                    Ok(all) => found.extend(all.into_iter().map(association)),
                    Err(error) => rest.push((id, errors::fact(&error))),
                }
            }
        }
    }
    let arns: Vec<String> = found.iter().map(|one| one.id.clone()).collect();
    let tags = listeners::tags(balancing, &arns).await;
    let each = found.into_iter().map(|one| {
        let tags = tags
            .get(&one.id)
            .cloned()
            .unwrap_or_else(|| Fact::unknown("the answer lacks them (elasticloadbalancing:DescribeTags)"));
        with_web_acl(waf, WebAclAssociation { tags, ..one })
    });
    rest.extend(stream::iter(each).buffered(AT_ONCE).collect::<Vec<_>>().await);
    Ok(rest)
}

fn association(described: LoadBalancer) -> WebAclAssociation {
    WebAclAssociation {
        id: text(described.load_balancer_arn),
        scheme: text(described.scheme),
        state: text(described.state.and_then(|state| state.code)),
        ..WebAclAssociation::default()
    }
}

/// Adds the web ACL. An answer without one shows that there is none; an error shows nothing.
async fn with_web_acl(waf: &Client, one: WebAclAssociation) -> (String, Fact<WebAclAssociation>) {
    let id = one.id.clone();
    if !one.takes_web_acls() {
        return (id, Fact::Known(one));
    }
    let request = waf.get_web_acl_for_resource().resource_arn(&id);
    let fact = match reading("wafv2:GetWebACLForResource", || request.clone().send()).await {
        Ok(answer) => {
            let web_acl = answer.web_acl.map(|acl| acl.arn);
            Fact::Known(WebAclAssociation { web_acl, ..one })
        }
        Err(error) => Fact::unknown(&error),
    };
    (id, fact)
}
