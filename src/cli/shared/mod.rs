//! The parts that several commands share: arguments, the two streams, files, questions, and the way from an
//! account to a plan and from a plan to a run.

pub mod account;
pub mod args;
pub mod ask;
pub mod asked;
pub mod events;
pub mod examples;
pub mod exit;
pub mod fail;
pub mod files;
pub mod findings;
pub mod flow_logs;
pub mod keys;
pub mod lookup;
pub mod narrow;
pub mod out;
pub mod perform;
pub mod plan_file;
pub mod planning;
pub mod progress;
pub mod question;
pub mod refused;
pub mod render;
pub mod report_back;
pub mod session;
pub mod signals;
pub mod signed;
pub mod signing;
pub mod state_dir;
pub mod store;
pub mod summary;
pub mod terminal;
mod to_aws;
pub mod trace;
pub mod typed;
pub mod when;
