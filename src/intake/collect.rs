//! All inputs together: what later events reverted, what concerns another account, and what several tools
//! report of the same resource. Pure over the inputs; nothing is read from any account.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    cloudtrail::effect::exists,
    custodian,
    draft::Out,
    mapping::{self, Answer},
    model::{Decision, Effects, Item, Policy, Reason, Report, ReportedFinding},
    names::{Named, Raw},
    read::read_at,
};
use crate::resource::{Kind, Owner};

/// The maximum number of suspicions that are kept to be acted on; those beyond are counted as incomplete.
pub const MAX_ACTIONABLE: usize = 200_000;
/// The maximum number of suspicions that are kept only to be shown; those beyond are still counted.
pub const MAX_SHOWN: usize = 50_000;

/// The result of reading all inputs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Intake {
    /// Every suspicion once, in the order in which the first of its sources came.
    pub suspicions: Vec<ReportedFinding>,
    /// One for each input, in their order.
    pub reports: Vec<Report>,
    /// The sums.
    pub counts: Counts,
}

/// The numbers of findings, by decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Findings read from all inputs.
    pub read: u64,
    /// The findings by the decision on each alone; the numbers add up to `read`.
    pub decisions: BTreeMap<String, u64>,
    /// Findings that were merged into the suspicion of another one.
    pub merged: u64,
    /// Findings that are counted but not listed as suspicions: reads, events that no check answers, and
    /// findings beyond the bounds. `read` = suspicions + `merged` + `unlisted`.
    pub unlisted: u64,
}

/// Reads all inputs and decides on each finding, for this account and within these regions (all, if none is
/// named). The inputs of one Cloud Custodian policy are matched by their folder.
pub fn collect(inputs: Vec<(String, Box<dyn Read + '_>)>, owner: &Owner, regions: &[String]) -> Intake {
    let only = if let [one] = regions { Some(one.as_str()) } else { None };
    let mut gathered = Gathered::default();
    for (name, input) in inputs {
        let at = gathered.reports.len();
        let report = read_at(&name, input, Some((owner, only)), &mut |item| gathered.take(item, at, &name));
        gathered.reports.push(Report { read: 0, counts: BTreeMap::new(), ..report });
    }
    gathered.matched();
    gathered.find_networks();
    gathered.replay();
    for found in &mut gathered.found {
        found.suspicion.decide(owner, regions);
    }
    gathered.outdate();
    gathered.finish()
}

/// Decides on a suspicion for this account and these regions (all, if none is named). The source's own reason
/// against it stands. Resources elsewhere are never read or changed.
pub fn decide(suspicion: &ReportedFinding, owner: &Owner, regions: &[String]) -> Decision {
    if !suspicion.decision.is_actionable() {
        return suspicion.decision.clone();
    }
    let elsewhere = suspicion.region.is_empty() || regions.is_empty() || regions.contains(&suspicion.region);
    if suspicion.partition != owner.partition {
        Decision::no(Reason::OtherPartition, format!("it is in {}", suspicion.partition))
    } else if suspicion.account != owner.account {
        Decision::no(Reason::OtherAccount, format!("it is in account {}", suspicion.account))
    } else if !elsewhere {
        Decision::no(Reason::OtherRegion, format!("it is in {}", suspicion.region))
    } else {
        Decision::Actionable
    }
}

impl ReportedFinding {
    fn decide(&mut self, owner: &Owner, regions: &[String]) {
        let decision = decide(self, owner, regions);
        self.set(decision);
    }

    /// Sets the decision on a suspicion that has only one source so far.
    fn set(&mut self, decision: Decision) {
        for source in &mut self.sources {
            source.decision = decision.clone();
        }
        self.decision = decision;
    }
}

/// A finding, before findings are merged.
struct Found {
    suspicion: ReportedFinding,
    effects: Effects,
    input: usize,
    /// The position among everything that was read; it breaks ties of time.
    place: u64,
}

#[derive(Default)]
struct Gathered {
    reports: Vec<Report>,
    found: Vec<Found>,
    shown: usize,
    /// Counts of the findings that are not kept, by input and decision.
    counted: BTreeMap<(usize, &'static str), u64>,
    /// The last time at which each thing was closed.
    closed: HashMap<String, (Timestamp, u64)>,
    /// The resource of each flow log, by the log's id.
    learned: HashMap<String, String>,
    policies: HashMap<String, Policy>,
    held: Vec<(usize, String, serde_json::Value)>,
    overfull: bool,
    next: u64,
}

impl Gathered {
    fn take(&mut self, item: Item, input: usize, name: &str) {
        self.next += 1;
        match item {
            Item::Counted(reason) => self.count(input, reason.name()),
            Item::TakesBack(effects) => {
                self.count(input, Reason::Passed.name());
                self.close(&effects, self.next);
            }
            Item::Policy(policy) => {
                self.policies.insert(policy.folder.clone(), policy);
            }
            Item::Matched(value) if self.held.len() < MAX_SHOWN => {
                self.held.push((input, name.to_owned(), *value))
            }
            Item::Matched(_) => self.beyond(input),
            Item::Found(suspicion, effects) => self.keep(*suspicion, effects, input),
        }
    }

    fn keep(&mut self, suspicion: ReportedFinding, effects: Effects, input: usize) {
        self.close(&effects, self.next);
        // The VPC of a flow log may still be learned.
        let open = suspicion.decision.is_actionable() || !effects.place.is_empty();
        let room = if open { self.found.len() - self.shown < MAX_ACTIONABLE } else { self.shown < MAX_SHOWN };
        match (room, open) {
            (true, _) => {
                self.shown += usize::from(!open);
                self.found.push(Found { suspicion, effects, input, place: self.next });
            }
            (false, true) => self.beyond(input),
            (false, false) => self.count(input, suspicion.decision.word()),
        }
    }

    fn beyond(&mut self, input: usize) {
        self.overfull = true;
        self.count(input, Reason::Incomplete.name());
    }

    fn count(&mut self, input: usize, word: &'static str) {
        *self.counted.entry((input, word)).or_default() += 1;
    }

    fn close(&mut self, effects: &Effects, place: u64) {
        let room = self.closed.len() + self.learned.len() < MAX_ACTIONABLE;
        if let Some(when) = effects.when {
            for token in &effects.closes {
                let key = format!("{}/{token}", effects.place);
                if room || self.closed.contains_key(&key) {
                    let last = self.closed.entry(key).or_insert((when, place));
                    *last = (*last).max((when, place));
                }
            }
        }
        if room {
            self.learned.extend(
                effects.learned.iter().map(|(log, on)| (format!("{}/{log}", effects.place), on.clone())),
            );
        }
    }

    /// Reads the resources that Cloud Custodian matched, now that its policies are known.
    fn matched(&mut self) {
        for (input, name, value) in std::mem::take(&mut self.held) {
            let policy = self.policies.get(&custodian::folder(&name)).cloned();
            let mut items = Vec::new();
            let mut sink = |item| items.push(item);
            custodian::resource(
                &value,
                policy.as_ref(),
                &mut Out {
                    input: &name,
                    sink: &mut sink,
                    read: 0,
                    counts: BTreeMap::new(),
                    home: None,
                    tap: None,
                },
            );
            items.into_iter().for_each(|item| self.take(item, input, &name));
        }
    }

    /// Finds the VPCs of deleted flow logs. The deletion does not name them; the creation does, if the
    /// input contains it.
    fn find_networks(&mut self) {
        let Answer::Checks(checks) = mapping::answer("cloudtrail", "ec2:DeleteFlowLogs") else { return };
        let checks: Vec<String> = checks.iter().map(|check| (*check).to_owned()).collect();
        for found in &mut self.found {
            let Found { suspicion, effects, .. } = found;
            let log = suspicion.resource.as_ref().filter(|r| {
                r.kind() == Kind::FlowLog && suspicion.decision.reason() == Some(Reason::UnresolvedResource)
            });
            let Some(on) = log.and_then(|r| self.learned.get(&format!("{}/{}", effects.place, r.id())))
            else {
                continue;
            };
            let raw = Raw {
                id: on,
                kind: "",
                account: &suspicion.account,
                region: &suspicion.region,
                partition: &suspicion.partition,
            };
            let Named::Resource(network) = raw.resolve() else { continue };
            if network.kind() != Kind::Vpc {
                continue;
            }
            effects.opens = vec![vec![format!("flow-logs/{on}"), exists(on)]];
            suspicion.checks = checks.clone();
            suspicion.id =
                ReportedFinding::make_id(&suspicion.account, &suspicion.region, &checks, network.as_str());
            suspicion.resource = Some(network);
            suspicion.set(Decision::Actionable);
        }
    }

    /// Marks as reverted each finding for which everything that was opened was closed later.
    fn replay(&mut self) {
        for found in &mut self.found {
            let Some(when) = found.effects.when else { continue };
            let closed = |token: &String| {
                self.closed
                    .get(&format!("{}/{token}", found.effects.place))
                    .is_some_and(|last| *last > (when, found.place))
            };
            let opens = &found.effects.opens;
            if found.suspicion.decision.is_actionable()
                && !opens.is_empty()
                && opens.iter().all(|names| names.iter().any(closed))
            {
                found.suspicion.set(Decision::no(Reason::RevertedLater, ""));
            }
        }
    }

    /// Marks findings as stale where the same source later reports that the same control passes for
    /// the same resource.
    fn outdate(&mut self) {
        fn key(s: &ReportedFinding) -> Option<(&str, &str, &str, &str, Timestamp)> {
            let source = s.sources.first()?;
            Some((&s.id, &source.tool, &source.framework, &source.control, source.time?))
        }
        let mut well: HashMap<_, Timestamp> = HashMap::new();
        for suspicion in self.found.iter().map(|f| &f.suspicion) {
            if let (Some(Reason::Passed | Reason::Archived), Some((id, tool, framework, control, time))) =
                (suspicion.decision.reason(), key(suspicion))
            {
                let last = well.entry((id, tool, framework, control)).or_insert(time);
                *last = (*last).max(time);
            }
        }
        let outdated = |s: &ReportedFinding| {
            let later = |(id, tool, framework, control, time): (_, _, _, _, Timestamp)| {
                well.get(&(id, tool, framework, control)).is_some_and(|last| *last > time)
            };
            s.decision.is_actionable() && key(s).is_some_and(later)
        };
        let stale: Vec<usize> =
            self.found.iter().enumerate().filter(|(_, f)| outdated(&f.suspicion)).map(|(at, _)| at).collect();
        for at in stale {
            self.found[at].suspicion.set(Decision::no(Reason::Stale, ""));
        }
    }

    fn finish(mut self) -> Intake {
        let mut counts = Counts::default();
        for found in &self.found {
            *self.counted.entry((found.input, found.suspicion.decision.word())).or_default() += 1;
        }
        for ((input, word), n) in &self.counted {
            counts.read += n;
            *counts.decisions.entry((*word).to_owned()).or_default() += n;
            if let Some(report) = self.reports.get_mut(*input) {
                report.read += n;
                *report.counts.entry((*word).to_owned()).or_default() += n;
            }
        }
        if self.overfull
            && let Some(report) = self.reports.last_mut()
        {
            report.incomplete.get_or_insert_with(|| {
                format!("more than {MAX_ACTIONABLE} findings could be acted on, and the rest is not kept")
            });
        }
        counts.unlisted = counts.read - self.found.len() as u64;
        let mut suspicions: Vec<ReportedFinding> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for found in self.found {
            match known.get(&found.suspicion.id).and_then(|at| suspicions.get_mut(*at)) {
                Some(first) => {
                    first.join(found.suspicion);
                    counts.merged += 1;
                }
                None => {
                    known.insert(found.suspicion.id.clone(), suspicions.len());
                    suspicions.push(found.suspicion);
                }
            }
        }
        Intake { suspicions, reports: self.reports, counts }
    }
}

impl ReportedFinding {
    /// Adds the sources of another suspicion. A suppression by a person at any source holds; otherwise one
    /// source that can be acted on is enough, since the account is read before anything is done.
    fn join(&mut self, other: ReportedFinding) {
        let rank = |decision: &Decision| match decision.reason() {
            Some(Reason::Suppressed) => 0,
            None => 1,
            Some(_) => 2,
        };
        if rank(&other.decision) < rank(&self.decision) {
            self.decision = other.decision;
        }
        self.severity = self.severity.max(other.severity);
        self.sources.extend(other.sources);
    }
}
