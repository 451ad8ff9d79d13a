//! The engine: the only place that changes an account, and only by calls that stand in an approved plan or its way
//! back. Journal first, one call at a time, success proved on fresh facts. It knows the account only by its seam.

pub mod apply;
pub mod gather;
pub mod news;
pub mod prove;
pub mod resume;
pub mod step;
pub mod undo;
pub mod verify;

pub use news::{News, Silent, Talk};
