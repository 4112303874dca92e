//! A blocking HTTP/1.1 client over one connection: it sends what it is told, and shows all that comes back.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::runtime::Builder;

/// After this long without an answer a test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many bytes of a body go into a chunk: few, so that there are many.
const CHUNK: usize = 7;

/// What to send. Names and values of headers are bytes, since not everything that is sent is text.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) host: &'static str,
    is_old: bool,
}

impl Request {
    /// With a method and a path.
    pub fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
            host: "test",
            is_old: false,
        }
    }

    /// A `GET`.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// With one more header line.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let (name, value) = (name.as_ref().into(), value.as_ref().into());
        self.headers.push((name, value));
        self
    }

    /// To another host than `test`.
    #[must_use]
    pub fn host(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    /// With a body whose length is not told in advance: in chunks, or in HTTP/2's frames.
    #[must_use]
    pub fn chunked(self, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    /// In HTTP/1.0: without a host, and with a body whose length is told.
    #[must_use]
    pub fn http_1_0(self) -> Self {
        Self {
            is_old: true,
            ..self
        }
    }

    /// As it goes over the wire in HTTP/1.1, unless it is to be in HTTP/1.0.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.", self.method, self.target);
        if self.is_old {
            head += "0\r\n";
        } else {
            head += &format!("1\r\nhost: {}\r\n", self.host);
        }
        let mut bytes = head.into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name, b": ".as_slice(), value, b"\r\n"].concat());
        }
        if self.body.is_empty() {
            bytes.extend(b"\r\n");
            return bytes;
        }
        if self.is_old {
            let length = format!("content-length: {}\r\n\r\n", self.body.len());
            bytes.extend(length.as_bytes());
            bytes.extend(&self.body);
            return bytes;
        }
        bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
        for chunk in self.body.chunks(CHUNK) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend([chunk, b"\r\n"].concat());
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers in the order of their arrival, names as they were sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Response {
    /// The value of the only header of this name; `None` if there is none.
    ///
    /// # Panics
    ///
    /// If there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other == name);
        let first = found.next();
        assert!(found.next().is_none(), "{name} is there twice: {self:?}");
        first.map(|(_, value)| value.as_str())
    }

    /// The headers, sorted, without those that tell the time.
    pub fn sorted_headers(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        headers.retain(|(name, _)| name != "date");
        headers.sort();
        headers
    }
}

/// A connection that is kept alive.
#[derive(Debug)]
pub struct Client {
    connection: BufReader<TcpStream>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If nobody listens.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(address)?)
    }

    /// Connects from an address of its own, one of the loopback's.
    ///
    /// # Errors
    ///
    /// If nobody listens, or the address is not this machine's.
    pub fn connect_from(from: impl Into<IpAddr>, address: SocketAddr) -> io::Result<Self> {
        Self::over(connect_from(from.into(), address)?)
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            connection: BufReader::new(stream),
        })
    }

    /// Sends a request, and reads its response.
    ///
    /// # Errors
    ///
    /// If the connection ends, or what comes is not HTTP.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        self.connection.get_mut().write_all(&request.bytes())?;
        let status = self.status()?;
        let headers = self.headers()?;
        let mut response = Response {
            status,
            headers,
            body: String::new(),
        };
        if request.method != "HEAD" {
            response.body = self.body(&response)?;
        }
        Ok(response)
    }

    /// Sends bytes as they are, and reads all that comes until the server has no more to say.
    ///
    /// # Errors
    ///
    /// If the server says nothing for too long.
    pub fn converse(mut self, bytes: &[u8]) -> io::Result<String> {
        let stream = self.connection.get_mut();
        stream.write_all(bytes)?;
        stream.shutdown(Shutdown::Write)?;
        let mut all = Vec::new();
        match self.connection.read_to_end(&mut all) {
            // A server may leave without having read all.
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => return Err(error),
            _ => {}
        }
        Ok(String::from_utf8_lossy(&all).into_owned())
    }

    /// The connection, to speak something else than HTTP.
    pub fn into_inner(self) -> BufReader<TcpStream> {
        self.connection
    }

    fn status(&mut self) -> io::Result<u16> {
        let line = self.line()?;
        let code = line
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| line.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3));
        code.and_then(|code| code.parse().ok())
            .ok_or_else(|| malformed(&line))
    }

    fn headers(&mut self) -> io::Result<Vec<(String, String)>> {
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(headers);
            }
            let (name, value) = line.split_once(": ").ok_or_else(|| malformed(&line))?;
            headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// A body of a known length; that is all that the servers under test send.
    fn body(&mut self, response: &Response) -> io::Result<String> {
        let length = response.header("content-length").unwrap_or("0");
        let length: usize = length.parse().map_err(|_| malformed(length))?;
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body)?;
        String::from_utf8(body).map_err(|error| malformed(&error.to_string()))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.connection.read_line(&mut line)?;
        line.strip_suffix("\r\n")
            .map(str::to_owned)
            .ok_or_else(|| malformed(&line))
    }
}

fn connect_from(from: IpAddr, address: SocketAddr) -> io::Result<TcpStream> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(address).await?.into_std()
    })?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {what:?}"))
}
