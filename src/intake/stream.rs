//! The bytes of an input: decompressed, as UTF-8 without a byte-order mark, counted and bounded. Their
//! meaning plays no part here.

use std::io::{BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::encoding::{self, Utf16};

/// The maximum number of bytes that are read from one input, after decompression.
pub const MAX_BYTES: u64 = 16 << 30;
/// The decompressed size up to which any growth is allowed, in bytes.
const FREE_GROWTH: u64 = 256 << 20;
/// The largest growth beyond that size, as a ratio. Log files reach 30; DEFLATE itself ends at 1032.
const MAX_RATIO: u64 = 200;
/// The number of bytes that are read at once.
const BUFFER: usize = 256 << 10;

/// The number of bytes that are read before the kind of input is decided, however small the parts in
/// which they arrive.
const AHEAD: usize = 16 << 10;

/// A reader that counts the bytes that pass through it.
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
    /// The error that stopped the reading of the beginning; it is returned after the
    /// beginning has been taken.
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

/// The bytes of an input, with a look ahead.
pub struct Bytes<'r> {
    inner: BufReader<Box<dyn Read + 'r>>,
    raw: Option<std::rc::Rc<std::cell::Cell<u64>>>,
    /// The number of bytes handed out.
    pub read: u64,
    /// The reason why reading stopped before the end, if it did.
    pub stopped: Option<String>,
}

impl<'r> Bytes<'r> {
    /// Opens an input: gzip is decompressed, one layer only, and UTF-16 is converted to UTF-8.
    pub fn new(input: Box<dyn Read + 'r>) -> Self {
        let count = std::rc::Rc::new(std::cell::Cell::new(0));
        let counted = Ahead::new(Box::new(Counted { inner: input, count: count.clone() }));
        let gzip = counted.head().starts_with(&[0x1f, 0x8b]);
        let (plain, raw) = if gzip {
            (
                Ahead::new(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, counted)))),
                Some(count),
            )
        } else {
            (counted, None)
        };
        let utf16 = encoding::utf16(plain.head());
        let mut inner: BufReader<Box<dyn Read + 'r>> = BufReader::with_capacity(BUFFER, Box::new(plain));
        if let Some((order, mark)) = utf16 {
            let _ = fill(&mut inner);
            inner.consume(mark);
            inner =
                BufReader::with_capacity(BUFFER, Box::new(Ahead::new(Box::new(Utf16::new(inner, order)))));
        }
        let mut bytes = Self { inner, raw, read: 0, stopped: None };
        if bytes.peeked().starts_with(&[0xef, 0xbb, 0xbf]) {
            bytes.skip(3);
        }
        bytes
    }

    /// Returns the bytes ahead; none at the end, or after reading had to stop.
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

    /// Returns the next byte that is not white space, without taking it.
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

    /// Returns the bytes ahead, at most `most`, to recognise an input by its beginning. Nothing is taken.
    pub fn head(&mut self, most: usize) -> Vec<u8> {
        self.peeked().iter().take(most).copied().collect()
    }
}

/// Fills an empty buffer; interruptions are retried.
fn fill(input: &mut impl BufRead) -> std::io::Result<&[u8]> {
    while let Err(e) = input.fill_buf() {
        if e.kind() != std::io::ErrorKind::Interrupted {
            return Err(e);
        }
    }
    input.fill_buf()
}

#[cfg(test)]
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
