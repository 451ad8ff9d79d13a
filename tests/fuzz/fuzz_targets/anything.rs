//! Fuzzes the telling apart of formats, and what stands before every reader: gzip, byte-order marks, cutting
//! into records.
#![no_main]

#[path = "../common.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| common::run(&[], bytes));
