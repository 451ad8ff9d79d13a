//! Reading: the wants of a scope, grouped into as few calls as AWS allows, some of which run at a time. A
//! fact that cannot be read is recorded as unknown with its reason; one failure leaves the rest alone.

mod access_keys;
mod balancing;
mod buckets;
mod capacity;
mod certificates;
mod compute;
mod copying;
mod credential_report;
mod defaults;
mod endpoints;
mod iam;
mod identities;
mod instances;
mod keys;
mod least;
mod listeners;
mod log_groups;
mod network;
mod page;
mod passwords;
mod public_access;
mod removals;
mod roles;
mod routes;
mod rules;
mod secrets;
mod sharing;
mod sign_in;
mod trails;
mod user_credentials;
mod vpc_dns;
mod web_acls;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
};

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{
    clients::{Clients, Regional},
    endpoint, errors, pace,
};
use crate::{
    account::Identity,
    calls::CallError,
    inventory::{Fact, Family, FamilyKind, Inventory, Record, Scope, Selector, Stored, Want},
};

pub(super) use page::time;

/// The number of groups of wants that are read at once.
const AT_ONCE: usize = 20;
/// The number of ids or values in one call. AWS takes 200 values a filter, but only 100 ids for some
/// operations.
const VALUES: usize = 100;

/// The question that one group of calls answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ask {
    /// Everything.
    All,
    /// The members that a filter with one of these values picks.
    By(String, Vec<String>),
    /// These ids, which may or may not exist. They come last: a read by id returns more, and is newer.
    Ids(Vec<String>),
}

/// One group: a family in a region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Job {
    ask: Ask,
    region: String,
    family: FamilyKind,
}

/// The context of a read: the clients and the account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    /// The clients.
    pub clients: &'a Clients,
    /// The account that is read.
    pub account: &'a str,
    /// `true` at AWS's own endpoint of EC2.
    pub aws: bool,
}

/// The members by id, as a listing or as answers to single questions returned them.
type Members<T> = Result<Vec<(String, Fact<T>)>, CallError>;

/// A function that stores the answer in the inventory.
type Found = Box<dyn FnOnce(&mut Inventory) + Send>;

/// Reads the wants of a scope.
pub(super) async fn read(clients: &Clients, identity: &Identity, scope: &Scope) -> Inventory {
    let aws = endpoint::is_aws(&identity.endpoint, "EC2");
    let reader = Reader { clients, account: &identity.owner.account, aws };
    let mut inventory = Inventory::empty(identity.owner.clone(), identity.caller.clone(), Timestamp::now());
    let found: Vec<Found> =
        stream::iter(jobs(scope)).map(|job| reader.paced(job)).buffered(AT_ONCE).collect().await;
    for put in found {
        put(&mut inventory);
    }
    inventory
}

/// Groups the wants, in the order in which their answers are stored.
fn jobs(scope: &Scope) -> Vec<Job> {
    let mut groups: BTreeMap<(u8, String, FamilyKind, String), Vec<String>> = BTreeMap::new();
    for Want { region, family, selector } in scope {
        let (rank, name, value) = match selector {
            Selector::All => (0, "", None),
            Selector::By(name, value) => (1, name.as_str(), Some(value)),
            // AWS takes an empty id in a filter for an error, and the ids beside it would go unread.
            Selector::Id(id) if id.is_empty() => continue,
            Selector::Id(id) => (2, "", Some(id)),
        };
        // Trails are seen from many regions but looked at once: all wants by region are one group.
        let region = if (*family, rank) == (FamilyKind::Trails, 1) { "" } else { region };
        groups.entry((rank, region.to_owned(), *family, name.to_owned())).or_default().extend(value.cloned());
    }
    let mut jobs = Vec::new();
    for ((rank, region, family, name), values) in groups {
        let job = |ask| Job { ask, region: region.clone(), family };
        match rank {
            0 => jobs.push(job(Ask::All)),
            1 => jobs.extend(values.chunks(VALUES).map(|v| job(Ask::By(name.clone(), v.to_vec())))),
            _ => jobs.extend(values.chunks(VALUES).map(|v| job(Ask::Ids(v.to_vec())))),
        }
    }
    jobs
}

impl<'a> Reader<'a> {
    /// Reads at the pace of the account.
    async fn paced(self, job: Job) -> Found {
        let region = if job.region.is_empty() { self.clients.base().to_owned() } else { job.region.clone() };
        pace::at(&self.clients.pace, &region, self.run(job)).await
    }

    async fn run(self, job: Job) -> Found {
        let region = self.clients.region(&job.region);
        self.reading(&region, &job).await
    }

    /// Returns the reading of a job, which has a frame of its own: one for all kinds grows with every kind,
    /// and does not fit on the stack of a thread.
    fn reading<'r>(self, region: &'r Regional, job: &'r Job) -> Reading<'r>
    where
        'a: 'r,
    {
        use FamilyKind as K;
        let (ec2, ask) = (region.ec2(), &job.ask);
        match job.family {
            K::SecurityGroups => of(job, || network::security_groups(ec2, ask)),
            K::SecurityGroupRules => of(job, || network::rules(ec2, self.account, ask)),
            K::PrefixLists => of(job, || network::prefix_lists(ec2, ask)),
            K::NetworkInterfaces => of(job, || network::interfaces(ec2, ask)),
            K::Vpcs => of(job, || network::vpcs(ec2, ask)),
            K::VpcPublicAccess => of(job, || public_access::blocks(ec2, ask)),
            K::Subnets => of(job, || network::subnets(ec2, ask)),
            K::NetworkAcls => of(job, || network::acls(ec2, ask)),
            K::FlowLogs => of(job, || network::flow_logs(ec2, ask)),
            K::VpcDns => of(job, || vpc_dns::names(ec2, region.route53(), &job.region, ask)),
            K::VpcEndpoints => of(job, || endpoints::endpoints(ec2, ask)),
            K::RouteTables => of(job, || routes::tables(ec2, ask)),
            K::NatGateways => of(job, || routes::nat_gateways(ec2, ask)),
            K::EgressOnlyGateways => of(job, || routes::egress_only_gateways(ec2, ask)),
            K::VpcPeeringConnections => of(job, || routes::peering_connections(ec2, ask)),
            K::Instances => of(job, || instances::instances(ec2, ask)),
            K::InstanceStatuses => of(job, || instances::statuses(ec2, ask)),
            K::ApplicationStatuses => of(job, || instances::application_statuses(ec2, ask)),
            K::InstanceTypes => of(job, || instances::types(ec2, ask)),
            K::Volumes => of(job, || compute::volumes(ec2, ask)),
            K::VolumeModifications => of(job, || compute::modifications(ec2, ask)),
            K::CopyTrials => of(job, || copying::trials(self, region.only_try(), ask)),
            K::VolumeStatuses => of(job, || compute::statuses(ec2, ask)),
            K::Snapshots => of(job, || compute::snapshots(ec2, self.account, ask)),
            K::SnapshotShares => of(job, || sharing::snapshots(ec2, self.account, ask)),
            K::SnapshotBlocks => of(job, || sharing::snapshot_block(ec2, ask)),
            K::Images => of(job, || sharing::images(ec2, self.account, ask)),
            K::ImageBlocks => of(job, || sharing::image_block(ec2, ask)),
            K::Removals => of(job, || removals::removals(region, ask)),
            K::TargetGroups => of(job, || balancing::target_groups(region.balancing(), ask)),
            K::Listeners => of(job, || listeners::listeners(region.balancing(), ask)),
            K::LoadBalancers => of(job, || balancing::load_balancers(region.balancing(), ask)),
            K::WebAcls => of(job, || web_acls::web_acls(region.waf(), ask)),
            K::WebAclAssociations => {
                of(job, || web_acls::associations(region.balancing(), region.waf(), ask))
            }
            K::Certificates => of(job, || certificates::certificates(region.acm(), ask)),
            K::TlsPolicies => of(job, || listeners::policies(region.balancing(), ask)),
            K::CapacityReservations => of(job, || capacity::reservations(ec2, ask)),
            K::ManagedInstances => of(job, || defaults::managed_instances(region.ssm(), ask)),
            K::Organizations => of(job, || defaults::organization(region.organizations(), ask)),
            K::Quotas => of(job, || defaults::quotas(region.servicequotas(), ask)),
            K::LogGroups => of(job, || log_groups::log_groups(region.logs(), ask)),
            K::RetentionPolicies => of(job, || log_groups::retention_policies(region.logs(), ask)),
            K::Secrets => of(job, || secrets::secrets(region.secrets(), ask)),
            K::Keys => of(job, || keys::keys(region.kms(), ask)),
            K::KeyPolicies => of(job, || keys::policies(region.kms(), ask)),
            K::CustomerKeys => of(job, || keys::customer_keys(region.kms(), ask)),
            K::EbsDefaults => of(job, || defaults::ebs(ec2, ask)),
            K::PasswordPolicies => of(job, || passwords::policy(region.iam(), ask)),
            K::Roles => of(job, || roles::roles(region.iam(), ask)),
            K::RoleUses => of(job, || least::uses(region.iam(), ask)),
            K::Simulations => of(job, || least::simulations(region.iam(), ask)),
            K::PolicyVersions => of(job, || least::versions(region.iam(), ask)),
            K::Users => of(job, || identities::users(region.iam(), ask)),
            K::IamGroups => of(job, || identities::groups(region.iam(), ask)),
            K::ManagedPolicies => of(job, || identities::policies(region.iam(), ask)),
            K::AccessKeys => of(job, || access_keys::access_keys(self, region.iam(), ask)),
            K::UserCredentials => of(job, || user_credentials::credentials(region.iam(), ask)),
            K::CredentialReports => of(job, || credential_report::reports(region.iam(), ask)),
            K::LoginProfiles => of(job, || sign_in::login_profiles(region.iam(), ask)),
            K::MfaDevices => of(job, || sign_in::mfa_devices(region.iam(), ask)),
            K::Memberships => of(job, || sign_in::memberships(region.iam(), ask)),
            K::UserPolicies => of(job, || sign_in::user_policies(region.iam(), ask)),
            K::AccountSummaries => of(job, || identities::summary(region.iam(), ask)),
            K::Buckets => of(job, || buckets::buckets(self, ask)),
            K::Trails => match &job.ask {
                Ask::By(name, regions) if name == "region" => Box::pin(trails::by_region(self, regions)),
                _ => of(job, || trails::by_id(self, &job.region, ask)),
            },
        }
    }
}

/// A reading under way.
type Reading<'r> = Pin<Box<dyn Future<Output = Found> + Send + 'r>>;

/// Starts a reading of members of one kind, and stores them when they are there.
fn of<'r, T: Stored, F: Future<Output = Members<T>> + Send + 'r>(
    job: &'r Job,
    read: impl FnOnce() -> F,
) -> Reading<'r> {
    let read = read();
    Box::pin(async move {
        let (members, job) = (read.await, job.clone());
        let put = move |inventory: &mut Inventory| {
            settle(T::family_mut(inventory, &job.region), &job.ask, members);
        };
        Box::new(put) as Found
    })
}

/// Stores members in their family, and records which listing was read whole. An id that was asked for and not
/// returned is absent only if the call itself succeeded, and no listing of the same reading shows it.
fn settle<T: Record>(family: &mut Family<T>, ask: &Ask, members: Members<T>) {
    let outcome: Fact<()> = match &members {
        Ok(_) => Fact::Known(()),
        Err(error) => Fact::unknown(error),
    };
    match ask {
        Ask::All => family.read(&Selector::All, outcome),
        Ask::By(name, values) => {
            values.iter().for_each(|value| family.read(&Selector::by(name, value), outcome.clone()))
        }
        Ask::Ids(ids) => return by_id(family, ids, members),
    }
    family.items.extend(members.unwrap_or_default());
}

fn by_id<T: Record>(family: &mut Family<T>, ids: &[String], members: Members<T>) {
    let missing = |id: &String| match &members {
        Ok(_) => (id.clone(), Fact::Absent),
        Err(error) if ids.len() == 1 => (id.clone(), errors::fact(error)),
        Err(error) => (id.clone(), Fact::unknown(error)),
    };
    let mut answers: BTreeMap<String, Fact<T>> = ids.iter().map(missing).collect();
    answers.extend(members.unwrap_or_default());
    for (id, fact) in answers {
        let is_contradicted = fact.is_absent() && family.get(&id).known().is_some();
        let fact = match is_contradicted {
            true => Fact::unknown(format!("a list of AWS's shows {id}, but it is not found by its id")),
            false => fact,
        };
        family.items.insert(id, fact);
    }
}

/// Returns the error for a listing that redress does not request for a family.
fn not_listed<T>(what: &str) -> Members<T> {
    Err(errors::bad_input("redress", format!("{what} are read by name only")))
}

/// Returns the ids without duplicates, sorted.
fn distinct(ids: impl IntoIterator<Item = String>) -> Vec<String> {
    ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod managed;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Vpc;

    #[test]
    fn many_wants_become_few_calls_and_ids_come_last() {
        let mut scope: Scope =
            (0..150).map(|n| Want::id("r", FamilyKind::Volumes, format!("vol-{n:03}"))).collect();
        scope.insert(Want::all("r", FamilyKind::Volumes));
        scope.insert(Want::by("r", FamilyKind::NetworkInterfaces, "group-id", "sg-1"));
        scope.insert(Want::by("r", FamilyKind::NetworkInterfaces, "group-id", "sg-2"));
        scope.insert(Want::trails("r"));
        scope.insert(Want::trails("s"));
        let asks: Vec<_> = jobs(&scope).into_iter().map(|j| (j.family, j.ask)).collect();
        let regions = vec!["r".to_owned(), "s".to_owned()];
        assert_eq!(asks.len(), 5);
        assert_eq!(asks[0], (FamilyKind::Volumes, Ask::All));
        assert!(asks.contains(&(
            FamilyKind::NetworkInterfaces,
            Ask::By("group-id".to_owned(), vec!["sg-1".to_owned(), "sg-2".to_owned()])
        )));
        assert!(asks.contains(&(FamilyKind::Trails, Ask::By("region".to_owned(), regions))));
        assert!(matches!(&asks[3].1, Ask::Ids(ids) if ids.len() == 100));
        assert!(matches!(&asks[4].1, Ask::Ids(ids) if ids.len() == 50));
    }

    #[test]
    fn an_empty_id_is_not_asked_for() {
        let scope = Scope::from([
            Want::id("r", FamilyKind::Instances, ""),
            Want::id("r", FamilyKind::Instances, "i-1"),
        ]);
        let asks: Vec<_> = jobs(&scope).into_iter().map(|j| j.ask).collect();
        assert_eq!(asks, [Ask::Ids(vec!["i-1".to_owned()])]);
        assert_eq!(jobs(&Scope::from([Want::id("r", FamilyKind::Instances, "")])), []);
    }

    #[test]
    fn an_id_that_did_not_come_is_absent_only_after_a_call_that_went_well() {
        let ask = Ask::Ids(vec!["vpc-1".to_owned(), "vpc-2".to_owned()]);
        let mut family = Family::<Vpc>::default();
        settle(&mut family, &ask, Ok(vec![("vpc-1".to_owned(), Fact::Known(Vpc::default()))]));
        assert!(family.get("vpc-1").known().is_some());
        assert!(family.get("vpc-2").is_absent());
        settle(&mut family, &ask, Err(errors::in_body("ec2:DescribeVpcs", "UnauthorizedOperation", "no")));
        assert_eq!(family.get("vpc-2").silence(), Some("UnauthorizedOperation: no (ec2:DescribeVpcs)"));
    }

    #[test]
    fn what_a_listing_shows_is_not_absent_because_a_read_by_id_does_not_find_it() {
        let mut family = Family::<Vpc>::default();
        settle(&mut family, &Ask::All, Ok(vec![("vpc-1".to_owned(), Fact::Known(Vpc::default()))]));
        settle(&mut family, &Ask::Ids(vec!["vpc-1".to_owned(), "vpc-2".to_owned()]), Ok(Vec::new()));
        assert!(family.get("vpc-1").silence().is_some_and(|why| why.contains("vpc-1")));
        assert!(family.get("vpc-2").is_absent());
    }

    #[test]
    fn a_listing_that_was_denied_is_never_an_empty_one() {
        let mut family = Family::<Vpc>::default();
        settle(
            &mut family,
            &Ask::All,
            Err(errors::in_body("ec2:DescribeVpcs", "UnauthorizedOperation", "no")),
        );
        assert!(family.select(&Selector::All).silence().is_some());
        assert!(family.get("vpc-1").silence().is_some());
    }
}
