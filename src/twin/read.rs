//! The twin's answers to a scope: only what is asked, as AWS would, and nothing where the twin itself does
//! not know. It must not change anything, and copies nothing that is not asked for.

use serde_json::json;

use super::{Twin, keys};
use crate::inventory::{
    Cause, CopyTrial, Fact, Family, FamilyKind, ForFamily, Inventory, Reason, Record, Region, Scope,
    SecurityGroupRule, Selector, Stored, Tags, Trail, Want,
};

/// Records that everything was listed, everywhere: a resource that is not in the inventory is not in the
/// account.
pub(super) fn all_is_known(inventory: &mut Inventory) {
    for (region, kind) in &inventory.places() {
        kind.with(WholeFamily { inventory, region });
    }
}

struct WholeFamily<'a> {
    inventory: &'a mut Inventory,
    region: &'a str,
}

impl ForFamily for WholeFamily<'_> {
    type Out = ();
    fn of<T: Stored>(self) {
        T::family_mut(self.inventory, self.region).read(&Selector::All, Fact::Known(()));
    }
}

/// Answers a scope.
pub(super) fn read(twin: &Twin, scope: &Scope) -> Inventory {
    let truth = &twin.truth;
    let mut answer = Inventory::empty(truth.owner.clone(), truth.caller.clone(), twin.now);
    // A read by id returns more detail than a listing, so it comes last.
    let (single, listed): (Vec<&Want>, Vec<&Want>) =
        scope.iter().partition(|w| matches!(w.selector, Selector::Id(_)));
    for want in listed.into_iter().chain(single) {
        one(twin, want, &mut answer);
    }
    answer
}

fn one(twin: &Twin, want: &Want, answer: &mut Inventory) {
    let question = Question { twin, want };
    match want.family {
        FamilyKind::Trails => question.trails(answer),
        FamilyKind::Keys => question.key(answer),
        FamilyKind::Instances => question.instances(answer),
        FamilyKind::SecurityGroups => question.groups(answer),
        FamilyKind::CopyTrials => question.copy_trial(answer),
        FamilyKind::Simulations => question.simulation(answer),
        plain => plain.with(Plain { question, answer }),
    }
}

/// The answer from a family that is read as any other.
struct Plain<'a, 'b> {
    question: Question<'a>,
    answer: &'b mut Inventory,
}

impl ForFamily for Plain<'_, '_> {
    type Out = ();
    fn of<T: Stored>(self) {
        let region = &self.question.want.region;
        self.question
            .answer(T::family(&self.question.twin.truth, region), T::family_mut(self.answer, region));
    }
}

struct Question<'a> {
    twin: &'a Twin,
    want: &'a Want,
}

impl Question<'_> {
    /// Returns the reason why the whole read is denied, if it is.
    fn denied(&self) -> Option<Reason> {
        if self.twin.faults.ended(self.twin.now) {
            return Some(Reason::new(
                Cause::Credentials,
                "RequestExpired: the credentials are not valid, or not any more; log in again",
            ));
        }
        self.twin
            .faults
            .denials(self.want.family, &self.want.region)
            .find(|(member, _)| member.is_none())
            .map(|(_, reason)| reason)
    }

    fn answer<T: Record>(&self, truth: Option<&Family<T>>, answer: &mut Family<T>) {
        if let Some(reason) = self.denied() {
            return self.deny(answer, reason);
        }
        let Some(truth) = truth else { return };
        match &self.want.selector {
            Selector::Id(id) => self.single(id, truth.get(id).map(T::clone), answer),
            listing => self.listing(truth.select(listing), truth, answer),
        }
    }

    fn deny<T: Record>(&self, answer: &mut Family<T>, reason: Reason) {
        match &self.want.selector {
            Selector::Id(id) => {
                answer.items.insert(id.clone(), Fact::Unknown(reason));
            }
            listing => answer.read(listing, Fact::Unknown(reason)),
        }
    }

    /// Answers with one resource by its id. A fact that the twin does not have is left out: it is not read
    /// here either.
    fn single<T: Record>(&self, id: &str, fact: Fact<T>, answer: &mut Family<T>) {
        let fact = if self.twin.is_hidden(self.want.family, id) { Fact::Absent } else { fact };
        if !matches!(fact, Fact::NotRead) {
            answer.items.insert(id.to_owned(), self.withhold(fact));
        }
    }

    fn listing<T: Record>(&self, picked: Fact<Vec<(&str, &T)>>, truth: &Family<T>, answer: &mut Family<T>) {
        let picked = match picked {
            Fact::Known(picked) => picked,
            Fact::NotRead => return,
            Fact::Absent => Vec::new(),
            Fact::Unknown(reason) => return answer.read(&self.want.selector, Fact::Unknown(reason)),
        };
        for (id, item) in picked {
            if !self.twin.is_hidden(self.want.family, id) {
                answer.items.or_insert_with(id, || self.withhold(Fact::Known(item.clone())));
            }
        }
        for (id, fact) in truth.items.unknown() {
            answer.items.or_insert_with(id, || fact.clone());
        }
        answer.read(&self.want.selector, Fact::Known(()));
    }

    /// Removes the members whose reading is denied from the resource.
    fn withhold<T: Record>(&self, fact: Fact<T>) -> Fact<T> {
        let Fact::Known(item) = &fact else { return fact };
        let mut denials = self
            .twin
            .faults
            .denials(self.want.family, &self.want.region)
            .filter_map(|(member, reason)| Some((member?, reason)))
            .peekable();
        if denials.peek().is_none() {
            return fact;
        }
        let mut form = match serde_json::to_value(item) {
            Ok(form) => form,
            Err(e) => return Fact::unknown(e.to_string()),
        };
        for (member, reason) in denials {
            form[member] = json!({ "unknown": reason.to_string() });
        }
        serde_json::from_value(form).map_or_else(|e| Fact::unknown(e.to_string()), Fact::Known)
    }

    /// Answers with instances; some of their attributes are returned only by a read by id.
    fn instances(&self, answer: &mut Inventory) {
        let truth = self.twin.truth.regions.get(&self.want.region).map(|r| &r.instances);
        let mut found = Family::default();
        self.answer(truth, &mut found);
        let by_id = matches!(self.want.selector, Selector::Id(_));
        found.items.change_all(|instance| {
            self.twin.show_lagging(instance);
            if !by_id {
                instance.stop_protection = Fact::NotRead;
                instance.shutdown_behavior = Fact::NotRead;
            }
        });
        let family = &mut answer.region_mut(&self.want.region).instances;
        family.reads.extend(found.reads);
        family.items.extend(found.items);
    }

    /// Answers with security groups. Their listing shows their inbound rules, whoever may list those.
    fn groups(&self, answer: &mut Inventory) {
        let truth = self.twin.truth.regions.get(&self.want.region);
        let mut found = Family::default();
        self.answer(truth.map(|region| &region.security_groups), &mut found);
        found.items.change_all(|group| {
            let rules = truth.map_or(Fact::NotRead, |region| {
                region.security_group_rules.select(&Selector::by("group-id", &group.id))
            });
            group.inbound = rules.map(|rules| {
                rules
                    .into_iter()
                    .filter(|(id, rule)| !rule.is_egress && !self.hides_rule(id))
                    .map(|(_, rule)| shown(rule))
                    .collect()
            });
        });
        let family = &mut answer.region_mut(&self.want.region).security_groups;
        family.reads.extend(found.reads);
        family.items.extend(found.items);
    }

    /// Answers with the trial of a copy. An account that is known whole is asked; of a copy of a user's
    /// account only what was read is known.
    fn copy_trial(&self, answer: &mut Inventory) {
        let truth = self.twin.truth.regions.get(&self.want.region);
        let answer = &mut answer.region_mut(&self.want.region).copy_trials;
        match (&self.want.selector, self.denied(), truth) {
            (Selector::Id(id), None, Some(region)) if region.copy_trials.get(id).is_absent() => {
                let trial = self.twin.copying(region, &self.want.region, id);
                self.single(id, trial.map(|copying| CopyTrial { id: id.clone(), copying }), answer);
            }
            (_, _, region) => self.answer(region.map(|r| &r.copy_trials), answer),
        }
    }

    fn simulation(&self, answer: &mut Inventory) {
        let answer = &mut answer.simulations;
        match (&self.want.selector, self.denied()) {
            (Selector::Id(id), None) => self.single(id, self.twin.simulation(id), answer),
            _ => self.answer(Some(&self.twin.truth.simulations), answer),
        }
    }

    fn hides_rule(&self, id: &str) -> bool {
        self.twin.is_hidden(FamilyKind::SecurityGroupRules, id)
    }

    /// Answers with a key, by its id, its ARN or an alias.
    fn key(&self, answer: &mut Inventory) {
        let truth = self.twin.truth.regions.get(&self.want.region);
        let answer = &mut answer.region_mut(&self.want.region).keys;
        match (&self.want.selector, self.denied(), truth) {
            (_, Some(reason), _) => self.deny(answer, reason),
            (Selector::Id(id), None, Some(region)) => {
                let mut key = keys::find(region, id).map(Clone::clone);
                if let Fact::Known(key) = &mut key {
                    key.id = id.clone();
                }
                self.single(id, key, answer);
            }
            (_, None, region) => self.answer(region.map(|r| &r.keys), answer),
        }
    }

    /// Answers with the trails that are seen from a region: those at home there, and all multi-region ones.
    fn trails(&self, answer: &mut Inventory) {
        let truth = &self.twin.truth.trails;
        let Selector::By(name, region) = &self.want.selector else {
            return self.answer(Some(truth), &mut answer.trails);
        };
        if name != "region" {
            return self.answer(Some(truth), &mut answer.trails);
        }
        if let Some(reason) = self.denied() {
            return self.deny(&mut answer.trails, reason);
        }
        let seen = |trail: &Trail| trail.home_region == *region || trail.is_multi_region;
        let listed = truth
            .select(&self.want.selector)
            .map(|_| truth.known().filter(|(_, trail)| seen(trail)).collect());
        self.listing(listed, truth, &mut answer.trails);
    }
}

/// Returns a rule as the listing of groups shows it.
fn shown(rule: &SecurityGroupRule) -> SecurityGroupRule {
    SecurityGroupRule {
        id: String::new(),
        group_id: String::new(),
        description: None,
        tags: Tags::new(),
        ..rule.clone()
    }
}

/// Lists the wants of a scope that the twin cannot answer, each with the reason.
pub(super) fn missing(twin: &Twin, scope: &Scope) -> Vec<String> {
    scope.iter().filter_map(|want| silence(twin, want).map(|why| format!("{want}: {why}"))).collect()
}

fn silence(twin: &Twin, want: &Want) -> Option<String> {
    let region = twin.truth.regions.get(&want.region);
    match (want.family, &want.selector, region) {
        (FamilyKind::Keys, Selector::Id(id), Some(region)) => {
            keys::find(region, id).silence().map(str::to_owned)
        }
        (FamilyKind::Instances, Selector::Id(id), Some(region)) => {
            quiet(&region.instances, &want.selector).or_else(|| attributes_not_read(region, id))
        }
        (plain, ..) => plain.with(Quiet { twin, want }),
    }
}

/// A search for the reason why the twin cannot answer a want of a family that is read as any other.
struct Quiet<'a> {
    twin: &'a Twin,
    want: &'a Want,
}

impl ForFamily for Quiet<'_> {
    type Out = Option<String>;
    fn of<T: Stored>(self) -> Option<String> {
        match T::family(&self.twin.truth, &self.want.region) {
            Some(family) => quiet(family, &self.want.selector),
            None => Some("not read".to_owned()),
        }
    }
}

fn quiet<T: Record>(family: &Family<T>, selector: &Selector) -> Option<String> {
    match selector {
        Selector::Id(id) => family.get(id).silence().map(str::to_owned),
        listing => family.select(listing).silence().map(str::to_owned),
    }
}

fn attributes_not_read(region: &Region, id: &str) -> Option<String> {
    let instances = region.instances.get(id);
    let instance = instances.known()?;
    let not_read = matches!(instance.stop_protection, Fact::NotRead)
        || matches!(instance.shutdown_behavior, Fact::NotRead);
    not_read.then(|| "stop protection and shutdown behaviour were not read".to_owned())
}
