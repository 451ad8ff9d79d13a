//! The credentials that become inactive, and the users whose credentials stay.

use super::*;
use crate::{
    actions::{
        Options,
        make::sound::{going_back, named, names, steps},
    },
    calls::{Otherwise, Purpose, WayBack},
    checks::{
        self,
        revoked::{QUARANTINE, deny_all},
    },
    finding::Verdict,
    inventory::{
        AccessKey, Caller, Credential, Fact, IamGroup, Inventory, Selector, Tags, User, UserCredentials,
    },
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
    account
}

fn with() -> Value {
    RevokeCredentials.decode(toml::de::Deserializer::parse("users = ['bo']").unwrap()).unwrap()
}

fn propose(account: &Inventory) -> Result<Proposal, Refusal> {
    propose_with(account, &with())
}

fn propose_with(account: &Inventory, with: &Value) -> Result<Proposal, Refusal> {
    let options = Options::default();
    let context = Context { inventory: account, region: "us-east-1", checks: &[], options: &options };
    RevokeCredentials.propose(&context, &account.owner.user("bo"), with)
}

/// Returns the parameters of a plan that is made on an account.
fn settled(account: &Inventory) -> Value {
    let options = Options::default();
    let context = Context { inventory: account, region: "us-east-1", checks: &[], options: &options };
    RevokeCredentials.settled(&context, &account.owner.user("bo"), &with())
}

fn judged(account: &Inventory) -> Verdict {
    (checks::find(USER).unwrap().judge)(account, &account.owner.user("bo"), &json!({ "users": ["bo"] }))
}

#[test]
fn each_credential_becomes_inactive_after_everything_is_denied() {
    let proposal = propose(&account(user(), others())).unwrap();
    steps(&proposal.steps);
    let all = ["key-AKIA1", "key-AKIA3", "service_specific-ACCA1", "ssh_keys-APKA1"];
    assert_eq!(names(&proposal.steps), all);
    let needed = &proposal.prerequisites[0];
    assert_eq!((needed.action, needed.resource.id()), ("deny-user", "bo"));
    assert_eq!(
        going_back(&proposal.steps, &all, Purpose::Undo),
        [
            "UpdateSSHPublicKey ssh_keys-APKA1",
            "UpdateServiceSpecificCredential service_specific-ACCA1",
            "UpdateAccessKey key-AKIA3",
            "UpdateAccessKey key-AKIA1",
        ]
    );
    assert!(proposal.impact[0].contains("ACCA1 for bedrock.amazonaws.com"), "{:?}", proposal.impact);
    for step in &proposal.steps {
        assert_eq!(step.act.otherwise, Otherwise::Alone, "none keeps another one active");
        let WayBack::Calls { rollback, .. } = &step.way_back else { panic!("{step:?}") };
        assert!(rollback.iter().all(|back| back.otherwise == Otherwise::Alone && !back.before.is_empty()));
    }
}

#[test]
fn what_others_do_to_a_credential_after_the_plan_changes_nothing_of_it() {
    let mut account = account(user(), others());
    let with = settled(&account);
    let planned = propose_with(&account, &with).unwrap();
    assert_eq!(planned.steps, propose(&account).unwrap().steps);
    // One is inactive, one is gone, and somebody has made a new one.
    account.access_keys.put("AKIA1", key("AKIA1", "Inactive"));
    account.access_keys.items.remove("AKIA3");
    account.access_keys.put("AKIA4", key("AKIA4", "Active"));
    account.user_credentials.put("bo", UserCredentials { ssh_keys: Fact::Known(Vec::new()), ..others() });
    assert_eq!(propose_with(&account, &with).unwrap(), planned);
    assert_eq!(RevokeCredentials.unsettled(&with, &self::with()), self::with());
}

#[test]
fn who_is_denied_already_loses_the_credentials_alone_and_who_has_none_is_only_denied() {
    let denied =
        User { inline_policies: Fact::Known([(QUARANTINE.to_owned(), deny_all())].into()), ..user() };
    let none = || UserCredentials {
        service_specific: Fact::Known(Vec::new()),
        ssh_keys: Fact::Known(Vec::new()),
        ..others()
    };
    let inactive = |mut account: Inventory| {
        for id in ["AKIA1", "AKIA3"] {
            account.access_keys.put(id, key(id, "Inactive"));
        }
        account
    };
    let open = account(denied.clone(), none());
    assert_eq!(names(&propose(&open).unwrap().steps), ["key-AKIA1", "key-AKIA3"]);
    assert_eq!(judged(&open).word(), "violates");
    let check = checks::find(USER).unwrap();
    assert_eq!(
        (check.judge)(&open, &open.owner.user("bo"), &Value::Null).word(),
        "ok",
        "nobody has named it"
    );
    let closed = inactive(account(denied, none()));
    assert!(matches!(propose(&closed), Err(Refusal::Nothing(_))));
    assert_eq!(judged(&closed).word(), "ok");
    let bare = propose(&inactive(account(user(), none()))).unwrap();
    assert_eq!((bare.steps.len(), bare.prerequisites.len()), (0, 1), "all the work is that of deny-user");
    let mut strange = closed;
    strange.access_keys.put("AKIA1", key("AKIA1", "Resting"));
    assert!(matches!(propose(&strange), Err(Refusal::Unknown(_))));
    assert_eq!(judged(&strange).word(), "unknown");
}

#[test]
fn what_could_not_be_read_is_named_and_denied_all_the_same() {
    let unread = UserCredentials { service_specific: Fact::unknown("AccessDenied"), ..others() };
    let proposal = propose(&account(user(), unread)).unwrap();
    assert!(proposal.guards.iter().any(|note| note.note.contains("service-specific credentials could not")));
    let mut unlisted = account(user(), others());
    unlisted.access_keys.read(&Selector::by(AccessKey::USER, "bo"), Fact::unknown("AccessDenied"));
    unlisted.user_credentials.items.remove("bo");
    let proposal = propose(&unlisted).unwrap();
    assert_eq!((proposal.steps.len(), proposal.prerequisites.len()), (0, 1));
    assert_eq!(judged(&unlisted).word(), "violates");
    let inline = Fact::Known([(QUARANTINE.to_owned(), deny_all())].into());
    unlisted.users.put("bo", User { inline_policies: inline, ..user() });
    assert!(matches!(propose(&unlisted), Err(Refusal::Nothing(why)) if why.contains("access keys")));
    assert_eq!(judged(&unlisted).word(), "unknown");
}

#[test]
fn a_group_of_which_nothing_is_known_is_no_denial_and_refused() {
    let mut account = account(User { groups: Fact::Known(vec!["g".into()]), ..user() }, others());
    account.iam_groups.items.insert("g".into(), Fact::<IamGroup>::unknown("AccessDenied"));
    // Whether it makes administrators is not known, either.
    assert!(matches!(propose(&account), Err(Refusal::Unknown(why)) if why.contains("group g")));
    let Verdict::Violates(what) = judged(&account) else { panic!("{:?}", judged(&account)) };
    assert!(what.to_string().contains("do not deny everything"), "{what}");
}

#[test]
fn the_caller_and_users_for_emergencies_are_refused() {
    let mut own = account(user(), others());
    own.caller.arn = "arn:aws:iam::123456789012:user/bo".into();
    assert!(matches!(propose(&own), Err(Refusal::Refused(why)) if why.contains("redress uses")));
    let tags = [("break-glass".to_owned(), "yes".to_owned())].into();
    let glass = account(User { tags, ..user() }, others());
    assert!(matches!(propose(&glass), Err(Refusal::Refused(why)) if why.contains("emergencies")));
    let step = named(&propose(&account(user(), others())).unwrap().steps, "key-AKIA1").clone();
    assert_eq!(step.act.call.input["Status"], "Inactive");
}
