//! The mechanical part of the style page (docs/development.md) over every comment and message of `src`, the
//! help and the pages.

use std::{fs, path::Path, process::Command};

use super::layering::{code, sources, untested};

/// Words with which a sentence begins that has no noun.
const HEADLESS: [&str; 9] = ["What", "Who", "Whether", "Where", "How", "Why", "When", "Which", "Whose"];

/// Those of them with which a later sentence cannot begin either: "Where none is in use, …" has its noun.
const LATER: [&str; 4] = ["What", "Who", "Whether", "How"];

/// Words that end like a verb in the third person and are none.
const NO_VERBS: [&str; 14] = [
    "This", "Its", "As", "Is", "Was", "Has", "Does", "Always", "Others", "Unless", "Yes", "Words", "Names",
    "Keys",
];

/// Verbs that only people are the subject of.
const OF_PEOPLE: [&str; 16] = [
    "tell", "tells", "told", "telling", "hear", "hears", "heard", "hearing", "mend", "mends", "mended",
    "mending", "say", "says", "said", "saying",
];

/// A comment and the line of code below it.
struct Comment {
    line: usize,
    /// `///`, `//!` or `//`.
    mark: &'static str,
    text: String,
    item: String,
}

impl Comment {
    fn is_of_a_function(&self) -> bool {
        let words: Vec<&str> = self.item.split_whitespace().collect();
        let fun = words.iter().position(|w| *w == "fn");
        let before =
            |w: &&str| matches!(*w, "const" | "async" | "unsafe") || w.starts_with("pub") || w.ends_with(')');
        self.mark == "///" && fun.is_some_and(|at| words[..at].iter().all(before))
    }
}

fn mark(line: &str) -> Option<&'static str> {
    let line = line.trim_start();
    ["///", "//!", "//"].into_iter().find(|mark| line.starts_with(mark))
}

fn comments(text: &str) -> Vec<Comment> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut all, mut at) = (Vec::new(), 0);
    while at < lines.len() {
        let Some(of) = mark(lines[at]) else {
            at += 1;
            continue;
        };
        let begin = at;
        while at < lines.len() && mark(lines[at]) == Some(of) {
            at += 1;
        }
        let words: Vec<&str> =
            lines[begin..at].iter().map(|line| line.trim_start()[of.len()..].trim()).collect();
        let item = lines[at..]
            .iter()
            .map(|line| line.trim())
            .find(|line| !line.is_empty() && !line.starts_with("#[") && !line.ends_with(")]"));
        all.push(Comment {
            line: begin + 1,
            mark: of,
            text: words.join(" "),
            item: item.unwrap_or_default().to_owned(),
        });
    }
    all
}

/// A text without what it quotes: code, quotations and links.
fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut within: Option<char> = None;
    for c in text.chars() {
        match (within, c) {
            (Some(end), _) if c == end => within = None,
            (None, '`' | '"') => {
                within = Some(c);
                out.push('x');
            }
            (None, '<') => within = Some('>'),
            (None, _) => out.push(c),
            _ => {}
        }
    }
    out
}

fn faults(comment: &Comment) -> Vec<String> {
    let text = prose(&comment.text);
    let first_word = |sentence: &str| {
        sentence.split(|c: char| !c.is_alphanumeric() && c != '\'').next().unwrap_or_default().to_owned()
    };
    let first = first_word(&comment.text);
    let mut faults = Vec::new();
    if comment.mark != "//" && HEADLESS.contains(&first.as_str()) {
        faults.push(format!("begins with {first}"));
    } else if comment.is_of_a_function() && (!first.ends_with('s') || NO_VERBS.contains(&first.as_str())) {
        faults.push(format!("a function's begins with a verb in the third person, not {first:?}"));
    }
    let later = text.split(". ").skip(1).map(first_word);
    faults.extend(
        later
            .filter(|word| comment.mark != "//" && LATER.contains(&word.as_str()))
            .map(|word| format!("a sentence begins with {word}")),
    );
    let words = text.split(|c: char| !c.is_alphanumeric());
    faults.extend(words.filter(|w| OF_PEOPLE.contains(&w.to_lowercase().as_str())).map(|w| format!("{w:?}")));
    if text.contains("because.") {
        faults.push("ends in because".to_owned());
    }
    faults
}

#[test]
fn comments_keep_to_the_style_page() {
    let src = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut found = Vec::new();
    for path in sources(src) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(src).unwrap().display().to_string();
        for comment in comments(&text) {
            found.extend(
                faults(&comment)
                    .into_iter()
                    .map(|fault| format!("src/{name}:{}: {fault}: {}", comment.line, comment.text)),
            );
        }
    }
    assert!(found.is_empty(), "{} comments:\n{}", found.len(), found.join("\n"));
}

/// Words that stand in no text for a person: the page has better ones.
const OUTMODED: [&str; 9] = [
    "way back",
    "take back",
    "takes back",
    "taken back",
    "why not",
    "is not there",
    "are not there",
    "because.",
    "mend",
];

/// Returns the string literals of code, without what is inserted into them.
pub fn literals(code: &str) -> Vec<String> {
    let (mut all, mut chars) = (Vec::new(), code.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => {
                chars.by_ref().find(|c| *c == '\n');
            }
            // A quote, an escaped one or a backslash as a character; anything else here is a lifetime.
            '\'' if matches!(chars.peek(), Some('"')) => {
                chars.next();
            }
            '\'' if matches!(chars.peek(), Some('\\')) => {
                chars.next();
                chars.next();
            }
            '"' => {
                let (mut text, mut depth) = (String::new(), 0);
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => match chars.next() {
                            Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                            Some('n') => text.push(' '),
                            _ => {}
                        },
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        c if depth == 0 => text.push(c),
                        _ => {}
                    }
                }
                all.push(text);
            }
            _ => {}
        }
    }
    all
}

/// Returns the outmoded words of a text, with a part of what stands around each.
fn outmoded(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let word = |at: usize, len: usize| {
        let alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        alone(lower[..at].chars().next_back()) && alone(lower[at + len..].chars().next())
    };
    let one = |words: &&&str| lower.match_indices(**words).any(|(at, found)| word(at, found.len()));
    OUTMODED.iter().filter(one).map(|words| format!("{words:?} in {:?}", text.trim())).collect()
}

#[test]
fn messages_are_in_the_words_of_the_style_page() {
    let src = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let (mut found, mut seen) = (Vec::new(), 0);
    for path in sources(src) {
        let name = path.strip_prefix(src).unwrap().display().to_string();
        // An undo that an earlier version planned is known by its words.
        let former = if name == "engine/undo.rs" { 3 } else { 0 };
        let texts = literals(&code(&path));
        seen += texts.len();
        found.extend(
            texts.iter().flat_map(|text| outmoded(text)).skip(former).map(|it| format!("src/{name}: {it}")),
        );
    }
    assert!(seen > 5000, "the reader of strings found {seen}");
    assert!(found.is_empty(), "{}", found.join("\n"));
    let read = literals("f(\"a {way_back} b\\\"\", '\"', \"c \\\n   d\"); // \"no\"");
    assert_eq!(read, ["a  b", "c d"]);
    assert_eq!(outmoded("There is no way back, because.").len(), 2);
    assert_eq!(outmoded("it recommends"), [""; 0]);
}

#[test]
fn help_and_pages_are_in_the_words_of_the_style_page() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let help = |command: &[String]| {
        let out = Command::new(env!("CARGO_BIN_EXE_redress")).args(command).arg("--help").output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let mut texts = vec![fs::read_to_string(top.join("README.md")).unwrap()];
    let mut open = vec![Vec::<String>::new()];
    while let Some(command) = open.pop() {
        let text = help(&command);
        let listed = text.split("Commands:\n").nth(1).unwrap_or_default().lines();
        let named = listed.take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
        let names = named.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        open.extend(names.map(|name| command.iter().cloned().chain([name.to_owned()]).collect::<Vec<_>>()));
        texts.push(text);
    }
    assert!(texts.len() > 20, "{} commands", texts.len());
    for folder in ["docs", "docs/actions"] {
        let pages = fs::read_dir(top.join(folder)).unwrap().map(|page| page.unwrap().path());
        let pages = pages.filter(|page| page.extension().is_some_and(|e| e == "md"));
        // The page with the words names them.
        let pages = pages.filter(|page| !page.ends_with("development.md"));
        texts.extend(pages.map(|page| fs::read_to_string(page).unwrap()));
    }
    let headless = |line: &&str| HEADLESS[..3].iter().any(|word| line.starts_with(&format!("{word} ")));
    for text in &texts {
        assert!(text.len() > 100, "{text:?}");
        assert_eq!(outmoded(text), [""; 0]);
        let indented = text.lines().filter(|line| line.starts_with("          ")).map(str::trim);
        assert_eq!(
            indented.filter(headless).collect::<Vec<_>>(),
            [""; 0],
            "an option begins without its noun"
        );
    }
}

/// The longest line, in characters.
const WIDTH: usize = 110;

/// Returns the lines of code and comments that are too long; an address is never broken, and tables of tests
/// are as wide as what they show.
fn too_long(text: &str) -> Vec<usize> {
    let code = untested(text);
    let wide = |line: &str| line.chars().count() > WIDTH && !line.contains("https://");
    code.lines().enumerate().filter(|(_, line)| wide(line)).map(|(at, _)| at + 1).collect()
}

#[test]
fn a_line_fits_beside_another_in_a_review() {
    let src = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let tested =
        |path: &Path| path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"));
    for path in sources(src).into_iter().filter(|path| !tested(path.strip_prefix(src).unwrap())) {
        let long = too_long(&fs::read_to_string(&path).unwrap());
        assert!(long.is_empty(), "{}: lines {long:?} are longer than {WIDTH} characters", path.display());
    }
    assert_eq!(too_long(&format!("a\n{}\n", "b".repeat(WIDTH + 1))), [2]);
}

#[test]
fn the_reader_of_comments_finds_each_kind_of_fault() {
    let of = |text: &str| comments(text).iter().flat_map(faults).collect::<Vec<_>>();
    assert_eq!(of("/// What is read.\nstruct A;\n").len(), 1);
    assert_eq!(of("/// The things.\npub(super) async fn a() {}\n").len(), 1);
    assert_eq!(of("/// The things.\n#[must_use]\nfn a() {}\n").len(), 1);
    assert_eq!(
        of("/// Reads it. Whether it is there\n/// is for others.\nfn a() {}\n"),
        ["a sentence begins with Whether"]
    );
    assert_eq!(of("//! AWS says so, because.\n"), ["\"says\"", "ends in because"]);
    assert_eq!(of("    // It tells the other.\nlet a = 1;\n"), ["\"tells\""]);
    assert_eq!(
        of("/// Returns `told`, as \"What is told\" does (<https://a/says>).\nfn a() {}\n/// The \
            rule.\nstruct B {\n"),
        [""; 0]
    );
}
