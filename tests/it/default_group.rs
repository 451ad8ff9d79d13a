//! The default group of a VPC: on the twin, what somebody else does between the two calls that empty it; and
//! through the built program on an emulator, with boto3 as the witness.

use redress::{
    inventory::{FamilyKind, SecurityGroupRule, Selector},
    journal::Outcome,
    plan::Plan,
    twin::{DeniedRead, demo},
};
use serde_json::{Value, json};

use super::{
    clinic_desk::Desk,
    half_done,
    laws::undoing,
    stand::{Kill, Stand, hold, yes},
    world::{self, use_group},
};

const ACTION: &str = "empty-default-security-group";

/// The plan that empties the one default group of the demo account that has rules and no use, and the group.
fn emptying(stand: &Stand) -> (Plan, String) {
    let whole = world::plan(stand, &world::Wish::default());
    let all: Vec<_> = whole.changes.iter().filter(|c| c.action == ACTION).collect();
    let [change] = all.as_slice() else { panic!("{all:?}") };
    let (id, group) = (change.id.clone(), change.resource.id().to_owned());
    (world::select(stand, &whole, &[id].into()), group)
}

/// The rules of a group without their ids and redress's own tags.
fn rules(stand: &Stand, group: &str) -> Value {
    let settled = stand.settled();
    let want = redress::checks::security_groups::rules_want(demo::MAIN, group);
    settled.footprint(std::slice::from_ref(&want))[want.to_string()].clone()
}

fn operations(stand: &Stand) -> Vec<String> {
    hold(&stand.called).iter().map(|call| call.operation.clone()).collect()
}

#[test]
fn an_interface_that_gets_the_group_between_the_two_calls_brings_back_what_has_gone() {
    let stand = world::demo();
    let (plan, group) = emptying(&stand);
    let before = rules(&stand, &group);
    let used = group.clone();
    hold(&stand.then).push((
        "RevokeSecurityGroupIngress".to_owned(),
        Box::new(move |twin| use_group(twin.truth_mut().region_mut(demo::MAIN), &used)),
    ));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = &stand.story().changes[&plan.changes[0].id];
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
    assert!(told.reason.contains("a network interface uses the group by now"), "{}", told.reason);
    assert!(told.reason.contains(&format!("eni-of-{group}")), "{}", told.reason);
    assert!(
        !operations(&stand).contains(&"RevokeSecurityGroupEgress".to_owned()),
        "{:?}",
        operations(&stand)
    );
    assert_eq!(rules(&stand, &group), before);
}

#[test]
fn an_interface_that_gets_the_group_while_the_run_is_dead_is_seen_by_the_one_that_goes_on() {
    for kill in [Kill::BeforeCall(1), Kill::AfterCall(1), Kill::BeforeCall(2)] {
        let stand = world::demo();
        let (plan, group) = emptying(&stand);
        let before = rules(&stand, &group);
        stand.killed(&plan, kill);
        use_group(hold(&stand.twin).truth_mut().region_mut(demo::MAIN), &group);
        let revoked = operations(&stand).len();
        stand.run(&plan, Vec::new(), None).unwrap().unwrap();
        let told = &stand.story().changes[&plan.changes[0].id];
        let nothing_done = kill == Kill::BeforeCall(1);
        let wanted = if nothing_done { Outcome::Blocked } else { Outcome::RolledBack };
        assert_eq!(told.outcome(), Some(wanted), "{kill:?}: {}", told.reason);
        let after = &operations(&stand)[revoked..];
        assert!(!after.iter().any(|call| call.starts_with("Revoke")), "{kill:?}: {after:?}");
        assert_eq!(rules(&stand, &group), before, "{kill:?}");
    }
}

#[test]
fn a_run_that_died_between_the_two_calls_is_continued_and_goes_back_where_the_group_is_used_by_then() {
    let stand = world::demo();
    let (plan, group) = emptying(&stand);
    stand.killed(&plan, Kill::BeforeCall(2));
    half_done::borne_out(&stand, &plan, "nothing has changed");
    use_group(hold(&stand.twin).truth_mut().region_mut(demo::MAIN), &group);
    half_done::borne_out(&stand, &plan, "the group is used");
    // What the action would not call today is not called because a file says so.
    let mut other = serde_json::to_value(&plan).unwrap();
    other["changes"][0]["steps"][1]["call"]["operation"] = json!("RevokeSecurityGroupIngress");
    let said = half_done::said(&stand, &serde_json::from_value(other).unwrap());
    assert!(said.beyond.iter().any(|why| why.contains("would shut sgr-")), "{said:#?}");
    stand.run(&plan, Vec::new(), None).unwrap().unwrap();
    let told = &stand.story().changes[&plan.changes[0].id];
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
}

#[test]
fn interfaces_that_may_not_be_read_any_more_keep_the_rules_where_they_are() {
    let stand = world::demo();
    let (plan, group) = emptying(&stand);
    let before = rules(&stand, &group);
    let denied = DeniedRead { family: FamilyKind::NetworkInterfaces, region: None, member: None };
    hold(&stand.twin).faults.denied_reads = vec![denied];
    let _ = stand.run(&plan, yes(&plan), None).unwrap();
    assert_eq!(operations(&stand), [""; 0]);
    assert_eq!(rules(&stand, &group), before);
}

#[test]
fn a_rule_that_somebody_adds_or_removes_before_the_run_is_no_longer_the_change_that_was_shown() {
    for adds in [true, false] {
        let stand = world::demo();
        let (plan, group) = emptying(&stand);
        {
            let mut twin = hold(&stand.twin);
            let family = &mut twin.truth_mut().region_mut(demo::MAIN).security_group_rules;
            let own = family.select(&Selector::by("group-id", &group)).known().cloned().unwrap();
            let (id, rule) = (own[0].0.to_owned(), own[0].1.clone());
            match adds {
                true => {
                    let more = SecurityGroupRule {
                        id: "sgr-more".into(),
                        cidr_ipv4: Some("10.9.0.0/16".into()),
                        ..rule
                    };
                    family.put("sgr-more", more);
                }
                false => drop(family.items.remove(&id)),
            }
        }
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let told = &stand.story().changes[&plan.changes[0].id];
        assert_eq!(told.outcome(), Some(Outcome::Drifted), "{adds}: {}", told.reason);
        assert_eq!(operations(&stand), [""; 0]);
    }
}

#[test]
fn the_undo_brings_both_directions_back_with_descriptions_and_tags_also_where_the_group_is_used_by_then() {
    for used in [false, true] {
        let stand = world::demo();
        let (plan, group) = emptying(&stand);
        let before = rules(&stand, &group);
        assert!(before.to_string().contains("INFRA-31") && before.to_string().contains("until they move"));
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        assert_eq!(rules(&stand, &group), json!([]));
        if used {
            use_group(hold(&stand.twin).truth_mut().region_mut(demo::MAIN), &group);
        }
        let undoing = undoing(&stand, &plan);
        let second = stand.again();
        second.run(&undoing.plan, yes(&undoing.plan), None).unwrap().unwrap();
        let told = &second.story().changes[&plan.changes[0].id];
        assert_eq!(told.outcome(), Some(Outcome::Restored), "{}", told.reason);
        assert_eq!(rules(&stand, &group), before);
    }
}

/// Four VPCs: one group has the rules that AWS makes and one more, one is used, one is empty; and a group
/// beside the first is called alike. What the emulator has in every account is turned off.
const SEED: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
ids = {"vpcs": {}}
def default(vpc):
    return ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"][0]
def empty(group):
    ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
for vpc in ec2.describe_vpcs()["Vpcs"]:
    empty(default(vpc["VpcId"]))
for n, name in enumerate(("bad", "used", "empty")):
    vpc = ec2.create_vpc(CidrBlock=f"10.{n + 1}.0.0/16")["Vpc"]["VpcId"]
    group = default(vpc)
    ids[name], ids["vpcs"][name] = group["GroupId"], vpc
    if name == "empty":
        empty(group)
    else:
        ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group["GroupId"]}]}])
ec2.authorize_security_group_ingress(
    GroupId=ids["bad"], IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.9.0.0/16", "Description": "reports"}]}],
    TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "Team", "Value": "maps"}]}])
ids["alike"] = ec2.create_security_group(GroupName="default-web", Description="x", VpcId=ids["vpcs"]["bad"])["GroupId"]
subnet = ec2.create_subnet(VpcId=ids["vpcs"]["used"], CidrBlock="10.2.1.0/24")["Subnet"]["SubnetId"]
ids["interface"] = ec2.create_network_interface(SubnetId=subnet, Groups=[ids["used"]])["NetworkInterface"]["NetworkInterfaceId"]
print(json.dumps(ids))
"#;

/// All rules by group, without ids and redress's own tags.
const LOOK: &str = r#"
import json
import boto3

ec2 = boto3.client("ec2", region_name="us-east-1")
found = {g["GroupId"]: [] for g in ec2.describe_security_groups()["SecurityGroups"]}
for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]:
    # The emulator names the account of a group only where it was given.
    other = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    tags = sorted((t["Key"], t["Value"]) for t in rule.get("Tags", []) if not t["Key"].startswith("redress:"))
    found[rule["GroupId"]].append([rule["IsEgress"], rule["IpProtocol"], rule.get("FromPort", -1), rule.get("ToPort", -1),
                                   rule.get("CidrIpv4"), other, rule.get("Description") or None, tags])
print(json.dumps({group: sorted(rules, key=json.dumps) for group, rules in found.items()}))
"#;

const HERE: &str = "--region us-east-1 --check default-security-group-has-rules";

fn shown(desk: &Desk) -> Value {
    serde_json::from_str(&desk.python(LOOK, "")).unwrap()
}

fn found(scan: &Value) -> Vec<&str> {
    let mut ids: Vec<&str> = scan["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["resource"]["id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_default_group_that_nothing_uses_is_emptied_and_filled_again_and_the_others_are_left() {
    let (desk, seed) = Desk::seeded(SEED);
    let id = |name: &str| seed[name].as_str().unwrap();
    let before = shown(&desk);
    let mut bad = [id("bad"), id("used")];
    bad.sort_unstable();
    let scan = desk.ends(0, &format!("scan {HERE} --format json")).json();
    assert_eq!(found(&scan), bad);
    let by_control = desk.ends(0, "scan --region us-east-1 --check EC2.2 --format json").json();
    assert_eq!(found(&by_control), bad);
    desk.ends(4, &format!("plan {HERE} -o plan.json"));
    assert_eq!(shown(&desk), before, "a plan changes nothing");
    let plan: Value = serde_json::from_str(&crate::clinic_desk::text(&desk.path("plan.json"))).unwrap();
    let [change] = plan["changes"].as_array().unwrap().as_slice() else { panic!("{plan}") };
    assert!(change["resource"].as_str().unwrap().ends_with(id("bad")));
    let reason = plan["skipped"][0]["reason"].as_str().unwrap();
    assert!(reason.contains(id("interface")) && reason.contains("a group of their own"), "{reason}");
    desk.ends(0, "apply plan.json --auto-approve --max-risk disruptive");
    let after = shown(&desk);
    assert_eq!(after[id("bad")], json!([]));
    for (group, rules) in before.as_object().unwrap().iter().filter(|(group, _)| *group != id("bad")) {
        assert_eq!(&after[group], rules, "{group}");
    }
    desk.ends(0, "verify last");
    desk.ends(0, "undo last --auto-approve --max-risk disruptive");
    assert_eq!(shown(&desk), before, "everything is as it was");
}

#[test]
fn an_interface_that_is_made_after_the_plan_keeps_the_group_as_it_is() {
    let (desk, seed) = Desk::seeded(SEED);
    desk.ends(4, &format!("plan {HERE} -o plan.json"));
    let (group, vpc) = (seed["bad"].as_str().unwrap(), seed["vpcs"]["bad"].as_str().unwrap());
    let script = format!(
        "import boto3\nec2 = boto3.client('ec2', region_name='us-east-1')\nsubnet = \
         ec2.create_subnet(VpcId='{vpc}', CidrBlock='10.1.1.0/24')['Subnet']['SubnetId']\n\
         ec2.create_network_interface(SubnetId=subnet, Groups=['{group}'])"
    );
    desk.python(&script, "");
    let before = shown(&desk);
    let said = desk.run("apply plan.json --auto-approve --max-risk disruptive --format json");
    assert_ne!(said.code, Some(0), "{}", said.out);
    assert_eq!(shown(&desk), before);
}
