//! What several tests share: an emulator of AWS (moto) on loopback, and accounts of one's own on it. It must
//! leave no process behind, however the tests end.
#![allow(dead_code, reason = "shared by programs of which each uses a part")]

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use redress::aws::{AwsAccount, over};
use std::{
    env,
    fs::{self, File},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// What is installed into the virtual environment; the version is pinned because the list of its differences
/// is.
const PACKAGES: &[&str] = &["moto[ec2,s3,iam,ssm,server]==5.2.5", "boto3"];

/// Runs moto, as near to AWS and as fast as it can be made.
const RUN_MOTO: &str = include_str!("moto_server.py");

/// The images of every account and region. Moto's own 500 each have a snapshot, which it lists as the
/// account's: that makes most of what a scan reads there, and nearly all of the time that it takes.
const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/moto_images.json");

/// A running moto.
pub struct Moto {
    child: Child,
    port: u16,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keys of one account on a moto. Different tests take different accounts and so do not see one another.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Account id.
    pub account: String,
    /// Access key id.
    pub id: String,
    /// Secret access key.
    pub secret: String,
    /// Session token.
    pub token: String,
}

impl Keys {
    /// The environment in which the AWS SDKs and the CLI use these keys, and nothing of the user's own.
    pub fn environment(&self, moto: &Moto) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", moto.url()),
            ("AWS_ACCESS_KEY_ID", self.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret.clone()),
            ("AWS_SESSION_TOKEN", self.token.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }
}

/// The SDK's configuration for an endpoint, with nothing of the user's own and short times.
pub fn sdk_config(endpoint: &str, keys: &Keys) -> SdkConfig {
    let credentials = Credentials::new(&keys.id, &keys.secret, Some(keys.token.clone()), None, "tests");
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(30))
        .build();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .build()
}

/// The moto that all tests of this binary share. Take an account of your own on it: [`Moto::account`].
pub fn moto() -> &'static Moto {
    static SHARED: OnceLock<Moto> = OnceLock::new();
    SHARED.get_or_init(Moto::start)
}

impl Moto {
    /// Starts a moto of one's own, for tests that reset it or break it.
    pub fn start() -> Moto {
        Self::start_with(&[("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")])
    }

    /// The same with settings of its own.
    pub fn start_with(settings: &[(&str, &str)]) -> Moto {
        Self::launch("", settings)
    }

    /// The same after a script of its own has changed it.
    pub fn start_changed(script: &str) -> Moto {
        Self::launch(script, &[("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")])
    }

    fn launch(before: &str, settings: &[(&str, &str)]) -> Moto {
        let script = format!("{before}\n{RUN_MOTO}");
        let python = python();
        for _ in 0..3 {
            let port = free_port();
            let child = Command::new(&python)
                .args(["-c", &script, &port.to_string()])
                .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
                .env("MOTO_AMIS_PATH", IMAGES)
                .envs(settings.iter().copied())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("python starts");
            let mut moto = Moto { child, port };
            if moto.answers_within(Duration::from_secs(90)) {
                return moto;
            }
        }
        panic!("moto does not answer; try: {} -c 'import moto.server'", python.display());
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Keys of an account that no other test has.
    pub fn account(&self) -> Keys {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        self.account_named(&format!("2000{:08}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// Keys of the account with this id: those of a role of it, since moto tells accounts apart by the keys.
    pub fn account_named(&self, account: &str) -> Keys {
        let body = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleSessionName=tests&RoleArn=arn%3Aaws%3Aiam%3A%3A{account}%3Arole%2Fadmin"
        );
        let credential = "Authorization: AWS4-HMAC-SHA256 \
                          Credential=testing/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, \
                          Signature=0";
        let reply = self.request("POST", "/", credential, &body).expect("moto answers AssumeRole");
        let part = |name: &str| {
            let (_, rest) =
                reply.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {reply}"));
            rest.split('<').next().unwrap_or_default().to_owned()
        };
        Keys {
            account: account.to_owned(),
            id: part("AccessKeyId"),
            secret: part("SecretAccessKey"),
            token: part("SessionToken"),
        }
    }

    /// The account of these keys over the SDK, in these regions.
    pub async fn connected(&self, keys: &Keys, regions: &[&str]) -> AwsAccount {
        let regions: Vec<String> = regions.iter().map(|r| (*r).to_owned()).collect();
        over(sdk_config(&self.url(), keys), &regions).await.expect("moto answers")
    }

    /// Runs a Python script (boto3 is there) with the keys in its environment, and gives what it prints.
    pub fn python(&self, keys: &Keys, script: &str) -> String {
        let output = Command::new(python())
            .args(["-c", script])
            .envs(keys.environment(self))
            .output()
            .expect("python starts");
        text_of(output)
    }

    /// Empties all accounts. Only on a moto of one's own.
    pub fn reset(&self) {
        self.request("POST", "/moto-api/reset", "X-Test: yes", "").expect("moto resets");
    }

    fn answers_within(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return false;
            }
            if self
                .request("GET", "/moto-api/data.json", "X-Test: yes", "")
                .is_ok_and(|reply| reply.contains(" 200 "))
            {
                return true;
            }
            thread::sleep(Duration::from_millis(100));
        }
        false
    }

    fn request(&self, method: &str, path: &str, header: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let length = body.len();
        let port = self.port;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: \
             close\r\n{header}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: \
             {length}\r\n\r\n{body}"
        )?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    }
}

/// A program that is about to start with a folder for its home, and with nothing of this machine's
/// environment: redress finds no credentials there, and keeps its runs in `state`. Nobody sits at its
/// standard input.
pub fn at_home(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", "/nowhere")
        .env("REDRESS_STATE_DIR", folder.join("state"));
    command.env("AWS_EC2_METADATA_DISABLED", "true").stdin(Stdio::null());
    command
}

fn text_of(output: Output) -> String {
    assert!(output.status.success(), "the script failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the script prints text")
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a free port").port()
}

/// The Python of a virtual environment with moto in it; made on first use, under a lock, outside of `target`.
pub fn python() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON
        .get_or_init(|| {
            let cache = || match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
                (Some(cache), _) => PathBuf::from(cache),
                (None, Some(home)) => PathBuf::from(home).join(".cache"),
                (None, None) => env::temp_dir(),
            };
            let venv =
                env::var_os("REDRESS_MOTO_VENV").map_or_else(|| cache().join("redress-moto"), PathBuf::from);
            install(&venv);
            venv.join("bin/python")
        })
        .clone()
}

fn install(venv: &Path) {
    let ready = |venv: &Path| {
        let python = venv.join("bin/python");
        python.exists() && run(Command::new(python).args(["-c", "import moto.server, boto3, flask_cors"]))
    };
    fs::create_dir_all(venv.parent().expect("the environment lies in a folder"))
        .expect("the cache folder can be made");
    let lock = File::create(venv.with_extension("lock")).expect("the lock can be made");
    lock.lock().expect("the lock can be taken");
    if ready(venv) {
        return;
    }
    let maker = ["python3", "python"]
        .into_iter()
        .find(|name| run(Command::new(name).arg("--version")))
        .expect("python3 is on the PATH: the tests need it for moto");
    assert!(run(Command::new(maker).args(["-m", "venv"]).arg(venv)), "python3 -m venv works");
    let pip = Command::new(venv.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet"])
        .args(PACKAGES)
        .output()
        .expect("pip starts");
    assert!(pip.status.success(), "pip installs moto: {}", String::from_utf8_lossy(&pip.stderr));
}

fn run(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
