//! Reads trails: those that are seen from a region, and for each, in its home region, its logging status, the
//! events that it records and its tags.

use std::collections::BTreeMap;

use aws_sdk_cloudtrail::{
    Client,
    types::{self, AdvancedEventSelector, EventSelector, ReadWriteType},
};
use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{
    Ask, Found, Members, Reader, not_listed,
    page::{pages, some, text, time},
};
use crate::{
    aws::{errors, pace, retry::reading},
    calls::CallError,
    inventory::{Fact, Selector, Tags, Trail},
};

/// Reads the trails that are seen from each of these regions, shadows of trails of other regions included;
/// each trail is read once.
pub(super) async fn by_region(reader: Reader<'_>, regions: &[String]) -> Found {
    let listings: Vec<(String, Result<Vec<types::Trail>, CallError>)> = stream::iter(regions.to_vec())
        .map(|region| async move {
            let listed = listed(reader, &region, None).await;
            (region, listed)
        })
        .buffered(4)
        .collect()
        .await;
    let mut seen = BTreeMap::new();
    let mut reads = Vec::new();
    for (region, listing) in listings {
        let read = listing.as_ref().map_or_else(Fact::unknown, |_| Fact::Known(()));
        reads.push((Selector::by("region", region), read));
        seen.extend(listing.unwrap_or_default().into_iter().map(|t| (text(t.trail_arn.as_deref()), t)));
    }
    let trails: Vec<Trail> =
        stream::iter(seen.into_values()).map(|t| whole(reader, t)).buffered(4).collect().await;
    Box::new(move |inventory| {
        trails.into_iter().for_each(|t| inventory.trails.put(t.id.clone(), t));
        reads.into_iter().for_each(|(selector, read)| inventory.trails.read(&selector, read));
    })
}

/// Reads trails by ARN, each in the region that its ARN names, or by name in the region of the want.
pub(super) async fn by_id(reader: Reader<'_>, region: &str, ask: &Ask) -> Members<Trail> {
    let Ask::Ids(ids) = ask else { return not_listed("trails, other than those seen from a region,") };
    let trails = stream::iter(ids.clone()).map(|id| async move {
        let home = id.split(':').nth(3).unwrap_or(region).to_owned();
        let trail = match listed(reader, &home, Some(&id)).await {
            Ok(found) => match found
                .into_iter()
                .find(|t| t.trail_arn.as_deref() == Some(&id) || t.name.as_deref() == Some(&id))
            {
                Some(trail) => Fact::Known(whole(reader, trail).await),
                None => Fact::Absent,
            },
            Err(error) => errors::fact(&error),
        };
        (id, trail)
    });
    Ok(trails.buffered(4).collect().await)
}

async fn listed(reader: Reader<'_>, region: &str, id: Option<&str>) -> Result<Vec<types::Trail>, CallError> {
    let regional = reader.clients.region(region);
    let request = regional
        .cloudtrail()
        .describe_trails()
        .include_shadow_trails(true)
        .set_trail_name_list(id.map(|id| vec![id.to_owned()]));
    // Not at the pace of the job's region: trails are read from many.
    let asked = reading("cloudtrail:DescribeTrails", || request.clone().send());
    Ok(pace::at(&reader.clients.pace, region, asked).await?.trail_list.unwrap_or_default())
}

async fn whole(reader: Reader<'_>, trail: types::Trail) -> Trail {
    let arn = text(trail.trail_arn);
    let home_region = text(trail.home_region);
    let home = reader.clients.region(&home_region);
    let client = home.cloudtrail();
    let asked = async {
        futures::join!(
            reading("cloudtrail:GetTrailStatus", || client.get_trail_status().name(&arn).send()),
            reading("cloudtrail:GetEventSelectors", || client.get_event_selectors().trail_name(&arn).send()),
            tags(client, &arn),
        )
    };
    let (status, selectors, tags) = pace::at(&reader.clients.pace, &home_region, asked).await;
    let (is_logging, latest_delivery_error, latest_delivery_time) = facts(status);
    let records = selectors.map(|s| {
        all_management(
            &s.event_selectors.unwrap_or_default(),
            &s.advanced_event_selectors.unwrap_or_default(),
        )
    });
    Trail {
        id: arn,
        name: text(trail.name),
        home_region,
        is_multi_region: trail.is_multi_region_trail.unwrap_or_default(),
        is_organization: trail.is_organization_trail.unwrap_or_default(),
        s3_bucket_name: text(trail.s3_bucket_name),
        s3_key_prefix: some(trail.s3_key_prefix),
        log_file_validation: trail.log_file_validation_enabled.unwrap_or_default(),
        include_global_service_events: trail.include_global_service_events.unwrap_or_default(),
        kms_key_id: some(trail.kms_key_id),
        is_logging,
        latest_delivery_error,
        latest_delivery_time,
        all_management_events: told(records),
        tags: told(tags),
    }
}

/// Converts the answer about a trail that exists: a failure leaves the fact unknown, and never absent.
fn told<T>(answer: Result<T, CallError>) -> Fact<T> {
    answer.map_or_else(|error| Fact::unknown(&error), Fact::Known)
}

type Status = aws_sdk_cloudtrail::operation::get_trail_status::GetTrailStatusOutput;

fn facts(status: Result<Status, CallError>) -> (Fact<bool>, Fact<String>, Fact<Timestamp>) {
    match status {
        Ok(status) => (
            status
                .is_logging
                .map_or(Fact::unknown("the answer holds no value (cloudtrail:GetTrailStatus)"), Fact::Known),
            Fact::Known(text(status.latest_delivery_error)),
            time(status.latest_delivery_time).map_or(Fact::Absent, Fact::Known),
        ),
        Err(error) => (Fact::unknown(&error), Fact::unknown(&error), Fact::unknown(&error)),
    }
}

async fn tags(client: &Client, arn: &str) -> Result<Tags, CallError> {
    let lists = pages!("cloudtrail:ListTags", client.list_tags().resource_id_list(arn), resource_tag_list);
    let tags = lists.into_iter().flat_map(|l: types::ResourceTag| l.tags_list.unwrap_or_default());
    Ok(tags.map(|t| (t.key, t.value.unwrap_or_default())).collect())
}

/// Returns whether selectors record every management event, reads and writes. A trail without any selector
/// records them all
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html>).
fn all_management(basic: &[EventSelector], advanced: &[AdvancedEventSelector]) -> bool {
    if basic.is_empty() && advanced.is_empty() {
        return true;
    }
    let (reads, writes): (Vec<bool>, Vec<bool>) =
        basic.iter().map(of_basic).chain(advanced.iter().map(of_advanced)).unzip();
    reads.contains(&true) && writes.contains(&true)
}

/// Returns whether a selector records all reads, and whether it records all writes.
fn of_basic(selector: &EventSelector) -> (bool, bool) {
    let all = selector.include_management_events != Some(false)
        && selector.exclude_management_event_sources.as_ref().is_none_or(Vec::is_empty);
    match &selector.read_write_type {
        None | Some(ReadWriteType::All) => (all, all),
        Some(ReadWriteType::ReadOnly) => (all, false),
        Some(ReadWriteType::WriteOnly) => (false, all),
        Some(_) => (false, false),
    }
}

fn of_advanced(selector: &AdvancedEventSelector) -> (bool, bool) {
    let is_only = |field: &types::AdvancedFieldSelector, value: &str| {
        let others = [
            &field.starts_with,
            &field.ends_with,
            &field.not_equals,
            &field.not_starts_with,
            &field.not_ends_with,
        ];
        field.equals.as_deref() == Some(&[value.to_owned()])
            && others.iter().all(|o| o.as_ref().is_none_or(Vec::is_empty))
    };
    let (mut management, mut reads, mut writes) = (false, true, true);
    for field in &selector.field_selectors {
        match field.field.as_str() {
            "eventCategory" if is_only(field, "Management") => management = true,
            "readOnly" if is_only(field, "true") => writes = false,
            "readOnly" if is_only(field, "false") => reads = false,
            _ => return (false, false),
        }
    }
    (management && reads, management && writes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advanced(fields: &[(&str, &str)]) -> AdvancedEventSelector {
        let field = |(name, value): &(&str, &str)| {
            types::AdvancedFieldSelector::builder().field(*name).equals(*value).build().unwrap()
        };
        AdvancedEventSelector::builder()
            .set_field_selectors(Some(fields.iter().map(field).collect()))
            .build()
            .unwrap()
    }

    fn basic(kind: ReadWriteType) -> EventSelector {
        EventSelector::builder().read_write_type(kind).include_management_events(true).build()
    }

    #[test]
    fn a_trail_without_selectors_records_all_management_events() {
        assert!(all_management(&[], &[]));
    }

    #[test]
    fn reads_and_writes_are_both_needed_and_may_come_from_two_selectors() {
        assert!(all_management(&[basic(ReadWriteType::All)], &[]));
        assert!(!all_management(&[basic(ReadWriteType::WriteOnly)], &[]));
        assert!(all_management(&[basic(ReadWriteType::WriteOnly), basic(ReadWriteType::ReadOnly)], &[]));
    }

    #[test]
    fn a_selector_that_leaves_a_service_out_does_not_record_all() {
        let without_kms = EventSelector::builder()
            .read_write_type(ReadWriteType::All)
            .exclude_management_event_sources("kms.amazonaws.com")
            .build();
        assert!(!all_management(&[without_kms], &[]));
    }

    #[test]
    fn an_advanced_selector_counts_when_it_narrows_nothing() {
        assert!(all_management(&[], &[advanced(&[("eventCategory", "Management")])]));
        assert!(!all_management(&[], &[advanced(&[("eventCategory", "Data")])]));
        assert!(!all_management(&[], &[advanced(&[("eventCategory", "Management"), ("readOnly", "true")])]));
        assert!(!all_management(
            &[],
            &[advanced(&[("eventCategory", "Management"), ("eventSource", "ec2.amazonaws.com")])]
        ));
    }
}
