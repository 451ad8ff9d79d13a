//! An investigation as text.

use super::{
    super::{
        Detail, View,
        investigation::{Bar, Investigated, Section, story},
        style::{Page, Tone, plain, span},
    },
    commands,
};

/// The number of lines of a section in a short report.
const SHORT: usize = 15;
/// The width of the longest bar.
const WIDEST: u64 = 24;

/// Renders an investigation.
pub fn investigation(all: &Investigated<'_>, view: &View<'_>) -> String {
    let story = story(all, &view.typed);
    let mut page = Page::new(view.style);
    page.text(0, &[span(Tone::Strong, &story.title)]);
    page.text(2, &[span(story.lead.0, &story.lead.1)]);
    for (label, fact) in &story.facts {
        page.row(2, &span(Tone::Faint, label), 12, &[plain(fact)]);
    }
    for note in &story.notes {
        page.row(2, &span(Tone::Warn, "note"), 12, &[plain(note)]);
    }
    bars(&mut page, &story.bars, story.each.as_hours());
    let most = if view.detail == Detail::Short { SHORT } else { usize::MAX };
    story.sections.iter().for_each(|one| section(&mut page, one, most));
    commands(&mut page, &story.next);
    page.done()
}

fn bars(page: &mut Page, bars: &[Bar], hours: i64) {
    let Some(most) = bars.iter().map(|bar| bar.events).max() else { return };
    page.blank();
    let each = if hours % 24 == 0 { format!("{} days", hours / 24) } else { format!("{hours} h") };
    page.text(0, &[span(Tone::Strong, "When"), span(Tone::Faint, format!(" (UTC, in steps of {each})"))]);
    let sign = if page.style.ascii { "#" } else { "█" };
    for bar in bars {
        let label = bar.from.strftime("%Y-%m-%d %H:%M").to_string();
        let length = (bar.events * WIDEST).div_ceil(most.max(1)).clamp(1, WIDEST) as usize;
        let tone = match bar {
            Bar { changes: 1.., .. } => Tone::Bad,
            Bar { failed: 1.., .. } => Tone::Warn,
            _ => Tone::Plain,
        };
        let said = format!(" {}, {} changed, {} failed", bar.events, bar.changes, bar.failed);
        page.row(2, &plain(label), 20, &[span(tone, sign.repeat(length)), plain(said)]);
    }
}

fn section(page: &mut Page, section: &Section, most: usize) {
    page.blank();
    page.text(0, &[span(Tone::Strong, section.title), plain(format!(" ({})", section.lines.len()))]);
    let label = section.lines.iter().map(|line| line.label.chars().count()).max().unwrap_or(0).min(20);
    for line in section.lines.iter().take(most) {
        let faint = if line.faint.is_empty() { String::new() } else { format!(" [{}]", line.faint) };
        let spans = [span(line.tone, &line.text), span(Tone::Faint, faint)];
        page.row(2, &plain(&line.label), label + 4, &spans);
    }
    let more = section.lines.len().saturating_sub(most);
    if more > 0 {
        page.text(2, &[span(Tone::Faint, format!("and {more} more, which -v shows"))]);
    }
    if section.beyond > 0 {
        let said = format!("{} more events have names that are not kept", section.beyond);
        page.text(2, &[span(Tone::Warn, said)]);
    }
}
