//! Facts about the names that a VPC resolves: its settings of DNS, and the private hosted zones that it is
//! associated with. Plain data under AWS's own names; nothing here judges.

use serde::{Deserialize, Serialize};

use super::{
    Fact, Record,
    about::About,
    permissions::{on_all, on_one},
};

/// The DNS of a VPC (`ec2:DescribeVpcAttribute`, `route53:ListHostedZonesByVPC`). It is read for VPCs that
/// are named only: AWS lists these for one VPC at a time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VpcDns {
    /// The VPC: `vpc-...`
    pub id: String,
    /// `true` if the resolver of AWS answers in the VPC.
    pub dns_support: Fact<bool>,
    /// `true` if instances get public names, which private names of endpoints need, too.
    pub dns_hostnames: Fact<bool>,
    /// The private hosted zones that the VPC is associated with, whoever owns them.
    pub zones: Fact<Vec<PrivateZone>>,
}

/// A private hosted zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrivateZone {
    /// `Z...`
    pub id: String,
    /// Its name, without the dot at the end: `ssm.us-east-1.amazonaws.com`.
    pub name: String,
    /// The service of AWS that owns it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The account that owns it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl Record for VpcDns {
    const ABOUT: About = About {
        arn: super::about::Arn { one: &["ec2:*:{account}:vpc/{id}"], any: "ec2:*:{account}:vpc/*" },
        not_found: "InvalidVpcID.NotFound",
        ..About::read_by(&[on_one("ec2:DescribeVpcAttribute"), on_all("route53:ListHostedZonesByVPC")])
    };
}

impl PrivateZone {
    /// Returns whether the zone and a name decide about some of the same names: they are the same, or one
    /// lies within the other. A name that begins with `*.` stands for what lies within the rest.
    pub fn overlaps(&self, name: &str) -> bool {
        let name = name.strip_prefix("*.").unwrap_or(name);
        within(&self.name, name) || within(name, &self.name)
    }

    /// Returns whether it is the zone of this very name.
    pub fn is_of(&self, name: &str) -> bool {
        let name = name.strip_prefix("*.").unwrap_or(name);
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Returns whether a name is another one, or lies within it.
fn within(name: &str, zone: &str) -> bool {
    let (name, zone) = (name.to_ascii_lowercase(), zone.to_ascii_lowercase());
    name.strip_suffix(&zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_overlap_with_names_of_the_same_line_only() {
        let zone = |name: &str| PrivateZone { name: name.into(), ..PrivateZone::default() };
        let name = "ssm.us-east-1.amazonaws.com";
        for other in [
            name,
            "SSM.us-east-1.amazonaws.com",
            "us-east-1.amazonaws.com",
            "com",
            "a.ssm.us-east-1.amazonaws.com",
        ] {
            assert!(zone(other).overlaps(name), "{other}");
        }
        for other in
            ["sm.us-east-1.amazonaws.com", "assm.us-east-1.amazonaws.com", "ssm.eu-west-1.amazonaws.com"]
        {
            assert!(!zone(other).overlaps(name), "{other}");
        }
        assert!(zone("s3.us-east-1.amazonaws.com").overlaps("*.s3.us-east-1.amazonaws.com"));
        assert!(zone(name).is_of(name) && !zone("us-east-1.amazonaws.com").is_of(name));
    }
}
