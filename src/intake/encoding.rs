//! The encoding of an input's text: UTF-8, or UTF-16, which Windows programs write (PowerShell's `>` among
//! them). Input that is not text is named by its first bytes. The meaning of a text plays no part here.

use std::io::{self, BufRead, Read};

/// The order of the two bytes of a unit of UTF-16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The less significant byte first.
    Little,
    /// The more significant byte first.
    Big,
}

/// The number of bytes that are looked at in an input without a mark.
const LOOK: usize = 64;
/// The number of bytes below which the encoding cannot be recognised.
const FEWEST: usize = 8;

/// Detects UTF-16: returns its byte order and the length of its mark. It is recognised by the mark, or by
/// every other byte being zero, as in the brackets, quotes and names that all formats begin with.
pub fn utf16(head: &[u8]) -> Option<(Order, usize)> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some((Order::Little, 2)),
        [0xfe, 0xff, ..] => return Some((Order::Big, 2)),
        _ => {}
    }
    let pairs: Vec<(u8, u8)> = head
        .chunks_exact(2)
        .take(LOOK / 2)
        .filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)))
        .collect();
    if pairs.len() * 2 < FEWEST {
        return None;
    }
    if pairs.iter().all(|(first, second)| *first != 0 && *second == 0) {
        Some((Order::Little, 0))
    } else if pairs.iter().all(|(first, second)| *first == 0 && *second != 0) {
        Some((Order::Big, 0))
    } else {
        None
    }
}

/// A reader that converts UTF-16 to UTF-8. Unpaired surrogates become U+FFFD, as everywhere in foreign text.
pub struct Utf16<R> {
    inner: R,
    order: Order,
    /// The first byte of a unit whose second byte has not been read yet.
    byte: Option<u8>,
    /// The first half of a character whose second half has not been read yet.
    half: Option<u16>,
    ready: Vec<u8>,
    at: usize,
}

impl<R: BufRead> Utf16<R> {
    /// Builds a converter for a reader whose mark has been consumed.
    pub fn new(inner: R, order: Order) -> Self {
        Self { inner, order, byte: None, half: None, ready: Vec::new(), at: 0 }
    }

    /// Decodes some more. Returns whether there was any.
    fn more(&mut self) -> io::Result<bool> {
        (self.ready, self.at) = (Vec::new(), 0);
        let part = self.inner.fill_buf()?.to_vec();
        self.inner.consume(part.len());
        if part.is_empty() {
            if self.byte.is_some() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "its UTF-16 ends in the middle of a character",
                ));
            }
            self.half.take().into_iter().for_each(|_| self.push('\u{fffd}'));
            return Ok(!self.ready.is_empty());
        }
        for byte in part {
            match self.byte.take() {
                None => self.byte = Some(byte),
                Some(first) => self.unit(match self.order {
                    Order::Little => u16::from_le_bytes([first, byte]),
                    Order::Big => u16::from_be_bytes([first, byte]),
                }),
            }
        }
        Ok(true)
    }

    fn unit(&mut self, unit: u16) {
        let is_high = (0xd800..0xdc00).contains(&unit);
        if let Some(high) = self.half.take() {
            let both = char::decode_utf16([high, unit]).next().and_then(Result::ok);
            match both {
                Some(whole) if (0xdc00..0xe000).contains(&unit) => return self.push(whole),
                _ => self.push('\u{fffd}'),
            }
        }
        if is_high {
            self.half = Some(unit)
        } else {
            self.push(char::from_u32(u32::from(unit)).unwrap_or('\u{fffd}'))
        }
    }

    fn push(&mut self, c: char) {
        self.ready.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() {
            if !self.more()? {
                return Ok(0);
            }
        }
        let n = self.ready.get(self.at..).unwrap_or_default().read(into)?;
        self.at += n;
        Ok(n)
    }
}

/// Recognises input that is not text by its first bytes. Returns the name under which it is declined.
pub fn no_text(head: &[u8]) -> Option<&'static str> {
    let starts: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", ZIP),
        (b"PK\x05\x06", ZIP),
        (b"\x1f\x8b", GZIP),
        (b"BZh", PACKED),
        (b"\xfd7zXZ\0", PACKED),
        (b"\x28\xb5\x2f\xfd", PACKED),
        (b"7z\xbc\xaf\x27\x1c", PACKED),
        (b"\xff\xfe\0\0", UTF32),
        (b"\0\0\xfe\xff", UTF32),
        (b"PAR1", PARQUET),
        (b"%PDF-", PDF),
        (b"SQLite format 3\0", DATABASE),
    ];
    let by_start = starts.iter().find(|(start, _)| head.starts_with(start)).map(|(_, name)| *name);
    // The mark of a tar archive is in its first header
    // (<https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html>).
    by_start.or_else(|| head.get(257..262).filter(|mark| *mark == b"ustar").map(|_| TAR))
}

/// A zip archive, which includes Excel's spreadsheets.
pub const ZIP: &str = "zip archive";
/// A tar archive, compressed with gzip or not.
pub const TAR: &str = "tar archive";
/// gzip within gzip.
pub const GZIP: &str = "gzip within gzip";
/// Other compressions.
pub const PACKED: &str = "compressed data";
/// UTF-32.
pub const UTF32: &str = "UTF-32";
/// Parquet.
pub const PARQUET: &str = "Parquet";
/// PDF.
pub const PDF: &str = "PDF";
/// SQLite.
pub const DATABASE: &str = "SQLite database";

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn written(text: &str, order: Order) -> Vec<u8> {
        let bytes = |unit: u16| if order == Order::Little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn read(bytes: &[u8], order: Order, room: usize) -> String {
        let mut text = String::new();
        Utf16::new(BufReader::with_capacity(room, bytes), order).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn both_orders_are_read_however_the_bytes_arrive() {
        let text = "{\"Title\": \"caf\u{e9} \u{1f510} \u{201c}x\u{201d}\"}";
        for order in [Order::Little, Order::Big] {
            for room in [1, 2, 3, 5, 4096] {
                assert_eq!(read(&written(text, order), order, room), text, "{order:?} {room}");
            }
        }
    }

    #[test]
    fn the_order_is_told_by_the_mark_or_by_the_zeros() {
        let text = written("[{\"a\": 1}]", Order::Little);
        assert_eq!(utf16(&text), Some((Order::Little, 0)));
        assert_eq!(utf16(&written("[{\"a\": 1}]", Order::Big)), Some((Order::Big, 0)));
        assert_eq!(utf16(&[&[0xff, 0xfe], text.as_slice()].concat()), Some((Order::Little, 2)));
        assert_eq!(utf16(&[0xfe, 0xff, 0, b'[']), Some((Order::Big, 2)));
        for other in [
            b"".as_slice(),
            b"[{\"a\": 1}]",
            b"\xef\xbb\xbf[]",
            b"\xff\xfe\0\0",
            b"\0\0\0\0\0\0\0\0\0\0",
            b"[\0",
        ] {
            assert_eq!(utf16(other), None, "{other:?}");
        }
    }

    #[test]
    fn halves_are_mended_and_half_a_unit_at_the_end_is_an_error() {
        let lone = [0x3d, 0xd8, b'a', 0, 0x3d, 0xd8];
        assert_eq!(read(&lone, Order::Little, 64), "\u{fffd}a\u{fffd}");
        let mut text = String::new();
        assert!(
            Utf16::new(BufReader::new(&[b'a', 0, b'b'][..]), Order::Little)
                .read_to_string(&mut text)
                .is_err()
        );
    }

    #[test]
    fn what_is_no_text_is_named() {
        let mut tar = vec![b'a'; 257];
        tar.extend_from_slice(b"ustar\x0000");
        assert_eq!(no_text(&tar), Some(TAR));
        assert_eq!(no_text(b"PK\x03\x04..."), Some(ZIP));
        assert_eq!(no_text(b"{\"a\": 1}"), None);
    }
}
