//! The parts that the actions on sharing with everybody have in common: those who may use a thing as before,
//! the block that keeps an undo from sharing it again, and a block that is the organization's to decide.

use serde_json::json;

use super::{Prerequisite, Refusal};
use crate::{
    inventory::{
        Fact,
        sharing::{ALL, OF_ORGANIZATION, UNBLOCKED},
    },
    resource::ResourceId,
};

/// The number of accounts that are named.
const NAMED: usize = 10;

/// Checks that a thing is shared with everybody, which its group stands for.
pub fn with_everybody(id: &str, group: Option<&str>) -> Result<(), Refusal> {
    match group {
        Some(ALL) => Ok(()),
        None => Err(Refusal::Nothing(format!("{id} is not shared with everybody"))),
        Some(other) => Err(Refusal::Unknown(format!(
            "{id} is shared with the group {other}, which redress does not know"
        ))),
    }
}

/// Describes what others have made of a public thing, which nobody takes from them. `made` is `copies and
/// volumes`.
pub fn out_of_reach(made: &str) -> String {
    format!(
        "{made} that others have made of it stay theirs, and AWS shows nobody which there are: take what it \
         contains for known, and replace keys and passwords on it"
    )
}

/// Returns the changes that take public things from everybody, each for a finding of its own.
pub fn grants(action: &'static str, public: impl Iterator<Item = ResourceId>) -> Vec<Prerequisite> {
    let unshared =
        |resource: ResourceId| Prerequisite { action, resource, with: json!({}), for_a_finding: true };
    public.map(unshared).collect()
}

/// Describes those who may use a thing as before.
pub fn remaining(accounts: &[String]) -> Option<String> {
    let (shown, more) = accounts.split_at(accounts.len().min(NAMED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    (!shown.is_empty()).then(|| format!("it stays shared with {}{more}", shown.join(", ")))
}

/// Describes what keeps an undo from sharing a thing again, or may keep it. `things` are `snapshots`.
pub fn kept_from(region: &str, id: &str, things: &str, state: &Fact<&str>) -> Option<String> {
    match state {
        Fact::Known(state) if *state == UNBLOCKED => None,
        Fact::Known(_) => Some(format!(
            "AWS refuses to share {id} with everybody again while public {things} are blocked in {region}"
        )),
        silent => Some(format!(
            "whether AWS would share {id} with everybody again is not known, since the block on public \
             {things} could not be read: {}",
            silent.silence().unwrap_or("not found")
        )),
    }
}

/// Checks that the account decides on a block.
pub fn of_account(region: &str, things: &str, managed_by: &str) -> Result<(), Refusal> {
    match managed_by == OF_ORGANIZATION {
        false => Ok(()),
        true => Err(Refusal::Refused(format!(
            "a declarative policy of the organization decides on public {things} in {region}: change it there"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_accounts_are_counted() {
        let all: Vec<String> = (0..12).map(|n| format!("a{n}")).collect();
        assert_eq!(remaining(&[]), None);
        assert_eq!(remaining(&all[..2]).unwrap(), "it stays shared with a0, a1");
        assert!(remaining(&all).unwrap().ends_with("a9 and 2 more"));
    }

    #[test]
    fn only_a_block_that_is_known_to_be_off_keeps_nothing() {
        let kept = |state| kept_from("us-east-1", "snap-1", "snapshots", &state);
        assert_eq!(kept(Fact::Known("unblocked")), None);
        assert!(kept(Fact::Known("block-new-sharing")).unwrap().contains("blocked in us-east-1"));
        assert!(kept(Fact::unknown("AccessDenied")).unwrap().contains("AccessDenied"));
        assert!(kept(Fact::Absent).unwrap().contains("not found"));
    }
}
