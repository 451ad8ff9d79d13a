//! The plan: changes in order, frozen, as data that serialises to `redress.plan/1`. Building one is a pure
//! function over an inventory, findings, playbooks and actions; nothing here calls AWS or touches a file.

mod action_names;
pub mod again;
pub mod as_called;
pub mod build;
pub mod change;
mod claims;
pub mod digest;
pub mod document;
mod draft;
pub mod evidence;
pub mod export;
mod footprints;
mod grouping;
pub mod guards;
mod kind;
pub mod order;
pub mod permissions;
pub mod play;
pub mod proof;
pub mod propose;
pub mod reach;
pub mod rehearse;
mod request;
pub mod restore;
pub mod select;
mod stage;
pub mod together;

pub use action_names::ActionNames;
pub use change::{Change, Restore, each_once};
pub use document::{Plan, Rehearsal, Skipped, SkippedKind};
pub use kind::PlanKind;
pub use stage::Stage;

#[cfg(test)]
mod tests;
