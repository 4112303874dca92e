//! When node and store must agree on what the node admitted, whatever happened before (G5).

use std::collections::BTreeMap;

use tidegate_core::Algorithm;
use tidegate_core::tiered::CallId;

use super::World;
use crate::oracle::Mismatch;
use crate::scenario::nanos;
use crate::time::SECOND;

/// What is under way between a node and the store about the first subject, in true time.
#[derive(Clone, Debug, Default)]
pub struct UnderWay {
    /// The calls of which a copy may have been granted something that the node has not heard of: when the last copy of each
    /// arrives, and how many there are.
    wishes: BTreeMap<(u32, CallId), (u64, usize)>,
    /// When each of the last calls was sent.
    sent: BTreeMap<(u32, CallId), u64>,
}

impl UnderWay {
    /// A call leaves.
    pub fn sends(&mut self, call: (u32, CallId), now: u64, arrivals: &[u64], wants: bool) {
        self.sent.retain(|_, sent| *sent + SECOND > now);
        self.sent.insert(call, now);
        if let Some(last) = arrivals.iter().max().filter(|_| wants) {
            self.wishes.insert(call, (now + last, arrivals.len()));
        }
    }

    /// Whether the answer to this call tells of every grant that there can be, and of no store that has lost it since.
    fn answered(&mut self, call: (u32, CallId), lost_at: u64) -> bool {
        let Some(sent) = self.sent.get(&call).copied() else {
            return false;
        };
        self.wishes.retain(|wish, (arrived, copies)| {
            let heard = *wish == call && *copies == 1;
            !heard && *arrived >= sent
        });
        self.wishes.is_empty() && sent > lost_at
    }
}

impl World {
    /// After an answer: if nothing is untold and no grant unheard of, the store counts exactly what the node admitted, in the
    /// current window and in the one before.
    pub(super) fn compare_now(&mut self, node: usize, call: CallId) {
        let (who, now) = (self.life(node), self.now);
        let longest = self.rules.iter().map(|rule| nanos(rule.quota().window()));
        let unclear = 2 * longest.max().unwrap_or(0) + SECOND;
        let in_step = self.nodes[node].in_step_since;
        let in_step = in_step.is_some_and(|since| since + unclear < now);
        let call = (who.life, call);
        let tells_all = self.nodes[node].under_way.answered(call, self.lost_at);
        let quiet = self.nodes[node].is_quiet(0);
        if !(in_step && tells_all && quiet) {
            return;
        }
        for index in 0..self.rules.len() {
            let rule = self.rules[index];
            if rule.quota().algorithm() == Algorithm::TokenBucket {
                continue;
            }
            let length = nanos(rule.quota().window());
            let start = self.store.record(0, &rule, now).usage().at().as_nanos();
            // Half a round trip before the store does, the node may drop the window before the last.
            let shown = self.nodes[node].store_time(now).as_nanos();
            let dropped = |window: u64| window + 2 * length <= shown;
            for window in [start - length, start] {
                let stored = self.store.totals(0, &rule, who.id, window, now).net();
                let admitted = self.oracle.admitted_in(
                    (who.node, who.life),
                    index,
                    (self.store.steps, window),
                );
                // When time comes twice, the counts of both times are in one window.
                if stored != admitted && window > self.store.comes_twice && !dropped(window) {
                    let at = now;
                    self.oracle.mismatches.push(Mismatch {
                        at,
                        node,
                        rule: index,
                        window,
                        stored,
                        admitted,
                    });
                }
            }
        }
    }
}
