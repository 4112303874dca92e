//! What must hold: one file for each guarantee, and what they share.

pub mod g2;
pub mod g3;
pub mod g4;
pub mod g5;
pub mod g6;
pub mod g7;
pub mod g8;
pub mod l1;
pub mod l3;
pub mod l4;
pub mod r2;

use std::collections::BTreeMap;

use tidegate_core::Algorithm;

use crate::fault::{Fault, Kind};
use crate::network::USUAL_DELAY;
use crate::oracle::Admission;
use crate::scenario::{HEALING, Scenario, nanos};
use crate::time::{MILLI, SECOND};
use crate::world::{DEADLINE, World};

/// A run that is over.
pub struct Run<'a> {
    pub scenario: &'a Scenario,
    pub world: &'a World,
}

/// A guarantee that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub invariant: &'static str,
    /// When, in nanoseconds after the start.
    pub at: u64,
    pub message: String,
}

/// A guarantee, and how it is looked at.
pub struct Invariant {
    pub name: &'static str,
    check: fn(&Run<'_>) -> Verdict,
}

/// `Err`: when, after the start, and what.
type Verdict = Result<(), (u64, String)>;

/// All invariants.
pub const ALL: &[Invariant] = &[
    Invariant {
        name: "G2",
        check: g2::check,
    },
    Invariant {
        name: "G3",
        check: g3::check,
    },
    Invariant {
        name: "G4",
        check: g4::check,
    },
    Invariant {
        name: "G5",
        check: g5::check,
    },
    Invariant {
        name: "G6",
        check: g6::check,
    },
    Invariant {
        name: "G7",
        check: g7::check,
    },
    Invariant {
        name: "G8",
        check: g8::check,
    },
    Invariant {
        name: "L1",
        check: l1::check,
    },
    Invariant {
        name: "L3",
        check: l3::check,
    },
    Invariant {
        name: "L4",
        check: l4::check,
    },
    Invariant {
        name: "R2",
        check: r2::check,
    },
];

/// Looks at all of them.
///
/// # Errors
///
/// The first that does not hold.
pub fn check(run: &Run<'_>) -> Result<(), Violation> {
    ALL.iter().try_for_each(|invariant| {
        (invariant.check)(run).map_err(|(at, message)| Violation {
            invariant: invariant.name,
            at,
            message,
        })
    })
}

/// What was admitted under a policy in one of its windows.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// When it began and ended, in nanoseconds after the start.
    pub from: u64,
    pub to: u64,
    pub admitted: u64,
    /// By node and life.
    pub parts: BTreeMap<(usize, u32), Part>,
}

/// A node's part of a window.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub admitted: u64,
    /// By its share alone, and the largest share that was enforced.
    pub by_share: u64,
    pub share: u64,
    /// The window whose final counts that share follows, and its total.
    pub followed: Option<(u64, u64)>,
    /// Locally, on counts heard from the store.
    pub locally: u64,
    /// What it admitted while it took itself for the only node, and when.
    pub alone: Vec<(u64, u64)>,
}

impl Part {
    pub fn add(&mut self, admission: &Admission) {
        self.admitted += admission.cost;
        if admission.by_share() {
            self.by_share += admission.cost;
            self.share = self.share.max(admission.limit);
            self.followed = admission.followed.0.map(|last| (last.window, last.total));
        } else {
            self.locally += admission.cost;
        }
        if admission.alone {
            self.alone.push((admission.at, admission.cost));
        }
    }
}

impl Run<'_> {
    /// What was admitted for a subject under a window policy, by window.
    ///
    /// That is the window that it was charged to, if this makes sense; what a node with a wrong clock charges to another
    /// one counts in the window in which it happened.
    pub fn windows(&self, subject: u32, rule: usize) -> Vec<Window> {
        let policy = &self.scenario.rules[rule];
        if policy.quota().algorithm() == Algorithm::TokenBucket {
            return Vec::new();
        }
        let length = nanos(policy.quota().window());
        // By so much a node's clock can be ahead of the store's.
        let ahead = self.longest_delay() + MILLI;
        let mut windows: BTreeMap<(u32, u64), Window> = BTreeMap::new();
        for admission in self.admitted(subject) {
            let offset = self.world.store.offset_of(admission.epoch);
            let begin = begin_of(admission, rule, length, (offset, ahead));
            let window = windows.entry((admission.epoch, begin)).or_insert_with(|| {
                let begins = begin.saturating_add_signed(-offset);
                Window {
                    from: self.after_start(begins),
                    to: self.after_start(begins + length),
                    ..Window::default()
                }
            });
            window.admitted += admission.cost;
            let part = window.parts.entry((admission.node, admission.life));
            part.or_default().add(admission);
        }
        windows.into_values().collect()
    }

    /// What was admitted for a subject.
    pub fn admitted(&self, subject: u32) -> impl Iterator<Item = &Admission> {
        let all = self.world.oracle.admitted.iter();
        all.filter(move |admission| admission.subject == subject)
    }

    /// A true time, after the start.
    pub fn after_start(&self, at: u64) -> u64 {
        at.saturating_sub(self.world.start)
    }

    /// Whether the store answers all nodes in time from one moment to another, and whatever went wrong before is healed.
    /// Nodes may come and go; messages may come twice and out of order.
    pub fn store_answers(&self, from: u64, to: u64) -> bool {
        let mut faults = self
            .scenario
            .faults_within(from.saturating_sub(HEALING), to)
            .filter(|fault| !is_harmless(fault));
        let members_known = self.scenario.knows_all() || from > 2 * SECOND;
        members_known && faults.all(|fault| self.scenario.knows_all() && is_membership(fault))
    }

    /// The same, but nodes may not know of each other yet.
    pub fn store_answers_strangers(&self, from: u64, to: u64) -> bool {
        let early = from.saturating_sub(HEALING);
        let mut faults = self.scenario.faults_within(early, to);
        faults.all(|fault| is_harmless(fault) || is_membership(fault))
    }

    /// Whether nothing goes wrong at all, but for messages that are late.
    pub fn is_calm(&self, from: u64, to: u64) -> bool {
        let repeats = |fault: &Fault| matches!(fault.kind, Kind::Duplication(_));
        let early = from.saturating_sub(HEALING);
        let mut faults = self.scenario.faults_within(early, to);
        self.store_answers(from, to) && faults.all(|fault| is_harmless(fault) && !repeats(fault))
    }

    /// The longest that a message takes.
    pub fn longest_delay(&self) -> u64 {
        let delays = self.scenario.faults.iter().map(|fault| match fault.kind {
            Kind::Delay(most) => most,
            _ => 0,
        });
        delays.max().unwrap_or(0).max(USUAL_DELAY)
    }
}

impl Scenario {
    /// Whether every node knows from the beginning how many there are.
    pub fn knows_all(&self) -> bool {
        usize::try_from(self.expected).is_ok_and(|expected| expected == self.nodes)
    }
}

/// The window that an admission counts in, on the store's clock.
fn begin_of(admission: &Admission, rule: usize, length: u64, (offset, ahead): (i64, u64)) -> u64 {
    let charged = admission.windows[rule];
    let at = admission.at.saturating_add_signed(offset);
    if charged <= at + ahead && at <= charged + length + DEADLINE {
        charged
    } else {
        at / length * length
    }
}

/// What must change nothing while the store answers.
fn is_harmless(fault: &Fault) -> bool {
    match fault.kind {
        Kind::Duplication(_) | Kind::WallClock(..) => true,
        Kind::Delay(most) => 2 * most + MILLI < DEADLINE,
        _ => false,
    }
}

/// A process comes or goes.
fn is_membership(fault: &Fault) -> bool {
    matches!(fault.kind, Kind::Away(_) | Kind::Restart(_))
}

/// The most that was taken from a token bucket beyond its rate in any interval, of those admissions; by the clock of who
/// decided.
pub fn most_at_once<'a>(
    admitted: impl IntoIterator<Item = &'a Admission>,
    (limit, window): (u64, u64),
) -> (u64, u64) {
    let (limit, window) = (i128::from(limit), i128::from(window));
    let (mut lowest, mut sum, mut most) = (i128::MAX, 0i128, (0i128, 0));
    for admission in admitted {
        let flowed = i128::from(admission.decided.as_nanos()) * limit;
        lowest = lowest.min(sum * window - flowed);
        sum += i128::from(admission.cost);
        most = most.max(((sum * window - flowed - lowest) / window, admission.at));
    }
    (u64::try_from(most.0).unwrap_or(u64::MAX), most.1)
}
