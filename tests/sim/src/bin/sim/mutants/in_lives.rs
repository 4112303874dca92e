//! Faults in what a node tells of a subject that it had forgotten.

use tidegate_sim::family::Family;

use super::{Mutant, Patch};

const FROM_ZERO: Patch = Patch {
    file: "tiered/base.rs",
    old: "        local: flowed,
        granted: flowed,",
    new: "        local: flowed / u64::MAX,
        granted: flowed / u64::MAX,",
};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "lives-begin-at-zero",
        about: "what a node tells of a bucket that it had forgotten is old news to the store",
        family: Some(Family::Idle),
        patches: &[
            FROM_ZERO,
            Patch {
                file: "tiered/bucket.rs",
                old: "self.own = as_remembered(self.own, self.known, said, most);",
                new: "let _ = as_remembered(self.own, self.known, said, most);",
            },
        ],
    },
    Mutant {
        name: "lives-are-told-apart-late",
        about: "it begins at zero, and on top of what the store remembers once that is heard",
        family: Some(Family::Idle),
        patches: &[FROM_ZERO],
    },
];
