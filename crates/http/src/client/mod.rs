//! Who the client is: its address, through proxies, canonical, and grouped by prefix.

mod cidrs;
mod forwarded;
mod proxies;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use cidrs::{CidrError, Cidrs};
pub use proxies::{ForwardedField, Proxies, ZeroHops};

use crate::RequestView;

/// How a client's address is found, and which addresses count as one client.
///
/// By default it is the peer's address: an IPv4 address counts by itself, IPv6 addresses count together by their
/// /64, since a single host usually has that many. An IPv4 address in IPv6 clothing (`::ffff:192.0.2.1`) is
/// the IPv4 address, whatever the prefixes are.
///
/// ```
/// use tidegate_http::{ClientAddress, Cidrs, ForwardedField, PlainRequest, Proxies};
///
/// let address = ClientAddress::new()
///     .behind(Proxies::trusted(ForwardedField::XForwardedFor, "10.0.0.1".parse()?))
///     .with_ipv6_prefix(56)?;
/// let request = PlainRequest::new("GET")
///     .with_peer([10, 0, 0, 1])
///     .with_header("x-forwarded-for", "6.6.6.6, 192.0.2.1");
/// assert_eq!(address.of(&request), Some([192, 0, 2, 1].into()), "what the client itself wrote is ignored");
///
/// let wrong = ClientAddress::new().with_ipv6_prefix(129).unwrap_err();
/// assert_eq!(wrong.to_string(), "prefix length 129 is out of range: it must be 0 to 128");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    proxies: Option<Proxies>,
    ipv4_mask: u32,
    ipv6_mask: u128,
}

impl ClientAddress {
    /// The peer's address, IPv6 by /64.
    ///
    /// ```
    /// use tidegate_http::{ClientAddress, PlainRequest};
    ///
    /// let request = PlainRequest::new("GET")
    ///     .with_peer([192, 0, 2, 1])
    ///     .with_header("x-forwarded-for", "198.51.100.7");
    /// assert_eq!(ClientAddress::new().of(&request), Some([192, 0, 2, 1].into()));
    /// ```
    pub const fn new() -> Self {
        Self {
            proxies: None,
            ipv4_mask: u32::MAX,
            ipv6_mask: u128::MAX << 64,
        }
    }

    /// Behind proxies that say for whom they speak.
    ///
    /// ```
    /// use tidegate_http::{ClientAddress, ForwardedField, PlainRequest, Proxies};
    ///
    /// let proxies = Proxies::trusted(ForwardedField::XForwardedFor, "192.0.2.0/24".parse()?);
    /// let request = PlainRequest::new("GET")
    ///     .with_peer([192, 0, 2, 1])
    ///     .with_header("x-forwarded-for", "6.6.6.6, 198.51.100.7");
    /// let client = ClientAddress::new().behind(proxies).of(&request);
    /// assert_eq!(client, Some([198, 51, 100, 7].into()), "what the proxy itself appended");
    /// # Ok::<(), tidegate_http::CidrError>(())
    /// ```
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        Self {
            proxies: Some(proxies),
            ..self
        }
    }

    /// IPv4 addresses whose first `bits` agree count as one client.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use tidegate_http::ClientAddress;
    ///
    /// let address = ClientAddress::new().with_ipv4_prefix(24)?;
    /// let client: IpAddr = "192.0.2.200".parse()?;
    /// assert_eq!(address.group(client).to_string(), "192.0.2.0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there are more than 32.
    pub fn with_ipv4_prefix(self, bits: u8) -> Result<Self, PrefixError> {
        let host_bits = host_bits(bits, 32)?;
        Ok(Self {
            ipv4_mask: u32::MAX.checked_shl(host_bits).unwrap_or(0),
            ..self
        })
    }

    /// IPv6 addresses whose first `bits` agree count as one client.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use tidegate_http::ClientAddress;
    ///
    /// let address = ClientAddress::new().with_ipv6_prefix(48)?;
    /// let client: IpAddr = "2001:db8:7:8::9".parse()?;
    /// assert_eq!(address.group(client).to_string(), "2001:db8:7::");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there are more than 128.
    pub fn with_ipv6_prefix(self, bits: u8) -> Result<Self, PrefixError> {
        let host_bits = host_bits(bits, 128)?;
        Ok(Self {
            ipv6_mask: u128::MAX.checked_shl(host_bits).unwrap_or(0),
            ..self
        })
    }

    /// The address of the request's client: canonical, not yet grouped. `None` if there is no peer address, as on a unix
    /// socket, and no known number of proxies tells for whom it speaks either.
    #[inline]
    pub fn of(&self, request: &dyn RequestView) -> Option<IpAddr> {
        let peer = request.peer().map(|peer| peer.to_canonical());
        match &self.proxies {
            Some(proxies) => proxies.client(peer, request).or(peer),
            None => peer,
        }
    }

    /// The first address of the group that this one counts in.
    #[inline]
    pub fn group(&self, address: IpAddr) -> IpAddr {
        match address.to_canonical() {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & self.ipv4_mask).into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & self.ipv6_mask).into(),
        }
    }
}

impl Default for ClientAddress {
    fn default() -> Self {
        Self::new()
    }
}

fn host_bits(bits: u8, most: u8) -> Result<u32, PrefixError> {
    match most.checked_sub(bits) {
        Some(host_bits) => Ok(u32::from(host_bits)),
        None => Err(PrefixError { bits, most }),
    }
}

/// A prefix longer than the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("prefix length {bits} is out of range: it must be 0 to {most}")]
pub struct PrefixError {
    /// What was given.
    pub bits: u8,
    /// The address's length in bits.
    pub most: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(address: &ClientAddress, text: &str) -> String {
        address.group(text.parse().unwrap()).to_string()
    }

    #[test]
    fn ipv6_is_grouped_by_its_64_and_ipv4_is_not() {
        let address = ClientAddress::new();
        assert_eq!(group(&address, "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(group(&address, "192.0.2.77"), "192.0.2.77");
    }

    #[test]
    fn mapped_ipv4_is_ipv4_before_any_masking() {
        let address = ClientAddress::new();
        assert_eq!(group(&address, "::ffff:192.0.2.77"), "192.0.2.77");
        assert_ne!(
            group(&address, "::ffff:192.0.2.77"),
            group(&address, "::ffff:192.0.2.78")
        );
    }

    #[test]
    fn a_peer_without_an_address_is_told_by_a_known_number_of_proxies_alone() {
        let field = crate::ForwardedField::XForwardedFor;
        let request =
            crate::PlainRequest::new("GET").with_header("x-forwarded-for", "6.6.6.6, 192.0.2.1");
        let client = |proxies| ClientAddress::new().behind(proxies).of(&request);
        let one = Proxies::hops(field, 1).unwrap();
        assert_eq!(client(one), Some([192, 0, 2, 1].into()));
        assert_eq!(client(Proxies::hops(field, 3).unwrap()), None, "too short");
        let trusted = Proxies::trusted(field, "0.0.0.0/0".parse().unwrap());
        assert_eq!(client(trusted), None);
        assert_eq!(ClientAddress::new().of(&request), None);
    }

    #[test]
    fn prefixes_of_every_length_are_possible() {
        for bits in 0..=32 {
            let address = ClientAddress::new().with_ipv4_prefix(bits).unwrap();
            let expected = ipnet::Ipv4Net::new([255; 4].into(), bits)
                .unwrap()
                .network();
            assert_eq!(address.group([255; 4].into()), IpAddr::V4(expected));
        }
        for bits in 0..=128 {
            let address = ClientAddress::new().with_ipv6_prefix(bits).unwrap();
            let all = Ipv6Addr::from_bits(u128::MAX);
            let expected = ipnet::Ipv6Net::new(all, bits).unwrap().network();
            assert_eq!(address.group(all.into()), IpAddr::V6(expected));
        }
        assert!(ClientAddress::new().with_ipv4_prefix(33).is_err());
    }
}
