//! The most common action as a value: one setting of one resource, changed from its present value to the
//! desired one, and back. The facts to read, the step with its precondition, its wait and its undo, the proof
//! and the members that are compared afterwards all follow from the value. An action that needs more than
//! this is a saga and implements [`Action`] itself.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    Action, Around, Context, GuardNote, Parameter, Prerequisite, Proof, Proposal, Refusal, concern, make,
    support,
};
use crate::{
    calls::{Call, Risk},
    inventory::{Fact, Stored, Want},
    resource::{Kind, ResourceId},
    services::Spec,
};

/// An action that changes one setting of a kind of resource.
pub struct Setting<T, P> {
    /// The name of the action.
    pub name: &'static str,
    /// The effect of the action, in one line.
    pub title: &'static str,
    /// The page of the action, in Markdown.
    pub page: &'static str,
    /// The checks that the action answers.
    pub answers: &'static [&'static str],
    /// The kind of resource that the action changes.
    pub target: Kind,
    /// The member of the facts that holds the setting, as a JSON pointer.
    pub member: &'static str,
    /// The seconds within which a new value has to show: [`SHOWS_WITHIN`] for most.
    pub shows_within: u64,
    /// The same for comparing states: the family with the member's first name.
    pub concerns: concern::Table,
    /// The parameters of the checks that the action shares with them, each with its check.
    pub of_checks: &'static [(&'static str, &'static str)],
    /// The parameters of the action.
    pub parameters: &'static [Parameter],
    /// The operations that set the member and set it back.
    pub operations: &'static [Spec],
    /// The families that the action reads beside the resource itself.
    pub reads: &'static [Around],
    /// The facts to read beside the resource itself.
    pub needs: fn(&Context<'_>, &ResourceId) -> Vec<Want>,
    /// The change that the action proposes for a resource.
    pub switch: fn(&Context<'_>, &T, &P) -> Result<Switch, Refusal>,
}

/// A setting that is changed.
pub struct Switch {
    /// The change in one sentence.
    pub summary: String,
    /// The call that sets the member.
    pub set: Call,
    /// The call that sets it back.
    pub back: Call,
    /// The value of the member before.
    pub was: Value,
    /// The value of the member afterwards.
    pub becomes: Value,
    /// The risk of the change.
    pub risk: Risk,
    /// The people and resources that are affected.
    pub impact: Vec<String>,
    /// The losses that an undo does not restore.
    pub not_restored: Vec<String>,
    /// The changes that come before.
    pub prerequisites: Vec<Prerequisite>,
}

/// Parameters of an action that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Seconds within which a new setting has to show. AWS changes each of them at once and shows it within
/// seconds; views that lag do so for minutes at most.
pub const SHOWS_WITHIN: u64 = 300;

impl<T: Stored, P: DeserializeOwned + Serialize + 'static> Setting<T, P> {
    fn want(&self, target: &ResourceId) -> Want {
        Want::id(T::KIND.asked_in(target.region()), T::KIND, T::KIND.key(target))
    }

    /// Returns the resource in words: `subnet subnet-1`, `the EBS default of us-east-1`.
    fn words(&self, target: &ResourceId) -> String {
        let kind = self.target.words();
        match self.target.is_of_account() {
            true => format!("the {kind} of {}", target.region()),
            false => format!("{kind} {}", target.id()),
        }
    }

    /// Returns the parameters of a check among those of the change, by which it is proved.
    fn of_check(&self, check: &str, with: &Value) -> Value {
        let own = self.of_checks.iter().filter(|(of, _)| *of == check);
        let given = own.filter_map(|(_, name)| Some(((*name).to_owned(), with.get(name)?.clone())));
        let given: Map<String, Value> = given.collect();
        if given.is_empty() { Value::Null } else { Value::Object(given) }
    }

    fn member_of(&self, value: Value) -> Value {
        let name = self.member.trim_start_matches('/').split('/').next().unwrap_or_default();
        Value::Object(Map::from_iter([(name.to_owned(), value)]))
    }

    fn proposal(&self, target: &ResourceId, with: &Value, switch: Switch, guard: GuardNote) -> Proposal {
        let want = self.want(target);
        let (place, id) = (want.region.clone(), want.selector.key());
        let is = |value: &Value| make::is(&place, T::KIND, id.as_str(), self.member, value.clone());
        let unchanged = format!("somebody has changed {} since the plan was made", self.words(target));
        let switched = make::Switched {
            set: switch.set,
            back: switch.back,
            was: vec![is(&switch.was)],
            becomes: vec![is(&switch.becomes)],
            within: self.shows_within,
        };
        let shown = ["the new setting can be seen", "the former setting can be seen"];
        let mut step = make::switch("set", switch.summary.clone(), switched, shown);
        step.act = step.act.only_if(vec![is(&switch.was).meaning(&unchanged)]);
        let proof = |check: &&str| Proof {
            check: (*check).to_owned(),
            resource: target.clone(),
            with: self.of_check(check, with),
        };
        Proposal {
            summary: switch.summary,
            steps: vec![step],
            risk: switch.risk,
            impact: switch.impact,
            before: self.member_of(switch.was),
            after: self.member_of(switch.becomes),
            proof: self.answers.iter().map(proof).collect(),
            not_restored: switch.not_restored,
            guards: vec![guard],
            touches: vec![want],
            prerequisites: switch.prerequisites,
        }
    }
}

impl<T: Stored, P: DeserializeOwned + Serialize + 'static> Action for Setting<T, P> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn title(&self) -> &'static str {
        self.title
    }
    fn doc(&self) -> &'static str {
        self.page
    }
    fn answers(&self) -> &'static [&'static str] {
        self.answers
    }
    fn target(&self) -> Kind {
        self.target
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        self.reads
    }
    fn parameters(&self) -> &'static [Parameter] {
        self.parameters
    }
    fn of_checks(&self) -> &'static [(&'static str, &'static str)] {
        self.of_checks
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<P>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let mut wants = vec![self.want(target)];
        wants.extend((self.needs)(context, target));
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        self.operations
    }
    fn concerns(&self) -> concern::Table {
        self.concerns
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: P = support::params(with)?;
        let want = self.want(target);
        let family = T::family(context.inventory, &want.region);
        let thing = support::need(
            family.map_or(Fact::NotRead, |family| family.get(&want.selector.key())),
            &self.words(target),
        )?;
        let switch = (self.switch)(context, thing, &params)?;
        let manager = thing.tags().and_then(support::managed_by);
        let guard = support::ownership(&self.words(target), manager, context.options)?;
        Ok(self.proposal(target, with, switch, guard))
    }
}
