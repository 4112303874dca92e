//! A group that is taken apart decides as the whole one would, and is forgotten as it would be.

use alloc::{format, vec};
use core::time::Duration;

use proptest::prelude::*;

use crate::tiered::Mode;
use crate::tiered::group::world::{Step, Way, World, rule, step};
use crate::{Algorithm, PolicyName, Quota, Rule, Tolerance};

const ALGORITHMS: [Algorithm; 3] = [
    Algorithm::FixedWindow,
    Algorithm::SlidingWindow,
    Algorithm::TokenBucket,
];

proptest! {
    /// A group that is taken apart after all that happens decides as one that is not, plans the same visits, and is the same
    /// when it is joined (G2, G5, R3).
    #[test]
    fn it_decides_as_the_whole_group_does(
        steps in proptest::collection::vec(step(), 1..120),
        (rule, nodes) in (rule(), 1_u32..5),
        shadow in prop_oneof![9 => Just(false), 1 => Just(true)],
    ) {
        decides_alike(rule.with_shadow(shadow), nodes, &steps)?;
    }
}

/// Says how many requests the front denied.
fn decides_alike(rule: Rule, nodes: u32, steps: &[Step]) -> Result<u32, TestCaseError> {
    let mut apart = World::new(Way::Apart, rule, nodes);
    let mut whole = World::new(Way::Quick, rule, nodes);
    for step in steps {
        let [one, other] = [&mut apart, &mut whole].map(|world| {
            world.drive();
            let decision = world.take(step);
            world.plan_if_touched();
            (decision, format!("{:?}", world.compact()))
        });
        prop_assert_eq!(one, other, "{:?}", step);
        prop_assert_eq!(&apart.visits, &whole.visits, "{:?}", step);
    }
    Ok(apart.by_front[1])
}

fn limited(limit: u64, millis: u64, algorithm: Algorithm) -> Rule {
    let quota = Quota::new(limit, Duration::from_millis(millis)).unwrap();
    let quota = quota.with_algorithm(algorithm).unwrap();
    let tolerance = Tolerance::from_fraction(1.0).unwrap();
    Rule::new(PolicyName::new("p").unwrap(), quota).with_tolerance(tolerance)
}

const ASK: Step = Step::Ask { cost: 1 };
const LOOK: Step = Step::Ask { cost: 0 };

const fn pass(millis: u64) -> Step {
    Step::Pass { millis }
}

/// The front denies until T before the view is to be refreshed, and then has a visit planned.
#[test]
fn g3_who_is_denied_by_the_front_does_not_miss_what_others_give_back() {
    for algorithm in ALGORITHMS {
        let mut steps = vec![LOOK, Step::Call, ASK, Step::Call, ASK, pass(900), ASK];
        steps.extend([pass(49), ASK, pass(1), ASK, pass(1), ASK]);
        let denied = decides_alike(limited(1, 5_000, algorithm), 1, &steps);
        // After 900, 949, and 951 ms.
        assert_eq!(denied.unwrap(), 3, "{algorithm}");
    }
}

/// A window whose counts are final 250 ms after its end is asked about then, although requests are denied by its front.
#[test]
fn g4_who_is_denied_by_the_front_hears_of_the_window_before() {
    for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
        let mut steps = vec![LOOK, ASK, Step::Call, Step::End, pass(5), ASK, Step::Call];
        steps.extend([ASK, pass(194), ASK, pass(1), ASK, pass(1), ASK]);
        decides_alike(limited(1, 1_000, algorithm), 1, &steps).unwrap();
    }
}

/// As much is untold as makes a report due at once. While a share holds it need not be, and the driver has come for nothing.
#[test]
fn r3_who_is_denied_by_the_front_has_what_is_due_told() {
    for algorithm in ALGORITHMS {
        let [three, five] = [3, 5].map(|cost| Step::Ask { cost });
        let heard = [LOOK, Step::Send { want: 0 }, Step::Answer];
        let [returning, connected] = [Mode::Returning, Mode::Connected].map(Step::Mode);
        let then = [three, five, ASK, returning, connected, ASK];
        let steps = [&heard[..], &then].concat();
        decides_alike(limited(8, 5_000, algorithm), 1, &steps).unwrap();
    }
}

/// Behind what is untold, or behind what was heard as well.
#[test]
fn g7_a_front_leaves_it_to_the_group_when_the_clock_stepped_back() {
    for algorithm in ALGORITHMS {
        for millis in [5, 15] {
            let mut steps = vec![LOOK, Step::Call, pass(10), ASK];
            steps.extend([Step::Back { millis }, ASK, ASK]);
            decides_alike(limited(8, 5_000, algorithm), 1, &steps).unwrap();
        }
    }
}

/// Nothing is to be told, and yet it is not as after a report: a call failed just now, or the last request was denied.
#[test]
fn r3_the_first_request_that_is_untold_has_a_visit_planned_whatever_came_before() {
    for algorithm in ALGORITHMS {
        let heard = [LOOK, Step::Send { want: 0 }, Step::Answer];
        let failed = [pass(10), Step::Send { want: 0 }, Step::Fail, ASK, ASK];
        let steps = [&heard[..], &failed].concat();
        decides_alike(limited(8, 5_000, algorithm), 1, &steps).unwrap();

        // The look at the counts comes before the report is due.
        let told = [Step::Ask { cost: 9 }, Step::Send { want: 0 }, Step::Answer];
        let denied = [Step::Ask { cost: 3 }, pass(970), ASK, ASK];
        let steps = [&heard[..], &told, &denied].concat();
        decides_alike(limited(10, 50_000, algorithm), 1, &steps).unwrap();
    }
}

#[test]
fn a_front_says_which_rule_it_is_under() {
    let rule = limited(10, 1_000, Algorithm::FixedWindow);
    let mut world = World::new(Way::Quick, rule, 2);
    for step in [ASK, Step::Call] {
        world.take(&step);
    }
    for number in [0, 1, 7] {
        let front = world.group.split(number, 2).map(|(front, _)| front);
        assert_eq!(front.map(|front| front.number()), Some(number));
    }
}

/// Whether it may be forgotten at some time soon, in two parts and as a whole; in two parts not sooner, and not much later.
fn may_be_forgotten(world: &World) -> bool {
    let (front, rest, _) = world.parts.as_ref().unwrap();
    let (whole, window) = (world.whole(), world.rule.quota().window());
    let times = (0..40).map(|quarter| world.now + window / 4 * quarter);
    for time in times.clone().filter(|time| rest.is_idle(front, *time)) {
        assert!(whole.is_idle(time), "too early: {time}");
    }
    let mut idle = times.filter(|time| whole.is_idle(*time));
    let since = idle.next();
    if let Some(since) = since {
        assert!(rest.is_idle(front, since + window / 2), "after {since}");
    }
    since.is_some()
}

#[test]
fn r1_in_two_parts_it_is_kept_for_about_as_long_as_it_matters() {
    for algorithm in ALGORITHMS {
        let rule = limited(10, 700, algorithm);
        let quota = *rule.quota();
        let mut rules = vec![rule];
        // A bucket that takes longer than two windows until it is full.
        rules.extend(quota.with_burst(40).map(|quota| rule.with_quota(quota)));
        for rule in rules {
            let mut world = World::new(Way::Apart, rule, 2);
            for _ in 0..9 {
                for step in [Step::Ask { cost: 4 }, Step::Call] {
                    world.take(&step);
                }
            }
            world.drive();
            world.plan();
            assert!(may_be_forgotten(&world), "{rule:?}");

            world.take(&Step::Ask { cost: 0 });
            world.now = world.now + quota.window() * 4;
            world.take(&Step::Ask { cost: 1 });
            world.plan();
            assert!(!may_be_forgotten(&world), "{rule:?}: a visit is planned");
            world.now = world.now + quota.window() / 4;
            world.take(&Step::Send { want: 0 });
            world.drive();
            world.plan();
            assert!(!may_be_forgotten(&world), "{rule:?}: a call is under way");
            world.take(&Step::Answer);
            world.plan();
            assert!(may_be_forgotten(&world), "{rule:?}");
        }
    }
}

/// Nearly every request of a subject that is asked for all the time is decided by its front, whether it is admitted or denied.
#[test]
fn the_front_decides_nearly_everything() {
    for algorithm in ALGORITHMS {
        let tolerance = Tolerance::from_fraction(0.2).unwrap();
        let rule = limited(1_000, 10_000, algorithm).with_tolerance(tolerance);
        let mut world = World::new(Way::Apart, rule, 3);
        for _ in 0..4_000 {
            world.drive();
            let (view, timing) = (world.view, super::super::Timing::default());
            let due = world.whole().due(&view, &timing);
            if due.is_some_and(|due| due <= world.now) {
                world.take(&Step::Send { want: 0 });
                world.take(&Step::Answer);
                world.plan();
            }
            world.take(&Step::Ask { cost: 1 });
            world.plan();
            world.now = world.now + Duration::from_micros(500);
        }
        let [admitted, denied] = world.by_front;
        assert!(
            admitted > 900 && denied > 2_500,
            "{algorithm}: {admitted} and {denied}"
        );
        assert!(
            admitted + denied > 3_800,
            "{algorithm}: {admitted} and {denied}"
        );
    }
}

/// Also where a token bucket fills so slowly that as much as there is room for takes some hundred years to flow in.
#[test]
fn the_front_decides_under_a_slow_bucket() {
    for hours in [1, 9, 24, 70] {
        let rule = limited(10, 10 * hours * 3_600_000, Algorithm::TokenBucket);
        let mut world = World::new(Way::Apart, rule, 1);
        for step in [LOOK, Step::Call, ASK, ASK, ASK] {
            world.take(&step);
            world.plan();
        }
        assert!(world.by_front[0] >= 2, "{hours} h: {:?}", world.by_front);
    }
}

/// All but the first request while a report is under way, also those by which the next one would be due, up to the slack.
#[test]
fn the_front_goes_on_while_a_report_is_under_way() {
    for algorithm in ALGORITHMS {
        for ends in [Step::Answer, Step::Fail] {
            let tolerance = Tolerance::from_fraction(0.1).unwrap();
            let rule = limited(1_000, 1_000, algorithm).with_tolerance(tolerance);
            let mut world = World::new(Way::Apart, rule, 2);
            for step in [LOOK, Step::Call, ASK] {
                world.take(&step);
                world.plan();
            }
            // The driver comes for what is untold, and sends it.
            (world.group, world.parts) = (world.whole(), None);
            for visit in core::mem::take(&mut world.visits) {
                world.group.visited(visit.urgency, world.now);
            }
            world.take(&Step::Send { want: 0 });
            world.plan();
            let [before, _] = world.by_front;
            for _ in 1..100 {
                assert!(world.take(&ASK).is_some(), "{algorithm}");
                world.plan();
            }
            assert_eq!(world.by_front, [before + 98, 0], "{algorithm}");
            assert_eq!(world.whole().unsent(), 100, "{algorithm}");
            assert!(
                world.take(&ASK).is_none(),
                "{algorithm}: the slack is used up"
            );
            assert!(world.visits.is_empty(), "{algorithm}");
            world.take(&ends);
            world.plan();
            assert_eq!(world.visits.len(), 1, "{algorithm}");
        }
    }
}

/// Also where a node may keep hundreds of thousands to itself.
#[test]
fn the_front_decides_nearly_everything_under_a_large_limit() {
    for algorithm in ALGORITHMS {
        let tolerance = Tolerance::from_fraction(0.15).unwrap();
        let rule = limited(10_000_000, 1_000, algorithm).with_tolerance(tolerance);
        let mut world = World::new(Way::Apart, rule, 3);
        world.take(&Step::Ask { cost: 1 });
        world.take(&Step::Call);
        world.plan();
        for _ in 0..4_900 {
            world.take(&Step::Ask { cost: 100 });
            world.plan();
            world.now = world.now + Duration::from_micros(10);
        }
        let [admitted, _] = world.by_front;
        assert!(admitted > 4_800, "{algorithm}: {admitted}");
        assert_eq!(world.whole().unsent(), 490_000, "{algorithm}");
    }
}
