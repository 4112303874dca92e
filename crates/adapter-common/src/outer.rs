//! What limiters further outside decided, where layers are put on each other.

use tidegate_limiter::Decision;

/// In the extensions of a request that more than one limiter admitted: what those further outside decided, from the
/// outermost inwards. The innermost limiter's [`Decision`] is in the extensions itself.
///
/// ```
/// use tidegate_adapter_common::OuterDecisions;
/// use tidegate_limiter::Decision;
///
/// /// The least that any of the limiters leaves.
/// fn left(innermost: &Decision, outer: Option<&OuterDecisions>) -> Option<u64> {
///     let all = outer.into_iter().flatten().chain([innermost]);
///     let left = all.filter_map(|decision| Some(decision.most_restrictive()?.remaining()));
///     left.min()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OuterDecisions(Vec<Decision>);

impl OuterDecisions {
    /// With that of a limiter further inside than all of them.
    #[must_use]
    pub fn with(mut self, decision: Decision) -> Self {
        self.0.push(decision);
        self
    }

    /// From the outermost inwards; never none in a request's extensions.
    pub fn as_slice(&self) -> &[Decision] {
        &self.0
    }
}

impl<'a> IntoIterator for &'a OuterDecisions {
    type Item = &'a Decision;
    type IntoIter = std::slice::Iter<'a, Decision>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
