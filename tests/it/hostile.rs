//! Input made to do harm: playbooks, plans, journals and ARNs of arbitrary and of damaged text, huge and deep
//! ones, and findings that are bombs, in bounded time and memory.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    sync::OnceLock,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use redress::{
    journal::{Event, RunDocument, Story, line},
    plan::digest::{self, PlanFileError},
    playbook::load,
    resource::ResourceId,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{
    stand::yes,
    support,
    worked::worked,
    world::{self, Wish},
};

/// Valid ones, to be damaged: a plan of the demo account, the journal of its run, and the playbooks that are
/// built in.
struct Good {
    plan: String,
    journal: Vec<u8>,
    playbooks: Vec<String>,
}

fn good() -> &'static Good {
    static GOOD: OnceLock<Good> = OnceLock::new();
    GOOD.get_or_init(|| {
        let stand = world::demo();
        let plan = world::plan(&stand, &Wish::default());
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let (mut journal, mut former) = (Vec::new(), String::new());
        for (n, (at, event)) in stand.events.lock().unwrap().iter().enumerate() {
            let record = line::next(&former, n as u64 + 1, *at, event.clone());
            former.clone_from(&record.sum);
            journal.extend(serde_json::to_vec(&record).unwrap());
            journal.push(b'\n');
        }
        let playbooks = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks")).unwrap();
        let playbooks = playbooks.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
        Good { plan: serde_json::to_string(&plan).unwrap(), journal, playbooks }
    })
}

/// All parsers on the same bytes. What they say is not asked; only that they say something.
fn parse_all(bytes: &[u8]) {
    if let Ok(text) = load::text(bytes.to_vec(), "x.toml") {
        match load::parse(&text, "x.toml") {
            Ok(playbook) => drop(format!("{playbook:?}")),
            Err(problems) => problems.iter().for_each(|p| drop(p.to_string())),
        }
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    if let Err(error) = digest::parse(&text) {
        drop(error.to_string());
    }
    match line::read(bytes) {
        Ok((records, whole)) => {
            assert!(whole <= bytes.len());
            drop(Story::of(&records));
        }
        Err(damage) => drop(damage.to_string()),
    }
    arn(&text);
}

/// Takes an ARN apart by every way that there is.
fn arn(text: &str) {
    match ResourceId::try_from(text.to_owned()) {
        Ok(id) => {
            let parts = [id.as_str(), id.partition(), id.service(), id.region(), id.account(), id.id()];
            assert!(parts.iter().all(|p| text.contains(p)), "every part of {text:?} is a part of it");
            assert!(text.len() <= 2048 && !text.contains(char::is_control));
            drop((id.kind(), id.owner(), id.to_string()));
        }
        Err(error) => drop(error.to_string()),
    }
}

/// How a valid text is damaged: at a place (in thousandths), over a length, with what.
type Damage = (usize, usize, u8, Vec<u8>);

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let bits = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        Just(b"\"".to_vec()),
        Just(b"[[[[".to_vec()),
        Just(b"}".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"99999999999999999999".to_vec()),
        Just(b"-1e999".to_vec()),
        Just(b"null".to_vec()),
        Just("\u{1b}[2J\u{202e}".as_bytes().to_vec()),
        Just(b"\\ud800".to_vec()),
    ];
    proptest::collection::vec((0_usize..1000, 0_usize..40, 0_u8..4, bits), 1..5)
}

fn damaged(good: &[u8], all: &[Damage]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for (at, length, how, bits) in all {
        let at = bytes.len() * at / 1000;
        let end = (at + length).min(bytes.len());
        match how {
            0 => drop(bytes.splice(at..at, bits.iter().copied())),
            1 => drop(bytes.splice(at..end, bits.iter().copied())),
            2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

/// Puts this in the place of the nth value of a document, counted through it.
fn planted(document: &mut Value, n: &mut usize, plant: &Value) -> bool {
    if *n == 0 {
        *document = plant.clone();
        return true;
    }
    *n -= 1;
    match document {
        Value::Object(map) => map.values_mut().any(|v| planted(v, n, plant)),
        Value::Array(items) => items.iter_mut().any(|v| planted(v, n, plant)),
        _ => false,
    }
}

fn plant() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!({})),
        Just(json!("")),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(1e300)),
        Just(json!("arn:aws:ec2:::x/")),
        Just(json!({ "$ref": ["c1", "x", "/y"] })),
        ".{0,12}".prop_map(Value::from),
    ]
}

/// With the digest that fits, as somebody would make who wants the plan to be taken.
pub fn sealed(mut plan: Value) -> String {
    plan.as_object_mut().unwrap().shift_remove("digest");
    let digest: String =
        Sha256::digest(digest::canonical(&plan)).iter().map(|b| format!("{b:02x}")).collect();
    plan["digest"] = json!(digest);
    plan.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_parser_panics_on_arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        parse_all(&bytes);
    }

    #[test]
    fn no_parser_panics_on_arbitrary_text(text in ".{0,300}") {
        parse_all(text.as_bytes());
    }

    #[test]
    fn no_parser_panics_on_a_damaged_playbook(which in 0_usize..100, all in damage()) {
        let playbooks = &good().playbooks;
        parse_all(&damaged(playbooks[which % playbooks.len()].as_bytes(), &all));
    }

    #[test]
    fn a_damaged_plan_is_never_taken_for_whole(all in damage()) {
        let bytes = damaged(good().plan.as_bytes(), &all);
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(plan) = digest::parse(&text) {
            // What was damaged may have been nothing: then it is the same plan.
            prop_assert_eq!(serde_json::to_value(plan).unwrap(),
                serde_json::from_str::<Value>(&good().plan).unwrap());
        }
    }

    #[test]
    fn a_plan_that_was_edited_and_sealed_again_is_taken_or_refused_but_never_panics(mut n in 1_usize..4000,
        plant in plant()) {
        let mut plan: Value = serde_json::from_str(&good().plan).unwrap();
        planted(&mut plan, &mut n, &plant);
        if let Err(error) = digest::parse(&sealed(plan)) {
            prop_assert!(!matches!(error, PlanFileError::Digest | PlanFileError::CutOff { .. }), "{}", error);
        }
    }

    #[test]
    fn a_damaged_journal_is_refused_or_is_a_beginning_of_the_whole_one(all in damage()) {
        let (whole, _) = line::read(&good().journal).unwrap();
        if let Ok((records, _)) = line::read(&damaged(&good().journal, &all)) {
            prop_assert!(records.len() <= whole.len());
            prop_assert_eq!(&records[..], &whole[..records.len()], "a record that was never written is read");
        }
    }

    #[test]
    fn a_journal_with_other_events_and_fitting_sums_is_told_without_panic(which in 0_usize..1000,
        mut n in 1_usize..40, plant in plant()) {
        let (mut records, _) = line::read(&good().journal).unwrap();
        let which = which % records.len();
        let mut event = serde_json::to_value(&records[which].event).unwrap();
        planted(&mut event, &mut n, &plant);
        if let Ok(event) = serde_json::from_value::<Event>(event) {
            records[which].event = event;
            let plan = digest::parse(&good().plan).unwrap();
            let document = RunDocument::of(&Story::of(&records), &plan);
            prop_assert_eq!(document.changes.len(), plan.changes.len());
        }
    }

    #[test]
    fn an_arn_is_taken_apart_without_panic(text in "arn:aws[a-z-]{0,4}:[a-z0-9]{0,8}:[a-z0-9-]{0,9}:[0-9]{0,12}:[a-zA-Z0-9:/_.*-]{0,40}") {
        arn(&text);
    }

    #[test]
    fn a_damaged_arn_is_taken_apart_without_panic(all in damage()) {
        arn(&String::from_utf8_lossy(&damaged(b"arn:aws:ec2:us-east-1:123456789012:security-group/sg-0123456789abcdef0", &all)));
    }
}

/// What one run takes of the processor, whatever else the machine does: so many runs are measured together
/// that the ticks by which the system counts do not matter.
fn time(f: impl Fn()) -> Duration {
    let since = Instant::now();
    for runs in (0..20).map(|n| 1_u32 << n) {
        let before = worked(since);
        (0..runs).for_each(|_| f());
        let took = worked(since).saturating_sub(before);
        if took >= Duration::from_millis(60) {
            return took / runs;
        }
    }
    panic!("it takes no time at all");
}

/// Texts of a size, by what they are like.
fn grown(kind: &str, n: usize) -> String {
    let head = "id = \"x\"\ntitle = \"t\"\nfinding = \"vpc-without-flow-logs\"\n";
    match kind {
        "playbook with many actions" => {
            head.to_owned() + &"[[action]]\nuse = \"enable-flow-logs\"\n".repeat(n)
        }
        "playbook with many unknown keys" => (0..n).fold(head.to_owned(), |mut t, i| {
            let _ = writeln!(t, "key{i} = {i}");
            t
        }),
        "playbook that is one long comment" => format!("{head}# {}", "x".repeat(n * 30)),
        "playbook with a long string" => format!("{head}approve = \"{}\"", "x".repeat(n * 30)),
        "playbook with mistakes on every line" => head.to_owned() + &"= = =\n".repeat(n),
        "playbook with a long array" => format!("{head}[match]\nregions = [{}]", "\"us-east-1\",".repeat(n)),
        "plan that is one array" => {
            format!("{{\"format\":\"redress.plan/1\",\"changes\":[{}0]}}", "{\"a\":1},".repeat(n))
        }
        "plan with a long string" => format!("{{\"format\":\"{}\"}}", "\\u001b".repeat(n * 5)),
        "journal of rubbish" => "{\"format\":\"redress.journal/1\"}\n".repeat(n),
        "ARN" => format!("arn:aws:ec2:::{}", ":/".repeat(n * 10)),
        _ => unreachable!(),
    }
}

#[test]
fn the_time_to_read_hostile_input_grows_with_its_size_and_not_faster() {
    let kinds = [
        "playbook with many actions",
        "playbook with many unknown keys",
        "playbook that is one long comment",
        "playbook with a long string",
        "playbook with mistakes on every line",
        "playbook with a long array",
        "plan that is one array",
        "plan with a long string",
        "journal of rubbish",
        "ARN",
    ];
    let mut slow = Vec::new();
    for kind in kinds {
        let (small, large) = (grown(kind, 400), grown(kind, 4000));
        let (a, b) = (time(|| parse_all(small.as_bytes())), time(|| parse_all(large.as_bytes())));
        // Ten times the size may take ten times as long; a square would take a hundred times. What takes less
        // than this small is mostly not the text's.
        let ratio = b.as_secs_f64() / a.as_secs_f64().max(0.000_1);
        println!("{kind}: {} bytes in {a:?}, {} in {b:?}", small.len(), large.len());
        if ratio > 40.0 {
            slow.push(format!("{kind}: {} bytes take {a:?}, {} take {b:?}", small.len(), large.len()));
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

#[test]
fn a_long_journal_is_read_in_time_that_grows_with_its_length() {
    let journal = |n: u64| {
        let (mut text, mut former) = (Vec::new(), String::new());
        for seq in 1..=n {
            let record = line::next(
                &former,
                seq,
                jiff::Timestamp::UNIX_EPOCH,
                Event::Settled { change: format!("c{}", seq % 50), step: format!("s{seq}") },
            );
            former.clone_from(&record.sum);
            text.extend(serde_json::to_vec(&record).unwrap());
            text.push(b'\n');
        }
        text
    };
    let (small, large) = (journal(300), journal(3000));
    let tell = |text: &[u8]| drop(Story::of(&line::read(text).unwrap().0));
    let (a, b) = (time(|| tell(&small)), time(|| tell(&large)));
    assert!(b.as_secs_f64() < 40.0 * a.as_secs_f64().max(0.000_1), "300 records take {a:?}, 3000 take {b:?}");
}

/// The program with so much memory and no more, on a file.
fn bounded(folder: &TempDir, line: &str) -> (Option<i32>, String) {
    let script = format!("ulimit -v 1500000; exec \"{}\" {line}", env!("CARGO_BIN_EXE_redress"));
    let output = support::at_home("/bin/sh", folder.path()).args(["-c", &script]).output().unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout),
    )
}

#[test]
fn deep_and_huge_files_are_refused_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let deep = |open: &str, close: &str, n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
    let files = [
        ("deep-array.toml", format!("a = {}", deep("[", "]", 200_000))),
        ("deep-table.toml", format!("a = {}1{}", "{a=".repeat(100_000), "}".repeat(100_000))),
        ("dotted.toml", format!("{}a = 1", "a.".repeat(200_000))),
        ("header.toml", format!("[{}a]\nb = 1", "a.".repeat(200_000))),
        ("huge.toml", "a = 1\n".repeat(400_000)),
        (
            "keys.toml",
            (0..60_000).fold(String::new(), |mut t, i| {
                let _ = writeln!(t, "k{i} = 1");
                t
            }),
        ),
    ];
    for (name, text) in &files {
        fs::write(folder.path().join(name), text).unwrap();
        let (code, said) = bounded(&folder, &format!("playbooks check {name}"));
        assert_eq!(code, Some(2), "{name}: {}", &said[..said.len().min(2000)]);
        assert!(said.len() < 100_000, "{name}: {} bytes are said", said.len());
    }
    let files = [
        ("deep.json", deep("[", "]", 1_000_000)),
        ("deep-object.json", format!("{}1{}", "{\"a\":".repeat(300_000), "}".repeat(300_000))),
        ("numbers.json", format!("{{\"format\":\"redress.plan/1\",\"digest\":{}}}", "9".repeat(1_000_000))),
        ("huge.json", format!("{{\"format\":\"redress.plan/1\",\"changes\":[{}0]}}", "0,".repeat(1_000_000))),
        ("name.json", format!("{{\"format\":\"{}\"}}", "x".repeat(1_000_000))),
    ];
    for (name, text) in &files {
        fs::write(folder.path().join(name), text).unwrap();
        for line in [format!("show {name}"), format!("apply {name} --account twin:demo")] {
            let (code, said) = bounded(&folder, &line);
            assert_eq!(code, Some(2), "{line}: {}", &said[..said.len().min(2000)]);
            assert!(said.len() < 100_000, "{line}: {} bytes are said", said.len());
        }
    }
}

#[test]
fn findings_that_are_bombs_are_read_in_bounded_memory_and_said_to_be_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    let gz = |text: &[u8], times: usize| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        (0..times).for_each(|_| encoder.write_all(text).unwrap());
        encoder.finish().unwrap()
    };
    let mut endless = gz(b"{\"Records\":[{\"eventSource\":\"", 1);
    endless.extend(gz(&vec![b'x'; 1 << 20], 300));
    let files = [
        ("text.gz", endless),
        ("twice.gz", gz(&gz(&vec![b' '; 1 << 20], 20), 1)),
        ("deep.json", format!("{{\"Records\":[{}", "{\"a\":[".repeat(500_000)).into_bytes()),
        ("key.json", format!("{{\"Records\":[{{\"{}", "k".repeat(20 << 20)).into_bytes()),
        ("keys.json", (0..400_000).fold("{".to_owned(), |t, n| t + &format!("\"k{n}\":1,")).into_bytes()),
    ];
    for (name, bytes) in files {
        fs::write(folder.path().join(name), &bytes).unwrap();
        let (code, said) = bounded(&folder, &format!("scan --account twin:demo --findings {name}"));
        let short = &said[..said.len().min(2000)];
        // One layer of gzip is seen through; within it is no format that is known.
        let why = if name == "twice.gz" { "gzip within gzip" } else { "nothing in it could be read" };
        assert_eq!(code, Some(2), "{name}: {short}");
        assert!(said.contains(why), "{name}: {short}");
        assert!(said.len() < 100_000, "{name}: {} bytes are said", said.len());
    }
}
