//! One long-lived connection: opened when it is first needed, replaced when it is broken.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tidegate_store::ErrorKind;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::{Connector, Link};
use crate::failure::Failure;

/// After so many calls in a row without an answer in time, a connection is replaced: what a network swallowed stays
/// swallowed for seconds on an old connection, while a new one works at once.
const TIMEOUTS_IN_A_ROW: u32 = 2;

/// One place for a connection.
pub(crate) struct Lane {
    slot: Mutex<Slot>,
}

struct Slot {
    state: State,
    /// Counts the connections, so that what happened to an old one is not held against its successor.
    number: u64,
    timeouts: u32,
}

enum State {
    Vacant,
    Opening(Opening),
    Open(Link),
}

/// A connection that is being opened by a task of its own: a caller that gives up does not stop it.
type Opening = Shared<BoxFuture<'static, Result<Link, Failure>>>;

/// A connection, and which of a lane's connections it is.
pub(crate) struct Leased {
    pub(crate) link: Link,
    number: u64,
}

impl Lane {
    pub(crate) const fn new() -> Self {
        let slot = Slot {
            state: State::Vacant,
            number: 0,
            timeouts: 0,
        };
        Self {
            slot: Mutex::new(slot),
        }
    }

    /// The connection, opened if there is none.
    pub(crate) async fn lease(
        &self,
        connector: &Arc<Connector>,
        deadline: Instant,
    ) -> Result<Leased, Failure> {
        let (opening, number) = {
            let mut slot = self.slot.lock();
            let opening = match &slot.state {
                State::Open(link) => {
                    return Ok(Leased {
                        link: link.clone(),
                        number: slot.number,
                    });
                }
                State::Opening(opening) => opening.clone(),
                State::Vacant => slot.begin(open(connector)),
            };
            (opening, slot.number)
        };
        let Ok(opened) = timeout_at(deadline, opening).await else {
            return Err(Failure::not_connected(connector.name(), "the deadline"));
        };
        let mut slot = self.slot.lock();
        let is_first = slot.number == number && matches!(slot.state, State::Opening(_));
        match opened {
            Ok(link) => {
                if is_first {
                    slot.state = State::Open(link.clone());
                }
                Ok(Leased { link, number })
            }
            Err(failure) => {
                if is_first {
                    slot.state = State::Vacant;
                }
                Err(failure)
            }
        }
    }

    /// Whether calls may be expected to be answered on it.
    pub(crate) fn is_sound(&self) -> bool {
        let slot = self.slot.lock();
        matches!(slot.state, State::Open(_)) && slot.timeouts == 0
    }

    /// Takes note of how a call on a connection ended.
    pub(crate) fn settle<T>(&self, leased: &Leased, result: &Result<T, Failure>) {
        let mut slot = self.slot.lock();
        if slot.number != leased.number {
            return;
        }
        match result {
            Err(failure) if failure.severs => slot.clear(),
            Err(failure) if failure.kind == ErrorKind::Timeout => {
                slot.timeouts += 1;
                if slot.timeouts >= TIMEOUTS_IN_A_ROW {
                    slot.clear();
                }
            }
            _ => slot.timeouts = 0,
        }
    }

    /// Puts a connection in place of the one there is.
    pub(crate) fn replace(&self, link: Link) {
        let mut slot = self.slot.lock();
        slot.clear();
        slot.state = State::Open(link);
    }

    /// Gives the connection up.
    pub(crate) fn clear(&self) {
        self.slot.lock().clear();
    }
}

impl Slot {
    fn begin(&mut self, opening: Opening) -> Opening {
        self.clear();
        self.state = State::Opening(opening.clone());
        opening
    }

    fn clear(&mut self) {
        self.state = State::Vacant;
        self.number += 1;
        self.timeouts = 0;
    }
}

/// Ends the task when nobody waits for it any more.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        self.0.poll_unpin(cx)
    }
}

fn open(connector: &Arc<Connector>) -> Opening {
    let connector = Arc::clone(connector);
    let task = AbortOnDrop(tokio::spawn(async move { connector.open().await }));
    async move {
        task.await.unwrap_or_else(|_| {
            Err(Failure::local(
                ErrorKind::Unavailable,
                "the runtime stopped while a connection was opened",
            ))
        })
    }
    .boxed()
    .shared()
}
