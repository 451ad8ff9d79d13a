//! Waivers and the findings of a scan: which of them are set aside, and which waivers no longer hold.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Waiver, Waivers};
use crate::{
    checks::{Unjudged, patterns::glob},
    finding::{Finding, Suppressed, Verdict, Waived},
};

/// A waiver that sets nothing aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapsed {
    /// The id of the check.
    pub check: String,
    /// The pattern of the resource.
    pub resource: String,
    /// The place of the waiver, as `file:line`.
    pub place: String,
    /// The last day on which it held, if that has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<Date>,
    /// The number of violations that it matches and that are open.
    pub open: usize,
    /// `true` if it matches no violation at all.
    pub idle: bool,
}

impl fmt::Display for Lapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, resource, place, .. } = self;
        let of = format!("{place}: the waiver of {check} for {resource}");
        match (self.expired, self.open) {
            (Some(day), 0) if self.idle => write!(f, "{of} expired on {day} and matches nothing: delete it"),
            (Some(day), 0) => {
                write!(f, "{of} expired on {day}, and all that it matches is set aside otherwise: delete it")
            }
            (Some(day), 1) => write!(f, "{of} expired on {day}: its finding is open again"),
            (Some(day), n) => write!(f, "{of} expired on {day}: its {n} findings are open again"),
            (None, _) => write!(
                f,
                "{of} matches no finding in what was scanned: delete it if its resource was fixed or is gone"
            ),
        }
    }
}

/// The waivers of one check: those that name a resource whole are looked up, the others are patterns.
#[derive(Default)]
struct OfCheck {
    named: HashMap<String, Vec<usize>>,
    patterns: Vec<usize>,
}

impl OfCheck {
    /// Returns the waivers that match a resource, in the order of the file.
    fn matching(&self, all: &[Waiver], arn: &str, id: &str) -> BTreeSet<usize> {
        let named = [arn, id].into_iter().filter_map(|name| self.named.get(name)).flatten().copied();
        let fits = |at: &&usize| [arn, id].iter().any(|name| glob(&all[**at].resource, name));
        named.chain(self.patterns.iter().filter(fits).copied()).collect()
    }
}

impl Waivers {
    /// Sets aside the violations that a waiver matches on this day. Returns the waivers that set nothing
    /// aside: those that have expired, and those of checks that were run and judged everywhere and found
    /// nothing for them. A tag on the resource comes first, and nothing but a violation is set aside.
    pub fn apply(
        &self,
        findings: &mut [Finding],
        run: &BTreeSet<&str>,
        unjudged: &[Unjudged],
        today: Date,
    ) -> Vec<Lapsed> {
        let Self(all) = self;
        let by_check = self.by_check();
        let (mut hits, mut open) = (vec![0; all.len()], vec![0; all.len()]);
        let mut unknown: BTreeSet<usize> = BTreeSet::new();
        for finding in findings {
            let Some(of) = by_check.get(finding.check.as_str()) else { continue };
            let found = of.matching(all, finding.resource.as_str(), finding.resource.id());
            match &finding.verdict {
                Verdict::Violates(_) => {
                    found.iter().for_each(|at| hits[*at] += 1);
                    let holds = found.iter().map(|at| &all[*at]).find(|waiver| waiver.until >= today);
                    if let (Some(waiver), None) = (holds, &finding.suppressed) {
                        finding.suppressed = Some(waiver.into());
                    }
                    if finding.suppressed.is_none() {
                        found.iter().for_each(|at| open[*at] += 1);
                    }
                }
                Verdict::Unknown(_) => unknown.extend(found),
                Verdict::Ok(_) | Verdict::Retained(_) => {}
            }
        }
        let blind: BTreeSet<&str> = unjudged.iter().map(|one| one.check.as_str()).collect();
        let lapsed = |(at, waiver): (usize, &Waiver)| {
            let expired = (waiver.until < today).then_some(waiver.until);
            let is_known = !unknown.contains(&at) && !blind.contains(waiver.check.as_str());
            let found = expired.is_some() || hits[at] == 0 && is_known;
            (found && run.contains(waiver.check.as_str())).then(|| Lapsed {
                check: waiver.check.clone(),
                resource: waiver.resource.clone(),
                place: waiver.place.clone(),
                expired,
                open: open[at],
                idle: hits[at] == 0,
            })
        };
        all.iter().enumerate().filter_map(lapsed).collect()
    }

    fn by_check(&self) -> BTreeMap<&str, OfCheck> {
        let mut by_check: BTreeMap<&str, OfCheck> = BTreeMap::new();
        for (at, waiver) in self.0.iter().enumerate() {
            let of = by_check.entry(&waiver.check).or_default();
            match waiver.resource.contains(['*', '?']) {
                true => of.patterns.push(at),
                false => of.named.entry(waiver.resource.clone()).or_default().push(at),
            }
        }
        by_check
    }
}

impl From<&Waiver> for Suppressed {
    fn from(waiver: &Waiver) -> Self {
        let waived = Waived { who: waiver.who.clone(), until: waiver.until };
        Self { reason: waiver.reason.clone(), waiver: Some(waived) }
    }
}
