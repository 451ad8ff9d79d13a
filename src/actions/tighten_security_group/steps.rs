//! The calls of `tighten-security-group`: the new rules come first; once they can be seen, the old ones go.
//! Each step has its undo. It must never revoke a rule by its description, only by its id.

use super::edit::Edit;
use crate::{
    actions::{
        Refusal,
        group_rules::{IDS, authorize, by_tags, lines, revoke, revoke_step, rule_expect},
    },
    calls::{Step, Test, Undo, Wait, WayBack, reference},
    checks::security_groups::traffic::Direction,
    inventory::{SecurityGroupRule, Tags},
};

/// Returns all steps, in order.
///
/// # Errors
/// As [`authorize`].
pub fn steps(region: &str, group: &str, direction: Direction, edit: &Edit<'_>) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    for (n, (tags, rules)) in by_tags(edit.add.iter()).into_iter().enumerate() {
        let name = format!("authorize-{}", n + 1);
        steps.push(authorize_step(region, group, direction, &name, &tags, &rules)?);
    }
    let title = match direction {
        Direction::Ingress => format!("shut out {}", lines(&edit.revoke)),
        Direction::Egress => format!("let out no longer {}", lines(&edit.revoke)),
    };
    let mut last = revoke_step(region, group, "revoke", title, &edit.revoke)?;
    // Whoever is let through by the new rules alone would be shut out if somebody has removed one meanwhile.
    let there = |step: &Step| {
        rule_expect(region, reference::output(&step.name, IDS), Test::Exists)
            .meaning("a rule that this change has made is gone")
    };
    last.act = last.act.only_if(steps.iter().map(there).collect());
    steps.push(last);
    Ok(steps)
}

fn authorize_step(
    region: &str,
    group: &str,
    direction: Direction,
    name: &str,
    tags: &Tags,
    rules: &[&SecurityGroupRule],
) -> Result<Step, Refusal> {
    let made = reference::output(name, IDS);
    let mut act = authorize(region, group, tags, rules)?;
    let seen = rule_expect(region, made.clone(), Test::Exists);
    act.wait =
        Some(Wait { until: vec![seen], at_most: 360, why: "until the new rules can be seen".to_owned() });
    let gone = rule_expect(region, made.clone(), Test::Gone);
    Ok(Step {
        name: name.to_owned(),
        title: match direction {
            Direction::Ingress => format!("let in {}", lines(rules)),
            Direction::Egress => format!("let out {}", lines(rules)),
        },
        act,
        way_back: WayBack::Calls {
            rollback: vec![revoke(region, group, direction == Direction::Egress, made, gone)],
            undo: Undo::Same,
            kept_once: None,
            redo: false,
        },
    })
}
