//! A TCP proxy that delays, slows, holds, cuts and refuses, as it is told while it runs.

mod lane;
mod relay;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;

use self::lane::Lane;
use self::relay::{Door, Orders};
use crate::port::Port;
use crate::wait::{State, until};

/// A way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server: requests.
    ToServer,
    /// From the server to the client: replies.
    ToClient,
}

/// What has gone through a proxy so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections accepted.
    pub connections: u64,
    /// Of these, those that are open.
    pub open: u64,
    /// Bytes delivered to the server.
    pub to_server: u64,
    /// Bytes delivered to the client.
    pub to_client: u64,
}

/// A proxy in front of a server. Dropping it closes it.
///
/// It runs on a thread of its own, so that a test that blocks does not stop it.
///
/// What TCP hides from programs cannot be made here: there is no random loss, and a held direction loses
/// nothing, as after a cable is plugged in again, when TCP sends again what was lost. New connections are
/// accepted also while a direction is held, as a server that hangs does; a network that swallows the very
/// first packet needs a packet filter.
///
/// ```no_run
/// use std::time::Duration;
/// use tidegate_test_servers::{Direction, Proxy, Server};
///
/// let server = Server::start()?;
/// let proxy = Proxy::start(server.address())?;
/// proxy.delay(Direction::ToClient, Duration::from_millis(20));
/// // ... a client of proxy.url() now gets its answers late ...
/// proxy.hold(Direction::ToClient); // ... and now none
/// proxy.heal();
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug)]
pub struct Proxy {
    port: Port,
    orders: watch::Sender<Orders>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    open: AtomicU64,
    to_server: AtomicU64,
    to_client: AtomicU64,
    /// What the listener does at the moment.
    door: AtomicU64,
    /// How many cuts the listener has heard of: what it accepts from now on is not cut by them.
    cuts: AtomicU64,
}

impl Proxy {
    /// A proxy in front of a server that lets everything through.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn start(server: SocketAddr) -> Result<Self> {
        let port = Port::reserve()?;
        let counters = Arc::new(Counters::default());
        let (orders, heard) = watch::channel(Orders::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let address = (Ipv4Addr::LOCALHOST, port.number()).into();
        let work = relay::run(address, server, heard, Arc::clone(&counters));
        let thread = std::thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || runtime.block_on(work))
            .context("no thread for a proxy")?;
        let proxy = Self {
            port,
            orders,
            counters,
            thread: Some(thread),
        };
        proxy.wait_for(Door::Open)?;
        Ok(proxy)
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// The URL for clients.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// Lets every byte of a direction arrive so much later.
    pub fn delay(&self, direction: Direction, delay: Duration) {
        self.change(direction, |lane| lane.delay = delay);
    }

    /// Lets no more bytes a second through a direction.
    pub fn slow(&self, direction: Direction, bytes_per_second: u32) {
        self.change(direction, |lane| {
            lane.bytes_per_second = Some(bytes_per_second);
        });
    }

    /// Lets nothing through a direction, on connections old and new, and closes none: a black hole.
    pub fn hold(&self, direction: Direction) {
        self.change(direction, |lane| lane.held = true);
    }

    /// Lets everything through again as fast as it comes; what was held arrives now.
    pub fn heal(&self) {
        self.orders.send_modify(|orders| {
            orders.to_server = Lane::default();
            orders.to_client = Lane::default();
        });
    }

    /// Resets every connection; those made from now on pass.
    ///
    /// # Errors
    ///
    /// If that does not happen.
    pub fn cut(&self) -> Result<()> {
        self.orders.send_modify(|orders| orders.cuts += 1);
        let cuts = self.orders.borrow().cuts;
        until("a proxy to cut its connections", || {
            let heard = self.counters.cuts.load(Ordering::SeqCst);
            Ok(State::of(heard >= cuts, || {
                format!("{heard} of {cuts} cuts made")
            }))
        })
    }

    /// Resets every connection and refuses new ones, until [`accept`](Self::accept).
    ///
    /// # Errors
    ///
    /// If that does not happen.
    pub fn refuse(&self) -> Result<()> {
        self.orders.send_modify(|orders| {
            orders.door = Door::Closed;
            orders.cuts += 1;
        });
        self.wait_for(Door::Closed)
    }

    /// Accepts connections again.
    ///
    /// # Errors
    ///
    /// If that does not happen.
    pub fn accept(&self) -> Result<()> {
        self.orders.send_modify(|orders| orders.door = Door::Open);
        self.wait_for(Door::Open)
    }

    /// What has gone through so far.
    pub fn traffic(&self) -> Traffic {
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Traffic {
            connections: read(&self.counters.connections),
            open: read(&self.counters.open),
            to_server: read(&self.counters.to_server),
            to_client: read(&self.counters.to_client),
        }
    }

    fn change(&self, direction: Direction, change: impl FnOnce(&mut Lane)) {
        self.orders.send_modify(|orders| {
            change(match direction {
                Direction::ToServer => &mut orders.to_server,
                Direction::ToClient => &mut orders.to_client,
            });
        });
    }

    fn wait_for(&self, door: Door) -> Result<()> {
        until("a proxy to open or close its port", || {
            let now = self.counters.door.load(Ordering::SeqCst);
            Ok(State::of(now == door as u64, || {
                format!("{door:?} is wanted")
            }))
        })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.orders.send_modify(|orders| orders.ended = true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
