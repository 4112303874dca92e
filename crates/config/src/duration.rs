//! Times as people write them: in a file, and in the flags of a program.

use std::time::Duration;

/// Reads a time such as `500ms`, `60s`, `1h 30m` or `1day`: one or more numbers, each with its unit.
///
/// The units are ns, us, ms, s, m, h, d and w, or their names. Months and years are none: they have no length of their own, and
/// their short forms are one slip away from others, so that `1M` would be thirty days to one who meant a minute.
///
/// ```
/// use std::time::Duration;
/// use tidegate_config::duration;
///
/// assert_eq!(duration("1h 30m")?, Duration::from_secs(5400));
///
/// let wrong = duration("1M").unwrap_err();
/// assert_eq!(
///     wrong.to_string(),
///     "it must be a time such as \"500ms\", \"60s\" or \"1h\", in ns, us, ms, s, m (minutes), h, d or w",
/// );
/// # Ok::<(), tidegate_config::DurationError>(())
/// ```
///
/// # Errors
///
/// If it is no such time, or longer than a [`Duration`] can be.
pub fn duration(text: &str) -> Result<Duration, DurationError> {
    let mut words = text.split(|char: char| !char.is_alphabetic());
    if words.any(is_of_the_calendar) {
        return Err(DurationError);
    }
    humantime::parse_duration(text).map_err(|_| DurationError)
}

/// Whether it is a month or a year, which `humantime` takes for 30.44 and 365.25 days.
fn is_of_the_calendar(unit: &str) -> bool {
    unit == "M" || unit.starts_with("month") || unit.starts_with('y')
}

/// A text is no time; says what one looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be {}", Self::EXPECTED)]
pub struct DurationError;

impl DurationError {
    /// What is allowed, after "it must be".
    pub(crate) const EXPECTED: &'static str =
        r#"a time such as "500ms", "60s" or "1h", in ns, us, ms, s, m (minutes), h, d or w"#;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_has_the_length_that_its_name_says() {
        for (text, expected) in [
            ("7ns", Duration::from_nanos(7)),
            ("7us", Duration::from_micros(7)),
            ("7µs", Duration::from_micros(7)),
            ("7ms", Duration::from_millis(7)),
            ("7s", Duration::from_secs(7)),
            ("7m", Duration::from_secs(7 * 60)),
            ("7 minutes", Duration::from_secs(7 * 60)),
            ("7h", Duration::from_secs(7 * 3600)),
            ("7d", Duration::from_secs(7 * 86_400)),
            ("1day 1millis", Duration::from_millis(86_400_001)),
            ("2w", Duration::from_secs(14 * 86_400)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn months_and_years_are_no_units_however_they_are_written() {
        for text in [
            "1M", "1 M", "1h1M", "1M 1h", "0M", "1month", "2months", "1y", "1yr", "2yrs", "1year",
            "2years", "1h 1y",
        ] {
            assert_eq!(duration(text), Err(DurationError), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "60", "soon", "1S", "1H", "-1s", "99999999999999999999s"] {
            assert_eq!(duration(text), Err(DurationError), "{text}");
        }
    }
}
