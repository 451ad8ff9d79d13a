//! Plans over a small account of security groups and an action made for tests: the promises of planning for
//! all actions.

mod building;
mod evidence;
mod files;
mod parts;
mod rehearsing;
mod scale;

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Plan, Stage,
    build::{Limits, Request, build},
    evidence::Observed,
    rehearse::Rules,
};
use crate::{
    actions::{ActionUse, Options, testing::WORLD},
    calls::{Call, CallError, ErrorClass, Outcome},
    checks,
    finding::{Finding, Verdict},
    inventory::{
        Caller, Fact, FamilyKind, Inventory, LogGroup, Scope, SecurityGroup, SecurityGroupRule, Selector,
    },
    playbook::{Approve, Guard, Match, Playbook, Set},
    resource::{Owner, ResourceId},
};

const REGION: &str = "us-east-1";
const CHECK: &str = "security-group-open-admin-port";

fn owner() -> Owner {
    Owner { partition: "aws".into(), account: "123456789012".into() }
}

fn group(id: &str) -> ResourceId {
    owner().security_group(REGION, id)
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn rule(id: &str, group: &str, cidr: &str) -> SecurityGroupRule {
    SecurityGroupRule {
        id: id.into(),
        group_id: group.into(),
        ip_protocol: "tcp".into(),
        from_port: 22,
        to_port: 22,
        cidr_ipv4: Some(cidr.into()),
        ..SecurityGroupRule::default()
    }
}

/// Builds an account with these groups, each open to the world on port 22.
fn account(groups: &[&str]) -> Inventory {
    let mut inventory = Inventory::empty(owner(), Caller::default(), now());
    let region = inventory.region_mut(REGION);
    region.security_groups.read(&Selector::All, Fact::Known(()));
    region.security_group_rules.read(&Selector::All, Fact::Known(()));
    region.prefix_lists.read(&Selector::All, Fact::Known(()));
    region.log_groups.read(&Selector::All, Fact::Known(()));
    for id in groups {
        region.security_groups.put(
            *id,
            SecurityGroup { id: (*id).into(), owner_id: owner().account, ..SecurityGroup::default() },
        );
        let open = format!("sgr-{id}");
        region.security_group_rules.put(open.clone(), rule(&open, id, WORLD));
    }
    inventory
}

/// A stage that knows as much of AWS as these tests need.
#[derive(Clone)]
struct Table {
    inventory: Inventory,
    made: usize,
}

impl Table {
    fn of(inventory: &Inventory) -> Box<dyn Stage> {
        Box::new(Self { inventory: inventory.clone(), made: 0 })
    }

    fn fails(class: ErrorClass, message: &str) -> Outcome {
        Err(CallError { class, code: "Test".into(), message: message.into() })
    }
}

impl Stage for Table {
    fn inventory(&self) -> Inventory {
        self.inventory.clone()
    }
    fn facts(&self) -> &Inventory {
        &self.inventory
    }
    fn perform(&mut self, call: &Call) -> Outcome {
        let region = self.inventory.region_mut(&call.region);
        let group = call.input["GroupId"].as_str().unwrap_or_default();
        match (call.operation.as_str(), group) {
            (_, "sg-foreign") => Self::fails(ErrorClass::Unsupported, "the group was not read"),
            (_, "sg-broken") => Self::fails(ErrorClass::Semantic, "the group says no"),
            ("AuthorizeSecurityGroupIngress", _) => {
                self.made += 1;
                let id = format!("sgr-made-{}", self.made);
                region
                    .security_group_rules
                    .put(id.clone(), rule(&id, group, call.input["Cidr"].as_str().unwrap_or(WORLD)));
                Ok(BTreeMap::from([("SecurityGroupRuleIds".to_owned(), json!([id]))]))
            }
            ("RevokeSecurityGroupIngress", _) => {
                for id in call.input["SecurityGroupRuleIds"].as_array().unwrap() {
                    region.security_group_rules.items.insert(id.as_str().unwrap().to_owned(), Fact::Absent);
                }
                Ok(BTreeMap::new())
            }
            ("CreateLogGroup", _) => {
                let name = call.input["logGroupName"].as_str().unwrap();
                region.log_groups.put(name, LogGroup { id: name.into(), ..LogGroup::default() });
                Ok(BTreeMap::new())
            }
            (other, _) => Self::fails(ErrorClass::Unsupported, other),
        }
    }
    fn pass(&mut self, _: Duration) {}
    fn allow(&mut self, _: &str, _: usize) {}
    fn under_way(&self, _: &[String]) -> bool {
        false
    }
    fn learn(&mut self, facts: Inventory) {
        self.inventory.merge(facts);
    }
    fn missing(&self, scope: &Scope) -> Vec<String> {
        let silent = |w: &&crate::inventory::Want| {
            w.family != FamilyKind::SecurityGroups && self.inventory.select_json(w).silence().is_some()
        };
        scope.iter().filter(silent).map(ToString::to_string).collect()
    }
    fn fork(&self) -> Box<dyn Stage> {
        Box::new(self.clone())
    }
}

fn one(action: &str, with: Value) -> ActionUse {
    ActionUse { action: action.into(), with }
}

fn playbook(id: &str, uses: Vec<ActionUse>) -> Playbook {
    Playbook {
        id: id.into(),
        title: "t".into(),
        finding: vec![CHECK.into()],
        check: json!({}),
        matching: Match::default(),
        actions: uses,
        guard: Guard::default(),
        approve: Approve::Ask,
        sets: vec![Set::Default],
        source: format!("{id}.toml"),
        digest: "d".into(),
    }
}

/// Returns the playbook that closes groups, only these where any are named.
fn closing(id: &str, with: Value, only: &[&str]) -> Playbook {
    let matching = Match { resources: only.iter().map(|s| (*s).to_owned()).collect(), ..Match::default() };
    Playbook { matching, ..playbook(id, vec![one("test-close", with)]) }
}

fn scan(inventory: &Inventory) -> Vec<Finding> {
    let scanned: Vec<_> = checks::all().filter(|c| c.id == CHECK).collect();
    checks::run(inventory, &[REGION.to_owned()], &scanned, |_| Value::Null).0
}

/// The parts of the world that a test may want to be different.
struct World {
    inventory: Inventory,
    findings: Vec<Finding>,
    playbooks: Vec<Playbook>,
    options: Options,
    limits: Limits,
    regions: Vec<String>,
}

/// Nobody was observed.
const NOBODY: &Observed = &Observed::new();

impl World {
    fn new(inventory: Inventory, playbooks: Vec<Playbook>) -> Self {
        let findings = scan(&inventory);
        Self {
            inventory,
            findings,
            playbooks,
            options: Options::default(),
            limits: Limits::default(),
            regions: vec![REGION.to_owned()],
        }
    }
    fn request(&self) -> Request<'_> {
        Request {
            inventory: &self.inventory,
            findings: &self.findings,
            unjudged: &[],
            playbooks: &self.playbooks,
            options: &self.options,
            regions: &self.regions,
            endpoint: "twin:test",
            caller: "arn:aws:iam::123456789012:user/a",
            created: now(),
            valid_for: SignedDuration::from_hours(168),
            observed: NOBODY,
            limits: self.limits,
            stage: Table::of(&self.inventory),
        }
    }
    fn plan(&self) -> Plan {
        build(self.request())
    }
    fn rules(&self) -> Rules {
        self.request().rules()
    }
}

/// Returns the ids of the resources of a plan's changes, in order.
fn targets(plan: &Plan) -> Vec<&str> {
    plan.changes.iter().map(|c| c.resource.id()).collect()
}

/// Returns the kind and the reason for which the finding on this group was skipped.
fn skipped<'a>(plan: &'a Plan, id: &str) -> (&'static str, &'a str) {
    let found: Vec<_> = plan.skipped.iter().filter(|s| s.finding.resource.id() == id).collect();
    assert_eq!(found.len(), 1, "{id}: {found:?}");
    (found[0].kind.word(), found[0].reason.as_str())
}

fn violating(resource: ResourceId) -> Finding {
    Finding {
        check: CHECK.into(),
        severity: crate::finding::Severity::High,
        region: REGION.into(),
        resource,
        verdict: Verdict::Violates(json!({})),
        suppressed: None,
        tags: BTreeMap::new(),
        sources: vec!["scan".into()],
    }
}
