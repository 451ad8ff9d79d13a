//! Reads the defaults of EBS, and which instances Systems Manager can reach.

use aws_sdk_ec2::Client;
use aws_sdk_ssm::types::{InstanceInformation, InstanceInformationStringFilter};

use super::{
    Ask, Members, not_listed,
    page::{known, pages, text},
};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{EbsDefaults, Fact, ManagedInstance},
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
