//! Assembles scripts: what happens for each rule is written out rule by rule, with the rule's number in its variables.
//!
//! A script then works on local variables instead of tables, which halves the time it takes. There are few different
//! scripts: which one a request needs depends on the kinds of its rules, not on their numbers.

const WINDOWS: &str = include_str!("windows.lua");
const BUCKET: &str = include_str!("bucket.lua");

/// A rule's kind, as far as scripts differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Windows,
    Bucket,
}

/// Writes a template out for the given rules.
///
/// A line `--@ name` becomes the part of that name for every rule. What stands between `--@ each` and `--@ end` is
/// repeated for every rule. `$` is the rule's number, `RULES` how many there are. Comments are left out.
pub(super) fn expand(template: &str, rules: &[Kind]) -> String {
    let count = rules.len().to_string();
    let mut out = String::with_capacity(template.len() * (1 + rules.len()));
    let mut lines = template.lines();
    while let Some(line) = lines.next() {
        match line.trim_start().strip_prefix("--@ ") {
            Some("each") => {
                let block: Vec<&str> = lines
                    .by_ref()
                    .take_while(|line| line.trim_start() != "--@ end")
                    .collect();
                repeat(rules, |_| block.iter().copied(), &mut out);
            }
            Some(name) => repeat(rules, |kind| part(kind, name), &mut out),
            None => push(&line.replace("RULES", &count), &mut out),
        }
    }
    out
}

/// Writes lines for each rule.
fn repeat<'a, L: Iterator<Item = &'a str>>(
    rules: &[Kind],
    lines: impl Fn(Kind) -> L,
    out: &mut String,
) {
    for (index, kind) in rules.iter().enumerate() {
        let number = (index + 1).to_string();
        for line in lines(*kind) {
            push(&line.replace('$', &number), out);
        }
    }
}

/// The part of a kind that has a name: from its heading, `--# name`, to the next one.
fn part(kind: Kind, name: &str) -> impl Iterator<Item = &'static str> {
    let parts = match kind {
        Kind::Windows => WINDOWS,
        Kind::Bucket => BUCKET,
    };
    let lines = parts.lines();
    let from = lines.skip_while(move |line| line.strip_prefix("--# ") != Some(name));
    from.skip(1).take_while(|line| !line.starts_with("--# "))
}

fn push(line: &str, out: &mut String) {
    let line = line.trim_start();
    if !line.is_empty() && !line.starts_with("--") {
        out.push_str(line);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_written_out_rule_by_rule() {
        let template = "-- about\nlocal a = RULES\n  --@ each\n  b$ = $\n  --@ end\nc()";
        assert_eq!(
            expand(template, &[Kind::Windows, Kind::Bucket]),
            "local a = 2\nb1 = 1\nb2 = 2\nc()\n"
        );
    }

    #[test]
    fn every_part_that_a_script_names_exists_for_both_kinds() {
        for script in super::super::TEMPLATES {
            let named = script
                .lines()
                .filter_map(|line| line.trim_start().strip_prefix("--@ "));
            for name in named.filter(|name| !matches!(*name, "each" | "end")) {
                for kind in [Kind::Windows, Kind::Bucket] {
                    assert!(part(kind, name).count() > 0, "{name} of {kind:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_left_to_be_replaced() {
        for script in super::super::TEMPLATES {
            let text = expand(script, &[Kind::Windows, Kind::Bucket, Kind::Windows]);
            assert!(
                !text.contains('$') && !text.contains("--") && !text.contains("RULES"),
                "{text}"
            );
        }
    }
}
