//! Reads the defaults of EBS, quotas of the account, and which instances Systems Manager can reach.

use aws_sdk_ec2::Client;
use aws_sdk_ssm::types::{InstanceInformation, InstanceInformationStringFilter};

use super::{
    Ask, Members, not_listed,
    page::{known, pages, text},
};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{EbsDefaults, Fact, ManagedInstance, Organization, Quota},
};

/// Calls `ec2:GetEbsEncryptionByDefault` and `ec2:GetEbsDefaultKmsKeyId`; one may be missing without the
/// other.
pub async fn ebs(ec2: &Client, ask: &Ask) -> Members<EbsDefaults> {
    if matches!(ask, Ask::By(..)) {
        return not_listed("the defaults of EBS");
    }
    let told = |answer: Result<Option<String>, CallError>| match answer {
        Ok(Some(value)) => Fact::Known(value),
        Ok(None) => Fact::unknown("the answer names no key (ec2:GetEbsDefaultKmsKeyId)"),
        Err(error) => Fact::unknown(&error),
    };
    let (by_default, key) = futures::join!(
        reading("ec2:GetEbsEncryptionByDefault", || ec2.get_ebs_encryption_by_default().send()),
        reading("ec2:GetEbsDefaultKmsKeyId", || ec2.get_ebs_default_kms_key_id().send()),
    );
    let encryption_by_default = match by_default.map(|d| d.ebs_encryption_by_default) {
        Ok(Some(value)) => Fact::Known(value),
        Ok(None) => Fact::unknown("the answer holds no value (ec2:GetEbsEncryptionByDefault)"),
        Err(error) => Fact::unknown(&error),
    };
    let kms_key_id = told(key.map(|k| k.kms_key_id));
    Ok(vec![(EbsDefaults::ID.to_owned(), Fact::Known(EbsDefaults { encryption_by_default, kms_key_id }))])
}

/// Calls `servicequotas:GetServiceQuota`. It has no quota where AWS's default applies and nothing else can
/// (<https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html>).
pub async fn quotas(client: &aws_sdk_servicequotas::Client, ask: &Ask) -> Members<Quota> {
    let operation = "servicequotas:GetServiceQuota";
    let Ask::Ids(ids) = ask else { return not_listed("quotas") };
    let mut all = Vec::new();
    for id in ids {
        let (service, code) = id.split_once('/').unwrap_or((id, ""));
        let request = client.get_service_quota().service_code(service).quota_code(code);
        let fact = match reading(operation, || request.clone().send()).await {
            Ok(answer) => {
                let value = answer.quota.and_then(|quota| whole(quota.value?));
                let quota = value.map(|value| Quota { id: id.clone(), value });
                quota.map_or_else(
                    || Fact::unknown(format!("the answer holds no value ({operation})")),
                    Fact::Known,
                )
            }
            Err(error) => errors::fact(&error),
        };
        all.push((id.clone(), fact));
    }
    Ok(all)
}

/// Calls `organizations:DescribeOrganization`, which every member of an organization may call. An account
/// outside of one gets an error with a code of its own
/// (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html>).
pub async fn organization(client: &aws_sdk_organizations::Client, ask: &Ask) -> Members<Organization> {
    let operation = "organizations:DescribeOrganization";
    let Ask::Ids(_) = ask else { return not_listed("organizations") };
    let fact = match reading(operation, || client.describe_organization().send()).await {
        Ok(answer) => match answer.organization.and_then(|found| found.id) {
            Some(organization_id) => Fact::Known(Organization { organization_id }),
            None => Fact::unknown(format!("the answer names no organization ({operation})")),
        },
        Err(error) if error.code == "AWSOrganizationsNotInUseException" => Fact::Absent,
        Err(error) => Fact::unknown(&error),
    };
    Ok(vec![(Organization::ID.to_owned(), fact)])
}

/// Returns a value as a whole number, if it is one.
fn whole(value: f64) -> Option<usize> {
    (value.is_finite() && value >= 0.0 && value.fract() == 0.0).then(|| format!("{value:.0}").parse().ok())?
}

/// Calls `ssm:DescribeInstanceInformation`.
pub async fn managed_instances(ssm: &aws_sdk_ssm::Client, ask: &Ask) -> Members<ManagedInstance> {
    let operation = "ssm:DescribeInstanceInformation";
    let filter = match ask {
        Ask::All => None,
        Ask::By(..) => return not_listed("managed instances"),
        Ask::Ids(ids) => {
            let filter = InstanceInformationStringFilter::builder()
                .key("InstanceIds")
                .set_values(Some(ids.clone()))
                .build();
            Some(vec![filter.map_err(|error| errors::bad_input(operation, error))?])
        }
    };
    let request = ssm.describe_instance_information().set_filters(filter).max_results(50);
    let found = pages!(operation, request, instance_information_list);
    let found = found.into_iter().map(|i: InstanceInformation| ManagedInstance {
        id: text(i.instance_id),
        ping_status: text(i.ping_status),
    });
    Ok(known(found, |i| &i.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_whole_number_or_not_known() {
        assert_eq!([60.0, 0.0, 1000.0].map(whole), [Some(60), Some(0), Some(1000)]);
        assert_eq!([0.5, -1.0, f64::NAN, f64::INFINITY].map(whole), [None; 4]);
    }
}
