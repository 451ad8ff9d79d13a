//! Facts about VPC endpoints. Plain data under AWS's own names; nothing here judges.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Fact, Record, Tags,
    about::{About, Asked},
    permissions::{On, Reading, When, on_all},
};
use crate::resource::Kind;

/// A VPC endpoint (`ec2:DescribeVpcEndpoints`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VpcEndpoint {
    /// `vpce-...`
    pub id: String,
    /// `Gateway`, `Interface`, `GatewayLoadBalancer`, `Resource`, `ServiceNetwork`, `Tunnel`.
    pub endpoint_type: String,
    /// Its VPC.
    pub vpc_id: String,
    /// `com.amazonaws.us-east-1.s3`
    pub service_name: String,
    /// The region of the service, where it is another one than the endpoint's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_region: Option<String>,
    /// `available`, `pending`, ...
    pub state: String,
    /// Its policy, as AWS returns it: JSON as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_document: Option<String>,
    /// The meaning of its policy: two documents that differ in spaces, in the order of their members or of
    /// lists, or in a list of one, mean the same. Absent where it has none.
    pub policy: Fact<Value>,
    /// `true` if its service takes policies of endpoints (`ec2:DescribeVpcEndpointServices`); full access is
    /// shown for those that do not, too. Not read where the type of endpoint has no policy.
    pub policy_supported: Fact<bool>,
    /// The public names of its service that private DNS leads to an endpoint
    /// (`ec2:DescribeVpcEndpointServices`). Not read where AWS is not asked about the service.
    pub private_dns_names: Fact<Vec<String>>,
    /// The security groups of its network interfaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The subnets of its network interfaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnet_ids: Vec<String>,
    /// The route tables that lead to it, for a gateway.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route_table_ids: Vec<String>,
    /// `true` if the public name of the service leads to it in its VPC.
    pub private_dns_enabled: bool,
    /// `true` if a service of AWS manages it.
    pub requester_managed: bool,
    /// Its owner: another account for one in a VPC that is shared with this one.
    pub owner_id: String,
    /// Tags.
    pub tags: Tags,
}

/// The filter that picks the endpoints of a security group. It is an index of what was listed: AWS has no
/// such filter (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html>).
pub const OF_GROUP: &str = "security-group";

const READ: &[Reading] = &[
    on_all("ec2:DescribeVpcEndpoints"),
    Reading {
        action: "ec2:DescribeVpcEndpointServices",
        when: When::Fact("an endpoint is for a service of AWS"),
        on: On::All,
    },
];

impl Record for VpcEndpoint {
    const ABOUT: About = About {
        kind: Some(Kind::VpcEndpoint),
        asked: Some(Asked::of(
            "DescribeVpcEndpoints",
            "vpc-endpoint-id",
            "VpcEndpoints[0]",
            &[
                ("/policy/known", "PolicyDocument"),
                ("/private_dns_enabled", "PrivateDnsEnabled"),
                ("/state", "State"),
            ],
        )),
        ..About::of_ec2(READ, "vpce", "vpc-endpoint", "InvalidVpcEndpointId.NotFound")
    };
    fn filters(&self) -> Vec<(&'static str, &str)> {
        let groups = self.groups.iter().map(|group| (OF_GROUP, group.as_str()));
        groups.chain([("vpc-id", self.vpc_id.as_str())]).collect()
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
}

impl VpcEndpoint {
    /// Sets the policy: the document and its meaning.
    pub fn set_policy(&mut self, document: Option<String>) {
        self.policy = match document.as_deref().map(serde_json::from_str::<Value>) {
            None => Fact::Absent,
            Some(Ok(policy @ Value::Object(_))) => Fact::Known(meaning_of(&policy)),
            Some(_) => Fact::unknown("the policy is not JSON (ec2:DescribeVpcEndpoints)"),
        };
        self.policy_document = document;
    }

    /// Returns the region and the word of its service, where it is one of AWS's with a plain name: `s3`. IAM
    /// has no region.
    pub fn service(&self) -> Option<(&str, &str)> {
        let rest = self.service_name.strip_prefix("com.amazonaws.").filter(|_| !self.is_of_others())?;
        if rest == "iam" { Some(("", rest)) } else { rest.split_once('.') }
    }

    /// Returns whether it is an interface, whose security groups count.
    pub fn is_interface(&self) -> bool {
        self.endpoint_type == "Interface"
    }

    /// Returns whether its service is somebody's behind a load balancer, and none of AWS's
    /// (<https://docs.aws.amazon.com/vpc/latest/privatelink/concepts.html>).
    pub fn is_of_others(&self) -> bool {
        self.service_name.starts_with("com.amazonaws.vpce.") || self.service_name.contains(".vpce-svc-")
    }
}

/// Members of a statement that hold one text or a list of them, in any order
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>).
const LISTS: &[&str] = &["Action", "NotAction", "Resource", "NotResource"];
/// Members whose own members hold such lists.
const LISTS_WITHIN: &[&str] = &["Principal", "NotPrincipal"];

/// Returns a policy in the one form of all documents that mean the same.
pub fn meaning_of(policy: &Value) -> Value {
    let Value::Object(members) = policy else { return policy.clone() };
    let form = |name: &str, value: &Value| match (name, value) {
        ("Statement", Value::Array(all)) => Value::Array(all.iter().map(statement).collect()),
        ("Statement", one) => Value::Array(vec![statement(one)]),
        _ => value.clone(),
    };
    sorted(members.iter().map(|(name, value)| (name, form(name, value))))
}

fn statement(statement: &Value) -> Value {
    let Value::Object(members) = statement else { return statement.clone() };
    let form = |name: &str, value: &Value| match (name, value) {
        (name, value) if LISTS.contains(&name) => texts(value),
        (name, Value::Object(within)) if LISTS_WITHIN.contains(&name) => {
            sorted(within.iter().map(|(name, value)| (name, texts(value))))
        }
        ("Condition", Value::Object(operators)) => sorted(operators.iter().map(|(operator, keys)| {
            let keys = match keys {
                Value::Object(keys) => sorted(keys.iter().map(|(key, values)| (key, texts(values)))),
                other => other.clone(),
            };
            (operator, keys)
        })),
        _ => value.clone(),
    };
    sorted(members.iter().map(|(name, value)| (name, form(name, value))))
}

/// Returns a list of texts, sorted, where the value is a text or a list of them; else the value itself. IAM
/// takes numbers and booleans for texts.
fn texts(value: &Value) -> Value {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    let all: Option<BTreeSet<String>> = match value {
        Value::Array(all) => all.iter().map(one).collect(),
        other => one(other).map(|text| BTreeSet::from([text])),
    };
    all.map_or_else(|| value.clone(), |all| all.into_iter().map(Value::String).collect())
}

fn sorted<'v>(members: impl Iterator<Item = (&'v String, Value)>) -> Value {
    let mut all: Vec<(String, Value)> = members.map(|(name, value)| (name.clone(), value)).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Object(Map::from_iter(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(document: &str) -> Fact<Value> {
        let mut endpoint = VpcEndpoint::default();
        endpoint.set_policy(Some(document.to_owned()));
        endpoint.policy
    }

    #[test]
    fn documents_that_mean_the_same_have_one_form() {
        let same = [
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"1"},
                "Action":"s3:Get*","Resource":["b","a"],"Condition":{"Bool":{"aws:SecureTransport":true},
                "StringEquals":{"k":["1","2"]}}}}"#,
            r#"{"Statement":[{"Resource":["a","b","a"],"Action":["s3:Get*"],"Principal":{"AWS":["1"]},
                "Condition":{"StringEquals":{"k":["2","1"]},"Bool":{"aws:SecureTransport":"true"}},
                "Effect":"Allow"}],"Version":"2012-10-17"}"#,
        ];
        let [one, other] = same.map(policy);
        assert_eq!(one, other);
        let text = |of: &Fact<Value>| of.known().map(Value::to_string);
        assert_eq!(text(&one), text(&other), "the order of members is the same, too");
        assert_ne!(one, policy(&same[0].replace("Allow", "Deny")));
        assert_ne!(one, policy(&same[0].replace("s3:Get*", "s3:*")));
    }

    #[test]
    fn a_policy_that_is_not_json_is_not_known_and_odd_values_stay_as_they_are() {
        for bad in ["", "no", "[]", "\"*\"", "{"] {
            assert!(policy(bad).silence().is_some_and(|why| why.contains("not JSON")), "{bad}");
        }
        let mut endpoint = VpcEndpoint::default();
        endpoint.set_policy(None);
        assert!(endpoint.policy.is_absent());
        let odd = r#"{"Statement":[1,{"Action":[{"a":1}],"Condition":[],"Principal":"*"}]}"#;
        assert_eq!(policy(odd), Fact::Known(serde_json::from_str(odd).unwrap()));
    }
}
