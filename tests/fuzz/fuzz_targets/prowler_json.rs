//! Fuzzes the reader that its name says.
#![no_main]

#[path = "../common.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| common::run(
    &[include_str!("../seeds/prowler_json/each.json")],
    bytes
));
