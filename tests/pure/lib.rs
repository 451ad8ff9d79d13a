//! redress without what talks to AWS and to people: the very sources, so that what is proved, measured and
//! fuzzed here is the program, and the AWS SDK need not be compiled. It must hold nothing of its own.

#[path = "../../src/account.rs"]
pub mod account;
#[path = "../../src/actions/mod.rs"]
pub mod actions;
#[path = "../../src/calls/mod.rs"]
pub mod calls;
#[path = "../../src/checks/mod.rs"]
pub mod checks;
#[path = "../../src/engine/mod.rs"]
pub mod engine;
#[path = "../../src/finding.rs"]
pub mod finding;
#[path = "../../src/intake/mod.rs"]
pub mod intake;
#[path = "../../src/inventory/mod.rs"]
pub mod inventory;
#[path = "../../src/journal/mod.rs"]
pub mod journal;
#[path = "../../src/plan/mod.rs"]
pub mod plan;
#[path = "../../src/playbook/mod.rs"]
pub mod playbook;
#[path = "../../src/private.rs"]
pub mod private;
#[path = "../../src/resource.rs"]
pub mod resource;
#[path = "../../src/services/mod.rs"]
pub mod services;
#[path = "../../src/twin/mod.rs"]
pub mod twin;

/// Of the command line only what an exit code means.
#[path = "../../src/cli"]
pub mod cli {
    pub mod exit;
}
