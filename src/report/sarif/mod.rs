//! Reports as SARIF 2.1.0 for code scanning: every case that is wrong, at the file of its playbook, with the
//! ARN as the logical location (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>). Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    cases::{Case, Cases, Standing},
    safe, words,
};
use crate::{
    checks::{self, KnownAs},
    finding::Severity,
};

/// The base of built-in playbooks and pages, which is no folder of the user's.
const BASE: &str = "REDRESS";

/// Writes the cases as a log with one run.
pub fn write(cases: &Cases) -> Value {
    let rules: Vec<&str> =
        cases.all.iter().map(|c| c.rule.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let results: Vec<Value> = cases.all.iter().filter_map(|case| result(case, &rules)).collect();
    let unknown = cases.all.iter().filter_map(|case| match &case.standing {
        Standing::Unknown(why) => {
            Some(json!({ "level": "warning", "message": { "text": safe::sarif(&format!("{}: {why}",
                case.title)) }, "associatedRule": { "id": case.rule } }))
        }
        _ => None,
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "redress", "version": env!("CARGO_PKG_VERSION"),
            "rules": rules.iter().map(|id| rule(id)).collect::<Vec<_>>() } },
            "automationDetails": { "id": format!("redress/{}/{}", cases.kind, cases.account) },
            "originalUriBaseIds": { BASE: { "description": { "text": "the playbooks and pages that are built \
                into redress" } } },
            "invocations": [{ "executionSuccessful": true, "endTimeUtc": cases.at.to_string(),
            "toolExecutionNotifications": unknown.collect::<Vec<_>>() }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// The number of tags of a rule that GitHub shows; it rejects a log with more than 20 at one rule
/// (<https://docs.github.com/code-security/code-scanning/troubleshooting-sarif-uploads/results-exceed-limit>).
const MOST_TAGS: usize = 10;

/// Returns the tags of a rule: the controls of Security Hub and of the newest CIS benchmark that has one.
fn tags(known_as: KnownAs) -> Vec<String> {
    let version = |framework: &&str| {
        let numbers = framework.split(['-', '.']).map(|number| number.parse::<u32>().unwrap_or(0));
        numbers.collect::<Vec<_>>()
    };
    let cis = known_as.iter().map(|(framework, _)| *framework).filter(|of| of.starts_with("cis-"));
    let newest = cis.max_by_key(version);
    let shown = known_as.iter().filter(|(of, _)| *of == "security-hub" || Some(*of) == newest);
    let names = shown.flat_map(|(framework, ids)| ids.iter().map(move |id| format!("{framework}/{id}")));
    std::iter::once("security".to_owned()).chain(names).take(MOST_TAGS).collect()
}

fn rule(id: &str) -> Value {
    let check = checks::find(id);
    let title = words::check_title(id).unwrap_or(id);
    let severity = check.map_or(Severity::Medium, |c| c.severity);
    let known_as = check.map(|c| c.known_as).unwrap_or_default();
    let controls: serde_json::Map<String, Value> =
        known_as.iter().map(|(framework, ids)| ((*framework).to_owned(), json!(ids))).collect();
    json!({
        "id": id,
        "shortDescription": { "text": title },
        "fullDescription": { "text": words::check_why(id).unwrap_or(title) },
        "defaultConfiguration": { "level": level(severity) },
        "properties": { "tags": tags(known_as), "controls": controls, "security-severity": grade(severity) },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// Returns a score that GitHub sorts into the same severity: over 9.0 critical, 7.0 high,
/// 4.0 medium, else low.
fn grade(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.0",
        Severity::Low => "2.0",
    }
}

/// Builds the result of a case that is wrong or was set aside, with the reason; other cases are no results.
fn result(case: &Case, rules: &[&str]) -> Option<Value> {
    let (why, aside) = match &case.standing {
        Standing::Failed(why) => (why, false),
        Standing::Aside(why) => (why, true),
        Standing::Passed | Standing::Unknown(_) => return None,
    };
    let artifact = match &case.file {
        Some(file) => json!({ "uri": uri(file) }),
        None if case.playbook.is_empty() => json!({ "uri": "docs/checks.md", "uriBaseId": BASE }),
        None => json!({ "uri": format!("playbooks/{}.toml", uri(&case.playbook)), "uriBaseId": BASE }),
    };
    let mut result = json!({
        "ruleId": case.rule,
        "ruleIndex": rules.iter().position(|r| *r == case.rule),
        "level": level(case.severity),
        "message": { "text": safe::sarif(&format!("{}: {why}", case.title)) },
        "locations": [{
            "physicalLocation": { "artifactLocation": artifact, "region": { "startLine": 1 } },
            "logicalLocations": [{ "fullyQualifiedName": safe::text(&case.arn), "kind": "resource" }],
        }],
        "partialFingerprints": { "redress/v1": fingerprint(case) },
    });
    if let Some(reach) = &case.reach {
        result["properties"] = json!({ "reach": reach.verdict, "reachReason": safe::sarif(&reach.reason) });
    }
    if aside {
        result["suppressions"] = json!([{ "kind": "external", "justification": safe::text(why) }]);
    }
    Some(result)
}

/// Computes the fingerprint of a finding: the same in every report, wherever its playbook is stored.
fn fingerprint(case: &Case) -> String {
    let digest = Sha256::digest(format!("{}\n{}", case.rule, case.arn).as_bytes());
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// Returns a path as a relative reference (<https://datatracker.ietf.org/doc/html/rfc3986#section-4.2>).
fn uri(path: &str) -> String {
    let path = path.trim_start_matches("./").replace('\\', "/");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests;
