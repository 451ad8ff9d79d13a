//! Text from an account made harmless: tags, names and descriptions are written by anybody, and must neither command a
//! terminal nor become markup. Nothing else in `report` may write such text without passing through here.

use std::fmt::Write;

/// The text on one line, with every character that a terminal obeys or a reader cannot see shown as an escape: control
/// characters (ESC and newlines among them), direction overrides, zero-width and tag characters.
pub fn text(input: &str) -> String {
    let mut out = String::with_capacity(input.len());
    for c in input.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if hidden(c) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Whether a character has no look of its own, or changes how others look
/// (<https://www.unicode.org/reports/tr9/>, <https://www.unicode.org/reports/tr36/>).
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A JSON text in which what a terminal obeys or a reader cannot see stands as JSON's own escapes: the same document.
/// Such characters stand only inside strings, since JSON's own spaces are left alone.
pub fn json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for c in document.chars() {
        if c == '\n' || !hidden(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// For HTML, in text and in attributes.
pub fn html(input: &str) -> String {
    let mut out = String::new();
    for c in text(input).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// For running text in Markdown and in its tables: no markup, no HTML, no link, no mention, no formula. Structure is
/// written as entities, which CommonMark never takes for structure
/// (<https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references>).
pub fn markdown(input: &str) -> String {
    let plain = text(input);
    let mut out = String::new();
    for (at, c) in plain.char_indices() {
        let rest = &plain[at..];
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '$' | '!' | '"' | '\'' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            // Sites turn these into links after Markdown is done; an empty comment between keeps them apart.
            '@' | '#' => {
                out.push(c);
                out.push_str("<!-- -->");
            }
            ':' if rest.starts_with("://") => out.push_str(":<!-- -->"),
            '.' if plain[..at].to_ascii_lowercase().ends_with("www") => out.push_str("<!-- -->."),
            // Only at the beginning of a line do these make a list or a rule.
            '-' | '+' | '=' if at == 0 => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// A code span in Markdown, in running text and in tables.
pub fn code(input: &str) -> String {
    let plain = text(input);
    if plain.trim().is_empty() || plain.contains('|') {
        // A table would take the bar for the end of a cell, even in a code span.
        return format!("<code>{}</code>", markdown(&plain));
    }
    let ticks = "`".repeat(longest_run(&plain) + 1);
    let space = if plain.starts_with('`') || plain.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{plain}{space}{ticks}")
}

/// A fenced block of Markdown whose lines are made harmless one by one.
pub fn block(language: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| text(line)).collect();
    let fence = "`".repeat(lines.iter().map(|line| longest_run(line)).max().unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// The length of the longest run of backticks.
fn longest_run(input: &str) -> usize {
    input.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A word of a POSIX shell command: quoted where a shell would not take it as it is.
pub fn shell(word: &str) -> String {
    let plain = text(word);
    let bare = !plain.is_empty() && !plain.starts_with('-') && plain.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c));
    if bare { plain } else { format!("'{}'", plain.replace('\'', "'\\''")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_commands_a_terminal_is_shown_and_not_obeyed() {
        assert_eq!(text("a\u{1b}[2Jb\nc\u{202e}d\u{9b}31m\u{200b}"), "a\\u{1b}[2Jb\\nc\\u{202e}d\\u{9b}31m\\u{200b}");
        assert_eq!(text("Grüße 日本 \"x\""), "Grüße 日本 \"x\"");
    }

    #[test]
    fn markup_in_a_tag_stays_text() {
        assert_eq!(markdown("<script>|*x*"), "&lt;script&gt;&#124;&#42;x&#42;");
        assert_eq!(markdown("@all #1 https://e.vil www.e.vil"), "@<!-- -->all #<!-- -->1 https:<!-- -->//e.vil www<!-- -->.e.vil");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("a|`b"), "<code>a&#124;&#96;b</code>");
        assert_eq!(block("diff", &["```".to_owned(), "+ a\nb".to_owned()]), "````diff\n```\n+ a\\nb\n````\n");
        assert_eq!(html("<a href='x'>"), "&lt;a href=&#39;x&#39;&gt;");
    }

    #[test]
    fn a_shell_takes_a_quoted_word_as_one() {
        assert_eq!(shell("plan.json"), "plan.json");
        assert_eq!(shell("my plan; rm -rf ~"), "'my plan; rm -rf ~'");
        assert_eq!(shell("it's"), "'it'\\''s'");
        assert_eq!(shell("-o"), "'-o'");
    }

    proptest! {
        #[test]
        fn no_hidden_character_survives(input in any::<String>()) {
            prop_assert!(!text(&input).chars().any(hidden));
        }

        #[test]
        fn what_is_safe_stays_as_it_is(input in any::<String>()) {
            let once = text(&input);
            prop_assert_eq!(text(&once), once);
        }

        #[test]
        fn markdown_keeps_no_character_that_makes_structure(input in "[ -~\\u{1b}\n]{0,40}") {
            let out = markdown(&input).replace("<!-- -->", "");
            prop_assert!(!out.contains(['<', '>', '`', '*', '_', '[', ']', '|', '~', '$', '\n', '\\']), "{}", out);
            prop_assert!(!html(&input).contains(['<', '>', '"', '\'', '\n']));
        }

        #[test]
        fn json_says_the_same_and_hides_nothing(input in any::<String>()) {
            let document = serde_json::to_string_pretty(&serde_json::json!({ "a": [input] })).expect("JSON");
            let out = json(&document);
            prop_assert!(!out.chars().any(|c| c != '\n' && hidden(c)));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&out).expect("JSON"), serde_json::json!({ "a": [input] }));
        }

        #[test]
        fn a_code_span_ends_only_at_its_own_fence(input in "[a-c`|<]{1,20}") {
            let out = code(&input);
            if let Some(inner) = out.strip_prefix("<code>").and_then(|o| o.strip_suffix("</code>")) {
                prop_assert!(!inner.contains(['<', '|', '`']));
            } else {
                let fence = out.len() - out.trim_start_matches('`').len();
                prop_assert!(longest_run(&out[fence..out.len() - fence]) < fence);
            }
        }
    }
}
