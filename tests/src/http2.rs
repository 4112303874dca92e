//! A blocking client for HTTP/2 without TLS, spoken from the first byte on.

use std::io;
use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::{Request, Response};

/// A connection that is kept open.
#[derive(Debug)]
pub struct Http2Client {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
}

impl Http2Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If nobody listens, or what listens does not speak HTTP/2.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let sender = runtime.block_on(async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let io = TokioIo::new(stream);
            let handshake = http2::handshake(TokioExecutor::new(), io).await;
            let (sender, connection) = handshake.map_err(io::Error::other)?;
            tokio::spawn(connection);
            Ok::<_, io::Error>(sender)
        })?;
        Ok(Self { runtime, sender })
    }

    /// Sends a request, and reads its response.
    ///
    /// # Errors
    ///
    /// If the request cannot be said in HTTP/2, or there is no response.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        let request = translated(request)?;
        let answered = self.runtime.block_on(async {
            let response = self.sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            Ok::<_, hyper::Error>((head, body.collect().await?.to_bytes()))
        });
        let (head, body) = answered.map_err(io::Error::other)?;
        let headers = head.headers.iter().map(|(name, value)| {
            let value = value.to_str().map_err(io::Error::other)?;
            Ok((name.as_str().to_owned(), value.to_owned()))
        });
        Ok(Response {
            status: head.status.as_u16(),
            headers: headers.collect::<io::Result<_>>()?,
            body: String::from_utf8(body.to_vec()).map_err(io::Error::other)?,
        })
    }
}

fn translated(request: &Request) -> io::Result<hyper::Request<Full<Bytes>>> {
    let builder = hyper::Request::builder()
        .method(request.method)
        .uri(format!("http://{}{}", request.host, request.target));
    let body = Full::from(request.body.clone());
    let mut translated = builder.body(body).map_err(io::Error::other)?;
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name).map_err(io::Error::other)?;
        let value = HeaderValue::from_bytes(value).map_err(io::Error::other)?;
        translated.headers_mut().append(name, value);
    }
    Ok(translated)
}
