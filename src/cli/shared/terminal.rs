//! The thin shell between questions and a person: shows text, takes answers. One kind draws and reads keys,
//! the other works line by line for screen readers, logs and dumb terminals. It decides nothing.

use std::io::{self, BufRead, IsTerminal};

use super::{
    keys::{self, Rest},
    out::Out,
    question::{Question, Reply, understood, written},
};
use crate::report::safe;

/// A terminal that shows screens and takes answers.
pub trait Terminal: Send {
    /// Shows text.
    fn show(&mut self, text: &str);
    /// Asks a question.
    ///
    /// # Errors
    /// When the terminal cannot be read or written; nothing is changed then.
    fn ask(&mut self, question: &Question) -> io::Result<Reply>;
}

/// Returns the terminal of this process: line by line where that is wanted, or where nothing can be drawn.
pub fn open(out: Out, plain: bool) -> Box<dyn Terminal> {
    if plain || dumb() { Box::new(Plain(out)) } else { Box::new(Drawn { out, rest: Rest::default() }) }
}

/// Returns whether `TERM` is `dumb`, so that nothing can be drawn.
pub fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Returns whether somebody can answer.
pub fn present() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// A terminal that can be drawn on.
struct Drawn {
    out: Out,
    rest: Rest,
}

impl Terminal for Drawn {
    fn show(&mut self, text: &str) {
        self.out.show_always(text);
    }

    fn ask(&mut self, question: &Question) -> io::Result<Reply> {
        let term = console::Term::stderr();
        match question {
            Question::Choose(prompt, items, default) => {
                let chosen = keys::choose(&term, prompt, items, *default, &mut self.rest)?;
                Ok(chosen.map_or(Reply::Left, Reply::Chosen))
            }
            Question::Line(prompt, initial) => {
                let input = dialoguer::Input::<String>::new()
                    .with_prompt(safe::text(prompt))
                    .with_initial_text(typed(initial))
                    .allow_empty(true);
                input.interact_text_on(&term).map(Reply::Line).map_err(|dialoguer::Error::IO(error)| error)
            }
        }
    }
}

/// Returns a value as a person types it: a list without brackets and quotes, so that text typed after it is
/// one more item.
fn typed(value: &str) -> String {
    let list =
        value.strip_prefix('[').and_then(|v| v.strip_suffix(']')).filter(|items| !items.contains(['[', '{']));
    let typed = list.map_or_else(|| value.to_owned(), |items| items.replace('"', ""));
    // A value that nobody can type and see is not offered as the default.
    if safe::text(&typed) == typed { typed } else { String::new() }
}

/// A terminal that works line by line: the answers are listed once in each question, and typed as a word, its
/// beginning, or a number.
struct Plain(Out);

impl Terminal for Plain {
    fn show(&mut self, text: &str) {
        self.0.show_always(text);
    }

    fn ask(&mut self, question: &Question) -> io::Result<Reply> {
        loop {
            self.0.show_always(&written(question));
            let mut line = String::new();
            if io::stdin().lock().read_line(&mut line)? == 0 {
                return Ok(Reply::Left);
            }
            match understood(question, line.trim()) {
                Ok(reply) => return Ok(reply),
                Err(why) => self.0.always(&why),
            }
        }
    }
}
