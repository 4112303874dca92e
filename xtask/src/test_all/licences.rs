//! Every dependency's licence is one that we accept. The list is deny.toml's, so that there is only one.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail, ensure};

use super::row::Matrix;
use super::section::section;
use crate::workspace::Workspace;

/// The row: every package that is not ours, on any platform and with any feature, the benchmarks' peers included.
pub(super) fn check(matrix: &Matrix) -> Result<String> {
    let benchmarks = Workspace::of(&matrix.workspace.benchmarks())?;
    let path = matrix.workspace.root.join("deny.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let allowed = allow_list(&text)?;
    let mut checked = BTreeSet::new();
    let mut wrong = BTreeSet::new();
    for package in matrix.workspace.foreign().chain(benchmarks.foreign()) {
        let name = format!("{} {}", package.name, package.version);
        if let Err(why) = accept(package.licence.as_deref(), &allowed) {
            wrong.insert(format!("{name}: {why:#}"));
        }
        checked.insert(name);
    }
    ensure!(
        wrong.is_empty(),
        "{}\n\ndeny.toml allows {}",
        Vec::from_iter(wrong).join("\n"),
        allowed.join(", ")
    );
    Ok(format!("{} packages", checked.len()))
}

/// The strings of `allow = [...]` under `[licenses]`.
fn allow_list(deny_toml: &str) -> Result<Vec<String>> {
    let licenses: String = section(deny_toml, "licenses").collect();
    let list = licenses
        .split_once("allow = [")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| list)
        .context("deny.toml has no `allow = [...]` under [licenses]")?;
    let names: Vec<_> = list
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    ensure!(!names.is_empty(), "deny.toml allows no licence at all");
    Ok(names)
}

fn accept(expression: Option<&str>, allowed: &[String]) -> Result<()> {
    let expression = expression.context("its manifest names no licence")?;
    if satisfied(expression, allowed)? {
        return Ok(());
    }
    bail!("its licence is {expression}")
}

/// Whether an SPDX expression can be satisfied with these licences alone.
///
/// `A/B`, the old spelling of `A OR B`, is understood. A licence `WITH` an exception is as good as without: an
/// exception only permits more.
fn satisfied(expression: &str, allowed: &[String]) -> Result<bool> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut parser = Expression {
        words: spaced.split_whitespace().collect(),
        at: 0,
        allowed,
    };
    let answer = parser
        .any()
        .with_context(|| format!("its licence {expression:?} is not an SPDX expression"))?;
    match parser.next() {
        None => Ok(answer),
        Some(word) => bail!("its licence {expression:?} has a misplaced {word:?}"),
    }
}

/// A parser that evaluates as it goes: `OR` binds weakest, then `AND`, then `WITH`.
struct Expression<'a> {
    words: Vec<&'a str>,
    at: usize,
    allowed: &'a [String],
}

impl<'a> Expression<'a> {
    fn any(&mut self) -> Result<bool> {
        let mut answer = self.all()?;
        while self.skip("OR") {
            answer |= self.all()?;
        }
        Ok(answer)
    }

    fn all(&mut self) -> Result<bool> {
        let mut answer = self.one()?;
        while self.skip("AND") {
            answer &= self.one()?;
        }
        Ok(answer)
    }

    fn one(&mut self) -> Result<bool> {
        match self.next().context("it ends too early")? {
            "(" => {
                let answer = self.any()?;
                ensure!(self.skip(")"), "a parenthesis is not closed");
                Ok(answer)
            }
            word @ (")" | "AND" | "OR" | "WITH") => bail!("{word:?} stands in a licence's place"),
            licence => {
                if self.skip("WITH") {
                    self.next().context("an exception is missing after WITH")?;
                }
                Ok(self.allowed.iter().any(|allowed| allowed == licence))
            }
        }
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at).copied();
        self.at += 1;
        word
    }

    fn skip(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Vec<String> {
        ["MIT", "Apache-2.0", "Unicode-3.0"]
            .map(str::to_owned)
            .into()
    }

    fn is_satisfied(expression: &str) -> bool {
        satisfied(expression, &allowed()).unwrap()
    }

    #[test]
    fn one_side_of_or_is_enough_and_both_of_and_are_needed() {
        assert!(is_satisfied("MIT"));
        assert!(is_satisfied("GPL-3.0-only OR MIT"));
        assert!(is_satisfied("Unlicense/MIT"));
        assert!(!is_satisfied("MIT AND GPL-3.0-only"));
        assert!(!is_satisfied("LGPL-2.1-or-later"));
    }

    #[test]
    fn and_binds_stronger_than_or_and_parentheses_strongest() {
        assert!(is_satisfied("MIT OR Apache-2.0 AND GPL-2.0-only"));
        assert!(!is_satisfied("(MIT OR Apache-2.0) AND GPL-2.0-only"));
        assert!(is_satisfied("(MIT OR Apache-2.0) AND Unicode-3.0"));
    }

    #[test]
    fn an_exception_permits_more() {
        assert!(is_satisfied(
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only"
        ));
    }

    #[test]
    fn what_is_not_an_expression_is_refused() {
        for broken in [
            "",
            "MIT OR",
            "(MIT",
            "MIT)",
            "MIT Apache-2.0",
            "AND MIT",
            "MIT WITH",
        ] {
            assert!(satisfied(broken, &allowed()).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn no_licence_is_not_a_licence() {
        assert!(
            accept(None, &allowed())
                .unwrap_err()
                .to_string()
                .contains("no licence")
        );
        assert!(
            accept(Some("GPL-3.0"), &allowed())
                .unwrap_err()
                .to_string()
                .contains("GPL-3.0")
        );
    }

    #[test]
    fn deny_toml_is_the_list_and_holds_no_copyleft_that_reaches_users() {
        let allowed = allow_list(include_str!("../../../deny.toml")).unwrap();
        assert_eq!(allowed[..2], ["MIT", "Apache-2.0"]);
        assert!(
            !allowed.iter().any(|name| name.contains("GPL")),
            "{allowed:?}"
        );
    }

    #[test]
    fn a_list_that_is_not_there_is_an_error_and_not_an_empty_one() {
        assert!(allow_list("[bans]\n").is_err());
        assert!(allow_list("[licenses]\nversion = 2\n").is_err());
        assert!(allow_list("[licenses]\nallow = []\n").is_err());
        assert!(allow_list("[licenses]\n[bans]\nallow = [\"MIT\"]\n").is_err());
    }
}
