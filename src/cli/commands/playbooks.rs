//! `redress playbooks`: lists those in force, shows one of them, and checks files. Reads the user's files
//! only.

use std::path::{Path, PathBuf};

use super::actions::{find, write};
use crate::{
    cli::shared::{
        args::{Format, PlaybooksCommand},
        exit::Exit,
        fail::Fail,
        files, render,
        session::{Session, playbook_files, problems_fail, waivers_beside},
    },
    playbook::{self, Playbook, problem::did_you_mean},
    report::{
        json, pages, safe,
        style::{Page, plain},
    },
};

/// Lists, shows or checks playbooks.
///
/// # Errors
/// When playbooks are wrong, or none has the id (exit 2).
pub fn run(session: &Session, what: Option<&PlaybooksCommand>) -> Result<Exit, Fail> {
    let text = match what {
        None | Some(PlaybooksCommand::List) => list(session, &listed(session)?)?,
        Some(PlaybooksCommand::Show { id }) => show(session, id)?,
        Some(PlaybooksCommand::New { action, output }) => new(session, action.as_deref(), output.as_deref())?,
        Some(PlaybooksCommand::Schema) => {
            json::write(&playbook::schema::schema()).map_err(|error| Fail::failure(error.to_string()))?
        }
        Some(PlaybooksCommand::Check { files }) => check(session, files)?,
    };
    session.out.data(&text)?;
    Ok(Exit::Done)
}

/// Returns the playbooks of the sets that were asked for; all where none was.
fn listed(session: &Session) -> Result<Vec<Playbook>, Fail> {
    let (all, sets) = (session.playbooks()?, &session.common.playbook_set);
    Ok(if sets.is_empty() { all } else { playbook::sets::chosen(&all, sets) })
}

fn list(session: &Session, all: &[Playbook]) -> Result<String, Fail> {
    let format = session.common.format;
    match format {
        Format::Json => write(all, "redress.playbooks/1", "playbooks"),
        Format::Html | Format::Junit | Format::Sarif => Err(render::not_in(format, "playbooks")),
        Format::Markdown => Ok(all
            .iter()
            .map(|p| {
                format!(
                    "- {}: {} ({})\n",
                    safe::code(&p.id),
                    safe::markdown(&p.title),
                    safe::markdown(&actions_of(p))
                )
            })
            .collect()),
        Format::Text => {
            let hang = all.iter().map(|p| p.id.len()).max().unwrap_or(0) + 2;
            let mut page = Page::new(render::data(session).style);
            for p in all {
                page.row(0, &plain(&p.id), hang, &[plain(&p.title)]);
                page.text(hang, &[plain(format!("uses {}; from {}", actions_of(p), p.source))]);
                page.text(hang, &[plain(format!("in {}", sets_of(p)))]);
            }
            Ok(page.done())
        }
    }
}

/// Builds a commented playbook that uses an action; writes it to a file only if none exists.
fn new(session: &Session, action: Option<&str>, output: Option<&Path>) -> Result<String, Fail> {
    let action = find(action.unwrap_or("tighten-security-group"))?;
    if action.answers().is_empty() {
        let fail =
            Fail::usage(format!("{} answers no check by itself, so no playbook can use it", action.name()));
        return Err(fail.hint("other actions ask for it; `redress actions` lists all"));
    }
    let text = pages::commented_playbook(action);
    let Some(path) = output else { return Ok(text) };
    let fail = |why: std::io::Error| {
        Fail::usage(format!("{}: cannot write the playbook", path.display()))
            .why(why.to_string())
            .hint("choose another file with -o")
    };
    files::put_new(path, &text).map_err(fail)?;
    session
        .out
        .say(&format!("the playbook is in {0}; `redress playbooks check {0}` checks it", path.display()));
    Ok(String::new())
}

fn sets_of(playbook: &Playbook) -> String {
    playbook.sets.iter().map(|set| set.word()).collect::<Vec<_>>().join(", ")
}

fn actions_of(playbook: &Playbook) -> String {
    playbook.actions.iter().map(|a| a.action.as_str()).collect::<Vec<_>>().join(" + ")
}

/// Returns a playbook's own text, so that it can be copied and changed; as JSON, the playbook in force, flags
/// included.
fn show(session: &Session, id: &str) -> Result<String, Fail> {
    let all = session.playbooks()?;
    let Some(playbook) = all.iter().find(|p| p.id == id) else {
        let fail = Fail::usage(format!("there is no playbook {id:?}"));
        return Err(match did_you_mean(id, all.iter().map(|p| p.id.as_str())) {
            Some(near) => fail.hint(format!("did you mean {near}?")),
            None => fail.hint("`redress playbooks` lists them"),
        });
    };
    if session.common.format == Format::Json {
        return write(std::slice::from_ref(playbook), "redress.playbooks/1", "playbooks");
    }
    let built_in = playbook::builtin().into_iter().find(|(source, _)| *source == playbook.source);
    let text = match built_in {
        Some((_, text)) => text,
        None => {
            playbook_files(&[PathBuf::from(&playbook.source)])?.into_iter().map(|(_, text)| text).collect()
        }
    };
    Ok(if session.common.format == Format::Markdown {
        format!("```toml\n{}\n```\n", text.trim_end())
    } else {
        format!("# {}\n{}\n", playbook.source, text.trim_end())
    })
}

/// Checks files as they would be loaded together with the built-in playbooks.
fn check(session: &Session, files: &[PathBuf]) -> Result<String, Fail> {
    let given =
        if files.is_empty() { session.common.playbooks.iter().cloned().collect() } else { files.to_vec() };
    let user = playbook_files(&given)?;
    for folder in given.iter().filter(|path| path.is_dir()) {
        waivers_beside(folder)?;
    }
    if !given.is_empty() && user.is_empty() {
        return Err(Fail::usage("there is no playbook in what was given")
            .hint("a playbook is a file whose name ends in .toml"));
    }
    let count = if given.is_empty() { playbook::builtin().len() } else { user.len() };
    playbook::assemble(playbook::builtin(), user).map_err(|problems| problems_fail(&problems))?;
    let what = if given.is_empty() { "built-in playbook" } else { "playbook" };
    Ok(format!("{count} {what}{} without a problem\n", if count == 1 { "" } else { "s" }))
}
