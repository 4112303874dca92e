//! A route's pattern, segment by segment, as axum and actix-web write it.

/// What stands between the slashes of a pattern: those in a regex are none.
pub(super) fn segments(pattern: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    pattern.split(move |char| {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        char == '/' && depth == 0
    })
}

/// One segment of a pattern.
pub(super) enum Segment<'a> {
    Text(&'a str),
    One {
        before: &'a str,
        parameter: Parameter<'a>,
        after: &'a str,
    },
    /// Several parameters, between which only the router can draw the line.
    Several(Vec<Parameter<'a>>),
}

/// What stands in brackets.
pub(super) struct Parameter<'a> {
    name: &'a str,
    matches: Matches<'a>,
}

enum Matches<'a> {
    OneSegment,
    Regex(&'a str),
    AllTheRest,
}

impl<'a> Segment<'a> {
    /// Nothing if a bracket is never closed. A star after a parameter is text, but for the last segment.
    pub(super) fn parse(segment: &'a str, is_last: bool) -> Option<Self> {
        let Some((before, others)) = segment.split_once('{') else {
            return Some(Self::Text(segment));
        };
        let (inside, mut after) = bracketed(others)?;
        let mut parameter = Parameter::parse(inside);
        if let (Matches::OneSegment, "*", true) = (&parameter.matches, after, is_last) {
            (parameter.matches, after) = (Matches::AllTheRest, "");
        }
        if !after.contains('{') {
            return Some(Self::One {
                before,
                parameter,
                after,
            });
        }
        let mut all = vec![parameter];
        while let Some((_, others)) = after.split_once('{') {
            let inside;
            (inside, after) = bracketed(others)?;
            all.push(Parameter::parse(inside));
        }
        Some(Self::Several(all))
    }

    /// Whether it may be more than one segment of a path.
    pub(super) fn may_span(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::One { parameter, .. } => parameter.may_span(),
            Self::Several(all) => all.iter().any(Parameter::may_span),
        }
    }

    /// What the parameter of that name is in this part of a path, if it is here. Nothing at all if that cannot be told, or the
    /// part is none of this segment's.
    #[allow(clippy::option_option)] // nothing found here, and nothing to be found anywhere, are two answers
    pub(super) fn find<'p>(&self, part: &'p str, name: &str) -> Option<Option<&'p str>> {
        match self {
            Self::Text(text) => (*text == part).then_some(None),
            Self::One {
                before,
                parameter,
                after,
            } => {
                let value = part.strip_prefix(before)?.strip_suffix(after)?;
                Some((parameter.name == name).then_some(value))
            }
            Self::Several(all) => {
                let is_here = all.iter().any(|parameter| parameter.name == name);
                (!is_here).then_some(None)
            }
        }
    }
}

impl<'a> Parameter<'a> {
    fn parse(inside: &'a str) -> Self {
        let (name, matches) = match (inside.strip_prefix('*'), inside.split_once(':')) {
            (Some(name), _) => (name, Matches::AllTheRest),
            (None, Some((name, regex))) => (name, Matches::Regex(regex)),
            (None, None) => (inside, Matches::OneSegment),
        };
        Self { name, matches }
    }

    fn may_span(&self) -> bool {
        match self.matches {
            Matches::OneSegment => false,
            Matches::Regex(regex) => may_match_slashes(regex),
            Matches::AllTheRest => true,
        }
    }
}

/// What stands before the bracket that closes the one that was opened before this, and what comes after it.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1_usize;
    let end = text.bytes().position(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    Some((&text[..end], text.get(end + 1..)?))
}

/// Whether a regex may match a slash: what is not known not to may.
fn may_match_slashes(regex: &str) -> bool {
    let mut chars = regex.chars();
    while let Some(char) = chars.next() {
        let may = match char {
            '.' | '/' => true,
            '\\' => !chars.next().is_some_and(is_no_slash),
            '[' => may_class_match_slashes(&mut chars),
            _ => false,
        };
        if may {
            return true;
        }
    }
    false
}

/// The same of a class, from after its bracket to the one that closes it.
fn may_class_match_slashes(chars: &mut std::str::Chars<'_>) -> bool {
    let is_negated = chars.as_str().starts_with('^');
    let mut has_slash = false;
    let mut before = None;
    while let Some(char) = chars.next() {
        match char {
            ']' => return has_slash != is_negated,
            // A class in a class.
            '[' => return true,
            '/' => has_slash = true,
            '\\' if chars.next().is_some_and(is_no_slash) => {}
            '\\' => return true,
            '-' => {
                let after = chars.as_str().chars().next();
                let range = before.zip(after.filter(|char| *char != ']'));
                has_slash |= range.is_some_and(|(from, to)| from <= '/' && '/' <= to);
            }
            _ => {}
        }
        before = Some(char);
    }
    true
}

/// Whether a backslash and this match no slash.
fn is_no_slash(escaped: char) -> bool {
    matches!(escaped, 'd' | 'w' | 's' | '.' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regex_may_match_slashes_unless_it_is_known_not_to() {
        for none in [
            "",
            "\\d+",
            "[^/]+",
            "[^/.]*",
            "[A-Za-z0-9_.-]+",
            "[0-9a-fA-F-]{36}",
            "\\d{4}-\\d{2}",
            "(?i)a|b\\.c",
            "[0-z]",
            "[-a]",
            "[\\w\\-]+",
        ] {
            assert!(!may_match_slashes(none), "{none}");
        }
        for some in [
            ".*",
            "a/b",
            "[^a]+",
            "[!-0]",
            "[/]",
            "\\S+",
            "\\x2f",
            "[\\D]",
            "[[:punct:]]",
            "[a",
            "a\\",
            "\\/",
            "[^^]",
        ] {
            assert!(may_match_slashes(some), "{some}");
        }
    }

    #[test]
    fn a_slash_in_brackets_ends_no_segment() {
        let all: Vec<_> = segments("/a/{b:c/{2}d/}/e").collect();
        assert_eq!(all, ["", "a", "{b:c/{2}d/}", "e"]);
        assert!(Segment::parse("{a", true).is_none());
    }
}
