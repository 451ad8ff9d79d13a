//! The requests that change routes.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::route::DeleteRoute,
};

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
