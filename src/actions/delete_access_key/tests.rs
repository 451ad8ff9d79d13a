//! Keys whose rotation is over, and keys that are only inactive.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::Purpose,
    inventory::{Caller, Inventory},
    resource::Owner,
};

const ID: &str = "AKIAOLD";

fn key(marks: &[(&str, &str)]) -> AccessKey {
    AccessKey {
        id: ID.into(),
        user: "ci".into(),
        status: "Inactive".into(),
        tags: Fact::Known(
            marks.iter().map(|(mark, value)| (format!("{mark}{ID}"), (*value).to_owned())).collect(),
        ),
        ..AccessKey::default()
    }
}

fn propose(key: AccessKey) -> Result<Proposal, Refusal> {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut account = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    account.access_keys.put(ID, key);
    let (target, options) = (account.owner.access_key(ID), Options::default());
    let context = Context { inventory: &account, region: "us-east-1", checks: &[], options: &options };
    DeleteAccessKey.propose(&context, &target, &serde_json::to_value(Params::default()).unwrap())
}

#[test]
fn a_key_that_is_over_is_deleted_for_good_and_its_marks_go_with_it() {
    let all = [(tag::KEY_REPLACED, "AKIANEW"), (tag::KEY_RETIRED, "2026-10-01")];
    let proposal = propose(key(&all)).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(proposal.risk, Risk::Irreversible);
    assert_eq!(proposal.steps[0].act.call.input, json!({ "UserName": "ci", "AccessKeyId": ID }));
    let marks = json!([format!("redress:replaced-by:{ID}"), format!("redress:retired:{ID}")]);
    assert_eq!(proposal.steps[1].act.call.input["TagKeys"], marks);
    assert!(sound::going_back(&proposal.steps, &["delete", "unmark"], Purpose::Undo).is_empty());
}

#[test]
fn an_active_an_unmarked_and_a_fresh_one_are_left() {
    let retired = |date| key(&[(tag::KEY_RETIRED, date)]);
    assert!(matches!(propose(retired("2026-11-01")), Err(Refusal::Nothing(_))));
    assert!(matches!(propose(key(&[(tag::KEY_REPLACED, "AKIANEW")])), Err(Refusal::Refused(_))));
    let active = AccessKey { status: "Active".into(), ..retired("2026-10-01") };
    assert!(matches!(propose(active), Err(Refusal::Refused(_))));
    let unread = AccessKey { tags: Fact::unknown("AccessDenied"), ..retired("2026-10-01") };
    assert!(matches!(propose(unread), Err(Refusal::Unknown(_))));
}
