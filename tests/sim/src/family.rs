//! Families of scenarios: which faults come together, and when.

use std::fmt;
use std::str::FromStr;

use crate::draw::Draw;
use crate::fault::Fault;

/// A family of scenarios; a seed draws one of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// No faults: 1 to 32 nodes, and traffic that shifts between them.
    Healthy,
    /// Messages arrive twice, late and out of order, but within D.
    Jumbled,
    /// The store is gone for everybody for a while.
    Outage,
    /// Some nodes are cut off, the others are not.
    PartialCut,
    /// A part of the store is lost, and the rest is not.
    PartLost,
    /// Only requests are lost, or only replies.
    OneWay,
    /// The network comes and goes.
    Flapping,
    /// Messages are lost, repeated, late and out of order all the time.
    Lossy,
    /// Processes crash, restart, and stand still.
    Crash,
    /// The store loses its data, with and without an outage.
    DataLoss,
    /// Nodes join and leave.
    Membership,
    /// Wall clocks of nodes are wrong, step and drift.
    NodeClocks,
    /// The store's clock steps, with and without an outage.
    StoreClock,
    /// The store holds what nobody reported.
    Corrupt,
    /// Hundreds of subjects at once: none gets what another has used. How many a table can hold is not decided in the
    /// core, and therefore tested with the table.
    Flood,
    /// Subjects that nobody asks for until nodes forget them, and then somebody does again.
    Idle,
    /// Several of all these.
    Mixture,
}

impl Family {
    pub const ALL: [Self; 17] = [
        Self::Healthy,
        Self::Jumbled,
        Self::Outage,
        Self::PartialCut,
        Self::PartLost,
        Self::OneWay,
        Self::Flapping,
        Self::Lossy,
        Self::Crash,
        Self::DataLoss,
        Self::Membership,
        Self::NodeClocks,
        Self::StoreClock,
        Self::Corrupt,
        Self::Flood,
        Self::Idle,
        Self::Mixture,
    ];

    /// The one that a seed belongs to.
    pub const fn of(seed: u64) -> Self {
        // Less than 17.
        #[allow(clippy::cast_possible_truncation)]
        let place = (seed % Self::ALL.len() as u64) as usize;
        Self::ALL[place]
    }

    /// The name that commands use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Jumbled => "jumbled",
            Self::Outage => "outage",
            Self::PartialCut => "partial-cut",
            Self::PartLost => "part-lost",
            Self::OneWay => "one-way",
            Self::Flapping => "flapping",
            Self::Lossy => "lossy",
            Self::Crash => "crash",
            Self::DataLoss => "data-loss",
            Self::Membership => "membership",
            Self::NodeClocks => "node-clocks",
            Self::StoreClock => "store-clock",
            Self::Corrupt => "corrupt",
            Self::Flood => "flood",
            Self::Idle => "idle",
            Self::Mixture => "mixture",
        }
    }

    /// What happens in its scenarios.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Healthy => "no faults: 1 to 32 nodes, and traffic that shifts between them",
            Self::Jumbled => "messages arrive twice, late and out of order, but within D",
            Self::Outage => "the store is gone for everybody for a while",
            Self::PartialCut => "some nodes are cut off, the others are not",
            Self::PartLost => {
                "the part of the store with the subjects is lost, and the rest is not"
            }
            Self::OneWay => "only requests are lost, or only replies",
            Self::Flapping => "the network comes and goes",
            Self::Lossy => "messages are lost, repeated, late and out of order all the time",
            Self::Crash => "processes crash, restart, and stand still",
            Self::DataLoss => "the store loses its data, with and without an outage",
            Self::Membership => "nodes join and leave",
            Self::NodeClocks => "wall clocks of nodes are wrong, step and drift",
            Self::StoreClock => "the store's clock steps, with and without an outage",
            Self::Corrupt => "the store holds what nobody reported",
            Self::Flood => "hundreds of subjects at once: none gets what another has used",
            Self::Idle => {
                "nodes forget subjects that nobody asks for, and are asked for them again"
            }
            Self::Mixture => "several of all these",
        }
    }

    /// The faults of one of its scenarios.
    pub fn faults(self, nodes: usize, random: &mut fastrand::Rng) -> Vec<Fault> {
        let mut draw = Draw { nodes, random };
        match self {
            Self::Healthy | Self::Flood => Vec::new(),
            Self::Jumbled => draw.jumbled(),
            Self::Outage => vec![draw.outage()],
            Self::PartialCut => draw.partial_cut(),
            Self::PartLost => draw.part_lost(),
            Self::OneWay => draw.one_way(),
            Self::Flapping => draw.flapping(),
            Self::Lossy => draw.lossy(),
            Self::Crash => draw.crashes(),
            Self::DataLoss => draw.data_loss(),
            Self::Membership => draw.membership(),
            Self::NodeClocks => draw.node_clocks(),
            Self::StoreClock => draw.store_clock(),
            Self::Corrupt => draw.corrupt(),
            Self::Idle => draw.idle(),
            Self::Mixture => draw.mixture(),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|family| family.as_str() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("unknown scenario {name:?}: it must be one of {names}")
        })
    }
}
