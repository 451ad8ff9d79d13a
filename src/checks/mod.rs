//! Checks: pure rules over an inventory. A check says of one resource that it violates, is fine, is kept on purpose,
//! or that nothing can be said; it must never take a fact that was not read for a good one, and never does IO.

use serde_json::Value;

use crate::{
    finding::{Finding, Severity, Verdict},
    inventory::{Inventory, Want},
    resource::{Kind, ResourceId},
};

pub mod ebs_defaults;
pub mod keys;
pub mod one;
pub mod policy;
pub mod ports;
pub mod proofs;
pub mod proofs_network;
pub mod security_groups;
pub mod snapshots;
pub mod subnets;
pub mod trails;
pub mod volumes;
pub mod vpcs;

/// The parameter that says of a proof that it is asked for again, later than at the end of its run: it then judges what
/// the change changed and leaves out what people and schedulers change on.
pub const LATER: &str = "later";

/// A control of a framework or scanner that a check answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Control {
    /// `security-hub`, `cis-3.0.0`, `cis-5.0.0`, `prowler`.
    pub framework: &'static str,
    /// The id in that framework: `EC2.13`, `5.2`, `ec2_securitygroup_...`.
    pub id: &'static str,
}

/// A rule over an inventory.
pub struct Check {
    /// Its id, fixed for ever: users name it in playbooks and on the command line.
    pub id: &'static str,
    /// What is wrong, in one line.
    pub title: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// How grave a violation is.
    pub severity: Severity,
    /// The kind of resource it judges.
    pub kind: Kind,
    /// The ids under which others know it.
    pub controls: &'static [Control],
    /// Names of the CloudTrail events after which it should run.
    pub triggers: &'static [&'static str],
    /// Whether a scan runs it. Checks that only prove changes are not scanned for.
    pub scanned: bool,
    /// What a scan of a region must read for it.
    pub reads: fn(region: &str) -> Vec<Want>,
    /// What must be read to judge this one resource, given what is known so far; called again until it asks for
    /// nothing new.
    pub reads_one: fn(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Vec<Want>,
    /// The resources it can judge in an inventory, within the regions that a scan names.
    pub resources: fn(inventory: &Inventory, regions: &[String]) -> Vec<ResourceId>,
    /// The rule itself. `with` carries parameters (`null` for none).
    pub judge: fn(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict,
    /// The region that a scan blames for a listing it could not read, and why: for each of `regions`, the reason that
    /// the check can say nothing there at all.
    pub silence: fn(inventory: &Inventory, region: &str) -> Option<String>,
    /// The resource's tags.
    pub tags: fn(inventory: &Inventory, resource: &ResourceId) -> crate::inventory::Tags,
}

/// A check that could not be run at all somewhere.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unjudged {
    /// The check's id.
    pub check: String,
    /// Where.
    pub region: String,
    /// Why.
    pub reason: String,
}

/// All checks, in the order in which reports show them.
pub fn all() -> impl Iterator<Item = &'static Check> {
    [
        security_groups::CHECKS,
        vpcs::CHECKS,
        subnets::CHECKS,
        ebs_defaults::CHECKS,
        keys::CHECKS,
        trails::CHECKS,
        volumes::CHECKS,
        snapshots::CHECKS,
        proofs::CHECKS,
        proofs_network::CHECKS,
    ]
    .into_iter()
    .flatten()
}

/// The check with this id.
pub fn find(id: &str) -> Option<&'static Check> {
    all().find(|check| check.id == id)
}

/// Judges one resource by one check, with the parameters that a playbook gives.
pub fn judge(inventory: &Inventory, check: &'static Check, resource: &ResourceId, with: &Value) -> Finding {
    let tags = (check.tags)(inventory, resource);
    Finding {
        check: check.id.to_owned(),
        severity: check.severity,
        resource: resource.clone(),
        region: resource.region().to_owned(),
        verdict: (check.judge)(inventory, resource, with),
        suppressed: tags.get(crate::inventory::tag::IGNORE).cloned(),
        tags,
        sources: vec!["scan".to_owned()],
    }
}

/// Runs checks over an inventory: what each said of each resource that is not simply fine, and where a check could
/// not be run. `parameters` gives a check's `with`.
pub fn run(inventory: &Inventory, regions: &[String], checks: &[&'static Check], parameters: impl Fn(&str) -> Value) -> (Vec<Finding>, Vec<Unjudged>) {
    let (mut findings, mut unjudged) = (Vec::new(), Vec::new());
    for check in checks {
        let with = parameters(check.id);
        for region in regions {
            if let Some(reason) = (check.silence)(inventory, region) {
                unjudged.push(Unjudged { check: check.id.to_owned(), region: region.clone(), reason });
            }
        }
        for resource in (check.resources)(inventory, regions) {
            let finding = judge(inventory, check, &resource, &with);
            if !matches!(finding.verdict, Verdict::Ok(None)) {
                findings.push(finding);
            }
        }
    }
    (findings, unjudged)
}
