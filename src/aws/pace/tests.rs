//! The promises of the pace, on a clock of the tests' own.

use proptest::prelude::*;

use super::*;
use crate::aws::pace_table::{READS, REST, TABLE, bucket};

fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

#[test]
fn a_share_of_the_bucket_goes_at_once_and_the_rest_at_the_share_of_the_rate() {
    // 5 tokens and 2 a second: half of that is 2 at once and then one a second.
    let mut limiter = Limiter::new(bucket("ec2", "StartInstances"), 50);
    let waits: Vec<f64> = (0..4).map(|_| limiter.take(Duration::ZERO).as_secs_f64()).collect();
    assert_eq!(waits, [0.0, 0.0, 0.5, 1.5]);
}

#[test]
fn being_throttled_halves_the_rate_once_a_burst_and_time_brings_it_back() {
    let bucket = Bucket { size: 10.0, refill: 10.0 };
    let mut limiter = Limiter::new(bucket, 100);
    limiter.throttled(Duration::ZERO);
    limiter.throttled(Duration::from_millis(900));
    assert!((limiter.part - 0.5).abs() < 0.02, "{}", limiter.part);
    assert_eq!(limiter.take(Duration::from_millis(900)), Duration::ZERO, "some have come since");
    limiter.throttled(seconds(2.0));
    assert!(limiter.part < 0.28, "{}", limiter.part);
    limiter.take(seconds(60.0));
    assert!((limiter.part - 1.0).abs() < 1e-9);
    assert!((limiter.tokens - 9.0).abs() < 1e-9, "{}", limiter.tokens);
}

#[test]
fn the_rate_never_falls_to_nothing() {
    let mut limiter = Limiter::new(Bucket { size: 1.0, refill: 1.0 }, 100);
    (0..50).for_each(|n| limiter.throttled(seconds(f64::from(n) * 1.01)));
    let wait = limiter.take(seconds(51.0));
    assert!(wait <= seconds(32.0), "{wait:?}");
}

#[test]
fn the_table_knows_every_call_that_redress_makes_and_says_where_from() {
    for spec in crate::calls::SPECS {
        assert!(TABLE.iter().any(|row| row.service == spec.service), "{}:{}", spec.service, spec.operation);
    }
    assert!(
        TABLE.iter().all(|row| row.bucket.size >= 1.0 && row.bucket.refill > 0.0 && !row.source.is_empty())
    );
    assert_eq!(bucket("ec2", "DescribeVolumes"), Bucket { size: 100.0, refill: 20.0 });
    assert_eq!(bucket("ec2", "CopySnapshot"), Bucket { size: 50.0, refill: 5.0 });
    assert_eq!(bucket("ec2", "ModifyVpcEndpoint"), Bucket { size: 4.0, refill: 0.3 });
    assert_eq!(bucket("cloudtrail", "GetTrailStatus").refill, 10.0);
    assert_eq!(bucket("cloudtrail", "CreateTrail").refill, 1.0);
    assert_eq!(bucket("nobody", "Knows"), Bucket { size: 1.0, refill: 1.0 });
}

#[test]
fn elsewhere_than_at_aws_the_table_holds_only_when_it_was_asked_for() {
    assert_eq!(Pace::new(None, None).share, Some(50));
    assert_eq!(Pace::new(Some(20), None).share, Some(20));
    assert_eq!(Pace::new(None, Some("http://127.0.0.1:5000")).share, None);
    assert_eq!(Pace::new(Some(80), Some("http://127.0.0.1:5000")).share, Some(80));
    assert_eq!(Pace::new(None, Some("https://vpce-1.ec2.eu-west-1.vpce.amazonaws.com")).share, Some(50));
    assert_eq!(Pace::new(None, Some("https://amazonaws.com.example.org")).share, None);
}

#[test]
fn each_region_and_operation_has_a_limiter_of_its_own_and_iam_one_for_all_regions() {
    let pace = Pace::new(Some(100), None);
    let waits = |region: &str, operation: &str| !pace.with(region, operation, Limiter::take).is_zero();
    assert!(!waits("r", "cloudtrail:StartLogging") && waits("r", "cloudtrail:StartLogging"));
    assert!(!waits("s", "cloudtrail:StartLogging") && !waits("r", "cloudtrail:CreateTrail"));
    (0..5).for_each(|_| assert!(!waits("r", "iam:CreateRole")));
    assert!(waits("s", "iam:CreateRole"));
}

#[test]
fn what_is_throttled_anywhere_slows_the_same_operation_alone() {
    let pace = Pace::new(Some(100), None);
    pace.heard("r", "ec2:StartInstances", ErrorClass::Quota);
    assert!(pace.with("r", "ec2:StartInstances", Limiter::take).is_zero());
    pace.heard("r", "ec2:StartInstances", ErrorClass::Throttled);
    assert!(!pace.with("r", "ec2:StartInstances", Limiter::take).is_zero());
    assert!(pace.with("r", "ec2:StopInstances", Limiter::take).is_zero());
}

#[test]
fn the_page_of_the_pace_is_the_table() {
    let mut lines = vec![
        "| Service | Operations | Tokens | A second | Source |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for row in TABLE {
        let names: Vec<&str> = row
            .operations
            .iter()
            .map(|name| {
                if *name == READS {
                    "what only reads"
                } else if *name == REST {
                    "all else"
                } else {
                    name
                }
            })
            .collect();
        let source = if row.source.starts_with("http") {
            format!("[documented]({})", row.source)
        } else {
            row.source.to_owned()
        };
        lines.push(format!(
            "| {} | {} | {} | {} | {source} |",
            row.service,
            names.join(", "),
            row.bucket.size,
            row.bucket.refill
        ));
    }
    let table = lines.join("\n");
    let page = include_str!("../../../docs/pace.md");
    assert!(page.contains(&table), "put this table into docs/pace.md:\n{table}");
}

/// Generates events of a limiter: the milliseconds since the last one, and whether it is a throttling (else a
/// call).
fn happenings() -> impl Strategy<Value = Vec<(u64, bool)>> {
    prop::collection::vec((0_u64..3000, prop::bool::weighted(0.1)), 1..200)
}

proptest! {
    #[test]
    fn no_window_of_time_sees_more_than_the_bucket_and_what_flows_into_it(size in 1.0_f64..50.0,
        refill in 0.1_f64..20.0, share in 1_u8..=100, events in happenings()) {
        let mut limiter = Limiter::new(Bucket { size, refill }, share);
        let (mut now, mut uses) = (Duration::ZERO, Vec::<f64>::new());
        for (later, throttled) in events {
            now += Duration::from_millis(later);
            if throttled {
                limiter.throttled(now);
            } else {
                uses.push((now + limiter.take(now)).as_secs_f64());
            }
        }
        uses.sort_by(f64::total_cmp);
        let (full, rate) = ((size * f64::from(share) / 100.0).max(1.0), refill * f64::from(share) / 100.0);
        for (n, first) in uses.iter().enumerate() {
            for (m, last) in uses.iter().enumerate().skip(n) {
                let most = full + rate * (last - first) + 1e-6;
                prop_assert!(((m - n + 1) as f64) <= most, "{} in {} s, at most {most}", m - n + 1,
                    last - first);
            }
        }
    }

    #[test]
    fn while_nothing_is_throttled_the_documented_share_is_never_exceeded(size in 1.0_f64..50.0,
        refill in 0.1_f64..20.0, share in 1_u8..=100, events in happenings()) {
        let mut limiter = Limiter::new(Bucket { size, refill }, share);
        let (mut now, mut uses) = (Duration::ZERO, Vec::<f64>::new());
        for (later, _) in events {
            now += Duration::from_millis(later);
            uses.push((now + limiter.take(now)).as_secs_f64());
        }
        prop_assert!(uses.is_sorted(), "first come, first served");
        let (full, rate) = ((size * f64::from(share) / 100.0).max(1.0), refill * f64::from(share) / 100.0);
        for (n, first) in uses.iter().enumerate() {
            for (m, last) in uses.iter().enumerate().skip(n) {
                prop_assert!(((m - n + 1) as f64) <= full + rate * (last - first) + 1e-6);
            }
        }
    }

    #[test]
    fn the_state_stays_sound_and_every_wait_has_an_end(size in 1.0_f64..50.0, refill in 0.1_f64..20.0,
        events in happenings()) {
        let mut limiter = Limiter::new(Bucket { size, refill }, 50);
        let mut now = Duration::ZERO;
        for (n, (later, throttled)) in events.into_iter().enumerate() {
            now += Duration::from_millis(later);
            if throttled { limiter.throttled(now) } else {
                let most = (n as f64 + 1.0) / (refill * 0.5 * LEAST);
                prop_assert!(limiter.take(now).as_secs_f64() <= most + 1.0);
            }
            prop_assert!((LEAST..=1.0).contains(&limiter.part) && limiter.tokens <= limiter.size);
        }
    }
}

#[test]
fn the_rate_is_the_share_of_what_is_documented_and_none_elsewhere() {
    let rate = |share, endpoint| Pace::new(share, endpoint).rate("cloudtrail:LookupEvents");
    assert_eq!(rate(None, None), Some(1.0));
    assert_eq!(rate(Some(100), Some("http://127.0.0.1:5000")), Some(2.0));
    assert_eq!(rate(None, Some("http://127.0.0.1:5000")), None);
}

#[test]
fn the_endpoints_of_every_partition_are_awss() {
    for host in [
        "ec2.us-east-1.amazonaws.com",
        "vpce-0a.ec2.eu-west-1.vpce.amazonaws.com",
        "ec2.cn-north-1.amazonaws.com.cn",
        "ec2.eusc-de-east-1.amazonaws.eu",
        "ec2.us-iso-east-1.c2s.ic.gov",
        "ec2.us-isob-east-1.sc2s.sgov.gov",
        "ec2.eu-isoe-west-1.cloud.adc-e.uk",
        "ec2.us-isof-south-1.csp.hci.ic.gov",
    ] {
        assert!(is_aws(&format!("https://{host}/")), "{host}");
    }
    assert!(!is_aws("http://127.0.0.1:5000") && !is_aws("https://amazonaws.com.example.org"));
}
