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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OfCheck {
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

/// The extent of a scan.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'a> {
    /// The checks that were run.
    pub checks: &'a BTreeSet<&'a str>,
    /// The checks and regions that could not be judged.
    pub unjudged: &'a [Unjudged],
    /// The account.
    pub account: &'a str,
    /// The regions.
    pub regions: &'a [String],
}

impl Scanned<'_> {
    /// Checks whether the resource of a waiver would have been found: an ARN may name another account or
    /// region, and a check may not have been run or judged everywhere.
    fn has(&self, waiver: &Waiver) -> bool {
        let mut parts = waiver.resource.splitn(6, ':').skip(3);
        let is_arn = waiver.resource.starts_with("arn:");
        let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let may_be = |part: &str, here: &str| part.is_empty() || glob(part, here);
        let here = !is_arn
            || may_be(account, self.account)
                && (region.is_empty() || self.regions.iter().any(|here| may_be(region, here)));
        here && self.checks.contains(waiver.check.as_str())
            && self.unjudged.iter().all(|one| one.check != waiver.check)
    }
}

impl Waivers {
    /// Sets a violation aside if a waiver matches it on this day. A tag on the resource comes first, and
    /// nothing but a violation is set aside. Returns the waivers that match the resource, by their place.
    fn set_aside(&self, finding: &mut Finding, today: Date) -> BTreeSet<usize> {
        let Some(of) = self.by_check.get(&finding.check) else { return BTreeSet::new() };
        let found = of.matching(&self.all, finding.resource.as_str(), finding.resource.id());
        if matches!(finding.verdict, Verdict::Violates(_)) && finding.suppressed.is_none() {
            let holds = found.iter().map(|at| &self.all[*at]).find(|waiver| waiver.until >= today);
            finding.suppressed = holds.map(Suppressed::from);
        }
        found
    }

    /// Returns a finding as it stands on this day: set aside, if a waiver matches it.
    pub fn applied(&self, mut finding: Finding, today: Date) -> Finding {
        self.set_aside(&mut finding, today);
        finding
    }

    /// Sets aside the violations that a waiver matches on this day. Returns the waivers that set nothing
    /// aside: those that have expired, and those of which a scan would have found the resource and has found
    /// nothing.
    pub fn apply(&self, findings: &mut [Finding], scanned: Scanned<'_>, today: Date) -> Vec<Lapsed> {
        let none = || vec![0; self.all.len()];
        let (mut hits, mut open) = (none(), none());
        let mut unknown: BTreeSet<usize> = BTreeSet::new();
        for finding in findings {
            let found = self.set_aside(finding, today);
            match &finding.verdict {
                Verdict::Violates(_) => {
                    found.iter().for_each(|at| hits[*at] += 1);
                    if finding.suppressed.is_none() {
                        found.iter().for_each(|at| open[*at] += 1);
                    }
                }
                Verdict::Unknown(_) => unknown.extend(found),
                Verdict::Ok(_) | Verdict::Retained(_) => {}
            }
        }
        let lapsed = |(at, waiver): (usize, &Waiver)| {
            let expired = (waiver.until < today).then_some(waiver.until);
            let idle = hits[at] == 0;
            let is_known = || !unknown.contains(&at) && scanned.has(waiver);
            let told = if idle { is_known() } else { expired.is_some() };
            told.then(|| Lapsed {
                check: waiver.check.clone(),
                resource: waiver.resource.clone(),
                place: waiver.place.clone(),
                expired,
                open: open[at],
                idle,
            })
        };
        self.all.iter().enumerate().filter_map(lapsed).collect()
    }
}

impl From<Vec<Waiver>> for Waivers {
    fn from(all: Vec<Waiver>) -> Self {
        let mut by_check: BTreeMap<String, OfCheck> = BTreeMap::new();
        for (at, waiver) in all.iter().enumerate() {
            let of = by_check.entry(waiver.check.clone()).or_default();
            match waiver.resource.contains(['*', '?']) {
                true => of.patterns.push(at),
                false => of.named.entry(waiver.resource.clone()).or_default().push(at),
            }
        }
        Self { all, by_check }
    }
}

impl From<&Waiver> for Suppressed {
    fn from(waiver: &Waiver) -> Self {
        let waived = Waived { who: waiver.who.clone(), until: waiver.until };
        Self { reason: waiver.reason.clone(), waiver: Some(waived) }
    }
}
