//! CloudTrail events as columns, as Athena returns them. The table that AWS documents names its
//! columns after the members of an event, in lower case
//! (<https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table.html>), and stores
//! request and response as JSON text. A row is turned back into the event; a missing value is never
//! taken for an empty one.

use serde_json::{Map, Value, json};

use crate::intake::{
    csv::{self, Named, Sheet},
    draft::Out,
    model::Reason,
    parse,
    stream::Bytes,
};

/// The name of the format.
pub const FORMAT: &str = "CloudTrail in Athena's columns";

/// The columns that are required, each with its member: without them an event cannot be understood.
const NEEDED: &[(&str, &str)] = &[
    ("eventsource", "eventSource"),
    ("eventname", "eventName"),
    ("awsregion", "awsRegion"),
    ("recipientaccountid", "recipientAccountId"),
    ("requestparameters", "requestParameters"),
];
/// Other columns that are used where they exist.
const ALSO: &[(&str, &str)] = &[
    ("eventversion", "eventVersion"),
    ("eventtime", "eventTime"),
    ("sourceipaddress", "sourceIPAddress"),
    ("useragent", "userAgent"),
    ("errorcode", "errorCode"),
    ("responseelements", "responseElements"),
    ("eventid", "eventID"),
    ("eventtype", "eventType"),
    ("readonly", "readOnly"),
];
/// The members of `useridentity`, which Athena writes as `{type=IAMUser, arn=..., ...}`.
const IDENTITY: &[(&str, &str)] = &[
    ("type", "type"),
    ("principalid", "principalId"),
    ("arn", "arn"),
    ("accountid", "accountId"),
    ("invokedby", "invokedBy"),
    ("username", "userName"),
    ("accesskeyid", "accessKeyId"),
];

/// Returns a column's name without the parts that authors of SQL vary: `event_name`, `EventName`.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Returns whether a header is that of a table of events.
pub fn is(header: &[String]) -> bool {
    let names: Vec<String> = header.iter().map(|name| bare(name)).collect();
    ["eventname", "eventtime"].iter().all(|needed| names.iter().any(|name| name == needed))
}

/// Returns the reason why rows under this header are not enough, if a required column is missing.
pub fn lacks(header: &[String]) -> Option<String> {
    let missing: Vec<&str> = NEEDED
        .iter()
        .map(|(column, _)| *column)
        .filter(|column| !header.iter().any(|name| bare(name) == **column))
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "it has no column {}, and without it no resource can be identified: select these columns, too",
            missing.join(", ")
        )
    })
}

/// Reads the rows. Returns the reason why they are incomplete, if they are.
pub fn read(bytes: &mut Bytes<'_>, sheet: &Sheet, out: &mut Out<'_>) -> Option<String> {
    csv::rows(bytes, sheet, out, |row, out| match event(row) {
        Some(event) => super::read(&event, FORMAT, out),
        None => out.count(Reason::Incomplete),
    })
}

/// Builds the event of a row; none if its JSON is broken.
fn event(row: Named<'_>) -> Option<Value> {
    let cell = |column: &str| row.find(|name| bare(name) == column);
    let mut event = Map::new();
    for (column, member) in NEEDED.iter().chain(ALSO) {
        let text = cell(column).trim();
        let value = match *column {
            // Athena writes a null as an empty cell.
            _ if text.is_empty() || text == "null" => continue,
            "requestparameters" | "responseelements" => parse::parse(text.as_bytes()).ok()?,
            _ => json!(text),
        };
        event.insert((*member).to_owned(), value);
    }
    let identity = cell("useridentity");
    let members = IDENTITY
        .iter()
        .filter_map(|(column, member)| Some(((*member).to_owned(), json!(member_of(identity, column)?))));
    event.insert("userIdentity".to_owned(), Value::Object(members.collect()));
    (event.contains_key("eventName") && event.contains_key("eventSource")).then_some(Value::Object(event))
}

/// Returns the first member of this name of a structure in Athena's notation. It is shown to people, and
/// recognises the caller that somebody asks about: nothing is changed based on it.
fn member_of<'t>(structure: &'t str, name: &str) -> Option<&'t str> {
    structure
        .trim_start_matches('{')
        .split([',', '{', '}'])
        .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
        .filter(|value| *value != "null")
}
