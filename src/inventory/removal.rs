//! Facts about the deletion of a snapshot or a volume: its uses, its lock, and its retention in the Recycle
//! Bin. Plain data; nothing here reads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Fact, Record, Tags,
    about::{About, Arn},
    permissions::{On, Reading, When, on_all},
};

/// The entry for everybody among the accounts that a snapshot is shared with, as AWS names the group.
pub const PUBLIC: &str = "all";

/// The obstacles to a deletion, and its consequences.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Removal {
    /// `snap-...` or `vol-...`
    pub id: String,
    /// The account's images that a snapshot is part of (`ec2:DescribeImages`).
    pub images: Fact<Vec<String>>,
    /// The state of the lock of a snapshot: `governance`, `compliance`, `compliance-cooloff`; absent where it
    /// has none, or one that has expired (`ec2:DescribeLockedSnapshots`).
    pub lock: Fact<String>,
    /// The accounts that may make volumes of a snapshot; [`PUBLIC`] for everybody
    /// (`ec2:DescribeSnapshotAttribute`). Empty where it is the account's alone.
    pub shared: Fact<Vec<String>>,
    /// The retention rules of the region for resources of its kind (`rbin:ListRules`, `rbin:GetRule`).
    pub rules: Fact<Vec<BinRule>>,
    /// `true` if it is in the Recycle Bin (`ec2:ListSnapshotsInRecycleBin`, `ec2:ListVolumesInRecycleBin`).
    pub in_bin: Fact<bool>,
    /// The time until which it stays there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_bin_until: Option<Timestamp>,
}

const OF_SNAPSHOTS: When = When::Fact("a snapshot is to be deleted");
const OF_VOLUMES: When = When::Fact("a volume is to be deleted");

const READ: &[Reading] = &[
    Reading { action: "ec2:DescribeImages", when: OF_SNAPSHOTS, on: On::All },
    Reading { action: "ec2:DescribeLockedSnapshots", when: OF_SNAPSHOTS, on: On::All },
    Reading {
        action: "ec2:DescribeSnapshotAttribute",
        when: OF_SNAPSHOTS,
        on: On::Only { id_prefix: "snap-", arn: "ec2:*::snapshot/{id}" },
    },
    Reading { action: "ec2:ListSnapshotsInRecycleBin", when: OF_SNAPSHOTS, on: On::All },
    Reading { action: "ec2:ListVolumesInRecycleBin", when: OF_VOLUMES, on: On::All },
    on_all("rbin:ListRules"),
    Reading { action: "rbin:GetRule", when: When::Fact("a rule of the Recycle Bin is there"), on: On::Thing },
];

impl Record for Removal {
    const ABOUT: About = About {
        arn: Arn { one: &[], any: "rbin:*:{account}:rule/*" },
        moves_by_itself: true,
        ..About::read_by(READ)
    };
}

/// A retention rule of the Recycle Bin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BinRule {
    /// Its identifier.
    pub id: String,
    /// The number of days for which it keeps resources.
    pub days: i32,
    /// The tags of which a resource must have one to be kept; it keeps every resource if there are none.
    pub tags: Vec<(String, String)>,
    /// The tags of which a resource must have none to be kept.
    pub but: Vec<(String, String)>,
}

impl BinRule {
    /// Returns whether it keeps a resource with these tags
    /// (<https://docs.aws.amazon.com/ebs/latest/userguide/recycle-bin-concepts.html>).
    fn keeps(&self, tags: &Tags) -> bool {
        let any = |list: &[(String, String)]| list.iter().any(|(key, value)| tags.get(key) == Some(value));
        (self.tags.is_empty() || any(&self.tags)) && !any(&self.but)
    }
}

impl Removal {
    /// Returns the rule that keeps a resource with these tags once it is deleted: of several the one that
    /// keeps it longest.
    pub fn kept_by(&self, tags: &Tags) -> Fact<&BinRule> {
        match &self.rules {
            Fact::Known(rules) => rules
                .iter()
                .filter(|rule| rule.keeps(tags))
                .max_by_key(|rule| rule.days)
                .map_or(Fact::Absent, Fact::Known),
            Fact::Absent => Fact::Absent,
            Fact::Unknown(why) => Fact::Unknown(why.clone()),
            Fact::NotRead => Fact::NotRead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_that_keeps_longest_counts_and_one_that_leaves_out_a_tag_keeps_nothing_that_has_it() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let rule = |id: &str, days, tags: &[(String, String)], but: &[(String, String)]| BinRule {
            id: id.into(),
            days,
            tags: tags.to_vec(),
            but: but.to_vec(),
        };
        let rules = vec![
            rule("all", 7, &[], &[pair("env", "test")]),
            rule("prod", 30, &[pair("env", "prod"), pair("env", "stage")], &[]),
        ];
        let removal = Removal { rules: Fact::Known(rules), ..Removal::default() };
        let by = |tags: &[(String, String)]| {
            removal.kept_by(&tags.iter().cloned().collect()).known().map(|rule| rule.id.clone())
        };
        assert_eq!(by(&[pair("env", "prod")]).as_deref(), Some("prod"));
        assert_eq!(by(&[pair("env", "other")]).as_deref(), Some("all"));
        assert_eq!(by(&[pair("env", "test")]), None);
        assert!(
            Removal { rules: Fact::unknown("denied"), ..Removal::default() }
                .kept_by(&Tags::new())
                .reason()
                .is_some()
        );
    }
}
