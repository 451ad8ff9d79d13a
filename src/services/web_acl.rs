//! Web ACLs of AWS WAF, and the load balancers that they protect.

use serde::{Deserialize, Serialize};

use super::{
    Operation,
    spec::{Also, Repeat::Harmless, Risk::Disruptive, Spec, When::Always, also, names, spec},
};
use crate::inventory::FamilyKind::{WebAclAssociations, WebAcls};

/// A call that associates a web ACL with a load balancer. It replaces the one that is associated, without a
/// question. <https://docs.aws.amazon.com/waf/latest/APIReference/API_AssociateWebACL.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssociateWebACL {
    /// The web ACL, by its ARN.
    #[serde(rename = "WebACLArn")]
    pub web_acl_arn: String,
    /// The load balancer, by its ARN.
    #[serde(rename = "ResourceArn")]
    pub resource_arn: String,
}

/// A call that takes the web ACL off a load balancer.
/// <https://docs.aws.amazon.com/waf/latest/APIReference/API_DisassociateWebACL.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DisassociateWebACL {
    /// The load balancer, by its ARN.
    pub resource_arn: String,
}

/// The actions that IAM asks for at the load balancer: the older one, and the finer ones that have come
/// beside it
/// (<https://docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html>).
const ASSOCIATES: &[Also] = &[
    also("elasticloadbalancing:SetWebAcl", Always),
    also("elasticloadbalancing:CreateWebACLAssociation", Always),
];
const DISASSOCIATES: &[Also] = &[
    also("elasticloadbalancing:SetWebAcl", Always),
    also("elasticloadbalancing:DeleteWebACLAssociation", Always),
];

impl Operation for AssociateWebACL {
    type Planned = Self;
    const SPEC: Spec = spec("wafv2", "AssociateWebACL", Harmless, Disruptive)
        .on(&[names("/ResourceArn", WebAclAssociations)])
        .asks(&[WebAcls])
        .takes_also(ASSOCIATES);
}

impl Operation for DisassociateWebACL {
    type Planned = Self;
    const SPEC: Spec = spec("wafv2", "DisassociateWebACL", Harmless, Disruptive)
        .on(&[names("/ResourceArn", WebAclAssociations)])
        .takes_also(DISASSOCIATES);
}
