//! The one place where a call is repeated: reads that were throttled or lost. A read has no effect, so
//! repeating it is harmless; changes never come here.

use std::{
    collections::hash_map::RandomState,
    error::Error,
    future::Future,
    hash::{BuildHasher, Hasher},
    time::Duration,
};

use aws_sdk_ec2::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use super::{errors, pace};
use crate::calls::{CallError, ErrorClass};

/// The maximum number of tries of a throttled read.
const THROTTLED_TRIES: u32 = 8;
/// The maximum number of tries of a lost read.
const TRANSIENT_TRIES: u32 = 3;
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(20);

/// Reads, and repeats the read while AWS throttles it or the answer was lost. `operation` is like
/// `ec2:DescribeVolumes` and is named in the error.
pub async fn reading<T, E, F, Fut>(operation: &str, mut attempt: F) -> Result<T, CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + 'static,
{
    let (mut tries, paced) = (0, pace::current());
    loop {
        tries += 1;
        if let Some((pace, region)) = &paced {
            pace.turn(region, operation).await;
        }
        let error = match attempt().await {
            Ok(answer) => {
                if let Some((pace, region)) = &paced {
                    pace.accepted.in_region(region);
                }
                return Ok(answer);
            }
            Err(error) => errors::call_error(operation, &error),
        };
        let error = match &paced {
            Some((pace, region)) => pace.meant(region, operation, error),
            None => error,
        };
        if let Some((pace, region)) = &paced {
            pace.heard(region, operation, error.class);
        }
        match (pause_after(error.class, tries, random()), &paced) {
            (Some(pause), Some((pace, region))) => pace.wait(region, operation, pause).await,
            (Some(pause), None) => tokio::time::sleep(pause).await,
            (None, _) => return Err(error),
        }
    }
}

/// Returns the pause before the next try, or `None` when there is to be none. Full jitter: any time up to a
/// bound that doubles. `random` is any number.
fn pause_after(class: ErrorClass, tries: u32, random: u64) -> Option<Duration> {
    let most = match class {
        ErrorClass::Throttled => THROTTLED_TRIES,
        ErrorClass::Transient => TRANSIENT_TRIES,
        _ => return None,
    };
    let bound = Duration::from_millis(200).saturating_mul(2_u32.saturating_pow(tries)).min(LONGEST);
    let millis = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
    (tries < most).then(|| Duration::from_millis(random % millis.saturating_add(1)))
}

/// Returns a number that differs from call to call: each `RandomState` has keys of its own.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_throttled_and_lost_reads_are_repeated_and_not_for_ever() {
        assert!(pause_after(ErrorClass::Throttled, 1, 7).is_some());
        assert!(pause_after(ErrorClass::Throttled, THROTTLED_TRIES, 7).is_none());
        assert!(pause_after(ErrorClass::Transient, TRANSIENT_TRIES, 7).is_none());
        for class in [
            ErrorClass::Unsupported,
            ErrorClass::Denied,
            ErrorClass::Semantic,
            ErrorClass::Credentials,
            ErrorClass::Quota,
        ] {
            assert_eq!(pause_after(class, 1, 7), None, "{class:?}");
        }
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert!(
            pause_after(ErrorClass::Throttled, 1, u64::MAX).is_some_and(|p| p <= Duration::from_millis(400))
        );
        assert!(
            (1..THROTTLED_TRIES)
                .all(|t| pause_after(ErrorClass::Throttled, t, 19_999).is_some_and(|p| p <= LONGEST))
        );
    }
}
