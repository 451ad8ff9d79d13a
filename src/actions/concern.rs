//! The members that an action changes of the resources that it touches. Undo, rollback and verify compare
//! these and nothing else: an instance that was tagged, resized or stopped since the run can still be undone.
//! The registry is asked at that moment and a plan is never read for it, so that runs of every release are
//! compared alike.

use crate::inventory::FamilyKind;

/// The members of the resources of one family that an action changes.
#[derive(Debug, Clone, Copy)]
pub struct Concern {
    /// The members that are compared.
    pub members: Members,
    /// Those among them that are lists or tables of which only the entries count that the change changed.
    pub lists: &'static [&'static str],
    /// The members that show whether a resource is running. They count at the end of a run that turned it off
    /// or on, and never later.
    pub power: &'static [&'static str],
    /// `true` where every call about such a resource stands alone
    /// ([`Otherwise::Alone`](crate::calls::Otherwise::Alone)): what others have decided about it since is
    /// theirs, and an undo goes on without it.
    pub alone: bool,
}

/// A selection of members.
#[derive(Debug, Clone, Copy)]
pub enum Members {
    /// These members.
    These(&'static [&'static str]),
    /// All members but these.
    But(&'static [&'static str]),
}

/// The concerns of an action, by the families that it touches.
pub type Table = &'static [(FamilyKind, Concern)];

impl Concern {
    /// Existence alone: the resource is looked at, and not changed.
    pub const THERE: Self = Self::these(&[]);
    /// All members.
    pub const WHOLE: Self = Self::but(&[]);

    /// Selects these members.
    pub const fn these(members: &'static [&'static str]) -> Self {
        Self { members: Members::These(members), lists: &[], power: &[], alone: false }
    }
    /// Selects all members but these.
    pub const fn but(members: &'static [&'static str]) -> Self {
        Self { members: Members::But(members), lists: &[], power: &[], alone: false }
    }
    /// Marks members as lists or tables that are compared entry by entry.
    pub const fn lists(self, lists: &'static [&'static str]) -> Self {
        Self { lists, ..self }
    }
    /// Lets an undo go on without what others have decided about since.
    pub const fn alone(self) -> Self {
        Self { alone: true, ..self }
    }
    /// Adds members that show whether the resource is running.
    pub const fn power(self, power: &'static [&'static str]) -> Self {
        Self { power, ..self }
    }
}

/// The way in which a member is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Care {
    /// Not at all: the change leaves the member alone.
    No,
    /// As the power state: the member shows whether the resource is running.
    Power,
    /// Entry by entry.
    Entries,
    /// As a whole.
    Whole,
}

/// The combined concerns of the actions of a change.
#[derive(Debug, Clone)]
pub struct Concerns(Vec<Option<Table>>);

impl Concerns {
    /// Returns the concerns of these actions of a change together.
    pub fn of<'n>(actions: impl IntoIterator<Item = &'n str>) -> Self {
        Self(actions.into_iter().map(|name| super::find(name).map(super::Action::concerns)).collect())
    }

    /// Returns the way in which a member of a resource is compared. Everything counts for an action that this
    /// program does not know, and for a family that none of the actions declares.
    pub fn care(&self, family: FamilyKind, member: &str) -> Care {
        let said = self.said(family);
        if said.is_empty() {
            return Care::Whole;
        }
        let one = |concern: &Concern| match concern.members {
            _ if concern.power.contains(&member) => Care::Power,
            _ if concern.lists.contains(&member) => Care::Entries,
            Members::These(these) if !these.contains(&member) => Care::No,
            Members::But(but) if but.contains(&member) => Care::No,
            Members::These(_) | Members::But(_) => Care::Whole,
        };
        said.iter().map(one).max().unwrap_or(Care::Whole)
    }

    /// Returns the members that show whether a resource of this family is running.
    pub fn power(&self, family: FamilyKind) -> Vec<&'static str> {
        self.said(family).iter().flat_map(|concern| concern.power).copied().collect()
    }

    /// Checks whether an undo goes on without a resource of this family about which others have decided
    /// since: every call about it stands alone.
    pub fn alone(&self, family: FamilyKind) -> bool {
        let said = self.said(family);
        !said.is_empty() && said.iter().all(|concern| concern.alone)
    }

    fn said(&self, family: FamilyKind) -> Vec<Concern> {
        if self.0.iter().any(Option::is_none) {
            return vec![Concern::WHOLE];
        }
        self.0
            .iter()
            .flatten()
            .flat_map(|table| *table)
            .filter(|(of, _)| *of == family)
            .map(|(_, concern)| *concern)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_that_is_not_known_cares_for_everything() {
        for action in ["no-such-action", "snapshot-instance+no-such-action", ""] {
            assert_eq!(Concerns::of([action]).care(FamilyKind::Instances, "tags"), Care::Whole, "{action}");
        }
    }

    #[test]
    fn a_family_of_which_an_action_says_nothing_counts_whole() {
        assert_eq!(Concerns::of(["snapshot-instance"]).care(FamilyKind::Buckets, "policy"), Care::Whole);
    }

    #[test]
    fn several_actions_care_for_what_any_of_them_does() {
        let both = Concerns::of(["encrypt-volumes", "snapshot-instance"]);
        assert_eq!(both.care(FamilyKind::Instances, "devices"), Care::Entries);
        assert_eq!(both.care(FamilyKind::Instances, "state"), Care::Power);
        assert_eq!(both.care(FamilyKind::Instances, "tags"), Care::No);
        assert_eq!(both.care(FamilyKind::Volumes, "attachments"), Care::Whole);
        assert!(!Concerns::of(["revoke-credentials", "deactivate-access-key"]).alone(FamilyKind::AccessKeys));
        assert!(Concerns::of(["revoke-credentials"]).alone(FamilyKind::AccessKeys));
    }
}
