//! `--scoped`: a session that is narrowed to a plan. A server plays STS; what is asked for afterwards is signed
//! by the narrowed credentials.

use redress::{
    account::Account,
    calls::ErrorClass,
    inventory::{FamilyKind as K, Want},
};

use crate::{
    aws_faults::{Reply, Server, US, connected, script},
    support,
};

const NARROWED: &str = "<GetScopedCredentialsResponse><GetScopedCredentialsResult><Credentials>\
    <AccessKeyId>ASIANARROWED</AccessKeyId><SecretAccessKey>secret/+=</SecretAccessKey>\
    <SessionToken>token//</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
    </GetScopedCredentialsResult></GetScopedCredentialsResponse>";

fn sts_error(code: &str) -> Reply {
    Reply::Say(
        400,
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"),
    )
}

fn empty() -> Reply {
    Reply::Say(200, "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>".to_owned())
}

#[tokio::test]
async fn what_is_asked_for_after_narrowing_is_signed_by_the_narrowed_session() {
    let server = Server::start(script(|name, before| match (name, before) {
        ("GetScopedCredentials", 0) => sts_error("PackedPolicyTooLarge"),
        ("GetScopedCredentials", _) => Reply::Say(200, NARROWED.to_owned()),
        _ => empty(),
    }));
    let account = connected(&server).await;
    let policies = ["{\"exact\":1}".to_owned(), "{\"wide\":2}".to_owned()];
    let narrowed = account.narrowed(&policies, "redress run r1").await.expect("it is narrowed");
    assert_eq!(narrowed.by, 1, "the first policy is too large when it is packed");
    narrowed.account.read(&[Want::all(US, K::Volumes)].into()).await;
    account.read(&[Want::all(US, K::Volumes)].into()).await;
    let seen = server.seen.lock().unwrap().clone();
    let key = |head: &String| {
        head.split("Credential=").nth(1).and_then(|rest| rest.split('/').next()).map(str::to_owned)
    };
    let keys: Vec<String> =
        server.heads.lock().unwrap().iter().map(|head| key(head).unwrap_or_default()).collect();
    let of = |name: &str| {
        let all = seen.iter().zip(&keys).filter(|((seen, _), _)| seen == name);
        all.map(|((_, body), key)| (body.clone(), key.clone())).collect::<Vec<_>>()
    };
    let asked = of("GetScopedCredentials");
    assert!(asked[1].0.contains("%22wide%22") && asked[1].0.contains("redress+run+r1"), "{asked:?}");
    let read: Vec<String> = of("DescribeVolumes").into_iter().map(|(_, key)| key).collect();
    assert_eq!(read, ["ASIANARROWED", "AKIATESTS"]);
}

#[tokio::test]
async fn an_endpoint_without_the_operation_narrows_nothing() {
    for reply in [
        || sts_error("InvalidAction"),
        || Reply::Say(200, "<GetCallerIdentityResponse/>".to_owned()),
        || Reply::Say(200, NARROWED.replace("SessionToken", "Other")),
    ] {
        let server = Server::start(script(move |_, _| reply()));
        let account = connected(&server).await;
        let error = account.narrowed(&["{}".to_owned()], "redress run r1").await.err().expect("no session");
        assert!(error.to_string().contains("sts:GetScopedCredentials"), "{error}");
    }
    let server = Server::start(script(|_, _| empty()));
    let error = connected(&server).await.narrowed(&[], "r").await.err().expect("no policy");
    assert_ne!(error.class, ErrorClass::Transient);
}

#[test]
fn where_the_session_cannot_be_narrowed_nothing_is_done_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let redress = |line: &str| {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), folder.path());
        let output = command.args(line.split_whitespace()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, _, said) = redress("apply --account twin:demo --region all --auto-approve --scoped");
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("not narrowed") && said.contains("nothing was changed"), "{said}");
    assert!(redress("runs").1.starts_with("There are no runs yet."));
}
