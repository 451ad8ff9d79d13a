//! Endpoints that the environment and the profile name: a password in one is refused before anything is sent
//! and never shown, plain http to another machine is warned of, and another partition is named.

use std::{
    fs,
    io::Read,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{hostile::sealed, support};

/// A listener that counts who comes.
fn listener() -> (u16, Arc<AtomicUsize>) {
    let (listener, count) = (TcpListener::bind(("127.0.0.1", 0)).unwrap(), Arc::new(AtomicUsize::new(0)));
    let (port, counted) = (listener.local_addr().unwrap().port(), Arc::clone(&count));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 64]);
        }
    });
    (port, count)
}

fn redress(folder: &TempDir, line: &str, env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), folder.path());
    command
        .args(line.split(' '))
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
    let output = command.envs(env.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_password_in_an_endpoint_is_refused_before_anything_is_sent_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (port, came) = listener();
    let url = format!("http://user:passw0rdX@127.0.0.1:{port}");
    let bare = format!("http://127.0.0.1:{port}");
    let profile = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let whole = profile("whole", format!("[default]\nregion = us-east-1\nendpoint_url = {url}\n"));
    let services = profile(
        "services",
        format!(
            "[default]\nregion = us-east-1\nservices = mine\n[services mine]\nec2 =\n  endpoint_url = {url}\n"
        ),
    );
    let cases: [&[(&str, &str)]; 7] = [
        &[("AWS_ENDPOINT_URL", &url)],
        &[("AWS_ENDPOINT_URL", &bare), ("AWS_ENDPOINT_URL_EC2", &url)],
        &[("AWS_ENDPOINT_URL_STS", &url)],
        &[("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &url)],
        &[("AWS_ENDPOINT_URL_S3", &url)],
        &[("AWS_CONFIG_FILE", &whole)],
        &[("AWS_CONFIG_FILE", &services)],
    ];
    for env in cases {
        for line in ["scan -vvv", "plan -o plan.json", "runs --state-dir s3://runs-of-ours/x"] {
            let (code, out, err) = redress(&folder, line, env);
            assert!(matches!(code, Some(1 | 2)), "{line} {env:?}: {code:?}\n{err}");
            assert!(!out.contains("passw0rdX") && !err.contains("passw0rdX"), "{line} {env:?}\n{err}");
            assert!(
                err.contains("has a user or a password in it") && err.contains("Nothing was sent"),
                "{line} {env:?}\n{err}"
            );
        }
    }
    assert_eq!(came.load(Ordering::SeqCst), 0, "somebody was asked");
    assert!(!folder.path().join("plan.json").exists());
}

#[test]
fn plain_http_to_another_machine_is_warned_of_before_anything_is_sent_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let (port, came) = listener();
    // Nothing answers there in time to matter: the warning comes first.
    let proxy = format!("http://127.0.0.1:{port}");
    let words = "goes over plain http";
    let (_, _, err) =
        redress(&folder, "scan", &[("AWS_ENDPOINT_URL", "http://ec2.evil.invalid"), ("HTTP_PROXY", &proxy)]);
    assert_eq!(err.matches(words).count(), 1, "{err}");
    assert!(
        err.find(words) < err.find("error:") && err.contains("http://ec2.evil.invalid (AWS_ENDPOINT_URL)"),
        "{err}"
    );
    let (_, _, err) = redress(
        &folder,
        "scan",
        &[("AWS_ENDPOINT_URL_EC2", "http://ec2.evil.invalid"), ("AWS_ENDPOINT_URL", &proxy)],
    );
    assert!(err.contains("http://ec2.evil.invalid (AWS_ENDPOINT_URL_EC2)"), "{err}");
    let before = came.load(Ordering::SeqCst);
    let (_, _, err) = redress(&folder, "scan", &[("AWS_ENDPOINT_URL", &proxy)]);
    assert!(!err.contains(words), "this machine is no other one: {err}");
    assert!(came.load(Ordering::SeqCst) > before, "there somebody is asked");
}

#[test]
fn a_service_that_is_asked_elsewhere_makes_another_place() {
    let (moto, folder) = (support::moto(), tempfile::tempdir().unwrap());
    let keys = moto.account();
    let base: Vec<(&str, String)> = keys.environment(moto);
    let general = [("AWS_ENDPOINT_URL", moto.url())];
    let run = |line: &str, more: &[(&str, String)]| {
        let mut env: Vec<(&str, &str)> = base
            .iter()
            .filter(|(name, _)| *name != "AWS_ENDPOINT_URL")
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        env.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
        redress(&folder, line, &env)
    };
    let file = folder.path().join("config");
    fs::write(
        &file,
        format!(
            "[default]\nendpoint_url = {0}\nservices = mine\n[services mine]\nec2 =\n  endpoint_url = {0}/\n",
            moto.url()
        ),
    )
    .unwrap();
    let by_service: Vec<(&str, String)> =
        ["EC2", "STS", "IAM", "S3", "KMS", "SSM", "CLOUDTRAIL", "CLOUDWATCH_LOGS"]
            .into_iter()
            .map(|service| (&*format!("AWS_ENDPOINT_URL_{service}").leak(), moto.url()))
            .collect();
    let of_profile = [("AWS_CONFIG_FILE", file.display().to_string())];
    // By a variable for each service, and by a section of the profile.
    for (env, place) in [
        (by_service.as_slice(), format!("aws, EC2 at {}", moto.url())),
        (&of_profile, format!("{}, EC2 at {0}/", moto.url())),
    ] {
        let (code, _, err) = run("plan -q --check security-group-open-admin-port -o plan.json", env);
        assert!(matches!(code, Some(0 | 4)), "{env:?}: {err}");
        let plan: Value =
            serde_json::from_str(&fs::read_to_string(folder.path().join("plan.json")).unwrap()).unwrap();
        assert!(plan["endpoint"].as_str().unwrap().starts_with(&place), "{plan}");
        let (_, shown, _) = run("show plan.json", env);
        assert!(shown.contains("EC2 at http"), "{shown}");
        let (code, _, err) = run("apply plan.json --auto-approve", &general);
        assert!(
            code == Some(2) && err.contains("EC2 at http") && err.contains("AWS_ENDPOINT_URL_EC2"),
            "{err}"
        );
    }
    let (code, _, err) = run("plan -q --check security-group-open-admin-port -o general.json", &general);
    assert!(matches!(code, Some(0 | 4)), "{err}");
    let (code, _, err) = run("apply general.json --auto-approve", &by_service);
    assert!(code == Some(2) && err.contains("EC2 at http"), "{err}");
}

#[test]
fn another_partition_is_named_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = redress(&folder, "plan --account twin:demo -q -o plan.json", &[]);
    assert!(matches!(code, Some(0 | 4)), "{err}");
    // A plan of China as a whole: one that says so in one place alone is refused as edited.
    let text =
        fs::read_to_string(folder.path().join("plan.json")).unwrap().replace("arn:aws:", "arn:aws-cn:");
    let mut plan: Value = serde_json::from_str(&text).unwrap();
    plan["partition"] = "aws-cn".into();
    fs::write(folder.path().join("cn.json"), sealed(plan)).unwrap();
    let (code, _, err) = redress(&folder, "apply cn.json --account twin:demo --auto-approve", &[]);
    assert_eq!(code, Some(2), "{err}");
    assert!(
        err.contains("in the partition aws-cn, but these credentials are for the partition aws")
            && !err.contains("AWS_ENDPOINT_URL"),
        "{err}"
    );
}

#[test]
fn who_applied_and_who_went_on_stands_in_the_run_and_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    redress(&folder, "plan --account twin:demo --check vpc-without-flow-logs -q -o plan.json", &[]);
    let (code, out, err) = redress(&folder, "apply plan.json --account twin:demo --auto-approve", &[]);
    assert_eq!(code, Some(0), "{err}");
    let (_, json, _) = redress(&folder, "show last --format json", &[]);
    let run: Value = serde_json::from_str(&json).unwrap();
    let caller = run["caller"].as_str().unwrap();
    assert!(caller.starts_with("arn:aws:") && out.contains(caller), "{out}");
    // The same run, cut off before its end, is gone on with.
    let journal = folder.path().join("state/runs").join(run["run"].as_str().unwrap()).join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let cut: Vec<&str> = text.lines().take(text.lines().count() - 1).collect();
    fs::write(&journal, cut.join("\n") + "\n").unwrap();
    let (code, out, err) = redress(&folder, "resume last --account twin:demo", &[]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.lines().any(|l| l.contains("resumed") && l.contains(&format!("by {caller}"))), "{out}");
    for format in ["markdown", "html", "json"] {
        let (_, out, _) = redress(&folder, &format!("show last --format {format}"), &[]);
        let caller = if format == "html" { caller.replace('/', "&#x2f;") } else { caller.to_owned() };
        assert!(out.matches(&caller).count() >= 2, "{format}: {out}");
    }
}
