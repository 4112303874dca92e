//! Headers on their way into a framework's response.

use tidegate_http::{Constant, Field, PolicyField, Sink, Text};
use tidegate_limiter::Policy;

use crate::Framework;

/// What is told of the policies in force: made once for each set of them.
pub(crate) struct Shown<F: Framework> {
    pub(crate) field: PolicyField,
    /// Of the field. There always is one: the field has nothing in it that HTTP does not allow.
    value: Option<F::Value>,
}

impl<F: Framework> Shown<F> {
    pub(crate) fn new(policies: &[Policy]) -> Self {
        let policies = policies.iter().filter(|policy| !policy.is_shadow());
        let field = PolicyField::new(policies.map(|policy| (policy.name(), policy.quota())));
        Self {
            value: F::shared(field.text().clone()),
            field,
        }
    }
}

/// The headers to add to an admitted request's response, when it is there. Two, which come first and are always added, have
/// places of their own: nearly always they are all.
pub(crate) struct Told<F: Framework> {
    policies: Option<F::Value>,
    limit: Option<F::Value>,
    others: Option<Box<Others<F>>>,
}

struct Others<F: Framework>(Vec<(Field, F::Value)>);

impl<F: Framework> Told<F> {
    /// With nothing to tell.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            policies: None,
            limit: None,
            others: None,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, field: Field, value: F::Value) {
        match field {
            Field::RateLimitPolicy => self.policies = Some(value),
            Field::RateLimit => self.limit = Some(value),
            _ => {
                let others = self
                    .others
                    .get_or_insert_with(|| Box::new(Others(Vec::with_capacity(4))));
                others.0.push((field, value));
            }
        }
    }

    /// Whether there is nothing to tell.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.policies.is_none() && self.limit.is_none() && self.others.is_none()
    }

    /// Adds to what the response says already.
    #[inline(never)]
    pub(crate) fn add_to(self, headers: &mut F::Headers) {
        if let Some(policies) = self.policies {
            F::append(headers, Field::RateLimitPolicy, policies);
        }
        if let Some(limit) = self.limit {
            F::append(headers, Field::RateLimit, limit);
        }
        if let Some(others) = self.others {
            add_unsaid(*others, headers);
        }
    }
}

/// Adds those that the response has not.
fn add_unsaid<F: Framework>(Others(mut fields): Others<F>, headers: &mut F::Headers) {
    // All are looked for before any is added.
    fields.retain(|(field, _)| field.is_unsaid(|field| F::has(headers, field)));
    for (field, value) in fields {
        F::append(headers, field, value);
    }
}

/// Puts headers somewhere as they are written, with a framework's values.
pub(crate) struct Writer<'a, F: Framework, P> {
    pub(crate) shown: &'a Shown<F>,
    pub(crate) put: P,
}

impl<F: Framework, P: FnMut(Field, F::Value)> Sink for Writer<'_, F, P> {
    #[inline]
    fn constant(&mut self, field: Field, value: Constant) {
        (self.put)(field, F::constant(value));
    }

    #[inline]
    fn policies(&mut self, _: &Text) {
        if let Some(value) = &self.shown.value {
            (self.put)(Field::RateLimitPolicy, value.clone());
        }
    }

    #[inline]
    fn written(&mut self, field: Field, value: &[u8]) {
        if let Some(value) = F::value(value) {
            (self.put)(field, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::{Lines, Plain};

    const SENT: [Field; 6] = [
        Field::RateLimitPolicy,
        Field::RateLimit,
        Field::XRateLimitLimit,
        Field::XRateLimitRemaining,
        Field::XRateLimitReset,
        Field::Mode,
    ];

    /// The fields that are added to a response with this one.
    fn added(own: Field) -> Vec<Field> {
        let mut told = Told::<Plain>::new();
        for field in SENT {
            told.push(field, "ours".to_owned());
        }
        let mut lines: Lines = vec![(own.as_str().to_owned(), "own".to_owned())];
        told.add_to(&mut lines);
        assert_eq!(lines.remove(0).1, "own");
        let field = |name| SENT.into_iter().find(|field| field.as_str() == name);
        lines
            .iter()
            .map(|(name, _)| field(name.as_str()).unwrap())
            .collect()
    }

    #[test]
    fn all_are_added_in_their_order() {
        for other in [Field::ContentType, Field::RateLimitPolicy, Field::RateLimit] {
            assert_eq!(added(other), SENT);
        }
    }

    #[test]
    fn what_a_response_says_itself_stays_as_it_is() {
        assert_eq!(added(Field::Mode), SENT[..5]);
        for x in &SENT[2..5] {
            assert_eq!(added(*x), [SENT[0], SENT[1], SENT[5]], "{x:?}");
        }
    }
}
