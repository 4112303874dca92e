//! A set of address ranges, as in `10.0.0.0/8,::1`.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// Address ranges in CIDR notation, separated by commas; an address alone is a range of one.
///
/// ```
/// use tidegate_http::Cidrs;
///
/// let internal: Cidrs = "10.0.0.0/8, 127.0.0.1, fd00::/8".parse()?;
/// assert!(internal.contains([10, 1, 2, 3].into()));
/// assert!(internal.contains("::ffff:10.1.2.3".parse()?), "the same address");
/// assert!(!internal.contains([11, 0, 0, 1].into()));
///
/// let wrong = "10.0.0.0/8,10.0.0.0/33".parse::<Cidrs>().unwrap_err();
/// assert_eq!(
///     wrong.to_string(),
///     "\"10.0.0.0/33\" is not an address range: it must be like 10.0.0.0/8, 127.0.0.1 or fd00::/8",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cidrs {
    nets: Vec<IpNet>,
}

impl Cidrs {
    /// Whether the address lies in one of the ranges.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.nets.iter().any(|net| net.contains(&address))
    }
}

impl FromStr for Cidrs {
    type Err = CidrError;

    fn from_str(list: &str) -> Result<Self, CidrError> {
        let nets = list.split(',').map(|text| range(text.trim()));
        Ok(Self {
            nets: nets.collect::<Result<_, _>>()?,
        })
    }
}

fn range(text: &str) -> Result<IpNet, CidrError> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let net = address.or_else(|_| text.parse::<IpNet>());
    net.map(canonical).map_err(|_| CidrError {
        given: text.to_owned(),
    })
}

/// A range of IPv4 addresses in IPv6 clothing is a range of IPv4 addresses.
fn canonical(net: IpNet) -> IpNet {
    if let IpNet::V6(v6) = net
        && let Some(v4) = v6.addr().to_ipv4_mapped()
        && let Some(bits) = v6.prefix_len().checked_sub(96)
        && let Ok(net) = Ipv4Net::new(v4, bits)
    {
        return net.into();
    }
    net
}

/// Text that is no address range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not an address range: it must be like 10.0.0.0/8, 127.0.0.1 or fd00::/8")]
pub struct CidrError {
    /// What was given.
    pub given: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_range_is_an_ipv4_range() {
        let cidrs: Cidrs = "::ffff:10.0.0.0/104".parse().unwrap();
        assert!(cidrs.contains([10, 200, 0, 1].into()));
        assert!(!cidrs.contains([11, 0, 0, 1].into()));
    }

    #[test]
    fn what_is_no_range_is_named() {
        for wrong in ["", "10.0.0.0/8,", "example.org", "10.0.0.0/x", "1.2.3/24"] {
            let error = wrong.parse::<Cidrs>().unwrap_err();
            let named = wrong.rsplit(',').next().unwrap();
            assert!(error.to_string().starts_with(&format!("{named:?}")));
        }
    }
}
