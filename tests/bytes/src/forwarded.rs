//! Forwarding headers: whatever they say, an untrusted peer is itself, and everybody is somebody.

use std::net::{IpAddr, Ipv4Addr};

use tidegate_http::{Cidrs, ClientAddress, ForwardedField, PlainRequest, Proxies};

const TRUSTED: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const UNTRUSTED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Each line of the bytes is a header line, in turn of one kind and the other.
pub fn forwarded(bytes: &[u8]) {
    let Ok(ranges) = "10.0.0.0/8".parse::<Cidrs>() else {
        unreachable!("it is a range");
    };
    for field in [ForwardedField::XForwardedFor, ForwardedField::Forwarded] {
        let by_trust = ClientAddress::new().behind(Proxies::trusted(field, ranges.clone()));
        let seen = by_trust.of(&request(bytes, UNTRUSTED));
        assert_eq!(seen, Some(UNTRUSTED), "nobody else's headers count");
        let seen = by_trust.of(&request(bytes, TRUSTED));
        check(&by_trust, seen);
        for hops in [1, 2, u8::MAX] {
            let Ok(proxies) = Proxies::hops(field, hops) else {
                unreachable!("it is not 0");
            };
            let by_hops = ClientAddress::new().behind(proxies);
            check(&by_hops, by_hops.of(&request(bytes, TRUSTED)));
        }
    }
}

fn request(bytes: &[u8], peer: IpAddr) -> PlainRequest {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    lines.fold(
        PlainRequest::new("GET").with_peer(peer),
        |request, (at, line)| {
            let name = ["x-forwarded-for", "forwarded"][at % 2];
            request.with_header(name, line)
        },
    )
}

/// A peer that is known always has an address, and it is one that stays in its group.
fn check(client: &ClientAddress, seen: Option<IpAddr>) {
    let Some(seen) = seen else {
        panic!("the peer is known");
    };
    let group = client.group(seen);
    assert_eq!(client.group(group), group);
    let mapped =
        |address: IpAddr| matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    assert!(!mapped(group), "{group} is an IPv4 address");
}
