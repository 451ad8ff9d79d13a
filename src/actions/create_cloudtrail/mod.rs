//! `create-cloudtrail`: an account without a trail of all regions gets one, with a bucket of its own; where
//! an existing trail can be raised, that one is raised instead. It never takes over, unasked, a bucket that
//! it did not create.

mod bucket;
mod key;
mod params;

use params::Parameters;
use serde_json::{Map, Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Prerequisite, Proof, Proposal, Refusal,
    concern::{self, Concern},
    make,
    raise_cloudtrail::{evidence_wants, raisable},
    support::{self, Subject, decode, known, recovery_tags, tag_list},
};
use crate::{
    calls::{Call, KeptOnce, Recognise, Risk, Step},
    checks::trails::{
        coverage::{Coverage, copies, coverage, covered_by_other},
        first_region,
    },
    inventory::{Fact, FamilyKind, Inventory, Tags, Trail, Want},
    resource::{Kind, Owner, ResourceId, account_in},
    services::{self, Operation, Planned, Spec, trail},
};

/// An action that gives an account a trail of all regions.
pub struct CreateCloudtrail;

impl Action for CreateCloudtrail {
    fn name(&self) -> &'static str {
        "create-cloudtrail"
    }
    fn title(&self) -> &'static str {
        "Give the account a trail that records all regions"
    }
    fn doc(&self) -> &'static str {
        include_str!("page.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &["cloudtrail-missing"]
    }
    fn target(&self) -> Kind {
        Kind::Account
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        const {
            &[
                Around::found(FamilyKind::Trails),
                // Those of the trails that there are, which may be raised instead.
                Around::found(FamilyKind::Buckets),
                Around::found(FamilyKind::Keys),
                Around::named(FamilyKind::Organizations).perhaps(),
            ]
        }
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter {
                name: "home_region",
                kind: "region",
                default: "\"\"",
                doc: "Where the trail and its bucket live; empty for the region of the plan, or the \
                      partition's first one.",
            },
            Parameter {
                name: "name",
                kind: "trail name",
                default: "\"redress\"",
                doc: "Name of the trail that is created.",
            },
            Parameter {
                name: "bucket",
                kind: "bucket name",
                default: "\"\"",
                doc: "Name of its bucket; empty for `redress-cloudtrail-<account>-<home region>`.",
            },
            Parameter {
                name: "key",
                kind: "ARN of a KMS key",
                default: "\"\"",
                doc: "Key of the log files and of the bucket's encryption, in the bucket's region; its \
                      policy must let CloudTrail use it. Empty for AES256.",
            },
            Parameter {
                name: "reuse_bucket",
                kind: "true or false",
                default: "false",
                doc: "Whether a bucket of this name that the account owns already, and that redress did not \
                      make, may be used.",
            },
        ]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        decode::<Parameters>(with)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Vec<Want> {
        let Ok(plan) = Plan::of(context, target, with) else { return Vec::new() };
        let mut wants = vec![
            Want::trails(&plan.home),
            Want::id(&plan.home, FamilyKind::Trails, plan.trail.as_str()),
            Want::id("", FamilyKind::Buckets, &plan.bucket),
        ];
        if !plan.parameters.key.is_empty() {
            wants.push(Want::key(&plan.bucket_region, &plan.parameters.key));
            wants.push(Want::key_policy(&plan.bucket_region, &plan.parameters.key));
        }
        wants.extend(
            context
                .inventory
                .trails
                .known()
                .filter(|(_, t)| !t.is_multi_region)
                .flat_map(|(_, t)| evidence_wants(t)),
        );
        wants
    }
    fn operations(&self) -> &'static [Spec] {
        const {
            &[
                <services::bucket::CreateBucket>::SPEC,
                <services::bucket::DeleteBucket>::SPEC,
                <services::bucket::PutBucketTagging>::SPEC,
                <services::bucket::PutPublicAccessBlock>::SPEC,
                <services::bucket::PutBucketVersioning>::SPEC,
                <services::bucket::PutBucketEncryption>::SPEC,
                <services::bucket::PutBucketPolicy>::SPEC,
                <services::trail::CreateTrail>::SPEC,
                <services::trail::DeleteTrail>::SPEC,
                <services::trail::StartLogging>::SPEC,
                <services::trail::StopLogging>::SPEC,
            ]
        }
    }
    fn concerns(&self) -> concern::Table {
        // An undo deletes the trail, and with it whatever somebody has set up in it since.
        const { &[(FamilyKind::Trails, Concern::but(&["tags"]))] }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let plan = Plan::of(context, target, with)?;
        let inventory = context.inventory;
        let listing = inventory
            .trails
            .reads
            .get(&format!("region={}", plan.home))
            .or_else(|| inventory.trails.reads.get("*"));
        known(listing.cloned().unwrap_or_default(), "the list of the account's trails")?;
        match coverage(inventory, None) {
            Coverage::By(trail) if account_in(&trail.id) != Some(inventory.owner.account.as_str()) => {
                return Err(Refusal::Nothing(format!("the organization's trail {} records it", trail.id)));
            }
            // After the change that this one depends on, the raised trail is the one that records all
            // regions: the proposal stays the same, so that the plan does not fall apart over its own
            // success.
            Coverage::By(trail) => return Ok(plan.raise_instead(target, trail)),
            Coverage::ByOther(trail) => return Err(Refusal::Nothing(covered_by_other(trail))),
            Coverage::Unknown(reasons) => return Err(Refusal::Unknown(reasons.join("; "))),
            Coverage::None => {}
        }
        match raisable_trail(inventory)? {
            Some(trail) => Ok(plan.raise_instead(target, trail)),
            None => plan.create(context, target),
        }
    }
}

/// Returns the trail of the account that is raised instead of creating another. Trails that lack something
/// else as well come first: they are raised anyway, and a complete one then need not be changed.
fn raisable_trail(inventory: &Inventory) -> Result<Option<&Trail>, Refusal> {
    let mut candidates: Vec<&Trail> =
        inventory.trails.known().map(|(_, t)| t).filter(|t| !t.is_multi_region).collect();
    candidates.retain(|t| t.all_management_events != Fact::Known(false));
    candidates.sort_by_key(|t| (t.is_logging == Fact::Known(true) && t.log_file_validation, t.id.clone()));
    for trail in candidates {
        match raisable(inventory, trail) {
            Ok(_) => {
                let events = trail.all_management_events.as_ref();
                let question = format!("which events trail {} records", trail.name);
                if known(events, Subject::Question(&question))? == Some(&true) {
                    return Ok(Some(trail));
                }
            }
            // A stopped trail to a bucket of another account stays in doubt for ever, and costs nothing
            // beside a new one: what it would cost once somebody starts it is part of the impact.
            Err(Refusal::Unknown(_))
                if trail.is_logging == Fact::Known(false) && delivers_elsewhere(inventory, trail) => {}
            Err(Refusal::Unknown(why)) => {
                return Err(Refusal::Unknown(format!(
                    "redress could not find out whether trail {} can be raised, which would make another \
                     unnecessary: {why}",
                    trail.name
                )));
            }
            Err(Refusal::Refused(_) | Refusal::Nothing(_)) => {}
        }
    }
    Ok(None)
}

/// Returns whether a trail is known to deliver to a bucket of another account.
fn delivers_elsewhere(inventory: &Inventory, trail: &Trail) -> bool {
    inventory.buckets.get(&trail.s3_bucket_name).known().is_some_and(|bucket| !bucket.owned)
}

/// The names of the resources that are to be created.
struct Plan {
    owner: Owner,
    home: String,
    trail: ResourceId,
    bucket: String,
    /// The region of the bucket: a trail may deliver to a bucket of another region, and the calls on a bucket
    /// go to its own.
    bucket_region: String,
    parameters: Parameters,
}

impl Plan {
    fn of(context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Self, Refusal> {
        let parameters: Parameters = support::params(with)?;
        let owner = context.inventory.owner.clone();
        let home = [parameters.home_region.as_str(), context.region, first_region(target.partition())]
            .into_iter()
            .find(|r| !r.is_empty())
            .unwrap_or_default()
            .to_owned();
        let bucket = if parameters.bucket.is_empty() {
            format!("redress-cloudtrail-{}-{home}", owner.account)
        } else {
            parameters.bucket.clone()
        };
        let found = context.inventory.buckets.get(&bucket);
        let place = found.known().and_then(|b| b.region.known()).cloned();
        Ok(Self {
            trail: owner.trail(&home, &parameters.name),
            owner,
            bucket_region: place.unwrap_or_else(|| home.clone()),
            home,
            bucket,
            parameters,
        })
    }

    /// Returns the proof that the account has a trail of all regions.
    fn account_proof(&self, target: &ResourceId) -> Proof {
        Proof {
            check: "cloudtrail-missing".into(),
            resource: target.clone(),
            with: json!({ "region": self.home }),
        }
    }

    /// Proposes a change without steps: the finding is closed by raising that trail, which this change
    /// depends on.
    fn raise_instead(&self, target: &ResourceId, trail: &Trail) -> Proposal {
        let prerequisite = ResourceId::try_from(trail.id.clone()).ok().map(|resource| Prerequisite {
            action: "raise-cloudtrail",
            resource,
            with: json!({}),
            for_a_finding: false,
        });
        Proposal {
            summary: format!(
                "trail {} can be made to record all regions: it is raised, and no other is created",
                trail.name
            ),
            steps: Vec::new(),
            risk: Risk::Safe,
            impact: vec![format!("no second trail is created, since {} can do it", trail.name)],
            before: json!({ "multi_region_trail": null }),
            after: json!({ "multi_region_trail": trail.id }),
            proof: vec![self.account_proof(target)],
            not_restored: Vec::new(),
            guards: Vec::new(),
            touches: vec![Want::id(&trail.home_region, FamilyKind::Trails, &trail.id)],
            prerequisites: prerequisite.into_iter().collect(),
        }
    }

    fn create(&self, context: &Context<'_>, target: &ResourceId) -> Result<Proposal, Refusal> {
        let inventory = context.inventory;
        if known(inventory.trails.get(self.trail.as_str()), &format!("trail {}", self.parameters.name))?
            .is_some()
        {
            return Err(Refusal::Refused(format!(
                "a trail named {} exists in {} and cannot be raised: set that one right, or give the \
                 parameter `name` another value",
                self.parameters.name, self.home
            )));
        }
        let (mut steps, bucket_note) = bucket::steps(self, inventory)?;
        let key_note = key::usable(self, inventory)?;
        steps.extend([self.create_trail()?, self.start()]);
        let exists = inventory.buckets.get(&self.bucket).known().is_some();
        let encryption = match self.parameters.key.as_str() {
            "" if exists => None,
            "" => Some("AES256"),
            _ => Some("aws:kms"),
        };
        let mut raised = json!({ "is_logging": true, "is_multi_region": true, "log_file_validation": true,
            "bucket": self.bucket });
        if let Some(key) = self.key() {
            raised["key"] = json!(key);
        }
        let bucket = self.owner.bucket(&self.bucket);
        Ok(Proposal {
            summary: format!(
                "create trail {} for all regions in {}, delivering to bucket {}",
                self.parameters.name, self.home, self.bucket
            ),
            steps,
            risk: Risk::Safe,
            impact: self.impact(inventory),
            before: json!({ "multi_region_trail": null }),
            after: json!({ "multi_region_trail": self.trail, "bucket": self.bucket,
                "encryption": encryption }),
            proof: vec![
                self.account_proof(target),
                Proof { check: "trail-raised".into(), resource: self.trail.clone(), with: raised },
                Proof {
                    check: "trail-bucket-as-planned".into(),
                    resource: bucket,
                    with: json!({ "trail": self.trail, "encryption": encryption }),
                },
            ],
            not_restored: vec!["what is not recorded after an undo has removed the trail".to_owned()],
            guards: [bucket_note].into_iter().chain(key_note).collect(),
            // The bucket stays after an undo, so it does not belong to the state that an undo restores.
            touches: vec![Want::id(&self.home, FamilyKind::Trails, self.trail.as_str())],
            prerequisites: Vec::new(),
        })
    }

    fn impact(&self, inventory: &Inventory) -> Vec<String> {
        let first =
            || "the first copy of management events is free of charge; storing them in S3 is not".to_owned();
        vec![
            copies(inventory, &self.home, None).unwrap_or_else(first),
            "only trails that can be seen from the regions of this plan were looked at".to_owned(),
            "no log file is ever deleted by a lifecycle rule: set one if logs are not to be kept for ever"
                .to_owned(),
        ]
    }

    /// Returns the key of the log files, where one was asked for.
    fn key(&self) -> Option<String> {
        Some(self.parameters.key.clone()).filter(|key| !key.is_empty())
    }

    fn recovery(&self) -> Result<Map<String, Value>, Refusal> {
        recovery_tags(&Tags::new(), &[])
    }

    fn create_trail(&self) -> Result<Step, Refusal> {
        let (home, arn, name) = (self.home.as_str(), self.trail.as_str(), self.parameters.name.as_str());
        let create = trail::CreateTrail::<Planned> {
            name: name.to_owned(),
            s3_bucket_name: self.bucket.clone(),
            s3_key_prefix: None,
            include_global_service_events: Some(true),
            is_multi_region_trail: Some(true),
            enable_log_file_validation: Some(true),
            kms_key_id: self.key(),
            tags_list: tag_list(&self.recovery()?),
        };
        // A trail of this name that somebody else has created in the meantime does not carry the run's tag.
        let ours = make::is(
            home,
            FamilyKind::Trails,
            arn,
            "/tags/known/redress:run",
            crate::calls::reference::run(),
        );
        let mut act = make::act(Call::of(home, &create), vec![ours]);
        act.recognise = match act.recognise {
            Recognise::Looks { expect, .. } => {
                Recognise::Looks { expect, outputs: [("TrailARN".to_owned(), json!(arn))].into() }
            }
            tagged => tagged,
        };
        let delete = make::act(
            Call::of(home, &trail::DeleteTrail { name: arn.to_owned() }),
            vec![make::gone(home, FamilyKind::Trails, arn)],
        );
        Ok(make::step("create-trail", format!("create trail {name}"), act, make::back(vec![delete])))
    }

    fn start(&self) -> Step {
        let (home, arn) = (self.home.as_str(), self.trail.as_str());
        let logs = |on: bool| vec![make::is(home, FamilyKind::Trails, arn, "/is_logging/known", on)];
        let switched = make::Switched {
            set: Call::of(home, &trail::StartLogging { name: arn.to_owned() }),
            back: Call::of(home, &trail::StopLogging { name: arn.to_owned() }),
            was: logs(false),
            becomes: logs(true),
            within: 120,
        };
        let title = format!("start trail {}", self.parameters.name);
        make::switch("start-logging", title, switched, ["the trail logs", "the trail has stopped"])
    }
}

/// Returns the step after which the bucket is kept: it may contain logs.
fn once_logging() -> Option<KeptOnce> {
    Some(KeptOnce { step: "start-logging".to_owned(), reason: "it may hold logs".to_owned() })
}

/// Builds the note of the guard for the bucket's name.
fn bucket_passed(note: impl Into<String>) -> GuardNote {
    GuardNote::passed("bucket-name", note)
}

#[cfg(test)]
mod tests;
