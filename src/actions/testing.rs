//! An action for the tests of the layers above actions: it closes a security group, in the smallest way that
//! has all the parts. It is not in the registry, and no product knows it.

#![expect(missing_docs, reason = "the tests of actions alone see it")]

use serde_json::{Value, json};

use super::{
    Action, Around, Context, Parameter, Prerequisite, Proof, Proposal, Refusal,
    concern::{self, Concern},
};
use crate::{
    calls::{Act, Call, Recognise, Risk, Step, WayBack, reference},
    inventory::{FamilyKind, SecurityGroupRule, Selector, Want},
    resource::{Kind, ResourceId},
    services::{SPECS, Spec},
};

/// An action for tests: `test-close`, and the same under another name.
pub struct Close(&'static str, u8);

static CLOSE: Close = Close("test-close", 0);
static LATE: Close = Close("test-close-late", 20);

pub fn find(name: &str) -> Option<&'static dyn Action> {
    let all: [&'static dyn Action; 2] = [&CLOSE, &LATE];
    all.into_iter().find(|a| a.name() == name)
}

pub const WORLD: &str = "0.0.0.0/0";

fn step(name: &str, operation: &str, group: &str, more: Value, way_back: WayBack) -> Step {
    Step {
        name: name.into(),
        title: format!("{name} at {group}"),
        act: act(operation, group, more),
        way_back,
    }
}

fn act(operation: &str, group: &str, more: Value) -> Act {
    let mut input = json!({ "GroupId": group });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Act::new(
        Call::new("ec2", "us-east-1", operation, input),
        None,
        Recognise::Looks { expect: Vec::new(), outputs: Default::default() },
    )
}

fn calls(rollback: Vec<Act>) -> WayBack {
    WayBack::Calls { rollback, undo: Default::default(), kept_once: None, redo: false }
}

/// Lets a narrow source in, then removes the world.
fn steps(group: &str, world: &[String], with: &Value) -> Vec<Step> {
    let target = with["at"].as_str().unwrap_or(group);
    let opened = json!({ "SecurityGroupRuleIds": reference::output("authorize", "SecurityGroupRuleIds") });
    let back = if with["forgets"] == true { "198.51.100.0/24" } else { WORLD };
    let mut steps = vec![
        step(
            "authorize",
            "AuthorizeSecurityGroupIngress",
            group,
            json!({ "Cidr": "10.0.0.0/8" }),
            calls(vec![act("RevokeSecurityGroupIngress", group, opened)]),
        ),
        step(
            "revoke",
            "RevokeSecurityGroupIngress",
            target,
            json!({ "SecurityGroupRuleIds": world }),
            calls(vec![act("AuthorizeSecurityGroupIngress", group, json!({ "Cidr": back }))]),
        ),
    ];
    if let Some(name) = with["keeps"].as_str() {
        let act = Act {
            call: Call::new("logs", "us-east-1", "CreateLogGroup", json!({ "logGroupName": name })),
            ..steps[0].act.clone()
        };
        steps.push(Step {
            name: "log".into(),
            title: "make a log group".into(),
            act,
            way_back: WayBack::Kept("the log group may hold logs".into()),
        });
    }
    steps
}

impl Action for Close {
    fn name(&self) -> &'static str {
        self.0
    }
    fn title(&self) -> &'static str {
        "Closes a group"
    }
    fn doc(&self) -> &'static str {
        ""
    }
    fn answers(&self) -> &'static [&'static str] {
        &["security-group-open-admin-port"]
    }
    fn target(&self) -> Kind {
        Kind::SecurityGroup
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        &[]
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }
    fn decode(&self, _: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        Ok(Value::Null)
    }
    fn needs(&self, context: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        vec![Want::by(context.region, FamilyKind::SecurityGroupRules, "group-id", target.id())]
    }
    fn operations(&self) -> &'static [Spec] {
        SPECS
    }
    fn concerns(&self) -> concern::Table {
        const { &[(FamilyKind::SecurityGroupRules, Concern::WHOLE), (FamilyKind::LogGroups, Concern::WHOLE)] }
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let region = super::support::region(context.inventory, context.region)?;
        let rules = super::support::need(
            region.security_group_rules.select(&Selector::by("group-id", target.id())),
            "the rules",
        )?;
        let world: Vec<&SecurityGroupRule> =
            rules.iter().map(|(_, r)| *r).filter(|r| r.cidr_ipv4.as_deref() == Some(WORLD)).collect();
        if world.is_empty() {
            return Err(Refusal::Nothing("the group is closed".into()));
        }
        if let Some(other) = with["unless_closed"].as_str()
            && !region
                .security_group_rules
                .known()
                .any(|(_, r)| r.group_id == other && r.cidr_ipv4.as_deref() == Some(WORLD))
        {
            return Err(Refusal::Refused(format!("{other} is the other way in, and it is closed")));
        }
        let after = with["after"].as_str().map(|id| {
            (context.inventory.owner.security_group(context.region, id), with["after_with"].clone())
        });
        let mut touches = self.needs(context, target, with);
        touches
            .extend(with["keeps"].as_str().map(|name| Want::id(context.region, FamilyKind::LogGroups, name)));
        let ids: Vec<String> = world.iter().map(|r| r.id.clone()).collect();
        Ok(Proposal {
            summary: format!("Close {}.", target.id()),
            steps: steps(target.id(), &ids, with),
            risk: Risk::Disruptive,
            impact: vec![format!("{} sources lose access to {}", world.len(), target.id())],
            before: json!("open"),
            after: json!("closed"),
            proof: vec![Proof {
                check: "security-group-open-admin-port".into(),
                resource: target.clone(),
                with: Value::Null,
            }],
            not_restored: Vec::new(),
            guards: Vec::new(),
            touches,
            prerequisites: after
                .map(|(resource, with)| Prerequisite {
                    action: "test-close",
                    resource,
                    with,
                    for_a_finding: false,
                })
                .into_iter()
                .collect(),
        })
    }
    fn order(&self) -> u8 {
        self.1
    }
}
