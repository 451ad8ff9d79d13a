//! AWS Config's verdicts: compliance by rule and resource (`GetComplianceDetailsByConfigRule`, by
//! resource, and of an aggregator), by rule alone, and as notifications of a change. The name of a rule is
//! chosen by its owner.

use serde_json::Value;

use super::{
    draft::{Draft, Out, at, first, time},
    model::{Decision, Reason},
    names::Raw,
};

/// Returns whether a value is one verdict of a list.
pub fn is_result(value: &Value) -> bool {
    value.pointer("/EvaluationResultIdentifier/EvaluationResultQualifier").is_some()
}

/// Returns whether a value is a verdict on a whole rule.
pub fn is_rule(value: &Value) -> bool {
    value.get("ConfigRuleName").is_some() && value.pointer("/Compliance/ComplianceType").is_some()
}

/// Returns whether a value is a notification that a verdict has changed.
pub fn is_change(value: &Value) -> bool {
    at(value, "/messageType") == "ComplianceChangeNotification"
        || (value.get("configRuleName").is_some() && value.get("newEvaluationResult").is_some())
}

/// Reads a verdict of a list.
pub fn result(value: &Value, out: &mut Out<'_>) {
    let qualifier = "/EvaluationResultIdentifier/EvaluationResultQualifier";
    let home = out.home;
    let home_account = home.map_or("", |(owner, _)| owner.account.as_str());
    let resource = Raw {
        id: at(value, &format!("{qualifier}/ResourceId")),
        kind: at(value, &format!("{qualifier}/ResourceType")),
        account: first(&[at(value, "/AccountId"), home_account]),
        region: first(&[at(value, "/AwsRegion"), home.and_then(|(_, region)| region).unwrap_or("")]),
        partition: home.map_or("", |(owner, _)| owner.partition.as_str()),
    };
    let rule = at(value, &format!("{qualifier}/ConfigRuleName")).to_owned();
    let when = time(value.get("ResultRecordedTime"))
        .or_else(|| time(value.pointer("/EvaluationResultIdentifier/OrderingTimestamp")));
    found(out, &rule, at(value, "/ComplianceType"), at(value, "/Annotation"), resource, when);
}

/// Reads a verdict on a whole rule. It names no resource, so it never leads to a check.
pub fn rule(value: &Value, out: &mut Out<'_>) {
    let home = out.home;
    let account = first(&[at(value, "/AccountId"), home.map_or("", |(owner, _)| owner.account.as_str())]);
    let region = first(&[at(value, "/AwsRegion"), home.and_then(|(_, region)| region).unwrap_or("")]);
    let rule = at(value, "/ConfigRuleName").to_owned();
    found(
        out,
        &rule,
        at(value, "/Compliance/ComplianceType"),
        "",
        Raw { account, region, ..Raw::default() },
        None,
    );
}

/// Reads a notification of a change.
pub fn change(value: &Value, out: &mut Out<'_>) {
    let resource = Raw {
        id: at(value, "/resourceId"),
        kind: at(value, "/resourceType"),
        account: at(value, "/awsAccountId"),
        region: at(value, "/awsRegion"),
        partition: "",
    };
    let new = value.get("newEvaluationResult").unwrap_or(&Value::Null);
    let when = time(value.get("notificationCreationTime")).or_else(|| time(new.get("resultRecordedTime")));
    found(
        out,
        at(value, "/configRuleName"),
        at(new, "/complianceType"),
        at(new, "/annotation"),
        resource,
        when,
    );
}

fn found(
    out: &mut Out<'_>,
    rule: &str,
    verdict: &str,
    said: &str,
    resource: Raw<'_>,
    time: Option<jiff::Timestamp>,
) {
    let against = match verdict {
        "NON_COMPLIANT" => None,
        "COMPLIANT" | "NOT_APPLICABLE" | "INSUFFICIENT_DATA" => {
            Some(Decision::no(Reason::Passed, format!("its compliance is {verdict}")))
        }
        other => Some(Decision::no(Reason::Incomplete, format!("its compliance is {other:?}"))),
    };
    out.found(Draft {
        tool: "AWS Config",
        format: "AWS Config compliance".to_owned(),
        framework: "config-managed".to_owned(),
        control: managed(rule),
        finding: rule,
        time,
        title: said,
        resource,
        against,
        ..Draft::default()
    });
}

/// Returns the managed rule that a name stands for, without the parts that Security Hub and conformance
/// packs add around it.
fn managed(rule: &str) -> String {
    let name = rule.split("-conformance-pack-").next().unwrap_or(rule);
    let own = name
        .strip_prefix("securityhub-")
        .and_then(|n| n.rsplit_once('-'))
        .filter(|(_, mark)| (6..=8).contains(&mark.len()) && mark.chars().all(|c| c.is_ascii_alphanumeric()));
    own.map_or(name, |(name, _)| name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_put_around_the_name_of_a_rule_is_taken_off() {
        assert_eq!(managed("securityhub-vpc-flow-logs-enabled-1a2b3c4d"), "vpc-flow-logs-enabled");
        assert_eq!(managed("restricted-ssh-conformance-pack-abcdef"), "restricted-ssh");
        assert_eq!(managed("vpc-flow-logs-enabled"), "vpc-flow-logs-enabled");
    }
}
