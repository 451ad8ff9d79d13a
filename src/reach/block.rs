//! The hop of VPC Block Public Access: what it lets in of the packets of an internet gateway
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html>). Only a word that redress knows
//! counts: an endpoint without it is unknown, and not off.

use std::collections::HashMap;

use super::answer::{Answer, Because};
use crate::inventory::{Fact, PublicAccessExclusion, Region, VpcPublicAccess};

/// The block of a region.
#[derive(Debug)]
pub(super) enum Block<'i> {
    /// It is off.
    Off,
    /// It keeps packets out, but for what is excluded, by the id of the VPC or subnet.
    On { mode: &'i str, exclusions: Result<HashMap<&'i str, Vec<&'i PublicAccessExclusion>>, String> },
    /// It is not known, for this reason.
    Unknown(String),
}

/// States in which options hold.
const SETTLED: [&str; 2] = ["default-state", "update-complete"];
/// States in which an exclusion holds, and in which it does not.
const HOLDS: [&str; 2] = ["create-complete", "update-complete"];
const IS_GONE: [&str; 3] = ["create-failed", "delete-complete", "disable-complete"];

impl<'i> Block<'i> {
    /// Reads the block of a region.
    pub fn of(known: &'i Region) -> Self {
        let one = match known.vpc_public_access.items.get(VpcPublicAccess::ID) {
            Some(Fact::Known(one)) => one,
            Some(silent) => return Self::Unknown(unread(silent.silence())),
            None => return Self::Unknown(unread(known.vpc_public_access.get(VpcPublicAccess::ID).silence())),
        };
        let options = match &one.options {
            Fact::Known(options) => options,
            silent => return Self::Unknown(unread(silent.silence())),
        };
        let (mode, state) = (options.mode.as_str(), options.state.as_str());
        if !SETTLED.contains(&state) {
            return Self::Unknown(format!("VPC Block Public Access is {mode:?} and in the state {state:?}"));
        }
        match mode {
            "off" => Self::Off,
            "block-bidirectional" | "block-ingress" => Self::On { mode, exclusions: by_id(&one.exclusions) },
            other => {
                Self::Unknown(format!("VPC Block Public Access is {other:?}, which redress does not know"))
            }
        }
    }

    /// Returns whether packets of an internet gateway get in to a subnet.
    pub fn lets_in(&self, vpc: &str, subnet: &str) -> Because {
        let (mode, exclusions) = match self {
            Self::Off => return (Answer::Yes, "VPC Block Public Access is off".to_owned()),
            Self::Unknown(why) => return (Answer::Unknown, why.clone()),
            Self::On { mode, exclusions } => (mode, exclusions),
        };
        let exclusions = match exclusions {
            Ok(exclusions) => exclusions,
            Err(why) => return (Answer::Unknown, why.clone()),
        };
        let (mut lets, mut blocks) = (None, None);
        for one in [vpc, subnet].iter().filter_map(|id| exclusions.get(id)).flatten() {
            match (one.state.as_str(), one.mode.as_str()) {
                (state, _) if IS_GONE.contains(&state) => {}
                (state, "allow-bidirectional") if HOLDS.contains(&state) => lets = Some(one),
                (state, "allow-egress") if HOLDS.contains(&state) => blocks = Some(one),
                (state, mode) => {
                    let (id, of) = (&one.id, "an exclusion from VPC Block Public Access");
                    return (Answer::Unknown, format!("{id}, {of}, is {mode:?} and in the state {state:?}"));
                }
            }
        }
        match (lets, blocks) {
            (Some(one), None) => {
                (Answer::Yes, format!("{} excludes it from VPC Block Public Access", one.id))
            }
            (Some(one), Some(other)) => (
                Answer::Unknown,
                format!("{} and {} exclude it differently from VPC Block Public Access", one.id, other.id),
            ),
            (None, _) => (Answer::No, format!("VPC Block Public Access keeps {vpc} closed ({mode})")),
        }
    }
}

fn by_id(
    exclusions: &Fact<Vec<PublicAccessExclusion>>,
) -> Result<HashMap<&str, Vec<&PublicAccessExclusion>>, String> {
    let Fact::Known(all) = exclusions else {
        let why = exclusions.silence().unwrap_or("AWS shows none");
        return Err(format!("the exclusions from VPC Block Public Access: {why}"));
    };
    let mut by_id: HashMap<&str, Vec<&PublicAccessExclusion>> = HashMap::new();
    for one in all {
        by_id.entry(one.resource.rsplit('/').next().unwrap_or_default()).or_default().push(one);
    }
    Ok(by_id)
}

fn unread(silence: Option<&str>) -> String {
    format!("VPC Block Public Access: {}", silence.unwrap_or("AWS shows none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{PublicAccessOptions, Selector};

    fn region(mode: &str, state: &str, exclusions: &[(&str, &str, &str)]) -> Region {
        let options = PublicAccessOptions { mode: mode.into(), state: state.into() };
        let exclusion = |(n, (resource, mode, state)): (usize, &(&str, &str, &str))| PublicAccessExclusion {
            id: format!("vpcbpa-exclude-{n}"),
            resource: format!("arn:aws:ec2:us-east-1:123456789012:{resource}"),
            mode: (*mode).to_owned(),
            state: (*state).to_owned(),
        };
        let exclusions = exclusions.iter().enumerate().map(exclusion).collect();
        let mut region = Region::default();
        region.vpc_public_access.put(
            VpcPublicAccess::ID,
            VpcPublicAccess { options: Fact::Known(options), exclusions: Fact::Known(exclusions) },
        );
        region
    }

    fn of(region: &Region) -> Answer {
        Block::of(region).lets_in("vpc-1", "subnet-1").0
    }

    #[test]
    fn only_the_word_off_is_off() {
        let done = "update-complete";
        assert_eq!(of(&region("off", "default-state", &[])), Answer::Yes);
        assert_eq!(of(&region("off", done, &[])), Answer::Yes);
        assert_eq!(of(&region("block-ingress", done, &[])), Answer::No);
        assert_eq!(of(&region("block-bidirectional", done, &[])), Answer::No);
        for (mode, state) in [
            ("", "default-state"),
            ("block-everything", done),
            ("off", "update-in-progress"),
            ("off", ""),
            ("block-ingress", "resting"),
        ] {
            assert_eq!(of(&region(mode, state, &[])), Answer::Unknown, "{mode} {state}");
        }
    }

    #[test]
    fn what_was_not_read_is_unknown_and_never_off() {
        assert_eq!(of(&Region::default()), Answer::Unknown);
        let mut listed = Region::default();
        listed.vpc_public_access.read(&Selector::All, Fact::Known(()));
        assert_eq!(of(&listed), Answer::Unknown, "an endpoint that shows none");
        let mut denied = region("off", "update-complete", &[]);
        denied.vpc_public_access.get_mut(VpcPublicAccess::ID).unwrap().options = Fact::unknown("denied");
        assert_eq!(of(&denied), Answer::Unknown);
        // Exclusions matter where something is blocked, and nowhere else.
        for (mode, expected) in [("off", Answer::Yes), ("block-ingress", Answer::Unknown)] {
            let mut denied = region(mode, "update-complete", &[]);
            denied.vpc_public_access.get_mut(VpcPublicAccess::ID).unwrap().exclusions =
                Fact::unknown("denied");
            assert_eq!(of(&denied), expected, "{mode}");
        }
    }

    #[test]
    fn an_exclusion_counts_for_its_vpc_or_subnet_by_its_mode_and_state() {
        let with = |all: &[(&str, &str, &str)]| of(&region("block-bidirectional", "update-complete", all));
        let both = "allow-bidirectional";
        assert_eq!(with(&[("vpc/vpc-1", both, "create-complete")]), Answer::Yes);
        assert_eq!(with(&[("subnet/subnet-1", both, "update-complete")]), Answer::Yes);
        assert_eq!(with(&[("subnet/subnet-2", both, "create-complete")]), Answer::No);
        assert_eq!(with(&[("vpc/vpc-1", "allow-egress", "create-complete")]), Answer::No);
        assert_eq!(with(&[("vpc/vpc-1", both, "delete-complete")]), Answer::No);
        assert_eq!(with(&[("vpc/vpc-1", both, "disable-complete")]), Answer::No);
        for state in ["create-in-progress", "delete-in-progress", "update-failed", "resting"] {
            assert_eq!(with(&[("vpc/vpc-1", both, state)]), Answer::Unknown, "{state}");
        }
        assert_eq!(with(&[("vpc/vpc-1", "allow-some", "create-complete")]), Answer::Unknown);
        let mixed =
            [("vpc/vpc-1", "allow-egress", "create-complete"), ("subnet/subnet-1", both, "create-complete")];
        assert_eq!(with(&mixed), Answer::Unknown);
    }
}
