//! One request against all its policies: admitted by all and charged to all, or charged to none (G8).

use smallvec::SmallVec;

use crate::{Decision, Rule, Status, Timestamp, Usage};

/// Decides a request of `cost` under `rules`, given what its subject has used under each.
///
/// If every rule admits it, it is charged to every usage; otherwise no count changes. Either way the usages are
/// brought forward to `now`, so that what was repaired or rolled on can be stored as it is. A rule in shadow
/// mode refuses nothing: it is charged when it would have admitted a request that went through. A cost of 0
/// takes nothing and is always admitted.
///
/// `usages` belong to `rules` one by one; rules without a usage are not considered.
///
/// ```
/// use tidegate_core::{decide, PolicyName, Quota, Rule, Timestamp, Usage};
///
/// let burst = Rule::new(PolicyName::new("burst")?, Quota::per_second(1)?);
/// let daily = Rule::new(PolicyName::new("daily")?, Quota::per_day(1000)?);
/// let now = Timestamp::from_secs(1_700_000_000);
///
/// let mut usages = [Usage::default(); 2];
/// assert!(decide(&[burst, daily], &mut usages, 1, now).is_allowed());
/// assert!(!decide(&[burst, daily], &mut usages, 1, now).is_allowed());
/// assert_eq!(usages[1].current(), 1, "what burst refused is not charged to daily");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
pub fn decide(rules: &[Rule], usages: &mut [Usage], cost: u64, now: Timestamp) -> Decision {
    match (rules, usages) {
        ([rule], [usage]) => {
            *usage = rule.quota().brought_forward(*usage, now);
            let violated = charge(rule, usage, cost, now);
            Decision::under(rule, *usage, cost, now, violated)
        }
        (rules, usages) => decide_together(rules, usages, cost, now),
    }
}

/// The part of [`decide`] that changes the count, for a rule that is the only one: brings the usage forward, and
/// charges it if the rule admits the request. Returns whether the rule is violated.
///
/// The usage is the default, or one that this or [`Quota::brought_forward`](crate::Quota::brought_forward) made under
/// the same rule. What came from elsewhere may be anything, and must be brought forward there first, as `decide` does.
///
/// A store that decides under a lock calls this there, and [`Decision::under`] when it has unlocked. It is always
/// inlined: a usage that went through memory on its way here would cost as much as the arithmetic.
///
/// ```
/// use tidegate_core::{charge, decide, Decision, PolicyName, Quota, Rule, Timestamp, Usage};
///
/// let rule = Rule::new(PolicyName::new("per-client")?, Quota::per_minute(1)?);
/// let now = Timestamp::from_secs(1_700_000_000);
/// let (mut one, mut other) = (Usage::default(), [Usage::default()]);
///
/// for _ in 0..2 {
///     let violated = charge(&rule, &mut one, 1, now);
///     let decision = Decision::under(&rule, one, 1, now, violated);
///     assert_eq!(decision, decide(&[rule], &mut other, 1, now));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline(always)]
pub fn charge(rule: &Rule, usage: &mut Usage, cost: u64, now: Timestamp) -> bool {
    let quota = rule.quota();
    *usage = quota.rolled_on(*usage, now);
    if cost == 0 {
        return false;
    }
    let violated = !quota.admits(*usage, cost, now);
    if !violated {
        *usage = quota.charged(*usage, cost, now);
    }
    violated
}

fn decide_together(rules: &[Rule], usages: &mut [Usage], cost: u64, now: Timestamp) -> Decision {
    let mut statuses: SmallVec<[Status; 2]> = SmallVec::new();
    let mut admitted = true;
    for (rule, usage) in rules.iter().zip(usages.iter_mut()) {
        *usage = rule.quota().brought_forward(*usage, now);
        let violated = cost > 0 && !rule.quota().admits(*usage, cost, now);
        admitted &= !violated || rule.is_shadow();
        statuses.push(Status::new(rule, *usage, now, cost, violated));
    }
    if admitted && cost > 0 {
        for ((rule, usage), status) in rules.iter().zip(usages.iter_mut()).zip(&mut statuses) {
            if status.counts_admitted() {
                *usage = rule.quota().charged(*usage, cost, now);
                *status = Status::new(rule, *usage, now, cost, false);
            }
        }
    }
    Decision::new(now, cost, statuses)
}

/// What [`decide`] would answer, charging nothing: the counts are those before the request.
pub fn look(rules: &[Rule], usages: &[Usage], cost: u64, now: Timestamp) -> Decision {
    let statuses = rules.iter().zip(usages).map(|(rule, usage)| {
        let usage = rule.quota().brought_forward(*usage, now);
        let violated = cost > 0 && !rule.quota().admits(usage, cost, now);
        Status::new(rule, usage, now, cost, violated)
    });
    Decision::new(now, cost, statuses.collect())
}

/// Takes back what `decision` charged, from the windows that it was charged to and from no later ones. A
/// decision that charged nothing gives back nothing.
///
/// The caller sees to it that a decision is given back once.
pub fn give_back(rules: &[Rule], usages: &mut [Usage], decision: &Decision, now: Timestamp) {
    if !decision.is_allowed() {
        return;
    }
    for ((rule, usage), status) in rules.iter().zip(usages).zip(decision.statuses()) {
        *usage = rule.quota().brought_forward(*usage, now);
        if status.counts_admitted() {
            *usage = rule
                .quota()
                .refunded(*usage, decision.cost(), status.usage(), now);
        }
    }
}
