//! Security Hub over the SDK: `BatchUpdateFindings` with one status and one note, made once. It sets nothing
//! else on a finding, and does not decide which findings are updated.

use aws_sdk_securityhub::types::{AwsSecurityFindingIdentifier, NoteUpdate, WorkflowStatus, WorkflowUpdate};

use super::{clients::Clients, errors};
use crate::calls::{CallError, HubFinding, Notice, Refusal};

/// The operation, as the pace and IAM know it.
const OPERATION: &str = "securityhub:BatchUpdateFindings";
/// The author of the note.
const BY: &str = "redress";

/// Sets the findings to `RESOLVED`, with the note, when the turn has come; returns those that were not
/// updated. "It can take several minutes for Security Hub CSPM to process your request"
/// (<https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindings.html>): a finding that
/// is not refused was accepted, and may still be shown as it was.
pub(super) async fn notify(clients: &Clients, notice: &Notice) -> Result<Vec<Refusal>, CallError> {
    clients.pace.turn(&notice.region, OPERATION).await;
    let region = clients.region(&notice.region);
    let names = notice
        .findings
        .iter()
        .map(|f| AwsSecurityFindingIdentifier::builder().id(&f.id).product_arn(&f.product).build())
        .collect();
    let sent = region
        .securityhub()
        .batch_update_findings()
        .set_finding_identifiers(Some(names))
        .workflow(WorkflowUpdate::builder().status(WorkflowStatus::Resolved).build())
        .note(NoteUpdate::builder().text(&notice.note).updated_by(BY).build())
        .send()
        .await;
    let answer = sent.map_err(|error| {
        let error = errors::call_error(OPERATION, &error);
        clients.pace.heard(&notice.region, OPERATION, error.class);
        error
    })?;
    let named = |id: &AwsSecurityFindingIdentifier| HubFinding {
        id: id.id().unwrap_or_default().to_owned(),
        product: id.product_arn().unwrap_or_default().to_owned(),
    };
    let processed: Vec<HubFinding> = answer.processed_findings().iter().map(named).collect();
    let refused: Vec<Refusal> = answer
        .unprocessed_findings()
        .iter()
        .filter_map(|u| {
            let (code, message) = (
                errors::clean(u.error_code().unwrap_or("Unknown")),
                errors::clean(u.error_message().unwrap_or_default()),
            );
            Some(Refusal { finding: named(u.finding_identifier()?), code, message })
        })
        .collect();
    Ok(notice.findings.iter().filter_map(|finding| unsettled(finding, &processed, &refused)).collect())
}

/// Returns the refusal of a finding that was named and is not resolved; `None` if the answer lists it as
/// processed. An answer that does not name the finding is no success.
fn unsettled(finding: &HubFinding, processed: &[HubFinding], refused: &[Refusal]) -> Option<Refusal> {
    if let Some(refusal) = refused.iter().find(|r| r.finding == *finding) {
        return Some(refusal.clone());
    }
    let missing = || Refusal {
        finding: finding.clone(),
        code: "NoAnswer".to_owned(),
        message: "Security Hub's answer does not mention it".to_owned(),
    };
    (!processed.contains(finding)).then(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_answer_does_not_speak_of_is_not_resolved() {
        let of = |id: &str| HubFinding { id: id.to_owned(), product: "p".to_owned() };
        let refused = [Refusal {
            finding: of("b"),
            code: "FindingNotFound".to_owned(),
            message: "Finding Not Found".to_owned(),
        }];
        let codes: Vec<Option<String>> = ["a", "b", "c"]
            .iter()
            .map(|id| unsettled(&of(id), &[of("a"), of("b")], &refused).map(|r| r.code))
            .collect();
        assert_eq!(codes, [None, Some("FindingNotFound".to_owned()), Some("NoAnswer".to_owned())]);
    }
}
