//! The refusals that the blocks on public snapshots and images have in common.

use crate::{
    calls::CallError,
    inventory::sharing::{OF_ORGANIZATION, UNBLOCKED},
    twin::errors::refuse,
};

/// Refuses to share with everybody while that is blocked. `things` are `snapshots`.
pub(super) fn may_share(things: &str, state: &str) -> Result<(), CallError> {
    match state == UNBLOCKED {
        true => Ok(()),
        false => {
            let message = format!("Public sharing of {things} is blocked in this Region");
            Err(refuse("OperationNotPermitted", message))
        }
    }
}

/// Refuses to change a block that the organization decides on.
pub(super) fn of_account(managed_by: &str) -> Result<(), CallError> {
    match managed_by != OF_ORGANIZATION {
        true => Ok(()),
        false => {
            let message = "The setting is managed by a declarative policy of the organization";
            Err(refuse("OperationNotPermitted", message))
        }
    }
}
