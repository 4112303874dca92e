//! What users set, at the ends of what is allowed; and what values say of themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use tidegate_core::shared::NodeId;
use tidegate_core::{
    Algorithm, Fallback, Grace, MAX_COUNT, MAX_WINDOW, MIN_WINDOW, NameError, Outage, PolicyId,
    PolicyName, Quota, QuotaError, Rule, Subject, SubjectBuf, Timestamp, Tolerance, Usage,
};

const MILLI: Duration = Duration::from_millis(1);
const ALGORITHMS: [Algorithm; 3] = [
    Algorithm::FixedWindow,
    Algorithm::SlidingWindow,
    Algorithm::TokenBucket,
];

fn name(name: &'static str) -> PolicyName {
    PolicyName::new(name).unwrap()
}

fn bucket(limit: u64, window: Duration) -> Result<Quota, QuotaError> {
    Quota::new(limit, window)?.with_algorithm(Algorithm::TokenBucket)
}

#[test]
fn limits_are_what_a_double_holds_exactly() {
    assert_eq!(MAX_COUNT as f64, 9_007_199_254_740_991.0);
    assert_eq!((MAX_COUNT as f64 + 1.0) + 1.0, MAX_COUNT as f64 + 1.0);
    assert!(Quota::per_second(1).is_ok() && Quota::per_second(MAX_COUNT).is_ok());
    for limit in [0, MAX_COUNT + 1, u64::MAX] {
        let refused = Quota::per_second(limit);
        assert_eq!(refused, Err(QuotaError::LimitOutOfRange { limit }));
    }
}

#[test]
fn windows_are_whole_milliseconds_up_to_a_leap_year() {
    assert!(Quota::new(1, MIN_WINDOW).is_ok());
    let year = Duration::from_secs(366 * 86_400);
    assert!(MAX_WINDOW == year && Quota::new(1, year).is_ok());
    for window in [
        Duration::ZERO,
        MILLI - Duration::from_nanos(1),
        year + MILLI,
    ] {
        let refused = Quota::new(1, window);
        assert_eq!(refused, Err(QuotaError::WindowOutOfRange { window }));
    }
    let window = MILLI + Duration::from_nanos(1);
    let refused = Quota::new(1, window);
    assert_eq!(refused, Err(QuotaError::WindowNotWholeMillis { window }));
}

#[test]
fn each_name_of_a_window_is_that_window() {
    let windows = [
        Quota::per_second(5),
        Quota::per_minute(5),
        Quota::per_hour(5),
        Quota::per_day(5),
    ];
    let seconds = windows.map(|quota| quota.unwrap().window().as_secs());
    assert_eq!(seconds, [1, 60, 3_600, 86_400]);
}

#[test]
fn a_bucket_is_no_faster_than_a_unit_in_100_ns() {
    assert!(bucket(10_000, MILLI).is_ok());
    let refused = bucket(10_001, MILLI);
    let limit = 10_001;
    let window = MILLI;
    assert_eq!(refused, Err(QuotaError::RateTooHigh { limit, window }));
}

/// A unit a second: 9007199.25 s can be told to the nanosecond, and the window takes one of them.
#[test]
fn a_bucket_and_its_window_take_no_longer_than_a_double_holds() {
    let slow = bucket(1, Duration::from_secs(1)).unwrap();
    assert_eq!(slow.with_burst(9_007_198).unwrap().capacity(), 9_007_198);
    let refused = slow.with_burst(9_007_199);
    let (burst, interval) = (9_007_199, Duration::from_secs(1));
    assert_eq!(refused, Err(QuotaError::RefillTooLong { burst, interval }));

    // 127 ns a unit, in a window of 71 ms: this burst takes all the rest of 2^53 - 1 ns.
    let quick = bucket(559_056, 71 * MILLI).unwrap();
    let burst = (MAX_COUNT - 71_000_000) / 127;
    assert_eq!(burst * 127 + 71_000_000, MAX_COUNT);
    assert_eq!(quick.with_burst(burst).unwrap().capacity(), burst);
    for burst in [burst + 1, MAX_COUNT] {
        let interval = Duration::from_nanos(127);
        let refused = quick.with_burst(burst);
        assert_eq!(refused, Err(QuotaError::RefillTooLong { burst, interval }));
    }
}

#[test]
fn only_a_bucket_has_a_burst_and_it_holds_at_least_one() {
    let quick = bucket(10_000, MILLI).unwrap();
    assert!(quick.with_burst(1).is_ok());
    for burst in [0, MAX_COUNT + 1] {
        let refused = quick.with_burst(burst);
        assert_eq!(refused, Err(QuotaError::BurstOutOfRange { burst }));
    }
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let quota = quick.with_algorithm(algorithm).unwrap();
        let refused = quota.with_burst(5);
        let burst = 5;
        let expected = QuotaError::BurstWithoutBucket { burst, algorithm };
        assert_eq!(refused, Err(expected));
    }
}

#[test]
fn another_limit_changes_neither_window_nor_algorithm() {
    for algorithm in ALGORITHMS {
        let quota = Quota::per_minute(10).unwrap();
        let quota = quota.with_algorithm(algorithm).unwrap();
        let other = quota.with_limit(20).unwrap();
        assert_eq!((other.limit(), other.capacity()), (20, 20));
        assert_eq!(other.window(), quota.window());
        assert_eq!(other.algorithm(), algorithm);
        assert_eq!(
            other.steps().is_some(),
            algorithm == Algorithm::SlidingWindow
        );
        assert!(quota.with_limit(0).is_err());
    }
}

#[test]
fn capacity_comes_back_in_a_window_or_in_the_time_that_the_burst_takes() {
    let quota = bucket(60, Duration::from_secs(60)).unwrap();
    let quota = quota.with_burst(7).unwrap();
    assert_eq!(quota.capacity(), 7);
    assert_eq!(quota.capacity_window(), Duration::from_secs(7));
    let window = quota.with_algorithm(Algorithm::FixedWindow).unwrap();
    assert_eq!(window.capacity(), 60);
    assert_eq!(window.capacity_window(), Duration::from_secs(60));
}

/// A store may drop what is idle, so it must be as good as nothing then, and not before.
#[test]
fn usage_is_idle_when_nothing_of_it_counts_any_more() {
    let quota = |algorithm| Quota::per_minute(10).unwrap().with_algorithm(algorithm);
    let [fixed, sliding, bucket] = ALGORITHMS.map(|algorithm| quota(algorithm).unwrap());
    let at = Timestamp::from_secs;
    let used = |current, previous| Usage::window(at(600), current, previous);
    assert_eq!(fixed.idle_at(used(0, 5)), at(600));
    assert_eq!(fixed.idle_at(used(1, 0)), at(660));
    assert_eq!(sliding.idle_at(used(0, 0)), at(600));
    assert_eq!(sliding.idle_at(used(0, 1)), at(660));
    assert_eq!(sliding.idle_at(used(1, 0)), at(720));
    assert_eq!(bucket.idle_at(Usage::bucket(at(606))), at(606));
}

#[test]
fn names_are_read_as_they_are_written() {
    for algorithm in ALGORITHMS {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
    }
    for fallback in [
        Fallback::Share,
        Fallback::Full,
        Fallback::Open,
        Fallback::Closed,
    ] {
        assert_eq!(fallback.to_string().parse(), Ok(fallback));
        assert_eq!(Outage::from(fallback), Outage::Always(fallback));
    }
    let wrong = "Share".parse::<Fallback>().unwrap_err();
    assert_eq!(wrong.given(), "Share");
    assert_eq!(wrong.allowed(), "share, full, open or closed");
}

#[test]
fn a_policys_name_is_1_to_64_characters_of_a_few() {
    const LONG: &str = "0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz.x";
    assert_eq!(PolicyName::check(&LONG[..64]), Ok(()));
    let too_long = PolicyName::check(&LONG[..65]);
    assert_eq!(too_long, Err(NameError::TooLong { len: 65 }));
    assert_eq!(PolicyName::new(""), Err(NameError::Empty));
    for wrong in ["ab c", "ab/c", "ab:c", "ab{c", "ab\0c", "abé"] {
        assert_eq!(
            PolicyName::check(wrong),
            Err(NameError::Character { at: 2 })
        );
    }
    assert_eq!(name("per-client").as_str(), "per-client");
}

/// Counters of an earlier version, or of another node, are found again.
#[test]
fn a_policys_id_is_the_same_in_every_build() {
    let quota = Quota::per_minute(100).unwrap();
    let id = PolicyId::new(name("per-client"), &quota);
    assert_eq!(id.as_u64(), 0x95ea_81ac_53be_679d);
    let others = [
        PolicyId::new(name("per-clienu"), &quota),
        PolicyId::new(name("per-client"), &Quota::per_hour(100).unwrap()),
        PolicyId::new(
            name("per-client"),
            &quota.with_algorithm(Algorithm::FixedWindow).unwrap(),
        ),
    ];
    assert!(!others.contains(&id));
    let limited = PolicyId::new(name("per-client"), &quota.with_limit(5).unwrap());
    assert_eq!(limited, id, "a limit may change while counting goes on");
}

#[test]
fn a_rule_keeps_what_it_was_given() {
    let quota = Quota::per_minute(100).unwrap();
    let rule = Rule::new(name("p"), quota);
    assert_eq!((rule.name(), *rule.quota()), (name("p"), quota));
    assert_eq!(rule.id(), PolicyId::new(name("p"), &quota));
    assert_eq!(rule.tolerance(), Tolerance::default());
    assert!(!rule.is_shadow() && !rule.has_outage());
    assert!(rule.with_shadow(true).is_shadow());
    let open = rule.with_outage(Outage::OPEN);
    assert!(open.has_outage() && open.outage() == Outage::OPEN);
    assert_eq!(rule.outage(), Outage::SHARE);
    let exact = rule.with_tolerance(Tolerance::EXACT);
    assert_eq!(exact.outage(), Outage::CLOSED, "never quietly loose");
    assert_eq!(exact.with_outage(Outage::OPEN).outage(), Outage::OPEN);
    let hourly = rule.with_quota(Quota::per_hour(1).unwrap());
    assert_eq!(hourly.quota().limit(), 1);
    assert_ne!(hourly.id(), rule.id(), "another window counts apart");
}

#[test]
fn grace_ends_when_it_has_lasted_as_long_as_it_was_to() {
    let lasting = Duration::from_secs(30);
    let outage = Outage::Grace(Grace {
        lasting,
        first: Fallback::Share,
        then: Fallback::Closed,
    });
    let just_before = lasting - Duration::from_nanos(1);
    assert_eq!(outage.after(just_before), Fallback::Share);
    assert_eq!(outage.after(lasting), Fallback::Closed);
    assert_eq!(Outage::FULL.after(Duration::MAX), Fallback::Full);
}

#[test]
fn times_are_told_in_every_unit_and_never_wrap() {
    let second = Timestamp::from_secs(1);
    assert_eq!(second.as_nanos(), 1_000_000_000);
    assert_eq!(Timestamp::from_millis(1_000), second);
    assert_eq!(Timestamp::from_micros(1_000_000), second);
    assert_eq!(Timestamp::from_nanos(2_999).as_micros(), 2);
    assert_eq!(second.since(Timestamp::EPOCH), Duration::from_secs(1));
    assert_eq!(Timestamp::EPOCH.since(second), Duration::ZERO);
    assert_eq!(
        second + Duration::from_nanos(5),
        Timestamp::from_nanos(1_000_000_005)
    );
    assert_eq!(
        second - Duration::from_millis(1),
        Timestamp::from_millis(999)
    );
    assert_eq!(second - Duration::MAX, Timestamp::EPOCH);
    assert_eq!(second + Duration::MAX, Timestamp::MAX);
    for far in [
        Timestamp::from_secs(u64::MAX),
        Timestamp::from_millis(u64::MAX),
        Timestamp::from_micros(u64::MAX),
    ] {
        assert_eq!(far, Timestamp::MAX);
    }
}

/// Stores keep each node's totals under its id: two nodes with one would lose what the other used.
#[test]
fn a_node_is_told_and_shown_by_all_of_its_bits() {
    let node = NodeId::from_random(0x8000_0000_0000_002a);
    assert_eq!(node.as_u64(), 0x8000_0000_0000_002a);
    assert_eq!(node.to_string(), "800000000000002a");
}

/// G9: a part's length is written before it, seven bits a byte.
#[test]
fn g9_parts_of_every_length_are_told_apart() {
    for (len, header) in [
        (0, &[0][..]),
        (127, &[0x7f]),
        (128, &[0x80, 1]),
        (300, &[0xac, 2]),
        (16_384, &[0x80, 0x80, 1]),
    ] {
        let part = vec![b'x'; len];
        let subject = SubjectBuf::new().with(&part);
        assert_eq!(
            subject.as_subject().as_bytes(),
            [header, &part].concat(),
            "{len}"
        );
    }
    let bytes = b"alice".as_slice();
    let alice = Subject::new(bytes);
    assert_eq!(alice, Subject::from("alice"));
    assert_eq!(alice, Subject::from(bytes));
    assert_eq!(alice, Subject::from(&String::from("alice")));
    let parts = SubjectBuf::new().with("alice");
    assert_eq!(Subject::from(&parts), parts.as_subject());
}

/// Keys of a map that were built, and that were found in a request.
#[test]
fn g9_subjects_of_the_same_parts_are_one_key_and_others_are_not() {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    for len in [0, 5, 200] {
        let subject = |byte| SubjectBuf::new().with(vec![byte; len]).with([byte]);
        let (one, same, other) = (subject(b'x'), subject(b'x'), subject(b'y'));
        assert!(one == same && one != other, "{len}");
        let hash = |subject: &SubjectBuf| hasher.hash_one(subject);
        assert_eq!(hash(&one), hash(&same), "{len}");
        assert_ne!(hash(&one), hash(&other), "{len}");
        assert_eq!(hash(&one), hasher.hash_one(one.as_subject()), "{len}");
    }
}

/// G9: short subjects and long ones are kept in different places; a subject grows from the one into the other.
#[test]
fn g9_a_subject_of_many_parts_has_all_their_bytes() {
    for len in [0, 1, 7, 31, 62, 63, 64, 200] {
        let part = vec![b'x'; len];
        let mut subject = SubjectBuf::new();
        let mut bytes = Vec::new();
        for parts in 0..70 {
            let written = SubjectBuf::new().with(&part);
            assert_eq!(subject.as_subject().as_bytes(), bytes, "{parts} of {len}");
            assert_ne!(subject, subject.clone().with(""));
            subject.push(&part);
            bytes.extend_from_slice(written.as_subject().as_bytes());
        }
    }
}

#[test]
fn a_tolerance_is_a_number_from_0_to_1() {
    let tolerance = |fraction| Tolerance::from_fraction(fraction);
    assert_eq!(tolerance(1.0).unwrap().as_fraction(), 1.0);
    assert_eq!(tolerance(0.25).unwrap().as_fraction(), 0.25);
    assert_eq!(tolerance(0.000_001_4).unwrap().as_fraction(), 0.000_001);
    assert_eq!(tolerance(0.000_001_6).unwrap().as_fraction(), 0.000_002);
    assert!(!tolerance(1e-12).unwrap().is_exact(), "never quietly exact");
    assert!(tolerance(0.0).unwrap().is_exact());
    for wrong in [-0.1, 1.000_1, f64::NAN, f64::INFINITY] {
        assert!(tolerance(wrong).is_err(), "{wrong}");
    }
}

/// G2: all nodes together stay within L + (N - 1) q, which is (1 + tolerance) L, or the limit and a tenth of it.
#[test]
fn g2_slack_is_this_nodes_part_of_the_tolerance() {
    let half = Tolerance::from_fraction(0.5).unwrap();
    for (limit, nodes, slack) in [
        (100, 0, 100),
        (100, 1, 100),
        (100, 2, 50),
        (100, 3, 25),
        (100, 51, 1),
        (MAX_COUNT, 2, MAX_COUNT / 2),
    ] {
        assert_eq!(half.slack(limit, nodes), slack, "{limit} {nodes}");
    }
    // Where the part is less than one: one for each, if they are a tenth of the limit at most.
    let least = Tolerance::from_fraction(0.000_001).unwrap();
    assert_eq!((least.slack(50, 6), least.slack(50, 7)), (1, 0));
    assert_eq!((least.slack(9, 2), Tolerance::EXACT.slack(50, 1)), (0, 0));
}
