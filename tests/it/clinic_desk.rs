//! A person with credentials at a desk of their own: the built program against an emulated account, and what
//! boto3 sees there. It must not know what the program ought to do.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    proxy::{At, Fault, Proxy},
    support::{self, Keys, Moto, moto, python},
};

/// How the program ended; `None` is a death by signal.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|e| panic!("not JSON: {e}\n{}\n{}", self.out, self.err))
    }
}

/// A folder with a state directory in it, keys of an account of its own, and an endpoint.
pub struct Desk {
    pub keys: Keys,
    pub moto: &'static Moto,
    pub endpoint: String,
    pub folder: TempDir,
    count: std::cell::Cell<usize>,
}

impl Desk {
    /// A desk with this account of this emulator.
    pub fn with(moto: &'static Moto, keys: Keys) -> Desk {
        Desk {
            keys,
            moto,
            endpoint: moto.url(),
            folder: tempfile::tempdir().unwrap(),
            count: std::cell::Cell::new(0),
        }
    }

    /// A desk with an account that nobody else has, in which a script has made things; and what that printed.
    pub fn seeded(script: &str) -> (Desk, Value) {
        let desk = Desk::with(moto(), moto().account());
        let printed = moto().python(&desk.keys, script);
        (desk, serde_json::from_str(&printed).expect("the seed prints JSON"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What boto3 sees, past the program and past any proxy.
    pub fn look(&self, words: &[&str]) -> Value {
        let mut command = Command::new(python());
        command
            .args(["-c", include_str!("clinic_look.py")])
            .args(words)
            .envs(self.keys.environment(self.moto));
        let output = command.output().expect("python starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("the look prints JSON")
    }

    /// What a Python script prints (boto3 is there) that is given these words.
    pub fn python(&self, script: &str, words: &str) -> String {
        let mut command = Command::new(python());
        let output = command
            .args(["-c", script])
            .args(words.split_whitespace())
            .envs(self.keys.environment(self.moto))
            .output()
            .expect("python starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("the script prints text")
    }

    /// The program with these words, about to start: the environment has the credentials and nothing else.
    pub fn command(&self, line: &str) -> Command {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), self.folder.path());
        command
            .args(line.split_whitespace())
            .envs(self.keys.environment(self.moto))
            .env("AWS_ENDPOINT_URL", &self.endpoint);
        // The emulator shows at once what was made.
        command.env("REDRESS_LAG_SECONDS", "0");
        command
    }

    /// Starts the program; its streams go to files, so that nobody waits for anybody.
    pub fn start(&self, line: &str) -> Started {
        self.start_command(self.command(line))
    }

    /// Starts the program, which is killed around one of its calls.
    pub fn killed(&self, proxy: &Proxy, line: &str, fault: (At, Fault)) {
        proxy.go_wrong(Some(fault));
        let mut started = self.start(line);
        let ended = proxy.watch(started.child.take().unwrap());
        assert!(ended.is_none(), "{line}, {fault:?}: it ended by itself: {ended:?}");
        proxy.go_wrong(None);
    }

    pub fn start_command(&self, mut command: Command) -> Started {
        let n = self.count.get() + 1;
        self.count.set(n);
        let (out, err) = (self.path(&format!("{n}.out")), self.path(&format!("{n}.err")));
        let child = command
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .expect("redress starts");
        Started { child: Some(child), out, err }
    }

    /// Runs the program to its end.
    pub fn run(&self, line: &str) -> Said {
        self.start(line).end()
    }

    /// The same, and it must end with this code.
    pub fn ends(&self, code: i32, line: &str) -> Said {
        let said = self.run(line);
        assert_eq!(said.code, Some(code), "redress {line}\n{}\n{}", said.out, said.err);
        said
    }
}

/// The program at work.
pub struct Started {
    pub child: Option<Child>,
    pub out: PathBuf,
    pub err: PathBuf,
}

impl Started {
    /// Waits for its end, for as long as is decent.
    pub fn end(mut self) -> Said {
        let mut child = self.child.take().expect("the child has not been given away");
        wait(&mut child)
            .map(|code| Said { code, out: text(&self.out), err: text(&self.err) })
            .unwrap_or_else(|| panic!("redress does not end:\n{}", text(&self.err)))
    }

    /// What was said on stderr so far.
    pub fn err_so_far(&self) -> String {
        text(&self.err)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn wait(child: &mut Child) -> Option<Option<i32>> {
    let end = Instant::now() + Duration::from_secs(240);
    while Instant::now() < end {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            return Some(status.code());
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// The text of a file that may not be there yet.
pub fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
