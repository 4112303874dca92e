//! How many tests ran, as libtest prints it.

use anyhow::{Result, ensure};

/// What the lines `test result: ...` of an output add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
}

impl Counts {
    /// Adds up all results in the output of one or many test programs.
    pub(super) fn parse(output: &str) -> Self {
        output
            .lines()
            .filter_map(|line| line.trim().strip_prefix("test result: "))
            .map(|result| Self {
                passed: number_before(result, "passed"),
                failed: number_before(result, "failed"),
                ignored: number_before(result, "ignored"),
            })
            .fold(Self::default(), Self::plus)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            ignored: self.ignored + other.ignored,
        }
    }

    /// The note for the table, if tests ran and passed; else an error with the output.
    pub(super) fn note(self, output: &str) -> Result<String> {
        ensure!(self.failed == 0, "{output}\n{} tests failed", self.failed);
        ensure!(self.passed > 0, "{output}\nno test ran");
        let tests = if self.passed == 1 { "test" } else { "tests" };
        Ok(match self.ignored {
            0 => format!("{} {tests}", self.passed),
            ignored => format!("{} {tests}, {ignored} ignored", self.passed),
        })
    }
}

/// The number in front of a word, as in `ok. 12 passed; 0 failed; 1 ignored; ...`.
fn number_before(result: &str, word: &str) -> u64 {
    let words: Vec<_> = result.split([' ', ';']).filter(|w| !w.is_empty()).collect();
    words
        .windows(2)
        .find(|pair| pair[1] == word)
        .and_then(|pair| pair[0].parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_PROGRAMS: &str = "
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s

test result: FAILED. 12 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
";

    #[test]
    fn results_of_several_programs_are_added_up() {
        let expected = Counts {
            passed: 15,
            failed: 2,
            ignored: 1,
        };
        assert_eq!(Counts::parse(TWO_PROGRAMS), expected);
    }

    #[test]
    fn no_test_at_all_is_a_failure() {
        let filtered = "test result: ok. 0 passed; 0 failed; 4 ignored; 0 measured; 9 filtered out";
        for output in ["", filtered] {
            let error = Counts::parse(output).note(output).unwrap_err();
            assert!(error.to_string().ends_with("no test ran"));
        }
    }

    #[test]
    fn a_failed_test_is_a_failure_whatever_the_exit_code_said() {
        assert!(Counts::parse(TWO_PROGRAMS).note(TWO_PROGRAMS).is_err());
    }

    #[test]
    fn the_note_says_how_many_ran_and_how_many_did_not() {
        let counts = Counts {
            passed: 7,
            ..Counts::default()
        };
        assert_eq!(counts.note("").unwrap(), "7 tests");
        let one = Counts {
            passed: 1,
            ..counts
        };
        assert_eq!(one.note("").unwrap(), "1 test");
        let ignored = Counts {
            ignored: 2,
            ..counts
        };
        assert_eq!(ignored.note("").unwrap(), "7 tests, 2 ignored");
    }
}
