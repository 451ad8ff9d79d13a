//! `redress permissions`: the least IAM policy for a plan, or the policies of a permanent role. Reads files
//! only.

use std::path::Path;

use serde::Serialize;

use crate::{
    cli::shared::{args::Half, exit::Exit, fail::Fail, plan_file, session::Session},
    plan::permissions::{self, Policy},
    report::json,
    resource::Owner,
};

/// The size of a managed policy, in characters without white space
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const MANAGED: usize = 6144;

/// The policies of a permanent role.
#[derive(Serialize)]
struct Standing {
    read: Policy,
    write: Policy,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_back: Option<Policy>,
}

/// Shows the policy of a plan; or of a permanent role all policies, or the one that is named. The permissions
/// to report to Security Hub are included only with `report_back`.
///
/// # Errors
/// When the file is not a plan, or neither a plan nor `--all` is given.
pub fn run(
    session: &Session,
    plan: Option<&Path>,
    standing: Option<Option<Half>>,
    report_back: bool,
) -> Result<Exit, Fail> {
    let text = match (plan, standing) {
        (Some(path), _) => {
            let plan = plan_file::read(path)?;
            let mut grants = permissions::of_plan(&plan);
            if report_back {
                grants.push(permissions::report_back(
                    &Owner { partition: plan.partition, account: plan.account },
                    &plan.regions,
                ));
            }
            let policy = Policy::of(&grants);
            size(session, &policy)?;
            written(&policy)?
        }
        (None, Some(only)) => {
            let anybody = Owner { partition: "aws".to_owned(), account: "*".to_owned() };
            let told = Policy::of(&[permissions::report_back(&anybody, &["*".to_owned()])]);
            let (read, write) =
                (Policy::of(&permissions::all_reads()), Policy::of(&permissions::all_writes(&anybody)));
            match only {
                Some(Half::Read) => written(&read)?,
                Some(Half::Write) => written(&write)?,
                Some(Half::ReportBack) => written(&told)?,
                None => written(&Standing { read, write, report_back: report_back.then_some(told) })?,
            }
        }
        (None, None) => {
            return Err(
                Fail::usage("whose permissions?").hint("give a plan's file, or --all for a standing role")
            );
        }
    };
    session.out.data(&text)?;
    Ok(Exit::Done)
}

fn written(document: &impl Serialize) -> Result<String, Fail> {
    json::write(document)
        .map_err(|error| Fail::failure(format!("the policy cannot be written as JSON: {error}")))
}

fn size(session: &Session, policy: &Policy) -> Result<(), Fail> {
    let size = written(policy)?.chars().filter(|c| !c.is_whitespace()).count();
    if size > MANAGED {
        session.out.say(&format!(
            "note: {size} characters are more than the {MANAGED} of one managed policy: apply the plan in \
             parts, or attach the statements as several policies"
        ));
    }
    Ok(())
}
