//! `redress actions`: the actions that playbooks can use. Shows what is built in; reads nothing.

use crate::{
    actions::{self, Action},
    cli::shared::{
        args::{ActionsCommand, Format},
        exit::Exit,
        fail::Fail,
        render,
        session::Session,
    },
    playbook::problem::did_you_mean,
    report::{
        json,
        style::{Page, plain},
    },
};

/// Lists the actions, or shows the page of one.
///
/// # Errors
/// When the action does not exist.
pub fn run(session: &Session, what: Option<&ActionsCommand>) -> Result<Exit, Fail> {
    let text = match what {
        None | Some(ActionsCommand::List) => list(session)?,
        Some(ActionsCommand::Show { name }) => show(session.common.format, find(name)?)?,
    };
    session.out.data(&text)?;
    Ok(Exit::Done)
}

/// Returns the action of this name.
///
/// # Errors
/// When no action has this name; the hint suggests the closest one (exit 2).
pub fn find(name: &str) -> Result<&'static dyn Action, Fail> {
    actions::find(name).ok_or_else(|| {
        let fail = Fail::usage(format!("there is no action {name:?}"));
        match did_you_mean(name, actions::all().iter().map(|a| a.name())) {
            Some(near) => fail.hint(format!("did you mean {near}?")),
            None => fail.hint("`redress actions` lists them"),
        }
    })
}

fn list(session: &Session) -> Result<String, Fail> {
    let (all, format) = (actions::all(), session.common.format);
    match format {
        Format::Json => {
            write(&all.iter().map(|a| document(*a)).collect::<Vec<_>>(), "redress.actions/1", "actions")
        }
        Format::Html | Format::Junit | Format::Sarif => Err(render::not_in(format, "actions")),
        Format::Markdown => Ok(all.iter().map(|a| format!("- `{}`: {}\n", a.name(), a.title())).collect()),
        Format::Text => {
            let hang = all.iter().map(|a| a.name().len()).max().unwrap_or(0) + 2;
            let mut page = Page::new(render::data(session).style);
            for action in all {
                page.row(0, &plain(action.name()), hang, &[plain(action.title())]);
            }
            Ok(page.done())
        }
    }
}

fn show(format: Format, action: &dyn Action) -> Result<String, Fail> {
    match format {
        Format::Json => write(&[document(action)], "redress.actions/1", "actions"),
        Format::Html | Format::Junit | Format::Sarif => Err(render::not_in(format, "actions")),
        Format::Text | Format::Markdown => Ok(format!("{}\n", action.doc().trim_end())),
    }
}

fn document(action: &dyn Action) -> serde_json::Value {
    let parameters: Vec<_> = action
        .parameters()
        .iter()
        .map(|p| serde_json::json!({ "name": p.name, "type": p.kind, "default": p.default, "doc": p.doc }))
        .collect();
    serde_json::json!({ "name": action.name(), "title": action.title(), "answers": action.answers(),
        "parameters": parameters })
}

/// Writes a list as a document of its own format.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn write<T: serde::Serialize>(items: &[T], format: &str, name: &str) -> Result<String, Fail> {
    json::write(&serde_json::json!({ "format": format, name: items }))
        .map_err(|error| Fail::failure(error.to_string()))
}
