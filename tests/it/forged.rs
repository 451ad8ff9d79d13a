//! Plans and runs as somebody would write them who wants redress to do what it never would: edited, and
//! sealed again so that the digest fits. The program itself reads them, on the demo account.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{hostile::sealed, support};

/// A desk with the demo account and a plan of it, as redress made it.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) plan: Value,
}

pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}\n{}\n{}", self.out, self.err))
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        let mut desk = Self { folder: tempfile::tempdir().unwrap(), plan: Value::Null };
        desk.ends(4, "plan --account twin:demo --quiet -o plan.json");
        desk.plan =
            serde_json::from_str(&fs::read_to_string(desk.folder.path().join("plan.json")).unwrap()).unwrap();
        desk
    }

    pub(crate) fn run(&self, line: &str) -> Said {
        self.with(line, &[])
    }

    /// The same with more in the environment.
    pub(crate) fn with(&self, line: &str, env: &[(&str, &str)]) -> Said {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), self.folder.path());
        let output = command.args(line.split_whitespace()).envs(env.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub(crate) fn ends(&self, code: i32, line: &str) -> Said {
        let said = self.run(line);
        assert_eq!(said.code, code, "redress {line}\n{}\n{}", said.out, said.err);
        said
    }

    /// Writes the plan with an edit, sealed again, to a file of this name.
    pub(crate) fn forge(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        let mut plan = self.plan.clone();
        edit(&mut plan);
        fs::write(self.folder.path().join(name), sealed(plan)).unwrap();
    }

    /// The account as it is, to see that nothing was changed.
    pub(crate) fn account(&self) -> Value {
        let path = walk(self.folder.path()).into_iter().find(|p| p.ends_with("twin/demo.json")).unwrap();
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }
}

pub(crate) fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// The place of the first change of this action, in the region that has several where there is one.
pub(crate) fn at(plan: &Value, action: &str) -> usize {
    let changes = plan["changes"].as_array().unwrap();
    let there = changes.iter().position(|c| c["action"] == action && c["region"] == "us-east-1");
    there.or_else(|| changes.iter().position(|c| c["action"] == action)).unwrap()
}

/// A call that deletes, as a step.
fn deletion(snapshot: &str) -> Value {
    json!([{
        "name": "look", "title": "look at the trail", "call": { "service": "ec2", "region": "us-east-1",
        "operation": "DeleteSnapshot", "input": { "SnapshotId": snapshot } },
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
        ("restore.json", "claims to restore something, in a plan of the kind plan", {
            let restore = restore.clone();
            Box::new(move |p| {
                p["changes"][0]["restore"] = restore.clone();
                p["changes"][0]["touches"] = json!([]);
                p["changes"][0]["steps"] = deletion("snap-0123456789abcdef0");
            })
        }),
        ("kind.json", "unknown variant `whatever`", Box::new(|p| p["kind"] = json!("whatever"))),
        ("prune.json", "is no deletion, in a plan that prunes", Box::new(|p| p["kind"] = json!("prune"))),
        ("undo.json", "does not name the run that it undoes", Box::new(|p| p["kind"] = json!("undo"))),
        ("of.json", "undoes run r1", Box::new(|p| p["of_run"] = json!("r1"))),
        ("recover.json", "does not state what it restores", Box::new(|p| p["kind"] = json!("recover"))),
        (
            "service.json",
            "is no operation that redress makes",
            Box::new(|p| {
                p["changes"][0]["steps"][0]["call"]["service"] =
                    json!("ec2 describe-x {}; touch PWNED; true");
            }),
        ),
        (
            "operation.json",
            "ec2:TerminateInstances, which is no operation",
            Box::new(|p| {
                p["changes"][0]["steps"][0]["call"]["service"] = json!("ec2");
                p["changes"][0]["steps"][0]["call"]["operation"] = json!("TerminateInstances");
            }),
        ),
        (
            "back.json",
            "iam:AttachRolePolicy, which is no operation",
            Box::new(|p| {
                let place = at(p, "tighten-security-group");
                let call = json!({ "service": "iam", "region": "us-east-1", "operation": "AttachRolePolicy",
                    "input": {} });
                p["changes"][place]["steps"][0]["way_back"]["calls"]["rollback"][0]["call"] = call;
            }),
        ),
        (
            "region.json",
            "which is no region",
            Box::new(|p| p["changes"][0]["steps"][0]["call"]["region"] = json!("us-east-1; touch PWNED")),
        ),
        (
            "risk.json",
            "claims to be safe, and its calls are disruptive",
            Box::new(|p| {
                let place = at(p, "tighten-security-group");
                p["changes"][place]["risk"] = json!("safe");
            }),
        ),
        ("touches.json", "claims to touch nothing", Box::new(|p| p["changes"][0]["touches"] = json!([]))),
        (
            "twice.json",
            "two changes are called",
            Box::new(|p| {
                let first = p["changes"][0].clone();
                p["changes"].as_array_mut().unwrap().insert(1, first);
            }),
        ),
        (
            "order.json",
            "which does not stand before it",
            Box::new(|p| p["changes"][0]["after"] = json!(["c2"])),
        ),
        ("action.json", "claims to be", Box::new(|p| p["changes"][0]["action"] = json!("prune"))),
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
        for line in [
            "show",
            "permissions",
            "apply --auto-approve --max-risk disruptive",
            "export --to aws-cli",
            "export --to step-functions",
        ] {
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
        (change["action"], change["risk"], change["steps"]) =
            (json!("recover"), json!("irreversible"), deletion("snap-0123456789abcdef0"));
        change["restore"] = json!({ "found": {}, "to": {}, "kept": [] });
        plan["changes"] = json!([change]);
    });
    for flags in ["", "--auto-approve --max-risk disruptive"] {
        let said = desk.ends(4, &format!("apply recover.json {flags}"));
        assert!(said.err.contains("no longer matches the tags in the account"), "{}", said.err);
    }
    assert_eq!(desk.account(), before, "nothing was changed");
}

/// The ids of the changes of a run by their outcomes.
pub(crate) fn outcomes(said: &Said) -> Vec<(String, String)> {
    let run = said.json();
    let word = |v: &Value| v.as_str().unwrap().to_owned();
    run["changes"].as_array().unwrap().iter().map(|c| (word(&c["id"]), word(&c["outcome"]))).collect()
}

/// The first change that tightens a group.
pub(crate) fn tightening(plan: &Value) -> String {
    plan["changes"][at(plan, "tighten-security-group")]["id"].as_str().unwrap().to_owned()
}

/// A run of the plan that was interrupted in the middle of its first change of this action, edited and
/// sealed.
pub(crate) fn interrupted(
    desk: &Desk,
    action: &str,
    edit: impl FnOnce(&mut Value, &mut Vec<Value>),
) -> String {
    let run = "20261128T150000Z-aaaaaa";
    let mut plan = desk.plan.clone();
    let change = plan["changes"][at(&plan, action)].clone();
    let id = change["id"].as_str().unwrap().to_owned();
    let step = change["steps"][0]["name"].clone();
    let decisions: Vec<Value> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| json!({ "change": c["id"], "approved": c["id"] == id.as_str(), "by": "prompt" }))
        .collect();
    let mut events = vec![
        json!({ "type": "run-started", "run": run, "plan_digest": "", "kind": "plan",
            "account": plan["account"], "partition": plan["partition"],
            "endpoint": plan["endpoint"], "caller": plan["caller"], "version": "0.1.0",
            "decisions": decisions }),
        json!({ "type": "change-started", "change": id, "before": {} }),
        json!({ "type": "intent", "change": id, "step": step, "attempt": 1,
            "call": change["steps"][0]["call"] }),
        json!({ "type": "result", "change": id, "step": step,
            "result": { "failed": { "error": { "class": "throttled", "code": "Throttled",
            "message": "wait" } } } }),
    ];
    edit(&mut plan, &mut events);
    let plan: Value = serde_json::from_str(&sealed(plan)).unwrap();
    events[0]["plan_digest"] = plan["digest"].clone();
    let state = walk(desk.folder.path()).into_iter().find(|p| p.ends_with("twin/demo.json")).unwrap();
    let folder = state.parent().unwrap().parent().unwrap().join("runs").join(run);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("plan.json"), plan.to_string()).unwrap();
    let (mut journal, mut former) = (String::new(), String::new());
    for (n, event) in events.into_iter().enumerate() {
        let record = redress::journal::line::next(
            &former,
            n as u64 + 1,
            jiff::Timestamp::now(),
            serde_json::from_value(event).unwrap(),
        );
        former.clone_from(&record.sum);
        journal += &format!("{}\n", serde_json::to_string(&record).unwrap());
    }
    fs::write(folder.join("journal.jsonl"), journal).unwrap();
    run.to_owned()
}

/// Applies the first change of this action, and edits it in the run's plan; all is sealed again.
pub(crate) fn applied_and_edited(desk: &Desk, action: &str, edit: impl FnOnce(&mut Value)) -> String {
    let id = desk.plan["changes"][at(&desk.plan, action)]["id"].as_str().unwrap().to_owned();
    // What serves others alone is applied with one of those.
    let user = if action.starts_with("ensure-") {
        &desk.plan["changes"][at(&desk.plan, "enable-flow-logs")]
    } else {
        &Value::Null
    };
    let ids = user["after"].as_array().into_iter().flatten().chain([&user["id"]]).filter_map(Value::as_str);
    let ids: Vec<String> = if user.is_null() { vec![id.clone()] } else { ids.map(str::to_owned).collect() };
    let applied = desk
        .ends(
            0,
            &format!(
                "apply plan.json --change {} --auto-approve --max-risk disruptive --format json",
                ids.join(" --change ")
            ),
        )
        .json();
    let run = applied["run"].as_str().unwrap();
    let folder =
        walk(desk.folder.path()).into_iter().find(|p| p.ends_with(format!("{run}/plan.json"))).unwrap();
    let mut plan: Value = serde_json::from_str(&fs::read_to_string(&folder).unwrap()).unwrap();
    let place = plan["changes"].as_array().unwrap().iter().position(|c| c["id"] == id.as_str()).unwrap();
    edit(&mut plan["changes"][place]);
    let plan: Value = serde_json::from_str(&sealed(plan)).unwrap();
    fs::write(&folder, plan.to_string()).unwrap();
    let journal = folder.with_file_name("journal.jsonl");
    let (records, _) = redress::journal::line::read(&fs::read(&journal).unwrap()).unwrap();
    let (mut text, mut former) = (String::new(), String::new());
    for record in records {
        let mut event = serde_json::to_value(&record.event).unwrap();
        if event["type"] == "run-started" {
            event["plan_digest"] = plan["digest"].clone();
        }
        let next = redress::journal::line::next(
            &former,
            record.seq,
            record.at,
            serde_json::from_value(event).unwrap(),
        );
        former.clone_from(&next.sum);
        text += &format!("{}\n", serde_json::to_string(&next).unwrap());
    }
    fs::write(&journal, text).unwrap();
    run.to_owned()
}

#[test]
fn two_runs_from_two_stores_do_not_both_say_that_they_did_it() {
    use crate::{
        stand::hold,
        world::{self, Wish},
    };
    let stand = world::demo();
    let whole = world::plan(&stand, &Wish::default());
    let revokes = |c: &&redress::plan::Change| {
        c.action == "tighten-security-group"
            && c.steps.iter().all(|s| s.act.call.operation == "RevokeSecurityGroupIngress")
    };
    let id =
        whole.changes.iter().find(revokes).expect("a group that nobody is let into afterwards").id.clone();
    let plan = world::select(&stand, &whole, &[id.clone()].into());
    // Both have looked; then the other calls first.
    let calls = plan.changes[0].steps.iter().map(|s| s.act.call.clone()).collect();
    let story = crate::edits::beaten(&hold(&stand.twin), &plan, calls);
    assert_eq!(
        story.changes[&id].outcome(),
        Some(redress::journal::Outcome::AlreadyFixed),
        "{}",
        story.changes[&id].reason
    );
    assert!(story.changes[&id].done().is_empty(), "what the other did is not this run's to take back");
}
