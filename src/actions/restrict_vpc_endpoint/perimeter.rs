//! The statements of a perimeter: own principals with own resources, the services of AWS, and for each
//! service the resources of AWS's own that are used through its endpoints. Data and pure functions.
//!
//! The facts are AWS's: <https://github.com/aws-samples/data-perimeter-policy-examples> (the policies of
//! endpoints, and the page about resources that services own), and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>.

use serde_json::{Value, json};

/// The owner of the principals and resources that are inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inside {
    /// The organization with this id.
    Organization(String),
    /// The account with this id.
    Account(String),
}

impl Inside {
    /// Returns its name, for people.
    pub fn words(&self) -> String {
        match self {
            Inside::Organization(id) => format!("organization {id}"),
            Inside::Account(id) => format!("account {id}"),
        }
    }

    fn principals(&self) -> (&'static str, &str) {
        match self {
            Inside::Organization(id) => ("aws:PrincipalOrgID", id),
            Inside::Account(id) => ("aws:PrincipalAccount", id),
        }
    }

    fn resources(&self) -> (&'static str, &str) {
        match self {
            Inside::Organization(id) => ("aws:ResourceOrgID", id),
            Inside::Account(id) => ("aws:ResourceAccount", id),
        }
    }
}

/// The perimeter, and where the service is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'a> {
    /// The owner of the principals and resources that are inside.
    pub inside: &'a Inside,
    /// `aws`
    pub partition: &'a str,
    /// The region of the service.
    pub region: &'a str,
}

/// The statements for a service.
#[derive(Debug, PartialEq)]
pub(super) struct Statements {
    /// The statements.
    pub statements: Vec<Value>,
    /// The resources that requests without a signature may read.
    pub unsigned: Vec<String>,
}

/// Resources of AWS's own that principals inside may use.
struct Owned {
    actions: &'static [&'static str],
    /// ARNs without `arn:` and the partition, with `{region}` in them.
    resources: &'static [&'static str],
}

/// A service for which a policy is known.
struct Known {
    /// The word in the name of the service.
    word: &'static str,
    owned: Option<Owned>,
    /// Actions whose requests do not name the owner of the resource.
    without_owner: &'static [&'static str],
    /// The resources in words, for people.
    words: &'static str,
}

const fn plain(word: &'static str) -> Known {
    Known { word, owned: None, without_owner: &[], words: "" }
}

/// The services for which a policy is known. Of all others it is not known which resources of AWS's own are
/// used through their endpoints, or which of their requests nobody signs, as `sts:AssumeRoleWithWebIdentity`.
const SERVICES: &[Known] = &[
    plain("dynamodb"),
    plain("kinesis-streams"),
    plain("kms"),
    plain("logs"),
    plain("monitoring"),
    plain("s3"),
    plain("secretsmanager"),
    plain("sns"),
    plain("sqs"),
    Known {
        word: "ec2",
        owned: Some(Owned {
            actions: &[
                "ec2:CreateReplaceRootVolumeTask",
                "ec2:CreateTags",
                "ec2:DeleteTags",
                "ec2:GetManagedPrefixListEntries",
                "ec2:RunInstances",
            ],
            resources: &["ec2:*::image/*", "ec2:*::snapshot/*", "ec2:*:aws:prefix-list/*"],
        }),
        without_owner: &[
            "ec2:*TransitGatewayPeeringAttachment",
            "ec2:*VpcEndpointConnections",
            "ec2:*VpcPeeringConnection",
            "ec2:CopyFpgaImage",
            "ec2:CopyImage",
            "ec2:CopySnapshot",
            "ec2:CreateVolume",
            "ec2:CreateVpcEndpoint",
        ],
        words: "public images and their snapshots, AWS's prefix lists, and calls that do not name the owner \
                of their resource",
    },
    Known {
        word: "iam",
        owned: Some(Owned { actions: &["iam:*"], resources: &["iam::aws:policy/*"] }),
        without_owner: &[],
        words: "AWS's managed policies",
    },
    Known {
        word: "imagebuilder",
        owned: Some(Owned {
            actions: &["imagebuilder:GetComponent", "imagebuilder:GetImage"],
            resources: &["imagebuilder:{region}:aws:component/*", "imagebuilder:{region}:aws:image/*"],
        }),
        without_owner: &[],
        words: "AWS's components and images",
    },
    Known {
        word: "ssm",
        owned: Some(Owned {
            actions: &[
                "ssm:CreateAssociation",
                "ssm:Describe*",
                "ssm:Get*",
                "ssm:List*",
                "ssm:SendCommand",
                "ssm:StartAutomationExecution",
                "ssm:StartChangeRequestExecution",
                "ssm:StartSession",
            ],
            resources: &[
                "ssm:{region}::document/*",
                "ssm:{region}::parameter/aws/*",
                "ssm:*::automation-definition/*",
            ],
        }),
        without_owner: &[],
        words: "AWS's documents, parameters and automations",
    },
];

/// Buckets of AWS's own, with `{region}` in their names. Most are read without a signature: by package
/// managers, by agents before they have credentials. ECR signs the URLs of layers itself.
const BUCKETS: &[&str] = &[
    // Amazon Linux
    "al2023-repos-{region}-de612dc2",
    "al2023-{region}",
    "amazonlinux-2-repos-{region}",
    "amazonlinux.{region}.amazonaws.com",
    "packages.{region}.amazonaws.com",
    "repo.{region}.amazonaws.com",
    // Layers of images in ECR
    "prod-{region}-starport-layer-bucket",
    // Systems Manager
    "{region}-birdwatcher-prod",
    "amazon-ssm-packages-{region}",
    "amazon-ssm-{region}",
    "aws-patchmanager-macos-{region}",
    "aws-ssm-distributor-file-{region}",
    "aws-ssm-document-attachments-{region}",
    "aws-ssm-{region}",
    "aws-windows-downloads-{region}",
    "patch-baseline-snapshot-{region}",
    "session-manager-downloads",
    "ssm-document-categories",
    // Agents and tools
    "amazoncloudwatch-agent",
    "amazoncloudwatch-agent-{region}",
    "aws-cli",
    "aws-codedeploy-{region}",
    "aws-ec2-enclave-certificate-{region}-prod",
    "cloudformation-examples",
    "ec2imagebuilder-managed-resources-{region}-prod",
    "ec2imagebuilder-toe-{region}-prod",
    // EMR and Elastic Beanstalk
    "elasticbeanstalk-env-resources-{region}",
    "elasticbeanstalk-platform-assets-{region}",
    "elasticbeanstalk-samples-{region}",
    "elasticbeanstalk-{region}",
    "prod.{region}.appinfo.src",
    "repo.{region}.emr.amazonaws.com",
    // Application Migration Service and Elastic Disaster Recovery
    "aws-application-migration-service-hashes-{region}",
    "aws-application-migration-service-{region}",
    "aws-drs-clients-hashes-{region}",
    "aws-drs-clients-{region}",
    "aws-drs-internal-hashes-{region}",
    "aws-drs-internal-{region}",
    "aws-elastic-disaster-recovery-hashes-{region}",
    "aws-elastic-disaster-recovery-{region}",
    "aws-mgn-clients-hashes-{region}",
    "aws-mgn-clients-{region}",
    "aws-mgn-internal-hashes-{region}",
    "aws-mgn-internal-{region}",
    // Data and drivers
    "athena-examples-{region}",
    "aws-neptune-notebook",
    "aws-neptune-notebook-{region}",
    "aws-sap-data-provider",
    "aws-sap-dataprovider-{region}",
    "awssap-backint-agent",
    "awssupportdatasvcs.com",
    "jumpstart-cache-prod-{region}",
    "redshift-downloads",
];

/// Returns the resources of a service that stay allowed, as the end of a sentence that names whom a perimeter
/// leaves alone.
pub(super) fn exceptions(word: &str) -> String {
    match SERVICES.iter().find(|known| known.word == word) {
        Some(known) if !known.words.is_empty() => format!("; allowed are {}", known.words),
        _ => String::new(),
    }
}

/// Returns the statements for a service.
///
/// # Errors
/// The reason for which redress has none.
pub(super) fn own_statements(word: &str, own: &Own<'_>) -> Result<Statements, String> {
    let Some(known) = SERVICES.iter().find(|known| known.word == word) else {
        return Err(
            "redress has no policy for that service: it does not know which resources of AWS's own are \
                    used through its endpoints, or which requests nobody signs; set one that fits by hand"
                .to_owned(),
        );
    };
    // In other partitions buckets and accounts of AWS's have other names.
    if own.partition != "aws" && (word == "s3" || known.owned.is_some()) {
        return Err(format!(
            "the names of AWS's own resources in the partition {} are not known: set a policy by hand",
            own.partition
        ));
    }
    let ((principals, inside), (resources, inside_too)) = (own.inside.principals(), own.inside.resources());
    let by_own = json!({ "StringEquals": { (principals): inside } });
    let mut statements = vec![
        statement(
            "OwnPrincipalsAndResources",
            json!("*"),
            json!("*"),
            Some(json!({ "StringEquals": { (principals): inside, (resources): inside_too } })),
        ),
        statement(
            "ServicesOfAws",
            json!("*"),
            json!("*"),
            Some(json!({ "Bool": { "aws:PrincipalIsAWSService": "true" } })),
        ),
    ];
    if let Some(owned) = &known.owned {
        let arns: Vec<String> = owned.resources.iter().map(|arn| arn_of(arn, own)).collect();
        let by_own = Some(by_own.clone());
        statements.push(statement("OwnPrincipalsResourcesOfAws", json!(owned.actions), json!(arns), by_own));
    }
    if !known.without_owner.is_empty() {
        let actions = json!(known.without_owner);
        statements.push(statement("OwnPrincipalsUnknownResources", actions, json!("*"), Some(by_own)));
    }
    let buckets = if word == "s3" { BUCKETS } else { &[] };
    let unsigned: Vec<String> = buckets.iter().map(|name| arn_of(&format!("s3:::{name}/*"), own)).collect();
    if !unsigned.is_empty() {
        statements.push(statement("BucketsOfAws", json!("s3:GetObject"), json!(unsigned), None));
    }
    Ok(Statements { statements, unsigned })
}

fn arn_of(form: &str, own: &Own<'_>) -> String {
    format!("arn:{}:{}", own.partition, form.replace("{region}", own.region))
}

/// Builds a statement for every principal: `{"AWS": account}` would be the root user alone at a gateway
/// (<https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>), so that conditions name
/// the principals.
fn statement(sid: &str, actions: Value, resources: Value, condition: Option<Value>) -> Value {
    let mut statement = json!({ "Sid": sid, "Effect": "Allow", "Principal": "*", "Action": actions,
        "Resource": resources });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    statement
}
