//! A question to AWS as a task, and the test of the answer as rules of a choice. No rule reads a member
//! without a check that it is present: a path that leads nowhere is an error that no machine can catch. Pure.

use serde_json::{Value, json};

use super::{
    super::{
        query::{Look, Query, Row},
        words::{holds_reference, plain},
    },
    data::{self, Place, Said, pascal, pascal_path},
};
use crate::calls::Test;

/// The path at which a look stores the answer.
pub(super) const ANSWER: &str = "$.look.answer";

/// One question, and the test of its answer.
pub(super) struct Asked {
    /// The question.
    pub look: Look,
    /// The test of the answer.
    pub test: Test,
    /// The question in words.
    pub what: String,
    /// The number of things that it is about at once.
    pub of: usize,
}

/// The parts of a question in the States Language.
pub(super) struct Question {
    /// The task's resource.
    pub resource: String,
    /// Its parameters.
    pub parameters: Value,
    /// The parts of the answer that are kept.
    pub selector: Value,
    /// The rule that the condition holds.
    pub holds: Value,
    /// The rule that the condition never will hold.
    pub never: Option<Value>,
    /// The rule, on an error, that the thing is missing.
    pub absent: Option<Value>,
}

/// Returns the resource of a task that makes a call by AWS's SDK. CloudWatch Logs and Elastic Load Balancing
/// have other names there than in IAM.
pub(super) fn resource(place: Place<'_>, service: &str, operation: &str) -> String {
    let service = match service {
        "s3api" => "s3",
        "logs" => "cloudwatchlogs",
        "elbv2" | "elasticloadbalancing" => "elasticloadbalancingv2",
        other => other,
    };
    let mut letters = operation.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    format!(
        "arn:{}:states:::aws-sdk:{service}:{}",
        place.plan.partition,
        first.into_iter().chain(letters).collect::<String>()
    )
}

/// Builds the question in the form in which a machine asks it.
///
/// # Errors
/// The part that cannot be compared.
pub(super) fn question(asked: &Asked, place: Place<'_>) -> Result<Question, String> {
    let mut input = asked.look.input.clone();
    if let Query::Tag { key, .. } = &asked.look.query {
        filter_by_tag(&mut input, key, &asked.test);
    }
    let what = plain(&asked.what);
    let selector = match &asked.look.query {
        Query::Device { device, .. } if device.contains(['\'', '\\']) => {
            return Err(format!("a device named {device}"));
        }
        // A filter gives a list, and an empty one where nothing matches; a position in it is asked for
        // afterwards.
        Query::Device { device, .. } => {
            let answer = format!("$..BlockDeviceMappings[?(@.DeviceName == '{device}')]");
            json!({ "what": what, "answer.$": answer })
        }
        Query::Entry { list, by, is, .. } if is.contains(['\'', '\\']) => {
            return Err(format!("an entry of {list} with {is}, by {by}"));
        }
        Query::Entry { list, by, is, .. } => {
            json!({ "what": what, "answer.$": format!("$..{list}[?(@.{by} == '{is}')]") })
        }
        Query::Listed { is, .. } if is.contains(['\'', '\\']) => return Err(format!("a thing named {is}")),
        Query::Listed { list, name, is } => {
            json!({ "what": what, "answer.$": format!("$..{list}[?(@.{name} == '{is}')]") })
        }
        Query::Count(list) => {
            json!({ "what": what, "answer.$": format!("States.ArrayLength($..{}[*])", pascal(list)) })
        }
        _ => json!({ "what": what, "answer.$": "$" }),
    };
    let (holds, never) = rules(asked, place)?;
    Ok(Question {
        resource: resource(place, asked.look.service, asked.look.operation),
        parameters: data::parameters(&input, place)?,
        selector,
        holds,
        never,
        absent: absent(asked.look.absent),
    })
}

/// Returns the rule for the error of a missing thing. Errors are distinguished by their names, except for one
/// that has none: HeadBucket's answer has no body.
fn absent(code: &str) -> Option<Value> {
    match code {
        "" => None,
        "(404)" => Some(json!({ "And": [present("$.unseen.Cause"), { "Variable": "$.unseen.Cause",
                "StringMatches": "*Status Code: 404*" }] })),
        code => Some(json!({ "Variable": "$.unseen.Error", "StringMatches": format!("*.{code}*") })),
    }
}

/// Adds a filter for a tag: whether a thing has a tag is asked by a filter, since no path leads into a list
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>: `*` and `?` stand for others
/// there).
fn filter_by_tag(input: &mut Value, key: &str, test: &Test) {
    let exact = |text: &str| {
        text.chars()
            .flat_map(|c| if matches!(c, '*' | '?' | '\\') { vec!['\\', c] } else { vec![c] })
            .collect::<String>()
    };
    let filter = match test {
        Test::Is(Value::String(text)) => json!({ "Name": format!("tag:{key}"), "Values": [exact(text)] }),
        Test::Is(value) if !value.is_null() => json!({ "Name": format!("tag:{key}"), "Values": [value] }),
        _ => json!({ "Name": "tag-key", "Values": [exact(key)] }),
    };
    if let Some(filters) = input.get_mut("Filters").and_then(Value::as_array_mut) {
        filters.push(filter);
    }
}

pub(super) fn present(variable: &str) -> Value {
    json!({ "Variable": variable, "IsPresent": true })
}

fn missing(variable: &str) -> Value {
    json!({ "Or": [{ "Variable": variable, "IsPresent": false }, { "Variable": variable, "IsNull": true }] })
}

/// Returns the rule that the condition holds, and the one that it never will.
fn rules(asked: &Asked, place: Place<'_>) -> Result<(Value, Option<Value>), String> {
    let test = &asked.test;
    match &asked.look.query {
        Query::At(path) if asked.of > 1 => Ok((all_of(path, asked.of, test)?, None)),
        Query::At(path) => at(&format!("{ANSWER}.{}", pascal_path(path)), test, place),
        Query::Tag { of, .. } => match test {
            Test::Is(value) => {
                Ok((json!({ "Variable": format!("{ANSWER}.{of}"), "IsPresent": !value.is_null() }), None))
            }
            other => Err(format!("a tag with {other:?}")),
        },
        Query::Named { list, name, is, member } => named(list, name, is, *member, test, place),
        Query::Device { member, .. } => at(&format!("{ANSWER}[0].Ebs.{member}"), test, place),
        Query::Entry { member, .. } => at(&format!("{ANSWER}[0].{member}"), test, place),
        Query::Listed { name, .. } => at(&format!("{ANSWER}[0].{name}"), test, place),
        Query::Count(_) => at(ANSWER, test, place),
        Query::Rows(rows) => Ok((exactly(rows), None)),
        Query::Members { list, members } => {
            let each = members.iter();
            let rules = each.map(|(path, value)| equals(&format!("{ANSWER}.{list}{path}"), value, place));
            Ok((json!({ "And": rules.collect::<Result<Vec<_>, _>>()? }), None))
        }
        Query::There => at(
            ANSWER,
            if matches!(test, Test::Is(value) if !value.is_null()) { &Test::Exists } else { test },
            place,
        ),
    }
}

/// Returns the rule on several things at once: all of them exist, or none does.
fn all_of(path: &str, of: usize, test: &Test) -> Result<Value, String> {
    let last = format!("{ANSWER}.{}", pascal_path(path).replace("[0]", &format!("[{}]", of - 1)));
    let first = format!("{ANSWER}.{}", pascal_path(path));
    match test {
        Test::Exists => Ok(present(&last)),
        Test::Gone => Ok(json!({ "Variable": first, "IsPresent": false })),
        other => Err(format!("{other:?} of several things at once")),
    }
}

fn at(variable: &str, test: &Test, place: Place<'_>) -> Result<(Value, Option<Value>), String> {
    let any = |values: &[Value]| -> Result<Option<Value>, String> {
        let rules: Vec<Value> =
            values.iter().map(|value| equals(variable, value, place)).collect::<Result<_, _>>()?;
        Ok(match rules.len() {
            0 => None,
            1 => rules.into_iter().next(),
            _ => Some(json!({ "Or": rules })),
        })
    };
    Ok(match test {
        Test::Exists => (present(variable), None),
        Test::Gone => (json!({ "Variable": variable, "IsPresent": false }), None),
        Test::Is(value) => (equals(variable, value, place)?, None),
        // The question counts what the filter picks.
        Test::NoneBy(_) => (equals(variable, &json!(0), place)?, None),
        Test::OnlyBy { .. } => return Err("whether a listing shows nothing but what it may".to_owned()),
        Test::Unlike(_) => return Err("whether something is not as it was".to_owned()),
        Test::Earlier(then) => return Err(format!("whether something was before {then}")),
        // Answers that mean failure only after a while are left to the deadline here.
        Test::OneOf { good, never, .. } => (any(good)?.ok_or("a condition that nothing meets")?, any(never)?),
    })
}

fn equals(variable: &str, value: &Value, place: Place<'_>) -> Result<Value, String> {
    let compared = |operator: &str, value: &Value| {
        json!({ "And": [present(variable), { "Variable": variable,
        operator: value }] })
    };
    match value {
        Value::Null => Ok(missing(variable)),
        Value::Bool(_) => Ok(compared("BooleanEquals", value)),
        Value::Number(_) => Ok(compared("NumericEquals", value)),
        Value::String(_) => Ok(compared("StringEquals", value)),
        Value::Array(items) if items.is_empty() => {
            Ok(json!({ "Variable": format!("{variable}[0]"), "IsPresent": false }))
        }
        other if holds_reference(other) => match data::value(other, place)? {
            Said::Plain(literal) => equals(variable, &literal, place),
            Said::Path(path) if path.starts_with("$.") => {
                Ok(json!({ "And": [present(variable), present(&path), { "Variable": variable,
                    "StringEqualsPath": path }] }))
            }
            Said::Path(path) => Err(format!("a comparison with {path}")),
        },
        other => Err(format!("a comparison with {other}")),
    }
}

/// Returns the rules on a thing with a name. Of all names with this prefix, the name itself comes first:
/// CloudWatch Logs sorts
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>).
fn named(
    list: &str,
    name: &str,
    is: &str,
    member: Option<&str>,
    test: &Test,
    place: Place<'_>,
) -> Result<(Value, Option<Value>), String> {
    let first = format!("{ANSWER}.{}[0]", pascal(list));
    let there = equals(&format!("{first}.{}", pascal(name)), &json!(is), place)?;
    let none = || json!({ "Not": there });
    Ok(match (member, test) {
        (None, Test::Exists) => (there, None),
        (None, Test::Gone) | (_, Test::Is(Value::Null)) if member.is_none() => (none(), None),
        (Some(member), Test::Is(Value::Null)) => {
            (json!({ "Or": [none(), missing(&format!("{first}.{}", pascal(member)))] }), None)
        }
        (Some(member), Test::Is(value)) => {
            (json!({ "And": [there, equals(&format!("{first}.{}", pascal(member)), value, place)?] }), None)
        }
        (Some(_), Test::OneOf { good, never, .. }) if never.is_empty() => {
            let rules = good.iter().map(|value| {
                named(list, name, is, member, &Test::Is(value.clone()), place).map(|(rule, _)| rule)
            });
            (json!({ "Or": rules.collect::<Result<Vec<_>, _>>()? }), None)
        }
        (_, other) => return Err(format!("{other:?} of {is}")),
    })
}

/// Returns the rule for as many security group rules as these, and each of these among them: a group has no
/// rule twice (<https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html>).
fn exactly(rows: &[Row]) -> Value {
    let rule = |n: usize| format!("{ANSWER}.SecurityGroupRules[{n}]");
    let mut all =
        vec![present(&rule(rows.len() - 1)), json!({ "Variable": rule(rows.len()), "IsPresent": false })];
    for row in rows {
        let ways: Vec<Value> = (0..rows.len()).map(|n| is_row(&rule(n), row)).collect();
        all.push(if ways.len() == 1 {
            ways.into_iter().collect::<Vec<_>>().remove(0)
        } else {
            json!({ "Or": ways })
        });
    }
    json!({ "And": all })
}

fn is_row(rule: &str, row: &Row) -> Value {
    let is = |member: &str, operator: &str, value: Value| {
        let variable = format!("{rule}.{member}");
        [present(&variable), json!({ "Variable": variable, operator: value })]
    };
    let mut all = [
        is("IpProtocol", "StringEquals", json!(row.protocol)),
        is(row.member, "StringEquals", json!(row.source)),
    ]
    .concat();
    for (member, port) in [("FromPort", row.from), ("ToPort", row.to)] {
        let same = is(member, "NumericEquals", json!(port));
        if port == -1 {
            all.push(json!({ "Or": [{ "Variable": format!("{rule}.{member}"), "IsPresent": false },
                { "And": same }] }));
        } else {
            all.extend(same);
        }
    }
    json!({ "And": all })
}
