//! Keys that were replaced: those that are free, and those that stay.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::Purpose,
    inventory::{Caller, Inventory, LastUse, User},
    resource::Owner,
};

const OLD: &str = "AKIAOLD";
const NEW: &str = "AKIANEW";

fn key(id: &str) -> AccessKey {
    AccessKey {
        id: id.into(),
        user: "ci".into(),
        status: "Active".into(),
        created: Fact::Known("2026-11-01T00:00:00Z".parse().unwrap()),
        last_used: Fact::Known(LastUse {
            date: "2026-11-10T10:00:00Z".parse().unwrap(),
            region: "eu-west-1".into(),
            service: "s3".into(),
        }),
        tags: Fact::Known([(format!("{}{OLD}", tag::KEY_REPLACED), NEW.to_owned())].into()),
        ..AccessKey::default()
    }
}

fn propose(old: AccessKey, new: Option<AccessKey>) -> Result<Proposal, Refusal> {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let caller = Caller { arn: "arn:aws:iam::123456789012:user/robin".into(), ..Caller::default() };
    let mut account = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
    account.access_keys.read(&of_user("ci").selector, Fact::Known(()));
    for key in std::iter::once(old).chain(new) {
        account.access_keys.put(key.id.clone(), key);
    }
    let user = User {
        id: "ci".into(),
        groups: Fact::Known(Vec::new()),
        inline_policies: Fact::Known([].into()),
        attached_policies: Fact::Known(Vec::new()),
        ..User::default()
    };
    account.users.put("ci", user);
    let (target, options) = (account.owner.access_key(OLD), Options::default());
    let context = Context { inventory: &account, region: "us-east-1", checks: &[], options: &options };
    RetireAccessKey.propose(&context, &target, &serde_json::to_value(Params::default()).unwrap())
}

#[test]
fn a_free_key_is_deactivated_and_dated_and_an_undo_takes_both_back() {
    let proposal = propose(key(OLD), Some(key(NEW))).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(sound::names(&proposal.steps), ["deactivate", "mark"]);
    let input = &proposal.steps[0].act.call.input;
    assert_eq!(*input, json!({ "UserName": "ci", "AccessKeyId": OLD, "Status": "Inactive" }));
    assert_eq!(
        sound::going_back(&proposal.steps, &["deactivate", "mark"], Purpose::Undo),
        ["UntagUser mark", "UpdateAccessKey deactivate"]
    );
    assert!(proposal.impact[0].contains("last used on 2026-11-10 for s3"), "{:?}", proposal.impact);
    assert_eq!(proposal.risk, Risk::Disruptive);
}

#[test]
fn a_key_that_is_used_or_whose_replacement_is_not_active_stays() {
    let used = LastUse { date: "2026-11-21T10:00:00Z".parse().unwrap(), ..LastUse::default() };
    let recent = AccessKey { last_used: Fact::Known(used), ..key(OLD) };
    assert!(matches!(propose(recent, Some(key(NEW))), Err(Refusal::Nothing(_))));
    assert!(matches!(propose(key(OLD), None), Err(Refusal::Refused(_))));
    let inactive = AccessKey { status: "Inactive".into(), ..key(NEW) };
    assert!(matches!(propose(key(OLD), Some(inactive)), Err(Refusal::Refused(_))));
    let itself = Fact::Known([(format!("{}{OLD}", tag::KEY_REPLACED), OLD.to_owned())].into());
    let itself = AccessKey { tags: itself, ..key(OLD) };
    assert!(matches!(propose(itself, None), Err(Refusal::Refused(why)) if why.contains("take the tag")));
    let unmarked = AccessKey { tags: Fact::Known([].into()), ..key(OLD) };
    assert!(matches!(propose(unmarked, Some(key(NEW))), Err(Refusal::Nothing(_))));
    let unread = AccessKey { last_used: Fact::unknown("AccessDenied"), ..key(OLD) };
    assert!(matches!(propose(unread, Some(key(NEW))), Err(Refusal::Unknown(_))));
    let own = AccessKey { of_caller: true, ..key(OLD) };
    assert!(matches!(propose(own, Some(key(NEW))), Err(Refusal::Refused(why)) if why.contains("itself")));
}
