//! Security groups.

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    spec::{
        Repeat::{Harmless, LookFirst},
        Risk::{Disruptive, Safe},
        Spec, When, also, names, spec,
    },
    tag::TagSpecification,
};
use crate::inventory::FamilyKind::{SecurityGroupRules, SecurityGroups};

/// A call that adds inbound rules to a security group.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct AuthorizeSecurityGroupIngress<F: Form = Sent> {
    /// The group.
    pub group_id: String,
    /// The rules.
    #[serde(default)]
    pub ip_permissions: Vec<IpPermission>,
    /// Tags of the rules.
    #[serde(default)]
    pub tag_specifications: Vec<TagSpecification<F>>,
}

impl<F: Form> Operation for AuthorizeSecurityGroupIngress<F> {
    type Planned = AuthorizeSecurityGroupIngress<Planned>;
    const SPEC: Spec = spec("ec2", "AuthorizeSecurityGroupIngress", LookFirst, Safe)
        .on(&[names("/GroupId", SecurityGroups)])
        .makes(SecurityGroupRules)
        .gives(&["SecurityGroupRuleIds"])
        .takes_also(&[also("ec2:CreateTags", When::Given("TagSpecifications"))]);
}

/// A call that removes inbound rules of a security group, by their ids.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct RevokeSecurityGroupIngress<F: Form = Sent> {
    /// The group.
    pub group_id: String,
    /// Ids of the rules.
    pub security_group_rule_ids: F::Of<Vec<String>>,
}

impl<F: Form> Operation for RevokeSecurityGroupIngress<F> {
    type Planned = RevokeSecurityGroupIngress<Planned>;
    const SPEC: Spec = spec("ec2", "RevokeSecurityGroupIngress", Harmless, Disruptive)
        .on(&[names("/GroupId", SecurityGroups)]);
}

/// A call that adds outbound rules to a security group.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupEgress.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct AuthorizeSecurityGroupEgress<F: Form = Sent> {
    /// The group.
    pub group_id: String,
    /// The rules.
    #[serde(default)]
    pub ip_permissions: Vec<IpPermission>,
    /// Tags of the rules.
    #[serde(default)]
    pub tag_specifications: Vec<TagSpecification<F>>,
}

impl<F: Form> Operation for AuthorizeSecurityGroupEgress<F> {
    type Planned = AuthorizeSecurityGroupEgress<Planned>;
    const SPEC: Spec = spec("ec2", "AuthorizeSecurityGroupEgress", LookFirst, Safe)
        .on(&[names("/GroupId", SecurityGroups)])
        .makes(SecurityGroupRules)
        .gives(&["SecurityGroupRuleIds"])
        .takes_also(&[also("ec2:CreateTags", When::Given("TagSpecifications"))]);
}

/// A call that removes outbound rules of a security group, by their ids.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupEgress.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct RevokeSecurityGroupEgress<F: Form = Sent> {
    /// The group.
    pub group_id: String,
    /// Ids of the rules.
    pub security_group_rule_ids: F::Of<Vec<String>>,
}

impl<F: Form> Operation for RevokeSecurityGroupEgress<F> {
    type Planned = RevokeSecurityGroupEgress<Planned>;
    const SPEC: Spec = spec("ec2", "RevokeSecurityGroupEgress", Harmless, Disruptive)
        .on(&[names("/GroupId", SecurityGroups)]);
}

/// A set of rules for one protocol and range of ports.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct IpPermission {
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub ip_protocol: String,
    /// The first port.
    pub from_port: Option<i32>,
    /// The last port.
    pub to_port: Option<i32>,
    /// IPv4 sources.
    #[serde(default)]
    pub ip_ranges: Vec<IpRange>,
    /// IPv6 sources.
    #[serde(default)]
    pub ipv6_ranges: Vec<Ipv6Range>,
    /// Prefix lists as sources.
    #[serde(default)]
    pub prefix_list_ids: Vec<PrefixListId>,
    /// Security groups as sources.
    #[serde(default)]
    pub user_id_group_pairs: Vec<UserIdGroupPair>,
}

/// An IPv4 source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct IpRange {
    /// The range.
    pub cidr_ip: String,
    /// The description of the rule.
    pub description: Option<String>,
}

/// An IPv6 source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Ipv6Range {
    /// The range.
    pub cidr_ipv6: String,
    /// The description of the rule.
    pub description: Option<String>,
}

/// A prefix list as a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PrefixListId {
    /// The id of the prefix list.
    pub prefix_list_id: String,
    /// The description of the rule.
    pub description: Option<String>,
}

/// A security group as a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UserIdGroupPair {
    /// The id of the group.
    pub group_id: String,
    /// The account of the group.
    pub user_id: Option<String>,
    /// The description of the rule.
    pub description: Option<String>,
}
