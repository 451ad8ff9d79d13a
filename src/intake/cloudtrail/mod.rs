//! CloudTrail events: from a call to the resources that it touched. A call that failed, that only read, or
//! that redress itself made yields nothing. Neither does a call whose parameters are missing, since missing
//! parameters are not empty ones.

pub mod balancers;
pub mod columns;
pub mod effect;
mod identities;
pub mod rules;
mod sharing;
pub mod table;
pub mod who;
pub mod wire;

use std::borrow::Cow;

use effect::{Did, Target};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{
    draft::{Draft, Out, at, first, time},
    mapping,
    model::{Decision, Effects, Reason},
    names::Raw,
};
use crate::inventory::tag;

/// Returns whether a value is a CloudTrail event.
pub fn is(value: &Value) -> bool {
    value.get("eventName").is_some() && value.get("eventSource").is_some()
}

/// Returns a call as `ec2:CreateVpc`, from `ec2.amazonaws.com` and `CreateVpc`. The same name can mean
/// different things in different services.
pub fn call(source: &str, name: &str) -> String {
    format!("{}:{name}", source.split('.').next().unwrap_or(source))
}

/// Returns whether a call is of interest beyond being counted: a check answers it, or it closes what others
/// have opened.
pub fn is_known(call: &str) -> bool {
    table::extract(call).is_some() || mapping::is_listed("cloudtrail", call)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Skim<'a> {
    #[serde(borrow)]
    event_source: Cow<'a, str>,
    #[serde(borrow)]
    event_name: Cow<'a, str>,
    #[serde(default)]
    error_code: Option<Value>,
    #[serde(default)]
    read_only: Option<Value>,
    /// A member that only notifications of files have.
    #[serde(default)]
    s3: Option<IgnoredAny>,
}

/// Reads only as much of an event as is needed to see that it is merely counted, as nearly all events of a
/// log are. Returns the reason under which it is counted, or `None` if it must be read in full.
pub fn skim(text: &[u8]) -> Option<Reason> {
    let event: Skim<'_> = serde_json::from_slice(text).ok()?;
    if event.s3.is_some() {
        return None;
    }
    let call = call(&event.event_source, &event.event_name);
    (!is_known(&call))
        .then(|| uncared_for(event.error_code.as_ref(), event.read_only.as_ref(), &event.event_name))
}

fn uncared_for(error: Option<&Value>, read_only: Option<&Value>, name: &str) -> Reason {
    if failed(error) {
        Reason::FailedCall
    } else if only_reads(read_only, name) {
        Reason::ReadOnly
    } else {
        Reason::UnmappedControl
    }
}

/// Returns whether a call only read: as its event has it, or else by the verb of its name.
pub fn only_reads(read_only: Option<&Value>, name: &str) -> bool {
    let verb = ["Get", "List", "Describe", "Head", "Lookup", "BatchGet", "Search", "Filter"];
    wire::truth(read_only).unwrap_or_else(|| verb.iter().any(|v| name.starts_with(v)))
}

/// Returns whether an event has an error code. A code that is null or empty is none.
pub fn failed(error: Option<&Value>) -> bool {
    !matches!(error, None | Some(Value::Null)) && error.and_then(Value::as_str) != Some("")
}

/// Reads an event.
pub fn read(event: &Value, format: &str, out: &mut Out<'_>) {
    if out.tapped(event) {
        return;
    }
    let call = call(at(event, "/eventSource"), at(event, "/eventName"));
    if !is_known(&call) {
        return out.count(uncared_for(
            event.get("errorCode"),
            event.get("readOnly"),
            at(event, "/eventName"),
        ));
    }
    let request = wire::unwrapped(event.get("requestParameters"), at(event, "/eventName"), "Request");
    let response = wire::unwrapped(event.get("responseElements"), at(event, "/eventName"), "Response");
    let scene = Scene { event, call: &call, format };
    let did = table::extract(&call).map(|extract| extract(request, response));
    match (against(event, request, response), did) {
        (Some(against), _) => scene.tell(
            out,
            &Target { id: at(event, "/resources/0/ARN").to_owned(), ..Target::default() },
            Effects::default(),
            Some(against),
        ),
        (None, None) => scene.tell(
            out,
            &Target { id: at(event, "/resources/0/ARN").to_owned(), ..Target::default() },
            Effects::default(),
            None,
        ),
        (None, Some(Did::Missing(why))) => scene.tell(
            out,
            &Target::default(),
            Effects::default(),
            Some(Decision::no(Reason::Incomplete, why)),
        ),
        (None, Some(Did::Harmless(_, closes, learned))) => {
            out.takes_back(Effects { closes, learned, ..scene.effects() })
        }
        (None, Some(Did::Touched(targets, mut closes))) => {
            for target in &targets {
                let effects = Effects {
                    opens: target.opens.clone(),
                    closes: std::mem::take(&mut closes),
                    ..scene.effects()
                };
                scene.tell(out, target, effects, None);
            }
        }
    }
}

/// An event with its call and its format.
struct Scene<'v> {
    event: &'v Value,
    call: &'v str,
    format: &'v str,
}

impl Scene<'_> {
    /// Returns the account that owns the resources that were touched, which may differ from the caller's.
    fn account(&self) -> &str {
        first(&[at(self.event, "/recipientAccountId"), at(self.event, "/userIdentity/accountId")])
    }

    fn effects(&self) -> Effects {
        let place = format!("{}/{}", self.account(), at(self.event, "/awsRegion"));
        Effects {
            when: time(self.event.get("eventTime")),
            place: super::text::short(&place),
            ..Effects::default()
        }
    }

    fn tell(&self, out: &mut Out<'_>, target: &Target, effects: Effects, against: Option<Decision>) {
        let evidence = who::evidence(self.event, self.call);
        let title = evidence.summary();
        out.found(Draft {
            tool: "CloudTrail",
            format: format!("{} {}", self.format, at(self.event, "/eventVersion")),
            framework: "cloudtrail".to_owned(),
            control: self.call.to_owned(),
            finding: at(self.event, "/eventID"),
            time: time(self.event.get("eventTime")),
            title: &title,
            resource: Raw {
                id: &target.id,
                kind: target.kind,
                account: self.account(),
                region: at(self.event, "/awsRegion"),
                partition: "",
            },
            only: target.only,
            evidence: Some(evidence),
            against,
            effects,
            ..Draft::default()
        });
    }
}

/// Returns the decision that rules an event out, if there is one.
fn against(event: &Value, request: &Value, response: &Value) -> Option<Decision> {
    let no = |reason, detail: &str| Some(Decision::no(reason, detail));
    if failed(event.get("errorCode")) {
        return no(Reason::FailedCall, at(event, "/errorCode"));
    }
    if wire::unsuccessful(response) {
        return no(Reason::FailedCall, "the response lists what did not succeed");
    }
    if wire::truth(wire::get(request, "dryRun")) == Some(true) {
        return no(Reason::FailedCall, "a dry run");
    }
    if wire::truth(event.get("readOnly")) == Some(true) {
        return no(Reason::ReadOnly, "");
    }
    if !matches!(at(event, "/eventType"), "" | "AwsApiCall" | "AwsConsoleAction") {
        return no(Reason::UnmappedControl, "it is no API call");
    }
    if is_own(event, request) {
        return no(Reason::OwnChange, "");
    }
    let omitted = |value: &Value| wire::truth(value.get("omitted")) == Some(true);
    if omitted(request) || omitted(response) || request.as_str() == Some("null") {
        return no(Reason::Incomplete, "CloudTrail left its parameters out");
    }
    None
}

/// Returns whether redress itself made a call: its calls carry its name as their user agent, and the
/// resources that it creates carry its tags.
fn is_own(event: &Value, request: &Value) -> bool {
    let named = |word: &str| {
        word.strip_prefix("lib/")
            .unwrap_or(word)
            .strip_prefix(tag::AGENT)
            .is_some_and(|version| version.starts_with('/'))
    };
    // Some services put the agent into brackets.
    if at(event, "/userAgent").split([' ', '[', ']']).any(named) {
        return true;
    }
    let specifications = wire::list(
        wire::get(request, "tagSpecificationSet").or_else(|| wire::get(request, "tagSpecification")),
    );
    let tags = specifications
        .into_iter()
        .flat_map(|s| wire::list(wire::get(s, "tags").or_else(|| wire::get(s, "tag"))));
    tags.into_iter().any(|tag| wire::text(tag, "key") == tag::RUN)
}
