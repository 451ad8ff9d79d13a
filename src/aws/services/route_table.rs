//! The requests that change which route table a subnet has.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::route_table::{AssociateRouteTable, DisassociateRouteTable, ReplaceRouteTableAssociation},
};

impl OnAws for AssociateRouteTable {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.ec2().associate_route_table().route_table_id(self.route_table_id);
        once(call, request.subnet_id(self.subnet_id).send()).await?;
        nothing()
    }
}

impl OnAws for ReplaceRouteTableAssociation {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.ec2().replace_route_table_association().association_id(self.association_id);
        once(call, request.route_table_id(self.route_table_id).send()).await?;
        nothing()
    }
}

impl OnAws for DisassociateRouteTable {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.ec2().disassociate_route_table().association_id(self.association_id).send()).await?;
        nothing()
    }
}
