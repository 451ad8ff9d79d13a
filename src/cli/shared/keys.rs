//! A menu of answers that one key answers, as in `git add -p`: a letter chooses at once, arrow keys and Enter
//! choose as well, `?` explains. The effect of a key is pure; only [`choose`] draws and reads.

use std::{
    io,
    time::{Duration, Instant},
};

use console::{Key, Term};

use super::question::Item;
use crate::report::safe;

/// The longest pause between two letters of one typed word.
const SAME_WORD: Duration = Duration::from_millis(300);

/// The rest of a word after its first letter has answered: a person who types `yes` and Enter answers one
/// question and not four.
#[derive(Debug, Default)]
pub struct Rest {
    letters: String,
    last: Option<Instant>,
}

impl Rest {
    /// Restarts the clock at the question that the letters could answer: they may have been typed while
    /// nothing was read.
    fn at(&mut self, now: Instant) {
        self.last = self.last.map(|_| now);
    }

    /// Returns whether a key only completes the word that was begun.
    fn takes(&mut self, key: &Key, now: Instant) -> bool {
        let soon = self.last.is_some_and(|last| now.duration_since(last) <= SAME_WORD);
        let completes = match key {
            Key::Enter => true,
            Key::Char(c) => self.letters.starts_with(c.to_ascii_lowercase()),
            _ => false,
        };
        if !soon || !completes {
            self.last = None;
            return false;
        }
        if let Key::Char(c) = key {
            self.letters.drain(..c.len_utf8());
            self.last = Some(now);
        } else {
            self.last = None;
        }
        true
    }
}

/// The effect of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pressed {
    Nothing,
    Redraw,
    Chosen(usize),
    Left,
}

/// A menu in its current state.
#[derive(Debug)]
struct Menu<'a> {
    prompt: &'a str,
    items: &'a [Item],
    keys: Vec<Option<char>>,
    at: usize,
    explains: bool,
}

impl<'a> Menu<'a> {
    fn new(prompt: &'a str, items: &'a [Item], default: usize) -> Self {
        Self { prompt, items, keys: keys(items), at: default, explains: false }
    }

    fn press(&mut self, key: &Key) -> Pressed {
        let last = self.items.len().saturating_sub(1);
        match key {
            Key::Enter => return Pressed::Chosen(self.at),
            Key::Escape => return Pressed::Left,
            Key::ArrowDown | Key::Tab => self.at = if self.at >= last { 0 } else { self.at + 1 },
            Key::ArrowUp | Key::BackTab => self.at = if self.at == 0 { last } else { self.at - 1 },
            Key::Home => self.at = 0,
            Key::End => self.at = last,
            Key::Char('?') => self.explains = !self.explains,
            Key::Char(c) => {
                let letter = c.to_ascii_lowercase();
                return match self.keys.iter().position(|key| *key == Some(letter)) {
                    Some(n) => Pressed::Chosen(n),
                    None if letter == 'q' => Pressed::Left,
                    None => Pressed::Nothing,
                };
            }
            _ => return Pressed::Nothing,
        }
        Pressed::Redraw
    }

    /// Lays the menu out in lines that fit, since a line that wraps is drawn wrongly.
    fn lines(&self, width: usize) -> Vec<String> {
        let letters: Vec<String> =
            self.keys.iter().flatten().chain(['?'].iter()).map(char::to_string).collect();
        let mut lines = vec![format!("{} [{}]:", safe::text(self.prompt), letters.join(","))];
        let column = self.items.iter().map(|item| item.word.len()).max().unwrap_or(0);
        for (n, (item, key)) in self.items.iter().zip(&self.keys).enumerate() {
            let mark = if n == self.at { '>' } else { ' ' };
            let meaning = if self.explains { &item.explained } else { &item.meaning };
            let other = key
                .filter(|key| !item.word.starts_with(*key))
                .map_or(String::new(), |key| format!(" (key {key})"));
            lines.push(format!("{mark} {:column$}  {}{other}", safe::text(&item.word), safe::text(meaning)));
        }
        if self.explains {
            lines
                .push("A letter answers at once. Arrow keys move, Enter takes the line marked >,".to_owned());
            lines.push("Esc leaves. Press ? to hide this.".to_owned());
        }
        lines.into_iter().map(|line| console::truncate_str(&line, width, "...").into_owned()).collect()
    }
}

/// Gives each answer a key: the first letter of its word that no earlier answer has.
fn keys(items: &[Item]) -> Vec<Option<char>> {
    let mut keys: Vec<Option<char>> = Vec::new();
    for item in items {
        let free =
            item.word.chars().filter(char::is_ascii_lowercase).find(|letter| !keys.contains(&Some(*letter)));
        keys.push(free);
    }
    keys
}

/// Shows answers and returns the number of the chosen one; `None` if the question was left.
///
/// # Errors
/// When the terminal cannot be read or written.
pub fn choose(
    term: &Term,
    prompt: &str,
    items: &[Item],
    default: usize,
    rest: &mut Rest,
) -> io::Result<Option<usize>> {
    let mut menu = Menu::new(prompt, items, default);
    rest.at(Instant::now());
    loop {
        let lines = menu.lines(usize::from(term.size().1).saturating_sub(1).max(20));
        lines.iter().try_for_each(|line| term.write_line(line))?;
        let pressed = loop {
            let key = term.read_key()?;
            if rest.takes(&key, Instant::now()) {
                continue;
            }
            match menu.press(&key) {
                Pressed::Nothing => {}
                // Only a letter begins a word.
                Pressed::Chosen(n) if key != Key::Enter => {
                    *rest =
                        Rest { letters: items[n].word.chars().skip(1).collect(), last: Some(Instant::now()) };
                    break Pressed::Chosen(n);
                }
                pressed => break pressed,
            }
        };
        term.clear_last_lines(lines.len())?;
        let chosen = match pressed {
            Pressed::Chosen(n) => Some(n),
            Pressed::Left => None,
            Pressed::Nothing | Pressed::Redraw => continue,
        };
        if let Some(item) = chosen.and_then(|n| items.get(n)) {
            term.write_line(&format!("{}: {}", safe::text(prompt), safe::text(&item.word)))?;
        }
        return Ok(chosen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(words: &[&str]) -> Vec<Item> {
        words
            .iter()
            .map(|word| {
                Item::new(*word, format!("means {word}")).explained(format!("means {word} and nothing else"))
            })
            .collect()
    }

    #[test]
    fn one_letter_answers_and_arrows_and_enter_still_do() {
        let items = items(&["yes", "no", "details", "quit"]);
        let mut menu = Menu::new("Do c1", &items, 1);
        assert_eq!(menu.press(&Key::Char('y')), Pressed::Chosen(0));
        assert_eq!(menu.press(&Key::Char('D')), Pressed::Chosen(2));
        assert_eq!(menu.press(&Key::Char('x')), Pressed::Nothing);
        assert_eq!(menu.press(&Key::Enter), Pressed::Chosen(1));
        assert_eq!(
            (menu.press(&Key::ArrowDown), menu.press(&Key::ArrowDown), menu.press(&Key::ArrowDown)),
            (Pressed::Redraw, Pressed::Redraw, Pressed::Redraw)
        );
        assert_eq!(menu.press(&Key::Enter), Pressed::Chosen(0));
        assert_eq!(
            (menu.press(&Key::ArrowUp), menu.press(&Key::Enter)),
            (Pressed::Redraw, Pressed::Chosen(3))
        );
        assert_eq!(menu.press(&Key::Escape), Pressed::Left);
    }

    #[test]
    fn a_question_mark_explains_and_every_line_fits() {
        let items = items(&["yes", "no"]);
        let mut menu = Menu::new("Do c1", &items, 1);
        assert_eq!(menu.lines(79), ["Do c1 [y,n,?]:", "  yes  means yes", "> no   means no"]);
        assert_eq!(menu.press(&Key::Char('?')), Pressed::Redraw);
        assert_eq!(menu.lines(79)[1], "  yes  means yes and nothing else");
        assert!(menu.lines(20).iter().all(|line| line.len() <= 20));
    }

    #[test]
    fn every_answer_has_a_key_of_its_own() {
        let several = items(&["strategy", "set", "s", "back"]);
        assert_eq!(keys(&several), [Some('s'), Some('e'), None, Some('b')]);
        assert_eq!(Menu::new("Which", &several, 0).lines(79)[2], "  set       means set (key e)");
        let none = items(&["no", "yes"]);
        assert_eq!(Menu::new("Do it", &none, 0).press(&Key::Char('q')), Pressed::Left);
    }

    #[test]
    fn the_rest_of_a_typed_word_answers_nothing() {
        let start = Instant::now();
        let later = |ms: u64| start + Duration::from_millis(ms);
        let after = || Rest { letters: "es".to_owned(), last: Some(start) };
        let mut rest = after();
        assert!(
            rest.takes(&Key::Char('e'), later(100))
                && rest.takes(&Key::Char('s'), later(300))
                && rest.takes(&Key::Enter, later(450))
        );
        assert!(!rest.takes(&Key::Enter, later(500)), "the next Enter answers");
        assert!(!after().takes(&Key::Char('e'), later(400)), "an answer to the next question");
        assert!(after().takes(&Key::Enter, later(100)), "y and Enter");
        assert!(!after().takes(&Key::Char('n'), later(100)));
        let mut typed_ahead = after();
        typed_ahead.at(later(5000));
        assert!(typed_ahead.takes(&Key::Char('e'), later(5001)));
        let mut none = Rest::default();
        none.at(start);
        assert!(!none.takes(&Key::Enter, start));
    }
}
