//! The requests that change listeners of load balancers.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::listener::ModifyListener,
};

impl OnAws for ModifyListener {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.balancing().modify_listener().listener_arn(self.listener_arn);
        once(call, request.ssl_policy(self.ssl_policy).send()).await?;
        nothing()
    }
}
