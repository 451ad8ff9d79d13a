//! The thin shell between a fix session and a person: shows text, takes answers. One drawn with dialoguer, one line by
//! line for screen readers, logs and dumb terminals. It decides nothing.

use std::io::{self, BufRead, IsTerminal};

use super::question::{Item, Question, Reply};
use crate::{cli::out::Out, playbook::problem::did_you_mean, report::safe};

/// Whoever shows screens and takes answers.
pub trait Terminal: Send {
    /// Shows text.
    fn show(&mut self, text: &str);
    /// Asks.
    ///
    /// # Errors
    /// When nothing can be read or written; the session then ends without a change.
    fn ask(&mut self, question: &Question) -> io::Result<Reply>;
}

/// A terminal that can be drawn on.
pub struct Drawn(pub Out);

impl Terminal for Drawn {
    fn show(&mut self, text: &str) {
        self.0.show_always(text);
    }

    fn ask(&mut self, question: &Question) -> io::Result<Reply> {
        let term = console::Term::stderr();
        match question {
            Question::Choose(prompt, items, default) => {
                let width = usize::from(term.size().1).saturating_sub(4).max(20);
                let lines = lines(items, width);
                let choice = dialoguer::Select::new().with_prompt(safe::text(prompt)).items(&lines).default(*default).interact_on_opt(&term);
                Ok(choice.map_err(io_error)?.map_or(Reply::Left, Reply::Chosen))
            }
            Question::Line(prompt, initial) => {
                let input = dialoguer::Input::<String>::new().with_prompt(safe::text(prompt)).with_initial_text(typed(initial)).allow_empty(true);
                input.interact_text_on(&term).map(Reply::Line).map_err(io_error)
            }
        }
    }
}

/// A value as one types it: a list without brackets and quotes, so that what is typed after it is one more item.
fn typed(value: &str) -> String {
    let list = value.strip_prefix('[').and_then(|v| v.strip_suffix(']')).filter(|items| !items.contains(['[', '{']));
    let typed = list.map_or_else(|| value.to_owned(), |items| items.replace('"', ""));
    // What nobody can type and see is not offered to be taken over.
    if safe::text(&typed) == typed { typed } else { String::new() }
}

fn io_error(error: dialoguer::Error) -> io::Error {
    let dialoguer::Error::IO(error) = error;
    error
}

/// Answers in lines that fit, since a line that wraps is drawn wrongly.
fn lines(items: &[Item], width: usize) -> Vec<String> {
    let column = items.iter().map(|i| i.word.len()).max().unwrap_or(0);
    let line = |item: &Item| console::truncate_str(&safe::text(&format!("{:column$}  {}", item.word, item.meaning)), width, "...").into_owned();
    items.iter().map(line).collect()
}

/// Line by line: the answers are listed once in each question, and typed as a word, its beginning, or a number.
pub struct Plain(pub Out);

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

/// A question in lines of its own, the last of which ends with what is taken for an empty answer.
fn written(question: &Question) -> String {
    match question {
        Question::Choose(prompt, items, default) => {
            let mut text = format!("{}:\n", safe::text(prompt));
            for (n, item) in items.iter().enumerate() {
                text.push_str(&format!("  {}. {}: {}\n", n + 1, safe::text(&item.word), safe::text(&item.meaning)));
            }
            text + &format!("Type a word or a number [{}]:", items.get(*default).map_or("", |i| i.word.as_str()))
        }
        Question::Line(prompt, initial) if initial.is_empty() => format!("{}:", safe::text(prompt)),
        Question::Line(prompt, initial) => format!("{} [{}]:", safe::text(prompt), safe::text(initial)),
    }
}

/// What a typed line means.
///
/// # Errors
/// What to type instead.
pub fn understood(question: &Question, line: &str) -> Result<Reply, String> {
    let (items, default) = match question {
        Question::Line(_, initial) => return Ok(Reply::Line(if line.is_empty() { initial.clone() } else { line.to_owned() })),
        Question::Choose(_, items, default) => (items, *default),
    };
    if line.is_empty() {
        return Ok(Reply::Chosen(default));
    }
    if let Ok(n) = line.parse::<usize>() {
        return if (1..=items.len()).contains(&n) { Ok(Reply::Chosen(n - 1)) } else { Err(format!("give a number from 1 to {}", items.len())) };
    }
    let line = line.to_lowercase();
    let exact = items.iter().position(|i| i.word == line);
    let begun: Vec<usize> = items.iter().enumerate().filter(|(_, i)| i.word.starts_with(&line)).map(|(n, _)| n).collect();
    let only = if let [one] = begun.as_slice() { Some(*one) } else { None };
    match exact.or(only) {
        Some(n) => Ok(Reply::Chosen(n)),
        None => {
            let hint = did_you_mean(&line, items.iter().map(|i| i.word.as_str())).map_or(String::new(), |near| format!(" Did you mean {near}?"));
            Err(format!("{line:?} is none of the answers.{hint}"))
        }
    }
}

/// Whether somebody sits there.
pub fn present() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
