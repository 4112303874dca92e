//! Which proxies are believed, and whom they speak for.

use std::net::IpAddr;
use std::num::NonZeroU8;

use super::{Cidrs, forwarded};
use crate::RequestView;

/// The header in which proxies say for whom they speak. One of them is chosen, because a proxy that writes one
/// lets the other through as the client sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForwardedField {
    /// `X-Forwarded-For: 192.0.2.1, 10.0.0.3`
    XForwardedFor,
    /// `Forwarded: for=192.0.2.1;proto=https, for=10.0.0.3` (RFC 7239)
    Forwarded,
}

/// The proxies in front of the server, and where they write the client's address.
///
/// Every proxy appends the address that it sees to the end, so the header is read from its end, and only as far
/// as the proxies are trusted; what stands before that was written by the client, and is never looked at. If
/// what must be looked at is missing, hidden (`unknown`) or malformed, the client is the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxies {
    field: ForwardedField,
    trust: Trust,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Trust {
    Ranges(Cidrs),
    Hops(NonZeroU8),
}

impl Proxies {
    /// Proxies with addresses in these ranges. The client is the last address that is not in them. The header
    /// of a peer outside them is not looked at.
    ///
    /// ```
    /// use tidegate_http::{ForwardedField, Proxies};
    ///
    /// let proxies = Proxies::trusted(ForwardedField::Forwarded, "10.0.0.2,fd00::2".parse()?);
    /// # Ok::<(), tidegate_http::CidrError>(())
    /// ```
    pub const fn trusted(field: ForwardedField, ranges: Cidrs) -> Self {
        Self {
            field,
            trust: Trust::Ranges(ranges),
        }
    }

    /// Always this many proxies, whatever their addresses: the peer is the last of them, and the client is what
    /// the first of them appended. Only right if the server cannot be reached past the proxies.
    ///
    /// ```
    /// use tidegate_http::{ForwardedField, Proxies};
    ///
    /// let behind_one = Proxies::hops(ForwardedField::XForwardedFor, 1)?;
    /// # Ok::<(), tidegate_http::ZeroHops>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there are none.
    pub fn hops(field: ForwardedField, hops: u8) -> Result<Self, ZeroHops> {
        let hops = NonZeroU8::new(hops).ok_or(ZeroHops)?;
        Ok(Self {
            field,
            trust: Trust::Hops(hops),
        })
    }

    /// For whom the proxies speak; `None` if the peer is not one of them or they do not tell.
    pub(super) fn client(&self, peer: Option<IpAddr>, request: &dyn RequestView) -> Option<IpAddr> {
        match &self.trust {
            Trust::Hops(hops) => self.addresses(request).nth(usize::from(hops.get()) - 1)?,
            Trust::Ranges(ranges) if !peer.is_some_and(|peer| ranges.contains(peer)) => None,
            Trust::Ranges(ranges) => self
                .addresses(request)
                .find(|address| address.is_none_or(|address| !ranges.contains(address)))?,
        }
    }

    /// The addresses from the last one on; `None` for an entry that tells none.
    fn addresses<'a>(
        &self,
        request: &'a dyn RequestView,
    ) -> Box<dyn Iterator<Item = Option<IpAddr>> + 'a> {
        match self.field {
            ForwardedField::XForwardedFor => {
                let lines = request.header_lines("x-forwarded-for");
                Box::new(lines.into_iter().rev().flat_map(forwarded::x_forwarded_for))
            }
            ForwardedField::Forwarded => {
                let lines = request.header_lines("forwarded");
                Box::new(lines.into_iter().rev().flat_map(forwarded::forwarded))
            }
        }
    }
}

/// No hops at all: that is a server without proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("0 proxies: it must be 1 or more; without proxies, name none")]
pub struct ZeroHops;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PlainRequest;

    fn client(proxies: &Proxies, peer: [u8; 4], lines: &[&str]) -> Option<IpAddr> {
        let request = PlainRequest::new("GET");
        let request = lines.iter().fold(request, |request, line| {
            request.with_header("x-forwarded-for", line)
        });
        proxies.client(Some(peer.into()), &request)
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_peer_that_is_not_trusted_speaks_for_itself() {
        let ranges = "10.0.0.0/8".parse().unwrap();
        let proxies = Proxies::trusted(ForwardedField::XForwardedFor, ranges);
        assert_eq!(client(&proxies, [10, 0, 0, 1], &["1.1.1.1"]), ip("1.1.1.1"));
        assert_eq!(client(&proxies, [11, 0, 0, 1], &["1.1.1.1"]), None);
    }

    #[test]
    fn trusted_entries_are_skipped_over_lines_and_the_leftmost_is_nothing_special() {
        let ranges = "10.0.0.0/8".parse().unwrap();
        let proxies = Proxies::trusted(ForwardedField::XForwardedFor, ranges);
        let peer = [10, 0, 0, 1];
        assert_eq!(
            client(&proxies, peer, &["6.6.6.6, 1.1.1.1", "10.0.0.2, 10.0.0.3"]),
            ip("1.1.1.1")
        );
        assert_eq!(
            client(&proxies, peer, &["10.0.0.2, 10.0.0.3"]),
            None,
            "only proxies"
        );
        assert_eq!(client(&proxies, peer, &["1.1.1.1, junk, 10.0.0.2"]), None);
        assert_eq!(client(&proxies, peer, &[]), None);
    }

    #[test]
    fn a_number_of_hops_is_counted_from_the_end() {
        let hops = |hops| Proxies::hops(ForwardedField::XForwardedFor, hops).unwrap();
        let lines = ["6.6.6.6, 1.1.1.1", "2.2.2.2"];
        let peer = [127, 0, 0, 1];
        assert_eq!(client(&hops(1), peer, &lines), ip("2.2.2.2"));
        assert_eq!(client(&hops(2), peer, &lines), ip("1.1.1.1"));
        assert_eq!(client(&hops(4), peer, &lines), None, "too short");
        assert_eq!(client(&hops(1), peer, &["2.2.2.2, junk"]), None);
        assert!(Proxies::hops(ForwardedField::XForwardedFor, 0).is_err());
    }
}
