//! The results for the findings that a run was made for, as findings of the Open Cybersecurity Schema (OCSF):
//! class 2003, Compliance Finding, each closed or updated. One event for each finding of another tool, under
//! that tool's own id, and one for each finding of ours that no other tool reported; `docs/reporting-back.md`
//! describes the members. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    checks,
    finding::{FindingKey, Severity},
    intake::mapping,
    journal::{ChangeState, Outcome, Story, closing::closings, document},
    plan::{Change, Plan},
    resource::ResourceId,
};

/// The version of the schema that the events follow
/// (<https://schema.ocsf.io/1.3.0/classes/compliance_finding>).
pub const VERSION: &str = "1.3.0";
/// `class_uid` of a Compliance Finding: category 2, class 3.
const CLASS: u32 = 2003;

/// An event, before it is written.
struct Event<'a> {
    uid: String,
    title: String,
    tool: &'a str,
    product: &'a str,
    framework: &'a str,
    control: &'a str,
    keys: &'a [FindingKey],
    changes: Vec<&'a Change>,
    /// The reason why it is not settled, if it is not.
    open: Option<String>,
}

/// Builds all outcomes of a run, as a list of events. `at` is the time at which its proofs
/// were last evaluated.
pub fn outcomes(plan: &Plan, story: &Story, at: Timestamp) -> Value {
    let closings = closings(plan, story);
    let mut events: Vec<Value> = Vec::new();
    for closing in &closings {
        let origin = closing.origin;
        let changes = plan.changes.iter().filter(|c| closing.changes.contains(&c.id.as_str())).collect();
        let fallback = || {
            format!(
                "{}/{}/{}",
                origin.framework,
                origin.control,
                origin.answers.first().map_or("", |key| key.resource.as_str())
            )
        };
        let uid = if origin.finding.is_empty() { fallback() } else { origin.finding.clone() };
        let (title, open) = (format!("{} {}", origin.tool, origin.control), closing.open.clone());
        let (tool, product, framework) =
            (origin.tool.as_str(), origin.product.as_str(), origin.framework.as_str());
        let event = Event {
            uid,
            title,
            tool,
            product,
            framework,
            control: &origin.control,
            keys: &origin.answers,
            changes,
            open,
        };
        events.push(event.json(plan, story, at));
    }
    for change in &plan.changes {
        for key in
            change.findings.iter().filter(|key| !closings.iter().any(|c| c.origin.answers.contains(key)))
        {
            let title =
                checks::find(&key.check).map_or_else(|| key.check.clone(), |check| check.title.to_owned());
            events.push(
                own(
                    change,
                    story,
                    format!("{}/{}", key.check, key.resource),
                    title,
                    &key.check,
                    std::slice::from_ref(key),
                )
                .json(plan, story, at),
            );
        }
        // A change that only other changes need answers no finding, but is reported all the same.
        if change.findings.is_empty() {
            events.push(
                own(
                    change,
                    story,
                    format!("{}/{}", change.action, change.resource),
                    change.summary.clone(),
                    change.action.as_str(),
                    &[],
                )
                .json(plan, story, at),
            );
        }
    }
    Value::Array(events)
}

/// Builds an event for a finding of redress itself.
fn own<'a>(
    change: &'a Change,
    story: &Story,
    uid: String,
    title: String,
    control: &'a str,
    keys: &'a [FindingKey],
) -> Event<'a> {
    let settled = document::outcome(story, &change.id) == Outcome::Verified
        && story.changes.get(&change.id).is_none_or(|told| told.undone_by.is_none());
    let open =
        (!settled).then(|| format!("{} is {}", change.id, document::outcome(story, &change.id).word()));
    Event {
        uid,
        title,
        tool: "redress",
        product: "",
        framework: mapping::OWN,
        control,
        keys,
        changes: vec![change],
        open,
    }
}

impl Event<'_> {
    fn json(&self, plan: &Plan, story: &Story, at: Timestamp) -> Value {
        let activity = if self.open.is_none() { (3, "Close") } else { (2, "Update") };
        let status = self.status(story);
        let compliance = match (&self.open, status.0) {
            (None, _) => (1, "Pass"),
            // The rule was kept when the run reached it, and has not been checked again since.
            (Some(_), _) if self.all(story, Outcome::AlreadyFixed) => (2, "Warning"),
            _ => (3, "Fail"),
        };
        let detail =
            self.open.clone().unwrap_or_else(|| "fixed, and proved on facts read afterwards".to_owned());
        let severity = self.severity();
        let changes: Vec<Value> = self.changes.iter().map(|c| told(c, story)).collect();
        let one =
            |c: &&Change| format!("{}: {}: {}", c.id, document::outcome(story, &c.id).word(), c.summary);
        let message: Vec<String> = self.changes.iter().map(one).collect();
        let mut event = json!({
            "activity_id": activity.0, "activity_name": activity.1, "category_uid": 2,
            "category_name": "Findings", "class_uid": CLASS,
            "class_name": "Compliance Finding", "type_uid": CLASS * 100 + activity.0,
            "type_name": format!("Compliance Finding: {}", activity.1),
            "time": at.as_millisecond(), "severity_id": severity.0, "severity": severity.1,
            "status_id": status.0, "status": status.1,
            "status_detail": detail,
            "message": message.join("; "),
            "metadata": { "version": VERSION, "profiles": ["cloud"], "product": { "name": "redress",
            "vendor_name": "redress", "version": env!("CARGO_PKG_VERSION") } },
            "cloud": { "provider": "AWS", "account": { "uid": plan.account },
            "cloud_partition": plan.partition },
            "finding_info": { "uid": self.uid, "title": self.title, "modified_time": at.as_millisecond(),
            "data_sources": [self.tool] },
            "compliance": { "control": self.control, "standards": [self.framework], "status_id": compliance.0,
            "status": compliance.1 },
            "resources": self.resources().into_iter().map(resource).collect::<Vec<_>>(),
            "unmapped": { "redress": { "run": story.head.run, "plan": plan.digest, "changes": changes } },
        });
        if !self.product.is_empty() {
            event["finding_info"]["product_uid"] = self.product.into();
        }
        event
    }

    fn all(&self, story: &Story, outcome: Outcome) -> bool {
        self.changes.iter().all(|c| document::outcome(story, &c.id) == outcome)
    }

    /// Returns the status: resolved; in progress if something was done but not proved;
    /// otherwise new, as before.
    fn status(&self, story: &Story) -> (u32, &'static str) {
        let undone = |c: &&Change| story.changes.get(&c.id).is_some_and(|told| told.undone_by.is_some());
        let touched = |c: &&Change| {
            !undone(c)
                && match document::outcome(story, &c.id) {
                    ChangeState::Ended(outcome) => {
                        outcome.applied() || matches!(outcome, Outcome::AlreadyFixed | Outcome::Stuck)
                    }
                    ChangeState::Interrupted => true,
                }
        };
        match &self.open {
            None => (4, "Resolved"),
            Some(_) if self.changes.iter().any(touched) => (2, "In Progress"),
            Some(_) => (1, "New"),
        }
    }

    /// Returns the severity that our own check assigns; an event that answers no finding is informational.
    fn severity(&self) -> (u32, &'static str) {
        match self.keys.iter().filter_map(|key| checks::find(&key.check)).map(|check| check.severity).max() {
            None => (1, "Informational"),
            Some(Severity::Low) => (2, "Low"),
            Some(Severity::Medium) => (3, "Medium"),
            Some(Severity::High) => (4, "High"),
            Some(Severity::Critical) => (5, "Critical"),
        }
    }

    fn resources(&self) -> Vec<&ResourceId> {
        let own = self.changes.iter().filter(|_| self.keys.is_empty()).map(|c| &c.resource);
        let named: BTreeMap<&str, &ResourceId> =
            self.keys.iter().map(|key| &key.resource).chain(own).map(|r| (r.as_str(), r)).collect();
        named.into_values().collect()
    }
}

fn resource(id: &ResourceId) -> Value {
    json!({ "uid": id.as_str(), "name": id.id(), "type": id.kind().words(), "region": id.region(),
        "cloud_partition": id.partition(),
        "owner": { "account": { "uid": id.account() } } })
}

fn told(change: &Change, story: &Story) -> Value {
    let told = story.changes.get(&change.id);
    json!({ "id": change.id, "action": change.action, "outcome": document::outcome(story, &change.id),
        "reason": told.map_or("", |t| &t.reason),
        "undone_by": told.and_then(|t| t.undone_by.as_ref()), "resource": change.resource.as_str() })
}
