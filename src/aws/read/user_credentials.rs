//! Reads the credentials of IAM users beside access keys, by the names of the users.

use aws_sdk_iam::Client;
use futures::{StreamExt, stream};

use super::{Ask, Members, not_listed, page::pages};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{Credential, Fact, UserCredentials},
    services::user::UserName,
};

/// The number of users that are read at once.
const AT_ONCE: usize = 4;

/// Calls `iam:ListServiceSpecificCredentials`, `ListSSHPublicKeys` and `ListSigningCertificates`.
pub async fn credentials(iam: &Client, ask: &Ask) -> Members<UserCredentials> {
    let Ask::Ids(names) = ask else { return not_listed("credentials of users") };
    let each = stream::iter(names.clone()).map(|name| async move {
        let credentials = match UserName::try_from(name.as_str()) {
            Ok(user) => Fact::Known(of(iam, &user).await),
            Err(why) => Fact::unknown(why),
        };
        (name, credentials)
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

async fn of(iam: &Client, user: &UserName) -> UserCredentials {
    let told = |answer: Result<Vec<Credential>, CallError>| {
        answer.map_or_else(|error| Fact::unknown(&error), Fact::Known)
    };
    let (services, keys, certificates) =
        futures::join!(services(iam, user), ssh_keys(iam, user), certificates(iam, user));
    UserCredentials {
        id: user.to_string(),
        service_specific: told(services),
        ssh_keys: told(keys),
        certificates: told(certificates),
    }
}

async fn services(iam: &Client, user: &UserName) -> Result<Vec<Credential>, CallError> {
    let request = iam.list_service_specific_credentials().user_name(user.as_str());
    let found = pages!(
        "iam:ListServiceSpecificCredentials",
        request,
        service_specific_credentials,
        set_marker,
        marker
    );
    let credential = |one: aws_sdk_iam::types::ServiceSpecificCredentialMetadata| Credential {
        id: one.service_specific_credential_id,
        status: one.status.as_str().to_owned(),
        service: one.service_name,
    };
    Ok(found.into_iter().map(credential).collect())
}

async fn ssh_keys(iam: &Client, user: &UserName) -> Result<Vec<Credential>, CallError> {
    let request = iam.list_ssh_public_keys().user_name(user.as_str());
    let found = pages!("iam:ListSSHPublicKeys", request, ssh_public_keys, set_marker, marker);
    let credential = |one: aws_sdk_iam::types::SshPublicKeyMetadata| Credential {
        id: one.ssh_public_key_id,
        status: one.status.as_str().to_owned(),
        service: String::new(),
    };
    Ok(found.into_iter().map(credential).collect())
}

async fn certificates(iam: &Client, user: &UserName) -> Result<Vec<Credential>, CallError> {
    const OPERATION: &str = "iam:ListSigningCertificates";
    // A user has two at most, and a page holds more.
    let answer =
        reading(OPERATION, || iam.list_signing_certificates().user_name(user.as_str()).send()).await?;
    if answer.is_truncated {
        return Err(errors::in_body(OPERATION, "Incomplete", "the answer does not contain all certificates"));
    }
    let credential = |one: aws_sdk_iam::types::SigningCertificate| Credential {
        id: one.certificate_id,
        status: one.status.as_str().to_owned(),
        service: String::new(),
    };
    Ok(answer.certificates.into_iter().map(credential).collect())
}
