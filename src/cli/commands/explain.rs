//! `redress explain`: describes a check, an action or one change of a plan. Reads files at most.

use std::path::Path;

use crate::{
    actions::{self, Action},
    checks::{self, Check},
    cli::shared::{
        args::Format,
        exit::Exit,
        fail::Fail,
        plan_file, render,
        session::{Session, checks_of_control},
    },
    plan::Plan,
    playbook::{Playbook, problem::did_you_mean},
    report::{json, pages, text},
};

/// Explains a check, an action or a change.
///
/// # Errors
/// When the name is none of these (exit 2).
pub fn run(session: &Session, what: &str) -> Result<Exit, Fail> {
    let text = match what.rsplit_once('#') {
        Some((place, id)) => change(session, place, id)?,
        None => named(session, what)?,
    };
    session.out.data(&text)?;
    Ok(Exit::Done)
}

fn named(session: &Session, what: &str) -> Result<String, Fail> {
    if let Some(action) = actions::find(what) {
        return action_text(session, action);
    }
    if let Some(check) = checks::find(what) {
        return checks_text(session, &[check]);
    }
    if let Some(ids) = checks_of_control(what)? {
        let found: Vec<&Check> = ids.into_iter().filter_map(checks::find).collect();
        return checks_text(session, &found);
    }
    if Path::new(what).is_file() {
        return Err(Fail::usage(format!("{what} is a file: name the change in it"))
            .hint(format!("redress explain {what}#c1; `redress show {what}` shows all")));
    }
    if session.playbooks()?.iter().any(|p| p.id == what) {
        return Err(
            Fail::usage(format!("{what} is a playbook")).hint(format!("redress playbooks show {what}"))
        );
    }
    let names = checks::all().map(|c| c.id).chain(actions::all().iter().map(|a| a.name()));
    let fail = Fail::usage(format!("there is no check and no action {what:?}"));
    Err(match did_you_mean(what, names) {
        Some(near) => fail.hint(format!("did you mean {near}?")),
        None => fail.hint(
            "`redress actions` lists the actions, `redress playbooks` what answers which finding; a change \
             is written plan.json#c3",
        ),
    })
}

fn write(document: &serde_json::Value) -> Result<String, Fail> {
    json::write(document).map_err(|error| Fail::failure(error.to_string()))
}

fn checks_text(session: &Session, found: &[&Check]) -> Result<String, Fail> {
    let playbooks = session.playbooks()?;
    let answering = |check: &Check| -> Vec<&Playbook> {
        playbooks.iter().filter(|p| p.finding.iter().any(|id| id == check.id)).collect()
    };
    if session.common.format == Format::Json {
        let one = |check: &&Check| {
            let controls: Vec<_> = check
                .controls()
                .map(|c| serde_json::json!({ "framework": c.framework, "id": c.id }))
                .collect();
            let playbooks: Vec<&str> = answering(check).iter().map(|p| p.id.as_str()).collect();
            serde_json::json!({ "id": check.id, "title": check.title, "why": check.why,
                "severity": check.severity, "resource": check.kind.words(),
                "scanned": check.scanned, "controls": controls, "playbooks": playbooks })
        };
        return write(&serde_json::json!({ "format": "redress.checks/1",
                "checks": found.iter().map(one).collect::<Vec<_>>() }));
    }
    let view = render::data(session);
    Ok(found
        .iter()
        .map(|check| text::explain::check(check, &answering(check), &view))
        .collect::<Vec<_>>()
        .join("\n"))
}

fn action_text(session: &Session, action: &'static dyn Action) -> Result<String, Fail> {
    let playbooks = session.playbooks()?;
    let using: Vec<&Playbook> =
        playbooks.iter().filter(|p| p.actions.iter().any(|u| u.action == action.name())).collect();
    match session.common.format {
        Format::Json => {
            let parameters: Vec<_> = action
                .parameters()
                .iter()
                .map(|p| {
                    serde_json::json!({ "name": p.name, "type": p.kind,
                    "default": p.default, "doc": p.doc })
                })
                .collect();
            let playbooks: Vec<&str> = using.iter().map(|p| p.id.as_str()).collect();
            write(&serde_json::json!({ "format": "redress.actions/1", "actions": [{ "name": action.name(),
                    "title": action.title(),
                "answers": action.answers(), "parameters": parameters, "playbooks": playbooks }] }))
        }
        Format::Markdown => Ok(pages::action_page(action)),
        _ => Ok(text::explain::action(action, &using, &render::data(session))),
    }
}

fn change(session: &Session, place: &str, id: &str) -> Result<String, Fail> {
    let looks_like_a_file =
        Path::new(place).exists() || place.contains(['/', '\\']) || place.ends_with(".json");
    let plan =
        if looks_like_a_file { plan_file::read(Path::new(place))? } else { session.run(place)?.1.plan };
    let Some(change) = plan.change(id) else { return Err(no_change(&plan, place, id)) };
    match session.common.format {
        Format::Json => write(&serde_json::json!({ "format": "redress.change/1", "change": change })),
        _ => Ok(text::explain::change(&plan, change, &render::data(session))),
    }
}

fn no_change(plan: &Plan, place: &str, id: &str) -> Fail {
    let known: Vec<&str> = plan.changes.iter().map(|c| c.id.as_str()).collect();
    let fail = Fail::usage(format!("{place} has no change {id:?}"));
    match did_you_mean(id, known.iter().copied()) {
        Some(near) => fail.hint(format!("did you mean {place}#{near}?")),
        None => fail.hint(if known.is_empty() {
            "it has no changes at all".to_owned()
        } else {
            format!("it has {}", known.join(", "))
        }),
    }
}
