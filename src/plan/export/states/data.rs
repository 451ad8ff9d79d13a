//! Values of a plan as payload templates of the States Language: names in its case, references as JSONPath
//! and intrinsic functions. The content of a tag or a description stays text: only keys that end in `.$` are
//! evaluated, and none of those comes from the account. Pure.

use serde_json::{Map, Value, json};

use super::super::words::{clean, name};
use crate::{
    calls::{Act, Recognise, Shape, reference::days_after},
    plan::{Change, Plan},
};

/// The act of a plan for which a value is written.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The change.
    pub change: &'a Change,
    /// The step, or the act of a rollback or an undo.
    pub step: &'a str,
}

/// A value of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// A literal value.
    Plain(Value),
    /// The result of this path or function when the machine runs.
    Path(String),
}

/// Returns the path at which a step keeps the ids that it made.
pub(super) fn made(change: &str, step: &str) -> String {
    format!("$.made.{}.{}", name(change), name(step))
}

/// Returns the path at which a change keeps an observation.
pub(super) fn observed(change: &str, fact: &str) -> String {
    format!("$.made.{}.observed_{}", name(change), name(fact))
}

/// Converts the name of a member to Pascal case, in which Step Functions names members, whatever the service
/// does. It takes them from AWS's Java SDK, where capital letters at the beginning of a name are one word:
/// `SSEAlgorithm` is `SseAlgorithm`
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html>).
pub(super) fn pascal(member: &str) -> String {
    let chars: Vec<char> = member.chars().collect();
    let capital = |at: usize| chars.get(at).is_some_and(char::is_ascii_uppercase);
    let ends_word = |at: usize| !capital(at) || chars.get(at + 1).is_some_and(char::is_ascii_lowercase);
    let first = (1..=chars.len()).find(|at| ends_word(*at)).unwrap_or(chars.len());
    let cased = chars.iter().enumerate().map(|(at, c)| match at {
        0 => c.to_ascii_uppercase(),
        at if at < first => c.to_ascii_lowercase(),
        _ => *c,
    });
    cased.collect()
}

/// Converts a path of names and positions to that case.
pub(super) fn pascal_path(path: &str) -> String {
    path.split('.').map(pascal).collect::<Vec<_>>().join(".")
}

/// Writes the input of a call as `Parameters`.
///
/// # Errors
/// The part that the language cannot express.
pub(super) fn parameters(input: &Value, place: Place<'_>) -> Result<Value, String> {
    match said(input, place, true)? {
        Said::Plain(value) => Ok(value),
        Said::Path(path) => Err(format!("an input that is as a whole {path}")),
    }
}

/// Writes a value with its references.
///
/// # Errors
/// As [`parameters`].
pub(super) fn value(value: &Value, place: Place<'_>) -> Result<Said, String> {
    said(value, place, true)
}

fn said(value: &Value, place: Place<'_>, members: bool) -> Result<Said, String> {
    match value {
        Value::Object(map) => {
            match map.iter().next().filter(|(key, _)| map.len() == 1 && key.starts_with('$')) {
                Some((key, inner)) => reference(key, inner, place),
                None => object(map, place, members),
            }
        }
        Value::Array(items) => list(items, place, members),
        literal => Ok(Said::Plain(literal.clone())),
    }
}

fn object(map: &Map<String, Value>, place: Place<'_>, members: bool) -> Result<Said, String> {
    let mut template = Map::new();
    for (key, inner) in map {
        // The tags of a log group are a map: its keys are not members.
        let cased = if members { pascal(key) } else { key.clone() };
        if cased.ends_with(".$") {
            return Err(format!("the key {key}, which the States Language would evaluate"));
        }
        match said(inner, place, members && key != "tags")? {
            Said::Plain(value) => template.insert(cased, value),
            Said::Path(path) => template.insert(format!("{cased}.$"), json!(path)),
        };
    }
    Ok(Said::Plain(Value::Object(template)))
}

/// Writes a list. One with references in it is made by a function, which takes no objects.
fn list(items: &[Value], place: Place<'_>, members: bool) -> Result<Said, String> {
    let all: Vec<Said> = items.iter().map(|item| said(item, place, members)).collect::<Result<_, _>>()?;
    if all.iter().all(|item| matches!(item, Said::Plain(_))) {
        return Ok(Said::Plain(
            all.into_iter()
                .filter_map(|item| if let Said::Plain(value) = item { Some(value) } else { None })
                .collect(),
        ));
    }
    let words: Vec<String> = all
        .into_iter()
        .map(|item| match item {
            Said::Path(path) => Ok(path),
            Said::Plain(Value::String(text)) => Ok(quoted(&text)),
            Said::Plain(other) => Err(format!("{other} in one list with what earlier steps make")),
        })
        .collect::<Result<_, _>>()?;
    Ok(Said::Path(format!("States.Array({})", words.join(", "))))
}

/// Quotes a text as an argument of an intrinsic function
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html>).
pub(super) fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|c| if matches!(c, '\'' | '{' | '}' | '\\') { vec!['\\', c] } else { vec![c] })
        .collect();
    format!("'{escaped}'")
}

fn reference(key: &str, inner: &Value, place: Place<'_>) -> Result<Said, String> {
    let (change, step) = (clean(&place.change.id), clean(place.step));
    match key {
        "$run" => Ok(Said::Path("$.run".to_owned())),
        "$step" => Ok(Said::Plain(json!(format!("{change}/{step}")))),
        "$token" => {
            Ok(Said::Path(format!("States.Hash(States.Format('{{}}|{change}|{step}|1', $.run), 'SHA-256')")))
        }
        "$date" => Ok(Said::Plain(json!(date(place.plan, inner)?))),
        "$output" => output(inner, place),
        "$observed" => Ok(Said::Path(format!(
            "{}.value",
            observed(&place.change.id, inner.as_str().unwrap_or_default())
        ))),
        other => Err(format!("the reference {other}")),
    }
}

/// Returns the date so many days after the plan expires, since the language cannot calculate with dates. A
/// run begins before its plan expires, so resources are kept at least as long as the plan requires.
fn date(plan: &Plan, days: &Value) -> Result<String, String> {
    let days = days.as_i64().ok_or("a date that is no number of days")?;
    days_after(plan.expires, days).ok_or_else(|| format!("a date {days} days after the plan expires"))
}

fn output(inner: &Value, place: Place<'_>) -> Result<Said, String> {
    let text = |member: &str| inner.get(member).and_then(Value::as_str);
    let (change, step) = (text("change").unwrap_or(&place.change.id), text("step").unwrap_or_default());
    let here = made(change, step);
    Ok(match text("name").unwrap_or_default().split_once('/') {
        Some(("Snapshots", volume)) => Said::Path(format!("{here}.Snapshots['{}'][0]", clean(volume))),
        Some((list, position)) => Said::Path(format!("{here}.{}[{}]", name(list), clean(position))),
        None if text("name") == Some("TrailARN") => Said::Plain(json!(trail(change, step, place)?)),
        None => Said::Path(format!("{here}.{}", name(text("name").unwrap_or_default()))),
    })
}

/// Returns the ARN of a trail, which follows from its name
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html>).
fn trail(change: &str, step: &str, place: Place<'_>) -> Result<String, String> {
    let call = act(place.plan, change, step).map(|act| &act.call).ok_or("a trail that no step makes")?;
    let name = call.input.get("Name").and_then(Value::as_str).ok_or("a trail without a name")?;
    Ok(format!("arn:{}:cloudtrail:{}:{}:trail/{name}", place.plan.partition, call.region, place.plan.account))
}

fn act<'a>(plan: &'a Plan, change: &str, step: &str) -> Option<&'a Act> {
    plan.change(change)?.steps.iter().find(|s| s.name == step).map(|s| &s.act)
}

/// Returns the ids of a condition, each as a value of its own.
pub(super) fn ids(id: &Value, place: Place<'_>) -> Result<Vec<Value>, String> {
    match id {
        Value::String(_) => Ok(vec![id.clone()]),
        Value::Array(items) => {
            Ok(items.iter().map(|item| ids(item, place)).collect::<Result<Vec<_>, _>>()?.concat())
        }
        other => {
            let Some(inner) = other.get("$output") else { return Err(format!("the id {other}")) };
            let list = match inner.get("name").and_then(Value::as_str) {
                Some("Snapshots") => "SnapshotIds",
                Some(list @ ("SecurityGroupRuleIds" | "FlowLogIds")) => list,
                _ => return Ok(vec![id.clone()]),
            };
            let text = |member: &str| inner.get(member).and_then(Value::as_str);
            let step = text("step").unwrap_or_default();
            let maker = act(place.plan, text("change").unwrap_or(&place.change.id), step)
                .ok_or("ids that no step makes")?;
            Ok((0..number(maker)).map(|n| with_name(other, &format!("{list}/{n}"))).collect())
        }
    }
}

fn with_name(reference: &Value, name: &str) -> Value {
    let mut reference = reference.clone();
    reference["$output"]["name"] = json!(name);
    reference
}

/// Returns all the ids of a list at once, where one question can be about all of them.
pub(super) fn whole(id: &Value) -> Value {
    if id.pointer("/$output/name").and_then(Value::as_str) == Some("Snapshots") {
        with_name(id, "SnapshotIds")
    } else {
        id.clone()
    }
}

/// Returns the number of things that a call makes.
pub(super) fn number(act: &Act) -> usize {
    match &act.recognise {
        Recognise::Tagged { shape: Shape::Ids(n) | Shape::IdsBy(_, n), .. } => *n,
        _ => 1,
    }
}

/// Returns the parts of a call's answer that are kept, and the members that must then be present for the call
/// to have made everything that it should.
pub(super) fn kept(place: Place<'_>, act: &Act, output: Option<&str>) -> (Value, Vec<String>) {
    let n = number(act);
    match output {
        Some("SecurityGroupRuleIds") => (
            json!({ "SecurityGroupRuleIds.$": "$..SecurityGroupRules[*].SecurityGroupRuleId" }),
            vec![format!("SecurityGroupRuleIds[{}]", n - 1)],
        ),
        Some("FlowLogIds") => {
            (json!({ "FlowLogIds.$": "$..FlowLogIds[*]" }), vec![format!("FlowLogIds[{}]", n - 1)])
        }
        Some("Snapshots") => {
            let mut parts = vec![format!("SnapshotIds[{}]", n - 1)];
            let mut by_volume = Map::new();
            for volume in volumes(place) {
                by_volume.insert(
                    format!("{volume}.$"),
                    json!(format!("$..Snapshots[?(@.VolumeId == '{volume}')].SnapshotId")),
                );
                parts.push(format!("Snapshots['{volume}'][0]"));
            }
            (json!({ "SnapshotIds.$": "$..Snapshots[*].SnapshotId", "Snapshots": by_volume }), parts)
        }
        Some(id) if act.call.operation == "CopyVolumes" => {
            (json!({ format!("{id}.$"): format!("$.Volumes[0].{id}") }), Vec::new())
        }
        None | Some("TrailARN") => (json!({ "done": true }), Vec::new()),
        Some(id) => (json!({ format!("{id}.$"): format!("$.{id}") }), Vec::new()),
    }
}

/// Returns the volumes whose snapshots of this step are referred to by others.
fn volumes(place: Place<'_>) -> Vec<String> {
    fn gather(value: &Value, step: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if let Some(inner) =
                    map.get("$output").filter(|i| i.get("step").and_then(Value::as_str) == Some(step))
                    && let Some(("Snapshots", volume)) =
                        inner.get("name").and_then(Value::as_str).and_then(|n| n.split_once('/'))
                {
                    found.push(clean(volume));
                }
                map.values().for_each(|v| gather(v, step, found));
            }
            Value::Array(items) => items.iter().for_each(|v| gather(v, step, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    gather(&json!(place.change.steps), place.step, &mut found);
    found.sort();
    found.dedup();
    found
}
