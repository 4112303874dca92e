//! Which of a scenario's faults it takes for a guarantee not to hold.

use crate::fault::Fault;
use crate::scenario::Scenario;

/// The faults that are left when all are taken away without which the same guarantee still does not hold; `None` if all
/// guarantees hold.
pub fn needed(scenario: &Scenario) -> Option<Vec<Fault>> {
    let broken = |scenario: &Scenario| scenario.run(false).1.err().map(|wrong| wrong.invariant);
    let invariant = broken(scenario)?;
    let mut least = scenario.clone();
    for place in (0..scenario.faults.len()).rev() {
        let mut less = least.clone();
        less.faults.remove(place);
        if broken(&less) == Some(invariant) {
            least = less;
        }
    }
    Some(least.faults)
}
