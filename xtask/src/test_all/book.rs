//! README and docs/ hold together: links lead somewhere, every page is in the book, all Rust code is tested.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::markdown;
use super::row::Matrix;

/// Where the pages that have Rust code are made doctests of.
const TESTED_IN: &str = "tests/src/docs.rs";

struct Page {
    path: PathBuf,
    text: String,
}

/// The row.
pub(super) fn check(matrix: &Matrix) -> Result<String> {
    let root = &matrix.workspace.root;
    let docs = markdown_files(&root.join("docs"))?;
    let mut pages = markdown_files(root)?;
    let mut wrong = missing_from_summary(&docs);
    pages.extend(docs);
    wrong.extend(pages.iter().flat_map(dead_links));

    let tests = root.join(TESTED_IN);
    let tested =
        fs::read_to_string(&tests).with_context(|| format!("cannot read {}", tests.display()))?;
    for page in &pages {
        let path = page.path.strip_prefix(root)?.display().to_string();
        if markdown::has_rust(&page.text) && !is_doctest(&path, &tested) {
            wrong.push(format!(
                "{path} has Rust code that is not tested: {TESTED_IN} must name it"
            ));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(format!("{} pages", pages.len()))
}

/// The Markdown files right in this folder, in order.
fn markdown_files(folder: &Path) -> Result<Vec<Page>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path)?;
            Ok(Page { path, text })
        })
        .collect()
}

fn missing_from_summary(docs: &[Page]) -> Vec<String> {
    let is_summary = |page: &&Page| page.path.ends_with("SUMMARY.md");
    let Some(summary) = docs.iter().find(is_summary) else {
        return vec!["docs/SUMMARY.md is missing".to_owned()];
    };
    let listed = markdown::links(&summary.text);
    docs.iter()
        .filter(|page| !is_summary(page))
        .filter(|page| !listed.iter().any(|link| page.path.ends_with(link.file)))
        .map(|page| format!("{} is not in SUMMARY.md", page.path.display()))
        .collect()
}

fn dead_links(page: &Page) -> Vec<String> {
    markdown::links(&page.text)
        .iter()
        .filter_map(|link| {
            let why = dead(page, link)?;
            Some(format!("{}:{}: {why}", page.path.display(), link.line))
        })
        .collect()
}

/// Why a link leads nowhere, if it does.
fn dead(page: &Page, link: &markdown::Link<'_>) -> Option<String> {
    let text = if link.file.is_empty() {
        page.text.clone()
    } else {
        let target = page.path.with_file_name(link.file);
        if !target.exists() {
            return Some(format!("{} does not exist", link.file));
        }
        fs::read_to_string(target).unwrap_or_default() // a folder has no headings
    };
    let anchor = link.anchor?;
    let found = markdown::anchors(&text).iter().any(|a| a == anchor);
    (!found).then(|| format!("{} has no heading #{anchor}", link.file))
}

/// Whether the source of the doctests names the page at this path.
fn is_doctest(path: &str, source: &str) -> bool {
    source.contains(&format!("\"../../{path}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str, text: &str) -> Page {
        Page {
            path: Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../docs")
                .join(name),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_dead_link_is_named_with_its_line() {
        let wrong = dead_links(&page(
            "a.md",
            "\n[x](nowhere.md)\n[y](SUMMARY.md)\n[z](#gone)",
        ));
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].ends_with("a.md:2: nowhere.md does not exist"));
        assert!(
            wrong[1].ends_with("a.md:4:  has no heading #gone"),
            "{wrong:?}"
        );
    }

    #[test]
    fn a_page_that_the_book_does_not_list_is_named() {
        let docs = [
            page("SUMMARY.md", "- [A](a.md)"),
            page("a.md", ""),
            page("b.md", ""),
        ];
        let wrong = missing_from_summary(&docs);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].contains("b.md"));
        assert_eq!(missing_from_summary(&docs[1..]).len(), 1, "no summary");
    }

    #[test]
    fn code_counts_as_tested_if_its_page_is_named() {
        let source = "readme: \"../../README.md\",";
        assert!(is_doctest("README.md", source));
        assert!(!is_doctest("docs/README.md", source));
    }
}
