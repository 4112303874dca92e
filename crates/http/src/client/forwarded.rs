//! `X-Forwarded-For` and `Forwarded`, read from their end.

use std::net::IpAddr;

/// The addresses of one header line, from the last one on; `None` for an entry that is not one.
pub(super) fn x_forwarded_for(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    line.rsplit(|byte| *byte == b',').map(|entry| {
        let entry = entry.trim_ascii();
        node(unquoted(entry).as_deref().unwrap_or(entry))
    })
}

/// The addresses in the `for` parameters of one line, from the last element on; `None` for an element without
/// one, with two, or with one that is no address.
pub(super) fn forwarded(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    unquoted_rsplit(line, b',').map(|element| {
        let values = unquoted_rsplit(element, b';').filter_map(for_value);
        let mut values = values.fuse();
        match (values.next(), values.next()) {
            (Some(value), None) => node(unquoted(value).as_deref().unwrap_or(value)),
            _ => None,
        }
    })
}

/// What follows `for=`, if the parameter is that one.
fn for_value(parameter: &[u8]) -> Option<&[u8]> {
    let (name, value) = parameter.trim_ascii().split_at_checked(4)?;
    name.eq_ignore_ascii_case(b"for=").then_some(value)
}

/// Splits at a separator that does not stand in quotes, from the end: what trusted proxies appended is well
/// formed, so a quote that a client left open further to the left cannot swallow it.
fn unquoted_rsplit(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut in_quotes = false;
        for at in (0..text.len()).rev() {
            if text[at] == b'"' && !(in_quotes && is_escaped(&text[..at])) {
                in_quotes = !in_quotes;
            } else if text[at] == separator && !in_quotes {
                rest = Some(&text[..at]);
                return Some(&text[at + 1..]);
            }
        }
        rest = None;
        Some(text)
    })
}

/// Whether what follows is escaped: an odd number of backslashes stands before it.
fn is_escaped(before: &[u8]) -> bool {
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count() % 2 == 1
}

/// The content of a quoted string, `None` if it is none.
fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    let inner = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut content = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        content.push(*if *byte == b'\\' { bytes.next()? } else { byte });
    }
    Some(content)
}

/// The address of a node: an address, with or without brackets and port. No address: `unknown`, `_hidden`.
fn node(text: &[u8]) -> Option<IpAddr> {
    // An address with a port in brackets has at most 53 characters; longer ones are not worth parsing.
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.len() <= 64)?;
    let address = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, rest) = bracketed.split_once(']')?;
            is_port(rest).then_some(address)?
        }
        // More than one colon: IPv6 without brackets, and so without a port.
        None if text.bytes().filter(|byte| *byte == b':').count() == 1 => {
            let (address, _) = text.split_once(':')?;
            is_port(&text[address.len()..]).then_some(address)?
        }
        None => text,
    };
    let address: IpAddr = address.parse().ok()?;
    Some(address.to_canonical())
}

/// Nothing, or a colon with a port number or an obfuscated port (RFC 7239, section 6).
fn is_port(text: &str) -> bool {
    let Some(port) = text.strip_prefix(':') else {
        return text.is_empty();
    };
    let numeric = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let obfuscated = port.len() > 1
        && port.starts_with('_')
        && port
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    numeric || obfuscated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(addresses: impl Iterator<Item = Option<IpAddr>>) -> Vec<String> {
        addresses
            .map(|address| address.map_or("-".to_owned(), |address| address.to_string()))
            .collect()
    }

    fn xff(line: &str) -> Vec<String> {
        texts(x_forwarded_for(line.as_bytes()))
    }

    fn fwd(line: &str) -> Vec<String> {
        texts(forwarded(line.as_bytes()))
    }

    #[test]
    fn entries_are_read_from_the_end() {
        assert_eq!(
            xff("1.1.1.1, 2.2.2.2,3.3.3.3"),
            ["3.3.3.3", "2.2.2.2", "1.1.1.1"]
        );
        assert_eq!(
            fwd("for=1.1.1.1, For=2.2.2.2;proto=https"),
            ["2.2.2.2", "1.1.1.1"]
        );
    }

    #[test]
    fn ports_brackets_and_quotes_are_understood() {
        assert_eq!(
            xff(r#"1.1.1.1:80, [::1]:443, [::2], ::3, "[::4]:5", ::ffff:9.9.9.9"#),
            ["9.9.9.9", "::4", "::3", "::2", "::1", "1.1.1.1"]
        );
        assert_eq!(
            fwd(r#"for="[2001:db8::17]:4711";by=_x, proto=http;for="1.1.1.1:_p", for="1.1\.1.2""#),
            ["1.1.1.2", "1.1.1.1", "2001:db8::17"]
        );
    }

    #[test]
    fn what_is_no_address_is_none() {
        for wrong in [
            "",
            " ",
            "unknown",
            "_hidden",
            "1.1.1.1:",
            "1.1.1.1:x",
            "[::1",
            "::1]",
            "1.1.1",
            "[1.1.1.1]x",
        ] {
            assert_eq!(xff(wrong), ["-"], "{wrong}");
            assert_eq!(fwd(&format!("for={wrong}")), ["-"], "{wrong}");
        }
        assert_eq!(fwd("by=1.1.1.1"), ["-"]);
        assert_eq!(fwd("for=1.1.1.1;for=2.2.2.2"), ["-"], "contradictory");
    }

    #[test]
    fn an_open_quote_of_the_client_cannot_swallow_what_the_proxy_wrote() {
        assert_eq!(fwd(r#"for="evil, for=2.2.2.2"#)[0], "2.2.2.2");
        assert_eq!(
            fwd(r#"for="x\", for=2.2.2.2;host="a,b;for=3.3.3.3""#)[0],
            "2.2.2.2"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived_and_what_is_appended_comes_first(
            client in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64),
        ) {
            let line = [&client[..], b", 192.0.2.1"].concat();
            let first = x_forwarded_for(&line).next().flatten();
            proptest::prop_assert_eq!(first, Some([192, 0, 2, 1].into()));

            let line = [&client[..], br#", for="192.0.2.1:5";host="a,b\"""#].concat();
            let first = forwarded(&line).next().flatten();
            proptest::prop_assert_eq!(first, Some([192, 0, 2, 1].into()));
            let _ = (x_forwarded_for(&client).count(), forwarded(&client).count());
        }
    }
}
