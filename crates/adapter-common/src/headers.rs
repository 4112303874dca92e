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
        let policies = policies.iter();
        let field = PolicyField::new(policies.map(|policy| (policy.name(), policy.quota())));
        Self {
            value: F::shared(field.text().clone()),
            field,
        }
    }
}

/// The headers to add to an admitted request's response, when it is there. Two, which are first if they are sent, have
/// places of their own: nearly always they are all.
pub(crate) struct Told<F: Framework> {
    policies: Option<F::Value>,
    limit: Option<F::Value>,
    others: Vec<(Field, F::Value)>,
}

impl<F: Framework> Told<F> {
    /// With nothing to tell.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            policies: None,
            limit: None,
            others: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, field: Field, value: F::Value) {
        match field {
            Field::RateLimitPolicy => self.policies = Some(value),
            Field::RateLimit => self.limit = Some(value),
            _ => self.others.push((field, value)),
        }
    }

    /// Adds to what the response says already.
    #[inline]
    pub(crate) fn add_to(mut self, headers: &mut F::Headers) {
        // All are looked for before any is added.
        self.others
            .retain(|(field, _)| field.is_unsaid(|field| F::has(headers, field)));
        if let Some(policies) = self.policies {
            F::append(headers, Field::RateLimitPolicy, policies);
        }
        if let Some(limit) = self.limit {
            F::append(headers, Field::RateLimit, limit);
        }
        for (field, value) in self.others {
            F::append(headers, field, value);
        }
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
