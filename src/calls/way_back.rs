//! The acts that undo or roll back steps, in order.

use super::{
    act::{BackAct, Purpose, Step, Undo, WayBack},
    mark,
};

/// Returns the acts that undo the done steps of a change, the last step first.
pub fn way_back(steps: &[Step], done: &[String], purpose: Purpose) -> Vec<BackAct> {
    let word = if purpose == Purpose::Undo { "undo" } else { "rollback" };
    let mut way = Vec::new();
    for step in steps.iter().rev().filter(|s| done.contains(&s.name)) {
        let WayBack::Calls { rollback, undo, kept_once, redo } = &step.way_back else { continue };
        let acts = match (purpose, undo) {
            (Purpose::Rollback, _) if kept_once.as_ref().is_some_and(|k| done.contains(&k.step)) => continue,
            (Purpose::Rollback, _) | (Purpose::Undo, Undo::Same) => rollback,
            (Purpose::Undo, Undo::Calls(acts)) => acts,
            (Purpose::Undo, Undo::Kept(_)) => continue,
        };
        for (n, act) in acts.iter().enumerate() {
            let redo = (*redo && acts.len() == 1).then(|| step.act.clone());
            way.push(BackAct {
                of: step.name.clone(),
                name: format!("{word}-{}-{}", step.name, n + 1),
                act: act.clone(),
                redo,
            });
        }
    }
    // On a rollback the mark of the steps forward still stands.
    if purpose == Purpose::Undo { mark::around(way) } else { way }
}
