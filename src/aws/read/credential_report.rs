//! Reads the credential report. AWS makes one at most every four hours, and only when it is asked to: asking
//! changes nothing in the account but that report, and needs no approval.

use std::time::Duration;

use aws_sdk_iam::Client;
use jiff::{SignedDuration, Timestamp};

use super::{
    Ask, Members, not_listed,
    page::{known, time},
};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{CredentialRow, credential_rows},
};

/// The age up to which a report is used: AWS makes no new one before that
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateCredentialReport.html>).
const FRESH: SignedDuration = SignedDuration::from_hours(4);
/// The pause between two looks for a report that AWS is making, and the most of them: two minutes.
const PAUSE: Duration = Duration::from_secs(2);
const LOOKS: u32 = 60;
const GET: &str = "iam:GetCredentialReport";
const GENERATE: &str = "iam:GenerateCredentialReport";

/// Answers from the credential report, of which only the whole can be read.
pub async fn reports(iam: &Client, ask: &Ask) -> Members<CredentialRow> {
    let rows = report(iam).await?;
    match ask {
        Ask::All => Ok(known(rows, |row| &row.id)),
        Ask::Ids(ids) => Ok(known(rows.into_iter().filter(|row| ids.contains(&row.id)), |row| &row.id)),
        Ask::By(..) => not_listed("rows of the credential report"),
    }
}

/// The state of the report.
enum Made {
    /// It is at most four hours old.
    Fresh(Vec<CredentialRow>),
    /// It is older, or its age is not known.
    Old,
    /// There is none, or AWS is making one.
    None,
}

/// Returns the rows of a report that is at most four hours old; has AWS make one where there is none, and
/// waits for it.
pub async fn report(iam: &Client) -> Result<Vec<CredentialRow>, CallError> {
    if let Made::Fresh(rows) = made(iam).await? {
        return Ok(rows);
    }
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let answer = reading(GENERATE, || iam.generate_credential_report().send()).await?;
        let is_complete = answer.state.is_some_and(|state| state.as_str() == "COMPLETE");
        match made(iam).await? {
            Made::Fresh(rows) => return Ok(rows),
            Made::Old if is_complete => {
                return Err(broken("the report that is complete is older than four hours, or has no time"));
            }
            Made::Old | Made::None => {}
        }
    }
    let waited = PAUSE * LOOKS;
    Err(errors::in_body(GET, "ReportInProgress", &format!("AWS has not made it in {} s", waited.as_secs())))
}

fn broken(why: &str) -> CallError {
    errors::in_body(GET, "Broken", why)
}

/// Reads the report that there is.
async fn made(iam: &Client) -> Result<Made, CallError> {
    let answer = match reading(GET, || iam.get_credential_report().send()).await {
        Ok(answer) => answer,
        Err(error) if is_not_made(&error.code) => return Ok(Made::None),
        Err(error) => return Err(error),
    };
    let generated = time(answer.generated_time);
    if generated.is_none_or(|at| Timestamp::now().duration_since(at) > FRESH) {
        return Ok(Made::Old);
    }
    let content = answer.content.ok_or_else(|| broken("the answer is empty"))?.into_inner();
    let text = String::from_utf8(content).map_err(|_| broken("the report is no text"))?;
    credential_rows(&text, generated).map(Made::Fresh).map_err(|why| broken(&why))
}

/// Returns whether an error means that there is no report now, as opposed to one that may not be read
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetCredentialReport.html>).
fn is_not_made(code: &str) -> bool {
    ["ReportNotPresent", "ReportExpired", "ReportInProgress", "ReportNotReady"]
        .iter()
        .any(|word| code.ends_with(word) || code == format!("Credential{word}Exception"))
}
