//! Tests of the room: formats, odd lines, and what becomes of records.

#[cfg(feature = "parquet")]
mod columns;
mod counted;
mod formats;
mod seen;

use std::cell::RefCell;

use super::{Bad, Flow, Sink, text::Text};

/// Takes every record, with the interface of each.
#[derive(Debug, Default)]
pub(super) struct All {
    interfaces: RefCell<Vec<String>>,
    pub flows: Vec<(String, Flow)>,
}

impl Sink for All {
    fn place(&self, interface: &[u8]) -> Option<usize> {
        let mut interfaces = self.interfaces.borrow_mut();
        interfaces.push(String::from_utf8_lossy(interface).into_owned());
        Some(interfaces.len() - 1)
    }
    fn take(&mut self, place: usize, flow: &Flow) {
        let interface = self.interfaces.borrow()[place].clone();
        self.flows.push((interface, *flow));
    }
}

/// Reads a whole text.
pub(super) fn read(text: &str) -> Result<Vec<(String, Flow)>, Bad> {
    pieces([text.as_bytes()].into_iter())
}

/// Reads a text in pieces.
pub(super) fn pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<(String, Flow)>, Bad> {
    let (mut log, mut all) = (Text::default(), All::default());
    for piece in pieces {
        log.feed(piece, &mut all)?;
    }
    let records = log.end(&mut all)?;
    assert_eq!(records, all.flows.len() as u64);
    Ok(all.flows)
}
