//! The load: many connections, each with one request on its way, from one thread.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::contestants::Answer;
use super::server::CPU_TIME;

const CONNECTIONS: usize = 64;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n";

/// Connections that are kept open.
pub struct Crowd {
    connections: Vec<TcpStream>,
    /// What has been read of a response.
    response: Vec<u8>,
}

/// What a number of requests took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// From the first request to the last response.
    pub time: Duration,
    /// Of the server's processor.
    pub cpu: Duration,
    /// How many requests there were.
    pub requests: usize,
}

impl Took {
    /// Requests in a second.
    pub fn per_second(self) -> f64 {
        self.requests as f64 / self.time.as_secs_f64()
    }

    /// Microseconds of the server's processor that a request took.
    pub fn cpu_each(self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests as f64
    }
}

impl Crowd {
    /// Connects to a server that is to give this answer.
    pub fn connect(address: SocketAddr, answer: Answer) -> Result<Self> {
        if answer == Answer::Denied {
            // The one that is allowed.
            once(address)?;
        }
        let connect = |_| {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            anyhow::Ok(stream)
        };
        Ok(Self {
            connections: (0..CONNECTIONS).map(connect).collect::<Result<_>>()?,
            response: Vec::with_capacity(4096),
        })
    }

    /// Sends at least that many requests, each of which must be answered with this status, and says what they took.
    pub fn measure(&mut self, requests: usize, status: &str) -> Result<Took> {
        let cpu = self.cpu_time()?;
        let began = Instant::now();
        let requests = self.send(requests, status)?;
        let time = began.elapsed();
        Ok(Took {
            time,
            cpu: self.cpu_time()?.saturating_sub(cpu),
            requests,
        })
    }

    /// Sends at least that many requests, each of which must be answered with this status; returns how many.
    pub fn send(&mut self, requests: usize, status: &str) -> Result<usize> {
        let turns = requests.div_ceil(CONNECTIONS);
        for _ in 0..turns {
            for connection in &mut self.connections {
                connection.write_all(REQUEST)?;
            }
            for connection in &mut self.connections {
                read_response(connection, &mut self.response)?;
                let answer = &self.response[..];
                let line = answer.strip_prefix(b"HTTP/1.1 ");
                ensure!(
                    line.is_some_and(|line| line.starts_with(status.as_bytes())),
                    "not a {status}: {}",
                    String::from_utf8_lossy(answer)
                );
            }
        }
        Ok(turns * CONNECTIONS)
    }

    /// The processor time that the server has taken so far.
    fn cpu_time(&mut self) -> Result<Duration> {
        let connection = self.connections.first_mut().context("there are some")?;
        let request = format!("GET {CPU_TIME} HTTP/1.1\r\nhost: bench\r\n\r\n");
        connection.write_all(request.as_bytes())?;
        let body = read_response(connection, &mut self.response)?;
        let nanos = std::str::from_utf8(&self.response[body..])?;
        Ok(Duration::from_nanos(nanos.parse()?))
    }
}

/// Sends one request over a connection of its own, whatever its answer is.
fn once(address: SocketAddr) -> Result<()> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(REQUEST)?;
    read_response(&mut connection, &mut Vec::new())?;
    Ok(())
}

/// Reads one response; says where its body begins.
fn read_response(connection: &mut TcpStream, response: &mut Vec<u8>) -> Result<usize> {
    response.clear();
    loop {
        let mut part = [0; 2048];
        let read = connection.read(&mut part)?;
        ensure!(read > 0, "the server left");
        response.extend_from_slice(&part[..read]);
        if let Some(body) = find(response, b"\r\n\r\n") {
            let body = body + 4;
            if response.len() >= body + length(&response[..body])? {
                return Ok(body);
            }
        }
    }
}

fn length(head: &[u8]) -> Result<usize> {
    const NAME: &[u8] = b"content-length: ";
    let at = find(head, NAME).context("a response without its length")?;
    let value = head[at + NAME.len()..].split(|byte| *byte == b'\r').next();
    Ok(std::str::from_utf8(value.unwrap_or_default())?.parse()?)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_found_in_the_head() {
        let head = b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 15\r\n\r\n";
        assert_eq!(length(head).unwrap(), 15);
        assert!(length(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn figures_are_for_each_request() {
        let took = Took {
            time: Duration::from_secs(2),
            cpu: Duration::from_millis(500),
            requests: 100_000,
        };
        assert_eq!((took.per_second(), took.cpu_each()), (50_000.0, 5.0));
    }
}
