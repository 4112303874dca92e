//! Faults in what a node makes of a lost part of the store.

use tidegate_sim::family::Family;

use super::{Mutant, Patch};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "parts-are-tried-all-the-time",
        about: "the store is tried again after T for each subject that is cut off",
        family: Some(Family::PartLost),
        patches: &[Patch {
            file: "tiered/group/cut_off.rs",
            old: "self.is_cut_off().then(|| since + rest.min(timing.refresh))",
            new: "self.is_cut_off().then(|| since + rest.min(timing.report))",
        }],
    },
    Mutant {
        name: "parts-are-not-tried-again",
        about: "a subject that is cut off is not told of until a request comes",
        family: Some(Family::PartLost),
        patches: &[Patch {
            file: "tiered/group/cut_off.rs",
            old: "self.is_cut_off().then(|| since + rest.min(timing.refresh))",
            new: "self.is_cut_off().then(|| since + rest * 1_000)",
        }],
    },
];
