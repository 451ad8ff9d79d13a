//! The way from the disks to the encrypted volumes, where the parameter leaves it to the facts (`via =
//! "auto"`): copies of volumes where the endpoint makes them and the disks allow it, else volumes directly
//! from snapshots. Planning decides it once, and the plan holds it.

use serde::{Deserialize, Serialize};

use super::{Parameters, Via, disks::disks_of, doubles::hindrance, instance_of, needed_volume, parts::Disk};
use crate::{
    actions::{Context, Refusal},
    checks::snapshots::{DEFAULT_TAG, tagged},
    inventory::{Copying, Fact, FamilyKind, Want},
    resource::{Kind, ResourceId},
};

/// The reason for the way that planning has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chosen {
    /// A trial has shown that the disks would be copied as volumes.
    Possible,
    /// The caller may not copy volumes.
    Denied,
    /// The endpoint does not copy volumes with encryption.
    Unsupported,
    /// The result of the trial is not known.
    Unknown,
    /// The disks themselves cannot be copied as volumes.
    Hindered,
    /// The instance asks for backups, and a copy of a volume leaves none.
    BackedUp,
}

impl Chosen {
    /// Returns the way for which this is a reason.
    pub(super) fn via(self) -> Via {
        match self {
            Chosen::Possible => Via::VolumeCopy,
            Chosen::Denied | Chosen::Unsupported | Chosen::Unknown | Chosen::Hindered | Chosen::BackedUp => {
                Via::Direct
            }
        }
    }

    /// Describes the way and the reason for it.
    fn words(self, disks: &[Disk<'_>], parameters: &Parameters) -> String {
        let directly = "the encrypted volumes are made from snapshots (via = \"auto\" chose \"direct\")";
        match self {
            Chosen::Possible => "the disks are copied as volumes (via = \"auto\" chose \"volume-copy\"): a \
                                 trial without effect has shown that AWS makes such copies here"
                .to_owned(),
            Chosen::Denied => {
                format!("{directly}: whoever made the plan may not copy volumes (ec2:CopyVolumes)")
            }
            Chosen::Unsupported => {
                format!("{directly}: the endpoint does not copy volumes with encryption")
            }
            Chosen::Unknown => {
                format!("{directly}: it is unknown whether the endpoint copies volumes with encryption")
            }
            Chosen::BackedUp => format!(
                "{directly}: the instance asks for backups ({DEFAULT_TAG}), and copies of volumes would \
                 leave its new disks without one"
            ),
            Chosen::Hindered => match hindrance(disks, parameters) {
                Some(why) => format!("{directly}: {why}"),
                None => format!("{directly}: they could not be copied as volumes"),
            },
        }
    }
}

/// Returns the parameters with the way for these disks, where it is left to the facts.
pub fn chosen(context: &Context<'_>, disks: &[Disk<'_>], parameters: &Parameters) -> Parameters {
    if parameters.via != Via::Auto {
        return parameters.clone();
    }
    let trial = || {
        let place = context.inventory.regions.get(context.region);
        place.zip(disks.first()).map_or(Fact::NotRead, |(place, disk)| place.copy_trials.get(&disk.volume.id))
    };
    let chosen = match hindrance(disks, parameters) {
        Some(_) => Chosen::Hindered,
        None if asks_for_backups(context, disks) => Chosen::BackedUp,
        None => match trial().known().map(|trial| trial.copying) {
            Some(Copying::Possible) => Chosen::Possible,
            Some(Copying::Denied) => Chosen::Denied,
            Some(Copying::Unsupported) => Chosen::Unsupported,
            None => Chosen::Unknown,
        },
    };
    Parameters { via: chosen.via(), chosen: Some(chosen), ..parameters.clone() }
}

/// Returns whether the instance of these disks asks for backups, as `instance-backup-stale` has it by
/// default: it would find the new disks without one, since a copy of a volume comes of no snapshot.
fn asks_for_backups(context: &Context<'_>, disks: &[Disk<'_>]) -> bool {
    let place = disks.first().and_then(|disk| disk.place);
    let instance = place.map(|(id, _)| instance_of(context.inventory, context.region, id));
    instance.is_some_and(|fact| fact.known().is_some_and(|it| tagged(&it.tags, DEFAULT_TAG)))
}

/// Returns the line of the plan that states the way and the reason, where planning has chosen it.
pub fn words(disks: &[Disk<'_>], parameters: &Parameters) -> Option<String> {
    let chosen = parameters.chosen.filter(|chosen| chosen.via() == parameters.via)?;
    Some(chosen.words(disks, parameters))
}

/// Returns the parameters of a plan for a target, with the way in them.
pub fn settled(context: &Context<'_>, target: &ResourceId, parameters: &Parameters) -> Parameters {
    with_disks(context, target, |disks| chosen(context, disks, parameters))
        // Without its disks there is no change; it is refused with the reason.
        .unwrap_or_else(|_| parameters.clone())
}

/// Returns the trial to make, where the way is left to the facts and the disks allow the choice. The first
/// disk stands for all.
pub fn want(context: &Context<'_>, target: &ResourceId, parameters: &Parameters) -> Option<Want> {
    if parameters.via != Via::Auto {
        return None;
    }
    let first = with_disks(context, target, |disks| match hindrance(disks, parameters) {
        Some(_) => None,
        None if asks_for_backups(context, disks) => None,
        None => disks.first().map(|disk| disk.volume.id.clone()),
    });
    first.ok()?.map(|id| Want::id(context.region, FamilyKind::CopyTrials, id))
}

/// Runs a function on the disks of a target that are to be replaced.
///
/// # Errors
/// A refusal if the instance or a volume is not known.
pub(super) fn with_disks<T>(
    context: &Context<'_>,
    target: &ResourceId,
    then: impl FnOnce(&[Disk<'_>]) -> T,
) -> Result<T, Refusal> {
    if target.kind() == Kind::Volume {
        let volume = needed_volume(context, target.id())?;
        return Ok(then(&[Disk::alone(volume)]));
    }
    match instance_of(context.inventory, context.region, target.id()) {
        Fact::Known(instance) => Ok(then(&disks_of(context, instance)?.1)),
        silent => Err(Refusal::Unknown(silent.silence().unwrap_or_default().to_owned())),
    }
}
