//! The breaker: opens when it should, never floods a store with probes, always comes back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::time::Duration;

use proptest::prelude::*;
use tidegate_core::{Backoff, Breaker, BreakerConfig, Outcome, ProbeId, Timestamp, Transition};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn breaker() -> Breaker {
    Breaker::new(BreakerConfig::default())
}

fn opened(now: Timestamp) -> Breaker {
    let mut breaker = breaker();
    for _ in 0..5 {
        breaker.record(Outcome::Failure, now, u64::MAX);
    }
    breaker
}

/// The probe that is due.
fn probe(breaker: &mut Breaker, now: Timestamp) -> ProbeId {
    breaker.start_probe(now).unwrap()
}

#[test]
fn opens_on_five_failures_in_a_row_and_not_before() {
    let mut breaker = breaker();
    for _ in 0..4 {
        assert_eq!(breaker.record(Outcome::Failure, NOW, 0), None);
    }
    assert_eq!(breaker.record(Outcome::Success, NOW, 0), None);
    for _ in 0..4 {
        assert_eq!(breaker.record(Outcome::Failure, NOW, 0), None);
    }
    assert_eq!(
        breaker.record(Outcome::Failure, NOW, 0),
        Some(Transition::Opened)
    );
    assert_eq!(breaker.open_since(), Some(NOW));
}

#[test]
fn opens_when_half_of_twenty_calls_fail_and_not_when_a_fifth_does() {
    let mut breaker = breaker();
    for call in 0..19 {
        let outcome = if call % 2 == 0 {
            Outcome::Failure
        } else {
            Outcome::Success
        };
        assert_eq!(
            breaker.record(outcome, NOW, 0),
            None,
            "19 calls are too few"
        );
    }
    assert_eq!(
        breaker.record(Outcome::Failure, NOW, 0),
        Some(Transition::Opened)
    );

    let mut lossy = self::breaker();
    for call in 0..1_000u64 {
        let outcome = if call % 5 == 0 {
            Outcome::Failure
        } else {
            Outcome::Success
        };
        let now = NOW + Duration::from_millis(call * 10);
        assert_eq!(
            lossy.record(outcome, now, 0),
            None,
            "a loss of 10 % each way does not open it"
        );
    }
}

#[test]
fn failures_of_long_ago_are_forgotten() {
    let mut breaker = breaker();
    for call in 0..19 {
        let outcome = if call % 4 == 3 {
            Outcome::Success
        } else {
            Outcome::Failure
        };
        breaker.record(outcome, NOW, 0);
    }
    let later = NOW + Duration::from_secs(11);
    assert_eq!(breaker.record(Outcome::Failure, later, 0), None);
}

#[test]
fn a_refused_password_opens_it_at_once_and_for_long() {
    let mut breaker = breaker();
    assert_eq!(
        breaker.record(Outcome::Refused, NOW, 0),
        Some(Transition::Opened)
    );
    assert_eq!(breaker.next_probe(), Some(NOW + Duration::from_secs(5)));
}

#[test]
fn a_lost_probe_is_a_failed_probe() {
    let mut breaker = opened(NOW);
    let due = breaker.next_probe().unwrap();
    assert_eq!(breaker.start_probe(due - Duration::from_nanos(1)), None);
    assert!(breaker.start_probe(due).is_some());
    let given_up = due + Duration::from_secs(1);
    assert_eq!(
        breaker.start_probe(given_up - Duration::from_nanos(1)),
        None
    );
    assert!(
        breaker.start_probe(given_up).is_some(),
        "the lost probe does not wedge the breaker"
    );
}

#[test]
fn a_late_success_of_a_probe_is_not_believed() {
    let mut breaker = opened(NOW);
    let due = breaker.next_probe().unwrap();
    let probe = self::probe(&mut breaker, due);
    assert_eq!(
        breaker.finish_probe(
            probe,
            Outcome::Success,
            due + Duration::from_millis(1_001),
            0
        ),
        None
    );
    assert!(!breaker.is_closed());
}

/// L3, R2: what becomes of a probe that was given up says nothing of the one that is under way.
#[test]
fn l3_the_late_end_of_a_probe_that_was_given_up_is_not_taken_for_that_of_the_next() {
    for late in [Outcome::Success, Outcome::Failure, Outcome::Refused] {
        let mut breaker = opened(NOW);
        let due = breaker.next_probe().unwrap();
        let outlived = probe(&mut breaker, due);
        let given_up = breaker.next_probe().unwrap();
        let next = probe(&mut breaker, given_up);
        assert_eq!(breaker.finish_probe(outlived, late, given_up, 0), None);
        let deadline = given_up + BreakerConfig::default().probe_deadline;
        assert_eq!(breaker.next_probe(), Some(deadline), "{late:?}");
        assert_eq!(
            breaker.finish_probe(next, Outcome::Success, given_up, 0),
            Some(Transition::Closed)
        );
    }
}

/// A probe ends once: whoever says it again says nothing new, not even in the next outage.
#[test]
fn r2_a_probe_that_ended_does_not_end_the_next() {
    let mut breaker = opened(NOW);
    let due = breaker.next_probe().unwrap();
    let ended = probe(&mut breaker, due);
    breaker.finish_probe(ended, Outcome::Failure, due, 0);
    let again = breaker.next_probe().unwrap();
    assert_eq!(
        breaker.finish_probe(ended, Outcome::Failure, due, u64::MAX),
        None
    );
    assert_eq!(breaker.next_probe(), Some(again));
    let next = probe(&mut breaker, again);
    assert_ne!(ended, next);
    assert_eq!(
        breaker.finish_probe(ended, Outcome::Success, again, 0),
        None
    );
    assert!(!breaker.is_closed());
}

#[test]
fn one_success_does_not_reset_the_backoff() {
    let mut breaker = opened(NOW);
    let mut now = NOW;
    let mut delays = Vec::new();
    for _ in 0..7 {
        let due = breaker.next_probe().unwrap();
        delays.push(due.since(now).as_millis());
        let probe = self::probe(&mut breaker, due);
        assert_eq!(
            breaker.finish_probe(probe, Outcome::Success, due, 0),
            Some(Transition::Closed)
        );
        now = due;
        for _ in 0..5 {
            breaker.record(Outcome::Failure, now, u64::MAX);
        }
    }
    assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000]);

    // After a stable period it begins with the shortest delay again.
    let due = breaker.next_probe().unwrap();
    let probe = self::probe(&mut breaker, due);
    breaker.finish_probe(probe, Outcome::Success, due, 0);
    let much_later = due + Duration::from_secs(10);
    for _ in 0..5 {
        breaker.record(Outcome::Failure, much_later, u64::MAX);
    }
    assert_eq!(
        breaker.next_probe(),
        Some(much_later + Duration::from_millis(100))
    );
}

proptest! {
    /// R2, L3: whatever happens, at most one probe is under way, probes keep the floor's distance, and a probe is due
    /// within the cap, or the deadline of the one under way.
    #[test]
    fn r2_l3_probes_are_spaced_and_always_come(events in prop::collection::vec((0..4u8, 0..3_000u64, any::<u64>()), 1..200)) {
        let mut breaker = breaker();
        let mut now = NOW;
        let (mut last_end, mut probing, mut probe) = (None, false, None);
        for (event, millis, random) in events {
            now = now + Duration::from_millis(millis);
            let outcome = [Outcome::Success, Outcome::Failure, Outcome::Refused][usize::from(event % 3)];
            if event == 3 {
                if let Some(started) = breaker.start_probe(now) {
                    probe = Some(started);
                    prop_assert!(last_end.is_none_or(|end| now.since(end) >= Duration::from_millis(50)));
                    (probing, last_end) = (true, None);
                }
            } else if random % 2 == 0 {
                if let Some(probe) = probe {
                    breaker.finish_probe(probe, outcome, now, random);
                }
                last_end = (probing && !breaker.is_closed()).then_some(now);
                probing = false;
            } else {
                breaker.record(outcome, now, random);
            }
            let due = breaker.next_probe();
            prop_assert_eq!(due.is_none(), breaker.is_closed());
            prop_assert!(due.is_none_or(|due| due <= now + Duration::from_secs(5)));
        }
    }
}

/// L3, R2: each delay is drawn evenly between the floor and twice the longest of the one before.
#[test]
fn l3_delays_are_drawn_between_the_floor_and_a_bound_that_doubles() {
    let backoff = Backoff::default();
    let millis = |attempt, random| backoff.delay(attempt, random).as_millis();
    for attempt in 0..70 {
        let bound = 5_000.min(100 << attempt.min(30));
        assert_eq!(millis(attempt, 0), 50);
        assert_eq!(millis(attempt, u64::MAX), bound);
        assert_eq!(millis(attempt, 1 << 63), 50 + (bound - 50) / 2);
    }
    let high_floor = Backoff {
        floor: Duration::from_secs(9),
        ..backoff
    };
    assert_eq!(high_floor.delay(0, u64::MAX), Duration::from_secs(9));
}

/// Ten failures among twenty calls open it while the last of the failures is less than a span ago.
#[test]
fn calls_count_for_a_span_and_no_longer() {
    let span = BreakerConfig::default().span;
    let after = |pause: Duration| {
        let mut breaker = breaker();
        for call in 0..19 {
            let outcome = if call % 2 == 0 {
                Outcome::Failure
            } else {
                Outcome::Success
            };
            breaker.record(outcome, NOW, 0);
        }
        breaker.record(Outcome::Failure, NOW + pause, 0)
    };
    let tenth = span / 10;
    assert_eq!(after(span - tenth), Some(Transition::Opened));
    assert_eq!(after(span), None, "as if they had not been");
}

/// Calls that succeeded long ago do not hide that the store fails now, nor do those of the same part of an earlier span.
#[test]
fn successes_of_long_ago_are_forgotten() {
    let span = BreakerConfig::default().span;
    let mut breaker = breaker();
    for _ in 0..1_000 {
        breaker.record(Outcome::Success, NOW, 0);
    }
    let later = NOW + span;
    let mut opened = None;
    for call in 0..20 {
        let outcome = if call % 2 == 0 {
            Outcome::Success
        } else {
            Outcome::Failure
        };
        assert_eq!(opened, None, "not before the twentieth");
        opened = breaker.record(outcome, later, 0);
    }
    assert_eq!(opened, Some(Transition::Opened));
}

#[test]
fn fewer_failures_than_half_do_not_open_it() {
    let mut breaker = breaker();
    for call in 0..200 {
        let outcome = if call % 2 == 1 && call % 20 != 19 {
            Outcome::Failure
        } else {
            Outcome::Success
        };
        assert_eq!(breaker.record(outcome, NOW, 0), None, "{call}");
    }
}

/// The store that comes back only to fail again, in a row and less than a stable period later, is asked less and less.
#[test]
fn r2_a_success_within_the_stable_period_does_not_reset_the_backoff() {
    let config = BreakerConfig::default();
    for (stable, first) in [
        (config.stable - Duration::from_nanos(1), 200),
        (config.stable, 100),
    ] {
        let mut breaker = opened(NOW);
        let due = breaker.next_probe().unwrap();
        let probe = self::probe(&mut breaker, due);
        breaker.finish_probe(probe, Outcome::Success, due, 0);
        let then = due + stable;
        breaker.record(Outcome::Success, then, 0);
        for _ in 0..5 {
            breaker.record(Outcome::Failure, then, u64::MAX);
        }
        let delay = breaker.next_probe().unwrap().since(then);
        assert_eq!(delay, Duration::from_millis(first));
    }
}

#[test]
fn an_outage_begins_when_it_opened_whatever_probes_say() {
    let mut breaker = opened(NOW);
    assert_eq!(breaker.record(Outcome::Success, NOW, 0), None, "too late");
    let due = breaker.next_probe().unwrap();
    let probe = self::probe(&mut breaker, due);
    assert_eq!(breaker.open_since(), Some(NOW));
    let deadline = due + BreakerConfig::default().probe_deadline;
    assert_eq!(breaker.next_probe(), Some(deadline));
    assert_eq!(
        breaker.finish_probe(probe, Outcome::Failure, due, u64::MAX),
        None
    );
    assert_eq!(breaker.open_since(), Some(NOW));
    let again = breaker.next_probe().unwrap();
    assert_eq!(again, due + Duration::from_millis(200));
    let probe = self::probe(&mut breaker, again);
    let just_in_time = again + BreakerConfig::default().probe_deadline;
    let closed = breaker.finish_probe(probe, Outcome::Success, just_in_time, 0);
    assert_eq!(closed, Some(Transition::Closed));
    assert_eq!((breaker.open_since(), breaker.next_probe()), (None, None));
}

#[test]
fn a_probe_may_take_as_long_as_a_call_and_never_less_than_it_might() {
    let usual = BreakerConfig {
        calls: 7,
        ..BreakerConfig::default()
    };
    let (short, long) = (usual.probe_deadline / 2, usual.probe_deadline * 3);
    assert_eq!(usual.for_deadline(short), usual);
    let slow = BreakerConfig {
        probe_deadline: long,
        ..usual
    };
    assert_eq!(usual.for_deadline(long), slow);
}
