//! The parts that the actions on sharing with everybody have in common: those who may use a thing as before,
//! the block that keeps an undo from sharing it again, and a block that is the organization's to decide.

use super::Refusal;
use crate::inventory::{
    Fact,
    sharing::{OF_ORGANIZATION, UNBLOCKED},
};

/// The number of accounts that are named.
const NAMED: usize = 10;

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
