//! What is answered where nothing was counted, and what the options change.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

mod asked;
mod changed;
mod told;

use tidegate_core::{Decision, PolicyName, Provenance, Quota, Rule, Timestamp, Usage, decide};
use tidegate_http::{Answer, Options, PolicyField, Verdict, key};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_040);

fn options() -> Options<()> {
    Options::new(key::client_ip())
}

fn field() -> PolicyField {
    PolicyField::new([("per-client", &Quota::per_minute(2).unwrap())])
}

fn decided(limit: u64, cost: u64) -> Decision {
    let name = PolicyName::new("per-client").unwrap();
    let rule = Rule::new(name, Quota::per_minute(limit).unwrap());
    decide(&[rule], &mut [Usage::default()], cost, NOW)
}

fn uncounted(allowed: bool, provenance: Provenance) -> Decision {
    Decision::uncounted(allowed, 1, NOW, provenance)
}

fn refused(options: &Options<()>, decision: &Decision) -> Answer {
    match options.verdict(decision, &field()) {
        Verdict::Refuse(answer) => answer,
        Verdict::Proceed(_) => panic!("let through"),
    }
}
