//! Reads the sharing of snapshots and images, and the blocks on sharing them with everybody.

use aws_sdk_ec2::{
    Client,
    types::{self, Filter, ImageAttributeName, PermissionGroup, SnapshotAttributeName},
};
use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{
    Ask, Members, distinct, not_listed,
    page::{filters, pages, some, tags, text, time},
};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{Fact, Image, ImageBlock, SnapshotBlock, SnapshotShare, sharing::ALL},
};

/// The number of snapshots that are read at once.
const AT_ONCE: usize = 8;

/// Those who may use a thing: the group of everybody, and single accounts.
type Users = (Option<String>, Vec<String>);

/// Calls `ec2:DescribeSnapshots` for the snapshots that everybody may use, and for each of them, or of those
/// that are read by id, `ec2:DescribeSnapshotAttribute`. Emulators list private ones there, too.
pub async fn snapshots(ec2: &Client, account: &str, ask: &Ask) -> Members<SnapshotShare> {
    let request = ec2.describe_snapshots().owner_ids("self").max_results(1000);
    let (request, listed) = match ask {
        Ask::All => (request.restorable_by_user_ids(ALL), true),
        Ask::Ids(_) => (request.set_filters(filters(ask, "snapshot-id")), false),
        Ask::By(..) => return not_listed("shares of snapshots"),
    };
    let found = pages!("ec2:DescribeSnapshots", request, snapshots);
    let own = found.into_iter().filter(|s: &types::Snapshot| s.owner_id.as_deref() == Some(account));
    let shares = stream::iter(own).map(|snapshot| async move { snapshot_share(ec2, snapshot).await });
    let all: Vec<_> = shares.buffered(AT_ONCE).collect().await;
    let is_open = |share: &Fact<SnapshotShare>| share.known().is_none_or(|share| share.group.is_some());
    Ok(all.into_iter().filter(|(_, share)| !listed || is_open(share)).collect())
}

async fn snapshot_share(ec2: &Client, snapshot: types::Snapshot) -> (String, Fact<SnapshotShare>) {
    let id = text(snapshot.snapshot_id);
    let share = match snapshot_users(ec2, &id).await {
        Ok((group, accounts)) => Fact::Known(SnapshotShare {
            id: id.clone(),
            group,
            accounts,
            volume_id: text(snapshot.volume_id),
            start_time: time(snapshot.start_time),
            tags: tags(snapshot.tags),
        }),
        Err(error) => errors::fact(&error),
    };
    (id, share)
}

async fn snapshot_users(ec2: &Client, id: &str) -> Result<Users, CallError> {
    const OPERATION: &str = "ec2:DescribeSnapshotAttribute";
    let attribute = SnapshotAttributeName::CreateVolumePermission;
    let request = ec2.describe_snapshot_attribute().snapshot_id(id).attribute(attribute);
    let answer = reading(OPERATION, || request.clone().send()).await?;
    if answer.snapshot_id.as_deref() != Some(id) {
        return Err(errors::in_body(OPERATION, "Broken", "the answer is about another snapshot"));
    }
    let users = answer.create_volume_permissions.unwrap_or_default();
    users_of(OPERATION, users.into_iter().map(|one| (one.group, one.user_id)))
}

/// Calls `ec2:DescribeImages` for the images that everybody may use, and for each of them, or of those that
/// are read by id, `ec2:DescribeImageAttribute`.
pub async fn images(ec2: &Client, account: &str, ask: &Ask) -> Members<Image> {
    let request = ec2.describe_images().owners("self").max_results(1000);
    let (request, listed) = match ask {
        Ask::All => (request.filters(Filter::builder().name("is-public").values("true").build()), true),
        Ask::Ids(_) => (request.set_filters(filters(ask, "image-id")), false),
        Ask::By(..) => return not_listed("images"),
    };
    let found = pages!("ec2:DescribeImages", request, images);
    let own = found.into_iter().filter(|i: &types::Image| i.owner_id.as_deref() == Some(account));
    let images = stream::iter(own).map(|found| async move { image(ec2, found).await });
    let all: Vec<_> = images.buffered(AT_ONCE).collect().await;
    let is_open = |image: &Fact<Image>| image.known().is_none_or(|image| image.group.is_some());
    Ok(all.into_iter().filter(|(_, image)| !listed || is_open(image)).collect())
}

async fn image(ec2: &Client, found: types::Image) -> (String, Fact<Image>) {
    let id = text(found.image_id);
    let (users, last_launched) = futures::join!(image_users(ec2, &id), last_launched(ec2, &id));
    let image = match users {
        Ok((group, accounts)) => Fact::Known(Image {
            id: id.clone(),
            name: text(found.name),
            group,
            accounts,
            last_launched,
            tags: tags(found.tags),
        }),
        Err(error) => errors::fact(&error),
    };
    (id, image)
}

const ATTRIBUTE: &str = "ec2:DescribeImageAttribute";

async fn image_users(ec2: &Client, id: &str) -> Result<Users, CallError> {
    let request = ec2.describe_image_attribute().image_id(id).attribute(ImageAttributeName::LaunchPermission);
    let answer = reading(ATTRIBUTE, || request.clone().send()).await?;
    if answer.image_id.as_deref() != Some(id) {
        return Err(errors::in_body(ATTRIBUTE, "Broken", "the answer is about another image"));
    }
    let users = answer.launch_permissions.unwrap_or_default().into_iter().map(|one| {
        let account = one.user_id.or(one.organization_arn).or(one.organizational_unit_arn);
        (one.group, account)
    });
    users_of(ATTRIBUTE, users)
}

/// Returns the time of the last launch; absent where AWS has recorded none.
async fn last_launched(ec2: &Client, id: &str) -> Fact<Timestamp> {
    let request = ec2.describe_image_attribute().image_id(id).attribute(ImageAttributeName::LastLaunchedTime);
    match reading(ATTRIBUTE, || request.clone().send()).await {
        Ok(answer) => match answer.last_launched_time.and_then(|time| some(time.value)) {
            None => Fact::Absent,
            Some(time) => time
                .parse()
                .map_or_else(|_| Fact::unknown(format!("{time:?} is no time ({ATTRIBUTE})")), Fact::Known),
        },
        Err(error) => Fact::unknown(&error),
    }
}

/// Calls `ec2:GetImageBlockPublicAccessState`.
pub async fn image_block(ec2: &Client, ask: &Ask) -> Members<ImageBlock> {
    const OPERATION: &str = "ec2:GetImageBlockPublicAccessState";
    if matches!(ask, Ask::By(..)) {
        return not_listed("blocks on public images");
    }
    let fact = match reading(OPERATION, || ec2.get_image_block_public_access_state().send()).await {
        Ok(answer) => stated(OPERATION, text(answer.image_block_public_access_state), |state| ImageBlock {
            state,
            managed_by: text(answer.managed_by),
        }),
        Err(error) => Fact::unknown(&error),
    };
    Ok(vec![(ImageBlock::ID.to_owned(), fact)])
}

/// Sorts those who may use a thing. A group that AWS has added later may be anybody.
fn users_of(
    operation: &str,
    all: impl Iterator<Item = (Option<PermissionGroup>, Option<String>)>,
) -> Result<Users, CallError> {
    let (mut everybody, mut accounts) = (None, Vec::new());
    for (group, account) in all {
        accounts.extend(account);
        match group {
            Some(PermissionGroup::All) => everybody = Some(ALL.to_owned()),
            Some(other) => {
                let what =
                    format!("it is shared with the group {}, which redress does not know", other.as_str());
                return Err(errors::in_body(operation, "UnknownGroup", &what));
            }
            None => {}
        }
    }
    Ok((everybody, distinct(accounts)))
}

/// Calls `ec2:GetSnapshotBlockPublicAccessState`.
pub async fn snapshot_block(ec2: &Client, ask: &Ask) -> Members<SnapshotBlock> {
    const OPERATION: &str = "ec2:GetSnapshotBlockPublicAccessState";
    if matches!(ask, Ask::By(..)) {
        return not_listed("blocks on public snapshots");
    }
    let fact = match reading(OPERATION, || ec2.get_snapshot_block_public_access_state().send()).await {
        Ok(answer) => stated(OPERATION, text(answer.state), |state| SnapshotBlock {
            state,
            managed_by: text(answer.managed_by),
        }),
        Err(error) => Fact::unknown(&error),
    };
    Ok(vec![(SnapshotBlock::ID.to_owned(), fact)])
}

/// Builds the fact of an answer with a state; without one nothing is known.
fn stated<T>(operation: &str, state: String, make: impl FnOnce(String) -> T) -> Fact<T> {
    match state.is_empty() {
        true => Fact::unknown(format!("the answer holds no state ({operation})")),
        false => Fact::Known(make(state)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_and_single_accounts_are_kept_apart_and_a_group_that_is_not_known_is_not_nobody() {
        let of = |all: Vec<(Option<PermissionGroup>, Option<&str>)>| {
            users_of("x:Y", all.into_iter().map(|(group, account)| (group, account.map(str::to_owned))))
        };
        let mixed = vec![(None, Some("2")), (Some(PermissionGroup::All), None), (None, Some("1"))];
        assert_eq!(of(mixed).unwrap(), (Some(ALL.to_owned()), vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(of(vec![]).unwrap(), (None, Vec::new()));
        assert!(of(vec![(Some(PermissionGroup::from("friends")), None)]).is_err());
    }
}
