//! Faults in what decides nearly every request on a node: the front of a group, while the rest is not looked at.

use super::{Mutant, Patch};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "fronts-do-not-tell",
        about: "what was admitted by a front is not told the store",
        family: None,
        patches: &[Patch {
            file: "tiered/group/rest.rs",
            old: "let used = self.given - front.left;",
            new: "let used = 0;",
        }],
    },
    Mutant {
        name: "fronts-begin-anew",
        about: "each time that a group is taken apart its front may admit the whole slack",
        family: None,
        patches: &[Patch {
            file: "tiered/group/rest.rs",
            old: "let left = most.saturating_sub(self.unsent());",
            new: "let left = most;",
        }],
    },
    Mutant {
        name: "fronts-do-not-end",
        about: "a front goes on when its window is over",
        family: None,
        patches: &[Patch {
            file: "tiered/group/front.rs",
            old: "if !Words::is_at(usage, quota, now) {",
            new: "if false {",
        }],
    },
];
