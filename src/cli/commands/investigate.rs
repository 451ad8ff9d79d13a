//! `redress investigate`: what an access key, a role, a user, an instance or an address did, what our own
//! checks find now in what it made and loosened, and which playbooks answer. Changes nothing.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::{
    cli::shared::{
        account::OpenAccount,
        args::{Evidence, Format, SafetyLimits, Whom},
        exit::Exit,
        fail::Fail,
        files,
        findings::{EVENTS, listed},
        lookup, planning,
        planning::Planned,
        render,
        session::{Chosen, Session},
        trace::Followed,
        when::Moment,
    },
    engine::gather::afresh,
    evidence::{Interface, Seen, SeenTraffic, Side},
    finding::Verdict,
    intake,
    inventory::{FamilyKind, Inventory, Want},
    investigate::{Investigation, Period, Target, Trace},
    plan::evidence::interface,
    playbook::sets,
    report::{investigation::Investigated, safe},
};

/// The part of the event history that is looked up where no start is given.
const USUAL: SignedDuration = SignedDuration::from_hours(24);
/// The largest number of inputs that the next commands name again.
const MOST_INPUTS: usize = 3;

/// Follows the actor, judges what it left, and shows both.
///
/// # Errors
/// When the input is bad, the account cannot be opened where the events are asked of it, or the file cannot
/// be written.
pub async fn run(session: &Session, whom: &Whom, asked: &Evidence) -> Result<Exit, Fail> {
    let target = target(whom)?;
    let (logs, chosen) = (flow_logs(session, &target, asked)?, session.chosen()?);
    if !matches!(session.common.format, Format::Text | Format::Json | Format::Html) {
        return Err(render::no_investigation(session.common.format));
    }
    let files = listed(&asked.cloudtrail, "--cloudtrail", EVENTS)?;
    let mut door = Door { session, offline: asked.offline, open: None, closed: None };
    let period = period(asked, Timestamp::now())?;
    let followed = if files.is_empty() {
        let since = asked.since.unwrap_or(Moment::Ago(USUAL));
        let period = lookup::Period::of(since, asked.until, Timestamp::now())?;
        let open = door.open.insert(session.open().await?);
        session.follow_in_history(open, target.clone(), period).await?
    } else {
        session.follow_in_files(files, target.clone(), period).await?
    };
    let partial = followed.is_partial();
    let Followed { trace, inputs, notes } = followed;
    let seen = match (logs.is_empty(), side(&target, &trace, asked, &mut door).await) {
        (true, _) => None,
        (false, side) => {
            let seen = Seen::new(side?, period.since, period.until);
            Some(session.traffic(logs, seen).await?)
        }
    };
    let (found, is_known) = (trace.kept.document(), !trace.kept.is_empty());
    let judged = match is_known {
        true => judge(session, &mut door, &target, &found, chosen).await?,
        false => None,
    };
    let mut investigation = trace.done(inputs);
    investigation.notes.extend(notes);
    let partial = partial || investigation.counts.unreadable > 0;
    Shown { session, asked, investigation, seen, judged, door, is_known }.show(&found, partial)
}

/// The account, which is opened where it is needed.
struct Door<'s> {
    session: &'s Session,
    offline: bool,
    open: Option<OpenAccount>,
    /// The reason why it could not be opened.
    closed: Option<String>,
}

impl Door<'_> {
    /// Opens the account, unless that was ruled out or has failed already.
    async fn opened(&mut self) -> Option<&OpenAccount> {
        if self.open.is_none() && !self.offline && self.closed.is_none() {
            match self.session.open().await {
                Ok(open) => self.open = Some(open),
                Err(fail) => {
                    self.session.out.always(&safe::text(&format!("warning: not judged: {}", fail.what)));
                    self.closed = Some(fail.what);
                }
            }
        }
        self.open.as_ref()
    }
}

/// Reads the actor that was named.
fn target(whom: &Whom) -> Result<Target, Fail> {
    type Reads = fn(&str) -> Result<Target, String>;
    let given: [(&str, &Option<String>, Reads); 5] = [
        ("--access-key", &whom.access_key, Target::access_key),
        ("--role", &whom.role, Target::role),
        ("--user", &whom.user, Target::user),
        ("--instance", &whom.instance, Target::instance),
        ("--address", &whom.address, Target::address),
    ];
    let named = given.into_iter().find_map(|(flag, text, read)| Some((flag, text.as_ref()?, read)));
    let Some((flag, text, read)) = named else { return Err(Fail::usage("nobody is named to follow")) };
    read(text)
        .map_err(|why| Fail::usage(format!("{flag} {text}: this names nobody that can be followed")).why(why))
}

/// Returns the period of events in files.
fn period(asked: &Evidence, now: Timestamp) -> Result<Period, Fail> {
    let at = |moment: Moment| match moment {
        Moment::At(time) => Ok(time),
        Moment::Ago(span) => now.checked_sub(span).map_err(|_| Fail::usage("no calendar has that time")),
    };
    let [since, until] = [asked.since, asked.until].map(|moment| moment.map(at).transpose());
    let (since, until) = (since?, until?);
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        return Err(Fail::usage("there is no time between --since and --until")
            .hint("--since must lie before --until"));
    }
    Ok(Period { since, until })
}

/// Lists the flow logs, which are of an instance or an address.
fn flow_logs(session: &Session, target: &Target, asked: &Evidence) -> Result<Vec<PathBuf>, Fail> {
    if !asked.flow_logs.is_empty() && !matches!(target, Target::Instance(_) | Target::Address(_)) {
        return Err(Fail::usage("--flow-logs shows the traffic of an --instance or an --address")
            .why(format!("{} has no traffic of its own", target.words())));
    }
    let mut common = session.common.clone();
    common.flow_logs.clone_from(&asked.flow_logs);
    Session { common, out: session.out }.flow_logs()
}

/// Returns the side whose traffic is asked for: for an instance its interfaces, as the account, the events
/// and the person name them.
async fn side(target: &Target, trace: &Trace, asked: &Evidence, door: &mut Door<'_>) -> Result<Side, Fail> {
    let id = match target {
        Target::Address(address) => return Ok(Side::Address(*address)),
        Target::Instance(id) if !asked.flow_logs.is_empty() => id,
        _ => return Ok(Side::Interfaces(Vec::new())),
    };
    let mut all: Vec<Interface> = match door.opened().await {
        Some(open) => of_account(open, id).await,
        None => Vec::new(),
    };
    for named in trace.interfaces().iter().chain(&asked.interface) {
        if !intake::text::is_ec2_id(named, "eni") {
            return Err(Fail::usage(format!("--interface {named}: this is no network interface"))
                .hint("an interface has an id such as eni-0123456789abcdef0"));
        }
        if !all.iter().any(|one| one.id == *named) {
            all.push(Interface { id: named.clone(), addresses: Vec::new() });
        }
    }
    if all.is_empty() {
        return Err(Fail::usage(format!("the network interfaces of {id} are not known"))
            .why("neither the account nor the events that were read name them")
            .hint("name them with --interface eni-…"));
    }
    Ok(Side::Interfaces(all))
}

/// Reads the interfaces of an instance.
async fn of_account(open: &OpenAccount, id: &str) -> Vec<Interface> {
    let all = |_: &Inventory| {
        let wants = open.regions.iter().map(|region| Want::all(region, FamilyKind::NetworkInterfaces));
        wants.collect()
    };
    let known = afresh(open.account.as_ref(), &mut { all }).await;
    let interfaces = known.regions.values().flat_map(|region| region.network_interfaces.known());
    let own = interfaces.filter(|(_, interface)| interface.instance_id.as_deref() == Some(id));
    own.map(|(_, one)| interface(one)).collect()
}

/// Runs our own checks on what the events name.
async fn judge(
    session: &Session,
    door: &mut Door<'_>,
    target: &Target,
    found: &serde_json::Value,
    chosen: Chosen,
) -> Result<Option<Planned>, Fail> {
    let Some(open) = door.opened().await else { return Ok(None) };
    let document = found.to_string();
    let input: (String, Box<dyn std::io::Read>) = (target.words(), Box::new(document.as_bytes()));
    let owner = &open.account.identity().owner;
    let intake = intake::collect(vec![input], owner, &open.regions);
    planning::of_intake(session, open, &SafetyLimits::default(), chosen, Some(intake)).await.map(Some)
}

/// All that is shown.
struct Shown<'s> {
    session: &'s Session,
    asked: &'s Evidence,
    investigation: Investigation,
    seen: Option<SeenTraffic>,
    judged: Option<Planned>,
    door: Door<'s>,
    /// A check answers some of it.
    is_known: bool,
}

impl Shown<'_> {
    /// Writes the findings and the report.
    fn show(&self, found: &serde_json::Value, partial: bool) -> Result<Exit, Fail> {
        let output = self.asked.output.as_ref();
        let to_stdout = output.is_some_and(|path| path.as_os_str() == "-");
        if let Some(path) = output.filter(|_| !to_stdout) {
            files::keep(path, &render::document(found)?, "the findings")?;
        }
        let seen = self.door.open.as_ref().zip(self.judged.as_ref());
        let seen = seen.map(|(door, planned)| render::Seen::of(door, planned));
        let scan = seen.as_ref().map(render::Seen::scan);
        let name = output.filter(|_| !to_stdout).map(|path| path.display().to_string());
        let not_judged = self.not_judged();
        let report = Investigated {
            investigation: &self.investigation,
            traffic: self.seen.as_ref(),
            scan: scan.as_ref(),
            not_judged: not_judged.as_deref(),
            playbooks: &self.playbooks(),
            again: &self.again(),
            output: name.as_deref().filter(|_| self.is_known),
        };
        let out = self.session.out;
        match to_stdout {
            true => out.data(&render::document(found)?)?,
            false => out.data(&render::investigation(self.session, &report)?)?,
        }
        if let Some(name) = name {
            out.say(&format!("the events that a check answers are in {name}: --findings {name}"));
        }
        let unknown = self.judged.as_ref().is_some_and(is_unknown) || self.door.closed.is_some();
        Ok(if partial || unknown { Exit::Held } else { Exit::Done })
    }

    fn not_judged(&self) -> Option<String> {
        if self.judged.is_some() {
            return None;
        }
        Some(match (&self.door.closed, self.is_known) {
            (_, false) => "nothing that it did successfully is known to a check".to_owned(),
            (Some(why), _) => format!("the account could not be opened: {why}"),
            (None, true) => "--offline: no account was opened".to_owned(),
        })
    }

    /// Returns the playbooks that answer what was found, by check.
    fn playbooks(&self) -> BTreeMap<String, Vec<String>> {
        let Some(planned) = &self.judged else { return BTreeMap::new() };
        let answering = |check: &String| {
            sets::answering(&planned.playbooks, check).map(|playbook| playbook.id.clone()).collect()
        };
        let checks = planned.survey.findings.iter().map(|finding| &finding.check);
        checks.map(|check| (check.clone(), answering(check))).collect()
    }

    /// Returns the options that name the same events again.
    fn again(&self) -> String {
        let files = &self.asked.cloudtrail;
        if files.len() > MOST_INPUTS {
            return " --cloudtrail FILE...".to_owned();
        }
        let one = |file: &PathBuf| format!(" --cloudtrail {}", safe::shell(&file.display().to_string()));
        let offline = if self.asked.offline { " --offline" } else { "" };
        files.iter().map(one).collect::<String>() + offline
    }
}

/// Returns whether something could not be judged.
fn is_unknown(planned: &Planned) -> bool {
    let survey = &planned.survey;
    survey.findings.iter().any(|finding| matches!(finding.verdict, Verdict::Unknown(_)))
        || !survey.unjudged.is_empty()
        || planned.incomplete() > 0
}
