//! A small STS server grants every role and records who signed each request. The tests of credentials learn
//! from it which credentials and which region won.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use serde_json::json;

/// Who signed GetCallerIdentity, for each path: the key's id, whether a token went along, and the region.
type Signed = HashMap<String, (String, bool, String)>;

/// A server that grants every role and refuses to say who is calling, or says that it is somebody of
/// [`ACCOUNT`].
pub(crate) struct Sts {
    pub(crate) url: String,
    pub(crate) signed: Arc<Mutex<Signed>>,
    /// Everything that was asked: path, operation.
    pub(crate) asked: Arc<Mutex<Vec<(String, String)>>>,
}

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sts {
    pub(crate) fn start(tells: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (signed, asked) = (Arc::default(), Arc::default());
        let shared = (Arc::clone(&signed), Arc::clone(&asked));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || {
                    let _ = answer(client, &shared.0, &shared.1, tells);
                });
            }
        });
        Self { url, signed, asked }
    }
}

fn answer(
    mut client: TcpStream,
    signed: &Mutex<Signed>,
    asked: &Mutex<Vec<(String, String)>>,
    tells: bool,
) -> std::io::Result<()> {
    let (head, body) = request(&mut client)?;
    let path = head.split_whitespace().nth(1).unwrap_or_default().trim_end_matches('/').to_owned();
    let header = |name: &str| {
        head.lines().find_map(|l| {
            l.split_once(": ")
                .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
        })
    };
    let scope = header("authorization").unwrap_or_default();
    let scope: Vec<&str> =
        scope.split_once("Credential=").map_or("", |(_, rest)| rest).split(['/', ',']).collect();
    let (by, region) = (
        scope.first().copied().unwrap_or_default().to_owned(),
        scope.get(2).copied().unwrap_or_default().to_owned(),
    );
    let field = |name: &str| {
        body.split('&').find_map(|f| f.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default().to_owned()
    };
    let role = field("RoleArn").rsplit("%2F").next().unwrap_or_default().to_owned();
    hold(asked).push((path.clone(), field("Action")));
    let granted = |action: &str, id: &str| {
        format!(
            "<{action}Response \
             xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>arn:aws:sts::{ACCOUNT}:assumed-role/x/x</Arn></AssumedRoleUser></{action}Result></{action}Response>"
        )
    };
    let (status, text) = match field("Action").as_str() {
        "AssumeRole" => ("200 OK", granted("AssumeRole", &format!("{role}.by.{by}"))),
        "AssumeRoleWithWebIdentity" => {
            ("200 OK", granted("AssumeRoleWithWebIdentity", &format!("{role}.by.token")))
        }
        "GetCallerIdentity" => {
            hold(signed).insert(path, (by, header("x-amz-security-token").is_some(), region));
            let who = format!(
                "<Arn>arn:aws:iam::{ACCOUNT}:user/x</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>"
            );
            let who = format!(
                "<GetCallerIdentityResponse \
                 xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>{who}</GetCallerIdentityResult></GetCallerIdentityResponse>"
            );
            if tells {
                ("200 OK", who)
            } else {
                ("403 Forbidden", "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>".to_owned())
            }
        }
        _ if path.starts_with("/container") => {
            let keys = json!({"AccessKeyId": "CONTAINER", "SecretAccessKey": "secret", "Token": "token",
                "Expiration": "2099-01-01T00:00:00Z"});
            ("200 OK", keys.to_string())
        }
        _ => ("404 Not Found", String::new()),
    };
    let kind = if text.starts_with('{') { "application/json" } else { "text/xml" };
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

fn request(client: &mut TcpStream) -> std::io::Result<(String, String)> {
    let mut raw = Vec::new();
    let mut part = [0; 4096];
    loop {
        let n = client.read(&mut part)?;
        raw.extend_from_slice(&part[..n]);
        let text = String::from_utf8_lossy(&raw).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if n == 0 {
                return Ok((text, String::new()));
            }
            continue;
        };
        let length = head.lines().find_map(|l| {
            l.to_ascii_lowercase()
                .strip_prefix("content-length: ")
                .and_then(|n| n.trim().parse::<usize>().ok())
        });
        if n == 0 || body.len() >= length.unwrap_or(0) {
            return Ok((head.to_owned(), body.to_owned()));
        }
    }
}
