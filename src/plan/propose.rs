//! (in the making)
use crate::{actions::*, inventory::*, plan::*, resource::ResourceId};
pub fn checks_of(change: &Change) -> Vec<String> {
    change.findings.iter().map(|f| f.check.clone()).collect()
}
pub fn needs(_: &Inventory, _: &[ActionUse], _: &ResourceId, _: &str, _: &[String], _: &Options) -> Scope {
    Scope::new()
}
pub fn remake(c: &Change, _: &Inventory, _: &Options, _: &dyn Stage) -> Result<Change, Refusal> {
    Ok(c.clone())
}
pub fn differs(_: &Change, _: &Change) -> Option<String> {
    None
}
