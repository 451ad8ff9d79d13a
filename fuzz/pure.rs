//! The pure modules of redress as a crate of their own, from the very sources, so that they can be fuzzed without compiling the
//! AWS SDK. Nothing is written here but which they are.

#[path = "../src/actions/mod.rs"]
pub mod actions;
#[path = "../src/calls/mod.rs"]
pub mod calls;
#[path = "../src/checks/mod.rs"]
pub mod checks;
#[path = "../src/finding.rs"]
pub mod finding;
#[path = "../src/intake/mod.rs"]
pub mod intake;
#[path = "../src/inventory/mod.rs"]
pub mod inventory;
#[path = "../src/journal/mod.rs"]
pub mod journal;
#[path = "../src/plan/mod.rs"]
pub mod plan;
#[path = "../src/playbook/mod.rs"]
pub mod playbook;
#[path = "../src/resource.rs"]
pub mod resource;
