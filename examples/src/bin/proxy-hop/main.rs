//! A proxy to try things with: it appends the address that a request comes from to `X-Forwarded-For`, as proxies do, and passes
//! everything on.
//!
//! What comes next trusts it by the address that it connects from. One request per connection; no TLS, no timeouts: it is
//! no proxy for anything else.

mod head;
mod pass;

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::net::TcpListener;

/// A proxy that appends the address that a request comes from to X-Forwarded-For, and passes everything on.
#[derive(Clone, Debug, Parser)]
#[command(name = "proxy-hop")]
struct Flags {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,

    /// What to pass requests on to: the demo, or another proxy
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    to: SocketAddr,

    /// The address to connect from, one of this machine's; the system chooses if it is not given
    #[arg(long, value_name = "IP")]
    from: Option<IpAddr>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Flags { listen, to, from } = Flags::parse();
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| {
        format!("cannot listen on {listen}; give another address with --listen (port 0 takes a free one)")
    })?;
    println!(
        "listening on http://{}, passing on to {to}",
        listener.local_addr()?
    );
    loop {
        let (client, peer) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = pass::on(client, peer.ip(), from, to).await {
                eprintln!(
                    "a request of {} was not passed on to {to}: {error}",
                    peer.ip()
                );
            }
        });
    }
}
