//! Runs a case: starts its server, sends its requests, and compares all that comes back.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tidegate_limiter::ManualClock;
use tidegate_tests::{Client, Http2Client, Request, Response};

use crate::config::Config;

/// A server that is stopped when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<Box<dyn FnOnce()>>,
}

impl Server {
    pub(crate) fn new(address: SocketAddr, stop: impl FnOnce() + 'static) -> Self {
        Self {
            address,
            stop: Some(Box::new(stop)),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
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

/// How requests are sent.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    Http10,
    Http1,
    Http2,
}

impl Protocol {
    /// Over a connection of its own: nothing may depend on which one it is.
    fn exchange(self, address: SocketAddr, request: &Request) -> io::Result<Response> {
        match self {
            Self::Http10 => Client::connect(address)?.send(&request.clone().http_1_0()),
            Self::Http1 => Client::connect(address)?.send(request),
            Self::Http2 => Http2Client::connect(address)?.send(request),
        }
    }
}

pub(crate) fn run(start: Start, protocol: Protocol, case: Case) {
    let clock = ManualClock::new();
    let server = start(&case.config, &clock);
    for (at, step) in case.steps.into_iter().enumerate() {
        match step {
            Step::Wait(duration) => clock.advance(duration),
            Step::Exchange(request, expected) => {
                let response = protocol.exchange(server.address, &request).unwrap();
                let step = format!("step {at}: {request:?}");
                compare(&step, protocol, &response, expected);
            }
        }
    }
}

fn compare(step: &str, protocol: Protocol, response: &Response, expected: Expected) {
    let mut headers: Vec<(String, String)> = expected
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let other = |(name, _): &(String, String)| name != "content-length";
    let mut came = response.sorted_headers();
    match &expected.body {
        // In HTTP/2 the end of the headers can say it.
        Some(body) if body.is_empty() && matches!(protocol, Protocol::Http2) => came.retain(other),
        Some(body) => headers.push(("content-length".into(), body.len().to_string())),
        None => came.retain(other),
    }
    headers.sort();
    assert_eq!(response.status, expected.status, "{step}: {response:?}");
    assert_eq!(came, headers, "{step}");
    if let Some(body) = expected.body {
        assert_eq!(response.body, body, "{step}");
    }
}
