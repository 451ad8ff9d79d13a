//! Changes of the command line to loaded playbooks: `--set ACTION.PARAM=VALUE` and `--allow-cidr`. The result
//! goes through the action's own type again, so that nothing gets in here that a file could not contain.

use ipnet::IpNet;
use serde_json::{Map, Value};
use toml::de::Deserializer;

use super::{
    Playbook, bounds,
    problem::hint_for,
    vocabulary::Vocabulary,
    with::{meant, parameter_hint, unknown_parameter, wording},
};
use crate::actions::{Action, ActionUse};

/// The parameter that `--allow-cidr` adds to, and its kind: of every action that has it.
const ALLOW: (&str, &str) = ("allow", "list of CIDRs");

/// Sets a parameter of an action in every playbook that uses it. VALUE is read as TOML, else as a string.
///
/// # Errors
/// When the setting is wrong, with a suggestion. The playbooks are then unchanged.
pub fn override_parameter(playbooks: &mut [Playbook], setting: &str) -> Result<(), String> {
    override_with(&Vocabulary::all(), playbooks, setting)
}

pub(super) fn override_with(
    words: &Vocabulary,
    playbooks: &mut [Playbook],
    setting: &str,
) -> Result<(), String> {
    let shape =
        || format!("--set {setting}: write ACTION.PARAM=VALUE, as in --set snapshot-instance.keep_days=14");
    let (target, text) = setting.split_once('=').ok_or_else(shape)?;
    let (action, parameter) = target.trim().split_once('.').ok_or_else(shape)?;
    let action = used(words, playbooks, action).map_err(|why| format!("--set {setting}: {why}"))?;
    if !action.parameters().iter().any(|p| p.name == parameter) {
        return Err(with_hint(
            format!("--set {setting}: {}", unknown_parameter(action, parameter)),
            parameter_hint(action, parameter),
        ));
    }
    let changed = values(text).map_err(|why| format!("--set {setting}: {why}"))?;
    replace(playbooks, action, |with| first_good(action, with, parameter, &changed))
        .map_err(|why| format!("--set {setting}: {why}"))?;
    share(playbooks, action, parameter);
    Ok(())
}

/// Gives a parameter that a check shares with an action to the check, too: what is planned is what is proved.
fn share(playbooks: &mut [Playbook], action: &dyn Action, parameter: &str) {
    let shared = action.of_checks().iter().filter(|(_, name)| *name == parameter);
    for (check, _) in shared {
        for playbook in playbooks.iter_mut().filter(|playbook| playbook.finding.iter().any(|f| f == check)) {
            let used = playbook.actions.iter().find(|used| used.action == action.name());
            let value = used.and_then(|used| used.with.get(parameter)).cloned();
            if let (Some(value), Value::Object(with)) = (value, &mut playbook.check) {
                with.insert(parameter.to_owned(), value);
            }
        }
    }
}

/// Adds CIDRs to those that actions leave open, in every playbook that uses an action with the
/// parameter `allow`.
///
/// # Errors
/// When a CIDR is the world, or near it, or no playbook uses the action. The playbooks are then unchanged.
pub fn allow_cidrs(playbooks: &mut [Playbook], cidrs: &[IpNet]) -> Result<(), String> {
    allow_with(&Vocabulary::all(), playbooks, cidrs)
}

pub(super) fn allow_with(
    words: &Vocabulary,
    playbooks: &mut [Playbook],
    cidrs: &[IpNet],
) -> Result<(), String> {
    if let Some(wide) = cidrs.iter().find(|cidr| near_the_world(cidr)) {
        let least = if wide.addr().is_ipv4() { "/8 (IPv4)" } else { "/16 (IPv6)" };
        return Err(format!(
            "--allow-cidr {wide} is the world, or near it: allowing it would leave the rule open to the \
             world. Name the network that you come from, {least} or smaller, such as 203.0.113.0/24"
        ));
    }
    if cidrs.is_empty() {
        return Ok(());
    }
    let allows = |action: &&&dyn Action| action.parameters().iter().any(|p| (p.name, p.kind) == ALLOW);
    let is_used =
        |action: &&&dyn Action| playbooks.iter().flat_map(|p| &p.actions).any(|u| u.action == action.name());
    let found: Vec<&'static dyn Action> =
        words.actions.iter().filter(allows).filter(is_used).copied().collect();
    if found.is_empty() {
        return Err("--allow-cidr: no playbook that is loaded uses an action that lets networks keep their \
                    way in, so this would change nothing"
            .to_owned());
    }
    let mut changed = playbooks.to_vec();
    for action in found {
        replace(&mut changed, action, |with| decode(action, &with_allowed(with, cidrs)))
            .map_err(|why| format!("--allow-cidr: {why}"))?;
    }
    playbooks.clone_from_slice(&changed);
    Ok(())
}

/// Returns parameters with networks added to those that they allow.
fn with_allowed(with: &Map<String, Value>, cidrs: &[IpNet]) -> Map<String, Value> {
    let mut list: Vec<Value> = with.get(ALLOW.0).and_then(Value::as_array).cloned().unwrap_or_default();
    for cidr in cidrs.iter().map(|cidr| Value::from(cidr.to_string())) {
        if !list.contains(&cidr) {
            list.push(cidr);
        }
    }
    let others = with.iter().map(|(k, v)| (k.clone(), v.clone()));
    others.chain([(ALLOW.0.to_owned(), Value::Array(list))]).collect()
}

/// Returns whether a network is so wide that allowing it would tighten nothing; the limits are those of the
/// checks.
fn near_the_world(cidr: &IpNet) -> bool {
    cidr.prefix_len() < if cidr.addr().is_ipv4() { 8 } else { 16 }
}

/// Returns the action with this name, if some playbook uses it.
fn used(words: &Vocabulary, playbooks: &[Playbook], name: &str) -> Result<&'static dyn Action, String> {
    let action = words
        .action(name)
        .ok_or_else(|| with_hint(format!("there is no action {name:?}"), hint_for(name, &words.usable())))?;
    if playbooks.iter().flat_map(|p| &p.actions).any(|u| u.action == name) {
        return Ok(action);
    }
    Err(format!("no playbook that is loaded uses {name}, so this would change nothing"))
}

/// Puts new parameters in all uses of an action, or in none.
fn replace(
    playbooks: &mut [Playbook],
    action: &dyn Action,
    new: impl Fn(&Map<String, Value>) -> Result<Value, String>,
) -> Result<(), String> {
    let empty = Map::new();
    let mut decided = Vec::new();
    for playbook in playbooks.iter() {
        for used in playbook.actions.iter().filter(|u| u.action == action.name()) {
            decided.push(new(used.with.as_object().unwrap_or(&empty))?);
        }
    }
    let uses = playbooks.iter_mut().flat_map(|p| &mut p.actions).filter(|u| u.action == action.name());
    uses.zip(decided).for_each(|(used, with): (&mut ActionUse, Value)| used.with = with);
    Ok(())
}

/// Returns the possible meanings of a text on the command line, the likeliest first: the TOML value, then the
/// text itself.
fn values(text: &str) -> Result<Vec<Value>, String> {
    if let Some((_, what)) = bounds::exceeded(text, bounds::MAX_BYTES) {
        return Err(what);
    }
    // As in a file, but without the need to quote: `30`, `true`, `["a"]`; a text that is not TOML is a
    // string.
    let typed = toml::from_str::<Map<String, Value>>(&format!("v = {text}"))
        .ok()
        .filter(|t| t.len() == 1)
        .and_then(|mut t| t.remove("v"));
    let string = Value::from(text);
    Ok(typed.into_iter().filter(|v| *v != string).chain([string.clone()]).collect())
}

/// Returns the parameters with the first of the values that the action's type accepts; the error for the
/// first if it accepts none.
fn first_good(
    action: &dyn Action,
    with: &Map<String, Value>,
    parameter: &str,
    values: &[Value],
) -> Result<Value, String> {
    let attempt = |value: &Value| {
        let mut with = with.clone();
        with.insert(parameter.to_owned(), value.clone());
        decode(action, &with)
    };
    let results: Vec<_> = values.iter().map(attempt).collect();
    let good = results.iter().find_map(|r| r.as_ref().ok().cloned());
    good.map_or_else(|| results.into_iter().next().unwrap_or_else(|| Err("no value".to_owned())), Ok)
}

/// Decodes parameters by the action's own type.
fn decode(action: &dyn Action, with: &Map<String, Value>) -> Result<Value, String> {
    // A parameter that has no value is null in JSON; TOML knows no null and leaves it out.
    let given: Map<String, Value> =
        with.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
    let text = toml::to_string(&given).map_err(|error| error.to_string())?;
    let input = Deserializer::parse(&text).map_err(|error| error.message().to_owned())?;
    action.decode(input).map_err(|error| with_hint(wording(error.message()), meant(error.message())))
}

fn with_hint(what: String, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{what}\n  hint: {hint}"),
        None => what,
    }
}
