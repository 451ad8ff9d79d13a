//! How the work of a scan, of a plan and of reach grows with the account, on twins without any latency: what redress
//! itself takes.
//!
//! ```text
//! cargo measure --bench scale                 1,000 and 10,000 groups, a tenth of them open
//! cargo measure --bench scale -- 5000         as many groups as are given
//! cargo measure --bench scale -- rules 1000000   checks alone, over an inventory of so many rules
//! ```
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and may panic")]

use std::time::Instant;

use futures::executor::block_on;
use jiff::SignedDuration;
use redress::{
    actions::Options,
    checks::{self, Check},
    engine::survey,
    inventory::{
        AclEntry, Caller, Fact, FamilyKind, Inventory, NetworkAcl, NetworkInterface, PublicAccessOptions,
        Region, Route, RouteTable, RouteTableAssociation, SecurityGroup, SecurityGroupRule, Selector,
        VpcPublicAccess,
    },
    plan::{Stage, build::Limits},
    playbook,
    reach::Reached,
    resource::Owner,
    twin::{Twin, TwinAccount},
};
use serde_json::Value;

const REGION: &str = "us-east-1";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => [1_000, 10_000].into_iter().for_each(all),
        ["rules", rules] => judge(rules.parse().unwrap()),
        groups => groups.iter().for_each(|n| all(n.parse().unwrap())),
    }
}

/// An account of groups with five rules and an interface each; every tenth group lets the world in by SSH.
fn account(groups: usize) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let caller = Caller { arn: "arn:aws:iam::123456789012:user/bench".into(), host: Fact::Absent };
    let mut inventory = Inventory::empty(owner.clone(), caller, "2026-11-22T10:00:00Z".parse().unwrap());
    let region = inventory.region_mut(REGION);
    region.security_groups.read(&Selector::All, Fact::Known(()));
    region.security_group_rules.read(&Selector::All, Fact::Known(()));
    region.network_interfaces.read(&Selector::All, Fact::Known(()));
    region.prefix_lists.read(&Selector::All, Fact::Known(()));
    region.instances.read(&Selector::All, Fact::Known(()));
    for n in 0..groups {
        let id = format!("sg-{n:017x}");
        let group = SecurityGroup {
            id: id.clone(),
            name: format!("group-{n}"),
            vpc_id: "vpc-1".into(),
            owner_id: owner.account.clone(),
            ..SecurityGroup::default()
        };
        region.security_groups.put(id.as_str(), group);
        for port in 0..5 {
            let open = port == 0 && n % 10 == 0;
            let (from_port, source) = if open { (22, "0.0.0.0/0") } else { (8000 + port, "10.0.0.0/8") };
            let rule = SecurityGroupRule {
                id: format!("sgr-{n:012x}{port:05x}"),
                group_id: id.clone(),
                ip_protocol: "tcp".into(),
                from_port,
                to_port: from_port,
                cidr_ipv4: Some(source.into()),
                ..SecurityGroupRule::default()
            };
            region.security_group_rules.put(rule.id.clone(), rule);
        }
        let interface = NetworkInterface {
            id: format!("eni-{n:017x}"),
            groups: vec![id],
            status: "in-use".into(),
            vpc_id: "vpc-1".into(),
            subnet_id: format!("subnet-{}", n / 100),
            // Half of them have none, and something else may lead there.
            public_ip: (n % 20 == 0).then(|| "203.0.113.9".to_owned()),
            ..NetworkInterface::default()
        };
        region.network_interfaces.put(interface.id.clone(), interface);
    }
    routed(region, groups.div_ceil(100));
    inventory
}

/// Adds what decides whether the world gets in: a route table and a network ACL for every subnet, of which
/// every third lets nobody in.
fn routed(region: &mut Region, subnets: usize) {
    for n in 0..subnets {
        let route = Route {
            destination: "0.0.0.0/0".into(),
            target: [("GatewayId".to_owned(), "igw-1".to_owned())].into(),
            state: "active".into(),
            origin: "CreateRoute".into(),
            ..Route::default()
        };
        let subnet_id = Some(format!("subnet-{n}"));
        let table = RouteTable {
            id: format!("rtb-{n}"),
            vpc_id: "vpc-1".into(),
            owner_id: "123456789012".into(),
            routes: vec![route],
            associations: vec![RouteTableAssociation { subnet_id, ..RouteTableAssociation::default() }],
            ..RouteTable::default()
        };
        region.route_tables.put(table.id.clone(), table);
        let entry = AclEntry {
            action: if n % 3 == 0 { "deny" } else { "allow" }.into(),
            protocol: "-1".into(),
            cidr_block: Some("0.0.0.0/0".into()),
            ..AclEntry::default()
        };
        let acl = NetworkAcl {
            id: format!("acl-{n}"),
            vpc_id: "vpc-1".into(),
            subnets: vec![format!("subnet-{n}")],
            inbound: [(100, entry.clone())].into(),
            outbound: [(100, entry)].into(),
            ..NetworkAcl::default()
        };
        region.network_acls.put(acl.id.clone(), acl);
    }
    region.route_tables.read(&Selector::All, Fact::Known(()));
    region.network_acls.read(&Selector::All, Fact::Known(()));
    region.load_balancers.read(&Selector::All, Fact::Known(()));
    let options = PublicAccessOptions { mode: "off".into(), state: "default-state".into() };
    let block = VpcPublicAccess { options: Fact::Known(options), exclusions: Fact::Known(Vec::new()) };
    region.vpc_public_access.put(VpcPublicAccess::ID, block);
}

fn of_groups() -> Vec<&'static Check> {
    let reads_groups = |c: &&'static Check| {
        c.scanned && (c.reads)(REGION).iter().any(|w| w.family == FamilyKind::SecurityGroups)
    };
    checks::all().filter(reads_groups).collect()
}

/// The checks alone.
fn judge(rules: usize) {
    let inventory = account(rules / 5);
    let (regions, checks) = ([REGION.to_owned()], of_groups());
    let started = Instant::now();
    let (findings, _) = checks::run(&inventory, &regions, &checks, |_| Value::Null);
    let seconds = started.elapsed().as_secs_f64();
    let judged = rules * checks.len();
    println!(
        "{} checks over {rules} rules: {seconds:.2} s, {:.2} M rules a second and check, {} findings",
        checks.len(),
        judged as f64 / seconds / 1e6,
        findings.len()
    );
}

/// A scan, and a plan that is rehearsed.
fn all(groups: usize) {
    let account = TwinAccount::new(Twin::new(account(groups), 7), "bench");
    let (regions, checks) = ([REGION.to_owned()], of_groups());
    let playbooks = playbook::assemble(playbook::builtin(), Vec::new()).unwrap();
    let started = Instant::now();
    let survey = block_on(survey::scan(&account, &regions, &checks, &|_| Value::Null));
    let scanned = started.elapsed().as_secs_f64();
    let wish = survey::Wish {
        regions: &regions,
        checks: &checks,
        playbooks: &playbooks,
        options: &Options::default(),
        valid_for: SignedDuration::from_hours(24),
        observed: Default::default(),
        limits: Limits { max_changes: Some(usize::MAX), max_percent: Some(100) },
        also: Default::default(),
        narrow: None,
    };
    let started = Instant::now();
    let (planned_on, plan) = block_on(survey::plan(&account, &wish, &|inventory| {
        Box::new(Twin::from_inventory(inventory)) as Box<dyn Stage>
    }));
    let planned = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let (_, reaches) = block_on(survey::reach(&account, &planned_on, &wish));
    println!(
        "{groups} groups: reach {:.3} s ({:.1} us a finding, {} findings, {} reachable)",
        started.elapsed().as_secs_f64(),
        started.elapsed().as_secs_f64() * 1e6 / reaches.len().max(1) as f64,
        reaches.len(),
        reaches.values().filter(|reach| reach.verdict == Reached::Reachable).count()
    );
    println!(
        "{groups} groups: scan {scanned:.3} s ({:.1} us a group, {} findings); plan {planned:.3} s ({:.2} ms \
         a change, {} changes, {} not rehearsed)",
        scanned * 1e6 / groups as f64,
        survey.findings.len(),
        planned * 1e3 / plan.changes.len().max(1) as f64,
        plan.changes.len(),
        plan.rehearsal.not_rehearsed.len()
    );
    if let Some(why) = plan.rehearsal.not_rehearsed.first().or(plan.skipped.first().map(|s| &s.reason)) {
        println!("  {why}");
    }
}
