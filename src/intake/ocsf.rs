//! The Open Cybersecurity Schema (OCSF), as Prowler 3 to 5 and the new Security Hub write it. They use the
//! same classes but put the verdict in different places: each is read where its writer puts it.

use serde_json::Value;

use super::{
    draft::{Draft, Out, at, first, time},
    model::{Decision, Reason},
    names::Raw,
};

/// Returns whether a value is an OCSF finding.
pub fn is(value: &Value) -> bool {
    value.get("class_uid").is_some() && value.pointer("/metadata/product").is_some()
}

/// Reads one finding.
pub fn read(value: &Value, out: &mut Out<'_>) {
    let prowler = at(value, "/metadata/product/name") == "Prowler";
    let (tool, framework, control) = if prowler { prowler_control(value) } else { hub_control(value) };
    let base = Draft {
        tool,
        format: format!("OCSF {}", at(value, "/metadata/version")),
        framework,
        control,
        finding: first(&[
            at(value, "/finding_info/uid"),
            at(value, "/finding/uid"),
            at(value, "/metadata/uid"),
        ]),
        product: at(value, "/metadata/product/uid"),
        severity: at(value, "/severity").to_owned(),
        time: ["time_dt", "time", "event_time"]
            .iter()
            .find_map(|k| time(value.get(*k)))
            .or_else(|| time(value.pointer("/finding_info/modified_time"))),
        title: first(&[at(value, "/message"), at(value, "/status_detail"), at(value, "/finding_info/title")]),
        against: if prowler { prowler_against(value) } else { hub_against(value) },
        ..Draft::default()
    };
    match value.get("resources").and_then(Value::as_array).filter(|l| !l.is_empty()) {
        Some(list) => {
            list.iter().for_each(|r| out.found(Draft { resource: resource(value, r), ..base.clone() }))
        }
        None => out.found(Draft {
            resource: Raw {
                account: at(value, "/cloud/account/uid"),
                region: at(value, "/cloud/region"),
                ..Raw::default()
            },
            ..base
        }),
    }
}

fn resource<'v>(value: &'v Value, resource: &'v Value) -> Raw<'v> {
    Raw {
        id: first(&[at(resource, "/uid"), at(resource, "/name")]),
        kind: at(resource, "/type"),
        account: first(&[at(resource, "/owner/account/uid"), at(value, "/cloud/account/uid")]),
        region: first(&[at(resource, "/region"), at(value, "/cloud/region")]),
        partition: first(&[at(resource, "/cloud_partition"), at(value, "/cloud/cloud_partition")]),
    }
}

fn prowler_control(value: &Value) -> (&'static str, String, String) {
    // Prowler 3 uses the place of the older schema for the part of a product that made the finding.
    let check = first(&[
        at(value, "/metadata/event_code"),
        at(value, "/finding_info/analytic/uid"),
        at(value, "/metadata/product/feature/uid"),
    ]);
    ("Prowler", "prowler".to_owned(), check.to_owned())
}

/// Returns the decision that rules a Prowler finding out, if there is one. `status` is the workflow, although
/// `New` also appears on findings that passed; `status_code` is the verdict. `status_id` is 3 for everything
/// in 4.2, so only the word is used. Prowler 3 has no `status_code`: its `status` is the verdict, `Other` is
/// its WARNING, which means muted, and `Unknown` is for a person to judge.
fn prowler_against(value: &Value) -> Option<Decision> {
    match (at(value, "/status"), at(value, "/status_code")) {
        ("Suppressed", _) | ("Other", "") => {
            Some(Decision::no(Reason::Suppressed, "Prowler's mutelist mutes it"))
        }
        (_, "FAIL") | ("Failure", "") => None,
        (_, "PASS") | ("Success", "") => Some(Decision::no(Reason::Passed, "")),
        (_, "MANUAL" | "INFO") | ("Unknown", "") => {
            Some(Decision::no(Reason::Passed, "it is for a person to judge"))
        }
        (_, other) => Some(Decision::no(Reason::Incomplete, format!("its status is {other:?}"))),
    }
}

fn hub_control(value: &Value) -> (&'static str, String, String) {
    let control = at(value, "/compliance/control");
    let product = at(value, "/metadata/product/name");
    if product == "redress" {
        return ("redress", at(value, "/compliance/standards/0").to_owned(), control.to_owned());
    }
    if !control.is_empty() {
        return ("Security Hub", "security-hub".to_owned(), control.to_owned());
    }
    let types = value.pointer("/finding_info/types").and_then(Value::as_array);
    let last = types.and_then(|l| l.last()).and_then(Value::as_str).unwrap_or("");
    if product.contains("GuardDuty") || last.contains(':') {
        return ("GuardDuty", "guardduty".to_owned(), last.to_owned());
    }
    ("Security Hub", first(&[product, "another product"]).to_owned(), last.to_owned())
}

/// Returns the decision that rules a Security Hub finding out, if there is one. A finding that its activity
/// closes is closed, whatever its status.
fn hub_against(value: &Value) -> Option<Decision> {
    let closed = value.get("activity_id").and_then(Value::as_u64) == Some(3);
    let verdict =
        (at(value, "/compliance/status"), value.pointer("/compliance/status_id").and_then(Value::as_u64));
    Some(match (at(value, "/status"), verdict) {
        ("Suppressed", _) => Decision::no(Reason::Suppressed, "its status is Suppressed"),
        _ if closed => Decision::no(Reason::Archived, "its activity is Close"),
        (word @ ("Resolved" | "Archived" | "Deleted"), _) => {
            Decision::no(Reason::Archived, format!("its status is {word}"))
        }
        (_, ("Fail", _) | ("", Some(3) | None)) => return None,
        (_, (word, _)) => Decision::no(Reason::Passed, format!("its compliance status is {word:?}")),
    })
}
