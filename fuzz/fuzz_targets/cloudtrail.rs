//! Fuzzes the reader that its name says.
#![no_main]

#[path = "../common.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| common::run("{\"Records\":[{\"eventSource\":\"ec2.amazonaws.com\",\"eventName\":\"AuthorizeSecurityGroupIngress\",\"awsRegion\":\"us-east-1\",\"recipientAccountId\":\"123456789012\",", bytes, "}]}"));
