//! A proxy in this process: it appends to `X-Forwarded-For` what it sees, and has an address of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::client::connect_from;

/// A proxy that runs until the test is over, and serves one request per connection.
#[derive(Clone, Copy, Debug)]
pub struct Hop {
    address: SocketAddr,
}

impl Hop {
    /// Listens, and passes requests on to `next` from the address `from`, which must be one of the loopback's.
    ///
    /// # Errors
    ///
    /// If no port can be listened on.
    pub fn start(from: Ipv4Addr, next: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that breaks is the client's to notice.
                let _ = pass(&client, from.into(), next);
            }
        });
        Ok(Self { address })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Passes one request on, and its response back.
fn pass(mut client: &TcpStream, from: IpAddr, next: SocketAddr) -> io::Result<()> {
    let peer = client.peer_addr()?.ip();
    let mut head = String::new();
    let mut lines = BufReader::new(client.try_clone()?);
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let mut server = connect_from(from, next)?;
    server.write_all(with_peer(&head, peer).as_bytes())?;
    let mut response = Vec::new();
    server.read_to_end(&mut response)?;
    client.write_all(&response)
}

/// The request's head, as a proxy that saw `peer` passes it on.
fn with_peer(head: &str, peer: IpAddr) -> String {
    let named = |line: &&str, name: &str| line.to_ascii_lowercase().starts_with(name);
    let lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    let said = lines.iter().filter(|line| named(line, "x-forwarded-for:"));
    let said = said.filter_map(|line| line.split_once(':'));
    let mut forwarded: Vec<String> = said.map(|(_, value)| value.trim().to_owned()).collect();
    forwarded.push(peer.to_string());
    let mut passed: Vec<&str> = lines.clone();
    passed.retain(|line| !named(line, "x-forwarded-for:") && !named(line, "connection:"));
    let (passed, forwarded) = (passed.join("\r\n"), forwarded.join(", "));
    format!("{passed}\r\nx-forwarded-for: {forwarded}\r\nconnection: close\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_kept_and_the_peer_comes_last() {
        let head = "GET / HTTP/1.1\r\nhost: test\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 7.7.7.7\r\n\r\n";
        assert_eq!(
            with_peer(head, [127, 0, 0, 9].into()),
            "GET / HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 6.6.6.6, 7.7.7.7, 127.0.0.9\r\nconnection: close\r\n\r\n"
        );
    }
}
