//! The outputs of all steps of a run, with the facts that its changes have observed beside them.

use serde_json::Value;

use super::Outputs;

/// Outputs of steps, by change and step. A copy shares what it has in common with the original: each change
/// of a plan is tried with one.
pub type AllOutputs = imbl::OrdMap<(String, String), Outputs>;

/// Adds observed facts to the outputs that references of the change see.
pub fn record(outputs: &mut AllOutputs, change: &str, observed: &Outputs) {
    if !observed.is_empty() {
        outputs.entry((change.to_owned(), OBSERVED.to_owned())).or_default().extend(observed.clone());
    }
}

/// The name under which the observations of a change are kept beside the outputs of its steps. No step has
/// this name.
const OBSERVED: &str = "$observed";

/// Returns the value that a change has observed under a name.
pub(super) fn recorded<'a>(outputs: &'a AllOutputs, change: &str, name: &str) -> Option<&'a Value> {
    outputs.get(&(change.to_owned(), OBSERVED.to_owned()))?.get(name)
}
