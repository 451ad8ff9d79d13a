//! `redress permissions`: the least IAM policy for a plan, or the policies of a standing role. Reads files only.

use std::path::Path;

use serde::Serialize;

use super::{apply, exit::Exit, fail::Fail, session::Session};
use crate::{
    plan::permissions::{self, Policy},
    report::json,
    resource::Owner,
};

/// The size of a managed policy, in characters without white space
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const MANAGED: usize = 6144;

/// The policies of a standing role.
#[derive(Serialize)]
struct Standing {
    read: Policy,
    write: Policy,
}

/// Shows the policy of a plan, or with `all` those of a standing role: both, or the one that `only` names.
///
/// # Errors
/// A file that is no plan; neither a plan nor `--all`.
pub fn run(session: &Session, plan: Option<&Path>, all: bool, only: Option<super::args::Half>) -> Result<Exit, Fail> {
    let text = match (plan, all) {
        (Some(path), _) => {
            let policy = Policy::of(&permissions::of_plan(&apply::read(path)?));
            size(session, &policy)?;
            written(&policy)?
        }
        (None, true) => {
            let anybody = Owner { partition: "aws".to_owned(), account: "*".to_owned() };
            let both = Standing { read: Policy::of(&permissions::all_reads()), write: Policy::of(&permissions::all_writes(&anybody)) };
            match only {
                Some(super::args::Half::Read) => written(&both.read)?,
                Some(super::args::Half::Write) => written(&both.write)?,
                None => written(&both)?,
            }
        }
        (None, false) => return Err(Fail::usage("whose permissions?").hint("give a plan's file, or --all for a standing role")),
    };
    session.out.data(&text)?;
    Ok(Exit::Done)
}

fn written(document: &impl Serialize) -> Result<String, Fail> {
    json::write(document).map_err(|error| Fail::failure(format!("the policy cannot be written as JSON: {error}")))
}

fn size(session: &Session, policy: &Policy) -> Result<(), Fail> {
    let size = written(policy)?.chars().filter(|c| !c.is_whitespace()).count();
    if size > MANAGED {
        session.out.say(&format!(
            "note: {size} characters are more than the {MANAGED} of one managed policy: apply the plan in parts, or attach the statements as several policies"
        ));
    }
    Ok(())
}
