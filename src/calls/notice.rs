//! The request that sets findings of Security Hub to resolved, as data. It changes no resource, only the
//! state of those findings in Security Hub, and it can express nothing else. The findings are chosen
//! elsewhere; here their names are held to the form that Security Hub gives them.

use serde::{Deserialize, Serialize};

use crate::resource::Owner;

/// The maximum number of findings in one request
/// (<https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindings.html>).
pub const MOST: usize = 100;
/// The maximum number of characters in a note
/// (<https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_NoteUpdate.html>).
pub const LONGEST_NOTE: usize = 512;
/// The maximum number of characters in the id of a finding
/// (<https://docs.aws.amazon.com/securityhub/latest/userguide/asff-required-attributes.html>).
const LONGEST_ID: usize = 512;

/// The name of a finding in Security Hub.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HubFinding {
    /// ASFF's `Id`.
    pub id: String,
    /// ASFF's `ProductArn`.
    pub product: String,
}

/// A request that sets the workflow status `RESOLVED` and a note for findings of one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The region of the Security Hub that has the findings.
    pub region: String,
    /// The findings, [`MOST`] at most and none twice.
    pub findings: Vec<HubFinding>,
    /// The text of the note.
    pub note: String,
}

/// A finding that Security Hub did not update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The finding.
    #[serde(flatten)]
    pub finding: HubFinding,
    /// Security Hub's code: `FindingNotFound`.
    pub code: String,
    /// Security Hub's message.
    pub message: String,
}

impl HubFinding {
    /// Parses the id and product ARN of a finding, and returns the region and the finding, if this account's
    /// Security Hub could have such a one.
    ///
    /// # Errors
    /// The error in the name.
    pub fn of(id: &str, product: &str, owner: &Owner) -> Result<(String, Self), String> {
        let parts: Vec<&str> = product.splitn(6, ':').collect();
        let ["arn", partition, "securityhub", region, account, name] = parts.as_slice() else {
            return Err("it has no product ARN of Security Hub".to_owned());
        };
        let good = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let named = name
            .strip_prefix("product/")
            .is_some_and(|name| name.split('/').count() == 2 && name.split('/').all(good));
        if !named || !good(region) || !(account.is_empty() || *account == owner.account) {
            return Err("its product ARN is not one of this account's Security Hub".to_owned());
        }
        if *partition != owner.partition {
            return Err(format!("it is in the partition {partition}"));
        }
        if id.trim().is_empty() || id.chars().count() > LONGEST_ID || id.chars().any(char::is_control) {
            return Err("its id is not one that Security Hub gives".to_owned());
        }
        Ok(((*region).to_owned(), Self { id: id.to_owned(), product: product.to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_this_accounts_security_hub_gives_is_taken() {
        let owner = Owner { partition: "aws".to_owned(), account: "123456789012".to_owned() };
        let of = |id: &str, product: &str| HubFinding::of(id, product, &owner).map(|(region, _)| region);
        for good in [
            "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
            "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default",
        ] {
            assert_eq!(of("finding/1", good), Ok("eu-west-1".to_owned()));
        }
        let bad = [
            "",
            "Prowler",
            "arn:aws:securityhub:eu-west-1:999999999999:product/999999999999/default",
            "arn:aws-cn:securityhub:cn-north-1::product/aws/securityhub",
            "arn:aws:guardduty:eu-west-1::product/aws/guardduty",
            "arn:aws:securityhub:::product/aws/securityhub",
            "arn:aws:securityhub:eu-west-1/x::product/aws/securityhub",
            "arn:aws:securityhub:eu-west-1::product/aws",
            "arn:aws:securityhub:eu-west-1::product/aws/securityhub/x",
            "arn:aws:securityhub:eu-west-1::hub/default",
            "arn:aws:securityhub:eu-west-1::product/../hub",
            "arn:aws:securityhub:eu-west-1::product/aws/security hub",
        ];
        for product in bad {
            assert!(of("finding/1", product).is_err(), "{product}");
        }
        for id in ["", " ", "a\nb", &"a".repeat(513)] {
            assert!(of(id, "arn:aws:securityhub:eu-west-1::product/aws/securityhub").is_err(), "{id}");
        }
    }
}
