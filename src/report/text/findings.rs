//! Findings as text: violations, the most severe first, those that were set aside and the reasons, and
//! everything that could not be judged.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        Decided, Detail, Scan, View, diff, grouped,
        style::{Mark, Page, Span, Tone, plain, span},
        words,
    },
    commands,
};
use crate::{
    finding::{Finding, Severity, Verdict},
    intake::{
        Reason,
        confirm::{Answer, Judged, Reported},
    },
    resource::ResourceId,
};

/// The length to which a line of evidence is cut in a short report, in characters.
const SHORT: usize = 220;
/// The number of lines of evidence in a short report.
const LINES: usize = 4;
/// The number of resources that are named with one reason.
const NAMED: usize = 12;

/// Renders the findings of a scan.
pub fn findings(scan: &Scan, view: &View) -> String {
    let mut page = Page::new(view.style);
    head(&mut page, scan);
    for severity in [Severity::Critical, Severity::High, Severity::Medium, Severity::Low] {
        graded(&mut page, scan, view, severity);
    }
    aside(&mut page, scan);
    lapsed(&mut page, scan);
    unknown(&mut page, scan, view);
    noted(&mut page, scan);
    reported(&mut page, scan);
    page.blank();
    summary(&mut page, scan);
    commands(&mut page, &words::scan_next(scan, &view.typed));
    page.done()
}

fn head(page: &mut Page, scan: &Scan) {
    page.text(0, &[span(Tone::Strong, format!("Findings in account {}", scan.account))]);
    page.row(2, &span(Tone::Faint, "regions"), 12, &[plain(words::list(scan.regions))]);
    page.row(2, &span(Tone::Faint, "endpoint"), 12, &[plain(words::endpoint(scan.endpoint))]);
    page.row(2, &span(Tone::Faint, "read"), 12, &[plain(words::time(scan.read_at))]);
}

/// Writes the open findings of one severity, check by check.
fn graded(page: &mut Page, scan: &Scan, view: &View, severity: Severity) {
    let mut by_check: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in scan.findings.iter().filter(|f| f.severity == severity && words::is_open(f)) {
        by_check.entry(&finding.check).or_default().push(finding);
    }
    if by_check.is_empty() {
        return;
    }
    let all = by_check.values().map(Vec::len).sum();
    page.blank();
    let tone = words::severity_tone(severity);
    page.text(
        0,
        &[
            span(tone, severity.to_string().to_uppercase()),
            plain(" "),
            span(Tone::Faint, words::count(all, "finding")),
        ],
    );
    let mut by_check: Vec<(&str, Vec<&Finding>)> = by_check.into_iter().collect();
    for (_, findings) in &mut by_check {
        findings.sort_by_key(|finding| scan.standing(finding));
    }
    by_check.sort_by_key(|(_, findings)| findings.first().map(|finding| scan.standing(finding)));
    for (check, findings) in by_check {
        page.text(2, &[span(Tone::Strong, check), plain(format!(" ({})", findings.len()))]);
        if let Some(title) = words::check_title(check) {
            page.text(2, &[span(Tone::Faint, title)]);
        }
        if let Some(why) = words::check_why(check).filter(|_| view.detail >= Detail::Steps) {
            page.text(2, &[span(Tone::Faint, why)]);
        }
        let shared = shared(scan, &findings);
        for finding in &findings {
            one(page, scan, view, finding, &shared);
        }
        for (decided, of) in &shared {
            let most = if view.detail == Detail::Short { grouped::LISTED } else { usize::MAX };
            let head = format!("{} {}", grouped::things(of.iter().copied()), decided.decision);
            page.text(4, &[span(Tone::Strong, head), plain(format!(": {}", decided.reason))]);
            page.text(6, &[span(Tone::Faint, grouped::named(of, most))]);
        }
    }
}

/// Returns the reasons why several of these findings are not planned, each with the resources
/// that it holds for.
fn shared<'a>(scan: &Scan<'a>, findings: &[&'a Finding]) -> BTreeMap<&'a Decided, Vec<&'a ResourceId>> {
    let mut all: BTreeMap<&Decided, Vec<&ResourceId>> = BTreeMap::new();
    for finding in findings {
        if let Some(decided) =
            scan.decisions.get(&finding.key()).filter(|decided| decided.decision != "planned")
        {
            all.entry(decided).or_default().push(&finding.resource);
        }
    }
    all.retain(|_, of| of.len() > 1);
    all
}

fn one(
    page: &mut Page,
    scan: &Scan,
    view: &View,
    finding: &Finding,
    shared: &BTreeMap<&Decided, Vec<&ResourceId>>,
) {
    let mark = span(words::severity_tone(finding.severity), page.style.mark(Mark::Bad));
    page.row(4, &mark, 6, &resource(finding));
    let whole = view.detail >= Detail::Steps;
    if whole {
        page.text(6, &[span(Tone::Faint, finding.resource.as_str())]);
    }
    if let Verdict::Violates(evidence) = &finding.verdict {
        let told = diff::evidence(evidence);
        let most = if whole { told.len() } else { LINES };
        for line in told.iter().take(most) {
            page.text(6, &[plain(if whole { line.clone() } else { shorten(line, SHORT) })]);
        }
        if told.len() > most {
            page.text(6, &[span(Tone::Faint, format!("and {} more", told.len() - most))]);
        }
    }
    if let Some(reach) = scan.reach(finding) {
        let tone = words::reach_tone(reach);
        page.text(6, &[span(Tone::Faint, "reach: "), span(tone, reach.words())]);
        for line in words::hops(reach).iter().filter(|_| whole) {
            page.text(8, &[span(Tone::Faint, line)]);
        }
    }
    for source in finding.sources.iter().filter(|source| *source != "scan") {
        page.text(6, &[span(Tone::Faint, format!("reported by {source}"))]);
    }
    if let Some(decided) = scan.decisions.get(&finding.key()).filter(|decided| !shared.contains_key(decided))
    {
        page.text(6, &[span(Tone::Faint, format!("{}: ", decided.decision)), plain(&decided.reason)]);
        decided.used.iter().for_each(|line| page.text(6, &[span(Tone::Faint, "use: "), plain(line)]));
    }
}

/// Returns the resource with its name, if it has one.
fn resource(finding: &Finding) -> Vec<Span> {
    let mut spans = vec![span(Tone::Strong, words::brief(&finding.resource))];
    if let Some(name) = finding.tags.get("Name").filter(|name| !name.is_empty()) {
        spans.push(plain(format!(" \"{}\"", shorten(name, 60))));
    }
    spans
}

fn shorten(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let short: String = chars.by_ref().take(most).collect();
    if chars.next().is_none() { short } else { format!("{short}...") }
}

/// Writes the violations that were set aside: by a person, or by an earlier run.
fn aside(page: &mut Page, scan: &Scan) {
    let mut told: Vec<(&Finding, String)> = Vec::new();
    for finding in scan.findings {
        match (&finding.verdict, &finding.suppressed) {
            (Verdict::Violates(_), Some(why)) => told.push((finding, format!("suppressed: {}", why.words()))),
            (Verdict::Retained(by), _) => told.push((finding, format!("kept on purpose: {by}"))),
            _ => {}
        }
    }
    if told.is_empty() {
        return;
    }
    page.blank();
    page.text(
        0,
        &[
            span(Tone::Strong, "SET ASIDE"),
            plain(" "),
            span(Tone::Faint, words::count(told.len(), "finding")),
        ],
    );
    let mark = page.style.mark(Mark::Dot);
    for (finding, why) in told {
        let mut spans = resource(finding);
        spans.push(plain(format!(": {}", finding.check)));
        page.row(2, &plain(mark), 4, &spans);
        page.text(4, &[span(Tone::Faint, why)]);
    }
}

/// Writes the waivers that set nothing aside.
fn lapsed(page: &mut Page, scan: &Scan) {
    if scan.lapsed.is_empty() {
        return;
    }
    page.blank();
    let many = format!("{} that set nothing aside", scan.lapsed.len());
    page.text(0, &[span(Tone::Warn, "WAIVERS"), plain(" "), span(Tone::Faint, many)]);
    let mark = page.style.mark(Mark::Dot);
    scan.lapsed.iter().for_each(|one| page.row(2, &plain(mark), 4, &[plain(one.to_string())]));
}

/// Writes the resources that could not be judged, and the checks that could not be run at all. Each
/// reason is stated once.
fn unknown(page: &mut Page, scan: &Scan, view: &View) {
    let mut by_reason: BTreeMap<(&str, &str), Vec<&ResourceId>> = BTreeMap::new();
    for finding in scan.findings {
        if let Verdict::Unknown(reason) = &finding.verdict {
            by_reason.entry((&finding.check, reason)).or_default().push(&finding.resource);
        }
    }
    if by_reason.is_empty() && scan.unjudged.is_empty() {
        return;
    }
    page.blank();
    page.text(
        0,
        &[
            span(Tone::Warn, "NOT KNOWN"),
            plain(" "),
            span(Tone::Faint, "neither fine nor wrong: this could not be read"),
        ],
    );
    let mark = span(Tone::Warn, page.style.mark(Mark::Unknown));
    let most = if view.detail == Detail::Short { grouped::LISTED } else { usize::MAX };
    for ((check, reason), resources) in by_reason {
        page.row(
            2,
            &mark,
            4,
            &[span(Tone::Strong, check), plain(format!(" on {}", grouped::named(&resources, most)))],
        );
        page.text(4, &[plain(reason)]);
    }
    let mut nowhere: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for unjudged in scan.unjudged {
        nowhere.entry((&unjudged.check, &unjudged.reason)).or_default().push(unjudged.region.clone());
    }
    for ((check, reason), regions) in nowhere {
        page.row(
            2,
            &mark,
            4,
            &[
                span(Tone::Strong, check),
                plain(format!(" could not be judged in {}:", words::list(&regions))),
            ],
        );
        page.text(4, &[plain(reason)]);
    }
}

/// Writes the resources that are in order but have a remark.
fn noted(page: &mut Page, scan: &Scan) {
    let mut notes: Vec<(&Finding, &String)> = scan
        .findings
        .iter()
        .filter_map(|f| if let Verdict::Ok(Some(note)) = &f.verdict { Some((f, note)) } else { None })
        .collect();
    // Two checks may make the same remark on one resource.
    notes.sort_by_key(|(f, note)| (&f.resource, *note));
    notes.dedup_by_key(|(f, note)| (f.resource.clone(), note.to_owned()));
    if notes.is_empty() {
        return;
    }
    page.blank();
    page.text(0, &[span(Tone::Strong, "FINE, WITH A NOTE")]);
    let mark = span(Tone::Good, page.style.mark(Mark::Good));
    for (finding, note) in notes {
        let mut spans = resource(finding);
        spans.push(plain(format!(": {note}")));
        page.row(2, &mark, 4, &spans);
    }
}

/// Writes the findings of other tools, with the reasons why some of them are not among the findings above.
fn reported(page: &mut Page, scan: &Scan) {
    let Some(intake) = scan.intake else { return };
    page.blank();
    page.text(
        0,
        &[span(Tone::Strong, "REPORTED BY OTHERS"), plain(" "), span(Tone::Faint, intake.summary())],
    );
    let passed =
        intake.suspicions.iter().filter(|s| s.suspicion.decision.reason() == Some(Reason::Passed)).count();
    let mark = page.style.mark(Mark::Dot);
    if passed > 0 {
        page.row(2, &plain(mark), 4, &[plain(format!("{}: {passed}", Reason::Passed.words()))]);
    }
    for (why, names) in led_to_nothing(intake) {
        let often = |(name, n): (&String, &usize)| {
            if *n > 1 { format!("{} ({n} times)", shorten(name, 100)) } else { shorten(name, 100) }
        };
        let mut told: Vec<String> = names.iter().take(NAMED).map(often).collect();
        if names.len() > NAMED {
            told.push(format!("{} more", names.len() - NAMED));
        }
        page.row(2, &plain(mark), 4, &[plain(format!("{why}: ")), span(Tone::Faint, words::list(&told))]);
    }
    for_a_person(page, intake);
    for report in &intake.reports {
        if let Some(why) = report.incomplete.as_ref().or(report.declined.as_ref()) {
            page.row(
                2,
                &span(Tone::Warn, page.style.mark(Mark::Warn)),
                4,
                &[plain(format!("{}: {why}", report.input))],
            );
        }
    }
}

/// Writes the commands by which a person acts on what others report and no check can find out.
fn for_a_person(page: &mut Page, intake: &Reported) {
    let left = |s: &&Judged| {
        let reason = s.suspicion.decision.reason();
        reason.is_none_or(|reason| reason == Reason::UnmappedControl)
    };
    let sources = intake.suspicions.iter().filter(left).flat_map(|s| &s.suspicion.sources);
    let commands: BTreeSet<&str> = sources.filter_map(|source| source.command.as_deref()).collect();
    let mark = plain(page.style.mark(Mark::Dot));
    for command in commands.iter().take(NAMED) {
        let words = plain("if it is true that the credentials are in wrong hands: ");
        page.row(2, &mark, 4, &[words, span(Tone::Strong, *command)]);
    }
    if commands.len() > NAMED {
        let more = format!("{} more such commands are in --format json", commands.len() - NAMED);
        page.row(2, &mark, 4, &[plain(more)]);
    }
}

/// Counts the reports that led to no finding, by reason and then by name, or by control if no check answers
/// it. Those that passed are left out: their names are of no interest.
fn led_to_nothing(intake: &Reported) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut aside: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for judged in &intake.suspicions {
        let suspicion = &judged.suspicion;
        let why = match (judged.answer, suspicion.decision.reason()) {
            (Some(Answer::Confirmed), _) => continue,
            (None, Some(Reason::Passed)) => continue,
            (Some(answer), _) if judged.remarks.is_empty() => answer.words().to_owned(),
            (Some(answer), _) => format!("{} ({})", answer.words(), judged.remarks.join("; ")),
            (None, reason) => reason.map_or("", Reason::words).to_owned(),
        };
        let controls: BTreeSet<&str> = suspicion.sources.iter().map(|s| s.control.as_str()).collect();
        let controls = controls.into_iter().collect::<Vec<_>>().join(", ");
        let name = match (suspicion.decision.reason(), &suspicion.resource) {
            (Some(Reason::UnmappedControl), _) => controls,
            (_, Some(resource)) => format!("{} ({controls})", words::brief(resource)),
            (_, None) => format!("{} ({controls})", suspicion.named),
        };
        *aside.entry(why).or_default().entry(name).or_default() += 1;
    }
    aside
}

fn summary(page: &mut Page, scan: &Scan) {
    let mut graded: BTreeMap<String, usize> = BTreeMap::new();
    let (mut open, mut suppressed, mut retained, mut unknown) = (0, 0, 0, 0);
    for finding in scan.findings {
        match (&finding.verdict, &finding.suppressed) {
            (Verdict::Violates(_), None) => {
                *graded.entry(finding.severity.to_string()).or_insert(0) += 1;
                open += 1;
            }
            (Verdict::Violates(_), Some(_)) => suppressed += 1,
            (Verdict::Retained(_), _) => retained += 1,
            (Verdict::Unknown(_), _) => unknown += 1,
            (Verdict::Ok(_), _) => {}
        }
    }
    let cut = scan.intake.is_some_and(|intake| intake.incomplete() > 0);
    let unknown_anything = unknown > 0 || !scan.unjudged.is_empty() || cut;
    let (tone, mut line) = match open {
        0 if unknown_anything => (Tone::Warn, "No finding, but not everything is known".to_owned()),
        0 => (Tone::Good, "No finding".to_owned()),
        n => (
            Tone::Strong,
            format!(
                "{} ({})",
                words::count(n, "finding"),
                words::tally(&graded, &["critical", "high", "medium", "low"])
            ),
        ),
    };
    for (n, what) in [(suppressed, "suppressed"), (retained, "kept on purpose"), (unknown, "unknown")] {
        if n > 0 {
            line.push_str(&format!(", {n} {what}"));
        }
    }
    if !scan.unjudged.is_empty() {
        line.push_str(&format!(
            ", {} could not be run in a region",
            words::count(scan.unjudged.len(), "check")
        ));
    }
    page.text(0, &[span(tone, format!("{line}."))]);
}
