//! One open connection to one server, and calls on it.

use std::sync::Arc;

use deadpool_redis::Connection;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value};

use crate::script::{Call, Scripts};

/// An open connection. Clones share it; it is closed when the last one is gone.
#[derive(Clone)]
pub(crate) struct Link {
    connection: MultiplexedConnection,
    _held: Arc<Held>,
}

/// What the pool counts. A connection that is given up is broken or no longer wanted, so it never goes back.
struct Held(Option<Connection>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Connection::take(connection));
        }
    }
}

impl Link {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection: (*connection).clone(),
            _held: Arc::new(Held(Some(connection))),
        }
    }

    /// Calls a script. A server that does not know it gets its text, once.
    pub(crate) async fn call(&self, scripts: &Scripts, call: &Call) -> Result<Value, RedisError> {
        match self.send(&call.command, call.asking).await {
            Err(error) if is_unknown_script(&error) => {
                self.send(&scripts.with_text(call), call.asking).await
            }
            answer => answer,
        }
    }

    /// Sends a command, right behind an `ASKING` if a slot is asked for that is on its way.
    pub(crate) async fn send(&self, command: &Cmd, asking: bool) -> Result<Value, RedisError> {
        // Cloning is what makes a call of one's own: the clones share the connection.
        let mut connection = self.connection.clone();
        let answer = if asking {
            let mut both = redis::pipe();
            both.cmd("ASKING").ignore().add_command(command.clone());
            let answers = connection.send_packed_commands(&both, 1, 1).await?;
            answers.into_iter().next().unwrap_or(Value::Nil)
        } else {
            connection.send_packed_command(command).await?
        };
        answer.extract_error()
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == redis::ErrorKind::Server(redis::ServerErrorKind::NoScript)
}
