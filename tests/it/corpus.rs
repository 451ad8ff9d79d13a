//! Intake on other people's data: every file of the folder that `REDRESS_CORPUS` names. Skipped where it
//! names none; the project holds no file of it, only how many of what there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use redress::{
    intake::{self, Decision, Intake, Item, Reason},
    investigate::{Period, Target, Trace},
    resource::Owner,
};
use serde_json::Value;

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("REDRESS_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: REDRESS_CORPUS names no folder");
    }
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn owner() -> Owner {
    Owner { partition: "aws".into(), account: "123456789012".into() }
}

fn taken(paths: &[PathBuf]) -> Intake {
    let inputs = paths
        .iter()
        .map(|p| (p.display().to_string(), Box::new(fs::File::open(p).unwrap()) as Box<dyn Read>))
        .collect();
    intake::collect(inputs, &owner(), &[])
}

/// What a folder holds: files by format, findings by decision.
fn told(name: &str, intake: &Intake) -> String {
    let mut formats: BTreeMap<&str, u64> = BTreeMap::new();
    let incomplete = intake.reports.iter().filter(|r| r.incomplete.is_some()).count();
    for report in &intake.reports {
        *formats.entry(&report.format).or_default() += 1;
    }
    let list =
        |map: Vec<(&str, u64)>| map.iter().map(|(k, n)| format!("{k} {n}")).collect::<Vec<_>>().join(", ");
    let mut text = format!("{name}: {} read", intake.counts.read);
    let _ = write!(text, "; {}", list(formats.into_iter().collect()));
    let _ =
        write!(text, "; {}", list(intake.counts.decisions.iter().map(|(k, n)| (k.as_str(), *n)).collect()));
    if incomplete > 0 {
        let _ = write!(text, "; {incomplete} not whole");
    }
    text
}

/// What stands in the corpus, folder by folder. Where the corpus grows, or something is read better, this
/// changes.
const HOLDS: &[&str] = &[
    "checkov: 0 read; Checkov 5; ",
    "cloudsploit: 0 read; CloudSploit 2, nothing 1; ",
    "cloudtrail-eventbridge: 14 read; CloudTrail event 11, EventBridge CloudTrail 2; other_account 4, \
     passed 1, unmapped_control 9",
    "cloudtrail-events: 3560 read; CloudTrail Insights 2, CloudTrail event 449, CloudTrail log file 3, \
     unknown format 10; actionable 5, failed_call 235, other_account 10, passed 15, read_only 3072, \
     reverted_later 4, unmapped_control 199, unresolved_resource 20",
    "cloudtrail-lookup-events: 6 read; CloudTrail LookupEvents 1; other_account 1, passed 1, read_only \
     1, reverted_later 1, unmapped_control 2",
    "cloudtrail-s3-log: 2 read; CloudTrail log file 1; read_only 1, unmapped_control 1",
    "config: 11 read; AWS Config compliance 2, AWS Config items 8, AWS Config rule invocation 3, \
     CloudTrail event 7, notification of a file 1; read_only 4, unmapped_control 7",
    "custodian-output: 15 read; Cloud Custodian policy 8, Cloud Custodian resources 6, nothing 2, \
     unknown format 11; actionable 10, unmapped_control 5",
    "eventbridge-other: 0 read; other event 5; ",
    "guardduty: 32 read; ASFF 1, CloudTrail event 1, EventBridge GuardDuty 9, GuardDuty 3; sample 28, \
     unmapped_control 3, unresolved_resource 1",
    "prowler: 4232 read; ASFF 6, OCSF 6, Prowler 2 CSV 3, Prowler 2 JSON 2, Prowler 3 JSON 1, Prowler \
     4/5 CSV 6, nothing 2, unknown format 2; actionable 565, other_account 1, passed 2906, \
     pseudo_resource 3, suppressed 8, unmapped_control 748, unresolved_resource 1",
    "s3-notification-wrappers: 0 read; notification of a file 7; ",
    "scoutsuite: 0 read; ScoutSuite 2; ",
    "securityhub-asff: 95 read; ASFF 74, EventBridge ASFF 9, nothing 1, other event 1, unknown format \
     1; archived 6, incomplete 1, other_account 20, passed 8, pseudo_resource 2, unmapped_control 58",
    "securityhub-asff-eventbridge: 1 read; EventBridge ASFF 1; passed 1",
    "securityhub-ocsf: 4 read; OCSF 1, unknown format 1; archived 2, unmapped_control 2",
    "trivy: 0 read; Trivy 6; ",
];

#[test]
fn every_file_of_the_corpus_is_recognised_or_said_to_be_unknown_and_the_counts_are_as_they_were() {
    let Some(corpus) = corpus() else { return };
    let mut tops: Vec<PathBuf> =
        fs::read_dir(&corpus).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    tops.sort();
    let mut holds = Vec::new();
    for top in tops {
        let name = top.file_name().unwrap().to_string_lossy().into_owned();
        let intake = taken(&files(&top));
        for report in &intake.reports {
            assert!(!report.format.is_empty());
            assert_eq!(report.read, report.counts.values().sum::<u64>(), "{report:?}");
            assert!(report.format != "unknown format" || report.declined.is_some(), "{report:?}");
        }
        let counts = &intake.counts;
        assert_eq!(counts.read, counts.decisions.values().sum::<u64>());
        assert_eq!(counts.read, intake.suspicions.len() as u64 + counts.merged + counts.unlisted);
        holds.push(told(&name, &intake));
    }
    assert_eq!(holds, HOLDS, "{holds:#?}");
}

/// The ids of the events whose call failed, found without the reader: by walking whatever JSON there is.
fn failed_events(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| failed_events(v, into)),
        Value::Object(object) => {
            let failed = object.get("errorCode").is_some_and(|c| !c.is_null() && c != "");
            if let (true, Some(id)) = (failed, object.get("eventID").and_then(Value::as_str)) {
                into.insert(id.to_owned());
            }
            object.values().for_each(|v| failed_events(v, into));
        }
        _ => {}
    }
}

#[test]
fn no_failed_call_of_the_corpus_is_acted_on() {
    let Some(corpus) = corpus() else { return };
    let (mut all, mut acted) = (0, Vec::new());
    for path in files(&corpus).into_iter().filter(|p| p.to_string_lossy().contains("cloudtrail")) {
        let mut failed = BTreeSet::new();
        for value in serde_json::Deserializer::from_slice(&fs::read(&path).unwrap())
            .into_iter::<Value>()
            .map_while(Result::ok)
        {
            failed_events(&value, &mut failed);
        }
        all += failed.len();
        intake::read("log", Box::new(fs::File::open(&path).unwrap()), &mut |item| {
            if let Item::Found(suspicion, _) = item
                && suspicion.decision.is_actionable()
            {
                acted.extend(
                    suspicion
                        .sources
                        .iter()
                        .filter(|s| failed.contains(&s.finding))
                        .map(|s| (path.clone(), s.finding.clone())),
                );
            }
        });
    }
    assert!(all > 100, "{all}");
    assert_eq!(acted, []);
}

/// What a run of Prowler says, whatever it is written in.
fn said(path: &Path) -> BTreeMap<String, (Vec<String>, Decision)> {
    let mut said: BTreeMap<String, (Vec<String>, Decision)> = BTreeMap::new();
    intake::read("run", Box::new(fs::File::open(path).unwrap()), &mut |item| {
        let Item::Found(suspicion, _) = item else { return };
        let source = &suspicion.sources[0];
        // What a person must judge is not in ASFF at all.
        if matches!(&source.decision, Decision::NotActionable { detail, .. } if detail.contains("person")) {
            return;
        }
        let reason = suspicion.decision.reason();
        let decision = reason.map_or(Decision::Actionable, |reason| Decision::no(reason, ""));
        let key = format!("{} {} {} {}", source.control, suspicion.id, suspicion.region, suspicion.named);
        said.entry(key).or_insert_with(|| (suspicion.checks.clone(), decision.clone()));
    });
    said
}

#[test]
fn the_three_encodings_of_one_run_of_prowler_say_the_same() {
    let Some(corpus) = corpus() else { return };
    let mut runs = 0;
    for ocsf in
        files(&corpus.join("prowler")).into_iter().filter(|p| p.to_string_lossy().contains(".ocsf.json"))
    {
        let other = |end: &str| PathBuf::from(ocsf.to_string_lossy().replace(".ocsf.json", end));
        let (asff, csv) = (other(".asff.json"), other(".csv"));
        if !asff.exists() || !csv.exists() {
            continue;
        }
        runs += 1;
        let (a, b, c) = (said(&ocsf), said(&asff), said(&csv));
        assert!(a.values().any(|(_, d)| d.is_actionable()), "{}", ocsf.display());
        let differ = |x: &BTreeMap<String, _>, y: &BTreeMap<String, _>| {
            x.iter()
                .filter(|(k, v)| y.get(*k) != Some(*v))
                .map(|(k, v): (&String, &(Vec<String>, Decision))| format!("{k} {v:?}"))
                .take(5)
                .collect::<Vec<_>>()
        };
        assert_eq!(differ(&a, &c), Vec::<String>::new(), "OCSF to CSV, {}", ocsf.display());
        assert_eq!(differ(&c, &a), Vec::<String>::new(), "CSV to OCSF, {}", ocsf.display());
        assert_eq!(differ(&a, &b), Vec::<String>::new(), "OCSF to ASFF, {}", ocsf.display());
        assert_eq!(differ(&b, &a), Vec::<String>::new(), "ASFF to OCSF, {}", ocsf.display());
    }
    assert!(runs >= 3, "{runs}");
}

#[test]
fn what_was_made_sick_is_found_in_the_output_of_prowler_and_of_custodian_alike() {
    let Some(corpus) = corpus() else { return };
    let seeded: Value =
        serde_json::from_slice(&fs::read(corpus.join("prowler/prowler-5-on-moto/seeded_ids.json")).unwrap())
            .unwrap();
    // One of the runs was told to mute these very resources, and what is muted anywhere is muted.
    let runs = files(&corpus.join("prowler/prowler-5-on-moto"))
        .into_iter()
        .filter(|p| !p.to_string_lossy().contains("muted"))
        .collect::<Vec<_>>();
    let prowler = taken(&runs);
    let custodian = taken(&files(&corpus.join("custodian-output")));
    for key in ["vpc", "sg-all-open", "sg-ssh-open"] {
        let id = seeded[key].as_str().or_else(|| seeded[key][0].as_str()).unwrap();
        for (tool, intake) in [("Prowler", &prowler), ("Custodian", &custodian)] {
            // Custodian's folders of some policies lack their metadata, so that what they matched is only
            // shown.
            let found = intake
                .suspicions
                .iter()
                .any(|s| s.named.ends_with(id) && (s.decision.is_actionable() || tool == "Custodian"));
            assert!(found, "{tool} does not name {key} {id}");
        }
    }
    assert!(custodian.suspicions.iter().all(|s| s.decision.reason() != Some(Reason::Incomplete)));
}

/// The access keys in whatever JSON there is.
fn keys(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| keys(v, into)),
        Value::Object(object) => {
            into.extend(object.get("accessKeyId").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|v| keys(v, into));
        }
        _ => {}
    }
}

/// What an investigation of every key of a folder adds up to.
fn followed(folder: &Path) -> String {
    let (mut files_with, mut all, mut read, mut matched) = (0, 0, 0, 0);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for path in files(folder) {
        let mut named = BTreeSet::new();
        let text = fs::read(&path).unwrap();
        for value in serde_json::Deserializer::from_slice(&text).into_iter::<Value>().map_while(Result::ok) {
            keys(&value, &mut named);
        }
        let mut has_effects = false;
        for target in named.iter().filter_map(|key| Target::access_key(key).ok()) {
            let mut trace = Trace::new(target, Period::default());
            let report = intake::events("log", Box::new(text.as_slice()), &mut trace);
            let done = trace.done(vec![report]);
            let counts = done.counts;
            assert_eq!(counts.read, counts.matched + counts.others + counts.outside + counts.unreadable);
            assert_eq!(counts.matched, counts.reads + counts.changes + counts.failed, "{}", path.display());
            (read, matched) = (read + counts.read, matched + counts.matched);
            has_effects |= !done.effects.entries.is_empty();
            for effect in &done.effects.entries {
                *kinds.entry(effect.name.kind.word()).or_default() += 1;
            }
        }
        all += 1;
        files_with += usize::from(has_effects);
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
    format!("{files_with} of {all} files with effects; {matched} of {read} events; {}", kinds.join(", "))
}

#[test]
fn investigations_of_every_key_of_the_corpus_add_up_and_name_what_was_simulated() {
    let Some(corpus) = corpus() else { return };
    let events = corpus.join("cloudtrail-events");
    assert_eq!(followed(&events.join("stratus")), FOLLOWED);
    // The others are single events, or have no callers.
    for folder in ["panther", "traildiscover", "streamalert", "console-cartographer"] {
        println!("{folder}: {}", followed(&events.join(folder)));
    }
}

/// What simulated attacks add up to.
const FOLLOWED: &str = "17 of 17 files with effects; 153 of 198 events; loosened 14, made 2, ran 5, took 43";
