//! Resources that interrupted runs left in an account, found by the tags on them when the journals are gone;
//! and a plan that brings their instances back up on the available volumes. Pure: facts in, plan out.

mod acts;
mod keys;
mod replaced;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use acts::{attach, card, goes_with, start};

use super::bare::bare;
use crate::{
    account::Identity,
    actions::make,
    calls::{self, Act, Step, WayBack, mark},
    inventory::{FamilyKind, Instance, Inventory, Scope, Snapshot, Volume, Want, tag},
    plan::{ActionNames, Change, Plan, PlanKind, Rehearsal, Restore, digest},
};

/// Returns the families whose resources carry the tags of runs.
fn tagged_kinds() -> impl Iterator<Item = FamilyKind> {
    FamilyKind::ALL.iter().copied().filter(|kind| kind.about().tagged_by_runs)
}

/// A resource that a run created or marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The run.
    pub run: String,
    /// The step, as `change/step`.
    pub step: String,
    /// The region of the resource.
    pub region: String,
    /// The id of the resource.
    pub id: String,
    /// Known facts about the resource, for people.
    pub words: String,
}

/// The result of a search for remainders.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery {
    /// All resources that carry the tag of a run, or of the requested run.
    pub left: Vec<Left>,
    /// The plan that brings instances back up.
    pub plan: Plan,
    /// Instances that the plan cannot bring back, each with the reason and the remedy.
    pub by_hand: Vec<String>,
    /// Remainders that `redress prune` never offers, each with the reason.
    pub stays: Vec<String>,
    /// Listings that could not be read.
    pub unread: Vec<String>,
}

/// Returns the scope to read: first the listings, then each marked instance by id, since a listing shows less
/// of it.
pub fn needs(known: &Inventory, regions: &[String]) -> Scope {
    let mut scope: Scope =
        regions.iter().flat_map(|region| tagged_kinds().map(|family| Want::all(region, family))).collect();
    for region in regions {
        for change in marked(known, region, None)
            .iter()
            .filter_map(|i| bring_back(known, region, i, String::new()).ok().flatten())
        {
            scope.extend(keys::start(&change).iter().flat_map(|start| start.wants(Some(known))));
            scope.extend(change.touches);
        }
    }
    scope
}

/// Collects the remainders of runs in these regions, or of the named run.
pub fn recover(
    known: &Inventory,
    regions: &[String],
    run: Option<&str>,
    who: &Identity,
    created: Timestamp,
    valid_for: SignedDuration,
) -> Recovery {
    let (mut left, mut unread, mut by_hand, mut stays, mut changes) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::<Change>::new());
    for region in regions {
        for family in tagged_kinds() {
            let want = Want::all(region, family);
            let listed = known.select_json(&want);
            match listed.known() {
                Some(things) => {
                    left.extend(things.iter().filter_map(|(id, thing)| tagged(region, id, thing, run)))
                }
                None => unread.push(format!("{want}: {}", listed.silence().unwrap_or_default())),
            }
        }
        for instance in marked(known, region, run) {
            let back = bring_back(known, region, &instance, format!("c{}", changes.len() + 1));
            match back.and_then(|change| change.map(|change| keys::judged(known, change)).transpose()) {
                Ok(change) => changes.extend(change),
                Err(why) => by_hand.push(why),
            }
        }
        let settled: Vec<String> =
            changes.iter().flat_map(|change| &change.touches).map(|want| want.selector.key()).collect();
        let (volumes, snapshots) = (
            all::<Volume>(known, region, FamilyKind::Volumes),
            all::<Snapshot>(known, region, FamilyKind::Snapshots),
        );
        stays.extend(replaced::never_offered(&volumes, &snapshots, run, &settled));
    }
    left.sort_by(|a, b| (&a.run, &a.region, &a.step, &a.id).cmp(&(&b.run, &b.region, &b.step, &b.id)));
    Recovery { left, plan: sealed(changes, regions, who, created, valid_for), by_hand, stays, unread }
}

fn tagged(region: &str, id: &str, thing: &Value, only: Option<&str>) -> Option<Left> {
    let tag = |name: &str| thing.get("tags")?.get(name)?.as_str();
    let run = tag(tag::RUN).filter(|run| only.is_none_or(|only| only == *run))?;
    let facts = [
        ("state", thing.get("state").and_then(Value::as_str)),
        ("of", tag(tag::SOURCE)),
        ("for", tag(tag::INSTANCE)),
        ("at", tag(tag::DEVICE)),
    ];
    let mut words: Vec<String> = facts
        .iter()
        .filter_map(|(word, value)| {
            value.map(|v| if *word == "state" { v.to_owned() } else { format!("{word} {v}") })
        })
        .collect();
    words.extend(tag(tag::EXPIRES).map(|date| format!("kept until {date}")));
    let step = tag(tag::STEP).unwrap_or_default().to_owned();
    Some(Left {
        run: run.to_owned(),
        step,
        region: region.to_owned(),
        id: id.to_owned(),
        words: words.join(", "),
    })
}

/// Returns the instances that a run tagged before it stopped them, and that it has not set free again.
fn marked(known: &Inventory, region: &str, run: Option<&str>) -> Vec<Instance> {
    let of_run = |i: &Instance| i.tags.get(tag::RUN).is_some_and(|r| run.is_none_or(|run| run == r));
    all::<Instance>(known, region, FamilyKind::Instances).into_iter().filter(of_run).collect()
}

fn all<T: serde::de::DeserializeOwned>(known: &Inventory, region: &str, family: FamilyKind) -> Vec<T> {
    let things = known.select_json(&Want::all(region, family));
    things
        .known()
        .into_iter()
        .flatten()
        .filter_map(|(_, thing)| serde_json::from_value(thing.clone()).ok())
        .collect()
}

/// Builds the change that starts a marked instance on its former volumes, or on their replacements; `None`
/// where the instance is gone.
fn bring_back(
    known: &Inventory,
    region: &str,
    instance: &Instance,
    id: String,
) -> Result<Option<Change>, String> {
    let name = &instance.id;
    match instance.state.as_str() {
        "terminated" | "shutting-down" => return Ok(None),
        "stopped" | "running" => {}
        other => return Err(format!("{name} is {other}: wait until it has settled and run this again")),
    }
    let volumes = all::<Volume>(known, region, FamilyKind::Volumes);
    let mut back = Back {
        region,
        instance,
        steps: Vec::new(),
        touches: vec![Want::id(region, FamilyKind::Instances, name)],
        impact: Vec::new(),
    };
    // An undo puts back disks with older data than the instance has written since: a disk that it has not put
    // back yet stays off.
    let undone = instance.tags.get(tag::STEP).is_some_and(|step| step.contains("/undo-"));
    for (device, copy) in copies(&volumes, instance, undone)? {
        let volume = at_device(&volumes, name, device, copy, undone)?;
        if undone && volume.id != copy.id {
            back.impact.push(format!(
                "{name} has {} at {device}, as before the run: what was written there since is on {}",
                volume.id, copy.id
            ));
        }
        back.disk(device, volume, copy)?;
    }
    for (volume, device) in kept(&volumes, instance) {
        // The copy of another disk has its step already.
        if !back.touches.contains(&Want::id(region, FamilyKind::Volumes, &volume.id)) {
            back.goes_with(back.steps.len() + 1, volume, device);
            back.touch(volume);
        }
    }
    // An instance that a run found stopped had been stopped by somebody.
    if instance.state == "stopped"
        && instance.tags.get(tag::STATE).is_none_or(|found| found != mark::FOUND_STOPPED)
    {
        back.steps.push(kept_step("start".to_owned(), format!("start {name}"), start(region, instance)));
    }
    for replaced in replaced::proved(&volumes, instance).iter().filter(|_| !undone) {
        back.steps.push(replaced.step(back.steps.len() + 1, region, name));
        back.touch(replaced.old);
    }
    let act = mark::off(region, name, instance.tags.get(tag::RUN).map_or(Value::Null, |run| json!(run)));
    back.steps.push(kept_step("unmark".to_owned(), format!("take the tag of the run off {name}"), act));
    let Back { steps, touches, impact, .. } = back;
    Ok(Some(Change { impact, ..change(known, region, instance, id, steps, touches) }))
}

/// A change that brings an instance back up, under construction.
struct Back<'a> {
    region: &'a str,
    instance: &'a Instance,
    steps: Vec<Step>,
    touches: Vec<Want>,
    impact: Vec<String>,
}

impl Back<'_> {
    fn touch(&mut self, volume: &Volume) {
        self.touches.push(Want::id(self.region, FamilyKind::Volumes, &volume.id));
    }

    /// Adds a step of this number that sets a disk to be deleted with its instance again.
    fn goes_with(&mut self, n: usize, volume: &Volume, device: &str) {
        let name = &self.instance.id;
        let act = goes_with(self.region, name, &volume.id, device);
        self.steps.push(kept_step(
            format!("dot-{n}"),
            format!("let {} go with {name}, as before", volume.id),
            act,
        ));
    }

    /// Attaches the volume that belongs at a device, unless it is attached there, and sets it to be deleted
    /// with the instance where it was before.
    fn disk(&mut self, device: &str, volume: &Volume, copy: &Volume) -> Result<(), String> {
        let (region, name, n) = (self.region, &self.instance.id, self.steps.len() + 1);
        if let Some(moving) =
            volume.attachments.iter().find(|a| a.instance_id == *name && a.state != "attached")
        {
            return Err(format!(
                "{} is {} at {device} of {name}: wait until it has settled and run this again",
                volume.id, moving.state
            ));
        }
        let there = volume.attachments.iter().find(|a| a.instance_id == *name && a.device == *device);
        if there.is_none() {
            let free = make::is(region, FamilyKind::Volumes, volume.id.as_str(), "/state", "available");
            let still = make::is(
                region,
                FamilyKind::Instances,
                name.as_str(),
                "/state",
                self.instance.state.as_str(),
            );
            let act =
                attach(region, name, &volume.id, device, card(volume, copy)?).only_if(vec![free, still]);
            self.steps.push(kept_step(
                format!("attach-{n}"),
                format!("attach {} to {name} at {device}", volume.id),
                act,
            ));
        }
        let own = volume.id == copy.id || Some(&volume.id) == copy.tags.get(tag::SOURCE);
        let goes = own && copy.tags.get(tag::DELETE_ON_TERMINATION).is_some_and(|goes| goes == "true");
        if goes && there.is_none_or(|a| !a.delete_on_termination) {
            // Under the number of its attachment, as in plans of earlier versions.
            self.goes_with(n, volume, device);
        }
        if self.steps.len() + 1 > n {
            self.touch(volume);
        }
        Ok(())
    }
}

/// Returns the copy of the disk at each device. Earlier runs may have left other copies: after an undo, the
/// right one is named as the replacement in the tags of its source; after a forward run, it carries the tag
/// of that run.
fn copies<'v>(
    volumes: &'v [Volume],
    instance: &Instance,
    undone: bool,
) -> Result<BTreeMap<&'v String, &'v Volume>, String> {
    let by_id: BTreeMap<&String, &Volume> = volumes.iter().map(|v| (&v.id, v)).collect();
    let replaced = |v: &Volume| {
        by_id.get(v.tags.get(tag::SOURCE)?)?.tags.get(tag::REPLACED_BY).filter(|id| **id == v.id).map(|_| ())
    };
    let own = |v: &Volume| {
        if undone { replaced(v).is_some() } else { v.tags.get(tag::RUN) == instance.tags.get(tag::RUN) }
    };
    let mut all: BTreeMap<&String, Vec<&Volume>> = BTreeMap::new();
    for copy in volumes
        .iter()
        .filter(|v| v.tags.get(tag::INSTANCE) == Some(&instance.id) && v.tags.contains_key(tag::SOURCE))
    {
        copy.tags.get(tag::DEVICE).into_iter().for_each(|device| all.entry(device).or_default().push(copy));
    }
    // Where the device has a volume, there is no choice to make.
    let filled = |device: &String| {
        volumes
            .iter()
            .flat_map(|v| &v.attachments)
            .any(|a| a.instance_id == instance.id && a.device == *device)
    };
    let one = |(device, copies): (&'v String, Vec<&'v Volume>)| match copies
        .iter()
        .find(|v| own(v))
        .or(copies.last())
    {
        Some(copy) if !undone || copies.len() == 1 || own(copy) || filled(device) => Ok((device, *copy)),
        _ => Err(format!(
            "{} has several copies for {device}, and no tag shows on which it ran last: attach that one by \
             hand and start it",
            instance.id
        )),
    };
    all.into_iter().map(one).collect()
}

/// Returns the volume that belongs at a device: the one that is attached there, the former one if it is free,
/// or else its copy. After an undo, the copy comes before the former one.
fn at_device<'v>(
    volumes: &'v [Volume],
    instance: &str,
    device: &str,
    copy: &'v Volume,
    undone: bool,
) -> Result<&'v Volume, String> {
    let here = |v: &&Volume| v.attachments.iter().any(|a| a.instance_id == instance && a.device == device);
    let source = copy.tags.get(tag::SOURCE);
    let free = |v: &&Volume| v.state == "available";
    let old = || volumes.iter().filter(free).find(|v| Some(&v.id) == source);
    let new = || Some(copy).filter(free);
    let loose = || if undone { new().or_else(old) } else { old().or_else(new) };
    volumes.iter().find(here).or_else(loose).ok_or_else(|| {
        let source = words(source);
        format!(
            "{instance} has nothing at {device}, and neither {source} nor {} is free: attach its volume \
             there by hand and start it",
            copy.id
        )
    })
}

/// Returns disks that the run has kept from being deleted with their instance, and of which no copy exists
/// yet: their own tag records the former setting.
fn kept<'v>(volumes: &'v [Volume], instance: &'v Instance) -> Vec<(&'v Volume, &'v str)> {
    let copied = |id: &String| {
        volumes.iter().any(|v| v.tags.contains_key(tag::DEVICE) && v.tags.get(tag::SOURCE) == Some(id))
    };
    let own = |v: &&Volume| {
        v.tags.get(tag::RUN) == instance.tags.get(tag::RUN) && v.tags.get(tag::INSTANCE) == Some(&instance.id)
    };
    let went = |v: &&Volume| v.tags.get(tag::DELETE_ON_TERMINATION).is_some_and(|goes| goes == "true");
    let place = |v: &'v Volume| {
        v.attachments
            .iter()
            .find(|a| a.instance_id == instance.id && !a.delete_on_termination)
            .map(|a| (v, a.device.as_str()))
    };
    volumes.iter().filter(own).filter(went).filter(|v| !copied(&v.id)).filter_map(place).collect()
}

fn words(volume: Option<&String>) -> &str {
    volume.map_or("its volume", String::as_str)
}

/// Builds a step that a failure does not roll back: half of an instance brought back is better than none of
/// it.
fn kept_step(name: String, title: String, act: Act) -> Step {
    make::step(name, title, act, WayBack::Kept("what was brought back stays".to_owned()))
}

fn change(
    known: &Inventory,
    region: &str,
    instance: &Instance,
    id: String,
    steps: Vec<Step>,
    touches: Vec<Want>,
) -> Change {
    let run = instance.tags.get(tag::RUN).cloned().unwrap_or_default();
    let risk = calls::floor(&steps);
    let found = known.footprint(&touches);
    let starts = steps.iter().any(|s| s.name == "start");
    let keys = keys::of(known, region, instance, &touches);
    let stays = format!("other things that run {run} made stay: redress recover {run} lists them");
    Change {
        summary: match (starts, instance.state.as_str()) {
            (true, state) => format!("bring {} back up, which run {run} left {state}", instance.id),
            (false, "running") => {
                format!("set right what run {run} left on {}, which is running", instance.id)
            }
            (false, _) => {
                format!("bring the disks of {} back, which run {run} found stopped and left", instance.id)
            }
        },
        risk,
        reversible: false,
        not_restored: vec![stays.clone()],
        before: json!({ "state": instance.state, "keys": keys }),
        after_state: json!({ "state": if starts { "running" } else { instance.state.as_str() },
            "keys": keys }),
        steps,
        touches,
        restore: Some(Restore { found, to: json!({}), kept: vec![stays] }),
        ..Change::frame(id, ActionNames::of(["recover"]), &known.owner.instance(region, &instance.id), region)
    }
}

/// The reason for which a recovery is not rehearsed.
const UNTRIED: &str = "what the run has changed is known from tags in the account alone, not from its plan \
                       and journal, so this was not tried on a copy of the account first; directly before \
                       each call the account is read again, and what does not hold any more is not called";

/// Builds and seals the plan of these recoveries.
pub fn sealed(
    changes: Vec<Change>,
    regions: &[String],
    who: &Identity,
    created: Timestamp,
    valid_for: SignedDuration,
) -> Plan {
    let not_rehearsed = changes.iter().map(|c| format!("{}: {UNTRIED}", c.id)).collect();
    let mut plan = Plan {
        rehearsal: Rehearsal { not_rehearsed, ..Rehearsal::default() },
        ..bare(PlanKind::Recover, who, regions, created, valid_for, changes)
    };
    digest::seal(&mut plan);
    plan
}
