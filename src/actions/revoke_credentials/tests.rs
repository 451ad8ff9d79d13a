//! The order in which credentials are taken, and the users from whom none are.

use super::*;
use crate::{
    actions::{
        Options,
        make::sound::{going_back, named, names, steps},
    },
    calls::Purpose,
    checks,
    finding::Verdict,
    inventory::{Caller, IamGroup, Inventory, Tags},
    resource::Owner,
};

fn key(id: &str, status: &str) -> AccessKey {
    AccessKey {
        id: id.into(),
        user: "bo".into(),
        status: status.into(),
        tags: Fact::Known(Tags::new()),
        ..AccessKey::default()
    }
}

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

fn others() -> UserCredentials {
    let one = |id: &str, service: &str| {
        Fact::Known(vec![Credential { id: id.into(), status: "Active".into(), service: service.into() }])
    };
    UserCredentials {
        id: "bo".into(),
        service_specific: one("ACCA1", "bedrock.amazonaws.com"),
        ssh_keys: one("APKA1", ""),
        certificates: Fact::Known(Vec::new()),
    }
}

fn account(user: User, others: UserCredentials) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let caller = Caller { arn: "arn:aws:iam::123456789012:user/robin".into(), ..Caller::default() };
    let mut account = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
    for key in [key("AKIA1", "Active"), key("AKIA2", "Inactive"), key("AKIA3", "Active")] {
        account.access_keys.put(key.id.clone(), key);
    }
    account.access_keys.read(&Selector::by(AccessKey::USER, "bo"), Fact::Known(()));
    account.users.put("bo", user);
    account.user_credentials.put("bo", others);
    account.login_profiles.put("bo", LoginProfile { id: "bo".into(), ..LoginProfile::default() });
    account
}

fn propose(account: &Inventory) -> Result<Proposal, Refusal> {
    let options = Options::default();
    let context = Context { inventory: account, region: "us-east-1", checks: &[], options: &options };
    let with = RevokeCredentials.decode(toml::de::Deserializer::parse("users = ['bo']").unwrap()).unwrap();
    RevokeCredentials.propose(&context, &account.owner.user("bo"), &with)
}

#[test]
fn everything_is_denied_first_and_then_each_credential_becomes_inactive() {
    let account = account(user(), others());
    let proposal = propose(&account).unwrap();
    steps(&proposal.steps);
    let all = ["deny", "key-AKIA1", "key-AKIA3", "service_specific-ACCA1", "ssh_keys-APKA1"];
    assert_eq!(names(&proposal.steps), all);
    let put = &named(&proposal.steps, "deny").act.call;
    assert_eq!((put.operation.as_str(), &put.input["UserName"]), ("PutUserPolicy", &json!("bo")));
    let denial: Value = serde_json::from_str(put.input["PolicyDocument"].as_str().unwrap()).unwrap();
    assert_eq!(denial, deny_all());
    assert_eq!(
        going_back(&proposal.steps, &all, Purpose::Undo),
        [
            "UpdateSSHPublicKey ssh_keys-APKA1",
            "UpdateServiceSpecificCredential service_specific-ACCA1",
            "UpdateAccessKey key-AKIA3",
            "UpdateAccessKey key-AKIA1",
            "DeleteUserPolicy deny",
        ]
    );
    assert!(proposal.impact.iter().any(|line| line.contains("its password stays")), "{:?}", proposal.impact);
    assert!(proposal.impact.iter().any(|line| line.contains("--role")), "{:?}", proposal.impact);
    assert!(proposal.impact.iter().any(|line| line.contains("ACCA1 for bedrock.amazonaws.com")));
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
        let mut account = account(user, others());
        for n in 0..attached {
            let id = format!("arn:aws:iam::123456789012:policy/p{n}");
            let document = json!({ "Statement": [] });
            account.managed_policies.put(id.clone(), crate::inventory::ManagedPolicy { id, document });
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
fn a_group_that_denies_everything_does_and_one_that_is_not_known_does_not() {
    let member = |group: Fact<IamGroup>| {
        let mut account = account(User { groups: Fact::Known(vec!["g".into()]), ..user() }, others());
        account.iam_groups.items.insert("g".into(), group);
        account
    };
    let with = |policies: &[Value], attached: &[&str]| {
        let inline = policies.iter().map(|policy| ("any".to_owned(), policy.clone())).collect();
        let attached = attached.iter().map(|arn| (*arn).to_owned()).collect();
        let (inline_policies, attached_policies) = (Fact::Known(inline), Fact::Known(attached));
        member(Fact::Known(IamGroup { id: "g".into(), inline_policies, attached_policies }))
    };
    let first = |account: &Inventory| propose(account).unwrap().steps[0].name.clone();
    assert_eq!(first(&with(&[], &["arn:aws:iam::aws:policy/AWSDenyAll"])), "key-AKIA1");
    assert_eq!(first(&with(&[deny_all()], &[])), "key-AKIA1");
    assert_eq!(first(&with(&[json!({ "Statement": [] })], &[])), "deny");
    // Whether it makes administrators is not known, either.
    let unknown = member(Fact::unknown("AccessDenied"));
    assert!(matches!(propose(&unknown), Err(Refusal::Unknown(why)) if why.contains("group g")));
    let verdict =
        (checks::find(USER).unwrap().judge)(&unknown, &unknown.owner.user("bo"), &json!({ "users": ["bo"] }));
    assert!(
        matches!(verdict, Verdict::Violates(what) if what.to_string().contains("do not deny everything"))
    );
}

#[test]
fn what_could_not_be_read_of_the_other_credentials_is_named_and_denied_all_the_same() {
    let unread = UserCredentials { service_specific: Fact::unknown("AccessDenied"), ..others() };
    let proposal = propose(&account(user(), unread)).unwrap();
    assert!(proposal.guards.iter().any(|note| note.note.contains("service-specific credentials could not")));
    let mut unlisted = account(user(), others());
    unlisted.access_keys.read(&Selector::by(AccessKey::USER, "bo"), Fact::unknown("AccessDenied"));
    assert!(matches!(propose(&unlisted), Err(Refusal::Unknown(_))), "keys are what it is about");
}

#[test]
fn what_is_done_already_is_not_done_again_and_the_check_agrees() {
    let mut account = account(
        User { inline_policies: Fact::Known([(QUARANTINE.to_owned(), deny_all())].into()), ..user() },
        UserCredentials {
            service_specific: Fact::Known(Vec::new()),
            ssh_keys: Fact::Known(Vec::new()),
            ..others()
        },
    );
    let check = checks::find(USER).unwrap();
    let judged = |account: &Inventory, with: Value| (check.judge)(account, &account.owner.user("bo"), &with);
    assert_eq!(names(&propose(&account).unwrap().steps), ["key-AKIA1", "key-AKIA3"]);
    assert_eq!(judged(&account, json!({ "users": ["bo"] })).word(), "violates");
    assert_eq!(judged(&account, Value::Null).word(), "ok", "nobody has named it");
    for id in ["AKIA1", "AKIA3"] {
        account.access_keys.put(id, key(id, "Inactive"));
    }
    assert!(matches!(propose(&account), Err(Refusal::Nothing(_))));
    assert_eq!(judged(&account, json!({ "users": ["bo"] })).word(), "ok");
    account.access_keys.put("AKIA1", key("AKIA1", "Resting"));
    assert!(matches!(propose(&account), Err(Refusal::Unknown(_))));
    assert_eq!(judged(&account, json!({ "users": ["bo"] })).word(), "unknown");
}

#[test]
fn the_caller_and_users_for_emergencies_are_refused() {
    let mut own = account(user(), others());
    own.caller.arn = "arn:aws:iam::123456789012:user/bo".into();
    assert!(matches!(propose(&own), Err(Refusal::Refused(why)) if why.contains("redress uses")));
    let tags = [("break-glass".to_owned(), "yes".to_owned())].into();
    let glass = account(User { tags, ..user() }, others());
    assert!(matches!(propose(&glass), Err(Refusal::Refused(why)) if why.contains("emergencies")));
}
