//! From grants to an IAM policy document with as few statements as possible. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::Grant;
use crate::plan::digest::canonical;

/// An IAM policy document
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// `2012-10-17`
    pub version: &'static str,
    /// The statements.
    pub statement: Vec<Statement>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Its name, unique in the policy.
    pub sid: String,
    /// `Allow`
    pub effect: &'static str,
    /// The actions.
    pub action: BTreeSet<String>,
    /// The resources.
    pub resource: BTreeSet<String>,
    /// The condition.
    #[serde(skip_serializing_if = "no_condition")]
    pub condition: Value,
}

fn no_condition(condition: &Value) -> bool {
    condition.as_object().is_none_or(serde_json::Map::is_empty)
}

/// Resources of one action under one condition.
type Bound<'a> = BTreeMap<(String, &'a str), (BTreeSet<String>, &'a Value)>;

/// Actions by their condition and resources.
type Groups<'a> = BTreeMap<(String, BTreeSet<String>), (BTreeSet<String>, &'a Value)>;

impl Policy {
    /// Returns the policy that allows these grants and nothing else.
    pub fn of(grants: &[Grant]) -> Self {
        let mut bound = Bound::new();
        for grant in grants {
            let entry = bound
                .entry((canonical(&grant.condition), &grant.action))
                .or_insert_with(|| (BTreeSet::new(), &grant.condition));
            entry.0.extend(grant.resources.iter().cloned());
        }
        let mut groups = Groups::new();
        for ((condition, action), (resources, value)) in bound {
            let resources =
                if resources.contains("*") { BTreeSet::from(["*".to_owned()]) } else { resources };
            groups
                .entry((condition, resources))
                .or_insert_with(|| (BTreeSet::new(), value))
                .0
                .insert(action.to_owned());
        }
        let statement =
            groups.into_iter().enumerate().map(|(n, ((_, resource), (action, condition)))| Statement {
                sid: format!("Redress{}", n + 1),
                effect: "Allow",
                action,
                resource,
                condition: condition.clone(),
            });
        Self { version: "2012-10-17", statement: statement.collect() }
    }

    /// Returns all actions that it allows.
    pub fn actions(&self) -> BTreeSet<&str> {
        self.statement.iter().flat_map(|s| s.action.iter().map(String::as_str)).collect()
    }
}
