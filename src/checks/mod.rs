//! Checks: pure rules over an inventory. The verdict of a check on a resource is that it violates, is fine,
//! is kept on purpose, or cannot be judged; a check must never take a fact that was not read for a good one,
//! and never does IO.

use serde_json::Value;

use crate::{
    finding::{Finding, Severity, Verdict},
    inventory::{Inventory, Want},
    resource::{Kind, ResourceId},
};

pub mod access_keys;
pub mod administrators;
pub mod console;
pub mod default_groups;
pub mod ebs_defaults;
pub mod egress;
pub mod endpoint_groups;
pub mod endpoints;
pub mod key_rotation;
pub mod keys;
pub mod listeners;
pub mod network_acls;
pub mod one;
pub mod openness;
pub mod passwords;
pub mod patterns;
pub mod policy;
pub mod ports;
pub mod proofs;
pub mod proofs_identities;
pub mod proofs_network;
pub mod revoked;
pub mod role_permissions;
pub mod root_user;
pub mod routes;
pub mod security_groups;
pub mod sharing;
pub mod snapshots;
pub mod subnets;
pub mod trails;
pub mod volumes;
pub mod vpcs;
pub mod web_acls;

/// The parameter that marks a proof as asked for again, later than at the end of its run: it then judges only
/// what the change changed and leaves out what people and schedulers change later.
pub const LATER: &str = "later";

/// A control of a framework or scanner that a check answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Control {
    /// The id of the framework in `intake/mapping.toml`: `security-hub`, `cis-3.0.0`, `prowler`.
    pub framework: &'static str,
    /// The id in that framework: `EC2.13`, `5.2`, `ec2_securitygroup_...`.
    pub id: &'static str,
}

/// The names under which frameworks and scanners know a check: the ids of its controls, by framework.
pub type KnownAs = &'static [(&'static str, &'static [&'static str])];

/// A rule over an inventory.
pub struct Check {
    /// The id, fixed for ever: users name it in playbooks and on the command line.
    pub id: &'static str,
    /// The violation, in one line.
    pub title: &'static str,
    /// The reason why a violation matters.
    pub why: &'static str,
    /// The severity of a violation.
    pub severity: Severity,
    /// The kind of resource that the check judges.
    pub kind: Kind,
    /// The controls of other frameworks and scanners that the check answers.
    pub known_as: KnownAs,
    /// The CloudTrail events that the check is run after: `ec2:CreateVpc`.
    pub triggers: &'static [&'static str],
    /// `true` if a scan runs the check. Checks that only prove changes are not scanned for.
    pub scanned: bool,
    /// The facts about a region that a scan must read for the check.
    pub reads: fn(region: &str) -> Vec<Want>,
    /// The facts that must be read to judge one resource, given the known ones; called again until it asks
    /// for nothing new.
    pub reads_one: fn(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Vec<Want>,
    /// The resources that the check can judge in an inventory, within the regions that a scan names.
    pub resources: fn(inventory: &Inventory, regions: &[String]) -> Vec<ResourceId>,
    /// The rule itself. `with` carries parameters (`null` for none).
    pub judge: fn(inventory: &Inventory, resource: &ResourceId, with: &Value) -> Verdict,
    /// The reason for which the check can judge nothing at all in a region, if a listing could not be read.
    pub silence: fn(inventory: &Inventory, region: &str) -> Option<String>,
    /// The tags of the resource.
    pub tags: fn(inventory: &Inventory, resource: &ResourceId) -> crate::inventory::Tags,
}

impl Check {
    /// Returns the controls of other frameworks and scanners that the check answers.
    pub fn controls(&self) -> impl Iterator<Item = Control> {
        self.known_as.iter().flat_map(|(framework, ids)| ids.iter().map(|id| Control { framework, id }))
    }
}

/// A check that could not be run at all in a region.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unjudged {
    /// The id of the check.
    pub check: String,
    /// The region.
    pub region: String,
    /// The reason.
    pub reason: String,
}

/// Returns all checks, in the order in which reports show them.
pub fn all() -> impl Iterator<Item = &'static Check> {
    [
        security_groups::CHECKS,
        default_groups::CHECKS,
        egress::CHECKS,
        vpcs::CHECKS,
        subnets::CHECKS,
        network_acls::CHECKS,
        routes::CHECKS,
        ebs_defaults::CHECKS,
        keys::CHECKS,
        listeners::CHECKS,
        web_acls::CHECKS,
        endpoints::CHECKS,
        endpoint_groups::CHECKS,
        trails::CHECKS,
        passwords::CHECKS,
        console::CHECKS,
        access_keys::CHECKS,
        key_rotation::CHECKS,
        role_permissions::CHECKS,
        root_user::CHECKS,
        revoked::CHECKS,
        volumes::CHECKS,
        snapshots::CHECKS,
        sharing::CHECKS,
        proofs::CHECKS,
        proofs_network::CHECKS,
        proofs_identities::CHECKS,
    ]
    .into_iter()
    .flatten()
}

/// Returns the check with this id.
pub fn find(id: &str) -> Option<&'static Check> {
    all().find(|check| check.id == id)
}

/// Judges one resource by one check, with the parameters that a playbook gives.
pub fn judge(inventory: &Inventory, check: &'static Check, resource: &ResourceId, with: &Value) -> Finding {
    finding(inventory, check, resource, (check.judge)(inventory, resource, with))
}

fn finding(inventory: &Inventory, check: &'static Check, resource: &ResourceId, verdict: Verdict) -> Finding {
    let tags = (check.tags)(inventory, resource);
    Finding {
        check: check.id.to_owned(),
        severity: check.severity,
        resource: resource.clone(),
        region: resource.region().to_owned(),
        verdict,
        suppressed: tags.get(crate::inventory::tag::IGNORE).map(|why| why.as_str().into()),
        tags,
        sources: vec!["scan".to_owned()],
    }
}

/// Runs checks over an inventory. Returns the findings on all resources that are not simply fine, and the
/// places where a check could not be run. `parameters` gives a check's `with`.
pub fn run(
    inventory: &Inventory,
    regions: &[String],
    checks: &[&'static Check],
    parameters: impl Fn(&str) -> Value,
) -> (Vec<Finding>, Vec<Unjudged>) {
    let (mut findings, mut unjudged) = (Vec::new(), Vec::new());
    for check in checks {
        let with = parameters(check.id);
        for region in regions {
            if let Some(reason) = (check.silence)(inventory, region) {
                unjudged.push(Unjudged { check: check.id.to_owned(), region: region.clone(), reason });
            }
        }
        for resource in (check.resources)(inventory, regions) {
            match (check.judge)(inventory, &resource, &with) {
                Verdict::Ok(None) => {}
                verdict => findings.push(finding(inventory, check, &resource, verdict)),
            }
        }
    }
    (findings, unjudged)
}
