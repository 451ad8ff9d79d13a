//! Access keys of IAM users: made, and deleted.

use serde::{Deserialize, Serialize};

use super::{
    Form, Operation, Planned, Sent,
    spec::{
        Repeat::{Harmless, LookFirst},
        Risk::{Disruptive, Safe},
        Spec, names, spec,
    },
    user::UserName,
};
use crate::inventory::FamilyKind::{AccessKeys, Users};

/// A call that creates an access key. AWS shows its secret in the answer and never again; the account holds
/// it, and the outputs do not. <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateAccessKey {
    /// The user who gets the key.
    pub user_name: UserName,
}

impl CreateAccessKey {
    /// The output that names the key.
    pub const KEY: &'static str = "AccessKeyId";
}

impl Operation for CreateAccessKey {
    type Planned = Self;
    const SPEC: Spec = spec("iam", "CreateAccessKey", LookFirst, Safe)
        .on(&[names("/UserName", Users)])
        .gives(&[CreateAccessKey::KEY])
        .makes(AccessKeys);
}

/// A call that deletes an access key for good.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html>
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, bound = "")]
pub struct DeleteAccessKey<F: Form = Sent> {
    /// The user of the key.
    pub user_name: UserName,
    /// The key, by its id.
    pub access_key_id: F::Of<String>,
}

impl<F: Form> Operation for DeleteAccessKey<F> {
    type Planned = DeleteAccessKey<Planned>;
    // A way back deletes only a key that nobody has used. IAM is asked about the user.
    const SPEC: Spec = spec("iam", "DeleteAccessKey", Harmless, Disruptive)
        .on(&[names("/UserName", Users), names("/AccessKeyId", AccessKeys).unbound()]);
}
