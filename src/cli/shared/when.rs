//! Times as they are typed: a duration, a time ago, or a point in time. Only the text is read here; the
//! callers know the current time.

use jiff::{SignedDuration, Timestamp};

/// A time in the past: a duration before now, or a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// This long before now.
    Ago(SignedDuration),
    /// At this time.
    At(Timestamp),
}

/// Parses a duration: `7d`, `12h`, `90m`.
fn length(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = [("d", 86_400), ("h", 3_600), ("m", 60)].into_iter().find(|(name, _)| *name == unit)?.1;
    number.parse::<i64>().ok()?.checked_mul(seconds).map(SignedDuration::from_secs)
}

/// Parses the validity of a plan.
///
/// # Errors
/// When the text is not a duration, or out of range.
pub fn valid_for(text: &str) -> Result<SignedDuration, String> {
    let time = length(text).ok_or("give days, hours or minutes: `7d`, `12h`, `90m`")?;
    let fits = time.is_positive() && time <= SignedDuration::from_hours(365 * 24);
    fits.then_some(time).ok_or_else(|| "give between one minute and 365 days".to_owned())
}

/// Parses a time in the past: `24h`, or `2026-11-22T06:00:00Z`.
///
/// # Errors
/// When the text is neither.
pub fn moment(text: &str) -> Result<Moment, String> {
    let then = || text.parse().ok().map(Moment::At);
    length(text).map(Moment::Ago).or_else(then).ok_or_else(|| {
        "give how long ago, `24h`, `7d` or `90m`, or a time with its zone, `2026-11-22T06:00:00Z`".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_a_unit_and_an_end() {
        assert_eq!(valid_for("7d"), Ok(SignedDuration::from_hours(168)));
        for bad in ["", "7", "d", "0h", "-1d", "366d", "1y", "99999999999999999999d"] {
            assert!(valid_for(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_moment_is_so_long_ago_or_a_time_with_its_zone() {
        assert_eq!(moment("24h"), Ok(Moment::Ago(SignedDuration::from_hours(24))));
        assert_eq!(
            moment("2026-11-22T06:00:00+02:00"),
            Ok(Moment::At("2026-11-22T04:00:00Z".parse().expect("a time")))
        );
        // A time without a zone is ambiguous.
        for bad in ["", "yesterday", "24", "2026-11-22", "2026-11-22T06:00:00", "99999999999999999999h"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
