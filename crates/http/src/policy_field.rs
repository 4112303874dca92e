//! `RateLimit-Policy`: the constant part of the headers, to be rendered once per set of policies.

use std::time::Duration;

use tidegate_core::{Quota, Status};

use crate::text::{Line, Text};
use crate::{problem, seconds};

/// The largest integer of a structured field (RFC 9651, section 3.3.1): fifteen digits, fewer than a quota may
/// have.
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// Of shorter windows `w` is left out, which the draft allows: it counts whole seconds, and 100 requests in a tenth of a
/// second are not 100 in a second.
const SHORTEST_TOLD: Duration = Duration::from_secs(1);

/// The `RateLimit-Policy` value of some policies: of those that enforce, since clients are told of no others.
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
    items: Vec<Item>,
    value: Text,
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    name: Box<str>,
    quota: Quota,
    /// How its item in a list begins, with what separates it from the one before.
    start: Box<str>,
    /// The body of the answer to a request that it alone refuses, for now; none in a field that is for one response.
    exceeded: Option<Text>,
}

impl PolicyField {
    /// Renders names and quotas, in their order.
    pub fn new<'a>(policies: impl IntoIterator<Item = (&'a str, &'a Quota)>) -> Self {
        let mut field = Self::once(policies);
        for item in &mut field.items {
            item.exceeded = Some(problem::quota_exceeded_of(&item.name).into());
        }
        field
    }

    /// The same for one response, with nothing at hand that only later ones would use.
    pub(crate) fn once<'a>(policies: impl IntoIterator<Item = (&'a str, &'a Quota)>) -> Self {
        let policies = policies.into_iter().enumerate();
        let items: Vec<Item> = policies
            .map(|(at, (name, quota))| Item::new(at, name, *quota))
            .collect();
        let mut value = Line::new();
        for Item { quota, start, .. } in &items {
            value.push(start);
            push_parameter(&mut value, ";q=", quota.capacity());
            let window = quota.capacity_window();
            if window >= SHORTEST_TOLD {
                push_parameter(&mut value, ";w=", seconds::rounded_up(window));
            }
        }
        Self {
            items,
            value: value.into(),
        }
    }

    /// The header's value; empty if there are no policies.
    pub fn as_str(&self) -> &str {
        self.value.as_str()
    }

    /// The same, cheap to clone.
    pub const fn text(&self) -> &Text {
        &self.value
    }

    /// Whether there are no policies.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether a decision was taken by these very quotas: a subject may have some of its own.
    #[inline]
    pub(crate) fn is_of<'s>(&self, statuses: impl Iterator<Item = &'s Status>) -> bool {
        let mut items = self.items.iter();
        let mut statuses = statuses;
        statuses.all(|status| items.next().is_some_and(|item| item.is_of(status)))
            && items.next().is_none()
    }

    /// The body of the answer to a request that one policy alone refuses, for now, if it is one of these.
    #[inline]
    pub(crate) fn exceeded<'s>(
        &self,
        mut violated: impl Iterator<Item = &'s Status>,
    ) -> Option<&Text> {
        let name = violated.next()?.name();
        if violated.next().is_some() {
            return None;
        }
        let item = self.items.iter().find(|item| *item.name == *name.as_str());
        item?.exceeded.as_ref()
    }

    /// How the items of a list with one for each policy begin.
    pub(crate) fn starts(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| &*item.start)
    }
}

impl Item {
    fn is_of(&self, status: &Status) -> bool {
        *self.name == *status.name().as_str() && self.quota == *status.quota()
    }

    fn new(at: usize, name: &str, quota: Quota) -> Self {
        let name = plain(name);
        let separator = if at == 0 { "" } else { ", " };
        Self {
            start: format!("{separator}\"{name}\"").into(),
            exceeded: None,
            name,
            quota,
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

/// Adds an integer: `parameter` is its name, with what stands around it.
#[inline]
pub(crate) fn push_parameter(list: &mut Line, parameter: &str, value: u64) {
    list.push(parameter);
    list.push_number(value.min(MAX_INTEGER));
}

#[cfg(test)]
mod tests {
    use tidegate_core::{Algorithm, MAX_COUNT};

    use super::*;

    fn rendered(quota: &Quota) -> Text {
        PolicyField::new([("p", quota)]).value
    }

    #[test]
    fn a_window_is_rounded_up_and_left_out_below_a_second() {
        for (millis, shown) in [
            (1, r#""p";q=5"#),
            (999, r#""p";q=5"#),
            (1000, r#""p";q=5;w=1"#),
            (1001, r#""p";q=5;w=2"#),
            (1500, r#""p";q=5;w=2"#),
        ] {
            let quota = Quota::new(5, Duration::from_millis(millis)).unwrap();
            assert_eq!(rendered(&quota), shown, "{millis} ms");
        }
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
}
