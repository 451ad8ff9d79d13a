//! Fuzzes the reader that its name says.
#![no_main]

#[path = "../common.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| common::run("{\"CheckID\":\"vpc_flow_logs_enabled\",\"StatusExtended\":\"\",\"AccountId\":\"123456789012\",\"Region\":\"us-east-1\",", bytes, "}"));
