//! Faults in the counter that all share, in the algorithms, and in how a node stands with the store.

use tidegate_sim::family::Family;

use super::{Mutant, Patch};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "adds-deltas",
        about: "a report is added to what is known, not merged with it",
        family: None,
        patches: &[Patch {
            file: "shared/record.rs",
            old: "        let merged = known.merged(report.totals);
        *count",
            new: "        let merged = Totals {
            local: known.local.saturating_add(report.totals.local),
            ..known.merged(report.totals)
        };
        *count",
        }],
    },
    Mutant {
        name: "last-report-wins",
        about: "a report replaces what is known, also if it is older",
        family: None,
        patches: &[Patch {
            file: "shared/record.rs",
            old: "        let merged = known.merged(report.totals);
        *count",
            new: "        let merged = Totals { granted: known.granted, ..report.totals };
        *count",
        }],
    },
    Mutant {
        name: "any-window-counts",
        about: "a report of any window is counted in the one before",
        family: None,
        patches: &[Patch {
            file: "shared/record.rs",
            old: "            || !(is_current || report.start.plus(window) == self.usage.at)\n",
            new: "            || !(is_current || window > 0)\n",
        }],
    },
    Mutant {
        name: "grants-beyond-the-limit",
        about: "the store grants what is wanted, whether there is room or not",
        family: None,
        patches: &[Patch {
            file: "shared/record.rs",
            old: "got = got.min(rule.quota().remaining(record.usage, now));",
            new: "got = got.min(rule.quota().remaining(record.usage, now).max(1));",
        }],
    },
    Mutant {
        name: "bucket-spends-totals",
        about: "a bucket is charged with a node's total, not with what is new of it",
        family: None,
        patches: &[Patch {
            file: "shared/record.rs",
            old: "let used = (merged.local - entry.current.local)",
            new: "let used = merged.local",
        }],
    },
    Mutant {
        name: "windows-do-not-end",
        about: "a window's counts are carried into the next one",
        family: None,
        patches: &[Patch {
            file: "algorithm/aligned.rs",
            old: "Passed::One => (0, usage.current),",
            new: "Passed::One => (usage.current, usage.current),",
        }],
    },
    Mutant {
        name: "garbage-is-kept",
        about: "what a bucket cannot owe is not repaired",
        family: None,
        patches: &[Patch {
            file: "algorithm/token_bucket.rs",
            old: "Usage::bucket(usage.at.min(now.plus(most)))",
            new: "Usage::bucket(usage.at.min(now.plus(most).plus(u64::MAX)))",
        }],
    },
    Mutant {
        name: "more-remains",
        about: "a bucket says that more is left than it holds",
        family: None,
        patches: &[Patch {
            file: "algorithm/token_bucket.rs",
            old: "(burst * interval).saturating_sub(usage.at.nanos_since(now)) / interval",
            new: "(burst * interval).saturating_sub(usage.at.nanos_since(now)) / interval + 1",
        }],
    },
    Mutant {
        name: "slack-for-each",
        about: "the tolerance is not shared among the nodes: each takes all of it",
        family: None,
        patches: &[Patch {
            file: "tolerance.rs",
            old: "let slack = total / others;",
            new: "let slack = total;",
        }],
    },
    Mutant {
        name: "breaker-never-opens",
        about: "a store that does not answer is asked all the same",
        family: None,
        patches: &[Patch {
            file: "breaker/mod.rs",
            old: "        if !trips {",
            new: "        if !trips || self.attempts < u32::MAX {",
        }],
    },
    Mutant {
        name: "probes-without-a-limit",
        about: "a probe may start whenever one is wanted",
        family: None,
        patches: &[
            Patch {
                file: "breaker/mod.rs",
                old: "State::Open { since, next_probe } if now >= next_probe => since,",
                new: "State::Open { since, .. } => since,",
            },
            Patch {
                file: "breaker/mod.rs",
                old: "State::Open { next_probe, .. } => Some(next_probe),",
                new: "State::Open { since, .. } => Some(since),",
            },
        ],
    },
    Mutant {
        name: "backoff-without-a-cap",
        about: "probes can be much further apart than the cap allows",
        family: None,
        patches: &[Patch {
            file: "backoff.rs",
            old: "let most = doubled.min(cap).max(floor);",
            new: "let most = doubled.max(cap.saturating_mul(4)).max(floor);",
        }],
    },
    Mutant {
        name: "never-closes",
        about: "a probe that is answered does not bring the node back",
        family: None,
        patches: &[Patch {
            file: "breaker/mod.rs",
            old: "if outcome == Outcome::Success && now <= deadline {",
            new: "if outcome == Outcome::Success && now > deadline {",
        }],
    },
    Mutant {
        name: "takes-late-probes",
        about: "the end of a probe that was given up is taken for that of the next one",
        family: Some(Family::Mixture),
        patches: &[Patch {
            file: "breaker/mod.rs",
            old: "State::Probing { since, deadline } if probe == self.last_probe => (since, deadline),",
            new: "State::Probing { since, deadline } if probe.0 > 0 => (since, deadline),",
        }],
    },
];
