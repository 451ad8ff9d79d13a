//! Facts about networks: security groups and their rules, prefix lists, interfaces, VPCs, flow logs. Plain
//! data under AWS's own names; nothing here judges.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Fact, Record, Tags,
    about::{About, Arn, Asked},
    permissions::{On, Reading, When, on_all},
};
use crate::resource::Kind;

/// A security group (`ec2:DescribeSecurityGroups`). Its rules are a family of their own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecurityGroup {
    /// `sg-...`
    pub id: String,
    /// GroupName.
    pub name: String,
    /// Description of the group.
    pub description: String,
    /// The VPC it belongs to.
    pub vpc_id: String,
    /// OwnerId: another account's for a shared group.
    pub owner_id: String,
    /// Tags.
    pub tags: Tags,
    /// The inbound rules as the listing of groups shows them: without ids and descriptions. Enough to see
    /// that nobody comes in by them, and not enough to change one. Not saved: the rules are.
    #[serde(skip)]
    pub inbound: Fact<Vec<SecurityGroupRule>>,
}

impl Record for SecurityGroup {
    const ABOUT: About = About {
        kind: Some(Kind::SecurityGroup),
        ..About::of_ec2(
            &[on_all("ec2:DescribeSecurityGroups")],
            "sg",
            "security-group",
            "InvalidGroup.NotFound",
        )
    };
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![("group-id", &self.id), ("vpc-id", &self.vpc_id)]
    }
}

/// One rule of a security group (`ec2:DescribeSecurityGroupRules`): one direction, one protocol, one range of
/// ports, one source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecurityGroupRule {
    /// `sgr-...`
    pub id: String,
    /// The group it belongs to.
    pub group_id: String,
    /// `true` for traffic that leaves.
    pub is_egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `-1`, or a number.
    pub ip_protocol: String,
    /// First port, or ICMP type; -1 for all.
    pub from_port: i32,
    /// Last port, or ICMP code; -1 for all.
    pub to_port: i32,
    /// An IPv4 source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ipv4: Option<String>,
    /// An IPv6 source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ipv6: Option<String>,
    /// A prefix list as source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_list_id: Option<String>,
    /// Another group as source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referenced_group_id: Option<String>,
    /// The account of that group, when it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referenced_group_owner: Option<String>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tags.
    pub tags: Tags,
}

impl Record for SecurityGroupRule {
    const ABOUT: About = About {
        tagged_by_runs: true,
        asked: Some(Asked::of(
            "DescribeSecurityGroupRules",
            "security-group-rule-id",
            "SecurityGroupRules[0]",
            &[],
        )),
        ..About::of_ec2(
            &[on_all("ec2:DescribeSecurityGroupRules")],
            "sgr",
            "security-group-rule",
            "InvalidSecurityGroupRuleId.NotFound",
        )
    };
    // AWS gives a restored rule a new id: two states are the same when the bodies are.
    const ID_IS_VOLATILE: bool = true;
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![("group-id", &self.group_id), ("security-group-rule-id", &self.id)]
    }
}

/// A prefix list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrefixList {
    /// `pl-...`
    pub id: String,
    /// Its name; AWS's own begin with `com.amazonaws.`.
    pub name: String,
    /// Owner; `AWS` for AWS's own.
    pub owner_id: String,
    /// The number of rules that it counts as; absent for AWS's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_entries: Option<i32>,
    /// The CIDRs in it.
    pub entries: Fact<Vec<String>>,
}

const NAMED: When = When::Fact("a rule names a prefix list");

const PREFIX_LISTS: &[Reading] = &[
    Reading { action: "ec2:DescribeManagedPrefixLists", when: NAMED, on: On::All },
    Reading { action: "ec2:GetManagedPrefixListEntries", when: NAMED, on: On::Thing },
];

impl Record for PrefixList {
    const ABOUT: About = About {
        arn: Arn { one: &[], any: "ec2:*:*:prefix-list/*" },
        ..About::of_ec2(PREFIX_LISTS, "pl", "prefix-list", "InvalidPrefixListID.NotFound")
    };
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![("prefix-list-name", &self.name)]
    }
}

/// A network interface (`ec2:DescribeNetworkInterfaces`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkInterface {
    /// `eni-...`
    pub id: String,
    /// Ids of its security groups.
    pub groups: Vec<String>,
    /// `interface`, `load_balancer`, `lambda`, `vpc_endpoint`, ...
    pub interface_type: String,
    /// `in-use`, `available`, ...
    pub status: String,
    /// The instance it is attached to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// The account of that instance: another one for an instance in a subnet that is shared with it. For what
    /// a service attaches, its name: `amazon-elb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_owner_id: Option<String>,
    /// The account that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    /// The account or service that has asked for it: `amazon-rds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester_id: Option<String>,
    /// The service that operates it (`Operator.Managed`), if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// `true` if a service of AWS manages it.
    pub requester_managed: bool,
    /// Description.
    pub description: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Primary private address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<String>,
    /// All private addresses beside the primary one, IPv4 and IPv6.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_addresses: Vec<String>,
    /// Public IPv4 addresses of its secondary private addresses, which are Elastic IPs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_public_ips: Vec<String>,
    /// Public IPv4 address, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<String>,
    /// The owner of the public address: `amazon` for one that is lost on stop, an account id for an Elastic
    /// IP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip_owner: Option<String>,
    /// Tags.
    pub tags: Tags,
}

impl Record for NetworkInterface {
    const ABOUT: About = About {
        single: &["attachment.instance-id"],
        asked: Some(Asked {
            tags: "TagSet",
            hides_managed: true,
            ..Asked::of("DescribeNetworkInterfaces", "network-interface-id", "NetworkInterfaces[0]", &[])
        }),
        ..About::of_ec2(
            &[on_all("ec2:DescribeNetworkInterfaces")],
            "eni",
            "network-interface",
            "InvalidNetworkInterfaceID.NotFound",
        )
    };
    // An automatic public address is lost on stop; the plan names that by itself. Whose it is nobody changes,
    // and footprints of the released format do not have that.
    const VOLATILE: &'static [&'static str] = &[
        "public_ip",
        "public_ip_owner",
        "status",
        "more_addresses",
        "more_public_ips",
        "instance_owner_id",
        "owner_id",
        "requester_id",
        "operator",
    ];
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
    fn filters(&self) -> Vec<(&'static str, &str)> {
        let groups = self.groups.iter().map(|group| ("group-id", group.as_str()));
        let attached = self.instance_id.iter().map(|id| ("attachment.instance-id", id.as_str()));
        groups.chain(attached).chain([("vpc-id", self.vpc_id.as_str())]).collect()
    }
}

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vpc {
    /// `vpc-...`
    pub id: String,
    /// Primary CIDR.
    pub cidr_block: String,
    /// Its other ranges, of both families.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_cidr_blocks: Vec<String>,
    /// `true` for the region's default VPC.
    pub is_default: bool,
    /// Owner: another account's for a shared VPC, for which only the owner can create flow logs.
    pub owner_id: String,
    /// Tags.
    pub tags: Tags,
}

impl Record for Vpc {
    const ABOUT: About = About {
        kind: Some(Kind::Vpc),
        ..About::of_ec2(&[on_all("ec2:DescribeVpcs")], "vpc", "vpc", "InvalidVpcID.NotFound")
    };
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
}

/// A subnet (`ec2:DescribeSubnets`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subnet {
    /// `subnet-...`
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its IPv4 range.
    pub cidr_block: String,
    /// Its zone.
    pub availability_zone: String,
    /// `true` if new network interfaces get a public IPv4 address.
    pub map_public_ip_on_launch: bool,
    /// `true` for the default subnet of its zone.
    pub default_for_az: bool,
    /// Its owner: another account for a subnet that is shared with this one.
    pub owner_id: String,
    /// Tags.
    pub tags: Tags,
}

impl Record for Subnet {
    const ABOUT: About = About {
        kind: Some(Kind::Subnet),
        asked: Some(Asked::of(
            "DescribeSubnets",
            "subnet-id",
            "Subnets[0]",
            &[("/map_public_ip_on_launch", "MapPublicIpOnLaunch")],
        )),
        ..About::of_ec2(&[on_all("ec2:DescribeSubnets")], "subnet", "subnet", "InvalidSubnetID.NotFound")
    };
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![("vpc-id", &self.vpc_id)]
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
}

/// A flow log (`ec2:DescribeFlowLogs`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowLog {
    /// `fl-...`
    pub id: String,
    /// The resource that it watches: a VPC, a subnet or an interface.
    pub resource_id: String,
    /// `ACTIVE` in all documented cases.
    pub flow_log_status: String,
    /// `ACCEPT`, `REJECT` or `ALL`.
    pub traffic_type: String,
    /// `SUCCESS` or `FAILED`; nothing until the first delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliver_logs_status: Option<String>,
    /// `Rate limited`, `Access error`, `Unknown error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliver_logs_error_message: Option<String>,
    /// `cloud-watch-logs`, `s3` or `kinesis-data-firehose`.
    pub log_destination_type: String,
    /// ARN of the bucket, with prefix, or of the log group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_destination: Option<String>,
    /// Name of the log group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_group_name: Option<String>,
    /// ARN of the delivery role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliver_logs_permission_arn: Option<String>,
    /// Seconds: 60 or 600.
    pub max_aggregation_interval: i32,
    /// The fields of a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<String>,
    /// The time of its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Timestamp>,
    /// Tags.
    pub tags: Tags,
}

impl Record for FlowLog {
    const ABOUT: About = About {
        kind: Some(Kind::FlowLog),
        tagged_by_runs: true,
        single: &["resource-id"],
        asked: Some(Asked {
            filters: "Filter",
            ..Asked::of(
                "DescribeFlowLogs",
                "flow-log-id",
                "FlowLogs[0]",
                &[("/flow_log_status", "FlowLogStatus")],
            )
        }),
        ..About::of_ec2(&[on_all("ec2:DescribeFlowLogs")], "fl", "vpc-flow-log", "InvalidFlowLogId.NotFound")
    };
    const ID_IS_VOLATILE: bool = true;
    const VOLATILE: &'static [&'static str] =
        &["deliver_logs_status", "deliver_logs_error_message", "creation_time"];
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }
    fn filters(&self) -> Vec<(&'static str, &str)> {
        vec![("resource-id", &self.resource_id)]
    }
}
