//! `--scoped`: the session of a run is narrowed to what its plan needs, so that AWS itself keeps redress from
//! anything else. Where it cannot be narrowed, a person decides whether to go on.

use super::{
    account::OpenAccount,
    fail::Fail,
    question::{Item, Question, Reply},
    session::Session,
    terminal,
};
use crate::plan::{
    Plan,
    permissions::{self, session_policies},
};

/// Returns the account behind a session that is narrowed to a plan, where that was asked for. `None` stands
/// for the session as it is: nothing was asked for, or a person goes on without.
///
/// # Errors
/// When the session cannot be narrowed and nobody goes on without (exit 4).
pub async fn narrowed(
    session: &Session,
    door: &OpenAccount,
    plan: &Plan,
    run: &str,
) -> Result<Option<OpenAccount>, Fail> {
    if !session.common.scoped {
        return Ok(None);
    }
    let policies = session_policies(&permissions::of_plan(plan));
    let documents: Vec<String> = policies.iter().map(|policy| policy.document.clone()).collect();
    let why = match door.account.narrowed(&documents, &format!("redress run {run}")).await {
        Ok(narrowed) => {
            let allows = policies.get(narrowed.by).map_or("what the plan needs", |policy| policy.allows);
            session.out.say(&format!("the session is narrowed to {allows}"));
            let door =
                OpenAccount { account: narrowed.account, regions: door.regions.clone(), history: None };
            return Ok(Some(door));
        }
        Err(error) => error.to_string(),
    };
    session.out.always(&format!("the session is not narrowed: {why}"));
    if go_on(session).await {
        return Ok(None);
    }
    Err(Fail::held("the session was not narrowed to the plan, and --scoped asks for that")
        .why("nothing was changed")
        .hint("leave --scoped out to use the session as it is"))
}

/// Asks whether to go on with the session as it is; where nobody can be asked, the answer is no.
async fn go_on(session: &Session) -> bool {
    let out = session.out;
    if !out.can_ask() {
        return false;
    }
    let items = vec![
        Item::new("no", "change nothing"),
        Item::new("yes", "go on with all that your credentials may do"),
    ];
    let question = Question::Choose("Go on without narrowing".to_owned(), items, 0);
    let asked = move || terminal::open(out, false).ask(&question);
    matches!(tokio::task::spawn_blocking(asked).await, Ok(Ok(Reply::Chosen(1))))
}
