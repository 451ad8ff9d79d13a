//! Fuzzes what makes foreign text harmless before it is shown.
#![no_main]

#[path = "../../../src/report/safe.rs"]
#[allow(dead_code, reason = "shared by programs of which each uses a part")]
mod safe;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for shown in [safe::text(&text), safe::html(&text)] {
        assert!(!shown.contains(char::is_control));
    }
    assert!(!safe::html(&text).contains(['<', '>', '"', '\'']));
    let document = serde_json::Value::from(text.as_ref()).to_string();
    let tame = safe::json(&document);
    assert!(!tame.contains(|c: char| c.is_control()));
    assert_eq!(
        serde_json::from_str::<String>(&tame).ok().as_deref(),
        Some(text.as_ref()),
        "it is the same document"
    );
});
