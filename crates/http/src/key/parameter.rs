//! Path parameters: found by the route's pattern, and decoded.

/// What stands in a path where a route's pattern has a parameter of that name, as in `/users/{id}`; as it was sent.
///
/// It understands one parameter in each segment, `{name}` and `{name:regex}`, with or without text around it, and those that
/// are all the rest of the path, `{*name}`. A regex may match several segments if no other in the pattern can. Of other
/// patterns, and of paths that the pattern cannot have matched, it knows nothing. For adapters whose frameworks do not tell
/// their parameters.
///
/// ```
/// use tidegate_http::key::of_route;
///
/// assert_eq!(of_route("/users/{id}/files/{*path}", "/users/42/files/a/b", "id"), Some("42"));
/// assert_eq!(of_route("/users/{id}/files/{*path}", "/users/42/files/a/b", "path"), Some("a/b"));
/// assert_eq!(of_route("/v{version}/{id:[^/]+}", "/v2/42", "version"), Some("2"));
/// assert_eq!(of_route("/users/{id}", "/groups/42", "id"), None);
/// ```
pub fn of_route<'p>(pattern: &str, path: &'p str, name: &str) -> Option<&'p str> {
    let more = path
        .split('/')
        .count()
        .checked_sub(segments(pattern).count())?;
    let mut spans = 0;
    let mut found = None;
    let mut rest = Some(path);
    for segment in segments(pattern) {
        let segment = Segment::parse(segment)?;
        let mut length = 1;
        if segment.may_span() {
            spans += 1;
            length += more;
        }
        let (this, others) = cut(rest?, length)?;
        rest = others;
        let value = segment.value(this)?;
        if segment.name() == Some(name) {
            found = Some(value);
        }
    }
    // With several that may have taken what is more, nobody knows which did.
    let is_clear = rest.is_none() && (more == 0 || spans == 1);
    found.filter(|_| is_clear)
}

/// What stands between the slashes of a pattern: those in a regex are none.
fn segments(pattern: &str) -> impl Iterator<Item = &str> {
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

/// So many segments at the beginning of a path, and what comes after them.
fn cut(path: &str, segments: usize) -> Option<(&str, Option<&str>)> {
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    match slashes.nth(segments.checked_sub(1)?) {
        Some(at) => Some((&path[..at], path.get(at + 1..))),
        None => Some((path, None)),
    }
}

/// One segment of a pattern.
struct Segment<'a> {
    before: &'a str,
    parameter: Option<&'a str>,
    after: &'a str,
}

impl<'a> Segment<'a> {
    /// Nothing if it has several parameters, between which only a regex can draw the line.
    fn parse(segment: &'a str) -> Option<Self> {
        let Some((before, others)) = segment.split_once('{') else {
            return Some(Self {
                before: segment,
                parameter: None,
                after: "",
            });
        };
        let (parameter, after) = others.split_at(closing(others)?);
        let after = &after[1..];
        (!after.contains('{')).then_some(Self {
            before,
            parameter: Some(parameter),
            after,
        })
    }

    /// What the parameter is here; all of it where there is none.
    fn value<'p>(&self, segment: &'p str) -> Option<&'p str> {
        let value = segment
            .strip_prefix(self.before)?
            .strip_suffix(self.after)?;
        (self.parameter.is_some() || value.is_empty()).then_some(value)
    }

    fn name(&self) -> Option<&'a str> {
        let parameter = self.parameter?;
        let name = parameter.strip_prefix('*').unwrap_or(parameter);
        name.split(':').next()
    }

    /// Whether it may be more than one segment of a path.
    fn may_span(&self) -> bool {
        let parameter = self.parameter.unwrap_or_default();
        let regex = parameter.split_once(':').map(|(_, regex)| regex);
        parameter.starts_with('*') || regex.is_some_and(may_match_slashes)
    }
}

/// Where the bracket is closed that was opened before this.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1_usize;
    text.bytes().position(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

/// Whether a regex may match a slash: it may, unless there is nothing in it but what is known not to.
fn may_match_slashes(regex: &str) -> bool {
    const KNOWN: [&str; 9] = [
        "[^/]", "\\d", "\\w", "\\-", "-]", "0-9", "a-z", "A-Z", "a-f",
    ];
    let rest = KNOWN
        .iter()
        .fold(regex.to_owned(), |rest, known| rest.replace(known, ""));
    !rest
        .chars()
        .all(|char| char.is_ascii_alphanumeric() || "_[]()|?+*{},".contains(char))
}

/// A value with its percent-encoding undone, if that is text. The mark that frameworks put in the place of what is not
/// (U+FFFD) is none: whoever shares it shares nothing else.
pub(super) fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, others @ ..] = rest {
        let escaped = (*first == b'%')
            .then(|| others.split_at_checked(2))
            .flatten();
        let byte = escaped.and_then(|(digits, _)| hex(digits));
        bytes.push(byte.unwrap_or(*first));
        rest = match (byte, escaped) {
            (Some(_), Some((_, after))) => after,
            _ => others,
        };
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains(char::REPLACEMENT_CHARACTER)).then_some(text)
}

fn hex(digits: &[u8]) -> Option<u8> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_whole_segments_of_a_path_that_matches() {
        for (pattern, path, name, expected) in [
            ("/{a}/{b}", "/1/2", "a", Some("1")),
            ("/{a}/{b}", "/1/2", "b", Some("2")),
            ("/{a}/{b}", "/1/2", "c", None),
            ("/{a}/{b}", "/1/2/3", "a", None),
            ("/{a}/{b}", "/1", "a", None),
            ("/x/{a}", "/y/1", "a", None),
            ("/x/{id:\\d+}", "/x/17", "id", Some("17")),
            ("/x/{tail:.*}", "/x/1/2", "tail", Some("1/2")),
            ("/x/{*tail}", "/x/", "tail", Some("")),
            ("/{a}/{*tail}", "/1/2/3", "a", Some("1")),
            ("/{a}-{b}", "/1-2", "a", None),
            ("/x/{id:[^/]+}", "/x/17", "id", Some("17")),
            ("/x/{id:[^/]+}/{tail:.*}", "/x/1/2/3", "id", Some("1")),
            (
                "/x/{id:[0-9a-f-]{36}}/{tail:.*}",
                "/x/1/2/3",
                "tail",
                Some("2/3"),
            ),
            ("/f/{id:.*}/meta", "/f/1/meta", "id", Some("1")),
            ("/f/{id:.*}/meta", "/f/1/2/meta", "id", Some("1/2")),
            ("/f/{id:.*}/meta", "/f/1/2/data", "id", None),
            ("/f/{id:a/b}/meta", "/f/a/b/meta", "id", Some("a/b")),
            ("/f/{id:.+}/{tail:.*}", "/f/1/2", "tail", Some("2")),
            ("/f/{id:.+}/{tail:.*}", "/f/1/2/3", "tail", None),
            ("/v{id}/{b}.json", "/v17/x.json", "id", Some("17")),
            ("/v{id}/{b}.json", "/v17/x.json", "b", Some("x")),
            ("/v{id}/{b}.json", "/w17/x.json", "id", None),
            ("/{a}", "/", "a", Some("")),
            ("", "", "a", None),
        ] {
            assert_eq!(
                of_route(pattern, path, name),
                expected,
                "{pattern} {path} {name}"
            );
        }
    }

    #[test]
    fn two_spellings_of_a_value_are_one() {
        for (value, expected) in [
            ("alice", Some("alice")),
            ("%61lice", Some("alice")),
            ("a%2Fb", Some("a/b")),
            ("a%2fb", Some("a/b")),
            ("%C3%BC", Some("\u{fc}")),
            ("%252F", Some("%2F")),
            ("100%", Some("100%")),
            ("%zz%+1%6", Some("%zz%+1%6")),
            ("%ff", None),
            ("a%FEb", None),
            ("\u{fffd}", None),
        ] {
            assert_eq!(decoded(value).as_deref(), expected, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn g8_nothing_panics(pattern in "(/|\\{|\\}|\\*|:|a|.){0,12}", path in "(/|%|a|[0-9a-f]|.){0,12}") {
            let _ = of_route(&pattern, &path, "a");
            let _ = decoded(&path);
        }
    }
}
