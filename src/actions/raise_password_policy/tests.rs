//! Password policies of small accounts: what is merged, what is refused, and what an undo sets back.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::Purpose,
    inventory::{Caller, Fact, Inventory},
    resource::Owner,
};

fn weak() -> PasswordPolicy {
    PasswordPolicy {
        minimum_password_length: 20,
        require_numbers: true,
        max_password_age: Some(365),
        password_reuse_prevention: Some(5),
        ..PasswordPolicy::default()
    }
}

fn propose(policy: Fact<PasswordPolicy>, with: Value) -> Result<Proposal, Refusal> {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    it.password_policies.items.insert(PasswordPolicy::ID.to_owned(), policy);
    let context = Context { inventory: &it, region: "", checks: &[], options: &Options::default() };
    RaisePasswordPolicy.propose(&context, &it.owner.root(), &with)
}

fn refused(policy: Fact<PasswordPolicy>, with: Value) -> String {
    match propose(policy, with) {
        Err(Refusal::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn input(proposal: &Proposal) -> &Value {
    &proposal.steps[0].act.call.input
}

#[test]
fn all_members_are_given_and_none_is_looser() {
    let proposal = propose(Fact::Known(weak()), Value::Null).unwrap();
    sound::steps(&proposal.steps);
    let all = json!({
        "MinimumPasswordLength": 20, "RequireSymbols": true, "RequireNumbers": true,
        "RequireUppercaseCharacters": true, "RequireLowercaseCharacters": true,
        "AllowUsersToChangePassword": false, "MaxPasswordAge": 365, "PasswordReusePrevention": 24,
        "HardExpiry": false
    });
    assert_eq!(*input(&proposal), all);
    assert_eq!(proposal.risk, Risk::Safe, "nothing expires sooner");
    assert_eq!(
        sound::going_back(&proposal.steps, &["set"], Purpose::Undo),
        ["UpdateAccountPasswordPolicy set"]
    );
    let crate::calls::WayBack::Calls { rollback, .. } = &proposal.steps[0].way_back else { panic!() };
    let former = json!({
        "MinimumPasswordLength": 20, "RequireSymbols": false, "RequireNumbers": true,
        "RequireUppercaseCharacters": false, "RequireLowercaseCharacters": false,
        "AllowUsersToChangePassword": false, "MaxPasswordAge": 365, "PasswordReusePrevention": 5,
        "HardExpiry": false
    });
    assert_eq!(rollback[0].call.input, former);
}

#[test]
fn whatever_there_was_no_member_becomes_looser_and_no_right_is_lost() {
    let ages = [None, Some(30), Some(400)];
    for bits in 0..64_i32 {
        let bit = |n: i32| bits & (1 << n) != 0;
        for (age, asked) in ages.into_iter().flat_map(|age| ages.map(|asked| (age, asked))) {
            let old = PasswordPolicy {
                minimum_password_length: 6 + bits,
                require_symbols: bit(0),
                require_numbers: bit(1),
                require_uppercase_characters: bit(2),
                require_lowercase_characters: bit(3),
                allow_users_to_change_password: bit(4),
                max_password_age: age,
                password_reuse_prevention: (bits > 30).then_some(bits % 24 + 1),
                hard_expiry: bit(5),
            };
            let params = Params { max_age_days: asked, ..Params::default() };
            let new = raised(Some(&old), &params);
            assert!(new.minimum_password_length >= old.minimum_password_length);
            assert!(new.password_reuse_prevention >= old.password_reuse_prevention);
            assert!(Characters::ALL.iter().all(|kind| kind.is_required(&new) >= kind.is_required(&old)));
            assert_eq!(new.allow_users_to_change_password, old.allow_users_to_change_password);
            assert_eq!(new.hard_expiry, old.hard_expiry);
            assert!(age.is_none_or(|age| new.max_password_age.is_some_and(|new| new <= age)));
            assert!(
                asked.is_some() || new.max_password_age == age,
                "an age comes only where it is asked for"
            );
            assert!(params.wanted().lacks(&new).is_empty());
            assert_eq!(raised(Some(&new), &params), new, "twice is as once");
        }
    }
}

#[test]
fn no_policy_is_deleted_again_and_never_replaced_by_a_looser_one_than_the_default() {
    let proposal = propose(Fact::Absent, Value::Null).unwrap();
    sound::steps(&proposal.steps);
    assert_eq!(input(&proposal)["AllowUsersToChangePassword"], false, "nobody asked for that");
    assert_eq!(input(&proposal).get("MaxPasswordAge"), None);
    assert_eq!(
        sound::going_back(&proposal.steps, &["set"], Purpose::Undo),
        ["DeleteAccountPasswordPolicy set"]
    );
    assert_eq!(proposal.before, json!({ "password_policy": null }));
    for with in [json!({ "minimum_length": 7 }), json!({ "characters": ["numbers", "lowercase"] })] {
        assert!(refused(Fact::Absent, with).contains("would be looser"));
    }
    assert!(propose(Fact::Absent, json!({ "characters": ["numbers", "lowercase", "symbols"] })).is_ok());
}

#[test]
fn an_age_is_named_as_an_impact_and_locks_nobody_out() {
    let aged = json!({ "max_age_days": 90 });
    let why = refused(Fact::Known(weak()), aged.clone());
    assert!(why.contains("raise-password-policy.let_users_change=true"), "{why}");
    let hard = PasswordPolicy { hard_expiry: true, allow_users_to_change_password: true, ..weak() };
    assert!(refused(Fact::Known(hard.clone()), aged).contains("hard expiry"));
    assert_eq!(input(&propose(Fact::Known(hard), Value::Null).unwrap())["HardExpiry"], true);
    let with = json!({ "max_age_days": 90, "let_users_change": true });
    let proposal = propose(Fact::Known(weak()), with).unwrap();
    assert_eq!(input(&proposal)["MaxPasswordAge"], 90);
    assert_eq!(proposal.risk, Risk::Disruptive);
    for part in ["older than 90 days expire at once", "every IAM user may change"] {
        assert!(proposal.impact.iter().any(|line| line.contains(part)), "{part}: {:?}", proposal.impact);
    }
    // A longer age than the one that there is changes nothing, and so locks nobody out.
    let longer = propose(Fact::Known(weak()), json!({ "max_age_days": 400 })).unwrap();
    assert_eq!((&input(&longer)["MaxPasswordAge"], longer.risk), (&json!(365), Risk::Safe));
}

#[test]
fn what_is_strong_is_left_and_what_is_not_known_is_not_replaced() {
    let strong = raised(None, &Params::default());
    assert!(matches!(propose(Fact::Known(strong), Value::Null), Err(Refusal::Nothing(_))));
    for silent in [Fact::NotRead, Fact::unknown("AccessDenied")] {
        assert!(matches!(propose(silent, Value::Null), Err(Refusal::Unknown(_))));
    }
    assert!(refused(Fact::Absent, json!({ "minimum_length": 200 })).contains("200"));
}
