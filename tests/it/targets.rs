//! What stops mean for load balancers: members of one target group take turns, and the last healthy target
//! stays. On the twin, which has load balancers look at a target for a while after its instance runs; and on
//! moto, which says what they are.

use std::sync::{Arc, Mutex};

use redress::{
    account::Account,
    actions::GuardResult,
    inventory::{Fact, FamilyKind, Target, TargetGroup, Want},
    journal::Outcome,
    plan::{Plan, SkippedKind},
    playbook::{self, set},
    twin::{DeniedRead, Twin},
};

use super::{
    jobs::many_stops,
    laws::undoing,
    stand::{Stand, hold, yes},
    support::moto,
    world,
};

const R: &str = "us-east-1";

fn target(id: &str, state: &str) -> Target {
    Target { id: id.to_owned(), port: Some(80), state: state.to_owned(), ..Target::default() }
}

/// Puts these instances behind a load balancer, as targets of one group, and whatever else stands there.
fn behind(twin: &mut Twin, kind: &str, targets: Vec<Target>) {
    let vpc = |twin: &Twin| {
        twin.truth().regions[R]
            .instances
            .known()
            .find(|(_, i)| i.tags.get("Name").is_some_and(|n| n == "app"))
            .unwrap()
            .1
            .vpc_id
            .clone()
    };
    let group = TargetGroup {
        id: "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1".to_owned(),
        name: "web".to_owned(),
        target_type: kind.to_owned(),
        vpc_id: vpc(twin),
        load_balancers: vec![
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/1".to_owned(),
        ],
        targets: Fact::Known(targets),
    };
    twin.truth_mut().region_mut(R).target_groups.put(group.id.clone(), group);
}

fn web(twin: &Twin) -> Vec<Target> {
    let groups = &twin.truth().regions[R].target_groups;
    groups.known().find(|(_, g)| g.name == "web").unwrap().1.targets.known().unwrap().clone()
}

/// How many targets, beside those of instances on their way down, are healthy after each stop.
fn watch(stand: &Stand, stops: usize, address_of: fn(&Twin, &str) -> String) -> Arc<Mutex<Vec<usize>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..stops {
        let seen = Arc::clone(&seen);
        let look = move |twin: &mut Twin| {
            let up =
                |id: &&str| twin.truth().regions[R].instances.get(id).known().unwrap().state == "running";
            let running: Vec<String> = twin.truth().regions[R]
                .instances
                .known()
                .map(|(id, _)| id)
                .filter(up)
                .map(|id| address_of(twin, id))
                .collect();
            hold(&seen)
                .push(web(twin).iter().filter(|t| t.state == "healthy" && running.contains(&t.id)).count());
        };
        hold(&stand.then).push(("StopInstances".to_owned(), Box::new(look)));
    }
    seen
}

fn by_id(_: &Twin, id: &str) -> String {
    id.to_owned()
}

fn by_address(twin: &Twin, id: &str) -> String {
    twin.truth().regions[R].instances.get(id).known().unwrap().private_ip.clone().unwrap()
}

fn stopped_by(plan: &Plan) -> Vec<String> {
    let stops = |c: &&redress::plan::Change| {
        c.region == R && c.steps.iter().any(|s| s.act.call.operation == "StopInstances")
    };
    plan.changes.iter().filter(stops).map(|c| c.resource.id().to_owned()).collect()
}

#[test]
fn members_of_one_target_group_never_leave_it_without_a_healthy_target() {
    for (kind, name_of) in [("instance", by_id as fn(&Twin, &str) -> String), ("ip", by_address)] {
        for (jobs, at_once) in [(1, 1), (4, 1), (4, 4)] {
            let (mut stand, plan) = many_stops();
            (stand.jobs, stand.stop_at_once) = (jobs, at_once);
            let ids = stopped_by(&plan);
            let mut n = 0;
            for id in &ids {
                n += 1;
                hold(&stand.twin).truth_mut().region_mut(R).instances.get_mut(id).unwrap().private_ip =
                    Some(format!("10.10.7.{n}"));
            }
            let names: Vec<String> = ids[..2].iter().map(|id| name_of(&hold(&stand.twin), id)).collect();
            behind(&mut hold(&stand.twin), kind, names.iter().map(|name| target(name, "healthy")).collect());
            // On the stand every pause of every change moves the one clock: those of changes that stop
            // nothing would use up the wait for a target.
            let mut stops = world::Wish::default();
            stops.playbooks.retain(|playbook| playbook.id == "ebs-encryption");
            let plan = world::plan(&stand, &stops);
            let together = plan
                .rehearsal
                .together
                .iter()
                .find(|t| t.share == "target group web")
                .expect("they are named together");
            assert_eq!(together.instances.len(), 2);
            let seen = watch(&stand, ids.len(), name_of);
            stand.run(&plan, yes(&plan), None).unwrap().unwrap();
            let story = stand.story();
            for change in plan
                .changes
                .iter()
                .filter(|c| c.action == "encrypt-volumes" && ids.contains(&c.resource.id().to_owned()))
            {
                assert_eq!(
                    story.changes[&change.id].outcome(),
                    Some(Outcome::Verified),
                    "{kind}, {jobs} jobs, {at_once} at once: {}",
                    story.changes[&change.id].reason
                );
            }
            assert_eq!(hold(&seen).len(), ids.len());
            // With several at once the two may be asked for in the same breath; the look is the last thing
            // before the intent.
            assert!(
                hold(&seen).iter().all(|healthy| *healthy > 0),
                "{kind}, {jobs} jobs, {at_once} at once: {:?}",
                hold(&seen)
            );
        }
    }
}

fn app_alone(state_of_another: Option<&str>) -> (Stand, String) {
    let stand = world::demo();
    let (_, id) = world::one_instance(&stand);
    let others = state_of_another.map(|state| target("i-0another", state));
    behind(&mut hold(&stand.twin), "instance", others.into_iter().chain([target(&id, "healthy")]).collect());
    (stand, id)
}

#[test]
fn the_last_healthy_target_is_stopped_only_where_that_was_allowed() {
    let (stand, id) = app_alone(Some("draining"));
    let plan = world::plan(&stand, &world::Wish::default());
    let refused = plan
        .skipped
        .iter()
        .find(|s| s.reason.contains("is the only target of the target group web"))
        .expect("it is refused");
    assert_eq!(refused.kind, SkippedKind::Refused);
    assert!(
        refused.reason.contains(&id) && refused.reason.contains("allow_last_target"),
        "{}",
        refused.reason
    );

    let mut wish = world::Wish {
        playbooks: playbook::assemble(playbook::builtin(), Vec::new()).unwrap(),
        ..world::Wish::default()
    };
    set::override_parameter(&mut wish.playbooks, "encrypt-volumes.allow_last_target=true").unwrap();
    let plan = world::plan(&stand, &wish);
    let change = plan.changes.iter().find(|c| c.resource.id() == id).expect("it is planned");
    assert!(
        change.impact.iter().any(|line| line.contains("web has no healthy target")),
        "{:?}",
        change.impact
    );
    assert!(
        change.guards.iter().any(|note| note.guard == "last-target" && note.result == GuardResult::Loosened)
    );
    assert!(
        plan.rehearsal
            .targets
            .iter()
            .any(|line| line.contains("only healthy target of the target group web")),
        "{:?}",
        plan.rehearsal.targets
    );
    let plan = world::select(&stand, &plan, &[change.id.clone()].into());
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let story = stand.story();
    assert_eq!(
        story.changes[&plan.changes[0].id].outcome(),
        Some(Outcome::Verified),
        "{}",
        story.changes[&plan.changes[0].id].reason
    );
    // The undo stops it again, and says so before.
    hold(&stand.twin).pass(std::time::Duration::from_secs(600));
    let undo = undoing(&stand, &plan);
    assert!(
        undo.plan
            .rehearsal
            .targets
            .iter()
            .any(|line| line.contains("only healthy target of the target group web")),
        "{:?}",
        undo.plan.rehearsal
    );
    let back = stand.again();
    back.run(&undo.plan, yes(&undo.plan), None).unwrap().unwrap();
    assert_eq!(back.story().changes[&undo.plan.changes[0].id].outcome(), Some(Outcome::Restored));
}

#[test]
fn what_others_did_to_the_target_group_since_the_plan_keeps_the_instance_up() {
    for (now, word) in
        [(None, "is the only healthy target"), (Some("unhealthy"), "no other has become healthy in 15 min")]
    {
        let (stand, id) = app_alone(Some("healthy"));
        let (plan, of_plan) = world::one_instance(&stand);
        assert_eq!(id, of_plan);
        let app = id.clone();
        let then = move |twin: &mut Twin| {
            behind(
                twin,
                "instance",
                now.map(|s| target("i-0another", s)).into_iter().chain([target(&app, "healthy")]).collect(),
            )
        };
        hold(&stand.then).push(("CreateSnapshots".to_owned(), Box::new(then)));
        stand.run(&plan, yes(&plan), None).unwrap().unwrap();
        let told = stand.story().changes[&plan.changes[0].id].clone();
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
        assert!(told.reason.contains(word) && told.reason.contains("It was not stopped"), "{}", told.reason);
        assert!(!hold(&stand.called).iter().any(|call| call.operation == "StopInstances"));
    }
}

#[test]
fn target_groups_that_may_not_be_read_are_not_known_and_never_none() {
    let (stand, _) = app_alone(None);
    hold(&stand.twin).faults.denied_reads.push(DeniedRead {
        family: FamilyKind::TargetGroups,
        region: None,
        member: None,
    });
    let plan = world::plan(&stand, &world::Wish::default());
    let id = stopped_by(&plan).remove(0);
    let [line] = plan.rehearsal.targets.as_slice() else { panic!("{:?}", plan.rehearsal.targets) };
    assert!(
        line.starts_with(&format!("not known whether load balancers send requests to {id}"))
            && line.contains("elasticloadbalancing:DescribeTargetGroups"),
        "{line}"
    );
    let change =
        plan.changes.iter().find(|c| c.action == "encrypt-volumes" && c.resource.id() == id).unwrap();
    assert!(!change.guards.iter().any(|note| note.guard == "last-target"), "nothing is said to have passed");
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(stand.story().changes[&change.id].outcome(), Some(Outcome::Verified));
}

#[test]
fn a_target_group_that_cannot_be_read_directly_before_the_stop_keeps_the_instance_up() {
    let (stand, _) = app_alone(Some("healthy"));
    let (plan, _) = world::one_instance(&stand);
    let unread = |twin: &mut Twin| {
        twin.faults.denied_reads.push(DeniedRead {
            family: FamilyKind::TargetGroups,
            region: None,
            member: Some("targets".to_owned()),
        });
    };
    hold(&stand.then).push(("CreateSnapshots".to_owned(), Box::new(unread)));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    let told = stand.story().changes[&plan.changes[0].id].clone();
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{}", told.reason);
    assert!(
        told.reason.contains("is unknown whether load balancers have another healthy target"),
        "{}",
        told.reason
    );
    assert!(!hold(&stand.called).iter().any(|call| call.operation == "StopInstances"));
}

const SEED: &str = r#"
import boto3, json
ec2, elb = boto3.client("ec2"), boto3.client("elbv2")
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
image = ec2.describe_images()["Images"][0]["ImageId"]
i = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]
group = lambda name, kind: elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType=kind)["TargetGroups"][0]["TargetGroupArn"]
web, api = group("web", "instance"), group("api", "ip")
elb.register_targets(TargetGroupArn=web, Targets=[{"Id": i["InstanceId"], "Port": 80}])
elb.register_targets(TargetGroupArn=api, Targets=[{"Id": i["PrivateIpAddress"], "Port": 80}])
print(json.dumps([i["InstanceId"], i["PrivateIpAddress"], vpc]))
"#;

#[tokio::test]
async fn target_groups_are_read_with_their_targets() {
    let keys = moto().account();
    let account = moto().connected(&keys, &[R]).await;
    let [instance, address, vpc]: [String; 3] = serde_json::from_str(&moto().python(&keys, SEED)).unwrap();
    let inventory = account
        .read(&[Want::all(R, FamilyKind::TargetGroups), Want::id(R, FamilyKind::Instances, &instance)].into())
        .await;
    let region = &inventory.regions[R];
    let group = |name: &str| region.target_groups.known().find(|(_, g)| g.name == name).unwrap().1;
    for (name, kind, id) in [("web", "instance", &instance), ("api", "ip", &address)] {
        let group = group(name);
        assert_eq!((group.target_type.as_str(), &group.vpc_id), (kind, &vpc));
        let [one] = group.targets.known().unwrap().as_slice() else { panic!("{:?}", group.targets) };
        assert_eq!(
            (&one.id, one.state.as_str()),
            (id, "healthy"),
            "moto says so of what no load balancer sends requests to; AWS says unused"
        );
    }
    let serving = redress::calls::serving::serving(region, &instance).unwrap();
    assert_eq!(
        serving.groups.iter().map(|one| one.group).collect::<Vec<_>>().len(),
        2,
        "by its id and by its address"
    );
}
