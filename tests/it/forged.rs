//! Plans and runs as somebody would write them who wants redress to do what it never would: edited, and sealed again so that the
//! digest fits. The program itself reads them, on the demo account.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{hostile::sealed, support};

/// A desk with the demo account and a plan of it, as redress made it.
struct Desk {
    folder: TempDir,
    plan: Value,
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}\n{}\n{}", self.out, self.err))
    }
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self { folder: tempfile::tempdir().unwrap(), plan: Value::Null };
        desk.ends(4, "plan --account twin:demo --quiet -o plan.json");
        desk.plan = serde_json::from_str(&fs::read_to_string(desk.folder.path().join("plan.json")).unwrap()).unwrap();
        desk
    }

    fn run(&self, line: &str) -> Said {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), self.folder.path());
        let output = command.args(line.split_whitespace()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn ends(&self, code: i32, line: &str) -> Said {
        let said = self.run(line);
        assert_eq!(said.code, code, "redress {line}\n{}\n{}", said.out, said.err);
        said
    }

    /// Writes the plan with an edit, sealed again, to a file of this name.
    fn forge(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        let mut plan = self.plan.clone();
        edit(&mut plan);
        fs::write(self.folder.path().join(name), sealed(plan)).unwrap();
    }

    /// The account as it is, to see that nothing was changed.
    fn account(&self) -> Value {
        let path = walk(self.folder.path()).into_iter().find(|p| p.ends_with("twin/demo.json")).unwrap();
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// The place of the first change of this action.
fn at(plan: &Value, action: &str) -> usize {
    plan["changes"].as_array().unwrap().iter().position(|c| c["action"] == action).unwrap()
}

/// A call that deletes, as a step.
fn deletion(snapshot: &str) -> Value {
    json!([{
        "name": "look", "title": "look at the trail", "call": { "service": "ec2", "region": "us-east-1", "operation": "DeleteSnapshot", "input": { "SnapshotId": snapshot } },
        "recognise": { "looks": { "expect": [] } }, "way_back": { "kept": "nothing to take back" }
    }])
}

#[test]
fn what_no_redress_writes_is_refused_when_the_file_is_read_by_every_command() {
    let desk = Desk::new();
    let before = desk.account();
    let restore = json!({ "found": {}, "to": {}, "kept": [] });
    type Edit = Box<dyn Fn(&mut Value)>;
    let cases: Vec<(&str, &str, Edit)> = vec![
        // A change that says that it restores something was once let through without the drift check.
        ("restore.json", "says that it brings something back, in a plan of the kind plan", {
            let restore = restore.clone();
            Box::new(move |p| {
                p["changes"][0]["restore"] = restore.clone();
                p["changes"][0]["touches"] = json!([]);
                p["changes"][0]["steps"] = deletion("snap-0123456789abcdef0");
            })
        }),
        ("kind.json", "unknown variant `whatever`", Box::new(|p| p["kind"] = json!("whatever"))),
        ("prune.json", "is no deletion, in a plan that prunes", Box::new(|p| p["kind"] = json!("prune"))),
        ("undo.json", "does not name the run it takes back", Box::new(|p| p["kind"] = json!("undo"))),
        ("of.json", "takes back run r1", Box::new(|p| p["of_run"] = json!("r1"))),
        ("recover.json", "does not say what it brings back", Box::new(|p| p["kind"] = json!("recover"))),
        (
            "service.json",
            "is no operation that redress makes",
            Box::new(|p| {
                p["changes"][0]["steps"][0]["call"]["service"] = json!("ec2 describe-x {}; touch PWNED; true");
            }),
        ),
        (
            "operation.json",
            "ec2:TerminateInstances, which is no operation",
            Box::new(|p| {
                p["changes"][0]["steps"][0]["call"]["operation"] = json!("TerminateInstances");
            }),
        ),
        (
            "back.json",
            "iam:AttachRolePolicy, which is no operation",
            Box::new(|p| {
                let place = at(p, "tighten-security-group");
                let call = json!({ "service": "iam", "region": "us-east-1", "operation": "AttachRolePolicy", "input": {} });
                p["changes"][place]["steps"][0]["way_back"]["calls"]["rollback"][0]["call"] = call;
            }),
        ),
        ("region.json", "which is no region", Box::new(|p| p["changes"][0]["steps"][0]["call"]["region"] = json!("us-east-1; touch PWNED"))),
        (
            "risk.json",
            "says that it is safe, and its calls are disruptive",
            Box::new(|p| {
                let place = at(p, "tighten-security-group");
                p["changes"][place]["risk"] = json!("safe");
            }),
        ),
        ("touches.json", "touches nothing", Box::new(|p| p["changes"][0]["touches"] = json!([]))),
        (
            "twice.json",
            "two changes are called",
            Box::new(|p| {
                let first = p["changes"][0].clone();
                p["changes"].as_array_mut().unwrap().insert(1, first);
            }),
        ),
        ("order.json", "which does not stand before it", Box::new(|p| p["changes"][0]["after"] = json!(["c2"]))),
        ("action.json", "is said to be", Box::new(|p| p["changes"][0]["action"] = json!("prune"))),
        (
            "account.json",
            "is about arn:aws:",
            Box::new(|p| {
                let arn = p["changes"][0]["resource"].as_str().unwrap().to_owned();
                let account = p["account"].as_str().unwrap().to_owned();
                p["changes"][0]["resource"] = json!(arn.replace(&account, "999999999999"));
            }),
        ),
    ];
    for (file, says, edit) in cases {
        desk.forge(file, |plan| edit(plan));
        for line in ["show", "permissions", "apply --auto-approve --max-risk disruptive", "export --to aws-cli", "export --to step-functions"] {
            let (command, flags) = line.split_once(' ').unwrap_or((line, ""));
            let said = desk.ends(2, &format!("{command} {file} {flags}"));
            assert!(said.err.contains(says), "{command} {file}: {}", said.err);
        }
    }
    assert_eq!(desk.account(), before, "nothing was changed");
    assert!(!desk.run("runs").out.contains("2026"), "no run was begun");
}

#[test]
fn a_recovery_that_the_tags_do_not_bear_out_is_not_made() {
    let desk = Desk::new();
    let before = desk.account();
    desk.forge("recover.json", |plan| {
        plan["kind"] = json!("recover");
        let place = at(plan, "encrypt-volumes");
        let mut change = plan["changes"][place].clone();
        (change["findings"], change["uses"], change["after"]) = (json!([]), json!([]), json!([]));
        (change["action"], change["risk"], change["steps"]) = (json!("recover"), json!("irreversible"), deletion("snap-0123456789abcdef0"));
        change["restore"] = json!({ "found": {}, "to": {}, "kept": [] });
        plan["changes"] = json!([change]);
    });
    for flags in ["", "--auto-approve --max-risk disruptive"] {
        let said = desk.ends(4, &format!("apply recover.json {flags}"));
        assert!(said.err.contains("is not what the tags in the account say now"), "{}", said.err);
    }
    assert_eq!(desk.account(), before, "nothing was changed");
}
