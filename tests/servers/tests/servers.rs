//! The servers themselves: they start, can be broken in every way, and leave nothing behind.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use tidegate_test_servers::wait::{State, until};
use tidegate_test_servers::{Authority, Cluster, Flavor, Options, Sentinels, Server};

/// Longer than a server that runs takes, shorter than one that is frozen.
const SOON: Duration = Duration::from_millis(300);

/// What a client gets for a PING within [`SOON`].
fn ping(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The code of the error that the server answered with.
fn code(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<redis::RedisError>()?.code()
}

fn runs(process: u32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

#[test]
fn a_server_answers_and_leaves_nothing_behind() {
    let server = Server::start().unwrap();
    assert_ne!(server.port(), 6379);
    assert_eq!(ping(server.address()).unwrap(), "+PONG\r\n");
    let (process, folder) = (server.process_id().unwrap(), server.folder().to_owned());
    assert!(runs(process) && folder.exists());
    drop(server);
    assert!(!runs(process) && !folder.exists());
}

#[test]
fn a_server_stops_when_a_test_panics() {
    let (tell, told) = std::sync::mpsc::channel();
    let test = std::thread::spawn(move || {
        let server = Server::start().unwrap();
        tell.send((server.process_id().unwrap(), server.folder().to_owned()))
            .unwrap();
        panic!("as a failing assertion does");
    });
    assert!(test.join().is_err());
    let (process, folder) = told.recv().unwrap();
    assert!(!runs(process) && !folder.exists());
}

#[test]
fn many_servers_run_side_by_side() {
    let start = || std::thread::spawn(|| Server::start().unwrap());
    let servers: Vec<Server> = (0..10)
        .map(|_| start())
        .map(|thread| thread.join().unwrap())
        .collect();
    for (index, server) in servers.iter().enumerate() {
        server
            .admin()
            .run::<()>(&["SET", "who", &index.to_string()])
            .unwrap();
    }
    for (index, server) in servers.iter().enumerate() {
        assert_eq!(server.admin().run::<usize>(&["GET", "who"]).unwrap(), index);
    }
}

#[test]
fn valkey_runs_as_well() {
    let server = Options::new().flavor(Flavor::Valkey).start().unwrap();
    let info: String = server.admin().run(&["INFO", "server"]).unwrap();
    assert!(info.contains("valkey_version:"), "{info}");
}

#[test]
fn a_frozen_server_takes_connections_and_does_not_answer() {
    let server = Server::start().unwrap();
    server.freeze().unwrap();
    let error = ping(server.address()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
    server.thaw().unwrap();
    assert_eq!(ping(server.address()).unwrap(), "+PONG\r\n");
}

#[test]
fn a_killed_server_refuses_and_comes_back_empty_on_its_port() {
    let server = Server::start().unwrap();
    server.admin().run::<()>(&["SET", "a", "1"]).unwrap();
    server.kill();
    let error = ping(server.address()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let port = server.port();
    server.start_again().unwrap();
    assert_eq!(server.port(), port);
    assert!(server.admin().keys().unwrap().is_empty());
}

#[test]
fn a_busy_server_answers_late() {
    let server = Server::start().unwrap();
    server.keep_busy(SOON * 3).unwrap();
    let started = Instant::now();
    server.admin().run::<String>(&["PING"]).unwrap();
    assert!(
        started.elapsed() > SOON,
        "answered after {:?}",
        started.elapsed()
    );
}

#[test]
fn paused_clients_wait() {
    let server = Server::start().unwrap();
    server.admin().pause_clients(SOON * 10).unwrap();
    assert!(ping(server.address()).is_err());
}

#[test]
fn counts_tell_a_client_from_the_administrator() {
    let server = Server::start().unwrap();
    let before = server.admin().stats().unwrap();
    for _ in 0..3 {
        ping(server.address()).unwrap();
    }
    let between = server.admin().stats().unwrap().since(&before);
    assert_eq!((between.connections, between.calls_of("ping")), (3, 3));
}

#[test]
fn passwords_and_users_are_asked_for() {
    let server = Options::new()
        .password("sesame")
        .user("on", "app", "secret", "~tg1:* +@all")
        .start()
        .unwrap();
    let error = ping(server.address()).unwrap();
    assert!(error.starts_with("-NOAUTH"), "{error}");
    let mut app = redis::Client::open(server.url_as("app", "secret"))
        .unwrap()
        .get_connection()
        .unwrap();
    redis::cmd("SET")
        .arg("tg1:a")
        .arg(1)
        .exec(&mut app)
        .unwrap();
    let error = redis::cmd("SET")
        .arg("other")
        .arg(1)
        .exec(&mut app)
        .unwrap_err();
    assert_eq!(error.code(), Some("NOPERM"), "{error}");
}

#[test]
fn a_full_server_refuses_to_write() {
    let server = Options::new()
        .config("maxmemory-policy", "noeviction")
        .start()
        .unwrap();
    server.admin().set("maxmemory", "1").unwrap();
    let error = server.admin().run::<()>(&["SET", "a", "1"]).unwrap_err();
    assert_eq!(code(&error), Some("OOM"), "{error:#}");
}

#[test]
fn a_replica_refuses_to_write() {
    let (primary, replica) = (Server::start().unwrap(), Server::start().unwrap());
    replica.admin().replicate(Some(primary.port())).unwrap();
    let error = replica.admin().run::<()>(&["SET", "a", "1"]).unwrap_err();
    assert_eq!(code(&error), Some("READONLY"), "{error:#}");
    replica.admin().replicate(None).unwrap();
    replica.admin().run::<()>(&["SET", "a", "1"]).unwrap();
}

/// Redis can do TLS by itself, the Valkey of the PyPI package cannot.
#[test]
fn a_tls_server_answers_nobody_in_plaintext() {
    for flavor in [Flavor::Any, Flavor::Valkey] {
        let identity = Authority::new().unwrap().server().unwrap();
        let options = Options::new().flavor(flavor).tls(&identity);
        let server = options.start().unwrap();
        assert!(server.url().starts_with("rediss://"));
        let answer = ping(server.address());
        assert!(
            !matches!(&answer, Ok(text) if text.contains("PONG")),
            "{answer:?}"
        );
        server.admin().run::<String>(&["PING"]).unwrap();
    }
}

#[test]
fn a_server_that_does_not_start_shows_its_log() {
    let error = Options::new()
        .config("no-such-setting", "1")
        .start()
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("no-such-setting"),
        "{error:#}"
    );
}

#[test]
fn a_cluster_serves_all_slots_and_moves_them() {
    let cluster = Cluster::start().unwrap();
    assert_eq!(cluster.urls().len(), 3);
    let slot = cluster.slot_of(b"{a}1").unwrap();
    let from = cluster.owner_of(slot).unwrap();
    let to = (from + 1) % 3;
    let admin = cluster.servers()[from].admin();
    for key in ["{a}1", "{a}2", "{a}3"] {
        admin.run::<()>(&["SET", key, "1"]).unwrap();
    }
    let moving = cluster.begin_move(slot, to).unwrap();
    assert_eq!(moving.keys(2).unwrap(), 2);
    let error = admin
        .run::<Vec<String>>(&["MGET", "{a}1", "{a}2", "{a}3"])
        .unwrap_err();
    assert_eq!(code(&error), Some("TRYAGAIN"), "{error:#}");
    let error = admin.run::<String>(&["GET", "{a}4"]).unwrap_err();
    assert_eq!(code(&error), Some("ASK"), "{error:#}");
    moving.finish().unwrap();
    assert_eq!(cluster.owner_of(slot).unwrap(), to);
    let error = admin.run::<String>(&["GET", "{a}1"]).unwrap_err();
    assert_eq!(code(&error), Some("MOVED"), "{error:#}");
    cluster.wait_until_whole().unwrap();
}

#[test]
fn a_lost_cluster_node_takes_only_its_own_slots_with_it() {
    let cluster = Cluster::start().unwrap();
    let lost = &cluster.servers()[cluster.owner_of(cluster.slot_of(b"a").unwrap()).unwrap()];
    lost.kill();
    let others = cluster
        .servers()
        .iter()
        .filter(|server| server.port() != lost.port());
    for server in others {
        until("the loss to be known", || {
            let nodes: String = server.admin().run(&["CLUSTER", "NODES"])?;
            Ok(State::of(nodes.contains(" master,fail "), || nodes))
        })
        .unwrap();
        let info: String = server.admin().run(&["CLUSTER", "INFO"]).unwrap();
        assert!(info.contains("cluster_state:ok"), "{info}");
    }
}

#[test]
fn sentinels_make_the_replica_the_primary() {
    let trio = Sentinels::start().unwrap();
    assert_eq!(trio.primary().unwrap().port(), trio.servers()[0].port());
    let heir = trio.fail_over().unwrap();
    assert_eq!(heir.port(), trio.servers()[1].port());
    heir.admin().run::<()>(&["SET", "a", "1"]).unwrap();
}
