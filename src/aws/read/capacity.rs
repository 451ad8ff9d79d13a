//! Reads capacity reservations.

use aws_sdk_ec2::{Client, types};
use futures::{StreamExt, stream};

use super::{
    Ask, Members,
    page::{filters, known, pages, some, text, time},
};
use crate::{aws::errors, inventory::CapacityReservation};

/// Calls `ec2:DescribeCapacityReservations`. It has no filter for ids, and one unknown id fails the whole
/// call.
pub async fn reservations(ec2: &Client, ask: &Ask) -> Members<CapacityReservation> {
    let Ask::Ids(ids) = ask else { return described(ec2, ask).await };
    match described(ec2, ask).await {
        Err(error) if ids.len() > 1 && errors::says_absent(&error.code) => {
            let single = stream::iter(ids.clone()).map(|id| async move {
                match described(ec2, &Ask::Ids(vec![id.clone()])).await {
                    Ok(found) => found,
                    Err(error) => vec![(id, errors::fact(&error))],
                }
            });
            Ok(single.buffered(4).collect::<Vec<_>>().await.into_iter().flatten().collect())
        }
        other => other,
    }
}

async fn described(ec2: &Client, ask: &Ask) -> Members<CapacityReservation> {
    let request = ec2.describe_capacity_reservations();
    let request = match ask {
        Ask::Ids(ids) => request.set_capacity_reservation_ids(Some(ids.clone())),
        Ask::All | Ask::By(..) => request.set_filters(filters(ask, "")).max_results(1000),
    };
    let found = pages!("ec2:DescribeCapacityReservations", request, capacity_reservations);
    Ok(known(found.into_iter().map(reservation), |r| &r.id))
}

fn reservation(r: types::CapacityReservation) -> CapacityReservation {
    let available = r.available_instance_count.unwrap_or_default();
    // arn:aws:ec2:us-east-1:123456789012:placement-group/NAME
    let group = |arn: String| arn.rsplit('/').next().map(str::to_owned);
    CapacityReservation {
        id: text(r.capacity_reservation_id),
        instance_type: text(r.instance_type),
        instance_platform: text(r.instance_platform),
        availability_zone: text(r.availability_zone),
        tenancy: text(r.tenancy),
        state: text(r.state),
        match_criteria: text(r.instance_match_criteria),
        reservation_type: text(r.reservation_type),
        available,
        has_room: available > 0,
        end: time(r.end_date),
        placement_group: some(r.placement_group_arn).and_then(group),
        outpost_arn: some(r.outpost_arn),
        interruptible: r.interruptible.unwrap_or_default(),
    }
}
