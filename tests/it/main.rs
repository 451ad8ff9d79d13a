//! The one integration-test binary. What each module covers is told in `docs/testing.md`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by a panic, and says what it saw"
)]

mod aws;
mod aws_calls;
mod aws_faults;
mod aws_faults_reads;
mod before;
mod before_swaps;
mod bucket;
mod capacity;
mod ci;
mod circles;
mod cli;
mod clinic;
mod clinic_desk;
mod corpus;
mod credentials;
mod credentials_sts;
mod debts;
mod edits;
mod endpoints;
mod ends;
mod events;
mod expiry;
mod explain;
mod export;
mod findings;
mod fix;
mod foreign;
mod forged;
mod forged_claims;
mod forged_edits;
mod forged_resumption;
mod forged_runs;
mod forged_words;
mod half_done;
mod half_done_edits;
mod hostile;
mod hostile_leaves;
mod hostile_words;
mod html;
mod imports;
mod intake;
mod intake_events;
mod intake_hostile;
mod intake_kin;
mod interrupt;
mod jobs;
mod kill;
mod kill_stand;
mod laws;
mod laws_beside;
mod layering;
mod lease;
mod likeness;
mod long_journal;
mod marks;
mod next_start;
mod outputs;
mod own_state;
mod paced;
mod pages;
mod permissions;
mod permissions_reference;
mod plans;
mod proving;
mod proxy;
mod prune;
mod pruning;
mod recover;
mod report_back;
mod report_back_notices;
mod schemas;
mod secrets;
mod settings;
mod signing;
mod signing_runs;
mod stand;
mod state;
mod state_buckets;
mod states;
mod states_definitions;
mod style;
mod support;
mod targets;
mod turned;
mod typing;
mod understood;
mod uptime;
mod worked;
mod world;
