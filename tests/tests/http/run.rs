//! Runs a case: starts its server, sends its requests, and compares all that comes back.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use tidegate_limiter::ManualClock;
use tidegate_tests::{Client, Request, Response};

use crate::config::{Config, fixed};

/// A server that is stopped when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<Box<dyn FnOnce()>>,
}

impl Server {
    pub(crate) fn new(address: SocketAddr, stop: impl FnOnce() + 'static) -> Self {
        Self {
            address,
            stop: Some(Box::new(stop)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}

pub(crate) type Start = fn(&Config, &ManualClock) -> Server;

/// A configuration, and what happens with it.
pub(crate) struct Case {
    pub(crate) config: Config,
    pub(crate) steps: Vec<Step>,
}

pub(crate) enum Step {
    /// Time passes.
    Wait(Duration),
    /// A request, and all of its response.
    Exchange(Request, Expected),
}

/// A whole response: every header but `date`, in any order.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// `None` for a response to `HEAD`, whose length frameworks may leave out.
    pub(crate) body: Option<String>,
}

pub(crate) fn run(start: Start, case: Case) {
    let clock = ManualClock::new();
    let server = start(&case.config, &clock);
    for (at, step) in case.steps.into_iter().enumerate() {
        match step {
            Step::Wait(duration) => clock.advance(duration),
            Step::Exchange(request, expected) => {
                // A connection each: nothing may depend on which one it is.
                let mut client = Client::connect(server.address).unwrap();
                let response = client.send(&request).unwrap();
                compare(&format!("step {at}: {request:?}"), &response, expected);
            }
        }
    }
}

/// Eight connections at once, kept alive: exactly the limit is admitted (G1).
pub(crate) fn many_at_once(start: Start) {
    let config = Config {
        quotas: vec![("per-client", fixed(100, 60))],
        ..Config::default()
    };
    let server = start(&config, &ManualClock::new());
    let address = server.address;
    let admitted = || {
        let mut client = Client::connect(address).unwrap();
        let answers = (0..25).map(|_| client.send(&Request::get("/")).unwrap().status);
        answers.filter(|status| *status == 200).count()
    };
    let admitted: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(admitted)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(admitted, 100);
}

fn compare(step: &str, response: &Response, expected: Expected) {
    let mut headers: Vec<(String, String)> = expected
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let mut came = response.sorted_headers();
    match &expected.body {
        Some(body) => headers.push(("content-length".into(), body.len().to_string())),
        None => came.retain(|(name, _)| name != "content-length"),
    }
    headers.sort();
    assert_eq!(response.status, expected.status, "{step}: {response:?}");
    assert_eq!(came, headers, "{step}");
    if let Some(body) = expected.body {
        assert_eq!(response.body, body, "{step}");
    }
}
