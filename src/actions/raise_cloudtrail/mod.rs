//! `raise-cloudtrail`: an existing trail is made to log, to record all regions and to write digests. Only the
//! missing settings are changed, nothing is ever lowered, and the trail's bucket is never changed.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    make,
    support::{Subject, decode, need, ownership, params},
};
use crate::{
    calls::{Call, Expect, Risk, Step},
    checks::trails::{
        awaits_delivery,
        bucket::{Delivery, delivery_in},
        coverage::{Coverage, copies, coverage, covered_by_other, unknown_events},
    },
    inventory::{Fact, FamilyKind, Inventory, Organization, Trail, Want},
    resource::{Kind, ResourceId, account_in},
    services::{
        Operation, Spec,
        trail::{StartLogging, StopLogging, UpdateTrail},
    },
};

/// The age up to which a delivery without an error still proves that the bucket accepts logs.
const RECENT: SignedDuration = SignedDuration::from_hours(24);
/// Seconds within which a trail's new settings have to show.
const SHOWS_WITHIN: u64 = 120;

/// An action that makes a trail log, record all regions and write digests.
pub struct RaiseCloudtrail;

/// The parameters, of which there are none: a trail is raised in one way only.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

impl Action for RaiseCloudtrail {
    fn name(&self) -> &'static str {
        "raise-cloudtrail"
    }
    fn title(&self) -> &'static str {
        "Make a trail log, record all regions and write digests"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &["cloudtrail-not-logging", "cloudtrail-no-log-validation"]
    }
    fn target(&self) -> Kind {
        Kind::Trail
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::found(FamilyKind::Trails),
                Around::found(FamilyKind::Buckets),
                Around::named(FamilyKind::Keys),
                Around::named(FamilyKind::Organizations).perhaps(),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        decode::<Parameters>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        let mut wants = vec![
            Want::trails(target.region()),
            Want::id(target.region(), FamilyKind::Trails, target.as_str()),
        ];
        if let Fact::Known(trail) = context.inventory.trails.get(target.as_str()) {
            wants.extend(evidence_wants(trail));
        }
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<UpdateTrail>::SPEC, <StartLogging>::SPEC, <StopLogging>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const RAISED: &[&str] =
            &["is_multi_region", "include_global_service_events", "log_file_validation", "is_logging"];
        const { &[(FamilyKind::Trails, Concern::these(RAISED))] }
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        params::<Parameters>(with)?;
        let inventory = context.inventory;
        let trail = need(inventory.trails.get(target.as_str()), &format!("trail {}", target.id()))?;
        if !trail.is_multi_region {
            // The other trails of the account must have been listed, or nothing is known of them.
            let listing = inventory
                .trails
                .reads
                .get(&format!("region={}", target.region()))
                .or_else(|| inventory.trails.reads.get("*"));
            need(listing.cloned().unwrap_or_default(), "the list of the account's trails")?;
        }
        let owner =
            by_name(trail).map(|by| ownership(&format!("trail {}", trail.name), Some(by), context.options));
        let owner = owner.transpose()?;
        let bucket = raisable(inventory, trail)?;
        let logs = *need(trail.is_logging.as_ref(), Subject::Question("whether the trail logs"))?;
        let plan = Plan::of(inventory, trail, logs);
        if plan.nothing() {
            return Err(Refusal::Nothing(format!(
                "{} logs, writes digests, and is multi-region or need not be{}",
                trail.name,
                plan.left.map(|why| format!(" ({why})")).unwrap_or_default()
            )));
        }
        Ok(plan.proposal(context, target, owner.into_iter().chain([bucket]).collect()))
    }
}

/// Returns the service that made a trail, by its name: Control Tower takes a change of its trail for drift
/// (<https://docs.aws.amazon.com/controltower/latest/userguide/drift.html>).
fn by_name(trail: &Trail) -> Option<String> {
    trail.name.starts_with("aws-controltower-").then(|| format!("Control Tower (its name is {})", trail.name))
}

/// Returns the facts that show whether a trail can be raised.
pub fn evidence_wants(trail: &Trail) -> Vec<Want> {
    let key = trail.kms_key_id.iter().map(|key| Want::key(&trail.home_region, key));
    let organization =
        trail.is_organization.then(|| Want::id("", FamilyKind::Organizations, Organization::ID));
    key.chain(organization).chain([Want::id("", FamilyKind::Buckets, &trail.s3_bucket_name)]).collect()
}

/// The answer to the question whether a trail should record all regions.
#[derive(Debug, Clone, PartialEq)]
pub enum Lacking<'a> {
    /// It records the management events of one region only, and no other trail records those of all.
    Yes,
    /// It does already, or need not: it records no management events, or another trail does it.
    No,
    /// This trail of another account covers the account, as far as can be seen from here.
    Covered(&'a Trail),
    /// Another trail may do it, for these reasons, and a second copy of the events would be billed.
    Unknown(Vec<String>),
}

/// Returns whether a trail should record all regions.
pub fn multi_region_lacking<'a>(inventory: &'a Inventory, trail: &Trail) -> Lacking<'a> {
    match &trail.all_management_events {
        _ if trail.is_multi_region => return Lacking::No,
        Fact::Known(true) => {}
        Fact::Known(false) | Fact::Absent => return Lacking::No,
        silent => return Lacking::Unknown(vec![unknown_events(&trail.id, silent)]),
    }
    match coverage(inventory, Some(&trail.id)) {
        Coverage::By(_) => Lacking::No,
        Coverage::ByOther(other) => Lacking::Covered(other),
        Coverage::None => Lacking::Yes,
        Coverage::Unknown(reasons) => Lacking::Unknown(reasons),
    }
}

/// Checks that a trail may be changed and can deliver.
///
/// # Errors
/// A refusal that names what is missing, or what is not known.
pub fn raisable(inventory: &Inventory, trail: &Trail) -> Result<GuardNote, Refusal> {
    let account = &inventory.owner.account;
    if let Some(owner) = account_in(&trail.id).filter(|owner| owner != account) {
        return Err(Refusal::Refused(format!(
            "{} is a trail of the organization and belongs to account {owner}: change it there, or as the \
             delegated administrator for CloudTrail",
            trail.name
        )));
    }
    let fails = trail.is_logging == Fact::Known(true) && !awaits_delivery(trail, inventory.read_at);
    if let Some(error) = trail.latest_delivery_error.known().filter(|e| fails && !e.is_empty()) {
        let hint = usable(inventory, trail).err().map(|r| format!(" ({})", why(&r))).unwrap_or_default();
        return Err(Refusal::Refused(format!(
            "{} logs, but its last delivery failed with {error}{hint}: set the bucket {} or the trail's key \
             right; redress never changes a trail's bucket",
            trail.name, trail.s3_bucket_name
        )));
    }
    match (usable(inventory, trail), delivered(inventory, trail)) {
        (Ok(()), _) => Ok(GuardNote::passed(
            "bucket",
            format!("the policy of {} lets the trail deliver", trail.s3_bucket_name),
        )),
        (Err(Refusal::Unknown(_)), true) => Ok(GuardNote::passed(
            "bucket",
            format!("the trail delivered to {} within the last day without an error", trail.s3_bucket_name),
        )),
        (Err(refusal), _) => Err(refusal),
    }
}

fn why(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::Refused(why) | Refusal::Unknown(why) | Refusal::Nothing(why) => why,
    }
}

/// Returns whether the trail delivered within [`RECENT`], without an error since.
fn delivered(inventory: &Inventory, trail: &Trail) -> bool {
    let clean = match &trail.latest_delivery_error {
        Fact::Absent => true,
        Fact::Known(error) => error.is_empty(),
        _ => false,
    };
    clean
        && trail
            .latest_delivery_time
            .known()
            .is_some_and(|time| inventory.read_at.duration_since(*time) < RECENT)
}

/// Checks that bucket and key can be used, by their settings.
fn usable(inventory: &Inventory, trail: &Trail) -> Result<(), Refusal> {
    let name = &trail.s3_bucket_name;
    if let Some(id) = &trail.kms_key_id {
        let key = need(inventory.key(&trail.home_region, id), &format!("the trail's key {id}"))?;
        if key.key_state != "Enabled" {
            return Err(Refusal::Refused(format!(
                "the trail's key {id} is {}: enable it, or give the trail another key",
                key.key_state
            )));
        }
    }
    let bucket = match inventory.buckets.get(name) {
        Fact::Absent => {
            return Err(Refusal::Refused(format!(
                "its bucket {name} does not exist: create it with a policy for CloudTrail, or give the trail \
                 another"
            )));
        }
        fact => need(fact, &format!("its bucket {name}"))?,
    };
    if !bucket.owned {
        return Err(Refusal::Unknown(format!(
            "its bucket {name} belongs to another account, so that its policy cannot be read"
        )));
    }
    let policy = match &bucket.policy {
        Fact::Absent => &json!({}),
        fact => need(fact.as_ref(), &format!("the policy of its bucket {name}"))?,
    };
    let organization = inventory.organization();
    match delivery_in(policy, trail, &inventory.owner.account, organization.known().copied()) {
        Delivery::Allowed => Ok(()),
        Delivery::Missing(lacking) => Err(Refusal::Refused(format!(
            "the policy of its bucket {name} does not allow {}: add that to the policy first",
            lacking.join(", nor ")
        ))),
        Delivery::Unprovable(why) => Err(Refusal::Unknown(format!(
            "redress could not find out whether CloudTrail can deliver to its bucket {name}: {why}"
        ))),
    }
}

/// The settings that are missing.
struct Plan<'a> {
    trail: &'a Trail,
    multi_region: bool,
    /// The reason why it is not made to record all regions, where that is not plain.
    left: Option<String>,
    /// The note on a copy of management events that is billed.
    copies: Option<String>,
    validation: bool,
    start: bool,
}

impl<'a> Plan<'a> {
    fn of(inventory: &Inventory, trail: &'a Trail, logs: bool) -> Self {
        let lacking = multi_region_lacking(inventory, trail);
        let left = match &lacking {
            Lacking::Yes | Lacking::No => None,
            Lacking::Covered(other) => Some(covered_by_other(other)),
            Lacking::Unknown(reasons) => Some(reasons.join("; ")),
        };
        Self {
            trail,
            multi_region: lacking == Lacking::Yes,
            left,
            copies: copies(inventory, &trail.home_region, Some(&trail.id)),
            validation: !trail.log_file_validation,
            start: !logs,
        }
    }

    fn nothing(&self) -> bool {
        !(self.multi_region || self.validation || self.start)
    }

    fn proposal(self, context: &Context<'_>, target: &ResourceId, guards: Vec<GuardNote>) -> Proposal {
        let trail = self.trail;
        let now = json!({
            "is_logging": !self.start, "is_multi_region": trail.is_multi_region,
            "log_file_validation": trail.log_file_validation,
            "include_global_service_events": trail.include_global_service_events,
        });
        let then = json!({
            "is_logging": true, "is_multi_region": trail.is_multi_region || self.multi_region,
            "log_file_validation": true,
            "include_global_service_events": trail.include_global_service_events || self.multi_region,
        });
        let with = json!({
            "is_logging": true, "is_multi_region": then["is_multi_region"], "log_file_validation": true,
            "bucket": trail.s3_bucket_name,
        });
        let mut proof = vec![Proof { check: "trail-raised".into(), resource: target.clone(), with }];
        let asked = context.checks.iter().filter(|c| RaiseCloudtrail.answers().contains(&c.as_str()));
        proof.extend(asked.map(|c| Proof { check: c.clone(), resource: target.clone(), with: Value::Null }));
        Proposal {
            summary: format!("raise trail {}: {}", trail.name, self.words().join(", ")),
            steps: self.steps(),
            risk: Risk::Safe,
            impact: self.impact(),
            before: now,
            after: then,
            proof,
            not_restored: if self.start {
                vec!["what is not recorded after an undo has stopped the trail again".to_owned()]
            } else {
                Vec::new()
            },
            guards,
            touches: vec![Want::id(&trail.home_region, FamilyKind::Trails, &trail.id)],
            prerequisites: Vec::new(),
        }
    }

    fn words(&self) -> Vec<&'static str> {
        self.settings().into_iter().chain(self.start.then_some("start logging")).collect()
    }

    /// Returns the settings that are changed, in words.
    fn settings(&self) -> Vec<&'static str> {
        let all =
            [(self.multi_region, "record all regions"), (self.validation, "write digests of log files")];
        all.into_iter().filter(|(lacking, _)| *lacking).map(|(_, words)| words).collect()
    }

    fn impact(&self) -> Vec<String> {
        let mut impact = vec![format!(
            "it goes on delivering to bucket {}, which is not changed",
            self.trail.s3_bucket_name
        )];
        if self.start {
            impact.push(
                "what happened while it was stopped is in no log and cannot be recovered; find out who \
                 stopped it (CloudTrail event StopLogging)"
                    .to_owned(),
            );
        }
        if self.multi_region {
            impact.push(
                "it will also store the events of all other regions and of global services: its bucket grows \
                 faster"
                    .to_owned(),
            );
        }
        if self.multi_region || self.start {
            impact.extend(self.copies.clone());
        }
        if let Some(why) = &self.left {
            impact.push(format!(
                "it is not made to record all regions, since another trail may do that: {why}"
            ));
        }
        impact
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.multi_region || self.validation {
            steps.push(self.update());
        }
        if self.start {
            steps.push(self.started());
        }
        steps
    }

    /// Expects a member of the trail to have a value.
    fn shows(&self, at: &str, value: bool) -> Expect {
        make::is(&self.trail.home_region, FamilyKind::Trails, self.trail.id.as_str(), at, value)
    }

    fn update(&self) -> Step {
        let t = self.trail;
        let mut forth = UpdateTrail { name: t.id.clone(), ..UpdateTrail::default() };
        let mut back = forth.clone();
        let mut members = Vec::new();
        if self.multi_region {
            (forth.is_multi_region_trail, back.is_multi_region_trail) = (Some(true), Some(false));
            // AWS accepts no multi-region trail without them.
            (forth.include_global_service_events, back.include_global_service_events) =
                (Some(true), Some(t.include_global_service_events));
            members.push(("/is_multi_region", false));
            members.push(("/include_global_service_events", t.include_global_service_events));
        }
        if self.validation {
            (forth.enable_log_file_validation, back.enable_log_file_validation) = (Some(true), Some(false));
            members.push(("/log_file_validation", false));
        }
        let title = format!("set trail {} to {}", t.name, self.settings().join(" and "));
        let switched = make::Switched {
            set: Call::of(&t.home_region, &forth),
            back: Call::of(&t.home_region, &back),
            was: members.iter().map(|(at, was)| self.shows(at, *was)).collect(),
            becomes: members.iter().map(|(at, _)| self.shows(at, true)).collect(),
            within: SHOWS_WITHIN,
        };
        make::switch(
            "update",
            title,
            switched,
            ["the trail shows its new settings", "the trail shows its former settings"],
        )
    }

    fn started(&self) -> Step {
        let t = self.trail;
        let switched = make::Switched {
            set: Call::of(&t.home_region, &StartLogging { name: t.id.clone() }),
            back: Call::of(&t.home_region, &StopLogging { name: t.id.clone() }),
            was: vec![self.shows("/is_logging/known", false)],
            becomes: vec![self.shows("/is_logging/known", true)],
            within: SHOWS_WITHIN,
        };
        let shown = ["the trail logs", "the trail has stopped"];
        make::switch("start", format!("start trail {}", t.name), switched, shown)
    }
}

#[cfg(test)]
mod tests;
