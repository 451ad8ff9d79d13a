//! Calls about disks, compared with the account in every detail: the volume that goes to a device, the disk
//! that is deleted with its instance, the size, speed and origin of a copy. A call whose details the account
//! contradicts is not made. Pure.

use serde_json::Value;

use super::{
    Lead, Way, cards,
    disks::Disks,
    form::described,
    labels::{Labels, tag_in},
    lineage,
    volumes::{self, replacement, under_key, unlike},
};
use crate::{
    actions::support::carried,
    calls::{Act, Call, Recognise, Test, mark},
    inventory::{FamilyKind, Instance, Tags, Volume, tag},
};

/// Checks the details of a call about disks. Returns those for which only the files of the run vouch, one
/// sentence each.
///
/// # Errors
/// The claim of the run, and the state of the account that contradicts it.
pub(super) fn borne_out(disks: &Disks<'_>, lead: &Lead<'_>) -> Result<Vec<String>, String> {
    let (way, act) = (lead.way, &lead.act);
    let (call, mut claims) = (&act.call, Vec::new());
    match call.operation.as_str() {
        "AttachVolume" | "DetachVolume" => {
            swap(disks, way, call, &mut claims)?;
            while_down(disks, act)?;
        }
        "ModifyInstanceAttribute" => goes_with(disks, call, &mut claims)?,
        "CreateVolume" => volume(disks, call, &mut claims)?,
        "CopyVolumes" => volumes::double(disks, act, &mut claims)?,
        "CopySnapshot" => copy(disks, act, &mut claims)?,
        "CreateSnapshot" | "CreateSnapshots" => snapshots(disks, act, &mut claims)?,
        "CreateTags" | "DeleteTags" => tags(disks, way, call, &mut claims)?,
        "StartInstances" | "StopInstances" => power(disks, call)?,
        "DeleteVolume" | "DeleteSnapshot" => deleted(disks, call, lead.kept)?,
        _ => return Ok(claims),
    }
    recognised(act)?;
    Ok(claims)
}

/// Checks the way in which a call is recognised, which decides its outcome and the things that it has made: a
/// thing that is made is known by the token in its tags, and by nothing in a file.
fn recognised(act: &Act) -> Result<(), String> {
    let family = match act.call.operation.as_str() {
        "CreateVolume" | "CopyVolumes" => Some(FamilyKind::Volumes),
        "CreateSnapshot" | "CreateSnapshots" | "CopySnapshot" => Some(FamilyKind::Snapshots),
        _ => None,
    };
    match (&act.recognise, family) {
        (Recognise::Tagged { region, family: looked, .. }, Some(family))
            if *region == act.call.region && *looked == family =>
        {
            Ok(())
        }
        (Recognise::Looks { outputs, .. }, None) if outputs.is_empty() => Ok(()),
        _ => Err("is recognised by other signs than redress goes by".to_owned()),
    }
}

/// Checks that the volume is the one that goes to or leaves this device: on the way there the old volumes
/// leave and the copies come, on the way back it is the other way round.
fn swap(disks: &Disks<'_>, way: Way, call: &Call, claims: &mut Vec<String>) -> Result<(), String> {
    let (volume, device) = (&call.input["VolumeId"], text(&call.input, "Device"));
    let comes = call.operation == "AttachVolume";
    let copy = comes == (way == Way::Forth);
    let Some(id) = volume.as_str() else {
        // A copy that is not made yet names its place in its tags, and those are compared with the account,
        // too.
        let made = disks.maker(volume).filter(|_| copy);
        let said = made.and_then(|made| tag_in(made, tag::DEVICE));
        return match said {
            Some(said) if said == device => {
                cards::of_tag(call, made.and_then(|made| tag_in(made, tag::EBS_CARD)))
            }
            _ => Err(format!("takes a volume that no step of the change makes for {device}")),
        };
    };
    if disks.volume(id).is_none() {
        return Ok(());
    }
    let (old, new) = (disks.is_old(id), disks.is_new(id));
    let right = if disks.recovers() {
        old || new
    } else if copy {
        new
    } else {
        old && !new
    };
    if !right {
        let is = if copy { "a copy that the run made" } else { "a disk that the run replaces" };
        return Err(format!("takes {id} for {is}, and neither its tags nor its attachments show that"));
    }
    cards::attached(disks, call, id)?;
    placed(disks, id, device, claims)
}

fn placed(disks: &Disks<'_>, id: &str, device: &str, claims: &mut Vec<String>) -> Result<(), String> {
    let places = disks.devices(id);
    if places.is_empty() {
        claims.push(format!("{id} belongs at {device}"));
    } else if !places.contains(device) {
        let says = places.into_iter().collect::<Vec<_>>().join(", ");
        return Err(format!("has {id} at {device}; the account shows that it belongs at {says}"));
    }
    Ok(())
}

/// Checks that disks are swapped only while their instance is stopped, whatever a file claims about that.
/// Without any precondition the engine sets its own.
fn while_down(disks: &Disks<'_>, act: &Act) -> Result<(), String> {
    let stopped = |test: &Test| matches!(test, Test::Is(state) if state == "stopped");
    let down = act.before.iter().any(|e| {
        e.family == FamilyKind::Instances
            && e.id == disks.change.resource.id()
            && e.at == "/state"
            && stopped(&e.test)
    });
    match down || disks.recovers() || (act.before.is_empty() && act.observe.is_empty()) {
        true => Ok(()),
        false => Err("swaps a disk without looking whether the instance is stopped".to_owned()),
    }
}

/// Checks that only a disk of the run is set to be deleted with its instance, and only if it was before.
fn goes_with(disks: &Disks<'_>, call: &Call, claims: &mut Vec<String>) -> Result<(), String> {
    let mappings = call.input["BlockDeviceMappings"].as_array().map(Vec::as_slice).unwrap_or_default();
    if mappings.len() != 1 {
        return Err("is about several disks at once, or none".to_owned());
    }
    for mapping in mappings {
        let device = text(mapping, "DeviceName");
        if !disks.has_place(device) && !disks.recovers() {
            return Err(format!("is about {device}, where the run replaces no disk, as the account shows"));
        }
        // AWS takes a mapping without this member for `true`.
        if mapping["Ebs"]["DeleteOnTermination"] == false {
            continue;
        }
        match disks.goes_with(device) {
            Some(true) => {}
            Some(false) => {
                return Err(format!(
                    "lets the disk at {device} go with its instance; the account shows that it stayed before"
                ));
            }
            None => claims.push(format!(
                "the disk at {device} went with {} before, and is to do so again",
                disks.change.resource.id()
            )),
        }
    }
    Ok(())
}

fn volume(disks: &Disks<'_>, call: &Call, claims: &mut Vec<String>) -> Result<(), String> {
    let input = &call.input;
    let (source, snapshot) = (tag_in(call, tag::SOURCE), input.get("SnapshotId"));
    let held = snapshot.map(|snapshot| {
        disks.held_by(snapshot).ok_or_else(|| {
            format!("is made from {snapshot}, and the account does not show of which volume that is")
        })
    });
    let held = held.transpose()?;
    if let (Some(said), Some(held)) = (source, &held)
        && said != held
    {
        return Err(format!("is to take the place of {said}, and is made from a snapshot of {held}"));
    }
    // A volume that is tagged as the replacement of a disk is attached in its place.
    if let (Some(snapshot), Some(_)) = (snapshot, source) {
        lineage::is_final(disks, snapshot)?;
    }
    let labels = Labels::of(call, "volume")?;
    // A trial volume for a key that a disk which stays needs: the smallest possible, empty.
    if held.is_none()
        && source.is_none()
        && input["Size"] == 1
        && input.get("Iops").is_none()
        && input.get("Throughput").is_none()
    {
        let zone = text(input, "AvailabilityZone");
        if !disks.keys_of_disks().contains(text(input, "KmsKeyId")) {
            claims.push(format!(
                "a trial volume is made under {}, which no disk of the instance needs",
                text(input, "KmsKeyId")
            ));
        }
        return match disks.instance.is_none_or(|i| i.availability_zone == zone)
            && input["VolumeType"] == "gp3"
        {
            true => labels.hold(disks, None, &Tags::new(), &[], claims),
            false => Err(format!(
                "makes a trial volume in {zone}, where the instance is not, or of another type than gp3"
            )),
        };
    }
    let old = match held.as_deref().or(source) {
        Some(id) if disks.is_old(id) => disks.volume(id),
        Some(id) => {
            return Err(format!(
                "is to take the place of {id}, which the run does not replace, as the account shows"
            ));
        }
        None => disks.all_old().find(|old| unlike(old, input).is_none()),
    };
    let Some(old) = old else { return Err("is like no disk that the run replaces".to_owned()) };
    if let Some(what) = unlike(old, input) {
        return Err(format!("{what}; it is to be like {}", old.id));
    }
    under_key(disks, call, claims)?;
    if source.is_none() {
        return labels.hold(disks, Some(&old.id), &carried(&old.tags), &[], claims);
    }
    replacement(disks, old, labels, claims)
}

fn copy(disks: &Disks<'_>, act: &Act, claims: &mut Vec<String>) -> Result<(), String> {
    let call = &act.call;
    let snapshot = &call.input["SourceSnapshotId"];
    let Some(held) = disks.held_by(snapshot) else {
        return Err(format!("copies {snapshot}, and the account does not show of which volume that is"));
    };
    if !disks.is_old(&held) {
        return Err(format!(
            "copies a snapshot of {held}, which the run does not replace, as the account shows"
        ));
    }
    described(call, &[format!("redress: encrypted copy of a snapshot of {held}")])?;
    under_key(disks, call, claims)?;
    copied(disks, Labels::of(call, "snapshot")?, &held, claims)?;
    lineage::holds_what_its_step_says(disks, act)
}

/// Checks the tags of a snapshot of one disk, or of a copy of it.
fn copied(disks: &Disks<'_>, labels: Labels<'_>, of: &str, claims: &mut Vec<String>) -> Result<(), String> {
    let labels = labels.with(&[tag::SOURCE, tag::EXPIRES])?.with(disks.place_tags())?;
    let own = disks.volume(of).map(|v| carried(&v.tags)).unwrap_or_default();
    labels.hold_some(disks, Some(of), &own, &[tag::SOURCE, tag::INSTANCE, tag::DEVICE, tag::EXPIRES], claims)
}

fn snapshots(disks: &Disks<'_>, act: &Act, claims: &mut Vec<String>) -> Result<(), String> {
    let call = &act.call;
    let labels = Labels::of(call, "snapshot")?;
    let input = &call.input;
    if call.operation == "CreateSnapshot" {
        let of = text(input, "VolumeId");
        described(call, &[format!("redress: {of} before encryption")])?;
        if !disks.is_old(of) {
            return Err(format!("is of {of}, which the run does not replace, as the account shows"));
        }
        copied(disks, labels, of, claims)?;
        return lineage::holds_what_its_step_says(disks, act);
    }
    // A backup is of all disks and carries tags of its own; the set before an exchange leaves out the disks
    // that stay.
    let labels = labels.with(&[tag::INSTANCE, tag::EXPIRES])?;
    if labels.has(tag::SET) {
        described(call, &[format!("redress: backup of {}", disks.change.resource.id())])?;
        return labels.with(&[tag::KEEP_LAST])?.hold_backup(disks, claims);
    }
    described(
        call,
        &["warm", "snapshot"]
            .map(|set| format!("redress: {} before encryption, {set}", disks.change.resource.id())),
    )?;
    left_out(disks, &input["InstanceSpecification"], claims)?;
    let own = disks.all_old().flat_map(|v| carried(&v.tags)).collect();
    labels.hold_some(disks, None, &own, &[tag::INSTANCE, tag::EXPIRES], claims)?;
    lineage::holds_what_its_step_says(disks, act)
}

/// Checks that a set leaves out the disks that are not replaced, and nothing else. Somebody may have attached
/// another disk since.
fn left_out(disks: &Disks<'_>, which: &Value, claims: &mut Vec<String>) -> Result<(), String> {
    let out: Vec<&str> =
        which["ExcludeDataVolumeIds"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(id) = out.iter().find(|id| disks.is_old(id)) {
        return Err(format!("leaves out {id}, which the run replaces"));
    }
    let root = disks.instance.map(|i| i.root_device_name.as_str()).unwrap_or_default();
    let boots = disks.has_place(root);
    match which.get("ExcludeBootVolume") {
        Some(Value::Bool(true)) if !boots => {}
        None if boots => {}
        Some(_) => return Err(format!("leaves out the disk at {root}, which the run replaces")),
        None => claims.push(format!("the disk at {root} is in the set, and is not replaced")),
    }
    let staying = disks.staying();
    claims.extend(
        staying
            .iter()
            .filter(|id| !out.contains(id))
            .map(|id| format!("{id} is in the set, and is not replaced")),
    );
    match out.iter().find(|id| !staying.contains(**id)) {
        Some(id) => Err(format!("leaves out {id}, which is no disk of {}", disks.change.resource.id())),
        None => Ok(()),
    }
}

/// Checks that tags are set on and removed from the instance and the disks that are replaced only, and that
/// each tag is true of them.
fn tags(disks: &Disks<'_>, way: Way, call: &Call, claims: &mut Vec<String>) -> Result<(), String> {
    let id = match call.input["Resources"].as_array().map(Vec::as_slice) {
        Some([Value::String(id)]) => id.as_str(),
        _ => return Err("is not about one thing alone".to_owned()),
    };
    let instance = disks.instance.is_some_and(|i| i.id == id);
    let old = disks.is_old(id) && id.starts_with("vol-");
    if !instance && !old {
        return Err(format!(
            "is about {id}, which is neither the instance nor one of the disks that are replaced"
        ));
    }
    let allowed: &[&str] = match instance {
        true => &[tag::STATE],
        false => &[
            tag::EXPIRES,
            tag::INSTANCE,
            tag::DEVICE,
            tag::DELETE_ON_TERMINATION,
            tag::EBS_CARD,
            tag::REPLACED_BY,
        ],
    };
    let labels = Labels::listed(&call.input["Tags"])?;
    if labels.has(tag::TOKEN) {
        return Err(format!("is about {}, which only what a run makes carries", tag::TOKEN));
    }
    if call.operation == "DeleteTags" {
        return labels.with(&taken_off(disks, id, instance, allowed))?.only(allowed);
    }
    let labels = whole(disks, labels, instance, claims)?;
    if let Some(state) = labels.value(tag::STATE) {
        found(disks, way, state.as_str().unwrap_or_default(), claims)?;
    }
    labels.hold(disks, Some(id), &Tags::new(), allowed, claims)
}

/// Returns the tags that go when the mark of a run is removed from a thing: all that it carries now, and all
/// that steps of the change are yet to set.
fn taken_off<'k>(disks: &Disks<'_>, id: &str, instance: bool, allowed: &[&'k str]) -> Vec<&'k str> {
    let is = if instance { disks.instance.map(|i| &i.tags) } else { disks.volume(id).map(|v| &v.tags) };
    let here = |call: &Call| {
        call.operation == "CreateTags"
            && call.input["Resources"].as_array().is_some_and(|all| all.iter().any(|one| one == id))
    };
    let set =
        |key: &str| disks.change.steps.iter().any(|step| here(&step.act.call) && listed(&step.act.call, key));
    let goes = |key: &&str| is.is_some_and(|tags| tags.contains_key(*key)) || set(key);
    [tag::RUN, tag::STEP].into_iter().chain(allowed.iter().copied().filter(goes)).collect()
}

/// Returns the tags that are set on a thing, if they include every tag that redress sets together.
fn whole<'c>(
    disks: &Disks<'_>,
    labels: Labels<'c>,
    instance: bool,
    claims: &mut Vec<String>,
) -> Result<Labels<'c>, String> {
    if labels.are(&[if instance { tag::STATE } else { tag::REPLACED_BY }]) {
        return Ok(labels);
    }
    let labels = labels.with(&[tag::RUN, tag::STEP])?;
    if instance {
        // Released versions did not set it.
        if !labels.has(tag::STATE) {
            claims.push(format!(
                "{} is not tagged with the state in which the run found it",
                disks.change.resource.id()
            ));
        }
        return Ok(labels);
    }
    let labels = labels.with(&[tag::EXPIRES])?.with(disks.place_tags())?;
    // Released versions tagged the old disk last, when the exchange was over.
    let last = labels.has(tag::REPLACED_BY) || disks.place_tags().is_empty();
    if last { Ok(labels) } else { labels.with(&[tag::DELETE_ON_TERMINATION]) }
}

/// Checks the recorded state in which the run found the instance, which decides whether it is started when
/// the run is lost.
fn found(disks: &Disks<'_>, way: Way, said: &str, claims: &mut Vec<String>) -> Result<(), String> {
    let Some(instance) = disks.instance else { return Ok(()) };
    let marked = instance.tags.get(tag::STATE).filter(|_| disks.tagged(&instance.tags)).map(String::as_str);
    let is = marked.unwrap_or(&instance.state);
    let stopped = is == mark::FOUND_STOPPED;
    match said {
        mark::STOPPING => Ok(()),
        mark::FOUND_STOPPED if stopped => Ok(()),
        mark::FOUND_RUNNING if !stopped || way == Way::Back || disks.of.undoes => Ok(()),
        mark::FOUND_RUNNING if marked.is_none() => {
            claims.push(format!("{} was running when the run began", instance.id));
            Ok(())
        }
        _ => Err(format!("has {} found {said:?}; the account shows {is}", instance.id)),
    }
}

/// Checks that a run neither starts nor stops an instance that it found stopped.
fn power(disks: &Disks<'_>, call: &Call) -> Result<(), String> {
    let id = disks.change.resource.id();
    if call.input["InstanceIds"] != serde_json::json!([id]) {
        return Err(format!("is about other instances than {id} alone"));
    }
    let stopped = |i: &&Instance| {
        disks.tagged(&i.tags) && i.tags.get(tag::STATE).is_some_and(|state| state == mark::FOUND_STOPPED)
    };
    match disks.instance.filter(stopped) {
        Some(_) => Err(format!("is about {id}, which was found stopped, as its mark shows, and stays so")),
        None => Ok(()),
    }
}

/// Checks that only things that the run made are deleted, and no disk that the instance runs on. `kept` is
/// set for an act that the rollback leaves out once the instance was started.
fn deleted(disks: &Disks<'_>, call: &Call, kept: bool) -> Result<(), String> {
    let id = ["VolumeId", "SnapshotId"]
        .iter()
        .find_map(|name| call.input.get(*name)?.as_str())
        .unwrap_or_default();
    let tags = disks.volume(id).map(|v| &v.tags).or_else(|| disks.snapshot(id).map(|s| &s.tags));
    if tags.is_some_and(|tags| !disks.made(tags)) {
        return Err(format!(
            "would delete {id}, which the run has marked and did not make, as its tags show"
        ));
    }
    match disks.volume(id).filter(|_| !kept) {
        Some(volume) if runs_on(disks, volume) => {
            Err(format!("would delete {id}, which {} runs on", disks.change.resource.id()))
        }
        _ => Ok(()),
    }
}

/// Returns whether the instance runs on a volume, or has since the volume was attached: it may contain data
/// that exists nowhere else.
fn runs_on(disks: &Disks<'_>, volume: &Volume) -> bool {
    let here = |i: &&Instance| volume.attachments.iter().any(|a| a.instance_id == i.id);
    disks.instance.filter(here).is_some_and(|i| {
        let started =
            i.launch_time.zip(volume.attached_at).is_some_and(|(started, attached)| started > attached);
        started || matches!(i.state.as_str(), "pending" | "running")
    })
}

fn text<'v>(input: &'v Value, name: &str) -> &'v str {
    input.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Returns whether a call sets a tag on an existing resource.
fn listed(call: &Call, key: &str) -> bool {
    call.input["Tags"].as_array().into_iter().flatten().any(|tag| tag.get("Key").is_some_and(|k| k == key))
}
