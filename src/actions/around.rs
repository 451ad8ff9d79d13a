//! The facts that an action reads beyond those that its changes name themselves: its guards look at the
//! surroundings of the resource. Each action declares them, a law holds the action to what it asks for, and
//! the least policy of a plan follows from the declaration.

use crate::inventory::FamilyKind;

/// A family of resources that an action reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// The family.
    pub family: FamilyKind,
    /// `true` if the family is read only where facts lead to it, unless the change itself touches such
    /// resources.
    pub perhaps: bool,
    /// `true` if the ids to read follow from facts, so that they are not known beforehand.
    pub more: bool,
    /// `true` if all of the family may be listed, too.
    pub listed: bool,
}

impl Around {
    /// Declares a family of which the change names the resources that are read.
    pub const fn named(family: FamilyKind) -> Self {
        Self { family, perhaps: false, more: false, listed: false }
    }
    /// Declares a family of which facts determine the resources that are read.
    pub const fn found(family: FamilyKind) -> Self {
        Self { family, perhaps: false, more: true, listed: false }
    }
    /// Declares that all of the family may be listed, too.
    pub const fn listed(self) -> Self {
        Self { listed: true, ..self }
    }
    /// Makes the declaration conditional: the family is read only where facts lead to it.
    pub const fn perhaps(self) -> Self {
        Self { perhaps: true, ..self }
    }
}
