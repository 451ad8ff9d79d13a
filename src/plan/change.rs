//! A change: one action on one resource, for all findings there that it answers. The unit of approval, of rollback
//! and of verification. Data only.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    actions::{ActionUse, GuardNote, Proof},
    calls::{Risk, Step, Undo, WayBack},
    finding::FindingKey,
    inventory::Want,
    resource::ResourceId,
};

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// `c1`, `c2`, ...; unique in the plan.
    pub id: String,
    /// Changes that must have been applied before.
    #[serde(default)]
    pub after: Vec<String>,
    /// The findings that it answers; empty for what only others need (a delivery role).
    pub findings: Vec<FindingKey>,
    /// The playbook that asked for it.
    pub playbook: String,
    /// The action's name; several joined by `+`.
    pub action: String,
    /// The actions with their parameters, in order.
    pub uses: Vec<ActionUse>,
    /// What it changes.
    pub resource: ResourceId,
    /// Where.
    pub region: String,
    /// One sentence: what it does.
    pub summary: String,
    /// What it may cost.
    pub risk: Risk,
    /// Whether all its steps can be taken back, but for what is kept.
    pub reversible: bool,
    /// What undo will not bring back.
    pub not_restored: Vec<String>,
    /// How the resource looks now, in the terms of the action.
    pub before: Value,
    /// How it will look.
    pub after_state: Value,
    /// Who and what is affected, in words.
    pub impact: Vec<String>,
    /// What proves it.
    pub proof: Vec<Proof>,
    /// What is done.
    pub steps: Vec<Step>,
    /// Guards that were asked.
    pub guards: Vec<GuardNote>,
    /// What it touches: footprints before and after are taken of these.
    pub touches: Vec<Want>,
    /// Whether a person must say yes: the playbook's `approve`.
    pub ask: bool,
    /// The playbook's protected tags, so that the guard can be asked again on fresh facts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protected: Vec<String>,
    /// Who reported its findings, in words, where that was not only our own scan. For people: not part of what is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// For an undo: what must be found, and what is to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
}

/// What an undo of a change must find, and what it brings back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    /// The footprint that the change left: anything else means that somebody has changed the resource since.
    pub found: Value,
    /// The footprint before the change.
    pub to: Value,
    /// What stays on purpose, and why.
    pub kept: Vec<String>,
}

impl Change {
    /// A change of which only the place and the action are known yet: whoever frames it says the rest.
    pub fn frame(id: String, action: &str, resource: &ResourceId, region: &str) -> Self {
        Self {
            id,
            after: Vec::new(),
            findings: Vec::new(),
            playbook: action.to_owned(),
            action: action.to_owned(),
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
            restore: None,
        }
    }

    /// What must be the same when the change is made again from fresh facts: its steps, risk and shown impact.
    pub fn essence(&self) -> Value {
        serde_json::json!({ "steps": self.steps, "risk": self.risk, "impact": self.impact })
    }

    /// Whether a way back exists for every step, and what keeps things.
    pub fn reversible(steps: &[Step]) -> bool {
        steps.iter().all(|s| !matches!(s.way_back, WayBack::Cannot(_)))
    }

    /// The reasons for which undo leaves something of this change behind.
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

/// Sentences without those that were said before: several disks or findings of a change say the same.
pub fn each_once(said: &[String]) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for one in said {
        if !all.contains(&one.as_str()) {
            all.push(one);
        }
    }
    all
}
