//! `redress export`: a plan as a program for another engine. Reads a plan, writes text, and runs nothing.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    cli::shared::{args::Target, exit::Exit, fail::Fail, files, plan_file, session::Session},
    plan::{
        Plan,
        export::{self, NotExported},
    },
};

/// Shows one of the two programs, or writes both into a folder.
///
/// # Errors
/// When the file is not a plan, the plan cannot be exported, or the folder cannot be written.
pub fn run(
    session: &Session,
    plan: &Path,
    to: Target,
    way_back: bool,
    output: Option<&Path>,
) -> Result<Exit, Fail> {
    let (plan, _) = plan_file::read_trusted(session, plan)?;
    let Some(folder) = output else {
        let mut programs = programs(&plan, to, way_back)?;
        return match (programs.pop(), programs.is_empty()) {
            (Some((_, text)), true) => session.out.data(&text).map(|()| Exit::Done),
            (Some(_), false) => {
                Err(Fail::usage("the plan is for several regions, and takes a machine in each")
                    .hint("give -o DIR: they are written there"))
            }
            (None, _) => Err(Fail::usage("the plan has no changes: there is nothing to export")
                .hint("make a plan with `redress plan -o`")),
        };
    };
    let all = [programs(&plan, to, false)?, programs(&plan, to, true)?].concat();
    let fail = |error: std::io::Error| {
        Fail::failure(format!("{}: cannot write", folder.display()))
            .why(error.to_string())
            .hint("choose another folder with -o")
    };
    fs::create_dir_all(folder).map_err(fail)?;
    for (name, text) in &all {
        files::put(&folder.join(name), text).map_err(fail)?;
    }
    session.out.say(&format!("in the plan: {}", calls_of(&plan)));
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    session.out.say(&format!(
        "{} are in {}: read them before you run them",
        names.join(", "),
        folder.display()
    ));
    Ok(Exit::Done)
}

/// Lists the calls of a plan with their counts: the one thing that does not rest on the file's word alone.
fn calls_of(plan: &Plan) -> String {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for step in plan.changes.iter().flat_map(|change| &change.steps) {
        *all.entry(step.act.call.name()).or_default() += 1;
    }
    all.into_iter().map(|(name, n)| format!("{n} x {name}")).collect::<Vec<_>>().join(", ")
}

/// Builds the programs in one direction, by the names of their files.
fn programs(plan: &Plan, to: Target, way_back: bool) -> Result<Vec<(String, String)>, Fail> {
    let name = if way_back { "way-back" } else { "apply" };
    let script = |text| vec![(format!("{name}.sh"), text)];
    let machines = |all: BTreeMap<String, String>| {
        all.into_iter().map(|(region, text)| (format!("{name}-{region}.asl.json"), text)).collect()
    };
    let made: Result<Vec<(String, String)>, NotExported> = match (to, way_back) {
        (Target::AwsCli, false) => export::forward(plan).map(script),
        (Target::AwsCli, true) => export::way_back(plan).map(script),
        (Target::StepFunctions, false) => export::machines(plan).map(machines),
        (Target::StepFunctions, true) => export::machines_back(plan).map(machines),
    };
    made.map_err(|error| {
        Fail::held(error.to_string()).hint("apply it with `redress apply`, or export a plan without it")
    })
}
