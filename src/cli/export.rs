//! `redress export`: a plan as a program for another engine. Reads a plan, writes text, and runs nothing.

use std::{fs, path::Path};

use super::{apply, args::Target, exit::Exit, fail::Fail, session::Session};
use crate::plan::{
    Plan,
    export::{self, NotExported},
};

/// Shows one of the two programs, or writes both into a folder.
///
/// # Errors
/// A file that is no plan, a plan that cannot be exported, a folder that cannot be written.
pub fn run(session: &Session, plan: &Path, to: Target, way_back: bool, output: Option<&Path>) -> Result<Exit, Fail> {
    let plan = apply::read(plan)?;
    let Some(folder) = output else {
        session.out.data(&one(&plan, to, way_back)?)?;
        return Ok(Exit::Done);
    };
    let (forward, back) = (one(&plan, to, false)?, one(&plan, to, true)?);
    let ending = match to {
        Target::AwsCli => "sh",
    };
    let fail =
        |error: std::io::Error| Fail::failure(format!("{}: cannot write", folder.display())).why(error.to_string()).hint("choose another folder with -o");
    fs::create_dir_all(folder).map_err(fail)?;
    for (name, text) in [("apply", forward), ("way-back", back)] {
        fs::write(folder.join(format!("{name}.{ending}")), text).map_err(fail)?;
    }
    session.out.say(&format!("apply.{ending} and way-back.{ending} are in {}: read them before you run them", folder.display()));
    Ok(Exit::Done)
}

fn one(plan: &Plan, to: Target, way_back: bool) -> Result<String, Fail> {
    let made: Result<String, NotExported> = match (to, way_back) {
        (Target::AwsCli, false) => export::forward(plan),
        (Target::AwsCli, true) => export::way_back(plan),
    };
    made.map_err(|error| Fail::held(error.to_string()).hint("apply it with `redress apply`, or export a plan without it"))
}
