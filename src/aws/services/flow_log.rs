//! The requests that change flow logs.

use aws_sdk_ec2::types::{FlowLogsResourceType, LogDestinationType, TrafficType, UnsuccessfulItem};

use super::{OnAws, To, errors, nothing, once, output, tag::specifications};
use crate::{
    calls::{Call, CallError, ErrorClass, Outcome},
    services::flow_log::{CreateFlowLogs, DeleteFlowLogs},
};

impl OnAws for CreateFlowLogs {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .create_flow_logs()
            .resource_type(FlowLogsResourceType::from(self.resource_type.as_str()))
            .set_resource_ids(Some(self.resource_ids))
            .traffic_type(TrafficType::from(self.traffic_type.as_str()))
            .log_destination_type(LogDestinationType::from(self.log_destination_type.as_str()))
            .set_log_destination(self.log_destination)
            .set_log_group_name(self.log_group_name)
            .set_deliver_logs_permission_arn(self.deliver_logs_permission_arn)
            .set_max_aggregation_interval(self.max_aggregation_interval)
            .set_log_format(self.log_format)
            .set_tag_specifications(specifications(self.tag_specifications))
            .client_token(self.client_token);
        let reply = once(call, request.send()).await?;
        unsuccessful(call, reply.unsuccessful)?;
        output(call, "FlowLogIds", reply.flow_log_ids.filter(|ids| !ids.is_empty()))
    }
}

impl OnAws for DeleteFlowLogs {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let reply =
            once(call, to.ec2().delete_flow_logs().set_flow_log_ids(Some(self.flow_log_ids)).send()).await?;
        unsuccessful(call, reply.unsuccessful)?;
        nothing()
    }
}

/// Reports the failures that a reply with status 200 carries: the first one, preferring any to "already
/// done".
pub(super) fn unsuccessful(call: &Call, items: Option<Vec<UnsuccessfulItem>>) -> Result<(), CallError> {
    let failure = |item: UnsuccessfulItem| {
        let id = item.resource_id.unwrap_or_default();
        let (code, message) = item.error.map_or((None, None), |e| (e.code, e.message));
        errors::in_body(
            &call.name(),
            code.as_deref().unwrap_or("Unknown"),
            &format!("{id}: {}", message.unwrap_or_default()),
        )
    };
    match items
        .unwrap_or_default()
        .into_iter()
        .map(failure)
        .min_by_key(|e| e.class == ErrorClass::AlreadyDone)
    {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
