//! Flow logs.

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    spec::{
        Repeat::{Harmless, Token},
        Risk::{Disruptive, Safe},
        Spec, When, also, names, spec,
    },
    tag::TagSpecification,
};
use crate::inventory::FamilyKind::{FlowLogs, Vpcs};

/// A call that creates flow logs. The SDK generates no token for this operation: without one, a repeated call
/// would create a second flow log.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct CreateFlowLogs<F: Form = Sent> {
    /// `VPC`, `Subnet`, `NetworkInterface`.
    pub resource_type: String,
    /// The ids of the resources that are logged.
    pub resource_ids: Vec<String>,
    /// `ALL`, `ACCEPT`, `REJECT`.
    pub traffic_type: String,
    /// `cloud-watch-logs` or `s3`.
    pub log_destination_type: String,
    /// The ARN of the destination.
    pub log_destination: Option<String>,
    /// The name of the log group.
    pub log_group_name: Option<String>,
    /// The ARN of the role that delivers to CloudWatch Logs.
    pub deliver_logs_permission_arn: Option<String>,
    /// Seconds over which packets are aggregated: 60 or 600.
    pub max_aggregation_interval: Option<i32>,
    /// The fields of a record.
    pub log_format: Option<String>,
    /// The tags of the new flow logs.
    #[serde(default)]
    pub tag_specifications: Vec<TagSpecification<F>>,
    /// The idempotency token.
    pub client_token: F::Of<String>,
}

impl<F: Form> Operation for CreateFlowLogs<F> {
    type Planned = CreateFlowLogs<Planned>;
    const SPEC: Spec = spec("ec2", "CreateFlowLogs", Token, Safe)
        .on(&[names("/ResourceIds", Vpcs)])
        .makes(FlowLogs)
        .gives(&["FlowLogIds"])
        .takes_also(&[
            also("ec2:CreateTags", When::Given("TagSpecifications")),
            // AWS delivers to CloudWatch Logs through the role alone.
            also("iam:PassRole", When::Given("DeliverLogsPermissionArn")),
            also("logs:CreateLogDelivery", When::Is("LogDestinationType", "s3")),
        ]);
}

/// A call that deletes flow logs; the delivered records stay.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteFlowLogs.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct DeleteFlowLogs<F: Form = Sent> {
    /// The ids of the flow logs.
    pub flow_log_ids: F::Of<Vec<String>>,
}

impl<F: Form> Operation for DeleteFlowLogs<F> {
    type Planned = DeleteFlowLogs<Planned>;
    const SPEC: Spec = spec("ec2", "DeleteFlowLogs", Harmless, Disruptive)
        .on(&[names("/FlowLogIds", FlowLogs)])
        .only_own()
        .takes_also(&[also("logs:DeleteLogDelivery", When::Always)]);
}
