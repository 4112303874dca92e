//! The proxy: it delays, slows, holds, cuts and refuses, and tells what has gone through.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tidegate_test_servers::wait::{PATIENCE, State, until};
use tidegate_test_servers::{Direction, Proxy, Traffic};

/// Many times what the loopback takes.
const LATE: Duration = Duration::from_millis(200);

/// A proxy in front of something that sends back what it gets.
fn echo() -> Proxy {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    Proxy::start(address).unwrap()
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(LATE)).unwrap();
    stream
}

fn say(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
}

fn hear(stream: &mut TcpStream, length: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

#[test]
fn everything_passes_and_is_counted() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    say(&mut stream, b"hello");
    assert_eq!(hear(&mut stream, 5).unwrap(), b"hello");
    // What has arrived is counted a moment later.
    reaches(&proxy, "everything is counted", |traffic| {
        let both = (traffic.to_server, traffic.to_client);
        (both, traffic.connections, traffic.open) == ((5, 5), 1, 1)
    });
    drop(stream);
    reaches(&proxy, "the connection is closed", |traffic| {
        traffic.open == 0
    });
}

/// Waits until what has passed is as it should be.
fn reaches(proxy: &Proxy, what: &str, so: impl Fn(&Traffic) -> bool) {
    until(what, || {
        let traffic = proxy.traffic();
        Ok(State::of(so(&traffic), || format!("{traffic:?}")))
    })
    .unwrap();
}

#[test]
fn each_way_is_delayed_by_itself() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let proxy = echo();
        let mut stream = connect(&proxy);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        proxy.delay(direction, LATE);
        let started = Instant::now();
        say(&mut stream, b"x");
        hear(&mut stream, 1).unwrap();
        assert!(
            started.elapsed() >= LATE,
            "{direction:?}: {:?}",
            started.elapsed()
        );
    }
}

#[test]
fn a_held_direction_lets_nothing_through_and_loses_nothing() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    proxy.hold(Direction::ToClient);
    say(&mut stream, b"a");
    assert_eq!(
        hear(&mut stream, 1).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(proxy.traffic().to_server, 1, "only the answer is held");
    let mut other = connect(&proxy);
    say(&mut other, b"b");
    assert_eq!(
        hear(&mut other, 1).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    proxy.heal();
    assert_eq!(hear(&mut stream, 1).unwrap(), b"a");
    assert_eq!(hear(&mut other, 1).unwrap(), b"b");
}

#[test]
fn a_slow_direction_takes_its_time() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    proxy.slow(Direction::ToServer, 100_000);
    let started = Instant::now();
    say(&mut stream, &[b'x'; 20_000]);
    hear(&mut stream, 20_000).unwrap();
    // A fifth of a second, less the last chunk, which nothing follows.
    assert!(
        started.elapsed() >= Duration::from_millis(150),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_cut_resets_and_new_connections_pass() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    say(&mut stream, b"a");
    hear(&mut stream, 1).unwrap();
    proxy.cut().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(
        hear(&mut stream, 1).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    let mut other = connect(&proxy);
    say(&mut other, b"b");
    assert_eq!(hear(&mut other, 1).unwrap(), b"b");
}

#[test]
fn a_refusing_proxy_refuses_until_it_accepts_again() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    proxy.refuse().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(hear(&mut stream, 1).is_err());
    let error = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    proxy.accept().unwrap();
    let mut other = connect(&proxy);
    say(&mut other, b"b");
    assert_eq!(hear(&mut other, 1).unwrap(), b"b");
}

#[test]
fn without_a_server_a_connection_ends() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::start(port).unwrap();
    let mut stream = connect(&proxy);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(hear(&mut stream, 1).is_err());
}
