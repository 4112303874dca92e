//! Path parameters: found by the route's pattern, and decoded.

use super::pattern::{Segment, segments};

/// What stands in a path where a route's pattern has a parameter of that name, as in `/users/{id}`; as it was sent. Of two with
/// one name it is the first.
///
/// It understands `{name}` and `{name:regex}`, with or without text around it in their segment, and what is all the rest of
/// the path, `{*name}` and `{name}*`. A regex may match several segments if no other in the pattern can. What is in one segment
/// with another parameter it does not find, nor does it know brackets that are text (`{{`). It reads the pattern alone: that the
/// path matches it is for the router to say. For adapters whose frameworks do not tell their parameters.
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
    let slashes = path.bytes().filter(|byte| *byte == b'/').count();
    let more = (slashes + 1).checked_sub(segments(pattern).count())?;
    let mut found = None;
    // What was found before the one that takes the segments that are more, once it has come.
    let mut before = None;
    let mut rest = Some(path);
    let mut all = segments(pattern).peekable();
    while let Some(segment) = all.next() {
        let segment = Segment::parse(segment, all.peek().is_none())?;
        let mut length = 1;
        if more > 0 && segment.may_span() {
            // With a second one nobody knows which of them takes how many.
            if let Some(found) = before {
                return found;
            }
            before = Some(found);
            length += more;
        }
        let (this, others) = cut(rest?, length)?;
        rest = others;
        let here = segment.find(this, name)?;
        found = found.or(here);
    }
    found.filter(|_| rest.is_none())
}

/// So many segments at the beginning of a path, and what comes after them.
fn cut(path: &str, segments: usize) -> Option<(&str, Option<&str>)> {
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    match slashes.nth(segments.checked_sub(1)?) {
        Some(at) => Some((&path[..at], path.get(at + 1..))),
        None => Some((path, None)),
    }
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
            ("/f/{a}/{id:.+}/{tail:.*}", "/f/1/2/3/4", "a", Some("1")),
            ("/v{id}/{b}.json", "/v17/x.json", "id", Some("17")),
            ("/v{id}/{b}.json", "/v17/x.json", "b", Some("x")),
            ("/v{id}/{b}.json", "/w17/x.json", "id", None),
            ("/{a}-{b}/{id}", "/1-2/3", "id", Some("3")),
            ("/{a}-{b}/{tail:.*}", "/1-2/3/4", "tail", Some("3/4")),
            ("/{a}-{b:.+}/{tail:.*}", "/1-2/3/4", "tail", None),
            ("/g/{id}/{tail}*", "/g/9/x*", "id", Some("9")),
            ("/g/{id}*/x", "/g/9*/x", "id", Some("9")),
            ("/g/{id}/{tail}*", "/g/9/x/y*", "tail", Some("x/y*")),
            ("/{a}", "/", "a", Some("")),
            ("/{a}/x/{a}", "/1/x/2", "a", Some("1")),
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
