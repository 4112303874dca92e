//! States that are the same are known by a print of 128 bits of what they show, taken anew only of what has changed.
//!
//! Which of the nodes is which makes no difference: all run the same code, and the store tells them apart by nothing but their
//! ids. A state is therefore what all have in common, and for each life its node, what the store knows of it and what is under
//! way from and to it: those in the order of their prints. States that differ in nothing but their nodes' places are one.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};

use tidegate_core::Usage;
use tidegate_core::shared::{NodeId, Report};
use tidegate_core::tiered::CallId;

use super::{Message, Node, World};

/// So long that two states are hardly ever taken for one.
pub(super) type Print = (u64, u64);

/// Takes the print of anything that shows all that matters.
fn of(value: &impl Debug) -> Print {
    let mut taker = Taker::default();
    taker.write(without_number(&format!("{value:?}")).as_bytes());
    taker.print()
}

/// What a group shows, but for the number of its last call: all that matters is which message is about that call.
fn without_number(shown: &str) -> String {
    const NUMBER: &str = "next_call: ";
    let (before, after) = shown.split_once(NUMBER).expect("a group shows it");
    let rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    [before, rest].concat()
}

/// Two hashes of the same bytes.
struct Taker {
    one: u64,
    other: u64,
}

impl Default for Taker {
    fn default() -> Self {
        Self {
            one: 0x243f_6a88_85a3_08d3,
            other: 0x1319_8a2e_0370_7344,
        }
    }
}

impl Taker {
    fn print(&self) -> Print {
        (self.one, self.other)
    }

    /// Folds a product of 128 bits, as wyhash does: every bit depends on every one before.
    fn take(&mut self, word: u64) {
        let fold = |hash: u64, by: u64| {
            let product = u128::from(hash ^ word) * u128::from(by);
            let half = |half: u128| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0);
            half(product) ^ half(product >> 64)
        };
        self.one = fold(self.one, 0x9e37_79b9_7f4a_7c15).wrapping_add(word);
        self.other = fold(self.other.rotate_left(23), 0xd6e8_feb8_6659_fd93).wrapping_sub(word);
    }
}

impl Hasher for Taker {
    fn finish(&self) -> u64 {
        self.one
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.take(u64::from_le_bytes(word));
        }
        self.take(bytes.len() as u64);
    }
}

impl Node {
    /// The print of all but its id.
    pub(super) fn print(&self) -> Print {
        let called = (self.waiting, self.asked, self.sent.is_some());
        of(&(&self.group, self.generation, called, self.admitted))
    }
}

impl Message {
    /// The print of all but whose it is; `awaited` is the call whose answer its node waits for.
    fn print(&self, awaited: Option<CallId>) -> Print {
        let mut taker = Taker::default();
        match self {
            Self::Call { outgoing, .. } => {
                let is_awaited = awaited == Some(outgoing.call);
                (0, is_awaited, outgoing.want).hash(&mut taker);
                for (_, report) in &outgoing.reports {
                    if let Report::Windows { current, previous } = report {
                        (current.start.as_nanos(), current.totals).hash(&mut taker);
                        (previous.start.as_nanos(), previous.totals).hash(&mut taker);
                    }
                }
            }
            Self::Answer { call, replies, .. } => {
                (1, awaited == Some(*call)).hash(&mut taker);
                for reply in replies {
                    (reply.now.as_nanos(), shown(reply.usage)).hash(&mut taker);
                    (reply.mine, reply.mine_before, reply.got).hash(&mut taker);
                }
            }
        }
        taker.print()
    }
}

/// All that a window's usage is.
fn shown(usage: Usage) -> (u64, u64, u64) {
    (usage.at().as_nanos(), usage.current(), usage.previous())
}

impl World {
    /// The print of everything.
    pub(super) fn print(&self) -> Print {
        let living = self.nodes.iter().map(|node| {
            let awaited = node.sent.as_ref().map(|sent| sent.call);
            self.part(node.id, node.print, awaited)
        });
        let ended = self.ended.iter();
        let ended = ended.map(|id| self.part(*id, Print::default(), None));
        let mut parts: Vec<Print> = living.chain(ended).collect();
        parts.sort_unstable();
        let mut taker = Taker::default();
        parts.hash(&mut taker);
        let used = shown(self.record.usage());
        (used, self.generation, self.window).hash(&mut taker);
        (self.requests, self.may).hash(&mut taker);
        (self.dead, self.unanswered, self.lives).hash(&mut taker);
        taker.print()
    }

    /// The print of one life.
    fn part(&self, id: NodeId, node: Print, awaited: Option<CallId>) -> Print {
        let mut taker = Taker::default();
        (node, self.record.totals(id)).hash(&mut taker);
        let own = self.messages.iter().filter(|message| message.id() == id);
        let mut letters: Vec<Print> = own.map(|message| message.print(awaited)).collect();
        letters.sort_unstable();
        letters.hash(&mut taker);
        taker.print()
    }
}
