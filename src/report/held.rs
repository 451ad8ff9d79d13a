//! The preconditions of a call, in words: the facts that are checked directly before it. Pure.

use serde_json::Value;

use crate::calls::{Act, Expect, Otherwise, Test};

/// Describes in one line the conditions that must hold directly before a call; nothing for a call
/// without preconditions.
pub fn only_if(act: &Act) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for expect in &act.before {
        let line = condition(expect);
        if !all.contains(&line) {
            all.push(line);
        }
    }
    let otherwise = match act.otherwise {
        Otherwise::Stop => "",
        Otherwise::Leave | Otherwise::Alone => "; else it is left out",
    };
    (!all.is_empty()).then(|| format!("only if {}{otherwise}", all.join(", ")))
}

fn condition(expect: &Expect) -> String {
    let id = match &expect.id {
        Value::String(id) => id.clone(),
        _ => "the resource that this change made".to_owned(),
    };
    let member = expect.at.trim_start_matches('/').replace("/0/", " ").replace(['/', '_'], " ");
    let subject = if member.is_empty() { id } else { format!("{member} of {id}") };
    match &expect.test {
        Test::Exists => format!("{subject} exists"),
        Test::Gone => format!("{subject} does not exist"),
        Test::Is(value) => format!("{subject} is {}", said(value)),
        Test::Unlike(_) => format!("{subject} is not as it was"),
        Test::Earlier(then) => format!("{subject} is before {then:.0}"),
        Test::OneOf { good, .. } => {
            format!("{subject} is {}", good.iter().map(said).collect::<Vec<_>>().join(" or "))
        }
        Test::NoneBy(filter) => {
            format!("no {} has the {filter} {subject}", singular(expect))
        }
        Test::OnlyBy { filter, these } => {
            format!("no {} but {} has the {filter} {subject}", singular(expect), these.join(", "))
        }
    }
}

/// Returns the word for one resource of the family.
fn singular(expect: &Expect) -> String {
    expect.family.word().trim_end_matches('s').replace('-', " ")
}

fn said(value: &Value) -> String {
    let refers = |key: &str| value.get(key).is_some();
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        _ if refers("$observed") => "as it was".to_owned(),
        _ if refers("$run") => "this run".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        actions::make,
        calls::{Call, reference},
        inventory::FamilyKind,
    };

    #[test]
    fn preconditions_are_one_line() {
        let is = |at: &str, value: Value| make::is("us-east-1", FamilyKind::Instances, "i-1", at, value);
        let act = make::act(Call::new("ec2", "us-east-1", "DetachVolume", json!({})), Vec::new());
        assert_eq!(only_if(&act), None);
        let held = [
            is("/state", json!("stopped")),
            is("/launch_time", reference::observed("launch_time")),
            is("/tags/redress:run", reference::run()),
        ];
        let said = "only if state of i-1 is stopped, launch time of i-1 is as it was, tags redress:run of \
                    i-1 is this run; else it is left out";
        assert_eq!(only_if(&act.clone().only_if(held.into()).or_leave()).as_deref(), Some(said));
        let unused = Expect::new(
            "us-east-1",
            FamilyKind::NetworkInterfaces,
            "sg-1",
            "",
            Test::NoneBy("group-id".to_owned()),
        );
        let said = "only if no network interface has the group-id sg-1";
        assert_eq!(only_if(&act.only_if(vec![unused])).as_deref(), Some(said));
    }
}
