//! The requests that change routes.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, CallError, ErrorClass, Outcome},
    services::route::{CreateRoute, DeleteRoute, ReplaceRoute},
};

impl OnAws for CreateRoute {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .create_route()
            .route_table_id(self.route_table_id)
            .set_destination_cidr_block(self.destination_cidr_block)
            .set_destination_ipv6_cidr_block(self.destination_ipv6_cidr_block)
            .set_gateway_id(self.gateway_id)
            .set_nat_gateway_id(self.nat_gateway_id)
            .set_egress_only_internet_gateway_id(self.egress_only_internet_gateway_id)
            .set_vpc_peering_connection_id(self.vpc_peering_connection_id);
        match once(call, request.send()).await?.r#return {
            Some(false) => Err(not_done(call)),
            _ => nothing(),
        }
    }
}

impl OnAws for ReplaceRoute {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .replace_route()
            .route_table_id(self.route_table_id)
            .set_destination_cidr_block(self.destination_cidr_block)
            .set_destination_ipv6_cidr_block(self.destination_ipv6_cidr_block)
            .set_gateway_id(self.gateway_id)
            .set_nat_gateway_id(self.nat_gateway_id)
            .set_egress_only_internet_gateway_id(self.egress_only_internet_gateway_id)
            .set_vpc_peering_connection_id(self.vpc_peering_connection_id);
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for DeleteRoute {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to
            .ec2()
            .delete_route()
            .route_table_id(self.route_table_id)
            .set_destination_cidr_block(self.destination_cidr_block)
            .set_destination_ipv6_cidr_block(self.destination_ipv6_cidr_block)
            .set_destination_prefix_list_id(self.destination_prefix_list_id);
        once(call, request.send()).await?;
        nothing()
    }
}

fn not_done(call: &Call) -> CallError {
    let message =
        format!("{} answered with success, but its body reports that nothing was done", call.name());
    CallError { class: ErrorClass::Semantic, code: "NotDone".to_owned(), message }
}
