//! The format of a record, recognised by its content; a file's name plays no part. A format that is known but
//! not taken is declined with the reason, and never half understood.

use serde_json::Value;

use super::{
    asff, cloudtrail, config, custodian,
    draft::{Out, at},
    encoding, guardduty,
    model::{EMPTY, Item, Reason},
    ocsf, parse, prowler,
};

/// The name of an unrecognised format.
pub const UNKNOWN: &str = "unknown format";

/// The member in which the document of a lookup reports, beside its events, the parts that
/// could not be looked up.
pub const INCOMPLETE: &str = "Incomplete";

/// The formats that are known and not taken, each with the reason.
pub const DECLINED: &[(&str, &str)] = &[
    (
        TRIVY,
        "it points at files and images, not at resources of an account; scan the account with `redress scan`",
    ),
    (CHECKOV, "it points at lines of source code, not at resources of an account"),
    (
        SCOUT,
        "its findings are paths into its own copy of the account; give it the output of Prowler or Security \
         Hub, or scan with redress",
    ),
    (
        POWERPIPE,
        "its results do not always name account and region; export them as ASFF to Security Hub and give \
         those",
    ),
    (CLOUDSPLOIT, "its results have no ids of rules that stay the same from version to version"),
    (NOTIFICATION, "it only names the location of a file; fetch the file and give that"),
    (OTHER_EVENT, "it is an event of EventBridge that carries no findings"),
    (ITEMS, "it describes resources and contains no verdict on them"),
    (INVOCATION, "it asks a rule for a verdict and contains none"),
    (INSIGHT, "CloudTrail Insights report rates of calls, not resources"),
    (DIGEST, "it lists the hashes of log files; give the log files"),
    (COMPLIANCE, "it lists requirements; Prowler's findings beside it name the resources; give those"),
    (HTML, "it is a page for people; give the findings that it was made of as JSON or CSV"),
    (LAMBDA, "the log events are compressed inside it; decode and unpack `awslogs.data`, and give that"),
    (LOG_LINES, "its messages are lines of a log, not findings or events"),
    (encoding::ZIP, "unpack it, and give the folder or the file in it; a spreadsheet is to be saved as CSV"),
    (encoding::TAR, "unpack it, and give the folder"),
    (encoding::GZIP, "it was compressed twice; decompress it once"),
    (encoding::PACKED, "gzip is the only compression that is read; decompress it"),
    (encoding::UTF32, "save it as UTF-8"),
    (encoding::PARQUET, "convert it to JSON or CSV"),
    (encoding::PDF, "it is a page for people; give the findings that it was made of as JSON or CSV"),
    (encoding::DATABASE, "export the findings from it as JSON or CSV"),
];

const TRIVY: &str = "Trivy";
const CHECKOV: &str = "Checkov";
/// ScoutSuite's report, recognised by its first line.
pub const SCOUT: &str = "ScoutSuite";
/// Powerpipe's output, recognised by its header unless it is JSON.
pub const POWERPIPE: &str = "Powerpipe";
const CLOUDSPLOIT: &str = "CloudSploit";
const NOTIFICATION: &str = "notification of a file";
const OTHER_EVENT: &str = "other event";
const ITEMS: &str = "AWS Config items";
const INVOCATION: &str = "AWS Config rule invocation";
const INSIGHT: &str = "CloudTrail Insights";
/// The digest files that log file validation delivers beside the logs
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>).
const DIGEST: &str = "CloudTrail digest file";
/// Prowler's compliance tables.
pub const COMPLIANCE: &str = "Prowler compliance CSV";
/// An HTML page.
pub const HTML: &str = "HTML";
const LAMBDA: &str = "CloudWatch Logs event of a Lambda function";
const LOG_LINES: &str = "CloudWatch Logs lines";
/// The lists of CloudWatch Logs: that of a subscription filter, and that of `filter-log-events`
/// and `get-log-events`.
const LOG_LISTS: [&str; 2] = ["logEvents", "events"];
/// The events of a log file.
pub const LOG: &str = "CloudTrail log file";
/// Single events.
pub const EVENT: &str = "CloudTrail event";

/// Returns the reason why a format is declined; none for a format that is taken.
pub fn declined(format: &str) -> Option<&'static str> {
    DECLINED.iter().find(|(name, _)| *name == format).map(|(_, why)| *why)
}

/// Returns whether a declined format holds nothing that one which is taken lacks: beside it in a
/// folder, it is no gap.
pub fn repeats(format: &str) -> bool {
    matches!(format, COMPLIANCE | HTML | DIGEST | encoding::PDF)
}

/// The keys under which a value that was inside another may carry its records.
const INNER: &[&str] = &[
    "Records",
    "Findings",
    "findings",
    "Events",
    "EvaluationResults",
    "AggregateEvaluationResults",
    "ComplianceByConfigRules",
    "logEvents",
    "events",
];
/// The depth to which nested envelopes are opened.
const MAX_ENVELOPES: u32 = 4;

/// Recognises an object of which only the keys are known, as it is too large or cut off.
pub fn by_keys(keys: &[String]) -> Option<&'static str> {
    let has = |wanted: &[&str]| wanted.iter().all(|w| keys.iter().any(|k| k == w));
    let known: &[(&[&str], &str)] = &[
        (&["Results", "ArtifactName"], TRIVY),
        (&["Target", "Vulnerabilities"], TRIVY),
        (&["Target", "Misconfigurations"], TRIVY),
        (&["Target", "Type", "Class"], TRIVY),
        (&["check_type", "results"], CHECKOV),
        (&["checkov_version"], CHECKOV),
        (&["group_id", "groups", "controls"], POWERPIPE),
        (&["plugin", "category", "status", "message"], CLOUDSPLOIT),
        (&["configurationItems"], ITEMS),
        (&["invokingEvent"], INVOCATION),
        (&["insightDetails", "eventCategory"], INSIGHT),
        (&["awslogs"], LAMBDA),
        (&["digestStartTime", "logFiles"], DIGEST),
    ];
    known.iter().find(|(wanted, _)| has(wanted)).map(|(_, name)| *name)
}

/// Reads a record with the reader of its format. Returns the name of the format.
pub fn dispatch(list: &str, value: &Value, out: &mut Out<'_>) -> &'static str {
    enveloped(list, value, out, 0)
}

fn enveloped(list: &str, value: &Value, out: &mut Out<'_>, depth: u32) -> &'static str {
    if depth > MAX_ENVELOPES {
        return UNKNOWN;
    }
    let Some(object) = value.as_object() else { return UNKNOWN };
    if LOG_LISTS.contains(&list) && object.contains_key("message") && object.contains_key("timestamp") {
        return logged(at(value, "/message"), out, depth);
    }
    if object.contains_key("detail-type") && object.contains_key("detail") {
        return event_bridge(value, out);
    }
    if ["s3", "Sns", "body", "Message"].iter().any(|k| object.contains_key(*k))
        && !object.contains_key("CheckID")
        && !prowler::is_v2(value)
    {
        return carried(value, out, depth);
    }
    if let Some(format) = plain(list, value, out) {
        return format;
    }
    let keys: Vec<String> = object.keys().take(64).cloned().collect();
    if let Some(format) = by_keys(&keys) {
        return format;
    }
    // `{status_code, data}` is how boto3's recorders wrap a response.
    match object.get("data").filter(|_| object.contains_key("status_code")) {
        Some(data) => enveloped(list, data, out, depth + 1),
        None => lists(value, out, depth),
    }
}

/// Reads the records in the lists of this value.
fn lists(value: &Value, out: &mut Out<'_>, depth: u32) -> &'static str {
    let mut format = UNKNOWN;
    for (key, records) in INNER.iter().filter_map(|k| Some((*k, value.get(*k)?.as_array()?))) {
        if format == UNKNOWN {
            format = EMPTY;
        }
        for record in records {
            format = enveloped(key, record, out, depth + 1);
        }
    }
    format
}

/// Reads a record that is not an envelope.
fn plain(list: &str, value: &Value, out: &mut Out<'_>) -> Option<&'static str> {
    type Reads = (fn(&Value) -> bool, fn(&Value, &mut Out<'_>), &'static str);
    let known: &[Reads] = &[
        (asff::is, asff::read, "ASFF"),
        (ocsf::is, ocsf::read, "OCSF"),
        (guardduty::is, guardduty::read, "GuardDuty"),
        (config::is_change, config::change, "AWS Config change"),
        (config::is_result, config::result, "AWS Config compliance"),
        (config::is_rule, config::rule, "AWS Config compliance"),
        (prowler::is_v3, prowler::v3, "Prowler 3 JSON"),
        (prowler::is_v2, prowler::v2, "Prowler 2 JSON"),
        (custodian::is_metadata, custodian::metadata, "Cloud Custodian policy"),
        (
            custodian::is_resource,
            |value, out| (out.sink)(Item::Matched(Box::new(value.clone()))),
            "Cloud Custodian resources",
        ),
    ];
    if value.get("CloudTrailEvent").is_some() {
        looked_up(value, out);
        return Some("CloudTrail LookupEvents");
    }
    if cloudtrail::is(value) {
        let format = if list == "Records" { LOG } else { EVENT };
        cloudtrail::read(value, format, out);
        return Some(format);
    }
    let (_, read, name) = known.iter().find(|(is, _, _)| is(value))?;
    read(value, out);
    Some(name)
}

/// Reads an event as LookupEvents returns it: complete, but as text.
fn looked_up(value: &Value, out: &mut Out<'_>) {
    match parse::parse(at(value, "/CloudTrailEvent").as_bytes()) {
        Ok(event) if cloudtrail::is(&event) => cloudtrail::read(&event, "CloudTrail LookupEvents", out),
        _ => out.count(Reason::Incomplete),
    }
}

/// Reads an EventBridge event. Account and region of the envelope are those of the bus, so only
/// the detail counts.
fn event_bridge(value: &Value, out: &mut Out<'_>) -> &'static str {
    let detail = value.get("detail").unwrap_or(&Value::Null);
    let each = |out: &mut Out<'_>, is: fn(&Value) -> bool, read: fn(&Value, &mut Out<'_>)| {
        for finding in detail.get("findings").and_then(Value::as_array).into_iter().flatten() {
            if is(finding) { read(finding, out) } else { out.count(Reason::Incomplete) }
        }
    };
    match at(value, "/detail-type") {
        "Security Hub Findings - Imported" | "Security Hub Findings - Custom Action" => {
            each(out, asff::is, asff::read);
            "EventBridge ASFF"
        }
        "Findings Imported V2" => {
            each(out, ocsf::is, ocsf::read);
            "EventBridge OCSF"
        }
        "GuardDuty Finding" if guardduty::is(detail) => {
            guardduty::read(detail, out);
            "EventBridge GuardDuty"
        }
        "Config Rules Compliance Change" if config::is_change(detail) => {
            config::change(detail, out);
            "EventBridge AWS Config"
        }
        _ if cloudtrail::is(detail) => {
            cloudtrail::read(detail, "EventBridge", out);
            "EventBridge CloudTrail"
        }
        _ if at(value, "/source") == "aws.s3" => NOTIFICATION,
        _ => OTHER_EVENT,
    }
}

/// Reads the message of a CloudWatch Logs event: a finding or an event as text, or any line of a log
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>). AWS also sends
/// messages of its own, to check that the destination is reachable.
fn logged(message: &str, out: &mut Out<'_>, depth: u32) -> &'static str {
    if message.starts_with("CWL CONTROL MESSAGE") {
        return EMPTY;
    }
    if !message.trim_start().starts_with('{') {
        return LOG_LINES;
    }
    match parse::parse(message.as_bytes()) {
        Ok(inner) => enveloped("", &inner, out, depth + 1),
        Err(_) => {
            out.count(Reason::Incomplete);
            UNKNOWN
        }
    }
}

/// Reads a message of SNS, SQS or S3: a notification of a file, or the record itself as text.
fn carried(value: &Value, out: &mut Out<'_>, depth: u32) -> &'static str {
    let message =
        [value.get("Message"), value.pointer("/Sns/Message"), value.get("body")].into_iter().flatten().next();
    let inner = match message {
        Some(Value::String(text)) => parse::parse(text.as_bytes()).ok(),
        Some(object @ Value::Object(_)) => Some(object.clone()),
        _ => None,
    };
    match inner.map(|inner| enveloped("", &inner, out, depth + 1)) {
        None | Some(UNKNOWN | EMPTY | ITEMS | INVOCATION) => NOTIFICATION,
        Some(format) => format,
    }
}
