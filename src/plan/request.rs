//! The request for a plan: all of its inputs. Data only.

use jiff::{SignedDuration, Timestamp};

use super::{Stage, evidence::Observed, guards::Limits, rehearse::Rules};
use crate::{actions::Options, checks::Unjudged, finding::Finding, inventory::Inventory, playbook::Playbook};

/// All the inputs of a plan.
pub struct Request<'a> {
    /// The facts about the account.
    pub inventory: &'a Inventory,
    /// The findings there.
    pub findings: &'a [Finding],
    /// Checks that could not be run in some place.
    pub unjudged: &'a [Unjudged],
    /// The playbooks, in the order in which they were loaded.
    pub playbooks: &'a [Playbook],
    /// The options that the user set.
    pub options: &'a Options,
    /// The regions that were scanned.
    pub regions: &'a [String],
    /// The endpoint: `aws`, a URL, `twin:NAME`.
    pub endpoint: &'a str,
    /// The ARN of the caller.
    pub caller: &'a str,
    /// The time at which the plan is made.
    pub created: Timestamp,
    /// The time for which the plan is valid.
    pub valid_for: SignedDuration,
    /// Limits from the command line.
    pub limits: Limits,
    /// The networks that changes let in since flow logs show that they came in.
    pub observed: &'a Observed,
    /// A copy of the account, to try things on.
    pub stage: Box<dyn Stage>,
}

impl Request<'_> {
    /// Returns the rules by which the account is judged before and after.
    pub fn rules(&self) -> Rules {
        Rules::new(self.regions, self.playbooks)
    }
}
