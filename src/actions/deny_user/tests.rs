//! Users to whom everything is denied, and those who stay as they are.

use super::*;
use crate::{
    actions::{
        Options,
        make::sound::{going_back, names, steps},
    },
    calls::Purpose,
    checks,
    inventory::{AccessKey, Caller, IamGroup, ManagedPolicy, Selector},
    resource::Owner,
};

fn user() -> User {
    User {
        id: "bo".into(),
        arn: "arn:aws:iam::123456789012:user/bo".into(),
        user_id: "AIDA1".into(),
        groups: Fact::Known(Vec::new()),
        inline_policies: Fact::Known([].into()),
        attached_policies: Fact::Known(Vec::new()),
        ..User::default()
    }
}

fn account(user: User) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let caller = Caller { arn: "arn:aws:iam::123456789012:user/robin".into(), ..Caller::default() };
    let mut account = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
    account.access_keys.read(&Selector::by(AccessKey::USER, "bo"), Fact::Known(()));
    account.users.put("bo", user);
    account
}

fn propose(account: &Inventory) -> Result<Proposal, Refusal> {
    let options = Options::default();
    let context = Context { inventory: account, region: "us-east-1", checks: &[], options: &options };
    let with = DenyUser.decode(toml::de::Deserializer::parse("").unwrap()).unwrap();
    DenyUser.propose(&context, &account.owner.user("bo"), &with)
}

#[test]
fn everything_is_denied_by_a_policy_that_no_wait_in_vain_takes_away() {
    let proposal = propose(&account(user())).unwrap();
    steps(&proposal.steps);
    assert_eq!(names(&proposal.steps), ["deny"]);
    let act = &proposal.steps[0].act;
    assert_eq!((act.call.operation.as_str(), &act.call.input["UserName"]), ("PutUserPolicy", &json!("bo")));
    assert!(act.wait.is_none(), "a wait in vain is rolled back");
    let denial: Value = serde_json::from_str(act.call.input["PolicyDocument"].as_str().unwrap()).unwrap();
    assert_eq!(denial, deny_all());
    assert_eq!(going_back(&proposal.steps, &["deny"], Purpose::Undo), ["DeleteUserPolicy deny"]);
    assert!(proposal.impact.iter().any(|line| line.contains("its password stays")), "{:?}", proposal.impact);
    assert!(proposal.impact.iter().any(|line| line.contains("--role")), "{:?}", proposal.impact);
}

#[test]
fn where_the_inline_policies_leave_no_room_aws_s_own_denial_is_attached_and_without_room_nothing_is_planned()
{
    let full = |attached: usize| {
        let long = json!({ "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{}", "x".repeat(1950)) }] });
        let arns = (0..attached).map(|n| format!("arn:aws:iam::123456789012:policy/p{n}")).collect();
        let user = User {
            inline_policies: Fact::Known([("long".to_owned(), long)].into()),
            attached_policies: Fact::Known(arns),
            ..user()
        };
        let mut account = account(user);
        for n in 0..attached {
            let id = format!("arn:aws:iam::123456789012:policy/p{n}");
            let document = json!({ "Statement": [] });
            account.managed_policies.put(id.clone(), ManagedPolicy { id, document });
        }
        propose(&account)
    };
    let proposal = full(9).unwrap();
    steps(&proposal.steps);
    let call = &proposal.steps[0].act.call;
    assert_eq!(call.operation, "AttachUserPolicy");
    assert_eq!(call.input["PolicyArn"], "arn:aws:iam::aws:policy/AWSDenyAll");
    assert_eq!(going_back(&proposal.steps, &["deny"], Purpose::Undo), ["DetachUserPolicy deny"]);
    assert!(matches!(full(10), Err(Refusal::Refused(why)) if why.contains("no room")));
}

#[test]
fn a_group_that_denies_everything_does_and_the_proof_agrees() {
    let with = |policies: &[Value], attached: &[&str]| {
        let inline = policies.iter().map(|policy| ("any".to_owned(), policy.clone())).collect();
        let attached = attached.iter().map(|arn| (*arn).to_owned()).collect();
        let (inline_policies, attached_policies) = (Fact::Known(inline), Fact::Known(attached));
        let mut account = account(User { groups: Fact::Known(vec!["g".into()]), ..user() });
        account.iam_groups.put("g", IamGroup { id: "g".into(), inline_policies, attached_policies });
        account
    };
    let proof = |account: &Inventory| {
        (checks::find(DENIED).unwrap().judge)(account, &account.owner.user("bo"), &Value::Null).word()
    };
    for denied in [with(&[], &["arn:aws:iam::aws:policy/AWSDenyAll"]), with(&[deny_all()], &[])] {
        assert!(matches!(propose(&denied), Err(Refusal::Nothing(_))));
        assert_eq!(proof(&denied), "ok");
    }
    let other = with(&[json!({ "Statement": [] })], &[]);
    assert!(propose(&other).is_ok());
    assert_eq!(proof(&other), "violates");
    let unread = account(User { inline_policies: Fact::unknown("AccessDenied"), ..user() });
    assert!(matches!(propose(&unread), Err(Refusal::Unknown(_))));
    assert_eq!(proof(&unread), "unknown");
}

#[test]
fn the_caller_and_users_for_emergencies_are_refused() {
    let mut own = account(user());
    own.caller.arn = "arn:aws:iam::123456789012:user/bo".into();
    assert!(matches!(propose(&own), Err(Refusal::Refused(why)) if why.contains("redress uses")));
    let glass = account(User { tags: [("break-glass".to_owned(), "yes".to_owned())].into(), ..user() });
    assert!(matches!(propose(&glass), Err(Refusal::Refused(why)) if why.contains("emergencies")));
}
