//! Scenarios that once found something wrong: each finds it again, should it come back.

use crate::family::Family;

/// A scenario, and what it found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub family: Family,
    pub seed: u64,
    pub what: &'static str,
}

const fn found(family: Family, seed: u64, what: &'static str) -> Found {
    Found { family, seed, what }
}

/// All of them.
pub const FOUND: &[Found] = &[
    found(
        Family::DataLoss,
        8,
        "G4: a node took a total for final that lacked the others' last reports",
    ),
    found(
        Family::StoreClock,
        1_446,
        "G7: a bucket denied by what it had owed before a step back",
    ),
    found(
        Family::StoreClock,
        141,
        "L4: the same, for a subject that had been idle",
    ),
    found(
        Family::StoreClock,
        236,
        "G3: what the store had been told before a step back was counted again long afterwards",
    ),
    found(
        Family::StoreClock,
        853,
        "G5: what was unsent when the clock stepped back was reported only when somebody asked",
    ),
    found(
        Family::StoreClock,
        756,
        "G8: what was admitted hid behind what the store remembered",
    ),
    found(
        Family::Jumbled,
        4_486,
        "G5: an answer came from a window that had not begun by the node's clock",
    ),
    found(
        Family::Jumbled,
        3_240,
        "G2: a bucket was given back what had long flowed in again by itself",
    ),
    found(
        Family::Lossy,
        342_096,
        "G5: a better sample set a node's clock back into the window before",
    ),
    found(
        Family::Mixture,
        44_294,
        "G5, G2: the same, for a node alone",
    ),
    found(
        Family::Mixture,
        324_884,
        "G4, G5: after a step back of which only a probe told, windows did not end and no share held",
    ),
    found(Family::Mixture, 7_789, "G5: the same"),
    found(
        Family::StoreClock,
        301_991,
        "G7: a bucket denied by what had been heard at a time to come",
    ),
    found(
        Family::StoreClock,
        90_686,
        "G7: the judge did not know that a time that comes again cannot be told from the first",
    ),
    found(
        Family::Mixture,
        57_376,
        "G5: the judge took a window for alive that its node, whose clock was a little ahead, had dropped",
    ),
    found(
        Family::Mixture,
        82_462,
        "R2: a stopped node of the simulator probed again before its last probe had ended",
    ),
    found(
        Family::Mixture,
        1_496,
        "L3: the late end of a probe that had been given up was taken for that of the next",
    ),
    found(
        Family::DataLoss,
        23_288,
        "G5: a policy that had not been asked for in this window was left out of the report after a loss",
    ),
];
