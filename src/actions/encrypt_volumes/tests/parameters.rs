//! These tests check the parameters of the action: the key that is asked for, names and values that do not
//! exist, and the defaults.

use super::*;

#[test]
fn the_key_is_the_one_asked_for_else_the_default_and_must_be_usable() {
    let mut it = account();
    it.region_mut(R).ebs_defaults.get_mut("account").unwrap().kms_key_id = Fact::Known("alias/own".into());
    let own = Key {
        id: "alias/own".into(),
        arn: "arn:aws:kms:us-east-1:123456789012:key/2".into(),
        key_state: "Enabled".into(),
        key_spec: "SYMMETRIC_DEFAULT".into(),
        key_usage: "ENCRYPT_DECRYPT".into(),
        key_manager: "CUSTOMER".into(),
    };
    it.region_mut(R).keys.put("alias/own", own.clone());
    let key_of = |it: &Inventory, with: Value| {
        on_instance(it, with).map(|p| sound::named(&p.steps, "copy-1").act.call.input["KmsKeyId"].clone())
    };
    assert_eq!(key_of(&it, Value::Null), Ok(json!(own.arn)));
    assert_eq!(key_of(&it, json!({ "key": "alias/aws/ebs" })), Ok(json!(KEY)));
    for bad in [
        Key { key_state: "PendingDeletion".into(), ..own.clone() },
        Key { key_spec: "RSA_2048".into(), ..own.clone() },
        Key { key_usage: "SIGN_VERIFY".into(), ..own.clone() },
        Key { arn: "arn:aws:kms:eu-west-1:123456789012:key/2".into(), ..own.clone() },
    ] {
        it.region_mut(R).keys.put("alias/own", bad.clone());
        assert!(
            matches!(key_of(&it, Value::Null), Err(Refusal::Refused(why)) if why.contains("alias/own")),
            "{bad:?}"
        );
    }
}

#[test]
fn parameters_that_do_not_exist_are_errors() {
    let decode = |text: &'static str| EncryptVolumes.decode(toml::de::Deserializer::parse(text).unwrap());
    assert_eq!(decode("via = 'direct'").unwrap()["keep_days"], 30);
    assert!(decode("via = 'magic'").is_err());
    assert!(decode("keepdays = 3").is_err());
}

#[test]
fn a_plan_of_the_released_format_means_the_defaults_of_what_is_newer() {
    let decode = |text: &str| EncryptVolumes.decode(toml::de::Deserializer::parse(text).unwrap()).unwrap();
    let of_released = [
        "via",
        "key",
        "keep_days",
        "allow_address_change",
        "pre_snapshot",
        "snapshot_timeout",
        "health_timeout",
    ];
    let keys: Vec<String> = decode("").as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys, of_released,
        "its parameters are compared with those of today's playbooks: what is not given must not stand there"
    );
    // AWS has the default of the rate, in words.
    for Parameter { name, default, .. } in PARAMETERS.iter().filter(|p| p.name != "initialization_rate") {
        assert_eq!(decode(&format!("{name} = {default}")), decode(""), "{name}");
    }
}
