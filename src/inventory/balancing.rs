//! Facts about load balancing: target groups and the health of their targets. Plain data under AWS's own
//! names; nothing here judges.

use serde::{Deserialize, Serialize};

use super::{
    Fact, Record,
    about::About,
    permissions::{On, Reading, When, on_all},
};

/// The filter that picks the groups of a target, by its id or address.
pub const TARGET: &str = "target";
/// The filter that picks the groups whose targets are load balancers: its value is `alb`.
pub const TARGET_TYPE: &str = "target-type";

/// A target group (`elasticloadbalancing:DescribeTargetGroups`) with its targets (`DescribeTargetHealth`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetGroup {
    /// ARN.
    pub id: String,
    /// Name.
    pub name: String,
    /// `instance`, `ip`, `lambda`, `alb`.
    pub target_type: String,
    /// The VPC of its targets; empty for functions.
    pub vpc_id: String,
    /// ARNs of the load balancers that send it requests.
    pub load_balancers: Vec<String>,
    /// Its targets; not read for functions. The id of a load balancer is its ARN.
    pub targets: Fact<Vec<Target>>,
}

const READ: &[Reading] = &[
    on_all("elasticloadbalancing:DescribeTargetGroups"),
    Reading {
        action: "elasticloadbalancing:DescribeTargetHealth",
        when: When::Fact("a target group is there"),
        on: On::All,
    },
];

impl Record for TargetGroup {
    const ABOUT: About = About { by_arn: true, moves_by_itself: true, ..About::read_by(READ) };
    // Whether a target is healthy changes by itself, and with every stop and start.
    const VOLATILE: &'static [&'static str] = &["targets"];
    fn filters(&self) -> Vec<(&'static str, &str)> {
        // AWS has no such filters; these are the indexes by which the groups of an instance, or of load
        // balancers, are found.
        let targets = self.targets.known().into_iter().flatten().map(|target| (TARGET, target.id.as_str()));
        let of_balancers = (self.target_type == "alb").then_some((TARGET_TYPE, "alb"));
        targets.chain(of_balancers).collect()
    }
}

/// One target of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// The id of an instance, or an address.
    pub id: String,
    /// The port on which it listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// The zone it was registered with; `all` for an address outside of the group's VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// `initial`, `healthy`, `unhealthy`, `unhealthy.draining`, `unused`, `draining`, `unavailable`.
    pub state: String,
    /// `Target.InvalidState`, `Target.FailedHealthChecks`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
