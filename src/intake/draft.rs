//! From a finding as a reader saw it to suspicions: the control is looked up, the resource resolved, and each
//! check assigned to the resource that it judges. The same for every format, so that one call or finding
//! means the same in all of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    mapping::{self, Answer},
    model::{Decision, Effects, Evidence, Item, Policy, Reason, ReportedFinding, Source},
    names::{Named, Raw},
    related,
    tap::Tap,
    text::{LONG, clean, short},
};
use crate::{
    checks,
    finding::Severity,
    resource::{Kind, Owner, ResourceId},
};

/// A finding as a reader saw it. Strings are unchanged.
#[derive(Debug, Clone, Default)]
pub struct Draft<'a> {
    /// The tool.
    pub tool: &'a str,
    /// The format and its version.
    pub format: String,
    /// The framework of the control.
    pub framework: String,
    /// The control.
    pub control: String,
    /// The finding's own id.
    pub finding: &'a str,
    /// Security Hub's product.
    pub product: &'a str,
    /// The severity, in the source's own word.
    pub severity: String,
    /// The time at which the source last saw it.
    pub time: Option<Timestamp>,
    /// The title or message.
    pub title: &'a str,
    /// The resource that it names.
    pub resource: Raw<'a>,
    /// The subset of the mapped checks that applies; `None` for all of them.
    pub only: Option<&'static [&'static str]>,
    /// The caller and the call, for findings about an action.
    pub evidence: Option<Evidence>,
    /// The command by which a person acts on it, where redress plans nothing by itself.
    pub command: Option<String>,
    /// The source's own reason against acting on it.
    pub against: Option<Decision>,
    /// The effects, for events.
    pub effects: Effects,
}

/// The output of a reader: it counts findings and passes them on.
pub struct Out<'s> {
    /// The input's name.
    pub input: &'s str,
    /// The receiver.
    pub sink: &'s mut dyn FnMut(Item),
    /// The number of findings that were read.
    pub read: u64,
    /// The numbers of findings by decision.
    pub counts: BTreeMap<&'static str, u64>,
    /// The account and the region for a source that names neither; no region if more than one was asked for.
    pub home: Option<(&'s Owner, Option<&'s str>)>,
    /// The receiver of whole events, which then become no suspicions.
    pub tap: Option<&'s mut dyn Tap>,
}

/// The word under which an event is counted that went to a [`Tap`].
pub const WHOLE: &str = "event";

impl Out<'_> {
    /// Counts one finding, and passes on nothing but the count.
    pub fn count(&mut self, reason: Reason) {
        self.tally(reason.name());
        (self.sink)(Item::Counted(reason));
    }

    /// Hands an event to the tap, if there is one. Returns whether there is.
    pub fn tapped(&mut self, event: &Value) -> bool {
        let Some(tap) = self.tap.as_deref_mut() else { return false };
        tap.take(event);
        self.tally(WHOLE);
        true
    }

    /// Returns whether the tap is content with the text of an event; `None` without a tap.
    pub fn passes_over(&mut self, text: &[u8]) -> Option<bool> {
        let passed = self.tap.as_deref_mut()?.passes_over(text);
        if passed {
            self.tally(WHOLE);
        }
        Some(passed)
    }

    fn tally(&mut self, word: &'static str) {
        self.read += 1;
        *self.counts.entry(word).or_default() += 1;
    }

    /// Passes on a call that reverts others.
    pub fn takes_back(&mut self, effects: Effects) {
        self.tally(Reason::Passed.name());
        (self.sink)(Item::TakesBack(effects));
    }

    /// Passes on a finding: one suspicion for each resource that its checks judge, or one with the reason
    /// why there is none.
    pub fn found(&mut self, draft: Draft<'_>) {
        for suspicion in draft.suspicions(self.input) {
            self.tally(suspicion.decision.word());
            (self.sink)(Item::Found(Box::new(suspicion), draft.effects.clone()));
        }
    }

    /// Passes on the run of a Cloud Custodian policy, which is no finding.
    pub fn policy(&mut self, policy: Policy) {
        (self.sink)(Item::Policy(policy));
    }
}

impl Draft<'_> {
    fn suspicions(&self, input: &str) -> Vec<ReportedFinding> {
        let named = self.resource.resolve();
        let found: Result<Vec<(ResourceId, Vec<String>)>, Decision> =
            match mapping::answer(&self.framework, &self.control) {
                Answer::None(why) => Err(Decision::no(Reason::UnmappedControl, why)),
                Answer::Checks(names) => {
                    let only = |name: &&&str| self.only.is_none_or(|only| only.contains(*name));
                    placed(
                        &named,
                        &names.iter().filter(only).map(|name| (*name).to_owned()).collect::<Vec<_>>(),
                    )
                }
            };
        match found {
            Ok(places) => places
                .into_iter()
                .map(|(resource, checks)| {
                    self.suspicion(
                        input,
                        Some(resource),
                        checks,
                        self.against.clone().unwrap_or(Decision::Actionable),
                    )
                })
                .collect(),
            // The source's own reason against it is more informative than the fact that redress could not
            // have acted anyway.
            Err(why) => vec![self.suspicion(
                input,
                resource_of(&named),
                Vec::new(),
                self.against.clone().unwrap_or(why),
            )],
        }
    }

    fn suspicion(
        &self,
        input: &str,
        resource: Option<ResourceId>,
        checks: Vec<String>,
        decision: Decision,
    ) -> ReportedFinding {
        let raw = &self.resource;
        let account =
            resource.as_ref().map(ResourceId::account).filter(|a| !a.is_empty()).unwrap_or(raw.account);
        let region = resource.as_ref().map_or(raw.region, |r| r.region());
        let partition = match &resource {
            Some(resource) => resource.partition(),
            None if raw.partition.is_empty() => super::text::partition_of(raw.region),
            None => raw.partition,
        };
        let key = resource.as_ref().map_or(raw.id, |r| r.as_str());
        // Without a check of ours, the control itself distinguishes suspicions.
        let about = if checks.is_empty() {
            vec![format!("{}/{}", self.framework, self.control)]
        } else {
            checks.clone()
        };
        ReportedFinding {
            id: ReportedFinding::make_id(account, region, &about, key),
            named: short(if raw.id.is_empty() { key } else { raw.id }),
            account: short(account),
            partition: short(partition),
            region: short(region),
            severity: severity(&self.severity),
            sources: vec![self.source(input, &decision)],
            checks,
            resource,
            decision,
        }
    }

    fn source(&self, input: &str, decision: &Decision) -> Source {
        let (finding, product) = (clean(self.finding, LONG), clean(self.product, LONG));
        let exact = finding == self.finding && product == self.product;
        Source {
            tool: short(self.tool),
            format: short(&self.format),
            framework: short(&self.framework),
            control: short(&self.control),
            finding,
            product: if exact { product } else { String::new() },
            account: short(self.resource.account),
            severity: short(&self.severity),
            time: self.time,
            input: clean(input, LONG),
            title: clean(self.title, LONG),
            decision: decision.clone(),
            evidence: self.evidence.clone(),
            command: self.command.clone().filter(|_| self.against.is_none()),
        }
    }
}

fn resource_of(named: &Named) -> Option<ResourceId> {
    match named {
        Named::Resource(resource) => Some(resource.clone()),
        Named::Account(owner) => Some(owner.root()),
        Named::Unresolved(_) => None,
    }
}

/// Assigns each check to the resource that it judges.
fn placed(named: &Named, checks: &[String]) -> Result<Vec<(ResourceId, Vec<String>)>, Decision> {
    let on_account: Vec<String> =
        checks.iter().filter(|c| checks::find(c).is_some_and(|c| c.kind.is_of_account())).cloned().collect();
    match named {
        Named::Unresolved(why) => Err(Decision::no(Reason::UnresolvedResource, why)),
        // A stand-in for a trail is the account if a check of the account is asked for, and
        // then all checks apply.
        Named::Account(owner) if !on_account.is_empty() => Ok(vec![(owner.root(), checks.to_vec())]),
        Named::Account(_) => Err(Decision::no(
            Reason::PseudoResource,
            "it names the account or a placeholder, and its check judges single resources",
        )),
        Named::Resource(resource) => {
            let answers = |c: &&String| {
                checks::find(c).is_some_and(|c| {
                    c.kind == resource.kind() || related::stands_for(resource.kind(), c.kind)
                })
            };
            let own: Vec<String> = checks.iter().filter(answers).cloned().collect();
            let mut places = Vec::new();
            if !own.is_empty() {
                places.push((resource.clone(), own));
            }
            // The account of an organization's trail is the one that owns the trail, not the
            // one that was judged.
            if !on_account.is_empty() && resource.kind() == Kind::Trail {
                places.push((resource.owner().root(), on_account));
            }
            if places.is_empty() {
                Err(Decision::no(
                    Reason::UnresolvedResource,
                    format!("its check does not judge a {}", resource.kind().words()),
                ))
            } else {
                Ok(places)
            }
        }
    }
}

/// Reads the severity of any source.
pub fn severity(word: &str) -> Option<Severity> {
    Some(match word.to_ascii_lowercase().as_str() {
        "critical" | "fatal" => Severity::Critical,
        "high" => Severity::High,
        "medium" => Severity::Medium,
        "low" | "informational" | "info" => Severity::Low,
        _ => return None,
    })
}

/// Returns the string at a path of a value; empty if there is none.
pub fn at<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

/// Returns the first of some strings that is not empty.
pub fn first<'v>(texts: &[&'v str]) -> &'v str {
    texts.iter().find(|t| !t.is_empty()).copied().unwrap_or("")
}

/// Reads a time in any common notation: with a zone, without one (taken for UTC), or as seconds or
/// milliseconds since 1970.
pub fn time(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        Value::Number(n) => {
            let n = n.as_i64().or_else(|| n.as_f64().map(|f| f as i64))?;
            // Seconds reach this number in the year 5138; milliseconds passed it in 1973.
            if n.unsigned_abs() > 100_000_000_000 {
                Timestamp::from_millisecond(n).ok()
            } else {
                Timestamp::from_second(n).ok()
            }
        }
        Value::String(text) => time_text(text),
        _ => None,
    }
}

/// Reads a time that is written as text.
pub fn time_text(text: &str) -> Option<Timestamp> {
    if text.len() > 64 {
        return None;
    }
    text.parse().ok().or_else(|| {
        text.parse::<jiff::civil::DateTime>()
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|z| z.timestamp())
    })
}
