//! Instances that a plan stops and that do the same work: members of one Auto Scaling group, cluster or placement group.
//! Whoever approves their changes should know before that a service may go down with them. It decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Change;
use crate::{
    calls::Power,
    inventory::{Instance, Inventory},
};

/// Instances of one region that share something, and that a plan stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    /// Their region.
    pub region: String,
    /// What they share: `Auto Scaling group web`, `tag Cluster=db`.
    pub share: String,
    /// The instances, and the changes that stop them.
    pub instances: BTreeMap<String, String>,
}

impl Together {
    /// The sentence for people.
    pub fn words(&self) -> String {
        let members: Vec<String> = self.instances.iter().map(|(instance, change)| format!("{instance} ({change})")).collect();
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
/// The beginning of the tags by which Kubernetes marks the members of a cluster; the name of the cluster follows
/// (<https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>).
const KUBERNETES: &str = "kubernetes.io/cluster/";

/// What an instance shares with others, by its tags and its placement group.
fn shares(instance: &Instance) -> BTreeSet<String> {
    let of_tag = |(key, value): (&String, &String)| match GROUPS.iter().find(|(tag, _)| tag == key) {
        Some((_, word)) => Some(format!("{word} {value}")),
        None if key.starts_with(KUBERNETES) => Some(format!("Kubernetes cluster {}", &key[KUBERNETES.len()..])),
        None if key.to_lowercase().contains("cluster") && !value.is_empty() => Some(format!("cluster (tag {key}={value})")),
        None => None,
    };
    let placement = instance.placement_group.iter().map(|name| format!("placement group {name}"));
    instance.tags.iter().filter_map(of_tag).chain(placement).collect()
}

/// The groups of which these changes stop more than one member.
pub fn together(changes: &[Change], inventory: &Inventory) -> Vec<Together> {
    let mut groups: BTreeMap<(String, String), BTreeMap<String, String>> = BTreeMap::new();
    for change in changes {
        for call in change.steps.iter().map(|s| &s.act).filter(|act| act.power() == Power::TakesDown).map(|act| &act.call) {
            let Some(region) = inventory.regions.get(&call.region) else { continue };
            for id in call.input["InstanceIds"].as_array().into_iter().flatten().filter_map(|id| id.as_str()) {
                let Some(instance) = region.instances.get(id).known().copied() else { continue };
                for share in shares(instance) {
                    groups.entry((call.region.clone(), share)).or_default().insert(id.to_owned(), change.id.clone());
                }
            }
        }
    }
    let several = groups.into_iter().filter(|(_, instances)| instances.len() > 1);
    several.map(|((region, share), instances)| Together { region, share, instances }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        inventory::{Caller, Fact},
        resource::Owner,
    };

    fn stopping(n: usize, operation: &str) -> Change {
        let call = json!({ "service": "ec2", "region": "r", "operation": operation, "input": { "InstanceIds": [format!("i-{n}")] } });
        let step = json!({ "name": "stop", "title": "stop", "call": call, "recognise": { "looks": { "expect": [] } }, "way_back": { "kept": "it stays" } });
        let json = json!({
            "id": format!("c{n}"), "after": [], "findings": [], "playbook": "p", "action": "a", "uses": [], "region": "r",
            "resource": format!("arn:aws:ec2:r:123456789012:instance/i-{n}"), "summary": "", "risk": "disruptive", "reversible": true,
            "not_restored": [], "before": null, "after_state": null, "impact": [], "proof": [], "steps": [step], "guards": [], "touches": [], "ask": false,
        });
        serde_json::from_value(json).unwrap()
    }

    fn account(tags: &[(usize, &str, &str)]) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let caller = Caller { arn: "arn".into(), host: Fact::NotRead };
        let mut account = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
        for n in 1..=4 {
            let tags = tags.iter().filter(|(of, ..)| *of == n).map(|(_, k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            account.region_mut("r").instances.put(format!("i-{n}"), Instance { id: format!("i-{n}"), tags, ..Instance::default() });
        }
        account
    }

    fn told(changes: &[Change], account: &Inventory) -> Vec<String> {
        together(changes, account).iter().map(Together::words).collect()
    }

    #[test]
    fn members_of_one_cluster_or_group_that_are_stopped_are_named_together() {
        let changes: Vec<Change> = (1..=3).map(|n| stopping(n, "StopInstances")).collect();
        let of = |key: &'static str, value: &'static str| account(&[(1, key, value), (3, key, value), (2, key, "another")]);
        for (key, share) in [
            ("Cluster", "cluster (tag Cluster=db)"),
            ("es-cluster-name", "cluster (tag es-cluster-name=db)"),
            ("aws:autoscaling:groupName", "Auto Scaling group db"),
        ] {
            assert_eq!(told(&changes, &of(key, "db")), [format!("stopped by this plan, and all of one {share}: i-1 (c1), i-3 (c3)")]);
        }
        let nodes = account(&[(1, "kubernetes.io/cluster/prod", "owned"), (2, "kubernetes.io/cluster/prod", "shared")]);
        assert_eq!(told(&changes, &nodes), ["stopped by this plan, and all of one Kubernetes cluster prod: i-1 (c1), i-2 (c2)"]);
        let mut placed = account(&[]);
        for id in ["i-2", "i-3"] {
            placed.region_mut("r").instances.get_mut(id).unwrap().placement_group = Some("ring".to_owned());
        }
        assert_eq!(told(&changes, &placed), ["stopped by this plan, and all of one placement group ring: i-2 (c2), i-3 (c3)"]);
    }

    #[test]
    fn who_is_alone_or_is_not_stopped_is_not_named() {
        let account = account(&[(1, "Cluster", "db"), (2, "Cluster", "db"), (3, "Cluster", ""), (4, "Cluster", "")]);
        assert_eq!(told(&[stopping(1, "StopInstances"), stopping(2, "CreateTags")], &account), Vec::<String>::new());
        assert_eq!(told(&[stopping(3, "StopInstances"), stopping(4, "StopInstances")], &account), Vec::<String>::new(), "an empty tag names no cluster");
        let _: Value = serde_json::to_value(together(&[stopping(1, "StopInstances"), stopping(2, "StopInstances")], &account)).unwrap();
    }
}
