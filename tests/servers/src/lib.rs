//! Redis and Valkey servers for tests: one server, a cluster, a Sentinel trio, TLS; and tools that break them.
//!
//! Every server runs on a free port (never 6379) in a temporary folder. It is killed when its handle is dropped,
//! and also when the test process dies in any other way; any number of test processes run side by side.
//! Administration goes through a Unix socket, past TLS, passwords and proxies, and can be told apart from the
//! traffic that a test measures.
//!
//! ```no_run
//! use tidegate_test_servers::Server;
//!
//! let server = Server::start()?;
//! println!("connect to {}", server.url());
//! server.freeze()?;
//! // ... what does a client see of a server that hangs?
//! server.thaw()?;
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! Nothing here installs anything by itself: a test whose server is missing fails, and names the command that
//! installs it ([`INSTALL_COMMAND`]).

mod cluster;
mod find;
mod front;
mod install;
mod port;
mod process;
mod proxy;
mod sentinel;
mod server;
mod tls;
pub mod wait;

pub use cluster::{Cluster, Move};
pub use find::{Flavor, INSTALL_COMMAND, find};
pub use install::{Installed, install};
pub use proxy::{Direction, Proxy, Traffic};
pub use sentinel::Sentinels;
pub use server::{Admin, Options, Server, Stats};
pub use tls::{Authority, Identity};
