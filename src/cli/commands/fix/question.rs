//! The questions of a fix session, as data: each question with its answers. Pure.

pub use crate::cli::shared::question::{Item, Question, Reply};
use crate::{
    calls::Risk,
    plan::{Plan, select::Selected},
};

/// An answer about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Make the change.
    Yes,
    /// Leave the change.
    No,
    /// Make the change, and all like it.
    AllOfKind,
    /// Leave the change, and all of its playbook.
    SkipPlaybook,
    /// Show more.
    Details,
    /// Edit a parameter.
    Edit,
    /// Leave the rest.
    Done,
    /// Stop, and change nothing.
    Quit,
}

/// The answers about a change, in their order: the word, its meaning, and the meaning in full.
pub const ANSWERS: [(Answer, &str, &str, &str); 8] = [
    (Answer::Yes, "yes", "do this change", "do this change; it is made after the summary and your last yes"),
    (Answer::No, "no", "leave it as it is", "leave it as it is; a later scan finds it again"),
    (
        Answer::AllOfKind,
        "all",
        "yes to all of this kind",
        "yes to this and the rest with its playbook, action and risk",
    ),
    (Answer::SkipPlaybook, "skip", "no to all of this playbook", "no to this and the rest of its playbook"),
    (
        Answer::Details,
        "details",
        "exact calls, playbook, control ids",
        "show the exact calls, the playbook and the control ids",
    ),
    (
        Answer::Edit,
        "edit",
        "edit a parameter, plan and rehearse again",
        "change a parameter of its kind, plan and rehearse again",
    ),
    (
        Answer::Done,
        "finish",
        "leave the rest out, go to the summary",
        "no to the rest, go to the summary of what you chose",
    ),
    (Answer::Quit, "quit", "change nothing at all", "leave the session and change nothing at all"),
];

/// Builds the question about a change; `kind` is the number of changes of its kind that have no answer yet,
/// itself included. An empty answer is no.
pub fn about(id: &str, kind: usize) -> Question {
    let meaning = |answer: Answer, text: &str| {
        if answer == Answer::AllOfKind { format!("{text} ({kind})") } else { text.to_owned() }
    };
    let items = ANSWERS
        .iter()
        .map(|(answer, word, text, full)| Item::new(*word, meaning(*answer, text)).explained(*full))
        .collect();
    Question::Choose(format!("Do {id}"), items, 1)
}

/// Builds the question under the summary.
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

/// Builds the last confirmation where something is disruptive or irreversible.
pub fn confirm(plan: &Plan) -> Question {
    let gravest = plan.changes.iter().map(|c| c.risk).max().unwrap_or(Risk::Safe);
    let n = plan.changes.iter().filter(|c| c.risk > Risk::Safe).count();
    let are = if n == 1 { "1 change is".to_owned() } else { format!("{n} changes are up to") };
    Question::Line(
        format!("{are} {}. Type the account id {} to do it", gravest.word(), plan.account),
        String::new(),
    )
}

/// Builds the last confirmation where everything is safe.
pub fn sure() -> Question {
    Question::Choose(
        "Do it now".to_owned(),
        vec![Item::new("no", "change nothing"), Item::new("yes", "do it")],
        0,
    )
}
