//! The questions of a fix session, as data: what is asked and which answers there are. Pure.

use crate::{
    calls::Risk,
    plan::{Plan, select::Selected},
};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// One of these; the number of the one that is taken unless another is chosen.
    Choose(String, Vec<Item>, usize),
    /// A line of text, with what stands there at first.
    Line(String, String),
}

/// One answer to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The word to type where nothing can be drawn.
    pub word: String,
    /// What it means.
    pub meaning: String,
}

impl Item {
    /// An answer.
    pub fn new(word: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { word: word.into(), meaning: meaning.into() }
    }
}

/// What a person answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The number of the answer that was chosen.
    Chosen(usize),
    /// The line that was typed.
    Line(String),
    /// The question was left: Esc, or the end of the input.
    Left,
}

/// The answers about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Do it.
    Yes,
    /// Leave it.
    No,
    /// Do it, and all like it.
    AllOfKind,
    /// Leave it, and all of its playbook.
    SkipPlaybook,
    /// Show more.
    Details,
    /// Change a parameter.
    Edit,
    /// Leave the rest.
    Done,
    /// Stop, and change nothing.
    Quit,
}

/// The answers about a change, in their order: the word, what it means.
pub const ANSWERS: [(Answer, &str, &str); 8] = [
    (Answer::Yes, "yes", "do this change"),
    (Answer::No, "no", "leave it as it is"),
    (Answer::AllOfKind, "all", "yes to all of this kind"),
    (Answer::SkipPlaybook, "skip", "no to all of this playbook"),
    (Answer::Details, "details", "exact calls, playbook, control ids"),
    (Answer::Edit, "edit", "edit a parameter, plan and rehearse again"),
    (Answer::Done, "finish", "leave the rest out, go to the summary"),
    (Answer::Quit, "quit", "change nothing at all"),
];

/// The question about a change; `kind` is how many changes of its kind have no answer yet, itself included. What is
/// taken without a choice is no.
pub fn about(id: &str, kind: usize) -> Question {
    let meaning = |answer: Answer, text: &str| if answer == Answer::AllOfKind { format!("{text} ({kind})") } else { text.to_owned() };
    let items = ANSWERS.iter().map(|(answer, word, text)| Item::new(*word, meaning(*answer, text))).collect();
    Question::Choose(format!("Do {id}"), items, 1)
}

/// The question under the summary.
pub fn review(selected: &Selected) -> Question {
    let n = selected.plan.changes.len();
    let many = if n == 1 { "the one change".to_owned() } else { format!("these {n} changes") };
    let items = vec![
        Item::new("go", format!("do {many}")),
        Item::new("back", "forget the answers, go through the changes again"),
        Item::new("quit", "change nothing at all"),
    ];
    Question::Choose("What now".to_owned(), items, 2)
}

/// The last confirmation where something is disruptive or irreversible.
pub fn confirm(plan: &Plan) -> Question {
    let gravest = plan.changes.iter().map(|c| c.risk).max().unwrap_or(Risk::Safe);
    let n = plan.changes.iter().filter(|c| c.risk > Risk::Safe).count();
    let are = if n == 1 { "1 change is".to_owned() } else { format!("{n} changes are up to") };
    Question::Line(format!("{are} {}. Type the account id {} to do it", gravest.word(), plan.account), String::new())
}

/// The last confirmation where all is safe.
pub fn sure() -> Question {
    Question::Choose("Do it now".to_owned(), vec![Item::new("no", "change nothing"), Item::new("yes", "do it")], 0)
}
