//! The width of a policy of a VPC endpoint: whether it lets every principal do everything with every
//! resource. A statement is open, less than open, or unclear; whatever is not understood is unclear, never
//! fine and never open. (<https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>)

use serde_json::{Map, Value};

use super::policy::{covers, may_overlap};

/// The service that a policy is for.
#[derive(Debug, Clone, Copy)]
pub struct Of {
    /// The prefix of its actions and ARNs, where it is known: `s3`.
    pub prefix: Option<&'static str>,
    /// `aws`
    pub partition: &'static str,
}

/// The width of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Width {
    /// These of its statements, by their places, let every principal do everything.
    Open(Vec<usize>),
    /// It allows less than everything, to everybody or to some.
    Bounded,
    /// It is bounded, but this statement lets everybody call some actions with any resource.
    Wide(String),
    /// It cannot be determined, for this reason.
    Unclear(String),
}

/// The reach of one element of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    All,
    Some,
    Unclear,
}

/// The effect of the conditions of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tie {
    /// There are none.
    Nothing,
    /// They bind it to principals or resources.
    Binds,
    /// They do not, or that cannot be determined.
    Unclear,
}

/// Keys whose value is the owner of a principal or of a resource, or the principal itself
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>).
const BINDING: &[&str] = &[
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "aws:resourceaccount",
    "s3:resourceaccount",
];
/// Keys by which a perimeter leaves the services of AWS alone.
const OF_SERVICES: &[&str] = &["aws:principalisawsservice", "aws:viaawsservice"];
/// The members of a statement.
const MEMBERS: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Returns the statements of a policy.
///
/// # Errors
/// That it has none in a form that is known.
pub fn statements(policy: &Value) -> Result<Vec<&Map<String, Value>>, String> {
    let all: Option<Vec<_>> = match policy.get("Statement") {
        Some(Value::Array(all)) => all.iter().map(Value::as_object).collect(),
        Some(Value::Object(one)) => Some(vec![one]),
        _ => None,
    };
    all.filter(|all| !all.is_empty()).ok_or_else(|| "it has no statements in a form that is known".to_owned())
}

/// Determines the width of a policy.
pub fn width(policy: &Value, of: Of) -> Width {
    let all = match statements(policy) {
        Ok(all) => all,
        Err(why) => return Width::Unclear(why),
    };
    let (mut open, mut wide, mut unclear, mut undecided) = (Vec::new(), None, None, None);
    for (n, statement) in all.into_iter().enumerate() {
        let odd = statement.keys().find(|member| !MEMBERS.contains(&member.as_str()));
        if let Some(member) = odd {
            return Width::Unclear(format!("{} has the member {member}", named(n, statement)));
        }
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => match allowed(statement, of) {
                (Reach::All, Tie::Nothing) => open.push(n),
                (Reach::All | Reach::Unclear, Tie::Nothing | Tie::Unclear) => {
                    unclear = unclear.or_else(|| Some(named(n, statement)));
                }
                (Reach::Some, Tie::Nothing) if is_for_everybody(statement, of) => {
                    wide = wide.or_else(|| Some(named(n, statement)));
                }
                (Reach::Some, _) | (_, Tie::Binds) => {}
            },
            Some("Deny") => match denied(statement, of) {
                Reach::All => return Width::Bounded,
                Reach::Unclear => undecided = undecided.or_else(|| Some(named(n, statement))),
                Reach::Some => {}
            },
            _ => return Width::Unclear(format!("{} neither allows nor denies", named(n, statement))),
        }
    }
    match (open.is_empty(), undecided, unclear) {
        (false, None, _) => Width::Open(open),
        (false, Some(denial), _) => {
            Width::Unclear(format!("it is open, and {denial} may deny all that matters"))
        }
        (true, _, Some(statement)) => {
            Width::Unclear(format!("redress cannot determine what {statement} allows to whom"))
        }
        (true, _, None) => wide.map_or(Width::Bounded, Width::Wide),
    }
}

/// Returns the words for a statement: its `Sid`, or its place.
fn named(n: usize, statement: &Map<String, Value>) -> String {
    match statement.get("Sid").and_then(Value::as_str) {
        Some(sid) if !sid.is_empty() => format!("the statement {sid:?}"),
        _ => format!("statement {}", n + 1),
    }
}

/// Returns the reach of a statement as a whole, and whether conditions bind it.
fn allowed(statement: &Map<String, Value>, of: Of) -> (Reach, Tie) {
    (reach(statement, of), bound(statement))
}

fn reach(statement: &Map<String, Value>, of: Of) -> Reach {
    let each = [principals(statement), actions(statement, of), resources(statement, of)];
    match each {
        [Reach::All, Reach::All, Reach::All] => Reach::All,
        each if each.contains(&Reach::Some) => Reach::Some,
        _ => Reach::Unclear,
    }
}

/// Returns whether a statement is for every principal and every resource, with some actions of the service.
fn is_for_everybody(statement: &Map<String, Value>, of: Of) -> bool {
    let is_of_service = |pattern: &&str| match (of.prefix, pattern.split_once(':')) {
        (Some(prefix), Some((service, _))) => may_overlap(&service.to_lowercase(), prefix),
        _ => true,
    };
    let is_used = statement.get("Action").and_then(texts).is_some_and(|all| all.iter().any(is_of_service));
    is_used && [principals(statement), resources(statement, of)] == [Reach::All, Reach::All]
}

/// Returns the texts of a member that may be one text or a list of them; `None` for anything else.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(all) => {
            all.iter().map(Value::as_str).collect::<Option<Vec<_>>>().filter(|a| !a.is_empty())
        }
        _ => None,
    }
}

fn principals(statement: &Map<String, Value>) -> Reach {
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(Value::String(all)), None) if all == "*" => Reach::All,
        (Some(Value::Object(by_kind)), None) if !by_kind.is_empty() => {
            let each: Vec<Reach> = by_kind.iter().map(|(kind, who)| of_kind(kind, who)).collect();
            widest(&each)
        }
        _ => Reach::Unclear,
    }
}

fn of_kind(kind: &str, who: &Value) -> Reach {
    let Some(all) = texts(who) else { return Reach::Unclear };
    let one = |who: &&str| match (kind, *who) {
        ("AWS", "*") => Reach::All,
        ("AWS" | "Service" | "CanonicalUser" | "Federated", who) if !who.contains(['*', '?']) => Reach::Some,
        _ => Reach::Unclear,
    };
    widest(&all.iter().map(one).collect::<Vec<_>>())
}

/// Returns the reach of a list: of all, if one of its members has it.
fn widest(each: &[Reach]) -> Reach {
    match each {
        each if each.contains(&Reach::All) => Reach::All,
        each if each.contains(&Reach::Unclear) => Reach::Unclear,
        _ => Reach::Some,
    }
}

fn actions(statement: &Map<String, Value>, of: Of) -> Reach {
    let (Some(all), None) = (statement.get("Action"), statement.get("NotAction")) else {
        return Reach::Unclear;
    };
    let Some(all) = texts(all) else { return Reach::Unclear };
    let one = |pattern: &&str| {
        let pattern = pattern.to_lowercase();
        let everything = of.prefix.map_or_else(|| "*".to_owned(), |prefix| format!("{prefix}:*"));
        match pattern.split_once(':') {
            _ if covers(&pattern, &everything) => Reach::All,
            // All actions of a service that is, or may be, the endpoint's.
            Some((service, name)) if name.chars().all(|c| matches!(c, '*' | '?')) => match of.prefix {
                Some(prefix) if !may_overlap(service, prefix) => Reach::Some,
                _ => Reach::Unclear,
            },
            Some(_) => Reach::Some,
            None => Reach::Unclear,
        }
    };
    widest(&all.iter().map(one).collect::<Vec<_>>())
}

fn resources(statement: &Map<String, Value>, of: Of) -> Reach {
    let (Some(all), None) = (statement.get("Resource"), statement.get("NotResource")) else {
        return Reach::Unclear;
    };
    let Some(all) = texts(all) else { return Reach::Unclear };
    let partition = of.partition;
    let everything: Vec<String> = match of.prefix {
        // Buckets have neither region nor account in their ARNs.
        Some(prefix) => vec![format!("arn:{partition}:{prefix}:::*"), format!("arn:{partition}:{prefix}:*")],
        None => Vec::new(),
    };
    let one = |pattern: &&str| {
        if covers(pattern, "*") || everything.iter().any(|all| covers(pattern, all)) {
            Reach::All
        } else if names_something(pattern) {
            Reach::Some
        } else {
            Reach::Unclear
        }
    };
    widest(&all.iter().map(one).collect::<Vec<_>>())
}

/// Returns whether the pattern of an ARN names an account or a part of a name, so that it cannot stand for
/// the resources of everybody.
fn names_something(pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let ["arn", _, _, _, account, rest] = parts[..] else { return false };
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let name = rest.split_once(['/', ':']).map_or(rest, |(word, name)| {
        // A bucket has no word for its kind before its name.
        if account.is_empty() && !word.contains(['*', '?']) { rest } else { name }
    });
    let is_named = name.chars().any(|c| !matches!(c, '*' | '?' | '/' | ':'));
    is_account || account == "aws" || is_named
}

/// One condition: operator and key in lower case, and its values.
type Condition = (String, String, Option<Vec<String>>);

/// Returns the conditions of a statement; `None` where they have no form that is known.
fn conditions(statement: &Map<String, Value>) -> Option<Vec<Condition>> {
    let Some(conditions) = statement.get("Condition") else { return Some(Vec::new()) };
    let mut all = Vec::new();
    for (operator, keys) in conditions.as_object()? {
        for (key, values) in keys.as_object()? {
            let one = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
                _ => None,
            };
            let values = match values {
                Value::Array(values) => values.iter().map(one).collect::<Option<Vec<_>>>(),
                value => one(value).map(|one| vec![one]),
            };
            all.push((operator.to_lowercase(), key.to_lowercase(), values.filter(|v| !v.is_empty())));
        }
    }
    Some(all)
}

/// Returns whether conditions bind what is allowed. All of them must hold, so that one that binds is enough.
fn bound(statement: &Map<String, Value>) -> Tie {
    match conditions(statement) {
        Some(all) if all.is_empty() => Tie::Nothing,
        Some(all) if all.iter().any(|one| binds(one, false) || is_of_service(one, "true")) => Tie::Binds,
        _ => Tie::Unclear,
    }
}

/// Returns whether a condition binds to principals or resources of somebody: it is met by those alone, or, in
/// a denial, by all but those. With `IfExists` a request without the key passes, as an unsigned one has none.
fn binds((operator, key, values): &Condition, denies: bool) -> bool {
    let operator = match denies {
        true => operator.strip_suffix("ifexists").unwrap_or(operator),
        false => operator.strip_prefix("foranyvalue:").unwrap_or(operator),
    };
    let known: &[&str] = match denies {
        false => &["stringequals", "stringequalsignorecase", "stringlike", "arnlike", "arnequals"],
        true => {
            &["stringnotequals", "stringnotequalsignorecase", "stringnotlike", "arnnotlike", "arnnotequals"]
        }
    };
    let Some(values) = values else { return false };
    known.contains(&operator)
        && BINDING.contains(&key.as_str())
        && values.iter().all(|value| names_somebody(key, value))
}

/// Returns whether a value of a key names an account or an organization, and does not stand for all.
fn names_somebody(key: &str, value: &str) -> bool {
    match key {
        "aws:principalarn" => names_account(value),
        "aws:principalorgpaths" | "aws:resourceorgpaths" => {
            value.split('/').next().is_some_and(|org| org.starts_with("o-") && !org.contains(['*', '?']))
        }
        _ => !value.is_empty() && !value.contains(['*', '?', '$']),
    }
}

fn names_account(arn: &str) -> bool {
    let account = arn.split(':').nth(4).unwrap_or_default();
    account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())
}

fn is_of_service((operator, key, values): &Condition, is: &str) -> bool {
    matches!(operator.as_str(), "bool" | "boolifexists")
        && !(operator == "boolifexists" && is == "true")
        && OF_SERVICES.contains(&key.as_str())
        && values.as_ref().is_some_and(|values| values.iter().all(|v| v.eq_ignore_ascii_case(is)))
}

/// Returns how much of an open policy a denial takes away: all that makes it open, some of it, or that cannot
/// be determined.
fn denied(statement: &Map<String, Value>, of: Of) -> Reach {
    let each = [principals(statement), actions(statement, of), resources(statement, of)];
    if each.contains(&Reach::Some) {
        return Reach::Some;
    }
    if each.contains(&Reach::Unclear) {
        return Reach::Unclear;
    }
    let Some(all) = conditions(statement) else { return Reach::Unclear };
    let perimeter = |one: &Condition| binds(one, true);
    // All conditions of a statement must hold: together, those on principals and those on resources deny only
    // strangers who use what belongs to strangers.
    let of_resources = |(_, key, _): &&Condition| key.contains(":resource");
    let (resources, principals): (Vec<_>, Vec<_>) =
        all.iter().filter(|one| perimeter(one)).partition(of_resources);
    if !resources.is_empty() && !principals.is_empty() {
        return Reach::Unclear;
    }
    if all.iter().all(|one| perimeter(one) || is_of_service(one, "false"))
        && (all.is_empty() || all.iter().any(perimeter))
    {
        return Reach::All;
    }
    if all.iter().any(is_of_plain_text) { Reach::Some } else { Reach::Unclear }
}

/// Returns whether a condition of a denial is met by requests without TLS, or with an old version of it,
/// alone: all others are not denied then.
fn is_of_plain_text((operator, key, values): &Condition) -> bool {
    let is_false = || values.as_ref().is_some_and(|all| all.iter().all(|v| v.eq_ignore_ascii_case("false")));
    match (operator.strip_suffix("ifexists").unwrap_or(operator), key.as_str()) {
        ("bool", "aws:securetransport") => is_false(),
        ("numericlessthan", "s3:tlsversion") => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
