//! The generated pages of the documentation: one for each action, one for the checks, one for the
//! keys of playbooks. They are made from the data that the program runs on, so they cannot contradict
//! it. Text only; no IO.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    actions::{self, Action, Parameter},
    checks::{self, Check, Control, KnownAs},
    intake::mapping,
    playbook::{
        self, Playbook, Set,
        keys::{self, Section},
    },
};

/// The first line of every page.
const GENERATED: &str =
    "<!-- Generated from the program. Change it there, then run the tests with REDRESS_BLESS=1. -->\n\n";

/// Generates all pages: path from the root of the project, and content.
pub fn all_pages() -> Vec<(String, String)> {
    let action = |action: &&dyn Action| (format!("docs/actions/{}.md", action.name()), action_page(*action));
    let mut pages: Vec<_> = actions::all().iter().map(action).collect();
    pages.push(("docs/checks.md".to_owned(), checks_page()));
    pages.push(("docs/playbook-reference.md".to_owned(), playbook_reference()));
    pages.extend(Set::ALL.iter().map(|set| (format!("docs/sets/{set}.md"), set_page(*set))));
    pages
}

/// Generates the page of an action.
pub fn action_page(action: &dyn Action) -> String {
    let (lead, rest) = doc(action.doc());
    let mut page = format!("{GENERATED}# {}\n\n{}\n\n", action.name(), sentence(action.title()));
    if !lead.is_empty() {
        let _ = write!(page, "{lead}\n\n");
    }
    line(&mut page, &format!("- It changes: {}.", with_article(action.target().words())));
    match action.answers() {
        [] => line(&mut page, "- Playbooks do not name it: other actions ask for it when they need it."),
        answers => line(&mut page, &format!("- It answers: {}.", checks_linked(answers))),
    }
    line(&mut page, "");
    if !action.answers().is_empty() {
        let _ = write!(page, "```toml\n{}```\n\n", example_playbook(action));
    }
    page.push_str("## Parameters\n\n");
    page.push_str(&parameters(action.parameters()));
    page.push_str(&rest);
    tidy(page)
}

/// Generates the page of all checks.
pub fn checks_page() -> String {
    let mut page = format!(
        "{GENERATED}# Checks\n\nA check is a rule that a resource keeps or violates. A scan runs those \
         that the [set](playbooks.md#sets) `default` answers, or the sets of `--playbook-set`; `--check ID` \
         runs one. The tag `redress:ignore` on a resource suppresses its findings, and its \
         value is shown as the reason; a [waiver](playbooks.md#findings-that-may-stay-waiverstoml) does so \
         until a day.\n\n"
    );
    let (scanned, proofs): (Vec<&Check>, Vec<&Check>) = checks::all().partition(|check| check.scanned);
    for check in &scanned {
        page.push_str(&check_section(check));
    }
    if !proofs.is_empty() {
        page.push_str(
            "## Checks that prove changes\n\nThese are not scanned for: a change carries them and is \
             verified by them.\n\n",
        );
        page.push_str(&table(
            &["check", "of", "what it finds"],
            proofs.iter().map(|c| vec![code(c.id), c.kind.words().to_owned(), sentence(c.title)]),
        ));
    }
    tidy(page)
}

/// Generates the page of all keys that a playbook can have.
pub fn playbook_reference() -> String {
    let mut page = format!(
        "{GENERATED}# The keys of a playbook\n\nA playbook is a TOML file of at most {} KiB. [The \
         guide](playbooks.md) explains how to write one. A key that is not named here is an error.\n\n",
        crate::playbook::bounds::MAX_BYTES / 1024
    );
    for section in keys::SECTIONS {
        page.push_str(&section_of_keys(section));
    }
    tidy(page)
}

/// Generates the page of a set of playbooks.
pub fn set_page(set: Set) -> String {
    let mut page = format!(
        "{GENERATED}# The set {set}\n\n{}\n\n`redress plan --playbook-set {set}` plans with it. [The \
         guide](../playbooks.md#sets) describes how sets are chosen.\n\n",
        set.doc()
    );
    let built_in = playbook::builtin();
    let all: Vec<Playbook> =
        built_in.iter().filter_map(|(source, text)| playbook::parse(text, source).ok()).collect();
    let row = |playbook: &Playbook| {
        let checks: Vec<_> = playbook.finding.iter().map(|c| format!("[{c}](../checks.md#{c})")).collect();
        let mut row = vec![code(&playbook.id), sentence(&playbook.title), checks.join(", ")];
        row.extend(set.is_framework().then(|| known(set, playbook)));
        row
    };
    let head = ["playbook", "what it does", "findings", "controls"];
    let head = if set.is_framework() { &head[..] } else { &head[..3] };
    page.push_str(&table(head, playbook::sets::chosen(&all, &[set]).iter().map(row)));
    tidy(page)
}

/// Lists the controls of a framework that the checks of a playbook answer.
fn known(set: Set, playbook: &Playbook) -> String {
    let controls = playbook.finding.iter().filter_map(|id| checks::find(id)).flat_map(Check::controls);
    let all: BTreeSet<String> = controls.filter(|c| set.has(c)).map(|c| control(&c)).collect();
    all.into_iter().collect::<Vec<_>>().join(", ")
}

fn control(control: &Control) -> String {
    match control.framework.split_once('-') {
        Some(("cis", version)) => format!("{version}/{}", control.id),
        _ => control.id.to_owned(),
    }
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
    line(
        &mut text,
        &format!("- Severity: {}. It judges: {}.", check.severity, with_article(check.kind.words())),
    );
    let able: Vec<_> = actions::all()
        .iter()
        .filter(|a| a.answers().contains(&check.id))
        .map(|a| format!("[{0}](actions/{0}.md)", a.name()))
        .collect();
    line(
        &mut text,
        &format!(
            "- Answered by: {}.",
            if able.is_empty() { "no action".to_owned() } else { able.join(", ") }
        ),
    );
    if !check.known_as.is_empty() {
        line(&mut text, &format!("- Known elsewhere as: {}.", controls(check.known_as)));
    }
    if !check.triggers.is_empty() {
        let triggers: Vec<_> = check.triggers.iter().map(|t| code(t)).collect();
        line(&mut text, &format!("- Run after the CloudTrail events: {}.", triggers.join(", ")));
    }
    line(&mut text, "");
    if !keys::of_check(check.id).is_empty() {
        let _ = write!(
            text,
            "Parameters, in `[check]` of a playbook:\n\n{}",
            parameters(keys::of_check(check.id))
        );
    }
    text
}

/// Lists the ids that other tools use, by framework.
fn controls(known_as: KnownAs) -> String {
    let ids = |ids: &[&str]| ids.iter().map(|id| code(id)).collect::<Vec<_>>().join(", ");
    let one = |(framework, of): &(&str, &[&str])| format!("{} {}", framework_name(framework), ids(of));
    known_as.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn framework_name(framework: &str) -> String {
    match framework.split_once('-') {
        Some(("cis", version)) => format!("CIS {version}"),
        _ if framework == "security-hub" => "Security Hub".to_owned(),
        _ => mapping::title(framework).to_owned(),
    }
}

/// Writes a playbook that uses the action, with all its parameters at their defaults; a parameter whose
/// default is not a value is commented out.
pub fn example_playbook(action: &dyn Action) -> String {
    let finding: Vec<_> = action.answers().iter().map(|check| format!("{check:?}")).collect();
    let finding =
        if let [one] = finding.as_slice() { one.clone() } else { format!("[{}]", finding.join(", ")) };
    let mut text = format!(
        "id = \"my-{0}\"\ntitle = {1:?}\nfinding = {finding}\n\n[[action]]\nuse = \"{0}\"\n",
        action.name(),
        action.title()
    );
    if !action.parameters().is_empty() {
        text.push_str("\n[action.with]\n");
    }
    for parameter in action.parameters() {
        let (mark, value) = if is_toml(parameter.default) { ("", parameter.default) } else { ("# ", "...") };
        line(&mut text, &format!("{mark}{} = {value}", parameter.name));
    }
    text
}

/// Writes the example playbook with a comment at every key, and the other sections of a playbook as comments,
/// as a template for a new file.
pub fn commented_playbook(action: &dyn Action) -> String {
    let mut text = format!("# A playbook that uses {}: {}.\n#\n", action.name(), action.title());
    text.push_str(
        "# Give it an id of its own, or the id of a built-in playbook to take its place. `redress playbooks \
         check FILE` checks it,\n",
    );
    text.push_str("# `redress plan --playbooks DIR` uses all of a folder.\n");
    for row in example_playbook(action).lines() {
        let named = row.trim_start_matches("# ").split_once(" = ").map(|(name, _)| name);
        let of_action = named.and_then(|name| action.parameters().iter().find(|p| p.name == name));
        let of_playbook = || {
            named.and_then(|name| {
                [&keys::TOP, &keys::ACTION].into_iter().flat_map(|s| s.keys).find(|k| k.name == name)
            })
        };
        if let Some(known) = of_action.or_else(of_playbook) {
            comment(&mut text, &format!("{} Type: {}.", sentence(known.doc), known.kind));
        }
        line(&mut text, row);
    }
    let tables: [(&keys::Section, &[(&str, &str)]); 2] = [
        (
            &keys::MATCH,
            &[
                ("severity", "\"high\""),
                ("regions", "[\"eu-*\"]"),
                ("tags", "{ Env = \"prod\" }"),
                ("without_tags", "{ Keep = \"*\" }"),
                ("resources", "[\"sg-*\"]"),
            ],
        ),
        (
            &keys::GUARD,
            &[("max_changes", "50"), ("max_percent", "25"), ("protected_tags", "[\"Protected\"]")],
        ),
    ];
    for (section, values) in tables {
        line(&mut text, "");
        comment(&mut text, section.doc);
        line(&mut text, &format!("# {}", section.shown));
        for key in section.keys {
            comment(&mut text, key.doc);
            let value = values.iter().find(|(name, _)| *name == key.name).map_or("...", |(_, value)| value);
            line(&mut text, &format!("# {} = {value}", key.name));
        }
    }
    text
}

/// Writes words as comment lines that fit 80 columns.
fn comment(text: &mut String, words: &str) {
    let mut row = String::from("#");
    for word in words.split_whitespace() {
        if row.len() + word.len() >= 78 {
            line(text, &row);
            row = String::from("#");
        }
        row.push(' ');
        row.push_str(word);
    }
    line(text, &row);
}

/// Returns whether the default of a parameter is a value, not a description of its origin.
fn is_toml(default: &str) -> bool {
    toml::from_str::<toml::Table>(&format!("value = {default}")).is_ok()
}

fn parameters(parameters: &[Parameter]) -> String {
    if parameters.is_empty() {
        return "None.\n\n".to_owned();
    }
    let default = |p: &Parameter| match p.default {
        "" => "must be given".to_owned(),
        value if is_toml(value) => code(value),
        words => words.to_owned(),
    };
    table(
        &["key", "type", "default", "what it does"],
        parameters.iter().map(|p| vec![code(p.name), p.kind.to_owned(), default(p), sentence(p.doc)]),
    )
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
        line(&mut text, &format!("| {} |", cells.join(" | ")));
    }
    text + "\n"
}

/// Splits an action's own text in two: the introduction, and the rest from its first second-level heading on.
/// A title is left out, since the page has one; a text without headings gets one.
fn doc(text: &str) -> (String, String) {
    let text = text.trim();
    let text =
        if text.starts_with("# ") { text.split_once('\n').map_or("", |(_, rest)| rest.trim()) } else { text };
    let split = if text.starts_with("## ") { Some(0) } else { text.find("\n## ").map(|at| at + 1) };
    match split {
        _ if text.is_empty() => (String::new(), String::new()),
        Some(at) => (text[..at].trim().to_owned(), text[at..].to_owned()),
        None => (String::new(), format!("## What it does\n\n{text}")),
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
    if text.is_empty() || text.ends_with(['.', '!', '?', ':']) {
        capital(text)
    } else {
        format!("{}.", capital(text))
    }
}

fn with_article(words: &str) -> String {
    let vowel = words.starts_with(['a', 'e', 'i', 'o', 'E']);
    format!("{} {words}", if vowel { "an" } else { "a" })
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Strips white space from the ends of lines, and ends the page with one newline.
fn tidy(page: String) -> String {
    let lines: Vec<_> = page.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_with_a_bar_or_a_line_break_stays_one_cell() {
        let rows = [vec!["a|b".to_owned(), "c\nd".to_owned()]];
        assert_eq!(table(&["x", "y"], rows.into_iter()), "| x | y |\n| --- | --- |\n| a\\|b | c d |\n\n");
    }

    #[test]
    fn a_default_that_is_a_value_is_told_from_words_and_from_none() {
        let parameter = |default| Parameter { name: "p", kind: "k", default, doc: "d" };
        let told = |default| parameters(&[parameter(default)]).trim_end().lines().last().map(str::to_owned);
        assert_eq!(told("[]").as_deref(), Some("| `p` | k | `[]` | D. |"));
        assert_eq!(told("the default key").as_deref(), Some("| `p` | k | the default key | D. |"));
        assert_eq!(told("").as_deref(), Some("| `p` | k | must be given | D. |"));
    }

    #[test]
    fn the_text_of_an_action_is_parted_at_its_first_heading() {
        let parts = |lead: &str, rest: &str| (lead.to_owned(), rest.to_owned());
        assert_eq!(doc(""), parts("", ""));
        assert_eq!(doc("# name\n"), parts("", ""));
        assert_eq!(doc("It mends.\n"), parts("", "## What it does\n\nIt mends."));
        assert_eq!(
            doc("# name\n\nIt mends.\n\n## Refuses\n\nMuch.\n"),
            parts("It mends.", "## Refuses\n\nMuch.")
        );
        assert_eq!(doc("## Refuses\nMuch."), parts("", "## Refuses\nMuch."));
    }

    #[test]
    fn the_ids_of_others_stand_by_their_framework() {
        let all: KnownAs =
            &[("security-hub", &["EC2.1", "EC2.2"]), ("cis-3.0.0", &["5.2"]), ("prowler", &["x"])];
        assert_eq!(controls(all), "Security Hub `EC2.1`, `EC2.2`; CIS 3.0.0 `5.2`; Prowler 3 to 5 `x`");
    }

    #[test]
    fn every_page_begins_with_its_origin_and_ends_with_one_newline() {
        for (path, page) in all_pages() {
            assert!(page.starts_with(GENERATED), "{path}");
            assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{path}");
        }
    }
}
