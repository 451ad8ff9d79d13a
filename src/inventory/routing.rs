//! Facts about the way that a load balancer sends a request: actions and rules of listeners, and what is
//! needed to send it elsewhere. Plain data under AWS's own names; nothing here judges.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Record,
    about::{About, Arn},
    permissions::{on_all, on_one},
};

/// An action of a listener or of a rule
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html>), in the form in
/// which it is also sent. Actions that forward or redirect are complete; of all others there are the type and
/// the order alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ListenerAction {
    /// `forward`, `redirect`, `fixed-response`, `authenticate-oidc`, ...
    pub r#type: String,
    /// The target group, where it forwards to one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group_arn: Option<String>,
    /// Its place among several actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<i32>,
    /// The place to which it redirects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_config: Option<RedirectConfig>,
    /// The target groups to which it forwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_config: Option<ForwardConfig>,
}

/// The place to which an action redirects. A part that is not given stays as it is in the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RedirectConfig {
    /// `HTTP`, `HTTPS`, `#{protocol}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// `443`, `#{port}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// `#{host}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `/#{path}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `#{query}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// `HTTP_301` or `HTTP_302`.
    pub status_code: String,
}

/// The target groups to which an action forwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ForwardConfig {
    /// The groups, by their ARNs: AWS promises no order.
    #[serde(default)]
    pub target_groups: Vec<ForwardTo>,
    /// The stickiness of clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group_stickiness_config: Option<Stickiness>,
}

/// A target group with its share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ForwardTo {
    /// The group, by its ARN.
    pub target_group_arn: String,
    /// Its share among the weights of all, 0 to 999.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
}

/// The stickiness of clients: one that was sent to a target group goes on to be sent there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Stickiness {
    /// `true` if clients stick to their group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The number of seconds for which they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i32>,
}

impl ListenerAction {
    /// Returns the target groups to which it forwards requests, with their weights. One of weight 0 gets
    /// none, and one without a weight has 1.
    pub fn groups(&self) -> Vec<(&str, i32)> {
        let listed = self.forward_config.iter().flat_map(|config| &config.target_groups);
        let mut all: Vec<(&str, i32)> =
            listed.map(|to| (to.target_group_arn.as_str(), to.weight.unwrap_or(1))).collect();
        if all.is_empty() {
            all.extend(self.target_group_arn.as_deref().map(|arn| (arn, 1)));
        }
        all.retain(|(_, weight)| *weight != 0);
        all.sort_unstable();
        all
    }
}

/// A rule of a listener (`elasticloadbalancing:DescribeRules`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListenerRule {
    /// ARN.
    pub id: String,
    /// `1` to `50000`.
    pub priority: String,
    /// The requests that it is for, as a person reads it: `path-pattern /.well-known/*`.
    pub conditions: Vec<String>,
    /// Its actions.
    pub actions: Vec<ListenerAction>,
}

/// A load balancer (`elasticloadbalancing:DescribeLoadBalancers`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadBalancer {
    /// ARN.
    pub id: String,
    /// Name.
    pub name: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// Its security groups.
    pub security_groups: Vec<String>,
}

impl Record for LoadBalancer {
    const ABOUT: About = About {
        by_arn: true,
        not_found: "LoadBalancerNotFound",
        ..About::read_by(&[on_all("elasticloadbalancing:DescribeLoadBalancers")])
    };
}

/// A certificate of Certificate Manager (`acm:DescribeCertificate`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Certificate {
    /// ARN.
    pub id: String,
    /// `PENDING_VALIDATION`, `ISSUED`, `INACTIVE`, `EXPIRED`, `REVOKED`, ...
    pub status: String,
    /// The time from which it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The time until which it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// The names that it is for.
    pub names: Vec<String>,
}

impl Record for Certificate {
    const ABOUT: About = About {
        by_arn: true,
        arn: Arn { one: &[], any: "acm:*:{account}:certificate/*" },
        not_found: "ResourceNotFoundException",
        // AWS renews those that it has issued.
        moves_by_itself: true,
        ..About::read_by(&[on_one("acm:DescribeCertificate")])
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_of_an_action_are_those_that_get_requests() {
        let to = |arn: &str, weight| ForwardTo { target_group_arn: arn.into(), weight };
        let forward = |groups: Vec<ForwardTo>, arn: Option<&str>| ListenerAction {
            r#type: "forward".into(),
            target_group_arn: arn.map(str::to_owned),
            forward_config: Some(ForwardConfig { target_groups: groups, ..ForwardConfig::default() }),
            ..ListenerAction::default()
        };
        assert_eq!(forward(Vec::new(), Some("a")).groups(), [("a", 1)]);
        assert_eq!(forward(vec![to("a", None)], Some("a")).groups(), [("a", 1)]);
        let some = forward(vec![to("c", Some(9)), to("b", Some(0)), to("a", Some(1))], None);
        assert_eq!(some.groups(), [("a", 1), ("c", 9)]);
        assert!(ListenerAction::default().groups().is_empty());
    }

    #[test]
    fn an_action_has_awss_own_names_and_no_others() {
        let sent = serde_json::json!({ "Type": "forward", "TargetGroupArn": "a", "Order": 1,
            "ForwardConfig": { "TargetGroups": [{ "TargetGroupArn": "a", "Weight": 1 }],
                "TargetGroupStickinessConfig": { "Enabled": true, "DurationSeconds": 60 } } });
        let action: ListenerAction = serde_json::from_value(sent.clone()).unwrap();
        assert_eq!(serde_json::to_value(action).unwrap(), sent);
        let strange = serde_json::json!({ "Type": "forward", "Mirror": true });
        assert!(serde_json::from_value::<ListenerAction>(strange).is_err());
    }
}
