//! The appearance of text: tones (colours), symbols with an ASCII form, and lines that fit a width. The
//! caller decides on colour and width; without colour, the same characters remain.

use anstyle::{AnsiColor, Style as Ansi};
use console::measure_text_width;

use super::safe;

/// The style of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// `true` to write colours.
    pub colour: bool,
    /// `true` to write symbols in ASCII.
    pub ascii: bool,
    /// The width in columns.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, ascii: false, width: 80 }
    }
}

/// The meaning of a piece of text, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Running text.
    Plain,
    /// Text that should stand out.
    Strong,
    /// Text of lesser importance.
    Faint,
    /// Something in order.
    Good,
    /// Something that needs attention.
    Warn,
    /// Something wrong.
    Bad,
    /// A command to type.
    Command,
}

/// A symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Something in order.
    Good,
    /// Something wrong.
    Bad,
    /// Something that needs attention.
    Warn,
    /// Something unknown.
    Unknown,
    /// A neutral item.
    Dot,
    /// A change from one value to another.
    Arrow,
}

impl Style {
    /// Wraps the text in its colour. The text must be safe already: see [`Span`].
    fn paint(self, tone: Tone, text: &str) -> String {
        let ansi = match tone {
            Tone::Plain => return text.to_owned(),
            _ if !self.colour || text.is_empty() => return text.to_owned(),
            Tone::Strong => Ansi::new().bold(),
            Tone::Faint => Ansi::new().dimmed(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Command => AnsiColor::Cyan.on_default(),
        };
        format!("{ansi}{text}{ansi:#}")
    }

    /// Returns a symbol, in ASCII if the style demands it.
    pub fn mark(self, mark: Mark) -> &'static str {
        let (symbol, ascii) = match mark {
            Mark::Good => ("✓", "+"),
            Mark::Bad => ("✗", "x"),
            Mark::Warn => ("!", "!"),
            Mark::Unknown => ("?", "?"),
            Mark::Dot => ("·", "-"),
            Mark::Arrow => ("→", "->"),
        };
        if self.ascii { ascii } else { symbol }
    }
}

/// A piece of text in a tone. Making one makes the text safe, so that nothing unsafe reaches a [`Page`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    tone: Tone,
    text: String,
}

/// Makes a piece of text in a tone.
pub fn span(tone: Tone, text: impl AsRef<str>) -> Span {
    Span { tone, text: safe::text(text.as_ref()) }
}

/// Makes a piece of running text.
pub fn plain(text: impl AsRef<str>) -> Span {
    span(Tone::Plain, text)
}

/// A text that grows line by line and keeps to a width.
#[derive(Debug)]
pub struct Page {
    /// The page's style.
    pub style: Style,
    out: String,
}

impl Page {
    /// Makes an empty page.
    pub fn new(style: Style) -> Self {
        Self { style, out: String::new() }
    }

    /// Returns the text.
    pub fn done(self) -> String {
        self.out
    }

    /// Writes an empty line, unless the line above is empty or there is none.
    pub fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Writes running text, wrapped, with every line at `indent`.
    pub fn text(&mut self, indent: usize, spans: &[Span]) {
        self.row(indent, &plain(""), indent, spans);
    }

    /// Writes one line unchanged, however long, so that people can copy it.
    pub fn verbatim(&mut self, indent: usize, piece: &Span) {
        self.push(indent, &piece.text, piece.tone);
    }

    /// Writes a line unchanged if it fits; otherwise it is wrapped under its own indent.
    pub fn preformatted(&mut self, indent: usize, piece: &Span) {
        if indent + measure_text_width(&piece.text) <= self.style.width {
            return self.verbatim(indent, piece);
        }
        let own = piece.text.len() - piece.text.trim_start().len();
        self.row(indent + own, &plain(""), indent + own + 2, std::slice::from_ref(piece));
    }

    /// Writes a label at `indent`, and beside it text that is wrapped at the column `hang`.
    pub fn row(&mut self, indent: usize, label: &Span, hang: usize, spans: &[Span]) {
        let labelled = indent + measure_text_width(&label.text);
        let mut column = if label.text.is_empty() { indent } else { hang.max(labelled + 1) };
        self.out.push_str(&" ".repeat(indent));
        self.out.push_str(&self.style.paint(label.tone, &label.text));
        self.out.push_str(&" ".repeat(column - labelled));
        let (mut line, mut written): (Vec<Span>, String) = (Vec::new(), String::new());
        for word in words(spans, self.style.width.saturating_sub(hang).max(20)) {
            let text: String = word.iter().map(|piece| piece.text.as_str()).collect();
            let gap = if line.is_empty() { "" } else { " " };
            // The whole line is measured: in some scripts two words together are wider than each by itself.
            let longer = format!("{written}{gap}{text}");
            let is_first = line.is_empty() && column <= hang;
            if !is_first && column + measure_text_width(&longer) > self.style.width {
                self.flush(&mut line);
                self.out.push_str(&" ".repeat(hang));
                (column, written) = (hang, text);
            } else {
                written = longer;
            }
            if let (Some(last), Some(first)) = (line.last(), word.first()) {
                let tone = if last.tone == first.tone { last.tone } else { Tone::Plain };
                line.push(Span { tone, text: " ".to_owned() });
            }
            line.extend(word);
        }
        self.flush(&mut line);
    }

    /// Writes the pieces of a line, joining those of one tone, and ends the line.
    fn flush(&mut self, line: &mut Vec<Span>) {
        let mut joined: Vec<Span> = Vec::new();
        for piece in line.drain(..) {
            match joined.last_mut() {
                Some(last) if last.tone == piece.tone => last.text.push_str(&piece.text),
                _ => joined.push(piece),
            }
        }
        for piece in joined {
            self.out.push_str(&self.style.paint(piece.tone, &piece.text));
        }
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }

    fn push(&mut self, indent: usize, text: &str, tone: Tone) {
        self.out.push_str(&" ".repeat(indent));
        self.out.push_str(&self.style.paint(tone, text));
        self.out.push('\n');
    }
}

fn width(word: &[Span]) -> usize {
    word.iter().map(|piece| measure_text_width(&piece.text)).sum()
}

/// Splits spans into words, which are not broken between lines if they fit. The tone may
/// change within a word.
fn words(spans: &[Span], room: usize) -> Vec<Vec<Span>> {
    let mut all: Vec<Vec<Span>> = Vec::new();
    let mut word: Vec<Span> = Vec::new();
    for piece in spans {
        for c in piece.text.chars() {
            if c == ' ' {
                all.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                continue;
            }
            match word.last_mut() {
                Some(last) if last.tone == piece.tone => last.text.push(c),
                _ => word.push(Span { tone: piece.tone, text: c.to_string() }),
            }
        }
    }
    all.extend((!word.is_empty()).then_some(word));
    all.into_iter().flat_map(|word| broken(word, room)).collect()
}

/// Breaks a word into parts that fit, unless people copy it as a whole: an ARN, a URL, a path.
fn broken(word: Vec<Span>, room: usize) -> Vec<Vec<Span>> {
    let whole: String = word.iter().map(|piece| piece.text.as_str()).collect();
    let copied = whole.len() <= 512 && whole.is_ascii() && whole.contains('/') || whole.contains("arn:aws");
    if copied || width(&word) <= room {
        return vec![word];
    }
    let (mut parts, mut part, mut used) = (Vec::new(), Vec::<Span>::new(), 0);
    for piece in word {
        for c in piece.text.chars() {
            // A mark without a width of its own can still widen the character that it is combined with.
            let wide = measure_text_width(c.encode_utf8(&mut [0; 4])).max(1);
            if used + wide > room {
                parts.push(std::mem::take(&mut part));
                used = 0;
            }
            used += wide;
            match part.last_mut() {
                Some(last) if last.tone == piece.tone => last.text.push(c),
                _ => part.push(Span { tone: piece.tone, text: c.to_string() }),
            }
        }
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(style: Style, spans: &[Span]) -> String {
        let mut page = Page::new(style);
        page.row(2, &plain("impact"), 12, spans);
        page.done()
    }

    #[test]
    fn text_wraps_beside_its_label() {
        let style = Style { width: 30, ..Style::default() };
        let text = page(style, &[plain("two interfaces are behind"), span(Tone::Strong, " this group")]);
        assert_eq!(text, "  impact    two interfaces are\n            behind this group\n");
    }

    #[test]
    fn a_line_of_a_script_that_joins_its_words_is_measured_as_a_whole() {
        let style = Style { width: 40, ..Style::default() };
        // The sign at the end of a word and the space after it are one column wider than the two apart.
        let word = "\u{10a01}\u{20e3}";
        let bare = page(style, &[plain(format!("{word} ").repeat(60))]);
        assert!(bare.lines().all(|line| measure_text_width(line) <= 40), "{bare}");
    }

    #[test]
    fn an_arn_is_never_broken() {
        let arn = format!("arn:aws:iam::123456789012:role/{}", "x".repeat(90));
        assert!(page(Style::default(), &[plain(format!("a {arn} b"))]).contains(&arn));
    }

    #[test]
    fn colours_are_written_only_where_they_are_wanted() {
        let spans = [span(Tone::Bad, "bad"), plain(" \u{1b}[31m")];
        assert_eq!(page(Style::default(), &spans), "  impact    bad \\u{1b}[31m\n");
        let coloured = page(Style { colour: true, ..Style::default() }, &spans);
        assert_eq!(coloured, "  impact    \u{1b}[31mbad\u{1b}[0m \\u{1b}[31m\n");
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_colour_changes_the_text(text in "\\PC{0,200}", width in 40usize..100) {
            let style = Style { width, ..Style::default() };
            let spans = [span(Tone::Strong, text.replace('/', "").replace("arn:aws", "")), span(Tone::Bad,
                "日本日本 end")];
            let bare = page(style, &spans);
            for line in bare.lines() {
                prop_assert!(measure_text_width(line) <= width, "{}: {line:?}", measure_text_width(line));
            }
            let coloured = page(Style { colour: true, ..style }, &spans);
            prop_assert_eq!(console::strip_ansi_codes(&coloured), bare);
        }
    }
}
