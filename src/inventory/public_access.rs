//! Facts about VPC Block Public Access, by which an account keeps packets of internet gateways out of its
//! VPCs. Plain data under AWS's own names; nothing here judges.

use serde::{Deserialize, Serialize};

use super::{Fact, Record, about::About, permissions::on_all};

/// The VPC Block Public Access of an account in a region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VpcPublicAccess {
    /// `ec2:DescribeVpcBlockPublicAccessOptions`
    pub options: Fact<PublicAccessOptions>,
    /// `ec2:DescribeVpcBlockPublicAccessExclusions`
    pub exclusions: Fact<Vec<PublicAccessExclusion>>,
}

/// The mode of the block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PublicAccessOptions {
    /// InternetGatewayBlockMode: `off`, `block-bidirectional`, `block-ingress`.
    pub mode: String,
    /// `default-state`, `update-in-progress`, `update-complete`.
    pub state: String,
}

/// A VPC or a subnet that the block leaves out, in part or whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PublicAccessExclusion {
    /// `vpcbpa-exclude-...`
    pub id: String,
    /// The ARN of the VPC or the subnet.
    pub resource: String,
    /// InternetGatewayExclusionMode: `allow-bidirectional`, `allow-egress`.
    pub mode: String,
    /// `create-complete`, `update-complete`, `delete-in-progress`, ...
    pub state: String,
}

impl VpcPublicAccess {
    /// The one id under which it is kept.
    pub const ID: &'static str = "account";
}

impl Record for VpcPublicAccess {
    const ABOUT: About = About::read_by(&[
        on_all("ec2:DescribeVpcBlockPublicAccessOptions"),
        on_all("ec2:DescribeVpcBlockPublicAccessExclusions"),
    ]);
}
