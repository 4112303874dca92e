//! The examples: they build, and the quickstarts stay short.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::row::Matrix;

const PACKAGE: &str = "tidegate-examples";
/// What a newcomer reads first, each with the number of lines that it must stay under.
const SHORT: &[(&str, usize)] = &[("quickstart_axum", 40), ("quickstart_actix", 40)];

/// The row.
pub(super) fn check(matrix: &Matrix) -> Result<String> {
    // Building the tests builds every program too.
    matrix.suite()?;
    let programs = &matrix.workspace.member(PACKAGE)?.programs;
    for (name, bound) in SHORT {
        let source = programs
            .get(*name)
            .with_context(|| format!("{PACKAGE} has no program {name}"))?;
        check_length(source, &fs::read_to_string(source)?, *bound)?;
    }
    Ok(format!("{} programs", programs.len()))
}

fn check_length(source: &Path, text: &str, bound: usize) -> Result<()> {
    let lines = text.lines().count();
    ensure!(
        lines < bound,
        "{} has {lines} lines; a quickstart must stay under {bound}",
        source.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quickstart_that_grew_is_named() {
        let source = Path::new("quickstart_axum.rs");
        assert!(check_length(source, &"\n".repeat(39), 40).is_ok());
        let error = check_length(source, &"\n".repeat(40), 40).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("quickstart_axum.rs has 40 lines")
        );
    }
}
