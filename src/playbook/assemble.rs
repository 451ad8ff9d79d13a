//! The playbooks of one session: the built-in ones, and those of the user, which add to them or replace them.

use serde_json::{Map, Value, json};

use super::{
    Playbook, keys,
    load::{Loaded, parse_with},
    problem::Problem,
    vocabulary::Vocabulary,
};
use crate::actions::Parameter;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../playbooks/", $name, ".toml")))),*]
    };
}

static BUILT_IN: &[(&str, &str)] = built_in![
    "security-group-open-admin-port",
    "security-group-open-database-port",
    "security-group-open-all-traffic",
    "security-group-open-other-port",
    "security-group-open-egress",
    "default-security-group",
    "vpc-flow-logs",
    "subnet-public-ip",
    "network-acl",
    "block-addresses",
    "blocks",
    "private-subnets",
    "blackhole-routes",
    "peering-routes",
    "raise-cloudtrail",
    "create-cloudtrail",
    "password-policy",
    "unused-passwords",
    "users-without-mfa",
    "ebs-encryption",
    "ebs-default-encryption",
    "kms-rotation",
    "public-snapshots",
    "public-snapshots-block",
    "public-images",
    "public-images-block",
    "unused-access-keys",
    "access-key-rotation",
    "retired-access-keys",
    "deleted-access-keys",
    "compromised-users",
    "compromised-roles",
    "unused-permissions",
    "load-balancer-tls",
    "load-balancer-http",
    "load-balancer-web-acl",
    "vpc-endpoint-policy",
    "vpc-endpoint-security-group",
    "vpc-endpoint-dns",
    "instance-backups",
];

/// Returns the embedded playbooks: their sources (`built-in:NAME`) and texts.
pub fn builtin() -> Vec<(String, String)> {
    BUILT_IN.iter().map(|(name, text)| (format!("built-in:{name}"), (*text).to_owned())).collect()
}

/// Assembles the playbooks of a session from pairs of source and text: the built-in ones in their order, each
/// replaced by the user's playbook of the same id, and then the user's other playbooks in their order.
///
/// # Errors
/// All problems of the files; an id that two files of the user share; parameters of a check on which two
/// playbooks differ.
pub fn assemble(
    builtin: Vec<(String, String)>,
    user: Vec<(String, String)>,
) -> Result<Vec<Playbook>, Vec<Problem>> {
    assemble_with(&Vocabulary::all(), builtin, user)
}

pub(super) fn assemble_with(
    words: &Vocabulary,
    builtin: Vec<(String, String)>,
    user: Vec<(String, String)>,
) -> Result<Vec<Playbook>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut all: Vec<File> = load(words, builtin, false, &mut problems);
    for mut file in load(words, user, true, &mut problems) {
        match all.iter_mut().find(|other| other.id() == file.id()) {
            Some(other) if other.of_user => problems.push(duplicate(&file, other)),
            Some(other) => {
                if !file.loaded.names_sets {
                    file.loaded.playbook.sets.clone_from(&other.loaded.playbook.sets);
                }
                *other = file;
            }
            None => all.push(file),
        }
    }
    problems.extend(quarrels(&all));
    if problems.is_empty() {
        let mut all: Vec<Playbook> = all.into_iter().map(|file| file.loaded.playbook).collect();
        spread(words, &mut all);
        Ok(all)
    } else {
        Err(problems)
    }
}

/// Returns the parameters that the playbooks give a check; null if none does.
pub fn check_parameters(playbooks: &[Playbook], check: &str) -> Value {
    let given = playbooks.iter().filter(|p| p.finding.iter().any(|f| f == check)).map(|p| of_check(p, check));
    given.into_iter().find(|with| *with != json!({})).unwrap_or(Value::Null)
}

/// Returns the names of the parameters that the playbooks give a check and that are not its defaults.
pub fn own_parameters(playbooks: &[Playbook], check: &str) -> Vec<&'static str> {
    let given = check_parameters(playbooks, check);
    let default = |parameter: &Parameter| {
        let text = format!("v = {}", parameter.default);
        toml::from_str::<Map<String, Value>>(&text).ok().and_then(|mut table| table.remove("v"))
    };
    let own = keys::of_check(check)
        .iter()
        .filter(|p| given.get(p.name).is_some_and(|v| default(p).as_ref() != Some(v)));
    own.map(|p| p.name).collect()
}

/// Gives the parameters of checks to the actions that must know them, in every playbook that uses one: two
/// playbooks that use an action on one resource must want the same.
fn spread(words: &Vocabulary, playbooks: &mut [Playbook]) {
    let mut known: Vec<(&str, &str, Value)> = Vec::new();
    for action in &words.actions {
        for (check, name) in action.of_checks() {
            if let Some(given) = check_parameters(playbooks, check).get(*name) {
                known.push((action.name(), name, given.clone()));
            }
        }
    }
    for used in playbooks.iter_mut().flat_map(|p| &mut p.actions) {
        for (_, name, given) in known.iter().filter(|(action, _, _)| *action == used.action) {
            if let Value::Object(with) = &mut used.with {
                with.insert((*name).to_owned(), given.clone());
            }
        }
    }
}

/// A playbook with the text it came from.
struct File {
    loaded: Loaded,
    text: String,
    of_user: bool,
}

impl File {
    fn id(&self) -> &str {
        &self.loaded.playbook.id
    }

    fn problem(&self, what: String, hint: String) -> Problem {
        Problem::at(&self.loaded.playbook.source, &self.text, self.loaded.id_at.clone(), what, Some(hint))
    }
}

fn load(
    words: &Vocabulary,
    files: Vec<(String, String)>,
    of_user: bool,
    problems: &mut Vec<Problem>,
) -> Vec<File> {
    let mut found = Vec::new();
    for (source, text) in files {
        match parse_with(words, &text, &source) {
            Ok(loaded) => found.push(File { loaded, text, of_user }),
            Err(wrong) => problems.extend(wrong),
        }
    }
    found
}

fn duplicate(file: &File, other: &File) -> Problem {
    let first = other.problem(String::new(), String::new()).place();
    file.problem(
        format!("the id {:?} is taken: {first} has it too", file.id()),
        "give one of them another id, or remove it".to_owned(),
    )
}

/// Selects the parameters of one check from a playbook's `[check]`.
fn of_check(playbook: &Playbook, check: &str) -> Value {
    let known = keys::of_check(check);
    let given = playbook.check.as_object().into_iter().flatten();
    given
        .filter(|(name, _)| known.iter().any(|p| p.name == *name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Finds playbooks that give one check different parameters: the check is run once, and cannot obey both.
fn quarrels(files: &[File]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (n, file) in files.iter().enumerate() {
        for check in &file.loaded.playbook.finding {
            let mine = of_check(&file.loaded.playbook, check);
            let differs = |other: &&File| {
                let theirs = of_check(&other.loaded.playbook, check);
                other.loaded.playbook.finding.contains(check)
                    && theirs != mine
                    && theirs != json!({})
                    && mine != json!({})
            };
            if let Some(other) = files[..n].iter().find(differs) {
                let place = other.problem(String::new(), String::new()).place();
                let what = format!(
                    "{:?} and {:?} ({place}) give the check {check:?} different parameters",
                    file.id(),
                    other.id()
                );
                found.push(file.problem(
                    what,
                    format!(
                        "a check is run once: give both the same [check], or give yours the id {:?} to take \
                         its place",
                        other.id()
                    ),
                ));
            }
        }
    }
    found
}
