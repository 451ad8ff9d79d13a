//! Fuzzes the reading of playbooks: alone, and in the place of a built-in one among all the others.
#![no_main]

use redress::playbook::{assemble, load};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let parsed = load::text(bytes.to_vec(), "fuzz.toml")
        .and_then(|text| load::parse(&text, "fuzz.toml").map(|playbook| (text, playbook)));
    match parsed {
        Ok((text, playbook)) => {
            let all = assemble::assemble(assemble::builtin(), vec![("fuzz.toml".to_owned(), text)]);
            assert!(all.is_err_and(|problems| !problems.is_empty()) || !playbook.id.is_empty());
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            problems.iter().for_each(|problem| assert!(!problem.to_string().contains('\u{1b}')));
        }
    }
});
