//! The account over the SDK when the endpoint misbehaves: a small server that answers as it is told and
//! counts.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use redress::{
    account::Account,
    aws::{AwsAccount, ConnectError, over},
    calls::{Call, ErrorClass, Tried},
    inventory::{Fact, FamilyKind as K, Scope, Selector, Want},
};
use serde_json::json;

use crate::support::{Keys, sdk_config};

pub(crate) const US: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";

/// What the server does with a request: answer with a status and a body, or hang up without a word.
pub(crate) enum Reply {
    Say(u16, String),
    HangUp,
}

/// The server; `seen` are the operations or request lines that came, each with its body, and `heads` the whole
/// heads of the same requests.
pub(crate) struct Server {
    url: String,
    pub(crate) seen: Arc<Mutex<Vec<(String, String)>>>,
    /// The head of each of them.
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers with what `script` makes of the request and of how often the like came before.
    pub(crate) fn start(script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (script, shared, kept) = (Arc::new(script), Arc::clone(&seen), Arc::clone(&heads));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, seen, heads) = (Arc::clone(&script), Arc::clone(&shared), Arc::clone(&kept));
                thread::spawn(move || serve(stream, &*script, &seen, &heads));
            }
        });
        Server { url, seen, heads }
    }

    pub(crate) fn times(&self, what: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|(name, _)| name == what).count()
    }
}

fn serve(
    mut stream: TcpStream,
    script: &dyn Fn(&str, usize) -> Reply,
    seen: &Mutex<Vec<(String, String)>>,
    heads: &Mutex<Vec<String>>,
) {
    let mut reader = BufReader::new(stream.try_clone().expect("one connection, two ends"));
    while let Some((head, body)) = request(&mut reader) {
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
        let target = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("x-amz-target").then(|| value.rsplit('.').next())?
        });
        let line = || head.split(" HTTP").next().unwrap_or_default();
        let name = action.or(target.map(str::trim)).unwrap_or_else(line).to_owned();
        let before = {
            let mut seen = seen.lock().unwrap();
            let before = seen.iter().filter(|(s, _)| *s == name).count();
            seen.push((name.clone(), body.clone()));
            heads.lock().unwrap().push(head.clone());
            before
        };
        match script(&name, before) {
            Reply::HangUp => return,
            Reply::Say(status, text) => {
                let kind = if text.starts_with("<!doctype") { "text/html" } else { "text/xml" };
                let length = text.len();
                // An answer to HEAD has no body: what is said there is a header.
                let (header, text) = match head.starts_with("HEAD") {
                    true if text.is_empty() => (String::new(), ""),
                    true => (format!("{text}\r\n"), ""),
                    false => (String::new(), text.as_str()),
                };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} Told\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{header}\r\n{text}"
                );
            }
        }
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head
        .lines()
        .find_map(|l| l.to_lowercase().strip_prefix("content-length:").and_then(|n| n.trim().parse().ok()))
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8_lossy(&body).into_owned()))
}

/// The answers that connecting needs; everything else is as the test says.
pub(crate) fn script(rest: impl Fn(&str, usize) -> Reply) -> impl Fn(&str, usize) -> Reply {
    move |name, before| {
        match name {
        "GetCallerIdentity" => Reply::Say(
            200,
            format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/u</Arn><Account>{ACCOUNT}</Account>\
                 </GetCallerIdentityResult></GetCallerIdentityResponse>"
            ),
        ),
        "DescribeRegions" => Reply::Say(
            200,
            "<DescribeRegionsResponse><regionInfo><item><regionName>us-east-1</regionName><optInStatus>opt-in-not-required</optInStatus></item>\
             <item><regionName>af-south-1</regionName><optInStatus>not-opted-in</optInStatus></item></regionInfo></DescribeRegionsResponse>"
                .to_owned(),
        ),
        _ => rest(name, before),
    }
    }
}

fn keys() -> Keys {
    let text = |t: &str| t.to_owned();
    Keys { account: text(ACCOUNT), id: text("AKIATESTS"), secret: text("secret"), token: text("token") }
}

pub(crate) async fn connected(server: &Server) -> AwsAccount {
    over(sdk_config(&server.url, &keys()), &["all".to_owned()]).await.expect("the server answers")
}

pub(crate) fn ec2_error(status: u16, code: &str) -> Reply {
    Reply::Say(
        status,
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>told \
             so</Message></Error></Errors></Response>"
        ),
    )
}

async fn volumes(account: &AwsAccount) -> Fact<usize> {
    let inventory = account.read(&Scope::from([Want::all(US, K::Volumes)])).await;
    inventory.regions[US].volumes.select(&Selector::All).map(|all| all.len())
}

#[tokio::test]
async fn a_region_that_is_not_enabled_is_not_among_all() {
    let account = connected(&Server::start(script(|_, _| Reply::HangUp))).await;
    assert_eq!(account.regions(), [US]);
}

#[tokio::test]
async fn a_throttled_read_is_made_again_until_it_is_answered() {
    let server = Server::start(script(|_, before| match before {
        0..2 => ec2_error(503, "RequestLimitExceeded"),
        _ => Reply::Say(200, "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>".to_owned()),
    }));
    assert_eq!(volumes(&connected(&server).await).await, Fact::Known(0));
    assert_eq!(server.times("DescribeVolumes"), 3);
}

#[tokio::test]
async fn a_read_that_is_lost_for_good_is_unknown_and_one_that_is_denied_is_not_repeated() {
    let server = Server::start(script(|_, _| Reply::HangUp));
    let lost = volumes(&connected(&server).await).await;
    assert!(matches!(&lost, Fact::Unknown(why) if why.contains("ec2:DescribeVolumes")), "{lost:?}");
    let server = Server::start(script(|_, _| ec2_error(403, "UnauthorizedOperation")));
    let denied = volumes(&connected(&server).await).await;
    assert!(matches!(&denied, Fact::Unknown(why) if why.starts_with("UnauthorizedOperation")), "{denied:?}");
    assert_eq!(server.times("DescribeVolumes"), 1);
}

#[tokio::test]
async fn a_listing_whose_second_page_is_denied_is_unknown_and_not_its_first_page() {
    let page = "<DescribeVolumesResponse><volumeSet><item><volumeId>vol-1</volumeId></item></volumeSet><nextToken>more</nextToken></DescribeVolumesResponse>";
    let server = Server::start(script(move |_, before| match before {
        0 => Reply::Say(200, page.to_owned()),
        _ => ec2_error(403, "UnauthorizedOperation"),
    }));
    let half = volumes(&connected(&server).await).await;
    assert!(half.silence().is_some(), "{half:?}");
    let server = Server::start(script(move |_, _| Reply::Say(200, page.to_owned())));
    let endless = volumes(&connected(&server).await).await;
    assert!(matches!(&endless, Fact::Unknown(why) if why.contains("does not come to an end")), "{endless:?}");
}

#[tokio::test]
async fn a_key_that_may_not_be_described_is_unknown_and_the_others_are_read() {
    let described = json!({ "KeyMetadata": {
        "KeyId": "k", "KeyManager": "CUSTOMER", "KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyUsage": "ENCRYPT_DECRYPT", "Origin": "AWS_KMS",
    } });
    let server = Server::start(script(move |name, before| match (name, before) {
        ("ListKeys", 0) => Reply::Say(
            200,
            json!({ "Keys": [{ "KeyId": "key-1" }], "Truncated": true, "NextMarker": "more" }).to_string(),
        ),
        ("ListKeys", _) => {
            Reply::Say(200, json!({ "Keys": [{ "KeyId": "key-2" }], "Truncated": false }).to_string())
        }
        // Which of the two comes first is nobody's to say.
        ("DescribeKey", 0) => Reply::Say(
            400,
            json!({ "__type": "AccessDeniedException", "message": "the key policy says no" }).to_string(),
        ),
        ("DescribeKey", _) => Reply::Say(200, described.to_string()),
        _ => Reply::Say(
            200,
            json!({ "KeyRotationEnabled": true, "Tags": [{ "TagKey": "Team", "TagValue": "maps" }] })
                .to_string(),
        ),
    }));
    let inventory = connected(&server).await.read(&Scope::from([Want::all(US, K::CustomerKeys)])).await;
    let keys = &inventory.regions[US].customer_keys;
    let facts = ["key-1", "key-2"].map(|id| keys.get(id));
    let known: Vec<_> = facts.iter().filter_map(|fact| fact.known()).collect();
    assert_eq!(
        (known.len(), &known[0].rotation, &known[0].tags.known().unwrap()["Team"]),
        (1, &Fact::Known(true), &"maps".to_owned())
    );
    assert!(
        facts.iter().any(|fact| fact
            .silence()
            .is_some_and(|why| why.contains("AccessDenied") && why.contains("kms:DescribeKey"))),
        "{facts:?}"
    );
    assert!(keys.select(&Selector::All).known().is_some(), "the listing itself was read");
    let times = ["ListKeys", "DescribeKey", "GetKeyRotationStatus", "ListResourceTags"]
        .map(|name| server.times(name));
    assert_eq!(times, [2, 2, 1, 1], "two pages, two descriptions, and of one key its rotation and its tags");
}

#[tokio::test]
async fn a_change_is_sent_once_whatever_becomes_of_it() {
    let snapshot = Call::new("ec2", US, "CreateSnapshot", json!({ "VolumeId": "vol-1" }));
    type Case = (fn() -> Reply, ErrorClass, &'static str);
    let cases: [Case; 5] = [
        (|| Reply::HangUp, ErrorClass::Transient, "Connection"),
        (|| ec2_error(500, "InternalError"), ErrorClass::Transient, "InternalError"),
        (|| ec2_error(503, "RequestLimitExceeded"), ErrorClass::Throttled, "RequestLimitExceeded"),
        (
            || Reply::Say(500, "<!doctype html><title>500</title>".to_owned()),
            ErrorClass::Unsupported,
            "Unsupported",
        ),
        (|| Reply::Say(200, "<CreateSnapshotResponse/>".to_owned()), ErrorClass::Transient, "Incomplete"),
    ];
    for (reply, class, code) in cases {
        let server = Server::start(script(move |_, _| reply()));
        let error = connected(&server).await.call(&snapshot).await.expect_err("no snapshot was told of");
        assert_eq!((error.class, error.code.as_str()), (class, code), "{error}");
        assert_eq!(server.times("CreateSnapshot"), 1, "{error}");
    }
}

#[tokio::test]
async fn a_revocation_that_did_nothing_is_not_a_success() {
    let server = Server::start(script(|_, _| {
        let unknown =
            "<unknownIpPermissionSet><item><ipProtocol>tcp</ipProtocol></item></unknownIpPermissionSet>";
        Reply::Say(
            200,
            format!(
                "<RevokeSecurityGroupIngressResponse><return>true</return>{unknown}</RevokeSecurityGroupIngressResponse>"
            ),
        )
    }));
    let revoke = Call::new(
        "ec2",
        US,
        "RevokeSecurityGroupIngress",
        json!({ "GroupId": "sg-1", "SecurityGroupRuleIds": ["sgr-1"] }),
    );
    let error = connected(&server).await.call(&revoke).await.expect_err("nothing was revoked");
    assert_eq!(error.class, ErrorClass::Semantic, "{error}");
}

#[tokio::test]
async fn expired_credentials_are_named_and_nothing_of_them_is_shown() {
    let body = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>the token SECRETTOKEN is \
                expired</Message></Error></ErrorResponse>";
    let server = Server::start(move |_, _| Reply::Say(403, body.to_owned()));
    let error = over(sdk_config(&server.url, &keys()), &[]).await.expect_err("expired");
    assert!(matches!(error, ConnectError::BadCredentials(_)), "{error:?}");
    assert!(
        error.to_string().contains("Log in again") && !error.to_string().contains("SECRETTOKEN"),
        "{error}"
    );
    assert_eq!(server.times("GetCallerIdentity"), 1);
}

/// A bucket that answers "forbidden" is somebody else's only if the list of our own buckets was read and
/// lacks it.
#[tokio::test]
async fn a_forbidden_bucket_is_somebody_elses_only_if_our_own_list_lacks_it() {
    let list = |inner: &str| {
        Reply::Say(
            200,
            format!("<ListAllMyBucketsResult><Buckets>{inner}</Buckets></ListAllMyBucketsResult>"),
        )
    };
    let denied =
        || Reply::Say(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_owned());
    let bucket = async |server: Server| {
        let inventory =
            connected(&server).await.read(&Scope::from([Want::id("", K::Buckets, "the-bucket")])).await;
        inventory.buckets.get("the-bucket").map(|b| b.owned)
    };
    let heads = |name: &str| {
        name.starts_with("HEAD").then(|| Reply::Say(403, "x-amz-bucket-region: us-east-1".to_owned()))
    };
    let strangers = Server::start(script(move |name, _| {
        heads(name).unwrap_or_else(|| list("<Bucket><Name>other</Name></Bucket>"))
    }));
    assert_eq!(bucket(strangers).await, Fact::Known(false));
    // A policy on the way forbids to look for a bucket that does not exist: S3 names no region then.
    let nobodys = Server::start(script(move |name, _| match name.starts_with("HEAD") {
        true => Reply::Say(403, String::new()),
        false => list("<Bucket><Name>other</Name></Bucket>"),
    }));
    let told = bucket(nobodys).await;
    assert!(matches!(&told, Fact::Unknown(why) if why.contains("does not show")), "{told:?}");
    let ours = Server::start(script(move |name, _| {
        heads(name).unwrap_or_else(|| list("<Bucket><Name>the-bucket</Name></Bucket>"))
    }));
    assert!(matches!(bucket(ours).await, Fact::Unknown(_)));
    let nobody_says = Server::start(script(move |name, _| heads(name).unwrap_or_else(denied)));
    assert!(matches!(bucket(nobody_says).await, Fact::Unknown(_)));
}

#[tokio::test]
async fn an_endpoint_that_takes_the_connection_and_says_nothing_is_given_up() {
    let server = Server::start(|_, _| {
        thread::sleep(Duration::from_secs(60));
        Reply::HangUp
    });
    let timeouts = aws_config::timeout::TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(300))
        .build();
    let config = sdk_config(&server.url, &keys()).to_builder().timeout_config(timeouts).build();
    let start = Instant::now();
    let error = over(config, &[]).await.expect_err("it says nothing");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(matches!(error, ConnectError::NoAnswer { .. }), "{error:?}");
}

/// Asks whether a volume may be attached, of an endpoint that answers so; what it was asked, and the answer.
async fn tried(answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> (Tried, usize) {
    let server = Server::start(script(answer));
    let account = connected(&server).await;
    let attach = Call::new(
        "ec2",
        US,
        "AttachVolume",
        json!({ "VolumeId": "vol-0a", "InstanceId": "i-0b", "Device": "/dev/sdf" }),
    );
    let first = account.try_call(&attach).await;
    (first, server.times("AttachVolume"))
}

#[tokio::test]
async fn a_call_is_tried_only_where_the_endpoint_is_known_to_make_nothing_of_it() {
    // As AWS: it says that it would have.
    assert_eq!(tried(|_, _| ec2_error(412, "DryRunOperation")).await, (Tried::Allowed, 2));
    // Denied for things that are nowhere, and for the one that is there.
    let (denied, times) = tried(|_, _| ec2_error(403, "UnauthorizedOperation")).await;
    assert!(
        matches!(&denied, Tried::Denied(why) if why.contains("UnauthorizedOperation")) && times == 2,
        "{denied:?}"
    );
    let (denied, _) = tried(|_, before| {
        ec2_error(
            412 - 9 * u16::from(before > 0),
            if before > 0 { "UnauthorizedOperation" } else { "DryRunOperation" },
        )
    })
    .await;
    assert!(matches!(denied, Tried::Denied(_)), "{denied:?}");
    // An emulator that makes the call all the same: it is asked about what is nowhere, and never about the
    // real thing.
    let (unknown, times) = tried(|_, _| ec2_error(400, "InvalidInstanceID.NotFound")).await;
    assert!(matches!(&unknown, Tried::CannotTell(_)) && times == 1, "{unknown:?}, {times}");
    let (unknown, times) = tried(|_, _| {
        Reply::Say(200, "<AttachVolumeResponse><volumeId>vol-0</volumeId></AttachVolumeResponse>".to_owned())
    })
    .await;
    assert!(matches!(&unknown, Tried::CannotTell(_)) && times == 1, "{unknown:?}, {times}");
    // Anything else leaves it open.
    let (unknown, _) =
        tried(|_, before| ec2_error(412, if before > 0 { "VolumeInUse" } else { "DryRunOperation" })).await;
    assert!(matches!(&unknown, Tried::CannotTell(why) if why.contains("VolumeInUse")), "{unknown:?}");
}

#[tokio::test]
async fn every_request_of_a_trial_says_that_it_is_one() {
    let server = Server::start(script(|_, _| ec2_error(412, "DryRunOperation")));
    let account = connected(&server).await;
    let calls = [
        ("StopInstances", json!({ "InstanceIds": ["i-0b"] })),
        ("StartInstances", json!({ "InstanceIds": ["i-0b"] })),
        ("DetachVolume", json!({ "VolumeId": "vol-0a", "InstanceId": "i-0b", "Device": "/dev/sdf" })),
        ("CreateTags", json!({ "Resources": ["vol-0a"], "Tags": [{ "Key": "a", "Value": "b" }] })),
        ("DeleteSnapshot", json!({ "SnapshotId": "snap-0c" })),
    ];
    for (operation, input) in calls {
        assert_eq!(
            account.try_call(&Call::new("ec2", US, operation, input)).await,
            Tried::Allowed,
            "{operation}"
        );
    }
    let seen = server.seen.lock().unwrap();
    let mut tried =
        seen.iter().filter(|(name, _)| !name.starts_with("Describe") && !name.starts_with("Get")).peekable();
    assert!(tried.peek().is_some() && tried.all(|(_, body)| body.ends_with("&DryRun=true")), "{seen:?}");
}
