//! Faults in what a node does: the replica, the group, the share, the link.

use tidegate_sim::family::Family;

use super::{Mutant, Patch};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "forgets-others",
        about: "what others used is not taken from a reply",
        family: None,
        patches: &[Patch {
            file: "tiered/tally.rs",
            old: "self.heard = total;",
            new: "self.heard = total.min(mine.net());",
        }],
    },
    Mutant {
        name: "counts-itself-twice",
        about: "what the store knows of this node is added to what it heard",
        family: None,
        patches: &[Patch {
            file: "tiered/tally.rs",
            old: "        self.heard
            .saturating_add(self.own.net())
            .saturating_add(self.pending)
            .saturating_sub(self.known.net())",
            new: "        self.heard
            .saturating_add(self.own.net())
            .saturating_add(self.pending)",
        }],
    },
    Mutant {
        name: "zero-before-acknowledged",
        about: "a report that was not answered counts as told",
        family: None,
        patches: &[Patch {
            file: "tiered/group/call.rs",
            old: "                member.replica.doubt(member.rule.quota(), until);
            }
        }",
            new: "                member.replica.doubt(member.rule.quota(), until);
            }
        }
        for member in self.members.iter_mut() {
            member.replica.forget(member.rule.quota(), now);
        }",
        }],
    },
    Mutant {
        name: "told-when-sent",
        about: "what is on its way no longer counts as unsent",
        family: None,
        patches: &[
            Patch {
                file: "tiered/group/mod.rs",
                old: "!self.is_asking() && enforcing(rules).all(fits)",
                new: "enforcing(rules).all(|rule| self.call != Call::None || fits(rule))",
            },
            Patch {
                file: "tiered/group/usual.rs",
                old: "nodes: view.slack_nodes(),",
                new: "nodes: if self.call == Call::None { view.slack_nodes() } else { 1 },",
            },
        ],
    },
    Mutant {
        name: "wrong-window",
        about: "what was used before a window's end is reported into the next one",
        family: None,
        patches: &[Patch {
            file: "tiered/window.rs",
            old: "        if self.start.plus(window) == start {
            self.previous = core::mem::take(&mut self.current);",
            new: "        if self.start.plus(window) == start {
            self.previous = Tally::default();",
        }],
    },
    Mutant {
        name: "drops-the-last-window",
        about: "only the current window is reported",
        family: None,
        patches: &[Patch {
            file: "tiered/window.rs",
            old: "                totals: self.previous.own,",
            new: "                totals: crate::shared::Totals {
                    local: 0,
                    granted: 0,
                    returned: 0,
                },",
        }],
    },
    Mutant {
        name: "lost-grant-twice",
        about: "a grant whose answer was lost does not cover what was decided without it",
        family: None,
        patches: &[Patch {
            file: "tiered/tally.rs",
            old: "local: own.local.saturating_add(self.pending - covered),",
            new: "local: own.local.saturating_add(self.pending),",
        }],
    },
    Mutant {
        name: "keeps-unused-grants",
        about: "what was granted and not used is not given back",
        family: None,
        patches: &[Patch {
            file: "tiered/tally.rs",
            old: "returned: own.returned.saturating_add(unused),",
            new: "returned: own.returned.saturating_add(unused / u64::MAX),",
        }],
    },
    Mutant {
        name: "takes-late-answers",
        about: "the answer to a call that was given up is taken for that to the present one",
        family: None,
        patches: &[Patch {
            file: "tiered/group/call.rs",
            old: "let current = self.call != Call::None && call == CallId(self.next_call);",
            new: "let current = self.call != Call::None || call == CallId(self.next_call);",
        }],
    },
    Mutant {
        name: "no-slack-limit",
        about: "a node admits all that it believes to be left before it speaks to the store",
        family: None,
        patches: &[
            Patch {
                file: "tiered/group/mod.rs",
                old: "unsent(rule).saturating_add(cost) <= slack(rule, view)",
                new: "unsent(rule).saturating_add(cost) <= slack(rule, view).max(rule.quota().limit())",
            },
            Patch {
                file: "tiered/group/usual.rs",
                old: "if unsent > slack || !replica.admit",
                new: "if unsent > slack.max(quota.limit()) || !replica.admit",
            },
        ],
    },
    Mutant {
        name: "alone-at-once",
        about: "a node takes itself for the only one until it has heard of others",
        family: None,
        patches: &[Patch {
            file: "tiered/view.rs",
            old: "if self.nodes > 1 || self.alone {",
            new: "if self.nodes > 0 {",
        }],
    },
    Mutant {
        name: "charges-one-policy",
        about: "a request under two policies is charged to the first alone",
        family: None,
        patches: &[Patch {
            file: "tiered/group/mod.rs",
            old: "for (rule, status) in rules.iter().zip(statuses) {
            if status.counts_admitted()",
            new: "for (rule, status) in rules.iter().zip(statuses).take(1) {
            if status.counts_admitted()",
        }],
    },
    Mutant {
        name: "whole-share",
        about: "everybody's share is the whole limit",
        family: None,
        patches: &[Patch {
            file: "tiered/share.rs",
            old: "        Self::from_billionths(followed + even)",
            new: "        Self::from_billionths((followed + even).max(WHOLE))",
        }],
    },
    Mutant {
        name: "share-by-isolation",
        about: "a window that was spent without the store feeds the share",
        family: None,
        patches: &[Patch {
            file: "tiered/window.rs",
            old: "if !self.previous.isolated && finished.total > 0 {",
            new: "if finished.total > 0 {",
        }],
    },
    Mutant {
        name: "final-too-soon",
        about: "a window's counts are final before the others have reported",
        family: None,
        patches: &[Patch {
            file: "tiered/window.rs",
            old: "let settled = reply.now >= self.start.plus(settling);",
            new: "let settled = reply.now >= self.start.plus(settling / u64::MAX);",
        }],
    },
    Mutant {
        name: "owes-what-it-owed",
        about: "after a step back of the store's clock a bucket owes what it owed before",
        family: Some(Family::StoreClock),
        patches: &[Patch {
            file: "tiered/group/mod.rs",
            old: "            member.replica.step_back(member.rule.quota(), now);\n",
            new: "            let _ = member;\n",
        }],
    },
    Mutant {
        name: "retells-after-a-step",
        about: "after a step back of the store's clock old counts are told once more",
        family: Some(Family::StoreClock),
        patches: &[
            Patch {
                file: "tiered/window.rs",
                old: "self.current.absorb(&current.untold());",
                new: "self.current.absorb(&current);",
            },
            Patch {
                file: "tiered/window.rs",
                old: "self.current.absorb(&previous.untold());",
                new: "self.current.absorb(&previous);",
            },
        ],
    },
    Mutant {
        name: "waits-for-the-old-time",
        about: "what is untold when the store's clock steps back is not due before that has caught up",
        family: Some(Family::StoreClock),
        patches: &[Patch {
            file: "tiered/group/visit.rs",
            old: "        self.planned.remove(urgency);\n        self.keep_time(now);",
            new: "        self.planned.remove(urgency);\n        let _ = now;",
        }],
    },
    Mutant {
        name: "hides-behind-the-store",
        about: "what is admitted hides behind what the store remembers of the time before a step back",
        family: Some(Family::StoreClock),
        patches: &[
            Patch {
                file: "tiered/tally.rs",
                old: "self.own = as_remembered(self.own, self.known, (mine, got), u64::MAX);",
                new: "let _ = as_remembered(self.own, self.known, (mine, got), u64::MAX);",
            },
            Patch {
                file: "tiered/tally.rs",
                old: "let own = self.own.merged(mine);",
                new: "let own = Totals {
            granted: self.own.granted.max(mine.granted),
            ..self.own
        };",
            },
        ],
    },
    Mutant {
        name: "windows-wait-for-the-store",
        about: "after a step back of the store's clock a window does not end until the store is heard",
        family: Some(Family::Mixture),
        patches: &[Patch {
            file: "tiered/window.rs",
            old: "if self.start.nanos_since(now) > OVERTAKEN.min(window / 2) {",
            new: "if false {",
        }],
    },
    Mutant {
        name: "denies-by-times-to-come",
        about: "what was heard at a time to come, before a step back, is a reason to deny",
        family: Some(Family::StoreClock),
        patches: &[Patch {
            file: "tiered/group/mod.rs",
            old: "if refused && !self.is_outdated(rules) {",
            new: "if refused {",
        }],
    },
    Mutant {
        name: "own-clock",
        about: "a node goes by its own clock, whatever the store's shows",
        family: None,
        patches: &[Patch {
            file: "tiered/store_clock.rs",
            old: "let Some(best) = self.best else { return local };",
            new: "let Some(best) = self.best.filter(|best| best.error == u64::MAX) else { return local };",
        }],
    },
    Mutant {
        name: "steps-are-not-believed",
        about: "a reply that contradicts the believed offset is taken for a bad one",
        family: None,
        patches: &[Patch {
            file: "tiered/store_clock.rs",
            old: "Some(best) if !best.is_contradicted_by(&sample) => {",
            new: "Some(best) if best.is_contradicted_by(&sample) => {}
            Some(best) => {",
        }],
    },
    Mutant {
        name: "clock-goes-back",
        about: "a better sample sets a node's clock back, into the window before",
        family: Some(Family::Jumbled),
        patches: &[Patch {
            file: "tiered/store_clock.rs",
            old: "shown.max(self.not_before)",
            new: "shown",
        }],
    },
    Mutant {
        name: "generation-is-ignored",
        about: "a node does not care of which generation the store's data is",
        family: Some(Family::DataLoss),
        patches: &[Patch {
            file: "tiered/link.rs",
            old: "self.generation.replace(generation) != Some(generation)",
            new: "self.generation.replace(generation).is_none()",
        }],
    },
];
