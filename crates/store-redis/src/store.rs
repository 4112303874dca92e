//! The store: requests become calls, and failures become errors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::Value;
use smallvec::SmallVec;
use tidegate_core::{Decision, Rule, Subject, decide};
use tidegate_store::{Capabilities, ErrorKind, Request, Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::codec::{self, encode_refund, encode_rules};
use crate::dispatch::{self, Context, Waiting};
use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::key::Names;
use crate::script::{MOST_RULES, Name, Shape};
use crate::server::Server;
use crate::server_time::ServerTime;
use crate::{Builder, ConfigError};

/// Counts in Redis or Valkey. See the [crate](crate)'s documentation.
pub struct RedisStore {
    pub(crate) fleet: Fleet,
    pub(crate) names: Names,
    pub(crate) nodes_key: Vec<u8>,
    pub(crate) generation_key: Vec<u8>,
    pub(crate) server_time: ServerTime,
    pub(crate) context: Arc<Context>,
}

/// How a store is, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its servers, one by one.
    pub servers: Vec<ServerStatus>,
    /// How many records were found to be something else so far, and were begun anew.
    pub repaired: u64,
    /// How many calls are waiting for an answer.
    pub in_flight: usize,
}

/// How one server is, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerStatus {
    /// Host and port, or the path of a socket.
    pub address: String,
    /// For how long it has not been asked because it does not work; `None` while it is asked.
    pub open_for: Option<Duration>,
    /// How often it was given up so far.
    pub opened: u64,
}

impl RedisStore {
    /// A store with the default settings.
    ///
    /// # Errors
    ///
    /// If the address is wrong. That nothing listens there is no error: the store connects when it is first needed.
    pub fn connect(url: &str) -> Result<Self, ConfigError> {
        Self::builder(url).build()
    }

    /// Makes a store with other settings.
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    /// How it is.
    pub fn status(&self) -> Status {
        let servers = self.fleet.servers();
        let status = |server: &Arc<Server>| ServerStatus {
            address: server.name().to_owned(),
            open_for: server.health().open_for(),
            opened: server.health().opened(),
        };
        Status {
            servers: servers.iter().map(status).collect(),
            repaired: self.context.tally.repaired_so_far(),
            in_flight: self.fleet.in_flight(),
        }
    }

    async fn ask(&self, request: &Request<'_>, looks: bool) -> Result<Decision, Failure> {
        if request.rules.is_empty() {
            return Ok(decide(
                &[],
                &mut [],
                request.cost,
                tidegate_core::Timestamp::EPOCH,
            ));
        }
        if request.rules.len() > MOST_RULES {
            return Err(too_many_rules(request.rules.len()));
        }
        let keys = self.names.records(request.subject, request.rules);
        let slot = self.fleet.slot_of(keys.subject());
        let permit = self.permit(slot)?;
        let deadline = Instant::now() + self.context.deadline;
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            keys,
            slot,
            rules: SmallVec::from_slice(request.rules),
            cost: request.cost,
            looks,
            answer,
            permit,
        };
        self.fleet.push(waiting, deadline).await?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(decision)) => decision,
            Ok(Err(_)) => Err(dispatch::dropped()),
            Err(_) => Err(self.late()),
        }
    }

    /// The right to have one more call under way.
    pub(crate) fn permit(&self, slot: u16) -> Result<OwnedSemaphorePermit, Failure> {
        if Handle::try_current().is_err() {
            return Err(Failure::local(
                ErrorKind::Internal,
                "a redis store was called outside a tokio runtime: call it inside one",
            ));
        }
        self.fleet.permit(slot)
    }

    fn late(&self) -> Failure {
        Failure::late(self.fleet.name(), self.context.deadline)
    }

    /// Makes one call of its own, on keys of one slot.
    pub(crate) async fn run(
        &self,
        script: Name,
        shape: Shape,
        keys: Vec<&[u8]>,
        args: &[&[u8]],
    ) -> Result<Value, Failure> {
        let slot = keys.first().map_or(0, |key| self.fleet.slot_of(key));
        let _permit = self.permit(slot)?;
        let call = self.context.scripts.call(script, shape, keys, args);
        let deadline = Instant::now() + self.context.deadline;
        self.fleet.run(call, slot, deadline).await
    }

    async fn give_back(&self, request: &Request<'_>, decision: &Decision) -> Result<(), Failure> {
        if !decision.is_allowed() || decision.cost() == 0 {
            return Ok(());
        }
        let (charged, arguments) = encode_refund(request.rules, decision);
        self.change(Name::Refund, request.subject, &charged, &arguments)
            .await
    }

    async fn forget(&self, request: &Request<'_>) -> Result<(), Failure> {
        let arguments = encode_rules(request.rules);
        self.change(Name::Reset, request.subject, request.rules, &arguments)
            .await
    }

    /// Changes one subject's records.
    async fn change(
        &self,
        script: Name,
        subject: Subject<'_>,
        rules: &[Rule],
        arguments: &[u8],
    ) -> Result<(), Failure> {
        if rules.is_empty() {
            return Ok(());
        }
        if rules.len() > MOST_RULES {
            return Err(too_many_rules(rules.len()));
        }
        let keys = self.names.records(subject, rules);
        let keys: Vec<&[u8]> = keys.iter().collect();
        let value = self
            .run(script, Shape::of(rules), keys, &[arguments])
            .await?;
        let Some((_, repaired)) = codec::time_and_number(&value) else {
            return Err(Failure::nonsense(
                self.fleet.name(),
                "not a time and a number",
            ));
        };
        self.context.tally.repaired(repaired);
        Ok(())
    }
}

pub(crate) fn too_many_rules(rules: usize) -> Failure {
    Failure::local(
        ErrorKind::Unsupported,
        format!(
            "a request under {rules} policies: redis takes at most {MOST_RULES} in one request"
        ),
    )
}

#[async_trait]
impl Store for RedisStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_policies: Some(MOST_RULES),
            deadline: Some(self.context.deadline),
            ..Capabilities::EXACT
        }
    }

    fn try_acquire(&self, _request: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        None
    }

    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        Ok(self.ask(request, false).await?)
    }

    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
        Ok(self.ask(request, true).await?)
    }

    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
        Ok(self.give_back(request, decision).await?)
    }

    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
        Ok(self.forget(request).await?)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
