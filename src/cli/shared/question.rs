//! Questions to a person, as data: the prompt, its answers, and the meaning of a typed line. Pure.

use crate::{playbook::problem::did_you_mean, report::safe};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A choice of one of these answers; the number is that of the answer for an empty line.
    Choose(String, Vec<Item>, usize),
    /// A line of text, with its initial text.
    Line(String, String),
}

/// One answer to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The word to type where nothing can be drawn; its first letter is the key for the answer.
    pub word: String,
    /// The meaning in a few words.
    pub meaning: String,
    /// The meaning in full, for `?`.
    pub explained: String,
}

impl Item {
    /// Makes an answer whose meaning needs no more words.
    pub fn new(word: impl Into<String>, meaning: impl Into<String>) -> Self {
        let meaning = meaning.into();
        Self { word: word.into(), explained: meaning.clone(), meaning }
    }

    /// Sets the full meaning.
    #[must_use]
    pub fn explained(self, explained: impl Into<String>) -> Self {
        Self { explained: explained.into(), ..self }
    }
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The number of the answer that was chosen.
    Chosen(usize),
    /// The line that was typed.
    Line(String),
    /// The question was left: Esc, or the end of the input.
    Left,
}

/// Writes a question in lines, the last of which ends with the answer for an empty line.
pub fn written(question: &Question) -> String {
    match question {
        Question::Choose(prompt, items, default) => {
            let mut text = format!("{}:\n", safe::text(prompt));
            for (n, item) in items.iter().enumerate() {
                text.push_str(&format!(
                    "  {}. {}: {}\n",
                    n + 1,
                    safe::text(&item.word),
                    safe::text(&item.meaning)
                ));
            }
            text + &format!(
                "Type a word or a number [{}]:",
                items.get(*default).map_or("", |i| i.word.as_str())
            )
        }
        Question::Line(prompt, initial) if initial.is_empty() => format!("{}:", safe::text(prompt)),
        Question::Line(prompt, initial) => format!("{} [{}]:", safe::text(prompt), safe::text(initial)),
    }
}

/// Returns the answer that a typed line names: a word, its beginning, or a number.
///
/// # Errors
/// When no answer fits: the message gives what to type instead, and for `?` the meaning of each answer.
pub fn understood(question: &Question, line: &str) -> Result<Reply, String> {
    let (items, default) = match question {
        Question::Line(_, initial) => {
            return Ok(Reply::Line(if line.is_empty() { initial.clone() } else { line.to_owned() }));
        }
        Question::Choose(_, items, default) => (items, *default),
    };
    if line.is_empty() {
        return Ok(Reply::Chosen(default));
    }
    if line == "?" {
        let explained: Vec<String> = items
            .iter()
            .map(|i| format!("  {}: {}", safe::text(&i.word), safe::text(&i.explained)))
            .collect();
        return Err(explained.join("\n"));
    }
    if let Ok(n) = line.parse::<usize>() {
        return if (1..=items.len()).contains(&n) {
            Ok(Reply::Chosen(n - 1))
        } else {
            Err(format!("give a number from 1 to {}", items.len()))
        };
    }
    let line = line.to_lowercase();
    let exact = items.iter().position(|i| i.word == line);
    let begun: Vec<usize> =
        items.iter().enumerate().filter(|(_, i)| i.word.starts_with(&line)).map(|(n, _)| n).collect();
    let only = if let [one] = begun.as_slice() { Some(*one) } else { None };
    match exact.or(only) {
        Some(n) => Ok(Reply::Chosen(n)),
        None => {
            let hint = did_you_mean(&line, items.iter().map(|i| i.word.as_str()))
                .map_or(String::new(), |near| format!(" Did you mean {near}?"));
            Err(format!("{line:?} is none of the answers.{hint}"))
        }
    }
}
