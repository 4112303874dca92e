//! The listener and the connections of a proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Counters;
use super::lane::{Lane, carry};

/// What the proxy was told last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Orders {
    pub(super) to_server: Lane,
    pub(super) to_client: Lane,
    pub(super) door: Door,
    /// How often all connections were cut.
    pub(super) cuts: u64,
    pub(super) ended: bool,
}

/// Whether new connections are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Door {
    /// They are.
    #[default]
    Open = 1,
    /// They are refused: nothing listens.
    Closed = 2,
}

/// Listens, refuses, and relays, until it is told to end.
pub(super) async fn run(
    address: SocketAddr,
    server: SocketAddr,
    mut orders: watch::Receiver<Orders>,
    counters: Arc<Counters>,
) {
    let mut connections = JoinSet::new();
    loop {
        let told = *orders.borrow_and_update();
        counters.cuts.store(told.cuts, Ordering::SeqCst);
        if told.ended {
            return;
        }
        if told.door == Door::Closed {
            counters.door.store(Door::Closed as u64, Ordering::SeqCst);
            if orders.changed().await.is_err() {
                return;
            }
            continue;
        }
        // A port that cannot be listened on shows in `Proxy::start`, which waits for the door.
        let Ok(listener) = TcpListener::bind(address).await else {
            return;
        };
        counters.door.store(Door::Open as u64, Ordering::SeqCst);
        let mut told = told;
        while told.door == Door::Open && !told.ended {
            tokio::select! {
                changed = orders.changed() => if changed.is_err() { return },
                accepted = listener.accept() => if let Ok((client, _)) = accepted {
                    let work = relay(client, server, told.cuts, orders.clone(), Arc::clone(&counters));
                    connections.spawn(work);
                },
                _ = connections.join_next(), if !connections.is_empty() => {}
            }
            told = *orders.borrow_and_update();
            counters.cuts.store(told.cuts, Ordering::SeqCst);
        }
    }
}

/// One connection, until either side ends it or it is cut: `cuts` is how many cuts it need not heed.
async fn relay(
    mut client: TcpStream,
    server: SocketAddr,
    cuts: u64,
    mut orders: watch::Receiver<Orders>,
    counters: Arc<Counters>,
) {
    counters.connections.fetch_add(1, Ordering::SeqCst);
    counters.open.fetch_add(1, Ordering::SeqCst);
    let ended = tokio::select! {
        ended = connect_and_carry(&mut client, server, orders.clone(), &counters) => ended,
        _ = orders.wait_for(|orders| orders.cuts != cuts || orders.ended) => {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    };
    if ended.is_err() {
        // The client sees a reset. If that cannot be set, it sees an end.
        let _ = client.set_zero_linger();
    }
    drop(client);
    counters.open.fetch_sub(1, Ordering::SeqCst);
}

async fn connect_and_carry(
    client: &mut TcpStream,
    server: SocketAddr,
    orders: watch::Receiver<Orders>,
    counters: &Counters,
) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_reads, client_writes) = client.split();
    let (server_reads, server_writes) = server.split();
    let up = carry(
        client_reads,
        server_writes,
        orders.clone(),
        |orders| orders.to_server,
        &counters.to_server,
    );
    let down = carry(
        server_reads,
        client_writes,
        orders,
        |orders| orders.to_client,
        &counters.to_client,
    );
    // Redis and its clients never half-close: one side's end is the connection's.
    tokio::select! {
        ended = up => ended,
        ended = down => ended,
    }
}
