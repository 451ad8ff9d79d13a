//! What an action reads beyond what its changes name themselves: its guards look at what stands around the resource. Each action
//! declares it, a law holds it to what the action asks for, and the least policy of a plan follows from it.

use crate::inventory::FamilyKind;

/// A kind of thing that an action reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// The kind.
    pub family: FamilyKind,
    /// Whether it is read only where facts lead there, unless the change itself touches such things.
    pub perhaps: bool,
    /// Whether facts tell which of them are read, so that their ids are not known beforehand.
    pub more: bool,
}

impl Around {
    /// A kind of which the change names those that are read.
    pub const fn named(family: FamilyKind) -> Self {
        Self { family, perhaps: false, more: false }
    }
    /// A kind of which facts tell which are read.
    pub const fn found(family: FamilyKind) -> Self {
        Self { family, perhaps: false, more: true }
    }
    /// The same, read only where facts lead there.
    pub const fn perhaps(self) -> Self {
        Self { perhaps: true, ..self }
    }
}
