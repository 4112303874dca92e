//! Sections of a TOML file, as far as manifests and deny.toml need them read.

/// The lines of `[name]`, without the heading; nothing if there is no such section.
pub(super) fn section<'a>(toml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let heading = format!("[{name}]");
    toml.lines()
        .map(str::trim)
        .skip_while(move |line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let toml = "a = 1\n[x]\nb = 2\n[y]\nc = 3\n";
        assert_eq!(section(toml, "x").collect::<Vec<_>>(), ["b = 2"]);
        assert_eq!(section(toml, "y").collect::<Vec<_>>(), ["c = 3"]);
        assert_eq!(section(toml, "z").count(), 0);
    }
}
