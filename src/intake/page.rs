//! The page of all controls, generated from the mapping that the program runs on. Text only.

use std::fmt::Write as _;

use super::{
    mapping::{Framework, frameworks},
    model::{Decision, Reason},
    sniff::DECLINED,
};

const HEAD: &str = "<!-- Generated from the program. Change it there, then run the tests with \
                    REDRESS_BLESS=1. -->\n\n# Controls of others\n\nFindings of other tools name controls; \
                    this page lists the checks of redress that answer them. A control is known by its \
                    framework,\nthe framework's version and its id: the same number means different things \
                    in different versions. The checks themselves are in\n[checks.md](checks.md); \
                    [intake.md](intake.md) explains how findings are read.\n\nA control that is in neither \
                    list of its framework is unknown to that version, and a finding of it is shown as \
                    `unmapped_control`. Some controls ask for more than the checks find: those are \
                    listed with what\nthey are also about, and a finding of one is never reported as \
                    resolved.\n\n";

/// Generates the page `docs/controls.md`.
pub fn controls_page() -> String {
    let mut page = HEAD.to_owned();
    for framework in frameworks() {
        page.push_str(&section(framework));
    }
    page.push_str("## Why a finding is not acted on\n\n| reason | what it means |\n| --- | --- |\n");
    for reason in Reason::ALL {
        let _ = writeln!(page, "| `{}` | {} |", Decision::no(*reason, "").word(), reason.words());
    }
    page.push_str("\n## Known formats that are not accepted\n\n| format | why |\n| --- | --- |\n");
    for (name, why) in DECLINED {
        let _ = writeln!(page, "| {name} | {why} |");
    }
    page
}

fn section(framework: &Framework) -> String {
    let mut text = format!(
        "## {}\n\nFramework `{}`.{}{}\n\n",
        framework.title,
        framework.id,
        if framework.about.is_empty() { "" } else { " " },
        framework.about
    );
    text.push_str("| control | checks |\n| --- | --- |\n");
    for (control, checks) in sorted(&framework.checks) {
        let checks: Vec<_> = checks.iter().map(|c| format!("[{c}](checks.md#{c})")).collect();
        let _ = writeln!(text, "| `{control}` | {} |", checks.join(", "));
    }
    text.push('\n');
    if !framework.partly.is_empty() {
        let partly: Vec<_> =
            sorted(&framework.partly).into_iter().map(|(id, about)| format!("`{id}` ({about})")).collect();
        let _ = write!(
            text,
            "Answered in part, so never reported as resolved; also about: {}.\n\n",
            partly.join(", ")
        );
    }
    if !framework.unmapped.is_empty() {
        let unmapped: Vec<_> =
            sorted(&framework.unmapped).into_iter().map(|(id, about)| format!("`{id}` ({about})")).collect();
        let _ = write!(text, "No check yet: {}.\n\n", unmapped.join(", "));
    }
    text
}

/// Sorts by the numbers in the ids: 5.2 before 5.10.
fn sorted<K: AsRef<str> + Ord + Clone, V>(map: &std::collections::BTreeMap<K, V>) -> Vec<(&K, &V)> {
    let key = |id: &str| {
        id.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u64>().unwrap_or(0)).collect::<Vec<_>>()
    };
    let letters = |id: &str| id.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let mut all: Vec<_> = map.iter().collect();
    all.sort_by_key(|(id, _)| (letters(id.as_ref()), key(id.as_ref()), (*id).clone()));
    all
}
