//! The network between nodes and the store: it delays, loses, repeats, reorders and cuts.

/// How the network treats messages just now, the same for all nodes but those that are cut off.
#[derive(Clone, Debug)]
pub struct Network {
    /// The shortest and the longest delay of a message, in nanoseconds.
    pub delay: (u64, u64),
    /// How many messages in a thousand are lost, each way.
    pub loss: u16,
    /// How many messages in a thousand arrive twice.
    pub duplication: u16,
    /// Whether requests reach the store, by node.
    pub to_store: Vec<bool>,
    /// Whether replies reach the node, by node.
    pub from_store: Vec<bool>,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From a node to the store.
    ToStore,
    /// From the store to a node.
    FromStore,
}

impl Network {
    /// A network without faults: messages take 50 to 500 microseconds.
    pub fn healthy(nodes: usize) -> Self {
        Self {
            delay: (50_000, 500_000),
            loss: 0,
            duplication: 0,
            to_store: vec![true; nodes],
            from_store: vec![true; nodes],
        }
    }

    /// When copies of a message that is sent now arrive: none if it is lost.
    pub fn arrivals(&self, node: usize, way: Way, random: &mut fastrand::Rng) -> Vec<u64> {
        let open = match way {
            Way::ToStore => self.to_store[node],
            Way::FromStore => self.from_store[node],
        };
        if !open || random.u16(0..1_000) < self.loss {
            return Vec::new();
        }
        let copies = if random.u16(0..1_000) < self.duplication {
            2
        } else {
            1
        };
        (0..copies)
            .map(|_| random.u64(self.delay.0..=self.delay.1))
            .collect()
    }
}
