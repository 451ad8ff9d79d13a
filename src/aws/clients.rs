//! The SDK's clients, one for each service and region, made when first asked for. None of them repeats a call
//! by itself: repeating is decided in `retry` for reads and by the engine for changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use aws_config::{FrameworkMetadata, Region, SdkConfig, retry::RetryConfig};

use super::{
    departure::InTime,
    only_try::{Honours, OnlyTry},
    pace::Pace,
    together::Together,
    vault::Vault,
};
use crate::inventory::tag;

/// Clients of all regions.
#[derive(Debug)]
pub struct Clients {
    /// The pace of everything that these clients ask.
    pub pace: Arc<Pace>,
    /// Calls that wait for a turn that they can share.
    pub together: Together,
    /// The calls that an endpoint other than AWS is known to honour as dry runs.
    pub honours: Honours,
    /// The secrets of the access keys that this process has made.
    pub vault: Arc<Vault>,
    config: SdkConfig,
    regions: Mutex<HashMap<String, Arc<Regional>>>,
}

/// Returns the name by which redress identifies itself in every request, beside any application id of the
/// user's configuration. CloudTrail records it, and events of our own calls are recognised by it. `None` is
/// impossible: the name has no forbidden character.
pub fn name() -> Option<FrameworkMetadata> {
    FrameworkMetadata::new(tag::AGENT, Some(env!("CARGO_PKG_VERSION"))).ok()
}

/// Clients of one region.
#[derive(Debug)]
pub struct Regional {
    config: SdkConfig,
    acm: OnceLock<aws_sdk_acm::Client>,
    ec2: OnceLock<aws_sdk_ec2::Client>,
    balancing: OnceLock<aws_sdk_elasticloadbalancingv2::Client>,
    only_try: OnceLock<aws_sdk_ec2::Client>,
    route53: OnceLock<aws_sdk_route53::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
    cloudtrail: OnceLock<aws_sdk_cloudtrail::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
    rbin: OnceLock<aws_sdk_rbin::Client>,
    secrets: OnceLock<aws_sdk_secretsmanager::Client>,
    securityhub: OnceLock<aws_sdk_securityhub::Client>,
    organizations: OnceLock<aws_sdk_organizations::Client>,
    servicequotas: OnceLock<aws_sdk_servicequotas::Client>,
    ssm: OnceLock<aws_sdk_ssm::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    waf: OnceLock<aws_sdk_wafv2::Client>,
}

impl Clients {
    /// Creates clients over this configuration, whose region is the one for global services and for an empty
    /// name. Turns off the SDK's own retries, however they are configured: they would multiply with ours, and
    /// they repeat creates whose answer was lost, which creates resources twice.
    pub fn new(config: SdkConfig, pace: Arc<Pace>) -> Self {
        let mut config = config.to_builder().retry_config(RetryConfig::disabled());
        if let Some(name) = name() {
            config = config.framework_metadata(name);
        }
        let config = config.build();
        Self {
            pace,
            together: Together::default(),
            honours: Honours::default(),
            vault: Arc::default(),
            config,
            regions: Mutex::default(),
        }
    }

    /// Shares the secrets that others hold.
    #[must_use]
    pub fn sharing(self, vault: &Arc<Vault>) -> Self {
        Self { vault: Arc::clone(vault), ..self }
    }

    /// Returns the configuration of the base region.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Returns the region that stands for the account as a whole.
    pub fn base(&self) -> &str {
        self.config.region().map_or("us-east-1", AsRef::as_ref)
    }

    /// Returns the clients of a region; of the base region for an empty name.
    pub fn region(&self, name: &str) -> Arc<Regional> {
        let name = if name.is_empty() { self.base() } else { name };
        // The map is only ever added to: what a thread that died left in it is whole.
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            let config = self.config.to_builder().region(Region::new(name.to_owned())).build();
            Arc::new(Regional::new(config))
        };
        Arc::clone(regions.entry(name.to_owned()).or_insert_with(made))
    }
}

impl Regional {
    fn new(config: SdkConfig) -> Self {
        Self {
            config,
            acm: OnceLock::new(),
            ec2: OnceLock::new(),
            balancing: OnceLock::new(),
            only_try: OnceLock::new(),
            route53: OnceLock::new(),
            s3: OnceLock::new(),
            iam: OnceLock::new(),
            logs: OnceLock::new(),
            cloudtrail: OnceLock::new(),
            kms: OnceLock::new(),
            rbin: OnceLock::new(),
            secrets: OnceLock::new(),
            securityhub: OnceLock::new(),
            organizations: OnceLock::new(),
            servicequotas: OnceLock::new(),
            ssm: OnceLock::new(),
            sts: OnceLock::new(),
            waf: OnceLock::new(),
        }
    }
    /// Returns the client of Certificate Manager, which is only read.
    pub fn acm(&self) -> &aws_sdk_acm::Client {
        self.acm.get_or_init(|| aws_sdk_acm::Client::new(&self.config))
    }
    /// Returns the client of EC2.
    pub fn ec2(&self) -> &aws_sdk_ec2::Client {
        self.ec2.get_or_init(|| {
            let config = aws_sdk_ec2::config::Builder::from(&self.config).interceptor(InTime).build();
            aws_sdk_ec2::Client::from_conf(config)
        })
    }
    /// Returns the client of Elastic Load Balancing.
    pub fn balancing(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        self.balancing.get_or_init(|| {
            let config = aws_sdk_elasticloadbalancingv2::config::Builder::from(&self.config);
            aws_sdk_elasticloadbalancingv2::Client::from_conf(config.interceptor(InTime).build())
        })
    }
    /// Returns a client of EC2 that sends every request as a dry run.
    pub fn only_try(&self) -> &aws_sdk_ec2::Client {
        self.only_try.get_or_init(|| {
            let config = aws_sdk_ec2::config::Builder::from(&self.config).interceptor(OnlyTry).build();
            aws_sdk_ec2::Client::from_conf(config)
        })
    }
    /// Returns the client of Route 53, which is only read.
    pub fn route53(&self) -> &aws_sdk_route53::Client {
        self.route53.get_or_init(|| aws_sdk_route53::Client::new(&self.config))
    }
    /// Returns the client of S3. At a custom endpoint, it addresses buckets by path: their names do not
    /// resolve as hosts there.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.s3.get_or_init(|| {
            let own_endpoint =
                self.config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
            let config = aws_sdk_s3::config::Builder::from(&self.config)
                .force_path_style(own_endpoint)
                .interceptor(InTime)
                .build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }
    /// Returns the client of IAM.
    pub fn iam(&self) -> &aws_sdk_iam::Client {
        self.iam.get_or_init(|| {
            let config = aws_sdk_iam::config::Builder::from(&self.config).interceptor(InTime).build();
            aws_sdk_iam::Client::from_conf(config)
        })
    }
    /// Returns the client of CloudWatch Logs.
    pub fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        self.logs.get_or_init(|| {
            let config =
                aws_sdk_cloudwatchlogs::config::Builder::from(&self.config).interceptor(InTime).build();
            aws_sdk_cloudwatchlogs::Client::from_conf(config)
        })
    }
    /// Returns the client of CloudTrail.
    pub fn cloudtrail(&self) -> &aws_sdk_cloudtrail::Client {
        self.cloudtrail.get_or_init(|| {
            let config = aws_sdk_cloudtrail::config::Builder::from(&self.config).interceptor(InTime).build();
            aws_sdk_cloudtrail::Client::from_conf(config)
        })
    }
    /// Returns the client of KMS.
    pub fn kms(&self) -> &aws_sdk_kms::Client {
        self.kms.get_or_init(|| aws_sdk_kms::Client::new(&self.config))
    }
    /// Returns the client of the Recycle Bin.
    pub fn rbin(&self) -> &aws_sdk_rbin::Client {
        self.rbin.get_or_init(|| aws_sdk_rbin::Client::new(&self.config))
    }
    /// Returns the client of Secrets Manager.
    pub fn secrets(&self) -> &aws_sdk_secretsmanager::Client {
        self.secrets.get_or_init(|| {
            let config =
                aws_sdk_secretsmanager::config::Builder::from(&self.config).interceptor(InTime).build();
            aws_sdk_secretsmanager::Client::from_conf(config)
        })
    }
    /// Returns the client of Security Hub.
    pub fn securityhub(&self) -> &aws_sdk_securityhub::Client {
        self.securityhub.get_or_init(|| aws_sdk_securityhub::Client::new(&self.config))
    }
    /// Returns the client of Organizations, which is only read.
    pub fn organizations(&self) -> &aws_sdk_organizations::Client {
        self.organizations.get_or_init(|| aws_sdk_organizations::Client::new(&self.config))
    }
    /// Returns the client of Service Quotas, which is only read.
    pub fn servicequotas(&self) -> &aws_sdk_servicequotas::Client {
        self.servicequotas.get_or_init(|| aws_sdk_servicequotas::Client::new(&self.config))
    }
    /// Returns the client of Systems Manager.
    pub fn ssm(&self) -> &aws_sdk_ssm::Client {
        self.ssm.get_or_init(|| aws_sdk_ssm::Client::new(&self.config))
    }
    /// Returns the client of STS.
    pub fn sts(&self) -> &aws_sdk_sts::Client {
        self.sts.get_or_init(|| aws_sdk_sts::Client::new(&self.config))
    }
    /// Returns the client of AWS WAF.
    pub fn waf(&self) -> &aws_sdk_wafv2::Client {
        self.waf.get_or_init(|| {
            let config = aws_sdk_wafv2::config::Builder::from(&self.config).interceptor(InTime).build();
            aws_sdk_wafv2::Client::from_conf(config)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_repeats_by_itself_even_if_the_configuration_asks_for_it() {
        let asks = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .retry_config(RetryConfig::adaptive().with_max_attempts(9))
            .build();
        let region = Clients::new(asks, Arc::new(Pace::new(None, None))).region("");
        let tries = |config: Option<&RetryConfig>| config.map(RetryConfig::max_attempts);
        assert_eq!(tries(region.ec2().config().retry_config()), Some(1));
        assert_eq!(tries(region.s3().config().retry_config()), Some(1));
        assert_eq!(tries(region.iam().config().retry_config()), Some(1));
        assert_eq!(tries(region.kms().config().retry_config()), Some(1));
    }
}
