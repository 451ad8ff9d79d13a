//! Reads certificates of Certificate Manager.

use aws_sdk_acm::{Client, types::CertificateDetail};
use futures::{StreamExt, stream};

use super::{
    Ask, Members, not_listed,
    page::{text, time},
};
use crate::{
    aws::{errors, retry::reading},
    inventory::{Certificate, Fact},
};

/// The number of certificates that are read at once.
const AT_ONCE: usize = 8;

/// Calls `acm:DescribeCertificate`.
pub async fn certificates(client: &Client, ask: &Ask) -> Members<Certificate> {
    const OPERATION: &str = "acm:DescribeCertificate";
    let Ask::Ids(ids) = ask else { return not_listed("certificates") };
    let each = stream::iter(ids.clone()).map(|id| async move {
        let request = client.describe_certificate().certificate_arn(&id);
        let fact = match reading(OPERATION, || request.clone().send()).await.map(|answer| answer.certificate)
        {
            Ok(Some(described)) => Fact::Known(certificate(&id, described)),
            Ok(None) => Fact::unknown(format!("the answer holds no certificate ({OPERATION})")),
            Err(error) => errors::fact(&error),
        };
        (id, fact)
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

fn certificate(id: &str, described: CertificateDetail) -> Certificate {
    let more = described.subject_alternative_names.unwrap_or_default();
    let mut names: Vec<String> = described.domain_name.into_iter().chain(more).collect();
    names.sort();
    names.dedup();
    Certificate {
        id: id.to_owned(),
        status: text(described.status),
        not_before: time(described.not_before),
        not_after: time(described.not_after),
        names,
    }
}
