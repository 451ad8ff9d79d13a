//! Limits on the size and depth of a playbook. They are checked before the text is parsed, so that no file,
//! however it was made, can exhaust the stack or the memory of later steps. Nothing else is judged here.

use std::ops::Range;

/// The largest playbook, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// The deepest nesting of brackets.
pub const MAX_DEPTH: usize = 12;
/// The largest number of dots in a key.
pub const MAX_DOTS: usize = 12;

/// Returns the place where a text exceeds the limits, `most` bytes among them, with the message; `None` if it
/// does not.
pub fn exceeded(text: &str, most: usize) -> Option<(Range<usize>, String)> {
    if text.len() > most {
        return Some((0..0, format!("the file has {} bytes, and may have {most} at most", text.len())));
    }
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut dots) = (0, 0_usize, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        let from = at;
        at += 1;
        match byte {
            b'#' => at = line_end(bytes, at),
            b'"' | b'\'' => at = string_end(bytes, from),
            b'[' | b'{' => (depth, dots) = (depth + 1, 0),
            b']' | b'}' => (depth, dots) = (depth.saturating_sub(1), 0),
            b'=' | b',' | b'\n' => dots = 0,
            b'.' => dots += 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some((from..at, format!("brackets are nested more than {MAX_DEPTH} deep")));
        }
        if dots > MAX_DOTS {
            return Some((from..at, format!("a key has more than {MAX_DOTS} dots")));
        }
    }
    None
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes.iter().skip(from).position(|b| *b == b'\n').map_or(bytes.len(), |n| from + n)
}

/// Returns the end of a string that opens at `from`: the position after its closing quotes, or where it is
/// broken off.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let quote = bytes[from];
    let is_quote = |at: usize| bytes.get(at) == Some(&quote);
    let long = is_quote(from + 1) && is_quote(from + 2);
    let mut at = if long { from + 3 } else { from + 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 2,
            b'\n' if !long => return at,
            _ if byte == quote && !long => return at + 1,
            _ if byte == quote && is_quote(at + 1) && is_quote(at + 2) => {
                // A long string may end with one or two quotes of its own before the three that close it.
                return at
                    + 3
                    + usize::from(is_quote(at + 3))
                    + usize::from(is_quote(at + 3) && is_quote(at + 4));
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_dots_in_strings_and_comments_do_not_count() {
        let many = "[".repeat(40);
        let dots = ".".repeat(40);
        for text in [
            format!("a = \"{many}{dots}\""),
            format!("a = \"\\\"{many}\""),
            format!("a = '{many}'"),
            format!("# {many}{dots}\na = 1"),
            format!("a = \"\"\"\n\"{many}\"\n\"\"\""),
            format!("a = '''{many}''''' # '"),
        ] {
            assert_eq!(exceeded(&text, MAX_BYTES), None, "{text}");
        }
    }

    #[test]
    fn too_deep_too_dotted_and_too_large_are_each_found_where_they_begin() {
        let deep = format!("a = {}", "[".repeat(MAX_DEPTH + 1));
        assert_eq!(exceeded(&deep, MAX_BYTES).map(|e| e.0), Some(4 + MAX_DEPTH..5 + MAX_DEPTH));
        let hidden = format!("a = ['''x'''', {}", "{".repeat(40));
        assert!(exceeded(&hidden, MAX_BYTES).is_some());
        assert!(exceeded(&format!("a{} = 1", ".a".repeat(MAX_DOTS + 1)), MAX_BYTES).is_some());
        assert!(exceeded(&" ".repeat(MAX_BYTES + 1), MAX_BYTES).is_some());
        assert_eq!(exceeded(&" ".repeat(MAX_BYTES), MAX_BYTES), None);
    }
}
