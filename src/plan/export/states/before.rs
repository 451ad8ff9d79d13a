//! The look before a call as states: the observations of the act are kept, and each of its preconditions is
//! checked. Pure.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    super::{facts::question as look_for, query::Query, words::plain},
    ask::{ANSWER, Asked, present, question},
    data::{Place, made, observed, pascal_path},
    flow::{Flow, choice, put_at},
    look::{Named, Roads, Seen, error, questions, write_look},
};
use crate::calls::{Act, Expect, Observe, Otherwise, Test};

/// Returns whether an act has nothing to look at before its call.
pub(super) fn bare(act: &Act) -> bool {
    act.before.is_empty() && act.observe.is_empty()
}

/// The states to which the look leads.
pub(super) struct Ways<'a> {
    /// The state that makes the call.
    pub called: &'a str,
    /// The state that follows an act that is left out.
    pub left: &'a str,
    /// The states to which the act leads.
    pub roads: &'a Roads<'a>,
}

/// Writes the look before an act; its first state has the act's name. The look is not repeated: the events of
/// an execution are counted, and a look that fails leads back, not on.
///
/// # Errors
/// The part that no machine can ask.
pub(super) fn write(
    flow: &mut Flow,
    named: &Named<'_>,
    place: Place<'_>,
    ways: &Ways<'_>,
) -> Result<(), String> {
    let (name, act) = (named.name, named.act);
    let all = questions(&act.before, &format!("before {}", act.call.operation), place)?;
    let (facts, last) = (act.observe.len(), act.observe.len() + all.len());
    let state = |n: usize| match n {
        0 if last > 0 => name.to_owned(),
        n if n == last => ways.called.to_owned(),
        n => format!("{name}_if_{n}"),
    };
    let (gone, unseen) = (format!("{name}_gone"), format!("{name}_unseen"));
    for (n, fact) in act.observe.iter().enumerate() {
        observe(flow, &state(n), fact, place, &state(n + 1), &unseen)?;
    }
    for (n, one) in all.iter().enumerate() {
        let next = state(facts + n + 1);
        write_look(
            flow,
            &state(facts + n),
            one,
            &Seen { holds: &next, not: &gone, never: &gone, unknown: &unseen },
            false,
        );
    }
    if last == 0 {
        return Ok(());
    }
    let means: Vec<&str> = act.before.iter().map(|e| e.means.as_str()).filter(|m| !m.is_empty()).collect();
    let said = error(
        "Redress.Gone",
        &plain(&format!("before {}: a precondition does not hold: {}", act.call.name(), means.join("; or "))),
    );
    flow.put(
        &gone,
        match act.otherwise {
            Otherwise::Stop => put_at(ways.roads.error, &said, ways.roads.not_done),
            Otherwise::Leave | Otherwise::Alone if named.keeps => {
                put_at(&made(&place.change.id, place.step), &json!({ "done": true }), ways.left)
            }
            Otherwise::Leave | Otherwise::Alone => {
                json!({ "Type": "Pass", "Comment": "left as somebody else has set it", "Next": ways.left })
            }
        },
    );
    let cause = format!("before {}: it is unknown whether its preconditions hold", act.call.name());
    flow.put(&unseen, put_at(ways.roads.error, &error("Redress.Unread", &cause), ways.roads.not_done));
    Ok(())
}

/// Writes states that forget the observations of the execution before this one: an undo looks for itself. The
/// last leads to `next`; the first has the name that is returned.
pub(super) fn forget(flow: &mut Flow, name: &str, acts: &[&Act], change: &str, next: &str) -> String {
    let facts: BTreeSet<&str> =
        acts.iter().flat_map(|act| &act.observe).map(|fact| fact.name.as_str()).collect();
    let mut first = next.to_owned();
    for fact in facts {
        let state = format!("{name}_{fact}");
        flow.put(&state, put_at(&observed(change, fact), &json!({}), &first));
        first = state;
    }
    first
}

/// Writes the states that keep a fact, unless an earlier act has kept it and it is not to be read anew.
fn observe(
    flow: &mut Flow,
    name: &str,
    fact: &Observe,
    place: Place<'_>,
    next: &str,
    unseen: &str,
) -> Result<(), String> {
    let expect = Expect::new(&fact.region, fact.family, fact.id.clone(), &fact.at, Test::Exists);
    let no = || format!("it observes {} of {:?}, which no machine asks for yet", fact.at, fact.family);
    let (look, test) = look_for(&expect, &fact.id).ok_or_else(no)?;
    let value = match &look.query {
        Query::At(path) => format!("{ANSWER}.{}", pascal_path(path)),
        Query::Entry { member, .. } => format!("{ANSWER}[0].{member}"),
        _ => return Err(no()),
    };
    let (read, keep) = (format!("{name}_read"), format!("{name}_keep"));
    let at = observed(&place.change.id, &fact.name);
    let first = if fact.anew { name } else { &read };
    if !fact.anew {
        flow.put(name, choice(vec![(present(&format!("{at}.value")), next)], &read));
    }
    let question = question(&Asked { look, test, what: format!("observe {}", fact.name), of: 1 }, place)?;
    write_look(
        flow,
        first,
        &question,
        &Seen { holds: &keep, not: unseen, never: unseen, unknown: unseen },
        false,
    );
    flow.put(&keep, put_at(&at, &json!({ "value.$": value }), next));
    Ok(())
}
