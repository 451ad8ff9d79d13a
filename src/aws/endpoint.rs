//! The endpoints that the environment and the configuration name, looked at before anything is sent to one: a
//! URL is kept in plans, journals and reports, and what is sent to it is signed. It sends nothing.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

/// The services that are asked, by their ids, those included that fetch credentials.
const SERVICES: [&str; 11] = [
    "EC2",
    "S3",
    "IAM",
    "CloudWatch Logs",
    "CloudTrail",
    "KMS",
    "SecurityHub",
    "SSM",
    "STS",
    "SSO",
    "SSO OIDC",
];

/// Services that only fetch credentials and return nothing about the account itself.
const OF_CREDENTIALS: [&str; 2] = ["SSO", "SSO OIDC"];

/// AWS's own endpoints, in plans, journals and reports.
pub const AWS: &str = "aws";

/// An endpoint that is not AWS's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The service; empty for all services.
    pub service: &'static str,
    /// The URL.
    url: String,
}

impl Endpoint {
    /// Returns the URL without user and password.
    pub fn shown(&self) -> String {
        let (scheme, authority, rest) = parts(&self.url);
        format!("{scheme}{}{rest}", host_and_port(authority))
    }

    /// Returns the name of the environment variable that sets it, which has a counterpart in a profile.
    pub fn setting(&self) -> String {
        let service: String =
            self.service.chars().map(|c| if c == ' ' { '_' } else { c.to_ascii_uppercase() }).collect();
        if service.is_empty() { "AWS_ENDPOINT_URL".to_owned() } else { format!("AWS_ENDPOINT_URL_{service}") }
    }

    /// Returns whether the URL contains a user or a password.
    pub fn has_user(&self) -> bool {
        parts(&self.url).1.contains('@')
    }

    /// Returns whether traffic to it can be read on its way: plain http to another machine.
    pub fn is_in_the_clear(&self) -> bool {
        let (scheme, authority, _) = parts(&self.url);
        scheme.eq_ignore_ascii_case("http://") && !is_loopback(host_and_port(authority))
    }
}

/// Splits a URL into the scheme with its slashes, the authority, and the rest.
fn parts(url: &str) -> (&str, &str, &str) {
    let begin = url.find("://").map_or(0, |at| at + 3);
    let end = url[begin..].find(['/', '\\', '?', '#']).map_or(url.len(), |at| begin + at);
    (&url[..begin], &url[begin..end], &url[end..])
}

fn host_and_port(authority: &str) -> &str {
    authority.rsplit('@').next().unwrap_or(authority)
}

fn is_loopback(host_and_port: &str) -> bool {
    let host = match host_and_port.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host_and_port.split(':').next().unwrap_or_default(),
    };
    let named = host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    named || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Lists all configured endpoints: the one for all services, and those for single services.
pub fn configured(config: &SdkConfig) -> Vec<Endpoint> {
    let one = |service: &'static str| {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        Some(Endpoint { service, url: config.service_config()?.load_config(key)? })
    };
    let all = config.endpoint_url().map(|url| Endpoint { service: "", url: url.to_owned() });
    let all_of = all.as_ref().map(|endpoint| endpoint.url.clone());
    all.into_iter()
        .chain(SERVICES.into_iter().filter_map(one).filter(|endpoint| Some(&endpoint.url) != all_of.as_ref()))
        .collect()
}

/// Returns the place of the account as plans, journals and reports record it: `aws`, or the URL for all
/// services, followed by each service that is asked elsewhere. Two accounts are in the same place only if all
/// of this is equal.
pub fn place(configured: &[Endpoint]) -> String {
    let all = configured.iter().find(|one| one.service.is_empty()).map_or(AWS, |one| one.url.as_str());
    let elsewhere =
        configured.iter().filter(|one| !one.service.is_empty() && !OF_CREDENTIALS.contains(&one.service));
    elsewhere.fold(all.to_owned(), |place, one| format!("{place}, {} at {}", one.service, one.url))
}

/// Returns whether a service is asked at AWS's own endpoint, at such a place.
pub fn is_aws(place: &str, service: &str) -> bool {
    let mut parts = place.split(", ");
    parts.next() == Some(AWS) && parts.all(|part| !part.starts_with(&format!("{service} at ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_asked_elsewhere_makes_another_place() {
        let at = |service: &'static str, url: &str| Endpoint { service, url: url.to_owned() };
        assert_eq!(place(&[]), "aws");
        assert_eq!(place(&[at("", "http://127.0.0.1:1")]), "http://127.0.0.1:1");
        assert_eq!(
            place(&[at("EC2", "https://vpce"), at("SSO", "https://sso"), at("KMS", "https://k")]),
            "aws, EC2 at https://vpce, KMS at https://k"
        );
        assert_eq!(place(&[at("", "http://a"), at("S3", "http://b")]), "http://a, S3 at http://b");
        assert!(
            is_aws("aws, S3 at http://b", "EC2")
                && !is_aws("aws, EC2 at http://b", "EC2")
                && !is_aws("http://a", "EC2")
        );
    }

    fn of(url: &str) -> Endpoint {
        Endpoint { service: "", url: url.to_owned() }
    }

    #[test]
    fn a_user_in_a_url_is_seen_and_never_shown() {
        for url in [
            "http://user:passw0rd@127.0.0.1:6313",
            "https://user:passw0rd@host/x@y",
            "user:passw0rd@host",
            "https://passw0rd@[::1]:1/",
            "http://a@passw0rd@host?q",
        ] {
            assert!(of(url).has_user(), "{url}");
            assert!(!of(url).shown().contains("passw0rd"), "{}", of(url).shown());
        }
        for url in [
            "http://127.0.0.1:6313",
            "https://vpce-1.ec2.eu-west-1.vpce.amazonaws.com/a@b",
            "https://host?mail=a@b",
        ] {
            assert!(!of(url).has_user() && of(url).shown() == url, "{url}");
        }
    }

    #[test]
    fn only_plain_http_to_another_machine_is_in_the_clear() {
        for url in [
            "http://ec2.evil.example",
            "HTTP://10.0.0.1:80/",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://[2001:db8::1]:80",
        ] {
            assert!(of(url).is_in_the_clear(), "{url}");
        }
        for url in [
            "https://ec2.evil.example",
            "http://localhost:4566",
            "http://s3.localhost",
            "http://127.8.0.1",
            "http://[::1]:80/x",
        ] {
            assert!(!of(url).is_in_the_clear(), "{url}");
        }
    }

    #[test]
    fn the_setting_of_a_service_is_named_as_the_environment_has_it() {
        assert_eq!(
            Endpoint { service: "CloudWatch Logs", url: String::new() }.setting(),
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"
        );
        assert_eq!(of("").setting(), "AWS_ENDPOINT_URL");
    }
}
