//! stub
use super::clients::Clients;
use crate::calls::{Call, Outcome};
pub(super) async fn call(_c: &Clients, call: &Call) -> Outcome {
    Err(super::errors::bad_input(&call.name(), "stub"))
}
