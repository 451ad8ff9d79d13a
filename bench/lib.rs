//! The modules that read findings, and what they stand on, as they are in `src/`: no IO, no SDK. Nothing is written here.

#[path = "../src/checks/mod.rs"]
pub mod checks;
#[path = "../src/finding.rs"]
pub mod finding;
#[path = "../src/intake/mod.rs"]
pub mod intake;
#[path = "../src/inventory/mod.rs"]
pub mod inventory;
#[path = "../src/resource.rs"]
pub mod resource;
