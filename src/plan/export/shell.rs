//! A plan as a bash script over the AWS CLI, and the script that undoes it. It needs bash and the AWS CLI, no
//! more. Pure.

use super::{
    CLAIM, NotExported,
    before::assertions,
    facts::question,
    only_registered,
    query::Look,
    words::{Here, ascii, clean, id_words, json_word, kebab, name, observed, plain, quoted, variable},
};
use crate::{
    calls::{self, Act, BackAct, Expect, Otherwise, Power, Purpose, Test, Wait, command::service},
    plan::{Change, Plan},
};
use serde_json::Value;

const PREAMBLE: &str = include_str!("preamble.sh");

/// Writes the script that applies a plan.
///
/// # Errors
/// A call that redress does not make, or a wait for which the CLI has no question.
pub fn forward(plan: &Plan) -> Result<String, NotExported> {
    only_registered(plan)?;
    let mut text = head(plan, "applies");
    text.push_str(
        "\nif [ -e \"$STATE\" ]; then fail \"$STATE exists already: this plan was begun before. Undo it \
         first, or name another file in REDRESS_STATE\"; fi\n",
    );
    text.push_str("RUN=${REDRESS_RUN:-export-$(date -u +%Y%m%dT%H%M%SZ)}\nkeep RUN \"$RUN\"\n");
    text.push_str(
        "trap 'code=$?; rm -rf \"$work\"; if [ $code -ne 0 ]; then say \"what was done is in $STATE: the \
         undo script reads it\"; fi' EXIT\n",
    );
    for change in &plan.changes {
        if plan.rehearsal.already_fixed.contains(&change.id) {
            text.push_str(&format!(
                "\n# {}: nothing to do: an earlier change fixes it too: {}\n",
                clean(&change.id),
                plain(&change.summary)
            ));
        } else {
            text.push_str(&forward_change(change)?);
        }
    }
    text.push_str("\nsay \"done: all changes were made. The undo script reads $STATE\"\n");
    Ok(text)
}

/// Writes the script that undoes the other script, however far that came.
///
/// # Errors
/// As [`forward`].
pub fn way_back(plan: &Plan) -> Result<String, NotExported> {
    only_registered(plan)?;
    let mut text = head(plan, "undoes");
    text.push_str(
        "\nif [ ! -e \"$STATE\" ]; then fail \"$STATE does not exist: nothing was applied from here\"; fi\n# \
         Written by the other script, ids only.\n. \"$STATE\"\n",
    );
    for change in plan.changes.iter().rev() {
        text.push_str(&back_change(change)?);
    }
    text.push_str("\nmv \"$STATE\" \"$STATE.taken-back\"\nsay \"done: undone\"\n");
    Ok(text)
}

fn head(plan: &Plan, does: &str) -> String {
    let digest: String = clean(&plan.digest).chars().take(12).collect();
    let mut text = String::from("#!/usr/bin/env bash\n");
    text.push_str(&format!(
        "# This script {does} the redress plan {digest} for account {}, made {}.\n",
        clean(&plan.account),
        plain(&plan.created.to_string())
    ));
    text.push_str(&format!("# {CLAIM}\n"));
    text.push_str(
        "# It stops at the first error. Every change asserts what the plan saw before its first call.\n#\n",
    );
    for change in &plan.changes {
        text.push_str(&format!(
            "#   {} ({}): {}\n",
            clean(&change.id),
            change.risk.word(),
            plain(&change.summary)
        ));
    }
    text.push_str(PREAMBLE);
    text.push_str(&format!("\nSTATE=${{REDRESS_STATE:-redress-{digest}.state}}\n"));
    let account = quoted(&clean(&plan.account));
    text.push_str("account=$(aws sts get-caller-identity --query Account --output text)\n");
    text.push_str(&format!(
        "if [ \"$account\" != {account} ]; then fail \"these credentials are for account $account, the plan \
         is for \"{account}; fi\n"
    ));
    text
}

fn forward_change(change: &Change) -> Result<String, NotExported> {
    let id = clean(&change.id);
    let mut text = format!(
        "\n# {id}: {}\nsay {}\n",
        plain(&change.summary),
        quoted(&format!("{id}: {}", plain(&change.summary)))
    );
    for assertion in assertions(change) {
        let look = look_words(&assertion.look, &assertion.region, &change.region);
        text.push_str(&format!(
            "got=$(look {look})\nbefore {} \"$got\" {}\n",
            quoted(&plain(&assertion.what)),
            good(&assertion.test, Here { change: &change.id, step: "" })
        ));
    }
    for (n, step) in change.steps.iter().enumerate() {
        let here = Here { change: &change.id, step: &step.name };
        text.push_str(&format!("# {}\n", plain(&step.title)));
        if calls::only_records(&change.steps, n) {
            let (call, done) = (call_words(&step.act, change, here), done(change, &step.name));
            let called = format!(
                "if {call}; then mark {done}; else say {}; fi\n",
                quoted(&format!("  left to do by hand: {}", plain(&step.title)))
            );
            text.push_str(&before_words(&step.act, change, here)?);
            text.push_str(&only_if_held(&step.act, &called));
            continue;
        }
        let outputs =
            calls::find(&step.act.call.service, &step.act.call.operation).map_or(&[][..], |s| s.outputs);
        let call = call_words(&step.act, change, here);
        text.push_str(&before_words(&step.act, change, here)?);
        let called = match outputs.first() {
            Some(output) => {
                let variable = variable(&change.id, &step.name, output);
                format!(
                    "made=$({call} {})\nkeep {variable} \"$made\"\n",
                    quoted(answer(&step.act.call.operation, output))
                )
            }
            None => format!("{call}\n"),
        };
        text.push_str(&only_if_held(&step.act, &called));
        text.push_str(&format!("mark {}\n", done(change, &step.name)));
        if let Some(wait) = &step.act.wait {
            // Somebody may be using it already: nothing stops for it, and nothing is undone.
            let otherwise = if step.act.power() == Power::BringsUp { "say 'in doubt: '" } else { "fail " };
            text.push_str(&wait_words(wait, change, here, otherwise)?);
        }
        if step.act.spreads() > 0 {
            text.push_str(&format!("sleep \"${{REDRESS_PAUSE:-{}}}\"\n", step.act.spreads()));
        }
    }
    text.push_str(&format!("mark {}\n", done(change, "all-of-it")));
    Ok(text)
}

fn back_change(change: &Change) -> Result<String, NotExported> {
    let every: Vec<String> = change.steps.iter().map(|s| s.name.clone()).collect();
    let id = clean(&change.id);
    let mut text = format!(
        "\n# {id}: undo: {}\nif was_done {}; then\nsay {}\n",
        plain(&change.summary),
        done(change, "all-of-it"),
        quoted(&format!("{id}: undo"))
    );
    // Facts that were observed on the way forward are read again.
    text.push_str(&format!("unset \"${{!{}@}}\"\n", observed(&change.id, "")));
    // A reference to something that does not exist any more cannot be resolved: acts that need it come behind
    // the step that made it.
    text.push_str(&back_acts(change, &calls::way_back(&change.steps, &every, Purpose::Undo), false)?);
    text.push_str(&format!(
        ":\nelif was_done {}; then\nsay {}\n",
        done(change, change.steps.first().map_or("", |s| s.name.as_str())),
        quoted(&format!("{id}: it broke off: roll back"))
    ));
    text.push_str(&back_acts(change, &rollback(change), true)?);
    text.push_str(":\nfi\n");
    Ok(text)
}

/// Returns the rollback of every step, including those that later steps would keep: the script checks that
/// when it runs.
pub(super) fn rollback(change: &Change) -> Vec<BackAct> {
    let mut steps = change.steps.clone();
    for step in &mut steps {
        if let calls::WayBack::Calls { kept_once, .. } = &mut step.way_back {
            *kept_once = None;
        }
    }
    let every: Vec<String> = steps.iter().map(|s| s.name.clone()).collect();
    calls::way_back(&steps, &every, Purpose::Rollback)
}

fn back_acts(change: &Change, acts: &[BackAct], rollback: bool) -> Result<String, NotExported> {
    let mut text = String::new();
    for back in acts {
        let here = Here { change: &change.id, step: &back.name };
        let kept = change.steps.iter().find(|s| s.name == back.of).and_then(|s| match &s.way_back {
            calls::WayBack::Calls { kept_once: Some(kept), .. } if rollback => Some(kept),
            _ => None,
        });
        let unless = kept.map_or_else(String::new, |k| format!(" && ! was_done {}", done(change, &k.step)));
        text.push_str(&format!(
            "# {}\nif was_done {}{unless}; then\n",
            plain(&back.name),
            done(change, &back.of)
        ));
        text.push_str(&before_words(&back.act, change, here)?);
        let mut called = format!("{}\n", call_words(&back.act, change, here));
        if let Some(wait) = &back.act.wait {
            called.push_str(&wait_words(wait, change, here, "fail ")?);
        }
        text.push_str(&only_if_held(&back.act, &called));
        text.push_str("fi\n");
    }
    Ok(text)
}

/// Writes the look before a call: its observations are kept, and `held` records whether all of its
/// preconditions hold.
fn before_words(act: &Act, change: &Change, here: Here<'_>) -> Result<String, NotExported> {
    let mut text = String::new();
    let asked = |expect: &Expect, id: &Value| {
        let refused = || NotExported {
            change: change.id.clone(),
            why: format!("it asks for {} of {:?}, which no script does yet", expect.at, expect.family),
        };
        // An id of two names is divided, so that the placeholder does not stand for it.
        question(expect, id)
            .or_else(|| question(expect, &expect.id))
            .map(|(look, test)| (look_words(&look, &expect.region, &change.region), test))
            .ok_or_else(refused)
    };
    for fact in &act.observe {
        let (look, _) = asked(
            &Expect::new(&fact.region, fact.family, fact.id.clone(), &fact.at, Test::Exists),
            &fact.id,
        )?;
        let again = if fact.anew { "yes" } else { "no" };
        text.push_str(&format!(
            "got=$(look {look})\nobserve {} {again} \"$got\"\n",
            observed(&change.id, &fact.name)
        ));
    }
    if !act.before.is_empty() {
        text.push_str("held=yes\n");
    }
    for expect in &act.before {
        let (look, test) = asked(expect, &Value::from(ID))?;
        let ids = id_words(&expect.id, here).join(" ");
        let means = quoted(&format!("  {}", plain(&expect.means)));
        text.push_str(&format!(
            "for id in {ids}; do\n  got=$(look {look})\n  holds \"$got\" {} || {{ held=no; say {means} \
             \"$id: $got\"; }}\ndone\n",
            good(&test, here)
        ));
    }
    Ok(text)
}

/// Writes commands that a script runs only where the preconditions of an act hold. An act that is to be left
/// out otherwise is skipped.
fn only_if_held(act: &Act, called: &str) -> String {
    let name = plain(&act.call.name());
    match act.otherwise {
        _ if act.before.is_empty() => called.to_owned(),
        Otherwise::Stop => format!(
            "if [ \"$held\" != yes ]; then fail {}; fi\n{called}",
            quoted(&format!("before {name}: nothing was called"))
        ),
        Otherwise::Leave | Otherwise::Alone => format!(
            "if [ \"$held\" = yes ]; then\n{called}else say {}; fi\n",
            quoted(&format!("  {name} is left out"))
        ),
    }
}

fn done(change: &Change, step: &str) -> String {
    format!("{}__{}", name(&change.id), name(step))
}

/// Returns the path of the new ids in the answer.
fn answer(operation: &str, output: &str) -> &'static str {
    match (operation, output) {
        ("AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress", _) => {
            "SecurityGroupRules[].SecurityGroupRuleId"
        }
        ("CreateSnapshots", _) => "Snapshots[].join(`\"=\"`, [VolumeId, SnapshotId])",
        // A failure is reported in the answer without an id, and so the script stops: each call makes one
        // flow log.
        ("CreateFlowLogs", _) => "FlowLogIds[]",
        ("CopyVolumes", _) => "Volumes[0].VolumeId",
        (_, "VolumeId") => "VolumeId",
        (_, "TrailARN") => "TrailARN",
        _ => "SnapshotId",
    }
}

fn call_words(act: &Act, change: &Change, here: Here<'_>) -> String {
    let call = &act.call;
    let region = if call.region.is_empty() { &change.region } else { &call.region };
    format!(
        "call {} {} {} {}",
        quoted(&clean(region)),
        quoted(service(&clean(&call.service))),
        quoted(&kebab(&clean(&call.operation))),
        json_word(&call.input, here)
    )
}

fn look_words(look: &Look, region: &str, otherwise: &str) -> String {
    let region = if region.is_empty() { otherwise } else { region };
    let input = quoted(&ascii(&look.input)).replace(ID, "'\"$id\"'");
    format!(
        "{} {} {} {input} {} {}",
        quoted(&clean(region)),
        quoted(look.service),
        quoted(&kebab(look.operation)),
        quoted(&look.query.jmespath()).replace(ID, "'\"$id\"'"),
        quoted(look.absent)
    )
}

/// A placeholder for the id in a question until the loop over ids replaces it.
const ID: &str = "REDRESS-ID";

/// Writes the answers that are good, and those that will never become good.
fn good(test: &Test, here: Here<'_>) -> String {
    let word = |v: &Value| spaceless(&json_word(v, here));
    match test {
        Test::Exists => "'!null'".to_owned(),
        Test::Gone => "null".to_owned(),
        Test::Is(value) => word(value),
        // No script asks for a member that these tests are on. A word that matches no answer stops one that
        // would.
        Test::Unlike(_) => "'unlike'".to_owned(),
        // The question counts what the filter picks.
        Test::NoneBy(_) => "0".to_owned(),
        // A plan with this test delivers a secret, and is not exported.
        Test::OnlyBy { .. } => "'only'".to_owned(),
        // No plan contains this test: it stands for a value in a journal.
        Test::Earlier(_) => "'earlier'".to_owned(),
        // Answers that mean failure only after a while are left to the deadline here.
        Test::OneOf { good, never, .. } => {
            let words = |values: &[Value]| values.iter().map(word).collect::<Vec<_>>().join(" ");
            if never.is_empty() { words(good) } else { format!("{} -- {}", words(good), words(never)) }
        }
    }
}

/// Removes white space, without which answers are compared; values that the shell inserts have none.
fn spaceless(word: &str) -> String {
    if word.contains("$(") { word.to_owned() } else { word.replace([' ', '\t'], "") }
}

/// Writes a wait; `otherwise` is the command before the message for a wait in vain.
fn wait_words(wait: &Wait, change: &Change, here: Here<'_>, otherwise: &str) -> Result<String, NotExported> {
    let mut text = format!(
        "say {}\ndeadline=$(($(date +%s) + {}))\nwhile :; do\n  ok=yes\n",
        quoted(&format!("  waiting {}", plain(&wait.why))),
        wait.at_most
    );
    for expect in wait.until.iter().map(Expect::seen_by_others) {
        let found = question(&expect, &Value::from(ID)).or_else(|| question(&expect, &expect.id));
        let (look, test) = found.ok_or_else(|| NotExported {
            change: change.id.clone(),
            why: format!("it waits for {} of {:?}, which no script asks for yet", expect.at, expect.family),
        })?;
        text.push_str(&format!("  for id in {}; do\n", id_words(&expect.id, here).join(" ")));
        text.push_str(&format!(
            "    got=$(look {})\n    holds \"$got\" {} || ok=no\n  done\n",
            look_words(&look, &expect.region, &change.region),
            good(&test, here)
        ));
    }
    text.push_str("  if [ \"$ok\" = yes ]; then break; fi\n");
    text.push_str(&format!(
        "  if [ \"$(date +%s)\" -ge \"$deadline\" ]; then {otherwise}{}; {}fi\n",
        quoted(&format!("waited in vain {}", plain(&wait.why))),
        if otherwise == "fail " { "" } else { "break; " }
    ));
    text.push_str("  sleep \"${REDRESS_PAUSE:-5}\"\ndone\n");
    Ok(text)
}
