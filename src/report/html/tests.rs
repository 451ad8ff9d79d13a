//! Tests of the page as text: nothing from the account becomes markup, nothing is loaded,
//! nothing is left out.

use super::*;
use crate::report::sample;

#[test]
fn a_hostile_text_stays_text_wherever_it_stands() {
    let mut change = sample::tighten();
    change.summary = sample::HOSTILE.to_owned();
    change.impact = vec![sample::HOSTILE.to_owned()];
    change.before = json!({ "tag": "\"><img src=x onerror=alert(1)>" });
    change.playbook = "\"><script>alert(2)</script>".to_owned();
    let mut all = sample::plan();
    all.changes = vec![change];
    let page = plan(&all, &Typed::default()).unwrap();
    for bad in ["<script>alert", "<img", "\u{1b}", "\u{202e}", "\u{9b}"] {
        assert!(!page.contains(bad), "{bad:?}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;"), "it is shown");
}

#[test]
fn the_page_loads_nothing_and_runs_only_its_own_script() {
    let page = plan(&sample::plan(), &Typed { file: Some("plan.json"), ..Typed::default() }).unwrap();
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src &#x27;none&#x27;") || page.contains("default-src 'none'"));
    assert_eq!(page.matches("<script").count(), 1);
}

#[test]
fn base64_is_as_the_standard_has_it() {
    for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(plain.as_bytes()), coded);
    }
}

#[test]
fn a_plan_page_shows_every_change_whole_and_the_rehearsal_on_top() {
    let all = sample::plan();
    let page = plan(&all, &Typed { file: Some("plan.json"), ..Typed::default() }).unwrap();
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is not on the page"));
    assert!(at("class=\"verdict") < at("<article"));
    for change in &all.changes {
        at(&format!("id=\"{}\"", change.id));
        change.steps.iter().for_each(|s| assert!(page.contains(&s.act.call.name()), "{}", s.act.call.name()));
    }
    at("redress apply plan.json");
}

#[test]
fn a_run_has_a_page_with_and_without_its_plan() {
    let told = sample::run();
    let page = run(&told, None, &Typed::default()).unwrap();
    told.changes.iter().for_each(|c| assert!(page.contains(c.outcome.words().as_str()), "{:?}", c.outcome));
    assert!(run(&told, Some(&sample::plan()), &Typed::default()).unwrap().len() > page.len());
}
