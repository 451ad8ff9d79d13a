//! Follows an actor through a stream of events, one at a time: events of others are only counted, those of
//! the actor that read are counted by their text alone, and only what they did is read in full. Memory
//! depends on the bounds below and not on the events.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Target,
    capped::{Capped, Outcome},
    document::{
        Counted, Counts, Effect, EffectKind, EffectName, Entry, Failure, Figures, Investigation, Listing,
        Origin, OriginName, Session, SessionName,
    },
    effect::{self, Sides, Thing},
    event::Event,
    kept::Kept,
    timeline::Growing,
};
use crate::intake::{
    Reason, Report, Tap,
    cloudtrail::{
        self,
        wire::{get, list, text as member, unsuccessful, unwrapped},
    },
    draft,
    text::clean,
};

/// The largest number of names in a list of figures.
const MOST_NAMES: usize = 1_000;
/// The largest number of effects, and of sessions.
const MOST_THINGS: usize = 5_000;
/// The largest number of origins.
const MOST_ORIGINS: usize = 100;
/// The longest name that is kept, in characters.
const LONG: usize = 200;
/// The largest number of things that a call in the timeline names.
const NAMED: usize = 5;

/// The calls that give credentials
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html>).
const SESSIONS: &[&str] = &[
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:GetSessionToken",
    "sts:GetFederationToken",
];
/// The calls of others that make an actor.
const BIRTHS: &[&str] = &[
    "iam:CreateUser",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:CreateRole",
    "iam:UpdateAssumeRolePolicy",
    "ec2:RunInstances",
];
/// The sign-in to the console, whose event has the outcome in its answer
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html>).
const SIGN_IN: &str = "signin:ConsoleLogin";

/// A period of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// Its start; events before are left out.
    pub since: Option<Timestamp>,
    /// Its end; events from then on are left out.
    pub until: Option<Timestamp>,
}

impl Period {
    fn has(self, at: Option<Timestamp>) -> bool {
        let Some(at) = at else { return true };
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// The state of following an actor.
#[derive(Debug)]
pub struct Trace {
    target: Target,
    period: Period,
    counts: Counts,
    span: Figures,
    callers: Capped<String>,
    keys: Capped<String>,
    accounts: Capped<String>,
    regions: Capped<String>,
    addresses: Capped<String>,
    agents: Capped<String>,
    calls: Capped<String>,
    failures: Capped<(String, String)>,
    origins: Capped<OriginName>,
    sessions: Capped<SessionName>,
    effects: Capped<EffectName>,
    timeline: Growing,
    /// The events of a session that has the instance's name, without a sign that EC2 delivered its
    /// credentials.
    named_alike: u64,
    /// The sessions whose credentials EC2 delivered, each with an address from which they were used.
    delivered: Capped<(String, String)>,
    /// The network interfaces of the instance, as the event has them that started it.
    interfaces: Vec<String>,
    /// The events that our own checks can answer.
    pub kept: Kept,
}

impl Trace {
    /// Begins to follow an actor.
    pub fn new(target: Target, period: Period) -> Self {
        let names = || Capped::new(MOST_NAMES);
        Self {
            target,
            period,
            counts: Counts::default(),
            span: Figures::default(),
            callers: names(),
            keys: names(),
            accounts: names(),
            regions: names(),
            addresses: names(),
            agents: names(),
            calls: names(),
            failures: Capped::new(MOST_NAMES),
            origins: Capped::new(MOST_ORIGINS),
            sessions: Capped::new(MOST_THINGS),
            effects: Capped::new(MOST_THINGS),
            timeline: Growing::default(),
            named_alike: 0,
            delivered: Capped::new(MOST_ORIGINS),
            interfaces: Vec::new(),
            kept: Kept::default(),
        }
    }

    /// Returns the network interfaces of the instance that events name.
    pub fn interfaces(&self) -> &[String] {
        &self.interfaces
    }

    /// Counts an event. Returns whether it is one of the actor's, within the period.
    fn is_own(&mut self, event: &Event<'_>) -> bool {
        self.counts.read += 1;
        let acts = self.target.acts(event);
        let within = acts && self.period.has(event.at());
        match (acts, within) {
            (false, _) => self.counts.others += 1,
            (true, false) => self.counts.outside += 1,
            (true, true) => self.counts.matched += 1,
        }
        within
    }

    /// Counts what an event of the actor shows without its parameters.
    fn count(&mut self, event: &Event<'_>, code: &str) {
        let (at, who, call) = (event.at(), event.who(), event.call());
        let outcome = outcome(code);
        let changes = !event.only_reads();
        self.counts.untimed += u64::from(at.is_none());
        match outcome {
            Outcome::Done if changes => self.counts.changes += 1,
            Outcome::Done => self.counts.reads += 1,
            _ => self.counts.failed += 1,
        }
        self.counts.denied += u64::from(outcome == Outcome::Denied);
        self.span.add(at, outcome);
        match (&self.target, who.is_delivered()) {
            (_, true) => {
                let names = [who.session(), event.from()].map(|text| clean(text, LONG));
                self.delivered.add(names.into(), at, outcome);
            }
            (Target::Instance(_), false) => self.named_alike += 1,
            _ => {}
        }
        let named = |into: &mut Capped<String>, text: &str| {
            if !text.is_empty() {
                into.add(clean(text, LONG), at, outcome);
            }
        };
        named(&mut self.callers, &who.words());
        named(&mut self.keys, who.key());
        named(&mut self.accounts, event.account());
        named(&mut self.regions, event.region());
        named(&mut self.addresses, event.from());
        named(&mut self.agents, event.agent());
        named(&mut self.calls, &call);
        if outcome != Outcome::Done {
            self.failures.add((clean(&call, LONG), clean(code, LONG)), at, outcome);
        }
        if let Some(at) = at {
            self.timeline.count(at, outcome, changes);
        }
    }

    /// Notes what a call of the actor did, and its place in the timeline.
    fn note(&mut self, event: &Event<'_>, code: &str, things: &[Thing], given: Option<&SessionName>) {
        let (at, call) = (event.at(), clean(&event.call(), LONG));
        let [region, account] = [event.region(), event.account()].map(|text| clean(text, LONG));
        for thing in things {
            let name = EffectName {
                kind: thing.kind,
                call: call.clone(),
                what: thing.what.clone(),
                resource: thing.resource.clone(),
                detail: thing.detail.clone(),
                region: region.clone(),
                account: account.clone(),
            };
            self.effects.add(name, at, Outcome::Done);
        }
        // CloudTrail takes the calls that give a session for such that only read.
        if event.only_reads() && things.is_empty() && given.is_none() {
            return;
        }
        let Some(at) = at else { return };
        let mut kinds: Vec<EffectKind> = things.iter().map(|thing| thing.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let words = |thing: &Thing| [thing.what.as_str(), &thing.resource].join(" ").trim().to_owned();
        let of_session = |given: &SessionName| match given.role.as_str() {
            "" => "session of its own".to_owned(),
            role => format!("session of {role}"),
        };
        self.timeline.keep(Entry {
            at,
            call,
            code: clean(code, LONG),
            kinds,
            resources: things.iter().take(NAMED).map(words).chain(given.map(of_session)).collect(),
            region,
            from: clean(event.from(), LONG),
            by: clean(&event.who().words(), LONG),
        });
    }

    /// Reads an event of the actor in full.
    fn own(&mut self, event: &Event<'_>, value: &Value) {
        let (call, exact) = (event.call(), event.exact_call());
        let sides = sides(event, value);
        let code = code(event, sides, &call);
        self.count(event, &code);
        let done = code.is_empty();
        let things = if done { effect::things(&call, &exact, sides) } else { Vec::new() };
        let given = (done && SESSIONS.contains(&call.as_str())).then(|| session(&call, sides));
        self.note(event, &code, &things, given.as_ref());
        if let Some(given) = given {
            self.sessions.add(given, event.at(), Outcome::Done);
        }
        if done && cloudtrail::is_known(&exact) {
            self.kept.keep(value);
        }
    }

    /// Notes a call of anybody that made the actor or gave it its credentials.
    fn origin(&mut self, event: &Event<'_>, value: &Value) {
        let call = event.call();
        let is_one = SESSIONS.contains(&call.as_str()) || BIRTHS.contains(&call.as_str());
        let sides = sides(event, value);
        if !is_one
            || !code(event, sides, &call).is_empty()
            || !self.target.comes_of(&call, sides, event.account())
        {
            return;
        }
        if let Target::Instance(id) = &self.target {
            self.interfaces = interfaces(id, sides.response);
        }
        let name = OriginName {
            call,
            by: clean(&event.who().words(), LONG),
            key: clean(event.who().key(), LONG),
            from: clean(event.from(), LONG),
        };
        self.origins.add(name, event.at(), Outcome::Done);
    }

    /// Ends, with the reports on the inputs.
    pub fn done(self, inputs: Vec<Report>) -> Investigation {
        let mut notes = self.notes();
        notes.extend(used_from(self.delivered));
        let unread = |report: &Report| report.counts.get(Reason::Incomplete.name()).copied().unwrap_or(0);
        let unread: u64 = inputs.iter().map(unread).sum();
        let mut counts = self.counts;
        counts.read += unread;
        counts.unreadable += unread;
        let listed = |capped: Capped<String>| Listing::of(capped.most_first(), Counted::from);
        Investigation {
            target: self.target,
            since: self.period.since,
            until: self.period.until,
            inputs,
            counts,
            first: self.span.first,
            last: self.span.last,
            callers: listed(self.callers),
            keys: listed(self.keys),
            accounts: listed(self.accounts),
            regions: listed(self.regions),
            addresses: listed(self.addresses),
            agents: listed(self.agents),
            calls: listed(self.calls),
            failures: Listing::of(self.failures.most_first(), |((call, code), figures)| Failure {
                call,
                code,
                figures,
            }),
            origins: Listing::of(self.origins.in_time(), |(name, figures)| Origin { name, figures }),
            sessions: Listing::of(self.sessions.in_time(), |(name, figures)| Session { name, figures }),
            effects: Listing::of(self.effects.in_time(), |(name, figures)| Effect { name, figures }),
            timeline: self.timeline.done(),
            notes,
        }
    }

    /// Returns what the events cannot show.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let many = self.accounts.len();
        if many > 1
            && matches!(&self.target, Target::User(named) | Target::Role(named) if named.arn.is_none())
        {
            notes.push(format!(
                "the name occurs in {many} accounts, and they may be different people: give the ARN"
            ));
        }
        if self.named_alike > 0 {
            notes.push(format!(
                "{} events are of sessions that bear the name of the instance, without a sign that EC2 \
                 delivered their credentials: whoever assumes a role chooses that name",
                self.named_alike
            ));
        }
        if self.counts.untimed > 0 {
            notes.push(format!(
                "{} events of the actor have no time: they are counted, and not in the timeline",
                self.counts.untimed
            ));
        }
        notes
    }
}

/// Returns the note on credentials that EC2 delivered: used from elsewhere, they were taken from the
/// instance.
fn used_from(delivered: Capped<(String, String)>) -> Option<String> {
    let (all, _) = delivered.most_first();
    let named = |((session, from), figures): &((String, String), Figures)| {
        format!("{session} from {from} ({})", figures.events)
    };
    let shown: Vec<String> = all.iter().take(NAMED).map(named).collect();
    let more = all.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!shown.is_empty()).then(|| {
        format!(
            "EC2 delivered credentials to instances, and they were used by {}{more}: an address that is not \
             of the instance or of its NAT gateway shows that they were taken",
            shown.join(", ")
        )
    })
}

impl Tap for Trace {
    fn passes_over(&mut self, text: &[u8]) -> bool {
        let Some(event) = Event::of_text(text) else { return false };
        let call = event.call();
        let is_birth = SESSIONS.contains(&call.as_str()) || BIRTHS.contains(&call.as_str());
        let acts = self.target.acts(&event);
        if is_birth || acts && matters(&event, &call) {
            return false;
        }
        if self.is_own(&event) {
            let code = event.error().to_owned();
            self.count(&event, &code);
            self.note(&event, &code, &[], None);
        }
        true
    }

    fn take(&mut self, value: &Value) {
        let Some(event) = Event::of_value(value) else {
            self.counts.read += 1;
            self.counts.unreadable += 1;
            return;
        };
        self.origin(&event, value);
        if self.is_own(&event) {
            self.own(&event, value);
        }
    }
}

/// Returns whether the parameters of an event matter.
fn matters(event: &Event<'_>, call: &str) -> bool {
    call == SIGN_IN || event.error().is_empty() && effect::is_of_interest(call, &event.exact_call())
}

fn sides<'v>(event: &Event<'_>, value: &'v Value) -> Sides<'v> {
    Sides {
        request: unwrapped(value.get("requestParameters"), event.name(), "Request"),
        response: unwrapped(value.get("responseElements"), event.name(), "Response"),
    }
}

/// Returns the error code of a call, empty where it succeeded. Some calls fail without one.
fn code(event: &Event<'_>, sides: Sides<'_>, call: &str) -> String {
    match event.error() {
        "" if call == SIGN_IN && member(sides.response, "consoleLogin") == "Failure" => "Failure".to_owned(),
        "" if unsuccessful(sides.response) => "Unsuccessful".to_owned(),
        code => code.to_owned(),
    }
}

/// Returns the outcome by an error code. Services have words of their own for what is not allowed.
fn outcome(code: &str) -> Outcome {
    const DENIED: [&str; 8] = [
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthorizationError",
        "AuthorizationErrorException",
        "UnauthorizedException",
        "NotAuthorized",
        "UnauthorizedAccess",
    ];
    match code.rsplit(['.', '#']).next() {
        None | Some("") => Outcome::Done,
        Some(last) if DENIED.contains(&last) => Outcome::Denied,
        Some(_) => Outcome::Failed,
    }
}

/// Returns the session that a call gave.
fn session(call: &str, sides: Sides<'_>) -> SessionName {
    let Sides { request, response } = sides;
    let of = |parent: &Value, name: &str, key: &str| {
        get(parent, name).map_or_else(String::new, |inner| clean(member(inner, key), LONG))
    };
    let arn = draft::first(&[
        get(response, "assumedRoleUser").map_or("", |user| member(user, "arn")),
        get(response, "federatedUser").map_or("", |user| member(user, "arn")),
    ]);
    let asked = draft::first(&[member(request, "roleSessionName"), member(request, "name")]);
    let named = arn.rsplit_once('/').map_or("", |(_, session)| session);
    SessionName {
        call: call.to_owned(),
        role: clean(draft::first(&[member(request, "roleArn"), member(request, "targetPrincipal")]), LONG),
        session: clean(draft::first(&[asked, named]), LONG),
        key: of(response, "credentials", "accessKeyId"),
    }
}

impl Target {
    /// Returns whether a call made this actor or gave it its credentials.
    fn comes_of(&self, call: &str, sides: Sides<'_>, account: &str) -> bool {
        let Sides { request, response } = sides;
        let gave = |parent: &str, key: &str| {
            get(response, parent).is_some_and(|inner| member(inner, "accessKeyId") == key)
        };
        match self {
            Self::AccessKey(key) => gave("accessKey", key) || gave("credentials", key),
            Self::User(user) => {
                call.starts_with("iam:") && user.is_named(member(request, "userName"), account)
            }
            Self::Role(role) => {
                let named = [member(request, "roleArn"), member(request, "roleName")];
                named.into_iter().any(|name| role.is_named(name, account))
            }
            Self::Instance(id) => started(response).any(|instance| member(instance, "instanceId") == id),
            Self::Address(_) => false,
        }
    }
}

/// Returns the instances that a call started.
fn started(response: &Value) -> impl Iterator<Item = &Value> {
    list(get(response, "instancesSet")).into_iter()
}

/// Returns the network interfaces that an instance was started with.
fn interfaces(id: &str, response: &Value) -> Vec<String> {
    let own = started(response).filter(|instance| member(instance, "instanceId") == id);
    let all = own.flat_map(|instance| list(get(instance, "networkInterfaceSet")));
    let named = all.map(|interface| member(interface, "networkInterfaceId"));
    named.filter(|eni| crate::intake::text::is_ec2_id(eni, "eni")).map(str::to_owned).collect()
}
