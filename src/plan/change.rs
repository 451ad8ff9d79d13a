//! A change: one action on one resource, for all findings there that it answers. The unit of approval, of
//! rollback and of verification. Data only.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ActionNames;
use crate::{
    actions::{ActionUse, GuardNote, Proof, RESIDUAL},
    calls::{Risk, Step, Undo, WayBack},
    evidence::Evidence,
    finding::FindingKey,
    inventory::Want,
    reach::Reach,
    resource::ResourceId,
};

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The id, `c1`, `c2`, ...; unique in the plan.
    pub id: String,
    /// The changes that must have been applied before.
    #[serde(default)]
    pub after: Vec<String>,
    /// The findings that it answers; empty for a change that only others need (a delivery role).
    pub findings: Vec<FindingKey>,
    /// The playbook that asked for it.
    pub playbook: String,
    /// The names of its actions.
    pub action: ActionNames,
    /// The actions with their parameters, in order.
    pub uses: Vec<ActionUse>,
    /// The resource that it changes.
    pub resource: ResourceId,
    /// The region of the calls.
    pub region: String,
    /// A summary in one sentence.
    pub summary: String,
    /// The risk.
    pub risk: Risk,
    /// Every step can be undone, except for resources that are kept.
    pub reversible: bool,
    /// The things that undo does not restore.
    pub not_restored: Vec<String>,
    /// The state of the resource now, in the terms of the action.
    pub before: Value,
    /// The state of the resource after the change.
    pub after_state: Value,
    /// The people and things that are affected, in sentences.
    pub impact: Vec<String>,
    /// The checks that prove the change.
    pub proof: Vec<Proof>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The guards that were asked.
    pub guards: Vec<GuardNote>,
    /// The things that it touches: footprints before and after are taken of these.
    pub touches: Vec<Want>,
    /// `true` if a person must approve it: the playbook's `approve`.
    pub ask: bool,
    /// The playbook's protected tags, so that the guard can be asked again on fresh facts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protected: Vec<String>,
    /// The tools that reported its findings, for people, where that was not only our own scan. Not part of
    /// the work that is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// The use of what it closes, as flow logs show it, for people; only where logs were given. Not part of
    /// the work that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// The reach of its findings, for people: of the one that the world reaches most. Not part of the work
    /// that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
    /// For an undo: the state that must be found, and the state that is to be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
}

/// The states around an undo of a change: the one that it must find, and the one that it restores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    /// The footprint that the change left: anything else means that somebody has changed the resource since.
    pub found: Value,
    /// The footprint before the change.
    pub to: Value,
    /// The things that stay on purpose, each with the reason.
    pub kept: Vec<String>,
}

impl Change {
    /// Returns a change of which only the place and the action are set yet; the caller fills in the rest.
    pub fn frame(id: String, action: ActionNames, resource: &ResourceId, region: &str) -> Self {
        Self {
            id,
            after: Vec::new(),
            findings: Vec::new(),
            playbook: action.to_string(),
            action,
            uses: Vec::new(),
            resource: resource.clone(),
            region: region.to_owned(),
            summary: String::new(),
            risk: Risk::Safe,
            reversible: true,
            not_restored: Vec::new(),
            before: Value::Null,
            after_state: Value::Null,
            impact: Vec::new(),
            proof: Vec::new(),
            steps: Vec::new(),
            guards: Vec::new(),
            touches: Vec::new(),
            ask: true,
            protected: Vec::new(),
            sources: Vec::new(),
            evidence: None,
            reach: None,
            restore: None,
        }
    }

    /// Returns the part that must be the same when the change is made again from fresh facts: its steps, risk
    /// and shown impact.
    pub fn essence(&self) -> Value {
        let impact: Vec<&String> = self.own_impact().collect();
        serde_json::json!({ "steps": self.steps, "risk": self.risk, "impact": impact })
    }

    /// Returns the impact of the change itself, without what else lets the same traffic through.
    pub fn own_impact(&self) -> impl Iterator<Item = &String> {
        self.impact.iter().filter(|line| !line.starts_with(RESIDUAL))
    }

    /// Returns whether every step can be undone or keeps its resources on purpose.
    pub fn reversible(steps: &[Step]) -> bool {
        steps.iter().all(|s| !matches!(s.way_back, WayBack::Cannot(_)))
    }

    /// Returns the reasons for which undo leaves something of this change behind.
    pub fn kept(steps: &[Step]) -> Vec<String> {
        steps
            .iter()
            .filter_map(|s| match &s.way_back {
                WayBack::Kept(reason) | WayBack::Cannot(reason) => Some(reason.clone()),
                WayBack::Calls { undo: Undo::Kept(reason), .. } => Some(reason.clone()),
                _ => None,
            })
            .collect()
    }
}

/// Returns the sentences without repetitions: several disks or findings of a change produce the same ones.
pub fn each_once(said: &[String]) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for one in said {
        if !all.contains(&one.as_str()) {
            all.push(one);
        }
    }
    all
}
