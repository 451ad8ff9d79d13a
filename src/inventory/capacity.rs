//! Facts about capacity that is reserved for instances: On-Demand Capacity Reservations. Plain data under
//! AWS's own names; nothing here judges.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Record, about::About, permissions::on_all};

/// A capacity reservation (`ec2:DescribeCapacityReservations`), of this account or shared with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CapacityReservation {
    /// `cr-...`
    pub id: String,
    /// `t3.micro`
    pub instance_type: String,
    /// `Linux/UNIX`, `Windows`, `Red Hat Enterprise Linux`, ...
    pub instance_platform: String,
    /// `us-east-1a`
    pub availability_zone: String,
    /// `default`, `dedicated`.
    pub tenancy: String,
    /// `active`, `expired`, `cancelled`, `pending`, `failed`, `scheduled`, ...
    pub state: String,
    /// `open`, `targeted`.
    pub match_criteria: String,
    /// `default`, `capacity-block`; empty where the endpoint does not return it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reservation_type: String,
    /// The number of instances that can still be launched in it.
    pub available: i32,
    /// `true` if there is room for one more instance.
    pub has_room: bool,
    /// The time at which it ends, where it does by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// The name of the cluster placement group that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement_group: Option<String>,
    /// The Outpost that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outpost_arn: Option<String>,
    /// `true` if its owner may reclaim the capacity from instances that run in it.
    pub interruptible: bool,
}

impl Record for CapacityReservation {
    const ABOUT: About =
        About { moves_by_itself: true, ..About::read_by(&[on_all("ec2:DescribeCapacityReservations")]) };
    // The used part of it changes with every start and stop.
    const VOLATILE: &'static [&'static str] = &["available", "has_room"];
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![("instance-type", &self.instance_type), ("availability-zone", &self.availability_zone)]
    }
}
