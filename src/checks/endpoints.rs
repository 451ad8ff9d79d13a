//! The checks on VPC endpoints: their policies do not let everybody do everything, and those of services of
//! AWS get the traffic for the names of the service.

use serde_json::{Value, json};

use super::{
    Check,
    one::{Info, Rule},
    openness::{Of, Width, width},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Fact, Inventory, VpcEndpoint},
    resource::Kind,
};

/// The id of the check on policies.
pub const OPEN_POLICY: &str = "vpc-endpoint-open-policy";

/// The id of the check on private DNS.
pub const NO_PRIVATE_DNS: &str = "vpc-endpoint-no-private-dns";

/// The checks of this family.
pub static CHECKS: &[Check] = &[Check::of::<OpenPolicy>(), Check::of::<NoPrivateDns>()];

/// Services whose actions have another prefix than the word in the name of the service
/// (<https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html>).
const PREFIXES: &[(&str, &str)] =
    &[("monitoring", "cloudwatch"), ("kinesis-streams", "kinesis"), ("ecr.api", "ecr"), ("ecr.dkr", "ecr")];
/// Services whose actions have the word in the name of the service as their prefix.
const ALIKE: &[&str] = &[
    "dynamodb",
    "ec2",
    "events",
    "iam",
    "imagebuilder",
    "kms",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sts",
];

/// Returns the service of an endpoint as its policy names it.
pub fn service_of(endpoint: &VpcEndpoint) -> Of {
    let (region, word) = endpoint.service().unwrap_or_default();
    let other = PREFIXES.iter().find(|(service, _)| *service == word).map(|(_, prefix)| *prefix);
    let prefix = other.or_else(|| ALIKE.iter().copied().find(|service| *service == word));
    let partition = match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    Of { prefix, partition }
}

/// Returns the reason for which an endpoint has no policy to look at; `None` where it has one.
///
/// # Errors
/// A type of endpoint that redress does not know.
pub fn without_policy(endpoint: &VpcEndpoint) -> Result<Option<String>, String> {
    let of_others = || {
        format!(
            "{} is a service of somebody's behind a load balancer, whose endpoints have no policy",
            endpoint.service_name
        )
    };
    match endpoint.endpoint_type.as_str() {
        "Gateway" | "Interface" => Ok(endpoint.is_of_others().then(of_others)),
        kind @ ("GatewayLoadBalancer" | "Resource" | "ServiceNetwork" | "Tunnel") => {
            Ok(Some(format!("an endpoint of the type {kind} has no policy for calls of AWS")))
        }
        other => Err(format!("its type is {other:?}, which redress does not know")),
    }
}

/// Returns the reason for which an open policy has no effect; `None` where its service takes policies.
///
/// # Errors
/// The reason for which that is not known.
pub fn without_effect(endpoint: &VpcEndpoint) -> Result<Option<String>, String> {
    match &endpoint.policy_supported {
        Fact::Known(true) => Ok(None),
        Fact::Known(false) => Ok(Some(format!(
            "{} takes no policies of endpoints, so that full access is always shown",
            endpoint.service_name
        ))),
        silent => {
            let why = silent.silence().unwrap_or("the answer names no such service");
            Err(format!("whether {} takes policies of endpoints: {why}", endpoint.service_name))
        }
    }
}

struct OpenPolicy;

impl Rule for OpenPolicy {
    type On = VpcEndpoint;
    const INFO: Info = Info {
        id: OPEN_POLICY,
        title: "The policy of a VPC endpoint lets everybody do everything with everything",
        why: "With credentials of any account, data goes from the VPC to resources of any account, past \
              every firewall on the way to the internet.",
        severity: Severity::Medium,
        kind: Kind::VpcEndpoint,
        known_as: &[("prowler", &["vpc_endpoint_connections_trust_boundaries"])],
        triggers: &["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"],
    };

    fn is_own(endpoint: &VpcEndpoint, inventory: &Inventory) -> bool {
        inventory.owner.owns(&endpoint.owner_id)
    }

    fn judge(endpoint: &VpcEndpoint, _: &Value) -> Verdict {
        match without_policy(endpoint) {
            Ok(None) => {}
            Ok(reason) => return Verdict::Ok(reason),
            Err(why) => return Verdict::Unknown(why),
        }
        let policy = match &endpoint.policy {
            Fact::Known(policy) => policy,
            silent => {
                let why = silent.silence().unwrap_or("the answer has none (ec2:DescribeVpcEndpoints)");
                return Verdict::Unknown(format!("its policy: {why}"));
            }
        };
        match width(policy, service_of(endpoint)) {
            Width::Bounded => Verdict::Ok(None),
            Width::Wide(statement) => Verdict::Ok(Some(format!(
                "{statement} of its policy lets everybody call some actions with any resource: whether that \
                 is meant, redress cannot know"
            ))),
            Width::Unclear(why) => Verdict::Unknown(format!("its policy: {why}")),
            Width::Open(_) => match without_effect(endpoint) {
                Ok(None) => Verdict::Violates(json!({ "service": endpoint.service_name,
                    "type": endpoint.endpoint_type, "vpc": endpoint.vpc_id })),
                Ok(reason) => Verdict::Ok(reason),
                Err(why) => Verdict::Unknown(why),
            },
        }
    }
}

/// Returns the reason for which private DNS would lead no name to an endpoint; `None` where it would.
///
/// # Errors
/// The reason for which that is not known.
pub fn without_private_names(endpoint: &VpcEndpoint) -> Result<Option<String>, String> {
    let name = &endpoint.service_name;
    let of_others = format!("{name} is a service of somebody's, whose owner decides about its names");
    let no_names = "only interface endpoints lead names of AWS's services to themselves".to_owned();
    match endpoint.endpoint_type.as_str() {
        "Interface" if endpoint.is_of_others() => return Ok(Some(of_others)),
        "Interface" => {}
        "Gateway" | "GatewayLoadBalancer" | "Resource" | "ServiceNetwork" | "Tunnel" => {
            return Ok(Some(no_names));
        }
        other => return Err(format!("its type is {other:?}, which redress does not know")),
    }
    match &endpoint.private_dns_names {
        Fact::Known(names) if names.is_empty() => {
            Ok(Some(format!("{name} has no names that private DNS could lead to it")))
        }
        Fact::Known(_) => Ok(None),
        silent => {
            let why = silent.silence().unwrap_or("the answer names no such service");
            Err(format!("the names of {name}: {why}"))
        }
    }
}

struct NoPrivateDns;

impl Rule for NoPrivateDns {
    type On = VpcEndpoint;
    const INFO: Info = Info {
        id: NO_PRIVATE_DNS,
        title: "An interface endpoint does not get the traffic for the public names of its service",
        why: "Whoever uses the public name of the service, as all tools of AWS do, goes past the endpoint \
              and its policy, by the internet or not at all.",
        severity: Severity::Low,
        kind: Kind::VpcEndpoint,
        known_as: &[],
        triggers: &["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"],
    };

    fn is_own(endpoint: &VpcEndpoint, inventory: &Inventory) -> bool {
        inventory.owner.owns(&endpoint.owner_id)
    }

    fn judge(endpoint: &VpcEndpoint, _: &Value) -> Verdict {
        if endpoint.private_dns_enabled {
            return Verdict::Ok(None);
        }
        match without_private_names(endpoint) {
            Ok(None) => Verdict::Violates(json!({ "service": endpoint.service_name, "vpc": endpoint.vpc_id,
                "names": endpoint.private_dns_names.known() })),
            // Gateways are no endpoints for names, and are not worth a note each.
            Ok(Some(_)) if endpoint.endpoint_type == "Gateway" => Verdict::Ok(None),
            Ok(reason) => Verdict::Ok(reason),
            Err(why) => Verdict::Unknown(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(change: impl FnOnce(&mut VpcEndpoint)) -> VpcEndpoint {
        let mut it = VpcEndpoint {
            id: "vpce-1".into(),
            endpoint_type: "Gateway".into(),
            service_name: "com.amazonaws.us-east-1.s3".into(),
            policy_supported: Fact::Known(true),
            ..VpcEndpoint::default()
        };
        let open = r#"{"Statement":[{"Action":"*","Effect":"Allow","Resource":"*","Principal":"*"}]}"#;
        it.set_policy(Some(open.to_owned()));
        change(&mut it);
        it
    }

    fn judged(change: impl FnOnce(&mut VpcEndpoint)) -> Verdict {
        OpenPolicy::judge(&endpoint(change), &Value::Null)
    }

    #[test]
    fn the_default_policy_is_a_finding_where_it_has_an_effect() {
        assert!(matches!(judged(|_| {}), Verdict::Violates(with) if with["type"] == "Gateway"));
        let unsupported = judged(|it| it.policy_supported = Fact::Known(false));
        assert!(matches!(unsupported, Verdict::Ok(Some(why)) if why.contains("takes no policies")));
        for silent in [Fact::unknown("AccessDenied"), Fact::NotRead, Fact::Absent] {
            assert!(matches!(judged(|it| it.policy_supported = silent), Verdict::Unknown(_)));
        }
        let bounded = judged(|it| {
            it.policy_supported = Fact::unknown("AccessDenied");
            let policy =
                it.policy_document.clone().unwrap().replace("\"*\",\"Effect", "\"s3:Get*\",\"Effect");
            it.set_policy(Some(policy));
        });
        assert!(
            matches!(bounded, Verdict::Ok(Some(why)) if why.contains("some actions")),
            "it is only noted"
        );
    }

    #[test]
    fn a_type_without_policies_has_a_reason_and_an_unknown_one_is_not_judged() {
        for kind in ["GatewayLoadBalancer", "Resource", "ServiceNetwork", "Tunnel"] {
            assert!(matches!(judged(|it| it.endpoint_type = kind.into()), Verdict::Ok(Some(_))), "{kind}");
        }
        for kind in ["", "Bridge"] {
            assert!(matches!(judged(|it| it.endpoint_type = kind.into()), Verdict::Unknown(_)), "{kind}");
        }
        let others = judged(|it| {
            it.endpoint_type = "Interface".into();
            it.service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0".into();
        });
        assert!(matches!(others, Verdict::Ok(Some(why)) if why.contains("somebody's")));
    }

    fn named(change: impl FnOnce(&mut VpcEndpoint)) -> Verdict {
        let it = endpoint(|it| {
            it.endpoint_type = "Interface".into();
            it.service_name = "com.amazonaws.us-east-1.ssm".into();
            it.private_dns_names = Fact::Known(vec!["ssm.us-east-1.amazonaws.com".into()]);
            change(it);
        });
        NoPrivateDns::judge(&it, &Value::Null)
    }

    #[test]
    fn an_interface_endpoint_without_the_names_of_its_service_is_a_finding() {
        assert!(matches!(named(|_| {}), Verdict::Violates(with)
            if with["names"] == json!(["ssm.us-east-1.amazonaws.com"])));
        assert_eq!(named(|it| it.private_dns_enabled = true), Verdict::Ok(None));
        assert_eq!(named(|it| it.endpoint_type = "Gateway".into()), Verdict::Ok(None));
        for kind in ["GatewayLoadBalancer", "Resource", "ServiceNetwork", "Tunnel"] {
            assert!(matches!(named(|it| it.endpoint_type = kind.into()), Verdict::Ok(Some(_))), "{kind}");
        }
        let others = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0";
        let noted = [
            named(|it| it.service_name = others.into()),
            named(|it| it.private_dns_names = Fact::Known(Vec::new())),
        ];
        assert!(noted.iter().all(|verdict| matches!(verdict, Verdict::Ok(Some(_)))), "{noted:?}");
        for silent in [Fact::unknown("AWS does not list it"), Fact::NotRead, Fact::Absent] {
            assert!(matches!(named(|it| it.private_dns_names = silent), Verdict::Unknown(_)));
        }
        assert!(matches!(named(|it| it.endpoint_type = "Bridge".into()), Verdict::Unknown(_)));
    }

    #[test]
    fn a_policy_that_was_not_read_is_unknown() {
        assert!(matches!(judged(|it| it.set_policy(None)), Verdict::Unknown(_)));
        assert!(matches!(judged(|it| it.set_policy(Some("{".into()))), Verdict::Unknown(_)));
        let odd = r#"{"Statement":[{"NotAction":"s3:x","Effect":"Allow","Resource":"*","Principal":"*"}]}"#;
        assert!(matches!(judged(|it| it.set_policy(Some(odd.into()))), Verdict::Unknown(_)));
    }

    #[test]
    fn a_service_is_named_in_policies_by_its_prefix() {
        let of = |name: &str| {
            let it = endpoint(|it| it.service_name = name.into());
            let of = service_of(&it);
            (of.prefix, of.partition)
        };
        assert_eq!(of("com.amazonaws.eu-west-1.monitoring"), (Some("cloudwatch"), "aws"));
        assert_eq!(of("com.amazonaws.cn-north-1.s3"), (Some("s3"), "aws-cn"));
        assert_eq!(of("com.amazonaws.iam"), (Some("iam"), "aws"));
        assert_eq!(of("com.amazonaws.us-east-1.ecr.api"), (Some("ecr"), "aws"));
        assert_eq!(of("com.amazonaws.us-east-1.s3-fips"), (None, "aws"));
        assert_eq!(of("aws.sagemaker.us-east-1.notebook"), (None, "aws"));
    }
}
