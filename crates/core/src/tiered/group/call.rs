//! A subject's calls to the store: what they say, what their answers mean, and what it means that there is none.

use alloc::vec::Vec;

use super::marks::Mark;
use super::{Group, Timing};
use crate::shared::{Reply, Report};
use crate::tiered::Finished;
use crate::tiered::members::Member;
use crate::tiered::moment::Moment;
use crate::tiered::replica::Answer;
use crate::{Decision, Rule, Status, Timestamp};

/// Names a call to the store, so that the answer to another one is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u32);

/// What goes to the store for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The call that this is.
    pub call: CallId,
    /// The policies, and what this node has used under each.
    pub reports: Vec<(Rule, Report)>,
    /// How much is wanted under all of them.
    pub want: u64,
    /// When it was composed.
    pub at: Timestamp,
    /// Since when all that it tells was admitted, if that is known.
    pub since: Option<Timestamp>,
}

/// What a reply meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// What could no longer be reported since the answer before, because its window was too long past.
    pub dropped: u64,
    /// The final counts that the reply contained for the first time.
    pub finished: Vec<Finished>,
    /// Whether others were seen to use the subject since this node heard of it before: then this node is not alone (G2).
    /// Where the store's clock stepped back, they may be this node's own.
    pub others: bool,
}

/// The call that is under way: the last one that was composed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Call {
    #[default]
    None,
    /// It only reports.
    Reports,
    /// Requests wait for it.
    Wants,
}

impl Group {
    /// Composes a call: what is untold under all policies, or under those of the requests that wait, and what
    /// they want. `None` while a call is in flight.
    pub fn compose(&mut self, wanting: Option<(&[Rule], u64)>, now: Timestamp) -> Option<Outgoing> {
        match wanting {
            Some((rules, want)) => self.compose_wish(rules, want, now),
            None => self.compose_part(usize::MAX, now),
        }
    }

    /// Composes a call that only reports, about no more policies than the store takes in one. What does not fit is
    /// [due](Self::due) still, and goes into the next ones. `None` while a call is in flight.
    pub fn compose_part(&mut self, most: usize, now: Timestamp) -> Option<Outgoing> {
        if self.call != Call::None {
            return None;
        }
        self.keep_time(now);
        let lost = self.marks.has(Mark::Lost);
        let part = self.members.line_up(most, lost, now);
        let first = self.members.iter().len() - part.members;
        for member in self.members.iter_mut().skip(first) {
            member.replica.roll(member.rule.quota(), now);
        }
        let reports = self.members.iter().skip(first).map(report).collect();
        if lost {
            self.marks.set(Mark::Lost, !part.completes);
            self.marks.set(Mark::TellsAgain, true);
        }
        self.begin(reports, 0, now)
    }

    /// In the order of the requests' policies, which is the order of the replies.
    fn compose_wish(&mut self, rules: &[Rule], want: u64, now: Timestamp) -> Option<Outgoing> {
        if self.call != Call::None {
            return None;
        }
        self.keep_time(now);
        let reports = rules.iter().filter_map(|rule| {
            let member = self.members.find_mut(rule)?;
            member.replica.roll(member.rule.quota(), now);
            Some(report(member))
        });
        let reports: Vec<_> = reports.collect();
        // A request's call is about its own policies, which may not be all.
        if self.marks.has(Mark::Lost) && reports.len() == self.members.iter().len() {
            self.marks.set(Mark::Lost, false);
            self.marks.set(Mark::TellsAgain, true);
        }
        self.begin(reports, want, now)
    }

    fn begin(
        &mut self,
        reports: Vec<(Rule, Report)>,
        want: u64,
        at: Timestamp,
    ) -> Option<Outgoing> {
        if reports.is_empty() {
            return None;
        }
        self.next_call = self.next_call.wrapping_add(1);
        self.call = if want > 0 { Call::Wants } else { Call::Reports };
        // What was admitted while the call before was under way is untold since that was answered.
        let since = self.heard_at.known();
        let since = since.filter(|heard| self.untold_since.known() != Some(*heard));
        self.untold_since = Moment::NEVER;
        self.pace.begins();
        Some(Outgoing {
            call: CallId(self.next_call),
            reports,
            want,
            at,
            since,
        })
    }

    /// Takes the answer to a call into account: one reply per policy of the call. `used` is how much of what was
    /// granted went to requests; `timing` says how long after its end a window's counts are final. The answer to a
    /// call that was given up is not listened to (`None`).
    pub fn hear(
        &mut self,
        outgoing: &Outgoing,
        replies: &[Reply],
        used: u64,
        timing: &Timing,
        now: Timestamp,
    ) -> Option<Heard> {
        let call = self.end(outgoing.call)?;
        let mut heard = Heard::default();
        let (mut told, mut meanwhile) = (0, 0);
        for ((rule, _), reply) in outgoing.reports.iter().zip(replies) {
            let Some(member) = self.members.find_mut(rule) else {
                continue;
            };
            // A policy in shadow mode has room for everything; what passes its limit is not counted.
            let over = rule.is_shadow() && reply.usage.current() > rule.quota().limit();
            let used = if over { 0 } else { used };
            let answer = Answer {
                reply,
                used,
                settling: timing.settling(rule.quota()),
                again: timing.again(),
            };
            let unsent = member.replica.unsent();
            let learned = member.replica.hear(rule.quota(), answer, now);
            heard.finished.extend(learned.finished);
            heard.others |= learned.others;
            meanwhile = meanwhile.max(member.replica.unsent());
            told = told.max(unsent.saturating_sub(member.replica.unsent()));
        }
        heard.dropped = self.take_dropped();
        let awaited = expected_meanwhile(told, outgoing, now);
        // While requests wait nothing is admitted, which tells nothing of how many come.
        if call == Call::Reports || awaited.is_some() {
            self.pace.learn(meanwhile.max(awaited.unwrap_or(0)));
        }
        self.heard_at = now.into();
        self.marks.set(Mark::Refused, false);
        self.marks.set(Mark::TellsAgain, false);
        self.end_cut_off();
        self.untold_since = self.is_untold().then_some(now).into();
        Some(heard)
    }

    /// The call failed, or was given up. Says whether it was this group's.
    ///
    /// If it wanted something, that may still be granted, now or a little later, and nobody would give it back: the
    /// store is asked soon, and once more when nothing can be on its way any longer.
    pub fn give_up(&mut self, call: CallId, timing: &Timing, now: Timestamp) -> bool {
        let Some(given_up) = self.end(call) else {
            return false;
        };
        self.untold_since = now.into();
        if self.marks.has(Mark::TellsAgain) {
            self.marks.set(Mark::TellsAgain, false);
            self.marks.set(Mark::Lost, true);
            self.members.tell_again();
        }
        if given_up == Call::Wants {
            for member in self.members.iter_mut() {
                let until = now + timing.refresh;
                member.replica.doubt(member.rule.quota(), until);
            }
        }
        true
    }

    /// Says what a waiting request is told to whom the store granted its cost (it is counted already), or not: then
    /// it is denied, even if a moment later there is room again.
    pub fn answered(
        &mut self,
        rules: &[Rule],
        replies: &[Reply],
        cost: u64,
        granted: bool,
    ) -> Decision {
        if !granted {
            self.marks.set(Mark::Refused, true);
        }
        let now = replies.first().map_or(Timestamp::EPOCH, |reply| reply.now);
        let full =
            |(rule, reply): (&Rule, &Reply)| !rule.quota().admits(reply.usage, cost, reply.now);
        let answers = || rules.iter().zip(replies);
        let none_full = !answers().any(|(rule, reply)| !rule.is_shadow() && full((rule, reply)));
        let statuses = answers().map(|(rule, reply)| {
            let violated = if granted || rule.is_shadow() {
                rule.is_shadow() && reply.usage.current() > rule.quota().limit()
            } else {
                none_full || full((rule, reply))
            };
            Status::new(rule, reply.usage, reply.now, cost, violated)
        });
        Decision::new(now, cost, statuses.collect())
    }

    /// Whether a call is under way for which requests wait.
    #[inline]
    pub fn is_asking(&self) -> bool {
        self.call == Call::Wants
    }

    /// Nothing is under way any more, if that call was.
    fn end(&mut self, call: CallId) -> Option<Call> {
        let current = self.call != Call::None && call == CallId(self.next_call);
        current.then(|| core::mem::take(&mut self.call))
    }
}

/// How much would have been asked for until `now`, while a call was under way, if no request had to wait: as much as it took the
/// time before to use what the call `told`. `None` if that was nothing, or if it is not known how long it took.
fn expected_meanwhile(told: u64, outgoing: &Outgoing, now: Timestamp) -> Option<u64> {
    if told == 0 {
        return None;
    }
    let took = outgoing.at.since(outgoing.since?).as_nanos();
    let expected = u128::from(told).saturating_mul(now.since(outgoing.at).as_nanos()) / took.max(1);
    Some(u64::try_from(expected).unwrap_or(u64::MAX))
}

fn report(member: &Member) -> (Rule, Report) {
    (*member.rule, member.replica.report(member.rule.quota()))
}
