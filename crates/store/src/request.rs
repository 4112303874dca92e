//! What a store is asked.

use tidegate_core::{Rule, Subject};

/// One request: who, under which policies, at what cost.
///
/// ```
/// use tidegate_core::{PolicyName, Quota, Rule};
/// use tidegate_store::Request;
///
/// let rules = [Rule::new(PolicyName::new("per-client")?, Quota::per_minute(100)?)];
/// let request = Request::new("alice", &rules).with_cost(3);
/// assert_eq!(request.cost, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who is limited.
    pub subject: Subject<'a>,
    /// Under which policies: all must admit, or none is charged. No policy appears twice.
    pub rules: &'a [Rule],
    /// How much it takes; 0 looks without taking.
    pub cost: u64,
}

impl<'a> Request<'a> {
    /// A request that costs 1.
    pub fn new(subject: impl Into<Subject<'a>>, rules: &'a [Rule]) -> Self {
        Self {
            subject: subject.into(),
            rules,
            cost: 1,
        }
    }

    /// The same request at another cost.
    #[must_use]
    pub const fn with_cost(self, cost: u64) -> Self {
        Self { cost, ..self }
    }
}
