//! Trails, as CloudTrail treats them
//! (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/Welcome.html>).

use super::{
    OnTwin, done, output,
    tag::{checked, within_limit},
};
use crate::{
    calls::{CallError, Outcome},
    inventory::{Fact, FamilyKind, Trail},
    resource::{account_in, region_in},
    services::trail::{CreateTrail, DeleteTrail, StartLogging, StopLogging, UpdateTrail},
    twin::{
        Twin,
        effect::Effect,
        errors::{must, refuse, unknown},
        keys, policy, take_away,
    },
};

/// Trails that a region can show, those of other regions that it sees included.
const LIMIT: usize = 5;
/// Seconds from the start of logging to the first delivery.
const DELIVERY_SECONDS: u64 = 300;

impl OnTwin for CreateTrail {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let name = &self.name;
        let fits = (3..=128).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !fits {
            return Err(refuse(
                "InvalidTrailNameException",
                format!("{name:?} is not a name that CloudTrail takes"),
            ));
        }
        let tags = checked(&self.tags_list, "InvalidTagParameterException")?;
        within_limit(&tags)?;
        let arn = t.truth.owner.trail(region, name).to_string();
        match listed(t, region, &arn) {
            Fact::Absent => {}
            Fact::Known(_) => {
                return Err(refuse(
                    "TrailAlreadyExistsException",
                    format!("Trail {name} already exists in region {region}"),
                ));
            }
            silent => {
                return Err(unknown(&format!("the trail {name}"), silent.silence().unwrap_or("not read")));
            }
        }
        let seen = t
            .truth
            .trails
            .known()
            .filter(|(_, trail)| trail.home_region == region || trail.is_multi_region)
            .count();
        if seen >= LIMIT {
            return Err(refuse(
                "MaximumNumberOfTrailsExceededException",
                format!("the region already has {LIMIT} trails"),
            ));
        }
        let kms_key_id = key(t, region, &arn, &self)?;
        let trail = Trail {
            id: arn.clone(),
            name: name.clone(),
            home_region: region.to_owned(),
            is_multi_region: self.is_multi_region_trail == Some(true),
            s3_bucket_name: self.s3_bucket_name,
            s3_key_prefix: self.s3_key_prefix,
            log_file_validation: self.enable_log_file_validation == Some(true),
            include_global_service_events: self.include_global_service_events.unwrap_or(true),
            kms_key_id,
            is_logging: Fact::Known(false),
            latest_delivery_error: Fact::Known(String::new()),
            latest_delivery_time: Fact::Absent,
            start_logging_time: Fact::Absent,
            all_management_events: Fact::Known(true),
            tags: Fact::Known(tags),
            ..Trail::default()
        };
        check(t, &trail)?;
        t.made(FamilyKind::Trails, &arn);
        t.truth.trails.put(arn.clone(), trail);
        output("TrailARN", arn)
    }
}

/// Returns a trail; absent where the listing of its home region was read and does not contain it.
fn listed<'a>(t: &'a Twin, region: &str, arn: &str) -> Fact<&'a Trail> {
    match t.truth.trails.get(arn) {
        Fact::NotRead
            if matches!(t.truth.trails.reads.get(&format!("region={region}")), Some(Fact::Known(()))) =>
        {
            Fact::Absent
        }
        fact => fact,
    }
}

/// Checks the requirements that CloudTrail has for a trail before it keeps it: a bucket that accepts its
/// deliveries.
fn check(t: &Twin, trail: &Trail) -> Result<(), CallError> {
    if trail.is_multi_region && !trail.include_global_service_events {
        return Err(refuse(
            "InvalidParameterCombinationException",
            "Multi-Region trail must include global service events.",
        ));
    }
    let name = &trail.s3_bucket_name;
    let bucket = must(t.truth.buckets.get(name), name, || {
        refuse("S3BucketDoesNotExistException", format!("S3 bucket {name} does not exist!"))
    })?;
    let wrong = || {
        refuse(
            "InsufficientS3BucketPolicyException",
            format!("Incorrect S3 bucket policy is detected for bucket: {name}"),
        )
    };
    // The policy of somebody else's bucket cannot be read; the twin assumes that it lets nobody in.
    if !bucket.owned {
        return Err(wrong());
    }
    match policy::trail_may_deliver(t, trail) {
        Fact::Known(true) => Ok(()),
        Fact::Known(false) | Fact::Absent => Err(wrong()),
        silent => Err(unknown(&format!("the policy of {name}"), silent.silence().unwrap_or("not read"))),
    }
}

/// Returns the ARN of the key of a new trail. It must be in the region of the bucket, and its policy must let
/// CloudTrail use it
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/encrypting-cloudtrail-log-files-with-aws-kms.html>).
fn key(t: &Twin, region: &str, trail: &str, new: &CreateTrail) -> Result<Option<String>, CallError> {
    let Some(asked) = new.kms_key_id.as_deref() else { return Ok(None) };
    let not_found = || refuse("KmsKeyNotFoundException", format!("KMS key {asked} cannot be found"));
    let buckets = t.truth.buckets.get(&new.s3_bucket_name);
    let bucket = buckets.known().and_then(|bucket| bucket.region.known()).map_or(region, String::as_str);
    let place = region_in(asked).unwrap_or(bucket);
    if place != bucket {
        return Err(not_found());
    }
    let chosen = keys::choose(t, place, Some(asked))?;
    match (chosen.exists, chosen.works) {
        (true, true) => {}
        (true, false) => {
            return Err(refuse("KmsKeyDisabledException", format!("KMS key {asked} is disabled")));
        }
        (false, _) => return Err(not_found()),
    }
    match t.truth.key_policy(place, &chosen.arn) {
        Fact::Known(known) if policy::trail_may_encrypt(t, trail, &chosen.arn, &known.policy) => {
            Ok(Some(chosen.arn))
        }
        // The policy of a key of another account is not the twin's to read.
        _ if account_in(&chosen.arn) != Some(t.truth.owner.account.as_str()) => Ok(Some(chosen.arn)),
        Fact::Known(_) | Fact::Absent => Err(refuse(
            "InsufficientEncryptionPolicyException",
            format!("the policy of {asked} does not let CloudTrail use it"),
        )),
        silent => Err(unknown(&format!("the policy of {asked}"), silent.silence().unwrap_or("not read"))),
    }
}

/// Returns the ARN of the trail that a name or an ARN denotes, if it can be changed from this region.
fn changeable(t: &Twin, region: &str, name: &str) -> Result<String, CallError> {
    let arn = if name.starts_with("arn:") {
        name.to_owned()
    } else {
        t.truth.owner.trail(region, name).to_string()
    };
    let trail = match listed(t, region, &arn) {
        Fact::Known(trail) => trail,
        Fact::Absent => {
            let elsewhere =
                t.truth.trails.known().any(|(_, trail)| trail.name == name && trail.is_multi_region);
            let (code, message) = match elsewhere {
                true => (
                    "InvalidHomeRegionException",
                    format!("the home region of {name} is another one than {region}"),
                ),
                false => (
                    "TrailNotFoundException",
                    format!("Unknown trail: {arn} for the user: {}", t.truth.owner.account),
                ),
            };
            return Err(refuse(code, message));
        }
        silent => return Err(unknown(&format!("the trail {name}"), silent.silence().unwrap_or("not read"))),
    };
    if trail.home_region != region {
        return Err(refuse(
            "InvalidHomeRegionException",
            format!("the home region of {name} is {}", trail.home_region),
        ));
    }
    if account_in(&arn) != Some(t.truth.owner.account.as_str()) {
        return Err(refuse(
            "NotOrganizationMasterAccountException",
            format!("{name} belongs to the management account of the organization"),
        ));
    }
    Ok(arn)
}

impl OnTwin for UpdateTrail {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let arn = changeable(t, region, &self.name)?;
        let Some(old) = t.truth.trails.get(&arn).known().copied() else { return done() };
        let mut new = old.clone();
        new.include_global_service_events =
            self.include_global_service_events.unwrap_or(new.include_global_service_events);
        new.is_multi_region = self.is_multi_region_trail.unwrap_or(new.is_multi_region);
        new.log_file_validation = self.enable_log_file_validation.unwrap_or(new.log_file_validation);
        check(t, &new)?;
        t.truth.trails.put(arn, new);
        done()
    }
}

impl OnTwin for StartLogging {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let arn = set_logging(t, region, &self.name, true)?;
        t.later(DELIVERY_SECONDS, region, Effect::TrailDelivers(arn));
        done()
    }
}

impl OnTwin for StopLogging {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        set_logging(t, region, &self.name, false)?;
        done()
    }
}

fn set_logging(t: &mut Twin, region: &str, name: &str, on: bool) -> Result<String, CallError> {
    let arn = changeable(t, region, name)?;
    let now = t.now;
    if let Some(trail) = t.truth.trails.get_mut(&arn) {
        if on && trail.is_logging != Fact::Known(true) {
            trail.start_logging_time = Fact::Known(now);
        }
        trail.is_logging = Fact::Known(on);
    }
    Ok(arn)
}

impl OnTwin for DeleteTrail {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let arn = changeable(t, region, &self.name)?;
        take_away(&mut t.truth.trails, &arn);
        done()
    }
}
