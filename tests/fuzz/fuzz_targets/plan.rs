//! Fuzzes reading a plan, and what is made of one that was taken: its permissions and its scripts. A plan's
//! digest is no signature, so edited plans get the digest that fits, as somebody would give them who wants
//! them to be taken.
#![no_main]

#[path = "../edit.rs"]
mod edit;
#[path = "../former.rs"]
mod former;

use std::sync::LazyLock;

use redress::plan::{digest, export, permissions};
use serde_json::Value;
use sha2::{Digest, Sha256};

static PLAN: LazyLock<Value> = LazyLock::new(former::plan);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = match edit::asked(bytes) {
        Some(edits) => edit::edited(std::slice::from_ref(&*PLAN), edits)
            .into_iter()
            .next()
            .map(sealed)
            .unwrap_or_default(),
        None => String::from_utf8_lossy(bytes).into_owned(),
    };
    match digest::parse(&text) {
        Ok(plan) => {
            drop(serde_json::to_string(&permissions::Policy::of(&permissions::of_plan(&plan))));
            for script in [export::forward(&plan), export::way_back(&plan)] {
                match script {
                    Ok(script) => {
                        assert!(!script.contains(|c: char| c.is_control() && c != '\n' && c != '\t'))
                    }
                    Err(error) => drop(error.to_string()),
                }
            }
        }
        Err(error) => drop(error.to_string()),
    }
});

fn sealed(mut plan: Value) -> String {
    if let Some(map) = plan.as_object_mut() {
        map.shift_remove("digest");
        let digest: String =
            Sha256::digest(digest::canonical(&plan)).iter().map(|b| format!("{b:02x}")).collect();
        plan["digest"] = digest.into();
    }
    plan.to_string()
}
