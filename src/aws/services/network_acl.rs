//! The requests that change network ACLs.

use aws_sdk_ec2::types;

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::network_acl::{CreateNetworkAclEntry, DeleteNetworkAclEntry},
};

impl OnAws for CreateNetworkAclEntry {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let ports =
            self.port_range.map(|ports| types::PortRange::builder().from(ports.from).to(ports.to).build());
        let request = to
            .ec2()
            .create_network_acl_entry()
            .network_acl_id(self.network_acl_id)
            .rule_number(self.rule_number)
            .protocol(self.protocol)
            .rule_action(types::RuleAction::from(self.rule_action.as_str()))
            .egress(self.egress)
            .set_cidr_block(self.cidr_block)
            .set_ipv6_cidr_block(self.ipv6_cidr_block)
            .set_port_range(ports);
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for DeleteNetworkAclEntry {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .delete_network_acl_entry()
            .network_acl_id(self.network_acl_id)
            .rule_number(self.rule_number)
            .egress(self.egress);
        once(call, request.send()).await?;
        nothing()
    }
}
