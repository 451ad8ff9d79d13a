//! Turns data into text in the format that was asked for. Only chooses the reporter and its style; the
//! wording is the report's.

use std::collections::BTreeMap;

use super::{
    account::OpenAccount,
    args::Format,
    fail::Fail,
    out::{Out, Stream},
    planning::Planned,
    session::Session,
};
use crate::{
    engine::ProgressEvent,
    finding::{FindingKey, Verdict},
    journal::RunDocument,
    plan::{Change, Plan},
    report::{
        Decided, Detail, Scan, Style, Typed, View,
        cases::{self, Cases, Files},
        decisions, html,
        investigation::{Investigated, InvestigationDocument},
        json, junit, markdown, sarif,
        style::{Page, plain},
        text,
    },
};

/// Returns the style of text for a stream.
fn style(out: Out, stream: Stream) -> Style {
    Style { colour: out.colours(stream), ascii: ascii(), width: out.width(stream) }
}

/// Returns whether the locale explicitly allows no more than ASCII.
fn ascii() -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|v| !v.is_empty());
    said.is_some_and(|locale| locale == "C" || locale == "POSIX")
}

fn view<'a>(session: &'a Session, stream: Stream, file: Option<&'a str>) -> View<'a> {
    View {
        style: style(session.out, stream),
        detail: Detail::of(session.common.verbose),
        typed: typed(session, file),
    }
}

/// Returns the options that the commands to type next repeat.
fn typed<'a>(session: &'a Session, file: Option<&'a str>) -> Typed<'a> {
    Typed { file, ..session.common.typed.pieces() }
}

/// Returns the view for talk on stderr.
pub fn talk(session: &Session) -> View<'_> {
    view(session, Stream::Stderr, None)
}

/// Returns the view for data on stdout.
pub fn data(session: &Session) -> View<'_> {
    view(session, Stream::Stdout, None)
}

/// Writes any document as JSON.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn document(document: &impl serde::Serialize) -> Result<String, Fail> {
    json::write(document)
        .map_err(|error| Fail::failure(format!("the document cannot be written as JSON: {error}")))
}

fn page(page: Result<String, minijinja::Error>) -> Result<String, Fail> {
    page.map_err(|error| Fail::failure(format!("the page cannot be written: {error:#}")))
}

/// Returns the files of the playbooks in force.
fn files(session: &Session) -> Result<Files, Fail> {
    session.playbooks().map(|playbooks| Files::of(&playbooks))
}

/// Writes the formats for CI.
fn ci(cases: &Cases, format: Format) -> Result<String, Fail> {
    if format == Format::Sarif { document(&sarif::write(cases)) } else { Ok(junit::write(cases)) }
}

/// Builds the refusal of a format that is not available.
pub fn not_in(format: Format, what: &str) -> Fail {
    let name = format!("{format:?}").to_lowercase();
    Fail::usage(format!("{what}: there is no {name} of this")).hint("give --format text or json")
}

/// The findings of a survey in the form in which reports take them. The decisions are those of the plan.
pub struct Seen<'a> {
    door: &'a OpenAccount,
    planned: &'a Planned,
    decisions: BTreeMap<FindingKey, Decided>,
}

impl<'a> Seen<'a> {
    /// Builds it from the results of planning behind a door.
    pub fn of(door: &'a OpenAccount, planned: &'a Planned) -> Self {
        Self { door, planned, decisions: decisions(&planned.plan) }
    }

    /// Returns the scan as reports take it.
    pub fn scan(&self) -> Scan<'_> {
        let (survey, who) = (&self.planned.survey, self.door.account.identity());
        Scan {
            account: &who.owner.account,
            partition: &who.owner.partition,
            regions: &self.door.regions,
            endpoint: &who.endpoint,
            read_at: survey.inventory.read_at,
            findings: &survey.findings,
            unjudged: &survey.unjudged,
            lapsed: &survey.lapsed,
            decisions: &self.decisions,
            reaches: &self.planned.reaches,
            intake: self.planned.reported.as_ref(),
        }
    }
}

/// Lists the open findings of a scan, one per line. An id that does not fit is placed below its check.
pub fn findings_brief(session: &Session, scan: &Scan<'_>) -> String {
    let mut page = Page::new(data(session).style);
    for finding in
        scan.findings.iter().filter(|f| matches!(f.verdict, Verdict::Violates(_)) && f.suppressed.is_none())
    {
        let label = format!("{:<8}  {:<37}", finding.severity.to_string(), finding.check);
        page.row(3, &plain(label), 13, &[plain(finding.resource.id())]);
    }
    page.blank();
    page.done()
}

/// Renders the findings of a scan.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn findings(session: &Session, scan: &Scan<'_>) -> Result<String, Fail> {
    findings_as(session, scan, session.common.format)
}

/// Renders the findings of a scan in the format of the caller's choice.
///
/// # Errors
/// As [`findings`].
pub fn findings_as(session: &Session, scan: &Scan<'_>, format: Format) -> Result<String, Fail> {
    let view = view(session, Stream::Stdout, None);
    match format {
        Format::Text => Ok(text::findings(scan, &view)),
        Format::Json => document(&json::FindingsDocument::from(scan)),
        Format::Markdown => Ok(markdown::findings(scan, &view.typed)),
        Format::Html => page(html::findings(scan, &view.typed)),
        Format::Junit | Format::Sarif => ci(&cases::of_scan(scan, &files(session)?), format),
    }
}

/// Renders an investigation.
///
/// # Errors
/// When it cannot be written as JSON, or there is no such format of it (exit 2).
pub fn investigation(session: &Session, all: &Investigated<'_>) -> Result<String, Fail> {
    let view = view(session, Stream::Stdout, None);
    match session.common.format {
        Format::Text => Ok(text::investigation(all, &view)),
        Format::Json => document(&InvestigationDocument::from(all)),
        Format::Html => page(html::investigation(all, &view.typed)),
        format => Err(no_investigation(format)),
    }
}

/// Builds the refusal of a format that investigations do not have.
pub fn no_investigation(format: Format) -> Fail {
    let name = format!("{format:?}").to_lowercase();
    Fail::usage(format!("an investigation: there is no {name} of this"))
        .hint("give --format text, json or html")
}

/// Renders a plan; `file` is the path that it was written to or read from.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn plan(session: &Session, plan: &Plan, file: Option<&str>) -> Result<String, Fail> {
    plan_as(session, plan, file, session.common.format)
}

/// Renders a plan in the format of the caller's choice.
///
/// # Errors
/// As [`plan`].
pub fn plan_as(session: &Session, plan: &Plan, file: Option<&str>, format: Format) -> Result<String, Fail> {
    plan_in(session, plan, &view(session, Stream::Stdout, file), format)
}

/// Renders a plan as its file states it, which was compared with no account.
///
/// # Errors
/// As [`plan`].
pub fn claim_as(session: &Session, plan: &Plan, file: &str, format: Format) -> Result<String, Fail> {
    let mut view = view(session, Stream::Stdout, Some(file));
    view.typed.claim = true;
    plan_in(session, plan, &view, format)
}

fn plan_in(session: &Session, plan: &Plan, view: &View<'_>, format: Format) -> Result<String, Fail> {
    match format {
        Format::Text => Ok(text::plan(plan, view)),
        Format::Json => plan_json(plan),
        Format::Markdown => Ok(markdown::plan(plan, &view.typed)),
        Format::Html => page(html::plan(plan, &view.typed)),
        Format::Junit | Format::Sarif => ci(&cases::of_plan(plan, &files(session)?), format),
    }
}

/// Renders a plan as its document.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn plan_json(plan: &Plan) -> Result<String, Fail> {
    document(plan)
}

/// Renders a plan for the person who is about to be asked about it: for stderr, always as text.
pub fn asked(session: &Session, plan: &Plan) -> String {
    text::asked(plan, &view(session, Stream::Stderr, None))
}

/// Renders one change for the person who is asked about it alone, with at least this detail.
pub fn change(session: &Session, plan: &Plan, change: &Change, detail: Option<Detail>) -> String {
    let view = view(session, Stream::Stderr, None);
    text::change(plan, change, &View { detail: view.detail.max(detail.unwrap_or_default()), ..view })
}

/// Renders a run of this plan.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn run_as(session: &Session, run: &RunDocument, plan: &Plan, format: Format) -> Result<String, Fail> {
    let view = view(session, Stream::Stdout, None);
    match format {
        Format::Text => Ok(text::run(run, &view)),
        Format::Json => document(run),
        Format::Markdown => Ok(markdown::run(run, &view.typed)),
        Format::Html => page(html::run(run, Some(plan), &view.typed)),
        Format::Junit | Format::Sarif => ci(&cases::of_run(run, plan, &files(session)?), format),
    }
}

/// Renders all runs, the newest first.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn runs(session: &Session, all: &[RunDocument]) -> Result<String, Fail> {
    let view = view(session, Stream::Stdout, None);
    match session.common.format {
        Format::Text => Ok(text::runs(all, &view)),
        Format::Json => document(&json::runs(all)),
        Format::Markdown => Ok(markdown::runs(all)),
        format => Err(not_in(format, "the list of runs")),
    }
}

/// Renders one line of progress.
///
/// On a terminal it is wrapped; a log gets one line for each.
pub fn progress(out: Out, progress: &ProgressEvent) -> String {
    let line = text::progress(progress);
    if !Stream::Stderr.is_terminal() {
        return line;
    }
    let mut page = Page::new(style(out, Stream::Stderr));
    page.preformatted(0, &plain(line));
    page.done()
}
