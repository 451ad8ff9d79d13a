//! Security Hub's finding format (ASFF), as Security Hub itself, Prowler and other products write it: bare,
//! in lists, or in EventBridge events. Only the reading: the control, the resource, and the source's own
//! reasons against acting on a finding.

use serde_json::Value;

use super::{
    accused::Accused,
    draft::{Draft, Out, at, first, time},
    model::{Decision, Reason},
    names::{Named, Raw},
};

/// Returns whether a value is an ASFF finding.
pub fn is(value: &Value) -> bool {
    at(value, "/SchemaVersion") == "2018-10-08"
        && value.get("GeneratorId").is_some()
        && value.get("Resources").is_some()
}

/// Reads one finding.
pub fn read(value: &Value, out: &mut Out<'_>) {
    let (tool, framework, control) = control(value);
    let base = Draft {
        tool,
        format: format!("ASFF {}", at(value, "/SchemaVersion")),
        framework,
        control,
        finding: at(value, "/Id"),
        product: at(value, "/ProductArn"),
        severity: severity(value),
        time: time(value.get("UpdatedAt")).or_else(|| time(value.get("LastObservedAt"))),
        title: at(value, "/Title"),
        against: against(value, tool),
        ..Draft::default()
    };
    let resources = value.get("Resources").and_then(Value::as_array).filter(|l| !l.is_empty());
    match resources {
        Some(list) => {
            let is_accusing = tool == "GuardDuty";
            list.iter().for_each(|r| {
                let raw = resource(value, r);
                let command = if is_accusing { accused(r, &raw).revocation() } else { None };
                out.found(Draft { resource: raw, command, ..base.clone() });
            });
        }
        None => out.found(Draft {
            resource: Raw { account: at(value, "/AwsAccountId"), region: region(value), ..Raw::default() },
            ..base
        }),
    }
}

fn resource<'v>(value: &'v Value, resource: &'v Value) -> Raw<'v> {
    let raw = Raw {
        id: at(resource, "/Id"),
        kind: at(resource, "/Type"),
        account: at(value, "/AwsAccountId"),
        region: first(&[at(resource, "/Region"), region(value)]),
        partition: at(resource, "/Partition"),
    };
    let group = at(resource, "/Details/AwsEc2SecurityGroup/GroupId");
    if !group.is_empty() && matches!(raw.resolve(), Named::Unresolved(_)) {
        Raw { id: group, ..raw }
    } else {
        raw
    }
}

/// Returns the identity whose key a finding names
/// (<https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsIamAccessKeyDetails.html>).
fn accused<'v>(resource: &'v Value, raw: &Raw<'v>) -> Accused<'v> {
    let detail = |member: &str| at(resource, &format!("/Details/AwsIamAccessKey/{member}"));
    Accused {
        kind: detail("PrincipalType"),
        name: first(&[detail("PrincipalName"), detail("UserName")]),
        account: raw.account,
        partition: raw.partition,
        region: raw.region,
    }
}

/// Returns the finding's own region, or else that of the product under which it was imported.
fn region(value: &Value) -> &str {
    first(&[at(value, "/Region"), at(value, "/ProductArn").split(':').nth(3).unwrap_or("")])
}

fn severity(value: &Value) -> String {
    let label = first(&[at(value, "/Severity/Label"), at(value, "/FindingProviderFields/Severity/Label")]);
    let normalized = value.pointer("/Severity/Normalized").and_then(Value::as_f64);
    match (label, normalized) {
        ("", Some(n)) => (if n >= 90.0 {
            "CRITICAL"
        } else if n >= 70.0 {
            "HIGH"
        } else if n >= 40.0 {
            "MEDIUM"
        } else {
            "LOW"
        })
        .to_owned(),
        ("", None) => at(value, "/Severity/Original").to_owned(),
        (label, _) => label.to_owned(),
    }
}

/// Returns the decision with which the source itself rules the finding out, if it does. Prowler writes
/// WARNING for a muted finding, which hides its verdict.
fn against(value: &Value, tool: &str) -> Option<Decision> {
    let workflow = at(value, "/Workflow/Status");
    let status = at(value, "/Compliance/Status");
    Some(match (workflow, status) {
        _ if value.get("Sample").and_then(Value::as_bool) == Some(true) => Decision::no(Reason::Sample, ""),
        ("SUPPRESSED", _) => Decision::no(Reason::Suppressed, "its workflow status is SUPPRESSED"),
        (_, "WARNING") if tool == "Prowler" => {
            Decision::no(Reason::Suppressed, "Prowler writes WARNING for what its mutelist mutes")
        }
        _ if at(value, "/RecordState") == "ARCHIVED" => Decision::no(Reason::Archived, archival(value)),
        ("RESOLVED", _) => Decision::no(Reason::Archived, "its workflow status is RESOLVED"),
        // Findings that are not the result of a rule have no such status: those of GuardDuty and Inspector.
        (_, "FAILED" | "") => return None,
        (_, status) => Decision::no(Reason::Passed, format!("its compliance status is {status}")),
    })
}

fn archival(value: &Value) -> String {
    let code = value
        .get("ProductFields")
        .and_then(|p| p.get("ArchivalReasons:0/ReasonCode"))
        .and_then(Value::as_str)
        .unwrap_or("");
    if code.is_empty() {
        "its record state is ARCHIVED".to_owned()
    } else {
        format!("its record state is ARCHIVED: {code}")
    }
}

/// Returns the tool, the framework and the control. A bare number counts only with the
/// version of its standard.
fn control(value: &Value) -> (&'static str, String, String) {
    let generator = at(value, "/GeneratorId");
    let fields = value.get("ProductFields");
    let field = |key: &str| fields.and_then(|f| f.get(key)).and_then(Value::as_str).unwrap_or("");
    if let Some(check) = generator.strip_prefix("prowler-") {
        let old = field("ProviderVersion").starts_with("2.")
            || check.starts_with("check")
            || check.starts_with("extra");
        let framework = if old { "prowler-2" } else { "prowler" };
        return ("Prowler", framework.to_owned(), check.to_owned());
    }
    let product = format!("{} {}", field("aws/securityhub/ProductName"), at(value, "/ProductName"));
    if product.contains("GuardDuty") || generator.contains(":guardduty:") {
        return ("GuardDuty", "guardduty".to_owned(), guardduty_type(value));
    }
    let consolidated = at(value, "/Compliance/SecurityControlId");
    if !consolidated.is_empty() {
        return ("Security Hub", "security-hub".to_owned(), consolidated.to_owned());
    }
    let standard = first(&[field("StandardsArn"), field("StandardsGuideArn")]);
    let id = first(&[field("ControlId"), field("RuleId")]);
    if let (Some(framework), false) = (framework(standard), id.is_empty()) {
        return ("Security Hub", framework, bare(id));
    }
    match generated(generator) {
        Some((framework, control)) => ("Security Hub", framework, control),
        None => (
            "Security Hub",
            first(&[at(value, "/ProductName"), "another product"]).to_owned(),
            generator.to_owned(),
        ),
    }
}

/// Returns the framework and the control that a generator's id names.
fn generated(generator: &str) -> Option<(String, String)> {
    let last = generator.rsplit('/').next()?;
    if generator.strip_prefix("security-control/") == Some(last) {
        return Some(("security-hub".to_owned(), last.to_owned()));
    }
    Some((framework(generator)?, bare(last)))
}

/// Strips the prefix that Control Tower puts before the ids of its copies of the controls.
fn bare(id: &str) -> String {
    id.strip_prefix("CT.").unwrap_or(id).to_owned()
}

/// Returns the framework with its version, from any id that names a standard:
/// `.../cis-aws-foundations-benchmark/v/1.2.0...`.
fn framework(standard: &str) -> Option<String> {
    let (name, rest) = standard.split_once("/v/")?;
    let version = rest.split('/').next().filter(|v| !v.is_empty())?;
    let name = name.rsplit(['/', ':']).next()?;
    Some(match (name, version) {
        ("aws-foundational-security-best-practices" | "service-managed-aws-control-tower", "1.0.0") => {
            "security-hub".to_owned()
        }
        ("cis-aws-foundations-benchmark", version) => format!("cis-{version}"),
        (name, version) => format!("{name}-{version}"),
    })
}

/// Returns GuardDuty's type, which ASFF writes as `TTPs/Discovery/Recon:EC2-PortProbeUnprotectedPort`.
fn guardduty_type(value: &Value) -> String {
    let kind = at(value, "/Types/0").rsplit('/').next().unwrap_or("");
    kind.replacen('-', "/", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_generator_gives_framework_version_and_control() {
        for (generator, framework, control) in [
            ("aws-foundational-security-best-practices/v/1.0.0/EC2.2", "security-hub", "EC2.2"),
            (
                "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0/rule/2.9",
                "cis-1.2.0",
                "2.9",
            ),
            ("cis-aws-foundations-benchmark/v/1.4.0/3.7", "cis-1.4.0", "3.7"),
            ("pci-dss/v/3.2.1/PCI.EC2.2", "pci-dss-3.2.1", "PCI.EC2.2"),
            ("service-managed-aws-control-tower/v/1.0.0/CT.CloudTrail.2", "security-hub", "CloudTrail.2"),
            ("security-control/EC2.13", "security-hub", "EC2.13"),
        ] {
            assert_eq!(generated(generator), Some((framework.to_owned(), control.to_owned())), "{generator}");
        }
        assert_eq!(generated("a rule that somebody wrote"), None);
    }
}
