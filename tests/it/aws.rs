//! The account over the SDK, against moto.

use crate::support::moto;

#[test]
fn every_test_has_an_account_of_its_own_on_the_emulator() {
    let (one, other) = (moto().account(), moto().account());
    let script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])";
    assert_eq!(moto().python(&one, script).trim(), one.account);
    assert_eq!(moto().python(&other, script).trim(), other.account);
    assert_ne!(one.account, other.account);
}
