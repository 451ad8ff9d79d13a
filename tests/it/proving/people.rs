//! What people do to users and keys while redress is at work on them: they rotate keys by hand, use them, turn
//! them on and off, enrol devices, and leave groups.

use redress::{
    calls::Call,
    inventory::{AccessKey, Fact, LastUse},
    twin::Twin,
};
use serde_json::{Value, json};

use super::{dice::Dice, life::Fate, storm::Meddling};

/// One thing that somebody does; the number chooses to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    KeyMade(usize),
    KeySwitched(usize),
    KeyDeleted(usize),
    KeyUsed(usize),
    DeviceEnrolled(usize),
    PolicyDeleted(usize),
    GroupLeft(usize),
}

impl Deed {
    pub fn throw(dice: &mut Dice) -> Self {
        use Deed::*;
        let n = dice.below(12);
        dice.pick(&[
            KeyMade,
            KeyMade,
            KeySwitched,
            KeyDeleted,
            KeyUsed,
            KeyUsed,
            DeviceEnrolled,
            PolicyDeleted,
            GroupLeft,
        ])(n)
    }

    pub fn name(self) -> &'static str {
        match self {
            Deed::KeyMade(_) => "a key made by somebody",
            Deed::KeySwitched(_) => "a key switched on or off by somebody",
            Deed::KeyDeleted(_) => "a key deleted by somebody",
            Deed::KeyUsed(_) => "a key used meanwhile",
            Deed::DeviceEnrolled(_) => "a device enrolled meanwhile",
            Deed::PolicyDeleted(_) => "a policy of a user deleted by somebody",
            Deed::GroupLeft(_) => "a user taken out of a group by somebody",
        }
    }

    /// Does it; the ids of what it is about. Nothing where there is no such thing, or AWS refuses it.
    pub fn act(self, twin: &mut Twin) -> Vec<String> {
        self.done(twin).unwrap_or_default()
    }

    fn done(self, twin: &mut Twin) -> Option<Vec<String>> {
        let truth = twin.truth();
        match self {
            Deed::KeyMade(n) => {
                let user = nth(n, truth.users.known().map(|(id, _)| id.to_owned()))?;
                let made = by_hand(twin, "CreateAccessKey", json!({ "UserName": user }))?;
                Some(vec![made["AccessKeyId"].as_str()?.to_owned(), user])
            }
            Deed::KeySwitched(n) => {
                let key = nth(n, truth.access_keys.known().map(|(_, key)| key.clone()))?;
                let status =
                    if key.status == AccessKey::ACTIVE { AccessKey::INACTIVE } else { AccessKey::ACTIVE };
                let input = json!({ "UserName": key.user, "AccessKeyId": key.id, "Status": status });
                by_hand(twin, "UpdateAccessKey", input)?;
                Some(vec![key.id])
            }
            Deed::KeyDeleted(n) => {
                let key = nth(n, truth.access_keys.known().map(|(_, key)| key.clone()))?;
                by_hand(twin, "DeleteAccessKey", json!({ "UserName": key.user, "AccessKeyId": key.id }))?;
                Some(vec![key.id])
            }
            Deed::KeyUsed(n) => {
                let id = nth(n, truth.access_keys.known().map(|(id, _)| id.to_owned()))?;
                let date = twin.now();
                let key = twin.truth_mut().access_keys.get_mut(&id)?;
                key.last_used = Fact::Known(LastUse { date, ..LastUse::default() });
                Some(vec![id])
            }
            Deed::DeviceEnrolled(n) => {
                let id = nth(n, truth.mfa_devices.known().map(|(id, _)| id.to_owned()))?;
                twin.truth_mut().mfa_devices.get_mut(&id)?.devices.push(format!("arn:aws:iam::mfa/{id}-{n}"));
                Some(vec![id])
            }
            Deed::PolicyDeleted(n) => {
                let id = nth(n, truth.user_policies.known().map(|(id, _)| id.to_owned()))?;
                let (user, policy) = id.split_once('/')?;
                by_hand(twin, "DeleteUserPolicy", json!({ "UserName": user, "PolicyName": policy }))?;
                Some(vec![user.to_owned(), id])
            }
            Deed::GroupLeft(n) => {
                let id = nth(n, truth.memberships.known().map(|(id, _)| id.to_owned()))?;
                let (group, user) = id.split_once('/')?;
                by_hand(twin, "RemoveUserFromGroup", json!({ "GroupName": group, "UserName": user }))?;
                Some(vec![user.to_owned(), id])
            }
        }
    }
}

/// What people do in one life, in the middle of calls or of waits.
pub fn fates(dice: &mut Dice, calls: usize) -> Vec<Fate> {
    let mut fates = Vec::new();
    for _ in 0..*dice.pick(&[0, 1, 1, 2]) {
        let deed = Meddling::Person(Deed::throw(dice));
        let (now, n) = (dice.percent(50), dice.upto(calls));
        fates.push(if now { Fate::Meddled(n, deed) } else { Fate::MeddledInPause(8 * n, deed) });
    }
    fates
}

fn nth<T>(n: usize, all: impl Iterator<Item = T>) -> Option<T> {
    let mut all: Vec<T> = all.collect();
    if all.is_empty() { None } else { Some(all.swap_remove(n % all.len())) }
}

fn by_hand(twin: &mut Twin, operation: &str, input: Value) -> Option<redress::calls::Outputs> {
    let region = twin.truth().regions.keys().next()?.clone();
    twin.by_hand(&Call::new("iam", &region, operation, input)).ok()
}
