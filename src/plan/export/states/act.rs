//! One act as states: its task, the check that it made everything that it should, and the wait as a loop that
//! ends. Pure.

use serde_json::{Value, json};

use super::{
    super::{facts::question as look_for, words::plain},
    ask::{Question, present, resource},
    before,
    data::{self, Place, kept, made},
    flow::{Flow, caught, choice, put_at, repeated},
    look::{Named, Roads, Seen, error, questions, write_look},
};
use crate::calls::{self, Act, Expect, Recognise, Repeat, Test, Wait};

/// The pause before the second look of a wait, in seconds. The pauses grow from there, so that the end of a
/// short wait is noticed soon and a long one takes few events.
const FIRST_PAUSE: u64 = 5;
/// The number of looks of the longest wait. Each look counts against the events of an execution, so a wait of
/// hours looks less often towards its end.
const MOST_LOOKS: u64 = 12;
/// The least number of seconds by which a pause is longer than the one before.
const LEAST_GROWTH: u64 = 2;

/// Writes an act; its first state has its name.
///
/// # Errors
/// The part that the language cannot express.
pub(super) fn write(
    flow: &mut Flow,
    named: &Named<'_>,
    place: Place<'_>,
    roads: &Roads<'_>,
) -> Result<(), String> {
    let (name, call) = (named.name, &named.act.call);
    let region = &place.change.region;
    // IAM answers in every region; every other service is called in the region of the machine.
    if call.service != "iam" && &call.region != region {
        return Err(format!(
            "{} is called in {}, and a machine in {region} calls nowhere else",
            call.name(),
            call.region
        ));
    }
    let spec = calls::find(&call.service, &call.operation);
    let output = spec.and_then(|s| s.outputs.first()).copied().filter(|_| named.keeps);
    let (selector, parts) = kept(place, named.act, output);
    let waited = format!("{name}_wait");
    let after = if named.act.wait.is_some() { waited.as_str() } else { roads.next };
    let whole = format!("{name}_whole");
    // Its first state has its name: the look before the call, where it has one.
    let called = if before::bare(named.act) { name.to_owned() } else { format!("{name}_call") };
    before::write(
        flow,
        named,
        place,
        &before::Ways { called: &called, left: if named.keeps { after } else { roads.next }, roads },
    )?;
    let mut task = json!({
        "Type": "Task",
        "Comment": plain(&named.title),
        "Resource": resource(place, &call.service, &call.operation),
        "Parameters": data::parameters(&call.input, place)?,
        "ResultSelector": selector,
        "ResultPath": if named.keeps { json!(made(&place.change.id, place.step)) } else { Value::Null },
    });
    if !named.keeps {
        task.as_object_mut().and_then(|t| t.remove("ResultSelector"));
    }
    // A call that would make a second resource is not repeated.
    if spec.is_some_and(|s| s.repeat != Repeat::LookFirst) {
        task["Retry"] = repeated();
    }
    let doubts = doubts(named.act, place);
    let doubt = |n: usize| format!("{name}_doubt_{n}");
    task["Catch"] =
        caught(roads.error, &if doubts.is_empty() { roads.not_done.to_owned() } else { doubt(1) });
    task["Next"] = json!(if parts.is_empty() { after } else { &whole });
    flow.put(&called, task);
    if !parts.is_empty() {
        let short = format!("{name}_short");
        let there: Vec<Value> = parts
            .iter()
            .map(|part| present(&format!("{}.{part}", made(&place.change.id, place.step))))
            .collect();
        flow.put(&whole, choice(vec![(json!({ "And": there }), after)], &short));
        let said = error(
            "Redress.Incomplete",
            &format!("{}: the answer does not name all that was to be made", call.name()),
        );
        // Where one thing was to be made, none was; of several, the undo must find those that exist.
        flow.put(
            &short,
            put_at(
                roads.error,
                &said,
                if data::number(named.act) == 1 { roads.not_done } else { roads.undone },
            ),
        );
    }
    let (all, after_all) = (doubts.len(), format!("{name}_after_all"));
    for (n, question) in doubts.iter().enumerate() {
        let next = if n + 1 == all { after_all.clone() } else { doubt(n + 2) };
        let seen = Seen { holds: &next, not: roads.not_done, never: roads.not_done, unknown: roads.not_done };
        write_look(flow, &doubt(n + 1), question, &seen, false);
    }
    if all > 0 {
        let path = if named.keeps { made(&place.change.id, place.step) } else { "$.pause".to_owned() };
        flow.put(&after_all, put_at(&path, &json!({ "done": true }), after));
    }
    match &named.act.wait {
        Some(wait) if named.act.spreads() > 0 => {
            let spread = format!("{name}_spread");
            flow.put(
                &spread,
                json!({ "Type": "Wait", "Comment": "until other services of AWS can be expected to see it",
                    "Seconds": named.act.spreads(), "Next": roads.next }),
            );
            write_wait(flow, name, wait, place, &Roads { next: &spread, ..*roads })
        }
        Some(wait) => write_wait(flow, name, wait, place, roads),
        None => Ok(()),
    }
}

/// Returns the questions that decide whether a call whose answer was lost has taken effect: it fails when it
/// is repeated. `redress` asks the same after a crash; there are questions only where a machine can ask all
/// of them.
fn doubts(act: &Act, place: Place<'_>) -> Vec<Question> {
    let harmless =
        calls::find(&act.call.service, &act.call.operation).is_some_and(|s| s.repeat == Repeat::Harmless);
    let Recognise::Looks { expect, .. } = &act.recognise else { return Vec::new() };
    // The existence of some policy does not prove that it is this one.
    let can_be_asked = |e: &Expect| {
        look_for(e, &e.id)
            .is_some_and(|(look, test)| look.operation != "GetRolePolicy" || test != Test::Exists)
    };
    if !harmless || !expect.iter().all(can_be_asked) {
        return Vec::new();
    }
    questions(expect, &act.call.operation, place).unwrap_or_default()
}

/// Writes a loop that looks until everything holds, with pauses that grow by the same each time. It fails
/// when something never will hold, or in the end.
fn write_wait(
    flow: &mut Flow,
    name: &str,
    wait: &Wait,
    place: Place<'_>,
    roads: &Roads<'_>,
) -> Result<(), String> {
    let until: Vec<Expect> = wait.until.iter().map(Expect::seen_by_others).collect();
    let all = questions(&until, &wait.why, place)?;
    let (longer, last) = pauses(wait.at_most);
    let looks = (last - FIRST_PAUSE) / longer + 2;
    let (begin, again) = (format!("{name}_wait"), format!("{name}_again"));
    let look = |n: usize| format!("{name}_look_{n}");
    flow.put(&begin, put_at("$.pause", &json!({ "seconds": FIRST_PAUSE }), &look(1)));
    let never = format!("{name}_never");
    flow.in_turns(looks, |flow| {
        for (n, one) in all.iter().enumerate() {
            let next = if n + 1 == all.len() { roads.next.to_owned() } else { look(n + 2) };
            let seen = Seen { holds: &next, not: &again, never: &never, unknown: &again };
            write_look(flow, &look(n + 1), one, &seen, false);
        }
        let (pause, grow, vain) =
            (format!("{name}_pause"), format!("{name}_longer"), format!("{name}_in_vain"));
        flow.put(
            &again,
            choice(
                vec![(json!({ "Variable": "$.pause.seconds", "NumericLessThanEquals": last }), &pause)],
                &vain,
            ),
        );
        flow.put(
            &pause,
            json!({ "Type": "Wait", "Comment": plain(&wait.why),
            "SecondsPath": "$.pause.seconds", "Next": grow }),
        );
        flow.put(
            &grow,
            put_at(
                "$.pause",
                &json!({ "seconds.$": format!("States.MathAdd($.pause.seconds, {longer})") }),
                &look(1),
            ),
        );
        flow.put(
            &vain,
            put_at(
                roads.error,
                &error("Redress.InVain", &format!("waited {} s {} in vain", wait.at_most, wait.why)),
                roads.undone,
            ),
        );
    });
    flow.put(
        &never,
        put_at(
            roads.error,
            &error("Redress.Never", &format!("waiting {} failed: it never will be", wait.why)),
            roads.undone,
        ),
    );
    Ok(())
}

/// Returns the number of seconds by which a pause is longer than the one before, and the length of the last,
/// so that all together take at least so many seconds.
fn pauses(at_most: u64) -> (u64, u64) {
    let sum = |longer: u64, looks: u64| looks * FIRST_PAUSE + longer * looks * (looks - 1) / 2;
    let longer = (LEAST_GROWTH..).find(|longer| sum(*longer, MOST_LOOKS) >= at_most).unwrap_or(LEAST_GROWTH);
    let looks = (1..=MOST_LOOKS).find(|looks| sum(longer, *looks) >= at_most).unwrap_or(MOST_LOOKS);
    (longer, FIRST_PAUSE + longer * (looks - 1))
}
