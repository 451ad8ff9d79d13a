//! Names of resources in an account. A resource is named by its ARN; this file parses and builds ARNs, and
//! must not know anything about the properties of the named resources or the source of the facts about them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of resource that redress knows, by the name that the field uses for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The account itself, or an account in one region (`arn:aws:iam::A:root`, as Security Hub names it).
    Account,
    /// An EC2 security group.
    SecurityGroup,
    /// A VPC.
    Vpc,
    /// A subnet.
    Subnet,
    /// A network ACL.
    NetworkAcl,
    /// A route table of a VPC.
    RouteTable,
    /// A NAT gateway.
    NatGateway,
    /// An egress-only internet gateway.
    EgressOnlyGateway,
    /// A VPC peering connection.
    PeeringConnection,
    /// The account's defaults for EBS in a region (`arn:aws:ec2:R:A:account`, as Prowler names them).
    EbsDefaults,
    /// The block on public snapshots in a region (`arn:aws:ec2:R:A:snapshot-block-public-access`: AWS itself
    /// has no ARN for it).
    SnapshotBlock,
    /// An image (AMI) of EC2.
    Image,
    /// The block on public images in a region (`arn:aws:ec2:R:A:image-block-public-access`: AWS itself has no
    /// ARN for it).
    ImageBlock,
    /// A CloudTrail trail.
    Trail,
    /// An EBS volume.
    Volume,
    /// An EC2 instance.
    Instance,
    /// An EBS snapshot.
    Snapshot,
    /// A CloudWatch Logs log group.
    LogGroup,
    /// An IAM role.
    Role,
    /// An IAM user.
    User,
    /// An IAM group of users.
    Group,
    /// An access key of an IAM user (`arn:aws:iam::A:access-key/AKIA...`: AWS itself has no ARN for it).
    AccessKey,
    /// An S3 bucket.
    Bucket,
    /// A VPC flow log.
    FlowLog,
    /// A KMS key.
    Key,
    /// An application, network or gateway load balancer.
    LoadBalancer,
    /// A listener of a load balancer.
    Listener,
    /// A VPC endpoint.
    VpcEndpoint,
    /// Any other resource.
    Other,
}

impl Kind {
    /// Returns whether the kind is the account as a whole, be it in one region.
    pub fn is_of_account(self) -> bool {
        matches!(self, Kind::Account | Kind::EbsDefaults | Kind::SnapshotBlock | Kind::ImageBlock)
    }
    /// Returns the kind in words, for people: `security group`.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Account => "account",
            Kind::SecurityGroup => "security group",
            Kind::Vpc => "VPC",
            Kind::Subnet => "subnet",
            Kind::NetworkAcl => "network ACL",
            Kind::RouteTable => "route table",
            Kind::NatGateway => "NAT gateway",
            Kind::EgressOnlyGateway => "egress-only internet gateway",
            Kind::PeeringConnection => "peering connection",
            Kind::EbsDefaults => "EBS default",
            Kind::SnapshotBlock => "block on public snapshots",
            Kind::Image => "image",
            Kind::ImageBlock => "block on public images",
            Kind::Trail => "trail",
            Kind::Volume => "volume",
            Kind::Instance => "instance",
            Kind::Snapshot => "snapshot",
            Kind::LogGroup => "log group",
            Kind::Role => "role",
            Kind::User => "user",
            Kind::Group => "group of users",
            Kind::AccessKey => "access key",
            Kind::Bucket => "bucket",
            Kind::FlowLog => "flow log",
            Kind::Key => "KMS key",
            Kind::LoadBalancer => "load balancer",
            Kind::Listener => "listener",
            Kind::VpcEndpoint => "VPC endpoint",
            Kind::Other => "resource",
        }
    }
}

/// A resource, named by its ARN
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId(String);

/// The reason for which a text is not an ARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an ARN: an ARN looks like arn:aws:ec2:us-east-1:123456789012:security-group/sg-1")]
pub struct NotAnArn(pub String);

impl TryFrom<String> for ResourceId {
    type Error = NotAnArn;

    fn try_from(text: String) -> Result<Self, NotAnArn> {
        let mut parts = text.splitn(6, ':');
        let arn = parts.next() == Some("arn");
        let partition = parts.next().is_some_and(|p| p.starts_with("aws"));
        let whole = parts.nth(2).is_some() && parts.next().is_some_and(|r| !r.is_empty());
        let clean = text.len() <= 2048 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        if arn && partition && whole && clean { Ok(Self(text)) } else { Err(NotAnArn(text)) }
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> String {
        id.0
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of an ARN that is the same for all resources of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The account id: twelve digits.
    pub account: String,
}

impl Owner {
    /// Returns whether a resource belongs to this account, by the account that AWS reports: an answer that
    /// names no account is about the caller's own.
    pub fn owns(&self, account: &str) -> bool {
        account.is_empty() || account == self.account
    }
    fn arn(&self, service: &str, region: &str, account: bool, resource: &str) -> ResourceId {
        let account = if account { self.account.as_str() } else { "" };
        ResourceId(format!("arn:{}:{service}:{region}:{account}:{resource}", self.partition))
    }

    /// Returns the ARN of an EC2 resource, e.g. `ec2("us-east-1", "security-group", "sg-1")`.
    pub fn ec2(&self, region: &str, kind: &str, id: &str) -> ResourceId {
        self.arn("ec2", region, true, &format!("{kind}/{id}"))
    }
    /// Returns the ARN of a security group.
    pub fn security_group(&self, region: &str, id: &str) -> ResourceId {
        self.ec2(region, "security-group", id)
    }
    /// Returns the ARN of a VPC.
    pub fn vpc(&self, region: &str, id: &str) -> ResourceId {
        self.ec2(region, "vpc", id)
    }
    /// Returns the ARN of a volume.
    pub fn volume(&self, region: &str, id: &str) -> ResourceId {
        self.ec2(region, "volume", id)
    }
    /// Returns the ARN of an instance.
    pub fn instance(&self, region: &str, id: &str) -> ResourceId {
        self.ec2(region, "instance", id)
    }
    /// Returns the ARN of a snapshot.
    pub fn snapshot(&self, region: &str, id: &str) -> ResourceId {
        self.ec2(region, "snapshot", id)
    }
    /// Returns the ARN of a log group.
    pub fn log_group(&self, region: &str, name: &str) -> ResourceId {
        self.arn("logs", region, true, &format!("log-group:{name}"))
    }
    /// Returns the ARN of a trail in its home region.
    pub fn trail(&self, home: &str, name: &str) -> ResourceId {
        self.arn("cloudtrail", home, true, &format!("trail/{name}"))
    }
    /// Returns the ARN of a role without a path.
    pub fn role(&self, name: &str) -> ResourceId {
        self.arn("iam", "", true, &format!("role/{name}"))
    }
    /// Returns the ARN of a user by its name alone: the name is unique in the account, whatever the path.
    pub fn user(&self, name: &str) -> ResourceId {
        self.arn("iam", "", true, &format!("user/{name}"))
    }
    /// Returns the ARN of a group of users by its name alone.
    pub fn group(&self, name: &str) -> ResourceId {
        self.arn("iam", "", true, &format!("group/{name}"))
    }
    /// Returns the name of an access key in the form of an ARN.
    pub fn access_key(&self, id: &str) -> ResourceId {
        self.arn("iam", "", true, &format!("access-key/{id}"))
    }
    /// Returns the ARN of a KMS key.
    pub fn key(&self, region: &str, id: &str) -> ResourceId {
        self.arn("kms", region, true, &format!("key/{id}"))
    }
    /// Returns the ARN of a bucket.
    pub fn bucket(&self, name: &str) -> ResourceId {
        self.arn("s3", "", false, name)
    }
    /// Returns the ARN of the account itself.
    pub fn root(&self) -> ResourceId {
        self.arn("iam", "", true, "root")
    }
}

/// Returns the region in an ARN; `None` for a text that is no ARN, such as a name, and for an ARN without a
/// region. Whatever an ARN names is in the region of the ARN
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>).
pub fn region_in(arn: &str) -> Option<&str> {
    part(arn, 3)
}

/// Returns the account in an ARN; `None` for a text that is no ARN and for an ARN without an account.
pub fn account_in(arn: &str) -> Option<&str> {
    part(arn, 4)
}

fn part(arn: &str, at: usize) -> Option<&str> {
    arn.starts_with("arn:").then(|| arn.splitn(6, ':').nth(at)).flatten().filter(|part| !part.is_empty())
}

impl ResourceId {
    fn part(&self, n: usize) -> &str {
        self.0.splitn(6, ':').nth(n).unwrap_or("")
    }
    /// Returns the whole ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Returns the partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.part(1)
    }
    /// Returns the service: `ec2`, `cloudtrail`, ...
    pub fn service(&self) -> &str {
        self.part(2)
    }
    /// Returns the region; empty for global resources.
    pub fn region(&self) -> &str {
        self.part(3)
    }
    /// Returns the account; empty for buckets.
    pub fn account(&self) -> &str {
        self.part(4)
    }
    /// Returns the id by which the service itself knows the resource: `sg-1`, the trail's or bucket's name.
    pub fn id(&self) -> &str {
        let resource = self.part(5);
        match self.kind() {
            Kind::LogGroup => resource.trim_start_matches("log-group:").trim_end_matches(":*"),
            Kind::Bucket | Kind::Account => resource,
            Kind::Role | Kind::User | Kind::Group => resource.rsplit('/').next().unwrap_or(resource),
            _ => resource.split_once('/').map_or(resource, |(_, id)| id),
        }
    }
    /// Returns the kind of resource that the ARN names.
    pub fn kind(&self) -> Kind {
        let resource = self.part(5);
        match (self.service(), resource.split(['/', ':']).next().unwrap_or("")) {
            ("ec2", "security-group") => Kind::SecurityGroup,
            ("ec2", "vpc") => Kind::Vpc,
            ("ec2", "subnet") => Kind::Subnet,
            ("ec2", "network-acl") => Kind::NetworkAcl,
            ("ec2", "route-table") => Kind::RouteTable,
            ("ec2", "natgateway") => Kind::NatGateway,
            ("ec2", "egress-only-internet-gateway") => Kind::EgressOnlyGateway,
            ("ec2", "vpc-peering-connection") => Kind::PeeringConnection,
            ("ec2", "account") => Kind::EbsDefaults,
            ("ec2", "snapshot-block-public-access") => Kind::SnapshotBlock,
            ("ec2", "image") => Kind::Image,
            ("ec2", "image-block-public-access") => Kind::ImageBlock,
            ("ec2", "volume") => Kind::Volume,
            ("ec2", "instance") => Kind::Instance,
            ("ec2", "snapshot") => Kind::Snapshot,
            ("ec2", "vpc-flow-log") => Kind::FlowLog,
            ("ec2", "vpc-endpoint") => Kind::VpcEndpoint,
            ("cloudtrail", "trail") => Kind::Trail,
            ("logs", "log-group") => Kind::LogGroup,
            ("kms", "key") => Kind::Key,
            ("elasticloadbalancing", "listener") => Kind::Listener,
            // The ARN of a Classic Load Balancer ends with its name.
            ("elasticloadbalancing", "loadbalancer") if resource.matches('/').count() == 3 => {
                Kind::LoadBalancer
            }
            ("iam", "role") => Kind::Role,
            ("iam", "user") => Kind::User,
            ("iam", "group") => Kind::Group,
            ("iam", "access-key") => Kind::AccessKey,
            ("iam", "root") => Kind::Account,
            ("s3", _) if !resource.contains('/') => Kind::Bucket,
            _ => Kind::Other,
        }
    }
    /// Returns the partition and account that own the resource.
    pub fn owner(&self) -> Owner {
        Owner { partition: self.partition().to_owned(), account: self.account().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us() -> Owner {
        Owner { partition: "aws".into(), account: "123456789012".into() }
    }

    #[test]
    fn an_arn_comes_apart_as_it_was_put_together() {
        let balancing = |what: &str| us().arn("elasticloadbalancing", "us-east-1", true, what);
        let cases = [
            (us().security_group("us-east-1", "sg-1"), Kind::SecurityGroup, "sg-1"),
            (us().trail("eu-west-1", "audit"), Kind::Trail, "audit"),
            (us().log_group("eu-west-1", "/vpc/flow"), Kind::LogGroup, "/vpc/flow"),
            (us().role("r"), Kind::Role, "r"),
            (us().user("bo"), Kind::User, "bo"),
            (us().group("staff"), Kind::Group, "staff"),
            (us().access_key("AKIA1"), Kind::AccessKey, "AKIA1"),
            (us().bucket("b.c"), Kind::Bucket, "b.c"),
            (us().root(), Kind::Account, "root"),
            (us().key("eu-west-1", "mrk-1"), Kind::Key, "mrk-1"),
            (balancing("listener/app/web/1/2"), Kind::Listener, "app/web/1/2"),
            (balancing("loadbalancer/net/web/1"), Kind::LoadBalancer, "net/web/1"),
            (balancing("loadbalancer/classic"), Kind::Other, "classic"),
        ];
        for (arn, kind, id) in cases {
            assert_eq!(arn.kind(), kind, "{arn}");
            assert_eq!(arn.id(), id, "{arn}");
            assert_eq!(ResourceId::try_from(arn.to_string()), Ok(arn.clone()));
        }
    }

    #[test]
    fn what_is_not_an_arn_is_refused() {
        for bad in [
            "",
            "arn",
            "arn:aws",
            "sg-1",
            "arn:aws:ec2:us-east-1:1",
            "arn:aws:ec2:r:1:",
            "arn:x:ec2:r:1:vpc/v",
            "arn:aws:ec2:r:1:vpc/v\u{1b}[2J",
        ] {
            assert!(ResourceId::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
