//! What the tests of both suites assert of wrong stores.

use std::fmt::Debug;

use tidegate_store::conformance::Report;

/// Fails unless the suite catches every fault, each under the guarantee and in the case that it belongs to.
pub(crate) fn assert_each_is_caught<F: Copy + Debug>(
    report: impl Fn(F) -> Report,
    faults: &[(F, &str, &str)],
) {
    for (fault, guarantee, case) in faults {
        let report = report(*fault);
        assert!(!report.passed(), "{fault:?} passed");
        let caught = report
            .broken()
            .any(|(g, c, _)| (g, c) == (*guarantee, *case));
        assert!(
            caught,
            "{fault:?} was not caught as {guarantee} in {case}:\n{report}"
        );
    }
}
