//! Reads VPC Block Public Access.

use aws_sdk_ec2::{Client, types};

use super::{
    Ask, Members, not_listed,
    page::{pages, text},
};
use crate::{
    aws::retry::reading,
    calls::CallError,
    inventory::{Fact, PublicAccessExclusion, PublicAccessOptions, VpcPublicAccess},
};

/// Calls `ec2:DescribeVpcBlockPublicAccessOptions` and `ec2:DescribeVpcBlockPublicAccessExclusions`; one may
/// be missing without the other.
pub async fn blocks(ec2: &Client, ask: &Ask) -> Members<VpcPublicAccess> {
    if matches!(ask, Ask::By(..)) {
        return not_listed("VPC Block Public Access");
    }
    let (options, exclusions) = futures::join!(options(ec2), exclusions(ec2));
    let exclusions = exclusions.map_or_else(|error| Fact::unknown(&error), Fact::Known);
    Ok(vec![(VpcPublicAccess::ID.to_owned(), Fact::Known(VpcPublicAccess { options, exclusions }))])
}

async fn options(ec2: &Client) -> Fact<PublicAccessOptions> {
    let operation = "ec2:DescribeVpcBlockPublicAccessOptions";
    match reading(operation, || ec2.describe_vpc_block_public_access_options().send()).await {
        Ok(answer) => match answer.vpc_block_public_access_options {
            Some(options) => Fact::Known(PublicAccessOptions {
                mode: text(options.internet_gateway_block_mode),
                state: text(options.state),
            }),
            None => Fact::unknown(format!("the answer holds no options ({operation})")),
        },
        Err(error) => Fact::unknown(&error),
    }
}

async fn exclusions(ec2: &Client) -> Result<Vec<PublicAccessExclusion>, CallError> {
    let request = ec2.describe_vpc_block_public_access_exclusions().max_results(1000);
    Ok(pages!(
        "ec2:DescribeVpcBlockPublicAccessExclusions",
        request,
        vpc_block_public_access_exclusions => exclusion
    ))
}

fn exclusion(exclusion: types::VpcBlockPublicAccessExclusion) -> PublicAccessExclusion {
    PublicAccessExclusion {
        id: text(exclusion.exclusion_id),
        resource: text(exclusion.resource_arn),
        mode: text(exclusion.internet_gateway_exclusion_mode),
        state: text(exclusion.state),
    }
}
