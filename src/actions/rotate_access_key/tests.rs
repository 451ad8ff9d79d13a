//! Proposals to rotate a key, and the refusals.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::{Purpose, Test, reference, reference::holds_secret},
    inventory::{Caller, LastUse, User},
    resource::Owner,
};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "redress/access-keys/ci";
const R: &str = "eu-west-1";

fn key() -> AccessKey {
    AccessKey {
        id: ID.into(),
        user: "ci".into(),
        status: "Active".into(),
        created: Fact::Known("2024-01-01T00:00:00Z".parse().unwrap()),
        last_used: Fact::Known(LastUse {
            date: "2026-11-22T07:00:00Z".parse().unwrap(),
            region: "eu-west-1".into(),
            service: "s3".into(),
        }),
        tags: Fact::Known(Tags::new()),
        ..AccessKey::default()
    }
}

fn secret(current: Option<&str>) -> Secret {
    let labels = current.map(|version| ("AWSCURRENT".to_owned(), version.to_owned()));
    let secret = Secret {
        id: SECRET.into(),
        deleted_date: Fact::Absent,
        tags: [(tag::KEYS_OF.to_owned(), "ci".to_owned())].into(),
        ..Secret::default()
    };
    secret.labelled(labels.into_iter().collect())
}

fn account(keys: Vec<AccessKey>, secret: Fact<Secret>) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let caller = Caller { arn: "arn:aws:iam::123456789012:user/robin".into(), ..Caller::default() };
    let mut account = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
    account.access_keys.read(&of_user("ci").selector, Fact::Known(()));
    for key in keys {
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
    account.region_mut(R).secrets.items.insert(SECRET.into(), secret);
    account
}

fn propose_on(account: &Inventory, with: &str) -> Result<Proposal, Refusal> {
    let target = account.owner.access_key(ID);
    let options = Options::default();
    let context = Context { inventory: account, region: "us-east-1", checks: &[], options: &options };
    let with = RotateAccessKey.decode(toml::de::Deserializer::parse(with).unwrap()).unwrap();
    RotateAccessKey.propose(&context, &target, &with)
}

const HERE: &str = "region = \"eu-west-1\"";

#[test]
fn the_secret_comes_first_then_the_key_its_delivery_and_the_mark() {
    let proposal = propose_on(&account(vec![key()], Fact::Absent), HERE).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(sound::names(&proposal.steps), ["secret", "create", "deliver", "mark"]);
    let regions: Vec<&str> = proposal.steps.iter().map(|step| step.act.call.region.as_str()).collect();
    assert_eq!(regions, [R, "us-east-1", R, "us-east-1"]);
    let delivered = &sound::named(&proposal.steps, "deliver").act.call.input;
    assert!(holds_secret(delivered), "the input names the key and never its secret");
    assert_eq!(
        delivered["VersionStages"],
        json!(["AWSCURRENT", reference::output("create", "AccessKeyId")]),
        "the version is kept under the id of its key"
    );
    assert_eq!(proposal.risk, Risk::Safe);
    assert!(
        propose_on(&account(vec![key()], Fact::Known(secret(Some("v1")))), HERE).unwrap().steps.len() == 3
    );
}

#[test]
fn the_key_is_made_only_while_the_old_one_is_alone_and_deleted_only_while_it_is_unused() {
    let proposal = propose_on(&account(vec![key()], Fact::Absent), HERE).unwrap();
    let create = sound::named(&proposal.steps, "create");
    let alone = Test::OnlyBy { filter: "user".into(), these: vec![ID.into()] };
    assert!(create.act.before.iter().any(|expect| expect.test == alone));
    let delete = create.way_back.acts().next().unwrap();
    assert_eq!(delete.call.operation, "DeleteAccessKey");
    assert_eq!(delete.before[0].at, "/last_used");
}

#[test]
fn an_undo_leads_readers_to_the_former_version_and_deletes_the_new_key() {
    let all = ["create", "deliver", "mark"];
    let with = propose_on(&account(vec![key()], Fact::Known(secret(Some("v1")))), HERE).unwrap();
    assert_eq!(
        sound::going_back(&with.steps, &all, Purpose::Undo),
        ["UntagUser mark", "UpdateSecretVersionStage deliver", "DeleteAccessKey create"]
    );
    let first = propose_on(&account(vec![key()], Fact::Absent), HERE).unwrap();
    assert_eq!(
        sound::going_back(&first.steps, &["secret", "create"], Purpose::Rollback),
        ["DeleteAccessKey create", "DeleteSecret secret"],
        "a delivery that fails leaves nothing behind"
    );
}

#[test]
fn nothing_is_rotated_without_a_region_and_every_parameter_is_checked() {
    let account = account(vec![key()], Fact::Absent);
    assert!(matches!(propose_on(&account, ""), Err(Refusal::Refused(why)) if why.contains("no region")));
    let target = account.owner.access_key(ID);
    let with = serde_json::to_value(Params::default()).unwrap();
    assert!(RotateAccessKey.declines(&account, OLD, &target, &with).is_err());
    for bad in [
        "days = 0",
        "region = 'EU'",
        "region = ''",
        "secret = 'keys'",
        "secret = 'a b/{user}'",
        "secret = '{user}-abcdef'",
        "kms_key = ''",
        "secrets = 'x'",
    ] {
        assert!(RotateAccessKey.decode(toml::de::Deserializer::parse(bad).unwrap()).is_err(), "{bad}");
    }
    let named = format!("{HERE}\nsecret = \"ci/{{user}}/aws\"");
    let other = propose_on(&account, &named);
    assert!(matches!(other, Err(Refusal::Unknown(why)) if why.contains("ci/ci/aws")), "it was not read");
}

#[test]
fn a_second_key_is_refused_with_what_to_do() {
    let second = AccessKey { id: "AKIASECOND".into(), status: "Inactive".into(), ..key() };
    let refused = propose_on(&account(vec![key(), second], Fact::Absent), HERE);
    assert!(matches!(refused, Err(Refusal::Refused(why))
        if why.contains("two access keys") && why.contains("redress:replaced-by:AKIAIOSFODNN7EXAMPLE=AKIASECOND")));
    let mut unread = account(vec![key()], Fact::Absent);
    unread.access_keys.reads.clear();
    assert!(matches!(propose_on(&unread, HERE), Err(Refusal::Unknown(_))));
}

#[test]
fn users_of_simple_email_service_are_refused_by_use_name_and_tag() {
    let with = |change: fn(&mut AccessKey)| {
        let mut key = key();
        change(&mut key);
        propose_on(&account(vec![key], Fact::Absent), HERE)
    };
    let used: fn(&mut AccessKey) = |key| {
        key.last_used = Fact::Known(LastUse { service: "ses".into(), ..LastUse::default() });
    };
    let tagged: fn(&mut AccessKey) =
        |key| key.tags = Fact::Known([("InvokedBy".to_owned(), "SESConsole".to_owned())].into());
    for change in [used, tagged] {
        assert!(matches!(with(change), Err(Refusal::Refused(why)) if why.contains("SMTP")));
    }
}

#[test]
fn a_secret_that_is_not_for_this_user_is_left_alone() {
    let with = |change: fn(&mut Secret)| {
        let mut secret = secret(Some("v1"));
        change(&mut secret);
        propose_on(&account(vec![key()], Fact::Known(secret)), HERE)
    };
    let bad: [fn(&mut Secret); 5] = [
        |secret| secret.tags.clear(),
        |secret| drop(secret.tags.insert(tag::KEYS_OF.into(), "bo".into())),
        |secret| secret.owning_service = Some("rds".into()),
        |secret| secret.rotation_enabled = true,
        |secret| secret.deleted_date = Fact::Known("2026-12-01T00:00:00Z".parse().unwrap()),
    ];
    for change in bad {
        assert!(matches!(with(change), Err(Refusal::Refused(_))));
    }
    assert!(matches!(
        propose_on(&account(vec![key()], Fact::unknown("AccessDenied")), HERE),
        Err(Refusal::Unknown(_))
    ));
}

#[test]
fn what_is_young_inactive_or_replaced_needs_nothing() {
    let new = AccessKey { id: "AKIANEW".into(), tags: Fact::Known([].into()), ..key() };
    let beside = |change: fn(&mut AccessKey), others: &[AccessKey]| {
        let mut key = key();
        change(&mut key);
        let keys = [key].into_iter().chain(others.iter().cloned()).collect();
        propose_on(&account(keys, Fact::Absent), HERE)
    };
    let with = |change: fn(&mut AccessKey)| beside(change, &[]);
    let young: fn(&mut AccessKey) = |key| {
        key.created = Fact::Known("2026-11-01T00:00:00Z".parse().unwrap());
    };
    let replaced: fn(&mut AccessKey) = |key| {
        let mark = format!("{}{ID}", tag::KEY_REPLACED);
        key.tags = Fact::Known([(mark, "AKIANEW".to_owned())].into());
    };
    for change in [young, |key: &mut AccessKey| key.status = "Inactive".into()] {
        assert!(matches!(with(change), Err(Refusal::Nothing(_))));
    }
    assert!(matches!(beside(replaced, &[new]), Err(Refusal::Nothing(_))));
    // The new key is gone: a person decides.
    assert!(matches!(with(replaced), Err(Refusal::Refused(why)) if why.contains("take the tag")));
    assert!(matches!(with(|key| key.status = "?".into()), Err(Refusal::Unknown(_))));
}
