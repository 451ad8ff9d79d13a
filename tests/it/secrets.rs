//! A run is made with credentials that can be recognised, at every level of talk, and nothing that it leaves
//! behind or says may hold them: no stream, no file of the state directory, no plan.

use std::{fs, path::Path, process::Stdio};

use serde_json::Value;

use crate::{
    clinic_desk::Desk,
    proxy::{At, Fault, Proxy},
    support::{Keys, moto},
};

/// Long and strange enough not to stand anywhere by chance. The access key id is an identifier rather than a
/// secret, but nothing has a use for it either.
fn keys(account: &str) -> Keys {
    Keys {
        account: account.to_owned(),
        id: format!("AKIARECOGNISABLE{}", &account[8..]),
        secret: "ThisSecretMustNeverBeSeenAnywhere/0123+456789".to_owned(),
        token: "ThisSessionTokenMustNeverBeSeenAnywhere//////////AbCdEfGhIjKl==".to_owned(),
    }
}

/// What must not be found: the credentials, whole and in their telling parts, as they are and
/// percent-encoded, and the headers in which a request carries what is made of them.
fn forbidden(keys: &Keys) -> Vec<String> {
    let parts = [
        "ThisSecretMustNeverBeSeen",
        "ThisSessionTokenMustNeverBeSeen",
        "AWS4-HMAC-SHA256",
        "Signature=",
        "X-Amz-Security-Token",
        "SignedHeaders",
    ];
    [&keys.id, &keys.secret, &keys.token]
        .into_iter()
        .map(String::as_str)
        .chain(parts)
        .map(str::to_lowercase)
        .collect()
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((
                path.display().to_string(),
                String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
            ));
        }
    }
}

/// Looks for what must not be there in all files of the desk: the state directory, plans, and the streams,
/// which are kept in files too.
fn nothing_is_told(desk: &Desk, least: usize) {
    let mut found = Vec::new();
    files(desk.folder.path(), &mut found);
    assert!(found.len() >= least, "there is something to search: {} files", found.len());
    assert!(
        found.iter().any(|(name, text)| name.ends_with("journal.jsonl") && text.contains("run-started")),
        "the journal is among them"
    );
    for (name, text) in &found {
        let lower = text.to_lowercase();
        for word in forbidden(&desk.keys) {
            assert!(!lower.contains(&word), "{name} tells {word:?}");
        }
        // `Authorization` by itself is a word of English; as a header it has a colon or a quote behind it.
        assert!(
            !lower.contains("authorization:") && !lower.contains("\"authorization\""),
            "{name} has the header Authorization"
        );
    }
}

/// Something to mend: a group that is open, in a VPC without flow logs, and a volume.
const SEED: &str = "
import boto3, uuid
ec2 = boto3.client('ec2')
g = ec2.create_security_group(GroupName=str(uuid.uuid4()), Description='d', VpcId=ec2.describe_vpcs()['Vpcs'][0]['VpcId'])['GroupId']
ec2.authorize_security_group_ingress(GroupId=g, IpPermissions=[{'IpProtocol': 'tcp', 'FromPort': 22, 'ToPort': 22, 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}])
ec2.create_volume(AvailabilityZone='us-east-1a', Size=1)
";

fn whole_run(level: &str, env: &[(&str, &str)]) {
    // The emulator takes keys that it has not given out itself for those of one account, in which all levels
    // work.
    let mut desk = Desk::with(moto(), keys("200099990000"));
    moto().python(&desk.keys, SEED);
    let proxy = Proxy::before(&moto().url());
    // Things that go wrong are talked about.
    proxy.go_wrong(Some((At::Change(2), Fault::Busy)));
    desk.endpoint.clone_from(&proxy.url);
    let run = |line: &str| {
        let mut command = desk.command(&format!("{line} {level}"));
        command.envs(env.iter().copied());
        desk.start_command(command).end()
    };
    let planned = run("plan --allow-cidr 203.0.113.0/24 -o plan.json");
    assert!(matches!(planned.code, Some(0 | 4)), "{}", planned.err);
    let applied =
        run("apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --max-risk disruptive --format json");
    assert!(matches!(applied.code, Some(0 | 4)), "{}", applied.err);
    assert!(
        applied.json()["changes"].as_array().unwrap().iter().any(|c: &Value| c["outcome"] == "verified"),
        "{}",
        applied.out
    );
    run("show last");
    run("verify last");
    let undone = run("undo last --auto-approve --max-risk disruptive --format markdown");
    assert_eq!(undone.code, Some(0), "{}", undone.err);
    nothing_is_told(&desk, 12);
}

#[test]
fn no_credential_is_told_at_any_level_of_talk() {
    for (level, env) in [
        ("", &[][..]),
        ("-v", &[]),
        ("-vv", &[]),
        (
            "-vvv",
            &[
                ("RUST_LOG", "trace"),
                ("RUST_BACKTRACE", "full"),
                ("AWS_LOG_LEVEL", "trace"),
                ("SMITHY_LOG", "trace"),
            ],
        ),
        ("", &[("RUST_LOG", "trace")]),
    ] {
        whole_run(level, env);
    }
}

#[test]
fn no_credential_is_told_when_aws_refuses_or_does_not_answer() {
    let keys = keys("200099990001");
    // Nobody answers there; and there somebody answers with the request itself, as debugging endpoints do.
    for endpoint in ["http://127.0.0.1:9", &echo()] {
        let mut desk = Desk::with(moto(), keys.clone());
        endpoint.clone_into(&mut desk.endpoint);
        for level in ["", "-vvv"] {
            let mut command = desk.command(&format!("scan {level}"));
            command.env("RUST_LOG", "trace").stdout(Stdio::null());
            let said = desk.start_command(command).end();
            assert_ne!(said.code, Some(0));
            let lower = format!("{}{}", said.out, said.err).to_lowercase();
            assert!(lower.contains("error"), "{lower}");
            // The name of the header may be told; what stands in it may not.
            for word in forbidden(&keys).iter().filter(|word| *word != "x-amz-security-token") {
                assert!(!lower.contains(word), "{endpoint} {level}: it tells {word:?}:\n{}", said.err);
            }
        }
    }
}

/// A server that sends back what it hears, as the message of an error.
fn echo() -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut buffer = vec![0; 1 << 16];
            let n = stream.read(&mut buffer).unwrap_or(0);
            let heard = String::from_utf8_lossy(&buffer[..n]).replace('&', "&amp;").replace('<', "&lt;");
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidRequest</Code><Message>you said: \
                 {heard}</Message></Error></ErrorResponse>"
            );
            let _ = write!(
                stream,
                "HTTP/1.1 400 Bad Request\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: \
                 close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    url
}

#[test]
fn the_search_finds_a_credential_where_there_is_one() {
    let desk = Desk::with(moto(), keys("200099990002"));
    fs::write(desk.path("journal.jsonl"), "run-started").unwrap();
    nothing_is_told(&desk, 1);
    for leak in forbidden(&desk.keys) {
        assert!(leak.len() > 9, "{leak} may stand somewhere by chance");
        fs::write(desk.path("leak.txt"), format!("a line\nand {leak} in it\n")).unwrap();
        assert!(
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| nothing_is_told(&desk, 1))).is_err(),
            "{leak} is not found"
        );
    }
}
