//! Sends operations on web ACLs of AWS WAF.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::web_acl::{AssociateWebACL, DisassociateWebACL},
};

impl OnAws for AssociateWebACL {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.waf().associate_web_acl().web_acl_arn(self.web_acl_arn);
        once(call, request.resource_arn(self.resource_arn).send()).await?;
        nothing()
    }
}

impl OnAws for DisassociateWebACL {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.waf().disassociate_web_acl().resource_arn(self.resource_arn).send()).await?;
        nothing()
    }
}
