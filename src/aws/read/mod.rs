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
mod identities;
mod instances;
mod keys;
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
mod sign_in;
mod trails;
mod vpc_dns;
mod web_acls;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{clients::Clients, endpoint, errors, pace};
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

impl Reader<'_> {
    /// Reads at the pace of the account.
    async fn paced(self, job: Job) -> Found {
        let region = if job.region.is_empty() { self.clients.base().to_owned() } else { job.region.clone() };
        pace::at(&self.clients.pace, &region, self.run(job)).await
    }

    async fn run(self, job: Job) -> Found {
        use FamilyKind as K;
        let region = self.clients.region(&job.region);
        let ec2 = region.ec2();
        let ask = &job.ask;
        match job.family {
            K::SecurityGroups => found(network::security_groups(ec2, ask).await, job),
            K::SecurityGroupRules => found(network::rules(ec2, self.account, ask).await, job),
            K::PrefixLists => found(network::prefix_lists(ec2, ask).await, job),
            K::NetworkInterfaces => found(network::interfaces(ec2, ask).await, job),
            K::Vpcs => found(network::vpcs(ec2, ask).await, job),
            K::VpcPublicAccess => found(public_access::blocks(ec2, ask).await, job),
            K::Subnets => found(network::subnets(ec2, ask).await, job),
            K::NetworkAcls => found(network::acls(ec2, ask).await, job),
            K::FlowLogs => found(network::flow_logs(ec2, ask).await, job),
            K::VpcDns => found(vpc_dns::names(ec2, region.route53(), &job.region, ask).await, job),
            K::VpcEndpoints => found(endpoints::endpoints(ec2, ask).await, job),
            K::RouteTables => found(routes::tables(ec2, ask).await, job),
            K::NatGateways => found(routes::nat_gateways(ec2, ask).await, job),
            K::EgressOnlyGateways => found(routes::egress_only_gateways(ec2, ask).await, job),
            K::VpcPeeringConnections => found(routes::peering_connections(ec2, ask).await, job),
            K::Instances => found(instances::instances(ec2, ask).await, job),
            K::InstanceStatuses => found(instances::statuses(ec2, ask).await, job),
            K::ApplicationStatuses => found(instances::application_statuses(ec2, ask).await, job),
            K::InstanceTypes => found(instances::types(ec2, ask).await, job),
            K::Volumes => found(compute::volumes(ec2, ask).await, job),
            K::VolumeModifications => found(compute::modifications(ec2, ask).await, job),
            K::CopyTrials => found(copying::trials(self, region.only_try(), ask).await, job),
            K::VolumeStatuses => found(compute::statuses(ec2, ask).await, job),
            K::Snapshots => found(compute::snapshots(ec2, self.account, ask).await, job),
            K::Removals => found(removals::removals(&region, ask).await, job),
            K::TargetGroups => found(balancing::target_groups(region.balancing(), ask).await, job),
            K::Listeners => found(listeners::listeners(region.balancing(), ask).await, job),
            K::LoadBalancers => found(balancing::load_balancers(region.balancing(), ask).await, job),
            K::WebAcls => found(web_acls::web_acls(region.waf(), ask).await, job),
            K::WebAclAssociations => {
                found(web_acls::associations(region.balancing(), region.waf(), ask).await, job)
            }
            K::Certificates => found(certificates::certificates(region.acm(), ask).await, job),
            K::TlsPolicies => found(listeners::policies(region.balancing(), ask).await, job),
            K::CapacityReservations => found(capacity::reservations(ec2, ask).await, job),
            K::ManagedInstances => found(defaults::managed_instances(region.ssm(), ask).await, job),
            K::Organizations => found(defaults::organization(region.organizations(), ask).await, job),
            K::Quotas => found(defaults::quotas(region.servicequotas(), ask).await, job),
            K::LogGroups => found(log_groups::log_groups(region.logs(), ask).await, job),
            K::RetentionPolicies => found(log_groups::retention_policies(region.logs(), ask).await, job),
            K::Secrets => found(secrets::secrets(region.secrets(), ask).await, job),
            K::Keys => found(keys::keys(region.kms(), ask).await, job),
            K::KeyPolicies => found(keys::policies(region.kms(), ask).await, job),
            K::CustomerKeys => found(keys::customer_keys(region.kms(), ask).await, job),
            K::EbsDefaults => found(defaults::ebs(ec2, ask).await, job),
            K::PasswordPolicies => found(passwords::policy(region.iam(), ask).await, job),
            K::Roles => found(roles::roles(region.iam(), ask).await, job),
            K::Users => found(identities::users(region.iam(), ask).await, job),
            K::IamGroups => found(identities::groups(region.iam(), ask).await, job),
            K::ManagedPolicies => found(identities::policies(region.iam(), ask).await, job),
            K::AccessKeys => found(access_keys::access_keys(self, region.iam(), ask).await, job),
            K::CredentialReports => found(credential_report::reports(region.iam(), ask).await, job),
            K::LoginProfiles => found(sign_in::login_profiles(region.iam(), ask).await, job),
            K::MfaDevices => found(sign_in::mfa_devices(region.iam(), ask).await, job),
            K::Memberships => found(sign_in::memberships(region.iam(), ask).await, job),
            K::UserPolicies => found(sign_in::user_policies(region.iam(), ask).await, job),
            K::AccountSummaries => found(identities::summary(region.iam(), ask).await, job),
            K::Buckets => found(buckets::buckets(self, ask).await, job),
            K::Trails => match &job.ask {
                Ask::By(name, regions) if name == "region" => trails::by_region(self, regions).await,
                _ => found(trails::by_id(self, &job.region, ask).await, job),
            },
        }
    }
}

fn found<T: Stored>(members: Members<T>, job: Job) -> Found {
    Box::new(move |inventory| settle(T::family_mut(inventory, &job.region), &job.ask, members))
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
