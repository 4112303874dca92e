//! Draws the faults of a scenario.

use crate::fault::{Corruption, Fault, Kind, Nodes};
use crate::time::{MILLI, SECOND};

/// Draws faults. None begins before the third second, when every node has heard of the others, and all have ended
/// by the fourteenth.
pub(crate) struct Draw<'a> {
    pub(crate) nodes: usize,
    pub(crate) random: &'a mut fastrand::Rng,
}

impl Draw<'_> {
    fn time(&mut self) -> u64 {
        self.random.u64(3 * SECOND..9 * SECOND)
    }

    fn span(&mut self, most: u64) -> (u64, u64) {
        let from = self.random.u64(3 * SECOND..7 * SECOND);
        (from, from + self.random.u64(MILLI..most))
    }

    fn node(&mut self) -> usize {
        self.random.usize(0..self.nodes)
    }

    /// At least one, and not all if there are several.
    fn some(&mut self) -> Nodes {
        let all = Nodes::all(self.nodes).0;
        let drawn = self.random.u64(..) & all;
        let one = Nodes::one(self.node()).0;
        Nodes(if drawn == 0 || drawn == all {
            one
        } else {
            drawn
        })
    }

    fn cut(&mut self, nodes: Nodes, (from, to): (u64, u64)) -> Fault {
        let kind = Kind::Cut {
            nodes,
            to_store: true,
            from_store: true,
        };
        Fault::lasting(kind, from, to)
    }

    pub(crate) fn outage(&mut self) -> Fault {
        let (from, to) = self.span(7 * SECOND);
        self.cut(Nodes::all(self.nodes), (from, to.max(from + SECOND)))
    }

    pub(crate) fn partial_cut(&mut self) -> Vec<Fault> {
        let count = self.random.usize(1..=2);
        (0..count)
            .map(|_| {
                let (nodes, span) = (self.some(), self.span(7 * SECOND));
                self.cut(nodes, span)
            })
            .collect()
    }

    /// Once or twice, and now and then while messages come twice and late.
    pub(crate) fn part_lost(&mut self) -> Vec<Fault> {
        let count = self.random.usize(1..=2);
        let mut faults: Vec<Fault> = (0..count)
            .map(|_| {
                let (from, to) = self.span(7 * SECOND);
                Fault::lasting(Kind::PartLost, from, to.max(from + SECOND))
            })
            .collect();
        if self.random.u8(0..3) == 0 {
            faults.extend(self.jumbled());
        }
        faults
    }

    pub(crate) fn one_way(&mut self) -> Vec<Fault> {
        let nodes = if self.random.bool() {
            Nodes::all(self.nodes)
        } else {
            self.some()
        };
        let to_store = self.random.bool();
        let (from, to) = self.span(6 * SECOND);
        let kind = Kind::Cut {
            nodes,
            to_store,
            from_store: !to_store,
        };
        vec![Fault::lasting(kind, from, to)]
    }

    pub(crate) fn flapping(&mut self) -> Vec<Fault> {
        let nodes = if self.random.bool() {
            Nodes::all(self.nodes)
        } else {
            self.some()
        };
        let period = self.random.u64(200 * MILLI..1_500 * MILLI);
        let mut from = 3 * SECOND;
        let mut faults = Vec::new();
        while from + period < 10 * SECOND {
            let to = from + self.random.u64(period / 4..period);
            faults.push(self.cut(nodes, (from, to)));
            from += period * 2;
        }
        faults
    }

    /// Delays below half of D, so that every answer comes in time.
    pub(crate) fn jumbled(&mut self) -> Vec<Fault> {
        let most = self.random.u64(MILLI..24 * MILLI);
        let twice = self.random.u16(0..300);
        vec![
            Fault::lasting(Kind::Delay(most), 0, 10 * SECOND),
            Fault::lasting(Kind::Duplication(twice), 0, 10 * SECOND),
        ]
    }

    pub(crate) fn lossy(&mut self) -> Vec<Fault> {
        let to = 10 * SECOND;
        vec![
            Fault::lasting(Kind::Loss(self.random.u16(1..150)), 0, to),
            Fault::lasting(Kind::Duplication(self.random.u16(0..150)), 0, to),
            Fault::lasting(Kind::Delay(self.random.u64(MILLI..60 * MILLI)), 0, to),
        ]
    }

    pub(crate) fn crashes(&mut self) -> Vec<Fault> {
        let count = self.random.usize(1..=4);
        (0..count)
            .map(|_| {
                let (node, span) = (self.node(), self.span(5 * SECOND));
                match self.random.u8(0..3) {
                    0 => Fault::lasting(Kind::Away(node), span.0, span.1),
                    1 => Fault::lasting(Kind::Pause(node), span.0, span.1),
                    _ => Fault::at(Kind::Restart(node), span.0),
                }
            })
            .collect()
    }

    pub(crate) fn data_loss(&mut self) -> Vec<Fault> {
        if self.random.bool() {
            let outage = self.outage();
            return vec![outage, Fault::at(Kind::LoseData, outage.to)];
        }
        let count = self.random.usize(1..4);
        (0..count)
            .map(|_| Fault::at(Kind::LoseData, self.time()))
            .collect()
    }

    pub(crate) fn membership(&mut self) -> Vec<Fault> {
        let count = self.random.usize(1..=self.nodes);
        let mut faults = Vec::new();
        for node in 0..count.min(self.nodes - 1) {
            let at = self.time();
            let fault = if self.random.bool() {
                Fault::lasting(Kind::Away(node), 0, at)
            } else {
                Fault::lasting(Kind::Away(node), at, u64::MAX / 4)
            };
            faults.push(fault);
        }
        faults
    }

    pub(crate) fn node_clocks(&mut self) -> Vec<Fault> {
        let hour = 3_600 * 1_000 * i64::try_from(MILLI).unwrap_or(1);
        let mut faults = Vec::new();
        for node in 0..self.nodes {
            let error = self.random.i64(-hour..hour);
            // From the very beginning: the node starts with a wrong clock.
            faults.push(Fault::at(Kind::WallClock(node, error), 0));
        }
        for _ in 0..self.random.usize(0..3) {
            let (node, at) = (self.node(), self.time());
            let step = self.random.i64(-hour..hour);
            faults.push(Fault::at(Kind::WallClock(node, step), at));
            if self.random.bool() {
                faults.push(Fault::at(Kind::Restart(node), at + MILLI));
            }
        }
        faults
    }

    pub(crate) fn store_clock(&mut self) -> Vec<Fault> {
        let most = if self.random.bool() { 3_600 } else { 5 };
        let second = i64::try_from(SECOND).unwrap_or(1);
        let count = self.random.usize(1..=2);
        let steps = (0..count).map(|_| {
            let step = self.random.i64(-most * second..most * second);
            Fault::at(Kind::StoreClock(step), self.time())
        });
        let mut faults: Vec<Fault> = steps.collect();
        // In an outage nobody hears of the step before it is over.
        if self.random.u8(0..3) == 0 {
            faults.push(self.outage());
        }
        faults
    }

    pub(crate) fn corrupt(&mut self) -> Vec<Fault> {
        let what =
            [Corruption::Full, Corruption::Future, Corruption::EndOfTime][self.random.usize(0..3)];
        vec![Fault::at(Kind::Corrupt(what), self.time())]
    }

    /// Nodes forget when nothing goes wrong, and must count right when they are asked again and something does.
    pub(crate) fn idle(&mut self) -> Vec<Fault> {
        match self.random.u8(0..8) {
            0 | 1 => self.jumbled(),
            2 => self.lossy(),
            3 => self.one_way(),
            4 => vec![self.outage()],
            _ => Vec::new(),
        }
    }

    pub(crate) fn mixture(&mut self) -> Vec<Fault> {
        let count = self.random.usize(2..=4);
        let mut faults = Vec::new();
        for _ in 0..count {
            faults.extend(match self.random.u8(0..10) {
                0 => vec![self.outage()],
                1 => self.partial_cut(),
                2 => self.one_way(),
                3 => self.flapping(),
                4 => self.lossy(),
                5 => self.crashes(),
                6 => self.data_loss(),
                7 => self.store_clock(),
                8 => self.corrupt(),
                _ => self.jumbled(),
            });
        }
        faults
    }
}
