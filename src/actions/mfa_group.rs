//! `ensure-mfa-group`: a group whose one policy requires MFA of whoever is in it. The action makes one where
//! there is none, uses one that is exactly so, and changes no other group.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    make, signing_in, support,
};
use crate::{
    calls::{Call, Expect, Risk, Step, Test, WayBack},
    checks::{
        console::policies::{self, REQUIRED},
        proofs_identities::MFA_GROUP,
    },
    inventory::{FamilyKind, IamGroup, Inventory, Selector, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        sign_in::{CreateGroup, PutGroupPolicy},
    },
};

/// The action `ensure-mfa-group`.
pub struct EnsureMfaGroup;

/// The name of the action.
pub const NAME: &str = "ensure-mfa-group";

/// The parameters of the action, of which it has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {}

/// The state of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    None,
    /// A group without policies and users.
    Bare,
    /// A group whose one policy requires MFA.
    Whole,
}

/// Returns the state of the group with this name.
///
/// # Errors
/// A refusal for a group that does anything else, or of which that is not known.
pub fn there(inventory: &Inventory, name: &str) -> Result<There, Refusal> {
    let words = format!("group {name}");
    let Some(group) = support::known(inventory.iam_groups.get(name), &words)? else {
        return Ok(There::None);
    };
    let inline = support::need(group.inline_policies.as_ref(), &format!("the inline policies of {words}"))?;
    let attached =
        support::need(group.attached_policies.as_ref(), &format!("the attached policies of {words}"))?;
    let required = policies::mfa_required(&inventory.owner);
    let policies: Vec<&Value> = inline.values().collect();
    match (policies.as_slice(), attached.is_empty()) {
        ([one], true) if **one == required => Ok(There::Whole),
        ([], true) if is_empty(inventory, name)? => Ok(There::Bare),
        ([], true) => Err(Refusal::Refused(format!(
            "{words} has no policies and has users, who may be others than those of the findings: it is \
             somebody else's and stays as it is; name another with `group`"
        ))),
        _ => Err(Refusal::Refused(format!(
            "{words} exists with other policies than the one that requires MFA: it is somebody else's and \
             stays as it is; name another with `group`"
        ))),
    }
}

fn is_empty(inventory: &Inventory, name: &str) -> Result<bool, Refusal> {
    let users = support::need(inventory.users.select(&Selector::All), "the users of the account")?;
    for (user, facts) in users {
        let groups = support::need(facts.groups.as_ref(), &format!("the groups of user {user}"))?;
        if groups.iter().any(|group| group == name) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the facts to read about the group with this name, given the known ones.
pub fn needs(inventory: &Inventory, name: &str) -> Vec<Want> {
    let bare = |group: &IamGroup| {
        group.inline_policies.known().is_some_and(|all| all.is_empty())
            && group.attached_policies.known().is_some_and(Vec::is_empty)
    };
    let mut wants = vec![Want::id("", FamilyKind::IamGroups, name)];
    if inventory.iam_groups.get(name).known().is_some_and(|group| bare(group)) {
        wants.push(Want::all("", FamilyKind::Users));
    }
    wants
}

impl Action for EnsureMfaGroup {
    fn name(&self) -> &'static str {
        NAME
    }
    fn title(&self) -> &'static str {
        "Makes a group that requires MFA of its users, where there is none"
    }
    fn doc(&self) -> &'static str {
        include_str!("mfa_group.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[]
    }
    fn target(&self) -> Kind {
        Kind::Group
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const { &[Around::found(FamilyKind::Users).listed().perhaps()] }
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        needs(context.inventory, target.id())
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<CreateGroup as Operation>::SPEC, <PutGroupPolicy as Operation>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::IamGroups, Concern::these(&["inline_policies", "attached_policies"]))] }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        support::params::<Params>(with)?;
        let name = target.id();
        let create = match there(context.inventory, name)? {
            There::Whole => return Err(Refusal::Nothing(format!("group {name} requires MFA of its users"))),
            There::Bare => None,
            There::None => Some(create(context.region, name)),
        };
        let policy = policies::mfa_required(&context.inventory.owner);
        let verb = if create.is_some() { "make" } else { "complete" };
        Ok(Proposal {
            summary: format!("{verb} group {name}, which requires MFA of its users"),
            steps: create.into_iter().chain([permit(context.region, name, &policy)]).collect(),
            risk: Risk::Safe,
            impact: vec![format!("group {name} is without users, and affects nobody until one is put in it")],
            before: Value::Null,
            after: json!({ "group": name, "inline_policies": { REQUIRED: policy } }),
            proof: vec![Proof { check: MFA_GROUP.to_owned(), resource: target.clone(), with: Value::Null }],
            not_restored: Vec::new(),
            guards: vec![GuardNote::passed(
                "ownership",
                format!("group {name} has no policies and no users"),
            )],
            touches: vec![Want::id("", FamilyKind::IamGroups, name)],
            prerequisites: Vec::new(),
        })
    }
}

/// The reason for which the group stays: it has no tags, so that nothing shows who made it.
const KEPT: &str = "a group has no tags that would show who has made it, others may have put users in it, \
                    and without users it does nothing";

fn group(name: &str, at: &str, test: Test) -> Expect {
    Expect::new("", FamilyKind::IamGroups, name, at, test)
}

fn create(region: &str, name: &str) -> Step {
    let call = Call::of(region, &CreateGroup { group_name: name.to_owned() });
    let there = vec![group(name, "", Test::Exists)];
    let act = make::act_until(call, there, signing_in::SHOWS_WITHIN, "until the group can be seen");
    make::step("create-group", format!("make group {name}"), act, WayBack::Kept(KEPT.to_owned()))
}

fn permit(region: &str, name: &str, policy: &Value) -> Step {
    let put = PutGroupPolicy {
        group_name: name.to_owned(),
        policy_name: REQUIRED.to_owned(),
        policy_document: policy.to_string(),
    };
    let set = vec![group(name, &format!("/inline_policies/known/{REQUIRED}"), Test::Is(policy.clone()))];
    let others = "somebody has given the group another policy";
    let act = make::act_until(
        Call::of(region, &put),
        set,
        signing_in::SHOWS_WITHIN,
        "until the policy can be seen",
    )
    .only_if(vec![
        group(name, "/inline_policies/known", Test::Is(json!({}))).meaning(others),
        group(name, "/attached_policies/known", Test::Is(json!([]))).meaning(others),
    ]);
    make::step(
        "permit",
        format!("require MFA of the users of group {name}"),
        act,
        WayBack::Kept(KEPT.to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::{Options, make::sound},
        inventory::{Caller, Fact, User},
        resource::Owner,
    };

    fn account(group: Fact<IamGroup>, members: &[&str]) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        it.iam_groups.items.insert("g".into(), group);
        let groups = Fact::Known(members.iter().map(|one| (*one).to_owned()).collect());
        it.users.put("bo", User { id: "bo".into(), groups, ..User::default() });
        it.users.read(&Selector::All, Fact::Known(()));
        it
    }

    fn propose(it: &Inventory) -> Result<Proposal, Refusal> {
        let context = Context { inventory: it, region: "", checks: &[], options: &Options::default() };
        EnsureMfaGroup.propose(&context, &it.owner.group("g"), &Value::Null)
    }

    fn with(policies: &[(&str, Value)], attached: &[&str]) -> Fact<IamGroup> {
        Fact::Known(IamGroup {
            id: "g".into(),
            inline_policies: Fact::Known(
                policies.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
            ),
            attached_policies: Fact::Known(attached.iter().map(|one| (*one).to_owned()).collect()),
        })
    }

    #[test]
    fn a_group_is_made_or_completed_and_used_as_it_is_where_it_is_whole() {
        let proposal = propose(&account(Fact::Absent, &[])).unwrap();
        sound::steps(&proposal.steps);
        assert_eq!(sound::names(&proposal.steps), ["create-group", "permit"]);
        let bare = propose(&account(with(&[], &[]), &[])).unwrap();
        assert_eq!(sound::names(&bare.steps), ["permit"]);
        let text = bare.steps[0].act.call.input["PolicyDocument"].as_str().unwrap();
        let made: Value = serde_json::from_str(text).unwrap();
        let whole = account(with(&[("any", made)], &[]), &["g"]);
        assert!(matches!(propose(&whole), Err(Refusal::Nothing(_))));
    }

    #[test]
    fn somebody_elses_group_is_left_and_what_is_not_known_is_not_made() {
        let required = policies::mfa_required(&account(Fact::Absent, &[]).owner);
        let reads = json!({ "Statement": [] });
        for it in [
            account(with(&[("other", reads.clone())], &[]), &[]),
            account(with(&[("mfa", required.clone()), ("other", reads)], &[]), &[]),
            account(with(&[("mfa", required)], &["arn:aws:iam::aws:policy/AdministratorAccess"]), &[]),
            account(with(&[], &[]), &["g"]),
        ] {
            assert!(matches!(propose(&it), Err(Refusal::Refused(why)) if why.contains("`group`")));
        }
        assert!(matches!(propose(&account(Fact::unknown("AccessDenied"), &[])), Err(Refusal::Unknown(_))));
        assert!(matches!(propose(&account(Fact::NotRead, &[])), Err(Refusal::Unknown(_))));
        let mut unlisted = account(with(&[], &[]), &[]);
        unlisted.users.read(&Selector::All, Fact::unknown("AccessDenied"));
        assert!(matches!(propose(&unlisted), Err(Refusal::Unknown(_))));
    }
}
