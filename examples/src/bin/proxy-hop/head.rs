//! A request's head, as a proxy passes it on.

use std::net::IpAddr;

/// The same head with `peer` at the end of its `X-Forwarded-For`, for a connection that serves this request alone.
///
/// Everything else stays as it is, byte by byte: what is odd is for the server to judge.
pub(crate) fn with_peer(head: &[u8], peer: IpAddr) -> Vec<u8> {
    let (mut passed, mut forwarded) = (Vec::new(), Vec::new());
    for line in head.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        if let Some(said) = value(line, "x-forwarded-for") {
            forwarded.extend([said, b", "].concat());
        } else if value(line, "connection").is_none() {
            passed.extend([line, b"\r\n"].concat());
        }
    }
    let peer = peer.to_string();
    [
        &passed[..],
        b"x-forwarded-for: ",
        &forwarded,
        peer.as_bytes(),
        b"\r\nconnection: close\r\n\r\n",
    ]
    .concat()
}

/// The header's value, if the line is one of that name.
fn value<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?;
    start
        .eq_ignore_ascii_case(name.as_bytes())
        .then_some(value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(head: &[u8]) -> String {
        String::from_utf8_lossy(&with_peer(head, [127, 0, 0, 9].into())).into_owned()
    }

    #[test]
    fn what_was_said_is_kept_and_the_peer_comes_last() {
        let head = b"GET / HTTP/1.1\r\nhost: test\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 7.7.7.7\r\n\r\n";
        assert_eq!(
            passed(head),
            "GET / HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 6.6.6.6, 7.7.7.7, 127.0.0.9\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn lines_may_end_without_a_carriage_return() {
        let head = b"GET / HTTP/1.1\nhost: test\nX-Forwarded-For: 6.6.6.6\n\n";
        assert_eq!(
            passed(head),
            "GET / HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 6.6.6.6, 127.0.0.9\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn where_nothing_was_said_the_peer_is_alone_and_the_connection_ends() {
        let head = b"POST / HTTP/1.1\r\nConnection: keep-alive\r\ncontent-length: 2\r\n\r\n";
        assert_eq!(
            passed(head),
            "POST / HTTP/1.1\r\ncontent-length: 2\r\nx-forwarded-for: 127.0.0.9\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn what_is_no_text_and_what_only_begins_so_is_passed_on() {
        let head =
            b"GET / HTTP/1.1\r\nx: \xff\r\nx-forwarded-for-real: a\r\nconnection-id: b\r\n\r\n";
        let passed = with_peer(head, [127, 0, 0, 9].into());
        assert!(passed.starts_with(&head[..head.len() - 2]));
    }
}
