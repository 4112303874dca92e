//! Commands to a server through its Unix socket, where neither TLS nor a client's password is in the way.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use redis::{
    Cmd, Connection, ConnectionAddr, FromRedisValue, IntoConnectionInfo, RedisConnectionInfo,
    RedisResult,
};

use super::options::ADMIN;
use super::stats::Stats;

/// How long a server that runs and is not stopped may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One administrator's connection, kept open: what it does is one connection in the server's statistics.
pub struct Admin {
    socket: PathBuf,
    connection: Mutex<Option<Connection>>,
}

impl Admin {
    pub(super) const fn new(socket: PathBuf) -> Self {
        Self {
            socket,
            connection: Mutex::new(None),
        }
    }

    /// Runs a command, given as words: `["CONFIG", "SET", "maxmemory", "1"]`.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, or answers with an error, or with another type than expected.
    pub fn run<T: FromRedisValue>(&self, words: &[&str]) -> Result<T> {
        let mut command = Cmd::new();
        for word in words {
            command.arg(*word);
        }
        self.run_command(&command).with_context(|| words.join(" "))
    }

    /// Runs a command whose arguments are not all text.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        let mut slot = self.lock();
        if let Some(kept) = slot.take() {
            match query(command, kept, &mut slot) {
                // Closed by the server since the last command, as on a change of roles.
                Err(error) if error.is_io_error() && !error.is_timeout() => {}
                answer => return Ok(answer?),
            }
        }
        Ok(query(command, self.connect()?, &mut slot)?)
    }

    /// Forgets everything in all databases.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn flush_all(&self) -> Result<()> {
        self.run(&["FLUSHALL"])
    }

    /// Forgets all scripts.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn flush_scripts(&self) -> Result<()> {
        self.run(&["SCRIPT", "FLUSH"])
    }

    /// Changes a setting.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn set(&self, name: &str, value: &str) -> Result<()> {
        self.run(&["CONFIG", "SET", name, value])
    }

    /// Leaves every client waiting for its answers until the time is over, administrators included.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn pause_clients(&self, time: Duration) -> Result<()> {
        self.run(&["CLIENT", "PAUSE", &time.as_millis().to_string(), "ALL"])
    }

    /// Makes it a replica of another, or a primary again if there is none.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn replicate(&self, primary: Option<u16>) -> Result<()> {
        match primary {
            Some(port) => self.run(&["REPLICAOF", "127.0.0.1", &port.to_string()]),
            None => self.run(&["REPLICAOF", "NO", "ONE"]),
        }
    }

    /// Every key of the first database.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn keys(&self) -> Result<Vec<Vec<u8>>> {
        self.run(&["KEYS", "*"])
    }

    /// What it has done so far: connections, commands, calls by command.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn stats(&self) -> Result<Stats> {
        Ok(Stats::parse(&self.run::<String>(&["INFO", "everything"])?))
    }

    pub(super) fn ping(&self) -> Result<()> {
        self.run::<String>(&["PING"]).map(drop)
    }

    /// Sends a command on a connection of its own and does not wait for the answer.
    pub(super) fn send_only(&self, command: &Cmd) -> Result<()> {
        Ok(self
            .connect()?
            .send_packed_command(&command.get_packed_command())?)
    }

    /// Closes the connection, as after the server's end.
    pub(super) fn disconnect(&self) {
        *self.lock() = None;
    }

    fn connect(&self) -> Result<Connection> {
        let user = RedisConnectionInfo::default()
            .set_username(ADMIN)
            // The user has none, and takes any.
            .set_password("any")
            .set_skip_set_lib_name();
        let info = ConnectionAddr::Unix(self.socket.clone())
            .into_connection_info()?
            .set_redis_settings(user);
        let connection = redis::Client::open(info)?.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        Ok(connection)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks on a connection, and keeps it unless the next command could read what belongs to this one.
fn query<T: FromRedisValue>(
    command: &Cmd,
    mut connection: Connection,
    keep: &mut Option<Connection>,
) -> RedisResult<T> {
    let answer = command.query(&mut connection);
    if !matches!(&answer, Err(error) if error.is_io_error() || error.is_timeout()) {
        *keep = Some(connection);
    }
    answer
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}
