//! The twin is only as good as its likeness: one plan is applied to a seeded account on moto and to a twin of
//! it, and the two accounts must look the same afterwards. Where moto is not like AWS the difference stands
//! in [`DIFFERENCES`], with the reason; there the twin follows AWS.

use std::collections::{BTreeMap, BTreeSet};

use redress::{
    account::Account,
    checks,
    engine::{Engine, Silent, Stop, survey},
    inventory::{FamilyKind, Inventory, Scope, Want},
    journal::{Journal, MemoryLog, Story},
    plan::{Plan, build::Limits},
    twin::Twin,
};
use serde_json::Value;

use crate::{
    stand::{Stand, hold, stage, today, yes},
    support::moto,
    world,
};

const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

/// What may look different, as family and member of its JSON form, and why.
const DIFFERENCES: &[(FamilyKind, &str, &str)] = &[
    (FamilyKind::Snapshots, "kms_key_id", "moto loses the key of a copy's source; AWS keeps it"),
    (FamilyKind::Snapshots, "volume_id", "moto gives a copy the volume of its source; AWS says vol-ffffffff"),
    (FamilyKind::Snapshots, "transfer_type", "moto does not show that a snapshot is a copy"),
    (FamilyKind::Snapshots, "storage_tier", "moto has no storage tiers"),
    (FamilyKind::Snapshots, "description", "moto gives copies a description of its own"),
    (
        FamilyKind::Volumes,
        "kms_key_id",
        "moto loses the key of a volume made from an encrypted snapshot; AWS keeps it",
    ),
    (FamilyKind::Volumes, "throughput", "moto leaves out the default of gp3; AWS says 125"),
    (
        FamilyKind::Volumes,
        "delete_on_termination",
        "moto does not show it at the volume, only at the instance, which is compared",
    ),
    (FamilyKind::LogGroups, "stored_bytes", "it grows by itself"),
];

/// How the things of a kind are compared.
enum Compared {
    /// All of them.
    Listed,
    /// Those that are known by their names.
    ByName,
    /// Trails, as each region shows them.
    PerRegion,
    /// They are not, for this reason.
    Not(#[expect(dead_code, reason = "it is for the reader of the list")] &'static str),
}

fn compared(kind: FamilyKind) -> Compared {
    use FamilyKind as K;
    match kind {
        K::SecurityGroups
        | K::SecurityGroupRules
        | K::Vpcs
        | K::Subnets
        | K::FlowLogs
        | K::Instances
        | K::Volumes
        | K::Snapshots => Compared::Listed,
        K::LogGroups | K::Roles | K::PasswordPolicies => Compared::ByName,
        K::Trails => Compared::PerRegion,
        K::PrefixLists | K::InstanceTypes => Compared::Not("AWS's own, of which moto has others"),
        K::NetworkInterfaces => {
            Compared::Not("moto makes those of instances itself, with addresses of its own")
        }
        K::InstanceStatuses | K::ApplicationStatuses | K::VolumeModifications | K::VolumeStatuses => {
            Compared::Not("they pass by themselves")
        }
        K::NetworkAcls => {
            Compared::Not("moto's lack AWS's own last entries; the calls are compared in aws_calls.rs")
        }
        K::CopyTrials => Compared::Not("moto copies no volumes"),
        K::Removals => Compared::Not("moto has no Recycle Bin and no locks of snapshots"),
        K::TargetGroups => Compared::Not("moto takes every target that is registered for healthy"),
        K::CapacityReservations => Compared::Not("moto has none"),
        K::ManagedInstances => Compared::Not("moto has no instances that Systems Manager manages"),
        K::Keys | K::KeyPolicies => Compared::Not("no action changes them"),
        K::RetentionPolicies => Compared::Not("moto has none"),
        K::Organizations => Compared::Not("no call changes it"),
        K::ManagedPolicies | K::CredentialReports | K::AccountSummaries => {
            Compared::Not("no call changes them")
        }
        K::Users | K::IamGroups => Compared::Not("the seed has none; people.rs has the calls"),
        K::LoginProfiles | K::MfaDevices | K::Memberships | K::UserPolicies => {
            Compared::Not("the seed has no users; people.rs and aws_calls_people.rs have the calls")
        }
        K::AccessKeys => Compared::Not("moto makes no old key; access_keys.rs has the calls"),
        K::Secrets => Compared::Not("rotation.rs has the calls, whose versions have ids of their own"),
        K::UserCredentials => Compared::Not("moto does not list those for services; revoke.rs has the calls"),
        K::RoleUses | K::PolicyVersions | K::Simulations => {
            Compared::Not("the seed has no customer managed policy; unused_permissions.rs has the calls")
        }
        K::Quotas => Compared::Not("the twin has AWS's defaults"),
        K::CustomerKeys | K::Listeners | K::VpcEndpoints => Compared::Listed,
        K::TlsPolicies | K::LoadBalancers | K::Certificates => Compared::Not("no call changes them"),
        K::RouteTables => Compared::Not("moto makes one with every VPC, and shows no route as a blackhole"),
        K::NatGateways | K::EgressOnlyGateways | K::VpcPeeringConnections => {
            Compared::Not("no call changes them")
        }
        K::WebAcls | K::WebAclAssociations => {
            Compared::Not("moto makes every load balancer an application one; web_acls.rs has the calls")
        }
        K::VpcPublicAccess => Compared::Not("moto has no VPC Block Public Access"),
        K::VpcDns => Compared::Not("no call changes it"),
        K::EbsDefaults => {
            Compared::Not("moto does not name the default key; the switch is compared in aws_calls.rs")
        }
        K::SnapshotShares => {
            Compared::Not("moto takes back no share in the form of the seed; settings.rs has the calls")
        }
        K::SnapshotBlocks | K::ImageBlocks => Compared::Listed,
        K::Images => Compared::Not("the seed has none; sharing.rs has the calls"),
        K::Buckets => {
            Compared::Not("the calls on buckets have tests of their own against moto, setting by setting")
        }
    }
}

/// Everything that the two accounts are compared by.
fn everything(inventory: &Inventory) -> Scope {
    let mut scope = Scope::new();
    for kind in FamilyKind::ALL.iter().copied() {
        let regions = if kind.is_global() && !matches!(compared(kind), Compared::PerRegion) {
            &[""][..]
        } else {
            &REGIONS[..]
        };
        for region in regions {
            let names = inventory.family(region, kind).map(|family| family.ids()).unwrap_or_default();
            match compared(kind) {
                Compared::Listed => drop(scope.insert(Want::all(region, kind))),
                Compared::ByName => scope.extend(names.into_iter().map(|name| Want::id(region, kind, name))),
                Compared::PerRegion => drop(scope.insert(Want::trails(region))),
                Compared::Not(_) => {}
            }
        }
    }
    scope
}

/// Takes out the members that may differ, wherever they stand.
fn leave_out(family: FamilyKind, value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|member, _| !DIFFERENCES.iter().any(|(f, m, _)| *f == family && m == member));
            map.values_mut().for_each(|v| leave_out(family, v));
        }
        Value::Array(items) => items.iter_mut().for_each(|v| leave_out(family, v)),
        _ => {}
    }
}

/// The things of an account by family, without ids of what was made, times, and the listed differences.
fn comparable(inventory: &Inventory) -> BTreeMap<FamilyKind, Vec<String>> {
    let mut all: BTreeMap<FamilyKind, Vec<String>> = BTreeMap::new();
    for ((_, family, _), mut value) in world::things(inventory) {
        leave_out(family, &mut value);
        all.entry(family).or_default().push(world::without_times_and_ids(&value));
    }
    all.values_mut().for_each(|list| list.sort());
    all
}

async fn plan_of(account: &dyn Account) -> (survey::Survey, Plan) {
    let wish = world::Wish::default();
    let scanned: Vec<_> = checks::all().filter(|c| c.scanned).collect();
    let wish = survey::Wish {
        regions: &wish.regions,
        checks: &scanned,
        playbooks: &wish.playbooks,
        options: &wish.options,
        valid_for: jiff::SignedDuration::from_hours(1),
        observed: Default::default(),
        limits: Limits::default(),
        also: Default::default(),
        narrow: None,
        waivers: &Default::default(),
    };
    survey::plan(account, &wish, &stage).await
}

async fn apply(account: &dyn Account, plan: &Plan) -> Story {
    let mut journal = Journal::new(Story::default(), Box::new(MemoryLog::default()));
    let stop = Stop::default();
    let engine = Engine {
        account,
        talk: &Silent,
        stop: &stop,
        stage: &stage,
        today: today(),
        lag: std::time::Duration::ZERO,
        jobs: 1,
        stop_at_once: 1,
    };
    engine.apply(plan, "run-1", yes(plan), &mut journal).await.unwrap();
    journal.story
}

fn outcomes(story: &Story) -> BTreeMap<String, String> {
    story.changes.iter().map(|(id, c)| (id.clone(), format!("{:?} {}", c.outcome(), c.reason))).collect()
}

/// An endpoint with the policy that AWS gives to a new one.
const ENDPOINT: &str = r#"
import boto3
ec2 = boto3.client("ec2", region_name="us-east-1")
vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", VpcEndpointType="Gateway")
"#;

#[test]
fn the_twin_and_moto_come_to_the_same_end() {
    let keys = moto().account();
    moto().python(&keys, include_str!("clinic_seed.py"));
    moto().python(&keys, ENDPOINT);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let account = runtime.block_on(moto().connected(&keys, &REGIONS));
    let (survey, plan) = runtime.block_on(plan_of(&account));
    let mut known = survey.inventory.clone();
    known.merge(runtime.block_on(account.read(&everything(&survey.inventory))));
    let stand = Stand::new(Twin::from_inventory(known.clone()));

    let on_moto = runtime.block_on(apply(&account, &plan));
    stand.run(&plan, yes(&plan), None).unwrap().unwrap();
    assert_eq!(outcomes(&on_moto), outcomes(&stand.story()));
    let actions: BTreeSet<&str> = plan.changes.iter().map(|c| c.action.as_str()).collect();
    assert!(actions.len() >= 6, "the seed must need most actions, not only {actions:?}");

    let twin = hold(&stand.twin).read(&everything(&known));
    let moto = runtime.block_on(account.read(&everything(&known)));
    let (twin, moto) = (comparable(&twin), comparable(&moto));
    for family in twin.keys().chain(moto.keys()) {
        assert_eq!(twin.get(family), moto.get(family), "{family:?}");
    }
}
