//! How a node stands with the store: connected, out, or just returning.

use core::time::Duration;

use super::moment::Moment;
use super::{Mode, View};
use crate::{Timestamp, Transition};

/// How a node counts its peers, and how long it is careful after an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// How many nodes there are until the store has said so; and at least so many are reckoned with.
    pub expected_nodes: u32,
    /// How long shares still hold after the store answers again, unless all nodes are seen back before.
    pub returning: Duration,
    /// For how long the store must have said that there are fewer nodes than before, or that there is only this one, until
    /// that is believed: it may have lost its data, and nodes that it has forgotten still admit. Longer than nodes take to
    /// find it again.
    pub fewer: Duration,
    /// For how long the store remembers a node that says nothing. For as long after an outage began it may name those that
    /// registered before it, and not since.
    pub silence: Duration,
}

impl Default for LinkConfig {
    /// One node; careful for 5 s, the longest pause between the probes by which the others come back; fewer nodes are
    /// believed after 6 s, when those have registered too; nodes are remembered for 4 s.
    fn default() -> Self {
        Self {
            expected_nodes: 1,
            returning: Duration::from_secs(5),
            fewer: Duration::from_secs(6),
            silence: Duration::from_secs(4),
        }
    }
}

/// How a node stands with the store, and how many nodes there are.
///
/// ```
/// use std::time::Duration;
/// use tidegate_core::tiered::{Link, LinkConfig, Mode};
/// use tidegate_core::{Timestamp, Transition};
///
/// let mut link = Link::new(LinkConfig { expected_nodes: 3, ..LinkConfig::default() });
/// let now = Timestamp::from_secs(100);
/// assert_eq!(link.view(now).mode, Mode::Connected);
/// link.changed(Transition::Opened, now);
/// let later = now + Duration::from_secs(5);
/// assert_eq!(link.view(later).mode, Mode::Out { lasted: Duration::from_secs(5) });
/// link.changed(Transition::Closed, later);
/// assert_eq!(link.view(later).mode, Mode::Returning);
/// assert_eq!(link.view(later + Duration::from_secs(5)).mode, Mode::Connected);
/// ```
#[derive(Clone, Debug)]
pub struct Link {
    config: LinkConfig,
    state: State,
    /// How many nodes the store knew of before an outage, or knows now.
    nodes: Option<u32>,
    /// Since when it has been saying that there are fewer.
    fewer_since: Moment,
    /// Since when it has been saying that there is only this one, and nothing has shown the contrary.
    alone_since: Moment,
    /// The generation of the store's data that this node has told its counts, if the store says that.
    generation: Option<u64>,
    /// Whether the last call that ended was not answered.
    suspected: bool,
    /// A part of the store that is lost: since when, and when that was last seen.
    part: Option<(Timestamp, Timestamp)>,
}

/// For how long the loss of a part must not have been seen until it is over. Subjects that are cut off by it are tried again about
/// once a second; but if all of the store is lost too, it takes some seconds until a node that is hardly asked knows that.
const PART_ENDS: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
enum State {
    Connected,
    Out {
        since: Timestamp,
    },
    Returning {
        until: Timestamp,
        awaited: u32,
        /// From when on all whom the store names have registered since the outage began.
        named_since: Timestamp,
    },
}

impl Link {
    /// A node that has not heard of the store, and expects it to answer.
    pub const fn new(config: LinkConfig) -> Self {
        Self {
            config,
            state: State::Connected,
            nodes: None,
            fewer_since: Moment::NEVER,
            alone_since: Moment::NEVER,
            generation: None,
            suspected: false,
            part: None,
        }
    }

    /// The store stopped or began to answer, as the breaker saw it.
    pub fn changed(&mut self, transition: Transition, now: Timestamp) {
        if transition == Transition::Opened {
            // Who starts in an outage is unknown until it is over.
            self.alone_since = Moment::NEVER;
        }
        if let Some(since) = self.part_lost_since(now) {
            self.part = Some((since, now));
        }
        self.state = match (transition, self.state) {
            (Transition::Opened, State::Out { since }) => State::Out { since },
            (Transition::Opened, _) => State::Out { since: now },
            (Transition::Closed, State::Out { since }) => State::Returning {
                until: now + self.config.returning,
                awaited: self.count(),
                named_since: since + self.config.silence,
            },
            (Transition::Closed, state) => state,
        };
    }

    /// A call ended, with an answer or without.
    pub const fn called(&mut self, answered: bool) {
        self.suspected = !answered;
    }

    /// The store did not serve a subject, although it serves others: a part of it is lost. Says whether that is news.
    ///
    /// ```
    /// use tidegate_core::Timestamp;
    /// use tidegate_core::tiered::{Link, LinkConfig, Mode};
    ///
    /// let mut link = Link::new(LinkConfig::default());
    /// let [first, second] = [100, 101].map(Timestamp::from_secs);
    /// assert!(link.part_failed(first));
    /// assert!(!link.part_failed(second));
    /// assert_eq!(link.part_lost_since(second), Some(first));
    /// assert_eq!(link.view(second).mode, Mode::Connected, "for all other subjects");
    /// ```
    pub fn part_failed(&mut self, now: Timestamp) -> bool {
        let lasting = self.part_lost_since(now);
        self.part = Some((lasting.unwrap_or(now), now));
        lasting.is_none()
    }

    /// Since when a part of the store has been lost, if one is. Subjects in it are
    /// [cut off](crate::tiered::Group::is_cut_off), and see the store as [out](View::cut_off) since then.
    pub fn part_lost_since(&self, now: Timestamp) -> Option<Timestamp> {
        let (since, seen) = self.part?;
        // Nobody looks while all of it is out.
        let out = matches!(self.state, State::Out { .. });
        (out || now.since(seen) < PART_ENDS).then_some(since)
    }

    /// The store said how many nodes it has heard of lately. More are believed at once, fewer after a while: a registry that
    /// was lost, or in which the others have not shown up again yet, says too little (G2, G4, G6).
    pub fn registered(&mut self, nodes: u32, now: Timestamp) {
        if let State::Returning {
            until,
            awaited,
            named_since,
        } = self.state
        {
            let all_back = nodes >= awaited && now >= named_since;
            if all_back || now >= until {
                self.state = State::Connected;
            }
        }
        if nodes > 1 {
            self.alone_since = Moment::NEVER;
        } else {
            self.alone_since.set_once(now);
        }
        if self.nodes.is_some_and(|known| nodes < known) {
            self.fewer_since.set_once(now);
            let since = self.fewer_since.known().unwrap_or(now);
            if now.since(since) < self.config.fewer {
                return;
            }
        }
        (self.nodes, self.fewer_since) = (Some(nodes), Moment::NEVER);
    }

    /// The store said of which generation its data is. Says whether that is another one than before: then it has lost what it
    /// was told, and every count is to be told again (G6). So it is the first time, since what was told before that may be lost.
    pub fn noticed_generation(&mut self, generation: u64) -> bool {
        self.generation.replace(generation) != Some(generation)
    }

    /// A reply showed that others use a subject too. Says whether this node had believed that there are none: then the store
    /// had better be asked at once how many there are (G2).
    pub fn noticed_others(&mut self, now: Timestamp) -> bool {
        let believed = self.is_alone(now);
        self.alone_since = Moment::NEVER;
        believed
    }

    /// Whether the store names this node alone, and nothing has shown the contrary since.
    pub fn is_named_alone(&self) -> bool {
        self.alone_since.known().is_some()
    }

    /// How many nodes share each limit, and how this one stands with the store.
    pub fn view(&self, now: Timestamp) -> View {
        let mode = match self.state {
            State::Connected => Mode::Connected,
            State::Out { since } => Mode::Out {
                lasted: now.since(since),
            },
            State::Returning { until, .. } if now < until => Mode::Returning,
            State::Returning { .. } => Mode::Connected,
        };
        View {
            nodes: self.count(),
            alone: self.is_alone(now),
            mode,
            suspected: self.suspected,
        }
    }

    /// Until when shares still hold, if the store has just come back.
    pub const fn returning_until(&self) -> Option<Timestamp> {
        match self.state {
            State::Returning { until, .. } => Some(until),
            State::Connected | State::Out { .. } => None,
        }
    }

    fn is_alone(&self, now: Timestamp) -> bool {
        let since = self.alone_since.known();
        self.count() == 1 && since.is_some_and(|since| now.since(since) >= self.config.fewer)
    }

    fn count(&self) -> u32 {
        self.nodes
            .unwrap_or(1)
            .max(self.config.expected_nodes)
            .max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_000);

    fn at(millis: u64) -> Timestamp {
        START + Duration::from_millis(millis)
    }

    /// A node of three, told nothing of that when it was made.
    fn one_of_three() -> Link {
        let mut link = Link::new(LinkConfig::default());
        link.registered(3, START);
        link
    }

    #[test]
    fn g2_a_registry_that_was_lost_does_not_make_a_node_believe_that_it_is_alone() {
        let mut link = one_of_three();
        link.registered(1, at(1_000));
        assert_eq!(link.view(at(1_000)).nodes, 3);
        link.registered(2, at(2_000));
        link.registered(3, at(3_000));
        link.registered(1, at(8_000));
        assert_eq!(link.view(at(8_000)).nodes, 3, "since now, not since then");
    }

    #[test]
    fn g2_a_node_is_not_known_to_be_alone_before_others_have_had_the_time_to_register() {
        let mut link = Link::new(LinkConfig::default());
        assert_eq!(link.view(START).slack_nodes(), 2, "nothing is known yet");
        for second in 0..6 {
            link.registered(1, at(second * 1_000));
            let view = link.view(at(second * 1_000));
            assert_eq!((view.nodes, view.slack_nodes()), (1, 2), "a share is whole");
        }
        link.registered(1, at(6_000));
        assert_eq!(link.view(at(6_000)).slack_nodes(), 1);
        link.registered(2, at(7_000));
        assert_eq!(link.view(at(7_000)).slack_nodes(), 2);
    }

    #[test]
    fn g2_a_node_that_sees_what_others_use_is_not_alone_whatever_the_registry_says() {
        let mut link = Link::new(LinkConfig::default());
        link.registered(1, START);
        link.registered(1, at(6_000));
        assert!(link.noticed_others(at(6_010)), "that is news");
        assert_eq!(link.view(at(6_010)).slack_nodes(), 2);
        link.registered(1, at(6_020));
        assert!(!link.noticed_others(at(6_500)));
        for second in 7..13 {
            link.registered(1, at(second * 1_000));
        }
        assert_eq!(link.view(at(12_000)).slack_nodes(), 2, "seen again since");
        assert_eq!(link.view(at(13_000)).slack_nodes(), 1);
    }

    #[test]
    fn g2_who_was_alone_before_an_outage_need_not_be_so_after_it() {
        let mut link = Link::new(LinkConfig::default());
        link.registered(1, START);
        link.registered(1, at(6_000));
        link.changed(Transition::Opened, at(6_500));
        link.registered(1, at(60_000));
        link.changed(Transition::Closed, at(60_000));
        assert_eq!(link.view(at(60_000)).slack_nodes(), 2);
    }

    #[test]
    fn nodes_that_stay_away_are_not_reckoned_with_for_ever() {
        let mut link = one_of_three();
        for second in 1..7 {
            link.registered(2, at(second * 1_000));
            assert_eq!(link.view(at(second * 1_000)).nodes, 3);
        }
        link.registered(2, at(7_000));
        assert_eq!(link.view(at(7_000)).nodes, 2);
        link.registered(4, at(8_000));
        assert_eq!(link.view(at(8_000)).nodes, 4, "more at once");
    }

    #[test]
    fn g4_the_probe_that_ends_an_outage_does_not_say_who_is_back() {
        let mut link = one_of_three();
        link.changed(Transition::Opened, at(1_000));
        // The store comes back empty: the probe is the first that it hears of anybody.
        link.registered(1, at(5_000));
        link.changed(Transition::Closed, at(5_000));
        link.registered(1, at(5_010));
        let view = link.view(at(5_010));
        assert_eq!((view.mode, view.nodes), (Mode::Returning, 3));
        link.registered(3, at(5_500));
        assert_eq!(link.view(at(5_500)).mode, Mode::Connected);
    }

    #[test]
    fn a_part_is_lost_until_nobody_has_seen_that_for_a_while() {
        let mut link = one_of_three();
        assert_eq!(link.part_lost_since(START), None);
        assert!(link.part_failed(at(1_000)));
        for second in 2..=9 {
            assert!(!link.part_failed(at(second * 1_000)), "known already");
        }
        assert_eq!(link.part_lost_since(at(18_999)), Some(at(1_000)));
        assert_eq!(link.part_lost_since(at(19_000)), None);
        assert_eq!(link.view(at(9_000)).mode, Mode::Connected);
        assert!(link.part_failed(at(20_000)));
        link.changed(Transition::Opened, at(21_000));
        assert_eq!(link.part_lost_since(at(59_000)), Some(at(20_000)));
        link.changed(Transition::Closed, at(60_000));
        assert_eq!(
            link.part_lost_since(at(69_999)),
            Some(at(20_000)),
            "it is looked for again"
        );
        assert_eq!(link.part_lost_since(at(70_000)), None);
        assert!(link.part_failed(at(80_000)));
        assert_eq!(link.part_lost_since(at(80_000)), Some(at(80_000)));
    }

    #[test]
    fn a_node_that_died_in_an_outage_is_forgotten_after_it() {
        let mut link = one_of_three();
        link.changed(Transition::Opened, at(1_000));
        link.registered(2, at(5_000));
        link.changed(Transition::Closed, at(5_000));
        for second in 5..11 {
            link.registered(2, at(second * 1_000));
        }
        link.registered(2, at(11_000));
        let view = link.view(at(11_000));
        assert_eq!((view.mode, view.nodes), (Mode::Connected, 2));
    }
}
