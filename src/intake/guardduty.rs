//! GuardDuty's findings, in EventBridge's spelling (`resourceType`) and in the SDK's (`ResourceType`). A
//! finding reports an action; a check of ours can only judge the configuration that allowed it.

use serde_json::Value;

use super::{
    accused::Accused,
    draft::{Draft, Out, first, time},
    model::{Decision, Evidence, Reason},
    names::Raw,
    text::short,
};

/// Returns a member by either spelling.
fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.get(key).or_else(|| {
        let mut chars = key.chars();
        let pascal: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
        value.get(pascal)
    })
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    path.split('/').try_fold(value, |v, key| get(v, key)).and_then(Value::as_str).unwrap_or("")
}

fn dig<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('/').try_fold(value, |v, key| get(v, key))
}

/// Returns whether a value is a GuardDuty finding.
pub fn is(value: &Value) -> bool {
    matches!(text(value, "schemaVersion"), "2.0")
        && get(value, "type").is_some()
        && get(value, "service").is_some()
}

/// Reads one finding.
pub fn read(value: &Value, out: &mut Out<'_>) {
    let (account, region) = (text(value, "accountId"), text(value, "region"));
    let severity = get(value, "severity").and_then(Value::as_f64).map_or("", word);
    let kind = text(value, "type");
    let base = Draft {
        tool: "GuardDuty",
        format: "GuardDuty 2.0".to_owned(),
        framework: "guardduty".to_owned(),
        control: kind.to_owned(),
        finding: first(&[text(value, "arn"), text(value, "id")]),
        severity: severity.to_owned(),
        time: time(get(value, "updatedAt")),
        title: text(value, "title"),
        evidence: evidence(value),
        command: accused(value).revocation(),
        against: against(value),
        ..Draft::default()
    };
    let place = Raw { account, region, partition: text(value, "partition"), ..Raw::default() };
    let groups = groups(value);
    let instance = text(value, "resource/instanceDetails/instanceId");
    if groups.is_empty() || !base.control.contains(":EC2/") {
        // A type that does not concern an instance is about actions in the account.
        out.found(Draft { resource: Raw { id: instance, ..place }, ..base });
    } else {
        groups.into_iter().for_each(|id| out.found(Draft { resource: Raw { id, ..place }, ..base.clone() }));
    }
}

/// Returns the identity whose credentials were used
/// (<https://docs.aws.amazon.com/guardduty/latest/APIReference/API_AccessKeyDetails.html>).
fn accused(value: &Value) -> Accused<'_> {
    Accused {
        kind: text(value, "resource/accessKeyDetails/userType"),
        name: text(value, "resource/accessKeyDetails/userName"),
        account: text(value, "accountId"),
        partition: text(value, "partition"),
        region: text(value, "region"),
    }
}

/// Returns the ids of the instance's security groups: a probe reaches what they let in.
fn groups(value: &Value) -> Vec<&str> {
    let interfaces = dig(value, "resource/instanceDetails/networkInterfaces").and_then(Value::as_array);
    let groups =
        interfaces.into_iter().flatten().filter_map(|i| get(i, "securityGroups")?.as_array()).flatten();
    let mut ids: Vec<&str> = groups.map(|g| text(g, "groupId")).filter(|id| !id.is_empty()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn word(severity: f64) -> &'static str {
    match severity {
        s if s >= 9.0 => "critical",
        s if s >= 7.0 => "high",
        s if s >= 4.0 => "medium",
        _ => "low",
    }
}

fn against(value: &Value) -> Option<Decision> {
    if is_sample(value) {
        return Some(Decision::no(Reason::Sample, "GuardDuty made it to show what findings look like"));
    }
    let archived = dig(value, "service/archived")
        .is_some_and(|a| a.as_bool() == Some(true) || a.as_str() == Some("true"));
    if archived {
        return Some(Decision::no(Reason::Archived, "it is archived, by a person or a suppression rule"));
    }
    let actor = text(value, "service/resourceRole") == "ACTOR";
    actor.then(|| {
        Decision::no(
            Reason::UnmappedControl,
            "the resource is the actor, not the target: no check of compromised instances yet",
        )
    })
}

/// Returns whether a finding is a sample. Different writers set different ones of these four marks.
fn is_sample(value: &Value) -> bool {
    let info = dig(value, "service/additionalInfo");
    let flag = info
        .and_then(|i| get(i, "sample"))
        .is_some_and(|s| s.as_bool() == Some(true) || s.as_str() == Some("true"));
    let inner = info
        .and_then(|i| get(i, "value"))
        .and_then(Value::as_str)
        .filter(|v| v.len() < 65_536)
        .and_then(|v| super::parse::parse(v.as_bytes()).ok());
    let text_flag = inner.is_some_and(|v| v.get("sample").and_then(Value::as_bool) == Some(true));
    let instance = text(value, "resource/instanceDetails/instanceId");
    let user = text(value, "resource/accessKeyDetails/userName");
    flag || text_flag
        || text(value, "title").starts_with("[SAMPLE]")
        || instance == "i-99999999"
        || user.starts_with("GeneratedFinding")
}

fn evidence(value: &Value) -> Option<Evidence> {
    let action = dig(value, "service/action")?;
    let calls = [
        "awsApiCallAction/remoteIpDetails/ipAddressV4",
        "networkConnectionAction/remoteIpDetails/ipAddressV4",
    ];
    let from = calls.iter().map(|path| text(action, path)).find(|a| !a.is_empty()).unwrap_or("");
    let api = text(action, "awsApiCallAction/api");
    let user = text(value, "resource/accessKeyDetails/userName");
    let event = first(&[api, text(action, "actionType")]);
    let who = if user.is_empty() { "somebody".to_owned() } else { format!("user {}", short(user)) };
    let when = time(dig(value, "service/eventLastSeen"));
    (!event.is_empty()).then(|| Evidence { event: short(event), who, from: short(from), when })
}
