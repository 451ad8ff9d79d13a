//! Reads trails: those that are seen from a region, and for each, in its home region, its logging status, the
//! events that it records and its tags.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudtrail::{
    Client,
    operation::get_trail_status::GetTrailStatusOutput,
    types::{self, AdvancedEventSelector, AdvancedFieldSelector, EventSelector, ReadWriteType},
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
    inventory::{Fact, Reason, Selector, Tags, Trail},
    resource::{account_in, region_in},
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
        let home = region_in(&id).unwrap_or(region).to_owned();
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
    let Status { is_logging, latest_delivery_error, latest_delivery_time, start_logging_time } =
        facts(status);
    let gaps = of_owner(
        reader,
        &arn,
        selectors.map(|s| {
            gaps(&s.event_selectors.unwrap_or_default(), &s.advanced_event_selectors.unwrap_or_default())
        }),
    );
    Trail {
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
        start_logging_time,
        all_management_events: gaps.as_ref().map(Vec::is_empty),
        management_gaps: gaps.known().cloned().unwrap_or_default(),
        tags: of_owner(reader, &arn, tags),
        id: arn,
    }
}

/// Converts an answer that only the owner of a trail gets: a failure leaves the fact unknown, and never
/// absent. Members of an organization see its trail, and get one of several errors for its event selectors
/// and tags.
fn of_owner<T>(reader: Reader<'_>, arn: &str, answer: Result<T, CallError>) -> Fact<T> {
    let owner = account_in(arn).filter(|owner| *owner != reader.account);
    match (answer, owner) {
        (Ok(value), _) => Fact::Known(value),
        (Err(error), None) => Fact::unknown(&error),
        (Err(error), Some(owner)) => Fact::Unknown(Reason::new(
            Reason::from(&error).cause(),
            format!("the trail belongs to account {owner}: {error}"),
        )),
    }
}

/// The status of a trail, fact by fact.
struct Status {
    is_logging: Fact<bool>,
    latest_delivery_error: Fact<String>,
    latest_delivery_time: Fact<Timestamp>,
    start_logging_time: Fact<Timestamp>,
}

fn facts(status: Result<GetTrailStatusOutput, CallError>) -> Status {
    match status {
        Ok(status) => Status {
            is_logging: status
                .is_logging
                .map_or(Fact::unknown("the answer holds no value (cloudtrail:GetTrailStatus)"), Fact::Known),
            latest_delivery_error: Fact::Known(text(status.latest_delivery_error)),
            latest_delivery_time: time(status.latest_delivery_time).map_or(Fact::Absent, Fact::Known),
            start_logging_time: time(status.start_logging_time).map_or(Fact::Absent, Fact::Known),
        },
        Err(error) => Status {
            is_logging: Fact::unknown(&error),
            latest_delivery_error: Fact::unknown(&error),
            latest_delivery_time: Fact::unknown(&error),
            start_logging_time: Fact::unknown(&error),
        },
    }
}

async fn tags(client: &Client, arn: &str) -> Result<Tags, CallError> {
    let lists = pages!("cloudtrail:ListTags", client.list_tags().resource_id_list(arn), resource_tag_list);
    let tags = lists.into_iter().flat_map(|l: types::ResourceTag| l.tags_list.unwrap_or_default());
    Ok(tags.map(|t| (t.key, t.value.unwrap_or_default())).collect())
}

/// The management events that a selector records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Recorded {
    reads: bool,
    writes: bool,
    /// The sources that it leaves out.
    without: BTreeSet<String>,
    /// `true` if it narrows events in a way that is not followed here.
    narrowed: bool,
}

/// Returns the management events that selectors do not record, in words. A trail without any selector
/// records them all
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html>).
fn gaps(basic: &[EventSelector], advanced: &[AdvancedEventSelector]) -> Vec<String> {
    if basic.is_empty() && advanced.is_empty() {
        return Vec::new();
    }
    let all: Vec<Recorded> =
        basic.iter().filter_map(of_basic).chain(advanced.iter().filter_map(of_advanced)).collect();
    if all.is_empty() {
        return vec![Trail::NO_MANAGEMENT.to_owned()];
    }
    let whole: Vec<&Recorded> = all.iter().filter(|one| !one.narrowed).collect();
    if whole.is_empty() {
        return vec!["the events that its selectors leave out".to_owned()];
    }
    let mut gaps = Vec::new();
    for (word, is_recorded) in
        [("reads", (|r| r.reads) as fn(&Recorded) -> bool), ("writes", |r: &Recorded| r.writes)]
    {
        let mut parts = whole.iter().filter(|one| is_recorded(one)).map(|one| one.without.clone());
        match parts.next() {
            None => gaps.push(word.to_owned()),
            // What one selector leaves out, another may record.
            Some(first) => gaps.extend(parts.fold(first, |left, more| &left & &more)),
        }
    }
    gaps.sort();
    gaps.dedup();
    gaps.into_iter().map(|gap| if gap.contains('.') { format!("events of {gap}") } else { gap }).collect()
}

/// Returns what a selector records of management events; `None` if it is about other events.
fn of_basic(selector: &EventSelector) -> Option<Recorded> {
    let (reads, writes, narrowed) = match &selector.read_write_type {
        None | Some(ReadWriteType::All) => (true, true, false),
        Some(ReadWriteType::ReadOnly) => (true, false, false),
        Some(ReadWriteType::WriteOnly) => (false, true, false),
        Some(_) => (false, false, true),
    };
    let without = selector.exclude_management_event_sources.iter().flatten().cloned().collect();
    (selector.include_management_events != Some(false)).then_some(Recorded {
        reads,
        writes,
        without,
        narrowed,
    })
}

/// Returns what an advanced selector records of management events; `None` if it is about other events.
fn of_advanced(selector: &AdvancedEventSelector) -> Option<Recorded> {
    let mut recorded = Recorded { reads: true, writes: true, ..Recorded::default() };
    let mut management = false;
    for field in &selector.field_selectors {
        match field.field.as_str() {
            "eventCategory" if equals(field, "Management") => management = true,
            "readOnly" if equals(field, "true") => recorded.writes = false,
            "readOnly" if equals(field, "false") => recorded.reads = false,
            "eventSource" if has_only(field, field.not_equals.as_ref()) => {
                recorded.without.extend(field.not_equals().iter().cloned());
            }
            "eventCategory" => return None,
            _ => recorded.narrowed = true,
        }
    }
    management.then_some(recorded)
}

fn equals(field: &AdvancedFieldSelector, value: &str) -> bool {
    has_only(field, field.equals.as_ref()) && field.equals() == [value.to_owned()]
}

/// Returns whether a field is selected by one operator only.
fn has_only(field: &AdvancedFieldSelector, operator: Option<&Vec<String>>) -> bool {
    let all = [
        &field.equals,
        &field.starts_with,
        &field.ends_with,
        &field.not_equals,
        &field.not_starts_with,
        &field.not_ends_with,
    ];
    let used = all.iter().filter(|values| values.as_ref().is_some_and(|v| !v.is_empty())).count();
    used == 1 && operator.is_some_and(|values| !values.is_empty())
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
        assert!(gaps(&[], &[]).is_empty());
    }

    #[test]
    fn reads_and_writes_are_both_needed_and_may_come_from_two_selectors() {
        assert!(gaps(&[basic(ReadWriteType::All)], &[]).is_empty());
        assert_eq!(gaps(&[basic(ReadWriteType::WriteOnly)], &[]), ["reads"]);
        assert!(gaps(&[basic(ReadWriteType::WriteOnly), basic(ReadWriteType::ReadOnly)], &[]).is_empty());
    }

    #[test]
    fn a_selector_that_leaves_a_service_out_does_not_record_all() {
        let without = |source: &str| {
            let all = EventSelector::builder().read_write_type(ReadWriteType::All);
            all.exclude_management_event_sources(source).build()
        };
        assert_eq!(gaps(&[without("kms.amazonaws.com")], &[]), ["events of kms.amazonaws.com"]);
        let two = [without("kms.amazonaws.com"), without("rdsdata.amazonaws.com")];
        assert!(gaps(&two, &[]).is_empty(), "what one leaves out the other records");
    }

    #[test]
    fn an_advanced_selector_counts_when_it_narrows_nothing() {
        let of = |fields: &[(&str, &str)]| gaps(&[], &[advanced(fields)]);
        assert!(of(&[("eventCategory", "Management")]).is_empty());
        assert_eq!(of(&[("eventCategory", "Data")]), [Trail::NO_MANAGEMENT]);
        assert_eq!(of(&[("eventCategory", "Management"), ("readOnly", "true")]), ["writes"]);
        assert!(!of(&[("eventCategory", "Management"), ("eventSource", "ec2.amazonaws.com")]).is_empty());
        let field = |name: &str| AdvancedFieldSelector::builder().field(name);
        let no_kms = AdvancedEventSelector::builder()
            .field_selectors(field("eventCategory").equals("Management").build().unwrap())
            .field_selectors(field("eventSource").not_equals("kms.amazonaws.com").build().unwrap())
            .build()
            .unwrap();
        assert_eq!(gaps(&[], &[no_kms]), ["events of kms.amazonaws.com"]);
    }
}
