//! Behind proxies: one `proxy-hop` behind another, and nginx as the book sets it up.
//!
//! Clients and proxies have addresses of their own on the loopback, which Linux allows without being told.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tidegate_test_servers::find;
use tidegate_tests::{Client, Request};

use crate::support::{Demo, FRAMEWORKS, PATIENCE, line};

const ALICE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 50);
const BOB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 51);
const OUTER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const INNER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Two requests a client.
fn demo(framework: &str, trusted: &str) -> Demo {
    let flags = ["--limit", "2", "--window", "1h", "--trust-proxy", trusted];
    Demo::start(framework, &flags)
}

/// The program `proxy-hop`, killed when the test is over.
struct Hop {
    program: Child,
    address: SocketAddr,
}

impl Hop {
    /// Passes requests on to `next` from the address `from`.
    fn start(from: Ipv4Addr, next: SocketAddr) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_proxy-hop"));
        command.args(["--listen", "127.0.0.1:0"]);
        command.args(["--from", &from.to_string(), "--to", &next.to_string()]);
        let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
        let first = line(&mut BufReader::new(program.stdout.take().unwrap()));
        let address = first.strip_prefix("listening on http://").unwrap();
        let address = address.split(',').next().unwrap().parse().unwrap();
        Self { program, address }
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The status of a client's request through a proxy, and what is left then, with a forged header if there is one.
fn ask(client: Ipv4Addr, proxy: SocketAddr, forged: Option<&str>) -> (u16, Option<String>) {
    let mut connection = Client::connect_from(client, proxy).unwrap();
    let mut request = Request::get("/");
    if let Some(forged) = forged {
        request = request.header("X-Forwarded-For", forged);
    }
    let answer = connection.send(&request).unwrap();
    let limit = answer
        .header("ratelimit")
        .map(|limit| limit.split(";t=").next().unwrap().to_owned());
    (answer.status, limit)
}

fn left(remaining: u64) -> Option<String> {
    Some(format!(r#""per-client";r={remaining}"#))
}

/// Each client has a limit of its own, whatever it writes itself.
fn address_rules_hold(proxy: SocketAddr) {
    assert_eq!(ask(ALICE, proxy, None), (200, left(1)));
    assert_eq!(ask(ALICE, proxy, Some("6.6.6.6")), (200, left(0)));
    assert_eq!(
        ask(ALICE, proxy, Some("127.0.0.51, 127.0.0.51")),
        (429, left(0))
    );
    assert_eq!(
        ask(ALICE, proxy, Some("127.0.0.51, 127.0.0.2, 127.0.0.3")),
        (429, left(0))
    );
    assert_eq!(ask(ALICE, proxy, Some("unknown, \"")), (429, left(0)));
    assert_eq!(ask(BOB, proxy, Some("127.0.0.50")), (200, left(1)));
    assert_eq!(ask(BOB, proxy, None), (200, left(0)));
    assert_eq!(ask(BOB, proxy, None), (429, left(0)));
}

#[test]
fn behind_two_hops_address_rules_hold_and_forged_entries_change_nothing() {
    for framework in FRAMEWORKS {
        let demo = demo(framework, "127.0.0.2/32,127.0.0.3/32");
        let inner = Hop::start(INNER, demo.address);
        let outer = Hop::start(OUTER, inner.address);
        address_rules_hold(outer.address);
        // Past the proxies, the header is anybody's.
        assert_eq!(ask(ALICE, demo.address, Some("192.0.2.1")), (429, left(0)));
    }
}

#[test]
fn a_hop_that_is_not_trusted_is_the_client() {
    for framework in FRAMEWORKS {
        let demo = demo(framework, "127.0.0.3/32");
        let inner = Hop::start(INNER, demo.address);
        let outer = Hop::start(OUTER, inner.address);
        assert_eq!(ask(ALICE, outer.address, None), (200, left(1)));
        assert_eq!(ask(BOB, outer.address, None), (200, left(0)));
        assert_eq!(ask(BOB, outer.address, Some("192.0.2.1")), (429, left(0)));
    }
}

#[test]
fn a_body_is_passed_on_whatever_its_length() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hop = Hop::start(INNER, listener.local_addr().unwrap());
    let body = "0123456789".repeat(20_000);
    let request = Request::new("POST", "/").chunked(body);
    let sent = request.bytes();
    let server = thread::spawn(move || {
        let (mut connection, peer) = listener.accept().unwrap();
        let mut came = Vec::new();
        while !came.ends_with(b"\r\n0\r\n\r\n") {
            let mut piece = [0; 4096];
            let length = connection.read(&mut piece).unwrap();
            assert!(length > 0, "the rest of the body is missing");
            came.extend(&piece[..length]);
        }
        connection
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nseen")
            .unwrap();
        (peer.ip(), came)
    });
    let mut client = Client::connect_from(ALICE, hop.address).unwrap();
    assert_eq!(client.send(&request).unwrap().body, "seen");
    let (peer, came) = server.join().unwrap();
    assert_eq!(peer, INNER);
    let body = |bytes: &[u8]| {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        bytes[end.unwrap()..].to_vec()
    };
    assert!(body(&came) == body(&sent), "the body came through changed");
}

const PAGE: &str = include_str!("../../../docs/behind-a-proxy.md");

/// The page's nginx settings, in order.
fn settings() -> Vec<&'static str> {
    let fences = PAGE.split("```nginx\n").skip(1);
    fences
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

fn replaced(settings: &str, from: &str, to: &str) -> String {
    assert_eq!(settings.matches(from).count(), 1, "{from} in {settings}");
    settings.replace(from, to)
}

const MISSING: &str = "nginx is not installed; type this as root: apt-get install nginx-light";

/// nginx with the book's server, listening elsewhere.
struct Nginx {
    program: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Passes requests on to `next` from the address `from`.
    fn start(server: &str, from: Ipv4Addr, next: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let server = replaced(server, "127.0.0.1:8080", &next.to_string());
        let server = replaced(
            &server,
            "listen 127.0.0.1:80;",
            &format!("listen {address};"),
        );
        let server = replaced(
            &server,
            "location / {",
            &format!("location / {{ proxy_bind {from};"),
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, whole(folder.path(), &server)).unwrap();
        let program = Command::new(find("nginx").expect(MISSING))
            .args(["-e", "stderr", "-c"])
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self {
            program,
            address,
            _folder: folder,
        };
        let give_up = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < give_up, "nginx does not listen");
            thread::sleep(Duration::from_millis(5));
        }
        nginx
    }
}

/// What else nginx needs, as one process that leaves nothing behind.
fn whole(folder: &Path, server: &str) -> String {
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", folder.display()));
    format!(
        "daemon off; master_process off; pid {}/pid; error_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{}{server}}}\n",
        folder.display(),
        paths.concat()
    )
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn behind_nginx_as_the_book_sets_it_up_address_rules_hold() {
    let server = settings()[0];
    for framework in FRAMEWORKS {
        let demo = demo(framework, "127.0.0.3/32");
        let nginx = Nginx::start(server, INNER, demo.address);
        address_rules_hold(nginx.address);
    }
}

#[test]
fn behind_two_nginxes_as_the_book_sets_them_up_address_rules_hold() {
    let outermost = settings()[0];
    let replacing = "proxy_set_header X-Forwarded-For $remote_addr;";
    let behind = replaced(outermost, replacing, settings()[1].trim());
    for framework in FRAMEWORKS {
        let demo = demo(framework, "127.0.0.2/32,127.0.0.3/32");
        let inner = Nginx::start(&behind, INNER, demo.address);
        let outer = Nginx::start(outermost, OUTER, inner.address);
        address_rules_hold(outer.address);
    }
}
