//! Fuzzes taking ARNs apart.
#![no_main]

use redress::resource::ResourceId;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match ResourceId::try_from(text.clone()) {
        Ok(id) => {
            let parts = [id.as_str(), id.partition(), id.service(), id.region(), id.account(), id.id()];
            assert!(parts.iter().all(|part| text.contains(part)));
            assert!(text.len() <= 2048 && !text.contains(char::is_control));
            drop((id.kind(), id.owner()));
        }
        Err(error) => drop(error.to_string()),
    }
});
