//! `explain`, completions, manual pages, and the schema of playbooks: what the program says of itself.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use redress::{
    actions,
    playbook::{self, schema::schema},
};
use serde_json::{Value, json};

fn redress(folder: &std::path::Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redress"));
    command
        .args(line.split(' '))
        .env_clear()
        .env("HOME", folder)
        .env("REDRESS_STATE_DIR", folder.join("state"))
        .current_dir(folder);
    command.output().unwrap()
}

fn said(line: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = redress(folder.path(), line);
    assert!(output.status.success(), "redress {line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(line: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = redress(folder.path(), line);
    assert_eq!(output.status.code(), Some(2), "redress {line}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_check_and_every_action_can_be_explained() {
    for check in redress::checks::all() {
        let text = said(&format!("explain {}", check.id));
        assert!(text.contains(check.id), "{text}");
    }
    for action in actions::all() {
        let text = said(&format!("explain {}", action.name()));
        assert!(action.parameters().iter().all(|p| text.contains(p.name)), "{text}");
    }
}

#[test]
fn a_check_is_found_by_the_id_that_others_give_it() {
    let (ours, theirs) = redress::checks::all().find_map(|c| Some((c.id, c.controls().next()?.id))).unwrap();
    assert!(said(&format!("explain {theirs}")).contains(ours));
}

#[test]
fn a_change_is_explained_from_the_plan_and_a_wrong_one_gets_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    redress(folder.path(), "plan --account twin:demo -o plan.json");
    let text = String::from_utf8(redress(folder.path(), "explain plan.json#c4").stdout).unwrap();
    assert!(
        text.contains("undo:")
            && text.contains("security-group-open")
            && text.contains("ec2:RevokeSecurityGroupIngress"),
        "{text}"
    );
    let wrong = redress(folder.path(), "explain plan.json#c333");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean plan.json#c3"));
    assert!(
        String::from_utf8_lossy(&redress(folder.path(), "explain plan.json").stderr).contains("plan.json#c1")
    );
}

#[test]
fn what_is_misspelt_gets_what_was_probably_meant() {
    for (line, meant) in [
        ("explain encrypt-volume", "did you mean encrypt-volumes?"),
        ("explain ebs-volume-unencryptd", "did you mean ebs-volume-unencrypted?"),
        ("actions show encrypt-volume", "did you mean encrypt-volumes?"),
        ("playbooks show ebs-encrypton", "did you mean ebs-encryption?"),
        ("playbooks new encrypt-volume", "did you mean encrypt-volumes?"),
        ("scan --account twin:demo --check ebs-volume-unencryptd", "did you mean ebs-volume-unencrypted?"),
        ("scan --account twin:demo --region us-esat-1", "did you mean us-east-1?"),
        ("scna", "similar subcommand exists: 'scan'"),
        ("scan --regoin all", "similar argument exists: '--region'"),
    ] {
        let text = refused(line);
        assert!(text.contains(meant), "redress {line}: {text}");
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = said(&format!("completions {shell}"));
        assert!(
            script.contains("redress") && script.contains("explain") && script.contains("allow-cidr"),
            "{shell}"
        );
    }
    let bash = said("completions bash");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c"), bash).unwrap();
    let ask = "source ./c; COMP_WORDS=(redress und); COMP_CWORD=1; _redress redress und redress; echo \
               ${COMPREPLY[@]}";
    let Ok(output) = Command::new("bash").args(["-c", ask]).current_dir(folder.path()).output() else {
        return println!("no bash here");
    };
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "undo",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn there_is_a_manual_page_for_every_command_with_its_examples() {
    let folder = tempfile::tempdir().unwrap();
    assert!(redress(folder.path(), "man pages").status.success());
    for (page, example) in [
        ("redress.1", "redress demo"),
        ("redress-fix.1", "redress fix plan.json"),
        ("redress-playbooks-new.1", "redress playbooks new"),
    ] {
        let text = fs::read_to_string(folder.path().join("pages").join(page)).unwrap().replace('\\', "");
        assert!(text.contains(".TH") && text.contains(example), "{page}: {text}");
    }
}

#[test]
fn a_new_playbook_is_good_as_soon_as_what_must_be_given_is_given() {
    for action in actions::all().iter().filter(|a| !a.answers().is_empty()) {
        let text = said(&format!("playbooks new {}", action.name()));
        let problems = playbook::parse(&text, "new").err().unwrap_or_default();
        let open = problems.iter().all(|p| p.what.contains("missing parameter") && text.contains("= ..."));
        assert!(open, "{text}\n{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        assert!(action.parameters().iter().all(|p| text.contains(&format!("{} = ", p.name))), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(redress(folder.path(), "playbooks new -o mine.toml").status.success());
    assert!(redress(folder.path(), "playbooks check mine.toml").status.success());
    assert_eq!(
        redress(folder.path(), "playbooks new -o mine.toml").status.code(),
        Some(2),
        "a file that is there is not written over"
    );
}

/// What of a value a schema does not allow; as much of draft 7 as the schema uses.
fn wrong(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut say = |what: String| all.push(format!("{at}: {what}"));
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        say(format!("{value} is none of {words:?}"));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        say(format!("{value} is not {}", schema["const"]));
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some(other) => panic!("the checker does not know the type {other}"),
        None => true,
    };
    if !fits {
        say(format!("{value} is no {}", schema["type"]));
    }
    if let Some(n) = value.as_i64()
        && (schema["minimum"].as_i64().is_some_and(|least| n < least)
            || schema["maximum"].as_i64().is_some_and(|most| n > most))
    {
        say(format!("{n} is out of range"));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let found: Vec<Vec<String>> = choices.iter().map(|choice| wrong(choice, value, at)).collect();
        if found.iter().filter(|w| w.is_empty()).count() != 1 {
            all.extend(found.into_iter().flatten());
        }
    }
    all.extend(inside(schema, value, at));
    all
}

fn inside(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut all = Vec::new();
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            all.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(of), _) => all.extend(wrong(of, inner, &format!("{at}/{name}"))),
            (None, Value::Bool(false)) => all.push(format!("{at}: unknown key {name}")),
            (None, Value::Object(_)) => {
                all.extend(wrong(&schema["additionalProperties"], inner, &format!("{at}/{name}")))
            }
            (None, _) => {}
        }
    }
    if let Some(items) = value.as_array() {
        if schema["minItems"].as_u64().is_some_and(|least| (items.len() as u64) < least) {
            all.push(format!("{at}: too few"));
        }
        if schema.get("items").is_some() {
            all.extend(
                items
                    .iter()
                    .enumerate()
                    .flat_map(|(n, item)| wrong(&schema["items"], item, &format!("{at}/{n}"))),
            );
        }
    }
    all
}

fn of_toml(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

/// Good playbooks: the built-in ones, and one for each action with all parameters that have a default.
fn good() -> Vec<(String, Value)> {
    let built_in = playbook::builtin().into_iter();
    let usable = actions::all().iter().filter(|a| !a.answers().is_empty());
    let new = usable.map(|a| (a.name().to_owned(), redress::report::pages::commented_playbook(*a)));
    built_in.chain(new).map(|(name, text)| (name, of_toml(&text))).collect()
}

#[test]
fn the_schema_in_docs_is_that_of_the_program() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/playbook.schema.json");
    let made = said("playbooks schema");
    if std::env::var_os("REDRESS_BLESS").is_some_and(|v| v == "1") {
        fs::write(&file, &made).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&file).unwrap_or_default(),
        made,
        "the schema is stale; run the tests once with REDRESS_BLESS=1"
    );
    assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), schema());
}

#[test]
fn every_playbook_that_the_program_takes_fits_the_schema() {
    let schema = schema();
    for (name, playbook) in good() {
        assert_eq!(wrong(&schema, &playbook, ""), Vec::<String>::new(), "{name}");
    }
    let full = json!({ "id": "x", "title": "t", "finding": ["ebs-volume-unencrypted"], "approve": "never",
        "check": { "tag": "", "max_age_hours": 8760 },
        "match": { "severity": "low", "regions": ["eu-*"], "tags": { "a": "b" }, "without_tags": {},
        "resources": ["*"] },
        "guard": { "max_changes": 1, "max_percent": 100, "protected_tags": ["a=b"] },
        "action": [{ "use": "encrypt-volumes" }] });
    assert_eq!(wrong(&schema, &full, ""), Vec::<String>::new());
}

/// Every place in a value at which a key can be put.
fn tables(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            all.push(at.to_owned());
            map.iter().for_each(|(name, inner)| tables(inner, &format!("{at}/{name}"), all));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, inner)| tables(inner, &format!("{at}/{n}"), all))
        }
        _ => {}
    }
}

#[test]
fn an_unknown_key_anywhere_is_refused_by_the_schema_as_by_the_program() {
    let schema = schema();
    let mut seen = 0;
    for (name, playbook) in good() {
        let mut places = Vec::new();
        tables(&playbook, "", &mut places);
        for place in places.iter().filter(|place| !place.ends_with("tags")) {
            let mut bad = playbook.clone();
            bad.pointer_mut(place)
                .and_then(Value::as_object_mut)
                .unwrap()
                .insert("nonsense".to_owned(), json!(1));
            assert!(!wrong(&schema, &bad, "").is_empty(), "{name}{place}");
            let text = toml::to_string(&toml::Value::try_from(&bad).unwrap()).unwrap();
            assert!(playbook::parse(&text, "bad").is_err(), "{name}{place}");
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen}");
}

#[test]
fn a_key_that_is_missing_or_of_another_type_is_refused_by_both() {
    let schema = schema();
    let base = "id = \"x\"\ntitle = \"t\"\nfinding = \"ebs-volume-unencrypted\"\n[[action]]\nuse = \
                \"encrypt-volumes\"\n";
    assert!(wrong(&schema, &of_toml(base), "").is_empty() && playbook::parse(base, "base").is_ok());
    for (from, to) in [
        ("id = \"x\"\n", ""),
        ("title = \"t\"\n", ""),
        ("finding = \"ebs-volume-unencrypted\"\n", ""),
        ("finding = \"ebs-volume-unencrypted\"", "finding = \"no-such-check\""),
        ("finding = \"ebs-volume-unencrypted\"", "finding = []"),
        ("use = \"encrypt-volumes\"", "use = \"no-such-action\""),
        ("title = \"t\"", "title = 1"),
        ("title = \"t\"", "title = \"t\"\napprove = \"maybe\""),
        ("[[action]]", "[guard]\nmax_percent = 101\n[[action]]"),
        ("[[action]]", "[guard]\nmax_changes = \"all\"\n[[action]]"),
        ("[[action]]", "[match]\nseverity = \"huge\"\n[[action]]"),
        ("[[action]]", "[match]\nregions = \"eu-west-1\"\n[[action]]"),
    ] {
        let bad = base.replace(from, to);
        assert!(!wrong(&schema, &of_toml(&bad), "").is_empty(), "the schema takes\n{bad}");
        assert!(playbook::parse(&bad, "bad").is_err(), "the program takes\n{bad}");
    }
}
