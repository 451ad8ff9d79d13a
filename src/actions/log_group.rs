//! (in the making)

use serde_json::Value;

use super::{Action, Context, Parameter, Proposal, Refusal};
use crate::{
    inventory::Want,
    resource::{Kind, ResourceId},
};

/// (in the making)
pub struct EnsureLogGroup;

impl Action for EnsureLogGroup {
    fn name(&self) -> &'static str {
        "ensure-log-group"
    }
    fn title(&self) -> &'static str {
        ""
    }
    fn doc(&self) -> &'static str {
        ""
    }
    fn answers(&self) -> &'static [&'static str] {
        &[]
    }
    fn target(&self) -> Kind {
        Kind::Other
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }
    fn decode(&self, _: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        Ok(Value::Null)
    }
    fn needs(&self, _: &Context<'_>, _: &ResourceId, _: &Value) -> Vec<Want> {
        Vec::new()
    }
    fn propose(&self, _: &Context<'_>, _: &ResourceId, _: &Value) -> Result<Proposal, Refusal> {
        Err(Refusal::Nothing(String::new()))
    }
}
