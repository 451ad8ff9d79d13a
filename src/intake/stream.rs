//! The bytes of an input: decompressed, as UTF-8 without a byte-order mark, counted and bounded. It never says what they mean.

use std::io::{BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::encoding::{self, Utf16};

/// The most bytes that are read of one input, after decompression.
pub const MAX_BYTES: u64 = 16 << 30;
/// A compressed input may grow to this many bytes whatever its size.
const FREE_GROWTH: u64 = 256 << 20;
/// Beyond that it may be at most so many times larger than it was. Log files reach 30; DEFLATE itself ends at 1032.
const MAX_RATIO: u64 = 200;
/// How much is read at once.
const BUFFER: usize = 256 << 10;

/// So much is read before it is decided what an input is, however small the parts are that it comes in.
const AHEAD: usize = 16 << 10;

/// Counts what passes through a reader.
struct Counted<R> {
    inner: R,
    count: std::rc::Rc<std::cell::Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

/// A reader whose beginning has been read.
struct Ahead<'r> {
    head: Cursor<Vec<u8>>,
    /// What stopped the reading of the beginning; it is said when the beginning has been taken.
    failed: Option<std::io::Error>,
    rest: Box<dyn Read + 'r>,
}

impl<'r> Ahead<'r> {
    fn new(mut rest: Box<dyn Read + 'r>) -> Self {
        let (mut head, mut failed) = (vec![0; AHEAD], None);
        let mut filled = 0;
        while let Some(room) = head.get_mut(filled..).filter(|room| !room.is_empty()) {
            match rest.read(room) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        head.truncate(filled);
        Self { head: Cursor::new(head), failed, rest }
    }

    fn head(&self) -> &[u8] {
        self.head.get_ref()
    }
}

impl Read for Ahead<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self.head.read(into)? {
            0 if !into.is_empty() => self.failed.take().map_or_else(|| self.rest.read(into), Err),
            n => Ok(n),
        }
    }
}

/// The bytes of an input, one look ahead.
pub struct Bytes<'r> {
    inner: BufReader<Box<dyn Read + 'r>>,
    raw: Option<std::rc::Rc<std::cell::Cell<u64>>>,
    /// Bytes handed out.
    pub read: u64,
    /// Why reading stopped before the end, if it did.
    pub stopped: Option<String>,
}

impl<'r> Bytes<'r> {
    /// Looks at the first bytes, and decompresses if they are gzip's, one layer only; UTF-16 becomes UTF-8.
    pub fn new(input: Box<dyn Read + 'r>) -> Self {
        let count = std::rc::Rc::new(std::cell::Cell::new(0));
        let counted = Ahead::new(Box::new(Counted { inner: input, count: count.clone() }));
        let gzip = counted.head().starts_with(&[0x1f, 0x8b]);
        let (plain, raw) =
            if gzip { (Ahead::new(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, counted)))), Some(count)) } else { (counted, None) };
        let utf16 = encoding::utf16(plain.head());
        let mut inner: BufReader<Box<dyn Read + 'r>> = BufReader::with_capacity(BUFFER, Box::new(plain));
        if let Some((order, mark)) = utf16 {
            let _ = fill(&mut inner);
            inner.consume(mark);
            inner = BufReader::with_capacity(BUFFER, Box::new(Ahead::new(Box::new(Utf16::new(inner, order)))));
        }
        let mut bytes = Self { inner, raw, read: 0, stopped: None };
        if bytes.peeked().starts_with(&[0xef, 0xbb, 0xbf]) {
            bytes.skip(3);
        }
        bytes
    }

    /// What lies ahead; empty at the end, or where reading had to stop.
    pub fn peeked(&mut self) -> &[u8] {
        if self.stopped.is_none() {
            self.stopped = self.too_much();
        }
        if self.stopped.is_none()
            && let Err(e) = fill(&mut self.inner)
        {
            self.stopped = Some(if e.kind() == std::io::ErrorKind::UnexpectedEof {
                "the compressed data ends early".to_owned()
            } else {
                format!("it could not be read{}: {e}", if self.read == 0 { "" } else { " on" })
            });
        }
        if self.stopped.is_some() { &[] } else { self.inner.buffer() }
    }

    fn too_much(&self) -> Option<String> {
        if self.read > MAX_BYTES {
            return Some(format!("it is larger than {} GiB, which is where reading ends", MAX_BYTES >> 30));
        }
        let raw = self.raw.as_ref()?.get().max(1);
        let grown = self.read > FREE_GROWTH && self.read / raw > MAX_RATIO;
        grown.then(|| format!("it grows more than {MAX_RATIO} times when decompressed, as no log does"))
    }

    /// Takes `n` of the bytes that were peeked at.
    pub fn skip(&mut self, n: usize) {
        self.inner.consume(n);
        self.read += n as u64;
    }

    /// The next byte that is not white, without taking it.
    pub fn after_white(&mut self) -> Option<u8> {
        loop {
            let ahead = self.peeked();
            let white = ahead.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0x1e)).count();
            let next = ahead.get(white).copied();
            let end = ahead.is_empty();
            self.skip(white);
            if next.is_some() || end {
                return next;
            }
        }
    }

    /// Everything up to `most` bytes, to look at how an input begins. Nothing is taken.
    pub fn head(&mut self, most: usize) -> Vec<u8> {
        self.peeked().iter().take(most).copied().collect()
    }
}

/// Fills an empty buffer; interruptions do not count.
fn fill(input: &mut impl BufRead) -> std::io::Result<&[u8]> {
    while let Err(e) = input.fill_buf() {
        if e.kind() != std::io::ErrorKind::Interrupted {
            return Err(e);
        }
    }
    input.fill_buf()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn all(mut bytes: Bytes<'_>) -> (Vec<u8>, Option<String>) {
        let mut out = Vec::new();
        loop {
            let ahead = bytes.peeked().to_vec();
            if ahead.is_empty() {
                return (out, bytes.stopped);
            }
            bytes.skip(ahead.len());
            out.extend(ahead);
        }
    }

    fn gz(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_members_and_a_mark_at_the_beginning_are_seen_through() {
        let both = [gz(b"\xef\xbb\xbfab"), gz(b"cd")].concat();
        assert_eq!(all(Bytes::new(Box::new(both.as_slice()))), (b"abcd".to_vec(), None));
    }

    #[test]
    fn compressed_data_that_ends_early_gives_what_it_holds_and_says_so() {
        let whole = gz(&(0..200_000u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
        let (got, stopped) = all(Bytes::new(Box::new(&whole[..whole.len() / 2])));
        assert!(!got.is_empty());
        assert!(stopped.unwrap().contains("ends early"));
    }

    #[test]
    fn a_bomb_is_put_down() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..300 {
            encoder.write_all(&zeros).unwrap();
        }
        let bomb = encoder.finish().unwrap();
        let mut bytes = Bytes::new(Box::new(bomb.as_slice()));
        assert_eq!(bytes.after_white(), None);
        assert!(bytes.stopped.unwrap().contains("grows"));
        assert!(bytes.read < FREE_GROWTH + (2 << 20));
    }
}
