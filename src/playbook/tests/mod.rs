//! Tests of loading, with checks and actions of their own, independent of the real ones.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Playbook, Problem, load::parse_with, vocabulary::Vocabulary};
use crate::{
    actions::{Action, Around, Context, Parameter, Proposal, Refusal},
    inventory::Want,
    resource::{Kind, ResourceId},
};

mod errors;
mod session;
mod sets;
mod settings;
mod whole;

/// An action for tests, with a parameter of each sort.
struct Mend {
    name: &'static str,
    answers: &'static [&'static str],
    parameters: &'static [Parameter],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    #[serde(default)]
    strategy: Strategy,
    #[serde(default)]
    allow: Vec<ipnet::IpNet>,
    #[serde(default = "thirty")]
    keep_days: u16,
    key: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Strategy {
    #[default]
    Narrow,
    Revoke,
    Split,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bucket {
    bucket: String,
    days: u16,
}

fn thirty() -> u16 {
    30
}

const fn parameter(name: &'static str, kind: &'static str) -> Parameter {
    Parameter { name, kind, default: "", doc: "" }
}

impl Action for Mend {
    fn name(&self) -> &'static str {
        self.name
    }
    fn title(&self) -> &'static str {
        "Mends"
    }
    fn doc(&self) -> &'static str {
        ""
    }
    fn answers(&self) -> &'static [&'static str] {
        self.answers
    }
    fn target(&self) -> Kind {
        Kind::Other
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        &[]
    }
    fn parameters(&self) -> &'static [Parameter] {
        self.parameters
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        let value = match self.name {
            "make-bucket" => serde_json::to_value(Bucket::deserialize(with)?),
            "raise-cloudtrail" => Ok(Value::Object(Default::default())),
            _ => {
                let decoded = With::deserialize(with)?;
                if decoded.allow.iter().any(|cidr| cidr.prefix_len() == 0) {
                    return Err(serde::de::Error::custom(
                        "`allow` holds the world, which is what is to be closed",
                    ));
                }
                serde_json::to_value(decoded)
            }
        };
        value.map_err(serde::de::Error::custom)
    }
    fn needs(&self, _: &Context<'_>, _: &ResourceId, _: &Value) -> Vec<Want> {
        Vec::new()
    }
    fn operations(&self) -> &'static [crate::services::Spec] {
        &[]
    }
    fn concerns(&self) -> crate::actions::concern::Table {
        &[]
    }
    fn propose(&self, _: &Context<'_>, _: &ResourceId, _: &Value) -> Result<Proposal, Refusal> {
        Err(Refusal::Nothing(String::new()))
    }
}

static TIGHTEN: Mend = Mend {
    name: "tighten-security-group",
    answers: &["security-group-open-admin-port", "security-group-open-database-port"],
    parameters: &[
        parameter("strategy", "\"narrow\", \"revoke\" or \"split\""),
        parameter("allow", "list of CIDRs"),
        parameter("keep_days", "number"),
        parameter("key", "string"),
    ],
};
static RAISE: Mend = Mend { name: "raise-cloudtrail", answers: &["cloudtrail-not-logging"], parameters: &[] };
static MAKE: Mend = Mend {
    name: "make-bucket",
    answers: &["cloudtrail-missing"],
    parameters: &[parameter("bucket", "string"), parameter("days", "number")],
};
static BACKUP: Mend =
    Mend { name: "snapshot-instance", answers: &["instance-backup-stale"], parameters: TIGHTEN.parameters };
static ROLE: Mend = Mend { name: "delivery-role", answers: &[], parameters: &[] };

/// Builds the vocabulary of the tests.
fn words() -> Vocabulary {
    Vocabulary {
        checks: vec![
            "security-group-open-admin-port",
            "security-group-open-database-port",
            "cloudtrail-missing",
            "cloudtrail-not-logging",
            "instance-backup-stale",
        ],
        actions: vec![&TIGHTEN, &RAISE, &MAKE, &BACKUP, &ROLE],
    }
}

/// A good playbook, to which tests add something.
const GOOD: &str = "id = \"mine\"\ntitle = \"Mine\"\nfinding = \
                    \"security-group-open-admin-port\"\n\n[[action]]\nuse = \"tighten-security-group\"\n";

fn read(text: &str) -> Result<Playbook, Vec<Problem>> {
    parse_with(&words(), text, "mine.toml").map(|loaded| loaded.playbook)
}

/// Returns the messages that a person sees of a bad file.
fn shown(text: &str) -> String {
    let problems = read(text).expect_err("the file is taken for good");
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}
