//! The state machine of a session, on the plan of the demo account: no terminal, no engine.

use clap::FromArgMatches;

use super::{
    super::{order::gravity, question::Item},
    *,
};
use crate::cli::shared::{
    account::{demo_door, stage},
    args::{Cli, SafetyLimits},
    examples,
    out::Out,
    planning::{self, Planned},
    session::Session,
};
use crate::{
    finding::Severity,
    plan::{rehearse::Rules, select},
    reach::Reached,
    resource::Kind,
};

async fn planned() -> Planned {
    let matches = examples::command().try_get_matches_from(["redress", "plan"]).unwrap();
    let cli = Cli::from_arg_matches(&matches).unwrap();
    let session = Session { out: Out::new(true, cli.talk.color), common: cli.common() };
    planning::plan(&session, &demo_door(), &SafetyLimits::default()).await.unwrap()
}

fn walk(planned: &Planned) -> Walk {
    Walk::new(planned.plan.clone(), &Policy::default())
}

/// Returns the question that the walk asks now, with its screens.
fn asked(walk: &mut Walk) -> (Vec<Screen>, Question) {
    match walk.turn() {
        Turn::Ask(screens, question) => (screens, question),
        other => panic!("not a question: {other:?}"),
    }
}

/// Chooses an answer by its word.
fn choose(walk: &mut Walk, word: &str) -> Vec<Screen> {
    let (screens, question) = asked(walk);
    let Question::Choose(_, items, _) = question else { panic!("no choice: {question:?}") };
    let n = items
        .iter()
        .position(|Item { word: w, .. }| w == word)
        .unwrap_or_else(|| panic!("{word} is none of {items:?}"));
    walk.reply(&Reply::Chosen(n));
    screens
}

/// Answers no until a change on a security group is asked about, and returns its id.
fn to_a_group(walk: &mut Walk, planned: &Planned) -> String {
    let is_of_group = |id: &&String| {
        planned.plan.change(id).is_some_and(|change| change.resource.kind() == Kind::SecurityGroup)
    };
    let at = walk.order.iter().position(|id| is_of_group(&id)).expect("the demo account has one");
    (0..at).for_each(|_| drop(choose(walk, "no")));
    walk.order[at].clone()
}

fn kinds(planned: &Planned, id: &str) -> usize {
    let this = planned.plan.change(id).unwrap();
    planned
        .plan
        .changes
        .iter()
        .filter(|c| c.playbook == this.playbook && c.action == this.action && c.risk == this.risk)
        .count()
}

/// Lets the walk rehearse the chosen changes, as the driver does.
fn rehearse(walk: &mut Walk, planned: &Planned) -> BTreeSet<String> {
    let Turn::Rehearse(ids) = walk.turn() else { panic!("nothing to rehearse") };
    let rules = Rules::new(&planned.plan.regions, &planned.playbooks);
    let selected =
        select::select(walk.plan(), &ids, stage(planned.survey.inventory.clone()).as_ref(), &rules).unwrap();
    walk.rehearsed(Ok(selected));
    ids
}

#[tokio::test]
async fn the_gravest_comes_first_and_nothing_comes_before_what_it_needs() {
    let planned = planned().await;
    let order = order::gravest_first(&planned.plan);
    let place = |id: &str| order.iter().position(|o| o == id);
    let first = planned.plan.change(&order[0]).unwrap();
    assert_eq!(gravity(first), planned.plan.changes.iter().filter_map(gravity).max());
    for change in &planned.plan.changes {
        let helper = change.findings.is_empty();
        assert_eq!(place(&change.id).is_none(), helper, "{}", change.id);
        for before in change.after.iter().filter_map(|id| place(id)) {
            assert!(Some(before) < place(&change.id), "{}", change.id);
        }
    }
}

#[tokio::test]
async fn among_the_equally_grave_what_the_world_reaches_comes_first() {
    let mut planned = planned().await;
    let reached = |plan: &Plan, verdict: Reached| {
        let of = |change: &&Change| change.reach.as_ref().is_some_and(|reach| reach.verdict == verdict);
        let all = plan.changes.iter().filter(of).filter(|c| gravity(c) == Some(Severity::Medium));
        all.map(|change| change.id.clone()).collect::<Vec<_>>()
    };
    let open = reached(&planned.plan, Reached::Reachable);
    let shut = reached(&planned.plan, Reached::NotReachable);
    assert!(!open.is_empty() && !shut.is_empty(), "the demo account has both");
    let order = order::gravest_first(&planned.plan);
    let place = |id: &String| order.iter().position(|o| o == id).unwrap();
    assert!(open.iter().all(|one| shut.iter().all(|other| place(one) < place(other))), "{order:?}");
    // It is no part of how grave a finding is.
    let first = gravity(planned.plan.change(&order[0]).unwrap());
    planned.plan.changes.iter_mut().for_each(|change| change.reach = None);
    let without = order::gravest_first(&planned.plan);
    assert_eq!(gravity(planned.plan.change(&without[0]).unwrap()), first);
    assert_eq!(without.len(), order.len());
}

#[tokio::test]
async fn no_is_what_an_empty_answer_means_and_quitting_approves_nothing() {
    let planned = planned().await;
    let mut walk = walk(&planned);
    let (_, Question::Choose(_, items, default)) = asked(&mut walk) else { panic!("no choice") };
    assert_eq!(items[default].word, "no");
    choose(&mut walk, "yes");
    choose(&mut walk, "quit");
    assert!(matches!(walk.turn(), Turn::Leave(why) if why.contains("nothing was changed")));
    let mut left = super::tests::walk(&planned);
    asked(&mut left);
    left.reply(&Reply::Left);
    assert!(matches!(left.turn(), Turn::Leave(_)));
}

#[tokio::test]
async fn no_to_everything_leaves_without_a_rehearsal() {
    let planned = planned().await;
    let mut walk = walk(&planned);
    for _ in 0..planned.plan.changes.len() {
        if matches!(walk.clone().turn(), Turn::Leave(_)) {
            break;
        }
        choose(&mut walk, "no");
    }
    assert_eq!(walk.turn(), Turn::Leave(NOTHING.to_owned()));
}

#[tokio::test]
async fn details_show_the_change_once_more_and_ask_the_same_again() {
    let planned = planned().await;
    let mut walk = walk(&planned);
    let first = choose(&mut walk, "details");
    let id = walk.order[0].clone();
    assert!(first.contains(&Screen::Change(id.clone(), 1, walk.order.len())), "{first:?}");
    let (screens, question) = asked(&mut walk);
    assert_eq!(screens, [Screen::Details(id.clone())]);
    assert_eq!(question, about(&id, kinds(&planned, &id)));
}

#[tokio::test]
async fn all_of_this_kind_is_one_playbook_with_one_action_at_one_risk() {
    let planned = planned().await;
    let mut walk = walk(&planned);
    let id = walk.order[0].clone();
    choose(&mut walk, "all");
    choose(&mut walk, "finish");
    let ids = rehearse(&mut walk, &planned);
    assert_eq!(ids.len(), kinds(&planned, &id));
    let of = |id: &str| planned.plan.change(id).map(|c| (c.playbook.clone(), c.action.clone(), c.risk));
    assert!(ids.iter().all(|other| of(other) == of(&id)));
}

#[tokio::test]
async fn skipping_a_playbook_asks_about_none_of_its_changes_again() {
    let planned = planned().await;
    let mut walk = walk(&planned);
    let playbook = planned.plan.change(&walk.order[0]).unwrap().playbook.clone();
    choose(&mut walk, "skip");
    while let Turn::Ask(..) = walk.clone().turn() {
        let id = walk.current().unwrap();
        assert_ne!(planned.plan.change(&id).unwrap().playbook, playbook);
        choose(&mut walk, "no");
    }
}

#[tokio::test]
async fn what_is_needed_comes_along_and_what_needs_a_declined_change_is_left() {
    let planned = planned().await;
    let helped = planned.plan.changes.iter().find(|c| !c.findings.is_empty() && !c.after.is_empty()).unwrap();
    let mut walk = walk(&planned);
    while walk.current().unwrap() != helped.id {
        let id = walk.current().unwrap();
        choose(&mut walk, if helped.after.contains(&id) { "yes" } else { "no" });
    }
    choose(&mut walk, "yes");
    choose(&mut walk, "finish");
    let ids = rehearse(&mut walk, &planned);
    assert!(helped.after.iter().all(|id| ids.contains(id)), "{ids:?}");
    let pair = planned.plan.changes.iter().find(|c| c.after.iter().any(|id| walk.order.contains(id)));
    let Some(second) = pair else { return };
    let first = second.after.iter().find(|id| walk.order.contains(id)).unwrap();
    let mut walk = super::tests::walk(&planned);
    walk.answers.insert(first.clone(), false);
    let (screens, _) = asked(&mut walk);
    assert!(screens.iter().any(|s| matches!(s,
        Screen::Note(text) if text.contains(&format!("{} is left out: it comes after {first}", second.id)))));
    assert_eq!(walk.answers.get(&second.id), Some(&false));
}

#[tokio::test]
async fn what_is_disruptive_is_done_only_when_the_account_id_was_typed() {
    let planned = planned().await;
    let mut walk = walk(&planned);
    assert!(planned.plan.change(&walk.order[0]).unwrap().risk > Risk::Safe);
    choose(&mut walk, "yes");
    choose(&mut walk, "finish");
    rehearse(&mut walk, &planned);
    assert!(choose(&mut walk, "go").contains(&Screen::Summary));
    let agreed = |mut walk: Walk, lines: &[&str]| {
        for line in lines {
            assert!(matches!(walk.turn(), Turn::Ask(_, Question::Line(..))), "{line}");
            walk.reply(&Reply::Line((*line).to_owned()));
        }
        walk.turn()
    };
    let account = planned.plan.account.as_str();
    let Turn::Apply(plan, decisions) = agreed(walk.clone(), &["yes", account]) else { panic!("not applied") };
    assert_eq!((plan.changes.len(), decisions.len()), (1, 1));
    assert!(decisions[0].approved && decisions[0].by == "prompt");
    assert!(matches!(agreed(walk.clone(), &["1", "2", "3"]), Turn::Leave(_)));
    assert!(matches!(agreed(walk.clone(), &[""]), Turn::Leave(_)));
}

#[tokio::test]
async fn a_value_that_the_action_does_not_take_is_told_and_asked_for_again() {
    let planned = planned().await;
    let mut walk = walk(&planned);
    to_a_group(&mut walk, &planned);
    choose(&mut walk, "edit");
    choose(&mut walk, "allow");
    asked(&mut walk);
    walk.reply(&Reply::Line("0.0.0.0/0".to_owned()));
    let (screens, question) = asked(&mut walk);
    assert!(matches!(question, Question::Line(..)));
    assert!(
        screens.iter().any(|s| matches!(s, Screen::Note(text) if text.contains("the world, or near it"))),
        "{screens:?}"
    );
    assert_eq!(walk.plan(), &planned.plan);
}

#[tokio::test]
async fn an_edit_is_planned_and_rehearsed_again_and_then_asked_about_again() {
    let planned = planned().await;
    let mut walk = walk(&planned);
    let id = to_a_group(&mut walk, &planned);
    choose(&mut walk, "edit");
    choose(&mut walk, "allow");
    asked(&mut walk);
    walk.reply(&Reply::Line("203.0.113.0/24, 2001:db8::/48".to_owned()));
    let Turn::Replan(plan, edited) = walk.turn() else { panic!("not planned again") };
    assert_eq!(edited.len(), kinds(&planned, &id));
    let rules = Rules::new(&planned.plan.regions, &planned.playbooks);
    let all = plan.changes.iter().map(|c| c.id.clone()).collect();
    let selected =
        select::select(&plan, &all, stage(planned.survey.inventory.clone()).as_ref(), &rules).unwrap();
    walk.replanned(Ok(selected));
    let change = walk.plan().change(&id).unwrap();
    assert_eq!(change.uses[0].with["allow"], serde_json::json!(["203.0.113.0/24", "2001:db8::/48"]));
    assert!(change.summary.contains("let in"), "{}", change.summary);
    assert!(walk.plan().rehearsal.opens.is_empty());
    let (at, all) = (walk.order.iter().position(|one| *one == id).unwrap(), walk.order.len());
    assert!(asked(&mut walk).0.contains(&Screen::Change(id, at + 1, all)));
}

#[tokio::test]
async fn an_edit_that_cannot_be_planned_leaves_everything_as_it_was() {
    let planned = planned().await;
    let mut walk = walk(&planned);
    to_a_group(&mut walk, &planned);
    choose(&mut walk, "edit");
    choose(&mut walk, "allow");
    asked(&mut walk);
    walk.reply(&Reply::Line("203.0.113.0/24".to_owned()));
    assert!(matches!(walk.turn(), Turn::Replan(..)));
    walk.replanned(Err("the account does not answer".to_owned()));
    let (screens, _) = asked(&mut walk);
    assert!(screens.iter().any(
        |s| matches!(s, Screen::Note(text) if text.contains("stays as it was: the account does not answer"))
    ));
    assert_eq!(walk.plan(), &planned.plan);
}

#[tokio::test]
async fn what_is_irreversible_is_shown_as_not_offered_and_never_asked_about() {
    let mut planned = planned().await;
    let id = order::gravest_first(&planned.plan)[0].clone();
    planned.plan.changes.iter_mut().filter(|c| c.id == id).for_each(|c| c.risk = Risk::Irreversible);
    let mut walk = walk(&planned);
    assert!(!walk.order.contains(&id));
    let (screens, _) = asked(&mut walk);
    assert!(
        screens.iter().any(|s| matches!(s,
        Screen::Note(text) if text.starts_with(&id) && text.contains("--allow-irreversible"))),
        "{screens:?}"
    );
}

#[test]
fn a_typed_answer_is_a_word_its_beginning_or_a_number() {
    use crate::cli::shared::question::understood;
    let question = about("c1", 3);
    let of = |line: &str| understood(&question, line);
    assert_eq!(of("yes"), Ok(Reply::Chosen(0)));
    assert_eq!(of("D"), Ok(Reply::Chosen(4)));
    assert_eq!(of("8"), Ok(Reply::Chosen(7)));
    assert_eq!(of(""), Ok(Reply::Chosen(1)));
    assert!(of("?").is_err_and(|why| why.contains("skip: no to this and the rest of its playbook")));
    assert!(of("9").is_err() && of("0").is_err());
    assert!(of("detials").is_err_and(|why| why.contains("Did you mean details?")));
}
