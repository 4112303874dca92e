//! What a Markdown page holds, as far as the book's checks need it: links, headings, Rust code.

/// A link to somewhere in this repository.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link<'a> {
    pub(super) line: usize,
    /// The file, relative to the page; empty for the page itself.
    pub(super) file: &'a str,
    /// What follows `#`.
    pub(super) anchor: Option<&'a str>,
}

/// The links of a page, without those that lead out of the repository.
pub(super) fn links(page: &str) -> Vec<Link<'_>> {
    let lines = prose(page);
    lines
        .flat_map(|(line, text)| targets(text).into_iter().map(move |target| (line, target)))
        .filter(|(_, target)| !target.contains("://") && !target.starts_with("mailto:"))
        .map(|(line, target)| {
            let (file, anchor) = match target.split_once('#') {
                Some((file, anchor)) => (file, Some(anchor)),
                None => (target, None),
            };
            Link { line, file, anchor }
        })
        .collect()
}

/// The anchors of a page's headings, made as GitHub and mdBook make them.
pub(super) fn anchors(page: &str) -> Vec<String> {
    prose(page)
        .filter(|(_, text)| text.starts_with('#'))
        .map(|(_, text)| anchor(text.trim_start_matches('#').trim()))
        .collect()
}

/// Whether the page has code that rustdoc would test.
pub(super) fn has_rust(page: &str) -> bool {
    page.lines().any(|line| line.trim().starts_with("```rust"))
}

fn anchor(heading: &str) -> String {
    heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| {
            if c == ' ' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// The lines outside code blocks, numbered from 1.
fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    page.lines().zip(1..).filter_map(move |(text, line)| {
        if text.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        (!in_code).then_some((line, text))
    })
}

/// The targets of a line's links: `[text](target)`, and `[text]: target` at its beginning.
fn targets(text: &str) -> Vec<&str> {
    let inline = text
        .split('`')
        .step_by(2) // every second part is code
        .flat_map(|part| part.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let reference = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
        .map(|(_, target)| target);
    inline.chain(reference).map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(page: &str) -> Vec<&str> {
        links(page).into_iter().map(|link| link.file).collect()
    }

    #[test]
    fn links_are_found_with_their_lines_and_anchors() {
        let page = "one\n[a](docs/a.md#first), [b](#here)\n\n[c]: c.md\n";
        let expected = [
            Link {
                line: 2,
                file: "docs/a.md",
                anchor: Some("first"),
            },
            Link {
                line: 2,
                file: "",
                anchor: Some("here"),
            },
            Link {
                line: 4,
                file: "c.md",
                anchor: None,
            },
        ];
        assert_eq!(links(page), expected);
    }

    #[test]
    fn a_link_whose_text_is_code_is_a_link_and_code_is_none() {
        assert_eq!(files("[`core`](crates/core)"), ["crates/core"]);
        assert!(files("`[a](b)`").is_empty());
        assert!(files("```\n[a](b)\n```").is_empty());
    }

    #[test]
    fn links_that_lead_elsewhere_are_left_alone() {
        assert!(files("[a](https://example.org/b) [c](mailto:d@example.org)").is_empty());
    }

    #[test]
    fn anchors_are_made_as_on_github() {
        let page = "# The `core` crate\n## What, and why?\n```\n# no heading\n```\n";
        assert_eq!(anchors(page), ["the-core-crate", "what-and-why"]);
    }

    #[test]
    fn rust_code_is_seen() {
        assert!(has_rust("a\n```rust,no_run\nb\n```"));
        assert!(!has_rust("a\n```text\nb\n```"));
    }
}
