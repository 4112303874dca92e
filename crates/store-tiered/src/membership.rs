//! How this node stands with the store and with its peers: breaker, link, and the store's clock.
//!
//! Requests read a copy in atomics; only the driver changes the state behind the lock.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tidegate_core::tiered::{Group, Link, LinkConfig, Mode, StoreClock, View};
use tidegate_core::{Breaker, BreakerConfig, Outcome, ProbeId, Timestamp, Transition};

#[derive(Debug)]
pub(crate) struct Membership {
    state: Mutex<State>,
    nodes: AtomicU32,
    /// Among how many the slack is divided, while the store answers and no share holds; 0 otherwise.
    connected: AtomicU32,
    /// Whether this node is known to be the only one.
    alone: AtomicBool,
    /// Whether the registry names this node alone, and nothing has shown the contrary since.
    named_alone: AtomicBool,
    /// Nanoseconds from this node's clock to the store's.
    offset: AtomicI64,
    /// What the store's clock has shown already, in nanoseconds: nothing earlier is shown, unless it steps.
    not_before: AtomicU64,
    /// Since when the store has not answered, on this node's clock; 0 while it does.
    out_since: AtomicU64,
    /// Until when shares still hold; 0 if they do not.
    returning_until: AtomicU64,
    /// When the store last answered anything, on this node's clock.
    heard_at: AtomicU64,
    /// Whether the last call that ended was not answered.
    suspected: AtomicBool,
    /// Since when a part of the store has been lost, on this node's clock; 0 while none is.
    part_lost_since: AtomicU64,
    /// Whether a subject was cut off, and none that was has been served since.
    lacks_part: AtomicBool,
}

#[derive(Debug)]
struct State {
    breaker: Breaker,
    link: Link,
    clock: StoreClock,
    /// Since when this node does not ask the store any more, because it has been shut down.
    closed_since: Option<Timestamp>,
}

impl Membership {
    pub(crate) fn new(link: LinkConfig, breaker: BreakerConfig) -> Self {
        Self {
            state: Mutex::new(State {
                breaker: Breaker::new(breaker),
                link: Link::new(link),
                clock: StoreClock::default(),
                closed_since: None,
            }),
            nodes: AtomicU32::new(link.expected_nodes.max(1)),
            connected: AtomicU32::new(0),
            alone: AtomicBool::new(false),
            named_alone: AtomicBool::new(false),
            offset: AtomicI64::new(0),
            not_before: AtomicU64::new(0),
            out_since: AtomicU64::new(0),
            returning_until: AtomicU64::new(0),
            heard_at: AtomicU64::new(0),
            suspected: AtomicBool::new(false),
            part_lost_since: AtomicU64::new(0),
            lacks_part: AtomicBool::new(false),
        }
    }

    /// The store's time at a moment of this node's clock.
    #[inline]
    pub(crate) fn store_time(&self, local: Timestamp) -> Timestamp {
        // In this order: whoever reads a new offset has what was shown by the old one.
        let offset = self.offset.load(Ordering::Acquire);
        let not_before = self.not_before.load(Ordering::Relaxed);
        let shown = local.as_nanos().saturating_add_signed(offset);
        Timestamp::from_nanos(shown.max(not_before))
    }

    /// What this node knows beyond one subject, at a moment of the store's clock.
    #[inline]
    pub(crate) fn view(&self, store_now: Timestamp) -> View {
        let mode = match self.out_since.load(Ordering::Acquire) {
            0 if self.returning_until.load(Ordering::Acquire) > self.local(store_now) => {
                Mode::Returning
            }
            0 => Mode::Connected,
            since => {
                let since = self.store_time(Timestamp::from_nanos(since));
                Mode::Out {
                    lasted: store_now.since(since),
                }
            }
        };
        View {
            nodes: self.nodes.load(Ordering::Relaxed),
            alone: self.alone.load(Ordering::Relaxed),
            mode,
            suspected: self.suspected.load(Ordering::Relaxed),
        }
    }

    /// The same for one subject, which may be cut off from a store that serves others.
    pub(crate) fn view_of(&self, group: &Group, store_now: Timestamp) -> View {
        let view = self.view(store_now);
        if group.is_cut_off() {
            view.cut_off(self.part_lost_for(store_now))
        } else {
            view
        }
    }

    /// Among how many the slack is divided, while the store answers and no share holds: what nearly every request needs to know
    /// of the [view](Self::view), in one word. None otherwise, and when it is not known yet.
    #[inline]
    pub(crate) fn connected(&self) -> Option<u32> {
        let nodes = self.connected.load(Ordering::Acquire);
        (nodes > 0).then_some(nodes)
    }

    fn local(&self, store_time: Timestamp) -> u64 {
        let offset = self.offset.load(Ordering::Relaxed);
        store_time
            .as_nanos()
            .saturating_add_signed(offset.saturating_neg())
    }

    /// Whether the store may be asked.
    pub(crate) fn is_open_for_calls(&self) -> bool {
        self.out_since.load(Ordering::Acquire) == 0
    }

    /// When the store last answered anything, on this node's clock, if it ever did.
    pub(crate) fn heard_at(&self) -> Option<Timestamp> {
        let at = self.heard_at.load(Ordering::Relaxed);
        (at > 0).then(|| Timestamp::from_nanos(at))
    }

    /// A call was answered.
    pub(crate) fn answered(&self, sent: Timestamp, store: Timestamp, received: Timestamp) {
        let mut state = self.state.lock();
        state.clock.learn(sent, store, received);
        state.breaker.record(Outcome::Success, received, 0);
        state.link.called(true);
        self.heard_at
            .fetch_max(received.as_nanos(), Ordering::Relaxed);
        self.publish(&state, received);
    }

    /// A call was not answered.
    pub(crate) fn failed(
        &self,
        outcome: Outcome,
        now: Timestamp,
        random: u64,
    ) -> Option<Transition> {
        let mut state = self.state.lock();
        state.link.called(false);
        let transition = state.breaker.record(outcome, now, random);
        if let Some(transition) = transition {
            state.link.changed(transition, now);
        }
        self.publish(&state, now);
        transition
    }

    /// The store did not serve a subject, although it serves others. Says whether that is news.
    pub(crate) fn part_failed(&self, now: Timestamp) -> bool {
        let mut state = self.state.lock();
        state.link.part_failed(now);
        self.publish(&state, now);
        !self.lacks_part.swap(true, Ordering::Relaxed)
    }

    /// The store serves a subject again that was cut off. Says whether that is news.
    pub(crate) fn part_answered(&self) -> bool {
        self.lacks_part.swap(false, Ordering::Relaxed)
    }

    /// For how long a part of the store has been lost, if one is, at a moment of the store's clock.
    pub(crate) fn part_lost_for(&self, store_now: Timestamp) -> Duration {
        let lasted = match self.part_lost_since.load(Ordering::Relaxed) {
            0 => 0,
            // On this node's clock: of the store's, nothing earlier is shown than what others were answered a moment ago.
            since => self.local(store_now).saturating_sub(since),
        };
        Duration::from_nanos(lasted)
    }

    /// The store is not asked any more, for good.
    pub(crate) fn close(&self, now: Timestamp) {
        let mut state = self.state.lock();
        state.closed_since.get_or_insert(now);
        self.publish(&state, now);
    }

    /// The store said how many nodes there are.
    pub(crate) fn registered(&self, nodes: u32, now: Timestamp) {
        let mut state = self.state.lock();
        state.link.registered(nodes, now);
        self.publish(&state, now);
    }

    /// The store said of which generation its data is. Says whether it has lost what it was told.
    pub(crate) fn noticed_generation(&self, generation: u64) -> bool {
        self.state.lock().link.noticed_generation(generation)
    }

    /// A reply showed that others use a subject too. Says whether the registry is to be asked at once who they are.
    pub(crate) fn noticed_others(&self, now: Timestamp) -> bool {
        // Others are seen all the time where there are any.
        if !self.named_alone.load(Ordering::Relaxed) {
            return false;
        }
        let mut state = self.state.lock();
        let news = state.link.noticed_others(now);
        self.publish(&state, now);
        news
    }

    /// When the next probe may start, if probes are what is to be done.
    pub(crate) fn next_probe(&self) -> Option<Timestamp> {
        self.state.lock().breaker.next_probe()
    }

    /// Starts a probe, if one is due.
    pub(crate) fn start_probe(&self, now: Timestamp) -> Option<ProbeId> {
        self.state.lock().breaker.start_probe(now)
    }

    /// The probe ended.
    pub(crate) fn finish_probe(
        &self,
        probe: ProbeId,
        outcome: Outcome,
        now: Timestamp,
        random: u64,
    ) -> Option<Transition> {
        let mut state = self.state.lock();
        let transition = state.breaker.finish_probe(probe, outcome, now, random)?;
        state.link.changed(transition, now);
        self.publish(&state, now);
        Some(transition)
    }

    /// Copies what requests read into the atomics.
    fn publish(&self, state: &State, now: Timestamp) {
        let not_before = state.clock.not_before().as_nanos();
        self.not_before.store(not_before, Ordering::Relaxed);
        self.offset.store(state.clock.offset(), Ordering::Release);
        let view = state.link.view(now);
        self.nodes.store(view.nodes, Ordering::Relaxed);
        self.alone.store(view.alone, Ordering::Relaxed);
        let named_alone = state.link.is_named_alone();
        self.named_alone.store(named_alone, Ordering::Relaxed);
        self.suspected.store(view.suspected, Ordering::Relaxed);
        let since = state.breaker.open_since().or(state.closed_since);
        let since = since.map_or(0, Timestamp::as_nanos);
        let until = match view.mode {
            Mode::Returning => state.link.returning_until().map_or(0, Timestamp::as_nanos),
            Mode::Connected | Mode::Out { .. } => 0,
        };
        let part = state.link.part_lost_since(now);
        let part = part.map_or(0, Timestamp::as_nanos);
        self.part_lost_since.store(part, Ordering::Relaxed);
        let connected = view.connected().filter(|_| since == 0).unwrap_or(0);
        self.connected.store(connected, Ordering::Release);
        self.returning_until.store(until, Ordering::Release);
        self.out_since.store(since, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g2_what_requests_read_is_not_set_back_into_the_window_before() {
        let ms = Timestamp::from_millis;
        let membership = Membership::new(LinkConfig::default(), BreakerConfig::default());
        membership.answered(ms(1_000), ms(5_039), ms(1_040));
        assert_eq!(membership.store_time(ms(1_991)), ms(6_010));
        membership.answered(ms(1_989), ms(5_990), ms(1_991));
        assert_eq!(membership.store_time(ms(1_991)), ms(6_010));
        assert_eq!(membership.store_time(ms(2_020)), ms(6_020));
        // A step.
        membership.answered(ms(2_100), ms(1_001), ms(2_102));
        assert_eq!(membership.store_time(ms(2_102)), ms(1_002));
    }

    #[test]
    fn g2_others_that_are_seen_while_the_registry_is_not_believed_yet_are_remembered() {
        let at = Timestamp::from_secs;
        let membership = Membership::new(LinkConfig::default(), BreakerConfig::default());
        membership.registered(2, at(100));
        for second in 101..=107 {
            membership.registered(1, at(second));
            if second < 107 {
                membership.noticed_others(at(second));
            }
        }
        assert_eq!(membership.view(at(107)).slack_nodes(), 2);
    }

    #[test]
    fn nobody_is_connected_before_an_answer_nor_in_an_outage_nor_while_shares_hold() {
        let at = Timestamp::from_secs;
        let membership = Membership::new(LinkConfig::default(), BreakerConfig::default());
        assert_eq!(membership.connected(), None);
        membership.registered(3, at(100));
        assert_eq!(membership.connected(), Some(3));
        membership.failed(Outcome::Refused, at(101), 0);
        assert_eq!(membership.connected(), None);
        let probed = at(200);
        let probe = membership.start_probe(probed).unwrap();
        membership.finish_probe(probe, Outcome::Success, probed, 0);
        assert!(matches!(membership.view(probed).mode, Mode::Returning));
        assert_eq!(membership.connected(), None);
        membership.registered(3, at(201));
        let view = membership.view(at(201));
        assert_eq!((view.mode, view.connected()), (Mode::Connected, Some(3)));
        assert_eq!(membership.connected(), Some(3));
    }
}
