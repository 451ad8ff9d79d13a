//! The generated pages of the documentation: one for each action, one of the checks, one of the playbook's keys. Made
//! of the same data that the program runs on, so that they cannot tell anything else. Text only; no IO.

use std::fmt::Write as _;

use crate::{
    actions::{self, Action, Parameter},
    checks::{self, Check},
    playbook::keys::{self, Section},
};

/// What stands first on every page.
const GENERATED: &str = "<!-- Generated from the program. Change it there, then run the tests with REDRESS_BLESS=1. -->\n\n";

/// All generated pages: path from the root of the project, and content.
pub fn all_pages() -> Vec<(String, String)> {
    let action = |action: &&dyn Action| (format!("docs/actions/{}.md", action.name()), action_page(*action));
    let mut pages: Vec<_> = actions::all().iter().map(action).collect();
    pages.push(("docs/checks.md".to_owned(), checks_page()));
    pages.push(("docs/playbook-reference.md".to_owned(), playbook_reference()));
    pages
}

/// The page of an action.
pub fn action_page(action: &dyn Action) -> String {
    let mut page = format!("{GENERATED}# {}\n\n{}\n\n", action.name(), sentence(action.title()));
    line(&mut page, &format!("- It changes: {}.", with_article(action.target().words())));
    match action.answers() {
        [] => line(&mut page, "- Playbooks do not name it: other actions ask for it when they need it."),
        answers => line(&mut page, &format!("- It answers: {}.", checks_linked(answers))),
    }
    line(&mut page, "");
    if !action.answers().is_empty() {
        page.push_str(&example(action));
    }
    page.push_str("## Parameters\n\n");
    page.push_str(&parameters(action.parameters()));
    page.push_str(&doc(action.doc()));
    tidy(page)
}

/// The page of all checks.
pub fn checks_page() -> String {
    let mut page = format!(
        "{GENERATED}# Checks\n\nA check is a rule that a resource keeps or violates. A scan runs them all; `--check ID` runs one. \
         The tag `redress:ignore` on a resource suppresses its findings, and its value is shown as the reason.\n\n"
    );
    let (scanned, proofs): (Vec<&Check>, Vec<&Check>) = checks::all().partition(|check| check.scanned);
    for check in &scanned {
        page.push_str(&check_section(check));
    }
    if !proofs.is_empty() {
        page.push_str("## Checks that prove changes\n\nThese are not scanned for: a change carries them and is verified by them.\n\n");
        page.push_str(&table(&["check", "of", "what it finds"], proofs.iter().map(|c| vec![code(c.id), c.kind.words().to_owned(), sentence(c.title)])));
    }
    tidy(page)
}

/// The page of all keys that a playbook can have.
pub fn playbook_reference() -> String {
    let mut page = format!(
        "{GENERATED}# The keys of a playbook\n\nA playbook is a TOML file of at most {} KiB. [The guide](playbooks.md) tells how to write one. \
         A key that is not named here is an error.\n\n",
        crate::playbook::bounds::MAX_BYTES / 1024
    );
    for section in keys::SECTIONS {
        page.push_str(&section_of_keys(section));
    }
    tidy(page)
}

fn section_of_keys(section: &Section) -> String {
    let title = if section.shown.starts_with('[') { code(section.shown) } else { capital(section.shown) };
    let mut text = format!("## {title}\n\n{}\n\n", section.doc);
    if section.keys.is_empty() {
        for check in checks::all().filter(|check| !keys::of_check(check.id).is_empty()) {
            let _ = write!(text, "For {}:\n\n{}", check_link(check.id), parameters(keys::of_check(check.id)));
        }
    } else {
        text.push_str(&parameters(section.keys));
    }
    text
}

fn check_section(check: &Check) -> String {
    let mut text = format!("## {}\n\n{}\n\n{}\n\n", check.id, sentence(check.title), sentence(check.why));
    line(&mut text, &format!("- Severity: {}. It judges: {}.", check.severity, with_article(check.kind.words())));
    let able: Vec<_> = actions::all().iter().filter(|a| a.answers().contains(&check.id)).map(|a| format!("[{0}](actions/{0}.md)", a.name())).collect();
    line(&mut text, &format!("- Answered by: {}.", if able.is_empty() { "no action".to_owned() } else { able.join(", ") }));
    if !check.controls.is_empty() {
        let controls: Vec<_> = check.controls.iter().map(|c| format!("{} {}", c.framework, code(c.id))).collect();
        line(&mut text, &format!("- Known elsewhere as: {}.", controls.join(", ")));
    }
    if !check.triggers.is_empty() {
        let triggers: Vec<_> = check.triggers.iter().map(|t| code(t)).collect();
        line(&mut text, &format!("- Run after the CloudTrail events: {}.", triggers.join(", ")));
    }
    line(&mut text, "");
    if !keys::of_check(check.id).is_empty() {
        let _ = write!(text, "Parameters, in `[check]` of a playbook:\n\n{}", parameters(keys::of_check(check.id)));
    }
    text
}

/// A playbook that uses the action, with all its parameters as they are by default.
fn example(action: &dyn Action) -> String {
    let mut text = String::from("```toml\n");
    let finding: Vec<_> = action.answers().iter().map(|check| format!("{check:?}")).collect();
    let finding = if let [one] = finding.as_slice() { one.clone() } else { format!("[{}]", finding.join(", ")) };
    line(&mut text, &format!("id = \"my-{0}\"\ntitle = {1:?}\nfinding = {finding}\n\n[[action]]\nuse = \"{0}\"", action.name(), action.title()));
    let given: Vec<_> =
        action.parameters().iter().map(|p| if p.default.is_empty() { format!("# {} = ...", p.name) } else { format!("{} = {}", p.name, p.default) }).collect();
    if !given.is_empty() {
        line(&mut text, &format!("\n[action.with]\n{}", given.join("\n")));
    }
    text + "```\n\n"
}

fn parameters(parameters: &[Parameter]) -> String {
    if parameters.is_empty() {
        return "None.\n\n".to_owned();
    }
    let default = |p: &Parameter| if p.default.is_empty() { "must be given".to_owned() } else { code(p.default) };
    table(&["key", "type", "default", "what it does"], parameters.iter().map(|p| vec![code(p.name), p.kind.to_owned(), default(p), sentence(p.doc)]))
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
        line(&mut text, &format!("| {} |", cells.join(" | ")));
    }
    text + "\n"
}

/// An action's own text, under a heading of its own where it does not begin with one.
fn doc(text: &str) -> String {
    match text.trim() {
        "" => String::new(),
        text if text.starts_with('#') => format!("{text}\n"),
        text => format!("## What it does\n\n{text}\n"),
    }
}

fn checks_linked(checks: &[&str]) -> String {
    checks.iter().map(|check| format!("[{check}](../checks.md#{check})")).collect::<Vec<_>>().join(", ")
}

fn check_link(check: &str) -> String {
    format!("[{check}](checks.md#{check})")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.ends_with(['.', '!', '?', ':']) { capital(text) } else { format!("{}.", capital(text)) }
}

fn with_article(words: &str) -> String {
    format!("{} {words}", if words.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" })
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// No blanks at the ends of lines, and one newline at the end of the page.
fn tidy(page: String) -> String {
    let lines: Vec<_> = page.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}
