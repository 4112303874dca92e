//! `RateLimit-Policy`: the constant part of the headers, rendered once per set of policies.

use std::sync::{Arc, PoisonError, RwLock};

use tidegate_core::{Quota, Status};

use crate::seconds;
use crate::text::{Line, Text};

/// The largest integer of a structured field (RFC 9651, section 3.3.1): fifteen digits, fewer than a quota may
/// have.
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// The `RateLimit-Policy` value of some policies.
///
/// ```
/// use tidegate_core::Quota;
/// use tidegate_http::PolicyField;
///
/// let (burst, daily) = (Quota::per_minute(100)?, Quota::per_day(1000)?);
/// let field = PolicyField::new([("burst", &burst), ("daily", &daily)]);
/// assert_eq!(field.as_str(), r#""burst";q=100;w=60, "daily";q=1000;w=86400"#);
/// # Ok::<(), tidegate_core::QuotaError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyField {
    policies: Vec<(Box<str>, Quota)>,
    value: Text,
}

impl PolicyField {
    /// Renders names and quotas, in their order.
    pub fn new<'a>(policies: impl IntoIterator<Item = (&'a str, &'a Quota)>) -> Self {
        let policies: Vec<(Box<str>, Quota)> = policies
            .into_iter()
            .map(|(name, quota)| (plain(name), *quota))
            .collect();
        let mut value = Line::new();
        for (name, quota) in &policies {
            let window = seconds::rounded_up(quota.capacity_window());
            push_item(&mut value, name);
            push_parameter(&mut value, "q", quota.capacity());
            push_parameter(&mut value, "w", window);
        }
        Self {
            policies,
            value: value.into(),
        }
    }

    /// The header's value; empty if there are no policies.
    pub fn as_str(&self) -> &str {
        self.value.as_str()
    }

    pub(crate) fn text(&self) -> Text {
        self.value.clone()
    }

    /// The value for a decision: this one if it was decided by these very quotas, another where the subject has
    /// quotas of its own.
    pub(crate) fn for_statuses(&self, statuses: &[Status]) -> Text {
        let ours = self.policies.iter().map(|(name, quota)| (&**name, quota));
        let theirs = statuses
            .iter()
            .map(|status| (status.name().as_str(), status.quota()));
        if ours.eq(theirs.clone()) {
            self.text()
        } else {
            Self::new(theirs).value
        }
    }
}

/// The name, with nothing in it that a string of a structured field would have to escape. No policy's name has; the
/// field stays valid whatever it is given.
fn plain(name: &str) -> Box<str> {
    let is_plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if name.bytes().all(is_plain) {
        name.into()
    } else {
        let other = |char: char| !char.is_ascii_alphanumeric();
        name.replace(other, "_").into()
    }
}

/// Begins the next item of a list with a policy's name, a string. It needs no escapes: see [`plain`].
pub(crate) fn push_item(list: &mut Line, name: &str) {
    if !list.is_empty() {
        list.push(", ");
    }
    list.push("\"");
    list.push(name);
    list.push("\"");
}

pub(crate) fn push_parameter(list: &mut Line, name: &str, value: u64) {
    list.push(";");
    list.push(name);
    list.push("=");
    list.push_number(value.min(MAX_INTEGER));
}

/// The field of the policies in force, kept until their version changes.
#[derive(Debug, Default)]
pub struct PolicyFieldCache {
    latest: RwLock<Option<(u64, Arc<PolicyField>)>>,
}

impl PolicyFieldCache {
    /// With nothing rendered yet.
    pub const fn new() -> Self {
        Self {
            latest: RwLock::new(None),
        }
    }

    /// The field for this version of the policies, rendered if it is not there yet.
    pub fn get(&self, version: u64, render: impl FnOnce() -> PolicyField) -> Arc<PolicyField> {
        // The value is replaced whole, so a panic elsewhere leaves nothing half done behind the lock.
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, field)) = &*latest
            && *at == version
        {
            return Arc::clone(field);
        }
        drop(latest);
        let field = Arc::new(render());
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        *latest = Some((version, Arc::clone(&field)));
        field
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidegate_core::{Algorithm, MAX_COUNT};

    use super::*;

    fn rendered(quota: &Quota) -> Text {
        PolicyField::new([("p", quota)]).value
    }

    #[test]
    fn a_window_below_a_second_is_rounded_up() {
        let quota = Quota::new(5, Duration::from_millis(1500)).unwrap();
        assert_eq!(rendered(&quota), r#""p";q=5;w=2"#);
        let quota = Quota::new(5, Duration::from_millis(1)).unwrap();
        assert_eq!(rendered(&quota), r#""p";q=5;w=1"#);
    }

    #[test]
    fn a_bucket_shows_its_burst_and_the_time_to_fill_it() {
        let quota = Quota::per_second(10)
            .unwrap()
            .with_algorithm(Algorithm::TokenBucket)
            .and_then(|quota| quota.with_burst(50))
            .unwrap();
        assert_eq!(rendered(&quota), r#""p";q=50;w=5"#);
    }

    #[test]
    fn a_quota_beyond_fifteen_digits_is_shown_as_large_as_can_be() {
        let quota = Quota::per_day(MAX_COUNT).unwrap();
        assert_eq!(rendered(&quota), r#""p";q=999999999999999;w=86400"#);
    }

    #[test]
    fn a_name_of_any_characters_leaves_the_field_valid() {
        let quota = Quota::per_minute(1).unwrap();
        for (name, shown) in [("a b", "a b"), ("\"x\\", "_x_"), ("na\u{ef}ve\n", "na_ve_")] {
            let field = PolicyField::new([(name, &quota)]);
            assert_eq!(field.as_str(), format!("\"{shown}\";q=1;w=60"));
        }
    }

    #[test]
    fn it_is_rendered_once_per_version() {
        let quota = Quota::per_minute(1).unwrap();
        let cache = PolicyFieldCache::new();
        let first = cache.get(1, || PolicyField::new([("a", &quota)]));
        let again = cache.get(1, || panic!("rendered twice"));
        assert!(Arc::ptr_eq(&first, &again));
        let next = cache.get(2, || PolicyField::new([("b", &quota)]));
        assert_eq!(next.as_str(), r#""b";q=1;w=60"#);
    }
}
