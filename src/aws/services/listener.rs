//! The requests that change listeners of load balancers.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ForwardActionConfig, RedirectActionConfig, TargetGroupStickinessConfig, TargetGroupTuple,
};

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    inventory::{ForwardConfig, ListenerAction, RedirectConfig},
    services::listener::ModifyListener,
};

impl OnAws for ModifyListener {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.balancing().modify_listener().listener_arn(self.listener_arn);
        let actions = self.default_actions.map(|all| all.into_iter().map(action).collect());
        once(call, request.set_ssl_policy(self.ssl_policy).set_default_actions(actions).send()).await?;
        nothing()
    }
}

fn action(of: ListenerAction) -> Action {
    Action::builder()
        .r#type(of.r#type.as_str().into())
        .set_target_group_arn(of.target_group_arn)
        .set_order(of.order)
        .set_redirect_config(of.redirect_config.map(redirect))
        .set_forward_config(of.forward_config.map(forward))
        .build()
}

fn redirect(of: RedirectConfig) -> RedirectActionConfig {
    RedirectActionConfig::builder()
        .set_protocol(of.protocol)
        .set_port(of.port)
        .set_host(of.host)
        .set_path(of.path)
        .set_query(of.query)
        .status_code(of.status_code.as_str().into())
        .build()
}

fn forward(of: ForwardConfig) -> ForwardActionConfig {
    let groups = of.target_groups.into_iter().map(|to| {
        TargetGroupTuple::builder().target_group_arn(to.target_group_arn).set_weight(to.weight).build()
    });
    let sticks = of.target_group_stickiness_config.map(|sticks| {
        TargetGroupStickinessConfig::builder()
            .set_enabled(sticks.enabled)
            .set_duration_seconds(sticks.duration_seconds)
            .build()
    });
    ForwardActionConfig::builder()
        .set_target_groups(Some(groups.collect()))
        .set_target_group_stickiness_config(sticks)
        .build()
}
