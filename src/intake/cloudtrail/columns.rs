//! CloudTrail events as columns, as Athena gives them: the table that AWS tells people to make names its columns by the members of
//! an event in small letters (<https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table.html>), and keeps request and
//! response as JSON in text. A row becomes the event again; what it lacks is never taken for nothing.

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

/// Without these nothing can be told of an event.
const NEEDED: &[(&str, &str)] = &[
    ("eventsource", "eventSource"),
    ("eventname", "eventName"),
    ("awsregion", "awsRegion"),
    ("recipientaccountid", "recipientAccountId"),
    ("requestparameters", "requestParameters"),
];
/// What else is of use.
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
const IDENTITY: &[(&str, &str)] =
    &[("type", "type"), ("principalid", "principalId"), ("arn", "arn"), ("accountid", "accountId"), ("invokedby", "invokedBy"), ("username", "userName")];

/// A column's name without what writers of SQL change in it: `event_name`, `EventName`.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Whether a header is one of events.
pub fn is(header: &[String]) -> bool {
    let names: Vec<String> = header.iter().map(|name| bare(name)).collect();
    ["eventname", "eventtime"].iter().all(|needed| names.iter().any(|name| name == needed))
}

/// Why rows under this header say too little, if they do.
pub fn lacks(header: &[String]) -> Option<String> {
    let missing: Vec<&str> = NEEDED.iter().map(|(column, _)| *column).filter(|column| !header.iter().any(|name| bare(name) == **column)).collect();
    (!missing.is_empty()).then(|| format!("it has no column {}, without which no resource can be told: select these columns, too", missing.join(", ")))
}

/// Reads the rows; why they are not whole, if they are not.
pub fn read(bytes: &mut Bytes<'_>, sheet: &Sheet, out: &mut Out<'_>) -> Option<String> {
    csv::rows(bytes, sheet, out, |row, out| match event(row) {
        Some(event) => super::read(&event, FORMAT, out),
        None => out.count(Reason::Incomplete),
    })
}

/// The event of a row; none where its JSON is broken.
fn event(row: Named<'_>) -> Option<Value> {
    let cell = |column: &str| row.find(|name| bare(name) == column);
    let mut event = Map::new();
    for (column, member) in NEEDED.iter().chain(ALSO) {
        let text = cell(column).trim();
        let value = match *column {
            // Athena writes a null as nothing.
            _ if text.is_empty() || text == "null" => continue,
            "requestparameters" | "responseelements" => parse::parse(text.as_bytes()).ok()?,
            _ => json!(text),
        };
        event.insert((*member).to_owned(), value);
    }
    let identity = cell("useridentity");
    let members = IDENTITY.iter().filter_map(|(column, member)| Some(((*member).to_owned(), json!(member_of(identity, column)?))));
    event.insert("userIdentity".to_owned(), Value::Object(members.collect()));
    (event.contains_key("eventName") && event.contains_key("eventSource")).then_some(Value::Object(event))
}

/// A member of a structure as Athena writes it. It is for people alone: nothing is read or done by it.
fn member_of<'t>(structure: &'t str, name: &str) -> Option<&'t str> {
    structure.trim_start_matches('{').split([',', '{', '}']).find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).filter(|value| *value != "null")
}
