//! Hostile words in every string of every document, one string at a time: each string of a plan, of what a
//! journal tells and of an account's inventory is replaced, and every form in which it leaves redress is
//! looked at. A document that does not load with such a string is refused, with words that are looked at too.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use redress::{
    finding::FindingKey,
    inventory::Inventory,
    journal::{Event, RunDocument, Story, line},
    plan::{Plan, export},
    playbook,
    report::{
        Decided, Detail, Scan, Typed, View, cases, decisions, html, json, junit, markdown, safe, sarif,
        style::Style,
        text::{self, fix},
    },
    twin::Twin,
};
use serde_json::Value;

use crate::{
    hostile_words::{harmless, obeyed},
    stand::{Stand, hold, yes},
    world::{self, Wish},
};

/// For a terminal, a CI runner, a browser, a viewer of SARIF and a shell.
const HOSTILE: &str = "x ::set-output name=ok::true ##[set-output name=ok]true \
                       \u{1b}]52;c;cHduZWQ=\u{7}\u{1b}[2J\u{202e}\n::stop-commands::p [l](https://e.vil) \
                       <x-pwned a='b'> '; touch PWNED; ' $(touch PWNED) `touch PWNED` \" ;touch PWNED\n# \
                       heading";

/// The places of all strings in a document.
fn leaves(document: &Value, path: &str, found: &mut Vec<String>) {
    let part = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match document {
        Value::String(_) => found.push(path.to_owned()),
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| leaves(inner, &format!("{path}/{}", part(key)), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, inner)| leaves(inner, &format!("{path}/{n}"), found))
        }
        _ => {}
    }
}

/// The document with hostile words at each place, in turn; of the items of a list, which are alike, at one
/// place of each kind.
fn each(document: &Value, act: impl FnMut(&str, Value)) {
    each_below(document, "", act);
}

/// The same at the places whose paths begin so.
fn each_below(document: &Value, beginning: &str, mut act: impl FnMut(&str, Value)) {
    let mut found = Vec::new();
    leaves(document, "", &mut found);
    found.retain(|path| path.starts_with(beginning));
    let mut kinds = BTreeSet::new();
    found.retain(|path| {
        kinds.insert(
            path.split('/')
                .map(|part| if part.parse::<usize>().is_ok() { "#" } else { part })
                .collect::<Vec<_>>()
                .join("/"),
        )
    });
    let mut wrong = Vec::new();
    for path in found {
        let mut edited = document.clone();
        *edited.pointer_mut(&path).unwrap() = Value::from(HOSTILE);
        wrong.extend(catch_unwind(AssertUnwindSafe(|| act(&path, edited))).err().map(|_| path));
    }
    assert!(wrong.is_empty(), "{} places, each told above: {wrong:#?}", wrong.len());
}

fn typed() -> Typed<'static> {
    Typed { file: Some("plan.json"), ..Typed::default() }
}

fn view(detail: Detail) -> View<'static> {
    View { style: Style { colour: true, width: 80, ..Style::default() }, detail, typed: typed() }
}

/// As a stream under CI hands it out.
fn shown(what: &str, text: &str, markdown: bool) {
    let text = safe::leaving(text, true);
    assert_eq!(obeyed(&text), None, "{what}");
    harmless(what, &text, markdown);
}

/// A report for people, which nothing needs to be taken out of on its way.
fn report(what: &str, text: &str) {
    shown(what, text, false);
    assert_eq!(safe::leaving(text, false), text, "{what}: it is harmless before it leaves");
}

fn markup(what: &str, text: &str) {
    shown(what, text, false);
    assert!(!text.contains("<x-pwned") && !text.contains("##["), "{what}");
}

fn document(what: &str, text: &str) -> Value {
    shown(what, text, false);
    assert!(!text.contains("##["), "{what}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// No message of a SARIF log holds a link, however a viewer reads its escapes.
fn no_links(what: &str, log: &Value) {
    fn walk(what: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(text)) = map.get("message").and_then(|m| m.get("text")) {
                    let open = text
                        .match_indices('[')
                        .any(|(at, _)| (at - text[..at].trim_end_matches('\\').len()) % 2 == 0);
                    assert!(!open, "{what}: {text}");
                }
                map.values().for_each(|v| walk(what, v));
            }
            Value::Array(items) => items.iter().for_each(|v| walk(what, v)),
            _ => {}
        }
    }
    walk(what, log);
}

/// Hostile words stand in a script in single quotes or behind the sign of a comment alone.
fn quoted(what: &str, script: &str) {
    shown(what, script, false);
    assert_eq!(safe::leaving(script, true), script, "{what}: a script leaves as it is");
    let (mut inside, mut comment, mut before) = (false, false, '\n');
    for (at, c) in script.char_indices() {
        match c {
            '\n' => comment = false,
            '#' if !inside && (before == '\n' || before == ' ') => comment = true,
            '\\' if !inside => {}
            '\'' if !comment && (before != '\\' || inside) => inside = !inside,
            _ => {}
        }
        if script[at..].starts_with("touch PWNED") {
            assert!(
                inside || comment,
                "{what}: {}",
                &script[at.saturating_sub(80)..(at + 40).min(script.len())]
            );
        }
        before = c;
    }
}

fn files() -> cases::Files {
    cases::Files::of(&playbook::assemble(playbook::builtin(), Vec::new()).unwrap())
}

fn all_forms_of_a_plan(what: &str, plan: &Plan) {
    for view in [view(Detail::Short), view(Detail::Calls)] {
        report(what, &text::plan(plan, &view));
        report(what, &text::asked(plan, &view));
        for change in &plan.changes {
            report(what, &text::change(plan, change, &view));
            report(what, &fix::details(plan, change, &view));
        }
    }
    shown(what, &markdown::plan(plan, &typed()), true);
    markup(what, &html::plan(plan, &typed()).unwrap());
    document(what, &json::write(plan).unwrap());
    let cases = cases::of_plan(plan, &files());
    no_links(what, &document(what, &json::write(&sarif::write(&cases)).unwrap()));
    markup(what, &junit::write(&cases));
    for script in [export::forward(plan), export::way_back(plan)] {
        match script {
            Ok(script) => quoted(what, &script),
            Err(error) => shown(what, &safe::text(&error.to_string()), false),
        }
    }
    for machines in [export::machines(plan), export::machines_back(plan)] {
        machines
            .into_iter()
            .flat_map(BTreeMap::into_values)
            .for_each(|machine| drop(document(what, &machine)));
    }
}

/// The demo plan with one change of each action, the first one of which all is shown.
fn small_plans() -> Vec<Value> {
    let plan = serde_json::to_value(world::plan(&world::demo(), &Wish::default())).unwrap();
    let mut seen = BTreeSet::new();
    let changes: Vec<Value> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| seen.insert(c["action"].to_string()))
        .cloned()
        .collect();
    assert!(changes.len() >= 5, "{seen:?}");
    let one = |(n, mut change): (usize, Value)| {
        let mut plan = plan.clone();
        change["after"] = Value::Array(Vec::new());
        if n == 0 {
            change["reach"] = serde_json::json!({ "verdict": "reachable", "reason": "eni-1 at 203.0.113.9",
                "hops": [{ "hop": "address", "answer": "yes", "fact": "eni-1 has an address" }] });
        }
        plan["changes"] = Value::Array(vec![change]);
        let skipped: Vec<Value> =
            plan["skipped"].as_array().unwrap().iter().take(if n == 0 { 2 } else { 0 }).cloned().collect();
        plan["skipped"] = Value::Array(skipped);
        plan
    };
    changes.into_iter().enumerate().map(one).collect()
}

#[test]
fn every_string_of_a_plan_may_be_hostile() {
    let (mut loaded, mut refused) = (0, 0);
    // What stands around the changes is the same in all.
    for (n, plan) in small_plans().into_iter().enumerate() {
        each_below(
            &plan,
            if n == 0 { "" } else { "/changes/" },
            |path, edited| match serde_json::from_value::<Plan>(edited) {
                Ok(plan) => {
                    loaded += 1;
                    all_forms_of_a_plan(path, &plan);
                }
                Err(error) => {
                    refused += 1;
                    shown(path, &safe::text(&error.to_string()), false);
                }
            },
        );
    }
    assert!(loaded > 100 && refused > 20, "{loaded} {refused}");
}

#[test]
fn every_string_of_a_journal_may_be_hostile() {
    let stand = world::demo();
    let plan = world::plan(&stand, &Wish::default());
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let events: Vec<_> = hold(&stand.events).clone();
    let (mut kinds, mut loaded) = (BTreeSet::new(), 0);
    for (n, (at, event)) in events.iter().enumerate() {
        let event = serde_json::to_value(event).unwrap();
        // One of each kind of record and of call says the same as all.
        if !kinds.insert(format!("{}{}", event["type"], event["call"]["operation"])) {
            continue;
        }
        each(&event, |path, edited| {
            let Ok(event) = serde_json::from_value::<Event>(edited) else { return };
            loaded += 1;
            let events = events[..n].iter().cloned().chain([(*at, event)]);
            let records: Vec<_> =
                events.enumerate().map(|(n, (at, event))| line::next("", n as u64 + 1, at, event)).collect();
            let run = RunDocument::of(&Story::of(&records), &plan)
                .telling(redress::journal::timeline::timeline(&records[records.len() - 1..]));
            report(path, &text::run(&run, &view(Detail::Calls)));
            report(path, &text::runs(std::slice::from_ref(&run), &view(Detail::Calls)));
            shown(path, &markdown::run(&run, &typed()), true);
            shown(path, &markdown::runs(std::slice::from_ref(&run)), true);
            markup(path, &html::run(&run, Some(&plan), &typed()).unwrap());
            document(path, &json::write(&run).unwrap());
            let cases = cases::of_run(&run, &plan, &files());
            no_links(path, &document(path, &json::write(&sarif::write(&cases)).unwrap()));
            markup(path, &junit::write(&cases));
        });
    }
    assert!(kinds.len() > 15 && loaded > 60, "{kinds:?} {loaded}");
}

#[test]
fn every_string_of_every_family_may_be_hostile() {
    let whole = serde_json::to_value(hold(&world::demo().twin).inventory()).unwrap();
    let mut found = Vec::new();
    leaves(&whole, "", &mut found);
    // One of each member of each family: ids, which are keys as well, stay what they are.
    let kind = |path: &str| {
        let parts: Vec<&str> = path.split('/').collect();
        let items = parts.iter().position(|p| *p == "items");
        parts
            .iter()
            .enumerate()
            .filter(|(n, p)| !(Some(*n) == items.map(|i| i + 1) || p.parse::<usize>().is_ok() || *n == 2))
            .map(|(_, p)| *p)
            .collect::<Vec<_>>()
            .join("/")
    };
    let mut kinds = BTreeSet::new();
    let poisoned = |paths: &[&String]| {
        let mut edited = whole.clone();
        paths.iter().for_each(|path| *edited.pointer_mut(path).unwrap() = Value::from(HOSTILE));
        serde_json::from_value::<Inventory>(edited)
    };
    let loaded: Vec<&String> =
        found.iter().filter(|path| kinds.insert(kind(path)) && poisoned(&[path]).is_ok()).collect();
    assert!(loaded.len() > 60, "{} of {}", loaded.len(), kinds.len());
    // Reading an account and planning takes a while: some of them at a time.
    for paths in loaded.chunks(12) {
        let inventory = poisoned(paths).unwrap();
        let path = &format!("{paths:?}");
        let stand = Stand::new(Twin::from_inventory(inventory));
        let wish = Wish::default();
        let (seen, plan) = (world::survey(&stand, &wish), world::plan(&stand, &wish));
        let decided: BTreeMap<FindingKey, Decided> = decisions(&plan);
        let scan = Scan {
            lapsed: &[],
            account: &plan.account,
            partition: &plan.partition,
            regions: &plan.regions,
            endpoint: &plan.endpoint,
            read_at: seen.inventory.read_at,
            findings: &seen.findings,
            unjudged: &seen.unjudged,
            decisions: &decided,
            reaches: &redress::reach::of(&seen.inventory, &seen.findings, &|_| Value::Null),
            intake: None,
        };
        report(path, &text::findings(&scan, &view(Detail::Calls)));
        shown(path, &markdown::findings(&scan, &typed()), true);
        markup(path, &html::findings(&scan, &typed()).unwrap());
        document(path, &json::write(&json::FindingsDocument::from(&scan)).unwrap());
        let cases = cases::of_scan(&scan, &files());
        no_links(path, &document(path, &json::write(&sarif::write(&cases)).unwrap()));
        markup(path, &junit::write(&cases));
        report(path, &text::plan(&plan, &view(Detail::Calls)));
        shown(path, &markdown::plan(&plan, &Typed::default()), true);
        for script in [export::forward(&plan), export::way_back(&plan)].into_iter().flatten() {
            quoted(path, &script);
        }
    }
}

#[test]
fn a_call_that_redress_does_not_make_is_in_no_program_and_every_word_of_a_call_is_quoted() {
    let mut refused = Vec::new();
    for plan in small_plans() {
        let good: Plan = serde_json::from_value(plan.clone()).unwrap();
        let scripts = match export::forward(&good) {
            Ok(script) => vec![script, export::way_back(&good).unwrap()],
            Err(error) => {
                let why = error.to_string();
                assert!(
                    why.contains("it delivers a secret") || why.contains("which no script asks for yet"),
                    "{why}"
                );
                refused.push(good.changes[0].action.to_string());
                Vec::new()
            }
        };
        for script in scripts {
            for line in script
                .lines()
                .filter_map(|l| l.trim_start().trim_start_matches("made=$(").strip_prefix("call "))
            {
                assert!(
                    line.split(' ').take(3).all(|word| word.starts_with('\'') && word.ends_with('\'')),
                    "{line}"
                );
            }
        }
        for (service, operation) in [
            ("ec2 x {}; touch PWNED; true", "CreateTags"),
            ("ec2", "TerminateInstances"),
            ("lambda", "Invoke"),
        ] {
            let mut forged = good.clone();
            let call = &mut forged.changes[0].steps[0].act.call;
            (call.service, call.operation) = (service.to_owned(), operation.to_owned());
            for error in [
                export::forward(&forged).unwrap_err(),
                export::way_back(&forged).unwrap_err(),
                export::machines(&forged).unwrap_err(),
            ] {
                assert!(
                    error.to_string().contains("is not an operation that redress makes"),
                    "{service}:{operation}: {error}"
                );
            }
            // A file that says so is not even read.
            let mut file = plan.clone();
            let call = file.pointer_mut("/changes/0/steps/0/call").unwrap();
            (call["service"], call["operation"]) = (service.into(), operation.into());
            let error = serde_json::from_value::<Plan>(file).unwrap_err().to_string();
            assert!(error.contains("no operation that redress makes"), "{error}");
        }
    }
    refused.sort();
    assert_eq!(refused, ["least-privilege-role", "rotate-access-key"]);
}
