//! The check on subnets: nothing that is launched there gets a public address unasked.

use serde_json::{Value, json};

use super::{
    Check,
    one::{Info, Rule},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Inventory, Subnet},
    resource::Kind,
};

/// The id of the check on public addresses.
pub const AUTO_PUBLIC_IP: &str = "subnet-auto-public-ip";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check::of::<AutoPublicIp>()];

struct AutoPublicIp;

impl Rule for AutoPublicIp {
    type On = Subnet;
    const INFO: Info = Info {
        id: AUTO_PUBLIC_IP,
        title: "A subnet gives every new network interface a public IPv4 address",
        why: "Whatever is launched there can be reached from the internet as soon as its security group \
              allows it, whether or not anybody meant it to be.",
        severity: Severity::Medium,
        kind: Kind::Subnet,
        known_as: &[
            ("security-hub", &["EC2.15"]),
            ("prowler", &["vpc_subnet_no_public_ip_by_default"]),
            ("config-managed", &["subnet-auto-assign-public-ip-disabled"]),
        ],
        triggers: &["ec2:CreateDefaultSubnet", "ec2:ModifySubnetAttribute"],
    };

    fn is_own(subnet: &Subnet, inventory: &Inventory) -> bool {
        inventory.owner.owns(&subnet.owner_id)
    }

    fn judge(subnet: &Subnet, _: &Value) -> Verdict {
        match subnet.map_public_ip_on_launch {
            true => Verdict::Violates(json!({ "vpc": subnet.vpc_id, "cidr": subnet.cidr_block,
                    "default_subnet": subnet.default_for_az })),
            false => Verdict::Ok(None),
        }
    }
}
