//! The network between nodes and the store: it delays, loses, repeats, reorders and cuts.

use crate::fault::{Fault, Kind};
use crate::time::MILLI;

/// How the network treats messages just now.
#[derive(Clone, Debug)]
pub struct Network {
    /// The shortest and the longest delay of a message, in nanoseconds.
    delay: (u64, u64),
    /// How many messages in a thousand are lost, each way.
    loss: u16,
    /// How many messages in a thousand arrive twice.
    duplication: u16,
    cuts: Vec<Kind>,
    /// Whether the store does not serve the subjects.
    pub part_lost: bool,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From a node to the store.
    ToStore,
    /// From the store to a node.
    FromStore,
}

/// The longest that a message takes without a fault.
pub const USUAL_DELAY: u64 = MILLI / 2;

impl Network {
    /// What the network is like under some faults: without any, messages take 50 to 500 microseconds.
    pub fn under<'a>(faults: impl IntoIterator<Item = &'a Fault>) -> Self {
        let mut network = Self {
            delay: (MILLI / 20, USUAL_DELAY),
            loss: 0,
            duplication: 0,
            cuts: Vec::new(),
            part_lost: false,
        };
        for fault in faults {
            match fault.kind {
                Kind::Cut { .. } => network.cuts.push(fault.kind),
                Kind::PartLost => network.part_lost = true,
                Kind::Loss(part) => network.loss = network.loss.max(part),
                Kind::Duplication(part) => network.duplication = network.duplication.max(part),
                Kind::Delay(most) => network.delay.1 = network.delay.1.max(most),
                _ => {}
            }
        }
        network
    }

    /// When copies of a message that is sent now arrive: none if it is lost.
    pub fn arrivals(&self, node: usize, way: Way, random: &mut fastrand::Rng) -> Vec<u64> {
        if self.cuts.iter().any(|cut| cut.drops(node, way)) || random.u16(0..1_000) < self.loss {
            return Vec::new();
        }
        let twice = random.u16(0..1_000) < self.duplication;
        (0..=u8::from(twice))
            .map(|_| random.u64(self.delay.0..=self.delay.1))
            .collect()
    }
}

impl Kind {
    /// Whether a cut drops a message.
    fn drops(&self, node: usize, way: Way) -> bool {
        match *self {
            Self::Cut {
                nodes,
                to_store,
                from_store,
            } => {
                let cut = match way {
                    Way::ToStore => to_store,
                    Way::FromStore => from_store,
                };
                cut && nodes.contains(node)
            }
            _ => false,
        }
    }
}
