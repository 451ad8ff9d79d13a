//! Reports as one self-contained HTML page: no network, no external fonts or scripts. The template escapes
//! every text that an account contains; in addition, the page's own policy allows no script but the one that
//! is part of this program. Pure.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Scan, Typed, diff, held, safe,
    style::Tone,
    words::{self, Next, Said},
};
use crate::{
    actions::GuardResult,
    calls::{Act, Step, Undo, WayBack},
    finding::{Finding, Verdict},
    journal::RunDocument,
    plan::{Change, Plan, PlanKind, SkippedKind, each_once},
    reach::Reach,
    resource::ResourceId,
};

mod investigation;

pub use investigation::investigation;

const PAGE: &str = include_str!("../templates/page.html");
const STYLE: &str = include_str!("../templates/page.css");
const SCRIPT: &str = include_str!("../templates/page.js");

/// Renders a plan; `typed` is the part of the command line that the next commands repeat.
///
/// # Errors
/// Fails if the template cannot be rendered, which is a fault of this program.
pub fn plan(plan: &Plan, typed: &Typed<'_>) -> Result<String, minijinja::Error> {
    let mut lead = said("result of the rehearsal", &words::rehearsal(plan));
    if !plan.changes.is_empty() && !words::offered(plan) {
        lead["tone"] = json!("bad");
        push(
            &mut lead["rest"],
            json!({ "tone": "bad", "text": "It would open findings that are closed now, so it is not offered \
                for approval." }),
        );
    }
    let mut facts = vec![
        ("Account", plan.account.clone()),
        ("Regions", words::list(&plan.regions)),
        ("Endpoint", words::endpoint(&plan.endpoint)),
        ("Made by", plan.caller.clone()),
        ("Made", words::time(plan.created)),
        ("Good until", words::time(plan.expires)),
        ("Digest", plan.digest.clone()),
    ];
    let options = [
        (plan.options.allow_lockout, "--allow-lockout"),
        (plan.options.include_managed, "--include-managed"),
    ];
    facts.extend(options.into_iter().filter(|(on, _)| *on).map(|(_, flag)| ("Loosened", flag.to_owned())));
    let stats = ["safe", "disruptive", "irreversible"].into_iter().map(|risk| {
        let of: Vec<&Change> = plan.changes.iter().filter(|c| c.risk.word() == risk).collect();
        (risk.to_owned(), of.len(), of.first().map_or(Tone::Plain, |c| words::risk_tone(c.risk)))
    });
    let fates = words::FATES.iter().filter(|_| plan.kind == PlanKind::Plan).map(|fate| {
        let grave = ["refused", "conflict", "unknown"].contains(fate);
        (
            format!("findings {fate}"),
            plan.counts.get(*fate).copied().unwrap_or(0),
            if grave { Tone::Warn } else { Tone::Plain },
        )
    });
    page(json!({
        "kind": plan.kind, "title": words::plan_title(plan), "claim": typed.claim.then_some(words::CLAIM),
        "things": "changes", "lead": lead, "facts": pairs(&facts),
        "stats": figures(stats.chain(fates)), "changes": plan.changes.iter().map(|c| change(plan,
        c)).collect::<Vec<_>>(),
        "skipped_title": "Not planned", "skipped": plan.skipped.iter().map(skipped).collect::<Vec<_>>(),
        "next": commands(&words::plan_next(plan, typed)),
    }))
}

/// Renders the result of a run; with its plan, every change also shows its planned effects.
///
/// # Errors
/// As [`plan`].
pub fn run(run: &RunDocument, plan: Option<&Plan>, typed: &Typed<'_>) -> Result<String, minijinja::Error> {
    let told = words::outcomes(&run.counts);
    let text = format!(
        "{}: {}",
        words::count(run.changes.len(), "change"),
        if told.is_empty() { "none" } else { &told }
    );
    let worst =
        run.changes.iter().map(|c| words::outcome_tone(c.outcome)).chain([words::state_tone(run.state)]);
    let worst = worst
        .max_by_key(|tone| [Tone::Good, Tone::Warn, Tone::Bad].iter().position(|t| t == tone))
        .unwrap_or(Tone::Plain);
    let mut lead = said("outcome", &[(worst, text)]);
    if let Some(why) = &run.stopped {
        push(&mut lead["rest"], json!({ "tone": "warn", "text": format!("stopped: {why}") }));
    }
    let changes = run.changes.iter().map(|report| {
        let known = plan.and_then(|p| p.change(&report.id).map(|c| change(p, c)));
        let mut shown =
            known.unwrap_or_else(|| of_resource(&report.resource, json!({ "action": report.action })));
        let seconds = report.seconds.map(|s| format!("took {}", words::duration(s)));
        // With its plan, the page has a row for losses that are not restored: they are stated once.
        let row = known_rows(&shown);
        let stays = if row.is_empty() { words::stays(run, report) } else { Vec::new() };
        let reason = (!report.reason.is_empty() && report.reason != row).then(|| report.reason.clone());
        let awaited = report.awaiting.iter().map(|what| format!("awaited: {what}"));
        let undone = report.undone_by.iter().map(|by| format!("undone by run {by}"));
        let told: Vec<String> = reason
            .into_iter()
            .chain(words::left(report))
            .chain(awaited)
            .chain(undone)
            .chain(stays)
            .chain(seconds)
            .collect();
        merge(
            &mut shown,
            json!({ "id": report.id, "summary": report.summary, "told": told,
                "outcome": report.outcome.words(),
            "outcome_tone": name(words::outcome_tone(report.outcome)) }),
        );
        shown
    });
    let figures_of = words::OUTCOMES
        .iter()
        .map(|o| (o.words(), run.counts.get(o.word()).copied().unwrap_or(0), words::outcome_tone(*o)));
    let mut facts = vec![
        ("Account", run.account.clone()),
        ("Endpoint", words::endpoint(&run.endpoint)),
        ("Started", words::time(run.started)),
        ("State", words::run_state(run.state).to_owned()),
        ("Digest of the plan", run.plan_digest.clone()),
    ];
    facts.extend(words::callers(run).into_iter().map(|(word, who)| match word {
        "by" => ("Applied by", who),
        "signed" => ("Plan signed", who),
        _ => ("Resumed", who),
    }));
    page(json!({
        "kind": "run", "title": words::run_title(run), "things": "changes", "lead": lead,
        "facts": pairs(&facts), "stats": figures(figures_of),
        "changes": changes.collect::<Vec<_>>(), "skipped_title": "", "skipped": [],
        "next": commands(&words::run_next(run, typed)),
    }))
}

/// Returns the losses that are not restored, in the form in which a run gives them as its reason.
fn known_rows(shown: &Value) -> String {
    let rows = shown.get("not_restored").and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

/// Renders the findings of a scan.
///
/// # Errors
/// As [`plan`].
pub fn findings(scan: &Scan<'_>, typed: &Typed<'_>) -> Result<String, minijinja::Error> {
    let open = scan.gravest_first();
    let facts = [
        ("Account", scan.account.to_owned()),
        ("Regions", words::list(scan.regions)),
        ("Endpoint", words::endpoint(scan.endpoint)),
        ("Read", words::time(scan.read_at)),
    ];
    let aside: Vec<Value> = scan.findings.iter().filter_map(set_aside).collect();
    let unjudged = scan.unjudged.iter().map(|u| {
        json!({ "word": "not judged", "tone": "warn", "check": u.check,
            "resource": format!("all in {}", u.region), "reason": u.reason })
    });
    let lapsed = scan.lapsed.iter().map(|waiver| {
        json!({ "word": "waiver", "tone": "warn", "check": waiver.check,
            "resource": waiver.resource, "reason": waiver.to_string() })
    });
    let aside: Vec<Value> = aside.into_iter().chain(unjudged).chain(lapsed).collect();
    let shown = open.iter().enumerate().map(|(n, f)| finding(scan, n + 1, f));
    page(json!({
        "kind": "scan", "title": format!("{} in account {}", words::count(open.len(), "finding"),
        scan.account), "things": "findings", "lead": Value::Null,
        "facts": pairs(&facts), "stats": [], "changes": shown.collect::<Vec<_>>(),
        "skipped_title": "Set aside or not known", "skipped": aside,
        "next": commands(&words::scan_next(scan, typed)),
    }))
}

fn finding(scan: &Scan<'_>, n: usize, finding: &Finding) -> Value {
    let evidence = if let Verdict::Violates(evidence) = &finding.verdict {
        diff::evidence(evidence)
    } else {
        Vec::new()
    };
    let decided = scan.decisions.get(&finding.key()).map(|d| format!("{}: {}", d.decision, d.reason));
    let used = scan.decisions.get(&finding.key()).map(|d| d.used.clone()).unwrap_or_default();
    let told: Vec<String> = evidence.into_iter().chain(decided).chain(used).collect();
    let title = words::check_title(&finding.check).unwrap_or(&finding.check);
    let why = words::check_why(&finding.check).unwrap_or_default();
    of_resource(
        &finding.resource,
        json!({ "id": format!("f{n}"), "summary": title, "risk": finding.severity.to_string(),
            "tone": name(words::severity_tone(finding.severity)),
            "told": told, "reach": scan.reach(finding).map(reach),
                "answers": [{ "text": finding.check, "why": why }] }),
    )
}

fn reach(reach: &Reach) -> Value {
    json!({ "tone": name(words::reach_tone(reach)), "text": reach.words(), "hops": words::hops(reach) })
}

fn set_aside(finding: &Finding) -> Option<Value> {
    let (word, tone, why) = match (&finding.verdict, &finding.suppressed) {
        (Verdict::Violates(_), Some(why)) => ("suppressed", "plain", why.words()),
        (Verdict::Retained(by), _) => ("retained", "plain", by.clone()),
        (Verdict::Unknown(why), _) => ("unknown", "warn", why.clone()),
        (Verdict::Ok(Some(note)), _) => ("fine", "good", note.clone()),
        _ => return None,
    };
    Some(json!({ "word": word, "tone": tone, "check": finding.check,
            "resource": words::brief(&finding.resource), "reason": why }))
}

fn skipped(item: &crate::plan::Skipped) -> Value {
    let tone = if matches!(item.kind, SkippedKind::Refused | SkippedKind::Conflict | SkippedKind::Unknown) {
        "warn"
    } else {
        "plain"
    };
    json!({ "word": item.kind.word(), "tone": tone, "check": item.finding.check,
        "resource": words::brief(&item.finding.resource), "reason": item.reason })
}

/// Builds the members that every item needs, with the given ones laid over the defaults.
fn of_resource(resource: &ResourceId, over: Value) -> Value {
    let mut shown = json!({
        "id": "", "summary": "", "risk": "", "tone": "plain", "account": resource.account(),
        "region": resource.region(), "playbook": "",
        "place": words::place(resource), "arn": resource.as_str(), "auto": false, "outcome": "",
        "outcome_tone": "plain", "told": [], "diff": [], "answers": [],
        "action": "", "after": [], "impact": [], "used": [], "reach": Value::Null, "guards": [],
                "way_back": Value::Null,
        "not_restored": [], "steps": [], "step_count": "",
    });
    merge(&mut shown, over);
    shown
}

fn change(plan: &Plan, change: &Change) -> Value {
    let difference = diff::diff(&change.before, &change.after_state).into_iter().map(|line| {
        let (class, say) = match line.sign {
            diff::Sign::Add => ("add", "added: "),
            diff::Sign::Remove => ("remove", "removed: "),
            diff::Sign::Name => ("name", ""),
            diff::Sign::Keep => ("keep", "stays: "),
        };
        json!({ "class": class, "say": say, "mark": line.sign.mark(), "text": line.text })
    });
    let guards = change.guards.iter().map(|note| {
        let passed = note.result == GuardResult::Passed;
        let word = if passed { String::new() } else { format!("({})", note.result.word().replace('-', " ")) };
        json!({ "tone": if passed { "good" } else { "warn" }, "guard": note.guard, "word": word,
            "note": note.note })
    });
    let answers = words::answers(plan, change)
        .into_iter()
        .zip(change.findings.iter().map(|k| words::check_title(&k.check)).chain(std::iter::repeat(None)));
    let (tone, way_back) = words::way_back(change);
    let account =
        if change.resource.account().is_empty() { &plan.account } else { change.resource.account() };
    of_resource(
        &change.resource,
        json!({
            "id": change.id, "summary": change.summary, "risk": change.risk.word(),
            "tone": name(words::risk_tone(change.risk)), "account": account,
            "region": change.region, "playbook": change.playbook, "action": change.action,
            "after": change.after, "impact": each_once(&change.impact), "used": words::used(change),
            "reach": change.reach.as_ref().map(reach),
            "auto": !change.ask && plan.kind == PlanKind::Plan, "diff": difference.collect::<Vec<_>>(),
            "guards": guards.collect::<Vec<_>>(),
            "answers": answers.map(|(text, why)| json!({ "text": text,
            "why": why.unwrap_or_default() })).collect::<Vec<_>>(),
            "way_back": { "tone": name(tone), "text": way_back }, "not_restored": change.not_restored,
            "steps": change.steps.iter().map(step).collect::<Vec<_>>(),
            "step_count": words::count(change.steps.len(), "step"),
        }),
    )
}

fn step(step: &Step) -> Value {
    let waits = step.act.wait.as_ref().map(|w| format!("then waits {} (at most {} s)", w.why, w.at_most));
    let wait = [held::only_if(&step.act), waits].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let (said, back): (String, Vec<Value>) = match &step.way_back {
        WayBack::Calls { rollback, undo, kept_once, .. } => {
            let later = match undo {
                Undo::Same => None,
                Undo::Calls(acts) => Some(format!(
                    "undo after the run calls {}",
                    words::list(&acts.iter().map(|a| a.call.name()).collect::<Vec<_>>())
                )),
                Undo::Kept(why) => Some(format!("undo after the run keeps it: {why}")),
            };
            let kept =
                kept_once.as_ref().map(|k| format!("kept once step {} was done: {}", k.step, k.reason));
            let names = words::list(&rollback.iter().map(|a| a.call.name()).collect::<Vec<_>>());
            (
                [Some(names), later, kept].into_iter().flatten().collect::<Vec<_>>().join("; "),
                rollback.iter().map(call).collect(),
            )
        }
        WayBack::ByStep(other) => (format!("that of step {other}"), Vec::new()),
        WayBack::Kept(why) => (format!("kept: {why}"), Vec::new()),
        WayBack::Cannot(why) => (format!("none: {why}"), Vec::new()),
    };
    json!({ "title": step.title, "calls": [call(&step.act)], "wait": wait, "back_words": said, "back": back })
}

fn call(act: &Act) -> Value {
    let input = serde_json::to_string_pretty(&diff::readable(&act.call.input)).unwrap_or_default();
    json!({ "name": act.call.name(), "region": act.call.region, "json": safe::json(&input) })
}

fn name(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
        _ => "plain",
    }
}

fn said(label: &str, lines: &[Said]) -> Value {
    let Some(((tone, first), rest)) = lines.split_first() else { return Value::Null };
    let rest: Vec<Value> =
        rest.iter().map(|(tone, text)| json!({ "tone": name(*tone), "text": text })).collect();
    json!({ "label": label, "tone": name(*tone), "text": first, "rest": rest })
}

fn push(list: &mut Value, item: Value) {
    if let Some(items) = list.as_array_mut() {
        items.push(item);
    }
}

fn merge(into: &mut Value, over: Value) {
    if let (Some(into), Value::Object(over)) = (into.as_object_mut(), over) {
        into.extend(over);
    }
}

fn pairs(facts: &[(&str, String)]) -> Value {
    facts
        .iter()
        .map(|(label, value)| json!({ "label": label, "value": value, "wide": value.len() > 30 }))
        .collect()
}

fn figures(all: impl Iterator<Item = (String, usize, Tone)>) -> Value {
    all.filter(|(_, n, _)| *n > 0)
        .map(|(label, n, tone)| json!({ "label": label, "n": n, "tone": name(tone) }))
        .collect()
}

fn commands(next: &[Next]) -> Value {
    next.iter().map(|n| json!({ "purpose": n.purpose, "command": n.command })).collect()
}

/// Returns the choices of the filters: the values that occur.
fn filters(changes: &Value, things: &str) -> Value {
    let names = [
        ("risk", if things == "findings" { "Severity" } else { "Risk" }),
        ("account", "Account"),
        ("region", "Region"),
        ("playbook", "Playbook"),
    ];
    let all = changes.as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |name: &str| all.iter().filter_map(|c| c[name].as_str()).collect::<BTreeSet<_>>();
    names
        .into_iter()
        .map(|(name, label)| json!({ "name": name, "label": label, "options": of(name) }))
        .collect()
}

/// Makes every text of a page safe to show; the inputs of calls, which have several lines, are safe already.
fn harmless(key: &str, value: &mut Value) {
    match value {
        Value::String(text) if key != "json" => *text = safe::text(text),
        Value::Array(items) => items.iter_mut().for_each(|item| harmless(key, item)),
        Value::Object(map) => map.iter_mut().for_each(|(key, item)| harmless(key, item)),
        _ => {}
    }
}

fn page(mut context: Value) -> Result<String, minijinja::Error> {
    let things = context["things"].as_str().unwrap_or_default().to_owned();
    context["filters"] = filters(&context["changes"], &things);
    context["script_hash"] = json!(format!("sha256-{}", base64(&Sha256::digest(SCRIPT.as_bytes()))));
    let own = [("style", STYLE), ("script", SCRIPT)];
    rendered(PAGE, context, &own)
}

/// Renders a template with a context that may hold anything, and with parts of this program.
fn rendered(template: &str, mut context: Value, own: &[(&str, &str)]) -> Result<String, minijinja::Error> {
    context["footer"] = json!(format!(
        "Made by redress {}. This page loads nothing and sends nothing.",
        env!("CARGO_PKG_VERSION")
    ));
    harmless("", &mut context);
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // The name ends in .html, so everything is escaped except the parts that belong to this program.
    environment.add_template("page.html", template)?;
    let own = own.iter().map(|(name, part)| (*name, minijinja::Value::from_safe_string((*part).to_owned())));
    let own = minijinja::Value::from(own.collect::<BTreeMap<_, _>>());
    environment
        .get_template("page.html")?
        .render(minijinja::context! { ..own, ..minijinja::Value::from(minijinja::value::Serde(&context)) })
}

/// Encodes bytes in Base64 (<https://datatracker.ietf.org/doc/html/rfc4648#section-4>).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |all, b| (all << 8) | u32::from(*b)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            out.push(if place > three.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

#[cfg(test)]
mod tests;
