//! Every parser that reads what somebody else may have written: playbooks, plans, journals, ARNs. It looks for panics and
//! for parts that do not fit the whole; what the parsers say is tested elsewhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redress::{
    journal::{RunDocument, Story, line},
    plan::digest,
    playbook::load,
    resource::ResourceId,
};

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses, so that what is found for one parser is not lost on the others.
    let Some((choice, bytes)) = bytes.split_first() else { return };
    match choice % 4 {
        0 => playbook(bytes),
        1 => plan(bytes),
        2 => journal(bytes),
        _ => arn(bytes),
    }
});

fn playbook(bytes: &[u8]) {
    let parsed = load::text(bytes.to_vec(), "fuzz.toml").and_then(|text| load::parse(&text, "fuzz.toml"));
    if let Err(problems) = parsed {
        assert!(!problems.is_empty());
        problems.iter().for_each(|problem| drop(problem.to_string()));
    }
}

fn plan(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match digest::parse(text) {
        Ok(plan) => assert!(digest::verify(&plan)),
        Err(error) => drop(error.to_string()),
    }
}

fn journal(bytes: &[u8]) {
    match line::read(bytes) {
        Ok((records, whole)) => {
            assert!(whole <= bytes.len());
            assert_eq!(line::read(&bytes[..whole]).map(|(again, _)| again.len()).ok(), Some(records.len()), "what is whole reads the same alone");
            drop(RunDocument::outcomes(&Story::of(&records)));
        }
        Err(damage) => drop(damage.to_string()),
    }
}

fn arn(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match ResourceId::try_from(text.clone()) {
        Ok(id) => {
            for part in [id.as_str(), id.partition(), id.service(), id.region(), id.account(), id.id()] {
                assert!(text.contains(part));
            }
            drop((id.kind(), id.owner()));
        }
        Err(error) => drop(error.to_string()),
    }
}
