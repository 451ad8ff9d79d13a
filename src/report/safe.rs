//! Text from an account, made harmless: tags, names and descriptions can be written by anybody, and
//! must neither control a terminal nor become markup. All such text in `report` must pass through here
//! before it is written.

use std::fmt::Write;

/// Returns the text on one line, with every character that a terminal obeys or a reader cannot see shown as
/// an escape: control characters (ESC and newlines among them), direction overrides, zero-width and tag
/// characters. Commands that a CI runner obeys anywhere in a line are escaped too.
pub fn text(input: &str) -> String {
    let mut out = String::with_capacity(input.len());
    for (at, c) in input.char_indices() {
        match c {
            '#' if commands_a_runner(&input[at..]) => out.push_str("\\u{23}"),
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

/// Returns whether a character is invisible, or changes how others look
/// (<https://www.unicode.org/reports/tr9/>, <https://www.unicode.org/reports/tr36/>).
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Returns whether a text begins with a command that a CI runner obeys anywhere in a line: `##[` of
/// GitHub's runner (<https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs>,
/// `TryParse`), `##vso[` of Azure Pipelines
/// (<https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands>), `##teamcity[` of
/// TeamCity.
fn commands_a_runner(text: &str) -> bool {
    text.strip_prefix("##")
        .is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).starts_with('['))
}

/// Makes any text safe to write to a stream: lines, tabs and colours pass, everything else that a terminal
/// obeys is shown as an escape. With `ci`, nothing in it is a command for a CI runner: GitHub's also takes a
/// line that begins with `::` after any white space for a command (`TryParseV2`, same file as above), which
/// wrapping can produce.
pub fn leaving(input: &str, ci: bool) -> String {
    let mut out = String::with_capacity(input.len());
    let (mut at, mut fresh) = (0, true);
    while let Some(c) = input[at..].chars().next() {
        let rest = &input[at..];
        at += c.len_utf8();
        match c {
            '\n' => fresh = true,
            '\u{1b}' => {
                let Some(length) = colour(rest) else {
                    out.push_str("\\u{1b}");
                    continue;
                };
                out.push_str(&rest[..length]);
                at += length - 1;
                continue;
            }
            c if c != '\t' && hidden(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
                continue;
            }
            ':' if ci && fresh && rest.starts_with("::") => {
                out.push_str("\\u{3a}");
                fresh = false;
                continue;
            }
            '#' if ci && commands_a_runner(rest) => {
                out.push_str("\\u{23}");
                continue;
            }
            c => fresh &= c.is_whitespace(),
        }
        out.push(c);
    }
    out
}

/// Returns the length of the sequence that sets a colour, if the text begins with one: `ESC [`, numbers, `m`.
fn colour(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("\u{1b}[")?;
    let numbers = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    rest[numbers..].starts_with('m').then_some(2 + numbers + 1)
}

/// Replaces the characters of a JSON text that a terminal obeys or a reader cannot see with JSON's own
/// escapes; the document stays the same. Such characters only occur inside strings, since JSON's own white
/// space is left alone.
pub fn json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for (at, c) in document.char_indices() {
        // Outside of strings, JSON has no such character.
        let command = c == '#' && commands_a_runner(&document[at..]);
        if c == '\n' || !(hidden(c) || command) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// Escapes a text for HTML, as content and in attributes.
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

/// Escapes a text for the prose and the tables of Markdown: no markup, no HTML, no link, no mention, no
/// formula. Structural characters are written as entities, which CommonMark never takes for structure
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
            // Sites turn these into links after Markdown has been rendered; an empty comment keeps
            // the parts separate.
            '@' | '#' => {
                out.push(c);
                out.push_str("<!-- -->");
            }
            ':' if rest.starts_with("://") => out.push_str(":<!-- -->"),
            '.' if plain[..at].to_ascii_lowercase().ends_with("www") => out.push_str("<!-- -->."),
            // These are commands for a CI runner only at the beginning of a line.
            ':' if at == 0 && rest.starts_with("::") => out.push_str("&#58;"),
            // These start a list or a rule only at the beginning of a line.
            '-' | '+' | '=' if at == 0 => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Writes a code span in Markdown, for prose and for tables.
pub fn code(input: &str) -> String {
    let plain = text(input);
    if plain.trim().is_empty() || plain.contains('|') {
        // A table takes the bar for the end of a cell, even in a code span.
        return format!("<code>{}</code>", markdown(&plain));
    }
    let ticks = "`".repeat(longest_run(&plain) + 1);
    let space = if plain.starts_with('`') || plain.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{plain}{space}{ticks}")
}

/// Writes a fenced block of Markdown whose lines are made harmless one by one.
pub fn block(language: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| text(line)).collect();
    let fence = "`".repeat(lines.iter().map(|line| longest_run(line)).max().unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// Returns the length of the longest run of backticks.
fn longest_run(input: &str) -> usize {
    input.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Escapes a message of SARIF, in which `[text](target)` is a link
/// (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>, 3.11.6 "Messages with embedded
/// links"): brackets and the escape character itself are escaped.
pub fn sarif(input: &str) -> String {
    let mut out = String::new();
    for c in text(input).chars() {
        if matches!(c, '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Writes a word of a POSIX shell command, quoted if a shell would interpret it.
pub fn shell(word: &str) -> String {
    let plain = text(word);
    let bare = !plain.is_empty()
        && !plain.starts_with('-')
        && plain.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c));
    if bare { plain } else { format!("'{}'", plain.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_commands_a_terminal_is_shown_and_not_obeyed() {
        assert_eq!(
            text("a\u{1b}[2Jb\nc\u{202e}d\u{9b}31m\u{200b}"),
            "a\\u{1b}[2Jb\\nc\\u{202e}d\\u{9b}31m\\u{200b}"
        );
        assert_eq!(text("Grüße 日本 \"x\""), "Grüße 日本 \"x\"");
    }

    #[test]
    fn markup_in_a_tag_stays_text() {
        assert_eq!(markdown("<script>|*x*"), "&lt;script&gt;&#124;&#42;x&#42;");
        assert_eq!(
            markdown("@all #1 https://e.vil www.e.vil"),
            "@<!-- -->all #<!-- -->1 https:<!-- -->//e.vil www<!-- -->.e.vil"
        );
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

    #[test]
    fn what_commands_a_ci_runner_is_shown_and_not_obeyed() {
        assert_eq!(
            text("a ##[set-output name=x]y ###vso[task.x] ## [x] #[x]"),
            "a \\u{23}#[set-output name=x]y #\\u{23}#vso[task.x] ## [x] #[x]"
        );
        assert_eq!(
            leaving("::a::b\n  ::c\n\u{1b}[1m ::d\nx ::e ::/0", true),
            "\\u{3a}:a::b\n  \\u{3a}:c\n\u{1b}[1m \\u{3a}:d\nx ::e ::/0"
        );
        assert_eq!(leaving("::a ##[b", false), "::a ##[b");
        assert_eq!(
            leaving("\t\u{1b}[31mred\u{1b}[0m \u{1b}]8;;x\u{7}\u{1b}[2J\r\u{202e}", false),
            "\t\u{1b}[31mred\u{1b}[0m \\u{1b}]8;;x\\u{7}\\u{1b}[2J\\u{d}\\u{202e}"
        );
        assert_eq!(json("{\"a\": \"##[x]\"}"), "{\"a\": \"\\u0023#[x]\"}");
        assert_eq!(markdown("::x::"), "&#58;:x::");
    }

    #[test]
    fn a_message_of_sarif_holds_no_link() {
        assert_eq!(sarif("[l](https://e.vil) \\[m](x)"), "\\[l\\](https://e.vil) \\\\\\[m\\](x)");
    }

    proptest! {
        #[test]
        fn no_hidden_character_survives(input in any::<String>()) {
            prop_assert!(!text(&input).chars().any(hidden));
        }

        #[test]
        fn nothing_that_leaves_is_a_command(input in "(?s)[:# \\[a\n\t\u{1b}m;1\u{a0}\u{3000}\u{202e}]{0,24}") {
            let out = leaving(&input, true);
            for line in out.lines() {
                let mut bare = line.trim_start();
                while let Some(length) = colour(bare) {
                    bare = bare[length..].trim_start();
                }
                prop_assert!(!bare.starts_with("::") && !(0..line.len()).any(|n| line.is_char_boundary(n) && commands_a_runner(&line[n..])), "{line:?}");
            }
            prop_assert_eq!(leaving(&out, true), out.clone());
            prop_assert!(!text(&input).contains("##["));
        }

        #[test]
        fn what_is_safe_stays_as_it_is(input in any::<String>()) {
            let once = text(&input);
            prop_assert_eq!(text(&once), once);
        }

        #[test]
        fn markdown_keeps_no_character_that_makes_structure(input in "[ -~\\u{1b}\n]{0,40}") {
            let out = markdown(&input).replace("<!-- -->", "");
            prop_assert!(!out.contains(['<', '>', '`', '*', '_', '[', ']', '|', '~', '$', '\n', '\\']), "{}",
                out);
            prop_assert!(!html(&input).contains(['<', '>', '"', '\'', '\n']));
        }

        #[test]
        fn json_says_the_same_and_hides_nothing(input in any::<String>()) {
            let document = serde_json::to_string_pretty(&serde_json::json!({ "a": [input] })).expect("JSON");
            let out = json(&document);
            prop_assert!(!out.chars().any(|c| c != '\n' && hidden(c)));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&out).expect("JSON"),
                serde_json::json!({ "a": [input] }));
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
