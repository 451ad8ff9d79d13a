//! The steps of a rotation: the secret, the key, its delivery, and the mark on the user. A key is worth
//! nothing until it is delivered, so that one whose delivery fails is deleted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    actions::make,
    calls::{Act, Call, Expect, Recognise, Step, Test, Undo, Wait, WayBack, reference},
    inventory::{AccessKey, FamilyKind, Secret, tag},
    services::{
        Planned,
        access_key::{CreateAccessKey, DeleteAccessKey},
        form::Ref,
        secret::{CreateSecret, DeleteSecret, PutSecretValue, SecretOf, UpdateSecretVersionStage},
        tag::Tag,
        user::UserName,
        user_tag::{TagUser, UntagUser},
    },
};

/// The step that makes the key.
const CREATE: &str = "create";
/// Seconds within which IAM and Secrets Manager show a change.
const SHOWS_WITHIN: u64 = 300;

/// A rotation of one key.
pub struct Job<'a> {
    /// The region of calls to IAM.
    pub region: &'a str,
    /// The region of the secret.
    pub place: &'a str,
    /// The user.
    pub user: &'a UserName,
    /// The old key.
    pub key: &'a AccessKey,
    /// The name of the secret.
    pub name: &'a str,
    /// The secret, where it exists.
    pub secret: Option<&'a Secret>,
    /// The KMS key of a secret that is made.
    pub kms_key: Option<&'a str>,
}

impl Job<'_> {
    /// Returns the steps in their order.
    pub fn steps(&self) -> Vec<Step> {
        let first = self.secret.is_none().then(|| self.make_secret());
        first.into_iter().chain([self.make_key(), self.deliver(), self.mark()]).collect()
    }

    fn of_secret(&self, at: &str, test: Test) -> Expect {
        Expect::new(self.place, FamilyKind::Secrets, self.name, at, test)
    }

    fn is_key(&self, id: impl Into<Value>, at: &str, value: Value) -> Expect {
        make::is("", FamilyKind::AccessKeys, id, at, value)
    }

    /// Builds the step that makes the secret. An empty one is deleted when the rotation fails.
    fn make_secret(&self) -> Step {
        let tag = |key: &str, value: Value| Tag::<Planned> { key: key.to_owned(), value: Some(value.into()) };
        let call = Call::of(
            self.place,
            &CreateSecret::<Planned> {
                name: self.name.to_owned(),
                description: Some(format!("Access keys of IAM user {}, delivered by redress", self.user)),
                kms_key_id: self.kms_key.map(str::to_owned),
                client_request_token: Ref::To(reference::token()),
                tags: vec![tag(tag::KEYS_OF, json!(self.user)), tag(tag::RUN, reference::run())],
            },
        );
        let ours = self.of_secret(&format!("/tags/{}", tag::RUN), Test::Is(reference::run()));
        let why = "until the secret can be seen";
        let delete = DeleteSecret { secret_id: self.name.to_owned(), force_delete_without_recovery: true };
        let gone = self.of_secret("", Test::Gone);
        let empty =
            self.of_secret("/current", Test::Is(Value::Null)).meaning("the secret has content by now");
        let back = make::act(Call::of(self.place, &delete), vec![gone]).only_if(vec![empty]).or_leave();
        let kept = "the secret holds the key that was delivered";
        make::step(
            "secret",
            format!("make secret {}", self.name),
            make::act_until(call, vec![ours], SHOWS_WITHIN, why),
            make::back_or_keep(vec![back], kept, None),
        )
    }

    /// Builds the step that makes the key. Nothing marks a key, so that it is known as the one beside the old
    /// one, which was alone in the moment before the call.
    fn make_key(&self) -> Step {
        let call = Call::of(self.region, &CreateAccessKey { user_name: self.user.clone() });
        let made = reference::output(CREATE, CreateAccessKey::KEY);
        let wait = Wait {
            until: vec![self.is_key(made.clone(), "/status", json!(AccessKey::ACTIVE))],
            at_most: SHOWS_WITHIN,
            why: "until the new key can be seen".to_owned(),
        };
        let (filter, value) = (AccessKey::USER.to_owned(), self.user.to_string());
        let recognise = Recognise::Beside {
            region: String::new(),
            family: FamilyKind::AccessKeys,
            filter: filter.clone(),
            value: value.clone(),
            others: vec![self.key.id.clone()],
            output: CreateAccessKey::KEY.to_owned(),
            made_at: "/created/known".to_owned(),
        };
        let alone = Test::OnlyBy { filter, these: vec![self.key.id.clone()] };
        let act = Act::new(call, Some(wait), recognise).only_if(vec![
            self.is_key(self.key.id.as_str(), "/status", json!(AccessKey::ACTIVE))
                .meaning("the status of the old key is not what it was"),
            Expect::new("", FamilyKind::AccessKeys, value, "", alone)
                .meaning("the user has another key by now"),
        ]);
        let delete =
            DeleteAccessKey::<Planned> { user_name: self.user.clone(), access_key_id: made.clone().into() };
        let gone = Expect::new("", FamilyKind::AccessKeys, made, "", Test::Gone);
        let back = make::act_until(
            Call::of(self.region, &delete),
            vec![gone],
            SHOWS_WITHIN,
            "until the new key is gone",
        );
        make::step(
            CREATE,
            format!("make an access key for user {}", self.user),
            act,
            make::back(vec![back.only_if(vec![self.unused()])]),
        )
    }

    /// Expects that nobody has used the new key.
    fn unused(&self) -> Expect {
        let made = reference::output(CREATE, CreateAccessKey::KEY);
        self.is_key(made, "/last_used", json!("absent")).meaning("somebody uses the new key already")
    }

    /// Builds the step that delivers the key. The version gets the label of its key beside `AWSCURRENT`, so
    /// that it is kept when the next one comes.
    fn deliver(&self) -> Step {
        let key = reference::output(CREATE, CreateAccessKey::KEY);
        let call = Call::of(
            self.place,
            &PutSecretValue::<Planned> {
                secret_id: self.name.to_owned(),
                client_request_token: Ref::To(reference::token()),
                secret_string: SecretOf { access_key_id: key.clone().into() },
                version_stages: vec![Secret::CURRENT.into(), key.into()],
            },
        );
        let shown = self.of_secret("/current", Test::Is(reference::token()));
        let act = make::act_until(call, vec![shown], SHOWS_WITHIN, "until the secret shows the new version");
        let way_back = match self.secret.and_then(|secret| secret.current.as_ref()) {
            Some(former) => self.former_version(former),
            None => WayBack::Kept(
                "AWS does not take the label AWSCURRENT off the only version of a secret".to_owned(),
            ),
        };
        make::step("deliver", format!("deliver the new key to secret {}", self.name), act, way_back)
    }

    /// Builds the undo of the delivery: readers get the former version again.
    fn former_version(&self, former: &str) -> WayBack {
        let observed = "version";
        let call = Call::of(
            self.place,
            &UpdateSecretVersionStage::<Planned> {
                secret_id: self.name.to_owned(),
                version_stage: Secret::CURRENT.to_owned(),
                remove_from_version_id: Ref::To(reference::observed(observed)),
                move_to_version_id: former.to_owned(),
            },
        );
        let shown = self.of_secret("/current", Test::Is(json!(former)));
        let look = crate::calls::Observe {
            name: observed.to_owned(),
            region: self.place.to_owned(),
            family: FamilyKind::Secrets,
            id: json!(self.name),
            at: "/current".to_owned(),
            anew: true,
        };
        let back = make::act_until(call, vec![shown], SHOWS_WITHIN, "until the former version is shown")
            .only_if(vec![self.unused()])
            .observing([look]);
        WayBack::Calls { rollback: vec![back], undo: Undo::Same, kept_once: None, redo: false }
    }

    /// Builds the step that marks the user: the next run knows by it that the key was replaced, and by which.
    fn mark(&self) -> Step {
        let key = format!("{}{}", tag::KEY_REPLACED, self.key.id);
        let new = reference::output(CREATE, CreateAccessKey::KEY);
        let tag = TagUser::<Planned> {
            user_name: self.user.clone(),
            tags: vec![Tag { key: key.clone(), value: Some(new.clone().into()) }],
        };
        let untag = UntagUser { user_name: self.user.clone(), tag_keys: vec![key.clone()] };
        let at = format!("/tags/{key}");
        let is = |value: Value| make::is("", FamilyKind::Users, self.user.as_str(), &at, value);
        let act = make::act_until(
            Call::of(self.region, &tag),
            vec![is(new)],
            SHOWS_WITHIN,
            "until the mark can be seen",
        );
        let back = Act::new(
            Call::of(self.region, &untag),
            None,
            Recognise::Looks { expect: vec![is(Value::Null)], outputs: BTreeMap::new() },
        );
        make::step(
            "mark",
            format!("mark user {}: {} was replaced", self.user, self.key.id),
            act,
            make::back(vec![back]),
        )
    }
}
