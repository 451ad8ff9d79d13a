//! The questions of `apply`, `resume`, `undo` and `prune`: the whole plan, or one change at a time. They
//! approve; nothing here changes anything.

use std::{collections::BTreeMap, io};

use crate::cli::shared::{
    question::{Item, Question, Reply},
    terminal::Terminal,
};

/// A change to be asked about.
pub struct Card {
    /// The id of the change.
    pub id: String,
    /// The ids of the changes that it comes after.
    pub after: Vec<String>,
    /// The change as the question shows it.
    pub text: String,
    /// The change with its exact calls.
    pub details: String,
}

/// Asks about a plan.
///
/// # Errors
/// When the terminal cannot be read or written.
pub fn questions(terminal: &mut dyn Terminal, open: &[Card]) -> io::Result<BTreeMap<String, bool>> {
    let every = |answer: bool| open.iter().map(|card| (card.id.clone(), answer)).collect();
    loop {
        let (words, question) = whole(open.len());
        match answer(terminal, &question, &words)? {
            Some("yes") => return Ok(every(true)),
            Some("select") => return one_by_one(terminal, open),
            Some("details") => open.iter().for_each(|card| terminal.show(&format!("\n{}", card.details))),
            _ => return Ok(every(false)),
        }
    }
}

/// Builds the question about all changes, with the words of its answers.
fn whole(count: usize) -> (Vec<&'static str>, Question) {
    let all = if count == 1 { "make the change".to_owned() } else { format!("make all {count} changes") };
    let mut items = vec![("no", "change nothing".to_owned()), ("yes", all)];
    if count > 1 {
        items.push(("select", "decide one change at a time".to_owned()));
    }
    items.push(("details", "show the exact calls, then ask again".to_owned()));
    choice("Do it", items, 0)
}

/// Builds the question about one change.
fn one(id: &str) -> (Vec<&'static str>, Question) {
    let items = [
        ("yes", "make this change"),
        ("no", "leave it as it is"),
        ("all", "make this change and all that follow"),
        ("finish", "leave this change and all that follow"),
        ("details", "show the exact calls, then ask again"),
        ("quit", "change nothing at all"),
    ];
    choice(&format!("Do {id}"), items.map(|(word, meaning)| (word, meaning.to_owned())).into(), 1)
}

fn choice(prompt: &str, items: Vec<(&'static str, String)>, default: usize) -> (Vec<&'static str>, Question) {
    let words = items.iter().map(|(word, _)| *word).collect();
    (
        words,
        Question::Choose(
            prompt.to_owned(),
            items.into_iter().map(|(word, meaning)| Item::new(word, meaning)).collect(),
            default,
        ),
    )
}

/// Asks, and returns the word of the answer; `None` if the question was left.
fn answer(
    terminal: &mut dyn Terminal,
    question: &Question,
    words: &[&'static str],
) -> io::Result<Option<&'static str>> {
    Ok(match terminal.ask(question)? {
        Reply::Chosen(n) => words.get(n).copied(),
        Reply::Line(_) | Reply::Left => None,
    })
}

fn one_by_one(terminal: &mut dyn Terminal, open: &[Card]) -> io::Result<BTreeMap<String, bool>> {
    let mut answers = BTreeMap::new();
    let mut rest = None;
    for card in open {
        // A change that cannot be made without one that was declined is not worth a question.
        let barred = card.after.iter().any(|id| answers.get(id) == Some(&false));
        if barred || rest.is_some() {
            answers.insert(card.id.clone(), !barred && rest == Some(true));
            continue;
        }
        terminal.show(&format!("\n{}", card.text));
        let (words, question) = one(&card.id);
        let yes = loop {
            match answer(terminal, &question, &words)? {
                Some("yes") => break true,
                Some("no") => break false,
                Some("all") => {
                    rest = Some(true);
                    break true;
                }
                Some("finish") => {
                    rest = Some(false);
                    break false;
                }
                Some("details") => terminal.show(&format!("\n{}", card.details)),
                _ => return Ok(open.iter().map(|card| (card.id.clone(), false)).collect()),
            }
        };
        answers.insert(card.id.clone(), yes);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A person who answers by words, in this order.
    struct Person(Vec<&'static str>, Vec<String>);

    impl Terminal for Person {
        fn show(&mut self, text: &str) {
            self.1.push(text.trim().to_owned());
        }

        fn ask(&mut self, question: &Question) -> io::Result<Reply> {
            let Question::Choose(_, items, _) = question else { panic!("no choice: {question:?}") };
            let word = if self.0.is_empty() { return Ok(Reply::Left) } else { self.0.remove(0) };
            Ok(Reply::Chosen(
                items
                    .iter()
                    .position(|item| item.word == word)
                    .unwrap_or_else(|| panic!("{word} is none of {items:?}")),
            ))
        }
    }

    fn card(id: &str, after: &[&str]) -> Card {
        Card {
            id: id.to_owned(),
            after: after.iter().map(|s| (*s).to_owned()).collect(),
            text: format!("card {id}"),
            details: format!("calls {id}"),
        }
    }

    fn approved(words: &[&'static str]) -> (Vec<String>, Vec<String>) {
        let mut person = Person(words.to_vec(), Vec::new());
        let answers =
            questions(&mut person, &[card("c1", &[]), card("c2", &["c1"]), card("c3", &[])]).unwrap();
        assert_eq!(answers.len(), 3);
        (answers.into_iter().filter(|(_, yes)| *yes).map(|(id, _)| id).collect(), person.1)
    }

    #[test]
    fn the_whole_plan_is_one_answer() {
        assert_eq!(approved(&["yes"]).0, ["c1", "c2", "c3"]);
        assert!(approved(&["no"]).0.is_empty() && approved(&[]).0.is_empty());
        assert_eq!(approved(&["details", "no"]).1, ["calls c1", "calls c2", "calls c3"]);
    }

    #[test]
    fn one_change_at_a_time_with_all_finish_and_quit() {
        assert_eq!(approved(&["select", "yes", "no", "yes"]).0, ["c1", "c3"]);
        assert_eq!(
            approved(&["select", "no", "yes"]).0,
            ["c3"],
            "what comes after a declined change is not asked about"
        );
        assert_eq!(approved(&["select", "all"]).0, ["c1", "c2", "c3"]);
        assert_eq!(approved(&["select", "yes", "finish"]).0, ["c1"]);
        assert!(approved(&["select", "yes", "quit"]).0.is_empty());
        assert_eq!(approved(&["select", "details", "yes", "finish"]).1, ["card c1", "calls c1", "card c2"]);
    }
}
