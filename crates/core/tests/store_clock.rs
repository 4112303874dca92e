//! What a node makes of the times that the store's answers carry (G7).

use std::time::Duration;

use tidegate_core::Timestamp;
use tidegate_core::tiered::StoreClock;

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn g7_until_a_store_has_answered_the_nodes_own_clock_is_all_there_is() {
    let mut clock = StoreClock::default();
    assert!(!clock.is_known());
    assert_eq!(clock.store_time(ms(7)), ms(7));
    clock.learn(ms(10_000), ms(3_000), ms(10_000));
    assert!(clock.is_known());
    assert_eq!(clock.store_time(ms(10_500)), ms(3_500));
    assert_eq!(
        clock.store_time(ms(5_000)),
        Timestamp::EPOCH,
        "before all time"
    );
}

#[test]
fn g7_a_tighter_answer_is_believed_and_a_wider_one_is_not() {
    let mut clock = StoreClock::default();
    clock.learn(ms(1_000), ms(5_050), ms(1_100));
    // The store read its clock between 2000 and 2010; its offset lies within what the first answer left open.
    clock.learn(ms(2_000), ms(6_025), ms(2_010));
    assert_eq!(clock.store_time(ms(3_000)), ms(7_020));
    clock.learn(ms(4_000), ms(8_050), ms(4_100));
    assert_eq!(
        clock.store_time(ms(4_100)),
        ms(8_120),
        "too wide to say more"
    );
}

/// Two clocks may drift apart by 100 ppm: after 100 s, what was known to a millisecond is known to eleven.
#[test]
fn g7_what_was_learned_long_ago_gives_way() {
    let first = |clock: &mut StoreClock| clock.learn(ms(1_000), ms(5_001), ms(1_002));
    let wide = |clock: &mut StoreClock, at| clock.learn(ms(at), ms(at + 4_012), ms(at + 20));
    let mut clock = StoreClock::default();
    first(&mut clock);
    wide(&mut clock, 50_000);
    assert_eq!(
        clock.store_time(ms(60_000)),
        ms(64_000),
        "6 ms are tighter than 10"
    );
    let mut clock = StoreClock::default();
    first(&mut clock);
    wide(&mut clock, 101_000);
    assert_eq!(clock.store_time(ms(200_000)), ms(204_002), "11 ms are not");
}

#[test]
fn g7_a_step_of_the_stores_clock_is_believed_at_once() {
    for stepped in [3_600_000 + 9_000, 3_600_000 - 9_000] {
        let mut clock = StoreClock::default();
        clock.learn(ms(1_000), ms(3_600_000), ms(1_002));
        clock.learn(ms(2_000), ms(stepped), ms(2_100));
        assert_eq!(clock.store_time(ms(2_050)), ms(stepped));
    }
}

#[test]
fn g7_times_without_end_are_survived() {
    let mut clock = StoreClock::default();
    clock.learn(Timestamp::EPOCH, Timestamp::MAX, Timestamp::MAX);
    clock.learn(Timestamp::MAX, Timestamp::EPOCH, Timestamp::EPOCH);
    let _ = clock.store_time(Timestamp::MAX);
    clock.learn(Timestamp::EPOCH, Timestamp::MAX, Timestamp::EPOCH);
    assert_eq!(clock.store_time(Timestamp::MAX), Timestamp::MAX);
    assert_eq!(
        clock.store_time(Timestamp::EPOCH + Duration::from_secs(1)),
        Timestamp::MAX
    );
}

#[test]
fn g7_how_far_the_stores_clock_is_from_this_nodes_can_be_told() {
    let mut clock = StoreClock::default();
    assert_eq!(clock.offset(), 0);
    clock.learn(ms(1_000), ms(9_005), ms(1_010));
    assert_eq!(clock.offset(), 8_000_000_000);
    clock.learn(ms(20_000), ms(5_005), ms(20_010));
    assert_eq!(clock.offset(), -15_000_000_000);
    clock.learn(Timestamp::EPOCH, Timestamp::MAX, Timestamp::EPOCH);
    assert_eq!(clock.offset(), 0, "no time that can be");
}
