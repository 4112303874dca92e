//! Path parameters: found by the route's pattern, and decoded.

/// What stands in a path where a route's pattern has a parameter of that name, as in `/users/{id}`; as it was sent.
///
/// It understands parameters that are whole segments, `{name}` and `{name:regex}`, and those that are all the rest of the
/// path, `{*name}` and `{name:.*}`. For adapters whose frameworks do not tell their parameters.
///
/// ```
/// use tidegate_http::key::of_route;
///
/// assert_eq!(of_route("/users/{id}/files/{*path}", "/users/42/files/a/b", "id"), Some("42"));
/// assert_eq!(of_route("/users/{id}/files/{*path}", "/users/42/files/a/b", "path"), Some("a/b"));
/// assert_eq!(of_route("/users/{id}", "/groups/42", "id"), None);
/// ```
pub fn of_route<'p>(pattern: &str, path: &'p str, name: &str) -> Option<&'p str> {
    let mut rest = Some(path);
    let mut found = None;
    for segment in pattern.split('/') {
        let left = rest?;
        let parameter = segment
            .strip_prefix('{')
            .and_then(|segment| segment.strip_suffix('}'));
        if let Some(tail) = parameter.and_then(tail) {
            return if tail == name { Some(left) } else { found };
        }
        let (this, others) = match left.split_once('/') {
            Some((this, others)) => (this, Some(others)),
            None => (left, None),
        };
        match parameter {
            Some(parameter) if parameter.split(':').next() == Some(name) => found = Some(this),
            None if segment != this => return None,
            _ => {}
        }
        rest = others;
    }
    found.filter(|_| rest.is_none())
}

/// The name of a parameter that is all the rest of the path.
fn tail(parameter: &str) -> Option<&str> {
    parameter
        .strip_prefix('*')
        .or_else(|| parameter.strip_suffix(":.*"))
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
