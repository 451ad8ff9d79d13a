//! Checks of EBS volumes: each is encrypted. A volume that was replaced by an encrypted copy and is kept on
//! purpose is `retained`, and only while its tag and its replacement agree.

use serde_json::{Value, json};

use super::Check;
use crate::{
    finding::{Severity, Verdict},
    inventory::{Attachment, Fact, FamilyKind, Inventory, Selector, Tags, Volume, Want, tag},
    resource::{Kind, ResourceId},
};

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check {
    id: "ebs-volume-unencrypted",
    title: "An EBS volume is not encrypted",
    why: "Its data, and every snapshot of it, can be read by whoever gets hold of the storage or of a shared \
          snapshot.",
    severity: Severity::Medium,
    kind: Kind::Volume,
    known_as: &[
        ("security-hub", &["EC2.3"]),
        ("cis-1.4.0", &["2.2.1"]),
        ("cis-1.5.0", &["2.2.1"]),
        ("cis-2.0.0", &["2.2.1"]),
        ("cis-3.0.0", &["2.2.1"]),
        ("cis-4.0.0", &["5.1.1"]),
        ("cis-5.0.0", &["5.1.1"]),
        ("cis-6.0.0", &["6.1.1"]),
        ("prowler", &["ec2_ebs_volume_encryption"]),
        ("prowler-2", &["extra729"]),
        ("config-managed", &["encrypted-volumes"]),
        ("custodian", &["ebs/Encrypted"]),
    ],
    triggers: &["ec2:CreateVolume", "ec2:RunInstances", "ec2:AttachVolume"],
    scanned: true,
    reads: |region| vec![Want::all(region, FamilyKind::Volumes)],
    reads_one,
    resources: |inventory, regions| {
        let volumes = regions.iter().filter_map(|r| inventory.regions.get(r).map(|region| (r, region)));
        volumes
            .flat_map(|(name, region)| region.volumes.known().map(|(id, _)| inventory.owner.volume(name, id)))
            .collect()
    },
    judge: |inventory, resource, _| unencrypted(inventory, resource),
    silence: |inventory, region| {
        let listing =
            inventory.regions.get(region).map_or(Fact::NotRead, |r| r.volumes.select(&Selector::All));
        listing.silence().map(|why| format!("volumes could not be listed: {why}"))
    },
    tags: |inventory, resource| {
        volume(inventory, resource.region(), resource.id()).known().map_or_else(Tags::new, |v| v.tags.clone())
    },
}];

/// Returns the facts about a volume.
pub fn volume<'a>(inventory: &'a Inventory, region: &str, id: &str) -> Fact<&'a Volume> {
    inventory.regions.get(region).map_or(Fact::NotRead, |r| r.volumes.get(id))
}

fn reads_one(inventory: &Inventory, resource: &ResourceId, _: &Value) -> Vec<Want> {
    let mut wants = vec![Want::id(resource.region(), FamilyKind::Volumes, resource.id())];
    if let Fact::Known(v) = volume(inventory, resource.region(), resource.id()) {
        wants.extend(
            v.tags.get(tag::REPLACED_BY).map(|id| Want::id(resource.region(), FamilyKind::Volumes, id)),
        );
    }
    wants
}

fn unencrypted(inventory: &Inventory, resource: &ResourceId) -> Verdict {
    let volume = match volume(inventory, resource.region(), resource.id()) {
        Fact::Known(volume) => volume,
        Fact::Absent => return Verdict::Ok(Some("it no longer exists".to_owned())),
        silent => {
            return Verdict::Unknown(format!("{}: {}", resource.id(), silent.silence().unwrap_or_default()));
        }
    };
    if volume.encrypted {
        return Verdict::Ok(None);
    }
    match volume.state.as_str() {
        "available" | "in-use" => {}
        // Nothing is on it yet, or nobody can use it any more.
        "creating" | "deleting" | "deleted" | "error" => return Verdict::Ok(None),
        other => return Verdict::Unknown(format!("{}: its state is {other}", volume.id)),
    }
    let place = |a: &Attachment| match a.instance() {
        Some(instance) => json!({ "instance": instance, "device": a.device }),
        None => json!({ "resource": a.associated_resource, "service": a.instance_owning_service }),
    };
    let attached: Vec<Value> = volume.attachments.iter().map(place).collect();
    let mut evidence =
        json!({ "encrypted": false, "state": volume.state, "size_gib": volume.size, "attached": attached });
    match replacement(inventory, resource.region(), volume) {
        Some(Replacement::Agrees(id)) => {
            return Verdict::Retained(format!("kept: {id} took its place and is encrypted"));
        }
        Some(Replacement::Unknown(why)) => return Verdict::Unknown(why),
        Some(Replacement::Differs(why)) => evidence["replacement"] = json!(why),
        None => {}
    }
    Verdict::Violates(evidence)
}

/// The judgement on the tag [`tag::REPLACED_BY`] of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// The volume that the tag names exists, is encrypted, and names this one as its source.
    Agrees(String),
    /// The tag is wrong; the text names the difference.
    Differs(String),
    /// The replacement could not be read, for this reason.
    Unknown(String),
}

/// Judges whether the volume that a kept one names as its replacement exists, is encrypted, and agrees;
/// `None` without a tag.
pub fn replacement(inventory: &Inventory, region: &str, old: &Volume) -> Option<Replacement> {
    let id = old.tags.get(tag::REPLACED_BY)?;
    Some(match volume(inventory, region, id) {
        // A volume that is still attached has not been replaced, whatever its tag claims.
        _ if !old.attachments.is_empty() => {
            Replacement::Differs(format!("it is tagged as replaced by {id} and is still attached"))
        }
        Fact::Known(new) if !new.encrypted => Replacement::Differs(format!("{id} is not encrypted")),
        Fact::Known(new) if !matches!(new.state.as_str(), "available" | "in-use") => {
            Replacement::Differs(format!("{id} is {}", new.state))
        }
        Fact::Known(new) if new.tags.get(tag::SOURCE) != Some(&old.id) => Replacement::Differs(format!(
            "{id} does not name this volume as its source (tag {})",
            tag::SOURCE
        )),
        Fact::Known(_) => Replacement::Agrees(id.clone()),
        Fact::Absent => Replacement::Differs(format!("{id} does not exist")),
        silent => {
            Replacement::Unknown(format!("its replacement {id}: {}", silent.silence().unwrap_or_default()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{Caller, compute::Attachment},
        resource::Owner,
    };

    fn old() -> Volume {
        let tags = [(tag::REPLACED_BY.to_owned(), "vol-new".to_owned())].into();
        Volume { id: "vol-old".into(), state: "available".into(), tags, ..Volume::default() }
    }

    fn new() -> Volume {
        let tags = [(tag::SOURCE.to_owned(), "vol-old".to_owned())].into();
        Volume { id: "vol-new".into(), state: "in-use".into(), encrypted: true, tags, ..Volume::default() }
    }

    fn say(volumes: &[Volume]) -> Verdict {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let family = &mut inventory.region_mut("us-east-1").volumes;
        family.read(&Selector::All, Fact::Known(()));
        for v in volumes {
            family.put(v.id.clone(), v.clone());
        }
        let resource = inventory.owner.volume("us-east-1", "vol-old");
        unencrypted(&inventory, &resource)
    }

    #[test]
    fn an_unencrypted_volume_violates_while_it_can_be_used() {
        for state in ["available", "in-use"] {
            assert!(
                matches!(
                    say(&[Volume { state: state.into(), tags: Tags::new(), ..old() }]),
                    Verdict::Violates(_)
                ),
                "{state}"
            );
        }
        assert_eq!(say(&[Volume { state: "deleting".into(), ..old() }]), Verdict::Ok(None));
        assert_eq!(say(&[Volume { encrypted: true, ..old() }]), Verdict::Ok(None));
    }

    #[test]
    fn a_state_that_aws_adds_later_is_unknown_and_no_replacement_is_good_in_it() {
        let later = |volume| Volume { state: "migrating".into(), ..volume };
        assert!(
            matches!(say(&[later(old())]), Verdict::Unknown(why) if why.contains("its state is migrating"))
        );
        assert!(matches!(say(&[old(), later(new())]), Verdict::Violates(_)));
    }

    #[test]
    fn a_kept_volume_is_retained_only_while_its_replacement_agrees() {
        assert!(matches!(say(&[old(), new()]), Verdict::Retained(_)));
        let attached = Volume { attachments: vec![Attachment::default()], ..old() };
        for (why, volumes) in [
            ("no replacement", vec![old()]),
            ("unencrypted", vec![old(), Volume { encrypted: false, ..new() }]),
            ("no source tag", vec![old(), Volume { tags: Tags::new(), ..new() }]),
            ("dying", vec![old(), Volume { state: "error".into(), ..new() }]),
            ("still attached", vec![attached, new()]),
        ] {
            assert!(matches!(say(&volumes), Verdict::Violates(_)), "{why}");
        }
    }

    #[test]
    fn a_replacement_that_was_not_read_is_unknown() {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        inventory.region_mut("us-east-1").volumes.put("vol-old", old());
        let resource = inventory.owner.volume("us-east-1", "vol-old");
        assert!(matches!(unencrypted(&inventory, &resource), Verdict::Unknown(_)));
        let wants = reads_one(&inventory, &resource, &Value::Null);
        assert!(wants.contains(&Want::id("us-east-1", FamilyKind::Volumes, "vol-new")), "{wants:?}");
    }
}
