//! `least-privilege-role`: the policies of a role allow no services any more that the role has not used for a
//! long time.

pub mod narrow;
mod policies;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Value, json};

use self::policies::{Part, Scene};
use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    protected_users::{self, BreakGlass},
    support,
};
use crate::{
    calls::Risk,
    checks::{
        access_keys::since,
        administrators, proofs_identities,
        role_permissions::{
            DAYS, KEEP, KEPT, Terms, UNUSED, USUAL, USUALLY_KEPT, Unused, fixed, is_young, own_policies,
            unused,
        },
    },
    inventory::{Fact, FamilyKind, Inventory, Role, RoleUse, ServiceUse, Simulation, Want},
    resource::{Kind, ResourceId},
    services::{
        Operation, Spec,
        policy::{CreatePolicyVersion, DeletePolicyVersion, SetDefaultPolicyVersion},
    },
};

/// The action `least-privilege-role`.
pub struct LeastPrivilegeRole;

/// The guard that simulates policies.
const SIMULATION: &str = "simulation";
/// The most actions that are simulated.
const SIMULATED: usize = 100;

/// The parameters of the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The days without use after which a service counts as unused.
    #[serde(deserialize_with = "days")]
    pub days: u32,
    /// The services that never do.
    #[serde(deserialize_with = "services")]
    pub keep: Vec<String>,
    /// Patterns of the names of roles for emergencies.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub break_glass_users: Vec<String>,
    /// Tags of roles for emergencies.
    #[serde(deserialize_with = "protected_users::patterns")]
    pub break_glass_tags: Vec<String>,
}

/// Reads a number of days of which IAM can show that nothing was used.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        days @ 1..=KEPT => Ok(days),
        days => {
            Err(D::Error::custom(format!("{days} days: give 1 to {KEPT}, for which IAM keeps the last use")))
        }
    }
}

/// Reads prefixes of actions, each of which is one service.
fn services<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let all = protected_users::patterns(deserializer)?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match all.iter().find(|name| !name.chars().all(good)) {
        None => Ok(all),
        Some(name) => Err(D::Error::custom(format!(
            "{name:?} is no service: give the prefix of its actions, such as \"s3\""
        ))),
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            days: USUAL,
            keep: USUALLY_KEPT.iter().map(|one| (*one).to_owned()).collect(),
            break_glass_users: protected_users::usual_users(),
            break_glass_tags: protected_users::usual_tags(),
        }
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: DAYS,
        kind: "number of days, 1 to 400",
        default: "90",
        doc: "The days without use after which a service counts as unused. `[check]` sets it for the check \
              and the action.",
    },
    Parameter {
        name: KEEP,
        kind: "list of names",
        default: "[\"kms\"]",
        doc: "The services, by the prefix of their actions, that never count as unused. `[check]` sets it \
              for the check and the action.",
    },
    Parameter {
        doc: "Names of roles for emergencies, whose policies are never touched. `*` is any number of \
              characters and `?` is one; case does not matter.",
        ..protected_users::USERS
    },
    Parameter {
        doc: "Tags of roles for emergencies, whose policies are never touched. A key alone is any value.",
        ..protected_users::TAGS
    },
];

impl Action for LeastPrivilegeRole {
    fn name(&self) -> &'static str {
        "least-privilege-role"
    }
    fn title(&self) -> &'static str {
        "Takes services that a role has not used for a long time out of its policies"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[UNUSED]
    }
    fn target(&self) -> Kind {
        Kind::Role
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                // IAM authorizes on the ARN with the path, which the name of the role does not show.
                Around::found(FamilyKind::Roles),
                Around::found(FamilyKind::RoleUses),
                Around::found(FamilyKind::ManagedPolicies),
                Around::found(FamilyKind::PolicyVersions),
                Around::found(FamilyKind::Simulations).perhaps(),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        &[(UNUSED, DAYS), (UNUSED, KEEP)]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want> {
        let mut wants = vec![Want::id("", FamilyKind::Roles, target.id())];
        if let Fact::Known(role) = context.inventory.roles.get(target.id()) {
            wants.push(Want::id("", FamilyKind::RoleUses, &role.arn));
            for arn in own_policies(role) {
                wants.push(Want::id("", FamilyKind::ManagedPolicies, arn));
                wants.push(Want::id("", FamilyKind::PolicyVersions, arn));
            }
            let tracked = tracked(context.inventory, role, &Terms::of(with));
            let tracked = tracked.iter().map(String::as_str);
            wants.extend(proofs_identities::simulated(context.inventory, target.id(), tracked));
        }
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <CreatePolicyVersion as Operation>::SPEC,
                <SetDefaultPolicyVersion as Operation>::SPEC,
                <DeletePolicyVersion>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        const {
            let versions = Concern::these(&["default_version", "versions"]).lists(&["versions"]);
            // The version in force shows there, too.
            let listed = Concern::these(&["document"]);
            &[(FamilyKind::PolicyVersions, versions), (FamilyKind::ManagedPolicies, listed)]
        }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let words = format!("role {}", target.id());
        let role = support::need(context.inventory.roles.get(target.id()), &words)?;
        let (terms, mut guards) = (Terms::of(with), guards(context, &words, role, &params)?);
        let (uses, limit) = uses(context, &words, role, &terms)?;
        let unused = unused(uses, limit, &terms)
            .map_err(|why| Refusal::Unknown(format!("what {words} has used: {why}")))?;
        let scene = Scene { context, words: &words, role, uses, unused: &unused, limit };
        scene.inline()?;
        let parts = scene.parts()?;
        if parts.is_empty() {
            let days = terms.days;
            return Err(Refusal::Nothing(format!(
                "{words} uses what its policies allow, or did within {days} days"
            )));
        }
        for part in &parts {
            guards.push(part.owned(context)?);
        }
        guards.push(GuardNote::not_checked(
            "since-when",
            format!(
                "IAM does not show since when {words} has a policy, or since when a version is in force: \
                 what it was given within {} days may not have been used yet. CloudTrail shows \
                 AttachRolePolicy and SetDefaultPolicyVersion",
                terms.days
            ),
        ));
        let (may, simulated) = simulated(context.inventory, role, &terms);
        guards.push(simulated);
        let names: Vec<&str> = parts.iter().map(Part::name).collect();
        let what = if names.len() == 1 { "policy" } else { "policies" };
        Ok(Proposal {
            summary: format!(
                "take what {words} has not used for {} days out of {what} {}",
                terms.days,
                names.join(", ")
            ),
            steps: parts.iter().enumerate().map(|(n, part)| part.step(context.region, n + 1)).collect(),
            risk: Risk::Disruptive,
            impact: impact(role, &words, &terms, &unused, &parts),
            before: policies::documents(&parts, |part| part.policy.document.clone()),
            after: policies::documents(&parts, |part| part.narrowed.document.clone()),
            proof: proof(target, &terms, &params, may),
            not_restored: vec![format!("requests of {words} that were refused in the meantime")],
            guards,
            touches: parts
                .iter()
                .flat_map(|part| {
                    let touched = [FamilyKind::PolicyVersions, FamilyKind::ManagedPolicies];
                    touched.map(|family| Want::id("", family, &part.policy.id))
                })
                .collect(),
            prerequisites: Vec::new(),
        })
    }
}

/// Returns the proofs of the change: nothing unused is allowed, and what was seen and allowed still is.
fn proof(target: &ResourceId, terms: &Terms, params: &Params, may: Vec<String>) -> Vec<Proof> {
    let of = |check: &str, with: Value| Proof { check: check.to_owned(), resource: target.clone(), with };
    let mut all = vec![of(UNUSED, json!({ DAYS: terms.days, KEEP: params.keep }))];
    if !may.is_empty() {
        all.push(of(proofs_identities::STILL_ALLOWED, json!({ proofs_identities::ACTIONS: may })));
    }
    all
}

/// Returns the actions that IAM tracks one by one and that a role has tried within the days, whether or not
/// they were allowed; the latest ones where there are many.
fn tracked(inventory: &Inventory, role: &Role, terms: &Terms) -> Vec<String> {
    let limit = since(inventory.read_at, terms.days);
    let (Fact::Known(uses), Some(limit)) = (inventory.role_uses.get(&role.arn), limit) else {
        return Vec::new();
    };
    let of_service = |(service, used): (&String, &ServiceUse)| {
        let recent = used.actions.iter().filter(|(_, time)| **time >= limit);
        recent.map(|(action, time)| (*time, format!("{service}:{action}"))).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = uses.services.iter().flat_map(of_service).collect();
    all.sort_by(|a, b| b.cmp(a));
    all.truncate(SIMULATED);
    let mut all: Vec<String> = all.into_iter().map(|(_, action)| action).collect();
    all.sort();
    all
}

/// Returns the tracked actions that IAM would allow now, which are proved to be allowed afterwards, and a
/// note. Those that are allowed on single resources only, or under conditions, are not among them.
fn simulated(inventory: &Inventory, role: &Role, terms: &Terms) -> (Vec<String>, GuardNote) {
    let (all, mut may, mut why) = (tracked(inventory, role, terms), Vec::new(), None);
    for action in &all {
        match inventory.simulations.get(&Simulation::of(&role.arn, action)) {
            Fact::Known(found) if found.decision == Simulation::ALLOWED => may.push(action.clone()),
            Fact::Known(_) => {}
            silent => why = Some(silent.silence().unwrap_or("there is no answer").to_owned()),
        }
    }
    let note = match why {
        Some(why) => GuardNote::not_checked(
            SIMULATION,
            format!("whether {} may do the same as before was not simulated: {why}", role.id),
        ),
        None if all.is_empty() => GuardNote::not_checked(
            SIMULATION,
            format!("IAM tracks no single action that {} has used", role.id),
        ),
        None => GuardNote::passed(
            SIMULATION,
            format!(
                "of {} tracked actions that {} has used, IAM would allow {} on any resource; they are \
                 simulated again afterwards",
                all.len(),
                role.id,
                may.len()
            ),
        ),
    };
    (may, note)
}

/// Asks all guards about the role.
fn guards(
    context: &Context<'_>,
    words: &str,
    role: &Role,
    params: &Params,
) -> Result<Vec<GuardNote>, Refusal> {
    if let Some(why) = fixed(role) {
        return Err(Refusal::Refused(format!("{words}: {why}")));
    }
    let signs = BreakGlass { users: &params.break_glass_users, tags: &params.break_glass_tags };
    let mut guards = protected_users::guard_role(context, &role.id, &role.tags, signs)?;
    let administers = administrators::of_role(context.inventory, role);
    match administers.perhaps() {
        Ok(false) => {
            guards.push(GuardNote::passed("last-administrator", format!("{words} is no administrator")))
        }
        Ok(true) => {
            return Err(Refusal::Refused(format!(
                "{words} is an administrator (by {}), which no narrower policy beside that changes: give it \
                 policies that allow less, by hand",
                administers.by.unwrap_or_default()
            )));
        }
        Err(why) => {
            return Err(Refusal::Unknown(format!(
                "redress could not find out whether {words} is an administrator: {why}"
            )));
        }
    }
    guards.push(support::ownership(words, support::managed_by(&role.tags), context.options)?);
    Ok(guards)
}

/// Returns what a role has used, with the time before which a use is too long ago.
fn uses<'i>(
    context: &Context<'i>,
    words: &str,
    role: &Role,
    terms: &Terms,
) -> Result<(&'i RoleUse, Timestamp), Refusal> {
    let unknown = |why: String| Refusal::Unknown(format!("{words}: {why}"));
    if is_young(context.inventory, role, terms).map_err(unknown)? {
        return Err(Refusal::Nothing(format!("{words} was created within {} days", terms.days)));
    }
    let limit = since(context.inventory.read_at, terms.days)
        .ok_or_else(|| unknown(format!("{} days lie before all time", terms.days)))?;
    let uses = context.inventory.role_uses.get(&role.arn);
    Ok((support::need(uses, &format!("what {words} has used"))?, limit))
}

fn impact(role: &Role, words: &str, terms: &Terms, unused: &Unused, parts: &[Part<'_>]) -> Vec<String> {
    let mut all: Vec<String> = parts.iter().flat_map(|part| part.losses(words, unused)).collect();
    all.push(format!(
        "the evidence is IAM's report on the services that {words} has tried to use, data events among them, \
         over {} days; it can be four hours late, and IAM keeps the last use for at most {KEPT} days",
        terms.days
    ));
    all.push(
        "what runs once in a longer time, such as a yearly job or a restore, and what another service does \
         on behalf of the role, is not shown to be gone"
            .to_owned(),
    );
    if parts.iter().any(|part| part.narrowed.passes_roles) {
        all.push("iam:PassRole stays: IAM does not record whether a role is passed".to_owned());
    }
    let of_aws = role.attached_policies.known().into_iter().flatten();
    let of_aws: Vec<&str> = of_aws
        .filter(|arn| own_policies(role).all(|own| own != *arn))
        .filter_map(|arn| arn.rsplit('/').next())
        .collect();
    if !of_aws.is_empty() {
        all.push(format!("what AWS's own policies allow it stays allowed: {}", of_aws.join(", ")));
    }
    all
}

#[cfg(test)]
mod tests;
