//! Two pairs of dice throw what storms and lives were given later. The older dice fall as they did, so that
//! older numbers still mean what they meant.

use redress::{
    inventory::FamilyKind,
    plan::Plan,
    twin::{DeniedCall, DeniedRead, Twin},
};

use super::{
    dice::Dice,
    life::Fate,
    storm::{Meddling, Storm},
};

/// What was added after numbers had been given to what was found: thrown from dice of its own, so that the
/// older dice fall as they did.
#[derive(Debug, Clone)]
pub struct Later {
    dice: Dice,
}

impl Later {
    pub fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed, 2) }
    }

    /// How many changes run at once in the next life, and the dice by which they take turns.
    pub fn jobs(&mut self) -> (usize, Dice) {
        let jobs = *self.dice.pick(&[1, 1, 2, 3, 4]);
        (jobs, Dice::new(self.dice.next(), 3))
    }

    /// More of what may happen in one life.
    pub fn fates(&mut self, plan: &Plan, last: bool) -> Vec<Fate> {
        let dice = &mut self.dice;
        let calls = plan.changes.iter().map(|c| c.steps.len()).sum::<usize>() + 2;
        let mut fates = Vec::new();
        if dice.percent(6) {
            fates.push(Fate::Meddled(dice.upto(calls), Meddling::throw_later(dice)));
        }
        if dice.percent(6) {
            let (family, member) = *dice.pick(&[
                (FamilyKind::Buckets, Some("policy")),
                (FamilyKind::Roles, None),
                (FamilyKind::Trails, None),
                (FamilyKind::LogGroups, None),
            ]);
            let denied = DeniedRead { family, region: None, member: member.map(str::to_owned) };
            fates.push(Fate::ReadsDenied(dice.upto(calls), denied, *dice.pick(&[5, 120, 900, 86_400])));
        }
        if !last && dice.percent(10) {
            fates.push(Fate::KilledInRead(dice.upto(4 * calls)));
        }
        fates
    }
}

/// What was added last, in the same way: hands on instances and disks, in the middle of calls, of waits and
/// between lives, denials of single resources, views that lag behind each other, credentials that end in a
/// wait.
#[derive(Debug, Clone)]
pub struct Latest {
    dice: Dice,
}

impl Latest {
    pub fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed, 4) }
    }

    /// The dice, for what comes long after.
    pub fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// More of what goes wrong with the account.
    pub fn worsen(&mut self, storm: &mut Storm, twin: &Twin) {
        let dice = &mut self.dice;
        storm.faults.view_lag = *dice.pick(&[0, 0, 0, 2, 10, 40, 120, 240]);
        if storm.faults.view_lag > 0 {
            storm.names.push("views lag behind each other");
        }
        if dice.percent(12) {
            let operation = *dice.pick(&[
                "CreateTags",
                "CreateTags",
                "DeleteTags",
                "DeleteTags",
                "AttachVolume",
                "ModifyInstanceAttribute",
                "DeleteSnapshot",
            ]);
            let region = twin.truth().regions.values().next();
            let ids: Vec<String> = region
                .into_iter()
                .flat_map(|r| {
                    r.instances.known().map(|(id, _)| id).chain(r.volumes.known().map(|(id, _)| id))
                })
                .map(str::to_owned)
                .collect();
            let resource = if ids.is_empty() { None } else { Some(dice.pick(&ids).clone()) };
            storm.faults.denied_calls.push(DeniedCall { operation: operation.to_owned(), resource });
            storm.names.push("denied on a single resource");
            storm.passes = false;
        }
    }

    /// More of what may happen in one life.
    pub fn fates(&mut self, plan: &Plan) -> Vec<Fate> {
        let dice = &mut self.dice;
        let calls = plan.changes.iter().map(|c| c.steps.len()).sum::<usize>() + 2;
        let pauses = 8 * calls;
        let mut fates = Vec::new();
        match dice.below(10) {
            0 => fates.push(Fate::Meddled(dice.upto(calls), Meddling::throw_hands(dice))),
            1 | 2 => fates.push(Fate::MeddledInPause(dice.upto(pauses), Meddling::throw_hands(dice))),
            3 => {
                // Somebody starts it, and it is stopped again.
                let (n, which) = (dice.upto(pauses), dice.below(6));
                fates.push(Fate::MeddledInPause(n, Meddling::InstanceStarted(which)));
                fates.push(Fate::MeddledInPause(n + dice.upto(20), Meddling::InstanceStopped(which)));
            }
            _ => {}
        }
        if dice.percent(8) {
            fates.push(Fate::CredentialsEndInPause(dice.upto(pauses)));
        }
        if dice.percent(6) {
            let family = *dice.pick(&[
                FamilyKind::Volumes,
                FamilyKind::Snapshots,
                FamilyKind::Instances,
                FamilyKind::InstanceStatuses,
                FamilyKind::ApplicationStatuses,
                FamilyKind::Keys,
            ]);
            fates.push(Fate::ReadsDeniedInPause(
                dice.upto(pauses),
                DeniedRead { family, region: None, member: None },
                *dice.pick(&[5, 120, 900, 86_400]),
            ));
        }
        fates
    }

    /// What somebody does while nobody is at work: one thing, or a start and a stop.
    pub fn between(&mut self) -> Vec<Meddling> {
        let dice = &mut self.dice;
        match dice.below(10) {
            0 | 1 => vec![Meddling::throw_hands(dice)],
            2 => {
                let which = dice.below(6);
                vec![Meddling::InstanceStarted(which), Meddling::InstanceStopped(which)]
            }
            _ => Vec::new(),
        }
    }
}
