//! The parts of IAM's answers that several readers share: documents of policies, tags, boundaries.

use std::collections::BTreeMap;

use aws_sdk_iam::types::{AttachedPermissionsBoundary, AttachedPolicy, PolicyDetail, Tag};
use serde_json::Value;

use super::page::{some, text};
use crate::{
    calls::CallError,
    inventory::{Fact, Tags},
};

/// The number of users, groups or policies that are read at once.
pub const AT_ONCE: usize = 4;
/// The most entities on a page of a listing.
pub const PAGE: i32 = 1000;
/// The listing of all identities with all that they may do.
pub const DETAILS: &str = "iam:GetAccountAuthorizationDetails";

/// Returns a fact of an answer or of its error.
pub fn told<T>(answer: Result<T, CallError>) -> Fact<T> {
    answer.map_or_else(|error| Fact::unknown(&error), Fact::Known)
}

/// Returns inline policies by name.
pub fn inline(policies: Option<Vec<PolicyDetail>>) -> BTreeMap<String, Value> {
    let all = policies.unwrap_or_default().into_iter();
    all.map(|policy| (text(policy.policy_name), document(&text(policy.policy_document)))).collect()
}

/// Returns the ARNs of attached policies.
pub fn arns(policies: Vec<AttachedPolicy>) -> Vec<String> {
    policies.into_iter().filter_map(|policy| policy.policy_arn).collect()
}

/// Returns the ARN of a boundary.
pub fn boundary(boundary: Option<AttachedPermissionsBoundary>) -> Option<String> {
    boundary.and_then(|boundary| some(boundary.permissions_boundary_arn))
}

/// Converts tags to a map.
pub fn tags(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Parses a policy document as IAM returns it, percent-encoded (RFC 3986). Invalid JSON stays text.
pub fn document(encoded: &str) -> Value {
    let decoded =
        if encoded.trim_start().starts_with('{') { encoded.to_owned() } else { percent_decoded(encoded) };
    serde_json::from_str(&decoded).unwrap_or(Value::String(decoded))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|h| std::str::from_utf8(h).ok())
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        bytes.push(hex.unwrap_or(byte));
        rest = if hex.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_document_is_decoded_wherever_it_is_encoded() {
        assert_eq!(document("%7B%22Version%22%3A%20%222012-10-17%22%7D"), json!({ "Version": "2012-10-17" }));
        assert_eq!(document("{\"a\": \"100%25\"}"), json!({ "a": "100%25" }));
        assert_eq!(document("%7B%22a%22%3A%22%C3%A9+b%22%7D"), json!({ "a": "é+b" }));
        assert_eq!(document("100%"), json!("100%"));
    }
}
