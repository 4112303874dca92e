//! What a field's value can be, in the words of a file.

use std::borrow::Cow;
use std::time::Duration;

use tidegate_limiter::{Algorithm, Fallback, Tolerance};
use toml::de::DeValue;

use crate::{DurationError, duration};

/// Something that a field can hold.
pub(crate) trait Value: Sized {
    /// What is allowed, after "it must be".
    const EXPECTED: &'static str;

    /// The value, if it is one.
    fn take(value: &DeValue<'_>) -> Option<Self>;
}

/// A value as it is shown in a mistake.
pub(crate) fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "[...]".to_owned(),
        DeValue::Table(_) => "{...}".to_owned(),
    }
}

/// A field's name as it is shown in a mistake: in quotes, as in the file, unless it is one that needs none.
pub(crate) fn named(name: &str) -> Cow<'_, str> {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(bare) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("{name:?}"))
    }
}

/// A piece of the file as it is shown in a mistake: as it stands there, unless a terminal would take it for something else.
pub(crate) fn in_one_line(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        Cow::Owned(format!("{text:?}"))
    } else {
        Cow::Borrowed(text)
    }
}

impl Value for String {
    const EXPECTED: &'static str = "text in quotes";

    fn take(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

/// A limit or a burst.
pub(crate) struct Count(pub(crate) u64);

impl Value for Count {
    const EXPECTED: &'static str = "a whole number, 1 to 9007199254740991";

    fn take(value: &DeValue<'_>) -> Option<Self> {
        let number = value.as_integer()?;
        let number = u64::from_str_radix(number.as_str(), number.radix()).ok()?;
        (1..=tidegate_limiter::MAX_COUNT)
            .contains(&number)
            .then_some(Self(number))
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = DurationError::EXPECTED;

    fn take(value: &DeValue<'_>) -> Option<Self> {
        duration(value.as_str()?).ok()
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";

    fn take(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }
}

impl Value for Algorithm {
    const EXPECTED: &'static str = "\"fixed-window\", \"sliding-window\" or \"token-bucket\"";

    fn take(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl Value for Tolerance {
    const EXPECTED: &'static str = "a fraction of the limit, 0 (exact) to 1";

    fn take(value: &DeValue<'_>) -> Option<Self> {
        let number = match value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return None,
        };
        Self::from_fraction(number.parse().ok()?).ok()
    }
}

impl Value for Fallback {
    const EXPECTED: &'static str = "\"share\", \"full\", \"open\" or \"closed\"";

    fn take(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}
