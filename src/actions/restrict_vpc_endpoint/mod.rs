//! `restrict-vpc-endpoint`: the policy of a VPC endpoint lets principals of the account or its organization
//! use resources of the same, and no others; what AWS itself needs stays.

mod perimeter;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Context, Parameter, Refusal,
    around::Around,
    concern::Concern,
    setting::{SHOWS_WITHIN, Setting, Switch},
    support,
};
use crate::{
    calls::{Call, Risk},
    checks::{
        endpoints::{OPEN_POLICY, service_of, without_effect, without_policy},
        openness::{Width, statements, width},
    },
    inventory::{Fact, FamilyKind, Organization, VpcEndpoint, Want, endpoints::meaning_of},
    resource::Kind,
    services::{Operation, endpoint::ModifyVpcEndpoint},
};

use perimeter::{Inside, Own, own_statements};

/// The action `restrict-vpc-endpoint`.
pub static RESTRICT_VPC_ENDPOINT: Setting<VpcEndpoint, Params> = Setting {
    name: "restrict-vpc-endpoint",
    title: "Lets a VPC endpoint be used within the account or its organization only",
    page: include_str!("page.md"),
    answers: &[OPEN_POLICY],
    target: Kind::VpcEndpoint,
    member: "/policy/known",
    shows_within: SHOWS_WITHIN,
    concerns: &[(FamilyKind::VpcEndpoints, Concern::these(&["policy"]))],
    of_checks: &[],
    parameters: &[Parameter {
        name: "perimeter",
        kind: "\"organization\" or \"account\"",
        default: "the organization, where the account is in one",
        doc: "Whose principals may use the endpoint, and for whose resources.",
    }],
    operations: &[<ModifyVpcEndpoint as Operation>::SPEC],
    reads: &[Around::named(FamilyKind::Organizations)],
    needs: |_, _| vec![Want::id("", FamilyKind::Organizations, Organization::ID)],
    switch,
};

/// The number of characters of a policy, with its white space
/// (<https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>).
const CHARACTERS: usize = 20_480;

/// The parameters of the action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The perimeter; `None` stands for the organization, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perimeter: Option<Perimeter>,
}

/// The owner of the principals and resources that an endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Perimeter {
    /// Those of the account's organization.
    Organization,
    /// Those of the account.
    Account,
}

fn switch(context: &Context<'_>, endpoint: &VpcEndpoint, params: &Params) -> Result<Switch, Refusal> {
    let id = &endpoint.id;
    let refused = |why: String| Refusal::Refused(format!("VPC endpoint {id}: {why}"));
    let unknown = |why: String| Refusal::Unknown(format!("VPC endpoint {id}: {why}"));
    let (document, policy, open) = present(context, endpoint)?;
    let (region, word) = endpoint.service().ok_or_else(|| refused(unnamed(endpoint)))?;
    let inside = inside(context, params).map_err(|refusal| match refusal {
        Refusal::Unknown(why) => unknown(why),
        Refusal::Refused(why) => refused(why),
        other => other,
    })?;
    let partition = context.inventory.owner.partition.as_str();
    let own = own_statements(word, &Own { inside: &inside, partition, region })
        .map_err(|why| refused(format!("{}: {why}", endpoint.service_name)))?;
    let new = replaced(&policy, &open, own.statements);
    // The check must be able to prove the new policy, whatever else is in it.
    match width(&new, service_of(endpoint)) {
        Width::Bounded | Width::Wide(_) => {}
        Width::Open(_) => return Err(refused("its policy would still be open".to_owned())),
        Width::Unclear(why) => {
            return Err(refused(format!(
                "its policy has other statements, and {why}: without knowing that, the new policy could not \
                 be proved; change these statements first"
            )));
        }
    }
    let text = new.to_string();
    if text.chars().count() > CHARACTERS {
        return Err(refused(format!(
            "with its other statements the new policy would have {} characters, and AWS allows {CHARACTERS}: \
             shorten these statements first",
            text.chars().count()
        )));
    }
    let call = |document: &str| Call::of(context.region, &ModifyVpcEndpoint::policy(id, document));
    let others = statements(&policy).map_or(0, |all| all.len()).saturating_sub(open.len());
    Ok(Switch {
        summary: format!("let VPC endpoint {id} ({word}) be used within {} only", inside.words()),
        set: call(&text),
        back: call(&document),
        was: meaning_of(&policy),
        becomes: meaning_of(&new),
        risk: Risk::Disruptive,
        impact: impact(context, endpoint, &inside, &own.unsigned, others),
        not_restored: Vec::new(),
        prerequisites: Vec::new(),
    })
}

/// Returns the document and the policy that an endpoint has, with the places of its open statements, where
/// the policy can be changed.
fn present(context: &Context<'_>, endpoint: &VpcEndpoint) -> Result<(String, Value, Vec<usize>), Refusal> {
    let id = &endpoint.id;
    let refused = |why: String| Err(Refusal::Refused(format!("VPC endpoint {id}: {why}")));
    let unknown = |why: String| Refusal::Unknown(format!("VPC endpoint {id}: {why}"));
    if !context.inventory.owner.owns(&endpoint.owner_id) {
        return refused(format!("it is account {}'s: only its owner can change it", endpoint.owner_id));
    }
    if endpoint.requester_managed {
        return refused("a service of AWS manages it, and only that can change it".to_owned());
    }
    if let Some(why) = without_policy(endpoint).map_err(unknown)? {
        return Err(Refusal::Nothing(format!("VPC endpoint {id}: {why}")));
    }
    // The model of the API writes the word with a capital, and AWS answers without.
    if !endpoint.state.eq_ignore_ascii_case("Available") {
        return refused(format!("its state is {:?}: plan again once it is available", endpoint.state));
    }
    support::need(endpoint.policy.as_ref(), &format!("the policy of VPC endpoint {id}"))?;
    let parsed = endpoint.policy_document.as_deref().map(|text| (text, serde_json::from_str::<Value>(text)));
    let Some((document, Ok(policy))) = parsed else {
        return Err(unknown("its policy is not known as AWS returned it".to_owned()));
    };
    let open = match width(&policy, service_of(endpoint)) {
        Width::Open(open) => open,
        Width::Bounded | Width::Wide(_) => {
            return Err(Refusal::Nothing(format!("the policy of VPC endpoint {id} is not open")));
        }
        Width::Unclear(why) => return Err(unknown(format!("its policy: {why}"))),
    };
    if let Some(why) = without_effect(endpoint).map_err(unknown)? {
        return Err(Refusal::Nothing(format!("VPC endpoint {id}: {why}")));
    }
    Ok((document.to_owned(), policy, open))
}

fn unnamed(endpoint: &VpcEndpoint) -> String {
    format!(
        "{} is no service for which redress has a policy: set one that fits by hand",
        endpoint.service_name
    )
}

/// Returns whose principals and resources the endpoint is for.
fn inside(context: &Context<'_>, params: &Params) -> Result<Inside, Refusal> {
    let account = || Inside::Account(context.inventory.owner.account.clone());
    if params.perimeter == Some(Perimeter::Account) {
        return Ok(account());
    }
    match context.inventory.organization() {
        Fact::Known(id) if !id.is_empty() => Ok(Inside::Organization(id.to_owned())),
        Fact::Absent if params.perimeter.is_none() => Ok(account()),
        Fact::Absent => Err(Refusal::Refused(
            "the account is in no organization: name `perimeter = \"account\"`".to_owned(),
        )),
        silent => Err(Refusal::Unknown(format!(
            "the organization of the account could not be read: {}; allow that, or name `perimeter = \
             \"account\"`",
            silent.silence().unwrap_or("the answer names none")
        ))),
    }
}

/// Returns the policy with other statements in the place of its open ones. All else stays as it is, in its
/// order.
fn replaced(policy: &Value, open: &[usize], own: Vec<Value>) -> Value {
    let present: Vec<Value> = match policy.get("Statement") {
        Some(Value::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let kept: Vec<Value> = present
        .into_iter()
        .enumerate()
        .filter(|(n, _)| !open.contains(n))
        .map(|(_, statement)| statement)
        .collect();
    let taken: Vec<String> =
        kept.iter().filter_map(|statement| statement["Sid"].as_str().map(str::to_owned)).collect();
    let mut new = Map::new();
    // Text in braces means something else in another version of the language, and only others can have some.
    let version = policy.get("Version").cloned();
    let version = if kept.is_empty() { Some(json!("2012-10-17")) } else { version };
    new.extend(version.map(|version| ("Version".to_owned(), version)));
    let rest = policy.as_object().into_iter().flatten();
    new.extend(
        rest.filter(|(name, _)| !matches!(name.as_str(), "Version" | "Statement"))
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let own = own.into_iter().map(|statement| with_free_sid(statement, &taken));
    new.insert("Statement".to_owned(), kept.into_iter().chain(own).collect());
    Value::Object(new)
}

/// Returns a statement under an id that no other one has: AWS takes each only once.
fn with_free_sid(mut statement: Value, taken: &[String]) -> Value {
    let sid = statement["Sid"].as_str().unwrap_or_default().to_owned();
    let free = (1..).map(|n| if n == 1 { sid.clone() } else { format!("{sid}{n}") });
    if let Some(free) = free.take(taken.len() + 1).find(|one| !taken.contains(one)) {
        statement["Sid"] = Value::String(free);
    }
    statement
}

fn impact(
    context: &Context<'_>,
    endpoint: &VpcEndpoint,
    inside: &Inside,
    unsigned: &[String],
    others: usize,
) -> Vec<String> {
    let (id, vpc, whose) = (&endpoint.id, &endpoint.vpc_id, inside.words());
    let but = match others {
        0 => "",
        1 => ", unless the other statement of the policy allows it",
        _ => ", unless other statements of the policy allow it",
    };
    let mut impact = vec![
        format!(
            "over {id}, principals outside of {whose} are denied, whatever policies of theirs allow{but}"
        ),
        format!(
            "over {id}, resources outside of {whose} are denied to everybody but services of AWS{}{but}",
            perimeter::exceptions(endpoint.service().map_or("", |(_, word)| word))
        ),
        match unsigned.len() {
            0 => format!("over {id}, requests that nobody has signed are denied{but}"),
            n => format!(
                "over {id}, requests that nobody has signed are denied, but for reading what is in {n} \
                 buckets of AWS's own, such as those of package repositories and agents{but}"
            ),
        },
        format!(
            "principals of account {}, the one that applies this change among them, are inside",
            context.inventory.owner.account
        ),
    ];
    let places = match (endpoint.route_table_ids.len(), endpoint.subnet_ids.len()) {
        (0, 0) => String::new(),
        (0, n) => format!(", over {}", count(n, "subnet")),
        (n, _) => format!(", over {}", count(n, "route table")),
    };
    impact.push(format!(
        "it affects whatever in {vpc} uses the endpoint{places}; CloudTrail records its calls with the \
         endpoint's id, and redress does not read them"
    ));
    match others {
        0 => {}
        1 => impact.push("the other statement of the policy stays as it is".to_owned()),
        n => impact.push(format!("the {n} other statements of the policy stay as they are")),
    }
    impact
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
