//! The parts that actions on credentials and their policies share: a status that is switched off and on
//! again, its guards, and quotas. Nothing here knows any one action.

use serde_json::{Value, json};

use super::{
    Context, GuardNote, Refusal, make,
    protected_users::{self, BreakGlass},
    signing_in::SHOWS_WITHIN,
    support,
};
use crate::{
    calls::{Call, Expect, Step, WayBack},
    inventory::{AccessKey, FamilyKind},
    resource::ResourceId,
    services::user::{UpdateAccessKey, UserName},
};

/// The characters that all inline policies of a role may have together, white space not counted
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
pub const OF_ROLE: usize = 10_240;
/// The managed policies that can be attached to a user, where its quota was not raised.
pub const ATTACHED: usize = 10;

/// Returns the words for an access key, the key, and the name of its user.
///
/// # Errors
/// A refusal where the key is not known, or its user has no name that AWS takes.
pub fn subject<'i>(
    context: &Context<'i>,
    target: &ResourceId,
) -> Result<(String, &'i AccessKey, UserName), Refusal> {
    let words = format!("access key {}", target.id());
    let key = support::need(context.inventory.access_keys.get(target.id()), &words)?;
    let user = UserName::try_from(key.user.as_str())
        .map_err(|why| Refusal::Unknown(format!("the user of {words}: {why}")))?;
    Ok((words, key, user))
}

/// Asks all guards about an access key that becomes inactive.
///
/// # Errors
/// A refusal with the reason.
pub fn guards(
    context: &Context<'_>,
    words: &str,
    key: &AccessKey,
    signs: BreakGlass<'_>,
) -> Result<Vec<GuardNote>, Refusal> {
    let mut all = protected_users::guard(context, &key.user, &key.tags, signs)?;
    if key.of_caller {
        return Err(Refusal::Refused(format!("{words} signs the requests of redress itself")));
    }
    let manager = key.tags.known().and_then(support::managed_by);
    all.push(support::ownership(&format!("user {}", key.user), manager, context.options)?);
    Ok(all)
}

/// Builds the step that makes a credential inactive while it is active; its undo makes it active again.
/// `call` is the call that sets a status, `is` the condition that it has one.
pub fn switch_off(
    name: String,
    title: String,
    call: impl Fn(&str) -> Call,
    is: impl Fn(Value) -> Expect,
) -> Step {
    let (active, inactive) = (is(json!(AccessKey::ACTIVE)), is(json!(AccessKey::INACTIVE)));
    let switched = make::Switched {
        set: call(AccessKey::INACTIVE),
        back: call(AccessKey::ACTIVE),
        was: vec![active.clone()],
        becomes: vec![inactive],
        within: SHOWS_WITHIN,
    };
    let shown = ["it is shown as inactive", "it is shown as active"];
    let mut step = make::switch(&name, title, switched, shown);
    step.act =
        step.act.only_if(vec![active.meaning("somebody has changed its status since the plan was made")]);
    step
}

/// Lets the step that makes a credential inactive stand alone: one that is gone, or that somebody has made
/// inactive, is left, one that cannot be made inactive keeps none of the others active, and the way back
/// leaves what somebody has decided since.
pub fn alone(mut step: Step) -> Step {
    let inactive = step.act.wait.iter().flat_map(|wait| wait.until.clone()).collect::<Vec<_>>();
    if let WayBack::Calls { rollback, .. } = &mut step.way_back {
        for back in rollback {
            *back = back.clone().only_if(inactive.clone()).alone();
        }
    }
    step.act = step.act.alone();
    step
}

/// Builds the step that makes an access key inactive. The path to its status has the name of its user, by
/// whom an export asks for it.
pub fn key_off(name: String, title: String, (region, user): (&str, &UserName), key: &str) -> Step {
    let at = format!("/user={user}/status");
    let call = |status: &str| {
        let (user_name, access_key_id) = (user.clone(), key.to_owned());
        Call::of(region, &UpdateAccessKey { user_name, access_key_id, status: status.to_owned() })
    };
    switch_off(name, title, call, |status| make::is("", FamilyKind::AccessKeys, key, &at, status))
}

/// Builds the step that makes an access key inactive only while it is active and was not used since the plan,
/// as far as AWS shows it.
pub fn unused_key_off(region: &str, user: &UserName, key: &AccessKey) -> Step {
    let last = key.last_used.known().map_or(Value::Null, |used| json!(used.date));
    let unused = make::is("", FamilyKind::AccessKeys, key.id.as_str(), "/last_used/known/date", last)
        .meaning("the key has been used since the plan was made");
    let title = format!("deactivate access key {} of user {user}", key.id);
    let mut step = key_off("deactivate".to_owned(), title, (region, user), &key.id);
    step.act = step.act.only_if(vec![unused]);
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{
        console::policies::{OF_USER, size},
        revoked::{deny_all, deny_older},
    };

    #[test]
    fn every_policy_that_is_written_fits_with_room_for_others() {
        assert!(size(&deny_all()) < OF_USER / 10, "{}", size(&deny_all()));
        let latest = deny_older("9999-12-30T22:00:00.999999999Z".parse().unwrap());
        assert!(size(&latest) < OF_ROLE / 10, "{}", size(&latest));
    }
}
