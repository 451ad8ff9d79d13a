//! The page of an investigation: facts, a timeline, and the sections, in the style of the page for reviews.
//! It runs no script at all.

use serde_json::{Value, json};

use super::{STYLE, commands, name, pairs, rendered};
use crate::report::{
    Typed,
    investigation::{Bar, Investigated, Section, Story, story},
};

const PAGE: &str = include_str!("../templates/investigation.html");
const OWN: &str = include_str!("../templates/investigation.css");

/// Renders an investigation.
///
/// # Errors
/// Fails if the template cannot be rendered, which is a fault of this program.
pub fn investigation(all: &Investigated<'_>, typed: &Typed<'_>) -> Result<String, minijinja::Error> {
    let story = story(all, typed);
    let counts = all.investigation.counts;
    let stats = [
        ("only read", counts.reads, "plain"),
        ("changed something", counts.changes, "bad"),
        ("failed", counts.failed, "plain"),
        ("of those denied", counts.denied, "warn"),
    ];
    let stats = stats.into_iter().filter(|(_, n, _)| *n > 0);
    let stats = stats.map(|(label, n, tone)| json!({ "label": label, "n": n, "tone": tone }));
    let sections = story.sections.iter().enumerate().map(|(n, one)| section(n, one));
    let context = json!({
        "title": story.title,
        "lead": { "tone": name(story.lead.0), "text": story.lead.1 },
        "stats": stats.collect::<Value>(),
        "facts": pairs(&story.facts),
        "notes": story.notes,
        "bars": bars(&story),
        "each": story.each.as_hours(),
        "sections": sections.collect::<Value>(),
        "next": commands(&story.next),
    });
    rendered(PAGE, context, &[("style", STYLE), ("own", OWN)])
}

fn section(n: usize, section: &Section) -> Value {
    let lines = section.lines.iter().map(|line| {
        json!({ "tone": name(line.tone), "label": line.label, "text": line.text, "faint": line.faint })
    });
    json!({ "id": format!("s{n}"), "title": section.title, "beyond": section.beyond, "n": section.lines.len(),
        "lines": lines.collect::<Value>() })
}

/// Returns the bars, each part in percent of the longest.
fn bars(story: &Story) -> Value {
    let most = story.bars.iter().map(|bar| bar.events).max().unwrap_or(1).max(1);
    let part = |n: u64| if n == 0 { 0 } else { (n * 100).div_ceil(most) };
    let one = |bar: &Bar| {
        let reads = bar.events.saturating_sub(bar.changes + bar.failed);
        json!({ "from": bar.from.strftime("%Y-%m-%d %H:%M").to_string(), "events": bar.events,
            "changes": bar.changes, "failed": bar.failed, "reads": reads, "changed": part(bar.changes),
            "broken": part(bar.failed), "rest": part(reads) })
    };
    story.bars.iter().map(one).collect()
}
