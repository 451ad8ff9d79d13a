//! Prowler's own formats: the JSON of 2 and 3, and the separated values of 2 to 5, which are read
//! by the names in their header, since columns come and go. Its ASFF and OCSF are read by the
//! readers of those formats.

use serde_json::Value;

use super::{
    csv::{self, Named, Sheet},
    draft::{Draft, Out, at, first, time_text},
    model::{Decision, Reason},
    names::Raw,
    stream::Bytes,
};

/// Returns whether a value is a finding in Prowler 3's JSON.
pub fn is_v3(value: &Value) -> bool {
    value.get("CheckID").is_some() && value.get("StatusExtended").is_some()
}

/// Returns whether a value is a finding in Prowler 2's JSON.
pub fn is_v2(value: &Value) -> bool {
    value.get("Control ID").is_some() && value.get("Account Number").is_some()
}

/// Reads a finding of Prowler 3.
pub fn v3(value: &Value, out: &mut Out<'_>) {
    found(out, "Prowler 3 JSON", "prowler", |key| {
        let path = match key {
            Field::Check => "/CheckID",
            Field::Status => "/Status",
            Field::Muted => "",
            Field::Resource => "/ResourceArn",
            Field::ResourceId => "/ResourceId",
            Field::Kind => "/ResourceType",
            Field::Account => "/AccountId",
            Field::Region => "/Region",
            Field::Partition => "",
            Field::Severity => "/Severity",
            Field::Finding => "/FindingUniqueId",
            Field::Time => "/AssessmentStartTime",
            Field::Title => "/StatusExtended",
        };
        if path.is_empty() { "" } else { at(value, path) }
    });
}

/// Reads a finding of Prowler 2.
pub fn v2(value: &Value, out: &mut Out<'_>) {
    let get = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
    found(out, "Prowler 2 JSON", "prowler-2", |key| match key {
        Field::Check => bracketed(get("Control")),
        Field::Status => get("Status"),
        Field::Account => get("Account Number"),
        Field::Region => get("Region"),
        Field::Severity => get("Severity"),
        Field::Time => get("Timestamp"),
        Field::Title => get("Message"),
        _ => "",
    });
}

/// Returns the bracketed id at the start of a Prowler 2 title.
fn bracketed(title: &str) -> &str {
    title.strip_prefix('[').and_then(|t| t.split_once(']')).map_or("", |(id, _)| id)
}

/// Returns the version of Prowler that wrote a table with this header, as the name of the format.
pub fn columns(header: &[String]) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().all(|name| header.iter().any(|cell| cell == name));
    if has(&["AUTH_METHOD", "CHECK_ID", "STATUS"]) {
        Some("Prowler 4/5 CSV")
    } else if has(&["CHECK_ID", "STATUS", "RESOURCE_ARN"]) {
        Some("Prowler 3 CSV")
    } else if has(&["ACCOUNT_NUM", "TITLE_TEXT", "CHECK_RESULT"]) {
        Some(V2)
    } else {
        None
    }
}

/// Returns whether a header is that of one of Prowler's compliance tables, which are in a folder
/// beside its findings.
pub fn is_compliance(header: &[String]) -> bool {
    ["PROVIDER", "REQUIREMENTS_ID", "CHECKID"].iter().all(|name| header.iter().any(|cell| cell == name))
}

const V2: &str = "Prowler 2 CSV";

/// Reads separated values to their end. Returns the reason why they are incomplete, if they are.
pub fn csv(bytes: &mut Bytes<'_>, sheet: &Sheet, format: &str, out: &mut Out<'_>) -> Option<String> {
    csv::rows(bytes, sheet, out, |row, out| {
        if format == V2 { csv_v2(row, format, out) } else { csv_later(row, format, out) }
    })
}

fn csv_later(row: Named<'_>, format: &str, out: &mut Out<'_>) {
    let get = |name: &str| row.get(name);
    found(out, format, "prowler", |key| match key {
        Field::Check => get("CHECK_ID"),
        Field::Status => get("STATUS"),
        Field::Muted => get("MUTED"),
        Field::Resource => first(&[get("RESOURCE_UID"), get("RESOURCE_ARN")]),
        Field::ResourceId => first(&[get("RESOURCE_NAME"), get("RESOURCE_ID")]),
        Field::Kind => get("RESOURCE_TYPE"),
        Field::Account => first(&[get("ACCOUNT_UID"), get("ACCOUNT_ID")]),
        Field::Region => get("REGION"),
        Field::Partition => get("PARTITION"),
        Field::Severity => get("SEVERITY"),
        Field::Finding => first(&[get("FINDING_UID"), get("FINDING_UNIQUE_ID")]),
        Field::Time => first(&[get("TIMESTAMP"), get("ASSESSMENT_START_TIME")]),
        Field::Title => get("STATUS_EXTENDED"),
    });
}

fn csv_v2(row: Named<'_>, format: &str, out: &mut Out<'_>) {
    let get = |name: &str| row.get(name);
    found(out, format, "prowler-2", |key| match key {
        Field::Check => bracketed(get("TITLE_TEXT")),
        Field::Status => get("CHECK_RESULT"),
        Field::Account => get("ACCOUNT_NUM"),
        Field::Region => get("REGION"),
        Field::Severity => get("CHECK_SEVERITY"),
        Field::Title => get("CHECK_RESULT_EXTENDED"),
        _ => "",
    });
}

#[derive(Clone, Copy)]
enum Field {
    Check,
    Status,
    Muted,
    Resource,
    ResourceId,
    Kind,
    Account,
    Region,
    Partition,
    Severity,
    Finding,
    Time,
    Title,
}

fn found<'v>(out: &mut Out<'_>, format: &str, framework: &str, get: impl Fn(Field) -> &'v str) {
    let status = get(Field::Status).to_ascii_uppercase();
    let against = match status.as_str() {
        _ if get(Field::Muted).eq_ignore_ascii_case("true") => {
            Some(Decision::no(Reason::Suppressed, "Prowler's mutelist mutes it"))
        }
        "WARNING" => {
            Some(Decision::no(Reason::Suppressed, "Prowler 3 writes WARNING for what its mutelist mutes"))
        }
        "FAIL" => None,
        "PASS" => Some(Decision::no(Reason::Passed, "")),
        "INFO" | "MANUAL" => Some(Decision::no(Reason::Passed, "it is for a person to judge")),
        other => Some(Decision::no(Reason::Incomplete, format!("its status is {other:?}"))),
    };
    out.found(Draft {
        tool: "Prowler",
        format: format.to_owned(),
        framework: framework.to_owned(),
        control: get(Field::Check).to_owned(),
        finding: get(Field::Finding),
        severity: get(Field::Severity).to_owned(),
        time: time_text(get(Field::Time)),
        title: get(Field::Title),
        resource: Raw {
            id: first(&[get(Field::Resource), get(Field::ResourceId)]),
            kind: get(Field::Kind),
            account: get(Field::Account),
            region: get(Field::Region),
            partition: get(Field::Partition),
        },
        against,
        ..Draft::default()
    });
}
