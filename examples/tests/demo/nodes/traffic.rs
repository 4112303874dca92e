//! A steady load for one client on every node, and what was answered.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidegate_tests::{Client, Request};

use super::scene::Door;

pub(super) const WINDOW: Duration = Duration::from_secs(2);
/// Over so many connections each node is asked, so that an answer that takes long does not put off the next request.
const CONNECTIONS: u32 = 4;

/// One answer. Times are since the epoch: the nodes' windows follow Redis's clock, which is this machine's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) asked: Duration,
    pub(super) answered: Duration,
    pub(super) status: u16,
}

impl Sample {
    /// The window that it was decided in for sure, if clocks differ by so much.
    pub(super) fn within(&self, clocks: Duration) -> Option<u64> {
        let first = window_of(self.asked.saturating_sub(clocks));
        (first == window_of(self.answered + clocks)).then_some(first)
    }
}

/// The number of the window that a time is in.
pub(super) fn window_of(time: Duration) -> u64 {
    time.as_secs() / WINDOW.as_secs()
}

pub(super) fn window_now() -> u64 {
    window_of(now())
}

/// Waits for a window to begin. Traffic goes on meanwhile, and what is measured is whole windows.
pub(super) fn until_window(number: u64) {
    wait_until(WINDOW * u32::try_from(number).unwrap());
}

/// Waits until half of a window is over.
pub(super) fn until_window_half_over() {
    wait_until(WINDOW * u32::try_from(window_now() + 1).unwrap() + WINDOW / 2);
}

fn wait_until(time: Duration) {
    sleep(time.saturating_sub(now()));
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// The load. It ends when this is dropped.
pub(super) struct Traffic {
    samples: Arc<Mutex<Vec<Sample>>>,
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// So many requests a second through each door.
    pub(super) fn start(doors: &[Door], rates: impl IntoIterator<Item = u32>) -> Self {
        let (samples, ends) = (Arc::default(), Arc::default());
        let mut threads = Vec::new();
        for (door, rate) in doors.iter().zip(rates) {
            let period = Duration::from_secs(1) / rate;
            for connection in 0..CONNECTIONS {
                let asker = Asker {
                    door: Arc::clone(door),
                    samples: Arc::clone(&samples),
                    ends: Arc::clone(&ends),
                };
                let first = Instant::now() + period * connection;
                threads.push(thread::spawn(move || {
                    asker.ask(first, period * CONNECTIONS);
                }));
            }
        }
        Self {
            samples,
            ends,
            threads,
        }
    }

    /// All answers so far.
    pub(super) fn samples(&self) -> Vec<Sample> {
        self.samples.lock().unwrap().clone()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One connection's part of the load.
struct Asker {
    door: Door,
    samples: Arc<Mutex<Vec<Sample>>>,
    ends: Arc<AtomicBool>,
}

impl Asker {
    /// Asks at steady intervals. What comes late because an answer took long is asked at once.
    fn ask(&self, first: Instant, period: Duration) {
        let request = Request::get("/").header("x-api-key", "client");
        let mut connection: Option<(SocketAddr, Client)> = None;
        let mut next = first;
        while !self.ends.load(Ordering::Relaxed) {
            sleep(next.saturating_duration_since(Instant::now()));
            next += period;
            let door = *self.door.lock().unwrap();
            let Some(address) = door else { continue };
            match self.send(&mut connection, address, &request) {
                Ok(sample) => self.samples.lock().unwrap().push(sample),
                // The node was stopped meanwhile, or else this is no answer either.
                Err(_) if *self.door.lock().unwrap() != door => connection = None,
                Err(error) => panic!("a node that runs must answer: {error}"),
            }
        }
    }

    fn send(
        &self,
        connection: &mut Option<(SocketAddr, Client)>,
        address: SocketAddr,
        request: &Request,
    ) -> io::Result<Sample> {
        let client = match connection {
            Some((known, client)) if *known == address => client,
            _ => &mut connection.insert((address, Client::connect(address)?)).1,
        };
        let asked = now();
        let response = client.send(request)?;
        Ok(Sample {
            asked,
            answered: now(),
            status: response.status,
        })
    }
}
