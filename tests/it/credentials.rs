//! The right account: the program signs with what AWS's own tools would sign with, in every combination of
//! flags, variables and files. botocore is the oracle, and who won is read off the wire, from the request
//! that is signed. And `--only-account` refuses every other account before anything is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    credentials_sts::{ACCOUNT, Sts, hold},
    kill_stand::abreast,
    support::{at_home, python},
};

const OTHER: &str = "444455556666";

const CONFIG: &str = include_str!("credentials_config.ini");
const CREDENTIALS: &str = include_str!("credentials_credentials.ini");

/// The names of all sections of both files, whether they are profiles or not, one that is nowhere, and none.
fn profiles() -> BTreeSet<&'static str> {
    let sections = CONFIG
        .lines()
        .chain(CREDENTIALS.lines())
        .filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
    let names = sections.map(|section| section.strip_prefix("profile ").unwrap_or(section).trim_matches('"'));
    names.chain(["nosuch", ""]).collect()
}

/// The folders that homes are: with both files, with credentials alone, with files that belong to somebody
/// else, with none.
fn homes(folder: &Path) {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("FOLDER", &folder.display().to_string())).unwrap();
    };
    write("whole/.aws/config", CONFIG);
    write("whole/.aws/credentials", CREDENTIALS);
    write("half/.aws/credentials", CREDENTIALS);
    write("config/.aws/config", CONFIG);
    fs::create_dir_all(folder.join("empty")).unwrap();
    write("elsewhere/config", &CONFIG.replace("INCONFIG", "ELSEWHERE"));
    write(
        "elsewhere/credentials",
        &CREDENTIALS.replace("STAGING", "ELSEWHERESTAGING").replace("DEFAULT", "ELSEWHEREDEFAULT"),
    );
    write("token", "a token");
    write(
        "process",
        "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"PROCESS\", \"SecretAccessKey\": \"secret\"}'\n",
    );
    fs::set_permissions(folder.join("process"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// One combination.
#[derive(Debug, Clone)]
struct Case {
    flag: Option<String>,
    env: BTreeMap<String, String>,
}

type Choice<'a> = (&'a str, Option<&'a str>);

/// Every combination of these variables, each set to one of its values or not at all.
fn product(choices: &[(&str, &[Option<&str>])]) -> Vec<BTreeMap<String, String>> {
    let mut all = vec![BTreeMap::new()];
    for (name, values) in choices {
        let with = |env: &BTreeMap<String, String>, value: &Option<&str>| {
            let mut env = env.clone();
            env.extend(value.map(|value| ((*name).to_owned(), value.to_owned())));
            env
        };
        all = all.iter().flat_map(|env| values.iter().map(move |value| with(env, value))).collect();
    }
    all
}

/// The credentials in the environment: none, a pair, a pair with a token, and one half.
const KEYS: &[&[Choice<'_>]] = &[
    &[],
    &[("AWS_ACCESS_KEY_ID", Some("ENVIRONMENT")), ("AWS_SECRET_ACCESS_KEY", Some("secret"))],
    &[
        ("AWS_ACCESS_KEY_ID", Some("ENVIRONMENT")),
        ("AWS_SECRET_ACCESS_KEY", Some("secret")),
        ("AWS_SESSION_TOKEN", Some("token")),
    ],
    &[("AWS_ACCESS_KEY_ID", Some("ENVIRONMENT"))],
];

fn cases(flags: &[Option<&str>], envs: &[BTreeMap<String, String>], keys: &[&[Choice<'_>]]) -> Vec<Case> {
    let mut all = Vec::new();
    for flag in flags {
        for env in envs {
            for pair in keys {
                let mut env = env.clone();
                env.extend(
                    pair.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned()))),
                );
                all.push(Case { flag: flag.map(str::to_owned), env });
            }
        }
    }
    all
}

fn table(folder: &Path, sts: &Sts) -> Vec<Case> {
    let at = |name: &str| folder.join(name).display().to_string();
    let (whole, half, config, empty) = (at("whole"), at("half"), at("config"), at("empty"));
    let (their_config, their_credentials, token, missing) =
        (at("elsewhere/config"), at("elsewhere/credentials"), at("token"), at("missing"));
    let home: &[Option<&str>] = &[Some(&whole)];
    let region: &[Option<&str>] = &[Some("eu-central-1")];
    let named: Vec<Option<&str>> = profiles().into_iter().map(Some).collect();
    let mut all = Vec::new();
    // Every profile, by the flag and by the variable, with every way to have keys in the environment, and a
    // token for a role.
    let web = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", [None, Some(token.as_str())]),
        ("AWS_ROLE_ARN", [None, Some("arn:aws:iam::111122223333:role/pod")]),
    ];
    let around =
        product(&[("HOME", home), ("AWS_REGION", region), (web[0].0, &web[0].1), (web[1].0, &web[1].1)]);
    all.extend(cases(&named, &around, &KEYS[..2]));
    let plain = product(&[("HOME", home), ("AWS_REGION", region)]);
    all.extend(cases(&named, &plain, &KEYS[2..]));
    let by_variable = product(&[("HOME", home), ("AWS_REGION", region), ("AWS_PROFILE", &named)]);
    all.extend(cases(&[None], &by_variable, KEYS));
    all.extend(cases(&[None], &around, KEYS));
    // Flag against both variables.
    let some: &[Option<&str>] = &[None, Some("staging"), Some("role"), Some("nosuch"), Some("")];
    let others: &[Option<&str>] = &[None, Some("onlyhere"), Some("nosuch"), Some("")];
    let both = product(&[
        ("HOME", home),
        ("AWS_REGION", region),
        ("AWS_PROFILE", some),
        ("AWS_DEFAULT_PROFILE", others),
    ]);
    all.extend(cases(&[None, Some("both"), Some("nosuch")], &both, KEYS));
    // Where the files are.
    let homes: &[Option<&str>] = &[Some(&whole), Some(&half), Some(&config), Some(&empty)];
    let profiles: &[Option<&str>] = &[None, Some("staging"), Some("inconfig"), Some("default")];
    let files = product(&[
        ("HOME", homes),
        ("AWS_REGION", region),
        ("AWS_CONFIG_FILE", &[None, Some(&their_config), Some(&missing)]),
        ("AWS_SHARED_CREDENTIALS_FILE", &[None, Some(&their_credentials), Some(&missing)]),
    ]);
    all.extend(cases(profiles, &files, &KEYS[..1]));
    // A container.
    let container = format!("{}/container", sts.url);
    let contained = product(&[
        ("HOME", &[Some(&whole), Some(&empty)]),
        ("AWS_REGION", region),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &[Some(&container)]),
    ]);
    all.extend(cases(
        &[None, Some("bare"), Some("staging"), Some("rolecontainer"), Some("nosuch")],
        &contained,
        &KEYS[..2],
    ));
    // Which region.
    let regions = product(&[
        ("HOME", homes),
        ("AWS_REGION", &[None, Some("eu-west-3")]),
        ("AWS_DEFAULT_REGION", &[None, Some("ap-south-1")]),
        ("AWS_PROFILE", &[None, Some("staging"), Some("inconfig")]),
    ]);
    all.extend(cases(&[None, Some("staging"), Some("inconfig")], &regions, &KEYS[1..2]));
    all.extend(cases(&[None], &product(&[("HOME", homes)]), &KEYS[..1]));
    all
}

/// What the program ends with, by its own words.
fn kind(err: &str) -> &'static str {
    let kinds = [
        ("there is no profile", "profile"),
        ("only a part of the credentials", "partial"),
        ("cannot be used", "broken"),
        ("no AWS credentials found", "none"),
        ("no region", "no region"),
        ("GetCallerIdentity", "signed"),
    ];
    kinds.iter().find(|(words, _)| err.contains(words)).map_or("something else", |(_, kind)| kind)
}

/// Whether the two ends are of one kind. Where a source of credentials was chosen and fails, the program
/// finds none.
fn alike(ours: &str, theirs: &str) -> bool {
    ours == theirs || (ours, theirs) == ("none", "broken")
}

fn oracle(cases: &[Case], sts: &Sts) -> Vec<String> {
    let mut child = Command::new(python())
        .args(["-c", include_str!("credentials_oracle.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut input = child.stdin.take().unwrap();
    let lines: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(n, case)| {
            let mut env = json!(case.env);
            env["AWS_ENDPOINT_URL"] = format!("{}/theirs/{n}", sts.url).into();
            env["AWS_EC2_METADATA_DISABLED"] = "true".into();
            env["PATH"] = "/nowhere".into();
            json!({ "flag": case.flag, "env": env }).to_string()
        })
        .collect();
    thread::spawn(move || lines.iter().for_each(|line| drop(writeln!(input, "{line}"))));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    let kind = |line: &str| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned();
    String::from_utf8(output.stdout).unwrap().lines().map(kind).collect()
}

#[test]
fn the_same_credentials_and_region_are_chosen_as_botocore_chooses_in_every_combination() {
    let (folder, sts) = (tempfile::tempdir().unwrap(), Sts::start(false));
    homes(folder.path());
    let cases = table(folder.path(), &sts);
    let theirs = thread::scope(|scope| {
        let theirs = scope.spawn(|| oracle(&cases, &sts));
        let work: Vec<(usize, Case, String)> =
            cases.iter().cloned().enumerate().map(|(n, case)| (n, case, String::new())).collect();
        let ours = abreast(work, |(n, case, said)| {
            let mut command = at_home(env!("CARGO_BIN_EXE_redress"), folder.path());
            command.arg("scan").args(case.flag.as_ref().map(|flag| format!("--profile={flag}")));
            // A process that gives credentials is started by a shell.
            command
                .env_remove("HOME")
                .envs(&case.env)
                .env("PATH", "/usr/bin:/bin")
                .env("AWS_ENDPOINT_URL", format!("{}/ours/{n}", sts.url));
            *said = String::from_utf8_lossy(&command.output().unwrap().stderr).into_owned();
        });
        let mut ours: Vec<(usize, Case, String)> = ours;
        ours.sort_by_key(|(n, _, _)| *n);
        (ours, theirs.join().unwrap())
    });
    let (ours, theirs) = theirs;
    let signed = hold(&sts.signed).clone();
    let mut wrong = Vec::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for ((n, case, said), theirs) in ours.iter().zip(&theirs) {
        let who = |side: &str| signed.get(&format!("/{side}/{n}"));
        *kinds.entry(theirs).or_default() += 1;
        if who("ours") != who("theirs") || !alike(kind(said), theirs) {
            wrong.push(format!(
                "{case:?}\n  ours {:?} {}\n  theirs {:?} {theirs}\n  {said}",
                who("ours"),
                kind(said),
                who("theirs")
            ));
        }
    }
    println!("{} combinations: {kinds:?}", cases.len());
    assert_eq!(theirs.len(), cases.len());
    assert!(
        wrong.is_empty(),
        "{} of {} differ, the first:\n{}",
        wrong.len(),
        cases.len(),
        wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(
        ["signed", "profile", "partial", "broken", "none", "no region"]
            .iter()
            .all(|kind| kinds.get(kind) > Some(&0)),
        "every end occurs: {kinds:?}"
    );
}

/// Runs the program in an environment with keys of [`ACCOUNT`] at this server.
fn at(sts: &Sts, folder: &TempDir, line: &str, env: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = at_home(env!("CARGO_BIN_EXE_redress"), folder.path());
    command.args(line.split_whitespace()).env("AWS_ENDPOINT_URL", &sts.url).env("AWS_REGION", "us-east-1");
    command
        .env("AWS_ACCESS_KEY_ID", "ENVIRONMENT")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .envs(env.iter().copied());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The operations that were asked for since the last look.
fn operations(sts: &Sts) -> Vec<String> {
    std::mem::take(&mut *hold(&sts.asked)).into_iter().map(|(_, operation)| operation).collect()
}

#[test]
fn another_account_than_the_only_one_is_refused_before_anything_is_read() {
    let (sts, folder) = (Sts::start(true), tempfile::tempdir().unwrap());
    let lines = [
        "scan",
        "plan",
        "events --since 1h",
        "apply --auto-approve",
        "prune",
        "recover",
        "scan --region all",
        "runs --state-dir s3://some-runs/x",
        "apply --auto-approve --state-dir s3://some-runs/x",
        "undo last --state-dir s3://some-runs",
        "resume last --state-dir s3://some-runs",
        "verify last --state-dir s3://some-runs",
    ];
    for line in lines {
        let (code, err) = at(&sts, &folder, &format!("{line} --only-account {OTHER}"), &[]);
        assert_eq!(code, Some(2), "redress {line}: {err}");
        assert!(
            err.contains(ACCOUNT) && err.contains(OTHER) && err.contains("nothing was read or changed"),
            "redress {line}: {err}"
        );
        assert_eq!(operations(&sts), ["GetCallerIdentity"], "redress {line}");
    }
    let only = format!("{OTHER},777788889999");
    let (code, err) = at(&sts, &folder, "scan", &[("REDRESS_ONLY_ACCOUNT", &only)]);
    assert!(code == Some(2) && err.contains("777788889999"), "{err}");
    assert_eq!(operations(&sts), ["GetCallerIdentity"]);
    // The account that is meant is let in, and what comes then is another matter.
    let both = format!("{OTHER},{ACCOUNT}");
    for env in [vec![], vec![("REDRESS_ONLY_ACCOUNT", both.as_str())]] {
        for flags in
            [format!("--only-account {OTHER} --only-account {ACCOUNT}"), format!("--only-account {ACCOUNT}")]
        {
            let (_, err) = at(&sts, &folder, &format!("scan {flags}"), &env);
            assert!(!err.contains("--only-account"), "{err}");
            assert!(operations(&sts).contains(&"DescribeRegions".to_owned()));
        }
    }
    // A flag tightens the belt that the environment holds, and does not loosen it.
    for held in [OTHER, "777788889999", "prod", ""] {
        for line in ["scan", "plan --account twin:demo", "apply --auto-approve"] {
            let (code, err) = at(
                &sts,
                &folder,
                &format!("{line} --only-account {ACCOUNT}"),
                &[("REDRESS_ONLY_ACCOUNT", held)],
            );
            let says =
                if held.len() == 12 { "and REDRESS_ONLY_ACCOUNT allows" } else { "REDRESS_ONLY_ACCOUNT is" };
            assert!(code == Some(2) && err.contains(says), "{held:?} {line}: {err}");
            assert!(operations(&sts).is_empty(), "{held:?} {line}");
        }
    }
    for wrong in ["prod", "12345678901", ""] {
        let (code, err) = at(&sts, &folder, "scan", &[("REDRESS_ONLY_ACCOUNT", wrong)]);
        assert_eq!(code, Some(2), "{wrong:?}: {err}");
        assert!(operations(&sts).is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_twin_is_an_account_like_another() {
    let (sts, folder) = (Sts::start(true), tempfile::tempdir().unwrap());
    let demo = "123456789012";
    let (code, err) = at(&sts, &folder, &format!("plan --account twin:demo --only-account {OTHER}"), &[]);
    assert!(code == Some(2) && err.contains(demo), "{err}");
    assert!(!folder.path().join("state/twin").exists() || operations(&sts).is_empty());
    let (code, err) = at(
        &sts,
        &folder,
        &format!(
            "apply --account twin:demo --only-account {demo} --check cloudtrail-no-log-validation \
             --auto-approve"
        ),
        &[],
    );
    assert_eq!(code, Some(0), "{err}");
    for line in ["verify last", "undo last --auto-approve"] {
        let (code, err) =
            at(&sts, &folder, &format!("{line} --account twin:demo --only-account {OTHER}"), &[]);
        assert!(code == Some(2) && err.contains(demo), "redress {line}: {err}");
    }
    assert!(operations(&sts).is_empty());
}

#[test]
fn a_profile_that_asks_for_an_mfa_code_is_refused_with_what_to_do() {
    let (sts, folder) = (Sts::start(true), tempfile::tempdir().unwrap());
    fs::create_dir(folder.path().join(".aws")).unwrap();
    let role = "role_arn = arn:aws:iam::111122223333:role/ops\nsource_profile = default\nmfa_serial = \
                arn:aws:iam::111122223333:mfa/me\n";
    let config = format!(
        "[default]\naws_access_key_id = A\naws_secret_access_key = s\n[profile ops]\n{role}[profile \
         console]\nlogin_session = arn:aws:iam::111122223333:user/me\n"
    );
    fs::write(folder.path().join(".aws/config"), config).unwrap();
    for profile in ["ops", "console"] {
        let (code, err) = at(&sts, &folder, &format!("scan --profile {profile}"), &[]);
        assert!(
            code == Some(2) && err.contains(&format!("aws configure export-credentials --profile {profile}")),
            "{err}"
        );
    }
    assert!(operations(&sts).is_empty());
}
