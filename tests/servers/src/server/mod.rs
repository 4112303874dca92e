//! One server: started, spoken to, broken and stopped.

mod admin;
mod clock;
mod options;
mod stats;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

pub use self::admin::Admin;
pub use self::options::Options;
pub(crate) use self::options::Role;
pub use self::stats::Stats;
use crate::front::Front;
use crate::port::Port;
use crate::process::{Home, Process};
use crate::wait::{State, until};

/// How often another port is tried when something else took the one that was free a moment ago.
const PORT_TRIES: usize = 20;

const LOG: &str = "log";

/// A running Redis or Valkey server. Dropping it stops it and removes its folder.
///
/// It keeps nothing on disk: started again after [`kill`](Self::kill), it is empty.
#[derive(Debug)]
pub struct Server {
    options: Options,
    program: PathBuf,
    port: Port,
    front: Option<Front>,
    process: Mutex<Option<Process>>,
    admin: Admin,
    home: Arc<Home>,
}

impl Server {
    /// A server with nothing special about it.
    ///
    /// # Errors
    ///
    /// If no server is installed, with the command that installs it; or if it does not start, with its log.
    pub fn start() -> Result<Self> {
        Options::new().start()
    }

    fn start_with(options: &Options) -> Result<Self> {
        let mut options = options.clone();
        for _ in 0..PORT_TRIES {
            let mut server = Self::new(options.clone())?;
            match server.launch()? {
                Launch::Ready => {
                    server.begin_front()?;
                    return Ok(server);
                }
                Launch::WithoutTls => options.needs_front = true,
                Launch::PortTaken => {}
            }
        }
        bail!(
            "{PORT_TRIES} ports were taken by other programs before the server could listen on them"
        )
    }

    fn new(options: Options) -> Result<Self> {
        let home = Home::new()?;
        let port = Port::reserve()?;
        options.write_files(home.path(), port.number())?;
        if options.steps_clock() {
            clock::prepare(home.path())?;
        }
        Ok(Self {
            program: options.flavor.program()?,
            process: Mutex::new(None),
            admin: Admin::new(options.socket(home.path())),
            front: None,
            options,
            port,
            home,
        })
    }

    fn begin_front(&mut self) -> Result<()> {
        if let Some(identity) = self.options.front() {
            let socket = self.options.socket(self.home.path());
            self.front = Some(Front::start(self.address(), identity, socket)?);
        }
        Ok(())
    }

    fn launch(&self) -> Result<Launch> {
        let mut command = Command::new(&self.program);
        command.arg(options::FILE).args(self.options.arguments());
        if self.options.steps_clock() {
            clock::load(&mut command, self.home.path());
        }
        *self.lock() = Some(Process::start(&mut command, &self.home, LOG)?);
        let mut launch = Launch::Ready;
        until("a server to answer", || {
            if let Some(process) = self.lock().as_mut()
                && let Some(status) = process.exited()?
            {
                let log = self.log();
                launch = Launch::of(&log)
                    .with_context(|| format!("the server ended with {status}:\n{log}"))?;
                return Ok(State::Holds);
            }
            Ok(self.admin.ping().into())
        })
        .with_context(|| self.log())?;
        Ok(launch)
    }

    /// The port that it listens on, with TLS if it has that.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// The URL of it for a client: without user or password.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme(), self.port())
    }

    /// The URL with credentials.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        with_credentials(&self.url(), user, password)
    }

    pub(crate) const fn scheme(&self) -> &'static str {
        if self.options.has_tls() {
            "rediss"
        } else {
            "redis"
        }
    }

    /// Commands to the server, past TLS, passwords and proxies.
    pub const fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The folder that it runs in.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join(LOG)).unwrap_or_default()
    }

    /// Stops it in its tracks (SIGSTOP): the kernel still accepts connections and bytes, and nobody answers.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`freeze`](Self::freeze): it first answers everything that arrived meanwhile.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills it (SIGKILL): its connections are reset, new ones are refused. Nobody else gets its port.
    pub fn kill(&self) {
        drop(self.lock().take());
        self.admin.disconnect();
    }

    /// Starts it after [`kill`](Self::kill): empty, on the same port.
    ///
    /// # Errors
    ///
    /// If it runs already, or does not start.
    pub fn start_again(&self) -> Result<()> {
        ensure!(self.lock().is_none(), "the server runs already");
        // What it logged before would hide why it does not start now.
        std::fs::write(self.home.path().join(LOG), "")?;
        ensure!(
            self.launch()? == Launch::Ready,
            "port {} was taken by another program while the server was down",
            self.port()
        );
        Ok(())
    }

    /// Kills it and starts it, empty, on the same port.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn restart_empty(&self) -> Result<()> {
        self.kill();
        self.start_again()
    }

    /// Keeps it busy, so that it answers nobody. Returns before that is over.
    ///
    /// # Errors
    ///
    /// If it cannot be told.
    pub fn keep_busy(&self, time: Duration) -> Result<()> {
        self.admin.send_only(
            redis::cmd("DEBUG")
                .arg("SLEEP")
                .arg(format!("{}", time.as_secs_f64())),
        )
    }

    /// Lets it save its data and load it again (`DEBUG RELOAD`). Returns before that is over: for so long as loading
    /// takes, which `key-load-delay` stretches, it answers nobody but with LOADING.
    ///
    /// # Errors
    ///
    /// If it cannot be told.
    pub fn reload(&self) -> Result<()> {
        self.admin.send_only(redis::cmd("DEBUG").arg("RELOAD"))
    }

    /// Lets it run a script that never ends, until `SCRIPT KILL`. Returns when it has begun.
    ///
    /// # Errors
    ///
    /// If it does not begin.
    pub fn run_endless_script(&self) -> Result<()> {
        self.admin
            .send_only(redis::cmd("EVAL").arg("while true do end").arg(0))?;
        until("the server to be busy", || {
            let busy = self.admin.ping().err().is_some_and(|error| {
                let code = error.downcast_ref::<redis::RedisError>();
                code.and_then(redis::RedisError::code) == Some("BUSY")
            });
            Ok(State::of(busy, || "it still answers".to_owned()))
        })
    }

    /// Sets its wall clock so many seconds ahead of the machine's; it must have been started with
    /// [`Options::stepping_clock`].
    ///
    /// # Errors
    ///
    /// If it was not, or the step cannot be written.
    pub fn step_clock(&self, seconds: i64) -> Result<()> {
        ensure!(self.options.steps_clock(), "its clock cannot be stepped");
        clock::step(self.home.path(), seconds)
    }

    /// Its process, for tools that need to know.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn process_id(&self) -> Result<u32> {
        Ok(self
            .lock()
            .as_ref()
            .context("the server does not run")?
            .id())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.lock();
        process
            .as_ref()
            .context("the server does not run")?
            .signal(signal)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A URL with a user and a password for what it leads to.
pub(crate) fn with_credentials(url: &str, user: &str, password: &str) -> String {
    url.replacen("://", &format!("://{user}:{password}@"), 1)
}

/// How a start went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Launch {
    Ready,
    PortTaken,
    /// The server was built without TLS.
    WithoutTls,
}

impl Launch {
    /// Why a server ended at once, if another try can help.
    fn of(log: &str) -> Option<Self> {
        if log.contains("Address already in use") {
            Some(Self::PortTaken)
        } else if log.contains("Failed finding TLS support") || log.contains("'tls-port") {
            Some(Self::WithoutTls)
        } else {
            None
        }
    }
}

impl Options {
    /// Starts a server with these options.
    ///
    /// # Errors
    ///
    /// If it is not installed, with the command that installs it; or if it does not start, with its log.
    pub fn start(&self) -> Result<Server> {
        Server::start_with(self)
    }
}
