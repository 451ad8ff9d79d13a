//! Users of small accounts: who is put in the group that requires MFA, and who is left.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::Purpose,
    checks::console::policies,
    inventory::{
        AccessKey, Caller, CredentialRow, Fact, IamGroup, Inventory, LoginProfile, MfaDevices, Selector, User,
    },
    resource::Owner,
};

const GROUP: &str = "redress-require-mfa";

fn account() -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let caller = Caller { arn: "arn:aws:iam::123456789012:user/robin".into(), ..Caller::default() };
    let mut it = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
    let row = CredentialRow {
        id: "bo".into(),
        password_enabled: Fact::Known(true),
        mfa_active: Fact::Known(false),
        ..CredentialRow::default()
    };
    let user = User {
        id: "bo".into(),
        groups: Fact::Known(vec!["staff".into()]),
        inline_policies: Fact::Known([].into()),
        attached_policies: Fact::Known(Vec::new()),
        ..User::default()
    };
    it.credential_reports.put("bo", row);
    it.users.put("bo", user);
    it.login_profiles.put("bo", LoginProfile { id: "bo".into(), ..LoginProfile::default() });
    it.mfa_devices.put("bo", MfaDevices { id: "bo".into(), devices: Vec::new() });
    it.access_keys.read(&Selector::by(AccessKey::USER, "bo"), Fact::Known(()));
    it.iam_groups.put("staff", group("staff", &[]));
    it.iam_groups.items.insert(GROUP.into(), Fact::Absent);
    it
}

fn group(name: &str, all: &[Value]) -> IamGroup {
    let inline = all.iter().enumerate().map(|(n, policy)| (format!("p{n}"), policy.clone())).collect();
    IamGroup {
        id: name.into(),
        inline_policies: Fact::Known(inline),
        attached_policies: Fact::Known(Vec::new()),
    }
}

fn propose(it: &Inventory, with: &str) -> Result<Proposal, Refusal> {
    let context = Context { inventory: it, region: "", checks: &[], options: &Options::default() };
    let with = RequireMfa.decode(toml::de::Deserializer::parse(with).unwrap()).unwrap();
    RequireMfa.propose(&context, &it.owner.user("bo"), &with)
}

#[test]
fn a_user_is_put_in_the_group_that_is_made_first_and_taken_out_again() {
    let proposal = propose(&account(), "").unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(proposal.steps[0].act.call.input, json!({ "GroupName": GROUP, "UserName": "bo" }));
    assert_eq!(
        sound::going_back(&proposal.steps, &["require"], Purpose::Undo),
        ["RemoveUserFromGroup require"]
    );
    let needed = &proposal.prerequisites[0];
    assert_eq!((needed.action, needed.resource.id()), ("ensure-mfa-group", GROUP));
    assert!(proposal.impact.iter().any(|line| line.contains("redress enrols no device")));
    let own = propose(&account(), "group = \"people\"");
    assert!(matches!(own, Err(Refusal::Unknown(_))), "that group was not read");
    let mut after = account();
    after.iam_groups.put(GROUP, group(GROUP, &[policies::mfa_required(&after.owner)]));
    assert_eq!(propose(&after, "").unwrap().steps, proposal.steps, "the same once the group is made");
    after.users.get_mut("bo").unwrap().groups = Fact::Known(vec!["staff".into(), GROUP.into()]);
    assert!(matches!(propose(&after, ""), Err(Refusal::Nothing(why)) if why.contains(GROUP)));
}

#[test]
fn a_user_with_an_active_key_must_be_named() {
    let mut it = account();
    let key =
        AccessKey { id: "AKIA1".into(), user: "bo".into(), status: "Active".into(), ..AccessKey::default() };
    it.access_keys.put("AKIA1", key);
    assert!(matches!(propose(&it, ""), Err(Refusal::Refused(why)) if why.contains("with_keys=[\"bo\"]")));
    assert!(matches!(propose(&it, "with_keys = ['kim']"), Err(Refusal::Refused(_))));
    let named = propose(&it, "with_keys = ['bo', 'kim']").unwrap();
    assert!(named.impact.iter().any(|line| line.contains("AKIA1") && line.contains("GetSessionToken")));
    it.access_keys.get_mut("AKIA1").unwrap().status = "Inactive".into();
    assert!(propose(&it, "").is_ok());
}

#[test]
fn who_has_a_device_is_protected_or_has_no_room_is_left_and_so_is_somebody_elses_group() {
    let of = |change: fn(&mut Inventory)| {
        let mut it = account();
        change(&mut it);
        propose(&it, "")
    };
    let enrolled = of(|it| it.mfa_devices.get_mut("bo").unwrap().devices.push("arn:mfa".into()));
    assert!(matches!(enrolled, Err(Refusal::Nothing(_))));
    let gone = of(|it| drop(it.login_profiles.items.insert("bo".into(), Fact::Absent)));
    assert!(matches!(gone, Err(Refusal::Nothing(_))));
    let caller = of(|it| it.caller.arn = "arn:aws:iam::123456789012:user/bo".into());
    assert!(matches!(caller, Err(Refusal::Refused(_))));
    let full = of(|it| {
        let groups: Vec<String> = (0..10).map(|n| format!("g{n}")).collect();
        for name in &groups {
            it.iam_groups.put(name.clone(), group(name, &[]));
        }
        it.users.get_mut("bo").unwrap().groups = Fact::Known(groups);
    });
    assert!(matches!(full, Err(Refusal::Refused(why)) if why.contains("in 10 groups")));
    let other = of(|it| it.iam_groups.put(GROUP, group(GROUP, &[json!({ "Statement": [] })])));
    assert!(matches!(other, Err(Refusal::Refused(why)) if why.contains("somebody else's")));
    for change in [
        (|it| drop(it.mfa_devices.items.remove("bo"))) as fn(&mut Inventory),
        |it| drop(it.mfa_devices.items.insert("bo".into(), Fact::unknown("AccessDenied"))),
        |it| drop(it.iam_groups.items.insert("staff".into(), Fact::unknown("AccessDenied"))),
        |it| drop(it.iam_groups.items.insert(GROUP.into(), Fact::unknown("AccessDenied"))),
        |it| it.access_keys.read(&Selector::by(AccessKey::USER, "bo"), Fact::unknown("AccessDenied")),
    ] {
        assert!(matches!(of(change), Err(Refusal::Unknown(_))));
    }
}

#[test]
fn names_are_held_to_what_iam_takes() {
    for bad in ["group = ''", "group = 'a/b'", "with_keys = ['']", "with_keys = ['a b']", "groups = 'x'"] {
        assert!(RequireMfa.decode(toml::de::Deserializer::parse(bad).unwrap()).is_err(), "{bad}");
    }
}
