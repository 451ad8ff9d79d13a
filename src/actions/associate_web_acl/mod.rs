//! `associate-web-acl`: a load balancer gets the web ACL that is named, where it has none.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal, concern,
    concern::Concern,
    make,
    support::{self, Subject},
};
use crate::{
    calls::{Call, Expect, Risk, Step},
    checks::web_acls::{WITHOUT_WEB_ACL, takes_requests},
    inventory::{
        Fact, FamilyKind, Inventory, Region, Selector, Want, WebAcl, WebAclAssociation, WebAclRule,
        web_acls::NAME,
    },
    resource::{Kind, ResourceId, account_in, region_in},
    services::{
        Operation, Spec,
        web_acl::{AssociateWebACL, DisassociateWebACL},
    },
};

/// The action `associate-web-acl`.
pub struct AssociateWebAcl;

/// Seconds within which an association has to show: AWS names "a few seconds to a number of minutes"
/// (<https://docs.aws.amazon.com/waf/latest/APIReference/API_AssociateWebACL.html>).
const SHOWS_WITHIN: u64 = 900;
/// The number of rules that the impact names.
const MOST_NAMED: usize = 8;
/// The name of the guard on whoever manages web ACLs.
const MANAGED: &str = "web-acl-managers";

/// The parameters of the action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The web ACL, by its name or ARN.
    #[serde(deserialize_with = "web_acl", skip_serializing_if = "Option::is_none")]
    pub web_acl: Option<String>,
}

fn web_acl<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match check_name(&text) {
        Ok(()) => Ok(Some(text)),
        Err(why) => Err(D::Error::custom(format!("{text:?} {why}"))),
    }
}

/// Checks a name or an ARN
/// (<https://docs.aws.amazon.com/waf/latest/APIReference/API_WebACL.html>).
fn check_name(text: &str) -> Result<(), &'static str> {
    let is_name = |name: &str| {
        (1..=128).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    let Some(arn) = text.strip_prefix("arn:") else {
        return is_name(text).then_some(()).ok_or("is neither the name nor the ARN of a web ACL");
    };
    let parts: Vec<&str> = arn.splitn(5, ':').collect();
    let &[_, service, region, account, what] = parts.as_slice() else {
        return Err("is not the ARN of a web ACL");
    };
    if what.starts_with("global/") {
        return Err("is for CloudFront: load balancers take regional web ACLs only");
    }
    let of_acl = what.strip_prefix("regional/webacl/").and_then(|rest| rest.split_once('/'));
    let named = of_acl.is_some_and(|(name, id)| is_name(name) && is_name(id));
    let good = named && service == "wafv2" && !region.is_empty() && !account.is_empty();
    good.then_some(()).ok_or("is not the ARN of a regional web ACL")
}

const PARAMETERS: &[Parameter] = &[Parameter {
    name: "web_acl",
    kind: "name or ARN of a regional web ACL",
    default: "none: nothing is associated then",
    doc: "Which web ACL load balancers get. A name stands for the web ACL of that name in the region of each \
          load balancer.",
}];

/// Returns the reason for which nothing is done without a name.
fn unnamed() -> String {
    "no web ACL is named, and redress chooses none, since its rules decide which clients are refused: name \
     one that is made for this application with associate-web-acl.web_acl=\"NAME\""
        .to_owned()
}

impl Action for AssociateWebAcl {
    fn name(&self) -> &'static str {
        "associate-web-acl"
    }
    fn title(&self) -> &'static str {
        "Associates a load balancer that has no web ACL with the one that is named"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[WITHOUT_WEB_ACL]
    }
    fn declines(&self, _: &Inventory, _: &str, _: &ResourceId, with: &Value) -> Result<(), Refusal> {
        match support::params::<Params>(with)?.web_acl {
            Some(_) => Ok(()),
            None => Err(Refusal::Refused(unnamed())),
        }
    }
    fn target(&self) -> Kind {
        Kind::LoadBalancer
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const { &[Around::named(FamilyKind::WebAclAssociations), Around::found(FamilyKind::WebAcls)] }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want> {
        let region = context.region;
        let named = support::params::<Params>(with).ok().and_then(|params| params.web_acl);
        let of_acl = named.and_then(|named| match region_in(&named) {
            Some(home) => (home == region).then(|| Want::id(region, FamilyKind::WebAcls, &named)),
            None => Some(Want::by(region, FamilyKind::WebAcls, NAME, &named)),
        });
        let balancer = Want::id(region, FamilyKind::WebAclAssociations, target.as_str());
        std::iter::once(balancer).chain(of_acl).collect()
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<AssociateWebACL as Operation>::SPEC, <DisassociateWebACL as Operation>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::WebAclAssociations, Concern::these(&["web_acl"]))] }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (region, place) = (context.region, support::region(context.inventory, context.region)?);
        let words = format!("load balancer {}", target.id());
        let balancer = support::need(place.web_acl_associations.get(target.as_str()), &words)?;
        // Whoever manages the load balancer has set a tag there: tags that are not known hide it.
        let tags = support::need(balancer.tags.as_ref(), &format!("the tags of {words}"))?;
        let named = params.web_acl.ok_or_else(|| Refusal::Refused(unnamed()))?;
        let acl = chosen(context, place, &named)?;
        free(&words, balancer, acl)?;
        filters(acl)?;
        let owner = support::ownership(&words, support::managed_by(tags), context.options)?;
        let was_and_is = |acl: Value| json!({ "web_acl": acl });
        Ok(Proposal {
            summary: format!("associate {words} with the web ACL {}", acl.name),
            steps: vec![step(region, balancer, acl)],
            risk: Risk::Disruptive,
            impact: impact(balancer, acl),
            before: was_and_is(Value::Null),
            after: was_and_is(json!(acl.id)),
            proof: vec![Proof {
                check: WITHOUT_WEB_ACL.to_owned(),
                resource: target.clone(),
                with: Value::Null,
            }],
            not_restored: Vec::new(),
            guards: vec![owner, managers(acl)],
            touches: vec![Want::id(region, FamilyKind::WebAclAssociations, target.as_str())],
            prerequisites: Vec::new(),
        })
    }
}

fn by_name<'a>(place: &'a Region, region: &str, name: &str) -> Result<&'a WebAcl, Refusal> {
    let question = format!("which web ACL of {region} has the name {name}");
    let found = support::need(
        place.web_acls.select(&Selector::by(NAME, name)),
        Subject::Question(question.as_str()),
    )?;
    let of_name = format!("/{name}/");
    let unread = place.web_acls.items.unknown().into_iter().find(|(arn, _)| arn.contains(&of_name));
    match (found.as_slice(), unread) {
        ([(_, acl)], _) => Ok(acl),
        ([], Some((arn, fact))) => support::need(fact.as_ref(), &format!("web ACL {arn}")),
        ([], None) => Err(Refusal::Refused(format!(
            "there is no regional web ACL {name} in {region}: make it there, or name another; those for \
             CloudFront cannot be associated with load balancers"
        ))),
        (several, _) => Err(Refusal::Unknown(format!(
            "{} web ACLs of {region} have the name {name}: give the ARN of one",
            several.len()
        ))),
    }
}

/// Finds the web ACL that is named, in the region of the load balancer.
fn chosen<'a>(context: &Context<'_>, place: &'a Region, named: &str) -> Result<&'a WebAcl, Refusal> {
    let (region, account) = (context.region, context.inventory.owner.account.as_str());
    let refused = |why: String| Refusal::Refused(format!("web ACL {named} {why}"));
    let Some(home) = region_in(named) else {
        return by_name(place, region, named);
    };
    if home != region {
        return Err(refused(format!(
            "is in {home}, and a load balancer takes one of its own region, {region}: give the name of web \
             ACLs that are in both regions, or plan each region by itself"
        )));
    }
    if account_in(named) != Some(account) {
        return Err(refused(format!("is not of account {account}: only its own web ACLs can be associated")));
    }
    match place.web_acls.get(named) {
        Fact::Absent => Err(refused(format!("does not exist in {region}: make it, or name another"))),
        fact => support::need(fact, &format!("web ACL {named}")),
    }
}

/// Checks that the load balancer takes a web ACL and has none: an association replaces another one without a
/// question.
fn free(words: &str, balancer: &WebAclAssociation, acl: &WebAcl) -> Result<(), Refusal> {
    if !balancer.takes_web_acls() {
        return Err(Refusal::Nothing(format!("{words} can have no web ACL: only application ones have")));
    }
    match &balancer.web_acl {
        Some(present) if *present == acl.id => {
            Err(Refusal::Nothing(format!("{words} has the web ACL {} already", acl.name)))
        }
        Some(present) => Err(Refusal::Refused(format!(
            "{words} has the web ACL {present}, which an association would replace: change it there, or \
             disassociate it first"
        ))),
        None if takes_requests(balancer) => Ok(()),
        None => Err(Refusal::Unknown(format!(
            "{words} is in the state {:?} and takes no requests: plan again when it is active",
            balancer.state
        ))),
    }
}

/// Checks that the web ACL is the account's own to use, does something, and does not block everybody.
fn filters(acl: &WebAcl) -> Result<(), Refusal> {
    let name = &acl.name;
    if let Some(sign) = acl.of_firewall_manager() {
        return Err(Refusal::Refused(format!(
            "web ACL {name} is one of Firewall Manager's ({sign}), which associates it by its own policy and \
             sets other associations back: put the load balancer in the scope of that policy, or name \
             another web ACL"
        )));
    }
    let may_allow = |rule: &WebAclRule| match (rule.action.as_deref(), rule.override_action.as_deref()) {
        (Some(action), _) => action == "Allow",
        (None, Some(over)) => over != "Count",
        (None, None) => true,
    };
    match acl.default_action.as_str() {
        _ if acl.rules.is_empty() => Err(Refusal::Refused(format!(
            "web ACL {name} has no rules: the finding would be gone, and {}. Add rules first",
            match acl.default_action.as_str() {
                "Allow" => "nothing would be protected",
                _ => "every request could be refused",
            }
        ))),
        "Allow" => Ok(()),
        "Block" if acl.rules.iter().any(may_allow) => Ok(()),
        "Block" => Err(Refusal::Refused(format!(
            "web ACL {name} blocks what no rule allows, and it has no rule that allows anything: every \
             request would be refused"
        ))),
        _ => Err(Refusal::Unknown(format!(
            "redress could not find out what web ACL {name} does with a request that no rule ends: the \
             answer names neither Allow nor Block"
        ))),
    }
}

/// Notes which managers of web ACLs no answer shows.
fn managers(acl: &WebAcl) -> GuardNote {
    GuardNote::not_checked(
        MANAGED,
        format!(
            "{} has no sign of Firewall Manager; whether a policy of Firewall Manager or Network Security \
             Manager covers the load balancer, and whether it still has a web ACL of WAF Classic, is not \
             shown to this account's reads",
            acl.name
        ),
    )
}

/// Builds the step: it is made only where there is no web ACL, and undone only where it is still this one.
fn step(region: &str, balancer: &WebAclAssociation, acl: &WebAcl) -> Step {
    let is = |value: Value| -> Expect {
        make::is(region, FamilyKind::WebAclAssociations, balancer.id.as_str(), "/web_acl", value)
    };
    let (none, ours) = (is(Value::Null), is(json!(acl.id)));
    let set = AssociateWebACL { web_acl_arn: acl.id.clone(), resource_arn: balancer.id.clone() };
    let forth = make::act_until(
        Call::of(region, &set),
        vec![ours.clone()],
        SHOWS_WITHIN,
        "until the association can be seen",
    )
    .only_if(vec![none.clone().meaning("somebody has associated a web ACL since the plan was made")]);
    let unset = DisassociateWebACL { resource_arn: balancer.id.clone() };
    let back =
        make::act_until(Call::of(region, &unset), vec![none], SHOWS_WITHIN, "until the association is gone")
            .only_if(vec![ours.meaning("the load balancer has another web ACL by now, or none")]);
    let title = format!("associate {} with {}", balancer.name(), acl.name);
    make::step("associate", title, forth, make::back_and_forth(back))
}

fn impact(balancer: &WebAclAssociation, acl: &WebAcl) -> Vec<String> {
    let (name, of_acl) = (balancer.name(), &acl.name);
    let end = match acl.default_action.as_str() {
        "Block" => "is blocked",
        _ => "is allowed",
    };
    let mut all = vec![format!(
        "every request to {name} ({}) passes the web ACL {of_acl} first; one that no rule ends {end}",
        balancer.scheme
    )];
    let with = |is: &dyn Fn(&WebAclRule) -> bool| -> Option<String> {
        let names: Vec<&str> =
            acl.rules.iter().filter(|rule| is(rule)).map(|rule| rule.name.as_str()).collect();
        (!names.is_empty()).then(|| some_of(&names))
    };
    let action = |rule: &WebAclRule, word: &str| rule.action.as_deref() == Some(word);
    let refusing = with(&|rule| action(rule, "Block"));
    let asking = with(&|rule| action(rule, "Captcha") || action(rule, "Challenge"));
    let groups = with(&|rule| rule.override_action.as_deref() == Some("None"));
    let strange = with(&|rule| rule.action.is_none() && rule.override_action.is_none());
    let only_counts = [&refusing, &asking, &groups, &strange].iter().all(|some| some.is_none());
    all.extend(
        refusing.map(|names| format!("rules that block: {names}; real clients that match get HTTP 403")),
    );
    all.extend(asking.map(|names| {
        format!("rules that ask for a CAPTCHA or a challenge: {names}; clients that are no browsers fail it")
    }));
    all.extend(groups.map(|names| {
        format!("rule groups with the actions of their own rules, which redress does not read: {names}")
    }));
    all.extend(strange.map(|names| format!("rules with an action that redress does not know: {names}")));
    all.extend(with(&|rule| action(rule, "Allow")).map(|names| format!("rules that allow: {names}")));
    let counts = with(&|rule| action(rule, "Count") || rule.override_action.as_deref() == Some("Count"));
    all.extend(counts.map(|names| format!("rules that only count: {names}")));
    if only_counts && acl.default_action == "Allow" {
        all.push(format!("no rule of {of_acl} blocks anything yet: it shows what it would do, and no more"));
    }
    all.push(
        "a load balancer hands over the first 8 KB of a body: a rule on oversize bodies (in AWS's core rule \
         set, SizeRestrictions_BODY) blocks larger uploads"
            .to_owned(),
    );
    all
}

/// Lists names, the first of them where there are many.
fn some_of(names: &[&str]) -> String {
    match names.len() {
        n if n > MOST_NAMED => {
            format!("{} and {} more", names[..MOST_NAMED].join(", "), n - MOST_NAMED)
        }
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests;
