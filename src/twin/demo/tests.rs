//! The demo account hangs together: what refers to something refers to something that is there.

use std::collections::BTreeSet;

use super::*;
use crate::inventory::Region;

fn company() -> Inventory {
    inventory("2026-11-22T08:00:00Z".parse().unwrap())
}

fn ids_of(region: &Region) -> BTreeSet<&str> {
    let groups = region.security_groups.known().map(|(id, _)| id);
    let volumes = region.volumes.known().map(|(id, _)| id);
    let instances = region.instances.known().map(|(id, _)| id);
    let vpcs = region.vpcs.known().map(|(id, _)| id);
    let lists = region.prefix_lists.known().map(|(id, _)| id);
    groups.chain(volumes).chain(instances).chain(vpcs).chain(lists).collect()
}

#[test]
fn everything_that_is_referred_to_is_there() {
    let company = company();
    for region in company.regions.values() {
        let ids = ids_of(region);
        let mut wanted: Vec<&str> = Vec::new();
        for (_, rule) in region.security_group_rules.known() {
            wanted.push(&rule.group_id);
            wanted.extend(
                rule.referenced_group_id.as_deref().into_iter().chain(rule.prefix_list_id.as_deref()),
            );
        }
        for (_, interface) in region.network_interfaces.known() {
            wanted
                .extend(interface.groups.iter().map(String::as_str).chain(interface.instance_id.as_deref()));
            wanted.push(&interface.vpc_id);
        }
        for (_, instance) in region.instances.known() {
            wanted.extend(instance.devices.iter().map(|d| d.volume_id.as_str()));
            wanted.extend(instance.security_groups.iter().map(String::as_str));
        }
        for (_, volume) in region.volumes.known() {
            wanted.extend(volume.attachments.iter().map(|a| a.instance_id.as_str()));
            assert_eq!(volume.state == "in-use", !volume.attachments.is_empty(), "{}", volume.id);
        }
        wanted.extend(region.flow_logs.known().map(|(_, log)| log.resource_id.as_str()));
        wanted.extend(region.snapshots.known().map(|(_, s)| s.volume_id.as_str()));
        for id in wanted {
            assert!(ids.contains(id), "{id} is referred to and not there");
        }
    }
}

#[test]
fn no_two_things_share_an_id_and_every_id_is_its_own() {
    let company = company();
    let counts: Vec<usize> = company
        .regions
        .values()
        .map(|r| r.security_groups.items.len() + r.security_group_rules.items.len())
        .collect();
    assert_eq!(counts.iter().sum::<usize>(), 26 + 57, "two things of the same id would count once");
    for region in company.regions.values() {
        for (id, rule) in region.security_group_rules.known() {
            assert_eq!(id, rule.id);
            assert_eq!(id.len(), "sgr-0".len() + 16, "{id}");
        }
    }
}

#[test]
fn everything_was_read() {
    let company = company();
    for region in company.regions.values() {
        assert_eq!(region.managed_instances.reads.get("*"), Some(&Fact::Known(())));
        assert!(region.volumes.get("vol-nobody").is_absent());
    }
    assert!(company.buckets.get("nobody").is_absent());
    assert!(company.trails.get("nobody").is_absent());
}

#[test]
fn the_same_time_gives_the_same_company() {
    let json = || serde_json::to_string(&demo("2026-11-22T08:00:00Z".parse().unwrap())).unwrap();
    assert_eq!(json(), json());
}
