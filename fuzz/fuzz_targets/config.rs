//! Fuzzes the reader that its name says.
#![no_main]

#[path = "../common.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| common::run("{\"AggregateEvaluationResults\":[{\"AccountId\":\"123456789012\",\"AwsRegion\":\"us-east-1\",\"EvaluationResultIdentifier\":{\"EvaluationResultQualifier\":", bytes, "}}]}"));
