//! Checks that only prove what changes to networks and their logs have done; a scan does not run them.

use super::Check;

/// The checks of this family.
pub static CHECKS: &[Check] = &[];
