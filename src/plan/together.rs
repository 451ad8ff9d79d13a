//! Instances that a plan stops and that do the same work: members of one target group, Auto Scaling group,
//! cluster or placement group. The person who approves their changes should know before that a service may go
//! down with them. This module decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Change;
use crate::{
    calls::{
        Power,
        serving::{Others, Serving, serving},
    },
    inventory::{Instance, Inventory},
};

/// Instances of one region that share something, and that a plan stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    /// Their region.
    pub region: String,
    /// The group that they share: `Auto Scaling group web`, `tag Cluster=db`.
    pub share: String,
    /// The instances, and the changes that stop them.
    pub instances: BTreeMap<String, String>,
}

impl Together {
    /// Returns the sentence for people.
    pub fn words(&self) -> String {
        let members: Vec<String> =
            self.instances.iter().map(|(instance, change)| format!("{instance} ({change})")).collect();
        format!("stopped by this plan, and all of one {}: {}", self.share, members.join(", "))
    }
}

/// Tags by which AWS marks the members of a group, with the word for the group.
const GROUPS: &[(&str, &str)] = &[
    ("aws:autoscaling:groupName", "Auto Scaling group"),
    ("aws:ec2:fleet-id", "EC2 Fleet"),
    ("aws:elasticmapreduce:job-flow-id", "EMR cluster"),
    ("eks:nodegroup-name", "EKS node group"),
];
/// The beginning of the tags by which Kubernetes marks the members of a cluster; the name of the cluster
/// follows (<https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>).
const KUBERNETES: &str = "kubernetes.io/cluster/";

/// Returns the groups that an instance shares with others, by its tags and its placement group.
fn shares(instance: &Instance) -> BTreeSet<String> {
    let of_tag = |(key, value): (&String, &String)| match GROUPS.iter().find(|(tag, _)| tag == key) {
        Some((_, word)) => Some(format!("{word} {value}")),
        None if key.starts_with(KUBERNETES) => {
            Some(format!("Kubernetes cluster {}", &key[KUBERNETES.len()..]))
        }
        None if key.to_lowercase().contains("cluster") && !value.is_empty() => {
            Some(format!("cluster (tag {key}={value})"))
        }
        None => None,
    };
    let placement = instance.placement_group.iter().map(|name| format!("placement group {name}"));
    instance.tags.iter().filter_map(of_tag).chain(placement).collect()
}

/// An instance that a change stops.
struct Stop<'a> {
    region: &'a str,
    instance: &'a str,
    change: &'a Change,
}

fn stops(changes: &[Change]) -> impl Iterator<Item = Stop<'_>> {
    changes.iter().flat_map(|change| {
        let calls = change
            .steps
            .iter()
            .map(|s| &s.act)
            .filter(|act| act.power() == Power::TakesDown)
            .map(|act| &act.call);
        calls.flat_map(move |call| {
            call.instances().map(move |instance| Stop { region: &call.region, instance, change })
        })
    })
}

/// Returns the groups of which these changes stop more than one member.
pub fn together(changes: &[Change], inventory: &Inventory) -> Vec<Together> {
    let mut groups: BTreeMap<(String, String), BTreeMap<String, String>> = BTreeMap::new();
    for Stop { region: name, instance: id, change } in stops(changes) {
        let Some(region) = inventory.regions.get(name) else { continue };
        let shares = region.instances.get(id).known().map(|instance| shares(instance)).unwrap_or_default();
        let serves = serving(region, id)
            .unwrap_or_default()
            .groups
            .into_iter()
            .map(|one| format!("target group {}", one.group));
        for share in shares.into_iter().chain(serves) {
            groups.entry((name.to_owned(), share)).or_default().insert(id.to_owned(), change.id.clone());
        }
    }
    let several = groups.into_iter().filter(|(_, instances)| instances.len() > 1);
    several.map(|((region, share), instances)| Together { region, share, instances }).collect()
}

/// Describes the effects of these changes' stops on load balancers, where there are any or they are not
/// known: sentences.
pub fn targets(changes: &[Change], inventory: &Inventory) -> Vec<String> {
    let (mut left, mut unknown) = (BTreeSet::new(), BTreeMap::<String, BTreeSet<String>>::new());
    for Stop { region, instance, change } in stops(changes) {
        let who = format!("{instance} ({})", change.id);
        let known = inventory.regions.get(region).map(|place| serving(place, instance));
        match known.unwrap_or_else(|| Err("nothing of the region was read".into())) {
            Ok(Serving { groups, unread }) => {
                let bare = groups.into_iter().filter(|one| one.healthy && one.others != Others::Healthy);
                left.extend(bare.map(|one| last(&who, one.group, one.others)));
                for (group, reason) in unread {
                    unknown
                        .entry(format!("the target group {group} of {region}: {reason}"))
                        .or_default()
                        .insert(who.clone());
                }
            }
            Err(reason) => drop(
                unknown.entry(format!("the target groups of {region}: {reason}")).or_default().insert(who),
            ),
        }
    }
    let not_known = |(what, who): (String, BTreeSet<String>)| {
        let who = who.into_iter().collect::<Vec<_>>().join(", ");
        format!(
            "not known whether load balancers send requests to {who}, and whether another healthy target \
             stays: {what}"
        )
    };
    left.into_iter().chain(unknown.into_iter().map(not_known)).collect()
}

fn last(who: &str, group: &str, others: Others) -> String {
    let while_down = match others {
        Others::Coming => {
            "others are registered and not healthy: redress waits for one of them before the stop"
        }
        Others::None | Others::Healthy => "while it is down the group has none, and requests to it fail",
    };
    format!("{who} is the only healthy target of the target group {group}; {while_down}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        inventory::{Caller, Fact, NetworkInterface, Selector, Target, TargetGroup},
        resource::Owner,
    };

    fn stopping(n: usize, operation: &str) -> Change {
        let call = json!({ "service": "ec2", "region": "r", "operation": operation,
            "input": { "InstanceIds": [format!("i-{n}")] } });
        let step = json!({ "name": "stop", "title": "stop", "call": call,
            "recognise": { "looks": { "expect": [] } }, "way_back": { "kept": "it stays" } });
        let json = json!({
            "id": format!("c{n}"), "after": [], "findings": [], "playbook": "p", "action": "a", "uses": [],
            "region": "r",
            "resource": format!("arn:aws:ec2:r:123456789012:instance/i-{n}"), "summary": "",
            "risk": "disruptive", "reversible": true,
            "not_restored": [], "before": null, "after_state": null, "impact": [], "proof": [],
            "steps": [step], "guards": [], "touches": [], "ask": false,
        });
        serde_json::from_value(json).unwrap()
    }

    fn account(tags: &[(usize, &str, &str)]) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let caller = Caller { arn: "arn".into(), host: Fact::NotRead };
        let mut account = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
        for n in 1..=4 {
            let tags = tags
                .iter()
                .filter(|(of, ..)| *of == n)
                .map(|(_, k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            account
                .region_mut("r")
                .instances
                .put(format!("i-{n}"), Instance { id: format!("i-{n}"), tags, ..Instance::default() });
        }
        account
    }

    fn told(changes: &[Change], account: &Inventory) -> Vec<String> {
        together(changes, account).iter().map(Together::words).collect()
    }

    #[test]
    fn members_of_one_cluster_or_group_that_are_stopped_are_named_together() {
        let changes: Vec<Change> = (1..=3).map(|n| stopping(n, "StopInstances")).collect();
        let of = |key: &'static str, value: &'static str| {
            account(&[(1, key, value), (3, key, value), (2, key, "another")])
        };
        for (key, share) in [
            ("Cluster", "cluster (tag Cluster=db)"),
            ("es-cluster-name", "cluster (tag es-cluster-name=db)"),
            ("aws:autoscaling:groupName", "Auto Scaling group db"),
        ] {
            assert_eq!(
                told(&changes, &of(key, "db")),
                [format!("stopped by this plan, and all of one {share}: i-1 (c1), i-3 (c3)")]
            );
        }
        let nodes = account(&[
            (1, "kubernetes.io/cluster/prod", "owned"),
            (2, "kubernetes.io/cluster/prod", "shared"),
        ]);
        assert_eq!(
            told(&changes, &nodes),
            ["stopped by this plan, and all of one Kubernetes cluster prod: i-1 (c1), i-2 (c2)"]
        );
        let mut placed = account(&[]);
        for id in ["i-2", "i-3"] {
            placed.region_mut("r").instances.get_mut(id).unwrap().placement_group = Some("ring".to_owned());
        }
        assert_eq!(
            told(&changes, &placed),
            ["stopped by this plan, and all of one placement group ring: i-2 (c2), i-3 (c3)"]
        );
    }

    #[test]
    fn who_is_alone_or_is_not_stopped_is_not_named() {
        let account =
            account(&[(1, "Cluster", "db"), (2, "Cluster", "db"), (3, "Cluster", ""), (4, "Cluster", "")]);
        assert_eq!(
            told(&[stopping(1, "StopInstances"), stopping(2, "CreateTags")], &account),
            Vec::<String>::new()
        );
        assert_eq!(
            told(&[stopping(3, "StopInstances"), stopping(4, "StopInstances")], &account),
            Vec::<String>::new(),
            "an empty tag names no cluster"
        );
        assert!(targets(&[stopping(1, "CreateTags")], &account).is_empty());
        let _: Value = serde_json::to_value(together(
            &[stopping(1, "StopInstances"), stopping(2, "StopInstances")],
            &account,
        ))
        .unwrap();
    }

    fn group(name: &str, kind: &str, targets: &[(&str, &str)]) -> TargetGroup {
        let one = |(id, state): &(&str, &str)| Target {
            id: (*id).to_owned(),
            state: (*state).to_owned(),
            ..Target::default()
        };
        let targets = Fact::Known(targets.iter().map(one).collect());
        TargetGroup {
            id: format!("arn:{name}"),
            name: name.into(),
            target_type: kind.into(),
            vpc_id: "vpc-1".into(),
            targets,
            ..TargetGroup::default()
        }
    }

    /// Builds an account with four instances from 10.0.0.1 on and these target groups.
    fn balanced(groups: &[TargetGroup]) -> Inventory {
        let mut it = account(&[]);
        let region = it.region_mut("r");
        for n in 1..=4 {
            let instance = region.instances.get_mut(&format!("i-{n}")).unwrap();
            (instance.private_ip, instance.vpc_id) = (Some(format!("10.0.0.{n}")), "vpc-1".into());
        }
        let second = NetworkInterface {
            id: "eni-2".into(),
            instance_id: Some("i-2".into()),
            more_addresses: vec!["10.0.9.9".into()],
            ..Default::default()
        };
        region.network_interfaces.put("eni-2", second);
        region.target_groups.read(&Selector::All, Fact::Known(()));
        groups.iter().for_each(|group| region.target_groups.put(group.id.clone(), group.clone()));
        it
    }

    #[test]
    fn members_of_one_target_group_are_named_together_by_id_and_by_address() {
        let changes: Vec<Change> = (1..=3).map(|n| stopping(n, "StopInstances")).collect();
        let web = group(
            "web",
            "instance",
            &[("i-1", "healthy"), ("i-3", "unhealthy"), ("i-2", "draining"), ("i-4", "healthy")],
        );
        let api =
            group("api", "ip", &[("10.0.0.1", "healthy"), ("10.0.9.9", "initial"), ("10.0.7.7", "healthy")]);
        let elsewhere = TargetGroup {
            vpc_id: "vpc-2".into(),
            ..group("elsewhere", "ip", &[("10.0.0.1", "healthy"), ("10.0.0.2", "healthy")])
        };
        let it = balanced(&[web, api, elsewhere]);
        assert_eq!(
            told(&changes, &it),
            [
                "stopped by this plan, and all of one target group api: i-1 (c1), i-2 (c2)",
                "stopped by this plan, and all of one target group web: i-1 (c1), i-3 (c3)"
            ]
        );
        assert_eq!(targets(&changes, &it), Vec::<String>::new(), "another healthy target stays in each");
    }

    #[test]
    fn the_last_healthy_target_is_named_and_what_cannot_be_read_is_never_none() {
        let changes: Vec<Change> = (1..=2).map(|n| stopping(n, "StopInstances")).collect();
        let alone = group("alone", "instance", &[("i-1", "healthy"), ("i-1", "unhealthy")]);
        let sick = group("sick", "ip", &[("10.0.0.2", "healthy"), ("10.0.7.7", "unhealthy")]);
        let said = targets(&changes, &balanced(&[alone.clone(), sick]));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].starts_with(
                "i-1 (c1) is the only healthy target of the target group alone; while it is down"
            ),
            "{said:?}"
        );
        assert!(
            said[1].starts_with(
                "i-2 (c2) is the only healthy target of the target group sick; others are registered"
            ),
            "{said:?}"
        );
        // Unavailable is AWS's word for a health that it does not know; the other one may come.
        for state in ["unavailable", "degraded"] {
            let unclear = group("alone", "instance", &[("i-1", state)]);
            let said = targets(&changes, &balanced(&[unclear]));
            assert_eq!(
                said,
                [format!(
                    "not known whether load balancers send requests to i-1 (c1), and whether another \
                     healthy target stays: the target group alone of r: the health of i-1 there is {state}"
                )]
            );
        }
        let beside = group("alone", "instance", &[("i-1", "unavailable"), ("i-4", "healthy")]);
        assert!(targets(&changes, &balanced(&[beside])).is_empty());
        let dark = TargetGroup { targets: Fact::Unknown("AccessDenied".into()), ..alone };
        let said = targets(&changes, &balanced(&[dark]));
        assert_eq!(
            said,
            ["not known whether load balancers send requests to i-1 (c1), i-2 (c2), and whether another \
              healthy target stays: the target group alone of r: AccessDenied"]
        );
        let mut denied = account(&[]);
        denied.region_mut("r").target_groups.read(&Selector::All, Fact::Unknown("AccessDenied".into()));
        let said = targets(&changes, &denied);
        assert_eq!(
            said,
            ["not known whether load balancers send requests to i-1 (c1), i-2 (c2), and whether another \
              healthy target stays: the target groups of r: AccessDenied"]
        );
        assert!(targets(&changes, &account(&[]))[0].contains("target groups were not read"));
    }
}
