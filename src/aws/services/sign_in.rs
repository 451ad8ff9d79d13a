//! The requests that change passwords, inline policies and groups of IAM users.

use super::{OnAws, To, nothing, once};
use crate::{
    calls::{Call, Outcome},
    services::sign_in::{
        AddUserToGroup, CreateGroup, DeleteLoginProfile, DeleteUserPolicy, PutGroupPolicy, PutUserPolicy,
        RemoveUserFromGroup,
    },
};

impl OnAws for PutUserPolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().put_user_policy().user_name(self.user_name).policy_name(self.policy_name);
        once(call, request.policy_document(self.policy_document).send()).await?;
        nothing()
    }
}

impl OnAws for DeleteUserPolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().delete_user_policy().user_name(self.user_name).policy_name(self.policy_name);
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for DeleteLoginProfile {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.iam().delete_login_profile().user_name(self.user_name).send()).await?;
        nothing()
    }
}

impl OnAws for CreateGroup {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        once(call, to.iam().create_group().group_name(self.group_name).send()).await?;
        nothing()
    }
}

impl OnAws for PutGroupPolicy {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().put_group_policy().group_name(self.group_name).policy_name(self.policy_name);
        once(call, request.policy_document(self.policy_document).send()).await?;
        nothing()
    }
}

impl OnAws for AddUserToGroup {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().add_user_to_group().group_name(self.group_name).user_name(self.user_name);
        once(call, request.send()).await?;
        nothing()
    }
}

impl OnAws for RemoveUserFromGroup {
    async fn send(self, call: &Call, to: &To<'_>) -> Outcome {
        let request = to.iam().remove_user_from_group().group_name(self.group_name).user_name(self.user_name);
        once(call, request.send()).await?;
        nothing()
    }
}
